-- Text split at a character.
CREATE TABLE split_up (lot_nr BIGINT, first_part VARCHAR, second_part VARCHAR, third_part VARCHAR) WITH ('connector' = 'blackhole');
INSERT INTO split_up
SELECT lot_nr, SPLIT_INDEX(link, '/', 3) AS first_part, SPLIT_INDEX(link, '/', 4) AS second_part, SPLIT_INDEX(link, '/', 5) AS third_part FROM offers;
