"""The house's rules that a program can check. Prints `ok …` and `not ok …` lines.

floor plan     a room includes only the rooms that cmake/rooms.cmake allows it
banned calls   unbounded string functions anywhere; system calls outside core/os; printing and exiting in library code
headers        each compiles alone
length         functions of at most 70 lines, files of at most 1,000: the exceptions stand in test/tidy.exceptions and may only shrink
dead files     every source belongs to a room that exists, every wing and room has a README
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.chdir(ROOT)
failures = 0


def report(name, problems):
    global failures
    if problems:
        failures += 1
        print(f"not ok {name}")
        for p in problems[:20]:
            print(f"   {p}")
    else:
        print(f"ok {name}")


def rooms():
    plan = {}
    for line in open("cmake/rooms.cmake"):
        m = re.match(r"weir_room\((\w+) (\w+)\s+(.*)\)", line)
        if not m:
            continue
        may = re.search(r"MAY ([\w ]*?)(?: LIBS| TESTS|$)", m.group(3))
        plan[m.group(2)] = (m.group(1), may.group(1).split() if may else [])
    return plan


def sources():
    out = []
    for base, _, names in os.walk("src"):
        out += [os.path.join(base, n) for n in names if n.endswith((".c", ".h"))]
    return sorted(out)


def closure(plan, room, seen=None):
    """Rooms reachable through faces: their headers come along."""
    seen = seen if seen is not None else set()
    for lower in plan[room][1]:
        if lower not in seen:
            seen.add(lower)
            closure(plan, lower, seen)
    return seen


def check_floor_plan(plan):
    bad = []
    for path in sources():
        room = path.split("/")[2]
        allowed = closure(plan, room) if plan.get(room, ("", []))[0] == "app" else set(plan[room][1])
        for n, line in enumerate(open(path, encoding="utf-8"), 1):
            m = re.match(r'#include "(\w+)/', line)
            if m and m.group(1) not in allowed | {room, "weir"}:
                bad.append(f"{path}:{n}: {room} may not include {m.group(1)}")
    report("floor plan", bad)


UNBOUNDED = r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atof|alloca|scanf|sscanf)\s*\("
SYSTEM = (r"(?<![\w>.])(open|openat|read|write|pread|pwrite|fsync|fdatasync|ftruncate|rename|unlink|mkdir|rmdir|opendir|readdir|mmap|"
          r"munmap|pthread_\w+|clock_gettime|gettimeofday|time|sleep|usleep|nanosleep|getrandom|socket|fork|execv\w*|getenv|"
          r"fopen|fclose|fread|fwrite|popen|system)\s*\(")
PRINTING = r"(?<![\w>.])(printf|fprintf|puts|putchar|perror|exit|_exit|abort)\s*\("


def code_lines(path):
    """Lines without comments and string literals."""
    text = open(path, encoding="utf-8").read()
    text = re.sub(r'"(\\.|[^"\\\n])*"', '""', text)
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)
    text = re.sub(r"//[^\n]*", "", text)
    return text.split("\n")


def check_calls():
    unbounded, system, printing = [], [], []
    for path in sources():
        for n, line in enumerate(code_lines(path), 1):
            if re.search(UNBOUNDED, line):
                unbounded.append(f"{path}:{n}: {line.strip()}")
            if not path.startswith("src/core/os/") and re.search(SYSTEM, line) and not re.match(r"\s*(static|enum|struct|bool|void|int)", line):
                system.append(f"{path}:{n}: {line.strip()}")
            if path.endswith(".c") and path not in ("src/core/base/status.c", "src/app/cli/main.c") and re.search(PRINTING, line):
                printing.append(f"{path}:{n}: {line.strip()}")
    report("no unbounded string functions", unbounded)
    report("system calls only in os", system)
    report("library code neither prints nor exits", printing)


def check_headers():
    bad = []
    flags = ["-std=gnu17", "-fsyntax-only", "-Wall", "-Wextra", "-Iinclude"] + [f"-Isrc/{w}" for w in ("core", "net", "log", "sql", "run", "app")]
    headers = [p for p in sources() if p.endswith(".h")] + ["include/weir/weir.h"]
    for path in headers:
        name = path.split("/", 2)[2] if path.startswith("src/") else path.split("/", 1)[1]
        r = subprocess.run(["gcc", *flags, "-x", "c", "-"], input=f'#include "{name}"\n', capture_output=True, text=True)
        if r.returncode:
            bad.append(f"{path}: {r.stderr.splitlines()[0]}")
    report("headers compile alone", bad)


def functions(path):
    start, name, last = 0, "", ""
    for n, line in enumerate(open(path, encoding="utf-8"), 1):
        if line.startswith("{") or re.match(r"^[A-Za-z_].*\) \{$", line):
            start, name = n, (line if not line.startswith("{") else last)
        elif line.startswith("}") and start:
            yield name.strip()[:60], n - start, start
            start = 0
        if line.strip() and not line.startswith((" ", "{", "}")):
            last = line


def check_length():
    exceptions = {}
    if os.path.exists("test/tidy.exceptions"):
        for line in open("test/tidy.exceptions"):
            if line.strip() and not line.startswith("#"):
                key, size = line.rsplit(None, 1)
                exceptions[key] = int(size)
    long_functions, long_files, used = [], [], set()
    for path in sources():
        lines = sum(1 for _ in open(path, encoding="utf-8"))
        limit = exceptions.get(path, 1000)
        if path in exceptions:
            used.add(path)
        if lines > limit:
            long_files.append(f"{path}: {lines} lines, at most {limit}")
        if not path.endswith(".c"):
            continue
        for name, size, at in functions(path):
            m = re.search(r"(\w+)\(", name)
            key = f"{path}:{m.group(1) if m else name}"
            limit = exceptions.get(key, 70)
            if key in exceptions:
                used.add(key)
            if size > limit:
                long_functions.append(f"{path}:{at}: {name}: {size} lines, at most {limit}")
    report("functions of at most 70 lines", long_functions)
    report("files of at most 1,000 lines", long_files)
    report("no exception that nothing needs", [k for k in exceptions if k not in used])


def check_rooms(plan):
    bad = []
    for path in sources():
        parts = path.split("/")
        if len(parts) < 4 or parts[2] not in plan or plan[parts[2]][0] != parts[1]:
            bad.append(f"{path}: belongs to no room of cmake/rooms.cmake")
    for wing in sorted(os.listdir("src")):
        for folder in [f"src/{wing}"] + [f"src/{wing}/{r}" for r in sorted(os.listdir(f"src/{wing}"))]:
            if not os.path.isdir(folder):
                continue
            readme = f"{folder}/README.md"
            if not os.path.exists(readme):
                bad.append(f"{folder}: no README.md")
            elif sum(1 for _ in open(readme)) > 60:
                bad.append(f"{readme}: longer than a screen")
    for base, _, names in os.walk("src"):
        for n in names:
            if not n.endswith((".c", ".h", ".def")) and n not in ("README.md", ".gitkeep"):
                bad.append(f"{os.path.join(base, n)}: neither a source nor a page")
            if n.endswith(".c"):
                first = open(os.path.join(base, n), encoding="utf-8").read(2)
                if first != "/*":
                    bad.append(f"{os.path.join(base, n)}: does not begin with a comment")
    report("every file has its room, every room its page", bad)


plan = rooms()
check_floor_plan(plan)
check_calls()
check_headers()
check_length()
check_rooms(plan)
sys.exit(1 if failures else 0)
