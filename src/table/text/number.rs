//! The text of numbers and bytes.

use arrow::datatypes::i256;

#[inline]
pub(super) fn integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[inline]
pub(super) fn float64(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        shortest(out, ryu::Buffer::new().format_finite(value));
    } else {
        special(out, value.is_nan(), value > 0.0);
    }
}

pub(super) fn float32(out: &mut Vec<u8>, value: f32) {
    if value.is_finite() {
        shortest(out, ryu::Buffer::new().format_finite(value));
    } else {
        special(out, value.is_nan(), value > 0.0);
    }
}

/// A whole number reads `5`, as the databases print it, so that an integer that widens to a float keeps its text.
fn shortest(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
}

fn special(out: &mut Vec<u8>, nan: bool, positive: bool) {
    out.extend_from_slice(match (nan, positive) {
        (true, _) => b"NaN",
        (false, true) => b"Infinity",
        (false, false) => b"-Infinity",
    });
}

pub(super) fn decimal128(out: &mut Vec<u8>, value: i128, scale: i8) {
    if value < 0 {
        out.push(b'-');
    }
    let mut buffer = itoa::Buffer::new();
    let magnitude = value.unsigned_abs();
    // 64-bit division is several times faster, and most amounts fit.
    let digits = match u64::try_from(magnitude) {
        Ok(small) => buffer.format(small),
        Err(_) => buffer.format(magnitude),
    };
    point(out, digits.as_bytes(), scale);
}

pub(super) fn decimal256(out: &mut Vec<u8>, value: i256, scale: i8) {
    if let Some(small) = value.to_i128() {
        return decimal128(out, small, scale);
    }
    let text = value.to_string();
    let digits = text.strip_prefix('-').unwrap_or(&text);
    if digits.len() < text.len() {
        out.push(b'-');
    }
    point(out, digits.as_bytes(), scale);
}

/// Appends `digits` with `scale` of them behind the point; a negative scale stands for zeros before it.
fn point(out: &mut Vec<u8>, digits: &[u8], scale: i8) {
    if scale <= 0 {
        out.extend_from_slice(digits);
        if digits != b"0" {
            out.resize(out.len() + usize::from(scale.unsigned_abs()), b'0');
        }
        return;
    }
    let scale = usize::from(scale.unsigned_abs());
    if digits.len() > scale {
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        out.extend_from_slice(whole);
        out.push(b'.');
        out.extend_from_slice(fraction);
    } else {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + scale - digits.len(), b'0');
        out.extend_from_slice(digits);
    }
}

pub(super) fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.reserve(2 + 2 * bytes.len());
    out.extend_from_slice(b"0x");
    for byte in bytes {
        out.extend_from_slice(&[
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ]);
    }
}
