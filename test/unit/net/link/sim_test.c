/* A server and its clients in one simulated process: for each seed other delays, partial calls, cuts, vanishing clients,
 * tight bounds and little memory. Each frame that is handed out is answered exactly once and in order, or its
 * connection closes; nothing is left over afterwards: no range, no byte of budget, no socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "link/link.h"
#include "os/sim.h"

#define SEEDS 500u
#define CLIENTS 6u
#define FRAMES 24u
#define FILE_BYTES 5000u
#define HEAD 12u /* length, client, sequence, mode, 0 */

enum mode { AT_ONCE, LATER, POSTED, WITH_FILE, NO_REPLY, MODES };

struct client {
    struct os_sock *sock;
    struct buf out, in;
    size_t out_at;
    uint32_t sent_frames, expect; /* whole frames given to the socket; next reply */
    bool broken, reads;
};

/* What the server keeps until later. */
struct parked {
    struct link_request *r;
    bool post;
};

static struct sim *sim;
static struct os *os, *far;
static struct link_loop *loop;
static struct os_file *file;
static struct client clients[CLIENTS];
static struct parked parked[CLIENTS * FRAMES];
static uint32_t n_parked, ranges_out, conns_open, next_seen[CLIENTS], frames_seen, answers;
static uint64_t peak_held;

static void be32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}
static uint32_t rd32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

static uint8_t body_byte(uint32_t client, uint32_t seq, size_t i) { return (uint8_t)(client * 31 + seq * 7 + i); }
static uint32_t body_len(uint32_t client, uint32_t seq) { return (client * 977 + seq * 613) % 3000; }
static enum mode mode_of(uint32_t client, uint32_t seq) { return (client + seq * 3 + seq / 5) % MODES; }

/* ---- the server ---- */

static void accepted(void *arg, struct link_conn *c)
{
    (void)arg;
    link_conn_set_user(c, &conns_open);
    conns_open++;
}

static void closed(void *arg, struct link_conn *c, const struct error *why)
{
    (void)arg;
    (void)why;
    assert_ptr_equal(link_conn_user(c), &conns_open);
    conns_open--;
}

static void range_done(struct link_range *r)
{
    ranges_out--;
    free(r);
}

/* Echoes; with a file, 300 bytes of it stand in the middle. */
static void answer(struct link_request *r, bool post)
{
    const uint8_t *p = (const uint8_t *)r->bytes.ptr;
    uint32_t client = p[0], seq = p[1];
    size_t len = r->bytes.len;
    uint8_t head[4];
    struct wire_gap gap = { 0 };
    struct wire_gaps gaps = { .at = &gap, .room = 1 };
    bool with_file = p[2] == WITH_FILE, ok = true;
    if (p[2] != NO_REPLY) {
        be32(head, (uint32_t)len + (with_file ? 300 : 0));
        ok = buf_put(&r->out, head, 4) && buf_put(&r->out, p, len);
    }
    if (ok && with_file) {
        struct link_range *range = calloc(1, sizeof *range);
        *range = (struct link_range){ .file = file, .at = (client * 100 + seq) % 4000, .release = range_done };
        ranges_out++;
        gap = (struct wire_gap){ .at = 12, .len = 300, .owner = range };
        gaps.count = 1;
        gaps.bytes = 300;
    }
    if (!ok) { /* no memory: this client has to come again */
        buf_clear(&r->out);
        r->close_after = true;
    }
    answers++;
    if (post)
        link_post(r, gaps.count ? &gaps : NULL);
    else
        link_answer(r, gaps.count ? &gaps : NULL);
}

static void frame(void *arg, struct link_request *r)
{
    (void)arg;
    const uint8_t *p = (const uint8_t *)r->bytes.ptr;
    assert_true(r->bytes.len >= 8);
    uint32_t client = p[0], seq = p[1];
    assert_true(client < CLIENTS && seq == next_seen[client]);
    assert_int_equal(r->bytes.len, 8 + body_len(client, seq));
    for (size_t i = 8; i < r->bytes.len; i++)
        assert_int_equal(p[i], body_byte(client, seq, i - 8));
    next_seen[client]++;
    frames_seen++;
    enum mode m = p[2];
    if (m == LATER || m == POSTED)
        parked[n_parked++] = (struct parked){ r, m == POSTED };
    else
        answer(r, false);
}

static void answer_some(bool all)
{
    for (uint32_t i = 0; i < n_parked;) {
        if (!all && sim_random(sim) % 4) {
            i++;
            continue;
        }
        struct parked p = parked[i];
        parked[i] = parked[--n_parked]; /* in any order */
        answer(p.r, p.post);
    }
}

/* ---- the clients ---- */

static void client_start(uint32_t n, const struct os_addr *at)
{
    struct client *c = &clients[n];
    memset(c, 0, sizeof *c);
    buf_init(&c->out, NULL, 1 << 20);
    buf_init(&c->in, NULL, 1 << 20);
    c->reads = true;
    assert_int_equal(far->ops->net_connect(far, at, &c->sock, NULL), ST_OK);
    for (uint32_t seq = 0; seq < FRAMES; seq++) {
        uint8_t head[HEAD] = { 0 };
        be32(head, 8 + body_len(n, seq));
        head[4] = (uint8_t)n;
        head[5] = (uint8_t)seq;
        head[6] = (uint8_t)mode_of(n, seq);
        assert_true(buf_put(&c->out, head, HEAD));
        for (uint32_t i = 0; i < body_len(n, seq); i++)
            assert_true(buf_put_u8(&c->out, body_byte(n, seq, i)));
    }
}

/* Whole replies in `in` are the next expected ones. */
static void client_check(uint32_t n)
{
    struct client *c = &clients[n];
    size_t at = 0;
    while (c->in.len - at >= 4 && c->in.len - at - 4 >= rd32(c->in.data + at)) {
        const uint8_t *p = c->in.data + at + 4;
        uint32_t len = rd32(c->in.data + at);
        while (mode_of(n, c->expect) == NO_REPLY)
            c->expect++;
        uint32_t extra = mode_of(n, c->expect) == WITH_FILE ? 300 : 0;
        assert_true(c->expect < FRAMES);
        assert_int_equal(p[0], n);
        assert_int_equal(p[1], c->expect);
        assert_int_equal(len, 8 + body_len(n, c->expect) + extra);
        for (uint32_t i = 0; i < extra; i++) /* gap at 12 of the frame: behind head and first bytes of the echo */
            assert_int_equal(p[8 + i], (uint8_t)(((n * 100 + c->expect) % 4000 + i) * 13));
        for (uint32_t i = 8; i < len - extra; i++)
            assert_int_equal(p[i + extra], body_byte(n, c->expect, i - 8));
        c->expect++;
        at += 4 + len;
    }
    if (at > 0)
        memmove(c->in.data, c->in.data + at, c->in.len - at);
    c->in.len -= at;
}

static void client_step(uint32_t n)
{
    struct client *c = &clients[n];
    size_t len;
    bool end = false;
    if (!c->sock || c->broken)
        return;
    struct str p = str_make(c->out.data ? (const char *)c->out.data + c->out_at : "", c->out.len - c->out_at);
    if (p.len > 0) {
        if (far->ops->net_send(far, c->sock, &p, 1, false, &len, NULL) == ST_OK)
            c->out_at += len;
        else
            c->broken = true;
    }
    for (len = 1; c->reads && !c->broken && len > 0 && !end;) {
        assert_true(buf_reserve(&c->in, 700));
        if (far->ops->net_recv(far, c->sock, c->in.data + c->in.len, 700, &len, &end, NULL) != ST_OK) {
            c->broken = true;
            break;
        }
        c->in.len += len;
    }
    client_check(n);
    c->broken = c->broken || end;
}

static bool client_done(const struct client *c, uint32_t n)
{
    uint32_t expect = c->expect;
    while (expect < FRAMES && mode_of(n, expect) == NO_REPLY)
        expect++;
    return c->out_at == c->out.len && expect == FRAMES;
}

static void client_leave(struct client *c)
{
    if (c->sock)
        far->ops->net_close(far, c->sock);
    c->sock = NULL;
    c->broken = true;
}

/* ---- a seed ---- */

static const struct link_user user = { .accepted = accepted, .frame = frame, .closed = closed };

static void start(uint64_t seed, struct budget *b, struct link_options *o, struct os_addr *ret)
{
    struct error err;
    uint8_t bytes[FILE_BYTES];
    sim = sim_new(seed, NULL);
    os = sim_os(sim);
    far = sim_outside(sim);
    for (uint32_t i = 0; i < FILE_BYTES; i++)
        bytes[i] = (uint8_t)(i * 13);
    assert_int_equal(sim_put_file(sim, "/f", bytes, FILE_BYTES), ST_OK);
    assert_int_equal(os_open(os, "/f", OS_READ, &file, NULL), ST_OK);
    n_parked = ranges_out = conns_open = frames_seen = answers = 0;
    memset(next_seen, 0, sizeof next_seen);
    o->os = os;
    o->budget = b;
    o->framing = &link_kafka;
    o->user = &user;
    assert_int_equal(link_loop_new(o, &loop, NULL), ST_OK);
    struct os_addr at;
    assert_true(os_addr_parse(str_from("127.0.0.1"), 0, &at));
    if (link_listen(loop, &at, ret, &err) != ST_OK)
        fail_msg("%s", err.message);
}

static void finish(struct budget *b)
{
    link_stop(loop, os_mono_ns(os) + INT64_C(60000000000));
    for (int i = 0; link_turn(loop, 0); i++) {
        assert_true(i < 20000);
        sim_advance_ms(sim, 2);
        for (uint32_t n = 0; n < CLIENTS; n++)
            client_step(n);
        answer_some(i > 10);
        for (uint32_t n = 0; n < CLIENTS; n++) {
            if (clients[n].broken)
                client_leave(&clients[n]);
        }
    }
    assert_int_equal(conns_open, 0);
    assert_int_equal(n_parked, 0);
    struct link_counts k = link_count(loop);
    assert_int_equal(k.connections, 0);
    assert_int_equal(k.frames, frames_seen);
    assert_int_equal(answers, frames_seen);
    link_loop_free(loop);
    assert_int_equal(ranges_out, 0);
    if (atomic_load(&b->peak) > peak_held)
        peak_held = atomic_load(&b->peak);
    assert_int_equal(atomic_load(&b->used), 0);
    for (uint32_t n = 0; n < CLIENTS; n++) {
        client_leave(&clients[n]);
        buf_release(&clients[n].out);
        buf_release(&clients[n].in);
    }
    os_close(os, file);
    assert_int_equal(sim_net_sockets(sim), 0);
    sim_free(sim);
}

/* 0: nothing bad happens; 1: cuts; 2: clients that leave; 3: little memory; 4: clients that stop reading for a while */
static void run_seed(uint64_t seed, uint32_t weather)
{
    struct budget b;
    struct os_addr at;
    budget_init(&b, "link", weather == 3 ? 20000 : SIZE_MAX, NULL);
    struct link_options o = {
        .max_frame = 8000,
        .max_in = seed % 3 ? 3000 : 100000,
        .max_out = seed % 5 ? 4000 : 100000,
        .max_requests = seed % 2 ? 4 : 100,
        .chunk_bytes = seed % 4 ? 1024 << seed % 4 : 512,
        .max_connections = seed % 7 == 0 ? 3 : 0,
    };
    start(seed, &b, &o, &at);
    sim_net(sim)->partial = (uint32_t)(seed * 37 % 256);
    sim_net(sim)->window = seed % 2 ? 2000 : 64 << 10;
    for (uint32_t n = 0; n < CLIENTS; n++)
        client_start(n, &at);
    for (int step = 0; step < 3000; step++) {
        link_turn(loop, 0);
        sim_advance_ns(sim, (int64_t)(sim_random(sim) % 400000));
        for (uint32_t n = 0; n < CLIENTS; n++) {
            clients[n].reads = weather != 4 || (step / 200 + n) % 3 != 0;
            if (sim_random(sim) % 3)
                client_step(n);
        }
        answer_some(false);
        if (weather == 1 && sim_random(sim) % 100 == 0)
            sim_net_cut(sim, NULL, (enum sim_cut)(sim_random(sim) % SIM_CUTS));
        if (weather == 2 && sim_random(sim) % 150 == 0)
            client_leave(&clients[sim_random(sim) % CLIENTS]);
        bool done = true;
        for (uint32_t n = 0; n < CLIENTS; n++) {
            if (clients[n].broken)
                client_leave(&clients[n]); /* lets others in, where connections are few */
            done = done && (clients[n].broken || client_done(&clients[n], n));
            if (client_done(&clients[n], n))
                client_leave(&clients[n]);
        }
        if (done)
            break;
    }
    for (uint32_t n = 0; n < CLIENTS && weather != 1 && weather != 2 && weather != 3; n++) {
        if (!client_done(&clients[n], n))
            fail_msg("seed %llu weather %u: client %u got %u replies, sent %zu of %zu", (unsigned long long)seed, weather,
                     n, clients[n].expect, clients[n].out_at, clients[n].out.len);
    }
    finish(&b);
}

static void test_seeds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run_seed(seed, (uint32_t)(seed % 5));
}

/* Bounded: 6 clients that send as they like hold no more than bounds, chunks and one frame each. */
static void test_bounded(void **state)
{
    (void)state;
    peak_held = 0;
    run_seed(26, 4); /* max_in 3000, max_out 4000 */
    assert_true(peak_held > 0 && peak_held < CLIENTS * (3000 + 8000 + 4000 + 8000) + 20000);
}

/* ---- deadlines, by a clock that is moved by hand ---- */

static char last_why[256];
static void closed_why(void *arg, struct link_conn *c, const struct error *why)
{
    closed(arg, c, why);
    snprintf(last_why, sizeof last_why, "%s", why->message);
}
static struct link_request *kept;
static void keep(void *arg, struct link_request *r)
{
    (void)arg;
    kept = r;
}

static void turns(int ms)
{
    for (int i = 0; i < ms; i++) {
        link_turn(loop, 0);
        sim_advance_ms(sim, 1);
    }
    link_turn(loop, 0);
}

static void send_far(struct os_sock *s, const void *bytes, size_t len)
{
    size_t done = 0, n;
    while (done < len) {
        struct str p = str_make((const char *)bytes + done, len - done);
        assert_int_equal(far->ops->net_send(far, s, &p, 1, false, &n, NULL), ST_OK);
        done += n;
        if (n == 0)
            turns(1);
    }
}

static const uint8_t small_frame[12] = { 0, 0, 0, 8, 0, 0, NO_REPLY };

static void test_deadlines(void **state)
{
    (void)state;
    static const struct link_user keeper = { .accepted = accepted, .frame = keep, .closed = closed_why };
    struct budget b;
    struct os_addr at;
    struct os_sock *s;
    budget_init(&b, "link", SIZE_MAX, NULL);
    struct link_options o = {
        .handshake_ms = 1000, .idle_ms = 5000, .stall_ms = 2000, .frame_grace_ms = 300, .frame_floor = 1000,
    };
    start(3, &b, &o, &at);
    link_loop_free(loop);
    o.user = &keeper;
    o.max_frame = 1 << 20;
    assert_int_equal(link_loop_new(&o, &loop, NULL), ST_OK);
    assert_int_equal(link_listen(loop, &at, &at, NULL), ST_OK);
    for (int what = 0; what < 5; what++) {
        assert_int_equal(far->ops->net_connect(far, &at, &s, NULL), ST_OK);
        turns(10);
        assert_int_equal(conns_open, 1);
        if (what == 0) { /* connect and hold */
            turns(900);
            assert_int_equal(conns_open, 1);
            turns(200);
            assert_string_equal(last_why, "no first request in time");
        } else if (what == 1) { /* a byte now and then: too slow, though never silent */
            send_far(s, small_frame, 5);
            for (int i = 0; i < 30 && conns_open; i++) {
                (void)far->ops->net_send(far, s, &(struct str){ "x", 1 }, 1, false, &(size_t){ 0 }, NULL);
                turns(100);
                if (i == 1)
                    assert_int_equal(conns_open, 1);
            }
            assert_true(strstr(last_why, "slowly") || conns_open == 0);
        } else if (what == 2) { /* silent after its request */
            send_far(s, small_frame, 12);
            turns(10);
            link_answer(kept, NULL);
            turns(4900);
            assert_int_equal(conns_open, 1);
            turns(200);
            assert_string_equal(last_why, "idle");
        } else if (what == 3) { /* asks much and reads nothing */
            send_far(s, small_frame, 12);
            turns(10);
            for (int i = 0; i < 300000; i++)
                assert_true(buf_put_u8(&kept->out, 1));
            link_answer(kept, NULL);
            turns(1900);
            assert_int_equal(conns_open, 1);
            turns(300);
            assert_string_equal(last_why, "the peer does not read its replies");
        } else { /* waits long for its reply: its own wish */
            send_far(s, small_frame, 12);
            turns(20000);
            assert_int_equal(conns_open, 1);
            link_request_let_go(kept);
            assert_null(kept->bytes.ptr);
            link_answer(kept, NULL);
            turns(5100);
        }
        assert_int_equal(conns_open, 0);
        far->ops->net_close(far, s);
    }
    link_loop_free(loop);
    assert_int_equal(atomic_load(&b.used), 0);
    os_close(os, file);
    sim_free(sim);
}

static void answer_much(void *arg, struct link_request *r)
{
    (void)arg;
    for (int i = 0; i < 5000; i++)
        assert_true(buf_put_u8(&r->out, 1));
    frames_seen++;
    link_answer(r, NULL);
}

/* Two that make us hold: one asks on and on and reads nothing, the other's request meets no memory. */
static void test_holders(void **state)
{
    (void)state;
    static const struct link_user much = { .accepted = accepted, .frame = answer_much, .closed = closed_why };
    static const struct link_user keeper = { .accepted = accepted, .frame = keep, .closed = closed_why };
    for (int what = 0; what < 2; what++) {
        struct budget b;
        struct os_addr at;
        struct os_sock *s;
        budget_init(&b, "link", SIZE_MAX, NULL);
        struct link_options o = { .max_out = 10000, .stall_ms = 2000, .handshake_ms = 60000, .chunk_bytes = 4096 };
        start(4, &b, &o, &at);
        link_loop_free(loop);
        o.user = what ? &keeper : &much;
        assert_int_equal(link_loop_new(&o, &loop, NULL), ST_OK);
        assert_int_equal(link_listen(loop, &at, &at, NULL), ST_OK);
        assert_int_equal(far->ops->net_connect(far, &at, &s, NULL), ST_OK);
        turns(10);
        assert_int_equal(conns_open, 1);
        if (what) {
            b.limit = atomic_load(&b.used);
            send_far(s, small_frame, 12);
            turns(1900);
            assert_int_equal(conns_open, 1);
            turns(300);
            assert_string_equal(last_why, "no memory for its requests in time");
        } else {
            for (int i = 0; i < 200; i++)
                send_far(s, small_frame, 12);
            turns(100);
            assert_true(frames_seen < 200);
            assert_true(atomic_load(&b.used) < 10000 + 2 * 8192 + 3 * 4096);
            turns(2200);
            assert_string_equal(last_why, "the peer does not read its replies");
        }
        assert_int_equal(conns_open, 0);
        far->ops->net_close(far, s);
        link_loop_free(loop);
        assert_int_equal(atomic_load(&b.used), 0);
        os_close(os, file);
        sim_free(sim);
    }
}

/* ---- large buffers are used again ---- */

static struct link_request *held[64];
static uint32_t n_held;

static void hold(void *arg, struct link_request *r)
{
    (void)arg;
    assert_true(n_held < sizeof held / sizeof held[0]);
    held[n_held++] = r;
    frames_seen++;
}

/* Its bytes are still those that came. */
static void let_go(uint32_t i)
{
    struct link_request *r = held[i];
    for (size_t k = 8; k < r->bytes.len; k++)
        assert_int_equal((uint8_t)r->bytes.ptr[k], (uint8_t)r->bytes.ptr[0]);
    held[i] = held[--n_held];
    answers++;
    link_answer(r, NULL);
}

/* Frames of up to 300 KB on three connections, answered in any order: no buffer is read into before all frames in it have
 * been answered. */
static void test_held_frames_keep_their_bytes(void **state)
{
    (void)state;
    static const struct link_user holder = { .accepted = accepted, .frame = hold, .closed = closed };
    static uint8_t bytes[300000];
    struct budget b;
    struct os_addr at;
    struct os_sock *s[3];
    budget_init(&b, "link", SIZE_MAX, NULL);
    struct link_options o = { .max_in = 32u << 20, .handshake_ms = 60000 };
    start(5, &b, &o, &at);
    link_loop_free(loop);
    o.user = &holder;
    assert_int_equal(link_loop_new(&o, &loop, NULL), ST_OK);
    assert_int_equal(link_listen(loop, &at, &at, NULL), ST_OK);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(far->ops->net_connect(far, &at, &s[i], NULL), ST_OK);
    turns(10);
    for (uint32_t i = 0; i < 400; i++) {
        size_t len = 100 + (i % 4 ? sim_random(sim) % 60000 : sim_random(sim) % (sizeof bytes - 100));
        memset(bytes, (int)(i + 1) & 0xff, len);
        be32(bytes, (uint32_t)len - 4);
        send_far(s[i % 3], bytes, len);
        turns(1);
        while (n_held > 40 || (n_held > 0 && sim_random(sim) % 2))
            let_go((uint32_t)(sim_random(sim) % n_held));
    }
    turns(100);
    while (n_held > 0)
        let_go(0);
    turns(10);
    assert_int_equal(frames_seen, 400);
    for (uint32_t i = 0; i < 3; i++)
        far->ops->net_close(far, s[i]);
    turns(100);
    assert_int_equal(conns_open, 0);
    link_loop_free(loop);
    assert_int_equal(atomic_load(&b.used), 0);
    os_close(os, file);
    sim_free(sim);
}

/* What a peer has asked before its end is answered, also where it had to wait in its buffer; but nothing behind a reply with
 * `close_after`, whether the peer has ended or not. */
static void asked_before_end(int last, bool ends)
{
    static const struct link_user keeper = { .accepted = accepted, .frame = keep, .closed = closed_why };
    struct budget b;
    struct os_addr at;
    struct os_sock *s;
    budget_init(&b, "link", SIZE_MAX, NULL);
    struct link_options o = { .max_requests = 1 };
    start(5, &b, &o, &at);
    link_loop_free(loop);
    o.user = &keeper;
    assert_int_equal(link_loop_new(&o, &loop, NULL), ST_OK);
    assert_int_equal(link_listen(loop, &at, &at, NULL), ST_OK);
    assert_int_equal(far->ops->net_connect(far, &at, &s, NULL), ST_OK);
    for (int i = 0; i < 3; i++)
        send_far(s, small_frame, 12);
    if (ends)
        far->ops->net_finish(far, s);
    for (int i = 0; i <= last; i++) {
        kept = NULL;
        turns(20);
        assert_non_null(kept);
        kept->close_after = i == last && last < 2;
        link_answer(kept, NULL);
    }
    kept = NULL;
    turns(2000);
    assert_null(kept);
    assert_int_equal(conns_open, 0);
    far->ops->net_close(far, s);
    link_loop_free(loop);
    assert_int_equal(atomic_load(&b.used), 0);
    os_close(os, file);
    sim_free(sim);
}

static void test_asked_before_end(void **state)
{
    (void)state;
    asked_before_end(2, true);
    asked_before_end(1, true);
    asked_before_end(1, false);
}

/* A crash at any call of the server: everything can be taken down, nothing is held. */
static void test_crash_at_every_call(void **state)
{
    (void)state;
    bool reached = true;
    for (uint64_t call = 2; reached; call++) {
        struct budget b;
        struct os_addr at;
        budget_init(&b, "link", SIZE_MAX, NULL);
        struct link_options o = { .chunk_bytes = 2048 };
        start(1, &b, &o, &at);
        call = call > sim_calls(sim) ? call : sim_calls(sim) + 1;
        for (uint32_t n = 0; n < CLIENTS; n++)
            client_start(n, &at);
        sim_crash_at(sim, call);
        for (int i = 0; i < 200; i++) {
            link_turn(loop, 0);
            sim_advance_ms(sim, 1);
            for (uint32_t n = 0; n < CLIENTS; n++)
                client_step(n);
            answer_some(false);
        }
        reached = sim_crashed(sim);
        assert_true(reached || (call > 300 && frames_seen == CLIENTS * FRAMES));
        answer_some(true);
        link_loop_free(loop);
        assert_int_equal(ranges_out, 0);
        assert_int_equal(conns_open, 0);
        assert_int_equal(atomic_load(&b.used), 0);
        os_close(os, file);
        sim_power_cycle(sim, SIM_KEEP);
        for (uint32_t n = 0; n < CLIENTS; n++) {
            client_leave(&clients[n]);
            buf_release(&clients[n].out);
            buf_release(&clients[n].in);
        }
        assert_int_equal(sim_net_sockets(sim), 0);
        sim_free(sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_holders),
        cmocka_unit_test(test_held_frames_keep_their_bytes),
        cmocka_unit_test(test_asked_before_end),
        cmocka_unit_test(test_crash_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
