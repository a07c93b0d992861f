/* Tables whose columns come out of a sample of their data: the connector reads it, its format says what it looks like. Memory of
 * the sample goes at once; the table keeps columns and options. */
#include "private.h"

static enum status no_memory(const struct arena *a, struct error *err)
{
    return budget_error(a->budget ? a->budget : budget_process(), 0, err);
}

void catalog_set_os(struct catalog *c, struct os *os)
{
    c->os = os;
}

/* Columns and options of what was inferred, copied into `a`. */
static enum status keep(struct table_desc *t, const struct inferred *in, struct arena *a, struct error *err)
{
    struct schema s = schema_copy(a, &in->schema);
    struct column_desc *columns = ARENA_ARRAY(a, struct column_desc, s.n_fields + 1);
    struct option *options = ARENA_ARRAY(a, struct option, t->options.count + in->n_options + 1);
    if (!s.fields || !columns || !options)
        return no_memory(a, err);
    for (uint32_t i = 0; i < s.n_fields; i++)
        columns[i] = (struct column_desc){ .role = COLUMN_PHYSICAL, .name = s.fields[i].name, .type = s.fields[i].type };
    for (uint32_t i = 0; i < t->options.count; i++)
        options[i] = t->options.at[i];
    for (uint32_t i = 0; i < in->n_options; i++) {
        options[t->options.count + i] = (struct option){ arena_str(a, in->options[i].name), arena_str(a, in->options[i].value),
                                                         0, 0 };
        if (!options[t->options.count + i].name.ptr || !options[t->options.count + i].value.ptr)
            return no_memory(a, err);
    }
    t->columns = columns;
    t->n_columns = s.n_fields;
    t->physical = s;
    t->options = (struct options){ options, t->options.count + in->n_options };
    t->watermark_column = -1;
    t->inferred = true;
    return ST_OK;
}

enum status catalog_infer(const struct catalog *c, struct table_desc *t, struct arena *a, struct error *err)
{
    const struct connector *k;
    const struct format *f;
    struct inferred in = { 0 };
    TRY(catalog_find(c, t, &k, &f, err));
    if (!k->infer)
        return error_set(err, ST_SEMANTIC, "table '%.*s': connector '%s' needs declared columns", STR_ARG(t->name), k->name);
    if (!c->os)
        return error_set(err, ST_UNSUPPORTED, "table '%.*s': columns are not inferred here: declare them", STR_ARG(t->name));
    struct arena scratch;
    struct table_desc known = *t;
    known.connector = k;
    known.format = f;
    arena_init(&scratch, a->budget);
    enum status st = k->infer(&known, c->os, &scratch, &in, err);
    if (st == ST_OK)
        st = keep(t, &in, a, err);
    arena_release(&scratch);
    return st;
}

/* `more` over the options that the path gives. */
static enum status join(struct options *o, const struct option *more, uint32_t n, struct arena *a, struct error *err)
{
    struct option *all = ARENA_ARRAY(a, struct option, o->count + n + 1);
    uint32_t count = o->count;
    if (!all)
        return no_memory(a, err);
    for (uint32_t i = 0; i < o->count; i++)
        all[i] = o->at[i];
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = 0;
        while (at < count && !str_eq(all[at].name, more[i].name))
            at++;
        all[at] = more[i];
        count += at == count;
    }
    *o = (struct options){ all, count };
    return ST_OK;
}

enum status catalog_file(const struct catalog *c, struct str path, const struct option *more, uint32_t n, struct arena *a,
                         struct table_desc **ret, struct error *err)
{
    const struct connector *k = NULL;
    for (uint32_t i = 0; i < c->n_connectors && !k; i++)
        k = c->connectors[i]->of_path ? c->connectors[i] : NULL;
    if (!k)
        return error_set(err, ST_UNSUPPORTED, "no connector takes '%.*s' as a table", STR_ARG(path));
    struct table_desc *t = ARENA_NEW(a, struct table_desc);
    if (!t)
        return no_memory(a, err);
    t->name = arena_str(a, path);
    t->temporary = true;
    t->watermark_column = -1;
    if (!t->name.ptr)
        return no_memory(a, err);
    TRY(k->of_path(t->name, a, &t->options, err));
    TRY(join(&t->options, more, n, a, err));
    TRY(catalog_infer(c, t, a, err));
    *ret = t;
    return ST_OK;
}
