//! Protocol Buffers without a schema, by the encoding guide: field numbers, wire types, and what a value may be.

use super::evidence;
use super::reader::{Reader, Stop};
use super::text;
use super::tree::{Grower, Tree, bytes_text};

/// Whether these are likely one: fields whole to the last byte in their order, with some text. Numbers alone are not told
/// from other bytes.
pub(super) fn is(bytes: &[u8]) -> bool {
    let shape = Shape::of(&mut Reader::new(bytes));
    shape.is_some_and(|shape| shape.texts > 0 && shape.evidence >= evidence::ENOUGH)
}

pub(super) fn tree(bytes: &[u8], whole: bool) -> Result<Tree, Stop> {
    let mut grower = Grower::default();
    let outcome = message(&mut grower, &mut Reader::new(bytes), None);
    grower.finish(outcome, whole)
}

/// Reads fields up to the end, or up to the end of the group `group`.
fn message(grower: &mut Grower, reader: &mut Reader<'_>, group: Option<u64>) -> Result<(), Stop> {
    while !reader.is_at_end() {
        let tag = varint(reader)?;
        let (field, wire) = (tag >> 3, tag & 7);
        if field == 0 || field > 0x1fff_ffff {
            return reader.damaged("a field number is out of range");
        }
        grower.name(field.to_string());
        match wire {
            0 => {
                let value = varint(reader)?;
                let signed = value as i64;
                let zigzag = (value >> 1) as i64 ^ -((value & 1) as i64);
                grower.leaf(if signed < 0 {
                    format!("{signed} (unsigned {value}, zigzag {zigzag})")
                } else {
                    format!("{value} (zigzag {zigzag})")
                })?;
            }
            1 => {
                let bits = reader.little(8)?;
                grower.leaf(format!(
                    "{} (double {:?})",
                    bits as i64,
                    f64::from_bits(bits)
                ))?;
            }
            5 => {
                let bits = reader.little(4)? as u32;
                grower.leaf(format!(
                    "{} (float {:?})",
                    bits as i32,
                    f32::from_bits(bits)
                ))?;
            }
            2 => {
                let length = varint(reader)?;
                let bytes = reader.take_long(length)?;
                let is_text = text::text(bytes, true).is_some_and(|text| !text::is_odd(text));
                if !is_text && is_message(reader, bytes) {
                    grower.open("message")?;
                    message(grower, &mut reader.inside(bytes)?, None)?;
                    grower.close();
                } else {
                    grower.leaf(bytes_text(bytes))?;
                }
            }
            3 => {
                reader.enter()?;
                grower.open("group")?;
                message(grower, reader, Some(field))?;
                grower.close();
                reader.leave();
            }
            4 if group == Some(field) => {
                grower.name("");
                return Ok(());
            }
            _ => return reader.damaged("a wire type is unknown"),
        }
    }
    match group {
        Some(_) => Err(Stop::Ended),
        None => Ok(()),
    }
}

/// Whether bytes inside a message read as another.
fn is_message(reader: &Reader<'_>, bytes: &[u8]) -> bool {
    let inside = reader.inside(bytes);
    inside.is_ok_and(|mut inside| Shape::of(&mut inside).is_some_and(|shape| shape.evidence > 0.0))
}

/// What a message looks like from outside.
struct Shape {
    texts: usize,
    evidence: f64,
}

impl Shape {
    /// The shape, `None` where the bytes are no message that anybody would write.
    fn of(reader: &mut Reader<'_>) -> Option<Self> {
        let mut shape = Self {
            texts: 0,
            evidence: 0.0,
        };
        let mut before = 0;
        while !reader.is_at_end() {
            let tag = varint(reader).ok()?;
            let field = tag >> 3;
            // Writers put the fields in the order of their numbers, few of which are left out.
            shape.evidence += match field.checked_sub(before) {
                _ if field == 0 => return None,
                Some(0..=3) => 4.0,
                Some(4..=30) => 1.0,
                Some(_) => -6.0,
                None => -5.0,
            };
            before = field;
            shape.evidence += match tag & 7 {
                0 => {
                    let at = reader.at();
                    let value = varint(reader).ok()?;
                    // As few bytes as it takes.
                    let fewest = value.checked_ilog2().unwrap_or_default() as usize / 7 + 1;
                    if reader.at() - at > fewest {
                        -10.0
                    } else {
                        0.7
                    }
                }
                1 => reader.take(8).map(|_| -2.3).ok()?,
                5 => reader.take(4).map(|_| -3.0).ok()?,
                2 => {
                    let length = varint(reader).ok()?;
                    let bytes = reader.take_long(length).ok()?;
                    let text = evidence::of_text(bytes);
                    let inner = || Self::of(&mut reader.inside(bytes).ok()?);
                    if bytes.len() > 1 && text > 0.0 {
                        shape.texts += 1;
                        text
                    } else if let Some(inner) = inner().filter(|inner| inner.evidence > 0.0) {
                        shape.texts += inner.texts;
                        inner.evidence - 1.7
                    } else {
                        -3.3
                    }
                }
                _ => return None,
            };
        }
        Some(shape)
    }
}

/// Seven bits a byte, the least significant first, ten bytes at most.
fn varint(reader: &mut Reader<'_>) -> Result<u64, Stop> {
    let mut value = 0_u64;
    for place in 0..10 {
        let byte = reader.byte()?;
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    reader.damaged("a number is longer than ten bytes")
}
