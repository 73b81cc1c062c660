//! Our own keys: which they are, and what an entry's header and chunks hold, through the cache's own codec.

use chrono::{DateTime, SecondsFormat};

use crate::cache::{self, Header, Ours, ServerTime};
use crate::human;
use crate::table::Table;

use super::{Connection, InspectError, Value};

/// A key of ours, with what a person wants to see of it.
#[derive(Clone, Debug)]
pub enum Owned {
    /// The header of an entry.
    Header(Box<Header>),
    /// A chunk of a payload: number.
    Chunk(usize),
    /// Versions, lease, lock, demand, table set or events.
    Other,
    /// It looks like ours but does not read as such.
    Damaged(String),
}

/// The longest chunk that is decoded; ours have 512 KB at most.
const CHUNK_LIMIT: u64 = 1024 * 1024;

/// Returns whether a key has the name of an entry's header, which has fewer fields than are measured one by one.
pub fn is_header(prefix: &str, name: &[u8]) -> bool {
    let name = std::str::from_utf8(name).ok();
    let ours = name.and_then(|name| cache::recognise(prefix, name));
    matches!(ours, Some(Ours::Header(_)))
}

/// What a key is to us, given its first page; `None` for anybody else's.
pub fn owned(prefix: &str, name: &[u8], value: &Value) -> Option<Owned> {
    let name = std::str::from_utf8(name).ok()?;
    Some(match (cache::recognise(prefix, name)?, value) {
        (Ours::Header(_), Value::Hash(fields)) => {
            let fields = fields.iter();
            let pairs = fields.map(|field| (field.name.clone(), field.value.clone()));
            match Header::read(pairs.collect()) {
                Ok(header) => Owned::Header(Box::new(header)),
                Err(damage) => Owned::Damaged(damage.to_string()),
            }
        }
        (Ours::Header(_), _) => Owned::Damaged("the header is not a hash".into()),
        (Ours::Chunk(_, number), _) => Owned::Chunk(number),
        (Ours::Other, _) => Owned::Other,
    })
}

/// The rows of a header (inline, or its first chunk) or of the chunk under `name`.
pub async fn payload(
    connection: &Connection,
    prefix: &str,
    name: &[u8],
    owned: &Owned,
) -> Result<Option<Table>, InspectError> {
    let bytes = match owned {
        Owned::Header(header) => match &header.inline {
            Some(inline) => inline.clone(),
            None => whole(connection, cache::chunk(prefix, &header.fill, 0).as_bytes()).await?,
        },
        Owned::Chunk(_) => whole(connection, name).await?,
        Owned::Other | Owned::Damaged(_) => return Ok(None),
    };
    // Decompression and decoding take milliseconds: not on the runtime's threads.
    let read = tokio::task::spawn_blocking(move || cache::payload::read(bytes))
        .await
        .map_err(|_| InspectError::Answer("GETRANGE".into()))?;
    match read {
        Ok((schema, batches)) => Ok(Some(Table { schema, batches })),
        Err(damage) => Err(InspectError::Server {
            command: "GETRANGE".into(),
            message: damage.to_string(),
        }),
    }
}

async fn whole(connection: &Connection, name: &[u8]) -> Result<Vec<u8>, InspectError> {
    let mut command = redis::cmd("GETRANGE");
    command.arg(name).arg(0).arg(CHUNK_LIMIT - 1);
    let bytes: Vec<u8> = connection.ask(&command).await?;
    if bytes.is_empty() {
        Err(InspectError::NoKey)
    } else {
        Ok(bytes)
    }
}

/// A header's fields for people: label and text.
pub fn header_text(header: &Header) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("Report", header.report.clone()),
        ("Parameters", header.params.clone()),
        ("Rows", human::count(header.rows)),
        (
            "Stored",
            format!("{} in {}", human::bytes(header.bytes), chunks(header)),
        ),
        ("Uncompressed", human::bytes(header.raw)),
        ("Query time", human::duration(header.query_time)),
        ("Tables", header.tables.join(", ")),
        ("Written by", header.writer.clone()),
        ("Created", time(header.created)),
        ("Fresh until", time(header.soft)),
        ("Kept until", time(header.hard)),
        ("Position", header.position.as_str().to_owned()),
        ("Epoch", header.epoch.clone()),
        ("Fill", header.fill.clone()),
        ("SHA-256", header.sha256.clone()),
    ];
    fields.retain(|(_, text)| !text.is_empty());
    fields
}

fn chunks(header: &Header) -> String {
    match header.stored_chunks() {
        0 => "the header".to_owned(),
        1 => "1 chunk".to_owned(),
        many => format!("{} chunks", human::count(many as u64)),
    }
}

fn time(time: ServerTime) -> String {
    DateTime::from_timestamp_millis(time.0 as i64).map_or_else(
        || time.0.to_string(),
        |time| time.to_rfc3339_opts(SecondsFormat::Secs, true),
    )
}
