//! Which commands take the server's time?

use super::Info;
use super::info::parts;

/// What the server counted of one command since its start.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandStat {
    /// The command, `config get` for a subcommand.
    pub name: String,
    /// How often it ran.
    pub calls: u64,
    /// How long it ran altogether, in microseconds.
    pub us: u64,
    /// How often it was refused before it ran, or failed.
    pub failed: u64,
}

impl CommandStat {
    /// How long a call takes on average, in microseconds.
    pub fn us_per_call(&self) -> f64 {
        self.us as f64 / (self.calls.max(1)) as f64
    }
}

/// What INFO commandstats says, the commands first that took the most time.
pub(super) fn read(info: &Info) -> Vec<CommandStat> {
    let mut all: Vec<CommandStat> = info
        .beginning("cmdstat_")
        .map(|(name, value)| {
            let field = |wanted: &str| {
                parts(value)
                    .find(|(name, _)| *name == wanted)
                    .and_then(|(_, n)| n.parse::<u64>().ok())
                    .unwrap_or_default()
            };
            CommandStat {
                name: name.replace('|', " "),
                calls: field("calls"),
                us: field("usec"),
                failed: field("rejected_calls").saturating_add(field("failed_calls")),
            }
        })
        .collect();
    all.sort_by_key(|stat| std::cmp::Reverse(stat.us));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_comes_first_and_odd_values_count_nothing() {
        let info = Info::read(
            "# Commandstats\r\ncmdstat_get:calls=10,usec=50,usec_per_call=5.00,rejected_calls=1,failed_calls=2\r\ncmdstat_config|get:calls=1,usec=900,usec_per_call=900.00\r\ncmdstat_x:calls=-1,usec=zzz\r\n",
        );
        let stats = read(&info);
        let names: Vec<_> = stats.iter().map(|stat| stat.name.as_str()).collect();
        assert_eq!(names, ["config get", "get", "x"]);
        assert_eq!((stats[1].us_per_call(), stats[1].failed), (5.0, 3));
        assert_eq!((stats[2].calls, stats[2].us_per_call()), (0, 0.0));
    }
}
