//! gzip, RFC 1952, of one or several members.

use super::bound::{self, Unpacked};

/// The identification bytes and the only compression method (2.3.1).
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

pub(super) fn is(bytes: &[u8]) -> bool {
    // The flags' last three bits are reserved (2.3.1.2).
    bytes.starts_with(&MAGIC) && bytes.get(3).is_none_or(|flags| flags & 0xe0 == 0)
}

pub(super) fn unpack(bytes: &[u8], limit: usize) -> Unpacked {
    bound::read(flate2::read::MultiGzDecoder::new(bytes), limit)
}
