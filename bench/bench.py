"""Events per CPU-second of whole processes, in runs that alternate with a peer's. Output is not compared here.

    bench/bench.py [--weir build/release/weir] [--pairs 3] [--events 8000000] [--only NAME,…] [--out bench/results.md]

Every case is a script for `weir run`; where a peer can do the same on the same file (DuckDB by `pip install duckdb`), its rate stands
beside. CPU-seconds are user + system of the process and its children. Start-up is inside. The medians of all runs are reported, with the
lowest and highest.
"""
import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

NEXMARK = """CREATE TABLE events (event_type INT,
  person ROW<id BIGINT, name STRING, emailAddress STRING, creditCard STRING, city STRING, state STRING, dateTime TIMESTAMP(3), extra STRING>,
  auction ROW<id BIGINT, itemName STRING, description STRING, initialBid BIGINT, reserve BIGINT, dateTime TIMESTAMP(3), expires TIMESTAMP(3),
    seller BIGINT, category BIGINT, extra STRING>,
  bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, dateTime TIMESTAMP(3), extra STRING>,
  dateTime AS CASE WHEN event_type = 0 THEN person.dateTime WHEN event_type = 1 THEN auction.dateTime ELSE bid.dateTime END,
  WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '{nexmark}', 'format' = 'json');
CREATE VIEW bids AS SELECT bid.auction, bid.bidder, bid.price, bid.channel, bid.url, dateTime, bid.extra FROM events WHERE event_type = 2;
"""
BIDS = """CREATE TABLE b (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, dateTime TIMESTAMP(3), extra STRING{mark})
  WITH ('connector' = 'filesystem', 'path' = '{bids}', 'format' = 'json');
"""
MARK = ", WATERMARK FOR dateTime AS dateTime - INTERVAL '1' SECOND"
SINK = "CREATE TABLE s ({cols}) WITH ('connector' = 'blackhole');\n"


TUMBLE = ("INSERT INTO s SELECT auction, COUNT(*), SUM(price), MAX(price) FROM TUMBLE(TABLE b, DESCRIPTOR(dateTime), INTERVAL '10' SECOND) "
          "GROUP BY window_start, window_end, auction;")


def sink(cols):
    return SINK.replace("{cols}", cols)


CASES = {
    "json 3 of 7 fields, needed": ("bids", "SET 'json.validate' = 'needed';\n" + BIDS + sink("a BIGINT, b BIGINT, p BIGINT") +
                                   "INSERT INTO s SELECT auction, bidder, price FROM b;",
                                   "SELECT auction, bidder, price FROM read_json('{bids}', format='newline_delimited', columns={auction:'BIGINT',bidder:'BIGINT',price:'BIGINT'}) WHERE price < 0"),
    "json 7 fields, full": ("bids", BIDS + sink("auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, dateTime TIMESTAMP(3), extra STRING") +
                            "INSERT INTO s SELECT * FROM b;", None),
    "q0": ("nexmark", NEXMARK + sink("auction BIGINT, bidder BIGINT, price BIGINT, dateTime TIMESTAMP(3), extra STRING") +
           "INSERT INTO s SELECT auction, bidder, price, dateTime, extra FROM bids;", None),
    "q1": ("nexmark", NEXMARK + sink("auction BIGINT, bidder BIGINT, price DECIMAL(23, 3), dateTime TIMESTAMP(3), extra STRING") +
           "INSERT INTO s SELECT auction, bidder, 0.908 * price, dateTime, extra FROM bids;", None),
    "q2": ("nexmark", NEXMARK + sink("auction BIGINT, price BIGINT") +
           "INSERT INTO s SELECT auction, price FROM bids WHERE MOD(auction, 123) = 0;", None),
    "q22": ("nexmark", NEXMARK + sink("auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, d1 STRING, d2 STRING, d3 STRING") +
            "INSERT INTO s SELECT auction, bidder, price, channel, SPLIT_INDEX(url, '/', 3), SPLIT_INDEX(url, '/', 4), "
            "SPLIT_INDEX(url, '/', 5) FROM bids;", None),
    "q17": ("nexmark", NEXMARK + sink("auction BIGINT, d STRING, n BIGINT, r1 BIGINT, r2 BIGINT, r3 BIGINT, mi BIGINT, ma BIGINT, av BIGINT, su BIGINT") +
            "INSERT INTO s SELECT auction, DATE_FORMAT(dateTime, 'yyyy-MM-dd'), COUNT(*), COUNT(*) FILTER (WHERE price < 10000), "
            "COUNT(*) FILTER (WHERE price >= 10000 AND price < 1000000), COUNT(*) FILTER (WHERE price >= 1000000), MIN(price), MAX(price), "
            "AVG(price), SUM(price) FROM bids GROUP BY auction, DATE_FORMAT(dateTime, 'yyyy-MM-dd');", None),
    # 5 M rows a window (500 k events a second of event time), so about five rows a key and window
    "tumble 10 s, 1 M keys, json": ("bids", BIDS.replace("{mark}", MARK) + sink("auction BIGINT, n BIGINT, t BIGINT, m BIGINT") + TUMBLE,
                                    "SELECT COUNT(*) FROM (SELECT auction, time_bucket(INTERVAL '10' SECOND, dateTime) AS w, COUNT(*) AS n, "
                                    "SUM(price), MAX(price) FROM read_json('{bids}', format='newline_delimited', "
                                    "columns={auction:'BIGINT',price:'BIGINT',dateTime:'TIMESTAMP'}) GROUP BY 1, 2)"),
    "tumble 10 s, 1 M keys, json, commit 100 ms": ("bids", "SET 'execution.checkpointing.interval' = '100ms';\n" + BIDS.replace("{mark}", MARK) +
                                                   sink("auction BIGINT, n BIGINT, t BIGINT, m BIGINT") + TUMBLE, None, "--state-dir"),
    "tumble 10 s, 1 M keys, datagen": (None, "CREATE TABLE b (auction BIGINT, price BIGINT, n BIGINT, dateTime AS TO_TIMESTAMP_LTZ(n / 500, 3), "
                                       "WATERMARK FOR dateTime AS dateTime - INTERVAL '1' SECOND) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000000', 'number-of-rows' = '{events}', "
                                       "'fields.auction.min' = '0', 'fields.auction.max' = '999999', 'fields.price.min' = '1', "
                                       "'fields.price.max' = '100000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '0', "
                                       "'fields.n.end' = '1000000000');\n" + sink("auction BIGINT, n BIGINT, t BIGINT, m BIGINT") + TUMBLE, None),
    "tumble 60 s, 10 k keys, 100 k/s": (None, "HOPGEN" + sink("k BIGINT, n BIGINT, t BIGINT") + "INSERT INTO s SELECT k, COUNT(*), SUM(v) FROM TUMBLE(TABLE b, "
                                        "DESCRIPTOR(ts), INTERVAL '60' SECOND) GROUP BY window_start, window_end, k;", None),
    # with the line before: what a row put out costs
    "tumble 1 s, 10 k keys, 100 k/s": (None, "HOPGEN" + sink("k BIGINT, n BIGINT, t BIGINT") + "INSERT INTO s SELECT k, COUNT(*), SUM(v) FROM TUMBLE(TABLE b, "
                                       "DESCRIPTOR(ts), INTERVAL '1' SECOND) GROUP BY window_start, window_end, k;", None),
    "hop 60 s / 1 s, 10 k keys, 100 k/s": (None, "HOPGEN" + sink("k BIGINT, n BIGINT, t BIGINT") + "INSERT INTO s SELECT k, COUNT(*), SUM(v) FROM HOP(TABLE b, "
                                           "DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '60' SECOND) GROUP BY window_start, window_end, k;", None),
}
HOPGEN = """CREATE TABLE b (k BIGINT, v BIGINT, n BIGINT, ts AS TO_TIMESTAMP_LTZ(n / 100, 3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
 WITH ('connector' = 'datagen', 'rows-per-second' = '1000000000', 'number-of-rows' = '{events}', 'fields.k.min' = '0', 'fields.k.max' = '9999', 'fields.v.min' = '1', 'fields.v.max' = '1000',
 'fields.n.kind' = 'sequence', 'fields.n.start' = '0', 'fields.n.end' = '1000000000');
"""


def make_inputs(weir, folder, events):
    nexmark, bids = f"{folder}/nexmark-{events}.json", f"{folder}/bids-{events}.json"
    if not os.path.exists(nexmark):
        with open(nexmark, "w") as f:
            subprocess.run([weir, "gen", "nexmark", "--rows", str(events), "--seed", "1", "--format", "json"], stdout=f, check=True)
    if not os.path.exists(bids):
        import random
        gen = random.Random(1)
        with open(bids, "w") as f:
            for i in range(events):
                ms = i // 500
                f.write('{"auction":%d,"bidder":%d,"price":%d,"channel":"%s","url":"https://www.nexmark.com/%s/item.htm?query=1&channel_id=%d",'
                        '"dateTime":"2026-01-01 %02d:%02d:%02d.%03d","extra":"%s"}\n'
                        % (gen.randrange(1000000), gen.randrange(100000), gen.randrange(1, 10000000), ("apple", "google", "facebook", "baidu")[i & 3],
                           "abcdefghijkl"[: 5 + i % 7], i % 10000, ms // 3600000 % 24, ms // 60000 % 60, ms // 1000 % 60, ms % 1000,
                           "x" * (40 + i % 17)))
    return nexmark, bids


def cpu(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = time.time()
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wall = time.time() - wall
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if r.returncode:
        raise RuntimeError(f"{command[0]} failed: {r.stderr.decode()[:500]}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--weir", default="build/release/weir")
    p.add_argument("--pairs", type=int, default=3)
    p.add_argument("--events", type=int, default=8000000)
    p.add_argument("--only", default="")
    p.add_argument("--folder", default="build/bench")
    p.add_argument("--out", default="")
    a = p.parse_args()
    os.makedirs(a.folder, exist_ok=True)
    nexmark, bids = make_inputs(a.weir, a.folder, a.events)
    try:
        import duckdb
    except ImportError:
        duckdb = None
    lines = ["| work | M events / CPU-s | lowest–highest | DuckDB |", "|---|---|---|---|"]
    for name, (source, script, peer, *flags) in CASES.items():
        if a.only and not any(o in name for o in a.only.split(",")):
            continue
        script = script.replace("HOPGEN", HOPGEN).replace("{mark}", "").replace("{nexmark}", nexmark).replace("{bids}", bids).replace("{events}", str(a.events))
        ours, theirs = [], []
        try:
            for i in range(a.pairs):
                state = f"{a.folder}/state"
                shutil.rmtree(state, ignore_errors=True)
                more = ["--state-dir", state] if "--state-dir" in flags else []
                ours.append(a.events / cpu([a.weir, "run", "-q", *more, "-c", script])[0] / 1e6)
                if peer and duckdb:
                    text = "import duckdb; c = duckdb.connect(); c.execute('SET threads = 1'); c.execute(%r).fetchall()" % peer.replace("{bids}", bids)
                    theirs.append(a.events / cpu([sys.executable, "-c", text])[0] / 1e6)
            lines.append(f"| {name} | {statistics.median(ours):.2f} | {min(ours):.2f}–{max(ours):.2f} | "
                         f"{f'{statistics.median(theirs):.2f}' if theirs else '–'} |")
        except RuntimeError as e:
            lines.append(f"| {name} | failed | {str(e)[:120]} | |")
        print(lines[-1], flush=True)
    if a.out:
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
        with open(a.out, "w") as f:
            f.write(f"# Results\n\nCommit {commit}, {a.events} events, {a.pairs} runs each, one core; `python3 bench/bench.py`.\n\n")
            f.write("\n".join(lines) + "\n")


main()
