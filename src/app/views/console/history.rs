//! Which lines were typed before? Never one with a password; what is kept for the next start is only what begins with a
//! command that the server knows.

/// How many lines are kept.
const KEPT: usize = 500;
/// The longest line that is kept for the next start.
const LONGEST: usize = 4_096;

/// The lines typed before, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    lines: Vec<Line>,
    /// Where the recalled line stands.
    at: Option<usize>,
    /// What stood in the field before a line was recalled.
    draft: String,
    changes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    text: String,
    keep: bool,
}

impl History {
    /// What an earlier start kept.
    pub fn remembered(lines: &[String]) -> Self {
        let lines = lines.iter().map(|line| Line {
            text: line.clone(),
            keep: true,
        });
        Self {
            lines: lines.collect(),
            ..Self::default()
        }
    }

    /// What the next start may know.
    pub fn kept(&self) -> Vec<String> {
        let kept = self.lines.iter().filter(|line| line.keep);
        kept.map(|line| line.text.clone()).collect()
    }

    /// Grows with every change.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Adds a line as the newest; one that was there moves.
    pub(super) fn add(&mut self, line: &str, keep: bool) {
        self.lines.retain(|known| known.text != line);
        if self.lines.len() >= KEPT {
            self.lines.remove(0);
        }
        self.lines.push(Line {
            text: line.to_owned(),
            keep: keep && line.len() <= LONGEST,
        });
        self.at = None;
        self.changes += 1;
    }

    /// Forgets all of them.
    pub(super) fn forget(&mut self) {
        *self = Self {
            changes: self.changes + 1,
            ..Self::default()
        };
    }

    /// What was typed is no recalled line any more.
    pub(super) fn leave(&mut self) {
        self.at = None;
    }

    /// The next older or newer line; behind the newest stands what had been typed.
    pub(super) fn recall(&mut self, older: bool, typed: &str) -> String {
        let all = self.lines.len();
        if self.at.is_none() {
            typed.clone_into(&mut self.draft);
        }
        self.at = match (self.at, older) {
            (None, true) => all.checked_sub(1),
            (Some(at), true) => Some(at.saturating_sub(1)),
            (Some(at), false) if at + 1 < all => Some(at + 1),
            (_, false) => None,
        };
        self.at
            .and_then(|at| self.lines.get(at))
            .map_or_else(|| self.draft.clone(), |line| line.text.clone())
    }

    /// The newest lines that contain a text.
    pub(super) fn find(&self, text: &str, most: usize) -> Vec<&str> {
        let wanted = text.to_lowercase();
        self.lines
            .iter()
            .rev()
            .map(|line| line.text.as_str())
            .filter(|line| line.to_lowercase().contains(&wanted))
            .take(most)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_newest_first_and_the_draft_last() {
        let mut history = History::default();
        assert_eq!(history.recall(true, "dr"), "dr");
        for line in ["GET a", "GET b", "GET a"] {
            history.add(line, true);
        }
        assert_eq!(history.kept(), ["GET b", "GET a"]);
        let walk = [true, true, true, false, false].map(|older| history.recall(older, "draft"));
        assert_eq!(walk, ["GET a", "GET b", "GET b", "GET a", "draft"]);
        assert_eq!(history.find("get", 9), ["GET a", "GET b"]);
        assert_eq!(history.find("B", 9), ["GET b"]);
    }

    #[test]
    fn what_may_be_a_password_is_not_kept() {
        let mut history = History::default();
        history.add("AUHT geheim", false);
        history.add(&format!("SET k {}", "x".repeat(LONGEST)), true);
        assert!(history.kept().is_empty() && history.find("", 9).len() == 2);
        history.forget();
        assert!(history.is_empty());
        for n in 0..KEPT + 5 {
            history.add(&n.to_string(), true);
        }
        assert_eq!(
            (history.kept().len(), history.kept()[0].as_str()),
            (KEPT, "5")
        );
    }
}
