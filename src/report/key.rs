//! The entry key: the one place where it is computed.
//!
//! Every part goes into the hash as a tag (what it is), its length, and its bytes, so that no two different lists of
//! parts give the same bytes to hash.

use super::{Params, Report, Value};

/// Changes when the way of hashing changes, so that old entries are never read as new ones.
const VERSION: &str = "lookaside entry 1";

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

/// A 256-bit blake3 hash over typed, length-prefixed parts: source identity, session settings, the SQL, the tables where
/// the workspace names them, and each parameter's name, type and value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryKey([u8; 32]);

impl EntryKey {
    /// The key of `report` with `params` on a source.
    ///
    /// The report's name, the rest of its policy and the order of its parameters do not matter: the same question on the
    /// same source has one entry. Tables that the workspace names do matter: an entry that only their changes make stale
    /// must not answer a report that depends on others.
    pub fn new(source: &SourceIdentity, report: &Report, params: &Params) -> Self {
        let mut parts = Parts(blake3::Hasher::new());
        parts.add("version", VERSION.as_bytes());
        parts.add("kind", source.kind.as_bytes());
        parts.add("server", source.server.as_bytes());
        parts.add("database", source.database.as_bytes());
        parts.add("user", source.user.as_bytes());
        for (setting, value) in &source.session {
            parts.add("setting", setting.as_bytes());
            parts.add("set to", value.as_bytes());
        }
        parts.add("sql", report.sql.as_bytes());
        parts.tables(report);
        let mut params: Vec<_> = params.0.iter().collect();
        params.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (name, value) in params {
            parts.add("param", name.as_bytes());
            // A NULL of type text and one of type date can give different answers, and so can two empty lists.
            let declared = report.params.iter().find(|spec| spec.name == *name);
            parts.add(
                "declared",
                declared
                    .map(super::ParamSpec::type_name)
                    .unwrap_or_default()
                    .as_bytes(),
            );
            parts.value(value);
        }
        Self(*parts.0.finalize().as_bytes())
    }

    /// The 64 hexadecimal digits that stand in Redis keys.
    pub fn hex(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        // `from_str_radix` alone would take a plus sign.
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl Report {
    /// What tells a report from every other that a worker could refresh: its name, SQL, parameters and policy. 32
    /// hexadecimal digits.
    pub fn id(&self) -> String {
        let mut parts = Parts(blake3::Hasher::new());
        parts.add("version", VERSION.as_bytes());
        parts.add("name", self.name.as_bytes());
        parts.add("sql", self.sql.as_bytes());
        parts.add("refresh", format!("{:?}", self.refresh).as_bytes());
        parts.tables(self);
        for spec in &self.params {
            parts.add("param", spec.name.as_bytes());
            parts.add("declared", spec.type_name().as_bytes());
        }
        parts.0.finalize().to_hex()[..32].to_owned()
    }
}

struct Parts(blake3::Hasher);

impl Parts {
    fn add(&mut self, tag: &str, bytes: &[u8]) {
        for part in [tag.as_bytes(), bytes] {
            self.0.update(&(part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    /// The tables that the workspace names, in any order.
    fn tables(&mut self, report: &Report) {
        let mut tables: Vec<_> = report.tables.iter().flatten().collect();
        tables.sort();
        tables.dedup();
        for table in tables {
            self.add("table", table.as_bytes());
        }
    }

    fn value(&mut self, value: &Value) {
        let tag = value.type_name();
        match value {
            Value::Null | Value::NullOf(_) => self.add(tag, &[]),
            Value::Text(text) | Value::Decimal(text) => self.add(tag, text.as_bytes()),
            Value::Integer(number) => self.add(tag, &number.to_le_bytes()),
            Value::Float(number) => self.add(tag, &number.to_bits().to_le_bytes()),
            Value::Boolean(truth) => self.add(tag, &[u8::from(*truth)]),
            Value::Date(_) | Value::Timestamp(_) | Value::TimestampUtc(_) => {
                self.add(tag, value.text().as_bytes());
            }
            Value::List(values) => {
                self.add(tag, &(values.len() as u64).to_le_bytes());
                for value in values {
                    self.value(value);
                }
            }
        }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::{ParamSpec, ParamType, Refresh};
    use super::*;

    fn source() -> SourceIdentity {
        SourceIdentity {
            kind: "mysql".to_owned(),
            server: "db:3306".to_owned(),
            database: "shop".to_owned(),
            user: "reader".to_owned(),
            session: vec![("time_zone".to_owned(), "+00:00".to_owned())],
        }
    }

    fn report(sql: &str) -> Report {
        Report {
            name: "r".to_owned(),
            source: "s".to_owned(),
            sql: sql.to_owned(),
            params: vec![],
            ttl: Duration::from_mins(1),
            stale_for: Duration::ZERO,
            serve_on_error: crate::report::ServeOnError::default(),
            refresh: Refresh::Ttl,
            tables: None,
            timeout: None,
            trusted_sql: false,
        }
    }

    fn key(params: &[(&str, Value)]) -> EntryKey {
        let params = Params(
            params
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        );
        EntryKey::new(&source(), &report("SELECT 1"), &params)
    }

    #[test]
    fn values_that_look_alike_differ() {
        use Value::{Boolean, Decimal, Float, Integer, List, Null, Text};
        let text = |text: &str| Text(text.to_owned());
        let all = [
            key(&[]),
            key(&[("a", Null), ("b", Integer(5))]),
            key(&[("a", Integer(5)), ("b", Null)]),
            key(&[("a", text("1"))]),
            key(&[("a", Integer(1))]),
            key(&[("a", Decimal("1".to_owned()))]),
            key(&[("a", Float(1.0))]),
            key(&[("a", Float(0.0))]),
            key(&[("a", Float(-0.0))]),
            key(&[("a", Boolean(true))]),
            key(&[("a", Null)]),
            key(&[("a", text(""))]),
            key(&[("a", List(vec![]))]),
            key(&[("a", List(vec![Null]))]),
            key(&[("a", List(vec![List(vec![]), Null]))]),
            key(&[("a", List(vec![List(vec![Null])]))]),
            key(&[("a", List(vec![text("ab")]))]),
            key(&[("a", List(vec![text("a"), text("b")]))]),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn the_declared_type_of_a_null_counts_and_the_order_of_parameters_does_not() {
        let with = |kind, list| {
            let mut report = report("SELECT :a");
            report.params.push(ParamSpec {
                name: "a".to_owned(),
                kind,
                list,
                default: None,
            });
            EntryKey::new(
                &source(),
                &report,
                &Params(vec![("a".to_owned(), Value::Null)]),
            )
        };
        assert_ne!(with(ParamType::Text, false), with(ParamType::Date, false));
        assert_ne!(with(ParamType::Text, false), with(ParamType::Text, true));
        let (a, b) = (("a", Value::Integer(1)), ("b", Value::Integer(2)));
        assert_eq!(key(&[a.clone(), b.clone()]), key(&[b, a]));
    }

    #[test]
    fn tables_that_the_workspace_names_count_and_their_order_does_not() {
        let with = |tables: &[&str]| {
            let mut report = report("SELECT 1");
            report.tables = Some(tables.iter().map(|&name| name.to_owned()).collect());
            (
                EntryKey::new(&source(), &report, &Params::default()),
                report.id(),
            )
        };
        assert_ne!(with(&["u"]).0, key(&[]), "narrower than what the SQL reads");
        assert_ne!(with(&["u"]), with(&["t"]));
        assert_eq!(with(&["u", "t"]), with(&["t", "u"]));
    }

    #[test]
    fn each_part_of_the_source_counts() {
        let keyed = |source: &SourceIdentity| {
            EntryKey::new(source, &report("SELECT 1"), &Params::default())
        };
        let mut all = vec![keyed(&source())];
        let changes: [fn(&mut SourceIdentity); 7] = [
            |source| source.kind.push('x'),
            |source| source.server.push('x'),
            |source| source.database.push('x'),
            |source| source.user.push('x'),
            |source| source.session[0].1.push('x'),
            |source| source.session.clear(),
            |source| {
                source.user.clear();
                source.database.push_str("reader");
            },
        ];
        for change in changes {
            let mut source = source();
            change(&mut source);
            all.push(keyed(&source));
        }
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn hexadecimal_is_read_back_and_wrong_texts_are_refused() {
        let key = key(&[]);
        assert_eq!(EntryKey::from_hex(&key.hex()), Some(key));
        for wrong in ["", "+1", &"é".repeat(32), &"+f".repeat(32), &key.hex()[1..]] {
            assert_eq!(EntryKey::from_hex(wrong), None, "{wrong}");
        }
    }

    proptest! {
        /// Whatever the texts are: different lists of parts, different keys; also where only a border between two
        /// parts moves.
        #[test]
        fn moving_a_byte_between_parts_changes_the_key(texts in proptest::collection::vec("[ab]{0,3}", 4), at in 0..3_usize) {
            let make = |texts: &[String]| {
                let mut source = source();
                source.server.clone_from(&texts[0]);
                source.database.clone_from(&texts[1]);
                let params = Params(vec![(format!("p{}", texts[2]), Value::Text(texts[3].clone()))]);
                EntryKey::new(&source, &report("SELECT 1"), &params)
            };
            let mut moved = texts.clone();
            if let Some(byte) = moved[at].pop() {
                moved[at + 1].insert(0, byte);
                prop_assert_ne!(make(&texts), make(&moved));
            } else {
                prop_assert_eq!(make(&texts), make(&moved));
            }
        }

        #[test]
        fn different_questions_have_different_keys(
            questions in proptest::collection::vec(("[a:]{0,3}", proptest::collection::vec("[a,]{0,3}", 0..3)), 2..20)
        ) {
            let mut seen = BTreeMap::new();
            for (sql, values) in questions {
                let list = Value::List(values.iter().cloned().map(Value::Text).collect());
                let key = EntryKey::new(&source(), &report(&sql), &Params(vec![("p".to_owned(), list)]));
                let before = seen.insert(key, (sql.clone(), values.clone()));
                prop_assert!(before.is_none_or(|before| before == (sql, values)));
            }
        }
    }
}
