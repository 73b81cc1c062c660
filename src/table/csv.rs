//! CSV: RFC 4180, UTF-8, CRLF, streaming over any `io::Write` with one small buffer.
//!
//! The *canonical form* (the default options) is what every checksum is taken over: a header line, no byte order
//! mark, NULL as an empty field without quotes, the empty string as `""`, no formula guard. A value is quoted where it
//! holds a comma, a quote or a line end, where it is empty, and where it would otherwise read as the text for NULL.
//!
//! In a result of one column, NULL is an empty line; RFC 4180 readers that skip empty lines lose it, so give such a
//! file a text for NULL.

use std::io::{self, Write};

use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use sha2::{Digest, Sha256};

use super::guard::needs_guard;
use super::text::{Column, columns};

/// Bytes gathered before they are handed on.
const BUFFER: usize = 256 * 1024;

/// How a CSV file is written. The default is the canonical form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsvOptions {
    /// Begin with a UTF-8 byte order mark, which Excel wants to see.
    pub bom: bool,
    /// The text that stands for NULL, never quoted; a value with that text is quoted.
    pub null: String,
    /// Put an apostrophe in front of what a spreadsheet would take for a formula, in the header too.
    pub guard: bool,
}

impl CsvOptions {
    /// Whether this is the canonical form.
    pub fn is_canonical(&self) -> bool {
        *self == Self::default()
    }

    /// What is wrong with the options, in one sentence.
    pub fn check(&self) -> Result<(), String> {
        if self.null.bytes().any(special) {
            return Err("the text for NULL cannot hold a comma, a quote or a line end; choose another, such as \\N".into());
        }
        if self.guard && needs_guard(self.null.as_bytes()) {
            return Err(
                "the text for NULL would itself be read as a formula; choose another, such as \\N"
                    .into(),
            );
        }
        Ok(())
    }
}

/// Writes batches as CSV. Each batch may have wider types than the one before: the text of a value does not depend
/// on the type it travels in.
pub struct CsvWriter<W: Write> {
    out: W,
    buffer: Vec<u8>,
    options: CsvOptions,
    written: u64,
}

impl<W: Write> CsvWriter<W> {
    /// A writer that has the header line of `schema` ready.
    pub fn new(out: W, schema: &Schema, options: CsvOptions) -> Self {
        let mut writer = Self {
            out,
            buffer: Vec::with_capacity(BUFFER + BUFFER / 4),
            options,
            written: 0,
        };
        if writer.options.bom {
            writer.buffer.extend_from_slice(b"\xEF\xBB\xBF");
        }
        for (i, field) in schema.fields().iter().enumerate() {
            if i > 0 {
                writer.buffer.push(b',');
            }
            text(&mut writer.buffer, field.name().as_bytes(), &writer.options);
        }
        writer.buffer.extend_from_slice(b"\r\n");
        writer
    }

    /// Writes the rows of a batch.
    pub fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let columns = columns(batch);
        for row in 0..batch.num_rows() {
            for (i, column) in columns.iter().enumerate() {
                if i > 0 {
                    self.buffer.push(b',');
                }
                cell(&mut self.buffer, column, row, &self.options);
            }
            self.buffer.extend_from_slice(b"\r\n");
            if self.buffer.len() >= BUFFER {
                self.hand_on()?;
            }
        }
        Ok(())
    }

    /// Hands on what is left and flushes; without it the end of the file is missing.
    pub fn finish(mut self) -> io::Result<W> {
        self.hand_on()?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// Bytes produced so far.
    pub fn bytes(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    fn hand_on(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        // One cell of 50 MB must not keep 50 MB for the rest of the file.
        self.buffer.shrink_to(2 * BUFFER);
        Ok(())
    }
}

#[inline]
fn cell(out: &mut Vec<u8>, column: &Column<'_>, row: usize, options: &CsvOptions) {
    if column.is_null(row) {
        out.extend_from_slice(options.null.as_bytes());
    } else if let Some(value) = column.str(row) {
        text(out, value.as_bytes(), options);
    } else {
        let start = out.len();
        column.write(row, out);
        if options.guard && matches!(out.get(start), Some(b'-')) && needs_guard(&out[start..]) {
            out.insert(start, b'\'');
        }
        // Numbers, dates and hexadecimal need quotes only where they equal the text for NULL.
        if &out[start..] == options.null.as_bytes() {
            out.insert(start, b'"');
            out.push(b'"');
        }
    }
}

#[inline]
fn text(out: &mut Vec<u8>, value: &[u8], options: &CsvOptions) {
    let guard = options.guard && needs_guard(value);
    if !guard && !value.is_empty() && !has_special(value) && value != options.null.as_bytes() {
        out.extend_from_slice(value);
        return;
    }
    out.push(b'"');
    if guard {
        out.push(b'\'');
    }
    let mut rest = value;
    while let Some(at) = memchr::memchr(b'"', rest) {
        out.extend_from_slice(&rest[..=at]);
        out.push(b'"');
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

#[inline]
fn special(byte: u8) -> bool {
    matches!(byte, b',' | b'"' | b'\r' | b'\n')
}

/// Whether a value holds what must be quoted. Sixteen bytes at a time without a branch, which the compiler turns into
/// vector instructions.
#[inline]
fn has_special(value: &[u8]) -> bool {
    let (blocks, rest) = value.as_chunks::<16>();
    blocks.iter().any(|block| {
        block
            .iter()
            .fold(false, |found, &byte| found | special(byte))
    }) || rest.iter().any(|&byte| special(byte))
}

/// The SHA-256 of the canonical form, computed batch by batch without keeping the text.
pub struct Checksum(CsvWriter<Hasher>);

impl Checksum {
    /// Begins with the header line of `schema`. Only the names of the columns count, not their types.
    pub fn new(schema: &Schema) -> Self {
        Self(CsvWriter::new(
            Hasher(Sha256::new()),
            schema,
            CsvOptions::default(),
        ))
    }

    /// Adds the rows of a batch.
    pub fn update(&mut self, batch: &RecordBatch) {
        // A hasher takes everything: there is no error to pass on.
        let _ = self.0.write(batch);
    }

    /// Bytes of the CSV form so far.
    pub fn bytes(&self) -> u64 {
        self.0.bytes()
    }

    /// The checksum in hexadecimal, as `sha256sum` prints it.
    pub fn finish(self) -> String {
        self.0
            .finish()
            .map(|hasher| hexadecimal(&hasher.0.finalize()))
            .unwrap_or_default()
    }
}

struct Hasher(Sha256);

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Passes bytes on and hashes them on the way: the checksum of a canonical file costs no second formatting.
pub struct Hashing<W> {
    inner: W,
    hasher: Sha256,
}

impl<W> Hashing<W> {
    /// Wraps a writer.
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            hasher: Sha256::new(),
        }
    }

    /// The writer, and the SHA-256 in hexadecimal of what went through.
    pub fn finish(self) -> (W, String) {
        (self.inner, hexadecimal(&self.hasher.finalize()))
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
