#!/usr/bin/env python3
"""The log and its door beside Apache Kafka: the same client (broker.c) at both in turn, per CPU-second of the broker; then
the page log.md. See README.md."""

import argparse
import datetime
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # leaves no folder in the source tree

import peers
from measure import Failed, summary
from report import span, table, verdict

ROOT = peers.ROOT
SOURCES = ["log/client/client.c"] + [
    f"{room}/[a-z]*.c" for room in ("log/record", "net/link", "net/wire", "core/os", "core/pack", "core/base")
]
DROP = ("drop:bulk", "drop:small")
LIBRARIES = "-lisal -lz -lzstd -llz4 -lm -lpthread"
SPREAD = (1, 64, 1024)  # partitions


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--weir", default=f"{ROOT}/build/release/weir")
    p.add_argument("--kafka", default=f"{ROOT}/../shared/peers/kafka/kafka", help="the peer's script; not there: without")
    p.add_argument("--rounds", type=int, default=5, help="of each piece of work, alternating (default 5)")
    p.add_argument("--seconds", type=float, default=2, help="of each piece of work (default 2)")
    p.add_argument("--warm", type=float, default=15, help="seconds of produce that warm Kafka up (default 15)")
    p.add_argument("--rest", type=float, default=60,
                   help="seconds of peace before times are taken (default 60): a disk with a quota is slow after much was written")
    p.add_argument("--folder", default=f"{tempfile.gettempdir()}/weir-bench-log", help="data and programs")
    p.add_argument("--out", default=f"{ROOT}/bench/log.md")
    return p.parse_args()


def say(*words):
    print(*words, flush=True)


def shell(*command):
    p = subprocess.run(command, capture_output=True, text=True)
    if p.returncode:
        raise Failed(f"{os.path.basename(command[0])} ended with {p.returncode}: {(p.stderr or p.stdout)[:600]}")
    return p.stdout


# ---- brokers ----


def free_port():
    """One with a free one behind it, as Kafka wants them."""
    for port in range(21000, 30000, 2):
        try:
            for p in (port, port + 1):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", p))
            return port
        except OSError:
            pass
    raise Failed("no port is free")


class Weir:
    def __init__(self, a, name, *options):
        self.folder, self.command = f"{a.folder}/{name}", [a.weir, "server", "--listen", "127.0.0.1:0", *options]
        shutil.rmtree(self.folder, ignore_errors=True)
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [*self.command, "--data", self.folder], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        line = self.process.stdout.readline()
        if "listening on " not in line:
            raise Failed("weir server did not start")
        self.at, self.pid = line.split()[-1], self.process.pid

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Kafka:
    def __init__(self, a, *settings):
        self.script, self.folder = a.kafka, f"{a.folder}/kafka"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.at = shell(self.script, "up", "--dir", self.folder, "--port", str(free_port()),
                        "log.segment.delete.delay.ms=1000", *settings).split()[-1]
        with open(f"{self.folder}/node-1/pid") as f:
            self.pid = int(f.read())

    def stop(self):
        shell(self.script, "down", "--dir", self.folder, "--wipe")


def client(a, broker, seconds, *works):
    """[what broker.c prints for each piece of work]"""
    at, pid = (broker.at, broker.pid) if broker else ("127.0.0.1:1", 1)
    out = shell(f"{a.folder}/broker", at, str(pid), str(seconds), *works)
    return [json.loads(line) for line in out.splitlines()]


def build(a):
    shell("sh", "-c", f"cd {ROOT}/src && gcc -std=gnu17 -O3 -march=x86-64-v2 -Icore -Inet -Ilog ../bench/broker.c "
          f"{' '.join(SOURCES)} {LIBRARIES} -o {a.folder}/broker")


# ---- measuring ----


def rate(r):
    return {"gb": r["bytes"] / r["cpu"] / 1e9, "records": r["records"] / r["cpu"] / 1e6}


def throughput(a, results, brokers, works):
    """Round by round, forth and back: each of the works at each of the brokers, and the bare loops. What was written is deleted
    each time: a page cache that only grows takes memory that a virtual machine has yet to get from its host (notes.md)."""
    for i in range(a.rounds):
        names = list(brokers) if i % 2 == 0 else list(reversed(brokers))
        for name in names:
            for r in client(a, brokers[name], a.seconds, *works, *DROP):
                results["rates"].setdefault((name, r["work"]), []).append(rate(r))
        for r in client(a, None, 1, f"loop:{a.folder}/loop", f"loopsync:{a.folder}/loop"):
            results["rates"].setdefault(("bare", r["work"]), []).append(rate(r))
        say(f"round {i + 1} of {a.rounds}: {', '.join(brokers)}")


def latency(a, results, broker):
    time.sleep(a.rest)
    for _ in range(a.rounds):
        for kind in ("one", "paced"):
            for n in SPREAD:
                bare, r = client(a, broker, a.seconds / 2, f"bare:{a.folder}", f"{kind}:{n}")
                results["latency"].setdefault((kind, n), []).append(
                    {"p50": r["p50"], "p99": r["p99"], "bare50": bare["p50"], "bare99": bare["p99"]}
                )
    say("latency")


def start(a, results):
    """From the program's start, with an empty directory, to the first record that is acknowledged."""
    port = free_port()
    for _ in range(2 * a.rounds):
        folder = f"{a.folder}/first"
        shutil.rmtree(folder, ignore_errors=True)
        since = time.monotonic_ns()
        p = subprocess.Popen(
            [a.weir, "server", "--data", folder, "--listen", f"127.0.0.1:{port}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        out = shell(f"{a.folder}/broker", f"127.0.0.1:{port}", str(p.pid), "1", f"first:{since}")
        results["start"].append(json.loads(out))
        p.terminate()
        p.wait()
        shutil.rmtree(folder, ignore_errors=True)
    say("start")


def switches(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as f:
            total += sum(int(line.split()[1]) for line in f if "ctxt_switches" in line)
    return total


def idle(a, results, make, partitions):
    broker = make()
    client(a, broker, 0.1, f"one:{partitions}")
    time.sleep(10 if partitions == 1 else 30)  # what was written is synced, in the background
    with open(f"/proc/{broker.pid}/status") as f:
        rss = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
    before = switches(broker.pid)
    time.sleep(5)
    results["idle"].append(
        {"name": make.__name__, "partitions": partitions, "mb": rss * 1024 / 1e6, "wakes": (switches(broker.pid) - before) / 5}
    )
    broker.stop()
    say(f"idle, {partitions} partitions")


# ---- the page ----

# what, broker, work, figure, goal, Kafka's configuration, times Kafka, given with the goal
THROUGHPUT = [
    ("produce 200 B records in 64 KiB batches, page-cache durability", "relaxed", "bulk", "gb", 2, "kafka", 4,
     "Kafka 0.52; bare loop 2.5–2.8"),
    ("the same, synced before ack", "weir", "bulk", "gb", 1.5, "kafka synced", 6, "Kafka 0.24"),
    ("produce in 1 KiB batches, synced; million records", "weir", "small", "records", None, "kafka", 10, "Kafka 0.1"),
    ("consume from page cache", "weir", "consume", "gb", 7, "kafka", 3, "Kafka 2.5; sendfile 15–20"),
]


def of(results, name, work, figure):
    found = results["rates"].get((name, work))
    return summary([x[figure] for x in found]) if found else None


def throughput_rows(results):
    rows = []
    for what, broker, work, figure, goal, other, factor, given in THROUGHPUT:
        ours, theirs = of(results, broker, work, figure), of(results, other, work, figure)
        over = ours["median"] / theirs["median"] if theirs else None
        bare = of(results, "bare", "loopsync" if broker == "weir" else "loop", "gb") if work == "bulk" else None
        rows.append([
            what, span(ours), f"{goal:g}" if goal else "–",
            f"{ours['median'] / goal:.2f}, {verdict(ours['median'] / goal)}" if goal else "–",
            span(theirs) if theirs else "not here", f"{factor} ×",
            f"{over:.1f} ×, {verdict(over / factor)}" if over else "–",
            f"{bare['median']:.2f} ({ours['median'] / bare['median']:.2f})" if bare else "–", given,
        ])
    return rows


def latency_rows(results):
    rows = []
    for (kind, n), found in results["latency"].items():
        mid = {k: statistics.median(x[k] for x in found) for k in found[0]}
        over = statistics.median(x["p50"] / x["bare50"] for x in found)
        rows.append([
            "one in flight" if kind == "one" else "50 MB a second", f"{n:,}", f"{mid['p50']:.2f}", f"{mid['p99']:.2f}",
            f"{mid['bare50']:.2f}", f"{mid['bare99']:.2f}", f"{over:.1f} ×, {verdict(3 / over)}",
            f"{mid['p99'] - mid['bare99']:+.2f}, {'yes' if mid['p99'] <= mid['bare99'] + 1.5 else 'no'}",
        ])
    return rows


def page(a, results):
    m = results["machine"]
    ms, cpu = (summary([x[k] for x in results["start"]]) for k in ("ms", "cpu"))
    goals = {1: 10, 1024: 32}
    lines = [
        "# The log and its door, beside Apache Kafka", "",
        "Written by `bench/log.py`; what it does and how to run it is in README.md. Rates are GB (10⁹ bytes), or million records, "
        "per CPU-second (user + system) of the broker's process: median (lowest–highest) of alternating rounds. Goals are the "
        "issue's; “given” are figures that came with them, from a quiet machine.", "",
        f"- **When, what**: {m['date']}, commit {m['commit']}; {m['weir']}; {m['kafka']}",
        f"- **Machine**: {m['cpu']}, {os.cpu_count()} cores, Linux {os.uname().release}; **load {m['load'][0]:.1f} before, "
        f"{m['load'][1]:.1f} after**: where it is above the cores, others ran beside, and absolute figures are lower than a quiet "
        "machine's: the bare loops and Kafka ran in the same minutes",
        f"- **Command**: `python3 bench/log.py`, {a.rounds} rounds of {a.seconds:g} s", "",
        "## Rates", "",
        "“Bare loop”: a thread that receives 256 KiB at a time, takes CRC-32C and writes a MiB to a file (synced: then fdatasync); "
        "in brackets Weir's share of it.", "",
    ]
    lines += table(["work", "Weir", "goal", "ratio to goal", "Kafka here", "goal", "over Kafka", "bare loop", "given"],
                   throughput_rows(results))
    lines += ["## Time to an answer, acks=all, synced", "",
              "16 KiB batches; ms, medians of rounds; beside each round a bare loop of append and fdatasync of the same size.", ""]
    lines += table(["load", "partitions", "p50", "p99", "bare p50", "bare p99", "p50 ÷ bare (goal 3)",
                    "p99 − bare (goal 1.5)"], latency_rows(results))
    lines += ["## Start and rest", ""]
    rows = [["start to first acknowledged record, ms", span(ms, 1), "20", verdict(20 / ms["median"])],
            ["the same, CPU ms of the server", span({k: v * 1e3 for k, v in cpu.items()}, 1), "–", "–"]]
    for x in results["idle"]:
        weir = x["name"] == "weir_idle"
        goal = goals[x["partitions"]] if weir else None
        rows.append([f"idle memory, {x['partitions']:,} partitions, MB{'' if weir else ' (Kafka)'}", f"{x['mb']:.1f}",
                     str(goal) if goal else "–", verdict(goal / x["mb"]) if goal else "–"])
        rows.append([f"idle wake-ups a second, {x['partitions']:,} partitions{'' if weir else ' (Kafka)'}", f"{x['wakes']:.1f}",
                     "0" if weir else "–", ("yes" if x["wakes"] == 0 else "no") if weir else "–"])
    lines += table(["what", "figure", "goal", "met"], rows)
    lines += ["No wake-ups means no thread ran, so nothing was synced either."]
    with open(a.out, "w") as f:
        f.write("\n".join(lines).rstrip() + "\n")


def main():
    a = arguments()
    os.makedirs(a.folder, exist_ok=True)
    build(a)
    has_kafka = os.path.exists(a.kafka)

    def read(path, key):
        with open(path) as f:
            return next((line.split(":", 1)[1].strip() for line in f if line.startswith(key)), "?")

    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    results = {
        "rates": {}, "latency": {}, "start": [], "idle": [],
        "machine": {
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "cpu": read("/proc/cpuinfo", "model name"), "commit": commit.stdout.strip(),
            "weir": peers.version([a.weir, "version"]),
            "kafka": f"Kafka {shell(a.kafka, 'version').strip()}" if has_kafka else "no Kafka here",
            "load": [os.getloadavg()[0]],
        },
    }

    def weir_idle():
        return Weir(a, "idle")

    def kafka_idle():
        return Kafka(a)

    brokers = {"weir": Weir(a, "weir"), "relaxed": Weir(a, "relaxed", "--durability", "relaxed")}
    try:
        if has_kafka:
            brokers["kafka"] = Kafka(a)
            client(a, brokers["kafka"], a.warm, "bulk", "small", *DROP)
        throughput(a, results, brokers, ("bulk", "small", "consume"))
        if has_kafka:
            brokers.pop("kafka").stop()
            brokers["kafka synced"] = Kafka(a, "log.flush.interval.messages=1")
            client(a, brokers["kafka synced"], a.warm, "bulk", *DROP)
            throughput(a, results, {k: brokers[k] for k in ("weir", "kafka synced")}, ("bulk",))
            brokers.pop("kafka synced").stop()
        latency(a, results, brokers["weir"])
    finally:
        for b in brokers.values():
            b.stop()
    start(a, results)
    for n in (1, 1024):
        idle(a, results, weir_idle, n)
    if has_kafka:
        idle(a, results, kafka_idle, 1)
    results["machine"]["load"].append(os.getloadavg()[0])
    page(a, results)
    say(f"written: {a.out}")


if __name__ == "__main__":
    try:
        main()
    except Failed as e:
        sys.exit(f"log.py: {e}")
