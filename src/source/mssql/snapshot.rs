//! Does a report read one snapshot, and what is said where it does not?

use super::link::Link;
use super::params::Statement;
use super::readonly;

/// Whether the rows of a report that ran may mix what was there before and after a change made meanwhile.
pub(super) fn mixes(link: &Link, statement: &Statement) -> bool {
    let whole = link.snapshot || (link.versions && readonly::is_single(statement.sql()));
    !whole
}

/// What that means, and the remedy.
pub(super) fn no_snapshot(database: &str) -> String {
    format!(
        "a report may mix rows from before and after a change made meanwhile; ALTER DATABASE [{}] SET \
         ALLOW_SNAPSHOT_ISOLATION ON lets it read one",
        database.replace(']', "]]")
    )
}
