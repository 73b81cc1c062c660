//! How is the server reached, over SQL and for replication? Both by the source's URL.
//!
//! The replication connection is of `pgwire-replication`. The other crate at hand, `pg_walstream`, is seven times its
//! size for what it could do for us, and does its TLS with aws-lc; this one does it with ring as everything else here,
//! and lets a slot be made and the stream be begun on one session. (It leaves rustls its default features, so that
//! aws-lc is built with it, and used by nobody: `source::open` chooses ring for all.)

use std::path::PathBuf;
use std::time::Duration;

use pgwire_replication::{ReplicationConfig, SslMode, TlsConfig};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Connection};

use crate::source::postgres::{Settings, begin_look};
use crate::workspace::SourceConfig;

use super::super::Blind;

/// How long a connection or a look may take before the server counts as silent.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a new slot waits for transactions that are open.
const OPEN_TRANSACTIONS: &str = "-c lock_timeout=30s";
/// So many events of the log wait for us before the server does.
const EVENTS: usize = 1024;

/// Where the database is.
#[derive(Clone)]
pub(super) struct Link {
    options: PgConnectOptions,
    settings: Settings,
    /// As people call it: `127.0.0.1:5432/shop`.
    at: String,
}

impl Link {
    /// Reads the URL; connects to nothing yet.
    pub(super) fn new(config: &SourceConfig) -> Result<Self, Blind> {
        let (options, settings) = Settings::of(&config.url).map_err(|_| {
            Blind(format!(
                "the URL of the source \"{}\" cannot be read; write it like postgres://user:password@host:5432/database",
                config.name
            ))
        })?;
        let options = options.disable_statement_logging();
        let host = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        let at = format!("{host}/{}", database(&options));
        Ok(Self {
            options,
            settings,
            at,
        })
    }

    /// A connection for looking, in a transaction that cannot write.
    pub(super) async fn connect(&self) -> Result<PgConnection, Blind> {
        let mut connection = self.connect_to_write().await?;
        self.begin(&mut connection).await?;
        Ok(connection)
    }

    /// Begins to look: several statements see the same connection of the server only within one transaction, where a
    /// pooler stands in between, and settings must not be left to others who get it.
    pub(super) async fn begin(&self, connection: &mut PgConnection) -> Result<(), Blind> {
        self.in_time(begin_look(connection, &self.settings, PATIENCE))
            .await
    }

    /// Ends a look, so that nothing is held while nothing is asked.
    pub(super) async fn end(&self, connection: &mut PgConnection) -> Result<(), Blind> {
        self.in_time(sqlx::raw_sql("COMMIT").execute(connection))
            .await
            .map(drop)
    }

    /// A connection that may write: for a publication that the user wants us to make or to take out.
    pub(super) async fn connect_to_write(&self) -> Result<PgConnection, Blind> {
        self.in_time(self.options.connect()).await
    }

    /// What the server answers, unless it takes too long.
    pub(super) async fn in_time<T>(
        &self,
        asked: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, Blind> {
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(answer) => answer.map_err(|error| self.unseen(&crate::source::words(&error))),
            Err(_) => Err(self.unseen(&"the server does not answer")),
        }
    }

    /// The sentence for a server whose changes cannot be seen.
    pub(super) fn unseen(&self, why: &dyn std::fmt::Display) -> Blind {
        Blind(format!(
            "changes of {} cannot be seen: {why}; it is tried again",
            self.at
        ))
    }

    /// How a replication connection is opened. `encrypted` tells whether the connection for looking is: where the URL
    /// leaves it open, this one is no worse. What it cannot do is told in words.
    pub(super) fn replication(
        &self,
        publication: &str,
        slot: &str,
        encrypted: bool,
    ) -> Result<ReplicationConfig, String> {
        let options = &self.options;
        let host = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => options.get_host().trim_matches(['[', ']']).to_owned(),
        };
        let known = Known::of(options)?;
        let name = format!("\"{}\"", publication.replace('"', "\"\""));
        let mut config = ReplicationConfig::new(
            host.clone(),
            options.get_username(),
            known.password,
            database(options),
            slot,
            name,
        )
        .with_port(options.get_port());
        let mode = match options.get_ssl_mode() {
            // TLS is not spoken over a unix socket.
            _ if options.get_socket().is_some() => SslMode::Disable,
            PgSslMode::VerifyFull => SslMode::VerifyFull,
            PgSslMode::VerifyCa => SslMode::VerifyCa,
            PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer if !encrypted => {
                SslMode::Disable
            }
            _ => SslMode::Require,
        };
        config.tls = TlsConfig {
            mode,
            ca_pem_path: known.authority,
            // Also where the host is a number: its certificate then names that.
            sni_hostname: Some(host),
            client_cert_pem_path: known.certificate,
            client_key_pem_path: known.key,
        };
        config.application_name = Some("lookaside".to_owned());
        config.options = Some(OPEN_TRANSACTIONS.to_owned());
        config.status_interval = Duration::from_secs(1);
        config.buffer_events = EVENTS;
        Ok(config)
    }
}

/// What the connection options know and do not tell but in the form of a URL.
struct Known {
    password: String,
    authority: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl Known {
    fn of(options: &PgConnectOptions) -> Result<Self, String> {
        // The library takes it for granted that these make a URL.
        let name = options.get_username();
        if options.get_socket().is_none()
            && url::Url::parse(&format!("postgres://{name}@{}:1", options.get_host())).is_err()
            || url::Url::parse(&format!("postgres://{name}@socket:1")).is_err()
        {
            return Err(
                "the user's name has signs that a replication connection does not take".to_owned(),
            );
        }
        let url = options.to_url_lossy();
        let password = url.password().unwrap_or_default();
        let password = percent_decoded(password);
        let mut known = Self {
            password,
            authority: None,
            certificate: None,
            key: None,
        };
        for (name, value) in url.query_pairs() {
            let file = match name.as_ref() {
                "sslrootcert" => &mut known.authority,
                "sslcert" => &mut known.certificate,
                "sslkey" => &mut known.key,
                _ => continue,
            };
            if value.starts_with("-----BEGIN") {
                return Err(format!(
                    "{name} holds the certificate itself; name a file there"
                ));
            }
            *file = Some(PathBuf::from(
                value.strip_prefix("file: ").unwrap_or(&value),
            ));
        }
        Ok(known)
    }
}

/// A form field's text: percent signs, but no plus signs in the place of spaces.
fn percent_decoded(text: &str) -> String {
    let field = format!("p={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(field.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn database(options: &PgConnectOptions) -> &str {
    options.get_database().unwrap_or(options.get_username())
}

/// Closes a connection; where that fails the server notices that it is gone.
pub(super) async fn close(mut connection: PgConnection) {
    let closed = async {
        // A pooler gives up a connection whose transaction is left open.
        let _ = sqlx::raw_sql("ROLLBACK").execute(&mut connection).await;
        connection.close().await
    };
    let _ = tokio::time::timeout(PATIENCE, closed).await;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn link(url: &str) -> Link {
        Link::new(&SourceConfig::new("shop", url)).unwrap()
    }

    #[test]
    fn a_replication_connection_is_as_safe_as_the_url_says() {
        for (mode, encrypted, expected) in [
            ("disable", false, SslMode::Disable),
            ("prefer", false, SslMode::Disable),
            ("prefer", true, SslMode::Require),
            ("require", true, SslMode::Require),
            ("verify-ca", true, SslMode::VerifyCa),
            ("verify-full", false, SslMode::VerifyFull),
        ] {
            let url = format!("postgres://u:p%2B%25w%20@h/d?sslmode={mode}&sslrootcert=/ca.pem");
            let config = link(&url).replication("p", "s", encrypted).unwrap();
            assert_eq!(config.tls.mode, expected, "{mode}");
            assert_eq!(config.tls.ca_pem_path, Some(PathBuf::from("/ca.pem")));
            assert_eq!(config.password, "p+%w ");
        }
    }

    #[test]
    fn a_socket_and_a_hostile_user_are_no_surprise() {
        let config = link("postgres://u@%2Frun%2Fpg/d").replication("p", "s", false);
        assert!(config.unwrap().is_unix_socket());
        assert!(
            link("postgres://x%3A99999999%2F@h/d")
                .replication("p", "s", false)
                .is_err()
        );
        assert!(!format!("{:?}", link("postgres://u:s3cret@h/d").unseen(&"x")).contains("s3cret"));
    }
}
