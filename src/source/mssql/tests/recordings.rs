//! Every recorded answer, with types, errors and messages.

use serde_json::Value;

use super::replay::{Manners, Recording, Recordings, Replay};
use super::{Outcome, mssql, run};

#[tokio::test]
async fn every_recording_is_read_as_an_independent_client_read_it() {
    let recordings = Recordings::load();
    for describes in [true, false] {
        let replay = Replay::start(
            &recordings,
            Manners {
                describes,
                snapshot: true,
            },
        );
        let server = mssql(&replay.url());
        let mut read = 0;
        let mut wrong = Vec::new();
        for recording in recordings
            .all
            .iter()
            .filter(|recording| recording.kind != "login")
        {
            let outcome = run(&server, &recording.sql).await;
            // Without the server's help, an amount beyond the driver's is refused rather than rounded.
            let refused = !describes && recording.name == "types_dec_all";
            let found = if refused {
                outcome
                    .error()
                    .contains("too great to be read exactly")
                    .then_some(())
                    .ok_or_else(|| outcome.error())
            } else {
                compare(recording, &outcome)
            };
            match found {
                Ok(()) => read += 1,
                Err(why) => wrong.push(format!("{}: {why}", recording.name)),
            }
        }
        assert!(
            wrong.is_empty(),
            "describes {describes}:\n{}",
            wrong.join("\n")
        );
        // With the two sign-ins, which other tests replay.
        assert_eq!(read + 2, recordings.all.len());
    }
}

fn compare(recording: &Recording, outcome: &Outcome) -> Result<(), String> {
    let expected = &recording.expected;
    for message in expected["messages"].as_array().unwrap() {
        let text = message["message"].as_str().unwrap();
        if !outcome.notices.iter().any(|notice| notice == text) {
            return Err(format!("\"{text}\" is not among {:?}", outcome.notices));
        }
    }
    if let Some(number) = expected["error"]["number"].as_u64() {
        let Err(error) = &outcome.result else {
            return Err("there is no error".to_owned());
        };
        let (error, text) = (
            error.to_string(),
            expected["error"]["message"].as_str().unwrap(),
        );
        return if error.contains(&format!("({number}, state")) && error.starts_with(text) {
            Ok(())
        } else {
            Err(error)
        };
    }
    let results = expected["results"].as_array().unwrap();
    let Some(first) = results.first() else {
        return match &outcome.result {
            Err(error) if error.to_string().contains("has no result") => Ok(()),
            other => Err(format!("{other:?}")),
        };
    };
    let table = match &outcome.result {
        Ok(table) => table,
        Err(error) => return Err(error.to_string()),
    };
    let columns = first["columns"].as_array().unwrap();
    let names: Vec<&str> = table
        .schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    let wanted: Vec<&str> = columns
        .iter()
        .map(|column| column["name"].as_str().unwrap())
        .collect();
    if names != wanted {
        return Err(format!("columns {names:?}, not {wanted:?}"));
    }
    let rows = outcome.rows();
    let want = first["rows"].as_array().unwrap();
    if rows.len() != want.len() {
        return Err(format!("{} rows, not {}", rows.len(), want.len()));
    }
    for (row, want) in rows.iter().zip(want) {
        for ((value, want), column) in row.iter().zip(want.as_array().unwrap()).zip(columns) {
            let kind = column["type"].as_str().unwrap();
            if !same(value.as_deref(), want, kind) {
                return Err(format!("{kind} {}: {value:?}, not {want}", column["name"]));
            }
        }
    }
    let left_out = outcome
        .notices
        .iter()
        .any(|notice| notice.starts_with(&format!("the SQL has {} results", results.len())));
    if (results.len() > 1) != left_out {
        return Err(format!(
            "{} results, but {:?}",
            results.len(),
            outcome.notices
        ));
    }
    Ok(())
}

/// Whether a value is the expected one, by the spellings in which ours differs: truth values, hexadecimal, capital
/// letters in a uniqueidentifier, and fractions of seconds without trailing zeros.
fn same(value: Option<&str>, want: &Value, kind: &str) -> bool {
    let (Some(value), Some(want)) = (value, want.as_str()) else {
        return value.is_none() && want.is_null();
    };
    let base = kind.split('(').next().unwrap_or(kind);
    match base {
        "bit" => value == if want == "1" { "true" } else { "false" },
        "float" => value.parse::<f64>().unwrap() == want.parse::<f64>().unwrap(),
        "real" => value.parse::<f32>().unwrap() == want.parse::<f32>().unwrap(),
        "binary" | "varbinary" | "image" | "timestamp" | "rowversion" => value == hexadecimal(want),
        "uniqueidentifier" => value == want.to_uppercase(),
        "time" | "datetime" | "smalldatetime" | "datetime2" | "datetimeoffset" => {
            value == time(want)
        }
        // The kind of value is not told.
        "sql_variant" => [
            want.to_owned(),
            hexadecimal(want),
            want.to_uppercase(),
            time(want),
        ]
        .iter()
        .any(|spelt| spelt == value),
        _ => value == want,
    }
}

fn hexadecimal(want: &str) -> String {
    format!("0x{}", want.to_uppercase())
}

/// `2026-02-28T13:14:15.120+05:30` as `2026-02-28 13:14:15.12 +05:30`.
fn time(want: &str) -> String {
    let want = want.replace('T', " ");
    let clock = want.find(':').unwrap_or(0);
    let zone = want[clock..].find(['+', '-']).map(|at| clock + at);
    let (moment, zone) = want.split_at(zone.unwrap_or(want.len()));
    let moment = match moment.split_once('.') {
        Some((whole, fraction)) => match fraction.trim_end_matches('0') {
            "" => whole.to_owned(),
            fraction => format!("{whole}.{fraction}"),
        },
        None => moment.to_owned(),
    };
    if zone.is_empty() {
        moment
    } else {
        format!("{moment} {zone}")
    }
}
