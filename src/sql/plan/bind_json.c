/* The calls of SQL/JSON: their words become arguments in a fixed order, so that expr sees no syntax.
 *     JSON_VALUE(x, path, type, on empty, default, on error, default)    type: a NULL of it; default: a NULL when none
 *     JSON_QUERY(x, path, type, wrapper, on empty, on error)             wrapper: WITHOUT, CONDITIONAL, UNCONDITIONAL
 *     JSON_EXISTS(x, path, on error)
 *     JSON_OBJECT(on null, key, value, …)   JSON_ARRAY(on null, value, …)
 * A behaviour that is not said is what Flink takes it to be. JSON(text) may stand only where these take it. */
#include "plan/private.h"

enum json_form json_form(struct str name)
{
    static const struct {
        struct str name;
        enum json_form form;
    } forms[] = {
        { STR_INIT("JSON_VALUE"), JSON_FORM_VALUE },   { STR_INIT("JSON_QUERY"), JSON_FORM_QUERY },
        { STR_INIT("JSON_EXISTS"), JSON_FORM_EXISTS }, { STR_INIT("JSON_OBJECT"), JSON_FORM_OBJECT },
        { STR_INIT("JSON_ARRAY"), JSON_FORM_ARRAY },   { STR_INIT("JSON"), JSON_FORM_TEXT },
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (str_eq_nocase(name, forms[i].name))
            return forms[i].form;
    return JSON_NO_FORM;
}

struct json_call {
    struct binder *b;
    const struct place *place;
    const struct syn_expr *e;
    uint32_t at; /* next argument */
};

static bool take_word(struct json_call *c, const char *word)
{
    if (c->at == c->e->n_args || c->e->args[c->at]->kind != SYN_WORD ||
        !str_eq_nocase(c->e->args[c->at]->text, str_from(word)))
        return false;
    c->at++;
    return true;
}

static enum status put_word(struct json_call *c, struct str word, const struct expr **ret)
{
    TRY_AT(c->b, c->e, expr_string(&c->b->exprs, word, ret, c->b->err));
    return ST_OK;
}

static enum status misplaced(struct json_call *c)
{
    const struct syn_expr *at = c->at < c->e->n_args ? c->e->args[c->at] : c->e;
    return error_at(c->b->err, ST_SEMANTIC, at->line, at->column, "%.*s has no clause like that here",
                    STR_ARG(c->e->name.parts[c->e->name.count - 1]));
}

/* A value; JSON(text) is one here. */
static enum status take_value(struct json_call *c, const struct expr **ret)
{
    if (c->at == c->e->n_args || c->e->args[c->at]->kind == SYN_WORD)
        return misplaced(c);
    const struct syn_expr *v = c->e->args[c->at++];
    bool makes = json_form(c->e->name.parts[c->e->name.count - 1]) >= JSON_FORM_OBJECT;
    if (makes && v->kind == SYN_CALL && json_form(v->name.parts[v->name.count - 1]) == JSON_FORM_TEXT) {
        const struct expr **args = ARENA_ARRAY(c->b->arena, const struct expr *, v->n_args + 1);
        TRY_MEM(c->b, args);
        for (uint32_t i = 0; i < v->n_args; i++)
            TRY(bind_expr(c->b, c->place, v->args[i], &args[i]));
        TRY(bind_named(c->b, c->place, STR("JSON"), args, v->n_args, v, ret));
    } else {
        TRY(bind_expr(c->b, c->place, v, ret));
    }
    const struct syn_expr *next = c->at < c->e->n_args ? c->e->args[c->at] : NULL;
    if (take_word(c, "FORMAT"))
        return error_at(c->b->err, ST_UNSUPPORTED, next->line, next->column,
                        "not supported yet: FORMAT JSON (JSON(text) says that a text is JSON)");
    return ST_OK;
}

/* RETURNING type, or a NULL without type. */
static enum status take_type(struct json_call *c, const struct expr **ret)
{
    const struct type *t = type_basic(TYPE_NULL);
    if (take_word(c, "RETURNING")) {
        if (c->at == c->e->n_args || c->e->args[c->at]->kind != SYN_TYPE)
            return misplaced(c);
        TRY(bind_type(c->b, c->e->args[c->at++]->type, &t));
        t = type_nullable(c->b->arena, t, true);
        TRY_MEM(c->b, t);
    }
    TRY_AT(c->b, c->e, expr_null(&c->b->exprs, t, ret, c->b->err));
    return ST_OK;
}

struct behaviours {
    const struct expr *wrapper, *on_empty, *empty_default, *on_error, *error_default;
};

/* The word of a behaviour and its default; *ret_default stays when there is none. */
static enum status take_behaviour(struct json_call *c, struct str *ret_word, const struct expr **ret_default)
{
    static const struct str words[] = { STR_INIT("NULL"), STR_INIT("ERROR"), STR_INIT("TRUE"), STR_INIT("FALSE"),
                                        STR_INIT("UNKNOWN") };
    if (take_word(c, "DEFAULT")) {
        *ret_word = STR("DEFAULT");
        return take_value(c, ret_default);
    }
    if (take_word(c, "EMPTY")) { /* alone it is an array */
        *ret_word = STR("EMPTY ARRAY");
        if (!take_word(c, "ARRAY") && take_word(c, "OBJECT"))
            *ret_word = STR("EMPTY OBJECT");
        return ST_OK;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (take_word(c, words[i].ptr)) {
            *ret_word = words[i];
            return ST_OK;
        }
    return misplaced(c);
}

/* Which behaviours a function takes. */
static bool allowed(enum json_form form, struct str word, bool on_empty)
{
    static const char *const of[] = { [JSON_FORM_VALUE] = " NULL ERROR DEFAULT ",
                                      [JSON_FORM_QUERY] = " NULL ERROR EMPTY ARRAY EMPTY OBJECT ",
                                      [JSON_FORM_EXISTS] = " TRUE FALSE UNKNOWN ERROR " };
    char text[32];
    if (word.len > sizeof text - 3 || (form == JSON_FORM_EXISTS && on_empty))
        return false;
    text[0] = ' ';
    memcpy(text + 1, word.ptr, word.len);
    text[word.len + 1] = ' ';
    return str_find(str_from(of[form]), str_make(text, word.len + 2), 0) >= 0;
}

static enum status take_behaviours(struct json_call *c, enum json_form form, struct behaviours *s)
{
    bool seen[3] = { false, false, false };
    while (c->at < c->e->n_args) {
        uint32_t from = c->at;
        bool with = take_word(c, "WITH");
        if (with || take_word(c, "WITHOUT")) {
            struct str word = with ? STR("UNCONDITIONAL") : STR("WITHOUT");
            if (with && take_word(c, "CONDITIONAL"))
                word = STR("CONDITIONAL");
            else if (with)
                (void)take_word(c, "UNCONDITIONAL");
            (void)take_word(c, "ARRAY");
            if (!take_word(c, "WRAPPER") || form != JSON_FORM_QUERY || seen[0]) {
                c->at = from;
                return misplaced(c);
            }
            seen[0] = true;
            TRY(put_word(c, word, &s->wrapper));
            continue;
        }
        struct str word;
        const struct expr *value = NULL;
        TRY(take_behaviour(c, &word, &value));
        bool on = take_word(c, "ON"), empty = on && take_word(c, "EMPTY");
        if (!on || (!empty && !take_word(c, "ERROR")) || seen[empty ? 1 : 2] || !allowed(form, word, empty)) {
            c->at = from;
            return misplaced(c);
        }
        seen[empty ? 1 : 2] = true;
        TRY(put_word(c, word, empty ? &s->on_empty : &s->on_error));
        if (value && empty)
            s->empty_default = value;
        else if (value)
            s->error_default = value;
    }
    return ST_OK;
}

/* JSON_VALUE, JSON_QUERY, JSON_EXISTS */
static enum status bind_path_form(struct json_call *c, enum json_form form, struct str name, const struct expr **ret)
{
    const struct expr *args[7], *type;
    struct behaviours s = { 0 };
    if (c->e->n_args < 2)
        return error_at(c->b->err, ST_SEMANTIC, c->e->line, c->e->column, "%.*s needs a text and a path",
                        STR_ARG(name));
    TRY(take_value(c, &args[0]));
    TRY(take_value(c, &args[1]));
    if (form == JSON_FORM_EXISTS && c->at < c->e->n_args && take_word(c, "RETURNING")) {
        c->at--;
        return misplaced(c);
    }
    TRY(take_type(c, &type));
    TRY(put_word(c, STR("WITHOUT"), &s.wrapper));
    TRY(put_word(c, STR("NULL"), &s.on_empty));
    TRY(put_word(c, form == JSON_FORM_EXISTS ? STR("FALSE") : STR("NULL"), &s.on_error));
    TRY_AT(c->b, c->e, expr_null(&c->b->exprs, type_basic(TYPE_NULL), &s.empty_default, c->b->err));
    s.error_default = s.empty_default;
    TRY(take_behaviours(c, form, &s));
    uint32_t n = 2;
    if (form == JSON_FORM_EXISTS) {
        args[n++] = s.on_error;
    } else if (form == JSON_FORM_QUERY) {
        args[n++] = type;
        args[n++] = s.wrapper;
        args[n++] = s.on_empty;
        args[n++] = s.on_error;
    } else {
        args[n++] = type;
        args[n++] = s.on_empty;
        args[n++] = s.empty_default;
        args[n++] = s.on_error;
        args[n++] = s.error_default;
    }
    return bind_named(c->b, c->place, name, args, n, c->e, ret);
}

/* KEY k VALUE v …, or v …; then {NULL | ABSENT} ON NULL. */
static enum status bind_maker(struct json_call *c, enum json_form form, struct str name, const struct expr **ret)
{
    const struct expr **args = ARENA_ARRAY(c->b->arena, const struct expr *, c->e->n_args + 1);
    TRY_MEM(c->b, args);
    uint32_t n = 1;
    bool absent = form == JSON_FORM_ARRAY;
    while (c->at < c->e->n_args) {
        if (form == JSON_FORM_OBJECT && take_word(c, "KEY")) {
            TRY(bind_expr(c->b, c->place, c->e->args[c->at++], &args[n++]));
            if (!take_word(c, "VALUE"))
                return misplaced(c);
        } else if (c->e->args[c->at]->kind == SYN_WORD) {
            absent = take_word(c, "ABSENT");
            if (!absent && !take_word(c, "NULL"))
                return misplaced(c);
            if (!take_word(c, "ON") || !take_word(c, "NULL"))
                return misplaced(c);
            continue;
        }
        TRY(take_value(c, &args[n++]));
    }
    TRY(put_word(c, absent ? STR("ABSENT") : STR("NULL"), &args[0]));
    return bind_named(c->b, c->place, name, args, n, c->e, ret);
}

enum status bind_json(struct binder *b, const struct place *p, const struct syn_expr *e, enum json_form form,
                      const struct expr **ret)
{
    struct json_call c = { .b = b, .place = p, .e = e };
    struct str name = e->name.parts[e->name.count - 1];
    if (form == JSON_FORM_TEXT)
        return error_at(b->err, ST_SEMANTIC, e->line, e->column,
                        "JSON(text) stands only in JSON_ARRAY or as a value of JSON_OBJECT");
    return form >= JSON_FORM_OBJECT ? bind_maker(&c, form, name, ret) : bind_path_form(&c, form, name, ret);
}

/* x IS [NOT] JSON [VALUE | SCALAR | ARRAY | OBJECT] */
enum status bind_is_json(struct binder *b, const struct place *p, const struct syn_expr *e, const struct expr **ret)
{
    const struct expr *args[2];
    struct str word = e->text.len > 5 ? str_make(e->text.ptr + 5, e->text.len - 5) : STR("VALUE");
    TRY(bind_expr(b, p, e->args[0], &args[0]));
    TRY_AT(b, e, expr_string(&b->exprs, word, &args[1], b->err));
    TRY(bind_named(b, p, STR("IS JSON"), args, 2, e, ret));
    return e->flag ? bind_named(b, p, STR("NOT"), ret, 1, e, ret) : ST_OK;
}
