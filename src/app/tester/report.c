/* What a run says: a line "file:line: …" for each failing record with the difference below it, the counts, JUnit's
 * XML, and the rewriting of expected results. The list of records to skip is read here too, since skipping is
 * counting. */
#include "tester/tester_private.h"

#define JUNIT_BYTES (256u << 20)
#define SKIP_BYTES (16u << 20)

static enum status refused(struct report *p, struct error *err)
{
    return budget_error(p->arena.budget, 0, err);
}

/* ---- records to skip ---- */

static enum status read_skips(struct report *p, struct error *err)
{
    struct buf bytes;
    buf_init(&bytes, p->arena.budget, SKIP_BYTES);
    enum status st = os_read_file(p->os, p->config->skip, SKIP_BYTES, &bytes, err);
    struct str text = st == ST_OK ? arena_str(&p->arena, buf_str(&bytes)) : (struct str){ NULL, 0 };
    buf_release(&bytes);
    if (st != ST_OK)
        return st;
    for (uint32_t line = 1; text.ptr && text.len; line++) {
        struct str rest = str_trim(str_split(&text, '\n'));
        if (!rest.len || rest.ptr[0] == '#')
            continue;
        struct skip_line s = { .file = str_split(&rest, '\t') };
        s.what = str_split(&rest, '\t');
        s.feature = str_split(&rest, '\t');
        if (!s.file.len || !s.what.len || !s.feature.len) {
            error_set(err, ST_USAGE, "a line of the skip list is file<TAB>case, line or *<TAB>feature");
            error_place(err, p->config->skip, line, 1, -1);
            return ST_USAGE;
        }
        struct skip_line *slot = array_add(&p->skips, &p->arena);
        if (!slot)
            return refused(p, err);
        *slot = s;
    }
    return ST_OK;
}

static bool is_file(struct str path, struct str file)
{
    return str_ends(path, file) && (path.len == file.len || path.ptr[path.len - file.len - 1] == '/');
}

bool report_skips(const struct report *p, const struct record *r)
{
    for (uint32_t i = 0; i < p->skips.count; i++) {
        const struct skip_line *s = &p->skips.at[i];
        int64_t line;
        if (!is_file(r->file, s->file))
            continue;
        if (str_eq(s->what, STR("*")) || (r->label.len && str_eq(s->what, r->label)) ||
            (str_to_i64(s->what, &line) && line == r->line))
            return true;
    }
    return false;
}

/* ---- JUnit ---- */

static void put_xml(struct report *p, struct str s)
{
    bool ok = true;
    for (size_t i = 0; ok && i < s.len; i++) {
        uint8_t c = (uint8_t)s.ptr[i];
        if (c == '<' || c == '>' || c == '&' || c == '"')
            ok = buf_printf(&p->junit, "&#%u;", c);
        else
            ok = buf_put_u8(&p->junit, c < 32 && c != '\t' && c != '\n' ? '?' : c);
    }
    p->refused |= !ok;
}

static void put_raw(struct report *p, const char *s)
{
    p->refused |= !buf_put(&p->junit, s, strlen(s));
}

static void junit_case(struct report *p, const struct record *r)
{
    struct str name = arena_printf(&p->arena, "line %u: %.*s%s%.*s", r->line, STR_ARG(r->header),
                                   r->label.len ? " # " : "", STR_ARG(r->label));
    put_raw(p, "  <testcase classname=\"");
    put_xml(p, r->file);
    put_raw(p, "\" name=\"");
    put_xml(p, name);
    put_raw(p, "\">");
}

/* ---- results of records ---- */

static void say(struct report *p, struct str line)
{
    if (p->config->print && line.ptr && !p->config->print(p->config->print_arg, line))
        p->refused = true;
}

void report_passed(struct report *p, const struct record *r)
{
    p->counts.passed++;
    if (p->config->junit) {
        junit_case(p, r);
        put_raw(p, "</testcase>\n");
    }
}

void report_skipped(struct report *p, const struct record *r)
{
    p->counts.skipped++;
    if (p->config->junit) {
        junit_case(p, r);
        put_raw(p, "<skipped/></testcase>\n");
    }
}

void report_failed(struct report *p, const struct record *r, struct str message, const struct difference *d)
{
    p->counts.failed++;
    say(p, arena_printf(&p->arena, "%.*s:%u: %.*s%s%.*s%s: %.*s", STR_ARG(r->file), r->line, STR_ARG(r->header),
                        r->label.len ? " [" : "", STR_ARG(r->label), r->label.len ? "]" : "", STR_ARG(message)));
    for (uint32_t i = 0; d && i < d->count; i++)
        say(p, arena_printf(&p->arena, "    %.*s", STR_ARG(d->at[i])));
    if (!p->config->junit)
        return;
    junit_case(p, r);
    put_raw(p, "<failure message=\"");
    put_xml(p, message);
    put_raw(p, "\">");
    for (uint32_t i = 0; d && i < d->count; i++) {
        put_xml(p, d->at[i]);
        put_raw(p, "\n");
    }
    put_raw(p, "</failure></testcase>\n");
}

/* ---- the run ---- */

enum status report_open(struct report *p, const struct tester_config *config, struct os *os, struct error *err)
{
    *p = (struct report){ .config = config, .os = os };
    arena_init(&p->arena, budget_process());
    buf_init(&p->junit, budget_process(), JUNIT_BYTES);
    put_raw(p, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    return config->skip ? read_skips(p, err) : ST_OK;
}

enum status report_close(struct report *p, struct error *err)
{
    say(p, arena_printf(&p->arena, "%llu passed, %llu failed, %llu skipped", (unsigned long long)p->counts.passed,
                        (unsigned long long)p->counts.failed, (unsigned long long)p->counts.skipped));
    put_raw(p, "</testsuites>\n");
    enum status st = p->refused ? refused(p, err) : ST_OK;
    if (st == ST_OK && p->config->junit)
        st = os_write_file(p->os, p->config->junit, p->junit.data, p->junit.len, err);
    buf_release(&p->junit);
    arena_release(&p->arena);
    return st;
}

enum status report_file_begin(struct report *p, struct str file, struct error *err)
{
    (void)err;
    put_raw(p, " <testsuite name=\"");
    put_xml(p, file);
    put_raw(p, "\">\n");
    return ST_OK;
}

/* ---- --update ---- */

static bool rewrite(struct buf *out, struct str text, const struct edit *edits, uint32_t n, struct str file)
{
    bool ok = true;
    for (uint32_t line = 1; ok && text.len; line++) {
        bool dropped = false;
        for (uint32_t i = 0; ok && i < n; i++) {
            if (!str_eq(edits[i].file, file))
                continue;
            if (edits[i].line == line)
                ok = buf_put(out, edits[i].text.ptr, edits[i].text.len);
            dropped |= line >= edits[i].line && line < edits[i].line + edits[i].count;
        }
        size_t before = text.len;
        const char *from = text.ptr;
        struct str kept = str_split(&text, '\n');
        size_t whole = text.ptr ? before - text.len : kept.len;
        ok = ok && (dropped || buf_put(out, from, whole));
    }
    return ok;
}

static enum status update_file(struct report *p, struct str file, struct error *err)
{
    struct buf in, out;
    buf_init(&in, p->arena.budget, TEST_FILE_BYTES);
    buf_init(&out, p->arena.budget, TEST_FILE_BYTES);
    enum status st = os_read_file(p->os, file.ptr, TEST_FILE_BYTES, &in, err);
    /* An empty line at the end lets rows be put behind a "----" that ends the file. */
    if (st == ST_OK && in.len && in.data[in.len - 1] != '\n' && !buf_put_u8(&in, '\n'))
        st = refused(p, err);
    size_t own = in.len;
    if (st == ST_OK && !buf_put_u8(&in, '\n'))
        st = refused(p, err);
    if (st == ST_OK && !rewrite(&out, buf_str(&in), p->edits.at, p->edits.count, file))
        st = refused(p, err);
    if (st == ST_OK && own < in.len && out.len && out.data[out.len - 1] == '\n')
        out.len--;
    if (st == ST_OK)
        st = os_write_file(p->os, file.ptr, out.data, out.len, err);
    buf_release(&in);
    buf_release(&out);
    return st;
}

enum status report_file_end(struct report *p, struct error *err)
{
    put_raw(p, " </testsuite>\n");
    enum status st = ST_OK;
    for (uint32_t i = 0; st == ST_OK && i < p->edits.count; i++) {
        bool seen = false;
        for (uint32_t k = 0; k < i; k++)
            seen |= str_eq(p->edits.at[k].file, p->edits.at[i].file);
        if (!seen)
            st = update_file(p, p->edits.at[i].file, err);
    }
    p->edits.count = 0;
    return st;
}
