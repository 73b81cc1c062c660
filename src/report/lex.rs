//! SQL split into the few kinds of token that matter here, by the quoting rules of each dialect.
//!
//! Used to find parameters and to tell where a statement ends; it knows no grammar.

use super::{Dialect, TemplateError};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A keyword, a name without quotes, or a number.
    Word,
    /// A string or a quoted name.
    Quoted,
    /// A comment; in MySQL's `/*! */` the server runs what is inside.
    Comment,
    /// `:name`.
    Param,
    /// A placeholder of the database itself: `?`, `$1`.
    Placeholder,
    /// Any other character that is not white space.
    Symbol,
}

/// A token and where it stands, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) at: usize,
    pub(crate) end: usize,
}

/// The tokens of `sql` in order; the last is an error where a string, quoted name or comment does not end.
pub(crate) fn tokens(
    sql: &str,
    dialect: Dialect,
) -> impl Iterator<Item = Result<Token, TemplateError>> {
    let mut lexer = Lexer {
        sql,
        dialect,
        at: 0,
        brackets: 0,
        before: None,
    };
    std::iter::from_fn(move || {
        let token = lexer.next()?;
        if token.is_err() {
            lexer.at = sql.len();
        }
        Some(token)
    })
}

struct Lexer<'a> {
    sql: &'a str,
    dialect: Dialect,
    at: usize,
    /// Depth of PostgreSQL's array brackets.
    brackets: usize,
    /// The character that ended the token before, comments left out.
    before: Option<char>,
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

fn starts_name(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<Result<Token, TemplateError>> {
        let rest = &self.sql[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        let rest = &self.sql[self.at..];
        let first = rest.chars().next()?;
        let found = self.token(rest, first);
        Some(found.map(|(kind, len)| {
            let token = Token {
                kind,
                at: self.at,
                end: self.at + len,
            };
            self.at = token.end;
            if kind != Kind::Comment {
                self.before = self.sql[..token.end].chars().next_back();
            }
            token
        }))
    }

    /// Kind and length in bytes of the token that `rest` begins with.
    fn token(&mut self, rest: &str, first: char) -> Result<(Kind, usize), TemplateError> {
        use Dialect::{MsSql, MySql, Postgres, Sqlite};
        let second = rest[first.len_utf8()..].chars().next();
        let backslash = self.dialect == MySql;
        match first {
            '\'' => self.quoted(rest, 0, '\'', backslash, "string"),
            // In MySQL a string, unless ANSI_QUOTES; the end is the same.
            '"' => self.quoted(rest, 0, '"', backslash, "quoted name"),
            '`' if matches!(self.dialect, MySql | Sqlite) => {
                self.quoted(rest, 0, '`', false, "quoted name")
            }
            '[' if matches!(self.dialect, MsSql) => self.quoted(rest, 0, ']', false, "quoted name"),
            '[' if self.dialect == Sqlite => self.until(rest, 1, "]", Kind::Quoted, "quoted name"),
            'E' | 'e' if self.dialect == Postgres && second == Some('\'') => {
                self.quoted(rest, 1, '\'', true, "string")
            }
            '-' if rest.starts_with("--") && self.dashes_comment(rest) => {
                Ok((Kind::Comment, line(rest)))
            }
            '#' if self.dialect == MySql => Ok((Kind::Comment, line(rest))),
            '/' if second == Some('*') => self.comment(rest),
            '$' if self.dialect == Postgres => match dollar_tag(rest) {
                Some(tag) => self.until(rest, tag.len(), tag, Kind::Quoted, "string"),
                None => Ok((Kind::Placeholder, 1 + word(&rest[1..]))),
            },
            '$' | '@' if self.dialect == Sqlite => Ok((Kind::Placeholder, 1 + word(&rest[1..]))),
            '?' if matches!(self.dialect, Sqlite | MySql) => {
                Ok((Kind::Placeholder, 1 + word(&rest[1..])))
            }
            ':' if matches!(second, Some(':' | '=')) => Ok((Kind::Symbol, 2)),
            ':' if second.is_some_and(starts_name) && !self.is_slice() => {
                Ok((Kind::Param, 1 + name(&rest[1..])))
            }
            c if in_word(c) => Ok((Kind::Word, word(rest))),
            c => {
                if self.dialect == Postgres {
                    match c {
                        '[' => self.brackets += 1,
                        ']' => self.brackets = self.brackets.saturating_sub(1),
                        _ => {}
                    }
                }
                Ok((Kind::Symbol, c.len_utf8()))
            }
        }
    }

    /// Whether a colon here divides the bounds of an array slice: `a[1:n]`, but not `a[:n]` with a parameter.
    fn is_slice(&self) -> bool {
        self.brackets > 0
            && self
                .before
                .is_some_and(|before| in_word(before) || matches!(before, ')' | ']' | '"' | '\''))
    }

    /// MySQL wants white space after the two dashes; `5--3` is eight there.
    fn dashes_comment(&self, rest: &str) -> bool {
        self.dialect != Dialect::MySql
            || rest[2..]
                .chars()
                .next()
                .is_none_or(|c| c.is_whitespace() || c.is_control())
    }

    fn comment(&self, rest: &str) -> Result<(Kind, usize), TemplateError> {
        if !matches!(self.dialect, Dialect::Postgres | Dialect::MsSql) {
            return self.until(rest, 2, "*/", Kind::Comment, "comment");
        }
        let (mut depth, mut at) = (1, 2);
        while depth > 0 {
            let Some(next) = rest[at..].find(['*', '/']) else {
                return Err(self.open("comment"));
            };
            at += next;
            if rest[at..].starts_with("/*") {
                (depth, at) = (depth + 1, at + 2);
            } else if rest[at..].starts_with("*/") {
                (depth, at) = (depth - 1, at + 2);
            } else {
                at += 1;
            }
        }
        Ok((Kind::Comment, at))
    }

    /// A text in quotes that stands `before` bytes into `rest`; a doubled closing quote belongs to the text.
    fn quoted(
        &self,
        rest: &str,
        before: usize,
        close: char,
        backslash: bool,
        what: &str,
    ) -> Result<(Kind, usize), TemplateError> {
        let mut chars = rest[before + 1..].char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            if backslash && c == '\\' {
                chars.next();
            } else if c == close && chars.next_if(|(_, c)| *c == close).is_none() {
                return Ok((Kind::Quoted, before + 1 + i + 1));
            }
        }
        Err(self.open(what))
    }

    fn until(
        &self,
        rest: &str,
        from: usize,
        end: &str,
        kind: Kind,
        what: &str,
    ) -> Result<(Kind, usize), TemplateError> {
        rest[from..]
            .find(end)
            .map(|at| (kind, from + at + end.len()))
            .ok_or_else(|| self.open(what))
    }

    fn open(&self, what: &str) -> TemplateError {
        TemplateError {
            message: format!("the {what} that begins here does not end; close it"),
            at: self.at,
        }
    }
}

/// Length up to the end of the line.
fn line(rest: &str) -> usize {
    rest.find('\n').unwrap_or(rest.len())
}

/// Length of the word that `rest` begins with.
fn word(rest: &str) -> usize {
    rest.find(|c| !in_word(c)).unwrap_or(rest.len())
}

/// Length of the parameter name that `rest` begins with.
fn name(rest: &str) -> usize {
    rest.find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(rest.len())
}

/// The opening `$$` or `$tag$` that `rest` begins with.
fn dollar_tag(rest: &str) -> Option<&str> {
    let len = name(&rest[1..]);
    let tag = &rest[..rest.len().min(len + 2)];
    let opens = len == 0 || tag[1..].starts_with(starts_name);
    (opens && tag.len() == len + 2 && tag.ends_with('$')).then_some(tag)
}
