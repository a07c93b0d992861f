/* Messages out of a seed: any struct of a table, filled with what a version carries and may hold. */
#pragma once

#include <stdlib.h>

#include "wire/kafka.h"

struct random {
    uint64_t state;
    int16_t version;
    struct arena *arena;
    bool small; /* short strings and arrays, for frames that people look at */
};

static inline uint64_t random_next(struct random *r)
{
    r->state += 0x9E3779B97F4A7C15u;
    return hash_u64(r->state);
}
static inline uint32_t random_below(struct random *r, uint32_t n)
{
    return (uint32_t)(random_next(r) >> 33) % n;
}

static inline struct str random_str(struct random *r, bool text)
{
    uint32_t n = r->small ? 1 + random_below(r, 4) : random_below(r, 8) ? random_below(r, 12) : random_below(r, 300);
    char *to = arena_alloc(r->arena, n + 1);
    CHECK(to);
    for (uint32_t i = 0; i < n; i++)
        to[i] = (char)(text ? 'a' + random_below(r, 26) : random_below(r, 256));
    return (struct str){ to, n };
}

static inline void random_struct(struct random *r, const struct wire_struct *t, void *to, uint32_t depth);

static inline void random_value(struct random *r, const struct wire_field *f, void *p, uint32_t depth)
{
    uint64_t v = random_next(r) >> (random_below(r, 3) * 20);
    bool null = wire_can_be_null(f, r->version) && !f->array && random_below(r, 4) == 0;
    switch ((enum wire_type)f->type) {
    case WIRE_BOOL: *(bool *)p = v & 1; break;
    case WIRE_I8: *(int8_t *)p = (int8_t)v; break;
    case WIRE_I16: *(int16_t *)p = (int16_t)v; break;
    case WIRE_U16: *(uint16_t *)p = (uint16_t)v; break;
    case WIRE_I32: *(int32_t *)p = (int32_t)v; break;
    case WIRE_I64: *(int64_t *)p = (int64_t)v; break;
    case WIRE_F64: *(double *)p = (double)(int32_t)v / 8; break;
    case WIRE_UUID:
        for (unsigned i = 0; i < 16; i++)
            ((struct wire_uuid *)p)->bytes[i] = (uint8_t)random_next(r);
        break;
    case WIRE_STRING:
    case WIRE_BYTES: *(struct str *)p = null ? (struct str){ 0 } : random_str(r, f->type == WIRE_STRING); break;
    case WIRE_RECORDS:
        *(struct wire_records *)p = (struct wire_records){ .bytes = null ? (struct str){ 0 } : random_str(r, false) };
        break;
    case WIRE_STRUCT: {
        void *in = NULL;
        if (!null) {
            in = arena_alloc(r->arena, f->of->size);
            CHECK(in);
            random_struct(r, f->of, in, depth + 1);
        }
        *(void **)p = in;
        break;
    }
    case WIRE_END:
    case WIRE_TYPES: break;
    }
}

static inline void random_array(struct random *r, const struct wire_field *f, struct wire_array *to, uint32_t depth)
{
    if (wire_can_be_null(f, r->version) && random_below(r, 4) == 0)
        return; /* at its default, which is null */
    uint32_t n = r->small ? 1u + (depth == 0 && random_below(r, 3) == 0) : random_below(r, depth > 1 ? 3 : 5);
    struct wire_field no_fields = { 0 };
    struct wire_struct room = { .fields = &no_fields, .size = (uint32_t)wire_stride(f) };
    uint8_t *at = wire_new(&room, n, r->arena);
    CHECK(at);
    to->at = at;
    to->n = n;
    struct wire_field element = *f;
    element.array = false;
    element.nullable = 0;
    for (uint32_t i = 0; i < n; i++, at += wire_stride(f)) {
        if (f->type == WIRE_STRUCT)
            random_struct(r, f->of, at, depth + 1);
        else
            random_value(r, &element, at, depth);
    }
}

/* What the version does not carry stays at its default, and half of the tagged fields do. */
static inline void random_struct(struct random *r, const struct wire_struct *t, void *to, uint32_t depth)
{
    wire_init(t, to);
    uint8_t *next = to;
    for (const struct wire_field *f = t->fields; f->type; f++) {
        void *p = wire_place(&next, f);
        if (!wire_carried(f, r->version) || (f->tag && random_below(r, 2)))
            continue;
        if (f->array)
            random_array(r, f, p, depth);
        else
            random_value(r, f, p, depth);
    }
}

static inline void *random_message(struct random *r, const struct wire_message *m, int16_t version)
{
    void *to = arena_alloc(r->arena, m->body->size);
    CHECK(to);
    r->version = version;
    random_struct(r, m->body, to, 0);
    return to;
}
