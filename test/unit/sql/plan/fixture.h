/* What the plan tests share: a catalog with made-up connectors, and a script runner that ends in an EXPLAIN text or an
 * error.
 *
 * Connectors: `test` (unbounded; row kinds by 'changelog-mode'; takes every kind), `file` (bounded, with a format),
 * `print` (results), `gen` (source only), `hole` (sink only). Formats: `json` (inserts), `changes` (all kinds both
 * ways). */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "plan/plan.h"

static enum status fixture_kinds(const struct table_desc *t, uint32_t *ret, struct error *err)
{
    (void)err;
    struct str mode = options_get(&t->options, "changelog-mode");
    uint32_t kinds = mode.ptr ? 0 : KINDS_APPEND;
    while (mode.ptr) {
        struct str one = str_split(&mode, ',');
        kinds |= str_eq(one, STR("I")) ? 1u : str_eq(one, STR("UB")) ? 2u : str_eq(one, STR("UA")) ? 4u : 8u;
    }
    *ret = kinds;
    return ST_OK;
}

static enum status fixture_bounded(const struct table_desc *t, bool *ret, struct error *err)
{
    (void)err;
    *ret = !options_has(&t->options, "follow");
    return ST_OK;
}

static const struct option_spec fixture_test_options[] = {
    { .name = "changelog-mode", .type = OPT_STRING }
};
static const struct option_spec fixture_file_options[] = { { .name = "path", .type = OPT_STRING, .required = true },
                                                           { .name = "follow", .type = OPT_BOOL } };
static const struct connector fixture_connectors[] = {
    { .name = "test",
      .flags = CONNECTOR_SOURCE | CONNECTOR_SINK | CONNECTOR_SINK_UPDATES | CONNECTOR_WATERMARKS,
      .options = fixture_test_options,
      .n_options = 1,
      .source_kinds = fixture_kinds },
    { .name = "file",
      .flags = CONNECTOR_SOURCE | CONNECTOR_SINK | CONNECTOR_FORMAT,
      .options = fixture_file_options,
      .n_options = 2,
      .bounded = fixture_bounded },
    { .name = "print", .flags = CONNECTOR_SINK | CONNECTOR_SINK_UPDATES },
    { .name = "gen", .flags = CONNECTOR_SOURCE },
    { .name = "hole", .flags = CONNECTOR_SINK },
};
static const struct format fixture_formats[] = {
    { .name = "json", .source_kinds = KINDS_APPEND },
    { .name = "changes", .source_kinds = KINDS_RETRACT, .sink_updates = true },
};

struct fixture {
    struct arena arena;
    struct plan_env env;
    struct option settings[32];
    struct plan *plan;
    struct error err;
};

static void fixture_open(struct fixture *f, struct budget *b)
{
    memset(f, 0, sizeof *f);
    arena_init(&f->arena, b);
    f->env.arena = &f->arena;
    f->env.budget = b;
    f->env.catalog = catalog_new(b);
    f->env.settings.at = f->settings;
    f->env.zone = zone_utc;
    f->env.capacity = BATCH_ROWS;
    for (size_t i = 0; f->env.catalog && i < sizeof fixture_connectors / sizeof *fixture_connectors; i++)
        assert_true(catalog_add_connector(f->env.catalog, &fixture_connectors[i]));
    for (size_t i = 0; f->env.catalog && i < sizeof fixture_formats / sizeof *fixture_formats; i++)
        assert_true(catalog_add_format(f->env.catalog, &fixture_formats[i]));
}

static void fixture_close(struct fixture *f)
{
    plan_release(f->plan);
    catalog_free(f->env.catalog);
    arena_release(&f->arena);
}

static enum status fixture_set(struct fixture *f, const struct syn_option *o)
{
    if (str_eq(o->name, STR("table.local-time-zone")))
        assert_true(zone_parse(o->value, &f->env.zone));
    if (str_eq(o->name, STR("--final"))) {
        f->env.final = true;
        return ST_OK;
    }
    assert_true(f->env.settings.count < 32);
    f->settings[f->env.settings.count++] = (struct option){ o->name, o->value, o->line, o->column };
    return options_check(&f->env.settings, plan_settings, plan_settings_count, "SET", &f->err);
}

static enum status fixture_select(struct fixture *f, const struct syn_query *q)
{
    struct option *o = ARENA_NEW(&f->arena, struct option);
    struct table_desc *t = ARENA_NEW(&f->arena, struct table_desc);
    if (!o || !t)
        return budget_error(f->arena.budget, 0, &f->err);
    *o = (struct option){ STR("connector"), STR("print"), 0, 0 };
    t->name = STR("result");
    t->options = (struct options){ o, 1 };
    return plan_select(&f->env, q, t, &f->plan, &f->err);
}

static enum status fixture_statement(struct fixture *f, struct syn_stmt *s)
{
    struct table_desc *t;
    struct view_desc *v;
    struct function_desc *fn;
    const struct syn_stmt *one = s;
    plan_release(f->plan);
    f->plan = NULL;
    switch (s->kind) {
    case SYN_STMT_CREATE_TABLE:
        TRY(plan_create_table(&f->env, s, &t, &f->err));
        return catalog_add_table(f->env.catalog, t, s->if_not_exists, &f->err);
    case SYN_STMT_CREATE_VIEW:
        TRY(plan_create_view(&f->env, s, &v, &f->err));
        return catalog_add_view(f->env.catalog, v, s->if_not_exists, &f->err);
    case SYN_STMT_CREATE_FUNCTION:
        TRY(plan_create_function(&f->env, s, &fn, &f->err));
        return catalog_add_function(f->env.catalog, fn, s->if_not_exists, &f->err);
    case SYN_STMT_ALTER:
        TRY(plan_alter_table(&f->env, s, catalog_table(f->env.catalog, s->name.parts[0]), &t, &f->err));
        return catalog_replace_table(f->env.catalog, s->name.parts[0], t, &f->err);
    case SYN_STMT_SET:
        return fixture_set(f, &s->options[0]);
    case SYN_STMT_DROP:
        return catalog_drop(f->env.catalog, str_eq(s->what, STR("VIEW")) ? "VIEW" : "TABLE", s->name.parts[0], false,
                            &f->err);
    case SYN_STMT_QUERY:
        return fixture_select(f, s->query);
    case SYN_STMT_INSERT:
        return plan_inserts(&f->env, &one, 1, &f->plan, &f->err);
    case SYN_STMT_STATEMENT_SET:
        return plan_inserts(&f->env, (const struct syn_stmt *const *)s->inserts, s->n_inserts, &f->plan, &f->err);
    default:
        return error_set(&f->err, ST_BUG, "the fixture does not run this statement");
    }
}

/* Runs all statements of `sql`, stops at the first error. */
static enum status fixture_run(struct fixture *f, const char *sql)
{
    struct str text = str_from(sql);
    size_t pos = 0;
    for (;;) {
        struct syn_stmt *s;
        error_clear(&f->err);
        TRY(syn_parse_next(&f->arena, text, &pos, &s, &f->err));
        if (!s)
            return ST_OK;
        TRY(fixture_statement(f, s));
    }
}

static inline char *fixture_text(const struct buf *b)
{
    char *s = malloc(b->len + 1);
    assert_non_null(s);
    if (b->len)
        memcpy(s, b->data, b->len);
    s[b->len] = 0;
    return s;
}

/* EXPLAIN of the last statement; malloc'd. */
static inline char *fixture_explain(struct fixture *f)
{
    struct buf out;
    buf_init(&out, NULL, 1u << 22);
    assert_non_null(f->plan);
    assert_true(plan_print(&out, f->plan));
    char *s = fixture_text(&out);
    buf_release(&out);
    return s;
}

static const char fixture_tables[] =
    "CREATE TABLE bid (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, dateTime TIMESTAMP(3), "
    "  extra STRING, WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND) WITH ('connector' = 'test');"
    "CREATE TABLE nexmark (event_type INT, "
    "  person ROW<id BIGINT, name STRING>, bid ROW<auction BIGINT, price BIGINT, dateTime TIMESTAMP(3)>, "
    "  dateTime AS CASE WHEN event_type = 0 THEN TIMESTAMP '2020-01-01 00:00:00.000' ELSE bid.dateTime END, "
    "  WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND) WITH ('connector' = 'test');"
    "CREATE VIEW nbid AS SELECT bid.auction, bid.price, dateTime FROM nexmark WHERE event_type = 2;"
    "CREATE TABLE t (a INT, b BIGINT, c STRING, p AS PROCTIME()) WITH ('connector' = 'test');"
    "CREATE TABLE nn (a INT NOT NULL, b BIGINT NOT NULL) WITH ('connector' = 'test');"
    "CREATE TABLE two (a INT, b BIGINT) WITH ('connector' = 'test');"
    "CREATE TABLE keyed (a INT, b BIGINT, PRIMARY KEY (a) NOT ENFORCED) WITH ('connector' = 'test');"
    "CREATE TABLE keyed2 (a INT, b BIGINT, c BIGINT, PRIMARY KEY (a, b) NOT ENFORCED) WITH ('connector' = 'test');"
    "CREATE TABLE ups (id BIGINT, v INT, s STRING, ts TIMESTAMP(3), PRIMARY KEY (id) NOT ENFORCED, "
    "  WATERMARK FOR ts AS ts) WITH ('connector' = 'test', 'changelog-mode' = 'I,UA,D');"
    "CREATE TABLE cdc (id BIGINT, v INT, s STRING) WITH ('connector' = 'test', 'changelog-mode' = 'I,UB,UA,D');"
    "CREATE TABLE ltz (k STRING, ms BIGINT, ts AS TO_TIMESTAMP_LTZ(ms, 3), WATERMARK FOR ts AS ts - INTERVAL '1' "
    "SECOND)"
    "  WITH ('connector' = 'test');"
    "CREATE TABLE f (a INT, b BIGINT, c STRING) WITH ('connector' = 'file', 'path' = '/f', 'format' = 'json');"
    "CREATE TABLE fsink (a INT, b BIGINT) WITH ('connector' = 'file', 'path' = '/o', 'format' = 'json');"
    "CREATE TABLE csink (a INT, b BIGINT) WITH ('connector' = 'file', 'path' = '/o', 'format' = 'changes');"
    "CREATE TABLE parted (a INT, n STRING, dt STRING, h STRING) PARTITIONED BY (dt, h) WITH ('connector' = 'test');"
    "CREATE TABLE gen (a INT) WITH ('connector' = 'gen');"
    "CREATE TABLE hole (a INT) WITH ('connector' = 'hole');";
