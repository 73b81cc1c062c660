//! What a keyspace holds, estimated from keys drawn at random: for servers too large to be walked over.
//!
//! RANDOMKEY draws; on a cluster each primary gives as many as its part of the keys. A key may be drawn twice, as it
//! must be for draws to be independent.

use std::collections::HashMap;
use std::time::Instant;

use chrono::Utc;
use redis::{Pipeline, Value};

use super::breakdown::Drawn;
use super::builder::Builder;
use super::questions::Questions;
use super::{Analysis, Connection, Detail, Filter, InspectError, Keys, RowId};

/// No server has more keys, whatever it says: sums of several must not run over.
const MOST: u64 = 1 << 48;
/// Draws that travel together.
const AT_A_TIME: u64 = 200;

/// Draws `draws` keys and estimates from them what `filter` shows of the whole. `progress` hears how many were drawn.
///
/// `None` where the server has no more keys than that: then a scan says more in the same time. A key that is gone
/// before it could be asked about counts as no draw.
pub async fn sample(
    connection: &Connection,
    draws: u64,
    filter: &Filter,
    detail: Detail,
    mut progress: impl FnMut(u64),
) -> Result<Option<Analysis>, InspectError> {
    let begun = Instant::now();
    let nodes = connection.primaries().await?;
    let mut sizes = Vec::with_capacity(nodes.len());
    for node in &nodes {
        let keys: u64 = node.ask(&redis::cmd("DBSIZE")).await?;
        sizes.push(keys.min(MOST));
    }
    let of: u64 = sizes.iter().sum();
    if of <= draws {
        return Ok(None);
    }
    let mut questions = Questions::new(connection.server(), false);
    let mut builder = Builder::new();
    let mut times: Vec<u32> = Vec::new();
    let mut drawn = 0;
    for (node, part) in nodes.iter().zip(parts(draws, &sizes)) {
        let mut left = part;
        while left > 0 {
            let now = left.min(AT_A_TIME);
            left -= now;
            take(node, now, &mut questions, &mut builder, &mut times).await?;
            drawn += now;
            progress(drawn);
            // As long a rest as the gentle pace takes.
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
    let keys = builder.snapshot();
    let drawn = Drawn {
        draws: times.iter().map(|times| u64::from(*times)).sum(),
        times,
        of,
    };
    let now = Utc::now().timestamp_millis();
    let rows = shown(&keys, filter, now);
    Ok(Some(Analysis {
        about: of,
        elapsed: begun.elapsed(),
        notes: questions.notes,
        ..Analysis::new(&keys, &rows, detail, now, Some(&drawn))
    }))
}

/// How many draws each server gives: its part of the keys, all together exactly `draws`.
fn parts(draws: u64, sizes: &[u64]) -> Vec<u64> {
    let of = sizes.iter().sum::<u64>().max(1);
    let (mut before, mut given) = (0_u64, 0_u64);
    sizes
        .iter()
        .map(|size| {
            before += size;
            let until = (u128::from(draws) * u128::from(before) / u128::from(of)) as u64;
            let part = until - given;
            given = until;
            part
        })
        .collect()
}

fn shown(keys: &Keys, filter: &Filter, now: i64) -> Vec<RowId> {
    keys.ids()
        .filter(|id| {
            let key = keys.get(*id);
            key.name.starts_with(&filter.prefix) && filter.shows(&key, now)
        })
        .collect()
}

/// Draws some keys of one server and asks about those that are new.
async fn take(
    node: &Connection,
    draws: u64,
    questions: &mut Questions,
    builder: &mut Builder,
    times: &mut Vec<u32>,
) -> Result<(), InspectError> {
    let mut pipe = Pipeline::new();
    for _ in 0..draws {
        pipe.cmd("RANDOMKEY");
    }
    let mut names: HashMap<Vec<u8>, u32> = HashMap::new();
    for answer in node.ask_all(&pipe).await? {
        match answer {
            Value::BulkString(name) => *names.entry(name).or_default() += 1,
            Value::ServerError(error) => {
                return Err(Connection::server_error(&error, "RANDOMKEY"));
            }
            _ => {}
        }
    }
    let mut unknown: Vec<Vec<u8>> = Vec::new();
    for name in names.keys() {
        if !builder.contains(name) {
            unknown.push(name.clone());
        }
    }
    let ask = questions.ask;
    let mut pipe = Pipeline::new();
    for name in &unknown {
        ask.first(&mut pipe, name);
    }
    let answers = node.ask_all(&pipe).await?;
    let now = Utc::now().timestamp_millis();
    let (mut keys, _) = questions.answered(ask, unknown, &mut answers.into_iter(), now);
    let ask = questions.ask;
    let mut pipe = Pipeline::new();
    for key in &keys {
        ask.second(&mut pipe, key);
    }
    let answers = node.ask_all(&pipe).await?;
    questions.completed(ask, &mut keys, &mut answers.into_iter());
    for key in &keys {
        builder.put(key.key(), now);
    }
    times.resize(builder.len(), 0);
    for (name, drawn) in names {
        if let Some(id) = builder.find(&name) {
            times[id as usize] += drawn;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_gives_its_part_and_together_they_give_all() {
        for (draws, sizes) in [
            (1_000, vec![10_000]),
            (1_000, vec![1, 1, 1_000_000]),
            (1_001, vec![333, 333, 335]),
            (7, vec![0, 100, 0]),
        ] {
            let parts = parts(draws, &sizes);
            assert_eq!(parts.iter().sum::<u64>(), draws, "{sizes:?}");
            let of: u64 = sizes.iter().sum();
            for (part, size) in parts.iter().zip(&sizes) {
                let fair = draws as f64 * *size as f64 / of as f64;
                assert!((*part as f64 - fair).abs() <= 1.0, "{parts:?}");
            }
        }
    }
}
