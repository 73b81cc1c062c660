#![allow(clippy::unwrap_used)]

use super::*;
use crate::report::Refresh;
use proptest::prelude::*;

fn entry(n: u8) -> Entry {
    let report = Report {
        name: format!("r{n}"),
        source: "s".to_owned(),
        sql: "SELECT 1".to_owned(),
        params: Vec::new(),
        ttl: Duration::from_mins(1),
        stale_for: Duration::from_mins(1),
        serve_on_error: crate::report::ServeOnError::default(),
        refresh: Refresh::OnChange,
        tables: None,
        timeout: None,
        trusted_sql: false,
    };
    Entry {
        report: Arc::new(report),
        params: Params::default(),
        key: EntryKey::from_hex(&format!("{n:064x}")).unwrap(),
    }
}

fn changed(n: u8, table: &str, now: Instant) -> Job {
    let mut job = Job::new(entry(n), Reason::Changed, "", now);
    job.tables.insert(table.to_owned());
    job
}

fn worth(demand: f64, cost_ms: u64, changes: f64) -> Worth {
    Worth {
        demand,
        cost: Some(Duration::from_millis(cost_ms)),
        changes,
    }
}

#[test]
fn order_is_demand_times_cost_divided_by_change_rate() {
    let now = Instant::now();
    let mut queue = Queue::new(9, 1.0);
    queue.weigh(entry(1).key, worth(1.0, 100, 0.0));
    queue.weigh(entry(2).key, worth(100.0, 100, 0.0));
    queue.weigh(entry(3).key, worth(1.0, 50_000, 0.0));
    queue.weigh(entry(4).key, worth(100.0, 50_000, 100_000.0));
    for n in 1..=4 {
        queue.push(changed(n, "orders", now));
    }
    let order: Vec<_> = std::iter::from_fn(|| queue.pop(now + DEBOUNCE, false))
        .map(|job| job.entry.report.name.clone())
        .collect();
    assert_eq!(order, ["r3", "r2", "r1", "r4"]);
}

#[test]
fn a_burst_is_one_refresh_that_names_every_table() {
    let now = Instant::now();
    let mut queue = Queue::new(2, 1.0);
    queue.push(changed(1, "orders", now));
    queue.push(changed(1, "lineitem", now + DEBOUNCE / 2));
    assert!(
        queue.pop(now, false).is_none(),
        "the rest of the burst is waited for"
    );
    assert_eq!(queue.next_due(false), Some(now + DEBOUNCE));
    let job = queue.pop(now + DEBOUNCE, false).unwrap();
    assert_eq!(job.why(), "changed: lineitem, orders");
    assert!(queue.pop(now + DEBOUNCE * 100, false).is_none());
}

#[test]
fn a_change_while_it_runs_is_another_refresh_after_it() {
    let now = Instant::now();
    let mut queue = Queue::new(5, 1.0);
    queue.push(changed(1, "orders", now));
    let job = queue.pop(now + DEBOUNCE, false).unwrap();
    queue.push(changed(1, "orders", now + DEBOUNCE));
    let later = now + Duration::from_secs(10);
    assert!(queue.pop(later, false).is_none(), "never twice at a time");
    let took = Duration::from_secs(2);
    queue.finish(&job.entry.key, Ended::Changed, took, later);
    assert!(
        queue.pop(later, false).is_none(),
        "half of the time at most"
    );
    assert!(queue.pop(later + took, false).is_some());
}

#[test]
fn one_place_of_several_is_left_to_people() {
    let now = Instant::now();
    for (places, at_once) in [(1, 1), (2, 1), (3, 2), (8, 7)] {
        let mut queue = Queue::new(places, 1.0);
        for n in 0..20 {
            queue.push_now(Job::new(entry(n), Reason::Asked, "", now));
        }
        assert_eq!(
            std::iter::from_fn(|| queue.pop(now, false)).count(),
            at_once,
            "{places} places"
        );
        assert_eq!(
            queue.next_due(false),
            None,
            "only the end of a running one makes room"
        );
    }
}

#[test]
fn failures_back_off_and_a_wish_does_not_wait() {
    let mut now = Instant::now();
    let mut queue = Queue::new(1, 1.0);
    queue.push(changed(1, "orders", now));
    now += DEBOUNCE;
    for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
        let job = queue.pop(now, false).unwrap();
        queue.finish(&job.entry.key, Ended::Failed, Duration::from_millis(3), now);
        queue.push(changed(1, "orders", now));
        let due = now + Duration::from_secs(pause);
        assert_eq!(queue.next_due(false), Some(due), "after {pause} s");
        assert!(
            queue
                .pop(due.checked_sub(Duration::from_millis(1)).unwrap(), false)
                .is_none()
        );
        now = due;
    }
    let job = queue.pop(now, false).unwrap();
    queue.finish(&job.entry.key, Ended::Failed, Duration::ZERO, now);
    queue.push_now(Job::new(entry(1), Reason::Asked, "", now));
    assert_eq!(
        queue.pop(now, false).unwrap().reason,
        Reason::Changed,
        "the older reason tells more"
    );
    queue.finish(&entry(1).key, Ended::Changed, Duration::ZERO, now);
    queue.push(changed(1, "orders", now));
    assert!(
        queue.pop(now + DEBOUNCE, false).is_some(),
        "success ends the back-off"
    );
}

#[test]
fn unchanged_content_slows_the_next_try() {
    let (quick, slow) = (Duration::from_millis(100), Duration::from_secs(20));
    for (took, longest) in [(quick, quick * 16), (slow, LONGEST_CALM)] {
        let mut now = Instant::now();
        let mut queue = Queue::new(1, 1.0);
        let mut pauses = Vec::new();
        for _ in 0..12 {
            queue.push(changed(1, "orders", now));
            let due = queue.next_due(false).unwrap();
            pauses.push(due - now);
            now = due;
            let job = queue.pop(now, false).unwrap();
            queue.finish(&job.entry.key, Ended::Unchanged, took, now);
        }
        assert!(
            pauses.windows(2).all(|pair| pair[0] <= pair[1]),
            "{pauses:?}"
        );
        assert_eq!(*pauses.last().unwrap(), longest);
    }
}

#[test]
fn waiting_brings_even_the_least_wanted_to_the_front() {
    let start = Instant::now();
    let mut queue = Queue::new(1, 1.0);
    queue.weigh(entry(1).key, worth(0.0, 10, 10.0));
    queue.weigh(entry(2).key, worth(1.0, 1000, 0.0));
    queue.push_now(Job::new(entry(1), Reason::Expiring, "", start));
    let mut now = start;
    let mut rounds = 0;
    loop {
        queue.push_now(Job::new(entry(2), Reason::Asked, "", now));
        let job = queue.pop(now, false).unwrap();
        if job.entry.key == entry(1).key {
            break;
        }
        now += Duration::from_mins(1);
        queue.finish(&job.entry.key, Ended::Changed, Duration::from_secs(1), now);
        rounds += 1;
        assert!(rounds < 10_000, "starved");
    }
}

/// How often one entry is refreshed while 10,000 changes come in, one each half millisecond.
fn refreshes_of_an_import(took: Duration, ended: Ended, load: f64) -> u32 {
    let start = Instant::now();
    let mut queue = Queue::new(2, load);
    let mut running: Option<(EntryKey, Instant)> = None;
    let mut refreshes = 0;
    for change in 0..10_000 {
        let now = start + Duration::from_micros(500) * change;
        if let Some((key, _)) = running.filter(|(_, end)| *end <= now) {
            queue.finish(&key, ended, took, now);
            running = None;
        }
        queue.push(changed(1, "orders", now));
        if let Some(job) = queue.pop(now, false) {
            running = Some((job.entry.key, now + took));
            refreshes += 1;
        }
    }
    refreshes
}

#[test]
fn an_import_of_many_commits_is_a_bounded_number_of_refreshes() {
    let import = Duration::from_secs(5);
    let at_most = |every: Duration| (import.as_millis() / every.as_millis()) as u32 + 1;
    let took = Duration::from_millis(50);
    for (took, ended, load, most) in [
        // However quick, one in each pause that collects a burst.
        (Duration::ZERO, Ended::Changed, 1.0, at_most(DEBOUNCE)),
        // As long a pause as the refresh takes, so half of the time.
        (took, Ended::Changed, 1.0, at_most(took * 2)),
        // A quarter of the time for all refreshes together.
        (took, Ended::Changed, 0.25, at_most(took * 4)),
        // It rests twice, four times, eight times as long, then sixteen times.
        (took, Ended::Unchanged, 1.0, 4 + at_most(took * 17)),
    ] {
        let refreshes = refreshes_of_an_import(took, ended, load);
        assert!(
            (2..=most).contains(&refreshes),
            "{refreshes} of at most {most} for {took:?}, {ended:?}, {load}"
        );
    }
}

#[test]
fn a_cap_on_load_lets_places_rest_and_a_wish_does_not_wait() {
    let mut now = Instant::now();
    let mut queue = Queue::new(3, 0.2);
    let took = Duration::from_secs(1);
    for n in 1..=4 {
        queue.push(changed(n, "orders", now));
    }
    now += DEBOUNCE;
    let first: Vec<_> = std::iter::from_fn(|| queue.pop(now, false)).collect();
    assert_eq!(first.len(), 2);
    now += took;
    for job in &first {
        queue.finish(&job.entry.key, Ended::Changed, took, now);
    }
    assert!(queue.pop(now, false).is_none(), "both places rest");
    let rested = now + took * 4;
    assert_eq!(queue.next_due(false), Some(rested));
    queue.push_now(Job::new(entry(9), Reason::Asked, "", now));
    assert_eq!(queue.next_due(false), Some(now));
    let wish = queue.pop(now, false).unwrap();
    assert_eq!(wish.entry.key, entry(9).key);
    queue.finish(&wish.entry.key, Ended::Changed, took, now);
    assert_eq!(std::iter::from_fn(|| queue.pop(rested, false)).count(), 2);
}

#[test]
fn what_nobody_asks_for_any_more_is_not_tried_again() {
    let now = Instant::now();
    let mut queue = Queue::new(2, 1.0);
    queue.push(changed(1, "orders", now));
    let job = queue.pop(now + DEBOUNCE, false).unwrap();
    queue.finish(
        &job.entry.key,
        Ended::Failed,
        Duration::ZERO,
        now + DEBOUNCE,
    );
    queue.forget(&job.entry.key);
    assert!(!queue.holds(&job.entry.key));
    queue.push_now(job.clone());
    queue.forget(&job.entry.key);
    assert!(queue.holds(&job.entry.key), "a person waits for it");
}

#[derive(Clone, Debug)]
enum Step {
    Push(u8, u8),
    Now(u8),
    Pop,
    Finish(usize, u8),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..6_u8, 0..4_u8).prop_map(|(n, reason)| Step::Push(n, reason)),
        (0..6_u8).prop_map(Step::Now),
        Just(Step::Pop),
        (0..6_usize, 0..4_u8).prop_map(|(which, how)| Step::Finish(which, how)),
        (0..5_000_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    /// Whatever happens: never over the cap, never one entry twice at a time, nothing before it is due, and a change
    /// that was reported is refreshed at last by a refresh that began after the report.
    #[test]
    fn nothing_is_lost_and_nothing_runs_twice(places in 1..5_usize, steps in prop::collection::vec(step(), 1..200)) {
        let reasons = [Reason::Changed, Reason::Expiring, Reason::Scheduled, Reason::Asked];
        let mut now = Instant::now();
        let mut queue = Queue::new(places, 1.0);
        let mut running: Vec<EntryKey> = Vec::new();
        let mut owed: BTreeSet<EntryKey> = BTreeSet::new();
        for step in steps {
            match step {
                Step::Push(n, reason) => {
                    queue.push(Job::new(entry(n), reasons[usize::from(reason)], "", now));
                    owed.insert(entry(n).key);
                }
                Step::Now(n) => {
                    queue.push_now(Job::new(entry(n), Reason::Asked, "", now));
                    owed.insert(entry(n).key);
                }
                Step::Pop => {
                    if let Some(job) = queue.pop(now, false) {
                        prop_assert!(job.due <= now);
                        prop_assert!(!running.contains(&job.entry.key));
                        prop_assert!(owed.remove(&job.entry.key));
                        running.push(job.entry.key);
                        let cap = if places > 1 { places - 1 } else { 1 };
                        prop_assert!(running.len() <= cap);
                    }
                }
                Step::Finish(which, how) => {
                    if running.is_empty() {
                        continue;
                    }
                    let key = running.remove(which % running.len());
                    match how {
                        0 => queue.finish(&key, Ended::Changed, Duration::from_millis(5), now),
                        1 => queue.finish(&key, Ended::Unchanged, Duration::from_millis(5), now),
                        2 => {
                            queue.finish(&key, Ended::Failed, Duration::from_millis(5), now);
                            owed.insert(key);
                        }
                        _ => queue.skip(&key),
                    }
                }
                Step::Wait(ms) => now += Duration::from_millis(ms),
            }
            for key in &owed {
                prop_assert!(queue.holds(key));
            }
        }
        for key in running.drain(..) {
            queue.skip(&key);
        }
        now += Duration::from_hours(1);
        while let Some(job) = queue.pop(now, false) {
            prop_assert!(owed.remove(&job.entry.key));
            queue.finish(&job.entry.key, Ended::Changed, Duration::ZERO, now);
        }
        prop_assert!(owed.is_empty(), "lost: {owed:?}");
    }
}
