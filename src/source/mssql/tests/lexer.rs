//! Our splitting of T-SQL against a second one, written from Microsoft's published lexer alone (`TSql160.g` of
//! SqlScriptDOM): where ours is certain, both must see the same tokens.
//!
//! `LOOKASIDE_FUZZ=5000000 cargo test --lib mssql::tests::lexer` runs as many texts.

use crate::report::Dialect;
use crate::report::lex::{self, Kind};
use crate::source::mssql::readonly;

/// A token of the published lexer that is no white space.
#[derive(Debug, PartialEq)]
struct Reference {
    kind: Kind,
    at: usize,
    end: usize,
}

/// The published lexer, or `None` where it finds an error.
fn reference(sql: &str) -> Option<Vec<Reference>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < sql.len() {
        let rest = &sql[at..];
        let (kind, len) = one(rest)?;
        if let Some(kind) = kind {
            let end = at + len;
            found.push(Reference { kind, at, end });
        }
        at += len;
    }
    Some(found)
}

fn is_white(c: char) -> bool {
    matches!(c, '\0'..=' ' | '\u{85}' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200b}' | '\u{2028}' | '\u{2029}'
        | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// `FirstLetter`.
fn first_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '_' | '#') || c >= '\u{80}' && !is_white(c)
}

/// `Letter` or `Digit`.
fn letter(c: char) -> bool {
    first_letter(c) || c.is_ascii_digit() || matches!(c, '@' | '$')
}

fn run(rest: &str, from: usize, belongs: impl Fn(char) -> bool) -> usize {
    let tail = &rest[from..];
    from + tail.find(|c| !belongs(c)).unwrap_or(tail.len())
}

/// `Exponent`, whose digits may be missing.
fn exponent(rest: &str, at: usize) -> usize {
    if !rest[at..].starts_with(['e', 'E']) {
        return at;
    }
    let sign = at + 1 + usize::from(rest[at + 1..].starts_with(['+', '-']));
    run(rest, sign, |c| c.is_ascii_digit())
}

fn quoted(rest: &str, from: usize, close: char) -> Option<usize> {
    let mut at = from;
    loop {
        at += rest[at..].find(close)? + 1;
        if !rest[at..].starts_with(close) {
            return Some(at);
        }
        at += 1;
    }
}

fn nested(rest: &str) -> Option<usize> {
    let mut at = 2;
    loop {
        let next = &rest[at..];
        if next.starts_with("*/") {
            return Some(at + 2);
        } else if next.starts_with("/*") {
            at += nested(next)?;
        } else {
            at += next.chars().next()?.len_utf8();
        }
    }
}

/// One token: its kind, `None` for white space, and its length.
fn one(rest: &str) -> Option<(Option<Kind>, usize)> {
    let mut chars = rest.chars();
    let (first, second) = (chars.next()?, chars.next());
    let digit = |c: char| c.is_ascii_digit();
    Some(match first {
        c if is_white(c) => (None, run(rest, 0, is_white)),
        '-' if second == Some('-') => {
            if rest.starts_with("--(*") {
                return None;
            }
            let len = rest.find(['\r', '\n']).unwrap_or(rest.len());
            (Some(Kind::Comment), len)
        }
        '/' if second == Some('*') => (Some(Kind::Comment), nested(rest)?),
        '\'' => (Some(Kind::Quoted), quoted(rest, 1, '\'')?),
        '"' => (Some(Kind::Quoted), quoted(rest, 1, '"')?),
        '[' => (Some(Kind::Quoted), quoted(rest, 1, ']')?),
        '0' if matches!(second, Some('x' | 'X')) => {
            (Some(Kind::Number), run(rest, 2, |c| c.is_ascii_hexdigit()))
        }
        '0'..='9' => {
            let mut at = run(rest, 0, digit);
            if rest[at..].starts_with('.') {
                at = run(rest, at + 1, digit);
            }
            (Some(Kind::Number), exponent(rest, at))
        }
        '.' if second.is_some_and(digit) => {
            let at = run(rest, 1, digit);
            (Some(Kind::Number), exponent(rest, at))
        }
        '$' if second.is_some_and(|c| c == '@' || first_letter(c)) => {
            (Some(Kind::Word), run(rest, 1, letter))
        }
        '$' => {
            let mut at = run(rest, 1, |c| c == ' ');
            at += usize::from(rest[at..].starts_with(['+', '-']));
            let whole = run(rest, at, digit);
            if whole == at {
                return None;
            }
            at = whole;
            if rest[at..].starts_with('.') {
                at = run(rest, at + 1, digit);
            }
            (Some(Kind::Number), exponent(rest, at))
        }
        '@' => (Some(Kind::Word), run(rest, 1, letter)),
        c if first_letter(c) => (Some(Kind::Word), run(rest, 0, letter)),
        c => (Some(Kind::Symbol), c.len_utf8()),
    })
}

/// Our tokens in the reference's terms: a variable is one word, and `::` two signs.
fn ours(sql: &str) -> Option<Vec<Reference>> {
    let mut found: Vec<Reference> = Vec::new();
    for token in lex::tokens(sql, Dialect::MsSql) {
        let token = token.ok()?;
        let text = &sql[token.at..token.end];
        let joins = found.last().is_some_and(|last| {
            last.end == token.at
                && sql[last.at..last.end].starts_with('@')
                && last.kind != Kind::Comment
        });
        match token.kind {
            Kind::Word | Kind::Symbol if joins && (text == "@" || token.kind == Kind::Word) => {
                let last = found.last_mut()?;
                last.end = token.end;
            }
            Kind::Symbol if text.len() == 2 => {
                for at in [token.at, token.at + 1] {
                    let (kind, end) = (Kind::Symbol, at + 1);
                    found.push(Reference { kind, at, end });
                }
            }
            kind => found.push(Reference {
                kind: if text == "@" { Kind::Word } else { kind },
                at: token.at,
                end: token.end,
            }),
        }
    }
    Some(found)
}

/// What a generator puts together: everything at which lexers were found to differ.
const FRAGMENTS: [&str; 62] = [
    "SELECT", "DELETE", "COMMIT", "a", "N", "e", "E5", "x", "t", "1", "2.", ".5", "1e5", "1e",
    "1e-", "0x", "0xDE", "$1", "$", "$ 2", "£", "€3", "@", "@v", "@@", "#t", "##", "a#b", "a@b",
    "a$", "'", "''", "'a'", "N'a'", "\"", "\"b\"", "[", "]", "[c]", "]]", "--", "-", "/*", "*/",
    "/", "*", "\n", "\r", "\r\n", " ", "\t", "\u{c}", "\u{b}", "\u{a0}", "\u{2028}", "\u{3000}",
    "é", ".", "..", ";", "(", "::",
];

#[test]
fn tsql_tokens_agree_with_the_published_lexer() {
    let rounds: u64 = std::env::var("LOOKASIDE_FUZZ")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(100_000);
    let mut seed: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut certain = 0;
    for round in 0..rounds {
        let mut next = |below: usize| {
            // xorshift64*
            seed ^= seed >> 12;
            seed ^= seed << 25;
            seed ^= seed >> 27;
            (seed.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below
        };
        let count = 2 + next(8);
        let mut sql = String::from(if next(2) == 0 { "SELECT 1 " } else { "" });
        for _ in 0..count {
            sql.push_str(FRAGMENTS[next(FRAGMENTS.len())]);
            if next(3) == 0 {
                sql.push(' ');
            }
        }
        let Some(ours) = ours(&sql) else { continue };
        certain += 1;
        assert_eq!(
            Some(&ours),
            reference(&sql).as_ref(),
            "round {round}: {sql:?}"
        );
        if readonly::check(&sql).is_ok() {
            let acts = ours.iter().find(|token| {
                token.kind == Kind::Word
                    && ["DELETE", "COMMIT"]
                        .contains(&sql[token.at..token.end].to_uppercase().as_str())
            });
            assert_eq!(acts, None, "round {round}: {sql:?}");
        }
    }
    assert!(certain > rounds / 20, "only {certain} texts were certain");
}
