//! Which commands does a question take, and what does asking cost?

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::{Cmd, Value};

use super::answer::{sentence, text};
use super::{
    Asked, Clients, Cluster, INTERVAL, Info, LatencyReport, MOST_CLIENTS, News, Part, Role,
    Setting, SlowCommand, Topology, cluster, commands, config, latency, slow_log, topology,
};
use crate::human;
use crate::inspect::{Connection, InspectError};

/// Entries of the slow log that are asked for.
const SLOW: usize = 128;
/// Over how long the cost is counted.
const COST: Duration = Duration::from_secs(10);

/// Asks what a part needs besides INFO.
pub(super) async fn ask(meter: &Meter<'_>, part: Part, info: &Info, anyway: bool) -> Vec<News> {
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
pub(super) struct Meter<'a> {
    connection: &'a Connection,
    began: Instant,
    sent: Mutex<VecDeque<Instant>>,
}

impl<'a> Meter<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
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

    pub(super) fn cost(&self) -> f64 {
        let sent = self.sent.lock();
        let count = sent.iter().filter(|at| at.elapsed() < COST).count();
        // The first second counts as a whole one.
        let over = self.began.elapsed().min(COST).max(INTERVAL);
        count as f64 / over.as_secs_f64()
    }

    pub(super) async fn info(&self, section: &str) -> Result<Info, InspectError> {
        let words = ["INFO", section];
        let words = &words[..if section.is_empty() { 1 } else { 2 }];
        self.ask(words)
            .await
            .map(|answer| Info::read(&text(&answer)))
    }

    pub(super) async fn config(&self, info: &Info) -> Asked<Vec<Setting>> {
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
            Ok(answer) => cluster::nodes(&answer),
            Err(_) => cluster::nodes_of_slots(&self.ask(&["CLUSTER", "SLOTS"]).await?),
        };
        let state = match self.ask(&["CLUSTER", "INFO"]).await {
            Ok(answer) => cluster::cluster_state(&answer),
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
