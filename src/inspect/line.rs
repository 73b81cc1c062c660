//! How does a command become words, and words a line? As in redis-cli, so that nobody has to learn it again.

use std::fmt::Write as _;

/// Splits a line into words as redis-cli does: blanks part them; in double quotes `\n`, `\xff` and the like are bytes;
/// in single quotes only `\'` is.
pub fn split(line: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let mut word = Vec::new();
        let tail = match first {
            '"' => double_quoted(&rest[1..], &mut word)?,
            '\'' => single_quoted(&rest[1..], &mut word)?,
            _ => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                word.extend_from_slice(&rest.as_bytes()[..end]);
                &rest[end..]
            }
        };
        if !tail.is_empty() && !tail.starts_with(char::is_whitespace) {
            return Err("a closing quote must be followed by a blank; put one there".into());
        }
        words.push(word);
        rest = tail.trim_start();
    }
    Ok(words)
}

const OPEN: &str = "a quote is not closed; close it, or write \\\" for the sign itself";

fn double_quoted<'a>(text: &'a str, word: &mut Vec<u8>) -> Result<&'a str, String> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => return Ok(&text[at..]),
            b'\\' => {
                let escaped = *bytes.get(at).ok_or(OPEN)?;
                let hex = (escaped == b'x')
                    .then(|| text.get(at + 1..at + 3))
                    .flatten()
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok());
                match (escaped, hex) {
                    (_, Some(byte)) => {
                        word.push(byte);
                        at += 3;
                        continue;
                    }
                    (b'n', _) => word.push(b'\n'),
                    (b'r', _) => word.push(b'\r'),
                    (b't', _) => word.push(b'\t'),
                    (b'b', _) => word.push(8),
                    (b'a', _) => word.push(7),
                    (other, _) => word.push(other),
                }
                at += 1;
            }
            byte => word.push(*byte),
        }
    }
    Err(OPEN.into())
}

fn single_quoted<'a>(text: &'a str, word: &mut Vec<u8>) -> Result<&'a str, String> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'\'' => return Ok(&text[at..]),
            b'\\' if bytes.get(at) == Some(&b'\'') => {
                word.push(b'\'');
                at += 1;
            }
            byte => word.push(*byte),
        }
    }
    Err(OPEN.into())
}

/// A command as a line that [`split`] reads back to the same words.
pub fn shown<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        let is_plain = !word.is_empty()
            && word
                .iter()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\'));
        if is_plain {
            line.push_str(&String::from_utf8_lossy(word));
        } else {
            quote(&mut line, word);
        }
    }
    line
}

pub(super) fn quote(line: &mut String, word: &[u8]) {
    line.push('"');
    for chunk in word.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => line.extend(['\\', c]),
                '\n' => line.push_str("\\n"),
                '\r' => line.push_str("\\r"),
                '\t' => line.push_str("\\t"),
                c if crate::human::is_obeyed(c) => {
                    let mut bytes = [0; 4];
                    for byte in c.encode_utf8(&mut bytes).bytes() {
                        let _ = write!(line, "\\x{byte:02x}");
                    }
                }
                c => line.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(line, "\\x{byte:02x}");
        }
    }
    line.push('"');
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_split_as_redis_cli_splits_them() {
        let words = |line: &str| split(line).unwrap();
        assert_eq!(words("  GET  k "), [b"GET".to_vec(), b"k".to_vec()]);
        assert_eq!(
            words(r#"SET "a b" '\x'"#),
            [b"SET".to_vec(), b"a b".to_vec(), b"\\x".to_vec()]
        );
        assert_eq!(words(r#""\x00\xff\n\"" "#), [b"\x00\xff\n\"".to_vec()]);
        assert_eq!(words("''"), [Vec::<u8>::new()]);
        assert!(split("\"a").is_err() && split("'a'b").is_err());
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_to_the_same_words(words in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..5)) {
            let line = shown(words.iter().map(Vec::as_slice));
            prop_assert_eq!(split(&line).unwrap(), words);
        }

        #[test]
        fn no_line_panics(line in ".{0,60}") {
            let _ = split(&line);
        }
    }
}
