//! Why a server cannot be reached or a query failed, in one sentence with the remedy, never with a secret.

use std::io::ErrorKind;
use std::time::Duration;

use super::SourceError;
use crate::human::io_words;
use crate::workspace::ConnectionUrl;

/// How long a server may take to accept a connection and the sign-in.
pub(super) const CONNECT: Duration = Duration::from_secs(15);

/// A server as people call it.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// `MySQL`, `PostgreSQL`.
    pub(super) product: &'static str,
    /// Name or number of the machine, or the socket's path.
    pub(super) host: String,
    /// `None` for a unix socket.
    pub(super) port: Option<u16>,
    pub(super) user: String,
    pub(super) database: String,
    pub(super) tls: TlsWords,
    /// Whether the URL lets the connection be encrypted.
    pub(super) encrypts: bool,
    /// See [`missing_file`].
    pub(super) missing_file: Option<String>,
}

/// How the URL asks for TLS.
#[derive(Clone, Copy, Debug)]
pub(super) struct TlsWords {
    /// The name of the parameter, and its values for an encrypted connection and for one whose server is known too.
    pub(super) mode: &'static str,
    pub(super) some: &'static str,
    pub(super) best: &'static str,
    /// The parameter that names the file with the certificate authority.
    pub(super) authority: &'static str,
}

/// The first of a URL's certificate files that is not there. The error of a connection does not name it.
pub(super) fn missing_file(url: &ConnectionUrl) -> Option<String> {
    let url = url::Url::parse(url.expose()).ok()?;
    url.query_pairs()
        .filter(|(name, _)| {
            let name = name.replace('-', "");
            matches!(
                name.as_str(),
                "sslca" | "sslrootcert" | "sslcert" | "sslkey"
            )
        })
        .map(|(_, file)| file.into_owned())
        // A certificate may also stand in the URL itself.
        .find(|file| !file.starts_with("-----BEGIN") && !std::path::Path::new(file).is_file())
}

/// Whether the server knows the account or the database no more, or does not let the account in: wrong password,
/// no such database, no permission to connect.
fn refuses_account(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else {
        return false;
    };
    match error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        Some(error) => matches!(
            error.number(),
            1044 | 1045 | 1049 | 1130 | 1698 | 3118 | 4151
        ),
        None => matches!(
            error.code().as_deref(),
            Some("28000" | "28P01" | "3D000" | "42501")
        ),
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

impl Address {
    /// The sentence for a connection that did not come about.
    pub(super) fn unreachable(&self, error: &sqlx::Error) -> SourceError {
        let Self {
            product,
            host,
            user,
            database,
            ..
        } = self;
        if let (Some(file), sqlx::Error::Io(_) | sqlx::Error::Tls(_)) = (&self.missing_file, error)
        {
            return SourceError::Connect(format!(
                "the file {file} is not there; correct its name in the source's URL"
            ));
        }
        let kind = if refuses_account(error) {
            SourceError::SignIn
        } else {
            SourceError::Connect
        };
        kind(match error {
            sqlx::Error::Io(error) => self.unreachable_io(error),
            sqlx::Error::Tls(error) => self.no_tls(error.as_ref()),
            sqlx::Error::Database(error) => {
                let code = error.code().unwrap_or_default();
                let number = error
                    .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
                    .map(sqlx::mysql::MySqlDatabaseError::number);
                match (number, code.as_ref()) {
                    // MariaDB says no more to an account or from a server that wants TLS.
                    (Some(1045 | 1698), _) if !self.encrypts => format!(
                        "{product} at {self} refused the password of {user}; correct user or password, or add {}={} \
                         to the source's URL if it wants TLS",
                        self.tls.mode, self.tls.some
                    ),
                    (Some(1045 | 1698), _) | (None, "28P01") => format!(
                        "{product} at {self} refused the password of {user}; correct user or password"
                    ),
                    (Some(1044), _) => format!(
                        "{user} may not use the database {database} at {self}; grant the user SELECT on it"
                    ),
                    (Some(1049), _) | (None, "3D000") => format!(
                        "{product} at {self} has no database {database}; correct the last part of the source's URL"
                    ),
                    (Some(1040 | 1203 | 1226), _) | (None, "53300") => format!(
                        "{product} at {self} has no connection left: {}; lower max_concurrent_queries or raise the server's limit",
                        error.message()
                    ),
                    (None, "28000") if error.message().contains("no encryption") => {
                        self.wants_tls()
                    }
                    (None, "28000") => format!(
                        "{product} at {self} refused {user}: {}; correct the user, or allow this machine in pg_hba.conf",
                        error.message()
                    ),
                    (Some(3159), _) => self.wants_tls(),
                    (Some(1130), _) => format!(
                        "{product} at {self} does not take connections from this machine: {}",
                        error.message()
                    ),
                    // PgBouncer and its like.
                    (None, "08P01")
                        if error.message().contains("unsupported startup parameter") =>
                    {
                        format!(
                            "the pooler at {self} refused the connection: {}; leave that parameter out of the source's URL \
                             and of PGOPTIONS, or add it to the pooler's ignore_startup_parameters",
                            error.message()
                        )
                    }
                    (None, "57P03") => format!(
                        "{product} at {self} is starting or stopping; try again in a moment"
                    ),
                    _ => format!(
                        "{product} at {self} refused the connection: {} ({code})",
                        error.message()
                    ),
                }
            }
            sqlx::Error::Protocol(_) => format!(
                "what listens at {self} does not speak {product}'s protocol ({}); correct host and port in the source's URL",
                words(error)
            ),
            error => format!(
                "no connection to {product} at {self} ({host}): {}",
                words(error)
            ),
        })
    }

    fn no_tls(&self, error: &(dyn std::error::Error + 'static)) -> String {
        format!(
            "no TLS connection to {self}: {error}; check {} and {} in the source's URL",
            self.tls.mode, self.tls.authority
        )
    }

    fn wants_tls(&self) -> String {
        format!(
            "{} at {self} wants TLS; add {}={} to the source's URL",
            self.product, self.tls.mode, self.tls.some
        )
    }

    /// The sentence for an account that may sign in, and no more.
    pub(super) fn refused(&self, error: &sqlx::Error) -> SourceError {
        SourceError::Other(format!(
            "{self} refused what reports need: {}",
            words(error)
        ))
    }

    /// The sentence for a catalogue that cannot be read.
    pub(super) fn catalogue_unread(&self, error: &sqlx::Error) -> SourceError {
        match error {
            sqlx::Error::Database(error) => SourceError::Other(format!(
                "the catalogue of {self} cannot be read: {}",
                error.message()
            )),
            error => self.lost(error),
        }
    }

    /// The sentence for a connection that the operating system refused.
    pub(super) fn unreachable_io(&self, error: &std::io::Error) -> String {
        let Self { product, host, .. } = self;
        // A certificate that is not trusted comes as an error of the stream.
        if let Some(error) = error.get_ref().filter(|error| error.is::<rustls::Error>()) {
            return self.no_tls(error);
        }
        match error.kind() {
            ErrorKind::ConnectionRefused => format!(
                "nothing listens at {self}; start {product}, or correct host and port in the source's URL"
            ),
            ErrorKind::NotFound if self.port.is_none() => format!(
                "there is no socket {host}; start {product}, or correct the socket in the source's URL"
            ),
            ErrorKind::PermissionDenied => {
                format!("this account may not open {self}: {}", io_words(error))
            }
            ErrorKind::TimedOut => self.silent(),
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset => format!(
                "{self} closed the connection before the sign-in; check that it is {product}, and that it takes connections from this machine"
            ),
            // The resolver's errors have no kind of their own.
            _ if error.to_string().contains("lookup") => format!(
                "the host {host} is not known; correct it in the source's URL, or check the name server"
            ),
            _ => format!("no connection to {self}: {}", io_words(error)),
        }
    }

    /// The sentence for a server that says nothing.
    pub(super) fn silent(&self) -> String {
        format!(
            "{self} did not answer within {}; check host, port and firewall",
            crate::human::duration(CONNECT)
        )
    }

    /// The sentence for what went wrong while a query ran, and is no answer of the database. Only an error of the stream
    /// itself means that the connection was lost.
    pub(super) fn lost(&self, error: &sqlx::Error) -> SourceError {
        use sqlx::Error as E;
        let product = self.product;
        match error {
            E::Io(_) | E::Tls(_) | E::WorkerCrashed | E::PoolClosed => SourceError::Lost(format!(
                "the connection to {product} at {self} was lost while the query ran ({}); run the report again",
                words(error)
            )),
            E::Database(error) => SourceError::Other(match error.code() {
                Some(code) => format!("{product} at {self} answered: {} ({code})", error.message()),
                None => format!("{product} at {self} answered: {}", error.message()),
            }),
            E::Encode(why) => SourceError::Param(format!(
                "a parameter cannot be sent to {product} at {self}: {why}"
            )),
            E::Configuration(why) => SourceError::Other(format!(
                "the query cannot be sent to {product} at {self}: {why}"
            )),
            E::Decode(why) => self.not_understood(why.as_ref()),
            E::ColumnDecode { index, source } => SourceError::Other(format!(
                "column {index} of what {product} at {self} answered cannot be read ({source}); cast it to text in the \
                 report's SQL"
            )),
            E::TypeNotFound { type_name } => SourceError::Other(format!(
                "{product} at {self} answered with the type {type_name}, which it does not describe; cast the column to \
                 text in the report's SQL"
            )),
            E::Protocol(_) => self.not_understood(&words(error)),
            error => self.not_understood(error),
        }
    }

    fn not_understood(&self, why: &(impl std::fmt::Display + ?Sized)) -> SourceError {
        SourceError::Other(format!(
            "what {} at {self} answered was not understood ({why}); if there is a proxy or pooler in between, give the \
             server's own address in the source's URL",
            self.product
        ))
    }
}

/// What the server or the system says, without the words of the library around it.
pub(crate) fn words(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Io(error) => io_words(error),
        // "unexpected response from SSLRequest: 0x48 (sqlx_postgres::connection::tls:95)"
        sqlx::Error::Protocol(why) => why.split(" (sqlx").next().unwrap_or(why).to_owned(),
        sqlx::Error::Tls(why) | sqlx::Error::Configuration(why) => why.to_string(),
        error => crate::human::without_number(&error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> Address {
        Address {
            product: "PostgreSQL",
            host: "db".to_owned(),
            port: Some(5432),
            user: "reader".to_owned(),
            database: "shop".to_owned(),
            tls: TlsWords {
                mode: "sslmode",
                some: "require",
                best: "verify-full",
                authority: "sslrootcert",
            },
            encrypts: false,
            missing_file: None,
        }
    }

    #[test]
    fn only_errors_of_the_stream_are_a_lost_connection() {
        use sqlx::Error as E;
        let lost = |error: E| {
            let error = address().lost(&error);
            (matches!(error, SourceError::Lost(_)), error.to_string())
        };
        for error in [
            E::Io(ErrorKind::BrokenPipe.into()),
            E::Io(ErrorKind::UnexpectedEof.into()),
            E::Tls("bad record".into()),
            E::WorkerCrashed,
        ] {
            let (is_lost, sentence) = lost(error);
            assert!(
                is_lost && sentence.contains("was lost while the query ran"),
                "{sentence}"
            );
        }
        for (error, want) in [
            (
                E::Protocol("too many arguments for query: 70000".to_owned()),
                "was not understood",
            ),
            (E::Decode("no date".into()), "was not understood"),
            (
                E::Encode("value size would overflow".into()),
                "a parameter cannot be sent",
            ),
            (
                E::TypeNotFound {
                    type_name: "mood".to_owned(),
                },
                "the type mood",
            ),
            (
                E::ColumnDecode {
                    index: "3".to_owned(),
                    source: "odd".into(),
                },
                "column 3 of what PostgreSQL at db:5432 answered",
            ),
            (E::RowNotFound, "was not understood"),
            (E::ColumnNotFound("n".to_owned()), "was not understood"),
            (E::PoolTimedOut, "was not understood"),
            (E::Configuration("odd".into()), "cannot be sent"),
        ] {
            let (is_lost, sentence) = lost(error);
            assert!(!is_lost && sentence.contains(want), "{sentence}");
        }
    }
}
