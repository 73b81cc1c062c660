//! Does the answer depend on something besides the tables: the clock, or chance? No detector sees that.

use super::{Dialect, lex};

/// Names that stand alone, or are functions of the moment or of chance, in one of the databases.
const WORDS: [&str; 26] = [
    "clock_timestamp",
    "curdate",
    "current_date",
    "current_time",
    "current_timestamp",
    "curtime",
    "gen_random_uuid",
    "getdate",
    "localtime",
    "localtimestamp",
    "now",
    "rand",
    "random",
    "randomblob",
    "statement_timestamp",
    "sysdate",
    "sysdatetime",
    "timeofday",
    "transaction_timestamp",
    "unix_timestamp",
    "utc_date",
    "utc_time",
    "utc_timestamp",
    "uuid",
    "uuid_generate_v4",
    "uuid_short",
];

/// The first such word of a report's SQL, as it is written there. Views and functions of the database are not looked
/// into.
pub(crate) fn clock(sql: &str, dialect: Dialect) -> Option<&str> {
    let tokens: Vec<_> = lex::tokens(sql, dialect).map_while(Result::ok).collect();
    tokens.iter().enumerate().find_map(|(i, token)| {
        let word = sql.get(token.at..token.end)?;
        let lower = word.to_ascii_lowercase();
        let symbol = |token: Option<&lex::Token>, wanted: &str| {
            token.and_then(|token| sql.get(token.at..token.end)) == Some(wanted)
        };
        let found = match token.kind {
            // A column of that name is a part of a table, or has no brackets behind it.
            lex::Kind::Word if WORDS.contains(&lower.as_str()) => {
                let alone = lower.starts_with("current_") || lower.starts_with("local");
                let part = i > 0 && symbol(tokens.get(i - 1), ".");
                !part && (alone || symbol(tokens.get(i + 1), "("))
            }
            // SQLite's date functions take the moment as a text.
            lex::Kind::Quoted => dialect == Dialect::Sqlite && lower == "'now'",
            _ => false,
        };
        found.then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_and_chance_are_found_and_columns_are_not() {
        for (sql, found) in [
            (
                "SELECT CURRENT_TIMESTAMP, count(*) FROM t",
                Some("CURRENT_TIMESTAMP"),
            ),
            (
                "SELECT * FROM t WHERE d > date('now', '-1 day')",
                Some("'now'"),
            ),
            ("SELECT now() - interval '1 day'", Some("now")),
            ("SELECT * FROM t ORDER BY random()", Some("random")),
            ("SELECT t.current_date, rand, \"now\" FROM t", None),
            ("SELECT 'current_timestamp' /* now() */ FROM t", None),
        ] {
            assert_eq!(clock(sql, Dialect::Sqlite), found, "{sql}");
        }
    }
}
