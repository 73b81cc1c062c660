//! Which tables' counters of writes moved? `sys.dm_db_index_usage_stats` counts the statements that wrote to a table, and
//! `@@DBTS` moves with every row that has a rowversion. Neither waits for the end of a transaction: a table whose
//! counter moved counts as changed again until no transaction that writes is open.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::super::pace::Pace;
use super::super::{About, Blind, Detector, Observation, Touched};
use super::ask::{Asker, Rows, blind, cell};
use super::look::{self, Look};
use super::schema;

const COUNTERS: &str = "SELECT SCHEMA_NAME(t.schema_id), t.name, \
     CASE WHEN SCHEMA_NAME(t.schema_id) = SCHEMA_NAME() THEN 1 ELSE 0 END, \
     (SELECT SUM(s.user_updates + s.system_updates) FROM sys.dm_db_index_usage_stats s WHERE s.database_id = DB_ID() AND \
     s.object_id = t.object_id), (SELECT SUM(p.rows) FROM sys.partitions p WHERE p.object_id = t.object_id AND \
     p.index_id IN (0, 1)), CAST(@@DBTS AS bigint) FROM sys.tables t WHERE t.is_ms_shipped = 0";

/// What was counted for a table: writes and rows.
type Counted = BTreeMap<String, (String, String)>;

/// The detector that asks the counters.
pub(super) struct Counters {
    asker: Asker,
    pace: Pace,
    about: About,
    unseen: BTreeSet<String>,
    last: Option<(Counted, String)>,
    schema: String,
    /// The tables that are counted.
    names: Option<BTreeSet<String>>,
    /// Tables whose writer may not have committed yet.
    pending: BTreeSet<String>,
    /// Whether some rowversion moved and its writer may not have committed yet.
    anything: bool,
}

impl Counters {
    pub(super) fn new(asker: Asker, look: &Look, poll: Duration, hidden: Option<String>) -> Self {
        let why = match &look.refused {
            Some(why) => format!(" (now: {why})"),
            None => String::new(),
        };
        let mut blind_spots = vec![
            "an empty partition that is switched for another, and TRUNCATE of an empty table".to_owned(),
            "tables of other databases, also behind a synonym or a view".to_owned(),
            "writes between a restart of the server and the next look, where the counters come out the same".to_owned(),
        ];
        blind_spots.extend(look.blind_spots());
        blind_spots.extend(hidden);
        Self {
            unseen: look.unseen(),
            asker,
            pace: Pace::new(poll),
            about: About {
                name: "SQL Server's counters of writes".to_owned(),
                delay: poll,
                blind_spots,
                better_by: look.statements().map(|statements| {
                    format!(
                        "{statements}: Change Tracking names each table exactly, and misses nothing while no worker is connected{why}"
                    )
                }),
            },
            last: None,
            schema: String::new(),
            names: None,
            pending: BTreeSet::new(),
            anything: false,
        }
    }

    async fn ask(&self, sql: &str) -> Result<Rows, Blind> {
        self.asker.rows(sql).await.map_err(|error| blind(&error))
    }
}

/// What the rows count, and the database's last rowversion.
fn counted(rows: &Rows) -> (Counted, String) {
    let version = rows.first().map_or("", |row| cell(row, 5)).to_owned();
    let counted = rows
        .iter()
        .map(|row| {
            let counts = (cell(row, 3).to_owned(), cell(row, 4).to_owned());
            (look::name(row), counts)
        })
        .collect();
    (counted, version)
}

/// Tables that are new, gone or counted otherwise.
fn moved(before: &Counted, now: &Counted) -> BTreeSet<String> {
    let differs = |name: &&String| before.get(*name) != now.get(*name);
    before
        .keys()
        .chain(now.keys())
        .filter(differs)
        .cloned()
        .collect()
}

#[async_trait]
impl Detector for Counters {
    fn about(&self) -> &About {
        &self.about
    }

    fn tells_apart(&self) -> Option<&BTreeSet<String>> {
        self.names.as_ref()
    }

    fn cannot_see(&self) -> Option<&BTreeSet<String>> {
        Some(&self.unseen)
    }

    async fn next(&mut self) -> Result<Observation, Blind> {
        self.pace.wait().await;
        let began = Instant::now();
        let schema = schema::objects(&self.asker).await?;
        let (now, version) = counted(&self.ask(COUNTERS).await?);
        // After the counters: what moved them and is not among the open ones has ended.
        let open = self.ask(look::OPEN).await?;
        let open = open.first().is_some_and(|row| cell(row, 0) != "0");
        self.about.delay = self.pace.looked(began.elapsed());
        self.names = Some(now.keys().cloned().collect());

        let redefined = std::mem::replace(&mut self.schema, schema.clone()) != schema;
        let Some((before, version_before)) = self.last.replace((now.clone(), version.clone()))
        else {
            // Whoever writes right now commits after the baseline.
            self.anything = open;
            return Ok(Observation::gap("watching begins".to_owned()));
        };
        let mut tables = moved(&before, &now);
        let rowversion = version != version_before;
        let unnamed = self.anything || redefined || (rowversion && tables.is_empty());
        tables.extend(std::mem::take(&mut self.pending));
        self.anything = unnamed && open;
        if open {
            self.pending.clone_from(&tables);
        }
        Ok(match (unnamed, tables.is_empty()) {
            (true, _) => changed(Touched::All),
            (false, false) => changed(Touched::Tables(tables)),
            (false, true) => Observation::Quiet,
        })
    }
}

fn changed(tables: Touched) -> Observation {
    Observation::Changed {
        tables,
        position: None,
        committed_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_moved_either_way_is_a_change() {
        let counts = |list: &[(&str, &str)]| -> Counted {
            list.iter()
                .map(|(name, count)| ((*name).to_owned(), ((*count).to_owned(), "1".to_owned())))
                .collect()
        };
        let before = counts(&[("same", "5"), ("up", "5"), ("down", "5"), ("gone", "5")]);
        let now = counts(&[("same", "5"), ("up", "6"), ("down", "1"), ("new", "")]);
        let found: Vec<_> = moved(&before, &now).into_iter().collect();
        assert_eq!(found, ["down", "gone", "new", "up"]);
    }
}
