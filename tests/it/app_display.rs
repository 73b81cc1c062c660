//! The program where its display does not work: one sentence, and no panic.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn a_display_that_does_not_answer_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value) in [("DISPLAY", ":987"), ("WAYLAND_DISPLAY", "nowhere")] {
        let output = Command::new(env!("CARGO_BIN_EXE_lookaside"))
            .current_dir(folder.path())
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("WAYLAND_SOCKET")
            .env("XDG_RUNTIME_DIR", folder.path())
            .env("XDG_STATE_HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path())
            .env(name, value)
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        let expected = format!("lookaside: the display does not answer ({name}={value})");
        assert!(told.starts_with(&expected), "{told}");
    }
}

#[test]
fn options_that_cannot_work_fail_before_the_window_opens() {
    let folder = tempfile::tempdir().unwrap();
    for (options, told) in [
        (
            ["demo", "--scale", "0.02"],
            "the scale 0.02 is out of range",
        ),
        (["--redis", "ftp://127.0.0.1", "--theme=dark"], "ftp"),
    ] {
        // No display answers there: the mistake has to be told before one is tried.
        let output = Command::new(env!("CARGO_BIN_EXE_lookaside"))
            .args(options)
            .current_dir(folder.path())
            .env("DISPLAY", ":987")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("WAYLAND_SOCKET")
            .env("XDG_STATE_HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path())
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(
            error.contains(told) && !error.contains("display"),
            "{error}"
        );
    }
}
