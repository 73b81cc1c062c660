//! Everything that can happen, one step each, and the oracle that judges each answer that is called fresh.

use std::rc::Rc;

use super::database::{Content, Database, ENTRIES, concerns, names};
use super::scripts::{Script, Scripts};
use super::store::{Reply, Store, Text};
pub(crate) use super::variant::Variant;
use super::variant::scripts;
use super::worker::{AsOf, How, Kind, Worker, bulk, int};

/// How long the lease and a heartbeat last, in milliseconds.
pub(crate) const LEASE: u64 = 4000;
pub(crate) const VALID: u64 = 4000;
/// How long a fill lock and an entry last.
const LOCK: &str = "5000";
const TTL: &str = "3600000";
const HARD: &str = "7200000";

/// What becomes of a call to the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Call {
    #[default]
    Answered,
    /// It is done, and the connection breaks before the answer.
    AnswerLost,
    /// It never arrives.
    NotSent,
}

/// What can happen. Numbers choose among what there is; what does not apply does nothing, so that any part of a schedule
/// is a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Commit {
        tables: u8,
        late: bool,
    },
    Show(u8),
    BeginLog,
    Work(u8, How),
    Renew(u8, Call),
    TakeIn(u8, u8),
    /// The worker dies; another process takes its place.
    Crash(u8),
    Stop(u8),
    Blink(u8),
    /// A fill reads epoch and position.
    Begin(u8),
    Snapshot(u8),
    Store(u8, Call),
    /// A fill dies.
    Abandon(u8),
    Read,
    Pass(u32),
    SetClock(i32),
    Evict(u8),
    /// The replica catches up.
    Replicate,
    /// The replica takes over: what was written since it caught up is lost.
    FailOver,
    Flush,
}

/// What the cache is believed to stand for; it goes back with the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ghost {
    /// What the stored heartbeat stands for.
    heartbeat: AsOf,
    /// Who took the lease last.
    pub(crate) leader: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Fill {
    entry: usize,
    token: Text,
    begun: Option<(Text, Text)>,
    content: Option<Content>,
}

impl Fill {
    fn is_ready(&self) -> bool {
        self.begun.is_some() && self.content.is_some()
    }
}

/// How often what was found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) calls: u64,
    pub(crate) fresh: u64,
    /// Those of them that hold a commit.
    pub(crate) fresh_after_change: u64,
    pub(crate) stale: u64,
    pub(crate) missing: u64,
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
    fills: Vec<Fill>,
    pub(crate) ghost: Ghost,
    /// How many workers there were, and how many fills.
    born: u32,
    made: u32,
    /// How long a step takes, in milliseconds.
    pub(crate) pace: u64,
    pub(crate) counts: Counts,
    /// The promise that was broken.
    pub(crate) violation: Option<String>,
}

pub(crate) fn text(text: &str) -> Text {
    text.as_bytes().into()
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
            if *bulk(reply, 1) != *b"ok" {
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
        let said = String::from_utf8_lossy(&bulk(&reply, 1)).into_owned();
        Some((said, self.told(&reply)))
    }

    fn heartbeat(&self) -> Option<u64> {
        let text = self.store.field(b"v", b"_hb")?;
        std::str::from_utf8(text).ok()?.parse().ok()
    }

    /// One of the fills that are so far.
    fn fill(&self, which: usize, is: impl Fn(&Fill) -> bool) -> Option<usize> {
        let fit: Vec<usize> = (0..self.fills.len())
            .filter(|index| is(&self.fills[*index]))
            .collect();
        fit.get(which % fit.len().max(1)).copied()
    }

    fn begin(&mut self, entry: usize) -> String {
        if self.fills.len() == 4 {
            return "no more fills".into();
        }
        self.made += 1;
        let mut fill = Fill {
            entry,
            token: text(&format!("fill{}", self.made)),
            begun: None,
            content: None,
        };
        let first = if self.variant == Some(Variant::PositionAfterSnapshot) {
            fill.content = Some(self.database.visible);
            "a snapshot".to_owned()
        } else {
            self.read_position(&mut fill)
        };
        self.fills.push(fill);
        format!("a fill of entry {entry} begins: {first}")
    }

    /// Correctness never rests on the lock: a fill that does not get it goes on all the same.
    fn read_position(&mut self, fill: &mut Fill) -> String {
        let lock = format!("l{}", fill.entry);
        let token = String::from_utf8_lossy(&fill.token).into_owned();
        let args = [token.as_str(), LOCK];
        let asked = self.ask(
            Call::Answered,
            Script::Begin,
            &["v", &lock],
            &args,
            |_, _| (),
        );
        let reply = asked.expect("it was answered");
        let (epoch, position) = (bulk(&reply, 2), bulk(&reply, 3));
        let said = format!(
            "epoch {:?}, position {:?}",
            String::from_utf8_lossy(&epoch),
            String::from_utf8_lossy(&position)
        );
        let position = if position.is_empty() {
            text(&format!("{:020}", 0))
        } else {
            position
        };
        fill.begun = Some((epoch, position));
        said
    }

    fn snapshot(&mut self, which: usize) -> String {
        let Some(index) = self.fill(which, |fill| !fill.is_ready()) else {
            return "no fill opens a snapshot".into();
        };
        let mut fill = self.fills[index].clone();
        let said = if fill.begun.is_none() {
            self.read_position(&mut fill)
        } else {
            fill.content.get_or_insert(self.database.visible);
            "opens its snapshot".to_owned()
        };
        let said = format!("the fill of entry {} {said}", fill.entry);
        self.fills[index] = fill;
        said
    }

    fn store_fill(&mut self, which: usize, call: Call) -> String {
        let Some(index) = self.fill(which, Fill::is_ready) else {
            return "no fill ends".into();
        };
        let fill = self.fills.remove(index);
        let (Some((epoch, position)), Some(content)) = (fill.begun, fill.content) else {
            unreachable!("it is ready");
        };
        self.made += 1;
        let (header, lock) = (format!("e{}", fill.entry), format!("l{}", fill.entry));
        let tables = names(ENTRIES[fill.entry]);
        let sets: Vec<String> = tables.iter().map(|table| format!("t:{table}")).collect();
        let mut keys = vec!["v", &header, &lock];
        keys.extend(sets.iter().map(String::as_str));
        let utf8 = |text: &Text| String::from_utf8_lossy(text).into_owned();
        let (token, epoch, position) = (utf8(&fill.token), utf8(&epoch), utf8(&position));
        // The fill's name tells what it holds.
        let name = format!("{content:016x}{:08x}", self.made);
        let tables = serde_json::json!(tables).to_string();
        #[rustfmt::skip]
        let args = [
            &token, &epoch, &position, TTL, HARD, &header,
            "fill", &name, "chunks", "0", "tables", &tables, "on_change", "1",
        ];
        match self.ask(call, Script::Commit, &keys, &args, |_, _| ()) {
            None => format!("a fill of {header} is stored and hears nothing"),
            Some(reply) => format!(
                "a fill of {header} at {position} in {epoch:?} is {}, born stale: {}",
                utf8(&bulk(&reply, 1)),
                int(&reply, 2)
            ),
        }
    }

    /// Every entry is asked for, and judged.
    pub(crate) fn read_all(&mut self) -> String {
        let verdicts: Vec<String> = (0..ENTRIES.len())
            .map(|entry| self.read(entry, "1"))
            .collect();
        format!("read: {}", verdicts.join(", "))
    }

    /// Every entry is judged, without leaving a trace of it.
    pub(crate) fn look_at_all(&mut self) {
        for entry in 0..ENTRIES.len() {
            self.read(entry, "0");
        }
    }

    fn read(&mut self, entry: usize, counts: &str) -> String {
        let (header, lock) = (format!("e{entry}"), format!("l{entry}"));
        let keys = ["v", &header, "d", "w", &lock, "r"];
        let args = ["1", &header, counts, "report", TTL];
        let asked = self.ask(Call::Answered, Script::Read, &keys, &args, |_, _| ());
        let reply = asked.expect("it was answered");
        let (verdict, why) = (bulk(&reply, 1), bulk(&reply, 2));
        match &*verdict {
            b"fresh" => {
                self.counts.fresh += 1;
                self.judge(entry, &reply);
            }
            b"stale" => self.counts.stale += 1,
            _ => self.counts.missing += 1,
        }
        let utf8 = String::from_utf8_lossy;
        format!("{header} is {} {}", utf8(&verdict), utf8(&why))
            .trim_end()
            .to_owned()
    }

    /// The oracle.
    fn judge(&mut self, entry: usize, reply: &Reply) {
        let fill = self
            .store
            .field(format!("e{entry}").as_bytes(), b"fill")
            .expect("what is fresh is there");
        let fill = std::str::from_utf8(fill).unwrap();
        let content = Content::from_str_radix(&fill[..16], 16).unwrap();
        let heartbeat = self.ghost.heartbeat;
        let now = int(reply, 0) as u64;
        if self.heartbeat() != Some(heartbeat.ms) || now.saturating_sub(heartbeat.ms) > VALID {
            self.violation = Some(format!(
                "e{entry} is called fresh at {now} by the heartbeat {:?}, and the last true one is {}",
                self.heartbeat(),
                heartbeat.ms
            ));
            return;
        }
        if concerns(ENTRIES[entry], self.database.changed(0, content)) {
            self.counts.fresh_after_change += 1;
        }
        let lacking = self.database.changed(content, heartbeat.content);
        if concerns(ENTRIES[entry], lacking) {
            self.violation = Some(format!(
                "e{entry} is called fresh as of {}, and lacks a commit on {:?} that was visible then",
                heartbeat.ms,
                names(lacking)
            ));
        }
    }
}
