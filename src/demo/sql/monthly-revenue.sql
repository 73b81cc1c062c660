-- Revenue of each nation's customers by month, with its share of that month's revenue.
SELECT n_name AS nation, $month(o_orderdate) AS month,
       count(DISTINCT o_orderkey) AS orders,
       $money(sum(revenue_cents)) AS revenue,
       $ratio(100 * sum(revenue_cents), sum(sum(revenue_cents)) OVER (PARTITION BY $month(o_orderdate))) AS share_percent
FROM order_facts
WHERE o_orderdate >= :since
GROUP BY n_name, $month(o_orderdate)
ORDER BY month, revenue DESC, nation
