//! Parts of a workspace file that cannot be used, in the window.

use egui_kittest::kittest::{NodeT, Queryable};
use lookaside::workspace::Workspace;

use crate::app_shell::{open, window, workspace};

#[test]
fn broken_report_is_listed_with_its_reason() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let path = folder.path().join("lookaside.toml");
    let text = "[cache]\nurl = \"redis://h\"\n[sources.shop]\nurl = \"sqlite:shop.db\"\n\
                [[reports]]\nname = \"late\"\nsource = \"shop\"\nsql = \"\"\n";
    std::fs::write(&path, text).unwrap_or_else(|error| panic!("{error}"));
    let broken = Workspace::load(&path).unwrap_or_else(|error| panic!("{error}"));
    let mut state = open();
    state.reports.open(&Workspace {
        broken: broken.broken,
        ..workspace()
    });
    // The others are there as before, and the first of them is open.
    assert_eq!(state.reports.names().count(), workspace().reports.len());
    assert_eq!(state.reports.selected(), state.reports.names().next());
    let window = window(state, [1280.0, 800.0], true);
    let row = window.get_by_label("late");
    let why = row.accesskit_node().description().unwrap_or_default();
    assert!(why.contains("is empty"), "{why}");
}
