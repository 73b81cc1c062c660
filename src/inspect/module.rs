//! What is in a key of a module's type: JSON documents, time series, vector sets, and the sketches that tell of
//! themselves. A type that is not listed here is recognized by its name alone.

use super::{About, Connection, Continue, InspectError, Page, Value};

/// A document of more memory is not fetched unasked: JSON.GET knows no ranges.
const DOCUMENT: u64 = 64 * 1024;
/// The most samples or members of one page.
const AT_A_TIME: i64 = 100;

/// A type of a module: what TYPE answers, what people call it, the command that describes a key of it.
struct Known {
    type_name: &'static str,
    called: &'static str,
    info: Option<&'static str>,
}

const KNOWN: &[Known] = &[
    Known {
        type_name: "ReJSON-RL",
        called: "JSON",
        info: None,
    },
    Known {
        type_name: "TSDB-TYPE",
        called: "time series",
        info: Some("TS.INFO"),
    },
    Known {
        type_name: "vectorset",
        called: "vector set",
        info: Some("VINFO"),
    },
    Known {
        type_name: "MBbloom--",
        called: "Bloom filter",
        info: Some("BF.INFO"),
    },
    Known {
        type_name: "bloomfltr",
        called: "Bloom filter",
        info: Some("BF.INFO"),
    },
    Known {
        type_name: "MBbloomCF",
        called: "cuckoo filter",
        info: Some("CF.INFO"),
    },
    Known {
        type_name: "CMSk-TYPE",
        called: "count-min sketch",
        info: Some("CMS.INFO"),
    },
    Known {
        type_name: "TopK-TYPE",
        called: "top-k",
        info: Some("TOPK.INFO"),
    },
    Known {
        type_name: "TDIS-TYPE",
        called: "t-digest",
        info: Some("TDIGEST.INFO"),
    },
];

fn known(type_name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.type_name == type_name)
}

/// What people call a module's type; what TYPE answers where it is not known here.
pub fn type_title(type_name: &str) -> &str {
    known(type_name).map_or(type_name, |known| known.called)
}

/// A page of its value, where the type has one.
pub(super) async fn page(
    connection: &Connection,
    about: &About,
    from: Option<&Continue>,
    anyway: bool,
) -> Result<Page, InspectError> {
    let name = about.name.as_slice();
    let value = match about.type_name.as_str() {
        "ReJSON-RL" => {
            let bytes = about.bytes.unwrap_or(u64::MAX);
            if bytes > DOCUMENT && !anyway {
                Value::Withheld(about.bytes.unwrap_or_default())
            } else {
                Value::Json(connection.ask(redis::cmd("JSON.GET").arg(name)).await?)
            }
        }
        "TSDB-TYPE" => return samples(connection, name, from).await,
        "vectorset" => {
            // A vector set has no cursor; a sample shows what its members look like.
            let mut command = redis::cmd("VRANDMEMBER");
            Value::Set(connection.ask(command.arg(name).arg(AT_A_TIME)).await?)
        }
        "TopK-TYPE" => Value::Set(connection.ask(redis::cmd("TOPK.LIST").arg(name)).await?),
        _ => Value::Other,
    };
    Ok(Page { value, next: None })
}

async fn samples(
    connection: &Connection,
    name: &[u8],
    from: Option<&Continue>,
) -> Result<Page, InspectError> {
    let mut command = redis::cmd("TS.RANGE");
    command.arg(name);
    match from {
        Some(Continue::At(ms)) => command.arg(*ms),
        _ => command.arg("-"),
    };
    command.arg("+").arg("COUNT").arg(AT_A_TIME);
    let samples: Vec<(i64, String)> = connection.ask(&command).await?;
    let next = match samples.last() {
        Some((last, _)) if samples.len() as i64 == AT_A_TIME => {
            last.checked_add(1).map(Continue::At)
        }
        _ => None,
    };
    Ok(Page {
        value: Value::Series(samples),
        next,
    })
}

/// What the module tells of a key, label and text; empty where it tells nothing or may not be asked.
pub(super) async fn facts(connection: &Connection, about: &About) -> Vec<(String, String)> {
    let Some(info) = known(&about.type_name).and_then(|known| known.info) else {
        return Vec::new();
    };
    let answer = connection
        .ask::<redis::Value>(redis::cmd(info).arg(&about.name))
        .await;
    let pairs = match answer {
        Ok(redis::Value::Array(words)) => words
            .chunks_exact(2)
            .map(|pair| (pair[0].clone(), pair[1].clone()))
            .collect(),
        Ok(redis::Value::Map(pairs)) => pairs,
        _ => Vec::new(),
    };
    pairs
        .into_iter()
        .filter_map(|(label, value)| {
            let label = redis::from_redis_value::<String>(label).ok()?;
            // What is nested is the module's own book-keeping.
            let value = redis::from_redis_value::<String>(value).ok()?;
            Some((
                super::display(label.as_bytes()),
                super::display(value.as_bytes()),
            ))
        })
        .collect()
}
