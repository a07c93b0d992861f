/* What coordinators cost, apart from logs and sockets: steps a CPU-second, bytes kept.
 *
 *   coord [N]      N offsets, ids, heartbeats (200,000)
 *
 * Built beside the room's sources, which is all it takes:
 *   gcc -std=gnu17 -O3 -march=x86-64-v2 -Isrc/core -Isrc/net -Isrc/log bench/coord.c src/log/coord/[a-z]*.c
 *       src/net/wire/[a-z]*.c src/core/base/[a-z]*.c -lisal -lm -o build/bench-coord */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "coord/coord.h"

enum { MEMBERS = 1000 };

static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct error err;
static void must(enum status st)
{
    if (st == ST_OK)
        return;
    fprintf(stderr, "coord: %s\n", err.message);
    exit(1);
}

static struct arena step_arena, log_arena;
static struct coord_replayed *kept;
static uint64_t n_kept, bytes_kept;

static struct coord_step fresh(void)
{
    struct coord_step step;
    arena_reset(&step_arena);
    coord_step_init(&step, &step_arena);
    return step;
}

static void say(const char *what, double n, double seconds)
{
    printf("%-44s %8.2f M a CPU-second\n", what, n / seconds / 1e6);
}

static void offsets(uint32_t n)
{
    struct budget budget;
    budget_init(&budget, "bench", SIZE_MAX, NULL);
    struct coord_groups_config config = coord_groups_defaults;
    config.offsets_max = UINT32_MAX;
    struct coord_groups *g;
    must(coord_groups_new(&config, &budget, &g, &err));
    kept = malloc(sizeof *kept * n);
    double began = cpu_now();
    for (uint32_t i = 0; i < n; i++) {
        struct coord_step step = fresh();
        struct coord_client c = { .version = 9 };
        struct kafka_offset_commit_request rq;
        KAFKA_INIT(offset_commit_request, &rq);
        struct kafka_offset_commit_request_partition p = { (int32_t)(i % 1000), i, -1, STR("") };
        struct kafka_offset_commit_request_topic t = { .name = STR("orders"), .partitions = &p, .n_partitions = 1 };
        char name[32];
        snprintf(name, sizeof name, "group-%u", i / 1000 % 100);
        rq.group_id = str_from(name);
        rq.topics = &t;
        rq.n_topics = 1;
        struct kafka_offset_commit_response r;
        must(coord_groups_commit(g, &c, &rq, 1000000, &step, &r, &err));
        const struct coord_record *from = &step.records.at[0];
        kept[n_kept] = (struct coord_replayed){ (int64_t)n_kept, -1, arena_str(&log_arena, from->key),
                                                arena_str(&log_arena, from->value) };
        bytes_kept += kept[n_kept].key.len + kept[n_kept].value.len;
        n_kept++;
    }
    say("OffsetCommit of one partition", n, cpu_now() - began);
    printf("%-44s %8.0f bytes\n", "kept for each of 100,000 partitions", (double)atomic_load(&budget.used) / 1e5);
    coord_groups_free(g);
    must(coord_groups_new(&config, &budget, &g, &err));
    began = cpu_now();
    for (uint64_t i = 0; i < n_kept; i++)
        must(coord_groups_replay(g, &kept[i], &err));
    double seconds = cpu_now() - began;
    say("replay of such records", (double)n_kept, seconds);
    printf("%-44s %8.0f MB a CPU-second\n", "", (double)bytes_kept / seconds / 1e6);
    coord_groups_free(g);
}

static char ids[MEMBERS][64];

static void take_id(const struct coord_reply *r)
{
    const struct kafka_join_group_response *j = r->response;
    snprintf(ids[r->token], sizeof ids[0], "%.*s", STR_ARG(j->member_id));
}

static void members(uint32_t n)
{
    struct budget budget;
    budget_init(&budget, "bench", SIZE_MAX, NULL);
    struct coord_groups *g;
    must(coord_groups_new(&coord_groups_defaults, &budget, &g, &err));
    char metadata[200];
    memset(metadata, 'm', sizeof metadata);
    struct kafka_join_group_request_protocol protocol = { STR("range"), { metadata, sizeof metadata } };
    double began = cpu_now();
    for (uint32_t i = 0; i < MEMBERS; i++) {
        struct kafka_join_group_request rq;
        KAFKA_INIT(join_group_request, &rq);
        rq.group_id = STR("g");
        rq.session_timeout_ms = rq.rebalance_timeout_ms = 30000;
        rq.protocol_type = STR("consumer");
        rq.protocols = &protocol;
        rq.n_protocols = 1;
        struct coord_client c = { .token = i, .version = 3, .client_id = STR("app"), .client_host = STR("/127.0.0.1") };
        memcpy(c.fresh.bytes, &i, sizeof i);
        struct coord_step step = fresh();
        must(coord_groups_join(g, &c, &rq, 1000000, &step, &err));
    }
    struct coord_step step = fresh();
    must(coord_groups_tick(g, 1000000, &step, &err));
    for (uint32_t i = 0; i < step.replies.count; i++)
        take_id(&step.replies.at[i]);
    struct kafka_sync_group_request_assignment given[MEMBERS];
    for (uint32_t i = 0; i < MEMBERS; i++)
        given[i] = (struct kafka_sync_group_request_assignment){ str_from(ids[i]), { metadata, 100 } };
    for (uint32_t i = MEMBERS; i > 0; i--) {
        struct kafka_sync_group_request rq = { .group_id = STR("g"), .generation_id = 1,
                                               .member_id = str_from(ids[i - 1]), .assignments = given,
                                               .n_assignments = i == 1 ? MEMBERS : 0 };
        struct coord_client c = { .token = i, .version = 5 };
        step = fresh();
        must(coord_groups_sync(g, &c, &rq, 1000000, &step, &err));
    }
    printf("%-44s %8.1f ms of CPU\n", "1,000 members join and sync", (cpu_now() - began) * 1e3);
    printf("%-44s %8.0f bytes\n", "kept for each", (double)atomic_load(&budget.used) / MEMBERS);
    began = cpu_now();
    for (uint32_t i = 0; i < n; i++) {
        struct kafka_heartbeat_request rq = { STR("g"), 1, str_from(ids[i % MEMBERS]), { 0 } };
        struct kafka_heartbeat_response r;
        must(coord_groups_heartbeat(g, &rq, 1000000 + i / MEMBERS, &r, &err));
        if (r.error_code)
            exit(1);
    }
    say("their heartbeats", n, cpu_now() - began);
    coord_groups_free(g);
}

static void transactions(uint32_t n)
{
    struct budget budget;
    budget_init(&budget, "bench", SIZE_MAX, NULL);
    struct coord_ids all = { 0, INT64_MAX };
    struct coord_txns *t;
    must(coord_txns_new(&coord_txns_defaults, &all, &budget, &t, &err));
    struct coord_step step = fresh();
    struct kafka_init_producer_id_request rq = { STR("x"), 60000, -1, -1 };
    struct kafka_init_producer_id_response p;
    must(coord_txns_init(t, &rq, 5, 1000000, &step, &p, &err));
    int64_t id = p.producer_id;
    int16_t epoch = p.producer_epoch;
    double began = cpu_now();
    for (uint32_t i = 0; i < n; i++) {
        for (int32_t k = 0; k < 4; k++) {
            struct coord_producer who = { STR("x"), id, epoch };
            int16_t kafka;
            step = fresh();
            must(coord_txns_partition(t, &who, STR("orders"), k, true, 1000000, &step, &kafka, &err));
        }
        struct kafka_end_txn_request end = { STR("x"), id, epoch, true };
        struct kafka_end_txn_response r;
        step = fresh();
        must(coord_txns_end(t, &end, 5, 1000000, &step, &r, &err));
        if (r.error_code || step.markers.count != 1)
            exit(1);
        id = r.producer_id;
        epoch = r.producer_epoch;
    }
    say("transactions of four partitions", n, cpu_now() - began);
    coord_txns_free(t);
}

int main(int argc, char **argv)
{
    uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 200000;
    arena_init(&step_arena, NULL);
    arena_init(&log_arena, NULL);
    offsets(n);
    members(n);
    transactions(n);
    return 0;
}
