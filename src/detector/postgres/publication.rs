//! How does a publication of ours come into the database, and out again? Only where the source says
//! `publication = true`; it is known as ours by its comment.

use std::time::Duration;

use crate::workspace::Publication;

use super::super::Blind;
use super::link::{self, Link};

/// The comment is what tells our publication from a user's of the same name.
const MAKE: &str = "BEGIN; CREATE PUBLICATION lookaside FOR ALL TABLES; \
                    COMMENT ON PUBLICATION lookaside IS 'made by lookaside'; COMMIT";
const OURS: &str = "SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = $1 \
                     AND obj_description(oid, 'pg_publication') = 'made by lookaside')";
/// Slots of workers that run. They are temporary: those of workers that died are gone already.
const SLOTS: &str = r"SELECT active_pid FROM pg_replication_slots
                       WHERE slot_name LIKE 'lookaside\_%' AND temporary AND database = current_database()
                         AND active_pid IS NOT NULL";
/// How often it is looked whether a slot has gone, and how many times.
const LOOK: Duration = Duration::from_millis(20);
const LOOKS: u32 = 250;

/// Makes it.
pub(super) async fn make(link: &Link) -> Result<(), Blind> {
    let mut connection = link.connect_to_write().await?;
    link.in_time(sqlx::raw_sql(MAKE).execute(&mut connection))
        .await?;
    link::close(connection).await;
    Ok(())
}

/// Takes it out, with every slot of ours; the number of both.
pub(super) async fn remove(link: &Link) -> Result<usize, Blind> {
    let mut connection = link.connect_to_write().await?;
    let ours: bool = link
        .in_time(
            sqlx::query_scalar(OURS)
                .persistent(false)
                .bind(Publication::NAME)
                .fetch_one(&mut connection),
        )
        .await?;
    if ours {
        link.in_time(sqlx::raw_sql("DROP PUBLICATION lookaside").execute(&mut connection))
            .await?;
    }
    let holders: Vec<i32> = link
        .in_time(
            sqlx::query_scalar(SLOTS)
                .persistent(false)
                .fetch_all(&mut connection),
        )
        .await?;
    for pid in &holders {
        let end = sqlx::query("SELECT pg_terminate_backend($1)")
            .persistent(false)
            .bind(pid);
        link.in_time(end.execute(&mut connection)).await?;
    }
    for _ in 0..LOOKS {
        let left: Vec<i32> = link
            .in_time(
                sqlx::query_scalar(SLOTS)
                    .persistent(false)
                    .fetch_all(&mut connection),
            )
            .await?;
        if !left.iter().any(|pid| holders.contains(pid)) {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    link::close(connection).await;
    Ok(usize::from(ours) + holders.len())
}
