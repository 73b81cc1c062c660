//! Random changes of rows, schema, roles and settings beside readers, under an oracle: an answer that is called fresh
//! equals what a new session of the same account returned at some moment between the heartbeat that vouched for it, less
//! the detector's stated delay, and its end. An answer that the database gave now equals what a new session returned
//! while it ran: a session that is kept must not keep old settings.
//!
//! `LOOKASIDE_ORACLE_SECONDS` (20 by default) and `LOOKASIDE_ORACLE_SEED` (1) choose how long, and which changes. The long
//! run, with its figures:
//!
//! ```text
//! LOOKASIDE_ORACLE_SECONDS=600 LOOKASIDE_ORACLE_SEED=7 \
//!     cargo nextest run --no-capture -E 'test(/^oracle::changes::.*random_changes/)'
//! ```
//!
//! | file | contains |
//! | --- | --- |
//! | `plan.rs` | the scripts of changes, and rounds of them |
//! | `run.rs` | the database, the cache and what was seen, step by step |
//! | `reader.rs` | requests, and what each answer claims |
//! | `figures.rs` | the judgement of each answer, and counts |
//! | `settings.rs` | settings of the servers that decide answers |
//! | `postgres.rs`, `postgres_setup.rs`, `postgres_kinds.rs`, `postgres_rights.rs` | reports, tables and changes of PostgreSQL |
//! | `mariadb.rs`, `mariadb_setup.rs`, `mariadb_kinds.rs` | those of MariaDB |
//! | `sqlite.rs` | those of SQLite |

mod figures;
mod mariadb;
mod mariadb_kinds;
mod mariadb_setup;
mod plan;
mod postgres;
mod postgres_kinds;
mod postgres_rights;
mod postgres_setup;
mod reader;
mod run;
mod settings;
mod sqlite;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::WorkerProcess;
use figures::Figures;
use plan::Kind;
use reader::Claim;
use run::Run;

/// How far the memory of a process may be behind the cache, as `docs/protocol.md` promises, in milliseconds.
const MEMORY_BEHIND: u64 = 1000;
/// A run of at least so many seconds must prove something of most reports and kinds of change.
const LONG: u64 = 300;

/// A database that is changed at random.
#[async_trait]
trait Changing: Send {
    /// Its name in the figures.
    const NAME: &'static str;

    /// Its accounts: the name of each source and the lines of its configuration.
    fn sources(&self) -> Vec<(&'static str, String)>;
    /// The reports: source, name, further lines of its configuration, SQL. Each orders its rows.
    fn reports(&self) -> Vec<(&'static str, &'static str, &'static str, &'static str)>;
    /// The kinds of change of one round.
    fn kinds(&self, random: &mut StdRng) -> Vec<Kind>;
    /// Begins a step in a new session, which is not the one that lasts.
    async fn begin(&mut self);
    /// Runs a statement and waits until every new session sees what it did.
    async fn change(&mut self, statement: &str, lasting: bool) -> Result<(), String>;
}

/// How long and with which seed.
#[derive(Clone, Copy)]
struct Plan {
    seconds: u64,
    seed: u64,
}

impl Plan {
    /// What the environment asks for.
    fn of_the_environment() -> Self {
        let number = |name: &str, default| {
            let text = std::env::var(name).ok();
            text.map_or(default, |text| text.parse().expect("a whole number"))
        };
        Self {
            seconds: number("LOOKASIDE_ORACLE_SECONDS", 20),
            seed: number("LOOKASIDE_ORACLE_SEED", 1),
        }
    }

    /// Pauses after a change: mostly shortly, so that changes come close together; often until a detector that missed
    /// the change must have vouched for an answer that is not true any more.
    async fn pause<D: Changing>(self, random: &mut StdRng, run: &Run<D>) {
        let rests = if self.seconds < LONG { 0.2 } else { 0.6 };
        if random.random_bool(rests) {
            run.wait_for_heartbeats().await;
        } else {
            let pause = random.random_range(0..100);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }
}

/// Changes the database at random for as long as the plan says, and judges every answer.
async fn run<D: Changing>(database: D, plan: Plan) -> Figures {
    let mut run = Run::new(database, plan).await;
    let _worker = WorkerProcess::start(&run.file);
    let stop = CancellationToken::new();
    let mut readers = JoinSet::new();
    for (stays, behind) in [(false, 0), (true, MEMORY_BEHIND)] {
        readers.spawn(run.reader(stays, behind, plan.seed).run(stop.clone()));
    }
    run.wait_for_fresh().await;
    let mut random = StdRng::seed_from_u64(plan.seed);
    let began = Instant::now();
    'rounds: loop {
        let kinds = run.database.kinds(&mut random);
        for step in plan::round(&mut random, &kinds) {
            run.step(&step).await;
            plan.pause(&mut random, &run).await;
            run.judge();
            if began.elapsed().as_secs() >= plan.seconds {
                break 'rounds;
            }
        }
    }
    run.figures.took = began.elapsed();
    stop.cancel();
    while let Some(reader) = readers.join_next().await {
        reader.unwrap();
    }
    run.judge();
    println!("{}", run.figures);
    run.figures
}

/// Runs by the environment's plan: nothing may be wrong, and something must have been proven.
async fn run_and_expect_none_wrong<D: Changing>(database: D) {
    let plan = Plan::of_the_environment();
    let figures = run(database, plan).await;
    assert!(figures.wrong.is_empty(), "{figures}");
    let fresh = figures.claimed(Claim::Fresh);
    assert!(fresh >= 200, "{fresh} fresh answers prove little");
    if plan.seconds >= LONG {
        let (proven, all) = (figures.proven(50, 3), figures.reports.len());
        assert!(
            proven * 2 >= all,
            "{proven} of {all} reports were proven: {figures}"
        );
        let never = figures
            .changes
            .iter()
            .find(|(_, (applied, _))| *applied == 0);
        assert!(never.is_none(), "{never:?} was never applied");
    }
}
