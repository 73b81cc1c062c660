//! `lookaside run` into files and pipes.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Place, sha256sum, texts};

#[test]
fn every_format_holds_the_same_rows() {
    let place = Place::new();
    for report in ["all", "mixed", "none"] {
        let (csv, _) = place.good(&["run", report, "--format", "csv"]);
        for name in ["out.parquet", "out.arrow", "out.json"] {
            for args in [&[][..], &["--uncached"]] {
                let mut all = vec!["run", report, "-o", name];
                all.extend(args);
                let stats = place.stats(&all);
                fs::write(place.path("out.csv"), &csv).unwrap();
                assert_eq!(
                    stats["sha256"],
                    sha256sum(&place.path("out.csv")).as_str(),
                    "{report} {name}"
                );
                assert_eq!(read_back(&place.path(name)), csv, "{report} {name}");
            }
        }
        // A stream holds the same bytes as a file.
        let piped = place.output(&["run", report, "--format", "parquet"]).stdout;
        assert_eq!(
            piped,
            fs::read(place.path("out.parquet")).unwrap(),
            "{report}"
        );
    }
    assert!(place.leftovers().is_empty());
}

/// The canonical CSV of a file that another reader opens.
fn read_back(path: &Path) -> String {
    use lookaside::table::{CsvOptions, CsvWriter};
    let file = fs::File::open(path).unwrap();
    let (schema, batches): (_, Vec<_>) = match path.extension().unwrap().to_str().unwrap() {
        "parquet" => {
            let builder =
                parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file)
                    .unwrap();
            (
                builder.schema().clone(),
                builder.build().unwrap().map(Result::unwrap).collect(),
            )
        }
        "arrow" => {
            let reader = arrow::ipc::reader::FileReader::try_new(file, None).unwrap();
            (reader.schema(), reader.map(Result::unwrap).collect())
        }
        _ => return json_as_csv(path),
    };
    let mut writer = CsvWriter::new(Vec::new(), &schema, CsvOptions::default());
    for batch in &batches {
        writer.write(batch).unwrap();
    }
    String::from_utf8(writer.finish().unwrap()).unwrap()
}

fn json_as_csv(path: &Path) -> String {
    let rows: Vec<serde_json::Map<String, Value>> =
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let names =
        |row: &serde_json::Map<String, Value>| row.keys().cloned().collect::<Vec<_>>().join(",");
    let mut out = rows.first().map_or("id,name".to_owned(), names);
    out.push_str("\r\n");
    for row in &rows {
        let cells: Vec<String> = row
            .values()
            .map(|value| match value {
                Value::Null => String::new(),
                Value::String(text) if text.is_empty() || text.contains([',', '"']) => {
                    format!("\"{}\"", text.replace('"', "\"\""))
                }
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string().trim_end_matches(".0").to_owned(),
                other => panic!("{other}"),
            })
            .collect();
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    }
    out
}

#[test]
fn columns_of_the_same_name_are_told_apart_and_said() {
    let place = Place::new();
    let (out, err) = place.good(&["run", "twice", "--json"]);
    assert_eq!(out, "[\n{\"a\":1,\"a_2\":2,\"column_3\":3}\n]\n");
    assert!(
        err.contains("\"a_2\"") && err.contains("\"column_3\""),
        "{err}"
    );
    assert_eq!(
        place.good(&["run", "twice", "--format", "csv"]).0,
        "a,a,\"\"\r\n1,2,3\r\n"
    );
}

#[test]
fn csv_options_reach_the_file() {
    let place = Place::new();
    let args = [
        "run", "formula", "--format", "csv", "--bom", "--guard", "--null", "NULL",
    ];
    assert_eq!(
        place.good(&args).0,
        "\u{feff}f,missing,empty,n\r\n\"'=1+1\",NULL,\"\",-5\r\n"
    );
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_old_one() {
    let place = Place::new();
    assert!(
        place
            .bad(&["run", "all", "-o", "no/such/x.csv"], 1)
            .contains("folder does not exist")
    );
    assert!(place.bad(&["run", "all", "-o", "."], 1).contains("folder"));
    for full in [
        &["run", "all", "-o", "/dev/full"][..],
        &["run", "all", "--format", "parquet", "-o", "/dev/full"],
    ] {
        assert!(place.bad(full, 1).contains("the disk is full"));
    }
    // A limit on the size of files stands for a disk that fills up in the middle.
    for name in ["old.csv", "old.json", "old.arrow", "old.parquet"] {
        fs::write(place.path(name), "old").unwrap();
        let program = env!("CARGO_BIN_EXE_lookaside");
        let script = format!(
            "trap '' XFSZ; ulimit -f 256; exec '{program}' run rows -p n=200000 --uncached -o {name}"
        );
        let output = Command::new("sh")
            .args(["-c", &script])
            .current_dir(place.folder.path())
            .output()
            .unwrap();
        let (_, err) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{name}: {err}");
        assert!(
            err.contains("was not written") && err.lines().count() == 1,
            "{name}: {err}"
        );
        assert_eq!(fs::read_to_string(place.path(name)).unwrap(), "old");
    }
    // An error in the middle of the rows, too.
    place.bad(&["run", "wrong", "-o", "old.csv"], 1);
    assert_eq!(fs::read_to_string(place.path("old.csv")).unwrap(), "old");
    assert!(place.leftovers().is_empty(), "{:?}", place.leftovers());
    place.good(&["run", "twice", "-o", "old.csv"]);
    assert!(
        fs::read_to_string(place.path("old.csv"))
            .unwrap()
            .starts_with("a,a")
    );
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let place = Place::new();
    let mut child = place
        .command(&[
            "run",
            "rows",
            "-p",
            "n=3000000",
            "--uncached",
            "--format",
            "csv",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    assert_eq!(first, "i\r\n");
    let mut err = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert!(child.wait().unwrap().success(), "{err}");
    assert_eq!(err, "");
}

#[test]
fn ten_million_rows_stay_in_bounded_memory() {
    let place = Place::new();
    let mut child = place
        .command(&[
            "run",
            "rows",
            "-p",
            "n=10000000",
            "--uncached",
            "--format",
            "csv",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let mut lines = 0_u64;
    let mut buffer = vec![0; 1 << 20];
    let mut out = child.stdout.take().unwrap();
    loop {
        let read = out.read(&mut buffer).unwrap();
        if read == 0 {
            break;
        }
        lines += memchr::memchr_iter(b'\n', &buffer[..read]).count() as u64;
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(now.unwrap_or_default());
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(lines, 10_000_001);
    assert!((1..200_000).contains(&peak), "{peak} kB resident");
}

#[test]
fn a_file_is_begun_anew_where_cached_rows_were_damaged_and_the_data_changed() {
    let place = Place::new();
    place.sql(
        "DELETE FROM things; INSERT INTO things WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c \
         WHERE i < 100000) SELECT i, hex(randomblob(30)), i, 'first' FROM c",
    );
    let run = ["run", "all", "--format", "csv"];
    let stats = place.stats(&[&run[..], &["-o", "x.csv"]].concat());
    let key = stats["key"].as_str().unwrap();
    let redis = place.redis.as_ref().unwrap();
    let field = |name: &str| redis.cli(&["HGET", key, name]).trim().to_owned();
    let last = field("chunks").parse::<usize>().unwrap() - 1;
    assert!(last > 2, "{last}");
    let chunk = format!("lookaside:c:{}:{last}", field("fill"));
    redis.cli(&["SETRANGE", &chunk, "1000", "XXXXXXXX"]);
    place.sql("UPDATE things SET note = 'second'");
    place.good(&[&run[..], &["-o", "x.csv"]].concat());
    let text = fs::read_to_string(place.path("x.csv")).unwrap();
    assert_eq!(text.matches("second").count(), 100_000);
    assert!(!text.contains("first"));
}
