-- A join with a comma, an aggregate over an aggregate.
CREATE TABLE by_class (class BIGINT, typical BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO by_class
SELECT best.class, AVG(best.top)
FROM (SELECT l.class, MAX(o.amount) AS top FROM lots l, offers o
      WHERE o.lot_nr = l.nr AND o.`at` BETWEEN l.`at` AND l.closes GROUP BY l.nr, l.class) best
GROUP BY best.class;
