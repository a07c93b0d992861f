/* The token stream, errors, and the small rules that every part of the grammar uses.
 *
 * Tokens of one statement are lexed when someone first looks at them and stay in an array, so that rules
 * may look ahead as far as they need (over a parenthesis, to tell a query from an expression) without
 * trying anything twice. */
#include "syntax/parser.h"

void parser_init(struct parser *p, struct arena *a, struct str text, struct error *err)
{
    memset(p, 0, sizeof *p);
    p->arena = a;
    p->text = text;
    p->line = p->column = 1;
    p->err = err;
}

const struct token *peek_at(struct parser *p, uint32_t ahead)
{
    static const struct token out_of_memory = { .kind = T_BAD };
    /* once refused, always refused: who looks again must not see what the first look missed */
    if (p->no_tokens)
        return &out_of_memory;
    while (p->tokens.count <= p->at + ahead) {
        const struct token *last = p->tokens.count ? &p->tokens.at[p->tokens.count - 1] : NULL;
        if (last && (last->kind == T_END || last->kind == T_BAD))
            return last;
        struct token *t = array_add(&p->tokens, p->arena);
        if (!t) {
            p->bad = budget_error(p->arena->budget, p->arena->block_bytes, &p->bad_error);
            p->no_tokens = true;
            return &out_of_memory;
        }
        lex_token(p, t);
    }
    return &p->tokens.at[p->at + ahead];
}

/* The end and a bad token are never passed. */
const struct token *take(struct parser *p)
{
    const struct token *t = peek(p);
    if (t->kind != T_END && t->kind != T_BAD)
        p->at++;
    return t;
}

bool peek_word_at(struct parser *p, uint32_t ahead, enum word w)
{
    const struct token *t = peek_at(p, ahead);
    return t->kind == T_WORD && t->word == w;
}

bool peek_word(struct parser *p, enum word w)
{
    return peek_word_at(p, 0, w);
}

bool accept_word(struct parser *p, enum word w)
{
    if (!peek_word(p, w))
        return false;
    p->at++;
    return true;
}

bool accept_words(struct parser *p, enum word a, enum word b)
{
    if (!peek_word(p, a) || !peek_word_at(p, 1, b))
        return false;
    p->at += 2;
    return true;
}

bool accept(struct parser *p, int kind)
{
    if (peek(p)->kind != kind)
        return false;
    p->at++;
    return true;
}

/* ---- errors ---- */

/* The token's own text, cut to what a message can hold, on whole characters. */
static struct str token_text(const struct parser *p, const struct token *t)
{
    struct str s = { p->text.ptr + t->at, t->end - t->at };
    size_t n = 0;
    while (n < s.len && s.ptr[n] != '\n' && (n < 40 || (s.ptr[n] & 0xC0) == 0x80))
        n++;
    s.len = n;
    return s;
}

/* Words that hold statements together are rarely meant as names. */
static bool is_structure(uint16_t w)
{
    static const uint16_t words[] = { KW_SELECT, KW_FROM, KW_WHERE, KW_GROUP, KW_HAVING, KW_BY,
                                      KW_AS,     KW_ON,   KW_AND,   KW_OR,    KW_WHEN,   KW_THEN,
                                      KW_ELSE,   KW_END,  KW_UNION, KW_INTO,  KW_WITH,   KW_JOIN };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (w == words[i])
            return true;
    return false;
}

/* `expected` is shown up to a newline; upper-case words after it are only what a slip may have meant. */
enum status unexpected(struct parser *p, const char *expected)
{
    const struct token *t = peek(p);
    int shown = (int)strcspn(expected, "\n");
    if (t->kind == T_BAD) {
        if (p->err)
            *p->err = p->bad_error;
        return p->bad;
    }
    struct str slip = { 0 }, wrong = { 0 };
    const char *hint = "did you mean %.*s instead of '%.*s'?";
    if (t->kind == T_END) {
        error_at(p->err, ST_SYNTAX, t->line, t->column, "the text ends where %.*s should follow", shown,
                 expected);
    } else {
        struct str text = token_text(p, t);
        error_at(p->err, ST_SYNTAX, t->line, t->column, "unexpected '%.*s': expected %.*s", STR_ARG(text), shown,
                 expected);
        if (t->kind == T_WORD && !(word_flags(t->word) & RES))
            slip = word_slip(wrong = t->value, expected);
    }
    /* SELECT a FORM t: the slip was taken for an alias, and only what follows it does not fit */
    if (!slip.ptr && p->at > 0 && p->tokens.at[p->at - 1].kind == T_WORD &&
        !(word_flags(p->tokens.at[p->at - 1].word) & RES))
        slip = word_slip(wrong = p->tokens.at[p->at - 1].value, expected);
    if (slip.ptr)
        error_hint(p->err, hint, STR_ARG(slip), STR_ARG(wrong));
    else if (t->kind == T_WORD && (word_flags(t->word) & RES) && strstr(expected, "name") && !is_structure(t->word))
        error_hint(p->err, "%.*s is a reserved word: quote it as `%.*s`", STR_ARG(word_text(t->word)),
                   STR_ARG(t->value));
    return ST_SYNTAX;
}

enum status too_deep(struct parser *p)
{
    const struct token *t = peek(p);
    return error_at(p->err, ST_LIMIT, t->line, t->column, "nested more than %d levels deep", SYN_MAX_DEPTH);
}

enum status too_high(struct parser *p, uint32_t line, uint32_t column)
{
    error_at(p->err, ST_LIMIT, line, column, "more than %d operators or joins in one chain", SYN_MAX_HEIGHT);
    error_hint(p->err, "use IN (…), or cut the statement into views");
    return ST_LIMIT;
}

enum status too_many(struct parser *p)
{
    const struct token *t = peek(p);
    return error_at(p->err, ST_LIMIT, t->line, t->column, "a list has more than %d items", SYN_MAX_ITEMS);
}

enum status no_memory(struct parser *p)
{
    return budget_error(p->arena->budget, p->arena->block_bytes, p->err);
}

enum status expect(struct parser *p, int kind, const char *expected)
{
    return accept(p, kind) ? ST_OK : unexpected(p, expected);
}

enum status expect_word(struct parser *p, enum word w)
{
    return accept_word(p, w) ? ST_OK : unexpected(p, word_text(w).ptr);
}

/* ---- small rules ---- */

bool is_name_token(const struct token *t)
{
    return t->kind == T_QUOTED || (t->kind == T_WORD && !(word_flags(t->word) & RES));
}

enum status parse_ident(struct parser *p, struct str *ret, const char *expected)
{
    if (!is_name_token(peek(p)))
        return unexpected(p, expected);
    *ret = take(p)->value;
    return ST_OK;
}

enum status parse_name(struct parser *p, struct syn_name *ret, const char *expected)
{
    struct str_list parts = { 0 };
    const struct token *first = peek(p);
    ret->line = first->line;
    ret->column = first->column;
    do {
        TRY_ADD(p, part, &parts, struct str);
        TRY(parse_ident(p, part, expected));
        expected = "a name";
    } while (accept(p, '.'));
    ret->parts = parts.at;
    ret->count = parts.count;
    return ST_OK;
}

/* Text; what stands in several pieces one after the other is one text, as the standard has it. */
enum status parse_string(struct parser *p, struct str *ret, const char *expected)
{
    if (peek(p)->kind != T_STRING)
        return unexpected(p, expected);
    struct str s = take(p)->value;
    if (peek(p)->kind == T_STRING) {
        uint32_t pieces = 0;
        size_t len = s.len;
        while (peek_at(p, pieces)->kind == T_STRING)
            len += peek_at(p, pieces++)->value.len;
        char *joined = arena_alloc(p->arena, len + 1);
        if (!joined)
            return no_memory(p);
        size_t n = s.len;
        memcpy(joined, s.ptr, n);
        for (; pieces > 0; pieces--) {
            struct str piece = take(p)->value;
            memcpy(joined + n, piece.ptr, piece.len);
            n += piece.len;
        }
        s = (struct str){ joined, len };
    }
    *ret = s;
    return ST_OK;
}

enum status parse_ident_list(struct parser *p, struct str **ret, uint32_t *ret_count)
{
    struct str_list list = { 0 };
    TRY(expect(p, '(', "'('"));
    do {
        TRY_ADD(p, name, &list, struct str);
        TRY(parse_ident(p, name, "a name"));
    } while (accept(p, ','));
    TRY(expect(p, ')', "',' or ')'"));
    *ret = list.at;
    *ret_count = list.count;
    return ST_OK;
}

enum status parse_count(struct parser *p, int32_t *ret, const char *expected)
{
    const struct token *t = peek(p);
    int64_t value;
    if (t->kind != T_NUMBER || !str_to_i64(t->value, &value) || value > INT32_MAX)
        return unexpected(p, expected);
    take(p);
    *ret = (int32_t)value;
    return ST_OK;
}

enum status parse_options(struct parser *p, struct syn_option **ret, uint32_t *ret_count)
{
    ARRAY(struct syn_option) list = { 0 };
    TRY(expect(p, '(', "( and options"));
    while (peek(p)->kind != ')') {
        TRY_ADD(p, option, &list, struct syn_option);
        TRY(parse_string(p, &option->name, "an option's name in single quotes"));
        TRY(expect(p, '=', "'='"));
        option->line = peek(p)->line;
        option->column = peek(p)->column;
        TRY(parse_string(p, &option->value, "an option's value in single quotes"));
        if (!accept(p, ','))
            break;
    }
    TRY(expect(p, ')', "',' or ')'"));
    *ret = list.at;
    *ret_count = list.count;
    return ST_OK;
}

/* ---- looking over parentheses ---- */

static bool word_opens_query(struct parser *p, uint32_t ahead)
{
    const struct token *t = peek_at(p, ahead);
    if (t->kind != T_WORD)
        return false;
    if (t->word == KW_TABLE)
        return peek_at(p, ahead + 1)->kind != '(';
    return t->word == KW_SELECT || t->word == KW_VALUES || t->word == KW_WITH;
}

/* What may follow a parenthesised query that is itself part of a query. */
static bool word_continues_query(const struct token *t)
{
    static const uint16_t words[] = { KW_UNION, KW_INTERSECT, KW_EXCEPT, KW_MINUS, KW_ORDER,
                                      KW_LIMIT, KW_OFFSET,    KW_FETCH };
    for (size_t i = 0; t->kind == T_WORD && i < sizeof words / sizeof *words; i++)
        if (t->word == words[i])
            return true;
    return false;
}

/* '(' is followed by a query word: yes. By another '(': then what stands behind the matching ')' tells,
 * and if that is again a ')', the inner parenthesis decides. */
bool paren_opens_query(struct parser *p, uint32_t ahead)
{
    uint32_t open = ahead + 1;
    while (peek_at(p, open)->kind == '(' && open - ahead <= SYN_MAX_DEPTH)
        open++;
    if (open - ahead > SYN_MAX_DEPTH)
        return true; /* too deep either way */
    if (!word_opens_query(p, open))
        return false;
    /* `open` is the first word; walk outwards over the parentheses that stand between */
    uint32_t inner = open - ahead - 1, depth = 0;
    for (uint32_t i = open; inner > 0; i++) {
        const struct token *t = peek_at(p, i);
        if (t->kind == T_END || t->kind == T_BAD || t->kind == ';')
            return false;
        if (t->kind == '(')
            depth++;
        else if (t->kind == ')' && depth > 0)
            depth--;
        else if (t->kind == ')') {
            const struct token *next = peek_at(p, i + 1);
            if (next->kind != ')' && !word_continues_query(next))
                return false;
            inner--;
        }
    }
    return true;
}

bool at_query(struct parser *p)
{
    return word_opens_query(p, 0) || (peek(p)->kind == '(' && paren_opens_query(p, 0));
}

/* ---- whole texts ---- */

static enum status check_size(struct str text, struct error *err)
{
    if (text.len > SYN_MAX_TEXT)
        return error_set(err, ST_LIMIT, "the text has %zu bytes; %d are allowed", text.len, SYN_MAX_TEXT);
    return ST_OK;
}

/* After an error: past the next ';', lexically. Returns where that is. */
static uint32_t recover(struct parser *p)
{
    struct token t;
    for (uint32_t i = p->at; i < p->tokens.count; i++)
        if (p->tokens.at[i].kind == ';')
            return p->tokens.at[i].end;
    do
        lex_token(p, &t); /* a bad one, too, moves on; without memory all strings may be bad, and that is fine */
    while (t.kind != T_END && t.kind != ';');
    return p->pos;
}

/* Where the parse stands: after the last token taken, not after the last one looked at. */
static void forget_tokens(struct parser *p)
{
    if (p->at > 0) {
        const struct token *last = &p->tokens.at[p->at - 1];
        if (last->kind == ';') { /* one byte, so line and column are known */
            p->pos = last->end;
            p->line = last->line;
            p->column = last->column + 1;
            p->in_hint = false;
        }
    }
    p->tokens.count = p->at = 0;
    p->depth = 0;
}

/* The next statement of the text, NULL at its end. */
enum status parse_one(struct parser *p, struct syn_stmt **ret)
{
    struct syn_stmt *s = NULL;
    forget_tokens(p);
    while (accept(p, ';'))
        if (p->at > 1024)
            forget_tokens(p);
    if (peek(p)->kind == T_END) {
        *ret = NULL;
        return ST_OK;
    }
    uint32_t first = p->at;
    enum status st = parse_statement(p, &s);
    if (st == ST_OK && peek(p)->kind != ';' && peek(p)->kind != T_END)
        st = unexpected(p, "';' or the end of the statement\n" CLAUSES);
    if (st != ST_OK)
        return st;
    const struct token *start = &p->tokens.at[first], *last = &p->tokens.at[p->at - 1];
    s->source = (struct str){ p->text.ptr + start->at, last->end - start->at };
    accept(p, ';');
    *ret = s;
    return ST_OK;
}

enum status syn_parse_next(struct arena *a, struct str text, size_t *pos, struct syn_stmt **ret_stmt,
                           struct error *err)
{
    struct parser p;
    struct syn_stmt *s;
    TRY(check_size(text, err));
    parser_init(&p, a, text, err);
    /* lines and columns count from the start of the text */
    const char *at = text.ptr, *end = text.ptr + (*pos < text.len ? *pos : text.len), *newline;
    while (at < end && (newline = memchr(at, '\n', (size_t)(end - at)))) {
        p.line++;
        at = newline + 1;
    }
    for (; at < end; at++)
        p.column += ((unsigned char)*at & 0xC0) != 0x80;
    p.pos = (uint32_t)(end - text.ptr);
    enum status st = parse_one(&p, &s);
    if (st != ST_OK) {
        *pos = recover(&p);
        return st;
    }
    forget_tokens(&p);
    *pos = p.pos; /* without a ';' all has been read */
    *ret_stmt = s;
    return ST_OK;
}

enum status syn_parse(struct arena *a, struct str text, struct syn_stmt ***ret_stmts, uint32_t *ret_count,
                      struct error *err)
{
    struct parser p;
    ARRAY(struct syn_stmt *) list = { 0 };
    TRY(check_size(text, err));
    parser_init(&p, a, text, err);
    for (;;) {
        struct syn_stmt *s;
        TRY(parse_one(&p, &s));
        if (!s)
            break;
        struct syn_stmt **place = array_add(&list, a);
        if (!place)
            return no_memory(&p);
        *place = s;
    }
    *ret_stmts = list.at;
    *ret_count = list.count;
    return ST_OK;
}

enum status syn_parse_expr(struct arena *a, struct str text, struct syn_expr **ret, struct error *err)
{
    struct parser p;
    struct syn_expr *e;
    TRY(check_size(text, err));
    parser_init(&p, a, text, err);
    TRY(parse_expr(&p, &e));
    if (peek(&p)->kind != T_END)
        return unexpected(&p, "an operator or the end of the expression");
    *ret = e;
    return ST_OK;
}
