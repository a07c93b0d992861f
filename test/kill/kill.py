"""Kills `weir run --state-dir` with SIGKILL at random moments and starts it again until it ends; what it has written must be what an
uninterrupted run writes: the same multiset of lines, netted for the updating job, and
each bad record once among the dead letters. Prints a line a job.

    kill.py WEIR KILLS SEED
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
home = tempfile.mkdtemp(prefix="weir-kill-")
ROWS = 60000
BAD = ROWS // 1000

INPUT = """CREATE TABLE a (id BIGINT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '%s/in', 'format' = 'json');
"""
OUT = "CREATE TABLE o (%s) %s WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = '%s', 'sink.rolling-policy.file-size' = '%s'%s);\n"
JOBS = [
    ("stateless", "id BIGINT, k STRING", "json", "INSERT INTO o SELECT id, k FROM a WHERE v < 60;", []),
    ("group by", "k STRING, n BIGINT, s BIGINT", "debezium-json",
     "INSERT INTO o SELECT k, COUNT(*), SUM(CAST(v AS BIGINT)) FROM a GROUP BY k;", []),
    ("tumble", "s TIMESTAMP(3), k STRING, n BIGINT, m INT", "json",
     "INSERT INTO o SELECT window_start, k, COUNT(*), MAX(v) FROM TUMBLE(TABLE a, DESCRIPTOR(ts), INTERVAL '5' SECOND) "
     "GROUP BY window_start, window_end, k;", []),
    ("hop, shuffled", "e TIMESTAMP(3), k STRING, n BIGINT", "json",
     "INSERT INTO o SELECT window_end, k, COUNT(*) FROM HOP(TABLE a, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '10' SECOND) "
     "GROUP BY window_start, window_end, k;", ["-p", "2"]),
    ("partitions", "id BIGINT, v INT, t STRING", "csv", "INSERT INTO o SELECT id, v, DATE_FORMAT(ts, 'HH:mm:ss') FROM a;", ["-p", "2"],
     ["PARTITIONED BY (t)", ", 'sink.partition-commit.policy.kind' = 'success-file', 'sink.partition-commit.trigger' = 'partition-time', "
      "'sink.partition-commit.delay' = '3 s', 'partition.time-extractor.timestamp-pattern' = '2026-01-01 $t'"]),
    ("overwrite", "id BIGINT, k STRING", "csv", "INSERT OVERWRITE o SELECT id, k FROM a WHERE v < 60;", []),
]


def make_input():
    os.makedirs(f"{home}/in")
    gen = random.Random(7)
    for part in range(2):
        with open(f"{home}/in/{part}.json", "w") as f:
            for i in range(ROWS // 2):
                ms = i * 4 + gen.randrange(1500)
                if i % 1000 == 500:
                    f.write('{"id": %d, "broken"}\n' % i)
                f.write('{"id": %d, "k": "key-%d", "v": %d, "ts": "2026-01-01 00:%02d:%02d.%03d"}\n'
                        % (part * ROWS + i, gen.randrange(300), gen.randrange(100), ms // 60000, ms // 1000 % 60, ms % 1000))


def letters(path):
    """Bad records, once each, behind the line that stood there before the job."""
    lines = open(path).read().splitlines()
    assert lines[:1] == ["kept"], f"the dead letters begin with {lines[:1]}"
    return collections.Counter(lines[1:])


def netted(folder, updating):
    count = collections.Counter()
    for name in sorted(os.path.relpath(os.path.join(at, f), folder) for at, _, files in os.walk(folder) for f in files):
        if name.endswith("_SUCCESS"):
            count[name] += 1
            continue
        assert not os.path.basename(name).startswith("."), f"a hidden file is left: {name}"
        text = open(f"{folder}/{name}").read()
        assert text == "" or text.endswith("\n"), f"{name} ends in a torn line"
        for line in text.splitlines():
            if updating:
                record = json.loads(line)
                if record.get("before"):
                    count[json.dumps(record["before"])] -= 1
                if record.get("after"):
                    count[json.dumps(record["after"])] += 1
            else:
                count[os.path.dirname(name) + line] += 1
    return +count if all(v >= 0 for v in count.values()) else count


def renew_letters():
    with open(f"{home}/dead", "w") as f:
        f.write("kept\n")


def start(sql, state, extra):
    return subprocess.Popen([weir, "run", "-c", sql, "--state-dir", state, "--commit-interval", "5ms",
                             "--dead-letter", f"{home}/dead", *extra],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def sql_for(job, out):
    _, cols, form, insert = job[:4]
    partitioned, options = job[5] if len(job) > 5 else ["", ""]
    return INPUT % home + OUT % (cols, partitioned, out, form, "64kb", options) + insert


def run_whole(job):
    out = f"{home}/whole"
    renew_letters()
    shutil.rmtree(out, ignore_errors=True)
    shutil.rmtree(f"{home}/wstate", ignore_errors=True)
    began = time.time()
    p = start(sql_for(job, out), f"{home}/wstate", job[4])
    err = p.communicate()[1]
    assert p.returncode == 0, err.decode()
    took = time.time() - began
    bad = letters(f"{home}/dead")
    assert len(bad) == BAD, f"{len(bad)} dead letters, {BAD} bad records"
    return netted(out, job[2] == "debezium-json"), bad, took


def killed_rounds(job, want, bad, span, budget):
    """Rounds of killing until `budget` kills are used; a round ends when the job has ended. The moments of the kills are drawn from
    a span that shrinks where lives end unharmed and grows back with each kill: how fast the machine is changes by the minute."""
    done = rounds = 0
    longest = span
    while done < budget:
        out, state = f"{home}/out", f"{home}/state"
        shutil.rmtree(out, ignore_errors=True)
        shutil.rmtree(state, ignore_errors=True)
        renew_letters()
        sql = sql_for(job, out)
        for life in range(1000):
            extra = list(job[4])
            if life and extra and rng.random() < 0.3:
                extra = ["-p", str(rng.randrange(1, 4))]  # rescaled while it was down
            p = start(sql, state, extra)
            try:
                err = p.communicate(timeout=rng.uniform(0.003, span * 0.9))[1]
                assert p.returncode == 0, f"exit {p.returncode}: {err.decode()}"
                span = max(span * 0.9, 0.01) if life == 0 else span
                break
            except subprocess.TimeoutExpired:
                p.send_signal(signal.SIGKILL)
                p.communicate()
                done += 1
                span = min(span * 1.03, longest)
        got = netted(out, job[2] == "debezium-json")
        assert got == want, f"differs: {list((want - got).items())[:3]} missing, {list((got - want).items())[:3]} too many"
        dead = letters(f"{home}/dead")
        assert dead == bad, f"dead letters differ: {list((bad - dead))[:3]} missing, {list((dead - bad))[:3]} too many"
        rounds += 1
    return done, rounds


make_input()
failed = 0
for number, job in enumerate(JOBS):
    try:
        want, bad, span = run_whole(job)
        assert want, "the uninterrupted run wrote nothing"
        done, rounds = killed_rounds(job, want, bad, span, kills // len(JOBS))
        print(f"ok kill -9, {job[0]}: {done} kills in {rounds} rounds")
    except AssertionError as e:
        failed += 1
        print(f"not ok kill -9, {job[0]}: {str(e)[:600]}")
    sys.stdout.flush()
shutil.rmtree(home, ignore_errors=True)
sys.exit(1 if failed else 0)
