//! Decides whether an answer that was called fresh was true late enough, by what direct queries returned between changes.
//!
//! Changes are made one after another while requests run beside them, so between two changes each report has one true
//! answer. While a change is under way both the answer before and the one after it are possible.

use std::collections::BTreeMap;

/// What the reports answer between two changes.
pub(super) struct State<T> {
    /// When the change that led to it began, in milliseconds since 1970.
    pub(super) began: u64,
    /// When that change was over.
    pub(super) ended: u64,
    /// The change in words.
    pub(super) change: String,
    /// Whether the detector says that it cannot see this change: the answers before it then stay acceptable until the
    /// next change that it can see.
    pub(super) blind: bool,
    /// The true answer of each report.
    pub(super) truth: BTreeMap<String, T>,
}

/// Every state since the beginning.
pub(super) struct History<T> {
    states: Vec<State<T>>,
}

impl<T> Default for History<T> {
    fn default() -> Self {
        Self { states: Vec::new() }
    }
}

impl<T: PartialEq> History<T> {
    /// Adds the state after a change that is over.
    pub(super) fn push(&mut self, state: State<T>) {
        self.states.push(state);
    }

    /// Returns the newest state.
    ///
    /// # Panics
    ///
    /// Panics where there is none.
    pub(super) fn last(&self) -> &State<T> {
        self.states.last().expect("a history begins with a state")
    }

    /// Returns the latest moment up to `until` at which `report` may have answered `answer`, in milliseconds since 1970;
    /// `None` where it never did.
    pub(super) fn last_true(&self, report: &str, answer: &T, until: u64) -> Option<u64> {
        let possible = |(_, state): &(usize, &State<T>)| {
            state.began <= until && state.truth.get(report) == Some(answer)
        };
        let (i, _) = self.states.iter().enumerate().rfind(possible)?;
        Some(self.lasted_until(i).min(until))
    }

    /// Returns the change after which `report` did not answer `answer` any more at `until`, or the newest change where it
    /// never did.
    pub(super) fn ended_by(&self, report: &str, answer: &T, until: u64) -> &State<T> {
        let was =
            |state: &State<T>| state.began <= until && state.truth.get(report) == Some(answer);
        let after = self.states.iter().rposition(was).map(|i| i + 1);
        after
            .and_then(|after| self.states.get(after))
            .unwrap_or_else(|| self.last())
    }

    /// When the change that ended this state was over.
    fn lasted_until(&self, state: usize) -> u64 {
        let later = &self.states[state + 1..];
        later
            .iter()
            .find(|next| !next.blind)
            .map_or(u64::MAX, |next| next.ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(began: u64, answer: i64, blind: bool) -> State<i64> {
        State {
            began,
            ended: began + 10,
            change: format!("a change at {began}"),
            blind,
            truth: BTreeMap::from([("orders".to_owned(), answer)]),
        }
    }

    fn history(states: impl IntoIterator<Item = State<i64>>) -> History<i64> {
        let mut history = History::default();
        states.into_iter().for_each(|state| history.push(state));
        history
    }

    #[test]
    fn answer_is_true_until_the_next_change_is_over() {
        let history = history([state(100, 1, false), state(200, 2, false)]);
        assert_eq!(history.last_true("orders", &1, 150), Some(150));
        assert_eq!(history.last_true("orders", &1, 500), Some(210));
        assert_eq!(history.last_true("orders", &2, 500), Some(500));
        assert_eq!(history.last_true("orders", &2, 199), None);
        assert_eq!(history.last_true("orders", &3, 500), None);
        assert_eq!(history.ended_by("orders", &1, 500).began, 200);
        assert_eq!(history.ended_by("orders", &2, 500).began, 200);
    }

    #[test]
    fn change_the_detector_cannot_see_ends_nothing() {
        let history = history([
            state(100, 1, false),
            state(200, 2, true),
            state(300, 3, false),
        ]);
        assert_eq!(history.last_true("orders", &1, 500), Some(310));
        assert_eq!(history.last_true("orders", &2, 500), Some(310));
    }
}
