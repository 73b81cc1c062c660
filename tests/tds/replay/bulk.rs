//! What does a bulk insert bring? The tables are those that were made, of the types that the demo's have.

use super::wire;

/// A column's type, as SQL Server sends it where NULL cannot be.
#[derive(Clone, Copy)]
enum Kind {
    BigInt,
    /// Of 15 digits, two of them behind the point.
    Decimal,
    Date,
    VarChar(u16),
}

/// A table that was made.
pub(crate) struct Table {
    pub(crate) name: String,
    columns: Vec<(String, Kind)>,
    /// What was inserted, as text.
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads `CREATE TABLE name (column TYPE NOT NULL, ..., PRIMARY KEY (...))`.
    pub(crate) fn made(sql: &str) -> Option<Self> {
        let (name, columns) = sql.strip_prefix("CREATE TABLE ")?.split_once(" (")?;
        let columns = columns.split(" NOT NULL").filter_map(|column| {
            let (name, kind) = column.trim_start_matches(", ").split_once(' ')?;
            let kind = match kind.split_once('(') {
                None if kind == "BIGINT" => Kind::BigInt,
                None if kind == "DATE" => Kind::Date,
                Some(("DECIMAL", "15,2)")) => Kind::Decimal,
                Some(("VARCHAR", length)) => {
                    Kind::VarChar(length.trim_end_matches(')').parse().ok()?)
                }
                _ => return None,
            };
            Some((name.to_owned(), kind))
        });
        Some(Self {
            name: name.to_owned(),
            columns: columns.collect(),
            rows: Vec::new(),
        })
    }

    /// Which columns are decimals.
    pub(crate) fn decimals(&self) -> Vec<usize> {
        let kinds = self.columns.iter().enumerate();
        kinds
            .filter(|(_, (_, kind))| matches!(kind, Kind::Decimal))
            .map(|(at, _)| at)
            .collect()
    }

    /// The answer to a question for its columns alone.
    pub(crate) fn columns(&self) -> Vec<u8> {
        let mut payload = vec![0x81];
        payload.extend((self.columns.len() as u16).to_le_bytes());
        for (name, kind) in &self.columns {
            // Whether it may be written is not told, as SQL Server does not tell it.
            payload.extend([0, 0, 0, 0, 8, 0]);
            match kind {
                Kind::BigInt => payload.push(0x7F),
                Kind::Decimal => payload.extend([0x6A, 9, 15, 2]),
                Kind::Date => payload.push(0x28),
                Kind::VarChar(length) => {
                    payload.push(0xA7);
                    payload.extend(length.to_le_bytes());
                    payload.extend(wire::COLLATION);
                }
            }
            payload.push(name.len() as u8);
            payload.extend(wire::units(name));
        }
        payload.extend(wire::done(0x10, 0));
        wire::message(&payload)
    }

    /// Takes the rows of a bulk insert; answers how many. Anything but what was announced ends the test.
    pub(crate) fn take(&mut self, payload: &[u8]) -> u64 {
        let mut rest = payload;
        let mut next = |count: usize| {
            let (taken, after) = rest.split_at(count);
            rest = after;
            taken
        };
        assert_eq!(next(1), [0x81], "the columns come first");
        assert_eq!(next(2), (self.columns.len() as u16).to_le_bytes());
        for (name, kind) in &self.columns {
            next(6);
            let info = match kind {
                Kind::BigInt | Kind::Date => 1,
                Kind::Decimal => 4,
                Kind::VarChar(_) => 8,
            };
            next(info);
            let length = usize::from(next(1)[0]);
            assert_eq!(next(2 * length), wire::units(name));
        }
        let before = self.rows.len();
        while next(1) == [0xD1] {
            let row = self.columns.iter().map(|(_, kind)| match kind {
                Kind::BigInt => i64::from_le_bytes(next(8).try_into().unwrap()).to_string(),
                Kind::Decimal => {
                    let length = usize::from(next(1)[0]);
                    let (sign, digits) = next(length).split_at(1);
                    let mut number = [0; 16];
                    number[..digits.len()].copy_from_slice(digits);
                    let number = u128::from_le_bytes(number);
                    let sign = if sign == [1] { "" } else { "-" };
                    format!("{sign}{}.{:02}", number / 100, number % 100)
                }
                Kind::Date => {
                    assert_eq!(next(1), [3]);
                    let mut days = [0; 4];
                    days[..3].copy_from_slice(next(3));
                    let day = i32::from_le_bytes(days) + 1;
                    chrono::NaiveDate::from_num_days_from_ce_opt(day)
                        .unwrap()
                        .to_string()
                }
                Kind::VarChar(most) => {
                    let length = u16::from_le_bytes(next(2).try_into().unwrap());
                    assert!(length <= *most, "{length} bytes where {most} fit");
                    String::from_utf8(next(usize::from(length)).to_vec()).unwrap()
                }
            });
            let row = row.collect();
            self.rows.push(row);
        }
        (self.rows.len() - before) as u64
    }
}
