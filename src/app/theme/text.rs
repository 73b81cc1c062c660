//! Text in its three strengths and few sizes.

use std::borrow::Cow;

use eframe::egui::{RichText, Ui};

use super::{Tone, bidi, colors, fonts};
use crate::app::format;

/// Running text.
pub fn body(ui: &Ui, text: impl Into<String>) -> RichText {
    line(rich(text).font(fonts::body()), 20.0).color(colors(ui).text)
}

/// The number or name a person looks for.
pub fn strong(ui: &Ui, text: impl Into<String>) -> RichText {
    line(rich(text).font(fonts::body_strong()), 20.0).color(colors(ui).strong)
}

/// A name in a list: the strong colour at the usual weight.
pub fn name(ui: &Ui, text: impl Into<String>) -> RichText {
    line(rich(text).font(fonts::body()), 20.0).color(colors(ui).strong)
}

/// A label.
pub fn weak(ui: &Ui, text: impl Into<String>) -> RichText {
    line(rich(text).font(fonts::body()), 20.0).color(colors(ui).weak)
}

/// A label in small type.
pub fn small(ui: &Ui, text: impl Into<String>) -> RichText {
    line(rich(text).font(fonts::small()), 18.0).color(colors(ui).weak)
}

/// The title of a group.
pub fn group(ui: &Ui, text: impl Into<String>) -> RichText {
    line(rich(text).font(fonts::small_strong()), 18.0).color(colors(ui).weak)
}

/// The title of a view or a card.
pub fn heading(ui: &Ui, text: impl Into<String>) -> RichText {
    line(rich(text).font(fonts::heading()), 22.0).color(colors(ui).strong)
}

/// The title of a whole screen.
pub fn title(ui: &Ui, text: impl Into<String>) -> RichText {
    line(rich(text).font(fonts::title()), 32.0).color(colors(ui).strong)
}

/// The one number.
pub fn number(ui: &Ui, text: impl Into<String>) -> RichText {
    line(rich(text).font(fonts::number()), 60.0).color(colors(ui).strong)
}

/// Keys, SQL and values.
pub fn mono(ui: &Ui, text: impl Into<String>) -> RichText {
    line(rich(text).font(fonts::mono()), 18.0).color(colors(ui).text)
}

/// Text whose colour means something.
pub fn tone(ui: &Ui, tone: Tone, text: impl Into<String>) -> RichText {
    line(rich(text).font(fonts::body()), 20.0).color(colors(ui).tone(tone))
}

/// Text as it is drawn: in the order of its scripts, and with nothing in it that would change that order unseen.
fn rich(text: impl Into<String>) -> RichText {
    let text = text.into();
    match drawn(&text) {
        Cow::Borrowed(_) => RichText::new(text),
        Cow::Owned(drawn) => RichText::new(drawn),
    }
}

/// A text as it is drawn, see [`rich`]; its line ends stay.
pub fn drawn(text: &str) -> Cow<'_, str> {
    match format::lines(text) {
        Cow::Borrowed(text) => bidi::visual(text),
        Cow::Owned(text) => Cow::Owned(bidi::visual(&text).into_owned()),
    }
}

/// Text with the line height that its size asks for.
fn line(text: RichText, height: f32) -> RichText {
    text.line_height(Some(height))
}

/// A text in at most `most` characters: a longer one is cut in the middle, since names often differ only at their ends.
pub fn middle(text: &str, most: usize) -> String {
    let all = text.chars().count();
    if all <= most {
        return text.to_owned();
    }
    let kept = most.saturating_sub(1);
    let (first, last) = (kept.div_ceil(2), kept / 2);
    let head = text.chars().take(first);
    let tail = text.chars().skip(all - last);
    head.chain(['…']).chain(tail).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_keeps_its_beginning_and_its_end() {
        for (text, most, shown) in [
            ("app:cart:7", 10, "app:cart:7"),
            ("app:cart:7", 9, "app:…rt:7"),
            ("app:cart:7", 6, "app…:7"),
            ("zürich東京", 5, "zü…東京"),
            ("abc", 1, "…"),
            ("abc", 0, "…"),
            ("", 0, ""),
        ] {
            assert_eq!(middle(text, most), shown, "{text} {most}");
        }
    }
}
