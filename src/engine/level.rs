//! The first level: which decoded answers does this process keep in its own memory, and when may one be used again?
//!
//! Rows are kept by their fill, which never changes. A verdict of fresh is kept beside them only where the server tells
//! of writes ([`crate::cache`]'s tracking connection), and used again without a round trip while nothing was written
//! to what it was computed from, its times are not over, and it is less than a minute old. Otherwise the read script
//! is asked again, as ever; where it names the same fill, the rows are not sent again. `docs/protocol.md` says what
//! that promises.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use hashlink::LruCache;
use parking_lot::Mutex;

use crate::cache::{
    Cache, Found, Header, KnownRows, Mark, Moment, ServerTime, SourceKeys, Verdict, payload,
};
use crate::report::{EntryKey, Refresh, Report};

/// A verdict is asked for anew at least this often: clocks drift apart, and one may be set.
const RECHECK: Duration = Duration::from_mins(1);
/// How long requests that were answered from memory wait until they are counted in `demand`.
const COUNT: Duration = Duration::from_secs(10);
/// One answer may take this share of the memory.
const SHARE: u64 = 4;
/// Verdicts on one entry, for different policies.
const POLICIES: usize = 8;
/// What a kept answer takes besides its rows, and each of its batches again.
const OVERHEAD: usize = 2048;

/// What an engine keeps in memory, see [`super::Engine::memory`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Nothing, for this reason.
    Off(String),
    /// Decoded answers.
    Keeps {
        /// How many.
        answers: usize,
        /// About how many bytes they take.
        bytes: u64,
    },
}

/// The decoded answers of this process, the least recently used ones given up first.
pub(super) struct Level {
    cache: Arc<Cache>,
    sources: Vec<SourceKeys>,
    budget: u64,
    kept: Mutex<Kept>,
}

struct Kept {
    answers: LruCache<EntryKey, Arc<Held>>,
    bytes: u64,
    /// Requests answered from memory that are not counted in Redis yet, by source.
    owed: HashMap<String, (SourceKeys, HashMap<EntryKey, u64>)>,
}

/// A decoded answer.
pub(super) struct Held {
    pub(super) schema: SchemaRef,
    pub(super) batches: Vec<RecordBatch>,
    pub(super) rows: u64,
    /// Bytes of its values as uncompressed Arrow.
    pub(super) bytes: u64,
    pub(super) sha256: String,
    pub(super) notices: Vec<String>,
    fill: String,
    inline: Vec<u8>,
    weight: u64,
    /// By policy: reports that ask the same question share an entry, and each may say something else of it.
    vouched: Mutex<Vec<Vouched>>,
}

/// A verdict of fresh, and until when it may be used again.
#[derive(Clone)]
struct Vouched {
    mark: Mark,
    /// A moment before the server gave it.
    since: Moment,
    holds_for: Duration,
    policy: Policy,
    now: ServerTime,
    created: ServerTime,
    soft: ServerTime,
    reason: Option<String>,
}

/// What a verdict depends on besides the entry: whether a detector has to vouch, and the report's TTL.
type Policy = (bool, Duration);

/// An answer from memory alone.
pub(super) struct Recalled {
    pub(super) held: Arc<Held>,
    pub(super) reason: Option<String>,
    pub(super) age: Duration,
    pub(super) ttl: Duration,
}

/// Taken before the cache is asked: what is known by then.
pub(super) struct Check {
    mark: Mark,
    since: Moment,
    held: Option<Arc<Held>>,
}

/// An answer that is kept as soon as its rows are there.
pub(super) struct Pending {
    level: Arc<Level>,
    key: EntryKey,
    held: Held,
}

impl Level {
    /// Keeps up to `budget` bytes.
    pub(super) fn new(cache: Arc<Cache>, sources: Vec<SourceKeys>, budget: u64) -> Arc<Self> {
        Arc::new(Self {
            cache,
            sources,
            budget,
            kept: Mutex::new(Kept {
                answers: LruCache::new_unbounded(),
                bytes: 0,
                owed: HashMap::new(),
            }),
        })
    }

    /// The answer, where it is in memory and certainly as fresh as the server would call it.
    pub(super) fn recall(
        self: &Arc<Self>,
        keys: &SourceKeys,
        key: &EntryKey,
        report: &Report,
    ) -> Option<Recalled> {
        let held = self.kept.lock().answers.get(key)?.clone();
        let vouched = held.vouched_for(policy(report))?;
        let passed = vouched.since.elapsed();
        let holds = passed < vouched.holds_for.min(RECHECK)
            && self.cache.tracking(&self.sources).holds(&vouched.mark);
        if !holds {
            return None;
        }
        self.owe(keys, key);
        let now = vouched.now.0 + passed.as_millis() as u64;
        Some(Recalled {
            held,
            reason: vouched.reason,
            age: Duration::from_millis(now.saturating_sub(vouched.created.0)),
            ttl: Duration::from_millis(vouched.soft.0.saturating_sub(now)),
        })
    }

    /// Before the cache is asked; `None` while nothing may be kept, because the server does not tell of writes.
    pub(super) fn check(
        &self,
        keys: &SourceKeys,
        key: &EntryKey,
        report: &Report,
    ) -> Option<Check> {
        let header = keys.header(key);
        // What no detector vouches for does not depend on the versions, which each heartbeat writes.
        let versions = if policy(report).0 {
            keys.versions()
        } else {
            header.clone()
        };
        let mark = self
            .cache
            .tracking(&self.sources)
            .mark([&versions, &header])?;
        let held = self.kept.lock().answers.get(key).cloned();
        Some(Check {
            mark,
            since: Moment::now(),
            held,
        })
    }

    /// The verdict on an entry that was found after `check`, for when its rows are known; `None` for one too large to
    /// keep. Rows that are kept already have the verdict from now on.
    pub(super) fn pending(
        self: &Arc<Self>,
        check: Check,
        key: EntryKey,
        report: &Report,
        header: &Header,
        found: &Found,
        reason: Option<String>,
    ) -> Option<Pending> {
        let vouched = (found.verdict == Verdict::Fresh).then(|| Vouched {
            mark: check.mark,
            since: check.since,
            holds_for: found.holds_for,
            policy: policy(report),
            now: found.now,
            created: header.created,
            soft: header.soft,
            reason,
        });
        if let Some(held) = check.held.filter(|held| held.fill == header.fill) {
            held.vouch(policy(report), vouched);
            return None;
        }
        let inline = header.inline.clone().unwrap_or_default();
        let weight = header.raw.max(header.bytes)
            + (inline.len() + header.schema.len() + (1 + header.chunks.len()) * OVERHEAD) as u64;
        let schema = payload::decode_schema(&header.schema).ok()?;
        (weight <= self.budget / SHARE).then(|| Pending {
            level: self.clone(),
            key,
            held: Held {
                schema,
                batches: Vec::new(),
                rows: header.rows,
                bytes: 0,
                sha256: header.sha256.clone(),
                notices: header.notices.clone(),
                fill: header.fill.clone(),
                inline,
                weight,
                vouched: Mutex::new(vouched.into_iter().collect()),
            },
        })
    }

    /// What is kept, and if nothing can be, why.
    pub(super) fn status(&self) -> Memory {
        if self.budget == 0 {
            return Memory::Off("memory of [cache] is 0, or this process does not stay".to_owned());
        }
        if let Some(problem) = self.cache.tracking_problem() {
            return Memory::Off(problem);
        }
        let kept = self.kept.lock();
        Memory::Keeps {
            answers: kept.answers.len(),
            bytes: kept.bytes,
        }
    }

    /// Whether anything may ever be kept.
    pub(super) fn is_on(&self) -> bool {
        self.budget > 0
    }

    fn keep(&self, key: EntryKey, held: Held) {
        let mut kept = self.kept.lock();
        kept.bytes += held.weight;
        if let Some(old) = kept.answers.insert(key, Arc::new(held)) {
            kept.bytes -= old.weight;
        }
        while kept.bytes > self.budget {
            let Some((_, oldest)) = kept.answers.remove_lru() else {
                break;
            };
            kept.bytes -= oldest.weight;
        }
    }

    /// Somebody asked and Redis does not know: it is told with others, soon.
    fn owe(self: &Arc<Self>, keys: &SourceKeys, key: &EntryKey) {
        let mut kept = self.kept.lock();
        let first = kept.owed.is_empty();
        let demand = keys.demand();
        let (_, requests) = kept
            .owed
            .entry(demand)
            .or_insert_with(|| (keys.clone(), HashMap::new()));
        *requests.entry(*key).or_default() += 1;
        if first {
            let level = Arc::downgrade(self);
            tokio::spawn(async move {
                tokio::time::sleep(COUNT).await;
                if let Some(level) = level.upgrade() {
                    level.count().await;
                }
            });
        }
    }

    /// Counts in Redis what was answered from memory. What cannot be counted now is lost: it only ranks entries.
    pub(super) async fn count(&self) {
        let owed = std::mem::take(&mut self.kept.lock().owed);
        for (keys, requests) in owed.into_values() {
            let requests: Vec<_> = requests.into_iter().collect();
            for some in requests.chunks(1000) {
                if let Err(problem) = self.cache.count(&keys, some).await {
                    tracing::debug!(%problem, "requests are not counted");
                }
            }
        }
    }
}

impl Held {
    fn vouched_for(&self, policy: Policy) -> Option<Vouched> {
        let vouched = self.vouched.lock();
        vouched.iter().find(|one| one.policy == policy).cloned()
    }

    fn vouch(&self, policy: Policy, new: Option<Vouched>) {
        let mut vouched = self.vouched.lock();
        vouched.retain(|one| one.policy != policy);
        if vouched.len() == POLICIES {
            vouched.remove(0);
        }
        vouched.extend(new);
    }
}

impl Check {
    /// The rows that need not be sent again.
    pub(super) fn known(&self) -> KnownRows<'_> {
        self.held
            .as_ref()
            .map_or_else(KnownRows::default, |held| KnownRows {
                fill: &held.fill,
                inline: &held.inline,
            })
    }

    /// The rows of this fill, where they are in memory.
    pub(super) fn rows_of(&self, header: &Header) -> Option<Arc<Held>> {
        self.held
            .as_ref()
            .filter(|held| held.fill == header.fill)
            .cloned()
    }
}

impl Pending {
    /// Every row is known and verified now.
    pub(super) fn keep(mut self, batches: Vec<RecordBatch>) {
        self.held.bytes = batches.iter().map(payload::raw_bytes).sum::<usize>() as u64;
        self.held.batches = batches;
        self.level.keep(self.key, self.held);
    }
}

fn policy(report: &Report) -> Policy {
    (report.refresh == Refresh::OnChange, report.ttl)
}
