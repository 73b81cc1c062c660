//! What was recorded?

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

/// Of the recordings, the one with the most rows.
pub(crate) const MANY_ROWS: &str =
    "SELECT id, name, qty, price, ratio, day, at, flag FROM dbo.t_mixed ORDER BY id";

/// One recording.
pub(crate) struct Recording {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) sql: String,
    pub(crate) expected: Value,
    pub(super) response: Vec<u8>,
}

/// Every recording, and the sign-in.
pub(crate) struct Recordings {
    pub(crate) all: Vec<Recording>,
    pub(super) handshake: HashMap<String, Vec<u8>>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tds")
}

fn read(file: &str) -> Vec<u8> {
    std::fs::read(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

impl Recording {
    /// The bytes that the server sent.
    pub(crate) fn response(&self) -> &[u8] {
        &self.response
    }
}

impl Recordings {
    /// The bytes that the server sent while its client signed in.
    pub(crate) fn handshake(&self, name: &str) -> &[u8] {
        &self.handshake[name]
    }

    pub(crate) fn load() -> Arc<Self> {
        let index: Value = serde_json::from_slice(&read("index.json")).unwrap();
        let handshake = index["handshake"].as_object().unwrap();
        let handshake = handshake
            .iter()
            .filter(|(name, _)| name.ends_with("_response"))
            .map(|(name, file)| (name.clone(), read(file.as_str().unwrap())))
            .collect();
        let recordings = index["recordings"].as_array().unwrap();
        let all = recordings
            .iter()
            .map(|recording| {
                let text = |key: &str| recording[key].as_str().unwrap_or_default().to_owned();
                let name = text("name");
                Recording {
                    expected: serde_json::from_slice(&read(&format!("expected/{name}.json")))
                        .unwrap(),
                    response: read(&format!("responses/{name}.bin")),
                    kind: text("kind"),
                    sql: text("sql"),
                    name,
                }
            })
            .collect();
        Arc::new(Self { all, handshake })
    }

    pub(super) fn find(&self, kind: &str, sql: &str) -> Option<&Recording> {
        let found = |kind: &str| {
            self.all
                .iter()
                .find(|recording| recording.kind == kind && recording.sql == sql)
        };
        // Every report goes by sp_executesql; how an answer ends is all that differs.
        found(kind).or_else(|| found("batch"))
    }
}
