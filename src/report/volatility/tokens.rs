//! The tokens of a statement, without comments.

use std::borrow::Cow;

use super::super::Dialect;
use super::super::lex::{self, Kind, Token};

/// The tokens of one text, up to the first that does not end.
pub(super) struct Tokens<'a> {
    sql: &'a str,
    pub(super) dialect: Dialect,
    all: Vec<Token>,
    /// Whether the text goes on behind a token that cannot be read.
    pub(super) broken: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn read(sql: &'a str, dialect: Dialect) -> Self {
        let mut broken = false;
        let all = lex::tokens(sql, dialect)
            .map_while(|token| {
                broken = token.is_err();
                token.ok()
            })
            .filter(|token| token.kind != Kind::Comment)
            .collect();
        Self {
            sql,
            dialect,
            all,
            broken,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The token as it is written.
    pub(super) fn at(&self, i: usize) -> Option<&'a str> {
        let token = self.all.get(i)?;
        self.sql.get(token.at..token.end)
    }

    /// Whether the token is this word, in any case.
    pub(super) fn is(&self, i: usize, word: &str) -> bool {
        self.at(i)
            .is_some_and(|token| token.eq_ignore_ascii_case(word))
    }

    fn kind(&self, i: usize) -> Option<Kind> {
        self.all.get(i).map(|token| token.kind)
    }

    pub(super) fn is_param(&self, i: usize) -> bool {
        matches!(self.kind(i), Some(Kind::Param | Kind::Placeholder))
    }

    /// Whether the token is a word without quotes.
    pub(super) fn is_bare(&self, i: usize) -> bool {
        self.kind(i) == Some(Kind::Word)
    }

    /// Whether an opening bracket follows.
    pub(super) fn is_called(&self, i: usize) -> bool {
        self.at(i + 1) == Some("(")
    }

    /// The token as a name in lower case; `None` where it is none.
    pub(super) fn name(&self, i: usize) -> Option<String> {
        let text = self.at(i)?;
        match self.kind(i)? {
            Kind::Word if !text.starts_with(|c: char| c.is_ascii_digit()) => {
                Some(text.to_lowercase())
            }
            Kind::Quoted => self.quoted_name(i).map(str::to_lowercase),
            _ => None,
        }
    }

    /// What stands within the quotes of a quoted name; `None` for any other token.
    pub(super) fn quoted_name(&self, i: usize) -> Option<&'a str> {
        let text = self.at(i).filter(|_| self.kind(i) == Some(Kind::Quoted))?;
        let is_name = match text.as_bytes().first()? {
            b'"' => self.dialect != Dialect::MySql,
            b'`' | b'[' => true,
            _ => false,
        };
        is_name.then(|| text.get(1..text.len().saturating_sub(1)))?
    }

    /// What a string says, together with those that the server joins to it; `None` for any other token.
    pub(super) fn string(&self, i: usize) -> Option<String> {
        let mut text = self.one_string(i)?.into_owned();
        let mut next = i + 1;
        while let Some(more) = self.one_string(next) {
            text.push_str(&more);
            next += 1;
        }
        Some(text)
    }

    fn one_string(&self, i: usize) -> Option<Cow<'a, str>> {
        let text = self.at(i).filter(|_| self.kind(i) == Some(Kind::Quoted))?;
        if self.quoted_name(i).is_some() {
            return None;
        }
        let open = text.find(['\'', '"', '$'])?;
        if let Some(rest) = text.strip_prefix('$') {
            let tag = rest.find('$')? + 2;
            return text
                .get(tag..text.len().checked_sub(tag)?)
                .map(Cow::Borrowed);
        }
        let inner = text.get(open + 1..text.len().saturating_sub(1))?;
        let before = |back: usize| i.checked_sub(back).and_then(|i| self.at(i));
        let unicode = self.dialect == Dialect::Postgres
            && before(1) == Some("&")
            && before(2).is_some_and(|word| word.eq_ignore_ascii_case("u"));
        let escapes = unicode || open == 1 || self.dialect == Dialect::MySql;
        Some(if escapes && inner.contains('\\') {
            Cow::Owned(unescaped(inner, unicode))
        } else {
            Cow::Borrowed(inner)
        })
    }

    /// The index of the bracket that closes the one at `open`, or the number of tokens.
    pub(super) fn closing(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for i in open..self.len() {
            match self.at(i) {
                Some("(" | "[") => depth += 1,
                Some(")" | "]") => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return i;
                    }
                }
                _ => {}
            }
        }
        self.len()
    }

    /// The index of the bracket that opens the one at `close`.
    pub(super) fn opening(&self, close: usize) -> usize {
        let mut depth = 0_usize;
        for i in (0..=close).rev() {
            match self.at(i) {
                Some(")" | "]") => depth += 1,
                Some("(" | "[") => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return i;
                    }
                }
                _ => {}
            }
        }
        0
    }

    /// How many arguments the call of the name at `i` has.
    pub(super) fn arguments(&self, i: usize) -> usize {
        let (open, close) = (i + 1, self.closing(i + 1));
        if close == open + 1 {
            return 0;
        }
        let (mut at, mut commas) = (open + 1, 0);
        while at < close {
            match self.at(at) {
                Some("(" | "[") => at = self.closing(at),
                Some(",") => commas += 1,
                _ => {}
            }
            at += 1;
        }
        commas + 1
    }
}

/// A string's text without its escapes: `\n`, `\157`, `\x6e`, `\u006e`, `\U0000006e`, or `\006e` and `\+00006e`.
fn unescaped(text: &str, unicode: bool) -> String {
    let mut found = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        found.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let kind = rest.chars().next();
        let (skipped, most, radix) = match (unicode, kind) {
            (true, Some('+')) => (1, 6, 16),
            (true, _) => (0, 4, 16),
            (false, Some('x')) => (1, 2, 16),
            (false, Some('u')) => (1, 4, 16),
            (false, Some('U')) => (1, 8, 16),
            (false, Some('0'..='7')) => (0, 3, 8),
            _ => (0, 0, 10),
        };
        let digits = rest[skipped.min(rest.len())..]
            .chars()
            .take(most)
            .take_while(|c| c.is_digit(radix))
            .count();
        let number = rest.get(skipped..skipped + digits);
        let decoded = number.and_then(|number| u32::from_str_radix(number, radix).ok());
        match (decoded.and_then(char::from_u32), kind) {
            (Some(c), _) => {
                found.push(c);
                rest = &rest[skipped + digits..];
            }
            (None, Some(c)) => {
                found.push(if "bfnrt".contains(c) { ' ' } else { c });
                rest = &rest[c.len_utf8()..];
            }
            (None, None) => {}
        }
    }
    found.push_str(rest);
    found
}
