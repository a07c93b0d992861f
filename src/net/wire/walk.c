/* Tables: shapes of the types, defaults, and the text of where something went wrong.
 *
 * A path is only written when there is an error: on the way down each array and struct leaves a spot on its stack
 * frame, linked to the one around it. */
#include "wire/walk.h"

#include <stdio.h>

#define SHAPE(type, bytes) { sizeof(WIRE_C_##type), _Alignof(WIRE_C_##type), bytes }
const struct wire_shape wire_shapes[WIRE_TYPES] = {
    [WIRE_BOOL] = SHAPE(BOOL, 1),
    [WIRE_I8] = SHAPE(I8, 1),
    [WIRE_I16] = SHAPE(I16, 2),
    [WIRE_U16] = SHAPE(U16, 2),
    [WIRE_I32] = SHAPE(I32, 4),
    [WIRE_I64] = SHAPE(I64, 8),
    [WIRE_F64] = SHAPE(F64, 8),
    [WIRE_UUID] = SHAPE(UUID, 16),
    [WIRE_STRING] = SHAPE(STRING, 1),
    [WIRE_BYTES] = SHAPE(BYTES, 1),
    [WIRE_RECORDS] = SHAPE(RECORDS, 1),
    [WIRE_STRUCT] = { sizeof(void *), _Alignof(void *), 1 },
};

void *wire_nothing(void)
{
    static const uint64_t nothing = 0;
    return (void *)(uintptr_t)&nothing; /* an array of no elements: nobody writes there */
}

bool wire_uuid_is_zero(const struct wire_uuid *u)
{
    static const struct wire_uuid zero;
    return memcmp(u, &zero, sizeof zero) == 0;
}

static bool default_is_null(const struct wire_field *f)
{
    return f->nullable && !f->def;
}

void wire_set_default(const struct wire_field *f, void *p)
{
    static const struct wire_uuid zero;
    struct str text = default_is_null(f) ? (struct str){ NULL, 0 } : STR("");
    if (f->array) {
        struct wire_array *array = p;
        array->at = default_is_null(f) ? NULL : wire_nothing();
        array->n = 0;
        return;
    }
    switch ((enum wire_type)f->type) {
    case WIRE_BOOL: *(bool *)p = f->def != 0; break;
    case WIRE_I8: *(int8_t *)p = (int8_t)f->def; break;
    case WIRE_I16: *(int16_t *)p = (int16_t)f->def; break;
    case WIRE_U16: *(uint16_t *)p = (uint16_t)f->def; break;
    case WIRE_I32: *(int32_t *)p = (int32_t)f->def; break;
    case WIRE_I64: *(int64_t *)p = f->def; break;
    case WIRE_F64: *(double *)p = (double)f->def; break;
    case WIRE_UUID: *(struct wire_uuid *)p = zero; break;
    case WIRE_STRING:
    case WIRE_BYTES: *(struct str *)p = text; break;
    case WIRE_RECORDS: *(struct wire_records *)p = (struct wire_records){ .bytes = text }; break;
    case WIRE_STRUCT: *(void **)p = NULL; break;
    case WIRE_END:
    case WIRE_TYPES: break;
    }
}

bool wire_is_default(const struct wire_field *f, const void *p)
{
    if (f->array)
        return ((const struct wire_array *)p)->n == 0;
    switch ((enum wire_type)f->type) {
    case WIRE_BOOL: return *(const bool *)p == (f->def != 0);
    case WIRE_I8: return *(const int8_t *)p == f->def;
    case WIRE_I16: return *(const int16_t *)p == f->def;
    case WIRE_U16: return *(const uint16_t *)p == f->def;
    case WIRE_I32: return *(const int32_t *)p == f->def;
    case WIRE_I64: return *(const int64_t *)p == f->def;
    case WIRE_F64: return *(const double *)p == (double)f->def;
    case WIRE_UUID: return wire_uuid_is_zero(p);
    case WIRE_STRING:
    case WIRE_BYTES: {
        const struct str *s = p;
        return default_is_null(f) ? s->ptr == NULL : s->len == 0;
    }
    case WIRE_RECORDS: {
        const struct wire_records *r = p;
        return r->gap_len == 0 && (default_is_null(f) ? r->bytes.ptr == NULL : r->bytes.len == 0);
    }
    case WIRE_STRUCT: return *(void *const *)p == NULL;
    case WIRE_END:
    case WIRE_TYPES: break;
    }
    return true;
}

void wire_init(const struct wire_struct *table, void *ret)
{
    uint8_t *next = memset(ret, 0, table->size);
    for (const struct wire_field *f = table->fields; f->type; f++)
        wire_set_default(f, wire_place(&next, f));
}

void *wire_new(const struct wire_struct *table, size_t n, struct arena *a)
{
    if (n == 0)
        return wire_nothing();
    uint8_t *made = arena_calloc_array(a, table->size, n);
    for (size_t i = 0; made && i < n; i++)
        wire_init(table, made + i * table->size);
    return made;
}

/* ---- errors ---- */

struct text {
    char bytes[256];
    size_t len; /* what it would be, were there room */
};

static void text_add(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void text_add(struct text *t, const char *fmt, ...)
{
    if (t->len >= sizeof t->bytes)
        return;
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(t->bytes + t->len, sizeof t->bytes - t->len, fmt, args);
    va_end(args);
    t->len += len > 0 ? (size_t)len : 0;
}

/* Outermost first; the depth is the tables'. */
static void path(struct text *t, const struct wire_spot *s)
{
    if (!s)
        return;
    path(t, s->up);
    text_add(t, "%s%s", t->len ? "." : "", s->field->name);
    if (s->field->array)
        text_add(t, "[%u]", s->index);
}

enum status wire_fail(const struct wire_at *at, const struct wire_field *leaf, int64_t byte, enum status st,
                      const char *fmt, ...)
{
    if (!at->err)
        return st;
    struct text where = { .len = 0 }, what = { .len = 0 };
    path(&where, at->where);
    if (leaf)
        text_add(&where, "%s%s", where.len ? "." : "", leaf->name);
    va_list args;
    va_start(args, fmt);
    vsnprintf(what.bytes, sizeof what.bytes, fmt, args);
    va_end(args);
    const char *colon = where.len ? ": " : "";
    if (byte < 0)
        error_set(at->err, st, "%s v%d: %s%s%s", at->m->body->name, at->version, where.bytes, colon, what.bytes);
    else
        error_set(at->err, st, "%s v%d, byte %lld: %s%s%s", at->m->body->name, at->version, (long long)byte,
                  where.bytes, colon, what.bytes);
    at->err->offset = byte;
    return st;
}

enum status wire_check_version(const struct wire_message *m, int16_t version, struct error *err)
{
    if (version >= m->from && version <= m->to)
        return ST_OK;
    return error_set(err, ST_UNSUPPORTED, "%s v%d: only versions %d to %d are known", m->body->name, version, m->from,
                     m->to);
}
