/* The hub of the test connector: what was fed to each table and what was written, for as long as the tester
 * runs.
 *
 * Everything lies in one arena that only grows, so what was given out stays valid. One lock guards all of it;
 * sections are short and never block. A table is made when its name is first heard, from whichever side.
 *
 * Rows travel in three steps, as in a real sink: a writer gathers them, `prepare` leaves them here as pending
 * under (job, subtask, epoch), `publish` makes them visible. A restore publishes what the newest commit names
 * and forgets the job's other pending rows, so that a crash at any moment shows each committed row once. */
#include "hub.h"

void hub_lock(struct test_hub *h)
{
    while (atomic_flag_test_and_set_explicit(&h->busy, memory_order_acquire)) {
    }
}

void hub_unlock(struct test_hub *h)
{
    atomic_flag_clear_explicit(&h->busy, memory_order_release);
}

struct test_hub *test_hub_new(struct budget *b)
{
    struct test_hub *h = mem_calloc(b, sizeof *h);
    if (!h)
        return NULL;
    arena_init(&h->arena, b);
    map_init(&h->tables, &h->arena, false);
    atomic_flag_clear(&h->busy);
    h->batch_rows = 1;
    return h;
}

void test_hub_free(struct test_hub *h)
{
    if (!h)
        return;
    struct budget *b = h->arena.budget;
    arena_release(&h->arena);
    mem_free(b, h, sizeof *h);
}

struct hub_table *hub_table(struct test_hub *h, struct str name)
{
    struct hub_table *t = map_get(&h->tables, name);
    if (t)
        return t;
    t = ARENA_NEW(&h->arena, struct hub_table);
    if (!t)
        return NULL;
    t->name = arena_str(&h->arena, name);
    t->pending_end = &t->pending;
    t->ended = h->all_ended;
    return t->name.ptr && map_put(&h->tables, t->name, t) ? t : NULL;
}

static const struct hub_table *find(const struct test_hub *h, struct str name)
{
    return map_get(&h->tables, name);
}

static void wake(struct hub_table *t)
{
    for (struct hub_reader *r = t->readers; r; r = r->next)
        if (r->wake)
            r->os->ops->signal_raise(r->os, r->wake);
}

/* ---- feeding ---- */

static bool feed_line(struct test_hub *h, struct hub_table *t, struct str line)
{
    struct str copy = arena_str(&h->arena, line);
    struct str *all = copy.ptr ? array_add(&t->lines, &h->arena) : NULL;
    struct hub_entry *e = all ? array_add(&t->entries, &h->arena) : NULL;
    if (!e)
        return false;
    *all = copy;
    *e = (struct hub_entry){ .kind = ENTRY_LINE, .line = copy };
    return true;
}

enum status test_hub_feed(struct test_hub *h, struct str name, struct str line, struct error *err)
{
    hub_lock(h);
    struct hub_table *t = hub_table(h, name);
    bool ok = t && feed_line(h, t, line);
    if (ok)
        wake(t);
    hub_unlock(h);
    return ok ? ST_OK : connect_memory(h->arena.budget, err);
}

enum status test_hub_watermark(struct test_hub *h, struct str name, int64_t watermark_ms, struct error *err)
{
    hub_lock(h);
    struct hub_table *t = hub_table(h, name);
    struct hub_entry *e = t ? array_add(&t->entries, &h->arena) : NULL;
    if (e) {
        *e = (struct hub_entry){ .kind = ENTRY_WATERMARK, .watermark_ms = watermark_ms };
        wake(t);
    }
    hub_unlock(h);
    return e ? ST_OK : connect_memory(h->arena.budget, err);
}

static void end_table(struct hub_table *t)
{
    t->ended = true;
    wake(t);
}

enum status test_hub_end(struct test_hub *h, struct str name, struct error *err)
{
    hub_lock(h);
    struct hub_table *t = name.len ? hub_table(h, name) : NULL;
    bool ok = t || name.len == 0;
    if (t)
        end_table(t);
    if (name.len == 0) {
        h->all_ended = true;
        for (struct map_entry *e = map_next(&h->tables, NULL); e; e = map_next(&h->tables, e))
            end_table(e->value);
    }
    hub_unlock(h);
    return ok ? ST_OK : connect_memory(h->arena.budget, err);
}

void test_hub_batch(struct test_hub *h, uint32_t rows)
{
    h->batch_rows = rows ? rows : 1;
}

bool test_hub_drained(const struct test_hub *h)
{
    struct test_hub *own = (struct test_hub *)h; /* the lock is not part of what is looked at */
    bool drained = true;
    hub_lock(own);
    for (struct map_entry *e = map_next(&h->tables, NULL); e; e = map_next(&h->tables, e)) {
        const struct hub_table *t = e->value;
        for (const struct hub_reader *r = t->readers; r; r = r->next) {
            uint32_t stop = r->stop < t->entries.count ? r->stop : t->entries.count;
            drained &= r->at >= stop && (r->ended || !(t->ended || r->stop != UINT32_MAX));
        }
    }
    hub_unlock(own);
    return drained;
}

/* ---- rows out ---- */

enum status hub_prepare(struct test_hub *h, struct str name, const struct hub_pending *from, struct error *err)
{
    hub_lock(h);
    struct hub_table *t = hub_table(h, name);
    struct hub_pending *p = t ? ARENA_NEW(&h->arena, struct hub_pending) : NULL;
    if (p) {
        *p = *from;
        p->next = NULL;
        *t->pending_end = p;
        t->pending_end = &p->next;
    }
    hub_unlock(h);
    return p ? ST_OK : connect_memory(h->arena.budget, err);
}

static bool show(struct test_hub *h, struct hub_table *t, const struct hub_pending *p)
{
    for (uint32_t i = 0; i < p->rows.count; i++) {
        struct test_row *r = array_add(&t->rows, &h->arena);
        if (!r)
            return false;
        *r = p->rows.at[i];
    }
    return true;
}

static struct hub_pending *unlink_at(struct hub_table *t, struct hub_pending **at)
{
    struct hub_pending *p = *at;
    *at = p->next;
    if (!*at)
        t->pending_end = at;
    return p;
}

/* Shows the first pending rows under these three, if any. */
static bool publish(struct test_hub *h, struct hub_table *t, uint64_t job_id, uint32_t subtask, uint64_t epoch)
{
    for (struct hub_pending **at = &t->pending; *at; at = &(*at)->next)
        if ((*at)->job_id == job_id && (*at)->subtask == subtask && (*at)->epoch == epoch)
            return show(h, t, unlink_at(t, at));
    return true;
}

enum status hub_publish(struct test_hub *h, struct str name, uint64_t job_id, uint32_t subtask, uint64_t epoch,
                        struct error *err)
{
    hub_lock(h);
    struct hub_table *t = hub_table(h, name);
    bool ok = t && publish(h, t, job_id, subtask, epoch);
    hub_unlock(h);
    return ok ? ST_OK : connect_memory(h->arena.budget, err);
}

enum status hub_restore(struct test_hub *h, struct str name, uint64_t job_id, const struct sink_commit *commits,
                        uint32_t n, struct error *err)
{
    hub_lock(h);
    struct hub_table *t = hub_table(h, name);
    bool ok = t != NULL;
    for (uint32_t i = 0; ok && i < n; i++) {
        struct reader in = reader_make(commits[i].bytes.ptr, commits[i].bytes.len);
        uint64_t epoch;
        if (read_u64(&in, &epoch))
            ok = publish(h, t, job_id, commits[i].subtask, epoch);
    }
    for (struct hub_pending **at = ok ? &t->pending : NULL; at && *at;)
        if ((*at)->job_id == job_id)
            (void)unlink_at(t, at);
        else
            at = &(*at)->next;
    hub_unlock(h);
    return ok ? ST_OK : connect_memory(h->arena.budget, err);
}

uint32_t test_hub_rows(const struct test_hub *h, struct str table, uint32_t from, const struct test_row **ret)
{
    const struct hub_table *t = find(h, table);
    if (!t || from >= t->rows.count)
        return 0;
    *ret = t->rows.at + from;
    return t->rows.count - from;
}

uint32_t test_hub_bad(const struct test_hub *h, struct str table, uint32_t from, const struct str **ret)
{
    const struct hub_table *t = find(h, table);
    if (!t || from >= t->bad.count)
        return 0;
    *ret = t->bad.at + from;
    return t->bad.count - from;
}

uint32_t test_hub_lines(const struct test_hub *h, struct str table, const struct str **ret)
{
    const struct hub_table *t = find(h, table);
    if (!t || t->lines.count == 0)
        return 0;
    *ret = t->lines.at;
    return t->lines.count;
}

enum status test_hub_take_bad(struct test_hub *h, const struct bad_record *bad)
{
    hub_lock(h);
    struct hub_table *t = hub_table(h, bad->source);
    struct str line = t ? arena_str(&h->arena, bad->bytes) : (struct str){ 0 };
    struct str *slot = line.ptr ? array_add(&t->bad, &h->arena) : NULL;
    if (slot)
        *slot = line;
    hub_unlock(h);
    return slot ? ST_OK : ST_MEMORY;
}

void test_hub_crash(struct test_hub *h)
{
    h->crashes++;
}
