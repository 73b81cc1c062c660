-- The customers of some market segments who bought most, with the days between their orders.
WITH placed AS (
  SELECT o_custkey, o_orderkey, o_orderdate,
         lag(o_orderdate) OVER (PARTITION BY o_custkey ORDER BY o_orderdate, o_orderkey) AS previous
  FROM orders
  WHERE o_orderdate < :as_of
),
bought AS (
  SELECT o_custkey, count(DISTINCT o_orderkey) AS orders, count(*) AS order_lines,
         sum($net) AS revenue_cents,
         min(o_orderdate) AS first_order, max(o_orderdate) AS last_order,
         avg($days(o_orderdate, previous)) AS days_between
  FROM placed JOIN lineitem ON l_orderkey = o_orderkey
  GROUP BY o_custkey
)
SELECT c_name AS customer, c_mktsegment AS segment, n_name AS nation, orders, order_lines,
       $money(revenue_cents) AS revenue,
       first_order, last_order, round(days_between, 1) AS days_between_orders
FROM bought JOIN customer ON c_custkey = o_custkey JOIN nation ON n_nationkey = c_nationkey
WHERE c_mktsegment IN (:segments)
ORDER BY revenue_cents DESC, c_custkey
LIMIT 50
