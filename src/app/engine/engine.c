/* The engine's life, and jobs out of plans. Order of birth: budget, session with its catalog, connectors and formats,
 * the state directory's lock; then jobs, each with its own budget, commit log, bad-record policy and connect context.
 * Death is the reverse. */
#include <stdio.h>

#include "engine/engine_private.h"
#include "engine/joblog.h"
#include "engine/zones.h"
#include "os/os.h"

static enum status register_all(struct engine *e, struct error *err)
{
    struct catalog *c = session_catalog(e->session);
    uint32_t n;
    catalog_set_os(c, e->config.os);
    const struct connector *const *connectors = connect_all(&n);
    for (uint32_t i = 0; i < n; i++)
        if (!catalog_add_connector(c, connectors[i]))
            return budget_error(&e->budget, 0, err);
    const struct format *const *formats = format_all(&n);
    for (uint32_t i = 0; i < n; i++)
        if (!catalog_add_format(c, formats[i]))
            return budget_error(&e->budget, 0, err);
    return ST_OK;
}

static enum status open_embedded(struct engine *e, struct error *err)
{
    struct topics_options o = { .os = e->config.os, .path = e->config.data_dir, .durability = STORE_STRICT };
    return embedded_open(&o, NULL, &e->recovered, &e->embedded, err);
}

enum status engine_new(const struct engine_config *config, struct engine **ret, struct error *err)
{
    struct engine *e = mem_calloc(NULL, sizeof *e);
    if (!e)
        return budget_error(budget_process(), sizeof *e, err);
    e->config = *config;
    if (!e->config.parallelism)
        e->config.parallelism = 1;
    budget_init(&e->budget, "engine", config->memory_limit ? config->memory_limit : SIZE_MAX, budget_process());
    struct session_config sc = {
        .budget = &e->budget,
        .capacity = config->capacity,
        .final = config->final,
        .zones = &engine_zones,
        .analyze_connector = STR("blackhole"),
        .result_connector = config->analyze             ? STR("blackhole")
                            : config->result_connector ? str_from(config->result_connector)
                            : config->results_to_hub ? STR("test")
                                                     : STR("print"),
    };
    e->session = session_new(&sc);
    enum status st = e->session ? register_all(e, err) : budget_error(&e->budget, 0, err);
    if (st == ST_OK && config->state_dir) {
        st = os_mkdirs(config->os, config->state_dir, err);
        if (st == ST_OK)
            st = statedir_lock(config->os, config->state_dir, &e->lock, err);
    }
    if (st == ST_OK && config->data_dir)
        st = open_embedded(e, err);
    if (st != ST_OK) {
        engine_free(e);
        return st;
    }
    *ret = e;
    return ST_OK;
}

static void free_running(struct running *r)
{
    struct engine *e = r->engine;
    job_free(r->job); /* closes the commit log and with it the letters */
    action_release(&r->action);
    mem_free(&e->budget, r, sizeof *r);
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    while (e->jobs) {
        struct running *r = e->jobs;
        e->jobs = r->next;
        free_running(r);
    }
    session_free(e->session);
    enum status ignored = embedded_close(e->embedded, NULL); /* what is acknowledged is durable; a restart recovers */
    (void)ignored;
    os_close(e->config.os, e->lock);
    mem_free(NULL, e, sizeof *e);
}

struct session *engine_session(struct engine *e)
{
    return e->session;
}

struct budget *engine_budget(struct engine *e)
{
    return &e->budget;
}

/* ---- jobs ---- */

static enum status print_to_stdout(void *arg, struct str bytes, struct error *err)
{
    struct os *os = arg;
    return os->ops->stream_write(os, 1, bytes.ptr, bytes.len, err);
}

/* The log that holds the state; NULL: there is none. */
static struct topics *log_of_jobs(const struct engine *e)
{
    return e->embedded ? embedded_topics(e->embedded) : e->config.topics;
}

/* A SELECT's folder would have to be told from the next one's by its text; it keeps none. */
static bool keeps_state(const struct engine *e, const struct running *r)
{
    return (e->config.state_dir || log_of_jobs(e)) && r->action.kind == ACTION_INSERT;
}

/* Sinks that cannot repeat and sources that cannot go back have no place under a state directory. */
static enum status check_durable(const struct plan *p, struct error *err)
{
    for (uint32_t i = 0; i < p->n_nodes; i++) {
        const struct node *n = p->nodes[i];
        if (n->kind != NODE_SOURCE || !(n->source.table->connector->flags & CONNECTOR_NO_POSITIONS))
            continue;
        error_set(err, ST_USAGE, "table '%.*s' reads '%s', which cannot be read again after a crash",
                  STR_ARG(n->source.table->name), n->source.table->connector->name);
        error_hint(err, "leave --state-dir and --data out, or read from files");
        return ST_USAGE;
    }
    return ST_OK;
}

static const struct node *first_sink(const struct plan *p)
{
    for (uint32_t i = 0; i < p->n_nodes; i++)
        if (p->nodes[i]->kind == NODE_SINK)
            return p->nodes[i];
    return NULL;
}

static void plain_letter(char *c)
{
    bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '-';
    if (!plain)
        *c = '_';
}

/* Names become folders: what is not a letter, digit, '_' or '-' is written as '_'. */
static enum status new_folder(struct engine *e, struct running *r, struct error *err)
{
    struct arena *a = r->action.arena;
    const struct node *sink = first_sink(r->action.plan);
    struct str name = sink ? sink->sink.table->name : STR("job");
    r->ordinal = e->ordinal + 1;
    r->dir = arena_printf(a, "%s/%u-%.*s", e->config.state_dir, r->ordinal, STR_ARG(name));
    for (size_t i = strlen(e->config.state_dir) + 1; r->dir.ptr && i < r->dir.len; i++)
        plain_letter((char *)(uintptr_t)&r->dir.ptr[i]);
    return r->dir.ptr ? ST_OK : budget_error(&r->budget, 0, err);
}

/* A folder of the state directory that the session names: what STOP JOB … WITH SAVEPOINT has told. Other paths are
 * Flink's, which mean nothing here. */
static struct str named_folder(struct engine *e)
{
    static const char *const keys[] = { "execution.state-recovery.path", "execution.savepoint.path" };
    struct str dir = str_from(e->config.state_dir);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct str path = session_get(e->session, keys[i]);
        struct str rest = str_starts(path, dir) ? str_make(path.ptr + dir.len, path.len - dir.len) : STR("");
        if (rest.len > 1 && rest.ptr[0] == '/' && rest.ptr[1] >= '1' && rest.ptr[1] <= '9' &&
            !memchr(rest.ptr + 1, '/', rest.len - 1))
            return path;
    }
    return (struct str){ NULL, 0 };
}

static enum status folder_of(struct engine *e, struct running *r, struct error *err)
{
    struct str named = named_folder(e);
    if (!named.ptr)
        return new_folder(e, r, err);
    for (struct running *other = e->jobs; other; other = other->next)
        if (str_eq(other->dir, named))
            return error_set(err, ST_USAGE, "a job runs with the state in '%.*s': STOP it first", STR_ARG(named));
    for (size_t i = strlen(e->config.state_dir) + 1; i < named.len && named.ptr[i] >= '0' && named.ptr[i] <= '9'; i++)
        r->ordinal = r->ordinal * 10 + (uint32_t)(named.ptr[i] - '0');
    r->dir = arena_str(r->action.arena, named);
    return r->dir.ptr ? ST_OK : budget_error(&r->budget, 0, err);
}

/* The job's name in the log: as its folder would be called. */
static struct str name_in_log(struct engine *e, struct running *r)
{
    const struct node *sink = first_sink(r->action.plan);
    struct str name = sink ? sink->sink.table->name : STR("job");
    r->ordinal = e->ordinal + 1;
    struct str out = arena_printf(r->action.arena, "%u-%.*s", r->ordinal, STR_ARG(name));
    for (size_t i = 0; out.ptr && i < out.len; i++)
        plain_letter((char *)(uintptr_t)&out.ptr[i]);
    return out;
}

/* Where the length is kept that the file had before the job's first line. */
static enum status letters_base(struct engine *e, struct running *r, struct str *ret, struct error *err)
{
    struct arena *a = r->action.arena;
    if (e->embedded) {
        struct str folder = arena_printf(a, "%s/letters", e->config.data_dir), name = name_in_log(e, r);
        if (!folder.ptr || !name.ptr)
            return budget_error(&r->budget, 0, err);
        TRY(os_mkdirs(e->config.os, folder.ptr, err));
        *ret = arena_printf(a, "%.*s/%.*s", STR_ARG(folder), STR_ARG(name));
    } else {
        *ret = arena_printf(a, "%.*s.letters", STR_ARG(r->dir));
    }
    return ret->ptr ? ST_OK : budget_error(&r->budget, 0, err);
}

/* FILE is the first job's with state, FILE.2 the second one's and so on; what keeps no state beside them adds to
 * FILE.select. Where no job keeps state all add to FILE. */
static enum status letters_place(struct engine *e, struct running *r, struct letters_place *ret, struct error *err)
{
    struct arena *a = r->action.arena;
    bool some = e->config.state_dir || e->embedded, kept = keeps_state(e, r);
    const char *file = e->config.dead_letter;
    *ret = (struct letters_place){ .end = &e->letters_end };
    if (!file)
        return ST_OK;
    if (!some || (kept && r->ordinal == 1))
        ret->path = arena_str(a, str_from(file));
    else if (kept)
        ret->path = arena_printf(a, "%s.%u", file, r->ordinal);
    else
        ret->path = arena_printf(a, "%s.select", file);
    if (!ret->path.ptr)
        return budget_error(&r->budget, 0, err);
    return kept ? letters_base(e, r, &ret->base, err) : ST_OK;
}

static enum status open_kept(struct engine *e, struct running *r, struct str fingerprint, struct commit_log **ret,
                             struct error *err)
{
    TRY(check_durable(r->action.plan, err));
    struct str name;
    if (log_of_jobs(e)) {
        name = name_in_log(e, r);
        TRY(name.ptr ? joblog_open(&r->link, name, fingerprint, e->config.min_snapshot_bytes, &r->budget, ret, err)
                     : budget_error(&r->budget, 0, err));
    } else {
        TRY(folder_of(e, r, err));
        name = r->dir;
        TRY(statedir_open(e->config.os, name.ptr, fingerprint, e->config.min_snapshot_bytes, &r->budget, ret, err));
    }
    r->connect.job_id = hash_bytes(name.ptr, name.len) ^ r->connect.job_id;
    return ST_OK;
}

static enum status open_log(struct engine *e, struct running *r, struct commit_log **ret, struct error *err)
{
    struct commit_log *inner = NULL;
    struct letters_place place;
    struct buf print;
    buf_init(&print, &r->budget, 16u << 20);
    enum status st = plan_fingerprint(&print, r->action.plan) ? ST_OK : budget_error(&r->budget, 0, err);
    if (st == ST_OK)
        r->connect.job_id = hash_bytes(print.data, print.len);
    if (st == ST_OK && keeps_state(e, r))
        st = open_kept(e, r, buf_str(&print), &inner, err);
    buf_release(&print);
    if (st != ST_OK)
        return st;
    r->connect.durable = inner != NULL;
    st = letters_place(e, r, &place, err);
    if (st == ST_OK)
        st = dead_letters_new(e->config.os, e->config.bad_input, &place, &r->budget, inner, &r->letters, ret,
                          err);
    if (st != ST_OK && inner)
        inner->ops->close(inner);
    return st;
}

static uint32_t planted_in_connect(uint32_t jobs)
{
    return (jobs & JOB_BUG_NO_TRUNCATE ? CONNECT_BUG_NO_TRUNCATE : 0) |
           (jobs & JOB_BUG_NO_ORPHANS ? CONNECT_BUG_NO_ORPHANS : 0);
}

static bool stopping(void *arg)
{
    const struct running *r = arg;
    return atomic_load(&r->engine->stopping) || (r->job && job_stopping(r->job));
}

static void fill_connect(struct engine *e, struct running *r)
{
    struct str validate = session_get(e->session, "json.validate");
    r->link.topics = log_of_jobs(e);
    r->extra = (struct connect_extra){
        .hub = e->config.hub,
        .brokers = e->config.brokers ? str_from(e->config.brokers) : (struct str){ NULL, 0 },
        .stopping = stopping,
        .stopping_arg = r,
        .warn = e->config.warn,
        .warn_arg = e->config.warn_arg,
        .log = r->link.topics ? &r->link : NULL,
        .print_format = e->config.format,
        .print = e->config.print ? e->config.print : print_to_stdout,
        .print_arg = e->config.print || e->config.result_connector ? e->config.print_arg : e->config.os,
        .planted = planted_in_connect(e->config.planted),
    };
    r->connect = (struct connect_context){
        .os = e->config.os,
        .budget = &r->budget,
        .zone = session_zone(e->session),
        .compact_validation = str_eq_nocase(validate, STR("needed")),
        .extra = &r->extra,
    };
}

static enum status bad_to_hub(void *arg, const struct bad_record *bad, struct error *err)
{
    enum status st = test_hub_take_bad(arg, bad);
    return st == ST_OK ? ST_OK : error_set(err, st, "a bad record could not be kept");
}

static int64_t commit_interval(struct engine *e)
{
    return e->config.commit_interval_ms;
}

enum status engine_start(struct engine *e, struct action *take, struct job **ret, struct error *err)
{
    struct running *r = mem_calloc(&e->budget, sizeof *r);
    if (!r)
        return budget_error(&e->budget, sizeof *r, err);
    r->engine = e;
    r->watched = e->config.watch && (e->config.analyze || take->kind == ACTION_ANALYZE);
    r->action = *take;
    *take = (struct action){ 0 };
    budget_init(&r->budget, "job", e->budget.limit, &e->budget);
    fill_connect(e, r);
    struct commit_log *log = NULL;
    enum status st = open_log(e, r, &log, err);
    if (st == ST_OK) {
        r->connect.bad = e->config.hub ? bad_to_hub : dead_letters_take;
        r->connect.bad_arg = e->config.hub ? (void *)e->config.hub : (void *)r->letters;
        r->connect.seal_bad = e->config.hub ? NULL : dead_letters_seal;
        struct job_config jc = {
            .os = e->config.os,
            .budget = &r->budget,
            .parallelism = e->config.parallelism,
            .capacity = e->config.capacity,
            .ring_capacity = e->config.ring_capacity,
            .commit_interval_ms = commit_interval(e),
            .log = log,
            .connect = &r->connect,
            .clock_ms = e->config.clock_ms,
            .seed = e->config.seed,
            .planted = e->config.planted,
        };
        st = job_new(r->action.plan, &jc, &r->job, err);
    }
    if (st != ST_OK) {
        action_release(&r->action);
        mem_free(&e->budget, r, sizeof *r);
        return st;
    }
    if (r->ordinal > e->ordinal)
        e->ordinal = r->ordinal; /* what could not begin takes no number */
    jobs_lock(e);
    r->next = e->jobs;
    e->jobs = r;
    jobs_unlock(e);
    *ret = r->job;
    return ST_OK;
}

struct running *engine_find(struct engine *e, const struct job *j)
{
    for (struct running *r = e->jobs; r; r = r->next)
        if (r->job == j)
            return r;
    return NULL;
}

void engine_look(struct engine *e, struct running *r, bool over)
{
    if (!r->watched)
        return;
    int64_t began_ns = atomic_load(&r->began_ns), ended_ns = atomic_load(&r->ended_ns);
    int64_t took_ns = (ended_ns ? ended_ns : os_mono_ns(e->config.os)) - began_ns;
    struct engine_watched w = { r->action.plan, r->job, began_ns ? took_ns : 0, over };
    e->config.watch(e->config.watch_arg, &w);
}

struct job_stats running_stats(const struct running *r)
{
    struct job_stats s;
    job_stats(r->job, &s);
    s.bad_rows = dead_letters_count(r->letters);
    return s;
}

void engine_add_stats(struct job_stats *sum, const struct job_stats *s)
{
    sum->rows_in += s->rows_in;
    sum->rows_out += s->rows_out;
    sum->late_rows += s->late_rows;
    sum->bad_rows += s->bad_rows;
    sum->state_bytes += s->state_bytes;
    sum->commits += s->commits;
    sum->commit_bytes += s->commit_bytes;
    sum->snapshots += s->snapshots;
    sum->snapshots_abandoned += s->snapshots_abandoned;
    sum->restored |= s->restored;
    if (s->last_commit_ms > sum->last_commit_ms)
        sum->last_commit_ms = s->last_commit_ms;
    if (s->watermark_ms != INT64_MIN && (sum->watermark_ms == INT64_MIN || s->watermark_ms < sum->watermark_ms))
        sum->watermark_ms = s->watermark_ms;
}

static void collect_late(struct engine *e, const struct running *r)
{
    uint64_t rows;
    const char *name;
    struct str job = r->action.plan->name;
    for (uint32_t i = 0; (name = job_late(r->job, i, &rows)); i++) {
        if (rows == 0 || e->n_late == ENGINE_LATE_MAX)
            continue;
        struct engine_late *l = &e->late[e->n_late++];
        l->rows = rows;
        if (r->action.kind == ACTION_INSERT)
            snprintf(l->by, sizeof l->by, "%s of %.*s", name, STR_ARG(job));
        else
            snprintf(l->by, sizeof l->by, "%s", name);
    }
}

void engine_end_job(struct engine *e, struct job *j)
{
    for (struct running **at = &e->jobs; *at; at = &(*at)->next) {
        struct running *r = *at;
        if (r->job != j)
            continue;
        struct job_stats s = running_stats(r);
        engine_add_stats(&e->ended, &s);
        collect_late(e, r);
        engine_look(e, r, true);
        jobs_lock(e);
        *at = r->next;
        jobs_unlock(e);
        free_running(r);
        return;
    }
}
