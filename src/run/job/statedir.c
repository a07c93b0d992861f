/* A state directory: the commits of one job as files.
 *
 *   LOCK                 held while the job runs
 *   FINGERPRINT          "weir-state 1 crc32c=<8 hex>", then the normalised plan that wrote it, a line an operator
 *   journal-<first>      records of epochs first, first + 1, … (core/journal, sequence = epoch); the newest one grows
 *   snapshot-<epoch>     the fold of all up to that epoch (snapshot.c)
 *
 * Numbers have twelve digits or more. All files carry a hash of the fingerprint, so that one of another job does
 * not pass. Every file appears whole: it is written under another name (.new, .tmp), synced and renamed, the
 * directory is synced; what such a name is left over from a death is removed at open. A new journal is made before
 * a snapshot is folded, so the journals' epochs follow one another without a gap and the newest snapshot always
 * has a journal that starts right behind it.
 *
 * Restore reads the newest snapshot and the journals' records after it. Only the newest journal may have a torn
 * tail; a tail that is missing anywhere else, a gap, or a snapshot that is not whole is rot: named, and nothing is
 * changed. */
#include "job/job_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define FORMAT_VERSION 1
#define DIR_MAX (STATEDIR_PATH - 64u)
#define LINE_SHOWN 160

/* ---- names ---- */

static const char *const kind_names[] = { [STATEDIR_JOURNAL] = "journal", [STATEDIR_SNAPSHOT] = "snapshot" };

void statedir_file_path(const struct statedir *d, enum statedir_file kind, uint64_t epoch, const char *suffix,
                        char out[STATEDIR_PATH])
{
    int n = snprintf(out, STATEDIR_PATH, "%s/%s-%012" PRIu64 "%s", d->path, kind_names[kind], epoch, suffix);
    CHECK(n > 0 && (uint32_t)n < STATEDIR_PATH);
}

void statedir_path(const struct statedir *d, const char *name, char out[STATEDIR_PATH])
{
    int n = snprintf(out, STATEDIR_PATH, "%s/%s", d->path, name);
    CHECK(n > 0 && (uint32_t)n < STATEDIR_PATH);
}

enum name_kind { NAME_FOREIGN, NAME_FIXED, NAME_FILE, NAME_LEFTOVER };

/* What a name in the directory is. Only names that we would write ourselves are ours. */
static enum name_kind classify(struct str name, enum statedir_file *ret_kind, uint64_t *ret_epoch)
{
    if (str_eq(name, STR("LOCK")) || str_eq(name, STR("FINGERPRINT")))
        return NAME_FIXED;
    if (str_eq(name, STR("FINGERPRINT.new")))
        return NAME_LEFTOVER;
    struct str rest = name;
    bool leftover = false;
    if (str_ends(rest, STR(".new")))
        rest.len -= 4, leftover = true;
    if (str_ends(rest, STR(".tmp")))
        rest.len -= 4, leftover = true;
    for (enum statedir_file k = STATEDIR_JOURNAL; k <= STATEDIR_SNAPSHOT; k++) {
        struct str stem = str_from(kind_names[k]);
        char again[64];
        int64_t epoch;
        if (!str_starts(rest, stem) || rest.len < stem.len + 2 || rest.ptr[stem.len] != '-' ||
            !str_to_i64((struct str){ rest.ptr + stem.len + 1, rest.len - stem.len - 1 }, &epoch) || epoch < 1)
            continue;
        int n = snprintf(again, sizeof again, "%s-%012" PRIi64, kind_names[k], epoch);
        if (!str_eq(rest, str_make(again, (size_t)n)))
            continue;
        *ret_kind = k;
        *ret_epoch = (uint64_t)epoch;
        return leftover ? NAME_LEFTOVER : NAME_FILE;
    }
    return NAME_FOREIGN;
}

enum status statedir_rot(const char *path, uint64_t offset, const char *what, struct error *err)
{
    error_set(err, ST_CORRUPT, "the state file '%s' is damaged at byte %" PRIu64 ": %s", path, offset, what);
    error_hint(err, "nothing has been changed: restore the directory from a copy");
    error_place(err, path, 0, 0, (int64_t)offset);
    return ST_CORRUPT;
}

/* ---- opening ---- */

static enum status refuse_foreign(const struct statedir *d, struct str name, struct error *err)
{
    error_set(err, ST_MISMATCH, "'%s' is no state directory of Weir: it holds '%.*s'", d->path, STR_ARG(name));
    error_hint(err, "name an empty directory, or one that does not exist");
    error_place(err, d->path, 0, 0, -1);
    return ST_MISMATCH;
}

static enum status list_names(struct statedir *d, struct arena *a, struct os_name **ret, uint32_t *ret_n,
                              struct error *err)
{
    TRY(d->os->ops->list(d->os, d->path, a, ret, ret_n, err));
    for (uint32_t i = 0; i < *ret_n; i++) {
        enum statedir_file kind;
        uint64_t epoch;
        if ((*ret)[i].is_directory || classify((*ret)[i].name, &kind, &epoch) == NAME_FOREIGN)
            return refuse_foreign(d, (*ret)[i].name, err);
    }
    return ST_OK;
}

bool statedir_add(struct statedir *d, enum statedir_file kind, uint64_t epoch)
{
    uint64_t *at = kind == STATEDIR_JOURNAL ? array_add(&d->journals, &d->arena) : array_add(&d->snapshots, &d->arena);
    if (!at)
        return false;
    *at = epoch;
    return true;
}

/* Makes the directory where it is missing; looks that nothing foreign is in it before anything is written there. */
static enum status enter(struct statedir *d, struct error *err)
{
    struct os_stat st;
    enum status found = d->os->ops->stat(d->os, d->path, &st, err);
    if (found == ST_NOT_FOUND) {
        error_clear(err);
        return os_mkdirs(d->os, d->path, err);
    }
    TRY(found);
    if (!st.is_directory) {
        error_set(err, ST_MISMATCH, "'%s' is no directory", d->path);
        return ST_MISMATCH;
    }
    struct arena a;
    struct os_name *names;
    uint32_t n;
    arena_init(&a, d->budget);
    enum status listed = list_names(d, &a, &names, &n, err);
    arena_release(&a);
    return listed;
}

static int compare_epochs(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static enum status remove_leftover(struct statedir *d, struct str leftover, struct error *err)
{
    char path[STATEDIR_PATH], name[96];
    CHECK(leftover.len < sizeof name);
    memcpy(name, leftover.ptr, leftover.len);
    name[leftover.len] = 0;
    statedir_path(d, name, path);
    return d->os->ops->unlink(d->os, path, err);
}

enum status statedir_take_stock(struct statedir *d, bool clean, uint32_t *ret_leftovers, struct error *err)
{
    struct arena a;
    struct os_name *names;
    uint32_t n;
    arena_init(&a, d->budget);
    enum status st = list_names(d, &a, &names, &n, err);
    *ret_leftovers = 0;
    for (uint32_t i = 0; st == ST_OK && i < n; i++) {
        enum statedir_file kind;
        uint64_t epoch;
        enum name_kind is = classify(names[i].name, &kind, &epoch);
        *ret_leftovers += is == NAME_LEFTOVER;
        if (is == NAME_FILE && !statedir_add(d, kind, epoch))
            st = budget_error(d->budget, sizeof epoch, err);
        else if (is == NAME_LEFTOVER && clean)
            st = remove_leftover(d, names[i].name, err);
    }
    arena_release(&a);
    if (d->journals.count)
        qsort(d->journals.at, d->journals.count, sizeof(uint64_t), compare_epochs);
    if (d->snapshots.count)
        qsort(d->snapshots.at, d->snapshots.count, sizeof(uint64_t), compare_epochs);
    return st;
}

static enum status lock_file(struct os *os, const char *dir, struct os_file **ret, struct error *err)
{
    char path[STATEDIR_PATH];
    int n = snprintf(path, sizeof path, "%s/LOCK", dir);
    if (n < 0 || (size_t)n >= sizeof path)
        return error_set(err, ST_LIMIT, "the path of the state directory is longer than %u bytes", DIR_MAX);
    struct os_file *f;
    TRY(os_open(os, path, OS_CREATE, &f, err));
    enum status st = os->ops->lock(os, f, err);
    if (st != ST_OK) {
        os_close(os, f);
        if (st == ST_LOCKED) {
            error_set(err, ST_LOCKED, "the state directory '%s' is in use by another process", dir);
            error_hint(err, "wait until it has ended, or name another directory");
            error_place(err, dir, 0, 0, -1);
        }
        return st;
    }
    *ret = f;
    return ST_OK;
}

/* ---- the fingerprint ---- */

/* Fills the error with the first line in which the two differ. */
static enum status fingerprint_differs(const struct statedir *d, struct str there, struct str here, struct error *err)
{
    struct str a = { NULL, 0 }, b = { NULL, 0 };
    uint32_t line = 0;
    while (str_eq(a, b) && (there.ptr || here.ptr)) {
        a = str_split(&there, '\n');
        b = str_split(&here, '\n');
        line++;
    }
    a.len = a.len < LINE_SHOWN ? a.len : LINE_SHOWN;
    b.len = b.len < LINE_SHOWN ? b.len : LINE_SHOWN;
    error_set(err, ST_MISMATCH, "the state in '%s' belongs to another job: line %u is '%.*s' there and '%.*s' here",
              d->path, line, STR_ARG(a), STR_ARG(b));
    error_hint(err, "run the statement that wrote it, or name another directory");
    error_place(err, d->path, 0, 0, -1);
    return ST_MISMATCH;
}

enum status statedir_fingerprint(const struct statedir *d, const char *path, struct str file, struct str *ret,
                                 struct error *err)
{
    struct str text = file, head = str_split(&text, '\n'), words = head;
    bool ours = str_eq(str_split(&words, ' '), STR("weir-state"));
    int64_t version;
    char wanted[64];
    if (!ours || !str_to_i64(str_split(&words, ' '), &version) || version < 0 || version > UINT32_MAX)
        return statedir_rot(path, 0, "its first line is not a state directory's", err);
    int n = snprintf(wanted, sizeof wanted, "weir-state %lld crc32c=%08x", (long long)version,
                     crc32c((uint32_t)version, text.ptr, text.len));
    if (n < 0 || !str_eq(head, str_from(wanted)))
        return statedir_rot(path, 0, "its text fails its checksum", err);
    if (version != FORMAT_VERSION) {
        error_set(err, ST_MISMATCH, "the state directory '%s' has version %lld, this program reads %u", d->path,
                  (long long)version, FORMAT_VERSION);
        error_hint(err, "use the program that wrote it, or a newer one");
        return ST_MISMATCH;
    }
    *ret = text;
    return ST_OK;
}

static enum status check_fingerprint(const struct statedir *d, const char *path, struct str file,
                                     struct str fingerprint, struct error *err)
{
    struct str text;
    TRY(statedir_fingerprint(d, path, file, &text, err));
    return str_eq(text, fingerprint) ? ST_OK : fingerprint_differs(d, text, fingerprint, err);
}

static enum status write_fingerprint(const struct statedir *d, const char *path, struct str fingerprint,
                                     struct buf *text, struct error *err)
{
    uint32_t crc = crc32c(FORMAT_VERSION, fingerprint.ptr, fingerprint.len);
    if (!buf_printf(text, "weir-state %d crc32c=%08x\n", FORMAT_VERSION, crc) ||
        !buf_put(text, fingerprint.ptr, fingerprint.len))
        return budget_error(d->budget, fingerprint.len, err);
    return os_write_file(d->os, path, text->data, text->len, err);
}

static enum status settle_fingerprint(const struct statedir *d, struct str fingerprint, struct error *err)
{
    char path[STATEDIR_PATH];
    struct buf text;
    statedir_path(d, "FINGERPRINT", path);
    buf_init(&text, d->budget, STATEDIR_FINGERPRINT_MAX);
    enum status st = os_read_file(d->os, path, STATEDIR_FINGERPRINT_MAX, &text, err);
    if (st == ST_OK) {
        st = check_fingerprint(d, path, buf_str(&text), fingerprint, err);
    } else if (st == ST_NOT_FOUND && d->journals.count == 0 && d->snapshots.count == 0) {
        error_clear(err);
        st = write_fingerprint(d, path, fingerprint, &text, err);
    } else if (st == ST_NOT_FOUND) {
        st = statedir_rot(path, 0, "it is missing beside the files that it belongs to", err);
    }
    buf_release(&text);
    return st;
}

/* ---- reading ---- */

struct deltas {
    uint64_t after, until;
    payload_visit *visit;
    void *arg;
    uint64_t newest; /* sequence seen last in this journal */
    uint64_t bytes;  /* of what was visited */
};

static enum status visit_record(void *arg, uint64_t sequence, struct str payload, struct error *err)
{
    struct deltas *x = arg;
    x->newest = sequence;
    if (sequence <= x->after || sequence > x->until)
        return ST_OK;
    x->bytes += payload.len;
    return x->visit ? x->visit(x->arg, payload, err) : ST_OK;
}

enum status statedir_other_job(const char *path, struct error *err)
{
    error_set(err, ST_MISMATCH, "the state file '%s' belongs to another job", path);
    error_place(err, path, 0, 0, -1);
    return ST_MISMATCH;
}

/* A journal with another behind it: nothing may be missing at its end. */
static enum status read_closed(struct statedir *d, uint32_t i, struct deltas *x, struct error *err)
{
    char path[STATEDIR_PATH];
    struct journal_found found;
    statedir_file_path(d, STATEDIR_JOURNAL, d->journals.at[i], "", path);
    x->newest = d->journals.at[i] - 1;
    TRY(journal_read(d->os, path, STATEDIR_MAX_RECORD, d->budget, visit_record, x, &found, err));
    if (found.id != d->id)
        return statedir_other_job(path, err);
    if (x->newest + 1 < d->journals.at[i + 1])
        return statedir_rot(path, found.end.bytes, "records are missing between its end and the next journal", err);
    if (x->newest + 1 > d->journals.at[i + 1])
        return statedir_rot(path, found.end.bytes, "it holds epochs that the next journal holds again", err);
    return ST_OK;
}

enum status statedir_deltas(struct statedir *d, uint64_t after, uint64_t until, bool open_last, payload_visit *visit,
                            void *arg, struct error *err)
{
    struct deltas x = { .after = after, .until = until, .visit = visit, .arg = arg };
    uint32_t first = d->journals.count;
    while (first > 0 && d->journals.at[first - 1] > after + 1)
        first--;
    if (first == 0 || (after && d->journals.at[first - 1] != after + 1)) {
        char path[STATEDIR_PATH];
        statedir_file_path(d, STATEDIR_JOURNAL, after + 1, "", path);
        return statedir_rot(path, 0, "it is missing: a journal that starts with this epoch belongs here", err);
    }
    for (uint32_t i = first - 1; i < d->journals.count; i++) {
        if (i + 1 < d->journals.count) {
            TRY(read_closed(d, i, &x, err));
            continue;
        }
        if (!open_last)
            break; /* the newest began with the snapshot that is made: its epochs come later */
        char path[STATEDIR_PATH];
        statedir_file_path(d, STATEDIR_JOURNAL, d->journals.at[i], "", path);
        TRY(journal_open(d->os, path, STATEDIR_MAX_RECORD, d->budget, visit_record, &x, &d->journal, err));
        if (journal_id(d->journal) != d->id)
            return statedir_other_job(path, err);
        if (journal_end(d->journal).sequence < after)
            return statedir_rot(path, journal_end(d->journal).bytes, "it ends before the newest snapshot", err);
    }
    if (open_last)
        d->delta_bytes = x.bytes;
    return ST_OK;
}

enum status statedir_skip(void *arg, struct str payload, struct error *err)
{
    (void)arg, (void)payload, (void)err;
    return ST_OK;
}

static enum status statedir_restore(struct commit_log *l, payload_visit *visit, void *arg, uint64_t *ret_epoch,
                                    struct error *err)
{
    struct statedir *d = (struct statedir *)l;
    CHECK(!d->journal);
    uint64_t after = d->snapshots.count ? d->snapshots.at[d->snapshots.count - 1] : 0;
    if (d->journals.count == 0 && after == 0) {
        char path[STATEDIR_PATH];
        statedir_file_path(d, STATEDIR_JOURNAL, 1, "", path);
        if (!statedir_add(d, STATEDIR_JOURNAL, 1))
            return budget_error(d->budget, sizeof after, err);
        TRY(journal_create(d->os, path, d->id, 1, d->budget, &d->journal, err));
        *ret_epoch = 0;
        return ST_OK;
    }
    if (after)
        TRY(snapshot_read(d, after, visit, arg, err));
    if (after && (l->planted & JOB_BUG_STALE_SNAPSHOT))
        visit = statedir_skip;
    TRY(statedir_deltas(d, after, UINT64_MAX, true, visit, arg, err));
    d->epoch = journal_end(d->journal).sequence;
    *ret_epoch = d->epoch;
    return ST_OK;
}

/* ---- writing ---- */

static enum status statedir_commit(struct commit_log *l, uint64_t epoch, struct str payload, struct error *err)
{
    struct statedir *d = (struct statedir *)l;
    CHECK(d->journal && epoch == d->epoch + 1);
    TRY(journal_append(d->journal, &payload, 1, NULL, err));
    if (!(l->planted & JOB_BUG_NO_SYNC))
        TRY(journal_sync(d->journal, err));
    d->epoch = epoch;
    d->delta_bytes += payload.len;
    atomic_fetch_add_explicit(&d->commits, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&d->commit_bytes, payload.len, memory_order_relaxed);
    return ST_OK;
}

static enum status statedir_snapshot_begin(struct commit_log *l, bool force, bool *ret_due, struct error *err)
{
    return snapshot_begin((struct statedir *)l, force, ret_due, err);
}

static enum status statedir_snapshot_make(struct commit_log *l, struct error *err)
{
    return snapshot_make((struct statedir *)l, err);
}

static enum status statedir_snapshot_finish(struct commit_log *l, struct error *err)
{
    return snapshot_finish((struct statedir *)l, err);
}

static void statedir_stats(const struct commit_log *l, uint64_t *ret_commits, uint64_t *ret_commit_bytes,
                           uint64_t *ret_snapshots, uint64_t *ret_abandoned)
{
    const struct statedir *d = (const struct statedir *)l;
    *ret_commits = atomic_load_explicit(&d->commits, memory_order_relaxed);
    *ret_commit_bytes = atomic_load_explicit(&d->commit_bytes, memory_order_relaxed);
    *ret_snapshots = atomic_load_explicit(&d->n_snapshots, memory_order_relaxed);
    *ret_abandoned = atomic_load_explicit(&d->abandoned, memory_order_relaxed);
}

static void statedir_close(struct commit_log *l)
{
    struct statedir *d = (struct statedir *)l;
    if (!d)
        return;
    journal_close(d->journal);
    if (d->lock)
        os_close(d->os, d->lock);
    snapshot_index_release(&d->newest, d->budget);
    snapshot_index_release(&d->making.index, d->budget);
    arena_release(&d->arena);
    mem_free(d->budget, d, sizeof *d);
}

static const struct commit_log_ops statedir_ops = {
    .restore = statedir_restore, .commit = statedir_commit, .snapshot_begin = statedir_snapshot_begin,
    .snapshot_make = statedir_snapshot_make, .snapshot_finish = statedir_snapshot_finish, .stats = statedir_stats,
    .close = statedir_close,
};

/* After the lock is held: what is there, and away with what a death has left. */
static enum status prepare(struct statedir *d, struct str fingerprint, struct error *err)
{
    uint32_t leftovers;
    TRY(enter(d, err));
    TRY(lock_file(d->os, d->path, &d->lock, err));
    TRY(statedir_take_stock(d, true, &leftovers, err));
    return settle_fingerprint(d, fingerprint, err);
}

enum status statedir_new(struct os *os, const char *dir, struct budget *b, struct statedir **ret, struct error *err)
{
    size_t len = strlen(dir);
    while (len > 1 && dir[len - 1] == '/')
        len--;
    if (len == 0 || len > DIR_MAX)
        return error_set(err, ST_LIMIT, "the path of the state directory is empty or longer than %u bytes", DIR_MAX);
    struct statedir *d = mem_calloc(b, sizeof *d);
    if (!d)
        return budget_error(b ? b : budget_process(), sizeof *d, err);
    d->log.ops = &statedir_ops;
    d->os = os;
    d->budget = b ? b : budget_process();
    arena_init(&d->arena, d->budget);
    struct str path = arena_str(&d->arena, str_make(dir, len));
    d->path = (char *)path.ptr;
    if (!path.ptr) {
        statedir_close(&d->log);
        return budget_error(b ? b : budget_process(), len, err);
    }
    *ret = d;
    return ST_OK;
}

enum status statedir_open(struct os *os, const char *dir, struct str fingerprint, uint64_t min_snapshot_bytes,
                          struct budget *b, struct commit_log **ret, struct error *err)
{
    struct statedir *d;
    if (fingerprint.len > STATEDIR_FINGERPRINT_MAX / 2)
        return error_set(err, ST_LIMIT, "the job's plan is longer than %zu bytes", STATEDIR_FINGERPRINT_MAX / 2);
    TRY(statedir_new(os, dir, b, &d, err));
    d->id = hash_bytes(fingerprint.ptr, fingerprint.len);
    d->min_snapshot_bytes = min_snapshot_bytes ? min_snapshot_bytes : (uint64_t)16 << 20;
    enum status st = prepare(d, fingerprint, err);
    if (st != ST_OK) {
        statedir_close(&d->log);
        return st;
    }
    *ret = &d->log;
    return ST_OK;
}

/* ---- the lock of the whole directory ---- */

/* A directory that holds anything must hold our LOCK: it is made, durably, before anything else. */
static enum status look_around(struct os *os, const char *dir, bool *ret_ours, struct error *err)
{
    struct arena a;
    struct os_name *names;
    uint32_t n;
    arena_init(&a, NULL);
    enum status st = os->ops->list(os, dir, &a, &names, &n, err);
    *ret_ours = false;
    for (uint32_t i = 0; st == ST_OK && i < n; i++)
        *ret_ours |= str_eq(names[i].name, STR("LOCK"));
    if (st == ST_OK && n > 0 && !*ret_ours) {
        error_set(err, ST_MISMATCH, "'%s' is no state directory of Weir: it holds '%.*s'", dir, STR_ARG(names[0].name));
        error_hint(err, "name an empty directory, or one that does not exist");
        error_place(err, dir, 0, 0, -1);
        st = ST_MISMATCH;
    }
    arena_release(&a);
    return st;
}

enum status statedir_lock(struct os *os, const char *dir, struct os_file **ret, struct error *err)
{
    bool ours;
    struct os_file *f;
    TRY(os_mkdirs(os, dir, err));
    TRY(look_around(os, dir, &ours, err));
    TRY(lock_file(os, dir, &f, err));
    enum status st = ours ? ST_OK : os->ops->sync_dir(os, dir, err);
    if (st != ST_OK) {
        os_close(os, f);
        return st;
    }
    *ret = f;
    return ST_OK;
}
