/* What the files of this room share: the inside of tables and stores. */
#pragma once

#include "state/state.h"

enum { ENTRY_DIRTY = 1, ENTRY_SAVED = 2, ENTRY_DEAD = 4, ENTRY_FLAG_BITS = 3 };

/* Entries and blobs come in size classes of GRAIN bytes up to SMALL_MAX; larger ones stand alone. */
#define SMALL_MAX 1024u
#define SMALL_CLASSES (SMALL_MAX / 8u)

struct block {
    struct block *next;
    size_t bytes; /* with this header */
};

struct large {
    struct large *next, *prev;
    size_t bytes; /* with this header */
    size_t pad;
};

struct free_cell {
    struct free_cell *next;
};

struct blob {
    uint32_t len, cap;
    uint8_t bytes[];
};

/* slot: 0 empty, else tag (16 bits of the hash) << 48 | entry's address */
struct table {
    struct table_face face; /* first: entry_value looks here */
    struct store *store;
    int64_t ns;
    uint64_t *slots;
    uint32_t mask, count;
    struct entry **order; /* entries as made; NULL where one was removed */
    uint32_t n_order, cap_order;
    struct block *blocks;
    uint8_t *at, *end;
    size_t block_bytes;
    uint32_t grain; /* 8, or 16 where values need it */
    struct free_cell *cells[SMALL_CLASSES + 1];
    struct large larges; /* list head */
    struct entry **dirty;
    uint32_t n_dirty, cap_dirty;
    struct buf removed; /* DELETE operations to write */
    bool saved;         /* some entry of this namespace is in an earlier delta */
};

struct store {
    struct os *os;
    struct budget *budget;
    struct store_layout layout;
    struct arena arena; /* the layout's copies */
    bool durable;
    struct table **tables; /* ascending by namespace */
    uint32_t n_tables, cap_tables;
    int64_t *drops; /* namespaces to DROP in the next delta */
    uint32_t n_drops, cap_drops;
    struct table *last; /* found last */
    struct block *spare; /* blocks of LAST_BLOCK bytes that dropped tables left: touched memory is worth keeping */
    uint32_t hint; /* slots that the newest full table had: the next one starts near it */
};

/* Memory for tables: huge pages from the os from LARGE_BYTES on, zeroed; else the heap. Charged. */
#define LARGE_BYTES ((size_t)1 << 20)
void *state_alloc(struct store *s, size_t bytes);
void state_free(struct store *s, void *ptr, size_t bytes);
void state_free_spares(struct store *s);
struct table *table_new(struct store *s, int64_t ns);
void table_free(struct table *t);
void *table_alloc(struct table *t, size_t bytes);
void table_dealloc(struct table *t, void *ptr, size_t bytes);
void table_free_entry(struct table *t, struct entry *e);
