//! How sure it is that bytes are of a format, and not others that happen to read as one.
//!
//! Evidence is the binary logarithm of how much likelier the bytes are as a value of the format than as random bytes.
//! Of random bytes at most one in 2 to the power of n has n bits of it (Markov's inequality), whatever their length:
//! [`ENOUGH`] leaves one in 16,384 a format.

/// The least evidence, in bits, of a format that has no mark at its beginning.
pub(super) const ENOUGH: f64 = 14.0;

/// What it says, in bits, that bytes stand where a format has text.
pub(super) fn of_text(bytes: &[u8]) -> f64 {
    /// Bytes that no writer of text would have put there.
    const NO_TEXT: f64 = -8.0;
    let Ok(text) = std::str::from_utf8(bytes) else {
        return NO_TEXT;
    };
    if super::text::is_odd(text) {
        return NO_TEXT;
    }
    text.chars().map(of_character).sum()
}

/// Letters, digits and what stands in names and addresses are 65 of 256 bytes and most of what is written.
fn of_character(c: char) -> f64 {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' => 1.8,
        ' ' | '/' | ':' => 1.0,
        c if c.is_ascii() => 0.0,
        c => c.len_utf8() as f64 - 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_of_text_grows_with_letters_only() {
        assert!(of_text(b"user:123") >= 13.0 && of_text(b"ann") < ENOUGH);
        assert!(of_text(b"\xff\xfe") < 0.0 && of_text(b"a\0b") < 0.0);
        assert!(of_text("\u{65e5}\u{672c}".as_bytes()) > 3.0);
        assert!(of_text(b"{}[]{}[]{}[]").abs() < 0.1);
    }
}
