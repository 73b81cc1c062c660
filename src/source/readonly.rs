//! SQL that would write is refused before it runs: by its words here, then by its grammar (`query_only.rs`), which the
//! user may waive for a report. The read-only transaction is the last defense.

use super::{Query, SourceError, query_only};
use crate::report::lex::{self, Kind};
use crate::report::{Dialect, Template, Value, line_column};

/// Words that begin a statement which writes, where they stand at a statement's place.
const WRITES: [&str; 8] = [
    "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "CREATE", "DROP", "TRUNCATE",
];

/// Optimizer hints of MySQL that change the session or its limits for one statement.
const HINTS_THAT_SET: [&str; 3] = ["SET_VAR", "MAX_EXECUTION_TIME", "RESOURCE_GROUP"];

/// Checks a report's SQL. The answer is a refusal that waits: SQL that is not known to only read is refused once the
/// server has prepared it without an error: the server's own error says better what is wrong.
///
/// # Errors
/// SQL that would write, that cannot be split into tokens with certainty, or is too large.
pub(super) fn judge(query: &Query, dialect: Dialect) -> Result<Option<SourceError>, SourceError> {
    Template::parse(&query.sql, dialect).map_err(|error| SourceError::Sql {
        position: Some(line_column(&query.sql, error.at)),
        message: error.message,
    })?;
    if dialect == Dialect::Postgres
        && let Some((name, _)) = query.params.0.iter().find(|(_, value)| holds_nul(value))
    {
        return Err(SourceError::Param(format!(
            "the parameter {name} holds a NUL character, which PostgreSQL's text cannot hold; remove it"
        )));
    }
    check(&query.sql, dialect)?;
    if query.trusted {
        return Ok(None);
    }
    match query_only::check(&query.sql, dialect) {
        // SQL Server prepares nothing without running it.
        Err(refusal) if dialect == Dialect::MsSql => Err(refusal),
        checked => Ok(checked.err()),
    }
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.contains('\0'),
        Value::List(values) => values.iter().any(holds_nul),
        _ => false,
    }
}

/// Lets one query through and nothing else: one SELECT, VALUES, TABLE or WITH ... SELECT.
fn check(sql: &str, dialect: Dialect) -> Result<(), SourceError> {
    if dialect == Dialect::MsSql {
        return super::mssql::readonly::check(sql);
    }
    let mut words: Vec<(String, usize, usize)> = Vec::new();
    let mut depth = 0_usize;
    let mut ended = false;
    for token in lex::tokens(sql, dialect) {
        let token = token.map_err(|error| SourceError::Sql {
            position: Some(line_column(sql, error.at)),
            message: error.message,
        })?;
        let text = &sql[token.at..token.end];
        if token.kind == Kind::Comment {
            // MySQL runs what stands in such a comment.
            if dialect == Dialect::MySql && (text.starts_with("/*!") || text.starts_with("/*M!")) {
                return Err(refused(
                    "an executable comment /*! */",
                    "write the SQL outside a comment",
                ));
            }
            let sets = |hint: &str| text.to_ascii_uppercase().contains(hint);
            if dialect == Dialect::MySql
                && text.starts_with("/*+")
                && HINTS_THAT_SET.iter().any(|hint| sets(hint))
            {
                return Err(refused("a hint that changes the session", "leave it out"));
            }
            continue;
        }
        if ended {
            return Err(refused("a second statement", "keep the first alone"));
        }
        match text {
            ";" => ended = true,
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        words.push((text.to_ascii_uppercase(), depth, token.at));
        if token.kind != Kind::Word {
            // Kept for what stands before a word, and never mistaken for one.
            if let Some(last) = words.last_mut() {
                last.0 = if text.len() == 1 {
                    text.to_owned()
                } else {
                    String::new()
                };
            }
        }
    }
    let Some((first, _, _)) = words.iter().find(|(word, _, _)| word != "(") else {
        return Err(SourceError::Sql {
            message: "the SQL is empty; write a SELECT".to_owned(),
            position: None,
        });
    };
    // Where the server takes a backslash for a plain character, its strings end elsewhere than ours.
    let writes_file = |word: &str| sql.to_ascii_uppercase().contains(word);
    if dialect == Dialect::MySql
        && sql.contains('\\')
        && (writes_file("OUTFILE") || writes_file("DUMPFILE"))
    {
        return Err(refused(
            "OUTFILE or DUMPFILE near a backslash",
            "write the text without a backslash",
        ));
    }
    let shows = first == "SHOW" && dialect != Dialect::Sqlite;
    if !shows && !matches!(first.as_str(), "SELECT" | "WITH" | "VALUES" | "TABLE") {
        let what = if first.is_empty() {
            "what the SQL begins with".to_owned()
        } else {
            first.clone()
        };
        return Err(refused(&what, "begin with SELECT or WITH"));
    }
    let mut before = "";
    for (i, (word, depth, _)) in words.iter().enumerate() {
        let next = words.get(i + 1).map_or("", |(word, _, _)| word.as_str());
        // A statement's place is after a bracket (WITH x AS (DELETE ...) and, in a WITH, after the last bracket.
        // A function of the same name, as REPLACE(a, b, c), has a bracket behind it.
        let place = before == "(" || (before == ")" && *depth == 0 && first == "WITH");
        if place && WRITES.contains(&word.as_str()) && next != "(" && next != "." && next != "," {
            return Err(refused(word, "a report only reads"));
        }
        // MySQL lets a SELECT in parentheses write a file, and a read-only transaction does not stop it.
        let here = *depth == 0 || dialect == Dialect::MySql;
        if word == "INTO" && here {
            return Err(refused(
                "INTO",
                "leave it out; the result is the report's answer",
            ));
        }
        let locks = match word.as_str() {
            // Not the FOR of SUBSTRING(a FROM 1 FOR 2).
            "FOR" => ["UPDATE", "SHARE", "NO", "KEY"].contains(&next),
            "LOCK" => next == "IN",
            _ => false,
        };
        if locks {
            return Err(refused(
                "a SELECT that locks rows",
                "leave FOR UPDATE or its like out",
            ));
        }
        before = word;
    }
    Ok(())
}

/// The sentence for SQL that is refused before it is run.
pub(super) fn refused(what: &str, remedy: &str) -> SourceError {
    SourceError::Writes(format!(
        "the report was not run: {what} is not a single SELECT; {remedy}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Dialect::{MySql, Postgres, Sqlite};

    #[test]
    fn queries_pass() {
        for sql in [
            "SELECT 1",
            "  select 'DELETE FROM x; --' -- ; DROP\n;  /* INSERT */ ",
            "WITH a AS (SELECT 1), b AS (SELECT 2) SELECT * FROM a, b",
            "VALUES (1), (2)",
            "SELECT replace(a, 'x', 'y'), (replace(b, 'x', 'y')), \"delete\" FROM \"update\"",
            "SELECT a.update, (delete, 1) FROM a",
            "WITH x AS (SELECT 1) (SELECT * FROM x)",
        ] {
            assert!(
                check(sql, Sqlite).is_ok(),
                "{sql}: {:?}",
                check(sql, Sqlite)
            );
        }
        assert!(check("(SELECT 1) UNION (SELECT 2)", Postgres).is_ok());
        assert!(check("TABLE orders", Postgres).is_ok());
        assert!(check("SHOW TABLES", MySql).is_ok());
        assert!(check("SELECT substring(a FROM 1 FOR 2) FROM t", Postgres).is_ok());
    }

    #[test]
    fn writes_are_refused() {
        for sql in [
            "INSERT INTO t VALUES (1)",
            "DELETE FROM t",
            "SELECT 1; DROP TABLE t",
            "SELECT 1;;",
            "WITH x AS (SELECT 1) DELETE FROM t",
            "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
            "with x as ( /* a */ insert into t values (1) returning *) select 1",
            "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
            "SELECT * INTO copy FROM t",
            "SELECT 1 INTO OUTFILE '/tmp/x'",
            "EXPLAIN ANALYZE DELETE FROM t",
            "CALL p()",
            "DO $$ BEGIN DELETE FROM t; END $$",
            "DO SLEEP(1)",
            "COPY t TO '/tmp/x'",
            "COPY t FROM PROGRAM 'id'",
            "SET x = 1",
            "ATTACH 'other.db' AS other",
            "LOCK TABLES t WRITE",
            "HANDLER t OPEN",
            "LOAD DATA INFILE '/tmp/x' INTO TABLE t",
            "EXECUTE IMMEDIATE 'DELETE FROM t'",
            "BEGIN",
            "COMMIT",
            "GRANT ALL ON t TO me",
            "VACUUM",
            "REINDEX",
            "LISTEN x",
            "; DELETE FROM t",
            "PRAGMA journal_mode = DELETE",
            "ATTACH 'x' AS y",
            "BEGIN",
            "EXPLAIN ANALYZE DELETE FROM t",
            "/* SELECT */ VACUUM",
            "\"SELECT\" 1",
        ] {
            assert!(
                matches!(check(sql, Postgres), Err(SourceError::Writes(_))),
                "{sql}: {:?}",
                check(sql, Postgres)
            );
        }
        for sql in [
            "SELECT * FROM t FOR UPDATE",
            "SELECT * FROM t FOR NO KEY UPDATE",
            "SELECT * FROM t LOCK IN SHARE MODE",
        ] {
            assert!(
                matches!(check(sql, MySql), Err(SourceError::Writes(_))),
                "{sql}"
            );
        }
        assert!(matches!(
            check("SELECT 1 /*! INTO OUTFILE 'x' */", MySql),
            Err(SourceError::Writes(_))
        ));
        assert!(matches!(
            check(" -- nothing", Sqlite),
            Err(SourceError::Sql { .. })
        ));
        assert!(matches!(
            check("SELECT 'x", Sqlite),
            Err(SourceError::Sql {
                position: Some((1, 8)),
                ..
            })
        ));
    }

    #[test]
    fn files_are_not_written_whatever_a_backslash_means() {
        for sql in [
            // One string for us, and two with NO_BACKSLASH_ESCAPES.
            r"SELECT '\' INTO OUTFILE '/tmp/x' -- '",
            r"(SELECT '\' INTO/**/DumpFile '/tmp/x' -- ')",
            "SELECT 1 FROM (SELECT 1 INTO OUTFILE '/tmp/x') t",
            "VALUES ROW(1) INTO OUTFILE '/tmp/x'",
            "TABLE t INTO OUTFILE '/tmp/x'",
        ] {
            assert!(check(sql, MySql).is_err(), "{sql}");
        }
        assert!(check(r"SELECT 'a\'b' FROM t", MySql).is_ok());
    }
}
