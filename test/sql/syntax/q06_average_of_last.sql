-- An OVER frame of rows on top of the first of each group.
CREATE TABLE by_owner (owner_nr BIGINT, typical BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO by_owner
SELECT sold.owner_nr,
       AVG(sold.amount) OVER (PARTITION BY sold.owner_nr ORDER BY sold.`at` ROWS BETWEEN 10 PRECEDING AND CURRENT ROW)
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY both_of.nr, both_of.owner_nr ORDER BY both_of.amount DESC) AS place
      FROM (SELECT l.nr, l.owner_nr, o.amount, o.`at` FROM lots AS l, offers AS o
            WHERE l.nr = o.lot_nr AND o.`at` BETWEEN l.`at` AND l.closes) AS both_of
      WHERE place <= 1) AS sold;
