/* Keys of a whole batch: canonical bytes and hashes, a column at a time.
 *
 * Four ways, the first that fits:
 * 1. one BIGINT- or INT-class column without nulls: the key is a zero byte and the value; written with one store,
 *    and the hash is computed in registers from the value (XXH3's formulas for 9 and 5 bytes, checked by the test
 *    against hash_bytes);
 * 2. one string column without nulls: lengths first, one reservation, then the bytes;
 * 3. any flat columns: lengths of all keys by adding up column after column, then the bytes column after column.
 *    While writing, `bytes[k]` is the write position of key k; at the end it is moved back by `lens[k]`;
 * 4. lists, maps and rows among the columns: row_encode for each row.
 *
 * All keys of a batch lie in one store, so a state table can prefetch by them. */
#include "data/private.h"

#define STORE_MAX_BYTES ((size_t)1 << 31)

void key_set_init(struct key_set *k, struct budget *b)
{
    *k = (struct key_set){ 0 };
    buf_init(&k->store, b, STORE_MAX_BYTES);
}

void key_set_release(struct key_set *k)
{
    struct budget *b = k->store.budget;
    mem_free(b, k->bytes, k->cap * sizeof *k->bytes);
    mem_free(b, k->lens, k->cap * sizeof *k->lens);
    mem_free(b, k->hashes, k->cap * sizeof *k->hashes);
    buf_release(&k->store);
    *k = (struct key_set){ 0 };
}

/* All three arrays have the same cap, so they are made new together or not at all. */
static bool key_set_room(struct key_set *k, uint32_t n)
{
    if (n <= k->cap)
        return true;
    uint32_t cap = n < BATCH_ROWS ? BATCH_ROWS : n;
    struct budget *b = k->store.budget;
    const uint8_t **bytes = mem_alloc(b, cap * sizeof *bytes);
    uint32_t *lens = mem_alloc(b, cap * sizeof *lens);
    uint64_t *hashes = mem_alloc(b, cap * sizeof *hashes);
    if (!bytes || !lens || !hashes) {
        mem_free(b, bytes, cap * sizeof *bytes);
        mem_free(b, lens, cap * sizeof *lens);
        mem_free(b, hashes, cap * sizeof *hashes);
        return false;
    }
    mem_free(b, k->bytes, k->cap * sizeof *k->bytes);
    mem_free(b, k->lens, k->cap * sizeof *k->lens);
    mem_free(b, k->hashes, k->cap * sizeof *k->hashes);
    k->bytes = bytes;
    k->lens = lens;
    k->hashes = hashes;
    k->cap = cap;
    return true;
}

/* XXH3-64, seed 0, of the nine bytes 00 and `v`: the formula for 9 to 16 bytes of the xxHash specification. With
 * nine bytes the two overlapping words are v << 8 and v. The constants are words 24 ^ 32 and 40 ^ 48 of its secret. */
static inline uint64_t hash_i64_key(uint64_t v)
{
    uint64_t low = (v << 8) ^ (0x1f67b3b7a4a44072ULL ^ 0x78e5c0cc4ee679cbULL);
    uint64_t high = v ^ (0x2172ffcc7dd05a82ULL ^ 0x8e2443f7744608b8ULL);
    unsigned __int128 product = (unsigned __int128)low * high;
    uint64_t h = 9 + __builtin_bswap64(low) + high + ((uint64_t)product ^ (uint64_t)(product >> 64));
    h ^= h >> 37;
    h *= 0x165667919e3779f9ULL;
    return h ^ (h >> 32);
}

/* The same of the five bytes 00 and `v`: the formula for 4 to 8 bytes. */
static inline uint64_t hash_i32_key(uint32_t v)
{
    uint64_t joined = v + ((uint64_t)(v << 8) << 32);
    uint64_t h = joined ^ (0x1cad21f72c81017cULL ^ 0xdb979083e96dd4deULL);
    h ^= ((h << 49) | (h >> 15)) ^ ((h << 24) | (h >> 40));
    h *= 0x9fb21c651e98df25ULL;
    h ^= (h >> 35) + 5;
    h *= 0x9fb21c651e98df25ULL;
    return h ^ (h >> 28);
}

static bool encode_i64(struct key_set *k, const struct batch *b, const struct column *c)
{
    uint32_t n = k->n;
    if (!buf_reserve(&k->store, n * (size_t)9))
        return false;
    uint8_t *at = k->store.data;
    for (uint32_t i = 0; i < n; i++, at += 9) {
        uint64_t v = (uint64_t)c->i64[batch_row(b, i)];
        at[0] = 0;
        memcpy(at + 1, &v, 8);
        k->bytes[i] = at;
        k->lens[i] = 9;
        k->hashes[i] = hash_i64_key(v);
    }
    k->store.len = n * (size_t)9;
    return true;
}

static bool encode_i32(struct key_set *k, const struct batch *b, const struct column *c)
{
    uint32_t n = k->n;
    if (!buf_reserve(&k->store, n * (size_t)5))
        return false;
    uint8_t *at = k->store.data;
    for (uint32_t i = 0; i < n; i++, at += 5) {
        uint32_t v = (uint32_t)c->i32[batch_row(b, i)];
        at[0] = 0;
        memcpy(at + 1, &v, 4);
        k->bytes[i] = at;
        k->lens[i] = 5;
        k->hashes[i] = hash_i32_key(v);
    }
    k->store.len = n * (size_t)5;
    return true;
}

/* Sixteen bytes are copied for every inline string whatever its length: the store has that much slack at its end. */
static bool encode_string(struct key_set *k, const struct batch *b, const struct column *c)
{
    uint32_t n = k->n;
    size_t total = 0;
    for (uint32_t i = 0; i < n; i++)
        total += 5 + (size_t)c->str[batch_row(b, i)].len;
    if (!buf_reserve(&k->store, total + 16))
        return false;
    uint8_t *at = k->store.data;
    for (uint32_t i = 0; i < n; i++) {
        const struct strview *v = &c->str[batch_row(b, i)];
        uint32_t len = v->len;
        k->bytes[i] = at;
        k->lens[i] = len + 5;
        at[0] = 0;
        if (len <= 12) {
            memcpy(at + 1, v, 16);
        } else {
            memcpy(at + 1, &len, 4);
            memcpy(at + 5, c->bufs[v->ref.buffer]->data + v->ref.offset, len);
        }
        at += len + 5;
    }
    k->store.len = total;
    for (uint32_t i = 0; i < n; i++)
        k->hashes[i] = hash_bytes(k->bytes[i], k->lens[i]);
    return true;
}

static void add_lengths(struct key_set *k, const struct batch *b, const struct column *c)
{
    enum phys phys = type_phys(c->type);
    uint32_t fixed = (uint32_t)phys_size(phys);
    if (phys != PHYS_STRING && !c->nulls) {
        for (uint32_t i = 0; i < k->n; i++)
            k->lens[i] += fixed;
        return;
    }
    for (uint32_t i = 0; i < k->n; i++) {
        uint32_t row = batch_row(b, i);
        if (!column_is_null(c, row))
            k->lens[i] += phys == PHYS_STRING ? c->str[row].len + 4 : fixed;
    }
}

/* The forms that need no look at the value, without nulls: one store each. */
#define WRITE_PLAIN(member)                                     \
    for (uint32_t i = 0; i < k->n; i++) {                       \
        uint8_t *at = (uint8_t *)k->bytes[i];                   \
        memcpy(at, &c->member[batch_row(b, i)], sizeof *c->member); \
        k->bytes[i] = at + sizeof *c->member;                   \
    }

static void write_strings(struct key_set *k, const struct batch *b, const struct column *c)
{
    for (uint32_t i = 0; i < k->n; i++) {
        uint32_t row = batch_row(b, i);
        uint8_t *at = (uint8_t *)k->bytes[i];
        struct str s = column_str(c, row);
        uint32_t len = (uint32_t)s.len;
        memcpy(at, &len, 4);
        memcpy(at + 4, s.ptr, len);
        k->bytes[i] = at + 4 + len;
    }
}

/* With nulls, and floats, which have a canonical form. While writing, hashes[i] is where the key starts. */
static void write_any(struct key_set *k, const struct batch *b, const struct column *c, enum phys phys,
                      uint32_t position)
{
    for (uint32_t i = 0; i < k->n; i++) {
        uint32_t row = batch_row(b, i);
        uint8_t *at = (uint8_t *)k->bytes[i];
        if (column_is_null(c, row)) {
            k->store.data[k->hashes[i] + position / 8] |= (uint8_t)(1u << (position % 8));
        } else if (phys == PHYS_STRING) {
            struct str s = column_str(c, row);
            uint32_t len = (uint32_t)s.len;
            memcpy(at, &len, 4);
            memcpy(at + 4, s.ptr, len);
            k->bytes[i] = at + 4 + len;
        } else {
            k->bytes[i] = row_put_fixed(at, c, phys, row, false);
        }
    }
}

static void write_column(struct key_set *k, const struct batch *b, const struct column *c, uint32_t position)
{
    enum phys phys = type_phys(c->type);
    if (phys == PHYS_I64 && !c->nulls) {
        WRITE_PLAIN(i64)
    } else if (phys == PHYS_I32 && !c->nulls) {
        WRITE_PLAIN(i32)
    } else if (phys == PHYS_STRING && !c->nulls) {
        write_strings(k, b, c);
    } else {
        write_any(k, b, c, phys, position);
    }
}

static bool encode_flat(struct key_set *k, const struct batch *b, const uint32_t *cols, uint32_t n_cols)
{
    uint32_t null_bytes = (n_cols + 7) / 8;
    for (uint32_t i = 0; i < k->n; i++)
        k->lens[i] = null_bytes;
    for (uint32_t j = 0; j < n_cols; j++)
        add_lengths(k, b, &b->cols[cols[j]]);
    size_t total = 0;
    for (uint32_t i = 0; i < k->n; i++)
        total += k->lens[i];
    if (!buf_reserve(&k->store, total + 16)) /* never a store without memory, even for keys of no bytes */
        return false;
    size_t at = 0;
    for (uint32_t i = 0; i < k->n; i++) {
        if (null_bytes)
            memset(k->store.data + at, 0, null_bytes);
        k->hashes[i] = at;
        k->bytes[i] = k->store.data + at + null_bytes;
        at += k->lens[i];
    }
    k->store.len = total;
    for (uint32_t j = 0; j < n_cols; j++)
        write_column(k, b, &b->cols[cols[j]], j);
    for (uint32_t i = 0; i < k->n; i++) {
        k->bytes[i] -= k->lens[i];
        k->hashes[i] = hash_bytes(k->bytes[i], k->lens[i]);
    }
    return true;
}

static bool encode_nested(struct key_set *k, const struct batch *b, const uint32_t *cols, uint32_t n_cols)
{
    for (uint32_t i = 0; i < k->n; i++) {
        size_t start = k->store.len;
        if (!row_encode(&k->store, b->cols, cols, n_cols, batch_row(b, i), false))
            return false;
        k->lens[i] = (uint32_t)(k->store.len - start);
    }
    const uint8_t *at = k->store.data;
    for (uint32_t i = 0; i < k->n; at += k->lens[i], i++) {
        k->bytes[i] = at;
        k->hashes[i] = hash_bytes(at, k->lens[i]);
    }
    return true;
}

bool keys_encode(struct key_set *k, const struct batch *b, const uint32_t *cols, uint32_t n_cols)
{
    uint32_t n = batch_rows(b);
    k->n = 0;
    buf_clear(&k->store);
    if (!key_set_room(k, n))
        return false;
    k->n = n;
    bool flat = true, ok;
    for (uint32_t j = 0; j < n_cols; j++)
        flat = flat && type_phys(b->cols[cols[j]].type) <= PHYS_STRING;
    const struct column *only = n_cols == 1 && !b->cols[cols[0]].nulls ? &b->cols[cols[0]] : NULL;
    enum phys phys = only ? type_phys(only->type) : PHYS_COUNT;
    if (phys == PHYS_I64)
        ok = encode_i64(k, b, only);
    else if (phys == PHYS_I32)
        ok = encode_i32(k, b, only);
    else if (phys == PHYS_STRING)
        ok = encode_string(k, b, only);
    else if (flat)
        ok = encode_flat(k, b, cols, n_cols);
    else
        ok = encode_nested(k, b, cols, n_cols);
    if (!ok)
        k->n = 0;
    return ok;
}
