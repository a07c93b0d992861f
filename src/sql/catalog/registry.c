/* Connectors and formats by name, and the lazy check of a table's options.
 *
 * A table's options are checked when the table is first used (Nexmark's scripts declare Kafka tables that
 * no query reads). The check joins the option tables of everybody who reads this table's options (the
 * connector, its format and what is common) so that one pass finds everything that is unknown, wrong or
 * missing. Before it, older spellings are rewritten to ours, in one place, so that nobody else knows them:
 *   'value.format' = 'json', 'value.json.x'   →  'format' = 'json', 'json.x'
 *   'connector.type', 'connector.path'        →  'connector', 'path'
 *   'format.type' = 'csv', 'format.x'         →  'format' = 'csv', 'csv.x'
 * With the connector known, METADATA columns get what it calls them and its types: the rows read and written. */
#include "private.h"

#include <stdio.h>

bool catalog_add_connector(struct catalog *c, const struct connector *k)
{
    if (c->n_connectors == CATALOG_REGISTERED_MAX)
        return false;
    c->connectors[c->n_connectors++] = k;
    return true;
}

bool catalog_add_format(struct catalog *c, const struct format *f)
{
    if (c->n_formats == CATALOG_REGISTERED_MAX)
        return false;
    c->formats[c->n_formats++] = f;
    return true;
}

const struct connector *catalog_connector_at(const struct catalog *c, uint32_t i)
{
    return i < c->n_connectors ? c->connectors[i] : NULL;
}

const struct format *catalog_format_at(const struct catalog *c, uint32_t i)
{
    return i < c->n_formats ? c->formats[i] : NULL;
}

/* ---- older spellings ---- */

static struct str without(struct str s, size_t prefix)
{
    return str_make(s.ptr + prefix, s.len - prefix);
}

/* `name` as we spell it; ptr NULL when memory is refused. `format`: value of 'format.type', or ptr NULL. */
static struct str spelled(struct arena *a, struct str name, bool value_format, struct str format)
{
    if (str_eq(name, STR("connector.type")))
        return STR("connector");
    if (str_eq(name, STR("format.type")) || str_eq(name, STR("value.format")))
        return STR("format");
    if (str_starts(name, STR("connector.")))
        return without(name, sizeof "connector." - 1);
    if (format.ptr && str_starts(name, STR("format.")))
        return arena_printf(a, "%.*s.%.*s", STR_ARG(format), STR_ARG(without(name, sizeof "format." - 1)));
    if (value_format && str_starts(name, STR("value.")) && !str_starts(name, STR("value.fields")))
        return without(name, sizeof "value." - 1);
    return name;
}

static enum status rewrite(const struct catalog *c, struct table_desc *t, struct error *err)
{
    bool value_format = options_has(&t->options, "value.format");
    struct str format = options_get(&t->options, "format.type");
    if (!value_format && !format.ptr && !options_has(&t->options, "connector.type"))
        return ST_OK;
    struct option *at = ARENA_ARRAY(c->rewrite, struct option, t->options.count);
    for (uint32_t i = 0; at && i < t->options.count; i++) {
        at[i] = t->options.at[i];
        at[i].name = spelled(c->rewrite, at[i].name, value_format, format);
        if (!at[i].name.ptr)
            at = NULL;
    }
    if (!at)
        return budget_error(c->rewrite->budget ? c->rewrite->budget : budget_process(), 0, err);
    t->given = t->options;
    t->options.at = at;
    return ST_OK;
}

/* ---- resolving ---- */

static const struct option *option_of(const struct table_desc *t, const char *name)
{
    for (uint32_t i = 0; i < t->options.count; i++)
        if (str_eq(t->options.at[i].name, str_from(name)))
            return &t->options.at[i];
    return NULL;
}

/* A status as options_check gives it: an option with a place stands in SQL. */
static enum status refuse(const struct table_desc *t, const struct option *o, struct error *err)
{
    bool in_sql = false;
    for (uint32_t i = 0; i < t->options.count; i++)
        in_sql |= t->options.at[i].line != 0;
    enum status st = in_sql || t->options.count == 0 ? ST_SEMANTIC : ST_USAGE;
    return error_at(err, st, o ? o->line : 0, o ? o->column : 0, "table '%.*s': ", STR_ARG(t->name));
}

static void append(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void append(struct error *err, const char *fmt, ...)
{
    if (!err)
        return;
    size_t len = strlen(err->message);
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->message + len, sizeof err->message - len, fmt, args);
    va_end(args);
}

/* "known connectors: a, b, c" into the hint; the nearest one into the message. */
static void suggest(struct error *err, const char *what, const struct option *o, const struct str *names, size_t n)
{
    if (!err)
        return;
    struct str near = o ? str_nearest(o->value, names, n) : (struct str){ 0 };
    if (near.len > 0)
        append(err, "; did you mean '%.*s'?", STR_ARG(near));
    char list[sizeof err->hint];
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        int printed = snprintf(list + len, sizeof list - len, "%s%.*s", i ? ", " : "", STR_ARG(names[i]));
        if (printed < 0 || (size_t)printed >= sizeof list - len)
            break;
        len += (size_t)printed;
    }
    list[len] = 0;
    error_hint(err, "known %ss: %s", what, n ? list : "none");
}

static enum status find_connector(const struct catalog *c, const struct table_desc *t,
                                  const struct connector **ret, struct error *err)
{
    const struct option *o = option_of(t, "connector");
    struct str names[CATALOG_REGISTERED_MAX];
    for (uint32_t i = 0; i < c->n_connectors; i++) {
        names[i] = str_from(c->connectors[i]->name);
        if (o && str_eq(o->value, names[i])) {
            *ret = c->connectors[i];
            return ST_OK;
        }
    }
    enum status st = refuse(t, o, err);
    if (o)
        append(err, "unknown connector '%.*s'", STR_ARG(o->value));
    else
        append(err, "option 'connector' is missing");
    suggest(err, "connector", o, names, c->n_connectors);
    return st;
}

/* The format that option `name` names. */
static enum status find_format(const struct catalog *c, const struct table_desc *t, const struct connector *k,
                               const char *name, const struct format **ret, struct error *err)
{
    const struct option *o = option_of(t, name);
    struct str names[CATALOG_REGISTERED_MAX];
    for (uint32_t i = 0; i < c->n_formats; i++) {
        names[i] = str_from(c->formats[i]->name);
        if (o && str_eq(o->value, names[i])) {
            *ret = c->formats[i];
            return ST_OK;
        }
    }
    enum status st = refuse(t, o, err);
    if (o)
        append(err, "unknown format '%.*s'", STR_ARG(o->value));
    else
        append(err, "option 'format' is missing (connector '%s' needs one)", k->name);
    suggest(err, "format", o, names, c->n_formats);
    return st;
}

/* What every table may have; then what those with a format have, and those that can be read. */
static const struct option_spec common[] = {
    { .name = "connector", .type = OPT_STRING, .help = "what the table is connected to", .required = true },
    { .name = "format", .type = OPT_STRING, .help = "how rows are written as bytes", .required = true },
    { .name = "scan.watermark.idle-timeout", .type = OPT_DURATION,
      .help = "a split without rows for so long leaves the watermark; goes before table.exec.source.idle-timeout" },
};

#define KEY_PREFIX "key."

/* The options of the key's format as they stand in the table: behind "key.". */
static enum status key_specs(const struct catalog *c, const struct format *f, struct option_spec *out, struct error *err)
{
    for (uint32_t i = 0; f && i < f->n_options; i++) {
        out[i] = f->options[i];
        out[i].name = arena_printf(c->rewrite, KEY_PREFIX "%s", f->options[i].name).ptr;
        if (!out[i].name)
            return budget_error(c->rewrite->budget ? c->rewrite->budget : budget_process(), 0, err);
    }
    return ST_OK;
}

static enum status check_options(const struct catalog *c, const struct table_desc *t, const struct connector *k,
                                 const struct format *f, const struct format *key, struct error *err)
{
    size_t n_key = key ? key->n_options : 0;
    size_t n = k->n_options + (f ? f->n_options : 0) + n_key + sizeof common / sizeof *common;
    struct budget *budget = c->arena.budget;
    struct option_spec *specs = mem_alloc(budget, n * sizeof *specs);
    if (!specs)
        return budget_error(budget ? budget : budget_process(), n * sizeof *specs, err);
    size_t at = 0;
    if (k->n_options)
        memcpy(specs, k->options, k->n_options * sizeof *specs);
    at += k->n_options;
    if (f && f->n_options)
        memcpy(specs + at, f->options, f->n_options * sizeof *specs);
    at += f ? f->n_options : 0;
    enum status made = key_specs(c, key, specs + at, err);
    at += n_key;
    specs[at++] = common[0];
    if (f)
        specs[at++] = common[1];
    if (k->flags & CONNECTOR_SOURCE)
        specs[at++] = common[2];
    char what[128];
    snprintf(what, sizeof what, "table '%.*s' (connector '%s'%s%s%s)", t->name.len < 64 ? (int)t->name.len : 64,
             t->name.ptr, k->name, f ? ", format '" : "", f ? f->name : "", f ? "'" : "");
    enum status st = made == ST_OK ? options_check(&t->options, specs, at, what, err) : made;
    mem_free(budget, specs, n * sizeof *specs);
    return st;
}

/* ---- metadata columns ---- */

static const struct metadata_key *find_key(const struct connector *k, struct str name)
{
    for (uint32_t i = 0; i < k->n_metadata; i++)
        if (str_eq(str_from(k->metadata[i].name), name))
            return &k->metadata[i];
    return NULL;
}

static enum status unknown_key(const struct table_desc *t, const struct connector *k, const struct column_desc *c,
                               struct error *err)
{
    struct str names[CATALOG_REGISTERED_MAX];
    uint32_t n = k->n_metadata < CATALOG_REGISTERED_MAX ? k->n_metadata : CATALOG_REGISTERED_MAX;
    for (uint32_t i = 0; i < n; i++)
        names[i] = str_from(k->metadata[i].name);
    struct option key = { .value = c->metadata_key };
    error_set(err, ST_SEMANTIC, "table '%.*s': invalid metadata key '%.*s' in column '%.*s': connector '%s' has no such",
              STR_ARG(t->name), STR_ARG(c->metadata_key), STR_ARG(c->name), k->name);
    suggest(err, "metadata key", &key, names, n);
    return ST_SEMANTIC;
}

bool catalog_metadata(const struct connector *k, const struct column_desc *c, uint32_t flag)
{
    const struct metadata_key *key = find_key(k, c->metadata_key);
    return (k->flags & CONNECTOR_ANY_METADATA) || (key && (key->flags & flag));
}

/* A metadata column's type as the connector has it, NULL when memory is refused. */
static const struct type *key_type(const struct catalog *c, const struct metadata_key *key, const struct column_desc *col)
{
    if (!key)
        return col->type;
    bool times = key->kind == TYPE_TIMESTAMP || key->kind == TYPE_TIMESTAMP_LTZ;
    const struct type *type = times                  ? type_timestamp(c->rewrite, key->kind, key->precision)
                              : key->kind == TYPE_MAP ? type_map(c->rewrite, type_string(), type_bytes())
                                                      : type_basic(key->kind);
    return type ? type_nullable(c->rewrite, type, col->type->nullable) : NULL;
}

static enum status find_rows(const struct catalog *c, struct table_desc *t, const struct connector *k, struct error *err)
{
    uint32_t n = t->physical.n_fields, n_read = n, n_written = n, n_metadata = 0;
    t->read_row = t->written_row = t->physical;
    for (uint32_t i = 0; i < t->n_columns; i++)
        n_metadata += t->columns[i].role == COLUMN_METADATA;
    if (n_metadata == 0)
        return ST_OK;
    struct field *rows = ARENA_ARRAY(c->rewrite, struct field, 2 * (n + n_metadata));
    if (!rows)
        return budget_error(c->rewrite->budget ? c->rewrite->budget : budget_process(), 0, err);
    struct field *written = rows + n + n_metadata;
    for (uint32_t i = 0; i < n; i++)
        rows[i] = written[i] = t->physical.fields[i];
    for (uint32_t i = 0; i < t->n_columns; i++) {
        const struct column_desc *col = &t->columns[i];
        if (col->role != COLUMN_METADATA)
            continue;
        const struct metadata_key *key = find_key(k, col->metadata_key);
        if (!key && !(k->flags & CONNECTOR_ANY_METADATA))
            return unknown_key(t, k, col, err);
        struct field f = { col->name, key_type(c, key, col) };
        if (!f.type)
            return budget_error(c->rewrite->budget ? c->rewrite->budget : budget_process(), 0, err);
        rows[n_read++] = f;
        if (!col->is_virtual)
            written[n_written++] = f;
    }
    t->read_row = (struct schema){ rows, n_read };
    t->written_row = (struct schema){ written, n_written };
    return ST_OK;
}

/* Has the connector an option of this name? */
static bool takes(const struct connector *k, const char *name)
{
    for (uint32_t i = 0; i < k->n_options; i++)
        if (strcmp(k->options[i].name, name) == 0)
            return true;
    return false;
}

/* What the table says of its key's format, with "key." off. */
static enum status find_key_options(const struct catalog *c, struct table_desc *t, struct error *err)
{
    struct option *at = ARENA_ARRAY(c->rewrite, struct option, t->options.count + 1);
    uint32_t n = 0;
    if (!at)
        return budget_error(c->rewrite->budget ? c->rewrite->budget : budget_process(), 0, err);
    for (uint32_t i = 0; i < t->options.count; i++) {
        struct option o = t->options.at[i];
        if (!str_starts(o.name, STR(KEY_PREFIX)))
            continue;
        o.name = without(o.name, sizeof KEY_PREFIX - 1);
        at[n++] = o;
    }
    t->key_options = (struct options){ at, n };
    return ST_OK;
}

enum status catalog_find(const struct catalog *c, struct table_desc *t, const struct connector **ret, const struct format **ret_format,
                         struct error *err)
{
    const struct format *key = NULL;
    *ret_format = NULL;
    TRY(rewrite(c, t, err));
    TRY(find_connector(c, t, ret, err));
    if ((*ret)->flags & CONNECTOR_FORMAT)
        TRY(find_format(c, t, *ret, "format", ret_format, err));
    if (takes(*ret, "key.format") && options_has(&t->options, "key.format")) {
        TRY(find_format(c, t, *ret, "key.format", &key, err));
        TRY(find_key_options(c, t, err));
    }
    t->key_format = key;
    return check_options(c, t, *ret, *ret_format, key, err);
}

enum status catalog_resolve(const struct catalog *c, struct table_desc *t, struct error *err)
{
    if (t->connector)
        return ST_OK;
    const struct connector *k = NULL;
    const struct format *f = NULL;
    TRY(catalog_find(c, t, &k, &f, err));
    TRY(find_rows(c, t, k, err));
    t->connector = k;
    t->format = f;
    if (k->check) {
        enum status st = k->check(t, err);
        if (st != ST_OK) {
            t->connector = NULL;
            t->format = NULL;
            return st;
        }
    }
    return ST_OK;
}
