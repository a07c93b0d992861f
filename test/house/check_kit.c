/* Hand-made histories, for the checker's tests. */
#include "check_kit.h"

struct history h;

struct fact *add(enum fact_kind kind, uint16_t partition)
{
    struct fact *e = history_add(&h, kind);
    e->partition = partition;
    e->since = h.n - 1;
    return e;
}

void begin(void)
{
    static const enum partition_kind kinds[] = { PARTITION_SOURCE, PARTITION_PLAIN, PARTITION_COMPACTED, PARTITION_COPY,
                                                 PARTITION_WINDOWS, PARTITION_PLAIN };
    history_release(&h);
    for (uint16_t i = 0; i < 6; i++) {
        struct fact *e = add(EV_PARTITION, i);
        e->a = kinds[i];
        e->b = i == 5 ? 100 : -1;
        e->c = -1;
    }
}

void sent(uint16_t partition, uint32_t id, uint32_t txn)
{
    struct fact *e = add(EV_SENT, partition);
    e->id = id;
    e->actor = 1;
    e->a = id;
    e->b = 7;
    e->c = 3;
    e->txn = txn;
}

void acked(uint16_t partition, uint32_t id, int64_t offset)
{
    struct fact *e = add(EV_ACKED, partition);
    e->id = id;
    e->offset = offset;
}

/* A record that is sent and acknowledged. */
void there(uint16_t partition, uint32_t id, int64_t offset, uint32_t txn)
{
    sent(partition, id, txn);
    acked(partition, id, offset);
}

/* From `from` to `to`: record ids, 0 for an offset that shows nothing. */
struct fact *fetched(uint16_t partition, bool committed, int64_t from, int64_t to, const uint32_t *ids)
{
    uint32_t at = h.n, n = 0;
    struct fact *e = add(EV_FETCHED, partition);
    e->committed = committed;
    e->offset = from;
    e->a = to;
    e->b = e->c = e->d = -1;
    for (int64_t i = from; ids && i < to; i++) {
        if (!ids[i - from])
            continue;
        e = add(EV_READ, 0);
        e->offset = i;
        e->id = ids[i - from];
        n++;
    }
    h.at[at].n = n;
    return &h.at[at];
}

void window(int64_t offset, int64_t second, int64_t count, int64_t sum)
{
    struct fact *e = add(EV_FETCHED, 4);
    e->offset = offset;
    e->a = e->b = offset + 1;
    e->c = e->d = -1;
    e->n = 1;
    e = add(EV_READ, 0);
    e->offset = offset;
    e->id = 1;
    e->a = second;
    e->b = 7;
    e->c = count;
    e->d = sum;
}

void txn(enum fact_kind kind, uint32_t id, int64_t a)
{
    struct fact *e = add(kind, 0);
    e->txn = id;
    e->a = a;
}

void expect(enum fault f)
{
    struct verdict v;
    assert_int_equal(history_check(&h, &v), ST_OK);
    if (v.fault != f)
        fail_msg("'%s' (%s) where '%s' is due", fault_names[v.fault], v.text, fault_names[f]);
    begin();
}

void offset(enum fact_kind kind, int64_t value, uint32_t id)
{
    struct fact *e = add(kind, 2);
    e->a = value;
    e->txn = id;
}
