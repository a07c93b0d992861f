"""A pseudo-terminal with weir in it, and behind it a small terminal that keeps the screen and notes every character that did not fit
its line. Nothing here sleeps and then looks: each step waits for what it names, and gives up only after a time that no machine needs."""
import concurrent.futures
import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time

WEIR = os.path.abspath(sys.argv[1])
PATIENCE = float(os.environ.get("PATIENCE", 120))


class Screen:
    """Lines without end, a cursor, and the control sequences that weir uses; any other is noted in `unknown`."""

    def __init__(self, columns, rows):
        self.columns, self.rows, self.lines, self.row, self.col = columns, rows, [""], 0, 0
        self.wrapped, self.unknown, self.rest = 0, [], ""

    def put(self, text):
        text = self.rest + text
        self.rest, i = "", 0
        while i < len(text):
            if text[i] == "\033":
                m = re.match(r"\033\[([\d;?]*)([A-Za-z])", text[i:])
                if not m:
                    if len(text) - i < 16:
                        self.rest = text[i:]
                        return
                    self.unknown.append(text[i:i + 8])
                    i += 1
                    continue
                self.control(m[1], m[2])
                i += len(m[0])
                continue
            self.char(text[i])
            i += 1

    def control(self, arg, letter):
        line, n = self.lines[self.row], int(arg) if arg.isdigit() else 1
        if letter == "K" and arg in ("", "0"):
            self.lines[self.row] = line[:self.col]
        elif letter == "J" and arg in ("", "0"):
            self.lines[self.row] = line[:self.col]
            del self.lines[self.row + 1:]
        elif letter == "J" and arg == "2":
            self.lines[self.top():] = [""] * (len(self.lines) - self.top())
        elif letter == "H" and arg == "":
            self.row, self.col = self.top(), 0
        elif letter == "A":
            self.row = max(0, self.row - n)
        elif letter == "G":
            self.col = n - 1
        elif letter == "C":
            self.col += n
        elif letter == "D":
            self.col = max(0, self.col - n)
        elif letter == "P":
            self.lines[self.row] = line[:self.col] + line[self.col + n:]
        elif letter == "@":
            self.lines[self.row] = line[:self.col] + " " * n + line[self.col:]
        elif letter != "m":
            self.unknown.append(arg + letter)

    def top(self):
        return max(0, len(self.lines) - self.rows)

    def char(self, c):
        if c == "\r":
            self.col = 0
        elif c == "\b":
            self.col = max(0, self.col - 1)
        elif c == "\a":
            pass
        elif c == "\n":
            self.row += 1
            if self.row == len(self.lines):
                self.lines.append("")
        else:
            if self.col >= self.columns:
                self.wrapped += 1
                self.row, self.col = self.row + 1, 0
                if self.row == len(self.lines):
                    self.lines.append("")
            line = self.lines[self.row].ljust(self.col)
            self.lines[self.row] = line[:self.col] + c + line[self.col + 1:]
            self.col += 1

    def text(self):
        return [line.rstrip() for line in self.lines if line.strip()]


class Terminal:
    """weir with a terminal for standard input and error, and for standard output unless `out` is a file."""

    def __init__(self, *args, columns=120, rows=50, out=None, env=None, cwd=None):
        self.master, slave = os.openpty()
        self.slave = slave # kept open: a size can be set, and the end of the process is not an error to read
        self.screen, self.raw, self.arrived = Screen(columns, rows), "", []
        self.resize(columns, rows)
        every = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
        every.update({"TERM": "xterm-256color", "LC_ALL": "C"}, **(env or {}))
        self.p = subprocess.Popen([WEIR, *args], stdin=slave, stdout=out or slave, stderr=slave, env=every, cwd=cwd,
                                  start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def resize(self, columns, rows=50):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.columns, self.screen.rows = columns, rows

    def read(self, seconds):
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        text = os.read(self.master, 65536).decode("utf-8", "replace")
        self.arrived += [time.monotonic()] * text.count("in/s")
        self.raw += text
        self.screen.put(text)
        return True

    def wait(self, what, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f"never came: {what}\n{self.raw[-2000:]!r}"
            if not self.read(0.2) and self.p.poll() is not None and not self.read(0):
                assert condition(), f"the program ended ({self.p.returncode}) before: {what}\n{self.raw[-2000:]!r}"

    def drawn(self, n):
        """n progress lines, the last one whole."""
        self.wait(f"{n} progress lines", lambda: self.raw.count("in/s") >= n and "\033" not in self.raw[-3:])

    def key(self, c):
        os.write(self.master, c)

    def end(self):
        stop = time.monotonic() + PATIENCE
        while self.p.poll() is None:
            assert time.monotonic() < stop, "the program never ended"
            self.read(0.05)
        while self.read(0):
            pass
        os.close(self.slave)
        os.close(self.master)
        return self.p.returncode


def run(test):
    with tempfile.TemporaryDirectory() as home:
        try:
            test(home)
            return None
        except Exception as problem: # an assertion, or a step that broke
            return f"{type(problem).__name__}: {problem}"


def main(tests):
    chosen = [x for x in tests if len(sys.argv) < 3 or x[1].__name__ in sys.argv[2:]]
    failed = False
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for (name, _), problem in zip(chosen, pool.map(lambda x: run(x[1]), chosen)):
            failed |= problem is not None
            print(f"ok {name}" if problem is None else f"not ok {name}\n   " + problem.replace("\n", "\n   "), flush=True)
    sys.exit(failed)
