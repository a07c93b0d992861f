/* Runs the records of one file against its world, one function a kind, and reports each that checks something.
 *
 * A record that feeds is followed by a commit of all jobs, so that `output` sees everything. A job that fails on
 * the way is expected by a `failure` record; when anything else that checks comes first, the failure is reported
 * where the job was fed. */
#include "tester/tester_private.h"

struct runner {
    struct report *report;
    struct world world;
    const struct record *fed; /* the newest record that moved the jobs */
};

struct verdict { /* of one record */
    bool failed, passed;
    struct str message;
    struct difference diff;
};

typedef enum status run_record(struct runner *u, const struct record *r, struct verdict *v, struct error *err);

struct str error_text(struct arena *a, const struct error *err)
{
    struct str place = { "", 0 };
    if (err->place[0])
        place = arena_printf(a, "%s:", err->place);
    if (err->line)
        place = arena_printf(a, "%.*s%u:%u: ", STR_ARG(place), err->line, err->column);
    else if (place.len)
        place = arena_printf(a, "%.*s ", STR_ARG(place));
    struct str s = arena_printf(a, "%.*s%s%s%s%s", STR_ARG(place), err->message, err->hint[0] ? " (" : "", err->hint,
                                err->hint[0] ? ")" : "");
    return s.ptr ? s : STR("out of memory");
}

static enum status fail(struct verdict *v, struct str message)
{
    v->failed = true;
    v->message = message.ptr ? message : STR("out of memory");
    return ST_OK;
}

/* What a statement's error means for the record: memory of the tester itself is refused to nobody, so any status is the
 * record's business. */
static enum status fail_error(struct runner *u, struct verdict *v, const struct error *e)
{
    return fail(v, error_text(&u->world.arena, e));
}

/* ---- records that execute ---- */

static enum status check_error(struct runner *u, const struct record *r, struct verdict *v, const struct error *e)
{
    const char *fault = NULL;
    struct str text = error_text(&u->world.arena, e);
    if (!r->regex.len || regex_matches(r->regex, text, &fault)) {
        v->passed = true;
        return ST_OK;
    }
    if (fault)
        return fail(v, str_from(fault));
    return fail(v, arena_printf(&u->world.arena, "another error: %.*s", STR_ARG(text)));
}

static enum status run_statement(struct runner *u, const struct record *r, struct verdict *v, struct error *err)
{
    (void)err;
    struct error e = { .status = ST_OK };
    enum status st = world_statement(&u->world, r->text, &e);
    if (st != ST_OK)
        return r->expect_error ? check_error(u, r, v, &e) : fail_error(u, v, &e);
    if (r->expect_error)
        return fail(v, STR("no error, and one was wanted"));
    v->passed = true;
    return ST_OK;
}

static enum status run_stream(struct runner *u, const struct record *r, struct verdict *v, struct error *err)
{
    (void)err;
    struct error e = { .status = ST_OK };
    return world_stream(&u->world, r->name, r->text, &e) == ST_OK ? ST_OK : fail_error(u, v, &e);
}

static const struct table_desc *test_table(struct runner *u, struct str name)
{
    const struct table_desc *t = catalog_table(session_catalog(engine_session(u->world.engine)), name);
    return t && str_eq(options_get(&t->options, "connector"), STR("test")) ? t : NULL;
}

static enum status no_table(struct runner *u, const struct record *r, struct verdict *v)
{
    return fail(v, arena_printf(&u->world.arena, "no table '%.*s' with 'connector' = 'test'", STR_ARG(r->name)));
}

/* After a record that feeds. */
static enum status settle(struct runner *u, struct verdict *v, enum status st, struct error *e)
{
    if (st == ST_OK)
        st = world_drive(&u->world, e);
    if (st == ST_OK)
        st = world_commit(&u->world, e);
    return st == ST_OK ? ST_OK : fail_error(u, v, e);
}

static enum status run_input(struct runner *u, const struct record *r, struct verdict *v, struct error *err)
{
    struct world *w = &u->world;
    struct error e = { .status = ST_OK };
    bool by_line = w->config->restart_every || w->config->crash_every;
    if (!test_table(u, r->name))
        return no_table(u, r, v);
    uint32_t *order = ARENA_ARRAY(&w->arena, uint32_t, r->n_lines + 1);
    if (!order)
        return budget_error(w->arena.budget, 0, err);
    u->fed = r;
    enum status st = shuffle_lines(w, r, order, &e);
    for (uint32_t i = 0; st == ST_OK && i < r->n_lines; i++) {
        st = test_hub_feed(w->hub, r->name, r->lines[order[i]], &e);
        if (st == ST_OK && by_line)
            st = world_event(w, &e);
    }
    return settle(u, v, st, &e);
}

static enum status run_watermark(struct runner *u, const struct record *r, struct verdict *v, struct error *err)
{
    (void)err;
    struct error e = { .status = ST_OK };
    if (!test_table(u, r->name))
        return no_table(u, r, v);
    u->fed = r;
    enum status st = test_hub_watermark(u->world.hub, r->name, r->time_ms, &e);
    if (st == ST_OK)
        st = world_event(&u->world, &e);
    return settle(u, v, st, &e);
}

static enum status run_clock(struct runner *u, const struct record *r, struct verdict *v, struct error *err)
{
    (void)err;
    struct error e = { .status = ST_OK };
    u->fed = r;
    enum status st = world_clock(&u->world, r->time_ms, &e);
    if (st == ST_OK)
        st = world_event(&u->world, &e);
    return settle(u, v, st, &e);
}

static enum status run_end(struct runner *u, const struct record *r, struct verdict *v, struct error *err)
{
    (void)err;
    struct error e = { .status = ST_OK };
    if (r->name.len && !test_table(u, r->name))
        return no_table(u, r, v);
    u->fed = r;
    return settle(u, v, test_hub_end(u->world.hub, r->name, &e), &e);
}

static enum status run_restart(struct runner *u, const struct record *r, struct verdict *v, struct error *err)
{
    (void)err;
    struct error e = { .status = ST_OK };
    u->fed = r;
    enum status st =
        r->kind == RECORD_CRASH ? world_crash(&u->world, &e) : world_restart(&u->world, r->parallelism, &e);
    return st == ST_OK ? ST_OK : fail_error(u, v, &e);
}

/* ---- records that compare ---- */

static bool has_map(const struct type *t)
{
    return t->kind == TYPE_MAP || t->kind == TYPE_MULTISET;
}

static enum status expected(struct runner *u, const struct record *r, bool with_kind, struct rows *ret,
                            struct verdict *v, struct error *err)
{
    struct arena *a = &u->world.arena;
    for (uint32_t i = 0; i < r->n_lines; i++) {
        const char *fault = NULL;
        struct cells *c = rows_add(a, ret);
        if (c && cells_parse(a, r->lines[i], with_kind, c, &fault))
            continue;
        if (!fault)
            return budget_error(a->budget, 0, err);
        return fail(v, arena_printf(a, "line %u: %s", r->results_line + i, fault));
    }
    return ST_OK;
}

/* Expected lines anew, for --update. */
static enum status update(struct runner *u, const struct record *r, const struct rows *got, bool with_kind,
                          struct error *err)
{
    struct report *p = u->report;
    struct buf text;
    buf_init(&text, p->arena.budget, TEST_FILE_BYTES);
    bool ok = true;
    for (uint32_t i = 0; ok && i < got->count; i++) {
        struct str line = cells_print(&u->world.arena, &got->at[i], with_kind);
        ok = line.ptr && buf_put(&text, line.ptr, line.len) && buf_put_u8(&text, '\n');
    }
    struct edit *e = ok ? array_add(&p->edits, &p->arena) : NULL;
    if (e)
        *e = (struct edit){ arena_str(&p->arena, r->file), r->results_line, r->n_lines,
                            arena_str(&p->arena, buf_str(&text)) };
    ok = e && e->file.ptr && (e->text.ptr || !text.len);
    buf_release(&text);
    return ok ? ST_OK : budget_error(p->arena.budget, 0, err);
}

struct comparison {
    const struct rows *want, *got, *update; /* update: what --update writes */
    const struct schema *columns; /* NULL: not known */
    bool with_kind, values;
};

/* Where rows may come in another order than row by row on one shard. */
static bool order_is_free(const struct world *w, const struct record *r)
{
    return w->config->shuffle || w->config->parallelism > 1 || (r->mode == OUTPUT_CHANGELOG && world_is_harsh(w));
}

static enum status compare(struct runner *u, const struct record *r, const struct comparison *k, struct verdict *v,
                           struct error *err)
{
    struct world *w = &u->world;
    struct compare c = { .arena = &w->arena, .types = r->types, .with_kind = k->with_kind };
    uint32_t n = k->columns ? k->columns->n_fields : 0;
    bool *is_map = ARENA_ARRAY(&w->arena, bool, n + 1), same;
    if (!is_map)
        return budget_error(w->arena.budget, 0, err);
    for (uint32_t i = 0; i < n; i++)
        is_map[i] = has_map(k->columns->fields[i].type);
    c.is_map = is_map;
    c.n_columns = n;
    if (k->values)
        c.types = STR("N");
    c.ordered = r->sort == SORT_NONE && !(r->kind == RECORD_OUTPUT && order_is_free(w, r));
    if (!k->values && r->types.len && k->columns && r->types.len != n)
        return fail(v, arena_printf(&w->arena, "%u columns, and %zu letters for them", n, r->types.len));
    if (!rows_compare(&c, k->want, k->got, &same, &v->diff))
        return budget_error(w->arena.budget, 0, err);
    if (same) {
        v->passed = true;
        return ST_OK;
    }
    if (w->config->update && !world_is_harsh(w)) {
        v->passed = true;
        return update(u, r, k->update ? k->update : k->got, k->with_kind, err);
    }
    return fail(v, arena_printf(&w->arena, "wanted %u rows, got %u", k->want->count, k->got->count));
}

/* valuesort: each value a row of its own. */
static enum status flatten(struct arena *a, const struct rows *from, struct rows *ret, struct error *err)
{
    for (uint32_t i = 0; i < from->count; i++)
        for (uint32_t k = 0; k < from->at[i].n; k++) {
            struct cells *c = rows_add(a, ret);
            if (!c)
                return budget_error(a->budget, 0, err);
            *c = (struct cells){ &from->at[i].at[k], 1, ROW_INSERT };
        }
    return ST_OK;
}

static enum status run_query(struct runner *u, const struct record *r, struct verdict *v, struct error *err)
{
    struct world *w = &u->world;
    struct error e = { .status = ST_OK };
    struct rows want = { 0 }, got = { 0 }, want_values = { 0 }, got_values = { 0 };
    struct comparison k = { .want = &want, .got = &got };
    TRY(expected(u, r, false, &want, v, err));
    if (v->failed)
        return ST_OK;
    if (world_query(w, r->text, &got, &k.columns, &e) != ST_OK)
        return fail_error(u, v, &e);
    if (r->sort == SORT_VALUES) {
        TRY(flatten(&w->arena, &want, &want_values, err));
        TRY(flatten(&w->arena, &got, &got_values, err));
        k = (struct comparison){ .want = &want_values, .got = &got_values, .columns = k.columns, .values = true };
    }
    return compare(u, r, &k, v, err);
}

/* ---- outputs ---- */

struct sink_view { /* what is known of an output */
    struct look *look;
    const struct schema *columns;
    uint32_t *key, n_key;
    struct rows all;
};

static enum status find_key(struct runner *u, const struct table_desc *t, struct sink_view *s, struct error *err)
{
    s->key = ARENA_ARRAY(&u->world.arena, uint32_t, t->n_primary_key + 1);
    if (!s->key)
        return budget_error(u->world.arena.budget, 0, err);
    for (uint32_t i = 0; i < t->n_primary_key; i++) {
        int32_t at = schema_find(&t->physical, t->columns[t->primary_key[i]].name);
        if (at >= 0)
            s->key[s->n_key++] = (uint32_t)at;
    }
    return ST_OK;
}

static enum status view_output(struct runner *u, struct str name, struct sink_view *s, struct verdict *v,
                               struct error *err)
{
    struct world *w = &u->world;
    const struct table_desc *t = test_table(u, name);
    s->look = world_look(w, name, t != NULL);
    if (!s->look)
        return fail(v, arena_printf(&w->arena, "there is no stream or test table '%.*s'", STR_ARG(name)));
    if (s->look->is_stream) {
        s->columns = s->look->columns;
    } else if (t) {
        s->columns = t->connector ? &t->written_row : &t->physical;
        TRY(find_key(u, t, s, err));
    }
    return world_rows(&u->world, name, &s->all, err);
}

static struct rows since(const struct rows *all, uint32_t from)
{
    return (struct rows){ all->at ? all->at + from : NULL, all->count - from, all->count - from };
}

/* What changes add up to, on top of the table at the last look. */
static enum status net_changes(struct runner *u, const struct sink_view *s, const struct rows *changes,
                               struct rows *ret, struct error *err)
{
    struct arena *a = &u->world.arena;
    struct rows before = { 0 };
    TRY(rows_fold(a, &s->all, 0, s->look->rows, s->key, s->n_key, &before, err));
    struct rows after = before;
    TRY(rows_fold(a, changes, 0, changes->count, s->key, s->n_key, &after, err));
    return rows_net(a, &before, &after, ret) ? ST_OK : budget_error(a->budget, 0, err);
}

static enum status run_output(struct runner *u, const struct record *r, struct verdict *v, struct error *err)
{
    struct world *w = &u->world;
    struct sink_view s = { 0 };
    struct rows want = { 0 }, got = { 0 }, netted = { 0 };
    struct error e = { .status = ST_OK };
    bool with_kind = r->mode == OUTPUT_CHANGELOG || r->mode == OUTPUT_NETTED;
    TRY(view_output(u, r->name, &s, v, err));
    if (!v->failed)
        TRY(expected(u, r, with_kind, &want, v, err));
    if (v->failed)
        return ST_OK;
    struct rows fresh = since(&s.all, s.look->rows);
    struct comparison k = { .want = &want, .got = &got, .update = &got, .columns = s.columns, .with_kind = with_kind };
    enum status st = ST_OK;
    if (r->mode == OUTPUT_TABLE)
        st = rows_fold(&w->arena, &s.all, 0, s.all.count, s.key, s.n_key, &got, &e);
    else if (r->mode == OUTPUT_NETTED || (r->mode == OUTPUT_CHANGELOG && world_is_harsh(w)))
        st = net_changes(u, &s, &fresh, &got, &e);
    else
        got = fresh;
    if (st == ST_OK && r->mode == OUTPUT_CHANGELOG && world_is_harsh(w)) {
        st = net_changes(u, &s, &want, &netted, &e);
        if (st != ST_OK)
            error_prefix(&e, "the expected rows, netted: ");
        k.want = &netted;
    }
    s.look->rows = s.all.count;
    if (st != ST_OK)
        return fail_error(u, v, &e);
    for (uint32_t i = 0; r->mode == OUTPUT_APPEND && i < got.count; i++)
        if (got.at[i].kind != ROW_INSERT)
            return fail(v,
                        arena_printf(&w->arena, "a row of kind %s came: not 'append'", row_kind_name(got.at[i].kind)));
    return compare(u, r, &k, v, err);
}

static enum status run_late(struct runner *u, const struct record *r, struct verdict *v, struct error *err)
{
    struct world *w = &u->world;
    struct rows want = { 0 }, all = { 0 }, got;
    struct look *l = world_look(w, r->name, test_table(u, r->name) != NULL);
    struct str table = world_late_name(&w->arena, r->name);
    if (!l)
        return fail(v, arena_printf(&w->arena, "there is no stream or test table '%.*s'", STR_ARG(r->name)));
    if (table.ptr && !test_table(u, table))
        table = session_get(engine_session(w->engine), "late.table");
    if (!table.len)
        return fail(v, STR("nothing of this job can be late: it has no event-time window"));
    TRY(expected(u, r, false, &want, v, err));
    TRY(world_rows(&u->world, table, &all, err));
    got = since(&all, l->late);
    l->late = all.count;
    struct comparison k = { .want = &want, .got = &got };
    struct record plain = *r;
    plain.sort = SORT_ROWS;
    return v->failed ? ST_OK : compare(u, &plain, &k, v, err);
}

static uint32_t count_text(const struct str *at, uint32_t n, struct str text)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++)
        count += str_eq(at[i], text);
    return count;
}

/* A line that two jobs read, or that is read again after a crash, is refused more than once: it counts as often as
 * it was fed. */
static enum status run_bad(struct runner *u, const struct record *r, struct verdict *v, struct error *err)
{
    struct world *w = &u->world;
    struct rows want = { 0 }, all = { 0 }, got;
    const struct str *bad, *lines;
    struct look *l = world_look(w, r->name, true);
    if (!l || !test_table(u, r->name))
        return no_table(u, r, v);
    uint32_t n = test_hub_bad(w->hub, r->name, 0, &bad), n_lines = test_hub_lines(w->hub, r->name, &lines);
    for (uint32_t i = 0; i < n; i++) {
        if (count_text(bad, i, bad[i]) >= count_text(lines, n_lines, bad[i]))
            continue;
        struct cells *c = rows_add(&w->arena, &all);
        struct str *cell = c ? ARENA_NEW(&w->arena, struct str) : NULL;
        if (!cell)
            return budget_error(w->arena.budget, 0, err);
        *cell = bad[i];
        *c = (struct cells){ cell, 1, ROW_INSERT };
    }
    for (uint32_t i = 0; i < r->n_lines; i++) {
        struct cells *c = rows_add(&w->arena, &want);
        if (!c)
            return budget_error(w->arena.budget, 0, err);
        *c = (struct cells){ &r->lines[i], 1, ROW_INSERT };
    }
    got = since(&all, l->bad);
    l->bad = all.count;
    struct comparison k = { .want = &want, .got = &got };
    struct record plain = *r;
    plain.sort = SORT_ROWS;
    return compare(u, &plain, &k, v, err);
}

static enum status run_failure(struct runner *u, const struct record *r, struct verdict *v, struct error *err)
{
    (void)err;
    struct error last = { .status = ST_OK };
    bool some = false;
    for (uint32_t i = 0; i < u->world.jobs.count; i++) {
        struct world_job *j = &u->world.jobs.at[i];
        if (!j->failed || j->told)
            continue;
        some = j->told = true;
        last = j->error;
        if (v->passed)
            continue;
        v->failed = false;
        check_error(u, r, v, &last);
    }
    if (v->passed)
        v->failed = false;
    return some ? ST_OK : fail(v, STR("no running job has failed"));
}

static enum status run_oracle(struct runner *u, const struct record *r, struct verdict *v, struct error *err)
{
    struct world *w = &u->world;
    struct sink_view s = { 0 };
    struct rows table = { 0 };
    struct error e = { .status = ST_OK };
    bool ran, same = true;
    if (!w->config->oracle || !w->config->oracle_dir || world_is_harsh(w))
        return ST_OK;
    TRY(view_output(u, r->name, &s, v, err));
    if (v->failed)
        return ST_OK;
    enum status st = rows_fold(&w->arena, &s.all, 0, s.all.count, s.key, s.n_key, &table, &e);
    if (st == ST_OK)
        st = oracle_check(w, u->report->os, r, &table, &ran, &same, &v->diff, &e);
    if (st != ST_OK)
        return fail_error(u, v, &e);
    v->passed = ran && same;
    return same ? ST_OK : fail(v, STR("SQLite has another answer ('-' is SQLite's)"));
}

static enum status run_broken(struct runner *u, const struct record *r, struct verdict *v, struct error *err)
{
    (void)u, (void)err;
    return fail(v, str_from(r->fault));
}

static run_record *const runs[RECORD_KINDS] = {
    [RECORD_STATEMENT] = run_statement,
    [RECORD_QUERY] = run_query,
    [RECORD_STREAM] = run_stream,
    [RECORD_INPUT] = run_input,
    [RECORD_WATERMARK] = run_watermark,
    [RECORD_CLOCK] = run_clock,
    [RECORD_END] = run_end,
    [RECORD_OUTPUT] = run_output,
    [RECORD_RESTART] = run_restart,
    [RECORD_CRASH] = run_restart,
    [RECORD_ORACLE] = run_oracle,
    [RECORD_FAILURE] = run_failure,
    [RECORD_LATE] = run_late,
    [RECORD_BAD] = run_bad,
    [RECORD_BROKEN] = run_broken,
};

/* ---- the file ---- */

/* Jobs that failed and that no `failure` record asked for. */
static void tell_failures(struct runner *u)
{
    for (uint32_t i = 0; i < u->world.jobs.count; i++) {
        struct world_job *j = &u->world.jobs.at[i];
        if (!j->failed || j->told || !u->fed)
            continue;
        j->told = true;
        struct str text = error_text(&u->world.arena, &j->error);
        struct str message =
            arena_printf(&u->world.arena, "job '%.*s' has failed: %.*s", STR_ARG(j->name), STR_ARG(text));
        report_failed(u->report, u->fed, message, NULL);
    }
}

static enum status run_one(struct runner *u, const struct record *r, struct error *err)
{
    struct verdict v = { 0 };
    bool checks = record_checks(r->kind);
    if (r->skip || report_skips(u->report, r)) {
        if (checks)
            report_skipped(u->report, r);
        return ST_OK;
    }
    if (checks && r->kind != RECORD_FAILURE)
        tell_failures(u);
    TRY(runs[r->kind](u, r, &v, err));
    if (v.failed)
        report_failed(u->report, r, v.message, &v.diff);
    else if (v.passed)
        report_passed(u->report, r);
    else if (checks)
        report_skipped(u->report, r);
    return ST_OK;
}

static enum status run_records(struct runner *u, struct error *err)
{
    const struct test_file *f = &u->world.file;
    for (uint32_t i = 0; i < f->count; i++) {
        if (f->at[i].kind == RECORD_HALT && !f->at[i].skip)
            break;
        if (f->at[i].kind != RECORD_HALT)
            TRY(run_one(u, &f->at[i], err));
    }
    tell_failures(u);
    return ST_OK;
}

static struct str last_part(struct str path)
{
    size_t n = path.len;
    while (n && path.ptr[n - 1] != '/')
        n--;
    return str_make(path.ptr + n, path.len - n);
}

enum status run_file(struct report *p, struct str path, struct error *err)
{
    struct runner u = { .report = p };
    struct str name = last_part(path);
    uint64_t seed = hash_bytes(name.ptr, name.len) ^ (p->config->seed * 0x9e3779b97f4a7c15ULL);
    enum status st = world_open(&u.world, p->config, seed, err);
    if (st == ST_OK)
        st = report_file_begin(p, path, err);
    if (st == ST_OK)
        st = test_file_read(p->os, path, &u.world.arena, &u.world.file, err);
    if (st == ST_OK && u.world.file.count == 0) {
        struct record whole = { .kind = RECORD_BROKEN, .file = path, .line = 1, .header = STR("file") };
        report_failed(p, &whole, STR("the file holds no record"), NULL);
    }
    if (st == ST_OK)
        st = run_records(&u, err);
    if (st == ST_OK)
        st = report_file_end(p, err);
    world_close(&u.world);
    return st;
}
