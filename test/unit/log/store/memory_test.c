/* Memory is refused at every place where it is asked for, once a run: what fails says ST_MEMORY and has done nothing, or is
 * final and the next opening finds all; the same call again succeeds; at the end everything is there. */
#include "kit.h"

enum { TRIES = 3 };

struct life {
    struct world w;
    uint32_t refused, reopened;
};

static enum status reopen(struct life *y)
{
    struct error err;
    store_abandon(y->w.s);
    y->w.s = NULL;
    y->reopened++;
    for (int i = 0; i < TRIES; i++) {
        enum status st = world_open(&y->w, &err);
        if (st != ST_MEMORY)
            return st;
        y->refused++;
    }
    return ST_MEMORY;
}

/* Once more after a refusal; an opening anew where that was final. `same` false: the refused call had its effect. */
static bool again(struct life *y, enum status st, int *tries)
{
    struct error err;
    if (st == ST_OK)
        return false;
    if (st != ST_MEMORY)
        print_error("%s\n", status_name(st));
    assert_int_equal(st, ST_MEMORY);
    assert_true(++*tries < TRIES);
    y->refused++;
    bool more;
    if (store_commit_step(y->w.s, &more, &err) != ST_OK)
        assert_int_equal(reopen(y), ST_OK);
    return true;
}

#define AGAIN(y, call)                                              \
    do {                                                            \
        int tries_ = 0;                                             \
        while (again((y), (call), &tries_))                         \
            ;                                                       \
    } while (0)

/* The batches that are put, each with the offset that it gets. */
static enum status put_one(struct life *y, uint64_t tag, struct shared *b)
{
    struct error err;
    bool more;
    struct fate f = { 0 };
    int64_t base;
    if (store_log_high(y->w.l) > (int64_t)tag)
        return ST_OK; /* was in doubt, and is there */
    struct store_group *g = store_group_new(y->w.s, NULL);
    if (!g)
        return ST_MEMORY;
    enum status st = store_group_append(g, y->w.l, b, 0, b->len, &base, &err);
    if (st == ST_OK && tag % 2)
        st = store_group_note(g, &(struct store_note){ (uint32_t)tag % 3, STR("note") }, &err);
    if (st != ST_OK) {
        store_group_free(g);
        return st;
    }
    assert_int_equal(base, tag);
    store_group_submit(g, kit_done, &f);
    st = store_commit_step(y->w.s, &more, &err);
    assert_int_equal(f.calls, 1);
    return f.st != ST_OK ? f.st : st;
}

static enum status read_one(struct life *y, int64_t at)
{
    struct store_range r;
    struct error err;
    int64_t next;
    TRY(store_read(y->w.l, at, INT64_MAX, 1, &r, &next, &err));
    assert_int_equal(r.first_offset, at);
    store_range_release(&r);
    TRY(store_seek(y->w.l, at * 10 - 5, INT64_MAX, &r, &err));
    assert_int_equal(r.first_offset, at);
    store_range_release(&r);
    return ST_OK;
}

static enum status rewrite_first(struct life *y, struct shared *b)
{
    struct error err;
    struct store_rewrite *r;
    struct store_segment seg;
    assert_true(store_log_segment(y->w.l, 0, &seg));
    if (seg.bytes <= b->len) /* was in doubt, and is done */
        return ST_OK;
    TRY(store_rewrite_begin(y->w.l, 0, 1, &r, &err));
    enum status st = store_rewrite_put(r, str_make(b->data, b->len), &err);
    if (st != ST_OK) {
        store_rewrite_drop(r);
        return st;
    }
    return store_rewrite_end(r, &err);
}

static enum status trim_to(struct life *y, int64_t at)
{
    struct error err;
    return store_log_trim(y->w.l, at, &err);
}

static enum status tend(struct life *y)
{
    struct error err;
    return store_tend(y->w.s, &err);
}

static enum status close_it(struct life *y)
{
    struct error err;
    enum status st = store_close(y->w.s, &err); /* gone in any case */
    y->w.s = NULL;
    return st;
}

static enum status create(struct life *y)
{
    struct error err;
    struct store_id id = kit_id(0);
    y->w.l = store_log_find(y->w.s, &id);
    return y->w.l ? ST_OK : store_log_create(y->w.s, &id, &small_log, &y->w.l, &err);
}

enum { BATCHES = 8 };

static void one_life(struct life *y, uint64_t n, struct shared **b)
{
    struct error err;
    *y = (struct life){ .w = { .sim = sim_new(n, NULL) } };
    budget_fail_nth(n);
    enum status st = world_open(&y->w, &err);
    for (int i = 0; st == ST_MEMORY && i < TRIES; i++, y->refused++)
        st = world_open(&y->w, &err);
    assert_int_equal(st, ST_OK);
    AGAIN(y, create(y));
    for (uint64_t i = 0; i < BATCHES; i++)
        AGAIN(y, put_one(y, i, b[i]));
    for (int64_t i = 0; i < BATCHES; i++)
        AGAIN(y, read_one(y, i));
    AGAIN(y, rewrite_first(y, b[1]));
    AGAIN(y, tend(y));
    AGAIN(y, trim_to(y, 1));
    AGAIN(y, read_one(y, 1));
    for (int life = 0; life < 2; life++) {
        if (life == 0)
            store_abandon(y->w.s);
        else if (close_it(y) != ST_OK)
            y->refused++;
        y->w.s = NULL;
        st = ST_MEMORY;
        for (int i = 0; st == ST_MEMORY && i < TRIES; i++)
            st = world_open(&y->w, &err);
        assert_int_equal(st, ST_OK);
        for (int64_t i = 1; i < BATCHES; i++) {
            struct store_segment seg;
            assert_true(store_log_segment(y->w.l, 0, &seg));
            if (i == 1 || i > seg.last_offset)
                AGAIN(y, read_one(y, i));
        }
    }
    assert_int_equal(store_log_high(y->w.l), BATCHES);
    store_abandon(y->w.s);
}

static void test_every_refusal(void **state)
{
    (void)state;
    struct shared *b[BATCHES];
    uint32_t refused = 0, reopened = 0;
    for (uint64_t i = 0; i < BATCHES; i++)
        b[i] = batch_make(i, 1, i % 4 == 3 ? 1500 : 700, (int64_t)i * 10);
    for (uint64_t n = 1;; n++) {
        static struct life y;
        one_life(&y, n, b);
        bool over = budget_takes() < n;
        budget_fail_nth(0);
        sim_free(y.w.sim);
        refused += y.refused;
        reopened += y.reopened;
        if (over)
            break;
    }
    for (uint64_t i = 0; i < BATCHES; i++)
        shared_unref(b[i]);
    print_message("  %u refusals, %u of them final\n", refused, reopened);
    assert_true(refused > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_refusal) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
