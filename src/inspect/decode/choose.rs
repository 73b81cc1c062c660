//! Which decoder fits: clear marks first, then what reads as a whole, then text, then what is only likely.

use super::text::{is_number, is_odd, text};
use super::{
    Decoder, arrow, base64, brotli, bson, cbor, gzip, hyperloglog, java, json_text, lz4, msgpack,
    php, pickle, protobuf, snappy, zlib, zstd,
};

/// The decoder that fits. `whole` tells whether these are all bytes of the value: of a part, only a clear mark or
/// text can be told.
pub(super) fn fitting(bytes: &[u8], whole: bool) -> Decoder {
    if let Some(marked) = marked(bytes, whole) {
        return marked;
    }
    if whole && php::is(bytes) {
        return Decoder::Php;
    }
    if let Some(text) = text(bytes, whole)
        && !is_odd(text)
    {
        return if whole && text.starts_with(['{', '[']) && json_text(bytes).is_some() {
            Decoder::Json
        } else if whole && is_number(text) {
            Decoder::Number
        } else if base64::is(bytes, whole) {
            Decoder::Base64
        } else {
            Decoder::Text
        };
    }
    if !whole {
        return Decoder::Hex;
    }
    type Test = fn(&[u8]) -> bool;
    let whole_forms: [(Decoder, Test); 7] = [
        (Decoder::Bson, bson::is),
        (Decoder::Pickle, pickle::is),
        (Decoder::MessagePack, msgpack::is),
        (Decoder::Cbor, cbor::is),
        (Decoder::Snappy, snappy::is_raw),
        (Decoder::Protobuf, protobuf::is),
        (Decoder::Brotli, brotli::is),
    ];
    whole_forms
        .iter()
        .find(|(_, is)| is(bytes))
        .map_or(Decoder::Hex, |(decoder, _)| *decoder)
}

/// Formats that say what they are.
fn marked(bytes: &[u8], whole: bool) -> Option<Decoder> {
    let marks = [
        (Decoder::Gzip, gzip::is(bytes)),
        (Decoder::Zstd, zstd::is(bytes)),
        (Decoder::Lz4, lz4::is(bytes)),
        (Decoder::Snappy, snappy::is_framed(bytes)),
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
