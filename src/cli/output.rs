//! The one place where commands print: without a panic when the reader has gone, and without what a terminal would
//! obey, wherever a text came from. Rows in a format for scripts (`run --format csv`) are bytes and leave elsewhere.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

use serde::Serialize;

use crate::human;
use crate::table::WriteError;

/// Prints text for people on standard output. Nothing in it moves a cursor, wherever it came from.
pub(crate) fn print(text: &str) -> Result<(), WriteError> {
    write(&human::lines(text))
}

/// Prints one JSON document, indented for people; scripts do not mind.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = json(serde_json::to_string_pretty(value)?);
    text.push('\n');
    Ok(write(&text)?)
}

/// Prints one line of JSON.
pub(crate) fn print_json_line(value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = json(serde_json::to_string(value)?);
    text.push('\n');
    Ok(write(&text)?)
}

/// A line on standard error, of text for people. That it cannot be told is no reason to fail.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", human::line(text));
}

/// A line of JSON on standard error.
pub(crate) fn note_json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = json(serde_json::to_string(value)?);
    let _ = writeln!(io::stderr().lock(), "{text}");
    Ok(())
}

fn write(text: &str) -> Result<(), WriteError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| WriteError::new(&error, "standard output"))
}

/// JSON may hold as they are some characters that a terminal obeys; escaped they mean the same. They only stand inside
/// strings, and line ends only outside.
fn json(text: String) -> String {
    let is_unsafe = |character| character != '\n' && human::is_obeyed(character);
    if !text.contains(is_unsafe) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_unsafe(character) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{:04x}", character as u32);
        } else {
            out.push(character);
        }
    }
    out
}

/// Milliseconds with three decimals at most, so that JSON stays readable.
pub(crate) fn millis(ms: f64) -> f64 {
    (ms * 1_000.0).round() / 1_000.0
}

/// A duration in milliseconds.
pub(crate) fn duration_millis(duration: Duration) -> f64 {
    millis(duration.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_the_same_and_moves_no_cursor() {
        let said = "\u{1b}[2J\u{7f}\u{9b}31m\u{202e}é\n";
        let text = json(serde_json::to_string_pretty(&[said]).unwrap_or_default());
        assert!(!text.replace('\n', "").contains(human::is_obeyed), "{text}");
        assert_eq!(
            serde_json::from_str::<Vec<String>>(&text).ok(),
            Some(vec![said.to_owned()])
        );
    }
}
