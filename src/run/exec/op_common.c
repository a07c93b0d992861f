/* Stores of operators: their names, layouts and the small ones that keep a blob a key. */
#include <stdio.h>

#include "exec/exec_private.h"

const uint32_t blob_at_zero[1] = { 0 };

enum op_result op_refused(const struct op *o, struct error *err)
{
    budget_error(o->budget, 0, err);
    return OP_FAILED;
}

enum status op_add_store(struct op *o, const char *name, uint32_t value_bytes, uint32_t value_align,
                         const uint32_t *blob_offsets, uint32_t n_blobs, struct str fingerprint, bool broadcast,
                         struct store **ret, struct error *err)
{
    CHECK(o->n_stores < OP_MAX_STORES);
    char id[160];
    int n = snprintf(id, sizeof id, "%.*s/%s", STR_ARG(o->node->id), name);
    struct store_layout layout = {
        .id = { id, (size_t)n < sizeof id ? (size_t)n : sizeof id - 1 },
        .value_bytes = value_bytes,
        .value_align = value_align,
        .n_blobs = n_blobs,
        .blob_offsets = blob_offsets,
        .fingerprint = fingerprint,
        .broadcast = broadcast,
    };
    struct store *s = store_new(o->ctx->os, &layout, o->ctx->durable, &o->state);
    if (!s)
        return budget_error(o->budget, sizeof layout, err);
    o->stores[o->n_stores++] = s;
    *ret = s;
    return ST_OK;
}

struct str op_types_text(struct arena *a, const struct schema *s, const uint32_t *cols, uint32_t n)
{
    struct buf text;
    buf_init(&text, a->budget, 1u << 20);
    bool ok = true;
    for (uint32_t i = 0; ok && i < n; i++)
        ok = (i == 0 || buf_put_u8(&text, ',')) && type_print(&text, s->fields[cols ? cols[i] : i].type);
    struct str copy = ok ? arena_str(a, buf_str(&text)) : (struct str){ NULL, 0 };
    buf_release(&text);
    return copy;
}

bool op_put_blob(struct store *s, struct str key, struct str bytes)
{
    struct table *t = store_make(s, 0);
    struct entry *e = t ? table_put(t, hash_bytes(key.ptr, key.len), key, NULL) : NULL;
    if (!e)
        return false;
    struct blob_value *v = entry_value(t, e);
    return table_set_blob(t, &v->blob, bytes.ptr, bytes.len);
}

struct str op_get_blob(const struct store *s, struct str key)
{
    struct table *t = store_find(s, 0);
    struct entry *e = t ? table_find(t, hash_bytes(key.ptr, key.len), key) : NULL;
    if (!e)
        return (struct str){ NULL, 0 };
    return table_blob(t, ((struct blob_value *)entry_value(t, e))->blob);
}
