//! Changes settings of the servers that decide what new sessions answer.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::plan::Kind;

/// Settings of PostgreSQL that change answers, with values to try.
const POSTGRES: &[(&str, &[&str])] = &[
    ("timezone", &["'America/New_York'", "'Asia/Tokyo'"]),
    ("datestyle", &["'German, DMY'", "'SQL, MDY'"]),
    ("intervalstyle", &["'iso_8601'", "'postgres_verbose'"]),
    ("bytea_output", &["'escape'"]),
    ("extra_float_digits", &["-3", "0"]),
    (
        "search_path",
        &["west, public", "public", "west, public, pg_catalog"],
    ),
    (
        "default_text_search_config",
        &["'pg_catalog.english'", "'pg_catalog.german'"],
    ),
    ("transform_null_equals", &["on"]),
    ("array_nulls", &["off"]),
    ("standard_conforming_strings", &["off"]),
    ("quote_all_identifiers", &["on"]),
    ("timezone_abbreviations", &["'India'"]),
    ("xmlbinary", &["'hex'"]),
    ("row_security", &["off"]),
    ("app.least", &["'5'", "'12'"]),
];

/// Returns changes of each setting of PostgreSQL in one of the places where it can be set.
pub(super) fn postgres(random: &mut StdRng) -> Vec<Kind> {
    let mut kinds = Vec::new();
    for (name, values) in POSTGRES {
        let (place, system) = match random.random_range(0..5) {
            0 => ("ROLE rep", false),
            1 => ("ROLE ALL", false),
            2 => ("DATABASE shop", false),
            3 => ("ROLE rep IN DATABASE shop", false),
            _ => ("SYSTEM", true),
        };
        // A name of somebody's own cannot stand in the server's file.
        let (place, system) = if name.contains('.') && system {
            ("DATABASE shop", false)
        } else {
            (place, system)
        };
        let then = if system { ";;RELOAD" } else { "" };
        let mut scripts: Vec<String> = values
            .iter()
            .map(|value| format!("ALTER {place} SET {name} = {value}{then}"))
            .collect();
        // What the role begins with comes back.
        scripts.push(match (*name, place) {
            ("search_path", "ROLE rep") => format!("ALTER {place} SET {name} = east, public"),
            _ => format!("ALTER {place} RESET {name}{then}"),
        });
        let place = place
            .trim_end_matches(" rep")
            .trim_end_matches(" shop")
            .to_lowercase();
        kinds.push(Kind {
            name: format!("setting {name} of {}", place.replace(" rep", "")),
            scripts,
        });
    }
    kinds
}

/// Settings of MariaDB that change answers of new sessions, with values to try.
const MARIADB: &[(&str, &[&str])] = &[
    (
        "sql_mode",
        &[
            "'ANSI'",
            "'NO_UNSIGNED_SUBTRACTION,PAD_CHAR_TO_FULL_LENGTH'",
            "'PIPES_AS_CONCAT,HIGH_NOT_PRECEDENCE'",
        ],
    ),
    ("old_mode", &["'NO_PROGRESS_INFO'"]),
    ("time_zone", &["'+05:00'"]),
    ("div_precision_increment", &["9"]),
    ("group_concat_max_len", &["8"]),
    ("lc_time_names", &["'de_DE'"]),
    ("default_week_format", &["3"]),
    ("sql_select_limit", &["2"]),
    ("max_sort_length", &["64"]),
    ("max_recursive_iterations", &["5"]),
    ("sql_auto_is_null", &["1"]),
    ("system_versioning_asof", &["'2001-01-01 00:00:00'"]),
    ("default_regex_flags", &["'EXTENDED'"]),
    ("max_join_size", &["10"]),
    ("character_set_server", &["latin1"]),
    ("collation_connection", &["utf8mb4_bin"]),
    ("init_connect", &["'SET sql_select_limit = 3'"]),
    ("max_statement_time", &["0.5"]),
    ("sql_big_selects", &["0"]),
];

/// Returns changes of each setting of MariaDB, and of an account's default role.
pub(super) fn mariadb(random: &mut StdRng) -> Vec<Kind> {
    let mut kinds = Vec::new();
    for (name, values) in MARIADB {
        let value = values.choose(random).expect("values");
        kinds.push(Kind {
            name: format!("setting {name}"),
            scripts: vec![
                format!("SET GLOBAL {name} = {value}"),
                format!("SET GLOBAL {name} = DEFAULT"),
            ],
        });
    }
    // A role is the default one now and then.
    let account = if random.random_bool(0.5) {
        "rep"
    } else {
        "plain"
    };
    kinds.push(Kind {
        name: "default role".to_owned(),
        scripts: vec![
            format!("GRANT payroll TO {account};;SET DEFAULT ROLE payroll FOR {account}"),
            format!("SET DEFAULT ROLE readers FOR {account};;REVOKE payroll FROM {account}"),
        ],
    });
    kinds
}
