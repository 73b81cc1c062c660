//! Who may import whom, and other rules that the compiler does not hold.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// What each module may import besides itself and `human`: everything on its left in ARCHITECTURE.md.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("human", &[]),
    ("table", &[]),
    ("report", &["table"]),
    ("workspace", &["report", "table"]),
    ("source", &["report", "table", "workspace"]),
    ("cache", &["report", "table", "workspace"]),
    (
        "detector",
        &["report", "table", "workspace", "source", "cache"],
    ),
    (
        "engine",
        &["report", "table", "workspace", "source", "cache"],
    ),
    (
        "inspect",
        &["report", "table", "workspace", "source", "cache"],
    ),
    (
        "worker",
        &[
            "report",
            "table",
            "workspace",
            "source",
            "cache",
            "detector",
            "engine",
            "inspect",
        ],
    ),
    (
        "demo",
        &[
            "report",
            "table",
            "workspace",
            "source",
            "cache",
            "detector",
            "engine",
            "inspect",
            "worker",
        ],
    ),
    (
        "cli",
        &[
            "report",
            "table",
            "workspace",
            "source",
            "cache",
            "detector",
            "engine",
            "inspect",
            "worker",
            "demo",
        ],
    ),
    (
        "app",
        &[
            "report",
            "table",
            "workspace",
            "source",
            "cache",
            "detector",
            "engine",
            "inspect",
            "worker",
            "demo",
        ],
    ),
];

/// The files below a folder of `src`, with their code: comments and text are blanked, tests inside are cut off.
fn code(under: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src")
        .join(under);
    let mut found = Vec::new();
    collect(&root, &mut found);
    if let Some(single) = Some(root.with_extension("rs")).filter(|path| path.is_file()) {
        found.push(single);
    }
    assert!(!found.is_empty(), "there is nothing under src/{under}");
    found
        .into_iter()
        .filter(|path| {
            // A file of tests, or one in a folder of them.
            let inside = path.strip_prefix(&root).unwrap_or(path);
            !inside.iter().any(|part| {
                let stem = Path::new(part).file_stem();
                stem.is_some_and(|stem| stem.to_str().unwrap().ends_with("tests"))
            })
        })
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
            (path, without_comments(&text))
        })
        .collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn without_comments(text: &str) -> String {
    text.lines()
        .map(|line| line.split("//").next().unwrap())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The modules that `crate::x` and `crate::{x, y}` name.
fn imports(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for rest in code.split("crate::").skip(1) {
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut name = String::new();
            for character in group.chars() {
                match character {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => names.push(std::mem::take(&mut name)),
                    other if depth == 0 => name.push(other),
                    _ => {}
                }
            }
            names.push(name);
        } else {
            names.push(rest.to_owned());
        }
    }
    names
        .iter()
        .map(|name| {
            name.trim()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        })
        .filter(|name: &String| !name.is_empty())
        .collect()
}

/// Whether `word` stands in the code by itself.
fn names(code: &str, word: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word).any(|(at, _)| {
        !is_part(code[..at].chars().next_back()) && !is_part(code[at + word.len()..].chars().next())
    })
}

#[test]
fn imports_go_one_way() {
    let mut wrong = Vec::new();
    for (module, allowed) in MAY_IMPORT {
        for (path, code) in code(module) {
            for import in imports(&code) {
                let known = MAY_IMPORT.iter().any(|(name, _)| *name == import);
                let own = import == *module || import == "human";
                if known && !own && !allowed.contains(&import.as_str()) {
                    wrong.push(format!("{} imports {import}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_module_is_placed() {
    let library = without_comments(include_str!("../../src/lib.rs"));
    for line in library
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub mod "))
    {
        let module = line.trim_end_matches(';');
        assert!(
            MAY_IMPORT.iter().any(|(name, _)| *name == module),
            "{module} has no place in MAY_IMPORT"
        );
    }
}

#[test]
fn only_the_window_names_egui() {
    for (module, _) in MAY_IMPORT.iter().filter(|(module, _)| *module != "app") {
        for (path, code) in code(module) {
            for word in ["egui", "eframe", "egui_extras", "egui_plot", "egui_table"] {
                assert!(!names(&code, word), "{} names {word}", path.display());
            }
        }
    }
}

#[test]
fn views_and_widgets_know_neither_tokio_nor_a_server() {
    for folder in ["app/views", "app/widgets"] {
        for (path, code) in code(folder) {
            for word in ["tokio", "redis", "sqlx", "tokio_util"] {
                let used =
                    names(&code, &format!("{word}::")) || code.contains(&format!("{word}::"));
                assert!(!used, "{} names {word}", path.display());
            }
        }
    }
}

#[test]
fn colours_are_made_in_the_theme_alone() {
    for (path, code) in code("app")
        .into_iter()
        .filter(|(path, _)| !path.to_str().unwrap().contains("/app/theme/"))
    {
        for raw in [
            "Color32::from_",
            "Rgba::",
            "Hsva::",
            "hex_color!",
            "Color32::WHITE",
            "Color32::BLACK",
            "Color32::RED",
            "Color32::GREEN",
            "Color32::BLUE",
            "Color32::YELLOW",
            "Color32::GRAY",
        ] {
            assert!(
                !code.contains(raw),
                "{} holds {raw}: take a token of app/theme",
                path.display()
            );
        }
    }
}

#[test]
fn tooltips_give_way_to_dialogs() {
    for (path, code) in code("app")
        .into_iter()
        .filter(|(path, _)| !path.ends_with("widgets/tip.rs"))
    {
        for raw in ["on_hover_text", "on_hover_ui", "on_disabled_hover"] {
            assert!(
                !code.contains(raw),
                "{} holds {raw}: take widgets::Tip",
                path.display()
            );
        }
    }
}

#[test]
fn nothing_is_left_undone_and_nothing_unwraps() {
    for (module, _) in MAY_IMPORT {
        for (path, code) in code(module) {
            // Spelled apart, so that this file does not name them either.
            for word in [
                concat!("to", "do!("),
                concat!("unimple", "mented!("),
                ".unwrap()",
                "panic!(",
            ] {
                assert!(!code.contains(word), "{} holds {word}", path.display());
            }
        }
    }
}

#[test]
fn the_rules_see_what_they_look_for() {
    assert_eq!(
        imports("use crate::app::x; crate::{table::{self, y}, engine};"),
        ["app", "table", "engine"]
    );
    assert!(names("use egui;", "egui") && !names("use egui_plot;", "egui"));
    assert_eq!(without_comments("a // b\nc"), "a \nc");
}
