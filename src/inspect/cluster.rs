//! Where the keys of a cluster are: its primaries, and the node that a key has moved to.
//!
//! A command about a key goes to the node at hand first; the server itself says where the key is (MOVED, ASK). Scans
//! go to every primary.

use std::collections::{BTreeMap, HashMap};

use redis::{Client, Cmd, ConnectionAddr, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value};
use tokio::sync::Mutex;

use crate::cache::{CacheError, Problem};
use crate::workspace::ConnectionUrl;

use super::{Connection, InspectError};

/// Host and port of a node.
pub(super) type Address = (String, u16);

/// The ranges of slots that each primary has.
pub(super) type Topology = BTreeMap<Address, Vec<(u16, u16)>>;

/// The connections to other nodes that were needed so far.
#[derive(Default)]
pub(super) struct Others(Mutex<HashMap<Address, Connection>>);

impl Others {
    /// The connection to the node at `address`, opened where it is the first of its kind.
    pub(super) async fn get(
        &self,
        near: &Connection,
        address: &Address,
    ) -> Result<Connection, InspectError> {
        let mut known = self.0.lock().await;
        if let Some(node) = known.get(address) {
            return Ok(node.clone());
        }
        let node = Box::pin(near.to(address)).await?;
        known.insert(address.clone(), node.clone());
        Ok(node)
    }
}

/// The URL without `-cluster` in its scheme.
pub(super) fn plain(url: &ConnectionUrl) -> ConnectionUrl {
    for (scheme, plain) in [
        ("redis-cluster://", "redis://"),
        ("rediss-cluster://", "rediss://"),
    ] {
        if let Some(rest) = url.expose().strip_prefix(scheme) {
            return ConnectionUrl::new(&format!("{plain}{rest}"));
        }
    }
    url.clone()
}

/// The host that a client connects to; empty for a unix socket.
pub(super) fn host(client: &Client) -> String {
    match client.get_connection_info().addr() {
        ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host.clone(),
        _ => String::new(),
    }
}

/// A client like `client` for another node.
pub(super) fn client_to(client: &Client, (host, port): &Address) -> Result<Client, InspectError> {
    let info = client.get_connection_info().clone();
    let addr = match info.addr().clone() {
        ConnectionAddr::TcpTls {
            insecure,
            tls_params,
            ..
        } => ConnectionAddr::TcpTls {
            host: host.clone(),
            port: *port,
            insecure,
            tls_params,
        },
        _ => ConnectionAddr::Tcp(host.clone(), *port),
    };
    Client::open(info.set_addr(addr)).map_err(|_| {
        CacheError::new(
            Problem::Address,
            format!(
                "the cluster names a node at {host}:{port} that cannot be connected to; check cluster-announce-ip on that node"
            ),
        )
        .into()
    })
}

/// The primaries of CLUSTER SLOTS. A node without a name of its own stands on the host that was asked.
pub(super) fn topology(answer: Value, asked: &str) -> Result<Topology, InspectError> {
    let unknown = || InspectError::Answer("CLUSTER SLOTS".into());
    let ranges: Vec<Vec<Value>> = redis::from_redis_value(answer).map_err(|_| unknown())?;
    let mut primaries = Topology::new();
    for range in ranges {
        let mut parts = range.into_iter();
        let (Some(Value::Int(from)), Some(Value::Int(to)), Some(Value::Array(primary))) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(unknown());
        };
        let [name, Value::Int(port), ..] = primary.as_slice() else {
            return Err(unknown());
        };
        let name: Option<String> = redis::from_redis_value(name.clone()).map_err(|_| unknown())?;
        let name = name
            .filter(|name| !name.is_empty() && name != "?")
            .unwrap_or_else(|| asked.to_owned());
        let port = u16::try_from(*port).map_err(|_| unknown())?;
        primaries
            .entry((name, port))
            .or_default()
            .push((from as u16, to as u16));
    }
    Ok(primaries)
}

/// The slot of a key: of what stands in its first braces where anything does, else of the whole name.
pub(super) fn slot(name: &[u8]) -> u16 {
    let tag = memchr::memchr(b'{', name).and_then(|open| {
        let rest = &name[open + 1..];
        memchr::memchr(b'}', rest)
            .filter(|close| *close > 0)
            .map(|close| &rest[..close])
    });
    // CRC-16 as XMODEM does it.
    let crc = tag.unwrap_or(name).iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            }
        })
    });
    crc % 16_384
}

/// Commands that another node has to be sent.
#[derive(Debug)]
pub(super) struct Again {
    /// Where it listens.
    pub(super) address: Address,
    /// What it is sent.
    pub(super) pipe: Pipeline,
    /// How many answers come before the first that counts, and between two of them.
    step: usize,
    /// Whose answers these are, by their places among all.
    places: Vec<usize>,
}

impl Again {
    /// Puts the node's answers where the redirections were.
    pub(super) fn put(&self, from: Vec<Value>, into: &mut [Value]) {
        let counted = from.into_iter().skip(self.step - 1).step_by(self.step);
        for (place, answer) in self.places.iter().zip(counted) {
            if let Some(slot) = into.get_mut(*place) {
                *slot = answer;
            }
        }
    }
}

/// Which of the commands have to be sent again, and where: the server names the node that has a key (MOVED), or that
/// is just getting it (ASK). A node without a name of its own stands on the host that was asked. A transaction goes as
/// a whole.
pub(super) fn again(commands: &Pipeline, answers: &[Value], asked: &str) -> Vec<Again> {
    let all: Vec<&Cmd> = commands.cmd_iter().collect();
    let is_transaction = all.first().is_some_and(|first| {
        let name = first.args_iter().next();
        matches!(name, Some(redis::Arg::Simple(name)) if name.eq_ignore_ascii_case(b"MULTI"))
    });
    let mut again: Vec<Again> = Vec::new();
    for (place, answer) in answers.iter().enumerate().take(all.len()) {
        let Some((address, is_ask)) = redirection(answer, asked) else {
            continue;
        };
        if is_transaction {
            // What is in the middle of its move cannot be changed in one: the server's word stands.
            let whole = (!is_ask).then(|| Again {
                address,
                pipe: commands.clone(),
                step: 1,
                places: (0..all.len()).collect(),
            });
            return whole.into_iter().collect();
        }
        let step = if is_ask { 2 } else { 1 };
        let known = again
            .iter()
            .position(|one| one.address == address && one.step == step);
        let at = known.unwrap_or_else(|| {
            again.push(Again {
                address,
                pipe: Pipeline::new(),
                step,
                places: Vec::new(),
            });
            again.len() - 1
        });
        let one = &mut again[at];
        if is_ask {
            // A key in the middle of its move is given only to who says that it was sent there.
            one.pipe.cmd("ASKING");
        }
        one.pipe.add_command(all[place].clone());
        one.places.push(place);
    }
    again
}

/// Where this answer sends us, and whether only this once.
fn redirection(answer: &Value, asked: &str) -> Option<(Address, bool)> {
    let Value::ServerError(error) = answer else {
        return None;
    };
    let error = RedisError::from(error.clone());
    let (address, _) = error.redirect_node()?;
    let (host, port) = address.rsplit_once(':')?;
    let host = if host.is_empty() { asked } else { host };
    let is_ask = error.kind() == ErrorKind::Server(ServerErrorKind::Ask);
    Some(((host.to_owned(), port.parse().ok()?), is_ask))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn node(name: Value, port: i64) -> Value {
        Value::Array(vec![
            name,
            Value::Int(port),
            Value::BulkString(b"id".to_vec()),
        ])
    }

    #[test]
    fn each_primary_has_its_ranges_and_a_nameless_one_stands_where_it_was_asked() {
        let range = |from, to, node| Value::Array(vec![Value::Int(from), Value::Int(to), node]);
        let named = || node(Value::BulkString(b"10.0.0.1".to_vec()), 7001);
        let answer = Value::Array(vec![
            range(0, 99, named()),
            range(200, 16_383, named()),
            range(100, 199, node(Value::Nil, 7002)),
        ]);
        let primaries = topology(answer, "here").unwrap();
        assert_eq!(
            primaries.into_iter().collect::<Vec<_>>(),
            [
                (("10.0.0.1".to_owned(), 7001), vec![(0, 99), (200, 16_383)]),
                (("here".to_owned(), 7002), vec![(100, 199)]),
            ]
        );
        assert!(topology(Value::Array(vec![Value::Array(vec![Value::Int(0)])]), "x").is_err());
        assert!(topology(Value::Okay, "x").is_err());
    }

    #[test]
    fn only_what_was_redirected_is_sent_again_and_a_transaction_as_a_whole() {
        let parse = |text: &str| redis::parse_redis_value(text.as_bytes()).unwrap();
        let moved = || parse("-MOVED 7 10.0.0.2:7002\r\n");
        let mut pipe = Pipeline::new();
        for key in ["a", "b", "c", "d"] {
            pipe.cmd("UNLINK").arg(key);
        }
        let mut answers = vec![moved(), Value::Int(1), parse("-ASK 9 :7003\r\n"), moved()];
        let sent = again(&pipe, &answers, "here");
        let told: Vec<_> = sent
            .iter()
            .map(|one| (one.address.clone(), one.pipe.len(), one.places.clone()))
            .collect();
        assert_eq!(
            told,
            [
                (("10.0.0.2".to_owned(), 7002), 2, vec![0, 3]),
                (("here".to_owned(), 7003), 2, vec![2]),
            ]
        );
        sent[0].put(vec![Value::Int(10), Value::Int(13)], &mut answers);
        sent[1].put(vec![Value::Okay, Value::Int(12)], &mut answers);
        assert_eq!(answers, [10, 1, 12, 13].map(Value::Int));

        let mut pipe = Pipeline::new();
        pipe.cmd("MULTI").cmd("DEL").arg("a").cmd("EXEC");
        let refused = parse("-EXECABORT x\r\n");
        let sent = again(&pipe, &[Value::Okay, moved(), refused.clone()], "here");
        assert_eq!((sent.len(), sent[0].pipe.len()), (1, 3));
        let ask = parse("-ASK 9 h:1\r\n");
        assert!(again(&pipe, &[Value::Okay, ask, refused], "here").is_empty());
        assert!(again(&pipe, &[parse("-MOVED nonsense\r\n")], "here").is_empty());
    }

    #[test]
    fn a_key_has_the_slot_that_the_server_says() {
        for (name, expected) in [
            ("123456789", 0x31c3),
            ("foo", 12_182),
            ("{foo}:bar", 12_182),
            ("a{}foo", slot(b"a{}foo")),
            ("", 0),
        ] {
            assert_eq!(slot(name.as_bytes()), expected, "{name}");
        }
        assert_ne!(slot(b"{}foo"), slot(b"foo"));
    }

    #[test]
    fn a_cluster_url_is_a_plain_one() {
        let url = plain(&ConnectionUrl::new("redis-cluster://u:p@h:1"));
        assert_eq!(url.expose(), "redis://u:p@h:1");
        assert_eq!(
            plain(&ConnectionUrl::new("redis://h")).expose(),
            "redis://h"
        );
    }
}
