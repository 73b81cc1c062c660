//! What does the server's log say? Every commit with its tables, from the stream that replicas read.
//!
//! Each look asks beside the stream where the log ends for whoever opens a snapshot now, reads the stream up to there,
//! and tells of everything on the way at once. So a burst of commits is few observations, a commit is told only when it
//! can be seen, and one that could be seen before the look began is never left for the next.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep_until};

use super::super::{About, Blind, Checkpoint, Detector, Observation, Touched};
use super::events::{Commit, Step, Written};
use super::names::Names;
use super::place::{Origin, Place};
use super::server::{Facts, Failure, Server};
use super::stream::Stream;

/// How often it looks while the stream brings nothing.
const IDLE: Duration = Duration::from_millis(500);
/// The least time between two looks: commits that come closer are told together.
const PACE: Duration = Duration::from_millis(20);
/// After so many heartbeats short of the end of the log, in so long a time, the stream stands in a log that is gone.
const HEARTBEATS: u32 = 3;
const STANDS: Duration = Duration::from_secs(1);

/// The detector that reads the log.
pub(super) struct Binlog {
    server: Server,
    facts: Facts,
    about: About,
    checkpoint: Option<Checkpoint>,
    stream: Option<Stream>,
    /// Kept while there is no stream.
    reached: Option<Reached>,
    /// The same log as text.
    log: Option<String>,
    names: Option<Names>,
    told_apart: BTreeSet<String>,
    /// Taken over, and not told yet.
    pending: Option<Commit>,
    /// When it looked last; `None` where it has to look at once.
    looked: Option<Instant>,
    /// Why watching begins, where it begins at the end of the log.
    gap: &'static str,
}

/// Up to where everything was taken over.
#[derive(Clone)]
struct Reached {
    origin: Origin,
    at: Place,
    /// The last file that was begun, and when: it outlives the one in which watching began, which is purged some day.
    last: (u64, u32),
}

/// Why there is no observation now.
enum Trouble {
    /// The stream is to be opened anew.
    Stream(Failure),
    /// The log is another than it was.
    Anew(&'static str),
    /// The server does not answer.
    Server(Failure),
}

impl Binlog {
    pub(super) fn new(server: Server, facts: Facts, about: About) -> Self {
        Self {
            server,
            facts,
            about,
            checkpoint: None,
            stream: None,
            reached: None,
            log: None,
            names: None,
            told_apart: BTreeSet::new(),
            pending: None,
            looked: None,
            gap: "watching begins",
        }
    }

    async fn try_open(&mut self) -> Result<Option<Observation>, Failure> {
        // Another server may have taken this one's place meanwhile.
        self.facts = self.server.facts().await?;
        // Or been started with other settings.
        super::keeps_all(&mut self.server, &self.facts).await?;
        let base = self.server.base().await?;
        let why = match self.left_at() {
            None => self.gap,
            Some(Err(why)) => why,
            Some(Ok(reached)) => match self.go_on(&reached, &base).await? {
                Ok(stream) => {
                    self.names().await?;
                    self.log = Some(reached.origin.to_string());
                    self.reached = Some(reached);
                    self.looked = None;
                    self.stream = Some(stream);
                    return Ok(None);
                }
                Err(why) => why,
            },
        };
        self.names = None;
        let end = self.server.end(self.facts.product).await?;
        let stream = Stream::open(&self.server.access, &self.facts, &base, end).await?;
        self.names().await?;
        let origin = Origin {
            server: self.facts.identity.clone(),
            base,
            file: end.file,
            begun: stream.begun,
            started: self.facts.started,
        };
        self.log = Some(origin.to_string());
        self.reached = Some(Reached {
            last: (origin.file, origin.begun),
            at: end,
            origin,
        });
        self.stream = Some(stream);
        // Whatever was not told yet is part of the gap.
        (self.pending, self.checkpoint) = (None, None);
        Ok(Some(Observation::Gap {
            why: why.to_owned(),
            position: end.position(),
        }))
    }

    /// Where to go on from, if there is such a place.
    fn left_at(&self) -> Option<Result<Reached, &'static str>> {
        if let Some(reached) = &self.reached {
            return Some(Ok(reached.clone()));
        }
        let Checkpoint { log, position } = self.checkpoint.as_ref()?;
        let reached = Origin::parse(log).zip(Place::parse(position));
        Some(
            reached
                .map(|(origin, at)| Reached {
                    last: (origin.file, origin.begun),
                    at,
                    origin,
                })
                .ok_or("what was published before came from another detector"),
        )
    }

    /// The stream from where it was left, if that very place is still in the log; else why not.
    async fn go_on(
        &mut self,
        reached: &Reached,
        base: &str,
    ) -> Result<Result<Stream, &'static str>, Failure> {
        const PURGED: &str = "the log was purged before it was read";
        const ANEW: &str = "the log was begun anew";
        let Reached { origin, at, last } = reached;
        if origin.server != self.facts.identity || origin.base != base {
            return Ok(Err(
                "the log is another server's, or a setting of the server changed",
            ));
        }
        if !origin.is_same_start(self.facts.started) {
            return Ok(Err(
                "the server was restarted, and nobody knows what it did without its log in between",
            ));
        }
        let files = self.server.files().await?;
        let size = |file| files.iter().find(|there| there.file == file);
        let Some(file) = size(at.file) else {
            return Ok(Err(PURGED));
        };
        // A file that is shorter than it was lost its end in a crash, or is another one.
        if file.offset < at.offset {
            return Ok(Err(ANEW));
        }
        if size(last.0).is_none() {
            return Ok(Err(
                "the file of the log in which watching began was purged, so it cannot be told whether it is the same log",
            ));
        }
        let open = async |from| Stream::open(&self.server.access, &self.facts, base, from).await;
        let first = Place {
            file: last.0,
            offset: 4,
        };
        match open(first).await {
            Ok(first) if first.begun != last.1 => return Ok(Err(ANEW)),
            Ok(_) => {}
            Err(Failure::Gone(_)) => return Ok(Err(PURGED)),
            Err(failure) => return Err(failure),
        }
        match open(*at).await {
            Ok(stream) => Ok(Ok(stream)),
            Err(Failure::Gone(_)) => Ok(Err(PURGED)),
            Err(failure) => Err(failure),
        }
    }

    /// The catalogue as it is since the last change of a schema that was taken over.
    async fn names(&mut self) -> Result<&Names, Failure> {
        let names = match self.names.take() {
            Some(names) => names,
            None => Names::read(&mut self.server, &self.facts).await?,
        };
        self.told_apart.clone_from(&names.tables);
        Ok(self.names.insert(names))
    }

    /// Takes over what can be seen, and tells of it.
    async fn look(&mut self) -> Result<Observation, Trouble> {
        self.looked = Some(Instant::now());
        // No log tells of SET GLOBAL.
        let settings = self.server.settings().await.map_err(Trouble::Server)?;
        if settings != self.facts.settings {
            return Err(Trouble::Anew("a setting of the server changed"));
        }
        let end = self
            .server
            .end(self.facts.product)
            .await
            .map_err(Trouble::Server)?;
        self.read_to(end).await?;
        self.tell().await.map_err(Trouble::Server)
    }

    /// Reads the stream up to `end`.
    async fn read_to(&mut self, end: Place) -> Result<(), Trouble> {
        let (Some(stream), Some(Reached { at, last, .. })) = (&mut self.stream, &mut self.reached)
        else {
            return Err(Trouble::Anew("the log was closed"));
        };
        if let Some(failure) = stream.failed() {
            return Err(Trouble::Stream(failure));
        }
        if end < *at {
            return Err(Trouble::Anew("the log was begun anew"));
        }
        let (began, mut short) = (Instant::now(), 0);
        while *at < end {
            match stream.next().await.map_err(Trouble::Stream)? {
                Step::Commit(commit) if commit.end <= end => {
                    *at = commit.end;
                    if commit.written == Written::Anything {
                        self.names = None;
                    }
                    match &mut self.pending {
                        Some(pending) => merge(pending, commit),
                        None => self.pending = Some(commit),
                    }
                }
                later @ Step::Commit(_) => {
                    stream.hold(later);
                    *at = end;
                }
                Step::At(place) => *at = place.clamp(*at, end),
                Step::File(place, begun) => {
                    *at = place.clamp(*at, end);
                    *last = (place.file, begun);
                }
                Step::Crashed => {
                    return Err(Trouble::Anew(
                        "the server crashed and may have lost commits that its log tells of",
                    ));
                }
                Step::Idle(place) => {
                    *at = place.clamp(*at, end);
                    short += 1;
                    // Those that were read ahead say nothing of the log now.
                    if *at < end && short >= HEARTBEATS && began.elapsed() > STANDS {
                        return Err(Trouble::Anew("the log was begun anew"));
                    }
                }
            }
        }
        Ok(())
    }

    /// What was taken over, as an observation.
    async fn tell(&mut self) -> Result<Observation, Failure> {
        if self.pending.is_none() {
            return Ok(Observation::Quiet);
        }
        self.names().await?;
        let (Some(commit), Some(names)) = (self.pending.take(), &self.names) else {
            return Ok(Observation::Quiet);
        };
        let tables = match commit.written {
            Written::Anything => Touched::All,
            Written::Rows(tables) => Touched::Tables(
                names
                    .with_children(tables)
                    .iter()
                    .map(|(schema, table)| self.server.access.name(schema, table))
                    .collect(),
            ),
        };
        // It went on from here for good.
        self.checkpoint = None;
        Ok(Observation::Changed {
            tables,
            position: commit.end.position(),
            committed_at: commit.at,
        })
    }

    /// Opens the stream, where it was left if that is possible; the observation is a gap if it is not.
    async fn open(&mut self) -> Result<Option<Observation>, Blind> {
        let seen = self.try_open().await;
        seen.map_err(|failure| self.blind(failure))
    }

    /// Forgets where it was: the next observation is a gap.
    fn forget(&mut self, why: &'static str) {
        (self.reached, self.checkpoint, self.stream) = (None, None, None);
        self.gap = why;
    }

    fn blind(&self, failure: Failure) -> Blind {
        failure.blind(&self.facts.grant())
    }
}

fn merge(pending: &mut Commit, commit: Commit) {
    pending.written.merge(commit.written);
    pending.end = commit.end;
    pending.at = match (pending.at, commit.at) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
}

#[async_trait]
impl Detector for Binlog {
    fn about(&self) -> &About {
        &self.about
    }

    fn tells_apart(&self) -> Option<&BTreeSet<String>> {
        self.log.as_ref().map(|_| &self.told_apart)
    }

    fn resume(&mut self, from: &Checkpoint) {
        if self.reached.is_none() {
            self.checkpoint = Some(from.clone());
        }
    }

    fn log(&self) -> Option<&str> {
        self.log.as_deref()
    }

    async fn next(&mut self) -> Result<Observation, Blind> {
        if let (Some(stream), Some(looked)) = (&mut self.stream, self.looked) {
            if !stream.has_news() {
                let _ = tokio::time::timeout_at(looked + IDLE, stream.news()).await;
            }
            sleep_until(looked + PACE).await;
        }
        // A stream that broke off is taken up where it was left, at once: that is often all there is to it.
        for last in [false, false, true] {
            if self.stream.is_none()
                && let Some(gap) = self.open().await?
            {
                return Ok(gap);
            }
            match self.look().await {
                Ok(seen) => return Ok(seen),
                Err(Trouble::Server(failure)) => return Err(self.blind(failure)),
                Err(Trouble::Anew(why)) => self.forget(why),
                Err(Trouble::Stream(failure)) if last => {
                    if matches!(failure, Failure::Gone(_)) {
                        self.forget("the log could not be read on");
                    }
                    self.stream = None;
                    return Err(self.blind(failure));
                }
                Err(Trouble::Stream(_)) => self.stream = None,
            }
        }
        Err(Blind("the log was closed; it is read again".to_owned()))
    }
}
