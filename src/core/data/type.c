/* Types: one table line a kind (name, physical form, parameters, defaults), constructors, comparison, printing.
 *
 * A type is a small immutable tree. Its depth is what the SQL parser or a catalog file allowed, so the functions
 * here recurse over it without a counter of their own. Basic types are static; all others lie in the caller's
 * arena. A constructor gives NULL when the arena's budget refuses. */
#include "data/type.h"

#include "data/time.h"

enum params { NO_PARAMS, LENGTH, PRECISION, PRECISION_SCALE };

struct kind_info {
    const char *name;
    enum phys phys;
    enum params params;
};

static const struct kind_info kinds[TYPE_KINDS] = {
    [TYPE_NULL] = { "NULL", PHYS_BOOL, NO_PARAMS },
    [TYPE_BOOLEAN] = { "BOOLEAN", PHYS_BOOL, NO_PARAMS },
    [TYPE_TINYINT] = { "TINYINT", PHYS_I32, NO_PARAMS },
    [TYPE_SMALLINT] = { "SMALLINT", PHYS_I32, NO_PARAMS },
    [TYPE_INT] = { "INT", PHYS_I32, NO_PARAMS },
    [TYPE_BIGINT] = { "BIGINT", PHYS_I64, NO_PARAMS },
    [TYPE_FLOAT] = { "FLOAT", PHYS_F32, NO_PARAMS },
    [TYPE_DOUBLE] = { "DOUBLE", PHYS_F64, NO_PARAMS },
    [TYPE_DECIMAL] = { "DECIMAL", PHYS_I64, PRECISION_SCALE },
    [TYPE_CHAR] = { "CHAR", PHYS_STRING, LENGTH },
    [TYPE_VARCHAR] = { "VARCHAR", PHYS_STRING, LENGTH },
    [TYPE_BINARY] = { "BINARY", PHYS_STRING, LENGTH },
    [TYPE_VARBINARY] = { "VARBINARY", PHYS_STRING, LENGTH },
    [TYPE_DATE] = { "DATE", PHYS_I32, NO_PARAMS },
    [TYPE_TIME] = { "TIME", PHYS_I32, PRECISION },
    [TYPE_TIMESTAMP] = { "TIMESTAMP", PHYS_I64, PRECISION },
    [TYPE_TIMESTAMP_LTZ] = { "TIMESTAMP_LTZ", PHYS_I64, PRECISION },
    [TYPE_INTERVAL_MONTH] = { "INTERVAL", PHYS_I32, NO_PARAMS },
    [TYPE_INTERVAL_DAY] = { "INTERVAL", PHYS_I64, NO_PARAMS },
    [TYPE_ROW] = { "ROW", PHYS_ROW, NO_PARAMS },
    [TYPE_ARRAY] = { "ARRAY", PHYS_LIST, NO_PARAMS },
    [TYPE_MAP] = { "MAP", PHYS_MAP, NO_PARAMS },
    [TYPE_MULTISET] = { "MULTISET", PHYS_MAP, NO_PARAMS },
    [TYPE_VARIANT] = { "VARIANT", PHYS_STRING, NO_PARAMS },
};

/* Sizes match the members of `struct column`'s union. */
static const uint8_t phys_sizes[PHYS_COUNT] = {
    [PHYS_BOOL] = 1, [PHYS_I32] = 4, [PHYS_I64] = 8,     [PHYS_I128] = 16, [PHYS_F32] = 4,
    [PHYS_F64] = 8,  [PHYS_STRING] = 16, [PHYS_LIST] = 8, [PHYS_MAP] = 8,   [PHYS_ROW] = 0,
};

#define BASIC(k, p)                                                 \
    [k] = { .kind = k, .nullable = true, .precision = p }
static const struct type basics[TYPE_KINDS] = {
    BASIC(TYPE_NULL, 0),
    BASIC(TYPE_BOOLEAN, 0),
    BASIC(TYPE_TINYINT, 0),
    BASIC(TYPE_SMALLINT, 0),
    BASIC(TYPE_INT, 0),
    BASIC(TYPE_BIGINT, 0),
    BASIC(TYPE_FLOAT, 0),
    BASIC(TYPE_DOUBLE, 0),
    BASIC(TYPE_DECIMAL, 10),
    BASIC(TYPE_CHAR, 1),
    BASIC(TYPE_VARCHAR, TYPE_UNBOUNDED),
    BASIC(TYPE_BINARY, 1),
    BASIC(TYPE_VARBINARY, TYPE_UNBOUNDED),
    BASIC(TYPE_DATE, 0),
    BASIC(TYPE_TIME, 0),
    BASIC(TYPE_TIMESTAMP, 6),
    BASIC(TYPE_TIMESTAMP_LTZ, 6),
    [TYPE_INTERVAL_MONTH] = { .kind = TYPE_INTERVAL_MONTH, .nullable = true, .interval_from = UNIT_MONTH,
                              .interval_to = UNIT_MONTH },
    [TYPE_INTERVAL_DAY] = { .kind = TYPE_INTERVAL_DAY, .nullable = true, .interval_from = UNIT_SECOND,
                            .interval_to = UNIT_SECOND },
    BASIC(TYPE_VARIANT, 0),
};

enum phys type_phys(const struct type *t)
{
    if (t->kind == TYPE_DECIMAL && t->precision > 18)
        return PHYS_I128;
    return kinds[t->kind].phys;
}

size_t phys_size(enum phys p)
{
    return phys_sizes[p];
}

const struct type *type_basic(enum type_kind kind)
{
    if (kind >= TYPE_ROW && kind <= TYPE_MULTISET)
        return NULL;
    return &basics[kind];
}

const struct type *type_string(void)
{
    return &basics[TYPE_VARCHAR];
}

const struct type *type_bytes(void)
{
    return &basics[TYPE_VARBINARY];
}

static const struct type *type_new(struct arena *a, struct type value)
{
    struct type *t = ARENA_NEW(a, struct type);
    if (t)
        *t = value;
    return t;
}

const struct type *type_decimal(struct arena *a, int32_t precision, int32_t scale)
{
    return type_new(a, (struct type){ .kind = TYPE_DECIMAL, .nullable = true, .precision = precision, .scale = scale });
}

const struct type *type_with_length(struct arena *a, enum type_kind kind, int32_t length)
{
    return type_new(a, (struct type){ .kind = kind, .nullable = true, .precision = length });
}

const struct type *type_timestamp(struct arena *a, enum type_kind kind, int32_t precision)
{
    return type_new(a, (struct type){ .kind = kind, .nullable = true, .precision = precision });
}

/* The constructors of nested types take NULL children as "memory was refused before" and pass it on. */
const struct type *type_array(struct arena *a, const struct type *element)
{
    return element ? type_new(a, (struct type){ .kind = TYPE_ARRAY, .nullable = true, .element = element }) : NULL;
}

const struct type *type_map(struct arena *a, const struct type *key, const struct type *value)
{
    if (!key || !value)
        return NULL;
    return type_new(a, (struct type){ .kind = TYPE_MAP, .nullable = true, .key = key, .element = value });
}

const struct type *type_multiset(struct arena *a, const struct type *element)
{
    return element ? type_new(a, (struct type){ .kind = TYPE_MULTISET, .nullable = true, .element = element }) : NULL;
}

const struct type *type_row(struct arena *a, const struct field *fields, uint32_t n)
{
    return type_new(a, (struct type){ .kind = TYPE_ROW, .nullable = true, .fields = fields, .n_fields = n });
}

const struct type *type_nullable(struct arena *a, const struct type *t, bool nullable)
{
    if (!t || t->nullable == nullable)
        return t;
    struct type copy = *t;
    copy.nullable = nullable;
    return type_new(a, copy);
}

const struct type *type_with_time(struct arena *a, const struct type *t, enum time_attribute time)
{
    if (!t || t->time == time)
        return t;
    struct type copy = *t;
    copy.time = time;
    return type_new(a, copy);
}

static bool fields_copy(struct arena *a, const struct field *fields, uint32_t n, const struct field **ret)
{
    struct field *copies = ARENA_ARRAY(a, struct field, n ? n : 1);
    if (!copies)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        copies[i].name = arena_str(a, fields[i].name);
        copies[i].type = type_copy(a, fields[i].type);
        if (!copies[i].name.ptr || !copies[i].type)
            return false;
    }
    *ret = copies;
    return true;
}

const struct type *type_copy(struct arena *a, const struct type *t)
{
    struct type copy = *t;
    if (t->element && !(copy.element = type_copy(a, t->element)))
        return NULL;
    if (t->key && !(copy.key = type_copy(a, t->key)))
        return NULL;
    if (t->kind == TYPE_ROW && !fields_copy(a, t->fields, t->n_fields, &copy.fields))
        return NULL;
    return type_new(a, copy);
}

static bool fields_equal(const struct field *a, const struct field *b, uint32_t n, bool nulls)
{
    for (uint32_t i = 0; i < n; i++)
        if (!str_eq(a[i].name, b[i].name) || !type_equal(a[i].type, b[i].type, nulls))
            return false;
    return true;
}

bool type_equal(const struct type *a, const struct type *b, bool nulls)
{
    if (a == b)
        return true;
    if (a->kind != b->kind || (nulls && a->nullable != b->nullable))
        return false;
    enum params params = kinds[a->kind].params;
    if (params != NO_PARAMS && a->precision != b->precision)
        return false;
    if (params == PRECISION_SCALE && a->scale != b->scale)
        return false;
    switch (a->kind) {
    case TYPE_ARRAY:
    case TYPE_MULTISET:
        return type_equal(a->element, b->element, nulls);
    case TYPE_MAP:
        return type_equal(a->key, b->key, nulls) && type_equal(a->element, b->element, nulls);
    case TYPE_ROW:
        return a->n_fields == b->n_fields && fields_equal(a->fields, b->fields, a->n_fields, nulls);
    default:
        return true;
    }
}

static bool put_cstr(struct buf *out, const char *s)
{
    return buf_put(out, s, strlen(s));
}

/* `name` in back quotes, those inside doubled. */
static bool put_quoted(struct buf *out, struct str name)
{
    if (!buf_put_u8(out, '`'))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if ((name.ptr[i] == '`' && !buf_put_u8(out, '`')) || !buf_put_u8(out, (uint8_t)name.ptr[i]))
            return false;
    return buf_put_u8(out, '`');
}

static bool print_row(struct buf *out, const struct type *t)
{
    if (!put_cstr(out, "ROW<"))
        return false;
    for (uint32_t i = 0; i < t->n_fields; i++) {
        if (i && !put_cstr(out, ", "))
            return false;
        if (!put_quoted(out, t->fields[i].name) || !buf_put_u8(out, ' ') || !type_print(out, t->fields[i].type))
            return false;
    }
    return buf_put_u8(out, '>');
}

static bool print_bare(struct buf *out, const struct type *t)
{
    const struct kind_info *info = &kinds[t->kind];
    switch (t->kind) {
    case TYPE_INTERVAL_MONTH: /* whatever its units, as Flink has it */
        return put_cstr(out, "INTERVAL MONTH");
    case TYPE_INTERVAL_DAY:
        return put_cstr(out, "INTERVAL SECOND(3)");
    case TYPE_ROW:
        return print_row(out, t);
    case TYPE_MAP:
        return put_cstr(out, "MAP<") && type_print(out, t->key) && put_cstr(out, ", ") &&
               type_print(out, t->element) && buf_put_u8(out, '>');
    case TYPE_ARRAY:
    case TYPE_MULTISET:
        return put_cstr(out, info->name) && buf_put_u8(out, '<') && type_print(out, t->element) &&
               buf_put_u8(out, '>');
    default:
        break;
    }
    if (info->params == PRECISION_SCALE)
        return buf_printf(out, "%s(%d, %d)", info->name, t->precision, t->scale);
    if (t->kind == TYPE_VARCHAR && t->precision == TYPE_UNBOUNDED)
        return put_cstr(out, "STRING");
    if (t->kind == TYPE_VARBINARY && t->precision == TYPE_UNBOUNDED)
        return put_cstr(out, "BYTES");
    if (info->params != NO_PARAMS)
        return buf_printf(out, "%s(%d)", info->name, t->precision);
    return put_cstr(out, info->name);
}

bool type_print(struct buf *out, const struct type *t)
{
    return print_bare(out, t) && (t->nullable || t->kind == TYPE_NULL || put_cstr(out, " NOT NULL"));
}

#define TYPE_NAME_MAX_BYTES (1u << 20)

struct str type_name(struct arena *a, const struct type *t)
{
    struct buf text;
    struct str name = { NULL, 0 };
    buf_init(&text, a->budget, TYPE_NAME_MAX_BYTES);
    if (type_print(&text, t))
        name = arena_str(a, buf_str(&text));
    buf_release(&text);
    return name;
}

int32_t schema_find(const struct schema *s, struct str name)
{
    for (uint32_t i = 0; i < s->n_fields; i++)
        if (str_eq(s->fields[i].name, name))
            return (int32_t)i;
    return -1;
}

/* On refusal `fields` is NULL (a schema without columns has a pointer all the same). */
struct schema schema_copy(struct arena *a, const struct schema *s)
{
    struct schema copy = { NULL, 0 };
    if (fields_copy(a, s->fields, s->n_fields, &copy.fields))
        copy.n_fields = s->n_fields;
    return copy;
}

bool schema_equal(const struct schema *a, const struct schema *b)
{
    return a->n_fields == b->n_fields && fields_equal(a->fields, b->fields, a->n_fields, true);
}
