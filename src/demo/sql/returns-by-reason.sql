-- Why lines came back, as far as the data tells, and what it cost, by year and kind of part.
WITH returned AS (
  SELECT l_orderkey, l_shipdate, $net AS revenue_cents, p_mfgr,
         CASE WHEN $days(l_receiptdate, l_commitdate) > 30 THEN 'more than a month late'
              WHEN l_receiptdate > l_commitdate THEN 'late'
              WHEN l_shipinstruct = 'NONE' THEN 'left at the door'
              WHEN $percent(l_discount) >= 9 THEN 'bargain not kept'
              WHEN l_shipmode IN ('TRUCK', 'RAIL') AND p_container LIKE '%CASE' THEN 'damaged on the way'
              ELSE 'not told' END AS reason
  FROM lineitem JOIN part ON p_partkey = l_partkey
  WHERE l_returnflag = 'R' AND l_shipdate >= :since
)
SELECT reason, $year(l_shipdate) AS year, p_mfgr AS manufacturer,
       count(*) AS returned_lines, count(DISTINCT l_orderkey) AS orders,
       $money(sum(revenue_cents)) AS refunded,
       $ratio(100 * count(*), sum(count(*)) OVER (PARTITION BY $year(l_shipdate))) AS share_percent
FROM returned
GROUP BY reason, $year(l_shipdate), p_mfgr
ORDER BY year, returned_lines DESC, reason, manufacturer
