//! Would this SQL write? SQL Server has no read-only transactions, and in T-SQL a statement may begin anywhere, without
//! a semicolon before it: `SELECT 1 DELETE FROM t` is two. So the words that begin a statement which acts are refused
//! wherever they stand, also in SQL that the user answers for. They are reserved, so no name can be one without
//! brackets, not even behind a point. The transaction, which is always rolled back, is the last defense.

use crate::report::lex::{self, Kind};
use crate::report::{Dialect, line_column};
use crate::source::SourceError;
use crate::source::readonly::refused;

/// Reserved words of statements that act, or lead to one.
const ACTS: [&str; 48] = [
    "ALTER",
    "BACKUP",
    "BEGIN",
    "BREAK",
    "BULK",
    "CHECKPOINT",
    "CLOSE",
    "COMMIT",
    "CONTINUE",
    "CREATE",
    "DBCC",
    "DEALLOCATE",
    "DECLARE",
    "DELETE",
    "DENY",
    "DROP",
    "DUMP",
    "EXEC",
    "EXECUTE",
    "GOTO",
    "GRANT",
    "IF",
    "INSERT",
    "INTO",
    "KILL",
    "LOAD",
    "MERGE",
    "OPEN",
    "OPENDATASOURCE",
    "OPENQUERY",
    "OPENROWSET",
    "READTEXT",
    "RECONFIGURE",
    "RESTORE",
    "RETURN",
    "REVERT",
    "REVOKE",
    "ROLLBACK",
    "SAVE",
    "SET",
    "SETUSER",
    "SHUTDOWN",
    "TRUNCATE",
    "UPDATE",
    "UPDATETEXT",
    "USE",
    "WAITFOR",
    "WHILE",
];
/// Hints that lock what they read.
const LOCKS: [&str; 3] = ["UPDLOCK", "XLOCK", "TABLOCKX"];
/// What a statement of a report may begin with. Some words that begin another (`RECEIVE`, `ENABLE`) are not reserved,
/// but want a semicolon before them.
const BEGINS: [&str; 5] = ["SELECT", "WITH", "PRINT", "RAISERROR", "("];

/// Lets SELECTs through, and the two statements that only speak.
pub(in crate::source) fn check(sql: &str) -> Result<(), SourceError> {
    let words = words(sql)?;
    let mut selects = false;
    let mut begins = true;
    for (i, word) in words.iter().enumerate() {
        let word = word.as_str();
        let next = words.get(i + 1).map_or("", String::as_str);
        let before = i.checked_sub(1).map_or("", |i| words[i].as_str());
        if word == ";" {
            begins = true;
            continue;
        }
        if begins && !BEGINS.contains(&word) {
            let what = if word.is_empty() {
                "what the SQL begins with"
            } else {
                word
            };
            return Err(refused(what, "begin with SELECT or WITH"));
        }
        begins = false;
        selects |= word == "SELECT";
        let harmless = match word {
            // LEFT MERGE JOIN, OPTION (MERGE UNION).
            "MERGE" => matches!(next, "JOIN" | "UNION"),
            // OPTION (USE HINT ('...')).
            "USE" => matches!(next, "HINT" | "PLAN"),
            // The sequence keeps the number that was taken, also after a rollback.
            "NEXT" => next != "VALUE",
            "END" => next != "CONVERSATION",
            // RAISERROR ... WITH LOG.
            "LOG" => before != "WITH" || next == "AS",
            word => !ACTS.contains(&word) && word != "WRITETEXT",
        };
        if !harmless {
            return Err(refused(word, "a report only reads"));
        }
        if LOCKS.contains(&word) {
            return Err(refused("a SELECT that locks rows", "leave the hint out"));
        }
    }
    if selects {
        return Ok(());
    }
    Err(SourceError::Sql {
        message: "the SQL is empty; write a SELECT".to_owned(),
        position: None,
    })
}

/// Whether it is one SELECT, with whatever belongs to it.
pub(super) fn is_single(sql: &str) -> bool {
    let Ok(words) = words(sql) else { return false };
    let (mut depth, mut selects, mut joined) = (0_usize, 0, 0);
    for word in &words {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "PRINT" | "RAISERROR" => return false,
            "SELECT" if depth == 0 => selects += 1,
            "UNION" | "EXCEPT" | "INTERSECT" if depth == 0 => joined += 1,
            _ => {}
        }
    }
    selects == joined + 1
}

/// Words in upper case and symbols; what stands in quotes is an empty one.
fn words(sql: &str) -> Result<Vec<String>, SourceError> {
    let mut words = Vec::new();
    let mut at = None;
    for token in lex::tokens(sql, Dialect::MsSql) {
        let token = token.map_err(|error| SourceError::Sql {
            position: Some(line_column(sql, error.at)),
            message: error.message,
        })?;
        let text = &sql[token.at..token.end];
        match token.kind {
            Kind::Comment | Kind::Go => continue,
            // The name of a variable is no keyword; it stands directly behind its @.
            Kind::Word if at == Some(token.at) => words.push(String::new()),
            Kind::Word | Kind::Symbol => words.push(text.to_uppercase()),
            Kind::Quoted | Kind::Number | Kind::Param | Kind::Placeholder => {
                words.push(String::new());
            }
        }
        at = (text == "@").then_some(token.end);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_pass() {
        for sql in [
            "SELECT 1",
            "/* DELETE */ SELECT [delete], \"drop\", 'INSERT' FROM [update] -- EXEC x",
            "WITH a AS (SELECT 1 AS x) SELECT * FROM a UNION ALL SELECT 2;",
            "SELECT * FROM a INNER MERGE JOIN b ON a.i = b.i OPTION (MERGE JOIN, USE HINT('x'))",
            "SELECT * FROM t ORDER BY i OFFSET 5 ROWS FETCH NEXT 5 ROWS ONLY",
            "SELECT CASE WHEN a = 1 THEN 2 END, @@SPID, IIF(1 = 1, 2, 3) FROM t",
            "PRINT 'begin'; SELECT 1 SELECT 2; RAISERROR('end', 10, 1)",
            "(SELECT 1) UNION (SELECT 2)",
        ] {
            assert!(check(sql).is_ok(), "{sql}: {:?}", check(sql));
        }
    }

    #[test]
    fn writes_are_refused_wherever_they_stand() {
        for sql in [
            "SELECT 1 DELETE FROM t",
            "SELECT 1; DROP TABLE t",
            "SELECT * INTO copy FROM t",
            "WITH x AS (SELECT 1 AS i) DELETE FROM x",
            "SELECT 1 EXEC sp_who",
            "sp_who",
            "SELECT 1; sp_who",
            "INSERT t VALUES (1)",
            "MERGE t USING s ON 1 = 1 WHEN MATCHED THEN DELETE;",
            "SELECT NEXT VALUE FOR numbers",
            "SELECT * FROM OPENQUERY(other, 'DELETE FROM t')",
            "SELECT * FROM t WITH (UPDLOCK)",
            "SELECT 1; RECEIVE TOP (1) * FROM queue",
            "SELECT 1; ENABLE TRIGGER x ON t",
            "SELECT 1 END CONVERSATION @h",
            "SET NOCOUNT ON SELECT 1",
            "DECLARE @a int = 1 SELECT @a",
            "SELECT 1 WAITFOR DELAY '00:00:10'",
            "SELECT 1 RAISERROR('x', 20, 1) WITH LOG",
            "BEGIN TRAN SELECT 1 COMMIT",
            "USE master SELECT 1",
            "SELECT 1 KILL 55",
        ] {
            assert!(
                matches!(check(sql), Err(SourceError::Writes(_))),
                "{sql}: {:?}",
                check(sql)
            );
        }
        assert!(matches!(check(" -- x"), Err(SourceError::Sql { .. })));
        assert!(matches!(check("PRINT 'x'"), Err(SourceError::Sql { .. })));
    }

    #[test]
    fn single_selects_are_told_from_batches() {
        assert!(is_single(
            "WITH a AS (SELECT 1 AS x) SELECT * FROM a UNION SELECT 2;"
        ));
        assert!(!is_single("SELECT 1 SELECT 2"));
        assert!(!is_single("PRINT 'a' SELECT 1"));
    }
}
