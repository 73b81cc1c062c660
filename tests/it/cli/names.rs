//! The field names that scripts rely on: the commands print what docs/json.md says, no more and no less, and all that
//! was promised once.

use serde_json::Value;

use super::Place;

/// The names of a document as docs/json.md writes them: `report cached{n min_ms} sources[{name}] tables[]`.
fn shape(value: &Value) -> String {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match (name.as_str(), value) {
                // Their names are those of parameters, or go by the type of a key.
                ("params" | "value", _) => name.clone(),
                (_, Value::Object(_)) => format!("{name}{{{}}}", shape(value)),
                (_, Value::Array(items)) => match items.first() {
                    Some(first @ Value::Object(_)) => format!("{name}[{{{}}}]", shape(first)),
                    _ => format!("{name}[]"),
                },
                _ => name.clone(),
            })
            .collect::<Vec<_>>()
            .join(" "),
        Value::Array(items) => shape(&items[0]),
        other => panic!("{other}"),
    }
}

/// Fails unless docs/json.md holds the document's names, and they hold the promised ones.
fn documented(document: &Value, promised: &str) {
    let page = include_str!("../../../docs/json.md");
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    let shape = shape(document);
    assert!(
        page.contains(&format!("`{shape}`")),
        "docs/json.md does not say `{shape}`"
    );
    let names: Vec<&str> = shape.split([' ', '{', '}', '[', ']']).collect();
    for name in promised.split(' ') {
        assert!(names.contains(&name), "{name} is missing in {shape}");
    }
}

#[test]
fn every_document_has_the_names_that_are_written_down() {
    let place = Place::new();
    let url = place.redis.as_ref().unwrap().url();
    documented(
        &place.json(&["warm", "all", "--json"]),
        "name state filled rows took_ms error",
    );
    documented(
        &place.stats(&["run", "all"]),
        "report outcome reason rows bytes total_ms cache_ms db_ms decode_ms age_ms ttl_ms key sha256",
    );
    documented(
        &place.json(&["race", "all", "-n", "1", "--json"]),
        "report n cached n min_ms p50_ms p95_ms p99_ms max_ms uncached speedup identical",
    );
    let reports = place.json(&["reports", "--json"]);
    documented(
        &reports,
        "name params state reason age_ms ttl_ms rows bytes key tables detector hits misses last_cached_ms last_uncached_ms",
    );
    documented(
        &place.json(&["check", "--json"]),
        "cache sources name ok server_version detector delay_ms blind_spots better_by",
    );
    documented(
        &place.json(&["keys", "--json", "--redis", &url]),
        "keys bytes complete elapsed_ms types type ttl bucket prefixes prefix top key elements ttl_ms",
    );
    documented(
        &place.json(&["redis", "--redis", &url, "--json", "DBSIZE"]),
        "command answer took_ms",
    );
    documented(&place.json(&["unwatch", "--json"]), "name removed error");
    let key = reports[0]["key"].as_str().unwrap();
    let key = place.json(&["key", key, "--json"]);
    documented(
        &key,
        "key type encoding ttl_ms bytes elements value truncated",
    );
    assert_eq!(
        (&key["type"], &key["report"]),
        (&"hash".into(), &"all".into())
    );
}
