//! What do MONITOR and channels tell? On a connection of their own that is always read, whatever becomes of what was
//! heard: a server that cannot get rid of its words keeps them in its memory.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use futures::StreamExt;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, PushInfo, PushKind, Value};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::gate::Asker;
use super::line::{shown, split};
use super::{Connection, Heard, InspectError};

/// What waits to be taken is bounded by number and by bytes; what comes beyond is counted.
const WAITING: (usize, usize) = (20_000, 8 * 1024 * 1024);
/// How long what is heard is gathered before it is handed over.
const GATHER: Duration = Duration::from_millis(100);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// What is listened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Every command that the server runs.
    Monitor(Limit),
    /// Channels.
    Channels {
        /// `SUBSCRIBE`, `PSUBSCRIBE` or `SSUBSCRIBE`.
        verb: &'static str,
        /// Their names, or patterns.
        names: Vec<Vec<u8>>,
    },
}

/// When listening ends by itself, whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// After so many commands.
    pub lines: u64,
    /// After so long.
    pub time: Duration,
}

impl Default for Limit {
    fn default() -> Self {
        Self {
            lines: 1_000,
            time: Duration::from_secs(10),
        }
    }
}

impl Listen {
    /// What a typed line asks to listen to; `None` where it is another command.
    pub fn from_line(line: &str) -> Option<Result<Self, String>> {
        let words = split(line).ok()?;
        let verb = words.first()?.to_ascii_uppercase();
        let verb = match verb.as_slice() {
            b"MONITOR" if words.len() == 1 => return Some(Ok(Self::Monitor(Limit::default()))),
            b"MONITOR" => return Some(Err("MONITOR takes no arguments; leave them out".into())),
            b"SUBSCRIBE" => "SUBSCRIBE",
            b"PSUBSCRIBE" => "PSUBSCRIBE",
            b"SSUBSCRIBE" => "SSUBSCRIBE",
            b"UNSUBSCRIBE" | b"PUNSUBSCRIBE" | b"SUNSUBSCRIBE" => {
                return Some(Err(
                    "a subscription ends with its Stop button; press that".into()
                ));
            }
            _ => return None,
        };
        let names = words[1..].to_vec();
        Some(if names.is_empty() {
            Err(format!(
                "{verb} needs a channel; write {verb} followed by its name"
            ))
        } else {
            Ok(Self::Channels { verb, names })
        })
    }

    /// The command, as it is typed.
    pub fn title(&self) -> String {
        match self {
            Self::Monitor(_) => "MONITOR".into(),
            Self::Channels { verb, names } => {
                let words = [verb.as_bytes()].into_iter();
                shown(words.chain(names.iter().map(Vec::as_slice)))
            }
        }
    }

    fn commands(&self) -> Vec<Cmd> {
        match self {
            Self::Monitor(_) => vec![redis::cmd("MONITOR")],
            // One by one: each has one answer then.
            Self::Channels { verb, names } => names
                .iter()
                .map(|name| redis::cmd(verb).arg(name).to_owned())
                .collect(),
        }
    }
}

/// What was heard since the last batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// In order.
    pub heard: Vec<Heard>,
    /// How many more came than could be kept.
    pub missed: u64,
    /// Why nothing more will come.
    pub ended: Option<String>,
}

/// Hears until it is dropped or its limit is reached.
pub struct Listener {
    shared: Arc<Shared>,
    is_over: bool,
    /// Ends with this.
    _link: Option<MultiplexedConnection>,
    reader: Option<JoinHandle<()>>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(reader) = &self.reader {
            reader.abort();
        }
    }
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Default)]
struct Waiting {
    heard: VecDeque<Heard>,
    bytes: usize,
    missed: u64,
    ended: Option<String>,
}

impl Shared {
    fn add(&self, heard: Heard) {
        let mut waiting = self.waiting.lock();
        if waiting.heard.len() >= WAITING.0 || waiting.bytes >= WAITING.1 {
            waiting.missed += 1;
        } else {
            waiting.bytes += heard.size();
            waiting.heard.push_back(heard);
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    fn end(&self, why: String) {
        self.waiting.lock().ended.get_or_insert(why);
        self.arrived.notify_one();
    }
}

impl Listener {
    /// Begins to listen, beside a connection and through its gate.
    pub async fn start(connection: &Connection, listen: &Listen) -> Result<Self, InspectError> {
        let commands = listen.commands();
        for command in &commands {
            connection.pass(Asker::Listener, command)?;
        }
        match listen {
            Listen::Monitor(limit) => Self::monitor(connection, *limit).await,
            Listen::Channels { .. } => Self::channels(connection, &commands).await,
        }
    }

    async fn channels(connection: &Connection, commands: &[Cmd]) -> Result<Self, InspectError> {
        let shared = Arc::new(Shared::default());
        let hears = shared.clone();
        let address = connection.address().to_owned();
        let mut link = connection
            .listening(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    hears.end(format!("The connection to {address} was lost"));
                } else if let Some(heard) = Heard::message(&push, Utc::now()) {
                    hears.add(heard);
                }
            })
            .await?;
        for command in commands {
            let answer = link.send_packed_command(command).await;
            if let Err(error) = answer.and_then(Value::extract_error) {
                return Err(refused(connection, error, command).await);
            }
        }
        Ok(Self {
            shared,
            is_over: false,
            _link: Some(link),
            reader: None,
        })
    }

    async fn monitor(connection: &Connection, limit: Limit) -> Result<Self, InspectError> {
        let lost = |cause: &str| InspectError::Lost {
            server: connection.address().to_owned(),
            cause: cause.to_owned(),
        };
        // The driver's monitor swallows a refusal, so it is asked for on a connection that can tell, and left at once.
        let mut link = crate::cache::open(connection.client(), CONNECT).await?;
        let command = redis::cmd("MONITOR");
        let answer = link.send_packed_command(&command).await;
        drop(link);
        if let Err(error) = answer.and_then(Value::extract_error) {
            return Err(refused(connection, error, &command).await);
        }
        let opening = tokio::time::timeout(CONNECT, connection.client().get_async_monitor());
        let monitor = match opening.await {
            Ok(Ok(monitor)) => monitor,
            Ok(Err(error)) => return Err(connection.failure(error, &command).await),
            Err(_) => return Err(lost("nothing answered in time")),
        };
        let shared = Arc::new(Shared::default());
        let hears = shared.clone();
        let address = connection.address().to_owned();
        let reader = tokio::spawn(async move {
            let until = tokio::time::Instant::now() + limit.time;
            let mut lines = monitor.into_on_message::<Value>();
            let mut count = 0;
            loop {
                if count >= limit.lines {
                    let said = crate::human::plural(count, "command", "commands");
                    return hears.end(format!("Ended after {said}, as chosen"));
                }
                match tokio::time::timeout_at(until, lines.next()).await {
                    Ok(Some(Value::SimpleString(line))) => hears.add(Heard::command(&line)),
                    Ok(Some(Value::BulkString(line))) => {
                        hears.add(Heard::command(&String::from_utf8_lossy(&line)));
                    }
                    Ok(Some(_)) => continue,
                    Ok(None) => {
                        return hears.end(format!("The connection to {address} was lost"));
                    }
                    Err(_) => {
                        let said = crate::human::long(limit.time);
                        return hears.end(format!("Ended after {said}, as chosen"));
                    }
                }
                count += 1;
            }
        });
        Ok(Self {
            shared,
            is_over: false,
            _link: None,
            reader: Some(reader),
        })
    }

    /// Waits for something to be heard, gathers for a moment, and hands it over. `None` once the end was told.
    pub async fn next(&mut self) -> Option<Batch> {
        if self.is_over {
            return None;
        }
        loop {
            self.shared.arrived.notified().await;
            if self.shared.waiting.lock().ended.is_none() {
                // Nothing moves faster than a person can see.
                tokio::time::sleep(GATHER).await;
            }
            let mut waiting = self.shared.waiting.lock();
            let waiting = std::mem::take(&mut *waiting);
            let batch = Batch {
                heard: waiting.heard.into(),
                missed: waiting.missed,
                ended: waiting.ended,
            };
            // The signal may be one of what the last batch took along.
            if batch != Batch::default() {
                self.is_over = batch.ended.is_some();
                return Some(batch);
            }
        }
    }
}

/// Why the server will not be listened to. A missing right may be that of a channel, which another rule gives.
async fn refused(connection: &Connection, error: redis::RedisError, command: &Cmd) -> InspectError {
    let name = match command.args_iter().next() {
        Some(redis::Arg::Simple(name)) => String::from_utf8_lossy(name).into_owned(),
        _ => String::new(),
    };
    let is_channel = error
        .detail()
        .is_some_and(|detail| detail.contains("channel"));
    match connection.failure(error, command).await {
        InspectError::Denied { .. } if is_channel => InspectError::Server {
            command: name,
            message:
                "this account may not hear that channel; allow it with ACL SETUSER ... &channel"
                    .into(),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_listened_to() {
        assert_eq!(
            Listen::from_line("monitor"),
            Some(Ok(Listen::Monitor(Limit::default())))
        );
        let heard = Listen::from_line("subscribe a 'b c'");
        assert_eq!(
            heard,
            Some(Ok(Listen::Channels {
                verb: "SUBSCRIBE",
                names: vec![b"a".to_vec(), b"b c".to_vec()],
            }))
        );
        assert_eq!(
            heard.and_then(Result::ok).map(|listen| listen.title()),
            Some("SUBSCRIBE a \"b c\"".into())
        );
        assert!(matches!(Listen::from_line("SUBSCRIBE"), Some(Err(_))));
        assert!(matches!(Listen::from_line("unsubscribe"), Some(Err(_))));
        assert_eq!(Listen::from_line("PUBLISH c x"), None);
        assert_eq!(Listen::from_line(""), None);
    }

    #[test]
    fn what_nobody_takes_is_counted_and_not_kept() {
        let shared = Shared::default();
        for _ in 0..WAITING.0 + 5 {
            shared.add(Heard::command("1.000001 [0 lua] \"ping\""));
        }
        let waiting = shared.waiting.lock();
        assert_eq!((waiting.heard.len(), waiting.missed), (WAITING.0, 5));
    }
}
