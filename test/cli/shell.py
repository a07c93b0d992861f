"""weir sql on a pseudo-terminal. Each step waits for what it names."""
import json
import os
import re
import signal
import subprocess
import time

from console import PATIENCE, Terminal, main

COUNTS = """CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '2000', 'fields.id.kind' = 'sequence',
  'fields.id.start' = '0', 'fields.id.end' = '100000000');"""
SEVENS = """CREATE TABLE s (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '2000', 'fields.id.min' = '77',
  'fields.id.max' = '77');"""
NUMBERS = """CREATE TABLE n (i BIGINT) WITH ('connector' = 'datagen', 'fields.i.kind' = 'sequence', 'fields.i.start' = '1',
  'fields.i.end' = '%d');"""


def plain(text):
    return re.sub(r"\033\[[\d;]*[A-Za-z]", "", text)


class Shell(Terminal):
    """Its home is the test's folder. `ask` types a line and gives what came until the next prompt stood alone."""

    def __init__(self, home, *args, env=None, **more):
        every = {"HOME": home, "XDG_STATE_HOME": f"{home}/state", "PAGER": "cat >>paged"}
        super().__init__("sql", *args, env=dict(every, **(env or {})), cwd=home, **more)
        self.ready(0)

    def ready(self, since):
        self.wait("a prompt", lambda: "weir>" in plain(self.raw[since:]) and self.at_prompt())

    def at_prompt(self):
        return self.screen.text()[-1:] == ["weir>"] and self.raw.rstrip("\033[0m ").endswith(">")

    def type(self, text):
        """Without waiting for more than its echo's end."""
        n = len(self.raw)
        self.key(text.encode())
        self.wait(f"an echo of {text!r}", lambda: len(self.raw) > n)

    def until(self, keys, what):
        n = len(self.raw)
        self.key(keys.encode())
        self.wait(what, lambda: what in plain(self.raw[n:]))
        return plain(self.raw[n:])

    def ask(self, line):
        n = len(self.raw)
        self.key(line.replace("\n", " ").encode() + b"\r")
        self.ready(n)
        return plain(self.raw[n:]).replace("\r", "")

    def line(self):
        return self.screen.text()[-1]

    def leaves(self, key=b"\x04", code=0):
        self.key(key)
        got = self.end()
        assert got == code, f"exit {got}, wanted {code}"
        assert not self.screen.unknown, self.screen.unknown


def answers(home):
    t = Shell(home)
    got = t.ask("SELECT 1 AS a, 'x' AS b;")
    assert "|  1 | x |" in got.replace("| 1", "|  1") and "1 row\n" in got, got
    assert "\n+" in got, got
    for line, wanted in (("HELP", r"\\timing \[on\|off\]"), ("help;", "HELP;"), ("\\?", "STOP JOB 'id';"),
                         ("CREATE VIEW v AS SELECT 1 AS a;", "created view 'v'"), ("\\d", r"\| v "), ("\\d v", r"\| a +\| INT"),
                         ("\\dv", r"\| v "), ("\\df substr*", r"\| SUBSTRING +\|"), ("SHOW VIEWS;", r"\| v "),
                         ("SET 'table.local-time-zone' = 'GMT+02:00';", ""), ("SET;", "GMT.02:00"), (";", ""), ("", "")):
        got = t.ask(line)
        assert re.search(wanted, got) and "error" not in got, (line, got)
    t.leaves(b"\\q\r")
    for way in (b"QUIT;\r", b"exit\r", b"\x04", b".quit\r"):
        Shell(home).leaves(way)


def several_lines(home):
    t = Shell(home)
    t.ask("\\mode ndjson")
    t.until("SELECT 'a;\r", "    >")
    t.until("b''\r", "    >")
    t.until("' AS `x;\r", "    >")
    t.until("y`, /* ;\r", "    >")
    t.until("*/ 2 AS z -- ;\r", "   ->")
    got = t.ask("; SELECT 3 AS w;")
    assert r'{"x;\ny":"a;\nb' + "'" + r'\n","z":2}' in got and '{"w":3}' in got, got
    t.until("SELECT 4 AS v; SELECT\r", '{"v":4}') # the first at once, the other when it is whole
    assert '{"u":5}' in t.ask("5 AS u;")
    t.until("EXECUTE STATEMENT SET\r", "   ->")
    t.until("BEGIN\r", "   ->")
    t.until("INSERT INTO x SELECT 1;\r", "   ->")
    assert "unknown table 'x'" in t.ask("END;")
    t.leaves()


def errors(home):
    t = Shell(home)
    t.ask("CREATE TABLE orders (id BIGINT, customer STRING) WITH ('connector' = 'datagen');")
    got = t.ask("SELECT custmer FROM orders;").split("\n")
    at = [i for i, x in enumerate(got) if x.startswith("error: ")]
    assert at and "custmer" in got[at[0]], got
    assert got[at[0] + 1] == "    SELECT custmer FROM orders;" and got[at[0] + 2] == "           ^", got
    assert "customer" in "".join(got[at[0]:at[0] + 4]), got # the nearest name
    t.until("SELECT id,\r", "   ->")
    got = t.ask("  nmae FROM orders;")
    assert "\n      nmae FROM orders;\n      ^\n" in got, got # the second line's place
    assert "unknown table 'ordres'" in t.ask("SELECT * FROM ordres;")
    got = t.ask("\\tming")
    assert "there is no command '\\tming'" in got and "did you mean '\\timing'" in got, got
    assert "did you mean 'vertical'" in t.ask(".mode verticl")
    assert "text without closing" not in t.ask("SELECT 'x' AS y;")
    t.leaves() # a failure at the prompt is none of the shell


def completion(home):
    t = Shell(home, columns=100)
    t.ask("CREATE TABLE purchases (purchase_id BIGINT, customer STRING, `odd name` INT) WITH ('connector' = 'datagen');")
    t.ask("CREATE DATABASE shop; CREATE TABLE shop.orders (order_id BIGINT) WITH ('connector' = 'datagen');")
    for keys, wanted in (("SEL\t", "SELECT"), ("sel\t", "select"), ("DESCRIBE purch\t", "DESCRIBE purchases"),
                         ("SELECT cust\t", "SELECT customer"), ("SELECT * FROM pur\t", "SELECT * FROM purchases"),
                         ("SELECT CHAR_LEN\t", "SELECT CHAR_LENGTH("), ("select char_len\t", "select char_length("),
                         ("SELECT `od\t", "SELECT `odd name`"), ("SELECT 1 AS x FROM purchases p WHERE p.cu\t", "WHERE p.customer"),
                         ("SELECT * FROM sho\t", "FROM shop."), ("SELECT * FROM shop.\t", "FROM shop.orders"),
                         ("SELECT 1 AS x FROM shop.orders o WHERE o.\t", "WHERE o.order_id"), ("SELECT order_\t", "SELECT order_id"),
                         ("SELECT 1 AS x FROM shop.orders WHERE orders.ord\t", "WHERE orders.order_id"),
                         ("USE sho\t", "USE shop;"), ("DROP DATABASE sh\t", "DROP DATABASE shop;"), ("SHOW TABLES FROM sh\t", "SHOW TABLES FROM shop;"),
                         ("ALTER TABLE pur\t", "ALTER TABLE purchases"), ("ALTER TABLE shop.o\t", "ALTER TABLE shop.orders"),
                         ("CREATE TABLE x (a INT) WITH ('conn\t", "('connector' = '"),
                         ("CREATE TABLE x (a INT) WITH ('connector' = 'datag\t", "'datagen'"),
                         ("CREATE TABLE x (a INT) WITH ('connector' = 'datagen', 'rows-per\t", "'rows-per-second' = '"),
                         ("CREATE TABLE x (a INT) WITH ('connector' = 'print', 'row-k\t", "'row-kinds' = '"),
                         ("CREATE TABLE x (a INT) WITH ('connector' = 'print', 'row-kinds' = 'al\t", "'always'"),
                         ("CREATE TABLE x (a INT) WITH ('connector' = 'filesystem', 'format' = 'cs\t", "'csv'"),
                         ("SET 'table.local\t", "SET 'table.local-time-zone' = '"), ("RESET 'table.local\t", "RESET 'table.local-time-zone';"), ("SET 'json.validate' = 'ne\t", "'needed'"),
                         ("\\tim\t", "\\timing"), ("\\mode mark\t", "\\mode markdown"), ("\\d pur\t", "\\d purchases"), ("HEL\t", "HELP;")):
        n = len(t.raw)
        t.key(keys.encode())
        t.wait(f"{keys!r} to become {wanted!r}", lambda: t.line().endswith(wanted))
        t.key(b"\x03")
        t.ready(n)
    t.until("SELECT JSON_\t", "JSON_VALUE") # a list of them, the line again
    t.wait("the line again", lambda: t.line().endswith("SELECT JSON_"))
    text = " ".join(t.screen.text())
    assert "JSON_QUERY" in text and "JSON_EXISTS" in text, text
    n = len(t.raw)
    t.key(b"\x03")
    t.ready(n)
    n = len(t.raw)
    t.key(b"SELECT\r\tx") # white space where a line begins: pasted text
    t.wait("an indented line", lambda: t.line().endswith("->     x"))
    t.key(b"\x03")
    t.ready(n)
    assert "error" not in plain(t.raw)
    t.leaves()


def history(home):
    t = Shell(home)
    t.until("SELECT 'first\r", "    >")
    t.ask("line' AS a;")
    t.ask("SELECT 2 AS b;")
    t.ask("SELECT nothing_such;")
    t.leaves()
    path = f"{home}/state/weir/history"
    assert os.stat(path).st_mode & 0o777 == 0o600, oct(os.stat(path).st_mode)
    assert open(path).read() == "SELECT 'first\\nline' AS a;\nSELECT 2 AS b;\nSELECT nothing_such;\n", open(path).read()
    t = Shell(home)
    n = len(t.raw)
    t.key(b"\x1b[A")
    t.wait("the last entry", lambda: t.line().endswith("SELECT nothing_such;"))
    t.key(b"\x1b[A\x1b[A")
    t.wait("an entry of two lines", lambda: t.line().endswith("line' AS a;"))
    t.key(b"\r")
    t.ready(n)
    assert "first\\nline" in plain(t.raw[n:]), plain(t.raw[n:])
    n = len(t.raw)
    t.key(b"\x12AS b") # Ctrl-R
    t.wait("what is looked for", lambda: "SELECT 2 AS b;" in "".join(t.screen.text()[-2:]))
    t.key(b"\r")
    t.ready(n)
    assert "| b |" in plain(t.raw[n:])
    t.leaves()
    with open(path, "w") as f:
        f.writelines(f"SELECT {i} AS c;\n" for i in range(2500))
    t = Shell(home)
    assert len(open(path).readlines()) == 1000 and "SELECT 2499 AS c;\n" in open(path).readlines()
    t.leaves()
    os.remove(path)
    os.chmod(f"{home}/state/weir", 0o500) # a history that cannot be written stops nobody (but root can)
    t = Shell(home)
    assert "| c |" in t.ask("SELECT 1 AS c;")
    t.leaves()
    os.chmod(f"{home}/state/weir", 0o700)


def cancels(home):
    t = Shell(home)
    t.ask(SEVENS)
    for _ in range(2):
        n = len(t.raw)
        t.until("SELECT id FROM s;\r", "| 77 |")
        t.key(b"\x03")
        t.ready(n)
        assert re.search(r"\d rows; stopped", plain(t.raw[n:]))
    assert t.p.poll() is None and "|  7 |" in t.ask("SELECT 7 AS x;").replace("| 7", "|  7")
    t.type("SELECT 'half of")
    n = len(t.raw)
    t.key(b"\x03") # clears the line
    t.ready(n)
    t.until("SELECT\r", "   ->")
    n = len(t.raw)
    t.key(b"\x03") # and the statement
    t.ready(n)
    assert "| y |" in t.ask("SELECT 8 AS y;")
    t.leaves()


def hangs(home):
    """A file that is a pipe nobody writes to cannot even be opened: Ctrl-C some times ends the shell."""
    t = Shell(home)
    os.mkfifo(f"{home}/pipe")
    t.key(b"\\i pipe\r")
    t.wait("its echo", lambda: "\\i pipe\r\n" in plain(t.raw))
    end = time.monotonic() + PATIENCE
    while True:
        assert time.monotonic() < end, "it cannot be ended"
        t.key(b"\x03")
        try:
            t.p.wait(0.3)
            break
        except subprocess.TimeoutExpired:
            pass
    assert t.end() == -signal.SIGINT


def redraws(home):
    t = Shell(home, columns=70, rows=24)
    t.ask(COUNTS)
    n, start = len(t.raw), time.monotonic()
    t.key(b"SELECT id % 40 AS k, COUNT(*) AS n, SUM(id) AS a_rather_long_name_for_a_sum FROM g GROUP BY id % 40;\r")
    t.wait("five pictures", lambda: t.raw[n:].count("Ctrl-C stops") >= 5)
    assert time.monotonic() - start > 4 * 0.15, "more than a few a second"
    t.wait("a whole picture", lambda: t.screen.text()[-1].endswith("Ctrl-C stops"))
    shown = [x for x in t.screen.text() if re.match(r"\| +\d+ \|", x)]
    assert 15 <= len(shown) <= 20, t.screen.text()
    assert re.match(r"40 rows, 22 of them below; [\d,]+ read; .*; Ctrl-C stops", t.screen.text()[-1]), t.screen.text()[-1]
    assert sum(x.startswith("| k") for x in t.screen.text()) == 1, "drawn beside the last picture"
    for columns, rows in ((31, 12), (90, 30)):
        t.resize(columns, rows)
        n = len(t.raw)
        t.wait("a picture of the new size", lambda: "\033[2J" in t.raw[n:] and t.raw.endswith("\033[J"))
        t.screen.wrapped, n = 0, t.raw.count("\033[J")
        t.wait("two more", lambda: t.raw.count("\033[J") >= n + 2 and t.raw.endswith("\033[J"))
        assert t.screen.wrapped == 0, f"{t.screen.wrapped} lines broken at {columns}"
        picture = t.screen.text()[1 - rows:]
        assert sum(bool(re.match(r"\| +\d+ \|", x)) for x in picture) == rows - 6, picture
    n = len(t.raw)
    t.key(b"\x03")
    t.ready(n)
    got = plain(t.raw[n:])
    # the whole table, once; it is longer than the screen, so the pager has it
    table = open(f"{home}/paged").read()
    rows = [int(x) for x in re.findall(r"^\| +(\d+) \| +\d+ \|", table, re.M)]
    assert sorted(rows) == list(range(40)), table
    assert "40 rows; stopped" in got and not any("Ctrl-C stops" in x for x in t.screen.text()), t.screen.text()
    t.ask(SEVENS)
    t.ask("SET 'sql-client.execution.result-mode' = 'changelog';")
    n = len(t.raw)
    t.until("SELECT COUNT(*) AS n FROM s;\r", "| +U |")
    t.key(b"\x03")
    t.ready(n)
    t.ask("RESET 'sql-client.execution.result-mode';")
    t.ask("\\mode ndjson") # in other forms the changes themselves
    n = len(t.raw)
    t.until("SELECT COUNT(*) AS n FROM s;\r", '"op":"+U"')
    t.key(b"\x03")
    t.ready(n)
    t.leaves()


def quiet_keys(home):
    """What is typed while a table is drawn waits for the prompt and spoils nothing; a table without rows has its clock."""
    t = Shell(home, columns=70, rows=24)
    t.ask(COUNTS)
    n = len(t.raw)
    t.until("SELECT COUNT(*) AS n FROM g WHERE id < 0 GROUP BY id;\r", "0 rows")
    pictures = t.raw.count("\033[J")
    t.key(b"SELECT 11 AS later;\r")
    t.wait("two more pictures", lambda: t.raw.count("\033[J") >= pictures + 2 and t.raw.endswith("\033[J"))
    assert "later" not in plain(t.raw[n:]) and sum("0 rows" in x for x in t.screen.text()) == 1, t.screen.text()
    n = len(t.raw)
    t.key(b"\x03") # the terminal forgets what was typed, as it does with every Ctrl-C
    t.ready(n)
    assert "^C" not in plain(t.raw[n:]), plain(t.raw[n:])
    n = len(t.raw)
    t.until("EXPLAIN ANALYZE SELECT id % 3, COUNT(*) FROM g GROUP BY id % 3;\r", "rows in")
    t.wait("another look", lambda: plain(t.raw[n:]).count("rows in,") >= 2)
    t.key(b"\x03")
    t.ready(n)
    text = t.screen.text()
    assert sum("rows in," in x for x in text) == 1 and any("aggregate" in x for x in text), text
    t.leaves()


def final_table(home):
    """A bounded query that updates ends with its table: what was taken back is gone."""
    t = Shell(home, "-p", "3")
    t.ask(NUMBERS % 30000)
    got = t.ask("SELECT n, COUNT(*) AS keys FROM (SELECT i % 3 AS k, COUNT(*) AS n FROM n GROUP BY i % 3) GROUP BY n;")
    assert re.findall(r"^\| +(\d+) \| +(\d+) \|$", got.split("\033[J")[-1], re.M)[-1:] == [("10000", "3")], got
    assert "1 row\n" in got, got
    t.leaves()


def pager(home):
    t = Shell(home)
    t.ask(NUMBERS % 3000)
    t.ask("SELECT i FROM n WHERE i < 10;")
    assert not os.path.exists(f"{home}/paged"), "a short result was paged"
    got = t.ask("SELECT i FROM n;")
    paged = open(f"{home}/paged").read()
    assert re.findall(r"^\| +(\d+) \|$", paged, re.M) == [str(i) for i in range(1, 3001)], paged[-200:]
    assert "3,000 rows" in got and "| 1000 |" not in got, got[-300:]
    t.ask("\\pager off")
    assert "| 1500 |" in t.ask("SELECT i FROM n;")
    assert open(f"{home}/paged").read() == paged
    t.ask("\\pager head -n 5 >begun")
    t.ask("DROP TABLE n;")
    t.ask(NUMBERS % 1000000000)
    n = len(t.raw)
    t.ask("SELECT i FROM n;") # would take minutes, but nobody reads on
    assert len(open(f"{home}/begun").readlines()) == 5
    assert "error" not in plain(t.raw[n:]), plain(t.raw[n:])
    t.ask("\\pager cat >functions")
    t.ask("SHOW FUNCTIONS;")
    assert "SUBSTRING" in open(f"{home}/functions").read()
    t.leaves()


def commands(home):
    t = Shell(home)
    with open(f"{home}/a.sql", "w") as f:
        f.write("-- first\n\\mode csv\nSELECT 1 AS a,\n  2 AS b;\n\\i b.sql\nSELECT 9 AS i;\n")
    with open(f"{home}/b.sql", "w") as f:
        f.write("SELECT 3 AS c;\n\nSELECT 4 AS d; SELECT d4 AS e;\nSELECT 5 AS f;")
    got = t.ask("\\i a.sql")
    assert "a,b\n1,2\n" in got and "c\n3\n" in got and "d\n4\n" in got, got
    assert "--> b.sql:3:23" in got and "                          ^" in got, got
    assert "f\n5" not in got and "i\n9" not in got, f"on after an error: {got}"
    assert "x\n1\n" in t.ask("SELECT 1 AS x;"), "the mode of the file stays"
    t.ask(".mode markdown")
    assert "| y |\n|---|\n" in t.ask("SELECT 1 AS y;")
    assert "timing: on" in t.ask("\\timing")
    assert re.search(r"1 row in [\d.]+ m?s\n", t.ask("SELECT 1 AS y;"))
    t.ask("\\timing off")
    t.ask("\\x")
    assert re.search(r"-\[ 1 \]-+\nlong \| 1\ny    \| a\\nb\n", t.ask("SELECT 1 AS long, 'a' || U&'\\000A' || 'b' AS y;"))
    t.ask("\\x off")
    assert "| y |\n|---|" in t.ask("SELECT 1 AS y;")
    got = t.ask("\\i absent.sql")
    assert "absent.sql" in got and "error" in got, got
    with open(f"{home}/loop.sql", "w") as f:
        f.write("\\i loop.sql\n")
    assert "files that read files" in t.ask("\\i loop.sql")
    assert "takes no argument" in t.ask("\\q now")
    t.leaves()


def jobs(home):
    t = Shell(home)
    t.ask(COUNTS)
    t.ask("CREATE TABLE o (id BIGINT) WITH ('connector' = 'filesystem', 'path' = 'o', 'format' = 'json');")
    t.ask("CREATE TABLE p (id BIGINT) WITH ('connector' = 'print', 'print-identifier' = 'says');")
    got = t.ask("INSERT INTO o SELECT id FROM g;")
    assert "job 1 (insert-into_o) runs" in got, got
    assert "there is no job '7'" in t.ask("STOP JOB '7';")
    end = time.monotonic() + PATIENCE
    while not re.search(r"\| 1 +\| insert-into_o \| RUNNING +\| [\d: .-]+\| [1-9]", t.ask("SHOW JOBS;")):
        assert time.monotonic() < end
    assert "|  1 |" in t.ask("SELECT 1 AS x;").replace("| 1", "|  1"), "a query beside it"
    got = t.ask("STOP JOB '1';")
    assert "job 1 (insert-into_o) has ended" in got, got
    first = written(home)
    assert len(first) > 0 and first == list(range(len(first)))
    t.until("INSERT INTO p SELECT id FROM g WHERE id < 5;\r", "says> ")
    t.wait("five rows", lambda: len(re.findall(r"says> \| +[0-4] \|", plain(t.raw))) == 5)
    t.type("SELECT 4") # what is being typed stays
    t.key(b"2 AS z;\r")
    t.wait("its row", lambda: re.search(r"\| 42 \|", plain(t.raw)))
    t.ready(len(t.raw) - 40)
    t.ask(f"STOP JOB '{re.findall('job ([0-9]+) .insert-into_p. runs', plain(t.raw))[0]}';")
    t.ask("SET 'table.dml-sync' = 'true';")
    t.ask(NUMBERS % 100)
    got = t.ask("INSERT INTO o SELECT i FROM n;")
    assert re.search(r"job \d+ \(insert-into_o\) has ended: 100 rows in, 100 out", got), got
    assert len(written(home)) == len(first) + 100
    n = len(t.raw)
    t.key(b"INSERT INTO o SELECT id FROM g;\r") # stopped by Ctrl-C, with what it has
    t.wait("its progress", lambda: "in/s" in t.raw[n:])
    t.key(b"\x03")
    t.ready(n)
    assert "(insert-into_o) has ended" in plain(t.raw[n:])
    t.ask("SET 'table.dml-sync' = 'false';")
    before = len(written(home))
    t.ask("INSERT INTO o SELECT id FROM g;")
    end = time.monotonic() + PATIENCE
    while not re.search(r"\| \d+ +\| insert-into_o \| RUNNING +\| [\d: .-]+\| [1-9]", t.ask("SHOW JOBS;")):
        assert time.monotonic() < end
    t.leaves() # with a last commit
    assert "stopping 1 job after a last commit" in plain(t.raw) and len(written(home)) > before
    assert "error" not in plain(t.raw).replace("error: there is no job '7'", "")


def written(home):
    ids = []
    for name in os.listdir(f"{home}/o"):
        if not name.startswith("."):
            ids += [json.loads(x)["id"] for x in open(f"{home}/o/{name}")]
    return sorted(ids)


def failing_job(home):
    """A job that fails is told at the prompt, which lives on."""
    t = Shell(home)
    with open(f"{home}/bad.json", "w") as f:
        f.write('{"id": 1}\n{"id": oops}\n')
    t.ask("CREATE TABLE b (id BIGINT) WITH ('connector' = 'filesystem', 'path' = 'bad.json', 'format' = 'json');")
    t.ask("CREATE TABLE h (id BIGINT) WITH ('connector' = 'blackhole');")
    n = len(t.raw)
    t.key(b"INSERT INTO h SELECT id FROM b;\r")
    t.wait("its error", lambda: "error: job 1 (insert-into_h)" in plain(t.raw[n:]) and t.at_prompt())
    assert "bad.json" in plain(t.raw[n:])
    assert "error" in t.ask("SELECT id FROM b;")
    assert "| x |" in t.ask("SELECT 1 AS x;")
    t.leaves()


def dumb(home):
    """No cursor to move: lines as they come, no colours, no editor."""
    t = Shell(home, env={"TERM": "dumb"})
    assert "|  5 |" in t.ask("SELECT 5 AS x;").replace("| 5", "|  5")
    t.ask(COUNTS)
    n = len(t.raw)
    t.until("SELECT COUNT(*) AS n FROM g;\r", "+U")
    t.key(b"\x03")
    t.ready(n)
    assert "\033" not in t.raw
    t.leaves()


def ends(home):
    t = Shell(home)
    t.until("SELECT\r", "   ->")
    t.leaves() # in the middle of a statement as well
    t = Shell(home)
    t.p.send_signal(signal.SIGTERM)
    assert t.end() == 143
    t = Shell(home)
    t.ask(SEVENS)
    t.until("SELECT id FROM s;\r", "| 77 |")
    t.p.send_signal(signal.SIGTERM)
    assert t.end() == 143
    t = Shell(home, "--init", "absent.sql") # said, and on
    assert "absent.sql" in plain(t.raw)
    with open(f"{home}/init.sql", "w") as f:
        f.write("CREATE VIEW mine AS SELECT ${n} AS seven;\n")
    t.leaves()
    t = Shell(home, "--init", "init.sql", "--var", "n=7", "-o", "csv")
    assert "seven\n7\n" in t.ask("SELECT * FROM mine;")
    assert "ENDS" in t.ask("SELECT '${n}' || 'ENDS' AS e;") and "7ENDS" in t.ask("SELECT '${n}ENDS' AS e;")
    assert "no value for ${m}" in t.ask("SELECT ${m};")
    t.leaves()


def resized_prompt(home):
    t = Shell(home, columns=60)
    t.type("SELECT 1 AS aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
    n = len(t.raw)
    t.resize(30)
    t.wait("the line again", lambda: "SELECT" in t.raw[n:])
    n = len(t.raw)
    t.key(b", 2 AS bbbbbbbbbbbbbbb;\r")
    t.ready(n)
    assert "2 |" in plain(t.raw[n:]) and "error" not in plain(t.raw), plain(t.raw[n:])
    t.leaves()


main([
    ("shell: answers, HELP, \\d, ways out", answers),
    ("shell: statements over several lines, quotes and comments in them", several_lines),
    ("shell: errors point at the place and name the nearest", errors),
    ("shell: completion of words, names, options, commands", completion),
    ("shell: history over two starts, private, bounded", history),
    ("shell: Ctrl-C stops the query, not the shell; clears the line", cancels),
    ("shell: Ctrl-C ends a shell that hangs", hangs),
    ("shell: a result that changes is drawn live, at any size", redraws),
    ("shell: keys while it is drawn; EXPLAIN ANALYZE", quiet_keys),
    ("shell: and ends with its table", final_table),
    ("shell: long results are paged", pager),
    ("shell: \\i, \\mode, \\timing, \\x", commands),
    ("shell: INSERTs beside the prompt", jobs),
    ("shell: a job that fails", failing_job),
    ("shell: a terminal that moves no cursor", dumb),
    ("shell: Ctrl-D, SIGTERM, --init, --var", ends),
    ("shell: the window made narrow under a line", resized_prompt),
])
