/* Frames through a loop: whatever pieces the bytes come in, the frames that are handed out are those that stand in them, whole,
 * in order and no others; a length that cannot be ends the connection; afterwards nothing is held. The first byte says how long
 * the pieces are, the second what the peer does at the end. The loop and its simulated machine live on over all runs. */
#include <stdio.h>
#include <stdlib.h>

#include "link/link.h"
#include "os/sim.h"

enum { MAX_FRAME = 2000, FRAMES = 512 };

static struct sim *sim;
static struct budget door;
static struct link_loop *loop;
static struct os_addr at;
/* of this run */
static const uint8_t *sent;
static struct { size_t at, len; } want[FRAMES];
static uint32_t n_want, n_got, open_conns;
static bool refused;

static void must(enum status st, const struct error *err)
{
    if (st == ST_OK)
        return;
    fprintf(stderr, "%s\n", err->message);
    abort();
}

static void accepted(void *arg, struct link_conn *c)
{
    (void)arg, (void)c;
    open_conns++;
}

static void closed(void *arg, struct link_conn *c, const struct error *why)
{
    (void)arg, (void)c;
    open_conns--;
    refused |= why && why->status == ST_DATA;
}

static void frame(void *arg, struct link_request *r)
{
    (void)arg;
    CHECK(n_got < n_want && r->bytes.len == want[n_got].len);
    CHECK(r->bytes.len == 0 || memcmp(r->bytes.ptr, sent + want[n_got].at, r->bytes.len) == 0);
    n_got++;
    if (!buf_put(&r->out, "\0\0\0\4pong", 8))
        abort();
    link_answer(r, NULL);
}

static int64_t tick(void *arg, int64_t now_ns)
{
    (void)arg, (void)now_ns;
    return INT64_MAX;
}

static void start(void)
{
    static const struct link_user user = { .accepted = accepted, .frame = frame, .closed = closed, .tick = tick };
    struct error err;
    struct os_addr any;
    sim = sim_new(1, NULL);
    sim_net(sim)->delay_min_ns = sim_net(sim)->delay_max_ns = 1000;
    budget_init(&door, "door", (size_t)8 << 20, NULL);
    struct link_options o = { .os = sim_os(sim), .budget = &door, .framing = &link_kafka, .user = &user,
                              .max_frame = MAX_FRAME, .chunk_bytes = 512 };
    must(link_loop_new(&o, &loop, &err), &err);
    if (!os_addr_parse(str_from("127.0.0.1"), 0, &any))
        abort();
    must(link_listen(loop, &any, &at, &err), &err);
}

/* What a reader of lengths finds: frames of 8 bytes to the most there may be; *ret_bad: then one that is none. */
static void expect(const uint8_t *data, size_t size, bool *ret_bad)
{
    n_want = n_got = 0;
    *ret_bad = false;
    for (size_t pos = 0; size - pos >= 4 && n_want < FRAMES;) {
        uint32_t n = (uint32_t)data[pos] << 24 | (uint32_t)data[pos + 1] << 16 | (uint32_t)data[pos + 2] << 8 | data[pos + 3];
        if (n < 8 || n > MAX_FRAME) {
            *ret_bad = true;
            return;
        }
        if (size - pos - 4 < n)
            return;
        want[n_want].at = pos + 4;
        want[n_want++].len = n;
        pos += 4 + n;
    }
}

static void turn(void)
{
    link_turn(loop, 0);
    sim_work_some(sim, 4);
    sim_advance_ns(sim, 2000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t replies[4096];
    struct os_sock *s;
    bool bad, end = false, broken = false;
    size_t n, piece, got_bytes = 0;
    if (size < 2)
        return 0;
    if (!sim)
        start();
    struct os *far = sim_outside(sim);
    piece = 1 + data[0] % 64 * (1 + data[0] / 64);
    bool finish = data[1] % 2;
    sent = data + 2;
    size -= 2;
    refused = false;
    expect(sent, size, &bad);
    must(far->ops->net_connect(far, &at, &s, NULL), NULL);
    for (size_t pos = 0, quiet = 0; quiet < 200;) {
        size_t len = size - pos < piece ? size - pos : piece;
        struct str p = str_make(sent + pos, len);
        n = 0;
        if (len && !broken && far->ops->net_send(far, s, &p, 1, false, &n, NULL) != ST_OK)
            broken = true;
        pos += n;
        if (pos == size && finish) {
            far->ops->net_finish(far, s);
            finish = false;
        }
        turn();
        if (!broken && far->ops->net_recv(far, s, replies, sizeof replies, &n, &end, NULL) != ST_OK)
            broken = true;
        got_bytes += broken ? 0 : n;
        quiet = (pos < size && !broken) || (n && !broken) ? 0 : quiet + 1;
    }
    CHECK(bad ? n_got <= n_want : n_got == n_want); /* what is refused may cut off what stands before it */
    CHECK(!bad || refused);
    CHECK(bad || got_bytes == (size_t)n_got * 8);
    far->ops->net_close(far, s);
    for (int i = 0; i < 400 && open_conns > 0; i++)
        turn();
    CHECK(open_conns == 0 && sim_net_sockets(sim) <= 1); /* the listener */
    return 0;
}
