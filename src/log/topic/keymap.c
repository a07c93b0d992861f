/* Keys to their newest offsets, for compaction: open addressing in one block that is as large as it is allowed to be.
 *
 * A key is its XXH3 hash, its CRC-32C and its length: 128 bits of which two keys agree in all with a chance of about one to
 * 2^64 and more at ten million keys; Kafka trusts an MD5 in the same way. 24 bytes an entry, filled to three quarters. */
#include "topic/private.h"

struct keymap_entry {
    uint64_t hash;
    uint32_t crc, len;
    int64_t offset; /* + 1; 0: nothing here */
};

bool keymap_init(struct keymap *m, struct budget *b, size_t bytes)
{
    uint64_t cap = 16;
    while (cap * 2 * sizeof(struct keymap_entry) <= bytes)
        cap *= 2;
    *m = (struct keymap){ .budget = b, .cap = cap };
    m->entries = mem_calloc(b, cap * sizeof *m->entries);
    return m->entries;
}

void keymap_release(struct keymap *m)
{
    mem_free(m->budget, m->entries, m->cap * sizeof *m->entries);
    m->entries = NULL;
}

static struct keymap_entry *place(const struct keymap *m, struct str key, struct keymap_entry *ret)
{
    *ret = (struct keymap_entry){ hash_bytes(key.ptr, key.len), crc32c(0, key.ptr, key.len), (uint32_t)key.len, 0 };
    uint64_t i = ret->hash & (m->cap - 1);
    for (; m->entries[i].offset; i = (i + 1) & (m->cap - 1)) {
        const struct keymap_entry *e = &m->entries[i];
        if (e->hash == ret->hash && e->crc == ret->crc && e->len == ret->len)
            break;
    }
    return &m->entries[i];
}

bool keymap_put(struct keymap *m, struct str key, int64_t offset)
{
    struct keymap_entry k, *e = place(m, key, &k);
    if (!e->offset) {
        if (m->count >= m->cap / 4 * 3)
            return false;
        *e = k;
        m->count++;
    }
    e->offset = offset + 1;
    return true;
}

int64_t keymap_get(const struct keymap *m, struct str key)
{
    struct keymap_entry k;
    return place(m, key, &k)->offset - 1;
}
