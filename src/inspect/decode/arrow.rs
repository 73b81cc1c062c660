//! An Arrow IPC stream, through the cache's own reader, which takes nothing on trust.

use crate::table::Table;

/// The continuation marker with which an encapsulated message begins.
const CONTINUATION: [u8; 4] = [0xff; 4];

pub(super) fn is(bytes: &[u8]) -> bool {
    // The length of the metadata, which is padded to eight bytes.
    let length = bytes.get(4..8).and_then(|length| length.try_into().ok());
    let length = length.map_or(0, u32::from_le_bytes) as usize;
    let fits = length >= 16 && length.is_multiple_of(8) && length <= bytes.len().saturating_sub(8);
    bytes.starts_with(&CONTINUATION) && fits
}

pub(super) fn table(bytes: &[u8]) -> Result<Table, String> {
    let (schema, batches) =
        crate::cache::payload::read(bytes.to_vec()).map_err(|damage| damage.to_string())?;
    Ok(Table { schema, batches })
}
