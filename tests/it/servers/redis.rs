//! A private redis-server, and a valkey-server like it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use super::{PATIENCE, Process, find, on_a_free_port, program, signal, stdout_of};

/// A private redis-server.
pub(crate) struct Redis {
    /// Its loopback port; the same after [`Redis::restart`].
    pub(crate) port: u16,
    folder: TempDir,
    /// What it runs.
    pub(super) program: PathBuf,
    args: Vec<String>,
    process: Option<Process>,
}

/// A private valkey-server of version 9, used as a [`Redis`].
pub(crate) struct Valkey(Redis);

impl Valkey {
    /// Starts one that keeps nothing on disk.
    pub(crate) fn start() -> Self {
        Self::start_with(&["--save", "", "--appendonly", "no"])
    }

    /// Starts one with these arguments after the port and folder.
    pub(crate) fn start_with(args: &[&str]) -> Self {
        Self(Redis::start_program(valkey_server(), args))
    }
}

impl Deref for Valkey {
    type Target = Redis;

    fn deref(&self) -> &Redis {
        &self.0
    }
}

impl DerefMut for Valkey {
    fn deref_mut(&mut self) -> &mut Redis {
        &mut self.0
    }
}

/// The program as `./dev test` finds or fetches it.
pub(super) fn valkey_server() -> PathBuf {
    if let Some(named) = std::env::var_os("LOOKASIDE_TEST_VALKEY") {
        return named.into();
    }
    let cache = directories::BaseDirs::new().map(|dirs| dirs.cache_dir().join("lookaside"));
    let cache = cache.map(|folder| folder.display().to_string());
    find("valkey-server", &[cache.as_deref().unwrap_or("/nowhere")]).unwrap_or_else(|| {
        panic!("valkey-server is not here; ./dev test fetches it, or set LOOKASIDE_TEST_VALKEY to its program")
    })
}

pub(super) fn redis_server() -> PathBuf {
    program(&["redis-server", "valkey-server"], &[], "redis-server")
}

impl Redis {
    /// Starts one that keeps nothing on disk.
    pub(crate) fn start() -> Self {
        Self::start_with(&["--save", "", "--appendonly", "no"])
    }

    /// Starts one with these arguments after the port and folder.
    pub(crate) fn start_with(args: &[&str]) -> Self {
        Self::start_program(redis_server(), args)
    }

    /// Starts one whose slow log holds every command; see [`Redis::logged`].
    pub(crate) fn start_logging() -> Self {
        let every = [
            "--slowlog-log-slower-than",
            "0",
            "--slowlog-max-len",
            "100000",
        ];
        Self::start_with(&[&["--save", ""], &every[..]].concat())
    }

    /// Starts one of this program.
    pub(super) fn start_program(program: PathBuf, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let (port, process) =
            on_a_free_port(|port| Self::spawn(&program, port, folder.path(), &args));
        Self {
            port,
            folder,
            program,
            args,
            process: Some(process),
        }
    }

    fn spawn(program: &Path, port: u16, folder: &Path, args: &[String]) -> Option<Process> {
        let mut command = Command::new(program);
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
            self.process = Self::spawn(&self.program, self.port, self.folder.path(), &self.args);
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
        let mut command = self.cli_command();
        command.args(args);
        stdout_of(command, "")
    }

    /// What the inspector sent since the slow log was emptied, the last first: microseconds at the server, and the words.
    pub(crate) fn logged(&self) -> Vec<(u64, Vec<String>)> {
        type Entry = (i64, i64, u64, Vec<String>, String, String);
        let client = ::redis::Client::open(self.url()).unwrap();
        let mut link = client.get_connection().unwrap();
        let entries: Vec<Entry> = ::redis::cmd("SLOWLOG")
            .arg("GET")
            .arg(-1)
            .query(&mut link)
            .unwrap();
        let ours = entries
            .into_iter()
            .filter(|entry| entry.5 == "lookaside-inspect");
        ours.map(|entry| (entry.2, entry.3)).collect()
    }

    /// Bytes that it has sent.
    pub(crate) fn sent(&self) -> u64 {
        let stats = self.cli(&["INFO", "stats"]);
        let field = |line: &str| {
            line.strip_prefix("total_net_output_bytes:")?
                .trim()
                .parse()
                .ok()
        };
        stats.lines().find_map(field).unwrap()
    }

    /// `redis-cli` for this server.
    pub(crate) fn cli_command(&self) -> Command {
        let mut command = Command::new(program(&["redis-cli", "valkey-cli"], &[], "redis-tools"));
        command.args(["-p", &self.port.to_string()]);
        command
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
