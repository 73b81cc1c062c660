//! Counts what a run did and what was wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::super::history::History;
use super::reader::{Answer, Claim, Seen};

/// What was seen of one report.
#[derive(Default)]
pub(super) struct Checked {
    /// Answers by their claim.
    pub(super) claims: BTreeMap<Claim, u64>,
    /// Different answers that were called fresh.
    answers: BTreeSet<Arc<str>>,
    /// Different fills whose rows were called fresh.
    fills: BTreeSet<String>,
}

/// Figures of a run.
#[derive(Default)]
pub(super) struct Figures {
    database: &'static str,
    seed: u64,
    pub(super) took: Duration,
    /// Changes by kind: applied, and refused by the database.
    pub(super) changes: BTreeMap<String, (u64, u64)>,
    pub(super) reports: BTreeMap<Arc<str>, Checked>,
    /// The longest time that an answer called fresh was not true any more when it was asked for, in milliseconds.
    latest: u64,
    /// What was wrong: the report and the change that it did not follow, how often, and an example.
    pub(super) wrong: BTreeMap<(Arc<str>, String), (u64, String)>,
}

impl Figures {
    /// Returns the figures of a run that begins.
    pub(super) fn new(database: &'static str, seed: u64) -> Self {
        Self {
            database,
            seed,
            ..Self::default()
        }
    }

    /// Judges an answer by the history, whose newest state must be later than the answer. `delay` is the detector's
    /// stated delay in milliseconds.
    pub(super) fn judge(&mut self, seen: Seen, history: &History<Answer>, delay: u64) {
        let checked = self.reports.entry(seen.report.clone()).or_default();
        *checked.claims.entry(seen.claim).or_default() += 1;
        let since = match seen.claim {
            Claim::Fresh => seen.vouched.saturating_sub(delay),
            // The query began after it was asked for.
            Claim::Queried => seen.asked,
            _ => return,
        };
        let last_true = history.last_true(&seen.report, &seen.answer, seen.answered);
        if last_true.is_none_or(|at| at < since) {
            let ended = history.ended_by(&seen.report, &seen.answer, seen.answered);
            let example = format!(
                "{:?} with {}, asked at {}, vouched for at {}; last true at {last_true:?}; the change took from {} to {}; \
                 a new session answers {}",
                seen.claim,
                shortened(&seen.answer),
                seen.asked,
                seen.vouched,
                ended.began,
                ended.ended,
                shortened(history.last().truth.get(&*seen.report).unwrap_or(&None)),
            );
            let wrong = (seen.report, ended.change.clone());
            self.wrong.entry(wrong).or_insert((0, example)).0 += 1;
        } else if seen.claim == Claim::Fresh {
            let late = last_true.map_or(0, |at| seen.asked.saturating_sub(at));
            self.latest = self.latest.max(late);
            checked.answers.extend(seen.answer);
            checked.fills.extend(seen.fill);
        }
    }

    /// Returns how many answers made this claim.
    pub(super) fn claimed(&self, claim: Claim) -> u64 {
        let of = |checked: &Checked| checked.claims.get(&claim).copied().unwrap_or(0);
        self.reports.values().map(of).sum()
    }

    /// Returns the reports of which at least so many answers were called fresh, with at least so many different rows.
    pub(super) fn proven(&self, hits: u64, answers: usize) -> usize {
        let proven = |checked: &&Checked| {
            let fresh = checked.claims.get(&Claim::Fresh).copied().unwrap_or(0);
            fresh >= hits && checked.answers.len() >= answers
        };
        self.reports.values().filter(proven).count()
    }
}

/// The beginning of an answer, for people.
fn shortened(answer: &Answer) -> String {
    match answer {
        Some(text) => format!("{:?}", text.chars().take(100).collect::<String>()),
        None => "an error".to_owned(),
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let applied: u64 = self.changes.values().map(|(applied, _)| applied).sum();
        let refused: u64 = self.changes.values().map(|(_, refused)| refused).sum();
        let requests: u64 = self
            .reports
            .values()
            .flat_map(|of| of.claims.values())
            .sum();
        let fills: usize = self.reports.values().map(|of| of.fills.len()).sum();
        writeln!(
            f,
            "{}, seed {}, {} s",
            self.database,
            self.seed,
            self.took.as_secs()
        )?;
        writeln!(
            f,
            "changes: {applied} of {} kinds, {refused} refused by the database",
            self.changes.len()
        )?;
        writeln!(
            f,
            "requests: {requests} for {} reports; {} answers called fresh and {} queried now were checked",
            self.reports.len(),
            self.claimed(Claim::Fresh),
            self.claimed(Claim::Queried)
        )?;
        let others = [
            Claim::Unwatched,
            Claim::Stale,
            Claim::Joined,
            Claim::Failed,
            Claim::Undecided,
        ];
        let others =
            others.map(|claim| format!("{} {claim:?}", self.claimed(claim)).to_lowercase());
        writeln!(f, "not checked: {}", others.join(", "))?;
        writeln!(
            f,
            "fresh answers came from {fills} fills; the latest had not been true for {} ms when it was asked for",
            self.latest
        )?;
        let wrong: u64 = self.wrong.values().map(|(count, _)| count).sum();
        writeln!(f, "wrong: {wrong}")?;
        for ((report, change), (count, example)) in &self.wrong {
            writeln!(f, "  {count} of {report} after {change}: {example}")?;
        }
        writeln!(
            f,
            "reports: fresh answers, different ones, unwatched, stale, failed"
        )?;
        for (report, checked) in &self.reports {
            let of = |claim| checked.claims.get(&claim).copied().unwrap_or(0);
            writeln!(
                f,
                "  {report}: {}, {}, {}, {}, {}",
                of(Claim::Fresh),
                checked.answers.len(),
                of(Claim::Unwatched),
                of(Claim::Stale),
                of(Claim::Failed)
            )?;
        }
        writeln!(f, "changes: applied, refused")?;
        for (kind, (applied, refused)) in &self.changes {
            writeln!(f, "  {kind}: {applied}, {refused}")?;
        }
        Ok(())
    }
}
