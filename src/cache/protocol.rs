//! What the worker publishes: lease, epoch, bumps, heartbeats. Each call is one script; see `docs/protocol.md`.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use redis::Script;

use super::{Cache, CacheError, Header, Position, SourceKeys};
use crate::report::{EntryKey, Report};

static LEAD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/lead.lua")));
static OWNED: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/owned.lua")));
static RESIGN: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/resign.lua")));
static REFRESHES: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("lua/refreshes.lua")));
static EPOCH: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/epoch.lua")));
static RESUME: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/resume.lua")));
static PUBLISH: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/publish.lua")));

/// A moment on the server's clock, in milliseconds since 1970. Every freshness decision is made on this one clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerTime(pub u64);

/// The protocol of one source, for its worker.
#[derive(Clone)]
pub struct Protocol {
    cache: Arc<Cache>,
    keys: SourceKeys,
}

/// The lease of a source, held under a fencing number that only grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead {
    /// The fencing number.
    pub fence: u64,
    token: String,
}

/// The answer to asking for the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Election {
    /// The lease is ours.
    Leading {
        /// To be renewed and to publish with.
        lead: Lead,
        /// The epoch that the cache knows; `None` in an empty cache, and after a detector without a log.
        known: Option<Known>,
        /// The server's clock, before which nothing was observed.
        now: ServerTime,
    },
    /// Another worker holds it for this long unless it renews.
    Standby(Duration),
}

/// An epoch that a former worker published in. Its position is its checkpoint: it lies beside the bumps, so that a
/// server that forgets some of them forgets the same part of it. Only a detector that reads the same log from exactly
/// there may go on in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The epoch's name.
    pub epoch: String,
    /// Up to where the log was published.
    pub position: Position,
    /// Which log.
    pub log: String,
}

/// An epoch that this worker publishes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    lead: Lead,
    name: String,
    /// The position published last.
    pub position: Position,
}

/// Why nothing was published.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PublishError {
    /// Another worker leads, or the epoch is over: stop publishing and ask for the lease again.
    #[error("another worker leads this source")]
    Lost,
    /// The server forgot positions that were published (a failover, an emptied cache): open a new epoch.
    #[error("the cache forgot what was published; a new epoch begins")]
    Behind,
    /// The cache did not take it.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

/// What changed, for [`Protocol::publish`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Nothing: a heartbeat.
    Nothing,
    /// These tables (and with them "any change").
    Tables(&'a [String]),
    /// Every table.
    All,
}

impl Protocol {
    /// The protocol of a source.
    pub fn new(cache: Arc<Cache>, keys: SourceKeys) -> Self {
        Self { cache, keys }
    }

    /// The source's key names.
    pub fn keys(&self) -> &SourceKeys {
        &self.keys
    }

    pub(super) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Asks for the lease of this source for `time`. One worker at most holds it; a worker that was paused past its
    /// lease can publish nothing, because the next holder's fencing number is higher.
    pub async fn lead(&self, worker: &str, time: Duration) -> Result<Election, CacheError> {
        type Said = (u64, u8, u64, String, String, String, i64);
        let (now, ours, fence, epoch, position, log, left): Said = self
            .cache
            .script(
                &LEAD,
                &[
                    self.keys.worker(),
                    self.keys.versions(),
                    self.keys.refreshes(),
                ],
                &[worker.as_bytes(), &millis(time)],
            )
            .await?;
        if ours == 0 {
            return Ok(Election::Standby(Duration::from_millis(
                left.max(0).unsigned_abs(),
            )));
        }
        let known = Position::parse(&position)
            .filter(|_| !epoch.is_empty() && !log.is_empty())
            .map(|position| Known {
                epoch,
                position,
                log,
            });
        Ok(Election::Leading {
            lead: Lead {
                fence,
                token: format!("{fence}:{worker}"),
            },
            known,
            now: ServerTime(now),
        })
    }

    /// Holds the lease for another `time`; `false` means that it is lost.
    pub async fn renew(&self, lead: &Lead, time: Duration) -> Result<bool, CacheError> {
        let ours: u8 = self
            .cache
            .script(
                &OWNED,
                &[self.keys.worker()],
                &[lead.token.as_bytes(), &millis(time)],
            )
            .await?;
        Ok(ours == 1)
    }

    /// Tells which reports this worker refreshes, in the place of those told before: old entries of others are not
    /// served in the hope of it. `false` means that the lease is lost.
    pub async fn refreshes(
        &self,
        lead: &Lead,
        reports: impl IntoIterator<Item = &Report>,
    ) -> Result<bool, CacheError> {
        let ids: Vec<String> = reports.into_iter().map(Report::id).collect();
        let mut args = vec![lead.token.as_bytes()];
        args.extend(ids.iter().map(String::as_bytes));
        let ours: u8 = self
            .cache
            .script(
                &REFRESHES,
                &[self.keys.worker(), self.keys.refreshes()],
                &args,
            )
            .await?;
        Ok(ours == 1)
    }

    /// Gives the lease back; on-change entries are stale from now on ("no worker is watching").
    pub async fn resign(&self, lead: &Lead) -> Result<(), CacheError> {
        self.cache
            .script::<u8>(
                &RESIGN,
                &[
                    self.keys.worker(),
                    self.keys.versions(),
                    self.keys.refreshes(),
                ],
                &[lead.token.as_bytes(), lead.fence.to_string().as_bytes()],
            )
            .await?;
        Ok(())
    }

    /// Opens a new epoch: every on-change entry is stale until it is refilled, every table unknown until it is taken
    /// in. To be called at the start, after a gap, and after [`PublishError::Behind`].
    ///
    /// `as_of` is a moment (from an earlier answer of this protocol) since which the detector misses nothing;
    /// `valid_for` is how long a heartbeat vouches; `detector` is shown to people ("SQLite data_version, 50 ms"); `log`
    /// is the log that positions are of, for a later worker to go on in.
    pub async fn new_epoch(
        &self,
        lead: &Lead,
        position: Position,
        as_of: ServerTime,
        valid_for: Duration,
        detector: &str,
        log: Option<&str>,
    ) -> Result<(Epoch, ServerTime), PublishError> {
        let name = format!("{}-{:016x}", lead.fence, rand::random::<u64>());
        let (now, said): (u64, String) = self
            .cache
            .script(
                &EPOCH,
                &[self.keys.versions()],
                &[
                    lead.fence.to_string().as_bytes(),
                    name.as_bytes(),
                    position.as_str().as_bytes(),
                    as_of.0.to_string().as_bytes(),
                    &millis(valid_for),
                    detector.as_bytes(),
                    log.unwrap_or_default().as_bytes(),
                ],
            )
            .await?;
        opened(said, lead, name, position, now)
    }

    /// Goes on in an epoch that [`Election::Leading`] told of: only for a detector that reads `known.log` and continues
    /// at exactly `known.position`, having missed nothing. What is fresh in it stays fresh.
    pub async fn resume(
        &self,
        lead: &Lead,
        known: Known,
        as_of: ServerTime,
        valid_for: Duration,
        detector: &str,
    ) -> Result<(Epoch, ServerTime), PublishError> {
        let (now, said): (u64, String) = self
            .cache
            .script(
                &RESUME,
                &[self.keys.versions()],
                &[
                    lead.fence.to_string().as_bytes(),
                    known.epoch.as_bytes(),
                    known.position.as_str().as_bytes(),
                    as_of.0.to_string().as_bytes(),
                    &millis(valid_for),
                    detector.as_bytes(),
                ],
            )
            .await?;
        opened(said, lead, known.epoch, known.position, now)
    }

    /// Publishes what the detector came to know, atomically: `change` happened at `position`, and nothing else up to
    /// the moment `as_of` at which the detector *began* to look. Once per committed transaction; with
    /// [`Change::Nothing`] it is the heartbeat.
    ///
    /// The answer is the server's clock now: the `as_of` of the next observation, if that begins after this returns.
    /// So a worker that is paused between looking and publishing never vouches for the pause.
    pub async fn publish(
        &self,
        epoch: &mut Epoch,
        change: Change<'_>,
        position: &Position,
        as_of: ServerTime,
        valid_for: Duration,
    ) -> Result<ServerTime, PublishError> {
        let (verb, tables): (&str, &[String]) = match change {
            Change::Nothing => ("bump", &[]),
            Change::Tables(tables) => ("bump", tables),
            Change::All => ("bump_all", &[]),
        };
        self.say(epoch, verb, tables, position, as_of, valid_for)
            .await
    }

    /// Takes in tables (or [`crate::report::Dependencies::ANY`]) that the detector watches from now on; those already
    /// known keep their position. Entries that depend on an unknown table are stale.
    ///
    /// `position` vouches for every fill at or after it. A detector that sees every change of the source whatever the
    /// table may pass the current position; one that did not see these tables until now passes its next tick, because
    /// fills at the current position may have missed a change of them.
    pub async fn take_in(
        &self,
        epoch: &mut Epoch,
        tables: &[String],
        position: &Position,
        as_of: ServerTime,
        valid_for: Duration,
    ) -> Result<ServerTime, PublishError> {
        self.say(epoch, "take_in", tables, position, as_of, valid_for)
            .await
    }

    async fn say(
        &self,
        epoch: &mut Epoch,
        verb: &str,
        tables: &[String],
        position: &Position,
        as_of: ServerTime,
        valid_for: Duration,
    ) -> Result<ServerTime, PublishError> {
        let (fence, as_of, valid) = (
            epoch.lead.fence.to_string(),
            as_of.0.to_string(),
            millis(valid_for),
        );
        let mut args: Vec<&[u8]> = vec![
            fence.as_bytes(),
            epoch.name.as_bytes(),
            epoch.position.as_str().as_bytes(),
            position.as_str().as_bytes(),
            as_of.as_bytes(),
            &valid,
            verb.as_bytes(),
        ];
        args.extend(tables.iter().map(String::as_bytes));
        let (now, said): (u64, String) = self
            .cache
            .script(&PUBLISH, &[self.keys.versions()], &args)
            .await?;
        match said.as_str() {
            "ok" => {
                if *position > epoch.position {
                    epoch.position = position.clone();
                }
                Ok(ServerTime(now))
            }
            "behind" => Err(PublishError::Behind),
            // Emptied: neither fence nor epoch are there. The lease is gone with them, so this worker has to ask again.
            _ => Err(PublishError::Lost),
        }
    }

    /// The server's clock.
    pub async fn now(&self) -> Result<ServerTime, CacheError> {
        let (seconds, micros): (u64, u64) = self.cache.query(&redis::cmd("TIME")).await?;
        Ok(ServerTime(seconds * 1000 + micros / 1000))
    }

    /// Entries by recent requests, most asked first: each with about how many requests it had in the last hour
    /// (each request weighs 1 and fades by e per hour). Those nobody asked for in two days are dropped.
    pub async fn demand(&self) -> Result<Vec<(EntryKey, f64)>, CacheError> {
        let now = self.now().await?.0 as f64 / 3_600_000.0;
        let mut pipeline = redis::pipe();
        pipeline
            .cmd("ZREMRANGEBYSCORE")
            .arg(self.keys.demand())
            .arg("-inf")
            .arg(now - 48.0)
            .ignore();
        pipeline
            .cmd("ZREVRANGE")
            .arg(self.keys.demand())
            .arg(0)
            .arg(9999)
            .arg("WITHSCORES");
        let (rows,): (Vec<(String, f64)>,) = self.cache.small_pipeline(&pipeline).await?;
        Ok(rows
            .into_iter()
            .filter_map(|(hex, score)| Some((EntryKey::from_hex(&hex)?, (score - now).exp())))
            .collect())
    }

    /// The header of an entry, without a verdict and without counting as a request; `None` where there is none or it
    /// cannot be read.
    pub async fn header(&self, entry: &EntryKey) -> Result<Option<Header>, CacheError> {
        let fields: Vec<(Vec<u8>, Vec<u8>)> = self
            .cache
            .query(redis::cmd("HGETALL").arg(self.keys.header(entry)))
            .await?;
        Ok(Header::read(fields).ok())
    }
}

/// The epoch that a script opened, and when.
fn opened(
    said: String,
    lead: &Lead,
    name: String,
    position: Position,
    now: u64,
) -> Result<(Epoch, ServerTime), PublishError> {
    if said != "ok" {
        return Err(PublishError::Lost);
    }
    let epoch = Epoch {
        lead: lead.clone(),
        name,
        position,
    };
    Ok((epoch, ServerTime(now)))
}

pub(super) fn millis(time: Duration) -> Vec<u8> {
    (time.as_millis() as u64).to_string().into_bytes()
}
