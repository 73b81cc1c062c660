//! The database, the cache and what was seen of them, one step after the other.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use lookaside::detector;
use lookaside::engine::{Caller, Engine};
use lookaside::report::{Params, Report};
use lookaside::source::{self, Query};
use lookaside::workspace::Workspace;
use parking_lot::Mutex;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio_util::sync::CancellationToken;

use super::super::history::{History, State};
use super::super::{PATIENCE, now};
use super::figures::Figures;
use super::plan::Step;
use super::reader::{self, Answer, Reader, Seen};
use super::{Changing, Plan};
use crate::servers::Redis;

/// The database, the cache and a worker, with what was seen.
pub(super) struct Run<D> {
    pub(super) database: D,
    workspace: Workspace,
    history: History<Answer>,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// The newest heartbeat of each source that a reader saw.
    beats: Arc<Mutex<BTreeMap<String, u64>>>,
    pub(super) figures: Figures,
    /// The stated delay of each source's detector in milliseconds, and what it says it cannot see.
    stated: BTreeMap<String, (u64, String)>,
    pub(super) file: PathBuf,
    redis: Redis,
    _folder: tempfile::TempDir,
}

impl<D: Changing> Run<D> {
    pub(super) async fn new(database: D, plan: Plan) -> Self {
        let redis = Redis::start();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lookaside.toml");
        let mut text = format!("[cache]\nurl = \"{}\"\n", redis.url());
        for (name, lines) in database.sources() {
            writeln!(text, "\n[sources.{name}]\n{lines}").unwrap();
        }
        for (source, name, lines, sql) in database.reports() {
            writeln!(
                text,
                "\n[[reports]]\nname = \"{source} {name}\"\nsource = \"{source}\"\nttl = \"4h\"\n\
                 refresh = \"on-change\"\n{lines}\nsql = '''{sql}'''"
            )
            .unwrap();
        }
        std::fs::write(&file, text).unwrap();
        let workspace = Workspace::load(&file).unwrap();
        let mut stated = BTreeMap::new();
        for (name, config) in &workspace.sources {
            let about = detector::about(config, &source::open(config).unwrap()).await;
            println!(
                "{name}: {}, {:?}; cannot see {:?}",
                about.name, about.delay, about.blind_spots
            );
            let delay = u64::try_from(about.delay.as_millis()).unwrap();
            stated.insert(name.clone(), (delay, about.blind_spots.join("; ")));
        }
        let mut run = Self {
            database,
            workspace,
            history: History::default(),
            seen: Arc::default(),
            beats: Arc::default(),
            figures: Figures::new(D::NAME, plan.seed),
            stated,
            file,
            redis,
            _folder: folder,
        };
        run.look("the beginning".to_owned(), now(), false).await;
        run
    }

    pub(super) fn reader(&self, stays: bool, behind: u64, seed: u64) -> Reader {
        let sources = source::open_all(&mut self.workspace.clone());
        let caller = if stays { Caller::Window } else { Caller::Cli };
        Reader {
            engine: Engine::new(&self.workspace, sources, caller, stays),
            client: redis::Client::open(self.redis.url()).unwrap(),
            reports: self
                .workspace
                .reports
                .iter()
                .cloned()
                .map(Arc::new)
                .collect(),
            behind,
            random: StdRng::seed_from_u64(seed),
            seen: self.seen.clone(),
            beats: self.beats.clone(),
        }
    }

    /// Waits until half of the reports were called fresh, so that changes meet entries.
    pub(super) async fn wait_for_fresh(&mut self) {
        let began = Instant::now();
        while self.figures.proven(1, 1) * 2 < self.workspace.reports.len() {
            assert!(
                began.elapsed() < PATIENCE,
                "too few reports become fresh: {}",
                self.figures
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
            self.judge();
        }
    }

    /// Waits until the detectors have looked after the newest change and each report was asked for after that, unless
    /// that takes long: a detector that lost its connection needs its time.
    pub(super) async fn wait_for_heartbeats(&self) {
        const LONGEST: Duration = Duration::from_secs(4);
        let changed = self.history.last().ended;
        let looked = |beats: &BTreeMap<String, u64>| {
            let source = |source| beats.get(source).copied().unwrap_or(0);
            self.stated
                .iter()
                .all(|(name, (delay, _))| source(name) > changed + delay)
        };
        let began = Instant::now();
        while began.elapsed() < LONGEST && !looked(&self.beats.lock()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let enough = self.seen.lock().len() + 2 * self.workspace.reports.len();
        while began.elapsed() < LONGEST && self.seen.lock().len() < enough {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Makes the changes of a step.
    pub(super) async fn step(&mut self, step: &Step) {
        let named = |words| self.stated.values().all(|(_, spots)| spots.contains(words));
        let blind = step.blind.as_deref().is_some_and(named);
        self.database.begin().await;
        let last = step.statements.len() - 1;
        for (i, statement) in step.statements.iter().enumerate() {
            let began = now();
            let done = self.database.change(statement, step.lasting).await;
            self.look(
                format!("{}: {statement}", step.kind),
                began,
                blind && i < last,
            )
            .await;
            let counts = self.figures.changes.entry(step.kind.clone()).or_default();
            match done {
                Ok(()) => counts.0 += 1,
                Err(why) => {
                    counts.1 += 1;
                    println!("refused: {statement}: {why}");
                    break;
                }
            }
        }
    }

    /// Notes what new sessions answer after a change.
    async fn look(&mut self, change: String, began: u64, blind: bool) {
        let ended = now();
        let accounts = self.workspace.sources.values().map(async |config| {
            let source = source::open(config).unwrap();
            let mut answers = Vec::new();
            for report in self
                .workspace
                .reports
                .iter()
                .filter(|report| report.source == config.name)
            {
                let rows = source.run(query(report), CancellationToken::new()).await;
                let table = match rows {
                    Ok(rows) => rows.stream.collect().await.ok(),
                    Err(_) => None,
                };
                answers.push((
                    report.name.clone(),
                    table.map(|table| reader::written(&table)),
                ));
            }
            answers
        });
        let truth = join_all(accounts).await.into_iter().flatten().collect();
        self.history.push(State {
            began,
            ended,
            change,
            blind,
            truth,
        });
    }

    /// Judges what was seen so far; no change is under way.
    pub(super) fn judge(&mut self) {
        for seen in std::mem::take(&mut *self.seen.lock()) {
            let source = self
                .workspace
                .report(&seen.report)
                .map(|report| &report.source);
            let delay = source.map_or(0, |source| self.stated[source].0);
            self.figures.judge(seen, &self.history, delay);
        }
    }
}

fn query(report: &Report) -> Query {
    Query {
        sql: report.sql.clone(),
        params: Params::default(),
        timeout: None,
        trusted: false,
    }
}
