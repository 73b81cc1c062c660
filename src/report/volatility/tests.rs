use super::super::Dialect::{self, MsSql, MySql, Postgres, Sqlite};
use super::super::{Params, Value, volatile_alone};
use super::volatile_value;

fn check(cases: &[(Dialect, &str, &str)]) {
    for (dialect, sql, want) in cases {
        let found = volatile_alone(sql, *dialect).unwrap_or_default();
        assert_eq!(found, *want, "{dialect:?} {sql}");
    }
}

#[test]
fn clock_and_chance_are_found_and_columns_are_not() {
    check(&[
        (
            Sqlite,
            "SELECT CURRENT_TIMESTAMP, count(*) FROM t",
            "CURRENT_TIMESTAMP",
        ),
        (
            Sqlite,
            "SELECT * FROM t WHERE d > date('now', '-1 day')",
            "'now'",
        ),
        (Sqlite, "SELECT now() - interval '1 day'", "now"),
        (Sqlite, "SELECT * FROM t ORDER BY random()", "random"),
        (Sqlite, "SELECT t.current_date, rand, [now] FROM t", ""),
        (Sqlite, "SELECT 'current_timestamp' /* now() */ FROM t", ""),
        (Sqlite, "SELECT date(), d", "date"),
        (Sqlite, "SELECT date(d), strftime('%Y', d), time FROM t", ""),
        (Sqlite, "SELECT strftime('%s') FROM t", "strftime"),
        (Postgres, "SELECT pg_catalog.now()", "now"),
        (Postgres, "SELECT now /* () */ ()", "now"),
        (Postgres, "SELECT \"now\"() FROM t", "now"),
        (Postgres, "SELECT age(born) FROM t", "age"),
        (Postgres, "SELECT age(died, least(born, abs(2))) FROM t", ""),
        (
            Postgres,
            "SELECT * FROM t TABLESAMPLE SYSTEM (1)",
            "TABLESAMPLE",
        ),
        (Postgres, "SELECT pg_relation_size('t')", "pg_relation_size"),
        (
            Postgres,
            "SELECT current_setting('app.tenant')",
            "current_setting",
        ),
        (Postgres, "SELECT xmax FROM t", "xmax"),
        (Postgres, "SELECT t.ctid FROM t", "ctid"),
        (
            Postgres,
            "SELECT pg_typeof(a), pg_sleep(1), utc_date FROM pg_stuff",
            "",
        ),
        (Postgres, "SELECT current_user, session_user", ""),
        (Postgres, "SHOW ALL", "SHOW"),
        (MySql, "SELECT UTC_DATE", "UTC_DATE"),
        (MySql, "SELECT unix_timestamp(d) FROM t", ""),
        (MySql, "SELECT unix_timestamp()", "unix_timestamp"),
        (MySql, "SELECT encrypt('a')", "encrypt"),
        (MySql, "SELECT user(), 1", "user"),
        (MySql, "SELECT DEFAULT(created) FROM t", "DEFAULT"),
        (MySql, "SELECT @@hostname", "@@hostname"),
        (MySql, "SELECT @left_over FROM t", "@left_over"),
        (MySql, "SELECT @n := @n + 1 FROM t, (SELECT @n := 0) x", ""),
        (MySql, "SELECT PREVIOUS VALUE FOR ids", "PREVIOUS"),
        (MySql, "SELECT a.show FROM a", ""),
        (
            MySql,
            "SELECT TIMESTAMP(TIME '10:00')",
            "the date that time lacks",
        ),
        (
            MySql,
            "SELECT CAST(sec_to_time(60) AS DATETIME)",
            "the date that sec_to_time lacks",
        ),
        (
            MySql,
            "SELECT TIMESTAMP(d), CAST(d AS DATE), TIME(d) FROM t",
            "",
        ),
        (MsSql, "SELECT @@SERVERNAME", "@@SERVERNAME"),
        (MsSql, "SELECT SYSDATETIMEOFFSET()", "SYSDATETIMEOFFSET"),
        (
            MsSql,
            "SELECT OBJECT_ID(N't'), object_id FROM t",
            "OBJECT_ID",
        ),
        (MsSql, "SELECT NEXT VALUE FOR ids", "NEXT"),
        (MsSql, "SELECT %%physloc%% FROM t", "%%physloc"),
        (MsSql, "SELECT USER_NAME(), SUSER_SNAME()", ""),
        (MsSql, "SELECT USER_NAME(5)", "USER_NAME"),
        (MsSql, "SELECT TOP (5) newid()", "newid"),
    ]);
}

#[test]
fn unknown_function_is_not_deterministic() {
    for dialect in [Sqlite, Postgres, MySql, MsSql] {
        let found = volatile_alone("SELECT some_new_function(a) FROM t", dialect);
        assert_eq!(found.as_deref(), Some("some_new_function"), "{dialect:?}");
    }
    // A name that the statement declares hides no function of that name.
    let hidden = "WITH x(a) AS (SELECT 1) SELECT * FROM x, (SELECT 1) AS now(b)";
    assert_eq!(volatile_alone(hidden, Postgres), None);
}

#[test]
fn words_of_the_grammar_are_no_functions() {
    check(&[
        (
            Postgres,
            "SELECT count(*) FILTER (WHERE a > 1) OVER (PARTITION BY b) FROM t",
            "",
        ),
        (
            Postgres,
            "SELECT CAST(a AS numeric(10, 2)), b::varchar(5) FROM t WHERE c IN (1) AND (d)",
            "",
        ),
        (
            Postgres,
            "WITH x (a, b) AS MATERIALIZED (SELECT 1, 2) SELECT * FROM x y(c, d)",
            "",
        ),
        (
            Postgres,
            "SELECT a FROM t GROUP BY GROUPING SETS ((a), ()), ROLLUP (a)",
            "",
        ),
        (
            Postgres,
            "SELECT ARRAY(SELECT a FROM t), EXISTS (SELECT 1), ROW(1, 2)",
            "",
        ),
        (
            Postgres,
            "SELECT sum(l_extendedprice * (1 - l_discount)) FROM lineitem WHERE l_shipdate <= \
          date '1998-12-01' - interval '90' day AND l_comment LIKE '%special%'",
            "",
        ),
        (
            Postgres,
            "SELECT extract(year FROM o_orderdate), substring(c_phone FROM 1 FOR 2) FROM orders",
            "",
        ),
        (
            MySql,
            "SELECT IF(a > 1, 'x', 'y'), DATE_FORMAT(d, '%Y-%m') FROM t USE INDEX (i) WHERE a IN (1)",
            "",
        ),
        (
            MySql,
            "SELECT CAST(a AS DECIMAL(10, 2)), DATE_SUB('2024-01-01', INTERVAL (1) DAY) FROM t",
            "",
        ),
        (
            MsSql,
            "SELECT TOP (10) a FROM t WITH (NOLOCK) WHERE d >= DATEADD(day, -1, '20240101') OPTION (RECOMPILE)",
            "",
        ),
        (
            MsSql,
            "SELECT x.value('(/a)[1]', 'int') FROM t CROSS APPLY t.doc.nodes('/a') AS n(x)",
            "",
        ),
        (
            Sqlite,
            "SELECT sum(a) OVER (ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
            "",
        ),
        (
            Sqlite,
            "SELECT * FROM (VALUES (1), (2)) JOIN t USING (a)",
            "",
        ),
    ]);
}

#[test]
fn text_that_becomes_the_moment_is_found() {
    check(&[
        (Sqlite, "SELECT datetime(\"now\")", "\"now\""),
        (Sqlite, "SELECT datetime('NOW')", "'NOW'"),
        (Sqlite, "SELECT unixepoch('subsec')", "'subsec'"),
        (
            Sqlite,
            "SELECT datetime(d, 'localtime') FROM t",
            "'localtime'",
        ),
        (Sqlite, "SELECT datetime('n' || 'ow')", "'n'"),
        (
            Sqlite,
            "SELECT date(char(110, 111, 119))",
            "a text that char makes",
        ),
        (Sqlite, "SELECT date(x'6e6f77')", "'6e6f77'"),
        (
            Sqlite,
            "SELECT date(:a || :b)",
            "a text put together with :a",
        ),
        (Postgres, "SELECT * FROM t WHERE d = 'today'", "'today'"),
        (Postgres, "SELECT 'today 10:00'::timestamp", "'today 10:00'"),
        (Postgres, "SELECT 'now '::timestamptz", "'now '"),
        (
            Postgres,
            "SELECT * FROM t WHERE d < 'today10:00'",
            "'today10:00'",
        ),
        (Postgres, "SELECT date 'tomorrow'", "'tomorrow'"),
        (Postgres, "SELECT '{now}'::date[], 1", "'{now}'"),
        (
            Postgres,
            "SELECT '[2024-01-01,now)'::daterange",
            "'[2024-01-01,now)'",
        ),
        (Postgres, "SELECT E'\\x6eow'::date", "E'\\x6eow'"),
        (Postgres, "SELECT U&'\\006eow'::date", "'\\006eow'"),
        (Postgres, "SELECT $$now$$::date", "$$now$$"),
        (Postgres, "SELECT 'no'\n'w'::date", "'no'"),
        (Postgres, "SELECT ('no' || 'w')::date", "'no'"),
        (Postgres, "SELECT ('no' || 'w')::text::date", "'no'"),
        (Postgres, "SELECT concat('no', 'w')::timestamp", "'no'"),
        (
            Postgres,
            "SELECT CAST(chr(110) || 'ow' AS date)",
            "a text that chr makes",
        ),
        (Postgres, "SELECT timestamp with time zone 'noon'", "'noon'"),
        (
            Postgres,
            "SELECT * FROM json_to_record('{}') AS x(d date)",
            "the record's column d",
        ),
        (
            Postgres,
            "SELECT date(reverse('won'))",
            "a text that reverse makes",
        ),
    ]);
}

#[test]
fn plain_dates_stay_watched() {
    check(&[
        (
            Sqlite,
            "SELECT date(d, 'start of month', '+1 month', '-1 day'), datetime(n, 'unixepoch') FROM t",
            "",
        ),
        (
            Sqlite,
            "SELECT date(y || '-' || printf('%02d', m) || '-01'), date(\"order date\") FROM t",
            "",
        ),
        (
            Sqlite,
            "SELECT julianday('2024-01-01T10:00:00Z') - julianday(substr(d, 1, 10)) FROM t",
            "",
        ),
        (
            Sqlite,
            "SELECT date(json_extract(doc, '$.created')), date(doc ->> '$.at') FROM t",
            "",
        ),
        (
            Postgres,
            "SELECT '2024-01-01'::date, timestamp '2024-01-01 10:00:00', d::date FROM t",
            "",
        ),
        (
            Postgres,
            "SELECT date_trunc('month', d)::date, (d + interval '1 month')::date FROM t",
            "",
        ),
        (
            Postgres,
            "SELECT (d AT TIME ZONE 'Europe/Berlin')::date, to_date(s, 'DD Mon YYYY') FROM t",
            "",
        ),
        (
            Postgres,
            "SELECT (doc ->> 'created')::timestamptz, 'open'::status FROM t WHERE s = 'nowhere'",
            "",
        ),
        (
            Postgres,
            "SELECT max(CASE WHEN kind = 'daily' THEN d END)::date FROM t",
            "",
        ),
        (
            Postgres,
            "SELECT ('2024-01-01'::text)::date, 'infinity'::date, '{2024-01-01}'::date[]",
            "",
        ),
        (
            Postgres,
            "SELECT generate_series('2024-01-01'::date, '2024-02-01', '1 day')::date",
            "",
        ),
    ]);
}

#[test]
fn parameter_value_may_be_the_moment() {
    let of =
        |value: Value, dialect| volatile_value(&Params(vec![("since".to_owned(), value)]), dialect);
    let text = |text: &str| Value::Text(text.to_owned());
    let told = Some("the value of :since".to_owned());
    assert_eq!(of(text("today 10:00"), Postgres), told);
    assert_eq!(of(text("Now"), Sqlite), told);
    assert_eq!(of(text("localtime"), Sqlite), told);
    assert_eq!(
        of(Value::List(vec![text("a"), text("now")]), Postgres),
        told
    );
    assert_eq!(of(text("2024-01-01"), Postgres), None);
    assert_eq!(of(text("nowhere"), Sqlite), None);
    assert_eq!(of(text("now"), MySql), None);
    assert_eq!(of(Value::Integer(1), Postgres), None);
}
