//! How a nested value is kept: flat, in the order it is read, and bounded.

use std::fmt::Write as _;

use super::evidence::ENOUGH;
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
/// The most parts that are read.
const PARTS: usize = 10_000_000;

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
    /// The tree as the name of a branch: a text loses its quotes, what holds others becomes one line.
    fn into_name(self) -> String {
        let [only] = self.branches.as_slice() else {
            let mut line = String::new();
            write_line(&mut line, &self.branches, false);
            return line;
        };
        let text = only.text.as_str();
        let inner = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        inner.unwrap_or(text).to_owned()
    }
}

/// Branches that stand side by side, and what stands in them, in one line: `[1, {"a": 2}]`.
fn write_line(out: &mut String, branches: &[Branch], with_names: bool) {
    let mut at = 0;
    while let Some(branch) = branches.get(at) {
        if at > 0 {
            out.push_str(", ");
        }
        if with_names {
            let _ = write!(out, "{}: ", branch.name);
        }
        let inner = &branches[at + 1..][..branch.inner as usize];
        match branch.text.rfind(['[', '{']) {
            Some(mark) if !inner.is_empty() => {
                let is_list = branch.text[mark..].starts_with('[');
                out.push_str(&branch.text[..=mark]);
                write_line(out, inner, !is_list);
                out.push(if is_list { ']' } else { '}' });
            }
            _ => out.push_str(&branch.text),
        }
        at += 1 + inner.len();
    }
}

/// Grows a tree. Beyond the limits of what is shown the rest is still read, so that it is known whether it is of the
/// format.
#[derive(Debug, Default)]
pub(super) struct Grower {
    branches: Vec<Branch>,
    open: Vec<usize>,
    /// Values that are open and not kept.
    beyond: usize,
    texts: usize,
    parts: usize,
    /// Why not all of it is kept.
    limit: Option<&'static str>,
    is_full: bool,
    /// See `evidence.rs`.
    evidence: f64,
    /// The name of the next branch.
    name: String,
}

impl Grower {
    /// Names the branch that comes next.
    pub(super) fn name(&mut self, name: impl Into<String>) {
        self.name = cut(name.into());
    }

    /// Counts evidence for the format, in bits.
    pub(super) fn sure(&mut self, bits: f64) {
        self.evidence += bits;
    }

    /// The evidence so far, in bits.
    pub(super) fn evidence(&self) -> f64 {
        self.evidence
    }

    /// A value that holds no others.
    pub(super) fn leaf(&mut self, text: impl Into<String>) -> Result<(), Stop> {
        self.push(text.into()).map(drop)
    }

    /// Bytes as a leaf: in quotes where they are text, else in hexadecimal.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.push(bytes_text(bytes)).map(drop)
    }

    /// A value that holds those that follow, until [`Grower::close`].
    pub(super) fn open(&mut self, text: impl Into<String>) -> Result<(), Stop> {
        if self.beyond == 0 && self.open.len() >= usize::from(DEPTH) {
            self.limit
                .get_or_insert("it is nested deeper than 64 levels");
            self.beyond = 1;
            self.name.clear();
        } else if self.push(text.into())? {
            self.open.push(self.branches.len() - 1);
        } else {
            self.beyond += 1;
        }
        Ok(())
    }

    /// Ends the value that was opened last.
    pub(super) fn close(&mut self) {
        if self.beyond > 0 {
            self.beyond -= 1;
        } else if let Some(at) = self.open.pop() {
            self.branches[at].inner = (self.branches.len() - at - 1) as u32;
        }
    }

    /// Changes what the value that is open says, once that is known.
    pub(super) fn retitle(&mut self, text: impl Into<String>) {
        if self.beyond == 0
            && let Some(at) = self.open.last()
        {
            self.branches[*at].text = text.into();
        }
    }

    /// Whether it was kept.
    fn push(&mut self, text: String) -> Result<bool, Stop> {
        self.parts += 1;
        if self.parts > PARTS {
            return Err(Stop::Limit("it has more than 10 million parts"));
        }
        let name = std::mem::take(&mut self.name);
        if self.beyond > 0 || self.is_full {
            return Ok(false);
        }
        let text = cut(text);
        self.texts += text.len() + name.len();
        if self.branches.len() >= BRANCHES || self.texts > TEXTS {
            self.is_full = true;
            self.limit.get_or_insert(if self.texts > TEXTS {
                "its texts are longer than 16 MB"
            } else {
                "it has more than 100,000 parts"
            });
            return Ok(false);
        }
        self.branches.push(Branch {
            depth: self.open.len() as u16,
            name,
            text,
            inner: 0,
        });
        Ok(true)
    }

    /// The tree, after `outcome`. What was read before a limit, or before the end of a part, stays.
    pub(super) fn finish(mut self, outcome: Result<(), Stop>, whole: bool) -> Result<Tree, Stop> {
        let limit = match outcome {
            Ok(()) => self.limit,
            Err(Stop::Limit(why)) => Some(why),
            Err(Stop::Ended) if !whole => None,
            Err(stop) => return Err(stop),
        };
        let stopped = match limit {
            Some(why) => Some(format!("Shown in part: {why}.")),
            None if outcome.is_err() => Some("The rest has not been read yet.".to_owned()),
            None => None,
        };
        while self.beyond > 0 || !self.open.is_empty() {
            self.close();
        }
        Ok(Tree {
            branches: self.branches,
            stopped,
        })
    }

    /// Reads a value that is the name of another, on the same level: a text without its quotes, a value that holds
    /// others in one line.
    pub(super) fn named_by(
        &mut self,
        reader: &mut Reader<'_>,
        value: fn(&mut Self, &mut Reader<'_>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut alone = Self::default();
        reader.enter()?;
        value(&mut alone, reader)?;
        reader.leave();
        self.evidence += alone.evidence;
        let name = alone.finish(Ok(()), true)?.into_name();
        self.name(name);
        Ok(())
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

/// How a value of a format is read.
pub(super) type Read = fn(&mut Grower, &mut Reader<'_>) -> Result<(), Stop>;

/// The tree of bytes that are one value and nothing behind it, which `value` reads.
pub(super) fn one_value(bytes: &[u8], whole: bool, value: Read) -> Result<Tree, Stop> {
    let (grower, outcome) = read(bytes, value);
    grower.finish(outcome, whole)
}

/// Whether bytes are one value to the last byte, which `value` reads, with evidence enough that they are no others.
pub(super) fn fits(bytes: &[u8], value: Read) -> bool {
    let (grower, outcome) = read(bytes, value);
    outcome.is_ok() && grower.evidence() >= ENOUGH
}

/// Whether bytes are one value to the last byte of a format whose every mark is evidence enough.
pub(super) fn is_whole(bytes: &[u8], value: Read) -> bool {
    read(bytes, value).1.is_ok()
}

fn read(bytes: &[u8], value: Read) -> (Grower, Result<(), Stop>) {
    let mut grower = Grower::default();
    let mut reader = Reader::new(bytes);
    let outcome = value(&mut grower, &mut reader).and_then(|()| {
        if reader.is_at_end() {
            Ok(())
        } else {
            reader.damaged("more bytes follow the value")
        }
    });
    (grower, outcome)
}
