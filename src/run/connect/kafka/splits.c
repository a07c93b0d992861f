/* The partitions of a source's topics: found, given a place to begin and to end, and found again.
 *
 * All of it asks the cluster, so it is background work, once before the job begins and then every LOOK_MS. Between two
 * discoveries a look only hears what there is to hear of connections: while nobody answers it asks again and says so.
 * What is known of a partition is a node of a list that only grows, so readers look there without a lock.
 *
 * A restored partition has a position of its own; where a partition would begin is found out all the same, since only its
 * reader knows that it was restored. What cannot be found out is an error of the reader that needs it. */
#include "source.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOK_MS 2000
#define ASK_MS 10000         /* each question */
#define CLOSE_MS 3000        /* the last one */
#define WARN_MS 30000        /* between two words about the same absence */
#define KEEP_MS 1000         /* between two commits for the group */
#define QUEUE_KIB 131072     /* over all partitions */
#define QUEUE_LEAST_KIB 1024
#define TEXT_BYTES 512

static int64_t now_ms(const struct kafka_source *s)
{
    return os_mono_ns(s->ctx->os) / 1000000;
}

struct kafka_split *kafka_split_of(struct kafka_source *s, struct str id)
{
    struct kafka_split *k = atomic_load_explicit(&s->splits, memory_order_acquire);
    while (k && !str_eq(k->id, id))
        k = k->next;
    return k;
}

static struct kafka_split *find(struct kafka_source *s, struct str topic, uint32_t partition)
{
    struct kafka_split *k = atomic_load_explicit(&s->splits, memory_order_acquire);
    while (k && !(k->partition == partition && str_eq(k->topic, topic)))
        k = k->next;
    return k;
}

static enum status add(struct kafka_source *s, struct str topic, uint32_t partition, int64_t start, int64_t stop,
                       struct error *err)
{
    struct kafka_split *k = ARENA_NEW(&s->found, struct kafka_split);
    if (!k)
        return connect_memory(s->found.budget, err);
    k->topic = arena_str(&s->found, topic);
    k->id = arena_printf(&s->found, "%.*s/%05u", STR_ARG(topic), partition);
    if (!k->topic.ptr || !k->id.ptr)
        return connect_memory(s->found.budget, err);
    k->partition = partition;
    k->start = start;
    k->stop = stop;
    k->noted = -1;
    atomic_init(&k->sealed, -1);
    atomic_init(&k->durable, -1);
    k->kept = -1;
    k->next = atomic_load_explicit(&s->splits, memory_order_relaxed);
    atomic_store_explicit(&s->splits, k, memory_order_release);
    s->n_splits++;
    return ST_OK;
}

/* ---- places ---- */

/* Of partitions 0 … n-1, by what the group has committed; -1: nothing. */
static enum status committed(struct kafka_source *s, struct str topic, uint32_t n, int64_t *ret, struct error *err)
{
    struct arena a;
    struct cluster_positions all;
    for (uint32_t i = 0; i < n; i++)
        ret[i] = -1;
    arena_init(&a, s->ctx->budget);
    enum status st = cluster_positions(s->cluster, s->settings.group, &a, &all, err);
    for (uint32_t i = 0; st == ST_OK && i < all.count; i++) {
        const struct cluster_position *p = &all.at[i];
        if (str_eq(p->topic, topic) && p->partition >= 0 && (uint32_t)p->partition < n && p->offset >= 0)
            ret[p->partition] = p->offset;
    }
    arena_release(&a);
    return st == ST_NOT_FOUND ? ST_OK : st; /* no such group: it has committed nothing */
}

/* Where the group has committed nothing, by 'auto.offset.reset'. */
static enum status from_group(struct kafka_source *s, struct str topic, uint32_t n, int64_t *ret, struct error *err)
{
    struct str reset = s->settings.reset;
    TRY(committed(s, topic, n, ret, err));
    if (!reset.ptr || str_eq(reset, STR("none")))
        return ST_OK;
    int64_t *other = mem_alloc(s->ctx->budget, n * sizeof *other);
    if (!other)
        return connect_memory(s->ctx->budget, err);
    bool earliest = str_eq(reset, STR("earliest"));
    enum status st = cluster_offsets_at(s->cluster, topic, n, earliest ? CLUSTER_FIRST : CLUSTER_END, other, err);
    for (uint32_t i = 0; st == ST_OK && i < n; i++)
        ret[i] = ret[i] < 0 ? other[i] : ret[i];
    mem_free(s->ctx->budget, other, n * sizeof *other);
    return st;
}

/* *ret[i] -1: none is known. */
static enum status offsets(struct kafka_source *s, struct message_bound b, struct str topic, uint32_t n, int64_t *ret,
                           struct error *err)
{
    switch (b.mode) {
    case MESSAGE_EARLIEST:
        return cluster_offsets_at(s->cluster, topic, n, CLUSTER_FIRST, ret, err);
    case MESSAGE_LATEST:
        return cluster_offsets_at(s->cluster, topic, n, CLUSTER_END, ret, err);
    case MESSAGE_AT_TIME:
        return cluster_offsets_at(s->cluster, topic, n, b.ms, ret, err);
    case MESSAGE_GROUP:
        return from_group(s, topic, n, ret, err);
    case MESSAGE_AT_OFFSETS:
        for (uint32_t i = 0; i < n; i++)
            (void)message_offset_of(b.offsets, i, &ret[i]);
        return ST_OK;
    default:
        for (uint32_t i = 0; i < n; i++)
            ret[i] = INT64_MAX;
        return ST_OK;
    }
}

/* The partitions of a topic that are not known yet. Those of later looks are read from their beginning. */
static enum status take_topic(struct kafka_source *s, const struct cluster_topic *t, struct error *err)
{
    uint32_t n = t->n_partitions, fresh = 0;
    for (uint32_t i = 0; i < n; i++)
        fresh += find(s, t->name, i) == NULL;
    if (fresh == 0)
        return ST_OK;
    int64_t *at = mem_alloc(s->ctx->budget, 2 * n * sizeof *at);
    if (!at)
        return connect_memory(s->ctx->budget, err);
    struct message_bound start = message_start(s->base.table);
    if (kafka_upsert(s->base.table) || s->discovered_ms || s->ctx->restored) /* what a commit knows of has a position */
        start = (struct message_bound){ .mode = MESSAGE_EARLIEST };
    enum status st = offsets(s, start, t->name, n, at, err);
    if (st == ST_OK)
        st = offsets(s, message_stop(s->base.table), t->name, n, at + n, err);
    for (uint32_t i = 0; st == ST_OK && i < n; i++)
        if (!find(s, t->name, i))
            st = add(s, t->name, i, at[i], at[n + i], err);
    if (st != ST_OK)
        kafka_blame(s->base.table, t->name, &s->settings, err);
    mem_free(s->ctx->budget, at, 2 * n * sizeof *at);
    return st;
}

static enum status missing(const struct kafka_source *s, struct str name, const struct cluster_topics *all, struct arena *a,
                           struct error *err)
{
    enum status hidden = cluster_hidden(s->cluster, name, err);
    if (hidden != ST_OK) {
        kafka_blame(s->base.table, (struct str){ 0 }, &s->settings, err);
        return hidden;
    }
    struct str *names = ARENA_ARRAY(a, struct str, all->count + 1);
    for (uint32_t i = 0; names && i < all->count; i++)
        names[i] = all->at[i].name;
    struct str near = names ? str_nearest(name, names, all->count) : (struct str){ 0 };
    error_set(err, ST_NOT_FOUND, "table '%.*s': there is no topic '%.*s' at %.*s", STR_ARG(s->base.table->name),
              STR_ARG(name), STR_ARG(s->settings.brokers));
    if (near.ptr)
        error_hint(err, "did you mean '%.*s'? Else: weir topic create %.*s -b %.*s", STR_ARG(near), STR_ARG(name),
                   STR_ARG(s->settings.brokers));
    else
        error_hint(err, "weir topic create %.*s -b %.*s", STR_ARG(name), STR_ARG(s->settings.brokers));
    return ST_NOT_FOUND;
}

static enum status discover(struct kafka_source *s, struct error *err)
{
    struct arena a;
    struct cluster_topics all;
    arena_init(&a, s->ctx->budget);
    enum status st = cluster_topics(s->cluster, &a, &all, err);
    if (st != ST_OK)
        kafka_blame(s->base.table, (struct str){ 0 }, &s->settings, err);
    for (uint32_t i = 0; st == ST_OK && i < s->topics.n; i++) {
        uint32_t k = 0;
        while (k < all.count && !str_eq(all.at[k].name, s->topics.names[i]))
            k++;
        st = k < all.count ? take_topic(s, &all.at[k], err) : missing(s, s->topics.names[i], &all, &a, err);
    }
    for (uint32_t k = 0; st == ST_OK && s->topics.n == 0 && k < all.count; k++)
        if (connect_regex_match(s->topics.pattern, all.at[k].name.ptr))
            st = take_topic(s, &all.at[k], err);
    arena_release(&a);
    if (st == ST_OK)
        s->discovered_ms = now_ms(s);
    return st;
}

/* ---- the connection ---- */

static bool stopped(void *arg)
{
    const struct kafka_source *s = arg;
    const struct connect_extra *x = s->ctx->extra;
    if (s->closing_ms)
        return now_ms(s) - s->closing_ms > CLOSE_MS;
    return x && x->stopping && x->stopping(x->stopping_arg);
}

static void on_trouble(void *arg)
{
    struct kafka_source *s = arg;
    struct os_signal *wake = atomic_load(&s->wake);
    if (wake)
        s->ctx->os->ops->signal_raise(s->ctx->os, wake);
}

static enum status connect_with(struct kafka_source *s, uint32_t queue_kib, struct error *err)
{
    char number[32];
    struct kafka_settings with = s->settings;
    snprintf(number, sizeof number, "%u", queue_kib);
    TRY(kafka_settings_default(&with, "queued.max.messages.kbytes", number, &s->found, err));
    struct cluster_options o = {
        .os = s->ctx->os,
        .brokers = with.brokers,
        .settings = with.at,
        .n_settings = with.n,
        .timeout_ms = with.timeout_ms < ASK_MS ? with.timeout_ms : ASK_MS,
        .stopped = stopped,
        .news = on_trouble,
        .arg = s,
        .uncommitted = !with.committed,
        .group = with.group.len ? with.group : (struct str){ NULL, 0 },
    };
    enum status st = cluster_open(&o, &s->cluster, err);
    if (st != ST_OK && st != ST_CANCELLED)
        error_prefix(err, "table '%.*s': ", STR_ARG(s->base.table->name));
    return st;
}

/* The first look: connects; again, with shorter queues, when there are many partitions. */
static enum status begin(struct kafka_source *s, struct error *err)
{
    TRY(connect_with(s, QUEUE_KIB, err));
    TRY(discover(s, err));
    if (s->n_splits <= 1)
        return ST_OK;
    cluster_close(s->cluster);
    s->cluster = NULL;
    uint32_t each = QUEUE_KIB / s->n_splits;
    return connect_with(s, each < QUEUE_LEAST_KIB ? QUEUE_LEAST_KIB : each, err);
}

/* Says that nobody answers, once at a time and then every WARN_MS. */
static void say_away(struct kafka_source *s, int64_t away_ms, const char *why)
{
    char text[TEXT_BYTES];
    if (s->warned_ms && now_ms(s) - s->warned_ms < WARN_MS)
        return;
    s->warned_ms = now_ms(s);
    snprintf(text, sizeof text, "no broker at %.*s has answered for %lld s (%s): trying on", STR_ARG(s->settings.brokers),
             (long long)(away_ms / 1000), why);
    kafka_warn(s->ctx, s->base.table, text);
}

/* *ret_there: somebody answers. */
static enum status look_for_brokers(struct kafka_source *s, bool *ret_there, struct error *err)
{
    char why[TEXT_BYTES / 2];
    TRY(cluster_poll(s->cluster, err));
    int64_t away_ms = cluster_away_ms(s->cluster, why, sizeof why);
    *ret_there = away_ms == 0;
    if (*ret_there) {
        if (s->warned_ms)
            kafka_warn(s->ctx, s->base.table, "a broker answers again");
        s->warned_ms = 0;
        return ST_OK;
    }
    if (away_ms > LOOK_MS)
        say_away(s, away_ms, why);
    struct arena a;
    struct cluster_topics all;
    struct error ignored;
    arena_init(&a, s->ctx->budget);
    enum status st = cluster_topics(s->cluster, &a, &all, &ignored); /* asking ends the absence when somebody answers */
    arena_release(&a);
    return st == ST_CANCELLED ? error_set(err, st, "stopped") : ST_OK;
}

/* ---- the group ---- */

/* What is durable and not told yet, as positions of the group. */
static enum status list_durable(struct kafka_source *s, struct arena *a, struct cluster_positions *ret, struct error *err)
{
    struct cluster_position *at = ARENA_ARRAY(a, struct cluster_position, s->n_splits + 1);
    if (!at)
        return connect_memory(a->budget, err);
    *ret = (struct cluster_positions){ .at = at };
    for (struct kafka_split *k = atomic_load(&s->splits); k; k = k->next) {
        k->telling = atomic_load(&k->durable);
        if (k->telling >= 0 && k->telling != k->kept)
            at[ret->count++] = (struct cluster_position){ k->topic, (int32_t)k->partition, k->telling };
    }
    return ST_OK;
}

void kafka_keep_offsets(struct kafka_source *s, bool now)
{
    struct arena a;
    struct cluster_positions to;
    struct error err;
    char why[TEXT_BYTES];
    if (!s->cluster || cluster_away_ms(s->cluster, why, sizeof why) ||
        !s->settings.group.len || !s->settings.keep_offsets || (!now && now_ms(s) - s->kept_ms < KEEP_MS))
        return;
    s->kept_ms = now_ms(s);
    arena_init(&a, s->ctx->budget);
    enum status st = list_durable(s, &a, &to, &err);
    if (st == ST_OK && to.count)
        st = cluster_reposition(s->cluster, s->settings.group, &to, &err);
    for (struct kafka_split *k = atomic_load(&s->splits); k && st == ST_OK; k = k->next)
        k->kept = k->telling;
    arena_release(&a);
    if (st != ST_OK && st != ST_UNREACHABLE && st != ST_CANCELLED && !s->keep_failed) {
        s->keep_failed = true;
        snprintf(why, sizeof why, "group '%.*s' does not take the job's offsets: %.300s", STR_ARG(s->settings.group), err.message);
        kafka_warn(s->ctx, s->base.table, why);
    }
}

/* ---- a look ---- */

static int compare(const void *a, const void *b)
{
    const struct split *x = a, *y = b;
    return str_cmp(x->id, y->id);
}

static enum status look(struct kafka_source *s, struct error *err)
{
    bool there;
    if (!s->cluster)
        return begin(s, err);
    TRY(look_for_brokers(s, &there, err));
    if (!there)
        return ST_OK;
    kafka_keep_offsets(s, false);
    if (s->discover_ms == 0 || now_ms(s) - s->discovered_ms < s->discover_ms)
        return ST_OK;
    enum status st = discover(s, err);
    return st == ST_UNREACHABLE ? ST_OK : st; /* the next look tells of it */
}

enum status kafka_splits(struct source *base, struct arena *arena, struct split **ret, uint32_t *ret_count, struct error *err)
{
    struct kafka_source *s = (struct kafka_source *)base;
    TRY(look(s, err));
    struct split *list = ARENA_ARRAY(arena, struct split, s->n_splits + 1);
    uint32_t n = 0;
    if (!list)
        return connect_memory(arena->budget, err);
    for (struct kafka_split *k = atomic_load(&s->splits); k; k = k->next)
        list[n++].id = k->id;
    qsort(list, n, sizeof *list, compare);
    *ret = list;
    *ret_count = n;
    return ST_OK;
}

int64_t kafka_look_ms(const struct kafka_source *s)
{
    return s->bounded ? 0 : LOOK_MS;
}
