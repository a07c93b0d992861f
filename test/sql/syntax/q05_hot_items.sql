-- Windows joined with an aggregate over the same windows.
CREATE TABLE hot (lot_nr BIGINT, n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO hot
SELECT each_lot.lot_nr, each_lot.n
FROM (SELECT lot_nr, COUNT(*) AS n, window_start AS opens, window_end AS ends
      FROM TABLE(HOP(TABLE offers, DESCRIPTOR(`at`), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
      GROUP BY lot_nr, window_start, window_end) AS each_lot
JOIN (SELECT MAX(c.n) AS most, c.opens, c.ends
      FROM (SELECT COUNT(*) AS n, window_start AS opens, window_end AS ends
            FROM TABLE(HOP(TABLE offers, DESCRIPTOR(`at`), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
            GROUP BY lot_nr, window_start, window_end) AS c
      GROUP BY c.opens, c.ends) AS busiest
ON each_lot.opens = busiest.opens AND each_lot.ends = busiest.ends AND each_lot.n >= busiest.most;
