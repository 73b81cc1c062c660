//! Splits SQL into the few kinds of token that matter here, where the server of each dialect splits it.
//!
//! Used to find parameters and to tell where a statement ends; it knows no grammar. Two readings of one text are how a
//! write passes a check, so text that servers, or versions of one, split differently is an error here.
//!
//! The rules are those of PostgreSQL's `scan.l`, MySQL's and MariaDB's `sql_lex.cc`, SQLite's `tokenize.c`, and the
//! published lexer of T-SQL (`TSql160.g` of Microsoft's SqlScriptDOM).

mod characters;
mod number;

use super::{Dialect, TemplateError};
use characters::{in_word, is_space, starts_name, unclear};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A keyword or a name without quotes.
    Word,
    /// A number, with its point and exponent.
    Number,
    /// A string or a quoted name.
    Quoted,
    /// A comment; in MySQL's `/*! */` the server runs what is inside.
    Comment,
    /// `:name`.
    Param,
    /// A placeholder of the database itself: `?`, `$1`.
    Placeholder,
    /// A line that holds `GO` alone, with which SQL Server's tools divide batches. The server does not know it.
    Go,
    /// Any other character that is not white space.
    Symbol,
}

/// A token and where it stands, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it begins.
    pub at: usize,
    /// Where it ends.
    pub end: usize,
}

/// The tokens of `sql` in order; the last is an error where a string, quoted name or comment does not end, or where
/// it is not certain how the server splits the text.
pub fn tokens(sql: &str, dialect: Dialect) -> impl Iterator<Item = Result<Token, TemplateError>> {
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
    /// The token before, comments left out.
    before: Option<Token>,
}

type Found = Result<(Kind, usize), TemplateError>;

impl Lexer<'_> {
    fn next(&mut self) -> Option<Result<Token, TemplateError>> {
        let rest = &self.sql[self.at..];
        self.at += rest.len() - rest.trim_start_matches(is_space).len();
        let rest = &self.sql[self.at..];
        let first = rest.chars().next()?;
        let found = self.token(rest, first).and_then(|(kind, len)| {
            let token = Token {
                kind,
                at: self.at,
                end: self.at + len,
            };
            self.check(token).map(|()| token)
        });
        Some(found.inspect(|token| {
            self.at = token.end;
            if token.kind != Kind::Comment {
                self.before = Some(*token);
            }
        }))
    }

    /// Kind and length in bytes of the token that `rest` begins with.
    fn token(&mut self, rest: &str, first: char) -> Found {
        use Dialect::{MsSql, MySql, Postgres, Sqlite};
        let second = rest[first.len_utf8()..].chars().next();
        let backslash = self.dialect == MySql;
        match first {
            '\'' => self.quoted(rest, 0, '\'', backslash, "string"),
            // In MySQL a string, unless ANSI_QUOTES, which the session switches off; the end is the same.
            '"' => self.quoted(rest, 0, '"', backslash, "quoted name"),
            '`' if matches!(self.dialect, MySql | Sqlite) => {
                self.quoted(rest, 0, '`', false, "quoted name")
            }
            '[' if matches!(self.dialect, MsSql) => self.quoted(rest, 0, ']', false, "quoted name"),
            '[' if self.dialect == Sqlite => self.until(rest, 1, "]", Kind::Quoted, "quoted name"),
            'E' | 'e' if self.dialect == Postgres && second == Some('\'') => {
                self.quoted(rest, 1, '\'', true, "string")
            }
            '-' if rest.starts_with("--") && self.dashes_comment(rest) => self.line(rest),
            '#' if self.dialect == MySql => self.line(rest),
            '/' if second == Some('*') => self.comment(rest),
            '0'..='9' => number::read(rest, self.dialect).map_err(|why| self.error(why)),
            '.' if second.is_some_and(|c| c.is_ascii_digit()) && !self.parts_a_name() => {
                number::read(rest, self.dialect).map_err(|why| self.error(why))
            }
            '$' if self.dialect == Postgres => match dollar_tag(rest) {
                Some(tag) => self.until(rest, tag.len(), tag, Kind::Quoted, "string"),
                None => Ok((Kind::Placeholder, 1 + self.word(&rest[1..]))),
            },
            '$' if self.dialect == MsSql => number::money(rest).map_err(|why| self.error(why)),
            '$' | '@' if self.dialect == Sqlite => {
                Ok((Kind::Placeholder, 1 + self.word(&rest[1..])))
            }
            '?' if matches!(self.dialect, Sqlite | MySql) => {
                Ok((Kind::Placeholder, 1 + self.word(&rest[1..])))
            }
            ':' if matches!(second, Some(':' | '=')) => Ok((Kind::Symbol, 2)),
            ':' if second.is_some_and(starts_name) && !self.is_slice() => {
                Ok((Kind::Param, 1 + name(&rest[1..])))
            }
            '@' if self.dialect == MsSql
                && second.is_some_and(|c| c == '$' || c.is_ascii_digit()) =>
            {
                Err(self.error("a variable's name begins with a letter; put a space behind the @, or correct the name"))
            }
            // A variable of SQL Server is a symbol and a word, `@@` two symbols and a word.
            '@' => Ok((Kind::Symbol, 1)),
            'G' | 'g' if self.dialect == MsSql && self.is_go(rest) => {
                let line = rest.split(['\n', '\r']).next().unwrap_or(rest);
                Ok((Kind::Go, line.trim_end_matches(is_space).len()))
            }
            c if in_word(c, self.dialect) => Ok((Kind::Word, self.word(rest))),
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

    /// Refuses a token that a server might split in another way, or join with its neighbour.
    fn check(&self, token: Token) -> Result<(), TemplateError> {
        let text = &self.sql[token.at..token.end];
        let after = self.sql[token.end..].chars().next();
        let before = self.before.filter(|before| before.end == token.at);
        match token.kind {
            Kind::Word | Kind::Symbol | Kind::Placeholder => {
                match text.char_indices().find(|(_, c)| unclear(*c, self.dialect)) {
                    Some((at, c)) => Err(TemplateError {
                        message: characters::sentence(c),
                        at: token.at + at,
                    }),
                    None => Ok(()),
                }
            }
            // A placeholder stands in its place: `a:b` would become one name.
            Kind::Param
                if before.is_some_and(|before| {
                    matches!(before.kind, Kind::Word | Kind::Number)
                        || matches!(&self.sql[before.at..before.end], "@" | "$" | "#")
                }) || after.is_some_and(|c| in_word(c, self.dialect) || "'\"`#@".contains(c)) =>
            {
                Err(self.error("a parameter stands directly beside a name or a quote; write a space between them"))
            }
            // PostgreSQL reads a string that continues one with escapes with escapes too.
            Kind::Quoted if self.dialect == Dialect::Postgres && text.starts_with('\'') => {
                let escapes = |before: Token| {
                    self.sql[before.at..before.end].starts_with(['E', 'e'])
                        && before.kind == Kind::Quoted
                };
                if self.before.is_some_and(escapes) {
                    Err(self.error("a string continues an E'' string; write both as one string"))
                } else {
                    Ok(())
                }
            }
            _ => Ok(()),
        }
    }

    /// In MySQL a name follows a point that stands directly behind a name, whatever it begins with.
    fn parts_a_name(&self) -> bool {
        self.dialect == Dialect::MySql
            && self.before.is_some_and(|before| {
                before.end == self.at && matches!(before.kind, Kind::Word | Kind::Quoted)
            })
    }

    /// Whether a colon here divides the bounds of an array slice: `a[1:n]`, but not `a[:n]` with a parameter.
    fn is_slice(&self) -> bool {
        let before = self
            .before
            .and_then(|before| self.sql[..before.end].chars().next_back());
        self.brackets > 0
            && before.is_some_and(|before| {
                in_word(before, self.dialect) || matches!(before, ')' | ']' | '"' | '\'')
            })
    }

    /// Whether the line holds nothing but `GO`, and how often SQL Server's tools are to run the batch.
    fn is_go(&self, rest: &str) -> bool {
        let line = |text: &str| text.chars().all(|c| is_space(c) && c != '\n' && c != '\r');
        let begins = self.sql[..self.at]
            .rsplit(['\n', '\r'])
            .next()
            .is_some_and(line);
        let whole = rest.split(['\n', '\r']).next().unwrap_or(rest);
        let mut words = whole.split_whitespace();
        begins
            && words
                .next()
                .is_some_and(|word| word.eq_ignore_ascii_case("go"))
            && words
                .next()
                .is_none_or(|count| count.bytes().all(|b| b.is_ascii_digit()))
            && words.next().is_none()
    }

    /// MySQL wants white space or a control character after the two dashes; `5--3` is eight there.
    fn dashes_comment(&self, rest: &str) -> bool {
        self.dialect != Dialect::MySql
            || rest[2..]
                .chars()
                .next()
                .is_none_or(|c| c.is_ascii_whitespace() || c.is_ascii_control())
    }

    /// A comment up to the end of the line. MySQL and SQLite end it at LF, PostgreSQL and SQL Server at CR too.
    fn line(&self, rest: &str) -> Found {
        let len = rest.find('\n').unwrap_or(rest.len());
        let text = &rest[..len];
        let text = text.strip_suffix('\r').unwrap_or(text);
        if let Some(at) = text.find(['\r', '\u{85}', '\u{2028}', '\u{2029}']) {
            return Err(TemplateError {
                message: "a comment holds a carriage return or another end of a line that some servers end it at; \
                          end lines with LF or CR LF"
                    .to_owned(),
                at: self.at + at,
            });
        }
        if self.dialect == Dialect::MsSql && text.starts_with("--(*") {
            return Err(self.error(
                "a comment that begins with --(* may be run as an ODBC escape; write a space after the dashes",
            ));
        }
        Ok((Kind::Comment, text.len()))
    }

    fn comment(&self, rest: &str) -> Found {
        if !matches!(self.dialect, Dialect::Postgres | Dialect::MsSql) {
            let found = self.until(rest, 2, "*/", Kind::Comment, "comment")?;
            // In a hint a quoted name may hold the end of the comment.
            if self.dialect == Dialect::MySql
                && rest.starts_with("/*+")
                && rest[..found.1].contains(['\'', '"', '`'])
            {
                return Err(self.error("an optimizer hint holds quotes; write its names without"));
            }
            return Ok(found);
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
    fn quoted(&self, rest: &str, before: usize, close: char, backslash: bool, what: &str) -> Found {
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

    fn until(&self, rest: &str, from: usize, end: &str, kind: Kind, what: &str) -> Found {
        rest[from..]
            .find(end)
            .map(|at| (kind, from + at + end.len()))
            .ok_or_else(|| self.open(what))
    }

    fn open(&self, what: &str) -> TemplateError {
        self.error(&format!(
            "the {what} that begins here does not end; close it"
        ))
    }

    fn error(&self, message: &str) -> TemplateError {
        TemplateError {
            message: message.to_owned(),
            at: self.at,
        }
    }

    /// Length of the word that `rest` begins with.
    fn word(&self, rest: &str) -> usize {
        rest.find(|c| !in_word(c, self.dialect))
            .unwrap_or(rest.len())
    }
}

/// Length of the parameter name that `rest` begins with.
fn name(rest: &str) -> usize {
    rest.find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(rest.len())
}

/// The opening `$$` or `$tag$` that `rest` begins with.
fn dollar_tag(rest: &str) -> Option<&str> {
    let in_tag = |c: char| in_word(c, Dialect::Postgres) && c != '$';
    let len = rest[1..].find(|c| !in_tag(c)).unwrap_or(rest.len() - 1);
    let opens = !rest[1..].starts_with(|c: char| c.is_ascii_digit());
    let tag = rest.get(..len + 2)?;
    (opens && tag.ends_with('$')).then_some(tag)
}
