//! The faces: Inter Medium for text, Inter SemiBold for headings, JetBrains Mono for keys and SQL, Noto Emoji in one
//! colour. Scripts that these lack come from the system (eframe's `system_fonts`); what that lacks too is a hollow box
//! (`missing.rs`).

use std::sync::Arc;

use eframe::egui::{FontData, FontDefinitions, FontFamily, FontId, TextStyle};

const MEDIUM: &[u8] = include_bytes!("../../../assets/fonts/Inter-Medium.otf");
const SEMIBOLD: &[u8] = include_bytes!("../../../assets/fonts/Inter-SemiBold.otf");
const MONO: &[u8] = include_bytes!("../../../assets/fonts/JetBrainsMono-Regular.ttf");
const EMOJI: &[u8] = include_bytes!("../../../assets/fonts/NotoEmoji-Regular.ttf");

/// The family of headings and of the numbers a person looks for.
pub fn semibold() -> FontFamily {
    FontFamily::Name("semibold".into())
}

/// Body text, 13 points.
pub fn body() -> FontId {
    FontId::new(13.0, FontFamily::Proportional)
}

/// Body text that stands out.
pub fn body_strong() -> FontId {
    FontId::new(13.0, semibold())
}

/// Small text, 12 points.
pub fn small() -> FontId {
    FontId::new(12.0, FontFamily::Proportional)
}

/// Small text that stands out: badges, titles of groups, table headers.
pub fn small_strong() -> FontId {
    FontId::new(12.0, semibold())
}

/// Tiny text, 11 points: labels of the rail and of axes.
pub fn tiny() -> FontId {
    FontId::new(11.0, FontFamily::Proportional)
}

/// Titles of views and cards, 15 points.
pub fn heading() -> FontId {
    FontId::new(15.0, semibold())
}

/// The title of a whole screen, 26 points.
pub fn title() -> FontId {
    FontId::new(26.0, semibold())
}

/// The one number, 52 points.
pub fn number() -> FontId {
    FontId::new(52.0, semibold())
}

/// Keys, SQL and values, 12 points.
pub fn mono() -> FontId {
    FontId::new(12.0, FontFamily::Monospace)
}

pub(super) fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    for (name, bytes) in [
        ("Inter Medium", MEDIUM),
        ("Inter SemiBold", SEMIBOLD),
        ("JetBrains Mono", MONO),
        ("Noto Emoji", EMOJI),
    ] {
        fonts
            .font_data
            .insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    }
    let families = [
        (
            FontFamily::Proportional,
            ["Inter Medium", "JetBrains Mono", "Noto Emoji"],
        ),
        (
            semibold(),
            ["Inter SemiBold", "JetBrains Mono", "Noto Emoji"],
        ),
        (
            FontFamily::Monospace,
            ["JetBrains Mono", "Inter Medium", "Noto Emoji"],
        ),
    ];
    for (family, names) in families {
        fonts
            .families
            .insert(family, names.map(str::to_owned).to_vec());
    }
    fonts
}

pub(super) fn text_styles() -> std::collections::BTreeMap<TextStyle, FontId> {
    [
        (TextStyle::Body, body()),
        (TextStyle::Button, body()),
        (TextStyle::Small, small()),
        (TextStyle::Heading, heading()),
        (TextStyle::Monospace, mono()),
    ]
    .into()
}
