/* What a table's options say, by the names that Flink's connectors for Kafka have, and the checks that option tables cannot do.
 *
 * The specs here hold the rows that the connectors' tables are made of, so that defaults are read in one place. */
#include "connect/messages/messages.h"

#include <stdio.h>

static const struct option_spec specs[] = { MESSAGE_OPTIONS_APPEND, MESSAGE_OPTIONS_ALL };
#define N_SPECS (sizeof specs / sizeof *specs)

const struct metadata_key message_metadata[MESSAGE_METADATA] = {
    [MESSAGE_TOPIC] = { "topic", "the record's topic", TYPE_VARCHAR, 0, METADATA_READ },
    [MESSAGE_PARTITION] = { "partition", "its partition", TYPE_INT, 0, METADATA_READ },
    [MESSAGE_HEADERS] = { "headers", "its headers; of those of one name the last", TYPE_MAP, 0, METADATA_READ | METADATA_WRITE },
    [MESSAGE_LEADER_EPOCH] = { "leader-epoch", "the leader epoch that it was written in", TYPE_INT, 0, METADATA_READ },
    [MESSAGE_OFFSET] = { "offset", "its offset in the partition", TYPE_BIGINT, 0, METADATA_READ },
    [MESSAGE_TIMESTAMP] = { "timestamp", "its timestamp", TYPE_TIMESTAMP_LTZ, 3, METADATA_READ | METADATA_WRITE },
    [MESSAGE_TIMESTAMP_TYPE] = { "timestamp-type", "whose: CreateTime, LogAppendTime or NoTimestampType", TYPE_VARCHAR, 0,
                                 METADATA_READ },
};

static const struct {
    const char *name;
    enum message_mode mode;
} modes[] = {
    { "earliest-offset", MESSAGE_EARLIEST }, { "latest-offset", MESSAGE_LATEST },  { "group-offsets", MESSAGE_GROUP },
    { "timestamp", MESSAGE_AT_TIME },        { "specific-offsets", MESSAGE_AT_OFFSETS },
};

static struct message_bound bound(const struct table_desc *t, const char *mode, const char *ms, const char *offsets)
{
    struct str name = option_str(&t->options, specs, N_SPECS, mode);
    struct message_bound b = { .ms = option_int(&t->options, specs, N_SPECS, ms),
                               .offsets = options_get(&t->options, offsets) };
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (str_eq(name, str_from(modes[i].name)))
            b.mode = modes[i].mode;
    return b;
}

struct message_bound message_start(const struct table_desc *t)
{
    return bound(t, "scan.startup.mode", "scan.startup.timestamp-millis", "scan.startup.specific-offsets");
}

struct message_bound message_stop(const struct table_desc *t)
{
    return bound(t, "scan.bounded.mode", "scan.bounded.timestamp-millis", "scan.bounded.specific-offsets");
}

static bool named_number(struct str text, struct str name, int64_t *ret)
{
    text = str_trim(text);
    return str_starts(text, name) && str_to_i64(str_make(text.ptr + name.len, text.len - name.len), ret) && *ret >= 0;
}

bool message_offset_of(struct str offsets, uint32_t partition, int64_t *ret)
{
    *ret = -1;
    while (offsets.ptr) {
        struct str pair = str_split(&offsets, ';'), first = str_split(&pair, ',');
        int64_t p, o;
        if (first.len == 0 && !pair.ptr && !offsets.ptr)
            return true;
        if (!pair.ptr || !named_number(first, STR("partition:"), &p) || !named_number(pair, STR("offset:"), &o))
            return false;
        if (p == partition)
            *ret = o;
    }
    return true;
}

int64_t message_discover_ms(const struct table_desc *t)
{
    return option_ms(&t->options, specs, N_SPECS, "scan.topic-partition-discovery.interval");
}

struct str message_group(const struct table_desc *t)
{
    return options_get(&t->options, "properties.group.id");
}

enum message_partitioner message_partitioner(const struct table_desc *t)
{
    struct str how = option_str(&t->options, specs, N_SPECS, "sink.partitioner");
    return str_eq(how, STR("fixed")) ? MESSAGE_FIXED : str_eq(how, STR("round-robin")) ? MESSAGE_ROUND_ROBIN : MESSAGE_BY_KEY;
}

/* ---- topics ---- */

enum status message_topics_init(struct message_topics *m, const struct table_desc *t, struct arena *a, struct error *err)
{
    struct str names = options_get(&t->options, "topic"), pattern = options_get(&t->options, "topic-pattern");
    ARRAY(struct str) list = { 0 };
    *m = (struct message_topics){ 0 };
    if (pattern.ptr)
        return connect_regex_new(pattern, a->budget, &m->pattern, err);
    while (names.ptr) {
        struct str name = str_trim(str_split(&names, ';')), *at;
        if (list.count == MESSAGE_TOPICS_MAX)
            return error_set(err, ST_LIMIT, "table '%.*s' names more than %u topics", STR_ARG(t->name), MESSAGE_TOPICS_MAX);
        at = array_add(&list, a);
        if (!at)
            return connect_memory(a->budget, err);
        *at = arena_str(a, name);
        if (!at->ptr)
            return connect_memory(a->budget, err);
    }
    m->names = list.at;
    m->n = list.count;
    return ST_OK;
}

void message_topics_release(struct message_topics *m)
{
    connect_regex_free(m->pattern);
    m->pattern = NULL;
}

enum status message_topic(const struct table_desc *t, struct str *ret, struct error *err)
{
    struct str name = options_get(&t->options, "topic");
    if (!name.ptr || memchr(name.ptr, ';', name.len))
        return error_set(err, ST_SEMANTIC, "table '%.*s': a sink writes to one topic", STR_ARG(t->name));
    *ret = str_trim(name);
    return ST_OK;
}

/* ---- checks ---- */

static enum status check_topics(const struct table_desc *t, struct error *err)
{
    bool list = options_has(&t->options, "topic"), pattern = options_has(&t->options, "topic-pattern");
    if (list == pattern)
        return error_set(err, ST_SEMANTIC, "table '%.*s': one of 'topic' and 'topic-pattern' must be there, and not both",
                         STR_ARG(t->name));
    struct arena a;
    struct message_topics m;
    arena_init(&a, NULL);
    enum status st = message_topics_init(&m, t, &a, err);
    if (st == ST_OK)
        message_topics_release(&m);
    arena_release(&a);
    return st;
}

static enum status check_bound(const struct table_desc *t, struct message_bound b, const char *kind, struct error *err)
{
    char name[64];
    int64_t ignored;
    const char *rest = b.mode == MESSAGE_AT_TIME ? "timestamp-millis" : "specific-offsets";
    snprintf(name, sizeof name, "scan.%s.%s", kind, rest);
    if ((b.mode == MESSAGE_AT_TIME || b.mode == MESSAGE_AT_OFFSETS) && !options_has(&t->options, name))
        return error_set(err, ST_SEMANTIC, "table '%.*s': its 'scan.%s.mode' needs '%s'", STR_ARG(t->name), kind, name);
    if (!message_offset_of(b.offsets, 0, &ignored)) {
        error_set(err, ST_SEMANTIC, "table '%.*s': 'scan.%s.specific-offsets' cannot be read", STR_ARG(t->name), kind);
        error_hint(err, "it looks like partition:0,offset:42;partition:1,offset:300");
        return ST_SEMANTIC;
    }
    if (b.mode == MESSAGE_AT_OFFSETS && (options_has(&t->options, "topic-pattern") ||
                                         memchr(options_get(&t->options, "topic").ptr, ';', options_get(&t->options, "topic").len)))
        return error_set(err, ST_SEMANTIC, "table '%.*s': 'specific-offsets' are those of one topic", STR_ARG(t->name));
    return ST_OK;
}

static enum status check_part(const struct message_part *p, const char *what, struct error *err)
{
    if (!p->format || !p->format->check)
        return ST_OK;
    enum status st = p->format->check(&p->schema, err);
    if (st != ST_OK)
        error_prefix(err, "table '%.*s', %s: ", STR_ARG(p->table.name), what);
    return st;
}

static enum status check_layout(const struct table_desc *t, bool upsert, struct error *err)
{
    struct arena a;
    struct message_layout l;
    arena_init(&a, NULL);
    enum status st = message_layout_init(&l, t, upsert, &a, err);
    if (st == ST_OK)
        st = check_part(&l.key, "the key", err);
    if (st == ST_OK)
        st = check_part(&l.value, "the value", err);
    arena_release(&a);
    return st;
}

enum status message_check(const struct table_desc *t, struct error *err)
{
    TRY(check_topics(t, err));
    TRY(check_bound(t, message_start(t), "startup", err));
    TRY(check_bound(t, message_stop(t), "bounded", err));
    if (options_has(&t->options, "key.format") != options_has(&t->options, "key.fields"))
        return error_set(err, ST_SEMANTIC, "table '%.*s': 'key.fields' and 'key.format' go together", STR_ARG(t->name));
    return check_layout(t, false, err);
}

enum status message_check_upsert(const struct table_desc *t, struct error *err)
{
    TRY(check_topics(t, err));
    TRY(check_bound(t, message_stop(t), "bounded", err));
    if (t->n_primary_key == 0)
        return error_set(err, ST_SEMANTIC, "table '%.*s': its rows replace each other by a PRIMARY KEY, so it needs one",
                         STR_ARG(t->name));
    if (!t->key_format)
        return error_set(err, ST_SEMANTIC, "table '%.*s': option 'key.format' is missing", STR_ARG(t->name));
    const struct format *formats[] = { t->key_format, t->format };
    for (size_t i = 0; i < 2; i++)
        if (formats[i]->source_kinds != 1u << ROW_INSERT)
            return error_set(err, ST_SEMANTIC, "table '%.*s': format '%s' has updates of its own", STR_ARG(t->name),
                             formats[i]->name);
    return check_layout(t, true, err);
}

enum status message_bounded(const struct table_desc *t, bool *ret, struct error *err)
{
    (void)err;
    *ret = message_stop(t).mode != MESSAGE_UNBOUNDED;
    return ST_OK;
}

enum status message_upsert_kinds(const struct table_desc *t, uint32_t *ret_kinds, struct error *err)
{
    (void)t, (void)err;
    *ret_kinds = 1u << ROW_UPDATE_AFTER | 1u << ROW_DELETE;
    return ST_OK;
}
