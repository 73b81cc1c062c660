//! Did anybody commit anything on this server? `pg_current_snapshot()`, which every account may ask.
//!
//! Two snapshots that are the same see the same: no transaction ended in between. Where they differ, each transaction
//! that ended in between is asked for by its number; those that were rolled back changed nothing. Whatever is left may
//! have changed any table, in this database or in another one of the server.
//!
//! The counters of `pg_stat_user_tables` would tell tables apart, but nobody could vouch by them. A session hands its
//! counts over when it is idle, and not while it is in its next transaction, so a commit may show in them an hour late.
//! They also count what was rolled back, stay still on TRUNCATE, and stay 0 for a partitioned table.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgConnection;
use tokio::time::Instant;

use crate::workspace::SourceConfig;

use super::super::{About, Blind, Detector, Observation, Touched};
use super::link::Link;
use super::look::{self, Snapshot};
use super::relations::{Relations, Seen};

/// The look may take at most one part in this many of the time.
const SHARE: u32 = 10;
/// More transactions than this are not asked for one by one: one of them was committed.
const ASKED: usize = 1000;

/// The detector of any server.
pub(super) struct Poll {
    link: Link,
    pace: Duration,
    about: About,
    next_look: Instant,
    watching: Option<Watching>,
    unseen: BTreeSet<String>,
    gap: &'static str,
}

struct Watching {
    connection: PgConnection,
    seen: Snapshot,
}

impl Poll {
    pub(super) fn new(config: &SourceConfig, link: Link, better_by: String) -> Self {
        let pace = config.poll_interval.max(Duration::from_millis(1));
        Self {
            link,
            pace,
            about: About {
                name: "PostgreSQL snapshots".to_owned(),
                delay: pace,
                blind_spots: vec![
                    "which table: any commit on the server, also in another of its databases, counts as a change of \
                     every table"
                        .to_owned(),
                    "foreign tables and sequences: reports on these are never called fresh".to_owned(),
                ],
                better_by: Some(better_by),
            },
            next_look: Instant::now(),
            watching: None,
            unseen: BTreeSet::new(),
            gap: "watching begins",
        }
    }

    async fn begin(&mut self) -> Result<Observation, Blind> {
        let mut connection = self.link.connect().await?;
        let seen = self.link.in_time(look::snapshot(&mut connection)).await?;
        self.unseen = unseen(&self.link, &mut connection).await?;
        self.watching = Some(Watching { connection, seen });
        Ok(Observation::gap(self.gap))
    }
}

impl Watching {
    /// What came to be visible, and what cannot be seen from then on where anything did.
    async fn look(&mut self, link: &Link) -> Result<Option<(Snapshot, BTreeSet<String>)>, Blind> {
        let now = link.in_time(look::snapshot(&mut self.connection)).await?;
        if now == self.seen {
            return Ok(None);
        }
        if let Some(ended) = now.ended_since(&self.seen, ASKED)
            && !link
                .in_time(committed(&mut self.connection, &ended))
                .await?
        {
            self.seen = now;
            return Ok(None);
        }
        let unseen = unseen(link, &mut self.connection).await?;
        Ok(Some((now, unseen)))
    }
}

#[async_trait]
impl Detector for Poll {
    fn about(&self) -> &About {
        &self.about
    }

    fn cannot_see(&self) -> Option<&BTreeSet<String>> {
        Some(&self.unseen)
    }

    async fn next(&mut self) -> Result<Observation, Blind> {
        tokio::time::sleep_until(self.next_look).await;
        let began = Instant::now();
        let Some(watching) = &mut self.watching else {
            return self.begin().await;
        };
        let looked = watching.look(&self.link).await;
        let took = began.elapsed();
        let pause = self.pace.max(took * SHARE);
        self.next_look = Instant::now() + pause;
        self.about.delay = pause + took;
        let (now, unseen) = match looked {
            Ok(Some(seen)) => seen,
            Ok(None) => return Ok(Observation::Quiet),
            Err(blind) => {
                self.watching = None;
                self.gap = "the connection to the database was lost";
                return Err(blind);
            }
        };
        watching.seen = now;
        if unseen != self.unseen {
            self.unseen = unseen;
            return Ok(Observation::gap("other tables than before cannot be seen"));
        }
        Ok(Observation::Changed {
            tables: Touched::All,
            position: None,
            committed_at: None,
        })
    }
}

async fn unseen(link: &Link, connection: &mut PgConnection) -> Result<BTreeSet<String>, Blind> {
    link.begin(connection).await?;
    let relations = link.in_time(Relations::read(connection, Seen::Committed));
    let unseen = relations.await?.unseen;
    link.end(connection).await?;
    Ok(unseen)
}

/// Whether any of these, which have ended, was committed, or is so long past that the server does not know.
async fn committed(connection: &mut PgConnection, ended: &[u64]) -> Result<bool, sqlx::Error> {
    let ended: Vec<String> = ended.iter().map(u64::to_string).collect();
    let sql = format!(
        "SELECT EXISTS (SELECT FROM unnest('{{{}}}'::text[]) ended \
                         WHERE COALESCE(pg_xact_status(ended::xid8), 'committed') = 'committed')",
        ended.join(",")
    );
    let rows = look::ask(connection, &sql).await?;
    rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get(0)
}
