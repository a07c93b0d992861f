/* The schema as a tree, and what is learned about the order of keys.
 *
 * A node stands for one ROW type at one place of the schema (the record itself is the top node). It knows its
 * fields by name (an open-addressed table of key hashes) and remembers, in `expect`, the bytes that were seen
 * before each value: `"price":` with the white space that this producer writes. The scanner compares
 * those bytes instead of parsing a key. What differs is parsed the general way and put into the list at its
 * place; a member that is left out is simply passed over, so the list grows to the union of what comes. It
 * has a fixed size; when it is full it is forgotten and learned anew. */
#include "json.h"

#define EXPECT_EXTRA 24u
#define EXPECT_MAX 512u

static enum json_action action_of(const struct json_decoder *d, struct json_field *f)
{
    const struct type *t = f->type;
    f->min = INT32_MIN, f->max = INT32_MAX;
    switch (t->kind) {
    case TYPE_BOOLEAN:
        return ACT_BOOL;
    case TYPE_TINYINT:
        f->min = INT8_MIN, f->max = INT8_MAX;
        return ACT_I32;
    case TYPE_SMALLINT:
        f->min = INT16_MIN, f->max = INT16_MAX;
        return ACT_I32;
    case TYPE_INT:
    case TYPE_INTERVAL_MONTH:
        return ACT_I32;
    case TYPE_BIGINT:
    case TYPE_INTERVAL_DAY:
        return ACT_I64;
    case TYPE_DOUBLE:
        return ACT_F64;
    case TYPE_DECIMAL:
        f->max = f->phys == PHYS_I64 ? (int64_t)decimal_pow10(t->precision) - 1 : 0;
        return f->phys == PHYS_I64 ? ACT_DECIMAL : ACT_SLOW;
    case TYPE_CHAR:
    case TYPE_VARCHAR:
        return ACT_TEXT;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        f->per_ms = time_scale(t->precision) / 1000;
        return t->precision >= 3 && t->precision <= 6 && !d->settings.rules.iso ? ACT_TIMESTAMP : ACT_SLOW;
    case TYPE_ROW:
        return ACT_ROW;
    default:
        return ACT_SLOW;
    }
}

static struct json_node *node_new(struct json_decoder *d, const struct field *fields, uint32_t n,
                                  const struct need *needs, const struct json_field *parent, uint32_t depth,
                                  bool in_list);

static bool fill(struct json_decoder *d, struct json_field *f, uint32_t depth)
{
    struct arena *a = &d->arena;
    const struct type *t = f->type;
    f->phys = type_phys(t);
    f->action = f->needed ? action_of(d, f) : ACT_SKIP;
    if (!f->needed && f->node && !d->settings.fail_missing) /* learned as well: quicker than to parse it each time */
        f->action = ACT_ROW;
    f->shared = UINT32_MAX;
    if (t->kind != TYPE_ARRAY && t->kind != TYPE_MAP && t->kind != TYPE_MULTISET)
        return true;
    uint32_t n = t->kind == TYPE_MAP ? 2 : 1;
    f->inside = ARENA_ARRAY(a, struct json_field, n);
    if (!f->inside)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        struct json_field *e = &f->inside[i];
        e->type = t->kind == TYPE_MAP && i == 0 ? t->key : t->element;
        e->parent = f;
        e->needed = f->needed;
        e->in_list = true;
        e->index = i;
        if (e->type->kind == TYPE_ROW &&
            !(e->node = node_new(d, e->type->fields, e->type->n_fields, NULL, e, depth + 2, true)))
            return false;
        if (!fill(d, e, depth + 1))
            return false;
    }
    return true;
}

static uint32_t slot_of(const struct json_node *n, struct str key)
{
    return (uint32_t)hash_bytes(key.ptr, key.len) & n->slot_mask;
}

static bool index_names(struct json_decoder *d, struct json_node *n)
{
    uint32_t slots = 8;
    while (slots < n->n_fields * 2)
        slots *= 2;
    n->slots = ARENA_ARRAY(&d->arena, uint32_t, slots);
    n->slot_mask = slots - 1;
    if (!n->slots)
        return false;
    for (uint32_t i = 0; i < n->n_fields; i++) {
        uint32_t at = slot_of(n, n->fields[i].name);
        while (n->slots[at])
            at = (at + 1) & n->slot_mask;
        n->slots[at] = i + 1;
    }
    return true;
}

/* What follows from `expect`: which fields it lacks, and how far it must be followed. */
static void review(struct json_node *n)
{
    uint32_t last_needed = 0, needed = 0;
    memset(n->listed, 0, (n->n_fields / 64 + 1) * sizeof *n->listed);
    for (uint32_t i = 0; i < n->n_expect; i++) {
        const struct json_field *f = n->expect[i].field;
        if (!f)
            continue;
        if (f->needed && !json_bit(n->listed, f->index)) {
            last_needed = i + 1;
            needed++;
        }
        n->listed[f->index / 64] |= 1ull << f->index % 64;
    }
    n->n_absent = 0;
    for (uint32_t i = 0; i < n->n_fields; i++)
        if (!json_bit(n->listed, i))
            n->absent[n->n_absent++] = i;
    n->partial = n->early && needed == n->n_needed;
    n->stop = n->partial ? last_needed : n->n_expect;
}

static struct json_node *node_new(struct json_decoder *d, const struct field *fields, uint32_t n_fields,
                                  const struct need *needs, const struct json_field *parent, uint32_t depth,
                                  bool in_list)
{
    struct arena *a = &d->arena;
    struct json_node *n = ARENA_NEW(a, struct json_node);
    if (!n)
        return NULL;
    n->n_fields = n_fields;
    n->depth = depth;
    n->cap_expect = n_fields * 2 + EXPECT_EXTRA < EXPECT_MAX ? n_fields * 2 + EXPECT_EXTRA : EXPECT_MAX;
    n->fields = ARENA_ARRAY(a, struct json_field, n_fields + 1);
    n->expect = ARENA_ARRAY(a, struct json_expect, n->cap_expect);
    n->absent = ARENA_ARRAY(a, uint32_t, n_fields + 1);
    n->seen = ARENA_ARRAY(a, uint64_t, n_fields / 64 + 1);
    n->listed = ARENA_ARRAY(a, uint64_t, n_fields / 64 + 1);
    if (!n->fields || !n->expect || !n->absent || !n->seen || !n->listed)
        return NULL;
    for (uint32_t i = 0; i < n_fields; i++) {
        struct json_field *f = &n->fields[i];
        f->name = fields[i].name;
        f->type = fields[i].type;
        f->parent = parent;
        f->index = i;
        f->in_list = in_list;
        f->needed = !parent || parent->needed;
        f->needed = f->needed && (!needs || needs[i].used);
        n->n_needed += f->needed;
        const struct need *inner = needs && needs[i].used ? needs[i].fields : NULL;
        if (f->type->kind == TYPE_ROW &&
            !(f->node = node_new(d, f->type->fields, f->type->n_fields, inner, f, depth + 1, in_list)))
            return NULL;
        if (!fill(d, f, depth))
            return NULL;
    }
    if (!index_names(d, n))
        return NULL;
    n->early = !parent && d->settings.needed_only && !d->settings.fail_missing && n->n_needed > 0;
    review(n);
    return n;
}

enum status json_tree_new(struct json_decoder *d, const struct schema *s, const struct need *needs, struct error *err)
{
    d->root = node_new(d, s->fields, s->n_fields, needs, NULL, 1, false);
    return d->root ? ST_OK : format_memory(d->budget, err);
}

struct json_field *json_node_find(const struct json_node *n, struct str key, bool escaped)
{
    if (escaped) { /* rare: look at each name */
        for (uint32_t i = 0; i < n->n_fields; i++)
            if (json_key_equals(key, true, n->fields[i].name))
                return &n->fields[i];
        return NULL;
    }
    for (uint32_t at = slot_of(n, key); n->slots[at]; at = (at + 1) & n->slot_mask)
        if (str_eq(n->fields[n->slots[at] - 1].name, key))
            return &n->fields[n->slots[at] - 1];
    return NULL;
}

uint32_t json_node_learn(struct json_node *n, uint32_t at, struct str literal, struct json_field *f)
{
    if (literal.len > LITERAL_MAX || memchr(literal.ptr, '\n', literal.len))
        return UINT32_MAX;
    /* Keys that differ each time would fill any list: a full one is begun anew. */
    if (n->n_expect == n->cap_expect || at > n->n_expect) {
        n->n_expect = 0;
        at = 0;
    }
    memmove(&n->expect[at + 1], &n->expect[at], (n->n_expect - at) * sizeof *n->expect);
    n->n_expect++;
    struct json_expect *e = &n->expect[at];
    *e = (struct json_expect){ .len = (uint16_t)literal.len, .action = ACT_SKIP, .field = f };
    if (f)
        e->action = (uint16_t)f->action;
    memcpy(e->literal, literal.ptr, literal.len);
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t counts = literal.len > i * 16 ? (uint32_t)literal.len - i * 16 : 0;
        e->mask[i] = (uint16_t)(counts >= 16 ? 0xFFFF : (1u << counts) - 1);
    }
    review(n);
    return at;
}
