//! Text from elsewhere (a workspace file, a database's error, a name in Redis) on a terminal: what a terminal would obey
//! instead of showing it is made visible.

use std::borrow::Cow;

/// Whether a terminal obeys the character: it moves the cursor, changes colours, or reorders the text around it.
pub fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text as one line: `⏎` stands for a line end and `→` for a tab.
pub fn line(text: &str) -> Cow<'_, str> {
    shown(text, |character| match character {
        '\n' => "⏎".to_owned(),
        '\t' => "→".to_owned(),
        other => other.escape_default().to_string(),
    })
}

/// The text with its line ends and tabs, and nothing else that a terminal obeys.
pub fn lines(text: &str) -> Cow<'_, str> {
    shown(text, |character| match character {
        '\n' | '\t' => character.to_string(),
        other => other.escape_default().to_string(),
    })
}

/// A name that can be seen: one that is empty is said to be so, and one that begins or ends with space is in quotes.
/// `what` is what has the name: "(empty name)", "(empty field)".
pub fn visible_name<'a>(name: &'a str, what: &str) -> Cow<'a, str> {
    let line = line(name);
    if line.is_empty() {
        return Cow::Owned(format!("(empty {what})"));
    }
    if line.trim().len() < line.len() {
        return Cow::Owned(format!("\"{line}\""));
    }
    line
}

fn shown(text: &str, instead: impl Fn(char) -> String) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_obeyed(character) {
            out.push_str(&instead(character));
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_a_terminal_obeys() {
        let every: String = (0..=0x2100).filter_map(char::from_u32).collect();
        assert!(!line(&every).contains(is_obeyed));
        assert_eq!(
            lines(&every).matches(is_obeyed).collect::<Vec<_>>(),
            ["\t", "\n"]
        );
    }

    #[test]
    fn name_without_visible_characters_is_shown() {
        for (name, shown) in [
            ("", "(empty name)"),
            ("  ", "\"  \""),
            (" a", "\" a\""),
            ("a\u{3000}", "\"a\u{3000}\""),
            ("a b", "a b"),
            ("a\nb", "a⏎b"),
        ] {
            assert_eq!(visible_name(name, "name"), shown);
        }
    }

    #[test]
    fn escapes_are_told_as_such() {
        assert_eq!(
            line("a\u{1b}[31m\r\n\tb\u{9b}2J\u{202e}"),
            "a\\u{1b}[31m\\r⏎→b\\u{9b}2J\\u{202e}"
        );
        assert_eq!(lines("a\n\tb\u{7}"), "a\n\tb\\u{7}");
        // Letters of every script stay, and what joins them.
        let plain = "Zürich 東京 می\u{200c}خواهم 👩\u{200d}🚀";
        assert!(matches!(line(plain), Cow::Borrowed(same) if same == plain));
    }
}
