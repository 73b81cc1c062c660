//! `lookaside run -o FILE` from a hit against `sqlite3 -csv`, `mariadb --batch` and `psql \copy` from query to file, with
//! the most memory that it held.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::rows::sqlite3_csv;
use super::servers::{DATABASE, PASSWORD, Redis, USER};
use super::{data, kit};

pub(crate) fn run(small: bool) {
    let rows = if small { 20_000 } else { 5_000_000 };
    kit::head(
        &format!("CSV of {rows} rows to a file"),
        "from a hit",
        "the client",
    );
    let redis = Redis::start();
    let (folder, path) = data::sqlite(rows);
    let ours = folder.path().join("ours.csv");
    let theirs = folder.path().join("theirs.csv");
    let rounds = if small { 1 } else { 3 };
    measure(
        "sqlite3 -csv",
        &redis,
        &format!("sqlite:{}", path.display()),
        &ours,
        rounds,
        || sqlite3_csv(&path, &theirs),
    );

    let mariadb = data::mariadb(rows);
    measure(
        "mariadb --batch",
        &redis,
        &mariadb.url(),
        &ours,
        rounds,
        || {
            let socket = mariadb.socket();
            let mut client = Command::new("mariadb");
            client.args(["--no-defaults", "--batch", "--quick", "--protocol=socket"]);
            client
                .arg(format!("--socket={}", socket.display()))
                .arg(format!("--user={USER}"));
            client
                .env("MYSQL_PWD", PASSWORD)
                .args(["-e", "SELECT * FROM things", DATABASE]);
            timed(client, &theirs)
        },
    );
    drop(mariadb);

    let postgres = data::postgres(rows);
    measure(
        "psql \\copy",
        &redis,
        &postgres.url(),
        &ours,
        rounds,
        || {
            let mut client = Command::new("psql");
            client.arg(postgres.url()).args([
                "-X",
                "-q",
                "-c",
                "\\copy (SELECT * FROM things) TO STDOUT WITH (FORMAT csv, HEADER)",
            ]);
            timed(client, &theirs)
        },
    );
}

fn timed(mut client: Command, to: &Path) -> f64 {
    let start = Instant::now();
    let status = client
        .stdout(Stdio::from(File::create(to).unwrap()))
        .status()
        .unwrap();
    assert!(status.success());
    kit::millis(start.elapsed())
}

fn measure(
    name: &str,
    redis: &Redis,
    source: &str,
    to: &Path,
    rounds: usize,
    mut client: impl FnMut() -> f64,
) {
    let folder = to.parent().unwrap();
    let workspace = format!(
        "[cache]\nurl = \"{}\"\n[sources.bench]\nurl = \"{source}\"\nquery_timeout = \"30m\"\n[[reports]]\nname = \"all\"\n\
         source = \"bench\"\nsql = \"SELECT * FROM things\"\nttl = \"10h\"\n",
        redis.url()
    );
    std::fs::write(folder.join("lookaside.toml"), workspace).unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lookaside"));
        command
            .args(["run", "all", "-o"])
            .arg(to)
            .args(args)
            .current_dir(folder);
        let start = Instant::now();
        let mut child = command.spawn().unwrap();
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        let ended = loop {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix("VmHWM:"))
                .unwrap_or_default();
            peak = peak.max(
                line.trim()
                    .trim_end_matches(" kB")
                    .parse::<u64>()
                    .unwrap_or_default(),
            );
            if let Some(ended) = child.try_wait().unwrap() {
                break ended;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        assert!(ended.success());
        (kit::millis(start.elapsed()), peak)
    };
    run(&[]);
    let (mut ours, mut theirs, mut most) = (Vec::new(), Vec::new(), 0);
    for _ in 0..rounds {
        let (time, peak) = run(&[]);
        ours.push(time);
        most = most.max(peak);
        theirs.push(client());
    }
    kit::line(name, kit::median(ours), kit::median(theirs), Some(1.0));
    println!("    {} MB resident at most (goal 200)", most / 1_000);
    redis.cli(&["FLUSHALL"]);
}
