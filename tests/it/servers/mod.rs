//! Private servers for the tests: redis-server, mariadbd and postgres on free loopback ports, in temporary folders,
//! ended by process id.
//!
//! A missing program is a failure that names its Debian package, never a skipped test. A server dies with the test
//! process, also when that one is killed. `shared()` gives every test that runs at the same time in this process the
//! same database server, and ends it with the last of them.
//!
//! SQL Server alone is not started: the environment names one, or its tests say that they were skipped.
//!
//! What the others share is here: a process that ends with us, a free port, a data folder made once.
// Benches use some of it.
#![allow(clippy::unwrap_used, dead_code, unused_imports)]

mod cluster;
mod mariadb;
mod mssql;
mod pgbouncer;
mod postgres;
mod recorder;
mod redis;
mod stranger;
mod tls;

pub(crate) use cluster::{Cluster, ValkeyCluster};
pub(crate) use mariadb::MariaDb;
// The benches, which take the servers from here too, measure nothing on it.
#[allow(unused_imports)]
pub(crate) use mssql::MsSql;
pub(crate) use pgbouncer::PgBouncer;
pub(crate) use postgres::Postgres;
pub(crate) use recorder::Recorder;
pub(crate) use redis::{Redis, Valkey};
pub(crate) use stranger::{Reply, Stranger};
pub(crate) use tls::Certificates;

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock, Weak, mpsc};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The user and password of [`MariaDb::url`] and [`Postgres::url`].
pub(crate) const USER: &str = "tester";
/// See [`USER`].
pub(crate) const PASSWORD: &str = "s3cret-pw";
/// The empty database in [`MariaDb::url`] and [`Postgres::url`].
pub(crate) const DATABASE: &str = "shop";

/// How long a server may take to start on a busy machine before the test gives up.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server process, ended when dropped.
struct Process {
    child: Child,
    log: PathBuf,
    end: Signal,
}

impl Process {
    /// Starts the command as `user`, with its output in `folder/log`.
    fn spawn(command: Command, folder: &Path, user: Option<&str>, end: Signal) -> Self {
        let log = folder.join("log");
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        let mut command = as_user(
            command,
            user,
            Some(if end == Signal::QUIT { "QUIT" } else { "KILL" }),
        );
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file);
        Self {
            child: spawn_from_lasting_thread(command),
            log,
            end,
        }
    }

    /// Waits until `ready` (asked with the process id) says so; `false` when the server ended instead.
    fn until(&mut self, ready: impl Fn(u32) -> bool) -> bool {
        let start = Instant::now();
        loop {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if ready(self.child.id()) {
                return true;
            }
            let log = || std::fs::read_to_string(&self.log).unwrap_or_default();
            assert!(
                start.elapsed() < PATIENCE,
                "a server did not start in {PATIENCE:?}; its log: {}",
                log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        signal(self.child.id(), self.end);
        // A stopped process takes no other signal than KILL and CONT.
        signal(self.child.id(), Signal::CONT);
        let start = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if start.elapsed() > Duration::from_secs(10) {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
        let _ = kill_process(pid, signal);
    }
}

/// Tries free ports until the server comes up: another process may take a port between our look and its start.
fn on_a_free_port(start: impl Fn(u16) -> Option<Process>) -> (u16, Process) {
    for _ in 0..5 {
        let port = TcpListener::bind(("127.0.0.1", 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        if let Some(process) = start(port) {
            return (port, process);
        }
    }
    panic!("a server ended at once on five ports; run it by hand to see why");
}

/// A loopback port on which nothing listens.
pub(crate) fn closed_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The kernel ends a child with the *thread* that started it, and a test's thread is short-lived: one thread that
/// never ends starts them all.
fn spawn_from_lasting_thread(command: Command) -> Child {
    type Job = (Command, mpsc::Sender<std::io::Result<Child>>);
    static JOBS: OnceLock<Mutex<mpsc::Sender<Job>>> = OnceLock::new();
    let jobs = JOBS.get_or_init(|| {
        let (sender, jobs) = mpsc::channel::<Job>();
        std::thread::spawn(move || {
            for (mut command, answer) in jobs {
                let _ = answer.send(command.spawn());
            }
        });
        Mutex::new(sender)
    });
    let (sender, answer) = mpsc::channel();
    let name = command.get_program().display().to_string();
    jobs.lock().unwrap().send((command, sender)).unwrap();
    answer
        .recv()
        .unwrap()
        .unwrap_or_else(|error| panic!("{name} does not start: {error}"))
}

/// The command under `setpriv`: as another user, and with a signal that ends it with us. Without `setpriv` a server
/// of the same user still starts.
fn as_user(command: Command, user: Option<&str>, end: Option<&str>) -> Command {
    if user.is_none() && (end.is_none() || find("setpriv", &[]).is_none()) {
        return command;
    }
    let mut wrapped = Command::new(program(&["setpriv"], &[], "util-linux"));
    if let Some(user) = user {
        wrapped.args(["--reuid", user, "--regid", user, "--init-groups"]);
    }
    if let Some(end) = end {
        wrapped.args(["--pdeathsig", end]);
    }
    wrapped
        .arg("--")
        .arg(command.get_program())
        .args(command.get_args());
    wrapped.current_dir("/");
    wrapped
}

/// Runs a command to its end with `input`, and returns what it prints; a failure shows what it said.
pub(crate) fn stdout_of(mut command: Command, input: &str) -> String {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().unwrap();
    let _ = writer.join();
    assert!(
        status.success(),
        "{command:?} failed: {}{}",
        String::from_utf8_lossy(&stderr),
        String::from_utf8_lossy(&stdout)
    );
    String::from_utf8_lossy(&stdout).into_owned()
}

fn share<T>(shared: &Mutex<Weak<T>>, start: impl FnOnce() -> T) -> Arc<T> {
    // A start that panicked leaves the weak pointer as it was: nothing to distrust.
    let mut slot = shared
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    slot.upgrade().unwrap_or_else(|| {
        let started = Arc::new(start());
        *slot = Arc::downgrade(&started);
        started
    })
}

fn fresh_name() -> String {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
    format!(
        "t{}",
        NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
    )
}

fn find(name: &str, folders: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders
        .iter()
        .map(PathBuf::from)
        .chain(std::env::split_paths(&path))
        .chain(["/usr/sbin", "/sbin", "/usr/local/bin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

fn program(names: &[&str], folders: &[&str], package: &str) -> PathBuf {
    names.iter().find_map(|name| find(name, folders)).unwrap_or_else(|| {
        panic!("{} is not installed; install Debian's package {package} (apt-get install {package})", names[0])
    })
}

/// A folder that `make` fills once per target folder, however many test processes ask at the same time.
fn template(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(place).unwrap();
    let folder = place.join(format!("{name}-template"));
    let lock = std::fs::File::create(place.join(format!("{name}-template.lock"))).unwrap();
    lock.lock().unwrap();
    if !folder.exists() {
        let half = place.join(format!("{name}-template.half"));
        let _ = std::fs::remove_dir_all(&half);
        make(&half);
        std::fs::rename(&half, &folder).unwrap();
    }
    folder
}

fn copy(from: &Path, to: &Path) {
    let mut command = Command::new("cp");
    command
        .args(["-r", "--reflink=auto", "--sparse=always", "-p"])
        .arg(from)
        .arg(to);
    stdout_of(command, "");
}

#[test]
fn redis_starts_dies_and_comes_back_on_its_port() {
    let mut redis = Redis::start();
    assert_eq!(redis.cli(&["SET", "a", "1"]).trim(), "OK");
    redis.kill();
    assert!(std::net::TcpStream::connect(("127.0.0.1", redis.port)).is_err());
    redis.restart();
    assert_eq!(redis.cli(&["EXISTS", "a"]).trim(), "0");
}

#[test]
fn valkey_is_version_nine() {
    let valkey = Valkey::start();
    let info = valkey.cli(&["INFO", "server"]);
    assert!(info.contains("\nvalkey_version:9."), "{info}");
}

#[test]
fn mariadb_starts_and_answers() {
    let server = MariaDb::shared();
    let (_, database) = server.fresh_database();
    assert_eq!(
        server.client(&database, "SELECT 40 + 2 AS x, DATABASE() AS d", &[]),
        format!("x\td\n42\t{database}\n")
    );
}

#[test]
fn postgres_starts_and_answers() {
    let server = Postgres::shared();
    let (_, database) = server.fresh_database();
    assert_eq!(
        server.client(&database, "SELECT 40 + 2, current_database()", &[]),
        format!("42|{database}\n")
    );
}
