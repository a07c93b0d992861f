/* weir topic: one table of what can be done with topics; each action gets the open cluster. */
#include "cli/kafka.h"

#include "text/text.h"

static enum status list(struct kafka_command *t, struct error *err)
{
    struct cluster_topics all;
    int width = 0;
    bool ok = true;
    TRY(cluster_topics(t->k.cluster, &t->k.c->arena, &all, err));
    for (uint32_t i = 0; i < all.count; i++)
        width = (int)all.at[i].name.len > width ? (int)all.at[i].name.len : width;
    for (uint32_t i = 0; ok && i < all.count; i++) {
        const struct cluster_topic *p = &all.at[i];
        uint32_t replicas = p->n_partitions ? p->partitions[0].n_replicas : 0;
        if (t->json)
            ok = buf_put_u8(&t->out, '{') && kafka_put_member(&t->out, "topic", p->name, false) &&
                 buf_printf(&t->out, ",\"partitions\":%u,\"replicas\":%u}\n", p->n_partitions, replicas);
        else
            ok = buf_printf(&t->out, "%-*.*s  %u partition%s\n", width, STR_ARG(p->name), p->n_partitions,
                            p->n_partitions == 1 ? "" : "s");
    }
    return ok ? ST_OK : kafka_no_room(t, err);
}

static bool put_ids(struct buf *out, const int32_t *ids, uint32_t n)
{
    bool ok = buf_put_u8(out, '[');
    for (uint32_t i = 0; ok && i < n; i++)
        ok = buf_printf(out, "%s%d", i ? "," : "", ids[i]);
    return ok && buf_put_u8(out, ']');
}

static bool put_partition(struct kafka_command *t, const struct cluster_partition *p, int64_t first, int64_t end,
                          bool comma)
{
    struct buf *out = &t->out;
    if (t->json)
        return buf_printf(out, "%s{\"partition\":%d,\"first\":%lld,\"end\":%lld,\"leader\":%d,\"replicas\":",
                          comma ? "," : "", p->id, (long long)first, (long long)end, p->leader) &&
               put_ids(out, p->replicas, p->n_replicas) && buf_printf(out, ",\"in_sync\":") &&
               put_ids(out, p->in_sync, p->n_in_sync) && buf_put_u8(out, '}');
    return buf_printf(out, "partition %d: offsets %lld to %lld, leader %d, replicas ", p->id, (long long)first,
                      (long long)end, p->leader) &&
           put_ids(out, p->replicas, p->n_replicas) && buf_printf(out, ", in sync ") &&
           put_ids(out, p->in_sync, p->n_in_sync) && buf_put_u8(out, '\n');
}

static bool put_configs(struct kafka_command *t, const struct cluster_configs *all)
{
    bool ok = true, comma = false;
    for (uint32_t i = 0; ok && i < all->count; i++) {
        const struct cluster_config *e = &all->at[i];
        if (!e->set)
            continue;
        if (t->json)
            ok = (!comma || buf_put_u8(&t->out, ',')) && json_put_string(&t->out, e->name) &&
                 buf_put_u8(&t->out, ':') && json_put_string(&t->out, e->value);
        else
            ok = buf_printf(&t->out, "%.*s=%.*s\n", STR_ARG(e->name), STR_ARG(e->value));
        comma = true;
    }
    return ok;
}

static enum status show(struct kafka_command *t, struct error *err)
{
    struct cluster_topic topic;
    struct cluster_configs configs;
    struct arena *a = &t->k.c->arena;
    TRY(cluster_topic(t->k.cluster, t->name, a, &topic, err));
    TRY(cluster_configs(t->k.cluster, t->name, a, &configs, err));
    bool ok = !t->json || (buf_put_u8(&t->out, '{') && kafka_put_member(&t->out, "topic", t->name, false) &&
                           buf_printf(&t->out, ",\"partitions\":["));
    for (uint32_t i = 0; ok && i < topic.n_partitions; i++) {
        int64_t first, end;
        TRY(cluster_bounds(t->k.cluster, t->name, topic.partitions[i].id, &first, &end, err));
        ok = put_partition(t, &topic.partitions[i], first, end, i > 0);
    }
    ok = ok && (!t->json || buf_printf(&t->out, "],\"config\":{")) && put_configs(t, &configs) &&
         (!t->json || buf_printf(&t->out, "}}\n"));
    return ok ? ST_OK : kafka_no_room(t, err);
}

static enum status given_configs(struct kafka_command *t, struct cluster_config **ret, uint32_t *ret_n,
                                 struct error *err)
{
    struct cli *c = t->k.c;
    struct str name, value;
    uint32_t n = 0;
    while (args_pair(&c->args, O_CONFIG, n, &name, &value))
        n++;
    struct cluster_config *all = ARENA_ARRAY(&c->arena, struct cluster_config, n + 1);
    if (!all)
        return kafka_no_room(t, err);
    for (uint32_t i = 0; i < n && args_pair(&c->args, O_CONFIG, i, &name, &value); i++)
        all[i] = (struct cluster_config){ .name = name, .value = value };
    *ret = all;
    *ret_n = n;
    return ST_OK;
}

static enum status create(struct kafka_command *t, struct error *err)
{
    struct cluster_config *configs;
    uint32_t n;
    const struct cli_args *a = &t->k.c->args;
    TRY(given_configs(t, &configs, &n, err));
    return cluster_create(t->k.cluster, t->name, (uint32_t)args_number(a, O_PARTITIONS, 0),
                          (uint32_t)args_number(a, O_REPLICAS, 0), configs, n, err);
}

static enum status alter(struct kafka_command *t, struct error *err)
{
    struct cluster_topic topic;
    struct cluster_config *configs;
    uint32_t n, partitions = (uint32_t)args_number(&t->k.c->args, O_PARTITIONS, 0);
    TRY(given_configs(t, &configs, &n, err));
    if (n == 0 && partitions == 0)
        return error_set(err, ST_USAGE, "topic alter: nothing to change: --config K=V or --partitions N");
    TRY(cluster_topic(t->k.cluster, t->name, &t->k.c->arena, &topic, err));
    if (partitions > 0 && partitions <= topic.n_partitions) /* else what is set stays set when that is refused */
        return error_set(err, ST_USAGE, "'%.*s' has %u partition%s already, and can only get more", STR_ARG(t->name),
                         topic.n_partitions, topic.n_partitions == 1 ? "" : "s");
    for (uint32_t i = 0; i < n; i++)
        if (configs[i].value.len == 0)
            configs[i].value.ptr = NULL; /* back to the default */
    if (n > 0)
        TRY(cluster_configure(t->k.cluster, t->name, configs, n, err));
    return partitions ? cluster_grow(t->k.cluster, t->name, partitions, err) : ST_OK;
}

static enum status trim(struct kafka_command *t, struct error *err)
{
    struct cluster_topic topic;
    struct kafka_place place;
    struct kafka_span *spans;
    const struct cli_args *a = &t->k.c->args;
    if (!args_has(a, O_OFFSET))
        return error_set(err, ST_USAGE, "topic trim: --offset is missing: what lies before it is deleted");
    TRY(kafka_place(args_get(a, O_OFFSET), false, &place, err));
    TRY(cluster_topic(t->k.cluster, t->name, &t->k.c->arena, &topic, err));
    TRY(kafka_spans(&t->k, &topic, args_number(a, O_PARTITION, -1), &place, &spans, err));
    for (uint32_t p = 0; p < topic.n_partitions; p++)
        if (spans[p].taken && spans[p].at > spans[p].first)
            TRY(cluster_trim(t->k.cluster, t->name, (int32_t)p, spans[p].at, err));
    return ST_OK;
}

static enum status removal(struct kafka_command *t, struct error *err)
{
    const struct cli_args *a = &t->k.c->args;
    struct cluster_topic topic;
    for (uint32_t i = 1; i < a->n_rest; i++) /* a slip in one name deletes none */
        TRY(cluster_topic(t->k.cluster, a->rest[i], &t->k.c->arena, &topic, err));
    for (uint32_t i = 1; i < a->n_rest; i++)
        TRY(cluster_remove(t->k.cluster, a->rest[i], err));
    return ST_OK;
}

static const struct kafka_action actions[] = {
    { STR_INIT("ls"), 1, 1, "weir topic ls", { O_FORM }, list },
    { STR_INIT("show"), 2, 2, "weir topic show TOPIC", { O_FORM }, show },
    { STR_INIT("create"), 2, 2, "weir topic create TOPIC [--partitions N] [--replicas N] [--config K=V]",
      { O_PARTITIONS, O_REPLICAS, O_CONFIG }, create },
    { STR_INIT("alter"), 2, 2, "weir topic alter TOPIC [--partitions N] [--config K=V]", { O_PARTITIONS, O_CONFIG }, alter },
    { STR_INIT("trim"), 2, 2, "weir topic trim TOPIC --offset WHERE [--partition N]", { O_OFFSET, O_PARTITION }, trim },
    { STR_INIT("rm"), 2, UINT32_MAX, "weir topic rm TOPIC...", { O_HELP }, removal },
};

int cmd_topic(struct cli *c) { return kafka_run(c, actions, sizeof actions / sizeof actions[0]); }
