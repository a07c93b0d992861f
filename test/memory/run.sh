#!/bin/sh
# Memory of the real binary: bounded in a stateless job however long the input; a full budget fails by name.
weir=$1
megabytes=${MEMORY_MB:-1024}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TIME='%M'

# peak FILE COMMAND…: peak RSS in KiB to FILE
peak() {
    python3 - "$@" <<'PY'
import resource, subprocess, sys
rc = subprocess.run(sys.argv[2:], stdout=open(sys.argv[1] + ".out", "w"), stderr=open(sys.argv[1] + ".err", "w")).returncode
open(sys.argv[1], "w").write(f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss} {rc}")
PY
}

# One file under eight names: the job reads all of it eight times, the disk holds it once.
mkdir "$scratch/in"
python3 - "$scratch/in" "$megabytes" <<'PY'
import os, sys
line = '{"auction":%d,"bidder":%d,"price":%d,"channel":"channel-%d","url":"https://www.nexmark.com/some/path/item.htm?query=1&channel_id=%d","dateTime":"2026-01-01 00:%02d:%02d.000","extra":"abcdefghijklmnopqrstuvwxyz"}\n'
block = "".join(line % (i % 997, i % 1009, i, i % 4, i, i // 1000 % 60, i % 60) for i in range(20000))
with open(sys.argv[1] + "/0.json", "w") as f:
    for _ in range(int(sys.argv[2]) * (1 << 20) // 8 // len(block) + 1):
        f.write(block)
for i in range(1, 8):
    os.link(sys.argv[1] + "/0.json", sys.argv[1] + f"/{i}.json")
PY
table="CREATE TABLE bids (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, dateTime TIMESTAMP(3), extra STRING)
 WITH ('connector' = 'filesystem', 'path' = '$scratch/in', 'format' = 'json');
CREATE TABLE sink (auction BIGINT, price BIGINT, url STRING) WITH ('connector' = 'blackhole');"
peak "$scratch/stateless" "$weir" run -c "$table INSERT INTO sink SELECT auction, price, url FROM bids WHERE price > 10"
read -r kib rc <"$scratch/stateless"
if [ "$rc" = 0 ] && [ "$kib" -lt 65536 ]; then echo "ok $megabytes MB through a stateless job: $kib KiB at most"
else echo "not ok $megabytes MB through a stateless job: $kib KiB, exit $rc"; head -5 "$scratch/stateless.err"; fi
rm -rf "$scratch/in"

keys="CREATE TABLE g (id BIGINT, v INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1000000', 'rows-per-second' = '1000000000', 'fields.id.kind' = 'sequence',
 'fields.id.start' = '1', 'fields.id.end' = '1000000');
CREATE TABLE sink (id BIGINT, n BIGINT, s INT) WITH ('connector' = 'blackhole');
INSERT INTO sink SELECT id, COUNT(*), SUM(v) FROM g GROUP BY id"
peak "$scratch/small" "$weir" run --memory-limit 32MiB -c "$keys"
read -r kib rc <"$scratch/small"
if [ "$rc" = 1 ] && grep -qi "memory" "$scratch/small.err" && [ "$kib" -le $((32 * 1024 + 16 * 1024)) ]; then
    echo "ok a group-by of 1 M keys under 32 MiB fails by name: $(head -1 "$scratch/small.err"), $kib KiB"
else echo "not ok 1 M keys under 32 MiB: exit $rc, $kib KiB: $(head -2 "$scratch/small.err")"; fi
peak "$scratch/large" "$weir" run --memory-limit 256MiB -c "$keys"
read -r kib rc <"$scratch/large"
if [ "$rc" = 0 ]; then echo "ok and passes under 256 MiB: $kib KiB"; else echo "not ok under 256 MiB: exit $rc: $(head -2 "$scratch/large.err")"; fi
