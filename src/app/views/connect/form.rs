//! The new connection's card: two URLs, their passwords, a test step by step, and the workspace file that comes of it.

use eframe::egui::{Label, Ui};

use crate::app::command::{Command as Asked, Commands};
use crate::app::state::State;
use crate::app::theme::{fonts, size, text};
use crate::app::widgets::{Button, Field, card, field_label, steps};

use super::Command;

/// The new connection as typed.
#[derive(Clone, Default)]
pub struct Form {
    /// The database's URL, empty for a cache alone.
    pub database: String,
    /// Its password, which goes to the keyring.
    pub password: String,
    /// The cache's URL; empty for a private server.
    pub redis: String,
    /// Its password.
    pub redis_password: String,
    /// Whether the passwords are kept until the program ends and no longer.
    pub session_only: bool,
    /// The workspace file to write; empty for the default.
    pub file: String,
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // URLs may hold passwords too while they are typed.
        f.write_str("Form { .. }")
    }
}

impl Form {
    /// Whether there is anything to try.
    pub fn is_empty(&self) -> bool {
        self.database.trim().is_empty() && self.redis.trim().is_empty()
    }

    /// A name for the source, from the URL: the database's name or the file's.
    pub fn source_name(&self) -> String {
        let url = self.database.trim();
        let path = url
            .split(['?', '#'])
            .next()
            .unwrap_or_default()
            .trim_end_matches('/');
        let last = path.rsplit(['/', ':', '\\']).next().unwrap_or_default();
        let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
        let name: String = stem
            .chars()
            .map(|letter| {
                if letter.is_ascii_alphanumeric() || letter == '_' {
                    letter.to_ascii_lowercase()
                } else {
                    '-'
                }
            })
            .collect();
        let name = name.trim_matches('-').to_owned();
        let no_path = path
            .split_once("://")
            .is_some_and(|(_, rest)| !rest.contains('/'));
        if name.is_empty() || no_path {
            "main".into()
        } else {
            name
        }
    }
}

pub(super) fn show(ui: &mut Ui, state: &mut State, out: &mut Commands) {
    let opening = state.opening.is_some();
    let connect = &mut state.connect;
    let busy = connect.testing.is_some();
    card(ui, |ui| {
        ui.spacing_mut().item_spacing.y = size::SPACE_12;
        ui.label(text::heading(ui, "New connection"));
        let form = &mut connect.form;
        let database = Field::new("Database")
            .mono()
            .hint("mysql://reader@db.internal:3306/shop");
        let mut changed = with_password(
            ui,
            (database, &mut form.database),
            ("Database password", &mut form.password),
        );
        let redis = Field::new("Redis")
            .mono()
            .hint("redis://127.0.0.1:6379/0, empty for a private server");
        changed |= with_password(
            ui,
            (redis, &mut form.redis),
            ("Redis password", &mut form.redis_password),
        );
        keeping(ui, &mut connect.form.session_only);
        Field::new("Workspace file")
            .mono()
            .hint("written on Connect; empty for the configuration folder")
            .show(ui, &mut connect.form.file);
        if changed {
            // A result says nothing about another URL.
            connect.works = false;
            connect.steps.clear();
        }
        if !connect.steps.is_empty() {
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                ui.label(text::small(ui, "Test").font(fonts::small_strong()));
                steps(ui, &connect.steps);
            });
        }
        ui.horizontal(|ui| {
            let ready = !connect.form.is_empty() && !busy && !opening;
            let mut button = Button::new("Connect").enabled(ready);
            // The demo's button is the primary one until a connection is typed.
            if !connect.form.is_empty() {
                button = button.primary();
            }
            if ui
                .add(button.tooltip("Write a workspace file and open it"))
                .clicked()
            {
                out.send(Asked::Connect(Command::Connect));
            }
            let test = Button::new("Test")
                .named("Test the connection")
                .enabled(ready);
            if ui
                .add(test.tooltip("Try both connections, step by step"))
                .clicked()
            {
                out.send(Asked::Connect(Command::Test));
            }
            if let Some(task) = connect.testing
                && ui
                    .add(Button::new("Cancel").bare().named("Cancel the test"))
                    .clicked()
            {
                out.send(Asked::Cancel(task));
            }
            if connect.works {
                ui.add(Label::new(text::small(ui, "Both connections work.")));
            }
        });
    });
}

/// A URL and its password side by side; whether either was changed.
fn with_password(
    ui: &mut Ui,
    (url, typed): (Field<'_>, &mut String),
    (name, password): (&str, &mut String),
) -> bool {
    const PASSWORD: f32 = 168.0;
    let row = ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = size::SPACE_8;
        let width = (ui.available_width() - PASSWORD - size::SPACE_8).max(PASSWORD);
        let changed = url.width(width).show(ui, typed).changed();
        let field = Field::new(name).password().mono().width(PASSWORD);
        field.show(ui, password).changed() || changed
    });
    row.inner
}

/// Where the passwords are kept.
fn keeping(ui: &mut Ui, session_only: &mut bool) {
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = size::SPACE_4;
        field_label(ui, "Keep passwords");
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = size::SPACE_4;
            for (name, only, tooltip) in [
                (
                    "In the system keyring",
                    false,
                    "The operating system asks for them again only where it must",
                ),
                (
                    "For this session only",
                    true,
                    "They are forgotten when Lookaside ends; for a system without a keyring",
                ),
            ] {
                let button = Button::new(name).bare().selected(*session_only == only);
                if ui.add(button.tooltip(tooltip)).clicked() {
                    *session_only = only;
                }
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_named_by_its_database() {
        for (url, name) in [
            ("mysql://reader@db.internal:3306/shop", "shop"),
            ("postgres://db/My%20Data?sslmode=require", "my-20data"),
            ("sqlite:/srv/data/orders.db", "orders"),
            ("mysql://db.internal", "main"),
            ("", "main"),
        ] {
            let form = Form {
                database: url.into(),
                ..Form::default()
            };
            assert_eq!(form.source_name(), name, "{url}");
        }
        assert!(
            !format!(
                "{:?}",
                Form {
                    password: "geheim".into(),
                    ..Form::default()
                }
            )
            .contains("geheim")
        );
    }
}
