/* What a partition knows of its producers: sequences, epochs, transactions, the last stable offset.
 *
 * The state stands at the partition's `next`: a batch is checked and taken in before anybody knows whether it will be
 * durable, since the next one of its producer comes before that. So every fact carries the offset that made it, and
 * producers_cut takes back those from an offset on, when the store has taken their offsets back. Groups fail in
 * the order of the log and all behind one fail with it, so what stays is what is durable.
 *
 * Of each producer the newest five batches are known: a client has at most five under way, so a repeated one is among
 * them, also after a cut: those that it still waits for are among the five newest that were ever appended.
 *
 * A transaction stays in the list until the marker that ends it lies below the high watermark; the last stable offset is
 * the first one's beginning. Aborted ones go to an array in the order of their markers; each carries the last stable
 * offset behind it, so that a search knows where to stop: what begins below that offset has ended before.
 *
 * Rules: Kafka's ProducerStateManager, ProducerAppendInfo and TransactionIndex. */
#include "topic/private.h"

#include "wire/kafka.h"

#include <stdlib.h>

enum { BUCKETS_MIN = 8 };
#define OPEN INT64_MAX

static struct producer **bucket_of(const struct producers *ps, int64_t id)
{
    return &ps->buckets[hash_u64((uint64_t)id) & (ps->n_buckets - 1)];
}

static struct producer *find(const struct producers *ps, int64_t id)
{
    struct producer *p = ps->n_buckets ? *bucket_of(ps, id) : NULL;
    while (p && p->id != id)
        p = p->bucket_next;
    return p;
}

static bool buckets_room(struct producers *ps)
{
    if (ps->count < ps->n_buckets)
        return true;
    uint32_t n = ps->n_buckets ? ps->n_buckets * 2 : BUCKETS_MIN;
    struct producers old = *ps;
    struct producer **more = mem_calloc(ps->budget, n * sizeof(struct producer *));
    if (!more)
        return false;
    ps->buckets = more;
    ps->n_buckets = n;
    for (uint32_t i = 0; i < old.n_buckets; i++) {
        for (struct producer *p = old.buckets[i], *next; p; p = next) {
            struct producer **bucket = bucket_of(ps, p->id);
            next = p->bucket_next;
            p->bucket_next = *bucket;
            *bucket = p;
        }
    }
    mem_free(ps->budget, old.buckets, old.n_buckets * sizeof(struct producer *));
    return true;
}

struct producer *producers_make(struct producers *ps, int64_t id)
{
    struct producer *p = find(ps, id);
    if (p)
        return p;
    p = buckets_room(ps) ? mem_calloc(ps->budget, sizeof *p) : NULL;
    if (!p)
        return NULL;
    struct producer **bucket = bucket_of(ps, id);
    p->id = id;
    p->epoch = -1;
    p->txn_start = -1;
    p->coordinator_epoch = -1;
    p->expected = -1;
    p->bucket_next = *bucket;
    *bucket = p;
    ps->count++;
    return p;
}

void producers_release(struct producers *ps)
{
    for (uint32_t i = 0; i < ps->n_buckets; i++) {
        for (struct producer *p = ps->buckets[i], *next; p; p = next) {
            next = p->bucket_next;
            mem_free(ps->budget, p, sizeof *p);
        }
    }
    for (struct txn *x = ps->txns, *next; x; x = next) {
        next = x->next;
        mem_free(ps->budget, x, sizeof *x);
    }
    mem_free(ps->budget, ps->buckets, ps->n_buckets * sizeof(struct producer *));
    mem_free(ps->budget, ps->aborted, ps->cap_aborted * sizeof *ps->aborted);
    *ps = (struct producers){ .budget = ps->budget, .planted = ps->planted };
}

/* ---- checking ---- */

static int16_t refuse(int16_t kafka, struct error *err, const struct produced *b, const char *why)
{
    error_set(err, ST_DATA, "producer %lld, epoch %d, sequence %d: %s", (long long)b->id, b->epoch, b->sequence, why);
    return kafka;
}

static int16_t check_marker(const struct producer *p, const struct produced *b, struct error *err)
{
    if (p && b->epoch < p->epoch)
        return refuse(KAFKA_E_INVALID_PRODUCER_EPOCH, err, b, "the marker's epoch is an older one");
    if (p && b->coordinator_epoch < p->coordinator_epoch)
        return refuse(KAFKA_E_TRANSACTION_COORDINATOR_FENCED, err, b, "the marker is of an older coordinator");
    return 0;
}

/* The batch itself, appended before? */
static bool repeats(const struct producer *p, const struct produced *b, const struct producer_batch **ret)
{
    for (uint32_t i = p->epoch == b->epoch ? p->n_batches : 0; i-- > 0;) {
        if (p->batches[i].first == b->sequence && p->batches[i].last == b->last_sequence) {
            *ret = &p->batches[i];
            return true;
        }
    }
    return false;
}

int16_t producers_check(const struct producers *ps, const struct produced *b, const struct producer_batch **ret_same,
                        struct error *err)
{
    const struct producer *p = b->id < 0 ? NULL : find(ps, b->id);
    *ret_same = NULL;
    if (b->id < 0)
        return 0;
    if (b->control)
        return check_marker(p, b, err);
    if (p && repeats(p, b, ret_same))
        return KAFKA_E_DUPLICATE_SEQUENCE_NUMBER;
    if (p && b->epoch < p->epoch)
        return refuse(KAFKA_E_INVALID_PRODUCER_EPOCH, err, b, "a newer one of its epochs has been here");
    if (b->transactional && (!p || p->txn_start < 0) && !b->may_begin)
        return refuse(KAFKA_E_INVALID_TXN_STATE, err, b, "its transaction does not have this partition");
    if (b->may_begin && p && b->guard != p->markers && p->txn_start < 0)
        return refuse(KAFKA_E_INVALID_TXN_STATE, err, b, "its transaction has ended meanwhile");
    if (p && p->txn_start >= 0 && !b->transactional)
        return refuse(KAFKA_E_INVALID_TXN_STATE, err, b, "it has a transaction open, and this batch is not part of it");
    if (log_bug(ps->planted, LOG_BUG_NO_SEQUENCE))
        return 0;
    if (!p || p->epoch < 0 || b->sequence < 0) /* offsets in a transaction have no sequence */
        return 0;
    if (p->epoch != b->epoch)
        return b->sequence == 0 ? 0 : refuse(KAFKA_E_OUT_OF_ORDER_SEQUENCE_NUMBER, err, b,
                                             "a new epoch begins with sequence 0");
    if (p->expected >= 0 && b->sequence != p->expected)
        return refuse(KAFKA_E_OUT_OF_ORDER_SEQUENCE_NUMBER, err, b, "another sequence comes next");
    return 0;
}

uint32_t producers_guard(const struct producers *ps, int64_t id)
{
    const struct producer *p = find(ps, id);
    return p ? p->markers : 0;
}

/* ---- taking in ---- */

static void txn_unlink(struct producers *ps, struct txn *x)
{
    *(x->prev ? &x->prev->next : &ps->txns) = x->next;
    *(x->next ? &x->next->prev : &ps->txns_last) = x->prev;
    mem_free(ps->budget, x, sizeof *x);
}

static bool begin(struct producers *ps, struct producer *p, int64_t first)
{
    struct txn *x = mem_calloc(ps->budget, sizeof *x);
    if (!x)
        return false;
    *x = (struct txn){ .prev = ps->txns_last, .producer_id = p->id, .first = first, .end = OPEN };
    *(ps->txns_last ? &ps->txns_last->next : &ps->txns) = x;
    ps->txns_last = x;
    p->txn_start = first;
    return true;
}

static struct txn *open_of(const struct producers *ps, int64_t id)
{
    struct txn *x = ps->txns;
    while (x && (x->producer_id != id || x->end != OPEN))
        x = x->next;
    return x;
}

static int64_t first_open(const struct producers *ps, int64_t none)
{
    const struct txn *x = ps->txns;
    while (x && x->end != OPEN)
        x = x->next;
    return x ? x->first : none;
}

/* Room for each transaction that may yet come to be aborted: retiring one cannot fail. */
static bool aborted_room(struct producers *ps, uint32_t more)
{
    if (ps->n_aborted + more <= ps->cap_aborted)
        return true;
    uint32_t cap = ps->cap_aborted ? ps->cap_aborted * 2 : 8;
    cap = cap > ps->n_aborted + more ? cap : ps->n_aborted + more;
    void *grown = mem_realloc(ps->budget, ps->aborted, ps->cap_aborted * sizeof *ps->aborted,
                              cap * sizeof *ps->aborted);
    if (!grown)
        return false;
    ps->aborted = grown;
    ps->cap_aborted = cap;
    return true;
}

static bool take_marker(struct producers *ps, struct producer *p, const struct produced *b)
{
    if (p->txn_start >= 0) {
        uint32_t ended = 1;
        for (const struct txn *y = ps->txns; y; y = y->next)
            ended += y->end != OPEN && y->aborted;
        if (!b->commit && !aborted_room(ps, ended))
            return false;
        struct txn *x = open_of(ps, p->id);
        CHECK(x && x->first == p->txn_start);
        x->end = b->base;
        x->aborted = !b->commit;
        x->stable = first_open(ps, b->end);
        p->txn_start = -1;
    }
    if (b->epoch > p->epoch) {
        p->epoch = b->epoch;
        p->n_batches = 0;
        p->expected = 0;
    }
    p->markers++;
    p->coordinator_epoch = b->coordinator_epoch;
    return true;
}

bool producers_take(struct producers *ps, const struct produced *b)
{
    if (b->id < 0)
        return true;
    struct producer *p = producers_make(ps, b->id);
    if (!p)
        return false;
    p->last_ms = b->ms > p->last_ms ? b->ms : p->last_ms;
    if (b->control)
        return take_marker(ps, p, b);
    if (b->transactional && p->txn_start < 0 && !begin(ps, p, b->base))
        return false;
    if (p->epoch != b->epoch)
        p->n_batches = 0;
    p->epoch = b->epoch;
    if (b->sequence < 0)
        return true;
    if (p->n_batches == PRODUCER_BATCHES)
        memmove(p->batches, p->batches + 1, --p->n_batches * sizeof p->batches[0]);
    p->batches[p->n_batches++] = (struct producer_batch){ b->sequence, b->last_sequence, b->base, b->end };
    p->expected = record_sequence_add(b->last_sequence, 1);
    return true;
}

bool producers_add_aborted(struct producers *ps, const struct aborted *a)
{
    if (!aborted_room(ps, 1))
        return false;
    uint32_t i = ps->n_aborted++;
    for (; i > 0 && ps->aborted[i - 1].last > a->last; i--)
        ps->aborted[i] = ps->aborted[i - 1];
    ps->aborted[i] = *a;
    return true;
}

static int by_start(const void *a, const void *b)
{
    const struct producer *const *x = a, *const *y = b;
    return (*x)->txn_start < (*y)->txn_start ? -1 : (*x)->txn_start > (*y)->txn_start;
}

bool producers_begin_all(struct producers *ps)
{
    size_t bytes = (ps->count + 1) * sizeof(struct producer *);
    struct producer **all = mem_alloc(ps->budget, bytes);
    uint32_t n = 0;
    for (uint32_t i = 0; all && i < ps->n_buckets; i++) {
        for (struct producer *p = ps->buckets[i]; p; p = p->bucket_next) {
            if (p->txn_start >= 0)
                all[n++] = p;
        }
    }
    if (n > 1)
        qsort(all, n, sizeof(struct producer *), by_start);
    bool ok = all;
    for (uint32_t i = 0; ok && i < n; i++)
        ok = begin(ps, all[i], all[i]->txn_start);
    mem_free(ps->budget, all, bytes);
    return ok;
}

/* ---- back, and on ---- */

static void cut_producer(struct producer *p, int64_t from)
{
    while (p->n_batches > 0 && p->batches[p->n_batches - 1].base >= from)
        p->expected = p->batches[--p->n_batches].first;
}

void producers_cut(struct producers *ps, int64_t from)
{
    for (struct txn *x = ps->txns_last, *prev; x; x = prev) {
        prev = x->prev;
        struct producer *p = find(ps, x->producer_id);
        if (x->first >= from) {
            if (p && p->txn_start == x->first)
                p->txn_start = -1;
            txn_unlink(ps, x);
        } else if (x->end != OPEN && x->end >= from) {
            x->end = OPEN;
            x->aborted = false;
            if (p)
                p->txn_start = x->first;
        }
    }
    for (uint32_t i = 0; i < ps->n_buckets; i++) {
        for (struct producer *p = ps->buckets[i]; p; p = p->bucket_next)
            cut_producer(p, from);
    }
}

int64_t producers_settle(struct producers *ps, int64_t high)
{
    for (struct txn *x = ps->txns, *next; x; x = next) {
        next = x->next;
        if (x->end >= high)
            continue;
        struct aborted a = { x->producer_id, x->first, x->end, x->stable };
        CHECK(!x->aborted || producers_add_aborted(ps, &a)); /* there is room: take_marker */
        txn_unlink(ps, x);
    }
    if (log_bug(ps->planted, LOG_BUG_STABLE_AHEAD))
        return high;
    return ps->txns && ps->txns->first < high ? ps->txns->first : high;
}

void producers_trim(struct producers *ps, int64_t start)
{
    uint32_t n = 0;
    while (n < ps->n_aborted && ps->aborted[n].last < start)
        n++;
    if (n == 0)
        return;
    ps->n_aborted -= n;
    memmove(ps->aborted, ps->aborted + n, ps->n_aborted * sizeof *ps->aborted);
}

uint32_t producers_expire(struct producers *ps, int64_t before_ms, int64_t high)
{
    uint32_t gone = 0;
    for (uint32_t i = 0; i < ps->n_buckets; i++) {
        for (struct producer **at = &ps->buckets[i]; *at;) {
            struct producer *p = *at;
            bool waits = p->n_batches > 0 && p->batches[p->n_batches - 1].end > high;
            if (p->last_ms >= before_ms || p->txn_start >= 0 || waits) {
                at = &p->bucket_next;
                continue;
            }
            *at = p->bucket_next;
            mem_free(ps->budget, p, sizeof *p);
            ps->count--;
            gone++;
        }
    }
    return gone;
}

/* ---- asking ---- */

uint32_t producers_aborted(const struct producers *ps, int64_t from, int64_t to, struct topic_aborted *ret,
                           uint32_t room)
{
    uint32_t all = ps->n_aborted - (ps->n_aborted > 0 && log_bug(ps->planted, LOG_BUG_ABORTED_MISSED));
    uint32_t low = 0, high = all, n = 0;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (ps->aborted[mid].last < from)
            low = mid + 1;
        else
            high = mid;
    }
    for (uint32_t i = low; i < all; i++) {
        const struct aborted *a = &ps->aborted[i];
        if (a->first < to) {
            if (n < room)
                ret[n] = (struct topic_aborted){ a->producer_id, a->first };
            n++;
        }
        if (a->stable >= to)
            break;
    }
    return n;
}
