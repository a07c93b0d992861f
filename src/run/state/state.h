/* Keyed state: stores, their deltas, the fold of deltas into snapshots, timers.
 *
 * Everything durable that a job knows is an entry of some store: (store id, namespace, key) -> value. Source
 * positions, what a sink has committed, watermarks, accumulators: all are entries, so that one mechanism
 * commits, restores and rescales them.
 *
 * A store has a table per namespace. Windows use the pane's start as namespace, so that dropping a pane frees
 * its blocks at once; everything else uses namespace 0. A table is open addressing over entries in blocks;
 * entries never move while they live. An entry's value is a fixed-size row (the layout's value_bytes, zeroed at birth)
 * with handles of blobs at declared offsets; blobs live in the table too.
 *
 * Deltas. Entries changed since the last epoch are on a dirty list. state_delta writes them as operations:
 * PUT, DELETE, DROP namespace. The journal's record of an epoch is such a list; a snapshot is a file of PUTs,
 * sorted. A snapshot is made by folding the older one with the deltas since, in the background, from the files
 * alone: the task that owns the store takes no part and copies nothing (docs/decisions/0001-snapshots-by-folding.md).
 *
 * Threads: a store belongs to one task. Fold and the readers of files run anywhere. */
#pragma once

#include "data/data.h"
#include "os/os.h"

/* ---- stores ---- */

#define STORE_MAX_BLOBS 64

struct store_layout {
    struct str id;         /* stable operator id and the store's name in it: "aggregate:1/groups" */
    uint32_t value_bytes;  /* fixed part */
    uint32_t value_align;  /* 8 or 16 */
    uint32_t n_blobs;
    const uint32_t *blob_offsets; /* of 8-byte handles in the value, ascending */
    struct str fingerprint;       /* what the bytes mean: types in order; a restore with another is ST_MISMATCH */
    bool broadcast; /* restored by every shard (positions, watermarks); else by the shard that owns the key group */
};

struct entry { /* the value lies before it, aligned; see entry_value */
    uint64_t hash;
    uint32_t flags;   /* ENTRY_*; the store's */
    uint16_t key_len; /* UINT16_MAX: longer, see entry_key */
    uint8_t key[];    /* from byte 14 on: three counters and a BIGINT key fill one cache line */
};

struct table;
struct store;

struct store *store_new(struct os *os, const struct store_layout *layout, bool durable, struct budget *b); /* copies the layout; NULL: refused */
void store_free(struct store *s); /* NULL is allowed */
const struct store_layout *store_layout(const struct store *s);

/* The namespace's table; NULL when there is none (find) or memory is refused (make). */
struct table *store_find(const struct store *s, int64_t ns);
struct table *store_make(struct store *s, int64_t ns);
/* Frees a namespace with all its entries. */
bool store_drop(struct store *s, int64_t ns) MUST_USE; /* false: memory refused (for the delta) */
/* Namespaces in ascending order: the first one >= from. NULL: none. */
struct table *store_next(const struct store *s, int64_t from, int64_t *ret_ns);
uint64_t store_count(const struct store *s); /* entries in all */

/* The entries of keys 0..n of `k`, made when absent (zero value, *ret_new counts them; new_flags[i], may be NULL). All are
 * marked dirty. Equal keys in one call give the same entry. Hashes first and prefetches. false: memory refused (some may have
 * been made). */
bool table_upsert(struct table *t, const struct key_set *k, struct entry **ret_entries, uint8_t *new_flags) MUST_USE;
bool table_find_all(const struct table *t, const struct key_set *k, struct entry **ret_entries); /* NULL where absent */
struct entry *table_find(const struct table *t, uint64_t hash, struct str key);
struct entry *table_put(struct table *t, uint64_t hash, struct str key, bool *ret_new); /* one; NULL: refused */
/* The entry changed since the last look: it goes into the next delta. false: memory refused. */
bool table_touch(struct table *t, struct entry *e) MUST_USE;
bool table_remove(struct table *t, struct entry *e) MUST_USE; /* false: memory refused */
uint32_t table_count(const struct table *t);
/* All entries of `from` into `to`, which has none yet, in the same order. Layouts are equal and without blobs, `to` is in a store
 * that is not durable. false: memory refused. */
bool table_copy(struct table *to, const struct table *from) MUST_USE;
/* Walks entries in an order fixed by their making; an entry may be removed behind the cursor. Start with *cursor = 0. */
struct entry *table_next(const struct table *t, uint64_t *cursor);

static inline void *entry_value(const struct table *t, struct entry *e);
struct str entry_key(const struct table *t, const struct entry *e);
/* Blobs: the handle is 8 bytes in the value; 0 is empty. */
struct str table_blob(const struct table *t, uint64_t handle);
/* The same bytes, to be changed in place before the next table_set_blob. The entry is dirty: upsert, put or touch. */
uint8_t *table_blob_bytes(struct table *t, uint64_t handle);
bool table_set_blob(struct table *t, uint64_t *handle, const void *bytes, size_t len) MUST_USE; /* len 0 frees */

struct table_face { /* the part of struct table that entry_value needs */
    int32_t value_at; /* offset of the value from the entry: negative */
};
static inline void *entry_value(const struct table *t, struct entry *e)
{
    return (uint8_t *)e + ((const struct table_face *)(const void *)t)->value_at;
}

/* ---- deltas ---- */

/* Appends the store's changes since the last call as one section (nothing when there are none) and forgets them. */
enum status store_delta(struct store *s, struct buf *out, struct error *err) MUST_USE;
bool store_dirty(const struct store *s);

/* One operation of a section. */
enum delta_op { DELTA_PUT = 1, DELTA_DELETE = 2, DELTA_DROP = 3 };
struct delta {
    enum delta_op op;
    struct str store, fingerprint;
    int64_t ns;
    uint64_t hash;
    struct str key, value; /* value: fixed part, then each blob as u32 length + bytes */
    struct str bytes;      /* the whole operation as delta_read found it; not looked at by delta_write */
};
/* Visits the operations of a payload (sections one after another) in order. ST_CORRUPT when it does not parse. */
typedef enum status delta_visit(void *arg, const struct delta *d, struct error *err);
enum status delta_read(struct str payload, delta_visit *visit, void *arg, struct error *err) MUST_USE;
/* Appends operations as a section per run of equal store and namespace. */
struct delta_writer {
    struct buf *out;
    struct str store;
    int64_t ns;
    bool open;
};
bool delta_write(struct delta_writer *w, const struct delta *d) MUST_USE;
/* The same of an operation's bytes; of `head` only store, fingerprint and namespace count. */
bool delta_write_bytes(struct delta_writer *w, const struct delta *head, struct str bytes) MUST_USE;
bool delta_end(struct delta_writer *w) MUST_USE; /* closes the open section */

/* Applies one operation to a store while it is restored: not dirty afterwards. `shard` of `shards` decides what is kept
 * (a broadcast store keeps all). ST_MISMATCH: another layout. */
enum status store_apply(struct store *s, const struct delta *d, uint32_t shard, uint32_t shards,
                        struct error *err) MUST_USE;

/* ---- the fold ---- */

/* Folds payloads, oldest first, into one sorted list of PUTs, written in pieces of about 1 MiB through `write`. `old`
 * gives the payloads of the older snapshot, sorted, one after another (len 0 at the end; next NULL: there is none);
 * `deltas` are those since, all in memory. An index over them, 48 bytes an operation, is charged to b. */
struct fold_input {
    enum status (*next)(void *arg, struct str *ret_payload, struct error *err); /* valid until the next call; len 0: end */
    void *arg;
};
enum status state_fold(struct fold_input old, const struct str *deltas, size_t n_deltas, struct budget *b,
                       enum status (*write)(void *arg, struct str payload, struct error *err), void *arg,
                       struct error *err) MUST_USE;

/* ---- timers ---- */

/* A hashed wheel: deadlines in ms with an 8-byte payload. What is due comes in order of deadline, then of payload. */
struct timers;
struct timers *timers_new(struct budget *b);
void timers_free(struct timers *t);
bool timers_add(struct timers *t, int64_t deadline_ms, int64_t payload) MUST_USE; /* equal pairs are kept once */
bool timers_remove(struct timers *t, int64_t deadline_ms, int64_t payload);
/* Takes the first timer with deadline <= now. false: none. */
bool timers_pop(struct timers *t, int64_t now_ms, int64_t *ret_deadline_ms, int64_t *ret_payload);
int64_t timers_next(const struct timers *t); /* earliest deadline; INT64_MAX: none */
