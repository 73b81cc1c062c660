//! What plain bytes look like: text, a number, hexadecimal.

use std::fmt::Write as _;

use crate::human::is_obeyed;

/// The bytes as UTF-8; a character that the page's end cuts in two is left out.
pub(super) fn text(bytes: &[u8], whole: bool) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if !whole && error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

/// Whether a text is a number as programs write it. A phone number (`+49...`) and a hex digest with one `e` in it are
/// none.
pub(super) fn is_number(text: &str) -> bool {
    let is_plain = !text.contains(['e', 'E']) || text.contains(['.', '+', '-']);
    is_plain
        && text.len() <= 64
        && !text.starts_with('+')
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Whether a text has control characters that no text has.
pub(super) fn is_odd(text: &str) -> bool {
    text.chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// Bytes as one line of text: UTF-8 as it stands, with control characters and other bytes as `\n`, `\x00`, `\xff`.
pub fn display(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\\' => out.push_str("\\\\"),
                // Invisible and direction-changing characters would let one name pass for another.
                c if is_obeyed(c) || matches!(c, '\u{200b}'..='\u{200d}' | '\u{feff}') => {
                    let _ = if c.is_ascii() {
                        write!(out, "\\x{:02x}", c as u32)
                    } else {
                        write!(out, "\\u{{{:x}}}", c as u32)
                    };
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// Bytes in base64, of the standard alphabet, padded.
pub fn base64_text(bytes: &[u8]) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Bytes in hexadecimal, two digits each.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// Bytes with offsets from `offset`, 16 a line, and what of them is ASCII.
pub fn hex_dump(bytes: &[u8], offset: u64) -> String {
    let mut out = String::with_capacity(bytes.len() * 5);
    for (i, line) in bytes.chunks(16).enumerate() {
        let _ = write!(out, "{:08x}  ", offset + i as u64 * 16);
        for place in 0..16 {
            let _ = match line.get(place) {
                Some(byte) => write!(out, "{byte:02x} "),
                None => write!(out, "   "),
            };
            if place == 7 {
                out.push(' ');
            }
        }
        out.push(' ');
        out.extend(line.iter().map(|byte| {
            if (32..127).contains(byte) {
                *byte as char
            } else {
                '.'
            }
        }));
        out.push('\n');
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_by_eye() {
        assert_eq!(display(b"a\0b\xff\n"), "a\\x00b\\xff\\n");
        assert_eq!(display("a\u{202e}b".as_bytes()), "a\\u{202e}b");
        assert_eq!(display(b"\\x00"), "\\\\x00");
    }

    #[test]
    fn a_hex_dump_shows_offsets_bytes_and_ascii() {
        let dump = hex_dump(b"0123456789abcdef\xff", 16);
        let lines: Vec<_> = dump.lines().collect();
        assert_eq!(
            lines[0],
            "00000010  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  0123456789abcdef"
        );
        assert!(lines[1].starts_with("00000020  ff ") && lines[1].ends_with('.'));
    }
}
