"""Kafka Streams with exactly_once_v2 over a broker, killed and resumed: streams.py HOST:PORT [KILLS].

java/Count.java counts words while lines are fed to it. It is killed amid its work, the second time with its state
directory gone, and started again. Its output, read committed from beginning to end, has to be 1, 2, 3... for each word."""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import kit

at = sys.argv[1]
kills = int(sys.argv[2]) if len(sys.argv) > 2 else 3
here = os.path.dirname(os.path.abspath(__file__))
script = os.path.join(here, "..", "..", "scripts", "kafka.sh")
words = "to be or not that is the question whether tis nobler in mind".split()
base = {"bootstrap.servers": at, "broker.address.family": "v4"}
work = tempfile.mkdtemp()


class Feed:
    """Lines go in, counts come out, both here."""

    def __init__(self):
        self.p = Producer({**base, "linger.ms": 5, "enable.idempotence": True})
        self.c = Consumer({**base, "group.id": "none", "enable.auto.commit": False, "isolation.level": "read_committed"})
        self.c.assign([TopicPartition("counts", i, 0) for i in range(4)])
        self.lines, self.want, self.got, self.wrong = 0, {w: 0 for w in words}, {w: 0 for w in words}, []

    def line(self):
        some = [words[(self.lines * k + k) % len(words)] for k in range(1, 6)]
        self.p.produce("lines", " ".join(some), partition=self.lines % 4)
        self.lines += 1
        for w in some:
            self.want[w] += 1

    def read(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for m in self.c.consume(500, 0.05):
                assert not m.error(), m.error()
                word, n = m.key().decode(), int.from_bytes(m.value(), "big")
                if n != self.got[word] + 1:
                    self.wrong.append((word, self.got[word], n, m.partition(), m.offset()))
                self.got[word] = n

    def step(self, lines=10):
        for _ in range(lines):
            self.line()
        self.p.poll(0)
        self.read(0.05)

    def counted(self):
        return sum(self.got.values())


def start():
    out = open(os.path.join(work, "out"), "ab")
    return subprocess.Popen(["sh", script, "java", "Count", at, os.path.join(work, "state")], stdout=out, stderr=out)


def streams():
    """word count, killed and resumed, loses and doubles nothing"""
    admin = AdminClient(base)
    for f in admin.create_topics([NewTopic(t, 4, 1) for t in ("lines", "counts")]).values():
        f.result(20)
    feed, job, chance = Feed(), None, random.Random(7)
    try:
        for k in range(kills):
            job = start()
            before = feed.counted()
            end = time.monotonic() + 90
            while feed.counted() < before + 500:
                assert job.poll() is None and time.monotonic() < end, f"stands still at {feed.counted()} counts"
                feed.step()
            for _ in range(chance.randrange(20)):
                feed.step()
            job.send_signal(signal.SIGKILL)
            job.wait()
            if k == 1:
                shutil.rmtree(os.path.join(work, "state"))
        job = start()
        feed.step()
        assert feed.p.flush(30) == 0
        kit.until(lambda: feed.read(0.2) or feed.counted() >= sum(feed.want.values()), 120)
        feed.read(1)
        job.terminate()
        assert job.wait(40) in (0, 143)
        assert not feed.wrong, f"word, count before, count: {feed.wrong[:5]}"
        assert feed.got == feed.want
        print(f"# {feed.lines} lines, {feed.counted()} counts, {kills} kills")
    except BaseException:
        print("".join(f"# {line}" for line in open(os.path.join(work, "out"), errors="replace").readlines()[-15:]))
        raise
    finally:
        if job and job.poll() is None:
            job.kill()
        shutil.rmtree(work, ignore_errors=True)


kit.run("Kafka Streams", [streams])
