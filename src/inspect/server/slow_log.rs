//! Which commands were slow?

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use redis::Value;

use super::answer::{bytes, items, line, number, text};
use crate::inspect::secret::secret_words;
use crate::inspect::shown_command as shown;

/// Words of a command that are shown.
const WORDS: usize = 16;
/// Bytes of a word that are shown.
const WORD: usize = 64;

/// One entry of the slow log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowCommand {
    /// Its number; they count up while the server runs.
    pub id: u64,
    /// When it ran, by the server's clock.
    pub at: DateTime<Utc>,
    /// How long the server was busy with it, in microseconds.
    pub took_us: u64,
    /// The command, long words and many of them cut, passwords left out.
    pub command: String,
    /// Where it came from.
    pub client: String,
    /// What the client calls itself.
    pub client_name: String,
}

/// Reads the answer of SLOWLOG GET. What has another form is left out.
pub(super) fn read(answer: &Value) -> Vec<SlowCommand> {
    items(answer).iter().filter_map(entry).collect()
}

fn entry(value: &Value) -> Option<SlowCommand> {
    let parts = items(value);
    let at = i64::try_from(number(parts.get(1)?)?).ok()?;
    Some(SlowCommand {
        id: number(parts.first()?)?,
        at: DateTime::from_timestamp(at, 0)?,
        took_us: number(parts.get(2)?)?,
        command: command(items(parts.get(3)?)),
        client: parts
            .get(4)
            .map(|part| line(&text(part), 120))
            .unwrap_or_default(),
        client_name: parts
            .get(5)
            .map(|part| line(&text(part), 120))
            .unwrap_or_default(),
    })
}

fn command(words: &[Value]) -> String {
    let words: Vec<Vec<u8>> = words.iter().map(bytes).collect();
    let secret = secret_words(&words);
    let mut out = String::new();
    for (at, word) in words.iter().take(WORDS).enumerate() {
        if !out.is_empty() {
            out.push(' ');
        }
        if secret.contains(&at) {
            out.push_str("(hidden)");
            continue;
        }
        out.push_str(&shown([&word[..word.len().min(WORD)]]));
        if word.len() > WORD {
            out.push('…');
        }
    }
    if words.len() > WORDS {
        let _ = write!(out, " … ({} more words)", words.len() - WORDS);
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn word(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn of(words: &[&str]) -> String {
        command(&words.iter().map(|text| word(text)).collect::<Vec<_>>())
    }

    #[test]
    fn an_entry_is_read_whole() {
        let answer = Value::Array(vec![Value::Array(vec![
            Value::Int(14),
            Value::Int(1_795_626_151),
            Value::Int(15_210),
            Value::Array(vec![word("KEYS"), word("app:*")]),
            word("127.0.0.1:51000"),
            word("billing\x1b[31m"),
        ])]);
        let read = read(&answer);
        assert_eq!((read[0].id, read[0].took_us), (14, 15_210));
        assert_eq!(read[0].command, "KEYS app:*");
        assert_eq!(read[0].client_name, "billing\\u{1b}[31m");
        assert_eq!(read[0].at.timestamp(), 1_795_626_151);
    }

    #[test]
    fn odd_answers_are_left_out_and_old_servers_tell_no_client() {
        let old = Value::Array(vec![
            Value::Int(1),
            Value::Int(1_600_000_000),
            Value::Int(9),
            Value::Array(vec![word("PING")]),
        ]);
        let odd = Value::Array(vec![
            Value::Nil,
            Value::Array(vec![Value::Int(-1)]),
            Value::Array(vec![
                Value::Int(1),
                Value::Int(i64::MAX),
                Value::Int(1),
                Value::Nil,
            ]),
            old,
        ]);
        let read = read(&odd);
        assert_eq!(read.len(), 1);
        assert_eq!(
            (read[0].command.as_str(), read[0].client.as_str()),
            ("PING", "")
        );
        assert!(super::read(&Value::Nil).is_empty());
    }

    #[test]
    fn long_words_and_many_are_cut_and_passwords_left_out() {
        assert_eq!(
            of(&["SET", &"x".repeat(100)]),
            format!("SET {}…", "x".repeat(64))
        );
        let many: Vec<&str> = std::iter::repeat_n("k", 40).collect();
        assert!(of(&many).ends_with("… (24 more words)"));
        for (words, shown) in [
            (&["auth", "me", "pw"][..], "auth me (hidden)"),
            (
                &["HELLO", "3", "AUTH", "me", "pw"],
                "HELLO 3 AUTH me (hidden)",
            ),
            (
                &["CONFIG", "SET", "requirepass", "pw"],
                "CONFIG SET requirepass (hidden)",
            ),
            (
                &["CONFIG", "SET", "hz", "10", "masterauth", "pw"],
                "CONFIG SET hz 10 masterauth (hidden)",
            ),
            (&["CONFIG", "SET", "hz", "10"], "CONFIG SET hz 10"),
            (&["ACL", "SETUSER", "me", ">pw"], "ACL SETUSER me (hidden)"),
            (
                &["MIGRATE", "h", "1", "", "0", "9", "AUTH", "pw"],
                "MIGRATE h 1 \"\" 0 9 AUTH (hidden)",
            ),
        ] {
            assert_eq!(of(words), shown);
        }
    }
}
