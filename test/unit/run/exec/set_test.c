/* INTERSECT and EXCEPT against counts kept by hand, over random rows of both sides; restarts; refused memory. */
#include "kit.h"

#define JOB(op)                                                                                                                       \
    "CREATE TABLE g (k BIGINT, s STRING) WITH ('connector' = 'changes');"                                                             \
    "CREATE TABLE o (k BIGINT, s STRING) WITH ('connector' = 'any'); INSERT INTO o SELECT k, s FROM g " op " SELECT k, s FROM g"

static const struct {
    const char *sql;
    bool except, all;
} forms[] = {
    { JOB("INTERSECT"), false, false },
    { JOB("INTERSECT ALL"), false, true },
    { JOB("EXCEPT"), true, false },
    { JOB("EXCEPT ALL"), true, true },
};
static struct kit k;

static void side(struct kit *to, uint32_t input, const char *rows)
{
    struct event ev = { .kind = EVENT_BATCH, .batch = to->in, .split = UINT32_MAX, .time = INT64_MIN };
    struct emit out = { 0 };
    if (to->failed)
        return;
    kit_rows(to, rows);
    to->failed = to->o->ops->batch(to->o, input, &ev, &out, &to->err) != OP_DONE;
    if (out.batch)
        kit_say_rows(to, &out);
}

static void each_form(void **state)
{
    (void)state;
    static const char *const want[] = {
        "+I 1|a\n+I 2|-\n-D 1|a\n",
        "+I 1|a\n+I 2|-\n-D 1|a\n",
        "+I 1|a\n+I 2|-\n-D 1|a\n-D 2|-\n+I 1|a\n", /* one more is left on the left */
        "+I 1|a\n+I 1|a\n+I 2|-\n-D 1|a\n-D 2|-\n+I 1|a\n-D 1|a\n",
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        kit_plan(&k, forms[i].sql, 8, NODE_SET);
        kit_open(&k);
        side(&k, 0, "+I k=1 s=a; +I k=1 s=a; +I k=2");
        side(&k, 1, "+I k=1 s=a; +I k=2; +U k=3 s=a");
        side(&k, 1, "-U k=1 s=a");
        side(&k, 0, "-D k=1 s=a");
        kit_expect(&k, want[i]);
        kit_done(&k);
    }
}

static int64_t times(size_t form, int64_t l, int64_t r)
{
    if (forms[form].except)
        return forms[form].all ? (l > r ? l - r : 0) : l > 0 && r == 0;
    return forms[form].all ? (l < r ? l : r) : l > 0 && r > 0;
}

static void random_rows(void **state)
{
    (void)state;
    uint64_t x = 88172645463325252u;
    for (size_t form = 0; form < sizeof forms / sizeof *forms; form++) {
        int64_t counts[4][2] = { 0 }, got[4] = { 0 };
        kit_plan(&k, forms[form].sql, 4, NODE_SET);
        kit_open(&k);
        for (int step = 0; step < 400; step++) {
            char rows[128];
            size_t len = 0;
            uint32_t input = step & 1;
            for (int i = 0; i < 4; i++) {
                x ^= x << 13, x ^= x >> 7, x ^= x << 17;
                uint32_t key = x >> 20 & 3;
                bool add = counts[key][input] == 0 || (x >> 40 & 1);
                counts[key][input] += add ? 1 : -1;
                len += (size_t)snprintf(rows + len, sizeof rows - len, "%s%s k=%u s=q", i ? "; " : "", add ? "+I" : "-D", key);
            }
            k.len = 0;
            side(&k, input, rows);
            k.out[k.len] = 0;
            for (const char *p = k.out; *p; p = strchr(p, '\n') + 1)
                got[p[3] - '0'] += p[0] == '+' ? 1 : -1;
            uint32_t left = 0;
            for (uint32_t key = 0; key < 4; key++) {
                assert_int_equal(got[key], times(form, counts[key][0], counts[key][1]));
                left += counts[key][0] || counts[key][1];
            }
            assert_int_equal(store_count(k.o->stores[0]), left); /* what stands nowhere is not kept */
            if (step % 37 == 0)
                kit_restart(&k);
        }
        kit_done(&k);
    }
}

static void some(struct kit *to)
{
    side(to, 0, "+I k=1 s=a; +I k=2 s=b");
    side(to, 1, "+I k=1 s=a; +I k=3 s=c");
    side(to, 0, "-D k=1 s=a");
    to->len = 0;
}

static void memory_refused(void **state)
{
    (void)state;
    kit_refuse_each(forms[3].sql, 2, NODE_SET, true, some, some);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_form), cmocka_unit_test(random_rows), cmocka_unit_test(memory_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
