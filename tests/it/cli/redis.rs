//! `lookaside redis`: the gate of the window, on the command line.

use super::Place;

#[test]
fn one_command_is_sent_read_only_unless_unlocked() {
    let place = Place::new();
    let redis = place.redis.as_ref().unwrap();
    let url = redis.url();
    let run = |args: &[&str]| {
        let mut all = vec!["redis", "--redis", &url];
        all.extend(args);
        place.output(&all)
    };
    let text = |args: &[&str]| {
        let output = run(args);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for write in [
        &["SET", "k", "v"][..],
        &["EVAL", "return 1", "0"],
        &["FLUSHALL"],
        &["PUBLISH", "c", "x"],
    ] {
        let output = run(write);
        assert_eq!(output.status.code(), Some(1), "{write:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(
            error.contains("--unlock") && error.lines().count() == 1,
            "{error}"
        );
        assert!(output.stdout.is_empty());
    }
    assert_eq!(redis.cli(&["EXISTS", "k"]).trim(), "0");
    assert_eq!(
        text(&["--unlock", "SET", "k", "a\u{1b}b", "EX", "1000"]),
        "OK\n"
    );
    assert_eq!(text(&["GET", "k"]), "\"a\\x1bb\"\n");
    assert_eq!(
        text(&["--unlock", "RPUSH", "l", "1", "--json", "-x"]),
        "(integer) 3\n"
    );
    assert_eq!(
        text(&["LRANGE", "l", "0", "-1"]),
        "1) \"1\"\n2) \"--json\"\n3) \"-x\"\n"
    );
    // Everything, however long.
    let long = "x".repeat(400_000);
    redis.cli(&[
        "EVAL",
        "return redis.call('SET', 'long', string.rep('x', 400000))",
        "0",
    ]);
    assert_eq!(text(&["GET", "long"]), format!("\"{long}\"\n"));
    redis.cli(&["EVAL", "return redis.call('SET', 'bin', '\\255')", "0"]);
    let json = place.json(&[
        "redis", "--redis", &url, "--json", "MGET", "bin", "nothing", "k",
    ]);
    assert_eq!(
        json["answer"],
        serde_json::json!([{ "base64": "/w==" }, null, "a\u{1b}b"])
    );

    let wrong = run(&["GET", "l"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(
        String::from_utf8(wrong.stderr)
            .unwrap()
            .contains("WRONGTYPE")
    );
    for usage in [&[][..], &["MONITOR"], &["SUBSCRIBE", "c"]] {
        assert_eq!(run(usage).status.code(), Some(2), "{usage:?}");
    }
    let secret = run(&[
        "--unlock",
        "CONFIG",
        "SET",
        "requirepass",
        "geheim",
        "nosuch",
        "geheim",
    ]);
    assert!(!String::from_utf8(secret.stderr).unwrap().contains("geheim"));
}
