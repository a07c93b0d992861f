/* Test files into records. A file is cut into lines; a record begins at the first line that is neither blank nor a
 * comment and ends before the next blank one. What its first word means stands in a table: the form of the rest of
 * that line, and what the following lines are (SQL, lines of input, or expected rows behind "----").
 *
 * A record that cannot be read becomes RECORD_BROKEN, which fails when it is run; the rest of the file still
 * counts. Comments stand between records only: a '#' inside SQL, input or rows is part of it. `include` puts the
 * other file's records in its place. */
#include "tester/tester_private.h"

struct parse {
    struct os *os;
    struct arena *arena;
    struct error *err;
    struct str file;
    ARRAY(struct record) records;
    uint32_t depth;
};

struct cursor {
    struct str rest;
    uint32_t line; /* of the line that comes next */
};

enum body { BODY_NONE, BODY_SQL, BODY_LINES, BODY_ROWS, BODY_SQL_ROWS };

static bool next_line(struct cursor *c, struct str *ret)
{
    if (!c->rest.ptr || c->rest.len == 0)
        return false;
    *ret = str_split(&c->rest, '\n');
    if (ret->len && ret->ptr[ret->len - 1] == '\r')
        ret->len--;
    c->line++;
    return true;
}

static bool is_blank(struct str line)
{
    return str_trim(line).len == 0;
}

static struct str next_word(struct str *rest)
{
    struct str s = str_trim(*rest);
    size_t n = 0;
    if (s.len && s.ptr[0] == '`') {
        while (++n < s.len && s.ptr[n] != '`')
            ;
        *rest = str_make(s.ptr + (n < s.len ? n + 1 : n), s.len - (n < s.len ? n + 1 : n));
        return str_make(s.ptr + 1, n - 1);
    }
    while (n < s.len && s.ptr[n] != ' ' && s.ptr[n] != '\t')
        n++;
    *rest = str_make(s.ptr + n, s.len - n);
    return str_make(s.ptr, n);
}

static const char *no_more(struct str rest)
{
    return str_trim(rest).len ? "there is more on the line than the record takes" : NULL;
}

static bool take_types(struct record *r, struct str word)
{
    for (size_t i = 0; i < word.len; i++)
        if (word.ptr[i] != 'T' && word.ptr[i] != 'I' && word.ptr[i] != 'R')
            return false;
    r->types = word;
    return word.len > 0;
}

/* ---- the first line of each kind; NULL or what is wrong ---- */

static const char *read_statement(struct record *r, struct str rest)
{
    struct str word = next_word(&rest);
    r->expect_error = str_eq(word, STR("error"));
    if (r->expect_error)
        r->regex = str_trim(rest);
    else if (!str_eq(word, STR("ok")))
        return "'statement ok' or 'statement error' is wanted";
    return r->expect_error ? NULL : no_more(rest);
}

static const char *read_query(struct record *r, struct str rest)
{
    static const char *const sorts[] = { "nosort", "rowsort", "valuesort" };
    if (!take_types(r, next_word(&rest)))
        return "a query has a letter T, I or R for each column";
    struct str word = next_word(&rest);
    if (!word.len)
        return NULL;
    for (int i = 0; i < 3; i++)
        if (str_eq(word, str_from(sorts[i]))) {
            r->sort = (enum sort_mode)i;
            return no_more(rest);
        }
    return "nosort, rowsort or valuesort is wanted behind the types";
}

static const char *read_name(struct record *r, struct str rest)
{
    r->name = next_word(&rest);
    return r->name.len ? no_more(rest) : "a name is wanted";
}

static const char *read_time(struct record *r, struct str rest)
{
    int64_t ms;
    if (!timestamp_parse(str_trim(rest), 3, &ms, NULL))
        return "a time as YYYY-MM-DD hh:mm:ss.fff is wanted";
    r->time_ms = ms;
    return NULL;
}

static const char *read_watermark(struct record *r, struct str rest)
{
    r->name = next_word(&rest);
    return r->name.len ? read_time(r, rest) : "a table is wanted";
}

static const char *read_end(struct record *r, struct str rest)
{
    r->name = next_word(&rest);
    return no_more(rest);
}

static const char *read_output(struct record *r, struct str rest)
{
    static const char *const modes[] = { "append", "changelog", "netted", "table" };
    r->name = next_word(&rest);
    struct str mode = next_word(&rest);
    bool known = false;
    for (int i = 0; i < 4; i++)
        if (str_eq(mode, str_from(modes[i]))) {
            r->mode = (enum output_mode)i;
            known = true;
        }
    if (!r->name.len || !known)
        return "an output has a name and one of append, changelog, netted, table";
    r->sort = SORT_ROWS;
    struct str word = next_word(&rest);
    if (word.len && !str_eq(word, STR("nosort"))) {
        if (!take_types(r, word))
            return "types are letters T, I or R";
        word = next_word(&rest);
    }
    if (word.len && !str_eq(word, STR("nosort")))
        return "only nosort may follow the types";
    if (word.len)
        r->sort = SORT_NONE;
    return no_more(rest);
}

static const char *read_restart(struct record *r, struct str rest)
{
    struct str word = next_word(&rest), key = STR("parallelism=");
    int64_t n;
    if (!word.len)
        return NULL;
    if (!str_starts(word, key) || !str_to_i64(str_make(word.ptr + key.len, word.len - key.len), &n) || n < 1 || n > 64)
        return "restart takes parallelism=1 to 64";
    r->parallelism = (uint32_t)n;
    return no_more(rest);
}

static const char *read_nothing(struct record *r, struct str rest)
{
    (void)r;
    return no_more(rest);
}

static const char *read_regex(struct record *r, struct str rest)
{
    r->regex = str_trim(rest);
    return NULL;
}

static const struct form {
    const char *word;
    enum record_kind kind;
    enum body body;
    bool checks;
    const char *(*read)(struct record *r, struct str rest);
} forms[] = {
    { "statement", RECORD_STATEMENT, BODY_SQL, true, read_statement },
    { "query", RECORD_QUERY, BODY_SQL_ROWS, true, read_query },
    { "stream", RECORD_STREAM, BODY_SQL, false, read_name },
    { "input", RECORD_INPUT, BODY_LINES, false, read_name },
    { "watermark", RECORD_WATERMARK, BODY_NONE, false, read_watermark },
    { "clock", RECORD_CLOCK, BODY_NONE, false, read_time },
    { "end", RECORD_END, BODY_NONE, false, read_end },
    { "output", RECORD_OUTPUT, BODY_ROWS, true, read_output },
    { "restart", RECORD_RESTART, BODY_NONE, false, read_restart },
    { "crash", RECORD_CRASH, BODY_NONE, false, read_nothing },
    { "oracle", RECORD_ORACLE, BODY_SQL, true, read_name },
    { "failure", RECORD_FAILURE, BODY_NONE, true, read_regex },
    { "late", RECORD_LATE, BODY_ROWS, true, read_name },
    { "bad", RECORD_BAD, BODY_ROWS, true, read_name },
    { "halt", RECORD_HALT, BODY_NONE, false, read_nothing },
};
#define N_FORMS (sizeof forms / sizeof *forms)

bool record_checks(enum record_kind k)
{
    for (size_t i = 0; i < N_FORMS; i++)
        if (forms[i].kind == k)
            return forms[i].checks;
    return true;
}

/* ---- bodies ---- */

static enum status refused(struct parse *p)
{
    return budget_error(p->arena->budget, 0, p->err);
}

/* Lines up to the next blank one, or "----" when `stop_at_bar`. */
static enum status take_lines(struct parse *p, struct cursor *c, bool stop_at_bar, struct str **ret, uint32_t *ret_n,
                              bool *ret_bar)
{
    ARRAY(struct str) lines = { 0 };
    struct str line;
    *ret_bar = false;
    while (next_line(c, &line) && !is_blank(line)) {
        if (stop_at_bar && str_eq(line, STR("----"))) {
            *ret_bar = true;
            break;
        }
        struct str *slot = array_add(&lines, p->arena);
        if (!slot)
            return refused(p);
        *slot = line;
    }
    *ret = lines.at;
    *ret_n = lines.count;
    return ST_OK;
}

static enum status take_body(struct parse *p, struct cursor *c, struct record *r, enum body body)
{
    struct str *lines;
    uint32_t n;
    bool bar, rows = body == BODY_ROWS || body == BODY_SQL_ROWS, sql = body == BODY_SQL || body == BODY_SQL_ROWS;
    TRY(take_lines(p, c, rows, &lines, &n, &bar));
    if (sql && n)
        r->text = str_make(lines[0].ptr, (size_t)(lines[n - 1].ptr + lines[n - 1].len - lines[0].ptr));
    if (sql && !n && !r->fault)
        r->fault = "the record has no SQL";
    if (!sql && body != BODY_LINES && n && !r->fault)
        r->fault = body == BODY_ROWS ? "a line '----' is wanted before the rows" : "the record takes no further lines";
    if (rows && !bar && !r->fault)
        r->fault = "the record has no line '----'";
    r->lines = lines;
    r->n_lines = body == BODY_LINES ? n : 0;
    if (!bar)
        return ST_OK;
    r->results_line = c->line + 1;
    return take_lines(p, c, false, &r->lines, &r->n_lines, &bar);
}

/* ---- records ---- */

static enum status parse_text(struct parse *p, struct str text);

static enum status parse_include(struct parse *p, struct str name, const char **ret_fault)
{
    if (!name.len || p->depth >= INCLUDE_DEPTH) {
        *ret_fault = name.len ? "files include one another too deeply" : "include takes a file";
        return ST_OK;
    }
    size_t dir = p->file.len;
    while (dir && p->file.ptr[dir - 1] != '/')
        dir--;
    struct str path = name.ptr[0] == '/' ? arena_str(p->arena, name)
                                         : arena_printf(p->arena, "%.*s%.*s", (int)dir, p->file.ptr, STR_ARG(name));
    struct buf bytes;
    buf_init(&bytes, p->arena->budget, TEST_FILE_BYTES);
    enum status st = path.ptr ? os_read_file(p->os, path.ptr, TEST_FILE_BYTES, &bytes, p->err) : refused(p);
    struct str text = st == ST_OK ? arena_str(p->arena, buf_str(&bytes)) : (struct str){ NULL, 0 };
    buf_release(&bytes);
    if (st == ST_IO || st == ST_NOT_FOUND) {
        *ret_fault = "the included file cannot be read";
        return ST_OK;
    }
    if (st != ST_OK)
        return st;
    struct str outer = p->file;
    p->file = path;
    p->depth++;
    st = text.ptr ? parse_text(p, text) : refused(p);
    p->depth--;
    p->file = outer;
    return st;
}

static enum status add_record(struct parse *p, const struct record *r)
{
    struct record *slot = array_add(&p->records, p->arena);
    if (!slot)
        return refused(p);
    *slot = *r;
    if (r->fault)
        slot->kind = RECORD_BROKEN;
    return ST_OK;
}

static enum status parse_record(struct parse *p, struct cursor *c, struct str header, struct record *r)
{
    struct str rest = header, word = next_word(&rest);
    enum body body = BODY_NONE;
    r->file = p->file;
    r->line = c->line;
    r->header = header;
    if (str_eq(word, STR("include"))) {
        const char *fault = NULL;
        TRY(parse_include(p, next_word(&rest), &fault));
        r->fault = fault;
        return fault ? add_record(p, r) : ST_OK;
    }
    r->fault = "no such record";
    for (size_t i = 0; i < N_FORMS; i++)
        if (str_eq(word, str_from(forms[i].word))) {
            r->kind = forms[i].kind;
            body = forms[i].body;
            r->fault = forms[i].read(r, rest);
        }
    TRY(take_body(p, c, r, body));
    return add_record(p, r);
}

/* skipif NAME, onlyif NAME before a record. */
static bool take_condition(struct record *r, struct str line)
{
    struct str rest = line, word = next_word(&rest), name = next_word(&rest);
    bool weir = str_eq_nocase(name, STR("weir"));
    if (str_eq(word, STR("skipif")))
        r->skip |= weir;
    else if (str_eq(word, STR("onlyif")))
        r->skip |= !weir;
    else
        return false;
    return true;
}

static enum status parse_text(struct parse *p, struct str text)
{
    struct cursor c = { text, 0 };
    struct record r = { 0 };
    struct str line;
    while (next_line(&c, &line)) {
        if (is_blank(line)) {
            r = (struct record){ 0 };
        } else if (line.ptr[0] == '#') {
            r.label = str_trim(str_make(line.ptr + 1, line.len - 1));
        } else if (!take_condition(&r, line)) {
            TRY(parse_record(p, &c, line, &r));
            r = (struct record){ 0 };
        }
    }
    return ST_OK;
}

enum status test_text_read(struct os *os, struct str path, struct str text, struct arena *a, struct test_file *ret,
                           struct error *err)
{
    struct parse p = { .os = os, .arena = a, .err = err, .file = path };
    if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0)
        text = str_make(text.ptr + 3, text.len - 3);
    TRY(parse_text(&p, text));
    *ret = (struct test_file){ p.records.at, p.records.count };
    return ST_OK;
}

enum status test_file_read(struct os *os, struct str path, struct arena *a, struct test_file *ret, struct error *err)
{
    struct buf bytes;
    struct str name = arena_str(a, path);
    if (!name.ptr)
        return budget_error(a->budget, path.len, err);
    buf_init(&bytes, a->budget, TEST_FILE_BYTES);
    enum status st = os_read_file(os, name.ptr, TEST_FILE_BYTES, &bytes, err);
    struct str text = st == ST_OK ? arena_str(a, buf_str(&bytes)) : (struct str){ NULL, 0 };
    buf_release(&bytes);
    if (st != ST_OK)
        return st;
    return text.ptr ? test_text_read(os, name, text, a, ret, err) : budget_error(a->budget, 0, err);
}
