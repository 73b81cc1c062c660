//! A private PostgreSQL server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, Weak};

use rustix::process::Signal;
use tempfile::TempDir;

use super::{
    Certificates, DATABASE, PASSWORD, Process, USER, as_user, copy, fresh_name, on_a_free_port,
    program, share, stdout_of, template,
};

/// A private PostgreSQL server with a database [`DATABASE`]; [`USER`] is its superuser.
pub(crate) struct Postgres {
    /// Its loopback port.
    pub(crate) port: u16,
    folder: TempDir,
    args: Vec<String>,
    process: Option<Process>,
}

/// What a server needs whose log is read.
const LOGICAL: &[&str] = &[
    "-c",
    "wal_level=logical",
    "-c",
    "max_prepared_transactions=10",
    "-c",
    "max_replication_slots=20",
    "-c",
    "max_wal_senders=20",
];

impl Postgres {
    /// The server that all tests running now in this process share; each test makes its own database or schema.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
        share(&SHARED, Self::start)
    }

    /// The shared one whose log can be read: wal_level = logical.
    pub(crate) fn logical() -> Arc<Self> {
        static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
        share(&SHARED, Self::start_logical)
    }

    /// Starts one of one's own whose log can be read.
    pub(crate) fn start_logical() -> Self {
        Self::start_with(LOGICAL)
    }

    /// Starts one of one's own.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one that takes connections over TLS alone.
    pub(crate) fn start_tls(certificates: &Certificates) -> Self {
        Self::start_encrypted(certificates, &[])
    }

    /// The same, with a log that can be read.
    pub(crate) fn start_tls_logical(certificates: &Certificates) -> Self {
        Self::start_encrypted(certificates, LOGICAL)
    }

    fn start_encrypted(certificates: &Certificates, args: &[&str]) -> Self {
        let ssl = [
            "-c",
            "ssl=on",
            "-c",
            "ssl_cert_file=server.pem",
            "-c",
            "ssl_key_file=server.key",
        ];
        Self::start_in(&[&ssl, args].concat(), |data| {
            let (certificate, key) = certificates.server();
            std::fs::copy(certificate, data.join("server.pem")).unwrap();
            std::fs::copy(key, data.join("server.key")).unwrap();
            let rules = data.join("pg_hba.conf");
            let open = std::fs::read_to_string(&rules).unwrap();
            let encrypted: String = open
                .lines()
                .map(|line| match line.strip_prefix("host ") {
                    Some(rest) => format!("hostssl {rest}\n"),
                    None => format!("{line}\n"),
                })
                .collect();
            std::fs::write(rules, encrypted).unwrap();
        })
    }

    /// Starts one with more arguments, `-c wal_level=logical` for example.
    pub(crate) fn start_with(args: &[&str]) -> Self {
        Self::start_in(args, |_| ())
    }

    /// Starts a standby of a server that was started just now: both begin with the same data.
    pub(crate) fn start_standby(primary: &Self) -> Self {
        let port = primary.port;
        // As many as in the data that both begin with.
        Self::start_in(&["-c", "max_connections=100"], |data| {
            std::fs::write(data.join("standby.signal"), "").unwrap();
            let settings = format!(
                "primary_conninfo = 'host=127.0.0.1 port={port} user={USER} password={PASSWORD}'\n"
            );
            std::fs::write(data.join("postgresql.auto.conf"), settings).unwrap();
        })
    }

    fn start_in(args: &[&str], prepare: impl Fn(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        copy(&postgres_template(), &data);
        prepare(&data);
        give_to_postgres(folder.path());
        let (port, process) = on_a_free_port(|port| launch(folder.path(), port, args));
        Self {
            port,
            folder,
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            process: Some(process),
        }
    }

    /// Starts it again on its port after [`Self::kill`].
    pub(crate) fn restart(&mut self) {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        // The old one is waited for, but what it wrote of itself stays.
        let _ = std::fs::remove_file(self.folder.path().join("data/postmaster.pid"));
        self.process = launch(self.folder.path(), self.port, &args);
        assert!(self.process.is_some(), "the server did not start again");
    }

    /// Starts it again with other arguments.
    pub(crate) fn restart_with(&mut self, args: &[&str]) {
        self.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        self.kill();
        self.restart();
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

/// A server on the data in `folder/data`; `None` where it ends at once.
fn launch(folder: &Path, port: u16, args: &[&str]) -> Option<Process> {
    let data = folder.join("data");
    let mut command = Command::new(postgres_program("postgres"));
    command
        .arg("-D")
        .arg(&data)
        .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k"])
        .arg(folder);
    // Small and careless: the data lives as long as the test.
    command.args([
        "-F",
        "-c",
        "shared_buffers=32MB",
        "-c",
        "full_page_writes=off",
    ]);
    command.args(["-c", "max_connections=100", "-c", "autovacuum=off"]);
    command.args(args);
    let mut process = Process::spawn(command, folder, postgres_user(), Signal::QUIT);
    process
        .until(|_| postgres_is_ready(&data))
        .then_some(process)
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
pub(super) fn postgres_user() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("postgres")
}

pub(super) fn give_to_postgres(folder: &Path) {
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
