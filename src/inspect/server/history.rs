//! How did the figures go, as rates and with gaps? The last hour, and no longer.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Figure, Sample};

/// Samples that are kept: an hour of one a second.
pub const KEPT: usize = 3_600;
/// Between samples further apart nothing is known: nobody looked, or the server did not answer.
const FURTHEST: TimeDelta = TimeDelta::seconds(5);

/// The samples, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    samples: VecDeque<Sample>,
    version: u64,
}

impl History {
    /// Takes in a sample. One from before the last (a clock that was set back) begins anew, since no time axis shows
    /// both.
    pub fn push(&mut self, sample: Sample) {
        if self.samples.back().is_some_and(|last| sample.at <= last.at) {
            self.samples.clear();
        }
        if self.samples.len() == KEPT {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
        self.version += 1;
    }

    /// Moves with each sample.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The latest sample.
    pub fn last(&self) -> Option<&Sample> {
        self.samples.back()
    }

    /// When the oldest sample was taken.
    pub fn first_at(&self) -> Option<DateTime<Utc>> {
        self.samples.front().map(|sample| sample.at)
    }

    /// The figure's lines since then: seconds since the epoch and value. A new line begins after each gap: a restart, a
    /// counter that went back, a time without samples.
    pub fn lines(&self, figure: Figure, since: DateTime<Utc>) -> Vec<Vec<[f64; 2]>> {
        let mut lines: Vec<Vec<[f64; 2]>> = Vec::new();
        let mut open = false;
        let mut before: Option<&Sample> = None;
        for sample in &self.samples {
            let follows = before.is_some_and(|before| follows(before, sample));
            let value = if figure.is_rate() {
                before
                    .filter(|_| follows)
                    .and_then(|before| figure.between(before, sample))
            } else {
                figure.now(sample)
            };
            before = Some(sample);
            let Some(value) = value.filter(|_| sample.at >= since) else {
                open = false;
                continue;
            };
            let point = [sample.at.timestamp_millis() as f64 / 1000.0, value];
            match lines.last_mut() {
                // The first rate after a gap begins a line too: the sample before it belongs to the gap's end.
                Some(line) if open && follows => line.push(point),
                _ => lines.push(vec![point]),
            }
            open = true;
        }
        lines
    }

    /// The figure over the latest time, at most `span` of it and not beyond a gap: a rate's mean, a moment's last.
    pub fn latest(&self, figure: Figure, span: TimeDelta) -> Option<f64> {
        let last = self.samples.back()?;
        if !figure.is_rate() {
            return figure.now(last);
        }
        let mut first = last;
        for sample in self.samples.iter().rev().skip(1) {
            // A counter that was reset in between makes no mean.
            let known = figure == Figure::HitRatio || figure.between(sample, first).is_some();
            if last.at - sample.at > span || !follows(sample, first) || !known {
                break;
            }
            first = sample;
        }
        figure.between(first, last)
    }

    /// When the server was found to have been restarted.
    pub fn restarts(&self) -> Vec<DateTime<Utc>> {
        self.samples
            .iter()
            .zip(self.samples.iter().skip(1))
            .filter(|(before, after)| after.is_restart_after(before))
            .map(|(_, after)| after.at)
            .collect()
    }
}

/// Whether nothing is missing between two samples.
fn follows(before: &Sample, after: &Sample) -> bool {
    after.at - before.at <= FURTHEST && !after.is_restart_after(before)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Info;
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_600_000 + second, 0).unwrap()
    }

    fn sample(second: i64, run: &str, commands: u64, hits: u64) -> Sample {
        let text = format!(
            "run_id:{run}\ntotal_commands_processed:{commands}\nkeyspace_hits:{hits}\nkeyspace_misses:10\nused_memory:100"
        );
        Sample::of(&Info::read(&text), at(second))
    }

    fn values(history: &History, figure: Figure) -> Vec<Vec<f64>> {
        history
            .lines(figure, at(-10))
            .into_iter()
            .map(|line| line.into_iter().map(|point| point[1]).collect())
            .collect()
    }

    #[test]
    fn counters_become_rates() {
        let mut history = History::default();
        for (second, commands) in [(0, 1000), (1, 1100), (3, 1500)] {
            history.push(sample(second, "a", commands, 0));
        }
        assert_eq!(values(&history, Figure::Commands), [[100.0, 200.0]]);
        assert_eq!(values(&history, Figure::Used), [[100.0, 100.0, 100.0]]);
        let mean = history.latest(Figure::Commands, TimeDelta::seconds(10));
        assert_eq!(mean, Some(500.0 / 3.0));
        let short = history.latest(Figure::Commands, TimeDelta::seconds(2));
        assert_eq!(short, Some(200.0));
    }

    #[test]
    fn a_restart_is_a_gap_also_where_counters_have_grown_past_the_old() {
        let mut history = History::default();
        history.push(sample(0, "a", 100, 0));
        history.push(sample(1, "a", 200, 0));
        history.push(sample(2, "b", 900, 0));
        history.push(sample(3, "b", 950, 0));
        assert_eq!(
            values(&history, Figure::Commands),
            [vec![100.0], vec![50.0]]
        );
        assert_eq!(values(&history, Figure::Used).len(), 2);
        assert_eq!(history.restarts(), [at(2)]);
        // The mean does not reach over it either.
        let mean = history.latest(Figure::Commands, TimeDelta::minutes(1));
        assert_eq!(mean, Some(50.0));
    }

    #[test]
    fn counters_that_were_reset_are_a_gap_and_never_a_negative_rate() {
        let mut history = History::default();
        for (second, commands) in [(0, 100), (1, 200), (2, 3), (3, 13)] {
            history.push(sample(second, "a", commands, 0));
        }
        assert_eq!(
            values(&history, Figure::Commands),
            [vec![100.0], vec![10.0]]
        );
        assert!(history.restarts().is_empty());
        // Neither is a run that tells no id and whose uptime went back.
        let run = |uptime| Sample::of(&Info::read(&format!("uptime_in_seconds:{uptime}")), at(9));
        assert!(run(3).is_restart_after(&run(50)) && !run(51).is_restart_after(&run(50)));
    }

    #[test]
    fn a_time_without_samples_is_a_gap() {
        let mut history = History::default();
        for second in [0, 1, 60, 61] {
            history.push(sample(second, "a", second as u64 * 10, 0));
        }
        assert_eq!(values(&history, Figure::Commands), [[10.0], [10.0]]);
    }

    #[test]
    fn a_ratio_is_not_there_where_nothing_was_looked_up() {
        let mut history = History::default();
        for (second, hits) in [(0, 10), (1, 30), (2, 30), (3, 40)] {
            history.push(sample(second, "a", 0, hits));
        }
        assert_eq!(values(&history, Figure::HitRatio), [[1.0], [1.0]]);
        let minute = history.latest(Figure::HitRatio, TimeDelta::minutes(1));
        assert_eq!(minute, Some(1.0));
    }

    #[test]
    fn an_hour_is_kept_and_a_clock_set_back_begins_anew() {
        let mut history = History::default();
        for second in 0..KEPT as i64 + 100 {
            history.push(sample(second, "a", 0, 0));
        }
        assert_eq!((history.len(), history.first_at()), (KEPT, Some(at(100))));
        history.push(sample(50, "a", 0, 0));
        assert_eq!(history.len(), 1);
    }
}
