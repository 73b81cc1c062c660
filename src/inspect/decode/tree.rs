//! How a nested value is kept: flat, in the order it is read, and bounded.

use std::fmt::Write as _;

use super::reader::{Reader, Stop};
use super::text::display;

/// The most branches that are kept.
const BRANCHES: usize = 100_000;
/// The deepest branch.
const DEPTH: u16 = 64;
/// The most bytes of one text that are shown.
const TEXT: usize = 4 * 1024;
/// The most bytes of all texts together.
const TEXTS: usize = 16 * 1024 * 1024;

/// A part of a nested value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// How many others it stands in.
    pub depth: u16,
    /// Its key or index, empty where it has none.
    pub name: String,
    /// What it is: a value, or for one that holds others how many.
    pub text: String,
    /// How many branches that follow stand in it, at any depth.
    pub inner: u32,
}

/// A nested value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// Its parts, each before those that stand in it.
    pub branches: Vec<Branch>,
    /// Why the rest is missing, in a sentence.
    pub stopped: Option<String>,
}

impl Tree {
    /// The tree as lines of text.
    pub fn outline(&self) -> String {
        let mut out = String::new();
        for branch in &self.branches {
            out.extend(std::iter::repeat_n("  ", usize::from(branch.depth)));
            let _ = match (branch.name.as_str(), branch.text.as_str()) {
                ("", text) => writeln!(out, "{text}"),
                (name, "") => writeln!(out, "{name}"),
                (name, text) => writeln!(out, "{name}: {text}"),
            };
        }
        out
    }
}

impl Tree {
    /// The first branch as the name of another: a text loses its quotes.
    pub(super) fn into_name(self) -> String {
        let first = self.branches.into_iter().next();
        let text = first.map(|branch| branch.text).unwrap_or_default();
        match text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
        {
            Some(inner) => inner.to_owned(),
            None => text,
        }
    }
}

/// Grows a tree.
#[derive(Debug, Default)]
pub(super) struct Grower {
    branches: Vec<Branch>,
    open: Vec<usize>,
    texts: usize,
    /// The name of the next branch.
    name: String,
}

impl Grower {
    /// Names the branch that comes next.
    pub(super) fn name(&mut self, name: impl Into<String>) {
        self.name = cut(name.into());
    }

    /// A value that holds no others.
    pub(super) fn leaf(&mut self, text: impl Into<String>) -> Result<(), Stop> {
        self.push(text.into())
    }

    /// Bytes as a leaf: in quotes where they are text, else in hexadecimal.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.push(bytes_text(bytes))
    }

    /// A value that holds those that follow, until [`Grower::close`].
    pub(super) fn open(&mut self, text: impl Into<String>) -> Result<(), Stop> {
        if self.open.len() >= usize::from(DEPTH) {
            return Err(Stop::Limit("it is nested deeper than 64 levels"));
        }
        self.push(text.into())?;
        self.open.push(self.branches.len() - 1);
        Ok(())
    }

    /// Ends the value that was opened last.
    pub(super) fn close(&mut self) {
        if let Some(at) = self.open.pop() {
            self.branches[at].inner = (self.branches.len() - at - 1) as u32;
        }
    }

    /// Changes what the value that is open says, once that is known.
    pub(super) fn retitle(&mut self, text: impl Into<String>) {
        if let Some(at) = self.open.last() {
            self.branches[*at].text = text.into();
        }
    }

    fn push(&mut self, text: String) -> Result<(), Stop> {
        if self.branches.len() >= BRANCHES {
            return Err(Stop::Limit("it has more than 100,000 parts"));
        }
        let text = cut(text);
        self.texts += text.len() + self.name.len();
        if self.texts > TEXTS {
            return Err(Stop::Limit("its texts are longer than 16 MB"));
        }
        self.branches.push(Branch {
            depth: self.open.len() as u16,
            name: std::mem::take(&mut self.name),
            text,
            inner: 0,
        });
        Ok(())
    }

    /// The tree, after `outcome`. What was read before a limit, or before the end of a part, stays.
    pub(super) fn finish(mut self, outcome: Result<(), Stop>, whole: bool) -> Result<Tree, Stop> {
        let stopped = match outcome {
            Ok(()) => None,
            Err(Stop::Ended) if !whole => Some("The rest has not been read yet.".to_owned()),
            Err(Stop::Limit(why)) => Some(format!("Shown in part: {why}.")),
            Err(stop) => return Err(stop),
        };
        while !self.open.is_empty() {
            self.close();
        }
        Ok(Tree {
            branches: self.branches,
            stopped,
        })
    }
}

/// Bytes in a tree: quoted text, or hexadecimal.
pub(super) fn bytes_text(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(TEXT)];
    match std::str::from_utf8(bytes) {
        Ok(text) => format!("\"{}\"", display(text.as_bytes())),
        Err(_) => {
            let mut out = String::with_capacity(shown.len() * 2 + 2);
            out.push_str("0x");
            for byte in shown {
                let _ = write!(out, "{byte:02x}");
            }
            if shown.len() < bytes.len() {
                out.push('…');
            }
            out
        }
    }
}

fn cut(mut text: String) -> String {
    if text.len() > TEXT {
        let end = (0..=TEXT).rev().find(|at| text.is_char_boundary(*at));
        let all = text.len();
        text.truncate(end.unwrap_or_default());
        let _ = write!(text, "… {} in all", crate::human::bytes(all as u64));
    }
    text
}

/// The tree of bytes that are one value and nothing behind it, which `value` reads.
pub(super) fn one_value(
    bytes: &[u8],
    whole: bool,
    value: fn(&mut Grower, &mut Reader<'_>) -> Result<(), Stop>,
) -> Result<Tree, Stop> {
    let mut grower = Grower::default();
    let mut reader = Reader::new(bytes);
    let outcome = value(&mut grower, &mut reader).and_then(|()| {
        if reader.is_at_end() {
            Ok(())
        } else {
            reader.damaged("more bytes follow the value")
        }
    });
    grower.finish(outcome, whole)
}
