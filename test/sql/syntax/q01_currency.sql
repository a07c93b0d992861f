-- Arithmetic with a decimal factor.
CREATE TABLE in_euro (lot_nr BIGINT, who BIGINT, amount DECIMAL(23, 3), `at` TIMESTAMP(3)) WITH ('connector' = 'blackhole');
INSERT INTO in_euro
SELECT lot_nr, who, 0.908 * amount AS amount, /* dollars in */ `at` FROM offers;
