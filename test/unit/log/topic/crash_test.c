/* The node under power loss and failed calls at every call of the disk, in every mood.
 *
 * A script of appends (idempotent, several under way), transactions, commands, trims, snapshots and clean stops runs until the
 * machine goes; then it goes on behind what it was at, on what the disk has kept. Producers do as clients do: what was not
 * answered is sent again. The model outside knows of each partition the list of what was sent, and how much of it was
 * acknowledged. What must hold after each opening: what was acknowledged is there, in order and once; of what was in doubt a
 * beginning; what read_committed gives follows from what is there; the stable offset has not gone back; a batch sent again
 * gets the offset of the first one; topics are there or not, as acknowledged; no log is left without a topic. */
#include "kit.h"

enum { ENTRIES = 400, OPS = 60, PIPE = 3, STEPS_MAX = 10000, TRIES_MAX = 100 };

struct entry {
    char kind; /* 'd' of a producer, 't' of a transaction, '+' and '-' its end */
    uint32_t tag;
    int32_t sequence;
};
/* What was sent to a partition; offsets are places in the list. */
struct sent {
    struct entry at[ENTRIES];
    uint32_t n, acked;
    int64_t start, start_tried, stable;
};
enum there { NO, YES, DOUBT };
struct model {
    struct kit k;
    struct sent plain, txns;         /* a/0 and a/1 */
    enum there a, b;                 /* topics */
    uint32_t a_parts, a_parts_tried; /* of a */
    int64_t retention, retention_tried;
    uint32_t b_acked, b_sent;
    uint32_t tags, op;
    uint64_t dice;
    bool open; /* a transaction: its newest entry is a 't' */
    uint32_t crashes;
};

static uint32_t roll(struct model *m, uint32_t n)
{
    m->dice = m->dice * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(m->dice >> 33) % n;
}

/* ---- calls that may end the machine: false: it has gone ---- */

static bool steps(struct model *m)
{
    bool more = true;
    for (uint32_t n = 0; more; n++) {
        if (n == STEPS_MAX) /* the simulated disk keeps what is not synced: an endless writer would take all memory */
            fail_msg("the writer does not come to rest");
        if (topics_step(m->k.topics, &more, &m->k.err) != ST_OK)
            return false;
    }
    return !sim_crashed(m->k.sim); /* a write that fails fails its group only */
}

/* *ret_done false: no answer. */
static bool command(struct model *m, struct topic_admin *a, bool *ret_done)
{
    *ret_done = false;
    a->done = kit_admin_done;
    a->user = ret_done;
    topics_admin(m->k.topics, a);
    bool alive = steps(m);
    if (!alive)
        *ret_done = false; /* an error, or an answer nobody got */
    return alive;
}

static enum status send_entry(struct model *m, struct topic_partition *p, const struct entry *e, struct topic_append *a,
                              uint32_t *done)
{
    char text[16];
    bool pending;
    snprintf(text, sizeof text, "%c%u", e->kind, e->tag);
    struct kit_batch b = { .value = text, .producer = { e->kind == 't' ? 9 : 8, 0, e->sequence, e->kind == 't' } };
    struct shared *s = kit_bytes(&b);
    *a = (struct topic_append){ .partition = p, .bytes = s, .len = s->len, .version = 9, .acks = -1,
                                .done = kit_append_done, .user = done, .may_begin = e->kind == 't' };
    a->guard = topic_txn_guard(p, 9);
    enum status st = topic_append(a, m->k.it, KIT_NOW, &pending, &m->k.err);
    shared_unref(s);
    *done += st == ST_OK && !pending;
    return st;
}

struct end {
    enum status st;
    bool done;
};
static void ended(void *arg, struct topic_group *g, enum status st, const struct error *err)
{
    struct end *e = arg;
    (void)err;
    e->st = st;
    e->done = true;
    topic_group_free(g);
}

static bool send_end(struct model *m, struct topic_partition *p, bool commit, bool *ret_ok)
{
    struct end e = { 0 };
    int16_t kafka;
    *ret_ok = false;
    struct topic_group *g = topic_group_new(m->k.topics, NULL);
    must(topic_group_marker(g, p, 9, 0, (struct record_marker){ commit, 0 }, KIT_NOW, &m->k.err), &m->k.err);
    if (topic_group_submit(g, ended, &e, &kafka, &m->k.err) != ST_OK) {
        topic_group_free(g);
        return steps(m);
    }
    bool alive = steps(m);
    *ret_ok = e.done && e.st == ST_OK;
    return alive;
}

/* Sends what is not acknowledged, the first ones at once, again and again until it is. */
static bool deliver(struct model *m, struct sent *s, struct topic_partition *p)
{
    for (uint32_t tries = 0; s->acked < s->n; tries++) {
        struct entry *e = &s->at[s->acked];
        if (tries > ENTRIES)
            fail_msg("%c%u is never taken", e->kind, e->tag);
        bool ok;
        if (e->kind == '+' || e->kind == '-') {
            bool alive = send_end(m, p, e->kind == '+', &ok);
            s->acked += ok;
            if (!alive)
                return false;
            continue;
        }
        struct topic_append a[PIPE];
        uint32_t n = 0, done = 0;
        while (n < PIPE && s->acked + n < s->n && (e[n].kind == 'd' || e[n].kind == 't')) {
            if (send_entry(m, p, &e[n], &a[n], &done) != ST_OK)
                break;
            n++;
        }
        bool alive = steps(m);
        if (n > 0 && alive)
            assert_int_equal(done, n);
        for (uint32_t i = 0; alive && i < n && a[i].kafka == 0; i++) {
            assert_int_equal(a[i].base_offset, s->acked);
            s->acked++;
        }
        if (!alive)
            return false;
    }
    int64_t stable = topic_stable(p);
    assert_true(stable >= s->stable);
    s->stable = stable;
    return true;
}

static void add(struct model *m, struct sent *s, char kind, int32_t sequence)
{
    if (s->n < ENTRIES)
        s->at[s->n++] = (struct entry){ kind, m->tags++, sequence };
}

static int32_t next_sequence(const struct sent *s)
{
    int32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++)
        n += s->at[i].kind == 'd' || s->at[i].kind == 't';
    return n;
}

/* ---- the script ---- */

static bool op_txn(struct model *m)
{
    struct topic_partition *p = kit_part(&m->k, "a", 1);
    uint32_t n = 1 + roll(m, PIPE);
    if (m->open && roll(m, 2)) {
        add(m, &m->txns, roll(m, 2) ? '+' : '-', 0);
        m->open = false;
    } else {
        for (uint32_t i = 0; i < n; i++)
            add(m, &m->txns, 't', next_sequence(&m->txns));
        m->open = true;
    }
    return deliver(m, &m->txns, p);
}

static bool op_plain(struct model *m)
{
    uint32_t n = 1 + roll(m, 2 * PIPE);
    for (uint32_t i = 0; i < n; i++)
        add(m, &m->plain, 'd', next_sequence(&m->plain));
    return deliver(m, &m->plain, kit_part(&m->k, "a", 0));
}

static bool op_topic_b(struct model *m)
{
    struct topic_admin a = { .kind = m->b == YES ? TOPIC_ADMIN_REMOVE : TOPIC_ADMIN_CREATE, .name = STR("b"),
                             .partitions = 2 };
    enum there before = m->b;
    bool done;
    m->b = DOUBT;
    bool alive = command(m, &a, &done);
    if (done)
        m->b = a.kafka == 0 ? (before == YES ? NO : YES) : before;
    if (done && a.kafka == 0)
        m->b_acked = m->b_sent = 0;
    return alive;
}

/* Without a producer's id: sent once, so it is there at most once. */
static bool op_fill_b(struct model *m)
{
    struct kit_batch b = { .value = "b" };
    uint32_t done = 0;
    bool pending;
    if (m->b != YES)
        return true;
    struct shared *s = kit_bytes(&b);
    struct topic_append a = { .partition = kit_part(&m->k, "b", 1), .bytes = s, .len = s->len, .version = 9, .acks = -1,
                              .done = kit_append_done, .user = &done };
    enum status st = topic_append(&a, m->k.it, KIT_NOW, &pending, &m->k.err);
    shared_unref(s);
    bool alive = steps(m);
    if (st == ST_OK && (a.kafka == 0 || !alive))
        m->b_sent++;
    if (st == ST_OK && done && a.kafka == 0)
        m->b_acked = m->b_sent;
    return alive;
}

static bool op_grow(struct model *m)
{
    struct topic_admin a = { .kind = TOPIC_ADMIN_GROW, .name = STR("a"), .partitions = m->a_parts + 1 };
    bool done;
    m->a_parts_tried = m->a_parts + 1;
    bool alive = command(m, &a, &done);
    if (done && a.kafka == 0)
        m->a_parts++;
    if (done)
        m->a_parts_tried = m->a_parts;
    return alive;
}

static bool op_alter(struct model *m)
{
    char text[24];
    int64_t want = 1000 + roll(m, 1000);
    snprintf(text, sizeof text, "%lld", (long long)want);
    struct topic_config_change c = { STR("retention.ms"), str_from(text), TOPIC_SET };
    struct topic_admin a = { .kind = TOPIC_ADMIN_ALTER, .name = STR("a"), .changes = &c, .n_changes = 1 };
    bool done;
    m->retention_tried = want;
    bool alive = command(m, &a, &done);
    if (done)
        m->retention = m->retention_tried = a.kafka == 0 ? want : m->retention;
    return alive;
}

static bool op_trim(struct model *m)
{
    struct sent *s = &m->plain;
    int64_t to = s->start + (int64_t)roll(m, (uint32_t)(s->acked - s->start) + 1);
    struct topic_admin a = { .kind = TOPIC_ADMIN_TRIM, .name = STR("a"), .offset = to };
    bool done;
    s->start_tried = to;
    bool alive = command(m, &a, &done);
    if (done)
        s->start = s->start_tried = a.kafka == 0 ? to : s->start;
    return alive;
}

static bool op_tend(struct model *m)
{
    int64_t next;
    return topics_tend(m->k.topics, KIT_NOW, &next, &m->k.err) == ST_OK && steps(m);
}

static bool op_restart(struct model *m)
{
    struct topics *t = m->k.topics;
    m->k.topics = NULL;
    return topics_close(t, &m->k.err) == ST_OK &&
           topics_open(&m->k.options, &m->k.topics, &m->k.report, &m->k.err) == ST_OK;
}

static bool op_create_a(struct model *m)
{
    for (uint32_t tries = 0; m->a != YES; tries++) {
        if (tries == TRIES_MAX)
            fail_msg("a topic is never made");
        struct topic_admin a = { .kind = TOPIC_ADMIN_CREATE, .name = STR("a"), .partitions = 2 };
        bool done;
        m->a = DOUBT;
        if (!command(m, &a, &done))
            return false;
        m->a = a.kafka == 0 ? YES : NO;
    }
    m->retention = m->retention_tried = topic_config(kit_topic(&m->k, "a"), TOPIC_RETENTION_MS);
    return true;
}

static bool run(struct model *m)
{
    static bool (*const ops[])(struct model *m) = { op_plain, op_plain, op_txn,  op_txn,  op_txn,  op_topic_b,
                                                    op_fill_b, op_fill_b, op_grow, op_alter, op_trim, op_tend, op_restart };
    if (m->a != YES && !op_create_a(m))
        return false;
    if (!deliver(m, &m->plain, kit_part(&m->k, "a", 0)) || !deliver(m, &m->txns, kit_part(&m->k, "a", 1)))
        return false;
    while (m->op < OPS) {
        m->op++;
        if (!ops[roll(m, sizeof ops / sizeof *ops)](m))
            return false;
    }
    return true;
}

/* ---- what is there ---- */

static void expect(const struct sent *s, uint32_t n, int64_t from, bool committed, char *out, size_t room)
{
    size_t len = 0;
    uint32_t stable = n;
    for (uint32_t i = n; committed && i-- > 0 && s->at[i].kind == 't';)
        stable = i; /* the open transaction's beginning */
    out[0] = '\0';
    for (uint32_t i = (uint32_t)from; i < stable; i++) {
        const struct entry *e = &s->at[i];
        uint32_t end = i;
        while (committed && e->kind == 't' && end < n && s->at[end].kind == 't')
            end++;
        if (committed && e->kind == 't' && s->at[end].kind == '-')
            continue;
        if (e->kind == 'd' || e->kind == 't')
            len += (size_t)snprintf(out + len, room - len, "%s%c%u", len ? " " : "", e->kind, e->tag);
        else
            len += (size_t)snprintf(out + len, room - len, "%s%c", len ? " " : "", e->kind);
    }
}

static void verify_part(struct model *m, struct sent *s, struct topic_partition *p)
{
    static char want[1 << 16];
    uint32_t n = (uint32_t)topic_high(p);
    assert_true(n >= s->acked && n <= s->n);
    assert_true(topic_start(p) == s->start || topic_start(p) == s->start_tried);
    s->start = s->start_tried = topic_start(p);
    for (int committed = 0; committed < 2; committed++) {
        expect(s, n, s->start, committed, want, sizeof want);
        assert_string_equal(kit_read(&m->k, p, s->start, committed), want);
    }
    assert_true(topic_stable(p) >= s->stable);
    /* A marker in doubt is not written again when it is there; batches are, and found to be. */
    while (s->acked < n && (s->at[s->acked].kind == '+' || s->at[s->acked].kind == '-'))
        s->acked++;
}

static void verify(struct model *m)
{
    struct topic *a = kit_topic(&m->k, "a"), *b = kit_topic(&m->k, "b");
    uint32_t logs = 1 + (a ? topic_partitions(a) : 0) + (b ? 2 : 0);
    if (m->k.report.store.logs > 0) /* else it was made just now */
        assert_int_equal(m->k.report.store.logs - m->k.report.removed, logs);
    if (m->a == DOUBT)
        m->a = a ? YES : NO;
    assert_int_equal(m->a, a != NULL);
    if (m->b == DOUBT) {
        m->b = b ? YES : NO;
        if (b && topic_high(topic_partition(b, 1)) == 0)
            m->b_acked = m->b_sent = 0; /* a new one, or one that never got anything */
    }
    assert_int_equal(m->b, b != NULL);
    if (b) {
        uint32_t n = (uint32_t)topic_high(topic_partition(b, 1));
        assert_true(n >= m->b_acked && n <= m->b_sent);
        m->b_acked = m->b_sent = n;
    }
    if (!a)
        return;
    assert_true(topic_partitions(a) == m->a_parts || topic_partitions(a) == m->a_parts_tried);
    m->a_parts = m->a_parts_tried = topic_partitions(a);
    int64_t retention = topic_config(a, TOPIC_RETENTION_MS);
    assert_true(m->retention < 0 || retention == m->retention || retention == m->retention_tried);
    m->retention = m->retention_tried = retention;
    verify_part(m, &m->plain, topic_partition(a, 0));
    verify_part(m, &m->txns, topic_partition(a, 1));
}

/* ---- lives ---- */

enum fault { POWER, KILL, FULL, BROKEN };

/* The machine has gone, or the process must end. */
static void again(struct model *m, enum fault fault, enum sim_mood mood)
{
    topics_abandon(m->k.topics);
    m->k.topics = NULL;
    m->crashes++;
    if (fault == POWER)
        sim_power_cycle(m->k.sim, mood);
    else
        sim_kill(m->k.sim);
    kit_open(&m->k);
    verify(m);
}

static uint64_t life(uint64_t seed, uint64_t call, enum fault fault, enum sim_mood mood)
{
    static struct model m;
    m = (struct model){ .dice = seed, .a_parts = 2, .a_parts_tried = 2, .retention = -1, .retention_tried = -1 };
    m.k.sim = sim_new(seed + call, NULL);
    m.k.os = sim_os(m.k.sim);
    m.k.options = (struct topics_options){ .os = m.k.os, .path = "data", .journal_bytes = 32 << 10,
                                           .straight_bytes = 700, .snapshot_bytes = 500 };
    arena_init(&m.k.arena, NULL);
    must(record_iter_new(NULL, 1 << 20, &m.k.it, &m.k.err), &m.k.err);
    if (fault == POWER)
        sim_crash_at(m.k.sim, call);
    else if (fault != KILL)
        sim_fail_at(m.k.sim, call, fault == FULL ? ST_FULL : ST_IO, false);
    if (topics_open(&m.k.options, &m.k.topics, &m.k.report, &m.k.err) != ST_OK)
        again(&m, fault, mood);
    for (uint32_t lives = 0; !run(&m); lives++) {
        assert_true(lives < 3);
        again(&m, fault, mood);
    }
    uint64_t calls = sim_calls(m.k.sim);
    sim_fail_at(m.k.sim, 0, ST_OK, false);
    sim_crash_at(m.k.sim, 0);
    again(&m, KILL, mood);
    kit_reopen(&m.k);
    assert_int_equal(m.k.report.scanned, 0);
    verify(&m);
    assert_int_equal(m.plain.acked, m.plain.n);
    assert_int_equal(m.txns.acked, m.txns.n);
    kit_end(&m.k);
    return calls;
}

static void every_call(enum fault fault, uint64_t seeds, uint64_t stride)
{
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        uint64_t calls = life(seed, 0, fault, SIM_DROP);
        for (uint64_t call = 1 + seed % stride; call <= calls; call += stride)
            life(seed, call, fault, (enum sim_mood)((call / stride + seed) % SIM_MOODS));
    }
}

static void test_power_loss(void **state)
{
    (void)state;
    every_call(POWER, 8, 3);
}
static void test_full_disk(void **state)
{
    (void)state;
    every_call(FULL, 6, 4);
}
static void test_broken_disk(void **state)
{
    (void)state;
    every_call(BROKEN, 4, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_loss),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_broken_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
