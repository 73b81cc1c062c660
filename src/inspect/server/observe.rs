//! What is asked when? INFO each second while somebody looks; of the other questions only
//! the one that is looked at, every few seconds; the settings once a minute, since warnings need them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::answer::sentence;
use super::ask::{Meter, ask};
use super::{
    Asked, Clients, CommandStat, Info, LatencyReport, Sample, Setting, SlowCommand, Topology,
};
use crate::inspect::{Connection, InspectError};

/// How often INFO is asked.
pub const INTERVAL: Duration = Duration::from_secs(1);
/// How often what is looked at is asked again.
const PART: Duration = Duration::from_secs(5);
/// How often the settings are asked again.
const CONFIG: Duration = Duration::from_mins(1);
/// The pause after an answer that did not come.
const PAUSE: Duration = Duration::from_secs(2);

/// A part of what can be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Part {
    /// Figures over time.
    #[default]
    Overview,
    /// The slow log.
    SlowLog,
    /// What held the server up, and which commands take its time.
    Latency,
    /// The connected clients.
    Clients,
    /// The settings.
    Config,
    /// The servers that belong together.
    Topology,
}

/// What was heard.
#[derive(Clone, Debug)]
pub enum News {
    /// INFO was answered.
    Figures {
        /// What it says.
        info: Arc<Info>,
        /// The figures of it.
        sample: Sample,
        /// Commands a second that looking costs.
        cost: f64,
    },
    /// INFO may not be asked.
    NoFigures(String),
    /// Nothing answers; it is tried again.
    Lost(String),
    /// The slow log.
    SlowLog(Asked<Vec<SlowCommand>>),
    /// What the latency monitor saw.
    Latency(Asked<LatencyReport>),
    /// Which commands take the time.
    Commands(Asked<Vec<CommandStat>>),
    /// The clients.
    Clients(Asked<Clients>),
    /// The settings.
    Config(Asked<Vec<Setting>>),
    /// The servers that belong together.
    Topology(Topology),
}

/// What is looked at: set by whoever looks, read by [`observe`]. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Focus(Arc<(Mutex<Looked>, Notify)>);

#[derive(Clone, Copy, Debug, Default)]
struct Looked {
    part: Part,
    /// A list that is too long to be asked for unasked.
    anyway: bool,
}

impl Focus {
    /// Looks at a part, whose answer then comes soon.
    pub fn set(&self, part: Part) {
        let mut looked = self.0.0.lock();
        if looked.part != part {
            *looked = Looked {
                part,
                anyway: false,
            };
            self.0.1.notify_one();
        }
    }

    /// Asks for the list of clients now, however long it is.
    pub fn ask_anyway(&self) {
        self.0.0.lock().anyway = true;
        self.0.1.notify_one();
    }

    /// What is looked at.
    pub fn part(&self) -> Part {
        self.0.0.lock().part
    }

    fn take_anyway(&self) -> bool {
        std::mem::take(&mut self.0.0.lock().anyway)
    }
}

/// Observes a server until `tell` answers `false`. Drop it to end it sooner.
pub async fn observe<F: Future<Output = bool>>(
    connection: &Connection,
    focus: &Focus,
    tell: impl Fn(News) -> F,
) {
    let meter = Meter::new(connection);
    let mut info = Arc::new(Info::default());
    let mut asked: Option<(Part, Instant)> = None;
    let mut settings: Option<Instant> = None;
    let mut next = tokio::time::Instant::now();
    loop {
        let figures = match meter.info("").await {
            Ok(read) => {
                info = Arc::new(read);
                News::Figures {
                    sample: Sample::of(&info, Utc::now()),
                    info: info.clone(),
                    cost: meter.cost(),
                }
            }
            Err(error @ (InspectError::Lost { .. } | InspectError::Connect(_))) => {
                if !tell(News::Lost(error.to_string())).await {
                    return;
                }
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Err(error) => News::NoFigures(sentence(&error)),
        };
        if !tell(figures).await {
            return;
        }
        let part = focus.part();
        let anyway = focus.take_anyway();
        let is_due = asked.is_none_or(|(last, at)| last != part || at.elapsed() >= PART);
        let is_config = part == Part::Config;
        if (is_due || anyway) && !is_config {
            asked = Some((part, Instant::now()));
            for news in ask(&meter, part, &info, anyway).await {
                if !tell(news).await {
                    return;
                }
            }
        }
        let is_new = is_config && asked.is_none_or(|(last, _)| last != part);
        if is_new || settings.is_none_or(|at| at.elapsed() >= CONFIG) {
            settings = Some(Instant::now());
            let config = meter.config(&info).await;
            if !tell(News::Config(config)).await {
                return;
            }
        }
        if is_config {
            asked = Some((part, Instant::now()));
        }
        next = (next + INTERVAL).max(tokio::time::Instant::now());
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = focus.0.1.notified() => next = tokio::time::Instant::now(),
        }
    }
}

/// Asks for everything once, for the command line: what [`observe`] would bring in its first moments.
pub async fn look(connection: &Connection) -> Vec<News> {
    let meter = Meter::new(connection);
    let mut all = Vec::new();
    let info = match meter.info("").await {
        Ok(info) => {
            let info = Arc::new(info);
            all.push(News::Figures {
                sample: Sample::of(&info, Utc::now()),
                info: info.clone(),
                cost: 0.0,
            });
            info
        }
        Err(error) => {
            all.push(News::NoFigures(sentence(&error)));
            Arc::default()
        }
    };
    all.push(News::Config(meter.config(&info).await));
    for part in [Part::SlowLog, Part::Latency, Part::Clients, Part::Topology] {
        all.extend(ask(&meter, part, &info, false).await);
    }
    all
}
