//! The watching half: holds the lease of a source and asks its detector.
//!
//! Invariant: the heartbeat never advances past the moment at which an observation began, and never while a change
//! that was observed is not published yet.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::Utc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::cache::{Election, Epoch, Known, Lead, Position, PublishError, ServerTime};
use crate::detector::{About, Blind, Checkpoint, Detector, Observation, Touched};
use crate::report::Dependencies;
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
pub(super) struct Term {
    pub(super) lead: Lead,
    /// What people are shown while it sees.
    pub(super) role: Role,
    /// The server's clock before the current observation began.
    pub(super) as_of: ServerTime,
    /// The moment that was vouched for last.
    pub(super) vouched: ServerTime,
    pub(super) renewed: Instant,
    pub(super) epoch: Option<Epoch>,
    /// A former worker's epoch, as long as the detector may go on in it.
    pub(super) known: Option<Known>,
    pub(super) position: Position,
    pub(super) published: Instant,
    /// Observed, and not published yet.
    pub(super) pending: Option<(Change, Position)>,
    /// Tables that the cache knows in this epoch.
    pub(super) tables: BTreeSet<String>,
    /// The reports that were published as refreshed, and whether refreshing was paused then.
    pub(super) told: Option<(Reports, bool)>,
}

/// What a detector says of itself at an observation.
pub(super) struct Sight {
    pub(super) about: About,
    pub(super) apart: Option<BTreeSet<String>>,
    pub(super) unseen: BTreeSet<String>,
    pub(super) log: Option<String>,
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
    pub(super) fn valid_for(&self) -> Duration {
        LEASE.max(self.about.delay * 3)
    }

    /// In words, for whoever reads the cache: "SQLite data_version, 50 ms".
    pub(super) fn words(&self) -> String {
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
                        self.shared.show_role(Role::StandingBy);
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
        shared.show_role(role.clone());
        shared.log(
            "leading",
            format!("this worker leads the source {}", shared.name),
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
        let paused = self.shared.hub.paused.load(Ordering::Relaxed);
        let reports = self.shared.reports();
        if term
            .told
            .as_ref()
            .is_some_and(|(told, was)| Arc::ptr_eq(told, &reports) && *was == paused)
        {
            return;
        }
        let refreshed = reports.values().map(AsRef::as_ref).filter(|_| !paused);
        if let Ok(true) = self.shared.protocol.refreshes(&term.lead, refreshed).await {
            term.told = Some((reports, paused));
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
        self.shared.show_role(term.role.clone());
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

    fn blind(&self, why: &str) {
        self.shared.show_role(Role::Blind(why.to_owned()));
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
