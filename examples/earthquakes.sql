-- A week of earthquakes, replayed as the USGS published them: a day in five seconds. Many rows come hours or
-- days after the quake, so time is the time of the quake, and a day is closed when one more day has gone by.
CREATE TABLE quakes (
  happened TIMESTAMP(3), updated TIMESTAMP(3), mag DOUBLE, place STRING, depth_km DOUBLE,
  region AS CASE REGEXP_REPLACE(place, '.*, ', '')
            WHEN 'CA' THEN 'California' WHEN 'MX' THEN 'Mexico' ELSE REGEXP_REPLACE(place, '.*, ', '') END,
  WATERMARK FOR happened AS happened - INTERVAL '1' DAY
) WITH (
  'connector' = 'filesystem', 'path' = 'examples/earthquakes.csv', 'format' = 'csv', 'csv.header' = 'names',
  'replay.column' = 'updated', 'replay.speed' = '17280'
);

CREATE TABLE alerts (happened TIMESTAMP(3), mag DOUBLE, depth_km DOUBLE, place STRING)
WITH ('connector' = 'print', 'print-identifier' = 'alert');
CREATE TABLE days (starts TIMESTAMP(3), quakes BIGINT, strongest DOUBLE, felt BIGINT)
WITH ('connector' = 'print', 'print-identifier' = 'day');
CREATE TABLE regions (region STRING, quakes BIGINT, strongest DOUBLE, PRIMARY KEY (region) NOT ENFORCED)
WITH ('connector' = 'print', 'print-identifier' = 'region');

EXECUTE STATEMENT SET BEGIN
  INSERT INTO alerts SELECT happened, mag, depth_km, place FROM quakes WHERE mag >= 5;
  INSERT INTO days SELECT window_start, COUNT(*), MAX(mag), COUNT(*) FILTER (WHERE mag >= 2.5)
    FROM TABLE(TUMBLE(TABLE quakes, DESCRIPTOR(happened), INTERVAL '1' DAY)) GROUP BY window_start, window_end;
  INSERT INTO regions SELECT region, COUNT(*), MAX(mag) FROM quakes GROUP BY region;
END;
