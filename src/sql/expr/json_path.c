/* Paths into JSON: Jayway's language, which Flink uses, compiled into steps.
 *
 *   path     = [ ("lax" | "strict") blanks ] ( '$' step* | any other text, read as "$." text )
 *   step     = '.' name | '.' '*' | '.' bracket | bracket | '..' ( name | '*' | bracket )
 *            | '.' ( "length()" | "size()" )                       only at the end
 *   name     = anything but '.', '[', '(' and blanks
 *   bracket  = '[' quoted { ',' quoted } ']'  |  '[' int { ',' int } ']'  |  '[' [int] ':' [int] ']'  |  '[' '*' ']'
 *            | '[' '?' '(' or ')' ']'
 *   or       = and { "||" and };   and = operand { "&&" operand };   operand = '!' operand | '(' or ')' | compare
 *   compare  = value [ op value ];  op = == === != !== < <= > >= in nin contains size empty
 *   value    = '@' step* | '$' step* | number | quoted | true | false | null | '[' value { ',' value } ']'
 *
 * What Jayway has beside that (other functions, =~, subsetof …) is told apart from what is no path at all. A path is
 * definite when it can match one place only; the matches of any other path are an array. */
#include "expr/json_private.h"

#define MAX_NESTING 32u

struct path_parser {
    struct arena *arena;
    const char *at, *end;
    uint32_t depth;
    const char *unsupported;
    bool refused; /* memory */
};

static bool parse_steps(struct path_parser *p, bool inner, struct json_path *ret);
static bool parse_or(struct path_parser *p, const struct json_test **ret);
static bool parse_operand(struct path_parser *p, struct json_operand *ret);

static bool none(struct path_parser *p)
{
    p->refused = true;
    return false;
}

static void skip_blanks(struct path_parser *p)
{
    while (p->at < p->end && *p->at == ' ')
        p->at++;
}
static bool at_char(const struct path_parser *p, char c) { return p->at < p->end && *p->at == c; }
static bool take_char(struct path_parser *p, char c)
{
    if (!at_char(p, c))
        return false;
    p->at++;
    return true;
}
static bool take_text(struct path_parser *p, struct str word)
{
    if ((size_t)(p->end - p->at) < word.len || memcmp(p->at, word.ptr, word.len) != 0)
        return false;
    p->at += word.len;
    return true;
}

/* '…' or "…", a backslash before what is meant itself; in the arena. */
static bool parse_quoted(struct path_parser *p, struct str *ret)
{
    char quote = *p->at++;
    const char *from = p->at;
    size_t n = 0;
    while (p->at < p->end && *p->at != quote)
        p->at += *p->at == '\\' && p->at + 1 < p->end ? 2 : 1;
    if (p->at >= p->end)
        return false;
    char *text = arena_alloc(p->arena, (size_t)(p->at - from) + 1);
    if (!text)
        return none(p);
    for (const char *c = from; c < p->at; c++) {
        if (*c == '\\' && c + 1 < p->at)
            c++;
        text[n++] = *c;
    }
    p->at++;
    *ret = str_make(text, n);
    return true;
}

static bool parse_int(struct path_parser *p, int32_t *ret)
{
    bool negative = take_char(p, '-');
    int64_t v = 0;
    const char *from = p->at;
    for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++) {
        v = v * 10 + (*p->at - '0');
        if (v > INT32_MAX)
            return false;
    }
    *ret = (int32_t)(negative ? -v : v);
    return p->at > from;
}

/* ['a', 'b'] behind the bracket */
static bool parse_names(struct path_parser *p, struct json_step *s)
{
    ARRAY(struct str) names = { 0 };
    do {
        skip_blanks(p);
        if (!at_char(p, '\'') && !at_char(p, '"'))
            return false;
        struct str *name = array_add(&names, p->arena);
        if (!name)
            return none(p);
        if (!parse_quoted(p, name))
            return false;
        skip_blanks(p);
    } while (take_char(p, ','));
    s->kind = STEP_MEMBER;
    s->names = names.at;
    s->n = names.count;
    return take_char(p, ']');
}

/* [1], [1, -2], [1:], [:2], [1:2] behind the bracket */
static bool parse_indexes(struct path_parser *p, struct json_step *s)
{
    ARRAY(int32_t) list = { 0 };
    s->kind = STEP_INDEX;
    for (;;) {
        skip_blanks(p);
        if (at_char(p, ':'))
            break;
        int32_t *index = array_add(&list, p->arena);
        if (!index)
            return none(p);
        if (!parse_int(p, index))
            return false;
        skip_blanks(p);
        if (!take_char(p, ','))
            break;
    }
    s->indexes = list.at;
    s->n = list.count;
    if (take_char(p, ':')) {
        s->kind = STEP_SLICE;
        s->has_from = list.count == 1;
        s->from = s->has_from ? list.at[0] : 0;
        skip_blanks(p);
        s->has_to = !at_char(p, ']');
        if (list.count > 1 || (s->has_to && !parse_int(p, &s->to)) || (!s->has_from && !s->has_to))
            return false;
        skip_blanks(p);
    }
    return take_char(p, ']');
}

static bool parse_bracket(struct path_parser *p, struct json_step *s)
{
    p->at++;
    skip_blanks(p);
    if (at_char(p, '\'') || at_char(p, '"'))
        return parse_names(p, s);
    if (take_char(p, '*')) {
        s->kind = STEP_ANY;
        skip_blanks(p);
        return take_char(p, ']');
    }
    if (take_char(p, '?')) {
        s->kind = STEP_FILTER;
        skip_blanks(p);
        if (!take_char(p, '('))
            return false;
        if (!parse_or(p, &s->test))
            return false;
        skip_blanks(p);
        if (!take_char(p, ')'))
            return false;
        skip_blanks(p);
        return take_char(p, ']');
    }
    return parse_indexes(p, s);
}

static const char *const other_functions[] = { "min",    "max",  "avg",   "stddev", "sum",  "concat",
                                               "append", "keys", "first", "last",   "index" };

/* A name, up to what ends one; with '(' behind it a function. */
static bool parse_name(struct path_parser *p, bool inner, struct json_step *s)
{
    const char *from = p->at;
    while (p->at < p->end && *p->at != '.' && *p->at != '[' && *p->at != '(' && *p->at != ' ' &&
           !(inner && strchr(")=!<>&|,]", *p->at)))
        p->at++;
    struct str name = str_make(from, (size_t)(p->at - from));
    if (name.len == 0 || (!inner && at_char(p, ' ')))
        return false;
    if (take_char(p, '(')) {
        skip_blanks(p);
        for (size_t i = 0; i < sizeof other_functions / sizeof other_functions[0]; i++)
            if (str_eq(name, str_from(other_functions[i])))
                p->unsupported = other_functions[i];
        if (!str_eq(name, STR("length")) && !str_eq(name, STR("size")))
            return false;
        s->kind = STEP_LENGTH;
        return take_char(p, ')');
    }
    struct str *one = ARENA_NEW(p->arena, struct str);
    if (!one)
        return none(p);
    *one = arena_str(p->arena, name);
    s->kind = STEP_MEMBER;
    s->names = one;
    s->n = 1;
    return one->ptr != NULL;
}

/* One step; *ret_any false: there is none here. */
static bool parse_step(struct path_parser *p, bool inner, struct json_step *s, bool *ret_any)
{
    *ret_any = true;
    if (at_char(p, '['))
        return parse_bracket(p, s);
    if (!take_char(p, '.')) {
        *ret_any = false;
        return true;
    }
    if (take_char(p, '.')) {
        s->deep = true;
        if (at_char(p, '.'))
            return false;
    }
    if (p->at == p->end)
        return false;
    if (at_char(p, '['))
        return parse_bracket(p, s);
    if (take_char(p, '*')) {
        s->kind = STEP_ANY;
        return true;
    }
    return parse_name(p, inner, s);
}

/* `inner`: inside a filter, where an operator ends the path. */
static bool parse_steps(struct path_parser *p, bool inner, struct json_path *ret)
{
    ARRAY(struct json_step) steps = { 0 };
    ret->definite = ret->single = true;
    for (;;) {
        struct json_step s = { 0 };
        bool any;
        if (!parse_step(p, inner, &s, &any))
            return false;
        if (!any)
            break;
        if (steps.count == JSON_MAX_STEPS || (steps.count && steps.at[steps.count - 1].kind == STEP_LENGTH))
            return false;
        struct json_step *added = array_add(&steps, p->arena);
        if (!added)
            return none(p);
        *added = s;
    }
    for (uint32_t i = 0; i < steps.count; i++) {
        const struct json_step *s = &steps.at[i];
        bool one = (s->kind == STEP_MEMBER || s->kind == STEP_INDEX) && s->n == 1 && !s->deep;
        bool merged = s->kind == STEP_MEMBER && !s->deep && i + 1 == steps.count;
        ret->single = ret->single && one;
        ret->definite = ret->definite && (one || merged || (s->kind == STEP_LENGTH && !s->deep));
    }
    ret->steps = steps.at;
    ret->n = steps.count;
    return inner || p->at == p->end;
}

/* ---- filters ---- */

static bool parse_path_operand(struct path_parser *p, struct json_operand *ret)
{
    struct json_path *path = ARENA_NEW(p->arena, struct json_path);
    if (!path)
        return none(p);
    ret->absolute = *p->at++ == '$';
    ret->path = path;
    path->lax = path->valid = true;
    return parse_steps(p, true, path);
}

static bool parse_text_operand(struct path_parser *p, struct json_operand *ret)
{
    struct str text;
    struct buf out;
    if (!parse_quoted(p, &text))
        return false;
    buf_init(&out, p->arena->budget, 8 * JSON_MAX_PATH);
    bool fits = json_put_string(&out, text);
    ret->raw = fits ? arena_str(p->arena, buf_str(&out)) : (struct str){ 0 };
    buf_release(&out);
    return ret->raw.ptr ? true : none(p);
}

static bool parse_list_operand(struct path_parser *p, struct json_operand *ret)
{
    struct buf out;
    p->at++;
    buf_init(&out, p->arena->budget, 8 * JSON_MAX_PATH);
    bool fits = buf_put_u8(&out, '['), good = true;
    for (bool first = true; good && fits; first = false) {
        struct json_operand item = { 0 };
        skip_blanks(p);
        if (first && at_char(p, ']'))
            break;
        good = parse_operand(p, &item) && !item.path;
        fits = good && (first || buf_put_u8(&out, ',')) && buf_put(&out, item.raw.ptr, item.raw.len);
        skip_blanks(p);
        if (!take_char(p, ','))
            break;
    }
    fits = fits && buf_put_u8(&out, ']');
    ret->raw = fits ? arena_str(p->arena, buf_str(&out)) : (struct str){ 0 };
    buf_release(&out);
    if (!good)
        return false;
    return ret->raw.ptr ? take_char(p, ']') : none(p);
}

static bool parse_plain_operand(struct path_parser *p, struct json_operand *ret)
{
    static const struct str words[] = { STR_INIT("true"), STR_INIT("false"), STR_INIT("null") };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (take_text(p, words[i])) {
            ret->raw = words[i];
            return true;
        }
    struct json j;
    struct str raw;
    bool integer;
    json_init(&j, str_make(p->at, (size_t)(p->end - p->at)));
    if (!json_number(&j, &raw, &integer))
        return false;
    p->at = j.at;
    ret->raw = arena_str(p->arena, raw);
    return ret->raw.ptr ? true : none(p);
}

static bool parse_operand(struct path_parser *p, struct json_operand *ret)
{
    skip_blanks(p);
    if (p->at == p->end || ++p->depth > MAX_NESTING)
        return false;
    bool good;
    switch (*p->at) {
    case '@':
    case '$':
        good = parse_path_operand(p, ret);
        break;
    case '\'':
    case '"':
        good = parse_text_operand(p, ret);
        break;
    case '[':
        good = parse_list_operand(p, ret);
        break;
    default:
        good = parse_plain_operand(p, ret);
    }
    p->depth--;
    return good;
}

static const struct {
    struct str text;
    enum json_test_op op;
    const char *unsupported;
} operators[] = {
    { STR_INIT("==="), TEST_EQUAL, NULL },     { STR_INIT("=="), TEST_EQUAL, NULL },
    { STR_INIT("!=="), TEST_NOT_EQUAL, NULL }, { STR_INIT("!="), TEST_NOT_EQUAL, NULL },
    { STR_INIT("<="), TEST_LESS_EQUAL, NULL }, { STR_INIT(">="), TEST_GREATER_EQUAL, NULL },
    { STR_INIT("<"), TEST_LESS, NULL },        { STR_INIT(">"), TEST_GREATER, NULL },
    { STR_INIT("=~"), 0, "=~" },               { STR_INIT("in "), TEST_IN, NULL },
    { STR_INIT("in["), TEST_IN, NULL },        { STR_INIT("nin "), TEST_NOT_IN, NULL },
    { STR_INIT("nin["), TEST_NOT_IN, NULL },   { STR_INIT("contains "), TEST_CONTAINS, NULL },
    { STR_INIT("size "), TEST_SIZE, NULL },    { STR_INIT("empty "), TEST_EMPTY, NULL },
    { STR_INIT("subsetof "), 0, "subsetof" },  { STR_INIT("anyof "), 0, "anyof" },
    { STR_INIT("noneof "), 0, "noneof" },      { STR_INIT("type "), 0, "type" },
};

static bool parse_compare(struct path_parser *p, struct json_test *t)
{
    if (!parse_operand(p, &t->left))
        return false;
    skip_blanks(p);
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (!take_text(p, operators[i].text))
            continue;
        if (p->at[-1] == '[')
            p->at--;
        t->kind = TEST_COMPARE;
        t->op = operators[i].op;
        if (operators[i].unsupported) {
            p->unsupported = operators[i].unsupported;
            return false;
        }
        return parse_operand(p, &t->right);
    }
    t->kind = TEST_EXISTS;
    return t->left.path != NULL;
}

static bool parse_unary(struct path_parser *p, const struct json_test **ret)
{
    struct json_test *t = ARENA_NEW(p->arena, struct json_test);
    if (!t)
        return none(p);
    if (++p->depth > MAX_NESTING)
        return false;
    *ret = t;
    skip_blanks(p);
    bool good;
    if (at_char(p, '!') && (p->at + 1 == p->end || p->at[1] != '=')) {
        p->at++;
        t->kind = TEST_NOT;
        good = parse_unary(p, &t->a);
    } else if (take_char(p, '(')) {
        good = parse_or(p, ret);
        skip_blanks(p);
        good = good && take_char(p, ')');
    } else {
        good = parse_compare(p, t);
    }
    p->depth--;
    return good;
}

static bool parse_chain(struct path_parser *p, bool is_and, const struct json_test **ret)
{
    const struct json_test *left;
    if (!(is_and ? parse_unary(p, &left) : parse_chain(p, true, &left)))
        return false;
    for (;;) {
        skip_blanks(p);
        if (!take_text(p, is_and ? STR("&&") : STR("||")))
            break;
        struct json_test *t = ARENA_NEW(p->arena, struct json_test);
        if (!t)
            return none(p);
        t->kind = is_and ? TEST_AND : TEST_OR;
        t->a = left;
        if (!(is_and ? parse_unary(p, &t->b) : parse_chain(p, true, &t->b)))
            return false;
        left = t;
    }
    *ret = left;
    return true;
}
static bool parse_or(struct path_parser *p, const struct json_test **ret) { return parse_chain(p, false, ret); }

/* ---- the whole ---- */

/* "lax" or "strict" and at least one blank; the rest is the path. */
static struct str take_mode(struct str text, bool *ret_lax)
{
    static const struct str words[] = { STR_INIT("lax"), STR_INIT("strict") };
    size_t at = 0;
    while (at < text.len && strchr(" \t\n\v\f\r", text.ptr[at]))
        at++;
    for (size_t i = 0; i < 2; i++) {
        size_t behind = at + words[i].len;
        if (behind >= text.len || !str_eq_nocase(str_make(text.ptr + at, words[i].len), words[i]))
            continue;
        size_t from = behind;
        while (from < text.len && strchr(" \t\n\v\f\r", text.ptr[from]))
            from++;
        if (from == behind || from == text.len)
            continue;
        *ret_lax = i == 0;
        return str_make(text.ptr + from, text.len - from);
    }
    return text;
}

bool json_path_compile(struct arena *a, struct str text, bool modes, struct json_path *ret)
{
    struct json_path path = { 0 };
    *ret = path;
    if (text.len == 0 || text.len > JSON_MAX_PATH || memchr(text.ptr, 0, text.len))
        return true;
    if (modes)
        text = take_mode(text, &path.lax);
    text = str_trim(text);
    *ret = path;
    if (text.len == 0 || text.ptr[text.len - 1] == '.')
        return true;
    if (text.ptr[0] != '$' && text.ptr[0] != '@') {
        text = arena_printf(a, "$.%.*s", STR_ARG(text));
        if (!text.ptr)
            return false;
    }
    struct path_parser p = { .arena = a, .at = text.ptr + 1, .end = text.ptr + text.len };
    path.valid = parse_steps(&p, false, &path);
    path.unsupported = path.valid ? NULL : p.unsupported;
    *ret = path;
    return !p.refused;
}
