//! Base64, RFC 4648: the standard alphabet and the one for URLs, with or without padding.

use ::base64::Engine as _;
use ::base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use ::base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::bound::{End, Unpacked};
use super::choose;

/// Shorter words are words.
const SHORTEST: usize = 12;

/// Whether these are base64 of something that is known, or of text: a word of a language is base64 too.
pub(super) fn is(bytes: &[u8], whole: bool, depth: u8) -> bool {
    if bytes.len() < SHORTEST || !bytes.iter().all(|byte| is_digit(*byte)) {
        return false;
    }
    // Digests, UUIDs and numbers have no letters behind f; words and other tokens have them in one case.
    let has = |is: fn(&u8) -> bool| bytes.iter().any(is);
    if !has(u8::is_ascii_lowercase)
        || !has(u8::is_ascii_uppercase)
        || bytes
            .iter()
            .all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
    {
        return false;
    }
    let unpacked = unpack(bytes, super::UNPACKED);
    if !matches!(unpacked.end, End::Whole) && whole {
        return false;
    }
    choose::holds(&unpacked.bytes, whole, depth + 1)
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=' | b'\n' | b'\r')
}

pub(super) fn unpack(bytes: &[u8], limit: usize) -> Unpacked {
    let digits: Vec<u8> = bytes
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    if digits.len() / 4 * 3 > limit {
        return Unpacked {
            bytes: Vec::new(),
            end: End::Limit,
        };
    }
    let for_urls = digits.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let engine = engine(if for_urls { &URL_SAFE } else { &STANDARD });
    match engine.decode(&digits) {
        Ok(bytes) => Unpacked {
            bytes,
            end: End::Whole,
        },
        Err(error) => {
            // A part of a value may end inside a group of four.
            let groups = digits.len() / 4 * 4;
            match engine.decode(&digits[..groups]) {
                Ok(bytes) if groups < digits.len() && groups > 0 => Unpacked {
                    bytes,
                    end: End::Cut,
                },
                _ => Unpacked::damaged(&error.to_string()),
            }
        }
    }
}

fn engine(alphabet: &Alphabet) -> GeneralPurpose {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(alphabet, lenient)
}
