/* A walk over a partition's batches by their headers, from an offset on, without the index of timestamps or producers.
 *
 * The store gives ranges of whole batches; of these a window is read at a time, and where batches are large only their
 * heads, with room for a marker. A batch that is wanted whole is read by itself. */
#include "topic/private.h"

#include <stdio.h>

enum { RANGE_BYTES = 16 << 20, HEAD_BYTES = 128 };

void scan_begin(struct scan *s, struct topic_partition *p, int64_t from, int64_t limit)
{
    s->partition = p;
    s->next = from;
    s->limit = limit;
    s->range = (struct store_range){ 0 };
    s->at = s->window_at = 0;
    s->window_len = 0;
}

void scan_end(struct scan *s) { store_range_release(&s->range); }

static enum status window(struct scan *s, size_t want, struct error *err)
{
    uint64_t end = s->range.at + s->range.len;
    size_t len = (size_t)(end - s->at < sizeof s->window ? end - s->at : sizeof s->window);
    if (s->window_len > 0 && s->at > s->window_at + s->window_len && len > want)
        len = want; /* batches are larger than the window */
    TRY(os_pread(s->partition->topic->node->os, s->range.file, s->window, len, s->at, &s->window_len, err));
    s->window_at = s->at;
    return ST_OK;
}

static enum status head(struct scan *s, struct record_batch *ret, size_t *ret_len, struct error *err)
{
    uint64_t left = s->range.at + s->range.len - s->at;
    size_t want = left < HEAD_BYTES ? (size_t)left : HEAD_BYTES;
    if (s->at < s->window_at || s->at + want > s->window_at + s->window_len)
        TRY(window(s, want, err));
    size_t skip = (size_t)(s->at - s->window_at);
    enum status st = record_batch_head(str_make(s->window + skip, s->window_len - skip), ret, ret_len, err);
    if (st == ST_OK && *ret_len <= left)
        return ST_OK;
    return error_set(err, ST_CORRUPT, "no batch stands where '%s' partition %u should have offset %lld",
                     s->partition->topic->name, s->partition->index, (long long)s->next);
}

enum status scan_next(struct scan *s, struct record_batch *ret, bool *ret_end, struct error *err)
{
    size_t len;
    *ret_end = false;
    do {
        if (!s->range.pin || s->at >= s->range.at + s->range.len) {
            store_range_release(&s->range);
            s->behind = s->next;
            TRY(store_read(s->partition->log, s->next, s->limit, RANGE_BYTES, &s->range, &s->behind, err));
            s->at = s->range.at;
            s->window_len = 0;
            *ret_end = s->range.len == 0;
            if (*ret_end)
                return ST_OK;
        }
        s->behind = s->next;
        TRY(head(s, ret, &len, err));
        s->batch_at = s->at;
        s->at += len;
    } while (record_batch_last_offset(ret) < s->next); /* the first range may begin before */
    s->behind = s->next = record_batch_last_offset(ret) + 1;
    ret->bytes.len = len; /* of which the window has the beginning */
    return ST_OK;
}

enum status scan_whole(struct scan *s, struct buf *room, struct record_batch *ret, struct error *err)
{
    size_t len = ret->bytes.len, got;
    buf_clear(room);
    if (!buf_reserve(room, len))
        return budget_error(room->budget ? room->budget : budget_process(), len, err);
    TRY(os_pread(s->partition->topic->node->os, s->range.file, room->data, len, s->batch_at, &got, err));
    room->len = got;
    enum status st = record_batch_read(buf_str(room), ret, &len, err);
    if (st == ST_OK)
        st = record_batch_check(ret, err);
    if (st != ST_OK) {
        char place[TOPIC_NAME_MAX + 16];
        snprintf(place, sizeof place, "%s-%u", s->partition->topic->name, s->partition->index);
        error_place(err, place, 0, 0, (int64_t)s->batch_at);
    }
    return st;
}

static enum status visit_batch(struct scan *s, struct record_iter *it, const struct record_batch *b, scan_visit *visit,
                               void *arg, struct error *err)
{
    struct record r;
    bool end = false;
    int64_t start = store_log_start(s->partition->log);
    TRY(record_iter_open(it, b, err));
    for (;;) {
        TRY(record_iter_next(it, &r, &end, err));
        if (end)
            return ST_OK;
        if (r.offset >= start)
            TRY(visit(arg, b, &r, err));
    }
}

enum status scan_records(struct topic_partition *p, scan_visit *visit, void *arg, struct error *err)
{
    struct budget *budget = p->topic->node->budget;
    struct scan *s = mem_alloc(budget, sizeof *s);
    struct record_iter *it = NULL;
    struct record_batch b;
    struct buf room;
    bool end = false;
    if (!s)
        return budget_error(budget ? budget : budget_process(), sizeof *s, err);
    buf_init(&room, budget, (size_t)1 << 30);
    scan_begin(s, p, store_log_start(p->log), INT64_MAX);
    enum status st = record_iter_new(budget, (size_t)1 << 30, &it, err);
    while (st == ST_OK && !end) {
        st = scan_next(s, &b, &end, err);
        if (st == ST_OK && !end)
            st = scan_whole(s, &room, &b, err);
        if (st == ST_OK && !end)
            st = visit_batch(s, it, &b, visit, arg, err);
    }
    scan_end(s);
    record_iter_free(it);
    buf_release(&room);
    mem_free(budget, s, sizeof *s);
    return st;
}
