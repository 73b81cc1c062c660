//! Parses SQL with `sqlparser`, within limits that keep it from ending the process, and only where it splits the text
//! as `lex.rs` does.

use sqlparser::ast::Statement;
use sqlparser::dialect as dialects;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Location, Token as Parsed, TokenWithSpan, Tokenizer, Whitespace};

use super::lex::{self, Kind, Token};
use super::{Dialect, TemplateError, limits, plain};

/// A tree of the largest SQL that the limits let through is read and dropped within this. Memory that is not touched
/// costs nothing.
const STACK: usize = 256 << 20;
/// Levels of the parser for the brackets that the limits let through, several for each.
const RECURSION: usize = 2_000;

/// Reads the statements of a text in which parameters stand as `:name`. The tree does not leave the thread it was made
/// on, which has the stack to drop it.
///
/// # Errors
/// Completes the sentence "the SQL ...".
pub(crate) fn statements<T: Send>(
    sql: &str,
    dialect: Dialect,
    read: impl FnOnce(&[Statement]) -> T + Send,
) -> Result<T, String> {
    let unread = |error: TemplateError| format!("cannot be read: {}", error.message);
    limits::check(sql, dialect).map_err(unread)?;
    let (text, tokens) = bare(sql, dialect).map_err(unread)?;
    let parsed = || {
        let dialect = of(dialect);
        let found = Tokenizer::new(dialect.as_ref(), &text)
            .tokenize_with_location()
            .map_err(|error| format!("cannot be parsed: {error}"))?;
        agree(&text, &tokens, &found)?;
        let statements = Parser::new(dialect.as_ref())
            .with_recursion_limit(RECURSION)
            .with_tokens_with_locations(found)
            .parse_statements()
            .map_err(|error| format!("cannot be parsed: {error}"))?;
        Ok(read(&statements))
    };
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("sql".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, parsed)
            .map_err(|error| format!("cannot be parsed: no thread could be started: {error}"))?
            .join()
            .unwrap_or_else(|_| Err("cannot be parsed: the parser failed".to_owned()))
    })
}

fn of(dialect: Dialect) -> Box<dyn dialects::Dialect> {
    match dialect {
        Dialect::Sqlite => Box::new(dialects::SQLiteDialect {}),
        Dialect::MySql => Box::new(dialects::MySqlDialect {}),
        Dialect::Postgres => Box::new(dialects::PostgreSqlDialect {}),
        Dialect::MsSql => Box::new(dialects::MsSqlDialect {}),
    }
}

/// The SQL as the parser gets it: NULL in place of each parameter, which every dialect's grammar takes, a space in
/// place of each comment, and what `plain.rs` says in place of what it does not know; with the tokens in it.
fn bare(sql: &str, dialect: Dialect) -> Result<(String, Vec<Token>), TemplateError> {
    let all: Vec<Token> = lex::tokens(sql, dialect)
        .filter(|token| {
            !token
                .as_ref()
                .is_ok_and(|token| matches!(token.kind, Kind::Comment | Kind::Go))
        })
        .collect::<Result<_, _>>()?;
    let texts: Vec<&str> = all.iter().map(|token| &sql[token.at..token.end]).collect();
    let (mut text, mut tokens, mut end) = (String::with_capacity(sql.len()), Vec::new(), 0);
    let mut i = 0;
    while let Some(token) = all.get(i) {
        // The parser takes two dashes for a comment also where MySQL does not. A line feed keeps its lines.
        let between = &sql[end..token.at];
        if between.contains('\n') {
            text.push('\n');
        } else if !between.is_empty() || text.ends_with('-') && texts[i] == "-" {
            text.push(' ');
        }
        let at = text.len();
        let count = match plain::replacement(&texts, i, dialect) {
            Some((count, instead)) => {
                text.push(' ');
                text.push_str(instead);
                text.push(' ');
                count
            }
            None if token.kind == Kind::Param => {
                text.push_str("NULL");
                1
            }
            None => {
                text.push_str(texts[i]);
                1
            }
        };
        tokens.push(Token {
            at,
            end: text.len(),
            ..*token
        });
        i += count;
        end = all[i - 1].end;
    }
    Ok((text, tokens))
}

/// Compares where both see strings, quoted names and comments.
fn agree(text: &str, tokens: &[Token], found: &[TokenWithSpan]) -> Result<(), String> {
    let mut quoted = tokens.iter().filter(|token| token.kind == Kind::Quoted);
    let mut cursor = Cursor::new(text);
    let mut next = quoted.next();
    for one in found {
        let (start, end) = (cursor.offset(one.span.start), cursor.offset(one.span.end));
        let same = match (&one.token, next) {
            (
                Parsed::Whitespace(
                    Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_),
                ),
                _,
            ) => false,
            (Parsed::Whitespace(_) | Parsed::EOF, _) => true,
            // A prefix, as that of N'...', belongs to the string for the parser.
            (_, Some(token)) if end > token.at => {
                next = quoted.next();
                end == token.end
                    && start <= token.at
                    && !text[start..token.at].contains(['\'', '"', '`', '['])
            }
            (token, _) => !is_quoted(token, &text[start..end]),
        };
        if !same {
            let (line, column) = (one.span.start.line, one.span.start.column);
            return Err(format!(
                "can be read in two ways at line {line}, column {column}; write spaces around what stands there"
            ));
        }
    }
    match next {
        None => Ok(()),
        Some(_) => Err("can be read in two ways at its end".to_owned()),
    }
}

fn is_quoted(token: &Parsed, source: &str) -> bool {
    let named = matches!(token, Parsed::Word(word) if word.quote_style.is_some());
    named || matches!(token, Parsed::DollarQuotedString(_)) || source.contains(['\'', '"'])
}

/// Byte offsets of places, which are asked for in order.
struct Cursor<'a> {
    chars: std::str::Chars<'a>,
    length: usize,
    line: u64,
    column: u64,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            chars: text.chars(),
            length: text.len(),
            line: 1,
            column: 1,
        }
    }

    fn offset(&mut self, place: Location) -> usize {
        while (self.line, self.column) < (place.line, place.column) {
            match self.chars.next() {
                Some('\n') => (self.line, self.column) = (self.line + 1, 1),
                Some(_) => self.column += 1,
                None => break,
            }
        }
        self.length - self.chars.as_str().len()
    }
}
