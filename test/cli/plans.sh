#!/bin/sh
# weir check and weir explain: what can be known without running.
. "$(dirname "$0")/tap"

cat >good.sql <<'X'
CREATE TABLE bids (auction BIGINT, price BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
WITH ('connector' = 'filesystem', 'path' = 'nowhere', 'format' = 'json');
CREATE TABLE best (auction BIGINT, price BIGINT, PRIMARY KEY (auction) NOT ENFORCED) WITH ('connector' = 'print');
INSERT INTO best SELECT auction, MAX(price) FROM bids GROUP BY auction;
SELECT * FROM bids WHERE price > ${least};
X
cat >bad.sql <<'X'
CREATE TABLE t (a INT) WITH ('connector' = 'datagen', 'rows-per-secnod' = '1');
CREATE TABLE u (a INT) WITH ('connector' = 'datagen');
SELECT b FROM u;
SELECT a FROM w;
SELECT a FORM u;
SELECT a FROM u;
X
t "a good file" 0 check good.sql --var least=10
err '^good.sql: 4 statements, no errors$'
out ''
that "nothing was made" '[ ! -e nowhere ]'
t "-q" 0 check -q good.sql --var least=10
quiet
t "all errors of a file" 2 check bad.sql
err "did you mean 'rows-per-second'"
err '^  --> bad.sql:1:'
err '^  --> bad.sql:3:8$'
err '^  --> bad.sql:4:15$'
err '^  --> bad.sql:5:'
err '^bad.sql: 4 errors$'
t "several files" 2 check good.sql bad.sql --var least=1
err '^good.sql: 4 statements, no errors$'
err '^bad.sql: 4 errors$'
t "a variable that is missing" 2 check good.sql
err '^  --> good.sql:5:34$'
t "a text" 2 check -c 'SELECT x'
err '^  --> -c:1:8$'
t "a file that is not there" 1 check absent.sql
t "explain" 0 explain good.sql --var least=10
outs 'source'
outs 'aggregate'
outs 'changelog='
that "two plans" '[ "$(grep -c "^sink" out)" = 2 ]'
t "explain of the example" 0 explain "$root/examples/earthquakes.sql"
outs 'window-aggregate'
outs 'watermarks$'
t "explain runs nothing" 0 explain -c "CREATE TABLE o (a INT) WITH ('connector' = 'filesystem', 'path' = 'made', 'format' = 'json'); INSERT INTO o VALUES (1)"
that "nothing was made" '[ ! -e made ]'
t "explain of EXPLAIN" 0 explain -c "EXPLAIN SELECT 1"
outs 'sink'
t "explain as json" 0 explain good.sql --var least=10 --format json
if command -v python3 >/dev/null; then
    that "a list of two jobs whose nodes name their inputs" 'python3 -c "
import json
jobs = json.load(open(\"out\"))
assert len(jobs) == 2
for job in jobs:
    seen = set()
    for n in job[\"nodes\"]:
        assert all(i[\"id\"] in seen for i in n[\"inputs\"])
        seen.add(n[\"id\"])
        assert set(n) == set(\"id kind inputs changelog upsert_key bounded watermarks schema state details\".split())
"'
fi
t "json of an EXPLAIN" 0 explain -c "EXPLAIN SELECT 1" --format json
outs '^{"id":"sink:1","kind":"sink",'
t "explain as a graph" 0 explain good.sql --var least=10 --format dot
outs '^digraph weir {'
outs '^  subgraph cluster_1 {'
that "braces and quotes are paired" '[ "$(tr -cd "{" <out | wc -c)" = "$(tr -cd "}" <out | wc -c)" ] && [ $(($(tr -cd "\"" <out | wc -c) % 2)) = 0 ]'
if command -v dot >/dev/null; then
    that "Graphviz takes it" 'dot -Tsvg out 2>&1 >picture.svg | cmp -s - /dev/null && grep -q "aggregate:1" picture.svg'
fi
t "the details of EXPLAIN" 0 run -o csv -c "CREATE TABLE g (a INT) WITH ('connector' = 'datagen');
EXPLAIN CHANGELOG_MODE, PLAN_ADVICE, JSON_EXECUTION_PLAN SELECT a, COUNT(*) FROM g GROUP BY a"
outs 'changelog=.I,UB,UA. key='
outs '^== Advice ==$'
outs '^"*aggregate:1 keeps its accumulators for every value of (a) as long'
outs '^== Physical Execution Plan ==$'
outs '""job"":""select"",""bounded"":false'
t "costs are not estimated" 2 explain -c "EXPLAIN ESTIMATED_COST SELECT 1"
err 'ESTIMATED_COST is not supported: no costs are estimated'
t "a form that is not there" 2 explain good.sql --format svg
err "'--format' must be one of text|json|dot"
t "nothing to explain" 2 explain -c "SET 'pipeline.name' = 'x'"
t "explain of an error" 2 explain bad.sql
err '^  --> bad.sql:'
done_testing
