//! The text of dates and times, over the whole range of 64 bits: PostgreSQL's years go past what calendars of
//! libraries hold.

use arrow::datatypes::TimeUnit;

const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/// The last two digits of a number that is not negative.
#[inline]
fn pair(value: i64) -> [u8; 2] {
    let at = 2 * (value % 100) as usize;
    [PAIRS[at], PAIRS[at + 1]]
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar (Howard Hinnant's
/// `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[inline]
pub(super) fn date(out: &mut Vec<u8>, days: i64) {
    let (year, month, day) = civil(days);
    if (0..=9999).contains(&year) {
        let mut text = *b"0000-00-00";
        text[..2].copy_from_slice(&pair(year / 100));
        text[2..4].copy_from_slice(&pair(year));
        text[5..7].copy_from_slice(&pair(month));
        text[8..].copy_from_slice(&pair(day));
        out.extend_from_slice(&text);
        return;
    }
    if year < 0 {
        out.push(b'-');
    }
    padded(out, year.unsigned_abs(), 4);
    for part in [month, day] {
        out.push(b'-');
        out.extend_from_slice(&pair(part));
    }
}

/// Appends a number with zeros in front up to `width` digits.
fn padded(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value).as_bytes();
    out.resize(out.len() + width.saturating_sub(digits.len()), b'0');
    out.extend_from_slice(digits);
}

/// Units in a second, and how many digits a fraction has.
fn resolution(unit: TimeUnit) -> (i64, usize) {
    match unit {
        TimeUnit::Second => (1, 0),
        TimeUnit::Millisecond => (1_000, 3),
        TimeUnit::Microsecond => (1_000_000, 6),
        TimeUnit::Nanosecond => (1_000_000_000, 9),
    }
}

#[inline]
pub(super) fn timestamp(out: &mut Vec<u8>, value: i64, unit: TimeUnit, zone: bool) {
    let (per_second, digits) = resolution(unit);
    let (seconds, fraction) = (value.div_euclid(per_second), value.rem_euclid(per_second));
    date(out, seconds.div_euclid(86_400));
    out.push(b' ');
    clock(out, seconds.rem_euclid(86_400), fraction, digits);
    if zone {
        out.extend_from_slice(b"+00");
    }
}

pub(super) fn time(out: &mut Vec<u8>, value: i64, unit: TimeUnit) {
    let (per_second, digits) = resolution(unit);
    let (seconds, fraction) = (value / per_second, value % per_second);
    if value < 0 {
        out.push(b'-');
    }
    clock(out, seconds.saturating_abs(), fraction.abs(), digits);
}

fn clock(out: &mut Vec<u8>, seconds: i64, fraction: i64, digits: usize) {
    let hours = seconds / 3_600;
    if hours >= 100 {
        padded(out, hours.unsigned_abs() / 100, 0);
    }
    let mut text = *b"00:00:00";
    text[..2].copy_from_slice(&pair(hours));
    text[3..5].copy_from_slice(&pair(seconds / 60 % 60));
    text[6..].copy_from_slice(&pair(seconds % 60));
    out.extend_from_slice(&text);
    if fraction != 0 {
        out.push(b'.');
        padded(out, fraction.unsigned_abs(), digits);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}
