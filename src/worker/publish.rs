//! How does what a detector saw reach the cache? Changes, heartbeats, epochs, and the tables that are taken in.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::time::Instant;

use crate::cache::{self, Epoch, Known, Position, PublishError, ServerTime};
use crate::detector::Touched;
use crate::report::{Dependencies, Refresh};

use super::shared::Change;
use super::watch::{Sight, Term, Watcher};

impl Watcher {
    pub(super) async fn publish(&self, term: &mut Term, sight: &Sight) -> Result<(), PublishError> {
        let Some(epoch) = &mut term.epoch else {
            return Ok(());
        };
        let names: Vec<String>;
        let (change, position) = match &term.pending {
            None => (cache::Change::Nothing, epoch.position.clone()),
            Some((
                Change {
                    tables: Touched::All,
                    ..
                },
                at,
            )) => (cache::Change::All, at.clone()),
            Some((
                Change {
                    tables: Touched::Tables(tables),
                    ..
                },
                at,
            )) => {
                names = tables.iter().cloned().collect();
                (cache::Change::Tables(&names), at.clone())
            }
        };
        let protocol = &self.shared.protocol;
        let now = protocol
            .publish(epoch, change, &position, term.as_of, sight.valid_for())
            .await?;
        (term.vouched, term.as_of) = (term.as_of, now);
        term.position = position;
        term.published = Instant::now();
        let change = term.pending.take().map(|(change, _)| change);
        let now = Utc::now();
        // A heartbeat alone is no reason to paint a window.
        self.shared.show_if(change.is_some(), |watch| {
            watch.last_heartbeat = Some(now);
            if let Some(change) = &change {
                watch.last_change = Some(change.detected_at);
            }
            watch.detector = Some(sight.about.clone());
        });
        if let Some(change) = change {
            let (detail, tables) = match &change.tables {
                Touched::All => (format!("{} changed", self.shared.name), Vec::new()),
                Touched::Tables(tables) => {
                    let tables: Vec<String> = tables.iter().cloned().collect();
                    (format!("{} changed", tables.join(", ")), tables)
                }
            };
            self.shared.log("change", detail, tables);
            self.shared.tell(|news| match &mut news.change {
                Some(waiting) => waiting.merge(change),
                None => news.change = Some(change),
            });
        }
        Ok(())
    }

    pub(super) async fn open_epoch(
        &self,
        term: &mut Term,
        sight: &Sight,
        why: &str,
        position: Option<Position>,
    ) -> Result<(), PublishError> {
        // Not one more: a log may have yet to reach that, and its next commit would be taken for one that fills hold.
        let position = position.unwrap_or_else(|| term.position.clone());
        let (epoch, now) = self
            .shared
            .protocol
            .new_epoch(
                &term.lead,
                position,
                term.as_of,
                sight.valid_for(),
                &sight.words(),
                sight.log.as_deref(),
            )
            .await?;
        (term.vouched, term.as_of) = (term.as_of, now);
        let why = format!("{why}; every on-change entry is looked at anew");
        self.opened(term, sight, epoch, &why).await
    }

    /// Goes on in the epoch of a former worker: what was fresh stays so.
    pub(super) async fn resume_epoch(
        &self,
        term: &mut Term,
        sight: &Sight,
        known: Known,
    ) -> Result<(), PublishError> {
        // Nothing is vouched for before the observation that is at hand is published; that one began at `term.as_of`.
        let nothing = ServerTime::default();
        let (epoch, _) = self
            .shared
            .protocol
            .resume(
                &term.lead,
                known,
                nothing,
                sight.valid_for(),
                &sight.words(),
            )
            .await?;
        term.vouched = nothing;
        self.opened(term, sight, epoch, "going on where the log was left")
            .await
    }

    /// An epoch is open: tables are taken in, and the refreshing half looks at every entry.
    async fn opened(
        &self,
        term: &mut Term,
        sight: &Sight,
        epoch: Epoch,
        why: &str,
    ) -> Result<(), PublishError> {
        let position = epoch.position.clone();
        (term.epoch, term.position) = (Some(epoch), position);
        (term.pending, term.published) = (None, Instant::now());
        term.tables.clear();
        let now = Utc::now();
        self.shared.show(|watch| {
            watch.role = term.role.clone();
            watch.detector = Some(sight.about.clone());
            watch.last_heartbeat = Some(now);
        });
        self.shared
            .log("watching", format!("{}: {why}", sight.words()), Vec::new());
        self.name_tables();
        self.take_in(term, sight).await?;
        let apart = sight.apart.as_ref().is_some();
        let unseen = Arc::new(sight.unseen.clone());
        self.shared.tell(|news| {
            news.watching = true;
            news.tells_apart = apart;
            news.unseen = unseen;
            news.first = true;
        });
        Ok(())
    }

    /// Takes in tables that entries depend on and the cache does not know yet, but for those that nobody can vouch for.
    ///
    /// At the current position: every detector here sees each commit to any table that it can see at all, and a commit
    /// between a fill and this moment has moved the position past the fill's.
    pub(super) async fn take_in(&self, term: &mut Term, sight: &Sight) -> Result<(), PublishError> {
        let new: Vec<String> = self
            .shared
            .wanted()
            .difference(&term.tables)
            .filter(|name| !sight.unseen.contains(*name))
            .cloned()
            .collect();
        // A change that waits comes first, or the new tables would be taken in before it, at the position after it.
        let (Some(epoch), None) = (&mut term.epoch, &term.pending) else {
            return Ok(());
        };
        if new.is_empty() {
            return Ok(());
        }
        let position = epoch.position.clone();
        let taken = self
            .shared
            .protocol
            .take_in(epoch, &new, &position, term.vouched, sight.valid_for())
            .await;
        match taken {
            // Not the `as_of` of the next observation: a look may be under way, and have begun before this answer.
            Ok(_) => {
                term.tables.extend(new);
                Ok(())
            }
            Err(PublishError::Lost) => Err(PublishError::Lost),
            Err(PublishError::Behind) => {
                term.epoch = None;
                Ok(())
            }
            // Asked for again by whoever finds an entry with an unknown table.
            Err(PublishError::Cache(_)) => Ok(()),
        }
    }

    /// Tells which tables the workspace's reports depend on, so that their first entries are watched from their fill.
    pub(super) fn name_tables(&self) {
        let shared = self.shared.clone();
        tokio::spawn(async move {
            let Some(source) = shared.engine.source(&shared.name) else {
                return;
            };
            // Without a catalogue the tables become known from the entries' headers, a moment later.
            let Ok(catalogue) = source.catalogue().await else {
                return;
            };
            let reports = shared.reports();
            let on_change = reports
                .values()
                .filter(|report| report.refresh == Refresh::OnChange);
            let names = on_change.flat_map(|report| match &report.tables {
                Some(tables) => tables.clone(),
                None => Dependencies::of(&report.sql, source.dialect(), &catalogue).names(),
            });
            shared.want(names.collect::<Vec<_>>());
        });
    }

    /// The detector sees nothing: entries stop being fresh now, not only when the heartbeat runs out.
    pub(super) async fn vouch_for_nothing(&self, term: &mut Term) -> Result<(), PublishError> {
        let Some(epoch) = &mut term.epoch else {
            return Ok(());
        };
        let position = epoch.position.clone();
        let nothing = cache::Change::Nothing;
        term.as_of = self
            .shared
            .protocol
            .publish(epoch, nothing, &position, term.vouched, Duration::ZERO)
            .await?;
        Ok(())
    }
}
