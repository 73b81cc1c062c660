//! Times, counts and columns as people read them.

/// Milliseconds with three figures or so: `0.42 ms`, `6.1 ms`, `380 ms`, `1.24 s`, `41.7 s`.
pub(super) fn time(ms: f64) -> String {
    match ms {
        ms if ms < 1.0 => format!("{ms:.2} ms"),
        ms if ms < 99.95 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms if ms < 9_995.0 => format!("{:.2} s", ms / 1000.0),
        ms => format!("{:.1} s", ms / 1000.0),
    }
}

/// A count with thousands parted: `1,445,046`.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// How many times faster: `3.2x`, `412x`, `1,024x`.
pub(super) fn times(ratio: f64) -> String {
    if ratio < 10.0 {
        format!("{ratio:.1}x")
    } else {
        format!("{}x", count(ratio.round() as u64))
    }
}

/// Rows of cells in columns: the first to the left, the others to the right.
pub(super) fn columns(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (i, cell) in row.iter().enumerate() {
            let width = width(i).unwrap_or(0);
            let (gap, pad) = (
                if i == 0 { "" } else { "  " },
                " ".repeat(width - cell.chars().count()),
            );
            line.extend(if i == 0 {
                [gap, cell, &pad]
            } else {
                [gap, &pad, cell]
            });
        }
        out += line.trim_end();
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_about_three_figures() {
        let texts = [0.417, 6.08, 99.96, 380.2, 999.6, 1_240.0, 41_700.0].map(time);
        assert_eq!(
            texts,
            [
                "0.42 ms", "6.1 ms", "100 ms", "380 ms", "1.00 s", "1.24 s", "41.7 s"
            ]
        );
    }

    #[test]
    fn thousands_are_parted() {
        assert_eq!(
            [0, 999, 1_000, 1_445_046].map(count),
            ["0", "999", "1,000", "1,445,046"]
        );
        assert_eq!([3.21, 41.7, 1_024.4].map(times), ["3.2x", "42x", "1,024x"]);
    }

    #[test]
    fn columns_align() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        assert_eq!(
            columns(&[row(["report", "rows"]), row(["a", "1,000"])]),
            "report   rows\na       1,000\n"
        );
    }
}
