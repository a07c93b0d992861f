#!/usr/bin/env python3
"""Functions over random rows against what Python makes of them. See README.md."""
import datetime
import decimal
import json
import math
import os
import random
import subprocess
import sys
import tempfile

import oracle_json
import oracle_number
import oracle_text
import oracle_time
import oracle_variant
from case import CASES, Case

decimal.getcontext().prec = 120
WIDEST = 40


def as_input(v):
    """A value as the json format reads it."""
    if isinstance(v, datetime.datetime):
        return v.isoformat(sep=" ", timespec="milliseconds")
    if isinstance(v, datetime.date):
        return v.isoformat()
    if isinstance(v, decimal.Decimal):
        return str(v)
    if isinstance(v, list):
        return [as_input(e) for e in v]
    return v


def rows_of(case, r, count):
    """Random rows, then every argument NULL by itself, and all."""
    rows = [[make(r) for make in case.makers] for _ in range(count)]
    for at in range(len(case.makers)):
        row = [make(r) for make in case.makers]
        row[at] = None
        rows.append(row)
    rows.append([None] * len(case.makers))
    r.shuffle(rows)
    return rows


def expected(case, row):
    if not case.nulls and any(v is None for v in row):
        return None
    return case.oracle(*row)


def same(want, got, loose):
    if want is None or got is None:
        return want is None and got is None
    if isinstance(want, bool) or isinstance(got, bool):
        return want is got
    if isinstance(want, float):
        got = float(got)
        if math.isnan(want) or math.isnan(got):
            return math.isnan(want) and math.isnan(got)
        if not loose:
            return want == got
        return want == got or abs(want - got) <= loose * max(abs(want), abs(got))
    if isinstance(want, (int, decimal.Decimal)):
        return not isinstance(got, str) and want == got
    if isinstance(want, list):
        return isinstance(got, list) and len(want) == len(got) and all(same(a, b, loose) for a, b in zip(want, got))
    if isinstance(want, datetime.datetime):
        return got == want.isoformat(sep=" ", timespec="milliseconds")
    if isinstance(want, datetime.date):
        return got == want.isoformat()
    return want == got


def run_case(weir, folder, case, rows):
    """Answers by row number, or an error."""
    path = os.path.join(folder, "in.ndjson")
    with open(path, "w", encoding="utf-8") as f:
        for i, row in enumerate(rows):
            line = {"i": i}
            line.update({name: as_input(v) for name, v in zip("abcdefgh", row)})
            f.write(json.dumps(line) + "\n")
    columns = ", ".join(f"{name} {t}" for name, t in zip("abcdefgh", case.types))
    sql = (f"SET 'table.local-time-zone' = '{case.zone}';\nCREATE TABLE t (i INT, {columns}) "
           f"WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'json');\nSELECT i, {case.sql} AS r FROM t;\n")
    script = os.path.join(folder, "q.sql")
    with open(script, "w", encoding="utf-8") as f:
        f.write(sql)
    p = subprocess.run([weir, "run", "--output", "ndjson", script], capture_output=True, timeout=300)
    if p.returncode:
        return None, p.stderr.decode("utf-8", "replace").strip()
    got = {}
    for line in p.stdout.decode("utf-8").split("\n"):
        if line:
            d = json.loads(line, parse_float=decimal.Decimal)
            got[d["i"]] = d["r"]
    return got, None


def check(weir, folder, case, seed, count):
    rows = rows_of(case, random.Random(f"{seed} {case.name}"), count)
    got, error = run_case(weir, folder, case, rows)
    if error:
        return [f"it failed: {error[:600]}"]
    wrong = []
    for i, row in enumerate(rows):
        want = expected(case, row)
        if i not in got or not same(want, got[i], case.loose):
            wrong.append(f"{case.sql} of {tuple(as_input(v) for v in row)!r}: wanted {want!r}, got {got.get(i, 'no row')!r}")
    return wrong


def main():
    weir = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(1 << 32)
    names = sys.argv[4:]
    print(f"# seed {seed}, {count} rows a function")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            if names and case.name not in names:
                continue
            wrong = check(weir, folder, case, seed, count)
            failed += bool(wrong)
            print(f"{'not ok' if wrong else 'ok'} {case.name}: {case.sql}" + (f" (seed {seed})" if wrong else ""))
            for line in wrong[:4]:
                print("   " + line)
            if len(wrong) > 4:
                print(f"   … and {len(wrong) - 4} more")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
