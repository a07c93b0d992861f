/* Shared by the tests of this room: an environment, short ways to build trees, values as text. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "expr/expr.h"

struct fixture {
    struct budget budget;
    struct arena arena;
    struct expr_env env;
    struct error err;
};

static inline int fixture_new(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    budget_init(&f->budget, "test", 256u << 20, NULL);
    arena_init(&f->arena, &f->budget);
    f->env = (struct expr_env){ .arena = &f->arena, .zone = zone_utc };
    *state = f;
    return 0;
}

/* Everything charged must have been given back. */
static inline int fixture_free(void **state)
{
    struct fixture *f = *state;
    arena_release(&f->arena);
    int leaked = atomic_load(&f->budget.used) != 0;
    free(f);
    return leaked;
}

/* A few types by name. */
static inline const struct type *type_of(struct fixture *f, const char *name)
{
    static const struct {
        const char *name;
        enum type_kind kind;
    } names[] = { { "NULL", TYPE_NULL },         { "BOOLEAN", TYPE_BOOLEAN }, { "TINYINT", TYPE_TINYINT },
                  { "SMALLINT", TYPE_SMALLINT }, { "INT", TYPE_INT },         { "BIGINT", TYPE_BIGINT },
                  { "FLOAT", TYPE_FLOAT },       { "DOUBLE", TYPE_DOUBLE },   { "STRING", TYPE_VARCHAR },
                  { "BYTES", TYPE_VARBINARY },   { "DATE", TYPE_DATE },       { "TIME", TYPE_TIME },
                  { "INTERVAL", TYPE_INTERVAL_DAY }, { "MONTHS", TYPE_INTERVAL_MONTH } };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i].name) == 0)
            return type_basic(names[i].kind);
    int p, s;
    if (sscanf(name, "DECIMAL(%d,%d)", &p, &s) == 2)
        return type_decimal(&f->arena, p, s);
    if (sscanf(name, "TIMESTAMP(%d)", &p) == 1)
        return type_timestamp(&f->arena, TYPE_TIMESTAMP, p);
    if (sscanf(name, "TIMESTAMP_LTZ(%d)", &p) == 1)
        return type_timestamp(&f->arena, TYPE_TIMESTAMP_LTZ, p);
    if (sscanf(name, "VARCHAR(%d)", &p) == 1)
        return type_with_length(&f->arena, TYPE_VARCHAR, p);
    if (sscanf(name, "CHAR(%d)", &p) == 1)
        return type_with_length(&f->arena, TYPE_CHAR, p);
    if (sscanf(name, "BINARY(%d)", &p) == 1)
        return type_with_length(&f->arena, TYPE_BINARY, p);
    if (strncmp(name, "ARRAY ", 6) == 0)
        return type_array(&f->arena, type_of(f, name + 6));
    fail_msg("no such type here: %s", name);
    return NULL;
}

static inline const struct expr *ok(struct fixture *f, enum status st, const struct expr **e)
{
    if (st != ST_OK)
        fail_msg("%s: %s", status_name(st), f->err.message);
    return *e;
}
static inline const struct expr *column(struct fixture *f, uint32_t i, const char *type)
{
    return expr_column(&f->env, i, type_of(f, type));
}
static inline const struct expr *number(struct fixture *f, const char *s)
{
    const struct expr *e = NULL;
    return ok(f, expr_number(&f->env, str_from(s), &e, &f->err), &e);
}
static inline const struct expr *text(struct fixture *f, const char *s)
{
    const struct expr *e = NULL;
    return ok(f, expr_string(&f->env, str_from(s), &e, &f->err), &e);
}
static inline const struct expr *null(struct fixture *f, const char *type)
{
    const struct expr *e = NULL;
    return ok(f, expr_null(&f->env, type_of(f, type), &e, &f->err), &e);
}
static inline const struct expr *cast(struct fixture *f, const struct expr *a, const char *type)
{
    const struct expr *e = NULL;
    return ok(f, expr_cast(&f->env, a, type_of(f, type), false, 1, 1, &e, &f->err), &e);
}
static inline const struct expr *call_n(struct fixture *f, const char *name, uint32_t n, const struct expr **args)
{
    const struct expr *e = NULL;
    return ok(f, expr_call(&f->env, str_from(name), args, n, 1, 1, &e, &f->err), &e);
}
#define CALL(f, name, ...)                                                                      \
    call_n(f, name, (uint32_t)(sizeof((const struct expr *[]){ __VA_ARGS__ }) / sizeof(void *)), \
           (const struct expr *[]){ __VA_ARGS__ })

static inline const char *print_type(const struct type *t)
{
    static char out[512];
    struct buf b;
    buf_init(&b, NULL, sizeof out - 1);
    assert_true(type_print(&b, t));
    memcpy(out, b.data, b.len);
    out[b.len] = 0;
    buf_release(&b);
    return out;
}
#define assert_type(e, want) assert_string_equal(print_type((e)->type), want)

static inline const char *print_value(const struct column *c, uint32_t row, const struct zone *zone)
{
    static char out[4096];
    struct buf b;
    buf_init(&b, NULL, sizeof out - 1);
    assert_true(value_print(&b, c, row, zone));
    if (b.len)
        memcpy(out, b.data, b.len);
    out[b.len] = 0;
    buf_release(&b);
    return out;
}

/* The value of a constant tree, through a program. */
static inline enum status evaluate(struct fixture *f, const struct expr *e, char *out, size_t size)
{
    struct program *p;
    enum status st = expr_compile(&e, 1, 4, &f->budget, &p, &f->err);
    if (st != ST_OK)
        return st;
    static const struct schema none;
    struct batch b = { .schema = &none, .count = 1, .capacity = 4 };
    struct eval ev = { 1000, INT64_MIN };
    struct column c;
    st = program_run(p, &b, &ev, &c, &f->err);
    if (st == ST_OK) {
        c.type = e->type;
        snprintf(out, size, "%s", print_value(&c, 0, &f->env.zone));
    }
    program_free(p);
    return st;
}
static inline void assert_value(struct fixture *f, const struct expr *e, const char *want)
{
    char got[4096];
    enum status st = evaluate(f, e, got, sizeof got);
    if (st != ST_OK)
        fail_msg("wanted %s, failed: %s", want, f->err.message);
    assert_string_equal(got, want);
}
