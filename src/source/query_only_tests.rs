#![allow(clippy::unwrap_used)]

use super::check;
use crate::report::Dialect::{self, MsSql, MySql, Postgres, Sqlite};

/// What people write, in each dialect; all of it must be readable.
const READS: &[(Dialect, &str)] = &[
    (
        Postgres,
        "SELECT date_trunc('month', o.at)::date AS m, sum(o.total) FILTER (WHERE o.paid), count(DISTINCT c.id) FROM orders o JOIN customers c USING (id) WHERE o.at >= now() - interval '1 year' GROUP BY 1 HAVING sum(o.total) > 10 ORDER BY 1 DESC NULLS LAST LIMIT 10 OFFSET 5",
    ),
    (
        Postgres,
        "WITH RECURSIVE t(n, p) AS (SELECT 1, ARRAY[1] UNION ALL SELECT n + 1, p || n FROM t WHERE n < 10) SELECT * FROM t",
    ),
    (
        Postgres,
        "WITH x AS MATERIALIZED (SELECT 1 AS a), y AS NOT MATERIALIZED (SELECT 2 AS a) SELECT * FROM x UNION (SELECT * FROM y) ORDER BY 1",
    ),
    (
        Postgres,
        "SELECT DISTINCT ON (a) a, b, row_number() OVER (PARTITION BY a ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES), lag(b) OVER w FROM t WINDOW w AS (ORDER BY b)",
    ),
    (
        Postgres,
        "SELECT j->'a'->>'b', j#>>'{a,b}', j @> '{\"a\":1}', j ? 'a', j ?| ARRAY['a','b'], a[1], a[1:2], (r).f, x::numeric(10,2), CAST(x AS text), E'a\\'b', $$x$$, U&'\\0041', B'101', X'1F' FROM t",
    ),
    (
        Postgres,
        "SELECT * FROM a, LATERAL (SELECT * FROM b WHERE b.i = a.i LIMIT 3) l LEFT JOIN LATERAL unnest(l.xs) WITH ORDINALITY AS u(x, n) ON true",
    ),
    (
        Postgres,
        "SELECT * FROM generate_series(1, 3) AS g(i), unnest(ARRAY[1, 2], ARRAY['a', 'b']) AS u(a, b), json_to_recordset('[]') AS r(a int, b text)",
    ),
    (
        Postgres,
        "SELECT a, b, GROUPING(a), sum(c) FROM t GROUP BY GROUPING SETS ((a, b), (a), ()), ROLLUP (a), CUBE (b)",
    ),
    (
        Postgres,
        "SELECT extract(epoch FROM a), position('a' IN b), substring(b FROM 1 FOR 2), substring(b FROM 'x'), trim(BOTH 'x' FROM b), overlay(b PLACING 'x' FROM 1), a AT TIME ZONE 'UTC', b COLLATE \"C\", b ILIKE 'x%' ESCAPE '!', b SIMILAR TO 'x', b ~* 'x', a IS NOT DISTINCT FROM b, a BETWEEN SYMMETRIC 1 AND 2 FROM t",
    ),
    (
        Postgres,
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a), array_agg(a ORDER BY b DESC), string_agg(DISTINCT a, ',' ORDER BY a), mode() WITHIN GROUP (ORDER BY a) FROM t",
    ),
    (
        Postgres,
        "SELECT CASE a WHEN 1 THEN 'x' ELSE NULL END, coalesce(a, b), nullif(a, b), greatest(a, b), a = ANY (ARRAY[1, 2]), a <> ALL (SELECT 1), EXISTS (SELECT 1), NOT (a AND b), ROW(1, 2) = (1, 2), (SELECT max(a) FROM t), -a, @ -1, |/ 4.0, 2 ^ 3, a % 2, a # b, ~a, a << 1 FROM t",
    ),
    (Postgres, "VALUES (1, 'a'), (2, 'b')"),
    (
        Postgres,
        "SELECT * FROM t TABLESAMPLE BERNOULLI (10) REPEATABLE (1) FETCH FIRST 5 ROWS ONLY",
    ),
    (Postgres, "SELECT * FROM ONLY parent"),
    (
        Postgres,
        "SELECT \"Weird Name\".\"Column\", count(*) AS \"count\" FROM \"Weird Name\" GROUP BY \"Weird Name\".\"Column\"",
    ),
    (
        Postgres,
        "SELECT a FROM t WHERE (a, b) IN (SELECT 1, 2) AND a NOT IN (1, 2) AND b NOT LIKE '%x' AND c IS NOT TRUE",
    ),
    (
        Postgres,
        "SELECT make_interval(days => 1), f(a := 1), f(VARIADIC ARRAY[1]), current_date, current_timestamp(0), localtime, current_user, date '2024-01-01', timestamp with time zone '2024-01-01 00:00+00', time '12:00', interval '1' day",
    ),
    (
        Postgres,
        "SELECT a FROM t1 NATURAL JOIN t2 FULL OUTER JOIN t3 ON t1.a = t3.a CROSS JOIN t4 RIGHT JOIN t5 USING (a)",
    ),
    (
        Postgres,
        "SELECT a FROM t EXCEPT ALL SELECT a FROM u INTERSECT SELECT 1",
    ),
    (Postgres, "SHOW server_version"),
    (
        Postgres,
        "SELECT to_tsvector('english', a) @@ plainto_tsquery('x'), a <-> b, a && b, a -|- b, a <@ b FROM t",
    ),
    (
        Postgres,
        "SELECT jsonb_path_query(a, '$.b[*] ? (@.c > 1)'), a #- '{b}', a || b FROM t, jsonb_array_elements(a) e",
    ),
    (
        Postgres,
        "SELECT x FROM XMLTABLE('/a' PASSING '<a/>' COLUMNS x text PATH 'b') t",
    ),
    (
        MySql,
        "SELECT DATE_FORMAT(o.at, '%Y-%m') AS m, SUM(o.total), COUNT(DISTINCT o.c), GROUP_CONCAT(DISTINCT a ORDER BY b DESC SEPARATOR ', ') FROM `orders` o JOIN c USING (id) WHERE o.at >= DATE_SUB(NOW(), INTERVAL 1 YEAR) GROUP BY m WITH ROLLUP HAVING SUM(o.total) > 10 ORDER BY m DESC LIMIT 5, 10",
    ),
    (
        MySql,
        "SELECT IF(a > 1, 'x', \"y\"), IFNULL(a, b), a <=> b, a DIV 2, a MOD 2, a XOR b, a && b, a REGEXP 'x', a RLIKE 'y', NOT a, !a, a << 1, CAST(a AS SIGNED), CAST(a AS DECIMAL(10,2)), CAST(a AS CHAR), CONVERT(a USING utf8mb4), BINARY a, _utf8mb4'x', x'1F', b'101', 0x1F, N'x' FROM t",
    ),
    (
        MySql,
        "SELECT a->'$.b', a->>'$.b', JSON_EXTRACT(a, '$.b'), JSON_UNQUOTE(a), JSON_ARRAYAGG(a), JSON_OBJECTAGG(a, b) FROM t",
    ),
    (
        MySql,
        "SELECT j.x FROM t, JSON_TABLE(t.a, '$[*]' COLUMNS (x INT PATH '$.x')) AS j",
    ),
    (
        MySql,
        "SELECT SQL_NO_CACHE STRAIGHT_JOIN a FROM t USE INDEX (i) FORCE INDEX FOR ORDER BY (j) IGNORE INDEX (k) WHERE MATCH (a) AGAINST ('x' IN BOOLEAN MODE)",
    ),
    (
        MySql,
        "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 5) SELECT n, ROW_NUMBER() OVER (ORDER BY n), SUM(n) OVER (PARTITION BY n % 2 ORDER BY n ROWS UNBOUNDED PRECEDING) FROM c",
    ),
    (
        MySql,
        "SELECT DATE_ADD(a, INTERVAL 1 DAY), a + INTERVAL 1 MONTH, TIMESTAMPDIFF(DAY, a, b), TIMESTAMPADD(HOUR, 1, a), EXTRACT(YEAR_MONTH FROM a), DATE(a), TIME(a), YEAR(a), WEEK(a, 3), CURDATE(), CURRENT_DATE, UTC_TIMESTAMP(), UNIX_TIMESTAMP(a), STR_TO_DATE(a, '%d.%m.%Y'), SUBSTRING_INDEX(a, ',', 1), TRIM(LEADING 'x' FROM a), REPLACE(a, 'x', 'y'), LEFT(a, 2), RIGHT(a, 2), REPEAT('x', 3), CHAR(65), ELT(1, 'a'), FIELD('a', 'b'), FORMAT(a, 2) FROM t",
    ),
    (
        MySql,
        "SELECT @n := @n + 1, @@version, VALUES(a) FROM t, (SELECT @n := 0) x",
    ),
    (MySql, "SELECT * FROM t PARTITION (p0)"),
    (MySql, "SHOW TABLES"),
    (MySql, "SHOW FULL PROCESSLIST"),
    (MySql, "SHOW TABLE STATUS LIKE 'a%'"),
    (
        MySql,
        "SELECT a FROM t WHERE a IN ('x', 'y') AND b = TRUE AND c IS NOT NULL AND d NOT BETWEEN 1 AND 2 AND e LIKE 'a\\%' AND EXISTS (SELECT 1 FROM u WHERE u.a = t.a)",
    ),
    (MySql, "(SELECT 1) UNION ALL (SELECT 2) ORDER BY 1 LIMIT 1"),
    (MySql, "SELECT 1 FROM DUAL"),
    (MySql, "SELECT /*+ MAX_EXECUTION_TIME(1) */ 1"),
    (MySql, "SELECT a /* x */ -- y\n# z\nFROM t"),
    (
        Sqlite,
        "SELECT strftime('%Y-%m', o.at) AS m, sum(o.total), count(DISTINCT c), group_concat(a, ', '), total(b) FILTER (WHERE b > 1) FROM \"orders\" o LEFT JOIN [c] USING (id) WHERE o.at >= date('2024-01-01', '-1 year') GROUP BY m HAVING sum(o.total) > 10 ORDER BY m DESC NULLS LAST LIMIT 10 OFFSET 5",
    ),
    (
        Sqlite,
        "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 10) SELECT i, row_number() OVER (ORDER BY i), sum(i) OVER w FROM c WINDOW w AS (PARTITION BY i % 2 ORDER BY i RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
    ),
    (
        Sqlite,
        "SELECT j.value, json_extract(a, '$.b'), a -> '$.b', a ->> 'b', x'1F', 'a' || 'b', a IS b, a IS NOT 1, a GLOB 'x*', a LIKE 'x' ESCAPE '!', a == b, a <> b, CAST(a AS TEXT), CASE WHEN a THEN 1 END, iif(a, 1, 2), printf('%d', a), a COLLATE NOCASE, a NOT NULL, a ISNULL, +a, ~a, a & b, a | b, a << 1, rowid, _rowid_ FROM t, json_each(t.a) j",
    ),
    (
        Sqlite,
        "SELECT * FROM t INDEXED BY i WHERE a IN (1, 2) AND (a, b) = (1, 2) AND EXISTS (SELECT 1) AND a BETWEEN 1 AND 2",
    ),
    (Sqlite, "SELECT * FROM t NOT INDEXED"),
    (Sqlite, "VALUES (1, 'a'), (2, 'b')"),
    (
        Sqlite,
        "SELECT max(a, b), min(a), length(a), substr(a, 1, 2), replace(a, 'x', 'y'), round(a, 2), abs(a), typeof(a), ifnull(a, b), instr(a, 'x'), julianday(a), datetime(a, 'unixepoch'), hex(a), lower(a), trim(a), random(), unicode(a), char(65), likely(a) FROM t EXCEPT SELECT 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19",
    ),
    (Sqlite, "SELECT * FROM ft WHERE ft MATCH 'x' ORDER BY rank"),
    (Sqlite, "SELECT name FROM pragma_table_info('t')"),
    (
        MsSql,
        "SELECT TOP (10) WITH TIES o.[at], SUM(o.total) AS [sum of it], COUNT_BIG(*), STRING_AGG(c.name, ', ') WITHIN GROUP (ORDER BY c.name) FROM dbo.orders AS o WITH (NOLOCK) INNER JOIN [dbo].[customers] c ON c.id = o.id WHERE o.at >= DATEADD(year, -1, GETDATE()) GROUP BY o.[at] HAVING SUM(o.total) > 10 ORDER BY o.[at] DESC",
    ),
    (
        MsSql,
        "SELECT a FROM t ORDER BY a OFFSET 5 ROWS FETCH NEXT 10 ROWS ONLY",
    ),
    (
        MsSql,
        "SELECT x = a, [y] = b, 'z' = c, N'é' AS n, IIF(a = 1, 2, 3), CHOOSE(1, 'a'), TRY_CONVERT(int, a), CONVERT(varchar(10), a, 120), TRY_CAST(a AS date), CAST(a AS decimal(10, 2)), ISNULL(a, b), a % 2, a ^ b, ~a, a COLLATE Latin1_General_CI_AS FROM t",
    ),
    (
        MsSql,
        "WITH c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 10) SELECT n, ROW_NUMBER() OVER (PARTITION BY n ORDER BY n DESC), SUM(n) OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), LAG(n, 1, 0) OVER (ORDER BY n) FROM c OPTION (MAXRECURSION 0)",
    ),
    (
        MsSql,
        "SELECT * FROM t CROSS APPLY (SELECT TOP 1 * FROM u WHERE u.i = t.i) x OUTER APPLY STRING_SPLIT(t.a, ',') s",
    ),
    (
        MsSql,
        "SELECT * FROM (SELECT a, b, c FROM t) s PIVOT (SUM(c) FOR b IN ([x], [y])) p",
    ),
    (
        MsSql,
        "SELECT u.n, u.v FROM t UNPIVOT (v FOR n IN (a, b)) u",
    ),
    (
        MsSql,
        "SELECT * FROM OPENJSON('[{\"a\":1}]') WITH (a int '$.a')",
    ),
    (
        MsSql,
        "SELECT JSON_VALUE(a, '$.b'), JSON_QUERY(a, '$.c'), a.value('(/x)[1]', 'int'), GETDATE(), SYSDATETIME(), CURRENT_TIMESTAMP, DATEDIFF(day, a, b), DATEPART(week, a), FORMAT(a, 'yyyy'), EOMONTH(a), DATEFROMPARTS(2024, 1, 1), CONCAT(a, b), LEN(a), SUBSTRING(a, 1, 2), CHARINDEX('x', a), STUFF(a, 1, 2, ''), LEFT(a, 2), RIGHT(a, 2), REPLACE(a, 'x', 'y'), NEWID(), @@ROWCOUNT, SCOPE_IDENTITY() FROM t",
    ),
    (
        MsSql,
        "SELECT a, GROUPING(a) FROM t GROUP BY GROUPING SETS ((a), ())",
    ),
    (MsSql, "SELECT a, SUM(b) FROM t GROUP BY a WITH ROLLUP"),
    (MsSql, "SELECT a FROM t GROUP BY ROLLUP (a), CUBE (a)"),
    (MsSql, "SELECT a FROM t FOR XML PATH('x'), ROOT('y')"),
    (MsSql, "SELECT a FROM t FOR JSON PATH"),
    (
        MsSql,
        "SELECT a AT TIME ZONE 'UTC', a AT TIME ZONE 'UTC' AT TIME ZONE 'Central European Standard Time' FROM t",
    ),
    (MsSql, "SELECT a FROM t OPTION (RECOMPILE)"),
    (
        MsSql,
        "SELECT a FROM server.db.dbo.t WHERE a LIKE '[a-z]%' ESCAPE '!' AND a NOT IN (1) AND EXISTS (SELECT * FROM u) AND a <> ALL (SELECT 1)",
    ),
    (
        MsSql,
        "SELECT a FROM t EXCEPT SELECT a FROM u INTERSECT SELECT 1",
    ),
    (MsSql, "SELECT a FROM t FOR SYSTEM_TIME AS OF '2024-01-01'"),
    (MsSql, "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) v (i, t)"),
    (MsSql, "SELECT DISTINCT a FROM t TABLESAMPLE (10 PERCENT)"),
    (
        MsSql,
        "SELECT a, b FROM t LEFT OUTER HASH JOIN u ON t.i = u.i FULL JOIN v ON 1 = 1 CROSS JOIN w",
    ),
    (MsSql, "SELECT dbo.f(a), sys.fn_x(1) FROM dbo.tvf(1, 'x') x"),
    (MsSql, "SELECT $1.5, 0x1F, 1e3, .5, 2. FROM t"),
    (MsSql, "SELECT #t.a FROM #t"),
];

#[test]
fn queries_that_people_write_can_be_read() {
    let unread: Vec<String> = READS
        .iter()
        .filter_map(|(dialect, sql)| {
            let error = check(sql, *dialect).err()?;
            Some(format!("{dialect:?} {sql}\n  {error}\n"))
        })
        .collect();
    assert!(unread.is_empty(), "{}", unread.concat());
}

#[test]
fn query_that_acts_is_refused_with_its_reason() {
    for (dialect, sql, why) in [
        (
            MySql,
            "SELECT GET_LOCK('a', 1)",
            "calls the function get_lock",
        ),
        (MySql, "SELECT shop.now()", "calls the function shop.now"),
        (
            MySql,
            "SELECT 1 + (SELECT sys_exec('x'))",
            "calls the function sys_exec",
        ),
        (
            MySql,
            "SELECT 1 --sys_exec('x')",
            "calls the function sys_exec",
        ),
        (MySql, "SHOW TABLES WHERE sys_exec('x')", "is not a SELECT"),
        (
            Sqlite,
            "SELECT load_extension('x')",
            "calls the function load_extension",
        ),
        (
            Sqlite,
            "SELECT a FROM t ORDER BY fts3_tokenizer('a')",
            "calls the function fts3_tokenizer",
        ),
        (Postgres, "SELECT 1; SELECT 2", "more than one statement"),
        (Postgres, "SELECT 1 AS a INTO t", "INTO"),
        (Postgres, "SELECT 1 FROM t FOR UPDATE", "locks"),
        (Postgres, "EXPLAIN SELECT 1", "is not a SELECT"),
        (MsSql, "SELECT 1 SELECT 2", "cannot be parsed"),
        (MsSql, "PRINT 'a'", "is not a SELECT"),
        (Sqlite, "", "is empty"),
    ] {
        let error = check(sql, dialect).unwrap_err().to_string();
        assert!(
            error.contains(why) && error.contains("trusted_sql = true"),
            "{sql}: {error}"
        );
    }
}
