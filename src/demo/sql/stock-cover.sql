-- Parts that a supplier will soon be out of: stock against what went out per day since his first delivery of the part.
WITH demand AS (
  SELECT ps_partkey, ps_suppkey, ps_availqty,
         (SELECT sum(l_quantity) FROM lineitem
          WHERE l_partkey = ps_partkey AND l_suppkey = ps_suppkey) AS sold,
         (SELECT min(l_shipdate) FROM lineitem
          WHERE l_partkey = ps_partkey AND l_suppkey = ps_suppkey) AS first_shipped
  FROM partsupp
)
SELECT p_name AS part, p_brand AS brand, s_name AS supplier, ps_availqty AS in_stock, sold, first_shipped,
       round(1.0 * ps_availqty * $days($date(1998-12-31), first_shipped) / sold, 1) AS days_of_cover
FROM demand
JOIN part ON p_partkey = ps_partkey
JOIN supplier ON s_suppkey = ps_suppkey
WHERE sold > 0
  AND 1.0 * ps_availqty * $days($date(1998-12-31), first_shipped) / sold <= :max_days
ORDER BY days_of_cover, ps_partkey, ps_suppkey
