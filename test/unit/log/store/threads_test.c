/* Everything at once, on a real disk, for the thread sanitizer: appenders of several partitions, the writer with its upkeep,
 * tend, readers by offset and by time, a compactor, a scrub. What readers see is whole, in its place, and stays so; at the end
 * all that was acknowledged and not taken away is there, also after an opening. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "kit.h"

enum { LOGS = 4, APPENDERS = 3, READERS = 3, TURNS = 250 };

struct part {
    struct store_log *log;
    pthread_mutex_t lock;
    int64_t next; /* the highest end that was acknowledged */
};
struct house {
    struct store *s;
    struct os *os;
    struct part parts[LOGS];
    _Atomic int64_t high[LOGS];
    _Atomic(struct store_rewrite *) finished; /* by the compactor, for the writer to end */
    atomic_uint appending, waiting, reads, seeks, rewritten, checked;
    atomic_bool stop, stop_writing, compacting;
};

static uint32_t dice(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

struct pending {
    struct house *h;
    uint32_t part;
    int64_t end;
};

static void done(void *arg, struct store_group *g, enum status st, const struct error *err)
{
    struct pending *p = arg;
    if (st != ST_OK)
        print_error("%s\n", err->message);
    assert_int_equal(st, ST_OK);
    if (p->end > atomic_load(&p->h->high[p->part]))
        atomic_store(&p->h->high[p->part], p->end);
    atomic_fetch_sub(&p->h->waiting, 1);
    store_group_free(g);
    free(p);
}

/* The bytes of a batch say which partition and which time they are of; the time is the offset. */
static void *append(void *arg)
{
    struct house *h = arg;
    struct error err;
    uint64_t seed = atomic_fetch_add(&h->appending, 1) + 7;
    for (int turn = 0; turn < TURNS; turn++) {
        uint32_t i = dice(&seed) % LOGS;
        struct part *p = &h->parts[i];
        struct shared *b = batch_make(i, 1 + dice(&seed) % 3, dice(&seed) % 8 ? 100 : 12000, 1);
        struct pending *pending = malloc(sizeof *pending);
        struct store_group *g = store_group_new(h->s, NULL);
        int64_t base;
        while (atomic_load(&h->waiting) > 64)
            usleep(100);
        pthread_mutex_lock(&p->lock);
        record_batch_stamp_time(b->data, true, store_log_end(p->log));
        must(store_group_append(g, p->log, b, 0, b->len, &base, &err), &err);
        *pending = (struct pending){ h, i, store_log_end(p->log) };
        atomic_fetch_add(&h->waiting, 1);
        store_group_submit(g, done, pending);
        pthread_mutex_unlock(&p->lock);
        shared_unref(b);
    }
    atomic_fetch_sub(&h->appending, 1);
    return NULL;
}

static void *write_all(void *arg)
{
    struct house *h = arg;
    struct error err;
    uint64_t seed = 99;
    bool more = true;
    while (more || !atomic_load(&h->stop_writing)) {
        must(store_commit_step(h->s, &more, &err), &err);
        struct store_rewrite *w = atomic_exchange(&h->finished, NULL);
        if (w) {
            enum status st = store_rewrite_end(w, &err);
            assert_true(st == ST_OK || st == ST_NOT_FOUND);
            atomic_fetch_add(&h->rewritten, st == ST_OK);
            atomic_store(&h->compacting, false);
        }
        uint32_t n = dice(&seed), i = n / 256 % LOGS;
        struct store_log *l = h->parts[i].log;
        if (n % 256 == 0)
            must(store_log_trim(l, store_log_start(l) + (store_log_high(l) - store_log_start(l)) / 3, &err), &err);
        else if (n % 256 == 1)
            store_log_roll(l);
        else if (n % 256 == 2)
            store_log_configure(l, &(struct store_log_options){ 40000 + n % 40000, 500 + n % 500 });
        if (!more)
            usleep(50);
    }
    return NULL;
}

static void *tend(void *arg)
{
    struct house *h = arg;
    struct error err;
    while (!atomic_load(&h->stop)) {
        must(store_tend(h->s, &err), &err);
        usleep(500);
    }
    return NULL;
}

static void look_at(struct house *h, uint32_t i, struct store_range *r, uint8_t *bytes)
{
    struct error err;
    size_t got;
    assert_true(r->len <= 1 << 20);
    must(os_pread(h->os, r->file, bytes, (size_t)r->len, r->at, &got, &err), &err);
    assert_int_equal(got, r->len);
    int64_t next = r->first_offset;
    for (struct str rest = str_make(bytes, got); rest.len > 0;) {
        struct record_batch b;
        must(record_batch_next(&rest, &b, &err), &err);
        must(record_batch_check(&b, &err), &err);
        assert_true(b.base_offset >= next);
        assert_int_equal(b.max_timestamp_ms, b.base_offset);
        assert_int_equal(batch_tag(&b), i);
        next = record_batch_last_offset(&b) + 1;
    }
    store_range_release(r);
}

static void *read_some(void *arg)
{
    struct house *h = arg;
    struct error err;
    uint64_t seed = (uint64_t)pthread_self();
    uint8_t *bytes = malloc(1 << 20);
    while (!atomic_load(&h->stop)) {
        uint32_t i = dice(&seed) % LOGS;
        struct store_log *l = h->parts[i].log;
        usleep(100);
        int64_t start = store_log_start(l), high = store_log_high(l), next, end;
        int64_t at = start + (high > start ? dice(&seed) % (high - start) : 0);
        struct store_range r;
        struct store_segment seg;
        int32_t epoch;
        if (dice(&seed) % 3) {
            enum status st = store_read(l, at, INT64_MAX, dice(&seed) % 60000, &r, &next, &err);
            assert_true(st == ST_OK || (st == ST_NOT_FOUND && at < store_log_start(l)));
            if (st == ST_OK && r.len)
                look_at(h, i, &r, bytes);
            atomic_fetch_add(&h->reads, st == ST_OK);
        } else {
            must(store_seek(l, at, high, &r, &err), &err);
            if (r.len)
                look_at(h, i, &r, bytes);
            atomic_fetch_add(&h->seeks, 1);
        }
        (void)store_log_segment(l, dice(&seed) % 4, &seg);
        assert_true(store_log_bytes(l) < (uint64_t)1 << 40);
        assert_true(store_log_epoch_end(l, 5, &epoch, &end));
    }
    free(bytes);
    return NULL;
}

static void no_rot(void *arg, struct store_log *l, const char *file, uint64_t byte, int64_t first, int64_t last,
                   const char *what)
{
    (void)arg, (void)l, (void)byte, (void)first, (void)last;
    fail_msg("%s: %s", file, what);
}

/* Two neighbours at a time, every other batch. */
static void *compact(void *arg)
{
    struct house *h = arg;
    struct error err;
    uint64_t seed = 5;
    uint8_t *bytes = malloc(1 << 20);
    while (!atomic_load(&h->stop)) {
        struct store_log *l = h->parts[dice(&seed) % LOGS].log;
        struct store_segment seg;
        struct store_rewrite *w;
        usleep(100);
        if (dice(&seed) % 16 == 0) {
            must(store_log_check(l, true, &(struct store_visitor){ .rot = no_rot }, &err), &err);
            atomic_fetch_add(&h->checked, 1);
        }
        uint32_t first = dice(&seed) % 3;
        if (!store_log_segment(l, first + 1, &seg) || seg.active)
            continue;
        int64_t end = seg.last_offset + 1;
        if (!store_log_segment(l, first, &seg) || store_rewrite_begin(l, seg.base_offset, 2, &w, &err) != ST_OK)
            continue;
        enum status st = ST_OK;
        for (int64_t at = seg.base_offset; st == ST_OK && at < end;) {
            struct store_range r;
            int64_t next;
            size_t got, used;
            struct record_batch b;
            st = store_read(l, at, end, 1, &r, &next, &err);
            if (st != ST_OK || r.len == 0)
                break;
            must(os_pread(h->os, r.file, bytes, (size_t)r.len, r.at, &got, &err), &err);
            store_range_release(&r);
            must(record_batch_read(str_make(bytes, got), &b, &used, &err), &err);
            at = record_batch_last_offset(&b) + 1;
            if (at <= end && dice(&seed) % 2)
                st = store_rewrite_put(w, b.bytes, &err);
        }
        if (st == ST_OK)
            st = store_rewrite_sync(w, &err);
        if (st != ST_OK) {
            store_rewrite_drop(w);
            continue;
        }
        atomic_store(&h->compacting, true);
        atomic_store(&h->finished, w);
        while (atomic_load(&h->compacting))
            usleep(100);
    }
    free(bytes);
    return NULL;
}

static void expect_ends(struct house *h)
{
    struct error err;
    for (uint32_t i = 0; i < LOGS; i++) {
        struct store_id id = kit_id(i);
        struct store_log *l = store_log_find(h->s, &id);
        assert_int_equal(store_log_high(l), atomic_load(&h->high[i]));
        assert_int_equal(store_log_end(l), atomic_load(&h->high[i]));
        must(store_log_check(l, true, &(struct store_visitor){ .rot = no_rot }, &err), &err);
    }
}

static void all_at_once(enum store_durability durability)
{
    char dir[] = "/tmp/weir-threads-XXXXXX", command[64];
    static struct house h;
    struct error err;
    pthread_t writer, threads[APPENDERS + READERS + 2];
    uint32_t n = 0;
    assert_non_null(mkdtemp(dir));
    h = (struct house){ .os = os_real() };
    struct store_options o = { h.os, dir, NULL, durability, 400000, 8000, 4, 6000 };
    must(store_open(&o, NULL, &h.s, NULL, &err), &err);
    for (uint32_t i = 0; i < LOGS; i++) {
        struct store_id id = kit_id(i);
        must(store_log_create(h.s, &id, &(struct store_log_options){ 60000, 600 }, &h.parts[i].log, &err), &err);
        pthread_mutex_init(&h.parts[i].lock, NULL);
    }
    for (uint32_t i = 0; i < APPENDERS; i++)
        assert_int_equal(pthread_create(&threads[n++], NULL, append, &h), 0);
    void *(*const others[])(void *) = { tend, compact, read_some, read_some, read_some };
    assert_int_equal(pthread_create(&writer, NULL, write_all, &h), 0);
    for (size_t i = 0; i < READERS + 2; i++)
        assert_int_equal(pthread_create(&threads[n++], NULL, others[i], &h), 0);
    for (uint32_t i = 0; i < APPENDERS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&h.stop, true);
    for (uint32_t i = APPENDERS; i < n; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&h.stop_writing, true); /* the compactor waits for it */
    pthread_join(writer, NULL);
    for (bool more = true; more;)
        must(store_commit_step(h.s, &more, &err), &err);
    expect_ends(&h);
    print_message("  %u reads, %u seeks, %u rewrites, %u checks\n", h.reads, h.seeks, h.rewritten, h.checked);
    assert_true(h.reads > 50 && h.seeks > 20 && h.rewritten > 0);
    if (durability == STORE_STRICT)
        store_abandon(h.s);
    else
        must(store_close(h.s, &err), &err);
    must(store_open(&o, NULL, &h.s, NULL, &err), &err);
    expect_ends(&h);
    must(store_close(h.s, &err), &err);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

static void test_strict(void **state) { (void)state; all_at_once(STORE_STRICT); }
static void test_relaxed(void **state) { (void)state; all_at_once(STORE_RELAXED); }

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_strict), cmocka_unit_test(test_relaxed) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
