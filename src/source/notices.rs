//! Collects the messages that a server sends besides the rows: `RAISE NOTICE`, `PRINT`, warnings, and errors after the
//! first.
//!
//! The drivers of PostgreSQL and SQL Server do not keep these messages, but write them to their log. This module subscribes
//! to that log while a report's own statement runs; nothing else is in it then. MySQL is asked with SHOW WARNINGS.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Subscriber;
use tracing::{Dispatch, Event, Level, Metadata};

/// The log target of SQL Server's driver for messages.
const MSSQL: &str = "tiberius::tds::stream::token";
/// The log target of PostgreSQL's driver for messages.
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
/// The most messages that are kept; a loop that prints must not fill the memory.
const KEPT: usize = 100;
/// The most characters of one message: they are kept with the entry.
const LONGEST: usize = 1000;

/// The messages of one statement.
pub(super) struct Notices {
    messages: Arc<Messages>,
    dispatch: Dispatch,
}

#[derive(Default)]
struct Messages {
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
        let messages = Arc::<Messages>::default();
        let collector = Collector {
            messages: messages.clone(),
            target,
            level,
        };
        Self {
            dispatch: Dispatch::new(collector),
            messages,
        }
    }

    /// Does `work`, and collects what the driver logs.
    pub(super) async fn listen<T>(&self, work: impl Future<Output = T>) -> T {
        work.with_subscriber(self.dispatch.clone()).await
    }

    /// Returns the messages that are no errors, in the server's order.
    pub(super) fn said(&self) -> Vec<String> {
        self.messages.said.lock().clone()
    }

    /// Whether the server reported that a transaction was committed.
    pub(super) fn committed(&self) -> bool {
        self.messages.committed.load(Ordering::Relaxed)
    }

    /// Every error, the first of which is the one that the driver returns.
    pub(super) fn errors(&self) -> Vec<String> {
        self.messages.errors.lock().clone()
    }
}

struct Collector {
    messages: Arc<Messages>,
    target: &'static str,
    level: Level,
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // PostgreSQL's driver first asks whether its log has a subscriber, which is no event.
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
            self.messages
                .committed
                .fetch_or(committed, Ordering::Relaxed);
            return;
        }
        let (list, text) = match words.code {
            Some(code) => (&self.messages.errors, format!("{} ({code})", words.message)),
            None => (&self.messages.said, words.message),
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
