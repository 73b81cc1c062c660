//! What could a line become, and what does its command take? By the commands' documentation.

use std::collections::BTreeMap;

use super::arguments::{self, Argument};
use super::commands::Doc;

/// What a line could become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// Commands that begin like it.
    pub completions: Vec<String>,
    /// The command that it names already.
    pub command: String,
    /// What the command takes, piece by piece.
    pub pieces: Vec<Piece>,
    /// What the command does.
    pub summary: String,
    /// Since which version of the server.
    pub since: String,
    /// How long it takes.
    pub complexity: String,
    /// What was typed of a key's name, where one stands at the end of the line.
    pub key: Option<String>,
}

/// An argument of the command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// As the documentation writes it.
    pub text: String,
    /// Whether it is what comes next.
    pub is_current: bool,
}

impl Hint {
    /// What the command takes, in one line.
    pub fn arguments(&self) -> String {
        let pieces: Vec<&str> = self
            .pieces
            .iter()
            .map(|piece| piece.text.as_str())
            .collect();
        pieces.join(" ")
    }
}

/// What a line could become.
pub fn hint(docs: &BTreeMap<String, Doc>, line: &str) -> Hint {
    let all: Vec<&str> = line.split_whitespace().collect();
    let typed: Vec<String> = all
        .iter()
        .take(2)
        .map(|word| word.to_ascii_uppercase())
        .collect();
    let Some(first) = typed.first() else {
        return Hint::default();
    };
    let ends_word = line.ends_with(char::is_whitespace);
    let two = typed.join(" ");
    let name = [two.as_str(), first.as_str()]
        .into_iter()
        .find(|name| docs.contains_key(*name));
    let completions = completions(docs, &typed, all.len(), ends_word);
    let doc = name
        .and_then(|name| docs.get(name))
        .cloned()
        .unwrap_or_default();
    let named = name.map_or(0, |name| name.split(' ').count());
    let (pieces, key) = pieces(&doc.arguments, &all, named, ends_word);
    Hint {
        completions,
        command: name.unwrap_or_default().to_owned(),
        pieces,
        summary: doc.summary,
        since: doc.since,
        complexity: doc.complexity,
        key,
    }
}

fn completions(
    docs: &BTreeMap<String, Doc>,
    typed: &[String],
    words: usize,
    ends_word: bool,
) -> Vec<String> {
    if typed.len() > 1 && ends_word || words > 2 {
        return Vec::new();
    }
    let mut prefix = typed.join(" ");
    // A finished first word may still begin a subcommand.
    if typed.len() == 1 && ends_word {
        prefix.push(' ');
    }
    docs.range(prefix.clone()..)
        .map(|(known, _)| known)
        .take_while(|known| known.starts_with(&prefix))
        .filter(|known| **known != prefix)
        .cloned()
        .collect()
}

fn pieces(
    known: &[Argument],
    words: &[&str],
    named: usize,
    ends_word: bool,
) -> (Vec<Piece>, Option<String>) {
    let after = words.get(named..).unwrap_or_default();
    // While the name itself is being typed, nothing of what follows is current.
    let in_name = after.is_empty() && !ends_word;
    let (finished, partial) = if ends_word || after.is_empty() {
        (after, "")
    } else {
        after
            .split_at_checked(after.len() - 1)
            .map_or((after, ""), |(finished, last)| (finished, last[0]))
    };
    let current = arguments::current(known, finished, partial).filter(|_| !in_name);
    let pieces = known
        .iter()
        .enumerate()
        .map(|(at, argument)| Piece {
            text: argument.shown(),
            is_current: current.is_some_and(|current| (current.from..current.to).contains(&at)),
        })
        .collect();
    let key = current
        .filter(|current| current.is_key)
        .map(|_| partial.to_owned());
    (pieces, key)
}

/// The longest beginning that all of these share: what Tab completes at once.
pub fn shared_beginning(all: &[String]) -> &str {
    let Some(first) = all.first() else { return "" };
    let mut end = first.len();
    for other in &all[1..] {
        let same = first
            .bytes()
            .zip(other.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        end = end.min(same);
    }
    while !first.is_char_boundary(end) {
        end -= 1;
    }
    &first[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_know_subcommands_and_complete_what_was_begun() {
        let doc = |summary: &str| Doc {
            summary: summary.into(),
            arguments: vec![Argument::word("key"), Argument::word("value")],
            ..Doc::default()
        };
        let docs = BTreeMap::from([
            ("CONFIG".to_owned(), doc("a container")),
            ("CONFIG GET".to_owned(), doc("reads")),
            ("CONFIG SET".to_owned(), doc("writes")),
            ("COPY".to_owned(), doc("copies")),
        ]);
        assert_eq!(
            hint(&docs, "co").completions,
            ["CONFIG", "CONFIG GET", "CONFIG SET", "COPY"]
        );
        assert_eq!(
            hint(&docs, "config ").completions,
            ["CONFIG GET", "CONFIG SET"]
        );
        assert_eq!(hint(&docs, "config s").completions, ["CONFIG SET"]);
        assert_eq!(hint(&docs, "config set maxmemory 1").summary, "writes");
        assert_eq!(hint(&docs, "copy a b").summary, "copies");
        assert_eq!(hint(&docs, ""), Hint::default());
        let current = |line: &str| -> Vec<bool> {
            let pieces = hint(&docs, line).pieces;
            pieces.iter().map(|piece| piece.is_current).collect()
        };
        assert_eq!(current("copy"), [false, false]);
        assert_eq!(current("copy "), [true, false]);
        assert_eq!(current("copy a"), [true, false]);
        assert_eq!(current("config set a b"), [false, true]);
        assert_eq!(current("copy a b "), [false, false]);
        assert_eq!(hint(&docs, "copy us").key.as_deref(), Some("us"));
        assert_eq!(hint(&docs, "copy us er").key, None);
    }

    #[test]
    fn what_completions_share_is_known() {
        let names = |text: &str| -> Vec<String> { text.split(',').map(str::to_owned).collect() };
        assert_eq!(shared_beginning(&names("GETDEL,GETEX,GET")), "GET");
        assert_eq!(shared_beginning(&names("é,è")), "");
        assert_eq!(shared_beginning(&[]), "");
    }
}
