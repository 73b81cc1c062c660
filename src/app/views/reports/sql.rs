//! SQL highlighting: keywords, strings, numbers, parameters and comments, and the place of an error.

use eframe::egui::text::{LayoutJob, TextFormat};
use eframe::egui::{Color32, Stroke};

use crate::app::theme::{Colors, fonts};

const KEYWORDS: &[&str] = &[
    "all",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "at",
    "between",
    "both",
    "by",
    "case",
    "cast",
    "collate",
    "cross",
    "current",
    "date",
    "desc",
    "distinct",
    "else",
    "end",
    "escape",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "filter",
    "first",
    "following",
    "for",
    "from",
    "full",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "inner",
    "intersect",
    "interval",
    "into",
    "is",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "materialized",
    "natural",
    "not",
    "null",
    "nulls",
    "of",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "over",
    "partition",
    "preceding",
    "range",
    "recursive",
    "right",
    "rollup",
    "row",
    "rows",
    "select",
    "set",
    "some",
    "table",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "true",
    "unbounded",
    "union",
    "unknown",
    "using",
    "values",
    "when",
    "where",
    "window",
    "with",
    "within",
    "without",
];

/// What a piece of SQL is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Keyword,
    Text,
    Number,
    Param,
    Comment,
}

/// Splits SQL into pieces; together they are the whole text.
pub(super) fn pieces(sql: &str) -> Vec<(Kind, &str)> {
    let bytes = sql.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (kind, end) = match bytes[at] {
            quote @ (b'\'' | b'"' | b'`') => {
                let end = quoted(bytes, at, quote);
                (
                    if quote == b'\'' {
                        Kind::Text
                    } else {
                        Kind::Plain
                    },
                    end,
                )
            }
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                (Kind::Comment, find(bytes, at, b"\n").unwrap_or(bytes.len()))
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => (
                Kind::Comment,
                find(bytes, at + 2, b"*/").map_or(bytes.len(), |end| end + 2),
            ),
            b':' if bytes.get(at + 1) == Some(&b':') => (Kind::Plain, at + 2),
            b':' if bytes
                .get(at + 1)
                .is_some_and(|next| is_word(*next) && !next.is_ascii_digit()) =>
            {
                (Kind::Param, word_end(bytes, at + 1))
            }
            b'0'..=b'9' => {
                let end = bytes[at..]
                    .iter()
                    .position(|byte| !(is_word(*byte) || *byte == b'.'));
                (Kind::Number, end.map_or(bytes.len(), |length| at + length))
            }
            byte if is_word(byte) => {
                let end = word_end(bytes, at);
                let word = sql[at..end].to_ascii_lowercase();
                (
                    if KEYWORDS.binary_search(&word.as_str()).is_ok() {
                        Kind::Keyword
                    } else {
                        Kind::Plain
                    },
                    end,
                )
            }
            _ => (Kind::Plain, at + 1),
        };
        match out.last_mut() {
            // Neighbours of one kind are one piece, which keeps the layout small.
            Some((last, start, stop)) if *last == kind && *stop == at => {
                let _: &usize = start;
                *stop = end;
            }
            _ => out.push((kind, at, end)),
        }
        at = end;
    }
    out.into_iter()
        .map(|(kind, start, end)| (kind, &sql[start..end]))
        .collect()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn word_end(bytes: &[u8], from: usize) -> usize {
    bytes[from..]
        .iter()
        .position(|byte| !is_word(*byte))
        .map_or(bytes.len(), |length| from + length)
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    bytes
        .get(from..)?
        .windows(what.len())
        .position(|window| window == what)
        .map(|at| from + at)
}

fn quoted(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        if bytes[at] == quote {
            if bytes.get(at + 1) != Some(&quote) {
                return at + 1;
            }
            at += 1;
        }
        at += 1;
    }
    bytes.len()
}

/// The bytes of the word at a line and column, both from 1; the column counts characters.
pub(super) fn word_at(sql: &str, (line, column): (usize, usize)) -> Option<std::ops::Range<usize>> {
    let start: usize = sql
        .split_inclusive('\n')
        .take(line.checked_sub(1)?)
        .map(str::len)
        .sum();
    let text = sql.get(start..)?.lines().next().unwrap_or_default();
    let offset = text
        .char_indices()
        .nth(column.checked_sub(1)?)
        .map_or(text.len(), |(at, _)| at);
    let from = start + offset;
    let end = word_end(sql.as_bytes(), from);
    if end > from {
        return Some(from..end);
    }
    // Not on a word: the one character there, or the last of the text.
    match sql[from..].chars().next() {
        Some(letter) => Some(from..from + letter.len_utf8()),
        None => sql.char_indices().last().map(|(at, _)| at..sql.len()),
    }
}

/// The SQL in its colours, with a line under `mark`.
pub(super) fn layout(
    sql: &str,
    colors: &Colors,
    wrap: f32,
    mark: Option<std::ops::Range<usize>>,
) -> LayoutJob {
    let mut job = LayoutJob::default();
    job.wrap.max_width = wrap;
    let mut at = 0;
    for (kind, piece) in pieces(sql) {
        let color = match kind {
            Kind::Plain => colors.strong,
            Kind::Keyword => colors.wait,
            Kind::Text => colors.hit,
            Kind::Number => colors.miss,
            Kind::Param => colors.accent,
            Kind::Comment => colors.weak,
        };
        let range = at..at + piece.len();
        at = range.end;
        match &mark {
            Some(mark) if mark.start < range.end && range.start < mark.end => {
                let (from, to) = (mark.start.max(range.start), mark.end.min(range.end));
                append(&mut job, &sql[range.start..from], color, None);
                append(&mut job, &sql[from..to], color, Some(colors.error));
                append(&mut job, &sql[to..range.end], color, None);
            }
            _ => append(&mut job, piece, color, None),
        }
    }
    job
}

fn append(job: &mut LayoutJob, text: &str, color: Color32, under: Option<Color32>) {
    if text.is_empty() {
        return;
    }
    let underline = under.map_or(Stroke::NONE, |color| Stroke::new(2.0, color));
    let format = TextFormat {
        font_id: fonts::mono(),
        color,
        underline,
        line_height: Some(19.0),
        ..TextFormat::default()
    };
    job.append(text, 0.0, format);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_sorted_for_the_search() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn pieces_are_the_whole_text() {
        let sql = "SELECT n, 'it''s :no' AS t, \"select\" -- :x\nFROM a WHERE d >= :since AND b::text = 1.5 /* ü */ or é";
        let pieces = pieces(sql);
        assert_eq!(
            pieces.iter().map(|(_, text)| *text).collect::<String>(),
            sql
        );
        let of = |kind| {
            pieces
                .iter()
                .filter(move |(other, _)| *other == kind)
                .map(|(_, text)| *text)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of(Kind::Keyword),
            ["SELECT", "AS", "FROM", "WHERE", "AND", "or"]
        );
        assert_eq!(of(Kind::Text), ["'it''s :no'"]);
        assert_eq!(of(Kind::Param), [":since"]);
        assert_eq!(of(Kind::Number), ["1.5"]);
        assert_eq!(of(Kind::Comment), ["-- :x", "/* ü */"]);
    }

    #[test]
    fn unfinished_text_is_no_trouble() {
        for sql in ["'", "\"", "/*", "--", ":", "::", "''", "é'", "1.", ""] {
            assert_eq!(
                pieces(sql)
                    .iter()
                    .map(|(_, text)| *text)
                    .collect::<String>(),
                sql
            );
        }
    }

    #[test]
    fn an_error_marks_a_word() {
        let sql = "SELECT é,\n  nam FROM t";
        assert_eq!(word_at(sql, (2, 3)).map(|range| &sql[range]), Some("nam"));
        assert_eq!(word_at(sql, (1, 9)).map(|range| &sql[range]), Some(","));
        assert_eq!(word_at(sql, (2, 99)).map(|range| &sql[range]), Some("t"));
        assert_eq!(word_at(sql, (0, 1)), None);
        assert_eq!(word_at("", (1, 1)), None);
    }
}
