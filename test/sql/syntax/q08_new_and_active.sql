-- Two windows joined on their bounds.
CREATE TABLE newcomers (nr BIGINT, full_name VARCHAR, opens TIMESTAMP(3)) WITH ('connector' = 'blackhole');
INSERT INTO newcomers
SELECT s.nr, s.full_name, s.opens
FROM (SELECT nr, full_name, window_start AS opens, window_end AS ends
      FROM TABLE(TUMBLE(TABLE people, DESCRIPTOR(`at`), INTERVAL '10' SECOND))
      GROUP BY nr, full_name, window_start, window_end) s
JOIN (SELECT owner_nr, window_start AS opens, window_end AS ends
      FROM TABLE(TUMBLE(TABLE lots, DESCRIPTOR(`at`), INTERVAL '10' SECOND)) GROUP BY owner_nr, window_start, window_end) l
ON s.nr = l.owner_nr AND s.opens = l.opens AND s.ends = l.ends;
