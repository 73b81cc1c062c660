//! What was read of the selected key?

use std::sync::Arc;

use super::ready::{Bytes, Shown};
use crate::inspect::{
    About, Continue, Decoder, Group, Kind, Owned, Page, Position, StreamEntry, Ttl, Value, display,
    header_text, position, type_title,
};
use crate::table::Table;

/// The most bytes of one cell that are shown; copying takes all of them.
const CELL: usize = 1024;

/// Which side of a value is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Side {
    /// Its bytes or elements.
    #[default]
    Elements,
    /// A geo set's members on a plot.
    Map,
    /// A stream's consumer groups.
    Groups,
}

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
    /// What else is known of it: label and text.
    pub extra: Vec<(String, String)>,
    /// The glob that the elements match, and how many were looked at for them.
    pub search: Option<(String, u64)>,
    /// The index, rank or byte that the first page begins at.
    pub from: u64,
    /// What became of looking for something: one sentence.
    pub told: Option<String>,
    /// The text that was looked for in a string, and where to go on.
    pub sought: Option<(String, u64)>,
    /// The consumer groups of a stream, once they were asked for.
    pub groups: Option<Result<Vec<Group>, String>>,
    /// Whether it was changed since it was read.
    pub is_old: bool,
    /// How many pages were read.
    pages: usize,
    /// Which side is shown.
    pub(super) side: Side,
    /// The element whose bytes stand beside the others.
    pub(super) element: Option<Element>,
    /// The bytes of a string or a document, decoded.
    pub(super) bytes: Option<Bytes>,
    /// What is shown.
    pub(super) shown: Shown,
}

/// An element of a collection, looked at by itself.
#[derive(Clone, Debug)]
pub(super) struct Element {
    /// Its row.
    pub(super) row: usize,
    /// Its field, index, member or id.
    pub(super) name: String,
    /// Its bytes, decoded.
    pub(super) bytes: Bytes,
}

/// Which bytes a decoder is chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The value's.
    Value,
    /// Those of the element in this row.
    Element(usize),
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
            extra: Vec::new(),
            search: None,
            from: 0,
            told: None,
            sought: None,
            groups: None,
            is_old: false,
            pages: 1,
            side: Side::Elements,
            element: None,
            bytes: None,
            shown: Shown::Sentence(String::new()),
        };
        opened.decode();
        opened.prepare();
        opened
    }

    /// Adds what else is known of it: label and text.
    pub fn set_extra(&mut self, extra: Vec<(String, String)>) {
        self.extra = extra;
        self.prepare();
    }

    /// Adds the page that follows; `bytes` are all bytes so far, decoded, where the value is bytes.
    pub fn append(&mut self, page: Page, bytes: Option<Bytes>) {
        self.value.append(page.value);
        self.next = page.next;
        self.pages += 1;
        match bytes {
            Some(bytes) => self.show_bytes(bytes),
            None => self.decode(),
        }
        self.prepare();
    }

    /// Whether reading it again loses nothing that the user asked for.
    pub(super) fn is_first_page(&self) -> bool {
        self.pages == 1 && self.search.is_none() && self.from == 0
    }

    /// Where to begin looking for text: behind where it was found last, or where what is shown begins.
    pub fn find_from(&self, text: &str) -> u64 {
        match &self.sought {
            Some((before, at)) if before == text => *at,
            _ => self.from,
        }
    }

    /// Keeps what the user has chosen when the key is read again.
    pub(super) fn keep_from(&mut self, before: &Self) {
        self.side = before.side;
        self.groups.clone_from(&before.groups);
        if let Some(element) = &before.element
            && let Some((name, bytes)) = self.element(element.row)
            && name == element.name
        {
            let bytes = Bytes::new(bytes, true, element.bytes.chosen.clone());
            self.element = Some(Element {
                bytes,
                ..element.clone()
            });
        }
        if !before.chosen().is_empty()
            && let Some((bytes, whole)) = self.raw()
        {
            let bytes = Bytes::new(bytes, whole, before.chosen().to_vec());
            self.show_bytes(bytes);
            self.prepare();
        }
    }

    /// Takes in the newest entries of a stream.
    pub(super) fn tail(&mut self, entries: Vec<StreamEntry>, first: bool) {
        if first {
            self.value = Value::Stream(entries);
            self.next = None;
            self.element = None;
        } else {
            self.about.elements = self.about.elements.map(|all| all + entries.len() as u64);
            self.value.append(Value::Stream(entries));
        }
        self.prepare();
    }

    /// The bytes of a string or document as far as they were read, and whether they are all.
    pub fn raw(&self) -> Option<(&[u8], bool)> {
        match &self.value {
            Value::String { offset, bytes } => Some((bytes, *offset == 0 && self.next.is_none())),
            Value::Json(bytes) => Some((bytes, self.next.is_none())),
            _ => None,
        }
    }

    /// The decoders that the user chose for the value.
    pub fn chosen(&self) -> &[Decoder] {
        self.bytes.as_ref().map_or(&[], |bytes| &bytes.chosen)
    }

    /// The name and the bytes of the element in a row: a field's or an element's value, else the member itself.
    pub fn element(&self, row: usize) -> Option<(String, &[u8])> {
        match &self.value {
            Value::Hash(fields) => {
                let field = fields.get(row)?;
                Some((display(&field.name), &field.value))
            }
            Value::List { start, items } => {
                Some(((start + row as u64).to_string(), items.get(row)?))
            }
            Value::Found(found) => {
                let (index, item) = found.get(row)?;
                Some((index.to_string(), item))
            }
            Value::Set(members) => Some(("Member".to_owned(), members.get(row)?)),
            Value::ZSet { items, .. } => {
                let (member, score) = items.get(row)?;
                Some((format!("Score {score}"), member))
            }
            Value::Stream(entries) => {
                let entry = entries.get(row)?;
                let (field, value) = entry.fields.first()?;
                Some((format!("{} {}", entry.id, display(field)), value))
            }
            _ => None,
        }
    }

    /// Takes in what decoders made of bytes.
    pub fn decoded(&mut self, which: Which, bytes: Bytes) {
        match which {
            Which::Value => {
                self.show_bytes(bytes);
                self.prepare();
            }
            Which::Element(row) => {
                self.element = self
                    .element(row)
                    .map(|(name, _)| Element { row, name, bytes });
            }
        }
    }

    /// Whether every score may be a position, so that a map can be shown.
    pub(super) fn may_be_geo(&self) -> bool {
        match &self.value {
            // Small whole numbers are ranks and counts; positions begin far above, but for those near the South Pole.
            Value::ZSet { items, .. } => {
                !items.is_empty()
                    && items.iter().all(|(_, score)| {
                        position(score).is_some()
                            && score.parse::<f64>().is_ok_and(|score| score > 1e12)
                    })
            }
            _ => false,
        }
    }

    /// The members that were read, where they stand.
    pub(super) fn positions(&self) -> Vec<(String, Position)> {
        let Value::ZSet { items, .. } = &self.value else {
            return Vec::new();
        };
        let place = |(member, score): &(Vec<u8>, String)| Some((display(member), position(score)?));
        items.iter().filter_map(place).collect()
    }

    /// The value's text as the clipboard takes it.
    pub(super) fn copy(&self) -> String {
        match (&self.shown, &self.value) {
            (_, Value::String { bytes, .. } | Value::Json(bytes)) => {
                std::str::from_utf8(bytes).map_or_else(|_| display(bytes), str::to_owned)
            }
            (Shown::Rows(_, rows), _) => rows
                .iter()
                .map(|row| row.join("\t"))
                .collect::<Vec<_>>()
                .join("\n"),
            (Shown::Lines(lines), _) => lines.join("\n"),
            _ => display(&self.about.name),
        }
    }

    /// What is known of it besides its value: label and text.
    pub(super) fn facts(&self) -> Vec<(String, String)> {
        let owned = |(label, text): (&str, String)| (label.to_owned(), text);
        let ours = match &self.owned {
            Some(Owned::Header(header)) => header_text(header).into_iter().map(owned).collect(),
            Some(Owned::Chunk(number)) => vec![owned(("Chunk", number.to_string()))],
            Some(Owned::Damaged(why)) => vec![owned(("Damaged", why.clone()))],
            Some(Owned::Other) | None => Vec::new(),
        };
        [self.extra.clone(), ours].concat()
    }

    /// The report whose entry this is.
    pub(super) fn report(&self) -> Option<&str> {
        match &self.owned {
            Some(Owned::Header(header)) => Some(&header.report),
            _ => None,
        }
    }

    fn decode(&mut self) {
        let chosen = self.chosen().to_vec();
        self.bytes = None;
        if let Some((bytes, whole)) = self.raw() {
            let bytes = Bytes::new(bytes, whole, chosen);
            self.show_bytes(bytes);
        }
    }

    /// Takes the value's bytes, decoded; a dump counts from where in the value they begin.
    fn show_bytes(&mut self, mut bytes: Bytes) {
        if let Value::String { offset, bytes: raw } = &self.value {
            bytes.count_from(*offset, raw);
        }
        self.bytes = Some(bytes);
    }

    fn prepare(&mut self) {
        if let Some(table) = &self.table
            && self.chosen().is_empty()
        {
            self.shown = Shown::Table(table.clone());
            return;
        }
        let titled = |titles: &[&'static str], rows| Shown::Rows(titles.to_vec(), rows);
        self.shown = match &self.value {
            Value::String { .. } | Value::Json(_) => Shown::Lines(Vec::new()),
            Value::Hash(fields) if fields.iter().any(|field| matches!(field.ttl, Ttl::At(_))) => {
                titled(
                    &["Field", "Expires", "Value"],
                    fields
                        .iter()
                        .map(|field| {
                            vec![cell(&field.name), expires(field.ttl), cell(&field.value)]
                        })
                        .collect(),
                )
            }
            Value::Hash(fields) => titled(
                &["Field", "Value"],
                fields
                    .iter()
                    .map(|field| vec![cell(&field.name), cell(&field.value)])
                    .collect(),
            ),
            Value::List { start, items } => titled(
                &["Index", "Element"],
                (*start..)
                    .zip(items)
                    .map(|(index, item)| vec![index.to_string(), cell(item)])
                    .collect(),
            ),
            Value::Found(found) => titled(
                &["Index", "Element"],
                found
                    .iter()
                    .map(|(index, item)| vec![index.to_string(), cell(item)])
                    .collect(),
            ),
            Value::Set(members) => titled(
                &["Member"],
                members.iter().map(|member| vec![cell(member)]).collect(),
            ),
            Value::ZSet { items, .. } => titled(
                &["Score", "Member"],
                items
                    .iter()
                    .map(|(member, score)| vec![score.clone(), cell(member)])
                    .collect(),
            ),
            Value::Stream(entries) => titled(
                &["Id", "Fields"],
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
            Value::Series(samples) => titled(
                &["Time", "Sample"],
                samples
                    .iter()
                    .map(|(at, value)| vec![when(*at), value.clone()])
                    .collect(),
            ),
            Value::Withheld(bytes) if self.about.kind == Kind::Json => Shown::Sentence(format!(
                "The document takes {} of memory and has no pages, so it was not fetched unasked.",
                crate::app::format::bytes(*bytes)
            )),
            Value::Withheld(average) => Shown::Sentence(format!(
                "One {} has {} on average, so none was fetched unasked.",
                self.about.kind.elements().0,
                crate::app::format::bytes(*average)
            )),
            Value::Other if self.extra.is_empty() => Shown::Sentence(format!(
                "{} is a type of a module; its value is not read here.",
                self.about.type_name
            )),
            Value::Other => Shown::Sentence(format!(
                "A {} keeps no elements that could be listed; what it tells of itself stands beside.",
                type_title(&self.about.type_name)
            )),
        };
    }
}

fn expires(ttl: Ttl) -> String {
    match ttl {
        Ttl::At(at) => when(at),
        Ttl::Never => "never".into(),
        Ttl::Unknown => String::new(),
    }
}

/// A time in milliseconds since 1970, as people read it.
fn when(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms).map_or_else(
        || ms.to_string(),
        |at| at.format("%Y-%m-%d %H:%M:%S%.3f UTC").to_string(),
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_huge_cell_says_its_size() {
        let shown = cell("\u{fc}".repeat(2_000).as_bytes());
        assert!(
            shown.ends_with("… 3.9 KB in all") && !shown.contains("\\x"),
            "{shown}"
        );
    }
}
