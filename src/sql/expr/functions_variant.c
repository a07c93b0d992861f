/* VARIANT: made of JSON text, looked into. What it is kept as is told in text/json_canonical.c; ITEM's row stands with the
 * other collections, its kernels for a VARIANT are here, the casts in cast_variant.c. */
#include "expr/json_private.h"

/* ---- PARSE_JSON, TRY_PARSE_JSON ---- */

static void canon_free(void *state, struct budget *b)
{
    json_canon_release(state);
    mem_free(b, state, sizeof(struct json_canon));
}

static enum status canon_for(struct kernel *k, struct json_canon **ret)
{
    if (!*k->state) {
        *k->state = mem_alloc(k->budget, sizeof(struct json_canon));
        if (!*k->state)
            return kernel_memory(k);
        json_canon_init(*k->state, k->budget);
    }
    *ret = *k->state;
    return ST_OK;
}

/* What follows the first value is left alone, as Jackson does. */
static enum status parse(struct kernel *k, bool try)
{
    struct json_canon *c;
    TRY(canon_for(k, &c));
    EACH_ROW(k, r)
    {
        struct json j;
        buf_clear(k->tmp);
        json_init(&j, arg_str(k, 0, r));
        enum json_kind kind = json_peek(&j);
        bool good = json_canonical(c, k->tmp, &j, k->n_args > 1 && arg_bool(k, 1, r));
        if (good && !json_ends_well(&j, kind))
            good = json_fail(&j, j.at, "text runs into the value");
        if (good)
            TRY(kernel_put_tmp(k, r));
        else if (c->memory)
            return kernel_memory(k);
        else if (try)
            column_set_null(k->out, r);
        else
            return kernel_fail(k, "PARSE_JSON: %s (byte %zu)", j.fault, (size_t)(j.at - j.start) + 1);
    }
    return ST_OK;
}
static enum status parse_json(struct kernel *k) { return parse(k, false); }
static enum status try_parse_json(struct kernel *k) { return parse(k, true); }

static enum status resolve_parse(struct call *c)
{
    c->type = call_nullable_by_args(c, type_basic(TYPE_VARIANT));
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

/* ---- variant['name'], variant[index] ---- */

static enum status put_found(struct kernel *k, uint32_t r, bool found, struct str raw)
{
    if (found)
        return kernel_put_str(k, r, raw.ptr, raw.len);
    column_set_null(k->out, r);
    return ST_OK;
}

static enum status item_by_name(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct json j;
        struct str key = arg_str(k, 1, r), name, value = { 0 };
        bool escaped, found = false;
        json_init(&j, arg_str(k, 0, r));
        if (json_peek(&j) != JSON_OBJECT)
            return kernel_fail(k, "String key access on variant requires an object variant, but a non-object variant "
                                  "was provided.");
        if (json_enter(&j))
            while (!found && json_member(&j, &name, &escaped) && json_skip(&j, &value))
                found = json_key_equals(name, escaped, key);
        TRY(put_found(k, r, found, value));
    }
    return ST_OK;
}

static enum status item_by_place(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct json j;
        struct str value = { 0 };
        int64_t left = arg_i64(k, 1, r);
        bool found = false;
        json_init(&j, arg_str(k, 0, r));
        if (json_peek(&j) != JSON_ARRAY)
            return kernel_fail(k, "Integer index access on variant requires an array variant, but a non-array variant "
                                  "was provided.");
        if (left > 0 && json_enter(&j))
            while (!found && json_element(&j) && json_skip(&j, &value))
                found = --left == 0;
        TRY(put_found(k, r, found, value));
    }
    return ST_OK;
}

kernel_fn *variant_item_pick(const struct expr *e)
{
    return type_is_text(e->args[1]->type) ? item_by_name : item_by_place;
}

const struct function functions_variant[] = {
    { .name = "PARSE_JSON", .signature = "PARSE_JSON(text [, allow_duplicate_keys])",
      .help = "JSON text as a VARIANT. A text that is no JSON fails, so does a name twice in an object, unless allowed: "
              "then the last one counts.",
      .example = "PARSE_JSON('{\"a\": [1, 2.50], \"b\": null}')", .types = "s?b=", .flags = FN_STRICT,
      .resolve = resolve_parse, .kernel = parse_json, .free_state = canon_free },
    { .name = "TRY_PARSE_JSON", .signature = "TRY_PARSE_JSON(text [, allow_duplicate_keys])",
      .help = "As PARSE_JSON, but NULL where that fails.", .example = "TRY_PARSE_JSON('{\"a\": 1, \"a\": 2}', TRUE)",
      .types = "s?b=", .flags = FN_STRICT | FN_NULLABLE, .resolve = resolve_parse, .kernel = try_parse_json,
      .free_state = canon_free },
    { .name = NULL },
};
