//! The one gate that every command passes: the inspector's own, those of an edit, and what a person types.
//!
//! What the inspector sends unasked is an allow list of bounded reads. What a person asks for is decided by what the
//! server says of its commands (COMMAND), with built-in lists behind it for an account that may not ask. A command that
//! nobody knows is not a read. Writes pass only while the connection is unlocked.

use super::bundle;
use super::commands::Table;

/// A command that the gate does not let through: which, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{command} was not sent: {why}")]
pub struct Refusal {
    /// The command.
    pub command: String,
    /// Why not, and what would help.
    pub why: &'static str,
}

const LOCKED: &str = "this connection only reads; unlock it for writing or use another client";
const DANGEROUS: &str =
    "the server counts it as dangerous to others; unlock the connection to send it all the same";
const HOLDS: &str = "it would take the connection from everything else; use another client for it";
const NO_TOUCH: &str = "a later write on this connection could end the server (Redis 8.0 to 8.2, Valkey 8); OBJECT IDLETIME \
                        and OBJECT FREQ tell how a key is used";
const UNKNOWN: &str = "the server lists no such command; check its spelling";

impl Refusal {
    /// Whether unlocking the connection would let it through.
    pub fn is_for_the_lock(&self) -> bool {
        !matches!(self.why, HOLDS | NO_TOUCH | UNKNOWN)
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// The inspector itself, unasked: nothing but bounded reads, and the writes of an edit.
    Program,
    /// A person, in so many words, on a connection of their own.
    Person,
    /// A person who was told what it costs, to listen on a connection that is there for nothing else.
    Listener,
}

/// Commands without subcommands that only read, and whose answer is bounded by their arguments.
const COMMANDS: &[&str] = &[
    "BF.INFO",
    "CF.INFO",
    "CMS.INFO",
    "DBSIZE",
    "ECHO",
    "EXISTS",
    "EXPIRETIME",
    "GETBIT",
    "GETRANGE",
    "HEXISTS",
    "HGET",
    "HLEN",
    "HMGET",
    "HPTTL",
    "HRANDFIELD",
    "HSCAN",
    "HSTRLEN",
    "HTTL",
    "INFO",
    "JSON.GET",
    "JSON.TYPE",
    "LINDEX",
    "LLEN",
    "LRANGE",
    "PEXPIRETIME",
    "PING",
    "PTTL",
    "RANDOMKEY",
    "SCAN",
    "SCARD",
    "SISMEMBER",
    "SMISMEMBER",
    "SSCAN",
    "STRLEN",
    "TDIGEST.INFO",
    "TIME",
    "TOPK.INFO",
    "TOPK.LIST",
    "TS.INFO",
    "TS.RANGE",
    "TTL",
    "TYPE",
    "VCARD",
    "VINFO",
    "VRANDMEMBER",
    "XLEN",
    "XPENDING",
    "XRANGE",
    "XREVRANGE",
    "ZCARD",
    "ZRANGE",
    "ZRANK",
    "ZREVRANGE",
    "ZSCAN",
    "ZSCORE",
];

/// Subcommands that only read.
const SUBCOMMANDS: &[(&str, &[&str])] = &[
    ("CLIENT", &["ID", "INFO", "SETNAME", "TRACKING"]),
    ("COMMAND", &["COUNT", "DOCS", "INFO"]),
    ("MEMORY", &["USAGE"]),
    ("OBJECT", &["ENCODING", "FREQ", "IDLETIME"]),
    ("XINFO", &["CONSUMERS", "GROUPS", "STREAM"]),
];

/// What the Server view asks: how the server is, and nothing of its data. Only for the program, which hides the
/// passwords among the settings; a person is judged by the server's table, which counts these among the dangerous.
const SERVER: &[(&str, &[&str])] = &[
    ("CLIENT", &["LIST"]),
    ("CLUSTER", &["INFO", "NODES", "SLOTS"]),
    ("CONFIG", &["GET"]),
    ("LATENCY", &["DOCTOR", "HISTORY", "LATEST"]),
    ("SENTINEL", &["MASTERS", "REPLICAS", "SENTINELS"]),
    ("SLOWLOG", &["GET"]),
];

/// Reads whose answer may be as large as the value: for whoever asks for them, where the server's table is not known.
const LARGE_READS: &[&str] = &[
    "BITCOUNT",
    "BITPOS",
    "GET",
    "HGETALL",
    "HKEYS",
    "HVALS",
    "LPOS",
    "MGET",
    "SINTERCARD",
    "SMEMBERS",
    "ZCOUNT",
    "ZRANGEBYSCORE",
    "ZREVRANGEBYSCORE",
    "ZREVRANK",
];

/// Commands that a person may send though the server does not call them reads: they tell of the server and of the
/// connection, and change nothing that others see.
const TELLING: &[&str] = &["COMMAND", "LASTSAVE", "LOLWUT", "ROLE", "SELECT"];

/// The same, with a subcommand.
const TELLING_SUBCOMMANDS: &[(&str, &[&str])] = &[
    (
        "ACL",
        &[
            "CAT", "DRYRUN", "GENPASS", "GETUSER", "LIST", "USERS", "WHOAMI",
        ],
    ),
    ("CLIENT", &["GETNAME", "GETREDIR", "LIST", "TRACKINGINFO"]),
    (
        "CLUSTER",
        &[
            "COUNTKEYSINSLOT",
            "GETKEYSINSLOT",
            "INFO",
            "KEYSLOT",
            "LINKS",
            "MYID",
            "MYSHARDID",
            "NODES",
            "REPLICAS",
            "SHARDS",
            "SLOTS",
        ],
    ),
    ("COMMAND", &["GETKEYS", "GETKEYSANDFLAGS", "LIST"]),
    ("CONFIG", &["GET"]),
    ("FUNCTION", &["DUMP", "LIST", "STATS"]),
    (
        "LATENCY",
        &["DOCTOR", "GRAPH", "HISTOGRAM", "HISTORY", "LATEST"],
    ),
    ("MEMORY", &["DOCTOR", "MALLOC-STATS", "STATS"]),
    ("MODULE", &["LIST"]),
    (
        "PUBSUB",
        &[
            "CHANNELS",
            "NUMPAT",
            "NUMSUB",
            "SHARDCHANNELS",
            "SHARDNUMSUB",
        ],
    ),
    ("SCRIPT", &["EXISTS"]),
    ("SLOWLOG", &["GET", "LEN"]),
];

/// What a listener is for.
const LISTENING: &[&str] = &["MONITOR", "PSUBSCRIBE", "SSUBSCRIBE", "SUBSCRIBE"];

/// What the edits of the inspector are made of.
const EDITS: &[&str] = &[
    "COPY", "DISCARD", "EXEC", "HDEL", "HPERSIST", "HPEXPIRE", "HSET", "HSETEX", "JSON.SET",
    "LREM", "LSET", "MULTI", "PERSIST", "PEXPIRE", "RENAME", "RENAMENX", "RPUSH", "LPUSH", "SADD",
    "SET", "SREM", "UNLINK", "UNWATCH", "WATCH", "XADD", "XDEL", "ZADD", "ZREM",
];

/// What breaks the connection, its sign-in or the protocol, or makes the server speak unasked.
const HOLDING: &[&str] = &[
    "AUTH",
    "HELLO",
    "MONITOR",
    "PSUBSCRIBE",
    "PSYNC",
    "PUNSUBSCRIBE",
    "QUIT",
    "REPLCONF",
    "RESET",
    "SHUTDOWN",
    "SSUBSCRIBE",
    "SUBSCRIBE",
    "SUNSUBSCRIBE",
    "SYNC",
    "UNSUBSCRIBE",
];

/// Whether the command made of these words may be sent by `asker`, the connection being unlocked or not. The server's
/// table has the last word against, never alone for what it does not know.
pub fn decide<'a>(
    asker: Asker,
    unlocked: bool,
    table: &Table,
    words: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(), Refusal> {
    let words: Vec<&[u8]> = words.into_iter().take(5).collect();
    let name = upper(words.first().copied());
    let sub = upper(words.get(1).copied());
    let traits = table.traits(&name, &sub);
    let refuse = |why| {
        let is_container = SUBCOMMANDS.iter().any(|(command, _)| *command == name)
            || table.lacks(&name, &sub) && !table.lacks(&name, "")
            || table.traits(&name, &sub) != table.traits(&name, "");
        let shown = if is_container {
            format!("{name} {sub}")
        } else {
            name.clone()
        };
        Err(Refusal {
            command: shown.trim_end().to_owned(),
            why,
        })
    };
    let holds = HOLDING.contains(&name.as_str())
        || name == "CLIENT" && matches!(sub.as_str(), "REPLY" | "TRACKING" | "CACHING")
        || traits.is_some_and(|traits| traits.holds);
    if asker == Asker::Listener {
        return if LISTENING.contains(&name.as_str()) {
            Ok(())
        } else {
            refuse(LOCKED)
        };
    }
    if asker == Asker::Person && holds {
        return refuse(HOLDS);
    }
    if name == "CLIENT" && sub == "NO-TOUCH" {
        return refuse(NO_TOUCH);
    }
    if (is_known_read(&name, &sub, words.len())
        || asker == Asker::Program && is_ours(&name, words.get(1)))
        && traits.is_none_or(|traits| !traits.writes || name == "PFCOUNT")
    {
        return Ok(());
    }
    let writes = traits.is_some_and(|traits| traits.writes);
    match asker {
        Asker::Program
            if is_among(SERVER, &name, &sub) && traits.is_none_or(|traits| !traits.writes) =>
        {
            Ok(())
        }
        Asker::Program if is_listening(&name, words.get(1)) => Ok(()),
        Asker::Program if unlocked && turns_notifications_on(&name, &sub, words.get(2)) => Ok(()),
        Asker::Program if unlocked && EDITS.contains(&name.as_str()) => Ok(()),
        Asker::Program | Asker::Listener => refuse(LOCKED),
        Asker::Person if unlocked => Ok(()),
        Asker::Person if !writes && tells(&name, &sub, words.len()) => Ok(()),
        Asker::Person if table.lacks(&name, &sub) => refuse(UNKNOWN),
        Asker::Person => match traits {
            Some(traits) if traits.writes || !traits.reads => refuse(LOCKED),
            Some(traits) if traits.dangerous => refuse(DANGEROUS),
            Some(_) => Ok(()),
            None if LARGE_READS.contains(&name.as_str()) => Ok(()),
            None => refuse(LOCKED),
        },
    }
}

/// Whether the inspector itself may send this on a locked connection.
pub fn check<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> Result<(), Refusal> {
    decide(Asker::Program, false, &Table::default(), words)
}

/// Of which kind a question of the inspector is, where the gate judges all questions of that kind alike whatever key they
/// are about: a million questions of five kinds are then judged five times.
pub(super) fn kind<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> Option<[&'a [u8]; 2]> {
    let mut words = words.into_iter();
    let name = words.next()?;
    if SUBCOMMANDS
        .iter()
        .any(|(command, _)| command.as_bytes() == name)
    {
        return Some([name, words.next()?]);
    }
    let known = COMMANDS.binary_search_by(|command| command.as_bytes().cmp(name));
    known.is_ok().then_some([name, b""])
}

fn is_known_read(name: &str, sub: &str, words: usize) -> bool {
    // PFCOUNT of a single key may write its cached estimate into the value; of several it writes nothing.
    COMMANDS.binary_search(&name).is_ok()
        || name == "PFCOUNT" && words > 2
        || is_among(SUBCOMMANDS, name, sub)
}

fn is_among(list: &[(&str, &[&str])], name: &str, sub: &str) -> bool {
    list.iter()
        .any(|(command, allowed)| *command == name && allowed.contains(&sub))
}

/// Whether it tells of the server or of the connection. COMMAND alone, and not whatever begins with it.
fn tells(name: &str, sub: &str, words: usize) -> bool {
    TELLING.contains(&name) && (name != "COMMAND" || words == 1)
        || TELLING_SUBCOMMANDS
            .iter()
            .any(|(command, allowed)| *command == name && allowed.contains(&sub))
}

/// The one script of the inspector, in the command that lets no script write.
fn is_ours(name: &str, script: Option<&&[u8]>) -> bool {
    name == "EVAL_RO" && script == Some(&bundle::SCRIPT.as_bytes())
}

/// What the server tells of changed keys, and nothing that others publish.
fn is_listening(name: &str, pattern: Option<&&[u8]>) -> bool {
    name == "PSUBSCRIBE" && pattern.is_some_and(|pattern| pattern.starts_with(b"__key"))
}

/// The one setting that the inspector itself may change.
fn turns_notifications_on(name: &str, sub: &str, setting: Option<&&[u8]>) -> bool {
    name == "CONFIG"
        && sub == "SET"
        && setting.is_some_and(|setting| setting.eq_ignore_ascii_case(b"notify-keyspace-events"))
}

/// The first word of a command, upper case and safe to show.
fn upper(word: Option<&[u8]>) -> String {
    let word = word.unwrap_or_default();
    String::from_utf8_lossy(&word[..word.len().min(64)]).to_ascii_uppercase()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn allowed(text: &str) -> bool {
        check(text.split(' ').map(str::as_bytes)).is_ok()
    }

    fn typed(text: &str, unlocked: bool) -> Result<(), Refusal> {
        let words = text.split(' ').map(str::as_bytes);
        decide(Asker::Person, unlocked, &Table::default(), words)
    }

    #[test]
    fn a_person_without_a_table_reads_and_writes_only_when_unlocked() {
        for read in ["GET k", "hgetall k", "SCAN 0", "PFCOUNT a b"] {
            assert_eq!(typed(read, false), Ok(()), "{read}");
        }
        for write in [
            "SET k v",
            "FLUSHALL",
            "EVAL x 0",
            "FUNCTION LOAD x",
            "NEWCOMMAND k",
            "PFCOUNT a",
            "KEYS *",
        ] {
            let refusal = typed(write, false).unwrap_err();
            assert_eq!(refusal.why, LOCKED, "{write}");
            assert_eq!(typed(write, true), Ok(()), "{write}");
        }
        for never in [
            "MONITOR",
            "SUBSCRIBE c",
            "AUTH x",
            "CLIENT REPLY OFF",
            "SHUTDOWN",
        ] {
            assert_eq!(typed(never, true).unwrap_err().why, HOLDS, "{never}");
        }
    }

    #[test]
    fn questions_of_a_kind_are_judged_alike() {
        let of = |text: &'static str| kind(text.split(' ').map(str::as_bytes));
        assert_eq!(of("TYPE a"), of("TYPE BLOCK"));
        assert_ne!(of("OBJECT FREQ a"), of("OBJECT IDLETIME a"));
        for changing in ["PFCOUNT a", "SET a b", "GET a", "type a", "OBJECT", ""] {
            assert_eq!(of(changing), None, "{changing}");
        }
    }

    #[test]
    fn a_listener_listens_and_does_nothing_else() {
        for unlocked in [false, true] {
            let listener = |text: &str| {
                let words = text.split(' ').map(str::as_bytes);
                decide(Asker::Listener, unlocked, &Table::default(), words).is_ok()
            };
            assert!(listener("MONITOR") && listener("psubscribe a*"));
            assert!(!listener("SET k v") && !listener("GET k") && !listener("UNSUBSCRIBE"));
        }
    }

    #[test]
    fn what_tells_of_the_server_is_no_write() {
        for telling in ["CONFIG GET maxmemory", "client list", "COMMAND", "SELECT 1"] {
            assert_eq!(typed(telling, false), Ok(()), "{telling}");
        }
        for acting in ["CONFIG SET a b", "CONFIG", "CLIENT KILL x", "COMMAND x"] {
            let refusal = typed(acting, false).unwrap_err();
            assert!(refusal.is_for_the_lock(), "{acting}");
        }
        assert!(!typed("MONITOR", true).unwrap_err().is_for_the_lock());
    }

    #[test]
    fn an_edit_passes_only_while_unlocked_and_nothing_else_does() {
        let program = |text: &str, unlocked| {
            let words = text.split(' ').map(str::as_bytes);
            decide(Asker::Program, unlocked, &Table::default(), words).is_ok()
        };
        assert!(program("SET k v", true) && !program("SET k v", false));
        let notify = "CONFIG SET notify-keyspace-events KEA";
        assert!(program(notify, true) && !program(notify, false));
        assert!(program("PSUBSCRIBE __keyevent@0__:*", false));
        assert!(program("CONFIG GET notify-keyspace-events", false));
        assert!(!program("PSUBSCRIBE *", true) && !program("CONFIG SET dir x", true));
        for never in [
            "FLUSHALL",
            "DEL k",
            "EVAL x 0",
            "GET k",
            "KEYS *",
            "CONFIG SET a b",
        ] {
            assert!(!program(never, true), "{never}");
        }
    }

    #[test]
    fn unknown_command_is_called_unknown_not_locked() {
        let word = |text: &str| redis::Value::BulkString(text.as_bytes().to_vec());
        let flags = redis::Value::Array(Vec::new());
        let known = |name: &str, subcommands: Vec<redis::Value>| {
            let mut parts = vec![word(name), redis::Value::Int(-2), flags.clone()];
            parts.extend([0, 0, 0].map(redis::Value::Int));
            parts.extend([flags.clone(), flags.clone(), flags.clone()]);
            parts.push(redis::Value::Array(subcommands));
            redis::Value::Array(parts)
        };
        let config = known("config", vec![known("config|rewrite", Vec::new())]);
        let table = Table::read(&redis::Value::Array(vec![known("set", vec![]), config]));
        let typed = |text: &str, unlocked| {
            let words = text.split(' ').map(str::as_bytes);
            decide(Asker::Person, unlocked, &table, words).map_err(|refusal| refusal.why)
        };
        for unknown in ["FOO", "foo bar", "CONFIG FOO"] {
            assert_eq!(typed(unknown, false), Err(UNKNOWN), "{unknown}");
            // The server may have renamed a command, and lists it by its old name.
            assert_eq!(typed(unknown, true), Ok(()), "{unknown}");
        }
        for known in ["SET k v", "CONFIG REWRITE", "CONFIG"] {
            assert_eq!(typed(known, false), Err(LOCKED), "{known}");
        }
        assert!(!typed("CLIENT NO-TOUCH ON", true).unwrap_err().is_empty());
    }

    #[test]
    fn no_touch_is_refused_to_everyone() {
        for asker in [Asker::Person, Asker::Program, Asker::Listener] {
            for unlocked in [false, true] {
                let words = ["client", "no-touch", "on"].map(str::as_bytes);
                assert!(decide(asker, unlocked, &Table::default(), words).is_err());
            }
        }
    }

    #[test]
    fn the_list_is_sorted_for_the_search() {
        let mut sorted = COMMANDS.to_vec();
        sorted.sort_unstable();
        assert_eq!(sorted, COMMANDS);
    }

    #[test]
    fn reads_pass_and_everything_else_does_not() {
        for command in [
            "SCAN 0",
            "scan 0",
            "MEMORY USAGE k",
            "object encoding k",
            "XINFO STREAM k",
            "CONFIG GET *",
            "slowlog get 128",
            "CLIENT LIST",
            "LATENCY DOCTOR",
            "CLUSTER NODES",
        ] {
            assert!(allowed(command), "{command}");
        }
        for command in [
            "",
            "GET k",
            "SET k v",
            "set k v",
            "KEYS *",
            "FLUSHALL",
            "MEMORY PURGE",
            "MEMORY",
            "OBJECT",
            "CLIENT KILL x",
            "EVAL return 0",
            "EVAL_RO return 0",
            "FCALL f 0",
            "DEBUG SLEEP 1",
            "CONFIG SET x y",
            "HGETALL k",
            "SMEMBERS k",
            "SORT k",
            "SORT_RO k",
            "MULTI",
            "MONITOR",
            "SUBSCRIBE c",
            "SCAN\0 0",
            "CLUSTER RESET",
            "SLOWLOG RESET",
            "LATENCY RESET",
            "CONFIG RESETSTAT",
            "CONFIG REWRITE",
            "SENTINEL FAILOVER m",
            "SCRIPT FLUSH",
        ] {
            assert!(!allowed(command), "{command}");
        }
    }
}
