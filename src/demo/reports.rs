//! The eight sample reports, in each dialect.
//!
//! Each is one file under `sql/`, written once. Where the databases differ it says `$name(...)`, which [`expand`]
//! turns into the dialect's words.

use std::time::Duration;

use chrono::NaiveDate;

use crate::report::{Dialect, ParamSpec, ParamType, Refresh, Report, Value};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// The sample reports for a database of this dialect, on the source called `source`.
pub fn reports_for(dialect: Dialect, source: &str) -> Vec<Report> {
    let report =
        |name: &str, sql: &str, params: Vec<ParamSpec>, ttl: Duration, refresh: Refresh| Report {
            name: name.to_owned(),
            source: source.to_owned(),
            sql: t_sql(expand(sql.trim(), dialect), dialect),
            params,
            ttl,
            stale_for: DAY,
            serve_on_error: crate::report::ServeOnError::default(),
            refresh,
            tables: None,
            timeout: None,
            trusted_sql: false,
        };
    vec![
        report(
            "monthly-revenue",
            include_str!("sql/monthly-revenue.sql"),
            vec![param("since", ParamType::Date, date(1995, 1, 1))],
            HOUR,
            Refresh::OnChange,
        ),
        report(
            "top-customers",
            include_str!("sql/top-customers.sql"),
            vec![
                ParamSpec {
                    list: true,
                    ..param(
                        "segments",
                        ParamType::Text,
                        Value::List(vec![
                            Value::Text("BUILDING".to_owned()),
                            Value::Text("MACHINERY".to_owned()),
                        ]),
                    )
                },
                param(
                    "as_of",
                    ParamType::Timestamp,
                    Value::Timestamp(day(2100, 1, 1).and_time(chrono::NaiveTime::MIN)),
                ),
            ],
            HOUR,
            Refresh::OnChange,
        ),
        report(
            "late-shipments",
            include_str!("sql/late-shipments.sql"),
            vec![
                param("since", ParamType::Date, date(1992, 1, 1)),
                param("min_days", ParamType::Integer, Value::Integer(14)),
            ],
            HOUR,
            Refresh::OnChange,
        ),
        report(
            "margin-by-nation",
            include_str!("sql/margin-by-nation.sql"),
            vec![
                param(
                    "min_discount",
                    ParamType::Decimal,
                    Value::Decimal("0.00".to_owned()),
                ),
                param(
                    "include_returned",
                    ParamType::Boolean,
                    Value::Boolean(false),
                ),
            ],
            HOUR,
            Refresh::OnChange,
        ),
        report(
            "stock-cover",
            include_str!("sql/stock-cover.sql"),
            vec![param("max_days", ParamType::Float, Value::Float(1000.0))],
            HOUR,
            Refresh::Every(Duration::from_mins(10)),
        ),
        report(
            "order-lines-export",
            include_str!("sql/order-lines-export.sql"),
            vec![
                param("since", ParamType::Date, date(1997, 1, 1)),
                param("region", ParamType::Text, Value::Text("ALL".to_owned())),
            ],
            HOUR,
            Refresh::Ttl,
        ),
        report(
            "supplier-scorecard",
            include_str!("sql/supplier-scorecard.sql"),
            vec![param("min_lines", ParamType::Integer, Value::Integer(100))],
            Duration::from_mins(15),
            Refresh::AheadOfExpiry,
        ),
        report(
            "returns-by-reason",
            include_str!("sql/returns-by-reason.sql"),
            vec![param("since", ParamType::Date, date(1992, 1, 1))],
            HOUR,
            Refresh::OnChange,
        ),
    ]
}

fn param(name: &str, kind: ParamType, default: Value) -> ParamSpec {
    ParamSpec {
        name: name.to_owned(),
        kind,
        list: false,
        default: Some(default),
    }
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

fn date(year: i32, month: u32, day_of_month: u32) -> Value {
    Value::Date(day(year, month, day_of_month))
}

/// What SQL Server writes otherwise besides the words: it rounds the average of whole numbers, has no LIMIT and no truth
/// values.
fn t_sql(sql: String, dialect: Dialect) -> String {
    if dialect != Dialect::MsSql {
        return sql;
    }
    sql.replace("avg(", "avg(1.0 * ")
        .replace("LIMIT 50", "OFFSET 0 ROWS FETCH NEXT 50 ROWS ONLY")
        .replace("(:include_returned OR", "(:include_returned = 1 OR")
}

/// Replaces every `$name` and `$name(argument, ...)` by what the dialect calls it.
fn expand(sql: &str, dialect: Dialect) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(at) = rest.find('$') {
        out += &rest[..at];
        rest = &rest[at + 1..];
        let end = rest
            .find(|c: char| !c.is_ascii_lowercase())
            .unwrap_or(rest.len());
        let name = &rest[..end];
        rest = &rest[end..];
        let mut arguments = Vec::new();
        if rest.starts_with('(') && name != "net" {
            let (inner, after) = parenthesized(rest);
            arguments = inner
                .into_iter()
                .map(|argument| expand(argument.trim(), dialect))
                .collect();
            rest = after;
        }
        out += &word(name, &arguments, dialect);
    }
    out + rest
}

/// Splits `(a, b(c, d)) tail` into its top-level arguments and the tail.
fn parenthesized(text: &str) -> (Vec<&str>, &str) {
    let mut depth = 0;
    let mut arguments = Vec::new();
    let mut begin = 1;
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ',' if depth == 1 => {
                arguments.push(&text[begin..i]);
                begin = i + 1;
            }
            ')' if depth == 1 => {
                arguments.push(&text[begin..i]);
                return (arguments, &text[i + 1..]);
            }
            ')' => depth -= 1,
            _ => {}
        }
    }
    (arguments, "")
}

fn word(name: &str, arguments: &[String], dialect: Dialect) -> String {
    let a = arguments.first().map_or("", String::as_str);
    let b = arguments.get(1).map_or("", String::as_str);
    match (name, dialect) {
        ("month", Dialect::Sqlite) => format!("strftime('%Y-%m', {a})"),
        ("month", Dialect::MySql) => format!("date_format({a}, '%Y-%m')"),
        ("month", Dialect::MsSql) => format!("convert(char(7), {a}, 120)"),
        ("month", _) => format!("to_char({a}, 'YYYY-MM')"),
        ("year", Dialect::Sqlite) => format!("CAST(strftime('%Y', {a}) AS INTEGER)"),
        ("year", Dialect::MySql | Dialect::MsSql) => format!("year({a})"),
        ("year", _) => format!("CAST(extract(year FROM {a}) AS integer)"),
        ("days", Dialect::Sqlite) => format!("CAST(julianday({a}) - julianday({b}) AS INTEGER)"),
        ("days", Dialect::MySql) => format!("datediff({a}, {b})"),
        ("days", Dialect::MsSql) => format!("datediff(day, {b}, {a})"),
        ("days", _) => format!("({a} - {b})"),
        ("date", Dialect::Sqlite) => format!("'{a}'"),
        ("date", Dialect::MsSql) => format!("CAST('{a}' AS date)"),
        ("date", _) => format!("DATE '{a}'"),
        // What a line brings in cents; the same rounding as in the view.
        ("net", Dialect::Sqlite) => {
            "((l_extendedprice * (100 - l_discount) + 50) / 100)".to_owned()
        }
        ("net", _) => "(round(l_extendedprice * (1 - l_discount), 2) * 100)".to_owned(),
        ("cents" | "percent", Dialect::Sqlite) => a.to_owned(),
        ("cents" | "percent", _) => format!("({a} * 100)"),
        // Cents as money.
        ("money", Dialect::Sqlite) => format!("round({a} / 100.0, 2)"),
        ("money", Dialect::MySql) => format!("CAST({a} / 100 AS DECIMAL(20, 2))"),
        ("money", _) => format!("CAST({a} / 100.0 AS numeric(20, 2))"),
        ("ratio", _) => format!("round(1.0 * {a} / {b}, 4)"),
        _ => format!("${name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 8] = [
        "monthly-revenue",
        "top-customers",
        "late-shipments",
        "margin-by-nation",
        "stock-cover",
        "order-lines-export",
        "supplier-scorecard",
        "returns-by-reason",
    ];

    #[test]
    fn every_dialect_has_all_eight_without_a_word_left() {
        let all = [
            Dialect::Sqlite,
            Dialect::MySql,
            Dialect::Postgres,
            Dialect::MsSql,
        ];
        for dialect in all {
            let reports = reports_for(dialect, "shop");
            assert_eq!(
                reports
                    .iter()
                    .map(|report| report.name.as_str())
                    .collect::<Vec<_>>(),
                NAMES
            );
            for report in reports {
                assert!(
                    !report.sql.contains('$'),
                    "{dialect:?} {}: {}",
                    report.name,
                    report.sql
                );
                for param in &report.params {
                    assert!(
                        report.sql.contains(&format!(":{}", param.name)),
                        "{}",
                        report.name
                    );
                }
            }
        }
    }

    #[test]
    fn there_is_a_parameter_of_every_type_and_a_list() {
        let params: Vec<_> = reports_for(Dialect::Sqlite, "shop")
            .into_iter()
            .flat_map(|report| report.params)
            .collect();
        for kind in [
            ParamType::Text,
            ParamType::Integer,
            ParamType::Decimal,
            ParamType::Float,
            ParamType::Boolean,
            ParamType::Date,
            ParamType::Timestamp,
        ] {
            assert!(params.iter().any(|param| param.kind == kind), "{kind:?}");
        }
        assert!(params.iter().any(|param| param.list));
    }

    #[test]
    fn words_nest() {
        assert_eq!(
            expand("x $ratio(100 * $cents(a), b(c, d)) y", Dialect::Postgres),
            "x round(1.0 * 100 * (a * 100) / b(c, d), 4) y"
        );
    }
}
