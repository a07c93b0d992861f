-- The first ten of each key, with their place.
CREATE TABLE top_ten (lot_nr BIGINT, who BIGINT, amount BIGINT, place BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO top_ten
SELECT * FROM (SELECT lot_nr, who, amount, ROW_NUMBER() OVER (PARTITION BY lot_nr ORDER BY amount DESC) AS place FROM offers)
WHERE place <= 10;
