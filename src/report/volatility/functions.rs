//! The functions that compute from their arguments alone, by dialect, and the words that need no brackets.
//!
//! Each list is a text file with one name a line, sorted. They are taken from the manuals and compared with the servers'
//! own lists by tests: PostgreSQL's `pg_proc` (immutable, and those stable ones whose settings are in the entry key or
//! watched), MariaDB's `information_schema.SQL_FUNCTIONS`, SQLite's `pragma_function_list`.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::super::Dialect;
use super::tokens::Tokens;

type Names = LazyLock<HashSet<&'static str>>;

static POSTGRES: Names = LazyLock::new(|| names(include_str!("postgres.txt")));
static MYSQL: Names = LazyLock::new(|| names(include_str!("mysql.txt")));
static SQLITE: Names = LazyLock::new(|| names(include_str!("sqlite.txt")));
static MSSQL: Names = LazyLock::new(|| names(include_str!("mssql.txt")));
/// Words of the grammars that may stand before a bracket, and types that take a length.
static SYNTAX: Names = LazyLock::new(|| names(include_str!("syntax.txt")));

/// Words of a plain date, time or interval, of the parts of one, and of the modifiers that SQLite takes.
static PLAIN: Names = LazyLock::new(|| names(include_str!("plain.txt")));

fn names(text: &'static str) -> HashSet<&'static str> {
    text.lines().collect()
}

/// Functions that ask for the moment, or roll dice, where they are given fewer arguments than this.
const FEWEST: [(Dialect, &str, usize); 8] = [
    (Dialect::MySql, "unix_timestamp", 1),
    (Dialect::Postgres, "age", 2),
    (Dialect::Sqlite, "date", 1),
    (Dialect::Sqlite, "datetime", 1),
    (Dialect::Sqlite, "julianday", 1),
    (Dialect::Sqlite, "strftime", 2),
    (Dialect::Sqlite, "time", 1),
    (Dialect::Sqlite, "unixepoch", 1),
];

/// Functions of a dialect that count as such where they are not given arguments.
const MOST: [(Dialect, &str, usize); 4] = [
    // Of another user, whose name the catalogue may change.
    (Dialect::MsSql, "suser_name", 0),
    (Dialect::MsSql, "suser_sname", 0),
    (Dialect::MsSql, "user_name", 0),
    (Dialect::MsSql, "db_name", 0),
];

/// Words without brackets that are the moment, chance, the session, or where a row lies.
const ALONE: [(&str, &[Dialect]); 12] = {
    use Dialect::{MsSql, MySql, Postgres, Sqlite};
    [
        ("current_date", &[MsSql, MySql, Postgres, Sqlite]),
        ("current_role", &[MySql]),
        ("current_time", &[MySql, Postgres, Sqlite]),
        ("current_timestamp", &[MsSql, MySql, Postgres, Sqlite]),
        ("localtime", &[MySql, Postgres]),
        ("localtimestamp", &[MySql, Postgres]),
        ("system_user", &[Postgres]),
        ("tablesample", &[MsSql, Postgres]),
        ("utc_date", &[MySql]),
        ("utc_time", &[MySql]),
        ("utc_timestamp", &[MySql]),
        ("$action", &[MsSql]),
    ]
};

/// PostgreSQL's columns that tell where a row lies and who locks it: they change while no row does.
const HIDDEN_COLUMNS: [&str; 5] = ["cmax", "cmin", "ctid", "xmax", "xmin"];

/// Whether the database's own function of this name (in lower case) computes from its arguments alone.
pub(in crate::report) fn is_deterministic(name: &str, dialect: Dialect) -> bool {
    match dialect {
        Dialect::Postgres => POSTGRES.contains(name),
        Dialect::MySql => MYSQL.contains(name),
        Dialect::Sqlite => SQLITE.contains(name),
        Dialect::MsSql => MSSQL.contains(name),
    }
}

/// Whether a word before a bracket calls nothing.
pub(in crate::report) fn is_syntax(name: &str) -> bool {
    SYNTAX.contains(name)
}

/// Whether a word may stand in a text that becomes a date.
pub(super) fn is_plain_word(word: &str) -> bool {
    PLAIN.contains(word)
}

/// Whether the function called at `i` takes what it is not given from the clock, from chance or from the server.
pub(super) fn lacks_arguments(tokens: &Tokens<'_>, i: usize, name: &str) -> bool {
    let is = |dialect: Dialect, listed: &str| dialect == tokens.dialect && listed == name;
    let fewest = FEWEST
        .iter()
        .find(|(dialect, listed, _)| is(*dialect, listed));
    let most = MOST
        .iter()
        .find(|(dialect, listed, _)| is(*dialect, listed));
    fewest.is_some_and(|(_, _, fewest)| tokens.arguments(i) < *fewest)
        || most.is_some_and(|(_, _, most)| tokens.arguments(i) > *most)
}

/// Whether the name at `i` needs no brackets to be what no detector sees.
pub(super) fn stands_alone(tokens: &Tokens<'_>, i: usize, name: &str, is_part: bool) -> bool {
    let dialect = tokens.dialect;
    let listed = || {
        ALONE
            .iter()
            .any(|(word, dialects)| *word == name && dialects.contains(&dialect))
    };
    // The columns that PostgreSQL adds to a table may have its name before them, and quotes.
    if dialect == Dialect::Postgres && HIDDEN_COLUMNS.contains(&name) {
        return !tokens.is_called(i);
    }
    let sequence = || {
        matches!(dialect, Dialect::MySql | Dialect::MsSql | Dialect::Postgres)
            && ["next", "previous"].contains(&name)
            && tokens.is(i + 1, "value")
            && tokens.is(i + 2, "for")
    };
    !is_part && tokens.is_bare(i) && (listed() || sequence() || i == 0 && name == "show")
}

/// Whether the variable whose `@` stands at `i` is given its value in the same statement, before which it is NULL.
pub(super) fn is_assigned(tokens: &Tokens<'_>, i: usize) -> bool {
    let Some(name) = tokens.name(i + 1) else {
        return false;
    };
    (0..tokens.len()).any(|at| {
        tokens.at(at) == Some("@")
            && tokens.name(at + 1).as_ref() == Some(&name)
            && tokens.at(at + 2) == Some(":=")
    })
}
