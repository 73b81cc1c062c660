//! How a connection and its transactions begin, through a pooler too.
//!
//! A pooler refuses startup parameters that it does not know, and in transaction mode the next transaction may run on
//! another connection of the server. So settings are made by SQL inside each transaction, and end with it.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Row};

use crate::source::job::Limits;
use crate::source::server::GRACE;
use crate::workspace::ConnectionUrl;

/// Asks for the settings of roles and databases as one text: a connection has those of the moment when it began.
pub(crate) const ROLE_SETTINGS: &str =
    "SELECT COALESCE(string_agg(s::text, ' ' ORDER BY s::text), '') FROM pg_db_role_setting s";

/// Settings that change how values are written or SQL is read. They are part of the entry key.
pub(super) const SESSION: [(&str, &str); 6] = [
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("bytea_output", "hex"),
    // Every digit of a float, whatever the server's default.
    ("extra_float_digits", "3"),
    ("standard_conforming_strings", "on"),
];

/// What a URL's `options` set, by name: `?options=-csearch_path=sales`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings(Vec<(String, String)>);

impl Settings {
    /// The options for a connection without startup parameters that a pooler may refuse, and what these would have set.
    ///
    /// # Errors
    ///
    /// Where the URL cannot be read.
    pub(crate) fn of(url: &ConnectionUrl) -> Result<(PgConnectOptions, Self), sqlx::Error> {
        let (mut kept, mut settings) = (url.expose().to_owned(), Self::default());
        if let Ok(mut parsed) = url::Url::parse(url.expose()) {
            let mut rest = Vec::new();
            let pairs: Vec<(String, String)> = parsed.query_pairs().into_owned().collect();
            for (name, value) in pairs {
                match name.strip_prefix("options") {
                    Some("") => settings.read(&value),
                    Some(name) if name.starts_with('[') && name.ends_with(']') => {
                        settings.add(&name[1..name.len() - 1], &value);
                    }
                    _ => rest.push((name, value)),
                }
            }
            if !settings.0.is_empty() {
                parsed.set_query(None);
                if !rest.is_empty() {
                    parsed.query_pairs_mut().extend_pairs(rest);
                }
                kept = parsed.to_string();
            }
        }
        let options: PgConnectOptions = kept.parse()?;
        Ok((
            options
                .application_name("lookaside")
                .extra_float_digits(None),
            settings,
        ))
    }

    /// Reads `-c name=value --name=value`, with a backslash before a space that belongs to a value.
    fn read(&mut self, options: &str) {
        let mut words = vec![String::new()];
        let mut signs = options.chars();
        while let Some(sign) = signs.next() {
            match (sign, words.last_mut()) {
                ('\\', Some(word)) => word.extend(signs.next()),
                (sign, _) if sign.is_whitespace() => words.push(String::new()),
                (sign, Some(word)) => word.push(sign),
                (_, None) => {}
            }
        }
        for word in words {
            let setting = word
                .strip_prefix("--")
                .or_else(|| word.strip_prefix("-c"))
                .unwrap_or(&word);
            if let Some((name, value)) = setting.split_once('=') {
                self.add(name, value);
            }
        }
    }

    fn add(&mut self, name: &str, value: &str) {
        // As the server spells it after a dash.
        self.0.push((name.replace('-', "_"), value.to_owned()));
    }

    /// The settings that change what a report answers, in the order in which they are made.
    pub(crate) fn all(&self) -> Vec<(&str, &str)> {
        let own = self
            .0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        // Ours come last: they are what values are read by.
        own.chain(SESSION).collect()
    }

    /// SQL that begins a read-only transaction with these settings.
    fn begin(&self, isolation: &str, limit_ms: u128) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let made = self
            .all()
            .iter()
            .map(|(name, value)| format!("set_config({}, {}, true)", quoted(name), quoted(value)))
            .collect::<Vec<_>>()
            .join(", ");
        // Before the values: it decides how a backslash in them is read.
        format!(
            "BEGIN ISOLATION LEVEL {isolation} READ ONLY; SET LOCAL standard_conforming_strings = on; SELECT {made}; \
             SET LOCAL statement_timeout = {limit_ms}; "
        )
    }
}

/// Opens the snapshot of a report, with a time limit of the server's own behind ours; answers the process id.
pub(super) async fn begin(
    connection: &mut PgConnection,
    settings: &Settings,
    limits: &Limits,
) -> Result<i32, sqlx::Error> {
    let limit = limits
        .limit()
        .saturating_add(GRACE)
        .as_millis()
        .min(i32::MAX as u128);
    // Should this process die, the server notices although it has nothing to send. Not every platform can.
    let sql = settings.begin("REPEATABLE READ", limit)
        + "SELECT set_config('client_connection_check_interval', '2s', true) \
            WHERE current_setting('server_version_num')::int >= 140000 AND version() LIKE '%linux%'; \
           SELECT pg_backend_pid() AS pid";
    let rows = sqlx::raw_sql(AssertSqlSafe(sql))
        .fetch_all(connection)
        .await?;
    rows.last().ok_or(sqlx::Error::RowNotFound)?.try_get("pid")
}

/// Begins a transaction in which the catalogue is read with the names that a report sees; each statement sees what is
/// committed then, and may take `limit`.
pub(crate) async fn begin_look(
    connection: &mut PgConnection,
    settings: &Settings,
    limit: Duration,
) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(
        settings.begin("READ COMMITTED", limit.as_millis()),
    ))
    .execute(connection)
    .await
    .map(drop)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn options_of_a_url_become_settings() {
        let url = "postgres://u:p%40w@h/d?sslmode=disable&options=-c%20search_path%3Da%5C%20b%2Cc%20--work-mem%3D4MB&\
                   options[statement_timeout]=5";
        let (options, settings) = Settings::of(&ConnectionUrl::new(url)).unwrap();
        assert_eq!(options.get_options(), None);
        let made = settings.0.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        assert_eq!(
            made.collect::<Vec<_>>(),
            [
                ("search_path", "a b,c"),
                ("work_mem", "4MB"),
                ("statement_timeout", "5")
            ]
        );
        assert!(matches!(
            options.get_ssl_mode(),
            sqlx::postgres::PgSslMode::Disable
        ));
    }
}
