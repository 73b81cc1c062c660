//! How a key's description and the pages of its value are read: ranges and cursors only, 64 KB or 100 elements a page.

use chrono::Utc;
use redis::{Cmd, Pipeline};

use super::{
    About, Connection, Continue, Field, InspectError, Kind, Page, StreamEntry, Ttl, Value, module,
    weigh::weigh,
};

/// The most bytes of one page.
pub const FIRST_BYTES: u64 = 64 * 1024;
/// The most elements of one page.
pub const AT_A_TIME: u64 = 100;
/// Elements whose average is above this are fetched only when asked for.
const WITHHOLD_ABOVE: u64 = 1024 * 1024;

/// Describes a key.
pub async fn describe(connection: &Connection, name: &[u8]) -> Result<About, InspectError> {
    let mut pipe = Pipeline::new();
    pipe.cmd("TYPE").arg(name);
    pipe.cmd("PTTL").arg(name);
    pipe.cmd("OBJECT").arg("ENCODING").arg(name);
    pipe.cmd("OBJECT").arg("IDLETIME").arg(name);
    let mut answers = connection.ask_all(&pipe).await?.into_iter();
    let mut answer = || answers.next().unwrap_or_default();
    let (kind, ttl, encoding, idle) = (answer(), answer(), answer(), answer());
    let type_name: String = match kind {
        redis::Value::ServerError(error) => {
            let refused = Connection::server_error(&error, "TYPE");
            match refused {
                InspectError::Denied { .. } => probed_type(connection, name, refused).await?,
                _ => return Err(refused),
            }
        }
        kind => redis::from_redis_value(kind).map_err(|_| InspectError::Answer("TYPE".into()))?,
    };
    if type_name == "none" {
        return Err(InspectError::NoKey);
    }
    let ttl = match ttl {
        redis::Value::Int(-1) => Ttl::Never,
        redis::Value::Int(-2) => return Err(InspectError::NoKey),
        redis::Value::Int(ms) => Ttl::At(Utc::now().timestamp_millis().saturating_add(ms)),
        _ => Ttl::Unknown,
    };
    let number = |value| match value {
        redis::Value::Int(number) => u64::try_from(number).ok(),
        _ => None,
    };
    let kind = Kind::from_type(&type_name);
    let elements = match kind.length() {
        None => None,
        Some(length) => match connection.ask(redis::cmd(length).arg(name)).await {
            Ok(elements) => Some(elements),
            // The rest is worth showing without it.
            Err(InspectError::Denied { .. }) => None,
            Err(error) => return Err(error),
        },
    };
    let counted = elements.unwrap_or_default();
    Ok(About {
        name: name.to_vec(),
        kind,
        type_name,
        bytes: weigh(connection, name, kind, counted).await?,
        encoding: redis::from_redis_value(encoding).unwrap_or_default(),
        ttl,
        elements,
        idle: number(idle),
    })
}

/// The type of a key for an account that may not run TYPE: of the commands that tell a length, all but that of its type
/// are errors.
async fn probed_type(
    connection: &Connection,
    name: &[u8],
    refused: InspectError,
) -> Result<String, InspectError> {
    let mut pipe = Pipeline::new();
    let kinds = [
        (Kind::String, "string"),
        (Kind::Hash, "hash"),
        (Kind::List, "list"),
        (Kind::Set, "set"),
        (Kind::ZSet, "zset"),
        (Kind::Stream, "stream"),
    ];
    for (kind, _) in kinds {
        pipe.cmd(kind.length().unwrap_or_default()).arg(name);
    }
    let answers = connection.ask_all(&pipe).await?;
    let lengths: Vec<_> = answers
        .iter()
        .zip(kinds)
        .filter_map(|(answer, (_, type_name))| match answer {
            redis::Value::Int(length) => Some((*length, type_name)),
            _ => None,
        })
        .collect();
    match lengths.as_slice() {
        // No type has an empty key but strings and streams; a key that is not there is empty for all commands.
        [(_, type_name)] => Ok((*type_name).to_owned()),
        [(0, _), ..] => Err(InspectError::NoKey),
        _ => Err(refused),
    }
}

/// Reads a page of a value: the first one, or the one at `from`. With `anyway`, elements that are large on average are
/// fetched too.
pub async fn page(
    connection: &Connection,
    about: &About,
    from: Option<&Continue>,
    anyway: bool,
) -> Result<Page, InspectError> {
    let name = about.name.as_slice();
    let average = average(about);
    if matches!(about.kind, Kind::Json | Kind::Other) {
        return module::page(connection, about, from, anyway).await;
    }
    let is_collection = about.kind != Kind::String;
    if is_collection && average > WITHHOLD_ABOVE && !anyway {
        return Ok(Page {
            value: Value::Withheld(average),
            next: None,
        });
    }
    let count = (FIRST_BYTES / average.max(1)).clamp(1, AT_A_TIME);
    let offset = match from {
        Some(Continue::Offset(offset)) => *offset,
        _ => 0,
    };
    let cursor: &[u8] = match from {
        Some(Continue::Cursor(cursor)) => cursor,
        _ => b"0",
    };
    match about.kind {
        Kind::String => {
            let mut command = redis::cmd("GETRANGE");
            command.arg(name).arg(offset).arg(offset + FIRST_BYTES - 1);
            let bytes: Vec<u8> = connection.ask(&command).await?;
            let read = offset + bytes.len() as u64;
            let more = bytes.len() as u64 == FIRST_BYTES
                && about.elements.is_none_or(|total| read < total);
            Ok(Page {
                value: Value::String { offset, bytes },
                next: more.then_some(Continue::Offset(read)),
            })
        }
        Kind::List => {
            let items: Vec<Vec<u8>> = connection
                .ask(&window("LRANGE", name, offset, count))
                .await?;
            let next = following(offset, items.len(), count);
            Ok(Page {
                value: Value::List {
                    start: offset,
                    items,
                },
                next,
            })
        }
        Kind::ZSet => {
            let mut command = window("ZREVRANGE", name, offset, count);
            let pairs: Vec<Vec<u8>> = connection.ask(command.arg("WITHSCORES")).await?;
            let items: Vec<_> = pairs
                .chunks_exact(2)
                .map(|pair| {
                    (
                        pair[0].clone(),
                        String::from_utf8_lossy(&pair[1]).into_owned(),
                    )
                })
                .collect();
            let next = following(offset, items.len(), count);
            Ok(Page {
                value: Value::ZSet {
                    start: offset,
                    items,
                },
                next,
            })
        }
        Kind::Hash => {
            let (cursor, pairs) = scan(connection, "HSCAN", name, cursor, count, None).await?;
            Ok(Page {
                value: Value::Hash(fields(connection, name, pairs).await),
                next: cursor,
            })
        }
        Kind::Set => {
            let (cursor, items) = scan(connection, "SSCAN", name, cursor, count, None).await?;
            Ok(Page {
                value: Value::Set(items),
                next: cursor,
            })
        }
        Kind::Stream => {
            let start = match from {
                Some(Continue::After(id)) => format!("({id}"),
                _ => "-".to_owned(),
            };
            let mut command = redis::cmd("XRANGE");
            command
                .arg(name)
                .arg(start)
                .arg("+")
                .arg("COUNT")
                .arg(count);
            let entries = entries(connection, &command).await?;
            let next = (entries.len() as u64 == count)
                .then(|| {
                    entries
                        .last()
                        .map(|entry| Continue::After(entry.id.clone()))
                })
                .flatten();
            Ok(Page {
                value: Value::Stream(entries),
                next,
            })
        }
        Kind::Json | Kind::Other => Ok(Page {
            value: Value::Other,
            next: None,
        }),
    }
}

/// Bytes of memory that one element takes, about; zero where that is not known.
pub(super) fn average(about: &About) -> u64 {
    match (about.bytes, about.elements) {
        (Some(bytes), Some(elements)) if elements > 0 => bytes / elements,
        _ => 0,
    }
}

pub(super) fn window(command: &str, name: &[u8], offset: u64, count: u64) -> Cmd {
    let mut command = redis::cmd(command);
    command.arg(name).arg(offset).arg(offset + count - 1);
    command
}

fn following(offset: u64, read: usize, count: u64) -> Option<Continue> {
    (read as u64 == count).then_some(Continue::Offset(offset + read as u64))
}

/// The entries that XRANGE or XREVRANGE answers.
pub(super) async fn entries(
    connection: &Connection,
    command: &Cmd,
) -> Result<Vec<StreamEntry>, InspectError> {
    let entries: Vec<(String, Vec<Vec<u8>>)> = connection.ask(command).await?;
    Ok(entries
        .into_iter()
        .map(|(id, words)| StreamEntry {
            id,
            fields: words
                .chunks_exact(2)
                .map(|pair| (pair[0].clone(), pair[1].clone()))
                .collect(),
        })
        .collect())
}

/// Fields with their TTLs, where the server keeps any (HPTTL, from Redis 7.4 and Valkey 9).
pub(super) async fn fields(
    connection: &Connection,
    name: &[u8],
    pairs: Vec<Vec<u8>>,
) -> Vec<Field> {
    let mut fields: Vec<_> = pairs
        .chunks_exact(2)
        .map(|pair| Field {
            name: pair[0].clone(),
            value: pair[1].clone(),
            ttl: Ttl::Unknown,
        })
        .collect();
    if fields.is_empty() || !connection.server().has_field_ttl() {
        return fields;
    }
    let mut command = redis::cmd("HPTTL");
    command.arg(name).arg("FIELDS").arg(fields.len());
    for field in &fields {
        command.arg(&field.name);
    }
    let now = Utc::now().timestamp_millis();
    // Without them the hash is worth showing all the same.
    if let Ok(left) = connection.ask::<Vec<i64>>(&command).await {
        for (field, left) in fields.iter_mut().zip(left) {
            field.ttl = match left {
                -1 => Ttl::Never,
                left if left >= 0 => Ttl::At(now.saturating_add(left)),
                _ => Ttl::Unknown,
            };
        }
    }
    fields
}

/// One step of a cursor: where it goes on, and what it answered.
pub(super) async fn scan(
    connection: &Connection,
    command: &str,
    name: &[u8],
    cursor: &[u8],
    count: u64,
    pattern: Option<&[u8]>,
) -> Result<(Option<Continue>, Vec<Vec<u8>>), InspectError> {
    let mut command = redis::cmd(command);
    command.arg(name).arg(cursor);
    if let Some(pattern) = pattern {
        command.arg("MATCH").arg(pattern);
    }
    command.arg("COUNT").arg(count);
    let (cursor, items): (Vec<u8>, Vec<Vec<u8>>) = connection.ask(&command).await?;
    Ok(((cursor != b"0").then_some(Continue::Cursor(cursor)), items))
}
