/* Options declared once: name, type, default, help. Connectors, formats, SET keys and commands use
 * the same table; parsing, checking, suggestions and the reference pages come from it. */
#pragma once

#include "base/map.h"

enum option_type { OPT_STRING, OPT_BOOL, OPT_INT, OPT_DOUBLE, OPT_DURATION, OPT_SIZE, OPT_ENUM };

struct option_spec {
    const char *name; /* ends in '*' when any suffix is allowed ("properties.*") */
    enum option_type type;
    const char *fallback; /* default as text; NULL: none */
    const char *help;     /* one line */
    const char *choices;  /* OPT_ENUM: "a|b|c" */
    bool required;
    int64_t min, max; /* for numbers when max > min */
};

/* A set of name = value pairs in the order given. */
struct option {
    struct str name, value;
    uint32_t line, column; /* of the value in the SQL text; 0: none */
};
struct options {
    const struct option *at;
    uint32_t count;
};

/* Value of `name` as given, or NULL ptr. Names compare exactly. */
struct str options_get(const struct options *o, const char *name);
bool options_has(const struct options *o, const char *name);

/* Checks every pair against `specs` (several tables may apply: pass them joined). All findings are
 * reported in one message, the first one's place is the error's; the hint lists the known names. The
 * status is ST_SEMANTIC when a pair has a place in the SQL text, else ST_USAGE. `what` names the
 * thing: "connector 'filesystem'". */
enum status options_check(const struct options *o, const struct option_spec *specs, size_t count, const char *what,
                          struct error *err) MUST_USE;
/* After options_check these cannot fail; they give the declared default when the option is absent
 * (false, 0, empty when there is none). option_str gives an OPT_ENUM as the table spells it. */
struct str option_str(const struct options *o, const struct option_spec *specs, size_t count, const char *name);
bool option_bool(const struct options *o, const struct option_spec *specs, size_t count, const char *name);
int64_t option_int(const struct options *o, const struct option_spec *specs, size_t count, const char *name);
double option_double(const struct options *o, const struct option_spec *specs, size_t count, const char *name);
int64_t option_ms(const struct options *o, const struct option_spec *specs, size_t count, const char *name);
int64_t option_bytes(const struct options *o, const struct option_spec *specs, size_t count, const char *name);
