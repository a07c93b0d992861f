-- A view with processing time, and windows over it.
CREATE TABLE by_clock (who BIGINT, n BIGINT, opens TIMESTAMP(3), ends TIMESTAMP(3)) WITH ('connector' = 'blackhole');
CREATE VIEW timed AS SELECT *, PROCTIME() AS clock FROM offers;
INSERT INTO by_clock
SELECT who, COUNT(*) AS n, window_start AS opens, window_end AS ends
FROM TABLE(TUMBLE(TABLE timed, DESCRIPTOR(clock), INTERVAL '10' SECOND)) GROUP BY who, window_start, window_end;
