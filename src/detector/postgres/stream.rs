//! Which tables changed, as the log tells, and from when on can everybody see it?
//!
//! # When a transaction is told
//!
//! A fill reads the published position first and opens its snapshot then. So a change must be published above every
//! position that a fill may have read whose snapshot did not hold it, and not before everybody sees it. The log alone
//! does not tell when that is: a commit is sent as soon as it is on disk, but it becomes visible later, with synchronous
//! replication as much later as the other server takes, and a transaction may be visible before an earlier one. Hence:
//!
//! - Each look takes a snapshot S on a connection beside the stream, and in the same statement, after S, the end W of
//!   what has been written into the log. Whatever S sees had its commit in the log before W.
//! - It waits until the stream has come to W. Then everything that S sees has been received.
//! - Of what has been received, what S sees is returned, in one observation. The rest waits for a later look: until then
//!   it is committed for nobody, so nothing that is called fresh lacks it, and other commits go on being told.
//! - The position is the end of the last commit in it, or one more than the last position where that is not above it
//!   (a transaction that became visible after a later one). Fills at the last position or below it may have missed
//!   this transaction, and are stale by it; a fill that reads the new position begins after S, and holds it.
//! - Where S is the same as at the last look, no transaction ended in between, and there is nothing to wait for.
//!
//! What is written behind the last commit may stay unwritten to disk, and so unsent, for as long as nobody commits. A
//! look that hears nothing for a second, or is still behind after three (a huge transaction is being sent), counts
//! everything as changed and waits no longer; that covers whatever S sees.
//!
//! A new slot tells what is committed after it is ready. A transaction whose commit was in the log before, and that
//! nobody sees yet, is told by nobody. So whoever held a transaction's number when the slot was ready counts, once it is
//! visible, as a change of everything.
//!
//! # What the log leaves out
//!
//! It does not tell of changes of the schema nor of a refreshed materialized view. Each look at a new S also compares a
//! sum over the catalogue, under S itself; another sum is a change of everything. Unlogged and foreign tables, and
//! sequences, are not in it at all: [`Detector::cannot_see`].

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::PgConnection;
use tokio::time::{Instant, sleep_until};

use crate::workspace::SourceConfig;

use super::super::{About, Blind, Detector, Observation, Touched};
use super::link::{self, Link};
use super::look::{self, Look, Moment};
use super::probe::{self, LogAllowed, Verdict};
use super::publication;
use super::relations::{Relations, Seen};
use super::session::{Session, Transaction};

/// How long it waits for an event before it looks all the same: the schema may have changed.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How long it collects events before it looks.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
/// A look may take one part in so many of the time.
const SHARE: u32 = 5;
/// How long a look waits for a silent stream, and for one that is behind.
const SILENT: Duration = Duration::from_secs(1);
const BEHIND: Duration = Duration::from_secs(3);
/// A stream that is behind and says nothing for so long is dead, whatever the network says.
const DEAD: Duration = Duration::from_mins(1);

/// The detector that reads the log.
pub(super) struct Log {
    config: SourceConfig,
    link: Link,
    about: About,
    /// Which log it is, once it was read.
    name: Option<String>,
    eyes: Option<Eyes>,
    gap: &'static str,
}

/// What it watches with, and what it saw.
struct Eyes {
    link: Link,
    publication: String,
    side: PgConnection,
    session: Session,
    relations: Relations,
    /// Everything that this sees has been told.
    told: Moment,
    catalogue: String,
    /// Received, and not visible at the last look.
    hidden: Vec<Transaction>,
    /// Transactions that were open when the slot was ready.
    opened_before: Vec<u32>,
    /// The last position that was told.
    position: u64,
    pace: Pace,
}

/// When the next look is due.
struct Pace {
    /// Whether something came since the last one.
    news: bool,
    heard: Instant,
    earliest: Instant,
    latest: Instant,
    /// How long what is not visible yet is waited for.
    again: Duration,
}

impl Log {
    pub(super) fn new(config: &SourceConfig, link: Link, allowed: &LogAllowed) -> Self {
        let limit = if allowed.keep == "-1" {
            "no table, but a limit: the server keeps its log without bound while this worker is connected and behind; \
             ALTER SYSTEM SET max_slot_wal_keep_size = '10GB' bounds it"
                .to_owned()
        } else {
            format!(
                "what comes while this worker is more than {} of log behind (max_slot_wal_keep_size); then everything \
                 is looked at anew",
                allowed.keep
            )
        };
        Self {
            config: config.clone(),
            link,
            about: About {
                name: "PostgreSQL logical replication".to_owned(),
                delay: LONGEST_PAUSE,
                blind_spots: vec![
                    "unlogged tables, foreign tables and sequences: reports on these are never called fresh".to_owned(),
                    "which table, for a change of the schema and a refreshed materialized view: it counts as a change \
                     of every table"
                        .to_owned(),
                    limit,
                    super::OUTSIDE.to_owned(),
                ],
                better_by: None,
            },
            name: None,
            eyes: None,
            gap: "watching begins",
        }
    }

    /// Signs in twice, makes slot and baseline. Nothing is kept until all of it is done.
    async fn begin(&mut self) -> Result<Observation, Blind> {
        let link = self.link.clone();
        let publication = self.config.publication.name().to_owned();
        let mut side = link.connect().await?;
        let allowed = match probe::probe(&link, &mut side, &self.config).await? {
            Verdict::Log(allowed) => allowed,
            Verdict::Poll(why) | Verdict::Standby(why) | Verdict::Nothing(why) => {
                return Err(Blind(why));
            }
        };
        link.end(&mut side).await?;
        if allowed.make {
            publication::make(&link).await?;
        }
        let unseen = |why: String| link.unseen(&why);
        let mut session = Session::sign_in(&link, &publication, allowed.encrypted)
            .await
            .map_err(unseen)?;
        session.begin().await.map_err(unseen)?;
        // In this order: who ended before the look is in its snapshot, or had the lock when it was asked for.
        let opened_before = link.in_time(look::running(&mut side)).await?;
        let look = link.in_time(look::look(&mut side, &session.slot)).await?;
        sound(&link, &look)?;
        link.begin(&mut side).await?;
        let relations = link
            .in_time(Relations::read(&mut side, Seen::Published(&publication)))
            .await?;
        link.end(&mut side).await?;
        self.name = Some(session.log.clone());
        let position = look.written;
        let snapshot = &look.moment.snapshot;
        let told = |xid: &u32| snapshot.sees(snapshot.whole(*xid));
        let opened_before = opened_before.into_iter().filter(|xid| !told(xid)).collect();
        self.eyes = Some(Eyes {
            link,
            publication,
            side,
            session,
            relations,
            opened_before,
            told: look.moment,
            catalogue: look.catalogue,
            hidden: Vec::new(),
            position,
            pace: Pace::new(),
        });
        Ok(Observation::Gap {
            why: self.gap.to_owned(),
            position: Some(digits(position)),
        })
    }
}

#[async_trait]
impl Detector for Log {
    fn about(&self) -> &About {
        &self.about
    }

    fn tells_apart(&self) -> Option<&BTreeSet<String>> {
        Some(&self.eyes.as_ref()?.relations.all)
    }

    fn cannot_see(&self) -> Option<&BTreeSet<String>> {
        Some(&self.eyes.as_ref()?.relations.unseen)
    }

    fn log(&self) -> Option<&str> {
        self.name.as_deref()
    }

    async fn next(&mut self) -> Result<Observation, Blind> {
        let Some(eyes) = &mut self.eyes else {
            return self.begin().await;
        };
        let seen = eyes.next().await;
        if seen.is_err() {
            self.eyes = None;
            self.gap = "the log was not read for a while";
        }
        seen
    }
}

impl Eyes {
    async fn next(&mut self) -> Result<Observation, Blind> {
        self.wait_for_news().await?;
        let began = Instant::now();
        let seen = self.look().await;
        self.pace.looked(began.elapsed(), !self.hidden.is_empty());
        self.session.confirm();
        seen
    }

    async fn wait_for_news(&mut self) -> Result<(), Blind> {
        loop {
            tokio::select! {
                biased;
                () = sleep_until(self.pace.due()) => return Ok(()),
                event = self.session.next() => take(&self.link, &mut self.hidden, &mut self.pace, event)?,
            }
        }
    }

    /// What became visible since the last look. Keeps nothing of a look that is given up.
    async fn look(&mut self) -> Result<Observation, Blind> {
        let moment = self.link.in_time(look::moment(&mut self.side)).await?;
        let mut other_catalogue = None;
        let mut written = self.position;
        let (mut all, moment) = if moment.snapshot == self.told.snapshot {
            (false, moment)
        } else {
            let look = look::look(&mut self.side, &self.session.slot);
            let look = self.link.in_time(look).await?;
            sound(&self.link, &look)?;
            let behind = !self.come_to(look.written).await?;
            if look.catalogue != self.catalogue {
                // A setting of the role counts from the next sign-in on, and may decide what names mean.
                let mut side = self.link.connect().await?;
                std::mem::swap(&mut self.side, &mut side);
                link::close(side).await;
                let relations = Relations::read(&mut self.side, Seen::Published(&self.publication));
                let relations = self.link.in_time(relations).await?;
                let narrowed = probe::narrowed(&mut self.side, &self.publication);
                let narrowed = self.link.in_time(narrowed).await?;
                self.link.end(&mut self.side).await?;
                if let Some(remedy) = narrowed {
                    let why =
                        format!("its publication does not tell every change any more; {remedy}");
                    return Err(self.link.unseen(&why));
                }
                other_catalogue = Some((look.catalogue, relations));
            }
            written = look.written;
            (behind || other_catalogue.is_some(), look.moment)
        };
        // A setting decides answers too, and comes without a transaction.
        all |= moment.loaded != self.told.loaded;
        let snapshot = &moment.snapshot;

        // Nothing is waited for from here on.
        self.pace.news = false;
        let sees = |xid: u32| snapshot.sees(snapshot.whole(xid));
        let before = self.opened_before.len();
        self.opened_before.retain(|xid| !sees(*xid));
        all |= self.opened_before.len() < before;
        let (visible, hidden) = std::mem::take(&mut self.hidden)
            .into_iter()
            .partition(|transaction| sees(transaction.xid));
        self.hidden = hidden;
        self.told = moment;
        let mut gap = None;
        if let Some((catalogue, relations)) = other_catalogue {
            if relations.unseen != self.relations.unseen {
                gap = Some("other tables than before cannot be seen");
            }
            (self.catalogue, self.relations) = (catalogue, relations);
        }
        let end = visible
            .iter()
            .map(|transaction: &Transaction| transaction.end);
        let end = end.chain(all.then_some(written)).max();
        let Some(end) = end else {
            return Ok(Observation::Quiet);
        };
        self.position = end.max(self.position + 1);
        let position = Some(digits(self.position));
        if let Some(why) = gap {
            let why = why.to_owned();
            return Ok(Observation::Gap { why, position });
        }
        let touched = visible.iter().flat_map(|transaction| &transaction.tables);
        let tables = match self.relations.touched(touched) {
            _ if all => Touched::All,
            // Transactions without a change of any table that is published.
            Touched::Tables(tables) if tables.is_empty() => return Ok(Observation::Quiet),
            tables => tables,
        };
        let committed = visible
            .iter()
            .filter_map(|transaction| transaction.committed_at);
        Ok(Observation::Changed {
            tables,
            position,
            committed_at: committed.min(),
        })
    }

    /// Receives until everything up to there has come; `false` where that takes too long.
    async fn come_to(&mut self, lsn: u64) -> Result<bool, Blind> {
        let end = Instant::now() + BEHIND;
        let mut heard = Instant::now();
        while self.session.reached < lsn {
            tokio::select! {
                biased;
                event = self.session.next() => {
                    take(&self.link, &mut self.hidden, &mut self.pace, event)?;
                    heard = Instant::now();
                    if heard > end {
                        return Ok(false);
                    }
                }
                () = sleep_until(end.min(heard + SILENT)) => {
                    if self.pace.heard.elapsed() > DEAD {
                        return Err(self.link.unseen(&"the replication connection is silent"));
                    }
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// Keeps what came.
fn take(
    link: &Link,
    received: &mut Vec<Transaction>,
    pace: &mut Pace,
    event: Result<Option<Transaction>, String>,
) -> Result<(), Blind> {
    pace.heard = Instant::now();
    if let Some(transaction) = event.map_err(|why| link.unseen(&why))? {
        received.push(transaction);
        pace.news = true;
    }
    Ok(())
}

impl Pace {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            news: false,
            heard: now,
            earliest: now,
            latest: now,
            again: SHORTEST_PAUSE,
        }
    }

    fn due(&self) -> Instant {
        if self.news {
            self.earliest
        } else {
            self.latest
        }
    }

    /// A look took so long; `hidden` tells whether it left something that nobody sees yet.
    fn looked(&mut self, took: Duration, hidden: bool) {
        let now = Instant::now();
        let pause = (took * SHARE).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        self.again = if hidden {
            (self.again * 2).min(LONGEST_PAUSE)
        } else {
            SHORTEST_PAUSE
        };
        self.earliest = now + pause;
        self.latest = now
            + if hidden {
                self.again.max(pause)
            } else {
                LONGEST_PAUSE
            };
    }
}

/// Whether the slot is still there, and the log it needs.
fn sound(link: &Link, look: &Look) -> Result<(), Blind> {
    let why = match &look.unsound {
        Some(reason) => probe::invalidated(reason),
        None if look.has_slot => return Ok(()),
        None => {
            "our replication slot is gone, or replication goes to another server than queries do"
                .to_owned()
        }
    };
    Err(link.unseen(&why))
}

/// A position as it is published.
fn digits(lsn: u64) -> String {
    format!("{lsn:020}")
}
