//! URL parameters: those that have no effect are refused, and their values are shown nowhere.

use std::fs;

use super::{Place, texts};

const CANARY: &str = "c4n4ry";

/// The output of a command with everything logged, where the cache and the source have these URLs.
fn logged(cache: Option<&str>, source: Option<&str>, args: &[&str]) -> String {
    let place = Place::new();
    let file = place.path("lookaside.toml");
    let mut text = fs::read_to_string(&file).unwrap();
    if let Some(url) = cache {
        text = text.replace(&place.redis.as_ref().unwrap().url(), url);
    }
    if let Some(url) = source {
        text = text.replace("sqlite:shop.db", url);
    }
    fs::write(&file, text).unwrap();
    let output = place
        .command(args)
        .env("RUST_LOG", "trace")
        .output()
        .unwrap();
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {out}{err}");
    out + &err
}

#[test]
fn unknown_parameter_of_a_source_is_an_error_without_its_value() {
    for (url, said) in [
        (
            "postgres://u@127.0.0.1:1/d?sslmodes=c4n4ry",
            "did you mean sslmode?",
        ),
        (
            "postgres://u@127.0.0.1:1/d?channel_binding=c4n4ry",
            "it takes sslmode",
        ),
        ("postgres://u@127.0.0.1:1/d?schema=c4n4ry", "\"schema\""),
        ("mysql://u@127.0.0.1:1/d?charset=c4n4ry", "\"charset\""),
        ("mysql://u@127.0.0.1:1/d?time_zone=c4n4ry", "\"time_zone\""),
        (
            "mariadb://u@127.0.0.1:1/d?ssl-mod=c4n4ry",
            "did you mean ssl-mode?",
        ),
        (
            "mssql://u@127.0.0.1:1/d?encrypted=c4n4ry",
            "did you mean encrypt?",
        ),
        (
            "Server=127.0.0.1,1;User Id=u;Column Encryption Setting=c4n4ry",
            "\"columnencryptionsetting\"",
        ),
        (
            "Server=127.0.0.1,1;User Id=u;Passwort=c4n4ry",
            "did you mean password?",
        ),
        ("sqlite:shop.db?vfs=c4n4ry", "it takes mode"),
        ("sqlite:shop.db?mode=c4n4ry", "only read here"),
        ("postgres://u:p?w=c4n4ry@127.0.0.1:1/d", "cannot be read"),
        ("postgres://u:12?c4n4ry&x=1@127.0.0.1/d", "write @ as %40"),
        ("postgres://u@127.0.0.1:1/d?c4n4ry", "did you"),
        ("postgres://u@127.0.0.1:1/d#c4n4ry", "write it as %23"),
        (
            "postgres://u@127.0.0.1:1/d?sslmode=c4n4ry",
            "sslmode is one of disable",
        ),
        (
            "mysql://u@127.0.0.1:1/d?ssl-mode=c4n4ry",
            "ssl-mode is one of DISABLED",
        ),
    ] {
        for args in [&["run", "twice"][..], &["check"]] {
            let text = logged(None, Some(url), args);
            assert!(!text.contains(CANARY), "{url}: {text}");
            let is_said = text.contains(said) || said == "did you" && text.contains("it takes");
            assert!(is_said, "{url}: {text}");
        }
    }
}

#[test]
fn unknown_parameter_of_a_cache_is_an_error_without_its_value() {
    for (url, said) in [
        ("redis://127.0.0.1:1/0?cert=c4n4ry&key=c4n4ry", "\"cert\""),
        ("redis://127.0.0.1:1/0?codex=c4n4ry", "did you mean codec?"),
        (
            "redis://127.0.0.1:1/0?codec=c4n4ry",
            "codec is one of none, lz4, zstd",
        ),
        (
            "redis://127.0.0.1:1/0?protocol=c4n4ry",
            "protocol is one of",
        ),
        ("redis://127.0.0.1:1/0?password=c4n4ry", "\"password\""),
        ("redis://127.0.0.1:1/c4n4ry", "database is not a number"),
        ("redis://127.0.0.1:1/-1", "database is not a number"),
        ("redis+unix:///no/such?pas=c4n4ry", "did you mean pass?"),
        (
            "redis+unix:///no/such?db=c4n4ry",
            "database is not a number",
        ),
        ("rediss://127.0.0.1:1/0#insecure", "write it as %23"),
        ("redis://127.0.0.1:1/0?c4n4ry", "a parameter"),
        (
            "redis+sentinel://127.0.0.1:1/c4n4ry",
            "Sentinel is not supported",
        ),
        (
            "redis-sentinel://127.0.0.1:1/c4n4ry",
            "Sentinel is not supported",
        ),
        (
            "rediss+sentinel://127.0.0.1:1/c4n4ry",
            "Sentinel is not supported",
        ),
    ] {
        for args in [&["keys"][..], &["check"]] {
            let text = logged(Some(url), None, args);
            assert!(!text.contains(CANARY), "{url}: {text}");
            assert!(text.contains(said), "{url}: {text}");
        }
        let place = Place::new();
        let output = place.output(&["keys", "--redis", url]);
        let (out, err) = texts(&output);
        assert!(
            !output.status.success() && err.contains(said),
            "{url}: {out}{err}"
        );
        assert!(!err.contains(CANARY), "{url}: {err}");
    }
}

#[test]
fn known_parameters_have_an_effect() {
    let place = Place::new();
    let url = place.redis.as_ref().unwrap().url();
    let file = place.path("lookaside.toml");
    let text = fs::read_to_string(&file).unwrap();
    for (query, source) in [
        ("?codec=zstd", "sqlite:shop.db"),
        ("?protocol=3", "sqlite:shop.db?mode=ro"),
        ("?protocol=resp2", "sqlite://shop.db"),
    ] {
        let text = text.replace(&url, &format!("{url}{query}"));
        fs::write(&file, text.replace("sqlite:shop.db", source)).unwrap();
        place.good(&["run", "twice"]);
        assert_eq!(place.stats(&["run", "twice"])["outcome"], "hit", "{query}");
    }
    // A question mark without a parameter behind it belongs to the name.
    fs::rename(place.path("shop.db"), place.path("what?.db")).unwrap();
    fs::write(&file, text.replace("shop.db", "what?.db")).unwrap();
    place.good(&["run", "all", "--uncached"]);
}
