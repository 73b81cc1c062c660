//! How is the server, and how was it? INFO over time, slow log, latency events, clients, settings and topology.
//!
//! Everything is a bounded read through the gate, asked only while somebody looks ([`observe`]). A right that is missing
//! leaves one sentence in the place of its answer; the other questions go on. Of settings whose value may
//! be a password nothing leaves `config.rs` but whether they are set.
//!
//! | file | its one question |
//! | --- | --- |
//! | `answer.rs` | what does an answer hold, and why is there none? |
//! | `info.rs` | what does INFO say? |
//! | `sample.rs` | which figures of it are drawn over time? |
//! | `history.rs` | how did they go, as rates and with gaps? |
//! | `slow_log.rs` | which commands were slow? |
//! | `latency.rs` | when was the server held up, and by what? |
//! | `commands.rs` | which commands take its time? |
//! | `clients.rs` | who is connected? |
//! | `config.rs`, `explain.rs` | how is it set, and what does that mean? |
//! | `topology.rs` | which servers belong together? |
//! | `cluster.rs` | which nodes make a cluster, and which slots does each serve? |
//! | `warnings.rs` | what should somebody do something about? |
//! | `ask.rs` | which commands does a question take, and what does asking cost? |
//! | `observe.rs` | what is asked when? |
//! | `seen.rs` | what is known by now? |

mod answer;
mod ask;
mod clients;
mod cluster;
mod commands;
mod config;
mod explain;
mod history;
mod info;
mod latency;
mod observe;
mod sample;
mod seen;
mod slow_log;
mod topology;
mod warnings;

pub use answer::Asked;
pub use clients::{ClientSort, Clients, ConnectedClient, MOST_CLIENTS};
pub use cluster::{Cluster, ClusterNode};
pub use commands::CommandStat;
pub use config::{Setting, Shown};
pub(super) use explain::is_known_setting;
pub use history::{History, KEPT};
pub use info::Info;
pub use latency::{LatencyEvent, LatencyReport};
pub use observe::{Focus, INTERVAL, News, Part, look, observe};
pub use sample::{Figure, Sample};
pub use seen::Seen;
pub use slow_log::SlowCommand;
pub use topology::{Replica, Role, Sentinel, Topology};
pub use warnings::{Severity, Warning, warnings};
