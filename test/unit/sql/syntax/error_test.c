/* Bad statements with the place, the message and the hint that they give. */
#include "sql/syntax/helper.h"

struct row {
    const char *sql;
    enum status status;
    uint32_t line, column;
    const char *message, *hint; /* hint NULL: none */
};

static const struct row rows[] = {
    { "SELCT a FROM t", ST_SYNTAX, 1, 1,
      "unexpected 'SELCT': expected a statement", "did you mean SELECT instead of 'SELCT'?" },
    { "SELECT a FORM t", ST_SYNTAX, 1, 15,
      "unexpected 't': expected ';' or the end of the statement", "did you mean FROM instead of 'FORM'?" },
    { "SELECT FROM t", ST_SYNTAX, 1, 8,
      "unexpected 'FROM': expected an expression (a name, a value or a function)", NULL },
    { "SELECT a, FROM t", ST_SYNTAX, 1, 11,
      "unexpected 'FROM': expected an expression (a name, a value or a function)", NULL },
    { "SELECT a FROM t WHER b = 1", ST_SYNTAX, 1, 22,
      "unexpected 'b': expected ';' or the end of the statement", "did you mean WHERE instead of 'WHER'?" },
    { "SELECT value FROM t", ST_SYNTAX, 1, 8,
      "unexpected 'value': expected an expression (a name, a value or a function)",
      "VALUE is a reserved word: quote it as `value`" },
    { "SELECT a AS timestamp FROM t", ST_SYNTAX, 1, 13,
      "unexpected 'timestamp': expected a column's name", "TIMESTAMP is a reserved word: quote it as `timestamp`" },
    { "SELECT a FROM order", ST_SYNTAX, 1, 15,
      "unexpected 'order': expected a table (a name, a query in parentheses, TABLE, UNNEST or LATERAL)",
      "ORDER is a reserved word: quote it as `order`" },
    { "SELECT (1 + 2 FROM t", ST_SYNTAX, 1, 15, "unexpected 'FROM': expected an operator, ',' or ')'", NULL },
    { "SELECT 1 +", ST_SYNTAX, 1, 11,
      "the text ends where an expression (a name, a value or a function) should follow", NULL },
    { "SELECT 'abc", ST_SYNTAX, 1, 8, "text without closing quote", NULL },
    { "SELECT \"a\" FROM t", ST_SYNTAX, 1, 8,
      "unexpected character '\"'", "names stand in backticks, text in single quotes" },
    { "SELECT `a FROM t", ST_SYNTAX, 1, 8, "name without closing backtick", NULL },
    { "SELECT 1abc", ST_SYNTAX, 1, 8,
      "a number runs into a word", "put a space between them, or the name in backticks" },
    { "SELECT x'ABC'", ST_SYNTAX, 1, 8, "X'…' needs an even number of hex digits", NULL },
    { "SELECT CAST(a AS INTT)", ST_SYNTAX, 1, 18,
      "unexpected 'INTT': expected a type", "did you mean INT instead of 'INTT'?" },
    { "SELECT CAST(a AS ARRAY<INT)", ST_SYNTAX, 1, 27, "unexpected ')': expected '>'", NULL },
    { "SELECT INTERVAL '1' DYA", ST_SYNTAX, 1, 21,
      "unexpected 'DYA': expected YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE or SECOND",
      "did you mean DAY instead of 'DYA'?" },
    { "SELECT EXTRACT(YAER FROM a)", ST_SYNTAX, 1, 16,
      "unexpected 'YAER': expected a unit of time", "did you mean YEAR instead of 'YAER'?" },
    { "SELECT CASE a WHEN 1 THEN 2", ST_SYNTAX, 1, 28,
      "the text ends where an operator, WHEN, ELSE or END should follow", NULL },
    { "SELECT CASE END", ST_SYNTAX, 1, 13,
      "unexpected 'END': expected an expression (a name, a value or a function)", NULL },
    { "SELECT * FROM t JOIN", ST_SYNTAX, 1, 21,
      "the text ends where a table (a name, a query in parentheses, TABLE, UNNEST or LATERAL) should follow", NULL },
    { "SELECT * FROM t LEFT t2 ON a = b", ST_SYNTAX, 1, 22, "unexpected 't2': expected JOIN", NULL },
    { "SELECT a FROM t GROUP a", ST_SYNTAX, 1, 23, "unexpected 'a': expected BY", NULL },
    { "SELECT a FROM t ORDER a", ST_SYNTAX, 1, 23, "unexpected 'a': expected BY", NULL },
    { "SELECT a FROM t LIMIT x", ST_SYNTAX, 1, 23, "unexpected 'x': expected a number of rows", NULL },
    { "SELECT a FROM t LIMIT -1", ST_SYNTAX, 1, 23, "unexpected '-': expected a number of rows", NULL },
    { "SELECT MAP[1, 2, 3]", ST_SYNTAX, 1, 8, "MAP needs a value for every key", NULL },
    { "SELECT a IS NOT b", ST_SYNTAX, 1, 17,
      "unexpected 'b': expected NULL, TRUE, FALSE, UNKNOWN, DISTINCT FROM or JSON", NULL },
    { "SELECT a NOT b", ST_SYNTAX, 1, 10, "unexpected 'NOT': expected ';' or the end of the statement", NULL },
    { "INSERT t SELECT 1", ST_SYNTAX, 1, 8, "unexpected 't': expected INTO or OVERWRITE", NULL },
    { "INSERT INTO t", ST_SYNTAX, 1, 14,
      "the text ends where PARTITION, a list of columns, SELECT or VALUES should follow", NULL },
    { "INSERT INTO t (a, b) SELEC 1", ST_SYNTAX, 1, 22,
      "unexpected 'SELEC': expected SELECT or VALUES", "did you mean SELECT instead of 'SELEC'?" },
    { "INSERT INTO t SELECT 1 ON CONFLICT DO IGNORE", ST_SYNTAX, 1, 39,
      "unexpected 'IGNORE': expected NOTHING, ERROR or DEDUPLICATE", NULL },
    { "CREATE TABEL t (a INT)", ST_SYNTAX, 1, 8,
      "unexpected 'TABEL': expected TABLE, VIEW, FUNCTION, DATABASE, CATALOG, MODEL, TEMPORARY or OR REPLACE",
      "did you mean TABLE instead of 'TABEL'?" },
    { "CREATE TABLE t", ST_SYNTAX, 1, 15, "the text ends where '(', WITH, LIKE or AS should follow", NULL },
    { "CREATE TABLE t (a)", ST_SYNTAX, 1, 17, "column 'a' has no type", NULL },
    { "CREATE TABLE t (a INT, PRIMARY KEY (a), PRIMARY KEY (b))", ST_SYNTAX, 1, 41,
      "a table has one primary key", NULL },
    { "CREATE TABLE t (a INT) WITH ('a' = b)", ST_SYNTAX, 1, 36,
      "unexpected 'b': expected an option's value in single quotes", NULL },
    { "CREATE TABLE t (a INT) WITH (a = 'b')", ST_SYNTAX, 1, 30,
      "unexpected 'a': expected an option's name in single quotes", NULL },
    { "CREATE TABLE t (a INT) LIKE b (INCLUDING ALLL)", ST_SYNTAX, 1, 42,
      "unexpected 'ALLL': expected ALL, CONSTRAINTS, DISTRIBUTION, GENERATED, METADATA, OPTIONS, "
      "PARTITIONS or WATERMARKS", "did you mean ALL instead of 'ALLL'?" },
    { "CREATE VIEW v SELECT 1", ST_SYNTAX, 1, 15, "unexpected 'SELECT': expected AS", NULL },
    { "CREATE TEMPORARY DATABASE d", ST_SYNTAX, 1, 8, "a DATABASE cannot be TEMPORARY", NULL },
    { "CREATE FUNCTION f", ST_SYNTAX, 1, 18, "the text ends where AS should follow", NULL },
    { "DROP t", ST_SYNTAX, 1, 6,
      "unexpected 't': expected TABLE, VIEW, FUNCTION, DATABASE, CATALOG, MODEL or TEMPORARY", NULL },
    { "ALTER TABLE t RENAM TO b", ST_SYNTAX, 1, 15,
      "unexpected 'RENAM': expected RENAME, SET, RESET, ADD, MODIFY or DROP",
      "did you mean RENAME instead of 'RENAM'?" },
    { "SELECT a FROM TUMBLE(TABLE t /*+ OPTIONS('a' = 'b') */, DESCRIPTOR(c), INTERVAL '1' DAY)", ST_SYNTAX, 1, 30,
      "unexpected '/*+': expected PARTITION BY, ORDER BY, ',' or ')'",
      "a hint stands in a query: TABLE (SELECT * FROM t /*+ … */)" },
    { "ALTER TABLE t RENAME a b", ST_SYNTAX, 1, 24, "unexpected 'b': expected TO", NULL },
    { "ALTER TABLE t ADD", ST_SYNTAX, 1, 18,
      "the text ends where a column's name, PRIMARY KEY, CONSTRAINT or WATERMARK should follow", NULL },
    { "ALTER TABLE t ADD (a INT, b)", ST_SYNTAX, 1, 27, "column 'b' has no type", NULL },
    { "ALTER TABLE t ADD a INT, b INT", ST_SYNTAX, 1, 24, "unexpected ',': expected ';' or the end of the statement", NULL },
    { "ALTER TABLE t RESET ('a' = 'b')", ST_SYNTAX, 1, 26, "unexpected '=': expected ',' or ')'", NULL },
    { "ALTER TABLE t DROP (a b)", ST_SYNTAX, 1, 23, "unexpected 'b': expected ',' or ')'", NULL },
    { "ALTER VIEW v RENAME a TO b", ST_SYNTAX, 1, 21, "unexpected 'a': expected TO", NULL },
    { "CREATE TABLE t (a INT FIRST)", ST_SYNTAX, 1, 23, "unexpected 'FIRST': expected ',' or ')'", NULL },
    { "SHOW TABLS", ST_SYNTAX, 1, 6,
      "unexpected 'TABLS': expected what to show, such as TABLES, VIEWS, FUNCTIONS, COLUMNS, "
      "CATALOGS, DATABASES, JOBS or CREATE TABLE", "did you mean TABLES instead of 'TABLS'?" },
    { "SHOW COLUMNS t", ST_SYNTAX, 1, 14, "unexpected 't': expected FROM or IN", NULL },
    { "DESCRIBE", ST_SYNTAX, 1, 9,
      "the text ends where CATALOG, DATABASE, FUNCTION, MODEL, JOB or a table's name should follow", NULL },
    { "EXPLAIN", ST_SYNTAX, 1, 8,
      "the text ends where SELECT, INSERT, CREATE, STATEMENT SET, PLAN FOR or a detail such as "
      "CHANGELOG_MODE should follow", NULL },
    { "EXPLAIN CHANGELOG SELECT 1", ST_SYNTAX, 1, 9,
      "unexpected 'CHANGELOG': expected SELECT, INSERT, CREATE, STATEMENT SET, PLAN FOR or a "
      "detail such as CHANGELOG_MODE", NULL },
    { "SET 'a' = ", ST_SYNTAX, 1, 11, "the text ends where a value in single quotes should follow", NULL },
    { "SET a b", ST_SYNTAX, 1, 7, "unexpected 'b': expected '=' or the end of the statement", NULL },
    { "USE", ST_SYNTAX, 1, 4, "the text ends where CATALOG, MODULES or a database's name should follow", NULL },
    { "BEGIN STATEMENT SET INSERT INTO a SELECT 1; END", ST_SYNTAX, 1, 21,
      "unexpected 'INSERT': expected ';'", NULL },
    { "SELECT * FROM TABLE(t)", ST_SYNTAX, 1, 21, "TABLE(…) needs a call of a table function", NULL },
    { "SELECT * FROM (SELECT 1", ST_SYNTAX, 1, 24, "the text ends where ')' after the query should follow", NULL },
    { "SELECT * FROM t MATCH_RECOGNIZE (ORDER BY a DEFINE A AS TRUE)", ST_SYNTAX, 1, 45,
      "unexpected 'DEFINE': expected PARTITION, ORDER, MEASURES, ONE, ALL, AFTER or PATTERN", NULL },
    { "SELECT * FROM t MATCH_RECOGNIZE (PATTERN (A{3,2}) DEFINE A AS TRUE)", ST_SYNTAX, 1, 44,
      "the upper bound of a quantifier is below the lower, or 0", NULL },
    { "SELECT * FROM t MATCH_RECOGNIZE (PATTERN () DEFINE A AS TRUE)", ST_SYNTAX, 1, 43,
      "unexpected ')': expected the name of a pattern variable", NULL },
    { "WITH RECURSIVE a AS (SELECT 1) SELECT 1", ST_UNSUPPORTED, 1, 6, "WITH RECURSIVE is not supported", NULL },
    { "SELECT a OVER (ROWS 1) FROM t", ST_SYNTAX, 1, 10,
      "unexpected 'OVER': expected ';' or the end of the statement", NULL },
    { "SELECT SUM(a) OVER (ORDER BY b ROWS 1) FROM t", ST_SYNTAX, 1, 38,
      "unexpected ')': expected PRECEDING or FOLLOWING", NULL },
    { "SELECT f(a => b => c)", ST_SYNTAX, 1, 15, "an argument has one name only", NULL },
    { "SELECT a FROM t FOR SYSTEM_TIME OF b", ST_SYNTAX, 1, 33, "unexpected 'OF': expected AS", NULL },
    { "SELECT U&'\\00'", ST_SYNTAX, 1, 8, "bad escape in text", "U&'…' knows \\XXXX and \\+XXXXXX" },
    { "SELECT ‘a’", ST_SYNTAX, 1, 8,
      "unexpected character U+2018", "typographic quotes: use ' for text and ` for names" },
    { "SELECT 1 /* x", ST_SYNTAX, 1, 10, "comment without end", "close it with */" },
    { "FOO BAR", ST_SYNTAX, 1, 1, "unexpected 'FOO': expected a statement", NULL },
    { "SELECT a b c", ST_SYNTAX, 1, 12, "unexpected 'c': expected ';' or the end of the statement", NULL },
    { "TABLE", ST_SYNTAX, 1, 6, "the text ends where a table's name should follow", NULL },
    { ")", ST_SYNTAX, 1, 1, "unexpected ')': expected a statement", NULL },
    { "SELECT a\nFROM t\n\tWHERE b = = 1", ST_SYNTAX, 3, 12,
      "unexpected '=': expected an expression (a name, a value or a function)", NULL },
    { "SELECT 'é', '日本', x y z", ST_SYNTAX, 1, 23, "unexpected 'z': expected ';' or the end of the statement", NULL },
    { "-- c\n/* d\n */ SELECT FROM", ST_SYNTAX, 3, 12,
      "unexpected 'FROM': expected an expression (a name, a value or a function)", NULL },
    { "SELECT a FROM t;\nSELECT b FRM t", ST_SYNTAX, 2, 14,
      "unexpected 't': expected ';' or the end of the statement", "did you mean FROM instead of 'FRM'?" },
    { "SELECT f(", ST_SYNTAX, 1, 10,
      "the text ends where an expression (a name, a value or a function) should follow", NULL },
    { "SELECT f(a b)", ST_SYNTAX, 1, 12, "unexpected 'b': expected an operator, ',' or ')'", NULL },
    { "SELECT a.", ST_SYNTAX, 1, 10, "the text ends where a name should follow", NULL },
    { "SELECT a.select", ST_SYNTAX, 1, 10, "unexpected 'select': expected a name", NULL },
    { "SELECT a[1", ST_SYNTAX, 1, 11, "the text ends where an operator or ']' should follow", NULL },
    { "SELECT ARRAY[1, 2", ST_SYNTAX, 1, 18, "the text ends where an operator, ',' or ']' should follow", NULL },
    { "SELECT ARRAY(1)", ST_SYNTAX, 1, 14, "unexpected '1': expected a query", NULL },
    { "SELECT EXISTS (a)", ST_SYNTAX, 1, 16, "unexpected 'a': expected a query in parentheses", NULL },
    { "SELECT EXISTS a", ST_SYNTAX, 1, 15, "unexpected 'a': expected a query in parentheses", NULL },
    { "SELECT a = ANY 1", ST_SYNTAX, 1, 12,
      "unexpected 'ANY': expected an expression (a name, a value or a function)",
      "ANY is a reserved word: quote it as `ANY`" },
    { "SELECT a IN 1", ST_SYNTAX, 1, 13, "unexpected '1': expected '(' and values or a query", NULL },
    { "SELECT a IN ()", ST_SYNTAX, 1, 14,
      "unexpected ')': expected an expression (a name, a value or a function)", NULL },
    { "SELECT a BETWEEN 1", ST_SYNTAX, 1, 19, "the text ends where AND should follow", NULL },
    { "SELECT a BETWEEN 1 OR 2", ST_SYNTAX, 1, 20, "unexpected 'OR': expected AND", NULL },
    { "SELECT CAST(a, INT)", ST_SYNTAX, 1, 14, "unexpected ',': expected an operator or AS", NULL },
    { "SELECT CAST(a AS DECIMAL(1, 2, 3))", ST_SYNTAX, 1, 30, "unexpected ',': expected ')'", NULL },
    { "SELECT CAST(a AS TIME WITH TIME ZONE)", ST_SYNTAX, 1, 18, "TIME has no time zone", NULL },
    { "SELECT CAST(a AS ROW<x>)", ST_SYNTAX, 1, 23, "unexpected '>': expected a type", NULL },
    { "SELECT CAST(a AS MAP<INT>)", ST_SYNTAX, 1, 25, "unexpected '>': expected ','", NULL },
    { "SELECT CAST(a AS DECIMAL(99999999999))", ST_SYNTAX, 1, 26,
      "unexpected '99999999999': expected a precision", NULL },
    { "SELECT ROW()", ST_SYNTAX, 1, 12,
      "unexpected ')': expected an expression (a name, a value or a function)", NULL },
    { "SELECT TRIM(BOTH 'x' a)", ST_SYNTAX, 1, 22, "unexpected 'a': expected an operator or FROM", NULL },
    { "SELECT TIMESTAMPADD(x, 1, a)", ST_SYNTAX, 1, 21, "unexpected 'x': expected a unit of time", NULL },
    { "SELECT JSON_VALUE(a, 'p' NULL ON NULL)", ST_SYNTAX, 1, 34,
      "unexpected 'NULL': expected EMPTY or ERROR", NULL },
    { "SELECT JSON_OBJECT('a')", ST_SYNTAX, 1, 23, "unexpected ')': expected an operator, VALUE or ':'", NULL },
    { "SELECT JSON_QUERY(a, 'p' WITH ARRAY)", ST_SYNTAX, 1, 36, "unexpected ')': expected WRAPPER", NULL },
    { "SELECT JSON_ARRAY(1 ABSENT ON EMPTY)", ST_SYNTAX, 1, 31, "unexpected 'EMPTY': expected NULL", NULL },
    { "SELECT SUM(a) OVER", ST_SYNTAX, 1, 19, "the text ends where '(' or a window's name should follow", NULL },
    { "SELECT SUM(a) OVER (PARTITION a)", ST_SYNTAX, 1, 21,
      "unexpected 'PARTITION': expected PARTITION BY, ORDER BY, ROWS, RANGE or ')'", NULL },
    { "SELECT SUM(a) FILTER (b)", ST_SYNTAX, 1, 23, "unexpected 'b': expected WHERE", NULL },
    { "SELECT SUM(a) WITHIN GROUP (a)", ST_SYNTAX, 1, 29, "unexpected 'a': expected ORDER", NULL },
    { "SELECT RUNNING x", ST_SYNTAX, 1, 8,
      "unexpected 'RUNNING': expected an expression (a name, a value or a function)",
      "RUNNING is a reserved word: quote it as `RUNNING`" },
    { "SELECT RUNNING select(1)", ST_SYNTAX, 1, 16, "unexpected 'select': expected a function's name", NULL },
    { "SELECT MATCH_RECOGNIZE", ST_SYNTAX, 1, 8,
      "unexpected 'MATCH_RECOGNIZE': expected an expression (a name, a value or a function)",
      "MATCH_RECOGNIZE is a reserved word: quote it as `MATCH_RECOGNIZE`" },
    { "SELECT * FROM t TABLESAMPLE", ST_SYNTAX, 1, 17,
      "unexpected 'TABLESAMPLE': expected ';' or the end of the statement", NULL },
    { "SELECT * FROM (a JOIN b ON TRUE) AS c", ST_SYNTAX, 1, 34,
      "unexpected 'AS': expected ';' or the end of the statement", NULL },
    { "SELECT * FROM a NATURAL b", ST_SYNTAX, 1, 25, "unexpected 'b': expected JOIN", NULL },
    { "SELECT * FROM UNNEST a", ST_SYNTAX, 1, 22, "unexpected 'a': expected '('", NULL },
    { "SELECT * FROM LATERAL a JOIN", ST_SYNTAX, 1, 29,
      "the text ends where a table (a name, a query in parentheses, TABLE, UNNEST or LATERAL) should follow", NULL },
    { "SELECT * FROM t /*+ OPTIONS('a'=) */", ST_SYNTAX, 1, 33,
      "unexpected ')': expected a value in single quotes", NULL },
    { "SELECT * FROM t /*+ OPTIONS('a'='b')", ST_SYNTAX, 1, 37,
      "the text ends where ',' or the end of the hint should follow", NULL },
    { "SELECT * FROM t /*+ */", ST_SYNTAX, 1, 21, "unexpected '*/': expected a hint's name", NULL },
    { "SELECT a FROM t GROUP BY", ST_SYNTAX, 1, 25,
      "the text ends where an expression (a name, a value or a function) should follow", NULL },
    { "SELECT a FROM t GROUP BY ROLLUP a", ST_SYNTAX, 1, 33, "unexpected 'a': expected '('", NULL },
    { "SELECT a FROM t WINDOW w (ORDER BY a)", ST_SYNTAX, 1, 26, "unexpected '(': expected AS", NULL },
    { "SELECT a FROM t LIMIT 1.5", ST_SYNTAX, 1, 23, "unexpected '1.5': expected a number of rows", NULL },
    { "SELECT a FROM t LIMIT 1 LIMIT 2", ST_SYNTAX, 1, 25,
      "unexpected 'LIMIT': expected ';' or the end of the statement", NULL },
    { "SELECT a FROM t FETCH 1 ROWS ONLY", ST_SYNTAX, 1, 23, "unexpected '1': expected FIRST or NEXT", NULL },
    { "SELECT a FROM t FETCH FIRST 1 ROWS", ST_SYNTAX, 1, 35, "the text ends where ONLY should follow", NULL },
    { "SELECT 1 UNION", ST_SYNTAX, 1, 15, "the text ends where SELECT, VALUES, TABLE or '(' should follow", NULL },
    { "SELECT 1 UNION 2", ST_SYNTAX, 1, 16, "unexpected '2': expected SELECT, VALUES, TABLE or '('", NULL },
    { "VALUES", ST_SYNTAX, 1, 7,
      "the text ends where an expression (a name, a value or a function) should follow", NULL },
    { "WITH a SELECT 1", ST_SYNTAX, 1, 8, "unexpected 'SELECT': expected AS", NULL },
    { "WITH a AS SELECT 1", ST_SYNTAX, 1, 11, "unexpected 'SELECT': expected '(' and a query", NULL },
    { "WITH a AS (SELECT 1)", ST_SYNTAX, 1, 21,
      "the text ends where SELECT, VALUES, TABLE or '(' should follow", NULL },
    { "SELECT * FROM t MATCH_RECOGNIZE (PATTERN (A) DEFINE A TRUE)", ST_SYNTAX, 1, 55,
      "unexpected 'TRUE': expected AS", NULL },
    { "SELECT * FROM t MATCH_RECOGNIZE (PATTERN (A{,}) DEFINE A AS TRUE)", ST_SYNTAX, 1, 46,
      "unexpected '}': expected a count", NULL },
    { "SELECT * FROM t MATCH_RECOGNIZE (AFTER MATCH SKIP TO NEXT PATTERN (A) DEFINE A AS TRUE)", ST_SYNTAX, 1, 59,
      "unexpected 'PATTERN': expected ROW", NULL },
    { "SELECT * FROM t MATCH_RECOGNIZE (ALL ROWS MATCH PATTERN (A) DEFINE A AS TRUE)", ST_SYNTAX, 1, 43,
      "unexpected 'MATCH': expected PER", NULL },
    { "SELECT * FROM t MATCH_RECOGNIZE (MEASURES A.x PATTERN (A) DEFINE A AS TRUE)", ST_SYNTAX, 1, 47,
      "unexpected 'PATTERN': expected an operator or AS", NULL },
    { "CREATE", ST_SYNTAX, 1, 7,
      "the text ends where TABLE, VIEW, FUNCTION, DATABASE, CATALOG, MODEL, TEMPORARY or OR REPLACE should follow",
      NULL },
    { "CREATE TABLE", ST_SYNTAX, 1, 13, "the text ends where a table's name should follow", NULL },
    { "CREATE TABLE t (WATERMARK a AS b)", ST_SYNTAX, 1, 27, "unexpected 'a': expected FOR", NULL },
    { "CREATE TABLE t (a INT, WATERMARK FOR a AS a, WATERMARK FOR a AS a)", ST_SYNTAX, 1, 46,
      "a table has one watermark", NULL },
    { "CREATE TABLE t (a INT PRIMARY KEY NOT ENFORCED, b INT PRIMARY KEY NOT ENFORCED)", ST_SYNTAX, 1, 55,
      "a table has one primary key", NULL },
    { "CREATE TABLE t (a INT UNIQUE)", ST_SYNTAX, 1, 23, "unexpected 'UNIQUE': expected ',' or ')'", NULL },
    { "CREATE TABLE t (timestamp TIMESTAMP(3))", ST_SYNTAX, 1, 17,
      "unexpected 'timestamp': expected a column's name, PRIMARY KEY, CONSTRAINT or WATERMARK",
      "TIMESTAMP is a reserved word: quote it as `timestamp`" },
    { "CREATE TABLE t (a INT METADATA VIRTUALL)", ST_SYNTAX, 1, 32,
      "unexpected 'VIRTUALL': expected ',' or ')'", "did you mean VIRTUAL instead of 'VIRTUALL'?" },
    { "CREATE TABLE IF EXISTS t (a INT)", ST_SYNTAX, 1, 17, "unexpected 'EXISTS': expected NOT", NULL },
    { "CREATE TABLE t (a INT) DISTRIBUTED a", ST_SYNTAX, 1, 36, "unexpected 'a': expected INTO", NULL },
    { "CREATE TABLE t (a INT) WITH ('a', 'b')", ST_SYNTAX, 1, 33, "unexpected ',': expected '='", NULL },
    { "CREATE TABLE t (a INT) AS INSERT", ST_SYNTAX, 1, 27,
      "unexpected 'INSERT': expected SELECT, VALUES or WITH", NULL },
    { "CREATE FUNCTION f AS a", ST_SYNTAX, 1, 22,
      "unexpected 'a': expected a class or library in single quotes", NULL },
    { "CREATE FUNCTION f AS 'a' USING 'x'", ST_SYNTAX, 1, 32,
      "unexpected ''x'': expected JAR, FILE or ARCHIVE", NULL },
    { "CREATE TEMPORARY SYSTEM TABLE t (a INT)", ST_SYNTAX, 1, 8, "a TABLE cannot be TEMPORARY SYSTEM", NULL },
    { "CREATE MODEL m INPUT (a)", ST_SYNTAX, 1, 24, "unexpected ')': expected a type", NULL },
    { "INSERT INTO t PARTITION (a = b) SELECT 1", ST_SYNTAX, 1, 30, "a partition's value is a literal", NULL },
    { "INSERT INTO t SELECT 1 ON CONFLICT NOTHING", ST_SYNTAX, 1, 36, "unexpected 'NOTHING': expected DO", NULL },
    { "EXECUTE", ST_SYNTAX, 1, 8, "the text ends where STATEMENT SET, PLAN, INSERT or SELECT should follow", NULL },
    { "EXECUTE STATEMENT SET BEGIN END", ST_SYNTAX, 1, 29, "unexpected 'END': expected INSERT", NULL },
    { "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1 END", ST_SYNTAX, 1, 52,
      "unexpected 'END': expected ';' after the statement", NULL },
    { "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; SELECT 2; END", ST_SYNTAX, 1, 53,
      "unexpected 'SELECT': expected INSERT or END", NULL },
    { "SHOW", ST_SYNTAX, 1, 5,
      "the text ends where what to show, such as TABLES, VIEWS, FUNCTIONS, COLUMNS, CATALOGS, "
      "DATABASES, JOBS or CREATE TABLE should follow", NULL },
    { "SHOW TABLES LIKE a", ST_SYNTAX, 1, 18, "unexpected 'a': expected a pattern in single quotes", NULL },
    { "SHOW TABLES NOT 'a'", ST_SYNTAX, 1, 17, "unexpected ''a'': expected LIKE or ILIKE", NULL },
    { "USE CATALOG", ST_SYNTAX, 1, 12, "the text ends where a catalog's name should follow", NULL },
    { "UPDATE", ST_SYNTAX, 1, 7, "the text ends where the rest of the statement should follow", NULL },
    { "LOAD MODULE", ST_SYNTAX, 1, 12, "the text ends where the rest of the statement should follow", NULL },
    { "RESET a b", ST_SYNTAX, 1, 9, "unexpected 'b': expected '=' or the end of the statement", NULL },
    { "ALTER t", ST_SYNTAX, 1, 7,
      "unexpected 't': expected TABLE, VIEW, FUNCTION, DATABASE, CATALOG or MODEL", NULL },
    { "ALTER TABLE t", ST_SYNTAX, 1, 14,
      "the text ends where RENAME, SET, RESET, ADD, MODIFY or DROP should follow", NULL },
    { "SELECT E'\\q\\ud800'", ST_SYNTAX, 1, 8, "bad escape in text", NULL },
    { "SELECT U&'a' UESCAPE 'ab'", ST_SYNTAX, 1, 8,
      "UESCAPE needs one character that is no hex digit, plus or space", NULL },
    { "SELECT a ? b", ST_SYNTAX, 1, 10, "unexpected '?': expected ';' or the end of the statement", NULL },
    { "SELECT ?", ST_SYNTAX, 1, 8, "unexpected '?': expected an expression (a name, a value or a function)", NULL },
    { "SELECT {fn x}", ST_SYNTAX, 1, 9, "unexpected 'fn': expected d, t or ts", NULL },
    { "SELECT ``", ST_SYNTAX, 1, 8, "empty name", NULL },
    { "SELECT a; ) ; SELECT 1", ST_SYNTAX, 1, 11, "unexpected ')': expected a statement", NULL },
};

static void test_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a;
        struct error err = { 0 };
        struct syn_stmt **list = NULL;
        uint32_t n = 77;
        arena_init(&a, budget_process());
        if (syn_parse(&a, str_from(rows[i].sql), &list, &n, &err) == ST_OK)
            fail_msg("accepted: %s", rows[i].sql);
        if (err.status != rows[i].status || err.line != rows[i].line || err.column != rows[i].column)
            fail_msg("%s: %s at %u:%u", rows[i].sql, status_name(err.status), err.line, err.column);
        assert_string_equal(err.message, rows[i].message);
        assert_string_equal(err.hint, rows[i].hint ? rows[i].hint : "");
        assert_null(list); /* outputs stay untouched */
        assert_int_equal(n, 77);
        /* and without an error object */
        assert_int_equal(syn_parse(&a, str_from(rows[i].sql), &list, &n, NULL), rows[i].status);
        arena_release(&a);
    }
}

/* Every reserved word is refused as a name, with the hint that quotes it; quoted it is a name. */
static void test_reserved_words(void **state)
{
    (void)state;
    uint32_t count, reserved = 0;
    const char *const *words = syn_keywords(&count);
    for (uint32_t i = 0; i < count; i++) {
        struct arena a;
        struct error err = { 0 };
        struct syn_stmt **list;
        uint32_t n;
        arena_init(&a, budget_process());
        bool is_reserved = syn_is_reserved(str_from(words[i]));
        reserved += is_reserved;
        struct str bare = arena_printf(&a, "CREATE TABLE %s (%s INT)", words[i], words[i]);
        struct str quoted = arena_printf(&a, "CREATE TABLE `%s` (`%s` INT)", words[i], words[i]);
        assert_int_equal(syn_parse(&a, quoted, &list, &n, &err), ST_OK);
        assert_int_equal(syn_parse(&a, bare, &list, &n, &err), is_reserved ? ST_SYNTAX : ST_OK);
        if (is_reserved) {
            assert_int_equal(err.column, 14);
            assert_true(strstr(err.message, words[i]) != NULL);
        }
        arena_release(&a);
    }
    assert_true(reserved > 300);
    assert_true(syn_is_reserved(STR("select")));
    assert_true(syn_is_reserved(STR("TimeStamp")));
    assert_false(syn_is_reserved(STR("key")));
    assert_false(syn_is_reserved(STR("")));
    assert_false(syn_is_reserved(STR("selec")));
    assert_false(syn_is_reserved(STR("a_word_that_is_much_longer_than_any_keyword_could_be")));
}

static void test_keywords_are_sorted(void **state)
{
    (void)state;
    uint32_t count;
    const char *const *words = syn_keywords(&count);
    assert_true(count > 400);
    for (uint32_t i = 1; i < count; i++)
        assert_true(strcmp(words[i - 1], words[i]) < 0);
}

/* After an error the next statement is found behind the ';', which quotes and comments can hide. */
static void test_going_on_after_an_error(void **state)
{
    (void)state;
    static const char script[] = "SELECT 1; SELCT 'a;b' /* ; */ -- ;\n + `c;d`; SELECT 2;;\n"
                                 "  SELECT FROM; SELECT \xff;SELECT 3";
    static const enum status want[] = { ST_OK, ST_SYNTAX, ST_OK, ST_SYNTAX, ST_SYNTAX, ST_OK, ST_OK };
    static const uint32_t lines[] = { 1, 1, 2, 3, 3, 3, 0 };
    static const uint32_t columns[] = { 1, 11, 11, 10, 23, 25, 0 };
    struct arena a;
    struct str text = str_from(script);
    size_t pos = 0;
    arena_init(&a, budget_process());
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct syn_stmt *s = NULL;
        struct error err = { 0 };
        assert_int_equal(syn_parse_next(&a, text, &pos, &s, &err), want[i]);
        if (want[i] == ST_OK && i < 6) {
            assert_non_null(s);
            assert_int_equal(s->line, lines[i]);
            assert_int_equal(s->column, columns[i]);
        } else if (i < 6) {
            assert_int_equal(err.line, lines[i]);
            assert_int_equal(err.column, columns[i]);
            assert_int_equal(text.ptr[pos - 1], ';');
        } else {
            assert_null(s);
            assert_int_equal(pos, text.len);
        }
    }
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_reserved_words),
        cmocka_unit_test(test_keywords_are_sorted),
        cmocka_unit_test(test_going_on_after_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
