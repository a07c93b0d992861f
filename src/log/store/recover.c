/* Recovery: the journal's files from the newest whole STATE on are replayed onto the segments, the same bytes to the
 * same places, so that it may be done any number of times.
 *
 * First walk: which records stand in the chain of files (sequences count on from file to file), and up to which of
 * them what they name is proven to have been durable. Second walk: apply. Then the journal's tail is cut and synced, a
 * new file with the whole table goes on behind it, and only then doomed segments are deleted, and the files of
 * rewrites that never became durable. Segments stay dirty and old files stay until tend has synced those: a thousand
 * partitions would take two thousand syncs before the first answer. Where something is not proven, or the chain has
 * become long, segments are synced at once, and the new file stands alone.
 *
 * Strict: a straight run was synced before its record was written, so it is there, or it is rot. Relaxed: records of
 * the last second may have come to the disk before their segments; the first one whose straight run is not there ends
 * the replay, for what comes behind it came later. Unproven runs that are there are written again before the sync: a
 * failed sync leaves pages clean that never came to the disk. */
#include "store/private.h"

#include <stdio.h>

/* ---- what a run does ---- */

/* Opens for writing what the replay touches the first time; a used segment, or one marked bad (*ret_bad). */
static enum status touch(struct segment *g, bool *ret_bad, struct error *err)
{
    struct store *s = g->log->store;
    *ret_bad = g->bad;
    if (g->bad)
        return ST_OK;
    enum status st = segment_use(g, err);
    if (st == ST_CORRUPT && g->bytes == STORE_SEGMENT_HEAD && !g->made) { /* its name or head was not synced: then nothing was */
        g->waiting = s->options.read_only;
        st = g->waiting ? st : segment_make(g, err);
    }
    bool first = !g->made;
    g->made = true;
    struct os_stat stat = { 0 };
    if (st == ST_OK && first) {
        st = s->os->ops->fstat(s->os, g->file, &stat, err);
        if (st != ST_OK || stat.bytes < g->bytes)
            segment_unuse(g);
        if (st == ST_OK && stat.bytes < g->bytes)
            st = ST_CORRUPT;
    }
    if (st != ST_CORRUPT)
        return st;
    g->bad = *ret_bad = true;
    error_clear(err);
    return ST_OK;
}

static enum status write_again(struct segment *g, const struct run *run, struct error *err)
{
    struct store *s = g->log->store;
    uint8_t bytes[8192];
    size_t n;
    for (uint64_t at = run->at, stop = at + run->len; at < stop; at += n) {
        size_t want = stop - at < sizeof bytes ? (size_t)(stop - at) : sizeof bytes;
        TRY(os_pread(s->os, g->file, bytes, want, at, &n, err));
        if (n < want)
            return segment_rotten(g, at + n, "the file ends there", err);
        TRY(os_pwrite(s->os, g->file, bytes, n, at, err));
    }
    return ST_OK;
}

/* Read only: has the file what the replay would write? */
static enum status compare(struct segment *g, const struct run *run, struct str bytes, struct error *err)
{
    uint8_t got[8192];
    size_t n;
    for (uint64_t done = 0; done < run->len && !g->bad; done += n) {
        size_t want = run->len - done < sizeof got ? (size_t)(run->len - done) : sizeof got;
        TRY(os_pread(g->log->store->os, g->file, got, want, run->at + done, &n, err));
        if (n < want || memcmp(got, bytes.ptr + done, n) != 0)
            g->waiting = g->bad = true;
    }
    if (g->waiting) {
        g->sure.bytes = run->at;
        g->sure.end = run->first;
        g->sure.sum = run->sum_before;
    }
    return ST_OK;
}

enum status recover_run(struct replay *rp, const struct run *run, struct str bytes, struct error *err)
{
    struct segment *g = run->segment;
    struct store *s = rp->store;
    bool bad;
    TRY(touch(g, &bad, err));
    if (bad)
        return ST_OK;
    enum status st = ST_OK;
    if (!run->straight && s->options.read_only) {
        st = compare(g, run, bytes, err);
    } else if (!run->straight) {
        st = os_pwrite(s->os, g->file, bytes.ptr, bytes.len, run->at, err);
    } else {
        struct os_stat stat;
        st = s->os->ops->fstat(s->os, g->file, &stat, err);
        if (st == ST_OK && stat.bytes < run->at + run->len)
            g->bad = true;
        else if (st == ST_OK && rp->sequence > rp->proven && !s->options.read_only)
            st = write_again(g, run, err);
    }
    if (st == ST_OK && !g->bad && !s->options.read_only && (!run->straight || rp->sequence > rp->proven))
        segment_dirty(g);
    segment_unuse(g);
    return st;
}

/* Each batch is there with its checksum, and the heads are those that were written. */
static enum status check_run(struct replay *rp, struct segment *g, const struct run *run, bool *ret_there,
                             struct error *err)
{
    struct walk w;
    uint32_t sum = run->sum_before;
    int64_t end = run->first;
    struct buf bytes;
    buf_init(&bytes, rp->store->budget, (size_t)INT32_MAX + 64);
    walk_init(&w, g, run->at, run->at + run->len);
    enum status st = ST_OK;
    while (st == ST_OK && w.at < w.stop) {
        struct batch_head h;
        struct record_batch batch;
        uint64_t at = w.at;
        size_t got = 0, used;
        st = walk_next(&w, &h, err);
        if (st == ST_OK && h.base < end)
            st = ST_CORRUPT;
        buf_clear(&bytes);
        if (st == ST_OK && !buf_reserve(&bytes, (size_t)h.bytes))
            st = budget_error(rp->store->budget ? rp->store->budget : budget_process(), (size_t)h.bytes, err);
        if (st == ST_OK)
            st = os_pread(rp->store->os, g->file, bytes.data, (size_t)h.bytes, at, &got, err);
        if (st == ST_OK)
            st = record_batch_read(str_make(bytes.data, got), &batch, &used, err);
        if (st == ST_OK)
            st = record_batch_check(&batch, err);
        if (st == ST_OK) {
            sum = crc32c(sum, bytes.data, STORE_BATCH_SIDE);
            end = h.end;
        }
    }
    buf_release(&bytes);
    *ret_there = st == ST_OK && sum == run->sum && end == run->end;
    bool missing = st == ST_CORRUPT || st == ST_NOT_FOUND || st == ST_UNSUPPORTED;
    if (missing)
        error_clear(err);
    return missing ? ST_OK : st;
}

enum status recover_check(struct replay *rp, struct store_log *l, int64_t base, uint64_t generation,
                          const struct run *run, struct error *err)
{
    /* The table may not have it yet: its ROLL can stand in this same record. */
    struct segment *g = segment_new(l, base, generation, err);
    if (!g)
        return ST_MEMORY;
    bool there = false;
    enum status st = segment_use(g, err);
    if (st == ST_OK) {
        st = check_run(rp, g, run, &there, err);
        segment_unuse(g);
    } else if (st == ST_CORRUPT) {
        error_clear(err);
        st = ST_OK;
    }
    segment_free(g);
    rp->stopped |= st == ST_OK && !there;
    return st;
}

/* ---- the journal's files ---- */

static enum status files_add(struct store *s, uint64_t number, struct error *err)
{
    struct journal_file *f = mem_calloc(s->budget, sizeof *f);
    if (!f)
        return budget_error(s->budget ? s->budget : budget_process(), sizeof *f, err);
    f->number = number;
    *(s->files_last ? &s->files_last->next : &s->files) = f;
    s->files_last = f;
    return ST_OK;
}

static enum status list_files(struct store *s, struct error *err)
{
    char path[STORE_PATH_MAX];
    struct arena a;
    struct os_name *names;
    uint32_t count;
    snprintf(path, sizeof path, "%s/journal", s->path);
    arena_init(&a, s->budget);
    enum status st = s->os->ops->list(s->os, path, &a, &names, &count, err);
    if (st == ST_NOT_FOUND && s->options.read_only) { /* else it has just been made */
        error_clear(err);
        arena_release(&a);
        return ST_OK;
    }
    for (uint32_t i = 0; st == ST_OK && i < count; i++) {
        struct str n = names[i].name;
        int64_t number;
        s->spare |= str_eq(n, STR("spare")) && !s->options.read_only;
        if (!str_ends(n, STR(".jnl")) || !str_to_i64(str_make(n.ptr, n.len - 4), &number) || number <= 0)
            continue;
        st = files_add(s, (uint64_t)number, err);
    }
    if (st == ST_OK && s->spare)
        st = s->os->ops->sync_dir(s->os, path, err);
    arena_release(&a);
    return st;
}

static enum status visit_first(void *arg, uint64_t sequence, struct str payload, struct error *err)
{
    struct replay *rp = arg;
    struct reader r;
    uint8_t kind;
    TRY(record_head_read(rp, sequence, payload, &r, err));
    rp->records++;
    if (!read_u8(&r, &kind) || kind != REC_STATE || !read_u32(&r, &rp->flags))
        return error_set(err, ST_CORRUPT, "a file of the journal does not begin with the state of the log");
    return ST_CANCELLED; /* enough */
}

static enum status visit_proof(void *arg, uint64_t sequence, struct str payload, struct error *err)
{
    struct replay *rp = arg;
    struct reader r;
    if (rp->records++ > 0 && sequence != rp->sequence + 1) {
        char path[STORE_PATH_MAX];
        journal_path(rp->store, rp->file, path);
        error_set(err, ST_CORRUPT, "the journal's file '%s' is damaged at byte %llu: records %llu to %llu are missing", path,
                  (unsigned long long)rp->file_end, (unsigned long long)rp->sequence + 1,
                  (unsigned long long)sequence - 1);
        error_hint(err, "nothing has been touched: restore it from a copy");
        error_place(err, path, 0, 0, (int64_t)rp->file_end);
        return ST_CORRUPT;
    }
    return record_head_read(rp, sequence, payload, &r, err);
}

static enum status visit_apply(void *arg, uint64_t sequence, struct str payload, struct error *err)
{
    struct replay *rp = arg;
    if (sequence == rp->last && store_bug(rp->store, LOG_BUG_LAST_RECORD))
        return ST_OK;
    if (!rp->stopped)
        TRY(record_apply(rp, sequence, payload, err));
    if (rp->stopped)
        rp->cut += payload.len;
    return ST_OK;
}

static enum status read_file(struct store *s, const struct journal_file *f, journal_visit *visit, struct replay *rp,
                             struct error *err)
{
    char path[STORE_PATH_MAX];
    struct journal_found found;
    journal_path(s, f->number, path);
    enum status st = journal_read(s->os, path, STORE_RECORD_MAX, s->budget, visit, rp, &found, err);
    struct os_stat stat;
    if (s->options.read_only) /* was it written over meanwhile? Then it has lost its name before */
        TRY(s->os->ops->stat(s->os, path, &stat, err));
    if (visit == visit_proof && st == ST_OK) {
        rp->cut += f->next ? 0 : found.torn;
        rp->file = f->number;
        rp->file_end = found.end.bytes;
    }
    if (st == ST_CORRUPT && err && !err->place[0])
        error_place(err, path, 0, 0, -1);
    return st;
}

/* The newest file that needs no older one, else the oldest. */
static enum status find_start(struct store *s, struct journal_file **ret, struct error *err)
{
    *ret = s->files;
    for (struct journal_file *f = s->files; f; f = f->next) {
        struct replay rp = { .store = s };
        enum status st = read_file(s, f, visit_first, &rp, err);
        if (st == ST_OK) { /* files appear with a whole first record */
            char path[STORE_PATH_MAX];
            journal_path(s, f->number, path);
            error_set(err, ST_CORRUPT, "the journal's file '%s' is damaged in its first record", path);
            error_hint(err, "nothing has been touched: restore it from a copy");
            error_place(err, path, 0, 0, -1);
            return ST_CORRUPT;
        }
        if (st != ST_CANCELLED)
            return st;
        if (rp.flags & STATE_COMPLETE)
            *ret = f;
    }
    error_clear(err);
    return ST_OK;
}

/* Segments that no record touched must be as long as they were. What stands behind the end of an active one was never
 * acknowledged, or its record is gone from the journal's end: it is counted. */
static enum status check_lengths(struct store *s, uint64_t *cut, struct error *err)
{
    char path[STORE_PATH_MAX];
    for (struct store_log *l = s->logs; l; l = l->newer) {
        for (struct segment *g = l->first; g; g = g->next) {
            if (g->bad || (g->made && g != l->last))
                continue;
            struct os_stat stat = { 0 };
            segment_path(g, path);
            enum status st = s->os->ops->stat(s->os, path, &stat, err);
            if (st == ST_NOT_FOUND) { /* a rewritten one, whose new name did not come to the disk? */
                g->beside = true;
                segment_path(g, path);
                st = s->os->ops->stat(s->os, path, &stat, err);
                if (st == ST_OK && !s->options.read_only)
                    segment_name_settle(g);
                else
                    g->beside = st == ST_OK;
            }
            if (st != ST_OK && st != ST_NOT_FOUND)
                return st;
            if (st == ST_NOT_FOUND)
                error_clear(err);
            g->bad = stat.bytes < g->bytes;
            if (g == l->last && stat.bytes > g->bytes)
                *cut += stat.bytes - g->bytes;
        }
    }
    return ST_OK;
}

static enum status sync_dirty(struct store *s, struct error *err)
{
    while (s->dirty) {
        struct segment *g = s->dirty;
        TRY(segment_sync(g, err));
        s->dirty = g->dirty_next;
        g->dirty = false;
        segment_unuse(g);
    }
    return ST_OK;
}

/* No journal: then there are no segments either. */
static enum status check_fresh(struct store *s, struct error *err)
{
    char path[STORE_PATH_MAX];
    struct os_stat stat;
    snprintf(path, sizeof path, "%s/log", s->path);
    enum status st = s->os->ops->stat(s->os, path, &stat, err);
    if (st == ST_OK) {
        error_set(err, ST_CORRUPT, "'%s' has segments but no journal", s->path);
        error_hint(err, "nothing has been touched: restore its directory 'journal' from a copy");
        error_place(err, path, 0, 0, -1);
        return ST_CORRUPT;
    }
    if (st != ST_NOT_FOUND)
        return st;
    error_clear(err);
    return ST_OK;
}

static enum status bury_doomed(struct store *s, struct replay *rp, struct error *err)
{
    struct segment *dead = rp->dead;
    rp->dead = NULL;
    return segments_remove(s, dead, err);
}

/* ---- what rewrites left that never became durable ---- */

bool log_id_parse(struct str name, struct store_id *ret)
{
    int64_t partition;
    if (name.len < 34 || name.ptr[32] != '-' || !str_to_i64(str_make(name.ptr + 33, name.len - 33), &partition))
        return false;
    for (size_t i = 0; i < 32; i++) {
        char c = name.ptr[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        ret->topic[i / 2] = (uint8_t)(i % 2 ? ret->topic[i / 2] | digit : digit << 4);
    }
    ret->partition = (uint32_t)partition;
    return true;
}

static bool in_table(const struct store_log *l, const char *path)
{
    char other[STORE_PATH_MAX];
    for (const struct segment *g = l ? l->first : NULL; g; g = g->next) {
        if (!g->beside)
            continue;
        segment_path(g, other);
        if (strcmp(other, path) == 0)
            return true;
    }
    return false;
}

static enum status leftovers_of(struct store *s, struct str dir, struct error *err)
{
    char path[STORE_PATH_MAX + 64];
    struct arena a;
    struct os_name *names;
    uint32_t count;
    struct store_id id = { 0 };
    if (!log_id_parse(dir, &id))
        return ST_OK;
    arena_init(&a, s->budget);
    snprintf(path, sizeof path, "%s/log/%.*s", s->path, STR_ARG(dir));
    enum status st = s->os->ops->list(s->os, path, &a, &names, &count, err);
    for (uint32_t i = 0; st == ST_OK && i < count; i++) {
        if (!str_ends(names[i].name, STR(".new")))
            continue;
        snprintf(path, sizeof path, "%s/log/%.*s/%.*s", s->path, STR_ARG(dir), STR_ARG(names[i].name));
        if (!in_table(store_log_find(s, &id), path))
            (void)s->os->ops->unlink(s->os, path, NULL);
    }
    arena_release(&a);
    return st;
}

static enum status leftovers(struct store *s, struct error *err)
{
    char path[STORE_PATH_MAX];
    struct arena a;
    struct os_name *names;
    uint32_t count;
    arena_init(&a, s->budget);
    snprintf(path, sizeof path, "%s/log", s->path);
    enum status st = s->os->ops->list(s->os, path, &a, &names, &count, err);
    for (uint32_t i = 0; st == ST_OK && i < count; i++) {
        if (names[i].is_directory)
            st = leftovers_of(s, names[i].name, err);
    }
    arena_release(&a);
    if (st == ST_NOT_FOUND) { /* nothing was ever written */
        error_clear(err);
        return ST_OK;
    }
    return st;
}

enum { CHAIN_MAX = 4 };

/* Behind the chain that is there, whose records are all proven: its tail is cut and made durable. */
static enum status go_on(struct store *s, const struct journal_file *start, uint64_t sequence, struct error *err)
{
    char path[STORE_PATH_MAX];
    struct journal *j;
    journal_path(s, s->files_last->number, path);
    TRY(journal_open(s->os, path, STORE_RECORD_MAX, s->budget, NULL, NULL, &j, err));
    journal_close(j);
    s->settled = sequence;
    TRY(journal_drop_older(s, start->number, err));
    return journal_start(s, 0, sequence + 1, err);
}

static enum status start_anew(struct store *s, uint64_t sequence, struct replay *rp, struct error *err)
{
    TRY(sync_dirty(s, err));
    TRY(journal_start(s, STATE_COMPLETE, sequence + 1, err));
    TRY(bury_doomed(s, rp, err));
    return journal_drop_older(s, s->files_last->number, err);
}

struct chain {
    struct journal_file *start;
    uint32_t files;
    struct replay proof, rp;
};

/* What the journal's files say is applied. */
static enum status replay_files(struct store *s, struct chain *c, struct store_report *report, struct error *err)
{
    c->proof.store = c->rp.store = s;
    TRY(find_start(s, &c->start, err));
    for (struct journal_file *f = c->start; f; f = f->next, c->files++)
        TRY(read_file(s, f, visit_proof, &c->proof, err));
    c->rp.proven = c->proof.proven;
    c->rp.last = c->proof.sequence;
    for (struct journal_file *f = c->start; f; f = f->next)
        TRY(read_file(s, f, visit_apply, &c->rp, err));
    report->clean = c->proof.records == 1 && (c->rp.flags & STATE_CLEAN) && c->proof.cut == 0;
    report->replayed_bytes = c->rp.bytes;
    report->cut_bytes = c->proof.cut + c->rp.cut;
    return check_lengths(s, &report->cut_bytes, err);
}

/* What a relaxed life acknowledged may be gone without a trace. The new epochs are durable with the state that ends the recovery. */
static enum status new_epochs(struct store *s, struct error *err)
{
    if (store_bug(s, LOG_BUG_EPOCH_KEPT))
        return ST_OK;
    for (struct store_log *l = s->logs; l; l = l->newer)
        TRY(log_add_epoch(l, store_log_epoch(l) + 1, store_log_high(l), err));
    return ST_OK;
}

enum status inspect(struct store *s, struct store_report *report, struct error *err)
{
    struct chain c = { 0 };
    s->broken = ST_USAGE; /* takes nothing */
    TRY(list_files(s, err));
    enum status st = s->files ? replay_files(s, &c, report, err) : check_fresh(s, err);
    if (st == ST_OK && !s->files)
        st = error_set(err, ST_NOT_FOUND, "there is no log in '%s': it has no journal", s->path);
    segments_bury(s, c.rp.dead, false);
    return st;
}

enum status recover(struct store *s, struct store_report *report, struct error *err)
{
    struct chain c = { 0 };
    TRY(list_files(s, err));
    report->clean = true;
    if (!s->files) {
        TRY(check_fresh(s, err));
        return journal_start(s, STATE_COMPLETE | STATE_CLEAN, 1, err);
    }
    enum status st = replay_files(s, &c, report, err);
    if (st == ST_OK && (c.rp.flags & STATE_RELAXED) && !report->clean)
        st = new_epochs(s, err);
    if (st == ST_OK && s->dirty && !c.rp.stopped && c.proof.proven >= c.proof.sequence && c.files < CHAIN_MAX)
        st = go_on(s, c.start, c.proof.sequence, err);
    else if (st == ST_OK)
        st = start_anew(s, c.proof.sequence, &c.rp, err);
    if (st == ST_OK)
        st = bury_doomed(s, &c.rp, err);
    if (st == ST_OK && !report->clean)
        st = leftovers(s, err);
    segments_bury(s, c.rp.dead, false);
    return st;
}
