-- A function of one's own, CASE, arithmetic in WHERE.
CREATE FUNCTION letters_in AS 'org.example.LettersIn';
CREATE TABLE computed (lot_nr BIGINT, amount DECIMAL(23, 3), part_of_day VARCHAR, n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO computed
SELECT lot_nr, 0.908 * amount AS amount,
       CASE WHEN HOUR(`at`) >= 8 AND HOUR(`at`) <= 18 THEN 'day'
            WHEN HOUR(`at`) <= 6 OR HOUR(`at`) >= 20 THEN 'night' ELSE 'between' END AS part_of_day,
       letters_in(note, 'c') AS n
FROM offers WHERE 0.908 * amount > 1000000 AND 0.908 * amount < 50000000;
