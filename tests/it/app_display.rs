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
