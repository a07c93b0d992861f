/* Names of columns. A scope is what FROM gives: columns by position, each belonging to an item with an alias. `a.b` is
 * column b of item a before it is field b of column a, as in Calcite. What is no column may be a field of the only ROW
 * that has one of that name. */
#include "plan/private.h"

enum status scope_of(struct binder *b, const struct rel *r, struct str alias, struct scope *ret)
{
    struct scope_item *item = ARENA_NEW(b->arena, struct scope_item);
    TRY_MEM(b, item);
    *item = (struct scope_item){ .alias = alias, .first = 0, .count = r->schema.n_fields };
    *ret = (struct scope){ .schema = &r->schema, .items = item, .n_items = 1 };
    return ST_OK;
}

/* Columns of that name in [first, first + count): how many, and the first of them. */
static uint32_t find(const struct scope *s, uint32_t first, uint32_t count, struct str name, uint32_t *ret)
{
    uint32_t n = 0;
    for (uint32_t i = first + count; i-- > first;)
        if (str_eq(s->schema->fields[i].name, name)) {
            n++;
            *ret = i;
        }
    return n;
}

/* ROW columns in [first, first + count) with a field of that name: how many, and the first of them. */
static uint32_t find_inside(const struct scope *s, uint32_t first, uint32_t count, struct str name, uint32_t *ret)
{
    uint32_t n = 0;
    for (uint32_t i = first + count; i-- > first;) {
        const struct type *t = s->schema->fields[i].type;
        bool has = false;
        for (uint32_t k = 0; t->kind == TYPE_ROW && k < t->n_fields; k++)
            has |= str_eq(t->fields[k].name, name);
        if (has) {
            n++;
            *ret = i;
        }
    }
    return n;
}

#define NEAR_MAX 256u

static enum status unknown_column(struct binder *b, const struct scope *s, const struct scope_item *in, struct str name,
                                  const struct syn_expr *e)
{
    struct str names[NEAR_MAX];
    uint32_t n = 0;
    uint32_t first = in ? in->first : 0, count = in ? in->count : s->schema->n_fields;
    for (uint32_t i = 0; i < count && n < NEAR_MAX; i++)
        names[n++] = s->schema->fields[first + i].name;
    struct str near = str_nearest(name, names, n);
    if (near.len)
        error_at(b->err, ST_SEMANTIC, e->line, e->column, "no column '%.*s'; did you mean '%.*s'?", STR_ARG(name),
                 STR_ARG(near));
    else
        error_at(b->err, ST_SEMANTIC, e->line, e->column, "no column '%.*s'%s", STR_ARG(name),
                 s->schema->n_fields ? "" : ": there is no FROM to take it from");
    return ST_SEMANTIC;
}

static enum status ambiguous(struct binder *b, struct str name, const struct syn_expr *e)
{
    return error_at(b->err, ST_SEMANTIC, e->line, e->column, "column '%.*s' is ambiguous", STR_ARG(name));
}

/* The item that the first `n` parts of a name are: its alias, or the table's whole name. */
static const struct scope_item *find_item(struct binder *b, const struct scope *s, const struct str *parts, uint32_t n)
{
    if (n > 3 || (n == 3 && !str_eq(parts[0], STR(CATALOG_NAME))))
        return NULL;
    struct str key = n > 1 ? catalog_object(b->arena, parts[n - 2], parts[n - 1]).key : (struct str){ 0 };
    for (uint32_t i = 0; i < s->n_items; i++) {
        const struct scope_item *item = &s->items[i];
        if (n > 1 ? key.ptr && item->key.ptr && str_eq(item->key, key)
                  : item->alias.len && str_eq(item->alias, parts[0]))
            return item;
    }
    return NULL;
}

/* The item that most of the parts before the last are; *ret_n: how many. */
static const struct scope_item *find_qualifier(struct binder *b, const struct scope *s, const struct syn_name *name,
                                               uint32_t *ret_n)
{
    const struct scope_item *item = NULL;
    for (*ret_n = name->count < 4 ? name->count : 4; !item && *ret_n > 1;)
        item = find_item(b, s, name->parts, --*ret_n);
    return item;
}

/* The column and how many parts of the name it has used. */
static enum status resolve(struct binder *b, const struct scope *s, const struct syn_expr *e, uint32_t *ret_column,
                           uint32_t *ret_used)
{
    const struct syn_name *name = &e->name;
    uint32_t column = 0, n, q;
    const struct scope_item *item = find_qualifier(b, s, name, &q);
    if (item) {
        n = find(s, item->first, item->count, name->parts[q], &column);
        if (n > 1)
            return ambiguous(b, name->parts[q], e);
        if (n == 1) {
            *ret_column = column;
            *ret_used = q + 1;
            return ST_OK;
        }
        if (find_inside(s, item->first, item->count, name->parts[q], &column) == 1) {
            *ret_column = column;
            *ret_used = q;
            return ST_OK;
        }
    }
    n = find(s, 0, s->schema->n_fields, name->parts[0], &column);
    if (n > 1)
        return ambiguous(b, name->parts[0], e);
    if (n == 0 && !item) {
        uint32_t inside = find_inside(s, 0, s->schema->n_fields, name->parts[0], &column);
        if (inside > 1)
            return ambiguous(b, name->parts[0], e);
        if (inside == 1) {
            *ret_column = column;
            *ret_used = 0;
            return ST_OK;
        }
    }
    if (n == 0 && item)
        return unknown_column(b, s, item, name->parts[q], e);
    if (n == 0 && name->count > 1 && s->n_items && find(s, 0, s->schema->n_fields, name->parts[1], &column))
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "no table '%.*s' in FROM", STR_ARG(name->parts[0]));
    if (n == 0)
        return unknown_column(b, s, NULL, name->parts[0], e);
    *ret_column = column;
    *ret_used = 1;
    return ST_OK;
}

/* PI needs no parentheses, as long as it names no column. */
static bool is_pi(const struct scope *s, const struct syn_name *name)
{
    uint32_t column, n = s->schema->n_fields;
    return name->count == 1 && str_eq_nocase(name->parts[0], STR("PI")) && !find(s, 0, n, name->parts[0], &column) &&
           !find_inside(s, 0, n, name->parts[0], &column);
}

enum status bind_column(struct binder *b, const struct place *p, const struct syn_expr *e, const struct expr **ret)
{
    static const struct schema nothing;
    static const struct scope empty = { .schema = &nothing };
    const struct scope *s = p->scope ? p->scope : &empty;
    uint32_t column, used;
    if (is_pi(s, &e->name))
        return bind_named(b, p, STR("PI"), NULL, 0, e, ret);
    TRY(resolve(b, s, e, &column, &used));
    struct expr *c = expr_column(&b->exprs, column, s->schema->fields[column].type);
    TRY_MEM(b, c);
    c->line = e->line;
    c->column_at = e->column;
    const struct expr *x = c;
    for (; used < e->name.count; used++)
        TRY_AT(b, e, expr_field(&b->exprs, x, e->name.parts[used], e->line, e->column, &x, b->err));
    *ret = x;
    return ST_OK;
}

bool scope_has(struct binder *b, const struct scope *s, const struct syn_expr *star)
{
    return star->name.count == 0 || find_item(b, s, star->name.parts, star->name.count);
}

enum status bind_star(struct binder *b, const struct scope *s, const struct syn_expr *e, uint32_t *ret_first,
                      uint32_t *ret_count)
{
    if (e->name.count == 0) {
        if (s->n_items == 0)
            return error_at(b->err, ST_SEMANTIC, e->line, e->column, "SELECT * needs a FROM");
        *ret_first = 0;
        *ret_count = s->schema->n_fields;
        return ST_OK;
    }
    struct str alias = e->name.parts[e->name.count - 1];
    const struct scope_item *item = find_item(b, s, e->name.parts, e->name.count);
    if (!item) {
        struct str names[NEAR_MAX];
        uint32_t n = 0;
        for (uint32_t i = 0; i < s->n_items && n < NEAR_MAX; i++)
            names[n++] = s->items[i].alias;
        struct str near = str_nearest(alias, names, n);
        return error_at(b->err, ST_SEMANTIC, e->line, e->column, "no table '%.*s' in FROM%s%.*s%s", STR_ARG(alias),
                        near.len ? "; did you mean '" : "", STR_ARG(near), near.len ? "'?" : "");
    }
    *ret_first = item->first;
    *ret_count = item->count;
    return ST_OK;
}
