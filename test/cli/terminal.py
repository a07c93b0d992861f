"""Runs weir on a pseudo-terminal: the progress line, the demo's picture, Ctrl-C."""
import json
import os
import re
import select
import signal
import subprocess

from console import PATIENCE, WEIR, Terminal, main

LINE = re.compile(r"[\d,.]+( [kM])? in/s  [\d,.]+( [kM])? out/s(  (lag [^ ].*?|watermark [\d: -]+|input ended))?"
                  r"  state [\d.]+ (B|KiB|MiB)(  commit .* ago)?")


def progress_lines(raw):
    """The texts drawn between "from the line's begin" and the next control, without colours."""
    plain = re.sub(r"\033\[[\d;]*m", "", raw)
    return [x.replace("^C", "") for x in re.findall(r"\r\033\[K([^\r\n\033]+)", plain) if x[0].isdigit()]


def endless(rate, sink):
    return f"""CREATE TABLE g (id BIGINT, ts AS CURRENT_TIMESTAMP, WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen',
      'rows-per-second' = '{rate}', 'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '100000000');
      {sink}"""


WINDOWS = """CREATE TABLE o (e TIMESTAMP_LTZ(3), n BIGINT) WITH ('connector' = 'blackhole'); INSERT INTO o
  SELECT window_end, COUNT(*) FROM TUMBLE(TABLE g, DESCRIPTOR(ts), INTERVAL '1' SECOND) GROUP BY window_start, window_end;"""
GROUPS = """CREATE TABLE o (k BIGINT, n BIGINT) WITH ('connector' = 'blackhole');
  INSERT INTO o SELECT id % 100, COUNT(*) FROM g GROUP BY id % 100;"""
FILES = """CREATE TABLE o (id BIGINT) WITH ('connector' = 'filesystem', 'path' = 'o', 'format' = 'json');
  INSERT INTO o SELECT id FROM g;"""


def once_a_second(home):
    with open(f"{home}/out", "wb") as out:
        t = Terminal("run", "--state-dir", "s", "-c", endless(500, WINDOWS), out=out, cwd=home)
        t.drawn(4)
        t.key(b"\x03")
        code = t.end()
    assert code == 130, f"exit {code}"
    lines = progress_lines(t.raw)
    for line in lines:
        assert LINE.fullmatch(line), f"not a progress line: {line!r}"
    for what in ("lag ", "commit ", "state "):
        assert what in lines[2], f"no {what!r} in {lines[2]!r}"
    assert any(re.match(r"[1-9]", x) for x in lines[1:]), f"no rows come in: {lines}"
    apart = [b - a for a, b in zip(t.arrived, t.arrived[1:])]
    assert t.arrived[-1] - t.arrived[0] > 0.8 * len(apart), f"more than one a second: {apart}"
    assert min(apart) < 2, f"less than one a second: {apart}"
    assert "\033[2m" in t.raw, "the line is not dim"
    assert t.screen.wrapped == 0 and not t.screen.unknown, t.screen.unknown
    left = [x for x in t.screen.text() if "in/s" in x]
    assert not left, f"left on the screen: {left}"
    assert any("stopping after a last commit" in x for x in t.screen.text()), t.screen.text()
    assert os.path.getsize(f"{home}/out") == 0, "the line went to standard output"


def none_in_a_pipe(home):
    """Standard output is the terminal, standard error is not: no line, wherever it might go."""
    master, slave = os.openpty()
    p = subprocess.Popen([WEIR, "run", "-c", endless(100, "SELECT id FROM g LIMIT 250;"), "-o", "ndjson"], stdout=slave,
                         stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd=home, env=dict(os.environ, TERM="xterm"))
    seen = b""
    while p.poll() is None or select.select([master], [], [], 0)[0]:
        if select.select([master], [], [], 0.1)[0]:
            seen += os.read(master, 65536)
    err = p.stderr.read().decode()
    assert p.returncode == 0 and seen.count(b"\n") == 250, (p.returncode, seen[-300:])
    assert b"in/s" not in seen and err == "", err
    os.close(master)
    os.close(slave)


def no_colour(home):
    t = Terminal("run", "-c", endless(100, GROUPS), env={"NO_COLOR": "1"}, cwd=home)
    t.drawn(2)
    t.key(b"\x03")
    assert t.end() == 130
    assert "\033[K" in t.raw and not re.search(r"\033\[[\d;]*m", t.raw), f"colours: {t.raw[:300]!r}"
    t = Terminal("run", "-c", "SELECT nmae", env={"NO_COLOR": "1"}, cwd=home)
    assert t.end() == 2 and "error:" in t.raw and "\033" not in t.raw, t.raw
    t = Terminal("run", "-c", "SELECT nmae", cwd=home)
    assert t.end() == 2 and "\033[31m" in t.raw, t.raw


def nothing_moves(home):
    """TERM=dumb and -q: rows, and no line."""
    for args, env in ((["-q"], {}), ([], {"TERM": "dumb"})):
        t = Terminal("run", *args, "-o", "ndjson", "-c", endless(100, "SELECT id FROM g LIMIT 200;"), env=env, cwd=home)
        assert t.end() == 0
        assert "in/s" not in t.raw and "\033" not in t.raw and t.raw.count("\n") == 200, t.raw[-500:]


def off_before_rows(home):
    t = Terminal("run", "-o", "ndjson", "-c", endless(60, "SELECT id FROM g;"), cwd=home)
    t.drawn(3)
    t.key(b"\x03")
    assert t.end() == 130
    lines = [x.replace("^C", "") for x in t.screen.text() if "stopping" not in x]
    ids = [json.loads(x)["id"] for x in lines if x]
    assert len(ids) > 60 and ids == list(range(len(ids))), f"rows and line are mixed: {t.screen.text()[-5:]}"


def narrow(home):
    with open(os.devnull, "wb") as null:
        t = Terminal("run", "-c", endless(100, GROUPS), out=null, columns=24, cwd=home)
        t.drawn(2)
        t.key(b"\x03")
        assert t.end() == 130
    lines = progress_lines(t.raw)
    assert lines and all(10 < len(x) <= 21 for x in lines), f"not cut so that ^C has room: {lines}"
    assert not any("in/s" in x for x in t.screen.text()), t.screen.text()


def narrower(home):
    """The window is made narrow, and wide again, while the job runs."""
    t = Terminal("run", "-c", endless(100, GROUPS), cwd=home)
    t.drawn(1)
    assert len(progress_lines(t.raw)[0]) > 40
    for columns in (31, 90):
        t.resize(columns)
        n = t.raw.count("in/s")
        t.drawn(n + 1) # one may have been under way
        t.screen.wrapped, at = 0, len(t.raw)
        t.drawn(n + 3)
        lines = progress_lines(t.raw[at:])
        assert t.screen.wrapped == 0 and lines and all(len(x) < columns for x in lines), (columns, lines)
    assert max(map(len, lines)) > 31, f"it stays narrow: {lines}"
    t.key(b"\x03")
    assert t.end() == 130


def goes_on(home):
    """Ctrl-C in the middle, another start, the end: each row is there once."""
    sql = endless(1500, FILES).replace("100000000", "4499")
    t = Terminal("run", "--state-dir", "s", "-c", sql, cwd=home)
    t.wait("a commit", lambda: "  commit " in t.raw)
    t.key(b"\x03")
    assert t.end() == 130
    first = rows(home)
    assert 0 < len(first) < 4500 and first == list(range(len(first))), f"{len(first)} rows after Ctrl-C"
    p = subprocess.run([WEIR, "run", "--state-dir", "s", "-c", sql], cwd=home, capture_output=True, timeout=PATIENCE)
    assert p.returncode == 0 and re.fullmatch(rb"[0-9,]+ commits? of .* snapshots?\n", p.stderr), p
    assert rows(home) == list(range(4500)), f"{len(rows(home))} rows at the end"


def rows(home):
    ids = []
    for name in os.listdir(f"{home}/o"):
        assert not name.startswith("."), f"a hidden file is left: {name}"
        ids += [json.loads(x)["id"] for x in open(f"{home}/o/{name}")]
    return sorted(ids)


def second_ctrl_c(home):
    """One that comes while the first is at work ends the process, not the state."""
    sql = endless(2000, FILES).replace("100000000", "5999")
    t = Terminal("run", "--state-dir", "s", "--commit-interval", "20ms", "-c", sql, cwd=home)
    t.wait("a commit", lambda: "  commit " in t.raw)
    t.key(b"\x03")
    t.key(b"\x03")
    code = t.end()
    assert code in (130, -signal.SIGINT), f"exit {code}"
    p = subprocess.run([WEIR, "run", "--state-dir", "s", "-c", sql], cwd=home, capture_output=True, timeout=PATIENCE)
    assert p.returncode == 0 and re.fullmatch(rb"[0-9,]+ commits? of .* snapshots?\n", p.stderr), p
    assert rows(home) == list(range(6000)), f"{len(rows(home))} rows at the end"


def demo_draws(home):
    t = Terminal("demo", "--speed", "150000", columns=100, cwd=home)
    t.wait("three pictures", lambda: t.raw.count("\033[J") >= 3)
    assert t.raw.count("Ctrl-C stops, the next start goes on") >= 3
    t.key(b"\x03")
    assert t.end() == 130
    text = t.screen.text()
    assert sum("a week of earthquakes" in x for x in text) == 1, "\n".join(text)
    assert "\033[1m" in t.raw and t.screen.wrapped == 0 and not t.screen.unknown
    assert "stopped after a last commit" in text[-1] and not any("^C" in x for x in text), text
    t = Terminal("demo", "--speed", "100000000", env={"NO_COLOR": "1"}, cwd=home)
    assert t.end() == 0
    text = t.screen.text()
    assert "going on where the last run was" in text[0] and text[-1].startswith("done: "), text
    assert not re.search(r"\033\[[\d;]*m", t.raw)
    top = [re.match(r" California +(\d+) ", x) for x in text]
    assert any(m and m[1] == "825" for m in top), "\n".join(text)


def demo_lines(home):
    """Without a terminal a line a row; with one that cannot move its cursor too."""
    t = Terminal("demo", "--speed", "100000000", env={"TERM": "dumb"}, cwd=home)
    assert t.end() == 0 and "\033" not in t.raw
    assert sum(x.startswith("alert  ") for x in t.raw.splitlines()) == 39
    p = subprocess.run([WEIR, "demo", "--speed", "100000000"], cwd=home, capture_output=True, timeout=PATIENCE)
    assert p.returncode == 0 and b"\033" not in p.stdout + p.stderr
    assert sum(x.startswith(b"alert  ") for x in p.stdout.splitlines()) == 39


def demo_widths(home):
    for columns in (1, 12, 30, 36, 37, 45, 46, 65, 66, 67, 77, 78, 79, 80):
        t = Terminal("demo", "-q", "--speed", "100000000", columns=columns, cwd=home)
        assert t.end() == 0
        longest = max(map(len, t.screen.lines))
        assert t.screen.wrapped == 0, f"{columns} columns: {t.screen.wrapped} lines broken\n" + "\n".join(t.screen.text())
        assert sum(x.startswith(" a week of earthquakes"[:columns]) for x in t.screen.lines) >= 1 and longest <= columns
        assert columns < 65 or longest > columns - 25, f"{columns} columns: only {longest} are used"


def demo_resized(home):
    t = Terminal("demo", "--speed", "40000", columns=110, cwd=home)
    t.wait("a picture", lambda: "a week of earthquakes" in t.raw)
    t.resize(34)
    n = t.raw.count("\033[J")
    t.wait("another picture", lambda: t.raw.count("\033[J") > n + 1)
    t.screen.wrapped = 0
    t.wait("two more pictures", lambda: t.raw.count("\033[J") > n + 3)
    assert t.screen.wrapped == 0, f"{t.screen.wrapped} lines broken"
    t.key(b"\x03")
    assert t.end() == 130


ENDLESS = "CREATE TABLE d (a INT) WITH ('connector' = 'datagen', 'rows-per-second' = '100000', 'fields.a.min' = '0', 'fields.a.max' = '9'); "


def one_table(t):
    text = t.screen.text()
    assert sum(x.startswith("operator") for x in text) == 1, "\n".join(text)
    assert not t.screen.unknown, t.screen.unknown
    return text


def analyze_draws(home):
    t = Terminal("explain", "--analyze", "-c", ENDLESS + "SELECT a, COUNT(*) FROM d GROUP BY a", cwd=home)
    t.wait("five tables", lambda: t.raw.count("\033[J") >= 5 and t.raw.endswith("\033[J"))
    numbers = [int(x.replace(",", "")) for x in re.findall(r"source:1 d +([\d,]+)", t.raw)]
    assert numbers == sorted(numbers) and numbers[-1] > numbers[0], numbers
    one_table(t)
    t.key(b"\x03")
    assert t.end() == 130
    text = one_table(t)
    assert [x.split()[0] for x in text[-3:]] == ["aggregate:1", "exchange:1", "source:1"], "\n".join(text)
    aggregate = text[-3].split()
    assert "10" in aggregate, aggregate # entries: one a key


def analyze_narrow(home):
    t = Terminal("explain", "--analyze", "-c", ENDLESS + "SELECT a, COUNT(*) FROM d GROUP BY a", columns=34, cwd=home)
    t.wait("three tables", lambda: t.raw.count("\033[J") >= 3 and t.raw.endswith("\033[J"))
    assert t.screen.wrapped == 0 and max(map(len, t.screen.lines)) <= 34
    t.key(b"\x03")
    assert t.end() == 130


def analyze_prints(home):
    sql = ("CREATE TABLE d (a INT) WITH ('connector' = 'datagen', 'rows-per-second' = '20', 'fields.a.kind' = 'sequence', "
           "'fields.a.start' = '1', 'fields.a.end' = '25'); "
           "CREATE TABLE p (a INT) WITH ('connector' = 'print', 'print-identifier' = 'row'); INSERT INTO p SELECT a FROM d")
    t = Terminal("explain", "--analyze", "-c", sql, cwd=home)
    assert t.end() == 0
    text = one_table(t)
    assert sum(x.startswith("row> ") for x in text) >= 25 and t.raw.count("operator") > 2, "\n".join(text)
    assert text[-1].split()[:3] == ["source:1", "d", "25"], text[-1]


TESTS = [
    ("terminal: EXPLAIN ANALYZE is drawn, and stands at the end", analyze_draws),
    ("terminal: EXPLAIN ANALYZE on a narrow terminal", analyze_narrow),
    ("terminal: EXPLAIN ANALYZE below what is printed", analyze_prints),
    ("terminal: a line a second on standard error, all it should say, gone at the end", once_a_second),
    ("terminal: no line in a pipe", none_in_a_pipe),
    ("terminal: NO_COLOR", no_colour),
    ("terminal: -q and a dumb terminal", nothing_moves),
    ("terminal: the line is off before rows", off_before_rows),
    ("terminal: a narrow terminal", narrow),
    ("terminal: one that changes its width", narrower),
    ("terminal: Ctrl-C, and the next start goes on", goes_on),
    ("terminal: Ctrl-C twice", second_ctrl_c),
    ("terminal: the demo draws, stops and goes on", demo_draws),
    ("terminal: the demo in lines", demo_lines),
    ("terminal: the demo at all widths", demo_widths),
    ("terminal: the demo's window made narrow", demo_resized),
]


main(TESTS)
