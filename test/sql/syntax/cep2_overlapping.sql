-- The same, on at the next row.
CREATE TABLE found (lot_nr BIGINT, opens TIMESTAMP(3), typical BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO found
SELECT lot_nr, opens, typical
FROM offers
MATCH_RECOGNIZE (
  PARTITION BY lot_nr, who
  ORDER BY `at`
  MEASURES FIRST(low.`at`) AS opens, AVG(low.amount) AS typical
  ONE ROW PER MATCH
  AFTER MATCH SKIP TO NEXT ROW
  PATTERN (low+ high)
  DEFINE low AS AVG(low.amount) < 10000
);
