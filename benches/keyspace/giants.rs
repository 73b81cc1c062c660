//! Opening the largest values there are, as the window does: describe, first page, facts, decode; and going far into
//! them. Time, bytes fetched, and the server's time of every command of ours.
//!
//! The server needs about 3 GB of memory: a 512 MB string, a list of 10,000,000 elements, a hash of 10,000,000 fields.

use std::time::{Duration, Instant};

use lookaside::inspect::{
    About, Connection, Continue, Page, Value, decode, describe, facts, find_text, page, search,
};
use lookaside::workspace::ConnectionUrl;
use tokio_util::sync::CancellationToken;

use super::servers::Redis;

const STRING: usize = 512 * 1024 * 1024;
const ELEMENTS: u64 = 10_000_000;
/// No command of ours may hold the server for longer.
const LONGEST: Duration = Duration::from_millis(5);

async fn build(redis: &Redis) {
    let client = redis::Client::open(redis.url()).unwrap();
    let mut link = client.get_multiplexed_async_connection().await.unwrap();
    let started = Instant::now();
    let mut pipe = redis::pipe();
    pipe.cmd("SETRANGE")
        .arg("giant:string")
        .arg(STRING - 1)
        .arg("x")
        .ignore();
    pipe.cmd("SETRANGE")
        .arg("giant:string")
        .arg(STRING - 1_000_000)
        .arg("needle")
        .ignore();
    pipe.exec_async(&mut link).await.unwrap();
    for at in (0..ELEMENTS).step_by(100_000) {
        let mut pipe = redis::pipe();
        for from in (at..at + 100_000).step_by(1_000) {
            let list = pipe.cmd("RPUSH").arg("giant:list");
            for i in from..from + 1_000 {
                list.arg(format!("element {i}"));
            }
            list.ignore();
            let hash = pipe.cmd("HSET").arg("giant:hash");
            for i in from..from + 1_000 {
                hash.arg(format!("field:{i}")).arg(i);
            }
            hash.ignore();
        }
        pipe.exec_async(&mut link).await.unwrap();
    }
    println!(
        "three giants, made in {:.0} s",
        started.elapsed().as_secs_f64()
    );
}

/// Opens a key as the window does.
async fn open(connection: &Connection, name: &str) -> (About, Page) {
    let about = describe(connection, name.as_bytes()).await.unwrap();
    let first = page(connection, &about, None, false).await.unwrap();
    let _ = facts(connection, &about, &first.value).await;
    if let Value::String { bytes, .. } = &first.value {
        let _ = decode(bytes, first.next.is_none(), &[]);
    }
    (about, first)
}

struct Bench<'a> {
    redis: &'a Redis,
    /// What the counting itself lets the server send.
    counting: u64,
}

impl Bench<'_> {
    /// Runs something of ours and prints what it took.
    async fn run<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        self.redis.cli(&["SLOWLOG", "RESET"]);
        let before = self.redis.sent();
        let started = Instant::now();
        let result = work.await;
        let took = started.elapsed();
        let bytes = (self.redis.sent() - before).saturating_sub(self.counting);
        let Slow {
            commands,
            total,
            longest,
            command,
        } = self.slow();
        println!(
            "  {what:<34} {:>8.1} ms  {:>9.1} KB  {commands:>5} commands  {:>6.2} ms at the server, the longest {:>5.2} ms",
            took.as_secs_f64() * 1e3,
            bytes as f64 / 1024.0,
            total.as_secs_f64() * 1e3,
            longest.as_secs_f64() * 1e3,
        );
        if longest > LONGEST {
            println!("    MISSED: {command} held the server for {longest:?}");
        }
        result
    }

    /// The commands of our connections in SLOWLOG, which holds every command here.
    fn slow(&self) -> Slow {
        let ours: Vec<(u64, String)> = self
            .redis
            .logged()
            .into_iter()
            .map(|(micros, words)| (micros, words.join(" ")))
            .collect();
        let total = ours.iter().map(|(micros, _)| micros).sum();
        let (longest, command) = ours.iter().max().cloned().unwrap_or_default();
        Slow {
            commands: ours.len(),
            total: Duration::from_micros(total),
            longest: Duration::from_micros(longest),
            command,
        }
    }
}

/// What the server's log of commands says of ours.
struct Slow {
    commands: usize,
    total: Duration,
    longest: Duration,
    /// The one that took longest, with its arguments.
    command: String,
}

pub(crate) async fn run() {
    let redis = Redis::start_logging();
    build(&redis).await;
    let url = ConnectionUrl::new(&redis.url());
    let connection = Connection::open(&url).await.unwrap();
    let before = redis.sent();
    let counting = redis.sent() - before;
    let bench = Bench {
        redis: &redis,
        counting,
    };
    println!("\nGiant values                             time       fetched");
    for name in ["giant:string", "giant:list", "giant:hash"] {
        let (about, first) = bench
            .run(&format!("{name} opened"), open(&connection, name))
            .await;
        let next = first.next.clone();
        bench
            .run(
                "  the next page",
                page(&connection, &about, next.as_ref(), true),
            )
            .await
            .unwrap();
        let middle = Continue::Offset(about.elements.unwrap() / 2);
        match name {
            "giant:string" => {
                let jump = page(&connection, &about, Some(&middle), true);
                bench.run("  a page in its middle", jump).await.unwrap();
                let from = (STRING - 4_000_000) as u64;
                let cancel = CancellationToken::new();
                let find = find_text(&connection, &about, b"needle", from, &cancel, |_| {});
                let sought = bench.run("  text found 3 MB further", find).await.unwrap();
                assert_eq!(sought.at, Some((STRING - 1_000_000) as u64));
            }
            "giant:list" => {
                let jump = page(&connection, &about, Some(&middle), true);
                bench.run("  a page in its middle", jump).await.unwrap();
                let look = search(&connection, &about, b"*element 49990*", None);
                let found = bench.run("  50,000 elements searched", look).await.unwrap();
                assert!(!found.page.value.is_empty());
            }
            _ => {
                let look = search(&connection, &about, b"field:99999*", None);
                bench.run("  50,000 fields searched", look).await.unwrap();
            }
        }
    }
}
