//! What the server says besides the rows: `RAISE NOTICE`, `PRINT`, warnings, and errors after the first.
//!
//! The drivers of PostgreSQL and SQL Server keep none of it, but they write each to their log. Here that log is read while
//! a report's own statement runs, and nothing else is in it then. MySQL is asked with SHOW WARNINGS.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Subscriber;
use tracing::{Dispatch, Event, Level, Metadata};

/// The part of SQL Server's driver that reads what the server sends.
const MSSQL: &str = "tiberius::tds::stream::token";
/// What PostgreSQL's driver calls its log of messages.
const POSTGRES: &str = "sqlx::postgres::notice";
/// How SQL Server's driver writes that a transaction was committed.
const COMMITTED: &str = "Commit transaction";
/// How it writes what happens to transactions.
const TRANSACTIONS: [&str; 4] = [
    "Begin transaction",
    COMMITTED,
    "Rollback transaction",
    "Defect transaction",
];
/// So much is kept; a loop that prints must not fill the memory.
const KEPT: usize = 100;
/// Characters of one sentence: they are kept with the entry.
const LONGEST: usize = 1000;

/// Listens while a statement runs.
pub(super) struct Notices {
    heard: Arc<Heard>,
    dispatch: Dispatch,
}

#[derive(Default)]
struct Heard {
    said: Mutex<Vec<String>>,
    errors: Mutex<Vec<String>>,
    committed: AtomicBool,
}

impl Notices {
    pub(super) fn of_mssql() -> Self {
        Self::of(MSSQL, Level::DEBUG)
    }

    pub(super) fn of_postgres() -> Self {
        Self::of(POSTGRES, Level::INFO)
    }

    /// Reads what is logged under this name, up to this level.
    fn of(target: &'static str, level: Level) -> Self {
        let heard = Arc::<Heard>::default();
        let ear = Ear {
            heard: heard.clone(),
            target,
            level,
        };
        Self {
            dispatch: Dispatch::new(ear),
            heard,
        }
    }

    /// Does `work`, listening to what the driver logs meanwhile.
    pub(super) async fn listen<T>(&self, work: impl Future<Output = T>) -> T {
        work.with_subscriber(self.dispatch.clone()).await
    }

    /// What was said, in the server's order.
    pub(super) fn said(&self) -> Vec<String> {
        self.heard.said.lock().clone()
    }

    /// Whether the server said that a transaction was committed.
    pub(super) fn committed(&self) -> bool {
        self.heard.committed.load(Ordering::Relaxed)
    }

    /// Every error, the first of which is the one that the driver returns.
    pub(super) fn errors(&self) -> Vec<String> {
        self.heard.errors.lock().clone()
    }
}

struct Ear {
    heard: Arc<Heard>,
    target: &'static str,
    level: Level,
}

impl Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // PostgreSQL's driver first asks whether anybody listens, which is no event.
        !metadata.is_span() && metadata.target() == self.target && *metadata.level() <= self.level
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(tracing::level_filters::LevelFilter::from_level(self.level))
    }

    fn event(&self, event: &Event<'_>) {
        let mut words = Words::default();
        event.record(&mut words);
        if self.target == MSSQL
            && words.code.is_none()
            && TRANSACTIONS.contains(&words.message.as_str())
        {
            let committed = words.message == COMMITTED;
            self.heard.committed.fetch_or(committed, Ordering::Relaxed);
            return;
        }
        let (list, text) = match words.code {
            Some(code) => (&self.heard.errors, format!("{} ({code})", words.message)),
            None => (&self.heard.said, words.message),
        };
        let text = match text.char_indices().nth(LONGEST) {
            Some((cut, _)) => format!("{}...", &text[..cut]),
            None => text,
        };
        let mut list = list.lock();
        if list.len() < KEPT && !text.is_empty() {
            list.push(text);
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Words {
    message: String,
    /// Only an error has one.
    code: Option<u64>,
}

impl Visit for Words {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "code" {
            self.code = Some(value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}
