/* Fetch: ranges of segment files, sent without a copy; parked until there is enough.
 *
 * A fetch reads all its partitions in order until max_bytes are found. With fewer than min_bytes, no error and time left
 * it lets go of what it has (files, the frame) and waits on all of them; woken or due, it reads anew, so what is answered
 * is of one moment. Each wait ends before the next begins; a wake-up that crosses the due time is waited for, since its
 * letter holds the call.
 *
 * Of the bytes of a range nothing passes through us: the reply has a gap there, and link sends the file's. Small ranges
 * are read into the reply instead: one call for many. Ranges live until link has sent them, beyond the call, in a block
 * of their own.
 *
 * There are no sessions: every answer says session 0, and clients go on with full fetches. A request that begins one
 * (epoch 0) or is of none (-1) is a full fetch, whatever session it leaves behind; one that goes on with a session is told
 * that there is none. */
#include "broker/handlers.h"

#define FETCH_MAX_BYTES (55u << 20) /* Kafka's fetch.max.bytes */
#define INLINE_RANGE 8192u          /* a range up to here is copied ... */
#define INLINE_ALL (256u << 10)     /* ... up to so many bytes a reply */

struct sent_range {
    struct link_range range; /* first: link gives it back */
    struct sent_block *block;
    struct store_range file;
};
struct sent_block {
    struct budget *budget;
    uint32_t n, left; /* ranges; not released yet */
    struct sent_range at[];
};

struct slot {
    struct topic_fetch f;
    struct str copied; /* its range's bytes, when it is small */
};

struct fetch {
    struct slot *slots; /* in the order of the request */
    uint32_t n_slots;
    struct topic_wait wait;
    int64_t due_ns;
    uint64_t bytes;
    uint32_t min_bytes;
    bool at_once; /* an error, or something else not to wait with */
    bool over;    /* the time is up: the letter of the wake-up answers */
};

/* ---- reading ---- */

static void drop(struct topic_fetch *f)
{
    if (f->range.pin)
        store_range_release(&f->range);
    memset(&f->range, 0, sizeof f->range);
    f->n_aborted = 0;
}

static void release(struct fetch *w)
{
    for (uint32_t i = 0; i < w->n_slots; i++)
        drop(&w->slots[i].f);
}

static void say_behind(struct call *c, const struct topic_fetch *f)
{
    struct str name = topic_name(topic_of(f->partition)), who = c->client_id;
    if (f->kafka != KAFKA_E_OFFSET_OUT_OF_RANGE || f->offset < 0 || f->offset >= f->start)
        return;
    door_say(c->door, "reader '%.*s' of %.*s-%u fell behind retention: asks for %lld, the first is %lld; "
             "such reads of this topic: %llu",
             (int)(who.len < 64 ? who.len : 64), who.ptr ? who.ptr : "", STR_ARG(name),
             topic_partition_index(f->partition), (long long)f->offset, (long long)f->start,
             (unsigned long long)topic_count(topic_of(f->partition)).fell_behind);
}

static void say_damage(struct call *c, const struct topic_fetch *f, const struct error *why)
{
    struct str name = topic_name(topic_of(f->partition)), who = c->client_id;
    door_say(c->door, "reader '%.*s' of %.*s-%u cannot have offset %lld: %s (%s)", (int)(who.len < 64 ? who.len : 64),
             who.ptr ? who.ptr : "", STR_ARG(name), topic_partition_index(f->partition), (long long)f->offset,
             why->message, why->hint);
}

/* What is there after the bytes that are allowed. false: no memory. */
static bool read_all(struct call *c, struct fetch *w)
{
    const struct kafka_fetch_request *q = c->in;
    uint64_t left = q->max_bytes < 0 ? 0 : (uint64_t)q->max_bytes;
    struct error err;
    left = left < FETCH_MAX_BYTES ? left : FETCH_MAX_BYTES;
    w->bytes = 0;
    struct slot *s = w->slots;
    for (uint32_t i = 0; i < q->n_topics; i++) {
        const struct kafka_fetch_request_topic *t = &q->topics[i];
        for (uint32_t k = 0; k < t->n_partitions; k++, s++) {
            if (!s->f.partition)
                continue;
            int32_t most = t->partitions[k].partition_max_bytes;
            s->f.max_bytes = most > 0 ? ((uint64_t)most < left ? (uint32_t)most : (uint32_t)left) : 0;
            if (w->bytes == 0 && s->f.max_bytes == 0)
                s->f.max_bytes = 1; /* the first batch always comes */
            enum status st = topic_read(&s->f, &c->arena, &err);
            if (st == ST_MEMORY)
                return false;
            if (s->f.kafka != KAFKA_E_NONE)
                say_behind(c, &s->f);
            if (st == ST_CORRUPT)
                say_damage(c, &s->f, &err);
            bool full = w->bytes > 0 && (left == 0 || s->f.range.len > left); /* such a batch waits until it is the first */
            if (full || s->f.max_bytes == 0) /* else only looked at */
                drop(&s->f);
            w->at_once = w->at_once || full;
            w->at_once = w->at_once || s->f.kafka != KAFKA_E_NONE || s->f.diverging_epoch >= 0;
            w->bytes += s->f.range.len;
            left -= s->f.range.len < left ? s->f.range.len : left;
        }
    }
    return true;
}

/* ---- the answer ---- */

static void sent(struct link_range *r)
{
    struct sent_range *s = (struct sent_range *)r;
    struct sent_block *b = s->block;
    store_range_release(&s->file);
    if (--b->left == 0)
        mem_free(b->budget, b, sizeof *b + b->n * sizeof b->at[0]);
}

/* Small ranges into memory; what cannot be read is an error of its partition. */
static bool copy_small(struct call *c, struct fetch *w, uint32_t *ret_ranges)
{
    uint32_t room = INLINE_ALL, n = 0;
    for (uint32_t i = 0; i < w->n_slots; i++) {
        struct slot *s = &w->slots[i];
        struct store_range *r = &s->f.range;
        if (r->len == 0 || r->len > INLINE_RANGE || r->len > room) {
            n += r->len > 0;
            continue;
        }
        size_t got = 0;
        uint8_t *bytes = arena_alloc(&c->arena, (size_t)r->len);
        if (!bytes)
            return false;
        enum status st = os_pread(call_os(c), r->file, bytes, (size_t)r->len, r->at, &got, NULL);
        if (st == ST_OK && got == r->len)
            s->copied = str_make(bytes, got);
        else
            s->f.kafka = KAFKA_E_KAFKA_STORAGE_ERROR;
        room -= (uint32_t)r->len;
        store_range_release(r);
        memset(r, 0, sizeof *r); /* what is to be skipped in it stays */
    }
    *ret_ranges = n;
    return true;
}

static struct sent_block *block_new(struct call *c, uint32_t n)
{
    struct budget *budget = c->door->broker->o.budget;
    struct sent_block *b = mem_calloc(budget, sizeof *b + n * sizeof b->at[0]);
    if (b) {
        b->budget = budget;
        b->n = n;
    }
    return b;
}

static bool fill_aborted(struct call *c, const struct topic_fetch *f, struct kafka_fetch_response_partition *r)
{
    if (!f->committed)
        return true;
    r->aborted_transactions = KAFKA_NEW(&c->arena, fetch_response_aborted_transaction, f->n_aborted);
    if (!r->aborted_transactions)
        return false;
    r->n_aborted_transactions = f->n_aborted;
    for (uint32_t i = 0; i < f->n_aborted; i++) {
        r->aborted_transactions[i].producer_id = f->aborted[i].producer_id;
        r->aborted_transactions[i].first_offset = f->aborted[i].first_offset;
    }
    return true;
}

static bool fill_partition(struct call *c, struct slot *s, struct sent_block *b, struct kafka_fetch_response_partition *r)
{
    const struct topic_fetch *f = &s->f;
    r->error_code = f->kafka;
    r->high_watermark = -1; /* the other two are -1 by default */
    if (f->kafka != KAFKA_E_NONE)
        return true;
    r->high_watermark = f->high;
    r->last_stable_offset = f->stable;
    r->log_start_offset = f->start;
    if (f->diverging_epoch >= 0) {
        r->diverging_epoch = KAFKA_NEW(&c->arena, fetch_response_diverging_epoch, 1);
        if (!r->diverging_epoch)
            return false;
        r->diverging_epoch->epoch = f->diverging_epoch;
        r->diverging_epoch->end_offset = f->diverging_end;
    }
    r->records.bytes = s->copied.ptr ? s->copied : STR("");
    if (f->range.len > 0) {
        struct sent_range *out = &b->at[b->left++];
        *out = (struct sent_range){ .block = b, .file = f->range };
        out->range = (struct link_range){ .file = f->range.file, .at = f->range.at, .release = sent };
        r->records.gap_len = f->range.len;
        r->records.gap_owner = &out->range;
        s->f.range.pin = NULL; /* the block's now */
    }
    return fill_aborted(c, f, r);
}

static bool fill(struct call *c, struct fetch *w, struct sent_block *b, struct kafka_fetch_response *r)
{
    const struct kafka_fetch_request *q = c->in;
    struct slot *s = w->slots;
    r->n_responses = q->n_topics;
    r->responses = KAFKA_NEW(&c->arena, fetch_response_topic, q->n_topics);
    if (!r->responses)
        return false;
    for (uint32_t i = 0; i < q->n_topics; i++) {
        const struct kafka_fetch_request_topic *from = &q->topics[i];
        struct kafka_fetch_response_topic *t = &r->responses[i];
        t->topic = from->topic;
        t->topic_id = from->topic_id;
        t->n_partitions = from->n_partitions;
        t->partitions = KAFKA_NEW(&c->arena, fetch_response_partition, from->n_partitions);
        if (!t->partitions)
            return false;
        for (uint32_t k = 0; k < from->n_partitions; k++) {
            t->partitions[k].partition_index = from->partitions[k].partition;
            if (!fill_partition(c, s++, b, &t->partitions[k]))
                return false;
        }
    }
    return true;
}

static void block_drop(struct sent_block *b)
{
    if (!b)
        return;
    if (b->left == 0)
        mem_free(b->budget, b, sizeof *b + b->n * sizeof b->at[0]);
    else
        for (uint32_t n = b->left, i = 0; i < n; i++)
            sent(&b->at[i].range);
}

static void answer_fetch(struct call *c)
{
    struct fetch *w = c->state;
    struct kafka_fetch_response r;
    struct sent_block *b = NULL;
    uint32_t n = 0;
    if (c->peer->closed) {
        release(w);
        call_answer_nothing(c);
        return;
    }
    KAFKA_INIT(fetch_response, &r);
    struct wire_gaps gaps = { .room = 0 };
    bool ok = copy_small(c, w, &n);
    if (ok && n > 0) {
        b = block_new(c, n);
        gaps.at = ARENA_ARRAY(&c->arena, struct wire_gap, n);
        gaps.room = n;
        ok = b && gaps.at;
    }
    ok = ok && fill(c, w, b, &r);
    release(w);
    if (!ok) {
        block_drop(b);
        call_no_memory(c);
        return;
    }
    if (!call_answer_gaps(c, &r, &gaps))
        block_drop(b);
}

/* ---- waiting ---- */

static void go_on(struct call *c);

static void woken(struct call *c)
{
    struct fetch *w = c->state;
    call_unpark(c);
    if (!w->over)
        topic_wait_end(&w->wait);
    go_on(c);
}

/* Under topic's lock. */
static void wake(struct topic_wait *wait)
{
    call_post(wait->user, woken);
}

static void due(struct call *c)
{
    struct fetch *w = c->state;
    w->over = true;
    topic_wait_end(&w->wait);
    if (!atomic_load(&w->wait.woken)) /* else its letter is under way */
        go_on(c);
}

/* Keeps of the request what the answer needs, and gives the frame back. */
static bool let_frame_go(struct call *c)
{
    struct kafka_fetch_request *q = c->in;
    struct link_request *r = c->request;
    if (!r->home)
        return true;
    for (uint32_t i = 0; i < q->n_topics; i++) {
        if (!q->topics[i].topic.ptr)
            continue;
        q->topics[i].topic = arena_str(&c->arena, q->topics[i].topic);
        if (!q->topics[i].topic.ptr)
            return false;
    }
    c->client_id = arena_str(&c->arena, c->client_id);
    link_request_let_go(r);
    return true;
}

/* false: something has come meanwhile. */
static bool begin_wait(struct call *c, struct fetch *w)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->n_slots; i++) {
        const struct topic_fetch *f = &w->slots[i].f;
        if (!f->partition)
            continue;
        w->wait.on[n++] = (struct topic_wait_on){
            .partition = f->partition, .committed = f->committed, .seen = f->committed ? f->stable : f->high
        };
    }
    w->wait.n_on = n;
    w->wait.wanted = w->min_bytes - w->bytes;
    w->wait.wake = wake;
    w->wait.user = c;
    atomic_store(&w->wait.got, 0);
    atomic_store(&w->wait.woken, false);
    return topic_wait_begin(&w->wait);
}

/* Reads; answers, or waits for more. */
static void go_on(struct call *c)
{
    struct fetch *w = c->state;
    while (!c->peer->closed) {
        if (!read_all(c, w)) {
            release(w);
            call_no_memory(c);
            return;
        }
        w->over = w->over || c->door->stopping || os_mono_ns(call_os(c)) >= w->due_ns;
        if (w->over || w->at_once || w->bytes >= w->min_bytes)
            break;
        release(w);
        if (!let_frame_go(c)) {
            call_no_memory(c);
            return;
        }
        if (!begin_wait(c, w))
            continue;
        if (call_park(c, w->due_ns, due))
            return;
        due(c); /* no memory to wait with: now, then */
        return;
    }
    answer_fetch(c);
}

/* ---- the beginning ---- */

static void resolve(struct call *c, struct fetch *w)
{
    const struct kafka_fetch_request *q = c->in;
    struct slot *s = w->slots;
    bool follower = q->replica_id >= 0 || (q->replica_state && q->replica_state->replica_id >= 0);
    for (uint32_t i = 0; i < q->n_topics; i++) {
        const struct kafka_fetch_request_topic *from = &q->topics[i];
        bool by_id = c->version >= 13;
        struct topic *t = by_id ? call_topic_by_id(c, &from->topic_id) : call_topic(c, from->topic);
        for (uint32_t k = 0; k < from->n_partitions; k++, s++) {
            const struct kafka_fetch_request_partition *p = &from->partitions[k];
            s->f = (struct topic_fetch){
                .partition = t && p->partition >= 0 ? topic_partition(t, (uint32_t)p->partition) : NULL,
                .offset = p->fetch_offset,
                .committed = q->isolation_level == 1 && !log_bug(topics_planted(call_topics(c)), LOG_BUG_FETCH_DIRTY),
                .leader_epoch = p->current_leader_epoch < 0 ? -1 : p->current_leader_epoch,
                .fetched_epoch = p->last_fetched_epoch,
                .high = -1, .stable = -1, .start = -1, .diverging_epoch = -1,
            };
            if (!t && by_id)
                s->f.kafka = KAFKA_E_UNKNOWN_TOPIC_ID;
            else if (!s->f.partition)
                s->f.kafka = KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION;
            else if (follower)
                s->f.kafka = KAFKA_E_NOT_LEADER_OR_FOLLOWER;
            else if (c->version < 10 && topic_config(t, TOPIC_COMPRESSION_TYPE) == TOPIC_C_ZSTD)
                s->f.kafka = KAFKA_E_UNSUPPORTED_COMPRESSION_TYPE;
            if (s->f.kafka != KAFKA_E_NONE) {
                s->f.partition = NULL; /* not to be read */
                w->at_once = true;
            }
        }
    }
}

static void answer_error(struct call *c, int16_t error)
{
    struct kafka_fetch_response r;
    KAFKA_INIT(fetch_response, &r);
    r.error_code = error;
    call_answer(c, &r);
}

void handle_fetch(struct call *c)
{
    const struct kafka_fetch_request *q = c->in;
    struct fetch *w = ARENA_NEW(&c->arena, struct fetch);
    uint32_t n = 0;
    for (uint32_t i = 0; i < q->n_topics; i++)
        n += q->topics[i].n_partitions;
    if (w) {
        w->slots = ARENA_ARRAY(&c->arena, struct slot, n ? n : 1);
        w->wait.on = ARENA_ARRAY(&c->arena, struct topic_wait_on, n ? n : 1);
    }
    if (!w || !w->slots || !w->wait.on) {
        call_no_memory(c);
        return;
    }
    bool goes_on = q->session_epoch != 0 && q->session_epoch != -1; /* with a session of another life, or broker */
    if (goes_on || !isolation_known(q->isolation_level)) {
        answer_error(c, goes_on ? KAFKA_E_FETCH_SESSION_ID_NOT_FOUND : KAFKA_E_INVALID_REQUEST);
        return;
    }
    c->state = w;
    w->n_slots = n;
    w->min_bytes = q->min_bytes > 0 ? (uint32_t)q->min_bytes : 0;
    w->at_once = n == 0 || q->max_wait_ms <= 0;
    w->due_ns = os_mono_ns(call_os(c)) + (int64_t)q->max_wait_ms * 1000000;
    resolve(c, w);
    go_on(c);
}
