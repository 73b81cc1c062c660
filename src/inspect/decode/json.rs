//! JSON, RFC 8259: its text indented, and as a tree. Numbers keep every digit that they have.

use super::reader::{Reader, Stop};
use super::text::display;
use super::tree::{Grower, Tree};

/// So much text is indented; what follows begins its lines on the left. A packed document of brackets alone would become
/// a gigabyte of blanks.
const INDENTED: usize = 16 * 1024 * 1024;

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
        let depth = if out.len() < INDENTED {
            depth.min(40)
        } else {
            0
        };
        out.extend(std::iter::repeat_n("  ", depth));
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

pub(super) fn tree(bytes: &[u8]) -> Result<Tree, Stop> {
    // Checked first: what follows may then rely on the grammar.
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes)
        .map_err(|_| Stop::damaged(0, "it is no JSON document"))?;
    let mut grower = Grower::default();
    let outcome = value(&mut grower, &mut Reader::new(bytes));
    grower.finish(outcome, true)
}

fn value(grower: &mut Grower, reader: &mut Reader<'_>) -> Result<(), Stop> {
    blanks(reader)?;
    match reader.peek().ok_or(Stop::Ended)? {
        open @ (b'{' | b'[') => {
            reader.byte()?;
            let is_object = open == b'{';
            reader.enter()?;
            grower.open("")?;
            let mut count = 0_u64;
            loop {
                blanks(reader)?;
                match reader.peek().ok_or(Stop::Ended)? {
                    b'}' | b']' => {
                        reader.byte()?;
                        break;
                    }
                    b',' => {
                        reader.byte()?;
                        continue;
                    }
                    _ if is_object => {
                        let name = string(reader)?;
                        blanks(reader)?;
                        reader.byte()?;
                        grower.name(display(name.as_bytes()));
                    }
                    _ => grower.name(count.to_string()),
                }
                value(grower, reader)?;
                count += 1;
            }
            grower.retitle(if is_object {
                format!("{{{count}}}")
            } else {
                format!("[{count}]")
            });
            grower.close();
            reader.leave();
            Ok(())
        }
        b'"' => {
            let text = string(reader)?;
            grower.leaf(format!("\"{}\"", display(text.as_bytes())))
        }
        _ => {
            let mut word = String::new();
            while let Some(byte) = reader.peek()
                && !matches!(byte, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t')
            {
                word.push(char::from(reader.byte()?));
            }
            grower.leaf(word)
        }
    }
}

fn blanks(reader: &mut Reader<'_>) -> Result<(), Stop> {
    while matches!(reader.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        reader.byte()?;
    }
    Ok(())
}

/// A string, its escapes resolved.
fn string(reader: &mut Reader<'_>) -> Result<String, Stop> {
    let mut raw = vec![reader.byte()?];
    loop {
        match reader.byte()? {
            b'\\' => raw.extend([b'\\', reader.byte()?]),
            b'"' => break,
            byte => raw.push(byte),
        }
    }
    raw.push(b'"');
    // An escape of half a character has no text; it stays as it is written.
    Ok(serde_json::from_slice(&raw)
        .unwrap_or_else(|_| String::from_utf8_lossy(&raw[1..raw.len() - 1]).into_owned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_every_digit_and_every_string() {
        let json = br#"{"a":18446744073709551616.10,"b":["x,{\"",{}, [ ]],"c":"\\"}"#;
        let expected = "{\n  \"a\": 18446744073709551616.10,\n  \"b\": [\n    \"x,{\\\"\",\n    {},\n    []\n  ],\n  \"c\": \"\\\\\"\n}";
        assert_eq!(json_text(json).as_deref(), Some(expected));
        let deep = "[".repeat(100_000);
        assert_eq!(json_text(deep.as_bytes()), None);
        let shown = tree(json).unwrap().outline();
        let expected = "{3}\n  a: 18446744073709551616.10\n  b: [3]\n    0: \"x,{\"\"\n    1: {0}\n    2: [0]\n  c: \"\\\\\"\n";
        assert_eq!(shown, expected);
    }
}
