/* The columns of a sample of JSON lines: the members of its objects, in the order in which they come. Lines that are no
 * JSON objects are passed over (reading will tell of them), unless there is nothing else. */
#include "infer.h"

struct look {
    struct arena *a;
    bool refused; /* memory, or too many fields */
};

static bool look_value(struct look *l, struct json *j, struct guess *g, uint32_t depth);

static bool look_object(struct look *l, struct json *j, struct guess *g, uint32_t depth)
{
    struct str key;
    bool escaped;
    uint32_t at = 0;
    if (!json_enter(j))
        return false;
    while (json_member(j, &key, &escaped)) {
        struct str name = key;
        if (escaped) {
            char *plain = arena_alloc(l->a, key.len + 1);
            l->refused |= !plain;
            name = plain ? (struct str){ plain, json_unescape(key, plain) } : key;
        }
        struct guess *field = guess_field_of(g, name, &at, l->a);
        if (!field) {
            l->refused = true;
            return false;
        }
        if (!look_value(l, j, field, depth + 1))
            return false;
    }
    return !j->fault;
}

static bool look_array(struct look *l, struct json *j, struct guess *g, uint32_t depth)
{
    if (!json_enter(j))
        return false;
    while (json_element(j)) {
        if (!g->element && !(g->element = ARENA_NEW(l->a, struct guess))) {
            l->refused = true;
            return false;
        }
        if (!look_value(l, j, g->element, depth + 1))
            return false;
    }
    return !j->fault;
}

/* Text: times are looked for, numbers in quotes are meant as text. */
static struct guess guess_quoted(struct str s)
{
    struct guess g = guess_text(s);
    bool time = g.kind == GUESS_DATE || g.kind == GUESS_TIMESTAMP || g.kind == GUESS_LTZ;
    return time ? g : (struct guess){ .kind = GUESS_TEXT };
}

static bool look_value(struct look *l, struct json *j, struct guess *g, uint32_t depth)
{
    struct str raw;
    bool flag;
    enum json_kind kind = json_peek(j);
    if (kind == JSON_OBJECT || kind == JSON_ARRAY) {
        enum guess_kind nested = kind == JSON_OBJECT ? GUESS_ROW : GUESS_ARRAY;
        if (depth >= INFER_DEPTH_MAX)
            guess_widen(g, (struct guess){ .kind = GUESS_TEXT });
        if (!guess_nest(g, nested))
            return json_skip(j, &raw);
        return kind == JSON_OBJECT ? look_object(l, j, g, depth) : look_array(l, j, g, depth);
    }
    if (kind == JSON_STRING) {
        if (!json_string(j, &raw, &flag))
            return false;
        guess_widen(g, guess_quoted(raw));
        return true;
    }
    if (!json_skip(j, &raw))
        return false;
    if (kind == JSON_NUMBER)
        guess_widen(g, guess_number(raw));
    if (kind == JSON_TRUE || kind == JSON_FALSE)
        guess_widen(g, (struct guess){ .kind = GUESS_BOOLEAN });
    return true;
}

/* A bad line must leave no trace: it is checked before it is looked at. */
static bool look_line(struct look *l, struct str line, struct guess *row)
{
    size_t offset;
    const char *fault;
    struct json j;
    json_init(&j, line);
    if (json_peek(&j) != JSON_OBJECT || !json_valid(line, &offset, &fault))
        return false;
    return look_object(l, &j, row, 0);
}

static enum status no_object(const struct sample *s, struct str line, struct error *err)
{
    error_set(err, ST_DATA, "no columns can be inferred from '%.*s': its first line is no JSON object", STR_ARG(s->file));
    if (str_starts(str_trim(line), STR("[")))
        error_hint(err, "it looks like one array: an object a line is wanted, as jq -c '.[]' makes them");
    error_place(err, s->file.ptr, 1, 0, -1);
    return ST_DATA;
}

enum status json_infer(const struct table_desc *t, const struct sample *samples, uint32_t n, struct arena *a,
                       struct inferred *ret, struct error *err)
{
    struct look l = { .a = a };
    struct guess row = { .kind = GUESS_ROW };
    uint32_t seen = 0;
    for (uint32_t i = 0; i < n && !l.refused; i++) {
        struct str rest = samples[i].text;
        if (str_starts(rest, STR("\xef\xbb\xbf")))
            rest = str_make(rest.ptr + 3, rest.len - 3);
        while (rest.ptr && rest.len && !l.refused) {
            bool cut = !samples[i].whole && !memchr(rest.ptr, '\n', rest.len);
            struct str line = str_split(&rest, '\n');
            if (!cut)
                seen += look_line(&l, line, &row);
        }
    }
    if (l.refused && row.fields.count >= INFER_COLUMNS_MAX)
        return error_set(err, ST_LIMIT, "no columns are inferred from '%.*s': there are more than %u", STR_ARG(samples[0].file),
                         INFER_COLUMNS_MAX);
    if (l.refused)
        return error_set(err, ST_LIMIT, "no columns are inferred from '%.*s': an object has more than %u members, or memory ran "
                         "short", STR_ARG(samples[0].file), INFER_COLUMNS_MAX);
    if (!seen || row.fields.count == 0)
        return no_object(&samples[0], samples[0].text, err);
    if (guess_settle_times(&row) && !options_has(&t->options, "json.timestamp-format.standard"))
        ret->options[ret->n_options++] =
            (struct option){ .name = STR("json.timestamp-format.standard"), .value = STR("ISO-8601") };
    return guess_schema(&row, a, &ret->schema, err);
}
