//! When the worker re-runs a report.

use std::time::Duration;

/// The `refresh` setting of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Refresh {
    /// By TTL alone: nobody watches the tables, and the badge says "unwatched".
    #[default]
    Ttl,
    /// As soon as a detector sees a change of a table it depends on.
    OnChange,
    /// Shortly before its TTL ends.
    AheadOfExpiry,
    /// On a schedule: `every 10m`.
    Every(Duration),
}
