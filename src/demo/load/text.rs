//! Rows as the text that each database loads fastest: PostgreSQL's COPY lines, MySQL's INSERT of many rows. SQL
//! Server's bulk insert takes typed values, which are read from lines like PostgreSQL's.

use std::fmt::Write as _;

use sqlx::error::BoxDynError;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::demo::tables::{Cell, Table};
use crate::report::Dialect;

/// A statement of this many bytes is far below every server's limit, and larger ones are not faster.
const CHUNK: usize = 512 * 1024;

/// Rows in one text, how many, and the text.
type Chunks = mpsc::Receiver<(usize, String)>;

/// Generates a table's rows on a thread of their own.
pub(super) fn generate(
    table: &'static Table,
    scale: f64,
    dialect: Dialect,
) -> (Chunks, JoinHandle<Result<(), BoxDynError>>) {
    let (sender, receiver) = mpsc::channel(4);
    let generator = tokio::task::spawn_blocking(move || {
        let mut chunk = String::with_capacity(CHUNK + 4096);
        let mut rows = 0;
        for batch in table.generate(scale) {
            let batch = batch?;
            for row in 0..batch.len() {
                push_row(&mut chunk, batch.row(row), dialect);
                rows += 1;
                if chunk.len() >= CHUNK {
                    let full = std::mem::replace(&mut chunk, String::with_capacity(CHUNK + 4096));
                    if sender
                        .blocking_send((std::mem::take(&mut rows), full))
                        .is_err()
                    {
                        return Ok(());
                    }
                }
            }
        }
        if rows > 0 {
            // Nobody waits for it where loading was given up.
            let _ = sender.blocking_send((rows, chunk));
        }
        Ok(())
    });
    (receiver, generator)
}

fn push_row<'a>(out: &mut String, cells: impl Iterator<Item = Cell<'a>>, dialect: Dialect) {
    if dialect == Dialect::MySql {
        out.push_str(if out.is_empty() { "(" } else { ",(" });
    }
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            out.push(if dialect == Dialect::MySql { ',' } else { '\t' });
        }
        push_cell(out, cell, dialect);
    }
    out.push(if dialect == Dialect::MySql { ')' } else { '\n' });
}

fn push_cell(out: &mut String, cell: Cell<'_>, dialect: Dialect) {
    // Writing to a String cannot fail.
    let _ = match cell {
        Cell::Integer(value) => write!(out, "{value}"),
        Cell::Hundredths(value) => {
            let sign = if value < 0 { "-" } else { "" };
            write!(
                out,
                "{sign}{}.{:02}",
                value.unsigned_abs() / 100,
                value.unsigned_abs() % 100
            )
        }
        Cell::Date(value) if dialect == Dialect::MySql => write!(out, "'{value}'"),
        Cell::Date(value) => out.write_str(value),
        Cell::Text(value) => {
            push_text(out, value, dialect);
            Ok(())
        }
    };
}

fn push_text(out: &mut String, value: &str, dialect: Dialect) {
    let quote = dialect == Dialect::MySql;
    if quote {
        out.push('\'');
    }
    for c in value.chars() {
        match c {
            // What divides the values stands in none of them.
            c if dialect == Dialect::MsSql => out.push(if c.is_control() { ' ' } else { c }),
            '\\' => out.push_str("\\\\"),
            '\'' if quote => out.push_str("''"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    if quote {
        out.push('\'');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(dialect: Dialect) -> String {
        let cells = [
            Cell::Integer(-7),
            Cell::Hundredths(-5),
            Cell::Hundredths(123_456),
            Cell::Date("1995-01-01"),
            Cell::Text("it's a\\b\tc\n"),
        ];
        let mut out = String::new();
        push_row(&mut out, cells.into_iter(), dialect);
        push_row(&mut out, [Cell::Integer(1)].into_iter(), dialect);
        out
    }

    #[test]
    fn rows_are_written_as_each_database_reads_them() {
        assert_eq!(
            row(Dialect::MySql),
            r"(-7,-0.05,1234.56,'1995-01-01','it''s a\\b\tc\n'),(1)"
        );
        assert_eq!(
            row(Dialect::Postgres),
            "-7\t-0.05\t1234.56\t1995-01-01\tit's a\\\\b\\tc\\n\n1\n"
        );
    }
}
