/* Makes columns of generated values: a loop a type, each value a function of the field's seed and the row's
 * number.
 *
 * Whether a value is NULL, and what lies inside a collection, come from seeds of their own, so a change of one
 * option does not move the other values. */
#include "datagen.h"

#define NULL_SALT 0x6e756c6cULL
#define LENGTH_SALT 0x6c656eULL

struct fill {
    const struct gen_field *f;
    struct column *c;
    uint32_t at, n;
    uint64_t place, step;
};

static inline uint64_t bits_of(const struct fill *p, uint32_t k)
{
    return random_at(p->f->seed, p->place + k * p->step);
}

static inline int64_t in_range(uint64_t bits, int64_t min, uint64_t count)
{
    return count ? (int64_t)((uint64_t)min + random_below(bits, count)) : (int64_t)bits;
}

static void fill_integers(const struct fill *p)
{
    const struct gen_field *f = p->f;
    int64_t min = (int64_t)f->min;
    uint64_t count = (uint64_t)(f->max - f->min) + 1; /* 0: all of them */
    bool wide = type_phys(f->type) == PHYS_I64;
    if (f->sequence) {
        for (uint32_t k = 0; k < p->n; k++) {
            int64_t v = min + (int64_t)(p->place + k * p->step);
            if (wide)
                p->c->i64[p->at + k] = v;
            else
                p->c->i32[p->at + k] = (int32_t)v;
        }
    } else if (wide) {
        int64_t *to = p->c->i64 + p->at;
        for (uint32_t k = 0; k < p->n; k++)
            to[k] = in_range(bits_of(p, k), min, count);
    } else {
        int32_t *to = p->c->i32 + p->at;
        for (uint32_t k = 0; k < p->n; k++)
            to[k] = (int32_t)in_range(bits_of(p, k), min, count);
    }
}

static void fill_decimals(const struct fill *p)
{
    const struct gen_field *f = p->f;
    unsigned __int128 count = (unsigned __int128)(f->max - f->min) + 1;
    for (uint32_t k = 0; k < p->n; k++) {
        uint64_t place = p->place + k * p->step, bits = bits_of(p, k);
        int128 v;
        if (f->sequence)
            v = f->min + (int128)place * decimal_pow10(f->type->scale);
        else if (count <= UINT64_MAX)
            v = f->min + (int128)random_below(bits, (uint64_t)count);
        else
            v = f->min + (int128)((((unsigned __int128)bits << 64) | mix64(bits)) % count);
        decimal_put(f->type, p->c->data, p->at + k, v);
    }
}

/* Weighted, so that a range wider than the type does not overflow. */
static void fill_floating(const struct fill *p)
{
    const struct gen_field *f = p->f;
    for (uint32_t k = 0; k < p->n; k++) {
        double u = random_unit(bits_of(p, k));
        double v = f->sequence ? (double)(int64_t)f->min + (double)(p->place + k * p->step)
                               : f->real_min * (1 - u) + f->real_max * u;
        if (f->type->kind == TYPE_FLOAT)
            p->c->f32[p->at + k] = (float)v;
        else
            p->c->f64[p->at + k] = v;
    }
}

static void fill_times(const struct fill *p, const struct gen_clock *clock)
{
    const struct gen_field *f = p->f;
    for (uint32_t k = 0; k < p->n; k++) {
        uint64_t bits = bits_of(p, k), row = p->place + k * p->step;
        int64_t ms = clock->start_ms, v = 0;
        if (clock->per_s > 0)
            ms += (int64_t)((double)row * 1000 / clock->per_s);
        if (f->max_past_ms > 0)
            ms -= (int64_t)random_below(bits, (uint64_t)f->max_past_ms + 1);
        if (f->type->kind == TYPE_TIME)
            p->c->i32[p->at + k] = (int32_t)random_below(bits, 86400000);
        else if (f->type->kind == TYPE_DATE)
            p->c->i32[p->at + k] = (int32_t)((ms - (ms < 0 ? 86399999 : 0)) / 86400000);
        else
            p->c->i64[p->at + k] = time_from_ms(ms, f->type->precision, &v) ? time_truncate(v, f->type->precision) : 0;
    }
}

static void put_hex(uint8_t *to, uint32_t len, uint64_t seed)
{
    static const char digits[] = "0123456789abcdef";
    for (uint32_t i = 0; i < len; i += 16) {
        uint64_t bits = random_at(seed, i);
        for (uint32_t k = i; k < len && k < i + 16; k++, bits >>= 4)
            to[k] = (uint8_t)digits[bits & 15];
    }
}

static void put_raw(uint8_t *to, uint32_t len, uint64_t seed)
{
    for (uint32_t i = 0; i < len; i += 8) {
        uint64_t bits = random_at(seed, i);
        memcpy(to + i, &bits, len - i < 8 ? len - i : 8);
    }
}

static bool fill_texts(const struct fill *p)
{
    const struct gen_field *f = p->f;
    bool text = type_is_text(f->type);
    for (uint32_t k = 0; k < p->n; k++) {
        uint64_t bits = bits_of(p, k);
        char number[24];
        if (f->sequence) {
            size_t n = i64_print((int64_t)f->min + (int64_t)(p->place + k * p->step), number);
            if (!column_set_str(p->c, p->at + k, number, n))
                return false;
            continue;
        }
        uint32_t buffer, offset, len = f->length;
        if (f->var_len && len > 1)
            len = 1 + (uint32_t)random_below(random_at(bits, LENGTH_SALT), len);
        uint8_t *room = column_str_room(p->c, len, &buffer, &offset);
        if (!room)
            return false;
        (text ? put_hex : put_raw)(room, len, bits);
        column_set_str_at(p->c, p->at + k, buffer, offset, len);
    }
    return true;
}

/* Elements of row r are numbered from a place that r's random bits give. MAP keys are made unequal by nothing: a
 * later one wins nowhere, so they are what the key's range allows. */
static bool fill_collections(const struct fill *p, const struct gen_clock *clock)
{
    const struct gen_field *f = p->f;
    struct gen_clock still = { clock->start_ms, 0 };
    for (uint32_t k = 0; k < p->n; k++) {
        uint32_t first;
        uint64_t bits = bits_of(p, k);
        if (!column_start_list(p->c, p->at + k, f->length, &first))
            return false;
        for (uint32_t i = 0; i < f->n_parts; i++)
            if (!gen_fill(&f->parts[i], NULL, &still, &p->c->children[i], first, f->length, bits, 1))
                return false;
        for (uint32_t i = 0; f->type->kind == TYPE_MULTISET && i < f->length; i++)
            p->c->children[1].i32[first + i] = 1;
    }
    return true;
}

static bool fill_rows(const struct fill *p, const struct need *need, const struct gen_clock *clock)
{
    for (uint32_t i = 0; i < p->f->n_parts; i++) {
        const struct need *part = need && need->fields ? &need->fields[i] : NULL;
        if (!gen_fill(&p->f->parts[i], part, clock, &p->c->children[i], p->at, p->n, p->place, p->step))
            return false;
    }
    return true;
}

static void fill_nulls(const struct fill *p)
{
    uint8_t *nulls = column_nulls(p->c, p->at + p->n) + p->at;
    uint64_t seed = p->f->seed ^ NULL_SALT;
    for (uint32_t k = 0; k < p->n; k++)
        nulls[k] = random_at(seed, p->place + k * p->step) < p->f->null_below;
}

bool gen_fill(const struct gen_field *f, const struct need *need, const struct gen_clock *clock, struct column *c,
              uint32_t at, uint32_t n, uint64_t place, uint64_t step)
{
    struct fill p = { f, c, at, n, place, step };
    bool ok = true;
    if (n == 0)
        return true;
    if (need && !need->used) {
        memset(column_nulls(c, at + n) + at, 1, n);
        return true;
    }
    switch (type_phys(f->type)) {
    case PHYS_BOOL:
        for (uint32_t k = 0; k < n; k++)
            c->b[at + k] = bits_of(&p, k) >> 63;
        break;
    case PHYS_F32:
    case PHYS_F64:
        fill_floating(&p);
        break;
    case PHYS_STRING:
        ok = fill_texts(&p);
        break;
    case PHYS_LIST:
    case PHYS_MAP:
        ok = fill_collections(&p, clock);
        break;
    case PHYS_ROW:
        ok = fill_rows(&p, need, clock);
        break;
    default:
        if (f->type->kind == TYPE_DECIMAL)
            fill_decimals(&p);
        else if (type_is_timestamp(f->type) || f->type->kind == TYPE_DATE || f->type->kind == TYPE_TIME)
            fill_times(&p, clock);
        else
            fill_integers(&p);
        break;
    }
    if (f->null_below)
        fill_nulls(&p);
    else if (c->nulls)
        memset(c->nulls + at, 0, n);
    return ok;
}
