//! The read-only gate: which commands may be sent at all.
//!
//! An allow list, not a deny list: a command that a newer server adds is refused until someone has looked at it.

/// A command that the gate does not let through.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} was not sent: this connection only reads; unlock it for writing or use another client"
)]
pub struct Refusal(pub String);

/// Commands without subcommands that only read, and whose answer is bounded by their arguments.
const COMMANDS: &[&str] = &[
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
    "TIME",
    "TTL",
    "TYPE",
    "XLEN",
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
    ("CLIENT", &["ID", "INFO", "NO-TOUCH", "SETNAME"]),
    ("COMMAND", &["COUNT", "DOCS", "INFO"]),
    ("MEMORY", &["USAGE"]),
    ("OBJECT", &["ENCODING", "FREQ", "IDLETIME"]),
    ("XINFO", &["CONSUMERS", "GROUPS", "STREAM"]),
];

/// Whether the command made of these words may be sent: its name and, where it has them, its subcommand decide.
pub fn check<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> Result<(), Refusal> {
    let mut words = words.into_iter();
    let name = upper(words.next());
    if COMMANDS.binary_search(&name.as_str()).is_ok() {
        return Ok(());
    }
    let sub = upper(words.next());
    match SUBCOMMANDS.iter().find(|(command, _)| *command == name) {
        Some((_, allowed)) if allowed.contains(&sub.as_str()) => Ok(()),
        Some(_) => Err(Refusal(format!("{name} {sub}").trim_end().to_owned())),
        None => Err(Refusal(name)),
    }
}

/// The first word of a command, upper case and safe to show.
fn upper(word: Option<&[u8]>) -> String {
    let word = word.unwrap_or_default();
    String::from_utf8_lossy(&word[..word.len().min(64)]).to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(text: &str) -> bool {
        check(text.split(' ').map(str::as_bytes)).is_ok()
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
            "SCRIPT FLUSH",
        ] {
            assert!(!allowed(command), "{command}");
        }
    }
}
