/* The broker's configuration: Kafka's names, given at the start, fixed while it runs.
 *
 * The table is the door's own settings and facts; defaults of topics have their table in topic, with the names that they
 * go by at the broker. Both are one list to who gives or asks for them. */
#include <stdio.h>

#include "broker/private.h"

enum { AUTO_CREATE, BROKER_ID, REPLICATION, DELETE_TOPICS, JOIN_DELAY, SESSION_MAX, GROUP_MAX, SESSION_MIN, LOG_DIRS,
       RETENTION_CHECK, NODE_ID, PARTITIONS, METADATA_MAX, OFFSETS_RETENTION, POLICY, TXN_TIMEOUT_MAX, ID_EXPIRATION };

#define DAY_MS "604800000" /* seven of them */

/* `type` is Kafka's word for it; what is given is checked as `spec` says. */
const struct broker_setting broker_settings_table[] = {
    [AUTO_CREATE] = { { "auto.create.topics.enable", OPT_BOOL, "true",
                        .help = "topics are created when somebody asks for them" }, TOPIC_BOOL },
    [BROKER_ID] = { { "broker.id", .help = "this broker's number" }, TOPIC_INT, .fixed = true },
    [REPLICATION] = { { "default.replication.factor", .fallback = "1", .help = "copies of a topic: there is one broker" },
                      TOPIC_INT, .fixed = true },
    [DELETE_TOPICS] = { { "delete.topic.enable", OPT_BOOL, "true", .help = "topics may be deleted" }, TOPIC_BOOL },
    [JOIN_DELAY] = { { "group.initial.rebalance.delay.ms", OPT_INT, "0", .min = 0, .max = INT32_MAX,
                       .help = "how long a new group waits for more members (Kafka: 3000)" }, TOPIC_INT },
    [SESSION_MAX] = { { "group.max.session.timeout.ms", OPT_INT, "1800000", .min = 1, .max = INT32_MAX,
                        .help = "the longest session timeout of a member" }, TOPIC_INT },
    [GROUP_MAX] = { { "group.max.size", OPT_INT, "2048", .min = 1, .max = 100000, .help = "most members of a group" },
                    TOPIC_INT },
    [SESSION_MIN] = { { "group.min.session.timeout.ms", OPT_INT, "6000", .min = 1, .max = INT32_MAX,
                        .help = "the shortest session timeout of a member" }, TOPIC_INT },
    [LOG_DIRS] = { { "log.dirs", .help = "where the log lies" }, TOPIC_STRING, .fixed = true },
    [RETENTION_CHECK] = { { "log.retention.check.interval.ms", OPT_INT, "300000", .min = 1, .max = INT64_MAX / 2,
                            .help = "how long something is too old, or too much, before it goes" }, TOPIC_LONG },
    [NODE_ID] = { { "node.id", .help = "this broker's number" }, TOPIC_INT, .fixed = true },
    [PARTITIONS] = { { "num.partitions", OPT_INT, "1", .min = 1, .max = 10000,
                       .help = "partitions of a topic that nobody said it for" }, TOPIC_INT },
    [METADATA_MAX] = { { "offset.metadata.max.bytes", OPT_INT, "4096", .min = 0, .max = 32767,
                         .help = "the longest note with a committed offset" }, TOPIC_INT },
    [OFFSETS_RETENTION] = { { "offsets.retention.minutes", OPT_INT, "10080", .min = 1, .max = INT32_MAX,
                              .help = "how long an empty group's offsets are kept" }, TOPIC_INT },
    [POLICY] = { { "replication.factor.policy", OPT_ENUM, "clamp", .choices = "clamp|strict",
                   .help = "more copies than brokers: clamp takes it and keeps one, strict refuses as Kafka does" },
                 TOPIC_STRING },
    [TXN_TIMEOUT_MAX] = { { "transaction.max.timeout.ms", OPT_INT, "900000", .min = 1, .max = INT32_MAX,
                            .help = "the longest timeout of a transaction" }, TOPIC_INT },
    [ID_EXPIRATION] = { { "transactional.id.expiration.ms", OPT_INT, DAY_MS, .min = 1, .max = INT32_MAX,
                          .help = "how long a transactional id that nobody uses is known" }, TOPIC_INT },
};
const uint32_t broker_settings_count = sizeof broker_settings_table / sizeof broker_settings_table[0];
enum { SETTINGS = sizeof broker_settings_table / sizeof broker_settings_table[0] };

static int64_t number(const struct options *given, uint32_t i)
{
    const struct option_spec *s = &broker_settings_table[i].spec;
    return option_int(given, s, 1, s->name);
}

static bool yes(const struct options *given, uint32_t i)
{
    const struct option_spec *s = &broker_settings_table[i].spec;
    return option_bool(given, s, 1, s->name);
}

static enum status coordinators(const struct options *given, struct arena *arena, struct topics_options *o,
                                struct error *err)
{
    struct coord_groups_config *groups = ARENA_NEW(arena, struct coord_groups_config);
    struct coord_txns_config *txns = ARENA_NEW(arena, struct coord_txns_config);
    if (!groups || !txns)
        return budget_error(arena->budget, 0, err);
    *groups = coord_groups_defaults;
    groups->initial_delay_ms = (int32_t)number(given, JOIN_DELAY);
    groups->min_session_ms = (int32_t)number(given, SESSION_MIN);
    groups->max_session_ms = (int32_t)number(given, SESSION_MAX);
    groups->members_max = (uint32_t)number(given, GROUP_MAX);
    groups->offset_metadata_max = (uint32_t)number(given, METADATA_MAX);
    groups->offsets_retention_ms = number(given, OFFSETS_RETENTION) * 60000;
    *txns = coord_txns_defaults;
    txns->timeout_max_ms = (int32_t)number(given, TXN_TIMEOUT_MAX);
    txns->id_expiration_ms = number(given, ID_EXPIRATION);
    o->groups = groups;
    o->txns = txns;
    return ST_OK;
}

enum status broker_settings_check(const struct options *given, struct arena *arena, struct topics_options *ret,
                                  struct error *err)
{
    struct option_spec *all = ARENA_ARRAY(arena, struct option_spec, SETTINGS + TOPIC_CONFIGS);
    struct topic_config_change *changes = ARENA_ARRAY(arena, struct topic_config_change, given->count + 1);
    uint32_t n = 0, n_changes = 0;
    if (!all || !changes)
        return budget_error(arena->budget, 0, err);
    for (uint32_t i = 0; i < SETTINGS; i++)
        if (!broker_settings_table[i].fixed)
            all[n++] = broker_settings_table[i].spec;
    for (uint32_t k = 0; k < TOPIC_CONFIGS; k++)
        if (topic_config_spec(k)->broker_name)
            all[n++] = (struct option_spec){ .name = topic_config_spec(k)->broker_name, .type = OPT_STRING };
    TRY(options_check(given, all, n, "--set", err));
    for (uint32_t i = 0; i < given->count; i++) {
        for (uint32_t k = 0; k < TOPIC_CONFIGS; k++) {
            const struct topic_config_spec *s = topic_config_spec(k);
            if (s->broker_name && str_eq(given->at[i].name, str_from(s->broker_name)))
                changes[n_changes++] = (struct topic_config_change){ .name = str_from(s->name),
                                                                     .value = given->at[i].value };
        }
    }
    ret->defaults = changes;
    ret->n_defaults = n_changes;
    ret->retention_check_ms = number(given, RETENTION_CHECK);
    return coordinators(given, arena, ret, err);
}

struct broker_settings settings_make(const struct options *given)
{
    const struct option_spec *policy = &broker_settings_table[POLICY].spec;
    return (struct broker_settings){
        .auto_create = yes(given, AUTO_CREATE),
        .delete_topics = yes(given, DELETE_TOPICS),
        .strict_replication = str_eq(option_str(given, policy, 1, policy->name), STR("strict")),
        .partitions = (uint32_t)number(given, PARTITIONS),
    };
}

struct str settings_text(struct call *c, uint32_t i, bool *ret_given)
{
    const struct broker *b = c->door->broker;
    const struct option_spec *s = &broker_settings_table[i].spec;
    struct options given = { b->o.settings, b->o.n_settings };
    struct str value = options_get(&given, s->name);
    *ret_given = value.ptr || !s->fallback;
    if (value.ptr)
        return value;
    if (s->fallback)
        return str_from(s->fallback);
    if (i == LOG_DIRS)
        return str_from(b->o.data_dir ? b->o.data_dir : "");
    return arena_printf(&c->arena, "%d", BROKER_NODE);
}
