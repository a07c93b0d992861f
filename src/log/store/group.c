/* Groups: filled by one thread, pushed onto the queue without a lock, taken whole by the writer.
 *
 * Offsets are given out when a batch is appended, before anybody knows whether the group will be durable. When a commit
 * fails, the store's era goes up: every group that began in an older era fails with it, also one that is still being
 * filled, and a partition whose `next` belongs to an older era goes on at its high watermark. So nothing must be undone
 * one by one, and a group never lands behind a gap. */
#include "store/private.h"

struct store_group *store_group_new(struct store *s, struct budget *b)
{
    struct store_group *g = mem_calloc(b, sizeof *g);
    if (!g)
        return NULL;
    g->store = s;
    g->budget = b;
    g->era = atomic_load(&s->era);
    g->batches = &g->one;
    g->cap_batches = 1;
    return g;
}

void store_group_free(struct store_group *g)
{
    if (!g)
        return;
    for (uint32_t i = g->n_batches; i-- > 0;) {
        struct group_batch *b = &g->batches[i];
        if (!g->submitted && b->log->era == g->era && b->log->next == b->end)
            b->log->next = b->base;
        shared_unref(b->bytes);
    }
    for (uint32_t i = 0; i < g->n_notes; i++)
        mem_free(g->budget, g->notes[i].bytes, g->notes[i].len);
    if (g->batches != &g->one)
        mem_free(g->budget, g->batches, g->cap_batches * sizeof *g->batches);
    mem_free(g->budget, g->notes, g->cap_notes * sizeof *g->notes);
    mem_free(g->budget, g, sizeof *g);
}

static enum status refused(const struct store_group *g, struct error *err)
{
    return budget_error(g->budget ? g->budget : budget_process(), sizeof *g->batches, err);
}

static bool batches_room(struct store_group *g)
{
    if (g->batches != &g->one || g->n_batches == 0)
        return store_grow(g->budget, (void **)&g->batches, &g->cap_batches, g->n_batches, sizeof *g->batches);
    struct group_batch *some = mem_alloc(g->budget, 4 * sizeof *some);
    if (!some)
        return false;
    some[0] = g->one;
    g->batches = some;
    g->cap_batches = 4;
    return true;
}

enum status store_group_append(struct store_group *g, struct store_log *l, struct shared *bytes, uint32_t at,
                               uint32_t len, int64_t *ret_base_offset, struct error *err)
{
    struct store *s = g->store;
    CHECK(!g->submitted && at <= bytes->len && len <= bytes->len - at);
    TRY(store_broken(s, err));
    if (g->era != atomic_load(&s->era))
        return error_set(err, ST_IO, "a commit has failed while the group was filled");
    struct batch_head h;
    uint8_t *p = bytes->data + at;
    if (len < RECORD_BATCH_HEADER || !batch_head_read(p, &h) || h.bytes != len)
        return error_set(err, ST_CORRUPT, "what is appended is no whole batch");
    if (!batches_room(g))
        return refused(g, err);
    if (l->era != g->era) {
        l->next = atomic_load(&l->high);
        l->era = g->era;
    }
    if (l->next > INT64_MAX - (h.end - h.base))
        return error_set(err, ST_LIMIT, "the partition has no more offsets");
    struct group_batch b = { .log = l, .bytes = shared_ref(bytes), .at = at, .len = len, .base = l->next,
                             .end = l->next + (h.end - h.base), .max_ms = h.max_ms };
    record_batch_stamp(p, b.base, store_log_epoch(l));
    l->next = b.end;
    g->batches[g->n_batches++] = b;
    g->bytes += len;
    *ret_base_offset = b.base;
    return ST_OK;
}

enum status store_group_note(struct store_group *g, const struct store_note *n, struct error *err)
{
    if (n->bytes.len > STORE_NOTE_MAX)
        return error_set(err, ST_LIMIT, "a note has %zu bytes, allowed are %d", n->bytes.len, STORE_NOTE_MAX);
    if (g->n_notes == STORE_NOTES_MAX)
        return error_set(err, ST_LIMIT, "a group has at most %d notes", STORE_NOTES_MAX);
    uint8_t *copy = n->bytes.len ? mem_alloc(g->budget, n->bytes.len) : NULL;
    if ((n->bytes.len && !copy) ||
        !store_grow(g->budget, (void **)&g->notes, &g->cap_notes, g->n_notes, sizeof *g->notes)) {
        mem_free(g->budget, copy, n->bytes.len);
        return refused(g, err);
    }
    if (n->bytes.len)
        memcpy(copy, n->bytes.ptr, n->bytes.len);
    g->notes[g->n_notes++] = (struct group_note){ n->kind, copy, (uint32_t)n->bytes.len };
    g->bytes += n->bytes.len;
    return ST_OK;
}

bool store_group_submit(struct store_group *g, void (*done)(void *arg, struct store_group *g, enum status st,
                        const struct error *err), void *arg)
{
    struct store *s = g->store;
    g->done = done;
    g->arg = arg;
    g->submitted = true;
    struct store_group *head = atomic_load(&s->queue);
    do {
        g->next = head;
    } while (!atomic_compare_exchange_weak(&s->queue, &head, g));
    return !head;
}

void store_wake(struct store *s)
{
    struct os_signal *signal = atomic_load(&s->on_work);
    if (signal)
        s->os->ops->signal_raise(s->os, signal);
}

void store_on_work(struct store *s, struct os_signal *signal) { atomic_store(&s->on_work, signal); }
