#!/usr/bin/env python3
"""Random queries over two tables whose rows come and go, against SQLite.

Queries nest projections, filters, DISTINCT, set operations, grouping sets and UNNEST; each is written in Weir's SQL and in SQLite's, which
has neither grouping sets (they become UNION ALL), nor INTERSECT ALL (rows are numbered) nor UNNEST (json_each). A seed makes one test file:
its streams see inserts and deletes in two phases, their final tables are SQLite's. The file then runs in one of the harsher ways.

usage: queries.py WEIR FIRST LAST    seeds; lines "ok SEED", "not ok SEED"
"""
import random
import sqlite3
import subprocess
import sys
import tempfile

STREAMS = 10
WAYS = [[], ["--batch", "1"], ["--batch", "3", "--parallelism", "3"], ["--crash-every", "5", "--parallelism", "2"],
        ["--batch", "1", "--parallelism", "3", "--crash-every", "7"]]
TYPES = ["I", "T", "I"]  # of a table's columns: a number, a text, a number


class Queries:
    """Each method gives (Weir's text, SQLite's text, types of the columns c0, c1, ...)."""

    def __init__(self, rnd):
        self.rnd = rnd

    def table(self):
        text = f"SELECT a AS c0, b AS c1, c AS c2 FROM {self.rnd.choice('lr')}"
        return text, text, TYPES

    def any(self, depth):
        if depth <= 0:
            return self.table()
        return self.rnd.choice([self.select, self.set, self.group, self.unnest])(depth - 1)

    def select(self, depth):
        rnd, (ours, theirs, types) = self.rnd, self.any(depth)
        exprs, out = [], []
        for i in range(rnd.randint(1, 4)):
            k = rnd.randrange(len(types))
            expr = f"q.c{k}"
            if types[k] == "I" and rnd.random() < .3:
                expr = rnd.choice([f"q.c{k} + 1", f"COALESCE(q.c{k}, 7)", f"CASE WHEN q.c{k} > 2 THEN q.c{k} ELSE 0 END"])
            exprs.append(f"{expr} AS c{i}")
            out.append(types[k])
        k, where = rnd.randrange(len(types)), ""
        if rnd.random() < .4:
            where = f" WHERE q.c{k} IS {rnd.choice(['', 'NOT '])}NULL"
            if types[k] == "I" and rnd.random() < .7:
                where = f" WHERE q.c{k} {rnd.choice(['<', '>', '=', '<>'])} {rnd.randint(0, 4)}"
        head = f"SELECT {'DISTINCT ' if rnd.random() < .2 else ''}{', '.join(exprs)} FROM "
        return f"{head}({ours}) AS q{where}", f"{head}({theirs}) AS q{where}", out

    def set(self, depth):
        rnd, (ours, theirs, types) = self.rnd, self.any(depth)
        ours2, theirs2, types2 = self.any(depth)
        names = [f"c{i}" for i in range(len(types))]
        pick = ", ".join(f"q.{n} AS {n}" for n in names)
        where = ""
        if types2[:len(types)] != types:
            ours2, theirs2, where = ours, theirs, " WHERE q.c0 IS NOT NULL"
        op = rnd.choice(["INTERSECT", "EXCEPT", "UNION", "UNION ALL", "INTERSECT ALL", "EXCEPT ALL"])
        sides = [f"SELECT {pick} FROM ({ours}) AS q", f"SELECT {pick} FROM ({ours2}) AS q{where}"]
        others = [f"SELECT {pick} FROM ({theirs}) AS q", f"SELECT {pick} FROM ({theirs2}) AS q{where}"]
        weir = f"{sides[0]} {op} {sides[1]}"
        if op not in ("INTERSECT ALL", "EXCEPT ALL"):
            return weir, f"{others[0]} {op} {others[1]}", types
        cols = ", ".join(names)
        numbered = [f"SELECT {cols}, ROW_NUMBER() OVER (PARTITION BY {cols}) AS rn FROM ({s})" for s in others]
        return weir, f"SELECT {cols} FROM ({numbered[0]} {op.split()[0]} {numbered[1]})", types

    def group(self, depth):
        rnd, (ours, theirs, types) = self.rnd, self.any(depth)
        keys = rnd.sample(range(len(types)), min(len(types), rnd.randint(1, 2)))
        names = [f"q.c{k}" for k in keys]
        aggs = ["COUNT(*)", f"COUNT(DISTINCT q.c{rnd.randrange(len(types))})"]
        aggs += [f"{rnd.choice(['SUM', 'MIN', 'MAX', 'COUNT'])}(q.c{i})" for i in range(len(types)) if types[i] == "I"][:2]
        aggs = rnd.sample(aggs, rnd.randint(1, min(3, len(aggs))))
        clause, sets = rnd.choice([
            (f"ROLLUP ({', '.join(names)})", [keys[:i] for i in range(len(keys) + 1)]),
            (f"CUBE ({', '.join(names)})", [[k for j, k in enumerate(keys) if m >> j & 1] for m in range(1 << len(keys))]),
            (f"GROUPING SETS (({', '.join(names)}), ({names[0]}), ())", [keys, keys[:1], []]),
            (f"{names[0]}, ROLLUP ({', '.join(names)})", [keys[:1] + [k for k in keys[1:i]] for i in range(len(keys) + 1)]),
            (", ".join(names), [keys]),
        ])
        grouping = rnd.random() < .5
        exprs = names + aggs + ([f"CAST(GROUPING({', '.join(names)}) AS INT)"] if grouping else [])
        weir = f"SELECT {', '.join(f'{e} AS c{i}' for i, e in enumerate(exprs))} FROM ({ours}) AS q GROUP BY {clause}"
        parts = []
        for one in sets:
            exprs = [f"q.c{k}" if k in one else "NULL" for k in keys] + aggs
            if grouping:
                exprs.append(str(sum((k not in one) << (len(keys) - 1 - j) for j, k in enumerate(keys))))
            tail = "GROUP BY " + ", ".join(f"q.c{k}" for k in one) if one else "HAVING COUNT(*) > 0"
            parts.append(f"SELECT {', '.join(f'{e} AS c{i}' for i, e in enumerate(exprs))} FROM ({theirs}) AS q {tail}")
        return weir, " UNION ALL ".join(parts), [types[k] for k in keys] + ["I"] * (len(aggs) + grouping)

    def unnest(self, depth):
        rnd, (ours, theirs, types) = self.rnd, self.any(depth)
        numbers = [i for i, t in enumerate(types) if t == "I"]
        if not numbers:
            return ours, theirs, types
        i, j = rnd.choice(numbers), rnd.choice(numbers)
        join, places = rnd.choice(["JOIN", "LEFT JOIN"]), rnd.random() < .5
        on = rnd.choice(["TRUE", "u.x > 2", f"u.x <> q.c{i}"])
        cols = [f"q.c{k}" for k in range(len(types))]
        all_ours, all_theirs = cols + ["u.x"] + ["u.o"] * places, cols + ["u.value"] + ["u.key + 1"] * places
        keep = rnd.sample(range(len(all_ours)), rnd.randint(1, len(all_ours)))
        weir = (f"SELECT {', '.join(f'{all_ours[k]} AS c{n}' for n, k in enumerate(keep))} FROM ({ours}) AS q {join} "
                f"UNNEST(CASE WHEN q.c{i} > 1 THEN ARRAY[q.c{i}, q.c{j}] END){' WITH ORDINALITY' * places} AS u (x{', o' * places}) ON {on}")
        lite = (f"SELECT {', '.join(f'{all_theirs[k]} AS c{n}' for n, k in enumerate(keep))} FROM ({theirs}) AS q {join} "
                f"json_each(CASE WHEN q.c{i} > 1 THEN json_array(q.c{i}, q.c{j}) ELSE '[]' END) AS u ON {on.replace('u.x', 'u.value')}")
        return weir, lite, [(types + ["I", "I"])[k] for k in keep]


def change(rnd, rows):
    """Inserts and deletes of a table's rows, as lines of `input`."""
    lines = []
    for _ in range(rnd.randint(3, 14)):
        if rows and rnd.random() < .35:
            row, kind = rows.pop(rnd.randrange(len(rows))), "-D"
        else:
            row, kind = (rnd.choice([None, 0, 1, 2, 3, 4]), rnd.choice([None, "x", "y", ""]), rnd.choice([None, 0, 1, 2, 5])), "+I"
            rows.append(row)
        cells = ["null" if v is None else f'"{v}"' if isinstance(v, str) else str(v) for v in row]
        lines.append(f"{kind} [{', '.join(cells)}]")
    return lines


def shown(row):
    return "\t".join("NULL" if v is None else "(empty)" if v == "" else str(v) for v in row)


def make(seed):
    rnd = random.Random(seed)
    lite = sqlite3.connect(":memory:")
    text = []
    for t in "lr":
        lite.execute(f"CREATE TABLE {t} (a INT, b TEXT, c INT)")
        text.append(f"statement ok\nCREATE TABLE {t} (a INT, b STRING, c INT) WITH ('connector' = 'test', 'changelog-mode' = 'I,D')")
    streams = []
    while len(streams) < STREAMS:
        ours, theirs, types = Queries(rnd).any(rnd.randint(1, 4))
        try:
            lite.execute(theirs)
        except sqlite3.OperationalError:  # too deep for it
            continue
        streams.append((theirs, "".join(types)))
        text.append(f"stream q{len(streams)}\n{ours}")
    rows = {"l": [], "r": []}
    for _ in range(2):
        for t in "lr":
            lines = change(rnd, rows[t])
            lite.execute(f"DELETE FROM {t}")
            lite.executemany(f"INSERT INTO {t} VALUES (?, ?, ?)", rows[t])
            text.append(f"input {t}\n" + "\n".join(lines))
        for i, (theirs, types) in enumerate(streams):
            want = [shown(row) for row in lite.execute(theirs)]
            text.append("\n".join([f"output q{i + 1} table {types}", "----"] + want))
    return "\n\n".join(text) + "\n", rnd.choice(WAYS)


def main():
    weir, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    failed = 0
    for seed in range(first, last + 1):
        text, way = make(seed)
        with tempfile.NamedTemporaryFile("w", suffix=".test") as f:
            f.write(text)
            f.flush()
            ran = subprocess.run([weir, "test", *way, f.name], capture_output=True, text=True, timeout=300, check=False)
        if ran.returncode == 0:
            print(f"ok queries {seed}")
        else:
            failed += 1
            print(f"{ran.stdout[-3000:]}{ran.stderr[-1000:]}\nnot ok queries {seed} {' '.join(way)}")
    sys.exit(failed > 0)


main()
