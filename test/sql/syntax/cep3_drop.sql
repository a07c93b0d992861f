-- A pattern within a time, with none or more between.
CREATE TABLE found (lot_nr BIGINT, dropped TIMESTAMP(3), by_much BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO found
SELECT lot_nr, dropped, by_much
FROM offers
MATCH_RECOGNIZE (
  PARTITION BY lot_nr, who
  ORDER BY `at`
  MEASURES z.`at` AS dropped, a.amount - z.amount AS by_much
  ONE ROW PER MATCH
  AFTER MATCH SKIP PAST LAST ROW
  PATTERN (a m* z) WITHIN INTERVAL '5' SECOND
  DEFINE m AS m.amount > a.amount - 50, z AS z.amount < a.amount - 50
);
