//! How roles, rights, policies and connections of the PostgreSQL database are changed at random.

/// Kinds of change that every round holds.
pub(super) const RIGHTS: &[(&str, &[&str])] = &[
    (
        "policies",
        &[
            "ALTER POLICY everybody ON salaries USING (n < {n})",
            "CREATE POLICY more ON salaries FOR SELECT TO plain USING (n > 15)",
            "DROP POLICY more ON salaries",
            "ALTER TABLE diary DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE diary ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY only_even ON diary AS RESTRICTIVE USING (n % 2 = 0)",
            "DROP POLICY only_even ON diary",
            "ALTER POLICY payroll ON salaries TO clerks",
            "ALTER POLICY payroll ON salaries TO payroll",
        ],
    ),
    (
        "owner of a table",
        &[
            "ALTER TABLE diary OWNER TO rep",
            "ALTER TABLE diary FORCE ROW LEVEL SECURITY",
            "ALTER TABLE diary NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE diary OWNER TO tester;;GRANT SELECT ON diary TO readers",
        ],
    ),
    (
        "membership",
        &["GRANT payroll TO rep", "REVOKE payroll FROM rep"],
    ),
    (
        "membership by way of a role",
        &[
            "GRANT payroll TO clerks;;GRANT clerks TO plain",
            "REVOKE clerks FROM plain;;REVOKE payroll FROM clerks",
        ],
    ),
    (
        "membership of an owner",
        &["GRANT payroll TO keeper", "REVOKE payroll FROM keeper"],
    ),
    (
        "membership in the owner",
        &[
            "ALTER TABLE diary OWNER TO clerks;;GRANT clerks TO rep",
            "REVOKE clerks FROM rep;;ALTER TABLE diary OWNER TO tester",
        ],
    ),
    (
        "membership in the readers",
        &["REVOKE readers FROM plain", "GRANT readers TO plain"],
    ),
    (
        "attributes of a role",
        &[
            "ALTER ROLE rep BYPASSRLS",
            "ALTER ROLE rep NOBYPASSRLS",
            "ALTER ROLE keeper BYPASSRLS",
            "ALTER ROLE keeper NOBYPASSRLS",
            "ALTER ROLE plain SUPERUSER",
            "ALTER ROLE plain NOSUPERUSER",
            "ALTER ROLE rep NOINHERIT",
            "ALTER ROLE rep INHERIT",
        ],
    ),
    (
        "name of a role",
        &[
            "ALTER ROLE payroll RENAME TO wages",
            "ALTER ROLE wages RENAME TO payroll",
        ],
    ),
    (
        "role as a setting",
        &[
            "GRANT payroll TO rep",
            "ALTER ROLE rep SET role = payroll",
            "ALTER ROLE rep RESET role",
            "REVOKE payroll FROM rep",
        ],
    ),
    (
        "grants",
        &[
            "REVOKE SELECT ON secret FROM readers",
            "GRANT SELECT ON secret TO readers",
            "REVOKE SELECT (a) ON partial FROM readers",
            "GRANT SELECT (a) ON partial TO readers",
            "REVOKE USAGE ON SCHEMA vault FROM readers",
            "GRANT USAGE ON SCHEMA vault TO readers",
            "REVOKE SELECT ON salaries FROM keeper",
            "GRANT SELECT ON salaries TO keeper",
            "REVOKE EXECUTE ON FUNCTION tax(int) FROM PUBLIC",
            "GRANT EXECUTE ON FUNCTION tax(int) TO PUBLIC",
            "GRANT SELECT ON payroll_secret TO PUBLIC",
            "REVOKE SELECT ON payroll_secret FROM PUBLIC",
        ],
    ),
    (
        "maintenance",
        &[
            "VACUUM orders",
            "ANALYZE",
            "REINDEX TABLE orders",
            "CLUSTER orders USING orders_pkey",
            "CHECKPOINT",
            "SELECT pg_switch_wal()",
            "COMMENT ON TABLE orders IS 'n{n}'",
            "CREATE TEMPORARY TABLE passing AS SELECT 1 AS a",
        ],
    ),
    (
        "ended connections",
        &[
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename IN ('rep', 'plain')",
        ],
    ),
];
