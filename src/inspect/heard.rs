//! What does a line of MONITOR or a message of a channel say?

use chrono::{DateTime, Utc};
use redis::{PushInfo, PushKind, Value};

use super::line::shown;
use super::secret::Told;

/// The most bytes of a message that are kept.
const KEPT: usize = 16 * 1024;

/// A command that MONITOR told of, or a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// When: by the server's clock for a command, by ours for a message.
    pub at: DateTime<Utc>,
    /// The client and database of a command, or the channel of a message, safe to show.
    pub from: String,
    /// The pattern that the channel matched.
    pub pattern: Option<String>,
    /// What was heard, exact as text: the words of a command, or a message whose bytes are escaped where it is not plain
    /// text.
    pub text: String,
    /// What a notification of the keyspace says.
    pub event: Option<KeyEvent>,
    /// How long it was, where `text` is only the beginning.
    pub cut_from: Option<usize>,
}

/// A notification of the keyspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEvent {
    /// In which database.
    pub database: String,
    /// What happened: `set`, `expired`.
    pub event: String,
    /// To which key, safe to show.
    pub key: String,
}

impl Heard {
    /// Reads a line of MONITOR: `1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`.
    pub fn command(line: &str) -> Self {
        let parsed = line.split_once(" [").and_then(|(time, rest)| {
            let (from, words) = rest.split_once("] ")?;
            let (seconds, micros) = time.split_once('.')?;
            let micros: u32 = micros.parse().ok()?;
            let at = DateTime::from_timestamp(seconds.parse().ok()?, micros.checked_mul(1000)?)?;
            Some((at, from, words))
        });
        let (at, from, words) = parsed.unwrap_or((Utc::now(), "", line));
        // Servers hide most passwords themselves, older ones do not.
        let told = Told::new(words);
        let words = told.line.as_str();
        let kept = words.floor_char_boundary(KEPT);
        Self {
            at,
            from: crate::human::line(from).into_owned(),
            pattern: None,
            text: crate::human::line(&words[..kept]).into_owned(),
            event: None,
            cut_from: (kept < words.len()).then_some(words.len()),
        }
    }

    /// Reads what a subscribed server pushes; `None` for what is no message.
    pub(super) fn message(push: &PushInfo, at: DateTime<Utc>) -> Option<Self> {
        let bytes = |at: usize| match push.data.get(at) {
            Some(Value::BulkString(bytes)) => Some(bytes.as_slice()),
            Some(Value::SimpleString(text)) => Some(text.as_bytes()),
            _ => None,
        };
        let (pattern, channel, payload) = match push.kind {
            PushKind::Message | PushKind::SMessage => (None, bytes(0)?, bytes(1)?),
            PushKind::PMessage => (Some(bytes(0)?), bytes(1)?, bytes(2)?),
            _ => return None,
        };
        Some(Self::of_channel(pattern, channel, payload, at))
    }

    /// A message of a channel.
    pub fn of_channel(
        pattern: Option<&[u8]>,
        channel: &[u8],
        payload: &[u8],
        at: DateTime<Utc>,
    ) -> Self {
        let kept = &payload[..payload.len().min(KEPT)];
        Self {
            at,
            from: exact(channel),
            pattern: pattern.map(exact),
            text: exact(kept),
            event: KeyEvent::read(channel, kept),
            cut_from: (kept.len() < payload.len()).then_some(payload.len()),
        }
    }

    /// How much memory it takes.
    pub fn size(&self) -> usize {
        let event = self
            .event
            .as_ref()
            .map_or(0, |event| event.event.len() + event.key.len() + 64);
        size_of::<Self>()
            + self.from.len()
            + self.text.len()
            + event
            + self.pattern.as_ref().map_or(0, String::len)
    }

    /// As a line of a file, and of the clipboard.
    pub fn line(&self) -> String {
        let at = self.at.format("%Y-%m-%dT%H:%M:%S%.6fZ");
        let cut = self
            .cut_from
            .map(|all| format!(" ... ({all} bytes in all)"))
            .unwrap_or_default();
        format!("{at} [{}] {}{cut}", self.from, self.text)
    }
}

impl KeyEvent {
    fn read(channel: &[u8], payload: &[u8]) -> Option<Self> {
        let text = |bytes: &[u8]| exact(bytes);
        for (prefix, names_key) in [(b"__keyspace@".as_slice(), true), (b"__keyevent@", false)] {
            let Some(rest) = channel.strip_prefix(prefix) else {
                continue;
            };
            let end = rest.windows(3).position(|part| part == b"__:")?;
            let (database, named) = (&rest[..end], &rest[end + 3..]);
            let (key, event) = if names_key {
                (named, payload)
            } else {
                (payload, named)
            };
            return Some(Self {
                database: text(database),
                event: text(event),
                key: text(key),
            });
        }
        None
    }
}

/// Bytes as text that stands for exactly these: plain where that is safe and cannot be taken for the escaped form,
/// which begins with a quote.
fn exact(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text)
            if !text.is_empty()
                && !text.starts_with('"')
                && !text.chars().any(crate::human::is_obeyed) =>
        {
            text.to_owned()
        }
        _ => {
            let quoted = shown([bytes]);
            if quoted.starts_with('"') {
                quoted
            } else {
                format!("\"{quoted}\"")
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_monitor_is_read() {
        let heard = Heard::command(r#"1339518083.107412 [0 127.0.0.1:60866] "set" "k]" "\x00""#);
        assert_eq!(heard.from, "0 127.0.0.1:60866");
        assert_eq!(heard.text, r#""set" "k]" "\x00""#);
        assert_eq!(heard.at.timestamp_micros(), 1_339_518_083_107_412);
        // Whatever else a server says is shown as it is.
        for odd in ["", "[", "x [y] z", "99999999999999999999.1 [0 a] b"] {
            assert_eq!(Heard::command(odd).text, odd);
        }
        let long = format!("1.000001 [0 lua] \"{}\"", "é".repeat(KEPT));
        let heard = Heard::command(&long);
        assert!(heard.text.len() <= KEPT && heard.cut_from.unwrap() > 2 * KEPT);
    }

    #[test]
    fn a_message_is_exact_and_events_are_labelled() {
        let at = Utc::now();
        let text = |payload: &[u8]| Heard::of_channel(None, b"c", payload, at).text;
        assert_eq!(text(b"{\"a\": 1}"), "{\"a\": 1}");
        assert_eq!(text(b"a\0\xff"), r#""a\x00\xff""#);
        assert_eq!(text(b"\"a\""), r#""\"a\"""#);
        assert_eq!(text(b""), r#""""#);
        assert_eq!(text(b"a\\"), "a\\");
        let event = Heard::of_channel(None, b"__keyevent@3__:expired", b"k\n", at).event;
        let event = event.unwrap();
        assert_eq!(
            (
                event.database.as_str(),
                event.event.as_str(),
                event.key.as_str()
            ),
            ("3", "expired", "\"k\\n\"")
        );
        let event = Heard::of_channel(Some(b"__key*"), b"__keyspace@0__:a__:b", b"set", at).event;
        assert_eq!(event.unwrap().key, "a__:b");
    }
}
