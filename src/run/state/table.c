/* A table of one namespace: open addressing with linear probing over entries that never move.
 *
 * slots[i] holds 16 bits of the hash beside the entry's 48-bit address, so that a probe touches the entry only when
 * the tag agrees (a wrong touch in 65,536). Removal shifts the followers back, there are no tombstones. At most 7/10 of
 * the slots are used. A batch probes with two prefetches running ahead of the comparison: slots, then the entries that
 * their tags point to. That keeps a dozen misses in flight where one row at a time would wait for each.
 *
 * An entry in memory: the value (rounded up to 8 bytes), struct entry from the next byte on, the key's bytes behind its 14 bytes (a key of 65,535
 * bytes or more has its length there as u32 first). So count, sum, max and a BIGINT key with their head are 63 bytes;
 * blocks start at a cache line, and an entry of up to 64 bytes costs one miss. The vector `order` keeps entries
 * as they were made, so that walking a table is deterministic and nearly sequential in memory. */
#include "state/state_private.h"

#define FIRST_SLOTS 16u
#define FIRST_BLOCK 1024u
#define LAST_BLOCK (2u << 20)
#define LINE 64u
/* How many rows the prefetches of a batch run ahead of the comparison. */
#define AHEAD_SLOTS 64u
#define AHEAD_ENTRIES 24u

static inline uint64_t slot_tag(uint64_t hash) { return (hash >> 40) << 48; }
static inline struct entry *slot_entry(uint64_t slot) { return (struct entry *)(uintptr_t)(slot & 0xffffffffffffULL); }
static inline bool tag_equal(uint64_t slot, uint64_t hash) { return ((slot ^ slot_tag(hash)) >> 48) == 0; }

#define LONG_KEY UINT16_MAX

static inline struct str key_of(const struct entry *e)
{
    if (e->key_len != LONG_KEY)
        return (struct str){ (const char *)e->key, e->key_len };
    uint32_t len;
    memcpy(&len, e->key, 4);
    return (struct str){ (const char *)e->key + 4, len };
}

static inline uint64_t differ(const uint8_t *a, const uint8_t *b)
{
    uint64_t x, y;
    memcpy(&x, a, 8);
    memcpy(&y, b, 8);
    return x ^ y;
}

/* Short keys are compared by overlapping words. */
static inline bool bytes_equal(const uint8_t *a, const uint8_t *b, uint32_t n)
{
    if (n < 8 || n > 32)
        return memcmp(a, b, n) == 0;
    uint64_t d = differ(a, b) | differ(a + n - 8, b + n - 8);
    if (n > 16)
        d |= differ(a + 8, b + 8) | differ(a + n - 16, b + n - 16);
    return d == 0;
}

/* Bytes before the entry's head. */
static inline size_t value_room(const struct table *t)
{
    return (size_t)-t->face.value_at;
}

static size_t entry_bytes(const struct table *t, size_t key_len)
{
    return value_room(t) + offsetof(struct entry, key) + (key_len < LONG_KEY ? 0 : 4) + key_len;
}

struct str entry_key(const struct table *t, const struct entry *e)
{
    (void)t;
    return key_of(e);
}

/* ---- memory ---- */

void *state_alloc(struct store *s, size_t bytes)
{
    if (bytes < LARGE_BYTES)
        return mem_calloc(s->budget, bytes);
    if (!budget_take(s->budget, bytes))
        return NULL;
    void *p = s->os->ops->pages(s->os, bytes);
    if (!p)
        budget_give(s->budget, bytes);
    return p;
}

void state_free(struct store *s, void *ptr, size_t bytes)
{
    if (bytes < LARGE_BYTES) {
        mem_free(s->budget, ptr, bytes);
        return;
    }
    s->os->ops->pages_free(s->os, ptr, bytes);
    budget_give(s->budget, bytes);
}

void state_free_spares(struct store *s)
{
    for (struct block *b = s->spare, *next; b; b = next) {
        next = b->next;
        state_free(s, b, LAST_BLOCK);
    }
    s->spare = NULL;
}

static struct block *new_block(struct store *s, size_t size)
{
    struct block *b = s->spare;
    if (size == LAST_BLOCK && b) {
        s->spare = b->next;
        return b;
    }
    b = size < LARGE_BYTES ? mem_alloc(s->budget, size) : state_alloc(s, size);
    if (!b && s->spare) { /* spares are the first to go when memory is short */
        state_free_spares(s);
        b = size < LARGE_BYTES ? mem_alloc(s->budget, size) : state_alloc(s, size);
    }
    return b;
}

static bool add_block(struct table *t, size_t bytes)
{
    size_t size = t->block_bytes;
    while (size < bytes + sizeof(struct block) + LINE)
        size *= 2;
    struct block *b = new_block(t->store, size);
    if (!b)
        return false;
    b->next = t->blocks;
    b->bytes = size;
    t->blocks = b;
    t->at = (uint8_t *)(((uintptr_t)(b + 1) + LINE - 1) & ~(uintptr_t)(LINE - 1)); /* classes of 16 and 64 keep this */
    t->end = (uint8_t *)b + size;
    if (t->block_bytes < LAST_BLOCK)
        t->block_bytes *= 2;
    return true;
}

void *table_alloc(struct table *t, size_t bytes)
{
    size_t rounded = (bytes + t->grain - 1) & ~(size_t)(t->grain - 1);
    if (rounded > SMALL_MAX) {
        struct large *l = mem_alloc(t->store->budget, sizeof *l + rounded);
        if (!l)
            return NULL;
        l->bytes = sizeof *l + rounded;
        l->next = t->larges.next;
        l->prev = &t->larges;
        if (l->next)
            l->next->prev = l;
        t->larges.next = l;
        return l + 1;
    }
    struct free_cell *cell = t->cells[rounded / 8];
    if (cell) {
        t->cells[rounded / 8] = cell->next;
        return cell;
    }
    if ((!t->at || (size_t)(t->end - t->at) < rounded) && !add_block(t, rounded))
        return NULL;
    void *p = t->at;
    t->at += rounded;
    return p;
}

void table_dealloc(struct table *t, void *ptr, size_t bytes)
{
    size_t rounded = (bytes + t->grain - 1) & ~(size_t)(t->grain - 1);
    if (rounded > SMALL_MAX) {
        struct large *l = (struct large *)ptr - 1;
        l->prev->next = l->next;
        if (l->next)
            l->next->prev = l->prev;
        mem_free(t->store->budget, l, l->bytes);
        return;
    }
    struct free_cell *cell = ptr;
    cell->next = t->cells[rounded / 8];
    t->cells[rounded / 8] = cell;
}

static void *grow_array(struct budget *b, void *at, uint32_t *cap, size_t size)
{
    uint32_t want = *cap ? *cap * 2 : 16;
    void *p = mem_realloc(b, at, *cap * size, want * size);
    if (p)
        *cap = want;
    return p;
}

struct table *table_new(struct store *s, int64_t ns)
{
    struct table *t = mem_calloc(s->budget, sizeof *t);
    if (!t)
        return NULL;
    t->store = s;
    t->ns = ns;
    t->block_bytes = FIRST_BLOCK;
    t->grain = s->layout.value_align > 8 ? 16 : 8;
    t->mask = (s->hint > FIRST_SLOTS ? s->hint : FIRST_SLOTS) - 1;
    t->slots = state_alloc(s, ((size_t)t->mask + 1) * sizeof *t->slots);
    if (!t->slots && t->mask >= FIRST_SLOTS) {
        t->mask = FIRST_SLOTS - 1;
        t->slots = state_alloc(s, FIRST_SLOTS * sizeof *t->slots);
    }
    if (!t->slots) {
        mem_free(s->budget, t, sizeof *t);
        return NULL;
    }
    t->face.value_at = -(int32_t)((s->layout.value_bytes + 7) & ~7u);
    buf_init(&t->removed, s->budget, SIZE_MAX);
    return t;
}

void table_free(struct table *t)
{
    if (!t)
        return;
    struct budget *b = t->store->budget;
    for (struct block *k = t->blocks, *next; k; k = next) {
        next = k->next;
        if (k->bytes == LAST_BLOCK) {
            k->next = t->store->spare;
            t->store->spare = k;
        } else {
            state_free(t->store, k, k->bytes);
        }
    }
    for (struct large *l = t->larges.next, *next; l; l = next) {
        next = l->next;
        mem_free(b, l, l->bytes);
    }
    if (t->count)
        t->store->hint = t->mask + 1;
    state_free(t->store, t->slots, ((size_t)t->mask + 1) * sizeof *t->slots);
    mem_free(b, t->order, t->cap_order * sizeof *t->order);
    mem_free(b, t->dirty, t->cap_dirty * sizeof *t->dirty);
    buf_release(&t->removed);
    mem_free(b, t, sizeof *t);
}

/* ---- blobs ---- */

struct str table_blob(const struct table *t, uint64_t handle)
{
    (void)t;
    const struct blob *b = (const struct blob *)(uintptr_t)handle;
    return b ? (struct str){ (const char *)b->bytes, b->len } : (struct str){ NULL, 0 };
}

uint8_t *table_blob_bytes(struct table *t, uint64_t handle)
{
    (void)t;
    struct blob *b = (struct blob *)(uintptr_t)handle;
    return b ? b->bytes : NULL;
}

static void free_blob(struct table *t, uint64_t handle)
{
    struct blob *b = (struct blob *)(uintptr_t)handle;
    if (b)
        table_dealloc(t, b, sizeof *b + b->cap);
}

bool table_set_blob(struct table *t, uint64_t *handle, const void *bytes, size_t len)
{
    struct blob *old = (struct blob *)(uintptr_t)*handle;
    if (len == 0) {
        free_blob(t, *handle);
        *handle = 0;
        return true;
    }
    if (len > UINT32_MAX / 2)
        return false;
    if (!old || old->cap < len) {
        struct blob *b = table_alloc(t, sizeof *b + len);
        if (!b)
            return false;
        b->cap = (uint32_t)len;
        b->len = (uint32_t)len;
        memcpy(b->bytes, bytes, len); /* before the old one goes: `bytes` may lie in it */
        free_blob(t, *handle);
        *handle = (uint64_t)(uintptr_t)b;
        return true;
    }
    old->len = (uint32_t)len;
    memmove(old->bytes, bytes, len);
    return true;
}

void table_free_entry(struct table *t, struct entry *e)
{
    const struct store_layout *l = &t->store->layout;
    for (uint32_t i = 0; i < l->n_blobs; i++) {
        uint64_t handle;
        memcpy(&handle, (uint8_t *)entry_value(t, e) + l->blob_offsets[i], 8);
        free_blob(t, handle);
    }
    table_dealloc(t, entry_value(t, e), entry_bytes(t, key_of(e).len));
}

/* ---- probing ---- */

static void insert_slot(uint64_t *slots, uint32_t mask, struct entry *e)
{
    uint32_t i = (uint32_t)e->hash & mask;
    while (slots[i])
        i = (i + 1) & mask;
    slots[i] = slot_tag(e->hash) | (uint64_t)(uintptr_t)e;
}

/* Into twice the slots, thirty-two entries at a time so that the misses overlap. */
static bool rehash(struct table *t)
{
    uint64_t size = ((uint64_t)t->mask + 1) * 2;
    if (size > (1ULL << 30))
        return false;
    uint64_t *slots = state_alloc(t->store, size * sizeof *slots);
    if (!slots)
        return false;
    uint32_t mask = (uint32_t)size - 1;
    for (uint32_t at = 0; at < t->n_order; at += 32) {
        struct entry *const *group = &t->order[at];
        uint32_t n = t->n_order - at < 32 ? t->n_order - at : 32;
        for (uint32_t i = 0; at + n + i < t->n_order && i < 32; i++)
            __builtin_prefetch(t->order[at + n + i]);
        for (uint32_t i = 0; i < n; i++)
            if (group[i])
                __builtin_prefetch(&slots[(uint32_t)group[i]->hash & mask], 1);
        for (uint32_t i = 0; i < n; i++)
            if (group[i])
                insert_slot(slots, mask, group[i]);
    }
    state_free(t->store, t->slots, ((size_t)t->mask + 1) * sizeof *t->slots);
    t->slots = slots;
    t->mask = mask;
    return true;
}

/* Squeezes the holes out of `order` when they are more than half. */
static void compact_order(struct table *t)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->n_order; i++) {
        struct entry *e = t->order[i];
        if (!e)
            continue;
        e->flags = (e->flags & ((1u << ENTRY_FLAG_BITS) - 1)) | n << ENTRY_FLAG_BITS;
        t->order[n++] = e;
    }
    t->n_order = n;
}

static struct entry *new_entry(struct table *t, uint64_t hash, const uint8_t *key, uint32_t key_len)
{
    struct budget *b = t->store->budget;
    if (((uint64_t)t->count + 1) * 10 > ((uint64_t)t->mask + 1) * 7 && !rehash(t))
        return NULL;
    if (t->n_order == t->cap_order) {
        if (t->count < t->n_order / 2) {
            compact_order(t);
        } else {
            struct entry **order = grow_array(b, t->order, &t->cap_order, sizeof *t->order);
            if (!order)
                return NULL;
            t->order = order;
        }
    }
    uint8_t *at = table_alloc(t, entry_bytes(t, key_len));
    if (!at)
        return NULL;
    memset(at, 0, value_room(t));
    struct entry *e = (struct entry *)(void *)(at + value_room(t));
    e->hash = hash;
    e->flags = t->n_order << ENTRY_FLAG_BITS;
    e->key_len = (uint16_t)(key_len < LONG_KEY ? key_len : LONG_KEY);
    if (key_len >= LONG_KEY)
        memcpy(e->key, &key_len, 4);
    memcpy(e->key + (key_len < LONG_KEY ? 0 : 4), key, key_len);
    t->order[t->n_order++] = e;
    insert_slot(t->slots, t->mask, e);
    t->count++;
    return e;
}

static inline struct entry *probe(const struct table *t, uint64_t hash, const uint8_t *key, uint32_t len)
{
    for (uint32_t i = (uint32_t)hash & t->mask;; i = (i + 1) & t->mask) {
        uint64_t slot = t->slots[i];
        if (!slot)
            return NULL;
        if (!tag_equal(slot, hash))
            continue;
        struct entry *e = slot_entry(slot);
        if (e->hash != hash)
            continue;
        struct str k = key_of(e);
        if (k.len == len && bytes_equal((const uint8_t *)k.ptr, key, len))
            return e;
    }
}

static inline void prefetch_slot(const struct table *t, uint64_t hash)
{
    __builtin_prefetch(&t->slots[(uint32_t)hash & t->mask]);
}

/* The entry that the comparison will look at first: a third of them do not stand at home. */
static inline void prefetch_entry(const struct table *t, uint64_t hash)
{
    uint32_t i = (uint32_t)hash & t->mask;
    uint64_t slot = t->slots[i];
    while (slot && !tag_equal(slot, hash)) {
        i = (i + 1) & t->mask;
        slot = t->slots[i];
    }
    if (!slot)
        return;
    const uint8_t *e = (const uint8_t *)slot_entry(slot);
    __builtin_prefetch(e + t->face.value_at);
    for (int32_t at = t->face.value_at + (int32_t)LINE; at < 0; at += (int32_t)LINE)
        __builtin_prefetch(e + at);
    __builtin_prefetch(e + sizeof(struct entry));
}

/* Small tables are in the cache anyway. */
static inline bool prefetches(const struct table *t) { return t->mask >= 1024; }

/* Before the first row is compared. */
static void prefetch_first(const struct table *t, const struct key_set *k)
{
    for (uint32_t i = 0; i < k->n && i < AHEAD_SLOTS; i++)
        prefetch_slot(t, k->hashes[i]);
    for (uint32_t i = 0; i < k->n && i < AHEAD_ENTRIES; i++)
        prefetch_entry(t, k->hashes[i]);
}

/* While row i is compared. */
static inline void prefetch_ahead(const struct table *t, const struct key_set *k, uint32_t i)
{
    if (i + AHEAD_SLOTS < k->n)
        prefetch_slot(t, k->hashes[i + AHEAD_SLOTS]);
    if (i + AHEAD_ENTRIES < k->n)
        prefetch_entry(t, k->hashes[i + AHEAD_ENTRIES]);
}

bool table_touch(struct table *t, struct entry *e)
{
    if (!t->store->durable || (e->flags & ENTRY_DIRTY))
        return true;
    if (t->n_dirty == t->cap_dirty) {
        struct entry **dirty = grow_array(t->store->budget, t->dirty, &t->cap_dirty, sizeof *t->dirty);
        if (!dirty)
            return false;
        t->dirty = dirty;
    }
    t->dirty[t->n_dirty++] = e;
    e->flags |= ENTRY_DIRTY;
    return true;
}

bool table_upsert(struct table *t, const struct key_set *k, struct entry **ret_entries, uint8_t *new_flags)
{
    bool ahead = prefetches(t);
    if (ahead)
        prefetch_first(t, k);
    for (uint32_t i = 0; i < k->n; i++) {
        if (ahead)
            prefetch_ahead(t, k, i);
        struct entry *e = probe(t, k->hashes[i], k->bytes[i], k->lens[i]);
        if (new_flags)
            new_flags[i] = !e;
        if (!e && !(e = new_entry(t, k->hashes[i], k->bytes[i], k->lens[i])))
            return false;
        if (!table_touch(t, e))
            return false;
        ret_entries[i] = e;
    }
    return true;
}

bool table_find_all(const struct table *t, const struct key_set *k, struct entry **ret_entries)
{
    bool ahead = prefetches(t);
    if (ahead)
        prefetch_first(t, k);
    for (uint32_t i = 0; i < k->n; i++) {
        if (ahead)
            prefetch_ahead(t, k, i);
        ret_entries[i] = probe(t, k->hashes[i], k->bytes[i], k->lens[i]);
    }
    return true;
}

struct entry *table_find(const struct table *t, uint64_t hash, struct str key)
{
    return probe(t, hash, (const uint8_t *)key.ptr, (uint32_t)key.len);
}

struct entry *table_put(struct table *t, uint64_t hash, struct str key, bool *ret_new)
{
    struct entry *e = table_find(t, hash, key);
    if (ret_new)
        *ret_new = !e;
    if (!e && !(e = new_entry(t, hash, (const uint8_t *)key.ptr, (uint32_t)key.len)))
        return NULL;
    return table_touch(t, e) ? e : NULL;
}

/* No keys are compared: there are none equal. */
bool table_copy(struct table *to, const struct table *from)
{
    CHECK(to->count == 0 && to->n_order == 0 && !to->store->durable && to->face.value_at == from->face.value_at &&
          to->store->layout.n_blobs == 0);
    while (to->mask < from->mask)
        if (!rehash(to))
            return false;
    for (uint32_t at = 0; at < from->n_order; at++) {
        if (at + AHEAD_ENTRIES < from->n_order && from->order[at + AHEAD_ENTRIES]) {
            const struct entry *next = from->order[at + AHEAD_ENTRIES];
            __builtin_prefetch((const uint8_t *)next + from->face.value_at);
            __builtin_prefetch(next);
        }
        const struct entry *e = from->order[at];
        if (!e)
            continue;
        if (to->n_order == to->cap_order) {
            struct entry **order = grow_array(to->store->budget, to->order, &to->cap_order, sizeof *to->order);
            if (!order)
                return false;
            to->order = order;
        }
        size_t bytes = entry_bytes(from, key_of(e).len);
        uint8_t *copy = table_alloc(to, bytes);
        if (!copy)
            return false;
        memcpy(copy, (const uint8_t *)e + from->face.value_at, bytes);
        struct entry *f = (struct entry *)(void *)(copy + value_room(to));
        f->flags = to->n_order << ENTRY_FLAG_BITS;
        to->order[to->n_order++] = f;
        insert_slot(to->slots, to->mask, f);
        to->count++;
    }
    return true;
}

/* Shifts back the entries behind the hole that would otherwise not be found. */
static void close_hole(struct table *t, uint32_t hole)
{
    for (uint32_t i = (hole + 1) & t->mask; t->slots[i]; i = (i + 1) & t->mask) {
        uint32_t home = (uint32_t)slot_entry(t->slots[i])->hash & t->mask;
        if (((i - home) & t->mask) < ((i - hole) & t->mask))
            continue; /* its home lies behind the hole */
        t->slots[hole] = t->slots[i];
        hole = i;
    }
    t->slots[hole] = 0;
}

bool table_remove(struct table *t, struct entry *e)
{
    if (t->store->durable && (e->flags & ENTRY_SAVED)) {
        if (!buf_put_u64(&t->removed, e->hash) || !buf_put_str(&t->removed, entry_key(t, e)))
            return false;
    }
    uint32_t i = (uint32_t)e->hash & t->mask;
    while (slot_entry(t->slots[i]) != e)
        i = (i + 1) & t->mask;
    close_hole(t, i);
    t->order[e->flags >> ENTRY_FLAG_BITS] = NULL;
    t->count--;
    if (e->flags & ENTRY_DIRTY)
        e->flags |= ENTRY_DEAD; /* still on the dirty list: the next delta frees it */
    else
        table_free_entry(t, e);
    return true;
}

uint32_t table_count(const struct table *t)
{
    return t->count;
}

struct entry *table_next(const struct table *t, uint64_t *cursor)
{
    while (*cursor < t->n_order) {
        struct entry *e = t->order[(*cursor)++];
        if (*cursor + 8 < t->n_order && t->order[*cursor + 8])
            __builtin_prefetch(t->order[*cursor + 8]);
        if (e)
            return e;
    }
    return NULL;
}
