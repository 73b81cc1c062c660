//! How is a typed line sent, cancelled and answered?

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::commands::{self, Doc};
use super::line::split;
use super::redact::redact;
use super::reply::reply_text;
use super::{Connection, InspectError, Lock, Told};
use crate::workspace::ConnectionUrl;

/// The most of an answer that is kept.
const SHOWN: usize = 256 * 1024;

/// A console on a connection of its own, so that MULTI and SELECT stay in it. It writes while the lock is unlocked, so
/// that what it reads counts as use of a key, as with redis-cli.
pub struct Session {
    connection: Connection,
    docs: BTreeMap<String, Doc>,
    chosen: Mutex<Chosen>,
    /// The commands of a MULTI that is open, whose answers EXEC brings.
    queued: Mutex<Vec<Vec<Vec<u8>>>>,
}

/// A console that several tasks may open: it is opened once, so that all of them are in the database that was selected.
///
/// Clones share it.
#[derive(Clone, Default)]
pub struct SharedSession(Arc<OnceCell<Arc<Session>>>);

impl SharedSession {
    /// Returns the console where it is open.
    pub fn get(&self) -> Option<&Arc<Session>> {
        self.0.get()
    }

    /// Returns the console, which is opened where it is not open yet; after a failure the next call tries again.
    ///
    /// # Errors
    ///
    /// [`InspectError::Connect`] where the URL cannot be used or nothing answers there.
    pub async fn open(
        &self,
        url: &ConnectionUrl,
        lock: &Lock,
    ) -> Result<Arc<Session>, InspectError> {
        let opening = self.0.get_or_try_init(|| async {
            let connection = Connection::open_with(url, lock.clone()).await?;
            Session::open(&connection).await.map(Arc::new)
        });
        opening.await.cloned()
    }
}

/// The database that was selected by hand, which a connection that is opened again does not know.
#[derive(Default)]
struct Chosen {
    select: Option<redis::Cmd>,
    is_forgotten: bool,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// As redis-cli shows it, without a password that the line held.
    pub text: String,
    /// Whether that is all of it.
    pub is_whole: bool,
    /// Whether it is an error.
    pub is_error: bool,
    /// Whether it was not sent because the connection is locked.
    pub is_locked: bool,
    /// How long it took, there and back, in microseconds.
    pub took_us: u64,
}

impl Session {
    /// Opens a console beside a connection, under the same lock, and asks for the commands' documentation. Without it
    /// (an account may not ask, a server before 7.0) there are no hints.
    pub async fn open(beside: &Connection) -> Result<Self, InspectError> {
        let connection = beside.for_writes().await?;
        let mut command = redis::cmd("COMMAND");
        let answer = connection.ask::<redis::Value>(command.arg("DOCS")).await;
        let mut docs = answer
            .map(|answer| commands::docs(&answer))
            .unwrap_or_default();
        for name in connection.commands().await.names() {
            docs.entry(name.replace('|', " ")).or_default();
        }
        Ok(Self {
            connection,
            docs,
            chosen: Mutex::default(),
            queued: Mutex::default(),
        })
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
        self.run_until(line, &CancellationToken::new()).await
    }

    /// Runs a line until it is answered or cancelled. Cancelling closes the connection: only that ends a command that
    /// waits, such as BLPOP.
    pub async fn run_until(&self, line: &str, cancel: &CancellationToken) -> Answer {
        let start = std::time::Instant::now();
        let outcome = match split(line) {
            Ok(words) if words.is_empty() => return Answer::default(),
            Ok(words) => match cancel.run_until_cancelled(self.send(&words)).await {
                Some(outcome) => outcome,
                None => {
                    self.connection.hang_up().await;
                    self.chosen.lock().is_forgotten = true;
                    Err(Failure::Other(CANCELLED.to_owned()))
                }
            },
            Err(why) => Err(Failure::Other(why)),
        };
        let took_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        match outcome {
            Ok(value) => {
                let (text, is_whole) = reply_text(&value, SHOWN);
                Answer {
                    text,
                    is_whole,
                    took_us,
                    ..Answer::default()
                }
            }
            Err(failure) => {
                let (error, is_locked) = match failure {
                    Failure::Inspect(error) => (
                        error.to_string(),
                        matches!(&error, InspectError::Refused(refusal) if refusal.is_for_the_lock()),
                    ),
                    Failure::Other(why) => (why, false),
                };
                Answer {
                    text: Told::new(line).without(&format!("(error) {error}")),
                    is_whole: true,
                    is_error: true,
                    is_locked,
                    took_us,
                }
            }
        }
    }

    async fn send(&self, words: &[Vec<u8>]) -> Result<redis::Value, Failure> {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(word);
        }
        let mut answer = self.ask(&command).await;
        // The connection may have broken long before this line. A locked connection only reads, so the line may be sent
        // again; on an unlocked one it could write twice.
        if matches!(answer, Err(InspectError::Lost { .. })) && !self.connection.lock().is_unlocked()
        {
            answer = self.ask(&command).await;
        }
        if answer.is_ok() && words[0].eq_ignore_ascii_case(b"SELECT") {
            self.chosen.lock().select = Some(command);
        }
        Ok(self.without_secrets(words, answer?))
    }

    /// Sends one command, on a connection that was opened again in the database that was selected.
    async fn ask(&self, command: &redis::Cmd) -> Result<redis::Value, InspectError> {
        let again = {
            let mut chosen = self.chosen.lock();
            std::mem::take(&mut chosen.is_forgotten)
                .then(|| chosen.select.clone())
                .flatten()
        };
        if let Some(select) = again
            && let Err(error) = self.connection.ask_for_person(&select).await
        {
            self.chosen.lock().is_forgotten = true;
            return Err(error);
        }
        let answer = self.connection.ask_for_person(command).await;
        if matches!(answer, Err(InspectError::Lost { .. })) {
            self.chosen.lock().is_forgotten = true;
        }
        answer
    }

    /// The answer without passwords; one to EXEC is those to the commands that were queued.
    fn without_secrets(&self, words: &[Vec<u8>], answer: redis::Value) -> redis::Value {
        let mut queued = self.queued.lock();
        if matches!(&answer, redis::Value::SimpleString(text) if text == "QUEUED") {
            queued.push(words.to_vec());
            return answer;
        }
        let queued = std::mem::take(&mut *queued);
        match answer {
            redis::Value::Array(answers) if words[0].eq_ignore_ascii_case(b"EXEC") => {
                let answers = answers.into_iter().enumerate();
                let nothing = Vec::new();
                let answers =
                    answers.map(|(at, answer)| redact(queued.get(at).unwrap_or(&nothing), answer));
                redis::Value::Array(answers.collect())
            }
            answer => redact(words, answer),
        }
    }
}

const CANCELLED: &str = "cancelled, and the connection closed: what the server had begun it may have carried out, and a \
                         MULTI before it is void";

enum Failure {
    Inspect(InspectError),
    Other(String),
}

impl From<InspectError> for Failure {
    fn from(error: InspectError) -> Self {
        Self::Inspect(error)
    }
}
