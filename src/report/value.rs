//! One parameter value as text: read from what a person typed, and written so that it is read back the same.

use chrono::{
    Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound, Timelike, Utc,
};

use super::{ParamType, Value};

/// The text that stands for NULL in every type.
const NULL: &str = r"\N";

/// Reads one value; the error says what was wrong and what would be right, without the parameter's name.
pub(super) fn read(kind: ParamType, text: &str) -> Result<Value, String> {
    if text == NULL {
        return Ok(Value::Null);
    }
    let trimmed = text.trim();
    match kind {
        ParamType::Text => Ok(Value::Text(unescape(text).to_owned())),
        ParamType::Integer => integer(trimmed),
        ParamType::Decimal => decimal(trimmed),
        ParamType::Float => float(trimmed),
        ParamType::Boolean => boolean(trimmed),
        ParamType::Date => date(trimmed).map(Value::Date),
        ParamType::Timestamp => timestamp(trimmed),
    }
}

/// Reads values with commas between them.
pub(super) fn read_list(kind: ParamType, text: &str) -> Result<Value, String> {
    if text.trim().is_empty() {
        return Ok(Value::List(Vec::new()));
    }
    let mut values = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let (item, after) = if let Some(quoted) = rest.strip_prefix('"') {
            unquote(quoted)?
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            (rest[..end].trim_end().to_owned(), &rest[end..])
        };
        if item.is_empty() && !rest.starts_with('"') {
            return Err(
                "a value between two commas is missing; write \"\" for an empty one".to_owned(),
            );
        }
        values.push(read(kind, &item)?);
        match after.trim_start().strip_prefix(',') {
            Some(after) => rest = after,
            None if after.trim().is_empty() => return Ok(Value::List(values)),
            None => {
                return Err(format!(
                    "a comma is missing before {}",
                    shown(after.trim_start())
                ));
            }
        }
    }
}

/// Reads up to the closing quote; gives the text and what follows.
fn unquote(text: &str) -> Result<(String, &str), String> {
    let mut item = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('"') {
        item.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                item.push('"');
                rest = after;
            }
            None => return Ok((item, rest)),
        }
    }
    Err(
        "a double quote is not closed; close it, or double it where it belongs to the value"
            .to_owned(),
    )
}

/// A text made of backslashes and one `N` loses one backslash, so that the text `\N` itself can be written.
fn unescape(text: &str) -> &str {
    let body = text.strip_suffix('N').unwrap_or("");
    if body.len() > 1 && body.bytes().all(|byte| byte == b'\\') {
        &text[1..]
    } else {
        text
    }
}

fn integer(text: &str) -> Result<Value, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "{} is not an integer; give digits such as 42",
            shown(text)
        ));
    }
    text.parse().map(Value::Integer).map_err(|_| {
        format!(
            "{} is outside {} to {}; use type = \"decimal\"",
            shown(text),
            i64::MIN,
            i64::MAX
        )
    })
}

fn decimal(text: &str) -> Result<Value, String> {
    let wrong = || {
        format!(
            "{} is not a decimal; give digits with a point such as 12.50",
            shown(text)
        )
    };
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (if text.starts_with('-') { "-" } else { "" }, digits),
        None => ("", text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !is_digits(whole) || !is_digits(fraction) {
        return Err(wrong());
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let point = if fraction.is_empty() { "" } else { "." };
    Ok(Value::Decimal(format!("{sign}{whole}{point}{fraction}")))
}

fn float(text: &str) -> Result<Value, String> {
    let wrong = || {
        format!(
            "{} is not a number; give one such as 0.5 or 1e-3",
            shown(text)
        )
    };
    let number: f64 = text.parse().map_err(|_| wrong())?;
    // "inf" and "NaN" parse, and so does 1e999; databases differ in what they make of them.
    if number.is_finite() {
        Ok(Value::Float(number))
    } else {
        Err(wrong())
    }
}

fn boolean(text: &str) -> Result<Value, String> {
    if text.eq_ignore_ascii_case("true") {
        Ok(Value::Boolean(true))
    } else if text.eq_ignore_ascii_case("false") {
        Ok(Value::Boolean(false))
    } else {
        Err(format!(
            "{} is not a truth value; give true or false",
            shown(text)
        ))
    }
}

fn date(text: &str) -> Result<NaiveDate, String> {
    let wrong = || {
        format!(
            "{} is not a date; give year, month and day such as 1995-01-31",
            shown(text)
        )
    };
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| wrong())?;
    // No database knows other years in this notation.
    if (0..=9999).contains(&date.year()) {
        Ok(date)
    } else {
        Err(wrong())
    }
}

fn timestamp(text: &str) -> Result<Value, String> {
    let wrong = || {
        format!(
            "{} is not a timestamp; give one such as 1995-01-31 13:45:00, with or without +02:00",
            shown(text)
        )
    };
    let Some(split) = text.find(['T', 't', ' ']) else {
        return date(text)
            .map(|date| Value::Timestamp(date.and_time(NaiveTime::MIN)))
            .map_err(|_| wrong());
    };
    let date = date(&text[..split]).map_err(|_| wrong())?;
    let clock = text[split + 1..].trim_start();
    let (clock, zone) = match clock.find(['Z', 'z', '+', '-', ' ']) {
        Some(at) => (&clock[..at], Some(clock[at..].trim_start())),
        None => (clock, None),
    };
    let time = NaiveTime::parse_from_str(clock, "%H:%M:%S%.f")
        .or_else(|_| NaiveTime::parse_from_str(clock, "%H:%M"))
        .map_err(|_| wrong())?;
    if time != time.trunc_subsecs(6) {
        return Err(format!(
            "{} is finer than a microsecond; give at most six digits after the point",
            shown(text)
        ));
    }
    if time.nanosecond() >= 1_000_000_000 {
        return Err(format!(
            "{} is a leap second, which databases do not keep; give second 59",
            shown(text)
        ));
    }
    let local = date.and_time(time);
    match zone {
        None => Ok(Value::Timestamp(local)),
        Some(zone) => {
            let offset = offset(zone).ok_or_else(wrong)?;
            let instant = local
                .and_local_timezone(offset)
                .single()
                .ok_or_else(wrong)?;
            Ok(Value::TimestampUtc(instant.with_timezone(&Utc)))
        }
    }
}

/// `Z`, `+02`, `+0200` or `+02:00`.
fn offset(text: &str) -> Option<FixedOffset> {
    if text.eq_ignore_ascii_case("z") {
        return FixedOffset::east_opt(0);
    }
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let digits: String = text[1..].chars().filter(|digit| *digit != ':').collect();
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let hours: i32 = digits[..2].parse().ok()?;
    let minutes: i32 = if digits.len() == 4 {
        digits[2..].parse().ok()?
    } else {
        0
    };
    (hours <= 15 && minutes < 60)
        .then(|| FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60)))?
}

/// What was typed, short enough for a message.
fn shown(text: &str) -> String {
    if text.is_empty() {
        return "an empty text".to_owned();
    }
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        format!("\"{short}...\"")
    } else {
        format!("\"{short}\"")
    }
}

impl Value {
    /// The value as a person types it; [`super::ParamSpec::read`] of the same type reads it back the same.
    pub fn text(&self) -> String {
        match self {
            Self::Null | Self::NullOf(_) => NULL.to_owned(),
            Self::Text(text) => escape(text),
            Self::Integer(number) => number.to_string(),
            Self::Decimal(text) => text.clone(),
            Self::Float(number) => format!("{number:?}"),
            Self::Boolean(truth) => truth.to_string(),
            Self::Date(date) => date.format("%Y-%m-%d").to_string(),
            Self::Timestamp(at) => naive_text(*at),
            Self::TimestampUtc(at) => naive_text(at.naive_utc()) + "+00",
            Self::List(values) => values
                .iter()
                .map(Self::item_text)
                .collect::<Vec<_>>()
                .join(","),
        }
    }

    fn item_text(&self) -> String {
        let text = self.text();
        let plain = !text.is_empty() && !text.contains([',', '"']) && text.trim() == text;
        if plain {
            text
        } else {
            format!("\"{}\"", text.replace('"', "\"\""))
        }
    }
}

fn escape(text: &str) -> String {
    let body = text.strip_suffix('N').unwrap_or("");
    let ambiguous = !body.is_empty() && body.bytes().all(|byte| byte == b'\\');
    if ambiguous {
        format!("\\{text}")
    } else {
        text.to_owned()
    }
}

/// `YYYY-MM-DD HH:MM:SS`, with as many digits of a fraction as it needs.
fn naive_text(at: NaiveDateTime) -> String {
    let whole = at.format("%Y-%m-%d %H:%M:%S").to_string();
    match at.and_utc().timestamp_subsec_micros() {
        0 => whole,
        micros => format!("{whole}.{}", format!("{micros:06}").trim_end_matches('0')),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::{ParamSpec, ParamType, Params, Refresh, Report, Value};

    fn spec(kind: ParamType, list: bool) -> ParamSpec {
        ParamSpec {
            name: "p".to_owned(),
            kind,
            list,
            default: None,
        }
    }

    fn read(kind: ParamType, text: &str) -> Result<Value, String> {
        spec(kind, false).read(text).map_err(|error| error.0)
    }

    fn report(params: Vec<ParamSpec>) -> Report {
        Report {
            name: "r".to_owned(),
            source: "s".to_owned(),
            sql: String::new(),
            params,
            ttl: std::time::Duration::from_mins(1),
            stale_for: std::time::Duration::ZERO,
            serve_on_error: crate::report::ServeOnError::default(),
            refresh: Refresh::Ttl,
            tables: None,
            timeout: None,
            trusted_sql: false,
        }
    }

    #[test]
    fn reads_each_type() {
        use ParamType::{Boolean, Date, Decimal, Float, Integer, Text, Timestamp};
        let cases = [
            (Text, " a ", " a "),
            (Text, "", ""),
            (Text, r"\N", r"\N"),
            (Integer, "-9223372036854775808", "-9223372036854775808"),
            (Integer, "+007", "7"),
            (Decimal, "+0012.50", "12.50"),
            (Decimal, ".5", "0.5"),
            (Decimal, "-0", "-0"),
            (
                Decimal,
                "99999999999999999999999999999999999999.1",
                "99999999999999999999999999999999999999.1",
            ),
            (Float, "1e3", "1000.0"),
            (Boolean, "TRUE", "true"),
            (Date, "1995-1-2", "1995-01-02"),
            (Timestamp, "1995-01-02", "1995-01-02 00:00:00"),
            (Timestamp, "1995-01-02T03:04", "1995-01-02 03:04:00"),
            (
                Timestamp,
                "1995-01-02 03:04:05.100",
                "1995-01-02 03:04:05.1",
            ),
            (
                Timestamp,
                "1995-01-02 03:04:05+02:30",
                "1995-01-02 00:34:05+00",
            ),
            (Timestamp, "1995-01-02 03:04:05Z", "1995-01-02 03:04:05+00"),
        ];
        for (kind, given, want) in cases {
            assert_eq!(
                read(kind, given).unwrap().text(),
                want,
                "{kind:?} {given:?}"
            );
        }
        assert_eq!(read(Text, r"\N").unwrap(), Value::Null);
        assert_eq!(read(Text, r"\\N").unwrap(), Value::Text(r"\N".to_owned()));
        assert_eq!(read(Integer, r"\N").unwrap(), Value::Null);
    }

    #[test]
    fn a_wrong_value_names_the_parameter_the_cause_and_the_remedy() {
        use ParamType::{Boolean, Date, Decimal, Float, Integer, Timestamp};
        let cases = [
            (Integer, "abc", "\"abc\" is not an integer"),
            (Integer, "9223372036854775808", "outside"),
            (Decimal, "1e5", "is not a decimal"),
            (Float, "NaN", "is not a number"),
            (Float, "1e999", "is not a number"),
            (Boolean, "ja", "give true or false"),
            (Date, "1995-02-30", "is not a date"),
            (Date, "", "an empty text is not a date"),
            (Timestamp, "1995-01-02 25:00", "is not a timestamp"),
            (
                Timestamp,
                "1995-01-02 03:04:05.0000001",
                "finer than a microsecond",
            ),
            (Timestamp, "1995-01-02 03:04:05+02:60", "is not a timestamp"),
        ];
        for (kind, given, want) in cases {
            let message = read(kind, given).unwrap_err();
            assert!(
                message.starts_with("parameter \"p\": ") && message.contains(want),
                "{message}"
            );
        }
    }

    #[test]
    fn lists() {
        let list = spec(ParamType::Text, true);
        let texts = |text: &str| match list.read(text).unwrap() {
            Value::List(values) => values,
            other => vec![other],
        };
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(texts(""), vec![]);
        assert_eq!(texts("ASIA, EUROPE"), vec![text("ASIA"), text("EUROPE")]);
        assert_eq!(
            texts("\"a,\"\"b\" ,\"\",\\N"),
            vec![text("a,\"b"), text(""), Value::Null]
        );
        for wrong in ["a,", "a,,b", "\"a", "\"a\"b"] {
            assert!(list.read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn binding_fills_defaults_and_refuses_unknown_missing_and_twice() {
        let mut since = spec(ParamType::Integer, false);
        since.default = Some(Value::Integer(7));
        let mut names = spec(ParamType::Text, true);
        names.name = "names".to_owned();
        let report = report(vec![since, names]);
        let given = |pairs: &[(&str, &str)]| {
            report.bind(
                &pairs
                    .iter()
                    .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                    .collect::<Vec<_>>(),
            )
        };
        let bound = given(&[("names", "a"), ("names", "b,c")]).unwrap();
        assert_eq!(bound.summary(), "p=7 names=a,b,c");
        assert!(
            given(&[])
                .unwrap_err()
                .0
                .contains("needs a value for parameter \"names\" (list of text)")
        );
        assert!(
            given(&[("x", "1")])
                .unwrap_err()
                .0
                .contains("it takes p (integer), names (list of text)")
        );
        assert!(
            given(&[("p", "1"), ("p", "2")])
                .unwrap_err()
                .0
                .contains("given twice")
        );
    }

    fn scalars() -> impl Strategy<Value = (ParamType, Value)> {
        let text = prop_oneof![".*", r#"[\\N",]{0,5}"#];
        prop_oneof![
            text.prop_map(|text| (ParamType::Text, Value::Text(text))),
            Just((ParamType::Date, Value::Null)),
            any::<i64>().prop_map(|number| (ParamType::Integer, Value::Integer(number))),
            any::<f64>()
                .prop_filter("finite", |number| number.is_finite())
                .prop_map(|number| (ParamType::Float, Value::Float(number))),
            "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,20})?"
                .prop_map(|text| (ParamType::Decimal, Value::Decimal(text))),
            any::<bool>().prop_map(|truth| (ParamType::Boolean, Value::Boolean(truth))),
            (-2_000_000_000_000_000_i64..200_000_000_000_000_000).prop_map(|micros| {
                let at = chrono::DateTime::from_timestamp_micros(micros).unwrap();
                (ParamType::Timestamp, Value::TimestampUtc(at))
            }),
            (-2_000_000_000_000_000_i64..200_000_000_000_000_000).prop_map(|micros| {
                let at = chrono::DateTime::from_timestamp_micros(micros).unwrap();
                (ParamType::Timestamp, Value::Timestamp(at.naive_utc()))
            }),
            (-50_000_i64..100_000).prop_map(|days| {
                let at = chrono::DateTime::from_timestamp(days * 86_400, 0).unwrap();
                (ParamType::Date, Value::Date(at.date_naive()))
            }),
        ]
    }

    proptest! {
        #[test]
        fn text_and_json_are_read_back_the_same((kind, value) in scalars(), twice in any::<bool>()) {
            prop_assert_eq!(&spec(kind, false).read(&value.text()).unwrap(), &value);
            let list = Value::List(if twice { vec![value.clone(), value.clone()] } else { vec![value.clone()] });
            prop_assert_eq!(&spec(kind, true).read(&list.text()).unwrap(), &list);
            let params = Params(vec![("one".to_owned(), value), ("many".to_owned(), list)]);
            let stored = serde_json::to_string(&params.to_json()).unwrap();
            prop_assert_eq!(Params::from_json(&serde_json::from_str(&stored).unwrap()).unwrap(), params);
        }

        #[test]
        fn no_text_panics(text in ".*", list in any::<bool>(), kind in 0..7_usize) {
            let _ = spec(ParamType::ALL[kind], list).read(&text);
        }
    }
}
