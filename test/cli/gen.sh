#!/bin/sh
# weir gen: rows of the generators.
. "$(dirname "$0")/tap"

t "nexmark" 0 gen nexmark --rows 100
that "a hundred events" '[ "$(wc -l <out)" = 100 ]'
that "in the benchmark's proportions" '[ "$(grep -c "\"event_type\":0" out) $(grep -c "\"event_type\":1" out) $(grep -c "\"event_type\":2" out)" = "2 6 92" ]'
quiet
cp out first
t "the same again" 0 gen nexmark -n 100
that "equal" 'cmp -s out first'
t "another seed" 0 gen nexmark -n 100 --seed 7
that "different" '! cmp -s out first'
t "bids only" 0 gen nexmark -n 100 --only bid --format csv
that "a head and 92 bids" '[ "$(wc -l <out)" = 93 ] && head -1 out | grep -q "^auction,bidder,price,channel,url,dateTime,extra$"'
t "no rows" 0 gen nexmark --rows 0
out ''
t "an option of the connector" 0 gen nexmark -n 10 --option person.proportion=1 --option auction.proportion=1 --option bid.proportion=0
that "no bids" '! grep -q "\"event_type\":2" out'
t "an unknown option of the connector" 2 gen nexmark -n 10 --option bid.propotion=1
err "did you mean 'bid.proportion'"
t "datagen" 0 gen datagen --schema 'id BIGINT, name STRING' -n 5 --option fields.id.kind=sequence --option fields.id.start=1 --option fields.id.end=5
that "five rows in sequence" '[ "$(grep -o "\"id\":[0-9]*" out | tr "\n" " ")" = "\"id\":1 \"id\":2 \"id\":3 \"id\":4 \"id\":5 " ]'
t "datagen with a bad schema" 2 gen datagen --schema 'id BIGNIT' -n 5
err 'BIGNIT'
t "datagen without a schema" 2 gen datagen -n 5
err '\-\-schema'
t "a generator that is none" 2 gen nexmrk
err "did you mean 'nexmark'"
t "its rows can be read back" 0 run -c "CREATE TABLE i (event_type INT) WITH ('connector' = 'stdin', 'format' = 'json');
SELECT COUNT(*) AS n FROM i" --final <first
out '{"n":100}'
done_testing
