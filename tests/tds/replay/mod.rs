//! A server that replays recorded TDS conversations, for the tests of the source and for those of the whole program.
//!
//! | file | its one question |
//! | --- | --- |
//! | `server.rs` | what is answered to which statement? |
//! | `socket.rs` | how do bytes go over the wire, encrypted where a test asks for it? |
//! | `wire.rs` | what do TDS messages look like? |
//!
//! `mssql-mock-tds` is not used beside it: it wants OpenSSL's headers on every machine that builds the tests and brings
//! a second TLS stack, while it lets every password in and answers what it does not know with an empty DONE.
// Each of the two test programs uses a part of it.
#![allow(dead_code, unused_imports, clippy::unwrap_used)]

mod server;
mod socket;
pub(crate) mod wire;

pub(crate) use server::{
    ABSENT, BREAKS, CLR, DEAF, ENDLESS, FIXED, HANGS, MANY_ROWS, Manners, Recording, Recordings,
    Replay,
};
