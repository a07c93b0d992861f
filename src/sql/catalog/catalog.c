/* The catalog's names: databases, tables, views and functions.
 *
 * Tables and views of all databases live in one map by their keys, since a query cannot tell them apart; functions belong
 * to no database and live in another map, that looks at no case. The maps borrow their keys from the descriptors, which live
 * in the catalog's arena (or at least as long). A dropped descriptor is only forgotten: a running job may still read it, so
 * its memory goes with the catalog. */
#include "private.h"

#include <stdlib.h>

struct relation {
    struct table_desc *table; /* one of the two is set */
    struct view_desc *view;
};

struct catalog *catalog_new(struct budget *b)
{
    struct arena arena;
    arena_init(&arena, b);
    struct catalog *c = ARENA_NEW(&arena, struct catalog);
    if (!c) {
        arena_release(&arena);
        return NULL;
    }
    c->arena = arena;
    c->rewrite = &c->arena;
    map_init(&c->relations, &c->arena, false);
    map_init(&c->functions, &c->arena, true);
    map_init(&c->databases, &c->arena, false);
    if (!map_put(&c->databases, STR(CATALOG_DATABASE), c)) {
        catalog_free(c);
        return NULL;
    }
    return c;
}

void catalog_free(struct catalog *c)
{
    if (!c)
        return;
    struct arena arena = c->arena; /* the catalog itself lies in it */
    arena_release(&arena);
}

struct arena *catalog_arena(struct catalog *c)
{
    return &c->arena;
}

static enum status memory_refused(const struct catalog *c, struct error *err)
{
    return budget_error(c->arena.budget ? c->arena.budget : budget_process(), 0, err);
}

static const struct object_name *name_of(const struct relation *r)
{
    return r->table ? &r->table->at : &r->view->at;
}

static enum status add_relation(struct catalog *c, struct str name, struct relation r, bool if_not_exists,
                                struct error *err)
{
    const struct relation *there = map_get(&c->relations, name);
    if (there && if_not_exists)
        return ST_OK;
    if (there)
        return error_set(err, ST_EXISTS, "%s '%.*s' exists already", there->table ? "table" : "view", STR_ARG(name));
    struct relation *kept = ARENA_NEW(&c->arena, struct relation);
    if (!kept)
        return memory_refused(c, err);
    *kept = r;
    return map_put(&c->relations, name, kept) ? ST_OK : memory_refused(c, err);
}

enum status catalog_add_table(struct catalog *c, struct table_desc *t, bool if_not_exists, struct error *err)
{
    return add_relation(c, t->name, (struct relation){ .table = t }, if_not_exists, err);
}

enum status catalog_add_view(struct catalog *c, struct view_desc *v, bool if_not_exists, struct error *err)
{
    return add_relation(c, v->name, (struct relation){ .view = v }, if_not_exists, err);
}

static enum status replace(struct catalog *c, struct str old, struct str name, struct relation r, struct error *err)
{
    if (!str_eq(old, name)) {
        TRY(add_relation(c, name, r, false, err));
        map_remove(&c->relations, old);
        return ST_OK;
    }
    struct relation *kept = ARENA_NEW(&c->arena, struct relation);
    if (!kept)
        return memory_refused(c, err);
    *kept = r;
    return map_put(&c->relations, name, kept) ? ST_OK : memory_refused(c, err);
}

enum status catalog_replace_table(struct catalog *c, struct str name, struct table_desc *t, struct error *err)
{
    return replace(c, name, t->name, (struct relation){ .table = t }, err);
}

enum status catalog_replace_view(struct catalog *c, struct str name, struct view_desc *v, struct error *err)
{
    return replace(c, name, v->name, (struct relation){ .view = v }, err);
}

enum status catalog_add_function(struct catalog *c, struct function_desc *f, bool if_not_exists, struct error *err)
{
    if (map_get(&c->functions, f->name))
        return if_not_exists ? ST_OK
                             : error_set(err, ST_EXISTS, "function '%.*s' exists already", STR_ARG(f->name));
    return map_put(&c->functions, f->name, f) ? ST_OK : memory_refused(c, err);
}

enum status catalog_replace_function(struct catalog *c, struct function_desc *f, struct error *err)
{
    CHECK(map_get(&c->functions, f->name));
    return map_put(&c->functions, f->name, f) ? ST_OK : memory_refused(c, err);
}

const struct table_desc *catalog_table(const struct catalog *c, struct str name)
{
    const struct relation *r = map_get(&c->relations, name);
    return r ? r->table : NULL;
}

const struct view_desc *catalog_view(const struct catalog *c, struct str name)
{
    const struct relation *r = map_get(&c->relations, name);
    return r ? r->view : NULL;
}

const struct function_desc *catalog_function(const struct catalog *c, struct str name)
{
    return map_get(&c->functions, name);
}

/* Names that are weighed for "did you mean". */
#define NEAR_MAX 512u

static struct str nearest_in(const struct map *m, struct str name)
{
    struct str names[NEAR_MAX];
    size_t n = 0;
    for (struct map_entry *e = map_next(m, NULL); e && n < NEAR_MAX; e = map_next(m, e))
        names[n++] = e->key;
    return str_nearest(name, names, n);
}

static enum status unknown(const struct map *m, const char *what, struct str name, uint32_t line, uint32_t column,
                           struct error *err)
{
    struct str near = nearest_in(m, name);
    if (near.len > 0)
        return error_at(err, ST_SEMANTIC, line, column, "unknown %s '%.*s'; did you mean '%.*s'?", what, STR_ARG(name),
                        STR_ARG(near));
    return error_at(err, ST_SEMANTIC, line, column, "unknown %s '%.*s'", what, STR_ARG(name));
}

enum status catalog_unknown(const struct catalog *c, struct str name, uint32_t line, uint32_t column,
                            struct error *err)
{
    return unknown(&c->relations, "table", name, line, column, err);
}

enum status catalog_unknown_function(const struct catalog *c, struct str name, uint32_t line, uint32_t column,
                                     struct error *err)
{
    return unknown(&c->functions, "function", name, line, column, err);
}

enum status catalog_drop(struct catalog *c, const char *what, struct str name, bool if_exists, struct error *err)
{
    bool table = strcmp(what, "TABLE") == 0, view = strcmp(what, "VIEW") == 0;
    CHECK(table || view || strcmp(what, "FUNCTION") == 0);
    if (!table && !view) {
        if (map_remove(&c->functions, name) || if_exists)
            return ST_OK;
        return catalog_unknown_function(c, name, 0, 0, err);
    }
    const struct relation *r = map_get(&c->relations, name);
    if (!r)
        return if_exists ? ST_OK : unknown(&c->relations, table ? "table" : "view", name, 0, 0, err);
    if (table != (r->table != NULL)) {
        error_set(err, ST_SEMANTIC, "'%.*s' is a %s, not a %s", STR_ARG(name), r->table ? "table" : "view",
                  table ? "table" : "view");
        error_hint(err, "write DROP %s", r->table ? "TABLE" : "VIEW");
        return ST_SEMANTIC;
    }
    map_remove(&c->relations, name);
    return ST_OK;
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

enum status catalog_names(const struct catalog *c, const char *kind, struct arena *a, struct str **ret,
                          uint32_t *ret_count, struct error *err)
{
    bool views = strcmp(kind, "VIEW") == 0;
    const struct map *m = strcmp(kind, "FUNCTION") == 0   ? &c->functions
                          : strcmp(kind, "DATABASE") == 0 ? &c->databases
                                                          : &c->relations;
    struct str *names = ARENA_ARRAY(a, struct str, m->live + 1);
    if (!names)
        return budget_error(a->budget ? a->budget : budget_process(), sizeof *names * m->live, err);
    uint32_t n = 0;
    for (struct map_entry *e = map_next(m, NULL); e; e = map_next(m, e))
        if (!views || ((const struct relation *)e->value)->view)
            names[n++] = e->key;
    if (n > 1)
        qsort(names, n, sizeof *names, by_name);
    *ret = names;
    *ret_count = n;
    return ST_OK;
}

/* ---- databases ---- */

static bool is_plain(struct str part)
{
    return !memchr(part.ptr, '.', part.len) && !memchr(part.ptr, '`', part.len);
}

static bool put_part(struct buf *out, struct str part)
{
    if (is_plain(part))
        return buf_put(out, part.ptr, part.len);
    bool ok = buf_put_u8(out, '`');
    for (size_t i = 0; ok && i < part.len; i++)
        ok = (part.ptr[i] != '`' || buf_put_u8(out, '`')) && buf_put_u8(out, (uint8_t)part.ptr[i]);
    return ok && buf_put_u8(out, '`');
}

struct object_name catalog_object(struct arena *a, struct str database, struct str name)
{
    struct object_name ret = { .database = database, .name = name, .key = name };
    bool elsewhere = !str_eq(database, STR(CATALOG_DATABASE));
    if (!elsewhere && is_plain(name))
        return ret;
    struct buf text;
    buf_init(&text, a->budget, SIZE_MAX);
    bool ok = (!elsewhere || (put_part(&text, database) && buf_put_u8(&text, '.'))) && put_part(&text, name);
    ret.key = ok ? arena_str(a, buf_str(&text)) : (struct str){ 0 };
    buf_release(&text);
    return ret;
}

bool catalog_has_database(const struct catalog *c, struct str name)
{
    return map_get(&c->databases, name) != NULL;
}

enum status catalog_add_database(struct catalog *c, struct str name, bool if_not_exists, struct error *err)
{
    if (catalog_has_database(c, name))
        return if_not_exists ? ST_OK : error_set(err, ST_EXISTS, "database '%.*s' exists already", STR_ARG(name));
    struct str kept = arena_str(&c->arena, name);
    return kept.ptr && map_put(&c->databases, kept, c) ? ST_OK : memory_refused(c, err);
}

enum status catalog_drop_database(struct catalog *c, struct str name, bool if_exists, bool cascade, struct error *err)
{
    if (!catalog_has_database(c, name))
        return if_exists ? ST_OK : catalog_unknown_database(c, name, 0, 0, err);
    struct map_entry *e = map_next(&c->relations, NULL);
    while (e) {
        struct str key = e->key;
        const struct relation *r = e->value;
        e = map_next(&c->relations, e);
        if (!str_eq(name_of(r)->database, name))
            continue;
        if (!cascade) {
            error_set(err, ST_SEMANTIC, "database '%.*s' is not empty: it holds '%.*s'", STR_ARG(name),
                      STR_ARG(name_of(r)->name));
            error_hint(err, "DROP DATABASE … CASCADE drops its tables and views as well");
            return ST_SEMANTIC;
        }
        map_remove(&c->relations, key);
    }
    map_remove(&c->databases, name);
    return ST_OK;
}

enum status catalog_unknown_database(const struct catalog *c, struct str name, uint32_t line, uint32_t column,
                                     struct error *err)
{
    return unknown(&c->databases, "database", name, line, column, err);
}

const struct object_name *catalog_find_name(const struct catalog *c, struct str key)
{
    const struct relation *r = map_get(&c->relations, key);
    return r ? name_of(r) : NULL;
}
