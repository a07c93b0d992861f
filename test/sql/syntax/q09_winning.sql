-- The first of each group, two sort keys, a qualified star beside other columns.
CREATE TABLE winners (nr BIGINT, title VARCHAR, amount BIGINT, who BIGINT, offered TIMESTAMP(3), offer_note VARCHAR) WITH ('connector' = 'blackhole');
INSERT INTO winners
SELECT nr, title, amount, who, offered, offer_note
FROM (SELECT l.*, o.amount, o.who, o.`at` AS offered, o.note AS offer_note,
             ROW_NUMBER() OVER (PARTITION BY l.nr ORDER BY o.amount DESC, o.`at` ASC) AS place
      FROM lots l, offers o WHERE l.nr = o.lot_nr AND o.`at` BETWEEN l.`at` AND l.closes)
WHERE place <= 1;
