/* libedit's wrapper: the only file that sees its header.
 *
 * libedit edits a line in the terminal and asks us for each character. Our answer waits for input and signals at once,
 * so that Ctrl-C, a changed window and words from jobs beside the prompt all come in here, on one thread, and no
 * signal handler of libedit's is needed. Text is UTF-8 whatever the environment says: LC_CTYPE is set so, for the
 * conversions inside libedit. An entry of the history may have several lines; libedit shows and edits it as one. */
#include "cli/shell/editor.h"

#include "base/library.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <stdio.h>

#define LISTED_MAX 120u /* candidates shown at once */
#define PROMPT_MAX 64
#define INDENT "    "

#define CALLS(X)                                                                                               \
    X(el_deletestr) X(el_end) X(el_get) X(el_gets) X(el_init) X(el_insertstr) X(el_line) X(el_resize) X(el_set) \
    X(el_source) X(el_wset) X(history) X(history_end) X(history_init)

static struct {
    CALLS(LIBRARY_POINTER)
} lib;

static enum status need_library(struct error *err)
{
    static const char *const names[] = { CALLS(LIBRARY_NAME) };
    static struct library library = LIBRARY("libedit.so.2", "libedit2", names, lib);
    return library_open(&library, err);
}

struct editor {
    struct editor_config config;
    EditLine *el;
    History *history;
    struct arena arena; /* of a completion */
    char prompt[PROMPT_MAX];
    enum editor_got stopped; /* why the last character did not come */
};

static struct editor *editor_of(EditLine *el)
{
    void *e = NULL;
    lib.el_get(el, EL_CLIENTDATA, &e);
    return e;
}

static void put_out(struct editor *e, struct str s)
{
    struct os *os = e->config.c->os;
    (void)os->ops->stream_write(os, 1, s.ptr, s.len, NULL);
}

/* ---- characters ---- */

static bool read_byte(struct editor *e, uint8_t *ret)
{
    struct os *os = e->config.c->os;
    size_t got = 0;
    return os->ops->stream_read(os, 0, ret, 1, &got, NULL) == ST_OK && got == 1;
}

static int read_character(struct editor *e, wchar_t *ret)
{
    uint8_t bytes[4];
    size_t n = 1, pos = 0;
    if (!read_byte(e, &bytes[0]))
        return 0;
    uint32_t more = bytes[0] >= 0xF0 ? 3 : bytes[0] >= 0xE0 ? 2 : bytes[0] >= 0xC0 ? 1 : 0;
    while (n <= more && read_byte(e, &bytes[n]))
        n++;
    *ret = (wchar_t)utf8_next(str_make(bytes, n), &pos);
    return 1;
}

static void draw_again(struct editor *e)
{
    put_out(e, STR("\r\033[J"));
    lib.el_set(e->el, EL_REFRESH);
}

/* Back from the background, where the shell above us had the terminal as it likes it. */
static void take_terminal_again(EditLine *el)
{
    lib.el_set(el, EL_PREP_TERM, 0);
    lib.el_set(el, EL_PREP_TERM, 1);
    draw_again(editor_of(el));
}

static int on_read(EditLine *el, wchar_t *ret)
{
    struct editor *e = editor_of(el);
    for (;;) {
        unsigned got = e->config.wait(e->config.arg);
        if (got & (OS_NOTED_TERMINATE | OS_NOTED_INTERRUPT)) {
            e->stopped = got & OS_NOTED_TERMINATE ? EDITOR_TERMINATED : EDITOR_INTERRUPTED;
            errno = EINTR;
            return -1;
        }
        if (got & OS_NOTED_RESIZE) {
            lib.el_resize(el);
            draw_again(e);
        }
        if (got & OS_NOTED_CONTINUE)
            take_terminal_again(el);
        if (got & OS_INPUT)
            return read_character(e, ret);
        if (!got) {
            put_out(e, STR("\r\033[J"));
            e->config.speak(e->config.arg);
            draw_again(e);
        }
    }
}

/* ---- completion ---- */

/* What all have in common, whole characters. */
static size_t common_length(const struct candidates *k)
{
    struct str first = k->list.at[0].text;
    size_t n = first.len;
    for (uint32_t i = 1; i < k->list.count; i++) {
        struct str s = k->list.at[i].text;
        size_t m = 0;
        while (m < n && m < s.len && s.ptr[m] == first.ptr[m])
            m++;
        n = m;
    }
    while (n > 0 && n < first.len && ((unsigned char)first.ptr[n] & 0xC0) == 0x80)
        n--;
    return n;
}

static bool put_list(struct editor *e, const struct candidates *k, struct buf *out)
{
    uint32_t columns = cli_columns(e->config.c), width = 1, shown = k->list.count;
    if (shown > LISTED_MAX)
        shown = LISTED_MAX;
    for (uint32_t i = 0; i < shown; i++) {
        size_t n = utf8_length(k->list.at[i].text) + 2;
        width = n > width ? (uint32_t)n : width;
    }
    uint32_t across = columns / width ? columns / width : 1, down = (shown + across - 1) / across;
    bool ok = buf_put_u8(out, '\n');
    for (uint32_t row = 0; ok && row < down; row++) {
        for (uint32_t i = row; ok && i < shown; i += down) {
            struct str s = k->list.at[i].text;
            int pad = i + down < shown ? (int)(width - (uint32_t)utf8_length(s)) : 0;
            ok = buf_printf(out, "%.*s%*s", STR_ARG(s), pad, "");
        }
        ok = ok && buf_put_u8(out, '\n');
    }
    if (ok && shown < k->list.count)
        ok = buf_printf(out, "and %u more\n", k->list.count - shown);
    return ok;
}

static void list_candidates(struct editor *e, const struct candidates *k)
{
    struct buf out;
    buf_init(&out, e->arena.budget, 1 << 20);
    if (put_list(e, k, &out))
        put_out(e, buf_str(&out));
    buf_release(&out);
    lib.el_set(e->el, EL_REFRESH);
}

static unsigned char put_instead(struct editor *e, struct str typed, struct str text, const char *after)
{
    struct str whole = arena_printf(&e->arena, "%.*s%s", STR_ARG(text), after);
    if (!whole.ptr)
        return CC_ERROR;
    lib.el_deletestr(e->el, (int)utf8_length(typed));
    return lib.el_insertstr(e->el, whole.ptr) == 0 ? CC_REFRESH : CC_ERROR;
}

static unsigned char on_tab(EditLine *el, int key)
{
    (void)key;
    struct editor *e = editor_of(el);
    const LineInfo *info = lib.el_line(el);
    size_t cursor = (size_t)(info->cursor - info->buffer);
    struct candidates k = { 0 };
    arena_reset(&e->arena);
    struct str line = arena_str(&e->arena, str_make(info->buffer, (size_t)(info->lastchar - info->buffer)));
    if (!line.ptr || !e->config.complete(e->config.arg, line, cursor, &e->arena, &k))
        return CC_ERROR;
    if (k.indent)
        return lib.el_insertstr(el, INDENT) == 0 ? CC_REFRESH : CC_ERROR;
    if (k.list.count == 0)
        return CC_ERROR;
    struct str typed = str_make(line.ptr + k.from, cursor - k.from);
    if (k.list.count == 1)
        return put_instead(e, typed, k.list.at[0].text, k.list.at[0].after);
    size_t n = common_length(&k);
    if (n > typed.len)
        return put_instead(e, typed, str_make(k.list.at[0].text.ptr, n), "");
    list_candidates(e, &k);
    return CC_NORM;
}

/* ---- the face ---- */

static char *on_prompt(EditLine *el) { return editor_of(el)->prompt; }

static void configure(struct editor *e)
{
    HistEvent event;
    EditLine *el = e->el;
    lib.history(e->history, &event, H_SETSIZE, (int)e->config.history);
    lib.history(e->history, &event, H_SETUNIQUE, 1);
    lib.el_set(el, EL_CLIENTDATA, e);
    lib.el_set(el, EL_SIGNAL, 0);
    lib.el_set(el, EL_PROMPT_ESC, on_prompt, '\1');
    lib.el_set(el, EL_EDITOR, "emacs");
    lib.el_set(el, EL_HIST, lib.history, e->history);
    lib.el_set(el, EL_GETCFN, on_read);
    lib.el_wset(el, EL_ADDFN, L"weir-complete", L"complete what stands before the cursor", on_tab); /* el_set leaks both */
    lib.el_set(el, EL_BIND, "\t", "weir-complete", NULL);
    lib.el_set(el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    lib.el_set(el, EL_BIND, "^W", "ed-delete-prev-word", NULL);
    lib.el_set(el, EL_BIND, "\033[1;5C", "em-next-word", NULL); /* Ctrl with an arrow */
    lib.el_set(el, EL_BIND, "\033[1;5D", "ed-prev-word", NULL);
    lib.el_set(el, EL_BIND, "\033[3~", "ed-delete-next-char", NULL);
    lib.el_source(el, NULL); /* ~/.editrc has the last word */
}

enum status editor_new(const struct editor_config *config, struct editor **ret, struct error *err)
{
    TRY(need_library(err));
    struct editor *e = mem_calloc(config->c->arena.budget, sizeof *e);
    if (!e)
        return budget_error(config->c->arena.budget, sizeof *e, err);
    e->config = *config;
    arena_init(&e->arena, config->c->arena.budget);
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    e->history = lib.history_init();
    e->el = e->history ? lib.el_init("weir", stdin, stdout, stderr) : NULL;
    if (!e->el) {
        editor_free(e);
        return error_set(err, ST_MEMORY, "no memory for the line editor");
    }
    configure(e);
    *ret = e;
    return ST_OK;
}

void editor_free(struct editor *e)
{
    if (!e)
        return;
    if (e->el)
        lib.el_end(e->el);
    if (e->history)
        lib.history_end(e->history);
    arena_release(&e->arena);
    mem_free(e->config.c->arena.budget, e, sizeof *e);
}

enum editor_got editor_line(struct editor *e, const char *prompt, struct str *ret)
{
    int n = 0;
    snprintf(e->prompt, sizeof e->prompt, "%s", prompt);
    e->stopped = EDITOR_END;
    lib.el_set(e->el, EL_PREP_TERM, 1); /* before the prompt: a key that answers it must not meet the old mode */
    const char *line = lib.el_gets(e->el, &n);
    if (line && n > 0) {
        *ret = str_make(line, (size_t)n);
        return EDITOR_LINE;
    }
    put_out(e, e->stopped == EDITOR_INTERRUPTED ? STR("^C\n") : STR("\n"));
    return e->stopped;
}

/* The mode of editing: no echo, while Ctrl-C is a signal as ever. */
void editor_hush(struct editor *e, bool on) { lib.el_set(e->el, EL_PREP_TERM, on ? 1 : 0); }

void editor_remember(struct editor *e, const char *entry)
{
    HistEvent event;
    lib.history(e->history, &event, H_ENTER, entry);
}
