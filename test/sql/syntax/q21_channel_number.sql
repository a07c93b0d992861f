-- CASE over text, a regular expression, IN.
CREATE TABLE numbered (lot_nr BIGINT, via VARCHAR, via_nr VARCHAR) WITH ('connector' = 'blackhole');
INSERT INTO numbered
SELECT lot_nr, via,
       CASE WHEN LOWER(via) = 'apple' THEN '0' WHEN LOWER(via) = 'google' THEN '1'
            ELSE REGEXP_EXTRACT(link, '(&|^)channel_id=([^&]*)', 2) END AS via_nr
FROM offers
WHERE REGEXP_EXTRACT(link, '(&|^)channel_id=([^&]*)', 2) IS NOT NULL OR LOWER(via) IN ('apple', 'google');
