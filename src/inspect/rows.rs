//! Keys and analyses as rows, for the writers of files.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt8Array, UInt32Array, UInt64Array};
use arrow::datatypes::SchemaRef;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::table::{BatchStream, Table};

use super::{Analysis, InspectError, Keys, Portion, RowId};

/// Rows of a batch.
const BATCH: usize = 8_192;

/// Bytes as text, in base64 where they are not UTF-8; the second column says which.
fn exact<'a>(names: impl Iterator<Item = &'a [u8]>) -> (ArrayRef, ArrayRef) {
    let mut texts = Vec::new();
    let mut encodings = Vec::new();
    for name in names {
        match std::str::from_utf8(name) {
            Ok(text) => {
                texts.push(text.to_owned());
                encodings.push(None);
            }
            Err(_) => {
                texts.push(STANDARD.encode(name));
                encodings.push(Some("base64"));
            }
        }
    }
    (
        Arc::new(StringArray::from(texts)),
        Arc::new(StringArray::from(encodings)),
    )
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch, InspectError> {
    let columns = columns
        .into_iter()
        .map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns)
        .map_err(|_| InspectError::Answer("the scan".into()))
}

fn key_batch(keys: &Keys, rows: &[RowId], now: i64) -> Result<RecordBatch, InspectError> {
    let all = || rows.iter().map(|id| keys.get(*id));
    let (names, encodings) = exact(rows.iter().map(|id| keys.name(*id)));
    let ttl = all().map(|key| key.ttl.left(now).map(i64::unsigned_abs));
    batch(vec![
        ("key", names),
        ("encoding_of_key", encodings),
        (
            "type",
            Arc::new(
                all()
                    .map(|key| Some(key.type_name))
                    .collect::<StringArray>(),
            ),
        ),
        (
            "encoding",
            Arc::new(all().map(|key| Some(key.encoding)).collect::<StringArray>()),
        ),
        ("ttl_ms", Arc::new(ttl.collect::<UInt64Array>())),
        (
            "bytes",
            Arc::new(all().map(|key| key.bytes).collect::<UInt64Array>()),
        ),
        (
            "elements",
            Arc::new(all().map(|key| key.elements).collect::<UInt32Array>()),
        ),
        (
            "idle_s",
            Arc::new(all().map(|key| key.idle).collect::<UInt32Array>()),
        ),
        (
            "frequency",
            Arc::new(all().map(|key| key.frequency).collect::<UInt8Array>()),
        ),
    ])
}

/// The keys that `rows` names, in that order, a batch at a time; what is left of TTLs is counted at `now`, in
/// milliseconds since 1970.
pub fn key_rows(
    keys: Keys,
    rows: Arc<Vec<RowId>>,
    now: i64,
) -> Result<BatchStream<InspectError>, InspectError> {
    let schema: SchemaRef = key_batch(&keys, &[], now)?.schema();
    let (sender, stream) = BatchStream::channel(schema, 2);
    tokio::task::spawn_blocking(move || {
        for chunk in rows.chunks(BATCH) {
            match key_batch(&keys, chunk, now) {
                Ok(batch) => {
                    if !sender.blocking_send(batch) {
                        return;
                    }
                }
                Err(error) => return sender.fail(error),
            }
        }
        sender.finish();
    });
    Ok(stream)
}

/// The figures of an analysis, one row a group: `by` says what divides (`all`, `type`, `ttl`, `encoding`, `used`,
/// `prefix`, `prefix without ttl`); the intervals are empty where keys were counted.
pub fn analysis_rows(analysis: &Analysis) -> Result<Table, InspectError> {
    let all = std::slice::from_ref(&analysis.all);
    let lists: [(&str, &[Portion]); 7] = [
        ("all", all),
        ("type", &analysis.types),
        ("ttl", &analysis.ttl),
        ("encoding", &analysis.encodings),
        ("used", &analysis.used),
        ("prefix", &analysis.prefixes),
        ("prefix without ttl", &analysis.without_ttl),
    ];
    let groups = || {
        lists
            .iter()
            .flat_map(|(by, groups)| groups.iter().map(|group| (*by, group)))
    };
    let (names, encodings) = exact(groups().map(|(_, group)| group.name.as_slice()));
    let by: StringArray = groups().map(|(by, _)| Some(by)).collect();
    let figure = |pick: fn(&Portion) -> Option<u64>| -> ArrayRef {
        Arc::new(
            groups()
                .map(|(_, group)| pick(group))
                .collect::<UInt64Array>(),
        )
    };
    let batch = batch(vec![
        ("by", Arc::new(by)),
        ("name", names),
        ("encoding_of_name", encodings),
        ("keys", figure(|group| Some(group.count.keys))),
        ("bytes", figure(|group| Some(group.count.bytes))),
        ("keys_low", figure(|group| Some(group.bounds?.low.keys))),
        ("keys_high", figure(|group| Some(group.bounds?.high.keys))),
        ("bytes_low", figure(|group| Some(group.bounds?.low.bytes))),
        ("bytes_high", figure(|group| Some(group.bounds?.high.bytes))),
    ])?;
    Ok(Table {
        schema: batch.schema(),
        batches: vec![batch],
    })
}
