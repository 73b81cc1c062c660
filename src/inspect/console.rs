//! What does a typed line mean, and how does an answer read? As in redis-cli, so that nobody has to learn it again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use redis::Value;

use super::commands::{self, Doc};
use super::{Connection, InspectError};

/// The most of an answer that is shown.
const SHOWN: usize = 256 * 1024;

/// A console on a connection of its own, so that MULTI and SELECT stay in it.
pub struct Session {
    connection: Connection,
    docs: BTreeMap<String, Doc>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// As redis-cli shows it.
    pub text: String,
    /// Whether it is an error.
    pub is_error: bool,
    /// How long it took, there and back, in microseconds.
    pub took_us: u64,
}

/// What a line could become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// Commands that begin like it.
    pub completions: Vec<String>,
    /// What the command takes, where it is known.
    pub arguments: String,
    /// What the command does.
    pub summary: String,
    /// How long it takes.
    pub complexity: String,
}

impl Session {
    /// Opens a console beside a connection, under the same lock, and asks for the commands' documentation. Without it
    /// (an account may not ask, a server before 7.0) there are no hints.
    pub async fn open(beside: &Connection) -> Result<Self, InspectError> {
        let connection = beside.another().await?;
        let mut command = redis::cmd("COMMAND");
        let answer = connection.ask::<Value>(command.arg("DOCS")).await;
        let mut docs = answer
            .map(|answer| commands::docs(&answer))
            .unwrap_or_default();
        for name in connection.commands().await.names() {
            docs.entry(name.replace('|', " ")).or_default();
        }
        Ok(Self { connection, docs })
    }

    /// The documentation of every command.
    pub fn docs(&self) -> &BTreeMap<String, Doc> {
        &self.docs
    }

    /// The connection, whose lock holds here too.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Runs a line. A refusal of the gate and an error of the server are answers too.
    pub async fn run(&self, line: &str) -> Answer {
        let start = std::time::Instant::now();
        let outcome = match split(line) {
            Ok(words) if words.is_empty() => {
                return Answer {
                    text: String::new(),
                    is_error: false,
                    took_us: 0,
                };
            }
            Ok(words) => {
                let mut command = redis::Cmd::new();
                for word in &words {
                    command.arg(word);
                }
                self.connection
                    .ask_for_person(&command)
                    .await
                    .map_err(|error| error.to_string())
            }
            Err(why) => Err(why),
        };
        let took_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        match outcome {
            Ok(value) => {
                let mut text = String::new();
                write_value(&mut text, &value, 0);
                Answer {
                    text: text.trim_end().to_owned(),
                    is_error: false,
                    took_us,
                }
            }
            Err(error) => Answer {
                text: format!("(error) {error}"),
                is_error: true,
                took_us,
            },
        }
    }
}

/// What a line could become, by the commands' documentation.
pub fn hint(docs: &BTreeMap<String, Doc>, line: &str) -> Hint {
    let typed: Vec<String> = line
        .split_whitespace()
        .take(2)
        .map(str::to_ascii_uppercase)
        .collect();
    let Some(first) = typed.first() else {
        return Hint::default();
    };
    let two = typed.join(" ");
    let name = [two.as_str(), first.as_str()]
        .into_iter()
        .find(|name| docs.contains_key(*name));
    let ends_word = line.ends_with(char::is_whitespace);
    // A finished first word may still begin a subcommand.
    let prefix = if typed.len() > 1 {
        two.clone()
    } else if ends_word {
        format!("{first} ")
    } else {
        first.clone()
    };
    let completions = if typed.len() > 1 && ends_word || line.split_whitespace().count() > 2 {
        Vec::new()
    } else {
        docs.keys()
            .filter(|known| known.starts_with(&prefix) && **known != prefix)
            .take(12)
            .cloned()
            .collect()
    };
    let doc = name
        .and_then(|name| docs.get(name))
        .cloned()
        .unwrap_or_default();
    Hint {
        completions,
        arguments: doc.arguments,
        summary: doc.summary,
        complexity: doc.complexity,
    }
}

/// Splits a line into words as redis-cli does: blanks part them; in double quotes `\n`, `\xff` and the like are bytes;
/// in single quotes only `\'` is.
pub fn split(line: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let mut word = Vec::new();
        let tail = match first {
            '"' => double_quoted(&rest[1..], &mut word)?,
            '\'' => single_quoted(&rest[1..], &mut word)?,
            _ => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                word.extend_from_slice(&rest.as_bytes()[..end]);
                &rest[end..]
            }
        };
        if !tail.is_empty() && !tail.starts_with(char::is_whitespace) {
            return Err("a closing quote must be followed by a blank; put one there".into());
        }
        words.push(word);
        rest = tail.trim_start();
    }
    Ok(words)
}

const OPEN: &str = "a quote is not closed; close it, or write \\\" for the sign itself";

fn double_quoted<'a>(text: &'a str, word: &mut Vec<u8>) -> Result<&'a str, String> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => return Ok(&text[at..]),
            b'\\' => {
                let escaped = *bytes.get(at).ok_or(OPEN)?;
                let hex = (escaped == b'x')
                    .then(|| text.get(at + 1..at + 3))
                    .flatten()
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok());
                match (escaped, hex) {
                    (_, Some(byte)) => {
                        word.push(byte);
                        at += 3;
                        continue;
                    }
                    (b'n', _) => word.push(b'\n'),
                    (b'r', _) => word.push(b'\r'),
                    (b't', _) => word.push(b'\t'),
                    (b'b', _) => word.push(8),
                    (b'a', _) => word.push(7),
                    (other, _) => word.push(other),
                }
                at += 1;
            }
            byte => word.push(*byte),
        }
    }
    Err(OPEN.into())
}

fn single_quoted<'a>(text: &'a str, word: &mut Vec<u8>) -> Result<&'a str, String> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'\'' => return Ok(&text[at..]),
            b'\\' if bytes.get(at) == Some(&b'\'') => {
                word.push(b'\'');
                at += 1;
            }
            byte => word.push(*byte),
        }
    }
    Err(OPEN.into())
}

/// A command as a line that [`split`] reads back to the same words.
pub fn shown<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        let is_plain = !word.is_empty()
            && word
                .iter()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\'));
        if is_plain {
            line.push_str(&String::from_utf8_lossy(word));
        } else {
            quote(&mut line, word);
        }
    }
    line
}

fn quote(line: &mut String, word: &[u8]) {
    line.push('"');
    for chunk in word.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => line.extend(['\\', c]),
                '\n' => line.push_str("\\n"),
                '\r' => line.push_str("\\r"),
                '\t' => line.push_str("\\t"),
                c if crate::human::is_obeyed(c) => {
                    let mut bytes = [0; 4];
                    for byte in c.encode_utf8(&mut bytes).bytes() {
                        let _ = write!(line, "\\x{byte:02x}");
                    }
                }
                c => line.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(line, "\\x{byte:02x}");
        }
    }
    line.push('"');
}

fn write_value(out: &mut String, value: &Value, indent: usize) {
    if out.len() > SHOWN {
        if !out.ends_with("…\n") {
            out.push_str("…\n");
        }
        return;
    }
    match value {
        Value::Nil => out.push_str("(nil)\n"),
        Value::Int(n) => {
            let _ = writeln!(out, "(integer) {n}");
        }
        Value::BulkString(bytes) => {
            let cut = &bytes[..bytes.len().min(SHOWN)];
            // INFO and its like are made for reading.
            match std::str::from_utf8(bytes) {
                Ok(text) if indent == 0 && text.contains("\r\n") => {
                    out.push_str(&crate::human::lines(&text.replace("\r\n", "\n")));
                    out.push('\n');
                }
                _ => {
                    quote(out, cut);
                    out.push_str(if cut.len() < bytes.len() {
                        "…\n"
                    } else {
                        "\n"
                    });
                }
            }
        }
        Value::SimpleString(text) => {
            let _ = writeln!(out, "{}", crate::human::line(text));
        }
        Value::VerbatimString { text, .. } => {
            out.push_str(&crate::human::lines(&text.replace("\r\n", "\n")));
            out.push('\n');
        }
        Value::Okay => out.push_str("OK\n"),
        Value::Boolean(yes) => out.push_str(if *yes { "(true)\n" } else { "(false)\n" }),
        Value::Double(n) => {
            let _ = writeln!(out, "(double) {n}");
        }
        Value::Array(items) | Value::Set(items) if items.is_empty() => {
            out.push_str("(empty array)\n");
        }
        Value::Array(items) | Value::Set(items) => {
            let width = items.len().to_string().len();
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.extend(std::iter::repeat_n(' ', indent));
                }
                let _ = write!(out, "{:>width$}) ", at + 1);
                write_value(out, item, indent + width + 2);
                if out.len() > SHOWN {
                    break;
                }
            }
        }
        Value::Map(pairs) => {
            for (at, (key, item)) in pairs.iter().enumerate() {
                if at > 0 {
                    out.extend(std::iter::repeat_n(' ', indent));
                }
                let _ = write!(out, "{}# ", at + 1);
                write_value(out, key, indent);
                out.extend(std::iter::repeat_n(' ', indent + 3));
                write_value(out, item, indent + 3);
            }
        }
        Value::ServerError(error) => {
            let _ = writeln!(
                out,
                "(error) {} {}",
                error.code(),
                crate::human::line(error.details().unwrap_or_default())
            );
        }
        other => {
            let _ = writeln!(out, "{}", crate::human::line(&format!("{other:?}")));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_split_as_redis_cli_splits_them() {
        let words = |line: &str| split(line).unwrap();
        assert_eq!(words("  GET  k "), [b"GET".to_vec(), b"k".to_vec()]);
        assert_eq!(
            words(r#"SET "a b" '\x'"#),
            [b"SET".to_vec(), b"a b".to_vec(), b"\\x".to_vec()]
        );
        assert_eq!(words(r#""\x00\xff\n\"" "#), [b"\x00\xff\n\"".to_vec()]);
        assert_eq!(words("''"), [Vec::<u8>::new()]);
        assert!(split("\"a").is_err() && split("'a'b").is_err());
    }

    #[test]
    fn hints_know_subcommands_and_complete_what_was_begun() {
        let doc = |summary: &str| Doc {
            summary: summary.into(),
            ..Doc::default()
        };
        let docs = BTreeMap::from([
            ("CONFIG".to_owned(), doc("a container")),
            ("CONFIG GET".to_owned(), doc("reads")),
            ("CONFIG SET".to_owned(), doc("writes")),
            ("COPY".to_owned(), doc("copies")),
        ]);
        assert_eq!(
            hint(&docs, "co").completions,
            ["CONFIG", "CONFIG GET", "CONFIG SET", "COPY"]
        );
        assert_eq!(
            hint(&docs, "config ").completions,
            ["CONFIG GET", "CONFIG SET"]
        );
        assert_eq!(hint(&docs, "config s").completions, ["CONFIG SET"]);
        assert_eq!(hint(&docs, "config set maxmemory 1").summary, "writes");
        assert_eq!(hint(&docs, "copy a b").summary, "copies");
        assert_eq!(hint(&docs, ""), Hint::default());
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_to_the_same_words(words in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..5)) {
            let line = shown(words.iter().map(Vec::as_slice));
            prop_assert_eq!(split(&line).unwrap(), words);
        }

        #[test]
        fn no_line_panics(line in ".{0,60}") {
            let _ = split(&line);
        }
    }
}
