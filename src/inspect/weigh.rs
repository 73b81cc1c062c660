//! How much memory does a key take, without holding the server for long?
//!
//! MEMORY USAGE of a hash table looks at few elements, but steps over empty buckets to find them. A table that grows is
//! emptied from its beginning while its elements move to the larger one, so that of ten million fields it may step over
//! millions: 8 to 12 ms were measured. Of tables that large the elements are measured one by one instead.

use redis::Pipeline;

use super::questions::SAMPLES;
use super::{Connection, InspectError, Kind};

/// Tables of more elements are not stepped over.
const LONGEST_STEPS: u64 = 2_000_000;
/// As many elements of those are measured.
const MEASURED: u64 = 100;
/// What the server keeps beside each element, a `dictEntry`, and for each bucket of the table.
const ENTRY: f64 = 24.0;
const BUCKET: f64 = 8.0;
/// The header of a string and the zero behind it; and memory is handed out in steps of so many bytes.
const FRAME: f64 = 4.0;
const STEP: f64 = 16.0;

/// Returns whether the bytes of a key are extrapolated from some of its elements, and not counted.
pub fn is_estimate(kind: Kind, encoding: &str, elements: Option<u64>) -> bool {
    let is_collection = matches!(
        kind,
        Kind::Hash | Kind::List | Kind::Set | Kind::ZSet | Kind::Stream
    );
    // These are one piece of memory.
    let is_whole = ["listpack", "listpackex", "ziplist", "intset"].contains(&encoding);
    is_collection && !is_whole && elements.is_none_or(|elements| elements > SAMPLES as u64)
}

/// Bytes of memory of a key, extrapolated for collections; `None` where the account may not ask.
pub(super) async fn weigh(
    connection: &Connection,
    name: &[u8],
    kind: Kind,
    elements: u64,
) -> Result<Option<u64>, InspectError> {
    let weight = match kind {
        Kind::Hash | Kind::Set if elements > LONGEST_STEPS => {
            estimate(connection, name, kind, elements).await
        }
        _ => {
            let mut usage = redis::cmd("MEMORY");
            usage.arg("USAGE").arg(name).arg("SAMPLES").arg(SAMPLES);
            connection.ask(&usage).await
        }
    };
    match weight {
        Err(lost @ InspectError::Lost { .. }) => Err(lost),
        weight => Ok(weight.unwrap_or_default()),
    }
}

/// What a table of so many elements takes, by some of them.
async fn estimate(
    connection: &Connection,
    name: &[u8],
    kind: Kind,
    elements: u64,
) -> Result<Option<u64>, InspectError> {
    let mut lengths = Vec::new();
    let names: Vec<Vec<u8>> = if kind == Kind::Hash {
        let mut draw = redis::cmd("HRANDFIELD");
        let names: Vec<Vec<u8>> = connection.ask(draw.arg(name).arg(MEASURED)).await?;
        let mut pipe = Pipeline::with_capacity(names.len());
        for field in &names {
            pipe.cmd("HSTRLEN").arg(name).arg(field);
        }
        for answer in connection.ask_all(&pipe).await? {
            lengths.push(redis::from_redis_value::<u64>(answer).unwrap_or_default());
        }
        names
    } else {
        let mut some = redis::cmd("SSCAN");
        some.arg(name).arg(0).arg("COUNT").arg(MEASURED);
        connection.ask::<(Vec<u8>, Vec<Vec<u8>>)>(&some).await?.1
    };
    if names.is_empty() {
        return Ok(None);
    }
    let measured = names.len() as f64;
    lengths.extend(names.iter().map(|name| name.len() as u64));
    let strings: f64 = lengths.into_iter().map(allocated).sum();
    let buckets = elements.checked_next_power_of_two().unwrap_or(elements) as f64;
    let bytes = elements as f64 * (ENTRY + strings / measured) + buckets * BUCKET;
    Ok(Some(bytes as u64))
}

/// What a string of this length takes.
fn allocated(length: u64) -> f64 {
    ((length as f64 + FRAME) / STEP).ceil() * STEP
}
