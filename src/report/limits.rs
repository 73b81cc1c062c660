//! Refuses SQL that is too large to be read without risk, or closes what it did not open, before a parser or a server
//! sees it.
//!
//! Parsers go down one level for each bracket, and one more for each term of `a + b + c`: theirs are the stacks that
//! overflow, and an overflow ends the process. SQLite's parser runs in this process too.

use super::lex::{Kind, Token, tokens};
use super::{Dialect, TemplateError};

/// Longer SQL is no report: a dump was named by mistake.
pub(crate) const LONGEST: usize = 16 << 20;
/// Tokens: some 100 MB of memory where each becomes a node of a tree.
const TOKENS: usize = 500_000;
/// Brackets and CASE within one another.
const DEPTH: usize = 200;
/// Tokens between two commas of one level: 10,000 terms of `OR a.b = 1`.
const RUN: usize = 70_000;
/// Queries that one level joins by UNION and its like.
const JOINED: usize = 2_000;

/// Refuses SQL that is too large, or holds a NUL character, which ends a text for some servers and drivers.
pub(super) fn check(sql: &str, dialect: Dialect) -> Result<(), TemplateError> {
    let mut size = Size::of(sql)?;
    for token in tokens(sql, dialect) {
        size.add(sql, token?)?;
    }
    Ok(())
}

/// How large the SQL is up to a token.
pub(super) struct Size {
    tokens: usize,
    levels: Vec<Level>,
}

#[derive(Default)]
struct Level {
    /// The word or bracket that began it.
    begin: u8,
    run: usize,
    joined: usize,
}

impl Size {
    /// Checks the text as a whole.
    pub(super) fn of(sql: &str) -> Result<Self, TemplateError> {
        if let Some(at) = sql.find('\0') {
            return Err(TemplateError {
                message: "the SQL holds a NUL character, which no database takes; remove it"
                    .to_owned(),
                at,
            });
        }
        if sql.len() > LONGEST {
            return Err(too_large(
                LONGEST,
                format!("is longer than {} MB", LONGEST >> 20),
            ));
        }
        Ok(Self {
            tokens: 0,
            levels: vec![Level::default()],
        })
    }

    /// Counts one more token.
    pub(super) fn add(&mut self, sql: &str, token: Token) -> Result<(), TemplateError> {
        if token.kind == Kind::Comment {
            return Ok(());
        }
        let text = &sql[token.at..token.end];
        let is = |word: &str| token.kind == Kind::Word && text.eq_ignore_ascii_case(word);
        self.tokens += 1;
        match text.as_bytes() {
            [begin @ (b'(' | b'[' | b'{')] => self.open(*begin),
            [b')'] => self.close(b'(', token)?,
            [b']'] => self.close(b'[', token)?,
            [b'}'] => self.close(b'{', token)?,
            _ if is("case") => self.open(b'c'),
            // The END of a CASE that a bracket does not hide.
            _ if is("end") && self.levels.last().is_some_and(|level| level.begin == b'c') => {
                self.levels.pop();
            }
            _ => {}
        }
        let joins = ["union", "except", "intersect", "minus"]
            .into_iter()
            .any(is);
        let Some(level) = self.levels.last_mut() else {
            return Ok(());
        };
        level.run = if text == "," { 0 } else { level.run + 1 };
        level.joined += usize::from(joins);
        let wrong = if level.run > RUN {
            format!("has an expression of more than {RUN} words, numbers and signs")
        } else if level.joined > JOINED {
            format!("joins more than {JOINED} queries by UNION")
        } else if self.levels.len() > DEPTH + 1 {
            format!("has more than {DEPTH} brackets within one another")
        } else if self.tokens > TOKENS {
            format!("has more than {TOKENS} words, numbers and signs")
        } else {
            return Ok(());
        };
        Err(too_large(token.at, wrong))
    }

    fn open(&mut self, begin: u8) {
        self.levels.push(Level {
            begin,
            ..Level::default()
        });
    }

    /// Closes the last such bracket, and what was left open inside it. One that was not opened could close what is put
    /// around a report.
    fn close(&mut self, begin: u8, token: Token) -> Result<(), TemplateError> {
        let opened = self.levels.iter().rposition(|level| level.begin == begin);
        let at = opened.ok_or_else(|| TemplateError {
            message: "the SQL closes a bracket here that it did not open; remove one of them"
                .to_owned(),
            at: token.at,
        })?;
        self.levels.truncate(at);
        Ok(())
    }
}

fn too_large(at: usize, what: String) -> TemplateError {
    TemplateError {
        message: format!("the SQL {what}; put the values into a table and join it"),
        at,
    }
}
