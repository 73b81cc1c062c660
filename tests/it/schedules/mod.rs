//! A model of the freshness protocol, explored at random and systematically. It runs the product's own Lua scripts over
//! an in-memory store; what is modelled is the world around them.
//!
//! **What fresh promises.** A heartbeat stands for the moment at which the server's clock told its value to the worker,
//! before the worker's detector began to look. An entry that is called fresh under that heartbeat holds every commit on
//! its tables that was visible at that moment: so it is what its query returned at some moment between that one and the
//! answer. Besides, no worker publishes anything once another one has taken the lease (as long as the server remembers
//! that it did).
//!
//! The heartbeat's age is bounded by the server's own clock, so where that is set back the bound in true time is longer
//! by as much; nothing here promises more.
//!
//! | file | its one question |
//! | --- | --- |
//! | `store.rs` | what do the commands of Redis do, on a clock that the schedule moves? |
//! | `scripts.rs` | how do the product's scripts run over it? |
//! | `database.rs` | what was committed, and who sees it since when? |
//! | `step.rs` | what can happen? |
//! | `world.rs` | what does each step do? |
//! | `worker.rs` | which steps does a worker take, and where can it be paused? |
//! | `detector.rs` | what does its detector see, with and without a log? |
//! | `fill.rs` | which steps does a fill take? |
//! | `reader.rs` | is what is called fresh true? |
//! | `variant.rs` | which mistakes must be caught? |
//! | `random.rs` | does any of many random schedules break the promise, and what is the shortest that does? |
//! | `systematic.rs` | does any interleaving of a small scenario? |
//!
//! The tests are in `protocol_model.rs` and `protocol_store.rs`, the million schedules in `benches/schedules.rs`.
#![allow(clippy::unwrap_used, dead_code)]

pub(crate) mod database;
pub(crate) mod detector;
pub(crate) mod fill;
pub(crate) mod random;
pub(crate) mod reader;
pub(crate) mod scripts;
pub(crate) mod step;
pub(crate) mod store;
pub(crate) mod systematic;
pub(crate) mod variant;
pub(crate) mod worker;
pub(crate) mod world;
