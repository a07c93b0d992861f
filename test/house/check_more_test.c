/* The checker, by hand-made histories: what power takes, what is found, tombstones, growth, members with names. */
#include "check_kit.h"

/* ---- what power takes ---- */

/* At `ms` the power went; partition 1 has offsets 0 to `end`, in `epoch`. */
static void went_back(int64_t ms, int64_t end, int32_t epoch)
{
    struct fact *e = add(EV_WENT_BACK, 0);
    e->a = ms;
    e->n = 1;
    e = add(EV_SPAN, 1);
    e->offset = 0;
    e->a = end;
    e->epoch = epoch;
}

void test_power(void **state)
{
    (void)state;
    begin();
    there(1, 1, 0, 0);
    there(1, 2, 1, 0);
    went_back(500, 1, 1);
    fetched(1, false, 0, 1, IDS(1))->b = 1; /* the newest one is gone, and that is all right */
    there(1, 3, 1, 0);
    expect(FAULT_NONE);

    there(1, 1, 0, 0);
    went_back(5000, 0, 1); /* after so long it may not be */
    expect(FAULT_LOST);

    there(5, 1, 0, 0);
    sent(1, 2, 0);
    acked(1, 2, 0);
    struct fact *e = add(EV_WENT_BACK, 0); /* 1 is gone, and 2, sent when 1 was known, is not: a hole */
    e->a = 500;
    e->n = 2;
    e = add(EV_SPAN, 5);
    e->offset = e->a = 0;
    e->epoch = 1;
    e = add(EV_SPAN, 1);
    e->offset = 0;
    e->a = 1;
    expect(FAULT_LOST);

    there(1, 1, 0, 0);
    went_back(500, 1, 0);
    fetched(1, false, 0, 1, IDS(0)); /* what was left stays */
    expect(FAULT_LOST);

    there(1, 1, 0, 0);
    fetched(1, false, 0, 1, IDS(1));
    went_back(500, 0, 0); /* who has read it cannot tell */
    expect(FAULT_EPOCH_KEPT);

    there(1, 1, 0, 1);
    txn(EV_TXN_ASKED, 1, ASK_COMMIT);
    txn(EV_TXN_ENDED, 1, TXN_COMMITTED);
    went_back(500, 1, 0);
    fetched(1, true, 0, 1, IDS(0)); /* its end is gone */
    expect(FAULT_NONE);

    offset(EV_OFFSET_ASKED, 4, 0);
    offset(EV_OFFSET_ACKED, 4, 0);
    went_back(500, 0, 0);
    offset(EV_OFFSET_TOLD, -1, 0);
    expect(FAULT_NONE);

    offset(EV_OFFSET_ASKED, 4, 0);
    offset(EV_OFFSET_ACKED, 4, 0);
    went_back(5000, 0, 0);
    offset(EV_OFFSET_TOLD, -1, 0);
    expect(FAULT_OFFSET_BACK);
}

/* ---- what is found ---- */

/* Records 1 to 3 at offsets 0 to 2 of partition 1, timestamps 10, 20, 30, the last one of epoch 1. */
static void three(void)
{
    for (uint32_t i = 1; i <= 3; i++)
        there(1, i, i - 1, 0);
    struct fact *f = fetched(1, false, 0, 3, IDS(1, 2, 3));
    for (uint32_t i = 1; i <= 3; i++) {
        f[i].stamp_ms = 10 * i;
        f[i].epoch = i == 3;
    }
}

static void found(enum fact_kind kind, int64_t asked, int64_t offset_is, int64_t b, enum fault f)
{
    three();
    struct fact *e = add(kind, 1);
    e->a = asked;
    e->offset = offset_is;
    e->b = b;
    expect(f);
}

void test_found(void **state)
{
    (void)state;
    begin();
    found(EV_STAMP_TOLD, 11, 1, 20, FAULT_NONE);
    found(EV_STAMP_TOLD, 31, -1, -1, FAULT_NONE);
    found(EV_STAMP_TOLD, 11, 2, 30, FAULT_WRONG_OFFSET);  /* there is an earlier one */
    found(EV_STAMP_TOLD, 11, 0, 10, FAULT_WRONG_OFFSET);  /* too early */
    found(EV_STAMP_TOLD, 11, 1, 15, FAULT_WRONG_OFFSET);  /* not what it has */
    found(EV_STAMP_TOLD, 30, -1, -1, FAULT_WRONG_OFFSET); /* there is one */
    found(EV_STAMP_TOLD, STAMP_LARGEST, 2, 30, FAULT_NONE);
    found(EV_STAMP_TOLD, STAMP_LARGEST, 1, 20, FAULT_WRONG_OFFSET);
    found(EV_STAMP_TOLD, STAMP_LATEST, 3, -1, FAULT_NONE);
    found(EV_STAMP_TOLD, STAMP_LATEST, 2, -1, FAULT_HIGH_BACK);
    found(EV_STAMP_TOLD, STAMP_EARLIEST, 0, -1, FAULT_NONE);
    found(EV_STAMP_TOLD, STAMP_EARLIEST, 1, -1, FAULT_LOST);
    found(EV_EPOCH_TOLD, 0, 2, 0, FAULT_NONE);
    found(EV_EPOCH_TOLD, 1, 3, 1, FAULT_NONE);
    found(EV_EPOCH_TOLD, 7, -1, -1, FAULT_NONE);
    found(EV_EPOCH_TOLD, 0, 3, 0, FAULT_WRONG_OFFSET);
    found(EV_EPOCH_TOLD, 0, 1, 0, FAULT_WRONG_OFFSET);
    found(EV_EPOCH_TOLD, 0, 3, 1, FAULT_WRONG_OFFSET);

    three();
    add(EV_TRIM_ASKED, 1)->offset = 3; /* nothing of epoch 0 is left, perhaps: its end is the start */
    add(EV_EPOCH_TOLD, 1)->offset = 3;
    expect(FAULT_NONE);
}

/* Record 2 of partition 2 is a tombstone for record 1; 50 ms it stays. */
static void buried(void)
{
    add(EV_PARTITION, 2)->a = PARTITION_COMPACTED;
    h.at[h.n - 1].b = h.at[h.n - 1].c = -1;
    h.at[h.n - 1].d = 50;
    there(2, 1, 0, 0);
    sent(2, 2, 0);
    h.at[h.n - 1].d = 1;
    acked(2, 2, 1);
}

void test_tombstones(void **state)
{
    (void)state;
    begin();
    buried();
    fetched(2, false, 0, 2, IDS(0, 2));
    fetched(2, false, 0, 2, IDS(0, 0))->now_ms = 51;
    expect(FAULT_NONE);

    buried();
    fetched(2, false, 0, 2, IDS(0, 0))->now_ms = 49;
    expect(FAULT_LOST);

    buried();
    fetched(2, false, 0, 2, IDS(1, 0))->now_ms = 51; /* what it deletes is back */
    expect(FAULT_CHANGED);
}

void test_kept_bytes(void **state)
{
    (void)state;
    for (int64_t start = 8; start < 10; start++) {
        begin();
        add(EV_PARTITION, 1)->b = -1;
        h.at[h.n - 1].a = PARTITION_PLAIN;
        h.at[h.n - 1].c = 2 * RECORD_BYTES_MAX;
        there(1, 1, 0, 0);
        struct fact *e = fetched(1, false, start, 10, NULL);
        e->b = 10;
        e->d = start + (start == 9);
        add(EV_END, 0)->a = -1;
        expect(start == 8 ? FAULT_NONE : FAULT_LOST);
    }
}

static void count(enum fact_kind kind, int64_t n) { add(kind, 5)->a = n; }

void test_growth(void **state)
{
    (void)state;
    begin();
    count(EV_GROW_ASKED, 2);
    count(EV_COUNT_TOLD, 1);
    count(EV_GROWN, 2);
    count(EV_COUNT_TOLD, 2);
    expect(FAULT_NONE);

    count(EV_GROW_ASKED, 2);
    count(EV_GROWN, 2);
    count(EV_COUNT_TOLD, 1);
    expect(FAULT_COUNT_BACK);

    count(EV_COUNT_TOLD, 1);
    expect(FAULT_TOPIC_PHANTOM);
}

static void member(enum fact_kind kind, uint32_t actor, int64_t a, int64_t b)
{
    struct fact *e = add(kind, 0);
    e->id = 1;
    e->actor = actor;
    e->a = a;
    e->b = b;
}

void test_members(void **state)
{
    (void)state;
    begin();
    member(EV_JOIN_ASKED, 3, 0, 0);
    member(EV_JOINED, 3, 1, -1);
    member(EV_SERVED, 3, 1, 0);
    member(EV_JOIN_ASKED, 4, 0, 0);
    member(EV_FENCED, 3, 0, 0);
    member(EV_JOINED, 4, 1, 1);
    member(EV_SERVED, 3, 0, 0); /* the new one does not know yet what is his: a restart may have forgotten him */
    expect(FAULT_NONE);

    member(EV_JOIN_ASKED, 3, 0, 0);
    member(EV_JOINED, 3, 1, -1);
    member(EV_JOIN_ASKED, 4, 0, 0);
    member(EV_JOINED, 4, 1, 1);
    member(EV_SERVED, 4, 1, 0);
    member(EV_SERVED, 3, 0, 0);
    expect(FAULT_NOT_FENCED);

    member(EV_JOIN_ASKED, 3, 0, 0);
    member(EV_JOINED, 3, 1, -1);
    member(EV_SERVED, 3, 1, 0);
    member(EV_FENCED, 3, 0, 0);
    expect(FAULT_FENCED);

    member(EV_JOIN_ASKED, 3, 0, 0);
    member(EV_JOINED, 3, 2, 1);
    expect(FAULT_REBALANCED);
}
