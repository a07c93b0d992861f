"""Runs the example of every function in the table (DESCRIBE FUNCTION) over a row of the columns that examples name. An
example that does not parse, bind or evaluate is a failure, as is one whose value is NULL where no NULL is in it."""
import json
import subprocess
import sys

weir = sys.argv[1]

# Columns that examples may use: names, a value each.
FIXTURE = {
    "a": "1", "b": "2", "c": "3", "x": "4", "y": "5", "n": "6", "k": "7", "v": "8", "i": "2",
    "price": "CAST(12.5 AS DECIMAL(10, 2))", "weight": "1.5E0", "amount": "10", "quantity": "3", "rate": "CAST(0.5 AS DOUBLE)",
    "name": "'Ada Lovelace'", "text": "'a text'", "item": "'tea'", "city": "'Paris'", "country": "'FR'", "key": "'k'",
    "url": "'http://example.org/a?k=v'", "user_id": "9", "id": "11", "auction": "12", "bidder": "13",
    "flag": "TRUE", "done": "FALSE", "ok": "TRUE", "active": "TRUE",
    "ts": "TIMESTAMP '2020-01-02 03:04:05.006'", "t": "TIMESTAMP '2020-01-02 03:04:05.006'",
    "day": "DATE '2020-01-02'", "d": "DATE '2020-01-02'",
    "array": "ARRAY[1, 2, 3]", "list": "ARRAY[1, 2, 3]", "tags": "ARRAY['a', 'b']", "map": "MAP['k', 1]",
    "m": "MAP['k', 1]", "row": "ROW(1, 'a')", "f": "CAST(1.5 AS DOUBLE)",
}


def run(sql):
    """Rows of one script, or the error."""
    p = subprocess.run([weir, "run", "--output", "ndjson", "-c", sql], capture_output=True, text=True, timeout=60)
    rows = [json.loads(line) for line in p.stdout.splitlines() if line.strip()]
    return rows, (p.stderr.strip() if p.returncode else "")


def functions():
    rows, error = run("SHOW FUNCTIONS")
    if error:
        sys.exit(f"SHOW FUNCTIONS: {error}")
    names = [r["function name"] for r in rows]
    script = ";\n".join("DESCRIBE FUNCTION EXTENDED `%s`" % n.replace("`", "``") for n in names)
    told, error = run(script)
    if error:
        sys.exit(f"DESCRIBE FUNCTION: {error}")
    by = {}
    for r in told:
        by.setdefault(r["info name"], []).append(r["info value"])
    return list(zip(by["name"], by["example"]))


def main():
    columns = ", ".join(f"{value} AS `{name}`" for name, value in FIXTURE.items())
    failed = 0
    for name, example in functions():
        sql = f"SELECT {example} AS `answer` FROM (SELECT {columns}) AS fixture"
        if name in PLACES:
            sql = PLACES[name].format(example=example) + "; SELECT 1 AS `answer`"
        rows, error = run(sql)
        ok = not error and len(rows) >= 1
        value = rows[-1].get("answer") if rows else None
        if ok and value is None and "NULL" not in example.upper() and name not in MAY_BE_NULL:
            ok, error = False, "the example's value is NULL"
        print(f"{'ok' if ok else 'not ok'} example of {name}: {example}")
        if not ok:
            failed += 1
            print("   " + error.replace("\n", "\n   "))
    sys.exit(failed > 0)


# What has a meaning in one place only.
PLACES = {
    "CURRENT_WATERMARK": "CREATE TABLE t (ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen', 'number-of-rows' = '1'); "
                         "EXPLAIN SELECT {example} FROM t",
    "SOURCE_WATERMARK": "CREATE TABLE t (ts TIMESTAMP(3), WATERMARK FOR ts AS {example}) WITH ('connector' = 'blackhole')",
}

# Whose example shows that there is no value: samples of one value.
MAY_BE_NULL = {"STDDEV", "STDDEV_SAMP", "VAR_SAMP", "VARIANCE", "LAG", "LEAD"}

main()
