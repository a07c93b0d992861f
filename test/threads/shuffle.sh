#!/bin/sh
# Jobs on three threads give what they give on one: grouping, windows, nested groups and statement sets over files, with a state
# directory and without. $1 is built with the thread sanitizer, which fails a run that races.
. "$(dirname "$0")/../cli/tap"
export TSAN_OPTIONS="halt_on_error=1 exitcode=66 ${TSAN_OPTIONS:-}"

python3 - <<'PY'
import os, random
rng = random.Random(11)
os.makedirs("in")
for part in range(7):
    with open(f"in/{part}.json", "w") as f:
        for i in range(2500):
            ms = i * 9 + rng.randrange(1500)
            f.write('{"id": %d, "k": "a key of some length %d", "v": %d, "ts": "2026-01-01 00:%02d:%02d.%03d"}\n'
                    % (part * 10000 + i, rng.randrange(200), rng.randrange(100), ms // 60000, ms // 1000 % 60, ms % 1000))
PY
cat >net.py <<'PY'
import collections, json, os, sys
count = collections.Counter()
for folder in sys.argv[1:]:
    for name in sorted(os.listdir(folder)):
        for line in open(f"{folder}/{name}"):
            record = json.loads(line)
            if "op" in record and "after" in record:
                count[folder[:1] + json.dumps(record["before"])] -= record["before"] is not None
                count[folder[:1] + json.dumps(record["after"])] += record["after"] is not None
            else:
                count[folder[:1] + line] += 1
for line, n in sorted(count.items()):
    if n:
        print(n, line)
PY
input="CREATE TABLE a (id BIGINT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND)
  WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'json');"
sink() { # NAME COLUMNS FORMAT
    echo "CREATE TABLE $1 ($2) WITH ('connector' = 'filesystem', 'path' = '$1', 'format' = '$3', 'sink.rolling-policy.file-size' = '64kb');"
}

# same NAME SQL FOLDER…: the netted output of -p 3 is that of -p 1, with and without a state directory
same() {
    what=$1 sql=$2
    shift 2
    rm -rf "$@" state
    t "$what, one thread" 0 run -q -c "$input $sql"
    python3 net.py "$@" >one
    that "there is output" '[ -s one ]'
    for extra in "" "--state-dir state --commit-interval 5ms"; do
        rm -rf "$@" state
        # shellcheck disable=SC2086
        t "$what, three threads $extra" 0 run -q -p 3 $extra -c "$input $sql"
        python3 net.py "$@" >three
        that "the same rows" 'cmp one three'
    done
}

same "group by" "$(sink o 'k STRING, n BIGINT, s BIGINT, m STRING' debezium-json)
  INSERT INTO o SELECT k, COUNT(*), SUM(CAST(v AS BIGINT)), MAX(CAST(id AS STRING) || k) FROM a GROUP BY k;" o
same "nested groups" "$(sink o 'n BIGINT, c BIGINT, k STRING' debezium-json)
  INSERT INTO o SELECT n, COUNT(*), MIN(k) FROM (SELECT k, COUNT(*) AS n FROM a GROUP BY k) GROUP BY n;" o
same "tumble" "$(sink o 's TIMESTAMP(3), k STRING, n BIGINT' json)
  INSERT INTO o SELECT window_start, k, COUNT(*) FROM TUMBLE(TABLE a, DESCRIPTOR(ts), INTERVAL '3' SECOND)
  GROUP BY window_start, window_end, k;" o
same "hop, distinct" "$(sink o 'e TIMESTAMP(3), n BIGINT, d BIGINT' json)
  INSERT INTO o SELECT window_end, COUNT(*), COUNT(DISTINCT k) FROM HOP(TABLE a, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '4' SECOND)
  GROUP BY window_start, window_end;" o
same "statement set" "$(sink o 'k STRING, n BIGINT' debezium-json) $(sink p 'id BIGINT, k STRING' json)
  $(sink q 'e TIMESTAMP(3), m INT' json)
  EXECUTE STATEMENT SET BEGIN
    INSERT INTO o SELECT k, COUNT(*) FROM a GROUP BY k;
    INSERT INTO p SELECT id, k FROM a WHERE v < 40;
    INSERT INTO q SELECT window_end, MAX(v) FROM CUMULATE(TABLE a, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '5' SECOND)
    GROUP BY window_start, window_end;
  END;" o p q
same "two jobs" "$(sink o 'k STRING, n BIGINT' debezium-json) $(sink p 'id BIGINT, k STRING' json)
  INSERT INTO o SELECT k, COUNT(*) FROM a GROUP BY k;
  INSERT INTO p SELECT id, k FROM a WHERE v < 40;" o p

# Stopped by a signal in the middle and gone on with, at another parallelism.
sql="$input $(sink o 'k STRING, n BIGINT' debezium-json) INSERT INTO o SELECT k, COUNT(*) FROM a GROUP BY k;"
rm -rf o state
t "stopped: the rows in one go" 0 run -q -c "$sql"
python3 net.py o >one
rm -rf o state
for p in 3 2 3; do
    timeout -s INT 0.3 "$weir" run -q -p "$p" --state-dir state --commit-interval 2ms -c "$sql" >out 2>err
    code=$?
    [ "$code" = 0 ] || [ "$code" = 124 ] || [ "$code" = 130 ] || problem "exit $code when stopped"
done
t "stopped and gone on with" 0 run -q -p 2 --state-dir state -c "$sql"
python3 net.py o >three
that "the same rows" 'cmp one three'
done_testing
