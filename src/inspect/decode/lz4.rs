//! LZ4 frames, by the LZ4 Frame Format. A block without a frame tells nothing of itself, so it is not recognized.

use super::bound::{self, Unpacked};

/// The magic number, little-endian.
const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];

pub(super) fn is(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

pub(super) fn unpack(bytes: &[u8], limit: usize) -> Unpacked {
    bound::read(lz4_flex::frame::FrameDecoder::new(bytes), limit)
}
