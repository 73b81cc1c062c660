//! Puts text of scripts that are written from right to left into the order in which it is drawn.
//!
//! egui draws text from left to right and turns round only what the shaper sees as one piece: letters of one script that
//! come from one font. Everything else (the order of words, numbers, brackets) is put in order here by the Unicode
//! Bidirectional Algorithm (UAX #9), one line at a time. A text that egui breaks into several lines by itself keeps the
//! order of its words only within one line.

use std::borrow::Cow;

use unicode_bidi::{BidiClass, BidiInfo, Level, bidi_class};

/// Returns the line as it is to be drawn from left to right; a text of several lines is put in order line by line.
pub fn visual(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.chars().any(is_right_to_left) {
        return Cow::Borrowed(text);
    }
    let info = BidiInfo::new(text, None);
    let mut out = String::with_capacity(text.len());
    for paragraph in &info.paragraphs {
        // The end of the line stays at the end.
        let line = &text[paragraph.range.clone()];
        let end = paragraph.range.start + line.trim_end_matches(['\n', '\r']).len();
        let range = paragraph.range.start..end;
        if range.is_empty() {
            out.push_str(line);
            continue;
        }
        let (levels, runs) = info.visual_runs(paragraph, range);
        for run in runs {
            let part = &text[run.clone()];
            if levels.get(run.start).is_some_and(Level::is_rtl) {
                turn(part, &mut out);
            } else {
                out.push_str(part);
            }
        }
        out.push_str(&text[end..paragraph.range.end]);
    }
    Cow::Owned(out)
}

/// Whether the character is written from right to left.
fn is_right_to_left(character: char) -> bool {
    // The first such block begins here; most text ends the question at once.
    character >= '\u{590}'
        && matches!(
            bidi_class(character),
            BidiClass::R | BidiClass::AL | BidiClass::AN
        )
}

/// Turns a run round. Its letters stay in their order, for the shaper turns those, and joins them.
fn turn(run: &str, out: &mut String) {
    let is_letter = |character: char| {
        character >= '\u{590}'
            && matches!(
                bidi_class(character),
                BidiClass::R | BidiClass::AL | BidiClass::NSM | BidiClass::BN
            )
    };
    let mut end = run.len();
    let mut characters = run.char_indices().rev().peekable();
    while let Some((at, character)) = characters.next() {
        if !is_letter(character) {
            out.push(mirrored(character));
            end = at;
        } else if characters
            .peek()
            .is_none_or(|(_, before)| !is_letter(*before))
        {
            out.push_str(&run[at..end]);
            end = at;
        }
    }
}

/// The bracket that faces the other way.
fn mirrored(character: char) -> char {
    const PAIRS: [(char, char); 6] = [
        ('(', ')'),
        ('[', ']'),
        ('{', '}'),
        ('<', '>'),
        ('«', '»'),
        ('‹', '›'),
    ];
    PAIRS
        .iter()
        .find_map(|&(left, right)| match character {
            c if c == left => Some(right),
            c if c == right => Some(left),
            _ => None,
        })
        .unwrap_or(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_right_to_left_text_are_turned_round() {
        for (text, shown) in [
            ("plain text", "plain text"),
            ("東京 Zürich", "東京 Zürich"),
            // Two words change places; the shaper turns the letters of each.
            ("שלום עולם", "עולם שלום"),
            ("مرحبا بالعالم", "بالعالم مرحبا"),
            // A key: the name around it stays where it is.
            ("user:שלום עולם:7", "user:7:עולם שלום"),
            ("a שלום b", "a שלום b"),
            // A number keeps its digits, brackets face inwards.
            ("שלום 123", "123 שלום"),
            ("שלום (עולם)", "(עולם) שלום"),
            ("a\nשלום עולם\nb", "a\nעולם שלום\nb"),
            ("", ""),
        ] {
            assert_eq!(visual(text), shown, "{text}");
        }
    }

    #[test]
    fn no_character_is_lost_or_doubled() {
        let sorted = |text: &str| {
            let mut all: Vec<char> = text.chars().map(mirrored_pair).collect();
            all.sort_unstable();
            all
        };
        fn mirrored_pair(character: char) -> char {
            character.min(mirrored(character))
        }
        for text in [
            "שָׁלוֹם, (1) עולם! a",
            "١٢٣ مرحبا 45%",
            "\u{202e}abc שלום\u{202c}",
            "א",
        ] {
            assert_eq!(sorted(&visual(text)), sorted(text), "{text}");
        }
    }
}
