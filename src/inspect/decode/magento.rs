//! What Magento's cache (Cm_Cache_Backend_Redis) and its sessions (Cm_RedisSession) pack: two letters that name the
//! library, a mark, and what that library of PHP wrote.

use super::bound::{End, Unpacked};
use super::{snappy, zlib, zstd};

/// What stands behind the letters in the cache.
const CACHE: &[u8] = b":\x1f\x8b";

/// The letters and what is packed.
fn parts(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let known = |name: &[u8]| matches!(name, b"gz" | b"zc" | b"sn" | b"zs" | b"l4" | b"lz");
    let (name, packed) = match bytes {
        [b':', _, _, b':', packed @ ..] => (&bytes[1..3], packed),
        [_, _, rest @ ..] => (&bytes[..2], rest.strip_prefix(CACHE)?),
        _ => return None,
    };
    known(name).then_some((name, packed))
}

/// Whether it begins so, and the packed bytes as their library begins them.
pub(super) fn is(bytes: &[u8], whole: bool) -> bool {
    parts(bytes).is_some_and(|(name, packed)| match name {
        b"gz" | b"zc" => zlib::is(packed, whole),
        b"zs" => zstd::is(packed),
        b"sn" => whole && snappy::whole(packed).is_some(),
        b"l4" => whole && lz4(packed, super::UNPACKED).end == End::Whole,
        // LZF is not unpacked here; in the cache the mark is enough to say so.
        _ => !bytes.starts_with(b":"),
    })
}

pub(super) fn unpack(bytes: &[u8], limit: usize) -> Unpacked {
    match parts(bytes) {
        Some((b"gz" | b"zc", packed)) => zlib::unpack(packed, limit),
        Some((b"zs", packed)) => zstd::unpack(packed, limit),
        Some((b"sn", packed)) => snappy::unpack(packed, limit),
        Some((b"l4", packed)) => lz4(packed, limit),
        Some(_) => Unpacked::damaged("it is packed with LZF, which is not unpacked here"),
        None => Unpacked::damaged("neither \"gz:\" nor another of its prefixes is there"),
    }
}

/// PHP's lz4_compress(): the length in four bytes, little-endian, and a block.
fn lz4(packed: &[u8], limit: usize) -> Unpacked {
    let Some((length, block)) = packed.split_first_chunk::<4>() else {
        return Unpacked::damaged("its length is missing");
    };
    let length = u32::from_le_bytes(*length) as usize;
    // A byte makes at most 255.
    if length > block.len().saturating_mul(255) {
        return Unpacked::damaged("it claims to be longer than it can be");
    }
    if length > limit {
        return Unpacked {
            bytes: Vec::new(),
            end: End::Limit,
        };
    }
    match lz4_flex::block::decompress(block, length) {
        Ok(bytes) if bytes.len() == length => Unpacked {
            bytes,
            end: End::Whole,
        },
        Ok(_) => Unpacked::damaged("its length is wrong"),
        Err(error) => Unpacked::damaged(&error.to_string()),
    }
}
