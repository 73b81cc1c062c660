//! Which mechanism is the best that the account may use, now? A detector over the others: it chooses at its first
//! observation, again when what it chose goes blind, and looks from time to time whether something better has become
//! possible, so that a GRANT is enough and no restart is needed.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::report::Dialect;
use crate::source::Source;
use crate::workspace::SourceConfig;

use super::{
    About, Blind, Checkpoint, Detector, Observation, mssql, mysql, postgres, sqlite, watermark,
};

/// How often a detector that is not the best there could be looks for a better one.
const LOOK_FOR_BETTER: Duration = Duration::from_mins(1);

/// The detector of a source, whatever it is at the moment.
pub(super) struct Best {
    config: SourceConfig,
    source: Arc<dyn Source>,
    chosen: Option<Box<dyn Detector>>,
    chosen_at: Instant,
    checkpoint: Option<Checkpoint>,
    /// What is shown before anything was chosen.
    none: About,
}

impl Best {
    pub(super) fn new(config: &SourceConfig, source: &Arc<dyn Source>) -> Self {
        Self {
            config: config.clone(),
            source: source.clone(),
            chosen: None,
            chosen_at: Instant::now(),
            checkpoint: None,
            none: About {
                name: "none".to_owned(),
                delay: Duration::ZERO,
                blind_spots: Vec::new(),
                better_by: None,
            },
        }
    }

    /// The chosen detector; chooses one where there is none.
    async fn chosen(&mut self) -> Result<&mut Box<dyn Detector>, Blind> {
        let chosen = match self.chosen.take() {
            Some(chosen) => chosen,
            None => {
                let mut chosen = choose(&self.config, &self.source).await?;
                if let Some(checkpoint) = self.checkpoint.take() {
                    chosen.resume(&checkpoint);
                }
                self.chosen_at = Instant::now();
                chosen
            }
        };
        Ok(self.chosen.insert(chosen))
    }

    /// Takes a better detector in the place of the chosen one, where there is one by now. Its first observation is a
    /// gap, so nothing is missed between the two.
    async fn improve(&mut self) {
        let Some(chosen) = &self.chosen else { return };
        let improvable = chosen.about().better_by.is_some();
        if !improvable || self.chosen_at.elapsed() < LOOK_FOR_BETTER {
            return;
        }
        self.chosen_at = Instant::now();
        let name = chosen.about().name.clone();
        if let Ok(better) = choose(&self.config, &self.source).await
            && better.about().name != name
        {
            self.chosen = Some(better);
        }
    }
}

#[async_trait]
impl Detector for Best {
    fn about(&self) -> &About {
        self.chosen
            .as_ref()
            .map_or(&self.none, |chosen| chosen.about())
    }

    fn tells_apart(&self) -> Option<&BTreeSet<String>> {
        self.chosen.as_ref()?.tells_apart()
    }

    fn cannot_see(&self) -> Option<&BTreeSet<String>> {
        self.chosen.as_ref()?.cannot_see()
    }

    fn resume(&mut self, from: &Checkpoint) {
        // What has begun goes on from where it is.
        if self.chosen.is_none() {
            self.checkpoint = Some(from.clone());
        }
    }

    fn log(&self) -> Option<&str> {
        self.chosen.as_ref()?.log()
    }

    async fn next(&mut self) -> Result<Observation, Blind> {
        self.improve().await;
        let chosen = self.chosen().await?;
        let seen = chosen.next().await;
        if seen.is_err() && chosen.about().better_by.is_none() {
            // The best that cannot be used any more (a lost privilege, a changed setting) may leave its fallback.
            let name = chosen.about().name.clone();
            if let Ok(other) = choose(&self.config, &self.source).await
                && other.about().name != name
            {
                self.chosen = Some(other);
            }
        }
        seen
    }
}

/// The best detector for this source, ready to be asked. A watermark query that the user wrote is taken at their word,
/// also where the database has something better. [`Blind`] where nothing can watch it, or nobody could tell.
pub(super) async fn choose(
    config: &SourceConfig,
    source: &Arc<dyn Source>,
) -> Result<Box<dyn Detector>, Blind> {
    if let Some(sql) = &config.watermark {
        let about = watermark::about(config.poll_interval, source.dialect());
        return Ok(Box::new(watermark::Watermark::new(
            config, source, sql, about,
        )));
    }
    match source.dialect() {
        Dialect::Sqlite => {
            let file = PathBuf::from(&source.identity().server);
            Ok(Box::new(sqlite::Sqlite::new(
                file,
                config.poll_interval,
                config.triggers,
                sqlite::about(config.poll_interval, config.triggers),
            )))
        }
        Dialect::MySql => mysql::choose(config, source).await,
        Dialect::Postgres => postgres::choose(config, source).await,
        Dialect::MsSql => mssql::choose(config, source).await,
    }
}

/// What a source that nothing can watch is told.
pub(super) fn nothing(config: &SourceConfig, remedy: &str) -> Blind {
    let name = &config.name;
    Blind(format!(
        "nothing can watch {name}, so its on-change reports are never fresh; {remedy}, or set watermark = \"SELECT \
         COUNT(*), MAX(updated_at) FROM ...\" in [sources.{name}]"
    ))
}
