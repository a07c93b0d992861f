/* DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources.
 *
 * Topics' configurations are topic's, with names, defaults and texts; here they get the protocol's clothes. The broker's
 * are given when it starts and read only. There are no other kinds of resources that have any. */
#include "broker/handlers.h"

enum resource { RESOURCE_TOPIC = 2, RESOURCE_BROKER = 4, RESOURCE_LOGGER = 8, RESOURCE_METRICS = 16, RESOURCE_GROUP = 32 };
enum source { SOURCE_TOPIC = 1, SOURCE_STATIC_BROKER = 4, SOURCE_DEFAULT = 5 };

int8_t config_source(enum topic_config_source source)
{
    return source == TOPIC_FROM_TOPIC ? SOURCE_TOPIC : source == TOPIC_FROM_NODE ? SOURCE_STATIC_BROKER : SOURCE_DEFAULT;
}

static bool is_us(struct str name) { return str_eq(name, STR("1")); }
_Static_assert(BROKER_NODE == 1, "is_us");

/* ---- DescribeConfigs ---- */

static bool asked_for(const struct kafka_describe_configs_request_resource *q, const char *name)
{
    if (q->n_configuration_keys == 0)
        return true;
    for (uint32_t i = 0; i < q->n_configuration_keys; i++)
        if (str_eq(q->configuration_keys[i], str_from(name)))
            return true;
    return false;
}

static void add_synonym(struct kafka_describe_configs_response_config *r, const char *name, struct str value, int8_t source)
{
    struct kafka_describe_configs_response_synonym *s = &r->synonyms[r->n_synonyms++];
    s->name = str_from(name);
    s->value = value;
    s->source = source;
}

/* The value and what stands behind it, the nearest first. */
static bool add_synonyms(struct call *c, struct kafka_describe_configs_response_config *r,
                         const struct topic_config_spec *spec, enum topic_config_key key)
{
    const struct kafka_describe_configs_request *q = c->in;
    enum topic_config_source source;
    struct str node = topics_config_text(call_topics(c), key, &source);
    const char *broker_name = spec->broker_name ? spec->broker_name : spec->name;
    if (!q->include_synonyms)
        return true;
    r->synonyms = KAFKA_NEW(&c->arena, describe_configs_response_synonym, 3);
    if (!r->synonyms)
        return false;
    if (r->config_source == SOURCE_TOPIC)
        add_synonym(r, spec->name, r->value, SOURCE_TOPIC);
    if (source == TOPIC_FROM_NODE)
        add_synonym(r, broker_name, node, SOURCE_STATIC_BROKER);
    add_synonym(r, broker_name, str_from(spec->fallback), SOURCE_DEFAULT);
    return true;
}

/* A configuration by its key, of `t`, or of the broker (NULL) under its name there. */
static bool add_topic_config(struct call *c, struct topic *t, enum topic_config_key key,
                             struct kafka_describe_configs_response_result *r)
{
    const struct kafka_describe_configs_request *q = c->in;
    const struct topic_config_spec *spec = topic_config_spec(key);
    struct kafka_describe_configs_response_config *to = &r->configs[r->n_configs++];
    enum topic_config_source source;
    to->name = str_from(t ? spec->name : spec->broker_name);
    to->value = t ? topic_config_text(t, key, &source, &c->arena) : topics_config_text(call_topics(c), key, &source);
    to->read_only = !t;
    to->config_source = config_source(source);
    to->config_type = (int8_t)spec->type;
    to->documentation = q->include_documentation ? str_from(spec->doc) : str_make(NULL, 0);
    return to->value.ptr && add_synonyms(c, to, spec, key);
}

static bool describe_topic(struct call *c, const struct kafka_describe_configs_request_resource *from,
                           struct kafka_describe_configs_response_result *r)
{
    struct topic *t = call_topic(c, from->resource_name);
    if (!t) {
        r->error_code = topic_name_check(from->resource_name, NULL) == ST_OK ? KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION
                                                                             : KAFKA_E_INVALID_TOPIC_EXCEPTION;
        return true;
    }
    r->configs = KAFKA_NEW(&c->arena, describe_configs_response_config, TOPIC_CONFIGS);
    bool ok = r->configs != NULL;
    for (uint32_t k = 0; ok && k < TOPIC_CONFIGS; k++)
        if (asked_for(from, topic_config_spec(k)->name))
            ok = add_topic_config(c, t, k, r);
    return ok;
}

static bool add_own(struct call *c, uint32_t i, struct kafka_describe_configs_response_result *r)
{
    const struct kafka_describe_configs_request *q = c->in;
    const struct option_spec *s = &broker_settings_table[i].spec;
    struct kafka_describe_configs_response_config *to = &r->configs[r->n_configs++];
    bool given;
    to->name = str_from(s->name);
    to->value = settings_text(c, i, &given);
    to->read_only = true;
    to->config_source = given ? SOURCE_STATIC_BROKER : SOURCE_DEFAULT;
    to->config_type = (int8_t)broker_settings_table[i].type;
    to->documentation = q->include_documentation ? str_from(s->help) : str_make(NULL, 0);
    if (q->include_synonyms) {
        to->synonyms = KAFKA_NEW(&c->arena, describe_configs_response_synonym, 2);
        if (!to->synonyms)
            return false;
        if (given)
            add_synonym(to, s->name, to->value, SOURCE_STATIC_BROKER);
        if (s->fallback)
            add_synonym(to, s->name, str_from(s->fallback), SOURCE_DEFAULT);
    }
    return to->value.ptr != NULL;
}

static bool describe_broker(struct call *c, const struct kafka_describe_configs_request_resource *from,
                            struct kafka_describe_configs_response_result *r)
{
    if (from->resource_name.len > 0 && !is_us(from->resource_name)) {
        r->error_code = KAFKA_E_INVALID_REQUEST;
        r->error_message = STR("the only broker is 1; the empty name stands for what all brokers have");
        return true;
    }
    r->configs = KAFKA_NEW(&c->arena, describe_configs_response_config, broker_settings_count + TOPIC_CONFIGS);
    bool ok = r->configs != NULL;
    if (from->resource_name.len == 0) /* what was changed for all brokers while they run: nothing */
        return ok;
    for (uint32_t i = 0; ok && i < broker_settings_count; i++)
        if (asked_for(from, broker_settings_table[i].spec.name))
            ok = add_own(c, i, r);
    for (uint32_t k = 0; ok && k < TOPIC_CONFIGS; k++)
        if (topic_config_spec(k)->broker_name && asked_for(from, topic_config_spec(k)->broker_name))
            ok = add_topic_config(c, NULL, k, r);
    return ok;
}

static void refuse_kind(int8_t kind, int16_t *ret_error, struct str *ret_message)
{
    bool known = kind == RESOURCE_LOGGER || kind == RESOURCE_METRICS || kind == RESOURCE_GROUP;
    *ret_error = KAFKA_E_INVALID_REQUEST;
    *ret_message = known ? STR("resources of this type have no configurations here") : STR("no such type of resource");
}

void handle_describe_configs(struct call *c)
{
    const struct kafka_describe_configs_request *q = c->in;
    struct kafka_describe_configs_response r;
    KAFKA_INIT(describe_configs_response, &r);
    r.n_results = q->n_resources;
    r.results = KAFKA_NEW(&c->arena, describe_configs_response_result, q->n_resources);
    bool ok = r.results != NULL;
    for (uint32_t i = 0; ok && i < q->n_resources; i++) {
        const struct kafka_describe_configs_request_resource *from = &q->resources[i];
        struct kafka_describe_configs_response_result *to = &r.results[i];
        to->resource_type = from->resource_type;
        to->resource_name = from->resource_name;
        if (from->resource_type == RESOURCE_TOPIC)
            ok = describe_topic(c, from, to);
        else if (from->resource_type == RESOURCE_BROKER)
            ok = describe_broker(c, from, to);
        else
            refuse_kind(from->resource_type, &to->error_code, &to->error_message);
    }
    if (ok)
        call_answer(c, &r);
    else
        call_no_memory(c);
}

/* ---- AlterConfigs, IncrementalAlterConfigs ---- */

/* A resource of either request. */
struct altered {
    int8_t type;
    struct str name;
    struct topic_config_change *changes;
    uint32_t n;
    struct topic_admin *errand; /* NULL: see error */
    int16_t error;
    struct str why;
};

struct alters {
    struct altered *at;
    uint32_t n;
    struct errands *errands;
};

/* The checks are quadratic in a request's resources and in a resource's values; so the sum of both is bounded, too. */
enum { ALTERS_MAX = 4096, VALUES_MAX = 4096, ALL_VALUES_MAX = 65536 };

static bool is_refused(struct call *c, uint32_t resources, uint32_t most_values, uint32_t all_values)
{
    bool many = resources > ALTERS_MAX, large = most_values > VALUES_MAX;
    if (!many && !large && all_values <= ALL_VALUES_MAX)
        return false;
    call_refuse_many(c, many ? "resources" : large ? "values of a resource" : "values",
                     many ? ALTERS_MAX : large ? VALUES_MAX : ALL_VALUES_MAX);
    return true;
}

static struct alters *alters_new(struct call *c, uint32_t n)
{
    struct alters *w = ARENA_NEW(&c->arena, struct alters);
    if (!w)
        return NULL;
    w->n = n;
    w->at = ARENA_ARRAY(&c->arena, struct altered, n ? n : 1);
    w->errands = errands_new(c, n);
    c->state = w;
    return w->at && w->errands ? w : NULL;
}

static struct altered *alter_add(struct call *c, struct alters *w, uint32_t i, int8_t type, struct str name, uint32_t n)
{
    struct altered *a = &w->at[i];
    a->type = type;
    a->name = name;
    a->n = n;
    a->changes = ARENA_ARRAY(&c->arena, struct topic_config_change, n ? n : 1);
    return a->changes ? a : NULL;
}

/* Kafka's checks of a resource before any of its values is looked at. */
static void alter_judge(struct alters *w, struct altered *a)
{
    a->error = KAFKA_E_INVALID_REQUEST;
    for (struct altered *b = w->at; b < w->at + w->n; b++)
        if (b != a && b->type == a->type && str_eq(b->name, a->name)) {
            a->why = STR("the request names the resource twice");
            return;
        }
    for (uint32_t i = 0; i < a->n; i++) {
        const struct topic_config_change *ch = &a->changes[i];
        if (ch->op > TOPIC_SUBTRACT) {
            a->why = STR("no such operation");
            return;
        }
        if (!ch->value.ptr && ch->op != TOPIC_UNSET) {
            a->why = STR("a configuration has no value");
            return;
        }
        for (uint32_t k = 0; k < i; k++)
            if (str_eq(a->changes[k].name, ch->name)) {
                a->why = STR("the request names a configuration twice");
                return;
            }
    }
    if (a->type == RESOURCE_TOPIC && a->name.len == 0)
        a->why = STR("there are no defaults of topics; the broker's settings are");
    else if (a->type == RESOURCE_TOPIC)
        a->error = topic_name_check(a->name, NULL) == ST_OK ? KAFKA_E_NONE : KAFKA_E_INVALID_TOPIC_EXCEPTION;
    else if (a->type == RESOURCE_BROKER)
        a->why = STR("the broker's configurations are given when it starts: weir server --set NAME=VALUE");
    else
        refuse_kind(a->type, &a->error, &a->why);
}

static void alters_go(struct alters *w, bool replace, bool validate_only, void (*then)(struct call *c))
{
    for (uint32_t i = 0; i < w->n; i++) {
        struct altered *a = &w->at[i];
        alter_judge(w, a);
        if (a->error != KAFKA_E_NONE)
            continue;
        a->errand = &w->errands->at[w->errands->n++];
        *a->errand = (struct topic_admin){ .kind = TOPIC_ADMIN_ALTER, .name = a->name, .changes = a->changes,
                                           .n_changes = a->n, .replace = replace, .validate_only = validate_only };
    }
    errands_go(w->errands, then);
}

static void alter_fate(const struct altered *a, int16_t *ret_error, struct str *ret_message)
{
    *ret_error = a->errand ? a->errand->kafka : a->error;
    *ret_message = a->why;
    if (a->errand && a->errand->kafka != KAFKA_E_NONE)
        *ret_message = str_from(a->errand->error.message[0] ? a->errand->error.message
                                                            : kafka_error(a->errand->kafka)->text);
}

static void altered(struct call *c)
{
    const struct alters *w = c->state;
    struct kafka_alter_configs_response r;
    KAFKA_INIT(alter_configs_response, &r);
    r.n_responses = w->n;
    r.responses = KAFKA_NEW(&c->arena, alter_configs_response_resource, w->n);
    if (!r.responses) {
        call_no_memory(c);
        return;
    }
    for (uint32_t i = 0; i < w->n; i++) {
        alter_fate(&w->at[i], &r.responses[i].error_code, &r.responses[i].error_message);
        r.responses[i].resource_type = w->at[i].type;
        r.responses[i].resource_name = w->at[i].name;
    }
    call_answer(c, &r);
}

/* The structs of both answers have the same members; so have those of the requests, but for the operation. */
static void altered_incrementally(struct call *c)
{
    const struct alters *w = c->state;
    struct kafka_incremental_alter_configs_response r;
    KAFKA_INIT(incremental_alter_configs_response, &r);
    r.n_responses = w->n;
    r.responses = KAFKA_NEW(&c->arena, incremental_alter_configs_response_resource, w->n);
    if (!r.responses) {
        call_no_memory(c);
        return;
    }
    for (uint32_t i = 0; i < w->n; i++) {
        alter_fate(&w->at[i], &r.responses[i].error_code, &r.responses[i].error_message);
        r.responses[i].resource_type = w->at[i].type;
        r.responses[i].resource_name = w->at[i].name;
    }
    call_answer(c, &r);
}

void handle_alter_configs(struct call *c)
{
    const struct kafka_alter_configs_request *q = c->in;
    uint32_t values = 0, most = 0;
    for (uint32_t i = 0; i < q->n_resources; i++) {
        most = most > q->resources[i].n_configs ? most : q->resources[i].n_configs;
        values += q->resources[i].n_configs;
    }
    if (is_refused(c, q->n_resources, most, values))
        return;
    struct alters *w = alters_new(c, q->n_resources);
    bool ok = w != NULL;
    for (uint32_t i = 0; ok && i < q->n_resources; i++) {
        const struct kafka_alter_configs_request_resource *from = &q->resources[i];
        struct altered *a = alter_add(c, w, i, from->resource_type, from->resource_name, from->n_configs);
        ok = a != NULL;
        for (uint32_t k = 0; ok && k < from->n_configs; k++)
            a->changes[k] = (struct topic_config_change){ .name = from->configs[k].name,
                                                          .value = from->configs[k].value };
    }
    if (ok)
        alters_go(w, true, q->validate_only, altered);
    else
        call_no_memory(c);
}

void handle_incremental_alter_configs(struct call *c)
{
    const struct kafka_incremental_alter_configs_request *q = c->in;
    uint32_t values = 0, most = 0;
    for (uint32_t i = 0; i < q->n_resources; i++) {
        most = most > q->resources[i].n_configs ? most : q->resources[i].n_configs;
        values += q->resources[i].n_configs;
    }
    if (is_refused(c, q->n_resources, most, values))
        return;
    struct alters *w = alters_new(c, q->n_resources);
    bool ok = w != NULL;
    for (uint32_t i = 0; ok && i < q->n_resources; i++) {
        const struct kafka_incremental_alter_configs_request_resource *from = &q->resources[i];
        struct altered *a = alter_add(c, w, i, from->resource_type, from->resource_name, from->n_configs);
        ok = a != NULL;
        for (uint32_t k = 0; ok && k < from->n_configs; k++)
            a->changes[k] = (struct topic_config_change){ .name = from->configs[k].name,
                                                          .value = from->configs[k].value,
                                                          .op = (uint8_t)from->configs[k].config_operation };
    }
    if (ok)
        alters_go(w, false, q->validate_only, altered_incrementally);
    else
        call_no_memory(c);
}

/* ---- ListConfigResources ---- */

void handle_list_config_resources(struct call *c)
{
    const struct kafka_list_config_resources_request *q = c->in;
    struct kafka_list_config_resources_response r;
    struct topic **all = NULL;
    uint32_t n = 0;
    bool topics = c->version > 0 && q->n_resource_types == 0, brokers = topics, loggers = topics;
    KAFKA_INIT(list_config_resources_response, &r);
    for (uint32_t i = 0; i < q->n_resource_types; i++) {
        int8_t kind = q->resource_types[i];
        topics = topics || kind == RESOURCE_TOPIC;
        brokers = brokers || kind == RESOURCE_BROKER;
        loggers = loggers || kind == RESOURCE_LOGGER;
        if (kind != RESOURCE_TOPIC && kind != RESOURCE_BROKER && kind != RESOURCE_LOGGER && kind != RESOURCE_METRICS &&
            kind != RESOURCE_GROUP)
            r.error_code = KAFKA_E_UNSUPPORTED_VERSION;
    }
    bool ok = r.error_code != KAFKA_E_NONE || !topics || call_all_topics(c, &all, &n);
    r.config_resources = KAFKA_NEW(&c->arena, list_config_resources_response_resource, n + 2);
    if (!ok || !r.config_resources) {
        call_no_memory(c);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        r.config_resources[i] =
            (struct kafka_list_config_resources_response_resource){ topic_name(all[i]), RESOURCE_TOPIC };
    r.n_config_resources = n;
    bool fine = r.error_code == KAFKA_E_NONE;
    if (brokers && fine)
        r.config_resources[r.n_config_resources++] =
            (struct kafka_list_config_resources_response_resource){ STR("1"), RESOURCE_BROKER };
    if (loggers && fine)
        r.config_resources[r.n_config_resources++] =
            (struct kafka_list_config_resources_response_resource){ STR("1"), RESOURCE_LOGGER };
    call_answer(c, &r);
}
