-- The last row of each key.
CREATE TABLE last_offers (lot_nr BIGINT, who BIGINT, amount BIGINT, `at` TIMESTAMP(3)) WITH ('connector' = 'blackhole');
INSERT INTO last_offers
SELECT lot_nr, who, amount, `at`
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY who, lot_nr ORDER BY `at` DESC) AS place FROM offers) WHERE place <= 1;
