//! Lookaside runs slow SQL reports through a cache-aside engine in Redis, keeps the cached reports true with a
//! worker that watches the database, and shows what the cache holds and what it is worth.
//!
//! The engine is this library; the window, the command line and the worker are three callers of it.
//!
//! # Layout
//!
//! | module | its one question |
//! | --- | --- |
//! | [`human`] | how is it written for people? counts, times, sizes, columns, text that a terminal must not obey |
//! | [`workspace`] | what did the user ask for? the TOML file: read, check, edit in place, secrets |
//! | [`report`] | what is a report? typed parameters, the entry key, the tables it depends on |
//! | [`table`] | what is a result? Arrow record batches, their exact text, CSV, JSON, Parquet |
//! | [`source`] | how do rows come out of a database? one file each, types to Arrow, cancel |
//! | [`detector`] | how is a change noticed? one file a mechanism |
//! | [`cache`] | how is an entry kept in Redis? connection, keys, payload, scripts |
//! | [`engine`] | hit, miss, stale hit, wait or bypass? look up, fill, single flight, the event log |
//! | [`worker`] | what is refreshed next, and why? detectors and schedule, queue, leadership |
//! | [`inspect`] | what is in this Redis? scan, analysis, values, read only |
//! | [`demo`] | TPC-H data, sample reports, a writer of new orders, a private redis-server |
//! | [`cli`] | the commands, one file each |
//! | `app` | the window (feature `gui`) |
//!
//! Imports go one way: `human` is imported by all; `report`, `table`, `workspace` by `source` and `cache`; these by `detector`,
//! `engine` and `inspect`; these by `worker`; and all of them by `demo`, `cli` and `app`.

pub mod cache;
pub mod cli;
pub mod demo;
pub mod detector;
pub mod engine;
pub mod human;
pub mod inspect;
pub mod report;
pub mod source;
pub mod table;
pub mod worker;
pub mod workspace;

#[cfg(feature = "gui")]
pub mod app;
