//! Which columns does a result have? The driver tells; where it does not know a type (a multirange, also inside a
//! composite), the server is asked in SQL.

use sqlx::postgres::{PgColumn, PgConnection, PgTypeKind};
use sqlx::{AssertSqlSafe, Column, Row, TypeInfo};

use super::params::Statement;
use super::types::Kind;

/// A column of a result.
pub(super) struct Described {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The database's name of its type.
    pub(super) type_name: String,
}

impl Described {
    /// As the driver tells.
    pub(super) fn of(column: &PgColumn) -> Self {
        let info = column.type_info();
        let name = info.name();
        let shouted = name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || !byte.is_ascii_alphabetic());
        Self {
            name: column.name().to_owned(),
            kind: Kind::of(
                info.oid().map(|oid| oid.0),
                matches!(info.kind(), PgTypeKind::Enum(_)),
            ),
            type_name: if shouted {
                name.to_ascii_lowercase()
            } else {
                name.to_owned()
            },
        }
    }
}

/// Names for that many columns: those of a result may be missing, or the same twice.
pub(super) fn names(columns: usize) -> String {
    (1..=columns)
        .map(|i| format!("c{i}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// SQL that answers one row of NULLs with the columns of a statement, which it plans and never executes, and how many
/// bytes stand before it. (The protocol's own way to describe a statement is taken by the driver for statements with a
/// name alone.)
pub(super) fn around(sql: &str) -> (String, usize) {
    let before = "SELECT report.* FROM (SELECT 1) AS one LEFT JOIN (SELECT * FROM (\n";
    (
        format!("{before}{sql}\n) AS report WHERE false) AS report ON true"),
        before.len(),
    )
}

/// As the server tells. The query is planned twice and never executed: a condition that is false stands around it.
pub(super) async fn ask(
    connection: &mut PgConnection,
    statement: &Statement,
) -> Result<Vec<Described>, sqlx::Error> {
    let no_row = format!(
        "(SELECT 1) AS one LEFT JOIN (SELECT * FROM (\n{}\n) AS report WHERE false) AS report",
        statement.sql()
    );
    let columns: Vec<String> = rows(
        connection,
        statement,
        format!(
            "SELECT json_object_keys(row_to_json(lookaside_row)) FROM (SELECT report.* FROM {no_row} ON true) AS lookaside_row"
        ),
    )
    .await?
    .iter()
    .map(|row| row.try_get(0))
    .collect::<Result<_, _>>()?;

    let types = (1..=columns.len())
        .map(|i| format!("(pg_typeof(c{i})::oid)"))
        .collect::<Vec<_>>()
        .join(", ");
    let names = names(columns.len());
    let types = rows(
        connection,
        statement,
        format!(
            "SELECT oid::int8, format_type(oid, NULL) FROM unnest((SELECT ARRAY[{types}] FROM {no_row} ({names}) ON true)) WITH \
             ORDINALITY AS described (oid, place) ORDER BY place"
        ),
    )
    .await?;
    columns
        .into_iter()
        .zip(&types)
        .map(|(name, row)| {
            let oid: i64 = row.try_get(0)?;
            Ok(Described {
                name,
                // An enumeration is made text by the server here: to learn it, the driver would ask in between.
                kind: Kind::of(u32::try_from(oid).ok(), false),
                type_name: row.try_get(1)?,
            })
        })
        .collect()
}

async fn rows(
    connection: &mut PgConnection,
    statement: &Statement,
    sql: String,
) -> Result<Vec<sqlx::postgres::PgRow>, sqlx::Error> {
    let arguments = statement
        .arguments()
        .map_err(|error| sqlx::Error::Configuration(error.to_string().into()))?;
    sqlx::query_with(AssertSqlSafe(sql), arguments)
        .persistent(false)
        .fetch_all(connection)
        .await
}
