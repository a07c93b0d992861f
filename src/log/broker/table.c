/* Who handles what: the one table of the door. An API that has no row is not advertised, and closes the connection of
 * who asks for it. Versions are wire's, but where `to` says fewer. */
#include "broker/handlers.h"

const struct call_row call_table[] = {
    { KAFKA_PRODUCE, 0, CALL_PRODUCE, handle_produce },
    { KAFKA_FETCH, 0, 0, handle_fetch },
    { KAFKA_LIST_OFFSETS, 0, 0, handle_list_offsets },
    { KAFKA_METADATA, 0, 0, handle_metadata },
    { KAFKA_OFFSET_COMMIT, 0, CALL_COPY, handle_offset_commit },
    { KAFKA_OFFSET_FETCH, 0, CALL_COPY, handle_offset_fetch },
    { KAFKA_FIND_COORDINATOR, 0, 0, handle_find_coordinator },
    { KAFKA_JOIN_GROUP, 0, CALL_COPY, handle_join_group },
    { KAFKA_HEARTBEAT, 0, CALL_COPY, handle_heartbeat },
    { KAFKA_LEAVE_GROUP, 0, CALL_COPY, handle_leave_group },
    { KAFKA_SYNC_GROUP, 0, CALL_COPY, handle_sync_group },
    { KAFKA_DESCRIBE_GROUPS, 0, CALL_COPY, handle_describe_groups },
    { KAFKA_LIST_GROUPS, 0, CALL_COPY, handle_list_groups },
    { KAFKA_API_VERSIONS, 0, CALL_ANY_VERSION, handle_api_versions },
    { KAFKA_CREATE_TOPICS, 0, 0, handle_create_topics },
    { KAFKA_DELETE_TOPICS, 0, 0, handle_delete_topics },
    { KAFKA_DELETE_RECORDS, 0, 0, handle_delete_records },
    { KAFKA_INIT_PRODUCER_ID, 0, CALL_COPY, handle_init_producer_id },
    { KAFKA_OFFSET_FOR_LEADER_EPOCH, 0, 0, handle_offset_for_leader_epoch },
    { KAFKA_ADD_PARTITIONS_TO_TXN, 0, CALL_COPY, handle_add_partitions_to_txn },
    { KAFKA_ADD_OFFSETS_TO_TXN, 0, CALL_COPY, handle_add_offsets_to_txn },
    { KAFKA_END_TXN, 0, CALL_COPY, handle_end_txn },
    { KAFKA_WRITE_TXN_MARKERS, 0, 0, handle_write_txn_markers },
    { KAFKA_TXN_OFFSET_COMMIT, 0, CALL_COPY, handle_txn_offset_commit },
    { KAFKA_DESCRIBE_ACLS, 0, 0, handle_describe_acls },
    { KAFKA_CREATE_ACLS, 0, 0, handle_create_acls },
    { KAFKA_DELETE_ACLS, 0, 0, handle_delete_acls },
    { KAFKA_DESCRIBE_CONFIGS, 0, 0, handle_describe_configs },
    { KAFKA_ALTER_CONFIGS, 0, 0, handle_alter_configs },
    { KAFKA_ALTER_REPLICA_LOG_DIRS, 0, 0, handle_alter_replica_log_dirs },
    { KAFKA_DESCRIBE_LOG_DIRS, 0, 0, handle_describe_log_dirs },
    { KAFKA_CREATE_PARTITIONS, 0, 0, handle_create_partitions },
    { KAFKA_DELETE_GROUPS, 0, CALL_COPY, handle_delete_groups },
    { KAFKA_ELECT_LEADERS, 0, 0, handle_elect_leaders },
    { KAFKA_INCREMENTAL_ALTER_CONFIGS, 0, 0, handle_incremental_alter_configs },
    { KAFKA_ALTER_PARTITION_REASSIGNMENTS, 0, 0, handle_alter_partition_reassignments },
    { KAFKA_LIST_PARTITION_REASSIGNMENTS, 0, 0, handle_list_partition_reassignments },
    { KAFKA_OFFSET_DELETE, 0, CALL_COPY, handle_offset_delete },
    { KAFKA_DESCRIBE_CLUSTER, 0, 0, handle_describe_cluster },
    { KAFKA_DESCRIBE_PRODUCERS, 0, 0, handle_describe_producers },
    { KAFKA_DESCRIBE_TRANSACTIONS, 0, CALL_COPY, handle_describe_transactions },
    { KAFKA_LIST_TRANSACTIONS, 1, CALL_COPY, handle_list_transactions },
    { KAFKA_LIST_CONFIG_RESOURCES, 0, 0, handle_list_config_resources },
    { KAFKA_DESCRIBE_TOPIC_PARTITIONS, 0, 0, handle_describe_topic_partitions },
};
const uint32_t call_table_count = sizeof call_table / sizeof call_table[0];

const struct call_row *call_row_find(int16_t key)
{
    uint32_t from = 0, to = call_table_count;
    while (from < to) {
        uint32_t mid = (from + to) / 2;
        if (call_table[mid].key == key)
            return &call_table[mid];
        if (call_table[mid].key < key)
            from = mid + 1;
        else
            to = mid;
    }
    return NULL;
}

void call_row_versions(const struct call_row *row, int16_t *ret_says_from, int16_t *ret_from, int16_t *ret_to)
{
    const struct kafka_api *api = kafka_api(row->key);
    *ret_says_from = kafka_api_says_from(api);
    *ret_from = api->request.from;
    *ret_to = row->to ? row->to : api->request.to;
}

bool broker_api(uint32_t i, int16_t *ret_key, int16_t *ret_from, int16_t *ret_to)
{
    int16_t from;
    if (i >= call_table_count)
        return false;
    *ret_key = call_table[i].key;
    call_row_versions(&call_table[i], ret_from, &from, ret_to);
    return true;
}
