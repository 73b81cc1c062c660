//! The colours, dark and light. The only place where a colour is written down.

use eframe::egui::Color32;

/// Every colour of one theme.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Colors {
    /// Behind everything: top bar, rail and status line stand on `panel`, popups on `raised`.
    pub app: Color32,
    /// The ground of bars and views.
    pub panel: Color32,
    /// The ground of cards and floating things.
    pub raised: Color32,
    /// The ground of a quiet button, and of what the pointer is over.
    pub hover: Color32,
    /// The ground of editors and fields.
    pub code: Color32,
    /// One-pixel lines between regions.
    pub line: Color32,
    /// The number or name a person looks for.
    pub strong: Color32,
    /// Running text.
    pub text: Color32,
    /// Labels.
    pub weak: Color32,
    /// What is the user's to press.
    pub accent: Color32,
    /// Text on an accent ground, or on that of what is dangerous.
    pub on_accent: Color32,
    /// The ground of a selection.
    pub accent_ground: Color32,
    /// Served from the cache.
    pub hit: Color32,
    /// Old.
    pub stale: Color32,
    /// Went to the database.
    pub miss: Color32,
    /// Working or waiting.
    pub wait: Color32,
    /// Skipped, or not there.
    pub bypass: Color32,
    /// Failed.
    pub error: Color32,
    /// Whether this is the dark theme.
    pub dark: bool,
}

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tone {
    /// Served from the cache; fresh; done.
    Hit,
    /// Old but served; a warning.
    Stale,
    /// Went to the database.
    Miss,
    /// Working or waiting.
    Wait,
    /// Skipped, or not there.
    Bypass,
    /// Failed.
    Error,
    /// The user's to press.
    Accent,
}

/// A data structure of Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Structure {
    /// `string`.
    String,
    /// `hash`.
    Hash,
    /// `list`.
    List,
    /// `set`.
    Set,
    /// `zset`.
    ZSet,
    /// `stream`.
    Stream,
    /// A JSON document.
    Json,
    /// A module's type.
    Other,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

/// The dark theme.
pub const DARK: Colors = Colors {
    app: rgb(0x000d_1014),
    panel: rgb(0x0014_181e),
    raised: rgb(0x001b_2028),
    hover: rgb(0x0022_2833),
    code: rgb(0x0010_141a),
    line: rgb(0x0026_2c36),
    strong: rgb(0x00f1_f4f8),
    text: rgb(0x00c4_ccd7),
    weak: rgb(0x008c_96a5),
    accent: rgb(0x006e_a8fe),
    on_accent: rgb(0x000d_1014),
    accent_ground: rgb(0x001c_2b45),
    hit: rgb(0x002f_c6a8),
    stale: rgb(0x00e3_b341),
    miss: rgb(0x00f0_883e),
    wait: rgb(0x00b4_8ef7),
    bypass: rgb(0x008c_96a5),
    error: rgb(0x00ff_7b72),
    dark: true,
};

/// The light theme.
pub const LIGHT: Colors = Colors {
    app: rgb(0x00ee_f1f5),
    panel: rgb(0x00fb_fcfd),
    raised: rgb(0x00ff_ffff),
    hover: rgb(0x00e9_eef5),
    code: rgb(0x00f4_f6f9),
    line: rgb(0x00d8_dee7),
    strong: rgb(0x0010_151c),
    text: rgb(0x0032_3b47),
    weak: rgb(0x005d_6877),
    accent: rgb(0x001f_63d6),
    on_accent: rgb(0x00ff_ffff),
    accent_ground: rgb(0x00df_eafd),
    hit: rgb(0x000b_7d69),
    stale: rgb(0x008f_6400),
    miss: rgb(0x00b0_520c),
    wait: rgb(0x006f_45c9),
    bypass: rgb(0x005d_6877),
    error: rgb(0x00c2_302b),
    dark: false,
};

impl Colors {
    /// The colour of a meaning.
    pub fn tone(&self, tone: Tone) -> Color32 {
        match tone {
            Tone::Hit => self.hit,
            Tone::Stale => self.stale,
            Tone::Miss => self.miss,
            Tone::Wait => self.wait,
            Tone::Bypass => self.bypass,
            Tone::Error => self.error,
            Tone::Accent => self.accent,
        }
    }

    /// The ground of a badge: its colour at 13% opacity.
    pub fn ground(&self, tone: Tone) -> Color32 {
        faint(self.tone(tone), 0.13)
    }

    /// The colour of a data structure, the same in both themes. In the light theme text stays `strong`, beside a dot
    /// of this colour.
    pub fn structure(&self, structure: Structure) -> Color32 {
        match structure {
            Structure::String => rgb(0x006e_a8fe),
            Structure::Hash => rgb(0x00b4_8ef7),
            Structure::List => rgb(0x004c_c38a),
            Structure::Set => rgb(0x00f7_78ba),
            Structure::ZSet => rgb(0x00e3_b341),
            Structure::Stream => rgb(0x0039_c5cf),
            Structure::Json => rgb(0x00a3_c557),
            Structure::Other => rgb(0x008c_96a5),
        }
    }

    /// The text colour beside or on a data structure's colour.
    pub fn structure_text(&self, structure: Structure) -> Color32 {
        if self.dark {
            self.structure(structure)
        } else {
            self.strong
        }
    }
}

/// `color` at `opacity`, over whatever is behind it.
pub fn faint(color: Color32, opacity: f32) -> Color32 {
    color.gamma_multiply(opacity)
}

/// `color` at `opacity` over an opaque `ground`, for contrast.
pub fn over(color: Color32, opacity: f32, ground: Color32) -> Color32 {
    let mix =
        |a: u8, b: u8| (f32::from(a) * opacity + f32::from(b) * (1.0 - opacity)).round() as u8;
    Color32::from_rgb(
        mix(color.r(), ground.r()),
        mix(color.g(), ground.g()),
        mix(color.b(), ground.b()),
    )
}

/// The ground of selected text in a field.
pub(super) fn selection(colors: &Colors) -> Color32 {
    over(colors.accent, 0.35, colors.code)
}

/// The shadow under floating things.
pub(super) fn shadow(colors: &Colors) -> Color32 {
    Color32::from_black_alpha(if colors.dark { 120 } else { 40 })
}

/// What lies over the window while a dialog is open: a veil in the colour of its grounds. Black would leave dark text
/// as strong as it was, and bright text, which buttons have, far stronger than the labels beside it.
pub fn backdrop(colors: &Colors) -> Color32 {
    faint(veil(colors), VEIL)
}

/// How much of what is behind a dialog the veil hides.
const VEIL: f32 = 0.6;

fn veil(colors: &Colors) -> Color32 {
    if colors.dark { colors.app } else { colors.line }
}

/// The contrast of two opaque colours as WCAG 2 defines it, 1 to 21.
pub fn contrast(a: Color32, b: Color32) -> f32 {
    fn luminance(color: Color32) -> f32 {
        let channel = |value: u8| {
            let value = f32::from(value) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(color.r()) + 0.7152 * channel(color.g()) + 0.0722 * channel(color.b())
    }
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_reads_on_every_ground() {
        for colors in [DARK, LIGHT] {
            for ground in [colors.panel, colors.raised, colors.code] {
                for text in [
                    colors.strong,
                    colors.text,
                    colors.weak,
                    colors.accent,
                    colors.hit,
                    colors.stale,
                    colors.miss,
                    colors.wait,
                    colors.bypass,
                    colors.error,
                ] {
                    let contrast = contrast(text, ground);
                    assert!(contrast >= 4.5, "{text:?} on {ground:?}: {contrast:.2}");
                }
            }
            assert!(contrast(colors.strong, colors.hover) >= 4.5);
            assert!(contrast(colors.strong, colors.accent_ground) >= 4.5);
            assert!(contrast(colors.text, colors.accent_ground) >= 4.5);
            assert!(contrast(colors.on_accent, colors.accent) >= 4.5);
            assert!(contrast(colors.on_accent, colors.error) >= 4.5);
        }
    }

    #[test]
    fn behind_a_dialog_nothing_stands_out() {
        for colors in [DARK, LIGHT] {
            let behind = |color| over(veil(&colors), VEIL, color);
            for text in [colors.strong, colors.text, colors.weak] {
                let contrast = contrast(behind(text), behind(colors.panel));
                assert!((1.5..4.0).contains(&contrast), "{text:?}: {contrast:.2}");
            }
        }
    }

    #[test]
    fn a_badge_reads_on_its_own_ground() {
        use Tone::{Bypass, Error, Hit, Miss, Stale, Wait};
        for colors in [DARK, LIGHT] {
            for tone in [Hit, Stale, Miss, Wait, Bypass, Error] {
                let ground = over(colors.tone(tone), 0.13, colors.panel);
                let contrast = contrast(colors.tone(tone), ground);
                assert!(
                    contrast >= 4.0,
                    "{tone:?}, dark {}: {contrast:.2}",
                    colors.dark
                );
            }
        }
    }
}
