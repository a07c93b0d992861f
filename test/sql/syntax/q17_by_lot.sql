-- Four plain aggregates beside counts.
CREATE TABLE by_lot (lot_nr BIGINT, `day` VARCHAR, n BIGINT, small BIGINT, least BIGINT, most BIGINT, typical BIGINT, total BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO by_lot
SELECT lot_nr, DATE_FORMAT(`at`, 'yyyy-MM-dd') AS `day`, COUNT(*) AS n, COUNT(*) FILTER (WHERE amount < 10000) AS small,
       MIN(amount) AS least, MAX(amount) AS most, AVG(amount) AS typical, SUM(amount) AS total
FROM offers GROUP BY lot_nr, DATE_FORMAT(`at`, 'yyyy-MM-dd');
