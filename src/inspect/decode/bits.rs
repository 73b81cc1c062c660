//! A bitmap: which bits SETBIT has set. Bit 0 is the most significant bit of the first byte.

use super::reader::Stop;
use super::tree::{Grower, Tree};

/// So many bytes make a row.
const ROW: usize = 8;

pub(super) fn tree(bytes: &[u8]) -> Tree {
    let mut grower = Grower::default();
    let outcome = grow(&mut grower, bytes);
    grower.finish(outcome, false).unwrap_or_default()
}

fn grow(grower: &mut Grower, bytes: &[u8]) -> Result<(), Stop> {
    let set: u64 = bytes.iter().map(|byte| u64::from(byte.count_ones())).sum();
    let all = bytes.len() as u64 * 8;
    grower.leaf(format!(
        "{} of {} bits set",
        crate::human::count(set),
        crate::human::count(all)
    ))?;
    for (row, bytes) in bytes.chunks(ROW).enumerate() {
        // Bitmaps are mostly empty: only rows with something in them are shown.
        if bytes.iter().all(|byte| *byte == 0) {
            continue;
        }
        let bits: Vec<String> = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
        grower.name((row * ROW * 8).to_string());
        grower.leaf(bits.join(" "))?;
    }
    Ok(())
}
