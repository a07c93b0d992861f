#!/usr/bin/env python3
"""Weir beside its peers: equal output first, then events per CPU-second, then the page. See README.md."""

import argparse
import datetime
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

sys.dont_write_bytecode = True  # leaves no folder in the source tree

import check
import functions
import inputs
import peers
import report
from cases import BLACKHOLE, EMIT, INTO_TOPIC, all_cases, fill
from measure import Commits, Failed, alternate, paired, profile, run, summary

ROOT = peers.ROOT


@dataclass
class Tools:
    weir: str
    limit: str
    simd: str  # None: not here
    duck: str  # its version, or None
    flink: str  # path of flink-run, or None


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--weir", default=f"{ROOT}/build/release/weir")
    p.add_argument("--events", type=int, default=8000000, help="of each input (default 8000000)")
    p.add_argument("--check-events", type=int, default=200000, help="of the inputs whose answers are compared")
    p.add_argument("--pairs", type=int, default=5, help="runs of each case (default 5)")
    p.add_argument(
        "--peer-rounds",
        type=int,
        default=3,
        help="of which DuckDB and the bare loops take part in so " "many (default 3)",
    )
    p.add_argument("--only", default="", help="cases, by a part of their names, with commas; leaves the page alone")
    p.add_argument(
        "--folder", default=f"{tempfile.gettempdir()}/weir-bench", help="inputs and programs, kept for the " "next time"
    )
    p.add_argument("--out", default=f"{ROOT}/bench/results.md")
    p.add_argument("--flink", action="store_true", help="Flink too: answers, and rates of 1 M events")
    p.add_argument("--flink-run", default=f"{ROOT}/../shared/peers/flink/flink-run")
    p.add_argument(
        "--profiles",
        action="store_true",
        help="measure nothing but profiles of what is below its goal; " "then the page again",
    )
    p.add_argument(
        "--page",
        action="store_true",
        help="measure nothing: write the page again from the last figures " "and notes.md",
    )
    return p.parse_args()


def say(*words):
    print(*words, flush=True)


# ---- machine ----


def own_arguments():
    """The command line without the places that are this machine's alone."""
    kept, skip = [], False
    for word in sys.argv[1:]:
        places = word.split("=")[0] in ("--weir", "--folder", "--out", "--flink-run")
        if not skip and not places:
            kept.append(word)
        skip = places and "=" not in word
    return " ".join(kept)


def machine(a, tools):
    def read(path, key):
        with open(path) as f:
            return next((line.split(":", 1)[1].strip() for line in f if line.startswith(key)), "?")

    def git(*args):
        return subprocess.run(["git", "-C", ROOT, *args], capture_output=True, text=True).stdout.strip()

    with open(a.weir, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()[:12]
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": read("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory": read("/proc/meminfo", "MemTotal"),
        "kernel": os.uname().release,
        "gcc": peers.version(["gcc", "--version"]),
        "clang": peers.version(["clang", "--version"]),
        "weir": peers.version([a.weir, "version"]),
        "digest": digest,
        "commit": git("rev-parse", "--short", "HEAD")
        + (" and changes in src/" if git("status", "--porcelain", "--", "src") else ""),
        "duckdb": tools.duck,
        "simdjson": tools.simd and peers.simdjson_version(),
        "python": sys.version.split()[0],
        "load_before": os.getloadavg()[0],
        "command": "python3 bench/bench.py " + own_arguments(),
        "events": a.events,
        "check_events": a.check_events,
        "pairs": a.pairs,
        "peer_rounds": a.peer_rounds,
    }


# ---- one case ----


def make_files(a, tools, case, count, per_ms, keys):
    """(what Weir reads, what DuckDB reads)"""
    if case.file == "events":
        path = inputs.events(tools.weir, a.folder, count)
    elif case.file == "bids":
        path = inputs.bids(a.folder, count, per_ms, keys)
    else:
        return "", tools.duck and inputs.generated(tools.weir, a.folder, case.gen, count, keys)
    return path, path


def check_case(a, tools, case):
    keys = max(case.keys // 50, 100)
    path, duck_path = make_files(a, tools, case, a.check_events, check.PER_MS, keys)
    rows, agreed = check.check(tools, case, path, duck_path, a.check_events, a.folder)
    say(f"equal  {case.name}: {rows} rows; {', '.join(agreed)}")
    return {"rows": rows, "agreed": agreed}


def rate(command, events, out=None):
    """`out`: a folder that the command makes."""

    def once():
        if out:
            shutil.rmtree(out, ignore_errors=True)
        return events / run(command)[0] / 1e6

    return once


def out_of(a, case):
    """Where its folders go; None: it makes none."""
    return f"{a.folder}/out" if case.partitions else None


def weir_command(a, tools, case, path, events):
    values = {
        "file": path,
        "events": events,
        "per_ms": case.per_ms,
        "max_key": case.keys - 1,
        "interval": "100ms",
    }
    script = case.files(out_of(a, case), **values) if case.partitions else case.text(sink=BLACKHOLE, **values)
    return [tools.weir, "run", "-q", "-c", script]


def limit_command(tools, case, path, events):
    if case.limit == "table":
        return [
            tools.limit,
            "table",
            str(case.keys),
            str(events),
            str(case.per_ms * (60000 if case.name == "tumble-60" else 10000)),
        ]
    return [tools.limit, case.limit, path, str(case.keys)]


def measure_case(a, tools, case):
    path, _ = make_files(a, tools, case, a.events, case.per_ms, case.keys) if case.file else ("", None)
    out = out_of(a, case)
    runs = {"weir": rate(weir_command(a, tools, case, path, a.events), a.events, out)}
    if case.simd and tools.simd:
        runs["simdjson"] = rate([tools.simd, "once", case.simd, path], a.events)
    if tools.duck and (case.file or case.duck_events):
        count = min(a.events, case.duck_events or a.events)
        duck_path = path or make_files(a, tools, case, count, case.per_ms, case.keys)[1]
        duck_out = out and f"{out}-duckdb"
        runs["duckdb"] = rate(peers.duck_command(case, duck_path, duck_out, per_ms=case.per_ms), count, duck_out)
    if case.limit:
        runs["limit"] = rate(limit_command(tools, case, path, a.events), a.events)
        if case.file:
            runs["lines"] = rate([tools.limit, "lines", path], a.events)
    found = alternate(runs, a.pairs, dict.fromkeys(("duckdb", "limit", "lines"), a.peer_rounds))
    result = {name: summary(numbers) for name, numbers in found.items()}
    if "simdjson" in found:
        result["over_simdjson"] = paired(found["weir"], found["simdjson"])
    say(
        f"rate   {case.name}: "
        + "  ".join(
            f"{name} {s['median']:.2f} ({s['min']:.2f}–{s['max']:.2f})"
            for name, s in result.items()
            if isinstance(s, dict)
        )
    )
    return result


# ---- cases of another kind ----


def measure_commits(a, tools, case):
    """Committing against not committing, pair by pair; then one run that is watched, and a bare write of as much."""
    path, _ = make_files(a, tools, case, a.events, case.per_ms, case.keys)
    plain = weir_command(a, tools, next(c for c in all_cases() if c.name == "tumble-json"), path, a.events)
    state = f"{a.folder}/state"
    command = [*weir_command(a, tools, case, path, a.events), "--state-dir", state]
    found = alternate({"weir": rate(command, a.events, state), "plain": rate(plain, a.events)}, a.pairs)
    watch = Commits(state)
    try:
        cpu, wall, _ = run(command)
    finally:
        commits = watch.end()
    result = {
        **{name: summary(v) for name, v in found.items()},
        "ratio": paired(found["weir"], found["plain"]),
        **commits,
        "wall_s": wall,
        "cpu_s": cpu,
    }
    each = commits["bytes"] // max(commits["commits"], 1)
    bare = [run([tools.limit, "write", f"{a.folder}/bare", str(commits["commits"]), str(each)])[:2] for _ in range(3)]
    result["bare_cpu_s"], result["bare_wall_s"] = sorted(bare)[1]
    say(
        f"commit {result['weir']['median']:.2f} against {result['plain']['median']:.2f}: ratio {result['ratio']:.2f}; "
        f"{commits['commits']} commits of {each} bytes, bare write {result['bare_cpu_s']:.2f} CPU-s"
    )
    return result


def measure_topics(a, tools, case):
    """From topic to topic, exactly once, against file to blackhole; beside them from topic to blackhole and from file to JSON
    file: what reading and what writing cost. The input lies in the log before, and is copied for each run."""
    path, _ = make_files(a, tools, case, a.events, case.per_ms, case.keys)
    values = {"file": path, "events": a.events, "per_ms": case.per_ms, "max_key": case.keys - 1}
    log, copy, out = f"{a.folder}/log", f"{a.folder}/log-run", f"{a.folder}/out"
    shutil.rmtree(log, ignore_errors=True)
    run([tools.weir, "run", "-q", "--data", log, "-c", fill(INTO_TOPIC, **values)])
    output = case.topics(**values)
    hole = output[: output.index("CREATE TABLE s")] + case.text(sink=BLACKHOLE, **values)[
        case.text(sink=BLACKHOLE, **values).index("CREATE TABLE s"):]
    files = case.text(sink=f"'connector' = 'filesystem', 'path' = '{out}', 'format' = 'json'", **values)

    def on_copy(script):
        def once():
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(log, copy)
            return a.events / run([tools.weir, "run", "-q", "--data", copy, "-c", script])[0] / 1e6

        return once

    runs = {
        "weir": on_copy(output),
        "plain": rate(weir_command(a, tools, case, path, a.events), a.events),
        "read": on_copy(hole),
        "write": rate([tools.weir, "run", "-q", "-c", files], a.events, out),
    }
    found = alternate(runs, a.pairs)
    for folder in (log, copy, out):
        shutil.rmtree(folder, ignore_errors=True)
    result = {name: summary(v) for name, v in found.items()}
    result["ratio"] = paired(found["weir"], found["plain"])
    say(
        f"topics {case.name}: {result['weir']['median']:.2f} against {result['plain']['median']:.2f} from file to blackhole: "
        f"ratio {result['ratio']:.2f}; to blackhole {result['read']['median']:.2f}, file to file {result['write']['median']:.2f}"
    )
    return result


def measure_hop(a, tools, cases):
    """CPU-seconds of tumbling, hopping and of a job that only puts out as many rows as hopping does, in alternation."""
    by_name = {c.name: c for c in cases}
    values = {"events": a.events, "per_ms": 100, "max_key": 9999}
    rows = {}
    for name in ("tumble-60", "tumble-1", "hop"):
        script = fill(
            by_name[name].script.split("CREATE TABLE s")[0] + "SELECT COUNT(*) FROM " f"({by_name[name].query}) AS t;",
            **values,
        )
        out = run([tools.weir, "run", "-q", "--final", "-o", "ndjson", "-c", script])[2]
        rows[name] = next(v for k, v in json.loads(out.decode().splitlines()[-1]).items() if k != "op")
    runs = {name: lambda c=by_name[name]: run(weir_command(a, tools, c, "", a.events))[0] for name in rows}
    emit = [tools.weir, "run", "-q", "-c", fill(EMIT, sink=BLACKHOLE, rows=rows["hop"] - rows["tumble-60"])]
    runs["emit"] = lambda: run(emit)[0]
    found = alternate(runs, a.pairs)
    result = {name: summary(v) for name, v in found.items()}
    result["rows"] = rows
    result["ratio"] = paired([1.5 * t + e for t, e in zip(found["tumble-60"], found["emit"])], found["hop"])
    say(
        "hop    "
        + "  ".join(f"{n} {result[n]['median']:.3f} CPU-s" for n in runs)
        + f"  bound/hop {result['ratio']:.2f}"
    )
    return result


def measure_start(tools):
    """50 starts to the first row; beside it DuckDB in Python and a program that does nothing."""
    result = {}
    commands = {"weir": [tools.weir, "run", "-c", "SELECT 1"], "nothing": ["/bin/true"]}
    if tools.duck:
        commands["duckdb"] = [
            sys.executable,
            "-c",
            "import duckdb; print(duckdb.connect().execute('SELECT " "1').fetchall())",
        ]
    for name, command in commands.items():
        found = [run(command)[:2] for _ in range(50 if name != "duckdb" else 5)]
        result[name] = {"cpu": summary([c * 1e3 for c, _ in found]), "wall": summary([w * 1e3 for _, w in found])}
    say(
        "start  "
        + "  ".join(
            f"{n} {r['cpu']['median']:.1f} ms CPU, {r['wall']['median']:.1f} ms wall" for n, r in result.items()
        )
    )
    return result


def measure_functions(a, tools, family):
    rows = functions.compare(tools.weir, family, a.folder)
    result = functions.measure(tools.weir, family, a.folder, min(a.events, 4000000), max(a.pairs, 3))
    say(
        f"calls  {family.name}: {result['weir']:.0f} ns a row, DuckDB {result['duckdb']:.0f}; equal on {rows} rows; "
        f"ratio {result['ratio']:.2f}"
    )
    return result


def measure_decoders(a):
    result = peers.decoders(a.folder, a.pairs)
    say("decode " + "  ".join(f"{mode} {r[1]:.2f} against {r[2]:.2f}" for mode, r in result.items()))
    return result


def measure_flink(a, tools, cases):
    """Takes long and depends on nothing of ours, so the figures are kept for later pages."""
    path, result = inputs.events(tools.weir, a.folder, 1000000), {}
    for case in (c for c in cases if c.flink):
        best = max(
            (peers.flink_rate(tools.flink, case, a.folder, path, m) for m in (False, True)),
            key=lambda r: r["last_half_rows_per_cpu_s"],
        )
        result[case.name] = best
        say(
            f"flink  {case.name}: {best['last_half_rows_per_cpu_s'] / 1e6:.3f} steady, "
            f"{best['rows_per_cpu_s'] / 1e6:.3f} with its start"
        )
        best["load"] = os.getloadavg()[0]
    kept = kept_flink(a)
    kept.update(result)
    with open(f"{a.folder}/flink.json", "w") as f:
        json.dump(kept, f, indent=1)


def kept_flink(a):
    try:
        with open(f"{a.folder}/flink.json") as f:
            return json.load(f)
    except FileNotFoundError:
        return {}


def add_profiles(a, tools, results):
    """A profile of every case that is below its goal."""
    found = {}
    for case in all_cases():
        ratio = report.ratio_to_goal(case, results)
        if ratio is None or ratio >= 1 or case.log:
            continue
        path = make_files(a, tools, case, a.events, case.per_ms, case.keys)[0] if case.file else ""
        state = f"{a.folder}/state"
        run(["rm", "-rf", state, f"{a.folder}/out"])
        command = weir_command(a, tools, case, path, a.events) + (["--state-dir", state] if case.state else [])
        shares = profile(command, a.folder)
        if shares:
            found[case.name] = shares
            say(f"shares {case.name}: " + ", ".join(f"{name} {share:.0f} %" for share, name in shares[:5]))
    results["profiles"] = found


# ---- all ----


def find_tools(a):
    os.makedirs(a.folder, exist_ok=True)
    flink = peers.flink_tool(a.flink_run) if a.flink else None
    tools = Tools(
        os.path.abspath(a.weir),
        peers.compile_limit(a.folder),
        peers.compile_simdjson(a.folder),
        peers.duck_version(),
        flink,
    )
    for name, there in (
        ("DuckDB (pip install duckdb)", tools.duck),
        ("simdjson (libsimdjson-dev)", tools.simd),
        ("Flink (needs ../shared/peers/flink, Java 17, Maven)", tools.flink or not a.flink),
    ):
        if not there:
            say(f"not here, so not compared: {name}")
    return tools


def attempt(results, kind, name, work):
    """A failure is told on the page, and the rest goes on; the exit status is 1."""
    try:
        results.setdefault(kind, {})[name] = work()
    except Failed as e:
        results.setdefault("failed", {})[f"{kind} {name}"] = str(e)
        say(f"FAILED {kind} {name}: {e}")


def measure_all(a, tools):
    wanted = a.only.split(",")
    cases = [c for c in all_cases() if any(w in c.name for w in wanted)]
    results = {"machine": machine(a, tools)}
    for case in cases:
        attempt(results, "equal", case.name, lambda: check_case(a, tools, case))
    cases = [c for c in cases if c.name in results.get("equal", {})]  # no rate for an answer that is not the peers'
    steady = []
    for case in cases:
        if case.log:
            attempt(results, "topics", case.name, lambda: measure_topics(a, tools, case))
        elif case.state:
            attempt(results, "commits", case.name, lambda: measure_commits(a, tools, case))
        else:
            attempt(results, "rates", case.name, lambda: measure_case(a, tools, case))
        steady.append(1 / run([tools.limit, "spin"])[0])
    if {"tumble-60", "tumble-1", "hop"} <= {c.name for c in cases}:
        attempt(results, "other", "hop", lambda: measure_hop(a, tools, cases))
    if not a.only or "start" in wanted:
        attempt(results, "other", "start", lambda: measure_start(tools))
    if tools.duck and (not a.only or "functions" in wanted):
        for family in functions.FAMILIES:
            attempt(results, "functions", family.name, lambda: measure_functions(a, tools, family))
    if tools.simd and (not a.only or "decoder" in wanted):
        attempt(results, "other", "decoders", lambda: measure_decoders(a))
    if tools.flink:
        attempt(results, "other", "flink run", lambda: measure_flink(a, tools, cases))
    if steady:
        middle = sorted(steady)[len(steady) // 2]
        results["machine"]["steady"] = [min(steady) / middle, max(steady) / middle]
    add_profiles(a, tools, results)
    results["machine"]["load_after"] = os.getloadavg()[0]
    return results


def main():
    a = arguments()
    saved = f"{a.folder}/results.json"
    if a.page or a.profiles:
        with open(saved) as f:
            results = json.load(f)
        if a.profiles:
            a.events = results["machine"]["events"]
            add_profiles(a, find_tools(a), results)
    else:
        results = measure_all(a, find_tools(a))
        if a.only:
            saved = f"{a.folder}/results-only.json"
    with open(saved, "w") as f:
        json.dump(results, f, indent=1)
    results.setdefault("other", {})["flink"] = kept_flink(a)
    if not a.only:
        with open(a.out, "w") as f:
            f.write(report.page(results, all_cases(), f"{ROOT}/bench/notes.md"))
        say(f"wrote {a.out}")
    return 1 if results.get("failed") else 0


if __name__ == "__main__":
    sys.exit(main())
