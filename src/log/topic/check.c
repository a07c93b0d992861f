/* What a doctor does: opens for reading only, takes the same steps as an opening, and tells what would not go well; then
 * looks at every batch of every segment, and at the files beside.
 *
 * The directory's lock is held meanwhile, so that nobody changes what is looked at. Where a process has it already, the look
 * is taken all the same: it is a picture of about now, and says so.
 *
 * Names of topics come from the node's own partition. Where that cannot be read, partitions go by their topic's id. What a
 * recovery has still to bring to its segment is no damage: it is in the journal, which has been read; but it cannot be looked
 * at before. */
#include "topic/private.h"

#include <stdio.h>

enum { TRIES = 4, NAME_TEXT = TOPIC_NAME_MAX + 1 };

struct look {
    struct topics *t;
    struct topics_checked *sum;
    struct found_logs logs;
    void (*tell)(void *arg, const struct topics_finding *f);
    void *arg;
    bool unnamed; /* the node's own partition could not be read */
    struct store_log *log; /* that is looked at */
    uint32_t found;        /* in it */
};

static const char no_touch[] = "the file has not been touched: restore it from a copy";

static void tell(struct look *k, struct topics_finding f)
{
    *(f.damage ? &k->sum->damages : &k->sum->notes) += 1;
    k->tell(k->arg, &f);
}

static struct topics_finding nowhere(bool damage, const char *what, const char *remedy)
{
    return (struct topics_finding){ .damage = damage, .byte = -1, .partition = -1, .first_offset = -1,
                                    .last_offset = -1, .what = what, .remedy = remedy };
}

/* Where an error says it is. */
static void tell_error(struct look *k, const struct error *err)
{
    struct topics_finding f = nowhere(true, err->message, err->hint[0] ? err->hint : NULL);
    f.file = err->place[0] ? err->place : NULL;
    f.byte = err->offset;
    tell(k, f);
}

static struct str name_of(const struct look *k, const struct store_log *l, char text[NAME_TEXT])
{
    struct store_id id = store_log_id(l);
    struct topic *p = memcmp(id.topic, meta_id, 16) == 0 ? topic_ref(k->t->meta.topic) : topics_find_id(k->t, id.topic);
    size_t n = 0;
    if (p) {
        n = p->name_len;
        memcpy(text, p->name, n);
    } else {
        for (; n < 32; n += 2)
            snprintf(text + n, 3, "%02x", id.topic[n / 2]);
    }
    topic_unref(p);
    return str_make(text, n);
}

static struct topics_finding in_log(const struct look *k, const struct store_log *l, char text[NAME_TEXT], bool damage,
                                    const char *what, const char *remedy)
{
    struct topics_finding f = nowhere(damage, what, remedy);
    f.topic = name_of(k, l, text);
    f.partition = store_log_id(l).partition;
    return f;
}

static void see_rot(void *arg, struct store_log *l, const char *file, uint64_t byte, int64_t first, int64_t last,
                    const char *what)
{
    struct look *k = arg;
    char text[NAME_TEXT];
    struct topics_finding f = in_log(k, l, text, true, what, no_touch);
    f.file = file;
    f.byte = (int64_t)byte;
    f.first_offset = first;
    f.last_offset = last;
    k->found++;
    tell(k, f);
}

static void see_odd(void *arg, struct store_log *l, const char *file, const char *what)
{
    struct look *k = arg;
    char text[NAME_TEXT];
    struct topics_finding f = l ? in_log(k, l, text, false, what, NULL) : nowhere(false, what, NULL);
    f.file = file;
    tell(k, f);
}

/* ---- one partition ---- */

/* Segments are counted; *ret_waiting: some of them wait for a recovery. */
static enum status check_log(struct look *k, struct store_log *l, bool *ret_waiting, struct error *err)
{
    struct store_visitor v = { .arg = k, .rot = see_rot };
    struct store_segment g;
    *ret_waiting = false;
    for (uint32_t i = 0; store_log_segment(l, i, &g); i++) {
        k->sum->segments++;
        k->sum->bytes += g.bytes;
        *ret_waiting |= g.waiting;
    }
    k->log = l;
    k->found = 0;
    return store_log_check(l, true, &v, err);
}

static enum status check_producers(struct look *k, struct topic_partition *x, struct scan *s, struct record_iter *it,
                                   struct error *err)
{
    struct topics_report report = { 0 }; /* damage has been told */
    struct error why;
    enum status st = snapshot_catch_up(x, s, it, &report, &why);
    k->sum->report.scanned += report.scanned;
    if (st == ST_CORRUPT)
        tell_error(k, &why);
    else if (st != ST_OK && err)
        *err = why;
    return st == ST_CORRUPT ? ST_OK : st;
}

static enum status check_partition(struct look *k, struct topic_partition *x, struct scan *s, struct record_iter *it,
                                   struct error *err)
{
    bool waiting;
    if (!x->log) {
        struct topics_finding f = nowhere(true, "it is not in the log: no record of the journal makes it",
                                          "restore the whole directory from a copy");
        f.topic = topic_name(x->topic);
        f.partition = x->index;
        tell(k, f);
        return ST_OK;
    }
    TRY(check_log(k, x->log, &waiting, err));
    return waiting ? ST_OK : check_producers(k, x, s, it, err);
}

static enum status check_topics(struct look *k, struct error *err)
{
    struct topics *t = k->t;
    struct scan *s = mem_alloc(t->budget, sizeof *s);
    struct record_iter *it = NULL;
    struct topic **all = NULL;
    uint32_t n = 0;
    struct arena a;
    if (!s)
        return budget_error(t->budget ? t->budget : budget_process(), sizeof *s, err);
    arena_init(&a, t->budget);
    enum status st = record_iter_new(t->budget, 1 << 20, &it, err);
    if (st == ST_OK)
        st = topics_list(t, &a, &all, &n, err);
    for (uint32_t i = 0; i < n; i++) {
        k->sum->report.topics++;
        k->sum->report.partitions += all[i]->made;
        for (uint32_t p = 0; st == ST_OK && p < all[i]->made; p++)
            st = check_partition(k, topic_partition(all[i], p), s, it, err);
        topic_unref(all[i]);
    }
    record_iter_free(it);
    mem_free(t->budget, s, sizeof *s);
    arena_release(&a);
    return st;
}

/* Partitions that no topic has. */
static enum status check_nameless(struct look *k, struct error *err)
{
    for (uint32_t i = 0; i < k->logs.n; i++) {
        struct store_log *l = k->logs.at[i];
        struct store_id id = store_log_id(l);
        struct topic *p = topics_find_id(k->t, id.topic);
        bool named = memcmp(id.topic, meta_id, 16) == 0 || (p && id.partition < p->made), waiting;
        char text[NAME_TEXT];
        topic_unref(p);
        if (named)
            continue;
        k->sum->report.removed++;
        if (!k->unnamed)
            tell(k, in_log(k, l, text, false, "no topic names it: a creation or deletion was cut short",
                           "nothing: the next start removes it"));
        else
            TRY(check_log(k, l, &waiting, err));
    }
    return ST_OK;
}

/* ---- the node ---- */

static struct store_log *meta_log(const struct look *k)
{
    struct store_id id = { .partition = 0 };
    memcpy(id.topic, meta_id, 16);
    return store_log_find(k->t->store, &id);
}

static enum status check_meta(struct look *k, struct error *err)
{
    struct store_log *log = meta_log(k);
    struct error why;
    bool waiting = false;
    if (!log) {
        k->unnamed = true;
        if (k->logs.n > 0)
            tell(k, nowhere(true, "the node's own partition is not in the log, so topics have no names",
                            "restore the whole directory from a copy"));
        return ST_OK;
    }
    enum status st = meta_open(k->t, log, &why);
    if (!k->t->meta.topic) {
        if (err)
            *err = why;
        return st;
    }
    TRY(check_log(k, log, &waiting, err));
    k->unnamed = st != ST_OK;
    if (st == ST_CORRUPT && !waiting && k->found == 0)
        tell_error(k, &why);
    else if (st != ST_OK && st != ST_CORRUPT && err)
        *err = why;
    if (st == ST_CORRUPT && waiting)
        tell(k, nowhere(false, "the names of topics wait for a recovery", "start the server once, then look again"));
    return st == ST_CORRUPT ? ST_OK : st;
}

/* Groups and transactions, as they would be replayed. */
static enum status check_coords(struct look *k, struct error *err)
{
    struct coords *c = &k->t->coords;
    struct error why;
    c->node = k->t;
    coords_find_topics(c);
    struct topic *of[] = { c->offsets, c->transactions };
    for (uint32_t i = 0; i < 2; i++) {
        struct topic_partition *x = of[i] ? topic_partition(of[i], 0) : NULL;
        struct store_segment g;
        for (uint32_t n = 0; x && x->log && store_log_segment(x->log, n, &g); n++) {
            if (g.bad) /* told, or told to be waiting */
                return ST_OK;
        }
        if (x && !x->log)
            return ST_OK;
    }
    enum status st = coords_replay(c, &why);
    if (st == ST_OK)
        return ST_OK;
    if (st == ST_MEMORY || st == ST_IO) {
        if (err)
            *err = why;
        return st;
    }
    tell_error(k, &why);
    return ST_OK;
}

static void tell_recovery(struct look *k)
{
    const struct store_report *r = &k->sum->report.store;
    char text[200];
    if (k->sum->used) {
        tell(k, nowhere(false, "a process has it open: what it changes meanwhile can look like damage",
                        "look again when it has ended"));
        return;
    }
    if (r->clean)
        return;
    snprintf(text, sizeof text, "it was not closed: the next start recovers from %llu bytes of journal%s",
             (unsigned long long)r->replayed_bytes,
             r->waiting ? "; segments for which that has more than they have are not looked at" : "");
    tell(k, nowhere(false, text, NULL));
    if (r->cut_bytes == 0)
        return;
    snprintf(text, sizeof text, "%llu bytes at the ends of journal and segments are taken for what was written when it died",
             (unsigned long long)r->cut_bytes);
    tell(k, nowhere(false, text, NULL));
}

static enum status open_store(struct look *k, struct error *err)
{
    struct topics *t = k->t;
    const struct topics_options *o = &t->options;
    struct store_options so = { .os = o->os, .path = o->path, .budget = o->budget, .durability = o->durability,
                                .open_files = o->open_files, .read_only = true };
    enum status st = ST_NOT_FOUND;
    struct error why;
    for (uint32_t tries = 0; tries < TRIES && st == ST_NOT_FOUND; tries++) { /* a file of the journal may just have gone */
        struct store_visitor v = { .arg = &k->logs, .log = found_log };
        k->logs.n = 0;
        st = store_open(&so, &v, &t->store, &k->sum->report.store, &why);
    }
    if (st == ST_CORRUPT || st == ST_MISMATCH)
        tell_error(k, &why);
    else if (st != ST_OK && err)
        *err = why;
    return st;
}

static enum status check_all(struct look *k, struct error *err)
{
    struct topics *t = k->t;
    struct store_visitor v = { .arg = k, .odd = see_odd };
    config_init(&t->config, NULL);
    k->logs = (struct found_logs){ .budget = t->budget, .options = &t->options };
    enum status st = open_store(k, err);
    if (st == ST_CORRUPT || st == ST_MISMATCH) /* that is all that can be known */
        return ST_OK;
    TRY(st);
    tell_recovery(k);
    TRY(check_meta(k, err));
    TRY(check_topics(k, err));
    TRY(check_nameless(k, err));
    if (!k->unnamed)
        TRY(check_coords(k, err));
    return store_check_files(t->store, &v, err);
}

enum status topics_check(const struct topics_options *o, void (*tell_one)(void *arg, const struct topics_finding *f),
                         void *arg, struct topics_checked *ret, struct error *err)
{
    struct topics_checked sum = { 0 };
    struct os_file *lock = NULL;
    struct look k = { .sum = &sum, .tell = tell_one, .arg = arg };
    enum status st = store_hold(o->os, o->path, &lock, err);
    sum.used = st == ST_LOCKED;
    error_clear(err); /* what may not be locked can be looked at */
    k.t = mem_calloc(o->budget, sizeof *k.t);
    if (!k.t) {
        os_close(o->os, lock);
        return budget_error(o->budget ? o->budget : budget_process(), sizeof *k.t, err);
    }
    k.t->os = o->os;
    k.t->budget = o->budget;
    k.t->options = *o;
    k.t->options.rot = NULL; /* the look at every batch tells it */
    st = check_all(&k, err);
    mem_free(o->budget, k.logs.at, k.logs.cap * sizeof *k.logs.at);
    topics_abandon(k.t);
    os_close(o->os, lock);
    if (st == ST_OK)
        *ret = sum;
    return st;
}
