-- A lookup as of a row's time; options in the older spelling; a column named by a key word.
CREATE TABLE aside (nr BIGINT, `value` VARCHAR)
WITH ('connector.type' = 'filesystem', 'connector.path' = 'file://${HOME_DIR}/aside.txt', 'format.type' = 'csv');
CREATE TABLE widened (lot_nr BIGINT, who BIGINT, `value` VARCHAR) WITH ('connector' = 'blackhole');
INSERT INTO widened
SELECT o.lot_nr, o.who, s.`value`
FROM (SELECT *, PROCTIME() AS clock FROM offers) o
JOIN aside FOR SYSTEM_TIME AS OF o.clock AS s ON MOD(o.lot_nr, 10000) = s.nr;
