//! What should somebody do something about? One sentence each, with the remedy, the gravest first.

use chrono::TimeDelta;

use super::{Figure, History, Info, Setting, Shown};
use crate::human;

/// How grave it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something fails, now or at the next occasion.
    Failing,
    /// Something will hurt.
    Risk,
    /// Something would help to know more.
    Hint,
}

/// A sentence with its remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// How grave it is.
    pub severity: Severity,
    /// Cause and remedy.
    pub text: String,
    /// The command that is the remedy, where one is.
    pub command: Option<&'static str>,
}

/// Below this much memory, fragmentation says nothing: the program itself is a large part of it.
const LARGE: u64 = 100 * 1024 * 1024;

/// What is to be said of what is known. Settings are empty where the account may not read them.
pub fn warnings(info: &Info, history: &History, settings: &[Setting]) -> Vec<Warning> {
    let mut found = Vec::new();
    failing(info, &mut found);
    memory(info, history, &mut found);
    hints(settings, &mut found);
    found.sort_by_key(|warning| warning.severity);
    found
}

fn say(found: &mut Vec<Warning>, severity: Severity, text: impl Into<String>) {
    found.push(Warning {
        severity,
        text: text.into(),
        command: None,
    });
}

fn failing(info: &Info, found: &mut Vec<Warning>) {
    use Severity::{Failing, Risk};
    if info.number("loading") == Some(1) {
        say(
            found,
            Failing,
            "The server loads its data and refuses most commands until it is done.",
        );
    }
    if info.get("master_link_status") == Some("down") {
        say(
            found,
            Failing,
            "This replica has lost its primary, so what it answers grows old; see whether the primary runs and can be reached from here.",
        );
    }
    if info.get("rdb_last_bgsave_status") == Some("err") {
        say(
            found,
            Failing,
            "The last snapshot failed, and writes may be refused because of it; look into the server's log, often the disk is full or memory cannot be doubled.",
        );
    }
    if info.number("aof_enabled") == Some(1) && info.get("aof_last_write_status") == Some("err") {
        say(
            found,
            Failing,
            "The append-only file cannot be written, so writes are refused; make room on the disk.",
        );
    }
    let (clients, most) = (info.number("connected_clients"), info.number("maxclients"));
    if let (Some(clients), Some(most)) = (clients, most)
        && most > 0
        && clients as f64 >= 0.8 * most as f64
    {
        say(
            found,
            Risk,
            format!(
                "{} of at most {} clients are connected; raise maxclients or look in Clients for those that never leave.",
                human::count(clients),
                human::count(most)
            ),
        );
    }
}

fn memory(info: &Info, history: &History, found: &mut Vec<Warning>) {
    use Severity::{Failing, Risk};
    let used = info.number("used_memory").unwrap_or_default();
    let resident = info.number("used_memory_rss");
    let limit = info.number("maxmemory");
    let policy = info.get("maxmemory_policy").unwrap_or_default();
    let is_full = limit.is_some_and(|limit| limit > 0 && used as f64 >= 0.9 * limit as f64);
    if policy == "noeviction" && is_full {
        say(
            found,
            Failing,
            format!(
                "{} of {} are used and nothing is evicted (noeviction), so writes fail when it is full; set maxmemory-policy allkeys-lru or raise maxmemory.",
                human::bytes(used),
                human::bytes(limit.unwrap_or_default())
            ),
        );
    } else if policy == "noeviction" && limit.is_some_and(|limit| limit > 0) {
        say(
            found,
            Risk,
            "Nothing is evicted (noeviction), so writes fail once maxmemory is reached; for a cache set maxmemory-policy allkeys-lru.",
        );
    }
    if limit == Some(0) && info.mode() != "sentinel" {
        say(
            found,
            Risk,
            "No memory limit is set (maxmemory 0), so a growing cache takes all there is until the system ends it; set maxmemory, and maxmemory-policy allkeys-lru.",
        );
    }
    if let Some(resident) = resident.filter(|_| used > LARGE) {
        let wasted = resident.saturating_sub(used);
        let ratio = resident as f64 / used as f64;
        if ratio > 1.5 {
            let remedy = if info
                .get("mem_allocator")
                .is_some_and(|name| name.starts_with("jemalloc"))
            {
                "set activedefrag yes, or restart it at a quiet time"
            } else {
                "restart it at a quiet time"
            };
            say(
                found,
                Risk,
                format!(
                    "Fragmentation is {ratio:.2}: {} of memory are held and not used; {remedy}.",
                    human::bytes(wasted)
                ),
            );
        } else if ratio < 0.9 {
            say(
                found,
                Failing,
                format!(
                    "{} of its memory are swapped out to disk, so answers wait for the disk; give it more memory or set a smaller maxmemory.",
                    human::bytes(used - resident)
                ),
            );
        }
    }
    let evicted = history.latest(Figure::Evicted, TimeDelta::minutes(1));
    if let Some(rate) = evicted.filter(|rate| *rate > 0.0) {
        let each = if rate < 1.0 {
            format!("{:.0} a minute", (rate * 60.0).max(1.0))
        } else {
            format!("{} a second", human::count(rate.round() as u64))
        };
        say(
            found,
            Risk,
            format!(
                "Keys are evicted ({each}, {policy}) because memory is full: entries go before their TTL; raise maxmemory or keep less."
            ),
        );
    }
}

fn hints(settings: &[Setting], found: &mut Vec<Warning>) {
    let is = |name: &str, wanted: &str| {
        settings.iter().any(|setting| {
            setting.name == name && matches!(&setting.value, Shown::Text(value) if value == wanted)
        })
    };
    if is("latency-monitor-threshold", "0") {
        found.push(Warning {
            severity: Severity::Hint,
            text: "The latency monitor is off, so nothing tells what holds the server up; set latency-monitor-threshold 100 (milliseconds).".into(),
            command: Some("CONFIG SET latency-monitor-threshold 100"),
        });
    }
    if is("notify-keyspace-events", "") {
        found.push(Warning {
            severity: Severity::Hint,
            text: "Keyspace notifications are off, so no client hears of changed and expired keys; set notify-keyspace-events KEA if one should.".into(),
            command: Some("CONFIG SET notify-keyspace-events KEA"),
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::DateTime;

    use super::super::Sample;
    use super::super::info::tests::GOLDEN;
    use super::*;

    fn of(text: &str) -> Vec<Warning> {
        warnings(&Info::read(text), &History::default(), &[])
    }

    fn has(found: &[Warning], part: &str) -> bool {
        found.iter().any(|warning| warning.text.contains(part))
    }

    #[test]
    fn fragmentation_counts_only_where_there_is_much_memory() {
        let found = of(GOLDEN);
        assert!(has(&found, "Fragmentation is 1.65: 131.0 MB"), "{found:?}");
        assert!(has(&found, "set activedefrag yes"));
        assert!(has(&found, "No memory limit is set"));
        assert!(!has(
            &of("used_memory:1000000\nused_memory_rss:9000000"),
            "Fragmentation"
        ));
        let swapped = of("used_memory:400000000\nused_memory_rss:200000000");
        assert!(has(&swapped, "190.7 MB of its memory are swapped out"));
        assert_eq!(swapped[0].severity, Severity::Failing);
    }

    #[test]
    fn a_full_cache_that_evicts_nothing_is_failing() {
        let found = of("maxmemory:100\nused_memory:95\nmaxmemory_policy:noeviction");
        assert_eq!((found.len(), found[0].severity), (1, Severity::Failing));
        let roomy = of("maxmemory:100\nused_memory:5\nmaxmemory_policy:noeviction");
        assert_eq!((roomy.len(), roomy[0].severity), (1, Severity::Risk));
        assert!(of("maxmemory:100\nused_memory:95\nmaxmemory_policy:allkeys-lru").is_empty());
    }

    #[test]
    fn evictions_are_told_while_they_go_on() {
        let mut history = History::default();
        for (second, evicted) in [(0, 5), (1, 5), (2, 25)] {
            let info = Info::read(&format!("evicted_keys:{evicted}"));
            history.push(Sample::of(
                &info,
                DateTime::from_timestamp(second, 0).unwrap(),
            ));
        }
        let info = Info::read("maxmemory:1\nmaxmemory_policy:allkeys-lru");
        assert!(has(
            &warnings(&info, &history, &[]),
            "(10 a second, allkeys-lru)"
        ));
    }

    #[test]
    fn nothing_is_said_of_what_is_not_told() {
        assert!(of("").is_empty());
        let bad = of(
            "loading:1\nmaster_link_status:down\nrdb_last_bgsave_status:err\naof_enabled:1\naof_last_write_status:err\nconnected_clients:9\nmaxclients:10",
        );
        assert_eq!(bad.len(), 5);
        assert!(bad.is_sorted_by_key(|warning| warning.severity));
    }

    #[test]
    fn what_is_off_is_a_hint_with_its_command() {
        let setting = |name: &str, value: &str| Setting {
            name: name.into(),
            value: Shown::Text(value.into()),
            about: "",
            default: None,
        };
        let off = [
            setting("latency-monitor-threshold", "0"),
            setting("notify-keyspace-events", ""),
        ];
        let found = warnings(&Info::default(), &History::default(), &off);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|warning| warning.command.is_some()));
        let on = [
            setting("latency-monitor-threshold", "100"),
            setting("notify-keyspace-events", "AKE"),
        ];
        assert!(warnings(&Info::default(), &History::default(), &on).is_empty());
    }
}
