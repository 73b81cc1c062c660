//! Which commands does an account need, and which of them may it run? The one list of every command that the engine and
//! the worker send, directly or in a script.
//!
//! Each command is run on a string of ours that expires after 30 s. A command for another type answers WRONGTYPE there: it
//! may be run, and changes nothing.

use std::time::Duration;

use redis::{Cmd, RedisError, Value};

use super::{Cache, CacheError};

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(5);

/// What an account has to be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Reads and stores entries: without one of these reports run uncached.
    Engine,
    /// Watches sources and refreshes entries.
    Worker,
    /// Logs requests, refreshes and their failures, and counts what is asked for.
    Log,
    /// Audits entries.
    Auditor,
    /// Answers from a process's memory.
    Memory,
    /// Shows the keyspace.
    Inspector,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] = [
        Self::Engine,
        Self::Worker,
        Self::Log,
        Self::Auditor,
        Self::Memory,
        Self::Inspector,
    ];

    /// What works.
    pub fn what(self) -> &'static str {
        match self {
            Self::Engine => "reads and stores entries",
            Self::Worker => "watches sources and refreshes entries",
            Self::Log => "logs requests and counts demand",
            Self::Auditor => "counts what auditors find",
            Self::Memory => "answers from memory",
            Self::Inspector => "shows the keyspace",
        }
    }

    /// What is lost where a command is refused.
    pub fn lost(self) -> &'static str {
        match self {
            Self::Engine => "reports run uncached",
            Self::Worker => "no worker can watch or refresh",
            Self::Log => {
                "requests and failures are missing in the log, and the worker does not know what is asked for"
            }
            Self::Auditor => "lookaside audit compares entries, and counts nothing",
            Self::Memory => "a process that stays asks Redis for each answer",
            Self::Inspector => "lookaside keys and key show less",
        }
    }

    /// Whether the program does not do its work without it.
    pub fn is_needed(self) -> bool {
        matches!(self, Self::Engine | Self::Worker)
    }
}

/// What a command is tried with, besides its own name: `K` is the string, `C` a chunk's name, `E` the log.
type Tried = &'static [&'static str];

/// Every command with the first role that needs it.
const NEEDS: [(Role, &str, Tried); 39] = [
    // The string is made first, and removed last.
    (Role::Engine, "SET", &["K", "1", "PX", "30000"]),
    (Role::Engine, "SCRIPT", &["LOAD", "return 1"]),
    (
        Role::Engine,
        "EVALSHA",
        &["e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "1", "K"],
    ),
    (Role::Engine, "TIME", &[]),
    (Role::Engine, "GET", &["C"]),
    (Role::Engine, "EXISTS", &["K"]),
    (Role::Engine, "PEXPIRE", &["K", "30000"]),
    (Role::Engine, "HMGET", &["K", "f"]),
    (Role::Engine, "HGETALL", &["K"]),
    (Role::Engine, "HSET", &["K", "f", "v"]),
    // Only what a worker watches is compared with it.
    (Role::Worker, "HGET", &["K", "f"]),
    (Role::Engine, "SADD", &["K", "m"]),
    (Role::Engine, "PTTL", &["K"]),
    (Role::Worker, "HDEL", &["K", "f"]),
    (Role::Worker, "HEXISTS", &["K", "f"]),
    (Role::Worker, "HKEYS", &["K"]),
    (Role::Worker, "SISMEMBER", &["K", "m"]),
    (Role::Worker, "ZREMRANGEBYSCORE", &["K", "0", "0"]),
    (Role::Worker, "ZREVRANGE", &["K", "0", "0"]),
    (Role::Log, "ZSCORE", &["K", "m"]),
    (Role::Log, "ZADD", &["K", "0", "m"]),
    (Role::Log, "XRANGE", &["E", "-", "+", "COUNT", "1"]),
    (Role::Log, "XREAD", &["COUNT", "1", "STREAMS", "E", "$"]),
    // An identifier that no stream takes.
    (Role::Log, "XADD", &["E", "0-0", "f", "v"]),
    (Role::Log, "HINCRBY", &["K", "f", "1"]),
    (Role::Auditor, "SSCAN", &["K", "0"]),
    (Role::Memory, "PING", &[]),
    (Role::Memory, "CLIENT", &["TRACKING", "OFF"]),
    (Role::Inspector, "INFO", &["server"]),
    (Role::Inspector, "SCAN", &["0", "COUNT", "1"]),
    (Role::Inspector, "TYPE", &["K"]),
    (Role::Inspector, "MEMORY", &["USAGE", "K"]),
    (Role::Inspector, "OBJECT", &["ENCODING", "K"]),
    (Role::Inspector, "STRLEN", &["K"]),
    (Role::Inspector, "GETRANGE", &["K", "0", "1"]),
    (Role::Inspector, "HSCAN", &["K", "0"]),
    (Role::Inspector, "LRANGE", &["K", "0", "0"]),
    (Role::Inspector, "ZRANGE", &["K", "0", "0"]),
    (Role::Engine, "DEL", &["K"]),
];

/// Commands that make a key where there is none.
const MAKE_KEYS: [&str; 4] = ["HSET", "SADD", "HINCRBY", "ZADD"];

/// What an account may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// The account's name, as far as it may ask.
    pub account: Option<String>,
    /// The commands that it may not run, or the server does not have.
    pub refused: Vec<Refused>,
}

/// A command that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The role that needs it.
    pub role: Role,
    /// `SET`, `SCRIPT LOAD`.
    pub command: String,
    /// What lets the account run it, as a rule of ACL SETUSER: `+script|load`, `~lookaside:*`; `None` where the server
    /// does not have the command.
    pub rule: Option<String>,
}

impl Cache {
    /// Tries every command that is needed.
    ///
    /// # Errors
    ///
    /// Where the server refuses for a reason that has nothing to do with the account: it is full, a replica, or does not
    /// answer.
    pub async fn rights(&self) -> Result<Rights, CacheError> {
        let mut connection = self.open(ANSWER).await?;
        let names = Names::new(self.prefix());
        let mut who = redis::cmd("ACL");
        who.arg("WHOAMI");
        let mut rights = Rights {
            account: who.query_async(&mut connection).await.ok(),
            refused: Vec::new(),
        };
        for (role, name, args) in NEEDS {
            let no_string = rights
                .refused
                .iter()
                .any(|refused| refused.command == "SET");
            if no_string && MAKE_KEYS.contains(&name) {
                continue;
            }
            let tried = names.command(name, args);
            let rule = match tried.query_async::<Value>(&mut connection).await {
                Ok(_) => continue,
                Err(error) => match self.read_refusal(&error, name, args)? {
                    Refusal::None => continue,
                    Refusal::Unknown => None,
                    Refusal::Denied(rule) => Some(rule),
                },
            };
            let command = command(name, args);
            rights.refused.push(Refused {
                role,
                command,
                rule,
            });
        }
        Ok(rights)
    }

    fn read_refusal(
        &self,
        error: &RedisError,
        name: &str,
        args: Tried,
    ) -> Result<Refusal, CacheError> {
        let words = error.to_string().to_lowercase();
        if error.code() == Some("NOPERM") {
            // "No permissions to access a key": the command itself is granted.
            let rule = if words.contains("access") {
                format!("~{}:*", self.prefix())
            } else {
                format!("+{}", command(name, args).to_lowercase().replace(' ', "|"))
            };
            return Ok(Refusal::Denied(rule));
        }
        if words.contains("unknown command") || words.contains("unknown subcommand") {
            return Ok(Refusal::Unknown);
        }
        if is_answer(error, &words) {
            return Ok(Refusal::None);
        }
        Err(CacheError::read(error, self.address()))
    }
}

/// What an error says of the right to run a command.
enum Refusal {
    /// It may be run.
    None,
    /// The server does not have it.
    Unknown,
    /// The account may not run it, and what would change that.
    Denied(String),
}

/// Whether an error tells that the command was let through: it met the wrong type, a script or a key that is not there,
/// or the identifier that no stream takes.
fn is_answer(error: &RedisError, words: &str) -> bool {
    matches!(error.code(), Some("WRONGTYPE" | "NOSCRIPT"))
        || words.contains("must be greater than 0-0")
        || words.contains("no such key")
}

/// The command with its subcommand: `SCRIPT LOAD`.
fn command(name: &str, args: Tried) -> String {
    match args {
        [sub, ..] if matches!(name, "SCRIPT" | "CLIENT" | "MEMORY" | "OBJECT") => {
            format!("{name} {sub}")
        }
        _ => name.to_owned(),
    }
}

/// The keys that commands are tried on.
struct Names {
    key: String,
    chunk: String,
    events: String,
}

impl Names {
    fn new(prefix: &str) -> Self {
        let random = rand::random::<u32>();
        Self {
            key: format!("{prefix}:{{check-{random:08x}}}:v"),
            chunk: format!("{prefix}:c:check-{random:08x}:0"),
            events: format!("{prefix}:events"),
        }
    }

    fn command(&self, name: &str, args: Tried) -> Cmd {
        let mut command = redis::cmd(name);
        for arg in args {
            match *arg {
                "K" => command.arg(&self.key),
                "C" => command.arg(&self.chunk),
                "E" => command.arg(&self.events),
                other => command.arg(other),
            };
        }
        command
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Every word that stands in quotes behind one of `openings` in the files below `folder`.
    fn words(folder: &Path, ending: &str, openings: &[&str], found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                words(&path, ending, openings, found);
            } else if path.extension().is_some_and(|is| is == ending) && !path.ends_with("needs.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]").next().unwrap_or_default();
                for opening in openings {
                    for rest in text.split(opening).skip(1) {
                        let word: String =
                            rest.chars().take_while(char::is_ascii_uppercase).collect();
                        if !word.is_empty() {
                            found.insert(word);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_command_that_is_sent_is_checked() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut sent = BTreeSet::new();
        words(&source.join("cache/lua"), "lua", &["call('"], &mut sent);
        for folder in ["cache", "engine", "worker"] {
            words(&source.join(folder), "rs", &["cmd(\""], &mut sent);
        }
        assert!(sent.contains("HSET") && sent.contains("XADD"), "{sent:?}");
        let checked: BTreeSet<String> = NEEDS
            .iter()
            .map(|(_, name, _)| (*name).to_owned())
            .collect();
        let missing: Vec<_> = sent.difference(&checked).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
