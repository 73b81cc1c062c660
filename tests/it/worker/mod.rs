//! The worker against a real redis-server and real databases: what is called fresh is true, what is stale is refreshed,
//! and nothing that goes wrong around it needs a restart.
//!
//! No test asserts a time. What has to happen is waited for; what must not happen is looked for after something that
//! would have brought it about.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod failing;
mod large_sql;
mod lease;
mod refresh;
mod rig;
mod truth;
mod watching;

pub(crate) use rig::{At, ORDERS, report, source_config, until, workspace};
