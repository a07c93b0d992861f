-- Two joins in a row.
CREATE TABLE three (who BIGINT, amount BIGINT, nr BIGINT, full_name VARCHAR, title VARCHAR, opened TIMESTAMP(3)) WITH ('connector' = 'blackhole');
INSERT INTO three
SELECT who, amount, s.nr, full_name, title, l.`at` AS opened
FROM offers o
     JOIN people s ON s.nr = o.who
     JOIN lots l ON l.owner_nr = o.who;
