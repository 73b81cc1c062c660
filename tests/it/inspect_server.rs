//! What the Server view asks, against a real redis-server.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use parking_lot::Mutex;

use lookaside::inspect::server::{
    Figure, Focus, News, Part, Role, Seen, Severity, Shown, look, observe,
};
use lookaside::inspect::{Connection, Lock};
use lookaside::workspace::ConnectionUrl;

use crate::servers::Redis;

async fn connect(url: &str) -> Connection {
    Connection::open(&ConnectionUrl::new(url)).await.unwrap()
}

async fn writer(redis: &Redis) -> redis::aio::MultiplexedConnection {
    redis::Client::open(redis.url())
        .unwrap()
        .get_multiplexed_async_connection()
        .await
        .unwrap()
}

/// Somebody who looks at a server until this is dropped.
struct Looker {
    seen: Arc<Mutex<Seen>>,
    focus: Focus,
    end: Arc<AtomicBool>,
}

impl Looker {
    async fn at(redis: &Redis) -> Self {
        let connection = connect(&redis.url()).await;
        let looker = Self {
            seen: Arc::default(),
            focus: Focus::default(),
            end: Arc::default(),
        };
        let (seen, focus, end) = (
            looker.seen.clone(),
            looker.focus.clone(),
            looker.end.clone(),
        );
        tokio::spawn(async move {
            let tell = |news: News| {
                seen.lock().take(news);
                std::future::ready(!end.load(Ordering::SeqCst))
            };
            observe(&connection, &focus, tell).await;
        });
        looker
    }

    /// Waits until what is seen is so.
    async fn until(&self, what: &str, is_so: impl Fn(&Seen) -> bool) {
        for _ in 0..400 {
            if is_so(&self.seen.lock()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{what} was never seen");
    }
}

impl Drop for Looker {
    fn drop(&mut self) {
        self.end.store(true, Ordering::SeqCst);
    }
}

fn largest(seen: &Seen, figure: Figure) -> f64 {
    seen.history
        .lines(figure, Utc::now() - TimeDelta::hours(1))
        .into_iter()
        .flatten()
        .map(|point| point[1])
        .fold(0.0, f64::max)
}

#[tokio::test(flavor = "multi_thread")]
async fn rates_move_while_a_load_runs_and_a_restart_is_a_gap() {
    let mut redis = Redis::start();
    let looker = Looker::at(&redis).await;
    looker
        .until("a quiet second", |seen| seen.history.len() >= 2)
        .await;
    assert!(largest(&looker.seen.lock(), Figure::Commands) < 100.0);
    let mut link = writer(&redis).await;
    let busy = Arc::new(AtomicBool::new(true));
    let going = busy.clone();
    let load = tokio::spawn(async move {
        while going.load(Ordering::SeqCst) {
            let mut pipe = redis::pipe();
            for i in 0..100 {
                pipe.cmd("SET").arg(format!("k{i}")).arg("v");
                pipe.cmd("GET").arg(format!("k{i}"));
                pipe.cmd("GET").arg("not there");
                pipe.cmd("SET")
                    .arg(format!("e{i}"))
                    .arg("v")
                    .arg("PX")
                    .arg(1);
            }
            if pipe.exec_async(&mut link).await.is_err() {
                return;
            }
        }
    });
    looker
        .until("the load", |seen| {
            largest(seen, Figure::Commands) > 1000.0
                && largest(seen, Figure::NetIn) > 10_000.0
                && largest(seen, Figure::Expired) > 1.0
                && seen
                    .history
                    .latest(Figure::HitRatio, TimeDelta::seconds(1))
                    .is_some_and(|ratio| (ratio - 0.5).abs() < 0.01)
        })
        .await;
    busy.store(false, Ordering::SeqCst);
    load.await.unwrap();
    // Looking costs about one command a second, with the settings a little more at first.
    let cost = looker.seen.lock().cost;
    assert!(cost > 0.5 && cost < 3.0, "{cost}");

    redis.kill();
    looker.until("the loss", |seen| seen.lost.is_some()).await;
    redis.restart();
    looker
        .until("the restart", |seen| {
            seen.lost.is_none() && seen.history.restarts().len() == 1
        })
        .await;
    looker
        .until("rates after it", |seen| {
            let since = Utc::now() - TimeDelta::hours(1);
            seen.history.lines(Figure::Commands, since).len() >= 2
        })
        .await;
    let seen = looker.seen.lock();
    let lines = seen
        .history
        .lines(Figure::Commands, Utc::now() - TimeDelta::hours(1));
    assert!(
        lines.iter().flatten().all(|point| point[1] >= 0.0),
        "{lines:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_part_is_asked_only_when_somebody_looks_at_it() {
    let redis = Redis::start();
    let mut link = writer(&redis).await;
    let set = |name: &'static str, value: &'static str| {
        let mut link = link.clone();
        async move {
            let mut command = redis::cmd("CONFIG");
            command.arg("SET").arg(name).arg(value);
            command.exec_async(&mut link).await.unwrap();
        }
    };
    set("slowlog-log-slower-than", "0").await;
    set("latency-monitor-threshold", "1").await;
    set("requirepass", "hunter2").await;
    set("requirepass", "").await;
    set("masterauth", "hunter2").await;
    set("hz", "50").await;
    let mut slow = redis::cmd("EVAL");
    slow.arg("local t = redis.call('TIME')[2] for i = 1, 20000000 do end return 1")
        .arg(0);
    slow.exec_async(&mut link).await.unwrap();
    let mut named = redis::cmd("CLIENT");
    named.arg("SETNAME").arg("billing");
    named.exec_async(&mut link).await.unwrap();

    let looker = Looker::at(&redis).await;
    looker.until("figures", |seen| !seen.is_empty()).await;
    looker
        .until("the settings", |seen| seen.has(Part::Config))
        .await;
    {
        let seen = looker.seen.lock();
        assert!(!seen.has(Part::SlowLog) && !seen.has(Part::Clients) && !seen.has(Part::Latency));
        let settings = seen.config.as_ref().unwrap().as_ref().unwrap();
        let of = |name: &str| settings.iter().find(|s| s.name == name).unwrap();
        assert_eq!(of("masterauth").value, Shown::Secret { is_set: true });
        assert_eq!(of("requirepass").value, Shown::Secret { is_set: false });
        assert!(of("hz").is_changed() && !of("maxmemory-policy").is_changed());
        assert!(!format!("{seen:?}").contains("hunter2"));
    }
    looker.focus.set(Part::SlowLog);
    looker
        .until("the slow command", |seen| {
            matches!(&seen.slow_log, Some(Ok(all)) if all.iter().any(|slow| slow.command.starts_with("EVAL") && slow.took_us > 1000))
        })
        .await;
    // A password that was set is in nobody's slow log.
    assert!(!format!("{:?}", looker.seen.lock()).contains("hunter2"));
    looker.focus.set(Part::Latency);
    looker
        .until("what held it up", |seen| {
            let command = matches!(&seen.latency, Some(Ok(report)) if !report.doctor.is_empty()
                && report.events.iter().any(|event| event.name == "command" && !event.history.is_empty()));
            command && matches!(&seen.commands, Some(Ok(all)) if all.iter().any(|stat| stat.name == "eval" && stat.calls == 1))
        })
        .await;
    looker.focus.set(Part::Clients);
    looker
        .until("the clients", |seen| {
            matches!(&seen.clients, Some(Ok(clients)) if clients.all.iter().any(|client| client.name == "billing")
                && clients.all.iter().any(|client| client.kind() == "Lookaside"))
        })
        .await;
    looker.focus.set(Part::Topology);
    looker
        .until("the topology", |seen| {
            matches!(&seen.topology, Some(topology) if topology.role == Role::Primary && topology.missing.is_empty())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_missing_leaves_a_sentence_and_the_others_go_on() {
    let redis = Redis::start();
    let said = redis.cli(&[
        "ACL", "SETUSER", "few", "on", ">pw", "~*", "+@all", "-config", "-client", "-slowlog",
        "-latency",
    ]);
    assert_eq!(said.trim(), "OK");
    let url = format!("redis://few:pw@127.0.0.1:{}/0", redis.port);
    let mut seen = Seen::default();
    for news in look(&connect(&url).await).await {
        seen.take(news);
    }
    assert!(seen.info.number("used_memory").is_some() && seen.no_info.is_none());
    let sentences = [
        seen.config.clone().unwrap().unwrap_err(),
        seen.slow_log.clone().unwrap().unwrap_err(),
        seen.latency.clone().unwrap().unwrap_err(),
        seen.clients.clone().unwrap().unwrap_err(),
    ];
    for (sentence, command) in
        sentences
            .iter()
            .zip(["CONFIG GET", "SLOWLOG GET", "LATENCY LATEST", "CLIENT LIST"])
    {
        let wanted = format!("this Redis account may not run {command}; allow it with ACL SETUSER");
        assert!(sentence.starts_with(&wanted), "{sentence}");
    }
    assert!(
        seen.commands
            .unwrap()
            .unwrap()
            .iter()
            .any(|stat| stat.name == "info")
    );
    let topology = seen.topology.unwrap();
    assert_eq!((topology.role, topology.missing.len()), (Role::Primary, 1));

    let said = redis.cli(&[
        "ACL", "SETUSER", "none", "on", ">pw", "~*", "+@all", "-info",
    ]);
    assert_eq!(said.trim(), "OK");
    let url = format!("redis://none:pw@127.0.0.1:{}/0", redis.port);
    let mut seen = Seen::default();
    for news in look(&connect(&url).await).await {
        seen.take(news);
    }
    assert!(
        seen.no_info
            .is_some_and(|why| why.contains("may not run INFO"))
    );
    assert!(seen.config.unwrap().is_ok() && seen.clients.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_the_commands_says_so() {
    let renamed = ["CONFIG", "SLOWLOG", "LATENCY", "CLIENT"]
        .iter()
        .flat_map(|name| ["--rename-command", name, ""])
        .collect::<Vec<_>>();
    let redis = Redis::start_with(&renamed);
    let mut seen = Seen::default();
    for news in look(&connect(&redis.url()).await).await {
        seen.take(news);
    }
    let why = seen.config.unwrap().unwrap_err();
    assert!(
        why.starts_with("this server does not offer CONFIG GET"),
        "{why}"
    );
    assert!(seen.slow_log.unwrap().is_err() && seen.clients.unwrap().is_err());
    assert!(!seen.info.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_as_it_comes_differs_from_the_defaults_in_nothing_that_was_not_set() {
    let redis = Redis::start_with(&[]);
    let mut seen = Seen::default();
    for news in look(&connect(&redis.url()).await).await {
        seen.take(news);
    }
    let settings = seen.config.as_ref().unwrap().as_ref().unwrap();
    let changed: Vec<_> = settings
        .iter()
        .filter(|setting| setting.is_changed())
        .map(|setting| setting.name.as_str())
        .collect();
    // The tests' servers listen on the loopback alone.
    assert_eq!(changed, ["bind"]);
    let explained = settings.iter().filter(|setting| !setting.about.is_empty());
    assert!(explained.count() >= 60);
    let warnings = seen.warnings();
    let hints = warnings
        .iter()
        .filter(|warning| warning.severity == Severity::Hint);
    assert!(hints.count() == 2 && warnings[0].text.contains("No memory limit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn evictions_and_a_full_server_are_warned_of() {
    let redis = Redis::start();
    let mut link = writer(&redis).await;
    let used: u64 = redis
        .cli(&["INFO", "memory"])
        .lines()
        .find_map(|line| line.trim().strip_prefix("used_memory:")?.parse().ok())
        .unwrap();
    let limit = (used + 2_000_000).to_string();
    redis.cli(&[
        "CONFIG",
        "SET",
        "maxmemory",
        &limit,
        "maxmemory-policy",
        "allkeys-lru",
    ]);
    let looker = Looker::at(&redis).await;
    looker
        .until("figures", |seen| seen.history.len() >= 2)
        .await;
    let value = "x".repeat(10_000);
    let going = async {
        let mut n = 0;
        loop {
            let mut command = redis::cmd("SET");
            command.arg(n).arg(&value);
            command.exec_async(&mut link).await.unwrap();
            n += 1;
        }
    };
    let warned = looker.until("the warning", |seen| {
        let warnings = seen.warnings();
        warnings
            .iter()
            .any(|warning| warning.text.starts_with("Keys are evicted ("))
    });
    tokio::select! {
        () = warned => {}
        () = going => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_and_its_replica_see_each_other() {
    let primary = Redis::start();
    let port = primary.port.to_string();
    let replica = Redis::start_with(&[
        "--save",
        "",
        "--repl-diskless-sync-delay",
        "0",
        "--replicaof",
        "127.0.0.1",
        &port,
    ]);
    let topology = |redis: &Redis| {
        let url = redis.url();
        async move {
            let mut seen = Seen::default();
            for news in look(&connect(&url).await).await {
                seen.take(news);
            }
            seen.topology.unwrap()
        }
    };
    for _ in 0..200 {
        let (of_primary, of_replica) = (topology(&primary).await, topology(&replica).await);
        let online = of_primary.replicas.iter().any(|other| {
            other.state == "online" && other.address.ends_with(&replica.port.to_string())
        });
        let connected = matches!(of_replica.role, Role::Replica { connected: true, ref of, .. } if *of == format!("127.0.0.1:{port}"));
        if online && connected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("they never met");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_a_cluster_shows_its_slots() {
    let redis = Redis::start_with(&["--save", "", "--cluster-enabled", "yes"]);
    redis.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    for _ in 0..100 {
        let mut seen = Seen::default();
        for news in look(&connect(&redis.url()).await).await {
            seen.take(news);
        }
        let cluster = seen.topology.unwrap().cluster.unwrap();
        assert!(cluster.is_covered() && cluster.nodes[0].is_self);
        if cluster.state == "ok" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the cluster never was in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_asked_writes_or_shows_in_the_keyspace() {
    let redis = Redis::start();
    let lock = Lock::default();
    let url = ConnectionUrl::new(&redis.url());
    let connection = Connection::open_with(&url, lock.clone()).await.unwrap();
    let before = redis.cli(&["INFO", "stats"]);
    look(&connection).await;
    let field = |text: &str, name: &str| {
        text.lines()
            .find_map(|line| line.trim().strip_prefix(name).map(str::to_owned))
            .unwrap()
    };
    let after = redis.cli(&["INFO", "stats"]);
    for name in ["keyspace_hits:", "keyspace_misses:", "expired_keys:"] {
        assert_eq!(field(&before, name), field(&after, name));
    }
    assert!(!lock.is_unlocked());
}
