//! Brotli, RFC 7932. It has no magic number.

use super::bound::{self, End, Unpacked};

/// The shortest that is recognized; of fewer bytes too many read as a stream.
const SHORTEST: usize = 12;

/// What comes out where these are one stream to the last byte.
pub(super) fn whole(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() < SHORTEST {
        return None;
    }
    let tried = unpack(bytes, super::UNPACKED);
    // The library does not tell where the stream ended: without its last byte it must not end.
    let ends_there = || unpack(&bytes[..bytes.len() - 1], super::UNPACKED).end != End::Whole;
    (tried.end == End::Whole && ends_there()).then_some(tried.bytes)
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
