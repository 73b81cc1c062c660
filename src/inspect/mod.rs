//! The keyspace of any Redis: scan, analysis, value readers; read only, bounded, harmless.
//!
//! Everything goes through [`Connection`], which sends only commands of an allow list, so nothing here can change a
//! server. Nothing is unbounded: keys come by SCAN, values by ranges and cursors, at most 64 KB or 100 elements unless
//! the user asks for more.
//!
//! | file | its one question |
//! | --- | --- |
//! | `gate.rs` | may this command be sent? |
//! | `connection.rs` | how is a command sent, and what do its failures mean? |
//! | `cluster.rs` | where are the keys of a cluster? |
//! | `kind.rs` | which data structures, TTL buckets and buckets of use are there? |
//! | `range.rs` | what does a range as a person writes it mean? |
//! | `store.rs` | how are millions of keys kept in little memory, each once? |
//! | `scan.rs` | which keys are there? |
//! | `walk.rs` | how are the keys of one server walked over, at which pace? |
//! | `questions.rs` | what is asked of each key, and what do the answers mean? |
//! | `probe.rs` | what do other clients feel meanwhile? |
//! | `totals.rs` | how many keys and bytes, by type and TTL? |
//! | `index.rs` | how many keys and bytes, by prefix? |
//! | `glob.rs` | does a name match a pattern? |
//! | `listing.rs` | which keys does a filter show, in which order? |
//! | `explorer.rs` | how do a scan and its questions run beside a window? |
//! | `breakdown.rs` | how do keys divide by type, TTL, encoding, use and prefix? |
//! | `analysis.rs` | what does a keyspace hold, summed up? |
//! | `sample.rs`, `estimate.rs` | what do keys drawn at random say about the whole, and how surely? |
//! | `compare.rs` | what grew between two analyses? |
//! | `document.rs`, `rows.rs` | how are analyses and keys written to files? |
//! | `value.rs`, `read.rs` | what is in one key, page by page? |
//! | `decode.rs` | what do these bytes mean? |
//! | `own.rs` | is this key ours, and what does it hold? |

mod analysis;
mod breakdown;
mod cluster;
mod compare;
mod connection;
mod decode;
mod document;
mod error;
mod estimate;
mod explorer;
mod gate;
mod glob;
mod index;
mod kind;
mod listing;
mod own;
mod probe;
mod questions;
mod range;
mod read;
mod rows;
mod sample;
mod scan;
mod store;
mod totals;
mod value;
mod walk;

pub use analysis::{Analysis, BigKey, Detail, Sampled, analyse};
pub use breakdown::{Bounds, Group};
pub use compare::{Comparison, Growth, compare};
pub use connection::{Connection, Server};
pub use decode::{Decoding, display, hex_dump, json_text};
pub use document::{comparison_json, exact, from_json, to_json};
pub use error::InspectError;
pub use explorer::{Explorer, Question, View};
pub use gate::{Refusal, check as check_command};
pub use glob::Pattern;
pub use index::{Index, Prefix, TreeRow};
pub use kind::{Kind, TtlBucket, UseBucket};
pub use listing::{Filter, Order, Sort, is_of_an_entry, list};
pub use own::{Owned, header_text, owned, payload};
pub use range::{Range, TtlRange};
pub use read::{AT_A_TIME, FIRST_BYTES, describe, page};
pub use rows::{analysis_rows, key_rows};
pub use sample::sample;
pub use scan::{Pace, Phase, Scan, ScanOptions, ScanState};
pub use store::{Key, Keys, RowId, Ttl};
pub use totals::{Count, Totals};
pub use value::{About, Continue, Page, StreamEntry, Value};
