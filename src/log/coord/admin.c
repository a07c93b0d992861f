/* DescribeGroups and ListGroups. */
#include "coord/private.h"

static bool describe_member(const struct group *grp, const struct group_member *m, struct arena *a,
                            struct kafka_describe_groups_response_member *to)
{
    struct str metadata = grp->state == GROUP_STABLE ? group_metadata(m, group_protocol_name(grp)) : STR("");
    const struct str from[] = { m->id, m->instance_id, m->client_id, m->client_host, metadata, m->assignment };
    struct str *into[] = { &to->member_id,   &to->group_instance_id, &to->client_id,
                           &to->client_host, &to->member_metadata,   &to->member_assignment };
    for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
        *into[i] = step_str(a, from[i].ptr || i == 1 ? from[i] : STR(""));
        if (!into[i]->ptr && i != 1)
            return false;
    }
    return !to->group_instance_id.ptr == !m->instance_id.ptr;
}

enum status coord_groups_describe(const struct coord_groups *g, struct str group_id, int16_t version, struct arena *a,
                                  struct kafka_describe_groups_response_group *ret, struct error *err)
{
    struct kafka_describe_groups_response_group r;
    KAFKA_INIT(describe_groups_response_group, &r);
    const struct group *grp = group_find(g, group_id);
    r.group_id = arena_str(a, group_id);
    if (!r.group_id.ptr)
        return step_refused(a, err);
    if (!grp) {
        r.group_state = STR("Dead");
        if (version >= 6) {
            r.error_code = KAFKA_E_GROUP_ID_NOT_FOUND;
            r.error_message = arena_printf(a, "Group %.*s not found.", STR_ARG(group_id));
            if (!r.error_message.ptr)
                return step_refused(a, err);
        }
        *ret = r;
        return ST_OK;
    }
    r.group_state = group_state_names[grp->state];
    r.protocol_type = step_str(a, grp->protocol_type.ptr ? grp->protocol_type : STR(""));
    r.protocol_data = step_str(a, grp->state == GROUP_STABLE ? group_protocol_name(grp) : STR(""));
    r.members = KAFKA_NEW(a, describe_groups_response_member, grp->n_members);
    if (!r.protocol_type.ptr || !r.protocol_data.ptr || !r.members)
        return step_refused(a, err);
    r.n_members = grp->n_members;
    for (uint32_t i = 0; i < grp->n_members; i++)
        if (!describe_member(grp, grp->members[i], a, &r.members[i]))
            return step_refused(a, err);
    *ret = r;
    return ST_OK;
}

static bool wanted(const struct kafka_list_groups_request *rq, struct str state)
{
    bool type = rq->n_types_filter == 0, in_state = rq->n_states_filter == 0;
    for (uint32_t i = 0; i < rq->n_types_filter; i++)
        type |= str_eq_nocase(rq->types_filter[i], STR("classic"));
    for (uint32_t i = 0; i < rq->n_states_filter; i++)
        in_state |= str_eq_nocase(str_trim(rq->states_filter[i]), state);
    return type && in_state;
}

enum status coord_groups_list(const struct coord_groups *g, const struct kafka_list_groups_request *rq,
                              struct arena *a, struct kafka_list_groups_response *ret, struct error *err)
{
    struct kafka_list_groups_response_group *to =
        KAFKA_NEW(a, list_groups_response_group, (size_t)ret->n_groups + g->by_id.live);
    if (!to)
        return step_refused(a, err);
    uint32_t n = ret->n_groups;
    if (n)
        memcpy(to, ret->groups, sizeof *to * n);
    for (struct map_entry *e = map_next(&g->by_id, NULL); e; e = map_next(&g->by_id, e)) {
        const struct group *grp = e->value;
        if (!wanted(rq, group_state_names[grp->state]))
            continue;
        to[n].group_id = arena_str(a, grp->id);
        to[n].protocol_type = step_str(a, grp->protocol_type.ptr ? grp->protocol_type : STR(""));
        if (!to[n].group_id.ptr || !to[n].protocol_type.ptr)
            return step_refused(a, err);
        to[n].group_state = group_state_names[grp->state];
        to[n].group_type = STR("classic");
        n++;
    }
    ret->groups = to;
    ret->n_groups = n;
    return ST_OK;
}
