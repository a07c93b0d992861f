/* Rows out of a stream of bytes, for every connector that reads files or streams.
 *
 * Bytes are pulled into a counted chunk, which the decoder's strings may reference. What is left of a
 * record at the chunk's end moves to the front of the next chunk (the same one, when no batch holds it any
 * more; a held one is never written to again). A record that fills the chunk doubles it, up to RECORD_MAX;
 * a longer one is a bad record and skipped up to its newline.
 *
 * The place (offset, line, skipping) moves only with rows that were given out or records that were reported,
 * so it can be kept as a position after every call. In replay, rows are decoded one at a time into a batch
 * of their own and stay there, not yet counted as read, until their time has come.
 *
 * Memory that the budget refuses is asked for again a while, since batches on their way may give some back;
 * then the refusal is the answer. */
#include <stdio.h>

#include "connect/private.h"

#define CHUNK_SLACK 64u     /* bytes behind the data that a decoder may look at */
#define TURNS_MAX 4096u     /* records without a row that one call goes through */
#define REFUSALS_MAX 100u   /* tries for memory … */
#define REFUSAL_WAIT_MS 10  /* … so far apart */
#define INFERRED_REASON 640u
#define SHOWN_BYTES 65536u  /* of a record that is too long */

enum status records_open(struct records *r, const struct need *needs, struct error *err)
{
    const struct table_desc *t = r->table;
    if (r->chunk_bytes == 0)
        r->chunk_bytes = CHUNK_BYTES;
    if (!r->schema)
        r->schema = &t->physical;
    if (r->replay) {
        r->held_batch = batch_new(r->schema, 1, r->budget);
        if (!r->held_batch)
            return connect_memory(r->budget, err);
    }
    TRY(t->format->open_decoder(t, r->schema, needs, r->ctx, r->budget, &r->decoder, err));
    r->decoder->ops->reset(r->decoder, r->offset);
    return ST_OK;
}

void records_release(struct records *r)
{
    if (r->decoder)
        r->decoder->ops->free(r->decoder);
    if (r->bytes)
        r->bytes->ops->free(r->bytes);
    batch_free(r->held_batch);
    shared_unref(r->chunk);
    *r = (struct records){ 0 };
}

static uint32_t left_over(const struct records *r)
{
    return r->chunk ? r->chunk->len - r->at : 0;
}

static bool sole_owner(struct shared *s)
{
    return atomic_load_explicit(&s->refs, memory_order_acquire) == 1;
}

/* Room behind what is left over: in this chunk, at its front, or in a new one. */
static bool make_room(struct records *r)
{
    uint32_t left = left_over(r);
    uint32_t want = r->chunk_bytes;
    while (want < left * 2 && want < RECORD_MAX)
        want *= 2;
    if (want > RECORD_MAX)
        want = RECORD_MAX;
    if (r->chunk && sole_owner(r->chunk) && r->chunk->cap >= want + CHUNK_SLACK) {
        if (r->chunk->cap - CHUNK_SLACK - r->chunk->len < want / 4) {
            memmove(r->chunk->data, r->chunk->data + r->at, left);
            r->chunk->len = left;
            r->at = 0;
        }
        return true;
    }
    struct shared *next = shared_new(r->budget, want + CHUNK_SLACK);
    if (!next)
        return false;
    if (left)
        memcpy(next->data, r->chunk->data + r->at, left);
    next->len = left;
    shared_unref(r->chunk);
    r->chunk = next;
    r->at = 0;
    return true;
}

static enum status pull_more(struct records *r, enum pull *ret, int64_t *ret_wake_ms, struct error *err)
{
    if (!make_room(r)) {
        if (++r->refusals > REFUSALS_MAX)
            return budget_error(r->budget, (size_t)r->chunk_bytes, err);
        *ret = PULL_WAIT;
        *ret_wake_ms = os_mono_ns(r->ctx->os) / 1000000 + REFUSAL_WAIT_MS;
        return ST_OK;
    }
    r->refusals = 0;
    struct shared *c = r->chunk;
    size_t got = 0;
    TRY(r->bytes->ops->pull(r->bytes, c->data + c->len, c->cap - CHUNK_SLACK - c->len, &got, ret, ret_wake_ms, err));
    if (*ret != PULL_WAIT)
        c->len += (uint32_t)got;
    r->at_end = *ret == PULL_END;
    return ST_OK;
}

/* `used` bytes with `lines` newlines have become rows, or were given up. */
static void advance(struct records *r, uint32_t used, uint32_t lines)
{
    if (r->witness)
        r->witness->see(r->witness, r->chunk->data + r->at, used);
    r->at += used;
    r->offset += used;
    r->line += lines;
}

/* The record is shown without what ends its line. */
static enum status report(struct records *r, struct bad_record *bad, struct error *err)
{
    struct str *bytes = &bad->bytes;
    if (str_ends(*bytes, STR("\n")))
        bytes->len--;
    if (str_ends(*bytes, STR("\r")))
        bytes->len--;
    bad->source = r->table->name;
    bad->file = r->file;
    if (!r->table->inferred)
        return r->ctx->bad(r->ctx->bad_arg, bad, err);
    char reason[INFERRED_REASON];
    struct str path = options_get(&r->table->options, "path");
    int n = snprintf(reason, sizeof reason,
                     "%.*s; columns were inferred from the first rows: SHOW CREATE TABLE '%.*s' gives a statement to correct",
                     STR_ARG(bad->reason), path.len < 200 ? (int)path.len : 200, path.ptr);
    bad->reason = str_make(reason, n < 0 ? 0 : (size_t)n < sizeof reason ? (size_t)n : sizeof reason - 1);
    return r->ctx->bad(r->ctx->bad_arg, bad, err);
}

/* Before `advance`: everything is still relative to r->at. */
static enum status report_decoded(struct records *r, const struct decoded *d, struct error *err)
{
    struct bad_record bad = {
        .line = r->line + d->lines - d->bad_lines + 1,
        .offset = r->offset + d->bad_at,
        .column = d->bad_column,
        .reason = str_from(d->reason),
        .bytes = str_make(r->chunk->data + r->at + d->bad_at, d->bad_len),
    };
    return report(r, &bad, err);
}

static enum status give_up_long(struct records *r, struct error *err)
{
    char reason[96];
    int n = snprintf(reason, sizeof reason, "the record is longer than %u bytes (its first %u are kept)", RECORD_MAX,
                     SHOWN_BYTES);
    struct bad_record bad = {
        .line = r->line + 1, .offset = r->offset, .reason = str_make(reason, (size_t)n),
        .bytes = str_make(r->chunk->data + r->at, SHOWN_BYTES),
    };
    TRY(report(r, &bad, err));
    r->skipping = true;
    return ST_OK;
}

static void skip(struct records *r)
{
    const uint8_t *from = r->chunk->data + r->at;
    const uint8_t *newline = memchr(from, '\n', left_over(r));
    if (newline) {
        r->skipping = false;
        advance(r, (uint32_t)(newline + 1 - from), 1);
    } else {
        advance(r, left_over(r), 0);
    }
}

static enum status decode(struct records *r, struct batch *out, uint32_t max_rows, struct decoded *ret,
                          struct error *err)
{
    *ret = (struct decoded){ 0 };
    return r->decoder->ops->decode(r->decoder, r->chunk, r->at, r->chunk->len, r->at_end, out, max_rows, ret, err);
}

/* Decodes and counts what was decoded; *ret_used 0: needs more bytes. */
static enum status take(struct records *r, struct batch *out, uint32_t max_rows, uint32_t *ret_used, struct error *err)
{
    struct decoded d;
    uint32_t before = out->count;
    TRY(decode(r, out, max_rows, &d, err));
    if (d.bad)
        TRY(report_decoded(r, &d, err));
    advance(r, d.used, d.lines);
    *ret_used = d.used + (out->count - before);
    return ST_OK;
}

/* ---- replay ---- */

static int64_t event_ms(const struct column *c, uint32_t row, bool *ret_known)
{
    const struct type *t = c->type;
    int64_t ms = 0;
    *ret_known = !column_is_null(c, row);
    if (!*ret_known)
        return 0;
    switch (t->kind) {
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return time_to_ms(c->i64[row], t->precision);
    case TYPE_BIGINT:
        return c->i64[row];
    default:
        *ret_known = connect_time_ms(column_str(c, row), &ms);
        return ms;
    }
}

/* When a row of this time is due; the first one that asks is due now. */
static int64_t due_ns(struct replay *p, int64_t time_ms, int64_t now_ns)
{
    int fresh = 0;
    if (atomic_compare_exchange_strong(&p->started, &fresh, 1)) {
        p->base_event_ms = time_ms;
        p->base_mono_ns = now_ns;
        atomic_store(&p->started, 2);
        return now_ns;
    }
    while (atomic_load(&p->started) != 2) {
    }
    double after_ns = ((double)time_ms - (double)p->base_event_ms) * 1e6 / p->speed;
    if (after_ns > 9e17)
        return INT64_MAX;
    return after_ns <= 0 ? p->base_mono_ns : p->base_mono_ns + (int64_t)after_ns;
}

/* Gives out the held row when it is due. *ret_due_ms: else. */
static enum status release_held(struct records *r, struct batch *out, int64_t *ret_due_ms, struct error *err)
{
    if (r->held_batch->count > 0) {
        bool known;
        int64_t now_ns = os_mono_ns(r->ctx->os);
        int64_t ms = event_ms(&r->held_batch->cols[r->replay->column], 0, &known);
        int64_t due = known ? due_ns(r->replay, ms, now_ns) : now_ns;
        if (due > now_ns) {
            *ret_due_ms = due == INT64_MAX ? INT64_MAX - 1 : due / 1000000 + 1;
            return ST_OK;
        }
        if (!batch_append(out, r->held_batch, 0, true))
            return connect_memory(r->budget, err);
    }
    if (r->held.bad)
        TRY(report_decoded(r, &r->held, err));
    advance(r, r->held.used, r->held.lines);
    r->is_held = false;
    *ret_due_ms = INT64_MIN;
    return ST_OK;
}

/* As `take`, at most one row; *ret_due_ms > INT64_MIN: the row is held until then. */
static enum status take_replayed(struct records *r, struct batch *out, uint32_t *ret_used, int64_t *ret_due_ms,
                                 struct error *err)
{
    if (!r->is_held) {
        batch_clear(r->held_batch);
        TRY(decode(r, r->held_batch, 1, &r->held, err));
        *ret_used = r->held.used + r->held_batch->count;
        if (*ret_used == 0)
            return ST_OK;
        r->is_held = true;
    }
    *ret_used = 1;
    return release_held(r, out, ret_due_ms, err);
}

/* ---- reading ---- */

/* Turns what is in the chunk into rows: once. */
static enum status turn(struct records *r, struct batch *out, uint32_t room, bool *ret_progress, int64_t *ret_due_ms,
                        struct error *err)
{
    uint32_t used = 0;
    *ret_progress = false;
    if (r->skipping) {
        *ret_progress = left_over(r) > 0;
        if (*ret_progress)
            skip(r);
        return ST_OK;
    }
    if (!r->chunk || (left_over(r) == 0 && !r->at_end))
        return ST_OK;
    if (r->replay)
        TRY(take_replayed(r, out, &used, ret_due_ms, err));
    else
        TRY(take(r, out, room, &used, err));
    *ret_progress = used > 0;
    if (used == 0 && !r->at_end && left_over(r) >= RECORD_MAX) {
        TRY(give_up_long(r, err));
        *ret_progress = true;
    }
    return ST_OK;
}

enum status records_read(struct records *r, struct batch *out, uint32_t max_rows, enum read_outcome *ret,
                         int64_t *ret_wake_ms, struct error *err)
{
    uint32_t stop = out->capacity - out->count < max_rows ? out->capacity : out->count + max_rows;
    enum read_outcome outcome = READ_ROWS;
    for (uint32_t turns = 0; turns < TURNS_MAX && out->count < stop; turns++) {
        bool progress;
        int64_t due_ms = INT64_MIN;
        TRY(turn(r, out, stop - out->count, &progress, &due_ms, err));
        if (due_ms != INT64_MIN) {
            *ret_wake_ms = due_ms;
            outcome = out->count ? READ_ROWS : READ_WAIT;
            break;
        }
        if (progress)
            continue;
        if (r->at_end) {
            outcome = READ_END;
            break;
        }
        enum pull pulled;
        int64_t wake_ms = INT64_MAX;
        TRY(pull_more(r, &pulled, &wake_ms, err));
        if (pulled == PULL_WAIT) {
            *ret_wake_ms = wake_ms;
            outcome = out->count ? READ_ROWS : READ_WAIT;
            break;
        }
    }
    *ret = outcome;
    return ST_OK;
}
