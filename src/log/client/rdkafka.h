/* What we call of librdkafka, opened when somebody asks for a cluster: rdk.new() is its rd_kafka_new(). Its header is seen
 * by the files of cluster only. */
#pragma once

#include "base/library.h"

#include <librdkafka/rdkafka.h>

#define RDKAFKA_CALLS(X)                                                                                            \
    X(AdminOptions_destroy) X(AdminOptions_new) X(AdminOptions_set_operation_timeout)                               \
    X(AdminOptions_set_request_timeout) X(AlterConfigs) X(AlterConfigs_result_resources)                            \
    X(AlterConsumerGroupOffsets) X(AlterConsumerGroupOffsets_destroy) X(AlterConsumerGroupOffsets_new)              \
    X(AlterConsumerGroupOffsets_result_groups) X(ConfigEntry_name) X(ConfigEntry_source) X(ConfigEntry_value)       \
    X(ConfigResource_configs) X(ConfigResource_destroy) X(ConfigResource_error) X(ConfigResource_error_string)      \
    X(ConfigResource_new) X(ConfigResource_set_config) X(ConsumerGroupDescription_coordinator)                      \
    X(ConsumerGroupDescription_error) X(ConsumerGroupDescription_member) X(ConsumerGroupDescription_member_count)   \
    X(ConsumerGroupDescription_partition_assignor) X(ConsumerGroupDescription_state)                                \
    X(ConsumerGroupListing_group_id) X(ConsumerGroupListing_state) X(CreatePartitions)                              \
    X(CreatePartitions_result_topics) X(CreateTopics) X(CreateTopics_result_topics) X(DeleteGroup_destroy)          \
    X(DeleteGroup_new) X(DeleteGroups) X(DeleteGroups_result_groups) X(DeleteRecords) X(DeleteRecords_destroy)      \
    X(DeleteRecords_new) X(DeleteRecords_result_offsets) X(DeleteTopic_destroy) X(DeleteTopic_new) X(DeleteTopics)  \
    X(DeleteTopics_result_topics) X(DescribeConfigs) X(DescribeConfigs_result_resources) X(DescribeConsumerGroups)  \
    X(DescribeConsumerGroups_result_groups) X(ListConsumerGroupOffsets) X(ListConsumerGroupOffsets_destroy)         \
    X(ListConsumerGroupOffsets_new) X(ListConsumerGroupOffsets_result_groups) X(ListConsumerGroups)                 \
    X(ListConsumerGroups_result_errors) X(ListConsumerGroups_result_valid) X(MemberAssignment_partitions)           \
    X(MemberDescription_assignment) X(MemberDescription_client_id) X(MemberDescription_consumer_id)                 \
    X(MemberDescription_host) X(NewPartitions_destroy) X(NewPartitions_new) X(NewTopic_destroy) X(NewTopic_new)     \
    X(NewTopic_set_config) X(Node_id) X(abort_transaction) X(begin_transaction) X(commit_transaction)               \
    X(conf_destroy) X(conf_new) X(conf_set) X(conf_set_dr_msg_cb) X(conf_set_error_cb) X(conf_set_log_cb)           \
    X(conf_set_opaque) X(consume_batch_queue) X(consume_queue) X(consume_start_queue) X(consume_stop)               \
    X(consumer_group_state_name) X(destroy_flags) X(err2str) X(error_code) X(error_destroy) X(error_string)         \
    X(event_AlterConfigs_result) X(event_AlterConsumerGroupOffsets_result) X(event_CreatePartitions_result)         \
    X(event_CreateTopics_result) X(event_DeleteGroups_result) X(event_DeleteRecords_result)                         \
    X(event_DeleteTopics_result) X(event_DescribeConfigs_result) X(event_DescribeConsumerGroups_result)             \
    X(event_ListConsumerGroupOffsets_result) X(event_ListConsumerGroups_result) X(event_destroy) X(event_error)     \
    X(event_error_string) X(flush) X(group_result_error) X(group_result_partitions) X(header_add) X(header_cnt)     \
    X(header_get_all) X(headers_destroy) X(headers_new) X(init_transactions) X(last_error) X(message_destroy)       \
    X(message_errstr) X(message_headers) X(message_timestamp) X(metadata) X(metadata_destroy) X(new)                \
    X(offsets_for_times) X(outq_len) X(poll) X(produceva) X(purge) X(query_watermark_offsets)                       \
    X(queue_cb_event_enable) X(queue_destroy) X(queue_get_main) X(queue_new) X(queue_poll) X(seek) X(topic_destroy) \
    X(topic_name) X(topic_new) X(topic_partition_list_add) X(topic_partition_list_destroy)                          \
    X(topic_partition_list_new) X(topic_result_error) X(topic_result_error_string)

#define RDKAFKA_POINTER(NAME) __typeof__(rd_kafka_##NAME) *NAME;
extern struct rdkafka {
    RDKAFKA_CALLS(RDKAFKA_POINTER)
} rdk; /* after rdkafka_open */

enum status rdkafka_open(struct error *err) MUST_USE;
