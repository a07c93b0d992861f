/* A store: its tables by namespace, in ascending order, and the namespaces dropped since the last delta. Windows keep
 * tens of panes, so a sorted array with a remembered last hit is enough. */
#include "state/state_private.h"

struct store *store_new(struct os *os, const struct store_layout *layout, bool durable, struct budget *b)
{
    CHECK(layout->n_blobs <= STORE_MAX_BLOBS);
    struct store *s = mem_calloc(b, sizeof *s);
    if (!s)
        return NULL;
    s->os = os;
    s->budget = b;
    s->durable = durable;
    s->layout = *layout;
    arena_init(&s->arena, b);
    s->layout.id = arena_str(&s->arena, layout->id);
    s->layout.fingerprint = arena_str(&s->arena, layout->fingerprint);
    uint32_t *offsets = ARENA_ARRAY(&s->arena, uint32_t, layout->n_blobs + 1);
    if (!s->layout.id.ptr || !s->layout.fingerprint.ptr || !offsets) {
        store_free(s);
        return NULL;
    }
    if (layout->n_blobs)
        memcpy(offsets, layout->blob_offsets, layout->n_blobs * sizeof *offsets);
    s->layout.blob_offsets = offsets;
    return s;
}

void store_free(struct store *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->n_tables; i++)
        table_free(s->tables[i]);
    state_free_spares(s);
    mem_free(s->budget, s->tables, s->cap_tables * sizeof *s->tables);
    mem_free(s->budget, s->drops, s->cap_drops * sizeof *s->drops);
    arena_release(&s->arena);
    mem_free(s->budget, s, sizeof *s);
}

const struct store_layout *store_layout(const struct store *s)
{
    return &s->layout;
}

/* Index of the first table with namespace >= ns. */
static uint32_t lower_bound(const struct store *s, int64_t ns)
{
    uint32_t lo = 0, hi = s->n_tables;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (s->tables[mid]->ns < ns)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct table *store_find(const struct store *s, int64_t ns)
{
    if (s->last && s->last->ns == ns)
        return s->last;
    uint32_t i = lower_bound(s, ns);
    return i < s->n_tables && s->tables[i]->ns == ns ? s->tables[i] : NULL;
}

struct table *store_make(struct store *s, int64_t ns)
{
    struct table *t = store_find(s, ns);
    if (t) {
        s->last = t;
        return t;
    }
    if (s->n_tables == s->cap_tables) {
        uint32_t cap = s->cap_tables ? s->cap_tables * 2 : 4;
        struct table **tables = mem_realloc(s->budget, s->tables, s->cap_tables * sizeof *tables, cap * sizeof *tables);
        if (!tables)
            return NULL;
        s->tables = tables;
        s->cap_tables = cap;
    }
    t = table_new(s, ns);
    if (!t)
        return NULL;
    uint32_t i = lower_bound(s, ns);
    memmove(&s->tables[i + 1], &s->tables[i], (s->n_tables - i) * sizeof *s->tables);
    s->tables[i] = t;
    s->n_tables++;
    s->last = t;
    return t;
}

bool store_drop(struct store *s, int64_t ns)
{
    uint32_t i = lower_bound(s, ns);
    if (i == s->n_tables || s->tables[i]->ns != ns)
        return true;
    struct table *t = s->tables[i];
    if (s->durable && t->saved) {
        if (s->n_drops == s->cap_drops) {
            uint32_t cap = s->cap_drops ? s->cap_drops * 2 : 4;
            int64_t *drops = mem_realloc(s->budget, s->drops, s->cap_drops * sizeof *drops, cap * sizeof *drops);
            if (!drops)
                return false;
            s->drops = drops;
            s->cap_drops = cap;
        }
        s->drops[s->n_drops++] = ns;
    }
    if (s->last == t)
        s->last = NULL;
    table_free(t);
    memmove(&s->tables[i], &s->tables[i + 1], (s->n_tables - i - 1) * sizeof *s->tables);
    s->n_tables--;
    return true;
}

struct table *store_next(const struct store *s, int64_t from, int64_t *ret_ns)
{
    uint32_t i = lower_bound(s, from);
    if (i == s->n_tables)
        return NULL;
    *ret_ns = s->tables[i]->ns;
    return s->tables[i];
}

uint64_t store_count(const struct store *s)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < s->n_tables; i++)
        n += s->tables[i]->count;
    return n;
}
