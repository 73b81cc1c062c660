//! How does one get to a server, as the source's URL tells it? Shared by the source and by what reads the server's log,
//! so that both take the same way: the same address, account and TLS.

use sqlx::ConnectOptions;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};

use crate::source::SourceError;
use crate::source::failure::{Address, CONNECT, TlsWords, missing_file};
use crate::workspace::{ConnectionUrl, SourceConfig};

/// The server's settings that decide answers, that a session takes over when it begins or that hold for all of them, and
/// that we do not set ourselves. A server knows some of them.
const SETTINGS: [&str; 33] = [
    "block_encryption_mode",
    "character_set_collations",
    "character_set_connection",
    "character_set_database",
    "character_set_server",
    "collation_connection",
    "collation_database",
    "collation_server",
    "cte_max_recursion_depth",
    "default_collation_for_utf8mb4",
    "default_regex_flags",
    "ft_boolean_syntax",
    "ft_max_word_len",
    "ft_min_word_len",
    "ft_query_expansion_limit",
    "init_connect",
    "innodb_ft_server_stopword_table",
    "innodb_ft_user_stopword_table",
    "lower_case_table_names",
    "max_allowed_packet",
    "max_join_size",
    "max_recursive_iterations",
    "max_sort_length",
    "new_mode",
    "old_mode",
    "old_passwords",
    "optimizer_switch",
    "sql_auto_is_null",
    "sql_big_selects",
    "standard_compliant_cte",
    "system_time_zone",
    "system_versioning_asof",
    "windowing_use_high_precision",
];

/// Asks for these.
pub(crate) fn settings() -> String {
    let names = SETTINGS.join("', '");
    format!("SHOW GLOBAL VARIABLES WHERE Variable_name IN ('{names}')")
}

/// The way to a server.
pub(crate) struct Access {
    options: MySqlConnectOptions,
    url: ConnectionUrl,
    pub(super) address: Address,
}

impl Access {
    /// Reads the URL; connects to nothing yet.
    pub(crate) fn new(config: &SourceConfig) -> Result<Self, SourceError> {
        let options: MySqlConnectOptions = config.url.expose().parse().map_err(|error| {
            SourceError::Connect(crate::source::bad_url(
                &config.name,
                &error,
                "mysql://user:password@host:3306/database",
            ))
        })?;
        // What changes results is in `SESSION`.
        let options = options
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(Some("+00:00".to_owned()))
            .disable_statement_logging();
        let (host, port) = match options.get_socket() {
            Some(socket) => (socket.display().to_string(), None),
            None => (options.get_host().to_owned(), Some(options.get_port())),
        };
        let address = Address {
            // Who listens is known only after the sign-in; what a person calls it is known before.
            product: if config.url.scheme() == "mariadb" {
                "MariaDB"
            } else {
                "MySQL"
            },
            host,
            port,
            user: options.get_username().to_owned(),
            database: options.get_database().unwrap_or_default().to_owned(),
            tls: TlsWords {
                mode: "ssl-mode",
                some: "REQUIRED",
                best: "VERIFY_IDENTITY",
                authority: "ssl-ca",
            },
            encrypts: !matches!(options.get_ssl_mode(), MySqlSslMode::Disabled),
            missing_file: missing_file(&config.url),
        };
        Ok(Self {
            options,
            url: config.url.clone(),
            address,
        })
    }

    /// A connection in a session that may not write.
    pub(crate) async fn connect(&self) -> Result<MySqlConnection, SourceError> {
        let connect = async {
            let mut connection = self.options.connect().await?;
            // For the session too: a statement that ends the transaction by itself finds the next one read-only.
            sqlx::raw_sql("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET SESSION TRANSACTION READ ONLY")
                .execute(&mut connection)
                .await?;
            Ok(connection)
        };
        tokio::time::timeout(CONNECT, connect)
            .await
            .map_err(|_| SourceError::Connect(self.address.silent()))?
            .map_err(|error| self.address.unreachable(&error))
    }

    /// What the URL says, for a client of another kind.
    pub(crate) fn options(&self) -> &MySqlConnectOptions {
        &self.options
    }

    /// The URL, for what the options do not give out again.
    pub(crate) fn url(&self) -> &ConnectionUrl {
        &self.url
    }

    /// Where the server is, as people call it.
    pub(crate) fn place(&self) -> String {
        self.address.to_string()
    }

    /// The database whose tables stand unqualified; empty for none.
    pub(crate) fn database(&self) -> &str {
        &self.address.database
    }

    /// A table as the catalogue calls it: unqualified in the source's database.
    pub(crate) fn name(&self, schema: &str, table: &str) -> String {
        self.address.name(schema, table)
    }
}

impl Address {
    /// A table or view as the catalogue calls it.
    pub(super) fn name(&self, schema: &str, name: &str) -> String {
        if schema == self.database {
            name.to_owned()
        } else {
            format!("{schema}.{name}")
        }
    }
}
