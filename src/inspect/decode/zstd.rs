//! zstd, RFC 8878.

use super::bound::{self, Unpacked};

/// The magic number of a frame (3.1.1), little-endian.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// A frame may ask for a window of at most 2 to this power: 32 MB, four times what level 19 needs.
const WINDOW: u32 = 25;

pub(super) fn is(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

pub(super) fn unpack(bytes: &[u8], limit: usize) -> Unpacked {
    let decoder = zstd::stream::read::Decoder::with_buffer(bytes)
        .and_then(|mut decoder| decoder.window_log_max(WINDOW).map(|()| decoder));
    match decoder {
        Ok(decoder) => bound::read(decoder, limit),
        Err(error) => Unpacked::damaged(&error.to_string()),
    }
}
