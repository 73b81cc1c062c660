//! A private cluster of three primaries.

use std::ops::Deref;
use std::path::Path;
use std::time::{Duration, Instant};

use super::redis::{redis_server, valkey_server};
use super::{PATIENCE, Redis, closed_port, stdout_of};

/// Three primaries, each with a third of the slots.
pub(crate) struct Cluster {
    /// The nodes, in order of their slots.
    pub(crate) nodes: Vec<Redis>,
}

/// The same of Valkey 9.
pub(crate) struct ValkeyCluster(Cluster);

impl ValkeyCluster {
    /// Starts one and waits until every node knows all slots.
    pub(crate) fn start() -> Self {
        Self(Cluster::start_program(&valkey_server()))
    }
}

impl Deref for ValkeyCluster {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.0
    }
}

/// The first slot of each node, and the end.
const SLOTS: [u16; 4] = [0, 5_461, 10_923, 16_384];

impl Cluster {
    /// Starts one and waits until every node knows all slots.
    pub(crate) fn start() -> Self {
        Self::start_program(&redis_server())
    }

    fn start_program(program: &Path) -> Self {
        let mut bus = Vec::new();
        let nodes: Vec<Redis> = (0..3)
            .map(|_| {
                // The usual port of the bus is the node's and 10,000, which may lie beyond the last port.
                let port = closed_port().to_string();
                bus.push(port.clone());
                let arguments = [
                    "--save",
                    "",
                    "--cluster-enabled",
                    "yes",
                    "--cluster-port",
                    &port,
                ];
                Redis::start_program(program.to_owned(), &arguments)
            })
            .collect();
        for (at, node) in nodes.iter().enumerate() {
            let range = [SLOTS[at].to_string(), (SLOTS[at + 1] - 1).to_string()];
            node.cli(&["CLUSTER", "ADDSLOTSRANGE", &range[0], &range[1]]);
            let epoch = (at + 1).to_string();
            node.cli(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]);
        }
        for (node, bus) in nodes.iter().zip(&bus).skip(1) {
            nodes[0].cli(&["CLUSTER", "MEET", "127.0.0.1", &node.port.to_string(), bus]);
        }
        let cluster = Self { nodes };
        let start = Instant::now();
        while !cluster.is_ready() {
            assert!(
                start.elapsed() < PATIENCE,
                "the cluster is not ready: {}",
                cluster.nodes[0].cli(&["CLUSTER", "INFO"])
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        cluster
    }

    fn is_ready(&self) -> bool {
        self.nodes.iter().all(|node| {
            let info = node.cli(&["CLUSTER", "INFO"]);
            info.contains("cluster_state:ok")
                && info.contains("cluster_slots_ok:16384")
                && info.contains("cluster_size:3")
        })
    }

    /// Sends commands, one a line, each to the node that has its key.
    pub(crate) fn send(&self, commands: &str) {
        let mut cli = self.nodes[0].cli_command();
        cli.arg("-c");
        stdout_of(cli, commands);
    }

    /// What `redis-cli --scan` prints for all nodes together.
    pub(crate) fn scanned(&self) -> Vec<String> {
        self.nodes
            .iter()
            .flat_map(|node| {
                let names = node.cli(&["--scan"]);
                names.lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect()
    }

    /// Moves a slot with its keys from the node that has it to another, as a resharding does.
    pub(crate) fn move_slot(&self, slot: u16, from: usize, to: usize) {
        let slot = slot.to_string();
        let id = |node: usize| self.nodes[node].cli(&["CLUSTER", "MYID"]).trim().to_owned();
        let (source, target) = (id(from), id(to));
        self.nodes[to].cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source]);
        self.nodes[from].cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target]);
        let keys = self.nodes[from].cli(&["CLUSTER", "GETKEYSINSLOT", &slot, "10000"]);
        let port = self.nodes[to].port.to_string();
        for key in keys.lines().filter(|key| !key.is_empty()) {
            self.nodes[from].cli(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]);
        }
        for node in [to, from] {
            self.nodes[node].cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &target]);
        }
    }
}
