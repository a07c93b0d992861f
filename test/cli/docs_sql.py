"""Runs the examples of docs/sql.md and docs/sql/*.md and compares what they print.

    ```csv name        makes a file of the page's folder (any first word but sql, text and sh)
    ```sql             runs: weir run -o table --final; exit code 0
    ```sql changelog   without --final
    ```sql error       must fail
    ```sql explain     weir explain
    ```text            behind one of these: what it prints; for an error, lines that its message holds

With a second argument "update" what an example prints is put into its page instead of compared. CREATE statements that a page has
shown stand in what follows on it. A SELECT without ORDER BY is compared as it comes: examples
are small enough to run in one task."""
import os
import re
import subprocess
import sys
import tempfile

WEIR = os.path.abspath(sys.argv[1])
UPDATE = sys.argv[2:] == ["update"]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FENCE = re.compile(r"^```([\w-]+)(?: +([^\n]*))?\n(.*?)^```$", re.S | re.M)


def pages():
    folder = f"{ROOT}/docs/sql"
    return [f"{ROOT}/docs/sql.md"] + sorted(f"{folder}/{name}" for name in os.listdir(folder))


def run(sql, how, home):
    args = ["explain"] if how == "explain" else ["run", "-o", "table"] + (["--final"] if how != "changelog" else [])
    p = subprocess.run([WEIR, *args, "-c", sql], cwd=home, capture_output=True, text=True, timeout=120)
    return p.returncode, p.stdout, p.stderr


def check(how, sql, wanted, tables, home):
    code, out, err = run(tables + sql, how, home)
    if how == "error":
        missing = [line for line in (wanted or "").splitlines() if line not in err]
        return None if code and not missing else f"exit {code}; the message lacks {missing}:\n{err}"
    if code:
        return f"exit {code}: {err}"
    lines = lambda text: [line.rstrip() for line in text.strip("\n").splitlines()]
    if wanted is not None and lines(out) != lines(wanted):
        return f"printed:\n{out}"
    return None


def only_creates(sql):
    return all(statement.split()[0] == "CREATE" for statement in sql.split(";") if statement.strip())


def page(path):
    with open(path) as f:
        text = f.read()
    blocks = [(m[1], m[2] or "", m[3], text[:m.start()].count("\n") + 1) for m in FENCE.finditer(text)]
    places = [m.span(3) for m in FENCE.finditer(text)]
    news = []
    name, tables, n = os.path.relpath(path, ROOT), "", 0
    with tempfile.TemporaryDirectory() as home:
        for i, (kind, info, body, line) in enumerate(blocks):
            if kind not in ("sql", "text", "sh", "json"):
                os.makedirs(os.path.dirname(f"{home}/{info}") or home, exist_ok=True)
                with open(f"{home}/{info}", "w") as f:
                    f.write(body)
            if kind != "sql":
                continue
            follows = blocks[i + 1] if i + 1 < len(blocks) else ("", "", "", 0)
            if UPDATE and follows[0] == "text" and info != "error":
                news.append((places[i + 1], run(tables + body, info, home)[1].rstrip("\n") + "\n"))
            problem = None if UPDATE else check(info, body, follows[2] if follows[0] == "text" else None, tables, home)
            n += 1
            if problem:
                yield f"{name}:{line}: {problem}"
            elif only_creates(body):
                tables += body
    for (start, end), new in reversed(news):
        text = text[:start] + new + text[end:]
    if UPDATE:
        with open(path, "w") as f:
            f.write(text)
    print(f"ok {name}: {n} examples", flush=True)


def main():
    failed = False
    for path in pages():
        for problem in page(path):
            failed = True
            print("not ok " + problem.replace("\n", "\n   "), flush=True)
    sys.exit(failed)


main()
