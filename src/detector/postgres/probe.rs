//! What do the server, the account and the publication allow, and what exactly would enable more?
//!
//! The log is only taken where it tells everything: a publication FOR ALL TABLES, or one that every ordinary table is
//! in, of inserts, updates, deletes and truncations alike and without row filters. It is the user's, unless they said
//! that we may make one.

use sqlx::Row;
use sqlx::postgres::PgConnection;

use crate::workspace::{Publication, SourceConfig};

use super::super::Blind;
use super::OLDEST;
use super::link::Link;
use super::session::Session;
use super::vendor::Vendor;

/// The oldest version whose log is read.
const OLDEST_LOG: i32 = 140_000;
/// The oldest version that logs rows once there is a logical slot.
const ON_DEMAND: i32 = 190_000;
/// So many tables are named in a sentence.
const NAMED: usize = 3;

/// What is possible.
pub(super) enum Verdict {
    /// The log may be read.
    Log(LogAllowed),
    /// Only commits can be noticed; the text says what would enable the log.
    Poll(String),
    /// It is a standby, where only the replayed log can be looked at; the text says what would enable more.
    Standby(String),
    /// Nothing; the text says why and what to do.
    Nothing(String),
}

/// How the log may be read.
pub(super) struct LogAllowed {
    /// Whether the publication is still to be made.
    pub(super) make: bool,
    /// Whether the connection that asked was encrypted.
    pub(super) encrypted: bool,
    /// How far behind our slot may be, as the setting says: `-1` without bound, `10GB`.
    pub(super) keep: String,
}

const SERVER: &str = r"
SELECT current_setting('server_version_num')::int4,
       pg_is_in_recovery(),
       COALESCE(current_setting('effective_wal_level', true), current_setting('wal_level')),
       r.rolsuper,
       r.rolreplication OR EXISTS (
         SELECT FROM pg_roles g WHERE g.rolname = 'rds_replication' AND pg_has_role(r.oid, g.oid, 'MEMBER')),
       quote_ident(r.rolname),
       current_setting('max_replication_slots')::int8 - (SELECT count(*) FROM pg_replication_slots),
       current_setting('max_wal_senders')::int8 - (SELECT count(*) FROM pg_stat_replication),
       COALESCE(current_setting('max_slot_wal_keep_size', true), '-1'),
       COALESCE((SELECT s.ssl FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()), false)
  FROM pg_roles r WHERE r.rolname = current_user";

/// Asks the server; begins nothing but a sign-in that ends again.
pub(super) async fn probe(
    link: &Link,
    connection: &mut PgConnection,
    config: &SourceConfig,
) -> Result<Verdict, Blind> {
    let row = link
        .in_time(
            sqlx::query(SERVER)
                .persistent(false)
                .fetch_one(&mut *connection),
        )
        .await?;
    let blind = |error: sqlx::Error| link.unseen(&crate::source::words(&error));
    let version: i32 = row.try_get(0).map_err(blind)?;
    let standby: bool = row.try_get(1).map_err(blind)?;
    if version < OLDEST {
        return Ok(Verdict::Nothing(
            "PostgreSQL 13 or newer can be watched".to_owned(),
        ));
    }
    if standby {
        return Ok(Verdict::Standby(
            "the address of the primary server, whose log tells which table changed".to_owned(),
        ));
    }
    let level: String = row.try_get(2).map_err(blind)?;
    let superuser: bool = row.try_get(3).map_err(blind)?;
    let replicates: bool = row.try_get(4).map_err(blind)?;
    let role: String = row.try_get(5).map_err(blind)?;
    let slots: i64 = row.try_get(6).map_err(blind)?;
    let senders: i64 = row.try_get(7).map_err(blind)?;
    let encrypted = row.try_get(9).map_err(blind)?;

    let mut needed = Vec::new();
    if version < OLDEST_LOG {
        needed.push("upgrade to PostgreSQL 14 or newer".to_owned());
    }
    let vendor = Vendor::of(link, connection).await?;
    if !logs_rows(version, &level) {
        needed.push(vendor.enable_log().to_owned());
    }
    if !superuser && !replicates {
        needed.push(vendor.allow_replication(&role));
    }
    for (free, setting) in [
        (slots, "max_replication_slots"),
        (senders, "max_wal_senders"),
    ] {
        if free < 1 {
            needed.push(format!(
                "raise {setting}, which are all in use, then restart the server"
            ));
        }
    }
    let published = link
        .in_time(publication(connection, config, superuser))
        .await?;
    let make = match published {
        Published::Whole => false,
        Published::ToBeMade => true,
        Published::No(remedy) => {
            needed.push(remedy);
            false
        }
    };
    if needed.is_empty() {
        // What the settings do not show: a pooler, pg_hba.conf.
        match Session::sign_in(link, config.publication.name(), encrypted).await {
            Ok(session) => drop(session),
            Err(why) => needed.push(format!("let the account sign in for replication ({why})")),
        }
    }
    if needed.is_empty() {
        let keep = row.try_get(8).map_err(blind)?;
        return Ok(Verdict::Log(LogAllowed {
            make,
            encrypted,
            keep,
        }));
    }
    Ok(Verdict::Poll(format!(
        "logical replication tells which table changed; it needs: {}",
        needed.join("; ")
    )))
}

/// What is published.
enum Published {
    /// Every change of every table.
    Whole,
    /// Nothing yet; we may make it, and can.
    ToBeMade,
    /// Not everything; the text is what to do.
    No(String),
}

async fn publication(
    connection: &mut PgConnection,
    config: &SourceConfig,
    superuser: bool,
) -> Result<Published, sqlx::Error> {
    let name = config.publication.name();
    let quoted: String = sqlx::query_scalar("SELECT quote_ident($1)")
        .persistent(false)
        .bind(name)
        .fetch_one(&mut *connection)
        .await?;
    let all: Option<bool> =
        sqlx::query_scalar("SELECT puballtables FROM pg_publication WHERE pubname = $1")
            .persistent(false)
            .bind(name)
            .fetch_optional(&mut *connection)
            .await?;
    let Some(all) = all else {
        return missing(connection, config, &quoted, superuser).await;
    };
    if let Some(remedy) = narrowed(connection, name).await? {
        return Ok(Published::No(remedy));
    }
    let outside: Vec<String> = outside(connection, name)
        .await?
        .into_iter()
        .map(|(_, table)| table)
        .collect();
    Ok(match left_out(&quoted, all, &outside) {
        None => Published::Whole,
        Some(remedy) => Published::No(remedy),
    })
}

/// Returns what to do about a publication that is missing, or leaves out a kind of change or rows of its tables; `None` where
/// it tells every change of them. It can be altered while its log is read, and the log does not say so.
pub(super) async fn narrowed(
    connection: &mut PgConnection,
    name: &str,
) -> Result<Option<String>, sqlx::Error> {
    let found: Option<(String, bool)> = sqlx::query_as(
        "SELECT quote_ident(pubname::text), pubinsert AND pubupdate AND pubdelete AND pubtruncate \
         FROM pg_publication WHERE pubname = $1",
    )
    .persistent(false)
    .bind(name)
    .fetch_optional(&mut *connection)
    .await?;
    let Some((quoted, every_kind)) = found else {
        return Ok(Some(format!("create the publication {name} again")));
    };
    if !every_kind {
        return Ok(Some(format!(
            "ALTER PUBLICATION {quoted} SET (publish = 'insert, update, delete, truncate')"
        )));
    }
    let filtered = filtered(connection, name).await?;
    Ok((!filtered.is_empty()).then(|| {
        format!(
            "the publication {quoted} without the row filter of {}",
            listed(&filtered)
        )
    }))
}

/// What to do where a publication does not tell of some tables; one FOR ALL TABLES may name exceptions (PostgreSQL 19).
fn left_out(publication: &str, all: bool, outside: &[String]) -> Option<String> {
    match (outside, all) {
        ([], _) => None,
        (_, true) => Some(format!(
            "ALTER PUBLICATION {publication} SET ALL TABLES, without EXCEPT, which leaves out {}",
            listed(outside)
        )),
        (_, false) => Some(format!(
            "ALTER PUBLICATION {publication} ADD TABLE {}",
            listed(outside)
        )),
    }
}

/// Whether the server's log tells rows, or will once there is a slot: from PostgreSQL 19 on the first logical slot switches
/// that on where the level is `replica`.
fn logs_rows(version: i32, level: &str) -> bool {
    level == "logical" || version >= ON_DEMAND && level == "replica"
}

/// Why the server took our slot away, and what to do.
pub(super) fn invalidated(reason: &str) -> String {
    let (why, remedy) = match reason {
        "wal_removed" | "lost" => (
            "the server gave up the log that was not read yet",
            "raise max_slot_wal_keep_size",
        ),
        "rows_removed" => (
            "the server removed rows of its catalogue that the slot needed",
            "set hot_standby_feedback = on",
        ),
        "wal_level_insufficient" => (
            "the primary server's wal_level is not logical any more",
            "set wal_level = logical there",
        ),
        "idle_timeout" => (
            "the slot was idle for too long",
            "raise idle_replication_slot_timeout",
        ),
        other => return format!("the server invalidated our replication slot ({other})"),
    };
    format!("{why}; {remedy}")
}

/// What to do where there is no publication of that name.
async fn missing(
    connection: &mut PgConnection,
    config: &SourceConfig,
    quoted: &str,
    superuser: bool,
) -> Result<Published, sqlx::Error> {
    let create = format!("CREATE PUBLICATION {quoted} FOR ALL TABLES");
    // Without a key that the log can name rows by, the server refuses UPDATE and DELETE of a published table.
    let keyless: Vec<String> = sqlx::query_scalar(KEYLESS)
        .persistent(false)
        .fetch_all(connection)
        .await?;
    let first = if keyless.is_empty() {
        String::new()
    } else {
        format!(
            "ALTER TABLE ... REPLICA IDENTITY FULL or a primary key for {} (or their UPDATE and DELETE would fail once \
             they are published), then ",
            listed(&keyless)
        )
    };
    Ok(Published::No(match config.publication {
        Publication::Ours if superuser && keyless.is_empty() => return Ok(Published::ToBeMade),
        Publication::Ours if superuser => format!("{first}publication = true makes one"),
        Publication::Ours => format!("{first}{create} by a superuser, for whom alone it is"),
        Publication::Found if superuser => format!(
            "{first}{create}, or publication = true in [sources.{}]",
            config.name
        ),
        Publication::Found | Publication::Named(_) => format!("{first}{create} by a superuser"),
    }))
}

const KEYLESS: &str = r"
SELECT c.oid::regclass::text
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp\_%'
   AND NOT CASE c.relreplident
             WHEN 'f' THEN true
             WHEN 'd' THEN EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
             WHEN 'i' THEN EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident)
             ELSE false
           END
 ORDER BY 1";

/// Ordinary tables that a publication does not tell of, neither by themselves nor as a partition. One FOR ALL TABLES is
/// compared too: it may name exceptions.
pub(super) async fn outside(
    connection: &mut PgConnection,
    publication: &str,
) -> Result<Vec<(i64, String)>, sqlx::Error> {
    sqlx::query_as(OUTSIDE)
        .persistent(false)
        .bind(publication)
        .fetch_all(connection)
        .await
}

const OUTSIDE: &str = r"
WITH published AS MATERIALIZED (
  SELECT format('%I.%I', t.schemaname, t.tablename)::regclass::oid AS oid
    FROM pg_publication_tables t WHERE t.pubname = $1
)
SELECT c.oid::int8, c.oid::regclass::text
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp\_%'
   AND c.oid NOT IN (SELECT oid FROM published)
   AND NOT EXISTS (SELECT FROM pg_partition_ancestors(c.oid) a JOIN published p ON p.oid = a.relid)
 ORDER BY 2";

/// Tables of which a publication tells only some rows.
async fn filtered(
    connection: &mut PgConnection,
    publication: &str,
) -> Result<Vec<String>, sqlx::Error> {
    // Row filters came with PostgreSQL 15; before, there is no such column.
    sqlx::query_scalar(
        "SELECT r.prrelid::regclass::text FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid \
          WHERE p.pubname = $1 AND to_jsonb(r) ->> 'prqual' IS NOT NULL ORDER BY 1",
    )
    .persistent(false)
    .bind(publication)
    .fetch_all(connection)
    .await
}

fn listed(tables: &[String]) -> String {
    let mut text = tables[..tables.len().min(NAMED)].join(", ");
    if tables.len() > NAMED {
        text = format!("{text} and {} more", tables.len() - NAMED);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publication_that_leaves_tables_out_is_not_whole() {
        let tables = ["public.a".to_owned(), "public.b".to_owned()];
        assert_eq!(left_out("p", true, &[]), None);
        assert_eq!(left_out("p", false, &[]), None);
        let except = left_out("p", true, &tables).unwrap_or_default();
        assert!(except.contains("SET ALL TABLES"), "{except}");
        assert!(except.contains("public.a, public.b"), "{except}");
        let some = left_out("p", false, &tables).unwrap_or_default();
        assert_eq!(some, "ALTER PUBLICATION p ADD TABLE public.a, public.b");
    }

    #[test]
    fn wal_level_replica_suffices_from_19_on() {
        assert!(logs_rows(150_000, "logical") && !logs_rows(150_000, "replica"));
        assert!(logs_rows(190_000, "replica") && !logs_rows(190_000, "minimal"));
        assert!(!logs_rows(180_000, "replica"));
    }

    #[test]
    fn slot_that_was_invalidated_names_the_remedy() {
        for (reason, remedy) in [
            ("wal_removed", "max_slot_wal_keep_size"),
            ("rows_removed", "hot_standby_feedback"),
            ("wal_level_insufficient", "wal_level = logical"),
            ("idle_timeout", "idle_replication_slot_timeout"),
            ("something_new", "something_new"),
        ] {
            assert!(invalidated(reason).contains(remedy), "{reason}");
        }
    }
}
