//! Rows of cells as aligned columns for a terminal.

use unicode_width::UnicodeWidthStr;

use super::line;

/// Rows of cells in columns, two blanks apart; `right` tells which columns stand on the right. A cell is one line.
pub fn columns<S: AsRef<str>>(rows: &[Vec<S>], right: impl Fn(usize) -> bool) -> String {
    let rows: Vec<Vec<_>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| line(cell.as_ref())).collect())
        .collect();
    let widths = widths(&rows);
    let mut out = String::new();
    for row in &rows {
        let mut text = String::new();
        for (i, cell) in row.iter().enumerate() {
            let blank = " ".repeat(widths[i] - cell.width());
            text.push_str(if i == 0 { "" } else { "  " });
            if right(i) {
                text.push_str(&blank);
                text.push_str(cell);
            } else {
                text.push_str(cell);
                text.push_str(&blank);
            }
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}

/// How wide each column stands.
pub fn widths<S: AsRef<str>>(rows: &[Vec<S>]) -> Vec<usize> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(line(cell.as_ref()).width());
        }
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a", "10"], vec!["long", "5"]];
        assert_eq!(columns(&rows, |i| i == 1), "a     10\nlong   5\n");
        // As wide as it is shown, and never a second line.
        let rows = [vec!["東京", "x"], vec!["a\nb\u{1b}", "y"], vec!["only one"]];
        assert_eq!(
            columns(&rows, |_| false),
            "東京       x\na⏎b\\u{1b}  y\nonly one\n"
        );
    }
}
