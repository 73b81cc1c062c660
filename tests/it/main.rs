//! The one integration binary: engine, sources, detectors, worker, inspect, command line and window against real
//! servers that the tests start themselves.
mod app_analysis;
mod app_connect;
mod app_console;
mod app_display;
mod app_keys;
mod app_latency;
mod app_policy;
mod app_reports;
mod app_shell;
mod app_worker;
mod audit;
mod cache;
mod cli;
mod demo;
mod dependencies;
mod detector;
mod detector_mssql;
mod detector_mysql;
mod detector_postgres;
mod engine;
mod every_server;
mod fake;
mod faults;
mod four_mistakes;
mod hostile;
mod inspect;
mod inspect_changes;
mod inspect_locked;
mod inspect_nodes;
mod inspect_rights;
mod inspect_strangers;
mod inspect_tls;
mod inspect_values;
mod keyspace;
mod level;
mod oracle;
mod protocol_model;
mod protocol_store;
#[path = "../tds/replay/mod.rs"]
mod replay;
mod schedules;
mod servers;
mod source_mssql;
mod source_mysql;
mod source_postgres;
mod source_sqlite;
mod stampede;
mod table;
mod tidy;
mod tls;
mod valkey;
mod worker;
mod worker_mysql;
mod workspace;

// The server of the tests that `valkey.rs` runs once more on another one.
use servers::{Cluster, Redis};
