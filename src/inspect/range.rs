//! What a range as a person writes it means: `<1h`, `>=10 KB`, `1m..1d`, `never`.

use super::{Ttl, TtlBucket};

/// A range of numbers; both ends belong to it. The default holds everything, also what is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Range {
    /// The least.
    pub least: Option<u64>,
    /// The most.
    pub most: Option<u64>,
}

/// Which times to live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TtlRange {
    /// All of them.
    #[default]
    All,
    /// Keys without one.
    Never,
    /// Keys with one, whatever it is.
    Some,
    /// Keys of which it is not known.
    Unknown,
    /// Keys with one of this many milliseconds.
    Within(Range),
}

impl Range {
    /// Everything from `least` on.
    pub const fn from(least: u64) -> Self {
        Self {
            least: Some(least),
            most: None,
        }
    }

    /// Whether it holds everything.
    pub fn is_all(self) -> bool {
        self == Self::default()
    }

    /// Whether the value lies in it; what is not known lies only in the range of everything.
    pub fn holds(self, value: Option<u64>) -> bool {
        match value {
            Some(value) => {
                self.least.is_none_or(|least| value >= least)
                    && self.most.is_none_or(|most| value <= most)
            }
            None => self.is_all(),
        }
    }

    /// Reads a range of bytes: `>10 KB`, `1MB..1GB`. Steps of 1,024. The error is one sentence.
    pub fn bytes(text: &str) -> Result<Self, String> {
        read(text, parse_bytes, "a size, as >10KB, <1MB or 10KB..1MB")
    }

    /// Reads a range of numbers: `>1000`, `10..20`. The error is one sentence.
    pub fn count(text: &str) -> Result<Self, String> {
        read(text, parse_count, "a number, as >1000, <10 or 10..20")
    }

    /// Reads a range of times, as seconds: `>1d`, `1h..1d`. The error is one sentence.
    pub fn seconds(text: &str) -> Result<Self, String> {
        let seconds = |text: &str| parse_ms(text).map(|ms| ms / 1_000);
        read(text, seconds, "a time, as >1d, <90s or 1h..1d")
    }
}

impl TtlRange {
    /// What a bar of the chart holds.
    pub fn bucket(bucket: TtlBucket) -> Self {
        match bucket.bounds() {
            Some(range) => Self::Within(range),
            None if bucket == TtlBucket::Never => Self::Never,
            None => Self::Unknown,
        }
    }

    /// Whether a TTL lies in it at `now`, in milliseconds since 1970.
    pub fn holds(self, ttl: Ttl, now: i64) -> bool {
        match self {
            Self::All => true,
            Self::Never => ttl == Ttl::Never,
            Self::Unknown => ttl == Ttl::Unknown,
            Self::Some => matches!(ttl, Ttl::At(_)),
            Self::Within(range) => ttl
                .left(now)
                .is_some_and(|left| range.holds(Some(left.unsigned_abs()))),
        }
    }

    /// Reads `never`, `some`, or a range of times: `<1h` is what expires within an hour. The error is one sentence.
    pub fn read(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "" => Ok(Self::All),
            "never" => Ok(Self::Never),
            "some" => Ok(Self::Some),
            "unknown" => Ok(Self::Unknown),
            _ => read(
                text,
                parse_ms,
                "never, some, or a time, as <1h, >1d or 1m..1h",
            )
            .map(Self::Within),
        }
    }
}

fn read(text: &str, value: impl Fn(&str) -> Option<u64>, right: &str) -> Result<Range, String> {
    let written = text.trim();
    if written.is_empty() {
        return Ok(Range::default());
    }
    let wrong = || format!("\"{written}\" is no range; write {right}");
    let number = |text: &str| value(text.trim()).ok_or_else(wrong);
    if let Some((least, most)) = written.split_once("..") {
        let end = |text: &str| {
            if text.trim().is_empty() {
                Ok(None)
            } else {
                number(text).map(Some)
            }
        };
        let range = Range {
            least: end(least)?,
            most: end(most)?,
        };
        if let (Some(least), Some(most)) = (range.least, range.most)
            && least > most
        {
            return Err(format!(
                "\"{written}\" ends before it begins; write the smaller one first"
            ));
        }
        if range.is_all() {
            return Err(wrong());
        }
        return Ok(range);
    }
    if let Some(text) = written.strip_prefix(">=") {
        return number(text).map(Range::from);
    }
    if let Some(text) = written.strip_prefix('>') {
        return number(text).map(|value| Range::from(value.saturating_add(1)));
    }
    let most = |most| Range {
        least: None,
        most: Some(most),
    };
    if let Some(text) = written.strip_prefix("<=") {
        return number(text).map(most);
    }
    if let Some(text) = written.strip_prefix('<') {
        return match number(text)? {
            0 => Err(format!(
                "nothing is below \"{}\"; write a larger one",
                text.trim()
            )),
            value => Ok(most(value - 1)),
        };
    }
    Err(wrong())
}

fn parse_count(text: &str) -> Option<u64> {
    text.replace([',', '_'], "").parse().ok()
}

fn parse_ms(text: &str) -> Option<u64> {
    let duration = humantime::parse_duration(text).ok()?;
    u64::try_from(duration.as_millis()).ok()
}

fn parse_bytes(text: &str) -> Option<u64> {
    let digits = text
        .find(|letter: char| !letter.is_ascii_digit() && !matches!(letter, '.' | ',' | '_'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.replace([',', '_'], "").parse().ok()?;
    let power = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        _ => return None,
    };
    Some((number * 1_024_f64.powi(power)).round() as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ranges_read_as_written() {
        let range = |least, most| Range { least, most };
        for (text, expected) in [
            ("", Range::default()),
            (">10 KB", range(Some(10_241), None)),
            (">= 1.5MB", range(Some(1_572_864), None)),
            ("<1k", range(None, Some(1_023))),
            ("1KB..2KB", range(Some(1_024), Some(2_048))),
            ("..2KB", range(None, Some(2_048))),
            ("300..", range(Some(300), None)),
        ] {
            assert_eq!(Range::bytes(text).unwrap(), expected, "{text}");
        }
        assert_eq!(Range::count(">1,000").unwrap(), Range::from(1_001));
        assert_eq!(
            Range::seconds("1h..1d").unwrap(),
            range(Some(3_600), Some(86_400))
        );
        assert_eq!(TtlRange::read("Never").unwrap(), TtlRange::Never);
        assert_eq!(
            TtlRange::read("<1h 30m").unwrap(),
            TtlRange::Within(range(None, Some(5_399_999)))
        );
    }

    #[test]
    fn what_is_no_range_is_told_with_what_would_be() {
        for text in ["10", "big", ">", "<0", "2KB..1KB", "..", ">1 parsec", "<-5"] {
            let error = Range::bytes(text).unwrap_err();
            assert!(error.contains("write"), "{text}: {error}");
        }
        assert!(TtlRange::read("soon").unwrap_err().contains("never, some"));
        assert!(Range::seconds(">5").unwrap_err().contains("a time"));
    }

    #[test]
    fn what_is_not_known_lies_in_no_range() {
        assert!(Range::default().holds(None) && !Range::from(0).holds(None));
        assert!(Range::from(5).holds(Some(5)) && !Range::from(5).holds(Some(4)));
    }

    #[test]
    fn the_bars_of_the_chart_hold_every_ttl_once() {
        let now = 1_000_000;
        let ttls = [
            0, 59_999, 60_000, 3_599_999, 3_600_000, 21_600_000, 86_399_999, 86_400_000,
        ];
        let ttls = ttls.map(|left| Ttl::At(now + left)).into_iter();
        for ttl in ttls.chain([Ttl::Never, Ttl::Unknown]) {
            for bucket in TtlBucket::ALL {
                assert_eq!(
                    TtlRange::bucket(bucket).holds(ttl, now),
                    TtlBucket::of(ttl, now) == bucket,
                    "{ttl:?} {bucket:?}"
                );
            }
        }
    }
}
