//! Brotli, RFC 7932. It has no magic number.

use super::bound::{self, End, Unpacked};
use super::text;

/// Whether these are Brotli, whole, and hold text: of anything else nobody could tell.
pub(super) fn is(bytes: &[u8]) -> bool {
    if bytes.len() < 8 {
        return false;
    }
    let tried = unpack(bytes, super::UNPACKED);
    tried.end == End::Whole
        && tried.bytes.len() >= 8
        && text::text(&tried.bytes, true).is_some_and(|text| !text::is_odd(text))
}

pub(super) fn unpack(bytes: &[u8], limit: usize) -> Unpacked {
    let mut rest = bytes;
    let unpacked = bound::read(
        brotli_decompressor::Decompressor::new(&mut rest, 4096),
        limit,
    );
    match unpacked.end {
        // The library reports an early end and damage alike.
        End::Damaged(_) if !unpacked.bytes.is_empty() => Unpacked {
            end: End::Cut,
            ..unpacked
        },
        End::Damaged(_) => Unpacked::damaged("it is damaged or cut off"),
        _ => unpacked,
    }
}
