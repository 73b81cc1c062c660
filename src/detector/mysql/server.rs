//! What does the server say of itself and its log, asked beside the stream?

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use sqlx::AssertSqlSafe;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use tokio::time::timeout;

use crate::source::mysql::{Access, text};
use crate::workspace::SourceConfig;

use super::super::Blind;
use super::place::{Place, split};

/// How long an answer may take before the connection counts as dead.
const ANSWER: Duration = Duration::from_secs(10);

/// Why the server gave no answer.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// The account may not ask that; the server's words.
    Denied(String),
    /// That part of the log is not there (any more); the server's words.
    Gone(String),
    /// Anything else, as a sentence with its remedy.
    Other(String),
}

impl Failure {
    /// What a server's error number says, with its words.
    pub(super) fn of(number: u16, words: &str, place: &str) -> Self {
        match number {
            1044 | 1045 | 1142 | 1227 => Self::Denied(words.to_owned()),
            1236 => Self::Gone(words.to_owned()),
            _ => Self::Other(format!(
                "{place} does not tell of its log: {words} ({number}); it is tried again"
            )),
        }
    }

    /// The same for people, where `grant` would help an account that may not.
    pub(super) fn blind(self, grant: &str) -> Blind {
        Blind(match self {
            Self::Denied(words) => format!("the log may not be read any more ({words}); {grant}"),
            Self::Gone(words) => {
                format!("the log cannot be read on ({words}); it is read from its end on")
            }
            Self::Other(sentence) => sentence,
        })
    }
}

/// The two products, which tell different things of their logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Product {
    MariaDb,
    MySql {
        /// Whether every transaction has a number by which its commit can be waited for.
        gtid: bool,
        /// Whether it says BINARY LOG in the place of MASTER.
        renamed: bool,
    },
}

/// What matters about a server, from one look at it.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) product: Product,
    /// Whether changes go to a log.
    pub(super) logs: bool,
    /// The storage engine that the log is kept in (MariaDB 12.3), in lower case; empty for files of its own.
    pub(super) log_engine: String,
    /// `ROW`, `STATEMENT` or `MIXED`.
    pub(super) format: String,
    /// Whether changes that another server sends go to the log too.
    pub(super) logs_others: bool,
    /// Whether another server sends changes now.
    pub(super) follows: bool,
    /// What tells this server from others, and from itself with other settings.
    pub(super) identity: String,
    /// Its settings that decide what a SELECT answers.
    pub(super) settings: String,
    /// When it was started, in seconds since 1970 by its own clock; two looks may differ by one.
    pub(super) started: i64,
    /// Whether names of tables are kept as they are written.
    pub(super) exact_names: bool,
    /// Whether the connection is encrypted.
    pub(super) encrypted: bool,
    /// The account as the server knows it, `'user'@'host'`.
    pub(super) account: String,
}

impl Facts {
    /// What gives the account the right to read the log, in words for `better_by`.
    pub(super) fn grant(&self) -> String {
        format!(
            "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO {}",
            self.account
        )
    }

    pub(super) fn name(&self) -> &'static str {
        match self.product {
            Product::MariaDb => "MariaDB",
            Product::MySql { .. } => "MySQL",
        }
    }
}

/// Which databases are kept out of the log.
pub(super) struct Status {
    /// The only ones in it; empty for all.
    pub(super) only: Vec<String>,
    /// Those that are not in it.
    pub(super) without: Vec<String>,
}

/// A server, and a connection to it that is made when it is needed.
pub(super) struct Server {
    pub(super) access: Access,
    connection: Option<MySqlConnection>,
}

impl Server {
    pub(super) fn new(config: &SourceConfig) -> Result<Self, Blind> {
        let access = Access::new(config).map_err(|error| Blind(error.to_string()))?;
        Ok(Self {
            access,
            connection: None,
        })
    }

    /// Asks. A connection whose answer was not waited for, or that failed, is never used again.
    pub(super) async fn ask(&mut self, sql: &str) -> Result<Vec<MySqlRow>, Failure> {
        let place = self.access.place();
        // One that was closed meanwhile says so; a new one tells the truth.
        if let Some(connection) = self.connection.take()
            && let Ok(rows) = self.ask_over(connection, sql).await
        {
            return rows;
        }
        let connection = self
            .access
            .connect()
            .await
            .map_err(|error| Failure::Other(error.to_string()))?;
        match self.ask_over(connection, sql).await {
            Ok(rows) => rows,
            Err(why) => Err(Failure::Other(format!(
                "{place} broke off while it was asked for its log ({why}); it is tried again"
            ))),
        }
    }

    /// Asks over this connection and keeps it, unless it is broken: then the outer result says why.
    async fn ask_over(
        &mut self,
        mut connection: MySqlConnection,
        sql: &str,
    ) -> Result<Result<Vec<MySqlRow>, Failure>, String> {
        let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection);
        match timeout(ANSWER, rows).await {
            Err(_) => Err(format!("no answer within {} s", ANSWER.as_secs())),
            Ok(Ok(rows)) => {
                self.connection = Some(connection);
                Ok(Ok(rows))
            }
            Ok(Err(sqlx::Error::Database(error))) => {
                self.connection = Some(connection);
                let number = error
                    .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
                    .map_or(0, sqlx::mysql::MySqlDatabaseError::number);
                Ok(Err(Failure::of(
                    number,
                    error.message(),
                    &self.access.place(),
                )))
            }
            Ok(Err(error)) => Err(error.to_string()),
        }
    }

    /// Looks at the server.
    pub(super) async fn facts(&mut self) -> Result<Facts, Failure> {
        let settings = self.settings().await?;
        let rows = self
            .ask(
                "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'log_bin', 'binlog_format', \
                 'log_slave_updates', 'log_replica_updates', 'gtid_mode', 'server_uuid', 'server_id', 'hostname', \
                 'port', 'lower_case_table_names', 'binlog_storage_engine'); \
                 SHOW STATUS WHERE Variable_name IN ('Slave_running', 'Ssl_cipher'); \
                 SHOW GLOBAL STATUS LIKE 'Uptime'; \
                 SELECT 'now', CAST(UNIX_TIMESTAMP() AS CHAR); \
                 SELECT 'account', CURRENT_USER()",
            )
            .await?;
        let said: HashMap<String, String> = rows
            .iter()
            .map(|row| (text(row, 0).to_lowercase(), text(row, 1)))
            .collect();
        let get = |name: &str| said.get(name).map_or("", String::as_str);
        let on = |name: &str| matches!(get(name), "ON" | "1");
        let version = get("version");
        let product = if version.contains("MariaDB") {
            Product::MariaDb
        } else {
            Product::MySql {
                gtid: on("gtid_mode"),
                renamed: at_least(version, 8, 4),
            }
        };
        // A MariaDB server has no lasting number of its own.
        let identity = match get("server_uuid") {
            "" => format!(
                "mariadb:{}@{}:{}",
                get("server_id"),
                get("hostname").replace(' ', "_"),
                get("port")
            ),
            uuid => format!("mysql:{uuid}"),
        };
        let sum = blake3::hash(settings.as_bytes()).to_hex();
        let identity = format!("{identity}#{}", &sum[..16]);
        let seconds = |name: &str| get(name).parse::<i64>().unwrap_or_default();
        let (user, host) = get("account").rsplit_once('@').unwrap_or_default();
        let quoted = |part: &str| format!("'{}'", part.replace('\'', "''"));
        Ok(Facts {
            product,
            logs: on("log_bin"),
            log_engine: get("binlog_storage_engine").to_lowercase(),
            format: get("binlog_format").to_owned(),
            logs_others: on("log_slave_updates") || on("log_replica_updates"),
            follows: on("slave_running"),
            identity,
            settings,
            started: seconds("now") - seconds("uptime"),
            exact_names: matches!(get("lower_case_table_names"), "" | "0"),
            encrypted: !get("ssl_cipher").is_empty(),
            account: format!("{}@{}", quoted(user), quoted(host)),
        })
    }

    /// A place in the log up to which every commit can be seen by a snapshot that is opened from now on, and behind
    /// everything that was committed before the call.
    ///
    /// The log has a commit before others can see it. MariaDB tells where its log stood when a snapshot was opened. In
    /// MySQL the numbers of transactions on their way are waited for; without numbers the end of the log has to do.
    pub(super) async fn end(&mut self, product: Product) -> Result<Place, Failure> {
        match product {
            Product::MariaDb => {
                let rows = self
                    .ask(
                        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; \
                         SHOW STATUS LIKE 'binlog_snapshot_%'; COMMIT",
                    )
                    .await?;
                let get = |name: &str| {
                    rows.iter()
                        .find(|row| text(row, 0).eq_ignore_ascii_case(name))
                        .map(|row| text(row, 1))
                        .unwrap_or_default()
                };
                self.place(
                    &get("binlog_snapshot_file"),
                    &get("binlog_snapshot_position"),
                )
            }
            Product::MySql { gtid, .. } => {
                let rows = self.ask(status_sql(product)).await?;
                let end = match rows.first() {
                    Some(row) => self.place(&text(row, 0), &text(row, 1))?,
                    None => return Err(self.no_log()),
                };
                if gtid {
                    self.settled().await?;
                }
                Ok(end)
            }
        }
    }

    /// Waits until no transaction is left of those that are being committed now. A number is owned from before its
    /// transaction is in the log until it can be seen.
    async fn settled(&mut self) -> Result<(), Failure> {
        let mut waited: Option<BTreeSet<String>> = None;
        loop {
            let rows = self.ask("SELECT @@GLOBAL.gtid_owned").await?;
            let owned = owned(&rows.first().map(|row| text(row, 0)).unwrap_or_default());
            let left: BTreeSet<String> = match waited {
                None => owned,
                Some(waited) => waited.intersection(&owned).cloned().collect(),
            };
            if left.is_empty() {
                return Ok(());
            }
            waited = Some(left);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The files of the log with their sizes, oldest first.
    pub(super) async fn files(&mut self) -> Result<Vec<Place>, Failure> {
        let rows = self.ask("SHOW BINARY LOGS").await?;
        rows.iter()
            .map(|row| self.place(&text(row, 0), &text(row, 1)))
            .collect()
    }

    /// What stands before the number in the names of the log's files.
    pub(super) async fn base(&mut self) -> Result<String, Failure> {
        let rows = self.ask("SHOW BINARY LOGS").await?;
        let name = rows.last().map(|row| text(row, 0)).unwrap_or_default();
        match split(&name) {
            Some((base, _)) => Ok(base.to_owned()),
            None => Err(self.no_log()),
        }
    }

    /// Which databases are kept out of the log.
    pub(super) async fn status(&mut self, product: Product) -> Result<Status, Failure> {
        let rows = self.ask(status_sql(product)).await?;
        let list = |column| {
            let names = rows
                .first()
                .map(|row| text(row, column))
                .unwrap_or_default();
            names
                .split(',')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect()
        };
        Ok(Status {
            only: list(2),
            without: list(3),
        })
    }

    /// The server's settings that decide what a SELECT answers, as one text: no log tells of SET GLOBAL.
    pub(super) async fn settings(&mut self) -> Result<String, Failure> {
        let rows = self.ask(&crate::source::mysql::settings()).await?;
        let rows = rows.iter().map(|row| text(row, 0) + " " + &text(row, 1));
        Ok(rows.collect::<Vec<_>>().join("\n"))
    }

    /// Something that differs whenever a commit can be seen that could not be seen before; any account may ask for it.
    pub(super) async fn mark(&mut self, product: Product) -> Result<String, Failure> {
        match product {
            Product::MariaDb => {
                let Place { file, offset } = self.end(product).await?;
                Ok(format!("{file}:{offset}"))
            }
            Product::MySql { .. } => {
                let rows = self.ask("SELECT @@GLOBAL.gtid_executed").await?;
                Ok(rows.first().map(|row| text(row, 0)).unwrap_or_default())
            }
        }
    }

    fn place(&self, name: &str, offset: &str) -> Result<Place, Failure> {
        match (split(name), offset.parse()) {
            (Some((_, file)), Ok(offset)) => Ok(Place { file, offset }),
            _ => Err(self.no_log()),
        }
    }

    fn no_log(&self) -> Failure {
        Failure::Other(format!(
            "{} tells of no log; set log_bin in its configuration and restart it",
            self.access.place()
        ))
    }
}

fn status_sql(product: Product) -> &'static str {
    match product {
        Product::MySql { renamed: true, .. } => "SHOW BINARY LOG STATUS",
        _ => "SHOW MASTER STATUS",
    }
}

/// The single numbers in `@@GLOBAL.gtid_owned`: "server:5#12:6#13,other:9#4", each with the thread that owns it.
fn owned(text: &str) -> BTreeSet<String> {
    let mut owned = BTreeSet::new();
    for set in text.split(',') {
        let mut prefix = String::new();
        for part in set.trim().split(':') {
            if part.contains('#') {
                owned.insert(format!("{prefix}{part}"));
            } else {
                prefix.push_str(part);
                prefix.push(':');
            }
        }
    }
    owned
}

/// Whether a version, "8.0.36-log", is this one or a later one.
fn at_least(version: &str, major: u32, minor: u32) -> bool {
    let mut numbers = version
        .split(|character: char| !character.is_ascii_digit())
        .map(|number| number.parse().unwrap_or(0));
    let (a, b) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    (a, b) >= (major, minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_on_their_way_are_told_apart() {
        let some = owned("3e11fa47:23#81:24#82,\n4f22: tagged:7#9");
        assert_eq!(some.len(), 3, "{some:?}");
        assert!(some.contains("3e11fa47:24#82"), "{some:?}");
        assert!(owned("").is_empty());
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(at_least("8.4.0", 8, 4) && at_least("9.1.0-cloud", 8, 4));
        assert!(!at_least("8.0.36-log", 8, 4) && !at_least("5.7", 8, 4));
    }
}
