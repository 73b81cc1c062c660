//! Reads the scripts of changes and mixes them into rounds.
//!
//! A script is SQL with these marks: `;;` separates statements that are changes of their own (each is followed by a look
//! at every report), `;` those that are one change. `{n}` stands for a random number from 1 to 99, `{id}` for one from 1
//! to 20. `@` in front runs the script in a session that lasts, for transactions that stay open over other changes.
//! `~words|` in front says that the detector cannot see these changes, except for the last statement, and that
//! `lookaside check` says so with these words.

use rand::RngExt;
use rand::rngs::StdRng;

/// A kind of change, with its scripts in their order.
pub(super) struct Kind {
    pub(super) name: String,
    pub(super) scripts: Vec<String>,
}

/// A script ready to be run.
#[derive(Debug, PartialEq)]
pub(super) struct Step {
    pub(super) kind: String,
    /// Whether it runs in the session that lasts.
    pub(super) lasting: bool,
    /// Words of the blind spot that hides all its statements but the last.
    pub(super) blind: Option<String>,
    pub(super) statements: Vec<String>,
}

/// Returns kinds of change that are always the same.
pub(super) fn fixed(kinds: &[(&str, &[&str])]) -> Vec<Kind> {
    let kind = |(name, scripts): &(&str, &[&str])| Kind {
        name: (*name).to_owned(),
        scripts: scripts.iter().map(|script| (*script).to_owned()).collect(),
    };
    kinds.iter().map(kind).collect()
}

/// Mixes every script of every kind into one round. The scripts of one kind keep their order and are a few steps apart,
/// so that what the first one breaks is soon repaired by the next.
pub(super) fn round(random: &mut StdRng, kinds: &[Kind]) -> Vec<Step> {
    let count = kinds.iter().map(|kind| kind.scripts.len()).sum::<usize>() as f64;
    let mut placed = Vec::new();
    for kind in kinds {
        let mut place = random.random_range(0.0..count);
        for script in &kind.scripts {
            placed.push((place, step(random, &kind.name, script)));
            place += random.random_range(0.5..6.0);
        }
    }
    placed.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    placed.into_iter().map(|(_, step)| step).collect()
}

fn step(random: &mut StdRng, kind: &str, script: &str) -> Step {
    let (lasting, script) = match script.strip_prefix('@') {
        Some(script) => (true, script),
        None => (false, script),
    };
    let hidden = script
        .strip_prefix('~')
        .and_then(|rest| rest.split_once('|'));
    let (blind, script) = match hidden {
        Some((words, script)) => (Some(words.to_owned()), script),
        None => (None, script),
    };
    let script = script
        .replace("{n}", &random.random_range(1..100).to_string())
        .replace("{id}", &random.random_range(1..=20).to_string());
    Step {
        kind: kind.to_owned(),
        lasting,
        blind,
        statements: script
            .split(";;")
            .map(|sql| sql.trim().to_owned())
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn round_holds_every_script_in_its_kinds_order() {
        let kinds = fixed(&[
            ("one", &["a {n}", "b", "c"]),
            ("two", &["@BEGIN", "~log off|d;; e"]),
        ]);
        let mixed = |seed| round(&mut StdRng::seed_from_u64(seed), &kinds);
        assert_eq!(mixed(7), mixed(7));
        let order: Vec<String> = mixed(7)
            .into_iter()
            .filter(|step| step.kind == "one")
            .map(|step| step.statements.concat())
            .collect();
        assert!(order[0].starts_with("a ") && !order[0].contains('{'));
        assert_eq!(order[1..], ["b", "c"]);
        let two: Vec<Step> = mixed(7)
            .into_iter()
            .filter(|step| step.kind == "two")
            .collect();
        assert!(two[0].lasting && !two[1].lasting);
        assert_eq!(two[1].blind.as_deref(), Some("log off"));
        assert_eq!(two[1].statements, ["d", "e"]);
    }
}
