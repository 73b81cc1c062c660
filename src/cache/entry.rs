//! The steps of a fill: begin, hold, commit; and moving chunks.

use std::sync::LazyLock;
use std::time::Duration;

use redis::Script;

use super::protocol::millis;
use super::{Cache, CacheError, ChunkInfo, Position, ServerTime, SourceKeys, chunk};
use crate::report::EntryKey;

static BEGIN: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/begin.lua")));
static COMMIT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/commit.lua")));
static OWNED: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/owned.lua")));
static DROP: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/drop.lua")));

/// How long the chunks of a replaced entry stay for whoever is in the middle of reading them.
const SUPERSEDED: Duration = Duration::from_mins(1);

/// What a fill has to know when it begins.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The server's clock.
    pub now: ServerTime,
    /// Whether the lock is ours. Without it somebody else is filling.
    pub ours: bool,
    /// The token of the process that holds the lock; empty where it is ours.
    pub(crate) holder: Vec<u8>,
    /// The epoch, empty where nobody watches.
    pub epoch: String,
    /// The applied position.
    pub position: Position,
}

/// An answer to be stored.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// The report's name.
    pub report: String,
    /// Parameters as JSON.
    pub params: String,
    /// Names the chunks.
    pub fill: String,
    /// Every chunk in order.
    pub chunks: Vec<ChunkInfo>,
    /// The payload where it is small enough to live in the header.
    pub inline: Option<Vec<u8>>,
    /// SHA-256 of the canonical CSV form.
    pub sha256: String,
    /// The final schema as an Arrow IPC stream.
    pub schema: Vec<u8>,
    /// Tables it depends on.
    pub tables: Vec<String>,
    /// Whether only a live detector can vouch for it.
    pub on_change: bool,
    /// What else the answer depends on that no detector sees: the clock, chance, a foreign table.
    pub unseen: Option<String>,
    /// How long the query took.
    pub query_time: Duration,
    /// Who wrote it and why.
    pub writer: String,
    /// Why it was refreshed, in one sentence, where whoever refreshed it told.
    pub because: Option<String>,
    /// What the database said besides the rows, one sentence each.
    pub notices: Vec<String>,
    /// Time until it is no longer fresh (jitter included).
    pub soft: Duration,
    /// Time until it is no longer served.
    pub hard: Duration,
}

/// What became of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// `false`: a newer answer is already there.
    pub stored: bool,
    /// A change was published while the query ran: refresh it again.
    pub born_stale: bool,
}

impl Cache {
    /// Begins a fill: tries the lock, tells epoch and position. The query's snapshot must be opened after this
    /// returns, and the catalogue that tells which tables it reads must be asked after it, too: what is redefined
    /// later than that has a later position.
    pub async fn begin(
        &self,
        keys: &SourceKeys,
        key: &EntryKey,
        token: &str,
        lock: Duration,
    ) -> Result<Begun, CacheError> {
        self.begin_or_take(keys, key, token, lock, false).await
    }

    /// Like [`Cache::begin`]; with `take` the lock is taken from its holder: for a request that has waited long enough.
    pub(crate) async fn begin_or_take(
        &self,
        keys: &SourceKeys,
        key: &EntryKey,
        token: &str,
        lock: Duration,
        take: bool,
    ) -> Result<Begun, CacheError> {
        let (now, got, epoch, position, holder): (u64, u8, String, String, Vec<u8>) = self
            .script(
                &BEGIN,
                &[keys.versions(), keys.lock(key)],
                &[token.as_bytes(), &millis(lock), flag(take)],
            )
            .await?;
        Ok(Begun {
            now: ServerTime(now),
            ours: got == 1,
            holder,
            epoch,
            position: Position::parse(&position).unwrap_or_else(Position::zero),
        })
    }

    /// Renews the fill lock; `false` means that it is no longer ours.
    pub async fn hold(
        &self,
        keys: &SourceKeys,
        key: &EntryKey,
        token: &str,
        lock: Duration,
    ) -> Result<bool, CacheError> {
        let ours: u8 = self
            .script(
                &OWNED,
                &[keys.lock(key)],
                &[token.as_bytes(), &millis(lock)],
            )
            .await?;
        Ok(ours == 1)
    }

    /// Gives the fill lock back without a result.
    pub async fn release(
        &self,
        keys: &SourceKeys,
        key: &EntryKey,
        token: &str,
    ) -> Result<(), CacheError> {
        self.script::<u8>(&OWNED, &[keys.lock(key)], &[token.as_bytes(), b"0"])
            .await?;
        Ok(())
    }

    /// Stores a header whose chunks are written, unless something newer is there; gives the lock back.
    pub async fn commit(
        &self,
        keys: &SourceKeys,
        key: &EntryKey,
        token: &str,
        begun: &Begun,
        entry: &NewEntry,
    ) -> Result<Committed, CacheError> {
        let mut names = vec![
            keys.versions(),
            keys.header(key),
            keys.lock(key),
            keys.failure(key),
        ];
        names.extend(entry.tables.iter().map(|table| keys.table(table)));
        let sum = |of: fn(&ChunkInfo) -> u64| entry.chunks.iter().map(of).sum::<u64>().to_string();
        let stored = if entry.inline.is_some() {
            0
        } else {
            entry.chunks.len()
        };
        let fields: Vec<(&str, Vec<u8>)> = vec![
            ("report", entry.report.clone().into_bytes()),
            ("params", entry.params.clone().into_bytes()),
            ("fill", entry.fill.clone().into_bytes()),
            ("chunks", stored.to_string().into_bytes()),
            (
                "index",
                entry
                    .chunks
                    .iter()
                    .map(ChunkInfo::line)
                    .collect::<Vec<_>>()
                    .join("\n")
                    .into_bytes(),
            ),
            ("rows", sum(|chunk| chunk.rows).into_bytes()),
            ("bytes", sum(|chunk| chunk.bytes).into_bytes()),
            ("raw", sum(|chunk| chunk.raw).into_bytes()),
            ("sha256", entry.sha256.clone().into_bytes()),
            ("schema", entry.schema.clone()),
            (
                "tables",
                serde_json::json!(entry.tables).to_string().into_bytes(),
            ),
            ("on_change", flag(entry.on_change).to_vec()),
            (
                "unseen",
                entry.unseen.clone().unwrap_or_default().into_bytes(),
            ),
            (
                "query_ms",
                format!("{:.3}", entry.query_time.as_secs_f64() * 1e3).into_bytes(),
            ),
            ("writer", entry.writer.clone().into_bytes()),
            (
                "because",
                entry.because.clone().unwrap_or_default().into_bytes(),
            ),
            (
                "notices",
                serde_json::json!(entry.notices).to_string().into_bytes(),
            ),
        ];
        let (soft, hard, member) = (
            millis(entry.soft),
            millis(entry.hard.max(Duration::from_millis(1))),
            key.hex(),
        );
        let mut args: Vec<&[u8]> = vec![
            token.as_bytes(),
            begun.epoch.as_bytes(),
            begun.position.as_str().as_bytes(),
            &soft,
            &hard,
            member.as_bytes(),
        ];
        for (name, value) in &fields {
            args.push(name.as_bytes());
            args.push(value);
        }
        if let Some(inline) = &entry.inline {
            args.push(b"inline");
            args.push(inline);
        }
        let (_, said, born_stale, old, old_chunks): (u64, String, u8, String, usize) =
            self.changing_script(&COMMIT, &names, &args).await?;
        let committed = Committed {
            stored: said == "stored",
            born_stale: born_stale == 1,
        };
        if committed.stored && old != entry.fill && !old.is_empty() && old_chunks > 0 {
            // Its chunks would go with their hard TTL anyway; this only gives the memory back sooner.
            let _ = self
                .expire_chunks(&old, old_chunks.min(100_000), SUPERSEDED)
                .await;
        }
        Ok(committed)
    }

    /// Drops an entry whose payload is missing or damaged, unless it was replaced meanwhile. `None` drops whatever
    /// is there: a header that cannot be read.
    pub async fn drop_entry(
        &self,
        keys: &SourceKeys,
        key: &EntryKey,
        fill: Option<&str>,
    ) -> Result<(), CacheError> {
        let (dropped, old, chunks): (u8, String, usize) = self
            .changing_script(
                &DROP,
                &[keys.header(key)],
                &[fill.unwrap_or("*").as_bytes()],
            )
            .await?;
        if dropped == 1 && !old.is_empty() && chunks > 0 {
            // Without a header they would stay until its hard expiry.
            let _ = self.expire_chunks(&old, chunks, SUPERSEDED).await;
        }
        Ok(())
    }

    /// Writes chunks from number `first` on; each ends by itself after `hard`.
    pub async fn write_chunks(
        &self,
        fill: &str,
        first: usize,
        chunks: &[Vec<u8>],
        hard: Duration,
    ) -> Result<(), CacheError> {
        let mut pipeline = redis::Pipeline::with_capacity(chunks.len());
        for (i, bytes) in chunks.iter().enumerate() {
            pipeline
                .cmd("SET")
                .arg(chunk(self.prefix(), fill, first + i))
                .arg(bytes)
                .arg("PX")
                .arg(millis(hard.max(Duration::from_millis(1))))
                .ignore();
        }
        self.bulk(&pipeline).await
    }

    /// Reads chunks; `None` for one that is gone.
    pub async fn read_chunks(
        &self,
        fill: &str,
        numbers: std::ops::Range<usize>,
    ) -> Result<Vec<Option<Vec<u8>>>, CacheError> {
        let mut pipeline = redis::Pipeline::with_capacity(numbers.len());
        for number in numbers {
            pipeline.cmd("GET").arg(chunk(self.prefix(), fill, number));
        }
        self.bulk(&pipeline).await
    }

    /// Whether every chunk is there, and the first one, in one round trip.
    pub async fn first_chunk(
        &self,
        fill: &str,
        chunks: usize,
    ) -> Result<(Option<Vec<u8>>, bool), CacheError> {
        let mut pipeline = redis::Pipeline::with_capacity(2);
        pipeline.cmd("GET").arg(chunk(self.prefix(), fill, 0));
        // One command for all of them: hundreds of answers would hold up the first page.
        let others = pipeline.cmd("EXISTS");
        for number in 0..chunks {
            others.arg(chunk(self.prefix(), fill, number));
        }
        let (first, there): (Option<Vec<u8>>, usize) = self.bulk(&pipeline).await?;
        Ok((first, there == chunks))
    }

    /// Whether every chunk is there.
    pub(crate) async fn has_chunks(&self, fill: &str, chunks: usize) -> Result<bool, CacheError> {
        let mut pipeline = redis::pipe();
        let exists = pipeline.cmd("EXISTS");
        for number in 0..chunks {
            exists.arg(chunk(self.prefix(), fill, number));
        }
        let (there,): (usize,) = self.bulk(&pipeline).await?;
        Ok(there == chunks)
    }

    /// Removes chunks.
    pub(crate) async fn drop_chunks(&self, fill: &str, chunks: usize) -> Result<(), CacheError> {
        let mut pipeline = redis::Pipeline::with_capacity(chunks);
        for number in 0..chunks {
            pipeline
                .cmd("DEL")
                .arg(chunk(self.prefix(), fill, number))
                .ignore();
        }
        self.bulk(&pipeline).await
    }

    /// Sets when chunks end; tells whether all of them were there.
    pub async fn expire_chunks(
        &self,
        fill: &str,
        chunks: usize,
        time: Duration,
    ) -> Result<bool, CacheError> {
        let mut pipeline = redis::Pipeline::with_capacity(chunks);
        for number in 0..chunks {
            pipeline
                .cmd("PEXPIRE")
                .arg(chunk(self.prefix(), fill, number))
                .arg(millis(time));
        }
        let replies: Vec<u8> = self.bulk(&pipeline).await?;
        Ok(replies.iter().all(|reply| *reply == 1))
    }
}

pub(super) fn flag(on: bool) -> &'static [u8] {
    if on { b"1" } else { b"0" }
}
