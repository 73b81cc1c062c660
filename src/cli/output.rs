//! Printing that does not panic when the reader has gone, and small shapes of JSON and text.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

/// Prints on standard output.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Prints one JSON document, indented for people; scripts do not mind.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(print(&text)?)
}

/// Prints one line of JSON.
pub(crate) fn print_json_line(value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string(value)?;
    text.push('\n');
    Ok(print(&text)?)
}

/// A line on standard error. That it cannot be told is no reason to fail.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Milliseconds with three decimals at most, so that JSON stays readable.
pub(crate) fn millis(ms: f64) -> f64 {
    (ms * 1_000.0).round() / 1_000.0
}

/// A duration in milliseconds.
pub(crate) fn duration_millis(duration: Duration) -> f64 {
    millis(duration.as_secs_f64() * 1_000.0)
}

/// A time for people: `840 µs`, `6.1 ms`, `38.4 s`, `3 min 20 s`.
pub(crate) fn time(ms: f64) -> String {
    if ms < 1.0 {
        format!("{:.0} µs", ms * 1_000.0)
    } else if ms < 100.0 {
        format!("{ms:.1} ms")
    } else if ms < 1_000.0 {
        format!("{ms:.0} ms")
    } else if ms < 120_000.0 {
        format!("{:.1} s", ms / 1_000.0)
    } else {
        span(Duration::from_secs_f64(ms / 1_000.0))
    }
}

/// A longer time for people, to its two largest units: `42 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// Rows of text in columns; `right` names the columns that stand on the right.
pub(crate) fn columns(rows: &[Vec<String>], right: &[usize]) -> String {
    use unicode_width::UnicodeWidthStr;
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..count)
        .map(|i| {
            rows.iter()
                .filter_map(|row| row.get(i))
                .map(|cell| cell.width())
                .max()
                .unwrap_or_default()
        })
        .collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (i, cell) in row.iter().enumerate() {
            let blank = " ".repeat(widths[i] - cell.width());
            let gap = if i == 0 { "" } else { "  " };
            line.push_str(gap);
            if right.contains(&i) {
                line.push_str(&blank);
                line.push_str(cell);
            } else {
                line.push_str(cell);
                line.push_str(&blank);
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_for_people() {
        assert_eq!(time(0.84), "840 µs");
        assert_eq!(time(6.14), "6.1 ms");
        assert_eq!(time(640.2), "640 ms");
        assert_eq!(time(38_400.0), "38.4 s");
        assert_eq!(time(200_000.0), "3 min 20 s");
        assert_eq!(span(Duration::from_mins(125)), "2 h 5 min");
    }

    #[test]
    fn columns_line_up() {
        let rows = [
            vec!["a".to_owned(), "10".into()],
            vec!["long".into(), "5".into()],
        ];
        assert_eq!(columns(&rows, &[1]), "a     10\nlong   5\n");
    }
}
