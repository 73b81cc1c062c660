//! Snappy: the framing format, and raw, which begins with its length and has no magic number.

use super::bound::{self, End, Unpacked};

/// The stream identifier of the framing format (4.1).
const STREAM: &[u8] = b"\xff\x06\x00\x00sNaPpY";
/// The shortest copy makes 64 bytes of 3, so that a longer claim is a lie.
const RATIO: usize = 22;

pub(super) fn is_framed(bytes: &[u8]) -> bool {
    bytes.starts_with(STREAM)
}

/// What comes out where these are raw Snappy, whole and in order, of more than a few bytes.
pub(super) fn whole(bytes: &[u8]) -> Option<Vec<u8>> {
    let tried = raw(bytes, super::UNPACKED);
    (bytes.len() >= 6 && tried.end == End::Whole).then_some(tried.bytes)
}

pub(super) fn unpack(bytes: &[u8], limit: usize) -> Unpacked {
    if is_framed(bytes) {
        bound::read(snap::read::FrameDecoder::new(bytes), limit)
    } else {
        raw(bytes, limit)
    }
}

/// Raw Snappy comes out as a whole or not at all, so its length is held against what could come of the bytes first.
fn raw(bytes: &[u8], limit: usize) -> Unpacked {
    match snap::raw::decompress_len(bytes) {
        Ok(length) if length > bytes.len().saturating_mul(RATIO) => {
            Unpacked::damaged("it claims to be longer than it can be")
        }
        Ok(length) if length > limit => Unpacked {
            bytes: Vec::new(),
            end: End::Limit,
        },
        Ok(_) => match snap::raw::Decoder::new().decompress_vec(bytes) {
            Ok(bytes) => Unpacked {
                bytes,
                end: End::Whole,
            },
            Err(error) => Unpacked::damaged(&error.to_string()),
        },
        Err(error) => Unpacked::damaged(&error.to_string()),
    }
}
