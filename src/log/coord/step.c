/* A step's lists, and what both coordinators know: which partition an id belongs to.
 *
 * A step is refused as a whole or done as a whole. So a function first makes what can be refused (copies, records),
 * sets aside the rest (step_room: the lists' places and the arena's bytes), and only then changes its state. */
#include "coord/private.h"

void coord_step_init(struct coord_step *step, struct arena *a)
{
    *step = (struct coord_step){ .arena = a, .producer_id = -1, .producer_epoch = -1 };
}

int32_t coord_partition(struct str key, int32_t n)
{
    /* Java hashes UTF-16. What is no UTF-8 hashes as U+FFFD, one a byte: it only has to be the same each time. */
    uint32_t hash = 0;
    for (size_t at = 0; at < key.len;) {
        uint32_t cp = utf8_next(key, &at);
        if (cp >= 0x10000) {
            hash = hash * 31 + (0xd800 + ((cp - 0x10000) >> 10));
            cp = 0xdc00 + ((cp - 0x10000) & 0x3ff);
        }
        hash = hash * 31 + cp;
    }
    /* Kafka's abs: of the least number 0 */
    int64_t h = (int32_t)hash;
    h = h == INT32_MIN ? 0 : h < 0 ? -h : h;
    return (int32_t)(h % n);
}

static bool list_room(struct arena *a, void **at, uint32_t *cap, uint32_t count, size_t size, uint32_t more)
{
    if (*cap - count >= more)
        return true;
    size_t want = (size_t)count + more > (size_t)*cap * 2 ? (size_t)count + more : (size_t)*cap * 2;
    if (want > UINT32_MAX / 2)
        return false;
    void *to = arena_calloc_array(a, size, want);
    if (!to)
        return false;
    if (count)
        memcpy(to, *at, size * count);
    *at = to;
    *cap = (uint32_t)want;
    return true;
}

bool step_room(struct coord_step *step, uint32_t replies, uint32_t records, size_t allocs, size_t bytes)
{
    struct arena *a = step->arena;
    return list_room(a, (void **)&step->replies.at, &step->replies.cap, step->replies.count, sizeof *step->replies.at,
                     replies) &&
           list_room(a, (void **)&step->records.at, &step->records.cap, step->records.count, sizeof *step->records.at,
                     records) &&
           arena_reserve(a, allocs, bytes);
}

enum status step_refused(struct arena *a, struct error *err)
{
    return budget_error(a->budget, 0, err);
}

struct str step_str(struct arena *a, struct str s)
{
    return s.ptr ? arena_str(a, s) : s;
}

static enum status encode(struct coord_step *step, struct buf *scratch, struct step_form f, struct str *ret,
                          struct error *err)
{
    buf_clear(scratch);
    TRY(wire_encode_stored(f.form, f.version, f.message, scratch, err));
    *ret = arena_str(step->arena, buf_str(scratch));
    return ret->ptr ? ST_OK : step_refused(step->arena, err);
}

enum status step_record(struct coord_step *step, struct buf *scratch, struct step_form key,
                        const struct step_form *value, struct error *err)
{
    struct coord_record r = { 0 };
    TRY(encode(step, scratch, key, &r.key, err));
    if (value)
        TRY(encode(step, scratch, *value, &r.value, err));
    size_t bytes = r.key.len + r.value.len;
    if (bytes > COORD_STEP_BYTES_MAX - step->record_bytes)
        return error_set(err, ST_LIMIT, "a step's records would be more than %d bytes", COORD_STEP_BYTES_MAX);
    struct coord_record *to = array_add(&step->records, step->arena);
    if (!to)
        return step_refused(step->arena, err);
    *to = r;
    step->record_bytes += bytes;
    return ST_OK;
}

void step_undo(struct coord_step *step, uint32_t count)
{
    while (step->records.count > count) {
        const struct coord_record *r = &step->records.at[--step->records.count];
        step->record_bytes -= r->key.len + r->value.len;
    }
}

bool own_str(struct budget *b, struct str s, struct str *ret)
{
    if (!s.ptr) {
        *ret = s;
        return true;
    }
    char *p = mem_alloc(b, s.len);
    if (!p)
        return false;
    if (s.len)
        memcpy(p, s.ptr, s.len);
    *ret = str_make(p, s.len);
    return true;
}

void own_drop(struct budget *b, struct str *s)
{
    mem_free(b, (char *)(uintptr_t)s->ptr, s->len);
    *s = (struct str){ 0 };
}

bool own_room(struct budget *b, void **at, uint32_t *cap, uint32_t count, size_t size)
{
    if (count < *cap)
        return true;
    if (*cap > UINT32_MAX / 4)
        return false;
    uint32_t to = *cap ? *cap * 2 : 4;
    void *p = mem_realloc(b, *at, size * *cap, size * to);
    if (!p)
        return false;
    *at = p;
    *cap = to;
    return true;
}
