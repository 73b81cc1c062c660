//! Did anyone commit to this SQLite file? `PRAGMA data_version` on one lasting connection, which never writes.
//!
//! The number differs from the last look exactly where another connection committed in between (also on VACUUM and
//! some checkpoints: a redundant refresh, nothing worse). A rolled-back transaction leaves it alone. It compares only
//! within one connection, so a new connection, and a file that took the place of the old one, is a gap.
//!
//! What writes the file without SQLite (`cp`, `rsync --inplace`, a restored backup) may leave the number as it was: it
//! rests on 16 bytes of the file's header, which two files can have in common. So the file system is asked too: inode,
//! size, and the times of the last change. Where these differ and the number does not, the connection is opened again,
//! for its pages may be those of the old file, and everything counts as changed; a checkpoint of the write-ahead log, a
//! rolled-back transaction that was larger than its cache, and `touch` are then redundant refreshes. The header itself is
//! not read past SQLite: to close a file gives up every lock that this process has on it (SQLite, "How To Corrupt",
//! 2.2).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::time::{Interval, MissedTickBehavior};

use super::triggers::{self, Counts};
use super::{About, Blind, Detector, Observation, Touched};

/// How long a look waits for a lock before it says that it cannot see.
const BUSY: Duration = Duration::from_secs(1);

/// The detector of a SQLite file.
pub(super) struct Sqlite {
    file: PathBuf,
    triggers: bool,
    about: About,
    pace: Interval,
    watching: Option<Watching>,
    told_apart: BTreeSet<String>,
    /// Why the next baseline is a gap.
    gap: String,
}

/// The lasting connection and what it last saw.
struct Watching {
    connection: SqliteConnection,
    file: Stamp,
    seen: Seen,
}

/// What one read transaction of the lasting connection sees.
#[derive(PartialEq, Eq)]
struct Seen {
    data_version: i64,
    schema_version: i64,
    counts: Counts,
}

impl Sqlite {
    pub(super) fn new(file: PathBuf, poll: Duration, triggers: bool, about: About) -> Self {
        let mut pace = tokio::time::interval(poll.max(Duration::from_millis(1)));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            file,
            triggers,
            about,
            pace,
            watching: None,
            told_apart: BTreeSet::new(),
            gap: "watching begins".to_owned(),
        }
    }

    /// Opens the lasting connection and takes the baseline. Nothing is kept until both are done.
    async fn open(&mut self) -> Result<(), Blind> {
        if self.triggers {
            self.install().await;
        }
        let file = self.stamp()?;
        let options = SqliteConnectOptions::new()
            .filename(&self.file)
            .read_only(true)
            .create_if_missing(false)
            .busy_timeout(BUSY);
        let blind = |error: sqlx::Error| Blind(in_words(&self.file, &error));
        let mut connection = SqliteConnection::connect_with(&options)
            .await
            .map_err(blind)?;
        let seen = look(&mut connection, self.triggers).await.map_err(blind)?;
        if self.stamp()?.file != file.file {
            return Err(self.replaced());
        }
        self.told_apart = seen.counts.keys().cloned().collect();
        self.watching = Some(Watching {
            connection,
            file,
            seen,
        });
        Ok(())
    }

    /// Puts triggers in place as far as that is possible; without them a commit counts for every table.
    async fn install(&mut self) {
        self.about.better_by = match triggers::install(&self.file).await {
            Ok(()) => None,
            Err(error) => Some(format!(
                "triggers = true had no effect on some tables: {}; a commit counts as a change of those",
                in_words(&self.file, &error)
            )),
        };
    }

    fn stamp(&self) -> Result<Stamp, Blind> {
        Stamp::of(&self.file).map_err(|error| {
            Blind(format!("the database file {} cannot be seen: {error}; put it back, or correct the url of the source", self.file.display()))
        })
    }

    fn replaced(&self) -> Blind {
        Blind(format!(
            "another file took the place of {}; nothing is called fresh until the new one has been looked at",
            self.file.display()
        ))
    }

    /// The file changed without a commit that SQLite counts: perhaps it holds another database now.
    async fn written_past_sqlite(&mut self) -> Result<Observation, Blind> {
        self.lose("the database file was written by something other than SQLite");
        self.open().await?;
        Ok(changed(Touched::All))
    }

    /// Gives up the connection: what comes after cannot be compared with what was before.
    fn lose(&mut self, gap: &str) {
        self.watching = None;
        gap.clone_into(&mut self.gap);
    }
}

#[async_trait]
impl Detector for Sqlite {
    fn about(&self) -> &About {
        &self.about
    }

    fn tells_apart(&self) -> Option<&BTreeSet<String>> {
        (!self.told_apart.is_empty()).then_some(&self.told_apart)
    }

    async fn next(&mut self) -> Result<Observation, Blind> {
        self.pace.tick().await;
        if self.watching.is_none() {
            self.open().await?;
            return Ok(Observation::gap(self.gap.clone()));
        }
        // Before the number: what is written in between is seen next time, perhaps twice.
        let mut current = match self.stamp() {
            Ok(current) => current,
            Err(blind) => {
                self.lose("the database file was away");
                return Err(blind);
            }
        };
        let replaced = self.replaced();
        let Some(watching) = &mut self.watching else {
            return Err(replaced);
        };
        if current.file != watching.file.file {
            self.lose("another database file took the place of the old one");
            return Err(replaced);
        }

        let version = data_version(&mut watching.connection).await;
        let schema_before = watching.seen.schema_version;
        let now = match version {
            Ok(version) if version == watching.seen.data_version => {
                if current == watching.file {
                    return Ok(Observation::Quiet);
                }
                return self.written_past_sqlite().await;
            }
            Ok(_) => look(&mut watching.connection, self.triggers).await,
            Err(error) => Err(error),
        };
        let mut now = match now {
            Ok(now) => now,
            // The connection stays: once the lock is gone, the comparison tells whether anything was committed.
            Err(error) if is_locked(&error) => return Err(Blind(in_words(&self.file, &error))),
            Err(error) => {
                let blind = Blind(in_words(&self.file, &error));
                self.lose("the connection to the database file was lost");
                return Err(blind);
            }
        };

        if self.triggers && now.schema_version != schema_before {
            self.install().await;
            current = self.stamp()?;
            // What was written between the change of the schema and the new triggers is in this answer: it names
            // every table, and counting starts from what is seen here.
            if let Some(watching) = &mut self.watching {
                let file = &self.file;
                now = look(&mut watching.connection, true)
                    .await
                    .map_err(|error| Blind(in_words(file, &error)))?;
            }
        }
        let Some(watching) = &mut self.watching else {
            return Err(replaced);
        };
        let tables = touched(&watching.seen, &now);
        self.told_apart = now.counts.keys().cloned().collect();
        watching.seen = now;
        watching.file = current;
        Ok(changed(tables))
    }
}

fn changed(tables: Touched) -> Observation {
    Observation::Changed {
        tables,
        position: None,
        committed_at: None,
    }
}

/// Which tables differ. Any doubt is a change of all: a schema change, or a commit that no counter knows of.
fn touched(before: &Seen, now: &Seen) -> Touched {
    if before.schema_version != now.schema_version || !before.counts.keys().eq(now.counts.keys()) {
        return Touched::All;
    }
    let tables: BTreeSet<String> = now
        .counts
        .iter()
        .filter(|(table, count)| before.counts.get(*table) != Some(*count))
        .map(|(table, _)| table.clone())
        .collect();
    if tables.is_empty() {
        Touched::All
    } else {
        Touched::Tables(tables)
    }
}

async fn data_version(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("PRAGMA data_version")
        .fetch_one(connection)
        .await
}

/// Everything in one read transaction, so that the numbers belong together.
async fn look(connection: &mut SqliteConnection, with_counts: bool) -> Result<Seen, sqlx::Error> {
    let mut tx = connection.begin().await?;
    let data_version = data_version(&mut tx).await?;
    let schema_version = sqlx::query_scalar("PRAGMA schema_version")
        .fetch_one(&mut *tx)
        .await?;
    let counts = if with_counts {
        triggers::counts(&mut tx).await?
    } else {
        Counts::new()
    };
    tx.rollback().await?;
    Ok(Seen {
        data_version,
        schema_version,
        counts,
    })
}

/// What is not seen of a file that is replaced in place.
const PAST_SQLITE: &str = "a file of the same size that something other than SQLite writes over the old one within the file \
                           system's clock tick (some milliseconds) after a commit, or while its -wal file is exchanged alone";

/// What SQLite reads as the clock from rows, which are not looked at.
const TEXTS: &str = "a text in a column that says 'now' where a report makes a date of it";

/// What watches a SQLite file, before it is opened.
pub(super) fn about(poll: Duration, triggers: bool) -> About {
    if triggers {
        About {
            name: "SQLite data_version and triggers".to_owned(),
            delay: poll,
            blind_spots: vec![
                "which table, for virtual tables and for what fires no trigger (VACUUM): a commit then counts as a \
                 change of every such table"
                    .to_owned(),
                "an incremental write into a blob that falls into the same look as an ordinary write".to_owned(),
                PAST_SQLITE.to_owned(),
                TEXTS.to_owned(),
            ],
            better_by: None,
        }
    } else {
        About {
            name: "SQLite data_version".to_owned(),
            delay: poll,
            blind_spots: vec![
                "which table: any commit to the file counts as a change of every table".to_owned(),
                PAST_SQLITE.to_owned(),
                TEXTS.to_owned(),
            ],
            better_by: Some(
                "triggers = true in the source lets us put counting triggers into the file: a commit then refreshes \
                 only the reports on the tables it wrote"
                    .to_owned(),
            ),
        }
    }
}

fn is_locked(error: &sqlx::Error) -> bool {
    // SQLITE_BUSY and SQLITE_LOCKED, with whatever extended code above them.
    primary_code(error).is_some_and(|code| matches!(code, 5 | 6))
}

/// Whether something would be written, rather than a file of the write-ahead log made.
fn is_plain_readonly(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == "8")
}

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// A failure in one sentence with cause and remedy.
pub(super) fn in_words(file: &Path, error: &sqlx::Error) -> String {
    let file = file.display();
    match primary_code(error) {
        Some(5 | 6) => format!(
            "another program keeps {file} locked, so changes cannot be seen; end its transaction"
        ),
        // In WAL mode reading needs files beside it; see SQLITE_READONLY_DIRECTORY.
        Some(8) if !is_plain_readonly(error) => format!(
            "{file} is in WAL mode, and to look at it this account must be able to make its -wal and -shm files; let the \
             account write the file's folder"
        ),
        Some(8) => format!("{file} may only be read; give this account the right to write it"),
        Some(14) => format!(
            "{file} cannot be opened; check the path and its permissions, and those of its folder"
        ),
        Some(11 | 26) => format!("{file} is not a sound SQLite database ({error}); restore it"),
        _ => format!("changes of {file} cannot be seen: {error}; it is tried again"),
    }
}

/// What the file system tells of a file: which one it is, and when it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stamp {
    /// Device and inode, so that another file under the same name is noticed.
    file: (u64, u64),
    size: u64,
    /// When content, and when content or inode, were changed: seconds and nanoseconds. Programs can set the first to what
    /// they want, and not the second.
    written: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    #[cfg(unix)]
    fn of(path: &Path) -> std::io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        let found = std::fs::metadata(path)?;
        Ok(Self {
            file: (found.dev(), found.ino()),
            size: found.size(),
            written: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }

    #[cfg(not(unix))]
    fn of(path: &Path) -> std::io::Result<Self> {
        let found = std::fs::metadata(path)?;
        let since = |time: std::time::SystemTime| {
            let since = time
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default();
            (since.as_secs(), i64::from(since.subsec_nanos()))
        };
        let (created, nanos) = since(found.created()?);
        let (seconds, rest) = since(found.modified()?);
        let written = (seconds.cast_signed(), rest);
        Ok(Self {
            file: (created, nanos.cast_unsigned()),
            size: found.len(),
            written,
            changed: written,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(schema_version: i64, counts: &[(&str, i64)]) -> Seen {
        let counts = counts
            .iter()
            .map(|(table, n)| ((*table).to_owned(), *n))
            .collect();
        Seen {
            data_version: 0,
            schema_version,
            counts,
        }
    }

    #[test]
    fn any_doubt_is_a_change_of_all() {
        let before = seen(1, &[("orders", 5), ("parts", 2)]);
        let one = Touched::Tables(BTreeSet::from(["orders".to_owned()]));
        assert_eq!(
            touched(&before, &seen(1, &[("orders", 6), ("parts", 2)])),
            one
        );
        // A restored backup counts less: also a change.
        assert_eq!(
            touched(&before, &seen(1, &[("orders", 4), ("parts", 2)])),
            one
        );
        assert_eq!(
            touched(&before, &seen(1, &[("orders", 5), ("parts", 2)])),
            Touched::All
        );
        assert_eq!(
            touched(&before, &seen(2, &[("orders", 6), ("parts", 2)])),
            Touched::All
        );
        assert_eq!(touched(&before, &seen(1, &[("orders", 6)])), Touched::All);
    }
}
