#!/usr/bin/env python3
"""Functions, aggregates and grouped queries against DuckDB, over random rows. By soak: DuckDB comes from PyPI, not from Debian.

usage: duck.py WEIR [COUNT] [SEED]    lines "ok NAME", "not ok NAME"; without the module: "skip"

A row of FUNCTIONS is computed for each row of a table, one of QUERIES over the whole table t (its columns stand in COLUMNS). Where the two
spell alike, the second text is empty. What DuckDB does otherwise by design (division of integers, text of numbers, NULL order) is not asked.
"""
import datetime
import decimal
import json
import os
import random
import subprocess
import sys
import tempfile

import property
from values import LETTERS, WIDE, between, dates, decimals, integers, one_of, small_doubles, text, timestamps

S = ("STRING", text(LETTERS + WIDE + " .", 30))
ASCII = ("STRING", text(LETTERS + " .,-", 30))
AB = ("STRING", text("ab,", 15))
N = ("INT", between(-5, 40))
I = ("INT", between(-100000, 100000))
X = ("DOUBLE", small_doubles(-1000, 1000))
UNIT = ("DOUBLE", small_doubles(-1, 1))
POSITIVE = ("DOUBLE", small_doubles(0.001, 1e6))
DEC, DEC2 = ("DECIMAL(12, 4)", decimals(12, 4)), ("DECIMAL(10, 2)", decimals(10, 2))
TS = ("TIMESTAMP(3)", timestamps())
DAY = ("DATE", dates("1900-01-01", "2100-12-31"))
SEARCHED = ("STRING", one_of("a", ",b", "ba", "x"))

# expression, DuckDB's or "" for the same, columns a, b, c; relative error that counts as equal
FUNCTIONS = [
    ("UPPER(a)", "", [ASCII], 0),
    ("LOWER(a)", "", [ASCII], 0),
    ("CHAR_LENGTH(a)", "length(a)", [S], 0),
    ("a || '-' || b", "", [S, S], 0),
    ("CONCAT_WS('/', a, b)", "", [S, S], 0),
    ("REPLACE(a, b, 'zz')", "", [AB, SEARCHED], 0),
    ("TRANSLATE(a, 'ab', 'xy')", "", [AB], 0),
    ("POSITION(b IN a)", "", [AB, SEARCHED], 0),
    ("SUBSTRING(a, b)", "substring(a, b)", [S, ("INT", between(1, 35))], 0),
    ("SUBSTRING(a, b, c)", "substring(a, b, c)", [S, ("INT", between(1, 35)), ("INT", between(0, 9))], 0),
    ("LEFT(a, b)", "", [S, ("INT", between(0, 35))], 0),
    ("RIGHT(a, b)", "", [S, ("INT", between(0, 35))], 0),
    ("LPAD(a, b, 'xyz')", "", [S, ("INT", between(0, 35))], 0),
    ("RPAD(a, b, 'xyz')", "", [S, ("INT", between(0, 35))], 0),
    ("REPEAT(a, b)", "", [AB, ("INT", between(0, 5))], 0),
    ("REVERSE(a)", "", [ASCII], 0),
    ("TRIM(a)", "", [ASCII], 0),
    ("LTRIM(a)", "", [ASCII], 0),
    ("RTRIM(a)", "", [ASCII], 0),
    ("a LIKE '%a_b%'", "", [AB], 0),
    ("a LIKE b", "", [AB, ("STRING", text("ab%_", 5))], 0),
    ("REGEXP(a, 'a+b|,b')", "regexp_matches(a, 'a+b|,b')", [AB], 0),
    ("REGEXP_REPLACE(a, '[ab]+', '<>')", "regexp_replace(a, '[ab]+', '<>', 'g')", [AB], 0),
    ("REGEXP_EXTRACT(a, '(a+),(b+)', 2)", "CASE WHEN regexp_matches(a, '(a+),(b+)') THEN regexp_extract(a, '(a+),(b+)', 2) END", [AB], 0),
    ("ASCII(a)", "", [("STRING", text(LETTERS, 5))], 0),
    ("MD5(a)", "", [S], 0),
    ("SHA256(a)", "", [S], 0),
    ("TO_BASE64(a)", "base64(encode(a))", [S], 0),
    ("a < b", "", [S, S], 0),
    ("a = b", "", [("STRING", text("ab", 3)), ("STRING", text("ab", 3))], 0),
    ("a IS DISTINCT FROM b", "", [N, N], 0),
    ("NULLIF(a, b)", "", [("INT", between(0, 2)), ("INT", between(0, 2))], 0),
    ("COALESCE(a, b)", "", [N, N], 0),
    ("a BETWEEN b AND c", "", [N, N, N], 0),
    ("a IN (1, 2, b)", "", [("INT", between(0, 4)), ("INT", between(0, 4))], 0),
    ("a > 1 AND b > 1", "", [("INT", between(0, 2)), ("INT", between(0, 2))], 0),
    ("a > 1 OR b > 1", "", [("INT", between(0, 2)), ("INT", between(0, 2))], 0),
    ("a + b", "", [I, I], 0),
    ("a * CAST(b AS BIGINT)", "a * CAST(b AS BIGINT)", [I, I], 0),
    ("MOD(a, NULLIF(b, 0))", "a % NULLIF(b, 0)", [I, N], 0),
    ("a / NULLIF(b, 0)", "a // NULLIF(b, 0)", [I, N], 0),
    ("ABS(a)", "", [I], 0),
    ("SIGN(a)", "sign(a)", [I], 0),
    ("BIN(a)", "bin(a)", [("INT", between(0, 1 << 30))], 0),
    ("FLOOR(a)", "", [X], 0),
    ("CEIL(a)", "", [X], 0),
    ("a + b * 2", "", [X, X], 0),
    ("SQRT(ABS(a))", "", [X], 1e-15),
    ("EXP(a / 100)", "", [X], 1e-13),
    ("LN(a)", "", [POSITIVE], 1e-13),
    ("LOG10(a)", "", [POSITIVE], 1e-13),
    ("LOG2(a)", "", [POSITIVE], 1e-13),
    ("POWER(a, 1.5)", "", [POSITIVE], 1e-13),
    ("SIN(a)", "", [X], 1e-13),
    ("COS(a)", "", [X], 1e-13),
    ("TAN(a)", "", [UNIT], 1e-13),
    ("ATAN2(a, b)", "", [X, X], 1e-13),
    ("ASIN(a)", "", [UNIT], 1e-13),
    ("ACOS(a)", "", [UNIT], 1e-13),
    ("SINH(a)", "", [UNIT], 1e-13),
    ("COSH(a)", "", [UNIT], 1e-13),
    ("TANH(a)", "", [UNIT], 1e-13),
    ("DEGREES(a)", "", [X], 1e-13),
    ("RADIANS(a)", "", [X], 1e-13),
    ("GREATEST(a, b)", "CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE greatest(a, b) END", [I, N], 0),
    ("LEAST(a, b)", "CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE least(a, b) END", [I, N], 0),
    ("a + b", "", [DEC, DEC2], 0),
    ("a - b", "", [DEC, DEC2], 0),
    ("a * b", "", [("DECIMAL(8, 3)", decimals(8, 3)), ("DECIMAL(9, 2)", decimals(9, 2))], 0),
    ("ROUND(a, 2)", "", [DEC], 0),
    ("FLOOR(a)", "", [DEC], 0),
    ("CEIL(a)", "", [DEC], 0),
    ("ABS(a)", "", [DEC], 0),
    ("CAST(a AS DECIMAL(14, 2))", "", [DEC], 0),
    ("a < b", "", [DEC, DEC2], 0),
    ("CAST(a AS STRING)", "a::VARCHAR", [DEC], 0),
    ("YEAR(a)", "", [TS], 0),
    ("MONTH(a)", "", [TS], 0),
    ("QUARTER(a)", "", [DAY], 0),
    ("WEEK(a)", "", [DAY], 0),
    ("DAYOFYEAR(a)", "", [DAY], 0),
    ("DAYOFWEEK(a)", "dayofweek(a) + 1", [DAY], 0),
    ("EXTRACT(ISOYEAR FROM a)", "isoyear(a)", [DAY], 0),
    ("EXTRACT(EPOCH FROM a)", "epoch(a)::BIGINT - (CASE WHEN epoch(a) < epoch(a)::BIGINT THEN 1 ELSE 0 END)", [TS], 0),
    ("HOUR(a) * 3600 + MINUTE(a) * 60 + SECOND(a)", "hour(a) * 3600 + minute(a) * 60 + second(a)", [TS], 0),
    ("CAST(a AS DATE)", "", [TS], 0),
    ("FLOOR(a TO MONTH)", "date_trunc('month', a)", [TS], 0),
    ("FLOOR(a TO HOUR)", "date_trunc('hour', a)", [TS], 0),
    ("a + INTERVAL '3' MONTH", "a + INTERVAL 3 MONTH", [TS], 0),
    ("a - INTERVAL '7' DAY", "a - INTERVAL 7 DAY", [TS], 0),
    ("TIMESTAMPADD(HOUR, b, a)", "a + b * INTERVAL 1 HOUR", [TS, N], 0),
    ("TIMESTAMPDIFF(DAY, b, a)", "trunc(date_diff('millisecond', b, a) / 86400000)::INT", [TS, TS], 0),
    ("DATE_FORMAT(a, 'yyyy/MM/dd HH:mm:ss')", "strftime(a, '%Y/%m/%d %H:%M:%S')", [TS], 0),
    ("a < b", "", [TS, TS], 0),
    ("JSON_VALUE(a, '$.x')", "json_extract_string(a, '$.x')", [("STRING", lambda r: json.dumps({"x": text(LETTERS, 5)(r), "y": r.randint(0, 9)}))], 0),
]

COLUMNS = [("k", "INT", between(0, 6)), ("s", "STRING", text("abc", 2)), ("n", "BIGINT", between(-50, 50)), ("x", "DOUBLE", small_doubles(-9, 9)),
           ("d", "DECIMAL(8, 2)", decimals(6, 2)), ("ts", "TIMESTAMP(3)", lambda r: datetime.datetime(2020, 1, 1) + datetime.timedelta(milliseconds=r.randrange(2 * 86400000)))]

# query, DuckDB's or "" for the same, relative error
QUERIES = [
    ("SELECT k, COUNT(*), COUNT(n), SUM(n), MIN(n), MAX(n) FROM t GROUP BY k", "", 0),
    ("SELECT COUNT(*), COUNT(DISTINCT s), COUNT(DISTINCT n), MIN(s), MAX(s) FROM t", "", 0),
    ("SELECT k, SUM(d), MIN(d), MAX(d), COUNT(DISTINCT d) FROM t GROUP BY k", "", 0),
    ("SELECT k, AVG(x), SUM(x), MIN(x), MAX(x) FROM t GROUP BY k", "", 1e-9),
    ("SELECT k, STDDEV_POP(x), STDDEV_SAMP(x), VAR_POP(x), VAR_SAMP(x) FROM t GROUP BY k", "", 1e-9),
    ("SELECT k, SUM(n) FILTER (WHERE x > 0), COUNT(*) FILTER (WHERE s = 'a'), COUNT(DISTINCT s) FILTER (WHERE n > 0) FROM t GROUP BY k", "", 0),
    ("SELECT k, SUM(DISTINCT n), AVG(DISTINCT x) FROM t GROUP BY k", "", 1e-9),
    ("SELECT k, s, COUNT(*), SUM(n) FROM t GROUP BY GROUPING SETS ((k, s), (k), (s), ())", "", 0),
    ("SELECT k, s, GROUPING(k, s), COUNT(*) FROM t GROUP BY ROLLUP (k, s)", "", 0),
    ("SELECT k, s, GROUPING(k), MAX(d) FROM t GROUP BY CUBE (k, s)", "", 0),
    ("SELECT k, SUM(n) FROM t GROUP BY k HAVING SUM(n) > 0 AND COUNT(*) > 3", "", 0),
    ("SELECT DISTINCT k, s FROM t", "", 0),
    ("SELECT k FROM t WHERE n > 0 INTERSECT ALL SELECT k FROM t WHERE x > 0", "", 0),
    ("SELECT k, s FROM t WHERE n > 0 EXCEPT ALL SELECT k, s FROM t WHERE x > 0", "", 0),
    ("SELECT k, s FROM t WHERE n > 0 INTERSECT SELECT k, s FROM t WHERE x > 0", "", 0),
    ("SELECT k, s FROM t WHERE n > 0 EXCEPT SELECT k, s FROM t WHERE x > 0", "", 0),
    ("SELECT k, s FROM t UNION SELECT k + 1, s FROM t", "", 0),
    ("SELECT s, COUNT(*), SUM(c) FROM (SELECT k, s, COUNT(*) AS c FROM t GROUP BY k, s) AS q GROUP BY s", "", 0),
    ("SELECT k, PERCENTILE(x, 0.5), PERCENTILE(x, 0.9) FROM t GROUP BY k", "SELECT k, quantile_cont(x, 0.5), quantile_cont(x, 0.9) FROM t GROUP BY k", 1e-9),
    ("SELECT n, x, s FROM t ORDER BY n NULLS FIRST, x NULLS LAST, s NULLS FIRST LIMIT 50 OFFSET 3", "", 0),
    ("SELECT window_start, k, COUNT(*), SUM(n) FROM TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '15' MINUTE) GROUP BY window_start, window_end, k",
     "SELECT time_bucket(INTERVAL 15 MINUTE, ts), k, COUNT(*), SUM(n) FROM t WHERE ts IS NOT NULL GROUP BY ALL", 0),
    ("SELECT window_start, window_end, COUNT(DISTINCT s), AVG(x) FROM HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '10' MINUTE, INTERVAL '1' HOUR) "
     "GROUP BY window_start, window_end",
     "SELECT w, w + INTERVAL 1 HOUR, COUNT(DISTINCT s), AVG(x) FROM (SELECT s, x, time_bucket(INTERVAL 10 MINUTE, ts) - h * INTERVAL 10 MINUTE AS w "
     "FROM t, range(6) AS r(h) WHERE ts IS NOT NULL) GROUP BY w", 1e-9),
    ("SELECT window_end, SUM(d) FROM CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' HOUR, INTERVAL '6' HOUR) GROUP BY window_start, window_end",
     "SELECT e, SUM(d) FROM (SELECT d, ts, date_trunc('hour', ts) + (h + 1) * INTERVAL 1 HOUR AS e FROM t, range(6) AS r(h)) "
     "WHERE e <= time_bucket(INTERVAL 6 HOUR, ts) + INTERVAL 6 HOUR GROUP BY e", 0),
]


def in_duck(kind):
    return {"STRING": "VARCHAR", "TIMESTAMP(3)": "TIMESTAMP"}.get(kind, kind)


def read(path, columns):
    listed = ", ".join(f"{name}: '{in_duck(kind)}'" for name, kind in columns)
    return f"read_json('{path}', format = 'newline_delimited', columns = {{{listed}}})"


def check_function(duck, weir, folder, ours, theirs, columns, loose, r, count):
    case = property.Case(ours, ours, [t for t, _ in columns], [m for _, m in columns], None, True, loose, "UTC")
    rows = property.rows_of(case, r, count)
    got, error = property.run_case(weir, folder, case, rows)
    if error:
        return [f"it failed: {error[:600]}"]
    names = [("i", "INT")] + list(zip("abc", case.types))
    want = dict(duck.execute(f"SELECT i, {theirs or ours} FROM {read(os.path.join(folder, 'in.ndjson'), names)}").fetchall())
    return [f"{ours} of {rows[i]!r}: wanted {want[i]!r}, got {got.get(i, 'no row')!r}" for i in want
            if i not in got or not property.same(want[i], got[i], loose)]


def check_query(duck, weir, folder, ours, theirs, loose, r, count):
    path = os.path.join(folder, "t.ndjson")
    with open(path, "w", encoding="utf-8") as f:
        for _ in range(count):
            row = {name: None if r.random() < 0.1 and name != "ts" else property.as_input(make(r)) for name, _, make in COLUMNS}
            f.write(json.dumps(row) + "\n")
    columns = ", ".join(f"{name} {kind}" for name, kind, _ in COLUMNS)
    sql = (f"CREATE TABLE t ({columns}, WATERMARK FOR ts AS ts - INTERVAL '3' DAY) WITH ('connector' = 'filesystem', 'path' = '{path}', "
           f"'format' = 'json');\n{ours};\n")
    p = subprocess.run([weir, "run", "-q", "--final", "-o", "ndjson", "-p", str(r.choice([1, 3])), "-c", sql], capture_output=True, timeout=300)
    if p.returncode:
        return [f"it failed: {p.stderr.decode('utf-8', 'replace').strip()[:600]}"]
    got = [list(json.loads(line, parse_float=decimal.Decimal).values()) for line in p.stdout.decode("utf-8").splitlines()]
    source = read(path, [(name, kind) for name, kind, _ in COLUMNS])
    want = [list(row) for row in duck.execute(f"WITH t AS (SELECT * FROM {source}) {theirs or ours}").fetchall()]
    if "ORDER BY" not in ours:
        got.sort(key=order)
        want.sort(key=order)
    if len(got) != len(want):
        return [f"{ours}: wanted {len(want)} rows, got {len(got)}"]
    return [f"{ours}: wanted {b!r}, got {a!r}" for a, b in zip(got, want) if not all(property.same(y, x, loose) for x, y in zip(a, b))]


def order(row):
    """Exact values first: those that may differ a little decide nothing then."""
    exact = [v.isoformat(sep=" ", timespec="milliseconds") if isinstance(v, datetime.datetime) else v for v in row]
    return [(v is not None, isinstance(v, str), v if v is not None else 0) for v in exact
            if not isinstance(v, (float, decimal.Decimal))] + [float(v) for v in exact if isinstance(v, (float, decimal.Decimal))]


def main():
    weir = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(1 << 32)
    try:
        import duckdb
    except ImportError:
        print("skip duckdb: pip install duckdb")
        return
    duck = duckdb.connect()
    print(f"# seed {seed}, {count} rows")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, one in enumerate(FUNCTIONS + QUERIES):
            r = random.Random(f"{seed} {number}")
            check = check_function if len(one) == 4 else check_query
            wrong = check(duck, weir, folder, *one, r, count)
            failed += bool(wrong)
            print(f"{'not ok' if wrong else 'ok'} {one[0]}")
            for line in wrong[:4]:
                print("   " + line)
    sys.exit(failed > 0)


main()
