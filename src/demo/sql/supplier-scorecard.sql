-- Every supplier's reliability over all he ever delivered, and his place in his nation.
WITH delivered AS (
  SELECT l_suppkey,
         count(*) AS order_lines, count(DISTINCT l_orderkey) AS orders, count(DISTINCT l_partkey) AS parts,
         sum(CASE WHEN l_receiptdate > l_commitdate THEN 1 ELSE 0 END) AS late,
         sum(CASE WHEN l_returnflag = 'R' THEN 1 ELSE 0 END) AS returned,
         avg($days(l_receiptdate, l_shipdate)) AS days_under_way,
         sum($net) AS revenue_cents
  FROM lineitem
  GROUP BY l_suppkey
)
SELECT s_name AS supplier, n_name AS nation, order_lines, orders, parts,
       $ratio(100 * (order_lines - late), order_lines) AS on_time_percent,
       $ratio(100 * returned, order_lines) AS returned_percent,
       round(days_under_way, 2) AS days_under_way,
       $money(revenue_cents) AS revenue,
       rank() OVER (PARTITION BY n_nationkey ORDER BY 1.0 * late / order_lines, s_suppkey) AS place_in_nation
FROM delivered JOIN supplier ON s_suppkey = l_suppkey JOIN nation ON n_nationkey = s_nationkey
WHERE order_lines >= :min_lines
ORDER BY nation, place_in_nation
