/* Records out of chunks: one JSON object a line.
 *
 * A call finds the last newline once; what lies before it are whole lines, what lies behind stays for the next call
 * (or, at the end of input, is the last record). Lines go to the speculating scanner as long as JSON_SLACK bytes may
 * be loaded behind them; the few last lines of a chunk that has no slack, and every line the scanner gives up, go the
 * general way. A row counts when out->count is raised: a bad record's half-written row is simply overwritten.
 *
 * Nulls of ROW columns: the scanner marks only the ROW itself. At the end of a call one pass over the null arrays hands
 * them down to the children, and marks the columns that nobody needs, so every consumer sees them as NULL. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memrchr */
#endif
#include "json.h"

#include <stdio.h>

#define JSON_CHUNK_MAX UINT32_MAX

static void bind_field(struct json_field *f, struct column *c);

static void bind_node(struct json_node *n, struct column *cols)
{
    for (uint32_t i = 0; i < n->n_fields; i++)
        bind_field(&n->fields[i], &cols[i]);
}

static void bind_field(struct json_field *f, struct column *c)
{
    f->col = c;
    f->data = c->data;
    f->nulls = c->nulls;
    f->shared = UINT32_MAX;
    if (f->node)
        bind_node(f->node, c->children);
    for (uint32_t i = 0; f->inside && i < (f->type->kind == TYPE_MAP ? 2u : 1u); i++)
        bind_field(&f->inside[i], &c->children[i]);
}

/* `parent` NULL: no row of it is null. */
static void hand_down(struct json_node *n, const uint8_t *parent, uint32_t from, uint32_t to)
{
    for (uint32_t i = 0; i < n->n_fields; i++) {
        struct json_field *f = &n->fields[i];
        if (!f->needed && to > from) {
            memset(column_nulls(f->col, f->col->cap) + from, 1, to - from);
        } else if (parent) {
            uint8_t *nulls = column_nulls(f->col, f->col->cap);
            for (uint32_t r = from; r < to; r++)
                nulls[r] |= parent[r];
        }
        if (f->node)
            hand_down(f->node, f->col->nulls, from, to);
    }
}

/* ---- one record ---- */

struct pass {
    struct json_decoder *d;
    struct batch *out;
    uint32_t row;
    struct decoded *ret;
};

static void tell_bad(struct pass *p, struct str record, uint32_t at, uint32_t len, uint32_t lines)
{
    struct json_decoder *d = p->d;
    p->ret->bad = true;
    p->ret->bad_at = at;
    p->ret->bad_len = len;
    p->ret->bad_lines = lines;
    p->ret->bad_column = 0;
    if (d->fault_at >= record.ptr && d->fault_at <= record.ptr + record.len)
        p->ret->bad_column = (uint32_t)(d->fault_at - record.ptr) + 1;
    memcpy(p->ret->reason, d->reason, sizeof p->ret->reason);
}

/* The general way. TAKEN: a row, unless *ret_skipped. */
static enum taken general(struct pass *p, struct str record, bool *ret_skipped)
{
    *ret_skipped = str_trim(record).len == 0;
    if (*ret_skipped)
        return TAKEN;
    p->d->reason[0] = 0;
    p->d->fault_at = record.ptr;
    enum taken t = json_take_record(p->d, p->row, record);
    if (t == TAKEN_BAD && p->d->settings.ignore_errors) {
        *ret_skipped = true;
        return TAKEN;
    }
    return t;
}

/* ---- lines ---- */

static const char *last_newline(const char *from, const char *to)
{
    return to > from ? memrchr(from, '\n', (size_t)(to - from)) : NULL;
}

/* Behind the line when the rest of it, from q on, is empty or of no interest; else NULL. */
static inline const char *line_done(const struct json_decoder *d, const char *q)
{
    if (*q == '\n')
        return q + 1;
    if (d->root->early)
        return text_find_newline(q, d->region_end) + 1;
    while (*q == ' ' || *q == '\t' || *q == '\r')
        q++;
    return *q == '\n' ? q + 1 : NULL;
}

static enum status decode_lines(struct pass *p, const char *at, const char *fast_end, const char *end,
                                uint32_t room, struct error *err)
{
    struct json_decoder *d = p->d;
    const char *from = at;
    uint32_t most = p->row + room, lines = 0;
    while (at < end && p->row < most && !p->ret->bad) {
        if (at < fast_end && *at == '{') {
            const char *q = json_fast_record(d, at, p->row);
            if (q && (q = line_done(d, q))) {
                p->row++;
                lines++;
                at = q;
                continue;
            }
            if (d->memory)
                return format_memory(d->budget, err);
        }
        const char *newline = text_find_newline(at, end);
        struct str record = str_make(at, (size_t)(newline - at));
        if (record.len > 0 && record.ptr[record.len - 1] == '\r')
            record.len--;
        bool skipped;
        enum taken t = general(p, record, &skipped);
        if (t == TAKEN_MEMORY)
            return format_memory(d->budget, err);
        const char *next = newline + (newline < end);
        lines += newline < end;
        if (t == TAKEN_BAD)
            tell_bad(p, record, (uint32_t)(at - from), (uint32_t)(next - at), newline < end);
        else
            p->row += !skipped;
        at = next;
    }
    p->ret->used = (uint32_t)(at - from);
    p->ret->lines = lines;
    return ST_OK;
}

static uint32_t mark_length(struct json_decoder *d, const uint8_t *p, uint32_t len, bool at_end, bool *ret_more)
{
    static const uint8_t mark[3] = { 0xEF, 0xBB, 0xBF };
    *ret_more = false;
    if (!d->at_start || len == 0)
        return 0;
    uint32_t n = len < 3 ? len : 3;
    bool same = memcmp(p, mark, n) == 0;
    *ret_more = same && n < 3 && !at_end;
    d->at_start = *ret_more;
    return same && n == 3 ? 3 : 0;
}

static void start(struct json_decoder *d, struct shared *chunk, struct batch *out)
{
    bind_node(d->root, out->cols);
    d->chunk = chunk;
    d->memory = false;
}

static enum status json_decode(struct decoder *base, struct shared *chunk, uint32_t from, uint32_t to, bool at_end,
                               struct batch *out, uint32_t max_rows, struct decoded *ret, struct error *err)
{
    struct json_decoder *d = (struct json_decoder *)base;
    struct decoded done = { 0 };
    struct pass p = { d, out, out->count, &done };
    bool more;
    uint32_t mark = mark_length(d, chunk->data + from, to - from, at_end, &more);
    const char *bytes = (const char *)chunk->data;
    const char *at = bytes + from + mark, *end = bytes + to;
    const char *newline = last_newline(at, end);
    if (!at_end)
        end = newline ? newline + 1 : at;
    if (more || at >= end) {
        done.used = mark;
        *ret = done;
        return ST_OK;
    }
    const char *fast_end = at;
    if (!d->fast_off && chunk->cap > JSON_SLACK) {
        const char *safe = bytes + (to < chunk->cap - JSON_SLACK ? to : chunk->cap - JSON_SLACK);
        if (newline && newline >= safe)
            newline = last_newline(at, safe);
        fast_end = newline ? newline + 1 : at;
    }
    start(d, chunk, out);
    d->lines = true;
    d->line_end = NULL;
    d->limit = d->region_end = fast_end;
    uint32_t room = out->capacity - out->count;
    TRY(decode_lines(&p, at, fast_end, end, room < max_rows ? room : max_rows, err));
    hand_down(d->root, NULL, out->count, p.row);
    out->count = p.row;
    d->at_start = mark > 0 && done.used == 0; /* no room for a row: the mark is still to be read */
    if (done.used > 0) {
        done.used += mark;
        done.bad_at += done.bad ? mark : 0;
    }
    *ret = done;
    return ST_OK;
}

/* ---- messages ---- */

static bool message_fast(struct pass *p, struct str bytes)
{
    struct json_decoder *d = p->d;
    if (d->fast_off || !d->chunk || bytes.len == 0 || bytes.ptr[0] != '{')
        return false;
    const char *first = (const char *)d->chunk->data, *end = bytes.ptr + bytes.len;
    if (bytes.ptr < first || end > first + d->chunk->cap || (size_t)(first + d->chunk->cap - end) < JSON_SLACK)
        return false;
    d->limit = d->region_end = d->line_end = end;
    const char *q = json_fast_record(d, bytes.ptr, p->row);
    return q && (d->root->early ? q <= end : q == end);
}

static enum status json_decode_many(struct decoder *base, struct shared *chunk, const struct str *at, uint32_t n,
                                    struct batch *out, uint32_t *ret_taken, struct decoded *ret, struct error *err)
{
    struct json_decoder *d = (struct json_decoder *)base;
    struct decoded done = { 0 };
    struct pass p = { d, out, out->count, &done };
    uint32_t most = n < out->capacity - out->count ? n : out->capacity - out->count, taken = 0;
    start(d, chunk, out);
    d->lines = false;
    while (taken < most) {
        struct str bytes = at[taken++];
        bool skipped = false;
        enum taken t = message_fast(&p, bytes) ? TAKEN : d->memory ? TAKEN_MEMORY : general(&p, bytes, &skipped);
        if (t == TAKEN_MEMORY)
            return format_memory(d->budget, err);
        done.used = (uint32_t)bytes.len;
        if (t == TAKEN_BAD)
            tell_bad(&p, bytes, 0, (uint32_t)bytes.len, 0);
        if (t == TAKEN_BAD || skipped)
            break;
        p.row++;
    }
    hand_down(d->root, NULL, out->count, p.row);
    out->count = p.row;
    *ret_taken = taken;
    *ret = done;
    return ST_OK;
}

static enum status json_decode_one(struct decoder *base, struct shared *chunk, struct str bytes, struct batch *out,
                                   struct decoded *ret, struct error *err)
{
    uint32_t taken;
    if (bytes.ptr && out->count == out->capacity)
        return error_set(err, ST_LIMIT, "the batch has no room for a row");
    if (bytes.ptr)
        return json_decode_many(base, chunk, &bytes, 1, out, &taken, ret, err);
    *ret = (struct decoded){ 0 };
    return ST_OK;
}

/* ---- life ---- */

static void json_reset(struct decoder *base, uint64_t position)
{
    ((struct json_decoder *)base)->at_start = position == 0;
}

static void json_free(struct decoder *base)
{
    struct json_decoder *d = (struct json_decoder *)base;
    if (!d)
        return;
    buf_release(&d->scratch);
    json_canon_release(&d->canon);
    struct arena arena = d->arena; /* the decoder itself lies in it */
    arena_release(&arena);
}

static const struct decoder_ops ops = {
    .decode = json_decode, .decode_one = json_decode_one, .decode_many = json_decode_many, .reset = json_reset,
    .free = json_free,
};

enum status json_decoder_new(const struct schema *schema, const struct need *needs, const struct json_settings *s,
                             struct budget *budget, struct json_decoder **ret, struct error *err)
{
    TRY(json_check_schema(schema, err));
    struct arena arena;
    arena_init(&arena, budget);
    struct json_decoder *d = ARENA_NEW(&arena, struct json_decoder);
    if (!d) {
        arena_release(&arena);
        return format_memory(budget, err);
    }
    d->base.ops = &ops;
    d->arena = arena;
    d->budget = budget;
    d->settings = *s;
    d->at_start = true;
    memcpy(d->minute, "1970-01-01 00:00", sizeof d->minute);
    buf_init(&d->scratch, budget, JSON_CHUNK_MAX);
    json_canon_init(&d->canon, budget);
    enum status st = json_tree_new(d, schema, needs, err);
    if (st != ST_OK) {
        json_free(&d->base);
        return st;
    }
    *ret = d;
    return ST_OK;
}

struct decoder *json_decoder_face(struct json_decoder *d)
{
    return &d->base;
}

void json_decoder_general_only(struct decoder *d)
{
    ((struct json_decoder *)d)->fast_off = true;
}
