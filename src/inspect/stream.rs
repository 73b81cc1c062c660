//! Who reads a stream, and what is new in it.

use super::read::entries;
use super::{Connection, InspectError, StreamEntry};

/// The most entries of one answer.
const AT_A_TIME: u64 = 100;

/// A consumer group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: Vec<u8>,
    /// The last entry that was delivered.
    pub last_delivered: String,
    /// Entries that are delivered and not acknowledged.
    pub pending: u64,
    /// Entries that are not delivered yet; `None` where the server cannot tell.
    pub lag: Option<u64>,
    /// Who reads for it.
    pub consumers: Vec<Consumer>,
    /// The oldest of the pending entries.
    pub oldest: Vec<Pending>,
}

/// A consumer of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// Its name.
    pub name: Vec<u8>,
    /// Entries that it has not acknowledged.
    pub pending: u64,
    /// Milliseconds since it last asked.
    pub idle_ms: u64,
}

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its id.
    pub id: String,
    /// Who has it.
    pub consumer: Vec<u8>,
    /// Milliseconds since it was delivered.
    pub idle_ms: u64,
    /// How often it was delivered.
    pub deliveries: u64,
}

/// The groups of a stream with their consumers and their oldest pending entries, 100 a group.
pub async fn groups(connection: &Connection, name: &[u8]) -> Result<Vec<Group>, InspectError> {
    let mut command = redis::cmd("XINFO");
    let answer: Vec<redis::Value> = connection.ask(command.arg("GROUPS").arg(name)).await?;
    let mut groups = Vec::new();
    for group in answer {
        let group = Named::new(group);
        let group_name = group.bytes("name");
        let mut command = redis::cmd("XINFO");
        command.arg("CONSUMERS").arg(name).arg(&group_name);
        let consumers: Vec<redis::Value> = connection.ask(&command).await?;
        let mut command = redis::cmd("XPENDING");
        command
            .arg(name)
            .arg(&group_name)
            .arg("-")
            .arg("+")
            .arg(AT_A_TIME);
        let oldest: Vec<(String, Vec<u8>, u64, u64)> = connection.ask(&command).await?;
        groups.push(Group {
            last_delivered: String::from_utf8_lossy(&group.bytes("last-delivered-id")).into_owned(),
            pending: group.number("pending").unwrap_or_default(),
            lag: group.number("lag"),
            consumers: consumers
                .into_iter()
                .map(|consumer| {
                    let consumer = Named::new(consumer);
                    Consumer {
                        name: consumer.bytes("name"),
                        pending: consumer.number("pending").unwrap_or_default(),
                        idle_ms: consumer.number("idle").unwrap_or_default(),
                    }
                })
                .collect(),
            oldest: oldest
                .into_iter()
                .map(|(id, consumer, idle_ms, deliveries)| Pending {
                    id,
                    consumer,
                    idle_ms,
                    deliveries,
                })
                .collect(),
            name: group_name,
        });
    }
    Ok(groups)
}

/// The newest entries in order: the last 100, or those after `after`, 100 at most.
pub async fn tail(
    connection: &Connection,
    name: &[u8],
    after: Option<&str>,
) -> Result<Vec<StreamEntry>, InspectError> {
    let mut command = redis::cmd(if after.is_some() {
        "XRANGE"
    } else {
        "XREVRANGE"
    });
    command.arg(name);
    match after {
        Some(id) => command.arg(format!("({id}")).arg("+"),
        None => command.arg("+").arg("-"),
    };
    command.arg("COUNT").arg(AT_A_TIME);
    let mut entries = entries(connection, &command).await?;
    if after.is_none() {
        entries.reverse();
    }
    Ok(entries)
}

/// An answer of names and values, as a list or as a map.
struct Named(Vec<(redis::Value, redis::Value)>);

impl Named {
    fn new(answer: redis::Value) -> Self {
        Self(match answer {
            redis::Value::Map(pairs) => pairs,
            redis::Value::Array(words) => words
                .chunks_exact(2)
                .map(|pair| (pair[0].clone(), pair[1].clone()))
                .collect(),
            _ => Vec::new(),
        })
    }

    fn get(&self, name: &str) -> Option<redis::Value> {
        let named = |value: &redis::Value| {
            redis::from_redis_value::<String>(value.clone()).is_ok_and(|known| known == name)
        };
        let pair = self.0.iter().find(|(known, _)| named(known))?;
        Some(pair.1.clone())
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        self.get(name)
            .and_then(|value| redis::from_redis_value(value).ok())
            .unwrap_or_default()
    }

    fn number(&self, name: &str) -> Option<u64> {
        redis::from_redis_value(self.get(name)?).ok()
    }
}
