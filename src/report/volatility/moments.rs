//! Texts that a database reads as the current time: `'now'`, `'today 10:00'`, and texts that a statement puts together and
//! then makes a date of.
//!
//! A literal that becomes a date must be a plain date or time. What a column says is data, and not looked at.

use std::ops::Range;

use super::super::Dialect;
use super::functions::{is_deterministic, is_plain_word, is_syntax};
use super::tokens::Tokens;

/// Functions whose arguments are no text that becomes a date, though they stand within one.
const SKIPPED: [&str; 22] = [
    "count",
    "date",
    "date_bin",
    "date_part",
    "date_trunc",
    "datetime",
    "extract",
    "json_extract",
    "json_extract_path_text",
    "json_value",
    "jsonb_extract_path_text",
    "julianday",
    "make_date",
    "make_timestamp",
    "make_timestamptz",
    "str_to_date",
    "strftime",
    "timezone",
    "to_char",
    "to_date",
    "to_timestamp",
    "unixepoch",
];

/// Functions that make no text but of what is checked with them.
const CARRIED: [&str; 51] = [
    "abs",
    "age",
    "avg",
    "btrim",
    "cast",
    "ceil",
    "ceiling",
    "coalesce",
    "concat",
    "concat_ws",
    "first_value",
    "floor",
    "format",
    "generate_series",
    "greatest",
    "if",
    "ifnull",
    "iif",
    "instr",
    "lag",
    "last_value",
    "lead",
    "least",
    "left",
    "length",
    "lower",
    "lpad",
    "ltrim",
    "make_interval",
    "max",
    "min",
    "mod",
    "nth_value",
    "nullif",
    "position",
    "printf",
    "replace",
    "right",
    "round",
    "row_number",
    "rpad",
    "rtrim",
    "split_part",
    "strpos",
    "substr",
    "substring",
    "sum",
    "time",
    "timestamp",
    "trim",
    "unnest",
];

/// Types to which no text with the clock in it can be cast.
const SAFE: [&str; 47] = [
    "bigint",
    "bit",
    "bool",
    "boolean",
    "box",
    "bpchar",
    "bytea",
    "char",
    "character",
    "cidr",
    "circle",
    "decimal",
    "double",
    "float",
    "float4",
    "float8",
    "geography",
    "geometry",
    "hstore",
    "inet",
    "int",
    "int2",
    "int4",
    "int8",
    "integer",
    "interval",
    "json",
    "jsonb",
    "line",
    "macaddr",
    "money",
    "name",
    "numeric",
    "oid",
    "path",
    "point",
    "real",
    "regclass",
    "regconfig",
    "regproc",
    "regtype",
    "smallint",
    "text",
    "tsquery",
    "tsvector",
    "uuid",
    "varchar",
];

/// Types that are a date or a time.
const TEMPORAL: [&str; 13] = [
    "_date",
    "date",
    "datemultirange",
    "daterange",
    "datetime",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsmultirange",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
];

/// Whether a text may name the current time wherever it becomes a date.
pub(super) fn names_moment(text: &str, dialect: Dialect) -> bool {
    match dialect {
        Dialect::Postgres => words(text)
            .any(|word| ["now", "today", "tomorrow", "yesterday"].contains(&word.as_str())),
        Dialect::Sqlite => is_sqlite_moment(text) || words(text).any(|word| word == "now"),
        // No text is the current time there.
        Dialect::MySql | Dialect::MsSql => false,
    }
}

/// What SQLite's date functions read as the moment, or by the time zone of the process.
fn is_sqlite_moment(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    ["localtime", "now", "subsec", "subsecond", "utc"].contains(&text.as_str())
}

/// The runs of letters in a text, in lower case: a database ends a word of a date at any other character.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

fn is_plain(text: &str) -> bool {
    words(text).all(|word| is_plain_word(&word))
}

/// Whether the double-quoted name at `i` is a string to SQLite, which takes it for one where there is no such column.
pub(super) fn is_string_in_disguise(tokens: &Tokens<'_>, i: usize) -> bool {
    tokens.dialect == Dialect::Sqlite
        && tokens.at(i).is_some_and(|text| text.starts_with('"'))
        && tokens.quoted_name(i).is_some_and(is_sqlite_moment)
        && !tokens.is_called(i)
        && tokens.at(i + 1) != Some(".")
        && i.checked_sub(1).and_then(|i| tokens.at(i)) != Some(".")
}

/// What a cast at `i` may make the current time: `x::date`, `CAST(x AS date)`, `date 'x'`.
pub(super) fn cast(tokens: &Tokens<'_>, i: usize) -> Option<String> {
    let dialect = tokens.dialect;
    if dialect == Dialect::Postgres && tokens.at(i) == Some("::") {
        let kind = Target::of(tokens, i + 1);
        return kind.unclear(tokens, operand_before(tokens, i));
    }
    let at_zone = i > 0 && tokens.is(i - 1, "at");
    let typed =
        dialect == Dialect::Postgres && !at_zone && Target::of(tokens, i) == Target::Temporal;
    if typed {
        // `date 'x'`, `timestamp with time zone 'x'`, `timestamp(3) 'x'`.
        let mut at = i + 1;
        while ["with", "without", "time", "zone"]
            .iter()
            .any(|word| tokens.is(at, word))
        {
            at += 1;
        }
        if tokens.at(at) == Some("(") {
            at = tokens.closing(at) + 1;
        }
        let text = tokens.string(at)?;
        return (!is_plain(&text)).then(|| tokens.at(at).unwrap_or_default().to_owned());
    }
    let casts = tokens.is(i, "cast") || tokens.is(i, "try_cast") || tokens.is(i, "convert");
    if !casts || !tokens.is_called(i) || !matches!(dialect, Dialect::Postgres | Dialect::MySql) {
        return None;
    }
    let close = tokens.closing(i + 1);
    let mut at = i + 2;
    while at < close && !tokens.is(at, "as") && tokens.at(at) != Some(",") {
        if matches!(tokens.at(at), Some("(" | "[")) {
            at = tokens.closing(at);
        }
        at += 1;
    }
    if at >= close {
        return None;
    }
    Target::of(tokens, at + 1).unclear(tokens, i + 2..at)
}

/// What the arguments of a function at `i` may make the current time, where it makes a date of them.
pub(super) fn argument(tokens: &Tokens<'_>, i: usize, name: &str) -> Option<String> {
    let arguments = i + 2..tokens.closing(i + 1);
    match (tokens.dialect, name) {
        (Dialect::Postgres, "date" | "time" | "timestamp" | "timestamptz" | "timetz") => {
            operand(tokens, arguments)
        }
        (
            Dialect::Sqlite,
            "date" | "datetime" | "julianday" | "time" | "timediff" | "unixepoch",
        ) => operand(tokens, arguments),
        // What comes first is the format.
        (Dialect::Sqlite, "strftime") => {
            let first = arguments.clone().find(|at| tokens.at(*at) == Some(","));
            operand(tokens, first.unwrap_or(arguments.end)..arguments.end)
        }
        (
            Dialect::Postgres,
            "json_to_record" | "json_to_recordset" | "jsonb_to_record" | "jsonb_to_recordset",
        ) => typed_columns(tokens, tokens.closing(i + 1)),
        (Dialect::Postgres, "json_table" | "xmltable") => arguments
            .into_iter()
            .find(|at| Target::of(tokens, *at) == Target::Temporal)
            .map(|_| format!("a date that {name} makes")),
        (Dialect::MySql, "date") => time_of_day(tokens, arguments),
        (Dialect::MySql, "timestamp") if tokens.arguments(i) == 1 => time_of_day(tokens, arguments),
        _ => None,
    }
}

/// What in the columns that a record is given is no safe type: `... AS x(a int, d date)`, behind the bracket at `close`.
fn typed_columns(tokens: &Tokens<'_>, close: usize) -> Option<String> {
    let open = (close + 1..close + 6).find(|at| tokens.at(*at) == Some("("))?;
    let end = tokens.closing(open);
    let mut at = open;
    while at < end {
        if Target::of(tokens, at + 2) != Target::Safe {
            let column = tokens.at(at + 1).unwrap_or_default();
            return Some(format!("the record's column {column}"));
        }
        at += 1;
        while at < end && tokens.at(at) != Some(",") {
            if tokens.at(at) == Some("(") {
                at = tokens.closing(at);
            }
            at += 1;
        }
    }
    None
}

/// The type that a cast goes to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    /// One that no clock is in.
    Safe,
    Temporal,
    /// One of a user: a domain, a composite, an enumeration.
    Other,
}

impl Target {
    /// The type whose name begins at `i`.
    fn of(tokens: &Tokens<'_>, mut i: usize) -> Self {
        while tokens.at(i + 1) == Some(".") {
            i += 2;
        }
        let name = tokens.name(i).unwrap_or_default();
        let name = name.as_str();
        if TEMPORAL.contains(&name) {
            Self::Temporal
        } else if SAFE.contains(&name) {
            Self::Safe
        } else {
            Self::Other
        }
    }

    /// What makes a value of this type from a text that may be the clock.
    fn unclear(self, tokens: &Tokens<'_>, from: Range<usize>) -> Option<String> {
        match (self, tokens.dialect) {
            (Self::Temporal, Dialect::MySql) => time_of_day(tokens, from),
            (Self::Temporal, _) => operand(tokens, from),
            // An enumeration's labels are words; what is put together is not looked through.
            (Self::Other, Dialect::Postgres) if from.len() > 1 => joined(tokens, from),
            _ => None,
        }
    }
}

/// What `::` at `i` casts, through casts to text before it.
fn operand_before(tokens: &Tokens<'_>, i: usize) -> Range<usize> {
    let mut end = i;
    loop {
        let Some(last) = end.checked_sub(1) else {
            return 0..i;
        };
        let mut from = match tokens.at(last) {
            Some(")" | "]") => tokens.opening(last),
            _ => last,
        };
        // The function, or the array, before the bracket; strings that are joined; a name in parts.
        while let Some(before) = from.checked_sub(1) {
            let opens = matches!(tokens.at(from), Some("(" | "["));
            let name = tokens
                .name(before)
                .is_some_and(|name| !(tokens.is_bare(before) && is_syntax(&name)));
            let in_parts = tokens.at(before) == Some(".") || tokens.at(from) == Some(".");
            let joined = tokens.string(from).is_some() && tokens.string(before).is_some();
            if !(opens && name || in_parts || joined) {
                break;
            }
            from = before;
        }
        match from.checked_sub(1) {
            // A type, with what it is cast from before it.
            Some(cast) if tokens.at(cast) == Some("::") => end = cast,
            _ => return from..i,
        }
    }
}

/// What in a text that becomes a date is not plain.
fn operand(tokens: &Tokens<'_>, range: Range<usize>) -> Option<String> {
    let joins = range
        .clone()
        .any(|i| tokens.at(i) == Some("|") && tokens.at(i + 1) == Some("|"));
    let mut i = range.start;
    while i < range.end {
        let before = i.checked_sub(1).and_then(|i| tokens.at(i));
        let written = tokens.at(i).unwrap_or_default();
        if let Some(text) = tokens.string(i) {
            // What is compared, a path into a document, a time zone.
            let beside = before.is_some_and(|word| {
                ["=", "<", ">", "#", "like", "ilike", "zone"]
                    .contains(&word.to_lowercase().as_str())
            });
            if !beside && !is_plain(&text) {
                return Some(written.to_owned());
            }
        } else if joins && tokens.is_param(i) {
            return Some(format!("a text put together with {written}"));
        } else if let Some(name) = tokens.name(i) {
            let disguised = tokens.dialect == Dialect::Sqlite && written.starts_with('"');
            if disguised && joins && !is_plain(&name) {
                return Some(written.to_owned());
            }
            // A type that is also a function (`char`) is one behind AS and `::`.
            let is_type =
                before.is_some_and(|word| word == "::" || word.eq_ignore_ascii_case("as"));
            let is_function =
                is_deterministic(&name, tokens.dialect) || !(tokens.is_bare(i) && is_syntax(&name));
            if tokens.is_called(i) && !is_type && is_function {
                if SKIPPED.contains(&name.as_str()) {
                    let inside = i + 1..tokens.closing(i + 1);
                    // A format may hold letters that stand for themselves.
                    let quotes = name == "to_char"
                        && inside
                            .clone()
                            .any(|at| tokens.string(at).is_some_and(|text| text.contains('"')));
                    if quotes {
                        return Some(written.to_owned());
                    }
                    i = inside.end;
                } else if !CARRIED.contains(&name.as_str()) {
                    return Some(format!("a text that {written} makes"));
                }
            }
        }
        i += 1;
    }
    None
}

/// What in a text of a type that is not known is put together.
fn joined(tokens: &Tokens<'_>, range: Range<usize>) -> Option<String> {
    let joins = |i: usize| tokens.at(i) == Some("|") && tokens.at(i + 1) == Some("|");
    if range.clone().any(joins) {
        return operand(tokens, range);
    }
    None
}

/// What in a value that becomes a date is a time of day alone: MySQL and MariaDB add today's date.
fn time_of_day(tokens: &Tokens<'_>, range: Range<usize>) -> Option<String> {
    const MAKERS: [&str; 6] = [
        "addtime",
        "maketime",
        "sec_to_time",
        "subtime",
        "time",
        "timediff",
    ];
    range.clone().find_map(|i| {
        let name = tokens.name(i)?;
        let literal = name == "time" && tokens.string(i + 1).is_some();
        let made = tokens.is_called(i) && MAKERS.contains(&name.as_str());
        let cast = name == "time" && i > 0 && tokens.is(i - 1, "as");
        (literal || made || cast).then(|| format!("the date that {name} lacks"))
    })
}
