//! Files that commands write: where they go, what stays of an old one, and what a signal leaves.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Place, interrupt, texts};

const TWICE: &str = "a,a,\"\"\r\n1,2,3\r\n";

#[test]
fn dash_is_standard_output() {
    let place = Place::new();
    let redis = place.redis.as_ref().unwrap();
    redis.cli(&["SET", "plain", "value"]);
    let url = redis.url();
    assert_eq!(place.good(&["run", "twice", "-o", "-"]).0, TWICE);
    let (json, _) = place.good(&["run", "twice", "--json", "-o", "-"]);
    assert!(json.starts_with("[\n{\"a\":1"), "{json}");
    let piped = place.output(&["run", "twice", "--format", "parquet", "-o", "-"]);
    assert!(piped.stdout.starts_with(b"PAR1"), "{piped:?}");
    let (list, _) = place.good(&["keys", "--redis", &url, "--match", "plain", "--list", "-"]);
    assert_eq!(list.lines().count(), 2, "{list}");
    assert!(list.starts_with("key,") && list.contains("plain"), "{list}");
    assert_eq!(
        place.good(&["key", "plain", "-o", "-", "--redis", &url]).0,
        "value"
    );
    assert!(!place.path("-").exists());
    // A redirected standard output goes on where it was.
    let program = env!("CARGO_BIN_EXE_lookaside");
    let script = format!("{{ echo first; '{program}' run twice -o -; echo last; }} > out");
    let status = Command::new("sh")
        .args(["-c", &script])
        .current_dir(place.folder.path())
        .status();
    assert!(status.unwrap().success());
    let out = fs::read_to_string(place.path("out")).unwrap();
    assert_eq!(out, format!("first\n{TWICE}last\n"));
    place.good(&["run", "twice", "--format", "csv", "-o", "./-"]);
    assert_eq!(fs::read_to_string(place.path("-")).unwrap(), TWICE);
    for other in ["--json", "--csv"] {
        let said = place.bad(&["keys", "--redis", &url, "--list", "-", other], 2);
        assert!(said.contains("name a file"), "{said}");
    }
}

#[test]
fn link_is_followed_also_to_a_file_not_there_yet() {
    let place = Place::new();
    fs::create_dir(place.path("there")).unwrap();
    symlink("there/out.csv", place.path("link.csv")).unwrap();
    symlink("link.csv", place.path("second.csv")).unwrap();
    for _ in 0..2 {
        place.good(&["run", "twice", "-o", "second.csv"]);
        for link in ["link.csv", "second.csv"] {
            assert!(fs::symlink_metadata(place.path(link)).unwrap().is_symlink());
        }
        assert_eq!(
            fs::read_to_string(place.path("there/out.csv")).unwrap(),
            TWICE
        );
    }
    symlink("nowhere/out.csv", place.path("lost.csv")).unwrap();
    let said = place.bad(&["run", "twice", "-o", "lost.csv"], 1);
    assert!(
        said.contains(
            "lost.csv (a link to nowhere/out.csv) was not written: its folder does not exist"
        ),
        "{said}"
    );
    assert!(
        fs::symlink_metadata(place.path("lost.csv"))
            .unwrap()
            .is_symlink()
    );
    symlink("b.csv", place.path("a.csv")).unwrap();
    symlink("a.csv", place.path("b.csv")).unwrap();
    let said = place.bad(&["run", "twice", "-o", "a.csv"], 1);
    assert!(said.contains("its links lead in a circle"), "{said}");
    assert!(place.leftovers().is_empty());
}

#[test]
fn existing_file_keeps_owner_mode_links_and_attributes() {
    let place = Place::new();
    let file = place.path("out.csv");
    let run = |name: &str| place.good(&["run", "twice", "-o", name]);

    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    run("out.csv");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(fs::read_to_string(&file).unwrap(), TWICE);

    // Longer and shorter than what comes.
    for old in ["x".repeat(100_000), String::new()] {
        fs::write(&file, &old).unwrap();
        let _ = fs::remove_file(place.path("other.csv"));
        fs::hard_link(&file, place.path("other.csv")).unwrap();
        run("other.csv");
        assert_eq!(fs::read_to_string(&file).unwrap(), TWICE);
        assert_eq!(fs::metadata(&file).unwrap().nlink(), 2);
    }
    fs::remove_file(place.path("other.csv")).unwrap();

    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(&file, "user.lookaside", b"kept", flags).unwrap();
    run("out.csv");
    let mut value = [0; 16];
    let length = rustix::fs::getxattr(&file, "user.lookaside", &mut value).unwrap();
    assert_eq!(&value[..length], b"kept");

    if rustix::process::geteuid().is_root() {
        fs::write(&file, "old").unwrap();
        chown(&file, Some(65534), Some(65534)).unwrap();
        run("out.csv");
        let about = fs::metadata(&file).unwrap();
        assert_eq!((about.uid(), about.gid()), (65534, 65534));
        assert_eq!(fs::read_to_string(&file).unwrap(), TWICE);
    }
    // The workspace file is written by the same hand.
    fs::hard_link(place.path("lookaside.toml"), place.path("same.toml")).unwrap();
    let path = place.path("lookaside.toml");
    let mut edited = lookaside::workspace::WorkspaceFile::open(&path).unwrap();
    assert!(edited.remove_report("none"));
    edited.save().unwrap();
    let same = fs::read_to_string(place.path("same.toml")).unwrap();
    assert!(!same.contains("\"none\""));
    assert!(place.leftovers().is_empty());
}

#[test]
fn pipe_with_a_name_is_written_directly() {
    let place = Place::new();
    let made = Command::new("mkfifo").arg(place.path("pipe")).status();
    assert!(made.unwrap().success());
    let pipe = place.path("pipe");
    let reader = std::thread::spawn(move || fs::read_to_string(pipe).unwrap());
    place.good(&["run", "twice", "--format", "csv", "-o", "pipe"]);
    assert_eq!(reader.join().unwrap(), TWICE);
}

#[test]
fn signal_leaves_no_file_and_no_lock() {
    for signal in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM] {
        let place = Place::new();
        let mut child = place
            .command(&["run", "rows", "-p", "n=1000000000", "-o", "out.csv"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while place.leftovers().is_empty() {
            assert!(start.elapsed() < Duration::from_mins(1));
            std::thread::sleep(Duration::from_millis(5));
        }
        interrupt(&child, signal);
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(1), "{signal:?}");
        assert!(place.leftovers().is_empty(), "{signal:?}");
        assert!(!place.path("out.csv").exists());
        let keys = place.redis.as_ref().unwrap().cli(&["--scan"]);
        assert!(!keys.contains("}:l:"), "{signal:?}: {keys}");
    }
}

#[test]
fn signal_that_was_ignored_at_the_start_stays_so() {
    let place = Place::new();
    let program = env!("CARGO_BIN_EXE_lookaside");
    let run = format!("trap '' HUP; exec '{program}' run rows -p n=1000000 --uncached -o out.csv");
    let mut child = Command::new("sh")
        .args(["-c", &run])
        .current_dir(place.folder.path())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while place.leftovers().is_empty() {
        assert!(start.elapsed() < Duration::from_mins(1));
        std::thread::sleep(Duration::from_millis(1));
    }
    interrupt(&child, Signal::HUP);
    assert!(child.wait().unwrap().success());
    let written = fs::read_to_string(place.path("out.csv")).unwrap();
    assert_eq!(written.lines().count(), 1_000_001);
}

#[test]
fn limit_on_file_sizes_is_one_sentence() {
    let place = Place::new();
    fs::write(place.path("old.csv"), "old").unwrap();
    let program = env!("CARGO_BIN_EXE_lookaside");
    let script =
        format!("ulimit -f 64; exec '{program}' run rows -p n=200000 --uncached -o old.csv");
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(place.folder.path())
        .output()
        .unwrap();
    let (_, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(
        err.contains("larger than is allowed there") && err.lines().count() == 1,
        "{err}"
    );
    assert_eq!(fs::read_to_string(place.path("old.csv")).unwrap(), "old");
    assert!(place.leftovers().is_empty());
}

#[test]
fn full_standard_output_is_one_sentence() {
    let place = Place::new();
    let url = place.redis.as_ref().unwrap().url();
    for args in [
        &["reports"][..],
        &["reports", "--json"],
        &["check"],
        &["check", "--json"],
        &["warm", "twice"],
        &["audit"],
        &["keys", "--redis", &url],
        &["keys", "--redis", &url, "--csv"],
        &["keys", "--redis", &url, "--list", "-"],
        &["key", "lookaside:events", "--redis", &url],
        &["key", "lookaside:events", "--redis", &url, "-o", "-"],
        &["redis", "--redis", &url, "PING"],
        &["run", "all"],
        &["run", "all", "--format", "csv"],
        &["run", "all", "--format", "arrow"],
        &["race", "twice", "-n", "1"],
        &["unwatch"],
    ] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = place.command(args).stdout(full).output().unwrap();
        let (_, err) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {err}");
        let last = err.lines().last().unwrap_or_default();
        assert!(
            last.contains("standard output was not written: the disk is full"),
            "{args:?}: {err}"
        );
        assert!(!err.contains("os error"), "{err}");
    }
}

#[test]
fn key_names_in_csv_are_no_formulas() {
    let place = Place::new();
    let redis = place.redis.as_ref().unwrap();
    for name in ["=1+1:a", "@x:1", "+1-2", "-5", "plain"] {
        redis.cli(&["SET", name, "v"]);
    }
    let url = redis.url();
    place.good(&["keys", "--redis", &url, "--list", "keys.csv"]);
    let list = fs::read_to_string(place.path("keys.csv")).unwrap();
    let (figures, _) = place.good(&["keys", "--redis", &url, "--csv"]);
    for name in ["=1+1", "@x"] {
        for text in [&list, &figures] {
            assert!(text.contains(&format!("'{name}")), "{name}: {text}");
            assert!(!text.lines().any(|line| line.starts_with(name)), "{text}");
        }
    }
    assert!(
        list.contains("\n-5,") && list.contains("\nplain,"),
        "{list}"
    );
    // Other formats hold the names as they are.
    place.good(&["keys", "--redis", &url, "--list", "keys.json"]);
    let json = fs::read_to_string(place.path("keys.json")).unwrap();
    assert!(json.contains("\"=1+1:a\""), "{json}");
}
