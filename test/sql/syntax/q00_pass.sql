-- Rows as they are.
CREATE TABLE passed (lot_nr BIGINT, who BIGINT, amount BIGINT, `at` TIMESTAMP(3), note VARCHAR) WITH ('connector' = 'blackhole');
INSERT INTO passed SELECT lot_nr, who, amount, `at`, note FROM offers;
