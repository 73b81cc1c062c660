//! An Arrow IPC stream, through the cache's own reader, which takes nothing on trust.

use crate::table::Table;

/// The continuation marker with which an encapsulated message begins.
const CONTINUATION: [u8; 4] = [0xff; 4];

pub(super) fn is(bytes: &[u8]) -> bool {
    bytes.len() > 8 && bytes.starts_with(&CONTINUATION) && bytes[4..8] != [0; 4]
}

pub(super) fn table(bytes: &[u8]) -> Result<Table, String> {
    let (schema, batches) =
        crate::cache::payload::read(bytes.to_vec()).map_err(|damage| damage.to_string())?;
    Ok(Table { schema, batches })
}
