/* weir run. */
#include "cli/cli.h"

int cmd_run(struct cli *c)
{
    struct script script;
    struct error err;
    struct str bad = args_get(&c->args, O_BAD_INPUT), letter = args_get(&c->args, O_DEAD_LETTER);
    if (str_eq_nocase(bad, STR("dead-letter")) && !letter.ptr) {
        error_set(&err, ST_USAGE, "--bad-input dead-letter needs a file");
        error_hint(&err, "--dead-letter FILE");
        return cli_fail(c, NULL, &err);
    }
    if (letter.ptr && bad.ptr && !str_eq_nocase(bad, STR("dead-letter"))) {
        error_set(&err, ST_USAGE, "--bad-input %.*s and --dead-letter exclude each other", STR_ARG(bad));
        return cli_fail(c, NULL, &err);
    }
    if (runner_check(c, &err) != ST_OK)
        return cli_fail(c, NULL, &err);
    if (script_read(c, &script, &err) != ST_OK)
        return cli_fail(c, &script, &err);
    struct runner r = { .c = c, .script = &script, .config = runner_config(c) };
    return runner_run(&r, NULL);
}
