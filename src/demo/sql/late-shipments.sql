-- Lines that reached the customer too late although every other supplier of the same order was on time.
SELECT n_name AS supplier_nation, l_shipmode AS ship_mode,
       count(*) AS late_lines, count(DISTINCT late.l_suppkey) AS suppliers,
       round(avg($days(l_receiptdate, l_commitdate)), 1) AS days_late,
       max($days(l_receiptdate, l_commitdate)) AS worst_days,
       $money(sum($net)) AS revenue_at_risk
FROM lineitem AS late
JOIN supplier ON s_suppkey = late.l_suppkey
JOIN nation ON n_nationkey = s_nationkey
JOIN orders ON o_orderkey = late.l_orderkey
WHERE $days(l_receiptdate, l_commitdate) >= :min_days
  AND o_orderdate >= :since
  AND EXISTS (SELECT 1 FROM lineitem AS other
              WHERE other.l_orderkey = late.l_orderkey AND other.l_suppkey <> late.l_suppkey)
  AND NOT EXISTS (SELECT 1 FROM lineitem AS other
                  WHERE other.l_orderkey = late.l_orderkey AND other.l_suppkey <> late.l_suppkey
                    AND other.l_receiptdate > other.l_commitdate)
GROUP BY n_name, l_shipmode
ORDER BY late_lines DESC, supplier_nation, ship_mode
