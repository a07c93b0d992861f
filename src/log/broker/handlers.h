/* The handlers, by family: what stands in the table. */
#pragma once

#include "broker/private.h"

/* versions.c */
call_handler handle_api_versions;
/* metadata.c */
call_handler handle_metadata, handle_describe_cluster, handle_describe_topic_partitions;
/* produce.c, fetch.c, offsets.c */
call_handler handle_produce, handle_fetch, handle_list_offsets, handle_offset_for_leader_epoch, handle_delete_records;
/* topics.c */
call_handler handle_create_topics, handle_delete_topics, handle_create_partitions;
/* configs.c */
call_handler handle_describe_configs, handle_alter_configs, handle_incremental_alter_configs,
    handle_list_config_resources;
/* operate.c */
call_handler handle_describe_log_dirs, handle_alter_replica_log_dirs, handle_elect_leaders,
    handle_alter_partition_reassignments, handle_list_partition_reassignments, handle_describe_acls,
    handle_create_acls, handle_delete_acls;
/* groups.c */
call_handler handle_find_coordinator, handle_join_group, handle_sync_group, handle_heartbeat, handle_leave_group,
    handle_offset_commit, handle_offset_fetch, handle_offset_delete, handle_describe_groups, handle_list_groups,
    handle_delete_groups;
/* txns.c */
call_handler handle_init_producer_id, handle_add_partitions_to_txn, handle_add_offsets_to_txn, handle_end_txn,
    handle_txn_offset_commit, handle_write_txn_markers, handle_describe_transactions, handle_list_transactions, handle_describe_producers;

/* Of a reader: read_uncommitted or read_committed. */
static inline bool isolation_known(int8_t level) { return level == 0 || level == 1; }

/* For requests to coordinators. The answer that only says what is wrong with the request; the one that coord fills, in
 * the step's arena; no memory for that. */
#define FAIL(name)                                                                    \
    static const void *fail_##name(struct call *c, int16_t kafka)                     \
    {                                                                                 \
        struct kafka_##name##_response *r = KAFKA_NEW(&c->arena, name##_response, 1); \
        if (r)                                                                        \
            r->error_code = kafka;                                                    \
        return r;                                                                     \
    }
#define ANSWER(a, step, name) ((a)->response = KAFKA_NEW((step)->arena, name##_response, 1))
#define NO_MEMORY(step, err) budget_error((step)->arena->budget, 0, err)
