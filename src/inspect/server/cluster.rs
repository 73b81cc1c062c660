//! Which nodes make a cluster, and which slots does each serve?

use redis::Value;

use super::Info;
use super::answer::{items, line, number, text};

/// The slots of a cluster.
const SLOTS: u64 = 16_384;
/// Nodes that are read; more of them are not shown one by one anywhere.
const MOST: usize = 1_000;

/// A cluster, as one of its nodes sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// `ok` or `fail`.
    pub state: String,
    /// Its nodes, primaries first, by their slots.
    pub nodes: Vec<ClusterNode>,
}

/// A node of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterNode {
    /// Its id.
    pub id: String,
    /// Host and port.
    pub address: String,
    /// Its primary's id, where it is a replica.
    pub primary: Option<String>,
    /// Its ranges of slots, first and last.
    pub slots: Vec<(u16, u16)>,
    /// Whether it is the one that answers.
    pub is_self: bool,
    /// What is wrong with it: `failed`, `not reached`; empty where nothing is.
    pub problem: &'static str,
}

impl ClusterNode {
    /// How many slots it serves.
    pub fn slot_count(&self) -> u64 {
        self.slots
            .iter()
            .map(|(first, last)| u64::from(*last - *first) + 1)
            .sum()
    }
}

impl Cluster {
    /// Slots that somebody serves.
    pub fn covered(&self) -> u64 {
        self.nodes
            .iter()
            .map(ClusterNode::slot_count)
            .sum::<u64>()
            .min(SLOTS)
    }

    /// Whether every slot is served.
    pub fn is_covered(&self) -> bool {
        self.covered() == SLOTS
    }
}

/// The nodes of CLUSTER NODES. A row of another form is left out.
pub(super) fn nodes(answer: &Value) -> Vec<ClusterNode> {
    let mut nodes: Vec<ClusterNode> = text(answer)
        .lines()
        .take(MOST)
        .filter_map(|row| {
            let mut words = row.split(' ');
            let id = line(words.next()?, 40);
            let address = words.next()?.split(['@', ',']).next()?;
            let flags: Vec<&str> = words.next()?.split(',').collect();
            let primary = words.next().filter(|id| *id != "-").map(|id| line(id, 40));
            let link = words.nth(3)?;
            let problem = if flags.contains(&"fail") {
                "failed"
            } else if flags.contains(&"fail?") {
                "may have failed"
            } else if flags.contains(&"handshake") || flags.contains(&"noaddr") {
                "not known yet"
            } else if link != "connected" && !flags.contains(&"myself") {
                "not reached"
            } else {
                ""
            };
            Some(ClusterNode {
                id,
                address: line(address, 100),
                primary,
                slots: words.filter_map(range).collect(),
                is_self: flags.contains(&"myself"),
                problem,
            })
        })
        .collect();
    sort(&mut nodes);
    nodes
}

/// `0-5460` or `5461`; a slot that is moving (`[93->-id]`) is counted where it still is.
fn range(word: &str) -> Option<(u16, u16)> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let range: (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
    (range.0 <= range.1 && u64::from(range.1) < SLOTS).then_some(range)
}

/// The nodes of CLUSTER SLOTS, for a service that took CLUSTER NODES away: without those that serve nothing.
pub(super) fn nodes_of_slots(answer: &Value) -> Vec<ClusterNode> {
    let mut nodes: Vec<ClusterNode> = Vec::new();
    for entry in items(answer).iter().take(MOST) {
        let parts = items(entry);
        let bound = |at: usize| {
            parts
                .get(at)
                .and_then(number)
                .and_then(|n| u16::try_from(n).ok())
                .filter(|slot| u64::from(*slot) < SLOTS)
        };
        let (Some(first), Some(last)) = (bound(0), bound(1)) else {
            continue;
        };
        let mut primary: Option<String> = None;
        for node in parts.iter().skip(2).map(items) {
            let Some(host) = node.first() else { continue };
            let port = node.get(1).and_then(number).unwrap_or_default();
            let address = line(&format!("{}:{port}", text(host)), 100);
            let id = node
                .get(2)
                .map_or_else(|| address.clone(), |id| line(&text(id), 40));
            let at = nodes
                .iter()
                .position(|known| known.id == id)
                .unwrap_or_else(|| {
                    nodes.push(ClusterNode {
                        id: id.clone(),
                        address,
                        primary: primary.clone(),
                        ..ClusterNode::default()
                    });
                    nodes.len() - 1
                });
            if primary.is_none() && first <= last {
                nodes[at].slots.push((first, last));
            }
            primary.get_or_insert(id);
        }
    }
    sort(&mut nodes);
    nodes
}

/// Each primary by its first slot, its replicas after it.
fn sort(nodes: &mut [ClusterNode]) {
    for node in nodes.iter_mut() {
        node.slots.sort_unstable();
    }
    let first = |node: &ClusterNode| node.slots.first().map_or(u16::MAX, |(first, _)| *first);
    let of: std::collections::HashMap<String, u16> = nodes
        .iter()
        .map(|node| (node.id.clone(), first(node)))
        .collect();
    nodes.sort_by_cached_key(|node| {
        let primary = node.primary.as_ref().unwrap_or(&node.id);
        (
            of.get(primary).copied().unwrap_or(u16::MAX),
            primary.clone(),
            node.primary.is_some(),
            node.address.clone(),
        )
    });
}

/// What CLUSTER INFO says of the whole.
pub(super) fn cluster_state(answer: &Value) -> String {
    let info = Info::read(&text(answer));
    info.get("cluster_state").unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn word(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    const NODES: &str = "07c37df 127.0.0.1:30004@31004,host-4 slave e7d1eec 0 1426238317239 4 connected\n67ed2db 127.0.0.1:30002@31002 master - 0 1426238316232 2 connected 5461-10922\n6ec2392 127.0.0.1:30003@31003 master,fail - 0 1426238318243 3 disconnected 10923-16382 16383 [93->-67ed2db]\ne7d1eec 127.0.0.1:30001@31001 myself,master - 0 0 1 connected 0-5460\n";

    #[test]
    fn a_cluster_is_its_primaries_each_with_its_replicas() {
        let nodes = nodes(&word(NODES));
        let order: Vec<_> = nodes.iter().map(|node| node.address.as_str()).collect();
        assert_eq!(
            order,
            [
                "127.0.0.1:30001",
                "127.0.0.1:30004",
                "127.0.0.1:30002",
                "127.0.0.1:30003"
            ]
        );
        assert!(nodes[0].is_self && nodes[1].primary.as_deref() == Some("e7d1eec"));
        assert_eq!(nodes[3].problem, "failed");
        let cluster = Cluster {
            state: cluster_state(&word("cluster_state:ok\r\n")),
            nodes,
        };
        assert!(cluster.is_covered() && cluster.state == "ok");
    }

    #[test]
    fn slots_tell_the_nodes_where_nodes_may_not_be_asked() {
        let node =
            |port: i64, id: &str| Value::Array(vec![word("10.0.0.1"), Value::Int(port), word(id)]);
        let slots = Value::Array(vec![
            Value::Array(vec![Value::Int(5461), Value::Int(16_383), node(2, "b")]),
            Value::Array(vec![
                Value::Int(0),
                Value::Int(5460),
                node(1, "a"),
                node(3, "c"),
            ]),
            Value::Array(vec![Value::Int(9), Value::Int(99_999_999), node(4, "d")]),
        ]);
        let nodes = nodes_of_slots(&slots);
        let order: Vec<_> = nodes.iter().map(|node| node.id.as_str()).collect();
        assert_eq!(order, ["a", "c", "b"]);
        assert_eq!(nodes[1].primary.as_deref(), Some("a"));
        assert!(
            Cluster {
                state: String::new(),
                nodes
            }
            .is_covered()
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(?s).{0,200}", row in "[a-z0-9 ,:@-]{0,120}") {
            let _ = nodes(&word(&text));
            let nodes = nodes(&word(&row));
            let _ = Cluster { state: String::new(), nodes }.covered();
        }
    }
}
