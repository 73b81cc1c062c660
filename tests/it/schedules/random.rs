//! Random schedules, each from its number alone; one that breaks the promise is cut down and told step by step.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::detector::Kind;
use super::reader::Counts;
use super::step::{Call, How, Step};
use super::variant::Variant;
use super::world::World;

/// Steps after the beginning.
const STEPS: usize = 80;

/// A schedule.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) steps: Vec<Step>,
}

/// What many schedules came to.
#[derive(Debug, Default)]
pub(crate) struct Explored {
    pub(crate) schedules: u64,
    pub(crate) steps: u64,
    /// Schedules in which something was called fresh.
    pub(crate) served: u64,
    pub(crate) counts: Counts,
    /// The first that broke the promise, as it is told to people.
    pub(crate) broken: Option<String>,
}

impl Explored {
    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            schedules: self.schedules + other.schedules,
            steps: self.steps + other.steps,
            served: self.served + other.served,
            counts: Counts {
                calls: self.counts.calls + other.counts.calls,
                fresh: self.counts.fresh + other.counts.fresh,
                fresh_after_change: self.counts.fresh_after_change
                    + other.counts.fresh_after_change,
                stale: self.counts.stale + other.counts.stale,
                missing: self.counts.missing + other.counts.missing,
            },
            broken: self.broken.or(other.broken),
        }
    }
}

/// Runs schedules by number until one breaks the promise.
pub(crate) fn explore(variant: Option<Variant>, seeds: impl Iterator<Item = u64>) -> Explored {
    let fresh_world = World::new(variant);
    let mut explored = Explored::default();
    for seed in seeds {
        let schedule = Schedule::of(seed);
        let world = schedule.run(&fresh_world, |_| ());
        explored = explored.and(Explored {
            schedules: 1,
            steps: schedule.steps.len() as u64,
            served: u64::from(world.counts.fresh > 0),
            counts: world.counts,
            broken: None,
        });
        if world.violation.is_some() {
            explored.broken = Some(schedule.cut_down(&fresh_world).told(&fresh_world));
            break;
        }
    }
    explored
}

impl Schedule {
    /// The schedule of this number.
    pub(crate) fn of(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let kinds = match random.random_range(0..8) {
            0 | 1 => vec![Kind::Ticks, Kind::Ticks],
            2..5 => vec![Kind::Log, Kind::Log],
            5 | 6 => vec![Kind::Session, Kind::Session],
            _ => {
                let mut any = || [Kind::Ticks, Kind::Log, Kind::Session][random.random_range(0..3)];
                vec![any(), any()]
            }
        };
        let troubles = troubles(&mut random);
        let mut steps = Vec::with_capacity(STEPS + 20);
        if random.random_bool(0.8) {
            // A worker that watches, and entries: what goes wrong then is more interesting.
            steps.extend([Step::Work(0, How::default()); 8]);
            for entry in 0..3 {
                steps.extend([
                    Step::Begin(entry),
                    Step::Snapshot(0),
                    Step::Store(0, Call::Answered),
                ]);
            }
        }
        // Whoever is at work stays so for a while: the other one is paused.
        let mut at_work = 0;
        for _ in 0..STEPS {
            if random.random_bool(0.08) {
                at_work = 1 - at_work;
            }
            steps.push(step(&mut random, at_work, &troubles));
        }
        Self { seed, kinds, steps }
    }

    /// Runs it until it ends or breaks the promise.
    pub(crate) fn run(&self, fresh_world: &World, mut tell: impl FnMut(&str)) -> World {
        let mut world = fresh_world.anew(&self.kinds);
        for step in &self.steps {
            let said = world.take_step(*step);
            tell(&said);
            if world.violation.is_some() {
                break;
            }
        }
        world
    }

    /// The same without any step that can be left out.
    pub(crate) fn cut_down(mut self, fresh_world: &World) -> Self {
        let breaks = |schedule: &Self| schedule.run(fresh_world, |_| ()).violation.is_some();
        let mut size = self.steps.len() / 2;
        while size > 0 {
            let (mut at, mut cut) = (0, false);
            while at < self.steps.len() {
                let mut less = self.clone();
                less.steps.drain(at..(at + size).min(less.steps.len()));
                if breaks(&less) {
                    (self, cut) = (less, true);
                } else {
                    at += size;
                }
            }
            if !cut || size > 1 {
                size /= 2;
            }
        }
        self
    }

    /// Step by step.
    pub(crate) fn told(&self, fresh_world: &World) -> String {
        let mut lines = vec![format!(
            "schedule {}, detectors {:?}",
            self.seed, self.kinds
        )];
        let world = self.run(fresh_world, |said| {
            lines.push(format!("{:3}. {said}", lines.len()));
        });
        lines.extend(world.violation);
        lines.join("\n")
    }
}

/// What goes wrong, besides late commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// Calls to the cache are lost, or their answers.
    Calls,
    /// A detector is blind for a while, or cannot tell tables apart.
    Sight,
    /// A detector loses track.
    Blink,
    /// The database begins another log.
    Log,
    Crash,
    Stop,
    /// Time passes, up to what ends leases and heartbeats.
    Time,
    Clock,
    Evict,
    FailOver,
    Flush,
}

const TROUBLES: [Trouble; 11] = [
    Trouble::Calls,
    Trouble::Sight,
    Trouble::Blink,
    Trouble::Log,
    Trouble::Crash,
    Trouble::Stop,
    Trouble::Time,
    Trouble::Clock,
    Trouble::Evict,
    Trouble::FailOver,
    Trouble::Flush,
];

/// The troubles of one schedule: a few, or all. With all of them nothing lives long enough for what needs many steps.
fn troubles(random: &mut StdRng) -> Vec<Trouble> {
    let count = [1, 2, 2, 3, 3, 4, 6, TROUBLES.len()][random.random_range(0..8)];
    TROUBLES.sample(random, count).copied().collect()
}

fn step(random: &mut StdRng, at_work: u8, troubles: &[Trouble]) -> Step {
    let any: u8 = random.random();
    match random.random_range(0..100) {
        0..8 => Step::Commit {
            tables: random.random_range(1..8),
            late: random.random_bool(0.4),
        },
        8..14 => Step::Show(any),
        14..56 => Step::Work(at_work, how(random, troubles)),
        56..57 => Step::Renew(at_work, call(random, troubles)),
        57..58 => Step::TakeIn(at_work, random.random_range(1..16)),
        58..67 => Step::Begin(any),
        67..76 => Step::Snapshot(any),
        76..86 => Step::Store(any, call(random, troubles)),
        86..87 => Step::Abandon(any),
        87..95 => Step::Read,
        _ => trouble(random, at_work, troubles),
    }
}

fn trouble(random: &mut StdRng, at_work: u8, troubles: &[Trouble]) -> Step {
    match troubles.choose(random).expect("there is one at least") {
        Trouble::Calls | Trouble::Sight => Step::Work(at_work, how(random, troubles)),
        Trouble::Blink => Step::Blink(at_work),
        Trouble::Log => Step::BeginLog,
        Trouble::Crash => Step::Crash(at_work),
        Trouble::Stop => Step::Stop(at_work),
        Trouble::Time => {
            Step::Pass([random.random_range(1..4000), 4001][random.random_range(0..2)])
        }
        Trouble::Clock => Step::SetClock(match random.random_range(0..4) {
            0 => random.random_range(-2000..2000),
            1 => random.random_range(-10_000..10_000),
            2 => 3_600_000,
            _ => -3_600_000,
        }),
        Trouble::Evict => Step::Evict(random.random()),
        Trouble::FailOver if random.random() => Step::Replicate,
        Trouble::FailOver => Step::FailOver,
        Trouble::Flush => Step::Flush,
    }
}

fn how(random: &mut StdRng, troubles: &[Trouble]) -> How {
    let sight = troubles.contains(&Trouble::Sight);
    How {
        call: call(random, troubles),
        blind: sight && random.random_bool(0.1),
        all: sight && random.random_bool(0.3),
        skip: random.random_bool(0.2),
    }
}

fn call(random: &mut StdRng, troubles: &[Trouble]) -> Call {
    match random.random_range(0..20) {
        0 if troubles.contains(&Trouble::Calls) => Call::AnswerLost,
        1 if troubles.contains(&Trouble::Calls) => Call::NotSent,
        _ => Call::Answered,
    }
}
