/* The whole house in one simulated process, from one seed: log, door, coordinators, a job, and their users; then the checker's
 * word over what they have seen.
 *
 *     house seeds FROM TO     all of them; "ok …" or "not ok …", each failure on a line of its own
 *     house show SEED [BUG]   one, with a planted bug by its number, with its verdict; HOUSE_VERBOSE=1: and its history; HOUSE_CALLS=N: its last calls
 *     house same SEED         twice: the same history
 *     house bugs [PART OF]    each planted bug must be found within its number of seeds
 *
 * The life of a seed: work with troubles (loss of power at any call of the os, kills, failing calls, a full disk, connections cut,
 * stalled and slow), then quiet until all is done and the job rests, an audit, one more end of the machine, another audit. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORK_TURNS = 60000, QUIET_TURNS = 60000, ENDS_MAX = 6, REST = 40 };

/* ---- troubles ---- */

static void machine_troubles(struct world *w)
{
    uint32_t t = w->ends < ENDS_MAX ? w->trouble : 0;
    if ((t & TROUBLE_POWER) && chance(w, 250) && !sim_crashed(w->sim))
        sim_crash_at(w->sim, sim_calls(w->sim) + 1 + below(w, 60));
    if ((t & TROUBLE_IO) && chance(w, 200))
        sim_fail_at(w->sim, sim_calls(w->sim) + 1 + below(w, 40), chance(w, 3) ? ST_FULL : ST_IO, chance(w, 16));
    if ((t & TROUBLE_KILL) && chance(w, 500))
        machine_end(w, TROUBLE_KILL);
    else if ((t & TROUBLE_STOP) && chance(w, 600))
        machine_end(w, TROUBLE_STOP);
}

static void troubles(struct world *w)
{
    machine_troubles(w);
    if (w->relaxed && w->idles < 40 && chance(w, 150)) {
        w->idles++;
        machine_idle(w, 100 + (int64_t)below(w, 500));
    }
    if ((w->trouble & TROUBLE_FULL) && !w->full && chance(w, 400)) {
        w->full = true;
        w->full_until_ns = now_ns(w) + 1000000 + (int64_t)below(w, 15000000);
        sim_capacity(w->sim, 1);
    }
    if (w->full && now_ns(w) > w->full_until_ns) {
        w->full = false;
        sim_capacity(w->sim, UINT64_MAX);
    }
    if ((w->trouble & TROUBLE_CUT) && chance(w, 80))
        (void)sim_net_cut(w->sim, NULL, (enum sim_cut)below(w, SIM_CUTS));
    if ((w->trouble & TROUBLE_STALL) && !sim_net(w->sim)->stalled && chance(w, 300)) {
        sim_net(w->sim)->stalled = true;
        w->stall_until_ns = now_ns(w) + (int64_t)below(w, 30000000);
        w->astray_ns = w->stall_until_ns + ASTRAY_NS;
    }
    if (sim_net(w->sim)->stalled && now_ns(w) > w->stall_until_ns)
        sim_net(w->sim)->stalled = false;
}

static void no_troubles(struct world *w)
{
    w->quiet = true;
    w->trouble = 0;
    w->full = false;
    sim_capacity(w->sim, UINT64_MAX);
    sim_fail_at(w->sim, 0, ST_OK, false);
    if (!sim_crashed(w->sim))
        sim_crash_at(w->sim, 0);
    sim_net(w->sim)->stalled = false;
}

/* ---- event time: it moves when nothing older can still come ---- */

static uint32_t oldest_second(const struct world *w)
{
    uint32_t least = w->second;
    for (uint32_t i = 0; i < PRODUCERS; i++)
        for (uint32_t k = 0; k < LANES; k++) {
            const struct lane *l = &w->producers[i].lanes[k];
            if (l->acked < l->made && w->made[l->batches[l->acked].first].second < least)
                least = w->made[l->batches[l->acked].first].second;
        }
    for (uint32_t i = 0; i < TXNS; i++) {
        const struct writer *x = &w->writers[i];
        for (uint32_t k = x->at; x->txn && k < x->n_batches; k++)
            if (x->batches[k].first && w->made[x->batches[k].first].second < least)
                least = w->made[x->batches[k].first].second;
    }
    return least;
}

static void move_time(struct world *w)
{
    bool zombies = false;
    for (uint32_t i = 0; i < ZOMBIES; i++)
        zombies |= w->zombies[i].there;
    if (!zombies && now_ns(w) > w->astray_ns && oldest_second(w) + 3 >= w->second && chance(w, 10))
        w->second += 1 + (uint32_t)below(w, 2);
}

/* ---- a seed ---- */

static void turn(struct world *w)
{
    world_turn(w);
    if (!w->lost && !sim_crashed(w->sim) && !w->failed)
        work_step(w);
    move_time(w);
    if (!w->quiet && !w->lost)
        troubles(w);
    if (!w->lost && (sim_crashed(w->sim) || w->failed))
        machine_end(w, !sim_crashed(w->sim) && chance(w, 2) ? TROUBLE_KILL : TROUBLE_POWER);
}

static bool work_done(const struct world *w)
{
    bool done = true;
    for (uint32_t i = 0; i < PRODUCERS; i++)
        done &= producer_done(&w->producers[i]);
    for (uint32_t i = 0; i < TXNS; i++)
        done &= writer_done(&w->writers[i]);
    for (uint32_t i = 0; i < ZOMBIES; i++)
        done &= !w->zombies[i].there;
    return done;
}

static void until_done(struct world *w, uint32_t most, const char *what)
{
    for (uint32_t i = 0; !w->lost && !work_done(w); i++) {
        if (i == most)
            give_up(w, EV_STUCK, what);
        turn(w);
    }
}

static void until_job_rests(struct world *w)
{
    for (uint32_t round = 0; w->with_job && round < 2; round++) {
        for (uint32_t i = 0; !w->lost && !work_rests(w, REST); i++) {
            if (i == QUIET_TURNS)
                give_up(w, EV_STUCK, "the job does not come to rest");
            turn(w);
        }
        if (w->lost)
            return;
        job_commit(w->work.job);
        w->work.idle = 0;
    }
    for (uint32_t i = 0; w->with_job && !w->lost && !work_rests(w, REST); i++) {
        if (i == QUIET_TURNS)
            give_up(w, EV_STUCK, "the job does not come to rest");
        turn(w);
    }
}

static void world_new(struct world *w, uint64_t seed, uint64_t planted, uint32_t planted_job)
{
    *w = (struct world){ .seed = seed, .planted = planted, .planted_job = planted_job, .next_actor = 1, .next_txn = 1 };
    w->sim = sim_new(seed, NULL);
    w->os = sim_os(w->sim);
    w->far = sim_outside(w->sim);
    budget_init(&w->door, "door", (size_t)64 << 20, NULL);
    arena_init(&w->arena, NULL);
    CHECK(record_iter_new(NULL, 1 << 20, &w->iter, NULL) == ST_OK);
    for (uint32_t i = 0; i <= RECORD_ZSTD; i++)
        CHECK(record_builder_new((enum record_codec)i, 1 << 16, NULL, &w->builders[i], NULL) == ST_OK);
    w->relaxed = chance(w, 5);
    w->names = chance(w, 2);
    w->grown = (uint32_t)below(w, 2);
    w->with_job = seed % 4 != 3 && !w->relaxed;
    w->retains = seed % 8 == 3;
    w->retains_bytes = seed % 8 == 7;
    w->slow_log = seed % 3 == 1 ? 2 + (uint32_t)below(w, w->relaxed ? 5 : 40) : 1;
    w->calm.generation = -1;
    sim_trace(w->sim, getenv("HOUSE_CALLS") != NULL);
    w->trouble = seed % 10 == 0 ? 0 : 1 + (uint32_t)below(w, 127);
    sim_net(w->sim)->partial = (uint32_t)below(w, 256);
    sim_net(w->sim)->window = chance(w, 2) ? 3000 : 64 << 10;
    machine_start(w);
    for (uint32_t i = 0; i < PRODUCERS; i++)
        producer_init(w, &w->producers[i], i);
    for (uint32_t i = 0; i < TXNS; i++)
        writer_init(w, &w->writers[i], i);
    for (uint32_t i = 0; i < ZOMBIES; i++)
        w->zombies[i].zombie = true;
    for (uint32_t i = 0; i < READERS; i++)
        fetcher_init(w, &w->readers[i], i);
    for (uint32_t i = 0; i < MEMBERS; i++)
        member_init(w, &w->members[i], i);
    for (uint32_t i = 0; i < GHOSTS; i++)
        w->ghosts[i].ghost = true;
}

static void users_leave(struct world *w)
{
    w->busy = false;
    for (uint32_t i = 0; i < PRODUCERS; i++)
        line_drop(&w->producers[i].line);
    for (uint32_t i = 0; i < TXNS; i++)
        line_drop(&w->writers[i].line);
    for (uint32_t i = 0; i < ZOMBIES; i++)
        line_drop(&w->zombies[i].line);
    for (uint32_t i = 0; i < READERS; i++)
        line_drop(&w->readers[i].line);
    for (uint32_t i = 0; i < MEMBERS; i++)
        line_drop(&w->members[i].line);
    for (uint32_t i = 0; i < GHOSTS; i++)
        line_drop(&w->ghosts[i].line);
    line_drop(&w->seeker.line);
    line_drop(&w->admin.line);
}

static void life(struct world *w)
{
    w->busy = true;
    until_done(w, WORK_TURNS, "producers do not come to an end among troubles");
    no_troubles(w);
    until_done(w, QUIET_TURNS, "producers do not come to an end in quiet");
    w->closing = true;
    for (uint32_t i = 0; i < PRODUCERS; i++)
        w->producers[i].left = producer_lanes(w, &w->producers[i]);
    until_done(w, QUIET_TURNS, "the last records do not come through");
    until_job_rests(w);
    users_leave(w);
    if (w->lost)
        return;
    audit(w);
    if (w->lost)
        return;
    if (w->relaxed && chance(w, 2))
        machine_idle(w, 1500);
    machine_end(w, chance(w, 3) ? TROUBLE_STOP : chance(w, 2) ? TROUBLE_KILL : TROUBLE_POWER);
    if (!w->lost)
        audit(w);
    if (!w->lost)
        note(w, EV_END)->a = w->with_job ? LAST_SECOND - 10 : -1;
}

static void world_free(struct world *w)
{
    users_leave(w);
    sim_crash_at(w->sim, sim_calls(w->sim) + 1);
    work_end(w);
    if (w->broker) {
        bool more;
        broker_stop(w->broker, 0);
        for (int i = 0; broker_turn(w->broker, 0) && i < 100000; i++) {
            (void)!topics_step(w->topics, &more, NULL);
            sim_advance_ns(w->sim, 100000);
        }
        broker_close(w->broker);
    }
    topics_abandon(w->topics);
    record_iter_free(w->iter);
    for (uint32_t i = 0; i <= RECORD_ZSTD; i++)
        record_builder_free(w->builders[i]);
    arena_release(&w->arena);
    sim_free(w->sim);
    free(w->made);
}

/* HOUSE_CALLS=N: the last N calls of the disk. */
static void print_calls(const struct world *w)
{
    const char *text = getenv("HOUSE_CALLS");
    uint64_t n = text ? strtoull(text, NULL, 10) : 0, last = sim_calls(w->sim);
    for (uint64_t i = n < last ? last - n + 1 : 1; n > 0 && i <= last; i++)
        printf("%8llu %s\n", (unsigned long long)i, sim_call_name(w->sim, i) ? sim_call_name(w->sim, i) : "?");
}

static void run_seed(uint64_t seed, uint64_t planted, uint32_t planted_job, struct outcome *ret)
{
    static struct world w;
    world_new(&w, seed, planted, planted_job);
    if (!w.lost)
        life(&w);
    *ret = (struct outcome){ .history = w.h, .ends = w.ends, .events = w.h.n, .turns = w.turns, .calls = sim_calls(w.sim) };
    CHECK(history_check(&ret->history, &ret->verdict) == ST_OK);
    print_calls(&w);
    world_free(&w);
}

/* ---- commands ---- */

static uint64_t sum_of(const struct history *h)
{
    uint64_t sum = 1469598103934665603u;
    for (uint32_t i = 0; i < h->n; i++) {
        const struct fact *e = &h->at[i];
        const int64_t parts[] = { e->kind, e->partition, e->actor, e->id, e->txn, (int64_t)e->since, e->offset, e->a, e->b, e->c,
                                  e->d, e->now_ms, e->stamp_ms, e->epoch };
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
            sum = (sum ^ (uint64_t)parts[k]) * 1099511628211u;
    }
    return sum;
}

static int run_seeds(uint64_t from, uint64_t to)
{
    uint64_t failed = 0, ends = 0, turns = 0, events = 0, calls = 0;
    for (uint64_t seed = from; seed < to; seed++) {
        struct outcome o;
        run_seed(seed, 0, 0, &o);
        ends += o.ends;
        turns += o.turns;
        events += o.events;
        calls += o.calls;
        if (o.verdict.fault != FAULT_NONE) {
            printf("# seed %llu: %s: %s (event %u)\n", (unsigned long long)seed, fault_names[o.verdict.fault], o.verdict.text,
                   o.verdict.event);
            fflush(stdout);
            failed++;
        }
        history_release(&o.history);
    }
    printf("%s house seeds %llu to %llu: %llu failed; %llu ends of the machine, %llu turns, %llu disk calls, %llu events\n",
           failed ? "not ok" : "ok", (unsigned long long)from, (unsigned long long)to, (unsigned long long)failed,
           (unsigned long long)ends, (unsigned long long)turns, (unsigned long long)calls, (unsigned long long)events);
    return failed != 0;
}

static int show(uint64_t seed, uint64_t planted, uint32_t planted_job)
{
    struct outcome o;
    run_seed(seed, planted, planted_job, &o);
    for (uint32_t i = 0; getenv("HOUSE_VERBOSE") && i < o.history.n; i++)
        history_print(&o.history.at[i], i);
    printf("%s seed %llu: %s: %s (event %u of %u), %llu turns, %u ends, sum %llx\n", o.verdict.fault ? "not ok" : "ok",
           (unsigned long long)seed, fault_names[o.verdict.fault], o.verdict.text, o.verdict.event, o.events,
           (unsigned long long)o.turns, o.ends, (unsigned long long)sum_of(&o.history));
    history_release(&o.history);
    return o.verdict.fault != FAULT_NONE;
}

static int same(uint64_t seed)
{
    struct outcome a, b;
    run_seed(seed, 0, 0, &a);
    run_seed(seed, 0, 0, &b);
    bool ok = sum_of(&a.history) == sum_of(&b.history);
    printf("%s house seed %llu twice: the same history\n", ok ? "ok" : "not ok", (unsigned long long)seed);
    history_release(&a.history);
    history_release(&b.history);
    return !ok;
}

/* ---- planted bugs ---- */

static const struct {
    const char *name;
    enum log_bug bug; /* LOG_BUGS: one of the job's */
    uint32_t job;
} bugs[] = {
    { "journal not synced", LOG_BUG_NO_SYNC, 0 },
    { "large batches not synced", LOG_BUG_STRAIGHT_NO_SYNC, 0 },
    { "newest record not replayed", LOG_BUG_LAST_RECORD, 0 },
    { "torn group replayed", LOG_BUG_TORN_GROUP, 0 },
    { "index ahead", LOG_BUG_INDEX_AHEAD, 0 },
    { "segment's name not synced", LOG_BUG_NAME_NO_SYNC, 0 },
    { "journal file dropped early", LOG_BUG_JOURNAL_EARLY, 0 },
    { "start not written down", LOG_BUG_TRIM_MEMORY, 0 },
    { "acknowledged in line", LOG_BUG_ACK_EARLY, 0 },
    { "repeat answered early", LOG_BUG_REPEAT_EARLY, 0 },
    { "failed batches known", LOG_BUG_NO_CUT, 0 },
    { "sequences unchecked", LOG_BUG_NO_SEQUENCE, 0 },
    { "producers forgotten", LOG_BUG_PRODUCERS_LOST, 0 },
    { "stale snapshot of producers", LOG_BUG_STALE_SNAPSHOT, 0 },
    { "stable offset ahead", LOG_BUG_STABLE_AHEAD, 0 },
    { "aborted transaction untold", LOG_BUG_ABORTED_MISSED, 0 },
    { "aborted transactions forgotten", LOG_BUG_ABORTED_LOST, 0 },
    { "marker lost", LOG_BUG_MARKER_LOST, 0 },
    { "coordinators answer early", LOG_BUG_OFFSETS_EARLY, 0 },
    { "aborted offsets", LOG_BUG_OFFSETS_ABORTED, 0 },
    { "newest of a key dropped", LOG_BUG_COMPACT_NEWEST, 0 },
    { "retention takes all", LOG_BUG_RETAIN_ALL, 0 },
    { "producer ids again", LOG_BUG_IDS_AGAIN, 0 },
    { "removed topic back", LOG_BUG_TOPIC_GHOST, 0 },
    { "unsynced called settled", LOG_BUG_RELAXED_SETTLED, 0 },
    { "unsynced while idle", LOG_BUG_RELAXED_IDLE, 0 },
    { "loss untold by the epoch", LOG_BUG_EPOCH_KEPT, 0 },
    { "epoch ends with the log", LOG_BUG_EPOCH_END, 0 },
    { "timestamp leads to its batch", LOG_BUG_SEEK_BATCH, 0 },
    { "timestamp behind the stable offset", LOG_BUG_SEEK_STABLE, 0 },
    { "retention by size takes all", LOG_BUG_RETAIN_SIZE, 0 },
    { "tombstone dropped early", LOG_BUG_TOMBSTONE_EARLY, 0 },
    { "partitions not written down", LOG_BUG_GROWTH_MEMORY, 0 },
    { "instance not fenced", LOG_BUG_STATIC_ZOMBIE, 0 },
    { "instance makes rebalance", LOG_BUG_STATIC_REBALANCE, 0 },
    { "instance not written down", LOG_BUG_STATIC_MEMORY, 0 },
    { "no fence", LOG_BUG_NO_FENCE, 0 },
    { "new start keeps transaction", LOG_BUG_INIT_KEEPS, 0 },
    { "isolation ignored", LOG_BUG_FETCH_DIRTY, 0 },
    { "outputs before positions", LOG_BUG_JOB_TWO_GROUPS, 0 },
    { "job reads uncommitted", LOG_BUG_JOB_DIRTY, 0 },
    { "job's positions lost", LOG_BUGS, JOB_BUG_LOST_POSITION },
    { "job's positions old", LOG_BUGS, JOB_BUG_OLD_POSITION },
    { "job's positions eager", LOG_BUGS, JOB_BUG_EAGER_POSITION },
    { "job's deltas lost", LOG_BUGS, JOB_BUG_LOST_DELTAS },
    { "job's timers lost", LOG_BUGS, JOB_BUG_LOST_TIMERS },
};
enum { N_BUGS = sizeof bugs / sizeof *bugs, BUG_SEEDS = 1500, BUG_SECONDS = 300 };

/* In a process of its own: a bug may also make the house fall over, and that is not the checker's doing. */
static int find_bug(uint32_t i)
{
    uint64_t planted = bugs[i].bug == LOG_BUGS ? 0 : (uint64_t)1 << bugs[i].bug;
    alarm(BUG_SECONDS);
    for (uint64_t seed = 1; seed <= BUG_SEEDS; seed++) {
        struct outcome o;
        run_seed(seed, planted, bugs[i].job, &o);
        history_release(&o.history);
        if (o.verdict.fault == FAULT_NONE)
            continue;
        printf("ok house finds '%s': seed %llu: %s: %s\n", bugs[i].name, (unsigned long long)seed, fault_names[o.verdict.fault],
               o.verdict.text);
        return 0;
    }
    printf("not ok house finds '%s': nothing in %d seeds\n", bugs[i].name, BUG_SEEDS);
    return 1;
}

static int run_bugs(uint32_t part, uint32_t of)
{
    int missed = 0;
    for (uint32_t i = part; i < N_BUGS; i += of) {
        int state = 0;
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            int rc = find_bug(i);
            fflush(stdout);
            _exit(rc);
        }
        if (child < 0 || waitpid(child, &state, 0) != child || !WIFEXITED(state)) {
            printf("not ok house finds '%s': it falls over\n", bugs[i].name);
            state = 1;
        }
        missed += state != 0;
    }
    return missed != 0;
}

static int show_with(uint64_t seed, int bug)
{
    if (bug < 0 || bug >= N_BUGS)
        return show(seed, 0, 0);
    return show(seed, bugs[bug].bug == LOG_BUGS ? 0 : (uint64_t)1 << bugs[bug].bug, bugs[bug].job);
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "bugs") == 0)
        return run_bugs(argc >= 4 ? (uint32_t)atoi(argv[2]) : 0, argc >= 4 ? (uint32_t)atoi(argv[3]) : 1);
    if (argc >= 4 && strcmp(argv[1], "seeds") == 0)
        return run_seeds(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    if (argc >= 3 && strcmp(argv[1], "show") == 0)
        return show_with(strtoull(argv[2], NULL, 10), argc >= 4 ? atoi(argv[3]) : -1);
    if (argc >= 3 && strcmp(argv[1], "same") == 0)
        return same(strtoull(argv[2], NULL, 10));
    return 2;
}
