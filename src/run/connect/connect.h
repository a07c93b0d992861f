/* Connectors: one folder each, behind the catalog's connector table. */
#pragma once

#include "catalog/catalog.h"
#include "format/format.h"

/* All of them, for the engine to register. */
const struct connector *const *connect_all(uint32_t *ret_count);

/* The log of this process, to one job. */
struct connect_log {
    struct topics *topics;
    /* The outputs of the epoch that is being committed: begun by the first sink that flushes, taken by the commit. One
     * commit at a time touches it. NULL: nothing yet. */
    struct topic_group *group;
};

/* What `connect_context.extra` points to: things that single connectors need from the process. */
struct connect_extra {
    struct test_hub *hub;            /* the 'test' connector's tables; NULL outside of weir test */
    struct connect_log *log;         /* NULL: this process has none */
    struct str brokers;              /* of the cluster that all tables of it are in; ptr NULL: each says where it is */
    /* Is the job to stop? For what waits for a cluster; any thread. NULL: never. */
    bool (*stopping)(void *arg);
    void *stopping_arg;
    /* What somebody should know while a job goes on; any thread but a librdkafka's. NULL: nobody does. */
    void (*warn)(void *arg, struct str table, const char *text);
    void *warn_arg;
    enum result_format print_format; /* of 'print' sinks and SELECT results */
    /* Takes the bytes of print sinks and SELECT results, already committed; called from background work, one
     * call at a time. */
    enum status (*print)(void *arg, struct str bytes, struct error *err);
    void *print_arg;
    atomic_bool printing; /* kept by this room: set while somebody prints */
    atomic_uint sinks;    /* kept by this room: file sinks that this job has opened; 0 when a job starts */
    uint32_t planted;     /* CONNECT_BUG_*: bugs that the crash checker must catch; only tests set them */
};

enum connect_bug {
    CONNECT_BUG_NO_TRUNCATE = 1, /* restore finishes in-progress files at the length that it finds */
    CONNECT_BUG_NO_ORPHANS = 2,  /* restore leaves what no commit names: as if it had been finished */
};

/* ---- the 'test' connector ----
 *
 * A hub keeps, for each test table, what is fed and what was written. It outlives jobs, so that a restart or
 * crash of a job can read again what was not committed. Everything happens on one thread (or under the hub's
 * lock when jobs run with several workers). */
struct test_hub;
struct test_hub *test_hub_new(struct budget *b);
void test_hub_free(struct test_hub *h);

/* Feeds one line of an `input` record (with optional row kind) to a table declared with 'connector' = 'test'.
 * Lines are kept in the hub in order; readers of running jobs take them from there. A table that no job reads
 * keeps them for nobody: each reader starts at the hub's present end unless restored. ST_SEMANTIC: the table is
 * not a test table. */
enum status test_hub_feed(struct test_hub *h, struct str table, struct str line, struct error *err) MUST_USE;
enum status test_hub_watermark(struct test_hub *h, struct str table, int64_t watermark_ms, struct error *err) MUST_USE;
/* The input has ended; table empty: all test tables. */
enum status test_hub_end(struct test_hub *h, struct str table, struct error *err) MUST_USE;
/* Rows a reader gives at once: 1 row by row (the default), N for --batch N. */
void test_hub_batch(struct test_hub *h, uint32_t rows);
/* Everything fed so far has been read by all open readers? */
bool test_hub_drained(const struct test_hub *h);

/* A row written to a test sink, after its commit was published. */
struct test_row {
    uint8_t kind;
    struct str *values; /* n texts of CAST(x AS STRING); NULL is ptr NULL; MAP and MULTISET entries sorted by text */
    uint32_t n;
};
/* Published rows of a sink table from index `from` on; valid until the hub is freed. */
uint32_t test_hub_rows(const struct test_hub *h, struct str table, uint32_t from, const struct test_row **ret);
/* Lines that could not be read, in order, from index `from` on. */
uint32_t test_hub_bad(const struct test_hub *h, struct str table, uint32_t from, const struct str **ret);
/* The lines fed to a table, for `oracle`. */
uint32_t test_hub_lines(const struct test_hub *h, struct str table, const struct str **ret);
/* Called by a `bad` policy of the tester: keeps the line. */
enum status test_hub_take_bad(struct test_hub *h, const struct bad_record *bad) MUST_USE;
/* After a crash: what was written and not published is forgotten (published rows stay). */
void test_hub_crash(struct test_hub *h);
