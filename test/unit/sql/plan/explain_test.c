/* Queries and their plans: each statement's EXPLAIN, whole. What is not shown by a plan is tested in plan_test.c. */
#include "sql/plan/fixture.h"
#include "text/text.h"

static const struct {
    const char *sql, *plan;
} cases[] = {
    { "SELECT 1, 'a' AS x",
      "sink:1 table=result connector=print columns=[EXPR$0, x] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[1 AS EXPR$0, 'a' AS x] changelog=[I]\n"
      "      values:1 rows=1 changelog=[I]\n" },
    { "SELECT auction, price * 2 AS p FROM bid WHERE price > 10",
      "sink:1 table=result connector=print columns=[auction, p] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[auction, price * 2 AS p] where=[price > 10] changelog=[I]\n"
      "      source:1 table=bid connector=test columns=[auction, price] changelog=[I]\n" },
    { "INSERT INTO two SELECT a, b + 1 FROM t WHERE c LIKE 'a%'",
      "sink:1 table=two connector=test columns=[a, b] changelog=[I]\n"
      "  calc:1 select=[a, b + 1 AS b] where=[c LIKE 'a%'] changelog=[I]\n"
      "    source:1 table=t connector=test columns=[a, b, c] changelog=[I]\n" },
    { "SELECT auction, COUNT(*), MAX(price) FROM bid GROUP BY auction",
      "sink:1 table=result connector=print columns=[auction, EXPR$1, EXPR$2] changelog=[I,UB,UA]\n"
      "  exchange:2 single changelog=[I,UB,UA] key=[auction]\n"
      "    aggregate:1 group=[auction] select=[COUNT(*) AS $a0, MAX(price) AS $a1] changelog=[I,UB,UA]"
      " key=[auction]\n"
      "      exchange:1 hash=[auction] changelog=[I]\n"
      "        calc:1 select=[auction, price] changelog=[I]\n"
      "          source:1 table=bid connector=test columns=[auction, price] changelog=[I]\n" },
    { "SELECT a, x, n FROM t LEFT JOIN UNNEST(ARRAY[a, b]) WITH ORDINALITY AS u (x, n) ON TRUE WHERE x > 1",
      "sink:1 table=result connector=print columns=[a, x, n] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:2 select=[a, x, n] where=[x > 1] changelog=[I]\n"
      "      unnest:1 of=[$x] pass=[a] elements=[0 AS x, ordinality AS n] outer changelog=[I]\n"
      "        calc:1 select=[a, ARRAY(CAST(a AS BIGINT), b) AS $x] changelog=[I]\n"
      "          source:1 table=t connector=test columns=[a, b] changelog=[I]\n" },
    { "SELECT a FROM t LEFT JOIN UNNEST(ARRAY[a, b]) AS u (x) ON x > b",
      "sink:1 table=result connector=print columns=[a] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:2 select=[a] changelog=[I]\n"
      "      unnest:1 of=[$x] pass=[a, b] elements=[0 AS x] outer on=[x > b] changelog=[I]\n"
      "        calc:1 select=[a, b, ARRAY(CAST(a AS BIGINT), b) AS $x] changelog=[I]\n"
      "          source:1 table=t connector=test columns=[a, b] changelog=[I]\n" },
    { "SELECT KEY FROM t, UNNEST(MAP[c, a]) AS u",
      "sink:1 table=result connector=print columns=[KEY] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    unnest:1 of=[$x] pass=[] elements=[0 AS KEY] changelog=[I]\n"
      "      calc:1 select=[MAP(c, a) AS $x] changelog=[I]\n"
      "        source:1 table=t connector=test columns=[a, c] changelog=[I]\n" },
    { "SELECT a, c, SUM(b), GROUPING(c) FROM t GROUP BY ROLLUP (a, c)",
      "sink:1 table=result connector=print columns=[a, c, EXPR$2, EXPR$3] changelog=[I,UB,UA]\n"
      "  exchange:2 single changelog=[I,UB,UA]\n"
      "    calc:2 select=[a, c, $a0 AS EXPR$2, CASE WHEN $set = 0 THEN 0 WHEN $set = 1 THEN 1 ELSE 1 END AS"
      " EXPR$3] changelog=[I,UB,UA]\n"
      "      aggregate:1 group=[a, c, $set] select=[SUM(b) AS $a0] changelog=[I,UB,UA] key=[a, c, $set]\n"
      "        exchange:1 hash=[a, c, $set] changelog=[I]\n"
      "          expand:1 pass=[b] sets=[(a, c), (a), ()] changelog=[I]\n"
      "            calc:1 select=[a, c, b] changelog=[I]\n"
      "              source:1 table=t connector=test columns=[a, b, c] changelog=[I]\n" },
    { "SELECT auction, window_end, COUNT(*), MAX(price), SUM(auction) FROM HOP(TABLE bid, DESCRIPTOR(dateTime),"
      " INTERVAL '5' SECOND, INTERVAL '10' SECOND) GROUP BY window_start, window_end, CUBE (auction, bidder)",
      "sink:1 table=result connector=print columns=[auction, window_end, EXPR$2, EXPR$3, EXPR$4] changelog=[I]\n"
      "  exchange:2 single changelog=[I]\n"
      "    calc:2 select=[auction, window_end, $a0 AS EXPR$2, $a1 AS EXPR$3, $a2 AS EXPR$4] changelog=[I]\n"
      "      window-aggregate:1 window=HOP(dateTime, slide 5000 ms, size 10000 ms) group=[auction, bidder, $set]"
      " select=[COUNT(*) AS $a0, MAX(price) AS $a1, SUM(auction) AS $a2] out=[end] changelog=[I]\n"
      "        exchange:1 hash=[auction, bidder, $set] changelog=[I] watermarks\n"
      "          expand:1 pass=[auction, price, dateTime] sets=[(auction, bidder), (auction), (bidder), ()]"
      " changelog=[I] watermarks\n"
      "            calc:1 select=[auction, bidder, price, dateTime] changelog=[I] watermarks\n"
      "              watermark:1 for=dateTime as=[dateTime - INTERVAL '+0 00:00:04.000'] cut=pane(5000 ms, offset"
      " 0 ms) changelog=[I] watermarks\n"
      "                source:1 table=bid connector=test columns=[auction, bidder, price, dateTime] changelog=[I]"
      " watermarks\n" },
    { "SELECT a, c FROM t INTERSECT ALL SELECT a, 'x' FROM two",
      "sink:1 table=result connector=print columns=[a, c] changelog=[I]\n"
      "  exchange:3 single changelog=[I]\n"
      "    set:1 op=INTERSECT all changelog=[I]\n"
      "      exchange:1 hash=[a, c] changelog=[I]\n"
      "        calc:1 select=[a, c] changelog=[I]\n"
      "          source:1 table=t connector=test columns=[a, c] changelog=[I]\n"
      "      exchange:2 hash=[a, c] changelog=[I]\n"
      "        calc:2 select=[a, 'x' AS c] changelog=[I]\n"
      "          source:2 table=two connector=test columns=[a] changelog=[I]\n" },
    { "INSERT INTO two SELECT a, b FROM t EXCEPT SELECT a, b FROM two",
      "sink:1 table=two connector=test columns=[a, b] changelog=[I,D]\n"
      "  set:1 op=EXCEPT changelog=[I,D] key=[a, b]\n"
      "    exchange:1 hash=[a, b] changelog=[I]\n"
      "      calc:1 select=[a, b] changelog=[I]\n"
      "        source:1 table=t connector=test columns=[a, b] changelog=[I]\n"
      "    exchange:2 hash=[a, b] changelog=[I]\n"
      "      source:2 table=two connector=test columns=[a, b] changelog=[I]\n" },
    { "SELECT auction FROM bid ORDER BY dateTime, price DESC",
      "sink:1 table=result connector=print columns=[auction] changelog=[I]\n"
      "  calc:2 select=[auction] changelog=[I]\n"
      "    time-sort:1 order=[$o0 ASC, $o1 DESC] changelog=[I]\n"
      "      exchange:1 single changelog=[I] watermarks\n"
      "        calc:1 select=[auction, dateTime AS $o0, price AS $o1] changelog=[I] watermarks\n"
      "          watermark:1 for=dateTime as=[dateTime - INTERVAL '+0 00:00:04.000'] cut=strict changelog=[I]"
      " watermarks\n"
      "            source:1 table=bid connector=test columns=[auction, price, dateTime] changelog=[I] watermarks\n" },
    { "SELECT a FROM parted WHERE dt = 'x''y' AND n = 'z' AND h = '07'",
      "sink:1 table=result connector=print columns=[a] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[a] where=[(dt = 'x''y') AND (n = 'z') AND (h = '07')] changelog=[I]\n"
      "      source:1 table=parted connector=test columns=[a, n, dt, h] partitions=[dt = 'x''y', h = '07'] changelog=[I]\n" },
    { "SELECT a FROM parted WHERE dt = 'x' OR n = 'z'",
      "sink:1 table=result connector=print columns=[a] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[a] where=[(dt = 'x') OR (n = 'z')] changelog=[I]\n"
      "      source:1 table=parted connector=test columns=[a, n, dt] changelog=[I]\n" },
    { "SELECT COUNT(*) FROM bid",
      "sink:1 table=result connector=print columns=[EXPR$0] changelog=[I,UB,UA]\n"
      "  aggregate:1 group=[] select=[COUNT(*) AS $a0] changelog=[I,UB,UA]\n"
      "    exchange:1 single changelog=[I]\n"
      "      calc:1 select=[] changelog=[I]\n"
      "        source:1 table=bid connector=test columns=[] changelog=[I]\n" },
    { "SELECT auction, COUNT(*) AS n, window_start, window_end FROM TABLE(TUMBLE(TABLE bid,"
      " DESCRIPTOR(dateTime), INTERVAL '10' SECOND)) GROUP BY auction, window_start, window_end",
      "sink:1 table=result connector=print columns=[auction, n, window_start, window_end] changelog=[I]\n"
      "  exchange:2 single changelog=[I]\n"
      "    window-aggregate:1 window=TUMBLE(dateTime, size 10000 ms) group=[auction] select=[COUNT(*) AS $a0]"
      " out=[start, end] changelog=[I]\n"
      "      exchange:1 hash=[auction] changelog=[I] watermarks\n"
      "        calc:1 select=[auction, dateTime] changelog=[I] watermarks\n"
      "          watermark:1 for=dateTime as=[dateTime - INTERVAL '+0 00:00:04.000'] cut=pane(10000 ms, offset 0"
      " ms) changelog=[I] watermarks\n"
      "            source:1 table=bid connector=test columns=[auction, dateTime] changelog=[I] watermarks\n" },
    { "SELECT auction, price FROM nbid WHERE price > 3",
      "sink:1 table=result connector=print columns=[auction, price] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[bid.auction AS auction, bid.price AS price] where=[(event_type = 2) AND (bid.price >"
      " 3)] changelog=[I]\n"
      "      source:1 table=nexmark connector=test columns=[event_type, bid.auction, bid.price] changelog=[I]\n" },
    { "SELECT auction, COUNT(*) FROM TUMBLE(TABLE nbid, DESCRIPTOR(dateTime), INTERVAL '10' SECOND) GROUP BY"
      " auction, window_start, window_end",
      "sink:1 table=result connector=print columns=[auction, EXPR$1] changelog=[I]\n"
      "  exchange:2 single changelog=[I]\n"
      "    window-aggregate:1 window=TUMBLE(dateTime, size 10000 ms) group=[auction] select=[COUNT(*) AS $a0]"
      " out=[] changelog=[I]\n"
      "      exchange:1 hash=[auction] changelog=[I] watermarks\n"
      "        calc:2 select=[bid.auction AS auction, dateTime] where=[event_type = 2] changelog=[I] watermarks\n"
      "          watermark:1 for=dateTime as=[dateTime - INTERVAL '+0 00:00:04.000'] cut=pane(10000 ms, offset 0"
      " ms) changelog=[I] watermarks\n"
      "            calc:1 select=[event_type, person, bid, CASE WHEN event_type = 0 THEN TIMESTAMP '2020-01-01"
      " 00:00:00.000' ELSE bid.dateTime END AS dateTime] changelog=[I] watermarks\n"
      "              source:1 table=nexmark connector=test columns=[event_type, bid.auction, bid.dateTime]"
      " changelog=[I] watermarks\n" },
    { "INSERT INTO keyed SELECT a, COUNT(*) FROM two GROUP BY a",
      "sink:1 table=keyed connector=test columns=[a, b] upsert changelog=[I,UA]\n"
      "  aggregate:1 group=[a] select=[COUNT(*) AS $a0] changelog=[I,UA] key=[a]\n"
      "    exchange:1 hash=[a] changelog=[I]\n"
      "      calc:1 select=[a] changelog=[I]\n"
      "        source:1 table=two connector=test columns=[a] changelog=[I]\n" },
    { "INSERT INTO two SELECT a, COUNT(*) FROM two GROUP BY a",
      "sink:1 table=two connector=test columns=[a, b] changelog=[I,UB,UA]\n"
      "  aggregate:1 group=[a] select=[COUNT(*) AS $a0] changelog=[I,UB,UA] key=[a]\n"
      "    exchange:1 hash=[a] changelog=[I]\n"
      "      calc:1 select=[a] changelog=[I]\n"
      "        source:1 table=two connector=test columns=[a] changelog=[I]\n" },
    { "SELECT id, v FROM ups",
      "sink:1 table=result connector=print columns=[id, v] changelog=[I,UB,UA,D]\n"
      "  exchange:2 single changelog=[I,UB,UA,D] key=[id]\n"
      "    calc:1 select=[id, v] changelog=[I,UB,UA,D] key=[id]\n"
      "      normalize:1 by=[id] changelog=[I,UB,UA,D] key=[id]\n"
      "        exchange:1 hash=[id] changelog=[I,UA,D] key=[id]\n"
      "          source:1 table=ups connector=test columns=[id, v] changelog=[I,UA,D] key=[id]\n" },
    { "SELECT id, SUM(v) FROM ups WHERE v > 2 GROUP BY id HAVING COUNT(*) > 1",
      "sink:1 table=result connector=print columns=[id, EXPR$1] changelog=[I,UB,UA,D]\n"
      "  exchange:3 single changelog=[I,UB,UA,D] key=[id]\n"
      "    calc:2 select=[id, $a0 AS EXPR$1] where=[$a1 > 1] changelog=[I,UB,UA,D] key=[id]\n"
      "      aggregate:1 group=[id] select=[SUM(v) AS $a0, COUNT(*) AS $a1] retracting changelog=[I,UB,UA,D]"
      " key=[id]\n"
      "        exchange:2 hash=[id] changelog=[I,UB,UA,D] key=[id]\n"
      "          calc:1 select=[id, v] where=[v > 2] changelog=[I,UB,UA,D] key=[id]\n"
      "            normalize:1 by=[id] changelog=[I,UB,UA,D] key=[id]\n"
      "              exchange:1 hash=[id] changelog=[I,UA,D] key=[id]\n"
      "                source:1 table=ups connector=test columns=[id, v] changelog=[I,UA,D] key=[id]\n" },
    { "SELECT * FROM (VALUES (1, 'a'), (2, 'bcd')) AS v(x, y) ORDER BY y DESC LIMIT 1",
      "sink:1 table=result connector=print columns=[x, y] changelog=[I]\n"
      "  sort:1 order=[EXPR$1 DESC] limit=1 changelog=[I]\n"
      "    exchange:1 single changelog=[I]\n"
      "      values:1 rows=2 changelog=[I]\n" },
    { "SELECT * FROM bid",
      "sink:1 table=result connector=print columns=[auction, bidder, price, channel, url, dateTime, extra]"
      " changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    source:1 table=bid connector=test columns=[auction, bidder, price, channel, url, dateTime, extra]"
      " changelog=[I]\n" },
    { "SELECT a, b FROM two UNION SELECT 1, 2",
      "sink:1 table=result connector=print columns=[a, b] changelog=[I]\n"
      "  exchange:2 single changelog=[I]\n"
      "    aggregate:1 group=[a, b] select=[] changelog=[I]\n"
      "      exchange:1 hash=[a, b] changelog=[I]\n"
      "        union:1 changelog=[I]\n"
      "          source:1 table=two connector=test columns=[a, b] changelog=[I]\n"
      "          calc:1 select=[1 AS a, 2 AS b] changelog=[I]\n"
      "            values:1 rows=1 changelog=[I]\n" },
    { "SELECT m, window_start FROM (SELECT MAX(n) AS m, ws AS window_start, we FROM (SELECT auction, COUNT(*) n,"
      " window_start AS ws, window_end AS we FROM HOP(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '2' SECOND,"
      " INTERVAL '10' SECOND) GROUP BY auction, window_start, window_end) GROUP BY ws, we)",
      "sink:1 table=result connector=print columns=[m, window_start] changelog=[I]\n"
      "  exchange:3 single changelog=[I]\n"
      "    window-aggregate:2 window=ATTACHED(ws, we) group=[] select=[MAX(n) AS $a0] out=[start] changelog=[I]\n"
      "      exchange:2 hash=[ws] changelog=[I] watermarks\n"
      "        calc:2 select=[$a0 AS n, window_start AS ws, window_end AS we] changelog=[I] watermarks\n"
      "          window-aggregate:1 window=HOP(dateTime, slide 2000 ms, size 10000 ms) group=[auction]"
      " select=[COUNT(*) AS $a0] out=[start, end] changelog=[I] watermarks\n"
      "            exchange:1 hash=[auction] changelog=[I] watermarks\n"
      "              calc:1 select=[auction, dateTime] changelog=[I] watermarks\n"
      "                watermark:1 for=dateTime as=[dateTime - INTERVAL '+0 00:00:04.000'] cut=pane(2000 ms,"
      " offset 0 ms) changelog=[I] watermarks\n"
      "                  source:1 table=bid connector=test columns=[auction, dateTime] changelog=[I] watermarks\n" },
    { "SELECT * FROM TUMBLE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '10' SECOND)",
      "sink:1 table=result connector=print columns=[auction, bidder, price, channel, url, dateTime, extra,"
      " window_start, window_end, window_time] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    window:1 window=TUMBLE(dateTime, size 10000 ms) changelog=[I]\n"
      "      source:1 table=bid connector=test columns=[auction, bidder, price, channel, url, dateTime, extra]"
      " changelog=[I]\n" },
    { "SELECT COUNT(*) FROM (SELECT * FROM TUMBLE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '10' SECOND) WHERE"
      " window_start > TIMESTAMP '2020-01-01 00:00:00') GROUP BY window_start, window_end",
      "sink:1 table=result connector=print columns=[EXPR$0] changelog=[I]\n"
      "  exchange:2 single changelog=[I]\n"
      "    window-aggregate:1 window=ATTACHED(window_start, window_end) group=[] select=[COUNT(*) AS $a0] out=[]"
      " changelog=[I]\n"
      "      exchange:1 hash=[window_start] changelog=[I] watermarks\n"
      "        calc:2 select=[window_start, window_end] where=[window_start > TIMESTAMP '2020-01-01 00:00:00.000']"
      " changelog=[I] watermarks\n"
      "          window:1 window=TUMBLE(dateTime, size 10000 ms) changelog=[I] watermarks\n"
      "            calc:1 select=[dateTime] changelog=[I] watermarks\n"
      "              watermark:1 for=dateTime as=[dateTime - INTERVAL '+0 00:00:04.000'] cut=pane(10000 ms, offset"
      " 0 ms) changelog=[I] watermarks\n"
      "                source:1 table=bid connector=test columns=[dateTime] changelog=[I] watermarks\n" },
    { "SELECT c, COUNT(*) FROM TUMBLE(TABLE t, DESCRIPTOR(p), INTERVAL '10' SECOND) GROUP BY c, window_start,"
      " window_end",
      "sink:1 table=result connector=print columns=[c, EXPR$1] changelog=[I]\n"
      "  exchange:2 single changelog=[I]\n"
      "    window-aggregate:1 window=TUMBLE(processing time, size 10000 ms, zone UTC) group=[c] select=[COUNT(*)"
      " AS $a0] out=[] changelog=[I]\n"
      "      exchange:1 hash=[c] changelog=[I]\n"
      "        calc:1 select=[c] changelog=[I]\n"
      "          source:1 table=t connector=test columns=[c] changelog=[I]\n" },
    { "SELECT * FROM f /*+ OPTIONS('path' = '/other', 'follow' = 'true') */",
      "sink:1 table=result connector=print columns=[a, b, c] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    source:1 table=f connector=file columns=[a, b, c] changelog=[I]\n" },
    { "SELECT window_start, k, COUNT(*) FROM TUMBLE(TABLE ltz, DESCRIPTOR(ts), INTERVAL '1' DAY) GROUP BY"
      " window_start, window_end, k",
      "sink:1 table=result connector=print columns=[window_start, k, EXPR$2] changelog=[I]\n"
      "  exchange:2 single changelog=[I]\n"
      "    calc:3 select=[window_start, k, $a0 AS EXPR$2] changelog=[I]\n"
      "      window-aggregate:1 window=TUMBLE(ts, size 86400000 ms, zone UTC) group=[k] select=[COUNT(*) AS $a0]"
      " out=[start] changelog=[I]\n"
      "        exchange:1 hash=[k] changelog=[I] watermarks\n"
      "          calc:2 select=[k, ts] changelog=[I] watermarks\n"
      "            watermark:1 for=ts as=[ts - INTERVAL '+0 00:00:01.000'] cut=pane(86400000 ms, offset 0 ms)"
      " changelog=[I] watermarks\n"
      "              calc:1 select=[k, ms, TO_TIMESTAMP_LTZ(ms, 3) AS ts] changelog=[I] watermarks\n"
      "                source:1 table=ltz connector=test columns=[k, ms] changelog=[I] watermarks\n" },
    { "SET 'table.local-time-zone' = 'GMT+08:00'; SELECT window_start, k, COUNT(*) FROM TUMBLE(TABLE ltz,"
      " DESCRIPTOR(ts), INTERVAL '1' DAY) GROUP BY window_start, window_end, k",
      "sink:1 table=result connector=print columns=[window_start, k, EXPR$2] changelog=[I]\n"
      "  exchange:2 single changelog=[I]\n"
      "    calc:3 select=[window_start, k, $a0 AS EXPR$2] changelog=[I]\n"
      "      window-aggregate:1 window=TUMBLE(ts, size 86400000 ms, zone GMT+08:00) group=[k] select=[COUNT(*)"
      " AS $a0] out=[start] changelog=[I]\n"
      "        exchange:1 hash=[k] changelog=[I] watermarks\n"
      "          calc:2 select=[k, ts] changelog=[I] watermarks\n"
      "            watermark:1 for=ts as=[ts - INTERVAL '+0 00:00:01.000'] cut=pane(86400000 ms, offset 57600000"
      " ms) changelog=[I] watermarks\n"
      "              calc:1 select=[k, ms, TO_TIMESTAMP_LTZ(ms, 3) AS ts] changelog=[I] watermarks\n"
      "                source:1 table=ltz connector=test columns=[k, ms] changelog=[I] watermarks\n" },
    { "SELECT window_end, SUM(price) FROM TABLE(CUMULATE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '1' HOUR,"
      " INTERVAL '1' DAY, INTERVAL '8' HOUR)) GROUP BY window_start, window_end",
      "sink:1 table=result connector=print columns=[window_end, EXPR$1] changelog=[I]\n"
      "  calc:2 select=[window_end, $a0 AS EXPR$1] changelog=[I]\n"
      "    window-aggregate:1 window=CUMULATE(dateTime, step 3600000 ms, size 86400000 ms, offset 28800000 ms)"
      " group=[] select=[SUM(price) AS $a0] out=[end] changelog=[I]\n"
      "      exchange:1 single changelog=[I] watermarks\n"
      "        calc:1 select=[price, dateTime] changelog=[I] watermarks\n"
      "          watermark:1 for=dateTime as=[dateTime - INTERVAL '+0 00:00:04.000'] cut=pane(3600000 ms, offset"
      " 0 ms) changelog=[I] watermarks\n"
      "            source:1 table=bid connector=test columns=[price, dateTime] changelog=[I] watermarks\n" },
    { "SELECT window_end FROM TABLE(HOP(DATA => TABLE bid, TIMECOL => DESCRIPTOR(dateTime), SIZE => INTERVAL"
      " '10' SECOND, SLIDE => INTERVAL '5' SECOND, OFFSET => INTERVAL '-1' SECOND)) GROUP BY window_start,"
      " window_end",
      "sink:1 table=result connector=print columns=[window_end] changelog=[I]\n"
      "  window-aggregate:1 window=HOP(dateTime, slide 5000 ms, size 10000 ms, offset 4000 ms) group=[]"
      " select=[] out=[end] changelog=[I]\n"
      "    exchange:1 single changelog=[I] watermarks\n"
      "      calc:1 select=[dateTime] changelog=[I] watermarks\n"
      "        watermark:1 for=dateTime as=[dateTime - INTERVAL '+0 00:00:04.000'] cut=pane(5000 ms, offset 4000"
      " ms) changelog=[I] watermarks\n"
      "          source:1 table=bid connector=test columns=[dateTime] changelog=[I] watermarks\n" },
    { "SELECT window_end, COUNT(*) FROM TUMBLE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '10' SECOND) GROUP BY"
      " window_end",
      "sink:1 table=result connector=print columns=[window_end, EXPR$1] changelog=[I,UB,UA]\n"
      "  exchange:2 single changelog=[I,UB,UA] key=[window_end]\n"
      "    aggregate:1 group=[window_end] select=[COUNT(*) AS $a0] changelog=[I,UB,UA] key=[window_end]\n"
      "      exchange:1 hash=[window_end] changelog=[I]\n"
      "        calc:2 select=[window_end] changelog=[I]\n"
      "          window:1 window=TUMBLE(dateTime, size 10000 ms) changelog=[I]\n"
      "            calc:1 select=[dateTime] changelog=[I]\n"
      "              source:1 table=bid connector=test columns=[dateTime] changelog=[I]\n" },
    { "CREATE TABLE late (auction BIGINT, dateTime TIMESTAMP(3), price DECIMAL(20, 2)) WITH ('connector' ="
      " 'test'); SET 'late.table' = 'late'; SELECT window_end, auction, COUNT(*) FROM TUMBLE(TABLE bid,"
      " DESCRIPTOR(dateTime), INTERVAL '10' SECOND) GROUP BY window_start, window_end, auction",
      "sink:1 table=result connector=print columns=[window_end, auction, EXPR$2] changelog=[I]\n"
      "  exchange:2 single changelog=[I]\n"
      "    calc:2 select=[window_end, auction, $a0 AS EXPR$2] changelog=[I]\n"
      "      window-aggregate:1 window=TUMBLE(dateTime, size 10000 ms) group=[auction] select=[COUNT(*) AS $a0]"
      " out=[end] late-output changelog=[I]\n"
      "        exchange:1 hash=[auction] changelog=[I] watermarks\n"
      "          calc:1 select=[auction, dateTime, CAST(price AS DECIMAL(20, 2)) AS $f4] changelog=[I] watermarks\n"
      "            watermark:1 for=dateTime as=[dateTime - INTERVAL '+0 00:00:04.000'] cut=pane(10000 ms, offset"
      " 0 ms) changelog=[I] watermarks\n"
      "              source:1 table=bid connector=test columns=[auction, price, dateTime] changelog=[I]"
      " watermarks\n"
      "sink:2 table=late connector=test columns=[auction, dateTime, price] changelog=[I]\n"
      "  calc:3 select=[auction, dateTime, $f4 AS price] changelog=[I]\n"
      "    late rows of window-aggregate:1 (shown above)\n" },
    { "CREATE TABLE late (auction BIGINT) WITH ('connector' = 'test'); SET 'late.table' = 'late'; EXECUTE"
      " STATEMENT SET BEGIN INSERT INTO two SELECT 1, COUNT(*) FROM TUMBLE(TABLE bid, DESCRIPTOR(dateTime),"
      " INTERVAL '10' SECOND) GROUP BY window_start, window_end; INSERT INTO two SELECT CAST(auction AS INT),"
      " COUNT(*) FROM TUMBLE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '4' SECOND, INTERVAL '1' SECOND) GROUP BY"
      " window_start, window_end, auction; END",
      "sink:1 table=two connector=test columns=[a, b] changelog=[I]\n"
      "  calc:2 select=[1 AS a, $a0 AS b] changelog=[I]\n"
      "    window-aggregate:1 window=TUMBLE(dateTime, size 10000 ms) group=[] select=[COUNT(*) AS $a0] out=[]"
      " late-output changelog=[I]\n"
      "      exchange:1 single changelog=[I] watermarks\n"
      "        calc:1 select=[auction, dateTime] changelog=[I] watermarks\n"
      "          watermark:1 for=dateTime as=[dateTime - INTERVAL '+0 00:00:04.000'] cut=pane(1000 ms, offset 0"
      " ms) changelog=[I] watermarks\n"
      "            source:1 table=bid connector=test columns=[auction, dateTime] changelog=[I] watermarks\n"
      "sink:2 table=two connector=test columns=[a, b] changelog=[I]\n"
      "  calc:4 select=[CAST(auction AS INT) AS a, $a0 AS b] changelog=[I]\n"
      "    window-aggregate:2 window=TUMBLE(dateTime, size 4000 ms, offset 1000 ms) group=[auction]"
      " select=[COUNT(*) AS $a0] out=[] late-output changelog=[I]\n"
      "      exchange:2 hash=[auction] changelog=[I] watermarks\n"
      "        calc:3 select=[auction, dateTime] changelog=[I] watermarks\n"
      "          watermark:1 (shown above)\n"
      "sink:3 table=late connector=test columns=[auction] changelog=[I]\n"
      "  union:1 changelog=[I]\n"
      "    calc:5 select=[auction] changelog=[I]\n"
      "      late rows of window-aggregate:1 (shown above)\n"
      "    calc:6 select=[auction] changelog=[I]\n"
      "      late rows of window-aggregate:2 (shown above)\n" },
    { "SET '--final' = 'true'; SELECT a, COUNT(*) AS n FROM f GROUP BY a ORDER BY n DESC, MAX(b) LIMIT 3",
      "sink:1 table=result connector=print columns=[a, n] changelog=[I]\n"
      "  calc:2 select=[a, $a0 AS n] changelog=[I]\n"
      "    table:1 order=[$a0 DESC, $a1 ASC] limit=3 changelog=[I]\n"
      "      exchange:2 single changelog=[I,UB,UA] key=[a]\n"
      "        aggregate:1 group=[a] select=[COUNT(*) AS $a0, MAX(b) AS $a1] changelog=[I,UB,UA] key=[a]\n"
      "          exchange:1 hash=[a] changelog=[I]\n"
      "            calc:1 select=[a, b] changelog=[I]\n"
      "              source:1 table=f connector=file columns=[a, b] bounded changelog=[I]\n" },
    { "SET '--final' = 'true'; SELECT a FROM f",
      "sink:1 table=result connector=print columns=[a] changelog=[I]\n"
      "  table:1 changelog=[I]\n"
      "    exchange:1 single changelog=[I]\n"
      "      calc:1 select=[a] changelog=[I]\n"
      "        source:1 table=f connector=file columns=[a] bounded changelog=[I]\n" },
    { "SELECT a, COUNT(*) AS n FROM f GROUP BY a ORDER BY n",
      "sink:1 table=result connector=print columns=[a, n] changelog=[I]\n"
      "  table:1 order=[$a0 ASC] changelog=[I]\n"
      "    exchange:2 single changelog=[I,UB,UA] key=[a]\n"
      "      aggregate:1 group=[a] select=[COUNT(*) AS $a0] changelog=[I,UB,UA] key=[a]\n"
      "        exchange:1 hash=[a] changelog=[I]\n"
      "          calc:1 select=[a] changelog=[I]\n"
      "            source:1 table=f connector=file columns=[a] bounded changelog=[I]\n" },
    { "SELECT a, b FROM f ORDER BY b DESC NULLS FIRST, UPPER(c) LIMIT 2 OFFSET 1",
      "sink:1 table=result connector=print columns=[a, b] changelog=[I]\n"
      "  calc:2 select=[a, b] changelog=[I]\n"
      "    sort:1 order=[b DESC NULLS FIRST, $o0 ASC] limit=2 offset=1 changelog=[I]\n"
      "      exchange:1 single changelog=[I]\n"
      "        calc:1 select=[a, b, UPPER(c) AS $o0] changelog=[I]\n"
      "          source:1 table=f connector=file columns=[a, b, c] bounded changelog=[I]\n" },
    { "WITH x AS (SELECT a, b FROM t), y(u, v) AS (SELECT b, a FROM x WHERE a > 1) SELECT u + v AS w FROM y"
      " UNION ALL SELECT b FROM x",
      "sink:1 table=result connector=print columns=[w] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    union:1 changelog=[I]\n"
      "      calc:1 select=[b + CAST(a AS BIGINT) AS w] where=[a > 1] changelog=[I]\n"
      "        source:1 table=t connector=test columns=[a, b] changelog=[I]\n"
      "      calc:2 select=[b] changelog=[I]\n"
      "        source:1 (shown above)\n" },
    { "SELECT COUNT(DISTINCT auction) FILTER (WHERE price > 10) AS d, SUM(price) AS s, COUNT(*) FROM bid WHERE"
      " bidder > 5 GROUP BY channel",
      "sink:1 table=result connector=print columns=[d, s, EXPR$2] changelog=[I,UB,UA]\n"
      "  exchange:2 single changelog=[I,UB,UA]\n"
      "    calc:2 select=[$a0 AS d, $a1 AS s, $a2 AS EXPR$2] changelog=[I,UB,UA]\n"
      "      aggregate:1 group=[channel] select=[COUNT(DISTINCT auction) FILTER (WHERE $f2) AS $a0, SUM(price)"
      " AS $a1, COUNT(*) AS $a2] changelog=[I,UB,UA] key=[channel]\n"
      "        exchange:1 hash=[channel] changelog=[I]\n"
      "          calc:1 select=[channel, auction, price > 10 AS $f2, price] where=[bidder > 5] changelog=[I]\n"
      "            source:1 table=bid connector=test columns=[auction, bidder, price, channel] changelog=[I]\n" },
    { "INSERT INTO keyed SELECT 1, COUNT(*) FROM t",
      "sink:1 table=keyed connector=test columns=[a, b] upsert changelog=[I,UA]\n"
      "  calc:2 select=[1 AS a, $a0 AS b] changelog=[I,UA]\n"
      "    aggregate:1 group=[] select=[COUNT(*) AS $a0] changelog=[I,UA]\n"
      "      exchange:1 single changelog=[I]\n"
      "        calc:1 select=[] changelog=[I]\n"
      "          source:1 table=t connector=test columns=[] changelog=[I]\n" },
    { "INSERT INTO keyed2 SELECT a, COUNT(*), 1 FROM t GROUP BY a",
      "sink:1 table=keyed2 connector=test columns=[a, b, c] changelog=[I,UB,UA]\n"
      "  calc:2 select=[a, $a0 AS b, 1 AS c] changelog=[I,UB,UA] key=[a]\n"
      "    aggregate:1 group=[a] select=[COUNT(*) AS $a0] changelog=[I,UB,UA] key=[a]\n"
      "      exchange:1 hash=[a] changelog=[I]\n"
      "        calc:1 select=[a] changelog=[I]\n"
      "          source:1 table=t connector=test columns=[a] changelog=[I]\n" },
    { "INSERT INTO keyed SELECT a, n FROM (SELECT a, COUNT(*) n FROM t GROUP BY a) WHERE n > 3",
      "sink:1 table=keyed connector=test columns=[a, b] changelog=[I,UB,UA]\n"
      "  calc:2 select=[a, $a0 AS b] where=[$a0 > 3] changelog=[I,UB,UA] key=[a]\n"
      "    aggregate:1 group=[a] select=[COUNT(*) AS $a0] changelog=[I,UB,UA] key=[a]\n"
      "      exchange:1 hash=[a] changelog=[I]\n"
      "        calc:1 select=[a] changelog=[I]\n"
      "          source:1 table=t connector=test columns=[a] changelog=[I]\n" },
    { "INSERT INTO keyed SELECT a, b FROM t",
      "sink:1 table=keyed connector=test columns=[a, b] upsert changelog=[I]\n"
      "  calc:1 select=[a, b] changelog=[I]\n"
      "    source:1 table=t connector=test columns=[a, b] changelog=[I]\n" },
    { "INSERT INTO csink SELECT v, COUNT(*) FROM cdc GROUP BY v",
      "sink:1 table=csink connector=file columns=[a, b] changelog=[I,UB,UA,D]\n"
      "  aggregate:1 group=[v] select=[COUNT(*) AS $a0] retracting changelog=[I,UB,UA,D] key=[v]\n"
      "    exchange:1 hash=[v] changelog=[I,UB,UA,D]\n"
      "      calc:1 select=[v] changelog=[I,UB,UA,D]\n"
      "        source:1 table=cdc connector=test columns=[v] changelog=[I,UB,UA,D]\n" },
    { "SET 'table.exec.source.cdc-events-duplicate' = 'true'; CREATE TABLE k (id INT, v INT, PRIMARY KEY (id)"
      " NOT ENFORCED) WITH ('connector' = 'test', 'changelog-mode' = 'I,UB,UA,D'); SELECT v FROM k",
      "sink:1 table=result connector=print columns=[v] changelog=[I,UB,UA,D]\n"
      "  exchange:2 single changelog=[I,UB,UA,D]\n"
      "    calc:1 select=[v] changelog=[I,UB,UA,D]\n"
      "      normalize:1 by=[id] changelog=[I,UB,UA,D] key=[id]\n"
      "        exchange:1 hash=[id] changelog=[I,UB,UA,D] key=[id]\n"
      "          source:1 table=k connector=test columns=[id, v] changelog=[I,UB,UA,D] key=[id]\n" },
    { "SELECT MAX(s) FROM TUMBLE(TABLE ups, DESCRIPTOR(ts), INTERVAL '5' SECOND) GROUP BY window_start,"
      " window_end",
      "sink:1 table=result connector=print columns=[EXPR$0] changelog=[I]\n"
      "  window-aggregate:1 window=TUMBLE(ts, size 5000 ms) group=[] select=[MAX(s) AS $a0] out=[] retracting"
      " changelog=[I]\n"
      "    exchange:2 single changelog=[I,UB,UA,D] watermarks\n"
      "      calc:1 select=[s, ts] changelog=[I,UB,UA,D] watermarks\n"
      "        normalize:1 by=[id] changelog=[I,UB,UA,D] key=[id] watermarks\n"
      "          exchange:1 hash=[id] changelog=[I,UA,D] key=[id] watermarks\n"
      "            watermark:1 for=ts as=[ts] cut=pane(5000 ms, offset 0 ms) changelog=[I,UA,D] key=[id]"
      " watermarks\n"
      "              source:1 table=ups connector=test columns=[id, s, ts] changelog=[I,UA,D] key=[id] watermarks\n" },
    { "INSERT INTO two VALUES (1, 2), (3, NULL)",
      "sink:1 table=two connector=test columns=[a, b] changelog=[I]\n"
      "  calc:1 select=[EXPR$0 AS a, CAST(EXPR$1 AS BIGINT) AS b] changelog=[I]\n"
      "    values:1 rows=2 changelog=[I]\n" },
    { "INSERT INTO two (b, a) VALUES (1, 2)",
      "sink:1 table=two connector=test columns=[a, b] changelog=[I]\n"
      "  calc:1 select=[EXPR$1 AS a, CAST(EXPR$0 AS BIGINT) AS b] changelog=[I]\n"
      "    values:1 rows=1 changelog=[I]\n" },
    { "SELECT a, window_start, COUNT(*) FROM (SELECT auction + 1 AS a, window_start, window_end FROM"
      " TUMBLE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '10' SECOND) WHERE price > 3) GROUP BY a, window_start,"
      " window_end HAVING COUNT(*) > 1",
      "sink:1 table=result connector=print columns=[a, window_start, EXPR$2] changelog=[I]\n"
      "  exchange:2 single changelog=[I]\n"
      "    calc:2 select=[a, window_start, $a0 AS EXPR$2] where=[$a0 > 1] changelog=[I]\n"
      "      window-aggregate:1 window=TUMBLE(dateTime, size 10000 ms) group=[a] select=[COUNT(*) AS $a0]"
      " out=[start] changelog=[I]\n"
      "        exchange:1 hash=[a] changelog=[I] watermarks\n"
      "          calc:1 select=[auction + 1 AS a, dateTime] where=[price > 3] changelog=[I] watermarks\n"
      "            watermark:1 for=dateTime as=[dateTime - INTERVAL '+0 00:00:04.000'] cut=pane(10000 ms, offset"
      " 0 ms) changelog=[I] watermarks\n"
      "              source:1 table=bid connector=test columns=[auction, price, dateTime] changelog=[I]"
      " watermarks\n" },
    { "SELECT ws, COUNT(*) FROM (SELECT window_start ws, window_end we FROM TUMBLE(TABLE bid,"
      " DESCRIPTOR(dateTime), INTERVAL '10' SECOND) UNION ALL SELECT window_start, window_end FROM TUMBLE(TABLE"
      " nbid, DESCRIPTOR(dateTime), INTERVAL '10' SECOND)) GROUP BY ws, we",
      "sink:1 table=result connector=print columns=[ws, EXPR$1] changelog=[I]\n"
      "  exchange:2 single changelog=[I]\n"
      "    calc:6 select=[ws, $a0 AS EXPR$1] changelog=[I]\n"
      "      window-aggregate:1 window=ATTACHED(ws, we) group=[] select=[COUNT(*) AS $a0] out=[start] changelog=[I]\n"
      "        exchange:1 hash=[ws] changelog=[I] watermarks\n"
      "          union:1 changelog=[I] watermarks\n"
      "            calc:2 select=[window_start AS ws, window_end AS we] changelog=[I] watermarks\n"
      "              window:1 window=TUMBLE(dateTime, size 10000 ms) changelog=[I] watermarks\n"
      "                calc:1 select=[dateTime] changelog=[I] watermarks\n"
      "                  watermark:1 for=dateTime as=[dateTime - INTERVAL '+0 00:00:04.000'] cut=pane(10000 ms,"
      " offset 0 ms) changelog=[I] watermarks\n"
      "                    source:1 table=bid connector=test columns=[dateTime] changelog=[I] watermarks\n"
      "            calc:5 select=[window_start, window_end] changelog=[I] watermarks\n"
      "              window:2 window=TUMBLE(dateTime, size 10000 ms) changelog=[I] watermarks\n"
      "                calc:4 select=[dateTime] where=[event_type = 2] changelog=[I] watermarks\n"
      "                  watermark:2 for=dateTime as=[dateTime - INTERVAL '+0 00:00:04.000'] cut=pane(10000 ms,"
      " offset 0 ms) changelog=[I] watermarks\n"
      "                    calc:3 select=[event_type, person, bid, CASE WHEN event_type = 0 THEN TIMESTAMP"
      " '2020-01-01 00:00:00.000' ELSE bid.dateTime END AS dateTime] changelog=[I] watermarks\n"
      "                      source:2 table=nexmark connector=test columns=[event_type, bid.dateTime]"
      " changelog=[I] watermarks\n" },
    { "CREATE VIEW w5 AS SELECT window_start AS s5, window_end AS e5, window_time AS rowtime, SUM(price) AS p"
      " FROM TUMBLE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '5' MINUTES) GROUP BY auction, window_start,"
      " window_end, window_time; SELECT window_start, window_end, SUM(p) FROM TUMBLE(TABLE w5,"
      " DESCRIPTOR(rowtime), INTERVAL '10' MINUTES) GROUP BY window_start, window_end",
      "sink:1 table=result connector=print columns=[window_start, window_end, EXPR$2] changelog=[I]\n"
      "  calc:3 select=[window_start, window_end, $a0 AS EXPR$2] changelog=[I]\n"
      "    window-aggregate:2 window=TUMBLE(rowtime, size 600000 ms) group=[] select=[SUM(p) AS $a0] out=[start,"
      " end] changelog=[I]\n"
      "      exchange:2 single changelog=[I] watermarks\n"
      "        calc:2 select=[$a0 AS p, window_time AS rowtime] changelog=[I] watermarks\n"
      "          window-aggregate:1 window=TUMBLE(dateTime, size 300000 ms) group=[auction] select=[SUM(price)"
      " AS $a0] out=[time] changelog=[I] watermarks\n"
      "            exchange:1 hash=[auction] changelog=[I] watermarks\n"
      "              calc:1 select=[auction, price, dateTime] changelog=[I] watermarks\n"
      "                watermark:1 for=dateTime as=[dateTime - INTERVAL '+0 00:00:04.000'] cut=pane(300000 ms,"
      " offset 0 ms) changelog=[I] watermarks\n"
      "                  source:1 table=bid connector=test columns=[auction, price, dateTime] changelog=[I]"
      " watermarks\n" },
    { "SELECT DISTINCT channel FROM bid",
      "sink:1 table=result connector=print columns=[channel] changelog=[I]\n"
      "  exchange:2 single changelog=[I]\n"
      "    aggregate:1 group=[channel] select=[] changelog=[I]\n"
      "      exchange:1 hash=[channel] changelog=[I]\n"
      "        calc:1 select=[channel] changelog=[I]\n"
      "          source:1 table=bid connector=test columns=[channel] changelog=[I]\n" },
    { "SELECT person FROM nexmark",
      "sink:1 table=result connector=print columns=[person] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[person] changelog=[I]\n"
      "      source:1 table=nexmark connector=test columns=[person] changelog=[I]\n" },
    { "SELECT person.name, person FROM nexmark",
      "sink:1 table=result connector=print columns=[name, person] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[person.name AS name, person] changelog=[I]\n"
      "      source:1 table=nexmark connector=test columns=[person] changelog=[I]\n" },
    { "SELECT 1 + 2, UPPER('a') || 'b', a + 0 FROM t WHERE 1 = 1",
      "sink:1 table=result connector=print columns=[EXPR$0, EXPR$1, EXPR$2] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[3 AS EXPR$0, 'Ab' AS EXPR$1, a + 0 AS EXPR$2] changelog=[I]\n"
      "      source:1 table=t connector=test columns=[a] changelog=[I]\n" },
    { "CREATE TABLE src (v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS SOURCE_WATERMARK()) WITH ('connector' ="
      " 'test', 'scan.watermark.idle-timeout' = '5 s'); SELECT COUNT(*) FROM TUMBLE(TABLE src, DESCRIPTOR(ts),"
      " INTERVAL '1' SECOND) GROUP BY window_start, window_end",
      "sink:1 table=result connector=print columns=[EXPR$0] changelog=[I]\n"
      "  window-aggregate:1 window=TUMBLE(ts, size 1000 ms) group=[] select=[COUNT(*) AS $a0] out=[]"
      " changelog=[I]\n"
      "    exchange:1 single changelog=[I] watermarks\n"
      "      calc:1 select=[ts] changelog=[I] watermarks\n"
      "        watermark:1 for=ts as=[SOURCE_WATERMARK()] cut=pane(1000 ms, offset 0 ms) idle=5000 ms"
      " changelog=[I] watermarks\n"
      "          source:1 table=src connector=test columns=[ts] gives-watermarks changelog=[I] watermarks\n" },
    { "SELECT CURRENT_WATERMARK(dateTime) FROM bid",
      "sink:1 table=result connector=print columns=[EXPR$0] changelog=[I]\n"
      "  exchange:1 single changelog=[I] watermarks\n"
      "    calc:1 select=[CURRENT_WATERMARK(dateTime) AS EXPR$0] changelog=[I] watermarks\n"
      "      watermark:1 for=dateTime as=[dateTime - INTERVAL '+0 00:00:04.000'] cut=none changelog=[I]"
      " watermarks\n"
      "        source:1 table=bid connector=test columns=[dateTime] changelog=[I] watermarks\n" },
    { "SELECT t.*, c AS d FROM t",
      "sink:1 table=result connector=print columns=[a, b, c, p, d] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[a, b, c, PROCTIME() AS p, c AS d] changelog=[I]\n"
      "      source:1 table=t connector=test columns=[a, b, c] changelog=[I]\n" },
    { "SELECT COALESCE(p, p), p FROM t",
      "sink:1 table=result connector=print columns=[EXPR$0, p] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:2 select=[p AS EXPR$0, p] changelog=[I]\n"
      "      calc:1 select=[PROCTIME() AS p] changelog=[I]\n"
      "        source:1 table=t connector=test columns=[] changelog=[I]\n" },
    { "VALUES (1, 'a'), (2, 'b') ORDER BY 2 DESC",
      "sink:1 table=result connector=print columns=[EXPR$0, EXPR$1] changelog=[I]\n"
      "  sort:1 order=[EXPR$1 DESC] changelog=[I]\n"
      "    exchange:1 single changelog=[I]\n"
      "      values:1 rows=2 changelog=[I]\n" },
    { "SELECT CASE a WHEN 1 THEN 'x' WHEN 2 THEN 'y' END, a IN (1, 2), a NOT BETWEEN 1 AND 3, -a, NOT (a = 1), c"
      " IS NOT NULL FROM t",
      "sink:1 table=result connector=print columns=[EXPR$0, EXPR$1, EXPR$2, EXPR$3, EXPR$4, EXPR$5] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[CASE WHEN a = 1 THEN 'x' WHEN a = 2 THEN 'y' ELSE CAST(NULL AS CHAR(1)) END AS EXPR$0,"
      " IN(a, 1, 2) AS EXPR$1, NOT ((a >= 1) AND (a <= 3)) AS EXPR$2, -a AS EXPR$3, NOT (a = 1) AS EXPR$4, c IS"
      " NOT NULL AS EXPR$5] changelog=[I]\n"
      "      source:1 table=t connector=test columns=[a, c] changelog=[I]\n" },
    { "CREATE TABLE y LIKE bid; SELECT auction, COUNT(*) FROM TUMBLE(TABLE y, DESCRIPTOR(dateTime), INTERVAL '1'"
      " SECOND) GROUP BY auction, window_start, window_end",
      "sink:1 table=result connector=print columns=[auction, EXPR$1] changelog=[I]\n"
      "  exchange:2 single changelog=[I]\n"
      "    window-aggregate:1 window=TUMBLE(dateTime, size 1000 ms) group=[auction] select=[COUNT(*) AS $a0]"
      " out=[] changelog=[I]\n"
      "      exchange:1 hash=[auction] changelog=[I] watermarks\n"
      "        calc:1 select=[auction, dateTime] changelog=[I] watermarks\n"
      "          watermark:1 for=dateTime as=[dateTime - INTERVAL '+0 00:00:04.000'] cut=pane(1000 ms, offset 0"
      " ms) changelog=[I] watermarks\n"
      "            source:1 table=y connector=test columns=[auction, dateTime] changelog=[I] watermarks\n" },
    { "CREATE TABLE y (x AS auction + 1, WATERMARK FOR dateTime AS dateTime) LIKE bid (OVERWRITING WATERMARKS);"
      " SELECT x, COUNT(*) FROM TUMBLE(TABLE y, DESCRIPTOR(dateTime), INTERVAL '1' SECOND) GROUP BY x,"
      " window_start, window_end",
      "sink:1 table=result connector=print columns=[x, EXPR$1] changelog=[I]\n"
      "  exchange:2 single changelog=[I]\n"
      "    window-aggregate:1 window=TUMBLE(dateTime, size 1000 ms) group=[x] select=[COUNT(*) AS $a0] out=[]"
      " changelog=[I]\n"
      "      exchange:1 hash=[x] changelog=[I] watermarks\n"
      "        calc:1 select=[auction + 1 AS x, dateTime] changelog=[I] watermarks\n"
      "          watermark:1 for=dateTime as=[dateTime] cut=pane(1000 ms, offset 0 ms) changelog=[I] watermarks\n"
      "            source:1 table=y connector=test columns=[auction, dateTime] changelog=[I] watermarks\n" },
    { "SELECT CASE WHEN event_type = 2 THEN bid.price ELSE person.id END AS x FROM nexmark WHERE event_type = 2",
      "sink:1 table=result connector=print columns=[x] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[bid.price AS x] where=[event_type = 2] changelog=[I]\n"
      "      source:1 table=nexmark connector=test columns=[event_type, bid.price] changelog=[I]\n" },
    { "SELECT CAST(NULL AS INT), NULL IS NULL FROM t",
      "sink:1 table=result connector=print columns=[EXPR$0, EXPR$1] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[CAST(NULL AS INT) AS EXPR$0, TRUE AS EXPR$1] changelog=[I]\n"
      "      source:1 table=t connector=test columns=[] changelog=[I]\n" },
    { "SELECT a FROM default_catalog.default_database.two AS x WHERE x.a > 1",
      "sink:1 table=result connector=print columns=[a] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[a] where=[a > 1] changelog=[I]\n"
      "      source:1 table=two connector=test columns=[a] changelog=[I]\n" },
    { "SELECT GREATEST(a, 1) + 1 AS g FROM (SELECT a FROM (SELECT a, b FROM two) WHERE b > 1) WHERE a > 2",
      "sink:1 table=result connector=print columns=[g] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[GREATEST(a, 1) + 1 AS g] where=[(b > 1) AND (a > 2)] changelog=[I]\n"
      "      source:1 table=two connector=test columns=[a, b] changelog=[I]\n" },
    { "SELECT b, SUM(n) FROM (SELECT a, b, COUNT(*) AS n FROM two GROUP BY a, b) GROUP BY b",
      "sink:1 table=result connector=print columns=[b, EXPR$1] changelog=[I,UB,UA,D]\n"
      "  exchange:3 single changelog=[I,UB,UA,D] key=[b]\n"
      "    aggregate:2 group=[b] select=[SUM(n) AS $a0] retracting changelog=[I,UB,UA,D] key=[b]\n"
      "      exchange:2 hash=[b] changelog=[I,UB,UA]\n"
      "        calc:1 select=[b, $a0 AS n] changelog=[I,UB,UA]\n"
      "          aggregate:1 group=[a, b] select=[COUNT(*) AS $a0] changelog=[I,UB,UA] key=[a, b]\n"
      "            exchange:1 hash=[a, b] changelog=[I]\n"
      "              source:1 table=two connector=test columns=[a, b] changelog=[I]\n" },
    { "SELECT a FROM two GROUP BY a, ()",
      "sink:1 table=result connector=print columns=[a] changelog=[I]\n"
      "  exchange:2 single changelog=[I]\n"
      "    aggregate:1 group=[a] select=[] changelog=[I]\n"
      "      exchange:1 hash=[a] changelog=[I]\n"
      "        calc:1 select=[a] changelog=[I]\n"
      "          source:1 table=two connector=test columns=[a] changelog=[I]\n" },
    { "SELECT COUNT(*) FROM two GROUP BY ()",
      "sink:1 table=result connector=print columns=[EXPR$0] changelog=[I,UB,UA]\n"
      "  aggregate:1 group=[] select=[COUNT(*) AS $a0] changelog=[I,UB,UA]\n"
      "    exchange:1 single changelog=[I]\n"
      "      calc:1 select=[] changelog=[I]\n"
      "        source:1 table=two connector=test columns=[] changelog=[I]\n" },
    { "SELECT 1 FROM two HAVING COUNT(*) > 1",
      "sink:1 table=result connector=print columns=[EXPR$0] changelog=[I,UB,UA]\n"
      "  calc:2 select=[1 AS EXPR$0] where=[$a0 > 1] changelog=[I,UB,UA]\n"
      "    aggregate:1 group=[] select=[COUNT(*) AS $a0] changelog=[I,UB,UA]\n"
      "      exchange:1 single changelog=[I]\n"
      "        calc:1 select=[] changelog=[I]\n"
      "          source:1 table=two connector=test columns=[] changelog=[I]\n" },
    { "SELECT SUM(a) + SUM(a), COUNT(*) + 1 FROM two",
      "sink:1 table=result connector=print columns=[EXPR$0, EXPR$1] changelog=[I,UB,UA]\n"
      "  calc:2 select=[$a0 + $a0 AS EXPR$0, $a1 + 1 AS EXPR$1] changelog=[I,UB,UA]\n"
      "    aggregate:1 group=[] select=[SUM(a) AS $a0, COUNT(*) AS $a1] changelog=[I,UB,UA]\n"
      "      exchange:1 single changelog=[I]\n"
      "        calc:1 select=[a] changelog=[I]\n"
      "          source:1 table=two connector=test columns=[a] changelog=[I]\n" },
    { "SELECT a + 1, COUNT(*) FROM two GROUP BY a + 1",
      "sink:1 table=result connector=print columns=[EXPR$0, EXPR$1] changelog=[I,UB,UA]\n"
      "  exchange:2 single changelog=[I,UB,UA] key=[$k0]\n"
      "    aggregate:1 group=[$f0] select=[COUNT(*) AS $a0] changelog=[I,UB,UA] key=[$k0]\n"
      "      exchange:1 hash=[$f0] changelog=[I]\n"
      "        calc:1 select=[a + 1 AS $f0] changelog=[I]\n"
      "          source:1 table=two connector=test columns=[a] changelog=[I]\n" },
    { "SELECT (a + 1) * 2 AS x FROM two GROUP BY a + 1",
      "sink:1 table=result connector=print columns=[x] changelog=[I]\n"
      "  exchange:2 single changelog=[I]\n"
      "    calc:2 select=[$k0 * 2 AS x] changelog=[I]\n"
      "      aggregate:1 group=[$f0] select=[] changelog=[I]\n"
      "        exchange:1 hash=[$f0] changelog=[I]\n"
      "          calc:1 select=[a + 1 AS $f0] changelog=[I]\n"
      "            source:1 table=two connector=test columns=[a] changelog=[I]\n" },
    { "SELECT UPPER(x) FROM (VALUES ('a')) AS v(x)",
      "sink:1 table=result connector=print columns=[EXPR$0] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[UPPER(EXPR$0) AS EXPR$0] changelog=[I]\n"
      "      values:1 rows=1 changelog=[I]\n" },
    { "SELECT * FROM (VALUES (1, NULL), (2, 'b')) AS v(x, y)",
      "sink:1 table=result connector=print columns=[x, y] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    values:1 rows=2 changelog=[I]\n" },
    { "SELECT * FROM (SELECT a FROM f ORDER BY a LIMIT 2) WHERE a > 1",
      "sink:1 table=result connector=print columns=[a] changelog=[I]\n"
      "  calc:2 select=[a] where=[a > 1] changelog=[I]\n"
      "    sort:1 order=[a ASC] limit=2 changelog=[I]\n"
      "      exchange:1 single changelog=[I]\n"
      "        calc:1 select=[a] changelog=[I]\n"
      "          source:1 table=f connector=file columns=[a] bounded changelog=[I]\n" },
    { "SELECT * FROM (SELECT a FROM t ORDER BY a) WHERE a > 1",
      "sink:1 table=result connector=print columns=[a] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[a] where=[a > 1] changelog=[I]\n"
      "      source:1 table=t connector=test columns=[a] changelog=[I]\n" },
    { "VALUES (PROCTIME(), 1), (PROCTIME(), 2)",
      "sink:1 table=result connector=print columns=[EXPR$0, EXPR$1] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    union:1 changelog=[I]\n"
      "      calc:1 select=[PROCTIME() AS EXPR$0, 1 AS EXPR$1] changelog=[I]\n"
      "        values:1 rows=1 changelog=[I]\n"
      "      calc:2 select=[PROCTIME() AS EXPR$0, 2 AS EXPR$1] changelog=[I]\n"
      "        values:2 rows=1 changelog=[I]\n" },
    { "SELECT RAND() AS r, a FROM two",
      "sink:1 table=result connector=print columns=[r, a] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[RAND() AS r, a] changelog=[I]\n"
      "      source:1 table=two connector=test columns=[a] changelog=[I]\n" },
    { "SELECT r, r + 1 FROM (SELECT RAND() AS r FROM two)",
      "sink:1 table=result connector=print columns=[r, EXPR$1] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:2 select=[r, r + 1.0 AS EXPR$1] changelog=[I]\n"
      "      calc:1 select=[RAND() AS r] changelog=[I]\n"
      "        source:1 table=two connector=test columns=[] changelog=[I]\n" },
    { "INSERT INTO two SELECT a, b FROM two UNION ALL SELECT a, b FROM two UNION ALL SELECT 1, 2",
      "sink:1 table=two connector=test columns=[a, b] changelog=[I]\n"
      "  union:1 changelog=[I]\n"
      "    source:1 table=two connector=test columns=[a, b] changelog=[I]\n"
      "    source:1 (shown above)\n"
      "    calc:1 select=[1 AS a, 2 AS b] changelog=[I]\n"
      "      values:1 rows=1 changelog=[I]\n" },
    { "EXECUTE STATEMENT SET BEGIN INSERT INTO two SELECT a, b FROM t; INSERT INTO hole SELECT a FROM t WHERE b"
      " > 1; END",
      "sink:1 table=two connector=test columns=[a, b] changelog=[I]\n"
      "  calc:1 select=[a, b] changelog=[I]\n"
      "    source:1 table=t connector=test columns=[a, b] changelog=[I]\n"
      "sink:2 table=hole connector=hole columns=[a] changelog=[I]\n"
      "  calc:2 select=[a] where=[b > 1] changelog=[I]\n"
      "    source:1 (shown above)\n" },
    { "SELECT /*+ STATE_TTL('t' = '1d') */ a FROM t",
      "sink:1 table=result connector=print columns=[a] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[a] changelog=[I]\n"
      "      source:1 table=t connector=test columns=[a] changelog=[I]\n" },
    { "CREATE FUNCTION count_char AS 'com.github.nexmark.flink.udf.CountChar'; SELECT count_char(c, 'a') FROM t",
      "sink:1 table=result connector=print columns=[EXPR$0] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[COUNT_CHAR(c, 'a') AS EXPR$0] changelog=[I]\n"
      "      source:1 table=t connector=test columns=[c] changelog=[I]\n" },
    { "CREATE TABLE y WITH ('connector' = 'test') AS SELECT a, b + 1 AS b1 FROM two; SELECT * FROM y",
      "sink:1 table=result connector=print columns=[a, b1] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    source:1 table=y connector=test columns=[a, b1] changelog=[I]\n" },
    { "CREATE TABLE y (z INT) LIKE bid; SELECT z, dateTime, COUNT(*) FROM y GROUP BY z, dateTime",
      "sink:1 table=result connector=print columns=[z, dateTime, EXPR$2] changelog=[I,UB,UA]\n"
      "  exchange:2 single changelog=[I,UB,UA] key=[z, dateTime]\n"
      "    aggregate:1 group=[z, dateTime] select=[COUNT(*) AS $a0] changelog=[I,UB,UA] key=[z, dateTime]\n"
      "      exchange:1 hash=[z, dateTime] changelog=[I]\n"
      "        calc:1 select=[z, dateTime] changelog=[I]\n"
      "          source:1 table=y connector=test columns=[dateTime, z] changelog=[I]\n" },
    { "CREATE TABLE y (PRIMARY KEY (auction) NOT ENFORCED) WITH ('connector' = 'test', 'changelog-mode' ="
      " 'I,UA') LIKE bid (EXCLUDING OPTIONS EXCLUDING WATERMARKS); SELECT auction, dateTime FROM y",
      "sink:1 table=result connector=print columns=[auction, dateTime] changelog=[I,UB,UA,D]\n"
      "  exchange:2 single changelog=[I,UB,UA,D] key=[auction]\n"
      "    calc:1 select=[auction, dateTime] changelog=[I,UB,UA,D] key=[auction]\n"
      "      normalize:1 by=[auction] changelog=[I,UB,UA,D] key=[auction]\n"
      "        exchange:1 hash=[auction] changelog=[I,UA] key=[auction]\n"
      "          source:1 table=y connector=test columns=[auction, dateTime] changelog=[I,UA] key=[auction]\n" },
    { "SELECT CASE WHEN a > 1 THEN 1 ELSE 'x' END FROM two",
      "sink:1 table=result connector=print columns=[EXPR$0] changelog=[I]\n"
      "  exchange:1 single changelog=[I]\n"
      "    calc:1 select=[CASE WHEN a > 1 THEN '1' ELSE 'x' END AS EXPR$0] changelog=[I]\n"
      "      source:1 table=two connector=test columns=[a] changelog=[I]\n" },
};

static void test_plans(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        fixture_open(&f, NULL);
        assert_int_equal(fixture_run(&f, fixture_tables), ST_OK);
        enum status st = fixture_run(&f, cases[i].sql);
        if (st != ST_OK)
            print_error("%s\n%s at %u:%u\n", cases[i].sql, f.err.message, f.err.line, f.err.column);
        assert_int_equal(st, ST_OK);
        char *got = fixture_explain(&f);
        if (strcmp(got, cases[i].plan) != 0) /* cmocka cuts long texts */
            fprintf(stderr, "\n%s\ngot:\n%send of plan\n", cases[i].sql, got);
        assert_string_equal(got, cases[i].plan);
        free(got);
        fixture_close(&f);
    }
}

typedef bool printer(struct buf *out, const struct plan *p);

static bool print_dot(struct buf *out, const struct plan *p)
{
    return plan_print_dot(out, p, 7);
}

static char *printed(struct fixture *f, const char *sql, printer *print)
{
    struct buf out;
    assert_int_equal(fixture_run(f, sql), ST_OK);
    buf_init(&out, NULL, 1u << 22);
    assert_true(print(&out, f->plan));
    char *s = fixture_text(&out);
    buf_release(&out);
    return s;
}

/* Every plan of the table is one JSON value and has a line a node; one of them whole. */
static void test_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        size_t at;
        const char *fault;
        fixture_open(&f, NULL);
        assert_int_equal(fixture_run(&f, fixture_tables), ST_OK);
        char *got = printed(&f, cases[i].sql, plan_print_json);
        if (!json_valid(str_from(got), &at, &fault))
            fail_msg("%s\n%s at %zu:\n%s", cases[i].sql, fault, at, got);
        uint32_t lines = 0;
        for (const char *p = got; *p; p++)
            lines += *p == '\n';
        assert_int_equal(lines, f.plan->n_nodes + 1);
        free(got);
        fixture_close(&f);
    }
    struct fixture f;
    fixture_open(&f, NULL);
    assert_int_equal(fixture_run(&f, fixture_tables), ST_OK);
    char *got = printed(&f, "INSERT INTO keyed SELECT a, SUM(b) FILTER (WHERE b > 0) FROM two GROUP BY a", plan_print_json);
    assert_string_equal(
        got,
        "{\"job\":\"insert-into_keyed\",\"bounded\":false,\"nodes\":[\n"
        "{\"id\":\"source:1\",\"kind\":\"source\",\"inputs\":[],\"changelog\":[\"I\"],\"upsert_key\":[],\"bounded\":false,"
        "\"watermarks\":false,\"schema\":[{\"name\":\"a\",\"type\":\"INT\"},{\"name\":\"b\",\"type\":\"BIGINT\"}],"
        "\"state\":{\"keeps\":\"position\",\"by\":\"split\",\"until\":\"always\"},"
        "\"details\":{\"table\":\"two\",\"connector\":\"test\",\"columns\":[\"a\",\"b\"]}},\n"
        "{\"id\":\"calc:1\",\"kind\":\"calc\",\"inputs\":[{\"id\":\"source:1\"}],\"changelog\":[\"I\"],\"upsert_key\":[],"
        "\"bounded\":false,\"watermarks\":false,\"schema\":[{\"name\":\"a\",\"type\":\"INT\"},"
        "{\"name\":\"b\",\"type\":\"BIGINT\"},{\"name\":\"$f2\",\"type\":\"BOOLEAN\"}],\"state\":null,"
        "\"details\":{\"select\":[{\"name\":\"a\",\"expression\":\"a\"},{\"name\":\"b\",\"expression\":\"b\"},"
        "{\"name\":\"$f2\",\"expression\":\"b > 0\"}]}},\n"
        "{\"id\":\"exchange:1\",\"kind\":\"exchange\",\"inputs\":[{\"id\":\"calc:1\"}],\"changelog\":[\"I\"],"
        "\"upsert_key\":[],\"bounded\":false,\"watermarks\":false,\"schema\":[{\"name\":\"a\",\"type\":\"INT\"},"
        "{\"name\":\"b\",\"type\":\"BIGINT\"},{\"name\":\"$f2\",\"type\":\"BOOLEAN\"}],\"state\":null,"
        "\"details\":{\"hash\":[\"a\"]}},\n"
        "{\"id\":\"aggregate:1\",\"kind\":\"aggregate\",\"inputs\":[{\"id\":\"exchange:1\"}],\"changelog\":[\"I\",\"UA\"],"
        "\"upsert_key\":[\"a\"],\"bounded\":false,\"watermarks\":false,\"schema\":[{\"name\":\"a\",\"type\":\"INT\"},"
        "{\"name\":\"$a0\",\"type\":\"BIGINT\"}],"
        "\"state\":{\"keeps\":\"accumulators\",\"by\":\"key\",\"key\":[\"a\"],\"until\":\"always\"},"
        "\"details\":{\"group\":[\"a\"],\"select\":[{\"name\":\"$a0\",\"expression\":\"SUM(b) FILTER (WHERE $f2)\"}]}},\n"
        "{\"id\":\"sink:1\",\"kind\":\"sink\",\"inputs\":[{\"id\":\"aggregate:1\"}],\"changelog\":[\"I\",\"UA\"],"
        "\"upsert_key\":[],\"bounded\":false,\"watermarks\":false,\"schema\":[{\"name\":\"a\",\"type\":\"INT\"},"
        "{\"name\":\"$a0\",\"type\":\"BIGINT\"}],\"state\":{\"keeps\":\"commit\",\"by\":\"writer\",\"until\":\"always\"},"
        "\"details\":{\"table\":\"keyed\",\"connector\":\"test\",\"columns\":[\"a\",\"b\"],\"upsert\":true}}\n"
        "]}");
    free(got);
    fixture_close(&f);
}

static void test_dot(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    assert_int_equal(fixture_run(&f, fixture_tables), ST_OK);
    char *got = printed(&f, "SELECT 'a\"b\\c' AS `x y`", print_dot);
    assert_string_equal(got, "  subgraph cluster_7 {\n"
                             "    label=\"select\\l\";\n"
                             "    p7_0 [shape=box, style=bold, label=\"values:1\\lrows=1\\l\"];\n"
                             "    p7_1 [shape=box, label=\"calc:1\\lselect=['a\\\"b\\\\c' AS x y]\\l\"];\n"
                             "    p7_2 [shape=box, style=rounded, label=\"exchange:1\\lsingle\\l\"];\n"
                             "    p7_3 [shape=box, style=bold, label=\"sink:1\\ltable=result\\lconnector=print\\l"
                             "columns=[x y]\\l\"];\n"
                             "    p7_0 -> p7_1 [label=\"I\"];\n"
                             "    p7_1 -> p7_2 [label=\"I\"];\n"
                             "    p7_2 -> p7_3 [label=\"I\"];\n"
                             "  }\n");
    free(got);
    fixture_close(&f);
}

/* Only state that nothing takes away over input that does not end. */
static void test_advice(void **state)
{
    static const struct {
        const char *sql, *advice;
    } wanted[] = {
        { "SELECT a FROM two", "none\n" },
        { "SELECT COUNT(*) FROM two", "none\n" },
        { "SELECT a, COUNT(*) FROM f GROUP BY a", "none\n" },
        { "SELECT auction, COUNT(*) FROM TUMBLE(TABLE bid, DESCRIPTOR(dateTime), INTERVAL '10' SECOND) GROUP BY auction,"
          " window_start, window_end",
          "none\n" },
        { "SELECT id, SUM(v) FROM ups GROUP BY id",
          "normalize:1 keeps its last row for every value of (id) as long as the job runs: its input does not end and no"
          " window closes\n"
          "aggregate:1 keeps its accumulators for every value of (id) as long as the job runs: its input does not end and"
          " no window closes\n" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        struct fixture f;
        fixture_open(&f, NULL);
        assert_int_equal(fixture_run(&f, fixture_tables), ST_OK);
        char *got = printed(&f, wanted[i].sql, plan_print_advice);
        assert_string_equal(got, wanted[i].advice);
        free(got);
        fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_plans), cmocka_unit_test(test_json),
                                        cmocka_unit_test(test_dot), cmocka_unit_test(test_advice) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
