//! A private cluster of three primaries.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::time::{Duration, Instant};

use super::redis::{redis_server, valkey_server};
use super::{Certificates, PATIENCE, Redis, closed_port, stdout_of};

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

impl DerefMut for ValkeyCluster {
    fn deref_mut(&mut self) -> &mut Cluster {
        &mut self.0
    }
}

/// Starts a node that knows nobody; it, and the port of its bus.
fn start_node(program: &Path, more: &[String]) -> (Redis, String) {
    // The usual port of the bus is the node's and 10,000, which may lie beyond the last port.
    let bus = closed_port().to_string();
    let mut arguments = vec![
        "--save",
        "",
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        &bus,
        // Tests that end a node go on before the others notice and refuse everything.
        "--cluster-node-timeout",
        "60000",
    ];
    arguments.extend(more.iter().map(String::as_str));
    (Redis::start_program(program.to_owned(), &arguments), bus)
}

/// The first slot of each node, and the end.
const SLOTS: [u16; 4] = [0, 5_461, 10_923, 16_384];

impl Cluster {
    /// Starts one and waits until every node knows all slots.
    pub(crate) fn start() -> Self {
        Self::start_program(&redis_server())
    }

    /// Starts one whose nodes also take TLS, each on a port of its own, and talk by it.
    pub(crate) fn start_tls(certificates: &Certificates) -> (Self, Vec<u16>) {
        let ports: Vec<u16> = (0..3).map(|_| closed_port()).collect();
        let (certificate, key) = certificates.server();
        let text = |path: &Path| path.display().to_string();
        let more = |at: usize| {
            [
                ("--tls-port", ports[at].to_string()),
                ("--tls-cluster", "yes".to_owned()),
                ("--tls-auth-clients", "no".to_owned()),
                ("--tls-cert-file", text(&certificate)),
                ("--tls-key-file", text(&key)),
                ("--tls-ca-cert-file", text(&certificates.authority())),
            ]
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value])
            .collect()
        };
        (Self::start_with(&redis_server(), more), ports)
    }

    fn start_program(program: &Path) -> Self {
        Self::start_with(program, |_| Vec::new())
    }

    fn start_with(program: &Path, more: impl Fn(usize) -> Vec<String>) -> Self {
        let mut bus = Vec::new();
        let nodes: Vec<Redis> = (0..3)
            .map(|at| {
                let (node, port) = start_node(program, &more(at));
                bus.push(port);
                node
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

    /// Adds a replica of one of the nodes and waits until it has its keys and everybody knows it.
    pub(crate) fn add_replica(&self, of: usize) -> Redis {
        let primary = &self.nodes[of];
        let (replica, bus) = start_node(&primary.program, &[]);
        let port = replica.port.to_string();
        primary.cli(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        let id = primary.cli(&["CLUSTER", "MYID"]).trim().to_owned();
        let start = Instant::now();
        let wait = |done: &dyn Fn() -> bool| {
            while !done() {
                assert!(start.elapsed() < PATIENCE, "the replica is not ready");
                std::thread::sleep(Duration::from_millis(50));
            }
        };
        wait(&|| replica.cli(&["CLUSTER", "REPLICATE", &id]).trim() == "OK");
        let own = replica.cli(&["CLUSTER", "MYID"]).trim().to_owned();
        wait(&|| {
            let info = replica.cli(&["INFO", "replication"]);
            let everybody = self.nodes.iter().all(|node| {
                let nodes = node.cli(&["CLUSTER", "NODES"]);
                nodes
                    .lines()
                    .any(|line| line.starts_with(&own) && line.contains("slave"))
            });
            info.contains("master_link_status:up") && everybody
        });
        replica
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
