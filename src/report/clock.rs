//! Does the answer depend on something besides the tables: the clock, chance, the state of the server? No detector sees
//! that.

use super::Dialect;
use super::lex::{self, Kind, Token};

/// Functions of the moment, of chance, or of the session, in one of the databases. Some stand without brackets.
const WORDS: [&str; 48] = [
    "clock_timestamp",
    "connection_id",
    "crypt_gen_random",
    "curdate",
    "current_date",
    "current_time",
    "current_timestamp",
    "currval",
    "curtime",
    "gen_random_bytes",
    "gen_random_uuid",
    "gen_salt",
    "getdate",
    "getutcdate",
    "lastval",
    "load_file",
    "localtime",
    "localtimestamp",
    "newid",
    "newsequentialid",
    "nextval",
    "now",
    "rand",
    "random",
    "random_bytes",
    "random_normal",
    "randomblob",
    "setseed",
    "setval",
    "statement_timestamp",
    "sys_guid",
    "sysdate",
    "sysdatetime",
    "sysdatetimeoffset",
    "sysutcdatetime",
    "timeofday",
    "transaction_timestamp",
    "utc_date",
    "utc_time",
    "utc_timestamp",
    "uuid",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
    "uuid_short",
    "uuid_v4",
    "uuid_v7",
    "uuidv7",
];

/// Functions that take the moment where they are given no more arguments than this.
const WITHOUT_ARGUMENTS: [(&str, usize); 8] = [
    ("age", 1),
    ("date", 0),
    ("datetime", 0),
    ("julianday", 0),
    ("strftime", 1),
    ("time", 0),
    ("unix_timestamp", 0),
    ("unixepoch", 0),
];

/// PostgreSQL's own functions that tell of the server, its catalogue or its files, by how their names begin.
const POSTGRES_STATE: [&str; 18] = [
    "amvalidate",
    "binary_upgrade_",
    "brin_",
    "col_description",
    "current_query",
    "currtid",
    "gin_clean_",
    "inet_client_",
    "inet_server_",
    "lo_",
    "loread",
    "lowrite",
    "obj_description",
    "pg_",
    "row_security_active",
    "shobj_description",
    "to_reg",
    "txid_",
];

/// Those of them that compute from their arguments alone, or answer nothing.
const POSTGRES_COMPUTE: [&str; 9] = [
    "pg_client_encoding",
    "pg_collation_for",
    "pg_column_size",
    "pg_size_bytes",
    "pg_size_pretty",
    "pg_sleep",
    "pg_sleep_for",
    "pg_sleep_until",
    "pg_typeof",
];

/// PostgreSQL's own functions that run SQL given as text or read tables named by text, by how their names begin.
const POSTGRES_READERS: [&str; 7] = [
    "query_to_xml",
    "table_to_xml",
    "schema_to_xml",
    "database_to_xml",
    "cursor_to_xml",
    "ts_rewrite",
    "ts_stat",
];

/// SQL Server's own functions that tell of the server, its catalogue or the session, or read elsewhere.
const MSSQL_STATE: [&str; 33] = [
    "app_name",
    "col_length",
    "col_name",
    "columnproperty",
    "connectionproperty",
    "context_info",
    "current_request_id",
    "current_timezone",
    "current_transaction_id",
    "databasepropertyex",
    "db_id",
    "file_id",
    "has_dbaccess",
    "has_perms_by_name",
    "host_id",
    "host_name",
    "ident_current",
    "index_col",
    "indexproperty",
    "is_member",
    "is_rolemember",
    "is_srvrolemember",
    "object_definition",
    "object_id",
    "object_name",
    "objectproperty",
    "objectpropertyex",
    "opendatasource",
    "openquery",
    "openrowset",
    "scope_identity",
    "serverproperty",
    "session_context",
];

/// Literals that PostgreSQL reads as a moment.
const POSTGRES_MOMENTS: [&str; 4] = ["'now'", "'today'", "'tomorrow'", "'yesterday'"];

/// The first such thing in a piece of SQL, as it is written there. What it calls is not looked into.
pub(crate) fn clock(sql: &str, dialect: Dialect) -> Option<&str> {
    let tokens: Vec<_> = lex::tokens(sql, dialect)
        .map_while(Result::ok)
        .filter(|token| token.kind != Kind::Comment)
        .collect();
    let text = |i: usize| {
        let token = tokens.get(i)?;
        sql.get(token.at..token.end)
    };
    tokens.iter().enumerate().find_map(|(i, token)| {
        let word = text(i)?;
        let lower = word.to_ascii_lowercase();
        let before = i.checked_sub(1).and_then(text);
        let called = text(i + 1) == Some("(");
        let found = match token.kind {
            // A column of that name is a part of a table, or has no brackets behind it.
            Kind::Word => {
                called
                    && (is_unseen(&lower, dialect)
                        || takes_the_moment(&lower, dialect, || arguments(sql, &tokens[i + 2..])))
                    || before != Some(".") && stands_alone(&lower, dialect)
                    || i == 0 && lower == "show"
            }
            Kind::Quoted if dialect == Dialect::Sqlite => lower == "'now'",
            Kind::Quoted if dialect == Dialect::Postgres => {
                POSTGRES_MOMENTS.contains(&lower.as_str())
            }
            // A variable of the server.
            Kind::Symbol => {
                matches!(dialect, Dialect::MySql | Dialect::MsSql)
                    && word == "@"
                    && before == Some("@")
            }
            _ => false,
        };
        let whole = || {
            let end = tokens.get(i + 1).map_or(token.end, |name| name.end);
            sql.get(tokens[i - 1].at..end)
        };
        match (found, word) {
            (true, "@") => whole(),
            (true, word) => Some(word),
            (false, _) => None,
        }
    })
}

/// Whether no detector sees what a function of the database's own answers.
pub(super) fn is_unseen(function: &str, dialect: Dialect) -> bool {
    let begins = |names: &[&str]| names.iter().any(|name| function.starts_with(name));
    WORDS.contains(&function)
        || dialect == Dialect::MsSql && MSSQL_STATE.contains(&function)
        || dialect == Dialect::Postgres
            && (reads_by_text(function, dialect)
                || begins(&POSTGRES_STATE) && !POSTGRES_COMPUTE.contains(&function)
                || function.starts_with("has_") && function.ends_with("_privilege"))
}

/// Whether a function of the database's own reads tables that are named, or whose SQL is given, by text.
pub(super) fn reads_by_text(function: &str, dialect: Dialect) -> bool {
    dialect == Dialect::Postgres
        && POSTGRES_READERS
            .iter()
            .any(|name| function.starts_with(name))
}

fn takes_the_moment(function: &str, dialect: Dialect, arguments: impl FnOnce() -> usize) -> bool {
    let fewest = WITHOUT_ARGUMENTS.iter().find(|(name, _)| *name == function);
    let elsewhere = function == "age" && dialect != Dialect::Postgres;
    !elsewhere && fewest.is_some_and(|(_, fewest)| arguments() <= *fewest)
}

/// Whether a word needs no brackets to be what it is.
fn stands_alone(word: &str, dialect: Dialect) -> bool {
    match word {
        "current_date" | "current_time" | "current_timestamp" | "localtime" | "localtimestamp" => {
            true
        }
        "utc_date" | "utc_time" | "utc_timestamp" => dialect == Dialect::MySql,
        "tablesample" => matches!(dialect, Dialect::Postgres | Dialect::MsSql),
        _ => false,
    }
}

/// How many arguments a call has, whose opening bracket stands before `tokens`.
fn arguments(sql: &str, tokens: &[Token]) -> usize {
    let (mut depth, mut commas) = (0_usize, 0);
    for (i, token) in tokens.iter().enumerate() {
        match sql.get(token.at..token.end) {
            Some(")") if depth == 0 => return if i == 0 { 0 } else { commas + 1 },
            Some("(" | "[") => depth += 1,
            Some(")" | "]") => depth = depth.saturating_sub(1),
            Some(",") if depth == 0 => commas += 1,
            _ => {}
        }
    }
    commas + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_and_chance_are_found_and_columns_are_not() {
        use Dialect::{MsSql, MySql, Postgres, Sqlite};
        for (dialect, sql, found) in [
            (
                Sqlite,
                "SELECT CURRENT_TIMESTAMP, count(*) FROM t",
                Some("CURRENT_TIMESTAMP"),
            ),
            (
                Sqlite,
                "SELECT * FROM t WHERE d > date('now', '-1 day')",
                Some("'now'"),
            ),
            (Sqlite, "SELECT now() - interval '1 day'", Some("now")),
            (Sqlite, "SELECT * FROM t ORDER BY random()", Some("random")),
            (Sqlite, "SELECT t.current_date, rand, \"now\" FROM t", None),
            (
                Sqlite,
                "SELECT 'current_timestamp' /* now() */ FROM t",
                None,
            ),
            (Sqlite, "SELECT date(), d", Some("date")),
            (
                Sqlite,
                "SELECT date(d), strftime('%Y', d), time FROM t",
                None,
            ),
            (Sqlite, "SELECT strftime('%s') FROM t", Some("strftime")),
            (Postgres, "SELECT pg_catalog.now()", Some("now")),
            (Postgres, "SELECT now /* () */ ()", Some("now")),
            (Postgres, "SELECT age(born) FROM t", Some("age")),
            (
                Postgres,
                "SELECT age(died, least(born, f(1, 2))) FROM t",
                None,
            ),
            (
                Postgres,
                "SELECT * FROM t WHERE d = 'today'",
                Some("'today'"),
            ),
            (
                Postgres,
                "SELECT * FROM t TABLESAMPLE SYSTEM (1)",
                Some("TABLESAMPLE"),
            ),
            (
                Postgres,
                "SELECT pg_relation_size('t')",
                Some("pg_relation_size"),
            ),
            (
                Postgres,
                "SELECT has_table_privilege('t', 'SELECT')",
                Some("has_table_privilege"),
            ),
            (
                Postgres,
                "SELECT pg_typeof(a), pg_sleep(1), utc_date FROM pg_stuff",
                None,
            ),
            (Postgres, "SHOW ALL", Some("SHOW")),
            (MySql, "SELECT UTC_DATE", Some("UTC_DATE")),
            (MySql, "SELECT unix_timestamp(d), @own FROM t", None),
            (MySql, "SELECT unix_timestamp()", Some("unix_timestamp")),
            (MySql, "SELECT @@hostname", Some("@@hostname")),
            (MySql, "SELECT a.show FROM a", None),
            (MsSql, "SELECT @@SERVERNAME", Some("@@SERVERNAME")),
            (
                MsSql,
                "SELECT SYSDATETIMEOFFSET()",
                Some("SYSDATETIMEOFFSET"),
            ),
            (
                MsSql,
                "SELECT OBJECT_ID(N't'), object_id FROM t",
                Some("OBJECT_ID"),
            ),
            (
                MsSql,
                "DECLARE @now int = 1; SELECT @now, [getdate] FROM t",
                None,
            ),
        ] {
            assert_eq!(clock(sql, dialect), found, "{sql}");
        }
    }
}
