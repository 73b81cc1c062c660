//! How does the log come in? A replica's connection, read by a task of its own, so that whoever waits for a step may
//! give up at any time.

use std::path::PathBuf;
use std::time::Duration;

use futures::StreamExt;
use mysql_async::binlog::EventType;
use mysql_async::prelude::Queryable;
use mysql_async::{
    BinlogStream, BinlogStreamRequest, ClientIdentity, Conn, Error, IoError, OptsBuilder, SslOpts,
};
use sqlx::mysql::MySqlSslMode;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::source::mysql::Access;

use super::events::{Decoder, Step};
use super::place::{Place, join};
use super::server::{Facts, Failure, Product};

/// How long connecting, and the first events, may take.
const OPENS: Duration = Duration::from_secs(15);
/// How often the server says that there is nothing new. (It is told in nanoseconds.)
const HEARTBEAT: Duration = Duration::from_millis(500);
/// How long it may say nothing before the connection counts as dead.
const SILENCE: Duration = Duration::from_secs(10);
/// How many steps are read ahead.
const AHEAD: usize = 256;
/// The largest event there can be: a server refuses larger packets itself.
const LARGEST: usize = 1 << 30;

/// The log from some place on.
pub(super) struct Stream {
    steps: mpsc::Receiver<Result<Step, Failure>>,
    _task: AbortOnDropHandle<()>,
    /// Taken from the channel, and not used yet.
    held: Option<Result<Step, Failure>>,
    /// When the file in which it begins was begun, in seconds since 1970.
    pub(super) begun: u32,
}

impl Stream {
    /// Reads on from `from`, which is the end of an event or the beginning of a file.
    pub(super) async fn open(
        access: &Access,
        facts: &Facts,
        base: &str,
        from: Place,
    ) -> Result<Self, Failure> {
        let place = access.place();
        let opened = timeout(OPENS, begin(access, facts, base, from)).await;
        let (mut log, decoder, begun) = opened.map_err(|_| {
            Failure::Other(format!(
                "{place} did not send its log within {} s; it is tried again",
                OPENS.as_secs()
            ))
        })??;
        let (sender, steps) = mpsc::channel(AHEAD);
        let task = tokio::spawn(async move {
            let mut decoder = decoder;
            loop {
                let step = match read(&mut log, &mut decoder, &place).await {
                    Ok(None) => continue,
                    Ok(Some(step)) => Ok(step),
                    Err(failure) => Err(failure),
                };
                let last = step.is_err();
                if sender.send(step).await.is_err() || last {
                    return;
                }
            }
        });
        Ok(Self {
            steps,
            _task: AbortOnDropHandle::new(task),
            held: None,
            begun,
        })
    }

    /// Waits until there is a transaction that was not taken, or the stream is over. Safe to cancel.
    pub(super) async fn news(&mut self) {
        while !matches!(
            self.held,
            Some(Ok(Step::Commit(_) | Step::Crashed) | Err(_))
        ) {
            // A place further on stands for those before it.
            let next = self.receive().await;
            self.held = Some(next);
        }
    }

    /// Whether a transaction is known to wait.
    pub(super) fn has_news(&self) -> bool {
        matches!(
            self.held,
            Some(Ok(Step::Commit(_) | Step::Crashed) | Err(_))
        )
    }

    /// Why it is over, where that is known.
    pub(super) fn failed(&self) -> Option<Failure> {
        match &self.held {
            Some(Err(failure)) => Some(failure.clone()),
            _ => None,
        }
    }

    /// The next step. Safe to cancel.
    pub(super) async fn next(&mut self) -> Result<Step, Failure> {
        match self.held.take() {
            Some(step) => step,
            None => self.receive().await,
        }
    }

    /// Gives back a step that is not wanted yet.
    pub(super) fn hold(&mut self, step: Step) {
        self.held = Some(Ok(step));
    }

    async fn receive(&mut self) -> Result<Step, Failure> {
        self.steps.recv().await.unwrap_or_else(|| {
            Err(Failure::Other(
                "the log could not be read on; it is tried again".to_owned(),
            ))
        })
    }
}

/// Connects and reads until the server has said which file it sends, and when that was begun.
async fn begin(
    access: &Access,
    facts: &Facts,
    base: &str,
    from: Place,
) -> Result<(BinlogStream, Decoder, u32), Failure> {
    let place = access.place();
    let failed = |error| failure(&error, &place);
    let mut connection = Conn::new(options(access, facts)).await.map_err(failed)?;
    let period = HEARTBEAT.as_nanos();
    let more = match facts.product {
        // Its own kinds of events, in the place of substitutes for them.
        Product::MariaDb => "@mariadb_slave_capability = 4".to_owned(),
        Product::MySql { .. } => format!("@source_heartbeat_period = {period}"),
    };
    let settings = format!("SET @master_heartbeat_period = {period}, {more}");
    connection.query_drop(settings).await.map_err(failed)?;
    // A server ends the stream of a replica when another one comes with the same number.
    let id = rand::random_range(1 << 31..u32::MAX);
    let file = join(base, from.file);
    let request = BinlogStreamRequest::new(id)
        .with_hostname(b"lookaside")
        .with_filename(file.as_bytes())
        .with_pos(from.offset);
    let mut log = connection
        .get_binlog_stream(request)
        .await
        .map_err(failed)?;
    let mut decoder = Decoder::new(from);
    loop {
        let event = match log.next().await {
            Some(event) => event.map_err(failed)?,
            None => return Err(ended(&place)),
        };
        // No transaction comes before the description of the file.
        decoder.take(&event).map_err(|why| damaged(&why, &place))?;
        let header = event.header();
        if header.event_type_raw() == EventType::FORMAT_DESCRIPTION_EVENT as u8 {
            return Ok((log, decoder, header.timestamp()));
        }
    }
}

/// One more event; `None` where it is no step of its own.
async fn read(
    log: &mut BinlogStream,
    decoder: &mut Decoder,
    place: &str,
) -> Result<Option<Step>, Failure> {
    let event = match timeout(SILENCE, log.next()).await {
        Ok(Some(event)) => event.map_err(|error| failure(&error, place))?,
        Ok(None) => return Err(ended(place)),
        Err(_) => {
            return Err(Failure::Other(format!(
                "{place} sent nothing of its log for {} s; it is tried again",
                SILENCE.as_secs()
            )));
        }
    };
    decoder.take(&event).map_err(|why| damaged(&why, place))
}

fn ended(place: &str) -> Failure {
    Failure::Other(format!("{place} ended its log; it is tried again"))
}

/// It would be so the next time too: what lies behind it can only be read from another place on.
fn damaged(why: &str, place: &str) -> Failure {
    Failure::Gone(format!("{place}: {why}"))
}

/// Why the library failed, without what it may know of the account.
fn failure(error: &Error, place: &str) -> Failure {
    match error {
        Error::Server(error) => Failure::of(error.code, &error.message, place),
        Error::Io(IoError::Io(error)) => Failure::Other(format!(
            "the connection to the log of {place} broke off ({error}); it is tried again"
        )),
        error => Failure::Other(format!(
            "the log of {place} cannot be read: {error}; it is tried again"
        )),
    }
}

/// The same address, account and TLS as the source's.
fn options(access: &Access, facts: &Facts) -> OptsBuilder {
    let options = access.options();
    let url = url::Url::parse(access.url().expose()).ok();
    let password = access.url().split_password().1;
    let builder = OptsBuilder::default()
        .user(Some(options.get_username()))
        .pass(password.as_ref().map(secrecy::ExposeSecret::expose_secret))
        .db_name(options.get_database())
        // These answer what it would else ask the server for.
        .prefer_socket(false)
        .max_allowed_packet(Some(LARGEST))
        .wait_timeout(Some(28_800))
        .tcp_keepalive(Some(Duration::from_secs(10)));
    if let Some(socket) = options.get_socket() {
        return builder.socket(Some(socket.display().to_string()));
    }
    builder
        .ip_or_hostname(options.get_host())
        .tcp_port(options.get_port())
        .ssl_opts(tls(options.get_ssl_mode(), facts, url.as_ref()))
}

/// The TLS that the URL asks for. Where it only prefers some, the other connection told whether the server has it: then
/// this one has to be encrypted too.
fn tls(mode: MySqlSslMode, facts: &Facts, url: Option<&url::Url>) -> Option<SslOpts> {
    let wanted = match mode {
        MySqlSslMode::Disabled => false,
        MySqlSslMode::Preferred => facts.encrypted,
        _ => true,
    };
    if !wanted {
        return None;
    }
    let value = |names: [&str; 2]| {
        let mut pairs = url?.query_pairs();
        let found = pairs.find(|(name, _)| names.contains(&name.as_ref()))?;
        Some(found.1.into_owned())
    };
    let identity = value(["ssl-cert", "sslcert"]).zip(value(["ssl-key", "sslkey"]));
    let identity = identity.map(|(chain, key)| match (pem(&chain), pem(&key)) {
        (Some(chain), Some(key)) => ClientIdentity::new(chain.into(), key.into()),
        (Some(chain), None) => ClientIdentity::new(chain.into(), PathBuf::from(key).into()),
        (None, Some(key)) => ClientIdentity::new(PathBuf::from(chain).into(), key.into()),
        (None, None) => ClientIdentity::new(PathBuf::from(chain).into(), PathBuf::from(key).into()),
    });
    let known = matches!(mode, MySqlSslMode::VerifyCa | MySqlSslMode::VerifyIdentity);
    let options = SslOpts::default().with_client_identity(identity);
    if !known {
        return Some(options.with_danger_accept_invalid_certs(true));
    }
    // The authorities of this machine and the URL's own, as for reports; not those that come with the library.
    let machine = rustls_native_certs::load_native_certs().certs;
    let mut roots: Vec<_> = machine.iter().map(|root| root.to_vec().into()).collect();
    if let Some(authority) = value(["ssl-ca", "sslca"]) {
        roots.push(match pem(&authority) {
            Some(authority) => authority.into(),
            None => PathBuf::from(authority).into(),
        });
    }
    Some(
        options
            .with_disable_built_in_roots(true)
            .with_root_certs(roots)
            .with_danger_skip_domain_validation(matches!(mode, MySqlSslMode::VerifyCa)),
    )
}

/// A certificate that stands in the URL itself.
fn pem(value: &str) -> Option<Vec<u8>> {
    value
        .trim()
        .starts_with("-----BEGIN")
        .then(|| value.as_bytes().to_vec())
}
