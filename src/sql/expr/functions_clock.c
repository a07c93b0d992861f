/* What depends on the moment of evaluation: processing time and watermark, from struct eval. All volatile: never
 * computed while planning. */
#include "expr/expr_private.h"

#define DAY_MS INT64_C(86400000)

/* Now, as the result's type wants it: LTZ the instant, the others local. */
static enum status now(struct kernel *k)
{
    const struct type *t = k->expr->type;
    const struct zone *zone = k->expr->data;
    int64_t ms = k->eval->now_ms;
    int64_t local = ms + zone_offset_at(zone, ms) * INT64_C(1000);
    EACH_ROW(k, r)
    {
        switch (t->kind) {
        case TYPE_DATE:
            k->out->i32[r] = (int32_t)math_floor_div(local, DAY_MS);
            break;
        case TYPE_TIME:
            k->out->i32[r] = (int32_t)(math_floor_mod(local, DAY_MS) / 1000 * 1000);
            break;
        case TYPE_TIMESTAMP:
            k->out->i64[r] = local;
            break;
        default:
            k->out->i64[r] = ms;
            break;
        }
    }
    return ST_OK;
}

static enum status resolve_now(struct call *c)
{
    static const struct {
        const char *name;
        enum type_kind kind;
    } kinds[] = { { "CURRENT_DATE", TYPE_DATE }, { "CURRENT_TIME", TYPE_TIME }, { "LOCALTIME", TYPE_TIME },
                  { "LOCALTIMESTAMP", TYPE_TIMESTAMP } };
    if (c->n_args)
        return call_invalid(c);
    enum type_kind kind = TYPE_TIMESTAMP_LTZ;
    for (uint32_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(c->function->name, kinds[i].name) == 0)
            kind = kinds[i].kind;
    struct arena *a = c->env->arena;
    const struct type *t = kind == TYPE_TIMESTAMP || kind == TYPE_TIMESTAMP_LTZ ? type_timestamp(a, kind,
        3) : type_basic(kind);
    t = t ? type_nullable(a, t, false) : NULL;
    if (t && strcmp(c->function->name, "PROCTIME") == 0)
        t = type_with_time(a, t, TIME_PROCESSING);
    c->type = t;
    return t ? ST_OK : expr_no_memory(c->env, c->err);
}

/* The watermark of the operator's input in the type of the rowtime; NULL before the first. */
static enum status current_watermark(struct kernel *k)
{
    int64_t v = 0;
    bool none = k->eval->watermark_ms == INT64_MIN || !time_from_ms(k->eval->watermark_ms, k->expr->type->precision,
        &v);
    EACH_ROW(k, r)
    {
        k->out->i64[r] = v;
        if (none)
            column_set_null(k->out, r);
    }
    return ST_OK;
}
static enum status resolve_watermark(struct call *c)
{
    if (c->n_args != 1 || !type_is_timestamp(c->args[0]->type))
        return call_invalid(c);
    const struct type *t = type_timestamp(c->env->arena, c->args[0]->type->kind, 3);
    c->type = t ? type_nullable(c->env->arena, t, true) : NULL;
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

/* Stands in WATERMARK FOR … AS SOURCE_WATERMARK() only, where the plan looks for it by name; evaluated it fails. */
static enum status source_watermark(struct kernel *k)
{
    return kernel_fail(k, "SOURCE_WATERMARK() can only stand in a WATERMARK declaration");
}
static enum status resolve_source_watermark(struct call *c)
{
    if (c->n_args)
        return call_invalid(c);
    c->type = type_timestamp(c->env->arena, TYPE_TIMESTAMP, 3);
    return c->type ? ST_OK : expr_no_memory(c->env, c->err);
}

#define CLOCK(NAME, SIGNATURE, HELP)                                                                              \
    { .name = NAME, .signature = SIGNATURE, .help = HELP, .example = SIGNATURE, .flags = FN_VOLATILE | FN_ZONE,   \
      .resolve = resolve_now, .kernel = now }

const struct function functions_clock[] = {
    CLOCK("CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP", "Processing time as TIMESTAMP_LTZ(3)."),
    CLOCK("NOW", "NOW()", "As CURRENT_TIMESTAMP."),
    CLOCK("CURRENT_ROW_TIMESTAMP", "CURRENT_ROW_TIMESTAMP()", "Processing time of the row as TIMESTAMP_LTZ(3)."),
    CLOCK("CURRENT_DATE", "CURRENT_DATE", "Today in the session time zone."),
    CLOCK("CURRENT_TIME", "CURRENT_TIME", "The time of day in the session time zone."),
    CLOCK("LOCALTIME", "LOCALTIME", "As CURRENT_TIME."),
    CLOCK("LOCALTIMESTAMP", "LOCALTIMESTAMP", "Processing time as TIMESTAMP(3) in the session time zone."),
    CLOCK("PROCTIME", "PROCTIME()", "Processing time as a time attribute."),
    { .name = "CURRENT_WATERMARK", .signature = "CURRENT_WATERMARK(rowtime)",
      .help = "The watermark that the row is seen under; NULL before the first.", .example = "CURRENT_WATERMARK(ts)",
      .flags = FN_VOLATILE | FN_NULLABLE, .resolve = resolve_watermark, .kernel = current_watermark },
    { .name = "SOURCE_WATERMARK", .signature = "SOURCE_WATERMARK()",
          .help = "The source's own watermark, in WATERMARK FOR.",
      .example = "SOURCE_WATERMARK()", .flags = FN_VOLATILE, .resolve = resolve_source_watermark,
      .kernel = source_watermark },
    { .name = NULL },
};
