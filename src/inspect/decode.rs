//! What bytes mean: text, a number, JSON; else hexadecimal. Automatic, with an override.

use std::fmt::Write as _;

use crate::human::is_obeyed;

/// How the bytes of a value are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decoding {
    /// UTF-8 text as it stands.
    Text,
    /// JSON, indented.
    Json,
    /// A decimal number.
    Number,
    /// Offsets, bytes in hexadecimal, and what of them is ASCII.
    Hex,
}

impl Decoding {
    /// Every decoding, in the order they are offered.
    pub const ALL: [Self; 4] = [Self::Text, Self::Json, Self::Number, Self::Hex];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "JSON",
            Self::Number => "number",
            Self::Hex => "hex",
        }
    }

    /// The decoding that fits. `whole` tells whether these are all bytes of the value: a part of a JSON document is
    /// text.
    pub fn detect(bytes: &[u8], whole: bool) -> Self {
        let Some(text) = text(bytes, whole) else {
            return Self::Hex;
        };
        let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if text.chars().any(is_odd) {
            return Self::Hex;
        }
        if whole && text.starts_with(['{', '[']) && json_text(bytes).is_some() {
            return Self::Json;
        }
        if whole && is_number(text) {
            return Self::Number;
        }
        Self::Text
    }

    /// The bytes as this decoding shows them; `None` where they are not of this form.
    pub fn decode(self, bytes: &[u8], whole: bool) -> Option<String> {
        match self {
            Self::Text => text(bytes, whole).map(str::to_owned),
            Self::Json => json_text(bytes),
            Self::Number => text(bytes, whole)
                .filter(|text| is_number(text))
                .map(str::to_owned),
            Self::Hex => Some(hex_dump(bytes, 0)),
        }
    }
}

/// The bytes as UTF-8; a character that the page's end cuts in two is left out.
fn text(bytes: &[u8], whole: bool) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if !whole && error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.parse::<f64>().is_ok()
}

/// A JSON document, indented, its keys in their order and its numbers unchanged; `None` where it is none.
pub fn json_text(bytes: &[u8]) -> Option<String> {
    // Read for validity only: numbers keep the digits they have, which a parsed value would round.
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).ok()?;
    let text = std::str::from_utf8(bytes).ok()?;
    let mut out = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        // Deeper documents stay readable by their brackets; the indent must not grow without bound.
        out.extend(std::iter::repeat_n("  ", depth.min(40)));
    };
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if in_string {
            out.push(c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '"' => {
                in_string = true;
                out.push(c);
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(end) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    Some(out)
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
mod tests {
    use super::*;

    #[test]
    fn the_decoding_follows_from_the_bytes() {
        for (bytes, expected) in [
            (&b"hello"[..], Decoding::Text),
            (b"", Decoding::Text),
            ("gr\u{fc}n\n".as_bytes(), Decoding::Text),
            (b"42", Decoding::Number),
            (b"-1.5e9", Decoding::Number),
            (b"nan", Decoding::Text),
            (b"{\"a\":1}", Decoding::Json),
            (b"[1,2", Decoding::Text),
            (b"\x00\x01", Decoding::Hex),
            (b"\xff\xfe", Decoding::Hex),
        ] {
            assert_eq!(
                Decoding::detect(bytes, true),
                expected,
                "{}",
                display(bytes)
            );
        }
        let cut = &"gr\u{fc}n".as_bytes()[..3];
        assert_eq!(Decoding::detect(cut, true), Decoding::Hex);
        assert_eq!(Decoding::detect(cut, false), Decoding::Text);
        assert_eq!(Decoding::Text.decode(cut, false).as_deref(), Some("gr"));
    }

    #[test]
    fn json_keeps_every_digit_and_every_string() {
        let json = br#"{"a":18446744073709551616.10,"b":["x,{\"",{}, [ ]],"c":"\\"}"#;
        let expected = "{\n  \"a\": 18446744073709551616.10,\n  \"b\": [\n    \"x,{\\\"\",\n    {},\n    []\n  ],\n  \"c\": \"\\\\\"\n}";
        assert_eq!(json_text(json).as_deref(), Some(expected));
        let deep = "[".repeat(100_000);
        assert_eq!(json_text(deep.as_bytes()), None);
    }

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
