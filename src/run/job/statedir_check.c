/* Looking at a state directory without touching it: everything that a restore would read, and the older snapshot with the
 * journals that only it needs. What is wrong ends the look, for what comes behind it hangs on it. */
#include "job/job_private.h"

static enum status identify(struct statedir *d, struct error *err)
{
    char path[STATEDIR_PATH];
    struct buf text;
    struct str fingerprint;
    statedir_path(d, "FINGERPRINT", path);
    buf_init(&text, d->budget, STATEDIR_FINGERPRINT_MAX);
    enum status st = os_read_file(d->os, path, STATEDIR_FINGERPRINT_MAX, &text, err);
    if (st == ST_OK)
        st = statedir_fingerprint(d, path, buf_str(&text), &fingerprint, err);
    else if (st == ST_NOT_FOUND && d->journals.count + d->snapshots.count > 0)
        st = statedir_rot(path, 0, "it is missing beside the files that it belongs to", err);
    if (st == ST_OK)
        d->id = hash_bytes(fingerprint.ptr, fingerprint.len);
    buf_release(&text);
    return st;
}

static enum status note_sequence(void *arg, uint64_t sequence, struct str payload, struct error *err)
{
    (void)payload, (void)err;
    *(uint64_t *)arg = sequence;
    return ST_OK;
}

/* The journal that grows: its tail may be torn. */
static enum status check_newest(struct statedir *d, uint64_t after, struct statedir_checked *sum, struct error *err)
{
    char path[STATEDIR_PATH];
    uint64_t first = d->journals.at[d->journals.count - 1];
    struct journal_found found;
    statedir_file_path(d, STATEDIR_JOURNAL, first, "", path);
    sum->epoch = first - 1;
    TRY(journal_read(d->os, path, STATEDIR_MAX_RECORD, d->budget, note_sequence, &sum->epoch, &found, err));
    sum->torn = found.torn;
    if (found.id != d->id)
        return statedir_other_job(path, err);
    return sum->epoch < after ? statedir_rot(path, 0, "it ends before the newest snapshot", err) : ST_OK;
}

static enum status check_all(struct statedir *d, struct statedir_checked *sum, struct error *err)
{
    uint64_t newest = 0;
    TRY(statedir_take_stock(d, false, &sum->leftovers, err));
    TRY(identify(d, err));
    sum->journals = d->journals.count;
    sum->snapshots = d->snapshots.count;
    for (uint32_t i = 0; i < d->snapshots.count; i++) {
        newest = d->snapshots.at[i];
        TRY(snapshot_read(d, newest, statedir_skip, NULL, err));
    }
    if (d->journals.count + d->snapshots.count == 0)
        return ST_OK;
    TRY(statedir_deltas(d, d->snapshots.count ? d->snapshots.at[0] : 0, UINT64_MAX, false, NULL, NULL, err));
    return check_newest(d, newest, sum, err);
}

enum status statedir_check(struct os *os, const char *dir, struct budget *b, struct statedir_checked *ret,
                           struct error *err)
{
    struct statedir_checked sum = { 0 };
    struct statedir *d;
    TRY(statedir_new(os, dir, b, &d, err));
    enum status st = check_all(d, &sum, err);
    d->log.ops->close(&d->log);
    if (st == ST_OK)
        *ret = sum;
    return st;
}
