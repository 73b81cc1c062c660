//! What was read of the selected key, made ready to be drawn: text is decoded and cut into lines once, not each frame.

use std::sync::Arc;

use crate::inspect::{About, Continue, Decoding, Owned, Page, Value, display, header_text};
use crate::table::Table;

/// The most bytes of one cell that are shown; copying takes all of them.
const CELL: usize = 1024;
/// Lines are cut here, so that a value without line breaks can be scrolled.
const LINE: usize = 160;

/// What was read of a key.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its description.
    pub about: About,
    /// What was read so far.
    pub value: Value,
    /// Where the next page begins.
    pub next: Option<Continue>,
    /// What it is to us, if it is ours.
    pub owned: Option<Owned>,
    /// The rows of one of our own payloads.
    pub table: Option<Arc<Table>>,
    /// The decoding that the user chose, `None` for the one that fits.
    decoding: Option<Decoding>,
    /// What is shown.
    pub(super) shown: Shown,
}

/// A value made ready to be drawn.
#[derive(Clone, Debug)]
pub(super) enum Shown {
    /// Lines of text in the mono face.
    Lines(Vec<String>),
    /// Rows under titles.
    Rows(Vec<&'static str>, Vec<Vec<String>>),
    /// The rows of `table`.
    Table,
    /// One sentence.
    Sentence(String),
}

impl Opened {
    /// Makes a key's first page ready.
    pub fn new(about: About, page: Page, owned: Option<Owned>, table: Option<Table>) -> Self {
        let mut opened = Self {
            about,
            value: page.value,
            next: page.next,
            owned,
            table: table.map(Arc::new),
            decoding: None,
            shown: Shown::Sentence(String::new()),
        };
        opened.prepare();
        opened
    }

    /// Adds the page that follows.
    pub fn append(&mut self, page: Page) {
        self.value.append(page.value);
        self.next = page.next;
        self.prepare();
    }

    /// The decoding in use, and whether the user chose it.
    pub(super) fn decoding(&self) -> Option<(Decoding, bool)> {
        let Value::String { bytes, .. } = &self.value else {
            return None;
        };
        Some(self.decoding.map_or_else(
            || (Decoding::detect(bytes, self.next.is_none()), false),
            |chosen| (chosen, true),
        ))
    }

    /// Chooses a decoding, `None` for the one that fits.
    pub(super) fn set_decoding(&mut self, decoding: Option<Decoding>) {
        self.decoding = decoding;
        self.prepare();
    }

    /// The value's text as the clipboard takes it.
    pub(super) fn copy(&self) -> String {
        match (&self.shown, &self.value) {
            (_, Value::String { bytes, .. }) => match self.decoding() {
                Some((Decoding::Hex, _)) => Decoding::Hex.decode(bytes, true).unwrap_or_default(),
                _ => std::str::from_utf8(bytes).map_or_else(|_| display(bytes), str::to_owned),
            },
            (Shown::Rows(_, rows), _) => rows
                .iter()
                .map(|row| row.join("\t"))
                .collect::<Vec<_>>()
                .join("\n"),
            (Shown::Lines(lines), _) => lines.join("\n"),
            _ => display(&self.about.name),
        }
    }

    /// Facts about one of our own entries.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        match &self.owned {
            Some(Owned::Header(header)) => header_text(header),
            Some(Owned::Chunk(number)) => vec![("Chunk", number.to_string())],
            Some(Owned::Damaged(why)) => vec![("Damaged", why.clone())],
            Some(Owned::Other) | None => Vec::new(),
        }
    }

    /// The report whose entry this is.
    pub(super) fn report(&self) -> Option<&str> {
        match &self.owned {
            Some(Owned::Header(header)) => Some(&header.report),
            _ => None,
        }
    }

    fn prepare(&mut self) {
        if self.table.is_some() && self.decoding.is_none() {
            self.shown = Shown::Table;
            return;
        }
        let pair = |a: &[u8], b: &[u8]| vec![cell(a), cell(b)];
        self.shown = match &self.value {
            Value::String { bytes, .. } => {
                let whole = self.next.is_none();
                let (decoding, _) = self.decoding().unwrap_or((Decoding::Hex, false));
                match decoding.decode(bytes, whole) {
                    Some(text) => Shown::Lines(lines(&text)),
                    None => Shown::Sentence(format!(
                        "These bytes are not {}; choose another decoding.",
                        decoding.name()
                    )),
                }
            }
            Value::Hash(fields) => Shown::Rows(
                vec!["Field", "Value"],
                fields
                    .iter()
                    .map(|(field, value)| pair(field, value))
                    .collect(),
            ),
            Value::List { start, items } => Shown::Rows(
                vec!["Index", "Element"],
                (*start..)
                    .zip(items)
                    .map(|(index, item)| vec![index.to_string(), cell(item)])
                    .collect(),
            ),
            Value::Set(members) => Shown::Rows(
                vec!["Member"],
                members.iter().map(|member| vec![cell(member)]).collect(),
            ),
            Value::ZSet { items, .. } => Shown::Rows(
                vec!["Score", "Member"],
                items
                    .iter()
                    .map(|(member, score)| vec![score.clone(), cell(member)])
                    .collect(),
            ),
            Value::Stream(entries) => Shown::Rows(
                vec!["Id", "Fields"],
                entries
                    .iter()
                    .map(|entry| {
                        let fields: Vec<_> = entry
                            .fields
                            .iter()
                            .map(|(field, value)| format!("{}={}", cell(field), cell(value)))
                            .collect();
                        vec![entry.id.clone(), fields.join("  ")]
                    })
                    .collect(),
            ),
            Value::Withheld(average) => Shown::Sentence(format!(
                "One {} has {} on average, so none was fetched unasked.",
                self.about.kind.elements().0,
                crate::app::format::bytes(*average)
            )),
            Value::Other => Shown::Sentence(format!(
                "{} is a type of a module; its value is not read here.",
                self.about.type_name
            )),
        };
    }
}

fn cell(bytes: &[u8]) -> String {
    if bytes.len() <= CELL {
        return display(bytes);
    }
    // A character that the cut falls into is left out.
    let cut = &bytes[..CELL];
    let end = match std::str::from_utf8(cut) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => CELL,
    };
    format!(
        "{}… {} in all",
        display(&bytes[..end]),
        crate::app::format::bytes(bytes.len() as u64)
    )
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

    #[test]
    fn a_huge_cell_says_its_size() {
        let shown = cell("\u{fc}".repeat(2_000).as_bytes());
        assert!(
            shown.ends_with("… 3.9 KB in all") && !shown.contains("\\x"),
            "{shown}"
        );
    }
}
