/* The features that are parsed and not planned, in one table (PLAN_FEATURES), and the one way to refuse them. */
#include "plan/private.h"

static const char *const names[F_COUNT] = {
#define FEATURE_NAME(id, name) [F_##id] = name,
    PLAN_FEATURES(FEATURE_NAME)
};

const char *feature_name(enum feature f)
{
    return names[f];
}

enum status refuse(struct binder *b, enum feature f, uint32_t line, uint32_t column)
{
    return error_at(b->err, ST_UNSUPPORTED, line, column, "not supported yet: %s", names[f]);
}
