/* What the connectors of this room share: the list of them, random numbers by counter, the way to
 * standard output, and rows out of a stream of bytes. */
#pragma once

#include "connect/connect.h"
#include "pack/pack.h"

extern const struct connector connector_filesystem, connector_stdin, connector_stdout, connector_datagen,
    connector_nexmark, connector_print, connector_blackhole, connector_test, connector_topic,
    connector_upsert_topic, connector_kafka, connector_upsert_kafka;

/* ST_MEMORY, by the name of the budget that is full. */
enum status connect_memory(const struct budget *b, struct error *err);

/* "2020-01-02 03:04:05.678", with 'T', with a zone suffix (else UTC), or a whole number of milliseconds. */
bool connect_time_ms(struct str text, int64_t *ret_ms);

/* ---- regular expressions for whole names (paths, topics) ---- */

struct connect_regex;
/* ST_UNSUPPORTED: it uses what there is not; ST_SEMANTIC: it is none. */
enum status connect_regex_new(struct str text, struct budget *budget, struct connect_regex **ret,
                              struct error *err) MUST_USE;
void connect_regex_free(struct connect_regex *r); /* NULL is allowed */
bool connect_regex_match(const struct connect_regex *r, const char *name);

/* ---- random numbers: a function of a place, not a sequence, so that any row can be made first ---- */

static inline uint64_t mix64(uint64_t x) /* the finaliser of splitmix64 */
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ULL;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}
static inline uint64_t random_at(uint64_t seed, uint64_t place)
{
    return mix64(seed + (place + 1) * 0x9e3779b97f4a7c15ULL);
}
/* 0 … n - 1 out of 64 random bits; n > 0. */
static inline uint64_t random_below(uint64_t bits, uint64_t n)
{
    return (uint64_t)(((unsigned __int128)bits * n) >> 64);
}
/* [0, 1) */
static inline double random_unit(uint64_t bits) { return (double)(bits >> 11) * 0x1p-53; }

/* ---- generated splits: rows start, start + step, … of one numbered sequence ---- */

/* `index` of `count` splits; ids "0", "1", … */
enum status numbered_splits(struct arena *arena, uint32_t count, struct split **ret, uint32_t *ret_count,
                            struct error *err);
bool numbered_split_parse(struct str id, uint32_t count, uint32_t *ret_index);

/* How many of `want` rows may be made now when `rate` rows a second are allowed over all splits, `done` having
 * been made since `start_ns`; 0: none, *ret_wake_ms says when. */
uint64_t pace_allows(int64_t now_ns, int64_t start_ns, uint64_t done, uint64_t want, double rate, int64_t *ret_wake_ms);

/* ---- outlet: bytes to print(), standard output or standard error, after the commit ---- */

enum outlet_to { OUTLET_PRINT, OUTLET_STDOUT, OUTLET_STDERR };

struct outlet;
/* Early: nothing durable hangs on these bytes, so they may go before the commit when there are many. */
enum status outlet_new(struct connect_context *ctx, enum outlet_to to, struct budget *budget, struct os_signal *wake,
                       struct outlet **ret, struct error *err);
void outlet_free(struct outlet *o);              /* NULL is allowed */
struct buf *outlet_buf(struct outlet *o);        /* append here, on the task */
bool outlet_full(const struct outlet *o);        /* wait for `wake` before appending more */
enum status outlet_offer(struct outlet *o, struct error *err);   /* after appending: may start early writing */
enum status outlet_publish(struct outlet *o, struct error *err); /* background: everything appended is written */

/* ---- records: rows out of a stream of bytes ---- */

enum pull { PULL_BYTES, PULL_WAIT, PULL_END };

/* Where bytes come from. Never blocks. */
struct byte_source {
    const struct byte_source_ops *ops;
};
struct byte_source_ops {
    /* PULL_BYTES: 1 … room bytes were put at dst. PULL_END: nothing follows what this call put there (maybe
     * nothing). PULL_WAIT: *ret_wake_ms as in source_ops.read. */
    enum status (*pull)(struct byte_source *b, void *dst, size_t room, size_t *ret_len, enum pull *ret,
                        int64_t *ret_wake_ms, struct error *err);
    void (*free)(struct byte_source *b);
};

/* Called with every run of bytes that has been turned into rows (or skipped), in order. */
struct byte_witness {
    void (*see)(struct byte_witness *w, const uint8_t *bytes, size_t len);
};

/* Rows are held back until their time has come. One for all splits of a source. */
struct replay {
    double speed;   /* 0: off */
    uint32_t column;
    atomic_int started; /* 0 no, 1 being set, 2 yes */
    int64_t base_event_ms, base_mono_ns;
};

/* Where records are cut. Also the reader's place: offset, line and skipping are what a position keeps. */
struct records {
    struct connect_context *ctx;
    struct budget *budget;
    const struct table_desc *table;
    const struct schema *schema; /* what lies in the records; NULL: the table's physical columns */
    struct str file; /* for messages */
    struct decoder *decoder;
    struct byte_source *bytes;    /* owned */
    struct byte_witness *witness; /* may be NULL */
    struct replay *replay;        /* NULL: none */
    struct batch *held_batch;     /* replay: one row */
    struct decoded held;
    bool is_held;
    struct shared *chunk;
    uint32_t at;        /* consumed up to here in the chunk */
    uint32_t chunk_bytes;
    uint64_t offset;    /* of chunk->data[at], uncompressed */
    uint64_t line;      /* newlines before it */
    bool skipping;      /* inside a record that is too long: up to the next newline */
    bool at_end;
    uint32_t refusals;  /* of memory, one after the other */
};

#define RECORD_MAX ((uint32_t)16 << 20) /* bytes; a longer one is a bad record */
#define CHUNK_BYTES ((uint32_t)256 << 10)

/* Fills the rest of a struct whose ctx, budget, table, file, bytes, witness, replay, offset, line and skipping
 * are set. `needs` may be NULL. On failure the caller releases. */
enum status records_open(struct records *r, const struct need *needs, struct error *err);
void records_release(struct records *r);
/* As source_ops.read. */
enum status records_read(struct records *r, struct batch *out, uint32_t max_rows, enum read_outcome *ret,
                         int64_t *ret_wake_ms, struct error *err);

/* ---- standard input and output, also as path '-' of filesystem ---- */

enum status stdin_source_open(const struct table_desc *t, const struct need *needs, struct connect_context *ctx,
                              struct replay replay, struct source **ret, struct error *err);
enum status stdout_sink_open(const struct table_desc *t, const struct schema *schema, struct connect_context *ctx,
                             struct sink **ret, struct error *err);
bool path_is_stdio(struct str path); /* "-" */
