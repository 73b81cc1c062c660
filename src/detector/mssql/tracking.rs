//! Which tables does Change Tracking name? SQL Server numbers every transaction that changed a tracked table, and tells
//! which tables changed after a number.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::super::pace::Pace;
use super::super::{About, Blind, Checkpoint, Detector, Observation, Touched};
use super::ask::{Asker, blind, cell, literal};
use super::look::Look;
use super::schema;

const VERSION: &str = "SELECT CHANGE_TRACKING_CURRENT_VERSION()";

/// The detector that asks Change Tracking.
pub(super) struct Tracking {
    asker: Asker,
    pace: Pace,
    about: About,
    /// As reports call a table, and as SQL does.
    tables: BTreeMap<String, String>,
    names: BTreeSet<String>,
    unseen: BTreeSet<String>,
    /// Which history of the database it is, and with the schema its log: one that changed while nobody looked may have
    /// changed what reports answer.
    history: String,
    schema: Option<String>,
    log: Option<String>,
    /// A place that a former worker left.
    from: Option<Checkpoint>,
    /// Everything up to this number was returned.
    last: Option<i64>,
}

impl Tracking {
    pub(super) fn new(asker: Asker, look: Look, poll: Duration, hidden: Option<String>) -> Self {
        let mut blind_spots = vec![
            "tables of other databases, also behind a synonym or a view".to_owned(),
            "a partition that is switched in or out".to_owned(),
        ];
        blind_spots.extend(look.blind_spots());
        blind_spots.extend(hidden);
        Self {
            asker,
            pace: Pace::new(poll),
            about: About {
                name: "SQL Server Change Tracking".to_owned(),
                delay: poll,
                blind_spots,
                better_by: None,
            },
            names: look.tracked.keys().cloned().collect(),
            unseen: look.unseen(),
            tables: look.tracked,
            history: look.history,
            schema: None,
            log: None,
            from: None,
            last: None,
        }
    }

    /// Notices a schema that is not what it was; then whatever was seen before says nothing of now.
    async fn look_at_schema(&mut self) -> Result<Option<&'static str>, Blind> {
        let schema = schema::tracked(&self.asker).await?;
        if self.schema.as_ref() == Some(&schema) {
            return Ok(None);
        }
        // Also the first time: a table may have come after the detector was chosen.
        let look = Look::take(&self.asker).await?;
        if !look.is_tracked() {
            return Err(Blind(format!(
                "Change Tracking is not on for every table any more; {}",
                look.remedy()
            )));
        }
        self.names = look.tracked.keys().cloned().collect();
        self.unseen = look.unseen();
        self.tables = look.tracked;
        self.history = look.history;
        let log = format!("change tracking {} {schema}", self.history);
        let first = self.schema.replace(schema).is_none();
        self.last = self
            .from
            .take()
            // Without a history to compare, nothing tells a restored database from the one that was left.
            .filter(|from| from.log == log && !self.history.is_empty())
            .and_then(|from| from.position.parse().ok());
        self.log = Some(log);
        Ok(Some(if first {
            "watching begins"
        } else {
            "the schema changed"
        }))
    }

    async fn version(&self) -> Result<i64, Blind> {
        let rows = self
            .asker
            .rows(VERSION)
            .await
            .map_err(|error| blind(&error))?;
        rows.first()
            .and_then(|row| cell(row, 0).parse().ok())
            .ok_or_else(|| {
                Blind(
                    "Change Tracking was switched off for the database; switch it on again"
                        .to_owned(),
                )
            })
    }

    /// The tables that changed after a number. One that was truncated, or whose older changes were cleaned away, has
    /// forgotten what changed, and counts as changed.
    async fn changed(&self, after: i64) -> Result<BTreeSet<String>, Blind> {
        let one = |(name, sql): (&String, &String)| {
            format!(
                "SELECT {name}, CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID({id})), CASE WHEN EXISTS (SELECT 1 FROM \
                 CHANGETABLE(CHANGES {sql}, {after}) AS c) THEN 1 ELSE 0 END",
                name = literal(name),
                id = literal(sql),
            )
        };
        let sql = self
            .tables
            .iter()
            .map(one)
            .collect::<Vec<_>>()
            .join(" UNION ALL ");
        let rows = self.asker.rows(&sql).await.map_err(|error| blind(&error))?;
        touched(&rows, after)
    }
}

/// The tables of rows of name, first number that is still known, and whether something changed.
fn touched(rows: &[Vec<Option<String>>], after: i64) -> Result<BTreeSet<String>, Blind> {
    let mut changed = BTreeSet::new();
    for row in rows {
        let name = cell(row, 0);
        let known: i64 = cell(row, 1).parse().map_err(|_| {
            Blind(format!(
                "Change Tracking was switched off for {name}, or may not be read any more; switch it on again"
            ))
        })?;
        if known > after || cell(row, 2) == "1" {
            changed.insert(name.to_owned());
        }
    }
    Ok(changed)
}

#[async_trait]
impl Detector for Tracking {
    fn about(&self) -> &About {
        &self.about
    }

    fn tells_apart(&self) -> Option<&BTreeSet<String>> {
        Some(&self.names)
    }

    fn cannot_see(&self) -> Option<&BTreeSet<String>> {
        Some(&self.unseen)
    }

    fn resume(&mut self, from: &Checkpoint) {
        self.from = Some(from.clone());
    }

    fn log(&self) -> Option<&str> {
        self.log.as_deref()
    }

    async fn next(&mut self) -> Result<Observation, Blind> {
        self.pace.wait().await;
        let seen = self.look().await;
        if seen.is_err() {
            // The database may be restored before the next look, and its version continue from the old value.
            self.schema = None;
        }
        seen
    }
}

impl Tracking {
    async fn look(&mut self) -> Result<Observation, Blind> {
        let began = Instant::now();
        let why = self.look_at_schema().await?.unwrap_or("watching begins");
        // The number first: what is committed between the two questions is returned by both looks.
        let version = self.version().await?;
        let observation = match self.last {
            None => Observation::Gap {
                why: why.to_owned(),
                position: Some(position(version)),
            },
            // A database that was restored to an earlier time counts from there again.
            Some(last) if version < last => Observation::Gap {
                why: "the database was set back to an earlier time".to_owned(),
                position: Some(position(version)),
            },
            Some(last) if version == last => Observation::Quiet,
            Some(last) => match self.changed(last).await? {
                tables if tables.is_empty() => Observation::Quiet,
                tables => Observation::Changed {
                    tables: Touched::Tables(tables),
                    position: Some(position(version)),
                    committed_at: None,
                },
            },
        };
        self.about.delay = self.pace.looked(began.elapsed());
        self.last = Some(version);
        Ok(observation)
    }
}

fn position(version: i64) -> String {
    format!("{version:020}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_forgot_what_changed_counts_as_changed() {
        let row = |name: &str, known: Option<&str>, changed: &str| {
            vec![
                Some(name.to_owned()),
                known.map(ToOwned::to_owned),
                Some(changed.to_owned()),
            ]
        };
        let rows = [
            row("same", Some("3"), "0"),
            row("changed", Some("3"), "1"),
            row("truncated", Some("8"), "0"),
        ];
        let found: Vec<_> = touched(&rows, 5).unwrap().into_iter().collect();
        assert_eq!(found, ["changed", "truncated"]);
        let blind = touched(&[row("off", None, "0")], 5).unwrap_err();
        assert!(blind.0.contains("switched off for off"), "{blind}");
    }
}
