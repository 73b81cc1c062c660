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
//! | `kind.rs` | which data structures and TTL buckets are there? |
//! | `store.rs` | how are millions of keys kept in little memory, each once? |
//! | `scan.rs` | which keys are there? |
//! | `totals.rs` | how many keys and bytes, by type and TTL? |
//! | `index.rs` | how many keys and bytes, by prefix? |
//! | `glob.rs` | does a name match a pattern? |
//! | `listing.rs` | which keys does a filter show, in which order? |
//! | `explorer.rs` | how do a scan and its questions run beside a window? |
//! | `analysis.rs` | what is the whole answer, for the command line? |
//! | `value.rs`, `read.rs` | what is in one key, page by page? |
//! | `decode.rs` | what do these bytes mean? |
//! | `own.rs` | is this key ours, and what does it hold? |

mod analysis;
mod connection;
mod decode;
mod error;
mod explorer;
mod gate;
mod glob;
mod index;
mod kind;
mod listing;
mod own;
mod read;
mod scan;
mod store;
mod totals;
mod value;

pub use analysis::{Analysis, BigKey, analyse};
pub use connection::{Connection, Server};
pub use decode::{Decoding, display, hex_dump, json_text};
pub use error::InspectError;
pub use explorer::{Explorer, Question, View};
pub use gate::{Refusal, check as check_command};
pub use glob::Pattern;
pub use index::{Index, Prefix, TreeRow};
pub use kind::{Kind, TtlBucket};
pub use listing::{Filter, Order, Sort, list};
pub use own::{Owned, header_text, owned, payload};
pub use read::{AT_A_TIME, FIRST_BYTES, describe, page};
pub use scan::{Pace, Phase, Scan, ScanOptions, ScanState};
pub use store::{Key, Keys, RowId, Ttl};
pub use totals::{Count, Totals};
pub use value::{About, Continue, Page, StreamEntry, Value};
