#!/bin/sh
# With -p 3 each of the three workers gets at least 15 % of the job's CPU time. $2 is the program as users run it. The check is tried
# itself: over one file with one key one worker does it all, which must be seen.
[ -x "${2:-}" ] || { echo "skip share: no release build"; exit 0; }
exec python3 - "$2" <<'PY'
import os, random, re, subprocess, sys, tempfile, time

weir = os.path.abspath(sys.argv[1])

def look(sql):
    p = subprocess.Popen([weir, "run", "-q", "-p", "3", "-c", sql], stderr=subprocess.PIPE)
    ticks = {}
    while p.poll() is None:
        try:
            for task in os.listdir(f"/proc/{p.pid}/task"):
                text = open(f"/proc/{p.pid}/task/{task}/stat").read()
                name, rest = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
                if name.startswith("weir-shard-"):
                    ticks[name] = int(rest[11]) + int(rest[12])
        except (FileNotFoundError, ProcessLookupError):
            pass
        time.sleep(0.01)
    err = p.stderr.read().decode()
    total = sum(ticks.values())
    shares = ", ".join(f"{100 * n // max(total, 1)} %" for _, n in sorted(ticks.items()))
    fair = p.returncode == 0 and len(ticks) == 3 and total >= 20 and min(ticks.values()) >= 0.15 * total
    return fair, total, shares, err

with tempfile.TemporaryDirectory() as home:
    os.mkdir(f"{home}/in")
    rng = random.Random(3)
    block = "".join('{"id": %d, "k": "key-%d", "v": %d}\n' % (i, rng.randrange(100000), i % 97) for i in range(60000))
    for part in range(24):
        with open(f"{home}/in/{part}.json", "w") as f:
            f.write(block)
            f.write(block)
    sql = f"""CREATE TABLE a (id BIGINT, k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = '{home}/in', 'format' = 'json');
    CREATE TABLE o (k STRING, n BIGINT, s BIGINT) WITH ('connector' = 'blackhole');
    INSERT INTO o SELECT k, COUNT(*), SUM(CAST(v AS BIGINT)) FROM a GROUP BY k;"""
    fair, total, shares, err = look(sql)
    print(f"{'ok' if fair else 'not ok'} share: three workers, {total} ticks of CPU time: {shares} {err}")
    with open(f"{home}/one.json", "w") as f:
        f.write(re.sub(r"key-\d+", "key", block) * 72)
    skewed, total, shares, err = look(sql.replace(f"{home}/in", f"{home}/one.json"))
    seen = not skewed and total >= 20 and not err
    print(f"{'ok' if seen else 'not ok'} share: one file and one key are seen to be no fair share, {total} ticks: {shares} {err}")
    sys.exit(not (fair and seen))
PY
