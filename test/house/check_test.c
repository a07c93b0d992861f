/* The checker, by hand-made histories: each kind of fault is named, and what is lawful passes. */
#include "check_kit.h"

static void test_records(void **state)
{
    (void)state;
    begin();
    there(1, 1, 0, 0);
    there(1, 2, 1, 0);
    fetched(1, false, 0, 2, IDS(1, 2));
    add(EV_END, 0)->a = -1;
    expect(FAULT_NONE);

    there(1, 1, 0, 0);
    fetched(1, false, 0, 1, IDS(0));
    expect(FAULT_LOST);

    there(1, 1, 0, 0);
    fetched(1, false, 0, 0, NULL)->b = 0; /* it ends before what was acknowledged */
    expect(FAULT_HIGH_BACK);

    sent(1, 1, 0); /* not acknowledged: it may be there or not, but stay where it was seen */
    fetched(1, false, 0, 1, IDS(0));
    fetched(1, false, 0, 2, IDS(0, 1));
    fetched(1, false, 0, 2, IDS(0, 0));
    expect(FAULT_LOST);

    there(1, 1, 0, 0);
    fetched(1, false, 0, 2, IDS(1, 1));
    expect(FAULT_DUPLICATED);

    there(1, 1, 0, 0);
    acked(1, 1, 5); /* a repeat with another offset */
    expect(FAULT_DUPLICATED);

    there(1, 1, 1, 0);
    there(1, 2, 0, 0);
    add(EV_END, 0)->a = -1;
    expect(FAULT_REORDERED);

    there(1, 1, 0, 0);
    sent(1, 2, 0);
    fetched(1, false, 0, 1, IDS(2));
    expect(FAULT_CHANGED);

    there(0, 1, 0, 0);
    fetched(1, false, 0, 1, IDS(1));
    expect(FAULT_PHANTOM);

    fetched(1, false, 0, 1, IDS(99));
    expect(FAULT_PHANTOM);

    fetched(1, false, 0, 1, NULL)->n = 1;
    add(EV_READ, 0)->offset = 0;
    expect(FAULT_TORN);
}

/* An answer that was on its way is held only against what was known when it was asked for. */
static void test_late_answers(void **state)
{
    (void)state;
    begin();
    uint64_t before = h.n;
    there(1, 1, 0, 0);
    struct fact *e = fetched(1, false, 0, 0, NULL);
    e->since = before;
    e->b = 0;
    expect(FAULT_NONE);
}

static void test_compaction(void **state)
{
    (void)state;
    begin();
    there(2, 1, 0, 0);
    there(2, 2, 1, 0);
    fetched(2, false, 0, 2, IDS(0, 2)); /* the same key: the older one may go */
    expect(FAULT_NONE);

    there(2, 1, 0, 0);
    there(2, 2, 1, 0);
    fetched(2, false, 0, 2, IDS(1, 0));
    expect(FAULT_LOST);
}

static void test_start(void **state)
{
    (void)state;
    begin();
    there(1, 1, 0, 0);
    there(1, 2, 1, 0);
    add(EV_TRIM_ASKED, 1)->offset = 1;
    fetched(1, false, 1, 2, IDS(2))->d = 1;
    expect(FAULT_NONE);

    there(1, 1, 0, 0);
    there(1, 2, 1, 0);
    fetched(1, false, 1, 2, IDS(2))->d = 1; /* nobody has asked for that */
    expect(FAULT_LOST);

    there(1, 1, 0, 0);
    add(EV_TRIM_ASKED, 1)->offset = 1;
    add(EV_TRIMMED, 1)->offset = 1;
    fetched(1, false, 0, 1, IDS(1))->d = 0;
    expect(FAULT_START_BACK);

    there(5, 1, 0, 0); /* retention: not before its time */
    struct fact *e = fetched(5, false, 1, 1, NULL);
    e->d = 1;
    e->now_ms = 99;
    expect(FAULT_LOST);

    there(5, 1, 0, 0);
    e = fetched(5, false, 1, 1, NULL);
    e->d = 1;
    e->now_ms = 101;
    expect(FAULT_NONE);
}

static void test_transactions(void **state)
{
    (void)state;
    begin();
    there(1, 1, 0, 1);
    fetched(1, true, 0, 0, NULL)->c = 0;
    txn(EV_TXN_ASKED, 1, ASK_COMMIT);
    txn(EV_TXN_ENDED, 1, TXN_COMMITTED);
    fetched(1, true, 0, 2, IDS(1, 0))->c = 2;
    expect(FAULT_NONE);

    there(1, 1, 0, 1);
    txn(EV_TXN_ASKED, 1, ASK_ABORT);
    txn(EV_TXN_ENDED, 1, TXN_ABORTED);
    fetched(1, false, 0, 2, IDS(1, 0)); /* aborted records stay for who reads everything */
    fetched(1, true, 0, 2, IDS(0, 0));
    expect(FAULT_NONE);

    there(1, 1, 0, 1);
    fetched(1, true, 0, 1, IDS(1)); /* open */
    expect(FAULT_ABORTED_READ);

    there(1, 1, 0, 1);
    txn(EV_TXN_ASKED, 1, ASK_COMMIT);
    fetched(1, true, 0, 1, IDS(1));
    txn(EV_TXN_ENDED, 1, TXN_ABORTED); /* a refusal that was none */
    expect(FAULT_ABORTED_READ);

    there(1, 1, 0, 1);
    there(1, 2, 1, 1);
    txn(EV_TXN_ASKED, 1, ASK_COMMIT);
    fetched(1, true, 0, 2, IDS(1, 0)); /* its outcome is not known: but one for all */
    expect(FAULT_HALF_TXN);

    there(1, 1, 0, 1);
    txn(EV_TXN_ASKED, 1, ASK_COMMIT);
    txn(EV_TXN_ENDED, 1, TXN_COMMITTED);
    fetched(1, true, 0, 2, IDS(0, 0));
    expect(FAULT_LOST);

    there(1, 1, 0, 1);
    fetched(1, true, 0, 0, NULL)->c = 1;
    expect(FAULT_STABLE_AHEAD);

    fetched(1, true, 0, 3, NULL)->c = 3;
    fetched(1, true, 0, 3, NULL)->c = 2;
    expect(FAULT_STABLE_BACK);
}

static void test_group_offsets(void **state)
{
    (void)state;
    begin();
    offset(EV_OFFSET_TOLD, -1, 0);
    offset(EV_OFFSET_ASKED, 4, 0);
    offset(EV_OFFSET_TOLD, -1, 0);
    offset(EV_OFFSET_TOLD, 4, 0);
    offset(EV_OFFSET_ACKED, 4, 0);
    offset(EV_OFFSET_TOLD, 4, 0);
    expect(FAULT_NONE);

    offset(EV_OFFSET_ASKED, 4, 0);
    offset(EV_OFFSET_ACKED, 4, 0);
    offset(EV_OFFSET_TOLD, -1, 0);
    expect(FAULT_OFFSET_BACK);

    offset(EV_OFFSET_TOLD, 4, 0);
    expect(FAULT_OFFSET_PHANTOM);

    offset(EV_OFFSET_ASKED, 4, 1);
    offset(EV_OFFSET_ACKED, 4, 1);
    offset(EV_OFFSET_TOLD, 4, 0);
    expect(FAULT_OFFSET_ABORTED);

    offset(EV_OFFSET_ASKED, 4, 1);
    offset(EV_OFFSET_ACKED, 4, 1);
    txn(EV_TXN_ASKED, 1, ASK_COMMIT);
    txn(EV_TXN_ENDED, 1, TXN_COMMITTED);
    offset(EV_OFFSET_TOLD, -1, 0);
    expect(FAULT_OFFSET_BACK);
}

static void test_topics(void **state)
{
    (void)state;
    begin();
    add(EV_TOPIC_MADE, 0)->id = 1;
    add(EV_TOPIC_TOLD, 0)->id = 1;
    expect(FAULT_TOPIC_LOST);

    add(EV_TOPIC_MADE, 0)->id = 1;
    add(EV_TOPIC_ASKED, 0)->id = 1;
    add(EV_TOPIC_TOLD, 0)->id = 1;
    expect(FAULT_NONE);

    add(EV_TOPIC_GONE, 0)->id = 1;
    struct fact *e = add(EV_TOPIC_TOLD, 0);
    e->id = 1;
    e->a = 1;
    expect(FAULT_TOPIC_PHANTOM);
}

static void test_job(void **state)
{
    (void)state;
    begin();
    there(0, 1, 0, 0);
    there(0, 2, 1, 0);
    fetched(3, false, 0, 2, IDS(1, 2));
    window(0, 0, 2, 3);
    add(EV_END, 0)->a = 60;
    expect(FAULT_NONE);

    there(0, 1, 0, 0);
    add(EV_END, 0)->a = 0; /* no window is closed */
    expect(FAULT_LOST);

    there(0, 1, 0, 0);
    fetched(3, false, 0, 2, IDS(1, 1));
    expect(FAULT_DUPLICATED);

    there(0, 1, 0, 0);
    there(0, 2, 1, 0);
    fetched(3, false, 0, 2, IDS(2, 1));
    add(EV_END, 0)->a = 0;
    expect(FAULT_REORDERED);

    there(0, 1, 0, 1);
    fetched(3, false, 0, 1, IDS(1));
    expect(FAULT_ABORTED_READ);

    there(1, 1, 0, 0);
    fetched(3, false, 0, 1, IDS(1)); /* not of the source */
    expect(FAULT_PHANTOM);

    there(0, 1, 0, 0);
    fetched(3, false, 0, 1, IDS(1));
    window(0, 0, 2, 1);
    add(EV_END, 0)->a = 60;
    expect(FAULT_WRONG_RESULT);

    window(0, 0, 2, 1);
    window(1, 0, 2, 1);
    expect(FAULT_DUPLICATED);
}

static void test_said(void **state)
{
    (void)state;
    begin();
    add(EV_STUCK, 0)->text = "x";
    expect(FAULT_STUCK);
    add(EV_REFUSED, 0)->text = "x";
    expect(FAULT_REFUSED);
    history_release(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),       cmocka_unit_test(test_late_answers), cmocka_unit_test(test_compaction),
        cmocka_unit_test(test_start),         cmocka_unit_test(test_transactions), cmocka_unit_test(test_group_offsets),
        cmocka_unit_test(test_power),         cmocka_unit_test(test_found),        cmocka_unit_test(test_tombstones),
        cmocka_unit_test(test_kept_bytes),    cmocka_unit_test(test_growth),       cmocka_unit_test(test_members),
        cmocka_unit_test(test_topics),        cmocka_unit_test(test_job),          cmocka_unit_test(test_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
