//! CSV of five million rows against arrow-csv writing the same batches to a file.

use std::fs::File;
use std::io::BufWriter;
use std::time::Instant;

use arrow::record_batch::RecordBatch;
use lookaside::table::{Checksum, CsvOptions, CsvWriter};

use super::kit;

pub(crate) fn run(small: bool) {
    let total = if small { 200_000 } else { 5_000_000 };
    kit::head(
        &format!("CSV of {total} rows, eight mixed columns, to a file"),
        "ours",
        "arrow-csv",
    );
    // Sixty-four batches, over and over: the rows are not what is measured.
    let batches: Vec<RecordBatch> = (0..64)
        .map(|n| kit::batch(n * kit::BATCH, kit::BATCH))
        .collect();
    let all = || batches.iter().cycle().take(total / kit::BATCH);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.csv");
    let (mut ours, mut theirs, mut guarded, mut hashed) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..5 {
        ours.push(write(&path, CsvOptions::default(), all()));
        guarded.push(write(
            &path,
            CsvOptions {
                guard: true,
                ..CsvOptions::default()
            },
            all(),
        ));
        let start = Instant::now();
        let mut writer = arrow_csv::Writer::new(BufWriter::with_capacity(
            256 * 1024,
            File::create(&path).unwrap(),
        ));
        for batch in all() {
            writer.write(batch).unwrap();
        }
        writer.into_inner().into_inner().unwrap();
        theirs.push(kit::millis(start.elapsed()));
        let start = Instant::now();
        let mut checksum = Checksum::new(batches[0].schema_ref());
        for batch in all() {
            checksum.update(batch);
        }
        std::hint::black_box(checksum.finish());
        hashed.push(kit::millis(start.elapsed()));
    }
    let theirs = kit::median(theirs);
    kit::line("canonical form", kit::median(ours), theirs, Some(1.10));
    kit::line("with the formula guard", kit::median(guarded), theirs, None);
    kit::line(
        "the checksum alone (text and SHA-256, no file)",
        kit::median(hashed),
        theirs,
        None,
    );
}

fn write<'a>(
    path: &std::path::Path,
    options: CsvOptions,
    batches: impl Iterator<Item = &'a RecordBatch>,
) -> f64 {
    let start = Instant::now();
    let mut batches = batches.peekable();
    let schema = batches.peek().unwrap().schema();
    let mut writer = CsvWriter::new(File::create(path).unwrap(), &schema, options);
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.finish().unwrap();
    kit::millis(start.elapsed())
}
