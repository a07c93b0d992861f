/* The client: link_client carries frames, wire makes them; here are only the order of what is under way (a ring: answers
 * come in the order of the requests) and the versions that the broker has. */
#include "client/client.h"

#define KEYS 128
#define DEFAULT_REPLY (100u << 20)
#define DEFAULT_TIMEOUT_MS 30000

struct under_way {
    int16_t key, version;
    int32_t correlation_id;
};

struct client {
    struct client_options o;
    struct link_client *link;
    char id[64];
    struct buf out; /* one frame */
    struct under_way ring[CLIENT_PENDING];
    uint32_t first, count;
    int32_t correlation_id;
    bool asked; /* for versions */
    int16_t from[KEYS], to[KEYS]; /* to -1: the broker does not have it */
};

enum status client_open(const struct client_options *o, struct client **ret, struct error *err)
{
    struct client *c = mem_calloc(o->budget, sizeof *c);
    if (!c)
        return budget_error(o->budget ? o->budget : budget_process(), sizeof *c, err);
    c->o = *o;
    struct str id = o->client_id.ptr ? o->client_id : STR("weir");
    size_t n = id.len < sizeof c->id ? id.len : sizeof c->id;
    memcpy(c->id, id.ptr, n);
    c->o.client_id = str_make(c->id, n);
    c->o.max_reply = o->max_reply ? o->max_reply : DEFAULT_REPLY;
    c->o.timeout_ms = o->timeout_ms ? o->timeout_ms : DEFAULT_TIMEOUT_MS;
    buf_init(&c->out, o->budget, SIZE_MAX);
    enum status st = link_client_open(o->os, o->budget, &o->at, c->o.max_reply, &c->link, err);
    if (st != ST_OK) {
        client_close(c);
        return st;
    }
    *ret = c;
    return ST_OK;
}

void client_close(struct client *c)
{
    if (!c)
        return;
    link_client_close(c->link);
    buf_release(&c->out);
    mem_free(c->o.budget, c, sizeof *c);
}

bool client_has(const struct client *c, int16_t key, int16_t *ret_from, int16_t *ret_to)
{
    if (!c->asked || key < 0 || key >= KEYS || c->to[key] < 0)
        return false;
    *ret_from = c->from[key];
    *ret_to = c->to[key];
    return true;
}

static enum status choose(const struct client *c, const struct kafka_api *api, int16_t *version, struct error *err)
{
    int16_t from, to;
    if (*version != CLIENT_BEST)
        return ST_OK;
    *version = api->request.to;
    if (!c->asked)
        return ST_OK;
    if (!client_has(c, api->key, &from, &to) || from > api->request.to || to < api->request.from)
        return error_set(err, ST_UNSUPPORTED, "the broker does not have %s in a version that we know", api->name);
    *version = to < *version ? to : *version;
    return ST_OK;
}

enum status client_send(struct client *c, int16_t key, int16_t version, const void *request, bool silent,
                        struct error *err)
{
    const struct kafka_api *api = kafka_api(key);
    CHECK(api);
    if (c->count == CLIENT_PENDING)
        return error_set(err, ST_LIMIT, "%d requests are under way", CLIENT_PENDING);
    TRY(choose(c, api, &version, err));
    buf_clear(&c->out);
    TRY(kafka_request_put(api, version, c->correlation_id, c->o.client_id, request, &c->out, err));
    TRY(link_client_send(c->link, buf_str(&c->out), err));
    if (!silent)
        c->ring[(c->first + c->count++) % CLIENT_PENDING] = (struct under_way){ key, version, c->correlation_id };
    c->correlation_id++;
    return ST_OK;
}

uint32_t client_pending(const struct client *c) { return c->count; }

enum status client_next(struct client *c, int64_t until_ns, struct client_reply *ret, struct error *err)
{
    struct str frame;
    struct client_reply r;
    TRY(link_client_next(c->link, until_ns, &frame, err));
    if (!frame.ptr) {
        *ret = (struct client_reply){ .key = -1 };
        return ST_OK;
    }
    if (c->count == 0)
        return error_set(err, ST_DATA, "an answer of %zu bytes to nothing that was asked", frame.len);
    struct under_way u = c->ring[c->first];
    r = (struct client_reply){ .key = u.key, .version = u.version };
    TRY(kafka_response_read(kafka_api(u.key), u.version, frame, &r.correlation_id, &r.body, err));
    if (r.correlation_id != u.correlation_id)
        return error_set(err, ST_DATA, "%s: answer %d where %d is due", kafka_api(u.key)->name, r.correlation_id,
                         u.correlation_id);
    c->first = (c->first + 1) % CLIENT_PENDING;
    c->count--;
    *ret = r;
    return ST_OK;
}

enum status client_decode(const struct client_reply *r, struct arena *a, void *ret, struct error *err)
{
    return wire_decode(&kafka_api(r->key)->response, r->version, r->body, a, ret, err);
}

enum status client_ask(struct client *c, int16_t key, int16_t version, const void *request, struct arena *a, void *ret,
                       struct error *err)
{
    struct client_reply r = { .key = -1 };
    struct os *os = c->o.os;
    int64_t until = os_mono_ns(os) + c->o.timeout_ms * 1000000;
    CHECK(c->count == 0);
    TRY(client_send(c, key, version, request, false, err));
    while (r.key < 0) {
        TRY(client_next(c, until, &r, err));
        if (r.key < 0 && os_mono_ns(os) >= until)
            return error_set(err, ST_UNREACHABLE, "%s: no answer in %lld ms", kafka_api(key)->name,
                             (long long)c->o.timeout_ms);
    }
    return client_decode(&r, a, ret, err);
}

enum status client_versions(struct client *c, struct error *err)
{
    struct kafka_api_versions_request q;
    struct kafka_api_versions_response r;
    struct arena a;
    KAFKA_INIT(api_versions_request, &q);
    q.client_software_name = STR("weir");
    q.client_software_version = STR("0");
    arena_init(&a, c->o.budget);
    enum status st = client_ask(c, KAFKA_API_VERSIONS, 3, &q, &a, &r, err);
    if (st == ST_OK && r.error_code != KAFKA_E_NONE)
        st = error_set(err, ST_UNSUPPORTED, "ApiVersions: %s", kafka_error(r.error_code)->text);
    for (int i = 0; st == ST_OK && i < KEYS; i++)
        c->to[i] = -1;
    for (uint32_t i = 0; st == ST_OK && i < r.n_api_keys; i++) {
        int16_t key = r.api_keys[i].api_key;
        if (key < 0 || key >= KEYS)
            continue;
        c->from[key] = r.api_keys[i].min_version;
        c->to[key] = r.api_keys[i].max_version;
    }
    c->asked = c->asked || st == ST_OK;
    arena_release(&a);
    return st;
}
