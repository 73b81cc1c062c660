//! Is a chunk safe to decode? Arrow's reader trusts offsets and lengths and would panic, or allocate what a hostile
//! length asks for; so they are checked here first, against the bytes that are really there.

use arrow::datatypes::DataType;
use arrow::ipc::convert::try_fb_to_schema;
use arrow::ipc::{CompressionType, MessageHeader, RecordBatch, root_as_message};

use super::payload::Damaged;

/// What a chunk may decode to: as much as its header says that it holds, and nothing that only a bomb would.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    /// Bytes of all buffers together, beside [`FREE`] for each.
    pub(super) bytes: u64,
    /// Rows of all batches together. Rows of a type without buffers take no byte.
    pub(super) rows: u64,
}

/// Bytes of each buffer that do not count: every buffer takes as many in its message, so they cannot add up.
const FREE: u64 = 16;
/// LZ4 cannot expand more than 255 times.
const LZ4_RATIO: u64 = 256;

/// Checks a whole IPC stream: one schema first, then record batches, then the end.
pub(super) fn stream(mut bytes: &[u8], mut left: Limit) -> Result<(), Damaged> {
    let mut fields = None;
    while !bytes.is_empty() {
        let marker = take(&mut bytes, 4)?;
        if marker != [0xff; 4] {
            return Err(Damaged("a chunk has a malformed frame"));
        }
        let size = take(&mut bytes, 4)?;
        let size = u32::from_le_bytes([size[0], size[1], size[2], size[3]]) as usize;
        if size == 0 {
            return if bytes.is_empty() && fields.is_some() {
                Ok(())
            } else {
                Err(Damaged("a chunk goes on after its end"))
            };
        }
        let message = root_as_message(take(&mut bytes, size)?)
            .map_err(|_| Damaged("a chunk's message is malformed"))?;
        let body = usize::try_from(message.bodyLength())
            .map_err(|_| Damaged("a chunk's message has no length"))?;
        let body = take(&mut bytes, body)?;
        match message.header_type() {
            MessageHeader::Schema if fields.is_none() => {
                let schema = message
                    .header_as_schema()
                    .ok_or(Damaged("a chunk has no schema"))?;
                let schema = try_fb_to_schema(schema)
                    .map_err(|_| Damaged("a chunk's schema is malformed"))?;
                if !schema
                    .fields()
                    .iter()
                    .all(|field| is_flat(field.data_type()))
                {
                    return Err(Damaged("a chunk has a type that we never write"));
                }
                fields = Some(schema.fields().len());
            }
            MessageHeader::RecordBatch => {
                let batch = message
                    .header_as_record_batch()
                    .ok_or(Damaged("a chunk has a malformed batch"))?;
                let fields = fields.ok_or(Damaged("a chunk has rows before its schema"))?;
                self::batch(batch, body, fields, &mut left)?;
            }
            _ => return Err(Damaged("a chunk has a message that we never write")),
        }
    }
    Err(Damaged("a chunk is cut off"))
}

fn batch(
    batch: RecordBatch<'_>,
    body: &[u8],
    fields: usize,
    left: &mut Limit,
) -> Result<(), Damaged> {
    let wrong = Damaged("a chunk's batch points outside of it");
    let bomb = Damaged("a chunk would decode to more than its header says");
    let length = u64::try_from(batch.length()).map_err(|_| wrong)?;
    left.rows = left.rows.checked_sub(length).ok_or(bomb)?;
    if batch
        .variadicBufferCounts()
        .is_some_and(|counts| !counts.is_empty())
    {
        return Err(wrong);
    }
    let nodes = batch.nodes().ok_or(wrong)?;
    if nodes.len() != fields {
        return Err(wrong);
    }
    for node in nodes {
        let nulls = u64::try_from(node.null_count()).map_err(|_| wrong)?;
        if node.length() != batch.length() || nulls > length {
            return Err(wrong);
        }
    }
    let codec = batch.compression().map(|compression| compression.codec());
    for buffer in batch.buffers().ok_or(wrong)? {
        let offset = usize::try_from(buffer.offset()).map_err(|_| wrong)?;
        let size = usize::try_from(buffer.length()).map_err(|_| wrong)?;
        let end = offset
            .checked_add(size)
            .filter(|end| *end <= body.len())
            .ok_or(wrong)?;
        let stored = &body[offset..end];
        let declared = match codec {
            None => size as u64,
            Some(_) if stored.is_empty() => 0,
            Some(codec) => {
                let prefix: [u8; 8] = stored
                    .get(..8)
                    .and_then(|prefix| prefix.try_into().ok())
                    .ok_or(wrong)?;
                match i64::from_le_bytes(prefix) {
                    -1 => size as u64 - 8,
                    declared => {
                        let declared = u64::try_from(declared).map_err(|_| wrong)?;
                        if codec == CompressionType::LZ4_FRAME
                            && declared > (size as u64 + 64) * LZ4_RATIO
                        {
                            return Err(wrong);
                        }
                        declared
                    }
                }
            }
        };
        left.bytes = left
            .bytes
            .checked_sub(declared.saturating_sub(FREE))
            .ok_or(bomb)?;
    }
    Ok(())
}

/// The types that sources produce; anything nested travels as text.
fn is_flat(kind: &DataType) -> bool {
    match kind {
        DataType::FixedSizeBinary(size) => *size >= 0,
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::Null => true,
        kind => kind.is_primitive() || *kind == DataType::Boolean,
    }
}

fn take<'a>(bytes: &mut &'a [u8], size: usize) -> Result<&'a [u8], Damaged> {
    if size > bytes.len() {
        return Err(Damaged("a chunk is cut off"));
    }
    let (taken, rest) = bytes.split_at(size);
    *bytes = rest;
    Ok(taken)
}
