//! What is left when an account lacks rights: one plain sentence for each, and everything else.
#![allow(clippy::unwrap_used)]

use lookaside::inspect::{
    Bulk, Change, Connection, Detail, Filter, InspectError, Kind, Lock, Phase, ScanState, Session,
    Ttl, Value, Watch, apply, carry_out, describe, download, facts, groups, page, preview, sample,
    search, tail,
};
use lookaside::workspace::ConnectionUrl;
use tokio_util::sync::CancellationToken;

use super::{Cluster, Redis};
use crate::inspect::{full, to_end};
use crate::inspect_changes::{begin, changes};

/// An account with these rights, unlocked.
async fn account(redis: &crate::servers::Redis, rights: &str) -> Connection {
    let rights = format!("ACL SETUSER someone reset on >pw-x7 {rights}");
    redis.cli(&rights.split(' ').collect::<Vec<_>>());
    let url = format!("redis://someone:pw-x7@127.0.0.1:{}/0", redis.port);
    let lock = Lock::default();
    lock.set_unlocked(true);
    Connection::open_with(&ConnectionUrl::new(&url), lock)
        .await
        .unwrap()
}

/// The sentences about rights; that an older server would take counting for use has nothing to do with them.
fn refused(state: &ScanState) -> Vec<&str> {
    let notes = state.notes.iter().map(String::as_str);
    notes
        .filter(|note| !note.contains("can be asked without"))
        .collect()
}

fn is_one_sentence(text: &str) -> bool {
    let text = text.replace("ACL SETUSER ...", "ACL SETUSER");
    text.lines().count() == 1 && text.ends_with('.') && !text.contains(". ")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_missing_right_is_one_sentence_and_costs_nothing_else() {
    let redis = Redis::start();
    begin(&redis);
    for (missing, sentences, right) in [
        ("-memory", 1, "+memory|usage"),
        ("-object", 2, "+object|encoding"),
        ("-pttl", 1, "+pttl"),
        ("-type", 1, "+type"),
        ("-dbsize", 1, "+dbsize"),
        ("-info", 0, ""),
        ("-command", 0, ""),
        ("-slowlog", 0, ""),
        ("-ping", 0, ""),
        ("-@scripting", 0, ""),
    ] {
        let connection = account(&redis, &format!("~* +@all {missing}")).await;
        let state = to_end(&connection, full()).await;
        assert!(
            matches!(state.phase, Phase::Complete),
            "{missing}: {:?}",
            state.phase
        );
        assert_eq!(state.keys.len(), 8, "{missing}");
        let told = refused(&state);
        assert_eq!(told.len(), sentences, "{missing}: {told:?}");
        assert!(told.iter().all(|told| is_one_sentence(told)), "{told:?}");
        assert!(
            right.is_empty() || told.iter().any(|told| told.contains(right)),
            "{missing}: {told:?}"
        );
        let key = (0..8)
            .map(|id| state.keys.get(id))
            .find(|key| key.name == b"hash");
        let key = key.unwrap();
        assert_eq!(key.kind == Kind::Hash, missing != "-type");
        assert_eq!(key.bytes.is_some(), missing != "-memory");
        assert_eq!(
            !key.encoding.is_empty() && key.idle.is_some(),
            missing != "-object"
        );
        assert_eq!(key.ttl == Ttl::Never, missing != "-pttl");
        assert!(!connection.server().version.is_empty(), "{missing}");
    }
    // Elements are counted on a server that can be asked without touching, by an account that may ask so.
    let could = account(&redis, "~* +@all").await.server().untouched;
    let connection = account(&redis, "~* +@all -client").await;
    let state = to_end(&connection, full()).await;
    assert_eq!(
        refused(&state).len(),
        usize::from(could),
        "{:?}",
        state.notes
    );
    assert_eq!(
        could,
        state.notes[0].contains("+client|no-touch"),
        "{:?}",
        state.notes
    );
    assert!(is_one_sentence(&state.notes[0]));
    let refused = Watch::start(&connection, b"hash")
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(refused.contains("+client|tracking"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_without_its_right_is_refused_in_one_sentence_and_changes_nothing() {
    let redis = Redis::start_with(&["--save", "", "--enable-debug-command", "local"]);
    begin(&redis);
    let before = redis.cli(&["DEBUG", "DIGEST"]);
    let reader = account(&redis, "~* +@all -@write").await;
    for change in changes() {
        let error = apply(&reader, &change).await.unwrap_err();
        assert!(matches!(error, InspectError::Denied { .. }), "{error}");
        let name = change.shown();
        let name = name.split(' ').next().unwrap();
        let words = [name, &format!("+{}", name.to_lowercase())];
        let error = error.to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
        assert_eq!(error.lines().count(), 1);
    }
    let cancel = CancellationToken::new();
    let names = [b"string".to_vec(), b"doomed".to_vec()];
    assert_eq!(
        preview(&reader, &names, &cancel, |_| {})
            .await
            .unwrap()
            .there,
        2
    );
    let mut log = Vec::new();
    let outcome = carry_out(&reader, Bulk::Delete, &names, &mut log, &cancel, |_| {})
        .await
        .unwrap();
    assert_eq!((outcome.done, outcome.failed, log.len()), (0, 2, 0));
    assert!(outcome.why.unwrap().contains("+unlink"));
    let session = Session::open(&reader).await.unwrap();
    let answer = session.run("SET string x").await;
    assert!(
        answer.is_error && answer.text.contains("+set"),
        "{}",
        answer.text
    );
    assert_eq!(redis.cli(&["DEBUG", "DIGEST"]), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_only_reads_one_pattern_sees_its_keys_and_the_names_of_the_others() {
    let redis = Redis::start();
    for line in [
        "SET app:string text EX 5000",
        "HSET app:hash a 1 b 2",
        "RPUSH app:list a b c",
        "SADD app:set a",
        "ZADD app:zset 1 a 2 b",
        "XADD app:stream 1-1 n 1",
        "XGROUP CREATE app:stream g 0",
        "PFADD app:hll a b c",
        "SET other:1 secret",
        "HSET other:2 a b",
    ] {
        redis.cli(&line.split(' ').collect::<Vec<_>>());
    }
    let rights = "~app:* +@read -memory -object -client -command -slowlog -info";
    let connection = account(&redis, rights).await;
    assert!(!connection.server().version.is_empty());
    let state = to_end(&connection, full()).await;
    assert!(matches!(state.phase, Phase::Complete), "{:?}", state.phase);
    let told = refused(&state);
    let says = |words: &str| told.iter().filter(|told| told.contains(words)).count();
    assert!(told.iter().all(|told| is_one_sentence(told)), "{told:?}");
    for right in [
        "+memory|usage",
        "+object|encoding",
        "+object|idletime",
        "~PATTERN",
    ] {
        assert_eq!(says(right), 1, "{right}: {told:?}");
    }
    assert_eq!(told.len() - says("+client|no-touch"), 4, "{told:?}");
    assert_eq!(state.keys.len(), 9);
    for id in 0..9 {
        let key = state.keys.get(id);
        let ours = key.name.starts_with(b"app:");
        assert_eq!(key.kind == Kind::Other, !ours, "{key:?}");
        assert_eq!(key.ttl == Ttl::Unknown, !ours, "{key:?}");
    }

    // Each key of its own is read whole, with whatever belongs to it.
    for (name, elements) in [
        ("app:string", 4),
        ("app:hash", 2),
        ("app:list", 3),
        ("app:set", 1),
        ("app:zset", 2),
        ("app:stream", 1),
    ] {
        let about = describe(&connection, name.as_bytes()).await.unwrap();
        assert_eq!(
            (about.elements, about.bytes),
            (Some(elements), None),
            "{name}"
        );
        let first = page(&connection, &about, None, false).await.unwrap();
        assert_eq!(first.value.len() as u64, elements, "{name}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("value");
        let done = download(
            &connection,
            &about,
            &file,
            &CancellationToken::new(),
            |_| {},
        )
        .await;
        assert_eq!(done.unwrap().count, elements, "{name}");
    }
    let hash = describe(&connection, b"app:hash").await.unwrap();
    let found = search(&connection, &hash, b"a*", None).await.unwrap();
    assert!(matches!(found.page.value, Value::Hash(fields) if fields.len() == 1));
    assert_eq!(groups(&connection, b"app:stream").await.unwrap().len(), 1);
    assert_eq!(
        tail(&connection, b"app:stream", None).await.unwrap().len(),
        1
    );
    let hll = describe(&connection, b"app:hll").await.unwrap();
    let first = page(&connection, &hll, None, false).await.unwrap();
    assert!(facts(&connection, &hll, &first.value).await.len() <= 1);

    // The others' are refused as keys, not as commands, and show nothing.
    let error = describe(&connection, b"other:1").await.unwrap_err();
    assert!(matches!(error, InspectError::DeniedKey(_)), "{error}");
    assert!(error.to_string().contains("~PATTERN"), "{error}");
    let change = Change::Delete {
        key: b"other:1".to_vec(),
    };
    assert!(apply(&connection, &change).await.is_err());
    let session = Session::open(&connection).await.unwrap();
    assert_eq!(session.run("GET app:string").await.text, "\"text\"");
    for (line, remedy) in [("GET other:1", "~PATTERN"), ("SET app:string x", "+set")] {
        let answer = session.run(line).await;
        assert!(
            answer.is_error && answer.text.contains(remedy),
            "{}",
            answer.text
        );
    }
    let drawn = sample(
        &connection,
        100,
        &Filter::default(),
        Detail::default(),
        |_| {},
    )
    .await;
    assert!(drawn.unwrap().is_none(), "all of them fit into a sample");
    assert_eq!(redis.cli(&["EXISTS", "other:1", "app:string"]).trim(), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_told_as_one_to_an_account_that_may_ask_nothing_of_it() {
    let cluster = Cluster::start();
    for node in &cluster.nodes {
        let rights = "ACL SETUSER someone reset on >pw-x7 ~* +@all -cluster -info";
        node.cli(&rights.split(' ').collect::<Vec<_>>());
    }
    cluster.send("SET a 1\nSET b 2\nSET c 3\nSET d 4\n");
    let connection = account(&cluster.nodes[0], "~* +@all -cluster -info").await;
    assert!(connection.server().is_cluster);
    let state = to_end(&connection, full()).await;
    let Phase::Failed(error) = &state.phase else {
        panic!("one node's keys passed for all: {:?}", state.phase)
    };
    assert!(error.to_string().contains("+cluster|slots"), "{error}");
    // Its keys are reached all the same: the nodes themselves say where.
    for name in [b"a", b"b", b"c", b"d"] {
        assert!(describe(&connection, name).await.is_ok());
    }
}
