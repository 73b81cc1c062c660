//! zlib, RFC 1950.

use super::bound::{self, End, Unpacked};

/// Whether the header is one (2.2): method 8, a window of at most 32 KB, no dictionary, its check bits right; and
/// something comes out, because two bytes of text may look like a header.
pub(super) fn is(bytes: &[u8], whole: bool) -> bool {
    let [cmf, flags, ..] = *bytes else {
        return false;
    };
    let header = u16::from_be_bytes([cmf, flags]);
    if cmf & 0x0f != 8 || cmf >> 4 > 7 || flags & 0x20 != 0 || !header.is_multiple_of(31) {
        return false;
    }
    let mut decoder = flate2::bufread::ZlibDecoder::new(bytes);
    let tried = bound::read(&mut decoder, 64 * 1024);
    match tried.end {
        // Its checksum was right; behind it nothing may follow.
        End::Whole => !whole || decoder.total_in() == bytes.len() as u64,
        End::Limit => true,
        End::Cut => !whole && !tried.bytes.is_empty(),
        End::Damaged(_) => false,
    }
}

pub(super) fn unpack(bytes: &[u8], limit: usize) -> Unpacked {
    bound::read(flate2::read::ZlibDecoder::new(bytes), limit)
}
