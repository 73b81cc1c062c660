//! The last failed refresh of an entry: kept beside its header until the next answer is stored.

use std::sync::LazyLock;
use std::time::Duration;

use redis::Script;

use super::entry::flag;
use super::protocol::millis;
use super::{Cache, CacheError, ServerTime, SourceKeys};
use crate::human;
use crate::report::EntryKey;

static FAILED: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/failed.lua")));
static RETRY: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/retry.lua")));

/// The longest message that is kept, in bytes.
const LONGEST: usize = 2_000;

/// The last failed refresh of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshFailure {
    /// The error in one sentence: the database's, or why the cache did not take the answer.
    pub message: String,
    /// The database's code, "1146" or "42P01", where there is one.
    pub code: Option<String>,
    /// Whether it does not pass with time: a missing table, no permission, an error in the SQL.
    pub permanent: bool,
    /// How often refreshes failed in a row.
    pub count: u64,
    /// When the first of them ended, on the server's clock.
    pub first: ServerTime,
    /// When the last of them ended.
    pub last: ServerTime,
    /// When the worker tries again; `None` where no worker does.
    pub next: Option<ServerTime>,
}

impl RefreshFailure {
    /// The failure in one clause, as of `now`: "the last refresh failed 3 times, last 20 s ago: ...; next try in 40 s".
    pub fn sentence(&self, now: ServerTime) -> String {
        let ago = human::long(Duration::from_secs(
            now.0.saturating_sub(self.last.0) / 1000,
        ));
        let times = match self.count {
            0 | 1 => format!("the last refresh failed {ago} ago"),
            n => format!("the last {n} refreshes failed, the last {ago} ago"),
        };
        let next = match self.next {
            Some(next) if next > now => format!(
                "; next try in {}",
                human::long(Duration::from_secs((next.0 - now.0).div_ceil(1000)))
            ),
            _ => String::new(),
        };
        format!("{times}: {}{next}", self.message)
    }

    /// Reads the fields that the read script returns.
    pub(super) fn read(fields: &[Option<Vec<u8>>]) -> Option<Self> {
        let text = |field: &Option<Vec<u8>>| {
            let bytes = field.as_ref()?;
            Some(String::from_utf8_lossy(bytes).into_owned())
        };
        let fields: [Option<String>; 7] = fields
            .iter()
            .map(text)
            .collect::<Vec<_>>()
            .try_into()
            .ok()?;
        let [first, last, count, message, code, permanent, next] = &fields;
        let time = |text: &Option<String>| text.as_deref()?.parse().ok().map(ServerTime);
        Some(Self {
            message: message.clone()?,
            code: code.clone().filter(|code| !code.is_empty()),
            permanent: permanent.as_deref() == Some("1"),
            count: count.as_deref()?.parse().ok()?,
            first: time(first)?,
            last: time(last)?,
            next: time(next),
        })
    }
}

/// A failure to be noted.
#[derive(Clone, Debug)]
pub(crate) struct Failed<'a> {
    /// When the refresh began, on the server's clock; `None` where the cache was not asked before it.
    pub(crate) began: Option<ServerTime>,
    /// How long the note is kept.
    pub(crate) keep: Duration,
    pub(crate) message: &'a str,
    pub(crate) code: Option<&'a str>,
    pub(crate) permanent: bool,
}

impl Cache {
    /// Notes that a refresh failed, unless an answer was stored since it began. Returns how often in a row refreshes
    /// failed, zero where the note was not taken.
    pub(crate) async fn note_failure(
        &self,
        keys: &SourceKeys,
        key: &EntryKey,
        failed: &Failed<'_>,
    ) -> Result<u64, CacheError> {
        let began = failed.began.unwrap_or_default().0.to_string();
        let mut end = failed.message.len().min(LONGEST);
        while !failed.message.is_char_boundary(end) {
            end -= 1;
        }
        let (_, count): (u64, u64) = self
            .script(
                &FAILED,
                &[keys.header(key), keys.failure(key)],
                &[
                    began.as_bytes(),
                    &millis(failed.keep.max(Duration::from_hours(1))),
                    &failed.message.as_bytes()[..end],
                    failed.code.unwrap_or_default().as_bytes(),
                    flag(failed.permanent),
                ],
            )
            .await?;
        Ok(count)
    }

    /// Notes when a failed refresh is tried again.
    pub(crate) async fn note_next_try(
        &self,
        keys: &SourceKeys,
        key: &EntryKey,
        pause: Duration,
    ) -> Result<(), CacheError> {
        self.script::<u8>(&RETRY, &[keys.failure(key)], &[&millis(pause)])
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentence_names_count_age_and_next_try() {
        let failure = RefreshFailure {
            message: "Table 'shop.orders' doesn't exist (1146)".to_owned(),
            code: Some("1146".to_owned()),
            permanent: true,
            count: 3,
            first: ServerTime(1_000),
            last: ServerTime(100_000),
            next: Some(ServerTime(160_000)),
        };
        assert_eq!(
            failure.sentence(ServerTime(120_000)),
            "the last 3 refreshes failed, the last 20 s ago: Table 'shop.orders' doesn't exist (1146); next try in 40 s"
        );
        let once = RefreshFailure {
            count: 1,
            next: None,
            ..failure
        };
        assert!(
            once.sentence(ServerTime(120_000))
                .starts_with("the last refresh failed 20 s ago: Table")
        );
    }
}
