//! ADO connection strings, as SQL Server's own tools write them: `Server=tcp:db,1433;Database=shop;User Id=me;...`.

use std::ops::Range;

/// What names the server, without blanks.
const SERVER: [&str; 5] = ["server", "datasource", "address", "addr", "networkaddress"];

/// One `name=value`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pair {
    /// In lower case and without blanks: `userid`.
    pub(super) name: String,
    /// Without the quotes around it.
    pub(super) value: String,
    /// Where the pair stands, and where its value does, quotes included.
    pub(super) whole: Range<usize>,
    pub(super) at: Range<usize>,
}

/// The pairs of a connection string, which may stand behind `mssql:`; `None` for what is none.
pub(super) fn pairs(text: &str) -> Option<Vec<Pair>> {
    let begin = ["mssql:", "sqlserver:"]
        .into_iter()
        .find(|scheme| {
            text.get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        })
        .map_or(0, str::len);
    let first = text[begin..].split('=').next()?;
    if first.contains("://") || first.starts_with("//") || first.contains(':') {
        return None;
    }
    let mut pairs = Vec::new();
    let mut at = begin;
    while let Some(found) = pair(text, at) {
        at = found.whole.end;
        pairs.push(found);
    }
    pairs
        .iter()
        .any(|pair| SERVER.contains(&pair.name.as_str()))
        .then_some(pairs)
}

/// The server among them.
pub(super) fn is_server(name: &str) -> bool {
    SERVER.contains(&name)
}

/// The pair that begins at `from` or behind semicolons there. A quote that is not closed takes the rest.
fn pair(text: &str, from: usize) -> Option<Pair> {
    let start = from + text[from..].find(|c: char| c != ';' && !c.is_whitespace())?;
    let equals = start + text[start..].find('=')?;
    let name = text[start..equals]
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect::<String>()
        .to_lowercase();
    let rest = &text[equals + 1..];
    let value_at = equals + 1 + (rest.len() - rest.trim_start().len());
    let rest = &text[value_at..];
    let close = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => Some(quote),
        Some('{') => Some('}'),
        _ => None,
    };
    let (value, end) = match close {
        Some(close) => quoted(&rest[1..], close),
        None => {
            let end = rest.find(';').unwrap_or(rest.len());
            (rest[..end].trim_end().to_owned(), end)
        }
    };
    let end = value_at + end;
    // What stands between a closing quote and the semicolon belongs to nothing.
    let next = text[end..].find(';').map_or(text.len(), |at| end + at + 1);
    Some(Pair {
        name,
        value,
        whole: start..next,
        at: value_at..end,
    })
}

/// The text up to the closing quote, which is doubled inside; and its length with both quotes.
fn quoted(rest: &str, close: char) -> (String, usize) {
    let mut value = String::new();
    let mut chars = rest.char_indices().peekable();
    while let Some((i, c)) = chars.next() {
        if c != close {
            value.push(c);
        } else if chars.next_if(|(_, next)| *next == close).is_some() {
            value.push(close);
        } else {
            return (value, i + 2);
        }
    }
    (value, rest.len() + 1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_and_quotes_are_read() {
        let text = r#"Server=tcp:db,1433; User ID = me ;Password="a;""b=";Encrypt={strict}"#;
        let found: Vec<_> = pairs(text)
            .unwrap()
            .into_iter()
            .map(|pair| (pair.name, pair.value))
            .collect();
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            found,
            [
                text("server", "tcp:db,1433"),
                text("userid", "me"),
                text("password", "a;\"b="),
                text("encrypt", "strict"),
            ]
        );
        assert!(pairs("mssql:Data Source=.;").is_some());
    }

    #[test]
    fn urls_are_none() {
        for url in [
            "mssql://u:p@h/d?server=x",
            "mysql://h/d",
            "sqlite:a=b;server=c",
            "embedded",
            "",
            "a=b;c=d",
        ] {
            assert_eq!(pairs(url), None, "{url}");
        }
    }
}
