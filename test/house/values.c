/* Tombstones have their number in a header.
 *
 * Records: {"id":17,"k":2,"ts":"2026-01-01 00:00:05","p":"…"}. Key, second and filling follow from the number, so whatever is
 * read is either the very text of a record or was torn. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

uint32_t value_new(struct world *w, uint16_t place, uint32_t second)
{
    if (w->n_made == w->cap_made) {
        w->cap_made = w->cap_made ? w->cap_made * 2 : 512;
        w->made = realloc(w->made, w->cap_made * sizeof *w->made);
        if (!w->made)
            abort();
        if (w->n_made == 0)
            w->n_made = 1; /* 0 is nobody */
    }
    w->made[w->n_made] = (struct made){ (uint32_t)below(w, KEYS), second, places[place].kind == PARTITION_COMPACTED && chance(w, 4) };
    return w->n_made++;
}

size_t value_text(const struct world *w, uint32_t id, char *out, size_t room)
{
    const struct made *m = &w->made[id];
    uint32_t fill = id * 7 % 150;
    int n = snprintf(out, room, "{\"id\":%u,\"k\":%u,\"ts\":\"2026-01-01 %02u:%02u:%02u\",\"p\":\"", id, m->key, m->second / 3600,
                     m->second / 60 % 60, m->second % 60);
    size_t len = (size_t)n;
    memset(out + len, 'a' + (int)(id % 26), fill);
    len += fill;
    memcpy(out + len, "\"}", 2);
    return len + 2;
}

static bool number_behind(struct str s, const char *name, int64_t *ret)
{
    int64_t at = str_find(s, str_from(name), 0);
    if (at < 0)
        return false;
    size_t i = (size_t)at + strlen(name), end = i;
    while (end < s.len && ((s.ptr[end] >= '0' && s.ptr[end] <= '9') || s.ptr[end] == '-'))
        end++;
    return str_to_i64(str_make(s.ptr + i, end - i), ret);
}

static bool read_window(struct str v, struct fact *e)
{
    int64_t at = str_find(v, STR("2026-01-01 "), 0), h, m, s;
    if (at < 0 || v.len < (size_t)at + 19 || !str_to_i64(str_make(v.ptr + at + 11, 2), &h) ||
        !str_to_i64(str_make(v.ptr + at + 14, 2), &m) || !str_to_i64(str_make(v.ptr + at + 17, 2), &s))
        return false;
    e->a = h * 3600 + m * 60 + s;
    return number_behind(v, "\"k\":", &e->b) && number_behind(v, "\"n\":", &e->c) && number_behind(v, "\"m\":", &e->d);
}

/* Of a header "id": 4 is the length of its name, as a varint. */
static uint32_t read_tombstone(const struct world *w, const struct record *r)
{
    char key[16];
    int64_t id;
    if (r->n_headers != 1 || r->headers.len < 5 || memcmp(r->headers.ptr, "\004id", 3) != 0 ||
        !str_to_i64(str_make(r->headers.ptr + 4, r->headers.len - 4), &id) || id <= 0 || id >= w->n_made || !w->made[id].tombstone)
        return 0;
    int len = snprintf(key, sizeof key, "k%u", w->made[id].key);
    return str_eq(r->key, str_make(key, (size_t)len)) ? (uint32_t)id : 0;
}

void value_read(struct world *w, uint16_t place, const struct record *r, struct fact *e)
{
    char text[512];
    int64_t id;
    e->offset = r->offset;
    e->stamp_ms = r->timestamp_ms;
    e->id = 0;
    if (!r->value.ptr) {
        e->id = read_tombstone(w, r);
        return;
    }
    if (places[place].kind == PARTITION_WINDOWS) {
        e->id = read_window(r->value, e);
        return;
    }
    if (!number_behind(r->value, "\"id\":", &id) || id <= 0 || id >= w->n_made)
        return;
    if (places[place].kind != PARTITION_COPY) {
        size_t n = value_text(w, (uint32_t)id, text, sizeof text);
        if (!str_eq(r->value, str_make(text, n)))
            return;
    }
    e->id = (uint32_t)id;
}

struct str batch_make(struct world *w, const struct sent_batch *b, struct record_producer producer)
{
    struct record_builder *builder = w->builders[b->first % 3 ? 0 : b->first % (RECORD_ZSTD + 1)]; /* the same when it is sent again */
    struct buf out;
    char text[512], key[16], header[24];
    int64_t now_ms = os_wall_ms(w->os);
    buf_init(&out, NULL, 1 << 20);
    for (uint32_t i = 0; i < b->count; i++) {
        uint32_t id = b->first + i;
        bool full;
        int len = snprintf(key, sizeof key, "k%u", w->made[id].key);
        struct record r = { .offset = -1, .timestamp_ms = now_ms + i, .key = { key, (size_t)len },
                            .value = { text, value_text(w, id, text, sizeof text) } };
        if (w->made[id].tombstone) {
            int n = snprintf(header, sizeof header, "\004id%c%u", 0, id);
            header[3] = (char)(2 * (n - 4));
            r.value = (struct str){ NULL, 0 };
            r.headers = str_make(header, (size_t)n);
            r.n_headers = 1;
        }
        CHECK(record_builder_add(builder, &r, &full, NULL) == ST_OK && !full);
    }
    CHECK(record_builder_finish(builder, producer, &out, NULL) == ST_OK);
    struct str s = arena_str(&w->arena, buf_str(&out));
    buf_release(&out);
    return s;
}
