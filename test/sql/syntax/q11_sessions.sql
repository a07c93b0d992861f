-- Session windows in the older form, in GROUP BY.
CREATE TABLE visits (who BIGINT, n BIGINT, opens TIMESTAMP(3), ends TIMESTAMP(3)) WITH ('connector' = 'blackhole');
INSERT INTO visits
SELECT o.who, COUNT(*) AS n, SESSION_START(o.`at`, INTERVAL '10' SECOND) AS opens, SESSION_END(o.`at`, INTERVAL '10' SECOND) AS ends
FROM offers o GROUP BY o.who, SESSION(o.`at`, INTERVAL '10' SECOND);
