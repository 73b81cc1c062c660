//! Everything that a schedule moves, and what each step does to it.

use std::rc::Rc;

use super::database::{Database, ENTRIES, names};
use super::detector::Kind;
use super::fill::Fill;
use super::reader::Counts;
use super::scripts::{Script, Scripts};
use super::step::{Call, Step};
use super::store::{Reply, Store, Text, int, text, text_of};
use super::variant::{Variant, scripts};
use super::worker::{AsOf, Worker};

/// How long the lease and a heartbeat last, in milliseconds.
pub(crate) const LEASE: u64 = 4000;
pub(crate) const VALID: u64 = 4000;

/// What the cache is believed to stand for; it goes back with the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ghost {
    /// What the stored heartbeat stands for.
    pub(super) heartbeat: AsOf,
    /// Who took the lease last.
    pub(crate) leader: Option<u32>,
}

#[derive(Clone)]
pub(crate) struct World {
    scripts: Rc<Scripts>,
    pub(crate) variant: Option<Variant>,
    pub(crate) store: Store,
    replica: Option<(Store, Ghost)>,
    pub(crate) database: Database,
    pub(crate) workers: Vec<Worker>,
    kinds: Vec<Kind>,
    pub(super) fills: Vec<Fill>,
    pub(crate) ghost: Ghost,
    /// How many workers there were, and how many fills.
    born: u32,
    pub(super) made: u32,
    /// How long a step takes, in milliseconds.
    pub(crate) pace: u64,
    pub(crate) counts: Counts,
    /// The promise that was broken.
    pub(crate) violation: Option<String>,
}

impl World {
    /// Compiles the scripts; [`World::anew`] needs no more than a moment.
    pub(crate) fn new(variant: Option<Variant>) -> Self {
        Self::with(Rc::new(scripts(variant)), variant, &[])
    }

    /// An empty world with a worker of each of these kinds.
    pub(crate) fn anew(&self, kinds: &[Kind]) -> Self {
        Self::with(self.scripts.clone(), self.variant, kinds)
    }

    fn with(scripts: Rc<Scripts>, variant: Option<Variant>, kinds: &[Kind]) -> Self {
        let workers = (1..).zip(kinds);
        Self {
            scripts,
            variant,
            store: Store::new(),
            replica: None,
            database: Database::default(),
            workers: workers.map(|(id, kind)| Worker::new(id, *kind)).collect(),
            kinds: kinds.to_vec(),
            fills: Vec::new(),
            ghost: Ghost::default(),
            born: kinds.len() as u32,
            made: 0,
            pace: 1,
            counts: Counts::default(),
            violation: None,
        }
    }

    /// What makes two worlds go on alike.
    pub(crate) fn state(&self) -> impl std::hash::Hash + '_ {
        (
            &self.store,
            &self.replica,
            &self.database,
            &self.workers,
            &self.fills,
            &self.ghost,
        )
    }

    /// Takes a step, and tells it in words.
    pub(crate) fn take_step(&mut self, step: Step) -> String {
        self.store.now += self.pace;
        let slot = |number: u8| usize::from(number) % self.workers.len().max(1);
        match step {
            Step::Commit { tables, late } => {
                if !self.database.commit(tables, late) {
                    return "nothing more is committed".into();
                }
                let visible = if late { "not visible yet" } else { "visible" };
                format!("a commit on {:?}, {visible}", names(tables))
            }
            Step::Show(which) => {
                let shown = self.database.show(which.into());
                format!("a commit becomes visible: {shown}")
            }
            Step::BeginLog => {
                self.database.begin_log();
                "the database begins a new log".into()
            }
            Step::Work(number, how) => self.work(slot(number), how),
            Step::Renew(number, call) => self.renew(slot(number), call),
            Step::TakeIn(number, tables) => self.take(slot(number), tables),
            Step::Crash(number) => {
                let slot = slot(number);
                self.born += 1;
                self.workers[slot] = Worker::new(self.born, self.kinds[slot]);
                format!("a worker dies; {} takes its place", self.born)
            }
            Step::Stop(number) => self.stop(slot(number)),
            Step::Blink(number) => {
                let slot = slot(number);
                self.workers[slot].blink();
                format!("the detector of slot {slot} loses track")
            }
            Step::Begin(entry) => self.begin(usize::from(entry) % ENTRIES.len()),
            Step::Snapshot(which) => self.snapshot(which.into()),
            Step::Store(which, call) => self.store_fill(which.into(), call),
            Step::Abandon(which) => match self.fill(which.into(), |_| true) {
                Some(index) => format!("a fill dies: {:?}", self.fills.remove(index)),
                None => "no fill dies".into(),
            },
            Step::Read => self.read_all(),
            Step::Pass(ms) => {
                self.store.now += u64::from(ms);
                format!("{ms} ms pass")
            }
            Step::SetClock(ms) => {
                self.store.now = self.store.now.saturating_add_signed(ms.into());
                format!("the clock is set by {ms} ms")
            }
            Step::Evict(which) => {
                let count = self.store.keys.len().max(1);
                let Some(key) = self.store.keys.keys().nth(usize::from(which) % count) else {
                    return "nothing is evicted".into();
                };
                let key = key.clone();
                self.store.keys.remove(&key);
                format!("{} is evicted", String::from_utf8_lossy(&key))
            }
            Step::Replicate => {
                self.replica = Some((self.store.clone(), self.ghost));
                "the replica catches up".into()
            }
            Step::FailOver => {
                let Some((store, ghost)) = self.replica.take() else {
                    return "there is no replica".into();
                };
                self.store.keys = store.keys;
                self.ghost = ghost;
                "the replica takes over".into()
            }
            Step::Flush => {
                self.store.keys.clear();
                self.ghost = Ghost::default();
                "the cache is emptied".into()
            }
        }
    }

    /// Runs a script as far as the call gets; `done` sees its answer even where nobody else does.
    pub(crate) fn ask(
        &mut self,
        call: Call,
        script: Script,
        keys: &[&str],
        args: &[&str],
        done: impl FnOnce(&mut Self, &Reply),
    ) -> Option<Reply> {
        if call == Call::NotSent {
            return None;
        }
        self.counts.calls += 1;
        let keys: Vec<Text> = keys.iter().map(|key| text(key)).collect();
        let args: Vec<Text> = args.iter().map(|arg| text(arg)).collect();
        let reply = self.scripts.run(&mut self.store, script, &keys, &args);
        if let Reply::Error(why) = &reply {
            panic!("{script:?} failed: {why}");
        }
        done(self, &reply);
        (call == Call::Answered).then_some(reply)
    }

    /// The clock as an answer told it.
    pub(crate) fn told(&self, reply: &Reply) -> AsOf {
        AsOf {
            ms: int(reply, 0) as u64,
            content: self.database.visible,
        }
    }

    /// Runs a script by which a worker vouches for what was visible at a moment.
    pub(crate) fn vouch(
        &mut self,
        worker: u32,
        call: Call,
        script: Script,
        args: &[&str],
        as_of: AsOf,
    ) -> Option<(String, AsOf)> {
        let before = self.heartbeat();
        let reply = self.ask(call, script, &["v"], args, |world, reply| {
            if *text_of(reply, 1) != *b"ok" {
                return;
            }
            if world.ghost.leader != Some(worker) {
                world.violation = Some(format!(
                    "worker {worker} published, and {:?} took the lease after it",
                    world.ghost.leader
                ));
            }
            if world.heartbeat() == Some(as_of.ms) {
                // Of two moments in one millisecond the later one counts.
                let same = before == Some(as_of.ms);
                let before = if same {
                    world.ghost.heartbeat.content
                } else {
                    0
                };
                world.ghost.heartbeat = AsOf {
                    ms: as_of.ms,
                    content: as_of.content | before,
                };
            }
        })?;
        let said = String::from_utf8_lossy(&text_of(&reply, 1)).into_owned();
        Some((said, self.told(&reply)))
    }

    /// The stored heartbeat.
    pub(super) fn heartbeat(&self) -> Option<u64> {
        let text = self.store.field(b"v", b"_hb")?;
        std::str::from_utf8(text).ok()?.parse().ok()
    }
}
