//! Finds constructs that the parser does not know, and says what stands for them while SQL is parsed: another operator,
//! or nothing. None of them names a relation or calls a function.

use super::Dialect;

/// Units of MySQL's INTERVAL and EXTRACT that hold two.
const DOUBLE_UNITS: [&str; 11] = [
    "DAY_HOUR",
    "DAY_MICROSECOND",
    "DAY_MINUTE",
    "DAY_SECOND",
    "HOUR_MICROSECOND",
    "HOUR_MINUTE",
    "HOUR_SECOND",
    "MINUTE_MICROSECOND",
    "MINUTE_SECOND",
    "SECOND_MICROSECOND",
    "YEAR_MONTH",
];

/// How many tokens from the one at `i` on are replaced, and by what.
pub(super) fn replacement(
    tokens: &[&str],
    i: usize,
    dialect: Dialect,
) -> Option<(usize, &'static str)> {
    let any = |at: usize, words: &[&str]| {
        tokens
            .get(at)
            .is_some_and(|token| words.iter().any(|word| token.eq_ignore_ascii_case(word)))
    };
    let is = |at: usize, word: &str| any(at, &[word]);
    let before = |words: &[&str]| i > 0 && any(i - 1, words);
    match dialect {
        // IS compares any two values.
        Dialect::Sqlite if is(i, "IS") => {
            let not = usize::from(is(i + 1, "NOT"));
            let known = any(i + 1 + not, &["NULL", "TRUE", "FALSE", "DISTINCT"]);
            (!known).then_some((1 + not, if not == 1 { "<>" } else { "=" }))
        }
        Dialect::Sqlite if is(i, "INDEXED") && is(i + 1, "BY") => Some((3, "")),
        Dialect::Sqlite if is(i, "NOT") && is(i + 1, "INDEXED") => Some((2, "")),
        // Shifts.
        Dialect::Sqlite if any(i, &["<", ">"]) && tokens.get(i) == tokens.get(i + 1) => {
            Some((2, "+"))
        }
        Dialect::MySql if is(i, "MOD") && !is(i + 1, "(") => Some((1, "%")),
        Dialect::MySql if is(i, "!") && !is(i + 1, "=") => Some((1, "NOT")),
        Dialect::MySql if any(i, &DOUBLE_UNITS) => Some((1, "DAY")),
        Dialect::Postgres if is(i, "VARIADIC") => Some((1, "")),
        Dialect::Postgres if is(i, "SYMMETRIC") && before(&["BETWEEN"]) => Some((1, "")),
        Dialect::Postgres if is(i, "EXCLUDE") && any(i + 1, &["TIES", "GROUP"]) => Some((2, "")),
        Dialect::Postgres if is(i, "EXCLUDE") && is(i + 1, "CURRENT") && is(i + 2, "ROW") => {
            Some((3, ""))
        }
        Dialect::MsSql
            if any(i, &["HASH", "LOOP", "MERGE", "REMOTE"])
                && is(i + 1, "JOIN")
                && before(&["INNER", "LEFT", "RIGHT", "FULL", "OUTER"]) =>
        {
            Some((1, ""))
        }
        Dialect::MsSql if is(i, "WITH") && any(i + 1, &["ROLLUP", "CUBE"]) => Some((2, "")),
        Dialect::MsSql if is(i, "GROUPING") && is(i + 1, "SETS") => Some((2, "GROUPING")),
        // The empty set of GROUPING SETS.
        Dialect::MsSql if is(i, "(") && is(i + 1, ")") && before(&["(", ","]) => Some((2, "NULL")),
        // A reserved word, behind which only hints stand.
        Dialect::MsSql if is(i, "OPTION") && is(i + 1, "(") => {
            let mut depth = 0_usize;
            let end = tokens[i + 1..].iter().position(|token| {
                match *token {
                    "(" => depth += 1,
                    ")" => depth -= 1,
                    _ => {}
                }
                depth == 0
            });
            end.map(|end| (end + 2, ""))
        }
        _ => None,
    }
}
