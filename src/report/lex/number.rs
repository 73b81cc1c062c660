//! Where a number ends.
//!
//! T-SQL ends it at the first character that does not belong to it, so that a statement may follow without a space:
//! `1DELETE`, `0xDELETE`, `1eDELETE`. SQLite and PostgreSQL since 15 refuse that, and PostgreSQL before 15 reads a name.
//! Numbers that stand directly before a letter, a quote or a second point are refused here.

use super::characters::in_word;
use super::{Dialect, Kind};

/// Names behind a `$` in T-SQL that are no amount of money.
const PSEUDO_COLUMNS: [&str; 8] = [
    "$action",
    "$edge_id",
    "$from_id",
    "$identity",
    "$node_id",
    "$partition",
    "$rowguid",
    "$to_id",
];

const GLUED: &str = "a number stands directly before a letter, a quote or a point, which servers read differently; \
                     write a space behind the number";

/// Kind and length in bytes of the number that `rest` begins with; in MySQL it may be a name.
pub(super) fn read(rest: &str, dialect: Dialect) -> Result<(Kind, usize), &'static str> {
    let bytes = rest.as_bytes();
    let len = match (bytes, dialect) {
        // `0x` alone is a number in T-SQL, and `0b1` is zero with a name.
        ([b'0', b'x' | b'X', ..], _) => 2 + digits(&bytes[2..], 16, false),
        ([b'0', b'b' | b'B', ..], Dialect::MySql | Dialect::Postgres) => {
            2 + digits(&bytes[2..], 2, false)
        }
        ([b'0', b'o' | b'O', ..], Dialect::Postgres) => 2 + digits(&bytes[2..], 8, false),
        _ => decimal(bytes, dialect),
    };
    if !glued(&rest[len..], dialect) {
        return Ok((Kind::Number, len));
    }
    let word = rest.find(|c| !in_word(c, dialect)).unwrap_or(rest.len());
    // Digits and a letter that make no number begin a name in MySQL: 2nd_quarter.
    let letters = &rest[digits(bytes, 10, false)..word];
    let exponent = letters.starts_with(['e', 'E', 'x', 'X', 'b', 'B']);
    if dialect == Dialect::MySql
        && !letters.is_empty()
        && !exponent
        && !glued(&rest[word..], dialect)
    {
        return Ok((Kind::Word, word));
    }
    Err(GLUED)
}

/// Kind and length of what a `$` begins in T-SQL: an amount of money, or the name of a pseudo-column.
pub(super) fn money(rest: &str) -> Result<(Kind, usize), &'static str> {
    let word = rest
        .find(|c| !in_word(c, Dialect::MsSql))
        .unwrap_or(rest.len());
    if PSEUDO_COLUMNS.contains(&rest[..word].to_ascii_lowercase().as_str()) {
        return Ok((Kind::Word, word));
    }
    let bytes = rest.as_bytes();
    let whole = 1 + digits(&bytes[1..], 10, false);
    let len = match bytes.get(whole) {
        Some(b'.') => whole + 1 + digits(&bytes[whole + 1..], 10, false),
        _ => whole,
    };
    if whole == 1 || glued(&rest[len..], Dialect::MsSql) {
        return Err(
            "a $ begins an amount of money or a pseudo-column here; write digits behind it, or put the name in brackets",
        );
    }
    Ok((Kind::Number, len))
}

/// Length of digits, a point and an exponent.
fn decimal(bytes: &[u8], dialect: Dialect) -> usize {
    let grouped = matches!(dialect, Dialect::Postgres | Dialect::Sqlite);
    let mut len = digits(bytes, 10, grouped);
    if bytes.get(len) == Some(&b'.') {
        len += 1;
        len += digits(&bytes[len..], 10, grouped);
    }
    if matches!(bytes.get(len), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(len + 1), Some(b'+' | b'-')));
        let exponent = digits(bytes.get(len + 1 + sign..).unwrap_or_default(), 10, grouped);
        // An exponent without digits is one in T-SQL alone.
        if exponent > 0 {
            len += 1 + sign + exponent;
        }
    }
    len
}

/// How many bytes are digits, with single underscores between them where `grouped`.
fn digits(bytes: &[u8], radix: u32, grouped: bool) -> usize {
    let is_digit = |byte: &u8| char::from(*byte).is_digit(radix);
    let divides = |at: usize| {
        grouped
            && bytes[at] == b'_'
            && at > 0
            && is_digit(&bytes[at - 1])
            && bytes.get(at + 1).is_some_and(is_digit)
    };
    (0..bytes.len())
        .take_while(|at| is_digit(&bytes[*at]) || divides(*at))
        .count()
}

/// Whether what follows a number is not certainly apart from it.
fn glued(after: &str, dialect: Dialect) -> bool {
    after
        .chars()
        .next()
        .is_some_and(|c| in_word(c, dialect) || !c.is_ascii() || "'\"`.\\#@".contains(c))
}
