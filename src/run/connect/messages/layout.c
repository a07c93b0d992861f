/* Which columns of a table lie in a record's key, which in its value, and which are metadata.
 *
 * The key has the columns of 'key.fields', in that order (of an upsert the primary key's, in the table's order). The value has all physical
 * columns, or all but those (EXCEPT_KEY). With 'key.fields-prefix' the key's columns are named without it inside the key. */
#include "connect/messages/messages.h"

static enum status bad_key(const struct table_desc *t, struct str name, const char *what, struct error *err)
{
    return error_set(err, ST_SEMANTIC, "table '%.*s': 'key.fields': %s '%.*s'", STR_ARG(t->name), what, STR_ARG(name));
}

static enum status add_key(struct message_part *k, const struct table_desc *t, struct str name, int32_t at, struct error *err)
{
    if (at < 0)
        return bad_key(t, name, "no column", err);
    for (uint32_t i = 0; i < k->schema.n_fields; i++)
        if (k->at[i] == (uint32_t)at)
            return bad_key(t, name, "twice", err);
    k->at[k->schema.n_fields++] = (uint32_t)at;
    return ST_OK;
}

static enum status choose_key(struct message_layout *l, struct error *err)
{
    const struct table_desc *t = l->table;
    struct message_part *k = &l->key;
    struct str rest = options_get(&t->options, "key.fields");
    for (uint32_t i = 0; l->upsert && i < t->physical.n_fields; i++)
        for (uint32_t p = 0; p < t->n_primary_key; p++)
            if (str_eq(t->columns[t->primary_key[p]].name, t->physical.fields[i].name))
                TRY(add_key(k, t, t->physical.fields[i].name, (int32_t)i, err));
    if (l->upsert && k->schema.n_fields != t->n_primary_key)
        return error_set(err, ST_SEMANTIC, "table '%.*s': its PRIMARY KEY has columns that are not physical", STR_ARG(t->name));
    while (!l->upsert && rest.ptr) {
        struct str name = str_trim(str_split(&rest, ';'));
        TRY(add_key(k, t, name, schema_find(&t->physical, name), err));
    }
    return ST_OK;
}

/* Fields by the columns that were chosen, named without `prefix`. */
static enum status name_fields(struct message_part *p, const struct table_desc *t, struct str prefix, struct arena *a,
                               struct error *err)
{
    struct field *fields = ARENA_ARRAY(a, struct field, p->schema.n_fields + 1);
    if (!fields)
        return connect_memory(a->budget, err);
    p->whole = p->schema.n_fields == t->physical.n_fields;
    for (uint32_t i = 0; i < p->schema.n_fields; i++) {
        fields[i] = t->physical.fields[p->at[i]];
        p->whole &= p->at[i] == i;
        if (!str_starts(fields[i].name, prefix))
            return error_set(err, ST_SEMANTIC, "table '%.*s': column '%.*s' of the key does not begin with '%.*s'",
                             STR_ARG(t->name), STR_ARG(fields[i].name), STR_ARG(prefix));
        fields[i].name.ptr += prefix.len;
        fields[i].name.len -= prefix.len;
    }
    p->schema.fields = fields;
    return ST_OK;
}

static bool in_key(const struct message_part *k, uint32_t column)
{
    for (uint32_t i = 0; i < k->schema.n_fields; i++)
        if (k->at[i] == column)
            return true;
    return false;
}

static enum status choose_metadata(struct message_layout *l, struct arena *a, struct error *err)
{
    const struct table_desc *t = l->table;
    uint32_t n = t->physical.n_fields;
    l->read = ARENA_ARRAY(a, struct message_column, t->n_columns + 1);
    l->written = ARENA_ARRAY(a, struct message_column, t->n_columns + 1);
    if (!l->read || !l->written)
        return connect_memory(a->budget, err);
    for (uint32_t i = 0; i < t->n_columns; i++) {
        uint32_t what = 0;
        if (t->columns[i].role != COLUMN_METADATA)
            continue;
        while (what < MESSAGE_METADATA && !str_eq(t->columns[i].metadata_key, str_from(message_metadata[what].name)))
            what++;
        l->read[l->n_read] = (struct message_column){ (enum message_metadata)what, n + l->n_read };
        l->n_read++;
        if (t->columns[i].is_virtual)
            continue;
        l->written[l->n_written] = (struct message_column){ (enum message_metadata)what, n + l->n_written };
        l->n_written++;
    }
    return ST_OK;
}

enum status message_layout_init(struct message_layout *l, const struct table_desc *t, bool upsert, struct arena *a,
                                struct error *err)
{
    struct str prefix = options_get(&t->options, "key.fields-prefix");
    bool except = str_eq_nocase(options_get(&t->options, "value.fields-include"), STR("EXCEPT_KEY"));
    uint32_t n = t->physical.n_fields;
    *l = (struct message_layout){ .table = t, .upsert = upsert };
    l->key.table = l->value.table = *t;
    l->key.table.options = t->key_options;
    l->key.format = t->key_format;
    l->value.format = t->format;
    l->key.at = ARENA_ARRAY(a, uint32_t, n + 1);
    l->value.at = ARENA_ARRAY(a, uint32_t, n + 1);
    if (!l->key.at || !l->value.at)
        return connect_memory(a->budget, err);
    TRY(choose_key(l, err));
    if (prefix.len && !except) {
        error_set(err, ST_SEMANTIC, "table '%.*s': with 'key.fields-prefix' the key's columns cannot be in the value, too",
                  STR_ARG(t->name));
        error_hint(err, "set 'value.fields-include' = 'EXCEPT_KEY'");
        return ST_SEMANTIC;
    }
    for (uint32_t i = 0; i < n; i++)
        if (!except || !in_key(&l->key, i))
            l->value.at[l->value.schema.n_fields++] = i;
    TRY(name_fields(&l->key, t, prefix.ptr ? prefix : STR(""), a, err));
    TRY(name_fields(&l->value, t, STR(""), a, err));
    return choose_metadata(l, a, err);
}
