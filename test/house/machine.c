/* The machine: started on the disk as it is, turned a little at a time, ended by a stop, a kill or a loss of power. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct place_info places[PLACES] = {
    [IN_0] = { "in", 0, PARTITION_SOURCE },       [IN_1] = { "in", 1, PARTITION_SOURCE },
    [PLAIN_0] = { "plain", 0, PARTITION_PLAIN },  [PLAIN_1] = { "plain", 1, PARTITION_PLAIN },
    [KEYS_0] = { "keys", 0, PARTITION_COMPACTED }, [OUT_0] = { "out", 0, PARTITION_COPY },
    [WIN_0] = { "win", 0, PARTITION_WINDOWS },    [GROW_0] = { "grow", 0, PARTITION_PLAIN },
    [GROW_1] = { "grow", 1, PARTITION_PLAIN },    [GROW_2] = { "grow", 2, PARTITION_PLAIN },
};

enum { RETENTION_MS = 250, RETENTION_BYTES = 4000, TOMBSTONE_MS = 40, TRIES = 40, IDLE_MS = 20 };

struct fact *note(struct world *w, enum fact_kind kind)
{
    struct fact *e = history_add(&w->h, kind);
    e->now_ms = os_wall_ms(w->far);
    return e;
}

void give_up(struct world *w, enum fact_kind kind, const char *what)
{
    if (!w->lost)
        note(w, kind)->text = what;
    w->lost = true;
}

/* ---- topics ---- */

static enum status make_topic(struct world *w, const char *name, uint32_t partitions, const char *policy, bool kept,
                              struct error *err)
{
    char retention[16], bytes[16], tombstone[16];
    snprintf(retention, sizeof retention, "%d", kept && w->retains ? RETENTION_MS : -1);
    snprintf(bytes, sizeof bytes, "%d", kept && w->retains_bytes ? RETENTION_BYTES : -1);
    snprintf(tombstone, sizeof tombstone, "%d", TOMBSTONE_MS);
    struct topic_config_change set[] = {
        { STR("segment.ms"), STR("15"), TOPIC_SET },        { STR("index.interval.bytes"), STR("100"), TOPIC_SET },
        { STR("cleanup.policy"), str_from(policy), TOPIC_SET }, { STR("retention.ms"), str_from(retention), TOPIC_SET },
        { STR("min.cleanable.dirty.ratio"), STR("0.1"), TOPIC_SET }, { STR("retention.bytes"), str_from(bytes), TOPIC_SET },
        { STR("delete.retention.ms"), str_from(tombstone), TOPIC_SET },
    };
    struct topic_admin a = { .kind = TOPIC_ADMIN_CREATE, .name = str_from(name), .partitions = partitions, .changes = set,
                             .n_changes = sizeof set / sizeof *set };
    return topics_admin_wait(w->topics, &a, err);
}

static void make_topics(struct world *w)
{
    struct error err;
    bool ok = make_topic(w, "in", 2, "delete", false, &err) == ST_OK &&
              make_topic(w, "plain", 2, "delete", true, &err) == ST_OK &&
              make_topic(w, "keys", 1, "compact", false, &err) == ST_OK &&
              make_topic(w, "out", 1, "delete", false, &err) == ST_OK &&
              make_topic(w, "win", 1, "delete", false, &err) == ST_OK &&
              (w->grown == 0 || make_topic(w, "grow", w->grown, "delete", false, &err) == ST_OK);
    if (!ok) {
        snprintf(w->why, sizeof w->why, "a topic cannot be made: %s", err.message);
        give_up(w, EV_REFUSED, w->why);
    }
    for (uint16_t i = 0; i < PLACES; i++) {
        struct fact *e = note(w, EV_PARTITION);
        e->partition = i;
        e->a = places[i].kind;
        e->b = w->retains && (i == PLAIN_0 || i == PLAIN_1) ? RETENTION_MS : -1;
        e->c = w->retains_bytes && (i == PLAIN_0 || i == PLAIN_1) ? RETENTION_BYTES : -1;
        e->d = TOMBSTONE_MS;
    }
    struct fact *e = note(w, EV_GROW_ASKED);
    e->partition = GROW_0;
    e->a = w->grow_asked = w->grown;
    if (w->relaxed)
        machine_idle(w, 1500);
}

/* ---- starting ---- */

static void idle(void *arg) { world_turn(arg); }

static enum status open_log(struct world *w, bool relaxed, struct error *err)
{
    static struct coord_groups_config groups;
    groups = coord_groups_defaults;
    groups.min_session_ms = 10;
    groups.initial_delay_ms = 2;
    struct topics_report report;
    struct topics_options t = { .os = w->os, .path = "/data", .journal_bytes = w->relaxed && w->seed % 2 ? 64 << 10 : 8 << 10, .straight_bytes = 900, .open_files = 3,
                                .snapshot_bytes = 6 << 10, .idle = idle, .idle_arg = w, .groups = &groups,
                                .durability = relaxed ? STORE_RELAXED : STORE_STRICT,
                                .planted = w->planted };
    return topics_open(&t, &w->topics, &report, err);
}

static enum status open_door(struct world *w, struct error *err)
{
    struct broker_options o = { .os = w->os, .budget = &w->door, .topics = w->topics, .data_dir = "/data" };
    CHECK(os_addr_parse(STR("127.0.0.1"), 0, &o.at));
    TRY(broker_open(&o, &w->broker, err));
    w->at = broker_at(w->broker);
    return ST_OK;
}

static void lose_power(struct world *w)
{
    if (w->loses && !w->went_ms)
        w->went_ms = os_wall_ms(w->far);
    sim_power_cycle(w->sim, (enum sim_mood)below(w, SIM_MOODS));
    w->recoveries++;
}

/* The process is gone, the machine goes on. But a file system that could not write its names takes nothing more until it is
 * mounted again. */
static void lose_process(struct world *w)
{
    if (strcmp(sim_failed(w->sim), "sync_dir") == 0)
        lose_power(w);
    else
        sim_kill(w->sim);
}

static void note_span(struct world *w, uint16_t place)
{
    struct topic *t = topics_find(w->topics, str_from(places[place].topic));
    struct topic_partition *p = t ? topic_partition(t, (uint32_t)places[place].index) : NULL;
    struct fact *e = note(w, EV_SPAN);
    e->partition = place;
    e->offset = p ? topic_start(p) : 0;
    e->a = p ? topic_high(p) : 0;
    e->epoch = p ? topic_epoch(p) : INT32_MAX;
    if (p && place >= GROW_0)
        w->grown = topic_partitions(t);
    topic_unref(t);
}

/* What users know may be more than the log does: those of transactions and groups went with the machine. */
static void go_back(struct world *w)
{
    struct fact *e = note(w, EV_WENT_BACK);
    e->a = w->went_ms;
    e->n = PLACES;
    w->went_ms = 0;
    w->left_open = !w->busy;
    for (uint16_t i = 0; i < PLACES; i++)
        note_span(w, i);
    for (uint32_t i = 0; i < PRODUCERS && w->busy; i++)
        producer_back(w, &w->producers[i]);
    for (uint32_t i = 0; i < TXNS && w->busy; i++)
        writer_back(w, &w->writers[i]);
    for (uint32_t i = 0; i < ZOMBIES && w->busy; i++)
        writer_back(w, &w->zombies[i]);
    for (uint32_t i = 0; i < MEMBERS && w->busy; i++)
        member_back(w, &w->members[i]);
    for (uint32_t i = 0; i < GHOSTS && w->busy; i++)
        member_back(w, &w->ghosts[i]);
    w->calm = (struct calm){ .generation = -1 };
}

void machine_start(struct world *w)
{
    struct error err;
    bool first = w->life == 0;
    for (uint32_t tries = 0; !w->lost; tries++) {
        error_clear(&err);
        bool relaxed = w->relaxed && (first || !chance(w, 4));
        enum status st = open_log(w, relaxed, &err);
        if (st == ST_OK)
            w->loses = relaxed;
        if (st == ST_OK && open_door(w, &err) == ST_OK)
            break;
        if (st == ST_OK) {
            topics_abandon(w->topics);
            w->topics = NULL;
        }
        bool trouble = sim_crashed(w->sim) || st == ST_IO || st == ST_FULL;
        if (!trouble || tries == TRIES) {
            snprintf(w->why, sizeof w->why, "the log does not open: %s %s", err.message, err.place);
            give_up(w, EV_REFUSED, w->why);
        } else if (sim_crashed(w->sim)) {
            lose_power(w);
        } else {
            sim_fail_at(w->sim, 0, ST_OK, false);
            sim_capacity(w->sim, UINT64_MAX);
            w->full = false;
            lose_process(w);
        }
    }
    w->life++;
    w->failed = false;
    if (w->went_ms && !w->lost)
        go_back(w);
    if (first && !w->lost)
        make_topics(w);
}

/* ---- ending ---- */

static void stop_door(struct world *w, bool patient)
{
    bool more;
    broker_stop(w->broker, now_ns(w) + (patient ? INT64_C(2000000000) : 0));
    for (int i = 0; broker_turn(w->broker, 0) && !w->lost; i++) {
        if (i == 100000)
            give_up(w, EV_STUCK, "the door does not close");
        (void)!topics_step(w->topics, &more, NULL);
        sim_advance_ns(w->sim, 100000);
    }
    broker_close(w->broker);
    w->broker = NULL;
    if (atomic_load(&w->door.used) != 0)
        give_up(w, EV_STUCK, "the door has kept memory");
}

void machine_end(struct world *w, enum trouble how)
{
    struct error err;
    bool crashed = sim_crashed(w->sim), closed = false;
    if (getenv("HOUSE_CALLS"))
        printf("%8llu ==== event %u: %s\n", (unsigned long long)sim_calls(w->sim), w->h.n,
               crashed ? "no power" : w->failed ? "the log has failed" : how == TROUBLE_STOP ? "a clean stop" : "killed");
    w->ends++;
    if (how != TROUBLE_STOP && !crashed) /* nothing that its end does comes to the disk any more */
        sim_crash_at(w->sim, sim_calls(w->sim) + 1);
    work_end(w);
    stop_door(w, how == TROUBLE_STOP);
    if (how == TROUBLE_STOP && !w->failed && !sim_crashed(w->sim)) {
        error_clear(&err);
        enum status st = topics_close(w->topics, &err);
        if (st != ST_OK && !sim_crashed(w->sim) && !w->trouble) {
            snprintf(w->why, sizeof w->why, "a clean stop fails: %s", err.message);
            give_up(w, EV_REFUSED, w->why);
        }
        closed = st == ST_OK && !sim_crashed(w->sim);
        w->loses &= !closed;
    } else {
        topics_abandon(w->topics);
    }
    w->topics = NULL;
    if (closed && chance(w, 2)) /* all of it is on the disk, in every mode */
        sim_power_cycle(w->sim, (enum sim_mood)below(w, SIM_MOODS));
    else if (how == TROUBLE_STOP && !sim_crashed(w->sim))
        lose_process(w);
    else if (how == TROUBLE_KILL && !crashed)
        lose_process(w);
    else
        lose_power(w);
    machine_start(w);
}

/* ---- turning ---- */

static void turn_log(struct world *w)
{
    bool more = true;
    int64_t next;
    enum status st = ST_OK;
    while (more && st == ST_OK)
        st = topics_step(w->topics, &more, NULL);
    if (st == ST_OK && chance(w, 8))
        st = topics_tend(w->topics, os_wall_ms(w->os), &next, NULL);
    if (chance(w, 4))
        topics_tick(w->topics, os_wall_ms(w->os), &next);
    if (st == ST_OK && chance(w, 64))
        (void)!topics_compact(w->topics, os_wall_ms(w->os), NULL);
    w->failed |= st != ST_OK;
}

void machine_idle(struct world *w, int64_t ms)
{
    for (int64_t i = 0; i < ms && !sim_crashed(w->sim) && !w->failed; i += IDLE_MS) {
        bool more = true;
        int64_t next;
        enum status st = ST_OK;
        sim_advance_ms(w->sim, IDLE_MS);
        w->idled_ns += IDLE_MS * INT64_C(1000000);
        while (more && st == ST_OK)
            st = topics_step(w->topics, &more, NULL);
        if (st == ST_OK)
            st = topics_tend(w->topics, os_wall_ms(w->os), &next, NULL);
        w->failed |= st != ST_OK;
    }
}

static void turn_users(struct world *w)
{
    for (uint32_t i = 0; i < PRODUCERS; i++)
        producer_step(w, &w->producers[i]);
    for (uint32_t i = 0; i < TXNS; i++)
        writer_step(w, &w->writers[i]);
    for (uint32_t i = 0; i < ZOMBIES; i++)
        writer_step(w, &w->zombies[i]);
    for (uint32_t i = 0; i < READERS && !w->quiet; i++)
        fetcher_step(w, &w->readers[i]);
    for (uint32_t i = 0; i < MEMBERS; i++)
        member_step(w, &w->members[i]);
    for (uint32_t i = 0; i < GHOSTS; i++)
        member_step(w, &w->ghosts[i]);
    seeker_step(w, &w->seeker);
    admin_step(w, &w->admin);
}

void world_turn(struct world *w)
{
    w->turns++;
    broker_turn(w->broker, 0);
    if (chance(w, w->slow_log))
        turn_log(w);
    if (w->busy) {
        arena_reset(&w->arena);
        turn_users(w);
    }
    sim_advance_ns(w->sim, (int64_t)below(w, 400000));
}
