-- A join, and columns with and without their table.
CREATE TABLE expanded (lot_nr BIGINT, who BIGINT, offered TIMESTAMP(3), offer_note VARCHAR, title VARCHAR, `at` TIMESTAMP(3), note VARCHAR) WITH ('connector' = 'blackhole');
INSERT INTO expanded
SELECT lot_nr, who, o.`at`, o.note, title, l.`at`, l.note FROM offers AS o INNER JOIN lots AS l ON o.lot_nr = l.nr WHERE l.class = 10;
