/* Tokens for who helps to type, and where a statement ends.
 *
 * Both stand on the lexer, which knows quotes and comments. The scan keeps the place of the first byte that it could
 * not make sense of yet (an open quote begins there), so that a long statement typed line by line is looked at once.
 * A ';' ends a statement, but inside a statement set only the one behind END does. */
#include "syntax/parser.h"

static struct token token_at(struct parser *p, struct arena *a, struct str text, size_t from)
{
    struct token t;
    parser_init(p, a, text, NULL);
    p->pos = (uint32_t)from;
    lex_token(p, &t);
    return t;
}

struct syn_token syn_next_token(struct arena *a, struct str text, size_t from)
{
    struct parser p;
    if (text.len > SYN_MAX_TEXT || from >= text.len)
        return (struct syn_token){ .at = text.len, .end = text.len };
    struct token t = token_at(&p, a, text, from);
    struct syn_token r = { .at = t.at, .end = p.pos, .value = t.value };
    switch (t.kind) {
    case T_END:
        return r;
    case T_WORD:
        r.kind = SYN_TOKEN_WORD;
        return r;
    case T_QUOTED:
        r.kind = SYN_TOKEN_NAME;
        return r;
    case T_STRING:
        r.kind = SYN_TOKEN_TEXT;
        return r;
    default:
        r.kind = t.kind == T_BAD && p.unended ? SYN_TOKEN_OPEN : SYN_TOKEN_OTHER;
        r.value = str_make(text.ptr + r.at, r.end - r.at);
        return r;
    }
}

/* BEGIN STATEMENT SET; … END; and EXECUTE STATEMENT SET BEGIN … END; */
static bool is_set(const struct syn_scan *s)
{
    return (s->first == KW_BEGIN || s->first == KW_EXECUTE) && s->second == KW_STATEMENT;
}

enum syn_scanned syn_scan(struct arena *a, struct str text, struct syn_scan *s)
{
    while (text.len <= SYN_MAX_TEXT) {
        struct parser p;
        struct token t = token_at(&p, a, text, s->pos);
        if (t.kind == T_END)
            break;
        if (t.kind == T_BAD && p.unended)
            return SYN_QUOTED;
        s->pos = p.pos;
        if (t.kind == ';' && (!is_set(s) || s->last == KW_END))
            return SYN_WHOLE;
        uint16_t word = t.kind == T_WORD ? t.word : 0;
        if (s->tokens == 0)
            s->first = word;
        else if (s->tokens == 1)
            s->second = word;
        s->last = word;
        s->tokens++;
    }
    return s->tokens ? SYN_OPEN : SYN_NOTHING;
}
