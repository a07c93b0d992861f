/* What may stand at the cursor. The lexer tells what is before it: an open quote with a list of options around it, a
 * name behind a point, a word. Names come from where they live: tables and columns from the session's catalog,
 * functions from their table, option keys and values from the specs of connectors, formats and SET. */
#include "cli/shell/shell.h"

#define TOKENS_MAX 4096u
#define TABLES_MAX 32u

struct completion {
    struct shell *s;
    struct arena *a;
    struct candidates *ret;
    struct str text;          /* the statement up to the line's end */
    size_t cursor;            /* in it */
    struct syn_token *tokens; /* before the cursor, without the word that is being typed */
    uint32_t n;
    struct str typed;         /* of that word */
    char quote;               /* it stands in: ' or `, else 0 */
    bool ok;
};

/* ---- candidates ---- */

static bool starts_nocase(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq_nocase(str_make(s.ptr, prefix.len), prefix);
}

static void add(struct completion *k, struct str text, const char *after)
{
    for (uint32_t i = 0; i < k->ret->list.count; i++)
        if (str_eq_nocase(k->ret->list.at[i].text, text))
            return;
    struct candidate *c = array_add(&k->ret->list, k->a);
    k->ok &= c != NULL;
    if (c)
        *c = (struct candidate){ text, after };
}

static bool typed_small(const struct completion *k)
{
    for (size_t i = 0; i < k->typed.len; i++)
        if (k->typed.ptr[i] >= 'a' && k->typed.ptr[i] <= 'z')
            return true;
    return false;
}

/* A word of the language, in the case in which it is being typed. */
static void add_word(struct completion *k, struct str word, const char *after)
{
    if (!starts_nocase(word, k->typed))
        return;
    if (typed_small(k)) {
        struct str copy = arena_str(k->a, word);
        k->ok &= copy.ptr != NULL;
        for (size_t i = 0; copy.ptr && i < copy.len; i++) {
            char *c = (char *)(uintptr_t)&copy.ptr[i];
            if (*c >= 'A' && *c <= 'Z')
                *c = (char)(*c + ('a' - 'A'));
        }
        word = copy;
    }
    if (word.ptr)
        add(k, word, after);
}

static bool is_plain(struct str name)
{
    bool ok = name.len > 0 && !(name.ptr[0] >= '0' && name.ptr[0] <= '9') && !syn_is_reserved(name);
    for (size_t i = 0; ok && i < name.len; i++) {
        char c = name.ptr[i];
        ok = c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80);
    }
    return ok;
}

/* A name of the user's, as it must be written. */
static void add_name(struct completion *k, struct str name, const char *after)
{
    if (!starts_nocase(name, k->typed))
        return;
    if (!k->quote && !is_plain(name))
        name = arena_printf(k->a, "`%.*s`", STR_ARG(name));
    k->ok &= name.ptr != NULL;
    if (name.ptr)
        add(k, name, k->quote ? "` " : after);
}

/* ---- what there is ---- */

static struct session *session_of(const struct completion *k) { return engine_session(k->s->engine); }

static uint32_t names_of(struct completion *k, const char *kind, struct str **ret)
{
    uint32_t n;
    struct error err;
    return catalog_names(session_catalog(session_of(k)), kind, k->a, ret, &n, &err) == ST_OK ? n : 0;
}

/* Tables and views of a database. */
static void add_tables_of(struct completion *k, struct str database)
{
    struct str *keys;
    uint32_t n = names_of(k, "TABLE", &keys);
    for (uint32_t i = 0; i < n; i++) {
        const struct object_name *at = catalog_find_name(session_catalog(session_of(k)), keys[i]);
        if (str_eq(at->database, database))
            add_name(k, at->name, " ");
    }
}

/* Those of the database in use, and the others' names to go on from. */
static void add_tables(struct completion *k)
{
    struct str *names;
    uint32_t n = names_of(k, "DATABASE", &names);
    add_tables_of(k, session_database(session_of(k)));
    for (uint32_t i = 0; i < n; i++)
        if (!str_eq(names[i], session_database(session_of(k))))
            add_name(k, names[i], ".");
}

static void add_databases(struct completion *k)
{
    struct str *names;
    uint32_t n = names_of(k, "DATABASE", &names);
    for (uint32_t i = 0; i < n; i++)
        add_name(k, names[i], ";");
}

/* By DESCRIBE, which knows tables and views; `table` as SQL writes it. */
static void add_columns(struct completion *k, struct str table)
{
    struct action a;
    struct error err;
    size_t pos = 0;
    struct str sql = arena_printf(k->a, "DESCRIBE %.*s", STR_ARG(table));
    if (!sql.ptr || session_next(engine_session(k->s->engine), sql, &pos, &a, &err) != ST_OK)
        return;
    for (uint32_t i = 0; a.kind == ACTION_ROWS && i < batch_rows(a.rows); i++) {
        struct str name = arena_str(k->a, column_str(&a.rows->cols[0], i));
        if (name.ptr)
            add_name(k, name, "");
    }
    action_release(&a);
}

static void add_functions(struct completion *k)
{
    struct str *names;
    uint32_t n = names_of(k, "FUNCTION", &names);
    const struct function_doc *d;
    for (uint32_t i = 0; (d = expr_function_at(i)); i++)
        add_word(k, str_from(d->name), str_find(str_from(d->signature), STR("("), 0) < 0 ? " " : "(");
    for (uint32_t i = 0; i < n; i++)
        add_name(k, names[i], "(");
}

static void add_keywords(struct completion *k)
{
    uint32_t n;
    const char *const *words = syn_keywords(&n);
    for (uint32_t i = 0; i < n; i++)
        add_word(k, str_from(words[i]), " ");
}

static void add_starts(struct completion *k)
{
    static const char *const words[] = { "SELECT", "INSERT", "CREATE", "DROP",    "SHOW", "DESCRIBE", "EXPLAIN", "SET",
                                         "RESET",  "WITH",   "VALUES", "EXECUTE", "STOP", "USE",      "ALTER" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        add_word(k, str_from(words[i]), " ");
    for (uint32_t i = 0; shell_words[i]; i++)
        add_word(k, str_from(shell_words[i]), ";");
}

/* ---- the tables of the statement ---- */

struct used_table {
    struct str name; /* as SQL writes it */
    struct str alias;
};

static bool is_word(const struct syn_token *t, const char *word)
{
    return t->kind == SYN_TOKEN_WORD && str_eq_nocase(t->value, str_from(word));
}

static bool is_name(const struct syn_token *t)
{
    return t->kind == SYN_TOKEN_NAME || (t->kind == SYN_TOKEN_WORD && !syn_is_reserved(t->value));
}

/* Behind FROM, JOIN, INTO and TABLE stands a name, and perhaps another one for it. */
static uint32_t find_tables(struct completion *k, struct used_table *ret)
{
    static const char *const before[] = { "FROM", "JOIN", "INTO", "TABLE", "DESCRIBE" };
    uint32_t n = 0;
    struct syn_token t = { 0 };
    bool follows = false;
    for (uint32_t seen = 0; n < TABLES_MAX && seen < TOKENS_MAX; seen++) {
        t = syn_next_token(k->a, k->text, t.end);
        if (t.kind == SYN_TOKEN_END || t.kind == SYN_TOKEN_OPEN)
            break;
        if (follows && is_name(&t)) {
            struct syn_token next = t, last = t;
            for (next = syn_next_token(k->a, k->text, t.end); str_eq(next.value, STR("."));) {
                last = syn_next_token(k->a, k->text, next.end);
                next = syn_next_token(k->a, k->text, last.end);
            }
            if (is_word(&next, "AS"))
                next = syn_next_token(k->a, k->text, next.end);
            struct str name = str_make(k->text.ptr + t.at, last.end - t.at);
            ret[n++] = (struct used_table){ name, is_name(&next) ? next.value : last.value };
            t = last;
        }
        follows = str_eq(t.value, STR("(")) && follows;
        for (size_t i = 0; i < sizeof before / sizeof *before; i++)
            follows |= is_word(&t, before[i]);
    }
    return n;
}

static void add_all_columns(struct completion *k)
{
    struct used_table tables[TABLES_MAX];
    struct str *all;
    uint32_t n = find_tables(k, tables), n_all = n ? 0 : names_of(k, "TABLE", &all);
    for (uint32_t i = 0; i < n; i++)
        add_columns(k, tables[i].name);
    for (uint32_t i = 0; i < n_all && i < TABLES_MAX; i++) { /* SELECT comes before FROM */
        const struct object_name *at = catalog_find_name(session_catalog(session_of(k)), all[i]);
        struct str name = arena_printf(k->a, "`%.*s`.`%.*s`", STR_ARG(at->database), STR_ARG(at->name));
        if (name.ptr)
            add_columns(k, name);
    }
    for (uint32_t i = 0; i < n; i++)
        if (!str_eq(tables[i].alias, tables[i].name))
            add_name(k, tables[i].alias, ".");
}

static void add_columns_of(struct completion *k, struct str qualifier)
{
    struct used_table tables[TABLES_MAX];
    struct str table = arena_printf(k->a, "`%.*s`", STR_ARG(qualifier));
    uint32_t n = find_tables(k, tables);
    for (uint32_t i = 0; i < n; i++)
        if (str_eq(tables[i].alias, qualifier))
            table = tables[i].name;
    add_columns(k, table);
}

/* ---- options ---- */

/* 'k' = 'v' around the cursor. */
struct option_place {
    bool inside;      /* WITH (…), OPTIONS (…), SET */
    bool set, value;  /* of SET; behind '=' */
    bool reset;       /* a key stands alone */
    struct str key;
    struct str connector, formats[4];
    uint32_t n_formats;
};

static void note_pair(struct option_place *o, struct str key, struct str value)
{
    if (str_eq(key, STR("connector")))
        o->connector = value;
    else if (str_ends(key, STR("format")) && o->n_formats < 4)
        o->formats[o->n_formats++] = value;
}

static struct option_place find_options(struct completion *k)
{
    struct option_place o = { 0 };
    struct str key = { NULL, 0 };
    bool equals = false;
    for (uint32_t i = 0; i < k->n; i++) {
        const struct syn_token *t = &k->tokens[i], *next = i + 1 < k->n ? &k->tokens[i + 1] : NULL;
        bool list = (is_word(t, "WITH") || is_word(t, "OPTIONS")) && next && str_eq(next->value, STR("("));
        if (list || (i == 0 && (is_word(t, "SET") || is_word(t, "RESET")))) {
            o = (struct option_place){ .inside = true, .set = !list, .reset = is_word(t, "RESET") };
            equals = false;
            i += list;
        } else if (o.inside && t->kind == SYN_TOKEN_TEXT) {
            if (equals)
                note_pair(&o, key, t->value);
            else
                key = t->value;
        } else if (str_eq(t->value, STR("="))) {
            equals = true;
        } else if (str_eq(t->value, STR(","))) {
            equals = false;
        } else if (str_eq(t->value, STR(")"))) {
            o.inside = false;
        }
    }
    o.value = equals;
    o.key = key;
    return o;
}

static void add_key(struct completion *k, const struct option_spec *spec, bool alone)
{
    struct str name = str_from(spec->name);
    if (str_ends(name, STR("*")))
        name.len--;
    if (name.len && starts_nocase(name, k->typed))
        add(k, name, spec->name[name.len] ? "" : alone ? "';" : "' = '");
}

static void add_choices(struct completion *k, const struct option_spec *spec)
{
    struct str choices = str_from(spec->type == OPT_BOOL ? "true|false" : spec->choices ? spec->choices : "");
    while (choices.ptr && choices.len) {
        struct str one = str_split(&choices, '|');
        if (starts_nocase(one, k->typed))
            add(k, one, "'");
    }
}

static void add_specs(struct completion *k, const struct option_place *o, const struct option_spec *specs, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!o->value)
            add_key(k, &specs[i], o->reset);
        else if (str_eq(str_from(specs[i].name), o->key))
            add_choices(k, &specs[i]);
}

static void add_of_connectors(struct completion *k, const struct option_place *o)
{
    const struct catalog *c = session_catalog(engine_session(k->s->engine));
    const struct connector *one;
    const struct format *f;
    bool names = o->value && str_eq(o->key, STR("connector")), formats = o->value && str_ends(o->key, STR("format"));
    for (uint32_t i = 0; (one = catalog_connector_at(c, i)); i++) {
        struct str name = str_from(one->name);
        if (one == &result_connector)
            continue;
        if (names && starts_nocase(name, k->typed))
            add(k, name, "'");
        if (!o->connector.ptr || str_eq(o->connector, name))
            add_specs(k, o, one->options, one->n_options);
    }
    for (uint32_t i = 0; (f = catalog_format_at(c, i)); i++) {
        struct str name = str_from(f->name);
        bool used = o->n_formats == 0;
        for (uint32_t n = 0; n < o->n_formats; n++)
            used |= str_eq(o->formats[n], name);
        if (formats && starts_nocase(name, k->typed))
            add(k, name, "'");
        if (used)
            add_specs(k, o, f->options, f->n_options);
    }
    if (!o->value && starts_nocase(STR("connector"), k->typed))
        add(k, STR("connector"), "' = '");
    if (!o->value && starts_nocase(STR("format"), k->typed))
        add(k, STR("format"), "' = '");
}

static void add_options(struct completion *k)
{
    struct option_place o = find_options(k);
    if (!o.inside)
        return;
    if (o.set)
        add_specs(k, &o, plan_settings, plan_settings_count);
    else
        add_of_connectors(k, &o);
}

/* ---- the place ---- */

/* Tokens up to the cursor; the last one, when the cursor touches it, is what is being typed. */
static bool read_tokens(struct completion *k)
{
    struct str before = str_make(k->text.ptr, k->cursor);
    ARRAY(struct syn_token) tokens = { 0 };
    k->typed = str_make(k->text.ptr + k->cursor, 0);
    for (size_t at = 0;;) {
        struct syn_token t = syn_next_token(k->a, before, at);
        if (t.kind == SYN_TOKEN_END || tokens.count == TOKENS_MAX)
            break;
        char first = before.ptr[t.at];
        if (t.kind == SYN_TOKEN_OPEN && first != '\'' && first != '`')
            return false; /* in a comment */
        if (t.kind == SYN_TOKEN_OPEN || (t.kind == SYN_TOKEN_WORD && t.end == before.len)) {
            k->quote = t.kind == SYN_TOKEN_OPEN ? first : 0;
            size_t from = t.at + (k->quote != 0);
            k->typed = str_make(before.ptr + from, before.len - from);
            break;
        }
        struct syn_token *slot = array_add(&tokens, k->a);
        if (!slot)
            return false;
        *slot = t;
        at = t.end;
    }
    k->tokens = tokens.at;
    k->n = tokens.count;
    return true;
}

static bool stands_before_table(const struct syn_token *t)
{
    static const char *const words[] = { "FROM", "JOIN", "INTO", "TABLE", "DESCRIBE", "DESC", "VIEW" };
    bool ret = false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        ret |= is_word(t, words[i]);
    return ret;
}

static void add_words(struct completion *k)
{
    const struct syn_token *last = k->n ? &k->tokens[k->n - 1] : NULL;
    if (last && str_eq(last->value, STR(".")) && k->n > 1) {
        struct str qualifier = k->tokens[k->n - 2].value;
        if (k->n > 2 && stands_before_table(&k->tokens[k->n - 3]))
            add_tables_of(k, qualifier);
        else
            add_columns_of(k, qualifier);
        return;
    }
    if (!last || str_eq(last->value, STR(";"))) {
        add_starts(k);
        return;
    }
    if (is_word(last, "USE") || is_word(last, "DATABASE") || (k->n > 1 && is_word(last - 1, "TABLES"))) {
        add_databases(k);
        return;
    }
    if (stands_before_table(last)) {
        add_tables(k);
        if (is_word(last, "FROM") && !k->quote) { /* FROM TUMBLE(, FROM UNNEST( */
            static const char *const openings[] = { "TUMBLE", "HOP", "CUMULATE" };
            for (size_t i = 0; i < sizeof openings / sizeof *openings; i++)
                add_word(k, str_from(openings[i]), "(");
        }
        return;
    }
    add_all_columns(k);
    if (!k->quote && k->typed.len) {
        add_tables(k);
        add_functions(k);
        add_keywords(k);
    }
}

bool shell_complete(void *arg, struct str line, size_t cursor, struct arena *a, struct candidates *ret)
{
    struct shell *s = arg;
    struct completion k = { .s = s, .a = a, .ret = ret, .ok = true };
    bool blank = str_trim(str_make(line.ptr, cursor)).len == 0;
    if (blank && s->pending.len) {
        ret->indent = true;
        return true;
    }
    struct str about = STR("\\d ");
    if (!s->pending.len && line.len && (line.ptr[0] == '\\' || line.ptr[0] == '.') && !str_starts(line, about))
        return shell_complete_command(line, cursor, a, ret);
    struct str before = str_starts(line, about) && !s->pending.len ? STR("DESCRIBE ") : s->pending;
    size_t skip = before.ptr == s->pending.ptr ? 0 : about.len;
    k.text = arena_printf(a, "%.*s%.*s", STR_ARG(before), (int)(line.len - skip), line.ptr + skip);
    if (!k.text.ptr || cursor < skip)
        return false;
    k.cursor = before.len + cursor - skip;
    if (!read_tokens(&k))
        return true;
    ret->from = cursor - k.typed.len;
    if (k.quote == '\'')
        add_options(&k);
    else
        add_words(&k);
    return k.ok;
}
