//! How often values that are of no format are taken for one, and values of a format are recognized: of 10,000 random
//! values of each kind fewer than one in a thousand, and of 1,000 of each format more than 99 in a hundred.
//!
//! Left out are values with less evidence than `evidence.rs` asks for: those with fewer than some eight letters in their
//! keys and texts, such as `{"id": 7}`, stay bytes.

use super::samples::{self, Random};
use super::*;

const VALUES: usize = 10_000;

/// Whether a value of no format passes for one.
fn is_wrong(bytes: &[u8]) -> bool {
    match choose::fitting(bytes, true) {
        Decoder::Text | Decoder::Hex => false,
        // Digits alone are a number, whatever they were meant to be.
        Decoder::Number => !bytes
            .iter()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-')),
        _ => true,
    }
}

#[test]
fn values_of_no_format_are_left_as_they_are() {
    let mut failures = Vec::new();
    for (kind, make) in samples::KINDS {
        let mut random = Random::new(kind);
        let mut wrong = 0;
        let mut example = String::new();
        for _ in 0..VALUES {
            let bytes = make(&mut random);
            if is_wrong(&bytes) {
                wrong += 1;
                example = format!(
                    "{} {}",
                    decode(&bytes, true, &[]).chain(),
                    hexadecimal(&bytes)
                );
            }
        }
        if wrong * 1_000 >= VALUES {
            failures.push(format!("{wrong} of {kind}: {example}"));
        }
    }
    assert_eq!(failures, Vec::<String>::new());
}

#[test]
fn values_of_each_format_are_recognized() {
    let mut failures = Vec::new();
    for (chain, make) in samples::FORMATS {
        let mut random = Random::new(chain);
        let mut missed = 0;
        let mut example = String::new();
        for _ in 0..1_000 {
            let bytes = make(&mut random);
            let decoded = decode(&bytes, true, &[]);
            if decoded.chain() != *chain || !decoded.notes.is_empty() {
                missed += 1;
                example = format!(
                    "{} {} {:?}",
                    decoded.chain(),
                    hexadecimal(&bytes),
                    decoded.notes
                );
            }
        }
        if missed >= 10 {
            failures.push(format!("{missed} of {chain}: {example}"));
        }
    }
    assert_eq!(failures, Vec::<String>::new());
}

#[test]
fn base64_of_each_format_is_recognized() {
    use ::base64::Engine as _;
    use ::base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let mut failures = Vec::new();
    for (chain, make) in samples::FORMATS {
        let mut random = Random::new(chain);
        let mut missed = 0;
        for at in 0..200 {
            let bytes = make(&mut random);
            let text = if at % 2 == 0 {
                STANDARD.encode(&bytes)
            } else {
                URL_SAFE_NO_PAD.encode(&bytes)
            };
            missed += usize::from(
                decode(text.as_bytes(), true, &[]).chain() != format!("base64, {chain}"),
            );
        }
        if missed > 2 {
            failures.push(format!("{missed} of {chain}"));
        }
    }
    assert_eq!(failures, Vec::<String>::new());
}

#[test]
fn reported_digests_and_tokens_stay_text_or_bytes() {
    for text in [
        "d41d8cd98f00b204e9800998ecf8427e",
        "9e107d9d372bb6826bd81d3542a419d6",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "550e8400-e29b-41d4-a716-446655440000",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "V1StGXR8_Z5jdHi6B-myT",
        "+4915112345678",
        "12e45678",
        "internationalization",
        "getUserProfileInformation",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    ] {
        assert_eq!(decode(text.as_bytes(), true, &[]).chain(), "text", "{text}");
    }
    for hex in [
        // A UUID, [1, 2, 3] as bytes of 32 bits, igbinary, Rails Marshal, .NET's BinaryFormatter, Kryo.
        "550e8400e29b41d4a716446655440000",
        "010000000200000003000000",
        "000000021401110269640607",
        "04087b073a0769646907",
        "0001000000ffffffff01000000000000000601000000026f6b0b",
        "0100636f6d2e6578616d706c652e557365f2",
        "93010203",
        "83010203",
    ] {
        let bytes = super::bytes(hex);
        assert_eq!(decode(&bytes, true, &[]).chain(), "hex", "{hex}");
    }
}

#[test]
fn composite_keys_of_maps_are_shown_whole() {
    for (hex, decoder, expected) in [
        // {[1, "a"]: 2, {"k": [true]}: nil}
        (
            "82920 1a16102 81a16b91c3c0",
            Decoder::MessagePack,
            "{2}\n  [1, \"a\"]: 2\n  {k: [true]}: nil\n",
        ),
        (
            "a282016161 02 a1616b81f5f6",
            Decoder::Cbor,
            "{2}\n  [1, \"a\"]: 2\n  {k: [true]}: null\n",
        ),
    ] {
        let bytes = super::bytes(&hex.replace(' ', ""));
        let decoded = decode(&bytes, true, &[decoder]);
        assert_eq!(
            (decoded.text().as_str(), decoded.notes.len()),
            (expected, 0)
        );
    }
    // Keys in keys without end stop at a limit, and are no value of the format.
    let deep = [vec![0x81; 5_000], vec![0; 5_001]].concat();
    let decoded = decode(&deep, true, &[Decoder::MessagePack]);
    assert!(decoded.notes[0].contains("nested"), "{:?}", decoded.notes);
    assert_eq!(decode(&deep, true, &[]).chain(), "hex");
}

#[test]
fn what_is_beyond_the_shown_parts_is_still_checked() {
    // An array of 150,000 texts, whole; and with a byte behind it.
    let mut long = vec![0xdd, 0, 2, 0x49, 0xf0];
    for _ in 0..150_000 {
        long.extend(b"\xa4text");
    }
    let decoded = decode(&long, true, &[]);
    assert_eq!(decoded.chain(), "MessagePack");
    assert!(
        decoded.notes[0].contains("100,000 parts"),
        "{:?}",
        decoded.notes
    );
    long.push(0xc1);
    assert_eq!(decode(&long, true, &[]).chain(), "hex");
}

#[test]
fn magento_values_are_unpacked() {
    let json = br#"{"id":"CONFIG","tags":["MAGE","CONFIG"],"lifetime":7200}"#;
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut zlib, json).unwrap();
    let gz = zlib.finish().unwrap();
    let sn = snap::raw::Encoder::new().compress_vec(json).unwrap();
    let zs = ::zstd::encode_all(&json[..], 1).unwrap();
    let l4 = lz4_flex::block::compress_prepend_size(json);
    for (name, packed) in [
        ("gz", &gz),
        ("zc", &gz),
        ("sn", &sn),
        ("zs", &zs),
        ("l4", &l4),
    ] {
        for before in [
            format!("{name}:").into_bytes(),
            format!(":{name}:").into_bytes(),
        ] {
            let mut value = before.clone();
            if before[0] != b':' {
                value.extend(b"\x1f\x8b");
            }
            value.extend(packed);
            let decoded = decode(&value, true, &[]);
            assert_eq!(decoded.chain(), "Magento, JSON", "{name}");
            assert_eq!(decoded.bytes, json);
        }
    }
    let lzf = decode(b"lz:\x1f\x8b\x01\x02\x03", true, &[]);
    assert!(lzf.notes[0].contains("LZF"), "{:?}", lzf.notes);
    assert_eq!(decode(b"gz: is no prefix here", true, &[]).chain(), "text");
}
