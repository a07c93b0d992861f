/* A hash map from byte strings to pointers, for names and registries (not for row state: see
 * run/state). Keys are borrowed: keep them alive as long as the map. Iterates in insertion order, so
 * that everything derived from a map is deterministic. */
#pragma once

#include "base/memory.h"

struct map_entry {
    struct str key;
    uint64_t hash;
    void *value;
};

struct map {
    struct arena *arena;
    struct map_entry *entries; /* in insertion order; a removed one has value NULL */
    uint32_t count, cap;       /* used entries, also removed ones */
    uint32_t live;
    uint32_t *slots; /* entry index + 1; 0 empty */
    uint32_t slot_mask;
    bool nocase; /* ASCII case does not count */
};

void map_init(struct map *m, struct arena *a, bool nocase);
void *map_get(const struct map *m, struct str key); /* NULL when absent */
/* Adds or replaces; `value` is not NULL. false when memory is refused. */
bool map_put(struct map *m, struct str key, void *value) MUST_USE;
void *map_remove(struct map *m, struct str key); /* the value that was there, or NULL */
/* for (struct map_entry *e = map_next(m, NULL); e; e = map_next(m, e)) */
struct map_entry *map_next(const struct map *m, struct map_entry *after);
