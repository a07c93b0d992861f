/* Fuzzing functions of text: the first byte says which, lines are the arguments. Any answer will do, text that is no
 * UTF-8 will not where the arguments were. */
#include "expr/expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_ARGS 4u

static const struct {
    const char *name;
    uint32_t n_args;
    const char *more; /* an integer behind the texts */
} calls[] = {
    { "PRINTF", 1, "5" },       { "PRINTF", 2, "-7" },        { "PARSE_URL", 2, NULL },    { "PARSE_URL", 3, NULL },
    { "URL_DECODE", 1, NULL },  { "TO_BASE64", 1, NULL },     { "UNHEX", 1, NULL },        { "JSON_UNQUOTE", 1, NULL },
    { "JSON_QUOTE", 1, NULL },  { "JSON_LENGTH", 2, NULL },   { "JSON_TYPE", 2, NULL },    { "INITCAP", 1, NULL },
    { "UPPER", 1, NULL },       { "LOWER", 1, NULL },         { "REVERSE", 1, NULL },      { "TRANSLATE", 3, NULL },
    { "SPLIT_INDEX", 2, "2" },  { "STR_TO_MAP", 3, NULL },    { "TO_TIMESTAMP", 2, NULL }, { "TO_DATE", 2, NULL },
    { "UNIX_TIMESTAMP", 2, NULL }, { "DATE_FORMAT", 2, NULL }, { "LIKE", 2, NULL },        { "LIKE", 3, NULL },
    { "REGEXP", 2, NULL },      { "REGEXP_REPLACE", 3, NULL }, { "REGEXP_EXTRACT", 2, "1" }, { "CONVERT_TZ", 3, NULL },
    { "INET_ATON", 1, NULL },   { "SUBSTRING", 1, "-3" },     { "LPAD", 1, NULL },         { "INSTR", 2, "-1" },
    { "REPLACE", 3, NULL },     { "SIMILAR TO", 2, NULL },    { "OVERLAY", 2, "2" },       { "TO_TIMESTAMP_LTZ", 3, NULL },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct error err = { 0 };
    const struct expr *args[MAX_ARGS], *e;
    uint32_t n = 0;
    if (size == 0)
        return 0;
    arena_init(&arena, NULL);
    struct expr_env env = { .arena = &arena, .zone = zone_utc };
    size_t which = data[0] % (sizeof calls / sizeof calls[0]);
    struct str rest = str_make(data + 1, size - 1);
    bool utf8 = utf8_valid(rest), good = true;
    for (; n < calls[which].n_args && good; n++) {
        struct str text = str_split(&rest, '\n');
        good = expr_string(&env, text.ptr ? text : STR(""), &args[n], &err) == ST_OK;
    }
    if (good && calls[which].more)
        good = expr_number(&env, str_from(calls[which].more), &args[n++], &err) == ST_OK;
    if (good && expr_call(&env, str_from(calls[which].name), args, n, 1, 1, &e, &err) == ST_OK &&
        expr_fold(&env, e, &e, &err) == ST_OK && e->kind == EXPR_LITERAL && type_is_text(e->type) && utf8 &&
        !column_is_null(&e->value, 0))
        CHECK(utf8_valid(column_str(&e->value, 0)));
    arena_release(&arena);
    return 0;
}
