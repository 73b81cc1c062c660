//! The watching half: holds the lease of a source, asks its detector, and publishes what it came to know.
//!
//! Invariant: the heartbeat never advances past the moment at which an observation began, and never while a change
//! that was observed is not published yet.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::cache::{self, Election, Epoch, Known, Lead, Position, PublishError, ServerTime};
use crate::detector::{About, Blind, Checkpoint, Detector, Observation, Touched};
use crate::report::{Dependencies, Refresh};
use crate::source::Source;
use crate::workspace::SourceConfig;

use super::Role;
use super::shared::{Change, Reports, Shared};

/// How long the lease and a heartbeat last: a dead worker is noticed, and replaced, by then.
const LEASE: Duration = Duration::from_secs(4);
/// How often the lease is renewed.
const RENEW: Duration = Duration::from_secs(1);
/// How often a heartbeat is published while nothing changes.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// How often a worker that stands by, or whose cache is away, tries again.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// How soon a blind detector is asked again; doubled each time, up to the next.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// The watching half of the worker for one source.
pub(super) struct Watcher {
    pub(super) shared: Arc<Shared>,
    pub(super) config: SourceConfig,
    pub(super) source: Arc<dyn Source>,
    /// Names this worker among others.
    pub(super) id: String,
    pub(super) stop: CancellationToken,
}

/// How a source is watched, as far as it has to be.
enum Eyes {
    /// No report asks for it so far.
    Closed,
    /// By this detector.
    Open(Box<dyn Detector>),
}

/// Why a term as leader ended.
enum End {
    /// Stopped by the user.
    Stopped,
    /// The lease is another's, or the cache forgot it.
    Lost,
    /// It goes on, with a detector from now on.
    Watch,
}

/// What holds as long as this worker leads.
struct Term {
    lead: Lead,
    /// What people are shown while it sees.
    role: Role,
    /// The server's clock before the current observation began.
    as_of: ServerTime,
    /// The moment that was vouched for last.
    vouched: ServerTime,
    renewed: Instant,
    epoch: Option<Epoch>,
    /// A former worker's epoch, as long as the detector may go on in it.
    known: Option<Known>,
    position: Position,
    published: Instant,
    /// Observed, and not published yet.
    pending: Option<(Change, Position)>,
    /// Tables that the cache knows in this epoch.
    tables: BTreeSet<String>,
    /// The reports that were told to be refreshed.
    told: Option<Reports>,
}

/// What a detector says of itself at an observation.
struct Sight {
    about: About,
    apart: Option<BTreeSet<String>>,
    unseen: BTreeSet<String>,
    log: Option<String>,
}

impl Sight {
    fn of(detector: &dyn Detector) -> Self {
        Self {
            about: detector.about().clone(),
            apart: detector.tells_apart().cloned(),
            unseen: detector.cannot_see().cloned().unwrap_or_default(),
            log: detector.log().map(str::to_owned),
        }
    }

    /// How long a heartbeat vouches: at least the lease, longer for a detector that looks rarely.
    fn valid_for(&self) -> Duration {
        LEASE.max(self.about.delay * 3)
    }

    /// In words, for whoever reads the cache: "SQLite data_version, 50 ms".
    fn words(&self) -> String {
        let About { name, delay, .. } = &self.about;
        format!("{name}, {} ms", in_millis(*delay).as_millis())
    }
}

impl Watcher {
    /// Watches until it is stopped; gives the lease back.
    pub(super) async fn run(self) {
        let mut eyes = Eyes::Closed;
        let mut said = String::new();
        loop {
            self.open(&mut eyes);
            let election = tokio::select! {
                () = self.stop.cancelled() => return,
                election = self.shared.protocol.lead(&self.id, LEASE) => election,
            };
            let pause = match election {
                Ok(Election::Leading { lead, known, now }) => {
                    said.clear();
                    match self.lead(lead, known, now, &mut eyes).await {
                        End::Stopped => return,
                        // At once: what ended the term (an emptied cache) may well have freed the lease too.
                        End::Lost | End::Watch => continue,
                    }
                }
                Ok(Election::Standby(left)) => {
                    if said != "standby" {
                        "standby".clone_into(&mut said);
                        self.shared.show(|watch| watch.role = Role::StandingBy);
                        self.shared.log(
                            "standing_by",
                            "another worker leads; this one takes over when it ends",
                            Vec::new(),
                        );
                    }
                    left.min(TRY_AGAIN) + Duration::from_millis(5)
                }
                Err(error) => {
                    if said != error.message {
                        error.message.clone_into(&mut said);
                        self.blind(&error.message);
                    }
                    TRY_AGAIN
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = sleep(pause) => {}
            }
        }
    }

    /// One term as leader.
    async fn lead(
        &self,
        lead: Lead,
        known: Option<Known>,
        now: ServerTime,
        eyes: &mut Eyes,
    ) -> End {
        let shared = self.shared.clone();
        let role = Role::Leader(Utc::now());
        // Before the word: who prints it asks whether this worker leads.
        shared.show(|watch| watch.role = role.clone());
        shared.log(
            "leading",
            format!("this worker keeps {} true", shared.name),
            Vec::new(),
        );
        // With a detector, the first look waits for its baseline: what is filled before it would be filled again.
        let at_once = !matches!(eyes, Eyes::Open(_));
        shared.tell(|news| {
            news.leading = true;
            news.first |= at_once;
        });
        let mut term = Term {
            lead,
            role,
            as_of: now,
            vouched: ServerTime::default(),
            renewed: Instant::now(),
            epoch: None,
            known,
            position: Position::zero(),
            published: Instant::now(),
            pending: None,
            tables: BTreeSet::new(),
            told: None,
        };
        self.tell_reports(&mut term).await;
        let end = loop {
            let end = match eyes {
                Eyes::Open(detector) => self.watch(&mut term, detector.as_mut()).await,
                Eyes::Closed => self.hold(&mut term).await,
            };
            if !matches!(end, End::Watch) {
                break end;
            }
            self.open(eyes);
        };
        shared.tell(|news| {
            news.leading = false;
            news.watching = false;
        });
        // Whoever stands by can take over at once; if the cache does not answer, the lease ends by itself. Where it is
        // another's already, this does nothing.
        let _ = shared.protocol.resign(&term.lead).await;
        end
    }

    /// Chooses a detector once there is a report that asks for one.
    fn open(&self, eyes: &mut Eyes) {
        if !matches!(eyes, Eyes::Closed) || !self.shared.is_to_be_watched() {
            return;
        }
        *eyes = Eyes::Open(crate::detector::watch(&self.config, &self.source));
    }

    /// Tells which reports this worker refreshes, where that is not told yet, and which tables they depend on. What
    /// the cache does not take is told with the next renewal.
    async fn tell_reports(&self, term: &mut Term) {
        let reports = self.shared.reports();
        if term
            .told
            .as_ref()
            .is_some_and(|told| Arc::ptr_eq(told, &reports))
        {
            return;
        }
        let refreshed = reports.values().map(AsRef::as_ref);
        if let Ok(true) = self.shared.protocol.refreshes(&term.lead, refreshed).await {
            term.told = Some(reports);
            if term.epoch.is_some() {
                self.name_tables();
            }
        }
    }

    /// Leads without a detector, for schedules and TTLs only, until a report asks for more.
    async fn hold(&self, term: &mut Term) -> End {
        loop {
            if self.shared.is_to_be_watched() {
                return End::Watch;
            }
            tokio::select! {
                () = self.stop.cancelled() => return End::Stopped,
                () = sleep_until(term.renewed + RENEW) => {}
                () = self.shared.reports_came.notified() => {
                    self.tell_reports(term).await;
                    continue;
                }
            }
            if !self.renew(term).await {
                return End::Lost;
            }
        }
    }

    async fn watch(&self, term: &mut Term, detector: &mut dyn Detector) -> End {
        let mut renew = tokio::time::interval(RENEW);
        renew.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut unseeing: Option<(String, Duration)> = None;
        let mut retry_at = Instant::now();
        let mut begun = false;
        // A detector that has begun goes on from where it is, which may be before or after what is published.
        term.known = term.known.take().filter(|_| detector.log().is_none());
        if let Some(known) = &term.known {
            detector.resume(&Checkpoint {
                log: known.log.clone(),
                position: known.position.to_string(),
            });
        }
        loop {
            let sight = Sight::of(detector);
            // One look to its end, whatever else is to be done meanwhile: a slow one (a lock, a long watermark query)
            // would never end if it were begun anew with each renewal.
            let seen = {
                let look = async {
                    sleep_until(retry_at).await;
                    detector.next().await
                };
                tokio::pin!(look);
                loop {
                    tokio::select! {
                        biased;
                        () = self.stop.cancelled() => return End::Stopped,
                        _ = renew.tick() => {
                            if !self.renew(term).await {
                                return End::Lost;
                            }
                        }
                        () = self.shared.reports_came.notified() => self.tell_reports(term).await,
                        () = self.shared.wanted_came.notified(), if term.epoch.is_some() => {
                            if self.take_in(term, &sight).await.is_err() {
                                return End::Lost;
                            }
                        }
                        seen = &mut look => break seen,
                    }
                }
            };
            let sight = Sight::of(detector);
            let outcome = match seen {
                Ok(observation) => self
                    .observed(term, &sight, observation)
                    .await
                    .map(|()| None),
                Err(Blind(why)) => self.vouch_for_nothing(term).await.map(|()| Some(why)),
            };
            let why = match outcome {
                Ok(None) => {
                    if unseeing.take().is_some() {
                        self.sees_again(term, &sight);
                    }
                    continue;
                }
                Ok(Some(why)) => why,
                Err(PublishError::Lost) => return End::Lost,
                Err(PublishError::Behind) => {
                    term.epoch = None;
                    continue;
                }
                // Whatever is pending is published when the cache is back; until then no heartbeat is written, so
                // nothing is called fresh for long.
                Err(PublishError::Cache(error)) => error.message,
            };
            // What needs no detector (schedules, TTLs) does not wait for it.
            if !std::mem::replace(&mut begun, true) {
                self.shared.tell(|news| news.first |= !news.watching);
            }
            let pause = match &unseeing {
                Some((said, pause)) if *said == why => (*pause * 2).min(LONGEST_RETRY),
                _ => {
                    self.blind(&why);
                    FIRST_RETRY
                }
            };
            retry_at = Instant::now() + pause;
            unseeing = Some((why, pause));
        }
    }

    fn sees_again(&self, term: &Term, sight: &Sight) {
        self.shared.log(
            "watching",
            format!("{} sees again", sight.about.name),
            Vec::new(),
        );
        self.shared.show(|watch| watch.role = term.role.clone());
        let epoch = term.epoch.is_some();
        self.shared.tell(|news| news.watching = epoch);
    }

    /// Publishes an observation: a new epoch where there is none or after a gap, a bump, or a heartbeat.
    async fn observed(
        &self,
        term: &mut Term,
        sight: &Sight,
        observation: Observation,
    ) -> Result<(), PublishError> {
        if matches!(
            observation,
            Observation::Gap { .. }
                | Observation::Changed {
                    tables: Touched::All,
                    ..
                }
        ) {
            // A redefined view is such a change too, and the refills must not go by the old one.
            self.shared.engine.forget_catalogue(&self.shared.name);
        }
        if let Observation::Gap { why, position } = &observation {
            // The old epoch must not be published in again, even if opening the new one fails now.
            (term.epoch, term.known) = (None, None);
            let position = position.as_deref().and_then(Position::parse);
            return self.open_epoch(term, sight, why, position).await;
        }
        if term.epoch.is_none() {
            let same_log = |known: &Known| sight.log.as_ref() == Some(&known.log);
            match term.known.take().filter(same_log) {
                Some(known) => self.resume_epoch(term, sight, known).await?,
                None => {
                    let position = match &observation {
                        Observation::Changed { position, .. } => position.as_deref(),
                        _ => None,
                    };
                    let position = position.and_then(Position::parse);
                    return self.open_epoch(term, sight, "a new term", position).await;
                }
            }
        }
        if let Observation::Changed {
            tables,
            position,
            committed_at,
        } = observation
        {
            let change = Change {
                tables: self.widened(tables, term, sight),
                committed_at,
                detected_at: Utc::now(),
            };
            let at = position.as_deref().and_then(Position::parse);
            match &mut term.pending {
                Some((pending, last)) => {
                    pending.merge(change);
                    // Past the last one: that may have been published although its answer was lost, and entries filled
                    // since then do not hold this change.
                    *last = at.unwrap_or_else(|| last.next()).max(last.clone());
                }
                None => term.pending = Some((change, at.unwrap_or_else(|| term.position.next()))),
            }
        } else if term.pending.is_none() && term.published.elapsed() < HEARTBEAT {
            return Ok(());
        }
        self.publish(term, sight).await
    }

    /// Tables that the detector does not tell apart count as changed with every change.
    fn widened(&self, tables: Touched, term: &Term, sight: &Sight) -> Touched {
        let (Touched::Tables(mut tables), Some(apart)) = (tables, sight.apart.as_ref()) else {
            return Touched::All;
        };
        let wanted = self.shared.wanted();
        tables.extend(
            term.tables
                .union(&wanted)
                .filter(|name| *name != Dependencies::ANY && !apart.contains(*name))
                .cloned(),
        );
        Touched::Tables(tables)
    }

    async fn publish(&self, term: &mut Term, sight: &Sight) -> Result<(), PublishError> {
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

    async fn open_epoch(
        &self,
        term: &mut Term,
        sight: &Sight,
        why: &str,
        position: Option<Position>,
    ) -> Result<(), PublishError> {
        let position = position.unwrap_or_else(|| term.position.next());
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
    async fn resume_epoch(
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
    async fn take_in(&self, term: &mut Term, sight: &Sight) -> Result<(), PublishError> {
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
    fn name_tables(&self) {
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
    async fn vouch_for_nothing(&self, term: &mut Term) -> Result<(), PublishError> {
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

    fn blind(&self, why: &str) {
        self.shared
            .show(|watch| watch.role = Role::Blind(why.to_owned()));
        self.shared.log("blind", why, Vec::new());
        self.shared.tell(|news| news.watching = false);
    }

    /// Renews the lease; `false` means that it is lost, or may be.
    async fn renew(&self, term: &mut Term) -> bool {
        match self.shared.protocol.renew(&term.lead, LEASE).await {
            Ok(true) => {
                term.renewed = Instant::now();
                self.tell_reports(term).await;
                true
            }
            Ok(false) => false,
            Err(_) => {
                // A cache that is away for a moment has not given the lease to anyone else.
                sleep(Duration::from_millis(50)).await;
                term.renewed.elapsed() < LEASE
            }
        }
    }
}

/// Without the digits that nobody reads.
fn in_millis(time: Duration) -> Duration {
    Duration::from_millis(time.as_millis() as u64)
}
