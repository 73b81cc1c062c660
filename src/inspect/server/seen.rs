//! What is known by now? The latest answer to each question; an older one stays until the next comes.

use std::sync::Arc;

use super::{
    Asked, Clients, CommandStat, History, Info, LatencyReport, News, Part, Setting, SlowCommand,
    Topology, Warning, warnings,
};

/// What was seen of a server.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The figures over time.
    pub history: History,
    /// The latest INFO.
    pub info: Arc<Info>,
    /// Why INFO may not be asked.
    pub no_info: Option<String>,
    /// Why nothing is heard at the moment.
    pub lost: Option<String>,
    /// Commands a second that looking costs, over the last seconds.
    pub cost: f64,
    /// The slow log.
    pub slow_log: Option<Asked<Vec<SlowCommand>>>,
    /// What the latency monitor saw.
    pub latency: Option<Asked<LatencyReport>>,
    /// Which commands take the time.
    pub commands: Option<Asked<Vec<CommandStat>>>,
    /// The connected clients.
    pub clients: Option<Asked<Clients>>,
    /// The settings.
    pub config: Option<Asked<Vec<Setting>>>,
    /// The servers that belong together.
    pub topology: Option<Topology>,
}

impl Seen {
    /// Takes in what was heard.
    pub fn take(&mut self, news: News) {
        if !matches!(news, News::Lost(_)) {
            self.lost = None;
        }
        match news {
            News::Figures { info, sample, cost } => {
                self.history.push(sample);
                self.info = info;
                self.no_info = None;
                self.cost = cost;
            }
            News::NoFigures(why) => self.no_info = Some(why),
            News::Lost(why) => self.lost = Some(why),
            News::SlowLog(asked) => self.slow_log = Some(asked),
            News::Latency(asked) => self.latency = Some(asked),
            News::Commands(asked) => self.commands = Some(asked),
            News::Clients(asked) => self.clients = Some(asked),
            News::Config(asked) => self.config = Some(asked),
            News::Topology(topology) => self.topology = Some(topology),
        }
    }

    /// What should somebody do something about, the gravest first.
    pub fn warnings(&self) -> Vec<Warning> {
        let none = Vec::new();
        let settings = match &self.config {
            Some(Ok(settings)) => settings,
            _ => &none,
        };
        warnings(&self.info, &self.history, settings)
    }

    /// Whether nothing is known yet.
    pub fn is_empty(&self) -> bool {
        self.info.is_empty() && self.no_info.is_none()
    }

    /// Whether the part was answered, be it with a reason why not.
    pub fn has(&self, part: Part) -> bool {
        match part {
            Part::Overview => !self.is_empty(),
            Part::SlowLog => self.slow_log.is_some(),
            Part::Latency => self.latency.is_some(),
            Part::Clients => self.clients.is_some(),
            Part::Config => self.config.is_some(),
            Part::Topology => self.topology.is_some(),
        }
    }
}
