-- The same by channel and day, with a maximum of text; more columns named by key words.
CREATE TABLE by_way (via VARCHAR, `day` VARCHAR, `minute` VARCHAR, n BIGINT, big BIGINT, big_people BIGINT, big_lots BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO by_way
SELECT via, DATE_FORMAT(`at`, 'yyyy-MM-dd') AS `day`, MAX(DATE_FORMAT(`at`, 'HH:mm')) AS `minute`, COUNT(*) AS n,
       COUNT(*) FILTER (WHERE amount >= 1000000) AS big,
       COUNT(DISTINCT who) FILTER (WHERE amount >= 1000000) AS big_people,
       COUNT(DISTINCT lot_nr) FILTER (WHERE amount >= 10000 AND amount < 1000000) AS big_lots
FROM offers GROUP BY via, DATE_FORMAT(`at`, 'yyyy-MM-dd');
