/* Private to the test connector: the hub as its readers and writers see it. */
#pragma once

#include "connect/private.h"

enum entry_kind { ENTRY_LINE, ENTRY_WATERMARK };

struct hub_entry {
    enum entry_kind kind;
    struct str line;
    int64_t watermark_ms;
};

struct hub_reader { /* embedded in the connector's reader */
    struct hub_reader *next;
    struct hub_table *table;
    struct os *os;
    struct os_signal *wake;
    uint32_t at, stop; /* next entry; UINT32_MAX: no stop (else: bounded by what there was) */
    bool ended;
};

/* Rows of one writer's epoch, prepared and not yet published. */
struct hub_pending {
    struct hub_pending *next;
    uint64_t job_id, epoch;
    uint32_t subtask;
    ARRAY(struct test_row) rows;
};

/* Where a reader without a position began, so that it begins there again after a crash. */
struct hub_start {
    uint64_t job_id;
    uint32_t at, crashes;
};

struct hub_table {
    struct str name;
    ARRAY(struct hub_entry) entries;
    ARRAY(struct str) lines, bad;
    ARRAY(struct test_row) rows; /* published */
    ARRAY(struct hub_start) starts;
    struct hub_pending *pending, **pending_end;
    struct hub_reader *readers;
    bool ended;
};

struct test_hub {
    struct arena arena;
    struct map tables;
    atomic_flag busy;
    uint32_t batch_rows, crashes;
    bool all_ended;
};

void hub_lock(struct test_hub *h);
void hub_unlock(struct test_hub *h);
/* Made when it is not there; NULL: no memory. Under the lock. */
struct hub_table *hub_table(struct test_hub *h, struct str name);

/* What the connector's writer hands over: an epoch's rows, texts in the hub's arena. */
enum status hub_prepare(struct test_hub *h, struct str table, const struct hub_pending *p, struct error *err);
enum status hub_publish(struct test_hub *h, struct str table, uint64_t job_id, uint32_t subtask, uint64_t epoch,
                        struct error *err);
/* Publishes what the commits name and forgets the job's other pending rows. */
enum status hub_restore(struct test_hub *h, struct str table, uint64_t job_id, const struct sink_commit *commits,
                        uint32_t n, struct error *err);

/* What reads lines: the array's decoder; with metadata columns also one for the object behind it, and its row. */
struct test_lines {
    struct decoder *columns, *metadata; /* metadata NULL: no such columns */
    struct schema keys;
    struct batch *row;
};
enum status test_lines_open(struct test_lines *l, const struct table_desc *t, const struct zone *zone, struct arena *a,
                            struct budget *b, struct error *err) MUST_USE;
void test_lines_release(struct test_lines *l);
/* A line of `input` as a row behind those of `out`, which has room. ST_DATA: what is wrong with it. */
enum status test_parse_line(struct test_lines *l, struct str line, uint32_t kinds, struct batch *out,
                            char ret_reason[200], uint32_t *ret_column, struct error *err);
/* CAST(x AS STRING), but map entries sorted by text. */
bool test_print(struct buf *out, const struct column *c, uint32_t row, const struct zone *zone) MUST_USE;
