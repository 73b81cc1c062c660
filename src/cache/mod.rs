//! The cache in Redis or Valkey: connection, key names, payload, and the protocol's scripts.
//!
//! Keys and protocol are specified in `docs/protocol.md`. The verdict "fresh" is computed in one place, the read
//! script. This module never runs a query and never touches a key outside the workspace's prefix.
//!
//! | file | its one question |
//! | --- | --- |
//! | `connect.rs` | how is a URL opened and kept open? |
//! | `error.rs` | what does a failure mean? |
//! | `store.rs` | what does the engine hold of the cache? |
//! | `needs.rs` | which commands does an account need, and which may it run? |
//! | `keys.rs` | what is each key called? |
//! | `position.rs` | how are positions written and compared? |
//! | `header.rs` | what does an entry's header hold? |
//! | `payload.rs` | how do batches become chunks and back? |
//! | `verify.rs` | is a chunk safe to decode? |
//! | `shape.rs` | do the chunks of an entry belong to one table? |
//! | `sentences.rs` | why is an entry fresh or stale, and why was it refreshed, in one sentence? |
//! | `audit.rs` | which entries could be audited, and what did the auditors find? |
//! | `find.rs` | what is there, is it fresh, and why? |
//! | `entry.rs` | begin, commit: the steps of a fill |
//! | `room.rs` | how much memory may an entry take? |
//! | `failure.rs` | why did the last refresh of an entry fail? |
//! | `tracking.rs` | what has changed on the server, for what this process remembers? |
//! | `protocol.rs` | lease, epoch, publish: the steps that workers take |
//! | `lua/*.lua` | each step as one script |

mod audit;
mod connect;
mod entry;
mod error;
mod failure;
mod find;
mod header;
mod keys;
mod needs;
pub mod payload;
mod position;
mod protocol;
mod room;
mod sentences;
mod shape;
mod store;
mod tracking;
mod verify;

pub use audit::{AuditTotals, Wrong};
pub(crate) use connect::open_listening;
pub use connect::{address, client, open};
pub use entry::{Begun, Committed, NewEntry};
pub(crate) use error::words;
pub use error::{CacheError, Problem};
pub use failure::RefreshFailure;
pub use find::{Found, Verdict, Why};
pub use header::{ChunkInfo, Header};
pub use keys::{Ours, SourceKeys, chunk, events, recognise};
pub use needs::{Refused, Rights, Role};
pub use position::Position;
pub use protocol::{Change, Election, Epoch, Known, Lead, Protocol, PublishError, ServerTime};
pub use shape::Shape;
pub use store::{Cache, CacheStatus};

pub(crate) use failure::Failed;
pub(crate) use find::KnownRows;
pub(crate) use room::Room;
pub(crate) use tracking::{Mark, Moment};
