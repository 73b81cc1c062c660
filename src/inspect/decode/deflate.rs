//! Raw DEFLATE, RFC 1951, as PHP's gzdeflate() writes it. It has no header and no checksum.

use std::io::BufRead;

use super::bound::{self, End, Unpacked};

/// The shortest that is recognized; of fewer bytes too many read as a block.
const SHORTEST: usize = 12;

/// What comes out where these are one stream to the last byte.
pub(super) fn whole(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() < SHORTEST {
        return None;
    }
    let mut decoder = flate2::bufread::DeflateDecoder::new(bytes);
    let unpacked = bound::read(&mut decoder, super::UNPACKED);
    let rest = decoder.get_mut().fill_buf().map_or(1, <[u8]>::len);
    (unpacked.end == End::Whole && rest == 0).then_some(unpacked.bytes)
}

pub(super) fn unpack(bytes: &[u8], limit: usize) -> Unpacked {
    bound::read(flate2::read::DeflateDecoder::new(bytes), limit)
}
