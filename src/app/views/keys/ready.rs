//! How are bytes made ready to be drawn? Decoded and cut into lines once, not each frame.

use std::collections::HashSet;
use std::sync::Arc;

use crate::inspect::{Content, Decoded, Decoder, decode, hex_dump};
use crate::table::Table;

/// Lines are cut here, so that a value without line breaks can be scrolled.
const LINE: usize = 160;
/// A tree with more parts begins with its inner ones folded.
const UNFOLDED: usize = 300;

/// Bytes with the decoders that read them.
#[derive(Clone, Debug)]
pub struct Bytes {
    /// The decoders that the user chose; empty for those that fit.
    pub(super) chosen: Vec<Decoder>,
    /// What they made of them.
    pub(super) decoded: Arc<Decoded>,
    /// That, ready to be drawn.
    pub(super) shown: Shown,
}

/// A value made ready to be drawn.
#[derive(Clone, Debug)]
pub(super) enum Shown {
    /// Lines of text in the mono face.
    Lines(Vec<String>),
    /// A nested value: which of its branches are folded, and which are in sight.
    Tree(HashSet<usize>, Vec<usize>),
    /// Rows under titles.
    Rows(Vec<&'static str>, Vec<Vec<String>>),
    /// Rows of a table.
    Table(Arc<Table>),
    /// One sentence.
    Sentence(String),
}

impl Bytes {
    /// Decodes bytes by `chosen`, or by what fits.
    pub fn new(bytes: &[u8], whole: bool, chosen: Vec<Decoder>) -> Self {
        let decoded = decode(bytes, whole, &chosen);
        let shown = match &decoded.content {
            Content::Text(text) => Shown::Lines(lines(text)),
            Content::Tree(tree) => {
                let many = tree.branches.len() > UNFOLDED;
                let folded: HashSet<usize> = (0..tree.branches.len())
                    .filter(|at| {
                        many && tree.branches[*at].inner > 0 && tree.branches[*at].depth > 0
                    })
                    .collect();
                let seen = in_sight(&decoded, &folded);
                Shown::Tree(folded, seen)
            }
            Content::Table(table) => Shown::Table(Arc::new(table.clone())),
            Content::Not(sentence) => Shown::Sentence(sentence.clone()),
        };
        Self {
            chosen,
            decoded: Arc::new(decoded),
            shown,
        }
    }

    /// Counts the lines of a dump of these bytes from where they begin in a longer value.
    pub(super) fn count_from(&mut self, offset: u64, bytes: &[u8]) {
        if offset > 0 && self.decoded.form == Decoder::Hex && self.decoded.layers.is_empty() {
            self.shown = Shown::Lines(lines(&hex_dump(bytes, offset)));
        }
    }

    /// Folds or unfolds a branch.
    pub(super) fn toggle(&mut self, branch: usize) {
        let decoded = self.decoded.clone();
        if let Shown::Tree(folded, seen) = &mut self.shown {
            if !folded.remove(&branch) {
                folded.insert(branch);
            }
            *seen = in_sight(&decoded, folded);
        }
    }
}

/// The branches that stand in no folded one.
fn in_sight(decoded: &Decoded, folded: &HashSet<usize>) -> Vec<usize> {
    let Content::Tree(tree) = &decoded.content else {
        return Vec::new();
    };
    let (mut seen, mut at) = (Vec::new(), 0);
    while let Some(branch) = tree.branches.get(at) {
        seen.push(at);
        at += 1;
        if folded.contains(&(at - 1)) {
            at += branch.inner as usize;
        }
    }
    seen
}

fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut rest = line;
        loop {
            let end = rest
                .char_indices()
                .nth(LINE)
                .map_or(rest.len(), |(at, _)| at);
            let (head, tail) = rest.split_at(end);
            lines.push(head.replace('\t', "    "));
            if tail.is_empty() {
                break;
            }
            rest = tail;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_without_losing_a_character() {
        let text = format!("a\n{}\n\n", "\u{fc}".repeat(400));
        let lines = lines(&text);
        assert_eq!(lines.len(), 5);
        assert_eq!(lines.concat().chars().count(), 401);
    }
}
