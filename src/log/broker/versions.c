/* ApiVersions: what we can do, asked before anything else.
 *
 * Its response's header never has tags (wire knows). A version that we lack is answered in version 0 with error 35 and
 * the row of ApiVersions alone, so that the client comes again with a version that we have (KIP-511). From 3 on the
 * client says its name; one that is no name is refused as Kafka refuses it.
 *
 * A feature that is finalized changes what clients do: nothing stands here that is not true. Until version 3 supported
 * features that begin at 0 are left out, since Java clients before 3.9 stumble over them (KAFKA-17011). */
#include "broker/handlers.h"

struct feature {
    struct str name;
    int16_t from, to, finalized; /* finalized 0: not in force */
};
static const struct feature features[] = {
    { STR_INIT("transaction.version"), 0, 2, 2 },
};
enum { FEATURES = sizeof features / sizeof features[0], FEATURES_EPOCH = 1 };

static bool is_word(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
}

/* [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])? */
static bool is_name(struct str s)
{
    if (s.len == 0 || !is_word(s.ptr[0]) || !is_word(s.ptr[s.len - 1]))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_word(s.ptr[i]) && s.ptr[i] != '-' && s.ptr[i] != '.')
            return false;
    return true;
}

static bool fill_features(struct call *c, struct kafka_api_versions_response *r)
{
    uint32_t n = 0, m = 0;
    r->supported_features = KAFKA_NEW(&c->arena, api_versions_response_supported_feature, FEATURES);
    r->finalized_features = KAFKA_NEW(&c->arena, api_versions_response_finalized_feature, FEATURES);
    if (!r->supported_features || !r->finalized_features)
        return false;
    for (uint32_t i = 0; i < FEATURES; i++) {
        const struct feature *f = &features[i];
        if (f->from > 0 || c->version > 3) {
            r->supported_features[n].name = f->name;
            r->supported_features[n].min_version = f->from;
            r->supported_features[n++].max_version = f->to;
        }
        if (f->finalized > 0) {
            r->finalized_features[m].name = f->name;
            r->finalized_features[m].min_version_level = f->finalized;
            r->finalized_features[m++].max_version_level = f->finalized;
        }
    }
    r->n_supported_features = n;
    r->n_finalized_features = m;
    r->finalized_features_epoch = FEATURES_EPOCH;
    return true;
}

void handle_api_versions(struct call *c)
{
    const struct kafka_api_versions_request *q = c->in;
    struct kafka_api_versions_response r;
    KAFKA_INIT(api_versions_response, &r);
    bool only_us = !q;
    r.error_code = !q ? KAFKA_E_UNSUPPORTED_VERSION : KAFKA_E_NONE;
    if (!q)
        c->version = 0;
    else if (c->version >= 3 && (!is_name(q->client_software_name) || !is_name(q->client_software_version)))
        r.error_code = KAFKA_E_INVALID_REQUEST;
    if (r.error_code == KAFKA_E_INVALID_REQUEST) {
        call_answer(c, &r);
        return;
    }
    r.api_keys = KAFKA_NEW(&c->arena, api_versions_response_api_key, call_table_count);
    if (!r.api_keys || !fill_features(c, &r)) {
        call_no_memory(c);
        return;
    }
    int16_t key, from, to;
    for (uint32_t i = 0; broker_api(i, &key, &from, &to); i++) {
        if (only_us && key != KAFKA_API_VERSIONS)
            continue;
        struct kafka_api_versions_response_api_key *k = &r.api_keys[r.n_api_keys++];
        k->api_key = key;
        k->min_version = from;
        k->max_version = to;
    }
    call_answer(c, &r);
}
