"""CPU-seconds of whole processes, in runs that alternate; and what a run commits."""

import os
import re
import shutil
import statistics
import struct
import subprocess
import tempfile
import threading
import time


class Failed(Exception):
    pass


def run(command, env=None):
    """Runs to the end and gives CPU-seconds (user + system of the process and of the children that it waited for), wall
    seconds and standard output. The kernel counts in nanoseconds."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env)
        _, status, used = os.wait4(p.pid, 0)
        wall = time.perf_counter() - start
        p.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if p.returncode:
            raise Failed(
                f"{os.path.basename(command[0])} ended with {p.returncode}: "
                f"{(err.read() or out.read()).decode(errors='replace')[:600]}"
            )
        return used.ru_utime + used.ru_stime, wall, out.read()


def alternate(contenders, rounds, most=None):
    """{name: () -> number} → {name: [number, …]}: A B C, C B A, …, so that a slow minute meets all of them.
    `most` holds who takes part in the first rounds only."""
    found = {name: [] for name in contenders}
    for i in range(rounds):
        for name in (list(contenders) if i % 2 == 0 else reversed(list(contenders))):
            if i < (most or {}).get(name, rounds):
                found[name].append(contenders[name]())
    return found


def summary(numbers):
    return {"median": statistics.median(numbers), "min": min(numbers), "max": max(numbers), "runs": len(numbers)}


def paired(a, b):
    """Median of the ratios run by run."""
    return statistics.median(x / y for x, y in zip(a, b))


def profile(command, folder, most=8):
    """[(percent, symbol), …] of one run by `perf`, the largest first; None where perf is not there or may not."""
    data = f"{folder}/perf.data"
    try:
        subprocess.run(
            ["perf", "record", "-q", "-F", "999", "-o", data, *command],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        out = subprocess.run(
            ["perf", "report", "-i", data, "--no-children", "-s", "symbol", "--stdio"],
            check=True,
            capture_output=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.findall(r"^ *([\d.]+)% +\[(.)\] +(\S+)", out.stdout, re.M)
    return [(float(share), name + (" (kernel)" if where == "k" else "")) for share, where, name in found[:most]]


class Commits:
    """Counts what a job appends to the journals of its state directory, from outside.

    A journal is deleted when a snapshot stands for it, so every file that appears gets a second name in a folder of
    ours (a hard link: no byte is copied); after the run the records are counted by their sequence numbers, each once. A
    watcher looks every 2 ms, in our process, whose CPU is not the job's. Journal: header of 36 bytes, then records
    {checksum u32, length u32, sequence u64, synced u64, payload}."""

    def __init__(self, state):
        self.state, self.keep = state, state + ".kept"
        for folder in (self.state, self.keep):
            shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(self.keep)
        self.seen, self.stop = {}, threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def look(self):
        for folder, _, names in os.walk(self.state):
            for name in names:
                try:
                    path = os.path.join(folder, name)
                    if not name.startswith(("journal-", "snapshot-")) or os.stat(path).st_ino in self.seen:
                        continue
                    kept = os.path.join(self.keep, str(len(self.seen)))
                    os.link(path, kept)
                    self.seen[os.stat(kept).st_ino] = (name, kept)
                except FileNotFoundError:
                    pass

    def watch(self):
        while not self.stop.wait(0.002):
            self.look()
        self.look()

    def end(self):
        """{commits, bytes, snapshots, snapshot_bytes}; forgets the files."""
        self.stop.set()
        self.thread.join()
        records, snapshots = {}, []
        for name, path in self.seen.values():
            if name.startswith("snapshot-"):
                snapshots.append(os.path.getsize(path))
                continue
            with open(path, "rb") as f:
                at, size = 36, os.path.getsize(path)
                while at + 24 <= size:
                    f.seek(at)
                    _, length, sequence, _ = struct.unpack("<IIQQ", f.read(24))
                    if sequence == 0:
                        break  # a tail that is no record
                    records[sequence] = 24 + length
                    at += 24 + length
        shutil.rmtree(self.keep)
        shutil.rmtree(self.state, ignore_errors=True)
        return {
            "commits": len(records),
            "bytes": sum(records.values()),
            "snapshots": len(snapshots),
            "snapshot_bytes": sum(snapshots),
        }
