//! What does a report depend on? Its SQL with the catalogue of its source. A fill that a detector vouches for asks for
//! it after it has begun; everybody else takes one that is a few seconds old. A hit never needs it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::report::{Catalogue, Dependencies, Report};
use crate::source::{Source, SourceError};

/// How old a catalogue may be that nobody vouches by.
const CURRENT: Duration = Duration::from_secs(5);

/// How long reading a catalogue may take; a fill holds its lock for this time.
const LONGEST: Duration = Duration::from_secs(30);

fn silent(report: &Report) -> SourceError {
    SourceError::Lost(format!(
        "the catalogue of the source {} could not be read within {}; run the report again",
        report.source,
        crate::human::duration(LONGEST)
    ))
}

/// The catalogues of the sources, as far as they were needed.
#[derive(Default)]
pub(super) struct Catalogues(Mutex<HashMap<String, (Instant, Arc<Catalogue>)>>);

impl Catalogues {
    /// The dependencies of `report`, asking the database where the catalogue is not current.
    pub(super) async fn resolve(
        &self,
        report: &Report,
        source: &dyn Source,
    ) -> Result<Dependencies, SourceError> {
        let now = Instant::now();
        let since = now.checked_sub(CURRENT).unwrap_or(now);
        self.resolve_since(report, source, since).await
    }

    /// The dependencies of `report` by a catalogue that was asked for at `since` or later.
    pub(super) async fn resolve_since(
        &self,
        report: &Report,
        source: &dyn Source,
        since: Instant,
    ) -> Result<Dependencies, SourceError> {
        let known = self.0.lock().get(&report.source).cloned();
        let catalogue = match known {
            Some((asked, catalogue)) if asked >= since => catalogue,
            _ => {
                let asked = Instant::now();
                let read = tokio::time::timeout(LONGEST, source.catalogue())
                    .await
                    .unwrap_or_else(|_| Err(silent(report)));
                let catalogue = match (read, &report.tables) {
                    (Ok(catalogue), _) => Arc::new(catalogue),
                    (Err(_), Some(tables)) => {
                        return Ok(Dependencies::named(tables, &report.sql, source.dialect()));
                    }
                    (Err(error), None) => return Err(error),
                };
                self.0
                    .lock()
                    .insert(report.source.clone(), (asked, catalogue.clone()));
                catalogue
            }
        };
        Ok(found(report, source, &catalogue))
    }

    /// The catalogue of a source may have changed: the next fill asks for it anew.
    pub(super) fn forget(&self, source: &str) {
        if let Some((asked, _)) = self.0.lock().get_mut(source) {
            *asked = asked.checked_sub(CURRENT).unwrap_or(*asked);
        }
    }

    /// The dependencies of `report` as far as they are known without asking the database.
    pub(super) fn known(&self, report: &Report, source: &dyn Source) -> Option<Dependencies> {
        if let Some((_, catalogue)) = self.0.lock().get(&report.source) {
            return Some(found(report, source, catalogue));
        }
        let tables = report.tables.as_ref()?;
        Some(Dependencies::named(tables, &report.sql, source.dialect()))
    }
}

/// Tables that the user names are believed; views and functions are still searched for what no table decides.
fn found(report: &Report, source: &dyn Source, catalogue: &Catalogue) -> Dependencies {
    let found = Dependencies::of(&report.sql, source.dialect(), catalogue);
    match &report.tables {
        Some(tables) => found.with_tables(tables),
        None => found,
    }
}
