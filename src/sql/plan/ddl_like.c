/* LIKE: what a new table takes from another one. Each feature has a way: INCLUDING takes it and lets the new table add
 * only what is not there, OVERWRITING lets the new table's win, EXCLUDING leaves it out. The default takes everything,
 * options being overwritten. Physical columns always come along. */
#include "plan/private.h"

enum way { INCLUDING, OVERWRITING, EXCLUDING };
enum like { CONSTRAINTS, GENERATED, METADATA, OPTIONS, PARTITIONS, WATERMARKS, DISTRIBUTION, LIKES };

static const struct {
    struct str name;
    bool overwriting; /* may be OVERWRITING */
} likes[LIKES] = {
    [CONSTRAINTS] = { STR_INIT("CONSTRAINTS"), false },  [GENERATED] = { STR_INIT("GENERATED"), true },
    [METADATA] = { STR_INIT("METADATA"), true },         [OPTIONS] = { STR_INIT("OPTIONS"), true },
    [PARTITIONS] = { STR_INIT("PARTITIONS"), false },    [WATERMARKS] = { STR_INIT("WATERMARKS"), true },
    [DISTRIBUTION] = { STR_INIT("DISTRIBUTION"), false },
};

static enum way way_of(const struct syn_like_option *o)
{
    return o->overwriting ? OVERWRITING : o->including ? INCLUDING : EXCLUDING;
}

static enum status read_ways(struct binder *b, const struct syn_stmt *s, enum way ways[LIKES])
{
    const struct syn_table_def *d = s->table;
    for (int i = 0; i < LIKES; i++)
        ways[i] = i == OPTIONS ? OVERWRITING : INCLUDING;
    for (uint32_t i = 0; i < d->n_like_options; i++)
        if (str_eq(d->like_options[i].what, STR("ALL")))
            for (int k = 0; k < LIKES; k++)
                ways[k] = way_of(&d->like_options[i]);
    for (uint32_t i = 0; i < d->n_like_options; i++)
        for (int k = 0; k < LIKES; k++) {
            if (!str_eq(d->like_options[i].what, likes[k].name))
                continue;
            ways[k] = way_of(&d->like_options[i]);
            if (ways[k] == OVERWRITING && !likes[k].overwriting)
                return error_at(b->err, ST_SEMANTIC, d->like.line, d->like.column, "LIKE: %.*s cannot be OVERWRITING",
                                STR_ARG(likes[k].name));
        }
    return ST_OK;
}

static bool is_primary(const struct table_desc *t, uint32_t column)
{
    for (uint32_t i = 0; i < t->n_primary_key; i++)
        if (t->primary_key[i] == column)
            return true;
    return false;
}

static enum status take_columns(struct binder *b, const struct table_desc *t, const enum way ways[LIKES],
                                struct table_parts *parts)
{
    struct arena *a = catalog_arena(b->env->catalog);
    for (uint32_t i = 0; i < t->n_columns; i++) {
        enum column_role role = t->columns[i].role;
        if ((role == COLUMN_COMPUTED && ways[GENERATED] == EXCLUDING) ||
            (role == COLUMN_METADATA && ways[METADATA] == EXCLUDING))
            continue;
        struct column_desc *c = array_add(&parts->columns, a);
        TRY_MEM(b, c);
        *c = t->columns[i];
        c->type = type_with_time(a, c->type, c->role == COLUMN_COMPUTED ? c->type->time : TIME_NONE);
        if (ways[CONSTRAINTS] == EXCLUDING && is_primary(t, i)) /* NOT NULL came with the key */
            c->type = type_nullable(a, c->type, true);
        TRY_MEM(b, c->type);
    }
    return ST_OK;
}

static enum status take_parts(struct binder *b, const struct table_desc *t, const enum way ways[LIKES],
                              struct table_parts *parts)
{
    struct arena *a = catalog_arena(b->env->catalog);
    TRY(take_columns(b, t, ways, parts));
    if (t->watermark_column >= 0 && ways[WATERMARKS] != EXCLUDING) {
        parts->watermark_column = t->columns[t->watermark_column].name;
        parts->watermark_expr = t->watermark_expr;
    }
    for (uint32_t i = 0; ways[CONSTRAINTS] != EXCLUDING && i < t->n_primary_key; i++) {
        struct str *key = array_add(&parts->primary_key, a);
        TRY_MEM(b, key);
        *key = t->columns[t->primary_key[i]].name;
        parts->key_name = t->key_name;
    }
    for (uint32_t i = 0; ways[PARTITIONS] != EXCLUDING && i < t->n_partitioned_by; i++) {
        struct str *partition = array_add(&parts->partitions, a);
        TRY_MEM(b, partition);
        *partition = t->partitioned_by[i];
    }
    const struct options *given = table_given(t);
    for (uint32_t i = 0; ways[OPTIONS] != EXCLUDING && i < given->count; i++) {
        struct option *o = array_add(&parts->options, a);
        TRY_MEM(b, o);
        *o = given->at[i];
    }
    return ST_OK;
}

enum status parts_of_table(struct binder *b, const struct table_desc *t, struct table_parts *parts)
{
    static const enum way all[LIKES] = { INCLUDING };
    return take_parts(b, t, all, parts);
}

enum status like_table(struct binder *b, const struct syn_stmt *s, struct table_parts *parts)
{
    const struct syn_name *like = &s->table->like;
    struct str name;
    TRY(name_of(b, like, &name));
    const struct table_desc *t = catalog_table(b->env->catalog, name);
    if (!t && catalog_view(b->env->catalog, name))
        return error_at(b->err, ST_SEMANTIC, like->line, like->column, "LIKE '%.*s': a view is no table",
                        STR_ARG(name));
    if (!t)
        return catalog_unknown(b->env->catalog, name, like->line, like->column, b->err);
    enum way ways[LIKES];
    TRY(read_ways(b, s, ways));
    return take_parts(b, t, ways, parts);
}

/* ---- the new table's parts over those of the base ---- */

static enum status twice(struct binder *b, const struct syn_stmt *s, const char *what, struct str name)
{
    const struct syn_name *like = &s->table->like;
    return error_at(b->err, ST_SEMANTIC, like->line, like->column, "LIKE: the base table has %s%s%.*s%s already", what,
                    name.len ? " '" : "", STR_ARG(name), name.len ? "'" : "");
}

static enum status merge_columns(struct binder *b, const struct syn_stmt *s, const enum way ways[LIKES],
                                 struct table_parts *base, const struct table_parts *own)
{
    for (uint32_t i = 0; i < own->columns.count; i++) {
        struct column_desc *same = NULL;
        for (uint32_t k = 0; k < base->columns.count; k++)
            if (str_eq(base->columns.at[k].name, own->columns.at[i].name))
                same = &base->columns.at[k];
        bool replaces = same && same->role == own->columns.at[i].role &&
                        ((same->role == COLUMN_COMPUTED && ways[GENERATED] == OVERWRITING) ||
                         (same->role == COLUMN_METADATA && ways[METADATA] == OVERWRITING));
        if (same && !replaces)
            return twice(b, s, "a column", same->name);
        if (!same)
            same = array_add(&base->columns, catalog_arena(b->env->catalog));
        TRY_MEM(b, same);
        *same = own->columns.at[i];
    }
    return ST_OK;
}

static enum status merge_options(struct binder *b, const struct syn_stmt *s, const enum way ways[LIKES],
                                 struct table_parts *base, const struct table_parts *own)
{
    for (uint32_t i = 0; i < own->options.count; i++) {
        struct option *same = NULL;
        for (uint32_t k = 0; k < base->options.count; k++)
            if (str_eq(base->options.at[k].name, own->options.at[i].name))
                same = &base->options.at[k];
        if (same && ways[OPTIONS] == INCLUDING)
            return twice(b, s, "an option", same->name);
        if (!same)
            same = array_add(&base->options, catalog_arena(b->env->catalog));
        TRY_MEM(b, same);
        *same = own->options.at[i];
    }
    return ST_OK;
}

enum status like_merge(struct binder *b, const struct syn_stmt *s, struct table_parts *base,
                       const struct table_parts *own)
{
    enum way ways[LIKES];
    TRY(read_ways(b, s, ways));
    TRY(merge_columns(b, s, ways, base, own));
    TRY(merge_options(b, s, ways, base, own));
    if (own->primary_key.count && base->primary_key.count)
        return twice(b, s, "a PRIMARY KEY", STR(""));
    if (own->partitions.count && base->partitions.count)
        return twice(b, s, "PARTITIONED BY", STR(""));
    if (own->own_watermark && base->watermark_expr.len && ways[WATERMARKS] != OVERWRITING)
        return twice(b, s, "a WATERMARK", STR(""));
    if (own->primary_key.count) {
        base->primary_key.at = own->primary_key.at;
        base->primary_key.count = own->primary_key.count;
        base->key_name = own->key_name;
    }
    if (own->partitions.count)
        base->partitions.at = own->partitions.at, base->partitions.count = own->partitions.count;
    if (own->own_watermark) {
        base->watermark_column = own->watermark_column;
        base->watermark_expr = own->watermark_expr;
        base->own_watermark = true;
    }
    return ST_OK;
}
