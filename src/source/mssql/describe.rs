//! Which columns does a result have? The server is asked before the query runs: the driver tells neither the digits of
//! a decimal nor an exact `money`. Where the server cannot tell, the driver's types are taken.

use arrow::datatypes::{DataType, TimeUnit};
use futures::TryStreamExt;
use tiberius::error::Error;
use tiberius::{Column, ColumnType, QueryItem, ToSql};

use super::decode::{money_kind, text};
use super::link::Link;
use super::params::Statement;

/// The columns of a statement's first result; an error of the statement is a row here, without a name and a type.
const ASK: &str = "SELECT name, system_type_name, user_type_name, collation_name FROM \
     sys.dm_exec_describe_first_result_set(@P1, @P2, 0) ORDER BY column_ordinal";

/// A result has no more columns in SQL Server.
const MOST_COLUMNS: usize = 4096;

/// Which Arrow type a column has; `docs/types.md` lists them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    UInt8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Decimal {
        precision: u8,
        scale: i8,
    },
    /// Its first value tells the scale.
    AnyDecimal,
    Text,
    Bytes,
    Date,
    Time,
    Timestamp,
}

/// A column of a result.
pub(super) struct Described {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The database's name of its type.
    pub(super) type_name: String,
    /// How it would be declared, with its collation; empty where only the server could.
    declared: String,
}

/// Asks the server; `None` where it cannot tell.
pub(super) async fn ask(
    link: &mut Link,
    statement: &Statement,
) -> Result<Option<Vec<Described>>, Error> {
    if !link.describes {
        return Ok(None);
    }
    let (sql, declarations) = (statement.sql(), statement.declarations());
    let params: [&dyn ToSql; 2] = [&sql, &declarations];
    let mut stream = match link.client.query(ASK, &params).await {
        Ok(stream) => stream,
        Err(Error::Server(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut columns = Vec::new();
    while columns.len() <= MOST_COLUMNS {
        match stream.try_next().await {
            Ok(Some(QueryItem::Row(row))) => {
                let mut cells = row
                    .cells()
                    .map(|(_, cell)| text(cell).map(std::borrow::Cow::into_owned));
                let mut next = || cells.next().flatten();
                let (name, system, user, collation) = (next(), next(), next(), next());
                let Some(type_name) = system.as_ref().or(user.as_ref()) else {
                    columns.clear();
                    continue;
                };
                columns.push(Described::new(
                    name.unwrap_or_default(),
                    type_name,
                    system.is_none(),
                    collation.as_deref(),
                ));
            }
            Ok(Some(QueryItem::Metadata(_))) => {}
            Ok(None) => break,
            Err(Error::Server(_)) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(columns).filter(|columns| (1..=MOST_COLUMNS).contains(&columns.len())))
}

/// The same statement with every `money` as a decimal, converted by the server; `None` where it has no `money`, or a
/// type that cannot be declared.
pub(super) fn without_money(columns: &[Described], statement: &Statement) -> Option<String> {
    let is_money = |column: &Described| column.type_name.ends_with("money");
    if !columns.iter().any(is_money) || columns.iter().any(|column| column.declared.is_empty()) {
        return None;
    }
    let declared: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(i, column)| match column.type_name.as_str() {
            "money" => format!("c{i} decimal(19,4)"),
            "smallmoney" => format!("c{i} decimal(10,4)"),
            _ => format!("c{i} {}", column.declared),
        })
        .collect();
    let params: Vec<String> = (1..=statement.values().len() + 2)
        .map(|i| format!("@P{i}"))
        .collect();
    Some(format!(
        "EXEC sys.sp_executesql {} WITH RESULT SETS (({}))",
        params.join(", "),
        declared.join(", ")
    ))
}

impl Described {
    fn new(name: String, type_name: &str, is_clr: bool, collation: Option<&str>) -> Self {
        let (base, arguments) = match type_name.split_once('(') {
            Some((base, rest)) => (base, rest.trim_end_matches(')')),
            None => (type_name, ""),
        };
        let base = base.to_lowercase();
        let collation = collation
            .filter(|name| {
                name.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            })
            .map_or(String::new(), |name| format!(" COLLATE {name}"));
        Self {
            name,
            kind: Kind::of(&base, arguments),
            declared: match base.as_str() {
                _ if is_clr => String::new(),
                // Nobody may declare one.
                "timestamp" | "rowversion" => "binary(8)".to_owned(),
                _ => format!("{type_name}{collation}"),
            },
            type_name: base,
        }
    }

    /// As far as the driver tells.
    pub(super) fn of(column: &Column) -> Self {
        use ColumnType as C;
        let (kind, type_name) = match column.column_type() {
            C::Bit | C::Bitn => (Kind::Boolean, "bit"),
            C::Int1 => (Kind::UInt8, "tinyint"),
            C::Int2 => (Kind::Int16, "smallint"),
            C::Int4 | C::Intn | C::Null => (Kind::Int32, "int"),
            C::Int8 => (Kind::Int64, "bigint"),
            C::Float4 => (Kind::Float32, "real"),
            C::Float8 | C::Floatn => (Kind::Float64, "float"),
            C::Decimaln | C::Numericn => (Kind::AnyDecimal, "decimal"),
            C::Money => (money_kind(false), "money"),
            C::Money4 => (money_kind(true), "smallmoney"),
            C::Datetime | C::Datetime4 | C::Datetimen => (Kind::Timestamp, "datetime"),
            C::Datetime2 => (Kind::Timestamp, "datetime2"),
            C::Daten => (Kind::Date, "date"),
            C::Timen => (Kind::Time, "time"),
            C::BigVarBin | C::BigBinary | C::Image | C::Udt => (Kind::Bytes, "varbinary"),
            C::DatetimeOffsetn => (Kind::Text, "datetimeoffset"),
            C::Guid => (Kind::Text, "uniqueidentifier"),
            C::Xml => (Kind::Text, "xml"),
            C::SSVariant => (Kind::Text, "sql_variant"),
            C::BigVarChar | C::BigChar | C::NVarchar | C::NChar | C::Text | C::NText => {
                (Kind::Text, "varchar")
            }
        };
        Self {
            name: column.name().to_owned(),
            kind,
            type_name: type_name.to_owned(),
            declared: String::new(),
        }
    }
}

impl Kind {
    fn of(base: &str, arguments: &str) -> Self {
        match base {
            "bit" => Self::Boolean,
            "tinyint" => Self::UInt8,
            "smallint" => Self::Int16,
            "int" => Self::Int32,
            "bigint" => Self::Int64,
            "real" => Self::Float32,
            "float" => Self::Float64,
            "decimal" | "numeric" => {
                let mut digits = arguments.split(',').map(|part| part.trim().parse().ok());
                match (digits.next().flatten(), digits.next().flatten()) {
                    (Some(precision @ 1..=38), scale) if scale.unwrap_or(0) <= precision => {
                        Self::Decimal {
                            precision,
                            scale: scale.map_or(0, |scale: u8| scale as i8),
                        }
                    }
                    _ => Self::AnyDecimal,
                }
            }
            "money" => money_kind(false),
            "smallmoney" => money_kind(true),
            "date" => Self::Date,
            "time" => Self::Time,
            "datetime" | "smalldatetime" | "datetime2" => Self::Timestamp,
            "binary" | "varbinary" | "image" | "timestamp" | "rowversion" | "hierarchyid"
            | "geometry" | "geography" => Self::Bytes,
            _ => Self::Text,
        }
    }

    /// Its Arrow type; that of [`Kind::AnyDecimal`] is known with its first value.
    pub(super) fn arrow(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::UInt8 => DataType::UInt8,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Decimal { precision, scale } => DataType::Decimal128(precision, scale),
            Self::AnyDecimal => DataType::Decimal128(38, 0),
            Self::Text => DataType::Utf8,
            Self::Bytes => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }
}
