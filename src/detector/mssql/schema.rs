//! Is the schema the same as before? Neither Change Tracking nor a counter tells of a view that was defined anew, of a
//! dropped column, or of a table that is watched from now on or not any more.

use super::super::Blind;
use super::ask::{Asker, Rows, blind, cell};

/// What differs after every change of an object that the account may see. (`modify_date` is the time of the last ALTER;
/// the sum and the count tell of what came and went.)
const OBJECTS: &str = "SELECT CONVERT(nvarchar(30), MAX(o.modify_date), 121), COUNT(*), SUM(CAST(o.object_id AS bigint)) \
     FROM sys.objects o WHERE o.is_ms_shipped = 0";
/// And after every table for which Change Tracking is switched on, off, or on again, or that is truncated.
const TRACKED: &str = "SELECT COUNT(*), SUM(CAST(c.object_id AS bigint)), SUM(c.begin_version) FROM \
     sys.change_tracking_tables c";

/// A text that differs after every change of the schema.
pub(super) async fn objects(asker: &Asker) -> Result<String, Blind> {
    asker
        .rows(OBJECTS)
        .await
        .map(joined)
        .map_err(|error| blind(&error))
}

/// A text that differs after every change of the schema or of what is tracked.
pub(super) async fn tracked(asker: &Asker) -> Result<String, Blind> {
    let tracked = asker.rows(TRACKED).await.map_err(|error| blind(&error))?;
    Ok(format!("{} {}", objects(asker).await?, joined(tracked)))
}

fn joined(rows: Rows) -> String {
    let row = rows.into_iter().next().unwrap_or_default();
    let cells: Vec<&str> = (0..row.len()).map(|at| cell(&row, at)).collect();
    cells.join("/")
}
