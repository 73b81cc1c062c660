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

use crate::source::postgres::ROLE_SETTINGS;
use crate::workspace::SourceConfig;

use super::super::pace::Pace;
use super::super::{About, Blind, Detector, Observation, Touched};
use super::link::Link;
use super::look::{self, Moment};
use super::relations::{Relations, Seen};

/// More transactions than this are not asked for one by one: one of them was committed.
const ASKED: usize = 1000;

/// The detector of any server.
pub(super) struct Poll {
    link: Link,
    pace: Pace,
    standby: bool,
    about: About,
    watching: Option<Watching>,
    unseen: BTreeSet<String>,
    gap: &'static str,
}

struct Watching {
    connection: PgConnection,
    seen: Mark,
    /// The settings of roles and databases that the connection began with.
    settings: String,
}

/// What differs whenever something came to be visible.
#[derive(PartialEq, Eq)]
enum Mark {
    Primary(Moment),
    Standby(String),
}

impl Mark {
    async fn read(connection: &mut PgConnection, standby: bool) -> Result<Self, sqlx::Error> {
        Ok(if standby {
            Self::Standby(look::replayed(connection).await?)
        } else {
            Self::Primary(look::moment(connection).await?)
        })
    }
}

impl Poll {
    pub(super) fn new(config: &SourceConfig, link: Link, better_by: String, standby: bool) -> Self {
        let pace = config.poll_interval.max(Duration::from_millis(1));
        Self {
            link,
            pace: Pace::new(pace),
            standby,
            about: About {
                name: if standby {
                    "PostgreSQL standby replay".to_owned()
                } else {
                    "PostgreSQL snapshots".to_owned()
                },
                delay: pace,
                blind_spots: vec![
                    "which table: any commit on the server, also in another of its databases, counts as a change of \
                     every table"
                        .to_owned(),
                    "foreign tables and sequences: reports on these are never called fresh".to_owned(),
                    super::OUTSIDE.to_owned(),
                ],
                better_by: Some(better_by),
            },
            watching: None,
            unseen: BTreeSet::new(),
            gap: "watching begins",
        }
    }

    async fn begin(&mut self) -> Result<Observation, Blind> {
        self.watching = Some(self.connect().await?);
        let Some(watching) = &mut self.watching else {
            return Ok(Observation::gap(self.gap));
        };
        self.unseen = unseen(&self.link, &mut watching.connection).await?;
        Ok(Observation::gap(self.gap))
    }

    /// A connection with a baseline. The settings are read before anything else: those that change later are noticed.
    async fn connect(&self) -> Result<Watching, Blind> {
        let mut connection = self.link.connect().await?;
        let settings = self.link.in_time(settings(&mut connection)).await?;
        let seen = Mark::read(&mut connection, self.standby);
        Ok(Watching {
            seen: self.link.in_time(seen).await?,
            settings,
            connection,
        })
    }
}

impl Watching {
    /// Whether anything came to be visible. What was seen before is kept until all is known.
    async fn look(&mut self, link: &Link) -> Result<Option<Mark>, Blind> {
        let standby = matches!(self.seen, Mark::Standby(_));
        let now = Mark::read(&mut self.connection, standby);
        let now = link.in_time(now).await?;
        if now == self.seen {
            return Ok(None);
        }
        if let (Mark::Primary(now_seen), Mark::Primary(before)) = (&now, &self.seen)
            && now_seen.loaded == before.loaded
            && let Some(ended) = now_seen.snapshot.ended_since(&before.snapshot, ASKED)
            && !link
                .in_time(committed(&mut self.connection, &ended))
                .await?
        {
            self.seen = now;
            return Ok(None);
        }
        Ok(Some(now))
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
        self.pace.wait().await;
        let began = Instant::now();
        let Some(watching) = &mut self.watching else {
            return self.begin().await;
        };
        let looked = async {
            let Some(now) = watching.look(&self.link).await? else {
                return Ok(None);
            };
            let settings = self
                .link
                .in_time(settings(&mut watching.connection))
                .await?;
            if settings != watching.settings {
                // A setting of the role counts from the next sign-in on, and may decide what names mean.
                watching.connection = self.link.connect().await?;
                watching.settings = settings;
            }
            let unseen = unseen(&self.link, &mut watching.connection).await?;
            Ok(Some((now, unseen)))
        };
        let looked = looked.await;
        self.about.delay = self.pace.looked(began.elapsed());
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

/// The settings of roles and databases, as one text.
async fn settings(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    let rows = look::ask(connection, ROLE_SETTINGS).await?;
    rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get(0)
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
