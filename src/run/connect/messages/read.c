/* Rows out of records.
 *
 * Most tables have all their columns in the value and a format that takes many messages at once: a run of records then becomes
 * rows in one call, straight into the columns of the batch. Everything else goes record by record: the value, then for
 * each of its rows the key, whose columns it leaves free. A part of the columns is decoded through copies of their structs, which
 * go back into the batch afterwards.
 *
 * What is in the value as well is not read from the key. A key that is not there leaves its columns NULL. */
#include "connect/messages/messages.h"

#include <stdio.h>

#define RUN_MAX 128u

struct message_reader {
    const struct message_layout *layout;
    struct connect_context *ctx;
    struct budget *budget;
    struct arena arena;
    struct arena scratch; /* of one record's headers */
    struct str file;
    struct decoder *key, *value;
    struct column *cols; /* of a part of the row */
    bool keyed;          /* columns are in the key only */
    uint32_t widest;     /* rows that a record may become */
};

static enum status memory(const struct message_reader *r, struct error *err)
{
    return connect_memory(r->budget, err);
}

/* ---- life ---- */

static enum status open_part(struct message_reader *r, const struct message_part *p, const struct need *needs,
                             struct decoder **ret, struct error *err)
{
    struct need *own = ARENA_ARRAY(&r->arena, struct need, p->schema.n_fields + 1);
    if (!own)
        return memory(r, err);
    for (uint32_t i = 0; i < p->schema.n_fields; i++)
        own[i] = needs ? needs[p->at[i]] : (struct need){ .used = true };
    TRY(p->format->open_decoder(&p->table, &p->schema, own, r->ctx, r->budget, ret, err));
    (*ret)->ops->reset(*ret, 1); /* no header, no byte order mark */
    return ST_OK;
}

static enum status start(struct message_reader *r, const struct need *needs, struct str file, struct error *err)
{
    const struct message_layout *l = r->layout;
    uint32_t n = l->table->physical.n_fields;
    r->file = arena_str(&r->arena, file);
    r->cols = ARENA_ARRAY(&r->arena, struct column, n + 1);
    if (!r->file.ptr || !r->cols)
        return memory(r, err);
    r->keyed = l->value.schema.n_fields < n;
    r->widest = l->value.format->source_kinds & 1u << ROW_UPDATE_BEFORE ? 2 : 1;
    TRY(open_part(r, &l->value, needs, &r->value, err));
    return r->keyed || l->upsert ? open_part(r, &l->key, needs, &r->key, err) : ST_OK;
}

enum status message_reader_new(const struct message_layout *l, const struct need *needs, struct connect_context *ctx,
                               struct str file, struct budget *budget, struct message_reader **ret, struct error *err)
{
    struct message_reader *r = mem_calloc(budget, sizeof *r);
    if (!r)
        return connect_memory(budget, err);
    r->layout = l;
    r->ctx = ctx;
    r->budget = budget;
    arena_init(&r->arena, budget);
    arena_init(&r->scratch, budget);
    enum status st = start(r, needs, file, err);
    if (st != ST_OK) {
        message_reader_free(r);
        return st;
    }
    *ret = r;
    return ST_OK;
}

void message_reader_free(struct message_reader *r)
{
    if (!r)
        return;
    if (r->key)
        r->key->ops->free(r->key);
    if (r->value)
        r->value->ops->free(r->value);
    arena_release(&r->scratch);
    arena_release(&r->arena);
    mem_free(r->budget, r, sizeof *r);
}

/* ---- bad records ---- */

static enum status refuse(struct message_reader *r, const struct record *x, struct str bytes, uint32_t column, const char *where,
                          const char *what, struct error *err)
{
    char reason[256];
    int n = snprintf(reason, sizeof reason, "%s%s", where, what);
    struct bad_record bad = {
        .source = r->layout->table->name, .file = r->file, .offset = (uint64_t)x->offset, .column = column,
        .reason = str_make(reason, n < 0 ? 0 : (size_t)n < sizeof reason ? (size_t)n : sizeof reason - 1), .bytes = bytes,
    };
    return r->ctx->bad(r->ctx->bad_arg, &bad, err);
}

/* ---- metadata ---- */

/* Of headers with one name the last counts. */
static bool put_headers(struct message_reader *r, struct column *c, uint32_t row, const struct record *x)
{
    struct str rest = x->headers;
    struct record_header h;
    struct map last;
    uint32_t n = 0, first;
    map_init(&last, &r->scratch, false);
    while (record_header_next(&rest, &h)) {
        struct record_header *kept = ARENA_NEW(&r->scratch, struct record_header);
        if (!kept)
            return false;
        *kept = h;
        if (!map_put(&last, h.key, kept))
            return false;
    }
    for (struct map_entry *e = map_next(&last, NULL); e; e = map_next(&last, e))
        n++;
    bool ok = column_start_list(c, row, n, &first);
    for (struct map_entry *e = map_next(&last, NULL); ok && e; e = map_next(&last, e), first++) {
        const struct record_header *one = e->value;
        struct column *keys = &c->children[0], *values = &c->children[1];
        if (keys->nulls)
            keys->nulls[first] = 0;
        if (values->nulls)
            values->nulls[first] = 0;
        ok = column_set_str(keys, first, e->key.ptr, e->key.len);
        if (!one->value.ptr)
            column_set_null(values, first);
        else
            ok = ok && column_set_str(values, first, one->value.ptr, one->value.len);
    }
    arena_reset(&r->scratch);
    return ok;
}

static bool put_metadata(struct message_reader *r, struct column *c, uint32_t row, enum message_metadata what,
                         const struct message_origin *from, const struct record *x)
{
    static const struct str times[] = { STR_INIT("NoTimestampType"), STR_INIT("CreateTime"), STR_INIT("LogAppendTime") };
    if (c->nulls)
        c->nulls[row] = 0;
    switch (what) {
    case MESSAGE_TOPIC:
        return column_set_str(c, row, from->topic.ptr, from->topic.len);
    case MESSAGE_TIMESTAMP_TYPE:
        return column_set_str(c, row, times[from->time].ptr, times[from->time].len);
    case MESSAGE_PARTITION:
        c->i32[row] = (int32_t)from->partition;
        return true;
    case MESSAGE_LEADER_EPOCH:
        c->i32[row] = from->leader_epoch;
        if (from->leader_epoch < 0)
            column_set_null(c, row);
        return true;
    case MESSAGE_OFFSET:
        c->i64[row] = x->offset;
        return true;
    case MESSAGE_HEADERS:
        return put_headers(r, c, row, x);
    default:
        c->i64[row] = x->timestamp_ms;
        return true;
    }
}

/* `rows` rows from `row` on, all of record `at`, or one of each record from there on. */
static enum status fill(struct message_reader *r, struct batch *out, uint32_t row, uint32_t rows, bool each,
                        const struct message_origin *from, const struct record *at, struct error *err)
{
    const struct message_layout *l = r->layout;
    for (uint32_t k = 0; k < l->n_read; k++)
        for (uint32_t i = 0; i < rows; i++)
            if (!put_metadata(r, &out->cols[l->read[k].at], row + i, l->read[k].what, from, &at[each ? i : 0]))
                return memory(r, err);
    return ST_OK;
}

/* ---- rows ---- */

/* The columns of a part as the batch `ret`, whose rows go on at `row`. */
static void part_out(struct message_reader *r, const struct message_part *p, struct batch *out, uint32_t row, struct batch *ret)
{
    *ret = *out;
    ret->schema = &p->schema;
    ret->count = row;
    if (p->whole)
        return;
    ret->cols = r->cols;
    for (uint32_t i = 0; i < p->schema.n_fields; i++)
        r->cols[i] = out->cols[p->at[i]];
}

static void part_back(struct message_reader *r, const struct message_part *p, struct batch *out, const struct batch *part)
{
    out->kinds = part->kinds;
    for (uint32_t i = 0; !p->whole && i < p->schema.n_fields; i++)
        out->cols[p->at[i]] = r->cols[i];
}

static void set_null(struct column *c, uint32_t row)
{
    column_set_null(c, row);
    for (uint32_t i = 0; c->type->kind == TYPE_ROW && i < c->n_children; i++)
        set_null(&c->children[i], row);
}

/* The key's columns of `row`. *ret_ok false: it was bad. */
static enum status take_key(struct message_reader *r, struct shared *chunk, const struct record *x, struct batch *out,
                            uint32_t row, bool *ret_ok, struct error *err)
{
    const struct message_part *p = &r->layout->key;
    struct decoded d = { 0 };
    struct batch part;
    *ret_ok = true;
    part_out(r, p, out, row, &part);
    part.kinds = NULL; /* a key is inserted, whatever becomes of its row */
    enum status st = x->key.ptr ? r->key->ops->decode_one(r->key, chunk, x->key, &part, &d, err) : ST_OK;
    bool got = part.count > row;
    part.kinds = out->kinds;
    part_back(r, p, out, &part);
    TRY(st);
    *ret_ok = !d.bad;
    if (d.bad)
        return refuse(r, x, x->key, d.bad_column, "in the key: ", d.reason, err);
    for (uint32_t i = 0; !got && i < p->schema.n_fields; i++) {
        struct column *c = &out->cols[p->at[i]];
        if (!c->type->nullable) {
            *ret_ok = false;
            return refuse(r, x, x->key, 0, "", "it has no key, and a column of the key is NOT NULL", err);
        }
        set_null(c, row);
    }
    return ST_OK;
}

/* The row with this key goes. */
static enum status take_removal(struct message_reader *r, struct shared *chunk, const struct message_origin *from,
                                const struct record *x, struct batch *out, struct error *err)
{
    uint32_t row = out->count;
    bool ok;
    if (!x->key.ptr)
        return refuse(r, x, STR(""), 0, "", "it has neither key nor value", err);
    for (uint32_t i = 0; i < r->layout->table->physical.n_fields; i++)
        set_null(&out->cols[i], row);
    TRY(take_key(r, chunk, x, out, row, &ok, err));
    if (!ok)
        return ST_OK;
    batch_kinds(out)[row] = ROW_DELETE;
    out->count = row + 1;
    return fill(r, out, row, 1, false, from, x, err);
}

static enum status take_one(struct message_reader *r, struct shared *chunk, const struct message_origin *from,
                            const struct record *x, struct batch *out, struct error *err)
{
    const struct message_part *p = &r->layout->value;
    struct decoded d = { 0 };
    struct batch part;
    uint32_t row = out->count;
    bool ok = true;
    part_out(r, p, out, row, &part);
    enum status st = r->value->ops->decode_one(r->value, chunk, x->value, &part, &d, err);
    uint32_t rows = part.count - row;
    part_back(r, p, out, &part);
    TRY(st);
    if (d.bad)
        return refuse(r, x, x->value, d.bad_column, "", d.reason, err);
    for (uint32_t i = 0; r->keyed && i < rows && ok; i++)
        TRY(take_key(r, chunk, x, out, row + i, &ok, err));
    if (!ok)
        return ST_OK;
    if (r->layout->upsert && rows)
        batch_kinds(out)[row] = ROW_UPDATE_AFTER;
    out->count = row + rows;
    return fill(r, out, row, rows, false, from, x, err);
}

/* Records that all have values. */
static enum status take_run(struct message_reader *r, struct shared *chunk, const struct message_origin *from,
                            const struct record *at, uint32_t n, struct batch *out, uint32_t *ret_taken, struct error *err)
{
    struct str values[RUN_MAX];
    struct decoded d;
    const struct schema *schema = out->schema;
    uint32_t row = out->count;
    for (uint32_t i = 0; i < n; i++)
        values[i] = at[i].value;
    out->schema = &r->layout->value.schema;
    enum status st = r->value->ops->decode_many(r->value, chunk, values, n, out, ret_taken, &d, err);
    out->schema = schema;
    TRY(st);
    uint32_t rows = out->count - row;
    if (r->layout->upsert && rows)
        memset(batch_kinds(out) + row, ROW_UPDATE_AFTER, rows);
    TRY(fill(r, out, row, rows, true, from, at, err));
    return d.bad ? refuse(r, &at[*ret_taken - 1], values[*ret_taken - 1], d.bad_column, "", d.reason, err) : ST_OK;
}

enum status message_reader_take(struct message_reader *r, const struct message_origin *from, struct shared *chunk,
                                const struct record *at, uint32_t n, struct batch *out, uint32_t *ret_taken, struct error *err)
{
    bool many = !r->keyed && r->value->ops->decode_many;
    uint32_t done = 0;
    while (done < n) {
        uint32_t room = out->capacity - out->count, run = 0, taken = 1;
        if (room == 0 || (room < r->widest && out->count > 0))
            break;
        while (many && run < RUN_MAX && run < room && done + run < n && at[done + run].value.ptr)
            run++;
        if (run > 0)
            TRY(take_run(r, chunk, from, at + done, run, out, &taken, err));
        else if (at[done].value.ptr)
            TRY(take_one(r, chunk, from, &at[done], out, err));
        else if (r->layout->upsert)
            TRY(take_removal(r, chunk, from, &at[done], out, err));
        done += taken; /* without a value and a key there is no row */
    }
    *ret_taken = done;
    return ST_OK;
}
