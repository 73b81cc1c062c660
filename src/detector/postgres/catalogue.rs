//! The sum over everything besides rows of tables that decides what a SELECT answers.

/// Defines `catalogue(version)`: a number for each row of the system catalogues that an answer can depend on.
///
/// A row that is changed is a new version of it, at another place (`ctid`) and of another transaction (`xmin`); a dropped one
/// is missing. Neither VACUUM nor ANALYZE moves one, nor do temporary tables. What `initdb` made and was never changed
/// has the transaction 1 and is left out. `pg_class` tells of TRUNCATE, of every rewritten table, of each refresh of a
/// materialized view, and of rights.
///
/// Of the catalogues in the chapter "System Catalogs" of the manual these are left out: statistics, dependencies, comments,
/// default privileges, indexes, constraints of tables, triggers, subscriptions, replication origins, tablespaces, large objects and
/// the state of sequences (no report on these two is watched), user mappings and foreign tables (nor on these).
/// `pg_authid` may be read by superusers alone: `pg_roles` shows it without the passwords.
pub(super) const CATALOGUE: &str = r"
WITH spaces AS (
  SELECT oid, ctid, xmin FROM pg_namespace WHERE nspname NOT LIKE 'pg\_toast%' AND nspname NOT LIKE 'pg\_temp\_%'
), relations AS (
  SELECT c.oid, c.ctid, c.xmin FROM pg_class c JOIN spaces s ON s.oid = c.relnamespace WHERE c.relkind NOT IN ('i', 'I', 't')
), versions(kind, ctid, xmin) AS (
  SELECT 1, ctid, xmin FROM spaces
  UNION ALL SELECT 2, ctid, xmin FROM relations
  UNION ALL SELECT 3, a.ctid, a.xmin FROM pg_attribute a JOIN relations r ON r.oid = a.attrelid
  UNION ALL SELECT 4, w.ctid, w.xmin FROM pg_rewrite w JOIN relations r ON r.oid = w.ev_class
  UNION ALL SELECT 5, i.ctid, i.xmin FROM pg_inherits i JOIN relations r ON r.oid = i.inhrelid
  UNION ALL SELECT 6, d.ctid, d.xmin FROM pg_attrdef d JOIN relations r ON r.oid = d.adrelid
  UNION ALL SELECT 7, t.ctid, t.xmin FROM pg_type t JOIN spaces s ON s.oid = t.typnamespace WHERE t.typrelid = 0
  UNION ALL SELECT 8, p.ctid, p.xmin FROM pg_proc p JOIN spaces s ON s.oid = p.pronamespace
  UNION ALL SELECT 9, ctid, xmin FROM pg_aggregate
  UNION ALL SELECT 10, ctid, xmin FROM pg_operator
  UNION ALL SELECT 11, ctid, xmin FROM pg_amop
  UNION ALL SELECT 12, ctid, xmin FROM pg_amproc
  UNION ALL SELECT 13, ctid, xmin FROM pg_opclass
  UNION ALL SELECT 14, ctid, xmin FROM pg_opfamily
  UNION ALL SELECT 15, ctid, xmin FROM pg_cast
  UNION ALL SELECT 16, ctid, xmin FROM pg_collation
  UNION ALL SELECT 17, ctid, xmin FROM pg_conversion
  UNION ALL SELECT 18, ctid, xmin FROM pg_enum
  UNION ALL SELECT 19, ctid, xmin FROM pg_range
  UNION ALL SELECT 20, ctid, xmin FROM pg_language
  UNION ALL SELECT 21, ctid, xmin FROM pg_transform
  UNION ALL SELECT 22, ctid, xmin FROM pg_extension
  UNION ALL SELECT 23, ctid, xmin FROM pg_policy
  UNION ALL SELECT 24, ctid, xmin FROM pg_partitioned_table
  UNION ALL SELECT 25, ctid, xmin FROM pg_publication
  UNION ALL SELECT 26, ctid, xmin FROM pg_publication_rel
  UNION ALL SELECT 27, ctid, xmin FROM pg_ts_config
  UNION ALL SELECT 28, ctid, xmin FROM pg_ts_config_map
  UNION ALL SELECT 29, ctid, xmin FROM pg_ts_dict
  UNION ALL SELECT 30, ctid, xmin FROM pg_ts_parser
  UNION ALL SELECT 31, ctid, xmin FROM pg_ts_template
  UNION ALL SELECT 32, ctid, xmin FROM pg_seclabel
  UNION ALL SELECT 33, ctid, xmin FROM pg_shseclabel
  UNION ALL SELECT 34, ctid, xmin FROM pg_event_trigger
  UNION ALL SELECT 35, ctid, xmin FROM pg_auth_members
  UNION ALL SELECT 36, ctid, xmin FROM pg_db_role_setting
  UNION ALL SELECT 37, ctid, xmin FROM pg_database WHERE datname = current_database()
  UNION ALL SELECT 38, ctid, xmin FROM pg_constraint WHERE contypid <> 0
), catalogue(version) AS (
  SELECT hashtidextended(ctid, (kind::int8 << 32) | xmin::text::int8) FROM versions WHERE xmin <> '1'
  UNION ALL SELECT hashtextextended(r::text, 0) FROM pg_roles r
)";
