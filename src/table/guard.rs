//! The formula guard of CSV: what a spreadsheet would compute instead of show is kept from it.
//!
//! A spreadsheet takes a cell for a formula when it begins with `=`, `+`, `-`, `@`, a tab or a carriage return; some
//! also skip blanks before it or accept the full-width forms of these signs. Such a cell gets an apostrophe in front,
//! which spreadsheets read as "this is text". A plain number (`-5`, `+0.5`, `-1e20`, `-Infinity`) stays as it is: it
//! cannot compute anything.

/// Whether a cell with this text must be guarded.
#[inline]
pub(super) fn needs_guard(text: &[u8]) -> bool {
    match text.first() {
        Some(b'=' | b'+' | b'-' | b'@' | 0..=b' ' | 0xC2 | 0xE2 | 0xE3 | 0xEF) => {
            begins_formula(text)
        }
        _ => false,
    }
}

fn begins_formula(text: &[u8]) -> bool {
    if is_plain_number(text) {
        return false;
    }
    if matches!(text.first(), Some(b'\t' | b'\r' | b'\n')) {
        return true;
    }
    let mut rest = text;
    loop {
        // What a spreadsheet, or whoever cleans a file before it, may skip: controls and blanks (U+0000 to U+0020,
        // U+0085, U+00A0), the spaces, marks and separators of U+2000 to U+206F, the ideographic space U+3000, and the
        // zero-width no-break space U+FEFF.
        rest = match rest {
            [0..=b' ', tail @ ..]
            | [0xC2, 0x85 | 0xA0, tail @ ..]
            | [0xE2, 0x80, 0x80..=0x8F | 0xA8..=0xAF, tail @ ..]
            | [0xE2, 0x81, 0x9F..=0xAF, tail @ ..]
            | [0xE3, 0x80, 0x80, tail @ ..]
            | [0xEF, 0xBB, 0xBF, tail @ ..] => tail,
            _ => break,
        };
    }
    // The full-width signs are U+FF0B, U+FF0D, U+FF1D and U+FF20, the small ones U+FE62, U+FE63, U+FE66 and U+FE6B, the
    // minus of mathematics U+2212.
    matches!(
        rest,
        [b'=' | b'+' | b'-' | b'@', ..]
            | [0xEF, 0xBC, 0x8B | 0x8D | 0x9D | 0xA0, ..]
            | [0xEF, 0xB9, 0xA2 | 0xA3 | 0xA6 | 0xAB, ..]
            | [0xE2, 0x88, 0x92, ..]
    )
}

/// A sign, digits with an optional point, an optional exponent; or an infinity.
fn is_plain_number(text: &[u8]) -> bool {
    let rest = text
        .strip_prefix(b"+")
        .or_else(|| text.strip_prefix(b"-"))
        .unwrap_or(text);
    if rest == b"Infinity" {
        return true;
    }
    let (whole, rest) = digits(rest);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => digits(rest),
        rest => (0, rest),
    };
    let rest = match rest {
        [b'e' | b'E', b'+' | b'-', rest @ ..] | [b'e' | b'E', rest @ ..] => match digits(rest) {
            (0, _) => return false,
            (_, rest) => rest,
        },
        rest => rest,
    };
    whole + fraction > 0 && rest.is_empty()
}

fn digits(text: &[u8]) -> (usize, &[u8]) {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count, &text[count..])
}

#[cfg(test)]
mod tests {
    use super::needs_guard;

    #[test]
    fn formulas_are_guarded_and_numbers_are_not() {
        for formula in [
            "=1+1",
            "+cmd",
            "-2+3",
            "@SUM(A1)",
            "\t=1",
            "\rx",
            "\n=1",
            " =1",
            "\u{a0}=1",
            "\u{feff}=1",
            "＝1",
            "－1",
            "＠x",
            "＋1",
            "-",
            "+",
            "--5",
            "-5-5",
            "-1e",
            "-1e+",
            "-.e5",
            "-0044-03-15",
            "+1 555",
            "-5 ",
            "=",
            "@",
            "\u{3000}=1",
            "\u{2003}=1",
            "\u{200b}=1",
            "\u{2028}=1",
            "\u{85}=1",
            "\0=1",
            "\x1b=1",
            "﹦1",
            "\u{2212}1+cmd",
        ] {
            assert!(needs_guard(formula.as_bytes()), "{formula:?}");
        }
        for plain in [
            "",
            "a",
            "5",
            "-5",
            "+5",
            "-5.25",
            "-.5",
            "-5.",
            "+0.5",
            "-1e20",
            "-1.5E-7",
            "-Infinity",
            "a=b",
            " a",
            "1995-01-01",
            "'=1",
            "ｆ",
            "£",
        ] {
            assert!(!needs_guard(plain.as_bytes()), "{plain:?}");
        }
    }
}
