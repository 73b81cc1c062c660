//! A private MariaDB server.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use super::{
    DATABASE, PASSWORD, Process, USER, copy, fresh_name, on_a_free_port, program, share, stdout_of,
    template,
};

/// A private MariaDB server with a database [`DATABASE`] that [`USER`] owns.
pub(crate) struct MariaDb {
    /// Its loopback port.
    pub(crate) port: u16,
    args: Vec<String>,
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
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let (port, process) = on_a_free_port(|port| launch(&folder, port, &args));
        Self {
            port,
            args,
            folder,
            process: Some(process),
        }
    }

    /// Starts one that logs every change row by row, as detectors want it; with more arguments.
    pub(crate) fn start_logging(args: &[&str]) -> Self {
        let log = ["--log-bin=binlog", "--binlog-format=ROW", "--server-id=7"];
        Self::start_with(&[&log, args].concat())
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

    /// Ends it in order.
    pub(crate) fn stop(&mut self) {
        let mut process = self.process.take().expect("the server runs");
        process.end = Signal::TERM;
    }

    /// Starts it again on its port and its data.
    pub(crate) fn restart(&mut self) {
        self.restart_with(&[]);
    }

    /// Starts it again with more arguments, this time only.
    pub(crate) fn restart_with(&mut self, more: &[&str]) {
        self.process = None;
        // What it does is done, and would be logged once more.
        let _ = std::fs::remove_file(self.folder.path().join("init.sql"));
        let more = more.iter().map(|arg| (*arg).to_owned());
        let args: Vec<String> = self.args.iter().cloned().chain(more).collect();
        let started = launch(&self.folder, self.port, &args);
        self.process = Some(started.expect("the server starts again"));
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

/// Starts a server in this folder; `None` where it ended at once.
fn launch(folder: &TempDir, port: u16, args: &[String]) -> Option<Process> {
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
    let init = folder.path().join("init.sql");
    if init.is_file() {
        command.arg(format!("--init-file={}", init.display()));
    }
    command.arg(format!("--port={port}"));
    command.args(["--bind-address=127.0.0.1", "--skip-name-resolve"]);
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
    if !args.iter().any(|arg| arg.starts_with("--log-bin")) {
        command.arg("--skip-log-bin");
    }
    command.args(args);
    let mut process = Process::spawn(command, folder.path(), None, Signal::KILL);
    let socket = folder.path().join("socket");
    process
        .until(|_| mariadb_answers(&socket))
        .then_some(process)
}

/// Whether a server greets on the socket: it is ours alone, while another server may have taken the port, and it is opened
/// after the port.
fn mariadb_answers(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else {
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
