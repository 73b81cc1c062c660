//! What is worth knowing of a value besides its elements: a HyperLogLog's estimate, a stream's state, what a module
//! tells.

use crate::human;

use super::{About, Connection, Kind, Value, module};

/// Facts about a value whose first page was read: label and text. Those that the account may not ask for are missing.
pub async fn facts(connection: &Connection, about: &About, first: &Value) -> Vec<(String, String)> {
    match (about.kind, first) {
        (Kind::String, Value::String { bytes, .. }) if bytes.starts_with(b"HYLL") => {
            estimate(connection, &about.name).await
        }
        (Kind::Stream, _) => stream(connection, &about.name).await,
        (Kind::Json | Kind::Other, _) => module::facts(connection, about).await,
        _ => Vec::new(),
    }
}

/// PFCOUNT of one key may write its cached estimate into the value. Of the same key twice it counts their union, which
/// is the same number, and leaves both alone.
async fn estimate(connection: &Connection, name: &[u8]) -> Vec<(String, String)> {
    let mut command = redis::cmd("PFCOUNT");
    let answer = connection.ask::<u64>(command.arg(name).arg(name)).await;
    answer
        .map(|count| {
            vec![(
                "Estimate".to_owned(),
                format!("{} distinct", human::count(count)),
            )]
        })
        .unwrap_or_default()
}

async fn stream(connection: &Connection, name: &[u8]) -> Vec<(String, String)> {
    let mut command = redis::cmd("XINFO");
    let answer = connection
        .ask::<redis::Value>(command.arg("STREAM").arg(name))
        .await;
    let Ok(redis::Value::Array(words)) = answer else {
        return Vec::new();
    };
    let labels = [
        ("groups", "Groups"),
        ("last-generated-id", "Last id"),
        ("max-deleted-entry-id", "Last deleted id"),
        ("entries-added", "Entries ever added"),
    ];
    let mut facts = Vec::new();
    for pair in words.chunks_exact(2) {
        let name = redis::from_redis_value::<String>(pair[0].clone()).unwrap_or_default();
        if let Some((_, label)) = labels.iter().find(|(known, _)| *known == name)
            && let Ok(value) = redis::from_redis_value::<String>(pair[1].clone())
        {
            facts.push(((*label).to_owned(), value));
        }
    }
    facts
}
