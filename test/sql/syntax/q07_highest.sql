-- A window's maximum joined back by time.
CREATE TABLE highest (lot_nr BIGINT, amount BIGINT, who BIGINT, `at` TIMESTAMP(3)) WITH ('connector' = 'blackhole');
INSERT INTO highest
SELECT o.lot_nr, o.amount, o.who, o.`at`
FROM offers o
JOIN (SELECT window_end AS ends, MAX(amount) AS top
      FROM TABLE(TUMBLE(TABLE offers, DESCRIPTOR(`at`), INTERVAL '10' SECOND)) GROUP BY window_start, window_end) m
ON o.amount = m.top
WHERE o.`at` BETWEEN m.ends - INTERVAL '10' SECOND AND m.ends;
