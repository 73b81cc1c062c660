//! Reads which transactions are visible, how far the log is, and a sum over the catalogue.

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row};

use super::catalogue::CATALOGUE;

/// Which transactions can be seen: what `pg_current_snapshot()` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    xmin: u64,
    xmax: u64,
    running: Vec<u64>,
}

impl Snapshot {
    /// Reads `xmin:xmax:xip,xip`.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let (xmin, xmax) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let running = parts
            .next()?
            .split(',')
            .filter(|xid| !xid.is_empty())
            .map(|xid| xid.parse().ok())
            .collect::<Option<_>>()?;
        Some(Self {
            xmin,
            xmax,
            running,
        })
    }

    /// Whether the transaction has ended as far as this snapshot goes; if it was committed, its changes are visible.
    pub(super) fn sees(&self, xid: u64) -> bool {
        xid < self.xmin || (xid < self.xmax && !self.running.contains(&xid))
    }

    /// The whole number of a transaction that the log tells the lower half of: the one nearest to now.
    pub(super) fn whole(&self, xid: u32) -> u64 {
        let ahead = xid.wrapping_sub(self.xmax as u32).cast_signed();
        self.xmax.wrapping_add_signed(i64::from(ahead))
    }

    /// The transactions that this snapshot sees and an earlier one did not; `None` where they are more than `most`.
    pub(super) fn ended_since(&self, earlier: &Self, most: usize) -> Option<Vec<u64>> {
        if self.xmax.saturating_sub(earlier.xmax) > most as u64 {
            return None;
        }
        let candidates = earlier.running.iter().copied();
        Some(
            candidates
                .chain(earlier.xmax..self.xmax)
                .filter(|xid| self.sees(*xid))
                .collect(),
        )
    }
}

/// What may have changed since an earlier moment: transactions that ended, and settings that were loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) snapshot: Snapshot,
    /// When this session read the server's configuration last: a setting in a file changes without a transaction.
    pub(super) loaded: String,
}

/// What one statement, and so one snapshot, tells.
pub(super) struct Look {
    pub(super) moment: Moment,
    /// The end of what has been written into the log, after the snapshot was taken.
    pub(super) written: u64,
    /// A sum over the catalogue that differs after every change of it.
    pub(super) catalogue: String,
    /// Whether our slot is there.
    pub(super) has_slot: bool,
    /// Why our slot is not sound, if it is not: `wal_removed`, `rows_removed`.
    pub(super) unsound: Option<String>,
}

/// The snapshot, and the settings' time.
pub(super) async fn moment(connection: &mut PgConnection) -> Result<Moment, sqlx::Error> {
    let sql = "SELECT pg_current_snapshot()::text, pg_conf_load_time()::text";
    let rows = ask(connection, sql).await?;
    read_moment(rows.first().ok_or(sqlx::Error::RowNotFound)?)
}

/// The end of what a standby has replayed, and the settings' time. There `pg_current_snapshot()` leaves running
/// transactions out; what was replayed up to the same place shows the same rows.
pub(super) async fn replayed(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    let sql =
        "SELECT COALESCE(pg_last_wal_replay_lsn()::text, '') || ' ' || pg_conf_load_time()::text";
    let rows = ask(connection, sql).await?;
    rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get(0)
}

/// The rows of one statement of ours, in one message to the server: a transaction of its own, which cannot write.
pub(super) async fn ask(
    connection: &mut PgConnection,
    sql: &str,
) -> Result<Vec<PgRow>, sqlx::Error> {
    let sql = format!("BEGIN READ ONLY; SET LOCAL statement_timeout = '10s'; {sql}; COMMIT");
    sqlx::raw_sql(AssertSqlSafe(sql))
        .fetch_all(connection)
        .await
}

/// Everything. The snapshot of a statement is taken before any of it runs, so whatever it sees was in the log by the
/// time that `written` was read.
pub(super) async fn look(connection: &mut PgConnection, slot: &str) -> Result<Look, sqlx::Error> {
    // The name is ours: letters, digits and underscores.
    let sql = format!("{CATALOGUE} SELECT {COLUMNS}").replace("$1", &format!("'{slot}'"));
    let rows = ask(connection, &sql).await?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let written: String = row.try_get(2)?;
    Ok(Look {
        moment: read_moment(row)?,
        written: written
            .parse()
            .map(before_page_header)
            .map_err(unreadable)?,
        catalogue: row.try_get(3)?,
        has_slot: row.try_get(4)?,
        unsound: row.try_get(5)?,
    })
}

/// The transactions that hold their number's lock, which lasts from its assignment until after everybody sees the end.
pub(super) async fn running(connection: &mut PgConnection) -> Result<Vec<u32>, sqlx::Error> {
    let rows = ask(
        connection,
        "SELECT transactionid::text::int8 FROM pg_locks \
          WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND granted",
    )
    .await?;
    let xid = |row: &PgRow| row.try_get::<i64, _>(0).map(|xid| xid as u32);
    rows.iter().map(xid).collect()
}

fn read_moment(row: &PgRow) -> Result<Moment, sqlx::Error> {
    let text: String = row.try_get(0)?;
    Ok(Moment {
        snapshot: Snapshot::parse(&text).ok_or_else(|| unreadable(text))?,
        loaded: row.try_get(1)?,
    })
}

/// `invalidation_reason` came with PostgreSQL 17, `conflicting` with 16.
const COLUMNS: &str = r"
       pg_current_snapshot()::text, pg_conf_load_time()::text,
       (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::text,
       (SELECT count(*) || ':' || COALESCE(sum(version), 0) FROM catalogue),
       EXISTS (SELECT FROM pg_replication_slots s WHERE s.slot_name = $1),
       (SELECT COALESCE(to_jsonb(s) ->> 'invalidation_reason',
                        CASE WHEN to_jsonb(s) ->> 'conflicting' = 'true' THEN 'rows_removed'
                             WHEN s.wal_status = 'lost' THEN 'wal_removed' END)
          FROM pg_replication_slots s WHERE s.slot_name = $1)";

fn unreadable(what: impl std::fmt::Display) -> sqlx::Error {
    sqlx::Error::Protocol(format!("an answer that cannot be read: {what}"))
}

/// The place where the next record will begin lies behind a page's header, while the last record ended before it: an
/// idle server's log would never be read up to there.
fn before_page_header(lsn: u64) -> u64 {
    let into_page = lsn % PAGE;
    if HEADERS.contains(&into_page) {
        lsn - into_page
    } else {
        lsn
    }
}

/// Bytes of a page of the log as every package builds it. (Where it is smaller the header of some pages is taken for
/// what it is not, and a record is waited for in vain: then everything counts as changed.)
const PAGE: u64 = 8192;
/// Bytes of a page's header, and of that on a file's first page.
const HEADERS: [u64; 2] = [24, 40];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_tells_who_is_visible() {
        let snapshot = Snapshot::parse("10:15:10,12").unwrap();
        let seen: Vec<u64> = (8..17).filter(|xid| snapshot.sees(*xid)).collect();
        assert_eq!(seen, [8, 9, 11, 13, 14]);
        assert!(Snapshot::parse("15:15:").unwrap().sees(14));
        assert_eq!(Snapshot::parse("15"), None);
    }

    #[test]
    fn the_upper_half_of_a_number_is_that_of_now() {
        let epoch = 1_u64 << 32;
        let early = Snapshot::parse(&format!("{0}:{0}:", epoch + 5)).unwrap();
        assert_eq!(early.whole(7), epoch + 7);
        assert_eq!(early.whole(u32::MAX), epoch - 1, "from before the turn");
        let late = Snapshot::parse(&format!("{0}:{0}:", epoch - 5)).unwrap();
        assert_eq!(late.whole(3), epoch + 3, "from after the turn");
    }

    #[test]
    fn what_ended_between_two_snapshots() {
        let earlier = Snapshot::parse("10:15:10,12").unwrap();
        let now = Snapshot::parse("12:18:12,16").unwrap();
        assert_eq!(now.ended_since(&earlier, 10), Some(vec![10, 15, 17]));
        assert_eq!(now.ended_since(&earlier, 2), None);
    }

    #[test]
    fn an_idle_log_is_not_waited_for_beyond_its_end() {
        assert_eq!(before_page_header(8192 + 24), 8192);
        assert_eq!(before_page_header(0x0100_0028), 0x0100_0000);
        assert_eq!(before_page_header(8192 + 32), 8192 + 32);
    }
}
