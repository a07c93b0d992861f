/* Bugs planted in what an epoch commits, behind a switch that only the crash checker's own test sets. Each
 * rewrites the joined delta as a broken operator would have written it. The others sit where they would be made by
 * mistake: in the coordinator (early publish, no flush), the task (no alignment, eager positions), restore (wrong
 * shard), the state directory (no sync, stale snapshot), the operators and the connectors. */
#include "job/job_private.h"

struct filter {
    struct job *job;
    struct delta_writer out, held;
};

static bool is_position(const struct delta *d)
{
    return str_ends(d->store, STR("/positions"));
}

static bool is_aggregate(const struct delta *d)
{
    return str_starts(d->store, STR("aggregate:")) || str_starts(d->store, STR("window-aggregate:"));
}

static enum status take(void *arg, const struct delta *d, struct error *err)
{
    struct filter *f = arg;
    uint32_t planted = f->job->config.planted;
    struct delta_writer *to = &f->out;
    if ((planted & JOB_BUG_LOST_DELTAS) && is_aggregate(d))
        return ST_OK;
    if ((planted & JOB_BUG_LOST_DROPS) && d->op != DELTA_PUT)
        return ST_OK;
    if ((planted & JOB_BUG_OLD_POSITION) && is_position(d))
        to = &f->held;
    return delta_write(to, d) ? ST_OK : budget_error(f->job->budget, d->value.len, err);
}

enum status planted_delta(struct job *j, struct buf *delta, struct error *err)
{
    struct buf out, held;
    struct filter f = { .job = j, .out = { .out = &out }, .held = { .out = &held } };
    buf_init(&out, j->budget, STATEDIR_MAX_RECORD);
    buf_init(&held, j->budget, STATEDIR_MAX_RECORD);
    enum status st = delta_read(buf_str(delta), take, &f, err);
    bool ok = delta_end(&f.out) && delta_end(&f.held);
    ok = ok && buf_put(&out, j->held_positions.data, j->held_positions.len);
    if (st == ST_OK && ok) {
        buf_clear(delta);
        buf_clear(&j->held_positions);
        ok = buf_put(delta, out.data, out.len) && buf_put(&j->held_positions, held.data, held.len);
    }
    buf_release(&out);
    buf_release(&held);
    return st == ST_OK && !ok ? budget_error(j->budget, 1, err) : st;
}
