//! The entry key: the one place where it is computed.

use super::{Params, Report};

/// What a source is, as far as results depend on it, known without connecting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceIdentity {
    /// `sqlite`, `mysql`, `postgres`...
    pub kind: String,
    /// Host and port, or the absolute path of the file.
    pub server: String,
    /// Database name, empty for SQLite.
    pub database: String,
    /// User, empty for SQLite.
    pub user: String,
    /// Session settings that change results, as we set them: `time_zone=+00:00`...
    pub session: Vec<(String, String)>,
}

/// A 256-bit blake3 hash over typed, length-prefixed parts: source identity, session settings, the SQL, and each
/// parameter's name, type and value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryKey([u8; 32]);

impl EntryKey {
    /// The key of `report` with `params` on a source.
    pub fn new(_source: &SourceIdentity, _report: &Report, _params: &Params) -> Self {
        todo!()
    }

    /// The 64 hexadecimal digits that stand in Redis keys.
    pub fn hex(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl std::fmt::Debug for EntryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EntryKey({})", self.hex())
    }
}

impl std::fmt::Display for EntryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.hex())
    }
}
