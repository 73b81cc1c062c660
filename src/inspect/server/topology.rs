//! Which servers belong together: a primary and its replicas, and sentinels; a cluster stands in `cluster.rs`.

use redis::Value;

use super::answer::{items, line, pairs, text};
use super::info::parts;
use super::{Clients, Cluster, Info};

/// Nodes, replicas and sentinels that are read; more of them are not shown one by one anywhere.
const MOST: usize = 1_000;

/// Which servers belong together, as the one that answers sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology {
    /// What the one that answers is.
    pub role: Role,
    /// Its replicas.
    pub replicas: Vec<Replica>,
    /// The cluster that it is part of.
    pub cluster: Option<Cluster>,
    /// Sentinels that watch it, or what a sentinel watches.
    pub sentinels: Vec<Sentinel>,
    /// Sentences in the place of what could not be asked.
    pub missing: Vec<String>,
}

/// What a server is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Role {
    /// It does not say.
    #[default]
    Unknown,
    /// It takes writes.
    Primary,
    /// It copies another.
    Replica {
        /// Host and port of its primary.
        of: String,
        /// Whether it hears from it.
        connected: bool,
        /// Seconds since it heard from it.
        silent: Option<u64>,
        /// Whether it copies everything anew.
        syncing: bool,
    },
    /// It watches others.
    Sentinel,
}

/// A replica, as its primary sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Host and port.
    pub address: String,
    /// `online`, or what it waits for.
    pub state: String,
    /// Bytes of changes that it has not confirmed yet.
    pub behind: Option<u64>,
    /// Seconds since it was heard from.
    pub lag: Option<u64>,
}

/// A sentinel, or a primary that a sentinel watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentinel {
    /// Its name: the watched primary's, or the beginning of the sentinel's id.
    pub name: String,
    /// Host and port.
    pub address: String,
    /// What the sentinel says of it.
    pub state: String,
}

/// What INFO says of the replication.
pub(super) fn replication(info: &Info) -> (Role, Vec<Replica>) {
    if info.mode() == "sentinel" {
        return (Role::Sentinel, Vec::new());
    }
    let role = match info.get("role") {
        Some("master" | "primary") => Role::Primary,
        Some("slave" | "replica") => Role::Replica {
            of: format!(
                "{}:{}",
                info.get("master_host").unwrap_or("?"),
                info.get("master_port").unwrap_or("?")
            ),
            connected: info.get("master_link_status") == Some("up"),
            silent: info.number("master_last_io_seconds_ago"),
            syncing: info.number("master_sync_in_progress") == Some(1),
        },
        _ => Role::Unknown,
    };
    let written = info.number("master_repl_offset");
    let replicas = info
        .beginning("slave")
        .filter(|(rest, _)| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
        .take(MOST)
        .map(|(_, value)| {
            let field = |wanted: &str| {
                parts(value)
                    .find(|(name, _)| *name == wanted)
                    .map(|(_, value)| value)
            };
            let offset = field("offset").and_then(|text| text.parse::<u64>().ok());
            Replica {
                address: format!(
                    "{}:{}",
                    field("ip").unwrap_or("?"),
                    field("port").unwrap_or("?")
                ),
                state: field("state").unwrap_or("unknown").replace('_', " "),
                behind: written
                    .zip(offset)
                    .map(|(written, offset)| written.saturating_sub(offset)),
                lag: field("lag").and_then(|text| text.parse().ok()),
            }
        })
        .collect();
    (role, replicas)
}

/// Sentinels that are connected: each holds two connections and names them by the beginning of its id.
pub(super) fn connected_sentinels(clients: &Clients) -> Vec<Sentinel> {
    let mut found: Vec<Sentinel> = Vec::new();
    for client in clients.all.iter().filter(|client| client.is_sentinel()) {
        let name = client.name.split('-').nth(1).unwrap_or_default();
        if found.len() < MOST && found.iter().all(|known| known.name != name) {
            let host = client
                .address
                .rsplit_once(':')
                .map_or(client.address.as_str(), |(host, _)| host);
            found.push(Sentinel {
                name: name.to_owned(),
                address: host.to_owned(),
                state: "watches this server".to_owned(),
            });
        }
    }
    found
}

/// What SENTINEL MASTERS, REPLICAS or SENTINELS lists.
pub(super) fn watched(answer: &Value, what: &str) -> Vec<Sentinel> {
    items(answer)
        .iter()
        .take(MOST)
        .map(|one| {
            let fields = pairs(one);
            let field = |wanted: &str| {
                fields
                    .iter()
                    .find(|(name, _)| name == wanted)
                    .map(|(_, value)| line(&text(value), 100))
                    .unwrap_or_default()
            };
            let down = field("flags").contains("down");
            Sentinel {
                name: field("name"),
                address: format!("{}:{}", field("ip"), field("port")),
                state: if down {
                    format!("{what}, down")
                } else {
                    what.to_owned()
                },
            }
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::super::info::tests::GOLDEN;
    use super::*;

    fn word(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn a_primary_knows_how_far_its_replicas_are() {
        let (role, replicas) = replication(&Info::read(GOLDEN));
        assert_eq!(role, Role::Primary);
        assert_eq!(
            replicas,
            [Replica {
                address: "10.0.0.8:6379".into(),
                state: "online".into(),
                behind: Some(42),
                lag: Some(1),
            }]
        );
    }

    #[test]
    fn a_replica_knows_whether_it_hears_its_primary() {
        let info = Info::read(
            "role:slave\nmaster_host:10.0.0.1\nmaster_port:6379\nmaster_link_status:down\nmaster_last_io_seconds_ago:-1\nmaster_sync_in_progress:0\nslave_repl_offset:5",
        );
        let (role, replicas) = replication(&info);
        let Role::Replica {
            of,
            connected,
            silent,
            ..
        } = role
        else {
            panic!("{role:?}")
        };
        assert_eq!(
            (of.as_str(), connected, silent),
            ("10.0.0.1:6379", false, None)
        );
        assert!(replicas.is_empty());
    }

    #[test]
    fn sentinels_are_known_by_their_connections() {
        let clients = Clients::read(
            "id=1 addr=10.0.0.5:400 name=sentinel-1a2b3c4d-cmd\nid=2 addr=10.0.0.5:401 name=sentinel-1a2b3c4d-pubsub\nid=3 addr=10.0.0.6:1 name=sentinel-x",
        );
        let found = connected_sentinels(&clients);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].name.as_str(), found[0].address.as_str()),
            ("1a2b3c4d", "10.0.0.5")
        );
        let master = [
            "name",
            "shop",
            "ip",
            "10.0.0.1",
            "port",
            "6379",
            "flags",
            "s_down,master",
        ];
        let answer = Value::Array(vec![Value::Array(master.map(word).to_vec())]);
        assert_eq!(watched(&answer, "primary")[0].state, "primary, down");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(?s).{0,200}") {
            let _ = replication(&Info::read(&text));
        }
    }
}
