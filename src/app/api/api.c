/* The public C API: handles around an engine. A query runs on the caller's thread, inside weir_next_row: the job takes
 * steps until a commit has published rows. See include/weir/weir.h for what is promised. */
#include "weir/weir.h"

#include <stdio.h>

#include "api/rows.h"
#include "os/os.h"

struct weir_engine {
    struct engine *engine;
    struct rows_queue *rows;
    struct os *os;
    struct os_signal *nap;
    weir_result *query; /* the open one */
};

struct weir_error {
    struct error err;
    char text[1200];
};

struct weir_result {
    weir_engine *owner;
    struct job *job; /* NULL when it has ended */
    struct schema schema;
    struct arena arena;
    const struct batch *batch;
    uint32_t next, row;
    struct buf text;
    struct zone zone;
    bool done;
};

const char *weir_version(void)
{
    return WEIR_VERSION;
}

/* ---- errors ---- */

weir_status weir_error_status(const weir_error *err)
{
    static const weir_status of_exit[] = { WEIR_OK, WEIR_FAILED, WEIR_USAGE, WEIR_FAILED, WEIR_REFUSED, WEIR_BUG };
    if (!err)
        return WEIR_OK;
    if (err->err.status == ST_MEMORY)
        return WEIR_MEMORY;
    int code = status_exit_code(err->err.status);
    return code >= 0 && code <= 5 ? of_exit[code] : WEIR_FAILED;
}

const char *weir_error_message(const weir_error *err)
{
    return err ? err->text : "";
}

uint32_t weir_error_line(const weir_error *err)
{
    return err ? err->err.line : 0;
}

uint32_t weir_error_column(const weir_error *err)
{
    return err ? err->err.column : 0;
}

void weir_error_free(weir_error *err)
{
    if (err)
        mem_free(NULL, err, sizeof *err);
}

/* Hands the error out (when wanted) and gives its status. */
static weir_status give(const struct error *e, weir_error **ret)
{
    struct weir_error local = { .err = *e };
    if (ret) {
        weir_error *w = mem_alloc(NULL, sizeof *w);
        *ret = w;
        if (w) {
            char place[300] = "";
            *w = local;
            if (e->place[0])
                snprintf(place, sizeof place, "%s:%u:%u: ", e->place, e->line, e->column);
            else if (e->line)
                snprintf(place, sizeof place, "line %u, column %u: ", e->line, e->column);
            snprintf(w->text, sizeof w->text, "%s%s%s%s", place, e->message, e->hint[0] ? "; " : "", e->hint);
        }
    }
    return weir_error_status(&local);
}

static weir_status refuse(enum status st, const char *message, weir_error **ret)
{
    struct error e;
    error_clear(&e);
    error_set(&e, st, "%s", message);
    return give(&e, ret);
}

/* ---- engines ---- */

weir_status weir_open(const weir_options *options, weir_engine **ret, weir_error **err)
{
    weir_options o = { 0 };
    struct error e;
    error_clear(&e);
    if (options && options->size > sizeof o)
        return refuse(ST_USAGE, "weir_options is of a newer libweir", err);
    if (options)
        memcpy(&o, options, options->size);
    if (o.parallelism > 64)
        return refuse(ST_USAGE, "parallelism is 1 to 64", err);
    weir_engine *w = mem_calloc(NULL, sizeof *w);
    if (!w)
        return refuse(ST_MEMORY, "memory is gone", err);
    w->os = os_real();
    w->rows = rows_new(w->os, budget_process());
    w->nap = w->os->ops->signal_new(w->os);
    struct engine_config c = {
        .os = w->os,
        .memory_limit = o.memory_limit_bytes,
        .parallelism = o.parallelism,
        .commit_interval_ms = o.commit_interval_ms,
        .state_dir = o.state_dir,
        .result_connector = "rows",
        .print_arg = w->rows,
    };
    enum status st = w->rows && w->nap ? engine_new(&c, &w->engine, &e) : error_set(&e, ST_MEMORY, "memory is gone");
    if (st == ST_OK && !catalog_add_connector(session_catalog(engine_session(w->engine)), &rows_connector))
        st = error_set(&e, ST_MEMORY, "memory is gone");
    if (st != ST_OK) {
        weir_close(w);
        return give(&e, err);
    }
    *ret = w;
    return WEIR_OK;
}

void weir_close(weir_engine *w)
{
    if (!w)
        return;
    weir_result_close(w->query);
    engine_free(w->engine);
    rows_free(w->rows);
    if (w->nap)
        w->os->ops->signal_free(w->os, w->nap);
    mem_free(NULL, w, sizeof *w);
}

weir_status weir_run(weir_engine *w, const char *sql, weir_error **err)
{
    struct error e;
    error_clear(&e);
    if (!w || !sql)
        return refuse(ST_USAGE, "weir_run needs an engine and a text", err);
    if (w->query)
        return refuse(ST_USAGE, "a query of this engine is open: close its result first", err);
    enum status st = engine_run(w->engine, str_from(sql), NULL, NULL, NULL, &e);
    rows_clear(w->rows);
    return st == ST_OK ? WEIR_OK : give(&e, err);
}

/* ---- queries ---- */

/* DDL first; the first SELECT starts and ends the script. */
static enum status start_query(weir_engine *w, const char *sql, weir_result *r, struct error *e)
{
    struct str text = str_from(sql);
    size_t pos = 0;
    for (;;) {
        struct action a;
        TRY(session_next(engine_session(w->engine), text, &pos, &a, e));
        if (a.kind == ACTION_SELECT) {
            r->schema = schema_copy(&r->arena, &a.result->physical);
            r->zone = session_zone(engine_session(w->engine));
            enum status st = engine_start(w->engine, &a, &r->job, e);
            action_release(&a);
            return st;
        }
        bool end = a.kind == ACTION_END, insert = a.kind == ACTION_INSERT, analyze = a.kind == ACTION_ANALYZE;
        action_release(&a);
        if (end)
            return error_set(e, ST_USAGE, "the text holds no query");
        if (insert)
            return error_set(e, ST_USAGE, "INSERT belongs to weir_run");
        if (analyze)
            return error_set(e, ST_UNSUPPORTED, "EXPLAIN ANALYZE belongs to the command line");
    }
}

weir_status weir_query(weir_engine *w, const char *sql, weir_result **ret, weir_error **err)
{
    struct error e;
    error_clear(&e);
    if (!w || !sql || !ret)
        return refuse(ST_USAGE, "weir_query needs an engine, a text and a place for the result", err);
    if (w->query)
        return refuse(ST_USAGE, "a query of this engine is open: close its result first", err);
    weir_result *r = mem_calloc(NULL, sizeof *r);
    if (!r)
        return refuse(ST_MEMORY, "memory is gone", err);
    r->owner = w;
    arena_init(&r->arena, budget_process());
    buf_init(&r->text, budget_process(), 1u << 30);
    w->query = r;
    enum status st = start_query(w, sql, r, &e);
    if (st != ST_OK) {
        weir_result_close(r);
        return give(&e, err);
    }
    *ret = r;
    return WEIR_OK;
}

void weir_result_close(weir_result *r)
{
    if (!r)
        return;
    if (r->job)
        engine_end_job(r->owner->engine, r->job);
    rows_clear(r->owner->rows);
    r->owner->query = NULL;
    buf_release(&r->text);
    arena_release(&r->arena);
    mem_free(NULL, r, sizeof *r);
}

/* Runs the job until rows are published or it is over. */
static enum status next_batch(weir_result *r, struct error *e)
{
    weir_engine *w = r->owner;
    for (;;) {
        r->batch = rows_next(w->rows);
        if (r->batch) {
            r->next = 0;
            return ST_OK;
        }
        if (r->done)
            return ST_OK;
        switch (job_step(r->job, e)) {
        case JOB_FAILED:
            return e->status;
        case JOB_DONE:
        case JOB_STOPPED:
            r->done = true;
            break;
        case JOB_IDLE:
            w->os->ops->signal_wait(w->os, w->nap, os_mono_ns(w->os) + 200000);
            break;
        case JOB_RAN:
            break;
        }
    }
}

weir_status weir_next_row(weir_result *r, weir_error **err)
{
    struct error e;
    error_clear(&e);
    while (!r->batch || r->next >= batch_rows(r->batch)) {
        if (next_batch(r, &e) != ST_OK)
            return give(&e, err);
        if (!r->batch)
            return WEIR_DONE;
    }
    r->row = batch_row(r->batch, r->next++);
    return WEIR_OK;
}

uint32_t weir_column_count(const weir_result *r)
{
    return r->schema.n_fields;
}

const char *weir_column_name(const weir_result *r, uint32_t column)
{
    return column < r->schema.n_fields ? r->schema.fields[column].name.ptr : NULL; /* copies end in a NUL */
}

const char *weir_column_type(const weir_result *r, uint32_t column)
{
    if (column >= r->schema.n_fields)
        return NULL;
    return type_name((struct arena *)(uintptr_t)&r->arena, r->schema.fields[column].type).ptr;
}

const char *weir_row_kind(const weir_result *r)
{
    return r->batch ? row_kind_name(batch_kind(r->batch, r->row)) : NULL;
}

static const struct column *cell(const weir_result *r, uint32_t column)
{
    if (!r->batch || column >= r->schema.n_fields || column_is_null(&r->batch->cols[column], r->row))
        return NULL;
    return &r->batch->cols[column];
}

const char *weir_text(weir_result *r, uint32_t column, size_t *ret_len)
{
    const struct column *c = cell(r, column);
    buf_clear(&r->text);
    if (!c || !value_print(&r->text, c, r->row, &r->zone) || !buf_put_u8(&r->text, 0))
        return NULL;
    if (ret_len)
        *ret_len = r->text.len - 1;
    return (const char *)r->text.data;
}

double weir_f64(weir_result *r, uint32_t column)
{
    const struct column *c = cell(r, column);
    if (!c)
        return 0;
    if (c->type->kind == TYPE_DECIMAL)
        return decimal_to_f64(decimal_get(c->type, c->data, r->row), c->type->scale);
    switch (type_phys(c->type)) {
    case PHYS_BOOL:
        return c->b[r->row];
    case PHYS_I32:
        return c->i32[r->row];
    case PHYS_I64:
        return (double)c->i64[r->row];
    case PHYS_F32:
        return (double)c->f32[r->row];
    case PHYS_F64:
        return c->f64[r->row];
    default:
        return 0;
    }
}

int64_t weir_i64(weir_result *r, uint32_t column)
{
    const struct column *c = cell(r, column);
    int64_t v = 0;
    if (!c)
        return 0;
    if (c->type->kind == TYPE_DECIMAL)
        return decimal_to_i64(decimal_get(c->type, c->data, r->row), c->type->scale, &v) ? v : 0;
    if (type_phys(c->type) == PHYS_I64)
        return c->i64[r->row];
    double d = weir_f64(r, column);
    return d >= -9223372036854775808.0 && d < 9223372036854775808.0 ? (int64_t)d : 0;
}
