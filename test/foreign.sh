#!/bin/sh
# The open Flink cases: those that need only what is there must pass; each other record stands in test/foreign/skip.tsv with a feature of
# test/foreign/features.txt, and must still fail without the list, so that the list shrinks as features come.
# usage: foreign.sh WEIR [CASES]    CASES: by default $WEIR_CASES, or shared/cases beside the project; lines "ok …", "not ok …"
set -u
weir=$1
here=$(cd "$(dirname "$0")" && pwd)
cases=${2:-${WEIR_CASES:-$here/../../shared/cases}}/flink_sql/tests
skip=$here/foreign/skip.tsv
features=$here/foreign/features.txt
if [ ! -d "$cases" ]; then
    echo "skip no foreign cases at $cases"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# The list itself.
awk -F '\t' -v features="$features" '
    BEGIN { while ((getline f < features) > 0) if (f !~ /^#/ && f != "") known[f] = 1 }
    /^#/ || /^$/ { next }
    NF != 3 { print "skip.tsv:" NR ": three columns are wanted"; bad = 1; next }
    !($3 in known) { print "skip.tsv:" NR ": no such feature: " $3; bad = 1 }
    seen[$1 "\t" $2]++ { print "skip.tsv:" NR ": twice: " $1 " " $2; bad = 1 }
    END { exit bad }' "$skip" || bad=1

# Without the list: what it names must fail.
"$weir" test "$cases/programs" "$cases/streaming" "$cases/scalar" >"$work/all" 2>"$work/err" || [ $? -eq 1 ] || {
    cat "$work/err"
    exit 1
}
awk -F '\t' -v all="$work/all" -v root="$cases/" '
    BEGIN {
        while ((getline l < all) > 0) {
            if (index(l, root) != 1)
                continue
            l = substr(l, length(root) + 1)
            file = substr(l, 1, index(l, ":") - 1)
            rest = substr(l, index(l, ":") + 1)
            failed[file, "*"] = failed[file, substr(rest, 1, index(rest, ":") - 1)] = 1
            if (match(rest, / \[[^]]*\]: /))
                failed[file, substr(rest, RSTART + 2, RLENGTH - 5)] = 1
        }
    }
    /^#/ || /^$/ { next }
    !(($1, $2) in failed) { print "skip.tsv:" NR ": passes now, or is not there: " $1 " " $2; bad = 1 }
    END { exit bad }' "$skip" || bad=1

# With it: everything else must pass.
"$weir" test --skip "$skip" "$cases/programs" "$cases/streaming" "$cases/scalar" >"$work/rest"
[ $? -le 1 ] || bad=1
awk '
    / passed, .* failed, .* skipped$/ { passed = $1; failed = $3; skipped = $5 }
    { said[NR] = $0 }
    END {
        if (passed == "")
            exit 1
        for (i = 1; i <= NR && failed > 0; i++)
            print said[i]
        for (i = 1; i <= passed; i++)
            print "ok foreign " i
        for (i = 1; i <= failed; i++)
            print "not ok foreign record " i
        for (i = 1; i <= skipped; i++)
            print "skip foreign record " i " needs a later feature"
    }' "$work/rest" || bad=1
[ "$bad" = 0 ] || echo "not ok the skip list"
exit "$bad"
