//! Which entries could be audited, and what did the auditors find? The totals lie beside the entries, so that every
//! process tells the same ones, whoever checked.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{CacheError, Protocol};
use crate::report::EntryKey;

/// What the auditors of a source found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditTotals {
    /// Fresh entries that were compared with the database.
    pub checked: u64,
    /// Those that were not what the query returns: must be zero.
    pub wrong: u64,
    /// Comparisons that say nothing, because something changed meanwhile or the query lets the database choose.
    pub void: u64,
    /// When the last comparison ended.
    pub last_at: Option<DateTime<Utc>>,
    /// The last wrong one.
    pub last_wrong: Option<Wrong>,
}

/// An entry that was called fresh and was not what the query returns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrong {
    /// When that was found.
    pub at: DateTime<Utc>,
    /// The report.
    pub report: String,
    /// The parameters in one line.
    pub params: String,
    /// The whole Redis key of the entry's header.
    pub key: String,
    /// What differed, in one sentence.
    pub what: String,
}

impl AuditTotals {
    /// Both together, for several sources.
    pub fn add(&mut self, other: &Self) {
        self.checked += other.checked;
        self.wrong += other.wrong;
        self.void += other.void;
        self.last_at = self.last_at.max(other.last_at);
        let at = |wrong: &Option<Wrong>| wrong.as_ref().map(|wrong| wrong.at);
        if at(&other.last_wrong) > at(&self.last_wrong) {
            self.last_wrong.clone_from(&other.last_wrong);
        }
    }
}

impl Protocol {
    /// Adds what an auditor found; `wrong` where the entry was.
    pub async fn audited(&self, found: &AuditTotals) -> Result<(), CacheError> {
        let key = self.keys().audit();
        let mut pipeline = redis::pipe();
        for (field, count) in [
            ("checked", found.checked),
            ("wrong", found.wrong),
            ("void", found.void),
        ] {
            if count > 0 {
                pipeline
                    .cmd("HINCRBY")
                    .arg(&key)
                    .arg(field)
                    .arg(count)
                    .ignore();
            }
        }
        if let Some(at) = found.last_at {
            let at = at.timestamp_millis();
            pipeline
                .cmd("HSET")
                .arg(&key)
                .arg("last_at")
                .arg(at)
                .ignore();
        }
        if let Some(json) = found
            .last_wrong
            .as_ref()
            .and_then(|wrong| serde_json::to_string(wrong).ok())
        {
            pipeline
                .cmd("HSET")
                .arg(&key)
                .arg("last_wrong")
                .arg(json)
                .ignore();
        }
        self.cache().small_pipeline(&pipeline).await
    }

    /// What the auditors of this source found so far.
    pub async fn audit_totals(&self) -> Result<AuditTotals, CacheError> {
        let fields: HashMap<String, String> = self
            .cache()
            .query(redis::cmd("HGETALL").arg(self.keys().audit()))
            .await?;
        let number = |name: &str| fields.get(name).and_then(|text| text.parse().ok());
        let json = fields.get("last_wrong");
        Ok(AuditTotals {
            checked: number("checked").unwrap_or_default(),
            wrong: number("wrong").unwrap_or_default(),
            void: number("void").unwrap_or_default(),
            last_at: fields
                .get("last_at")
                .and_then(|text| text.parse().ok())
                .and_then(DateTime::from_timestamp_millis),
            last_wrong: json.and_then(|json| serde_json::from_str(json).ok()),
        })
    }

    /// Every entry that a detector may vouch for, as far as the cache lists them: those that depend on a table it
    /// knows, and those that somebody asked for lately.
    pub async fn vouched(&self) -> Result<BTreeSet<EntryKey>, CacheError> {
        let mut found: BTreeSet<EntryKey> = self
            .demand()
            .await?
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        let fields: Vec<String> = self
            .cache()
            .query(redis::cmd("HKEYS").arg(self.keys().versions()))
            .await?;
        // A table's name that begins with `_` has another one before it; the other fields are no tables.
        let tables = fields
            .iter()
            .filter_map(|field| match field.strip_prefix('_') {
                None => Some(field.as_str()),
                Some(rest) => rest.starts_with('_').then_some(rest),
            });
        for table in tables {
            let mut cursor = 0_u64;
            loop {
                let (next, members): (u64, Vec<String>) = self
                    .cache()
                    .query(
                        redis::cmd("SSCAN")
                            .arg(self.keys().table(table))
                            .arg(cursor)
                            .arg("COUNT")
                            .arg(1000),
                    )
                    .await?;
                found.extend(members.iter().filter_map(|hex| EntryKey::from_hex(hex)));
                if next == 0 {
                    break;
                }
                cursor = next;
            }
        }
        Ok(found)
    }
}
