/* Rows that are records of a log: what the connectors over logs share, `topic` (the log in this process) and `kafka` (a
 * cluster). Options and their checks, by Flink's names for Kafka; how columns are divided between key, value and metadata;
 * rows out of records and records out of rows. */
#pragma once

#include "connect/private.h"
#include "record/record.h"

#define MESSAGE_TOPICS_MAX 1024u /* that one table names */
#define MESSAGE_SLACK 256u       /* bytes behind the last record that decoders may look at */

/* ---- options ---- */

/* Rows of option tables. Of each connector: */
#define MESSAGE_OPTIONS_ALL                                                                                            \
    { .name = "scan.bounded.mode", .type = OPT_ENUM, .fallback = "unbounded",                                          \
      .choices = "unbounded|latest-offset|group-offsets|timestamp|specific-offsets", .help = "where a source ends" },  \
    { .name = "scan.bounded.timestamp-millis", .type = OPT_INT, .min = 0, .max = INT64_MAX,                            \
      .help = "of mode 'timestamp'" },                                                                                 \
    { .name = "scan.bounded.specific-offsets", .type = OPT_STRING, .help = "of mode 'specific-offsets'" },             \
    { .name = "scan.topic-partition-discovery.interval", .type = OPT_DURATION, .fallback = "5 min",                    \
      .help = "look for new topics and partitions this often; 0 s: never. What is found is read from its beginning" }, \
    { .name = "scan.parallelism", .type = OPT_INT, .min = 1, .max = INT32_MAX,                                         \
      .help = "accepted, without effect: --parallelism says it" },                                                    \
    { .name = "sink.parallelism", .type = OPT_INT, .min = 1, .max = INT32_MAX,                                         \
      .help = "accepted, without effect: --parallelism says it" },                                                    \
    { .name = "key.format", .type = OPT_STRING,                                                                        \
      .help = "the key's format; its options begin with 'key.', such as 'key.json.ignore-parse-errors'" },             \
    { .name = "key.fields-prefix", .type = OPT_STRING,                                                                 \
      .help = "what the names of the key's columns begin with, and not in the key itself (needs EXCEPT_KEY)" },        \
    { .name = "value.fields-include", .type = OPT_ENUM, .choices = "ALL|EXCEPT_KEY", .fallback = "ALL",                \
      .help = "are the columns of the key in the value, too?" }

/* Of those that append: */
#define MESSAGE_OPTIONS_APPEND                                                                                         \
    { .name = "topic", .type = OPT_STRING, .help = "the topic; of a source several, by ';'" },                         \
    { .name = "topic-pattern", .type = OPT_STRING,                                                                     \
      .help = "of a source, in place of 'topic': a regular expression for whole names" },                              \
    { .name = "scan.startup.mode", .type = OPT_ENUM, .fallback = "group-offsets",                                      \
      .choices = "earliest-offset|latest-offset|group-offsets|timestamp|specific-offsets",                             \
      .help = "where a source begins, where no commit says it" },                                                      \
    { .name = "scan.startup.timestamp-millis", .type = OPT_INT, .min = 0, .max = INT64_MAX,                            \
      .help = "of mode 'timestamp'" },                                                                                 \
    { .name = "scan.startup.specific-offsets", .type = OPT_STRING,                                                     \
      .help = "of mode 'specific-offsets': partition:0,offset:42;partition:1,offset:300" },                            \
    { .name = "key.fields", .type = OPT_STRING, .help = "columns that make the record's key, by ';'" },                \
    { .name = "sink.partitioner", .type = OPT_ENUM, .choices = "default|fixed|round-robin", .fallback = "default",     \
      .help = "default: by the key's murmur2, without a key one partition a commit; fixed: one for each subtask" }

/* Of those whose rows replace each other by the primary key, which is the records' key: */
#define MESSAGE_OPTIONS_UPSERT                                                                                         \
    { .name = "topic", .type = OPT_STRING, .required = true, .help = "the topic; of a source several, by ';'" },       \
    { .name = "sink.buffer-flush.max-rows", .type = OPT_INT, .min = 0, .max = INT32_MAX, .fallback = "0",              \
      .help = "accepted, without effect: rows are written with each commit" },                                        \
    { .name = "sink.buffer-flush.interval", .type = OPT_DURATION, .fallback = "0 s",                                   \
      .help = "accepted, without effect: rows are written with each commit" }

/* Where a scan begins and where it ends. */
enum message_mode { MESSAGE_UNBOUNDED, MESSAGE_EARLIEST, MESSAGE_LATEST, MESSAGE_GROUP, MESSAGE_AT_TIME, MESSAGE_AT_OFFSETS };
struct message_bound {
    enum message_mode mode;
    int64_t ms;
    struct str offsets;
};
struct message_bound message_start(const struct table_desc *t);
struct message_bound message_stop(const struct table_desc *t);
/* One of "partition:0,offset:42;partition:1,offset:300". false: no such text. *ret -1: it does not name the partition. */
bool message_offset_of(struct str offsets, uint32_t partition, int64_t *ret);
/* 0: never. */
int64_t message_discover_ms(const struct table_desc *t);
struct str message_group(const struct table_desc *t); /* properties.group.id; ptr NULL: none */

enum message_partitioner { MESSAGE_BY_KEY, MESSAGE_FIXED, MESSAGE_ROUND_ROBIN };
enum message_partitioner message_partitioner(const struct table_desc *t);

/* The topics of a source: a list, or what matches a pattern. */
struct message_topics {
    struct str *names; /* n 0: the pattern */
    uint32_t n;
    struct connect_regex *pattern;
};
enum status message_topics_init(struct message_topics *m, const struct table_desc *t, struct arena *a,
                                struct error *err) MUST_USE;
void message_topics_release(struct message_topics *m);
/* The one topic of a sink. */
enum status message_topic(const struct table_desc *t, struct str *ret, struct error *err) MUST_USE;

/* Slots of struct connector. */
enum status message_check(const struct table_desc *t, struct error *err);
enum status message_check_upsert(const struct table_desc *t, struct error *err);
enum status message_bounded(const struct table_desc *t, bool *ret, struct error *err);
enum status message_upsert_kinds(const struct table_desc *t, uint32_t *ret_kinds, struct error *err);

enum message_metadata {
    MESSAGE_TOPIC,
    MESSAGE_PARTITION,
    MESSAGE_HEADERS,
    MESSAGE_LEADER_EPOCH,
    MESSAGE_OFFSET,
    MESSAGE_TIMESTAMP,
    MESSAGE_TIMESTAMP_TYPE,
    MESSAGE_METADATA
};
extern const struct metadata_key message_metadata[MESSAGE_METADATA];

/* ---- which column stands where ---- */

struct message_column {
    enum message_metadata what;
    uint32_t at; /* in the row read or written */
};
struct message_part { /* key or value */
    const struct format *format; /* NULL: there is none */
    struct table_desc table;     /* with the options as this format has them */
    struct schema schema;
    uint32_t *at; /* places in the physical row */
    bool whole;   /* the physical row as it lies */
};
struct message_layout {
    const struct table_desc *table;
    bool upsert; /* no value: the row of that key goes */
    struct message_part key, value;
    struct message_column *read, *written;
    uint32_t n_read, n_written;
};
enum status message_layout_init(struct message_layout *l, const struct table_desc *t, bool upsert, struct arena *a,
                                struct error *err) MUST_USE;

/* ---- rows out of records ---- */

enum message_time { MESSAGE_NO_TIME, MESSAGE_CREATED, MESSAGE_APPENDED };
struct message_origin {
    struct str topic;
    uint32_t partition;
    int32_t leader_epoch;
    enum message_time time;
};

struct message_reader;
/* `needs`: one for each column of the row read; NULL: all. `file` names the split in messages. Both are copied. */
enum status message_reader_new(const struct message_layout *l, const struct need *needs, struct connect_context *ctx,
                               struct str file, struct budget *budget, struct message_reader **ret,
                               struct error *err) MUST_USE;
void message_reader_free(struct message_reader *r); /* NULL is allowed */
/* Appends the rows of records whose keys and values lie in `chunk`, where MESSAGE_SLACK bytes follow them. Without a value
 * there is no row, but of an upsert. *ret_taken: so many are done with (a bad one is told to ctx->bad); fewer than n: `out`
 * has no room. */
enum status message_reader_take(struct message_reader *r, const struct message_origin *from, struct shared *chunk,
                                const struct record *at, uint32_t n, struct batch *out, uint32_t *ret_taken,
                                struct error *err) MUST_USE;

/* ---- records out of rows ---- */

struct message_writer;
enum status message_writer_new(const struct message_layout *l, struct connect_context *ctx, struct budget *budget,
                               struct message_writer **ret, struct error *err) MUST_USE;
void message_writer_free(struct message_writer *w); /* NULL is allowed */
/* The rows that count, a record each (but for a -U before the +U of its key), in their order, offset -1. They stand until the next call. */
enum status message_writer_put(struct message_writer *w, const struct batch *b, int64_t now_ms, const struct record **ret,
                               uint32_t *ret_n, struct error *err) MUST_USE;
