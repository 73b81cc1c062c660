//! MessagePack, by the specification at msgpack.org (the version with bin, ext and timestamp).

use chrono::{DateTime, SecondsFormat};

use super::evidence;
use super::reader::{Reader, Stop};
use super::tree::{Grower, Tree, bytes_text, fits, one_value};

/// Whether these are a map or an array, whole: any byte below 128 alone would be a number.
pub(super) fn is(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(0x81..=0x8f | 0x91..=0x9f | 0xdc..=0xdf)) && fits(bytes, value)
}

pub(super) fn tree(bytes: &[u8], whole: bool) -> Result<Tree, Stop> {
    one_value(bytes, whole, value)
}

/// What a first byte says: how often writers use its type, against how many of the 256 bytes mean it.
fn of_type(first: u8) -> f64 {
    match first {
        0x00..=0x7f | 0xdc..=0xdf => -0.5,
        0x80..=0x9f => -0.3,
        0xa0..=0xbf => 1.0,
        0xc0 | 0xc2 | 0xc3 => 2.8,
        0xc4..=0xc6 => -0.2,
        0xc7..=0xc9 | 0xd4..=0xd8 => -1.6,
        0xca | 0xcb => 3.0,
        0xcc..=0xcf => 1.9,
        0xd0..=0xd3 => 0.4,
        0xd9..=0xdb => 2.0,
        0xe0..=0xff => -2.6,
        0xc1 => -8.0,
    }
}

fn value(grower: &mut Grower, reader: &mut Reader<'_>) -> Result<(), Stop> {
    let first = reader.byte()?;
    grower.sure(of_type(first));
    match first {
        small @ 0x00..=0x7f => grower.leaf(small.to_string()),
        count @ 0x80..=0x8f => map(grower, reader, u64::from(count & 0x0f)),
        count @ 0x90..=0x9f => array(grower, reader, u64::from(count & 0x0f)),
        length @ 0xa0..=0xbf => text(grower, reader, u64::from(length & 0x1f)),
        0xc0 => grower.leaf("nil"),
        0xc2 => grower.leaf("false"),
        0xc3 => grower.leaf("true"),
        width @ 0xc4..=0xc6 => {
            let length = reader.big(1 << (width - 0xc4))?;
            grower.bytes(reader.take_long(length)?)
        }
        width @ 0xc7..=0xc9 => {
            let length = reader.big(1 << (width - 0xc7))?;
            extension(grower, reader, length)
        }
        0xca => grower.leaf(format!("{:?}", f32::from_bits(reader.big(4)? as u32))),
        0xcb => grower.leaf(format!("{:?}", f64::from_bits(reader.big(8)?))),
        width @ 0xcc..=0xcf => grower.leaf(reader.big(1 << (width - 0xcc))?.to_string()),
        0xd0 => grower.leaf((reader.big(1)? as i8).to_string()),
        0xd1 => grower.leaf((reader.big(2)? as i16).to_string()),
        0xd2 => grower.leaf((reader.big(4)? as i32).to_string()),
        0xd3 => grower.leaf((reader.big(8)? as i64).to_string()),
        width @ 0xd4..=0xd8 => extension(grower, reader, 1 << (width - 0xd4)),
        width @ 0xd9..=0xdb => {
            let length = reader.big(1 << (width - 0xd9))?;
            text(grower, reader, length)
        }
        width @ (0xdc | 0xdd) => {
            let count = reader.big(if width == 0xdc { 2 } else { 4 })?;
            array(grower, reader, count)
        }
        width @ (0xde | 0xdf) => {
            let count = reader.big(if width == 0xde { 2 } else { 4 })?;
            map(grower, reader, count)
        }
        small @ 0xe0..=0xff => grower.leaf((small as i8).to_string()),
        0xc1 => reader.damaged("0xc1 is never used"),
    }
}

fn array(grower: &mut Grower, reader: &mut Reader<'_>, count: u64) -> Result<(), Stop> {
    reader.enter()?;
    grower.open(format!("[{count}]"))?;
    for index in 0..count {
        grower.name(index.to_string());
        value(grower, reader)?;
    }
    grower.close();
    reader.leave();
    Ok(())
}

fn map(grower: &mut Grower, reader: &mut Reader<'_>, count: u64) -> Result<(), Stop> {
    reader.enter()?;
    grower.open(format!("{{{count}}}"))?;
    for _ in 0..count {
        grower.named_by(reader, value)?;
        value(grower, reader)?;
    }
    grower.close();
    reader.leave();
    Ok(())
}

fn text(grower: &mut Grower, reader: &mut Reader<'_>, length: u64) -> Result<(), Stop> {
    // Before `bin` came, `str` held bytes too.
    let bytes = reader.take_long(length)?;
    grower.sure(evidence::of_text(bytes));
    grower.bytes(bytes)
}

fn extension(grower: &mut Grower, reader: &mut Reader<'_>, length: u64) -> Result<(), Stop> {
    let kind = reader.byte()? as i8;
    let bytes = reader.take_long(length)?;
    if kind == -1
        && let Some(time) = timestamp(bytes)
    {
        return grower.leaf(time);
    }
    grower.leaf(format!("ext {kind} {}", bytes_text(bytes)))
}

/// Extension -1: seconds since 1970 in 32 bits, nanoseconds and seconds in 30 and 34, or in 32 and 64.
fn timestamp(bytes: &[u8]) -> Option<String> {
    let mut reader = Reader::new(bytes);
    let (seconds, nanos) = match bytes.len() {
        4 => (reader.big(4).ok()? as i64, 0),
        8 => {
            let both = reader.big(8).ok()?;
            ((both & 0x3_ffff_ffff) as i64, (both >> 34) as u32)
        }
        12 => {
            let nanos = reader.big(4).ok()? as u32;
            (reader.big(8).ok()? as i64, nanos)
        }
        _ => return None,
    };
    let time = DateTime::from_timestamp(seconds, nanos)?;
    Some(time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}
