-- A pattern with a step back to the row before.
CREATE TABLE found (lot_nr BIGINT, fell TIMESTAMP(3), turned TIMESTAMP(3), rose TIMESTAMP(3)) WITH ('connector' = 'blackhole');
INSERT INTO found
SELECT lot_nr, fell, turned, rose
FROM offers
MATCH_RECOGNIZE (
  PARTITION BY lot_nr, who
  ORDER BY `at`
  MEASURES first_row.`at` AS fell, LAST(down.`at`) AS turned, LAST(up.`at`) AS rose
  ONE ROW PER MATCH
  AFTER MATCH SKIP TO LAST up
  PATTERN (first_row down+ up)
  DEFINE
    down AS (LAST(down.amount, 1) IS NULL AND down.amount < first_row.amount) OR down.amount < LAST(down.amount, 1),
    up AS up.amount > LAST(down.amount, 1)
);
