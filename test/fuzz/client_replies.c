/* A hostile server before our own client: whatever it answers, in whatever pieces, is a struct or an error, and costs no more
 * memory than it sent. The first bytes say what the client asks, in which version, and how the answer is framed: as raw bytes,
 * or behind a right length and correlation id. */
#include <stdio.h>
#include <stdlib.h>

#include "client/client.h"
#include "os/sim.h"

enum { MAX_REPLY = 1 << 16 };

static struct sim *sim;
static struct os_sock *listener;
static struct os_addr at;

static void must(enum status st, const struct error *err)
{
    if (st == ST_OK)
        return;
    fprintf(stderr, "%s\n", err ? err->message : "?");
    abort();
}

static void start(void)
{
    struct error err;
    struct os_addr any;
    sim = sim_new(1, NULL);
    sim_net(sim)->delay_min_ns = sim_net(sim)->delay_max_ns = 1000;
    struct os *far = sim_outside(sim);
    if (!os_addr_parse(str_from("127.0.0.1"), 0, &any))
        abort();
    must(far->ops->net_listen(far, &any, &listener, &err), &err);
    at = far->ops->net_local(far, listener);
}

/* APIs of which an empty request can be sent, one after the other. */
static const struct kafka_api *api_of(uint8_t n)
{
    uint32_t count = 0;
    const struct kafka_api *a;
    for (a = kafka_api_after(-1); a; a = kafka_api_after(a->key))
        count++;
    a = kafka_api_after(-1);
    for (n = (uint8_t)(n % count); n > 0; n--)
        a = kafka_api_after(a->key);
    return a;
}

static size_t make(const uint8_t *data, size_t size, bool raw, int32_t id, bool flexible, uint8_t *out)
{
    size_t n = 0, body = size + 4 + (flexible ? 1 : 0);
    if (raw) {
        memcpy(out, data, size);
        return size;
    }
    for (int i = 3; i >= 0; i--)
        out[n++] = (uint8_t)(body >> (8 * i));
    for (int i = 3; i >= 0; i--)
        out[n++] = (uint8_t)((uint32_t)id >> (8 * i));
    if (flexible)
        out[n++] = 0;
    memcpy(out + n, data, size);
    return n + size;
}

/* What an answer becomes. */
static void decode(const struct client_reply *r, struct budget *b, size_t sent)
{
    struct arena a;
    const struct kafka_api *api = kafka_api(r->key);
    void *got;
    arena_init(&a, b);
    got = wire_new(api->response.body, 1, &a);
    if (got && client_decode(r, &a, got, NULL) == ST_OK)
        CHECK(r->body.len <= sent);
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[8192];
    struct budget own;
    struct client *c;
    struct os_sock *s = NULL;
    struct error err;
    struct arena a;
    if (size < 4 || size > 4096)
        return 0;
    if (!sim)
        start();
    struct os *far = sim_outside(sim);
    const struct kafka_api *api = api_of(data[0]);
    int16_t version = (int16_t)(api->request.from + data[1] % (api->request.to - api->request.from + 1));
    size_t piece = 1 + data[2], pos = 0;
    size_t len = make(data + 4, size - 4, data[3] % 4 == 0, data[3] % 4 == 1, version >= api->request.flexible, bytes);
    budget_init(&own, "client", (size_t)4 << 20, NULL);
    struct client_options o = { .os = sim_os(sim), .budget = &own, .at = at, .max_reply = MAX_REPLY };
    must(client_open(&o, &c, &err), &err);
    arena_init(&a, &own);
    void *request = wire_new(api->request.body, 1, &a);
    enum status st = request ? client_send(c, api->key, version, request, false, &err) : ST_MEMORY;
    for (int quiet = 0; st == ST_OK && quiet < 100; quiet++) {
        struct client_reply r;
        size_t n = 0;
        st = client_next(c, 0, &r, &err);
        if (st == ST_OK && r.key >= 0) {
            decode(&r, &own, len);
            break;
        }
        if (!s)
            (void)far->ops->net_accept(far, listener, &s, NULL);
        struct str p = str_make(bytes + pos, len - pos < piece ? len - pos : piece);
        if (s && p.len && far->ops->net_send(far, s, &p, 1, false, &n, NULL) == ST_OK)
            pos += n;
        quiet = n ? 0 : quiet;
        sim_advance_ns(sim, 2000);
    }
    arena_release(&a);
    client_close(c);
    if (!s)
        (void)far->ops->net_accept(far, listener, &s, NULL);
    far->ops->net_close(far, s);
    CHECK(atomic_load(&own.used) == 0);
    return 0;
}
