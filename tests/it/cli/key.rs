//! `lookaside key`: elements are decoded as strings are, and an account may lack any of its commands.

use std::collections::BTreeSet;

use super::Place;
use crate::servers::{Recorder, Redis, stdout_of};

/// {"name": "ann", "role": "admin"} in MessagePack, as redis-cli reads it.
const PACKED: &str = "\"\\x82\\xa4name\\xa3ann\\xa4role\\xa5admin\"";
/// JSON in gzip in base64.
const NESTED: &str = "H4sIAAAAAAACA6tWKi1OLYrPS8xNVbJSSszLU9JRKsrPAXNScjPzlGoBLAmdGyIAAAA=";

fn begin(redis: &Redis) {
    let lines = format!(
        "HSET hash plain v packed {PACKED} nested {NESTED}\nRPUSH list {PACKED} not-of-gzip-here\nSADD set {PACKED}\n\
         ZADD zset 1 {PACKED}\nXADD stream 1-1 plain v packed {PACKED}\nSET string {PACKED}\n"
    );
    stdout_of(redis.cli_command(), &lines);
}

#[test]
fn elements_of_each_collection_are_decoded() {
    let place = Place::new();
    begin(place.redis.as_ref().unwrap());
    for (key, head) in [
        ("hash", "packed  (MessagePack)\n"),
        ("list", "     0  (MessagePack)\n"),
        ("set", "(MessagePack)\n"),
        ("zset", "           1  (MessagePack)\n"),
        ("stream", "1-1\n  plain  v\n  packed  (MessagePack)\n"),
    ] {
        let (text, _) = place.good(&["key", key]);
        let expected = format!("{head}    {{2}}\n      name: \"ann\"\n      role: \"admin\"\n");
        assert!(text.contains(&expected), "{key}: {text}");
        let json = place.json(&["key", key, "--json"]);
        let all = json["value"].to_string();
        assert!(all.contains("\"as\":\"MessagePack\""), "{key}: {all}");
    }
    let (text, _) = place.good(&["key", "hash"]);
    assert!(text.contains("plain  v\n"), "{text}");
    assert!(text.contains("nested  (base64, gzip, JSON)\n"), "{text}");
    // As somebody chooses, whatever fits.
    let (text, _) = place.good(&["key", "hash", "--decode", "hex"]);
    assert!(text.contains("plain  00000000  76 "), "{text}");
    assert!(text.contains("00000000  82 a4 6e 61"), "{text}");
    let json = place.json(&["key", "list", "--decode", "gzip", "--json"]);
    let said = json["value"][1]["decoded"]["text"].as_str().unwrap();
    assert!(said.starts_with("These bytes are not gzip"), "{said}");
}

#[test]
fn key_works_without_any_one_of_its_commands() {
    let place = Place::new();
    let redis = place.redis.as_ref().unwrap();
    begin(redis);
    let recorder = Recorder::start(redis.port);
    let through = recorder.url(&redis.url(), redis.port);
    for key in ["string", "hash", "list", "set", "zset", "stream"] {
        let before = recorder.connections().len();
        place.json(&["key", key, "--json", "--redis", &through]);
        let sent: BTreeSet<String> = recorder.connections()[before..]
            .iter()
            .flatten()
            .map(|words| {
                let word = |at: usize| String::from_utf8_lossy(&words[at]).to_lowercase();
                match word(0).as_str() {
                    "client" | "object" | "memory" | "xinfo" | "cluster" => {
                        format!("{}|{}", word(0), word(1))
                    }
                    name => name.to_owned(),
                }
            })
            .collect();
        assert!(sent.contains("type") && sent.len() > 6, "{sent:?}");
        for command in sent {
            if matches!(command.as_str(), "client|no-touch" | "client|setinfo") {
                // Not every server knows these.
                continue;
            }
            let rule = format!("-{command}");
            let rights = [
                "ACL", "SETUSER", "ann", "reset", "on", ">pw-x7", "~*", "+@all", &rule,
            ];
            assert_eq!(redis.cli(&rights).trim(), "OK", "{rule}");
            let url = format!("redis://ann:pw-x7@127.0.0.1:{}/0", redis.port);
            let json = place.json(&["key", key, "--json", "--redis", &url]);
            assert_eq!(json["type"], key, "{rule}: {json}");
            // Whatever the account may not ask is named; what is asked for convenience is left out.
            let name = command.to_uppercase().replace('|', " ");
            let unneeded = [
                "client",
                "info",
                "hello",
                "auth",
                "object|idle",
                "xinfo",
                "type",
                "select",
                "cluster",
            ];
            if !unneeded.iter().any(|start| command.starts_with(start)) {
                let named = json["missing"].to_string() + &json["error"].to_string();
                assert!(named.contains(&name), "{rule}: {json}");
            }
            let (text, _) = place.good(&["key", key, "--redis", &url]);
            assert!(text.starts_with(&format!("Key       {key}\n")), "{text}");
        }
    }
}
