/* Any bytes as records of the internal topics, raw, or with a key that fits, or well made but for what they say.
 *
 * Must hold: no crash, no memory beyond the budget or left; a record is taken or refused with a reason, and one that is
 * refused has changed nothing; what was loaded can be asked, ticked to its end and unloaded; prepared transactions are
 * ended. */
#include "coord/coord.h"

#define BUDGET ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at, *end;
    struct arena *a;
};

static uint8_t byte(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static int64_t number(struct input *in)
{
    static const int64_t odd[] = { -1, 0, 1, 1000, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN };
    uint8_t b = byte(in);
    return b < 8 ? odd[b] : b * 1000;
}

static struct str bytes(struct input *in, size_t most)
{
    size_t n = byte(in) % most, left = (size_t)(in->end - in->at);
    struct str s = { (const char *)in->at, n < left ? n : left };
    in->at += s.len;
    return s.len ? s : STR("");
}

static struct str name(struct input *in)
{
    static const char *const names[] = { "", "a", "group", "consumer", "range" };
    uint8_t b = byte(in) % 6;
    return b < 5 ? str_from(names[b]) : bytes(in, 20);
}

/* A struct in its stored form. */
static struct str stored(struct input *in, const struct wire_message *m, int16_t version, const void *message)
{
    struct buf out;
    struct str s = STR("");
    buf_init(&out, in->a->budget, BUDGET);
    if (wire_encode_stored(m, version, message, &out, NULL) == ST_OK)
        s = arena_str(in->a, buf_str(&out));
    buf_release(&out);
    return s.ptr ? s : STR("");
}

static struct str group_value(struct input *in)
{
    struct kafka_group_metadata_value v;
    KAFKA_INIT(group_metadata_value, &v);
    uint32_t n = byte(in) % 5;
    v.members = KAFKA_NEW(in->a, group_metadata_value_member, n);
    if (!v.members)
        return STR("");
    v.n_members = n;
    v.protocol_type = name(in);
    v.generation = (int32_t)number(in);
    v.protocol = byte(in) & 1 ? name(in) : (struct str){ 0 };
    v.leader = byte(in) & 1 ? name(in) : (struct str){ 0 };
    v.current_state_timestamp = number(in);
    for (uint32_t i = 0; i < n; i++) {
        v.members[i].member_id = name(in);
        v.members[i].group_instance_id = byte(in) & 1 ? name(in) : (struct str){ 0 };
        v.members[i].client_id = name(in);
        v.members[i].client_host = name(in);
        v.members[i].rebalance_timeout = (int32_t)number(in);
        v.members[i].session_timeout = (int32_t)number(in);
        v.members[i].subscription = bytes(in, 40);
        v.members[i].assignment = name(in);
    }
    return stored(in, &kafka_group_metadata_value, byte(in) % 5, &v);
}

static struct str offset_value(struct input *in)
{
    struct kafka_offset_commit_value v;
    KAFKA_INIT(offset_commit_value, &v);
    v.offset = number(in);
    v.metadata = name(in);
    v.commit_timestamp = number(in);
    v.expire_timestamp = number(in);
    return stored(in, &kafka_offset_commit_value, byte(in) % 5, &v);
}

static struct str txn_value(struct input *in)
{
    struct kafka_transaction_log_value v;
    KAFKA_INIT(transaction_log_value, &v);
    int32_t partitions[] = { 3, 1, 3 };
    struct kafka_transaction_log_value_topic topics[2] = { { name(in), partitions, 3 }, { name(in), partitions, 1 } };
    v.producer_id = number(in);
    v.previous_producer_id = number(in);
    v.next_producer_id = number(in);
    v.producer_epoch = (int16_t)number(in);
    v.transaction_timeout_ms = (int32_t)number(in);
    v.transaction_status = (int8_t)(byte(in) % 10 - 1);
    v.transaction_partitions = topics;
    v.n_transaction_partitions = byte(in) % 3;
    v.transaction_last_update_timestamp_ms = number(in);
    v.transaction_start_timestamp_ms = number(in);
    v.client_transaction_version = byte(in) % 4;
    return stored(in, &kafka_transaction_log_value, byte(in) % 2, &v);
}

/* The next record; *ret_txn: it belongs to __transaction_state. */
static struct coord_replayed record(struct input *in, bool *ret_txn)
{
    uint8_t what = byte(in);
    struct coord_replayed r = { .offset = number(in), .producer_id = byte(in) % 4 - 1 };
    struct kafka_offset_commit_key offset = { STR("group"), STR("a"), 0 };
    struct kafka_group_metadata_key group = { STR("group") };
    struct kafka_transaction_log_key txn = { STR("x") };
    *ret_txn = (what >> 3) % 3 == 2;
    switch ((what >> 3) % 3) {
    case 0:
        offset.group = name(in);
        offset.topic = name(in);
        offset.partition = (int32_t)number(in);
        r.key = stored(in, &kafka_offset_commit_key, what >> 6 & 1, &offset);
        break;
    case 1:
        group.group = name(in);
        r.key = stored(in, &kafka_group_metadata_key, 2, &group);
        break;
    default:
        txn.transactional_id = name(in);
        r.key = stored(in, &kafka_transaction_log_key, 0, &txn);
    }
    if ((what & 7) == 0)
        r.key = bytes(in, 40);
    if ((what & 7) < 2)
        r.value = bytes(in, 200);
    else if ((what & 7) > 2)
        r.value = *ret_txn ? txn_value(in) : (what >> 3) % 3 ? group_value(in) : offset_value(in);
    return r;
}

static uint32_t count(const struct coord_groups *g, struct arena *a, struct kafka_list_groups_response *ret)
{
    struct kafka_list_groups_request rq = { 0 };
    KAFKA_INIT(list_groups_response, ret);
    CHECK(coord_groups_list(g, &rq, a, ret, NULL) == ST_OK);
    return ret->n_groups;
}

static void use_groups(struct coord_groups *g, struct arena *a)
{
    struct coord_step step;
    struct kafka_list_groups_response list;
    coord_step_init(&step, a);
    CHECK(coord_groups_loaded(g, 1000000, &step, NULL) == ST_OK);
    uint32_t n = count(g, a, &list);
    for (uint32_t i = 0; i < n; i++) {
        struct kafka_describe_groups_response_group d;
        struct kafka_offset_fetch_response_group f;
        struct kafka_offset_fetch_request_group rq = { .group_id = list.groups[i].group_id };
        CHECK(coord_groups_describe(g, list.groups[i].group_id, 6, a, &d, NULL) == ST_OK);
        CHECK(coord_groups_fetch(g, &rq, true, a, &f, NULL) == ST_OK);
    }
    int64_t now = 1000000;
    for (int i = 0; i < 1000 && coord_groups_deadline(g) < INT64_MAX; i++) {
        if (coord_groups_deadline(g) > now)
            now = coord_groups_deadline(g);
        CHECK(coord_groups_tick(g, now, &step, NULL) == ST_OK);
    }
    CHECK(step.replies.count == 0); /* nobody asked */
    CHECK(coord_groups_unload(g, 16, &step, NULL) == ST_OK);
}

static void use_txns(struct coord_txns *t, struct arena *a)
{
    struct coord_step step;
    struct kafka_list_transactions_request rq = { .duration_filter = -1 };
    struct kafka_list_transactions_response list;
    coord_step_init(&step, a);
    coord_txns_loaded(t, 1000000);
    for (int i = 0; i < 100 && coord_txns_deadline(t) <= 1000000; i++)
        CHECK(coord_txns_tick(t, 1000000, &step, NULL) == ST_OK);
    KAFKA_INIT(list_transactions_response, &list);
    CHECK(coord_txns_list(t, &rq, 1000000, a, &list, NULL) == ST_OK);
    for (uint32_t i = 0; i < list.n_transaction_states; i++) {
        struct kafka_describe_transactions_response_transaction d;
        CHECK(coord_txns_describe(t, list.transaction_states[i].transactional_id, a, &d, NULL) == ST_OK);
        CHECK(!str_starts(list.transaction_states[i].transaction_state, STR("Prepare")));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 16384)
        return 0;
    struct budget budget;
    struct arena a;
    budget_init(&budget, "fuzz", BUDGET, NULL);
    arena_init(&a, &budget);
    struct input in = { data, data + size, &a };
    struct coord_groups *g;
    struct coord_txns *t;
    struct coord_ids ids = { 0, INT64_MAX };
    CHECK(coord_groups_new(&coord_groups_defaults, &budget, &g, NULL) == ST_OK);
    CHECK(coord_txns_new(&coord_txns_defaults, &ids, &budget, &t, NULL) == ST_OK);
    while (in.at < in.end) {
        bool txn;
        if (byte(&in) % 8 == 0) {
            coord_groups_end_txn(g, byte(&in) % 4 - 1, byte(&in) & 1);
            continue;
        }
        struct coord_replayed r = record(&in, &txn);
        struct kafka_list_groups_response list;
        uint32_t before = size < 1024 ? count(g, &a, &list) : 0;
        size_t used = atomic_load(&budget.used);
        struct error err;
        error_clear(&err);
        enum status st = txn ? coord_txns_replay(t, &r, &err) : coord_groups_replay(g, &r, &err);
        CHECK(st == ST_OK || st == ST_CORRUPT || st == ST_UNSUPPORTED || st == ST_MEMORY);
        if (st != ST_OK) {
            CHECK(err.status == st && err.message[0] && err.offset == r.offset);
            CHECK(st == ST_MEMORY || atomic_load(&budget.used) == used);
            CHECK(size >= 1024 || count(g, &a, &list) == before);
        }
    }
    use_groups(g, &a);
    use_txns(t, &a);
    coord_groups_free(g);
    coord_txns_free(t);
    arena_release(&a);
    CHECK(atomic_load(&budget.used) == 0);
    return 0;
}
