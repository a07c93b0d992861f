/* Topic configuration: one table of keys, from which parsing, checking, defaults and what DescribeConfigs tells come.
 *
 * Names, types, defaults and ranges are Kafka's (kafka.apache.org/documentation/#topicconfigs). Each value has a number
 * too, kept in an array of atomics in the topic: appends and upkeep read that without a lock. Lists are sets of bits,
 * choices their place, a ratio millionths. Texts that were set are kept as they came. Keys of what is not here (tiers,
 * replicas) are kept and told like the others, for tools that set them; they have no effect. */
#include <stdio.h>

#include "topic/private.h"

#define LONG INT64_MAX
enum { INT = INT32_MAX };
#define LEVELS "levels are kept; batches stay as producers packed them"

static const struct topic_config_spec specs[TOPIC_CONFIGS] = {
    [TOPIC_CLEANUP_POLICY] = { "cleanup.policy", "log.cleanup.policy", TOPIC_LIST, "delete", "delete|compact", 0, 0,
                               "what becomes of old segments: delete by time and size, compact by key, or both" },
    [TOPIC_COMPRESSION_GZIP_LEVEL] = { "compression.gzip.level", "compression.gzip.level", TOPIC_INT, "-1", NULL, -1, 9,
                                       LEVELS },
    [TOPIC_COMPRESSION_LZ4_LEVEL] = { "compression.lz4.level", "compression.lz4.level", TOPIC_INT, "9", NULL, 1, 17,
                                      LEVELS },
    [TOPIC_COMPRESSION_TYPE] = { "compression.type", "compression.type", TOPIC_STRING, "producer",
                                 "producer|uncompressed|gzip|snappy|lz4|zstd", 0, 0,
                                 "codec of the topic; batches stay as producers packed them" },
    [TOPIC_COMPRESSION_ZSTD_LEVEL] = { "compression.zstd.level", "compression.zstd.level", TOPIC_INT, "3", NULL,
                                       -131072, 22, LEVELS },
    [TOPIC_DELETE_RETENTION_MS] = { "delete.retention.ms", "log.cleaner.delete.retention.ms", TOPIC_LONG, "86400000",
                                    NULL, 0, LONG, "how long a compacted topic keeps tombstones" },
    [TOPIC_FILE_DELETE_DELAY_MS] = { "file.delete.delay.ms", "log.segment.delete.delay.ms", TOPIC_LONG, "60000", NULL,
                                     0, LONG, "kept; readers keep a deleted file as long as they need it" },
    [TOPIC_FLUSH_MESSAGES] = { "flush.messages", "log.flush.interval.messages", TOPIC_LONG, "9223372036854775807", NULL,
                               1, LONG, "kept; when data are synced is the node's durability" },
    [TOPIC_FLUSH_MS] = { "flush.ms", "log.flush.interval.ms", TOPIC_LONG, "9223372036854775807", NULL, 0, LONG,
                         "kept; when data are synced is the node's durability" },
    [TOPIC_FOLLOWER_THROTTLED] = { "follower.replication.throttled.replicas", NULL, TOPIC_LIST, "", NULL, 0, 0,
                                   "kept; there are no followers" },
    [TOPIC_INDEX_INTERVAL_BYTES] = { "index.interval.bytes", "log.index.interval.bytes", TOPIC_INT, "4096", NULL, 0, INT,
                                     "distance of index entries" },
    [TOPIC_LEADER_THROTTLED] = { "leader.replication.throttled.replicas", NULL, TOPIC_LIST, "", NULL, 0, 0,
                                 "kept; there are no followers" },
    [TOPIC_LOCAL_RETENTION_BYTES] = { "local.retention.bytes", "log.local.retention.bytes", TOPIC_LONG, "-2", NULL, -2,
                                      LONG, "kept; there is no remote tier" },
    [TOPIC_LOCAL_RETENTION_MS] = { "local.retention.ms", "log.local.retention.ms", TOPIC_LONG, "-2", NULL, -2, LONG,
                                   "kept; there is no remote tier" },
    [TOPIC_MAX_COMPACTION_LAG_MS] = { "max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms", TOPIC_LONG,
                                      "9223372036854775807", NULL, 1, LONG,
                                      "how long a record may stay uncompacted" },
    [TOPIC_MAX_MESSAGE_BYTES] = { "max.message.bytes", "message.max.bytes", TOPIC_INT, "1048588", NULL, 0, INT,
                                  "largest record batch" },
    [TOPIC_TIMESTAMP_AFTER_MAX_MS] = { "message.timestamp.after.max.ms", "log.message.timestamp.after.max.ms",
                                       TOPIC_LONG, "3600000", NULL, 0, LONG,
                                       "how far a record's timestamp may lie ahead of the clock" },
    [TOPIC_TIMESTAMP_BEFORE_MAX_MS] = { "message.timestamp.before.max.ms", "log.message.timestamp.before.max.ms",
                                        TOPIC_LONG, "9223372036854775807", NULL, 0, LONG,
                                        "how far a record's timestamp may lie behind the clock" },
    [TOPIC_TIMESTAMP_TYPE] = { "message.timestamp.type", "log.message.timestamp.type", TOPIC_STRING, "CreateTime",
                               "CreateTime|LogAppendTime", 0, 0, "whose clock makes timestamps" },
    [TOPIC_MIN_CLEANABLE_RATIO] = { "min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio", TOPIC_DOUBLE, "0.5",
                                    NULL, 0, 1, "share of uncompacted bytes from which on compaction starts" },
    [TOPIC_MIN_COMPACTION_LAG_MS] = { "min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms", TOPIC_LONG, "0",
                                      NULL, 0, LONG, "how long a record stays uncompacted at least" },
    [TOPIC_MIN_INSYNC_REPLICAS] = { "min.insync.replicas", "min.insync.replicas", TOPIC_INT, "1", NULL, 1, INT,
                                    "kept; there is one replica" },
    [TOPIC_PREALLOCATE] = { "preallocate", "log.preallocate", TOPIC_BOOL, "false", NULL, 0, 0,
                            "kept; segments grow as they are written" },
    [TOPIC_REMOTE_COPY_DISABLE] = { "remote.log.copy.disable", NULL, TOPIC_BOOL, "false", NULL, 0, 0,
                                    "kept; there is no remote tier" },
    [TOPIC_REMOTE_DELETE_ON_DISABLE] = { "remote.log.delete.on.disable", NULL, TOPIC_BOOL, "false", NULL, 0, 0,
                                         "kept; there is no remote tier" },
    [TOPIC_REMOTE_STORAGE] = { "remote.storage.enable", NULL, TOPIC_BOOL, "false", NULL, 0, 0,
                               "must be false: there is no remote tier" },
    [TOPIC_RETENTION_BYTES] = { "retention.bytes", "log.retention.bytes", TOPIC_LONG, "-1", NULL, -1, LONG,
                                "bytes that a partition keeps; -1: no bound" },
    [TOPIC_RETENTION_MS] = { "retention.ms", "log.retention.ms", TOPIC_LONG, "604800000", NULL, -1, LONG,
                             "how long records are kept; -1: for ever" },
    [TOPIC_SEGMENT_BYTES] = { "segment.bytes", "log.segment.bytes", TOPIC_INT, "1073741824", NULL, 1048576, INT,
                              "largest segment file" },
    [TOPIC_SEGMENT_INDEX_BYTES] = { "segment.index.bytes", "log.index.size.max.bytes", TOPIC_INT, "10485760", NULL, 4,
                                    INT, "kept; indexes grow as they need" },
    [TOPIC_SEGMENT_JITTER_MS] = { "segment.jitter.ms", "log.roll.jitter.ms", TOPIC_LONG, "0", NULL, 0, LONG,
                                  "kept; segments roll when something is appended" },
    [TOPIC_SEGMENT_MS] = { "segment.ms", "log.roll.ms", TOPIC_LONG, "604800000", NULL, 1, LONG,
                           "how long a segment is appended to" },
    [TOPIC_UNCLEAN_ELECTION] = { "unclean.leader.election.enable", "unclean.leader.election.enable", TOPIC_BOOL,
                                 "false", NULL, 0, 0, "kept; there is one replica" },
};

const struct topic_config_spec *topic_config_spec(enum topic_config_key key) { return &specs[key]; }

bool topic_config_find(struct str name, enum topic_config_key *ret)
{
    for (uint32_t i = 0; i < TOPIC_CONFIGS; i++) {
        if (str_eq(name, str_from(specs[i].name))) {
            *ret = (enum topic_config_key)i;
            return true;
        }
    }
    return false;
}

static enum status wrong(const struct topic_config_spec *spec, struct str text, struct error *err, const char *why)
{
    return error_set(err, ST_USAGE, "%s = '%.*s': %s", spec->name, (int)(text.len < 100 ? text.len : 100), text.ptr, why);
}

/* The place of `text` among "a|b|c"; -1: none. */
static int64_t choice(const char *choices, struct str text)
{
    struct str rest = str_from(choices);
    for (int64_t i = 0; rest.ptr; i++) {
        if (str_eq(str_split(&rest, '|'), text))
            return i;
    }
    return -1;
}

static enum status not_among(const struct topic_config_spec *spec, struct str text, struct error *err)
{
    char why[160]; /* in the message: what goes over the wire has no hint */
    snprintf(why, sizeof why, "no such value; there are %s", spec->choices);
    return wrong(spec, text, err, why);
}

static enum status parse_list(const struct topic_config_spec *spec, struct str text, int64_t *ret, struct error *err)
{
    struct str rest = text;
    int64_t bits = 0;
    while (rest.len > 0) {
        struct str one = str_trim(str_split(&rest, ','));
        int64_t i = spec->choices ? choice(spec->choices, one) : 0;
        if (i < 0)
            return not_among(spec, text, err);
        bits |= (int64_t)1 << i;
    }
    *ret = bits;
    return ST_OK;
}

static enum status parse_number(const struct topic_config_spec *spec, struct str text, int64_t *ret, struct error *err)
{
    int64_t n;
    if (!str_to_i64(text, &n))
        return wrong(spec, text, err, "not a whole number of 64 bits");
    if (n < spec->min || n > spec->max)
        return error_set(err, ST_USAGE, "%s = %lld: allowed is %lld to %lld", spec->name, (long long)n,
                         (long long)spec->min, (long long)spec->max);
    *ret = n;
    return ST_OK;
}

enum status config_parse(enum topic_config_key key, struct str text, int64_t *ret, struct error *err)
{
    const struct topic_config_spec *spec = &specs[key];
    double ratio;
    int64_t n = 0;
    text = str_trim(text);
    switch (spec->type) {
    case TOPIC_BOOL:
        n = str_eq_nocase(text, STR("true"));
        if (!n && !str_eq_nocase(text, STR("false")))
            return wrong(spec, text, err, "neither true nor false");
        break;
    case TOPIC_LIST: TRY(parse_list(spec, text, &n, err)); break;
    case TOPIC_INT:
    case TOPIC_LONG: TRY(parse_number(spec, text, &n, err)); break;
    case TOPIC_DOUBLE:
        if (!str_to_f64(text, &ratio) || !(ratio >= (double)spec->min && ratio <= (double)spec->max))
            return wrong(spec, text, err, "not a number from 0 to 1");
        n = (int64_t)(ratio * 1e6 + 0.5);
        break;
    case TOPIC_STRING:
        n = choice(spec->choices, text);
        if (n < 0)
            return not_among(spec, text, err);
        break;
    }
    if (key == TOPIC_REMOTE_STORAGE && n)
        return wrong(spec, text, err, "there is no remote tier here");
    *ret = n;
    return ST_OK;
}

/* ---- sets of values ---- */

void config_init(struct config *c, const struct config *base)
{
    memset(c, 0, sizeof *c);
    for (uint32_t i = 0; i < TOPIC_CONFIGS; i++) {
        int64_t n = 0;
        if (base)
            n = base->number[i];
        else
            CHECK(config_parse((enum topic_config_key)i, str_from(specs[i].fallback), &n, NULL) == ST_OK);
        c->number[i] = n;
    }
}

void config_release(struct config *c, struct budget *b)
{
    for (uint32_t i = 0; i < TOPIC_CONFIGS; i++) {
        if (c->text[i])
            mem_free(b, c->text[i], strlen(c->text[i]) + 1);
        c->text[i] = NULL;
    }
}

struct str config_default_text(const struct config *node, enum topic_config_key key)
{
    return str_from(node->text[key] ? node->text[key] : specs[key].fallback);
}

static enum status set_text(struct config *c, enum topic_config_key key, struct str text, struct budget *b,
                            struct error *err)
{
    char *copy = NULL;
    if (text.ptr) {
        if (text.len > CONFIG_TEXT_MAX || memchr(text.ptr, 0, text.len))
            return error_set(err, ST_USAGE, "%s: longer than %d bytes, or with a NUL", specs[key].name,
                             CONFIG_TEXT_MAX);
        copy = mem_alloc(b, text.len + 1);
        if (!copy)
            return budget_error(b ? b : budget_process(), text.len + 1, err);
        memcpy(copy, text.ptr, text.len);
        copy[text.len] = '\0';
    }
    if (c->text[key])
        mem_free(b, c->text[key], strlen(c->text[key]) + 1);
    c->text[key] = copy;
    return ST_OK;
}

enum status config_copy(struct config *to, const struct config *from, struct budget *b, struct error *err)
{
    config_init(to, from);
    for (uint32_t i = 0; i < TOPIC_CONFIGS; i++) {
        enum status st = set_text(to, (enum topic_config_key)i, str_from(from->text[i]), b, err);
        if (st != ST_OK) {
            config_release(to, b);
            return st;
        }
    }
    return ST_OK;
}

/* The pieces of `old` that are not in `value`, and with `append` then those of `value`. */
static bool change_list(struct buf *out, struct str old, struct str value, bool append)
{
    bool ok = true;
    while (ok && old.len > 0) {
        struct str one = str_trim(str_split(&old, ',')), others = value;
        bool named = false;
        while (others.len > 0 && !named)
            named = str_eq(str_trim(str_split(&others, ',')), one);
        if (!named)
            ok = (out->len == 0 || buf_put(out, ",", 1)) && buf_put(out, one.ptr, one.len);
    }
    return ok && (!append || value.len == 0 ||
                  ((out->len == 0 || buf_put(out, ",", 1)) && buf_put(out, value.ptr, value.len)));
}

static enum status set_value(struct config *c, enum topic_config_key key, struct str value, struct budget *b,
                             struct error *err)
{
    int64_t number;
    TRY(config_parse(key, value, &number, err));
    TRY(set_text(c, key, value, b, err));
    c->number[key] = number;
    return ST_OK;
}

static enum status change_one(struct config *c, const struct config *node, const struct topic_config_change *ch,
                              struct budget *b, struct error *err)
{
    enum topic_config_key key;
    bool known = topic_config_find(ch->name, &key);
    if (!known && ch->op == TOPIC_UNSET) /* nothing to do; also how a name that later versions knew gets away */
        return ST_OK;
    if (!known)
        return error_set(err, ST_USAGE, "there is no topic configuration '%.*s'",
                         (int)(ch->name.len < 100 ? ch->name.len : 100), ch->name.ptr);
    const struct topic_config_spec *spec = &specs[key];
    switch (ch->op) {
    case TOPIC_UNSET:
        c->number[key] = node ? node->number[key] : c->number[key];
        return set_text(c, key, (struct str){ 0 }, b, err);
    case TOPIC_SET:
        return ch->value.ptr ? set_value(c, key, ch->value, b, err)
                             : error_set(err, ST_USAGE, "%s: null is no value", spec->name);
    case TOPIC_APPEND:
    case TOPIC_SUBTRACT: break;
    default: return error_set(err, ST_USAGE, "%s: there is no operation %d", spec->name, (int)ch->op);
    }
    if (spec->type != TOPIC_LIST || !ch->value.ptr)
        return error_set(err, ST_USAGE, "%s: only a list can be appended to and subtracted from", spec->name);
    struct buf list;
    struct str old = c->text[key] ? str_from(c->text[key]) : config_default_text(node, key);
    buf_init(&list, b, CONFIG_TEXT_MAX);
    enum status st = change_list(&list, old, ch->value, ch->op == TOPIC_APPEND)
                         ? set_value(c, key, list.len ? buf_str(&list) : STR(""), b, err)
                         : error_set(err, ST_USAGE, "%s: longer than %d bytes", spec->name, CONFIG_TEXT_MAX);
    buf_release(&list);
    return st;
}

enum status config_change(struct config *c, const struct config *node, const struct topic_config_change *changes,
                          uint32_t n, struct budget *b, struct error *err)
{
    for (uint32_t i = 0; i < n; i++)
        TRY(change_one(c, node, &changes[i], b, err));
    return ST_OK;
}

enum status config_check(const struct config *c, struct error *err)
{
    int64_t least = c->number[TOPIC_MIN_COMPACTION_LAG_MS], most = c->number[TOPIC_MAX_COMPACTION_LAG_MS];
    if (least > most)
        return error_set(err, ST_USAGE, "min.compaction.lag.ms = %lld is larger than max.compaction.lag.ms = %lld",
                         (long long)least, (long long)most);
    return ST_OK;
}
