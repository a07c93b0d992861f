"""Kills `weir run` with SIGKILL at random moments while a job goes from topic to topic through `weir server`, now and then the
server, too, and starts them again until the job ends: each input row must be in the output at least once, and in the job's state,
which an upsert topic shows, exactly once.

    kafka.py WEIR KILLS SEED
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
home = tempfile.mkdtemp(prefix="weir-kill-kafka-")
ROWS = 100000


class Server:
    def __init__(self, data):
        self.data = data
        self.at = "127.0.0.1:0"
        self.process = None

    def start(self):
        for _ in range(50):
            self.process = subprocess.Popen([weir, "server", "--data", self.data, "--listen", self.at, "--set", "num.partitions=3"],
                                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            line = self.process.stdout.readline()
            if line.startswith("listening on "):
                self.at = line.split()[2]
                return
            self.process.wait()
            time.sleep(0.1)
        sys.exit("FAILED: the server does not start")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def tables(at):
    common = "'properties.bootstrap.servers' = '%s', 'scan.bounded.mode' = 'latest-offset'" % at
    plain = "'connector' = 'kafka', 'format' = 'json', 'scan.startup.mode' = 'earliest-offset', " + common
    return """CREATE TABLE g (id INT, k INT) WITH ('connector' = 'filesystem', 'path' = 'in.json', 'format' = 'json');
CREATE TABLE a (id INT, k INT) WITH (%s, 'topic' = 'a');
CREATE TABLE b (id INT, k INT) WITH (%s, 'topic' = 'b', 'key.fields' = 'id', 'key.format' = 'json');
CREATE TABLE n (k INT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'n', 'key.format' = 'json',
  'value.format' = 'json', %s);
""" % (plain, plain, common)


JOB = "INSERT INTO b SELECT id, k FROM a; INSERT INTO n SELECT k, COUNT(*) FROM a GROUP BY k;"


def run(server, sql, *more):
    return subprocess.Popen([weir, "run", "-c", tables(server.at) + sql, "-q", *more], cwd=home, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def finish(process):
    out, err = process.communicate(timeout=120)
    if process.returncode != 0:
        sys.exit("FAILED: exit %d: %s" % (process.returncode, err.decode()))
    return out.decode()


def rows(server, sql):
    return [json.loads(line) for line in finish(run(server, sql, "--final")).splitlines()]


def kill_until_done(server, left):
    """Exit 3 is a job whose server was killed when it began."""
    killed, longest = 0, 0.3
    for _ in range(1000):
        process = run(server, JOB, "-p", "2", "--commit-interval", "10ms", "--state-dir", server.data + ".state")
        if killed < left:
            try:
                process.wait(timeout=rng.uniform(0.02, longest))
            except subprocess.TimeoutExpired:
                if rng.random() < 0.2:
                    server.kill()
                    server.start()
                process.send_signal(signal.SIGKILL)
                process.communicate()
                killed += 1
                longest = min(longest * 1.2, 1.5)
                continue
        out, err = process.communicate(timeout=120)
        if process.returncode == 0:
            return killed
        if process.returncode != 3:
            sys.exit("FAILED: exit %d: %s" % (process.returncode, err.decode()))
    sys.exit("FAILED: the job does not end")


with open(os.path.join(home, "in.json"), "w") as f:
    for i in range(ROWS):
        f.write('{"id":%d,"k":%d}\n' % (i, i % 7))

done, rounds, again = 0, 0, 0
while done < kills and rounds < 50:
    server = Server(os.path.join(home, "log%d" % rounds))
    rounds += 1
    server.start()
    finish(run(server, "INSERT INTO a SELECT id, k FROM g"))
    done += kill_until_done(server, min(kills - done, 12))
    ids = collections.Counter(r["id"] for r in rows(server, "SELECT id FROM b"))
    counts = {r["k"]: r["n"] for r in rows(server, "SELECT k, n FROM n")}
    server.kill()
    want = {k: len(range(k, ROWS, 7)) for k in range(7)}
    lost = [i for i in range(ROWS) if ids[i] == 0]
    again += sum(ids.values()) - ROWS
    if lost or len(ids) != ROWS or counts != want:
        sys.exit("FAILED: seed %d, %s: %d rows lost (%s), %d that never were; counted %s, wanted %s" %
                 (seed, home, len(lost), lost[:5], len(ids) - ROWS + len(lost), counts, want))
    shutil.rmtree(server.data)
    shutil.rmtree(server.data + ".state")
print("ok through a server, at least once: %d kills in %d rounds, %d rows written again, seed %d" % (done, rounds, again, seed))
shutil.rmtree(home)
