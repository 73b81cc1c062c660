//! A redis-server or valkey-server of our own: started on a free loopback port with a temporary folder, without
//! persistence, and ended with this program however that ends.
//!
//! A small shell stands between us and the server. It holds the reading end of a pipe whose only writing end is ours:
//! when this program is gone, also by `kill -9`, the shell reads the end of the pipe, kills the server and removes the
//! folder. That needs no `unsafe` and no signal that depends on which thread started the server.

use std::ffi::OsString;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::DemoError;

/// Names the server's program where it is not on the PATH.
pub const SERVER_VARIABLE: &str = "LOOKASIDE_REDIS_SERVER";

const GUARD: &str = r#"
exec 3<&0
"$1" "$2/redis.conf" </dev/null 3<&- &
server=$!
{ read -r _ <&3; kill -KILL "$server" 2>/dev/null; } &
guard=$!
exec 3<&-
wait "$server"
status=$?
kill -KILL "$guard" 2>/dev/null
wait "$guard" 2>/dev/null
# Killed: nobody will read its log any more. Ended by itself: the log says why.
[ "$status" -ne 137 ] || { rm -f "$2/redis.conf" "$2/redis.log"; rmdir "$2"; }
exit "$status"
"#;

/// A running private server. Dropping it ends it.
pub struct PrivateServer {
    /// The shell that guards the server; its standard input is the pipe.
    guard: Child,
    folder: PathBuf,
    port: u16,
    password: String,
}

impl PrivateServer {
    /// Starts a server and waits until it answers.
    pub async fn start() -> Result<Self, DemoError> {
        let program = find()?;
        let mut last = None;
        // Between finding a free port and using it, somebody else may take it.
        for _ in 0..3 {
            match Self::start_on(&program, free_port()?).await {
                Ok(server) => return Ok(server),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| DemoError("the private Redis server did not start".to_owned())))
    }

    /// Its URL with the password: for opening a connection, not for showing.
    pub fn url(&self) -> String {
        format!("redis://:{}@127.0.0.1:{}/0", self.password, self.port)
    }

    /// The loopback port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether its process still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.guard.try_wait(), Ok(None))
    }

    async fn start_on(program: &Path, port: u16) -> Result<Self, DemoError> {
        let folder = tempfile::Builder::new()
            .prefix("lookaside-redis-")
            .tempdir()
            .map_err(|error| {
                DemoError(format!("cannot make a temporary folder for the private Redis server: {error}; set TMPDIR"))
            })?
            .keep();
        let password = password();
        let mut server = match spawn(program, &folder, port, &password) {
            Ok(guard) => Self {
                guard,
                folder,
                port,
                password,
            },
            Err(error) => {
                let _ = std::fs::remove_dir_all(&folder);
                return Err(DemoError(format!(
                    "cannot start {}: {error}",
                    program.display()
                )));
            }
        };
        let client =
            redis::Client::open(server.url()).map_err(|error| DemoError(error.to_string()))?;
        let begun = Instant::now();
        loop {
            if let Ok(mut connection) = client.get_multiplexed_async_connection().await
                && redis::cmd("PING")
                    .query_async::<String>(&mut connection)
                    .await
                    .is_ok()
            {
                return Ok(server);
            }
            if !server.is_running() || begun.elapsed() > Duration::from_secs(20) {
                return Err(server.why_not(program));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What the server wrote last before it gave up.
    fn why_not(&self, program: &Path) -> DemoError {
        let log = std::fs::read_to_string(self.folder.join("redis.log")).unwrap_or_default();
        let last = log
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("it wrote no message");
        DemoError(format!(
            "{} did not start on port {}: {}; set {SERVER_VARIABLE} to another redis-server or valkey-server",
            program.display(),
            self.port,
            last.trim()
        ))
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // The guard kills the server at once; waiting for it leaves nothing behind.
        let _ = self.guard.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl std::fmt::Debug for PrivateServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateServer(127.0.0.1:{})", self.port)
    }
}

/// The server's program: named by the user, on the PATH, or where `./dev` put it.
fn find() -> Result<PathBuf, DemoError> {
    if let Some(named) = std::env::var_os(SERVER_VARIABLE).filter(|value| !value.is_empty()) {
        let named = PathBuf::from(named);
        return if named.is_file() {
            Ok(named)
        } else {
            Err(DemoError(format!(
                "{SERVER_VARIABLE} names {}, which is not a file; correct it or unset it",
                named.display()
            )))
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    candidates(&path).into_iter().find(|candidate| candidate.is_file()).ok_or_else(|| {
        DemoError(format!(
            "there is no redis-server or valkey-server on this machine; install one (Debian, Ubuntu: apt install \
             redis-server; Fedora: dnf install valkey; macOS: brew install valkey) or set {SERVER_VARIABLE} to its program"
        ))
    })
}

fn candidates(path: &std::ffi::OsStr) -> Vec<PathBuf> {
    // Some desktops start programs with a PATH without these.
    let usual = [
        "/usr/bin",
        "/usr/sbin",
        "/usr/local/bin",
        "/opt/homebrew/bin",
    ]
    .map(PathBuf::from);
    let folders: Vec<PathBuf> = std::env::split_paths(path).chain(usual).collect();
    let mut found: Vec<PathBuf> = ["valkey-server", "redis-server"]
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .collect();
    if let Some(dirs) = directories::ProjectDirs::from("", "", "lookaside") {
        found.push(dirs.cache_dir().join("valkey-server"));
    }
    found
}

fn free_port() -> Result<u16, DemoError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| {
            DemoError(format!(
                "there is no free loopback port for the private Redis server: {error}"
            ))
        })
}

fn password() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn spawn(program: &Path, folder: &Path, port: u16, password: &str) -> std::io::Result<Child> {
    // The password goes into a file of the user's own folder: arguments can be read by every user of the machine.
    let mut config = std::fs::File::create(folder.join("redis.conf"))?;
    write!(
        config,
        "bind 127.0.0.1\nport {port}\nprotected-mode yes\nrequirepass {password}\ndaemonize no\nsave \"\"\nappendonly no\n\
         dir \"{folder}\"\nlogfile \"{folder}/redis.log\"\nmaxmemory 1gb\nmaxmemory-policy volatile-lru\n\
         notify-keyspace-events KEA\n",
        folder = folder.display()
    )?;
    let mut arguments: Vec<OsString> = vec!["-c".into(), GUARD.into(), "lookaside-guard".into()];
    arguments.extend([
        program.as_os_str().to_owned(),
        folder.as_os_str().to_owned(),
    ]);
    Command::new("sh")
        .args(arguments)
        // Ctrl-C is for us: we may still want to say goodbye to the server's data.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_comes_before_the_usual_folders_and_valkey_before_redis() {
        let found = candidates(std::ffi::OsStr::new("/a:/b"));
        assert_eq!(
            &found[..2],
            [
                PathBuf::from("/a/valkey-server"),
                PathBuf::from("/b/valkey-server")
            ]
        );
        assert!(found.contains(&PathBuf::from("/b/redis-server")));
    }

    #[test]
    fn passwords_differ() {
        assert_ne!(password(), password());
        assert_eq!(password().len(), 32);
    }
}
