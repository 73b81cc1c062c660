//! What is asked, when, and what does asking cost? INFO each second while somebody looks; of the other questions only
//! the one that is looked at, every few seconds; the settings once a minute, since warnings need them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use parking_lot::Mutex;
use redis::{Cmd, Value};
use tokio::sync::Notify;

use super::answer::{sentence, text};
use super::{
    Asked, Clients, Cluster, CommandStat, Info, LatencyReport, MOST_CLIENTS, Role, Sample, Setting,
    SlowCommand, Topology, commands, config, latency, slow_log, topology,
};
use crate::human;
use crate::inspect::{Connection, InspectError};

/// How often INFO is asked.
pub const INTERVAL: Duration = Duration::from_secs(1);
/// How often what is looked at is asked again.
const PART: Duration = Duration::from_secs(5);
/// How often the settings are asked again.
const CONFIG: Duration = Duration::from_mins(1);
/// The pause after an answer that did not come.
const PAUSE: Duration = Duration::from_secs(2);
/// Entries of the slow log that are asked for.
const SLOW: usize = 128;
/// Over how long the cost is counted.
const COST: Duration = Duration::from_secs(10);

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

async fn ask(meter: &Meter<'_>, part: Part, info: &Info, anyway: bool) -> Vec<News> {
    match part {
        Part::Overview | Part::Config => Vec::new(),
        Part::SlowLog => vec![News::SlowLog(meter.slow_log().await)],
        Part::Latency => {
            let stats = meter.info("commandstats").await;
            vec![
                News::Latency(meter.latency().await),
                News::Commands(
                    stats
                        .map(|info| commands::read(&info))
                        .map_err(|error| sentence(&error)),
                ),
            ]
        }
        Part::Clients => vec![News::Clients(meter.clients(info, anyway).await)],
        Part::Topology => vec![News::Topology(meter.topology(info).await)],
    }
}

/// Asks, and counts what it asks.
struct Meter<'a> {
    connection: &'a Connection,
    began: Instant,
    sent: Mutex<VecDeque<Instant>>,
}

impl<'a> Meter<'a> {
    fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            began: Instant::now(),
            sent: Mutex::default(),
        }
    }

    async fn ask(&self, words: &[&str]) -> Result<Value, InspectError> {
        let mut command = Cmd::new();
        for word in words {
            command.arg(*word);
        }
        {
            let mut sent = self.sent.lock();
            sent.retain(|at| at.elapsed() < COST);
            sent.push_back(Instant::now());
        }
        self.connection.ask(&command).await
    }

    fn cost(&self) -> f64 {
        let sent = self.sent.lock();
        let count = sent.iter().filter(|at| at.elapsed() < COST).count();
        // The first second counts as a whole one.
        let over = self.began.elapsed().min(COST).max(INTERVAL);
        count as f64 / over.as_secs_f64()
    }

    async fn info(&self, section: &str) -> Result<Info, InspectError> {
        let words = ["INFO", section];
        let words = &words[..if section.is_empty() { 1 } else { 2 }];
        self.ask(words)
            .await
            .map(|answer| Info::read(&text(&answer)))
    }

    async fn config(&self, info: &Info) -> Asked<Vec<Setting>> {
        let answer = self.ask(&["CONFIG", "GET", "*"]).await;
        answer
            .map(|answer| config::read(&answer, info.product(), info.version()))
            .map_err(|error| sentence(&error))
    }

    async fn slow_log(&self) -> Asked<Vec<SlowCommand>> {
        let answer = self.ask(&["SLOWLOG", "GET", &SLOW.to_string()]).await;
        answer
            .map(|answer| slow_log::read(&answer))
            .map_err(|error| sentence(&error))
    }

    async fn latency(&self) -> Asked<LatencyReport> {
        let latest = self.ask(&["LATENCY", "LATEST"]).await;
        let mut events = latency::latest(&latest.map_err(|error| sentence(&error))?);
        for event in events.iter_mut().take(latency::EVENTS) {
            // An event that goes without its history is still told.
            if let Ok(answer) = self.ask(&["LATENCY", "HISTORY", &event.name]).await {
                event.history = latency::history(&answer);
            }
        }
        let doctor = match self.ask(&["LATENCY", "DOCTOR"]).await {
            Ok(answer) => latency::doctor(&answer),
            Err(error) => sentence(&error),
        };
        Ok(LatencyReport { events, doctor })
    }

    async fn clients(&self, info: &Info, anyway: bool) -> Asked<Clients> {
        let connected = info.number("connected_clients").unwrap_or_default();
        if connected > MOST_CLIENTS && !anyway {
            return Err(format!(
                "{} clients are connected, and a list of them would hold the server up for some milliseconds; press List all the same to ask for it once",
                human::count(connected)
            ));
        }
        let answer = self.ask(&["CLIENT", "LIST"]).await;
        answer
            .map(|answer| Clients::read(&text(&answer)))
            .map_err(|error| sentence(&error))
    }

    async fn topology(&self, info: &Info) -> Topology {
        let (role, replicas) = topology::replication(info);
        let mut found = Topology {
            role,
            replicas,
            ..Topology::default()
        };
        if found.role == Role::Sentinel {
            self.watched(&mut found).await;
            return found;
        }
        match self.clients(info, false).await {
            Ok(clients) => found.sentinels = topology::connected_sentinels(&clients),
            Err(why) => found
                .missing
                .push(format!("Sentinels are known by their connections: {why}")),
        }
        if info.number("cluster_enabled") == Some(1) {
            match self.cluster().await {
                Ok(cluster) => found.cluster = Some(cluster),
                Err(error) => found.missing.push(sentence(&error)),
            }
        }
        found
    }

    async fn cluster(&self) -> Result<Cluster, InspectError> {
        let nodes = match self.ask(&["CLUSTER", "NODES"]).await {
            Ok(answer) => topology::nodes(&answer),
            Err(_) => topology::nodes_of_slots(&self.ask(&["CLUSTER", "SLOTS"]).await?),
        };
        let state = match self.ask(&["CLUSTER", "INFO"]).await {
            Ok(answer) => topology::cluster_state(&answer),
            Err(_) => "unknown".to_owned(),
        };
        Ok(Cluster { state, nodes })
    }

    /// What a sentinel watches, and who watches with it.
    async fn watched(&self, found: &mut Topology) {
        let primaries = match self.ask(&["SENTINEL", "MASTERS"]).await {
            Ok(answer) => topology::watched(&answer, "primary"),
            Err(error) => {
                found.missing.push(sentence(&error));
                return;
            }
        };
        for primary in primaries {
            let name = primary.name.clone();
            found.sentinels.push(primary);
            for (question, what) in [("REPLICAS", "replica"), ("SENTINELS", "sentinel")] {
                match self.ask(&["SENTINEL", question, &name]).await {
                    Ok(answer) => found.sentinels.extend(topology::watched(&answer, what)),
                    Err(error) => found.missing.push(sentence(&error)),
                }
            }
        }
    }
}
