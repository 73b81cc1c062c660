-- What is left of the revenue after the cost of supply, by the supplier's nation and the year of the order.
SELECT n_name AS nation, $year(o_orderdate) AS year,
       count(*) AS order_lines,
       $money(sum($net)) AS revenue,
       $money(sum($net - $cents(ps_supplycost) * l_quantity)) AS margin,
       $ratio(100 * sum($net - $cents(ps_supplycost) * l_quantity), sum($net)) AS margin_percent
FROM lineitem
JOIN orders ON o_orderkey = l_orderkey
JOIN partsupp ON ps_partkey = l_partkey AND ps_suppkey = l_suppkey
JOIN supplier ON s_suppkey = l_suppkey
JOIN nation ON n_nationkey = s_nationkey
WHERE $percent(l_discount) >= :min_discount * 100
  AND (:include_returned OR l_returnflag <> 'R')
GROUP BY n_name, $year(o_orderdate)
ORDER BY nation, year
