#!/bin/sh
# Help, version, completion and the reference page.
. "$(dirname "$0")/tap"

t "overview" 0 --help
outs '^  run  '
quiet
t "no command" 2
err '^Commands'
out ''
for command in run check explain test gen demo completion help version; do
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
t "completion" 0 completion bash
if command -v bash >/dev/null; then
    cp out weir.bash
    completed() { bash -c '. ./weir.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weir; echo "${COMPREPLY[*]}"' x "$@"; }
    that "bash completes a command" '[ "$(completed weir exp)" = explain ]'
    that "bash completes an option" '[ "$(completed weir run --stat)" = --state-dir ]'
    that "bash completes a choice" '[ "$(completed weir run -o x --output md)" = "" ] && [ "$(completed weir run --output mark)" = markdown ]'
    that "bash completes a word" '[ "$(completed weir gen nex)" = nexmark ]'
fi
t "completion for zsh" 0 completion zsh
outs bashcompinit
t "completion for fish" 0 completion fish
outs '^complete -c weir .*-l state-dir'
t "completion for none" 2 completion tcsh
err 'bash | zsh | fish'
done_testing
