-- Filtered and distinct counts by day.
CREATE TABLE by_day (`day` VARCHAR, n BIGINT, small BIGINT, middle BIGINT, big BIGINT, people BIGINT, small_people BIGINT, lots BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO by_day
SELECT DATE_FORMAT(`at`, 'yyyy-MM-dd') AS `day`, COUNT(*) AS n, COUNT(*) FILTER (WHERE amount < 10000) AS small,
       COUNT(*) FILTER (WHERE amount >= 10000 AND amount < 1000000) AS middle, COUNT(*) FILTER (WHERE amount >= 1000000) AS big,
       COUNT(DISTINCT who) AS people, COUNT(DISTINCT who) FILTER (WHERE amount < 10000) AS small_people,
       COUNT(DISTINCT lot_nr) AS lots
FROM offers GROUP BY DATE_FORMAT(`at`, 'yyyy-MM-dd');
