//! A server that sends nonsense: answers that end anywhere, bytes that are others, lengths beyond any memory. Each must end
//! in an error or in rows, soon, and never in a panic.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::replay::{Manners, Recordings, Replay};
use super::{MsSql, mssql};
use crate::report::Params;
use crate::source::job::{Limits, Listener};
use crate::source::server::Server;
use crate::source::{Query, SourceError};

const SQL: &str = "SELECT 1 AS hostile";
/// Longer than any of them takes, also where the machine is busy.
const SOON: Duration = Duration::from_mins(1);

/// The same numbers every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    /// An answer that was spoilt in one of four ways.
    fn spoil(&mut self, answer: &[u8]) -> Vec<u8> {
        let mut bytes = answer.to_vec();
        // What is behind the header of the first packet.
        let place = |dice: &mut Self| 8 + dice.below(answer.len() - 8);
        match self.below(4) {
            0 => bytes.truncate(self.below(answer.len())),
            1 => {
                for _ in 0..=self.below(4) {
                    let at = place(self);
                    bytes[at] = self.below(256) as u8;
                }
            }
            2 => {
                // A length that nobody has.
                let at = place(self);
                let end = (at + 4).min(bytes.len());
                bytes[at..end].fill(0xFF);
            }
            _ => {
                let at = self.below(bytes.len());
                bytes[at] ^= 1 << self.below(8);
            }
        }
        bytes
    }
}

async fn attempt(server: &MsSql) -> Result<(), SourceError> {
    let query = Query {
        sql: SQL.to_owned(),
        params: Params::default(),
        timeout: None,
        trusted: false,
    };
    let limits = Limits::start(CancellationToken::new(), SOON);
    let (mut listener, answered) = Listener::new();
    let all = async {
        let mut statement = server.statement(&query)?;
        let mut link = server.connect().await?;
        server.begin(&mut link, &limits).await?;
        let rows = server.stream(&mut link, &mut statement, &limits, &mut listener);
        let result = rows.await;
        listener.end(result);
        Ok(())
    };
    let read = async {
        match answered.await {
            Ok(rows) => rows?.stream.collect().await.map(drop),
            Err(_) => Ok(()),
        }
    };
    // What broke before there were rows ends the listener, and with it the reader.
    let (all, read) = tokio::join!(all, read);
    all.and(read)
}

/// Attempts it; answers what went wrong beyond an error.
async fn survives(server: &MsSql) -> Result<Result<(), SourceError>, String> {
    let attempt = AssertUnwindSafe(attempt(server)).catch_unwind();
    match tokio::time::timeout(SOON, attempt).await {
        Err(_) => Err("it did not end".to_owned()),
        Ok(Err(panic)) => Err(panic
            .downcast_ref::<String>()
            .cloned()
            .unwrap_or_else(|| "a panic".to_owned())),
        Ok(Ok(result)) => Ok(result),
    }
}

fn replay(recordings: &std::sync::Arc<Recordings>) -> Replay {
    let manners = Manners {
        describes: false,
        snapshot: true,
    };
    Replay::start(recordings, manners)
}

#[tokio::test]
async fn spoilt_answers_are_errors_or_rows_and_never_a_panic() {
    let recordings = Recordings::load();
    let replay = replay(&recordings);
    let server = mssql(&replay.url());
    let mut dice = Dice(0x10_0C_A5_1D);
    let (mut wrong, mut errors) = (Vec::new(), 0);
    for recording in &recordings.all {
        for round in 0..4 {
            replay.end_with(SQL, dice.spoil(recording.response()));
            match survives(&server).await {
                Ok(result) => errors += usize::from(result.is_err()),
                Err(why) => wrong.push(format!("{} {round}: {why}", recording.name)),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        errors > recordings.all.len(),
        "{errors} is too few to have tried"
    );
}

#[tokio::test]
async fn a_spoilt_handshake_is_an_error_and_never_a_panic() {
    let recordings = Recordings::load();
    let mut dice = Dice(0x5EED);
    let mut wrong = Vec::new();
    for name in ["prelogin_response", "login_ok_response"] {
        let replay = replay(&recordings);
        let server = mssql(&replay.url());
        for round in 0..60 {
            replay.end_with(name, dice.spoil(recordings.handshake(name)));
            match survives(&server).await {
                Ok(Err(_)) => {}
                // The connection ended behind it, so nothing can have been read.
                Ok(Ok(())) => wrong.push(format!("{name} {round}: it had rows")),
                Err(why) => wrong.push(format!("{name} {round}: {why}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Days and times that no SQL Server would send.
#[test]
fn moments_beyond_the_calendar_are_text_and_no_overflow() {
    use super::super::decode::text;
    use tiberius::ColumnData;
    use tiberius::time::{Date, DateTime, DateTime2, DateTimeOffset, Time};

    let late = DateTime2::new(Date::new((1 << 24) - 1), Time::new((1 << 40) - 1, 0));
    for (value, begins) in [
        (ColumnData::DateTime2(Some(late)), "+7"),
        (
            ColumnData::DateTimeOffset(Some(DateTimeOffset::new(late, i16::MAX))),
            "+7",
        ),
        (
            ColumnData::DateTime(Some(DateTime::new(i32::MAX, u32::MAX))),
            "day 2",
        ),
        (
            ColumnData::DateTime(Some(DateTime::new(i32::MIN, u32::MAX))),
            "day -2",
        ),
    ] {
        let found = text(&value).unwrap();
        assert!(found.starts_with(begins), "{found}: {value:?}");
    }
}
