//! CBOR, RFC 8949.

use super::reader::{Reader, Stop};
use super::tree::{Grower, Tree, bytes_text};

/// Whether these are a map, an array or a tagged value, whole.
pub(super) fn is(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(0x81..=0x9f | 0xa1..=0xbf | 0xc0..=0xdb))
        && tree(bytes, true).is_ok()
}

pub(super) fn tree(bytes: &[u8], whole: bool) -> Result<Tree, Stop> {
    let mut grower = Grower::default();
    let mut reader = Reader::new(bytes);
    let outcome = item(&mut grower, &mut reader, "").and_then(|_| {
        if reader.is_at_end() {
            Ok(())
        } else {
            reader.damaged("more bytes follow the value")
        }
    });
    grower.finish(outcome, whole)
}

/// How long something is.
enum Length {
    Known(u64),
    /// Until the "break" stop code (3.2.1).
    Open,
}

/// Reads an item; whether it was the "break" stop code. `tags` stand before what it says.
fn item(grower: &mut Grower, reader: &mut Reader<'_>, tags: &str) -> Result<bool, Stop> {
    let first = reader.byte()?;
    let (major, info) = (first >> 5, first & 0x1f);
    let argument = match info {
        0..=23 => Length::Known(u64::from(info)),
        24..=27 => Length::Known(reader.big(1 << (info - 24))?),
        31 if matches!(major, 2..=5 | 7) => Length::Open,
        _ => return reader.damaged("a reserved length is used"),
    };
    match (major, argument) {
        (0, Length::Known(n)) => grower.leaf(format!("{tags}{n}"))?,
        (1, Length::Known(n)) => grower.leaf(format!("{tags}{}", -1 - i128::from(n)))?,
        (2 | 3, length) => {
            let bytes = string(reader, major, length)?;
            grower.leaf(format!("{tags}{}", bytes_text(&bytes)))?;
        }
        (4, length) => {
            grower.open(format!("{tags}[]"))?;
            let mut count = 0;
            while more(reader, &length, count)? {
                grower.name(count.to_string());
                item(grower, reader, "")?;
                count += 1;
            }
            grower.retitle(format!("{tags}[{count}]"));
            grower.close();
        }
        (5, length) => {
            grower.open(format!("{tags}{{}}"))?;
            let mut count = 0;
            while more(reader, &length, count)? {
                let key = key(reader)?;
                grower.name(key);
                item(grower, reader, "")?;
                count += 1;
            }
            grower.retitle(format!("{tags}{{{count}}}"));
            grower.close();
        }
        (6, Length::Known(tag)) => {
            // A tag on a tag holds one item still; without a bound it would recurse as long as the bytes last.
            if tags.len() > 256 {
                return Err(Stop::Limit("it has more tags than are shown"));
            }
            let tags = format!("{tags}{tag}: ");
            item(grower, reader, &tags)?;
        }
        (7, Length::Open) => return reader.damaged("a break stands where a value belongs"),
        (7, Length::Known(n)) => {
            let shown = match (info, n) {
                (20, _) => "false".to_owned(),
                (21, _) => "true".to_owned(),
                (22, _) => "null".to_owned(),
                (23, _) => "undefined".to_owned(),
                (25, n) => format!("{:?}", half(n as u16)),
                (26, n) => format!("{:?}", f32::from_bits(n as u32)),
                (27, n) => format!("{:?}", f64::from_bits(n)),
                (_, n) => format!("simple({n})"),
            };
            grower.leaf(format!("{tags}{shown}"))?;
        }
        _ => return reader.damaged("a length is missing"),
    }
    Ok(false)
}

/// Whether another item follows; takes the stop code away.
fn more(reader: &mut Reader<'_>, length: &Length, count: u64) -> Result<bool, Stop> {
    match length {
        Length::Known(all) => Ok(count < *all),
        Length::Open if reader.peek() == Some(0xff) => {
            reader.byte()?;
            Ok(false)
        }
        Length::Open => Ok(true),
    }
}

fn string(reader: &mut Reader<'_>, major: u8, length: Length) -> Result<Vec<u8>, Stop> {
    match length {
        Length::Known(length) => Ok(reader.take_long(length)?.to_vec()),
        Length::Open => {
            let mut all = Vec::new();
            loop {
                let first = reader.byte()?;
                let (part, info) = (first >> 5, first & 0x1f);
                if first == 0xff {
                    return Ok(all);
                }
                let length = match info {
                    0..=23 => u64::from(info),
                    24..=27 => reader.big(1 << (info - 24))?,
                    _ => return reader.damaged("a part of a string has no length"),
                };
                if part != major {
                    return reader.damaged("a part of a string is no string");
                }
                all.extend_from_slice(reader.take_long(length)?);
            }
        }
    }
}

/// A key as a name.
fn key(reader: &mut Reader<'_>) -> Result<String, Stop> {
    // A key that holds others would recurse past the depth that the tree keeps.
    if reader
        .peek()
        .is_some_and(|first| matches!(first >> 5, 4..=6))
    {
        return Err(Stop::Limit("a key holds other values"));
    }
    let mut alone = Grower::default();
    item(&mut alone, reader, "")?;
    alone.finish(Ok(()), true).map(Tree::into_name)
}

/// A half-precision float, by appendix D.
fn half(bits: u16) -> f64 {
    let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let value = match exponent {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { value } else { -value }
}
