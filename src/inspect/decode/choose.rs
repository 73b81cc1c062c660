//! Which decoder fits: clear marks first, then what reads as a whole, then text, then what is only likely.

use super::evidence::{ENOUGH, of_text};
use super::text::{is_number, is_odd, text};
use super::{
    Decoder, arrow, base64, brotli, bson, cbor, deflate, gzip, hyperloglog, java, json_text, lz4,
    magento, msgpack, php, pickle, protobuf, snappy, zlib, zstd,
};

/// So many layers without a mark are looked into for what they hold: base64, and one packer inside.
const LOOKED_INTO: u8 = 2;

/// The decoder that fits. `whole` tells whether these are all bytes of the value: of a part, only a clear mark or
/// text can be told.
pub(super) fn fitting(bytes: &[u8], whole: bool) -> Decoder {
    choose(bytes, whole, 0)
}

/// Whether what a layer without a mark yields is something: the layer itself proves nothing.
pub(super) fn holds(bytes: &[u8], whole: bool, depth: u8) -> bool {
    match choose(bytes, whole, depth) {
        Decoder::Hex => false,
        Decoder::Text | Decoder::Number | Decoder::Json | Decoder::Php => {
            of_text(text(bytes, whole).unwrap_or_default().as_bytes()) >= ENOUGH
        }
        _ => true,
    }
}

/// Whether bytes are of a format.
type Test = fn(&[u8]) -> bool;
/// What comes out where bytes are packed, to the last byte.
type Unpack = fn(&[u8]) -> Option<Vec<u8>>;

fn choose(bytes: &[u8], whole: bool, depth: u8) -> Decoder {
    if let Some(marked) = marked(bytes, whole) {
        return marked;
    }
    if whole && php::is(bytes) {
        return Decoder::Php;
    }
    if whole && pickle::is_old(bytes) {
        return Decoder::Pickle;
    }
    if let Some(text) = text(bytes, whole)
        && !is_odd(text)
    {
        return if whole && text.starts_with(['{', '[']) && json_text(bytes).is_some() {
            Decoder::Json
        } else if whole && is_number(text) {
            Decoder::Number
        } else if depth < LOOKED_INTO && base64::is(bytes, whole, depth) {
            Decoder::Base64
        } else {
            Decoder::Text
        };
    }
    if !whole {
        return Decoder::Hex;
    }
    let values: [(Decoder, Test); 5] = [
        (Decoder::Bson, bson::is),
        (Decoder::Pickle, pickle::is),
        (Decoder::MessagePack, msgpack::is),
        (Decoder::Cbor, cbor::is),
        (Decoder::Protobuf, protobuf::is),
    ];
    if let Some((found, _)) = values.iter().find(|(_, is)| is(bytes)) {
        return *found;
    }
    let packers: [(Decoder, Unpack); 3] = [
        (Decoder::Snappy, snappy::whole),
        (Decoder::Deflate, deflate::whole),
        (Decoder::Brotli, brotli::whole),
    ];
    let holding = packers.iter().find(|(_, unpack)| {
        depth < LOOKED_INTO && unpack(bytes).is_some_and(|inner| holds(&inner, true, depth + 1))
    });
    holding.map_or(Decoder::Hex, |(decoder, _)| *decoder)
}

/// Formats that say what they are.
fn marked(bytes: &[u8], whole: bool) -> Option<Decoder> {
    let marks = [
        (Decoder::Gzip, gzip::is(bytes)),
        (Decoder::Zstd, zstd::is(bytes)),
        (Decoder::Lz4, lz4::is(bytes)),
        (Decoder::Snappy, snappy::is_framed(bytes)),
        (Decoder::Magento, magento::is(bytes, whole)),
        (Decoder::HyperLogLog, hyperloglog::is(bytes)),
        (Decoder::Java, java::is(bytes)),
        (Decoder::Arrow, whole && arrow::is(bytes)),
        (Decoder::Zlib, zlib::is(bytes, whole)),
    ];
    marks
        .iter()
        .find(|(_, is)| *is)
        .map(|(decoder, _)| *decoder)
}
