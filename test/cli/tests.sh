#!/bin/sh
# weir test: what it prints and its exit code. What it runs is tested by the test files themselves.
. "$(dirname "$0")/tap"

mkdir -p files/inner
printf 'query I\nSELECT 1\n----\n1\n' >files/good.test
printf 'query I\nSELECT 1\n----\n1\n\nquery I\nSELECT 2\n----\n3\n' >files/inner/bad.test
t "a good file" 0 test files/good.test
out '1 passed, 0 failed, 0 skipped'
t "a bad one below a directory" 1 test files
outs 'bad.test:6'
that "the last line sums up" '[ "$(tail -1 out)" = "2 passed, 1 failed, 0 skipped" ]'
t "-q" 1 test -q files
out '2 passed, 1 failed, 0 skipped'
t "the harsher ways" 0 test files/good.test --batch 7 --parallelism 3 --restart-every 1 --crash-every 1 --shuffle 5
t "--junit" 1 test files --junit report.xml
that "the report is there" 'grep -q "<testsuite" report.xml && grep -q "<failure" report.xml'
t "--update" 0 test --update files/inner/bad.test
that "the file is right now" '[ "$(tail -1 files/inner/bad.test)" = 2 ]'
t "a path that is not there" 1 test absent
err absent
t "no path" 2 test
err 'weir test PATH'
t "a file without a record" 1 test /dev/null
done_testing
