/* The splits of a source over the log: partitions of the topics that it names, or whose names match a pattern. Looked for again and
 * again; what a later look finds is read from its beginning, as is what a restored job has no position of.
 *
 * Offsets for a group: a reader notes where it is when it tells its position; at the barrier that is sealed, at the
 * commit's end it goes to the group's coordinator, from background work, so that no commit waits for it. While that is under way a
 * newer commit leaves its offsets to the next one, or to the release. They are for whoever looks at the group, and for jobs that begin there: a
 * restart goes by the job's own positions. So a refusal (the group has members) is passed over. */
#include <stdlib.h>

#include "table.h"

#define NAP_NS 10000000

static void lock(struct log_splits *s)
{
    while (atomic_flag_test_and_set_explicit(&s->lock, memory_order_acquire))
        ;
}

static void unlock(struct log_splits *s) { atomic_flag_clear_explicit(&s->lock, memory_order_release); }

enum status log_splits_init(struct log_splits *s, struct connect_log *log, const struct table_desc *t,
                            struct connect_context *ctx, struct error *err)
{
    s->topics = log->topics;
    s->table = t;
    s->os = ctx->os;
    s->group = message_group(t);
    arena_init(&s->arena, ctx->budget);
    map_init(&s->by_id, &s->arena, false);
    atomic_flag_clear(&s->lock);
    s->nap = ctx->os->ops->signal_new(ctx->os);
    return s->nap ? message_topics_init(&s->names, t, &s->arena, err) : connect_memory(ctx->budget, err);
}

/* ---- looking ---- */

static enum status add_split(struct log_splits *s, struct str topic, uint32_t partition, struct error *err)
{
    struct arena *a = &s->arena;
    struct str id = arena_printf(a, "%.*s/%05u", STR_ARG(topic), partition);
    if (!id.ptr)
        return connect_memory(a->budget, err);
    if (map_get(&s->by_id, id))
        return ST_OK;
    struct log_split *x = ARENA_NEW(a, struct log_split);
    if (!x)
        return connect_memory(a->budget, err);
    *x = (struct log_split){ id, { id.ptr, topic.len }, partition, s->looked, -1, -1, -1, -1, -1 };
    return map_put(&s->by_id, id, x) ? ST_OK : connect_memory(a->budget, err);
}

static enum status add_topic(struct log_splits *s, struct topic *t, struct error *err)
{
    enum status st = ST_OK;
    lock(s);
    for (uint32_t i = 0; i < topic_partitions(t) && st == ST_OK; i++)
        st = add_split(s, topic_name(t), i, err);
    unlock(s);
    return st;
}

static enum status look_for_names(struct log_splits *s, struct error *err)
{
    for (uint32_t i = 0; i < s->names.n; i++) {
        struct str name = s->names.names[i];
        struct topic *t = topics_find(s->topics, name);
        if (!t)
            return error_set(err, ST_NOT_FOUND, "table '%.*s': there is no topic '%.*s'", STR_ARG(s->table->name),
                             STR_ARG(name));
        enum status st = add_topic(s, t, err);
        topic_unref(t);
        TRY(st);
    }
    return ST_OK;
}

/* Internal topics match no pattern. */
static enum status look_for_pattern(struct log_splits *s, struct arena *arena, struct error *err)
{
    struct topic **all;
    uint32_t n;
    TRY(topics_list(s->topics, arena, &all, &n, err));
    enum status st = ST_OK;
    for (uint32_t i = 0; i < n; i++) {
        struct str name = arena_str(arena, topic_name(all[i]));
        if (st == ST_OK && !name.ptr)
            st = connect_memory(arena->budget, err);
        if (st == ST_OK && !topic_internal(all[i]) && connect_regex_match(s->names.pattern, name.ptr))
            st = add_topic(s, all[i], err);
        topic_unref(all[i]);
    }
    return st;
}

static enum status ask_group(struct log_splits *s, struct arena *arena, struct error *err)
{
    uint32_t n = 0;
    struct topic_bookmark *at = ARENA_ARRAY(arena, struct topic_bookmark, s->by_id.live + 1);
    if (!at)
        return connect_memory(arena->budget, err);
    for (struct map_entry *e = map_next(&s->by_id, NULL); e; e = map_next(&s->by_id, e)) {
        const struct log_split *x = e->value;
        at[n++] = (struct topic_bookmark){ x->topic, x->partition, -1 };
    }
    if (n > 0)
        TRY(topic_bookmarks_get(s->topics, s->group, at, n, err));
    n = 0;
    for (struct map_entry *e = map_next(&s->by_id, NULL); e; e = map_next(&s->by_id, e))
        ((struct log_split *)e->value)->marked = at[n++].offset;
    return ST_OK;
}

static int compare_splits(const void *a, const void *b)
{
    const struct split *x = a, *y = b;
    return str_cmp(x->id, y->id);
}

enum status log_splits_look(struct log_splits *s, struct arena *arena, struct split **ret, uint32_t *ret_count,
                            struct error *err)
{
    uint32_t n = 0;
    TRY(s->names.pattern ? look_for_pattern(s, arena, err) : look_for_names(s, err));
    if (s->wants_marks && !s->looked)
        TRY(ask_group(s, arena, err));
    s->looked = true;
    struct split *list = ARENA_ARRAY(arena, struct split, s->by_id.live + 1);
    if (!list)
        return connect_memory(arena->budget, err);
    for (struct map_entry *e = map_next(&s->by_id, NULL); e; e = map_next(&s->by_id, e))
        list[n++].id = e->key;
    if (n > 1)
        qsort(list, n, sizeof *list, compare_splits);
    *ret = list;
    *ret_count = n;
    return ST_OK;
}

uint32_t log_splits_count(struct log_splits *s)
{
    lock(s);
    uint32_t n = s->by_id.live;
    unlock(s);
    return n;
}

struct log_split *log_splits_find(struct log_splits *s, struct str id)
{
    lock(s);
    struct log_split *x = map_get(&s->by_id, id);
    unlock(s);
    return x;
}

/* ---- the group ---- */

void log_splits_note(struct log_splits *s, struct log_split *x, int64_t next)
{
    lock(s);
    x->noted = next;
    unlock(s);
}

void log_splits_seal(struct log_splits *s, struct str id)
{
    if (!s->group.ptr)
        return;
    lock(s);
    struct log_split *x = map_get(&s->by_id, id);
    if (x)
        x->sealed = x->noted;
    unlock(s);
}

/* What the group does not know yet. false: nothing, or no memory for it (a later commit tells it). */
static bool collect(struct log_splits *s)
{
    s->n_marks = 0;
    lock(s);
    if (s->cap_marks < s->by_id.live) {
        struct topic_bookmark *grown = ARENA_ARRAY(&s->arena, struct topic_bookmark, s->by_id.live);
        s->marks = grown ? grown : s->marks;
        s->cap_marks = grown ? s->by_id.live : s->cap_marks;
    }
    for (struct map_entry *e = map_next(&s->by_id, NULL); e && s->n_marks < s->cap_marks; e = map_next(&s->by_id, e)) {
        struct log_split *x = e->value;
        if (x->owed == x->told)
            continue;
        x->told = x->owed;
        s->marks[s->n_marks++] = (struct topic_bookmark){ x->topic, x->partition, x->owed };
    }
    unlock(s);
    return s->n_marks > 0;
}

static void tell(struct os_work *w)
{
    struct log_splits *s = w->arg;
    enum status refused = topic_bookmarks_set(s->topics, s->group, s->marks, s->n_marks, NULL);
    (void)refused;
}

void log_splits_committed(struct log_splits *s)
{
    if (!s->group.ptr)
        return;
    lock(s);
    for (struct map_entry *e = map_next(&s->by_id, NULL); e; e = map_next(&s->by_id, e))
        ((struct log_split *)e->value)->owed = ((struct log_split *)e->value)->sealed;
    unlock(s);
    if ((s->worked && !atomic_load(&s->work.done)) || !collect(s))
        return;
    s->worked = true;
    s->work = (struct os_work){ .run = tell, .arg = s, .signal = s->nap };
    s->os->ops->work(s->os, &s->work);
}

void log_splits_release(struct log_splits *s)
{
    while (s->worked && !atomic_load(&s->work.done))
        (void)s->os->ops->signal_wait(s->os, s->nap, os_mono_ns(s->os) + NAP_NS);
    if (s->group.ptr && collect(s))
        tell(&(struct os_work){ .arg = s });
    if (s->nap)
        s->os->ops->signal_free(s->os, s->nap);
    message_topics_release(&s->names);
    arena_release(&s->arena);
}
