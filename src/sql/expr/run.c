/* Programs over batches: one dispatch a step and batch, loops over rows only inside kernels.
 *
 * NULLs of strict functions are merged here, array by array; a kernel that may fail or that reads what lies under a
 * NULL then gets the other rows only. Lazy steps split the rows: a selection of those still open shrinks from block to
 * block, and each block's result is copied to its rows of the output. */
#include <stdarg.h>
#include <stdio.h>

#include "expr/expr_private.h"

enum status kernel_memory(const struct kernel *k) { return budget_error(k->budget, 0, k->err); }

enum status kernel_fail(const struct kernel *k, const char *fmt, ...)
{
    char text[480];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return error_at(k->err, ST_EXPRESSION, k->expr->line, k->expr->column_at, "%s", text);
}

int64_t arg_integer(const struct kernel *k, uint32_t i, uint32_t r)
{
    return type_phys(k->args[i].col->type) == PHYS_I64 ? arg_i64(k, i, r) : arg_i32(k, i, r);
}

static enum status run_block(struct program *p, struct block *b, const uint16_t *rows, uint32_t n, struct error *err);

/* out NULL where an argument is; gives the rows that are left, in *rows and *n. */
static void merge_nulls(struct program *p, struct step *s, const uint16_t **rows, uint32_t *n)
{
    struct column *out = &s->out->col;
    bool any = false;
    for (uint32_t i = 0; i < s->n_args; i++)
        any = any || s->args[i].col->nulls;
    if (!any)
        return;
    uint8_t *nulls = column_nulls(out, p->capacity);
    bool first = true;
    for (uint32_t i = 0; i < s->n_args; i++) {
        const uint8_t *from = s->args[i].col->nulls;
        uint32_t mask = s->args[i].mask;
        if (!from)
            continue;
        if (!*rows && mask) {
            if (first)
                memcpy(nulls, from, *n);
            else
                for (uint32_t k = 0; k < *n; k++)
                    nulls[k] |= from[k];
        } else {
            for (uint32_t k = 0; k < *n; k++) {
                uint32_t r = *rows ? (*rows)[k] : k;
                nulls[r] = (uint8_t)((first ? 0 : nulls[r]) | from[r & mask]);
            }
        }
        first = false;
    }
    if (s->flags & FN_TOTAL)
        return;
    uint32_t left = 0;
    for (uint32_t k = 0; k < *n; k++) {
        uint32_t r = *rows ? (*rows)[k] : k;
        p->spare[left] = (uint16_t)r;
        left += !nulls[r];
    }
    if (left == *n)
        return;
    *rows = p->spare;
    *n = left;
}

static enum status run_call(struct program *p, struct step *s, const uint16_t *rows, uint32_t n, struct error *err)
{
    for (uint32_t i = 0; i < s->n_args; i++)
        s->args[i] = (struct arg){ &s->from[i]->col, s->from[i]->mask };
    column_clear(&s->out->col);
    if (s->flags & FN_STRICT)
        merge_nulls(p, s, &rows, &n);
    if (n == 0)
        return ST_OK;
    buf_clear(&p->tmp);
    struct kernel k = { .expr = s->expr, .eval = p->eval, .args = s->args, .n_args = s->n_args, .rows = rows, .n = n,
                        .capacity = p->capacity, .out = &s->out->col, .state = &s->state, .tmp = &p->tmp,
                        .budget = p->budget, .err = err };
    return s->kernel(&k);
}

static void run_field(struct step *s, const uint16_t *rows, uint32_t n)
{
    const struct slot *from = s->from[0];
    const struct column *child = &from->col.children[s->expr->column];
    s->out->col = *child;
    s->out->col.type = s->expr->type;
    s->out->mask = from->mask;
    if (!from->col.nulls)
        return;
    const uint8_t *of_row = from->col.nulls, *of_field = child->nulls;
    if (!of_field) {
        s->out->col.nulls = from->col.nulls;
        return;
    }
    uint8_t *restrict nulls = s->state;
    if (!rows && from->mask)
        for (uint32_t k = 0; k < n; k++)
            nulls[k] = of_row[k] | of_field[k];
    else
        for (uint32_t k = 0; k < n; k++) {
            uint32_t r = (rows ? rows[k] : k) & from->mask;
            nulls[r] = of_row[r] | of_field[r];
        }
    s->out->col.nulls = nulls;
}

/* out[r] = in[r] for the rows. */
static bool copy_rows(struct column *out, const struct slot *in, const uint16_t *rows, uint32_t n)
{
    const struct column *c = &in->col;
    enum phys p = type_phys(out->type);
    if (p == PHYS_STRING || p == PHYS_LIST || p == PHYS_MAP || p == PHYS_ROW) {
        for (uint32_t k = 0; k < n; k++)
            if (!column_copy(out, rows[k], c, rows[k] & in->mask, in->mask != 0))
                return false;
        return true;
    }
    uint32_t mask = in->mask;
    if (c->nulls || out->nulls) {
        uint8_t *nulls = column_nulls(out, out->cap);
        const uint8_t *from = c->nulls;
        for (uint32_t k = 0; k < n; k++)
            nulls[rows[k]] = from ? from[rows[k] & mask] : 0;
    }
#define COPY(member)                                         \
    do {                                                     \
        __typeof__(out->member) to = out->member;            \
        const __typeof__(*to) *from = c->member;             \
        for (uint32_t k = 0; k < n; k++)                     \
            to[rows[k]] = from[rows[k] & mask];              \
    } while (0)
    switch (phys_size(p)) {
    case 1:
        COPY(b);
        break;
    case 4:
        COPY(i32);
        break;
    case 8:
        COPY(i64);
        break;
    default:
        COPY(i128);
        break;
    }
#undef COPY
    return true;
}

static void all_rows(uint16_t *to, const uint16_t *rows, uint32_t n)
{
    if (rows)
        memcpy(to, rows, n * sizeof *to);
    else
        for (uint32_t k = 0; k < n; k++)
            to[k] = (uint16_t)k;
}

/* Rows where the condition is TRUE go to s->taken, the others stay in s->rows. Returns how many are taken. */
static uint32_t split_rows(struct step *s, const struct slot *when, uint32_t n)
{
    uint32_t taken_n = 0, left = 0, mask = when->mask;
    const uint8_t *b = when->col.b, *nulls = when->col.nulls;
    uint16_t *rows = s->rows, *taken = s->taken;
    for (uint32_t k = 0; k < n; k++) {
        uint16_t r = rows[k];
        uint32_t at = r & mask, is = b[at] != 0;
        if (nulls)
            is &= nulls[at] == 0;
        taken[taken_n] = r;
        rows[left] = r;
        taken_n += is;
        left += !is;
    }
    return taken_n;
}

static enum status run_case(struct program *p, struct step *s, const uint16_t *rows, uint32_t n, struct error *err)
{
    column_clear(&s->out->col);
    all_rows(s->rows, rows, n);
    for (uint32_t i = 0; i + 1 < s->n_blocks && n; i += 2) {
        TRY(run_block(p, &s->blocks[i], s->rows, n, err));
        const struct slot *when = s->blocks[i].result;
        uint32_t taken = split_rows(s, when, n);
        n -= taken;
        if (!taken)
            continue;
        TRY(run_block(p, &s->blocks[i + 1], s->taken, taken, err));
        if (!copy_rows(&s->out->col, s->blocks[i + 1].result, s->taken, taken))
            return budget_error(p->budget, 0, err);
    }
    if (!n)
        return ST_OK;
    TRY(run_block(p, &s->blocks[s->n_blocks - 1], s->rows, n, err));
    if (!copy_rows(&s->out->col, s->blocks[s->n_blocks - 1].result, s->rows, n))
        return budget_error(p->budget, 0, err);
    return ST_OK;
}

static enum status run_coalesce(struct program *p, struct step *s, const uint16_t *rows, uint32_t n, struct error *err)
{
    column_clear(&s->out->col);
    all_rows(s->rows, rows, n);
    for (uint32_t i = 0; i < s->n_blocks && n; i++) {
        TRY(run_block(p, &s->blocks[i], s->rows, n, err));
        const struct slot *v = s->blocks[i].result;
        bool last = i + 1 == s->n_blocks;
        uint32_t taken = 0, left = 0;
        for (uint32_t k = 0; k < n; k++) {
            uint16_t r = s->rows[k];
            bool is = last || !column_is_null(&v->col, r & v->mask);
            s->taken[taken] = r;
            s->rows[left] = r;
            taken += is;
            left += !is;
        }
        n = left;
        if (taken && !copy_rows(&s->out->col, v, s->taken, taken))
            return budget_error(p->budget, 0, err);
    }
    return ST_OK;
}

/* Kleene's AND over the rows: FALSE wins, then NULL. With `flip` all is negated: OR. */
static void combine(struct column *out, const struct slot *in, bool flip, const uint16_t *rows, uint32_t n)
{
    const struct column *c = &in->col;
    if (!rows && !c->nulls && !out->nulls && in->mask) {
        if (flip)
            for (uint32_t k = 0; k < n; k++)
                out->b[k] |= c->b[k];
        else
            for (uint32_t k = 0; k < n; k++)
                out->b[k] &= c->b[k];
        return;
    }
    uint8_t *b = out->b, *nulls = c->nulls ? column_nulls(out, out->cap) : out->nulls;
    const uint8_t *more = c->b, *more_nulls = c->nulls;
    for (uint32_t k = 0; k < n; k++) { /* without branches: what rows hold is hard to guess */
        uint32_t r = rows ? rows[k] : k, at = r & in->mask;
        bool null = more_nulls && more_nulls[at], was_null = nulls && nulls[r];
        bool decides = ((more[at] != 0) == flip) & (null == 0), decided = ((b[r] != 0) == flip) & (was_null == 0);
        b[r] = (decides | decided) == flip;
        if (nulls)
            nulls[r] = (null | was_null) & ((decides | decided) == 0);
    }
}

static enum status run_logic(struct program *p, struct step *s, const uint16_t *rows, uint32_t n, struct error *err)
{
    struct column *out = &s->out->col;
    bool flip = s->kind == STEP_OR;
    column_clear(out);
    if (!rows)
        memset(out->b, !flip, n);
    else
        for (uint32_t k = 0; k < n; k++)
            out->b[rows[k]] = !flip;
    for (uint32_t i = 0; i < s->n_blocks && n; i++) {
        struct block *b = &s->blocks[i];
        if (i > 0 && !b->eager) {
            uint32_t left = 0;
            for (uint32_t k = 0; k < n; k++) {
                uint32_t r = rows ? rows[k] : k;
                s->rows[left] = (uint16_t)r;
                left += (out->b[r] != 0) != flip || (out->nulls && out->nulls[r]);
            }
            if (left < n || rows == s->rows)
                rows = s->rows;
            n = left;
        }
        TRY(run_block(p, b, rows, n, err));
        combine(out, b->result, flip, rows, n);
    }
    return ST_OK;
}

static enum status run_step(struct program *p, struct step *s, const uint16_t *rows, uint32_t n, struct error *err)
{
    switch (s->kind) {
    case STEP_CALL:
        return run_call(p, s, rows, n, err);
    case STEP_VIEW:
        s->out->col = s->from[0]->col;
        s->out->col.type = s->expr->type;
        s->out->mask = s->from[0]->mask;
        return ST_OK;
    case STEP_FIELD:
        run_field(s, rows, n);
        return ST_OK;
    case STEP_AND:
    case STEP_OR:
        return run_logic(p, s, rows, n, err);
    case STEP_CASE:
        return run_case(p, s, rows, n, err);
    case STEP_COALESCE:
        return run_coalesce(p, s, rows, n, err);
    }
    return ST_OK;
}

static enum status run_block(struct program *p, struct block *b, const uint16_t *rows, uint32_t n, struct error *err)
{
    if (n == 0)
        return ST_OK;
    for (uint32_t i = 0; i < b->steps.count; i++)
        TRY(run_step(p, &b->steps.at[i], rows, n, err));
    return ST_OK;
}

static enum status run_main(struct program *p, const struct batch *in, const struct eval *ev, struct error *err)
{
    CHECK(in->count <= p->capacity);
    for (uint32_t i = 0; i < p->slots.count; i++) {
        struct slot *s = p->slots.at[i];
        if (s->kind == SLOT_INPUT) {
            s->col = in->cols[s->input];
            s->mask = UINT32_MAX;
        }
    }
    p->eval = ev;
    return run_block(p, &p->main, in->sel, batch_rows(in), err);
}

enum status program_run(struct program *p, const struct batch *in, const struct eval *ev, struct column *out,
                        struct error *err)
{
    TRY(run_main(p, in, ev, err));
    for (uint32_t i = 0; i < p->n_roots; i++)
        out[i] = p->roots[i]->col;
    return ST_OK;
}

enum status program_filter(struct program *p, const struct batch *in, const struct eval *ev, uint16_t *ret_sel,
                           uint32_t *ret_n, struct error *err)
{
    TRY(run_main(p, in, ev, err));
    const struct column *c = &p->roots[0]->col;
    const uint8_t *is = c->b, *nulls = c->nulls;
    const uint16_t *sel = in->sel;
    uint32_t n = 0, rows = batch_rows(in);
    if (!sel && !nulls) {
        for (uint32_t r = 0; r < rows; r++) {
            ret_sel[n] = (uint16_t)r;
            n += is[r];
        }
    } else {
        for (uint32_t k = 0; k < rows; k++) {
            uint32_t r = sel ? sel[k] : k;
            ret_sel[n] = (uint16_t)r;
            n += is[r] && !(nulls && nulls[r]);
        }
    }
    *ret_n = n;
    return ST_OK;
}
