#!/bin/sh
# docs/sql.md names every option of every table in the sources, and docs/cli.md is what the program prints.
. "$(dirname "$0")/tap"

options() { # the names in the files' tables
    sed -n 's/.*{ \.name = "\([^"]*\)".*/\1/p' "$@" | sort -u
}
missing() {
    options "$@" | while read -r option; do
        grep -q -F "\`$option\`" "$root/docs/sql.md" || echo "$option"
    done
}
src=$root/src
tables="$src/run/connect/filesystem/filesystem.c $src/run/connect/datagen/datagen.c $src/run/connect/nexmark/nexmark.c
$src/run/connect/print/print.c $src/run/connect/test/test.c $src/run/format/json_encode.c $src/run/format/csv_encode.c
$src/run/format/debezium.c $src/run/format/raw.c $src/sql/plan/settings.c"
t "options in docs/sql.md" 0 version
that "there are tables to read" '[ "$(options $tables | wc -l)" -gt 60 ]'
that "all of them stand in docs/sql.md, but: $(missing $tables | tr "\n" " ")" '[ -z "$(missing $tables)" ]'
that "metadata keys stand in docs/sql.md" '[ -z "$(sed -n "s/.*= { \"\(file\.[^\"]*\)\".*/\1/p" "$src/run/connect/filesystem/extras.c" | while read -r key; do
    grep -q -F "\`$key\`" "$root/docs/sql.md" || echo "$key"; done)" ]'
for connector in filesystem stdin stdout datagen nexmark print blackhole test; do
    that "a chapter about $connector" 'grep -q "^### .*$connector" "$root/docs/sql.md"'
done
for format in json csv debezium-json raw; do
    that "a chapter about $format" 'grep -q "^### $format\$" "$root/docs/sql.md"'
done
t "docs/cli.md is what the program prints" 0 help --docs markdown
that "the same" 'cmp -s out "$root/docs/cli.md"'
done_testing
