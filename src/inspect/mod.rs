//! The keyspace of any Redis: scan, analysis, value readers; bounded, harmless, and read only until it is unlocked.
//!
//! Everything goes through [`Connection`] and its gate, which lets reads pass and writes only while the connection is
//! unlocked. Nothing is unbounded: keys come by SCAN, values by ranges and cursors, at most 64 KB or 100 elements unless
//! the user asks for more.
//!
//! | file | its one question |
//! | --- | --- |
//! | `gate.rs` | may this command be sent? |
//! | `lock.rs` | is this server to be changed? |
//! | `commands.rs` | what does the server say of its commands? |
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
//! | `module.rs` | what is in a key of a module's type? |
//! | `search.rs` | which elements of a large collection match a pattern? |
//! | `facts.rs` | what is worth knowing of a value besides its elements? |
//! | `stream.rs` | who reads a stream, and what is new in it? |
//! | `geo.rs` | where does a member of a geo set stand? |
//! | `items.rs` | how does a value read as JSON? |
//! | `download.rs` | how does a whole value become a file? |
//! | `change.rs` | which commands change a key, and only as it was shown? |
//! | `bulk.rs` | how are many keys deleted, or given a TTL? |
//! | `console.rs` | what does a typed line mean, and how does an answer read? |
//! | `live.rs` | was the opened key changed? |
//! | `server/` | how is the server, and how was it? |
//! | `decode/` | what do these bytes mean? |
//! | `own.rs` | is this key ours, and what does it hold? |

mod analysis;
mod bulk;
mod change;
mod commands;
mod connection;
mod console;
mod decode;
mod download;
mod error;
mod explorer;
mod facts;
mod gate;
mod geo;
mod glob;
mod index;
mod items;
mod kind;
mod listing;
mod live;
mod lock;
mod module;
mod own;
mod read;
mod scan;
mod search;
pub mod server;
mod store;
mod stream;
mod totals;
mod value;

pub use analysis::{Analysis, BigKey, analyse};
pub use bulk::{Bulk, Outcome, Preview, carry_out, preview};
pub use change::{Change, NewValue, apply};
pub use commands::{Doc, Table as CommandTable, Traits};
pub use connection::{Connection, Server};
pub use console::{Answer, Hint, Session, hint, shown as shown_command, split as split_line};
pub use decode::{
    Branch, Content, Decoded, Decoder, Layer, Tree, UNPACKED, base64_text, decode, display,
    hex_dump, hexadecimal, json_text,
};
pub use download::{DownloadError, download};
pub use error::InspectError;
pub use explorer::{Explorer, Question, View};
pub use facts::facts;
pub use gate::{Asker, Refusal, check as check_command, decide as decide_command};
pub use geo::{Position, position};
pub use glob::Pattern;
pub use index::{Index, Prefix, TreeRow};
pub use items::{bytes_json, elements_json, pair_json};
pub use kind::{Kind, TtlBucket};
pub use listing::{Filter, Order, Sort, list};
pub use live::Watch;
pub use lock::Lock;
pub use module::type_title;
pub use own::{Owned, header_text, owned, payload};
pub use read::{AT_A_TIME, FIRST_BYTES, describe, page};
pub use scan::{Pace, Phase, Scan, ScanOptions, ScanState};
pub use search::{Found, is_searchable, search};
pub use store::{Key, Keys, RowId, Ttl};
pub use stream::{Consumer, Group, Pending, groups, tail};
pub use totals::{Count, Totals};
pub use value::{About, Continue, Field, Page, StreamEntry, Value};
