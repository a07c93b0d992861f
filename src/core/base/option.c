/* Options checked against their declaration, and read with its defaults.
 *
 * One reader per type turns text into a value or says what it wanted; the check and the accessors use
 * the same ones, so that what was checked cannot fail later. The check goes through everything before
 * it answers: the user gets all findings in one message, as many as an error object holds, and the
 * number of the rest. */
#include "base/option.h"

#include <inttypes.h>
#include <stdio.h>

/* Names that are offered as "did you mean": more specs than this are left out of the guess only. */
#define NAMES_MAX 256u
/* Pairs that are looked at: looking for doubles is quadratic, and nobody writes as many. */
#define PAIRS_MAX 1024u

struct value {
    int64_t number;
    double real;
    bool truth;
};

static bool read_bool(struct str s, struct value *v)
{
    v->truth = str_eq_nocase(s, STR("true"));
    return v->truth || str_eq_nocase(s, STR("false"));
}

static bool read_int(struct str s, struct value *v)
{
    return str_to_i64(s, &v->number);
}

static bool read_double(struct str s, struct value *v)
{
    return str_to_f64(s, &v->real);
}

static bool read_duration(struct str s, struct value *v)
{
    return str_to_duration_ms(s, &v->number);
}

static bool read_size(struct str s, struct value *v)
{
    return str_to_bytes(s, &v->number);
}

static const struct {
    bool (*read)(struct str, struct value *); /* NULL: any text */
    const char *wants;
} types[] = {
    [OPT_STRING] = { NULL, "a text" },
    [OPT_BOOL] = { read_bool, "true or false" },
    [OPT_INT] = { read_int, "a whole number" },
    [OPT_DOUBLE] = { read_double, "a number" },
    [OPT_DURATION] = { read_duration, "a duration such as '10s' or '5 min'" },
    [OPT_SIZE] = { read_size, "a size such as '64MiB' or '10kb'" },
    [OPT_ENUM] = { NULL, "one of" },
};

struct str options_get(const struct options *o, const char *name)
{
    struct str wanted = str_from(name);
    for (uint32_t i = 0; i < o->count; i++)
        if (str_eq(o->at[i].name, wanted))
            return o->at[i].value.ptr ? o->at[i].value : STR("");
    return (struct str){ 0 };
}

bool options_has(const struct options *o, const char *name)
{
    struct str wanted = str_from(name);
    for (uint32_t i = 0; i < o->count; i++)
        if (str_eq(o->at[i].name, wanted))
            return true;
    return false;
}

/* The exact name wins over a pattern, whatever their order. */
static const struct option_spec *spec_of(const struct option_spec *specs, size_t count, struct str name)
{
    const struct option_spec *pattern = NULL;
    for (size_t i = 0; i < count; i++) {
        struct str known = str_from(specs[i].name);
        if (str_eq(known, name))
            return &specs[i];
        if (!pattern && known.len > 0 && known.ptr[known.len - 1] == '*' && name.len >= known.len &&
            str_starts(name, str_make(known.ptr, known.len - 1)))
            pattern = &specs[i];
    }
    return pattern;
}

struct findings {
    char text[sizeof((struct error *)0)->message];
    size_t len, shown, left_out;
    uint32_t line, column; /* of the first */
};

/* Room that is kept for "; and N more". */
#define TAIL_ROOM 32u

static void find(struct findings *f, const struct option *at, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void find(struct findings *f, const struct option *at, const char *fmt, ...)
{
    if (f->shown + f->left_out == 0 && at) {
        f->line = at->line;
        f->column = at->column;
    }
    char one[sizeof f->text];
    va_list args;
    va_start(args, fmt);
    int printed = vsnprintf(one, sizeof one, fmt, args);
    va_end(args);
    size_t len = printed < 0 ? 0 : (size_t)printed;
    size_t lead = f->shown ? 2 : 0;
    if (f->left_out || len + lead + TAIL_ROOM >= sizeof f->text - f->len) {
        f->left_out++;
        return;
    }
    memcpy(f->text + f->len, "; ", lead);
    memcpy(f->text + f->len + lead, one, len + 1);
    f->len += lead + len;
    f->shown++;
}

/* The choice that `value` names in any case, as the table spells it; NULL ptr when there is none. */
static struct str choice_of(const char *choices, struct str value)
{
    struct str rest = str_from(choices);
    while (rest.ptr) {
        struct str choice = str_split(&rest, '|');
        if (str_eq_nocase(choice, value))
            return choice;
    }
    return (struct str){ 0 };
}

/* Texts in a message are cut: one long value must not push the other findings out. */
#define SHOWN_MAX 40u
#define SHOWN_ARG(s) (int)((s).len < SHOWN_MAX ? (s).len : SHOWN_MAX), (s).ptr ? (s).ptr : ""

static void check_value(struct findings *f, const struct option_spec *spec, const struct option *o)
{
    struct value v = { 0 };
    bool (*parse)(struct str, struct value *) = types[spec->type].read;
    if (spec->type == OPT_ENUM && !choice_of(spec->choices, o->value).ptr) {
        find(f, o, "option '%.*s' must be one of %s, not '%.*s'", SHOWN_ARG(o->name), spec->choices,
             SHOWN_ARG(o->value));
    } else if (parse && !parse(o->value, &v)) {
        find(f, o, "option '%.*s' must be %s, not '%.*s'", SHOWN_ARG(o->name), types[spec->type].wants,
             SHOWN_ARG(o->value));
    } else if (parse && spec->type != OPT_BOOL && spec->max > spec->min) {
        bool inside = spec->type == OPT_DOUBLE ? v.real >= (double)spec->min && v.real <= (double)spec->max
                                               : v.number >= spec->min && v.number <= spec->max;
        const char *unit = spec->type == OPT_DURATION ? " ms" : spec->type == OPT_SIZE ? " bytes" : "";
        if (!inside)
            find(f, o, "option '%.*s' must lie between %" PRId64 " and %" PRId64 "%s, not '%.*s'", SHOWN_ARG(o->name),
                 spec->min, spec->max, unit, SHOWN_ARG(o->value));
    }
}

static void check_unknown(struct findings *f, const struct option_spec *specs, size_t count, const struct option *o)
{
    struct str names[NAMES_MAX];
    size_t n = 0;
    for (; n < count && n < NAMES_MAX; n++)
        names[n] = str_from(specs[n].name);
    struct str near = str_nearest(o->name, names, n);
    if (near.ptr)
        find(f, o, "unknown option '%.*s' (did you mean '%.*s'?)", SHOWN_ARG(o->name), SHOWN_ARG(near));
    else
        find(f, o, "unknown option '%.*s'", SHOWN_ARG(o->name));
}

static void check_pair(struct findings *f, const struct options *o, uint32_t i, const struct option_spec *specs,
                       size_t count)
{
    const struct option *pair = &o->at[i];
    for (uint32_t before = 0; before < i; before++)
        if (str_eq(o->at[before].name, pair->name)) {
            find(f, pair, "option '%.*s' is given twice", SHOWN_ARG(pair->name));
            return;
        }
    const struct option_spec *spec = spec_of(specs, count, pair->name);
    if (spec)
        check_value(f, spec, pair);
    else
        check_unknown(f, specs, count, pair);
}

/* The known names, as many as the hint holds. */
static void hint_names(struct error *err, const struct option_spec *specs, size_t count)
{
    char text[sizeof err->hint];
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        size_t room = sizeof text - len;
        int n = snprintf(text + len, room, "%s%s", i ? ", " : "known options: ", specs[i].name);
        if (n < 0 || (size_t)n + sizeof ", …" > room) {
            memcpy(text + len, ", …", sizeof ", …");
            break;
        }
        len += (size_t)n;
    }
    if (len > 0)
        error_hint(err, "%s", text);
}

enum status options_check(const struct options *o, const struct option_spec *specs, size_t count, const char *what,
                          struct error *err)
{
    struct findings f = { .text = "" };
    bool in_sql = false;
    for (uint32_t i = 0; i < o->count; i++) {
        in_sql |= o->at[i].line != 0;
        if (i == PAIRS_MAX) {
            find(&f, &o->at[i], "more than %u options", PAIRS_MAX);
            break;
        }
        check_pair(&f, o, i, specs, count);
    }
    for (size_t i = 0; i < count; i++)
        if (specs[i].required && !options_has(o, specs[i].name))
            find(&f, NULL, "option '%s' is missing", specs[i].name);
    if (f.shown + f.left_out == 0)
        return ST_OK;
    enum status st = in_sql ? ST_SEMANTIC : ST_USAGE;
    if (f.left_out)
        error_at(err, st, f.line, f.column, "%s; and %zu more", f.text, f.left_out);
    else
        error_at(err, st, f.line, f.column, "%s", f.text);
    error_prefix(err, "%s: ", what);
    if (err)
        hint_names(err, specs, count);
    return st;
}

struct str option_str(const struct options *o, const struct option_spec *specs, size_t count, const char *name)
{
    struct str value = options_get(o, name);
    const struct option_spec *spec = spec_of(specs, count, str_from(name));
    struct str choice = value.ptr && spec && spec->type == OPT_ENUM ? choice_of(spec->choices, value) : value;
    if (value.ptr)
        return choice.ptr ? choice : value;
    return spec && spec->fallback ? str_from(spec->fallback) : (struct str){ 0 };
}

/* Reads the value or the default as `type`; zeros when there is neither. */
static struct value option_value(const struct options *o, const struct option_spec *specs, size_t count,
                                 const char *name, enum option_type type)
{
    struct value v = { 0 };
    struct str text = option_str(o, specs, count, name);
    if (text.ptr && !types[type].read(text, &v))
        v = (struct value){ 0 };
    return v;
}

bool option_bool(const struct options *o, const struct option_spec *specs, size_t count, const char *name)
{
    return option_value(o, specs, count, name, OPT_BOOL).truth;
}

int64_t option_int(const struct options *o, const struct option_spec *specs, size_t count, const char *name)
{
    return option_value(o, specs, count, name, OPT_INT).number;
}

double option_double(const struct options *o, const struct option_spec *specs, size_t count, const char *name)
{
    return option_value(o, specs, count, name, OPT_DOUBLE).real;
}

int64_t option_ms(const struct options *o, const struct option_spec *specs, size_t count, const char *name)
{
    return option_value(o, specs, count, name, OPT_DURATION).number;
}

int64_t option_bytes(const struct options *o, const struct option_spec *specs, size_t count, const char *name)
{
    return option_value(o, specs, count, name, OPT_SIZE).number;
}
