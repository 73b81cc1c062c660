//! What does INFO say?

use std::collections::HashMap;
use std::time::Duration;

use super::answer::line;

/// Lines that are read; a server of today sends a few hundred, with one for each command and database.
const LINES: usize = 20_000;
/// Characters of a value that are kept.
const VALUE: usize = 1_000;

/// What INFO said: fields by name, whatever section they stand in.
#[derive(Clone, Debug, Default)]
pub struct Info {
    fields: HashMap<String, String>,
    /// Names in the order of the answer, for fields that come in numbers: `slave0`, `cmdstat_get`.
    order: Vec<String>,
}

impl Info {
    /// Reads INFO's text. A line that is not `name:value` is left out, so that no server can make it fail.
    pub fn read(text: &str) -> Self {
        let mut info = Self::default();
        for row in text.lines().take(LINES) {
            let row = row.trim();
            if row.is_empty() || row.starts_with('#') {
                continue;
            }
            let Some((name, value)) = row.split_once(':') else {
                continue;
            };
            let name = line(name, 200);
            if info
                .fields
                .insert(name.clone(), line(value, VALUE))
                .is_none()
            {
                info.order.push(name);
            }
        }
        info
    }

    /// Whether nothing was said, as where the account may not ask.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// A field's text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// A field that counts.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.trim().parse().ok()
    }

    /// A field that measures; what is not finite or is below zero is no measurement.
    pub fn measure(&self, name: &str) -> Option<f64> {
        let value: f64 = self.get(name)?.trim().parse().ok()?;
        (value.is_finite() && value >= 0.0).then_some(value)
    }

    /// Fields whose names begin so, in the order of the answer: the rest of the name, and the value.
    pub fn beginning<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> + 'a {
        self.order.iter().filter_map(move |name| {
            let rest = name.strip_prefix(prefix)?;
            Some((rest, self.get(name)?))
        })
    }

    /// `Redis` or `Valkey`, or as a server that is neither calls itself.
    pub fn product(&self) -> &str {
        match (self.get("valkey_version"), self.get("server_name")) {
            (Some(_), _) => "Valkey",
            (None, Some(name)) if !name.eq_ignore_ascii_case("redis") => name,
            _ => "Redis",
        }
    }

    /// Its version, empty where it is not told.
    pub fn version(&self) -> &str {
        self.get("valkey_version")
            .or_else(|| self.get("redis_version"))
            .unwrap_or_default()
    }

    /// `standalone`, `cluster` or `sentinel`.
    pub fn mode(&self) -> &str {
        self.get("server_mode")
            .or_else(|| self.get("redis_mode"))
            .unwrap_or("standalone")
    }

    /// How long it has been running.
    pub fn uptime(&self) -> Option<Duration> {
        self.number("uptime_in_seconds").map(Duration::from_secs)
    }

    /// Keys of all databases together, and those of them that have a TTL.
    pub fn keys(&self) -> (u64, u64) {
        let (mut keys, mut expires) = (0_u64, 0_u64);
        for (number, value) in self.beginning("db") {
            if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                continue;
            }
            let of = |wanted| parts(value).find(|(name, _)| *name == wanted);
            let count = |wanted| {
                of(wanted)
                    .and_then(|(_, n)| n.parse().ok())
                    .unwrap_or(0_u64)
            };
            keys = keys.saturating_add(count("keys"));
            expires = expires.saturating_add(count("expires"));
        }
        (keys, expires)
    }
}

/// The parts of a value like `keys=1,expires=0`.
pub(super) fn parts(value: &str) -> impl Iterator<Item = (&str, &str)> {
    value.split(',').filter_map(|part| part.split_once('='))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a redis-server 7.0 says, shortened.
    pub(in crate::inspect::server) const GOLDEN: &str = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nprocess_id:24620\r\nrun_id:62144258f14a20dcef3767821e74f19f695346e5\r\ntcp_port:7391\r\nuptime_in_seconds:3601\r\n\r\n# Clients\r\nconnected_clients:3\r\nmaxclients:10000\r\nblocked_clients:1\r\n\r\n# Memory\r\nused_memory:210763776\r\nused_memory_rss:348127232\r\nused_memory_peak:220000000\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\nmem_fragmentation_ratio:1.65\r\nmem_allocator:jemalloc-5.3.0\r\nactive_defrag_running:0\r\n\r\n# Stats\r\ntotal_connections_received:12\r\ntotal_commands_processed:5000\r\ntotal_net_input_bytes:140000\r\ntotal_net_output_bytes:9900000\r\nrejected_connections:0\r\nexpired_keys:40\r\nevicted_keys:7\r\nkeyspace_hits:900\r\nkeyspace_misses:100\r\n\r\n# Replication\r\nrole:master\r\nconnected_slaves:1\r\nslave0:ip=10.0.0.8,port=6379,state=online,offset=14000,lag=1\r\nmaster_replid:ab\r\nmaster_repl_offset:14042\r\n\r\n# CPU\r\nused_cpu_sys:1.25\r\nused_cpu_user:2.75\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\ndb0:keys=12,expires=3,avg_ttl=900\r\ndb3:keys=5,expires=0,avg_ttl=0\r\n";

    #[test]
    fn every_section_is_read() {
        let info = Info::read(GOLDEN);
        assert_eq!(
            (info.product(), info.version(), info.mode()),
            ("Redis", "7.0.15", "standalone")
        );
        assert_eq!(info.uptime(), Some(Duration::from_secs(3601)));
        assert_eq!(info.number("used_memory"), Some(210_763_776));
        assert_eq!(info.measure("mem_fragmentation_ratio"), Some(1.65));
        assert_eq!(info.keys(), (17, 3));
        let replicas: Vec<_> = info.beginning("slave").map(|(rest, _)| rest).collect();
        assert_eq!(replicas, ["0"]);
        let valkey = Info::read(
            "server_name:valkey\nredis_version:7.2.4\nvalkey_version:9.0.0\nserver_mode:cluster",
        );
        assert_eq!(
            (valkey.product(), valkey.version(), valkey.mode()),
            ("Valkey", "9.0.0", "cluster")
        );
    }

    #[test]
    fn hostile_text_is_no_figure() {
        let info = Info::read(
            "no colon\r\n:\nused_memory:-5\nused_memory:99999999999999999999999\nmem_fragmentation_ratio:NaN\nx\u{1b}[31m:y\u{202e}\ndb0:keys=,expires=x\ndbx:keys=9\ndb1:keys=18446744073709551615,expires=0\ndb2:keys=5,expires=1",
        );
        assert_eq!(info.number("used_memory"), None);
        assert_eq!(info.measure("mem_fragmentation_ratio"), None);
        assert_eq!(info.keys(), (u64::MAX, 1));
        assert!(
            info.beginning("x")
                .all(|(name, value)| !name.contains('\u{1b}') && !value.contains('\u{202e}'))
        );
        assert!(Info::read("").is_empty());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(?s).{0,400}") {
            let info = Info::read(&text);
            let _ = (info.keys(), info.uptime(), info.product());
        }
    }
}
