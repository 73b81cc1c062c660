//! Private servers for the tests: redis-server, mariadbd and postgres on free loopback ports, in temporary folders,
//! ended by process id.
//!
//! A missing program is a failure that names its Debian package, never a skipped test. A server dies with the test
//! process, also when that one is killed. `shared()` gives every test that runs at the same time in this process the
//! same database server, and ends it with the last of them.
#![allow(clippy::unwrap_used, dead_code)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock, Weak, mpsc};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The user and password of [`MariaDb::url`] and [`Postgres::url`].
pub(crate) const USER: &str = "tester";
/// See [`USER`].
pub(crate) const PASSWORD: &str = "s3cret-pw";
/// The empty database in [`MariaDb::url`] and [`Postgres::url`].
pub(crate) const DATABASE: &str = "shop";

/// How long a server may take to start on a busy machine before the test gives up.
const PATIENCE: Duration = Duration::from_mins(1);

// --- Redis -------------------------------------------------------------------------------------------------------

/// A private redis-server.
pub(crate) struct Redis {
    /// Its loopback port; the same after [`Redis::restart`].
    pub(crate) port: u16,
    folder: TempDir,
    args: Vec<String>,
    process: Option<Process>,
}

impl Redis {
    /// Starts one that keeps nothing on disk.
    pub(crate) fn start() -> Self {
        Self::start_with(&["--save", "", "--appendonly", "no"])
    }

    /// Starts one with these arguments after the port and folder.
    pub(crate) fn start_with(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let (port, process) = on_a_free_port(|port| Self::spawn(port, folder.path(), &args));
        Self {
            port,
            folder,
            args,
            process: Some(process),
        }
    }

    fn spawn(port: u16, folder: &Path, args: &[String]) -> Option<Process> {
        let mut command = Command::new(program(
            &["redis-server", "valkey-server"],
            &[],
            "redis-server",
        ));
        command
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"])
            .arg(folder);
        command.args(args);
        let mut process = Process::spawn(command, folder, None, Signal::KILL);
        process
            .until(|pid| redis_answers(port, pid))
            .then_some(process)
    }

    /// `redis://127.0.0.1:PORT/0`.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Its folder: where a unix socket may be put, and where it saves.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().expect("the server runs").child.id()
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same port, after [`Redis::kill`].
    pub(crate) fn restart(&mut self) {
        self.process = None;
        let start = Instant::now();
        while self.process.is_none() {
            assert!(
                start.elapsed() < PATIENCE,
                "redis-server does not come back on port {}",
                self.port
            );
            self.process = Self::spawn(self.port, self.folder.path(), &self.args);
        }
    }

    /// Stops its clock: connections stay open and nothing answers, as on a hung machine.
    pub(crate) fn freeze(&self) {
        signal(self.pid(), Signal::STOP);
    }

    /// Lets it go on after [`Redis::freeze`].
    pub(crate) fn thaw(&self) {
        signal(self.pid(), Signal::CONT);
    }

    /// What `redis-cli` prints for these arguments.
    pub(crate) fn cli(&self, args: &[&str]) -> String {
        let mut command = Command::new(program(&["redis-cli", "valkey-cli"], &[], "redis-tools"));
        command.args(["-p", &self.port.to_string()]).args(args);
        stdout_of(command, "")
    }
}

/// Whether the redis-server with this process id answers on the port (another one may have taken the port first).
fn redis_answers(port: u16, pid: u32) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    if stream.write_all(b"INFO server\r\nQUIT\r\n").is_err() {
        return false;
    }
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer.contains(&format!("process_id:{pid}\r")) || answer.starts_with("-NOAUTH")
}

// --- MariaDB -----------------------------------------------------------------------------------------------------

/// A private MariaDB server with a database [`DATABASE`] that [`USER`] owns.
pub(crate) struct MariaDb {
    /// Its loopback port.
    pub(crate) port: u16,
    folder: TempDir,
    // Declared last on purpose: see `Drop` of `Process`; the folder must outlive the server.
    process: Option<Process>,
}

impl MariaDb {
    /// The server that all tests running now in this process share; each test makes its own tables or databases.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<MariaDb>> = Mutex::new(Weak::new());
        share(&SHARED, Self::start)
    }

    /// Starts one of one's own.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with more arguments, `--log-bin` for example.
    pub(crate) fn start_with(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&mariadb_template(), &folder.path().join("data"));
        std::fs::write(
            folder.path().join("init.sql"),
            format!(
                "CREATE DATABASE IF NOT EXISTS {DATABASE} CHARACTER SET utf8mb4;\n\
                 CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n\
                 GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
            ),
        )
        .unwrap();
        let (port, process) = on_a_free_port(|port| {
            let mut command = Command::new(program(
                &["mariadbd", "mysqld"],
                &["/usr/sbin"],
                "mariadb-server",
            ));
            command.arg("--no-defaults");
            command.arg(format!(
                "--datadir={}",
                folder.path().join("data").display()
            ));
            command.arg(format!(
                "--socket={}",
                folder.path().join("socket").display()
            ));
            command.arg(format!(
                "--pid-file={}",
                folder.path().join("pid").display()
            ));
            command.arg(format!(
                "--init-file={}",
                folder.path().join("init.sql").display()
            ));
            command.arg(format!("--port={port}"));
            command.args([
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--skip-log-bin",
            ]);
            // Small and careless: the data lives as long as the test.
            command.args([
                "--innodb-buffer-pool-size=32M",
                "--innodb-log-file-size=4M",
                "--key-buffer-size=1M",
            ]);
            command.args([
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-doublewrite=0",
            ]);
            command.args([
                "--innodb-fast-shutdown=2",
                "--max-allowed-packet=256M",
                "--table-open-cache=64",
            ]);
            if rustix::process::geteuid().is_root() {
                command.arg("--user=root");
            }
            command.args(args);
            let mut process = Process::spawn(command, folder.path(), None, Signal::KILL);
            process.until(|_| mariadb_answers(port)).then_some(process)
        });
        Self {
            port,
            folder,
            process: Some(process),
        }
    }

    /// `mysql://tester:...@127.0.0.1:PORT/shop`.
    pub(crate) fn url(&self) -> String {
        self.url_of(DATABASE)
    }

    /// The URL of another database on it.
    pub(crate) fn url_of(&self, database: &str) -> String {
        format!(
            "mysql://{USER}:{PASSWORD}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// Its unix socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().expect("the server runs").child.id()
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// Makes a new empty database and returns its URL and name: a test of its own on a shared server.
    pub(crate) fn fresh_database(&self) -> (String, String) {
        let name = fresh_name();
        self.client(
            DATABASE,
            &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"),
            &[],
        );
        (self.url_of(&name), name)
    }

    /// What the `mariadb` client prints in batch mode for this SQL.
    pub(crate) fn client(&self, database: &str, sql: &str, args: &[&str]) -> String {
        let mut command = Command::new(program(&["mariadb", "mysql"], &[], "mariadb-client"));
        command.args([
            "--no-defaults",
            "--protocol=tcp",
            "--host=127.0.0.1",
            "--default-character-set=utf8mb4",
        ]);
        command
            .arg(format!("--port={}", self.port))
            .arg(format!("--user={USER}"));
        command
            .arg("--batch")
            .args(args)
            .arg(database)
            .env("MYSQL_PWD", PASSWORD);
        stdout_of(command, sql)
    }
}

/// Whether a server greets on the port.
fn mariadb_answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let mut greeting = [0; 5];
    stream.read_exact(&mut greeting).is_ok() && greeting[4] == 10
}

/// A data folder as `mariadb-install-db` makes it, made once per target folder.
fn mariadb_template() -> PathBuf {
    template("mariadb", |folder| {
        let program = program(
            &["mariadb-install-db", "mysql_install_db"],
            &[],
            "mariadb-server",
        );
        let mut command = Command::new(program);
        command
            .arg("--no-defaults")
            .arg(format!("--datadir={}", folder.display()));
        command.args([
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--innodb-log-file-size=4M",
        ]);
        if rustix::process::geteuid().is_root() {
            command.arg("--user=root");
        }
        stdout_of(command, "");
    })
}

// --- PostgreSQL --------------------------------------------------------------------------------------------------

/// A private PostgreSQL server with a database [`DATABASE`]; [`USER`] is its superuser.
pub(crate) struct Postgres {
    /// Its loopback port.
    pub(crate) port: u16,
    folder: TempDir,
    process: Option<Process>,
}

impl Postgres {
    /// The server that all tests running now in this process share; each test makes its own database or schema.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
        share(&SHARED, Self::start)
    }

    /// Starts one of one's own.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with more arguments, `-c wal_level=logical` for example.
    pub(crate) fn start_with(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        copy(&postgres_template(), &data);
        give_to_postgres(folder.path());
        let (port, process) = on_a_free_port(|port| {
            let mut command = Command::new(postgres_program("postgres"));
            command
                .arg("-D")
                .arg(&data)
                .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k"])
                .arg(folder.path());
            // Small and careless: the data lives as long as the test.
            command.args([
                "-F",
                "-c",
                "shared_buffers=32MB",
                "-c",
                "full_page_writes=off",
            ]);
            command.args(["-c", "max_connections=60", "-c", "autovacuum=off"]);
            command.args(args);
            let mut process = Process::spawn(command, folder.path(), postgres_user(), Signal::QUIT);
            process
                .until(|_| postgres_is_ready(&data))
                .then_some(process)
        });
        Self {
            port,
            folder,
            process: Some(process),
        }
    }

    /// `postgres://tester:...@127.0.0.1:PORT/shop`.
    pub(crate) fn url(&self) -> String {
        self.url_of(DATABASE)
    }

    /// The URL of another database on it.
    pub(crate) fn url_of(&self, database: &str) -> String {
        format!(
            "postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// The folder of its unix socket.
    pub(crate) fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().expect("the server runs").child.id()
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// Makes a new empty database and returns its URL and name: a test of its own on a shared server.
    pub(crate) fn fresh_database(&self) -> (String, String) {
        let name = fresh_name();
        self.client(DATABASE, &format!("CREATE DATABASE {name}"), &[]);
        (self.url_of(&name), name)
    }

    /// What `psql` prints for this SQL, unaligned and without headers.
    pub(crate) fn client(&self, database: &str, sql: &str, args: &[&str]) -> String {
        let mut command = Command::new(program(&["psql"], &[], "postgresql-client"));
        command.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-U",
            USER,
        ]);
        command
            .args(["-p", &self.port.to_string(), "-d", database])
            .args(args)
            .env("PGPASSWORD", PASSWORD);
        command.env("PGTZ", "UTC");
        stdout_of(command, sql)
    }
}

/// Whether the server that owns this data folder has written that it is ready.
fn postgres_is_ready(data: &Path) -> bool {
    std::fs::read_to_string(data.join("postmaster.pid")).is_ok_and(|text| text.contains("ready"))
}

/// A data folder as `initdb` makes it, with [`DATABASE`], made once per target folder.
fn postgres_template() -> PathBuf {
    template("postgres", |folder| {
        // initdb refuses root and must own the folder, so it works in a temporary one.
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(place.path().join("password"), PASSWORD).unwrap();
        give_to_postgres(place.path());
        let mut command = Command::new(postgres_program("initdb"));
        command.arg("-D").arg(&data).args([
            "-U",
            USER,
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        ]);
        command.arg("--pwfile").arg(place.path().join("password"));
        stdout_of(as_user(command, postgres_user(), None), "");
        let mut command = Command::new(postgres_program("postgres"));
        command
            .args(["--single", "-j", "-D"])
            .arg(&data)
            .arg("postgres");
        stdout_of(
            as_user(command, postgres_user(), None),
            &format!("CREATE DATABASE {DATABASE};\n\n"),
        );
        copy(&data, folder);
    })
}

/// `postgres` itself refuses root.
fn postgres_user() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("postgres")
}

fn give_to_postgres(folder: &Path) {
    if let Some(user) = postgres_user() {
        let mut command = Command::new("chown");
        command.arg("-R").arg(format!("{user}:")).arg(folder);
        stdout_of(command, "");
    }
}

fn postgres_program(name: &str) -> PathBuf {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| {
            entries
                .flatten()
                .map(|entry| entry.path().join("bin"))
                .collect()
        })
        .unwrap_or_default();
    // The newest version first: names are version numbers of two digits.
    folders.sort();
    folders.reverse();
    let folders: Vec<&str> = folders
        .iter()
        .filter_map(|folder| folder.to_str())
        .collect();
    program(&[name], &folders, "postgresql")
}

// --- Shared parts ------------------------------------------------------------------------------------------------

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

// --- Smoke tests -------------------------------------------------------------------------------------------------

#[test]
fn redis_starts_dies_and_comes_back_on_its_port() {
    let mut redis = Redis::start();
    assert_eq!(redis.cli(&["SET", "a", "1"]).trim(), "OK");
    redis.kill();
    assert!(TcpStream::connect(("127.0.0.1", redis.port)).is_err());
    redis.restart();
    assert_eq!(redis.cli(&["EXISTS", "a"]).trim(), "0");
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
