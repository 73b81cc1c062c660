//! gzip, RFC 1952, of one or several members.

use super::bound::{self, Unpacked};

/// The identification bytes and the only compression method (2.3.1).
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

pub(super) fn is(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

pub(super) fn unpack(bytes: &[u8], limit: usize) -> Unpacked {
    bound::read(flate2::read::MultiGzDecoder::new(bytes), limit)
}
