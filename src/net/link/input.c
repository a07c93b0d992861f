/* What comes in: bytes into buffers, frames out of them to the user.
 *
 * A connection at rest holds no buffer. The loop has one chunk; connections read into it one behind the other and frames
 * are handed out where they lie, each with a reference to the chunk. What is left of an unfinished frame when the
 * connection has had its turn is copied out into a buffer of its own, or, when it is a good part of the chunk, the
 * connection keeps the chunk and the loop takes a new one. An own buffer grows with what has come (at most four times
 * it, at most to the end of the frame): a length alone allocates nothing. Copies are a third of a long frame. */
#include "link/link_private.h"

#define OWN_LEAST 512u
#define SPARE_LEAST ((size_t)128 << 10)
#define SPARE_MOST ((size_t)1088 << 10)

bool conn_paused(const struct link_conn *c)
{
    const struct link_options *o = &c->loop->o;
    return c->no_more || c->starved || c->in_bytes >= o->max_in || c->out_bytes >= o->max_out ||
           c->n_requests >= o->max_requests;
}

static void starve(struct link_conn *c)
{
    struct link_loop *l = c->loop;
    COUNT(l, starved, 1);
    spares_drop(l);
    c->starved = true;
    if (!c->starved_ns) {
        c->starved_ns = l->now_ns;
        loop_sooner(l, c, c->starved_ns + l->o.stall_ms * MS);
    }
    if (l->starved_again_ns == INT64_MAX)
        l->starved_again_ns = l->now_ns + STARVED_PAUSE_NS;
}

static void let_in_go(struct link_conn *c)
{
    shared_unref(c->in);
    c->in = NULL;
    c->in_at = c->in_end = 0;
    c->borrowed = false;
}

/* One whole frame becomes a request. false: no memory. */
static bool hand_out(struct link_conn *c, size_t skip)
{
    struct link_loop *l = c->loop;
    struct link_request *r = mem_calloc(l->o.budget, sizeof *r);
    if (!r)
        return false;
    r->conn = c;
    r->home = shared_ref(c->in);
    r->bytes = str_make((const char *)c->in->data + c->in_at + skip, c->whole - skip);
    r->held = (uint32_t)c->whole;
    buf_init(&r->out, l->o.budget, l->o.max_reply);
    if (c->last)
        c->last->next = r;
    else
        c->first = r;
    c->last = r;
    c->n_requests++;
    c->in_bytes += r->held;
    c->in_at += r->held;
    c->whole = 0;
    c->find_state = 0;
    c->frame_ns = c->starved_ns = 0;
    c->quiet_ns = l->now_ns;
    c->began = true;
    if (c->in_at == c->in_end && !c->borrowed)
        let_in_go(c);
    COUNT(l, frames, 1);
    l->o.user->frame(l->o.arg, r);
    return true;
}

/* Hands out the whole frames that are there. */
static enum status cut_frames(struct link_conn *c, struct error *err)
{
    const struct link_options *o = &c->loop->o;
    while (c->sock && !conn_paused(c) && conn_left_over(c) > 0) {
        size_t skip = 0;
        TRY(o->framing->find(o, c->in->data + c->in_at, conn_left_over(c), &c->find_state, &c->whole, &skip, err));
        if (c->whole == 0 && conn_left_over(c) >= o->framing->head_max)
            return error_set(err, ST_DATA, "a frame's head is longer than %u bytes", o->framing->head_max);
        if (c->whole == 0 || c->whole > conn_left_over(c))
            break;
        if (!hand_out(c, skip))
            starve(c);
    }
    return ST_OK;
}

void spares_drop(struct link_loop *l)
{
    for (uint32_t i = 0; i < SPARES; i++) {
        shared_unref(l->spare[i]);
        l->spare[i] = NULL;
    }
}

/* Fresh pages cost more than the bytes that come into them, so large buffers are used again, once all frames in them have
 * come back. keep_spare takes the reference over; take_spare hands it on, or is NULL. */
static void keep_spare(struct link_loop *l, struct shared *s)
{
    struct shared **at = NULL;
    for (uint32_t i = 0; i < SPARES && !at; i++)
        at = l->spare[i] ? NULL : &l->spare[i];
    if (!at)
        at = &l->spare[l->spare_next++ % SPARES];
    shared_unref(*at);
    *at = s;
}

static bool worth_keeping(size_t cap) { return cap >= SPARE_LEAST && cap <= SPARE_MOST; }

static struct shared *take_spare(struct link_loop *l, size_t cap)
{
    for (uint32_t i = 0; worth_keeping(cap) && i < SPARES; i++) {
        struct shared *s = l->spare[i];
        if (s && s->cap >= cap && s->cap / 4 <= cap && atomic_load_explicit(&s->refs, memory_order_acquire) == 1) {
            l->spare[i] = NULL;
            return s;
        }
    }
    return NULL;
}

static struct shared *take_buffer(struct link_loop *l, size_t cap)
{
    struct shared *s = take_spare(l, cap);
    if (!s)
        s = shared_new(l->o.budget, (uint32_t)cap);
    if (s)
        s->len = s->cap; /* where its bytes end is the frames' to say */
    return s;
}

static void leave_chunk(struct link_loop *l)
{
    if (worth_keeping(l->chunk->cap))
        keep_spare(l, l->chunk);
    else
        shared_unref(l->chunk);
    l->chunk = NULL;
}

/* What is left moves into a buffer of its own, with room for more of the same frame. */
static bool own(struct link_conn *c)
{
    uint32_t have = conn_left_over(c);
    size_t cap = (size_t)have * 4 > OWN_LEAST ? (size_t)have * 4 : OWN_LEAST;
    if (c->whole > 0 && cap > c->whole)
        cap = c->whole > have ? c->whole : have;
    struct shared *s = take_buffer(c->loop, cap);
    if (!s)
        return false;
    if (worth_keeping(cap))
        keep_spare(c->loop, shared_ref(s));
    memcpy(s->data, c->in->data + c->in_at, have);
    let_in_go(c);
    c->in = s;
    c->in_end = have;
    return true;
}

static bool borrow(struct link_conn *c)
{
    struct link_loop *l = c->loop;
    if (l->chunk && atomic_load_explicit(&l->chunk->refs, memory_order_acquire) == 1)
        l->chunk_used = 0; /* all that was handed out has come back */
    if (l->chunk && l->chunk->cap - l->chunk_used < l->chunk->cap / 4)
        leave_chunk(l);
    if (!l->chunk) {
        l->chunk = take_buffer(l, l->o.chunk_bytes);
        l->chunk_used = 0;
    }
    if (!l->chunk)
        return false;
    c->in = shared_ref(l->chunk);
    c->in_at = c->in_end = l->chunk_used;
    c->borrowed = true;
    return true;
}

/* The turn is over: the loop's chunk is for others now. */
void conn_park(struct link_conn *c)
{
    struct link_loop *l = c->loop;
    uint32_t have = conn_left_over(c);
    if (have == 0 && c->in)
        let_in_go(c);
    if (have == 0)
        c->whole = 0;
    if (c->borrowed && (have >= l->chunk->cap / 4 || !own(c))) {
        c->borrowed = false;
        leave_chunk(l);
    }
    if (have == 0 || conn_paused(c)) {
        c->frame_ns = 0; /* not its fault, or nothing there */
    } else if (!c->frame_ns) {
        c->frame_ns = l->now_ns;
        loop_sooner(l, c, c->frame_ns + l->o.frame_grace_ms * MS);
    }
}

static enum status read_once(struct link_conn *c, size_t *ret, struct error *err)
{
    struct link_loop *l = c->loop;
    bool end;
    *ret = 0;
    if (!(c->in ? c->in_end < c->in->cap || own(c) : borrow(c))) {
        starve(c);
        return ST_OK;
    }
    size_t room = c->in->cap - c->in_end;
    TRY(l->o.os->ops->net_recv(l->o.os, c->sock, c->in->data + c->in_end, room, ret, &end, err));
    c->in_end += (uint32_t)*ret;
    if (c->borrowed)
        l->chunk_used = c->in_end;
    COUNT(l, bytes_in, *ret);
    if (*ret < room && (!c->ending || *ret == 0))
        c->can_read = false;
    if (end) {
        c->peer_end = true;
        c->quiet_ns = l->now_ns;
        loop_sooner(l, c, c->quiet_ns + l->o.stall_ms * MS);
    }
    return ST_OK;
}

enum status conn_read(struct link_conn *c, struct error *err)
{
    size_t quota = c->loop->o.chunk_bytes, n;
    TRY(cut_frames(c, err));
    while (c->sock && c->can_read && !c->peer_end && !conn_paused(c)) {
        if (quota == 0) {
            loop_ready(c->loop, c);
            break;
        }
        TRY(read_once(c, &n, err));
        quota -= n < quota ? n : quota;
        TRY(cut_frames(c, err));
    }
    return ST_OK;
}

/* After our end: what still comes is of no use. */
enum status conn_swallow(struct link_conn *c, struct error *err)
{
    struct os *os = c->loop->o.os;
    uint8_t nowhere[4096];
    for (int i = 0; i < 16 && c->can_read && !c->peer_end; i++) {
        size_t n;
        TRY(os->ops->net_recv(os, c->sock, nowhere, sizeof nowhere, &n, &c->peer_end, err));
        if (n < sizeof nowhere && (!c->ending || n == 0))
            c->can_read = false;
    }
    if (c->can_read && !c->peer_end)
        loop_ready(c->loop, c);
    return ST_OK;
}
