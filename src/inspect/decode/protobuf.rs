//! Protocol Buffers without a schema, by the encoding guide: field numbers, wire types, and what a value may be.

use super::reader::{Reader, Stop};
use super::text;
use super::tree::{Grower, Tree, bytes_text};

/// Field numbers above this are valid, but nobody's.
const LIKELY: u64 = 512;

/// Whether these are likely one: fields whole to the last byte, with numbers that people use and a text or message.
pub(super) fn is(bytes: &[u8]) -> bool {
    bytes.len() >= 4 && shape(bytes).is_some_and(|shape| shape.fields > 0 && shape.texts > 0)
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
                if !is_text && shape(bytes).is_some_and(|shape| shape.fields > 0) {
                    grower.open("message")?;
                    message(grower, &mut Reader::new(bytes), None)?;
                    grower.close();
                } else {
                    grower.leaf(bytes_text(bytes))?;
                }
            }
            3 => {
                grower.open("group")?;
                message(grower, reader, Some(field))?;
                grower.close();
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

/// What a message looks like from outside.
struct Shape {
    fields: usize,
    texts: usize,
}

/// The shape, `None` where the bytes are no message that anybody would write. Looks at this level alone.
fn shape(bytes: &[u8]) -> Option<Shape> {
    let mut reader = Reader::new(bytes);
    let mut shape = Shape {
        fields: 0,
        texts: 0,
    };
    while !reader.is_at_end() {
        let tag = varint(&mut reader).ok()?;
        if tag >> 3 == 0 || tag >> 3 > LIKELY {
            return None;
        }
        match tag & 7 {
            0 => drop(varint(&mut reader).ok()?),
            1 => drop(reader.take(8).ok()?),
            5 => drop(reader.take(4).ok()?),
            2 => {
                let length = varint(&mut reader).ok()?;
                let bytes = reader.take_long(length).ok()?;
                let is_text = text::text(bytes, true).is_some_and(|text| !text::is_odd(text));
                shape.texts += usize::from(is_text && bytes.len() > 1);
            }
            _ => return None,
        }
        shape.fields += 1;
    }
    Some(shape)
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
