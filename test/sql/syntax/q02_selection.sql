-- A filter by remainder.
CREATE TABLE chosen (lot_nr BIGINT, amount BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO chosen SELECT lot_nr, amount FROM offers WHERE MOD(lot_nr, 123) = 0;
