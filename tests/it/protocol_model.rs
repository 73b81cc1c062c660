//! The model of the protocol (`schedules/`): no schedule breaks the promise, and every known mistake is caught. A million
//! schedules: `cargo bench --bench schedules -- 1000000`.
#![allow(clippy::unwrap_used)]

use crate::schedules::detector::Kind;
use crate::schedules::random::explore;
use crate::schedules::step::{Call, How, Step};
use crate::schedules::systematic::scenarios;
use crate::schedules::variant::Variant;
use crate::schedules::world::World;

#[test]
fn no_random_schedule_calls_a_stale_result_fresh() {
    let explored = explore(None, 0..2000);
    assert!(explored.broken.is_none(), "{}", explored.broken.unwrap());
    let counts = explored.counts;
    assert!(
        explored.served > explored.schedules / 2 && counts.fresh_after_change > counts.fresh / 10,
        "schedules that serve nothing prove nothing: {explored:?}"
    );
}

#[test]
fn no_interleaving_of_a_small_scenario_calls_a_stale_result_fresh() {
    for scenario in scenarios(false) {
        let covered = scenario.cover(None);
        let broken = covered.broken;
        assert!(
            broken.is_none(),
            "{}: {}",
            scenario.title(),
            broken.unwrap()
        );
        assert!(covered.fresh > 0, "{} serves nothing", scenario.title());
    }
}

#[test]
fn every_known_mistake_is_caught() {
    let slipped: Vec<&str> = Variant::ALL
        .into_iter()
        .filter(|variant| explore(Some(*variant), 0..10_000).broken.is_none())
        .map(Variant::sentence)
        .collect();
    assert!(slipped.is_empty(), "not caught: {slipped:?}");
}

#[test]
fn a_caught_mistake_is_told_in_a_few_steps_and_the_same_each_time() {
    let told = || {
        explore(Some(Variant::PositionAfterSnapshot), 0..20_000)
            .broken
            .unwrap()
    };
    let first = told();
    assert_eq!(first, told());
    assert!(first.lines().count() < 40, "{first}");
    assert!(first.contains("is called fresh"), "{first}");
}

#[test]
fn some_interleaving_shows_a_snapshot_before_the_position() {
    let caught = scenarios(false).iter().any(|scenario| {
        scenario
            .cover(Some(Variant::PositionAfterSnapshot))
            .broken
            .is_some()
    });
    assert!(caught);
}

/// A heartbeat from before stands in the future then, and must not keep the true ones out until the clock has caught up.
#[test]
fn a_clock_that_is_set_back_does_not_blind_a_worker_for_long() {
    for kind in [Kind::Ticks, Kind::Log, Kind::Session] {
        let mut world = World::new(None).anew(&[kind]);
        let work = [Step::Work(0, How::default()); 9];
        let fill = [
            Step::Begin(0),
            Step::Snapshot(0),
            Step::Store(0, Call::Answered),
        ];
        for step in work.iter().chain(&fill).chain(&work) {
            world.take_step(*step);
        }
        world.look_at_all();
        assert_eq!(world.counts.fresh, 1, "{kind:?}");
        world.take_step(Step::SetClock(-3_600_000));
        world.look_at_all();
        assert_eq!(world.counts.fresh, 1, "nobody vouches for it: {kind:?}");
        for step in work {
            world.take_step(step);
        }
        world.look_at_all();
        assert_eq!(world.counts.fresh, 2, "{kind:?}");
    }
}
