//! A worker of the model: `src/worker/watch.rs` cut into steps, between any two of which it can be paused or die.
//!
//! Each step is one script call or one look at the database, in the order in which the real one takes them.

use super::database::{ANY, Content, names};
use super::detector::{ALL, Detector, Kind, Observation};
use super::scripts::Script;
use super::step::{Call, How};
use super::store::{Reply, Text, int, text, text_of};
use super::variant::Variant;
use super::world::{LEASE, VALID, World};

/// What a worker was told by the server's clock, and what was visible when it was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct AsOf {
    pub(crate) ms: u64,
    pub(crate) content: Content,
}

/// What it does next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Next {
    Lead,
    Look,
    /// Reads the log, at least up to this position.
    See(u64),
    Act(Observation),
    /// An epoch is open: tables are taken in, then the observation that it was opened with is published.
    TakeIn(Option<Observation>),
    Resign,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Worker {
    /// Differs for every process.
    id: u32,
    pub(super) kind: Kind,
    pub(super) next: Next,
    fence: i64,
    /// `<fence>:<id>`, in the lease and with the versions.
    token: String,
    as_of: AsOf,
    vouched: AsOf,
    /// Epoch, position and log that the cache knew when it took the lease.
    known: Option<(Text, u64, u32)>,
    /// Name and the position published last.
    epoch: Option<(Text, u64)>,
    /// How many it opened.
    epochs: u32,
    position: u64,
    pending: Option<(u8, u64)>,
    taken: u8,
    pub(super) detector: Detector,
}

impl Worker {
    pub(crate) fn new(id: u32, kind: Kind) -> Self {
        Self {
            id,
            kind,
            next: Next::Lead,
            fence: 0,
            token: String::new(),
            as_of: AsOf::default(),
            vouched: AsOf::default(),
            known: None,
            epoch: None,
            epochs: 0,
            position: 0,
            pending: None,
            taken: 0,
            detector: Detector::default(),
        }
    }

    /// Its detector lost track: what it sees next begins anew.
    pub(crate) fn blink(&mut self) {
        self.detector = Detector::default();
    }

    fn looks(&self) -> bool {
        matches!(self.next, Next::Look | Next::See(_))
    }
}

/// A log's name, as `_l` holds it.
fn log_name(log: u32) -> String {
    format!("log{log}")
}

fn digits(position: u64) -> String {
    format!("{position:020}")
}

impl World {
    /// The worker's next step.
    pub(crate) fn work(&mut self, slot: usize, how: How) -> String {
        let mut worker = self.workers[slot].clone();
        let said = match worker.next.clone() {
            Next::Lead => self.lead(&mut worker, how),
            Next::Look => self.look(&mut worker, how),
            Next::See(_) if worker.kind == Kind::Session => self.see_visible(&mut worker),
            Next::See(target) => self.see(&mut worker, target),
            Next::Act(observation) => self.act(&mut worker, observation, how),
            Next::TakeIn(then) => {
                worker.next = then.map_or(Next::Look, Next::Act);
                self.take_in(&mut worker, TABLES_AT_FIRST, how.call)
            }
            Next::Resign => self.resign(&mut worker, how.call),
        };
        let said = format!("worker {} {said}", worker.id);
        self.workers[slot] = worker;
        said
    }

    fn lead(&mut self, worker: &mut Worker, how: How) -> String {
        let keys = ["w", "v", "r"];
        let id = worker.id.to_string();
        let asked = self.ask(
            how.call,
            Script::Lead,
            &keys,
            &[&id, &LEASE.to_string()],
            |world, reply| {
                if int(reply, 1) == 1 {
                    world.ghost.leader = Some(worker.id);
                }
            },
        );
        let Some(reply) = asked else {
            return "asks for the lease and hears nothing".into();
        };
        if int(&reply, 1) != 1 {
            return "stands by".into();
        }
        worker.fence = int(&reply, 2);
        worker.token = format!("{}:{}", worker.fence, worker.id);
        worker.as_of = self.told(&reply);
        worker.vouched = AsOf::default();
        (worker.epoch, worker.pending, worker.position, worker.taken) = (None, None, 0, 0);
        worker.next = Next::Look;
        let parse = |text: Text| std::str::from_utf8(&text).ok()?.parse().ok();
        let log = |name: Text| parse(name.strip_prefix(b"log")?.into());
        // A detector that has begun goes on from where it is, which may be before or after what is published.
        worker.known = match (parse(text_of(&reply, 4)), log(text_of(&reply, 5))) {
            (Some(position), Some(log)) if !worker.detector.begun && worker.kind == Kind::Log => {
                Some((text_of(&reply, 3), position, log as u32))
            }
            _ => None,
        };
        worker.detector.offered = worker
            .known
            .as_ref()
            .map(|(_, position, log)| (*log, *position));
        format!("leads under {}", worker.fence)
    }

    fn act(&mut self, worker: &mut Worker, observation: Observation, how: How) -> String {
        worker.next = Next::Look;
        let mut observation = observation;
        if self.variant == Some(Variant::NoEpochAfterGap)
            && worker.epoch.is_some()
            && matches!(observation, Observation::Gap { .. })
        {
            observation = Observation::Quiet;
        }
        if self.variant == Some(Variant::HeartbeatWithoutLook) {
            worker.as_of = AsOf {
                ms: self.store.now,
                content: self.database.visible,
            };
        }
        if let Observation::Gap { position } = observation {
            (worker.epoch, worker.known) = (None, None);
            return self.new_epoch(worker, position, how.call);
        }
        if observation == Observation::Blind {
            return self.vouch_for_nothing(worker, how.call);
        }
        if worker.epoch.is_none() {
            let log = worker.detector.log;
            return match worker.known.take().filter(|known| known.2 == log) {
                Some((name, position, _)) => {
                    worker.next = Next::TakeIn(Some(observation));
                    self.resume(worker, &name, position, how.call)
                }
                _ => {
                    let position = match observation {
                        Observation::Changed { position, .. } => position,
                        _ => None,
                    };
                    self.new_epoch(worker, position, how.call)
                }
            };
        }
        if let Observation::Changed { tables, position } = observation {
            worker.pending = Some(match worker.pending {
                Some((waiting, last)) => (waiting | tables, position.unwrap_or(last + 1).max(last)),
                None => (tables, position.unwrap_or(worker.position + 1)),
            });
        } else if worker.pending.is_none() && how.skip {
            return "has no need of a heartbeat".into();
        }
        self.publish(worker, how.call)
    }

    fn publish(&mut self, worker: &mut Worker, call: Call) -> String {
        let (tables, position) = worker.pending.unwrap_or((0, worker.position));
        let as_of = worker.as_of;
        let verb = if tables == ALL { "bump_all" } else { "bump" };
        match self.say(worker, call, verb, tables, position, as_of, VALID) {
            None => "publishes and hears nothing".into(),
            Some((said, now)) if said == "ok" => {
                worker.vouched = as_of;
                (worker.as_of, worker.position, worker.pending) = (now, position, None);
                format!(
                    "publishes {:?} at {position} as of {}",
                    names(tables),
                    as_of.ms
                )
            }
            Some((said, _)) => refused(worker, &said),
        }
    }

    fn vouch_for_nothing(&mut self, worker: &mut Worker, call: Call) -> String {
        let Some((_, position)) = worker.epoch else {
            return "has nothing to vouch for".into();
        };
        let vouched = worker.vouched;
        match self.say(worker, call, "bump", 0, position, vouched, 0) {
            None => "vouches for nothing and hears nothing".into(),
            Some((said, now)) if said == "ok" => {
                worker.as_of = now;
                "vouches for nothing".into()
            }
            Some((said, _)) => refused(worker, &said),
        }
    }

    /// Tables become known, as soon as somebody wants them.
    pub(crate) fn take(&mut self, slot: usize, tables: u8) -> String {
        let mut worker = self.workers[slot].clone();
        if !worker.looks() {
            return format!("worker {} takes in nothing now", worker.id);
        }
        let said = self.take_in(&mut worker, tables, Call::Answered);
        self.workers[slot] = worker;
        said
    }

    fn take_in(&mut self, worker: &mut Worker, tables: u8, call: Call) -> String {
        let new = tables & !worker.taken;
        let (Some((_, position)), None, true) = (&worker.epoch, worker.pending, new != 0) else {
            return "takes in nothing".into();
        };
        let (position, vouched) = (*position, worker.vouched);
        match self.say(worker, call, "take_in", new, position, vouched, VALID) {
            Some((said, _)) if said == "ok" => {
                worker.taken |= new;
                format!("takes in {:?} at {position}", names(new))
            }
            Some((said, _)) => refused(worker, &said),
            None => "takes in and hears nothing".into(),
        }
    }

    fn new_epoch(&mut self, worker: &mut Worker, position: Option<u64>, call: Call) -> String {
        let position = position.unwrap_or(match self.variant {
            Some(Variant::EpochPastTheLog) => worker.position + 1,
            _ => worker.position,
        });
        worker.epochs += 1;
        let name = format!("{}-{}-{}", worker.fence, worker.id, worker.epochs);
        let log = match worker.kind {
            Kind::Ticks => String::new(),
            Kind::Log => log_name(worker.detector.log),
            // Each session has a log of its own.
            Kind::Session => format!("session{}-{}", worker.id, worker.epochs),
        };
        let as_of = worker.as_of;
        let args = [
            &worker.token,
            &name,
            &digits(position),
            &as_of.ms.to_string(),
            &VALID.to_string(),
            "model",
            &log,
        ];
        let reply = self.vouch(worker.id, call, Script::Epoch, &args, as_of);
        worker.next = Next::TakeIn(None);
        let said = opened(worker, reply, text(&name), position);
        format!("{said} at {position} as of {}", as_of.ms)
    }

    fn resume(&mut self, worker: &mut Worker, name: &Text, position: u64, call: Call) -> String {
        let known = String::from_utf8_lossy(name).into_owned();
        let args = [
            &worker.token,
            &known,
            &digits(position),
            "0",
            &VALID.to_string(),
            "model",
        ];
        let nothing = AsOf::default();
        // The observation that is at hand began at this moment, and is published next.
        let began = worker.as_of;
        let reply = self.vouch(worker.id, call, Script::Resume, &args, nothing);
        let said = opened(worker, reply, name.clone(), position);
        (worker.as_of, worker.vouched) = (began, nothing);
        format!("goes on at {position}: {said}")
    }

    #[allow(clippy::too_many_arguments, reason = "the arguments of the script")]
    fn say(
        &mut self,
        worker: &mut Worker,
        call: Call,
        verb: &str,
        tables: u8,
        position: u64,
        as_of: AsOf,
        valid: u64,
    ) -> Option<(String, AsOf)> {
        let (name, published) = worker.epoch.clone()?;
        let name = String::from_utf8_lossy(&name).into_owned();
        let (published, at) = (digits(published), digits(position));
        let (ms, valid) = (as_of.ms.to_string(), valid.to_string());
        let mut args: Vec<&str> = vec![&worker.token, &name, &published, &at, &ms, &valid, verb];
        if verb != "bump_all" {
            args.extend(names(tables));
        }
        let reply = self.vouch(worker.id, call, Script::Publish, &args, as_of);
        if let (Some((said, _)), Some((_, published))) = (&reply, &mut worker.epoch)
            && said == "ok"
        {
            *published = position.max(*published);
        }
        reply
    }

    pub(crate) fn renew(&mut self, slot: usize, call: Call) -> String {
        let worker = &self.workers[slot];
        let (id, token) = (worker.id, worker.token.clone());
        if !worker.looks() {
            return format!("worker {id} renews nothing now");
        }
        let args = [token.as_str(), &LEASE.to_string()];
        match self.ask(call, Script::Owned, &["w"], &args, |_, _| ()) {
            Some(Reply::Int(1)) => format!("worker {id} renews its lease"),
            Some(_) => {
                self.workers[slot].next = Next::Resign;
                format!("worker {id} finds its lease lost")
            }
            None => format!("worker {id} renews and hears nothing"),
        }
    }

    /// It is told to stop, wherever it is.
    pub(crate) fn stop(&mut self, slot: usize) -> String {
        self.workers[slot].next = Next::Resign;
        format!("worker {} is told to stop", self.workers[slot].id)
    }

    fn resign(&mut self, worker: &mut Worker, call: Call) -> String {
        worker.next = Next::Lead;
        let token = worker.token.as_str();
        self.ask(call, Script::Resign, &["w", "v", "r"], &[token], |_, _| ());
        "resigns".into()
    }
}

/// What a worker takes in as soon as an epoch is open: the rest is asked for later.
const TABLES_AT_FIRST: u8 = 0b0011 | ANY;

/// What the answer of a script that opens an epoch means.
fn opened(worker: &mut Worker, reply: Option<(String, AsOf)>, name: Text, position: u64) -> String {
    match reply {
        None => {
            worker.next = Next::Look;
            "opens an epoch and hears nothing".into()
        }
        Some((said, now)) if said == "ok" => {
            let opened = format!("opens {}", String::from_utf8_lossy(&name));
            (worker.vouched, worker.as_of) = (worker.as_of, now);
            (worker.epoch, worker.position) = (Some((name, position)), position);
            (worker.pending, worker.taken) = (None, 0);
            opened
        }
        Some((said, _)) => refused(worker, &said),
    }
}

fn refused(worker: &mut Worker, said: &str) -> String {
    worker.epoch = None;
    worker.next = match said {
        "behind" => Next::Look,
        _ => Next::Resign,
    };
    format!("is refused: {said}")
}
