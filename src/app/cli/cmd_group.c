/* weir group: consumer groups, what they have committed and how far behind they are. */
#include "cli/kafka.h"

#include "text/text.h"

static enum status list(struct kafka_command *g, struct error *err)
{
    struct cluster_groups all;
    int width = 0;
    bool ok = true;
    TRY(cluster_groups(g->k.cluster, &g->k.c->arena, &all, err));
    for (uint32_t i = 0; i < all.count; i++)
        width = (int)all.at[i].name.len > width ? (int)all.at[i].name.len : width;
    for (uint32_t i = 0; ok && i < all.count; i++)
        ok = g->json ? buf_put_u8(&g->out, '{') && kafka_put_member(&g->out, "group", all.at[i].name, false) &&
                           buf_printf(&g->out, ",\"state\":\"%s\"}\n", all.at[i].state)
                     : buf_printf(&g->out, "%-*.*s  %s\n", width, STR_ARG(all.at[i].name), all.at[i].state);
    return ok ? ST_OK : kafka_no_room(g, err);
}

static bool put_members(struct kafka_command *g, const struct cluster_group *group)
{
    struct buf *out = &g->out;
    bool ok = true;
    for (uint32_t i = 0; ok && i < group->n_members; i++) {
        const struct cluster_member *m = &group->members[i];
        ok = g->json ? buf_printf(out, "%s{", i ? "," : "") && kafka_put_member(out, "id", m->id, false) &&
                           buf_put_u8(out, ',') && kafka_put_member(out, "client", m->client, false) &&
                           buf_put_u8(out, ',') && kafka_put_member(out, "host", m->host, false) &&
                           buf_printf(out, ",\"assigned\":[")
                     : buf_printf(out, "member %.*s, client %.*s at %.*s:", STR_ARG(m->id), STR_ARG(m->client),
                                  STR_ARG(m->host));
        for (uint32_t p = 0; ok && p < m->assigned.count; p++) {
            const struct cluster_position *a = &m->assigned.at[p];
            ok = g->json ? buf_printf(out, "%s{", p ? "," : "") && kafka_put_member(out, "topic", a->topic, false) &&
                               buf_printf(out, ",\"partition\":%d}", a->partition)
                         : buf_printf(out, " %.*s/%d", STR_ARG(a->topic), a->partition);
        }
        ok = ok && buf_printf(out, g->json ? "]}" : "\n");
    }
    return ok;
}

static bool put_position(struct kafka_command *g, const struct cluster_position *p, int64_t first, int64_t end,
                         bool comma)
{
    int64_t behind = end - (p->offset > first ? p->offset : first);
    behind = behind > 0 ? behind : 0;
    if (!g->json)
        return buf_printf(&g->out, "%.*s/%d: committed %lld, end %lld, %lld behind\n", STR_ARG(p->topic), p->partition,
                          (long long)p->offset, (long long)end, (long long)behind);
    return buf_printf(&g->out, "%s{", comma ? "," : "") && kafka_put_member(&g->out, "topic", p->topic, false) &&
           buf_printf(&g->out, ",\"partition\":%d,\"committed\":%lld,\"end\":%lld,\"behind\":%lld}", p->partition,
                      (long long)p->offset, (long long)end, (long long)behind);
}

static enum status show(struct kafka_command *g, struct error *err)
{
    struct cluster_group group;
    struct cluster_positions positions;
    struct arena *a = &g->k.c->arena;
    bool ok, comma = false;
    TRY(cluster_group(g->k.cluster, g->name, a, &group, err));
    TRY(cluster_positions(g->k.cluster, g->name, a, &positions, err));
    if (g->json)
        ok = buf_put_u8(&g->out, '{') && kafka_put_member(&g->out, "group", g->name, false) &&
             buf_printf(&g->out, ",\"state\":\"%s\",\"coordinator\":%d,", group.state, group.coordinator) &&
             kafka_put_member(&g->out, "assignor", group.assignor, false) && buf_printf(&g->out, ",\"members\":[");
    else
        ok = buf_printf(&g->out, "%s, coordinator %d%s%.*s\n", group.state, group.coordinator,
                        group.assignor.len ? ", " : "", STR_ARG(group.assignor));
    ok = ok && put_members(g, &group) && (!g->json || buf_printf(&g->out, "],\"positions\":["));
    for (uint32_t i = 0; ok && i < positions.count; i++) {
        const struct cluster_position *p = &positions.at[i];
        int64_t first, end;
        if (p->offset < 0)
            continue; /* nothing committed */
        TRY(cluster_bounds(g->k.cluster, p->topic, p->partition, &first, &end, err));
        ok = put_position(g, p, first, end, comma);
        comma = true;
    }
    ok = ok && (!g->json || buf_printf(&g->out, "]}\n"));
    return ok ? ST_OK : kafka_no_room(g, err);
}

static enum status reset(struct kafka_command *g, struct error *err)
{
    struct cluster_topic topic;
    struct kafka_place place;
    struct kafka_span *spans;
    const struct cli_args *args = &g->k.c->args;
    struct arena *a = &g->k.c->arena;
    uint32_t n = 0;
    if (!args_has(args, O_OFFSET))
        return error_set(err, ST_USAGE, "group reset: --offset is missing: where is the group to go on?");
    TRY(kafka_place(args_get(args, O_OFFSET), false, &place, err));
    TRY(cluster_topic(g->k.cluster, args->rest[2], a, &topic, err));
    TRY(kafka_spans(&g->k, &topic, args_number(args, O_PARTITION, -1), &place, &spans, err));
    struct cluster_position *to = ARENA_ARRAY(a, struct cluster_position, topic.n_partitions + 1);
    if (!to)
        return kafka_no_room(g, err);
    for (uint32_t p = 0; p < topic.n_partitions; p++)
        if (spans[p].taken)
            to[n++] = (struct cluster_position){ topic.name, (int32_t)p, spans[p].at };
    return cluster_reposition(g->k.cluster, g->name, &(struct cluster_positions){ to, n }, err);
}

static enum status removal(struct kafka_command *g, struct error *err)
{
    const struct cli_args *args = &g->k.c->args;
    struct cluster_group group;
    for (uint32_t i = 1; i < args->n_rest; i++) /* a slip in one name removes none */
        TRY(cluster_group(g->k.cluster, args->rest[i], &g->k.c->arena, &group, err));
    for (uint32_t i = 1; i < args->n_rest; i++)
        TRY(cluster_group_remove(g->k.cluster, args->rest[i], err));
    return ST_OK;
}

static const struct kafka_action actions[] = {
    { STR_INIT("ls"), 1, 1, "weir group ls", { O_FORM }, list },
    { STR_INIT("show"), 2, 2, "weir group show GROUP", { O_FORM }, show },
    { STR_INIT("reset"), 3, 3, "weir group reset GROUP TOPIC --offset WHERE [--partition N]", { O_OFFSET, O_PARTITION },
      reset },
    { STR_INIT("rm"), 2, UINT32_MAX, "weir group rm GROUP...", { O_HELP }, removal },
};

int cmd_group(struct cli *c) { return kafka_run(c, actions, sizeof actions / sizeof actions[0]); }
