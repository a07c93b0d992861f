/* Sockets and pollers: what both bodies must do alike (each on loopback and in the twin), and what only the twin
 * can: the same seed, overtaking connections, cuts, silence, a killed machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/sim.h"

static struct os *os;
static struct sim *sim;
static struct os_poller *poller;
static char dir[64];

static int start_real(void **state)
{
    (void)state;
    os = os_real();
    sim = NULL;
    snprintf(dir, sizeof dir, "/tmp/weir-net-XXXXXX");
    return mkdtemp(dir) && os->ops->poller_new(os, &poller, NULL) == ST_OK ? 0 : -1;
}

static int start_twin(void **state)
{
    (void)state;
    sim = sim_new(11, NULL);
    os = sim_os(sim);
    dir[0] = '\0';
    return os->ops->poller_new(os, &poller, NULL) == ST_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    os->ops->poller_free(os, poller);
    if (!sim)
        return os->ops->rmdir(os, dir, NULL) == ST_OK ? 0 : -1;
    assert_int_equal(sim_net_sockets(sim), 0);
    sim_free(sim);
    return 0;
}

/* A little time: all that is on the way comes nearer. */
static void pass(void)
{
    if (sim)
        sim_advance_ms(sim, 1);
    else
        usleep(500);
}

static struct os_sock *listen_at(const char *ip, struct os_addr *ret)
{
    struct os_sock *s;
    struct error err;
    assert_true(os_addr_parse(str_from(ip), 0, ret));
    if (os->ops->net_listen(os, ret, &s, &err) != ST_OK)
        fail_msg("%s", err.message);
    *ret = os->ops->net_local(os, s);
    assert_true(ret->port > 0);
    return s;
}

static struct os_sock *connect_at(const struct os_addr *to)
{
    struct os_sock *s;
    assert_int_equal(os->ops->net_connect(os, to, &s, NULL), ST_OK);
    return s;
}

static struct os_sock *accept_one(struct os_sock *listener)
{
    struct os_sock *s = NULL;
    for (int i = 0; i < 2000 && !s; i++) {
        pass();
        assert_int_equal(os->ops->net_accept(os, listener, &s, NULL), ST_OK);
    }
    assert_non_null(s);
    return s;
}

static void send_all(struct os_sock *s, const void *bytes, size_t len)
{
    size_t done = 0, n;
    for (int i = 0; i < 20000 && done < len; i++) {
        struct str p = str_make((const char *)bytes + done, len - done);
        assert_int_equal(os->ops->net_send(os, s, &p, 1, false, &n, NULL), ST_OK);
        done += n;
        if (n == 0)
            pass();
    }
    assert_int_equal(done, len);
}

/* Receives `len` bytes, or to the end; the status of the call that failed. */
static enum status recv_all(struct os_sock *s, void *bytes, size_t len, size_t *ret, bool *ret_end)
{
    size_t n;
    *ret = 0;
    *ret_end = false;
    for (int i = 0; i < 5000 && *ret < len && !*ret_end; i++) {
        TRY(os->ops->net_recv(os, s, (uint8_t *)bytes + *ret, len - *ret, &n, ret_end, NULL));
        *ret += n;
        if (n == 0)
            pass();
    }
    return ST_OK;
}

static void assert_recv(struct os_sock *s, const char *text)
{
    char got[256];
    size_t len;
    bool end;
    assert_int_equal(recv_all(s, got, strlen(text), &len, &end), ST_OK);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(got, text, len);
}

static void assert_end(struct os_sock *s)
{
    char got;
    size_t len;
    bool end;
    assert_int_equal(recv_all(s, &got, 1, &len, &end), ST_OK);
    assert_true(end && len == 0);
}

static void test_there_and_back(void **state)
{
    (void)state;
    static const char *const ips[] = { "127.0.0.1", "::1" };
    for (size_t i = 0; i < 2; i++) {
        struct os_addr at;
        char a[OS_ADDR_TEXT], b[OS_ADDR_TEXT];
        struct os_sock *l = listen_at(ips[i], &at), *none;
        struct error err;
        assert_int_equal(os->ops->net_accept(os, l, &none, NULL), ST_OK);
        assert_null(none);
        struct os_sock *again;
        assert_int_equal(os->ops->net_listen(os, &at, &again, &err), ST_EXISTS);
        struct os_sock *c = connect_at(&at), *s = accept_one(l);
        struct os_addr cp = os->ops->net_peer(os, c), sl = os->ops->net_local(os, s);
        os_addr_text(&cp, a);
        os_addr_text(&sl, b);
        assert_string_equal(a, b);
        struct os_addr cl = os->ops->net_local(os, c), sp = os->ops->net_peer(os, s);
        os_addr_text(&cl, a);
        os_addr_text(&sp, b);
        assert_string_equal(a, b);
        assert_true(os_addr_is_loopback(&cp));
        char got[4];
        size_t len;
        bool end;
        assert_int_equal(os->ops->net_recv(os, s, got, 4, &len, &end, NULL), ST_OK);
        assert_true(len == 0 && !end);
        send_all(c, "question", 8);
        assert_recv(s, "question");
        send_all(s, "answer", 6);
        assert_recv(c, "answer");
        os->ops->net_finish(os, c); /* half closed: the other way goes on */
        assert_end(s);
        send_all(s, "late", 4);
        assert_recv(c, "late");
        os->ops->net_close(os, s);
        assert_end(c);
        os->ops->net_close(os, c);
        os->ops->net_close(os, l);
    }
}

static void test_refused_and_reset(void **state)
{
    (void)state;
    struct os_addr at;
    struct os_sock *l = listen_at("127.0.0.1", &at);
    struct os_sock *c = connect_at(&at), *s = accept_one(l);
    char got[8];
    size_t len;
    bool end;
    send_all(c, "unread", 6);
    for (int i = 0; i < 5; i++)
        pass();
    assert_int_equal(os->ops->net_recv(os, s, got, 1, &len, &end, NULL), ST_OK);
    os->ops->net_close(os, s); /* with bytes unread */
    assert_int_equal(recv_all(c, got, 1, &len, &end), ST_UNREACHABLE);
    os->ops->net_close(os, c);
    os->ops->net_close(os, l);
    enum status st = os->ops->net_connect(os, &at, &c, NULL);
    if (st == ST_OK) {
        st = recv_all(c, got, 1, &len, &end);
        os->ops->net_close(os, c);
    }
    assert_int_equal(st, ST_UNREACHABLE);
}

static void test_window(void **state)
{
    (void)state;
    struct os_addr at;
    struct os_sock *l = listen_at("127.0.0.1", &at);
    struct os_sock *c = connect_at(&at), *s = accept_one(l);
    size_t bytes = 1 << 20, sent = 0, got = 0, n;
    bool end;
    uint8_t *out = malloc(bytes), *in = malloc(bytes);
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(i * 131 >> 3);
    for (int i = 0; i < 1000 && sent < 64 * bytes; i++) { /* nobody reads: it ends */
        struct str p = str_make((char *)out + sent % bytes, bytes - sent % bytes);
        assert_int_equal(os->ops->net_send(os, c, &p, 1, false, &n, NULL), ST_OK);
        sent += n;
        if (n == 0)
            pass();
    }
    assert_true(sent > 0 && sent < 64 * bytes);
    while (got < sent) {
        size_t want = sent - got < bytes - got % bytes ? sent - got : bytes - got % bytes;
        assert_int_equal(recv_all(s, in, want, &n, &end), ST_OK);
        assert_true(n == want && !end);
        assert_memory_equal(in, out + got % bytes, n);
        got += n;
    }
    free(out);
    free(in);
    os->ops->net_close(os, c);
    os->ops->net_close(os, s);
    os->ops->net_close(os, l);
}

static void test_send_file(void **state)
{
    (void)state;
    char path[128];
    struct os_file *f;
    struct os_addr at;
    struct error err;
    size_t n, done = 0;
    snprintf(path, sizeof path, "%s/file", dir);
    assert_int_equal(os_open(os, path, OS_CREATE, &f, NULL), ST_OK);
    assert_int_equal(os_pwrite(os, f, "0123456789", 10, 0, NULL), ST_OK);
    struct os_sock *l = listen_at("127.0.0.1", &at);
    struct os_sock *c = connect_at(&at), *s = accept_one(l);
    struct str pieces[2] = { str_from("<"), str_from("-") };
    for (size_t sent = 0; sent < 2; sent += n) {
        struct str rest = pieces[sent];
        assert_int_equal(os->ops->net_send(os, s, &rest, 1, true, &n, NULL), ST_OK);
    }
    while (done < 6)
        assert_int_equal(os->ops->net_send_file(os, s, f, 3 + done, 6 - done, &n, NULL), ST_OK), done += n;
    assert_recv(c, "<-345678");
    assert_int_equal(os->ops->net_send_file(os, s, f, 10, 1, &n, &err), ST_IO); /* promised and not there */
    os->ops->net_close(os, s);
    os->ops->net_close(os, c);
    os->ops->net_close(os, l);
    os_close(os, f);
    assert_int_equal(os->ops->unlink(os, path, NULL), ST_OK);
}

/* Waits for an event of `user`; what it can. */
static uint32_t wait_event(void *user, uint32_t want)
{
    struct os_event e[8];
    bool raised;
    uint32_t can = 0;
    for (int i = 0; i < 500 && !(can & want); i++) {
        uint32_t n = os->ops->poller_wait(os, poller, os_mono_ns(os) + 2000000, e, 8, &raised);
        for (uint32_t k = 0; k < n; k++)
            can |= e[k].user == user ? e[k].can : 0;
        pass();
    }
    return can;
}

static void test_poller(void **state)
{
    (void)state;
    struct os_addr at;
    struct os_sock *l = listen_at("127.0.0.1", &at);
    struct os_event e[8];
    bool raised;
    char got[64];
    size_t len;
    bool end;
    assert_int_equal(os->ops->poller_add(os, poller, l, l, NULL), ST_OK);
    struct os_sock *c = connect_at(&at);
    assert_true(wait_event(l, OS_CAN_READ) & OS_CAN_READ);
    struct os_sock *s = accept_one(l);
    assert_int_equal(os->ops->poller_add(os, poller, c, c, NULL), ST_OK);
    assert_int_equal(os->ops->poller_add(os, poller, s, s, NULL), ST_OK);
    assert_true(wait_event(c, OS_CAN_WRITE) & OS_CAN_WRITE);
    send_all(c, "xy", 2);
    assert_true(wait_event(s, OS_CAN_READ) & OS_CAN_READ);
    assert_int_equal(wait_event(s, OS_CAN_READ) & OS_CAN_READ, 0); /* told once */
    assert_recv(s, "xy");
    send_all(c, "z", 1);
    os->ops->net_close(os, c);
    assert_true(wait_event(s, OS_ENDING) & OS_ENDING);
    assert_recv(s, "z");
    assert_int_equal(recv_all(s, got, 1, &len, &end), ST_OK);
    assert_true(end);
    /* the signal, twice raised and told once */
    os->ops->signal_raise(os, os->ops->poller_signal(os, poller));
    os->ops->signal_raise(os, os->ops->poller_signal(os, poller));
    os->ops->poller_wait(os, poller, INT64_MAX, e, 8, &raised);
    assert_true(raised);
    os->ops->poller_wait(os, poller, 0, e, 8, &raised);
    assert_false(raised);
    os->ops->net_close(os, s);
    os->ops->net_close(os, l);
}

static void work_sleep(struct os_work *w)
{
    (void)w;
    if (!sim)
        usleep(20000);
}

static void test_work_ends_a_wait(void **state)
{
    (void)state;
    struct os_event e[1];
    bool raised;
    struct os_work w = { .run = work_sleep, .signal = os->ops->poller_signal(os, poller) };
    os->ops->work(os, &w);
    if (sim)
        sim_work_some(sim, 1);
    assert_int_equal(os->ops->poller_wait(os, poller, os_mono_ns(os) + INT64_C(5000000000), e, 1, &raised), 0);
    assert_true(raised && atomic_load(&w.done));
    if (!sim) { /* and a deadline is one */
        int64_t before = os_mono_ns(os);
        os->ops->poller_wait(os, poller, before + 5000000, e, 1, &raised);
        assert_true(!raised && os_mono_ns(os) >= before + 5000000);
    }
}

static void test_names(void **state)
{
    (void)state;
    struct os_addr a[4];
    uint32_t n;
    struct error err;
    assert_int_equal(os->ops->net_resolve(os, "localhost", 9092, a, 4, &n, &err), ST_OK);
    assert_true(n >= 1 && os_addr_is_loopback(&a[0]) && a[0].port == 9092);
    assert_int_equal(os->ops->net_resolve(os, "no.such.name.invalid", 1, a, 4, &n, &err), ST_UNREACHABLE);
}

static void test_address_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        int port; /* -1: refused */
    } cases[] = {
        { "localhost:9092", "localhost", 9092 }, { "[::1]:0", "::1", 0 }, { "10.0.0.1:65535", "10.0.0.1", 65535 },
        { "a:65536", "", -1 }, { "a:", "", -1 }, { ":1", "", -1 }, { "a", "", -1 }, { "", "", -1 }, { "::1:9", "", -1 },
        { "[]:1", "", -1 }, { "[::1:1", "", -1 }, { "a:1x", "", -1 }, { "a:+1", "", -1 }, { "a:000001", "", -1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str host;
        uint16_t port;
        bool ok = os_addr_split(str_from(cases[i].text), &host, &port);
        assert_int_equal(ok, cases[i].port >= 0);
        if (ok)
            assert_true(port == cases[i].port && str_eq(host, str_from(cases[i].host)));
    }
    struct os_addr a;
    char text[OS_ADDR_TEXT];
    assert_true(os_addr_parse(str_from("fe80::1"), 80, &a));
    a.scope = 2;
    os_addr_text(&a, text);
    assert_string_equal(text, "[fe80::1%2]:80");
    assert_false(os_addr_is_loopback(&a));
    assert_true(os_addr_parse(str_from("::ffff:127.0.0.9"), 80, &a) && os_addr_is_loopback(&a));
    assert_false(os_addr_parse(str_from("localhost"), 80, &a) || os_addr_parse(str_from(""), 80, &a) ||
                 os_addr_parse(str_from("1.2.3.4.5"), 80, &a));
}

/* ---- the twin only ---- */

#define PAIRS 8

/* PAIRS connections, each with numbered bytes; a hash of who got what when. */
static uint64_t run_seed(uint64_t seed, uint32_t *ret_overtaken)
{
    sim = sim_new(seed, NULL);
    os = sim_os(sim);
    struct os_addr at;
    struct os_sock *l = listen_at("127.0.0.1", &at), *c[PAIRS], *s[PAIRS];
    uint8_t next[PAIRS] = { 0 };
    uint64_t sum = 0;
    for (int i = 0; i < PAIRS; i++) {
        c[i] = connect_at(&at);
        s[i] = accept_one(l);
    }
    for (uint8_t round = 0; round < 20; round++) {
        uint8_t got[64];
        size_t len;
        bool end;
        for (int i = 0; i < PAIRS; i++)
            send_all(c[i], &round, 1);
        sim_advance_ns(sim, 200000);
        for (int i = 0; i < PAIRS; i++) {
            assert_int_equal(os->ops->net_recv(os, s[i], got, sizeof got, &len, &end, NULL), ST_OK);
            for (size_t k = 0; k < len; k++)
                assert_int_equal(got[k], next[i]++); /* in order inside */
            sum = hash_u64(sum ^ next[i]);
            *ret_overtaken += i > 0 && next[i] > next[i - 1];
        }
    }
    for (int i = 0; i < PAIRS; i++) {
        os->ops->net_close(os, c[i]);
        os->ops->net_close(os, s[i]);
    }
    os->ops->net_close(os, l);
    sum ^= sim_calls(sim);
    assert_int_equal(sim_net_sockets(sim), 0);
    sim_free(sim);
    return sum;
}

static void test_seeds(void **state)
{
    (void)state;
    uint32_t overtaken = 0, unequal = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        uint64_t sum = run_seed(seed, &overtaken);
        assert_int_equal(sum, run_seed(seed, &overtaken));
        unequal += sum != run_seed(seed + 1000, &overtaken);
    }
    assert_true(overtaken > 100 && unequal == 50);
}

static struct os_sock *the_l, *the_c, *the_s;

static void pair_up(uint64_t seed, bool client_outside)
{
    struct os_addr at;
    sim = sim_new(seed, NULL);
    os = sim_os(sim);
    the_l = listen_at("127.0.0.1", &at);
    struct os *far = client_outside ? sim_outside(sim) : os;
    assert_int_equal(far->ops->net_connect(far, &at, &the_c, NULL), ST_OK);
    the_s = accept_one(the_l);
    sim_advance_ms(sim, 10);
    char none;
    size_t n;
    bool end; /* a look, so that what has arrived is there before a test stalls the network */
    assert_int_equal(far->ops->net_recv(far, the_c, &none, 1, &n, &end, NULL), ST_OK);
}

static enum status recv_on(struct os *on, struct os_sock *s)
{
    char got[8];
    size_t len;
    bool end;
    for (int i = 0; i < 20; i++) {
        TRY(on->ops->net_recv(on, s, got, sizeof got, &len, &end, NULL));
        sim_advance_ms(sim, 1);
    }
    return ST_OK;
}

static void pair_end(void)
{
    os->ops->net_close(os, the_c);
    os->ops->net_close(os, the_s);
    os->ops->net_close(os, the_l);
    sim_free(sim);
}

static void test_cuts(void **state)
{
    (void)state;
    size_t n;
    struct str x = str_from("x");
    pair_up(1, false);
    assert_true(sim_net_cut(sim, NULL, SIM_CUT_BOTH));
    assert_int_equal(recv_on(os, the_c), ST_UNREACHABLE);
    assert_int_equal(recv_on(os, the_s), ST_UNREACHABLE);
    assert_false(sim_net_cut(sim, NULL, SIM_CUT_BOTH));
    pair_end();
    pair_up(2, false); /* half-open: only who sends learns it */
    assert_true(sim_net_cut(sim, the_s, SIM_CUT_ONE));
    assert_int_equal(recv_on(os, the_s), ST_UNREACHABLE);
    assert_int_equal(recv_on(os, the_c), ST_OK);
    assert_int_equal(os->ops->net_send(os, the_c, &x, 1, false, &n, NULL), ST_OK);
    assert_int_equal(recv_on(os, the_c), ST_UNREACHABLE);
    pair_end();
    pair_up(3, false); /* silence: the window fills, nobody is told */
    assert_true(sim_net_cut(sim, the_c, SIM_CUT_SILENT));
    static char much[100 << 10];
    size_t sent = 0;
    for (int i = 0; i < 100; i++) {
        struct str p = str_make(much, sizeof much);
        assert_int_equal(os->ops->net_send(os, the_c, &p, 1, false, &n, NULL), ST_OK);
        sent += n;
    }
    assert_int_equal(sent, sim_net(sim)->window);
    assert_int_equal(recv_on(os, the_s), ST_OK);
    assert_int_equal(recv_on(os, the_c), ST_OK);
    pair_end();
    pair_up(4, false); /* a stall ends */
    sim_net(sim)->stalled = true;
    send_all(the_c, "x", 1);
    char got[1];
    bool end;
    sim_advance_ms(sim, 1000);
    assert_int_equal(os->ops->net_recv(os, the_s, got, 1, &n, &end, NULL), ST_OK);
    assert_int_equal(n, 0);
    sim_net(sim)->stalled = false;
    assert_int_equal(os->ops->net_recv(os, the_s, got, 1, &n, &end, NULL), ST_OK);
    assert_int_equal(n, 1);
    sim_net(sim)->refuse = 256;
    struct os_addr at = os->ops->net_local(os, the_l);
    struct os_sock *c = connect_at(&at);
    assert_int_equal(recv_on(os, c), ST_UNREACHABLE);
    os->ops->net_close(os, c);
    pair_end();
}

static void test_killed_and_lost(void **state)
{
    (void)state;
    struct str x = str_from("x");
    size_t n;
    bool end;
    char got[1];
    pair_up(5, true);
    struct os *far = sim_outside(sim);
    sim_kill(sim); /* its kernel says goodbye */
    assert_int_equal(far->ops->net_send(far, the_c, &x, 1, false, &n, NULL), ST_OK);
    for (int i = 0; i < 20 && far->ops->net_recv(far, the_c, got, 1, &n, &end, NULL) == ST_OK && !end; i++)
        sim_advance_ms(sim, 1);
    assert_int_equal(os->ops->net_send(os, the_s, &x, 1, false, &n, NULL), ST_CRASHED);
    struct os_addr at = os->ops->net_local(os, the_l);
    struct os_sock *again;
    assert_int_equal(os->ops->net_listen(os, &at, &again, NULL), ST_OK); /* the port is free */
    os->ops->net_close(os, again);
    pair_end();
    pair_up(6, true);
    far = sim_outside(sim);
    uint64_t calls = sim_calls(sim);
    assert_int_equal(far->ops->net_send(far, the_c, &x, 1, false, &n, NULL), ST_OK);
    assert_int_equal(sim_calls(sim), calls); /* the world outside is not counted */
    sim_fail_at(sim, calls + 1, ST_IO, false);
    assert_int_equal(os->ops->net_send(os, the_s, &x, 1, false, &n, NULL), ST_IO);
    sim_crash_at(sim, calls + 2);
    assert_int_equal(os->ops->net_recv(os, the_s, got, 1, &n, &end, NULL), ST_CRASHED);
    sim_power_cycle(sim, SIM_KEEP);
    assert_int_equal(recv_on(far, the_c), ST_OK); /* nobody told it */
    assert_int_equal(far->ops->net_send(far, the_c, &x, 1, false, &n, NULL), ST_OK);
    assert_int_equal(recv_on(far, the_c), ST_UNREACHABLE);
    pair_end();
}

#define BOTH(test)                                                                                           \
    { #test " (real)", test, start_real, stop, NULL }, { #test " (twin)", test, start_twin, stop, NULL }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_there_and_back),
        BOTH(test_refused_and_reset),
        BOTH(test_window),
        BOTH(test_send_file),
        BOTH(test_poller),
        BOTH(test_work_ends_a_wait),
        BOTH(test_names),
        cmocka_unit_test(test_address_text),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_killed_and_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
