/* Looking at segments for damage, for a doctor and for a scrub: as a reader, beside everything else.
 *
 * What is known of a segment is taken once under the lock: length, sum, end. Then all heads are walked and summed, and
 * `deep` each batch's body is read in pieces and its checksum compared. Indexes are not used: they are what can be
 * made again.
 *
 * The files beside are looked at by name: each has its segment in the table (by base offset and generation), or nobody
 * needs it. */
#include "store/private.h"

#include <stdio.h>

struct look {
    struct segment *segment;
    const struct store_visitor *visitor;
    bool deep;
    uint64_t bytes;
    uint32_t sum;
    int64_t base, end;
};

static void tell_rot(const struct look *k, uint64_t byte, int64_t first, int64_t last, const char *what)
{
    char path[STORE_PATH_MAX];
    segment_path(k->segment, path);
    if (k->visitor->rot)
        k->visitor->rot(k->visitor->arg, k->segment->log, path, byte, first, last, what);
}

static enum status check_body(const struct look *k, const struct batch_head *h, uint64_t at, struct error *err)
{
    uint8_t bytes[16384];
    uint32_t crc = 0, want = 0;
    for (int i = 17; i < STORE_BATCH_SIDE; i++)
        want = want << 8 | h->side[i];
    uint64_t stop = at + h->bytes;
    for (uint64_t from = at + STORE_BATCH_SIDE; from < stop;) {
        size_t n = stop - from < sizeof bytes ? (size_t)(stop - from) : sizeof bytes, got;
        TRY(os_pread(k->segment->log->store->os, k->segment->file, bytes, n, from, &got, err));
        if (got < n)
            break;
        crc = crc32c(crc, bytes, n);
        from += n;
    }
    if (crc != want)
        tell_rot(k, at, h->base, h->end - 1, "a batch does not fit its checksum");
    return ST_OK;
}

/* ST_CORRUPT: told by the walk; from there on nothing can be read. */
static enum status check_heads(const struct look *k, uint64_t *ret_at, struct error *err)
{
    struct walk w;
    uint32_t sum = 0;
    int64_t end = k->base;
    walk_init(&w, k->segment, STORE_SEGMENT_HEAD, k->bytes);
    *ret_at = 0;
    while (w.at < w.stop) {
        struct batch_head h;
        *ret_at = w.at;
        TRY(walk_next(&w, &h, err));
        if (h.base < end || h.end > k->end)
            return error_set(err, ST_CORRUPT, "an offset is out of its order");
        sum = crc32c(sum, h.side, STORE_BATCH_SIDE);
        end = h.end;
        if (k->deep)
            TRY(check_body(k, &h, *ret_at, err));
    }
    if (sum != k->sum) {
        *ret_at = STORE_SEGMENT_HEAD;
        return error_set(err, ST_CORRUPT, "the heads of its batches are others than were written");
    }
    return ST_OK;
}

static enum status check_segment(const struct look *k, struct error *err)
{
    uint64_t at = 0;
    struct error why;
    enum status st = segment_use(k->segment, &why);
    if (st == ST_OK) {
        st = check_heads(k, &at, &why);
        segment_unuse(k->segment);
    }
    struct store *s = k->segment->log->store;
    store_lock(s);
    bool dead = k->segment->dead;
    store_unlock(s);
    if (st == ST_CORRUPT && !dead)
        tell_rot(k, at, k->base, k->end - 1, why.message);
    if (st != ST_OK && st != ST_CORRUPT && err)
        *err = why;
    return st == ST_CORRUPT ? ST_OK : st;
}

enum status store_log_check(struct store_log *l, bool deep, const struct store_visitor *v, struct error *err)
{
    struct store *s = l->store;
    for (int64_t at = INT64_MIN;;) {
        struct look k = { .visitor = v, .deep = deep };
        store_lock(s);
        struct segment *g = l->first;
        while (g && g->base < at)
            g = g->next;
        bool bad = g && g->bad, waiting = g && g->waiting;
        int64_t end = g ? g->end : 0;
        if (g) {
            g->users++;
            k.segment = g;
            k.bytes = g->bytes;
            k.sum = g->sum;
            k.base = g->base;
            k.end = end;
        }
        if (waiting) { /* what a recovery does not write again */
            k.bytes = g->sure.bytes;
            k.sum = g->sure.sum;
            k.end = g->sure.end;
        }
        store_unlock(s);
        if (!g)
            break;
        enum status st = ST_OK;
        if (bad && !waiting)
            tell_rot(&k, 0, k.base, k.end - 1, "the file is missing or shorter than it was");
        else if (k.bytes > STORE_SEGMENT_HEAD || !bad)
            st = check_segment(&k, err);
        at = end > k.base ? end : k.base + 1;
        segment_unuse(g);
        TRY(st);
    }
    return store_log_find(s, &l->id) == l ? ST_OK
                                          : error_set(err, ST_CANCELLED, "the partition has been deleted meanwhile");
}

/* ---- the files beside ---- */

struct stray {
    struct store *store;
    const struct store_visitor *visitor;
    struct store_log *log; /* NULL: no partition has that directory */
    char dir[STORE_PATH_MAX];
};

static void tell_odd(const struct stray *x, struct str name, const char *what)
{
    char path[STORE_PATH_MAX + 256];
    snprintf(path, sizeof path, "%s%s%.*s", x->dir, name.len ? "/" : "", STR_ARG(name));
    if (x->visitor->odd)
        x->visitor->odd(x->visitor->arg, x->log, path, what);
}

/* The segment of a file's name, with a user; NULL: none in the table has it. */
static struct segment *segment_of(const struct stray *x, struct str name, bool *ret_index)
{
    char path[STORE_PATH_MAX + 256], own[STORE_PATH_MAX];
    struct str rest = name;
    int64_t base, generation;
    if (!str_to_i64(str_split(&rest, '-'), &base) || !str_to_i64(str_split(&rest, '.'), &generation))
        return NULL;
    *ret_index = str_eq(rest, STR("idx"));
    store_lock(x->store);
    struct segment *g = x->log->first;
    while (g && !(g->base == base && g->generation == (uint64_t)generation))
        g = g->next;
    if (g)
        g->users++;
    store_unlock(x->store);
    if (!g)
        return NULL;
    snprintf(path, sizeof path, "%s/%.*s", x->dir, STR_ARG(name));
    if (*ret_index)
        segment_index_path(g, own);
    else
        segment_path(g, own);
    if (strcmp(path, own) == 0)
        return g;
    segment_unuse(g);
    return NULL;
}

static void check_index(const struct stray *x, struct segment *g, struct str name)
{
    struct store *s = x->store;
    struct index found = { 0 };
    if (g->bad || g->bytes == STORE_SEGMENT_HEAD) /* it is not used, and not to be compared with */
        return;
    if (index_read(g, g->bytes, &found, NULL))
        mem_free(s->budget, found.entries, found.cap * sizeof *found.entries);
    else
        tell_odd(x, name, "it is not its segment's index: it is made again when it is needed");
}

static enum status check_dir(const struct stray *x, struct error *err)
{
    struct arena a;
    struct os_name *names;
    uint32_t count;
    arena_init(&a, x->store->budget);
    enum status st = x->store->os->ops->list(x->store->os, x->dir, &a, &names, &count, err);
    for (uint32_t i = 0; st == ST_OK && i < count; i++) {
        bool index;
        struct segment *g = segment_of(x, names[i].name, &index);
        if (!g)
            tell_odd(x, names[i].name, "nothing names it, and nobody reads it: a crash leaves such files");
        else if (index)
            check_index(x, g, names[i].name);
        if (g)
            segment_unuse(g);
    }
    arena_release(&a);
    return st;
}

enum status store_check_files(struct store *s, const struct store_visitor *v, struct error *err)
{
    struct stray x = { .store = s, .visitor = v };
    char path[STORE_PATH_MAX];
    struct arena a;
    struct os_name *names;
    uint32_t count;
    arena_init(&a, s->budget);
    snprintf(path, sizeof path, "%s/log", s->path);
    enum status st = s->os->ops->list(s->os, path, &a, &names, &count, err);
    if (st == ST_NOT_FOUND) { /* nothing was ever written */
        error_clear(err);
        count = 0;
        st = ST_OK;
    }
    for (uint32_t i = 0; st == ST_OK && i < count; i++) {
        struct store_id id = { 0 };
        if (snprintf(x.dir, sizeof x.dir, "%s/%.*s", path, STR_ARG(names[i].name)) >= (int)sizeof x.dir)
            continue;
        x.log = names[i].is_directory && log_id_parse(names[i].name, &id) ? store_log_find(s, &id) : NULL;
        if (x.log)
            st = check_dir(&x, err);
        else
            tell_odd(&x, STR(""), "no partition has it, and nobody reads it");
        if (st == ST_NOT_FOUND) /* deleted meanwhile */
            st = ST_OK;
    }
    arena_release(&a);
    return st;
}

enum status store_hold(struct os *os, const char *path, struct os_file **ret, struct error *err)
{
    char name[STORE_PATH_MAX];
    struct os_stat stat;
    struct os_file *f;
    if (snprintf(name, sizeof name, "%s/lock", path) >= (int)sizeof name)
        return error_set(err, ST_LIMIT, "the path of the log is longer than %d bytes", STORE_PATH_MAX - 160);
    enum status st = os->ops->stat(os, name, &stat, err);
    if (st == ST_NOT_FOUND) {
        error_clear(err);
        *ret = NULL;
        return ST_OK;
    }
    TRY(st);
    TRY(os_open(os, name, OS_CREATE, &f, err));
    st = os->ops->lock(os, f, err);
    if (st == ST_OK)
        *ret = f;
    else
        os_close(os, f);
    return st;
}
