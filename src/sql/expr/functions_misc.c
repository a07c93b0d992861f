/* What fits nowhere else: TYPEOF, random numbers and UUIDs, character sets, text to map.
 *
 * Random numbers are java.util.Random's, so that a seed gives the numbers that it gives in Flink. Without a seed, and
 * for UUIDs, a generator is seeded from the entropy that the evaluation brings. */
#include "expr/expr_private.h"

static enum status string_instead(struct call *c, struct str text)
{
    TRY(expr_string(c->env, text, &c->instead, c->err));
    const struct type *t = type_nullable(c->env->arena, type_string(), false);
    return t ? expr_convert(c->env, c->instead, t, false, &c->instead, c->err) : expr_no_memory(c->env, c->err);
}

/* ---- TYPEOF(value [, long form]): the long form differs for structured types only, which there are none of ---- */

static enum status resolve_typeof(struct call *c)
{
    if (c->n_args < 1 || c->n_args > 2 || (c->n_args == 2 && c->args[1]->kind != EXPR_LITERAL))
        return call_invalid(c);
    if (c->n_args == 2 && c->args[1]->type->kind != TYPE_BOOLEAN)
        return call_invalid(c);
    if (c->args[0]->type->kind == TYPE_NULL)
        return string_instead(c, STR("NULL"));
    struct str name = type_name(c->env->arena, c->args[0]->type);
    if (!name.ptr)
        return expr_no_memory(c->env, c->err);
    return string_instead(c, name);
}

static enum status resolve_database(struct call *c)
{
    if (c->n_args)
        return call_invalid(c);
    return string_instead(c, c->env->database.len ? c->env->database : STR("default_database"));
}

/* ---- random ---- */

struct random {
    uint64_t state;
};

static void random_seed(struct random *x,
    int64_t seed) { x->state = ((uint64_t)seed ^ 0x5DEECE66D) & ((UINT64_C(1) << 48) - 1); }
static uint32_t random_bits(struct random *x, uint32_t bits)
{
    x->state = (x->state * 0x5DEECE66D + 0xB) & ((UINT64_C(1) << 48) - 1);
    return (uint32_t)(x->state >> (48 - bits));
}
static double random_double(struct random *x)
{
    uint64_t high = random_bits(x, 26);
    return (double)((high << 27) + random_bits(x, 27)) * 0x1.0p-53;
}
static int32_t random_below(struct random *x, int32_t bound)
{
    if ((bound & -bound) == bound)
        return (int32_t)((uint64_t)bound * random_bits(x, 31) >> 31);
    for (;;) {
        int32_t bits = (int32_t)random_bits(x, 31), v = bits % bound;
        if ((int64_t)bits - v + (bound - 1) <= INT32_MAX)
            return v;
    }
}
static void random_free(void *state, struct budget *b) { mem_free(b, state, sizeof(struct random)); }

/* The step's generator; a constant seed counts once. */
static enum status random_of(struct kernel *k, bool seeded, struct random **ret)
{
    if (!*k->state) {
        struct random *x = mem_alloc(k->budget, sizeof *x);
        if (!x)
            return kernel_memory(k);
        uint64_t seed = k->eval->entropy ^ hash_u64((uint64_t)k->eval->now_ms) ^ hash_u64((uint64_t)(uintptr_t)x);
        random_seed(x, seeded ? arg_i32(k, 0, 0) : (int64_t)hash_u64(seed));
        *k->state = x;
    }
    *ret = *k->state;
    return ST_OK;
}

static enum status rand_double(struct kernel *k)
{
    struct random *x, own;
    bool seeded = k->n_args > 0, constant = !seeded || arg_is_constant(k, 0);
    if (seeded && k->args[0].col->nulls && constant) {
        EACH_ROW(k, r)
        column_set_null(k->out, r);
        return ST_OK;
    }
    TRY(random_of(k, seeded && constant, &x));
    EACH_ROW(k, r)
    {
        if (!constant) {
            x = &own;
            random_seed(x, arg_null(k, 0, r) ? 0 : arg_i32(k, 0, r));
        }
        k->out->f64[r] = random_double(x);
        if (seeded && arg_null(k, 0, r))
            column_set_null(k->out, r);
    }
    return ST_OK;
}

static enum status rand_integer(struct kernel *k)
{
    struct random *x, own;
    bool seeded = k->n_args == 2, constant = !seeded || arg_is_constant(k, 0);
    uint32_t bound_arg = seeded ? 1 : 0;
    TRY(random_of(k, seeded && constant, &x));
    EACH_ROW(k, r)
    {
        if (arg_null(k, bound_arg, r) || (seeded && arg_null(k, 0, r))) {
            column_set_null(k->out, r);
            continue;
        }
        int32_t bound = arg_i32(k, bound_arg, r);
        if (bound <= 0)
            return kernel_fail(k, "RAND_INTEGER wants a positive bound, not %d", bound);
        if (!constant) {
            x = &own;
            random_seed(x, arg_i32(k, 0, r));
        }
        k->out->i32[r] = random_below(x, bound);
    }
    return ST_OK;
}

/* A random UUID (version 4). */
static enum status uuid(struct kernel *k)
{
    static const char digits[] = "0123456789abcdef";
    struct random *x;
    TRY(random_of(k, false, &x));
    EACH_ROW(k, r)
    {
        uint64_t half[2];
        for (int i = 0; i < 2; i++) {
            half[i] = (uint64_t)random_bits(x, 32) << 32;
            half[i] |= random_bits(x, 32);
            half[i] ^= hash_u64(k->eval->entropy + half[i]);
        }
        half[0] = (half[0] & ~UINT64_C(0xF000)) | 0x4000;
        half[1] = (half[1] & (UINT64_MAX >> 2)) | UINT64_C(1) << 63;
        char out[36];
        for (uint32_t i = 0, at = 0; i < 32; i++) {
            if (i == 8 || i == 12 || i == 16 || i == 20)
                out[at++] = '-';
            out[at++] = digits[half[i / 16] >> (60 - 4 * (i % 16)) & 15];
        }
        TRY(kernel_put_str(k, r, out, sizeof out));
    }
    return ST_OK;
}

/* ---- character sets ---- */

struct charset {
    struct str name;
    uint32_t unit; /* bytes */
    bool big, mark;
    uint32_t limit; /* of one-byte sets: characters beyond are '?' */
};
static const struct charset charsets[] = {
    { STR_INIT("UTF-8"), 0, false, false, 0 },      { STR_INIT("UTF-16LE"), 2, false, false, 0 },
    { STR_INIT("UTF-16BE"), 2, true, false, 0 },    { STR_INIT("UTF-16"), 2, true, true, 0 },
    { STR_INIT("US-ASCII"), 1, false, false, 128 }, { STR_INIT("ISO-8859-1"), 1, false, false, 256 },
};
static const struct charset *charset_find(struct str name)
{
    for (size_t i = 0; i < sizeof charsets / sizeof charsets[0]; i++)
        if (str_eq_nocase(name, charsets[i].name))
            return &charsets[i];
    return NULL;
}

static bool put_unit(struct buf *out, uint32_t v, bool big)
{
    uint8_t pair[2] = { (uint8_t)(big ? v >> 8 : v), (uint8_t)(big ? v : v >> 8) };
    return buf_put(out, pair, 2);
}

static enum status encode(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        const struct charset *set = charset_find(arg_str(k, 1, r));
        if (!set)
            return kernel_fail(k, "unknown character set '%.*s'", STR_ARG(arg_str(k, 1, r)));
        buf_clear(k->tmp);
        bool fits = set->unit == 0 ? buf_put(k->tmp, s.ptr, s.len) : !set->mark || put_unit(k->tmp, 0xFEFF, true);
        for (size_t at = 0; set->unit && at < s.len && fits;) {
            uint32_t c = utf8_next(s, &at);
            if (set->unit == 1)
                fits = buf_put_u8(k->tmp, c < set->limit ? (uint8_t)c : '?');
            else if (c < 0x10000)
                fits = put_unit(k->tmp, c, set->big);
            else
                fits = put_unit(k->tmp, 0xD7C0 + (c >> 10), set->big) && put_unit(k->tmp, 0xDC00 | (c & 0x3FF),
                    set->big);
        }
        if (!fits)
            return kernel_memory(k);
        TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}

/* One character of `s` at *at. */
static uint32_t decode_next(const struct charset *set, bool big, struct str s, size_t *at)
{
    const uint8_t *p = (const uint8_t *)s.ptr + *at;
    size_t left = s.len - *at;
    if (set->unit == 0)
        return utf8_next(s, at);
    if (set->unit == 1) {
        (*at)++;
        return p[0] < set->limit ? p[0] : 0xFFFD;
    }
    if (left < 2) {
        *at = s.len;
        return 0xFFFD;
    }
    uint32_t high = big ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
    *at += 2;
    if (high < 0xD800 || high > 0xDBFF || left < 4)
        return high;
    uint32_t low = big ? (uint32_t)p[2] << 8 | p[3] : (uint32_t)p[3] << 8 | p[2];
    if (low < 0xDC00 || low > 0xDFFF)
        return 0xFFFD;
    *at += 2;
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

static enum status decode(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r);
        const struct charset *set = charset_find(arg_str(k, 1, r));
        if (!set)
            return kernel_fail(k, "unknown character set '%.*s'", STR_ARG(arg_str(k, 1, r)));
        bool big = set->big;
        size_t at = 0;
        if (set->mark && s.len >= 2 && (((uint8_t)s.ptr[0] == 0xFE && (uint8_t)s.ptr[1] == 0xFF) ||
                                        ((uint8_t)s.ptr[0] == 0xFF && (uint8_t)s.ptr[1] == 0xFE))) {
            big = (uint8_t)s.ptr[0] == 0xFE;
            at = 2;
        }
        buf_clear(k->tmp);
        while (at < s.len) {
            char out[4];
            if (!buf_put(k->tmp, out, utf8_put(decode_next(set, big, s, &at), out)))
                return kernel_memory(k);
        }
        TRY(kernel_put_tmp(k, r));
    }
    return ST_OK;
}

/* ---- STR_TO_MAP(text [, between pairs, between key and value]) ---- */

static enum status str_to_map(struct kernel *k)
{
    EACH_ROW(k, r)
    {
        struct str s = arg_str(k, 0, r), pairs = k->n_args > 1 ? arg_str(k, 1, r) : STR(","),
                   equals = k->n_args > 2 ? arg_str(k, 2, r) : STR("=");
        uint32_t n = 0, first = 0;
        for (int round = 0; round < 2; round++) {
            if (round && !column_start_list(k->out, r, n, &first))
                return kernel_memory(k);
            uint32_t i = 0;
            for (size_t at = 0; at < s.len; i++) {
                int64_t hit = pairs.len ? str_find(s, pairs, at) : -1;
                struct str pair = str_make(s.ptr + at, (hit < 0 ? s.len : (size_t)hit) - at);
                at = hit < 0 ? s.len : (size_t)hit + pairs.len;
                if (!round)
                    continue;
                int64_t cut = equals.len ? str_find(pair, equals, 0) : -1;
                struct str key = str_make(pair.ptr, cut < 0 ? pair.len : (size_t)cut);
                if (!column_set_str(&k->out->children[0], first + i, key.ptr, key.len))
                    return kernel_memory(k);
                size_t value = (size_t)cut + equals.len;
                if (cut < 0)
                    column_set_null(&k->out->children[1], first + i);
                else if (!column_set_str(&k->out->children[1], first + i, pair.ptr + value, pair.len - value))
                    return kernel_memory(k);
            }
            n = i;
        }
    }
    return ST_OK;
}
static enum status resolve_str_to_map(struct call *c)
{
    TRY(resolve_types(c, "s?ss="));
    c->type = call_nullable_by_args(c, type_map(c->env->arena, type_string(), type_string()));
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

const struct function functions_misc[] = {
    { .name = "CURRENT_DATABASE", .signature = "CURRENT_DATABASE()", .help = "The database in use.",
      .example = "CURRENT_DATABASE()", .resolve = resolve_database },
    { .name = "TYPEOF", .signature = "TYPEOF(value)", .help = "The type of an expression, as text.",
          .example = "TYPEOF(1)",
      .resolve = resolve_typeof },
    { .name = "RAND", .signature = "RAND([seed])", .help = "A random number from 0 to below 1.", .example = "RAND()",
      .types = "?i=d", .flags = FN_VOLATILE, .kernel = rand_double, .free_state = random_free },
    { .name = "RAND_INTEGER", .signature = "RAND_INTEGER([seed,] bound)",
          .help = "A random whole number from 0 to below the bound.",
      .example = "RAND_INTEGER(10)", .types = "i?i=i", .flags = FN_VOLATILE, .kernel = rand_integer,
      .free_state = random_free },
    { .name = "UUID", .signature = "UUID()", .help = "A random UUID.", .example = "UUID()", .types = "=s",
      .flags = FN_VOLATILE | FN_NOTNULL, .kernel = uuid, .free_state = random_free },
    { .name = "ENCODE", .signature = "ENCODE(text, charset)", .help = "The text's bytes in a character set.",
      .example = "ENCODE('abc', 'UTF-16LE')", .types = "ss=x", .flags = FN_STRICT, .kernel = encode },
    { .name = "DECODE", .signature = "DECODE(bytes, charset)", .help = "The text that bytes are in a character set.",
      .example = "DECODE(x'616263', 'UTF-8')", .types = "xs=s", .flags = FN_STRICT, .kernel = decode },
    { .name = "STR_TO_MAP", .signature = "STR_TO_MAP(text [, between pairs, between key and value])",
      .help = "A map of pairs in a text.", .example = "STR_TO_MAP('a=1,b=2')", .flags = FN_STRICT,
      .resolve = resolve_str_to_map, .kernel = str_to_map },
    { .name = NULL },
};
