//! What PHP's `serialize()` writes.

use super::reader::{Reader, Stop};
use super::tree::{Grower, Tree, bytes_text, is_whole, one_value};

/// Whether these are one value, whole, that nobody would take for text.
pub(super) fn is(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [b'a' | b'O' | b's' | b'C' | b'E', b':', b'0'..=b'9', ..]
    ) && is_whole(bytes, value)
}

pub(super) fn tree(bytes: &[u8], whole: bool) -> Result<Tree, Stop> {
    one_value(bytes, whole, value)
}

fn value(grower: &mut Grower, reader: &mut Reader<'_>) -> Result<(), Stop> {
    let kind = reader.byte()?;
    if kind == b'N' {
        expect(reader, b';')?;
        return grower.leaf("null");
    }
    expect(reader, b':')?;
    match kind {
        b'b' => match reader.until(b';')? {
            b"0" => grower.leaf("false"),
            b"1" => grower.leaf("true"),
            _ => reader.damaged("a boolean is neither 0 nor 1"),
        },
        b'i' => {
            let digits = number_text(reader)?;
            grower.leaf(digits)
        }
        b'd' => {
            let text = reader.until(b';')?;
            let text = std::str::from_utf8(text).unwrap_or_default();
            if text.parse::<f64>().is_err() {
                return reader.damaged("a float is no number");
            }
            grower.leaf(text)
        }
        b'r' | b'R' => {
            let digits = number_text(reader)?;
            grower.leaf(format!("reference to value {digits}"))
        }
        b's' | b'S' => {
            let text = string(reader)?;
            expect(reader, b';')?;
            grower.bytes(text)
        }
        b'E' => {
            let case = string(reader)?;
            expect(reader, b';')?;
            grower.leaf(format!("enum {}", super::display(case)))
        }
        b'a' => pairs(grower, reader, None),
        b'O' => {
            let class = super::display(string(reader)?);
            expect(reader, b':')?;
            pairs(grower, reader, Some(class))
        }
        b'C' => {
            let class = super::display(string(reader)?);
            expect(reader, b':')?;
            let length = length(reader)?;
            expect(reader, b'{')?;
            let bytes = reader.take_long(length)?;
            expect(reader, b'}')?;
            grower.leaf(format!("{class} {}", bytes_text(bytes)))
        }
        _ => reader.damaged("a type is unknown"),
    }
}

fn pairs(grower: &mut Grower, reader: &mut Reader<'_>, class: Option<String>) -> Result<(), Stop> {
    let count = length(reader)?;
    expect(reader, b'{')?;
    reader.enter()?;
    grower.open(class.map_or_else(
        || format!("[{count}]"),
        |class| format!("{class} {{{count}}}"),
    ))?;
    for _ in 0..count {
        let name = match reader.byte()? {
            b'i' => {
                expect(reader, b':')?;
                number_text(reader)?
            }
            b's' => {
                expect(reader, b':')?;
                let text = string(reader)?;
                expect(reader, b';')?;
                property(text)
            }
            _ => return reader.damaged("a key is neither a number nor a string"),
        };
        grower.name(name);
        value(grower, reader)?;
    }
    expect(reader, b'}')?;
    grower.close();
    reader.leave();
    Ok(())
}

/// Private and protected properties carry their class or `*` between NULs before their name.
fn property(name: &[u8]) -> String {
    match name.strip_prefix(b"\0").and_then(|rest| {
        let end = rest.iter().position(|byte| *byte == 0)?;
        Some((&rest[..end], &rest[end + 1..]))
    }) {
        Some((b"*", name)) => format!("{} (protected)", super::display(name)),
        Some((_, name)) => format!("{} (private)", super::display(name)),
        None => super::display(name),
    }
}

/// `5:"abcde"`, without what follows.
fn string<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Stop> {
    let length = length(reader)?;
    expect(reader, b'"')?;
    let text = reader.take_long(length)?;
    expect(reader, b'"')?;
    Ok(text)
}

fn length(reader: &mut Reader<'_>) -> Result<u64, Stop> {
    let digits = std::str::from_utf8(reader.until(b':')?).unwrap_or_default();
    match digits.parse() {
        Ok(length) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(length),
        _ => reader.damaged("a length is no number"),
    }
}

fn number_text(reader: &mut Reader<'_>) -> Result<String, Stop> {
    let text = std::str::from_utf8(reader.until(b';')?).unwrap_or_default();
    match text.parse::<i64>() {
        Ok(number) => Ok(number.to_string()),
        Err(_) => reader.damaged("a whole number is none"),
    }
}

fn expect(reader: &mut Reader<'_>, byte: u8) -> Result<(), Stop> {
    if reader.byte()? == byte {
        Ok(())
    } else {
        reader.damaged("a mark is missing")
    }
}
