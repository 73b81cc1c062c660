-- Every order line of a region's customers since a day: the big one, for a spreadsheet or another program.
SELECT o_orderkey AS order_no, l_linenumber AS line_no, o_orderdate AS order_date, l_shipdate AS ship_date,
       o_orderpriority AS priority, c_name AS customer, c_mktsegment AS segment, n_name AS nation,
       l_partkey AS part_no, l_suppkey AS supplier_no, l_quantity AS quantity,
       $money(revenue_cents) AS revenue, l_returnflag AS return_flag, l_shipmode AS ship_mode
FROM order_facts
JOIN region ON r_regionkey = n_regionkey
WHERE o_orderdate >= :since AND (:region = 'ALL' OR r_name = :region)
ORDER BY o_orderdate, o_orderkey, l_linenumber
