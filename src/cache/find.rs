//! Finding an entry: what is there, whether it is fresh, and why.

use std::sync::LazyLock;
use std::time::Duration;

use redis::Script;

use super::entry::flag;
use super::protocol::millis;
use super::{Cache, CacheError, Header, RefreshFailure, ServerTime, SourceKeys};
use crate::report::{EntryKey, Refresh, Report};

static READ: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("lua/demand.lua"),
        include_str!("lua/read.lua")
    ))
});
static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("lua/demand.lua"),
        include_str!("lua/count.lua")
    ))
});

/// The verdict on an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What the query would return now, within the detector's delay; or within its TTL where nobody watches.
    Fresh,
    /// Old.
    Stale,
    /// Nothing there, or nothing readable.
    Missing,
}

/// Why the verdict is what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is fresh, and a live detector vouches for it.
    Watched,
    /// It is fresh by its TTL alone.
    Unwatched,
    /// No change of its tables was seen, but its answer also depends on what no detector sees (the clock, chance): it
    /// is fresh by its TTL alone.
    Unseen(String),
    /// Its TTL is over.
    Expired,
    /// No worker is watching its source.
    NoWorker,
    /// Changes may have been missed since it was filled.
    Epoch,
    /// This table is not watched yet.
    Unknown(String),
    /// This table changed after it was filled.
    Changed(String),
    /// There is none.
    Absent,
    /// It cannot be read.
    Damaged,
}

impl Why {
    /// One clause for people.
    pub fn sentence(&self) -> String {
        match self {
            Self::Watched => "no change of its tables since it was filled".to_owned(),
            Self::Unwatched => "within its TTL; unwatched".to_owned(),
            Self::Unseen(what) => format!(
                "within its TTL; unwatched: no change of its tables, but its answer also depends on {what}, which no \
                 detector sees"
            ),
            Self::Expired => "its TTL is over".to_owned(),
            Self::NoWorker => "no worker is watching".to_owned(),
            Self::Epoch => "changes may have been missed since it was filled".to_owned(),
            Self::Unknown(table) if table.is_empty() => {
                "the tables it depends on are not known".to_owned()
            }
            Self::Unknown(table) if table == "*" => {
                "its source is not watched as a whole yet".to_owned()
            }
            Self::Unknown(table) => format!("the table {table} is not watched yet"),
            Self::Changed(table) if table == "*" => "something changed in its source".to_owned(),
            Self::Changed(table) => format!("the table {table} changed"),
            Self::Absent => "nothing cached".to_owned(),
            Self::Damaged => "the entry was damaged".to_owned(),
        }
    }
}

/// What [`Cache::find`] found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The server's clock.
    pub now: ServerTime,
    /// The verdict.
    pub verdict: Verdict,
    /// Its reason.
    pub why: Why,
    /// Whether a worker holds the source's lease that refreshes this report.
    pub worker: bool,
    /// Whether somebody is filling the entry.
    pub filling: bool,
    /// The detector that watches the source.
    pub detector: Option<String>,
    /// How long from the server's clock on a verdict of fresh stays true, unless something is written: until the soft
    /// expiry, and until the heartbeat no longer vouches where only a live detector can. Zero for any other verdict.
    pub holds_for: Duration,
    /// The header, unless missing.
    pub header: Option<Header>,
    /// When the detector began its last look that was published; `None` where nobody looks.
    pub heartbeat: Option<ServerTime>,
    /// The last failed refresh; `None` where none failed since an answer was stored.
    pub failure: Option<RefreshFailure>,
}

/// Rows that who asks has already: an entry of the same fill need not send them again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KnownRows<'a> {
    /// The fill, empty for none.
    pub(crate) fill: &'a str,
    /// The payload, where it is small enough to live in the header.
    pub(crate) inline: &'a [u8],
}

impl Cache {
    /// Reads an entry with its verdict in one round trip (a small answer's rows included).
    ///
    /// The report tells whether only a live detector can vouch (`on-change`); `count` that this is somebody's request.
    pub async fn find(
        &self,
        keys: &SourceKeys,
        key: &EntryKey,
        report: &Report,
        count: bool,
    ) -> Result<Found, CacheError> {
        self.find_more(keys, key, report, count, KnownRows::default())
            .await
    }

    /// Like [`Cache::find`]; the rows that are known already stay where they are.
    pub(crate) async fn find_more(
        &self,
        keys: &SourceKeys,
        key: &EntryKey,
        report: &Report,
        count: bool,
        known: KnownRows<'_>,
    ) -> Result<Found, CacheError> {
        type Reply = (
            u64,
            String,
            String,
            Vec<u8>,
            u8,
            u8,
            Vec<u8>,
            i64,
            Vec<(Vec<u8>, Vec<u8>)>,
            String,
            Vec<Option<Vec<u8>>>,
        );
        let watched = report.refresh == Refresh::OnChange;
        let (
            now,
            verdict,
            why,
            table,
            worker,
            filling,
            detector,
            until_beat,
            mut header,
            heartbeat,
            failure,
        ): Reply = self
            .script(
                &READ,
                &[
                    keys.versions(),
                    keys.header(key),
                    keys.demand(),
                    keys.worker(),
                    keys.lock(key),
                    keys.refreshes(),
                    keys.failure(key),
                ],
                &[
                    flag(watched),
                    key.hex().as_bytes(),
                    flag(count),
                    report.id().as_bytes(),
                    &millis(report.ttl),
                    known.fill.as_bytes(),
                ],
            )
            .await?;
        // The script blanked what is known, and only that.
        if let Some((_, inline)) = header.iter_mut().find(|(name, _)| name == b"inline")
            && inline.is_empty()
        {
            *inline = known.inline.to_vec();
        }
        let table = || String::from_utf8_lossy(&table).into_owned();
        let why = match why.as_str() {
            "" if watched => Why::Watched,
            "" => Why::Unwatched,
            "ttl" => Why::Expired,
            "unwatched" => Why::NoWorker,
            "epoch" => Why::Epoch,
            "unknown" => Why::Unknown(table()),
            "changed" => Why::Changed(table()),
            "absent" => Why::Absent,
            _ => Why::Damaged,
        };
        let verdict = match verdict.as_str() {
            "fresh" => Verdict::Fresh,
            "stale" => Verdict::Stale,
            _ => Verdict::Missing,
        };
        let mut found = Found {
            now: ServerTime(now),
            verdict,
            why,
            worker: worker == 1,
            filling: filling == 1,
            detector: Some(String::from_utf8_lossy(&detector).into_owned())
                .filter(|name| !name.is_empty()),
            holds_for: Duration::ZERO,
            header: None,
            heartbeat: heartbeat.parse().ok().map(ServerTime),
            failure: RefreshFailure::read(&failure),
        };
        if found.verdict != Verdict::Missing {
            match Header::read(header) {
                Ok(mut header) => {
                    let own = header
                        .created
                        .0
                        .saturating_add(report.ttl.as_millis() as u64);
                    header.soft.0 = header.soft.0.min(own);
                    if let (Why::Watched, Some(unseen)) = (&found.why, &header.unseen) {
                        found.why = Why::Unseen(unseen.clone());
                    }
                    if found.verdict == Verdict::Fresh {
                        let mut end = header.soft.0;
                        if watched {
                            end = end.min(u64::try_from(until_beat).unwrap_or_default());
                        }
                        // `now` is cut to the millisecond: it may be later than it says by almost one.
                        found.holds_for =
                            Duration::from_millis(end.saturating_sub(now).saturating_sub(1));
                    }
                    found.header = Some(header);
                }
                Err(damage) => {
                    tracing::warn!(key = %key, %damage, "entry is damaged");
                    found.verdict = Verdict::Missing;
                    found.why = Why::Damaged;
                }
            }
        }
        Ok(found)
    }

    /// Counts requests that were answered without asking the cache.
    pub(crate) async fn count(
        &self,
        keys: &SourceKeys,
        requests: &[(EntryKey, u64)],
    ) -> Result<(), CacheError> {
        let args: Vec<Vec<u8>> = requests
            .iter()
            .flat_map(|(key, n)| [key.hex().into_bytes(), n.to_string().into_bytes()])
            .collect();
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        self.script::<u8>(&COUNT, &[keys.demand()], &args).await?;
        Ok(())
    }
}
