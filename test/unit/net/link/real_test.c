/* The loop on the real machine, over loopback: many connections, threads that answer, files, and peers that mean no
 * good (K1, K2, K4, K17 of the catalogue of bad inputs, F14 of the faults). Afterwards there are as many descriptors as
 * before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "link/link.h"

#define SECOND INT64_C(1000000000)

static struct os *os;
static struct budget budget;
static struct link_loop *loop;
static struct os_thread *thread;
static struct os_addr at;
static atomic_uint accepted_n, closed_n;
static char last_why[512];
static uint32_t fds_before;

static uint32_t count_fds(void)
{
    struct arena a;
    struct os_name *names;
    uint32_t n;
    arena_init(&a, NULL);
    assert_int_equal(os->ops->list(os, "/proc/self/fd", &a, &names, &n, NULL), ST_OK);
    arena_release(&a);
    return n;
}

/* ---- servers ---- */

static void on_accepted(void *arg, struct link_conn *c)
{
    (void)arg;
    (void)c;
    atomic_fetch_add(&accepted_n, 1);
}

static void on_closed(void *arg, struct link_conn *c, const struct error *why)
{
    (void)arg;
    (void)c;
    snprintf(last_why, sizeof last_why, "%s; %s", why->message, why->hint);
    atomic_fetch_add(&closed_n, 1);
}

static void put_echo(struct link_request *r)
{
    uint8_t head[4] = { (uint8_t)(r->bytes.len >> 24), (uint8_t)(r->bytes.len >> 16), (uint8_t)(r->bytes.len >> 8),
                        (uint8_t)r->bytes.len };
    assert_true(buf_put(&r->out, head, 4) && buf_put(&r->out, r->bytes.ptr, r->bytes.len));
}

static void echo(void *arg, struct link_request *r)
{
    (void)arg;
    put_echo(r);
    link_answer(r, NULL);
}

static const struct link_user echo_user = { .accepted = on_accepted, .frame = echo, .closed = on_closed };

static void serve(const struct link_user *user, struct link_options o)
{
    struct error err;
    fds_before = count_fds();
    budget_init(&budget, "link", SIZE_MAX, NULL);
    atomic_store(&accepted_n, 0);
    atomic_store(&closed_n, 0);
    o.os = os;
    o.budget = &budget;
    o.framing = &link_kafka;
    o.user = user;
    o.handshake_ms = o.handshake_ms ? o.handshake_ms : 120000; /* tests prepare their frames slowly */
    assert_true(os_addr_parse(str_from("127.0.0.1"), 0, &at));
    assert_int_equal(link_loop_new(&o, &loop, NULL), ST_OK);
    if (link_listen(loop, &at, &at, &err) != ST_OK)
        fail_msg("%s", err.message);
    assert_int_equal(os->ops->thread_start(os, "loop", link_run, loop, &thread, NULL), ST_OK);
}

static void unserve(void)
{
    link_stop(loop, os_mono_ns(os) + 20 * SECOND);
    os->ops->thread_join(os, thread);
    assert_int_equal(link_count(loop).connections, 0);
    assert_int_equal(atomic_load(&accepted_n), atomic_load(&closed_n));
    link_loop_free(loop);
    assert_int_equal(atomic_load(&budget.used), 0);
    assert_int_equal(count_fds(), fds_before);
}

static void wait_closed(uint32_t n)
{
    for (int i = 0; i < 4000 && atomic_load(&closed_n) < n; i++)
        usleep(5000);
    assert_int_equal(atomic_load(&closed_n), n);
}

/* ---- clients ---- */

static struct link_client *client(void)
{
    struct link_client *c;
    struct error err;
    if (link_client_open(os, NULL, &at, 200 << 20, &c, &err) != ST_OK)
        fail_msg("%s", err.message);
    return c;
}

static void ask(struct link_client *c, uint32_t seq, uint32_t len)
{
    uint8_t *frame = malloc(len + 4);
    for (uint32_t i = 0; i < len; i++)
        frame[4 + i] = (uint8_t)(seq * 5 + i * 3);
    for (int i = 0; i < 4; i++) {
        frame[i] = (uint8_t)(len >> (24 - 8 * i));
        frame[4 + i] = (uint8_t)(seq >> (24 - 8 * i));
    }
    assert_int_equal(link_client_send(c, str_make((char *)frame, len + 4), NULL), ST_OK);
    free(frame);
}

static void assert_reply(struct link_client *c, uint32_t seq, uint32_t len)
{
    struct str r;
    struct error err;
    if (link_client_next(c, os_mono_ns(os) + 60 * SECOND, &r, &err) != ST_OK)
        fail_msg("%s (%s)", err.message, last_why);
    assert_non_null(r.ptr);
    assert_int_equal(r.len, len);
    const uint8_t *p = (const uint8_t *)r.ptr;
    assert_int_equal((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3], seq);
    for (uint32_t i = 4; i < len; i++)
        if (p[i] != (uint8_t)(seq * 5 + i * 3))
            fail_msg("reply %u, byte %u", seq, i);
}

/* A raw socket, connected. */
static struct os_sock *raw(void)
{
    struct os_sock *s;
    assert_int_equal(os->ops->net_connect(os, &at, &s, NULL), ST_OK);
    return s;
}

static void raw_send(struct os_sock *s, const void *bytes, size_t len)
{
    size_t done = 0, n;
    for (int i = 0; i < 4000 && done < len; i++) {
        struct str p = str_make((const char *)bytes + done, len - done);
        if (os->ops->net_send(os, s, &p, 1, false, &n, NULL) != ST_OK)
            return; /* the server has closed */
        done += n;
        if (n == 0)
            usleep(1000);
    }
}

/* ---- tests ---- */

static void test_thousand_connections(void **state)
{
    (void)state;
    static struct link_client *c[1000];
    serve(&echo_user, (struct link_options){ 0 });
    for (uint32_t i = 0; i < 1000; i++)
        c[i] = client();
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 1000; i++) {
            ask(c[i], i + round, 8 + (i * 37) % 5000);
            ask(c[i], i + round + 1, 100);
        }
        for (uint32_t i = 0; i < 1000; i++) {
            assert_reply(c[i], i + round, 8 + (i * 37) % 5000);
            assert_reply(c[i], i + round + 1, 100);
        }
    }
    assert_int_equal(link_count(loop).connections, 1000);
    assert_true(atomic_load(&budget.used) < 2 << 20); /* at rest they hold no buffers */
    /* nobody speaks: the loop does not wake */
    usleep(50000);
    uint64_t turns = link_count(loop).turns;
    usleep(500000);
    assert_int_equal(link_count(loop).turns, turns);
    for (uint32_t i = 0; i < 1000; i++)
        link_client_close(c[i]);
    wait_closed(1000);
    unserve();
}

static void test_large_frames(void **state)
{
    (void)state;
    serve(&echo_user, (struct link_options){ 0 });
    struct link_client *c = client();
    static const uint32_t lens[] = { 8, 65536, 262140, 262144, 262148, 1 << 20, 30 << 20, 12 };
    for (uint32_t i = 0; i < 8; i++)
        ask(c, i, lens[i]);
    for (uint32_t i = 0; i < 8; i++)
        assert_reply(c, i, lens[i]);
    link_client_close(c);
    unserve();
}

/* Every request is answered by a thread of the background, in whatever order they come to it. */
struct job {
    struct os_work work;
    struct link_request *r;
};
static void job_run(struct os_work *w)
{
    struct job *j = w->arg;
    struct link_request *r = j->r;
    if (r->bytes.ptr[7] % 3 == 0)
        usleep((useconds_t)(uint8_t)r->bytes.ptr[7] * 2);
    put_echo(r);
    link_post(r, NULL);
}
static struct job jobs[4000];
static atomic_uint jobs_n;
static void frame_to_work(void *arg, struct link_request *r)
{
    (void)arg;
    struct job *j = &jobs[atomic_fetch_add(&jobs_n, 1)];
    *j = (struct job){ .work = { .run = job_run, .arg = j }, .r = r };
    os->ops->work(os, &j->work);
}

static void test_answers_from_threads(void **state)
{
    (void)state;
    static const struct link_user user = { .accepted = on_accepted, .frame = frame_to_work, .closed = on_closed };
    struct link_client *c[8];
    atomic_store(&jobs_n, 0);
    serve(&user, (struct link_options){ .max_requests = 50 });
    for (uint32_t i = 0; i < 8; i++) {
        c[i] = client();
        for (uint32_t k = 0; k < 300; k++)
            ask(c[i], k, 8 + k);
    }
    for (uint32_t i = 0; i < 7; i++)
        for (uint32_t k = 0; k < 300; k++)
            assert_reply(c[i], k, 8 + k);
    assert_reply(c[7], 0, 8); /* the last one leaves in the middle of it */
    for (uint32_t i = 0; i < 8; i++)
        link_client_close(c[i]);
    wait_closed(8);
    unserve();
    for (uint32_t i = 0; i < atomic_load(&jobs_n); i++)
        while (!atomic_load(&jobs[i].work.done))
            usleep(1000);
}

/* What is asked before the stop is answered after it. */
static void test_stop_drains(void **state)
{
    (void)state;
    static const struct link_user user = { .accepted = on_accepted, .frame = frame_to_work, .closed = on_closed };
    atomic_store(&jobs_n, 0);
    serve(&user, (struct link_options){ 0 });
    struct link_client *c = client();
    for (uint32_t k = 0; k < 100; k++)
        ask(c, k, 300);
    assert_reply(c, 0, 300);
    while (atomic_load(&jobs_n) < 100)
        usleep(1000);
    link_stop(loop, os_mono_ns(os) + 20 * SECOND);
    for (uint32_t k = 1; k < 100; k++)
        assert_reply(c, k, 300);
    struct str r;
    assert_int_equal(link_client_next(c, os_mono_ns(os) + 10 * SECOND, &r, NULL), ST_UNREACHABLE);
    link_client_close(c);
    unserve();
}

static struct os_file *file;
static atomic_int ranges;
static void range_done(struct link_range *r)
{
    atomic_fetch_sub(&ranges, 1);
    free(r);
}
/* Two ranges of a file in each reply, the echo around them. */
static void frame_with_file(void *arg, struct link_request *r)
{
    (void)arg;
    struct wire_gap gap[2];
    uint32_t len = 8 + 6000000;
    uint8_t head[12] = { (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len };
    memcpy(head + 4, r->bytes.ptr, 8);
    assert_true(buf_put(&r->out, head, 12));
    for (uint32_t i = 0; i < 2; i++) {
        struct link_range *range = calloc(1, sizeof *range);
        *range = (struct link_range){ .file = file, .at = i * 1000000, .release = range_done };
        atomic_fetch_add(&ranges, 1);
        gap[i] = (struct wire_gap){ .at = i ? 12 : 8, .len = i ? 5000000 : 1000000, .owner = range };
    }
    link_answer(r, &(struct wire_gaps){ .at = gap, .count = 2, .room = 2, .bytes = 6000000 });
}

static void test_file_ranges(void **state)
{
    (void)state;
    static const struct link_user user = { .accepted = on_accepted, .frame = frame_with_file, .closed = on_closed };
    char path[] = "/tmp/weir-link-XXXXXX";
    close(mkstemp(path));
    assert_int_equal(os_open(os, path, OS_CREATE, &file, NULL), ST_OK);
    uint8_t *bytes = malloc(6000000);
    for (uint32_t i = 0; i < 6000000; i++)
        bytes[i] = (uint8_t)(i * 7 >> 4);
    assert_int_equal(os_pwrite(os, file, bytes, 6000000, 0, NULL), ST_OK);
    serve(&user, (struct link_options){ 0 });
    struct link_client *c = client();
    for (uint32_t k = 0; k < 5; k++)
        ask(c, k, 8);
    for (uint32_t k = 0; k < 5; k++) {
        struct str r;
        assert_int_equal(link_client_next(c, os_mono_ns(os) + 60 * SECOND, &r, NULL), ST_OK);
        assert_int_equal(r.len, 6000008);
        assert_int_equal((uint8_t)r.ptr[3], k);
        assert_memory_equal(r.ptr + 4, bytes, 1000000);
        assert_int_equal((uint8_t)r.ptr[1000004], (uint8_t)(k * 5 + 12)); /* the echo's byte 4 */
        assert_memory_equal(r.ptr + 1000008, bytes + 1000000, 5000000);
    }
    for (uint32_t k = 0; k < 50; k++) /* and one that leaves: its ranges come back */
        ask(c, k, 8);
    struct str r;
    assert_int_equal(link_client_next(c, os_mono_ns(os) + 60 * SECOND, &r, NULL), ST_OK);
    link_client_close(c);
    wait_closed(1);
    unserve();
    assert_int_equal(atomic_load(&ranges), 0);
    os_close(os, file);
    unlink(path);
    free(bytes);
}

static void test_K1_lengths(void **state)
{
    (void)state;
    static const uint8_t bad[][4] = { { 0, 0, 0, 0 }, { 0xff, 0xff, 0xff, 0xff }, { 0, 0, 0, 1 }, { 0x7f, 0xff, 0xff, 0xff },
                                      { 0, 0x10, 0, 1 } };
    serve(&echo_user, (struct link_options){ .max_frame = 1 << 20 });
    size_t before = atomic_load(&budget.used);
    for (uint32_t i = 0; i < 5; i++) {
        struct os_sock *s = raw();
        for (uint32_t k = 0; k < 4; k++) { /* slow length bytes */
            raw_send(s, &bad[i][k], 1);
            usleep(2000);
        }
        wait_closed(i + 1);
        assert_non_null(strstr(last_why, "refused"));
        os->ops->net_close(os, s);
    }
    struct os_sock *s = raw(); /* a length that may be, and nothing behind it: nothing is made for it */
    atomic_store(&budget.peak, atomic_load(&budget.used));
    raw_send(s, (const uint8_t[]){ 0, 0x0f, 0xff, 0xff, 0, 0 }, 6);
    usleep(50000);
    assert_true(atomic_load(&budget.peak) < before + (300 << 10));
    os->ops->net_close(os, s);
    wait_closed(6);
    assert_int_equal(link_count(loop).refused_frames, 5);
    unserve();
}

static void test_K2_other_protocols(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *what;
    } strangers[] = {
        { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP" }, { "\x16\x03\x01\x02\x05\x01\x01\x01\x01", "TLS" },
        { "*1\r\n$4\r\nPING\r\n", "Redis" }, { "\xf3\x9c\x11\x7e\x01random", "refused" },
    };
    serve(&echo_user, (struct link_options){ 0 });
    for (uint32_t i = 0; i < 4; i++) {
        struct os_sock *s = raw();
        raw_send(s, strangers[i].bytes, strlen(strangers[i].bytes));
        wait_closed(i + 1);
        assert_non_null(strstr(last_why, strangers[i].what));
        os->ops->net_close(os, s);
    }
    unserve();
}

/* FIN and RST behind each byte of a frame, behind a whole one and within the next. */
static void test_K4_F14_cut_at_every_byte(void **state)
{
    (void)state;
    uint8_t frame[40] = { 0, 0, 0, 16 };
    frame[23] = 16; /* the second one's length */
    serve(&echo_user, (struct link_options){ 0 });
    for (uint32_t cut = 0; cut <= 40; cut++) {
        for (int half = 0; half < 2; half++) {
            struct os_sock *s = raw();
            raw_send(s, frame, cut);
            if (half)
                os->ops->net_finish(os, s); /* half-closed: what was whole is answered */
            for (int i = 0; half && i < 4000; i++) {
                uint8_t got[64];
                size_t n;
                bool end;
                assert_int_equal(os->ops->net_recv(os, s, got, sizeof got, &n, &end, NULL), ST_OK);
                if (end)
                    break;
                usleep(500);
            }
            os->ops->net_close(os, s); /* unread replies: a reset */
        }
    }
    for (int i = 0; i < 2000 && atomic_load(&accepted_n) < 82; i++)
        usleep(1000);
    wait_closed(82);
    assert_true(link_count(loop).frames >= 41);
    unserve();
}

/* 100,000 requests without reading a reply: bounded, and the peer is closed in time. */
static void test_K17_pipelining(void **state)
{
    (void)state;
    serve(&echo_user, (struct link_options){ .stall_ms = 400, .max_in = 64 << 10, .max_out = 64 << 10 });
    struct os_sock *s = raw();
    uint8_t *all = calloc(100000, 1004);
    for (uint32_t i = 0; i < 100000; i++)
        memcpy(all + (size_t)i * 1004, (const uint8_t[]){ 0, 0, 3, 0xe8 }, 4);
    raw_send(s, all, (size_t)100000 * 1004);
    wait_closed(1);
    assert_non_null(strstr(last_why, "does not read"));
    assert_true(link_count(loop).frames < 100000);
    assert_true(atomic_load(&budget.peak) < 2 << 20);
    os->ops->net_close(os, s);
    free(all);
    unserve();
}

/* Holders, dribblers and the half-hearted do not keep an honest client from being served, and go. */
static void test_F14_hostile_crowd(void **state)
{
    (void)state;
    static struct os_sock *hostile[300];
    serve(&echo_user, (struct link_options){
                          .handshake_ms = 1500, .frame_grace_ms = 500, .frame_floor = 1000, .idle_ms = 60000 });
    for (uint32_t i = 0; i < 300; i++) {
        hostile[i] = raw();
        if (i % 3 == 1)
            raw_send(hostile[i], (const uint8_t[]){ 0, 0x10, 0, 0, 1, 2 }, 6); /* and then a byte now and then */
        if (i % 3 == 2)
            raw_send(hostile[i], (const uint8_t[]){ 0, 0 }, 2);
    }
    struct link_client *c = client();
    for (uint32_t k = 0; k < 20; k++) {
        ask(c, k, 2000);
        assert_reply(c, k, 2000);
        for (uint32_t i = 1; i < 300; i += 3) {
            struct str x = str_make("x", 1);
            size_t n;
            (void)!os->ops->net_send(os, hostile[i], &x, 1, false, &n, NULL);
        }
        usleep(20000);
    }
    wait_closed(300);
    ask(c, 99, 100);
    assert_reply(c, 99, 100);
    assert_int_equal(link_count(loop).timeouts, 300);
    for (uint32_t i = 0; i < 300; i++)
        os->ops->net_close(os, hostile[i]);
    link_client_close(c);
    wait_closed(301);
    unserve();
}

static void only_count(void *arg, struct link_conn *c, const struct error *why)
{
    (void)arg;
    (void)c;
    (void)why;
    atomic_fetch_add(&closed_n, 1);
}

/* Two loops: one accepts, both serve. */
static void test_spread(void **state)
{
    (void)state;
    struct link_client *c[10];
    struct link_loop *other, *loops[2];
    struct os_thread *other_thread;
    static const struct link_user user = { .accepted = on_accepted, .frame = echo, .closed = only_count };
    struct link_options o = { .os = os, .framing = &link_kafka, .user = &user };
    uint32_t fds = count_fds();
    atomic_store(&accepted_n, 0);
    atomic_store(&closed_n, 0);
    assert_true(os_addr_parse(str_from("127.0.0.1"), 0, &at));
    assert_int_equal(link_loop_new(&o, &loop, NULL), ST_OK);
    assert_int_equal(link_loop_new(&o, &other, NULL), ST_OK);
    loops[0] = loop;
    loops[1] = other;
    link_spread(loop, loops, 2);
    assert_int_equal(link_listen(loop, &at, &at, NULL), ST_OK);
    assert_int_equal(os->ops->thread_start(os, "one", link_run, loop, &thread, NULL), ST_OK);
    assert_int_equal(os->ops->thread_start(os, "two", link_run, other, &other_thread, NULL), ST_OK);
    for (uint32_t i = 0; i < 10; i++)
        c[i] = client();
    for (uint32_t i = 0; i < 10; i++)
        ask(c[i], i, 50);
    for (uint32_t i = 0; i < 10; i++)
        assert_reply(c[i], i, 50);
    assert_int_equal(link_count(loop).connections, 5);
    assert_int_equal(link_count(other).connections, 5);
    for (uint32_t i = 0; i < 10; i++)
        link_client_close(c[i]);
    link_stop(loop, os_mono_ns(os) + 5 * SECOND);
    os->ops->thread_join(os, thread); /* the accepting one first: it hands over no more */
    link_stop(other, os_mono_ns(os) + 5 * SECOND);
    os->ops->thread_join(os, other_thread);
    link_loop_free(loop);
    link_loop_free(other);
    assert_int_equal(atomic_load(&closed_n), 10);
    assert_int_equal(count_fds(), fds);
}

/* A loop that is full gets no connections, whatever its turn: those of others that have closed make room there only. */
static void test_spread_full(void **state)
{
    (void)state;
    enum { MOST = 4, ROUNDS = 6 };
    struct link_client *kept[ROUNDS], *gone;
    struct link_loop *other, *loops[2];
    struct os_thread *other_thread;
    static const struct link_user user = { .accepted = on_accepted, .frame = echo, .closed = only_count };
    struct link_options o = { .os = os, .framing = &link_kafka, .user = &user, .max_connections = MOST };
    atomic_store(&accepted_n, 0);
    atomic_store(&closed_n, 0);
    assert_true(os_addr_parse(str_from("127.0.0.1"), 0, &at));
    assert_int_equal(link_loop_new(&o, &loop, NULL), ST_OK);
    assert_int_equal(link_loop_new(&o, &other, NULL), ST_OK);
    loops[0] = loop;
    loops[1] = other;
    link_spread(loop, loops, 2);
    assert_int_equal(link_listen(loop, &at, &at, NULL), ST_OK);
    assert_int_equal(os->ops->thread_start(os, "one", link_run, loop, &thread, NULL), ST_OK);
    assert_int_equal(os->ops->thread_start(os, "two", link_run, other, &other_thread, NULL), ST_OK);
    for (uint32_t i = 0; i < ROUNDS; i++) { /* by turns: one that goes, one that stays */
        gone = client();
        ask(gone, i, 50);
        assert_reply(gone, i, 50);
        kept[i] = client();
        ask(kept[i], i, 50);
        assert_reply(kept[i], i, 50);
        link_client_close(gone);
        while (atomic_load(&closed_n) < i + 1)
            usleep(500);
    }
    assert_true(link_count(loop).connections <= MOST);
    assert_true(link_count(other).connections <= MOST);
    assert_int_equal(link_count(loop).connections + link_count(other).connections, ROUNDS);
    for (uint32_t i = 0; i < ROUNDS; i++)
        link_client_close(kept[i]);
    link_stop(loop, os_mono_ns(os) + 5 * SECOND);
    os->ops->thread_join(os, thread);
    link_stop(other, os_mono_ns(os) + 5 * SECOND);
    os->ops->thread_join(os, other_thread);
    link_loop_free(loop);
    link_loop_free(other);
}

int main(void)
{
    os = os_real();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thousand_connections),
        cmocka_unit_test(test_large_frames),
        cmocka_unit_test(test_answers_from_threads),
        cmocka_unit_test(test_stop_drains),
        cmocka_unit_test(test_file_ranges),
        cmocka_unit_test(test_K1_lengths),
        cmocka_unit_test(test_K2_other_protocols),
        cmocka_unit_test(test_K4_F14_cut_at_every_byte),
        cmocka_unit_test(test_K17_pipelining),
        cmocka_unit_test(test_F14_hostile_crowd),
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_spread_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
