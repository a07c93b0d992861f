/* The 'fields.<name>.<what>' options of datagen, read against the table's columns.
 *
 * Columns are walked, not options: each field looks for what may be said about its type and marks what it
 * found. What is left unmarked names no field, or says something that its type does not have. */
#include <stdio.h>

#include "datagen.h"

#define DEFAULT_LENGTH 100u
#define DEFAULT_PARTS 3u
#define LENGTH_MAX (1u << 20)
#define PARTS_MAX 10000u

struct build {
    const struct table_desc *table;
    struct arena *arena;
    bool *used; /* one an option */
    uint64_t seed, n_seeds;
    struct error *err;
};

static enum status refuse(struct build *b, const struct option *o, const char *what)
{
    return error_at(b->err, ST_SEMANTIC, o->line, o->column, "table '%.*s': option '%.*s' %s, not '%.*s'",
                    STR_ARG(b->table->name), STR_ARG(o->name), what, STR_ARG(o->value));
}

static const struct option *look(struct build *b, struct str field, const char *what)
{
    char name[512];
    int n = snprintf(name, sizeof name, "fields.%.*s.%s", STR_ARG(field), what);
    if (n < 0 || (size_t)n >= sizeof name)
        return NULL;
    const struct options *all = &b->table->options;
    for (uint32_t i = 0; i < all->count; i++)
        if (str_eq(all->at[i].name, str_make(name, (size_t)n))) {
            b->used[i] = true;
            return &all->at[i];
        }
    return NULL;
}

static enum status read_real(struct build *b, struct str field, const char *what, double *ret)
{
    const struct option *o = look(b, field, what);
    if (o && (!str_to_f64(o->value, ret) || !(*ret >= -1.7976931348623157e308 && *ret <= 1.7976931348623157e308)))
        return refuse(b, o, "must be a number");
    return ST_OK;
}

/* A number at the type's scale, inside the type's range (which *ret holds when there is none). */
static enum status read_exact(struct build *b, const struct gen_field *f, const char *what, int128 least, int128 most,
                              int128 *ret)
{
    const struct option *o = look(b, f->name, what);
    int128 v;
    int32_t scale = f->type->kind == TYPE_DECIMAL ? f->type->scale : 0;
    if (!o)
        return ST_OK;
    if (!decimal_parse(o->value, 38, scale, &v) || v < least || v > most)
        return refuse(b, o, "must be a number that the column's type holds");
    *ret = v;
    return ST_OK;
}

static enum status read_length(struct build *b, struct gen_field *f, uint32_t fallback, uint32_t most)
{
    const struct option *o = look(b, f->name, "length");
    int64_t v;
    f->length = fallback;
    if (!o)
        return ST_OK;
    if (!str_to_i64(o->value, &v) || v < 0 || v > most)
        return refuse(b, o, "must be a length that the column's type holds (at most 1048576 bytes, 10000 elements)");
    f->length = (uint32_t)v;
    return ST_OK;
}

static enum status read_nulls(struct build *b, struct gen_field *f)
{
    double rate = 0;
    const struct option *o = look(b, f->name, "null-rate");
    if (!o)
        return ST_OK;
    if (!str_to_f64(o->value, &rate) || !(rate >= 0 && rate <= 1))
        return refuse(b, o, "must lie between 0 and 1");
    if (rate > 0 && !f->type->nullable)
        return refuse(b, o, "must be 0 where the column is NOT NULL");
    f->null_below = rate >= 1 ? UINT64_MAX : (uint64_t)(rate * 0x1p64);
    return ST_OK;
}

static enum status read_kind(struct build *b, struct gen_field *f, bool can_count)
{
    const struct option *o = look(b, f->name, "kind");
    if (!o || str_eq(o->value, STR("random")))
        return ST_OK;
    if (!str_eq(o->value, STR("sequence")))
        return refuse(b, o, "must be random or sequence");
    if (!can_count)
        return refuse(b, o, "must be random for this type");
    f->sequence = true;
    return ST_OK;
}

static bool exact_range(const struct type *t, int128 *ret_min, int128 *ret_max)
{
    static const struct {
        enum type_kind kind;
        int64_t min, max;
    } ranges[] = {
        { TYPE_TINYINT, INT8_MIN, INT8_MAX },    { TYPE_SMALLINT, INT16_MIN, INT16_MAX },
        { TYPE_INT, INT32_MIN, INT32_MAX },      { TYPE_BIGINT, INT64_MIN, INT64_MAX },
        { TYPE_INTERVAL_MONTH, 0, 120000 },      { TYPE_INTERVAL_DAY, 0, 8640000000000 },
    };
    if (t->kind == TYPE_DECIMAL) {
        *ret_max = decimal_pow10(t->precision) - 1;
        *ret_min = -*ret_max;
        return true;
    }
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (ranges[i].kind == t->kind) {
            *ret_min = ranges[i].min;
            *ret_max = ranges[i].max;
            return true;
        }
    return false;
}

static enum status read_sequence(struct build *b, struct gen_field *f, int128 least, int128 most)
{
    const char *missing = !look(b, f->name, "start") ? "start" : !look(b, f->name, "end") ? "end" : NULL;
    if (missing)
        return error_set(b->err, ST_SEMANTIC, "table '%.*s': a sequence needs option 'fields.%.*s.%s'",
                         STR_ARG(b->table->name), STR_ARG(f->name), missing);
    TRY(read_exact(b, f, "start", least, most, &f->min));
    TRY(read_exact(b, f, "end", least, most, &f->max));
    if (f->min > f->max)
        return refuse(b, look(b, f->name, "end"), "must not be below 'start'");
    return ST_OK;
}

static enum status read_number(struct build *b, struct gen_field *f)
{
    int128 least, most;
    CHECK(exact_range(f->type, &least, &most));
    TRY(read_kind(b, f, true));
    if (f->sequence)
        return read_sequence(b, f, least, most);
    f->min = least;
    f->max = most;
    TRY(read_exact(b, f, "min", least, most, &f->min));
    TRY(read_exact(b, f, "max", least, most, &f->max));
    if (f->min > f->max)
        return refuse(b, look(b, f->name, look(b, f->name, "max") ? "max" : "min"), "must leave 'min' below 'max'");
    return ST_OK;
}

static enum status read_floating(struct build *b, struct gen_field *f)
{
    TRY(read_kind(b, f, true));
    if (f->sequence)
        return read_sequence(b, f, -((int128)1 << 53), (int128)1 << 53);
    f->real_max = f->type->kind == TYPE_FLOAT ? 3.4028234663852886e38 : 1.7976931348623157e308;
    f->real_min = -f->real_max;
    TRY(read_real(b, f->name, "min", &f->real_min));
    TRY(read_real(b, f->name, "max", &f->real_max));
    if (f->real_min > f->real_max)
        return refuse(b, look(b, f->name, look(b, f->name, "max") ? "max" : "min"), "must leave 'min' below 'max'");
    return ST_OK;
}

static enum status read_text(struct build *b, struct gen_field *f)
{
    uint32_t most = f->type->precision < (int32_t)LENGTH_MAX ? (uint32_t)f->type->precision : LENGTH_MAX;
    bool fixed = f->type->kind == TYPE_CHAR || f->type->kind == TYPE_BINARY;
    TRY(read_kind(b, f, type_is_text(f->type) && !fixed));
    if (f->sequence)
        return read_sequence(b, f, INT64_MIN, INT64_MAX);
    if (fixed) {
        f->length = most;
        return ST_OK;
    }
    const struct option *o = look(b, f->name, "var-len");
    f->var_len = o && str_eq_nocase(o->value, STR("true"));
    if (o && !f->var_len && !str_eq_nocase(o->value, STR("false")))
        return refuse(b, o, "must be true or false");
    return read_length(b, f, most < DEFAULT_LENGTH ? most : DEFAULT_LENGTH, most);
}

static enum status read_past(struct build *b, struct gen_field *f)
{
    const struct option *o = look(b, f->name, "max-past");
    TRY(read_kind(b, f, false));
    if (o && (!str_to_duration_ms(o->value, &f->max_past_ms) || f->max_past_ms < 0))
        return refuse(b, o, "must be a duration such as '10s' or '5 min'");
    return ST_OK;
}

static enum status read_field(struct build *b, struct gen_field *f, struct str name, const struct type *t,
                              bool nested);

static enum status read_part(struct build *b, struct gen_field *f, uint32_t i, struct str name, const struct type *t)
{
    struct str full = arena_printf(b->arena, "%.*s.%.*s", STR_ARG(f->name), STR_ARG(name));
    return full.ptr ? read_field(b, &f->parts[i], full, t, true) : connect_memory(b->arena->budget, b->err);
}

static enum status read_parts(struct build *b, struct gen_field *f)
{
    const struct type *t = f->type;
    f->n_parts = t->kind == TYPE_ROW ? t->n_fields : t->kind == TYPE_MAP ? 2 : 1;
    f->parts = ARENA_ARRAY(b->arena, struct gen_field, f->n_parts ? f->n_parts : 1);
    if (!f->parts)
        return connect_memory(b->arena->budget, b->err);
    if (t->kind != TYPE_ROW)
        TRY(read_length(b, f, DEFAULT_PARTS, PARTS_MAX));
    for (uint32_t i = 0; t->kind == TYPE_ROW && i < t->n_fields; i++)
        TRY(read_part(b, f, i, t->fields[i].name, t->fields[i].type));
    if (t->kind == TYPE_ARRAY || t->kind == TYPE_MULTISET)
        return read_part(b, f, 0, STR("element"), t->element);
    if (t->kind != TYPE_MAP)
        return ST_OK;
    TRY(read_part(b, f, 0, STR("key"), t->key));
    return read_part(b, f, 1, STR("value"), t->element);
}

static enum status read_field(struct build *b, struct gen_field *f, struct str name, const struct type *t,
                              bool nested)
{
    *f = (struct gen_field){ .type = t, .name = name, .seed = random_at(b->seed, b->n_seeds++) };
    TRY(read_nulls(b, f));
    switch (type_phys(t)) {
    case PHYS_ROW:
    case PHYS_LIST:
    case PHYS_MAP:
        return read_parts(b, f);
    case PHYS_STRING:
        if (t->kind == TYPE_VARIANT)
            return error_set(b->err, ST_UNSUPPORTED, "datagen cannot make a VARIANT (column '%.*s')", STR_ARG(name));
        TRY(read_text(b, f));
        break;
    case PHYS_F32:
    case PHYS_F64:
        TRY(read_floating(b, f));
        break;
    case PHYS_BOOL:
        TRY(read_kind(b, f, false));
        break;
    default:
        if (type_is_timestamp(t) || t->kind == TYPE_DATE || t->kind == TYPE_TIME)
            TRY(read_past(b, f));
        else
            TRY(read_number(b, f));
        break;
    }
    if (f->sequence && nested)
        return refuse(b, look(b, name, "kind"), "must be random inside another type");
    return ST_OK;
}

/* The rows that a sequence has. */
static int64_t sequence_rows(const struct gen_field *f)
{
    int128 unit = f->type->kind == TYPE_DECIMAL ? decimal_pow10(f->type->scale) : 1;
    int128 rows = (f->max - f->min) / unit + 1;
    return rows > INT64_MAX ? INT64_MAX : (int64_t)rows;
}

static enum status check_used(struct build *b)
{
    const struct options *all = &b->table->options;
    for (uint32_t i = 0; i < all->count; i++) {
        if (b->used[i] || !str_starts(all->at[i].name, STR("fields.")))
            continue;
        error_at(b->err, ST_SEMANTIC, all->at[i].line, all->at[i].column,
                 "table '%.*s': option '%.*s' names no field, or says what its type does not have",
                 STR_ARG(b->table->name), STR_ARG(all->at[i].name));
        error_hint(b->err, "fields.<column>.kind, .min, .max, .length, .var-len, .start, .end, .max-past, .null-rate; "
                           "inside types .element, .key, .value, .<field>");
        return ST_SEMANTIC;
    }
    return ST_OK;
}

enum status gen_plan_read(const struct table_desc *t, struct arena *a, struct gen_plan *ret, struct error *err)
{
    uint32_t n = t->physical.n_fields;
    struct build b = { .table = t, .arena = a, .err = err };
    b.seed = (uint64_t)option_int(&t->options, gen_options, gen_option_count, "seed");
    b.used = ARENA_ARRAY(a, bool, t->options.count + 1);
    struct gen_plan plan = { ARENA_ARRAY(a, struct gen_field, n ? n : 1), n, -1 };
    if (!b.used || !plan.fields)
        return connect_memory(a->budget, err);
    if (options_has(&t->options, "number-of-rows"))
        plan.rows = option_int(&t->options, gen_options, gen_option_count, "number-of-rows");
    for (uint32_t i = 0; i < n; i++) {
        struct gen_field *f = &plan.fields[i];
        TRY(read_field(&b, f, t->physical.fields[i].name, t->physical.fields[i].type, false));
        int64_t rows = f->sequence ? sequence_rows(f) : -1;
        if (rows >= 0 && (plan.rows < 0 || rows < plan.rows))
            plan.rows = rows;
    }
    TRY(check_used(&b));
    *ret = plan;
    return ST_OK;
}
