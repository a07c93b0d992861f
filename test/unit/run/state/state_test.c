/* Stores against a naive model: random puts, touches, removals and drops; deltas replayed into a second store and folded into a
 * snapshot must give the same contents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "os/sim.h"
#include "state/state.h"

static uint64_t seed = 1;
static uint64_t rnd(uint64_t n)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (seed >> 33) % n;
}

static const uint32_t blobs[1] = { 8 };
struct value {
    int64_t number;
    uint64_t blob;
};

static struct store *new_store(bool broadcast)
{
    struct store_layout l = { .id = STR("agg:1/groups"), .value_bytes = sizeof(struct value), .value_align = 8,
                              .n_blobs = 1, .blob_offsets = blobs, .fingerprint = STR("BIGINT"),
                              .broadcast = broadcast };
    struct store *s = store_new(os_real(), &l, true, budget_process());
    assert_non_null(s);
    return s;
}

static struct str key_text(uint64_t k, char out[40])
{
    /* lengths around the word borders of the comparison */
    int n = snprintf(out, 40, "k%0*u", (int)(k % 19), (unsigned)k);
    return (struct str){ out, (size_t)n };
}

static void change(struct store *s, int64_t ns, uint64_t k)
{
    char text[40];
    struct str key = key_text(k, text);
    struct table *t = store_make(s, ns);
    uint64_t h = hash_bytes(key.ptr, key.len);
    struct entry *e = table_find(t, h, key);
    if (e && rnd(4) == 0) {
        assert_true(table_remove(t, e));
        return;
    }
    e = table_put(t, h, key, NULL);
    assert_non_null(e);
    struct value *v = entry_value(t, e);
    v->number += (int64_t)k + 1;
    char bytes[64];
    memset(bytes, (int)(k & 0x7f) + 1, sizeof bytes);
    assert_true(table_set_blob(t, &v->blob, bytes, rnd(3) == 0 ? 0 : rnd(64)));
}

/* Every namespace and entry of a is in b with the same value, and the counts agree. */
static void assert_same(const struct store *a, const struct store *b)
{
    int64_t ns;
    assert_int_equal(store_count(a), store_count(b));
    for (struct table *t = store_next(a, INT64_MIN, &ns); t; t = store_next(a, ns + 1, &ns)) {
        struct table *u = store_find(b, ns);
        uint64_t cursor = 0;
        for (struct entry *e; (e = table_next(t, &cursor));) {
            assert_non_null(u);
            struct entry *f = table_find(u, e->hash, entry_key(t, e));
            assert_non_null(f);
            struct value *v = entry_value(t, e), *w = entry_value(u, f);
            assert_int_equal(v->number, w->number);
            assert_true(str_eq(table_blob(t, v->blob), table_blob(u, w->blob)));
        }
    }
}

static enum status apply(void *arg, const struct delta *d, struct error *err)
{
    return store_apply(arg, d, 0, 1, err);
}

struct pieces {
    struct str at[4096];
    uint32_t n, next;
};

static enum status next_piece(void *arg, struct str *ret, struct error *err)
{
    (void)err;
    struct pieces *p = arg;
    *ret = p->next < p->n ? p->at[p->next++] : (struct str){ NULL, 0 };
    return ST_OK;
}

static enum status keep_piece(void *arg, struct str payload, struct error *err)
{
    (void)err;
    struct pieces *p = arg;
    char *copy = malloc(payload.len);
    memcpy(copy, payload.ptr, payload.len);
    assert_true(p->n < 4096);
    p->at[p->n++] = (struct str){ copy, payload.len };
    return ST_OK;
}

static void free_pieces(struct pieces *p)
{
    for (uint32_t i = 0; i < p->n; i++)
        free((void *)(uintptr_t)p->at[i].ptr);
    memset(p, 0, sizeof *p);
}

static void deltas_and_folds_rebuild_the_store(void **state)
{
    (void)state;
    static struct pieces deltas, snapshot, newer;
    for (int round = 0; round < 30; round++) {
        seed = (uint64_t)round + 1;
        struct store *live = new_store(false), *replayed = new_store(false);
        struct error err = { 0 };
        for (int epoch = 0; epoch < 12; epoch++) {
            for (int i = 0; i < 200; i++)
                change(live, (int64_t)rnd(4) - 2, rnd(150));
            if (rnd(2))
                assert_true(store_drop(live, (int64_t)rnd(4) - 2));
            struct buf out;
            buf_init(&out, budget_process(), SIZE_MAX);
            assert_int_equal(store_delta(live, &out, &err), ST_OK);
            assert_false(store_dirty(live));
            assert_int_equal(delta_read(buf_str(&out), apply, replayed, &err), ST_OK);
            assert_false(store_dirty(replayed));
            assert_int_equal(keep_piece(&deltas, buf_str(&out), &err), ST_OK);
            buf_release(&out);
            assert_same(live, replayed);
            if (epoch % 4 != 3)
                continue;
            struct fold_input old = { snapshot.n ? next_piece : NULL, &snapshot };
            assert_int_equal(state_fold(old, deltas.at, deltas.n, budget_process(), keep_piece, &newer, &err), ST_OK);
            free_pieces(&deltas);
            free_pieces(&snapshot);
            snapshot = newer;
            memset(&newer, 0, sizeof newer);
            struct store *restored = new_store(false);
            for (uint32_t i = 0; i < snapshot.n; i++)
                assert_int_equal(delta_read(snapshot.at[i], apply, restored, &err), ST_OK);
            assert_same(live, restored);
            store_free(restored);
        }
        free_pieces(&deltas);
        free_pieces(&snapshot);
        store_free(live);
        store_free(replayed);
    }
    assert_int_equal(atomic_load(&budget_process()->used), 0);
}

struct part {
    struct store *store;
    uint32_t shard;
};

static enum status apply_part(void *arg, const struct delta *d, struct error *err)
{
    struct part *p = arg;
    return store_apply(p->store, d, p->shard, 3, err);
}

static void rescale_deals_entries_out_by_key_group(void **state)
{
    (void)state;
    struct store *live = new_store(false);
    struct buf out;
    struct error err = { 0 };
    buf_init(&out, budget_process(), SIZE_MAX);
    for (uint64_t k = 0; k < 1000; k++)
        change(live, 0, k);
    assert_int_equal(store_delta(live, &out, &err), ST_OK);
    uint64_t sum = 0;
    for (uint32_t shard = 0; shard < 3; shard++) {
        struct part part = { new_store(false), shard }, all = { new_store(true), shard };
        assert_int_equal(delta_read(buf_str(&out), apply_part, &part, &err), ST_OK);
        assert_int_equal(delta_read(buf_str(&out), apply_part, &all, &err), ST_OK);
        assert_true(store_count(part.store) > 200);
        assert_int_equal(store_count(all.store), store_count(live));
        sum += store_count(part.store);
        store_free(part.store);
        store_free(all.store);
    }
    assert_int_equal(sum, store_count(live));
    buf_release(&out);
    store_free(live);
}

static void another_layout_is_refused(void **state)
{
    (void)state;
    struct store *live = new_store(false);
    struct store_layout l = *store_layout(live);
    struct error err = { 0 };
    struct buf out;
    l.fingerprint = STR("STRING");
    struct store *other = store_new(os_real(), &l, true, budget_process());
    buf_init(&out, budget_process(), SIZE_MAX);
    change(live, 0, 1);
    assert_int_equal(store_delta(live, &out, &err), ST_OK);
    assert_int_equal(delta_read(buf_str(&out), apply, other, &err), ST_MISMATCH);
    assert_non_null(strstr(err.message, "BIGINT"));
    /* cut at every byte: corrupt, or whole sections only */
    for (size_t n = 1; n < out.len; n++) {
        struct store *s = new_store(false);
        assert_int_equal(delta_read((struct str){ (char *)out.data, n }, apply, s, &err), ST_CORRUPT);
        store_free(s);
    }
    buf_release(&out);
    store_free(other);
    store_free(live);
}

/* Keys around the length from which it is kept apart, among short ones, through a delta and back. */
static void keys_of_any_length(void **state)
{
    (void)state;
    static const uint32_t lens[] = { 0, 1, 9, 65534, 65535, 65536, 70000 };
    static char text[70000];
    struct store *s = new_store(false), *copy = new_store(false);
    struct error err;
    error_clear(&err);
    memset(text, 'x', sizeof text);
    for (uint32_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct str key = { text, lens[i] };
        struct table *t = store_make(s, 0);
        struct entry *e = table_put(t, hash_bytes(key.ptr, key.len), key, NULL);
        assert_non_null(e);
        ((struct value *)entry_value(t, e))->number = lens[i] + 1;
        assert_true(str_eq(entry_key(t, e), key));
        assert_ptr_equal(table_find(t, hash_bytes(key.ptr, key.len), key), e);
    }
    struct buf delta;
    buf_init(&delta, budget_process(), SIZE_MAX);
    assert_int_equal(store_delta(s, &delta, &err), ST_OK);
    assert_int_equal(delta_read(buf_str(&delta), apply, copy, &err), ST_OK);
    assert_same(s, copy);
    struct table *t = store_make(s, 0);
    for (uint32_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct str key = { text, lens[i] };
        assert_true(table_remove(t, table_find(t, hash_bytes(key.ptr, key.len), key)));
    }
    assert_int_equal(table_count(t), 0);
    buf_release(&delta);
    store_free(s);
    store_free(copy);
}

/* A copy has the entries in the same order, removed ones left out, whatever the sizes of the two. */
static void a_copied_table_is_the_same(void **state)
{
    (void)state;
    struct store_layout l = { .id = STR("a"), .value_bytes = 8, .value_align = 8, .fingerprint = STR("x") };
    for (uint32_t n = 0; n < 3000; n = n * 3 + 1) {
        struct store *a = store_new(os_real(), &l, true, budget_process());
        struct store *b = store_new(os_real(), &l, false, budget_process());
        struct table *from = store_make(a, 7), *to = store_make(b, 0);
        for (uint32_t k = 0; k < n; k++) {
            char text[40];
            struct str key = key_text(k, text);
            struct entry *e = table_put(from, hash_bytes(key.ptr, key.len), key, NULL);
            *(int64_t *)entry_value(from, e) = k;
            if (k % 5 == 3)
                assert_true(table_remove(from, e));
        }
        assert_true(table_copy(to, from));
        assert_int_equal(table_count(to), table_count(from));
        uint64_t at = 0, at_copy = 0;
        for (struct entry *e; (e = table_next(from, &at));) {
            struct entry *f = table_next(to, &at_copy);
            assert_non_null(f);
            assert_true(str_eq(entry_key(from, e), entry_key(to, f)));
            assert_int_equal(*(int64_t *)entry_value(from, e), *(int64_t *)entry_value(to, f));
            assert_ptr_equal(table_find(to, f->hash, entry_key(to, f)), f);
        }
        assert_null(table_next(to, &at_copy));
        store_free(a);
        store_free(b);
    }
}

static void a_refused_budget_is_a_status(void **state)
{
    (void)state;
    struct budget small;
    budget_init(&small, "small", 20000, NULL);
    struct store_layout l = { .id = STR("s"), .value_bytes = 16, .value_align = 8, .n_blobs = 1, .blob_offsets = blobs,
                              .fingerprint = STR("x") };
    struct store *s = store_new(os_real(), &l, true, &small);
    struct table *t = store_make(s, 0);
    uint64_t k = 0;
    struct entry *e;
    do {
        char text[40];
        struct str key = key_text(k++, text);
        e = table_put(t, hash_bytes(key.ptr, key.len), key, NULL);
    } while (e && k < 100000);
    assert_null(e);
    assert_true(atomic_load(&small.used) <= 20000);
    store_free(s);
    assert_int_equal(atomic_load(&small.used), 0);
}

/* The model: a plain list of what is set. */
struct model {
    int64_t at[400];
    uint32_t n;
};

static bool model_take(struct model *m, int64_t deadline)
{
    for (uint32_t i = 0; i < m->n; i++)
        if (m->at[i] == deadline) {
            m->at[i] = m->at[--m->n];
            return true;
        }
    return false;
}

static void pop_all(struct timers *t, struct model *m, int64_t now)
{
    int64_t last = INT64_MIN, deadline, payload;
    while (timers_pop(t, now, &deadline, &payload)) {
        assert_true(deadline <= now && deadline >= last);
        assert_int_equal(payload, deadline * 2);
        assert_true(model_take(m, deadline));
        last = deadline;
    }
    int64_t least = INT64_MAX;
    for (uint32_t i = 0; i < m->n; i++)
        least = m->at[i] < least ? m->at[i] : least;
    assert_int_equal(timers_next(t), least);
    assert_true(least > now || now == INT64_MAX);
}

static void timers_come_in_order(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        seed = (uint64_t)round + 77;
        struct timers *t = timers_new(budget_process());
        struct model m = { .n = 0 };
        int64_t span = round % 2 ? 1000 : 10000000, now = -span;
        for (int i = 0; i < 300; i++) {
            int64_t d = now + (int64_t)rnd((uint64_t)span) + 1;
            (void)model_take(&m, d); /* equal ones are kept once */
            m.at[m.n++] = d;
            assert_true(timers_add(t, d, d * 2) && timers_add(t, d, d * 2));
            if (rnd(8) == 0)
                assert_int_equal(timers_remove(t, d, d * 2), model_take(&m, d));
            if (rnd(3) == 0) {
                now += (int64_t)rnd((uint64_t)span / 10 + 1);
                pop_all(t, &m, now);
            }
        }
        pop_all(t, &m, INT64_MAX);
        assert_int_equal(m.n, 0);
        timers_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deltas_and_folds_rebuild_the_store),
        cmocka_unit_test(rescale_deals_entries_out_by_key_group),
        cmocka_unit_test(another_layout_is_refused),
        cmocka_unit_test(keys_of_any_length),
        cmocka_unit_test(a_copied_table_is_the_same),
        cmocka_unit_test(a_refused_budget_is_a_status),
        cmocka_unit_test(timers_come_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
