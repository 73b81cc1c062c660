//! CBOR, RFC 8949.

use super::evidence;
use super::reader::{Reader, Stop};
use super::tree::{Grower, Tree, bytes_text, fits, one_value};

/// Whether these are a map, an array or a tagged value, whole.
pub(super) fn is(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(0x81..=0x9f | 0xa1..=0xbf | 0xc0..=0xdb)) && fits(bytes, value)
}

pub(super) fn tree(bytes: &[u8], whole: bool) -> Result<Tree, Stop> {
    one_value(bytes, whole, value)
}

fn value(grower: &mut Grower, reader: &mut Reader<'_>) -> Result<(), Stop> {
    item(grower, reader, "").map(drop)
}

/// What a first byte says: how often writers use its type, against how many of the 256 bytes mean it.
fn of_type(first: u8) -> f64 {
    match first {
        // Zeros stand in numbers of a fixed width too.
        0x00 => -0.5,
        0x01..=0x17 | 0x78..=0x7b => 1.4,
        0x18..=0x1b | 0xf4..=0xf7 => 2.4,
        0x20..=0x37 | 0xc0..=0xd7 => -2.2,
        0x40..=0x57 => -3.2,
        0x60..=0x77 => 1.7,
        0x80..=0x97 | 0xa0..=0xb7 => -0.9,
        0xd8..=0xdb | 0x5f | 0x7f | 0x9f | 0xbf | 0xff => 0.5,
        0xf9..=0xfb => 2.1,
        0x38..=0x3b | 0x58..=0x5b | 0x98..=0x9b | 0xb8..=0xbb => -0.6,
        _ => -6.0,
    }
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
    grower.sure(of_type(first));
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
            if major == 3 {
                grower.sure(evidence::of_text(&bytes));
            }
            grower.leaf(format!("{tags}{}", bytes_text(&bytes)))?;
        }
        (4, length) => {
            reader.enter()?;
            grower.open(format!("{tags}[]"))?;
            let mut count = 0;
            while more(reader, &length, count)? {
                grower.name(count.to_string());
                item(grower, reader, "")?;
                count += 1;
            }
            grower.retitle(format!("{tags}[{count}]"));
            grower.close();
            reader.leave();
        }
        (5, length) => {
            reader.enter()?;
            grower.open(format!("{tags}{{}}"))?;
            let mut count = 0;
            while more(reader, &length, count)? {
                grower.named_by(reader, value)?;
                item(grower, reader, "")?;
                count += 1;
            }
            grower.retitle(format!("{tags}{{{count}}}"));
            grower.close();
            reader.leave();
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
