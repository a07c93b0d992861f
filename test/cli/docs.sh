#!/bin/sh
# The reference says what the tables in the sources say: pages that are made are what the program prints, options stand row
# by row in the pages that people write, and every example runs.
. "$(dirname "$0")/tap"
docs=$root/docs

made() { # PAGE FORM
    t "docs/$1 is what the program prints (weir help --docs $2 >docs/$1)" 0 help --docs "$2"
    that "the same" 'cmp -s out "$docs/'"$1"'"'
}
made cli.md markdown
made sql/functions.md functions
made sql/aggregates.md aggregates
that "examples have values" '[ "$(grep -c "→" "$docs/sql/functions.md")" -gt 180 ]'

t "options: every row stands in a page" 0 help --docs options
grep -e '^|' -e '^Accepted' out | grep -v -e '^| option' -e '^|---' | sort -u >rows
that "there are rows" '[ "$(wc -l <rows)" -gt 80 ]'
that "none is missing, but: $(grep -h '' "$docs/sql.md" "$docs/sql/connectors.md" | sort -u | comm -23 rows - | head -3)" \
    '[ -z "$(grep -h "" "$docs/sql.md" "$docs/sql/connectors.md" | sort -u | comm -23 rows -)" ]'
grep -h -E '^\| `[a-z*][^`]*` \| [^|]* ?(\\\|[^|]*)*\| (`[^`]*`|\(required\))? ?\| ' "$docs/sql.md" "$docs/sql/connectors.md" | sort -u >shown
that "and none is made up, but: $(comm -13 rows shown | head -3)" '[ -z "$(comm -13 rows shown)" ]'
for chapter in $(sed -n 's/^### //p' out); do
    that "a chapter about $chapter" 'grep -q "^### .*$chapter" "$docs/sql/connectors.md"'
done
that "metadata keys stand there too" '[ -z "$(sed -n "s/.*= { \"\(file\.[^\"]*\)\".*/\1/p" "$root/src/run/connect/filesystem/extras.c" | while read -r key; do
    grep -q -F "\`$key\`" "$docs/sql/connectors.md" || echo "$key"; done)" ]'
t "links lead somewhere" 0 version
that "all of them" '[ -z "$(cd "$docs" && grep -o -E "\]\([a-z_/.-]+\.md(#[a-z-]*)?\)" sql.md sql/*.md | tr -d "]()" | sed "s/#.*//" | while IFS=: read -r from to; do
    [ -f "$(dirname "$from")/$to" ] || echo "$from:$to"; done)" ]'
flush
name=
if command -v python3 >/dev/null; then
    python3 "$root/test/cli/docs_sql.py" "$weir" || failed=1
else
    echo "skip examples: no python3"
fi
done_testing
