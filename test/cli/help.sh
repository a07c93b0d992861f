#!/bin/sh
# Help, version, completion and the reference page.
. "$(dirname "$0")/tap"

t "overview" 0 --help
outs '^  run  '
quiet
t "no command" 2
err '^Commands'
out ''
for command in run sql server check explain produce consume topic group doctor test gen demo completion help version; do
    t "help of $command" 0 "$command" --help
    outs "^weir $command: "
    outs '^Examples'
    quiet
done
t "version" 0 version
outs '^weir [0-9]*\.[0-9]*\.[0-9]* ('
t "unknown command" 2 rnu
err "did you mean 'weir run'"
t "unknown option" 2 run -c 'SELECT 1' --outptu csv
err "did you mean '--output'"
err 'weir run --help says more'
out ''
t "several wrong options at once" 2 run x.sql -p 0 --commit-interval never
err "'--parallelism' must lie between 1 and 64, not '0'.*'--commit-interval' must be a duration"
t "docs/cli.md is what the program says" 0 help --docs markdown
that "docs/cli.md is up to date (weir help --docs markdown >docs/cli.md)" 'cmp -s out "$root/docs/cli.md"'
t "manual page" 0 help --docs man
outs '^\.TH WEIR 1'
if command -v groff >/dev/null; then
    that "groff has nothing to say" '[ -z "$(groff -man -ww -Tutf8 out 2>&1 >/dev/null)" ]'
fi
if command -v mandoc >/dev/null; then
    that "nor has mandoc" '[ -z "$(mandoc -Tlint out 2>&1)" ]'
fi
for command in run server check explain test gen demo completion help version; do
    outs "^\.SS weir $command"
done
for shell in bash zsh fish; do
    t "completion for $shell" 0 completion "$shell"
    outs 'state-dir'
done
t "completion for none" 2 completion tcsh
err 'bash | zsh | fish'
done_testing
