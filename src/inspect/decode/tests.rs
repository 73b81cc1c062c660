//! Golden bytes, made by other programs (Python's gzip, zlib and pickle, cramjam, msgpack, cbor2, pymongo,
//! phpserialize, Java), and hostile ones.

mod rates;
mod samples;

use std::io::Write as _;

use proptest::prelude::*;

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2)
        .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

const DOCUMENT: &str = r#"{"id":7,"name":"n240106","tags":["a","b"]}"#;
const GZIP: &str = "1f8b0800000000000203ab56ca4c51b232d751ca4bcc4d55b252ca33323130343053d2512a494c2f56b28a564a04b29394626b0152917a842a000000";
const ZLIB: &str = "789cab56ca4c51b232d751ca4bcc4d55b252ca33323130343053d2512a494c2f56b28a564a04b29394626b01f1c60b2d";
const ZSTD: &str = "28b52ffd202a5101007b226964223a372c226e616d65223a226e323430313036222c2274616773223a5b2261222c2262225d7d";
const LZ4: &str = "04224d185440ae2a0000807b226964223a372c226e616d65223a226e323430313036222c2274616773223a5b2261222c2262225d7d80918f350000000080918f35";
const SNAPPY_FRAMED: &str = "ff060000734e61507059012e0000f9a311f07b226964223a372c226e616d65223a226e323430313036222c2274616773223a5b2261222c2262225d7d";
const SNAPPY_RAW: &str =
    "2aa47b226964223a372c226e616d65223a226e323430313036222c2274616773223a5b2261222c2262225d7d";
const BROTLI: &str =
    "8b14807b226964223a372c226e616d65223a226e323430313036222c2274616773223a5b2261222c2262225d7d03";
/// 64 MB of zeros.
const BROTLI_BOMB: &str = "cfffff7f002400e2b14072effff9ffff0f8004401c1680eefd3fffffff01900088c302d0bdffe7ffff3f001200715800baf7ff03";
const MSGPACK: &str = "8aa2696407a36e6567fba3626967cf8000000000000000a27069cb3ff8000000000000a26f6bc3a46e6f6e65c0a3726177c40200ffa46c6973749301a374776f9103a16d81a16ba176a174d7ff773594006b042ac0";
const CBOR: &str = "ab62696407636e656724636269671b8000000000000000627069fb3ff8000000000000626f6bf5646e6f6e65f6637261774200ff646c69737483016374776f8103616da1616b61766174c074323032362d31312d32325432313a30303a30305a6468616c66fb3fe0000000000000";
const BSON: &str = "950000001069640007000000126c6f6e6700000000000001000001706900000000000000f83f026e616d6500020000006e00086f6b00010a6e6f6e65000572617700020000000000ff046c6973740017000000103000010000000231000400000074776f0000036d000e000000026b00020000007600000961740080040f05a2010000076f69640064b7f3c2a1b2c3d4e5f6071800";
const PICKLE: &str = "80049536000000000000007d94288c026964944b078c046c697374945d94284b018c0374776f944ad4feffff658c0174944b014740040000000000004e8794752e";
const PICKLED_CALL: &str =
    "800263706f7369780a73797374656d0a7100580a0000006563686f206e6576657271018571025271032e";
const PHP: &str = "613a363a7b733a323a226964223b693a373b733a343a226e616d65223b733a373a226e323430313036223b733a343a2274616773223b613a323a7b693a303b733a313a2261223b693a313b733a313a2262223b7d733a323a226f6b223b623a313b733a343a226e6f6e65223b4e3b733a313a2266223b643a312e353b7d";
const JAVA: &str = "aced0005737200116a6176612e6c616e672e496e746567657212e2a0a4f781873802000149000576616c7565787200106a6176612e6c616e672e4e756d62657286ac951d0b94e08b020000787000000007";
/// Field 1: 150; field 2: "testing"; field 3: a message with field 1: 150, after the encoding guide.
const PROTOBUF: &str = "089601120774657374696e671a03089601";

fn automatic(hex: &str) -> (String, String) {
    let decoded = decode(&bytes(hex), true, &[]);
    assert_eq!(decoded.notes, Vec::<String>::new(), "{}", decoded.chain());
    (decoded.chain(), decoded.text())
}

#[test]
fn what_is_packed_is_found_and_undone() {
    for (hex, chain) in [
        (GZIP, "gzip, JSON"),
        (ZLIB, "zlib, JSON"),
        (ZSTD, "zstd, JSON"),
        (LZ4, "lz4, JSON"),
        (SNAPPY_FRAMED, "snappy, JSON"),
        (SNAPPY_RAW, "snappy, JSON"),
        (BROTLI, "brotli, JSON"),
    ] {
        let decoded = decode(&bytes(hex), true, &[]);
        assert_eq!(
            (decoded.chain().as_str(), decoded.bytes.as_slice()),
            (chain, DOCUMENT.as_bytes())
        );
    }
    let nested =
        b"H4sIAAAAAAACA6tWykxRsjLXUcpLzE1VslLKMzIxMDQwU9JRKklML1ayilZKBLKTlGJrAVKReoQqAAAA";
    let decoded = decode(nested, true, &[]);
    assert_eq!(decoded.chain(), "base64, gzip, JSON");
    assert_eq!(decoded.layers[1].unpacked, DOCUMENT.len());
    // The same by hand, and against what fits.
    let chosen = [Decoder::Base64, Decoder::Gzip, Decoder::Text];
    assert_eq!(decode(nested, true, &chosen).chain(), "base64, gzip, text");
    assert_eq!(
        decode(nested, true, &[Decoder::Text]).text().as_bytes(),
        nested
    );
    let wrong = decode(DOCUMENT.as_bytes(), true, &[Decoder::Gzip]);
    assert!(
        matches!(&wrong.content, Content::Not(why) if why.starts_with("These bytes are not gzip"))
    );
}

#[test]
fn every_format_shows_what_its_writer_wrote() {
    for (hex, chain, expected) in [
        (
            MSGPACK,
            "MessagePack",
            "{10}\n  id: 7\n  neg: -5\n  big: 9223372036854775808\n  pi: 1.5\n  ok: true\n  none: nil\n  raw: 0x00ff\n  list: [3]\n    0: 1\n    1: \"two\"\n    2: [1]\n      0: 3\n  m: {1}\n    k: \"v\"\n  t: 2026-11-23T12:00:00.500Z\n",
        ),
        (
            CBOR,
            "CBOR",
            "{11}\n  id: 7\n  neg: -5\n  big: 9223372036854775808\n  pi: 1.5\n  ok: true\n  none: null\n  raw: 0x00ff\n  list: [3]\n    0: 1\n    1: \"two\"\n    2: [1]\n      0: 3\n  m: {1}\n    k: \"v\"\n  t: 0: \"2026-11-22T21:00:00Z\"\n  half: 0.5\n",
        ),
        (
            BSON,
            "BSON",
            "{11}\n  id: 7\n  long: 1099511627776\n  pi: 1.5\n  name: \"n\"\n  ok: true\n  none: null\n  raw: binary 0 0x00ff\n  list: [2]\n    0: 1\n    1: \"two\"\n  m: {1}\n    k: \"v\"\n  at: 2026-11-22T21:00:00.000Z\n  oid: ObjectId 64b7f3c2a1b2c3d4e5f60718\n",
        ),
        (
            PICKLE,
            "pickle",
            "protocol: 4\n{}\nitems of a dict\n  \"id\"\n  7\n  \"list\"\n  []\n  items of a list\n    1\n    \"two\"\n    -300\n  \"t\"\n  1\n  2.5\n  None\n  tuple of 3\n",
        ),
        (
            PICKLED_CALL,
            "pickle",
            "protocol: 2\nclass posix.system\n\"echo never\"\ntuple of 1\ncall (not executed)\n",
        ),
        (
            PHP,
            "PHP",
            "[6]\n  id: 7\n  name: \"n240106\"\n  tags: [2]\n    0: \"a\"\n    1: \"b\"\n  ok: true\n  none: null\n  f: 1.5\n",
        ),
        (
            JAVA,
            "Java",
            "version: 5\nobject\nclass: java.lang.Integer\nserialVersionUID: 1360826667806852920\nfields: {1}\n  value: 7 (int)\n",
        ),
        (
            PROTOBUF,
            "protobuf",
            "1: 150 (zigzag 75)\n2: \"testing\"\n3: message\n  1: 150 (zigzag 75)\n",
        ),
    ] {
        assert_eq!(automatic(hex), (chain.to_owned(), expected.to_owned()));
    }
}

#[test]
fn little_evidence_leaves_bytes_until_a_decoder_is_chosen() {
    let floats = bytes("82f93800fb7e37e43c8800759c");
    assert_eq!(decode(&floats, true, &[]).chain(), "hex");
    let chosen = decode(&floats, true, &[Decoder::Cbor]);
    assert_eq!(chosen.text(), "[2]\n  0: 0.5\n  1: 1e300\n");
}

#[test]
fn rows_of_arrow_are_a_table_and_damaged_ones_are_not() {
    use ::arrow::array::{Int64Array, RecordBatch};
    let numbers: ::arrow::array::ArrayRef = std::sync::Arc::new(Int64Array::from_iter_values(0..5));
    let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
    let mut stream =
        ::arrow::ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    stream.write(&batch).unwrap();
    let stream = stream.into_inner().unwrap();
    let decoded = decode(&stream, true, &[]);
    let Content::Table(table) = &decoded.content else {
        panic!("{decoded:?}")
    };
    assert_eq!((decoded.chain().as_str(), table.rows()), ("Arrow", 5));
    for at in 0..stream.len() {
        let mut damaged = stream.clone();
        damaged[at] ^= 0xff;
        for bytes in [&damaged[..], &stream[..at]] {
            for whole in [true, false] {
                decode(bytes, whole, &[]);
                decode(bytes, whole, &[Decoder::Arrow]);
            }
        }
    }
}

#[test]
fn a_document_of_json_reads_as_it_is_written() {
    let decoded = decode(DOCUMENT.as_bytes(), true, &[]);
    assert_eq!(
        (decoded.chain().as_str(), decoded.text().as_str()),
        (
            "JSON",
            "{\n  \"id\": 7,\n  \"name\": \"n240106\",\n  \"tags\": [\n    \"a\",\n    \"b\"\n  ]\n}"
        )
    );
    let deep = [b"[".repeat(1_000_000), b"]".repeat(1_000_000)].concat();
    for chosen in [&[][..], &[Decoder::Json]] {
        assert!(decode(&deep, true, chosen).text().len() < 64 * 1024 * 1024);
    }
}

#[test]
fn plain_bytes_are_told_apart() {
    for (bytes, expected) in [
        (&b"hello"[..], Decoder::Text),
        (b"", Decoder::Text),
        ("gr\u{fc}n\n".as_bytes(), Decoder::Text),
        (b"42", Decoder::Number),
        (b"-1.5e9", Decoder::Number),
        (b"nan", Decoder::Text),
        (b"{\"a\":1}", Decoder::Json),
        (b"[1,2", Decoder::Text),
        (b"\x00\x01", Decoder::Hex),
        (b"\xff\xfe", Decoder::Hex),
        // Words, names and checksums are base64 digits too.
        (b"internationalization", Decoder::Text),
        (b"order_lines_by_month", Decoder::Text),
        (
            b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            Decoder::Text,
        ),
        (b"s:x is no PHP", Decoder::Text),
    ] {
        assert_eq!(
            decode(bytes, true, &[]).form,
            expected,
            "{}",
            display(bytes)
        );
    }
    let cut = &"gr\u{fc}n".as_bytes()[..3];
    assert_eq!(decode(cut, true, &[]).form, Decoder::Hex);
    let part = decode(cut, false, &[]);
    assert_eq!((part.form, part.text().as_str()), (Decoder::Text, "gr"));
    assert_eq!(
        decode(b"aGVsbG8gd29ybGQsIGhlbGxv", true, &[]).chain(),
        "base64, text"
    );
    let bits = decode(&[0b1000_0001, 0, 3], true, &[Decoder::Bits]);
    assert_eq!(
        bits.text(),
        "4 of 24 bits set\n0: 10000001 00000000 00000011\n"
    );
}

#[test]
fn a_part_shows_what_it_holds_and_a_damaged_one_says_so() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for line in 0..20_000 {
        writeln!(packed, "line {line} of many").unwrap();
    }
    let packed = packed.finish().unwrap();
    let part = decode(&packed[..packed.len() / 2], false, &[]);
    assert_eq!(part.chain(), "gzip, text");
    assert!(part.text().starts_with("line 0 of many\n") && part.notes.is_empty());
    let cut = decode(&packed[..packed.len() / 2], true, &[]);
    assert!(cut.notes[0].contains("cut off"), "{:?}", cut.notes);
    let mut damaged = packed.clone();
    let last = damaged.len() - 8;
    damaged[last] ^= 1;
    let damaged = decode(&damaged, true, &[]);
    assert!(damaged.notes[0].contains("damaged"), "{:?}", damaged.notes);
    assert!(damaged.text().ends_with("line 19999 of many\n"));
}

#[test]
fn a_bomb_stops_at_the_limit_and_says_so() {
    let zeros = vec![0; 1 << 20];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut zstandard = ::zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let mut framed = snap::write::FrameEncoder::new(Vec::new());
    for _ in 0..64 {
        gzip.write_all(&zeros).unwrap();
        zlib.write_all(&zeros).unwrap();
        framed.write_all(&zeros).unwrap();
        zstandard.write_all(&zeros).unwrap();
        lz4.write_all(&zeros).unwrap();
    }
    let bombs = [
        gzip.finish().unwrap(),
        zstandard.finish().unwrap(),
        lz4.finish().unwrap(),
        zlib.finish().unwrap(),
        framed.into_inner().unwrap(),
    ];
    for bomb in &bombs {
        let decoded = decode(bomb, true, &[]);
        assert_eq!(decoded.bytes.len(), UNPACKED);
        assert!(decoded.text().len() < 6 * 1024 * 1024);
        assert!(
            decoded.notes[0].contains("decompression bomb"),
            "{:?}",
            decoded.notes
        );
    }
    // What has no mark is a bomb for those alone who choose it.
    let raw = snap::raw::Encoder::new()
        .compress_vec(&vec![0; 64 << 20])
        .unwrap();
    for (decoder, bomb) in [
        (Decoder::Brotli, bytes(BROTLI_BOMB)),
        (Decoder::Snappy, raw),
    ] {
        let decoded = decode(&bomb, true, &[decoder]);
        assert!(decoded.bytes.len() <= UNPACKED);
        assert!(
            decoded.notes[0].contains("decompression bomb"),
            "{decoder:?} {:?}",
            decoded.notes
        );
    }
    let digits = vec![b'A'; UNPACKED * 2];
    let decoded = decode(&digits, true, &[Decoder::Base64]);
    assert!(
        decoded.notes[0].contains("Stopped at"),
        "{:?}",
        decoded.notes
    );
    // A bomb in a bomb has no more room than one.
    let mut outer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    outer.write_all(&bombs[0]).unwrap();
    let decoded = decode(&outer.finish().unwrap(), true, &[]);
    assert_eq!(decoded.layers.len(), 2);
    assert!(
        decoded
            .layers
            .iter()
            .map(|layer| layer.unpacked)
            .sum::<usize>()
            <= UNPACKED
    );
    // Four bytes that claim four gigabytes.
    let liar = decode(b"\xff\xff\xff\xff\x0f\x00a", true, &[Decoder::Snappy]);
    assert!(matches!(liar.content, Content::Not(_)));
}

#[test]
fn lengths_and_depths_that_lie_allocate_nothing_and_end() {
    for hostile in [
        bytes("dfffffffff"),
        bytes("ddffffffff"),
        bytes("c6ffffffff00"),
        bytes("9fffffffff"),
        bytes("bbffffffffffffffff"),
        bytes("5bffffffffffffffff00"),
        vec![0x91; 100_000],
        vec![0x81; 100_000],
        vec![0x9f; 100_000],
        vec![0xc1; 100_000],
        [0xda, 0, 0, 0xd9, 0xf7].repeat(50_000),
        vec![0x0b; 100_000],
        b"a:1:{i:0;".repeat(50_000),
        b"a:999999999999:{".to_vec(),
        b"(".repeat(100_000),
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xff.".to_vec(),
        b"\xff\xff\xff\x7f\x04a\0".to_vec(),
        b"[".repeat(100_000),
    ] {
        for decoder in Decoder::ALL {
            for whole in [true, false] {
                let decoded = decode(&hostile, whole, &[*decoder]);
                assert!(decoded.bytes.len() <= UNPACKED);
                assert!(decoded.text().len() < 64 * 1024 * 1024);
            }
        }
        decode(&hostile, true, &[]);
    }
}

/// Golden bytes with something changed, so that a decoder gets past its first check.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let golden = [
        GZIP,
        ZLIB,
        ZSTD,
        LZ4,
        SNAPPY_FRAMED,
        SNAPPY_RAW,
        BROTLI,
        MSGPACK,
        CBOR,
        BSON,
        PICKLE,
        PICKLED_CALL,
        PHP,
        JAVA,
        PROTOBUF,
    ];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (
        prop::sample::select(golden.to_vec()),
        changes,
        any::<prop::sample::Index>(),
    )
        .prop_map(|(hex, changes, end)| {
            let mut bytes = bytes(hex);
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if end.index(3) == 0 {
                bytes.truncate(end.index(bytes.len()));
            }
            bytes
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_bytes_never_panic(
        bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..300), nearly()],
        whole: bool,
    ) {
        let automatic = decode(&bytes, whole, &[]);
        prop_assert!(!matches!(automatic.content, Content::Not(_)), "{}: {}", automatic.chain(), automatic.text());
        for decoder in Decoder::ALL {
            let decoded = decode(&bytes, whole, &[*decoder]);
            let _ = decoded.text();
            if let Content::Tree(tree) = &decoded.content {
                let branches = &tree.branches;
                for (at, branch) in branches.iter().enumerate() {
                    prop_assert!(at + (branch.inner as usize) < branches.len());
                }
            }
        }
    }
}
