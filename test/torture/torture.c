/* Fails every allocation that can fail, one after another, in small jobs over the simulated machine: each run must end with a
 * named error or as if nothing had happened (then its output is that of a run without failures, netted), without a crash or a leak
 * (the address sanitizer watches).
 *
 *     torture FIFTH    every FIFTH-th allocation (1: every one) */
#include <stdio.h>
#include <stdlib.h>

#include "engine/engine.h"
#include "os/sim.h"

#define INPUT                                                                                                    \
    "CREATE TABLE a (id BIGINT, k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND) " \
    "WITH ('connector' = 'filesystem', 'path' = '/in', 'format' = 'json');\n"
#define OUT(cols, format)                                                                                        \
    "CREATE TABLE o (" cols ") WITH ('connector' = 'filesystem', 'path' = '/out', 'format' = '" format "');\n"

static const struct {
    const char *name, *script;
    uint32_t parallelism;
} jobs_of[] = {
    { "stateless", INPUT OUT("id BIGINT, k STRING", "json") "INSERT INTO o SELECT id, UPPER(k) || '-long-enough' FROM a WHERE v > 3;", 1 },
    { "group by", INPUT OUT("k STRING, n BIGINT, m INT", "debezium-json") "INSERT INTO o SELECT k, COUNT(*), MAX(v) FROM a GROUP BY k;", 1 },
    { "distinct", INPUT OUT("k STRING, n BIGINT, m STRING", "debezium-json")
      "INSERT INTO o SELECT k, COUNT(DISTINCT v), MAX(k || CAST(id AS STRING) || 'a long tail of text') FROM a GROUP BY k;", 2 },
    { "tumble", INPUT OUT("s TIMESTAMP(3), n BIGINT", "json")
      "INSERT INTO o SELECT window_start, COUNT(*) FROM TUMBLE(TABLE a, DESCRIPTOR(ts), INTERVAL '5' SECOND) GROUP BY window_start, "
      "window_end;", 1 },
    { "hop", INPUT OUT("s TIMESTAMP(3), k STRING, n BIGINT", "csv")
      "INSERT INTO o SELECT window_start, k, SUM(v) FROM HOP(TABLE a, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '6' SECOND) GROUP BY "
      "window_start, window_end, k;", 1 },
    { "retraction", INPUT OUT("n BIGINT, c BIGINT, m STRING", "debezium-json")
      "INSERT INTO o SELECT n, COUNT(*), MIN(k) FROM (SELECT k, COUNT(*) AS n FROM a GROUP BY k) GROUP BY n;", 1 },
    { "distinct in hops", INPUT OUT("e TIMESTAMP(3), n BIGINT, d BIGINT", "json")
      "INSERT INTO o SELECT window_end, COUNT(DISTINCT v), SUM(DISTINCT CAST(v AS BIGINT)) FROM HOP(TABLE a, DESCRIPTOR(ts), "
      "INTERVAL '2' SECOND, INTERVAL '6' SECOND) GROUP BY window_start, window_end;", 2 },
    { "cumulate", INPUT OUT("e TIMESTAMP(3), k STRING, m STRING", "json")
      "INSERT INTO o SELECT window_end, k, MAX(CAST(id AS STRING) || k) FROM CUMULATE(TABLE a, DESCRIPTOR(ts), INTERVAL '1' SECOND, "
      "INTERVAL '5' SECOND) GROUP BY window_start, window_end, k;", 3 },
    { "window over window", INPUT OUT("e TIMESTAMP(3), n BIGINT, a DOUBLE", "json")
      "INSERT INTO o SELECT window_end, COUNT(*), AVG(CAST(s AS DOUBLE)) FROM TUMBLE(TABLE (SELECT window_time AS wt, k, SUM(v) AS s FROM "
      "TUMBLE(TABLE a, DESCRIPTOR(ts), INTERVAL '2' SECOND) GROUP BY window_start, window_end, window_time, k), DESCRIPTOR(wt), "
      "INTERVAL '4' SECOND) GROUP BY window_start, window_end;", 2 },
    { "text and decimals", INPUT OUT("k STRING, d DECIMAL(38, 4), t STRING", "csv")
      "INSERT INTO o SELECT REGEXP_REPLACE(k, 'n[a-z]+r', UPPER(k)), CAST(v AS DECIMAL(38, 4)) / 7, CAST(ts AS STRING) || LPAD(k, 40, '-') "
      "FROM a WHERE k LIKE 'key%';", 1 },
    { "order by", INPUT OUT("id BIGINT, k STRING", "json") "INSERT INTO o SELECT id, k FROM a ORDER BY k DESC, id LIMIT 20 OFFSET 3;", 1 },
    { "statement set", INPUT OUT("k STRING, n BIGINT", "debezium-json")
      "CREATE TABLE p (id BIGINT, k STRING) WITH ('connector' = 'filesystem', 'path' = '/out', 'format' = 'json', "
      "'sink.rolling-policy.file-size' = '1kb');\nCREATE VIEW w AS SELECT id, k FROM a WHERE v > 1 UNION ALL SELECT -id, k FROM a;\n"
      "EXECUTE STATEMENT SET BEGIN INSERT INTO o SELECT k, COUNT(*) FROM w GROUP BY k; INSERT INTO p SELECT id, k FROM w; END;", 2 },
    { "partitions", INPUT "CREATE TABLE o (id BIGINT, k STRING, t STRING) PARTITIONED BY (t, k) WITH ('connector' = 'filesystem', "
      "'path' = '/out', 'format' = 'csv', 'sink.partition-commit.policy.kind' = 'success-file', 'sink.partition-commit.trigger' = "
      "'partition-time');\nINSERT INTO o SELECT id, k, SUBSTRING(DATE_FORMAT(ts, 'yyyy-MM-dd HH:mm:ss') FROM 1 FOR 18) || '0' FROM a;", 2 },
    { "overwrite", INPUT "CREATE TABLE o (id BIGINT, k STRING) PARTITIONED BY (k) WITH ('connector' = 'filesystem', 'path' = '/out', "
      "'format' = 'json');\nINSERT OVERWRITE o SELECT id, k FROM a;", 1 },
    { "altered", INPUT "CREATE DATABASE d; CREATE TABLE d.o (id STRING) WITH ('connector' = 'blackhole');\n"
      "ALTER TABLE d.o SET ('connector' = 'filesystem', 'path' = '/out', 'value.format' = 'json'); ALTER TABLE d.o MODIFY id BIGINT;\n"
      "ALTER TABLE d.o ADD (k STRING COMMENT 'c' AFTER id, x INT FIRST, y AS id + 1, ts TIMESTAMP(3), WATERMARK FOR ts AS ts);\n"
      "ALTER TABLE d.o ADD PRIMARY KEY (id) NOT ENFORCED; ALTER TABLE d.o DROP PRIMARY KEY; ALTER TABLE d.o DROP (x, y);\n"
      "ALTER TABLE d.o RENAME k TO key_text; ALTER TABLE d.o RENAME TO p; USE d; CREATE VIEW v AS SELECT id, k, ts FROM default_database.a;\n"
      "ALTER VIEW v RENAME TO w; SHOW TABLES; SHOW DATABASES; SHOW CREATE TABLE p; SHOW CREATE VIEW w; DESCRIBE p; SHOW COLUMNS IN d.p;\n"
      "SHOW USER FUNCTIONS; SHOW CURRENT DATABASE; INSERT INTO p SELECT d.w.* FROM w; DROP VIEW w; CREATE DATABASE e; DROP DATABASE e;", 1 },
    { "file as a table", OUT("id BIGINT, k STRING, ts TIMESTAMP(3)", "csv") "INSERT INTO o SELECT id, k, ts FROM '/in/*.json';", 1 },
    { "dead letters", "CREATE TABLE a (id BIGINT, v INT, ts TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = '/in', "
      "'format' = 'json');\nCREATE TABLE o (id BIGINT) WITH ('connector' = 'filesystem', 'path' = '/out', 'format' = 'json');\n"
      "INSERT INTO o SELECT id FROM a WHERE v < 50;", 1 },
};

#define STEPS_MAX 200000u

static enum status ignore_print(void *arg, struct str bytes, struct error *err)
{
    (void)arg, (void)bytes, (void)err;
    return ST_OK;
}

static void put_input(struct sim *s)
{
    char line[160];
    static char text[16384];
    size_t len = 0;
    for (int i = 0; i < 60; i++) {
        int n = snprintf(line, sizeof line, "{\"id\": %d, \"k\": \"key number %d\", \"v\": %d, \"ts\": \"2026-01-01 00:00:%02d.000\"}\n", i,
                         i % 7, i % 11, i / 3);
        memcpy(text + len, line, (size_t)n);
        len += (size_t)n;
        if (i % 9 == 4) { /* for the dead letters */
            static const char bad[] = "{\"id\": 1, broken}\n";
            memcpy(text + len, bad, sizeof bad - 1);
            len += sizeof bad - 1;
        }
    }
    if (sim_put_file(s, "/in/a.json", text, len) != ST_OK)
        abort();
}

/* Up to `steps` steps; then the job is left as it stands. */
static enum status drive(struct sim *s, struct job *j, uint32_t steps, uint32_t *ret_steps, struct error *err)
{
    for (uint32_t step = 0; step < steps; step++) {
        *ret_steps = step;
        enum job_progress p = job_step(j, err);
        if (p == JOB_FAILED)
            return err->status;
        if (p == JOB_DONE)
            return ST_OK;
        if (step % 20 == 19)
            job_commit(j);
        if (p == JOB_IDLE || step % 3 == 0)
            sim_work_some(s, 4);
        if (p == JOB_IDLE || step % 64 == 63) /* commits alone keep a job busy that waits for memory */
            sim_advance_ms(s, 1);
    }
    return steps < STEPS_MAX ? ST_OK : error_set(err, ST_BUG, "the job never ended");
}

static enum status run(struct sim *s, const char *script, uint32_t parallelism, uint32_t steps, uint32_t *ret_steps,
                       struct error *err)
{
    struct engine_config c = { .os = sim_os(s), .parallelism = parallelism, .capacity = 8, .commit_interval_ms = INT64_MAX,
                               
                               .bad_input = BAD_DEAD_LETTER, .dead_letter = "/dead", .state_dir = "/state", .print = ignore_print, .seed = 3 };
    struct engine *e = NULL;
    TRY(engine_new(&c, &e, err));
    struct str text = str_from(script);
    size_t pos = 0;
    enum status st;
    for (;;) {
        struct action a = { .kind = ACTION_NOTHING };
        struct job *j = NULL;
        st = session_next(engine_session(e), text, &pos, &a, err);
        if (st != ST_OK)
            break;
        bool end = a.kind == ACTION_END;
        if (a.kind == ACTION_INSERT)
            st = engine_start(e, &a, &j, err);
        action_release(&a);
        if (st == ST_OK && j)
            st = drive(s, j, steps, ret_steps, err);
        if (st != ST_OK || end)
            break;
    }
    while (sim_work_waiting(s)) /* a job is not freed under its background work */
        sim_work_some(s, 16);
    engine_free(e);
    return st;
}

/* Order of lines and an update's detours aside, the same output has the same sum: what is inserted counts up, what is deleted down. */
static uint64_t line_sum(struct str line)
{
    static const char *const sides[] = { "\"before\":{", "\"after\":{" };
    uint64_t sum[2] = { 0, 0 };
    bool found = false;
    for (size_t i = 0; i < 2; i++) {
        int64_t at = str_find(line, str_from(sides[i]), 0), end = at < 0 ? -1 : str_find(line, STR("}"), (size_t)at);
        if (end < 0)
            continue;
        at += (int64_t)strlen(sides[i]);
        sum[i] = hash_bytes(line.ptr + at, (size_t)(end - at));
        found = true;
    }
    return found ? sum[1] - sum[0] : hash_bytes(line.ptr, line.len);
}

static uint64_t sum_folder(struct sim *s, const char *dir, bool deep)
{
    struct os *os = sim_os(s);
    struct arena a;
    struct os_name *names = NULL;
    uint32_t n = 0;
    uint64_t sum = 0;
    arena_init(&a, NULL);
    if (os->ops->list(os, *dir ? dir : "/", &a, &names, &n, NULL) != ST_OK)
        n = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct buf text;
        struct str path = arena_printf(&a, "%s/%.*s", dir, STR_ARG(names[i].name));
        CHECK(path.ptr);
        if (names[i].is_directory) {
            sum += deep ? sum_folder(s, path.ptr, true) : 0;
            continue;
        }
        if (names[i].name.ptr[0] == '_') /* a mark */
            sum += hash_bytes(path.ptr, path.len);
        buf_init(&text, NULL, 1u << 20);
        CHECK(sim_get_file(s, path.ptr, &text));
        for (size_t at = 0; at < text.len;) {
            const uint8_t *end = memchr(text.data + at, '\n', text.len - at);
            size_t len = end ? (size_t)(end - text.data) - at : text.len - at;
            sum += line_sum((struct str){ (const char *)text.data + at, len });
            at += len + 1;
        }
        buf_release(&text);
    }
    arena_release(&a);
    return sum;
}

struct tally {
    uint64_t takes, want; /* of the run without a failure: allocations, and the output's sum */
    uint32_t steps;       /* how many that run took */
    uint32_t broken_off;  /* 0: a fresh run; else it is broken off after so many steps, and the run that takes over is tortured */
    char why[768];
};

/* One run whose nth allocation fails (0: none, and the tally is filled). */
static bool once(size_t job, uint64_t nth, struct tally *t)
{
    struct error err = { 0 };
    uint32_t steps = 0;
    struct sim *s = sim_new(1, NULL);
    put_input(s);
    if (t->broken_off && run(s, jobs_of[job].script, jobs_of[job].parallelism, t->broken_off, &steps, &err) != ST_OK)
        fprintf(stderr, "# %s\n", err.message), abort();
    budget_fail_nth(nth);
    enum status st = run(s, jobs_of[job].script, jobs_of[job].parallelism, STEPS_MAX, &steps, &err);
    uint64_t takes = budget_takes();
    budget_fail_nth(0);
    uint64_t sum = sum_folder(s, "/out", true) + sum_folder(s, "", false); /* the dead letters lie beside it */
    sim_free(s);
    size_t left = atomic_load(&budget_process()->used);
    if (!nth) {
        t->takes = takes;
        t->want = t->broken_off ? t->want : sum;
        t->steps = t->broken_off ? t->steps : steps;
    }
    bool named = st == ST_OK || (st == ST_MEMORY && err.message[0]) || (err.message[0] && st != ST_BUG);
    unsigned long long n = nth;
    if (!named)
        snprintf(t->why, sizeof t->why, "allocation %llu: %s without words: '%s'", n, status_name(st), err.message);
    else if (nth && left != 0)
        snprintf(t->why, sizeof t->why, "allocation %llu: %zu bytes are still charged", n, left);
    else if (!nth && (st != ST_OK || sum == 0))
        snprintf(t->why, sizeof t->why, "fails by itself or writes nothing: %s", err.message);
    else if (st == ST_OK && sum != t->want)
        snprintf(t->why, sizeof t->why, "allocation %llu: ends well with other rows", n);
    else
        return true;
    return false;
}

static bool torture(size_t job, uint64_t every, struct tally *t)
{
    const char *how = t->broken_off ? ", taken over" : "";
    if (!once(job, 0, t)) {
        printf("not ok torture %s%s: %s\n", jobs_of[job].name, how, t->why);
        return false;
    }
    uint64_t failed = 0, points = 0;
    for (uint64_t nth = 1 + job % every; nth <= t->takes; nth += every) {
        points++;
        if (!once(job, nth, t) && failed++ < 3)
            printf("# %s%s: %s\n", jobs_of[job].name, how, t->why);
    }
    printf("%s torture %s%s: %llu of %llu allocations failed in turn, %llu wrong\n", failed ? "not ok" : "ok", jobs_of[job].name, how,
           (unsigned long long)points, (unsigned long long)t->takes, (unsigned long long)failed);
    fflush(stdout);
    return failed == 0;
}

int main(int argc, char **argv)
{
    uint64_t every = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    bool good = true;
    for (size_t job = 0; job < sizeof jobs_of / sizeof *jobs_of; job++) {
        struct tally t = { 0 };
        good &= torture(job, every ? every : 1, &t);
        t.broken_off = t.steps * 2 / 3 + 1;
        good &= torture(job, every ? every : 1, &t);
    }
    return good ? 0 : 1;
}
