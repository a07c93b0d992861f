/* weir test: hands the paths to the tester and says what came of it. */
#include "cli/cli.h"

#include "tester/tester.h"

static bool print_line(void *arg, struct str line)
{
    struct cli *c = arg;
    cli_print(c, "%.*s\n", STR_ARG(line));
    return !atomic_load(&c->pipe_closed);
}

int cmd_test(struct cli *c)
{
    const struct cli_args *a = &c->args;
    const char **paths = ARENA_ARRAY(&c->arena, const char *, a->n_rest);
    struct tester_counts counts = { 0 };
    struct error err;
    if (!paths) {
        budget_error(c->arena.budget, 0, &err);
        return cli_fail(c, NULL, &err);
    }
    for (uint32_t i = 0; i < a->n_rest; i++)
        paths[i] = a->rest[i].ptr;
    struct tester_config config = {
        .batch = (uint32_t)args_number(a, O_BATCH, 0),
        .parallelism = (uint32_t)args_number(a, O_PARALLELISM, 0),
        .restart_every = (uint32_t)args_number(a, O_RESTART_EVERY, 0),
        .crash_every = (uint32_t)args_number(a, O_CRASH_EVERY, 0),
        .shuffle = args_has(a, O_SHUFFLE),
        .seed = (uint64_t)args_number(a, O_SHUFFLE, 0),
        .update = args_has(a, O_UPDATE),
        .junit = args_get(a, O_JUNIT).ptr,
        .oracle = args_has(a, O_ORACLE),
        .oracle_dir = args_get(a, O_ORACLE).ptr,
        .skip = args_get(a, O_SKIP).ptr,
        .print = args_has(a, O_QUIET) ? NULL : print_line,
        .print_arg = c,
    };
    enum status st = tester_run(&config, paths, a->n_rest, &counts, &err);
    if (st != ST_OK)
        return cli_fail(c, NULL, &err);
    if (!config.print) /* else it was the tester's last line */
        cli_print(c, "%llu passed, %llu failed, %llu skipped\n", (unsigned long long)counts.passed,
                  (unsigned long long)counts.failed, (unsigned long long)counts.skipped);
    return counts.failed ? 1 : 0;
}
