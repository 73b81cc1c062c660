//! What does a setting mean, and what is it where nobody set it? In our words, a sentence each.

/// What is known of a setting.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct About {
    /// What it means; empty where it is not known here.
    pub text: &'static str,
    /// The default as the server writes it; several, where versions differ, parted by " or ".
    pub default: Option<&'static str>,
}

/// What is known of a setting of this product and version.
pub(super) fn about(name: &str, product: &str, version: &str) -> About {
    let found = SETTINGS.binary_search_by_key(&name, |(name, _, _)| name);
    let Ok(at) = found else {
        return About::default();
    };
    let (name, default, text) = SETTINGS[at];
    let major: u32 = version
        .split('.')
        .next()
        .and_then(|part| part.parse().ok())
        .unwrap_or_default();
    // Valkey 8 deletes in the background unless it is told not to.
    let default = match default {
        "no" if product == "Valkey" && major >= 8 && is_lazy(name) => Some("yes"),
        UNKNOWN => None,
        known => Some(known),
    };
    About { text, default }
}

/// Whether a setting is known, and its value no secret unless its name says so.
pub(in crate::inspect) fn is_known_setting(name: &str) -> bool {
    let explained = SETTINGS.binary_search_by_key(&name, |(name, _, _)| name);
    explained.is_ok() || WORDS.binary_search(&name).is_ok()
}

/// Settings whose values are words, paths or addresses, and that are not explained here: those of Redis 8.2, Valkey 9
/// and Redis Sentinel; sorted.
const WORDS: &[&str] = &[
    "announce-ip",
    "aof-rewrite-cpulist",
    "aof_rewrite_cpulist",
    "appenddirname",
    "appendfilename",
    "appendfsync",
    "availability-zone",
    "bf-expansion-factor",
    "bgsave-cpulist",
    "bgsave_cpulist",
    "bind",
    "bind-source-addr",
    "bio-cpulist",
    "bio_cpulist",
    "client-default-resp",
    "client-query-buffer-limit",
    "cluster-announce-client-ipv4",
    "cluster-announce-client-ipv6",
    "cluster-announce-hostname",
    "cluster-announce-human-nodename",
    "cluster-announce-ip",
    "cluster-config-file",
    "cluster-preferred-endpoint-type",
    "cluster-slot-stats-enabled",
    "dbfilename",
    "dir",
    "enable-debug-command",
    "enable-module-command",
    "enable-protected-configs",
    "ignore-warnings",
    "key-memory-histograms",
    "latency-tracking-info-percentiles",
    "locale-collate",
    "log-format",
    "log-timestamp-format",
    "logfile",
    "loglevel",
    "maxmemory-clients",
    "oom-score-adj",
    "oom-score-adj-values",
    "pidfile",
    "proc-title-template",
    "propagation-error-behavior",
    "rdb-version-check",
    "rdma-bind",
    "repl-diskless-load",
    "replica-announce-ip",
    "replicaof",
    "resolve-hostnames",
    "sanitize-dump-payload",
    "save",
    "search-default-dialect",
    "search-default-scorer",
    "search-ext-load",
    "search-friso-ini",
    "search-on-oom",
    "search-on-timeout",
    "server-cpulist",
    "server_cpulist",
    "shutdown-on-sigint",
    "shutdown-on-sigterm",
    "slave-announce-ip",
    "slaveof",
    "socket-mark-id",
    "supervised",
    "syslog-facility",
    "syslog-ident",
    "tls-auth-clients",
    "tls-ca-cert-dir",
    "tls-ca-cert-file",
    "tls-cert-file",
    "tls-ciphers",
    "tls-ciphersuites",
    "tls-client-cert-file",
    "tls-client-key-file",
    "tls-dh-params-file",
    "tls-key-file",
    "tls-protocols",
    "ts-compaction-policy",
    "ts-duplicate-policy",
    "ts-encoding",
    "unixsocket",
    "unixsocketgroup",
    "unixsocketperm",
];

fn is_lazy(name: &str) -> bool {
    name.starts_with("lazyfree-") || name == "replica-lazy-flush"
}

/// No default is the same everywhere: a port, a folder.
const UNKNOWN: &str = "?";

/// Name, default, explanation; sorted by name.
const SETTINGS: &[(&str, &str, &str)] = &[
    (
        "acl-pubsub-default",
        "resetchannels or allchannels",
        "Which channels a new account may use",
    ),
    (
        "aclfile",
        "",
        "File with the accounts; empty: they stand in the configuration file",
    ),
    (
        "active-defrag-cycle-max",
        "25",
        "Most of a core, in percent, that defragmentation may take",
    ),
    (
        "active-defrag-cycle-min",
        "1",
        "Least of a core, in percent, that defragmentation takes",
    ),
    (
        "active-defrag-ignore-bytes",
        "104857600",
        "Wasted bytes below which defragmentation does not begin",
    ),
    (
        "active-defrag-threshold-lower",
        "10",
        "Wasted percent from which defragmentation begins",
    ),
    (
        "active-expire-effort",
        "1",
        "How hard expired keys are looked for, 1 to 10: more frees memory sooner and takes time",
    ),
    (
        "activedefrag",
        "no",
        "Moves values together while running, so that freed memory goes back to the system",
    ),
    (
        "activerehashing",
        "yes",
        "Uses idle moments to resize the tables of keys",
    ),
    (
        "aof-use-rdb-preamble",
        "yes",
        "Begins a rewritten append-only file with a snapshot, which loads faster",
    ),
    (
        "appendfsync",
        "everysec",
        "When the append-only file reaches the disk: always, everysec (at most a second is lost), no",
    ),
    (
        "appendonly",
        "no",
        "Writes each change to a file, so that a restart loses little; a pure cache needs none",
    ),
    (
        "auto-aof-rewrite-min-size",
        "67108864",
        "Size below which the append-only file is not rewritten",
    ),
    (
        "auto-aof-rewrite-percentage",
        "100",
        "Growth after which the append-only file is rewritten",
    ),
    (
        "bind",
        "* -::* or 127.0.0.1 -::1",
        "Addresses that it listens on; * is every one, open to whoever reaches the machine",
    ),
    (
        "busy-reply-threshold",
        "5000",
        "Milliseconds after which other clients are told that a script runs",
    ),
    (
        "client-output-buffer-limit",
        "normal 0 0 0 replica 268435456 67108864 60 pubsub 33554432 8388608 60",
        "When a client that does not read its answers is cut off: hard limit, soft limit, its seconds; by kind of client",
    ),
    (
        "client-query-buffer-limit",
        "1073741824",
        "Bytes that a single request may take",
    ),
    (
        "cluster-enabled",
        "no",
        "Part of a cluster: keys are spread over several servers",
    ),
    (
        "cluster-node-timeout",
        "15000",
        "Milliseconds after which a silent node counts as failed",
    ),
    (
        "cluster-require-full-coverage",
        "yes",
        "Refuses everything while a slot is served by nobody",
    ),
    ("databases", "16", "How many numbered databases there are"),
    ("dbfilename", "dump.rdb", "Name of the snapshot file"),
    (
        "dir",
        UNKNOWN,
        "Folder of snapshots and the append-only file",
    ),
    (
        "dynamic-hz",
        "yes",
        "Does housekeeping more often when many clients are connected",
    ),
    (
        "enable-debug-command",
        "no",
        "Whether DEBUG, which can stop the server, may be used",
    ),
    (
        "hash-max-listpack-entries",
        "512 or 128",
        "Fields up to which a hash is kept in its small form",
    ),
    (
        "hash-max-listpack-value",
        "64",
        "Bytes of a field up to which a hash is kept in its small form",
    ),
    (
        "hll-sparse-max-bytes",
        "3000",
        "Bytes up to which a HyperLogLog is kept in its small form",
    ),
    (
        "hz",
        "10",
        "Housekeeping rounds a second: expiring, closing, resizing",
    ),
    (
        "io-threads",
        "1",
        "Threads that read and write sockets; commands still run in one",
    ),
    (
        "io-threads-do-reads",
        "no",
        "Whether those threads read requests too",
    ),
    (
        "jemalloc-bg-thread",
        "yes",
        "Gives freed memory back to the system in the background",
    ),
    (
        "latency-monitor-threshold",
        "0",
        "Milliseconds from which what holds the server up is noted; 0: nothing is",
    ),
    (
        "latency-tracking",
        "yes",
        "Keeps percentiles of each command's time for INFO latencystats",
    ),
    (
        "lazyfree-lazy-eviction",
        "no",
        "Frees evicted values in the background, so that large ones hold nobody up",
    ),
    (
        "lazyfree-lazy-expire",
        "no",
        "Frees expired values in the background",
    ),
    (
        "lazyfree-lazy-server-del",
        "no",
        "Frees overwritten values in the background",
    ),
    (
        "lazyfree-lazy-user-del",
        "no",
        "Makes DEL free in the background, as UNLINK does",
    ),
    (
        "lazyfree-lazy-user-flush",
        "no",
        "Makes FLUSHALL free in the background",
    ),
    (
        "lfu-decay-time",
        "1",
        "Minutes after which a key's frequency counter is lowered",
    ),
    (
        "lfu-log-factor",
        "10",
        "How slowly a frequency counter grows; higher tells busy keys apart",
    ),
    (
        "list-compress-depth",
        "0",
        "Nodes at each end of a list that stay uncompressed; 0: none is compressed",
    ),
    (
        "list-max-listpack-size",
        "-2",
        "Size of a list's nodes: -2 is 8 KB, a positive number counts elements",
    ),
    (
        "logfile",
        UNKNOWN,
        "Where the server writes its log; empty: standard output",
    ),
    (
        "loglevel",
        "notice",
        "How much is logged: debug, verbose, notice, warning",
    ),
    (
        "maxclients",
        "10000",
        "Connections that are let in; more are refused",
    ),
    (
        "maxmemory",
        "0",
        "Bytes at which keys are evicted or writes refused; 0: no limit but the system's",
    ),
    (
        "maxmemory-clients",
        "0",
        "Bytes that all clients' buffers may take before the largest are cut off; 0: no limit",
    ),
    (
        "maxmemory-eviction-tenacity",
        "10",
        "How long one round of eviction may take, 0 to 100",
    ),
    (
        "maxmemory-policy",
        "noeviction",
        "Which keys go at the limit: noeviction refuses writes, allkeys-* any key, volatile-* those with a TTL",
    ),
    (
        "maxmemory-samples",
        "5",
        "Keys compared for each eviction; more is closer to the true oldest, and slower",
    ),
    (
        "min-replicas-max-lag",
        "10",
        "Seconds after which a silent replica no longer counts for min-replicas-to-write",
    ),
    (
        "min-replicas-to-write",
        "0",
        "Replicas that must be in step for a write to be accepted",
    ),
    (
        "no-appendfsync-on-rewrite",
        "no",
        "Skips fsync while a save runs: faster, and more is lost at a crash",
    ),
    (
        "notify-keyspace-events",
        "",
        "Which changes of keys are told to subscribers; empty: none, so nothing can react to them",
    ),
    ("port", UNKNOWN, "The TCP port; 0: none"),
    (
        "protected-mode",
        "yes",
        "Without a password, answers only this machine",
    ),
    (
        "proto-max-bulk-len",
        "536870912",
        "Bytes that one value may have",
    ),
    ("rdbchecksum", "yes", "Ends snapshots with a checksum"),
    ("rdbcompression", "yes", "Compresses text in snapshots"),
    (
        "repl-backlog-size",
        "1048576 or 10485760",
        "Bytes of changes kept for replicas that come back; too few: they copy everything again",
    ),
    (
        "repl-diskless-sync",
        "yes or no",
        "Sends a first copy to replicas without writing it to disk",
    ),
    (
        "repl-timeout",
        "60",
        "Seconds after which a silent replication link is closed",
    ),
    (
        "replica-priority",
        "100",
        "Which replica is preferred at a failover: the lowest; 0: never",
    ),
    (
        "replica-read-only",
        "yes",
        "Whether a replica refuses writes",
    ),
    (
        "replica-serve-stale-data",
        "yes",
        "Whether a replica answers while it has lost its primary",
    ),
    (
        "requirepass",
        UNKNOWN,
        "The password of the default account",
    ),
    (
        "save",
        "3600 1 300 100 60 10000",
        "When a snapshot is written: seconds and changes, in pairs; empty: never",
    ),
    (
        "set-max-intset-entries",
        "512",
        "Whole numbers up to which a set is kept in its small form",
    ),
    (
        "set-max-listpack-entries",
        "128",
        "Members up to which a set is kept in its small form",
    ),
    (
        "set-max-listpack-value",
        "64",
        "Bytes of a member up to which a set is kept in its small form",
    ),
    (
        "slowlog-log-slower-than",
        "10000",
        "Microseconds from which a command is noted in the slow log; -1: none is",
    ),
    ("slowlog-max-len", "128", "Commands that the slow log keeps"),
    (
        "stop-writes-on-bgsave-error",
        "yes",
        "Refuses writes while snapshots fail",
    ),
    (
        "stream-node-max-bytes",
        "4096",
        "Bytes of one node of a stream",
    ),
    (
        "stream-node-max-entries",
        "100",
        "Entries of one node of a stream",
    ),
    (
        "tcp-backlog",
        "511",
        "Connections that may wait to be accepted",
    ),
    (
        "tcp-keepalive",
        "300",
        "Seconds after which a silent connection is tried, so that dead ones are found",
    ),
    (
        "timeout",
        "0",
        "Seconds after which an idle client is disconnected; 0: never",
    ),
    ("tls-port", "0", "The TLS port; 0: none"),
    (
        "tracking-table-max-keys",
        "1000000",
        "Keys remembered for clients that cache themselves",
    ),
    (
        "zset-max-listpack-entries",
        "128",
        "Members up to which a sorted set is kept in its small form",
    ),
    (
        "zset-max-listpack-value",
        "64",
        "Bytes of a member up to which a sorted set is kept in its small form",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_for_the_search_and_each_is_one_short_sentence() {
        assert!(SETTINGS.is_sorted_by_key(|(name, _, _)| name));
        assert!(WORDS.is_sorted());
        assert!(SETTINGS.len() >= 60);
        for (name, _, text) in SETTINGS {
            assert!(text.len() < 125 && !text.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn a_default_depends_on_the_product() {
        let of = |product, version| about("lazyfree-lazy-user-del", product, version).default;
        assert_eq!(of("Redis", "8.2.0"), Some("no"));
        assert_eq!(
            (of("Valkey", "7.2.5"), of("Valkey", "9.0.0")),
            (Some("no"), Some("yes"))
        );
        assert_eq!(about("port", "Redis", "7").default, None);
        assert_eq!(about("nothing", "Redis", "7").text, "");
    }
}
