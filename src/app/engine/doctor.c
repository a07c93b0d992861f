/* Which kind of directory it is follows from what is in it:
 *
 *   journal, log                    a log (server, --data)
 *   FINGERPRINT                     the state of one job
 *   LOCK and folders <n>-<sink>     a --state-dir with the states of several
 *
 * The rooms that wrote the files look at them; here their findings get one form. */
#include "engine/doctor.h"

#include <stdio.h>

#include "job/job.h"
#include "topic/topic.h"

#define PATH_BYTES 4096u

struct doctor {
    struct os *os;
    struct budget *budget;
    void (*found)(void *arg, const struct doctor_finding *f);
    void *arg;
    struct doctor_report *sum;
};

static void tell(struct doctor *k, const struct doctor_finding *f)
{
    *(f->damage ? &k->sum->damages : &k->sum->notes) += 1;
    k->found(k->arg, f);
}

/* ---- a log ---- */

static void from_log(void *arg, const struct topics_finding *f)
{
    struct doctor_finding x = { f->damage, f->file, f->byte, f->topic, f->partition, f->first_offset,
                                f->last_offset, f->what, f->remedy };
    tell(arg, &x);
}

static enum status look_at_log(struct doctor *k, const char *dir, struct error *err)
{
    struct topics_options o = { .os = k->os, .path = dir, .budget = k->budget };
    struct topics_checked c;
    k->sum->kind = DOCTOR_LOG;
    TRY(topics_check(&o, from_log, k, &c, err));
    k->sum->topics = c.report.topics;
    k->sum->partitions = c.report.partitions;
    k->sum->segments = c.segments;
    k->sum->bytes = c.bytes;
    return ST_OK;
}

/* ---- states of jobs ---- */

static void tell_state(struct doctor *k, const char *dir, bool damage, const char *what, const char *remedy)
{
    struct doctor_finding f = { .damage = damage, .file = dir, .byte = -1, .partition = -1, .first_offset = -1,
                                .last_offset = -1, .what = what, .remedy = remedy };
    tell(k, &f);
}

static enum status look_at_job(struct doctor *k, const char *dir, struct error *err)
{
    struct statedir_checked c = { 0 };
    struct error why;
    char text[160];
    enum status st = statedir_check(k->os, dir, k->budget, &c, &why);
    k->sum->jobs++;
    if (st == ST_CORRUPT || st == ST_MISMATCH) {
        struct doctor_finding f = { .damage = true, .file = why.place[0] ? why.place : dir, .byte = why.offset,
                                    .partition = -1, .first_offset = -1, .last_offset = -1, .what = why.message,
                                    .remedy = why.hint[0] ? why.hint : NULL };
        tell(k, &f);
        return ST_OK;
    }
    if (st == ST_NOT_FOUND) { /* its start was cut short */
        tell_state(k, dir, false, "it holds no state: no commit was ever made", NULL);
        return ST_OK;
    }
    if (st != ST_OK) {
        if (err)
            *err = why;
        return st;
    }
    if (c.torn) {
        snprintf(text, sizeof text, "%llu bytes at the end of the newest journal were never committed",
                 (unsigned long long)c.torn);
        tell_state(k, dir, false, text, "nothing: the next start cuts them off");
    }
    if (c.leftovers) {
        snprintf(text, sizeof text, "%u file%s of a snapshot that was not finished", c.leftovers,
                 c.leftovers == 1 ? "" : "s");
        tell_state(k, dir, false, text, "nothing: the next start removes such files");
    }
    return ST_OK;
}

static enum status look_at_jobs(struct doctor *k, const char *dir, const struct os_name *names, uint32_t n,
                                struct error *err)
{
    char path[PATH_BYTES];
    for (uint32_t i = 0; i < n; i++) {
        if (!names[i].is_directory)
            continue;
        if (snprintf(path, sizeof path, "%s/%.*s", dir, STR_ARG(names[i].name)) >= (int)sizeof path)
            return error_set(err, ST_LIMIT, "the path of a state directory is longer than %u bytes", PATH_BYTES - 1);
        TRY(look_at_job(k, path, err));
    }
    return ST_OK;
}

static bool has(const struct os_name *names, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++) {
        if (str_eq(names[i].name, str_from(name)))
            return true;
    }
    return false;
}

static enum status look(struct doctor *k, const char *dir, struct arena *a, struct error *err)
{
    struct os_name *names;
    uint32_t n;
    TRY(k->os->ops->list(k->os, dir, a, &names, &n, err));
    if (has(names, n, "journal") || has(names, n, "log"))
        return look_at_log(k, dir, err);
    k->sum->kind = DOCTOR_STATE;
    if (has(names, n, "FINGERPRINT"))
        return look_at_job(k, dir, err);
    if (has(names, n, "LOCK"))
        return look_at_jobs(k, dir, names, n, err);
    error_set(err, ST_MISMATCH, "'%s' is neither a log nor a state directory of Weir", dir);
    error_hint(err, "name what stands behind --data or --state-dir");
    return ST_MISMATCH;
}

enum status doctor_look(struct os *os, const char *dir, struct budget *b,
                        void (*found)(void *arg, const struct doctor_finding *f), void *arg, struct doctor_report *ret,
                        struct error *err)
{
    struct doctor_report sum = { .kind = DOCTOR_LOG };
    struct doctor k = { os, b, found, arg, &sum };
    struct arena a;
    arena_init(&a, b);
    enum status st = look(&k, dir, &a, err);
    arena_release(&a);
    if (st == ST_OK)
        *ret = sum;
    return st;
}
