-- An unbounded join and a choice of values.
CREATE TABLE near (full_name VARCHAR, town VARCHAR, region VARCHAR, lot_nr BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO near
SELECT s.full_name, s.town, s.region, l.nr
FROM lots AS l INNER JOIN people AS s ON l.owner_nr = s.nr
WHERE l.class = 10 AND (s.region = 'OR' OR s.region = 'ID' OR s.region = 'CA');
