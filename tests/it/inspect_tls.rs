//! A cluster over TLS: its other nodes are reached with the same certificate authority.
#![allow(clippy::unwrap_used)]

use std::fmt::Write;

use lookaside::inspect::{Connection, Phase, describe};
use lookaside::workspace::ConnectionUrl;

use crate::inspect::{full, to_end};
use crate::servers::{Certificates, Cluster};

#[tokio::test(flavor = "multi_thread")]
async fn every_node_of_a_cluster_is_reached_over_tls() {
    let (ours, others) = (Certificates::make(), Certificates::make());
    let (cluster, ports) = Cluster::start_tls(&ours);
    let mut text = String::new();
    for i in 0..600 {
        writeln!(text, "SET k:{i} v").unwrap();
    }
    cluster.send(&text);
    let url = |authority: &Certificates| {
        let authority = authority.authority();
        let url = format!("rediss://127.0.0.1:{}?ca={}", ports[1], authority.display());
        ConnectionUrl::new(&url)
    };
    let connection = Connection::open(&url(&ours)).await.unwrap();
    let state = to_end(&connection, full()).await;
    assert!(matches!(state.phase, Phase::Complete), "{:?}", state.phase);
    assert_eq!((state.servers, state.keys.len()), (3, 600));
    for i in 0..20 {
        describe(&connection, format!("k:{i}").as_bytes())
            .await
            .unwrap();
    }
    // All three were spoken to over TLS, by us, or this would prove nothing.
    for node in &cluster.nodes {
        let clients = node.cli(&["CLIENT", "LIST"]);
        let others = clients
            .lines()
            .filter(|line| line.contains("name=lookaside-inspect"));
        assert!(others.count() > 0, "{clients}");
    }
    assert!(Connection::open(&url(&others)).await.is_err());
}
