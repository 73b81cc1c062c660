//! What each key is called. The one place where a key's name is put together.

use crate::report::{EntryKey, SourceIdentity};

/// The names of one source's keys.
///
/// Versions, headers, locks and table sets share the hash tag `{src}`, so that one script may touch them together on
/// Redis Cluster too and no header can outlive its versions. `src` is the source's name, for people, and a hash of
/// what the source is: two workspaces that call different databases by one name must not vouch for each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceKeys {
    prefix: String,
    src: String,
}

impl SourceKeys {
    /// The keys of the source `name` that is `identity`, under `prefix`.
    pub fn new(prefix: &str, name: &str, identity: &SourceIdentity) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in [
            &identity.kind,
            &identity.server,
            &identity.database,
            &identity.user,
        ] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let hash = hasher.finalize().to_hex();
        let name: String = name
            .chars()
            .map(|c| {
                if c.is_alphanumeric() || "-_.".contains(c) {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        Self {
            prefix: prefix.to_owned(),
            src: format!("{{{name}-{}}}", &hash[..8]),
        }
    }

    /// Versions: epoch, applied position, heartbeat, and each table's position of its last change.
    pub fn versions(&self) -> String {
        self.key("v")
    }

    /// The header of an entry.
    pub fn header(&self, key: &EntryKey) -> String {
        format!("{}{}", self.headers(), key.hex())
    }

    /// What the name of every header begins with.
    pub fn headers(&self) -> String {
        self.key("e:")
    }

    /// The fill lock of an entry.
    pub fn lock(&self, key: &EntryKey) -> String {
        self.key(&format!("l:{}", key.hex()))
    }

    /// The last failed refresh of an entry.
    pub fn failure(&self, key: &EntryKey) -> String {
        self.key(&format!("f:{}", key.hex()))
    }

    /// The worker's lease.
    pub fn worker(&self) -> String {
        self.key("worker")
    }

    /// Reports that the worker refreshes.
    pub fn refreshes(&self) -> String {
        self.key("refreshes")
    }

    /// Entries by recent requests.
    pub fn demand(&self) -> String {
        self.key("demand")
    }

    /// What the auditor checked.
    pub fn audit(&self) -> String {
        self.key("audit")
    }

    /// Entries that depend on a table.
    pub fn table(&self, table: &str) -> String {
        self.key(&format!("t:{table}"))
    }

    fn key(&self, rest: &str) -> String {
        format!("{}:{}:{rest}", self.prefix, self.src)
    }
}

/// A payload chunk. Untagged: chunks spread over a cluster.
pub fn chunk(prefix: &str, fill: &str, number: usize) -> String {
    format!("{prefix}:c:{fill}:{number}")
}

/// The stream of what engines and workers did.
pub fn events(prefix: &str) -> String {
    format!("{prefix}:events")
}

/// What a Redis key is to us, for whoever looks at a keyspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ours {
    /// The header of an entry.
    Header(EntryKey),
    /// A chunk of a payload: fill id and number.
    Chunk(String, usize),
    /// Versions, lease, lock, failure, demand, table set, audit or events.
    Other,
}

/// Recognises our own keys; `None` for anybody else's.
pub fn recognise(prefix: &str, key: &str) -> Option<Ours> {
    let rest = key.strip_prefix(prefix)?.strip_prefix(':')?;
    if rest == "events" {
        return Some(Ours::Other);
    }
    if let Some(rest) = rest.strip_prefix("c:") {
        let (fill, number) = rest.rsplit_once(':')?;
        return Some(Ours::Chunk(fill.to_owned(), number.parse().ok()?));
    }
    let (_, rest) = rest.strip_prefix('{')?.split_once("}:")?;
    match rest.split_once(':') {
        Some(("e", hex)) => Some(Ours::Header(EntryKey::from_hex(hex)?)),
        Some(("l" | "t" | "f", _)) => Some(Ours::Other),
        None if ["v", "worker", "refreshes", "demand", "audit"].contains(&rest) => {
            Some(Ours::Other)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn identity(server: &str) -> SourceIdentity {
        SourceIdentity {
            kind: "sqlite".into(),
            server: server.into(),
            database: String::new(),
            user: String::new(),
            session: Vec::new(),
        }
    }

    #[test]
    fn one_name_for_two_databases_shares_nothing() {
        let one = SourceKeys::new("p", "shop", &identity("/a"));
        let two = SourceKeys::new("p", "shop", &identity("/b"));
        assert_ne!(one.versions(), two.versions());
    }

    #[test]
    fn a_brace_in_the_name_cannot_move_the_hash_tag() {
        let keys = SourceKeys::new("p", "a}b", &identity("/a"));
        assert!(
            keys.versions().starts_with("p:{a_b-"),
            "{}",
            keys.versions()
        );
    }

    #[test]
    fn our_keys_are_recognised() {
        let keys = SourceKeys::new("p", "shop", &identity("/a"));
        let key = EntryKey::from_hex(&"0f".repeat(32)).unwrap();
        assert_eq!(recognise("p", &keys.header(&key)), Some(Ours::Header(key)));
        assert_eq!(
            recognise("p", &chunk("p", "ab", 3)),
            Some(Ours::Chunk("ab".into(), 3))
        );
        for other in [
            keys.versions(),
            keys.worker(),
            keys.demand(),
            keys.refreshes(),
            keys.audit(),
            keys.lock(&key),
            keys.failure(&key),
            keys.table("o:x"),
            events("p"),
        ] {
            assert_eq!(recognise("p", &other), Some(Ours::Other), "{other}");
        }
        for foreign in [
            "q:{x}:v",
            "p",
            "p:",
            "p:session:1",
            "p:{x}:other",
            "p:{x",
            "p:c:x",
            "p:{x}:e:12",
        ] {
            assert_eq!(recognise("p", foreign), None, "{foreign}");
        }
    }
}
