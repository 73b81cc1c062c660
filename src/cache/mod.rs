//! The cache in Redis or Valkey: connection, key names, payload, and the protocol's scripts.
//!
//! Keys and protocol are specified in `docs/protocol.md`. The verdict "fresh" is computed in one place, the read
//! script. This module never runs a query and never touches a key outside the workspace's prefix.
//!
//! | file | its one question |
//! | --- | --- |
//! | `connect.rs` | how is a URL opened, kept open, and what do its failures mean? |
//! | `keys.rs` | what is each key called? |
//! | `header.rs` | what does an entry's header hold? |
//! | `payload.rs` | how do batches become chunks and back? |
//! | `scripts.rs`, `*.lua` | each step of the protocol as one script |
