/* ALTER TABLE and ALTER VIEW. A descriptor never changes: the table's parts are collected anew, changed, and bound as CREATE
 * TABLE binds them, which finds what no longer fits. What a column is needed for (computed columns, the watermark, the
 * primary key, partitions) is asked before it goes or gets another name, since its users are kept as text. */
#include "plan/private.h"

struct change {
    struct binder *b;
    const struct syn_stmt *s;
    const struct table_desc *t; /* as it is */
    struct table_parts own, *parts; /* what the statement declares; the table's, which change */
};

static enum status no_change(const struct change *c, uint32_t line, uint32_t column, const char *why)
{
    return error_at(c->b->err, ST_SEMANTIC, line, column, "table '%.*s' %s", STR_ARG(c->t->name), why);
}

#define NEAR_MAX 256u

static struct str nearest_column(const struct table_parts *p, struct str name)
{
    struct str names[NEAR_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->columns.count && n < NEAR_MAX; i++)
        names[n++] = p->columns.at[i].name;
    return str_nearest(name, names, n);
}

static uint32_t place_of(const struct table_parts *p, struct str name)
{
    for (uint32_t i = 0; i < p->columns.count; i++)
        if (str_eq(p->columns.at[i].name, name))
            return i;
    return NONE;
}

static enum status find_column(const struct change *c, const struct syn_column_def *d, struct str name, uint32_t *ret)
{
    *ret = place_of(c->parts, name);
    if (*ret != NONE)
        return ST_OK;
    struct str near = nearest_column(c->parts, name);
    return error_at(c->b->err, ST_SEMANTIC, d->line, d->column, "table '%.*s' has no column '%.*s'%s%.*s%s",
                    STR_ARG(c->t->name), STR_ARG(name), near.len ? "; did you mean '" : "", STR_ARG(near),
                    near.len ? "'?" : "");
}

/* ---- what needs a column ---- */

/* The columns of the table that `text` names among `schema`; `map` gives each its place in the table. */
static enum status mark_named(const struct change *c, struct str text, const struct schema *schema, const uint32_t *map,
                              bool *used)
{
    struct binder *b = c->b;
    struct rel all = { .schema = *schema };
    struct scope scope;
    struct syn_expr *e;
    const struct expr *x;
    uint32_t *counts = ARENA_ARRAY(b->arena, uint32_t, schema->n_fields + 1);
    TRY_MEM(b, counts);
    TRY(scope_of(b, &all, c->t->at.name, &scope));
    struct place p = { .scope = &scope, .clause = "a table's expression" };
    TRY(syn_parse_expr(b->arena, text, &e, b->err));
    TRY(bind_expr(b, &p, e, &x));
    expr_count_columns(x, counts);
    for (uint32_t i = 0; i < schema->n_fields; i++)
        used[map[i]] |= counts[i] > 0;
    return ST_OK;
}

/* used[]: what computed column i, or the watermark (i = n_columns), is made of. */
static enum status columns_of(const struct change *c, uint32_t i, bool *used)
{
    const struct table_desc *t = c->t;
    uint32_t *map = ARENA_ARRAY(c->b->arena, uint32_t, t->n_columns + 1);
    struct field *fields = ARENA_ARRAY(c->b->arena, struct field, t->n_columns + 1);
    TRY_MEM(c->b, map && fields);
    bool watermark = i == t->n_columns;
    uint32_t n = 0;
    for (uint32_t k = 0; k < t->n_columns; k++)
        if (watermark || t->columns[k].role != COLUMN_COMPUTED) {
            fields[n] = (struct field){ t->columns[k].name, t->columns[k].type };
            map[n++] = k;
        }
    struct schema schema = { fields, n };
    if (watermark)
        used[t->watermark_column] = true;
    if (watermark && str_eq(t->watermark_expr, STR("SOURCE_WATERMARK()")))
        return ST_OK;
    return mark_named(c, watermark ? t->watermark_expr : t->columns[i].expr, &schema, map, used);
}

/* Refuses when a computed column that stays, a partition or the watermark is made of `column`; goes[]: NULL, or what goes
 * along. */
static enum status check_unused(const struct change *c, const struct syn_column_def *d, uint32_t column, const bool *goes)
{
    const struct table_desc *t = c->t;
    bool *used = ARENA_ARRAY(c->b->arena, bool, t->n_columns + 1);
    TRY_MEM(c->b, used);
    for (uint32_t i = 0; i <= t->n_columns; i++) {
        bool watermark = i == t->n_columns;
        if (watermark ? t->watermark_column < 0 : t->columns[i].role != COLUMN_COMPUTED || (goes && goes[i]))
            continue;
        memset(used, 0, t->n_columns * sizeof *used);
        TRY(columns_of(c, i, used));
        if (used[column] && watermark)
            return error_at(c->b->err, ST_SEMANTIC, d->line, d->column, "column '%.*s' is used by the watermark",
                            STR_ARG(d->name));
        if (used[column])
            return error_at(c->b->err, ST_SEMANTIC, d->line, d->column, "column '%.*s' is used by computed column '%.*s'",
                            STR_ARG(d->name), STR_ARG(t->columns[i].name));
    }
    for (uint32_t i = 0; i < t->n_partitioned_by; i++)
        if (str_eq(t->partitioned_by[i], t->columns[column].name))
            return error_at(c->b->err, ST_SEMANTIC, d->line, d->column, "column '%.*s' is a partition's: PARTITIONED BY names it",
                            STR_ARG(d->name));
    return ST_OK;
}

static bool is_key(const struct table_desc *t, uint32_t column)
{
    for (uint32_t i = 0; i < t->n_primary_key; i++)
        if (t->primary_key[i] == column)
            return true;
    return false;
}

/* ---- columns ---- */

/* Column `from` goes to `to`; those between make room. */
static void move_column(struct table_parts *p, uint32_t from, uint32_t to)
{
    struct column_desc c = p->columns.at[from];
    if (from < to)
        memmove(&p->columns.at[from], &p->columns.at[from + 1], (to - from) * sizeof c);
    else
        memmove(&p->columns.at[to + 1], &p->columns.at[to], (from - to) * sizeof c);
    p->columns.at[to] = c;
}

/* FIRST, AFTER */
static enum status place_column(const struct change *c, const struct syn_column_def *d, uint32_t at)
{
    uint32_t before;
    if (d->first)
        move_column(c->parts, at, 0);
    if (!d->after.ptr)
        return ST_OK;
    if (str_eq(d->after, d->name))
        return error_at(c->b->err, ST_SEMANTIC, d->line, d->column, "column '%.*s' cannot stand AFTER itself", STR_ARG(d->name));
    TRY(find_column(c, d, d->after, &before));
    move_column(c->parts, at, before < at ? before + 1 : before);
    return ST_OK;
}

static enum status change_columns(const struct change *c)
{
    bool add = c->s->alter == SYN_ALTER_ADD;
    const struct syn_table_def *d = c->s->table;
    for (uint32_t i = 0; i < d->n_columns; i++) {
        struct column_desc *own = &c->own.columns.at[i];
        for (uint32_t k = 0; k < i; k++)
            if (str_eq(d->columns[k].name, own->name))
                return error_at(c->b->err, ST_SEMANTIC, d->columns[i].line, d->columns[i].column,
                                "column '%.*s' is named twice", STR_ARG(own->name));
        uint32_t at = place_of(c->parts, own->name);
        if (add && at != NONE)
            return error_at(c->b->err, ST_SEMANTIC, d->columns[i].line, d->columns[i].column,
                            "table '%.*s' has a column '%.*s' already", STR_ARG(c->t->name), STR_ARG(own->name));
        if (add) {
            at = c->parts->columns.count;
            TRY_MEM(c->b, array_add(&c->parts->columns, catalog_arena(c->b->env->catalog)));
        } else {
            TRY(find_column(c, &d->columns[i], own->name, &at));
            if (!d->columns[i].comment.ptr)
                own->comment = c->parts->columns.at[at].comment;
        }
        c->parts->columns.at[at] = *own;
        TRY(place_column(c, &d->columns[i], at));
    }
    return ST_OK;
}

/* ADD and MODIFY of columns, watermark, primary key. */
static enum status change_schema(struct change *c)
{
    const struct syn_stmt *s = c->s;
    bool add = s->alter == SYN_ALTER_ADD, had_key = c->parts->primary_key.count, had_watermark = c->parts->watermark_expr.len;
    TRY(own_parts(c->b, s, &c->own));
    TRY(change_columns(c));
    if (c->own.primary_key.count) {
        if (add && had_key)
            return no_change(c, s->name.line, s->name.column, "has a PRIMARY KEY already: drop it first, or MODIFY it");
        if (!add && !had_key)
            return no_change(c, s->name.line, s->name.column, "has no PRIMARY KEY: ADD one");
        c->parts->primary_key.at = c->own.primary_key.at;
        c->parts->primary_key.count = c->own.primary_key.count;
        c->parts->key_name = c->own.key_name;
    }
    if (c->own.own_watermark) {
        const struct syn_watermark *w = &s->table->watermark;
        if (add && had_watermark)
            return no_change(c, w->line, w->column_at, "has a WATERMARK already: drop it first, or MODIFY it");
        if (!add && !had_watermark)
            return no_change(c, w->line, w->column_at, "has no WATERMARK: ADD one");
        c->parts->watermark_column = c->own.watermark_column;
        c->parts->watermark_expr = c->own.watermark_expr;
    }
    return ST_OK;
}

static enum status drop_columns(struct change *c)
{
    const struct syn_table_def *d = c->s->table;
    bool *goes = ARENA_ARRAY(c->b->arena, bool, c->t->n_columns + 1);
    TRY_MEM(c->b, goes);
    for (uint32_t i = 0; i < d->n_columns; i++) {
        uint32_t at;
        TRY(find_column(c, &d->columns[i], d->columns[i].name, &at));
        if (goes[at])
            return error_at(c->b->err, ST_SEMANTIC, d->columns[i].line, d->columns[i].column, "column '%.*s' is named twice",
                            STR_ARG(d->columns[i].name));
        goes[at] = true;
    }
    for (uint32_t i = 0; i < d->n_columns; i++) {
        uint32_t at = place_of(c->parts, d->columns[i].name);
        TRY(check_unused(c, &d->columns[i], at, goes));
        if (is_key(c->t, at))
            return error_at(c->b->err, ST_SEMANTIC, d->columns[i].line, d->columns[i].column,
                            "column '%.*s' is in the PRIMARY KEY", STR_ARG(d->columns[i].name));
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < c->parts->columns.count; i++)
        if (!goes[i])
            c->parts->columns.at[kept++] = c->parts->columns.at[i];
    c->parts->columns.count = kept;
    return ST_OK;
}

static enum status rename_column(struct change *c)
{
    const struct syn_column_def *from = &c->s->table->columns[0], *to = &c->s->table->columns[1];
    uint32_t at;
    TRY(find_column(c, from, from->name, &at));
    TRY(check_unused(c, from, at, NULL));
    if (place_of(c->parts, to->name) != NONE)
        return error_at(c->b->err, ST_SEMANTIC, to->line, to->column, "table '%.*s' has a column '%.*s' already",
                        STR_ARG(c->t->name), STR_ARG(to->name));
    struct str name = arena_str(catalog_arena(c->b->env->catalog), to->name);
    TRY_MEM(c->b, name.ptr);
    for (uint32_t i = 0; i < c->parts->primary_key.count; i++)
        if (str_eq(c->parts->primary_key.at[i], from->name))
            c->parts->primary_key.at[i] = name;
    c->parts->columns.at[at].name = name;
    return ST_OK;
}

/* ---- the key, the watermark ---- */

static enum status drop_key(struct change *c)
{
    const struct syn_stmt *s = c->s;
    struct binder *b = c->b;
    if (!c->parts->primary_key.count)
        return no_change(c, s->name.line, s->name.column, "has no PRIMARY KEY");
    if (s->alter == SYN_ALTER_DROP_CONSTRAINT) {
        struct str name = STR("PK"); /* as Flink calls a key without a name */
        for (uint32_t i = 0; i < c->parts->primary_key.count; i++)
            name = arena_printf(b->arena, "%.*s_%.*s", STR_ARG(name), STR_ARG(c->parts->primary_key.at[i]));
        TRY_MEM(b, name.ptr);
        name = c->parts->key_name.len ? c->parts->key_name : name;
        if (!str_eq(name, s->table->primary_key_name))
            return error_at(b->err, ST_SEMANTIC, s->name.line, s->name.column,
                            "table '%.*s' has no constraint '%.*s': its primary key is '%.*s'", STR_ARG(c->t->name),
                            STR_ARG(s->table->primary_key_name), STR_ARG(name));
    }
    c->parts->primary_key.count = 0;
    c->parts->key_name = (struct str){ 0 };
    return ST_OK;
}

static enum status drop_watermark(struct change *c)
{
    if (!c->parts->watermark_expr.len)
        return no_change(c, c->s->name.line, c->s->name.column, "has no WATERMARK");
    c->parts->watermark_expr = (struct str){ 0 };
    return ST_OK;
}

/* ---- options ---- */

static struct option *find_option(struct table_parts *p, struct str name)
{
    for (uint32_t i = 0; i < p->options.count; i++)
        if (str_eq(p->options.at[i].name, name))
            return &p->options.at[i];
    return NULL;
}

static enum status set_options(struct change *c)
{
    struct arena *a = catalog_arena(c->b->env->catalog);
    for (uint32_t i = 0; i < c->s->n_options; i++) {
        const struct syn_option *o = &c->s->options[i];
        struct option *slot = find_option(c->parts, o->name);
        if (!slot)
            slot = array_add(&c->parts->options, a);
        TRY_MEM(c->b, slot);
        *slot = (struct option){ arena_str(a, o->name), arena_str(a, o->value), o->line, o->column };
        TRY_MEM(c->b, slot->name.ptr && slot->value.ptr);
    }
    return ST_OK;
}

static enum status reset_options(struct change *c)
{
    for (uint32_t i = 0; i < c->s->n_options; i++) {
        const struct syn_option *o = &c->s->options[i];
        if (str_eq(o->name, STR("connector")))
            return error_at(c->b->err, ST_SEMANTIC, o->line, o->column, "RESET of 'connector': a table has one; SET another");
        struct option *slot = find_option(c->parts, o->name);
        if (!slot)
            continue; /* it has its default already */
        uint32_t after = (uint32_t)(c->parts->options.at + c->parts->options.count - slot) - 1;
        memmove(slot, slot + 1, after * sizeof *slot);
        c->parts->options.count--;
    }
    return ST_OK;
}

/* ---- names ---- */

/* A new name in the same database. */
static enum status new_name(struct binder *b, const struct syn_stmt *s, const struct object_name *old,
                            struct object_name *ret)
{
    struct syn_name full = s->target;
    struct str parts[2] = { old->database, s->target.parts[s->target.count - 1] };
    if (full.count == 1)
        full.parts = parts, full.count = 2;
    TRY(new_object(b, &full, ret));
    if (str_eq(ret->database, old->database))
        return ST_OK;
    return error_at(b->err, ST_SEMANTIC, s->target.line, s->target.column,
                    "RENAME TO: '%.*s' stays in its database '%.*s'", STR_ARG(old->name), STR_ARG(old->database));
}

enum status plan_alter_table(struct plan_env *env, const struct syn_stmt *s, const struct table_desc *t,
                             struct table_desc **ret, struct error *err)
{
    static enum status (*const changes[])(struct change *c) = {
        [SYN_ALTER_RENAME_COLUMN] = rename_column, [SYN_ALTER_SET] = set_options,
        [SYN_ALTER_RESET] = reset_options,         [SYN_ALTER_ADD] = change_schema,
        [SYN_ALTER_MODIFY] = change_schema,        [SYN_ALTER_DROP] = drop_columns,
        [SYN_ALTER_DROP_KEY] = drop_key,           [SYN_ALTER_DROP_CONSTRAINT] = drop_key,
        [SYN_ALTER_DROP_WATERMARK] = drop_watermark,
    };
    static const struct syn_table_def nothing;
    struct binder binder;
    struct table_parts parts = { 0 };
    struct syn_stmt bound = *s; /* binding looks for expressions among the columns declared */
    TRY(binder_init(&binder, env, err));
    struct change c = { .b = &binder, .s = s, .t = t, .parts = &parts };
    struct table_desc *made = ARENA_NEW(catalog_arena(env->catalog), struct table_desc);
    TRY_MEM(c.b, made);
    *made = (struct table_desc){ .name = t->name, .at = t->at, .temporary = t->temporary, .inferred = t->inferred,
                                 .comment = t->comment };
    TRY(parts_of_table(c.b, t, &parts));
    if (s->alter == SYN_ALTER_RENAME) {
        TRY(new_name(c.b, s, &t->at, &made->at));
        made->name = made->at.key;
    } else {
        TRY(changes[s->alter](&c));
    }
    if (s->alter != SYN_ALTER_ADD && s->alter != SYN_ALTER_MODIFY)
        bound.table = (struct syn_table_def *)(uintptr_t)&nothing;
    TRY(table_of_parts(c.b, &bound, &parts, made));
    *ret = made;
    return ST_OK;
}

enum status plan_alter_view(struct plan_env *env, const struct syn_stmt *s, const struct view_desc *v,
                            struct view_desc **ret, struct error *err)
{
    struct binder b;
    if (s->alter == SYN_ALTER_AS) {
        TRY(plan_create_view(env, s, ret, err));
        (*ret)->comment = v->comment;
        return ST_OK;
    }
    TRY(binder_init(&b, env, err));
    struct view_desc *made = ARENA_NEW(catalog_arena(env->catalog), struct view_desc);
    TRY_MEM(&b, made);
    *made = *v;
    TRY(new_name(&b, s, &v->at, &made->at));
    made->name = made->at.key;
    *ret = made;
    return ST_OK;
}
