//! SQL Server's side of the load: rows by bulk insert, all in one transaction, and our mark as an extended property.

use std::borrow::Cow;

use chrono::{Datelike, NaiveDate};
use futures::TryStreamExt;
use tiberius::numeric::Numeric;
use tiberius::time::Date;
use tiberius::{Client, ColumnData, QueryItem, TokenRow};
use tokio::net::TcpStream;
use tokio_util::compat::Compat;

use super::MARK;
use crate::source::{self, SourceError};
use crate::workspace::{ConnectionUrl, SourceConfig};

/// A connection that loads.
pub(super) struct MsSql(Client<Compat<TcpStream>>);

impl MsSql {
    pub(super) async fn open(url: &ConnectionUrl) -> Result<Self, SourceError> {
        source::mssql_client(&SourceConfig::new("shop", url.expose()))
            .await
            .map(Self)
    }

    /// Runs one statement to its end.
    pub(super) async fn execute(&mut self, sql: &str) -> Result<(), tiberius::error::Error> {
        self.rows(sql).await.map(drop)
    }

    async fn rows(&mut self, sql: &str) -> Result<Vec<tiberius::Row>, tiberius::error::Error> {
        let stream = self.0.simple_query(sql).await?;
        stream
            .try_filter_map(|item| std::future::ready(Ok(QueryItem::into_row(item))))
            .try_collect()
            .await
    }

    /// Whether the database is none of the server's own.
    pub(super) async fn is_users_own(&mut self) -> Result<bool, tiberius::error::Error> {
        let own = "SELECT CAST(CASE WHEN DB_NAME() IN ('master', 'tempdb', 'model', 'msdb') THEN 1 ELSE 0 END AS int)";
        let rows = self.rows(own).await?;
        let own = rows
            .first()
            .map_or(Ok(None), |row| row.try_get::<i32, _>(0_usize))?;
        Ok(own != Some(1))
    }

    /// Marks a table as made here.
    pub(super) async fn mark(&mut self, table: &str) -> Result<(), tiberius::error::Error> {
        self.execute(&format!(
            "DECLARE @schema sysname = SCHEMA_NAME(); EXEC sys.sp_addextendedproperty @name = N'Lookaside', @value = \
             N'{MARK}', @level0type = N'SCHEMA', @level0name = @schema, @level1type = N'TABLE', @level1name = N'{table}'"
        ))
        .await
    }

    /// Tables and views of the account's schema: the name, whether it is a view, whether it is marked.
    pub(super) async fn existing(
        &mut self,
    ) -> Result<Vec<(String, bool, bool)>, tiberius::error::Error> {
        let sql = format!(
            "SELECT CAST(o.name AS nvarchar(128)), CAST(CASE WHEN o.type = 'V' THEN 1 ELSE 0 END AS int), \
             CAST(CASE WHEN EXISTS (SELECT 1 FROM sys.extended_properties p WHERE p.class = 1 AND p.major_id = \
             o.object_id AND p.minor_id = 0 AND CAST(p.value AS nvarchar(200)) = N'{MARK}') THEN 1 ELSE 0 END AS int) \
             FROM sys.objects o WHERE o.type IN ('U', 'V') AND SCHEMA_NAME(o.schema_id) = SCHEMA_NAME() ORDER BY o.name"
        );
        let rows = self.rows(&sql).await?;
        rows.iter()
            .map(|row| {
                let number = |at: usize| row.try_get::<i32, _>(at).map(|number| number == Some(1));
                let name = row
                    .try_get::<&str, _>(0_usize)?
                    .unwrap_or_default()
                    .to_owned();
                Ok((name, number(1)?, number(2)?))
            })
            .collect()
    }

    /// Inserts rows that were written with tabs between the values.
    pub(super) async fn insert(
        &mut self,
        table: &str,
        kinds: &[char],
        rows: &str,
    ) -> Result<(), tiberius::error::Error> {
        let mut bulk = self.0.bulk_insert(table).await?;
        for line in rows.lines() {
            let mut row = TokenRow::with_capacity(kinds.len());
            for (cell, kind) in line.split('\t').zip(kinds) {
                row.push(value(cell, *kind));
            }
            bulk.send(row).await?;
        }
        bulk.finalize().await.map(drop)
    }
}

/// A cell as the column takes it: `i` a whole number, `m` money, `d` a date, `t` text.
fn value(cell: &str, kind: char) -> ColumnData<'static> {
    match kind {
        'i' => ColumnData::I64(cell.parse().ok()),
        'm' => {
            let hundredths = cell.replace('.', "").parse().ok();
            ColumnData::Numeric(hundredths.map(|value| Numeric::new_with_scale(value, 2)))
        }
        'd' => {
            let day = cell.parse::<NaiveDate>().ok();
            ColumnData::Date(day.map(|day| Date::new((day.num_days_from_ce() - 1) as u32)))
        }
        _ => ColumnData::String(Some(Cow::Owned(cell.to_owned()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_become_typed_values() {
        assert_eq!(value("-7", 'i'), ColumnData::I64(Some(-7)));
        let ColumnData::Numeric(Some(money)) = value("-0.05", 'm') else {
            panic!("no number");
        };
        assert_eq!((money.value(), money.scale()), (-5, 2));
        assert_eq!(
            value("1970-01-01", 'd'),
            ColumnData::Date(Some(Date::new(719_162)))
        );
        assert_eq!(value("a b", 't'), ColumnData::String(Some("a b".into())));
    }
}
