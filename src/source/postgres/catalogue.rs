//! Tables, views and functions, for what reports depend on.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};

use crate::report::Catalogue;
use crate::source::SourceError;
use crate::source::failure::Address;

/// Relations with the name reports use: unqualified where the search path finds it.
///
/// A partitioned table holds no rows itself: it stands as a view of its partitions. A table that others inherit from,
/// and a foreign table, are left out: no detector sees all their changes, so a report on them depends on any change.
const RELATIONS: &str = r"
SELECT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname::text ELSE n.nspname || '.' || c.relname END,
       c.relkind::text,
       CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END,
       (SELECT string_agg('SELECT * FROM ' || i.inhrelid::regclass::text, ' UNION ALL ')
          FROM pg_inherits i WHERE i.inhparent = c.oid)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp\_%'";

/// Functions whose bodies may read tables; those in C that extensions bring compute.
const ROUTINES: &str = r"
SELECT DISTINCT CASE WHEN pg_function_is_visible(p.oid) THEN p.proname::text ELSE n.nspname || '.' || p.proname END
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND l.lanname NOT IN ('internal', 'c')";

/// Reads them over a connection of its own.
pub(super) async fn read(
    address: &Address,
    mut connection: PgConnection,
) -> Result<Catalogue, SourceError> {
    let failed = |error| address.catalogue_unread(&error);
    let default_schema: Option<String> = sqlx::query_scalar("SELECT current_schema()::text")
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
    let mut catalogue = Catalogue {
        default_schema: default_schema.unwrap_or_default(),
        ..Catalogue::default()
    };
    let mut views = BTreeMap::new();
    for row in sqlx::query(RELATIONS)
        .fetch_all(&mut connection)
        .await
        .map_err(failed)?
    {
        let name: String = row.try_get(0).map_err(failed)?;
        let kind: String = row.try_get(1).map_err(failed)?;
        let definition: Option<String> = row.try_get(2).map_err(failed)?;
        let children: Option<String> = row.try_get(3).map_err(failed)?;
        match (kind.as_str(), definition, children) {
            ("v", Some(definition), _) | ("p", None, Some(definition)) => {
                views.insert(name, definition);
            }
            ("v", None, _) | ("r", _, Some(_)) => {}
            _ => {
                catalogue.tables.insert(name);
            }
        }
    }
    catalogue.views = views;
    let routines = sqlx::query_scalar(ROUTINES)
        .fetch_all(&mut connection)
        .await
        .map_err(failed)?;
    catalogue.routines = routines.into_iter().collect();
    let _ = connection.close().await;
    Ok(catalogue)
}
