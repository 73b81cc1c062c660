//! Tables, views and functions, for what reports depend on.

use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{Connection, Row};

use crate::report::{Catalogue, Routine};
use crate::source::SourceError;
use crate::source::failure::Address;

/// The databases that hold the state of the server.
const SYSTEM: [&str; 4] = ["information_schema", "mysql", "performance_schema", "sys"];

/// Engines whose tables change by what the server itself writes, and logs.
const SEEN: [&str; 11] = [
    "ARCHIVE",
    "ARIA",
    "BLACKHOLE",
    "CSV",
    "INNODB",
    "MEMORY",
    "MROONGA",
    "MYISAM",
    "NDBCLUSTER",
    "ROCKSDB",
    "TOKUDB",
];

/// Reads them over a connection of its own.
pub(super) async fn read(
    address: &Address,
    mut connection: MySqlConnection,
) -> Result<Catalogue, SourceError> {
    let catalogue = from(&mut connection)
        .await
        .map_err(|error| address.catalogue_unread(&error))?;
    let _ = connection.close().await;
    Ok(catalogue)
}

async fn from(connection: &mut MySqlConnection) -> Result<Catalogue, sqlx::Error> {
    let own = "SELECT DATABASE(), @@lower_case_table_names";
    let own = sqlx::raw_sql(own).fetch_one(&mut *connection).await?;
    let (database, folds) = (text(&own, 0), text(&own, 1) != "0");
    let system = format!("table_schema IN ('{}')", SYSTEM.join("', '"));
    let relations = "SELECT table_schema, table_name, table_type, engine FROM information_schema.tables WHERE NOT";
    let relations = rows(connection, &format!("{relations} {system}")).await?;
    let spelled = relations
        .iter()
        .map(|row| text(row, 0))
        .find(|schema| folds && schema.to_lowercase() == database.to_lowercase());
    let mut catalogue = Catalogue {
        default_schema: spelled.unwrap_or(database),
        ..Catalogue::default()
    };
    for row in &relations {
        let name = catalogue.name(&text(row, 0), &text(row, 1));
        take_in(&mut catalogue, name, &text(row, 2), &text(row, 3));
    }
    let theirs = "SELECT table_schema, table_name FROM information_schema.tables WHERE";
    for row in rows(connection, &format!("{theirs} {system}")).await? {
        let name = catalogue.name(&text(&row, 0), &text(&row, 1));
        let what = format!("the system table {name}");
        catalogue.unseen.insert(name, what);
    }
    let views =
        "SELECT table_schema, table_name, view_definition FROM information_schema.views WHERE NOT";
    for row in rows(connection, &format!("{views} {system}")).await? {
        let (name, definition) = (
            catalogue.name(&text(&row, 0), &text(&row, 1)),
            text(&row, 2),
        );
        if definition.is_empty() {
            let what = format!("the view {name}, whose definition is hidden");
            catalogue.unseen.insert(name.clone(), what);
            let why = "is a view whose definition this account may not see; grant it SHOW VIEW";
            catalogue.unclear.insert(name, why.to_owned());
        } else {
            catalogue.views.insert(name, definition);
        }
    }
    // What is computed with every read of a table, the clock included.
    let computed = "SELECT table_schema, table_name, generation_expression FROM information_schema.columns WHERE \
                    generation_expression <> '' AND extra LIKE '%VIRTUAL%' AND NOT";
    for row in rows(connection, &format!("{computed} {system}")).await? {
        let name = catalogue.name(&text(&row, 0), &text(&row, 1));
        catalogue.add_filter(name, &text(&row, 2));
    }
    let routines = "SELECT routine_schema, routine_name, routine_definition, is_deterministic \
                    FROM information_schema.routines WHERE routine_type = 'FUNCTION'";
    for row in rows(connection, routines).await? {
        let name = catalogue.name(&text(&row, 0), &text(&row, 1));
        let body = text(&row, 2);
        // What reads tables is rightly declared NOT DETERMINISTIC: where the body may be read, it tells more.
        let volatile = body.is_empty() && text(&row, 3) != "YES";
        catalogue.add_routine(name, Routine { body, volatile });
    }
    Ok(catalogue)
}

fn take_in(catalogue: &mut Catalogue, name: String, kind: &str, engine: &str) {
    match kind {
        // SYSTEM VERSIONED keeps the rows that were; they change with the table.
        "BASE TABLE" | "SYSTEM VERSIONED" => {}
        "SEQUENCE" => {
            let what = format!("the sequence {name}");
            catalogue.unseen.insert(name, what);
            return;
        }
        _ => return,
    }
    if engine.to_uppercase() == "MRG_MYISAM" {
        let why = "is a MERGE table over tables that the catalogue does not tell";
        catalogue.unclear.insert(name, why.to_owned());
    } else if engine.is_empty() || SEEN.contains(&engine.to_uppercase().as_str()) {
        catalogue.tables.insert(name);
    } else {
        let what = format!("the {engine} table {name}");
        catalogue.unseen.insert(name, what);
    }
}

async fn rows(connection: &mut MySqlConnection, sql: &str) -> Result<Vec<MySqlRow>, sqlx::Error> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
        .fetch_all(connection)
        .await
}

/// The text of a cell, empty for NULL. MySQL 8 gives names of its catalogue as binary.
pub(crate) fn text(row: &MySqlRow, column: usize) -> String {
    let bytes: Option<Vec<u8>> = row.try_get_unchecked(column).unwrap_or_default();
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}
