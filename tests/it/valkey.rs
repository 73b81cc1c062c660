//! The tests of the inspector, the cache and the engine once more, on Valkey 9: the same files, in which `super::Redis` is
//! another server here.
#![allow(clippy::duplicate_mod, dead_code)]

use crate::servers::{Valkey as Redis, ValkeyCluster as Cluster};

#[path = "cache.rs"]
mod cache;
#[path = "engine.rs"]
mod engine;
#[path = "inspect.rs"]
mod inspect;
#[path = "inspect_changes.rs"]
mod inspect_changes;
#[path = "inspect_locked.rs"]
mod inspect_locked;
#[path = "inspect_nodes.rs"]
mod inspect_nodes;
#[path = "inspect_rights.rs"]
mod inspect_rights;
#[path = "inspect_values.rs"]
mod inspect_values;
#[path = "keyspace.rs"]
mod keyspace;
