"""Kills `weir run --data` with SIGKILL at random moments while jobs go from topic to topic, and starts it again until it ends: each
input row must be in the output exactly once, each window and each group's current row too, and a consumer group must have been
told of the end.

    topics.py WEIR KILLS SEED
"""
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

weir, kills, seed = os.path.abspath(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(seed)
home = tempfile.mkdtemp(prefix="weir-kill-topics-")
ROWS = 200000

TOPIC = "'connector' = 'topic', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset'"
TABLES = """CREATE TABLE g (id INT, k INT, ts TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = 'in.json', 'format' = 'json');
CREATE TABLE a0 (id INT, k INT, ts TIMESTAMP(3)) WITH (%s, 'topic' = 'a0');
CREATE TABLE a1 (id INT, k INT, ts TIMESTAMP(3)) WITH (%s, 'topic' = 'a1');
CREATE TABLE a (id INT, k INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH (%s, 'topic' = 'a0;a1', 'properties.group.id' = 'told');
CREATE TABLE b (id INT, k INT) WITH (%s, 'topic' = 'b', 'key.fields' = 'k', 'key.format' = 'json', 'value.fields-include' = 'EXCEPT_KEY',
  'properties.compression.type' = 'lz4');
CREATE TABLE w (s TIMESTAMP(3), k INT, n BIGINT) WITH (%s, 'topic' = 'w');
CREATE TABLE u (k INT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'upsert-topic', 'topic' = 'u', 'key.format' = 'json', 'value.format' = 'json',
  'scan.bounded.mode' = 'latest-offset');
""" % ((TOPIC,) * 5)
FILL = "INSERT INTO a0 SELECT id, k, ts FROM g WHERE MOD(id, 2) = 0; INSERT INTO a1 SELECT id, k, ts FROM g WHERE MOD(id, 2) = 1;"
JOB = """INSERT INTO b SELECT id, k FROM a;
INSERT INTO u SELECT k, COUNT(*) FROM a GROUP BY k;
INSERT INTO w SELECT window_start, k, COUNT(*) FROM TUMBLE(TABLE a, DESCRIPTOR(ts), INTERVAL '10' SECOND) GROUP BY window_start, window_end, k;"""


def run(data, sql, *more):
    command = [weir, "run", "-c", TABLES + sql, "--data", data, "-q", *more]
    return subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process):
    out, err = process.communicate(timeout=120)
    if process.returncode != 0:
        sys.exit("FAILED: exit %d: %s" % (process.returncode, err.decode()))
    return out.decode()


def kill_until_done(data, sql, left):
    killed = 0
    longest = 0.5
    while True:
        process = run(data, sql, "-p", "2", "--commit-interval", "10ms")
        start = time.monotonic()
        if left > 0:
            try:
                process.wait(timeout=rng.uniform(0.01, longest))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                killed += 1
                left -= 1
                continue
        finish(process)
        return killed, time.monotonic() - start


def rows(data, sql, *more):
    return [json.loads(line) for line in finish(run(data, sql, *more)).splitlines()]


with open(os.path.join(home, "in.json"), "w") as f:
    for i in range(ROWS):
        f.write('{"id":%d,"k":%d,"ts":"2026-01-01 %02d:%02d:%02d"}\n' % (i, i % 7, i // 36000, i // 600 % 60, i // 10 % 60))

done = 0
round_number = 0
while done < kills:
    data = os.path.join(home, "log%d" % round_number)
    round_number += 1
    killed, _ = kill_until_done(data, FILL, min(kills - done, 5))
    done += killed
    killed, _ = kill_until_done(data, JOB, min(max(kills - done, 0), 15))
    done += killed
    ids = collections.Counter(r["id"] for r in rows(data, "SELECT id FROM b WHERE k = MOD(id, 7)"))
    current = {r["k"]: r["n"] for r in rows(data, "SELECT k, n FROM u", "--final")}
    untold = rows(data, "SELECT id FROM a /*+ OPTIONS('scan.startup.mode' = 'group-offsets') */")
    lost = [i for i in range(ROWS) if ids[i] == 0]
    twice = [i for i, n in ids.items() if n > 1]
    want = collections.Counter((i // 100, i % 7) for i in range(ROWS))
    seen = rows(data, "SELECT s, k, n FROM w")
    windows = sum(r["n"] for r in seen)
    doubled = [k for k, n in collections.Counter((r["s"], r["k"]) for r in seen).items() if n > 1]
    if current != {k: len(range(k, ROWS, 7)) for k in range(7)} or untold:
        sys.exit("FAILED: seed %d, %s: current rows %s; %d rows of which the group was not told" % (seed, data, current, len(untold)))
    if lost or twice or windows != ROWS or len(seen) != len(want) or doubled:
        sys.exit("FAILED: seed %d, %s: %d rows lost (%s), %d twice (%s), windows count %d rows in %d, %d of them twice" %
                 (seed, data, len(lost), lost[:5], len(twice), twice[:5], windows, len(seen), len(doubled)))
    shutil.rmtree(data)
    if killed == 0 and done < kills and round_number > 20:
        break
print("ok from topic to topic: %d kills in %d rounds, seed %d" % (done, round_number, seed))
shutil.rmtree(home)
