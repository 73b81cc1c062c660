//! Tables, views and functions, for what reports depend on.

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Connection, Row};

use crate::report::{Catalogue, Routine};
use crate::source::SourceError;
use crate::source::failure::Address;

/// Relations with their kind, and whether the search path finds them: temporary tables and `pg_catalog` come first there,
/// `"$user"` and the settings of role and database count, and who stands behind another of the same name is not found.
///
/// The last two columns: a table under this one (a partition, an heir) that no detector sees, and what row security
/// evaluates with every read.
const RELATIONS: &str = r"
WITH RECURSIVE below(above, relation) AS (
  SELECT inhparent, inhrelid FROM pg_inherits
   UNION SELECT b.above, i.inhrelid FROM below b JOIN pg_inherits i ON i.inhparent = b.relation)
SELECT n.nspname::text, c.relname::text, pg_table_is_visible(c.oid),
       CASE WHEN n.nspname IN ('pg_catalog', 'information_schema') THEN 's'
            WHEN c.relpersistence = 'u' AND c.relkind IN ('r', 'p', 'm') THEN 'u' ELSE c.relkind::text END,
       CASE WHEN c.relkind = 'v' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
            THEN pg_get_viewdef(c.oid) END,
       (SELECT min(d.relname::text) FROM below b JOIN pg_class d ON d.oid = b.relation
         WHERE b.above = c.oid AND (d.relkind = 'f' OR d.relpersistence = 'u')),
       (SELECT 'SELECT (' || string_agg(pg_get_expr(p.polqual, p.polrelid), '), (') || ')' FROM pg_policy p
         WHERE p.polrelid = c.oid AND c.relrowsecurity AND p.polcmd IN ('r', '*') AND p.polqual IS NOT NULL)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
   AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp\_%'";

/// Functions whose bodies may read tables, with their bodies; those in C that extensions bring count only where they
/// do not say that they compute, and an aggregate where a function behind it counts. What is neither SQL nor PL/pgSQL cannot
/// be looked into: it is volatile unless it is declared IMMUTABLE, or known.
const ROUTINES: &str = r"
SELECT CASE WHEN pg_function_is_visible(p.oid) THEN p.proname::text ELSE n.nspname || '.' || p.proname END,
       p.provolatile = 'v' OR l.lanname NOT IN ('sql', 'plpgsql', 'internal') AND b.provolatile <> 'i'
         AND p.proname <> 'unaccent',
       CASE WHEN a.aggfnoid IS NOT NULL THEN a.aggtransfn::text || '(), ' || a.aggfinalfn::text || '()'
            WHEN l.lanname NOT IN ('sql', 'plpgsql') THEN ''
            WHEN p.prosrc = '' THEN pg_get_functiondef(p.oid) ELSE p.prosrc END
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid
  JOIN pg_proc b ON b.oid = p.oid OR b.oid = a.aggtransfn OR b.oid = a.aggfinalfn
  JOIN pg_language l ON l.oid = b.prolang
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND (l.lanname NOT IN ('internal', 'c') OR l.lanname = 'c' AND b.provolatile <> 'i')";

/// Operators that call such a function, and types to which a cast calls one; with an empty name those that the server
/// calls for SQL that does not name them: implicit casts, and the comparisons of a type.
const OPERATORS: &str = r"
SELECT i.name, p.proname::text
  FROM (SELECT o.oprname::text AS name, o.oprcode::oid AS routine FROM pg_operator o
         UNION ALL SELECT CASE c.castcontext WHEN 'e' THEN t.typname::text ELSE '' END, c.castfunc
                     FROM pg_cast c JOIN pg_type t ON t.oid = c.casttarget
         UNION ALL SELECT '', a.amproc::oid FROM pg_amproc a) i
  JOIN pg_proc p ON p.oid = i.routine JOIN pg_language l ON l.oid = p.prolang
 WHERE p.pronamespace <> 'pg_catalog'::regnamespace AND l.lanname NOT IN ('internal', 'c')";

/// Functions of extensions that compute from their arguments, by their declaration.
const PURE: &str = r"
SELECT DISTINCT p.proname::text FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
 WHERE p.pronamespace <> 'pg_catalog'::regnamespace AND l.lanname IN ('internal', 'c') AND p.provolatile = 'i'";

/// Reads them over a connection of its own, which has the settings that reports have.
pub(super) async fn read(
    address: &Address,
    mut connection: PgConnection,
) -> Result<Catalogue, SourceError> {
    let catalogue = from(&mut connection)
        .await
        .map_err(|error| address.catalogue_unread(&error))?;
    let _ = connection.close().await;
    Ok(catalogue)
}

async fn from(connection: &mut PgConnection) -> Result<Catalogue, sqlx::Error> {
    let default_schema: Option<String> = sqlx::query_scalar("SELECT current_schema()::text")
        .persistent(false)
        .fetch_one(&mut *connection)
        .await?;
    let mut catalogue = Catalogue {
        default_schema: default_schema.unwrap_or_default(),
        ..Catalogue::default()
    };
    for row in sqlx::query(RELATIONS)
        .persistent(false)
        .fetch_all(&mut *connection)
        .await?
    {
        take_in(&mut catalogue, &row)?;
    }
    for row in sqlx::query(ROUTINES)
        .persistent(false)
        .fetch_all(&mut *connection)
        .await?
    {
        let routine = Routine {
            volatile: row.try_get(1)?,
            body: row.try_get(2)?,
        };
        catalogue.add_routine(row.try_get(0)?, routine);
    }
    for row in sqlx::query(OPERATORS)
        .persistent(false)
        .fetch_all(&mut *connection)
        .await?
    {
        let operator = (row.try_get(0)?, row.try_get(1)?);
        catalogue.operators.insert(operator);
    }
    for row in sqlx::query(PURE)
        .persistent(false)
        .fetch_all(&mut *connection)
        .await?
    {
        catalogue.pure.insert(row.try_get(0)?);
    }
    Ok(catalogue)
}

fn take_in(catalogue: &mut Catalogue, row: &PgRow) -> Result<(), sqlx::Error> {
    let (schema, relation): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    let (is_visible, kind): (bool, String) = (row.try_get(2)?, row.try_get(3)?);
    let (definition, hidden): (Option<String>, Option<String>) = (row.try_get(4)?, row.try_get(5)?);
    let filter: Option<String> = row.try_get(6)?;
    let full = format!("{schema}.{relation}");
    let name = if is_visible {
        catalogue.other_names.insert(full, relation.clone());
        relation
    } else {
        full
    };
    let unseen = match kind.as_str() {
        "s" => Some(format!("the system table {name}")),
        "f" => Some(format!("the foreign table {name}")),
        "S" => Some(format!("the sequence {name}")),
        // Its changes are in no log.
        "u" => Some(format!("the unlogged table {name}")),
        _ => hidden.map(|hidden| format!("{hidden}, which is foreign or unlogged")),
    };
    if let Some(unseen) = unseen {
        catalogue.unseen.insert(name.clone(), unseen);
    }
    if let Some(filter) = filter {
        catalogue.filters.insert(name.clone(), filter);
    }
    match definition {
        Some(definition) => drop(catalogue.views.insert(name, definition)),
        None if matches!(kind.as_str(), "r" | "p" | "m" | "u") => {
            catalogue.tables.insert(name);
        }
        None => {}
    }
    Ok(())
}
