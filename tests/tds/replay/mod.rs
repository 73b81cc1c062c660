//! A server that replays recorded TDS conversations, for the tests of the source and for those of the whole program.
//!
//! | file | its one question |
//! | --- | --- |
//! | `recordings.rs` | what was recorded? |
//! | `server.rs` | what is answered to which statement? |
//! | `bulk.rs` | what does a bulk insert bring? |
//! | `socket.rs` | how do bytes go over the wire, encrypted where a test asks for it? |
//! | `wire.rs` | what do TDS messages look like? |
//!
//! `mssql-mock-tds` stands beside it (`src/source/mssql/tests/mock.rs`): it is not of our making, but lets every password
//! in, and answers what it does not know with an empty DONE.
// Each of the two test programs uses a part of it.
#![allow(dead_code, unused_imports, clippy::unwrap_used)]

mod bulk;
mod recordings;
mod server;
mod socket;
pub(crate) mod wire;

pub(crate) use recordings::{MANY_ROWS, Recording, Recordings};
pub(crate) use server::{ABSENT, BREAKS, CLR, DEAF, ENDLESS, FIXED, HANGS, Manners, Replay};
