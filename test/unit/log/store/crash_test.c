/* The store under power loss and faults at every call of the disk, in every mood, life after life on the same disk.
 *
 * Two partitions take groups of one to three batches, small ones (through the journal) and bulk (straight), with notes,
 * rolls, trims, rewrites of sealed segments, tending, and clean stops. The model outside knows which groups were acknowledged, refused, or are in
 * doubt. What must hold after each opening: an acknowledged group is there, whole and once; a refused one is not; one in
 * doubt is there whole or not at all, and from then on it is settled; offsets go on without gap or repeat; the note is that of
 * the newest group that is there; what a rewrite took away is gone, where it is in doubt, all of that or nothing; no file
 * of a rewrite is left. */
#include "kit.h"

enum { GROUPS = 400, BATCHES = 3, REWRITES = 100 };
enum truth { UNKNOWN, THERE, ABSENT, REFUSED }; /* refused: absent, when the step ends well */

struct known_batch {
    uint32_t log;
    int64_t base, end;
    uint32_t removed_by; /* a rewrite, from 1; 0: none */
    bool seen;
};
struct known_rewrite {
    enum truth truth;
    uint32_t log;
    int64_t end;
};
struct known {
    struct {
        enum truth truth;
        uint32_t n, seen;
        struct known_batch batches[BATCHES];
        bool note;
    } groups[GROUPS];
    uint32_t n_groups;
    struct known_rewrite rewrites[REWRITES];
    uint32_t n_rewrites;
    bool created[KIT_LOGS], creating[KIT_LOGS];
    int64_t start[KIT_LOGS], start_tried[KIT_LOGS];
    bool relaxed;
    /* of the reading under way */
    uint32_t log;
    int64_t next;
    uint32_t newest;
    /* of all */
    uint32_t straight, trims, rolls, recovered, rewritten;
};

static uint64_t noted;
static bool note_seen;
static enum status see_note(void *arg, const struct store_note *n, struct error *err)
{
    (void)arg;
    (void)err;
    assert_int_equal(n->kind, 7);
    memcpy(&noted, n->bytes.ptr, 8);
    note_seen = true;
    return ST_OK;
}

static void no_rot(void *arg, struct store_log *l, const char *file, uint64_t byte, int64_t first, int64_t last,
                   const char *what)
{
    (void)arg, (void)l, (void)byte, (void)first, (void)last;
    fail_msg("%s: %s", file, what);
}

static void see(void *arg, const struct record_batch *b)
{
    struct known *k = arg;
    struct error err;
    uint64_t tag = batch_tag(b);
    must(record_batch_check(b, &err), &err);
    assert_true(b->base_offset >= k->next);
    k->next = record_batch_last_offset(b) + 1;
    uint32_t g = (uint32_t)(tag / BATCHES), i = (uint32_t)(tag % BATCHES);
    assert_true(g < k->n_groups && i < k->groups[g].n);
    assert_int_equal(k->groups[g].batches[i].log, k->log);
    assert_int_equal(k->groups[g].batches[i].base, b->base_offset);
    assert_int_not_equal(k->groups[g].truth, ABSENT);
    k->groups[g].seen++;
    k->groups[g].batches[i].seen = true;
}

typedef void each_batch(struct known *k, uint32_t group, struct known_batch *b, void *arg);
static void for_batches(struct known *k, each_batch *f, void *arg)
{
    for (uint32_t g = 0; g < k->n_groups; g++) {
        for (uint32_t i = 0; i < k->groups[g].n; i++)
            f(k, g, &k->groups[g].batches[i], arg);
    }
}

static void unsee(struct known *k, uint32_t group, struct known_batch *b, void *arg)
{
    (void)arg;
    k->groups[group].seen = 0;
    b->seen = false;
}

/* One that is seen disproves the rewrite that would have removed it. */
static void disprove(struct known *k, uint32_t group, struct known_batch *b, void *arg)
{
    (void)group, (void)arg;
    if (!b->removed_by || !b->seen)
        return;
    struct known_rewrite *r = &k->rewrites[b->removed_by - 1];
    assert_int_not_equal(r->truth, THERE);
    r->truth = ABSENT;
}

static void conclude_refused(struct known *k, uint32_t group, struct known_batch *b, void *arg)
{
    (void)group, (void)arg;
    if (b->removed_by && k->rewrites[b->removed_by - 1].truth == ABSENT)
        b->removed_by = 0;
}

static void conclude(struct known *k, uint32_t group, struct known_batch *b, void *arg)
{
    (void)arg;
    if (!b->removed_by)
        return;
    if (k->rewrites[b->removed_by - 1].truth == THERE)
        k->groups[group].truth = THERE;
    else
        b->removed_by = 0;
}

/* Rewrites in doubt: those of which nothing is seen, though the log goes on behind them, have been. */
static void settle_rewrites(struct known *k, struct store *s)
{
    for_batches(k, disprove, NULL);
    for (uint32_t i = 0; i < k->n_rewrites; i++) {
        struct known_rewrite *r = &k->rewrites[i];
        struct store_id id = kit_id(r->log);
        struct store_log *log = store_log_find(s, &id);
        if (r->truth == UNKNOWN || r->truth == REFUSED)
            r->truth = log && store_log_high(log) >= r->end ? THERE : ABSENT;
    }
    for_batches(k, conclude, NULL);
}

static void no_new(struct os *os)
{
    struct arena a;
    struct os_name *dirs, *names;
    uint32_t n_dirs = 0, n = 0;
    arena_init(&a, NULL);
    if (os->ops->list(os, "d/log", &a, &dirs, &n_dirs, NULL) != ST_OK)
        n_dirs = 0;
    for (uint32_t d = 0; d < n_dirs; d++) {
        char path[128];
        snprintf(path, sizeof path, "d/log/%.*s", STR_ARG(dirs[d].name));
        if (os->ops->list(os, path, &a, &names, &n, NULL) != ST_OK)
            n = 0;
        for (uint32_t i = 0; i < n; i++)
            assert_false(str_ends(names[i].name, STR(".new")));
    }
    arena_release(&a);
}

/* Compares what is there with what is known, and takes what was in doubt for settled. */
static enum status verify(struct known *k, struct os *os, struct store *s, bool clean, struct error *err)
{
    for_batches(k, unsee, NULL);
    if (!clean)
        no_new(os);
    for (uint32_t l = 0; l < KIT_LOGS; l++) {
        struct store_id id = kit_id(l);
        struct store_log *log = store_log_find(s, &id);
        assert_true(log || !k->created[l]);
        assert_true(!log || k->creating[l]);
        k->created[l] = log;
        if (!log)
            continue;
        int64_t start = store_log_start(log);
        assert_true(start == k->start[l] || start == k->start_tried[l] || (k->relaxed && start < k->start[l]));
        k->start[l] = k->start_tried[l] = start;
        k->log = l;
        k->next = 0; /* a batch across the start is read from its beginning */
        TRY(read_all(os, log, see, k, NULL, err));
        assert_int_equal(k->next > start ? k->next : start, store_log_high(log));
        assert_int_equal(store_log_end(log), store_log_high(log));
    }
    settle_rewrites(k, s);
    uint32_t newest = UINT32_MAX;
    for (uint32_t g = 0; g < k->n_groups; g++) {
        uint32_t want = 0;
        for (uint32_t i = 0; i < k->groups[g].n; i++)
            want += k->groups[g].batches[i].end > k->start[k->groups[g].batches[i].log] &&
                    !k->groups[g].batches[i].removed_by;
        if (k->groups[g].truth == THERE)
            assert_int_equal(k->groups[g].seen, want);
        if (k->groups[g].truth == UNKNOWN && want > 0) {
            assert_true(k->groups[g].seen == 0 || k->groups[g].seen == want);
            k->groups[g].truth = k->groups[g].seen ? THERE : ABSENT;
        }
        if (k->groups[g].truth != ABSENT && k->groups[g].note)
            newest = g;
    }
    if (newest != UINT32_MAX) {
        assert_true(note_seen);
        assert_int_equal(noted, newest);
    }
    return ST_OK;
}

struct pending {
    struct known *k;
    uint32_t group;
};
static struct pending pendings[GROUPS];

static void done(void *arg, struct store_group *g, enum status st, const struct error *err)
{
    (void)err;
    struct pending *p = arg;
    if (st == ST_OK && !p->k->relaxed)
        p->k->groups[p->group].truth = THERE;
    else if (st != ST_OK)
        p->k->groups[p->group].truth = REFUSED;
    store_group_free(g);
}

static void submit(struct known *k, struct sim *sim, struct store *s)
{
    struct error err;
    uint32_t id = k->n_groups;
    if (id == GROUPS)
        return;
    struct store_group *g = store_group_new(s, NULL);
    k->groups[id].n = 0;
    for (uint32_t n = 1 + (uint32_t)(sim_random(sim) % BATCHES); n > 0; n--) {
        uint32_t l = (uint32_t)(sim_random(sim) % KIT_LOGS), i = k->groups[id].n;
        uint64_t dice = sim_random(sim);
        uint32_t bytes = dice % 4 == 0 ? 1100 + (uint32_t)(dice / 4 % 900) : 8 + (uint32_t)(dice / 4 % 200);
        k->straight += bytes >= 1100;
        struct store_id sid = kit_id(l);
        struct store_log *log = store_log_find(s, &sid);
        struct shared *b = batch_make((uint64_t)id * BATCHES + i, 1 + (uint32_t)(dice >> 20) % 3, bytes, 1000 + id);
        int64_t base;
        enum status st = store_group_append(g, log, b, 0, b->len, &base, &err);
        shared_unref(b);
        if (st != ST_OK) { /* a commit has failed before */
            store_group_free(g);
            return;
        }
        k->groups[id].batches[i] = (struct known_batch){ .log = l, .base = base, .end = store_log_end(log) };
        k->groups[id].n++;
    }
    k->groups[id].note = sim_random(sim) % 2;
    if (k->groups[id].note) {
        uint64_t tag = id;
        struct store_note n = { 7, str_make(&tag, 8) };
        must(store_group_note(g, &n, &err), &err);
    }
    k->groups[id].truth = UNKNOWN;
    k->n_groups++;
    pendings[id] = (struct pending){ k, id };
    store_group_submit(g, done, &pendings[id]);
}

static enum status trim(struct known *k, struct sim *sim, struct store *s, struct error *err)
{
    uint32_t l = (uint32_t)(sim_random(sim) % KIT_LOGS);
    struct store_id id = kit_id(l);
    struct store_log *log = store_log_find(s, &id);
    int64_t room = store_log_high(log) - store_log_start(log);
    if (room < 4)
        return ST_OK;
    k->start_tried[l] = store_log_start(log) + room / 2;
    enum status st = store_log_trim(log, k->start_tried[l], err);
    if (st == ST_OK)
        k->start[l] = k->start_tried[l];
    k->trims++;
    return st;
}

/* ---- rewriting ---- */

struct rewriting {
    struct known *k;
    struct sim *sim;
    struct store_rewrite *w;
    uint32_t log;
    int64_t base, end;
    enum status st;
};

static void mark_removed(struct known *k, uint32_t group, struct known_batch *b, void *arg)
{
    struct rewriting *rw = arg;
    enum truth t = k->groups[group].truth;
    bool there = t == THERE || (t == UNKNOWN && b->end <= rw->end); /* relaxed: visible all the same */
    if (b->log == rw->log && b->base >= rw->base && b->end <= rw->end && there && !b->removed_by && !b->seen)
        b->removed_by = k->n_rewrites;
}

static void keep_some(void *arg, const struct record_batch *b)
{
    struct rewriting *rw = arg;
    struct known *k = rw->k;
    struct error err;
    if (b->base_offset < rw->base || b->base_offset >= rw->end || rw->st != ST_OK || sim_random(rw->sim) % 3 == 0)
        return;
    uint64_t tag = batch_tag(b);
    rw->st = store_rewrite_put(rw->w, b->bytes, &err);
    k->groups[tag / BATCHES].batches[tag % BATCHES].seen = true;
}

static enum status rewrite(struct known *k, struct sim *sim, struct store *s, struct error *err)
{
    struct rewriting rw = { .k = k, .sim = sim, .log = (uint32_t)(sim_random(sim) % KIT_LOGS) };
    struct store_id id = kit_id(rw.log);
    struct store_log *log = store_log_find(s, &id);
    struct store_segment seg;
    uint32_t sealed = 0, n = 1 + (uint32_t)(sim_random(sim) % 3);
    while (store_log_segment(log, sealed, &seg) && !seg.active)
        sealed++;
    if (sealed < n || k->n_rewrites == REWRITES || (k->n_rewrites > 0 && k->rewrites[k->n_rewrites - 1].truth == REFUSED))
        return ST_OK;
    uint32_t first = (uint32_t)(sim_random(sim) % (sealed - n + 1));
    assert_true(store_log_segment(log, first + n - 1, &seg));
    rw.end = seg.last_offset + 1;
    assert_true(store_log_segment(log, first, &seg));
    rw.base = seg.base_offset;
    TRY(store_rewrite_begin(log, rw.base, n, &rw.w, err));
    for_batches(k, unsee, NULL);
    enum status st = read_all(sim_os(sim), log, keep_some, &rw, NULL, err);
    st = st == ST_OK ? rw.st : st;
    if (st == ST_OK && sim_random(sim) % 4 == 0) { /* retention may be faster */
        st = trim(k, sim, s, err);
    } else if (st == ST_OK && sim_random(sim) % 4 == 0) {
        st = store_rewrite_sync(rw.w, err);
    }
    if (st != ST_OK || sim_random(sim) % 8 == 0) {
        store_rewrite_drop(rw.w);
        return st;
    }
    k->rewrites[k->n_rewrites++] = (struct known_rewrite){ UNKNOWN, rw.log, rw.end };
    for_batches(k, mark_removed, &rw);
    st = store_rewrite_end(rw.w, err);
    if (st == ST_OK && !k->relaxed)
        k->rewrites[k->n_rewrites - 1].truth = THERE;
    else if (st != ST_OK)
        k->rewrites[k->n_rewrites - 1].truth = REFUSED;
    k->rewritten += st == ST_OK;
    return st == ST_NOT_FOUND ? ST_OK : st;
}

static void settle(struct known *k, enum truth refused)
{
    for (uint32_t i = 0; i < k->n_rewrites; i++) {
        if (k->rewrites[i].truth == REFUSED)
            k->rewrites[i].truth = refused;
    }
    if (refused == ABSENT)
        for_batches(k, conclude_refused, NULL);
    for (uint32_t g = 0; g < k->n_groups; g++) {
        if (k->groups[g].truth == REFUSED)
            k->groups[g].truth = refused;
    }
}

/* Steps of one life by dice. A status other than ST_OK: it ended there. */
static enum status work(struct known *k, struct sim *sim, struct store *s, uint32_t steps, struct error *err)
{
    while (steps-- > 0) {
        bool more;
        uint64_t dice = sim_random(sim) % 28;
        for (uint64_t n = sim_random(sim) % 3; n > 0; n--)
            submit(k, sim, s);
        enum status st = ST_OK;
        if (dice < 18) {
            st = store_commit_step(s, &more, err);
            settle(k, st == ST_OK ? ABSENT : UNKNOWN);
        } else if (dice < 20) {
            st = store_tend(s, err);
        } else if (dice < 22) {
            struct store_id id = kit_id((uint32_t)dice % KIT_LOGS);
            store_log_roll(store_log_find(s, &id));
            k->rolls++;
        } else {
            st = dice < 24 ? trim(k, sim, s, err) : rewrite(k, sim, s, err);
            if (st == ST_IO || st == ST_FULL)
                st = ST_OK; /* refused; a final one is told by the next step */
        }
        if (k->relaxed)
            sim_advance_ms(sim, 300);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

static enum status live(struct sim *sim, struct known *k, uint32_t steps, bool clean)
{
    struct os *os = sim_os(sim);
    struct error err = { 0 };
    struct store *s;
    struct store_report report;
    struct store_visitor v = { NULL, NULL, see_note, no_rot };
    struct store_options o = { os, "d", NULL, k->relaxed ? STORE_RELAXED : STORE_STRICT, 4000, 1000, 3, 400 };
    note_seen = false;
    enum status st = store_open(&o, &v, &s, &report, &err);
    if (st != ST_OK) {
        if (st != ST_CRASHED && st != ST_IO && st != ST_FULL)
            print_error("open: %s: %s\n", status_name(st), err.message);
        assert_true(st == ST_CRASHED || st == ST_IO || st == ST_FULL);
        return st;
    }
    k->recovered += report.replayed_bytes > 0 && !report.clean;
    st = verify(k, os, s, report.clean, &err);
    for (uint32_t l = 0; st == ST_OK && l < KIT_LOGS; l++) {
        struct store_log_options lo = { 3000, 300 };
        struct store_log *log;
        struct store_id id = kit_id(l);
        if (!k->created[l]) {
            k->creating[l] = true;
            st = create_durably(s, &id, &lo, &log, &err);
            k->created[l] = st == ST_OK && !k->relaxed;
        } else {
            store_log_configure(store_log_find(s, &id), &lo);
        }
    }
    if (st == ST_OK)
        st = work(k, sim, s, steps, &err);
    if (st == ST_OK && clean)
        st = store_close(s, &err);
    else
        store_abandon(s);
    settle(k, UNKNOWN);
    return st;
}

static void settle_note(void) { noted = 0; }

/* Power goes at call n of the second life, for every n; then a third and a fourth. */
static void crash_everywhere(bool relaxed, uint64_t seeds)
{
    uint32_t runs = 0, straight = 0, trims = 0, recovered = 0, rewritten = 0;
    static struct known k;
    for (enum sim_mood mood = 0; mood < SIM_MOODS; mood++) {
        for (uint64_t seed = 0; seed < seeds; seed++) {
            for (uint64_t n = 1;; n++, runs++) {
                struct sim *sim = sim_new(seed, NULL);
                k = (struct known){ .relaxed = relaxed };
                settle_note();
                enum status st = ST_OK;
                if (seed % 2)
                    assert_int_equal(live(sim, &k, 6, seed % 4 == 1), ST_OK);
                sim_crash_at(sim, sim_calls(sim) + n);
                st = live(sim, &k, 12, seed % 3 == 0);
                sim_power_cycle(sim, mood);
                sim_crash_at(sim, sim_calls(sim) + 1 + sim_random(sim) % 60);
                (void)live(sim, &k, 5, true);
                sim_power_cycle(sim, (enum sim_mood)(sim_random(sim) % SIM_MOODS));
                assert_int_equal(live(sim, &k, 3, true), ST_OK);
                assert_int_equal(live(sim, &k, 0, true), ST_OK);
                straight += k.straight;
                trims += k.trims;
                recovered += k.recovered;
                rewritten += k.rewritten;
                sim_free(sim);
                if (st == ST_OK)
                    break;
            }
        }
    }
    assert_true(runs > 1000 && straight > runs && trims > runs / 8 && recovered > runs / 2);
    assert_true(rewritten > runs / 20);
}

static void test_strict(void **state) { (void)state; crash_everywhere(false, 8); }
static void test_relaxed(void **state) { (void)state; crash_everywhere(true, 8); }

/* Call n fails, once, with an I/O error or a full disk; the life goes on where it can; then the machine loses its power. */
static void test_faults(void **state)
{
    (void)state;
    static struct known k;
    uint32_t survived = 0;
    for (uint64_t seed = 0; seed < 8; seed++) {
        for (uint64_t n = 1;; n++) {
            struct sim *sim = sim_new(seed * 7919 + 5, NULL);
            k = (struct known){ 0 };
            assert_int_equal(live(sim, &k, 4, seed % 2), ST_OK);
            uint64_t before = sim_calls(sim);
            sim_fail_at(sim, before + n, seed % 2 ? ST_IO : ST_FULL, false);
            enum status st = live(sim, &k, 12, seed % 3 == 0);
            bool over = sim_calls(sim) < before + n;
            survived += st == ST_OK && !over;
            sim_fail_at(sim, 0, ST_OK, false);
            if (sim_random(sim) % 2)
                sim_kill(sim);
            else
                sim_power_cycle(sim, (enum sim_mood)(sim_random(sim) % SIM_MOODS));
            assert_int_equal(live(sim, &k, 3, true), ST_OK);
            assert_int_equal(live(sim, &k, 0, true), ST_OK);
            sim_free(sim);
            if (over)
                break;
        }
    }
    assert_true(survived > 100);
}

/* Many lives on one disk; sometimes only the process dies. */
static void test_many_lives(void **state)
{
    (void)state;
    static struct known k;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct sim *sim = sim_new(seed + 100, NULL);
        k = (struct known){ 0 };
        settle_note();
        for (int life = 0; life < 16; life++) {
            sim_crash_at(sim, sim_calls(sim) + 1 + sim_random(sim) % 300);
            (void)live(sim, &k, 20, sim_random(sim) % 2);
            if (sim_random(sim) % 4 == 0)
                sim_kill(sim);
            else
                sim_power_cycle(sim, (enum sim_mood)(sim_random(sim) % SIM_MOODS));
        }
        sim_free(sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strict),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_many_lives),
        cmocka_unit_test(test_relaxed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
