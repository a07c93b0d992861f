-- An aggregate in DEFINE, on behind the match.
CREATE TABLE found (lot_nr BIGINT, opens TIMESTAMP(3), ends TIMESTAMP(3), typical BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO found
SELECT lot_nr, opens, ends, typical
FROM offers
MATCH_RECOGNIZE (
  PARTITION BY lot_nr, who
  ORDER BY `at`
  MEASURES FIRST(low.`at`) AS opens, LAST(low.`at`) AS ends, AVG(low.amount) AS typical
  ONE ROW PER MATCH
  AFTER MATCH SKIP PAST LAST ROW
  PATTERN (low+ high)
  DEFINE low AS AVG(low.amount) < 10000
);
