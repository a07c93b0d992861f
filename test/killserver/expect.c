/* What is right. A lane's record is at one offset, for the acknowledgement and for every reader; acknowledged, it is read. The
 * idempotent producer's are there each once and in order, the job's output of them too. A transaction is seen whole or not at
 * all, not before its commit was asked for, and its offsets with it.
 *
 * Readers may be ahead of acknowledgements, so each side compares with what the other has said. */
#include <stdlib.h>
#include <string.h>

#include "killserver.h"

extern struct run the_run;
#define WRONG(...) failed(&the_run, __VA_ARGS__)

void expect_init(struct expect *x)
{
    static const struct lane lanes[LANES] = { { .topic = "plain" },
                                              { .topic = "idem", .exact = true },
                                              { .topic = "idem", .partition = 1, .exact = true } };
    *x = (struct expect){ .txn_offset = -1, .dirty_txn = { -1, 0 } };
    pthread_mutex_init(&x->lock, NULL);
    memcpy(x->lanes, lanes, sizeof lanes);
    for (uint32_t i = 0; i < LANES; i++)
        x->lanes[i].slots = calloc(RING, sizeof(struct slot));
    x->txns = calloc(TXN_RING, sizeof *x->txns);
}

void expect_free(struct expect *x)
{
    for (uint32_t i = 0; i < LANES; i++)
        free(x->lanes[i].slots);
    free(x->txns);
}

int64_t expect_send(struct expect *x, uint32_t lane, uint32_t n)
{
    struct lane *l = &x->lanes[lane];
    pthread_mutex_lock(&x->lock);
    int64_t first = l->next + n - l->checked < RING ? l->next : -1;
    for (uint32_t i = 0; first >= 0 && i < n; i++)
        l->slots[l->next++ % RING] = (struct slot){ -1, -1 };
    pthread_mutex_unlock(&x->lock);
    return first;
}

static void agree(const struct lane *l, int64_t n)
{
    const struct slot *s = &l->slots[n % RING];
    if (s->acked >= 0 && s->seen >= 0 && s->acked != s->seen)
        WRONG("%s-%d: record %lld was acknowledged at offset %lld and is at %lld", l->topic, l->partition, (long long)n,
              (long long)s->acked, (long long)s->seen);
}

void expect_acked(struct expect *x, uint32_t lane, int64_t first, uint32_t n, int64_t offset)
{
    struct lane *l = &x->lanes[lane];
    pthread_mutex_lock(&x->lock);
    for (uint32_t i = 0; i < n; i++) {
        l->slots[(first + i) % RING].acked = offset + i;
        agree(l, first + i);
    }
    pthread_mutex_unlock(&x->lock);
}

void expect_fate(struct expect *x, int64_t t, enum fate f)
{
    pthread_mutex_lock(&x->lock);
    x->txns[t % TXN_RING].fate = f;
    pthread_mutex_unlock(&x->lock);
}

/* ---- what readers see ---- */

/* {"p":0,"n":1}: two numbers. */
static void two(const struct stream *s, struct str value, int64_t offset, long long ret[2])
{
    char text[64];
    snprintf(text, sizeof text, "%.*s", STR_ARG(value));
    if (sscanf(text, "{\"p\":%lld,\"n\":%lld}", &ret[0], &ret[1]) != 2)
        WRONG("%s-%d, offset %lld: a record that nobody has sent: %s", s->topic, s->partition, (long long)offset, text);
}

static void see_lane(struct expect *x, const struct stream *s, struct str value, int64_t offset)
{
    long long v[2];
    two(s, value, offset, v);
    uint32_t lane = strcmp(s->topic, "plain") == 0 ? 0 : 1 + (uint32_t)s->partition;
    struct lane *l = &x->lanes[lane];
    if (v[0] != s->partition || v[1] >= l->next)
        WRONG("%s-%d, offset %lld: a record of another place: %lld %lld", s->topic, s->partition, (long long)offset, v[0],
              v[1]);
    if (v[1] < l->read)
        WRONG("%s-%d, offset %lld: record %lld again", s->topic, s->partition, (long long)offset, v[1]);
    if (l->exact && v[1] > l->read)
        WRONG("%s-%d, offset %lld: record %lld where %lld is due", s->topic, s->partition, (long long)offset, v[1],
              (long long)l->read);
    l->read = v[1] + 1;
    l->slots[v[1] % RING].seen = offset;
    agree(l, v[1]);
}

static void see_txn(struct expect *x, const struct stream *s, struct str value, int64_t offset)
{
    long long v[2];
    two(s, value, offset, v);
    struct txn *t = &x->txns[v[0] % TXN_RING];
    uint32_t p = (uint32_t)s->partition;
    if (v[0] < x->read_txn[p] || v[0] >= x->next_txn || v[1] != t->seen[p])
        WRONG("%s-%d, offset %lld: record %lld of transaction %lld, where %u of it are known and %lld is due", s->topic,
              s->partition, (long long)offset, v[1], v[0], t->seen[p], (long long)x->read_txn[p]);
    if (t->fate == TXN_OPEN || t->fate == TXN_ABORTED)
        WRONG("%s-%d, offset %lld: read_committed shows a record of transaction %lld, which %s", s->topic, s->partition,
              (long long)offset, v[0], t->fate == TXN_OPEN ? "is open" : "was aborted");
    x->read_txn[p] = v[0];
    t->seen[p]++;
}

/* Aborted ones too: each record once, in its order. */
static void see_dirty(struct expect *x, const struct stream *s, struct str value, int64_t offset)
{
    long long v[2];
    two(s, value, offset, v);
    bool next = v[0] > x->dirty_txn[0] && v[1] == 0, more = v[0] == x->dirty_txn[0] && v[1] == x->dirty_txn[1];
    if (!next && !more)
        WRONG("%s-%d, offset %lld: record %lld of transaction %lld behind %lld of %lld", s->topic, s->partition,
              (long long)offset, v[1], v[0], (long long)x->dirty_txn[1], (long long)x->dirty_txn[0]);
    x->dirty_txn[0] = v[0];
    x->dirty_txn[1] = v[1] + 1;
}

static void see_out(struct expect *x, const struct stream *s, struct str value, int64_t offset)
{
    long long v[2];
    two(s, value, offset, v);
    if (v[0] < 0 || v[0] > 1 || v[1] != x->out_next[v[0]] || v[1] >= x->lanes[1 + v[0]].next)
        WRONG("%s-%d, offset %lld: the job has written %lld of partition %lld, where %lld is due", s->topic, s->partition,
              (long long)offset, v[1], v[0], (long long)x->out_next[v[0] & 1]);
    x->out_next[v[0]]++;
}

const struct stream streams[STREAMS] = {
    { .topic = "plain", .see = see_lane },
    { .topic = "idem", .see = see_lane },
    { .topic = "idem", .partition = 1, .committed = true, .see = see_lane },
    { .topic = "txn", .committed = true, .see = see_txn },
    { .topic = "txn", .partition = 1, .committed = true, .see = see_txn },
    { .topic = "txn", .see = see_dirty },
    { .topic = "out", .see = see_out },
};

/* ---- after everything was read ---- */

static void check_lane(struct lane *l)
{
    for (; l->checked < l->next; l->checked++) {
        const struct slot *s = &l->slots[l->checked % RING];
        if (s->seen < 0 && (s->acked >= 0 || l->exact))
            WRONG("%s-%d: record %lld is lost; it was %sacknowledged, offset %lld", l->topic, l->partition,
                  (long long)l->checked, s->acked < 0 ? "not " : "", (long long)s->acked);
    }
}

static void check_txn(struct expect *x, int64_t n)
{
    const struct txn *t = &x->txns[n % TXN_RING];
    if (t->seen[0] != t->seen[1] || (t->seen[0] && t->seen[0] != t->records) ||
        (t->fate == TXN_COMMITTED && !t->seen[0]))
        WRONG("transaction %lld %s: of %u records a partition %u and %u are seen", (long long)n,
              t->fate == TXN_COMMITTED ? "was committed" : "ended unknown", t->records, t->seen[0], t->seen[1]);
    if (t->seen[0] && t->offsets)
        x->txn_offset = n;
}

void expect_check(struct expect *x)
{
    pthread_mutex_lock(&x->lock);
    for (uint32_t i = 0; i < LANES; i++)
        check_lane(&x->lanes[i]);
    for (; x->checked_txn < x->next_txn; x->checked_txn++)
        check_txn(x, x->checked_txn);
    pthread_mutex_unlock(&x->lock);
}
