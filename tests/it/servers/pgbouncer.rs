//! A private PgBouncer in front of a private PostgreSQL server.

use std::net::TcpStream;
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use super::postgres::{give_to_postgres, postgres_user};
use super::{PASSWORD, Postgres, Process, USER, on_a_free_port, program};

/// A pooler, in session or transaction mode.
pub(crate) struct PgBouncer {
    port: u16,
    _process: Process,
    _folder: TempDir,
}

impl PgBouncer {
    /// Starts one. In transaction mode it has two connections to each database of the server, which clients share.
    pub(crate) fn start(server: &Postgres, mode: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let size = if mode == "session" { 8 } else { 2 };
        std::fs::write(
            folder.path().join("users.txt"),
            format!("\"{USER}\" \"{PASSWORD}\"\n"),
        )
        .unwrap();
        give_to_postgres(folder.path());
        let (port, process) = on_a_free_port(|port| {
            let config = folder.path().join(format!("{port}.ini"));
            let text = format!(
                "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
                 unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\npool_mode = {mode}\n\
                 default_pool_size = {size}\nquery_wait_timeout = 30\n",
                server.port,
                folder.path().join("users.txt").display()
            );
            std::fs::write(&config, text).unwrap();
            give_to_postgres(folder.path());
            let mut command = Command::new(program(&["pgbouncer"], &[], "pgbouncer"));
            command.arg(config);
            let mut process = Process::spawn(command, folder.path(), postgres_user(), Signal::KILL);
            process
                .until(|_| TcpStream::connect(("127.0.0.1", port)).is_ok())
                .then_some(process)
        });
        Self {
            port,
            _process: process,
            _folder: folder,
        }
    }

    /// The URL of a database behind it.
    pub(crate) fn url_of(&self, database: &str) -> String {
        format!(
            "postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}",
            self.port
        )
    }
}
