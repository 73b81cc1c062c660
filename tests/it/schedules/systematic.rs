//! Every interleaving of a small scenario, depth first. Two ways into the same state go on alike, so each state is
//! entered once, and the interleavings that it stands for are counted and not run.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::detector::Kind;
use super::step::{Call, How, Step};
use super::variant::Variant;
use super::world::World;

/// Actors that each take their steps in order, in any interleaving.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    kind: Kind,
    actors: Vec<Vec<Step>>,
}

/// What a scenario came to.
#[derive(Debug, Default)]
pub(crate) struct Covered {
    pub(crate) interleavings: u128,
    pub(crate) states: u64,
    pub(crate) fresh: u64,
    /// The first that broke the promise, step by step.
    pub(crate) broken: Option<String>,
}

const WORK: How = How {
    call: Call::Answered,
    blind: false,
    all: false,
    skip: false,
};

fn works(worker: u8, steps: usize) -> Vec<Step> {
    vec![Step::Work(worker, WORK); steps]
}

fn fill(entry: u8) -> Vec<Step> {
    vec![
        Step::Begin(entry),
        Step::Snapshot(0),
        Step::Store(0, Call::Answered),
    ]
}

/// One commit, late to be seen; one worker that watches already; one fill of its table; every entry is judged after every
/// step. A crash at a step is the same as never taking the rest, which every prefix covers. Beside them: nothing, a
/// worker that takes over from one that died or was paused, or a failover. A thorough search makes every worker's part longer, and has one more
/// scenario.
pub(crate) fn scenarios(thorough: bool) -> Vec<Scenario> {
    let more = if thorough { 2 } else { 0 };
    let commit = vec![
        Step::Commit {
            tables: 1,
            late: true,
        },
        Step::Show(0),
    ];
    let after = |first: &[Step], steps: usize| [first, &works(1, steps + more)].concat();
    let mut scenarios = Vec::new();
    for kind in [Kind::Ticks, Kind::Log, Kind::Session] {
        let mut add = |name, worker: usize, beside: Vec<Vec<Step>>| {
            let mut actors = vec![commit.clone(), works(0, worker + more), fill(0)];
            actors.extend(beside);
            scenarios.push(Scenario { name, kind, actors });
        };
        let fail_over = || vec![Step::Replicate, Step::FailOver];
        add("nothing else", 6, vec![]);
        add("a failover", 6, vec![fail_over()]);
        add("the cache is emptied", 6, vec![vec![Step::Flush]]);
        add("the detector loses track", 6, vec![vec![Step::Blink(0)]]);
        add(
            "the worker dies and another takes over",
            3,
            vec![after(&[Step::Crash(0), Step::Pass(4001)], 7)],
        );
        add(
            "the worker is paused and another takes over",
            3,
            vec![after(&[Step::Pass(4001)], 7)],
        );
        if thorough {
            add(
                "a failover while another takes over",
                2,
                vec![fail_over(), after(&[Step::Pass(4001)], 5)],
            );
        }
    }
    scenarios
}

impl Scenario {
    /// Its name with the kind of detector.
    pub(crate) fn title(&self) -> String {
        format!("{}, {:?}", self.name, self.kind)
    }

    /// Explores every interleaving, until one breaks the promise.
    pub(crate) fn cover(&self, variant: Option<Variant>) -> Covered {
        let mut world = World::new(variant).anew(&[self.kind, self.kind]);
        // Time stands still but for what an actor lets pass: so that many ways lead into the same state.
        world.pace = 0;
        // A worker that watches, and an entry that is fresh.
        for step in [works(0, 8), fill(0), works(0, 3)].concat() {
            world.take_step(step);
        }
        world.look_at_all();
        assert!(world.counts.fresh > 0 || variant.is_some());
        let mut search = Search {
            scenario: self,
            known: HashMap::new(),
            trail: Vec::new(),
            covered: Covered::default(),
        };
        let from = vec![0; self.actors.len()];
        search.covered.interleavings = search.below(&world, &from);
        search.covered.states = search.known.len() as u64;
        search.covered
    }
}

struct Search<'a> {
    scenario: &'a Scenario,
    /// How many interleavings each state leads to.
    known: HashMap<u64, u128>,
    trail: Vec<String>,
    covered: Covered,
}

impl Search<'_> {
    fn below(&mut self, world: &World, at: &[usize]) -> u128 {
        let mut hasher = DefaultHasher::new();
        (at, world.state()).hash(&mut hasher);
        let state = hasher.finish();
        if let Some(known) = self.known.get(&state) {
            return *known;
        }
        let mut interleavings = 0;
        for (actor, steps) in self.scenario.actors.iter().enumerate() {
            let Some(step) = steps.get(at[actor]) else {
                continue;
            };
            let mut world = world.clone();
            let fresh = world.counts.fresh;
            let said = world.take_step(*step);
            self.trail.push(said);
            world.look_at_all();
            self.covered.fresh += world.counts.fresh - fresh;
            if let Some(violation) = &world.violation {
                self.covered.broken = Some(format!("{}\n{violation}", self.trail.join("\n")));
                return interleavings;
            }
            let mut next = at.to_vec();
            next[actor] += 1;
            interleavings += self.below(&world, &next);
            if self.covered.broken.is_some() {
                return interleavings;
            }
            self.trail.pop();
        }
        let interleavings = interleavings.max(1);
        self.known.insert(state, interleavings);
        interleavings
    }
}
