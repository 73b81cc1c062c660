//! The one integration binary: engine, sources, detectors, worker, inspect, command line and window against real
//! servers that the tests start themselves.
mod app_connect;
mod app_display;
mod app_keys;
mod app_latency;
mod app_reports;
mod app_shell;
mod app_worker;
mod cache;
mod cli;
mod demo;
mod detector;
mod engine;
mod fake;
mod faults;
mod hostile;
mod inspect;
mod servers;
mod source_mysql;
mod source_postgres;
mod source_sqlite;
mod stampede;
mod table;
mod tidy;
mod tls;
mod worker;
mod workspace;
