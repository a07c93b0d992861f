/* At the end, when all has been read: the order of each producer, the job's copies and windows, what retention has left. */
#include "check_private.h"

static bool visible(struct checker *c, const struct record *r)
{
    const struct txn *x = r->txn ? txn_of(c, r->txn) : NULL;
    return !x || x->end == TXN_COMMITTED || x->shown_at != NEVER;
}

/* Of each producer, what came first stands first. */
static void check_order(struct checker *c, uint16_t partition)
{
    struct partition *p = &c->partitions[partition];
    int64_t *last = NULL;
    uint32_t n = 0, cap = 0;
    bool copy = p->kind == PARTITION_COPY;
    for (uint32_t i = 0; i < p->n && p->kind != PARTITION_WINDOWS; i++) {
        const struct record *r = record_of(c, p->slots[i].id);
        if (!r || (copy && r->offset < 0))
            continue;
        uint32_t who = copy ? r->partition : r->actor;
        int64_t number = copy ? r->offset + 1 : r->number; /* from 1 */
        if (!reach(c, (void **)&last, &n, &cap, who, sizeof *last))
            break;
        if (number <= last[who])
            fault(c, FAULT_REORDERED, "partition %u offset %u: number %lld of %u behind %lld", partition, i, (long long)number,
                  who, (long long)last[who]);
        last[who] = number;
    }
    mem_free(NULL, last, cap * sizeof *last);
}

/* Of a log that is to be kept up to so many bytes, what is left and one record more may not be less than those. */
static void check_kept(struct checker *c, uint16_t partition)
{
    const struct partition *p = &c->partitions[partition];
    if (p->retention_bytes < 0 || p->start.n == 0 || p->high.n == 0)
        return;
    int64_t start = p->start.at[p->start.n - 1].value, high = p->high.at[p->high.n - 1].value;
    if (start > p->trim_asked && (high - start + 1) * RECORD_BYTES_MAX < p->retention_bytes)
        fault(c, FAULT_LOST, "partition %u is to keep %lld bytes and has offsets %lld to %lld", partition,
              (long long)p->retention_bytes, (long long)start, (long long)high);
}

static void check_copies(struct checker *c)
{
    for (uint32_t i = 0; i < c->n_records; i++) {
        const struct record *r = record_of(c, i);
        if (r && c->partitions[r->partition].kind == PARTITION_SOURCE && r->offset >= 0 && visible(c, r) && r->copy < 0)
            fault(c, FAULT_LOST, "record %u, offset %lld of partition %u, has no copy", i, (long long)r->offset, r->partition);
    }
}

static void check_windows(struct checker *c, int64_t until)
{
    struct window *want = NULL;
    uint32_t n = 0, cap = 0, k;
    for (uint32_t i = 0; i < c->n_records; i++) {
        const struct record *r = record_of(c, i);
        if (!r || c->partitions[r->partition].kind != PARTITION_SOURCE || r->offset < 0 || !visible(c, r))
            continue;
        int64_t second = r->second / WINDOW_SECONDS * WINDOW_SECONDS;
        for (k = 0; k < n && (want[k].second != second || want[k].key != r->key); k++)
            ;
        if (k == n && !reach(c, (void **)&want, &n, &cap, k, sizeof *want))
            break;
        want[k].second = second;
        want[k].key = r->key;
        want[k].count++;
        want[k].sum += i;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (want[i].second + WINDOW_SECONDS > until)
            continue;
        for (k = 0; k < c->n_windows && (c->windows[k].second != want[i].second || c->windows[k].key != want[i].key); k++)
            ;
        int64_t count = k < c->n_windows ? c->windows[k].count : 0, sum = k < c->n_windows ? c->windows[k].sum : 0;
        if (count != want[i].count || sum != want[i].sum)
            fault(c, FAULT_WRONG_RESULT, "window %lld of key %lld: %lld records, sum %lld; %lld and %lld are right",
                  (long long)want[i].second, (long long)want[i].key, (long long)count, (long long)sum, (long long)want[i].count,
                  (long long)want[i].sum);
    }
    mem_free(NULL, want, cap * sizeof *want);
}

void check_end(struct checker *c, const struct fact *e)
{
    for (uint16_t i = 0; i < PARTITIONS_MAX; i++)
        check_order(c, i);
    for (uint16_t i = 0; i < PARTITIONS_MAX; i++)
        check_kept(c, i);
    if (e->a < 0)
        return;
    check_copies(c);
    check_windows(c, e->a);
}
