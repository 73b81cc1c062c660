//! Dates and times as PostgreSQL prints them, for those that Arrow's text would not show the same: infinity, years
//! before 1 and after 9999, and 24:00.

use std::fmt::Write;

/// Days from 1970-01-01 to PostgreSQL's day 0, 2000-01-01.
pub(super) const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
pub(super) const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * DAY;
/// Microseconds in a day.
pub(super) const DAY: i64 = 86_400_000_000;
/// 0001-01-01 and 9999-12-31 in days since 1970.
pub(super) const PLAIN_DAYS: std::ops::RangeInclusive<i64> = -719_162..=2_932_896;

/// A date, in days since 2000-01-01.
pub(super) fn date_text(days: i32) -> String {
    match days {
        i32::MAX => "infinity".to_owned(),
        i32::MIN => "-infinity".to_owned(),
        days => {
            let (date, before_christ) = date(i64::from(days) + i64::from(EPOCH_DAYS));
            date + before_christ
        }
    }
}

/// A timestamp, in microseconds since 2000-01-01; `zone` is put behind the time.
pub(super) fn timestamp_text(micros: i64, zone: &str) -> String {
    match micros {
        i64::MAX => "infinity".to_owned(),
        i64::MIN => "-infinity".to_owned(),
        micros => {
            // Microseconds since 1970 would not fit into 64 bits for the last years of PostgreSQL's range.
            let (mut text, before_christ) = date(micros.div_euclid(DAY) + i64::from(EPOCH_DAYS));
            text.push(' ');
            text += &time_text(micros.rem_euclid(DAY));
            text + zone + before_christ
        }
    }
}

/// A time of day, in microseconds since midnight.
pub(super) fn time_text(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    let mut text = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    let fraction = micros % 1_000_000;
    if fraction != 0 {
        let _ = write!(text, ".{fraction:06}");
        text.truncate(text.trim_end_matches('0').len());
    }
    text
}

/// Year, month and day of a day since 1970-01-01, and what stands behind a year before 1. The calendar is Gregorian
/// in both directions; the arithmetic counts from March, so that a leap day ends the year.
fn date(days: i64) -> (String, &'static str) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    if year > 0 {
        (format!("{year:04}-{month:02}-{day:02}"), "")
    } else {
        (format!("{:04}-{month:02}-{day:02}", 1 - year), " BC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_print_as_postgres_prints_them() {
        for (days, text) in [
            (0, "2000-01-01"),
            (-1, "1999-12-31"),
            (59, "2000-02-29"),
            (-730_119, "0001-01-01"),
            (-730_120, "0001-12-31 BC"),
            (2_921_939, "9999-12-31"),
            (2_921_940, "10000-01-01"),
            (i32::MAX, "infinity"),
            (i32::MIN, "-infinity"),
        ] {
            assert_eq!(date_text(days), text);
        }
        assert_eq!(timestamp_text(-1, ""), "1999-12-31 23:59:59.999999");
        assert_eq!(timestamp_text(500_000, "+00"), "2000-01-01 00:00:00.5+00");
        assert_eq!(time_text(DAY), "24:00:00");
        assert_eq!(i64::from(-730_119 + EPOCH_DAYS), *PLAIN_DAYS.start());
        assert_eq!(i64::from(2_921_939 + EPOCH_DAYS), *PLAIN_DAYS.end());
    }
}
