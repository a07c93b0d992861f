/* weir help, weir version, weir completion: texts from the tables. */
#include "cli/cli.h"

static int write_out(struct cli *c, struct buf *out, bool ok)
{
    struct error err;
    enum status st = ok ? cli_write(c, buf_str(out), &err) : budget_error(c->arena.budget, out->len, &err);
    buf_release(out);
    return st == ST_OK || atomic_load(&c->pipe_closed) ? 0 : cli_fail(c, NULL, &err);
}

static bool put_docs(struct cli *c, struct buf *out, struct str which)
{
    return str_eq_nocase(which, STR("man"))          ? docs_man(out)
           : str_eq_nocase(which, STR("functions"))  ? docs_functions(c, out)
           : str_eq_nocase(which, STR("aggregates")) ? docs_aggregates(c, out)
           : str_eq_nocase(which, STR("options"))    ? docs_options(c, out)
                                                     : docs_markdown(out);
}

int cmd_help(struct cli *c)
{
    struct buf out;
    struct str docs = args_get(&c->args, O_DOCS);
    buf_init(&out, c->arena.budget, 1 << 20);
    if (docs.ptr)
        return write_out(c, &out, put_docs(c, &out, docs));
    if (c->args.n_rest == 0)
        return write_out(c, &out, help_overview(&out, c->colour_out));
    const struct cli_command *k = cli_command_find(c->args.rest[0]);
    if (k)
        return write_out(c, &out, help_command(&out, k, c->colour_out));
    const char *again[2] = { "weir", c->args.rest[0].ptr }; /* says it as it says it of a command that was to run */
    return cli_main(c->host, 2, again);
}

int cmd_version(struct cli *c)
{
#if defined(__clang__)
    const char *compiler = "clang " __clang_version__;
#else
    const char *compiler = "gcc " __VERSION__;
#endif
#if defined(__x86_64__)
    const char *machine = "x86-64";
#elif defined(__aarch64__)
    const char *machine = "arm64";
#else
    const char *machine = "unknown machine";
#endif
    cli_print(c, "weir %s (%s, %s)\n", WEIR_VERSION, compiler, machine);
    return 0;
}

int cmd_completion(struct cli *c)
{
    static const char *const shells[] = { "bash", "zsh", "fish" };
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (!str_eq(c->args.rest[0], str_from(shells[i])))
            continue;
        struct buf out;
        buf_init(&out, c->arena.budget, 1 << 20);
        return write_out(c, &out, docs_completion(&out, c->args.rest[0]));
    }
    struct error err;
    error_set(&err, ST_USAGE, "no completion for '%.*s'", STR_ARG(c->args.rest[0]));
    error_hint(&err, "weir completion bash | zsh | fish");
    return cli_fail(c, NULL, &err);
}
