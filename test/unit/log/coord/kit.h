/* A coordinator of groups with a log and a clock by hand: requests are one call, answers are found by token, every
 * record that is yielded goes to the log and can be replayed into another coordinator. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "coord/coord.h"

#include <stdio.h>
#include <stdlib.h>

struct kit_told {
    int16_t api; /* -1: not answered */
    const void *response;
};
struct kit {
    struct budget budget;
    struct arena arena;
    struct coord_groups_config config;
    struct coord_groups *g;
    int64_t now_ms;
    ARRAY(struct coord_replayed) log; /* a marker: key.ptr NULL, value.len 1 for a commit */
    ARRAY(struct kit_told) told;      /* by token */
    uint32_t parked;
    uint64_t fresh;
    struct error err;
};

static inline void kit_open(struct kit *k)
{
    memset(k, 0, sizeof *k);
    budget_init(&k->budget, "test", SIZE_MAX, NULL);
    arena_init(&k->arena, &k->budget);
    k->config = coord_groups_defaults;
    k->now_ms = 1000000;
    assert_int_equal(coord_groups_new(&k->config, &k->budget, &k->g, &k->err), ST_OK);
}

/* With other settings, before anything else. */
static inline void kit_again(struct kit *k)
{
    coord_groups_free(k->g);
    assert_int_equal(coord_groups_new(&k->config, &k->budget, &k->g, &k->err), ST_OK);
}

static inline void kit_close(struct kit *k)
{
    coord_groups_free(k->g);
    arena_release(&k->arena);
    assert_int_equal(atomic_load(&k->budget.used), 0);
}

static inline struct coord_step kit_step(struct kit *k)
{
    struct coord_step step;
    coord_step_init(&step, &k->arena);
    return step;
}

/* Appends what the step yields, and notes the answers: each token at most once. */
static inline void kit_take(struct kit *k, const struct coord_step *step)
{
    for (uint32_t i = 0; i < step->records.count; i++) {
        struct coord_replayed *r = array_add(&k->log, &k->arena);
        assert_non_null(r);
        *r = (struct coord_replayed){ k->log.count - 1, step->producer_id, step->records.at[i].key,
                                      step->records.at[i].value };
    }
    for (uint32_t i = 0; i < step->replies.count; i++) {
        const struct coord_reply *r = &step->replies.at[i];
        assert_true(r->token < k->told.count);
        assert_int_equal(k->told.at[r->token].api, -1);
        k->told.at[r->token] = (struct kit_told){ r->api, r->response };
        k->parked--;
    }
}

static inline uint64_t kit_token(struct kit *k)
{
    struct kit_told *t = array_add(&k->told, &k->arena);
    assert_non_null(t);
    t->api = -1;
    k->parked++;
    return k->told.count - 1;
}

static inline struct coord_client kit_client(struct kit *k, int16_t version)
{
    struct coord_client c = { .version = version, .client_id = STR("app"), .client_host = STR("/127.0.0.1") };
    k->fresh++;
    memcpy(c.fresh.bytes, &k->fresh, sizeof k->fresh);
    return c;
}

/* Does all that is due. */
static inline void kit_tick(struct kit *k)
{
    for (int i = 0; coord_groups_deadline(k->g) <= k->now_ms; i++) {
        assert_true(i < 1000);
        struct coord_step step = kit_step(k);
        assert_int_equal(coord_groups_tick(k->g, k->now_ms, &step, &k->err), ST_OK);
        kit_take(k, &step);
    }
}
static inline void kit_wait(struct kit *k, int64_t ms)
{
    int64_t until = k->now_ms + ms;
    while (coord_groups_deadline(k->g) <= until) {
        if (coord_groups_deadline(k->g) > k->now_ms)
            k->now_ms = coord_groups_deadline(k->g);
        kit_tick(k);
    }
    k->now_ms = until;
}

/* ---- join ---- */

struct kit_member {
    const char *group, *member, *instance;
    const char *protocols[3], *metadata; /* one for all */
    int16_t version;                     /* 0: 9 */
    int32_t session_ms, rebalance_ms;    /* 0: 10 s, 60 s */
    const char *type;                    /* NULL: consumer */
};

static inline uint64_t kit_join(struct kit *k, struct kit_member m)
{
    struct kafka_join_group_request rq;
    KAFKA_INIT(join_group_request, &rq);
    struct kafka_join_group_request_protocol protocols[3];
    struct coord_client c = kit_client(k, m.version ? m.version : 9);
    c.token = kit_token(k);
    rq.group_id = str_from(m.group ? m.group : "g");
    rq.member_id = str_from(m.member ? m.member : "");
    rq.group_instance_id = str_from(m.instance);
    rq.session_timeout_ms = m.session_ms ? m.session_ms : 10000;
    rq.rebalance_timeout_ms = m.rebalance_ms ? m.rebalance_ms : 60000;
    rq.protocol_type = str_from(m.type ? m.type : "consumer");
    rq.protocols = protocols;
    if (!m.protocols[0])
        m.protocols[0] = "range";
    for (int i = 0; i < 3 && m.protocols[i]; i++)
        protocols[rq.n_protocols++] = (struct kafka_join_group_request_protocol){
            str_from(m.protocols[i]), str_from(m.metadata ? m.metadata : "meta")
        };
    struct coord_step step = kit_step(k);
    assert_int_equal(coord_groups_join(k->g, &c, &rq, k->now_ms, &step, &k->err), ST_OK);
    kit_take(k, &step);
    return c.token;
}

/* NULL: it waits. */
static inline const struct kafka_join_group_response *kit_joined(struct kit *k, uint64_t token)
{
    if (k->told.at[token].api == -1)
        return NULL;
    assert_int_equal(k->told.at[token].api, KAFKA_JOIN_GROUP);
    return k->told.at[token].response;
}
static inline int kit_join_error(struct kit *k, uint64_t token)
{
    const struct kafka_join_group_response *r = kit_joined(k, token);
    return r ? r->error_code : -999;
}
static inline const char *kit_text(struct kit *k, struct str s)
{
    struct str copy = arena_str(&k->arena, s);
    assert_non_null(copy.ptr);
    return copy.ptr;
}
/* The handshake of versions from 4: the id that the group gave. */
static inline const char *kit_new_id(struct kit *k, struct kit_member m)
{
    uint64_t token = kit_join(k, m);
    assert_int_equal(kit_join_error(k, token), KAFKA_E_MEMBER_ID_REQUIRED);
    return kit_text(k, kit_joined(k, token)->member_id);
}

/* ---- the others ---- */

static inline uint64_t kit_sync_as(struct kit *k, const char *group, const char *member, const char *instance,
                                   int32_t generation, const char *const *assigned, uint32_t n)
{
    struct kafka_sync_group_request rq;
    KAFKA_INIT(sync_group_request, &rq);
    struct kafka_sync_group_request_assignment *a = KAFKA_NEW(&k->arena, sync_group_request_assignment, n);
    struct coord_client c = kit_client(k, 5);
    c.token = kit_token(k);
    rq.group_id = str_from(group);
    rq.member_id = str_from(member);
    rq.group_instance_id = str_from(instance);
    rq.generation_id = generation;
    rq.protocol_type = STR("consumer");
    for (uint32_t i = 0; i < n; i++) {
        a[i].member_id = str_from(assigned[2 * i]);
        a[i].assignment = str_from(assigned[2 * i + 1]);
    }
    rq.assignments = a;
    rq.n_assignments = n;
    struct coord_step step = kit_step(k);
    assert_int_equal(coord_groups_sync(k->g, &c, &rq, k->now_ms, &step, &k->err), ST_OK);
    kit_take(k, &step);
    return c.token;
}
static inline uint64_t kit_sync(struct kit *k, const char *member, int32_t generation)
{
    return kit_sync_as(k, "g", member, NULL, generation, NULL, 0);
}
static inline const struct kafka_sync_group_response *kit_synced(struct kit *k, uint64_t token)
{
    if (k->told.at[token].api == -1)
        return NULL;
    assert_int_equal(k->told.at[token].api, KAFKA_SYNC_GROUP);
    return k->told.at[token].response;
}
static inline int kit_sync_error(struct kit *k, uint64_t token)
{
    const struct kafka_sync_group_response *r = kit_synced(k, token);
    return r ? r->error_code : -999;
}

static inline int kit_beat_as(struct kit *k, const char *group, const char *member, const char *instance,
                              int32_t generation)
{
    struct kafka_heartbeat_request rq = { str_from(group), generation, str_from(member), str_from(instance) };
    struct kafka_heartbeat_response r;
    assert_int_equal(coord_groups_heartbeat(k->g, &rq, k->now_ms, &r, &k->err), ST_OK);
    return r.error_code;
}
static inline int kit_beat(struct kit *k, const char *member, int32_t generation)
{
    return kit_beat_as(k, "g", member, NULL, generation);
}

static inline int kit_leave_as(struct kit *k, const char *member, const char *instance)
{
    struct kafka_leave_group_request rq;
    KAFKA_INIT(leave_group_request, &rq);
    struct kafka_leave_group_request_member m = { .member_id = str_from(member),
                                                  .group_instance_id = str_from(instance) };
    struct kafka_leave_group_response r;
    struct coord_client c = kit_client(k, 5);
    rq.group_id = STR("g");
    rq.members = &m;
    rq.n_members = 1;
    struct coord_step step = kit_step(k);
    assert_int_equal(coord_groups_leave(k->g, &c, &rq, k->now_ms, &step, &r, &k->err), ST_OK);
    kit_take(k, &step);
    assert_int_equal(r.error_code, 0);
    assert_int_equal(r.n_members, 1);
    return r.members[0].error_code;
}
static inline int kit_leave(struct kit *k, const char *member) { return kit_leave_as(k, member, NULL); }

static inline struct kafka_describe_groups_response_group kit_describe(struct kit *k, const char *group)
{
    struct kafka_describe_groups_response_group r;
    assert_int_equal(coord_groups_describe(k->g, str_from(group), 6, &k->arena, &r, &k->err), ST_OK);
    return r;
}
#define assert_state(k, group, state) assert_string_equal(kit_text(k, kit_describe(k, group).group_state), state)

/* A stable group "g" of `n` members (their ids in `ids`, the first one leads) in generation 1. */
static inline void kit_stable(struct kit *k, struct kit_member m, const char **ids, uint32_t n)
{
    uint64_t tokens[16];
    for (uint32_t i = 0; i < n; i++) {
        m.member = NULL;
        ids[i] = kit_new_id(k, m);
        m.member = ids[i];
        tokens[i] = kit_join(k, m);
    }
    kit_tick(k);
    const char *assigned[32];
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(kit_join_error(k, tokens[i]), 0);
        assigned[2 * i] = ids[i];
        assigned[2 * i + 1] = kit_text(k, arena_printf(&k->arena, "part %u", i));
    }
    for (uint32_t i = n; i > 0; i--)
        tokens[i - 1] = kit_sync_as(k, m.group ? m.group : "g", ids[i - 1], m.instance, 1, assigned, i == 1 ? n : 0);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(kit_sync_error(k, tokens[i]), 0);
}

/* ---- offsets ---- */

struct kit_commit {
    const char *group, *member, *topic, *metadata;
    int32_t generation; /* of nobody: -1 */
    int32_t partition;
    int64_t offset;
    int64_t producer_id; /* above 0: of its transaction */
    int16_t version;     /* 0: 9 */
    int64_t retention_ms;
};
static inline int kit_commit(struct kit *k, struct kit_commit m)
{
    struct coord_client c = kit_client(k, m.version ? m.version : 9);
    struct coord_step step = kit_step(k);
    struct str group = str_from(m.group ? m.group : "g"), topic = str_from(m.topic ? m.topic : "t");
    int kafka;
    if (m.producer_id > 0) {
        struct kafka_txn_offset_commit_request_partition p = { m.partition, m.offset, -1, str_from(m.metadata) };
        struct kafka_txn_offset_commit_request_topic t = { topic, &p, 1 };
        struct kafka_txn_offset_commit_request rq = {
            STR("tx"), group, m.producer_id, 0, m.generation, str_from(m.member ? m.member : ""), { 0 }, &t, 1
        };
        struct kafka_txn_offset_commit_response r;
        assert_int_equal(coord_groups_txn_commit(k->g, &c, &rq, k->now_ms, &step, &r, &k->err), ST_OK);
        kafka = r.topics[0].partitions[0].error_code;
    } else {
        struct kafka_offset_commit_request rq;
        KAFKA_INIT(offset_commit_request, &rq);
        struct kafka_offset_commit_request_partition p = { m.partition, m.offset, -1, str_from(m.metadata) };
        struct kafka_offset_commit_request_topic t = { .name = topic, .partitions = &p, .n_partitions = 1 };
        rq.group_id = group;
        rq.generation_id_or_member_epoch = m.generation;
        rq.member_id = str_from(m.member ? m.member : "");
        rq.topics = &t;
        rq.n_topics = 1;
        rq.retention_time_ms = m.retention_ms ? m.retention_ms : -1;
        struct kafka_offset_commit_response r;
        assert_int_equal(coord_groups_commit(k->g, &c, &rq, k->now_ms, &step, &r, &k->err), ST_OK);
        kafka = r.topics[0].partitions[0].error_code;
    }
    kit_take(k, &step);
    return kafka;
}

/* The end of a producer's transaction, in the log too. */
static inline void kit_end_txn(struct kit *k, int64_t producer_id, bool commit)
{
    struct coord_replayed *r = array_add(&k->log, &k->arena);
    assert_non_null(r);
    *r = (struct coord_replayed){ k->log.count - 1, producer_id, { 0 }, { "", commit } };
    coord_groups_end_txn(k->g, producer_id, commit);
}

static inline struct kafka_offset_fetch_response_partition kit_fetch_from(struct kit *k, const struct coord_groups *g,
                                                                          const char *group, const char *topic,
                                                                          int32_t partition, bool stable)
{
    struct kafka_offset_fetch_request_topic t = { .name = str_from(topic), .partition_indexes = &partition,
                                                  .n_partition_indexes = 1 };
    struct kafka_offset_fetch_request_group rq;
    KAFKA_INIT(offset_fetch_request_group, &rq);
    rq.group_id = str_from(group);
    rq.topics = &t;
    rq.n_topics = 1;
    struct kafka_offset_fetch_response_group r;
    assert_int_equal(coord_groups_fetch(g, &rq, stable, &k->arena, &r, &k->err), ST_OK);
    assert_int_equal(r.n_topics, 1);
    assert_int_equal(r.topics[0].n_partitions, 1);
    return r.topics[0].partitions[0];
}
static inline int64_t kit_fetch(struct kit *k, const char *group, const char *topic, int32_t partition)
{
    return kit_fetch_from(k, k->g, group, topic, partition, false).committed_offset;
}

/* ---- replay ---- */

/* Another coordinator with the first `n` records of the log. */
static inline struct coord_groups *kit_replay(struct kit *k, uint32_t n)
{
    struct coord_groups *g;
    assert_int_equal(coord_groups_new(&k->config, &k->budget, &g, &k->err), ST_OK);
    for (uint32_t i = 0; i < n; i++)
        if (k->log.at[i].key.ptr)
            assert_int_equal(coord_groups_replay(g, &k->log.at[i], &k->err), ST_OK);
        else
            coord_groups_end_txn(g, k->log.at[i].producer_id, k->log.at[i].value.len > 0);
    return g;
}
/* The kit goes on with a coordinator that was replayed; who waited is told nothing. */
static inline void kit_restart(struct kit *k)
{
    struct coord_groups *g = kit_replay(k, k->log.count);
    coord_groups_free(k->g);
    k->g = g;
    struct coord_step step = kit_step(k);
    assert_int_equal(coord_groups_loaded(g, k->now_ms, &step, &k->err), ST_OK);
    kit_take(k, &step);
}
