//! The top bar: which workspace, how its connections are, the palette.

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Align, Align2, FontId, Layout, Rect, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use crate::app::command::{Command, Commands, ThemeChoice, View};
use crate::app::state::{Link, Open, State};
use crate::app::theme::{Icon, Tone, colors, fonts, size, text};
use crate::app::views::keys;
use crate::app::widgets::{Button, Tip, focus_ring, mark, text_width};

pub(super) fn show(ui: &mut Ui, state: &State, out: &mut Commands) {
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        ui.add_space(size::SPACE_12);
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.label(text::strong(ui, "Lookaside"));
        if let Some(open) = &state.open {
            ui.add_space(size::SPACE_12);
            let name = text::weak(ui, &open.workspace.name);
            let response = ui.add(
                eframe::egui::Label::new(name)
                    .sense(Sense::click())
                    .truncate(),
            );
            focus_ring(ui, &response);
            if response
                .tip("The open workspace. Click for Connect")
                .clicked()
            {
                out.send(Command::Show(View::Connect));
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            ui.add_space(size::SPACE_12);
            let dark = colors(ui).dark;
            let (icon, name, to) = if dark {
                (Icon::Sun, "Light theme", ThemeChoice::Light)
            } else {
                (Icon::Moon, "Dark theme", ThemeChoice::Dark)
            };
            if ui
                .add(Button::icon_only(icon, name).tooltip(name))
                .clicked()
            {
                out.send(Command::SetTheme(to));
            }
            ui.add_space(size::SPACE_8);
            write_lock(ui, state, out);
            ui.add_space(size::SPACE_12);
            palette_field(ui, out);
            if let Some(open) = &state.open {
                links(ui, open);
            }
        });
    });
}

/// Whether the cache may be changed, and the way to the other.
fn write_lock(ui: &mut Ui, state: &State, out: &mut Commands) {
    let button = if state.keys.is_unlocked() {
        Button::new("Unlocked")
            .bare()
            .tone(Tone::Stale)
            .tooltip("This cache can be changed from here. Press to make it read-only again")
    } else {
        Button::new("Read-only").bare().tooltip(
            "Nothing in this cache can be changed from here, except the entries of your reports. Press to unlock it",
        )
    };
    if ui.add(button.enabled(state.open.is_some())).clicked() {
        out.send(Command::Keys(if state.keys.is_unlocked() {
            keys::Command::Unlock(false)
        } else {
            keys::Command::AskUnlock
        }));
    }
}

/// The palette's place in the bar: looks like a field, opens the palette.
fn palette_field(ui: &mut Ui, out: &mut Commands) {
    let colors = colors(ui);
    let width = if ui.available_width() > 640.0 {
        250.0
    } else {
        176.0
    };
    let (rect, response) = ui.allocate_exact_size(vec2(width, size::BUTTON), Sense::click());
    let painter = ui.painter();
    painter.rect_filled(rect, size::RADIUS_CONTROL, colors.code);
    let stroke = if response.hovered() {
        colors.weak
    } else {
        colors.line
    };
    painter.rect_stroke(
        rect,
        size::RADIUS_CONTROL,
        Stroke::new(1.0, stroke),
        StrokeKind::Inside,
    );
    let hint = if width > 200.0 {
        "Search or run a command"
    } else {
        "Commands"
    };
    painter.text(
        pos2(rect.left() + 10.0, rect.center().y),
        Align2::LEFT_CENTER,
        hint,
        fonts::body(),
        colors.weak,
    );
    let frame = Rect::from_min_size(
        pos2(rect.right() - 63.0, rect.center().y - 8.0),
        vec2(52.0, 16.0),
    );
    painter.rect_stroke(
        frame,
        3.0,
        Stroke::new(1.0, colors.line),
        StrokeKind::Inside,
    );
    painter.text(
        frame.center(),
        Align2::CENTER_CENTER,
        "Ctrl K",
        FontId::monospace(11.0),
        colors.weak,
    );
    focus_ring(ui, &response);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Search or run a command"));
    if response.clicked() {
        out.send(Command::OpenPalette);
    }
}

/// The cache and the sources, each as a dot, a name and a version; what does not fit is left to the dot's tooltip.
fn links(ui: &mut Ui, open: &Open) {
    let cache_name = open.workspace.cache.url.to_string();
    let sources = open
        .sources
        .iter()
        .map(|(name, link)| (name.clone(), link, true));
    let cache = std::iter::once((short_address(&cache_name), &open.cache, false));
    let mut all: Vec<_> = cache.chain(sources).collect();
    all.reverse();
    let budget = ui.available_width() - 40.0;
    let full: f32 = all
        .iter()
        .map(|(name, link, _)| width(ui, &caption(name, link, true)))
        .sum();
    let verbose = full < budget;
    for (name, link, named_first) in all {
        let caption = caption(&name, link, verbose);
        let needed = width(ui, &caption);
        if needed > ui.available_width() - 16.0 {
            continue;
        }
        ui.add_space(size::SPACE_12);
        let (rect, response) =
            ui.allocate_exact_size(vec2(needed - size::SPACE_12, size::BUTTON), Sense::hover());
        let colors = colors(ui);
        let tone = match link {
            Link::Up(_) => Tone::Hit,
            Link::Trying => Tone::Wait,
            Link::Down(_) => Tone::Error,
        };
        mark(
            ui.painter(),
            colors,
            pos2(rect.left() + 4.0, rect.center().y),
            7.5,
            tone,
        );
        let text_pos = pos2(rect.left() + 13.0, rect.center().y);
        // The name first, but for a cache that answers: there the product is what one reads.
        let name_first = named_first || matches!(link, Link::Down(_));
        let shown = match (&caption, name_first) {
            ((first, second), true) if second.is_empty() => first.clone(),
            ((first, second), true) => format!("{first}  {second}"),
            ((first, second), false) if second.is_empty() => first.clone(),
            ((first, second), false) => format!("{second}  {first}"),
        };
        ui.painter().text(
            text_pos,
            Align2::LEFT_CENTER,
            &shown,
            fonts::body(),
            colors.weak,
        );
        let what = if named_first { "Source" } else { "Cache" };
        let status = match link {
            Link::Up(version) => format!("{what} {name}: {version}"),
            Link::Trying => format!("{what} {name}: connecting"),
            Link::Down(why) => format!("{what} {name}: {why}"),
        };
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &status));
        response.tip(status);
    }
}

fn caption(name: &str, link: &Link, verbose: bool) -> (String, String) {
    let second = match link {
        Link::Up(version) if verbose => version.clone(),
        Link::Down(_) => "not reachable".to_owned(),
        _ => String::new(),
    };
    (name.to_owned(), second)
}

fn width(ui: &Ui, (first, second): &(String, String)) -> f32 {
    let gap = if second.is_empty() { 0.0 } else { 8.0 };
    13.0 + text_width(ui, first, fonts::body())
        + text_width(ui, second, fonts::body())
        + gap
        + size::SPACE_12
}

/// Host and port of a URL, without scheme, user, password and database.
fn short_address(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    host.split(['/', '?'])
        .next()
        .filter(|host| !host.is_empty())
        .unwrap_or(rest)
        .to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_address_shows_no_secret() {
        assert_eq!(
            super::short_address("rediss://u:***@cache.internal:6380/0"),
            "cache.internal:6380"
        );
        assert_eq!(
            super::short_address("redis+unix:///run/redis.sock"),
            "/run/redis.sock"
        );
        assert_eq!(super::short_address("embedded"), "embedded");
    }
}
