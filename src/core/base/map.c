/* The name map: a dense array of entries in insertion order, and open-addressed slots (linear probing,
 * at most half full) that hold entry numbers.
 *
 * A removed entry keeps its place with value NULL: its slot goes on carrying probes past it, and its
 * key is never read again, since its bytes may be gone. When the entries are full they are either
 * closed up (when half of them are removed) or doubled; both rebuild the slots from the kept hashes. */
#include "base/map.h"

#include "base/hash.h"

#define MAP_FIRST_CAP 8u
#define MAP_MAX_CAP (1u << 28)

static unsigned char fold(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

static uint64_t key_hash(const struct map *m, struct str key)
{
    if (!m->nocase)
        return hash_bytes(key.ptr, key.len);
    uint64_t h = key.len;
    char piece[64];
    for (size_t from = 0; from < key.len; from += sizeof piece) {
        size_t n = key.len - from < sizeof piece ? key.len - from : sizeof piece;
        for (size_t i = 0; i < n; i++)
            piece[i] = (char)fold((unsigned char)key.ptr[from + i]);
        h = hash_u64(h ^ hash_bytes(piece, n));
    }
    return h;
}

void map_init(struct map *m, struct arena *a, bool nocase)
{
    *m = (struct map){ .arena = a, .nocase = nocase };
}

static struct map_entry *find(const struct map *m, struct str key, uint64_t hash)
{
    if (!m->slots)
        return NULL;
    for (uint32_t i = (uint32_t)hash & m->slot_mask; m->slots[i] != 0; i = (i + 1) & m->slot_mask) {
        struct map_entry *e = &m->entries[m->slots[i] - 1];
        if (e->hash != hash || !e->value)
            continue;
        if (m->nocase ? str_eq_nocase(e->key, key) : str_eq(e->key, key))
            return e;
    }
    return NULL;
}

void *map_get(const struct map *m, struct str key)
{
    if (m->live == 0)
        return NULL;
    struct map_entry *e = find(m, key, key_hash(m, key));
    return e ? e->value : NULL;
}

static void slot_set(struct map *m, uint32_t entry)
{
    uint32_t i = (uint32_t)m->entries[entry].hash & m->slot_mask;
    while (m->slots[i] != 0)
        i = (i + 1) & m->slot_mask;
    m->slots[i] = entry + 1;
}

/* Moves the live entries to `to` (which may be where they are) and rebuilds the slots. */
static void rebuild(struct map *m, struct map_entry *to)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < m->count; i++)
        if (m->entries[i].value)
            to[kept++] = m->entries[i];
    m->entries = to;
    m->count = kept;
    memset(m->slots, 0, sizeof *m->slots * ((size_t)m->slot_mask + 1));
    for (uint32_t i = 0; i < kept; i++)
        slot_set(m, i);
}

static bool make_room(struct map *m)
{
    if (m->count < m->cap)
        return true;
    if (m->cap > 0 && m->live <= m->cap / 2) {
        rebuild(m, m->entries);
        return true;
    }
    if (m->cap >= MAP_MAX_CAP)
        return false;
    uint32_t cap = m->cap ? m->cap * 2 : MAP_FIRST_CAP;
    struct map_entry *entries = arena_alloc(m->arena, sizeof *entries * cap);
    uint32_t *slots = entries ? arena_alloc(m->arena, sizeof *slots * cap * 2) : NULL;
    if (!slots)
        return false;
    m->slots = slots;
    m->slot_mask = cap * 2 - 1;
    m->cap = cap;
    rebuild(m, entries);
    return true;
}

bool map_put(struct map *m, struct str key, void *value)
{
    CHECK(value != NULL);
    uint64_t hash = key_hash(m, key);
    struct map_entry *e = find(m, key, hash);
    if (e) {
        /* The key too: it often lies in the value that goes away. */
        e->key = key;
        e->value = value;
        return true;
    }
    if (!make_room(m))
        return false;
    m->entries[m->count] = (struct map_entry){ key, hash, value };
    slot_set(m, m->count);
    m->count++;
    m->live++;
    return true;
}

void *map_remove(struct map *m, struct str key)
{
    struct map_entry *e = m->live ? find(m, key, key_hash(m, key)) : NULL;
    if (!e)
        return NULL;
    void *value = e->value;
    e->value = NULL;
    m->live--;
    return value;
}

struct map_entry *map_next(const struct map *m, struct map_entry *after)
{
    uint32_t i = after ? (uint32_t)(after - m->entries) + 1 : 0;
    for (; i < m->count; i++)
        if (m->entries[i].value)
            return &m->entries[i];
    return NULL;
}
