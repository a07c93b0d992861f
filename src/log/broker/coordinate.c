/* What all requests to a coordinator share: from the loop's thread into topic's line of calls and back.
 *
 * A call is run by whatever thread works on the line, in its order; answers come, in order too, when what was yielded is
 * durable, again on any thread. There they are encoded into the reply, since the response goes with the step; the
 * loop's thread only sends. The request was copied out of its frame: it may wait for minutes.
 *
 * JoinGroup and SyncGroup are answered by token, in a step of their own or of somebody else's, before or behind their own
 * `done`. A token names a slot of a table, and how often that was used: what comes twice, or too late, finds nobody. The
 * call ends when both have come: the answer and `done`. */
#include "broker/handlers.h"

#define SLOTS_MAX 200000u

/* ---- tokens ---- */

/* 0: no memory. */
static uint64_t token_put(struct broker *b, struct asked *a)
{
    struct tokens *t = &b->tokens;
    uint64_t token = 0;
    lock_take(&t->lock);
    if (t->free == 0 && t->count == t->cap && t->cap < SLOTS_MAX) {
        uint32_t cap = t->cap ? t->cap * 2 : 64;
        struct token *grown = mem_realloc(b->o.budget, t->at, t->cap * sizeof *grown, cap * sizeof *grown);
        if (grown) {
            t->at = grown;
            t->cap = cap;
        }
    }
    uint32_t i = t->free ? t->free - 1 : t->count;
    if (i < t->cap) {
        if (t->free)
            t->free = t->at[i].next_free;
        else
            t->at[t->count++] = (struct token){ .uses = 0 };
        t->at[i].asked = a;
        t->at[i].uses++;
        token = (uint64_t)t->at[i].uses << 32 | (i + 1);
    }
    lock_give(&t->lock);
    return token;
}

/* Who waits under this token; nobody does any more. */
static struct asked *token_take(struct broker *b, uint64_t token)
{
    struct tokens *t = &b->tokens;
    struct asked *a = NULL;
    uint32_t i = (uint32_t)token - 1;
    lock_take(&t->lock);
    if (token && i < t->count && t->at[i].uses == (uint32_t)(token >> 32)) {
        a = t->at[i].asked;
        t->at[i].asked = NULL;
        if (a) {
            t->at[i].next_free = t->free;
            t->free = i + 1;
        }
    }
    lock_give(&t->lock);
    return a;
}

void tokens_free(struct broker *b)
{
    mem_free(b->o.budget, b->tokens.at, b->tokens.cap * sizeof *b->tokens.at);
}

/* ---- there and back ---- */

static void answered(struct call *c)
{
    struct asked *a = c->state;
    if (a->status == ST_OK)
        call_answer_encoded(c);
    else
        call_no_memory(c);
}

/* One of `done` and the answer by token; the second one ends it. */
static void came(struct asked *a, unsigned which)
{
    unsigned all = a->token ? ASKED_DONE | ASKED_REPLIED : ASKED_DONE;
    if ((atomic_fetch_or(&a->came, which) | which) == all)
        call_post(a->call, answered);
}

static void encode(struct asked *a, const void *response)
{
    struct call *c = a->call;
    a->status = kafka_response_put(c->api, c->version, c->correlation_id, response, &c->request->out, NULL, NULL);
}

static void encode_failure(struct asked *a, int16_t kafka)
{
    const void *response = a->kind->fail(a->call, kafka);
    a->status = ST_MEMORY;
    if (response)
        encode(a, response);
}

static enum status run(struct topic_call *tc, struct topic_coords *with, struct error *err)
{
    struct asked *a = tc->user;
    a->response = NULL;
    return a->kind->run(a, with, err);
}

static void done(struct topic_call *tc, int16_t kafka)
{
    struct asked *a = tc->user;
    if (!a->token) {
        if (kafka == KAFKA_E_NONE)
            encode(a, a->response);
        else
            encode_failure(a, kafka);
    } else if (kafka != KAFKA_E_NONE && token_take(a->call->door->broker, a->token)) {
        encode_failure(a, kafka); /* nobody else will answer */
        atomic_fetch_or(&a->came, ASKED_REPLIED);
    }
    came(a, ASKED_DONE);
}

void coordinate_reply(void *arg, const struct coord_reply *r)
{
    struct asked *a = token_take(arg, r->token);
    if (!a)
        return;
    if (r->response)
        encode(a, r->response);
    else
        encode_failure(a, KAFKA_E_COORDINATOR_NOT_AVAILABLE);
    came(a, ASKED_REPLIED);
}

void coordinate_with(struct call *c, const struct asked_kind *kind, const void *request)
{
    struct asked *a = ARENA_NEW(&c->arena, struct asked);
    if (!a) {
        call_no_memory(c);
        return;
    }
    c->state = a;
    *a = (struct asked){ .call = c, .kind = kind, .request = request };
    a->line = (struct topic_call){ .run = run, .done = done, .user = a };
    a->client.version = c->version;
    a->client.client_id = c->client_id.ptr ? c->client_id : STR("");
    a->client.client_host = call_peer_host(c);
    call_os(c)->ops->entropy(call_os(c), a->client.fresh.bytes, sizeof a->client.fresh.bytes);
    if (kind->by_token)
        a->token = a->client.token = token_put(c->door->broker, a);
    if (!a->client.client_host.ptr || (kind->by_token && !a->token)) {
        token_take(c->door->broker, a->token);
        call_no_memory(c);
        return;
    }
    topics_call(call_topics(c), &a->line);
}

void coordinate(struct call *c, const struct asked_kind *kind) { coordinate_with(c, kind, c->in); }
