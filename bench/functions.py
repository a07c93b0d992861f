"""Ten functions at a time beside DuckDB: the CPU time of computing them alone.

Weir: the job with the ten columns less the job with the plain columns, both from datagen into the blackhole. DuckDB: the
query over its own table in memory less the query of the plain columns, one thread, its rows thrown away by EXPLAIN
ANALYZE; loading is not counted. Equal output first: DuckDB computes over rows that Weir generated, and all values are
compared as text.
"""

import json
import os
import sys
from dataclasses import dataclass

from measure import Failed, run

RULES = "'connector' = 'datagen', 'seed' = '1', 'rows-per-second' = '0', 'number-of-rows' = '{rows}'"


@dataclass
class Family:
    name: str
    columns: str  # generated
    options: str
    computed: str  # columns made of them, which the functions take
    duck: dict  # DuckDB's form of those
    functions: list  # (Weir's, DuckDB's or "" for the same)


FAMILIES = [
    Family(
        "ten string functions over 20-byte strings",
        "s STRING, t STRING",
        ", 'fields.s.length' = '20', 'fields.t.length' = '20'",
        "",
        {"s": "s", "t": "t"},
        [
            ("UPPER(s)", ""),
            ("LOWER(s)", ""),
            ("SUBSTRING(s, 3, 5)", ""),
            ("CHAR_LENGTH(s)", ""),
            ("REPLACE(s, 'a', 'bc')", ""),
            ("TRIM(s)", ""),
            ("CONCAT(s, t)", ""),
            ("POSITION('e' IN s)", ""),
            ("REVERSE(s)", ""),
            ("LPAD(s, 30, '*')", ""),
        ],
    ),
    Family(
        "ten decimal expressions",
        "a DECIMAL(9, 2), c DECIMAL(9, 2)",
        "",
        "",
        {"a": "a::DECIMAL(9, 2)", "c": "c::DECIMAL(9, 2)"},
        [
            ("a + c", ""),
            ("a - c", ""),
            ("a * c", ""),
            ("a * 0.908", ""),
            ("ROUND(a, 1)", ""),
            ("ABS(a)", ""),
            ("a > c", ""),
            ("CAST(a AS DECIMAL(14, 4))", ""),
            ("FLOOR(a)", ""),
            ("GREATEST(a, c)", ""),
        ],
    ),
    Family(
        "ten timestamp functions",
        "n BIGINT, m BIGINT",
        "".join(f", 'fields.{c}.min' = '0', 'fields.{c}.max' = '1700000000000'" for c in "nm"),
        ", ts AS CAST(TO_TIMESTAMP_LTZ(n, 3) AS TIMESTAMP(3)), us AS CAST(TO_TIMESTAMP_LTZ(m, 3) AS TIMESTAMP(3))",
        {"ts": "make_timestamp(n * 1000)", "us": "make_timestamp(m * 1000)"},
        [
            ("YEAR(ts)", ""),
            ("MONTH(ts)", ""),
            ("DAYOFMONTH(ts)", "day(ts)"),
            ("HOUR(ts)", ""),
            ("DAYOFWEEK(ts)", "dayofweek(ts) + 1"),
            ("FLOOR(ts TO DAY)", "date_trunc('day', ts)"),
            ("ts + INTERVAL '1' HOUR", "ts + INTERVAL '1 hour'"),
            ("TIMESTAMPDIFF(SECOND, ts, us)", "trunc(date_diff('millisecond', ts, us) / 1000)::INT"),
            ("DATE_FORMAT(ts, 'yyyy-MM-dd HH:mm')", "strftime(ts, '%Y-%m-%d %H:%M')"),
            ("CAST(ts AS DATE)", ""),
        ],
    ),
]


def source(f, rows):
    return f"CREATE TABLE b ({f.columns}{f.computed}) WITH ({RULES.replace('{rows}', str(rows))}{f.options});\n"


def listed(expressions):
    return ", ".join(f"{e} AS f{i}" for i, e in enumerate(expressions))


def weir_seconds(weir, f, expressions, rows):
    """The blackhole wants the types of the columns; a view knows them."""
    view = source(f, rows) + f"CREATE VIEW v AS SELECT {listed(expressions)} FROM b;\n"
    said = run([weir, "run", "-q", "-o", "ndjson", "-c", view + "DESCRIBE v;"])[2].decode().splitlines()
    columns = ", ".join("{name} {type}".format(**json.loads(line)) for line in said)
    script = view + f"CREATE TABLE z ({columns}) WITH ('connector' = 'blackhole');\nINSERT INTO z SELECT * FROM v;\n"
    return run([weir, "run", "-q", "-c", script])[0]


def weir_rows(weir, f, expressions, rows):
    script = source(f, rows) + f"SELECT {listed([f'CAST({e} AS STRING)' for e in expressions])} FROM b;"
    return [tuple(json.loads(line).values()) for line in run([weir, "run", "-q", "-o", "ndjson", "-c", script])[2].splitlines()]


def duck_table(f, path):
    names = [c.split()[0] for c in f.columns.replace(", 2)", ")").split(", ")]
    kind = "VARCHAR" if "STRING" in f.columns else "VARCHAR" if "DECIMAL" in f.columns else "BIGINT"
    columns = "{" + ", ".join(f"{n}: '{kind}'" for n in names) + "}"
    made = ", ".join(f"{e} AS {n}" for n, e in f.duck.items())
    return f"CREATE TABLE b AS SELECT {made} FROM read_json('{path}', format = 'newline_delimited', columns = {columns})"


DUCK_TIMES = """
import duckdb, json, time
c = duckdb.connect()
c.execute('SET threads = 1')
c.execute({table!r})
def seconds(query):
    start = time.process_time()
    c.execute('EXPLAIN ANALYZE ' + query).fetchall()
    return time.process_time() - start
seconds({plain!r})
plain, full = seconds({plain!r}), seconds({full!r})
print(json.dumps({{'seconds': full - plain}}))
"""


def same(weir, duck):
    """As text; DuckDB's own spelling of truth, of timestamps and of integers from rounding to none."""
    if isinstance(duck, bool):
        return weir == str(duck).upper()
    text = str(duck)
    return weir == text or weir == text + ".000" or weir[:-4] == text or (text[:-3] == weir and "." in text)


def compare(weir, f, folder, rows=2000):
    import duckdb

    path = generated(weir, f, folder, rows)
    c = duckdb.connect()
    c.execute(duck_table(f, path))
    mine = weir_rows(weir, f, [e for e, _ in f.functions], rows)
    theirs = c.execute("SELECT " + ", ".join(d or e for e, d in f.functions) + " FROM b").fetchall()
    if len(mine) != len(theirs):
        raise Failed(f"{f.name}: {len(mine)} rows, DuckDB {len(theirs)}")
    for i, (x, y) in enumerate(zip(mine, theirs)):
        for (e, _), a, b in zip(f.functions, x, y):
            if not same(a, b):
                raise Failed(f"{f.name}: row {i}: {e} is {a!r}, DuckDB {b!r}")
    return rows


def generated(weir, f, folder, rows):
    path = f"{folder}/functions-{f.name.split()[1]}-{rows}.json"
    if not os.path.exists(path):
        text = source(f, rows) + "SELECT " + ", ".join(c.split()[0] for c in f.columns.replace(", 2)", ")").split(", ")) + " FROM b;"
        out = run([weir, "run", "-q", "-o", "ndjson", "-c", text])[2]
        with open(path + ".new", "wb") as file:
            file.write(out)
        os.rename(path + ".new", path)
    return path


def measure(weir, f, folder, rows, rounds):
    """Medians of CPU-seconds: Weir's and DuckDB's for the ten, and DuckDB ÷ Weir."""
    path = generated(weir, f, folder, rows)
    plain = list(f.duck)
    full = [e for e, _ in f.functions]
    duck_full = [d or e for e, d in f.functions]
    code = DUCK_TIMES.format(
        table=duck_table(f, path),
        plain="SELECT " + ", ".join(plain) + " FROM b",
        full="SELECT " + ", ".join(duck_full) + " FROM b",
    )
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(weir_seconds(weir, f, full, rows) - weir_seconds(weir, f, plain, rows))
        said = run([sys.executable, "-c", code])[2].decode().splitlines()  # DuckDB may say how far it is before
        theirs.append(json.loads(said[-1][said[-1].index("{") :])["seconds"])
    ours.sort()
    theirs.sort()
    return {
        "weir": ours[rounds // 2] / rows * 1e9,
        "duckdb": theirs[rounds // 2] / rows * 1e9,
        "ratio": theirs[rounds // 2] / ours[rounds // 2],
        "rows": rows,
    }
