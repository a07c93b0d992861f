/* Statements of every kind with the text that they print as (NULL: the same). That text must read back as
 * an equal tree, and the trees of different rows must differ from their neighbours'. */
#include "sql/syntax/helper.h"

struct row {
    const char *sql, *printed;
};

static const struct row expressions[] = {
    { "SELECT 1, 1.5, .5, 1., 1e10, 1.5E-3", NULL },
    { "SELECT 'a', 'it''s', '', 'a' 'b'\n'c', _UTF8'x', N'y', E'a\\tb\\u00e9\\101'",
      "SELECT 'a', 'it''s', '', 'abc', 'x', 'y', 'a	béA'" },
    { "SELECT U&'\\00e9 \\+01F600 \\D83D\\DE00 \\\\', U&'d!0061t' UESCAPE '!', X'00ff', x''",
      "SELECT 'é 😀 😀 \\', 'dat', X'00ff', X''" },
    { "SELECT NULL, TRUE, false, Unknown", "SELECT NULL, TRUE, FALSE, UNKNOWN" },
    { "SELECT DATE '2020-01-01', TIME '10:00:00', TIMESTAMP '2020-01-01 00:00:00'", NULL },
    { "SELECT INTERVAL '1' DAY, INTERVAL -'1-2' YEAR TO MONTH, INTERVAL +'1 2' DAY(2) TO SECOND(3), INTERVAL '1.5' "
      "SECOND(2, 3), INTERVAL 5 MINUTES, INTERVAL (a + 1) HOUR",
      "SELECT INTERVAL '1' DAY, INTERVAL -'1-2' YEAR TO MONTH, INTERVAL '1 2' DAY(2) TO SECOND(3), INTERVAL '1.5' "
      "SECOND(2, 3), INTERVAL '5' MINUTE, (a + 1) * INTERVAL '1' HOUR" },
    { "SELECT a, t.a, `select`, `a``b`, `key`, key, Straße, `Straße`, _x$1, `1a`",
      "SELECT a, t.a, `select`, `a``b`, key, key, `Straße`, `Straße`, _x$1, `1a`" },
    { "SELECT *, t.*, a.b.c.*", NULL },
    { "SELECT -1, - -1, +a, -(a + b), -a * b, NOT a, NOT NOT a, NOT a = b",
      "SELECT -1, -(-1), +a, -(a + b), -a * b, NOT a, NOT NOT a, NOT a = b" },
    { "SELECT a + b * c - d / e % f, (a + b) * c, a - (b - c), a || b || c, a + b || c", NULL },
    { "SELECT a = b, a <> b, a != b, a < b AND c <= d OR e > f AND NOT g >= h, (a OR b) AND c", NULL },
    { "SELECT a = b IS NULL, a IS NOT NULL, a IS TRUE IS NOT FALSE, a IS UNKNOWN, a IS DISTINCT FROM b AND c IS "
      "NOT DISTINCT FROM d, a = (b IS NULL)",
      NULL },
    { "SELECT a IS JSON, a IS NOT JSON VALUE, a IS JSON OBJECT, a IS JSON ARRAY, a IS JSON SCALAR, a IS A SET, a "
      "IS NOT EMPTY",
      NULL },
    { "SELECT a BETWEEN 1 AND 2 AND b, a NOT BETWEEN SYMMETRIC b + 1 AND c, a BETWEEN ASYMMETRIC 1 AND 2, a = b "
      "BETWEEN c AND d",
      "SELECT a BETWEEN 1 AND 2 AND b, a NOT BETWEEN SYMMETRIC b + 1 AND c, a BETWEEN 1 AND 2, a = b BETWEEN c AND "
      "d" },
    { "SELECT a IN (1, 2), a NOT IN (SELECT b FROM t), (a, b) IN ((1, 2), (3, 4)), a IN ((SELECT 1), 2)", NULL },
    { "SELECT a LIKE 'x%', a NOT LIKE b ESCAPE '!', a SIMILAR TO 'b', a NOT SIMILAR TO 'b' ESCAPE 'c'", NULL },
    { "SELECT EXISTS (SELECT 1), NOT EXISTS (SELECT 1 FROM t), (SELECT 1), (SELECT 1) + 2, ((SELECT 1))",
      "SELECT EXISTS (SELECT 1), NOT EXISTS (SELECT 1 FROM t), (SELECT 1), (SELECT 1) + 2, (SELECT 1)" },
    { "SELECT a = ANY (SELECT 1), a <> ALL (1, 2), a >= SOME (SELECT b FROM t)", NULL },
    { "SELECT (a, b) OVERLAPS (c, d), a CONTAINS b, a IMMEDIATELY PRECEDES b, a SUCCEEDS b, a EQUALS b, a MEMBER "
      "OF b, a SUBMULTISET OF b",
      NULL },
    { "SELECT CASE WHEN a THEN 1 WHEN b THEN 2 ELSE 3 END, CASE a WHEN 1, 2 THEN 'x' END, CASE CASE WHEN a THEN b "
      "END WHEN c THEN d END",
      "SELECT CASE WHEN a THEN 1 WHEN b THEN 2 ELSE 3 END, CASE a WHEN 1 THEN 'x' WHEN 2 THEN 'x' END, CASE CASE "
      "WHEN a THEN b END WHEN c THEN d END" },
    { "SELECT CAST(a AS INT), TRY_CAST(a AS STRING), cast(a as decimal(10, 2))",
      "SELECT CAST(a AS INT), TRY_CAST(a AS STRING), CAST(a AS DECIMAL(10, 2))" },
    { "SELECT ROW(1, 'a'), (1, 2), ARRAY[1, 2], ARRAY[], MAP['a', 1, 'b', 2], MULTISET[1], ARRAY(SELECT 1), "
      "MAP(SELECT 1, 2)",
      NULL },
    { "SELECT a[1], a.b[1].c.d[2][3], f(x).y, (a).b, (a + b)[1], ARRAY[1][1], MAP['a', 1]['a'], ROW(1, 2)[1], "
      "(f(x) OVER w).y",
      "SELECT a[1], a.b[1].c.d[2][3], f(x).y, (a).b, (a + b)[1], ARRAY[1][1], MAP['a', 1]['a'], (ROW(1, 2))[1], "
      "(f(x) OVER w).y" },
    { "SELECT map, map(a), `right`(a, -2), `extract`(a), cat.db.f(1), `f g`(1)",
      "SELECT `map`, `map`(a), right(a, -2), `extract`(a), cat.db.f(1), `f g`(1)" },
};

static const struct row functions[] = {
    { "SELECT COUNT(*), COUNT(DISTINCT a), count(ALL a, b), f(), SUM(a) FILTER (WHERE b > 1)",
      "SELECT COUNT(*), COUNT(DISTINCT a), count(a, b), f(), SUM(a) FILTER (WHERE b > 1)" },
    { "SELECT EXTRACT(YEAR FROM a), extract(sql_tsi_week from a), FLOOR(a TO DAY), CEIL(a), CEILING(a TO month), "
      "FLOOR(a)",
      "SELECT EXTRACT(YEAR FROM a), extract(WEEK FROM a), FLOOR(a TO DAY), CEIL(a), CEILING(a TO MONTH), FLOOR(a)" },
    { "SELECT TRIM(a), TRIM(BOTH 'x' FROM a), TRIM(LEADING FROM a), TRIM('x' FROM a), TRIM(TRAILING 'x' FROM a), "
      "TRIM(a, b)",
      "SELECT TRIM(a), TRIM(BOTH 'x' FROM a), TRIM(LEADING FROM a), TRIM(BOTH 'x' FROM a), TRIM(TRAILING 'x' FROM "
      "a), TRIM(a, b)" },
    { "SELECT POSITION(a IN b), POSITION((a IN (b)) IN c), SUBSTRING(a FROM 1 FOR 2), SUBSTRING(a FROM 1), "
      "SUBSTRING(a, 1, 2), OVERLAY(a PLACING b FROM 1 FOR 2)",
      "SELECT POSITION(a IN b), POSITION((a IN (b)) IN c), SUBSTRING(a, 1, 2), SUBSTRING(a, 1), SUBSTRING(a, 1, "
      "2), OVERLAY(a, b, 1, 2)" },
    { "SELECT TIMESTAMPADD(DAY, 1, a), timestampdiff(sql_tsi_hour, a, b)",
      "SELECT TIMESTAMPADD(DAY, 1, a), timestampdiff(HOUR, a, b)" },
    { "SELECT CURRENT_DATE, CURRENT_TIMESTAMP(3), localtime, LOCALTIMESTAMP, PROCTIME(), CURRENT_ROW_TIMESTAMP()",
      NULL },
    { "SELECT LEFT(a, 1), RIGHT(a, 1), MOD(a, 2), YEAR(a), HOUR(a), IF(a, b, c), TRUNCATE(a, 1), USER, REPLACE(a, "
      "'b', 'c')",
      NULL },
    { "SELECT JSON_VALUE(a, 'lax $.x' RETURNING INT NULL ON EMPTY DEFAULT -1 ON ERROR), JSON_VALUE(a, '$'), "
      "JSON_EXISTS(a, '$.x' FALSE ON ERROR)",
      NULL },
    { "SELECT JSON_QUERY(a, '$' RETURNING ARRAY<STRING> WITH CONDITIONAL ARRAY WRAPPER EMPTY ARRAY ON EMPTY ERROR "
      "ON ERROR), JSON_QUERY(a, '$' WITHOUT WRAPPER)",
      NULL },
    { "SELECT JSON_OBJECT('a' VALUE 1, KEY 'b' VALUE c, 'd' : e FORMAT JSON, key VALUE v ABSENT ON NULL), "
      "JSON_OBJECT(), JSON_OBJECT(NULL ON NULL)",
      "SELECT JSON_OBJECT(KEY 'a' VALUE 1, KEY 'b' VALUE c, KEY 'd' VALUE e FORMAT JSON, KEY key VALUE v ABSENT ON "
      "NULL), JSON_OBJECT(), JSON_OBJECT(NULL ON NULL)" },
    { "SELECT JSON_ARRAY(1, a FORMAT JSON, JSON_ARRAY(NULL) NULL ON NULL), JSON_ARRAY(), JSON_OBJECTAGG(KEY k "
      "VALUE v NULL ON NULL), JSON_ARRAYAGG(a ORDER BY b ABSENT ON NULL)",
      "SELECT JSON_ARRAY(1, a FORMAT JSON, JSON_ARRAY(NULL) NULL ON NULL), JSON_ARRAY(), JSON_OBJECTAGG(KEY k "
      "VALUE v NULL ON NULL), JSON_ARRAYAGG(a ABSENT ON NULL) WITHIN GROUP (ORDER BY b)" },
    { "SELECT LISTAGG(a, ';') WITHIN GROUP (ORDER BY b DESC), ARRAY_AGG(DISTINCT a ORDER BY b NULLS LAST, c), "
      "LAST_VALUE(a) IGNORE NULLS, FIRST_VALUE(a) RESPECT NULLS OVER w",
      "SELECT LISTAGG(a, ';') WITHIN GROUP (ORDER BY b DESC), ARRAY_AGG(DISTINCT a) WITHIN GROUP (ORDER BY b NULLS "
      "LAST, c), LAST_VALUE(a) IGNORE NULLS, FIRST_VALUE(a) RESPECT NULLS OVER w" },
    { "SELECT f(a => 1, `b` => DEFAULT, c => TABLE t, d => DESCRIPTOR(x), e => (SELECT 1))",
      "SELECT f(a => 1, b => DEFAULT, c => TABLE t, d => DESCRIPTOR(x), e => (SELECT 1))" },
};

static const struct row windows[] = {
    { "SELECT SUM(a) OVER (PARTITION BY b, c ORDER BY d ROWS BETWEEN 10 PRECEDING AND CURRENT ROW) FROM t", NULL },
    { "SELECT SUM(a) OVER w, MAX(a) OVER (w ROWS 1 PRECEDING) FROM t WINDOW w AS (PARTITION BY b ORDER BY c), v AS "
      "(w)",
      NULL },
    { "SELECT COUNT(a) OVER (ORDER BY ts RANGE UNBOUNDED preceding), RANK() OVER (), SUM(a) OVER (ORDER BY b RANGE "
      "BETWEEN INTERVAL '1' HOUR PRECEDING AND UNBOUNDED FOLLOWING) FROM t",
      "SELECT COUNT(a) OVER (ORDER BY ts RANGE UNBOUNDED PRECEDING), RANK() OVER (), SUM(a) OVER (ORDER BY b RANGE "
      "BETWEEN INTERVAL '1' HOUR PRECEDING AND UNBOUNDED FOLLOWING) FROM t" },
    { "SELECT a FROM t QUALIFY ROW_NUMBER() OVER (ORDER BY b) = 1", NULL },
};

static const struct row queries[] = {
    { "SELECT DISTINCT a AS x, b y, c `order` FROM t AS u WHERE a > 1 GROUP BY a, b HAVING COUNT(*) > 1 ORDER BY a "
      "DESC NULLS FIRST, b ASC LIMIT 10 OFFSET 5 ROWS",
      "SELECT DISTINCT a AS x, b AS y, c AS `order` FROM t AS u WHERE a > 1 GROUP BY a, b HAVING COUNT(*) > 1 "
      "ORDER BY a DESC NULLS FIRST, b LIMIT 10 OFFSET 5" },
    { "SELECT STREAM ALL a FROM t", "SELECT STREAM a FROM t" },
    { "SELECT a FROM t FETCH FIRST 3 ROWS ONLY", "SELECT a FROM t LIMIT 3" },
    { "SELECT a FROM t OFFSET 2 FETCH NEXT ROW ONLY", "SELECT a FROM t LIMIT 1 OFFSET 2" },
    { "SELECT a FROM t LIMIT ALL", "SELECT a FROM t" },
    { "SELECT a FROM t LIMIT 2, 3", "SELECT a FROM t LIMIT 3 OFFSET 2" },
    { "VALUES 1, (2), (3, 4), ROW(5, 6), (DEFAULT)", "VALUES (1), (2), (3, 4), ROW(5, 6), (DEFAULT)" },
    { "TABLE a.b", "SELECT * FROM a.b" },
    { "SELECT a FROM t GROUP BY ()", NULL },
    { "SELECT a FROM t GROUP BY GROUPING SETS ((a, b), a, ()), ROLLUP (a, (b, c)), CUBE (a, b), GROUPING SETS "
      "(ROLLUP (a), (b))",
      "SELECT a FROM t GROUP BY GROUPING SETS ((a, b), a, ()), ROLLUP (a, (b, c)), CUBE (a, b), GROUPING SETS "
      "(ROLLUP (a), b)" },
    { "WITH a AS (SELECT 1), b (x, y) AS (VALUES (1, 2)) SELECT * FROM a, b",
      "WITH a AS (SELECT 1), b(x, y) AS (VALUES (1, 2)) SELECT * FROM a, b" },
    { "SELECT 1 UNION SELECT 2 UNION ALL SELECT 3 EXCEPT SELECT 4 MINUS ALL SELECT 5",
      "SELECT 1 UNION SELECT 2 UNION ALL SELECT 3 EXCEPT SELECT 4 EXCEPT ALL SELECT 5" },
    { "SELECT 1 UNION SELECT 2 INTERSECT SELECT 3", NULL },
    { "(SELECT 1 UNION SELECT 2) INTERSECT SELECT 3", NULL },
    { "SELECT 1 UNION (SELECT 2 EXCEPT SELECT 3)", NULL },
    { "(SELECT a FROM t ORDER BY a LIMIT 1) UNION ALL (SELECT b FROM t) ORDER BY 1", NULL },
    { "(SELECT a FROM t LIMIT 2) LIMIT 1", "SELECT * FROM (SELECT a FROM t LIMIT 2) LIMIT 1" },
    { "((SELECT a FROM t)) ORDER BY a", "SELECT a FROM t ORDER BY a" },
    { "WITH a AS (SELECT 1) (WITH b AS (SELECT 2) SELECT * FROM b)",
      "WITH a AS (SELECT 1) SELECT * FROM (WITH b AS (SELECT 2) SELECT * FROM b)" },
    { "SELECT /*+ LOOKUP('table'='d', 'async'='true'), BROADCAST(t1, a.b), STATE_TTL(x = '1d') */ a FROM t /*+ "
      "OPTIONS('k'='v') */ x",
      "SELECT /*+ LOOKUP('table'='d', 'async'='true'), BROADCAST('t1', 'a.b'), STATE_TTL('x'='1d') */ a FROM t /*+ "
      "OPTIONS('k'='v') */ AS x" },
};

static const struct row from[] = {
    { "SELECT * FROM a JOIN b ON a.x = b.x LEFT OUTER JOIN c USING (y, z) RIGHT JOIN d ON TRUE FULL JOIN e ON 1 = "
      "1 CROSS JOIN f NATURAL JOIN g NATURAL LEFT JOIN h",
      "SELECT * FROM a JOIN b ON a.x = b.x LEFT JOIN c USING (y, z) RIGHT JOIN d ON TRUE FULL JOIN e ON 1 = 1 "
      "CROSS JOIN f NATURAL JOIN g NATURAL LEFT JOIN h" },
    { "SELECT * FROM a, b JOIN c ON TRUE, d", NULL },
    { "SELECT * FROM a JOIN (b JOIN c ON TRUE) ON TRUE, (d, e)", NULL },
    { "SELECT * FROM (a), (a) AS b, (SELECT 1) AS c (x, y), ((SELECT 1) UNION (SELECT 2)) d, ((SELECT 1) AS e JOIN "
      "f ON TRUE)",
      "SELECT * FROM a, a AS b, (SELECT 1) AS c(x, y), ((SELECT 1) UNION (SELECT 2)) AS d, (SELECT 1) AS e JOIN f "
      "ON TRUE" },
    { "SELECT * FROM a, LATERAL TABLE(f(a.x)) AS t (y), LATERAL (SELECT 1) u, UNNEST(a.b) AS v, UNNEST(a.b, a.c) "
      "WITH ORDINALITY AS w (p, q, o)",
      "SELECT * FROM a, LATERAL TABLE(f(a.x)) AS t(y), LATERAL (SELECT 1) AS u, UNNEST(a.b) AS v, UNNEST(a.b, a.c) "
      "WITH ORDINALITY AS w(p, q, o)" },
    { "SELECT * FROM a JOIN b FOR SYSTEM_TIME AS OF a.ts AS c ON a.x = c.x", NULL },
    { "SELECT * FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) AS w", NULL },
    { "SELECT * FROM HOP(DATA => TABLE t, TIMECOL => DESCRIPTOR(ts), SLIDE => INTERVAL '1' MINUTE, SIZE => "
      "INTERVAL '5' MINUTES)",
      "SELECT * FROM HOP(DATA => TABLE t, TIMECOL => DESCRIPTOR(ts), SLIDE => INTERVAL '1' MINUTE, SIZE => "
      "INTERVAL '5' MINUTE)" },
    { "SELECT * FROM TABLE(SESSION(TABLE t PARTITION BY b, DESCRIPTOR(ts), INTERVAL '1' MINUTE)), f(TABLE t "
      "PARTITION BY (a, b) ORDER BY (c DESC, d)), g((SELECT 1) PARTITION BY x), ML_PREDICT(TABLE t, MODEL m, "
      "DESCRIPTOR(a))",
      "SELECT * FROM TABLE(SESSION(TABLE t PARTITION BY (b), DESCRIPTOR(ts), INTERVAL '1' MINUTE)), f(TABLE t "
      "PARTITION BY (a, b) ORDER BY (c DESC, d)), g(TABLE(SELECT 1) PARTITION BY (x)), ML_PREDICT(TABLE t, MODEL "
      "m, DESCRIPTOR(a))" },
    { "SELECT * FROM 'in.csv' AS f", NULL },
    { "SELECT * FROM T MATCH_RECOGNIZE (PARTITION BY a, b ORDER BY ts, c DESC MEASURES A.x AS ax, LAST(B.y, 1) AS "
      "`by`, FINAL COUNT(C.z) AS n ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (A B+ C*? (D | E F)?? "
      "G{2} H{2,} I{,3} J{2,3}?) WITHIN INTERVAL '1' HOUR SUBSET U = (A, B), V = (C) DEFINE B AS B.x > PREV(B.x), "
      "C AS RUNNING SUM(C.x) < 5) AS m (p, q)",
      "SELECT * FROM T MATCH_RECOGNIZE (PARTITION BY a, b ORDER BY ts, c DESC MEASURES A.x AS ax, LAST(B.y, 1) AS "
      "`by`, FINAL COUNT(C.z) AS n ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (A B+ C*? (D | E F)?? "
      "G{2} H{2,} I{0,3} J{2,3}?) WITHIN INTERVAL '1' HOUR SUBSET U = (A, B), V = (C) DEFINE B AS B.x > PREV(B.x), "
      "C AS RUNNING SUM(C.x) < 5) AS m(p, q)" },
    { "SELECT * FROM T MATCH_RECOGNIZE (ORDER BY ts ALL ROWS PER MATCH SHOW EMPTY MATCHES AFTER MATCH SKIP TO "
      "FIRST A PATTERN (^ {- A B -} PERMUTE(C, D E, F+) $) DEFINE A AS TRUE)",
      NULL },
    { "SELECT * FROM T MATCH_RECOGNIZE (ORDER BY ts ALL ROWS PER MATCH WITH UNMATCHED ROWS AFTER MATCH SKIP TO A "
      "PATTERN (((A)) (B C) ((D | E) | F)* ((G+)?)) DEFINE A AS TRUE)",
      "SELECT * FROM T MATCH_RECOGNIZE (ORDER BY ts ALL ROWS PER MATCH WITH UNMATCHED ROWS AFTER MATCH SKIP TO "
      "LAST A PATTERN (A (B C) ((D | E) | F)* (G+)?) DEFINE A AS TRUE)" },
    { "SELECT * FROM T MATCH_RECOGNIZE (ORDER BY ts AFTER MATCH SKIP TO NEXT ROW PATTERN (A) DEFINE A AS "
      "CLASSIFIER() = 'A' AND MATCH_NUMBER() > 1) JOIN b ON TRUE",
      NULL },
};

static const struct row types[] = {
    { "SELECT CAST(a AS BOOLEAN), CAST(a AS TINYINT), CAST(a AS SMALLINT), CAST(a AS INTEGER), CAST(a AS BIGINT), "
      "CAST(a AS FLOAT), CAST(a AS REAL), CAST(a AS DOUBLE PRECISION)",
      "SELECT CAST(a AS BOOLEAN), CAST(a AS TINYINT), CAST(a AS SMALLINT), CAST(a AS INT), CAST(a AS BIGINT), "
      "CAST(a AS FLOAT), CAST(a AS FLOAT), CAST(a AS DOUBLE)" },
    { "SELECT CAST(a AS DEC(5)), CAST(a AS NUMERIC(5, 2)), CAST(a AS CHARACTER(3)), CAST(a AS CHAR VARYING(3)), "
      "CAST(a AS VARCHAR), CAST(a AS BINARY(2)), CAST(a AS BINARY VARYING(4)), CAST(a AS BYTES)",
      "SELECT CAST(a AS DECIMAL(5)), CAST(a AS DECIMAL(5, 2)), CAST(a AS CHAR(3)), CAST(a AS VARCHAR(3)), CAST(a "
      "AS VARCHAR), CAST(a AS BINARY(2)), CAST(a AS VARBINARY(4)), CAST(a AS BYTES)" },
    { "SELECT CAST(a AS DATE), CAST(a AS TIME(0) WITHOUT TIME ZONE), CAST(a AS TIMESTAMP(3)), CAST(a AS TIMESTAMP "
      "WITHOUT TIME ZONE), CAST(a AS TIMESTAMP(3) WITH LOCAL TIME ZONE), CAST(a AS TIMESTAMP WITH TIME ZONE), "
      "CAST(a AS TIMESTAMP_LTZ)",
      "SELECT CAST(a AS DATE), CAST(a AS TIME(0)), CAST(a AS TIMESTAMP(3)), CAST(a AS TIMESTAMP), CAST(a AS "
      "TIMESTAMP_LTZ(3)), CAST(a AS TIMESTAMP WITH TIME ZONE), CAST(a AS TIMESTAMP_LTZ)" },
    { "SELECT CAST(a AS INTERVAL DAY TO SECOND(3)), CAST(a AS INTERVAL YEAR(4)), CAST(a AS INTERVAL SECOND(2, 3))",
      NULL },
    { "SELECT CAST(a AS ARRAY<INT NOT NULL>), CAST(a AS INT ARRAY), CAST(a AS INT NOT NULL MULTISET NOT NULL "
      "ARRAY), CAST(a AS MAP<STRING, ROW<x INT, `y z` ARRAY<ROW<q DATE>>>>), CAST(a AS ROW(x INT NULL 'c', y "
      "STRING NOT NULL)), CAST(a AS ROW<>)",
      "SELECT CAST(a AS ARRAY<INT NOT NULL>), CAST(a AS ARRAY<INT>), CAST(a AS ARRAY<MULTISET<INT NOT NULL> NOT "
      "NULL>), CAST(a AS MAP<STRING, ROW<x INT, `y z` ARRAY<ROW<q DATE>>>>), CAST(a AS ROW<x INT 'c', y STRING NOT "
      "NULL>), CAST(a AS ROW<>)" },
    { "SELECT CAST(a AS RAW('c', 's')), CAST(a AS STRUCTURED<'c', x INT>), CAST(a AS VARIANT), CAST(a AS NULL)",
      NULL },
};

static const struct row statements[] = {
    { "INSERT INTO t SELECT 1", NULL },
    { "INSERT INTO a.b.t /*+ OPTIONS('a'='b') */ PARTITION (p = 'x', q = 5, r) (c, d) (SELECT 1, 2)",
      "INSERT INTO a.b.t /*+ OPTIONS('a'='b') */ PARTITION (p = 'x', q = '5', r) (c, d) SELECT 1, 2" },
    { "INSERT OVERWRITE t VALUES (1, DEFAULT) ON CONFLICT DO NOTHING", NULL },
    { "INSERT INTO t SELECT * FROM a JOIN b ON CONFLICT DO DEDUPLICATE", NULL },
    { "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; INSERT INTO b SELECT 2; END", NULL },
    { "BEGIN STATEMENT SET; INSERT INTO a SELECT 1;; INSERT INTO b SELECT 2; END; SELECT 3",
      "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; INSERT INTO b SELECT 2; END; SELECT 3" },
    { "EXECUTE INSERT INTO t SELECT 1", "INSERT INTO t SELECT 1" },
    { "CREATE TABLE t (a INT, b STRING NOT NULL COMMENT 'x', c AS a + 1 COMMENT 'y', d TIMESTAMP(3) METADATA FROM "
      "'ts' VIRTUAL, e BIGINT METADATA, PRIMARY KEY (a, b) NOT ENFORCED, WATERMARK FOR d AS d - INTERVAL '5' "
      "SECOND) COMMENT 'z' PARTITIONED BY (a, b) WITH ('connector' = 'test', 'k' = 'it''s')",
      "CREATE TABLE t (a INT, b STRING NOT NULL COMMENT 'x', c AS a + 1 COMMENT 'y', d TIMESTAMP(3) METADATA FROM "
      "'ts' VIRTUAL, e BIGINT METADATA, WATERMARK FOR d AS d - INTERVAL '5' SECOND, PRIMARY KEY (a, b) NOT "
      "ENFORCED) COMMENT 'z' PARTITIONED BY (a, b) WITH ('connector' = 'test', 'k' = 'it''s')" },
    { "CREATE TEMPORARY TABLE IF NOT EXISTS a.b (a INT PRIMARY KEY NOT ENFORCED) DISTRIBUTED BY HASH (a) INTO 4 "
      "BUCKETS",
      NULL },
    { "CREATE TABLE t (a INT CONSTRAINT pk PRIMARY KEY ENFORCED, WATERMARK FOR r.ts AS r.ts) DISTRIBUTED INTO 2 "
      "BUCKETS WITH ()",
      "CREATE TABLE t (a INT CONSTRAINT pk PRIMARY KEY, WATERMARK FOR r.ts AS r.ts) DISTRIBUTED INTO 2 BUCKETS "
      "WITH ()" },
    { "CREATE TABLE t (CONSTRAINT pk PRIMARY KEY (a) NOT ENFORCED) LIKE b (INCLUDING ALL EXCLUDING OPTIONS "
      "OVERWRITING WATERMARKS)",
      NULL },
    { "CREATE TABLE t WITH ('a' = 'b') LIKE c", NULL },
    { "CREATE OR REPLACE TABLE t AS SELECT 1", NULL },
    { "CREATE TABLE t (a, b) WITH ('x' = 'y') AS SELECT 1, 2", NULL },
    { "CREATE TABLE t ()", NULL },
    { "CREATE VIEW v (a, b) COMMENT 'c' AS SELECT 1, 2", NULL },
    { "CREATE TEMPORARY VIEW IF NOT EXISTS v AS (SELECT 1) UNION ALL (SELECT 2)", NULL },
    { "CREATE FUNCTION f AS 'a.b.C'", NULL },
    { "CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS f AS 'c' LANGUAGE python USING JAR 'a', FILE 'b'",
      "CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS f AS 'c' LANGUAGE PYTHON USING JAR 'a', FILE 'b'" },
    { "CREATE DATABASE IF NOT EXISTS a.b COMMENT 'c' WITH ('k' = 'v')", NULL },
    { "CREATE CATALOG c WITH ('type' = 'x')", NULL },
    { "CREATE MODEL m INPUT (a STRING) OUTPUT (b INT COMMENT 'c', d ARRAY<INT>) COMMENT 'e' WITH ('provider' = 'p')",
      NULL },
    { "DROP TABLE IF EXISTS a.b", NULL },
    { "DROP TEMPORARY SYSTEM FUNCTION f", NULL },
    { "DROP DATABASE d CASCADE", NULL },
    { "DROP MATERIALIZED TABLE t", NULL },
    { "ALTER TABLE IF EXISTS a.b   RENAME   TO c", "ALTER TABLE IF EXISTS a.b RENAME TO c" },
    { "ALTER TABLE t SET ('a' = 'b')", NULL },
    { "ALTER TABLE t RESET ('a', 'b')", NULL },
    { "ALTER TABLE t RENAME `a b` TO c", NULL },
    { "ALTER TABLE t ADD a INT COMMENT 'c' FIRST", "ALTER TABLE t ADD (a INT COMMENT 'c' FIRST)" },
    { "ALTER TABLE t ADD (a INT PRIMARY KEY NOT ENFORCED AFTER `b c`, d AS a + 1, e INT METADATA FROM 'k' VIRTUAL, "
      "WATERMARK FOR x AS x)", NULL },
    { "ALTER TABLE t MODIFY (a INT, CONSTRAINT k PRIMARY KEY (a) NOT ENFORCED)", NULL },
    { "ALTER TABLE t MODIFY WATERMARK FOR x AS x", "ALTER TABLE t MODIFY (WATERMARK FOR x AS x)" },
    { "ALTER TABLE t ADD PRIMARY KEY (a, b) NOT ENFORCED", "ALTER TABLE t ADD (PRIMARY KEY (a, b) NOT ENFORCED)" },
    { "ALTER TABLE t DROP a", "ALTER TABLE t DROP (a)" },
    { "ALTER TABLE t DROP (a, `b c`)", NULL },
    { "ALTER TABLE t DROP PRIMARY KEY", NULL },
    { "ALTER TABLE t DROP CONSTRAINT `a b`", NULL },
    { "ALTER TABLE t DROP WATERMARK", NULL },
    { "ALTER TABLE t ADD IF NOT EXISTS PARTITION (a = 'b')", "ALTER TABLE t ADD IF NOT EXISTS PARTITION ( a = 'b' )" },
    { "ALTER TABLE t DROP DISTRIBUTION", NULL },
    { "ALTER VIEW v RENAME TO a.b.c", NULL },
    { "ALTER TEMPORARY SYSTEM FUNCTION IF EXISTS f AS 'a.b' LANGUAGE PYTHON USING JAR 'x', JAR 'y'", NULL },
    { "ALTER VIEW v AS SELECT `a b` FROM t", NULL },
    { "ALTER CATALOG c COMMENT 'x'", NULL },
    { "SHOW TABLES", NULL },
    { "SHOW TABLES IN a.b NOT LIKE '%x'", "SHOW TABLES FROM a.b NOT LIKE '%x'" },
    { "SHOW VIEWS ILIKE 'v'", NULL },
    { "SHOW CREATE TABLE a.b", NULL },
    { "SHOW CURRENT DATABASE", NULL },
    { "SHOW COLUMNS IN t LIKE 'a'", "SHOW COLUMNS FROM t LIKE 'a'" },
    { "SHOW PARTITIONS t PARTITION (a = 'b')", NULL },
    { "SHOW FULL MODULES", NULL },
    { "SHOW USER FUNCTIONS", NULL },
    { "SHOW JOBS", NULL },
    { "DESC t", "DESCRIBE t" },
    { "DESCRIBE EXTENDED a.b", NULL },
    { "DESCRIBE CATALOG EXTENDED c", NULL },
    { "DESCRIBE JOB '228d70913eab60dda85c5e7f78b5782c'", NULL },
    { "DESCRIBE 'a.csv'", NULL },
    { "DESCRIBE job", "DESCRIBE `job`" },
    { "EXPLAIN SELECT 1", "EXPLAIN PLAN FOR SELECT 1" },
    { "EXPLAIN PLAN FOR INSERT INTO t SELECT 1", NULL },
    { "EXPLAIN ESTIMATED_COST, CHANGELOG_MODE, JSON_EXECUTION_PLAN, PLAN_ADVICE SELECT 1", NULL },
    { "EXPLAIN STATEMENT SET BEGIN INSERT INTO t SELECT 1; END",
      "EXPLAIN PLAN FOR EXECUTE STATEMENT SET BEGIN INSERT INTO t SELECT 1; END" },
    { "EXPLAIN CREATE TABLE t AS SELECT 1", "EXPLAIN PLAN FOR CREATE TABLE t AS SELECT 1" },
    { "SET", NULL },
    { "SET 'a' = 'b'", NULL },
    { "SET 'a'", NULL },
    { "SET execution.runtime-mode = streaming", "SET 'execution.runtime-mode' = 'streaming'" },
    { "RESET", NULL },
    { "RESET ALL", "RESET" },
    { "RESET 'a'", NULL },
    { "USE d", NULL },
    { "USE CATALOG c", NULL },
    { "USE MODULES a, b", NULL },
    { "LOAD MODULE m WITH ('a' = 'b')", "LOAD MODULE m WITH ( 'a' = 'b' )" },
    { "ANALYZE TABLE t COMPUTE STATISTICS", NULL },
    { "TRUNCATE TABLE t", NULL },
    { "DELETE FROM t WHERE a = 'it''s'", NULL },
    { "UPDATE t SET a = 1 -- comment", "UPDATE t SET a = 1" },
    { "CALL p(1, 'x')", "CALL p ( 1 , 'x' )" },
    { "STOP JOB 'x' WITH SAVEPOINT", NULL },
    { "ADD JAR 'x'", NULL },
    { "COMPILE PLAN 'x' FOR STATEMENT SET BEGIN INSERT INTO a SELECT 1; END",
      "COMPILE PLAN 'x' FOR STATEMENT SET BEGIN INSERT INTO a SELECT 1 ; END" },
    { "EXECUTE PLAN 'x'", NULL },
    { "CREATE MATERIALIZED TABLE t AS SELECT 1", NULL },
};

static const struct row spaces[] = {
    { "select/*c*/1--x\n,2//y\n,3", "SELECT 1, 2, 3" },
    { ";;SELECT 1;;SELECT 2", "SELECT 1; SELECT 2" },
};

#define TABLE(name) { #name, name, sizeof name / sizeof *name }
static const struct {
    const char *name;
    const struct row *rows;
    size_t count;
} tables[] = {
    TABLE(expressions),
    TABLE(functions),
    TABLE(windows),
    TABLE(queries),
    TABLE(from),
    TABLE(types),
    TABLE(statements),
    TABLE(spaces),
};

static void check_row(struct arena *a, const struct row *row)
{
    struct error err = { 0 };
    struct buf out;
    struct syn_stmt **first, **second;
    uint32_t n = 0, m = 0;
    buf_init(&out, budget_process(), SIZE_MAX);
    if (!canonical(a, str_from(row->sql), &out, &err))
        fail_msg("%s\n%u:%u: %s", row->sql, err.line, err.column, err.message);
    assert_true(buf_put_u8(&out, 0));
    assert_string_equal((char *)out.data, row->printed ? row->printed : row->sql);
    assert_int_equal(syn_parse(a, str_from(row->sql), &first, &n, &err), ST_OK);
    assert_int_equal(syn_parse(a, str_from((char *)out.data), &second, &m, &err), ST_OK);
    assert_int_equal(n, m);
    for (uint32_t i = 0; i < n; i++)
        assert_true(syn_equal_stmt(first[i], second[i]));
    buf_release(&out);
}

static void test_canonical_texts(void **state)
{
    (void)state;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (size_t i = 0; i < tables[t].count; i++) {
            struct arena a;
            arena_init(&a, budget_process());
            check_row(&a, &tables[t].rows[i]);
            arena_release(&a);
        }
}

/* Equality sees every difference: no two rows have equal trees unless they print the same. */
static void test_different_statements_differ(void **state)
{
    (void)state;
    struct arena a;
    struct error err;
    arena_init(&a, budget_process());
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (size_t i = 1; i < tables[t].count; i++) {
            struct syn_stmt **one, **other;
            uint32_t n, m;
            assert_int_equal(syn_parse(&a, str_from(tables[t].rows[i - 1].sql), &one, &n, &err), ST_OK);
            assert_int_equal(syn_parse(&a, str_from(tables[t].rows[i].sql), &other, &m, &err), ST_OK);
            const char *p = tables[t].rows[i - 1].printed, *q = tables[t].rows[i].printed;
            p = p ? p : tables[t].rows[i - 1].sql;
            q = q ? q : tables[t].rows[i].sql;
            if (strcmp(p, q) != 0)
                assert_false(n == m && syn_equal_stmt(one[0], other[0]));
        }
    arena_release(&a);
}

/* One token at a time is changed; each pair must be unequal. */
static void test_equality_sees_small_differences(void **state)
{
    static const char *const pairs[][2] = {
        { "SELECT a", "SELECT b" },
        { "SELECT a", "SELECT A" },
        { "SELECT 1", "SELECT 1.0" },
        { "SELECT 'a'", "SELECT X'aa'" },
        { "SELECT a AS b", "SELECT a" },
        { "SELECT DISTINCT a", "SELECT a" },
        { "SELECT a + b", "SELECT a - b" },
        { "SELECT (a + b) + c", "SELECT a + (b + c)" },
        { "SELECT a <> b", "SELECT a != b" },
        { "SELECT a IN (1)", "SELECT a NOT IN (1)" },
        { "SELECT COUNT(a)", "SELECT COUNT(DISTINCT a)" },
        { "SELECT COUNT(*)", "SELECT COUNT()" },
        { "SELECT f(a) FILTER (WHERE b)", "SELECT f(a) FILTER (WHERE c)" },
        { "SELECT f(a) OVER (ORDER BY b)", "SELECT f(a) OVER (ORDER BY b DESC)" },
        { "SELECT f(a) OVER (ROWS 1 PRECEDING)", "SELECT f(a) OVER (RANGE 1 PRECEDING)" },
        { "SELECT CAST(a AS INT)", "SELECT CAST(a AS INT NOT NULL)" },
        { "SELECT CAST(a AS DECIMAL(4, 2))", "SELECT CAST(a AS DECIMAL(4, 3))" },
        { "SELECT CURRENT_DATE", "SELECT CURRENT_DATE()" },
        { "SELECT (1, 2)", "SELECT ROW(1, 2)" },
        { "SELECT a.b", "SELECT (a).b" },
        { "SELECT * FROM a", "SELECT * FROM b" },
        { "SELECT * FROM a", "SELECT * FROM a AS b" },
        { "SELECT * FROM a JOIN b ON TRUE", "SELECT * FROM a LEFT JOIN b ON TRUE" },
        { "SELECT * FROM a, b", "SELECT * FROM a CROSS JOIN b" },
        { "SELECT * FROM a JOIN b USING (c)", "SELECT * FROM a JOIN b USING (d)" },
        { "SELECT * FROM TABLE(f())", "SELECT * FROM f()" },
        { "SELECT * FROM UNNEST(a)", "SELECT * FROM UNNEST(a) WITH ORDINALITY" },
        { "SELECT /*+ A('b'='c') */ 1", "SELECT /*+ A('b'='d') */ 1" },
        { "SELECT /*+ A('b'='') */ 1", "SELECT /*+ A('b') */ 1" },
        { "SELECT a GROUP BY a", "SELECT a" },
        { "SELECT a GROUP BY a", "SELECT a GROUP BY ROLLUP (a)" },
        { "SELECT a LIMIT 1", "SELECT a OFFSET 1" },
        { "SELECT 1 UNION SELECT 2", "SELECT 1 UNION ALL SELECT 2" },
        { "WITH a AS (SELECT 1) SELECT 2", "SELECT 2" },
        { "INSERT INTO a SELECT 1", "INSERT OVERWRITE a SELECT 1" },
        { "CREATE TABLE t (a INT)", "CREATE TABLE t (a INT COMMENT '')" },
        { "CREATE TABLE t (a INT) WITH ()", "CREATE TABLE t (a INT)" },
        { "CREATE TABLE t (a INT, PRIMARY KEY (a))", "CREATE TABLE t (a INT, PRIMARY KEY (a) NOT ENFORCED)" },
        { "CREATE VIEW v AS SELECT 1", "CREATE TEMPORARY VIEW v AS SELECT 1" },
        { "DROP TABLE t", "DROP VIEW t" },
        { "SET 'a' = ''", "SET 'a'" },
        { "SHOW TABLES LIKE 'a'", "SHOW TABLES NOT LIKE 'a'" },
        { "EXPLAIN SELECT 1", "EXPLAIN PLAN_ADVICE SELECT 1" },
        { "ALTER TABLE t RENAME TO a", "ALTER TABLE t RENAME TO b" },
    };
    (void)state;
    struct arena a;
    struct error err = { 0 };
    arena_init(&a, budget_process());
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct syn_stmt **one = NULL, **other = NULL;
        uint32_t n, m;
        if (syn_parse(&a, str_from(pairs[i][0]), &one, &n, &err) ||
            syn_parse(&a, str_from(pairs[i][1]), &other, &m, &err))
            fail_msg("%s / %s: %s", pairs[i][0], pairs[i][1], err.message);
        assert_true(syn_equal_stmt(one[0], one[0]));
        if (syn_equal_stmt(one[0], other[0]))
            fail_msg("equal: %s / %s", pairs[i][0], pairs[i][1]);
    }
    arena_release(&a);
}

/* A NUL can only come from an escape, and goes back into one. */
static void test_nul_in_text(void **state)
{
    (void)state;
    struct arena a;
    struct error err;
    struct buf out;
    arena_init(&a, budget_process());
    buf_init(&out, budget_process(), SIZE_MAX);
    assert_true(canonical(&a, STR("SELECT U&'it''s\\0000\\\\'"), &out, &err));
    assert_true(str_eq(buf_str(&out), STR("SELECT U&'it''s\\0000\\\\'")));
    buf_release(&out);
    arena_release(&a);
}

/* A buffer that is full gives false, wherever that happens. */
static void test_printer_reports_a_full_buffer(void **state)
{
    (void)state;
    struct arena a;
    struct error err;
    arena_init(&a, budget_process());
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (size_t i = 0; i < tables[t].count; i++) {
            struct buf out;
            buf_init(&out, budget_process(), SIZE_MAX);
            assert_true(canonical(&a, str_from(tables[t].rows[i].sql), &out, &err));
            size_t whole = out.len;
            buf_release(&out);
            for (size_t max = 0; max < whole; max += 7) {
                buf_init(&out, budget_process(), max);
                assert_false(canonical(&a, str_from(tables[t].rows[i].sql), &out, &err));
                buf_release(&out);
            }
            arena_reset(&a);
        }
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canonical_texts),
        cmocka_unit_test(test_different_statements_differ),
        cmocka_unit_test(test_equality_sees_small_differences),
        cmocka_unit_test(test_nul_in_text),
        cmocka_unit_test(test_printer_reports_a_full_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
