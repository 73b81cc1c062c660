//! Dates and times of SQL Server: days since year 1 or 1900, parts of a second of ten digits' kinds.

use std::fmt::Write;

use chrono::NaiveDate;
use tiberius::time::{DateTime, DateTime2, DateTimeOffset, SmallDateTime, Time};

/// Days from the first of year 1 to 1970-01-01.
pub(super) const EPOCH: i64 = 719_162;
/// Days from the first of year 1 to 1900-01-01.
const YEAR_1900: i64 = 693_595;
/// Parts of a second that the finest type tells apart.
const TICKS: i64 = 10_000_000;
const DAY: i64 = 86_400 * TICKS;

/// A moment: hundreds of nanoseconds since the first of year 1. A server may send any day that fits in its bytes.
#[derive(Clone, Copy)]
pub(super) struct Ticks(i128);

impl Ticks {
    fn new(days: i64, ticks: i64) -> Self {
        Self(i128::from(days) * i128::from(DAY) + i128::from(ticks))
    }

    /// Microseconds since 1970, where that loses nothing.
    pub(super) fn micros(self) -> Option<i64> {
        let micros = (self.0 - i128::from(EPOCH * DAY)) / 10;
        (self.0 % 10 == 0)
            .then(|| i64::try_from(micros).ok())
            .flatten()
    }

    /// `YYYY-MM-DD HH:MM:SS[.f]`.
    pub(super) fn text(self) -> String {
        let day = i128::from(DAY);
        format!(
            "{} {}",
            date_text(self.0.div_euclid(day) as i64),
            time_text(self.0.rem_euclid(day) as i64)
        )
    }
}

impl From<DateTime2> for Ticks {
    fn from(value: DateTime2) -> Self {
        Self::new(i64::from(value.date().days()), ticks(value.time()))
    }
}

/// In three hundredths of a second, which the server shows rounded to milliseconds.
impl From<DateTime> for Ticks {
    fn from(value: DateTime) -> Self {
        let millis = (i64::from(value.seconds_fragments()) * 10 + 1) / 3;
        Self::new(YEAR_1900 + i64::from(value.days()), millis * (TICKS / 1000))
    }
}

/// In minutes, whatever the driver calls them.
impl From<SmallDateTime> for Ticks {
    fn from(value: SmallDateTime) -> Self {
        let minutes = i64::from(value.seconds_fragments());
        Self::new(YEAR_1900 + i64::from(value.days()), minutes * 60 * TICKS)
    }
}

/// A time of the day in hundreds of nanoseconds, from whatever its column tells apart.
pub(super) fn ticks(time: Time) -> i64 {
    let missing = 7_u32.saturating_sub(u32::from(time.scale()));
    i64::try_from(time.increments())
        .unwrap_or(0)
        .saturating_mul(10_i64.pow(missing))
}

/// `YYYY-MM-DD` of a day since the first of year 1.
pub(super) fn date_text(days: i64) -> String {
    i32::try_from(days + 1)
        .ok()
        .and_then(NaiveDate::from_num_days_from_ce_opt)
        .map_or_else(|| format!("day {days}"), |date| date.to_string())
}

/// `HH:MM:SS[.f]`, without trailing zeros.
pub(super) fn time_text(ticks: i64) -> String {
    let (seconds, fraction) = (ticks / TICKS, ticks % TICKS);
    let mut text = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    if fraction != 0 {
        // Writing to a String cannot fail.
        let _ = write!(text, ".{fraction:07}");
        text.truncate(text.trim_end_matches('0').len());
    }
    text
}

/// `YYYY-MM-DD HH:MM:SS[.f] +HH:MM`: the local time and its offset; what travels is UTC.
pub(super) fn offset_text(value: DateTimeOffset) -> String {
    let offset = i64::from(value.offset());
    let local = Ticks(Ticks::from(value.datetime2()).0 + i128::from(offset * 60 * TICKS));
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.abs() / 60, offset.abs() % 60);
    format!("{} {sign}{hours:02}:{minutes:02}", local.text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tiberius::time::Date;

    #[test]
    fn three_hundredths_are_shown_as_milliseconds() {
        for (fragments, want) in [
            (0, "00:00:00"),
            (1, "00:00:00.003"),
            (2, "00:00:00.007"),
            (3, "00:00:00.01"),
            (25_919_999, "23:59:59.997"),
        ] {
            let text = Ticks::from(DateTime::new(0, fragments)).text();
            assert_eq!(text, format!("1900-01-01 {want}"));
        }
    }

    #[test]
    fn an_offset_is_kept() {
        let utc = DateTime2::new(Date::new(EPOCH as u32), Time::new(0, 7));
        for (offset, want) in [
            (-480, "1969-12-31 16:00:00 -08:00"),
            (345, "1970-01-01 05:45:00 +05:45"),
            (0, "1970-01-01 00:00:00 +00:00"),
        ] {
            assert_eq!(offset_text(DateTimeOffset::new(utc, offset)), want);
        }
    }
}
