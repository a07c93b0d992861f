/* Bytes as a life of two groups: clients that join, sync, leave, commit, in transactions and out of them, while time
 * goes, memory is refused and the server starts anew. What must hold is checked after each step:
 *
 * - each token is answered at most once, and all are when the coordinator is unloaded;
 * - in one generation a member gets one assignment, whoever asks how often;
 * - what is committed is what was committed last: no offset goes back by itself, none of an aborted transaction shows;
 * - a coordinator that is fed the records, one step behind the other, is the same: groups, offsets, and members while
 *   nobody rebalances;
 * - a refused step has yielded nothing and changed nothing.
 *
 * For the random test and the fuzz target: no test framework in here. */
#pragma once

#include "coord/coord.h"

#include <stdio.h>

enum { DRIVE_GROUPS = 2, DRIVE_CLIENTS = 6, DRIVE_TOPICS = 2, DRIVE_PARTITIONS = 2, DRIVE_PRODUCERS = 3 };
enum { DRIVE_TOKENS = 1024, DRIVE_LIST = 16, DRIVE_PARTS = 128, DRIVE_LOG = 1 << 14 };

struct drive_client {
    int group, instance; /* instance 0: dynamic */
    char id[64];
    int32_t generation;
    bool leads;
    char list[DRIVE_LIST][64];
    uint32_t n_list;
};
struct drive_offset {
    int64_t offset, order; /* order 0: none */
};
struct drive {
    const uint8_t *at, *end;
    struct budget budget, kept; /* of the coordinator; of what the test keeps */
    struct arena arena;         /* of what the test keeps */
    struct coord_groups_config config;
    struct coord_groups *g, *copy;
    int64_t now_ms, offset;
    bool squeezed, restarted;
    struct coord_step step;
    struct arena step_arena;
    struct drive_client clients[DRIVE_CLIENTS];
    struct {
        uint8_t state; /* 1 waits, 2 answered */
        uint8_t client;
    } tokens[DRIVE_TOKENS];
    uint32_t n_tokens;
    struct drive_part {
        int group;
        int32_t generation;
        char id[64];
        char part[32];
        size_t len;
    } parts[DRIVE_PARTS];
    uint32_t n_parts, n_given;
    struct drive_offset committed[DRIVE_GROUPS][DRIVE_TOPICS][DRIVE_PARTITIONS];
    struct drive_offset waiting[DRIVE_PRODUCERS][DRIVE_GROUPS][DRIVE_TOPICS][DRIVE_PARTITIONS];
    int64_t order;
    struct drive_logged {
        int64_t offset, producer_id;
        struct str key, value;
    } *log; /* a marker: key.ptr NULL, value.len 1 commits */
    uint32_t n_log;
    struct error err;
    uint64_t steps, refused, generations, rebalanced;
};

static inline uint8_t drive_byte(struct drive *d) { return d->at < d->end ? *d->at++ : 0; }
static inline struct str drive_group(int i) { return i ? STR("mixed") : STR("dynamic"); }
static inline struct str drive_topic(int i) { return i ? STR("orders") : STR("a"); }
static inline void drive_text(char to[64], struct str s) { snprintf(to, 64, "%.*s", STR_ARG(s)); }

/* ---- what a step yields ---- */

static inline void drive_replay(struct drive *d, struct coord_groups *g, uint32_t from)
{
    for (uint32_t i = from; i < d->n_log; i++) {
        struct coord_replayed r = { d->log[i].offset, d->log[i].producer_id, d->log[i].key, d->log[i].value };
        if (r.key.ptr)
            CHECK(coord_groups_replay(g, &r, &d->err) == ST_OK);
        else
            coord_groups_end_txn(g, r.producer_id, r.value.len > 0);
    }
}

static inline void drive_assigned(struct drive *d, struct drive_client *c, struct str part)
{
    for (uint32_t i = 0; i < d->n_parts; i++) {
        struct drive_part *p = &d->parts[i];
        if (p->group != c->group || p->generation != c->generation || strcmp(p->id, c->id) != 0)
            continue;
        CHECK(p->len == part.len && memcmp(p->part, part.ptr, part.len) == 0);
        return;
    }
    if (d->n_parts == DRIVE_PARTS)
        d->n_parts = 0;
    struct drive_part *p = &d->parts[d->n_parts++];
    CHECK(part.len <= sizeof p->part);
    p->group = c->group;
    p->generation = c->generation;
    memcpy(p->id, c->id, sizeof p->id);
    memcpy(p->part, part.ptr, part.len);
    p->len = part.len;
}

static inline void drive_joined(struct drive *d, struct drive_client *c, const struct kafka_join_group_response *r)
{
    if (r->error_code == KAFKA_E_MEMBER_ID_REQUIRED) {
        drive_text(c->id, r->member_id);
    } else if (r->error_code == KAFKA_E_NONE) {
        drive_text(c->id, r->member_id);
        c->generation = r->generation_id;
        c->leads = str_eq(r->leader, r->member_id);
        c->n_list = r->n_members;
        CHECK(r->n_members <= DRIVE_LIST && (c->leads || r->n_members == 0) && r->protocol_name.ptr);
        for (uint32_t i = 0; i < r->n_members; i++) {
            drive_text(c->list[i], r->members[i].member_id);
            CHECK(r->members[i].metadata.len == 1); /* the one that was chosen */
        }
        d->generations++;
    } else if (r->error_code == KAFKA_E_UNKNOWN_MEMBER_ID || r->error_code == KAFKA_E_FENCED_INSTANCE_ID) {
        c->id[0] = '\0';
    }
}

static inline void drive_answers(struct drive *d)
{
    for (uint32_t i = 0; i < d->step.replies.count; i++) {
        const struct coord_reply *r = &d->step.replies.at[i];
        CHECK(r->token < d->n_tokens && d->tokens[r->token].state == 1);
        d->tokens[r->token].state = 2;
        struct drive_client *c = &d->clients[d->tokens[r->token].client];
        if (r->api == KAFKA_JOIN_GROUP) {
            drive_joined(d, c, r->response);
        } else {
            const struct kafka_sync_group_response *s = r->response;
            CHECK(r->api == KAFKA_SYNC_GROUP);
            if (s->error_code == KAFKA_E_NONE)
                drive_assigned(d, c, s->assignment);
        }
    }
}

static inline struct str drive_keep(struct drive *d, struct str s)
{
    struct str kept = s.ptr ? arena_str(&d->arena, s) : s;
    CHECK(!s.ptr == !kept.ptr);
    return kept;
}

static inline struct drive_logged *drive_log(struct drive *d)
{
    CHECK(d->n_log < DRIVE_LOG);
    d->offset += 1 + (d->n_log % 3 == 0); /* markers and other things take offsets, too */
    return &d->log[d->n_log++];
}

static inline void drive_begin(struct drive *d)
{
    arena_init(&d->step_arena, &d->budget);
    coord_step_init(&d->step, &d->step_arena);
    if (d->squeezed)
        d->budget.limit = atomic_load(&d->budget.used) + drive_byte(d) * 16u;
}

/* true: done, and taken note of. */
static inline bool drive_done(struct drive *d, enum status st)
{
    d->budget.limit = SIZE_MAX;
    d->squeezed = false;
    d->steps++;
    if (st != ST_OK) {
        CHECK(st == ST_MEMORY || st == ST_LIMIT);
        CHECK(d->step.records.count == 0 && d->step.replies.count == 0);
        d->refused++;
        arena_release(&d->step_arena);
        return false;
    }
    uint32_t from = d->n_log;
    for (uint32_t i = 0; i < d->step.records.count; i++) {
        struct drive_logged *r = drive_log(d);
        *r = (struct drive_logged){ d->offset, d->step.producer_id, drive_keep(d, d->step.records.at[i].key),
                                    drive_keep(d, d->step.records.at[i].value) };
    }
    drive_answers(d);
    drive_replay(d, d->copy, from);
    arena_release(&d->step_arena);
    return true;
}

/* ---- what must hold ---- */

static inline void drive_same_fetch(struct drive *d, int group, bool stable)
{
    struct arena a;
    arena_init(&a, &d->kept);
    struct kafka_offset_fetch_response_group one, other;
    struct kafka_offset_fetch_request_group rq;
    KAFKA_INIT(offset_fetch_request_group, &rq);
    rq.group_id = drive_group(group);
    int32_t partitions[DRIVE_PARTITIONS] = { 0, 1 };
    struct kafka_offset_fetch_request_topic topics[DRIVE_TOPICS];
    memset(topics, 0, sizeof topics);
    for (int t = 0; t < DRIVE_TOPICS; t++)
        topics[t] = (struct kafka_offset_fetch_request_topic){ .name = drive_topic(t), .partition_indexes = partitions,
                                                               .n_partition_indexes = DRIVE_PARTITIONS };
    rq.topics = topics;
    rq.n_topics = DRIVE_TOPICS;
    CHECK(coord_groups_fetch(d->g, &rq, stable, &a, &one, &d->err) == ST_OK);
    CHECK(coord_groups_fetch(d->copy, &rq, stable, &a, &other, &d->err) == ST_OK);
    for (int t = 0; t < DRIVE_TOPICS; t++)
        for (int p = 0; p < DRIVE_PARTITIONS; p++) {
            const struct kafka_offset_fetch_response_partition *x = &one.topics[t].partitions[p];
            const struct kafka_offset_fetch_response_partition *y = &other.topics[t].partitions[p];
            bool waits = false;
            for (int w = 0; w < DRIVE_PRODUCERS; w++)
                waits |= d->waiting[w][group][t][p].order > 0;
            const struct drive_offset *has = &d->committed[group][t][p];
            bool unstable = stable && waits;
            CHECK(x->error_code == (unstable ? KAFKA_E_UNSTABLE_OFFSET_COMMIT : 0) && y->error_code == x->error_code);
            CHECK(x->committed_offset == (unstable || !has->order ? -1 : has->offset));
            CHECK(y->committed_offset == x->committed_offset && str_eq(x->metadata, y->metadata));
        }
    arena_release(&a);
}

static inline void drive_same_groups(struct drive *d)
{
    struct arena a;
    arena_init(&a, &d->kept);
    for (int i = 0; i < DRIVE_GROUPS; i++) {
        struct kafka_describe_groups_response_group x, y;
        CHECK(coord_groups_describe(d->g, drive_group(i), 6, &a, &x, &d->err) == ST_OK);
        CHECK(coord_groups_describe(d->copy, drive_group(i), 6, &a, &y, &d->err) == ST_OK);
        CHECK(x.error_code == y.error_code);
        if (str_eq(x.group_state, STR("PreparingRebalance")) || str_eq(x.group_state, STR("CompletingRebalance")))
            continue;
        CHECK(str_eq(x.group_state, y.group_state) && str_eq(x.protocol_data, y.protocol_data));
        CHECK(str_eq(x.protocol_type, y.protocol_type) && x.n_members == y.n_members);
        for (uint32_t m = 0; m < x.n_members; m++) {
            CHECK(str_eq(x.members[m].member_id, y.members[m].member_id));
            CHECK(str_eq(x.members[m].group_instance_id, y.members[m].group_instance_id));
            CHECK(str_eq(x.members[m].member_assignment, y.members[m].member_assignment));
            CHECK(str_eq(x.members[m].member_metadata, y.members[m].member_metadata));
        }
        d->rebalanced += str_eq(x.group_state, STR("Stable"));
    }
    arena_release(&a);
}

/* ---- requests ---- */

static inline struct coord_client drive_from(struct drive *d, int client, int16_t version)
{
    struct coord_client c = { .version = version, .client_id = STR("c"), .client_host = STR("/h") };
    uint64_t fresh = d->steps + 1;
    memcpy(c.fresh.bytes, &fresh, sizeof fresh);
    CHECK(d->n_tokens < DRIVE_TOKENS);
    c.token = d->n_tokens;
    d->tokens[d->n_tokens].state = 1;
    d->tokens[d->n_tokens++].client = (uint8_t)client;
    return c;
}

static inline struct str drive_instance(const struct drive_client *c)
{
    return c->instance == 0 ? (struct str){ 0 } : c->instance == 1 ? STR("i1") : STR("i2");
}

static inline void drive_join(struct drive *d, int who)
{
    struct drive_client *c = &d->clients[who];
    uint8_t how = drive_byte(d);
    static const char *const names[] = { "range", "sticky", "own" };
    char metadata[1] = { (char)('a' + (how & 3)) };
    struct kafka_join_group_request_protocol protocols[3];
    uint32_t n = 1 + (how >> 2) % 3;
    for (uint32_t i = 0; i < n; i++)
        protocols[i] = (struct kafka_join_group_request_protocol){ str_from(names[how & 16 ? (i + 1) % 3 : i]),
                                                                   str_make(metadata, 1) };
    struct kafka_join_group_request rq;
    KAFKA_INIT(join_group_request, &rq);
    rq.group_id = drive_group(c->group);
    rq.session_timeout_ms = 6000 + 1000 * (how & 7);
    rq.rebalance_timeout_ms = 4000 * (how & 3);
    rq.member_id = str_from(c->instance && (how & 32) ? "" : c->id);
    rq.group_instance_id = drive_instance(c);
    rq.protocol_type = STR("consumer");
    rq.protocols = protocols;
    rq.n_protocols = n;
    struct coord_client from = drive_from(d, who, how & 64 ? 3 : how & 128 ? 8 : 9);
    drive_begin(d);
    if (!drive_done(d, coord_groups_join(d->g, &from, &rq, d->now_ms, &d->step, &d->err)))
        d->tokens[from.token].state = 0;
}

static inline void drive_sync(struct drive *d, int who)
{
    struct drive_client *c = &d->clients[who];
    uint8_t how = drive_byte(d);
    struct kafka_sync_group_request rq;
    KAFKA_INIT(sync_group_request, &rq);
    struct kafka_sync_group_request_assignment given[DRIVE_LIST];
    char parts[DRIVE_LIST][32];
    rq.group_id = drive_group(c->group);
    rq.generation_id = c->generation - (how % 16 == 0);
    rq.member_id = str_from(c->id);
    rq.group_instance_id = drive_instance(c);
    for (uint32_t i = 0; c->leads && i < c->n_list && how % 8; i++) {
        snprintf(parts[i], sizeof parts[i], "part %u", d->n_given++);
        given[rq.n_assignments++] =
            (struct kafka_sync_group_request_assignment){ str_from(c->list[i]), str_from(parts[i]) };
    }
    rq.assignments = given;
    struct coord_client from = drive_from(d, who, 5);
    drive_begin(d);
    if (!drive_done(d, coord_groups_sync(d->g, &from, &rq, d->now_ms, &d->step, &d->err)))
        d->tokens[from.token].state = 0;
}

static inline void drive_beat(struct drive *d, int who)
{
    struct drive_client *c = &d->clients[who];
    struct kafka_heartbeat_request rq = { drive_group(c->group), c->generation, str_from(c->id), drive_instance(c) };
    struct kafka_heartbeat_response r;
    CHECK(coord_groups_heartbeat(d->g, &rq, d->now_ms, &r, &d->err) == ST_OK);
}

static inline void drive_leave(struct drive *d, int who)
{
    struct drive_client *c = &d->clients[who];
    uint8_t how = drive_byte(d);
    struct kafka_leave_group_request rq;
    KAFKA_INIT(leave_group_request, &rq);
    struct kafka_leave_group_request_member m[2] = {
        { .member_id = str_from(how & 1 ? "" : c->id), .group_instance_id = drive_instance(c) },
        { .member_id = str_from(d->clients[how % DRIVE_CLIENTS].id) },
    };
    struct kafka_leave_group_response r;
    struct coord_client from = { .version = how & 2 ? 5 : 2 };
    rq.group_id = drive_group(c->group);
    rq.member_id = str_from(c->id);
    rq.members = m;
    rq.n_members = how & 4 ? 2 : 1;
    drive_begin(d);
    (void)drive_done(d, coord_groups_leave(d->g, &from, &rq, d->now_ms, &d->step, &r, &d->err));
}

static inline void drive_commit(struct drive *d, int who, bool transactional)
{
    struct drive_client *c = &d->clients[who];
    uint8_t how = drive_byte(d), where = drive_byte(d);
    int t = where & 1, p = (where >> 1) & 1, producer = (where >> 2) % DRIVE_PRODUCERS;
    int64_t offset = 100 + drive_byte(d);
    bool member = how & 1;
    struct coord_client from = { .version = 9 };
    struct str id = str_from(member ? c->id : ""), instance = member ? drive_instance(c) : (struct str){ 0 };
    int32_t generation = member ? c->generation : -1;
    int kafka;
    drive_begin(d);
    if (transactional) {
        struct kafka_txn_offset_commit_request_partition one = { p, offset, -1, STR("m") };
        struct kafka_txn_offset_commit_request_topic topic = { drive_topic(t), &one, 1 };
        struct kafka_txn_offset_commit_request rq = { STR("x"),   drive_group(c->group), producer, 0, generation, id,
                                                      instance, &topic,                1 };
        struct kafka_txn_offset_commit_response r;
        enum status st = coord_groups_txn_commit(d->g, &from, &rq, d->now_ms, &d->step, &r, &d->err);
        kafka = st == ST_OK ? r.topics[0].partitions[0].error_code : -1;
        if (!drive_done(d, st))
            return;
    } else {
        struct kafka_offset_commit_request_partition one = { p, offset, -1, STR("m") };
        struct kafka_offset_commit_request_topic topic = { .name = drive_topic(t), .partitions = &one,
                                                           .n_partitions = 1 };
        struct kafka_offset_commit_request rq;
        KAFKA_INIT(offset_commit_request, &rq);
        rq.group_id = drive_group(c->group);
        rq.generation_id_or_member_epoch = generation;
        rq.member_id = id;
        rq.group_instance_id = instance;
        rq.topics = &topic;
        rq.n_topics = 1;
        struct kafka_offset_commit_response r;
        enum status st = coord_groups_commit(d->g, &from, &rq, d->now_ms, &d->step, &r, &d->err);
        kafka = st == ST_OK ? r.topics[0].partitions[0].error_code : -1;
        if (!drive_done(d, st))
            return;
    }
    if (kafka == KAFKA_E_NONE)
        *(transactional ? &d->waiting[producer][c->group][t][p] : &d->committed[c->group][t][p]) =
            (struct drive_offset){ offset, ++d->order };
}

static inline void drive_end_txn(struct drive *d)
{
    uint8_t how = drive_byte(d);
    int producer = how % DRIVE_PRODUCERS;
    bool commit = how & 128;
    coord_groups_end_txn(d->g, producer, commit);
    *drive_log(d) = (struct drive_logged){ d->offset, producer, { 0 }, { "", commit } };
    drive_replay(d, d->copy, d->n_log - 1);
    for (int g = 0; g < DRIVE_GROUPS; g++)
        for (int t = 0; t < DRIVE_TOPICS; t++)
            for (int p = 0; p < DRIVE_PARTITIONS; p++) {
                struct drive_offset *w = &d->waiting[producer][g][t][p], *c = &d->committed[g][t][p];
                if (commit && w->order > c->order)
                    *c = *w;
                *w = (struct drive_offset){ 0 };
            }
}

static inline void drive_forgot(struct drive *d, int g, int t, int p)
{
    d->committed[g][t][p] = (struct drive_offset){ 0 };
    for (int w = 0; w < DRIVE_PRODUCERS; w++)
        d->waiting[w][g][t][p] = (struct drive_offset){ 0 };
}

static inline void drive_forgot_all(struct drive *d, int g)
{
    for (int t = 0; t < DRIVE_TOPICS; t++)
        for (int p = 0; p < DRIVE_PARTITIONS; p++)
            drive_forgot(d, g, t, p);
}

static inline void drive_delete(struct drive *d)
{
    uint8_t how = drive_byte(d);
    int g = how & 1, t = (how >> 1) & 1, p = (how >> 2) & 1;
    int16_t kafka;
    drive_begin(d);
    if (how & 64) {
        if (drive_done(d, coord_groups_delete(d->g, drive_group(g), d->now_ms, &d->step, &kafka, &d->err)) &&
            kafka == KAFKA_E_NONE)
            drive_forgot_all(d, g);
    } else if (how & 32) {
        bool more;
        if (!drive_done(d, coord_groups_forget_topic(d->g, drive_topic(t), d->now_ms, &d->step, &more, &d->err)))
            return;
        for (int i = 0; i < DRIVE_GROUPS; i++)
            for (int k = 0; k < DRIVE_PARTITIONS; k++)
                drive_forgot(d, i, t, k);
    } else {
        struct kafka_offset_delete_request_partition one = { p };
        struct kafka_offset_delete_request_topic topic = { drive_topic(t), &one, 1 };
        struct kafka_offset_delete_request rq = { drive_group(g), &topic, 1 };
        struct kafka_offset_delete_response r;
        enum status st = coord_groups_delete_offsets(d->g, &rq, d->now_ms, &d->step, &r, &d->err);
        bool gone = st == ST_OK && r.error_code == 0 && r.topics[0].partitions[0].error_code == 0;
        if (drive_done(d, st) && gone)
            drive_forgot(d, g, t, p);
    }
}

static inline void drive_time(struct drive *d)
{
    int64_t until = d->now_ms + 100 * drive_byte(d);
    for (int i = 0; coord_groups_deadline(d->g) <= until; i++) {
        CHECK(i < 10000);
        if (coord_groups_deadline(d->g) > d->now_ms)
            d->now_ms = coord_groups_deadline(d->g);
        drive_begin(d);
        CHECK(drive_done(d, coord_groups_tick(d->g, d->now_ms, &d->step, &d->err)));
    }
    if (until > d->now_ms)
        d->now_ms = until;
}

/* Stops as a server does, and goes on from the log. */
static inline void drive_restart(struct drive *d)
{
    arena_init(&d->step_arena, &d->budget);
    coord_step_init(&d->step, &d->step_arena);
    CHECK(drive_done(d, coord_groups_unload(d->g, KAFKA_E_NOT_COORDINATOR, &d->step, &d->err)));
    for (uint32_t i = 0; i < d->n_tokens; i++)
        CHECK(d->tokens[i].state != 1);
    coord_groups_free(d->g);
    CHECK(coord_groups_new(&d->config, &d->budget, &d->g, &d->err) == ST_OK);
    drive_replay(d, d->g, 0);
    d->n_tokens = 0;
    d->n_parts = 0; /* generations that were not written down come again */
    arena_init(&d->step_arena, &d->budget);
    coord_step_init(&d->step, &d->step_arena);
    CHECK(drive_done(d, coord_groups_loaded(d->g, d->now_ms, &d->step, &d->err)));
}

/* All clients of a group do as they should. */
static inline void drive_rebalance(struct drive *d, int group)
{
    for (int i = group; i < DRIVE_CLIENTS; i += DRIVE_GROUPS)
        drive_join(d, i);
    drive_time(d);
    for (int i = group; i < DRIVE_CLIENTS; i += DRIVE_GROUPS)
        drive_join(d, i); /* with the id that it was given, or for nothing */
    drive_time(d);
    for (int i = group; i < DRIVE_CLIENTS; i += DRIVE_GROUPS)
        drive_sync(d, i);
}

static inline void drive_act(struct drive *d)
{
    uint8_t act = drive_byte(d) % 28;
    int who = drive_byte(d) % DRIVE_CLIENTS;
    if (act < 6)
        drive_join(d, who);
    else if (act < 11)
        drive_sync(d, who);
    else if (act < 13)
        drive_beat(d, who);
    else if (act < 14)
        drive_leave(d, who);
    else if (act < 17)
        drive_commit(d, who, false);
    else if (act < 19)
        drive_commit(d, who, true);
    else if (act < 20)
        drive_end_txn(d);
    else if (act < 21)
        drive_delete(d);
    else if (act < 24)
        drive_time(d);
    else if (act < 25)
        d->squeezed = true;
    else if (act < 27)
        drive_rebalance(d, who % DRIVE_GROUPS);
    else if (drive_byte(d) < 64)
        drive_restart(d);
    if (d->n_tokens > DRIVE_TOKENS - 16)
        drive_restart(d);
}

static inline void drive_run(struct drive *d, const uint8_t *data, size_t size)
{
    memset(d, 0, sizeof *d);
    d->at = data;
    d->end = data + size;
    budget_init(&d->budget, "coordinator", SIZE_MAX, NULL);
    budget_init(&d->kept, "kept", SIZE_MAX, NULL);
    arena_init(&d->arena, &d->kept);
    d->log = arena_alloc(&d->arena, sizeof *d->log * DRIVE_LOG);
    CHECK(d->log);
    d->config = coord_groups_defaults;
    d->config.members_max = 5;
    d->config.expiry_check_ms = 60000;
    if (drive_byte(d) & 1)
        d->config.initial_delay_ms = 500;
    d->now_ms = 1000000;
    for (int i = 0; i < DRIVE_CLIENTS; i++) {
        d->clients[i].group = i & 1;
        d->clients[i].instance = i == 1 || i == 3 ? 1 : i == 5 ? 2 : 0;
    }
    CHECK(coord_groups_new(&d->config, &d->budget, &d->g, &d->err) == ST_OK);
    CHECK(coord_groups_new(&d->config, &d->kept, &d->copy, &d->err) == ST_OK);
    while (d->at < d->end && d->n_log < DRIVE_LOG - 1024) {
        drive_act(d);
        for (int i = 0; i < DRIVE_GROUPS; i++) {
            drive_same_fetch(d, i, true);
            drive_same_fetch(d, i, false);
        }
        drive_same_groups(d);
    }
    drive_restart(d);
    drive_same_groups(d);
    coord_groups_free(d->g);
    coord_groups_free(d->copy);
    arena_release(&d->arena);
    CHECK(atomic_load(&d->budget.used) == 0 && atomic_load(&d->kept.used) == 0);
}
