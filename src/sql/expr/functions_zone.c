/* CONVERT_TZ, and zones by name for kernels: the last few that a step has met stay loaded.
 *
 * Names are Java's: those of the time zone database, offsets, and the old three-letter ones. CONVERT_TZ takes any
 * other name for GMT, and reads its text field by field, as Java's SimpleDateFormat does: blanks before a number, more
 * than there is of a field (25 hours), and anything behind the seconds are fine. Of a local time that comes twice the
 * second is meant, where the standard time holds; casts take the first. */
#include "expr/expr_private.h"

#define KEPT 16u
#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

struct zone_names {
    struct arena arena;
    uint32_t n;
    struct zone zones[KEPT]; /* by their names; `known` false: there is no such zone */
    bool known[KEPT];
};

static const struct {
    struct str name, stands_for;
} short_names[] = {
    { STR_INIT("ACT"), STR_INIT("Australia/Darwin") },    { STR_INIT("AET"), STR_INIT("Australia/Sydney") },
    { STR_INIT("AGT"), STR_INIT("America/Argentina/Buenos_Aires") },
    { STR_INIT("ART"), STR_INIT("Africa/Cairo") },        { STR_INIT("AST"), STR_INIT("America/Anchorage") },
    { STR_INIT("BET"), STR_INIT("America/Sao_Paulo") },   { STR_INIT("BST"), STR_INIT("Asia/Dhaka") },
    { STR_INIT("CAT"), STR_INIT("Africa/Harare") },       { STR_INIT("CNT"), STR_INIT("America/St_Johns") },
    { STR_INIT("CST"), STR_INIT("America/Chicago") },     { STR_INIT("CTT"), STR_INIT("Asia/Shanghai") },
    { STR_INIT("EAT"), STR_INIT("Africa/Addis_Ababa") },  { STR_INIT("ECT"), STR_INIT("Europe/Paris") },
    { STR_INIT("IET"), STR_INIT("America/Indiana/Indianapolis") },
    { STR_INIT("IST"), STR_INIT("Asia/Kolkata") },        { STR_INIT("JST"), STR_INIT("Asia/Tokyo") },
    { STR_INIT("MIT"), STR_INIT("Pacific/Apia") },        { STR_INIT("NET"), STR_INIT("Asia/Yerevan") },
    { STR_INIT("NST"), STR_INIT("Pacific/Auckland") },    { STR_INIT("PLT"), STR_INIT("Asia/Karachi") },
    { STR_INIT("PNT"), STR_INIT("America/Phoenix") },     { STR_INIT("PRT"), STR_INIT("America/Puerto_Rico") },
    { STR_INIT("PST"), STR_INIT("America/Los_Angeles") }, { STR_INIT("SST"), STR_INIT("Pacific/Guadalcanal") },
    { STR_INIT("VST"), STR_INIT("Asia/Ho_Chi_Minh") },    { STR_INIT("EST"), STR_INIT("-05:00") },
    { STR_INIT("MST"), STR_INIT("-07:00") },              { STR_INIT("HST"), STR_INIT("-10:00") },
};

static enum status names_of(struct kernel *k, struct zone_names **ret)
{
    if (!*k->state) {
        struct zone_names *n = mem_calloc(k->budget, sizeof *n);
        if (!n)
            return kernel_memory(k);
        arena_init(&n->arena, k->budget);
        *k->state = n;
    }
    *ret = *k->state;
    return ST_OK;
}

static void forget(struct zone_names *n)
{
    arena_reset(&n->arena);
    n->n = 0;
}

void zone_names_free(void *state, struct budget *b)
{
    struct zone_names *n = state;
    arena_release(&n->arena);
    mem_free(b, n, sizeof *n);
}

enum status zone_by_name(struct kernel *k, struct str name, bool java, const struct zone **ret)
{
    struct zone_names *n;
    const struct zone_source *source = k->expr->data;
    TRY(names_of(k, &n));
    for (uint32_t i = 0; i < n->n; i++)
        if (str_eq(n->zones[i].name, name)) {
            *ret = n->known[i] ? &n->zones[i] : NULL;
            return ST_OK;
        }
    if (n->n == KEPT)
        forget(n);
    struct str asked = name;
    for (size_t i = 0; java && i < sizeof short_names / sizeof *short_names; i++)
        if (str_eq(name, short_names[i].name))
            asked = short_names[i].stands_for;
    struct zone z = { 0 };
    /* as offsets java.util.TimeZone takes GMT+… only, and those of the table above */
    bool known = (!java || asked.ptr != name.ptr || str_starts(name, STR("GMT")) || str_eq(name, STR("UTC"))) &&
                 zone_parse(asked, &z);
    if (!known && source) {
        struct error err = { 0 };
        enum status st = source->find(&n->arena, asked, &z, &err);
        if (st == ST_MEMORY)
            return kernel_memory(k);
        if (st == ST_NOT_FOUND)
            return kernel_fail(k, "%s (%s)", err.message, err.hint);
        known = st == ST_OK;
    }
    z.name = arena_str(&n->arena, name);
    if (!z.name.ptr)
        return kernel_memory(k);
    n->zones[n->n] = z;
    n->known[n->n] = known;
    *ret = known ? &n->zones[n->n] : NULL;
    n->n++;
    return ST_OK;
}

/* yyyy-MM-dd HH:mm:ss as SimpleDateFormat reads it. */
static bool scan_loosely(struct str s, int64_t *ret_ms)
{
    static const char between[] = "-- ::";
    int64_t field[6];
    size_t at = 0;
    for (int i = 0; i < 6; i++) {
        while (at < s.len && (s.ptr[at] == ' ' || s.ptr[at] == '\t'))
            at++;
        size_t from = at;
        field[i] = 0;
        for (; at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9' && at - from < 9; at++)
            field[i] = field[i] * 10 + (s.ptr[at] - '0');
        if (at == from || (i < 5 && (at == s.len || s.ptr[at++] != between[i])))
            return false;
    }
    if (field[0] > 1000000)
        return false;
    int64_t months = field[0] * 12 + field[1] - 1;
    int64_t days = date_from_civil(math_floor_div(months, 12), (int32_t)math_floor_mod(months, 12) + 1, 1) +
                   field[2] - 1;
    *ret_ms = days * DAY_MS + field[3] * HOUR_MS + field[4] * 60000 + field[5] * 1000;
    return true;
}

static enum status convert_tz(struct kernel *k)
{
    struct zone_names *n;
    TRY(names_of(k, &n));
    EACH_ROW(k, r)
    {
        const struct zone *from, *to;
        int64_t local;
        char text[48];
        if (n->n > KEPT - 2) /* room for both names */
            forget(n);
        TRY(zone_by_name(k, arg_str(k, 1, r), true, &from));
        if (!scan_loosely(arg_str(k, 0, r), &local)) {
            column_set_null(k->out, r);
            continue;
        }
        int64_t utc = zone_local_to_utc_last_ms(from ? from : &zone_utc, local);
        TRY(zone_by_name(k, arg_str(k, 2, r), true, &to));
        utc += zone_offset_at(to ? to : &zone_utc, utc) * INT64_C(1000);
        TRY(kernel_put_str(k, r, text, timestamp_print(utc, 0, text)));
    }
    return ST_OK;
}

static enum status resolve_convert_tz(struct call *c)
{
    c->data = c->env->zones;
    return ST_OK;
}

const struct function functions_zone[] = {
    { .name = "CONVERT_TZ", .signature = "CONVERT_TZ(text, from_zone, to_zone)",
      .help = "A yyyy-MM-dd HH:mm:ss of one time zone in another.",
      .example = "CONVERT_TZ('1970-01-01 00:00:00', 'UTC', 'GMT+08:00')", .types = "sss=s",
      .flags = FN_STRICT | FN_NULLABLE, .resolve = resolve_convert_tz, .kernel = convert_tz,
      .free_state = zone_names_free },
    { .name = NULL },
};
