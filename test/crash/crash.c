/* Crash at every call. A whole job runs in one simulated process: engine, session, job, connectors over the twin of the
 * machine. The twin loses power at one disk call, unsynced writes meet their fate by a mood, the job is started anew from its
 * state directory (at another parallelism where the scenario says so) and runs to its end. What it has written, read back whole, must be
 * what the uninterrupted job wrote: as a multiset; netted when the job updates.
 *
 *     crash list                         names the scenarios
 *     crash run NAME|all FIFTH [PART OF] every FIFTH-th point by seed (1: every one), all moods; says "ok …" or "not ok …";
 *                                        PART of OF: only every OF-th scenario, to spread them over processes
 *     crash seeds FROM TO                random scenario, point, mood and order of tasks by seed
 *     crash show NAME CALL MOOD          one crash, the first difference
 *     crash bugs                         each planted bug must be caught
 *
 * The harness refuses to say "ok" for a scenario whose uninterrupted run makes too few commits, snapshots or rolled files, or whose crash
 * points lie too much outside of its commits. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/engine.h"
#include "os/sim.h"

#define MAX_DIRS 4
#define STEPS_MAX 2000000u
#define LETTERS "/letters/bad"

struct scenario {
    const char *name;
    const char *script;
    uint32_t first, then;       /* parallelism before and after the rescale or the crash */
    bool updating;              /* debezium-json: netted */
    const char *outputs[MAX_DIRS];
    int rows;                   /* of each input file */
    int batch;                  /* rows in a batch */
    int commit_every;           /* steps between commits */
    int files;                  /* of input; 0: three */
    bool late;                  /* some rows are late: one file only, or lateness would hang on how splits interleave */
    bool bad;                   /* some records are bad and go to LETTERS, which is among the outputs */
    const char *old;            /* a file that stands in the output before and must be gone at the end */
};

#define INPUT                                                                                                        \
    "CREATE TABLE a (id BIGINT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND) "      \
    "WITH ('connector' = 'filesystem', 'path' = '/in/a', 'format' = 'json');\n"
#define OUT(name, cols) OUT_AS(name, cols, "json")
#define OUT_AS(name, cols, format)                                                                                   \
    "CREATE TABLE " name " (" cols ") WITH ('connector' = 'filesystem', 'path' = '/out/" name "', 'format' = '" format \
    "', 'sink.rolling-policy.file-size' = '1kb');\n"

#define PARTITIONED(name, extra)                                                                                      \
    "CREATE TABLE " name " (id BIGINT, k STRING, v INT, t STRING) PARTITIONED BY (t, k) WITH ('connector' = "            \
    "'filesystem', 'path' = '/out/" name "', 'format' = 'json', 'sink.rolling-policy.file-size' = '200b'" extra ");\n"
#define BY_TIME                                                                                                       \
    ", 'sink.partition-commit.policy.kind' = 'success-file', 'sink.partition-commit.trigger' = 'partition-time', "       \
    "'sink.partition-commit.delay' = '10 s'"
#define BY_CLOCK ", 'sink.partition-commit.policy.kind' = 'success-file', 'sink.partition-commit.delay' = '5 ms'"
#define TENS "SUBSTRING(DATE_FORMAT(ts, 'yyyy-MM-dd HH:mm:ss') FROM 1 FOR 18) || '0'"

static const struct scenario scenarios[] = {
    { .name = "partitions", .first = 1, .then = 2, .outputs = { "/out/o" }, .rows = 360, .batch = 8, .commit_every = 10,
      .script = INPUT PARTITIONED("o", BY_TIME) "INSERT INTO o SELECT id, IF(id % 2 = 0, 'even', NULL), v, " TENS " FROM a;" },
    { .name = "partitions-rescale", .first = 3, .then = 1, .outputs = { "/out/o" }, .rows = 600, .batch = 4, .commit_every = 5,
      .script = INPUT PARTITIONED("o", BY_TIME) "INSERT INTO o SELECT id, IF(id % 2 = 0, 'a/b', 'c'), v, " TENS " FROM a;" },
    { .name = "partitions-by-clock", .first = 1, .then = 1, .outputs = { "/out/o" }, .rows = 300, .batch = 8,
      .commit_every = 12,
      .script = INPUT PARTITIONED("o", BY_CLOCK) "INSERT INTO o SELECT id, k, v, 'x' FROM a WHERE id % 3 <> 0;" },
    { .name = "overwrite", .first = 2, .then = 1, .outputs = { "/out/o" }, .rows = 420, .batch = 4, .commit_every = 6,
      .old = "/out/o/below/old.json",
      .script = INPUT OUT("o", "id BIGINT, k STRING") "INSERT OVERWRITE o SELECT id, k FROM a;" },
    { .name = "overwrite-partitions", .first = 1, .then = 2, .outputs = { "/out/o" }, .rows = 360, .batch = 6, .commit_every = 8,
      .old = "/out/o/t=2026-01-01 00%3A00%3A10/k=key-1/old.json",
      .script = INPUT PARTITIONED("o", BY_TIME) "INSERT OVERWRITE o SELECT id, k, v, " TENS " FROM a;" },
    { .name = "stateless", .first = 1, .then = 1, .outputs = { "/out/o" }, .rows = 300, .batch = 8, .commit_every = 12,
      .script = INPUT OUT("o", "id BIGINT, k STRING, w INT") "INSERT INTO o SELECT id, UPPER(k), v * 2 FROM a WHERE v % 7 <> 0;" },
    { .name = "stateless-rescale", .first = 1, .then = 2, .outputs = { "/out/o" }, .rows = 420, .batch = 8,
      .commit_every = 10,
      .script = INPUT OUT("o", "id BIGINT, k STRING") "INSERT INTO o SELECT id, k FROM a;" },
    { .name = "group-by", .first = 1, .then = 1, .updating = true, .outputs = { "/out/o" }, .rows = 240, .batch = 6,
      .commit_every = 14,
      .script = INPUT OUT_AS("o", "k STRING, n BIGINT, s INT, m INT", "debezium-json")
                "INSERT INTO o SELECT k, COUNT(*), SUM(v), MAX(v) FROM a GROUP BY k;" },
    { .name = "group-by-distinct", .first = 2, .then = 1, .updating = true, .outputs = { "/out/o" }, .rows = 450,
      .batch = 4, .commit_every = 6,
      .script = INPUT OUT_AS("o", "k STRING, d BIGINT, f BIGINT", "debezium-json")
                "INSERT INTO o SELECT k, COUNT(DISTINCT v), COUNT(*) FILTER (WHERE v > 50) FROM a GROUP BY k;" },
    { .name = "group-over-group", .first = 1, .then = 2, .updating = true, .outputs = { "/out/o" }, .rows = 400, .batch = 3,
      .commit_every = 8,
      .script = INPUT OUT_AS("o", "n BIGINT, c BIGINT, m INT", "debezium-json")
                "INSERT INTO o SELECT n, COUNT(*), MAX(top) FROM (SELECT k, COUNT(*) AS n, MIN(v) AS top FROM a GROUP BY k) "
                "GROUP BY n;" },
    { .name = "tumble", .first = 1, .then = 1, .outputs = { "/out/o" }, .rows = 300, .batch = 6, .commit_every = 14,
      .script = INPUT OUT("o", "s TIMESTAMP(3), k STRING, n BIGINT, t INT")
                "INSERT INTO o SELECT window_start, k, COUNT(*), SUM(v) FROM TUMBLE(TABLE a, DESCRIPTOR(ts), INTERVAL '5' "
                "SECOND) GROUP BY window_start, window_end, k;" },
    { .name = "tumble-rescale", .first = 1, .then = 3, .outputs = { "/out/o" }, .rows = 700, .batch = 3, .commit_every = 6,
      .script = INPUT OUT("o", "s TIMESTAMP(3), k STRING, n BIGINT, m STRING")
                "INSERT INTO o SELECT window_start, k, COUNT(*), MAX(k || CAST(v AS STRING)) FROM TUMBLE(TABLE a, "
                "DESCRIPTOR(ts), INTERVAL '5' SECOND) GROUP BY window_start, window_end, k;" },
    { .name = "hop", .first = 1, .then = 1, .outputs = { "/out/o" }, .rows = 240, .batch = 6, .commit_every = 14,
      .script = INPUT OUT("o", "e TIMESTAMP(3), k STRING, n BIGINT, m INT")
                "INSERT INTO o SELECT window_end, k, COUNT(*), MAX(v) FROM HOP(TABLE a, DESCRIPTOR(ts), INTERVAL '2' SECOND, "
                "INTERVAL '10' SECOND) GROUP BY window_start, window_end, k;" },
    { .name = "cumulate-distinct", .first = 2, .then = 1, .outputs = { "/out/o" }, .rows = 300, .batch = 4,
      .commit_every = 6,
      .script = INPUT OUT("o", "e TIMESTAMP(3), k STRING, d BIGINT")
                "INSERT INTO o SELECT window_end, k, COUNT(DISTINCT v) FROM CUMULATE(TABLE a, DESCRIPTOR(ts), INTERVAL '2' "
                "SECOND, INTERVAL '10' SECOND) GROUP BY window_start, window_end, k;" },
    { .name = "windows-over-windows", .first = 1, .then = 2, .outputs = { "/out/o" }, .rows = 500, .batch = 4,
      .commit_every = 8,
      .script = INPUT OUT("o", "s TIMESTAMP(3), n BIGINT, m BIGINT")
                "INSERT INTO o SELECT window_start, COUNT(*), MAX(n) FROM (SELECT window_start, window_end, k, COUNT(*) AS n FROM "
                "TUMBLE(TABLE a, DESCRIPTOR(ts), INTERVAL '1' SECOND) GROUP BY window_start, window_end, k) GROUP BY "
                "window_start, window_end;" },
    { .name = "statement-set", .first = 1, .then = 1, .outputs = { "/out/o", "/out/q" }, .rows = 240, .batch = 6,
      .commit_every = 14,
      .script = INPUT OUT("o", "id BIGINT, v INT") OUT("q", "s TIMESTAMP(3), n BIGINT")
                "EXECUTE STATEMENT SET BEGIN INSERT INTO o SELECT id, v FROM a WHERE v < 40; INSERT INTO q SELECT window_start, "
                "COUNT(*) FROM TUMBLE(TABLE a, DESCRIPTOR(ts), INTERVAL '5' SECOND) GROUP BY window_start, window_end; END;" },
    { .name = "two-jobs", .first = 1, .then = 1, .outputs = { "/out/o", "/out/q" }, .rows = 160, .batch = 6,
      .commit_every = 14,
      .script = INPUT OUT("o", "id BIGINT, v INT") OUT("q", "id BIGINT, k STRING")
                "INSERT INTO o SELECT id, v FROM a WHERE v < 40; INSERT INTO q SELECT id, k FROM a;" },
    { .name = "shuffle", .first = 3, .then = 3, .updating = true, .outputs = { "/out/o" }, .rows = 900, .batch = 2,
      .commit_every = 4,
      .script = INPUT OUT_AS("o", "k STRING, n BIGINT, s INT", "debezium-json")
                "INSERT INTO o SELECT k, COUNT(*), SUM(v) FROM a GROUP BY k;" },
    { .name = "late-rows", .first = 1, .then = 2, .outputs = { "/out/o", "/out/late" }, .rows = 500, .batch = 6,
      .commit_every = 8, .files = 1, .late = true,
      .script = INPUT OUT("o", "s TIMESTAMP(3), n BIGINT") OUT("late", "id BIGINT, k STRING, v INT, ts TIMESTAMP(3)")
                "SET 'late.table' = 'late';\n"
                "INSERT INTO o SELECT window_start, COUNT(*) FROM TUMBLE(TABLE a, DESCRIPTOR(ts), INTERVAL '1' SECOND) GROUP BY "
                "window_start, window_end;" },
    { .name = "dead-letters", .first = 1, .then = 3, .outputs = { "/out/o", "/letters" }, .rows = 300, .batch = 6,
      .commit_every = 10, .bad = true,
      .script = INPUT OUT("o", "id BIGINT, v INT") "INSERT INTO o SELECT id, v FROM a;" },
};
#define N_SCENARIOS (sizeof scenarios / sizeof *scenarios)

/* ---- the world of one run ---- */

struct world {
    struct sim *sim;
    const struct scenario *sc;
    uint64_t seed;
    uint32_t planted;
    uint64_t commits, snapshots, first_commit_call, last_commit_call;
};

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ULL;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

/* Files of rows, slightly out of order. */
static void put_inputs(struct world *w)
{
    struct buf text;
    buf_init(&text, budget_process(), 64u << 20);
    int files = w->sc->files ? w->sc->files : 3;
    for (int file = 0; file < files; file++) {
        buf_clear(&text);
        for (int i = 0; i < w->sc->rows / files; i++) {
            uint64_t r = mix((uint64_t)(file * 100000 + i) + 17);
            int second = i / 4 + (int)(r % 2) - (w->sc->late && r % 11 == 0 ? 9 : 0);
            if (second < 0)
                second = 0;
            if (w->sc->bad && r % 5 == 0 && !buf_printf(&text, "{\"id\": \"%d of them is not a number\"}\n", i))
                abort();
            bool ok = buf_printf(&text, "{\"id\": %d, \"k\": \"key-%d\", \"v\": %d, \"ts\": \"2026-01-01 00:%02d:%02d.%03d\"}\n",
                                 file * 1000 + i, (int)(r >> 8 & 0xffff) % 9, (int)((r >> 16) % 100), second / 60, second % 60,
                                 (int)((r >> 24) % 1000));
            if (!ok)
                abort();
        }
        char path[40];
        snprintf(path, sizeof path, "/in/a/%d.json", file);
        if (sim_put_file(w->sim, path, text.data, text.len) != ST_OK)
            abort();
    }
    static const char stood[] = "a line that stood there before\n";
    if (w->sc->bad && sim_put_file(w->sim, LETTERS, stood, sizeof stood - 1) != ST_OK)
        abort();
    buf_release(&text);
    if (w->sc->old && sim_put_file(w->sim, w->sc->old, stood, sizeof stood - 1) != ST_OK)
        abort();
}

enum outcome { FINISHED, STOPPED, CRASHED, FAILED };

static enum status ignore_print(void *arg, struct str bytes, struct error *err)
{
    (void)arg, (void)bytes, (void)err;
    return ST_OK;
}

/* Starts every INSERT of the script. */
static enum status start_jobs(struct engine *e, const char *script, struct job **jobs, uint32_t *n, struct error *err)
{
    struct str text = str_from(script);
    size_t pos = 0;
    *n = 0;
    for (;;) {
        struct action a;
        TRY(session_next(engine_session(e), text, &pos, &a, err));
        bool end = a.kind == ACTION_END;
        enum status st = ST_OK;
        if (a.kind == ACTION_INSERT)
            st = engine_start(e, &a, &jobs[*n], err), *n += st == ST_OK;
        action_release(&a);
        if (st != ST_OK || end)
            return st;
    }
}

static void note_commits(struct world *w, struct job *const *jobs, uint32_t n, uint64_t *seen)
{
    for (uint32_t i = 0; i < n; i++) {
        struct job_stats s;
        job_stats(jobs[i], &s);
        if (s.commits > seen[i]) {
            w->commits += s.commits - seen[i];
            seen[i] = s.commits;
            if (!w->first_commit_call)
                w->first_commit_call = sim_calls(w->sim);
            w->last_commit_call = sim_calls(w->sim);
        }
    }
}

static void note_snapshots(struct world *w, struct job *const *jobs, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct job_stats s;
        job_stats(jobs[i], &s);
        w->snapshots += s.snapshots;
    }
}

/* Steps all jobs in seeded order until they end, `stop_after` commits are made (then a clean stop), or power is lost. */
static enum outcome drive(struct world *w, struct job **jobs, uint32_t n, uint64_t stop_after, struct error *err)
{
    uint64_t r = mix(w->seed ^ 0x5eed), commits0 = w->commits, seen[8] = { 0 };
    bool over[8] = { 0 }, stopped = false;
    uint32_t left = n, commit_in = (uint32_t)w->sc->commit_every;
    enum outcome result = FINISHED;
    for (uint32_t step = 0; left && step < STEPS_MAX; step++) {
        r = mix(r + step);
        uint32_t i = (uint32_t)(r % n);
        enum job_progress p = over[i] ? JOB_IDLE : job_step(jobs[i], err);
        if (sim_crashed(w->sim))
            return CRASHED;
        if (p == JOB_FAILED)
            return FAILED;
        if (p == JOB_DONE || p == JOB_STOPPED) {
            over[i] = true;
            left--;
            result = p == JOB_STOPPED ? STOPPED : result;
        }
        if ((r >> 20) % 3 == 0 || p == JOB_IDLE)
            sim_work_some(w->sim, 1 + (uint32_t)((r >> 32) % 2));
        if (p == JOB_IDLE)
            sim_advance_ms(w->sim, 1);
        if (--commit_in == 0) {
            commit_in = (uint32_t)w->sc->commit_every;
            for (uint32_t k = 0; k < n; k++) {
                if (over[k])
                    continue;
                job_commit(jobs[k]);
                if ((r >> 40) % 4 == 0)
                    job_force_snapshot(jobs[k]);
            }
        }
        note_commits(w, jobs, n, seen);
        if (!stopped && stop_after && w->commits - commits0 >= stop_after) {
            stopped = true;
            for (uint32_t k = 0; k < n; k++)
                job_stop(jobs[k]);
        }
    }
    note_snapshots(w, jobs, n);
    if (left) {
        error_set(err, ST_BUG, "the jobs did not end within %u steps", STEPS_MAX);
        return FAILED;
    }
    return result;
}

/* One process: start, run, end. */
static enum outcome process(struct world *w, uint32_t parallelism, uint64_t stop_after, struct error *err)
{
    struct engine_config c = {
        .os = sim_os(w->sim), .parallelism = parallelism, .capacity = (uint32_t)w->sc->batch,
        .ring_capacity = 1, .commit_interval_ms = INT64_MAX, .state_dir = "/state", .min_snapshot_bytes = 1 << 30, .print = ignore_print,
        .seed = w->seed, .planted = w->planted, .dead_letter = w->sc->bad ? LETTERS : NULL,
        .bad_input = w->sc->bad ? BAD_DEAD_LETTER : BAD_FAIL,
    };
    struct engine *e = NULL;
    struct job *jobs[8];
    uint32_t n = 0;
    enum status st = engine_new(&c, &e, err);
    if (st == ST_OK)
        st = start_jobs(e, w->sc->script, jobs, &n, err);
    enum outcome o = st != ST_OK ? (sim_crashed(w->sim) ? CRASHED : FAILED) : drive(w, jobs, n, stop_after, err);
    while (sim_work_waiting(w->sim)) /* a job is not freed under its background work; without power it changes nothing */
        sim_work_some(w->sim, 16);
    engine_free(e);
    return o;
}

/* ---- what was written ---- */

struct counted {
    struct str line;
    int64_t n;
};

struct lines {
    struct arena arena;
    struct map map;
    uint32_t files;
};

static bool add_line(struct lines *l, struct str line, int64_t n)
{
    struct counted *c = map_get(&l->map, line);
    if (!c) {
        c = ARENA_NEW(&l->arena, struct counted);
        c->line = arena_str(&l->arena, line);
        if (!map_put(&l->map, c->line, c))
            abort();
    }
    c->n += n;
    return true;
}

/* "before" or "after" of a debezium record: its object's text, or empty for null. */
static struct str member(struct str line, const char *name)
{
    char key[16];
    snprintf(key, sizeof key, "\"%s\":", name);
    int64_t at = str_find(line, str_from(key), 0);
    if (at < 0)
        return (struct str){ NULL, 0 };
    size_t i = (size_t)at + strlen(key);
    if (i >= line.len || line.ptr[i] != '{')
        return (struct str){ NULL, 0 };
    size_t end = i;
    while (end < line.len && line.ptr[end] != '}')
        end++;
    return str_make(line.ptr + i, end + 1 - i);
}

static bool add_text(struct lines *l, struct str text, bool updating, const char *dir, char *why, size_t why_len)
{
    if (text.len && text.ptr[text.len - 1] != '\n') {
        snprintf(why, why_len, "%s: a file ends in a torn line", dir);
        return false;
    }
    while (text.len) {
        struct str line = str_split(&text, '\n');
        if (line.len == 0)
            continue;
        struct buf named;
        buf_init(&named, budget_process(), 1u << 20);
        struct str before = updating ? member(line, "before") : (struct str){ NULL, 0 };
        struct str after = updating ? member(line, "after") : line;
        if (before.len && buf_printf(&named, "%s %.*s", dir, STR_ARG(before)))
            add_line(l, buf_str(&named), -1);
        buf_clear(&named);
        if (after.len && buf_printf(&named, "%s %.*s", dir, STR_ARG(after)))
            add_line(l, buf_str(&named), 1);
        buf_release(&named);
    }
    return true;
}

#define MARK "_SUCCESS"

/* The lines of a folder's files, and of those below; marks as lines, too. `unfinished`: hidden files are passed over. */
static bool read_folder(struct world *w, const char *dir, struct lines *l, bool unfinished, char *why, size_t why_len)
{
    struct os *os = sim_os(w->sim);
    struct error err = { 0 };
    struct os_name *names;
    uint32_t n = 0;
    if (os->ops->list(os, dir, &l->arena, &names, &n, &err) != ST_OK)
        n = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct str path = arena_printf(&l->arena, "%s/%.*s", dir, STR_ARG(names[i].name));
        if (names[i].is_directory && !read_folder(w, path.ptr, l, unfinished, why, why_len))
            return false;
        if (str_eq(names[i].name, STR(MARK)))
            add_line(l, path, 1);
        if (names[i].is_directory || str_eq(names[i].name, STR(MARK)) || (unfinished && names[i].name.ptr[0] == '.'))
            continue;
        if (names[i].name.ptr[0] == '.') {
            snprintf(why, why_len, "%s: a hidden file is left: %.*s", dir, STR_ARG(names[i].name));
            return false;
        }
        struct buf text;
        buf_init(&text, budget_process(), 64u << 20);
        bool ok = sim_get_file(w->sim, path.ptr, &text) && add_text(l, buf_str(&text), w->sc->updating, dir, why, why_len);
        buf_release(&text);
        l->files++;
        if (!ok)
            return false;
    }
    return true;
}

/* After a loss of power: a folder with a mark has all the rows that it will ever have. */
static bool marks_hold(struct world *w, struct lines *want, char *why, size_t why_len)
{
    struct lines got;
    bool ok = true;
    if (!strstr(w->sc->script, "'partition-time'"))
        return true;
    arena_init(&got.arena, budget_process());
    map_init(&got.map, &got.arena, false);
    got.files = 0;
    for (int d = 0; d < MAX_DIRS && w->sc->outputs[d] && ok; d++)
        ok = read_folder(w, w->sc->outputs[d], &got, true, why, why_len);
    for (struct map_entry *m = map_next(&got.map, NULL); m && ok; m = map_next(&got.map, m)) {
        if (!str_ends(m->key, STR("/" MARK)))
            continue;
        struct str folder = str_make(m->key.ptr, m->key.len - sizeof MARK);
        for (struct map_entry *e = map_next(&want->map, NULL); e && ok; e = map_next(&want->map, e)) {
            struct counted *c = e->value, *g = map_get(&got.map, c->line);
            bool inside = str_starts(c->line, folder) && c->line.ptr[folder.len] == ' ';
            ok = !inside || (g && g->n == c->n);
            if (!ok)
                snprintf(why, why_len, "%.*s is marked and lacks %.*s", STR_ARG(folder), STR_ARG(c->line));
        }
    }
    arena_release(&got.arena);
    return ok;
}

static bool read_outputs(struct world *w, struct lines *l, char *why, size_t why_len)
{
    sim_crash_at(w->sim, 0); /* one that has not come yet must not hit the reader */
    arena_init(&l->arena, budget_process());
    map_init(&l->map, &l->arena, false);
    l->files = 0;
    for (int d = 0; d < MAX_DIRS && w->sc->outputs[d]; d++)
        if (!read_folder(w, w->sc->outputs[d], l, false, why, why_len))
            return false;
    return true;
}

static void lines_release(struct lines *l)
{
    arena_release(&l->arena);
}

static bool same_lines(struct lines *want, struct lines *got, char *why, size_t why_len)
{
    bool verbose = getenv("CRASH_VERBOSE") != NULL;
    for (struct map_entry *e = map_next(&got->map, NULL); verbose && e; e = map_next(&got->map, e)) {
        struct counted *g = e->value, *w = map_get(&want->map, g->line);
        if (g->n != (w ? w->n : 0))
            printf("  got %lld, wanted %lld: %.*s\n", (long long)g->n, (long long)(w ? w->n : 0), STR_ARG(g->line));
    }
    for (struct map_entry *e = map_next(&want->map, NULL); e; e = map_next(&want->map, e)) {
        struct counted *w = e->value, *g = map_get(&got->map, w->line);
        if (w->n != (g ? g->n : 0)) {
            snprintf(why, why_len, "%.*s: wanted %lld, got %lld", STR_ARG(w->line), (long long)w->n, (long long)(g ? g->n : 0));
            return false;
        }
    }
    for (struct map_entry *e = map_next(&got->map, NULL); e; e = map_next(&got->map, e)) {
        struct counted *g = e->value;
        if (g->n && !map_get(&want->map, g->line)) {
            snprintf(why, why_len, "%.*s: wanted none, got %lld", STR_ARG(g->line), (long long)g->n);
            return false;
        }
    }
    return true;
}

/* ---- runs ---- */

static struct world new_world(const struct scenario *sc, uint64_t seed, uint32_t planted)
{
    struct world w = { .sc = sc, .seed = seed, .planted = planted };
    w.sim = sim_new(seed, budget_process());
    if (!w.sim)
        abort();
    put_inputs(&w);
    return w;
}

/* The whole story without a crash: some commits, a clean stop, another parallelism, the end. */
static enum outcome whole(struct world *w, struct error *err)
{
    enum outcome o = process(w, w->sc->first, 8, err);
    if (o == STOPPED)
        o = process(w, w->sc->then, 0, err);
    return o;
}

struct reference {
    struct lines lines;
    uint64_t calls, commits, snapshots, first, last;
};

static bool make_reference(const struct scenario *sc, uint64_t seed, struct reference *r, char *why, size_t why_len)
{
    struct error err = { 0 };
    struct world w = new_world(sc, seed, 0);
    memset(r, 0, sizeof *r);
    arena_init(&r->lines.arena, budget_process());
    enum outcome o = whole(&w, &err);
    r->calls = sim_calls(w.sim);
    r->commits = w.commits;
    r->snapshots = w.snapshots;
    r->first = w.first_commit_call;
    r->last = w.last_commit_call;
    bool ok = o == FINISHED;
    if (!ok)
        snprintf(why, why_len, "the uninterrupted run failed: %s %s", err.message, err.place);
    ok = ok && read_outputs(&w, &r->lines, why, why_len);
    sim_free(w.sim);
    return ok;
}

/* Loses power at call `point`, then goes on to the end. false: the outputs differ. */
static bool one_crash(const struct scenario *sc, uint64_t seed, uint64_t point, enum sim_mood mood, uint32_t planted,
                      struct reference *ref, char *why, size_t why_len)
{
    struct error err = { 0 };
    struct world w = new_world(sc, seed, planted);
    sim_crash_at(w.sim, point);
    sim_trace(w.sim, getenv("CRASH_VERBOSE") != NULL);
    enum outcome o = whole(&w, &err);
    for (int lives = 0; o == CRASHED && lives < 3; lives++) {
        sim_power_cycle(w.sim, mood);
        if (!planted && !marks_hold(&w, &ref->lines, why, why_len)) {
            sim_free(w.sim);
            return false;
        }
        if (lives == 0 && point % 3 == 0)
            sim_crash_at(w.sim, sim_calls(w.sim) + 1 + mix(point) % 60); /* and once more, while it recovers */
        error_clear(&err);
        o = process(&w, w.sc->then, 0, &err);
    }
    if (getenv("CRASH_VERBOSE"))
        for (uint64_t c = point > 25 ? point - 25 : 1; c <= sim_calls(w.sim); c++)
            printf("  %llu %s%s\n", (unsigned long long)c, sim_call_name(w.sim, c), c == point ? "  <- power lost" : "");
    bool ok = o == FINISHED;
    if (!ok)
        snprintf(why, why_len, "after the crash: %s %s", err.message, err.place);
    struct lines got;
    if (ok) {
        ok = read_outputs(&w, &got, why, why_len) && same_lines(&ref->lines, &got, why, why_len);
        lines_release(&got);
    }
    sim_free(w.sim);
    return ok;
}

static const char *const mood_names[SIM_MOODS] = { "drop", "keep", "reorder", "tear" };

/* The uninterrupted run must be worth crashing. */
static bool worthy(const struct scenario *sc, const struct reference *r, char *why, size_t why_len)
{
    if (r->commits < 20 || r->snapshots < 3 || r->lines.files < 2) {
        snprintf(why, why_len, "%s makes %llu commits (20 wanted), %llu snapshots (3), %u files (2)", sc->name,
                 (unsigned long long)r->commits, (unsigned long long)r->snapshots, r->lines.files);
        return false;
    }
    if ((r->last - r->first) * 2 < r->calls) {
        snprintf(why, why_len, "%s: only %llu of %llu calls lie between its commits", sc->name,
                 (unsigned long long)(r->last - r->first), (unsigned long long)r->calls);
        return false;
    }
    return true;
}

static int run_scenario(const struct scenario *sc, uint64_t every)
{
    char why[600] = "";
    struct reference ref;
    uint64_t points = 0, failed = 0;
    if (!make_reference(sc, 1, &ref, why, sizeof why) || !worthy(sc, &ref, why, sizeof why)) {
        printf("not ok crash %s: %s\n", sc->name, why);
        lines_release(&ref.lines);
        return 1;
    }
    for (uint64_t point = 1; point <= ref.calls; point++) {
        if (every > 1 && mix(point * 31 + 7) % every)
            continue;
        for (int mood = 0; mood < SIM_MOODS; mood++) {
            points++;
            if (!one_crash(sc, 1, point, (enum sim_mood)mood, 0, &ref, why, sizeof why) && failed++ < 3)
                printf("# %s, call %llu, mood %s: %s\n", sc->name, (unsigned long long)point, mood_names[mood], why);
        }
    }
    printf("%s crash %s: %llu points of %llu calls, %llu commits, %llu snapshots, %u files, %llu failed\n",
           failed ? "not ok" : "ok", sc->name, (unsigned long long)points, (unsigned long long)ref.calls,
           (unsigned long long)ref.commits, (unsigned long long)ref.snapshots, ref.lines.files, (unsigned long long)failed);
    lines_release(&ref.lines);
    fflush(stdout);
    return failed != 0;
}

/* One crash, the first difference (CRASH_VERBOSE set: every one). */
static int show_one(const char *name, uint64_t point, int mood)
{
    for (size_t i = 0; i < N_SCENARIOS; i++) {
        struct reference ref;
        char why[600] = "";
        if (strcmp(scenarios[i].name, name) != 0)
            continue;
        bool ok = make_reference(&scenarios[i], 1, &ref, why, sizeof why) &&
                  one_crash(&scenarios[i], 1, point, (enum sim_mood)mood, 0, &ref, why, sizeof why);
        printf("%s %s\n", ok ? "ok" : "not ok", why);
        lines_release(&ref.lines);
        return !ok;
    }
    return 2;
}

static int run_seeds(uint64_t from, uint64_t to)
{
    uint64_t failed = 0;
    char why[600] = "";
    for (uint64_t seed = from; seed < to; seed++) {
        const struct scenario *sc = &scenarios[mix(seed) % N_SCENARIOS];
        struct reference ref;
        if (!make_reference(sc, seed, &ref, why, sizeof why)) {
            lines_release(&ref.lines);
            printf("# seed %llu, %s: %s\n", (unsigned long long)seed, sc->name, why);
            failed++;
            continue;
        }
        uint64_t point = 1 + mix(seed + 1) % ref.calls;
        enum sim_mood mood = (enum sim_mood)(mix(seed + 2) % SIM_MOODS);
        if (!one_crash(sc, seed, point, mood, 0, &ref, why, sizeof why)) {
            printf("# seed %llu, %s, call %llu, mood %s: %s\n", (unsigned long long)seed, sc->name,
                   (unsigned long long)point, mood_names[mood], why);
            failed++;
        }
        lines_release(&ref.lines);
    }
    printf("%s crash seeds %llu to %llu: %llu failed\n", failed ? "not ok" : "ok", (unsigned long long)from,
           (unsigned long long)to, (unsigned long long)failed);
    return failed != 0;
}

static const struct {
    const char *name;
    uint32_t bug;
    bool letters; /* only scenarios with bad records can show it */
} bugs[] = {
    { "lost deltas", JOB_BUG_LOST_DELTAS },       { "lost timers", JOB_BUG_LOST_TIMERS },
    { "early publish", JOB_BUG_EARLY_PUBLISH },   { "no truncation", JOB_BUG_NO_TRUNCATE },
    { "journal not synced", JOB_BUG_NO_SYNC },    { "files not synced", JOB_BUG_NO_FLUSH },
    { "lost positions", JOB_BUG_LOST_POSITION },  { "old positions", JOB_BUG_OLD_POSITION },
    { "eager positions", JOB_BUG_EAGER_POSITION }, { "lost watermarks", JOB_BUG_LOST_WATERMARK },
    { "lost drops", JOB_BUG_LOST_DROPS },         { "orphans kept", JOB_BUG_NO_ORPHANS },
    { "wrong shard", JOB_BUG_WRONG_SHARD },       { "stale snapshot", JOB_BUG_STALE_SNAPSHOT },
    { "no alignment", JOB_BUG_NO_ALIGN },         { "letters kept", JOB_BUG_LETTERS_KEPT, true },
    { "letters not synced", JOB_BUG_LETTERS_NO_SYNC, true },
};

/* A bug is caught when some crash of some scenario gives another output (or an error, or a run that never ends). */
static bool caught(uint32_t bug, bool letters, char *where, size_t len)
{
    for (size_t i = 0; i < N_SCENARIOS; i++) {
        struct reference ref;
        char why[600] = "";
        bool found = false;
        if (letters && !scenarios[i].bad)
            continue;
        if (!make_reference(&scenarios[i], 1, &ref, why, sizeof why))
            return false;
        for (uint64_t k = 0; k < 80 && !found; k++) {
            uint64_t point = ref.first + mix(k + i * 100) % (ref.last - ref.first + 1);
            found = !one_crash(&scenarios[i], 1, point, (enum sim_mood)(k % SIM_MOODS), bug, &ref, why, sizeof why);
            if (found)
                snprintf(where, len, "%s, call %llu: %s", scenarios[i].name, (unsigned long long)point, why);
        }
        lines_release(&ref.lines);
        if (found)
            return true;
    }
    return false;
}

static int run_bugs(void)
{
    int missed = 0;
    for (size_t i = 0; i < sizeof bugs / sizeof *bugs; i++) {
        char where[700] = "";
        bool found = caught(bugs[i].bug, bugs[i].letters, where, sizeof where);
        printf("%s crash bug '%s' is caught (%.160s)\n", found ? "ok" : "not ok", bugs[i].name, where);
        fflush(stdout);
        missed += !found;
    }
    return missed != 0;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "bugs") == 0)
        return run_bugs();
    if (argc >= 4 && strcmp(argv[1], "seeds") == 0)
        return run_seeds(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    if (argc >= 5 && strcmp(argv[1], "show") == 0)
        return show_one(argv[2], strtoull(argv[3], NULL, 10), atoi(argv[4]));
    if (argc >= 4 && strcmp(argv[1], "run") == 0) {
        int bad = 0;
        size_t part = argc >= 6 ? (size_t)atoi(argv[4]) : 0, of = argc >= 6 ? (size_t)atoi(argv[5]) : 1;
        for (size_t i = part; i < N_SCENARIOS; i += of)
            if (strcmp(argv[2], "all") == 0 || strcmp(argv[2], scenarios[i].name) == 0)
                bad |= run_scenario(&scenarios[i], strtoull(argv[3], NULL, 10));
        return bad;
    }
    for (size_t i = 0; i < N_SCENARIOS; i++)
        puts(scenarios[i].name);
    return argc >= 2 && strcmp(argv[1], "list") == 0 ? 0 : 2;
}
