//! A table of the TOML file with what is known about it: where it stands, and which keys it may have.

use std::ops::Range;
use std::time::Duration;

use toml_edit::{Item, TableLike, Value};

use super::WorkspaceError;
use crate::report::{line_column, read_time};

/// The file being read.
pub(super) struct File<'a> {
    pub(super) name: String,
    pub(super) text: &'a str,
}

/// One table of it.
pub(super) struct Cursor<'a> {
    pub(super) file: &'a File<'a>,
    /// As people write it: `[sources.shop]`.
    pub(super) name: String,
    pub(super) table: &'a dyn TableLike,
    /// Where it stands, for what is missing in it.
    pub(super) span: Option<Range<usize>>,
}

impl File<'_> {
    /// A mistake at a place in the file.
    pub(super) fn wrong(
        &self,
        span: Option<Range<usize>>,
        what: impl std::fmt::Display,
    ) -> WorkspaceError {
        let message = match span {
            Some(span) => {
                let (line, column) = line_column(self.text, span.start);
                format!("{}:{line}:{column}: {what}", self.name)
            }
            None => format!("{}: {what}", self.name),
        };
        WorkspaceError { message }
    }
}

impl<'a> Cursor<'a> {
    /// Refuses keys other than these, with the nearest of them.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), WorkspaceError> {
        for (key, item) in self.table.iter() {
            if !item.is_none() && !known.contains(&key) {
                let span = self
                    .table
                    .key(key)
                    .and_then(toml_edit::Key::span)
                    .or_else(|| item.span());
                let remedy = match nearest(key, known) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("it takes {}", known.join(", ")),
                };
                return Err(self.file.wrong(
                    span,
                    format!("{} has no setting \"{key}\"; {remedy}", self.name),
                ));
            }
        }
        Ok(())
    }

    /// The value under a key.
    pub(super) fn get(&self, key: &str) -> Option<&'a Item> {
        self.table.get(key).filter(|item| !item.is_none())
    }

    /// Where the value of a key stands.
    pub(super) fn span(&self, key: &str) -> Option<Range<usize>> {
        self.get(key)
            .and_then(Item::span)
            .or_else(|| self.span.clone())
    }

    pub(super) fn wrong(&self, key: &str, what: impl std::fmt::Display) -> WorkspaceError {
        self.file.wrong(self.span(key), what)
    }

    fn wrong_type(&self, key: &str, item: &Item, want: &str) -> WorkspaceError {
        self.wrong(
            key,
            format!(
                "{key} of {} is {} here; write {want}",
                self.name,
                with_article(item.type_name())
            ),
        )
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, WorkspaceError> {
        let Some(item) = self.get(key) else {
            return Ok(None);
        };
        let text = item
            .as_str()
            .ok_or_else(|| self.wrong_type(key, item, &format!("{key} = \"...\"")))?;
        Ok(Some(text))
    }

    pub(super) fn needed_text(&self, key: &str) -> Result<&'a str, WorkspaceError> {
        match self.text(key)? {
            Some(text) if !text.trim().is_empty() => Ok(text),
            Some(_) => Err(self.wrong(key, format!("{key} of {} is empty; write one", self.name))),
            None => Err(self.file.wrong(
                self.span.clone(),
                format!("{} has no {key}; add {key} = \"...\"", self.name),
            )),
        }
    }

    pub(super) fn truth(&self, key: &str) -> Result<Option<bool>, WorkspaceError> {
        let Some(item) = self.get(key) else {
            return Ok(None);
        };
        item.as_bool()
            .map(Some)
            .ok_or_else(|| self.wrong_type(key, item, &format!("{key} = true")))
    }

    pub(super) fn count(&self, key: &str) -> Result<Option<usize>, WorkspaceError> {
        let Some(item) = self.get(key) else {
            return Ok(None);
        };
        let number = item
            .as_integer()
            .ok_or_else(|| self.wrong_type(key, item, &format!("{key} = 2")))?;
        match usize::try_from(number) {
            Ok(count @ 1..=1000) => Ok(Some(count)),
            _ => Err(self.wrong(
                key,
                format!("{key} of {} is {number}; give 1 to 1000", self.name),
            )),
        }
    }

    /// A percentage as a part of one: more than nothing, at most the whole.
    pub(super) fn share(&self, key: &str) -> Result<Option<f64>, WorkspaceError> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        let percent = text.trim().strip_suffix('%');
        match percent.and_then(|percent| percent.trim_end().parse::<u8>().ok()) {
            Some(percent @ 1..=100) => Ok(Some(f64::from(percent) / 100.0)),
            _ => Err(self.wrong(
                key,
                format!(
                    "{key} of {} is \"{text}\"; write {key} = \"50%\", from 1% to 100%",
                    self.name
                ),
            )),
        }
    }

    pub(super) fn duration(&self, key: &str) -> Result<Option<Duration>, WorkspaceError> {
        let Some(item) = self.get(key) else {
            return Ok(None);
        };
        let example = format!("a duration such as {key} = \"5m\" or \"1h 30m\", ten years at most");
        let text = item
            .as_str()
            .ok_or_else(|| self.wrong_type(key, item, &example))?;
        read_time(text).map(Some).ok_or_else(|| {
            self.wrong(
                key,
                format!("{key} of {} is \"{text}\"; write {example}", self.name),
            )
        })
    }

    /// Like [`Cursor::duration`], and longer than nothing.
    pub(super) fn some_time(&self, key: &str) -> Result<Option<Duration>, WorkspaceError> {
        match self.duration(key)? {
            Some(Duration::ZERO) => Err(self.wrong(
                key,
                format!(
                    "{key} of {} is zero; give a time longer than that",
                    self.name
                ),
            )),
            given => Ok(given),
        }
    }

    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<String>>, WorkspaceError> {
        let Some(item) = self.get(key) else {
            return Ok(None);
        };
        let texts = item.as_array().and_then(|array| {
            array
                .iter()
                .map(|value| value.as_str().map(ToOwned::to_owned))
                .collect()
        });
        texts
            .map(Some)
            .ok_or_else(|| self.wrong_type(key, item, &format!("{key} = [\"a\", \"b\"]")))
    }

    /// The table under a key.
    pub(super) fn table(
        &self,
        key: &str,
        name: String,
    ) -> Result<Option<Cursor<'a>>, WorkspaceError> {
        let Some(item) = self.get(key) else {
            return Ok(None);
        };
        let table = item
            .as_table_like()
            .ok_or_else(|| self.wrong_type(key, item, "a table"))?;
        let span = item
            .span()
            .or_else(|| self.table.key(key).and_then(toml_edit::Key::span));
        Ok(Some(Cursor {
            file: self.file,
            name,
            table,
            span,
        }))
    }

    /// The tables of `[[key]]`, or of `key = [{...}]`.
    pub(super) fn tables(&self, key: &str) -> Result<Vec<Cursor<'a>>, WorkspaceError> {
        let Some(item) = self.get(key) else {
            return Ok(Vec::new());
        };
        let name = format!("[[{key}]]");
        let cursor = |table: &'a dyn TableLike, span| Cursor {
            file: self.file,
            name: name.clone(),
            table,
            span,
        };
        if let Some(array) = item.as_array_of_tables() {
            return Ok(array
                .iter()
                .map(|table| cursor(table, table.span()))
                .collect());
        }
        let inline = item.as_array().and_then(|array| {
            array
                .iter()
                .map(|value| {
                    value
                        .as_inline_table()
                        .map(|table| cursor(table, value.span()))
                })
                .collect()
        });
        inline.ok_or_else(|| self.wrong_type(key, item, &format!("[[{key}]] before each")))
    }

    /// The text of a value as the file has it.
    pub(super) fn raw(&self, value: &Value) -> String {
        match value.span().and_then(|span| self.file.text.get(span)) {
            Some(text) => text.to_owned(),
            // A document open for changes has no places any more, and keeps the text in the value.
            None => value.to_string().trim().to_owned(),
        }
    }
}

/// The known word that is most like `word`, where one is like it at all.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let near = *nearest_few(word, known, 1).first()?;
    (distance(word, near) <= 1 + near.len() / 4).then_some(near)
}

/// The `count` known words that are most like `word`, however unlike.
pub(super) fn nearest_few<'k>(word: &str, known: &[&'k str], count: usize) -> Vec<&'k str> {
    let mut known = known.to_vec();
    known.sort_by_cached_key(|known| (distance(word, known), *known));
    known.truncate(count);
    known
}

fn distance(one: &str, other: &str) -> usize {
    strsim::damerau_levenshtein(&one.to_lowercase(), &other.to_lowercase())
}

fn with_article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {noun}")
}
