/* Members of a consumer group on topic "plain": join, share the partitions, read from the group's offsets on, commit where they
 * stand. A member that does not know what became of a commit leaves and joins as another one: offsets then only go forward.
 *
 * In some seeds members have names (group.instance.id) and long sessions. Such a one is started anew now and then: it joins
 * under its name, to which the group need not begin anew, and the one before lives on for a commit, which must be refused. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#define GROUP STR("g")
enum { SESSION_MS = 60, NAMED_SESSION_MS = 30000 };

void member_init(struct world *w, struct member *m, uint32_t n)
{
    *m = (struct member){ .named = w->names, .instance = n };
}

static void anew(struct member *m)
{
    m->id[0] = '\0';
    m->step = MEMBER_JOIN;
    m->there = false;
}

void member_back(struct world *w, struct member *m)
{
    (void)w;
    line_drop(&m->line);
    anew(m);
}

static struct str id_of(const struct member *m) { return str_from(m->id); }

static struct str name_of(const struct member *m)
{
    return !m->named ? (struct str){ NULL, 0 } : m->instance ? STR("i-1") : STR("i-0");
}

static struct fact *note_member(struct world *w, const struct member *m, enum fact_kind kind)
{
    struct fact *e = note(w, kind);
    e->since = m->line.since;
    e->actor = m->actor;
    e->id = m->instance;
    e->c = w->life;
    return e;
}

/* ---- does the group have a reason to begin anew? ---- */

static void stir(struct world *w)
{
    int64_t from = now_ns(w) > w->stall_until_ns ? now_ns(w) : w->stall_until_ns;
    w->calm.generation = -1;
    w->calm.stirred_ns = from + ASTRAY_NS;
}

/* Another one is started under the name; this one may go on as a ghost. */
static void be_replaced(struct world *w, struct member *m)
{
    for (uint32_t i = 0; i < GHOSTS; i++) {
        struct member *g = &w->ghosts[i];
        if (g->there)
            continue;
        line_drop(&g->line);
        *g = *m;
        g->ghost = g->there = true;
        g->step = MEMBER_COMMIT;
        line_rest(w, &g->line, (int64_t)below(w, 30));
        m->line = (struct line){ 0 };
        break;
    }
    anew(m);
}

/* ---- what is asked ---- */

static void ask_join(struct world *w, struct member *m)
{
    struct kafka_join_group_request q;
    struct kafka_join_group_request_protocol p;
    KAFKA_INIT(join_group_request, &q);
    KAFKA_INIT(join_group_request_protocol, &p);
    p.name = STR("range");
    p.metadata = STR("m");
    bool known = w->calm.known >> m->instance & 1;
    m->calm = -1;
    if (m->named && !m->id[0]) {
        m->actor = w->next_actor++;
        m->calm = known ? w->calm.generation : -1;
        note_member(w, m, EV_JOIN_ASKED);
    }
    if (m->named && (m->id[0] || !known))
        stir(w);
    q.group_id = GROUP;
    q.group_instance_id = name_of(m);
    q.session_timeout_ms = m->named ? NAMED_SESSION_MS : SESSION_MS;
    q.rebalance_timeout_ms = SESSION_MS;
    q.member_id = id_of(m);
    q.protocol_type = STR("consumer");
    q.protocols = &p;
    q.n_protocols = 1;
    (void)line_ask(w, &m->line, KAFKA_JOIN_GROUP, 9, &q);
}

static void ask_sync(struct world *w, struct member *m)
{
    struct kafka_sync_group_request q;
    struct kafka_sync_group_request_assignment to[MEMBERS + 2];
    char text[MEMBERS + 2][2];
    KAFKA_INIT(sync_group_request, &q);
    for (uint32_t i = 0; m->leads && i < m->n_members; i++) {
        uint32_t mine = 0;
        for (uint32_t k = 0; k < 2; k++)
            mine |= k % m->n_members == i ? 1u << k : 0;
        text[i][0] = (char)('0' + mine);
        KAFKA_INIT(sync_group_request_assignment, &to[i]);
        to[i].member_id = str_from(m->members[i]);
        to[i].assignment = str_make(text[i], 1);
    }
    q.group_id = GROUP;
    q.group_instance_id = name_of(m);
    q.generation_id = m->generation;
    q.member_id = id_of(m);
    m->asked_ns = now_ns(w);
    q.protocol_type = STR("consumer");
    q.protocol_name = STR("range");
    q.assignments = to;
    q.n_assignments = m->leads ? m->n_members : 0;
    (void)line_ask(w, &m->line, KAFKA_SYNC_GROUP, 5, &q);
}

static void ask_offsets(struct world *w, struct member *m)
{
    struct kafka_offset_fetch_request q;
    struct kafka_offset_fetch_request_topic t;
    int32_t both[2] = { 0, 1 };
    KAFKA_INIT(offset_fetch_request, &q);
    KAFKA_INIT(offset_fetch_request_topic, &t);
    t.name = str_from(places[PLAIN_0].topic);
    t.partition_indexes = both;
    t.n_partition_indexes = 2;
    q.group_id = GROUP;
    q.topics = &t;
    q.n_topics = 1;
    q.require_stable = true;
    (void)line_ask(w, &m->line, KAFKA_OFFSET_FETCH, 7, &q);
}

static void ask_read(struct world *w, struct member *m)
{
    struct kafka_fetch_request q;
    struct kafka_fetch_request_topic t;
    struct kafka_fetch_request_partition p[2];
    uint32_t n = 0;
    KAFKA_INIT(fetch_request, &q);
    KAFKA_INIT(fetch_request_topic, &t);
    for (uint32_t k = 0; k < 2; k++) {
        if (!(m->mine & 1u << k))
            continue;
        KAFKA_INIT(fetch_request_partition, &p[n]);
        p[n].partition = (int32_t)k;
        p[n].fetch_offset = m->next[k];
        p[n++].partition_max_bytes = 1000;
    }
    t.topic = str_from(places[PLAIN_0].topic);
    t.partitions = p;
    t.n_partitions = n;
    q.topics = &t;
    q.n_topics = n > 0;
    q.max_bytes = 10000;
    q.max_wait_ms = 2;
    q.min_bytes = 1;
    (void)line_ask(w, &m->line, KAFKA_FETCH, 11, &q);
}

static void ask_commit(struct world *w, struct member *m)
{
    struct kafka_offset_commit_request q;
    struct kafka_offset_commit_request_topic t;
    struct kafka_offset_commit_request_partition p[2];
    uint32_t n = 0;
    KAFKA_INIT(offset_commit_request, &q);
    KAFKA_INIT(offset_commit_request_topic, &t);
    for (uint32_t k = 0; k < 2; k++) {
        if (!(m->mine & 1u << k))
            continue;
        KAFKA_INIT(offset_commit_request_partition, &p[n]);
        p[n].partition_index = (int32_t)k;
        p[n].committed_metadata = STR("");
        p[n++].committed_offset = m->next[k];
        struct fact *e = note(w, EV_OFFSET_ASKED);
        e->partition = (uint16_t)k;
        e->a = m->next[k];
    }
    t.name = str_from(places[PLAIN_0].topic);
    t.partitions = p;
    t.n_partitions = n;
    q.topics = &t;
    q.n_topics = 1;
    q.group_id = GROUP;
    q.generation_id_or_member_epoch = m->generation;
    q.group_instance_id = name_of(m);
    q.member_id = id_of(m);
    (void)line_ask(w, &m->line, KAFKA_OFFSET_COMMIT, 8, &q);
}

static void ask_beat(struct world *w, struct member *m)
{
    struct kafka_heartbeat_request q;
    KAFKA_INIT(heartbeat_request, &q);
    q.group_id = GROUP;
    q.group_instance_id = name_of(m);
    q.generation_id = m->generation;
    q.member_id = id_of(m);
    (void)line_ask(w, &m->line, KAFKA_HEARTBEAT, 4, &q);
}

static void ask_leave(struct world *w, struct member *m)
{
    struct kafka_leave_group_request q;
    struct kafka_leave_group_request_member one;
    KAFKA_INIT(leave_group_request, &q);
    KAFKA_INIT(leave_group_request_member, &one);
    one.member_id = id_of(m);
    one.group_instance_id = name_of(m);
    if (m->named) {
        stir(w);
        w->calm.known &= ~(1u << m->instance);
    }
    q.group_id = GROUP;
    q.members = &one;
    q.n_members = 1;
    (void)line_ask(w, &m->line, KAFKA_LEAVE_GROUP, 4, &q);
}

/* ---- what is answered ---- */

static void keep(char to[80], struct str id) { snprintf(to, 80, "%.*s", (int)(id.len < 79 ? id.len : 79), id.ptr); }

static int16_t joined(struct world *w, struct member *m, const struct kafka_join_group_response *a)
{
    if (a->error_code == KAFKA_E_MEMBER_ID_REQUIRED) {
        keep(m->id, a->member_id);
        return 0;
    }
    if (a->error_code)
        return a->error_code;
    keep(m->id, a->member_id);
    m->generation = a->generation_id;
    m->leads = str_eq(a->leader, a->member_id) && !a->skip_assignment;
    if (m->named) {
        struct fact *e = note_member(w, m, EV_JOINED);
        e->a = a->generation_id;
        e->b = m->calm >= 0 && m->calm == w->calm.generation ? m->calm : -1;
    }
    m->n_members = 0;
    for (uint32_t i = 0; i < a->n_members && m->n_members < MEMBERS + 2; i++)
        keep(m->members[m->n_members++], a->members[i].member_id);
    m->step = MEMBER_SYNC;
    return 0;
}

static int16_t told(struct world *w, struct member *m, const struct kafka_offset_fetch_response *a)
{
    if (a->error_code)
        return a->error_code;
    for (uint32_t i = 0; a->n_topics && i < a->topics[0].n_partitions; i++) {
        const struct kafka_offset_fetch_response_partition *p = &a->topics[0].partitions[i];
        if (p->error_code)
            return p->error_code;
        struct fact *e = note(w, EV_OFFSET_TOLD);
        e->partition = (uint16_t)p->partition_index;
        e->since = m->line.since;
        e->a = p->committed_offset;
        m->next[p->partition_index & 1] = p->committed_offset < 0 ? 0 : p->committed_offset;
    }
    m->step = MEMBER_READ;
    return 0;
}

static int16_t got(struct world *w, struct member *m, const struct kafka_fetch_response *a)
{
    for (uint32_t i = 0; a->n_responses && i < a->responses[0].n_partitions; i++) {
        const struct kafka_fetch_response_partition *p = &a->responses[0].partitions[i];
        int64_t *next = &m->next[p->partition_index & 1];
        struct str rest = p->records.bytes;
        struct record_batch b;
        if (p->error_code == KAFKA_E_OFFSET_OUT_OF_RANGE && *next < p->log_start_offset)
            *next = p->log_start_offset;
        while (rest.len > 0 && record_batch_next(&rest, &b, NULL) == ST_OK)
            *next = record_batch_last_offset(&b) + 1;
    }
    if (m->named && !w->quiet && chance(w, 15))
        be_replaced(w, m);
    else
        m->step = chance(w, 3) ? MEMBER_BEAT : chance(w, 2) ? MEMBER_COMMIT : chance(w, 40) ? MEMBER_LEAVE : MEMBER_READ;
    return 0;
}

static int16_t committed(struct world *w, struct member *m, const struct kafka_offset_commit_response *a)
{
    int16_t kafka = 0;
    for (uint32_t i = 0; a->n_topics && i < a->topics[0].n_partitions; i++) {
        const struct kafka_offset_commit_response_partition *p = &a->topics[0].partitions[i];
        kafka = p->error_code ? p->error_code : kafka;
        if (p->error_code)
            continue;
        struct fact *e = note(w, EV_OFFSET_ACKED);
        e->partition = (uint16_t)p->partition_index;
        e->a = m->next[p->partition_index & 1];
    }
    if (m->named && !kafka)
        note_member(w, m, EV_SERVED);
    m->step = MEMBER_READ;
    return kafka;
}

static void refused(struct world *w, struct member *m, int16_t kafka)
{
    line_rest(w, &m->line, 1);
    if (kafka == KAFKA_E_FENCED_INSTANCE_ID)
        note_member(w, m, EV_FENCED);
    switch (kafka) {
    case KAFKA_E_REBALANCE_IN_PROGRESS: m->step = MEMBER_JOIN; break;
    case KAFKA_E_COORDINATOR_LOAD_IN_PROGRESS:
    case KAFKA_E_COORDINATOR_NOT_AVAILABLE:
    case KAFKA_E_NOT_COORDINATOR:
    case KAFKA_E_UNSTABLE_OFFSET_COMMIT:
        if (m->step != MEMBER_COMMIT && m->step != MEMBER_READ)
            break; /* once more */
        anew(m); /* a commit whose fate nobody tells */
        break;
    default: anew(m);
    }
}

static void answered(struct world *w, struct member *m, const struct client_reply *r)
{
    union {
        struct kafka_join_group_response join;
        struct kafka_sync_group_response sync;
        struct kafka_offset_fetch_response offsets;
        struct kafka_fetch_response read;
        struct kafka_offset_commit_response commit;
        struct kafka_heartbeat_response beat;
        struct kafka_leave_group_response leave;
    } a;
    int16_t kafka = 0;
    if (client_decode(r, &w->arena, &a, NULL) != ST_OK) {
        give_up(w, EV_REFUSED, "an answer to a group's member cannot be decoded");
        return;
    }
    switch (m->step) {
    case MEMBER_JOIN: kafka = joined(w, m, &a.join); break;
    case MEMBER_SYNC:
        kafka = a.sync.error_code;
        m->mine = kafka || a.sync.assignment.len != 1 ? 0 : (uint32_t)(a.sync.assignment.ptr[0] - '0');
        m->step = kafka ? m->step : MEMBER_OFFSETS;
        if (m->named && !kafka && m->asked_ns > w->calm.stirred_ns && m->asked_ns > w->astray_ns)
            w->calm.generation = m->generation;
        if (m->named && !kafka) {
            note_member(w, m, EV_SERVED)->a = 1;
            w->calm.known |= 1u << m->instance; /* now it is written down */
        }
        break;
    case MEMBER_OFFSETS: kafka = told(w, m, &a.offsets); break;
    case MEMBER_READ: kafka = got(w, m, &a.read); break;
    case MEMBER_COMMIT: kafka = committed(w, m, &a.commit); break;
    case MEMBER_BEAT:
        kafka = a.beat.error_code;
        m->step = kafka ? m->step : MEMBER_READ;
        break;
    case MEMBER_LEAVE: anew(m); break;
    }
    if (kafka)
        refused(w, m, kafka);
    m->there = false; /* a ghost has had its answer */
}

static void ask(struct world *w, struct member *m)
{
    if (m->ghost && m->mine == 0)
        m->step = MEMBER_BEAT;
    else if ((m->step == MEMBER_READ || m->step == MEMBER_COMMIT) && m->mine == 0)
        m->step = MEMBER_BEAT;
    switch (m->step) {
    case MEMBER_JOIN: ask_join(w, m); break;
    case MEMBER_SYNC: ask_sync(w, m); break;
    case MEMBER_OFFSETS: ask_offsets(w, m); break;
    case MEMBER_READ: ask_read(w, m); break;
    case MEMBER_COMMIT: ask_commit(w, m); break;
    case MEMBER_BEAT:
        line_rest(w, &m->line, 2);
        ask_beat(w, m);
        break;
    case MEMBER_LEAVE: ask_leave(w, m); break;
    }
}

void member_step(struct world *w, struct member *m)
{
    struct client_reply r;
    if (m->ghost && !m->there)
        return;
    switch (line_hear(w, &m->line, &r)) {
    case HEARD_ANSWER: answered(w, m, &r); break;
    case HEARD_BROKEN:
        if (m->step == MEMBER_COMMIT || m->ghost)
            anew(m);
        break;
    case HEARD_NOTHING: break;
    }
    if (m->ghost && !m->there) {
        line_drop(&m->line);
        return;
    }
    if (line_ready(w, &m->line))
        ask(w, m);
}
