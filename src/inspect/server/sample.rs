//! Which figures of INFO are drawn over time?

use chrono::{DateTime, Utc};

use super::Info;

/// What INFO said of the figures at one moment. What the server did not tell is not there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// When it was asked, by our clock.
    pub at: DateTime<Utc>,
    /// Names the server's run: another one after a restart.
    pub run: String,
    /// Seconds that it has been running.
    pub uptime: Option<u64>,
    hits: Option<u64>,
    misses: Option<u64>,
    commands: Option<u64>,
    expired: Option<u64>,
    evicted: Option<u64>,
    net_in: Option<u64>,
    net_out: Option<u64>,
    cpu: Option<f64>,
    used: Option<u64>,
    resident: Option<u64>,
    limit: Option<u64>,
    fragmentation: Option<f64>,
    clients: Option<u64>,
    blocked: Option<u64>,
}

/// A figure over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Figure {
    /// Found keys as a share of looked-up keys, 0 to 1.
    HitRatio,
    /// Found keys a second.
    Hits,
    /// Keys a second that were not found.
    Misses,
    /// Commands a second.
    Commands,
    /// Share of one processor core, 0 to 1 and above.
    Cpu,
    /// Keys a second that expired.
    Expired,
    /// Keys a second that were evicted.
    Evicted,
    /// Bytes a second that came in.
    NetIn,
    /// Bytes a second that went out.
    NetOut,
    /// Bytes that the server asked for.
    Used,
    /// Bytes that the system gave it.
    Resident,
    /// The limit in bytes, where there is one.
    Limit,
    /// Given memory against asked-for memory.
    Fragmentation,
    /// Connected clients.
    Clients,
    /// Clients that wait for something.
    Blocked,
}

impl Sample {
    /// The figures of what INFO said at `at`.
    pub fn of(info: &Info, at: DateTime<Utc>) -> Self {
        let cpu = match (info.measure("used_cpu_sys"), info.measure("used_cpu_user")) {
            (Some(system), Some(user)) => Some(system + user),
            _ => None,
        };
        Self {
            at,
            run: info.get("run_id").unwrap_or_default().to_owned(),
            uptime: info.number("uptime_in_seconds"),
            hits: info.number("keyspace_hits"),
            misses: info.number("keyspace_misses"),
            commands: info.number("total_commands_processed"),
            expired: info.number("expired_keys"),
            evicted: info.number("evicted_keys"),
            net_in: info.number("total_net_input_bytes"),
            net_out: info.number("total_net_output_bytes"),
            cpu,
            used: info.number("used_memory"),
            resident: info.number("used_memory_rss"),
            limit: info.number("maxmemory").filter(|limit| *limit > 0),
            fragmentation: info.measure("mem_fragmentation_ratio"),
            clients: info.number("connected_clients"),
            blocked: info.number("blocked_clients"),
        }
    }

    /// Whether another run of the server answers than in `before`: its counters began again.
    pub fn is_restart_after(&self, before: &Self) -> bool {
        if !self.run.is_empty() && !before.run.is_empty() {
            return self.run != before.run;
        }
        matches!((before.uptime, self.uptime), (Some(before), Some(now)) if now < before)
    }
}

impl Figure {
    /// Whether it is a rate, which needs two samples.
    pub fn is_rate(self) -> bool {
        !matches!(
            self,
            Self::Used
                | Self::Resident
                | Self::Limit
                | Self::Fragmentation
                | Self::Clients
                | Self::Blocked
        )
    }

    /// A figure that is measured at a moment.
    pub fn now(self, sample: &Sample) -> Option<f64> {
        match self {
            Self::Used => sample.used.map(|n| n as f64),
            Self::Resident => sample.resident.map(|n| n as f64),
            Self::Limit => sample.limit.map(|n| n as f64),
            Self::Clients => sample.clients.map(|n| n as f64),
            Self::Blocked => sample.blocked.map(|n| n as f64),
            Self::Fragmentation => sample.fragmentation,
            _ => None,
        }
    }

    /// A rate between two samples of one run. `None` where a counter went back (somebody reset it) or is not told, and
    /// for a hit ratio where nothing was looked up.
    pub fn between(self, before: &Sample, after: &Sample) -> Option<f64> {
        let seconds = (after.at - before.at).as_seconds_f64();
        if seconds <= 0.0 || after.is_restart_after(before) {
            return None;
        }
        let grown = |counter: fn(&Sample) -> Option<u64>| {
            let (before, after) = (counter(before)?, counter(after)?);
            after.checked_sub(before).map(|grown| grown as f64)
        };
        let hits = |sample: &Sample| sample.hits;
        let misses = |sample: &Sample| sample.misses;
        let count = match self {
            Self::HitRatio => {
                let (hits, misses) = (grown(hits)?, grown(misses)?);
                return (hits + misses > 0.0).then(|| hits / (hits + misses));
            }
            Self::Cpu => {
                let grown = after.cpu? - before.cpu?;
                (grown >= 0.0).then_some(grown)
            }
            Self::Hits => grown(hits),
            Self::Misses => grown(misses),
            Self::Commands => grown(|sample| sample.commands),
            Self::Expired => grown(|sample| sample.expired),
            Self::Evicted => grown(|sample| sample.evicted),
            Self::NetIn => grown(|sample| sample.net_in),
            Self::NetOut => grown(|sample| sample.net_out),
            _ => None,
        };
        count.map(|count| count / seconds)
    }
}
