//! Positions in a source's history of changes.

/// A position: 20 decimal digits, compared as a string (Lua numbers lose precision past 2^53). A log position where
/// the database has a total order, else the worker's own tick.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(String);

impl Position {
    /// Before every change; also the position of a fill while nobody watches.
    pub fn zero() -> Self {
        Self::from(0)
    }

    /// Reads 20 decimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 20 && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| Self(text.to_owned()))
    }

    /// The next tick, for a detector without positions of its own.
    #[must_use]
    pub fn next(&self) -> Self {
        let mut digits = self.0.clone().into_bytes();
        for digit in digits.iter_mut().rev() {
            if *digit == b'9' {
                *digit = b'0';
            } else {
                *digit += 1;
                break;
            }
        }
        Self(digits.into_iter().map(char::from).collect())
    }

    /// The 20 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<u64> for Position {
    fn from(value: u64) -> Self {
        Self(format!("{value:020}"))
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_order_as_numbers_and_tick_on() {
        assert!(Position::from(9) < Position::from(10));
        assert!(Position::from(u64::MAX) > Position::from(1 << 53));
        assert_eq!(Position::from(199).next(), Position::from(200));
        assert_eq!(Position::parse("12"), None);
        assert_eq!(
            Position::parse(&Position::from(u64::MAX).to_string()),
            Some(Position::from(u64::MAX))
        );
    }
}
