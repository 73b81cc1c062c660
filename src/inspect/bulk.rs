//! How are many keys deleted, or given a TTL? Each by its own command, some hundred in one round trip, so that exactly
//! what was done is known, also when it is cancelled or fails in the middle.

use std::io::Write;

use chrono::{SecondsFormat, Utc};
use redis::Pipeline;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::items::bytes_json;
use super::{Connection, InspectError, News, Ttl};

/// Keys of one round trip: less than a millisecond of the server's time.
const BATCH: usize = 500;

/// What is done to many keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bulk {
    /// Delete them (UNLINK: the server frees their memory beside its work).
    Delete,
    /// Let them expire after so many milliseconds.
    Expire(u64),
    /// Take their TTL away.
    Persist,
}

impl Bulk {
    fn command(self) -> &'static str {
        match self {
            Self::Delete => "UNLINK",
            Self::Expire(_) => "PEXPIRE",
            Self::Persist => "PERSIST",
        }
    }

    /// What is known of a key after it, at `now` in milliseconds since 1970.
    pub fn news(self, now: i64) -> News {
        match self {
            Self::Delete => News::Gone,
            Self::Expire(ms) => News::Expires(Ttl::At(now.saturating_add_unsigned(ms))),
            Self::Persist => News::Expires(Ttl::Never),
        }
    }

    /// The command that is sent for each key, as redis-cli takes it.
    pub fn shown(self) -> String {
        match self {
            Self::Expire(ms) => format!("PEXPIRE key {ms}"),
            other => format!("{} key", other.command()),
        }
    }
}

/// What would be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// Keys that are there.
    pub there: u64,
    /// Keys that are gone since they were listed.
    pub gone: u64,
}

/// What was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Keys that were changed.
    pub done: u64,
    /// Keys that were gone, or had nothing to change.
    pub unchanged: u64,
    /// Keys that the server refused to change, and its first words about it.
    pub failed: u64,
    /// Why the first of those failed.
    pub why: Option<String>,
    /// Whether it was cancelled before the end.
    pub cancelled: bool,
}

/// Counts how many of the keys are there now.
pub async fn preview(
    connection: &Connection,
    names: &[Vec<u8>],
    cancel: &CancellationToken,
    mut progress: impl FnMut(u64),
) -> Result<Preview, InspectError> {
    let mut found = Preview::default();
    for batch in names.chunks(BATCH) {
        if cancel.is_cancelled() {
            break;
        }
        let mut pipe = Pipeline::new();
        for name in batch {
            pipe.cmd("EXISTS").arg(name);
        }
        for answer in connection.ask_all(&pipe).await? {
            match answer {
                redis::Value::Int(1) => found.there += 1,
                redis::Value::ServerError(error) => {
                    return Err(Connection::server_error(&error, "EXISTS"));
                }
                _ => found.gone += 1,
            }
        }
        progress(found.there + found.gone);
    }
    Ok(found)
}

/// Changes the keys. Each that was changed becomes a line of `log`, one JSON object, before the next batch is sent.
/// `progress` hears how many of `names`, from the first on, were gone through. Cancelling ends it between two batches.
pub async fn carry_out(
    connection: &Connection,
    bulk: Bulk,
    names: &[Vec<u8>],
    log: &mut impl Write,
    cancel: &CancellationToken,
    mut progress: impl FnMut(u64),
) -> Result<Outcome, InspectError> {
    let mut outcome = Outcome::default();
    // Asked first, so that a locked connection is not even opened a second time.
    connection.would_pass(&redis::cmd(bulk.command()))?;
    let connection = connection.for_writes().await?;
    for batch in names.chunks(BATCH) {
        if cancel.is_cancelled() {
            outcome.cancelled = true;
            break;
        }
        let mut pipe = Pipeline::new();
        for name in batch {
            let command = pipe.cmd(bulk.command()).arg(name);
            if let Bulk::Expire(ms) = bulk {
                command.arg(ms);
            }
        }
        let answers = connection.ask_all(&pipe).await?;
        let at = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        for (name, answer) in batch.iter().zip(answers) {
            match answer {
                redis::Value::Int(1) => {
                    outcome.done += 1;
                    let mut line = json!({ "at": at, "command": bulk.command() });
                    if let (Some(line), serde_json::Value::Object(key)) =
                        (line.as_object_mut(), bytes_json("key", name))
                    {
                        line.extend(key);
                    }
                    writeln!(log, "{line}")
                        .map_err(|error| InspectError::Log(error.to_string()))?;
                }
                redis::Value::ServerError(error) => {
                    outcome.failed += 1;
                    outcome.why.get_or_insert_with(|| {
                        Connection::server_error(&error, bulk.command()).to_string()
                    });
                }
                _ => outcome.unchanged += 1,
            }
        }
        log.flush()
            .map_err(|error| InspectError::Log(error.to_string()))?;
        progress(outcome.done + outcome.unchanged + outcome.failed);
    }
    Ok(outcome)
}
