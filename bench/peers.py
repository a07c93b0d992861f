"""The others: DuckDB (pip install duckdb), simdjson (libsimdjson-dev), bare loops, Flink (../shared/peers/flink).

Each may be missing."""

import os
import re
import shutil
import subprocess
import sys

from cases import BLACKHOLE, fill
from measure import Failed, run

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)

DUCK_COLUMNS = {
    "bids": "{auction: 'BIGINT', bidder: 'BIGINT', price: 'BIGINT', channel: 'VARCHAR', url: 'VARCHAR', dateTime: "
    "'TIMESTAMP', "
    "extra: 'VARCHAR'}",
    "events": "{event_type: 'INTEGER', bid: 'STRUCT(auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url "
    "VARCHAR, "
    "dateTime TIMESTAMP, extra VARCHAR)'}",
}


def version(command):
    """The first line that a program says of itself, or None."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0].strip()
    except (OSError, subprocess.CalledProcessError, IndexError):
        return None


# ---- DuckDB: one thread, from the same file ----


def duck_version():
    return version([sys.executable, "-c", "import duckdb; print(duckdb.__version__)"])


def duck_views(case, path):
    kind = case.file or "datagen"
    columns = DUCK_COLUMNS.get(kind) or "{%s: 'BIGINT', %s: 'BIGINT', n: 'BIGINT'}" % case.gen
    source = f"read_json('{path}', format = 'newline_delimited', columns = {columns})"
    views = f"CREATE VIEW b AS SELECT * FROM {source};"
    return views + "CREATE VIEW bids AS SELECT bid.* FROM b WHERE event_type = 2;" if kind == "events" else views


def duck_rows(case, path, **values):
    """All rows of the answer, for comparing."""
    import duckdb

    c = duckdb.connect()
    c.execute("SET TimeZone = 'UTC'")
    c.execute(duck_views(case, path))
    return c.execute(fill(case.duck, **values)).fetchall()


def duck_command(case, path, out=None, **values):
    """A process that computes the answer and a checksum over every row and column of it: what corresponds to a
    blackhole that looks at its rows, since otherwise DuckDB leaves out what nobody reads. Or one that writes folders."""
    query = f"SELECT COUNT(*), BIT_XOR(HASH(t)) FROM ({fill(case.duck, **values)}) AS t"
    if case.partitions:
        query = f"COPY ({fill(case.duck, **values)}) TO '{out}' (FORMAT csv, PARTITION_BY ({case.partitions}))"
    text = (
        "import duckdb; c = duckdb.connect(); c.execute('SET threads = 1'); "
        f"c.execute({duck_views(case, path)!r}); c.execute({query!r}).fetchall()"
    )
    return [sys.executable, "-c", text]


# ---- programs that are compiled here ----


def compile_limit(folder):
    target = f"{folder}/limit"
    command = [
        os.environ.get("CC", "gcc"),
        "-std=gnu17",
        "-D_GNU_SOURCE",
        "-O3",
        "-march=x86-64-v2",
        "-o",
        target,
        f"{HERE}/limit.c",
    ]
    subprocess.run(command, check=True)
    return target


def compile_simdjson(folder):
    target = f"{folder}/simdjson_json"
    command = [
        os.environ.get("CXX", "g++"),
        "-std=c++17",
        "-O3",
        "-march=native",
        "-o",
        target,
        f"{HERE}/json/simdjson_json.cpp",
        "-lsimdjson",
    ]
    done = subprocess.run(command, capture_output=True)
    return target if done.returncode == 0 else None


def simdjson_version():
    text = subprocess.run(
        [os.environ.get("CXX", "g++"), "-E", "-dM", "-x", "c++", "-include", "simdjson.h", os.devnull],
        capture_output=True,
        text=True,
    ).stdout
    found = re.search(r"define SIMDJSON_VERSION (\S+)", text)
    return found.group(1).strip('"') if found else None


def decoders(folder, pairs):
    """bench/json/run.sh: both decoders by themselves, records in memory. {mode: (bytes, weir, simdjson, ratio)}"""
    done = subprocess.run(
        [f"{HERE}/json/run.sh", str(pairs)],
        capture_output=True,
        text=True,
        env={**os.environ, "BUILD": f"{folder}/json"},
    )
    if done.returncode:
        raise Failed(f"bench/json/run.sh: {(done.stdout + done.stderr)[-400:]}")
    found = re.findall(
        r"(\w+) +(\d+) B/record  weir ([\d.]+) M/cpu-s  simdjson ([\d.]+) M/cpu-s  ratio ([\d.]+)", done.stdout
    )
    return {m: [float(x) for x in rest] for m, *rest in found}


# ---- Flink ----


def flink_tool(path):
    return path if os.access(path, os.X_OK) and shutil.which("java") and shutil.which("mvn") else None


def flink_env(folder):
    return {**os.environ, "BUILD": os.environ.get("BUILD", f"{folder}/flink")}


def flink_script(case, folder, path):
    """Weir's own script; dateTime is a reserved word there."""
    sql = f"{folder}/{case.name}.sql"
    with open(sql, "w") as f:
        f.write(re.sub(r"\bdateTime\b", "`dateTime`", case.text(sink=BLACKHOLE, file=path)))
    return sql


def flink_rows(tool, case, folder, path):
    """The final table as Flink has it; event time goes with every row, as --rows asks for."""
    out = f"{folder}/flink-rows.json"
    run(
        [tool, "-Cpipeline.auto-watermark-interval=0", "--rows", out, flink_script(case, folder, path)],
        env=flink_env(folder),
    )
    with open(out) as f:
        return f.read()


def flink_rate(tool, case, folder, path, mini_batch):
    """{field: number} of the line that flink-run prints."""
    flags = ["--mini-batch"] if mini_batch else []
    _, _, out = run([tool, *flags, flink_script(case, folder, path)], env=flink_env(folder))
    return {k: float(v) for k, v in re.findall(r"(\w+)=([\d.]+)", out.decode())}
