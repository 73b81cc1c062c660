//! Which commands change a key, and only as it was shown?
//!
//! Every change is one transaction on a connection of its own: WATCH, a look whether the value is still what the user
//! saw, MULTI, the commands, EXEC. A value that somebody else changed meanwhile is left alone.

use redis::{Cmd, Pipeline};

use super::line::shown;
use super::{Connection, InspectError, Kind, News};

/// A change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Replace a string; its TTL stays.
    SetString {
        /// The key.
        key: Vec<u8>,
        /// The new bytes.
        value: Vec<u8>,
        /// The bytes that were shown, `None` where they were not read to the end.
        was: Option<Vec<u8>>,
    },
    /// Set a field of a hash.
    SetField {
        /// The key.
        key: Vec<u8>,
        /// The field.
        field: Vec<u8>,
        /// Its new value.
        value: Vec<u8>,
        /// Its value as shown, `None` for a field that is to be new.
        was: Option<Vec<u8>>,
        /// Whether the field has a TTL of its own, which HSET would take away.
        keep_ttl: bool,
    },
    /// Let a field of a hash expire after so many milliseconds, or never.
    ExpireField {
        /// The key.
        key: Vec<u8>,
        /// The field.
        field: Vec<u8>,
        /// Milliseconds from now, `None` for never.
        after_ms: Option<u64>,
    },
    /// Delete a field of a hash.
    DeleteField {
        /// The key.
        key: Vec<u8>,
        /// The field.
        field: Vec<u8>,
    },
    /// Set an element of a list.
    SetElement {
        /// The key.
        key: Vec<u8>,
        /// Its index.
        index: u64,
        /// Its new value.
        value: Vec<u8>,
        /// Its value as shown.
        was: Vec<u8>,
    },
    /// Add an element at a list's end.
    Push {
        /// The key.
        key: Vec<u8>,
        /// The element.
        value: Vec<u8>,
    },
    /// Remove an element of a list.
    DeleteElement {
        /// The key.
        key: Vec<u8>,
        /// Its index.
        index: u64,
        /// Its value as shown.
        was: Vec<u8>,
    },
    /// Replace a member of a set by another, add one, or remove one.
    Member {
        /// The key.
        key: Vec<u8>,
        /// The member to remove.
        remove: Option<Vec<u8>>,
        /// The member to add.
        add: Option<Vec<u8>>,
    },
    /// Give a member of a sorted set a score, adding it where it is new.
    SetScore {
        /// The key.
        key: Vec<u8>,
        /// The member.
        member: Vec<u8>,
        /// The score, as the server reads it.
        score: String,
    },
    /// Remove a member of a sorted set.
    DeleteScored {
        /// The key.
        key: Vec<u8>,
        /// The member.
        member: Vec<u8>,
    },
    /// Add an entry to a stream; the server gives it an id.
    AddEntry {
        /// The key.
        key: Vec<u8>,
        /// Fields and values.
        fields: Vec<(Vec<u8>, Vec<u8>)>,
    },
    /// Delete an entry of a stream.
    DeleteEntry {
        /// The key.
        key: Vec<u8>,
        /// Its id.
        id: String,
    },
    /// Replace a JSON document.
    SetJson {
        /// The key.
        key: Vec<u8>,
        /// The document.
        value: Vec<u8>,
    },
    /// Let a key expire after so many milliseconds, or never.
    Expire {
        /// The key.
        key: Vec<u8>,
        /// Milliseconds from now, `None` for never.
        after_ms: Option<u64>,
    },
    /// Give a key another name, unless that is taken.
    Rename {
        /// The key.
        key: Vec<u8>,
        /// Its new name.
        to: Vec<u8>,
    },
    /// Delete a key.
    Delete {
        /// The key.
        key: Vec<u8>,
    },
    /// Add a key, unless its name is taken.
    Add {
        /// The key.
        key: Vec<u8>,
        /// What it holds.
        value: NewValue,
        /// Milliseconds until it expires, `None` for never.
        after_ms: Option<u64>,
    },
}

/// What a new key begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewValue {
    /// Bytes.
    String(Vec<u8>),
    /// A field and its value.
    Hash(Vec<u8>, Vec<u8>),
    /// An element.
    List(Vec<u8>),
    /// A member.
    Set(Vec<u8>),
    /// A member and its score.
    ZSet(Vec<u8>, String),
    /// A field and its value of the first entry.
    Stream(Vec<u8>, Vec<u8>),
}

impl NewValue {
    /// The kind of key that it makes.
    pub fn kind(&self) -> Kind {
        match self {
            Self::String(_) => Kind::String,
            Self::Hash(..) => Kind::Hash,
            Self::List(_) => Kind::List,
            Self::Set(_) => Kind::Set,
            Self::ZSet(..) => Kind::ZSet,
            Self::Stream(..) => Kind::Stream,
        }
    }
}

/// An element of a list on its way out: LREM finds it by this, which nobody else has.
const REMOVED: &[u8] = b"\0lookaside: removed\0";

impl Change {
    /// The key that it changes.
    pub fn key(&self) -> &[u8] {
        match self {
            Self::SetString { key, .. }
            | Self::SetField { key, .. }
            | Self::ExpireField { key, .. }
            | Self::DeleteField { key, .. }
            | Self::SetElement { key, .. }
            | Self::Push { key, .. }
            | Self::DeleteElement { key, .. }
            | Self::Member { key, .. }
            | Self::SetScore { key, .. }
            | Self::DeleteScored { key, .. }
            | Self::AddEntry { key, .. }
            | Self::DeleteEntry { key, .. }
            | Self::SetJson { key, .. }
            | Self::Expire { key, .. }
            | Self::Rename { key, .. }
            | Self::Delete { key }
            | Self::Add { key, .. } => key,
        }
    }

    /// What is known of keys after it.
    pub fn news(&self) -> Vec<(&[u8], News)> {
        match self {
            Self::Delete { key } => vec![(key, News::Gone)],
            Self::Rename { key, to } => vec![(key, News::Gone), (to, News::Changed)],
            other => vec![(other.key(), News::Changed)],
        }
    }

    /// The commands that it sends, in order.
    pub fn commands(&self) -> Vec<Cmd> {
        let key = self.key();
        let one = |name: &str, words: &[&[u8]]| {
            let mut command = redis::cmd(name);
            command.arg(key);
            for word in words {
                command.arg(*word);
            }
            command
        };
        let number = |n: u64| n.to_string().into_bytes();
        match self {
            Self::SetString { value, .. } => vec![one("SET", &[value, b"XX", b"KEEPTTL"])],
            Self::SetField {
                field,
                value,
                keep_ttl: true,
                ..
            } => vec![one(
                "HSETEX",
                &[b"FXX", b"KEEPTTL", b"FIELDS", b"1", field, value],
            )],
            Self::SetField { field, value, .. } => vec![one("HSET", &[field, value])],
            Self::ExpireField {
                field, after_ms, ..
            } => match after_ms {
                Some(ms) => vec![one("HPEXPIRE", &[&number(*ms), b"FIELDS", b"1", field])],
                None => vec![one("HPERSIST", &[b"FIELDS", b"1", field])],
            },
            Self::DeleteField { field, .. } => vec![one("HDEL", &[field])],
            Self::SetElement { index, value, .. } => vec![one("LSET", &[&number(*index), value])],
            Self::Push { value, .. } => vec![one("RPUSH", &[value])],
            Self::DeleteElement { index, .. } => vec![
                one("LSET", &[&number(*index), REMOVED]),
                one("LREM", &[b"1", REMOVED]),
            ],
            Self::Member { remove, add, .. } => {
                let added = add.as_ref().map(|member| one("SADD", &[member]));
                let removed = remove.as_ref().map(|member| one("SREM", &[member]));
                // The new one first, so that a set with a single member does not vanish in between.
                added.into_iter().chain(removed).collect()
            }
            Self::SetScore { member, score, .. } => vec![one("ZADD", &[score.as_bytes(), member])],
            Self::DeleteScored { member, .. } => vec![one("ZREM", &[member])],
            Self::AddEntry { fields, .. } => {
                let mut words: Vec<&[u8]> = vec![b"*"];
                for (field, value) in fields {
                    words.extend([field.as_slice(), value.as_slice()]);
                }
                vec![one("XADD", &words)]
            }
            Self::DeleteEntry { id, .. } => vec![one("XDEL", &[id.as_bytes()])],
            Self::SetJson { value, .. } => vec![one("JSON.SET", &[b"$", value])],
            Self::Expire { after_ms, .. } => match after_ms {
                Some(ms) => vec![one("PEXPIRE", &[&number(*ms)])],
                None => vec![one("PERSIST", &[])],
            },
            Self::Rename { to, .. } => vec![one("RENAMENX", &[to])],
            Self::Delete { .. } => vec![one("UNLINK", &[])],
            Self::Add {
                value, after_ms, ..
            } => {
                let mut commands = vec![match value {
                    NewValue::String(value) => one("SET", &[value, b"NX"]),
                    NewValue::Hash(field, value) => one("HSET", &[field, value]),
                    NewValue::List(value) => one("RPUSH", &[value]),
                    NewValue::Set(member) => one("SADD", &[member]),
                    NewValue::ZSet(member, score) => one("ZADD", &[score.as_bytes(), member]),
                    NewValue::Stream(field, value) => one("XADD", &[b"*", field, value]),
                }];
                if let Some(ms) = after_ms {
                    commands.push(one("PEXPIRE", &[&number(*ms)]));
                }
                commands
            }
        }
    }

    /// The commands as redis-cli takes them, one a line.
    pub fn shown(&self) -> String {
        let lines: Vec<_> = self
            .commands()
            .iter()
            .map(|command| {
                let words = command.args_iter().map(|argument| match argument {
                    redis::Arg::Simple(word) => word,
                    _ => b"".as_slice(),
                });
                shown(words)
            })
            .collect();
        lines.join("\n")
    }

    /// The command that reads what was shown, and what it answered then; `None` where nothing was.
    fn seen(&self) -> Option<(Cmd, Option<&[u8]>)> {
        let key = self.key();
        match self {
            Self::SetString { was: Some(was), .. } => {
                let mut command = redis::cmd("GETRANGE");
                command.arg(key).arg(0).arg(-1);
                Some((command, Some(was)))
            }
            Self::SetField { field, was, .. } => {
                let mut command = redis::cmd("HGET");
                command.arg(key).arg(field);
                Some((command, was.as_deref()))
            }
            Self::SetElement { index, was, .. } | Self::DeleteElement { index, was, .. } => {
                let mut command = redis::cmd("LINDEX");
                command.arg(key).arg(*index);
                Some((command, Some(was)))
            }
            _ => None,
        }
    }
}

/// Carries out a change. Refused while the connection is locked.
pub async fn apply(connection: &Connection, change: &Change) -> Result<(), InspectError> {
    // Asked first, so that a locked connection is not even opened a second time.
    for command in change.commands() {
        connection.would_pass(&command)?;
    }
    // WATCH belongs to a connection, and the inspector's others are shared and only read.
    let alone = connection.for_writes().await?;
    let key = change.key();
    let _: redis::Value = alone.ask(redis::cmd("WATCH").arg(key)).await?;
    let there: bool = alone.ask(redis::cmd("EXISTS").arg(key)).await?;
    match change {
        Change::Add { .. } if there => return Err(InspectError::Taken(super::display(key))),
        Change::Add { .. } => {}
        _ if !there => return Err(InspectError::NoKey),
        _ => {}
    }
    if let Some((command, was)) = change.seen() {
        let now: Option<Vec<u8>> = alone.ask(&command).await?;
        if now.as_deref() != was {
            return Err(InspectError::Changed(super::display(key)));
        }
    }
    let mut transaction = Pipeline::new();
    transaction.cmd("MULTI");
    for command in change.commands() {
        transaction.add_command(command);
    }
    transaction.cmd("EXEC");
    let answers = alone.ask_all(&transaction).await?;
    let command = change.commands().first().map(name).unwrap_or_default();
    for answer in &answers {
        if let redis::Value::ServerError(error) = answer {
            // EXEC says only that something was wrong; what it was came before.
            return Err(Connection::server_error(error, &command));
        }
    }
    match answers.into_iter().next_back() {
        Some(redis::Value::Nil) | None => Err(InspectError::Changed(super::display(key))),
        Some(redis::Value::Array(results)) => {
            for result in &results {
                if let redis::Value::ServerError(error) = result {
                    return Err(Connection::server_error(error, &command));
                }
            }
            match (change, results.first()) {
                (Change::Rename { to, .. }, Some(redis::Value::Int(0))) => {
                    Err(InspectError::Taken(super::display(to)))
                }
                // The field is gone: it was deleted, or it expired, which WATCH does not tell.
                (Change::SetField { keep_ttl: true, .. }, Some(redis::Value::Int(0))) => {
                    Err(InspectError::Changed(super::display(key)))
                }
                (Change::ExpireField { .. }, Some(redis::Value::Array(fields)))
                    if fields.first() == Some(&redis::Value::Int(-2)) =>
                {
                    Err(InspectError::Changed(super::display(key)))
                }
                _ => Ok(()),
            }
        }
        Some(_) => Err(InspectError::Answer("EXEC".into())),
    }
}

fn name(command: &Cmd) -> String {
    match command.args_iter().next() {
        Some(redis::Arg::Simple(word)) => String::from_utf8_lossy(word).into_owned(),
        _ => String::new(),
    }
}
