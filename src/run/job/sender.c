/* A sender: deals the rows of a batch out to the shards that own their keys.
 *
 * The hash of the canonical key gives the key group, the group its shard. Rows are sorted by shard (a counting
 * sort over row numbers) and appended to the batch that is gathering for the shard, which goes into the ring when
 * it is full. A watermark, an idle mark, a barrier and the end push what has gathered ahead of themselves, so
 * their order among the rows stays.
 *
 * All rings take a barrier or none: first everything that has gathered is sent, and only then the barrier goes to
 * all, which never fails (ring.c keeps room). So a receiver that waits for this task's barrier can always be fed,
 * whatever the other receivers wait for: barriers cannot lock tasks against one another.
 *
 * Strings are shared with the batch they come from; a batch that would pin far more than it uses is copied out. */
#include "job/job_private.h"

#define PIN_FACTOR 8u

enum status sender_init(struct sender *s, const struct node *exchange, uint32_t shards, uint32_t capacity,
                        struct arena *a, struct budget *b, struct error *err)
{
    s->exchange = exchange;
    s->shards = shards;
    s->capacity = capacity;
    s->budget = b;
    key_set_init(&s->keys, b);
    s->rings = ARENA_ARRAY(a, struct ring *, shards);
    s->wakers = ARENA_ARRAY(a, struct worker *, shards);
    s->pending = ARENA_ARRAY(a, struct batch *, shards);
    s->next = ARENA_ARRAY(a, uint32_t, shards + 1);
    s->end = ARENA_ARRAY(a, uint32_t, shards + 1);
    if (!s->rings || !s->wakers || !s->pending || !s->next || !s->end)
        return budget_error(b, shards * sizeof(void *) * 4, err);
    for (uint32_t g = 0; g < KEY_GROUPS; g++)
        s->owner[g] = (uint8_t)key_group_shard(g, shards);
    return ST_OK;
}

void sender_release(struct sender *s)
{
    for (uint32_t i = 0; s->pending && i < s->shards; i++)
        batch_free(s->pending[i]);
    if (s->exchange)
        key_set_release(&s->keys);
    mem_free(s->budget, s->order, s->order_room * sizeof *s->order);
}

static bool refuse(struct sender *s, size_t wanted, enum status *ret_st, struct error *err)
{
    *ret_st = budget_error(s->budget, wanted, err);
    return false;
}

/* The copied batch in place of one that pins too much. */
static struct batch *copy_out(struct batch *b, struct budget *budget)
{
    size_t pinned, used;
    batch_footprint(b, &pinned, &used);
    if (pinned <= PIN_FACTOR * used || pinned < (size_t)1 << 20)
        return b;
    struct batch *copy = batch_new(b->schema, b->capacity, budget);
    if (!copy)
        return b; /* worse for memory, not wrong */
    if (!batch_append_rows(copy, b, NULL, b->count, false)) {
        batch_free(copy);
        return b;
    }
    batch_free(b);
    return copy;
}

/* false: the ring is full. */
static bool send_pending(struct sender *s, uint32_t shard)
{
    struct batch *b = s->pending[shard];
    if (s->deaf || !ring_room(s->rings[shard], EVENT_BATCH)) {
        s->deaf = s->planted;
        return false;
    }
    struct ring_event ev = { .kind = EVENT_BATCH, .batch = copy_out(b, s->budget) };
    CHECK(ring_push(s->rings[shard], &ev));
    s->pending[shard] = NULL;
    worker_wake(s->wakers[shard]);
    return true;
}

bool sender_empty(const struct sender *s)
{
    for (uint32_t i = 0; i < s->shards; i++)
        if (s->pending[i])
            return false;
    return true;
}

bool sender_flush(struct sender *s, enum status *ret_st, struct error *err)
{
    (void)err;
    bool sent = false;
    *ret_st = ST_OK;
    if (s->running)
        return false; /* rows of the batch in work come first: it is sent with them */
    for (uint32_t i = 0; i < s->shards; i++)
        sent |= s->pending[i] && send_pending(s, i);
    return sent;
}

/* ---- dealing out ---- */

static bool order_reserve(struct sender *s, uint32_t rows)
{
    if (rows <= s->order_room)
        return true;
    rows = rows < s->capacity ? s->capacity : rows;
    uint16_t *order = mem_realloc(s->budget, s->order, s->order_room * sizeof *order, rows * sizeof *order);
    if (!order)
        return false;
    s->order = order;
    s->order_room = rows;
    return true;
}

static bool deal(struct sender *s, const struct batch *b)
{
    uint32_t n = batch_rows(b), n_keys = s->exchange->exchange.n_keys;
    if (!order_reserve(s, n))
        return false;
    memset(s->next, 0, (s->shards + 1) * sizeof *s->next);
    memset(s->end, 0, (s->shards + 1) * sizeof *s->end);
    if (n_keys == 0) {
        for (uint32_t k = 0; k < n; k++)
            s->order[k] = (uint16_t)batch_row(b, k);
        s->end[0] = n;
        for (uint32_t i = 1; i < s->shards; i++)
            s->next[i] = s->end[i] = n;
        return true;
    }
    if (!keys_encode(&s->keys, b, s->exchange->exchange.keys, n_keys))
        return false;
    for (uint32_t k = 0; k < n; k++)
        s->end[s->owner[hash_key_group(s->keys.hashes[k])]]++;
    uint32_t at = 0;
    for (uint32_t i = 0; i < s->shards; i++) {
        s->next[i] = at;
        at += s->end[i];
        s->end[i] = s->next[i];
    }
    for (uint32_t k = 0; k < n; k++)
        s->order[s->end[s->owner[hash_key_group(s->keys.hashes[k])]]++] = (uint16_t)batch_row(b, k);
    return true;
}

/* Rows of one shard into its gathering batches. false: a ring is full, or *ret_st. */
static bool gather(struct sender *s, uint32_t shard, const struct batch *b, enum status *ret_st, struct error *err)
{
    while (s->next[shard] < s->end[shard]) {
        struct batch *p = s->pending[shard];
        if (p && p->count == p->capacity) {
            if (!send_pending(s, shard))
                return false;
            continue;
        }
        if (!p && !(p = s->pending[shard] = batch_new(&s->exchange->schema, s->capacity, s->budget)))
            return refuse(s, s->capacity * sizeof(uint64_t), ret_st, err);
        uint32_t n = s->end[shard] - s->next[shard], room = p->capacity - p->count;
        n = n < room ? n : room;
        if (!batch_append_rows(p, b, s->order + s->next[shard], n, true))
            return refuse(s, n, ret_st, err);
        s->next[shard] += n;
    }
    return true;
}

static bool take_batch(struct sender *s, const struct batch *b, enum status *ret_st, struct error *err)
{
    if (!s->running) {
        if (!deal(s, b))
            return refuse(s, batch_rows(b), ret_st, err);
        s->running = true;
    }
    bool all = true;
    for (uint32_t i = 0; i < s->shards; i++) {
        all &= gather(s, i, b, ret_st, err);
        if (*ret_st != ST_OK)
            return false;
    }
    s->running = !all;
    for (uint32_t i = 0; i < s->shards; i++)
        if (s->pending[i] && s->pending[i]->count == s->pending[i]->capacity)
            (void)send_pending(s, i); /* or later */
    return all;
}

static bool take_control(struct sender *s, const struct event *ev)
{
    for (uint32_t i = 0; i < s->shards; i++)
        if (s->pending[i] && !send_pending(s, i))
            return false;
    struct ring_event out = { .kind = ev->kind, .idle = ev->idle, .final = ev->final, .time = ev->time,
                              .epoch = ev->epoch };
    for (; s->told < s->shards; s->told++) {
        if (!ring_push(s->rings[s->told], &out))
            return false;
        worker_wake(s->wakers[s->told]);
    }
    s->told = 0;
    s->ended |= ev->kind == EVENT_END;
    return true;
}

bool sender_take(struct sender *s, const struct event *ev, enum status *ret_st, struct error *err)
{
    *ret_st = ST_OK;
    if (s->ended)
        return true; /* barriers go on after the end; the receivers know that nothing follows */
    if (ev->kind == EVENT_BATCH)
        return batch_rows(ev->batch) == 0 || take_batch(s, ev->batch, ret_st, err);
    if (ev->kind == EVENT_SPLIT)
        return true;
    return take_control(s, ev);
}
