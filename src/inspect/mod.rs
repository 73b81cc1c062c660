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
//! | `greet.rs` | what is a connection for, and which server answers? |
//! | `cluster.rs` | where are the keys of a cluster? |
//! | `kind.rs` | which data structures, TTL buckets and buckets of use are there? |
//! | `range.rs` | what does a range as a person writes it mean? |
//! | `store.rs` | how are millions of keys kept in little memory, each once? |
//! | `builder.rs` | how do keys come into the store, change there and go? |
//! | `scan.rs` | which keys are there? |
//! | `walk.rs` | how are the keys of one server walked over, at which pace? |
//! | `questions.rs` | what is asked of each key, and what do the answers mean? |
//! | `bundle.rs` | how are many keys asked about in one command? |
//! | `pace.rs` | how hard may a walk work? |
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
//! | `weigh.rs` | how much memory does a key take? |
//! | `module.rs` | what is in a key of a module's type? |
//! | `search.rs` | which elements of a large collection match a pattern? |
//! | `find.rs` | where does text stand in a long string? |
//! | `facts.rs` | what is worth knowing of a value besides its elements? |
//! | `stream.rs` | who reads a stream, and what is new in it? |
//! | `geo.rs` | where does a member of a geo set stand? |
//! | `items.rs` | how does a value read as JSON? |
//! | `download.rs` | how does a whole value become a file? |
//! | `change.rs` | which commands change a key, and only as it was shown? |
//! | `bulk.rs` | how are many keys deleted, or given a TTL? |
//! | `console.rs` | how is a typed line sent, cancelled and answered? |
//! | `line.rs`, `reply.rs` | how does a line become words, and how does an answer read? |
//! | `hint.rs`, `arguments.rs` | what could a line become, and which argument is being typed? |
//! | `secret.rs`, `redact.rs` | which words of a command, and which parts of an answer, are passwords? |
//! | `listen.rs`, `heard.rs` | what do MONITOR and channels tell, on a connection of their own? |
//! | `live.rs` | was the opened key changed? |
//! | `notices.rs` | does the server tell of changed keys? |
//! | `feed.rs` | which keys are known to have changed, and are to be looked at again? |
//! | `server/` | how is the server, and how was it? |
//! | `decode/` | what do these bytes mean? |
//! | `own.rs` | is this key ours, and what does it hold? |

mod analysis;
mod arguments;
mod breakdown;
mod builder;
mod bulk;
mod bundle;
mod change;
mod cluster;
mod commands;
mod compare;
mod connection;
mod console;
mod decode;
mod document;
mod download;
mod error;
mod estimate;
mod explorer;
mod facts;
mod feed;
mod find;
mod gate;
mod geo;
mod glob;
mod greet;
mod heard;
mod hint;
mod index;
mod items;
mod kind;
mod line;
mod listen;
mod listing;
mod live;
mod lock;
mod module;
mod notices;
mod own;
mod pace;
mod probe;
mod questions;
mod range;
mod read;
mod redact;
mod reply;
mod rows;
mod sample;
mod scan;
mod search;
mod secret;
pub mod server;
mod store;
mod stream;
mod totals;
mod value;
mod walk;
mod weigh;

pub use analysis::{Analysis, BigKey, Detail, Sampled, analyse};
pub use arguments::{Argument, Form as ArgumentForm};
pub use breakdown::{Bounds, Portion};
pub use bulk::{Bulk, Outcome, Preview, carry_out, preview};
pub use change::{Change, NewValue, apply};
pub use commands::{Doc, Table as CommandTable, Traits};
pub use compare::{Comparison, Growth, compare};
pub use connection::Connection;
pub use console::{Answer, Session, SharedSession};
pub use decode::{
    Branch, Content, Decoded, Decoder, Layer, Tree, UNPACKED, base64_text, decode, display,
    hex_dump, hexadecimal, json_text,
};
pub use document::{comparison_json, from_json, to_json};
pub use download::{DownloadError, Saved, download};
pub use error::InspectError;
pub use explorer::{Answered, Explorer, Question, View};
pub use facts::facts;
pub use feed::News;
pub use find::{Sought, find_text};
pub use gate::{Asker, Refusal, check as check_command, decide as decide_command};
pub use geo::{Position, position};
pub use glob::Pattern;
pub use greet::Server;
pub use heard::{Heard, KeyEvent};
pub use hint::{Hint, Piece, hint, shared_beginning};
pub use index::{Index, Prefix, TreeRow};
pub use items::{bytes_json, elements_json, pair_json};
pub use kind::{Kind, TtlBucket, UseBucket};
pub use line::{shown as shown_command, split as split_line};
pub use listen::{Batch, Limit, Listen, Listener};
pub use listing::{Filter, Order, Sort, is_of_an_entry, list};
pub use live::Watch;
pub use lock::Lock;
pub use module::type_title;
pub use notices::{Hears, Live, turn_on as turn_on_notices};
pub use own::{Owned, header_text, is_header, owned, payload};
pub use pace::Pace;
pub use range::{Range, TtlRange};
pub use read::{AT_A_TIME, FIRST_BYTES, describe, page};
pub use redact::redact;
pub use reply::{reply_json, reply_text};
pub use rows::{analysis_rows, key_rows};
pub use sample::sample;
pub use scan::{Phase, Scan, ScanOptions, ScanState};
pub use search::{Found, as_pattern, is_searchable, search};
pub use secret::Told;
pub use store::{Key, Keys, RowId, Ttl};
pub use stream::{Consumer, Group, Pending, groups, tail};
pub use totals::{Count, Totals};
pub use value::{About, Continue, Field, Page, StreamEntry, Value};
pub use weigh::is_estimate;
