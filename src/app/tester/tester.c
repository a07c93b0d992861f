/* Files and directories in order: a directory stands for the *.test files below it, sorted by bytes. */
#include "tester/tester_private.h"

#define DIRECTORY_DEPTH 32u

static enum status run_path(struct report *p, const char *path, uint32_t depth, struct error *err);

static enum status run_directory(struct report *p, const char *path, uint32_t depth, struct error *err)
{
    struct arena a;
    struct os_name *names;
    uint32_t n;
    if (depth > DIRECTORY_DEPTH)
        return error_set(err, ST_LIMIT, "'%s' is nested too deeply", path);
    arena_init(&a, budget_process());
    enum status st = p->os->ops->list(p->os, path, &a, &names, &n, err);
    for (uint32_t i = 0; st == ST_OK && i < n; i++) {
        if (!names[i].is_directory && !str_ends(names[i].name, STR(".test")))
            continue;
        size_t len = strlen(path);
        while (len > 1 && path[len - 1] == '/')
            len--;
        struct str below = arena_printf(&a, "%.*s/%.*s", (int)len, path, STR_ARG(names[i].name));
        st = below.ptr ? run_path(p, below.ptr, depth + 1, err) : budget_error(a.budget, 0, err);
    }
    arena_release(&a);
    return st;
}

static enum status run_path(struct report *p, const char *path, uint32_t depth, struct error *err)
{
    struct os_stat s;
    TRY(p->os->ops->stat(p->os, path, &s, err));
    return s.is_directory ? run_directory(p, path, depth, err) : run_file(p, str_from(path), err);
}

enum status tester_run(const struct tester_config *config, const char *const *paths, uint32_t n,
                       struct tester_counts *ret, struct error *err)
{
    struct report p;
    if (config->oracle && !config->oracle_dir)
        return error_set(err, ST_USAGE, "the oracle needs a directory for its scripts");
    enum status st = report_open(&p, config, os_real(), err);
    for (uint32_t i = 0; st == ST_OK && i < n; i++)
        st = run_path(&p, paths[i], 0, err);
    struct tester_counts counts = p.counts;
    if (st == ST_OK) {
        st = report_close(&p, err);
    } else {
        buf_release(&p.junit);
        arena_release(&p.arena);
    }
    if (st == ST_OK)
        *ret = counts;
    return st;
}
