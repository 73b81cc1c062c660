//! What went wrong, in one sentence with the remedy, never with a secret.

use tiberius::error::{Error, IoErrorKind, TokenError};

use super::params::Statement;
use crate::source::SourceError;
use crate::source::failure::Address;
use crate::source::job::Limits;
use crate::source::transient;

/// The sentence for a connection that did not come about.
pub(super) fn unreachable(address: &Address, error: &Error) -> SourceError {
    if let (Some(file), Error::Io { .. } | Error::Tls(_)) = (&address.missing_file, error) {
        return SourceError::Connect(format!(
            "the file {file} is not there; correct its name in the source's URL"
        ));
    }
    if let Error::Server(error) = error {
        let sentence = refused_sign_in(address, error);
        return match error.code() {
            code if transient::mssql(code) => SourceError::Connect(sentence),
            _ => SourceError::SignIn(sentence),
        };
    }
    SourceError::Connect(match error {
        Error::Tls(why) => no_tls(address, why),
        Error::Io { kind, message } => io(address, *kind, message),
        Error::Protocol(why) if why.contains("requested encryption") => format!(
            "SQL Server at {address} does not encrypt; let it, or add encrypt=none to the source's URL where the network \
             is trusted"
        ),
        Error::Protocol(why) if why.contains("Never got DONE") || why.contains("token") => {
            not_spoken(address, why)
        }
        Error::Conversion(why) if why.contains("SQL browser") || why.contains("SQL Browser") => {
            format!(
                "the instance {} was not found: SQL Server Browser did not answer; start it, or give the instance's port \
                 in the source's URL",
                address.host
            )
        }
        Error::Routing { host, port } => format!(
            "SQL Server at {address} sends us on and on, at last to {host}:{port}; give the server's own address in the \
             source's URL"
        ),
        error => not_spoken(address, &error.to_string()),
    })
}

fn not_spoken(address: &Address, why: &str) -> String {
    format!(
        "what listens at {address} does not speak SQL Server's protocol ({why}); correct host and port in the source's \
         URL"
    )
}

fn refused_sign_in(address: &Address, error: &TokenError) -> String {
    let Address { user, database, .. } = address;
    match error.code() {
        18456 if user.is_empty() => format!(
            "SQL Server at {address} wants a user (18456); write mssql://user:password@host/database"
        ),
        18456 => format!(
            "SQL Server at {address} refused the password of {user} (18456); correct user or password"
        ),
        18470 | 18486 | 18487 | 18488 => format!(
            "SQL Server at {address} does not let {user} in: {} ({}); let an administrator enable the login or set a new \
             password",
            error.message(),
            error.code()
        ),
        code if code == 4060 || code == 911 || is_missing(database, error.message()) => format!(
            "SQL Server at {address} has no database {database}, or {user} may not use it ({code}); correct the last part \
             of the source's URL, or let the user in"
        ),
        916 => format!(
            "{user} may not use the database {database} at {address} (916); make the login a user of it"
        ),
        10928 | 10929 | 17809 => format!(
            "SQL Server at {address} has no connection left: {} ({}); lower max_concurrent_queries or raise the server's \
             limit",
            error.message(),
            error.code()
        ),
        40613 | 6005 | 17142 => format!(
            "SQL Server at {address} is starting, stopping or paused ({}); try again in a moment",
            error.code()
        ),
        code => format!(
            "SQL Server at {address} refused the connection: {} ({code})",
            error.message()
        ),
    }
}

/// Other servers that speak the protocol have numbers of their own.
fn is_missing(database: &str, message: &str) -> bool {
    !database.is_empty() && message.contains(&format!("\"{database}\" does not exist"))
}

/// The TLS library names the commonest causes in its own words.
fn plain(cause: &str) -> &str {
    match cause {
        cause if cause.contains("UnknownIssuer") => {
            "the authority that signed it is not known here"
        }
        cause if cause.contains("Expired") => "it has expired",
        cause if cause.contains("NotValidYet") => "it is not valid yet",
        cause => cause,
    }
}

/// The driver's text names its own functions as remedies; ours are options of the URL.
fn no_tls(address: &Address, why: &str) -> String {
    let cause = why
        .strip_prefix("the server's certificate was rejected during the TLS handshake: ")
        .map(|why| why.split(". To connect").next().unwrap_or(why))
        .map(|why| why.split(". The SQL Server").next().unwrap_or(why));
    match cause {
        Some(cause) => format!(
            "the certificate of SQL Server at {address} is not trusted: {}; add trustServerCertificateCA=FILE with its \
             authority to the source's URL, or trustServerCertificate=true where the network is trusted",
            plain(cause.trim_end_matches('.'))
        ),
        None => format!(
            "no TLS connection to {address}: {why}; check encrypt and trustServerCertificateCA in the source's URL"
        ),
    }
}

fn io(address: &Address, kind: IoErrorKind, message: &str) -> String {
    match kind {
        // The driver says so of whatever it cannot read.
        _ if message.contains("Protocol error")
            || message.contains("bytes remaining on stream") =>
        {
            not_spoken(address, message)
        }
        // What answers a greeting in TLS and knows none.
        IoErrorKind::InvalidData if address.encrypts => no_tls(address, message),
        IoErrorKind::InvalidData => not_spoken(address, message),
        IoErrorKind::BrokenPipe => address.unreachable_io(&IoErrorKind::ConnectionReset.into()),
        kind => address.unreachable_io(&std::io::Error::new(kind, message.to_owned())),
    }
}

/// The sentence for what went wrong while a query ran, and is no answer of the server. Only an error of the stream itself
/// means that the connection was lost.
pub(super) fn lost(address: &Address, error: &Error) -> SourceError {
    let why = match error {
        Error::Io { message, .. } => message.clone(),
        // The driver says so where the stream ends too early.
        Error::Protocol(why) if why.contains("Never got") || why.contains("EOF") => why.to_string(),
        Error::Tls(why) => why.clone(),
        Error::Server(error) => {
            return SourceError::Other(format!(
                "SQL Server at {address} answered: {} ({})",
                error.message().trim_end(),
                error.code()
            ));
        }
        error => {
            return SourceError::Other(format!(
                "what SQL Server at {address} answered was not understood ({error}); write CAST(... AS nvarchar(max)) for \
                 the column in the report's SQL"
            ));
        }
    };
    SourceError::Lost(format!(
        "the connection to SQL Server at {address} was lost while the query ran ({why}); run the report again"
    ))
}

/// The error of a query, with its line in the report's SQL where the server tells one.
pub(super) fn query(
    address: &Address,
    error: &Error,
    statement: &Statement,
    limits: &Limits,
) -> SourceError {
    let error = match error {
        Error::Server(error) => error,
        Error::Encoding(why) => {
            return SourceError::Other(format!(
                "a text is in a code page that cannot be read ({why}); write CAST(... AS nvarchar(max)) in the report's \
                 SQL"
            ));
        }
        Error::Utf8 | Error::Utf16 => {
            return SourceError::Other(
                "a text holds half a character, which is no text; write CAST(... AS varbinary(max)) in the report's SQL"
                    .to_owned(),
            );
        }
        error => return lost(address, error),
    };
    let message = format!(
        "{} ({}, state {}{})",
        error.message().trim_end(),
        error.code(),
        error.state(),
        match (error.procedure(), error.line()) {
            ("" | "sp_executesql", 0..=1) => String::new(),
            ("" | "sp_executesql", line) => format!(", line {line}"),
            (procedure, line) => format!(", {procedure}, line {line}"),
        }
    );
    match error.code() {
        1222 => SourceError::Timeout(limits.limit()),
        3960 | 3961 => SourceError::Busy(format!("{message}; run the report again")),
        596 | 6006 | 64 | 10054 => SourceError::Lost(format!(
            "the server ended the connection to {address}: {message}; run the report again"
        )),
        number if transient::mssql(number) => SourceError::Busy(message),
        229 | 230 => SourceError::Sql {
            message: format!("{message}; grant {} SELECT on it", address.user),
            position: None,
        },
        _ => SourceError::Sql {
            position: statement
                .position(error.line())
                .filter(|_| error.procedure().is_empty()),
            message,
        },
    }
}

/// The sentence for an account that may sign in, and no more.
pub(super) fn refused(address: &Address, error: &Error) -> SourceError {
    match error {
        Error::Server(error) => SourceError::Other(format!(
            "{address} refused what reports need: {} ({})",
            error.message(),
            error.code()
        )),
        error => lost(address, error),
    }
}

/// The sentence for a catalogue that cannot be read.
pub(super) fn catalogue_unread(address: &Address, error: &Error) -> SourceError {
    match error {
        Error::Server(error) => SourceError::Other(format!(
            "the catalogue of {address} cannot be read: {} ({})",
            error.message(),
            error.code()
        )),
        error => lost(address, error),
    }
}
