//! Finds what makes the answer of a SELECT change while no table changes: the clock, chance, the state of the session or of
//! the server. A detector sees none of these.
//!
//! SQL passes only where every function that it calls is known to compute from its arguments, from tables, and from
//! settings that are part of the entry key or are watched. A list of the functions to avoid was tried first: it missed
//! functions, spellings and versions.
//!
//! | file | contents |
//! | --- | --- |
//! | `functions.rs`, `*.txt` | the functions known to be deterministic, by dialect, and the words of the grammar |
//! | `moments.rs` | texts that a database reads as the current time |
//! | `tokens.rs` | the tokens of a statement |

mod functions;
mod moments;
#[cfg(test)]
mod tests;
mod tokens;

use super::{Dialect, Params, Value};
use tokens::Tokens;

pub(super) use functions::{is_deterministic, is_syntax};

/// Returns the first part of `sql` whose value no table decides, as it is written there, or `None`.
///
/// `known` tells of the names (in lower case) that may stand before a bracket besides the database's own functions: functions
/// of users, whose bodies are checked elsewhere, and names that the statement itself declares.
pub(super) fn volatile_part(
    sql: &str,
    dialect: Dialect,
    known: &dyn Fn(&str) -> bool,
) -> Option<String> {
    let tokens = Tokens::read(sql, dialect);
    (0..tokens.len())
        .find_map(|i| part_at(&tokens, i, known))
        .or_else(|| tokens.broken.then(|| "SQL that cannot be read".to_owned()))
}

/// Returns the text among `params` that the database would read as the current time, or `None`.
pub(super) fn volatile_value(params: &Params, dialect: Dialect) -> Option<String> {
    params
        .0
        .iter()
        .find(|(_, value)| has_moment(value, dialect))
        .map(|(name, _)| format!("the value of :{name}"))
}

fn has_moment(value: &Value, dialect: Dialect) -> bool {
    match value {
        Value::Text(text) => moments::names_moment(text, dialect),
        Value::List(values) => values.iter().any(|value| has_moment(value, dialect)),
        _ => false,
    }
}

fn part_at(tokens: &Tokens<'_>, i: usize, known: &dyn Fn(&str) -> bool) -> Option<String> {
    let dialect = tokens.dialect;
    let written = tokens.at(i)?.to_owned();
    if let Some(text) = tokens.string(i) {
        return moments::names_moment(&text, dialect).then_some(written);
    }
    if let Some(part) = moments::cast(tokens, i) {
        return Some(part);
    }
    let before = i.checked_sub(1).and_then(|i| tokens.at(i));
    if let Some(name) = tokens.name(i) {
        if moments::is_string_in_disguise(tokens, i) {
            return Some(written);
        }
        if tokens.is_called(i) && !is_no_call(tokens, i, &name) && !known(&name) {
            if !functions::is_deterministic(&name, dialect) {
                return Some(tokens.quoted_name(i).unwrap_or(&written).to_owned());
            }
            if let Some(part) = functions::lacks_arguments(tokens, i, &name)
                .then_some(written.clone())
                .or_else(|| moments::argument(tokens, i, &name))
            {
                return Some(part);
            }
        }
        let is_part = before == Some(".");
        if functions::stands_alone(tokens, i, &name, is_part) {
            return Some(written);
        }
        return None;
    }
    let next = || tokens.at(i + 1).unwrap_or_default();
    match (dialect, written.as_str()) {
        // A variable of the server.
        (Dialect::MySql | Dialect::MsSql, "@") if before == Some("@") => {
            Some(format!("@@{}", next()))
        }
        // A variable of the session, which another statement may have set.
        (Dialect::MySql, "@") if next() != "@" && !functions::is_assigned(tokens, i) => {
            Some(format!("@{}", next()))
        }
        // Where a row lies: `%%physloc%%`.
        (Dialect::MsSql, "%") if before == Some("%") => Some(format!("%%{}", next())),
        _ => None,
    }
}

/// Whether a name before a bracket is a keyword, a type, or is declared there.
fn is_no_call(tokens: &Tokens<'_>, i: usize, name: &str) -> bool {
    let before = i.checked_sub(1).and_then(|i| tokens.at(i));
    let declared =
        before.is_some_and(|word| ["::", "@"].contains(&word) || word.eq_ignore_ascii_case("as"));
    declared || before != Some(".") && tokens.is_bare(i) && functions::is_syntax(name)
}
