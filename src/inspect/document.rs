//! An analysis as a JSON document, and back: what the command line prints, the window exports, and either compares with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::items::bytes_json;
use super::{Analysis, BigKey, Bounds, Comparison, Count, Growth, Portion, Sampled};

/// The lists of groups and what a group's name is called in each.
const LISTS: [(&str, &str); 6] = [
    ("types", "type"),
    ("ttl", "bucket"),
    ("encodings", "encoding"),
    ("used", "bucket"),
    ("prefixes", "prefix"),
    ("without_ttl", "prefix"),
];

fn lists(analysis: &Analysis) -> [&Vec<Portion>; 6] {
    [
        &analysis.types,
        &analysis.ttl,
        &analysis.encodings,
        &analysis.used,
        &analysis.prefixes,
        &analysis.without_ttl,
    ]
}

/// The document, as docs/json.md tells. What is left of TTLs is counted from the analysis's own time.
pub fn to_json(analysis: &Analysis) -> Value {
    let mut document = with_figures(json!({}), &analysis.all);
    document["complete"] = json!(analysis.complete);
    document["elapsed_ms"] = json!((analysis.elapsed.as_secs_f64() * 1e6).round() / 1e3);
    document["about"] = json!(analysis.about);
    document["selection"] = json!(analysis.selection);
    document["at"] = json!(time(analysis.at));
    document["prefix_depth"] = json!(analysis.depth);
    for ((list, name), groups) in LISTS.into_iter().zip(lists(analysis)) {
        document[list] = groups
            .iter()
            .map(|group| with_figures(bytes_json(name, &group.name), group))
            .collect();
    }
    document["top"] = big(&analysis.biggest, analysis.at);
    document["longest"] = big(&analysis.longest, analysis.at);
    if let Some(sample) = analysis.sample {
        document["sample"] = json!({ "draws": sample.draws, "of": sample.of });
    }
    document["notes"] = json!(analysis.notes);
    document
}

/// A comparison, as docs/json.md tells.
pub fn comparison_json(comparison: &Comparison) -> Value {
    let list = |name: &str, growths: &[Growth]| -> Value {
        growths
            .iter()
            .map(|growth| grown(bytes_json(name, &growth.name), growth))
            .collect()
    };
    let mut document = grown(json!({ "since": time(comparison.since) }), &comparison.all);
    document["types"] = list("type", &comparison.types);
    document["prefixes"] = list("prefix", &comparison.prefixes);
    document
}

/// Reads the document again, as far as a comparison needs it. The error is one sentence.
pub fn from_json(text: &str) -> Result<Analysis, String> {
    let wrong = || {
        "it is no analysis of a keyspace; write one with lookaside keys --json or with Export in the window".to_owned()
    };
    let document: Value = serde_json::from_str(text).map_err(|_| wrong())?;
    let at = document["at"]
        .as_str()
        .and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok())
        .ok_or_else(wrong)?;
    let mut analysis = Analysis {
        at: at.timestamp_millis(),
        all: group(&document, Vec::new()).ok_or_else(wrong)?,
        about: document["about"].as_u64().unwrap_or_default(),
        selection: document["selection"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        complete: document["complete"].as_bool().ok_or_else(wrong)?,
        depth: document["prefix_depth"].as_u64().ok_or_else(wrong)? as usize,
        sample: document["sample"]["draws"].as_u64().map(|draws| Sampled {
            draws,
            of: document["sample"]["of"].as_u64().unwrap_or_default(),
        }),
        ..Analysis::default()
    };
    for (list, name) in LISTS {
        let groups = document[list]
            .as_array()
            .ok_or_else(wrong)?
            .iter()
            .map(|item| group(item, bytes(item, name)?))
            .collect::<Option<Vec<Portion>>>()
            .ok_or_else(wrong)?;
        match list {
            "types" => analysis.types = groups,
            "ttl" => analysis.ttl = groups,
            "encodings" => analysis.encodings = groups,
            "used" => analysis.used = groups,
            "prefixes" => analysis.prefixes = groups,
            _ => analysis.without_ttl = groups,
        }
    }
    Ok(analysis)
}

fn with_figures(mut object: Value, group: &Portion) -> Value {
    object["keys"] = json!(group.count.keys);
    object["bytes"] = json!(group.count.bytes);
    if let Some(Bounds { low, high }) = group.bounds {
        object["keys_low"] = json!(low.keys);
        object["keys_high"] = json!(high.keys);
        object["bytes_low"] = json!(low.bytes);
        object["bytes_high"] = json!(high.bytes);
    }
    object
}

fn grown(mut object: Value, growth: &Growth) -> Value {
    object["keys"] = json!(growth.keys());
    object["bytes"] = json!(growth.bytes());
    object["certain"] = json!(growth.certain);
    object
}

fn big(keys: &[BigKey], now: i64) -> Value {
    keys.iter()
        .map(|key| {
            let mut object = bytes_json("key", &key.name);
            object["type"] = json!(key.type_name);
            object["bytes"] = json!(key.bytes);
            object["elements"] = json!(key.elements);
            object["ttl_ms"] = json!(key.ttl.left(now));
            object
        })
        .collect()
}

fn time(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms)
        .map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
        .unwrap_or_default()
}

fn bytes(item: &Value, name: &str) -> Option<Vec<u8>> {
    let text = item[name].as_str()?;
    if item[format!("encoding_of_{name}").as_str()] == "base64" {
        STANDARD.decode(text).ok()
    } else {
        Some(text.into())
    }
}

fn group(item: &Value, name: Vec<u8>) -> Option<Portion> {
    let number = |field: &str| item[field].as_u64();
    let bounds = match (
        number("keys_low"),
        number("keys_high"),
        number("bytes_low"),
        number("bytes_high"),
    ) {
        (Some(keys_low), Some(keys_high), Some(bytes_low), Some(bytes_high)) => Some(Bounds {
            low: Count {
                keys: keys_low,
                bytes: bytes_low,
            },
            high: Count {
                keys: keys_high,
                bytes: bytes_high,
            },
        }),
        _ => None,
    };
    Some(Portion {
        name,
        count: Count {
            keys: number("keys")?,
            bytes: number("bytes")?,
        },
        bounds,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Detail;
    use super::super::builder::tests::sample;
    use super::*;

    #[test]
    fn an_analysis_comes_back_from_its_document() {
        let keys = sample(&[b"a:1", b"\xff:2", b"c"]);
        let mut analysis = Analysis::new(
            &keys,
            &[0, 1, 2],
            Detail::default(),
            1_700_000_000_000,
            None,
        );
        analysis.complete = true;
        analysis.types[0].bounds = Some(Bounds {
            low: Count { keys: 1, bytes: 2 },
            high: Count { keys: 3, bytes: 4 },
        });
        let document = to_json(&analysis);
        assert_eq!(document["prefixes"][0]["bytes"], 30);
        let read = from_json(&document.to_string()).unwrap();
        // The biggest keys are not compared, so they are not read.
        let expected = Analysis {
            biggest: Vec::new(),
            longest: Vec::new(),
            ..analysis
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_no_analysis_is_refused_in_one_sentence() {
        for text in [
            "",
            "[]",
            "{}",
            "{\"at\":\"2026-01-01T00:00:00Z\",\"keys\":1}",
            "x",
        ] {
            assert!(
                from_json(text)
                    .unwrap_err()
                    .contains("lookaside keys --json")
            );
        }
    }
}
