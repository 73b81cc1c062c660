//! The Redis commands that the scripts use, over plain maps, with a clock that only the schedule moves. So expiry,
//! eviction, a failover and a clock that jumps are exact and cost nothing.
//!
//! `protocol_store.rs` runs random script calls against this and against a real redis-server and compares everything.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Keys and values; cheap to copy, because schedules keep copies of whole stores.
pub(crate) type Text = Rc<[u8]>;

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    Text(Text),
    Hash(BTreeMap<Text, Text>),
    Set(BTreeSet<Text>),
    /// Members with the bits of their scores.
    Sorted(BTreeMap<Text, u64>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kept {
    pub(crate) value: Value,
    /// The last millisecond at which it is there.
    pub(crate) until: Option<u64>,
}

/// What a command answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Nil,
    Int(i64),
    Bulk(Text),
    Ok,
    Error(String),
    Many(Vec<Reply>),
}

/// A server's memory and its clock.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Store {
    pub(crate) keys: BTreeMap<Text, Kept>,
    /// Milliseconds since 1970.
    pub(crate) now: u64,
}

/// The command does not fit what the key holds, or is not one.
struct Refused(&'static str);

const WRONG_TYPE: Refused =
    Refused("WRONGTYPE Operation against a key holding the wrong kind of value");
const NOT_A_NUMBER: Refused = Refused("ERR value is not an integer or out of range");
const SYNTAX: Refused = Refused("ERR syntax error");

/// A new key, or what it holds if that is of the right kind.
macro_rules! typed {
    ($store:expr, $key:expr, $kind:ident) => {
        match &mut $store
            .keys
            .entry($key.clone())
            .or_insert_with(|| Kept {
                value: Value::$kind(Default::default()),
                until: None,
            })
            .value
        {
            Value::$kind(held) => held,
            _ => return Err(WRONG_TYPE),
        }
    };
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            keys: BTreeMap::new(),
            now: 1_700_000_000_000,
        }
    }

    /// A field of a hash, for whoever looks on.
    pub(crate) fn field(&self, key: &[u8], field: &[u8]) -> Option<&[u8]> {
        match &self.keys.get(key)?.value {
            Value::Hash(fields) => fields.get(field).map(AsRef::as_ref),
            _ => None,
        }
    }

    /// Drops what has ended.
    pub(crate) fn expire(&mut self) {
        let now = self.now;
        self.keys
            .retain(|_, kept| kept.until.is_none_or(|until| now <= until));
    }

    /// Runs a command: its name, then its arguments.
    pub(crate) fn call(&mut self, command: &[Text]) -> Reply {
        self.run(command)
            .unwrap_or_else(|Refused(why)| Reply::Error(why.to_owned()))
    }

    fn run(&mut self, command: &[Text]) -> Result<Reply, Refused> {
        let (name, args) = command.split_first().ok_or(SYNTAX)?;
        if &**name == b"TIME" {
            let part = |number: u64| Reply::Bulk(number.to_string().as_bytes().into());
            return Ok(Reply::Many(vec![
                part(self.now / 1000),
                part(self.now % 1000 * 1000),
            ]));
        }
        let (key, rest) = args.split_first().ok_or(SYNTAX)?;
        Ok(match (&**name, rest) {
            (b"GET", []) => match self.keys.get(key).map(|kept| &kept.value) {
                None => Reply::Nil,
                Some(Value::Text(text)) => Reply::Bulk(text.clone()),
                Some(_) => return Err(WRONG_TYPE),
            },
            (b"SET", [value, options @ ..]) => self.set(key, value, options)?,
            (b"DEL", _) => count(args.iter().filter(|key| self.keys.remove(*key).is_some())),
            (b"EXISTS", []) => Reply::Int(i64::from(self.keys.contains_key(key))),
            (b"PEXPIRE", [time]) => self.end_in(key, number(time)?),
            (b"PTTL", []) => Reply::Int(match self.keys.get(key) {
                None => -2,
                Some(Kept { until: None, .. }) => -1,
                Some(Kept {
                    until: Some(until), ..
                }) => (until - self.now) as i64,
            }),
            (b"HGET", [field]) => bulk(self.hash(key)?.and_then(|hash| hash.get(field))),
            (b"HMGET", [_, ..]) => {
                let hash = self.hash(key)?;
                let of = |field| bulk(hash.and_then(|hash| hash.get(field)));
                Reply::Many(rest.iter().map(of).collect())
            }
            (b"HEXISTS", [field]) => Reply::Int(i64::from(
                self.hash(key)?.is_some_and(|hash| hash.contains_key(field)),
            )),
            (b"HKEYS", []) => {
                let fields = self.hash(key)?.into_iter().flat_map(BTreeMap::keys);
                Reply::Many(fields.cloned().map(Reply::Bulk).collect())
            }
            (b"HGETALL", []) => {
                let pairs = self.hash(key)?.into_iter().flatten();
                let flat = pairs.flat_map(|(field, value)| [field.clone(), value.clone()]);
                Reply::Many(flat.map(Reply::Bulk).collect())
            }
            (b"HSET", pairs) if !pairs.is_empty() && pairs.len() % 2 == 0 => {
                let hash = typed!(self, key, Hash);
                count(
                    pairs
                        .chunks(2)
                        .filter(|pair| hash.insert(pair[0].clone(), pair[1].clone()).is_none()),
                )
            }
            (b"HDEL", [_, ..]) => {
                if self.hash(key)?.is_none() {
                    return Ok(Reply::Int(0));
                }
                let hash = typed!(self, key, Hash);
                let gone = count(rest.iter().filter(|field| hash.remove(*field).is_some()));
                if hash.is_empty() {
                    self.keys.remove(key);
                }
                gone
            }
            (b"SADD", [_, ..]) => {
                let set = typed!(self, key, Set);
                count(rest.iter().filter(|member| set.insert((*member).clone())))
            }
            (b"SISMEMBER", [member]) => match self.keys.get(key).map(|kept| &kept.value) {
                None => Reply::Int(0),
                Some(Value::Set(set)) => Reply::Int(i64::from(set.contains(member))),
                Some(_) => return Err(WRONG_TYPE),
            },
            (b"ZADD", [score, member]) => {
                let score: f64 = parse(score).ok_or(Refused("ERR value is not a valid float"))?;
                let set = typed!(self, key, Sorted);
                Reply::Int(i64::from(
                    set.insert(member.clone(), score.to_bits()).is_none(),
                ))
            }
            (b"ZSCORE", [member]) => match self.keys.get(key).map(|kept| &kept.value) {
                None => Reply::Nil,
                Some(Value::Sorted(set)) => set.get(member).map_or(Reply::Nil, |bits| {
                    Reply::Bulk(f64::from_bits(*bits).to_string().as_bytes().into())
                }),
                Some(_) => return Err(WRONG_TYPE),
            },
            _ => return Err(Refused("ERR not a command that this model knows")),
        })
    }

    fn hash(&self, key: &Text) -> Result<Option<&BTreeMap<Text, Text>>, Refused> {
        match self.keys.get(key).map(|kept| &kept.value) {
            None => Ok(None),
            Some(Value::Hash(hash)) => Ok(Some(hash)),
            Some(_) => Err(WRONG_TYPE),
        }
    }

    fn set(&mut self, key: &Text, value: &Text, options: &[Text]) -> Result<Reply, Refused> {
        let (mut only_new, mut until, mut rest) = (false, None, options);
        loop {
            rest = match rest {
                [] => break,
                [nx, rest @ ..] if &**nx == b"NX" => {
                    only_new = true;
                    rest
                }
                [px, time, rest @ ..] if &**px == b"PX" => {
                    let time = number(time)?;
                    if time <= 0 {
                        return Err(Refused("ERR invalid expire time in 'set' command"));
                    }
                    until = Some(self.now + time as u64);
                    rest
                }
                _ => return Err(SYNTAX),
            };
        }
        if only_new && self.keys.contains_key(key) {
            return Ok(Reply::Nil);
        }
        let value = Value::Text(value.clone());
        self.keys.insert(key.clone(), Kept { value, until });
        Ok(Reply::Ok)
    }

    fn end_in(&mut self, key: &Text, time: i64) -> Reply {
        let Some(kept) = self.keys.get_mut(key) else {
            return Reply::Int(0);
        };
        if time <= 0 {
            self.keys.remove(key);
        } else {
            kept.until = Some(self.now + time as u64);
        }
        Reply::Int(1)
    }
}

fn bulk(text: Option<&Text>) -> Reply {
    text.map_or(Reply::Nil, |text| Reply::Bulk(text.clone()))
}

fn count<T>(items: impl Iterator<Item = T>) -> Reply {
    Reply::Int(items.count() as i64)
}

fn parse<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn number(text: &[u8]) -> Result<i64, Refused> {
    parse(text).ok_or(NOT_A_NUMBER)
}

/// A number in a script's answer.
pub(crate) fn int(reply: &Reply, index: usize) -> i64 {
    match reply {
        Reply::Many(parts) => match parts.get(index) {
            Some(Reply::Int(number)) => *number,
            other => panic!("no number at {index}: {other:?}"),
        },
        other => panic!("no list: {other:?}"),
    }
}

/// A text in a script's answer.
pub(crate) fn text_of(reply: &Reply, index: usize) -> Text {
    match reply {
        Reply::Many(parts) => match parts.get(index) {
            Some(Reply::Bulk(text)) => text.clone(),
            other => panic!("no text at {index}: {other:?}"),
        },
        other => panic!("no list: {other:?}"),
    }
}

/// As keys and values are kept.
pub(crate) fn text(text: &str) -> Text {
    text.as_bytes().into()
}
