//! Does the server tell of changed keys? By keyspace notifications, which are off unless notify-keyspace-events says
//! otherwise; on a cluster each node tells of its own.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind, Value};
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::feed::{Feed, News};
use super::{Connection, InspectError};

/// How often it is asked whether notifications were turned on or off.
const AGAIN: Duration = Duration::from_secs(5);
/// How often what the account may not do is tried again: each try stands in the server's ACL LOG.
const AFTER_DENIED: Duration = Duration::from_mins(5);
/// Which changes there are, as notify-keyspace-events writes them.
const CLASSES: &str = "g$lshztxe";

/// What the server tells of its changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Hears {
    /// It was not asked.
    #[default]
    Unasked,
    /// Every change since then, in milliseconds since 1970.
    All(i64),
    /// Some changes: its notify-keyspace-events.
    Some(String),
    /// What it is set to tell, which the account may not ask.
    Unknown,
    /// Nothing: notifications are off.
    Off,
    /// Nothing: the account may not listen.
    Denied,
    /// Nothing: the connection was lost.
    Lost,
}

/// How far what is shown follows the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// What the server tells; of several servers the least.
    pub hears: Hears,
    /// Changed keys that wait to be looked at again.
    pub waiting: u64,
    /// Changes that came faster than they could be looked at, and were left out.
    pub missed: u64,
    /// Whether there were changes that could not be heard.
    pub has_gap: bool,
}

impl Hears {
    fn rank(&self) -> u8 {
        match self {
            Self::All(_) => 0,
            Self::Unasked => 1,
            Self::Unknown => 2,
            Self::Some(_) => 3,
            Self::Off => 4,
            Self::Denied => 5,
            Self::Lost => 6,
        }
    }

    /// Whether the server tells of every change.
    pub fn is_all(&self) -> bool {
        matches!(self, Self::All(_))
    }
}

impl Live {
    /// Of two servers: the worse of either.
    #[must_use]
    pub(super) fn and(self, other: Self) -> Self {
        let hears = match (self.hears, other.hears) {
            (Hears::All(one), Hears::All(two)) => Hears::All(one.max(two)),
            (one, two) if one.rank() >= two.rank() => one,
            (_, two) => two,
        };
        Self {
            hears,
            waiting: self.waiting + other.waiting,
            missed: self.missed + other.missed,
            has_gap: self.has_gap || other.has_gap,
        }
    }

    /// Whether what is shown may differ from what the server has, though it tells of its changes.
    pub fn is_behind(&self) -> bool {
        self.missed > 0 || self.has_gap
    }
}

/// Listens to one server until dropped.
pub(super) struct Notices {
    hears: Arc<Mutex<Hears>>,
    ask_again: Arc<Notify>,
    _end: DropGuard,
}

struct Ear {
    node: Connection,
    feed: Arc<Feed>,
    hears: Arc<Mutex<Hears>>,
    ask_again: Arc<Notify>,
    link: Option<Listening>,
}

struct Listening {
    link: MultiplexedConnection,
    pattern: String,
    /// The connection ended.
    ended: Arc<Notify>,
    /// The feed had no more room.
    full: Arc<Notify>,
}

impl Notices {
    /// Begins to listen; what changes after this is heard, where the server tells it.
    pub(super) async fn start(node: &Connection, feed: Arc<Feed>) -> Self {
        let mut ear = Ear {
            node: node.clone(),
            feed,
            hears: Arc::default(),
            ask_again: Arc::default(),
            link: None,
        };
        ear.begin().await;
        let (hears, ask_again) = (ear.hears.clone(), ear.ask_again.clone());
        let cancel = CancellationToken::new();
        tokio::spawn(cancel.clone().run_until_cancelled_owned(ear.listen()));
        Self {
            hears,
            ask_again,
            _end: cancel.drop_guard(),
        }
    }

    /// What the server tells now.
    pub(super) fn hears(&self) -> Hears {
        self.hears.lock().clone()
    }

    /// The server's settings may have changed: look at once.
    pub(super) fn look(&self) {
        self.ask_again.notify_one();
    }
}

impl Ear {
    /// Asks what the server tells, and listens where it tells anything.
    async fn begin(&mut self) {
        let settings = settings(&self.node).await;
        let may_tell = match &settings {
            Ok(flags) => flags.contains(['E', 'K']),
            Err(_) => true,
        };
        if !may_tell {
            self.link = None;
            self.now(Hears::Off);
            return;
        }
        let keyevent = settings.as_ref().map_or(true, |flags| flags.contains('E'));
        let pattern = pattern(self.node.server().database, keyevent);
        if self
            .link
            .as_ref()
            .is_none_or(|link| link.pattern != pattern)
        {
            match listen(&self.node, &self.feed, pattern).await {
                Ok(link) => self.link = Some(link),
                Err(InspectError::Denied { .. }) => return self.now(Hears::Denied),
                Err(_) => return self.now(Hears::Lost),
            }
        }
        self.now(match settings {
            Ok(flags) if tells_all(&flags) => Hears::All(Utc::now().timestamp_millis()),
            Ok(flags) => Hears::Some(flags),
            Err(_) => Hears::Unknown,
        });
    }

    /// Since when stays what it was.
    fn now(&self, hears: Hears) {
        let mut known = self.hears.lock();
        if !(known.is_all() && hears.is_all()) {
            *known = hears;
        }
    }

    async fn listen(mut self) {
        loop {
            let rest = match *self.hears.lock() {
                Hears::Denied | Hears::Unknown => AFTER_DENIED,
                _ => AGAIN,
            };
            let Some(listening) = &mut self.link else {
                tokio::select! {
                    () = tokio::time::sleep(rest) => {}
                    () = self.ask_again.notified() => {}
                }
                self.begin().await;
                continue;
            };
            tokio::select! {
                () = listening.ended.notified() => {
                    // Whatever changed until the next connection stands is not told.
                    self.feed.mark_gap();
                    self.link = None;
                    *self.hears.lock() = Hears::Lost;
                }
                () = listening.full.notified() => {
                    // The server need not tell what cannot be looked at.
                    if listening.silence().await.is_ok() {
                        self.feed.room().await;
                        if listening.resume().await.is_err() {
                            self.link = None;
                        }
                    }
                }
                () = tokio::time::sleep(rest) => self.begin().await,
                () = self.ask_again.notified() => self.begin().await,
            }
        }
    }
}

impl Listening {
    async fn silence(&mut self) -> redis::RedisResult<()> {
        self.link.punsubscribe(&self.pattern).await
    }

    async fn resume(&mut self) -> redis::RedisResult<()> {
        self.link.psubscribe(&self.pattern).await
    }
}

fn pattern(database: i64, keyevent: bool) -> String {
    let channel = if keyevent { "keyevent" } else { "keyspace" };
    format!("__{channel}@{database}__:*")
}

fn tells_all(flags: &str) -> bool {
    flags.contains('A') || CLASSES.chars().all(|class| flags.contains(class))
}

/// The server's notify-keyspace-events.
async fn settings(node: &Connection) -> Result<String, InspectError> {
    let mut command = redis::cmd("CONFIG");
    command.arg("GET").arg("notify-keyspace-events");
    let pair: Vec<String> = node.ask(&command).await?;
    pair.into_iter()
        .nth(1)
        .ok_or_else(|| InspectError::Answer("CONFIG GET".into()))
}

async fn listen(
    node: &Connection,
    feed: &Arc<Feed>,
    pattern: String,
) -> Result<Listening, InspectError> {
    let (ended, full) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let ear = (feed.clone(), ended.clone(), full.clone());
    let is_cluster = node.server().is_cluster;
    let mut link = node
        .listening(move |push: PushInfo| {
            let (feed, ended, full) = &ear;
            match push.kind {
                PushKind::PMessage => {
                    if let Some((name, news)) = told(&push.data, is_cluster)
                        && !feed.hear(name, news)
                    {
                        full.notify_one();
                    }
                }
                PushKind::Disconnection => ended.notify_one(),
                _ => {}
            }
        })
        .await?;
    let mut command = redis::cmd("PSUBSCRIBE");
    command.arg(&pattern);
    node.would_pass(&command)?;
    match link.psubscribe(&pattern).await {
        Ok(()) => Ok(Listening {
            link,
            pattern,
            ended,
            full,
        }),
        Err(error) => {
            Err(Connection::refusal(&error, &command).unwrap_or_else(|| node.lost(&error)))
        }
    }
}

/// What a message says: pattern, channel, and the key or the event, whichever the channel does not name.
fn told(data: &[Value], is_cluster: bool) -> Option<(&[u8], News)> {
    let [_, Value::BulkString(channel), Value::BulkString(payload)] = data else {
        return None;
    };
    let at = channel.windows(3).position(|part| part == b"__:")?;
    let rest = &channel[at + 3..];
    let (event, name) = if channel.starts_with(b"__keyevent@") {
        (rest, payload.as_slice())
    } else {
        (payload.as_slice(), rest)
    };
    let news = match event {
        b"keymiss" => return None,
        // On a cluster it may have gone to another node: the node is asked.
        b"del" | b"expired" | b"evicted" | b"rename_from" | b"move_from" if !is_cluster => {
            News::Gone
        }
        _ => News::Changed,
    };
    Some((name, news))
}

/// Lets the server tell of every change from now on: what CONFIG SET sends. Refused while the connection is locked.
pub async fn turn_on(connection: &Connection) -> Result<(), InspectError> {
    let connection = connection.for_writes().await?;
    for node in connection.primaries().await? {
        let flags = settings(&node).await.unwrap_or_default();
        // What others asked for stays.
        let mut wanted: String = flags
            .chars()
            .filter(|flag| !"AKE".contains(*flag))
            .collect();
        wanted.retain(|flag| !CLASSES.contains(flag) && flag != 'd');
        wanted.push_str("KEA");
        let mut command = redis::cmd("CONFIG");
        command.arg("SET").arg("notify-keyspace-events").arg(wanted);
        node.ask::<Value>(&command).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(channel: &str, payload: &[u8]) -> Vec<Value> {
        let bulk = |bytes: &[u8]| Value::BulkString(bytes.to_vec());
        vec![bulk(b"p"), bulk(channel.as_bytes()), bulk(payload)]
    }

    #[test]
    fn both_kinds_of_channel_name_the_key_and_what_became_of_it() {
        for (channel, payload, expected) in [
            (
                "__keyevent@0__:set",
                &b"a__:b"[..],
                Some((&b"a__:b"[..], News::Changed)),
            ),
            (
                "__keyevent@15__:expired",
                b"\xff\0",
                Some((b"\xff\0", News::Gone)),
            ),
            ("__keyspace@0__:a__:b", b"del", Some((b"a__:b", News::Gone))),
            ("__keyevent@0__:keymiss", b"a", None),
            ("other", b"a", None),
        ] {
            assert_eq!(
                told(&message(channel, payload), false),
                expected,
                "{channel}"
            );
        }
        let moved = message("__keyevent@0__:del", b"a");
        assert_eq!(told(&moved, true), Some((&b"a"[..], News::Changed)));
    }

    #[test]
    fn the_settings_say_what_is_told() {
        for all in ["AKE", "KEA", "g$lshztxeE", "AE", "mKEA"] {
            assert!(tells_all(all), "{all}");
        }
        for some in ["Ex", "KEg$", "g$lshzxeKE"] {
            assert!(!tells_all(some), "{some}");
        }
    }

    #[test]
    fn several_servers_are_as_live_as_the_least() {
        let live = |hears| Live {
            hears,
            waiting: 2,
            ..Live::default()
        };
        let both = live(Hears::All(1)).and(live(Hears::All(5)));
        assert_eq!((both.hears, both.waiting), (Hears::All(5), 4));
        let one = live(Hears::All(1)).and(live(Hears::Off));
        assert_eq!(one.hears, Hears::Off);
    }
}
