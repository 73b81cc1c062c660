//! Has anything been committed to the server? Asked from time to time, by an account that may not read the log: the
//! end of the log that snapshots see (MariaDB), or the numbers of all transactions that were committed (MySQL).
//!
//! Either moves exactly when a commit can be seen, of whatever table and database, so no commit is missed and a
//! rollback is none. Which table changed cannot be told.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Interval, MissedTickBehavior};

use super::super::{About, Blind, Detector, Observation, Touched};
use super::server::{Facts, Failure, Server};

/// The detector that asks.
pub(super) struct Poll {
    server: Server,
    facts: Facts,
    about: About,
    pace: Interval,
    last: Option<String>,
    gap: &'static str,
}

impl Poll {
    pub(super) fn new(server: Server, facts: Facts, poll: Duration, about: About) -> Self {
        let mut pace = tokio::time::interval(poll.max(Duration::from_millis(1)));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            server,
            facts,
            about,
            pace,
            last: None,
            gap: "watching begins",
        }
    }

    /// What differs whenever something was committed, or a setting changed.
    async fn mark(&mut self) -> Result<String, Failure> {
        let settings = self.server.settings().await?;
        let mark = self.server.mark(self.facts.product).await?;
        Ok(format!("{mark}\n{settings}"))
    }

    /// Fails where the server, started with other settings, keeps the database out of its log by now. An account that may
    /// not ask for these is told of that as a blind spot.
    async fn keeps_all(&mut self) -> Result<(), Failure> {
        self.facts = self.server.facts().await?;
        match super::keeps_all(&mut self.server, &self.facts).await {
            Err(Failure::Denied(_)) => Ok(()),
            kept => kept,
        }
    }
}

#[async_trait]
impl Detector for Poll {
    fn about(&self) -> &About {
        &self.about
    }

    async fn next(&mut self) -> Result<Observation, Blind> {
        self.pace.tick().await;
        let mark = match self.mark().await {
            Ok(mark) if self.last.as_ref() == Some(&mark) => Ok(mark),
            // A restart moves the mark, too, and may have come with other settings.
            Ok(mark) => self.keeps_all().await.map(|()| mark),
            Err(failure) => Err(failure),
        };
        let mark = match mark {
            Ok(mark) => mark,
            Err(failure) => {
                // Another server, or another log, may answer next.
                self.last = None;
                self.gap = "the server was away";
                return Err(failure.blind(&self.facts.grant()));
            }
        };
        let seen = match &self.last {
            None => Observation::gap(self.gap),
            Some(last) if *last == mark => return Ok(Observation::Quiet),
            Some(_) => Observation::Changed {
                tables: Touched::All,
                position: None,
                committed_at: None,
            },
        };
        self.last = Some(mark);
        Ok(seen)
    }
}
