/* Opening and closing, the table of partitions, what is asked about them, and their upkeep.
 *
 * Every change of a table is a record of the journal first (journal_record: appended and synced), then a change in
 * memory, then, where files go, their deletion (tend's). So a crash between leaves files that the replay of the record
 * deletes again; names of files are never used twice, so that it cannot hit a later one.
 *
 * Partitions stand in a list (the order of their creation, in which the state is written) and in a fixed hash table. */
#include "store/private.h"

#include <stdio.h>

bool store_grow(struct budget *b, void **at, uint32_t *cap, uint32_t count, size_t size)
{
    if (count < *cap)
        return true;
    uint32_t more = *cap ? *cap * 2 : 4;
    void *grown = mem_realloc(b, *at, *cap * size, more * size);
    if (!grown)
        return false;
    *at = grown;
    *cap = more;
    return true;
}

enum status store_break(struct store *s, enum status st)
{
    int none = ST_OK;
    atomic_compare_exchange_strong(&s->broken, &none, (int)st);
    return st;
}

enum status store_broken(struct store *s, struct error *err)
{
    enum status st = (enum status)atomic_load(&s->broken);
    if (st == ST_OK)
        return ST_OK;
    if (s->options.read_only)
        return error_set(err, st, "the log in '%s' is open for reading only", s->path);
    error_set(err, st, "the log in '%s' has failed before and takes no more", s->path);
    error_hint(err, "stop, see to the disk, and start again: what was acknowledged is safe");
    return st;
}

/* ---- tables ---- */

static struct store_log **bucket_of(struct store *s, const struct store_id *id)
{
    uint8_t key[20];
    memcpy(key, id->topic, 16);
    memcpy(key + 16, &id->partition, 4);
    return &s->buckets[hash_bytes(key, sizeof key) % STORE_BUCKETS];
}

static bool id_equal(const struct store_id *a, const struct store_id *b)
{
    return a->partition == b->partition && memcmp(a->topic, b->topic, 16) == 0;
}

struct store_log *store_log_find(struct store *s, const struct store_id *id)
{
    store_lock(s);
    struct store_log *l = *bucket_of(s, id);
    while (l && !id_equal(&l->id, id))
        l = l->bucket_next;
    store_unlock(s);
    return l;
}

struct store_log *log_new(struct store *s, const struct store_id *id, struct error *err)
{
    struct store_log *l = mem_calloc(s->budget, sizeof *l);
    if (!l) {
        (void)budget_error(s->budget ? s->budget : budget_process(), sizeof *l, err);
        return NULL;
    }
    l->store = s;
    l->id = *id;
    store_log_configure(l, &STORE_LOG_DEFAULTS);
    l->era = atomic_load(&s->era);
    atomic_init(&l->dir_number, 1);
    store_lock(s);
    struct store_log **bucket = bucket_of(s, id);
    l->bucket_next = *bucket;
    *bucket = l;
    l->older = s->logs_last;
    if (s->logs_last)
        s->logs_last->newer = l;
    else
        s->logs = l;
    s->logs_last = l;
    store_unlock(s);
    return l;
}

void log_drop(struct store_log *l, struct segment **ret_dead)
{
    struct store *s = l->store;
    store_lock(s);
    struct store_log **at = bucket_of(s, &l->id);
    while (*at != l)
        at = &(*at)->bucket_next;
    *at = l->bucket_next;
    *(l->older ? &l->older->newer : &s->logs) = l->newer;
    *(l->newer ? &l->newer->older : &s->logs_last) = l->older;
    l->newer = s->gone;
    l->older = NULL;
    l->gone_at = atomic_load(&s->newest);
    s->gone = l;
    for (struct segment *g = l->first; g; g = g->next) {
        g->dead = true;
        g->users++;
    }
    if (l->last) {
        l->last->next = *ret_dead;
        *ret_dead = l->first;
    }
    l->first = l->last = l->found = NULL;
    store_unlock(s);
}

enum status log_add_epoch(struct store_log *l, int32_t epoch, int64_t start, struct error *err)
{
    struct store *s = l->store;
    store_lock(s);
    /* An epoch without a batch never was. */
    while (l->epoch_count > 0 && l->epochs[l->epoch_count - 1].start >= start)
        l->epoch_count--;
    bool ok = store_grow(s->budget, (void **)&l->epochs, &l->epoch_cap, l->epoch_count, sizeof *l->epochs);
    if (ok)
        l->epochs[l->epoch_count++] = (struct epoch){ epoch, start };
    store_unlock(s);
    return ok ? ST_OK : budget_error(s->budget ? s->budget : budget_process(), sizeof *l->epochs, err);
}

struct segment *log_trim(struct store_log *l, int64_t start)
{
    struct segment *dead = NULL, **end = &dead;
    store_lock(l->store);
    if (start > atomic_load(&l->start))
        atomic_store(&l->start, start);
    l->found = NULL;
    while (l->first && l->first != l->last && l->first->end <= start) {
        struct segment *g = l->first;
        l->first = g->next;
        g->next = NULL;
        g->dead = true;
        g->users++;
        *end = g;
        end = &g->next;
    }
    store_unlock(l->store);
    return dead;
}

static struct segment *find_generation(const struct store_log *l, uint64_t generation, struct segment **ret_before)
{
    struct segment *g = l->first;
    for (*ret_before = NULL; g && g->generation != generation; g = g->next)
        *ret_before = g;
    return g;
}

bool log_swappable(const struct store_log *l, const struct swap *w)
{
    struct segment *before, *g = find_generation(l, w->generation, &before);
    if (!g || g->base != w->base || w->n == 0)
        return false;
    for (uint32_t i = 1; g && i < w->n; i++)
        g = g->next;
    return g && g != l->last && g->end == w->end;
}

struct segment *log_swap(struct store_log *l, const struct swap *w, struct segment *by)
{
    struct segment *before, *dead, *last;
    store_lock(l->store);
    dead = last = find_generation(l, w->generation, &before);
    for (uint32_t i = 1; i < w->n; i++)
        last = last->next;
    struct segment *after = last->next;
    last->next = NULL;
    l->found = NULL;
    for (struct segment *g = dead; g; g = g->next) {
        g->dead = true;
        g->users++;
    }
    if (by)
        by->next = after;
    *(before ? &before->next : &l->first) = by ? by : after;
    store_unlock(l->store);
    return dead;
}

enum status note_copy(struct store *s, const struct group_note *n, uint32_t more, uint8_t **ret, struct error *err)
{
    uint8_t *copy = n->len ? mem_alloc(s->budget, n->len) : NULL;
    bool ok = copy || !n->len;
    while (ok && s->cap_notes < s->n_notes + more)
        ok = store_grow(s->budget, (void **)&s->notes, &s->cap_notes, s->cap_notes, sizeof *s->notes);
    if (!ok) {
        mem_free(s->budget, copy, n->len);
        return budget_error(s->budget ? s->budget : budget_process(), n->len, err);
    }
    if (copy)
        memcpy(copy, n->bytes, n->len);
    *ret = copy;
    return ST_OK;
}

void note_set(struct store *s, uint32_t kind, uint8_t *copy, uint32_t len)
{
    uint32_t i = 0;
    while (i < s->n_notes && s->notes[i].kind != kind)
        i++;
    if (i < s->n_notes) {
        mem_free(s->budget, s->notes[i].bytes, s->notes[i].len);
        s->notes[i] = s->notes[--s->n_notes];
    }
    if (len)
        s->notes[s->n_notes++] = (struct group_note){ kind, copy, len };
}

/* ---- open and close ---- */

static void log_free(struct store_log *l)
{
    for (struct segment *g = l->first, *next; g; g = next) {
        next = g->next;
        segment_free(g);
    }
    mem_free(l->store->budget, l->epochs, l->epoch_cap * sizeof *l->epochs);
    mem_free(l->store->budget, l, sizeof *l);
}

static void store_free(struct store *s)
{
    while (s->dirty) {
        struct segment *g = s->dirty;
        s->dirty = g->dirty_next;
        g->dirty = false;
        segment_unuse(g);
    }
    while (s->saving) {
        struct segment *g = s->saving;
        s->saving = g->save_next;
        segment_unuse(g);
    }
    segments_bury(s, s->doomed, false);
    for (struct store_log *l = s->logs, *next; l; l = next) {
        next = l->newer;
        log_free(l);
    }
    for (struct store_log *l = s->gone, *next; l; l = next) {
        next = l->newer;
        log_free(l);
    }
    for (uint32_t i = 0; i < s->n_notes; i++)
        mem_free(s->budget, s->notes[i].bytes, s->notes[i].len);
    mem_free(s->budget, s->notes, s->cap_notes * sizeof *s->notes);
    mem_free(s->budget, s->stage, STORE_STAGE_BYTES);
    for (struct journal_file *f = s->files, *next; f; f = next) {
        next = f->next;
        mem_free(s->budget, f, sizeof *f);
    }
    journal_close(s->journal);
    os_close(s->os, s->lock_file);
    mem_free(s->budget, s, sizeof *s);
}

/* Durable with the journal's first file: root_sync. */
static enum status dir_make(struct store *s, const char *path, struct error *err)
{
    enum status st = s->os->ops->mkdir(s->os, path, err);
    if (st != ST_NOT_FOUND)
        return st;
    error_clear(err);
    return os_mkdirs(s->os, path, err);
}

static enum status take_lock(struct store *s, struct error *err)
{
    char path[STORE_PATH_MAX + 16];
    TRY(dir_make(s, s->path, err));
    snprintf(path, sizeof path, "%s/journal", s->path);
    TRY(dir_make(s, path, err));
    snprintf(path, sizeof path, "%s/lock", s->path);
    TRY(os_open(s->os, path, OS_CREATE, &s->lock_file, err));
    return s->os->ops->lock(s->os, s->lock_file, err);
}

static enum status tell(struct store *s, const struct store_visitor *v, struct store_report *report, struct error *err)
{
    for (struct store_log *l = s->logs; l; l = l->newer) {
        report->logs++;
        if (v && v->log)
            TRY(v->log(v->arg, l, err));
        for (struct segment *g = l->first; g; g = g->next) {
            if (!g->bad)
                continue;
            if (g->waiting) {
                report->waiting++;
                continue;
            }
            char path[STORE_PATH_MAX];
            segment_path(g, path);
            report->rot++;
            if (v && v->rot)
                v->rot(v->arg, l, path, 0, g->base, g->end - 1, "the file is missing or shorter than it was");
        }
    }
    for (uint32_t i = 0; v && v->note && i < s->n_notes; i++) {
        struct store_note n = { s->notes[i].kind, str_make(s->notes[i].bytes, s->notes[i].len) };
        TRY(v->note(v->arg, &n, err));
    }
    return ST_OK;
}

enum status store_open(const struct store_options *o, const struct store_visitor *v, struct store **ret,
                       struct store_report *ret_report, struct error *err)
{
    struct store_report report = { 0 };
    size_t path_len = strlen(o->path);
    if (path_len > STORE_PATH_MAX - 160)
        return error_set(err, ST_LIMIT, "the path of the log is longer than %d bytes", STORE_PATH_MAX - 160);
    struct store *s = mem_calloc(o->budget, sizeof *s);
    if (!s)
        return budget_error(o->budget ? o->budget : budget_process(), sizeof *s, err);
    s->os = o->os;
    s->budget = o->budget;
    s->options = *o;
    s->options.journal_bytes = o->journal_bytes ? o->journal_bytes : (uint32_t)64 << 20;
    uint32_t straight = o->durability == STORE_STRICT ? (uint32_t)256 << 10 : (uint32_t)4 << 10;
    s->options.straight_bytes = o->straight_bytes ? o->straight_bytes : straight;
    s->options.open_files = o->open_files ? o->open_files : 512;
    s->options.save_bytes = o->save_bytes ? o->save_bytes : (uint32_t)1 << 20;
    memcpy(s->path, o->path, path_len + 1);
    s->path_len = (uint32_t)path_len;
    s->options.path = s->path;
    s->next_generation = 1;
    s->era = 1;
    s->dirs_made = 1;
    s->stage = mem_alloc(s->budget, STORE_STAGE_BYTES);
    enum status st = s->stage ? ST_OK : budget_error(o->budget ? o->budget : budget_process(), STORE_STAGE_BYTES, err);
    if (st == ST_OK)
        st = o->read_only ? inspect(s, &report, err) : take_lock(s, err);
    if (st == ST_OK && !o->read_only)
        st = recover(s, &report, err);
    if (st == ST_OK)
        st = tell(s, v, &report, err);
    if (st != ST_OK) {
        store_free(s);
        return st;
    }
    *ret = s;
    if (ret_report)
        *ret_report = report;
    return ST_OK;
}

static enum status close_clean(struct store *s, struct error *err)
{
    for (bool more = true; more;)
        TRY(store_commit_step(s, &more, err));
    TRY(store_broken(s, err));
    store_lock(s);
    for (struct store_log *l = s->logs; l; l = l->newer) {
        if (l->last)
            index_want_saved(l->last, s->options.save_bytes);
    }
    store_unlock(s);
    TRY(tend(s, err));
    TRY(journal_prove(s, err));
    TRY(tend(s, err)); /* files that waited for that */
    TRY(journal_sync(s->journal, err));
    TRY(journal_start(s, STATE_COMPLETE | STATE_CLEAN, journal_end(s->journal).sequence + 1, err));
    return journal_drop_older(s, s->files_last->number, err);
}

static void end_groups(struct store *s, enum status st, const struct error *err)
{
    struct store_group *g = atomic_exchange(&s->queue, NULL), *next;
    for (; g; g = next) {
        next = g->next;
        g->done(g->arg, g, st, err);
    }
    for (g = s->waiting; g; g = next) {
        next = g->next;
        g->done(g->arg, g, st, err);
    }
}

void store_abandon(struct store *s)
{
    if (!s)
        return;
    struct error err;
    end_groups(s, error_set(&err, ST_CANCELLED, "the log in '%s' is closed", s->path), &err);
    store_free(s);
}

enum status store_close(struct store *s, struct error *err)
{
    enum status st = s->options.read_only ? ST_OK : close_clean(s, err);
    store_abandon(s);
    return st;
}

/* ---- questions ---- */

struct store_id store_log_id(const struct store_log *l) { return l->id; }
int64_t store_log_start(const struct store_log *l) { return atomic_load(&l->start); }
int64_t store_log_high(const struct store_log *l) { return atomic_load(&l->high); }

int64_t store_log_end(const struct store_log *l)
{
    return l->era == atomic_load(&l->store->era) ? l->next : atomic_load(&l->high);
}

uint64_t store_log_bytes(const struct store_log *l)
{
    uint64_t bytes = 0;
    store_lock(l->store);
    for (const struct segment *g = l->first; g; g = g->next)
        bytes += g->bytes - STORE_SEGMENT_HEAD;
    store_unlock(l->store);
    return bytes;
}

int32_t store_log_epoch(const struct store_log *l)
{
    store_lock(l->store);
    int32_t epoch = l->epoch_count ? l->epochs[l->epoch_count - 1].epoch : 0;
    store_unlock(l->store);
    return epoch;
}

bool store_log_epoch_end(const struct store_log *l, int32_t epoch, int32_t *ret_epoch, int64_t *ret_end)
{
    store_lock(l->store);
    uint32_t i = l->epoch_count;
    while (i > 0 && l->epochs[i - 1].epoch > epoch)
        i--;
    bool found = i > 0;
    if (found) {
        *ret_epoch = l->epochs[i - 1].epoch;
        *ret_end = i < l->epoch_count ? l->epochs[i].start : atomic_load(&l->high);
    }
    store_unlock(l->store);
    return found;
}

static bool tell_segment(const struct store_log *l, const struct segment *g, struct store_segment *ret)
{
    if (g)
        *ret = (struct store_segment){ g->base, g->end - 1, g->max_ms, g->bytes - STORE_SEGMENT_HEAD, g == l->last, g->bad,
                                        g->waiting };
    return g;
}

bool store_log_segment(const struct store_log *l, uint32_t i, struct store_segment *ret)
{
    store_lock(l->store);
    const struct segment *g = l->first;
    while (g && i-- > 0)
        g = g->next;
    bool there = tell_segment(l, g, ret);
    store_unlock(l->store);
    return there;
}

bool store_log_segment_from(const struct store_log *l, int64_t offset, struct store_segment *ret)
{
    store_lock(l->store);
    const struct segment *g = l->first;
    while (g && g->base < offset)
        g = g->next;
    bool there = tell_segment(l, g, ret);
    store_unlock(l->store);
    return there;
}

bool store_log_active(const struct store_log *l, struct store_segment *ret)
{
    store_lock(l->store);
    bool there = tell_segment(l, l->last, ret);
    store_unlock(l->store);
    return there;
}

/* ---- upkeep ---- */

/* A record that `put` began, into the journal, durable when it returns; releases it. */
static enum status change(struct store *s, struct buf *b, bool put, struct error *err)
{
    enum status st = put ? journal_record(s, b, err) : budget_error(s->budget ? s->budget : budget_process(), 64, err);
    buf_release(b);
    return st;
}

static enum status create_all(struct store *s, const struct store_id *ids, uint32_t n, uint32_t *ret_made,
                              struct store_log **ret, struct error *err)
{
    struct buf b;
    buf_init(&b, s->budget, 256 + (size_t)n * 64);
    bool put = record_begin(&b, s);
    for (uint32_t i = 0; i < n; i++) {
        enum status st = store_log_find(s, &ids[i]) ? error_set(err, ST_EXISTS, "the partition exists") : ST_OK;
        ret[i] = st == ST_OK ? log_new(s, &ids[i], err) : NULL;
        if (!ret[i]) {
            buf_release(&b);
            return st == ST_OK ? ST_MEMORY : st;
        }
        ++*ret_made;
        st = log_add_epoch(ret[i], 0, 0, err);
        if (st != ST_OK) {
            buf_release(&b);
            return st;
        }
        put = put && record_put_id(&b, REC_CREATE, &ids[i]);
    }
    enum status st = put ? journal_put(s, &b, err) : budget_error(s->budget ? s->budget : budget_process(), 64, err);
    buf_release(&b);
    return st;
}

enum status store_logs_create(struct store *s, const struct store_id *ids, uint32_t n, const struct store_log_options *o,
                              struct store_log **ret, struct error *err)
{
    uint32_t made = 0;
    enum status st = create_all(s, ids, n, &made, ret, err);
    for (uint32_t i = 0; i < made; i++) {
        struct segment *none = NULL;
        if (st == ST_OK && o)
            store_log_configure(ret[i], o);
        if (st == ST_OK)
            continue;
        ret[i]->dir_gone = true;
        log_drop(ret[i], &none);
    }
    return st;
}

enum status store_log_create(struct store *s, const struct store_id *id, const struct store_log_options *o,
                             struct store_log **ret, struct error *err)
{
    struct store_log *l;
    TRY(store_logs_create(s, id, 1, o, &l, err));
    *ret = l;
    return ST_OK;
}

enum status store_log_delete(struct store *s, struct store_log *l, struct error *err)
{
    struct buf b;
    buf_init(&b, s->budget, 256);
    TRY(change(s, &b, record_begin(&b, s) && record_put_id(&b, REC_DELETE, &l->id), err));
    struct segment *dead = NULL;
    log_drop(l, &dead);
    segments_doom(s, dead);
    return ST_OK;
}

void store_log_configure(struct store_log *l, const struct store_log_options *o)
{
    l->segment_bytes = o->segment_bytes;
    atomic_store(&l->index_bytes, o->index_bytes);
}
void store_log_roll(struct store_log *l) { atomic_store(&l->roll, true); }

enum status store_log_trim(struct store_log *l, int64_t start, struct error *err)
{
    struct store *s = l->store;
    if (start > store_log_high(l))
        return error_set(err, ST_USAGE, "the log ends at %lld", (long long)store_log_high(l));
    store_lock(s);
    bool left = l->first && l->first != l->last && l->first->end <= start; /* it was the active one at the last trim */
    store_unlock(s);
    if (start < store_log_start(l) || (start == store_log_start(l) && !left))
        return ST_OK;
    struct buf b;
    buf_init(&b, s->budget, 256);
    if (store_bug(s, LOG_BUG_TRIM_MEMORY)) {
        segments_doom(s, log_trim(l, start));
        return ST_OK;
    }
    TRY(change(s, &b, record_begin(&b, s) && record_put_id(&b, REC_TRIM, &l->id) && buf_put_u64(&b, (uint64_t)start),
               err));
    segments_doom(s, log_trim(l, start));
    return ST_OK;
}

static bool put_epoch(struct buf *b, const struct store_log *l, int32_t epoch)
{
    return record_put_id(b, REC_EPOCH, &l->id) && buf_put_u32(b, (uint32_t)epoch) && buf_put_u64(b, (uint64_t)store_log_high(l));
}

enum status store_log_advance_epoch(struct store_log *l, int32_t epoch, struct error *err)
{
    struct store *s = l->store;
    if (epoch <= store_log_epoch(l))
        return error_set(err, ST_USAGE, "the epoch is %d already", store_log_epoch(l));
    struct buf b;
    buf_init(&b, s->budget, 256);
    TRY(change(s, &b, record_begin(&b, s) && put_epoch(&b, l, epoch), err));
    return log_add_epoch(l, epoch, store_log_high(l), err);
}
