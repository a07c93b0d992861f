"""Equal output before any rate: answers as multisets of rows in one spelling, on a smaller input."""

import collections
import datetime
import decimal
import json
import os
import re
import shutil

import peers
from cases import INTO_TOPIC, STDOUT, fill
from measure import Failed, run

TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?$")
PER_MS = 5  # in small inputs event time goes slower, so that there are windows to compare


def spell(value):
    """One spelling for what the programs write in different ways; 1 and 1.000 are equal, NULL and '' are not."""
    if value is None:
        return "\0"
    if isinstance(value, datetime.datetime):
        value = value.strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, str):
        return value.rstrip("0").rstrip(".") if TIME.match(value) and "." in value else value
    return format(decimal.Decimal(value).normalize(), "f")


def multiset(rows):
    return collections.Counter(tuple(spell(v) for v in row) for row in rows)


def compare(what, ours, theirs):
    """Raises Failed with the first rows that only one side has."""
    a, b = multiset(ours), multiset(theirs)
    if a == b:
        return
    raise Failed(
        f"{what}: {sum(a.values())} against {sum(b.values())} rows; only Weir {list((a - b).items())[:2]}, "
        f"only the other {list((b - a).items())[:2]}"
    )


def compare_near(what, ours, theirs):
    """The same keys, and every number within 5 % of the exact one."""
    a, b = ({row[0]: row[1:] for row in rows} for rows in (ours, theirs))
    if a.keys() != b.keys():
        raise Failed(f"{what}: {len(a)} against {len(b)} keys")
    for key, numbers in b.items():
        for x, y in zip(a[key], numbers):
            if abs(float(x) - float(y)) > 0.05 * abs(float(y)):
                raise Failed(f"{what}: {key}: {x} against {y}")


def read_rows(text):
    for line in text.splitlines():
        row = json.loads(line, parse_float=decimal.Decimal)
        row.pop("op", None)
        yield tuple(row.values())


def weir_rows(weir, case, values, *flags):
    """Rows of the job itself with standard output for a sink; of an updating query, the final table."""
    if case.updating:
        script = case.script[: case.script.index("CREATE TABLE s")] + case.query + ";"
        flags = (*flags, "--final", "-o", "ndjson")
    else:
        script = case.script
    script = fill(script, sink=STDOUT, **values)
    return list(read_rows(run([weir, "run", "-q", *flags, "-c", script])[2].decode()))


def partitioned_rows(weir, case, values, folder):
    """What it has put into its folders, read by a job of its own."""
    out = f"{folder}/check-out"
    shutil.rmtree(out, ignore_errors=True)
    script = case.files(out, **values)
    run([weir, "run", "-q", "-c", script])
    script = script[: script.index("INSERT INTO s")] + "SELECT * FROM s;"
    rows = list(read_rows(run([weir, "run", "-q", "-o", "ndjson", "-c", script])[2].decode()))
    shutil.rmtree(out)
    return rows


def committed_rows(weir, case, values, folder):
    """The same with a state directory, into a directory of files: what a sink that commits has been given."""
    state, out = f"{folder}/check-state", f"{folder}/check-out"
    for old in (state, out):
        shutil.rmtree(old, ignore_errors=True)
    sink = f"'connector' = 'filesystem', 'path' = '{out}', 'format' = 'json'"
    run([weir, "run", "-q", "--state-dir", state, "-c", case.text(sink=sink, **values)])
    rows = []
    for name in sorted(os.listdir(out)):
        if not name.startswith("."):
            with open(f"{out}/{name}") as f:
                rows += read_rows(f.read())
    for old in (state, out):
        shutil.rmtree(old)
    return rows


def topic_rows(weir, case, values, folder):
    """What it has put into its topic, read by a job of its own."""
    log = f"{folder}/check-log"
    shutil.rmtree(log, ignore_errors=True)
    run([weir, "run", "-q", "--data", log, "-c", fill(INTO_TOPIC, **values)])
    script = case.topics(**values)
    run([weir, "run", "-q", "--data", log, "-c", script])
    output = "'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset'"
    script = script[: script.index("INSERT INTO s")] + f"SELECT * FROM s /*+ OPTIONS({output}) */;"
    rows = list(read_rows(run([weir, "run", "-q", "-o", "ndjson", "--data", log, "-c", script])[2].decode()))
    shutil.rmtree(log)
    return rows


def sums(rows):
    """What simdjson_json and limit print of bids: rows, integers (a time counts its milliseconds), lengths."""
    integers = lengths = 0
    for row in rows:
        for v in row:
            if isinstance(v, str) and TIME.match(v):
                integers += int((v + ".").split(".")[1].ljust(3, "0")[:3])
            elif isinstance(v, str):
                lengths += len(v.encode())
            else:
                integers += v
    return f"{len(rows)} {integers} {lengths}"


def check_loops(tools, case, path, keys, rows):
    """The bare loop and simdjson must see what Weir sees, where they compute it."""
    done = []
    for tool, command in (
        ("simdjson", tools.simd and case.simd and [tools.simd, "once", case.simd, path]),
        ("limit", case.limit in ("three", "seven", "tumble") and [tools.limit, case.limit, path, str(keys)]),
    ):
        if not command:
            continue
        theirs = run(command)[2].decode().strip()
        if sums(rows) != theirs:
            raise Failed(f"{case.name}: {tool} sums {theirs}, Weir {sums(rows)}")
        done.append(tool)
    return done


def check(tools, case, path, duck_path, count, folder):
    """Returns what agreed, in words; raises Failed where anything did not."""
    keys = max(case.keys // 50, 100)
    values = {"file": path, "events": count, "per_ms": PER_MS, "max_key": keys - 1, "interval": "10ms"}
    agreed = ["-p 2"]
    rows = weir_rows(tools.weir, case, values)
    if not rows:
        raise Failed(f"{case.name}: no rows at all")
    compare(f"{case.name}: -p 1 and -p 2", rows, weir_rows(tools.weir, case, values, "-p", "2"))
    if case.state:
        compare(f"{case.name}: with a state directory", rows, committed_rows(tools.weir, case, values, folder))
        agreed.append("committing every 10 ms to files")
    if case.log:
        compare(f"{case.name}: from topic to topic", rows, topic_rows(tools.weir, case, values, folder))
        agreed.append("from topic to topic")
    if case.partitions:
        compare(f"{case.name}: in folders", rows, partitioned_rows(tools.weir, case, values, folder))
        agreed.append("the folders")
    if tools.duck:
        near = compare_near if case.approximate else compare
        near(f"{case.name}: DuckDB", rows, peers.duck_rows(case, duck_path, **values))
        agreed.append("DuckDB, within 5 %" if case.approximate else "DuckDB")
    if tools.flink and case.flink:
        compare(f"{case.name}: Flink", rows, read_rows(peers.flink_rows(tools.flink, case, folder, path)))
        agreed.append("Flink")
    return len(rows), agreed + check_loops(tools, case, path, keys, rows)
