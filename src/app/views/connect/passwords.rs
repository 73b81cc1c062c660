//! The passwords that the open workspace lacks: each field is for a connection that does not answer and has none.

use eframe::egui::{Label, Ui};

use crate::app::command::{Command as Asked, Commands};
use crate::app::state::{Link, Open, State};
use crate::app::theme::{size, text};
use crate::app::widgets::{Button, Field, card};
use crate::workspace::ConnectionUrl;

use super::Command;

/// A password that may be lacking.
#[derive(Clone, Default)]
pub struct Lacking {
    /// The source; empty for the cache.
    source: String,
    /// The URL without a password.
    url: String,
    typed: String,
}

impl std::fmt::Debug for Lacking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lacking({})", self.source)
    }
}

impl Lacking {
    /// Every connection of a workspace that has no password.
    pub(super) fn of(open: &Open) -> Vec<Self> {
        let lacking = |source: &str, url: &ConnectionUrl| {
            url.may_take_password().then(|| Self {
                source: source.to_owned(),
                url: url.expose().to_owned(),
                typed: String::new(),
            })
        };
        let workspace = &open.workspace;
        let cache = Some(&workspace.cache.url).filter(|_| !open.private_cache);
        let cache = cache.and_then(|url| lacking("", url));
        let sources = workspace.sources.iter();
        cache
            .into_iter()
            .chain(sources.filter_map(|(name, source)| lacking(name, &source.url)))
            .collect()
    }

    /// Why its connection does not answer.
    fn why<'a>(&self, open: &'a Open) -> Option<&'a str> {
        let link = match self.source.as_str() {
            "" => Some(&open.cache),
            source => open.sources.get(source),
        };
        match link {
            Some(Link::Down(why)) => Some(why),
            _ => None,
        }
    }
}

/// Draws the card where a connection that has no password does not answer.
pub(super) fn show(ui: &mut Ui, state: &mut State, out: &mut Commands) {
    let Some(open) = &state.open else { return };
    let lacking = &mut state.connect.lacking;
    if !lacking.iter().any(|lacking| lacking.why(open).is_some()) {
        return;
    }
    card(ui, |ui| {
        ui.spacing_mut().item_spacing.y = size::SPACE_12;
        ui.label(text::heading(ui, "Passwords"));
        for lacking in lacking.iter_mut() {
            let Some(why) = lacking.why(open).map(str::to_owned) else {
                continue;
            };
            let name = match lacking.source.as_str() {
                "" => "Password of Redis".to_owned(),
                source => format!("Password of {source}"),
            };
            Field::new(&name)
                .password()
                .mono()
                .show(ui, &mut lacking.typed);
            let why = crate::app::format::sentence(&why);
            ui.add(Label::new(text::small(ui, why)).wrap());
        }
        let given: Vec<(String, String)> = lacking
            .iter()
            .filter(|lacking| !lacking.typed.is_empty())
            .map(|lacking| (lacking.url.clone(), lacking.typed.clone()))
            .collect();
        ui.horizontal(|ui| {
            let button = Button::new("Connect for this session").enabled(!given.is_empty());
            let button = button.tooltip(
                "Open the workspace again; the passwords are forgotten when Lookaside ends",
            );
            if ui.add(button).clicked() {
                out.send(Asked::Connect(Command::UsePasswords(given)));
            }
        });
    });
    ui.add_space(size::SPACE_12);
}
