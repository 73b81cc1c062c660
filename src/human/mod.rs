//! How is it written for people? Counts, times and sizes, always with the unit; columns; and text from elsewhere that a
//! terminal must not obey. One place for the window and the command line, so that a number reads the same in both.

mod columns;
mod visible;

pub use columns::{columns, widths};
pub use visible::{is_obeyed, line, lines, visible_name};

use std::time::Duration;

/// A number with its thousands grouped: `2,112`.
pub fn count(value: u64) -> String {
    group_digits(&value.to_string())
}

/// How many of something: `1 row`, `2,112 rows`.
pub fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// Groups the digits before the point of a number's text; the text of anything else comes back as it is.
pub fn group_digits(text: &str) -> String {
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = digits
        .split_once('.')
        .map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !fraction.is_none_or(plain) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + text.len() / 3);
    out.push_str(sign);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// A duration in milliseconds as people read it: `6.1 ms`, `38.2 s`, `5 min 00 s`, `13 h 37 min`.
pub fn ms(ms: f64) -> String {
    if ms < 0.995 {
        format!("{ms:.2} ms")
    } else if ms < 99.95 {
        format!("{ms:.1} ms")
    } else if ms < 999.5 {
        format!("{ms:.0} ms")
    } else if ms < 59_950.0 {
        format!("{:.1} s", ms / 1000.0)
    } else {
        long(Duration::from_secs_f64(ms / 1000.0))
    }
}

/// A measured duration.
pub fn duration(duration: Duration) -> String {
    ms(duration.as_secs_f64() * 1000.0)
}

/// A duration that counts up or down, in whole seconds: `41 min 12 s`.
pub fn long(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// What the operating system says of a failure, without its number.
pub fn io_words(error: &std::io::Error) -> String {
    without_number(&error.to_string())
}

/// The same text without "(os error 2)", which Rust adds to the operating system's words.
pub fn without_number(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(" (os error ") {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out
}

/// A size: `64.2 KB`. Steps of 1,024, as Redis counts.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    // Four digits before a decimal point are more than a column holds.
    let most = |unit| if unit == 0 { 1024.0 } else { 999.95 };
    while value >= most(unit) && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{bytes} B")
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// A size that may be an estimate: `about 64.2 KB`.
pub fn bytes_about(count: u64, is_estimate: bool) -> String {
    let about = if is_estimate && count > 0 {
        "about "
    } else {
        ""
    };
    format!("{about}{}", bytes(count))
}

/// A sentence that stands by itself: with a capital.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// How many times faster: `3.2x`, `412x`, `1,024x`.
pub fn times(ratio: f64) -> String {
    if ratio < 10.0 {
        format!("{ratio:.1}x")
    } else {
        format!("{}x", count(ratio.round() as u64))
    }
}

/// A share from 0 to 1 as `99.2 %`.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (value, shown) in [
            (0, "0"),
            (999, "999"),
            (2112, "2,112"),
            (1_000_412, "1,000,412"),
        ] {
            assert_eq!(count(value), shown);
        }
        for (text, shown) in [
            ("-1234567.890", "-1,234,567.890"),
            ("12", "12"),
            ("1e20", "1e20"),
            ("NaN", "NaN"),
            ("", ""),
            (".5", ".5"),
            ("1234.", "1,234."),
        ] {
            assert_eq!(group_digits(text), shown);
        }
        for (value, shown) in [
            (0.4, "0.40 ms"),
            (6.1, "6.1 ms"),
            (250.4, "250 ms"),
            (999.7, "1.0 s"),
            (38_200.0, "38.2 s"),
            (300_000.0, "5 min 00 s"),
            (49_020_000.0, "13 h 37 min"),
        ] {
            assert_eq!(ms(value), shown);
        }
        for (value, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1_047_000, "1.0 MB"),
            (65_741, "64.2 KB"),
            (1 << 30, "1.0 GB"),
        ] {
            assert_eq!(bytes(value), shown);
        }
        let rows = [0, 1, 2112].map(|n| plural(n, "row", "rows"));
        assert_eq!(rows, ["0 rows", "1 row", "2,112 rows"]);
        assert_eq!(percent(0.992), "99.2 %");
        assert_eq!([3.21, 41.7, 1_024.4].map(times), ["3.2x", "42x", "1,024x"]);
        // Not "1day 1h 8s", as the workspace file would write it.
        assert_eq!(long(Duration::from_secs(90_008)), "1 d 1 h");
    }
}
