//! A HyperLogLog of PFADD, by the comment at the head of `hyperloglog.c`: "HYLL", encoding, three unused bytes, the
//! cached cardinality, registers.

use super::reader::{Reader, Stop};
use super::tree::{Grower, Tree};

pub(super) fn is(bytes: &[u8]) -> bool {
    bytes.len() >= 16 && bytes.starts_with(b"HYLL") && bytes[4] <= 1
}

pub(super) fn tree(bytes: &[u8]) -> Result<Tree, Stop> {
    let mut grower = Grower::default();
    let outcome = grow(&mut grower, bytes);
    grower.finish(outcome, true)
}

fn grow(grower: &mut Grower, bytes: &[u8]) -> Result<(), Stop> {
    let mut reader = Reader::new(bytes);
    if reader.take(4)? != b"HYLL" {
        return Err(Stop::damaged(0, "\"HYLL\" is missing"));
    }
    let encoding = match reader.byte()? {
        0 => "dense: 16,384 registers of 6 bits",
        1 => "sparse: runs of equal registers",
        _ => return Err(Stop::damaged(4, "the encoding is unknown")),
    };
    grower.name("encoding");
    grower.leaf(encoding)?;
    reader.take(3)?;
    let cached = reader.little(8)?;
    grower.name("cached estimate");
    // The most significant bit says that registers changed since it was computed.
    if cached >> 63 == 0 {
        grower.leaf(crate::human::count(cached))?;
    } else {
        grower.leaf("out of date")?;
    }
    grower.name("registers");
    grower.leaf(crate::human::bytes(reader.left() as u64))
}
