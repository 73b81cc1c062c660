//! BSON, by bsonspec.org 1.1.

use chrono::{DateTime, SecondsFormat};

use super::evidence;
use super::reader::{Reader, Stop};
use super::text::hexadecimal;
use super::tree::{Grower, Tree, bytes_text, fits, one_value};

/// Whether these are one document with something in it: its length stands first, and NUL last.
pub(super) fn is(bytes: &[u8]) -> bool {
    let length = bytes.len();
    length >= 5
        && bytes[..4] == (length as u32).to_le_bytes()
        && bytes[length - 1] == 0
        && fits(bytes, |grower, reader| document(grower, reader, false))
}

pub(super) fn tree(bytes: &[u8], whole: bool) -> Result<Tree, Stop> {
    one_value(bytes, whole, |grower, reader| {
        document(grower, reader, false)
    })
}

fn document(grower: &mut Grower, reader: &mut Reader<'_>, is_array: bool) -> Result<(), Stop> {
    let from = reader.at();
    let length = reader.little(4)? as i32;
    if length < 5 {
        return reader.damaged("a document's length is too small");
    }
    reader.enter()?;
    grower.open("")?;
    let mut count = 0_u64;
    loop {
        let kind = reader.byte()?;
        if kind == 0 {
            break;
        }
        let name = reader.until(0)?;
        // Its type is one of 20 bytes, and most have one of 8.
        grower.sure(4.0 + evidence::of_text(name));
        grower.name(super::display(name));
        element(grower, reader, kind)?;
        count += 1;
    }
    if reader.at() - from != length as usize {
        return reader.damaged("a document's length is wrong");
    }
    grower.retitle(if is_array {
        format!("[{count}]")
    } else {
        format!("{{{count}}}")
    });
    grower.close();
    reader.leave();
    // Its length is right to the byte; numbers that are small are more often lengths than other bytes are.
    grower.sure(12.0);
    Ok(())
}

fn element(grower: &mut Grower, reader: &mut Reader<'_>, kind: u8) -> Result<(), Stop> {
    match kind {
        0x01 => grower.leaf(format!("{:?}", f64::from_bits(reader.little(8)?))),
        0x03 => document(grower, reader, false),
        0x04 => document(grower, reader, true),
        0x05 => {
            let length = reader.little(4)?;
            let subtype = reader.byte()?;
            let bytes = reader.take_long(length)?;
            grower.leaf(format!("binary {subtype} {}", bytes_text(bytes)))
        }
        0x06 => grower.leaf("undefined"),
        0x07 => {
            let id = hexadecimal(reader.take(12)?);
            grower.leaf(format!("ObjectId {id}"))
        }
        0x08 => match reader.byte()? {
            0 => grower.leaf("false"),
            1 => grower.leaf("true"),
            _ => reader.damaged("a boolean is neither 0 nor 1"),
        },
        0x09 => {
            let ms = reader.little(8)? as i64;
            let shown = DateTime::from_timestamp_millis(ms).map_or_else(
                || format!("{ms} ms since 1970"),
                |time| time.to_rfc3339_opts(SecondsFormat::Millis, true),
            );
            grower.leaf(shown)
        }
        0x0a => grower.leaf("null"),
        0x0b => {
            let (pattern, options) = (reader.until(0)?, reader.until(0)?);
            grower.leaf(format!(
                "/{}/{}",
                super::display(pattern),
                super::display(options)
            ))
        }
        0x0c => {
            let name = super::display(string(reader)?);
            let id = hexadecimal(reader.take(12)?);
            grower.leaf(format!("{name} ObjectId {id}"))
        }
        0x02 | 0x0d | 0x0e => {
            let text = string(reader)?;
            grower.bytes(text)
        }
        0x0f => {
            reader.little(4)?;
            let code = string(reader)?;
            grower.open(bytes_text(code))?;
            document(grower, reader, false)?;
            grower.close();
            Ok(())
        }
        0x10 => grower.leaf((reader.little(4)? as i32).to_string()),
        0x11 => {
            let (increment, seconds) = (reader.little(4)?, reader.little(4)?);
            grower.leaf(format!("timestamp {seconds}, {increment}"))
        }
        0x12 => grower.leaf((reader.little(8)? as i64).to_string()),
        0x13 => {
            let bits = hexadecimal(reader.take(16)?);
            grower.leaf(format!("decimal128 0x{bits}"))
        }
        0xff => grower.leaf("min key"),
        0x7f => grower.leaf("max key"),
        _ => reader.damaged("a type is unknown"),
    }
}

fn string<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Stop> {
    let length = reader.little(4)?;
    let Some(length) = length.checked_sub(1) else {
        return reader.damaged("a string has no end");
    };
    let text = reader.take_long(length)?;
    match reader.byte()? {
        0 => Ok(text),
        _ => reader.damaged("a string does not end with NUL"),
    }
}
