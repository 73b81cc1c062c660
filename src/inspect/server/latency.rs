//! When was the server held up, and by what?

use chrono::{DateTime, Utc};
use redis::Value;

use super::answer::{items, line, number, text};

/// Events whose history is asked for.
pub(super) const EVENTS: usize = 8;
/// Characters of the doctor's words that are kept.
const WORDS: usize = 16 * 1024;

/// What the latency monitor saw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LatencyReport {
    /// What held the server up, as the monitor saw it.
    pub events: Vec<LatencyEvent>,
    /// What the server itself says of it.
    pub doctor: String,
}

/// One kind of event that held the server up.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyEvent {
    /// Its name.
    pub name: String,
    /// When it was seen last.
    pub at: DateTime<Utc>,
    /// How long the last one took, in milliseconds.
    pub latest_ms: u64,
    /// How long the longest took.
    pub longest_ms: u64,
    /// When it was seen, in seconds since the epoch, and how long each took in milliseconds; the latest 160.
    pub history: Vec<[f64; 2]>,
}

impl LatencyEvent {
    /// What the event means, and what helps against it.
    pub fn about(&self) -> &'static str {
        match self.name.as_str() {
            "command" => "a slow command; the slow log names it",
            "fast-command" => {
                "a command that should be fast was slow: the machine or memory was busy"
            }
            "fork" => {
                "copying the process's page tables for a save; smaller memory or no huge pages help"
            }
            "expire-cycle" => "deleting many expired keys at once; spread their TTLs",
            "eviction-cycle" => "deleting keys to stay below maxmemory",
            "eviction-del" => {
                "deleting a single key to stay below maxmemory; lazyfree-lazy-eviction helps"
            }
            "expire-del" => "deleting a single expired key; lazyfree-lazy-expire helps",
            "active-defrag-cycle" => "moving memory together",
            "aof-write"
            | "aof-write-alone"
            | "aof-write-pending-fsync"
            | "aof-write-active-child" => "writing the append-only file; the disk is slow or busy",
            "aof-fsync-always" => {
                "waiting for the disk after each write; appendfsync everysec avoids it"
            }
            "aof-fstat" | "aof-rename" | "aof-rewrite-diff-write" | "aof-rewrite-done-fsync" => {
                "rewriting the append-only file"
            }
            "rdb-unlink-temp-file" => "deleting a temporary save file",
            "while-blocked-cron" => "the server did its housekeeping during a long command or load",
            "module-acquire-GIL" => "waiting for a module's thread",
            _ => "",
        }
    }
}

/// Reads the answer of LATENCY LATEST. What has another form is left out.
pub(super) fn latest(answer: &Value) -> Vec<LatencyEvent> {
    items(answer)
        .iter()
        .filter_map(|event| {
            let parts = items(event);
            let at = i64::try_from(number(parts.get(1)?)?).ok()?;
            Some(LatencyEvent {
                name: line(&text(parts.first()?), 80),
                at: DateTime::from_timestamp(at, 0)?,
                latest_ms: number(parts.get(2)?)?,
                longest_ms: number(parts.get(3)?)?,
                history: Vec::new(),
            })
        })
        .collect()
}

/// Reads the answer of LATENCY HISTORY.
pub(super) fn history(answer: &Value) -> Vec<[f64; 2]> {
    items(answer)
        .iter()
        .filter_map(|point| {
            let parts = items(point);
            Some([
                number(parts.first()?)? as f64,
                number(parts.get(1)?)? as f64,
            ])
        })
        .collect()
}

/// Reads the answer of LATENCY DOCTOR.
pub(super) fn doctor(answer: &Value) -> String {
    let said = text(answer);
    let cut: String = said.chars().take(WORDS).collect();
    crate::human::lines(&cut.replace("\r\n", "\n"))
        .trim()
        .to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn events_and_their_history_are_read_and_odd_ones_left_out() {
        let event = Value::Array(vec![
            Value::BulkString(b"fork".to_vec()),
            Value::Int(1_795_626_151),
            Value::Int(12),
            Value::Int(40),
        ]);
        let odd = Value::Array(vec![Value::Nil, Value::Int(3)]);
        let events = latest(&Value::Array(vec![event, odd, Value::Nil]));
        assert_eq!(events.len(), 1);
        assert_eq!((events[0].latest_ms, events[0].longest_ms), (12, 40));
        assert!(events[0].about().contains("page tables"));
        let point = Value::Array(vec![Value::Int(1_795_626_151), Value::Int(12)]);
        assert_eq!(
            history(&Value::Array(vec![point, Value::Int(1)])),
            [[1_795_626_151.0, 12.0]]
        );
        assert_eq!(history(&Value::Okay), Vec::<[f64; 2]>::new());
    }

    #[test]
    fn the_doctor_is_heard_but_not_obeyed() {
        let said = Value::BulkString(b"Dave,\r\nI am\x1b[2J sorry\xff".to_vec());
        assert_eq!(doctor(&said), "Dave,\nI am\\u{1b}[2J sorry\u{fffd}");
    }
}
