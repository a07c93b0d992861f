/* Groups and offsets from the records of __consumer_offsets.
 *
 * A key's version says what the record is: 0 and 1 an offset, 2 a group; others belong to kinds of groups that are not
 * ours and are passed over. A group's record replaces all that is known of it but its offsets; a group with members is
 * stable, one without is empty. An offset makes its group when there is none. Each record is taken whole or refused
 * whole. */
#include "coord/private.h"

struct replay {
    struct coord_groups *g;
    const struct coord_replayed *r;
    struct arena *a;
    struct error *err;
};

static enum status damaged(const struct replay *p, const char *what, enum status st)
{
    error_prefix(p->err, "%s of %s, offset %lld: ", what, COORD_OFFSETS_TOPIC, (long long)p->r->offset);
    if (p->err)
        p->err->offset = p->r->offset;
    if (st == ST_DATA && p->err)
        p->err->status = ST_CORRUPT;
    return st == ST_DATA ? ST_CORRUPT : st;
}

/* ---- offsets ---- */

static enum status no_memory(const struct replay *p)
{
    return budget_error(p->g->budget, 0, p->err);
}

static enum status put_offset(const struct replay *p, struct group *grp, const struct kafka_offset_commit_key *key,
                              const struct offset_value *from)
{
    struct coord_groups *g = p->g;
    struct offset_value v = *from;
    struct offset_topic *t;
    if (!own_str(g->budget, from->metadata, &v.metadata))
        return no_memory(p);
    struct offset_entry *e = offsets_make(g, &grp->offsets, key->topic, key->partition, &t);
    if (!e)
        goto refused;
    if (p->r->producer_id < 0) {
        offsets_set(g, e, &v);
        return ST_OK;
    }
    struct open_txn *x = offsets_txn(g, grp, p->r->producer_id);
    struct offset_wait *w = x ? mem_calloc(g->budget, sizeof *w) : NULL;
    if (!w) {
        if (x)
            offsets_txn_trim(g, x);
        offsets_trim(g, &grp->offsets, key->topic, key->partition);
        goto refused;
    }
    offsets_wait(g, x, t, e, w, &v);
    return ST_OK;
refused:
    own_drop(g->budget, &v.metadata);
    return no_memory(p);
}

static enum status replay_offset(const struct replay *p)
{
    struct kafka_offset_commit_key key;
    struct kafka_offset_commit_value value;
    int16_t version;
    enum status st = wire_decode_stored(&kafka_offset_commit_key, p->r->key, p->a, &key, &version, p->err);
    if (st != ST_OK)
        return damaged(p, "the key of an offset", st);
    struct group *grp = group_find(p->g, key.group);
    if (!p->r->value.ptr) {
        if (grp)
            offsets_forget(p->g, grp, key.topic, key.partition);
        return ST_OK;
    }
    st = wire_decode_stored(&kafka_offset_commit_value, p->r->value, p->a, &value, &version, p->err);
    if (st != ST_OK)
        return damaged(p, "an offset", st);
    bool made = !grp;
    if (made)
        TRY(group_new(p->g, key.group, value.commit_timestamp, &grp, p->err));
    struct offset_value v = {
        .offset = value.offset,
        .commit_ms = value.commit_timestamp,
        .expire_ms = value.expire_timestamp,
        .order = p->r->offset,
        .leader_epoch = value.leader_epoch,
        .topic_id = value.topic_id,
        .metadata = value.metadata.ptr ? value.metadata : STR(""),
    };
    st = put_offset(p, grp, &key, &v);
    if (st != ST_OK && made)
        group_free(p->g, grp);
    return st;
}

/* ---- groups ---- */

static struct group_member *make_member(struct coord_groups *g, const struct kafka_group_metadata_value *value,
                                        const struct kafka_group_metadata_value_member *from)
{
    struct group_member *m =
        group_member_new(g, from->member_id, from->group_instance_id, from->client_id, from->client_host);
    struct group_protocol protocol = { value->protocol, from->subscription };
    if (!m || !group_protocols_make(g, &protocol, 1, &m->protocols) ||
        !own_str(g->budget, from->assignment, &m->assignment)) {
        group_member_free(g, m);
        return NULL;
    }
    m->session_ms = from->session_timeout;
    m->rebalance_ms = from->rebalance_timeout < 0 ? from->session_timeout : from->rebalance_timeout;
    return m;
}

/* Members that the group can take: with a protocol, no id and no instance twice. */
static bool members_fit(const struct kafka_group_metadata_value *v, struct arena *a)
{
    if (v->n_members && (!v->protocol.ptr || v->protocol_type.len == 0))
        return false;
    struct map ids, instances;
    map_init(&ids, a, false);
    map_init(&instances, a, false);
    for (uint32_t i = 0; i < v->n_members; i++) {
        struct kafka_group_metadata_value_member *m = &v->members[i];
        if (map_get(&ids, m->member_id) || (m->group_instance_id.ptr && map_get(&instances, m->group_instance_id)))
            return false;
        if (!map_put(&ids, m->member_id, m) ||
            (m->group_instance_id.ptr && !map_put(&instances, m->group_instance_id, m)))
            return false;
    }
    return true;
}

static void clear_members(struct coord_groups *g, struct group *grp)
{
    for (uint32_t i = 0; i < grp->n_members; i++)
        group_member_free(g, grp->members[i]);
    mem_free(g->budget, grp->members, sizeof *grp->members * grp->cap_members);
    grp->members = NULL;
    grp->n_members = grp->cap_members = 0;
    grp->leader = NULL;
}

static enum status fill_group(const struct replay *p, struct group *grp, const struct kafka_group_metadata_value *v)
{
    struct coord_groups *g = p->g;
    struct str type = { 0 };
    struct group_member **members = NULL;
    uint32_t n = 0;
    bool good = buf_reserve(&grp->protocol, v->protocol.len) &&
                own_str(g->budget, v->protocol_type.len ? v->protocol_type : (struct str){ 0 }, &type);
    if (good && v->n_members)
        good = (members = mem_calloc(g->budget, sizeof *members * v->n_members)) != NULL;
    for (; good && n < v->n_members; n += good)
        good = (members[n] = make_member(g, v, &v->members[n])) != NULL;
    if (!good) {
        for (uint32_t i = 0; i < n; i++)
            group_member_free(g, members[i]);
        mem_free(g->budget, members, sizeof *members * v->n_members);
        own_drop(g->budget, &type);
        return no_memory(p);
    }
    clear_members(g, grp);
    own_drop(g->budget, &grp->protocol_type);
    grp->protocol_type = type;
    grp->members = members;
    grp->n_members = grp->cap_members = v->n_members;
    grp->has_protocol = v->protocol.ptr;
    buf_clear(&grp->protocol);
    if (v->protocol.len && !buf_put(&grp->protocol, v->protocol.ptr, v->protocol.len))
        g->broken = true;
    grp->generation = v->generation;
    grp->state = grp->before = v->n_members ? GROUP_STABLE : GROUP_EMPTY;
    grp->state_ms = v->current_state_timestamp;
    if (n)
        grp->leader = v->leader.ptr && group_member(grp, v->leader) ? group_member(grp, v->leader) : members[0];
    return group_done(g, p->err);
}

static enum status replay_group(const struct replay *p)
{
    struct kafka_group_metadata_key key;
    struct kafka_group_metadata_value value;
    int16_t version;
    enum status st = wire_decode_stored(&kafka_group_metadata_key, p->r->key, p->a, &key, &version, p->err);
    if (st != ST_OK)
        return damaged(p, "the key of a group", st);
    struct group *grp = group_find(p->g, key.group);
    if (!p->r->value.ptr) {
        if (grp)
            group_free(p->g, grp);
        return ST_OK;
    }
    st = wire_decode_stored(&kafka_group_metadata_value, p->r->value, p->a, &value, &version, p->err);
    if (st == ST_OK && !members_fit(&value, p->a))
        st = error_set(p->err, ST_DATA, "its members do not make a group");
    if (st != ST_OK)
        return damaged(p, "a group", st);
    bool made = !grp;
    if (made)
        TRY(group_new(p->g, key.group, value.current_state_timestamp, &grp, p->err));
    st = fill_group(p, grp, &value);
    if (st != ST_OK && made)
        group_free(p->g, grp);
    return st;
}

enum status coord_groups_replay(struct coord_groups *g, const struct coord_replayed *r, struct error *err)
{
    struct arena a;
    arena_init(&a, g->budget);
    struct replay p = { g, r, &a, err };
    enum status st;
    if (r->offset >= g->order && r->offset < INT64_MAX / 2)
        g->order = r->offset + 1;
    if (r->key.len < 2)
        st = damaged(&p, "a record", error_set(err, ST_DATA, "it has no key"));
    else
        switch ((uint8_t)r->key.ptr[0] << 8 | (uint8_t)r->key.ptr[1]) {
        case 0:
        case 1:
            st = replay_offset(&p);
            break;
        case 2:
            st = replay_group(&p);
            break;
        default:
            st = ST_OK; /* of another kind */
        }
    arena_release(&a);
    return st;
}
