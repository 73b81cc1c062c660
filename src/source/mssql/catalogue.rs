//! Tables, views, synonyms and functions, for what reports depend on.

use std::collections::BTreeMap;

use tiberius::error::Error;

use super::link::{Link, Rows};
use crate::report::{Catalogue, Dialect, Routine, volatile_alone};

/// Tables whose every change a detector of this database can see: an external table's rows are elsewhere. A server
/// without such tables does not know the column.
const TABLES: &str = "SELECT SCHEMA_NAME(schema_id), name FROM sys.tables WHERE is_ms_shipped = 0 AND is_external = 0";
const ALL_TABLES: &str =
    "SELECT SCHEMA_NAME(schema_id), name FROM sys.tables WHERE is_ms_shipped = 0";

const VIEWS: &str = "SELECT SCHEMA_NAME(v.schema_id), v.name, m.definition FROM sys.views v LEFT JOIN sys.sql_modules m \
     ON m.object_id = v.object_id WHERE v.is_ms_shipped = 0";

/// Where definitions are kept nowhere.
const VIEW_NAMES: &str =
    "SELECT SCHEMA_NAME(schema_id), name, NULL FROM sys.views WHERE is_ms_shipped = 0";

/// What each view reads: schema and name, and the kind of what is read; NULL where it is in another database, or gone.
const READS: &str = "SELECT DISTINCT SCHEMA_NAME(v.schema_id), v.name, SCHEMA_NAME(o.schema_id), o.name, RTRIM(o.type) \
     FROM sys.views v JOIN sys.sql_expression_dependencies d ON d.referencing_id = v.object_id \
     LEFT JOIN sys.objects o ON o.object_id = d.referenced_id AND d.referenced_database_name IS NULL \
     WHERE v.is_ms_shipped = 0 AND d.referenced_class = 1";

const SYNONYMS: &str = "SELECT SCHEMA_NAME(schema_id), name, base_object_name FROM sys.synonyms";

/// Functions with their bodies; the body of one in a language of the runtime, or that is encrypted, is NULL.
const ROUTINES: &str = "SELECT SCHEMA_NAME(o.schema_id), o.name, m.definition FROM sys.objects o LEFT JOIN \
     sys.sql_modules m ON m.object_id = o.object_id WHERE o.is_ms_shipped = 0 AND o.type IN ('FN', 'IF', 'TF', 'FS', \
     'FT', 'AF')";

/// What no detector of this database sees, and what it is.
const UNSEEN: [(&str, &str); 3] = [
    (
        "the external table",
        "SELECT SCHEMA_NAME(schema_id), name FROM sys.tables WHERE is_ms_shipped = 0 AND is_external = 1",
    ),
    (
        "the sequence",
        "SELECT SCHEMA_NAME(schema_id), name FROM sys.sequences",
    ),
    (
        "the system view",
        "SELECT SCHEMA_NAME(schema_id), name FROM sys.all_views WHERE is_ms_shipped = 1",
    ),
];

/// What row security evaluates with every read of a table.
const FILTERS: &str = "SELECT SCHEMA_NAME(t.schema_id), t.name, p.predicate_definition FROM sys.security_predicates p JOIN \
     sys.security_policies s ON s.object_id = p.object_id JOIN sys.tables t ON t.object_id = p.target_object_id WHERE \
     s.is_enabled = 1 AND p.predicate_type = 0";

/// What is computed with every read of a table.
const COMPUTED: &str = "SELECT SCHEMA_NAME(t.schema_id), t.name, c.definition FROM sys.computed_columns c JOIN sys.tables t \
     ON t.object_id = c.object_id WHERE c.is_persisted = 0";

/// Reads them over a connection of its own.
pub(super) async fn read(mut link: Link) -> Result<Catalogue, Error> {
    let own = link.rows("SELECT SCHEMA_NAME(), DB_NAME()").await?;
    let own = own.into_iter().next().unwrap_or_default();
    let own = |at: usize| own.get(at).cloned().flatten();
    let mut catalogue = Catalogue {
        default_schema: own(0).unwrap_or_else(|| "dbo".to_owned()),
        database: own(1).unwrap_or_default(),
        ..Catalogue::default()
    };
    let tables = match optional(&mut link, TABLES).await? {
        Some(rows) => rows,
        None => link.rows(ALL_TABLES).await?,
    };
    let tables = tables.iter().map(|row| name(&catalogue, row));
    catalogue.tables = tables.collect();
    let views = match optional(&mut link, VIEWS).await? {
        Some(rows) => rows,
        None => link.rows(VIEW_NAMES).await?,
    };
    take_in_views(&mut catalogue, &views);
    // Where the server keeps what a view reads, its definition need not be understood. Where that is missing or empty,
    // the definition is all there is.
    let reads = optional(&mut link, READS).await?.unwrap_or_default();
    replace_definitions(&mut catalogue, &reads);
    for row in optional(&mut link, SYNONYMS).await?.unwrap_or_default() {
        if let Some(Some(base)) = row.get(2) {
            let name = name(&catalogue, &row);
            catalogue
                .views
                .insert(name, format!("SELECT * FROM {base}"));
        }
    }
    for row in optional(&mut link, ROUTINES).await?.unwrap_or_default() {
        let body = row.get(2).cloned().flatten().unwrap_or_default();
        // T-SQL allows no function an effect, and the clock in it is found where its body may be read.
        let volatile = body.is_empty();
        catalogue.add_routine(name(&catalogue, &row), Routine { body, volatile });
    }
    for (what, sql) in UNSEEN {
        for row in optional(&mut link, sql).await?.unwrap_or_default() {
            let name = name(&catalogue, &row);
            let what = format!("{what} {name}");
            catalogue.unseen.insert(name, what);
        }
    }
    for sql in [FILTERS, COMPUTED] {
        for row in optional(&mut link, sql).await?.unwrap_or_default() {
            if let Some(Some(filter)) = row.get(2) {
                let name = name(&catalogue, &row);
                catalogue.add_filter(name, filter);
            }
        }
    }
    Ok(catalogue)
}

/// How the relation of a row of schema and name is called.
fn name(catalogue: &Catalogue, row: &[Option<String>]) -> String {
    let text = |at: usize| row.get(at).and_then(Option::as_deref).unwrap_or_default();
    catalogue.name(text(0), text(1))
}

fn take_in_views(catalogue: &mut Catalogue, rows: &Rows) {
    for row in rows {
        let name = name(catalogue, row);
        // Some servers say NULL of what they do not tell, some nothing.
        if let Some(definition) = row
            .get(2)
            .and_then(Option::as_ref)
            .filter(|text| !text.trim().is_empty())
        {
            catalogue.views.insert(name, definition.clone());
        } else {
            let what = format!("the view {name}, whose definition is hidden");
            catalogue.unseen.insert(name.clone(), what);
            let why = "is a view whose definition this account may not see; grant it VIEW DEFINITION, or create the view \
                       without ENCRYPTION";
            catalogue.unclear.insert(name, why.to_owned());
        }
    }
}

/// Puts what the server says a view reads in the place of its definition. What cannot be listed is left to the
/// definition, which says what cannot be watched.
fn replace_definitions(catalogue: &mut Catalogue, reads: &Rows) {
    let mut read_by: BTreeMap<String, Option<Vec<String>>> = BTreeMap::new();
    for row in reads {
        let [_, _, of, object, kind] = row.as_slice() else {
            continue;
        };
        let list = read_by
            .entry(name(catalogue, row))
            .or_insert_with(|| Some(Vec::new()));
        match (list.as_mut(), object, kind.as_deref()) {
            (Some(list), Some(_), Some("U" | "V" | "SN")) => {
                list.push(quoted(of.as_ref(), object.as_ref()));
            }
            // A function may read anything, and what is in another database nobody watches here.
            _ => *list = None,
        }
    }
    for (view, list) in read_by {
        let (Some(list), Some(definition)) = (list, catalogue.views.get(&view)) else {
            continue;
        };
        // The list does not tell of the clock.
        if let Some(what) = volatile_alone(definition, Dialect::MsSql) {
            catalogue.unseen.insert(view.clone(), what);
        }
        let list = format!("SELECT * FROM {}", list.join(", "));
        catalogue.views.insert(view, list);
    }
}

/// The rows of a query that a server may not know; `None` where it refuses.
async fn optional(link: &mut Link, sql: &str) -> Result<Option<Rows>, Error> {
    match link.rows(sql).await {
        Ok(rows) => Ok(Some(rows)),
        Err(Error::Server(error)) => {
            tracing::debug!(
                "a part of the catalogue cannot be read: {}",
                error.message()
            );
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// `[schema].[name]`.
fn quoted(schema: Option<&String>, name: Option<&String>) -> String {
    let part = |text: Option<&String>| {
        let text = text.map_or("", String::as_str);
        format!("[{}]", text.replace(']', "]]"))
    };
    match schema {
        Some(_) => format!("{}.{}", part(schema), part(name)),
        None => part(name),
    }
}
