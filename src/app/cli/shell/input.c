/* Where lines come from, and what becomes of them: a prompt, a file, -c, or standard input; all go the same way.
 *
 * Lines gather in `pending` until the scan (syntax) says that a statement is whole; it is run at once, and what stands
 * behind it in its line waits for more. A line that begins with \ or . where a statement might begin is a command, and
 * so is a line that is one of the shell's words. `pending` always begins at the beginning of a line, so that places in
 * errors are those of the source. A failure ends a file or a pipe; at a prompt the next line is awaited. */
#include "cli/shell/shell.h"

#include <signal.h>

#define FILE_MAX ((size_t)64 << 20)

enum got { GOT_LINE, GOT_END, GOT_INTERRUPT };

struct input {
    struct shell *s;
    struct str name;
    enum { SOURCE_PROMPT, SOURCE_TEXT, SOURCE_STREAM } kind;
    struct str text;   /* TEXT: what is left */
    struct buf chunk;  /* STREAM: read and not given out */
    size_t given;
    bool ended;
    struct buf pending;
    struct buf typed;  /* PROMPT: since the last statement's end, for the history */
    size_t from;       /* where the statement begins in `pending` */
    struct syn_scan scan;
    enum syn_scanned state;
    uint32_t lines;    /* of the source before `pending` */
    bool failed;
};

/* ---- lines ---- */

static enum got next_of_text(struct input *in, struct str *ret)
{
    if (in->text.len == 0)
        return GOT_END;
    const char *newline = memchr(in->text.ptr, '\n', in->text.len);
    size_t n = newline ? (size_t)(newline - in->text.ptr) + 1 : in->text.len;
    *ret = str_make(in->text.ptr, n);
    in->text = str_make(in->text.ptr + n, in->text.len - n);
    return GOT_LINE;
}

/* Waits so that a signal is seen; what is there is then read at once. */
static bool wait_for_input(struct shell *s)
{
    while (s->c->host->wait_input) {
        unsigned got = s->c->host->wait_input(INT64_MAX);
        if (got & OS_NOTED_TERMINATE)
            s->stopped = SIGTERM;
        else if (got & OS_NOTED_INTERRUPT)
            s->stopped = s->interactive ? 0 : SIGINT;
        if (s->stopped)
            s->quit = true;
        if (got & (OS_NOTED_TERMINATE | OS_NOTED_INTERRUPT))
            return false;
        if (got & OS_INPUT)
            break;
    }
    return true;
}

static enum got next_of_stream(struct input *in, struct str *ret)
{
    struct shell *s = in->s;
    struct error err;
    for (size_t looked = in->given;;) {
        const char *at = (const char *)in->chunk.data;
        const char *newline = in->chunk.len > looked ? memchr(at + looked, '\n', in->chunk.len - looked) : NULL;
        if (newline || (in->ended && in->chunk.len > in->given)) {
            size_t end = newline ? (size_t)(newline - at) + 1 : in->chunk.len;
            *ret = str_make(at + in->given, end - in->given);
            in->given = end;
            return GOT_LINE;
        }
        if (in->ended)
            return GOT_END;
        if (in->given) {
            memmove(in->chunk.data, in->chunk.data + in->given, in->chunk.len - in->given);
            in->chunk.len -= in->given;
            in->given = 0;
        }
        looked = in->chunk.len;
        size_t got = 0;
        if (!wait_for_input(s))
            return GOT_INTERRUPT;
        if (!buf_reserve(&in->chunk, 65536)) {
            error_set(&err, ST_LIMIT, "a line has more than %d bytes", SYN_MAX_TEXT);
            s->code = cli_fail(s->c, NULL, &err);
            in->failed = true;
            return GOT_END;
        }
        if (s->c->os->ops->stream_read(s->c->os, 0, in->chunk.data + in->chunk.len, 65536, &got, &err) != ST_OK) {
            s->code = cli_fail(s->c, NULL, &err);
            in->failed = true;
            return GOT_END;
        }
        in->chunk.len += got;
        in->ended = got == 0;
    }
}

static const char *prompt_of(const struct input *in)
{
    bool colour = in->s->c->colour_out && in->s->editor;
    static const char *const plain[] = { "weir> ", "   -> ", "    > " };
    static const char *const bold[] = { "\1\033[1m\1weir>\1\033[0m\1 ", "\1\033[2m\1   ->\1\033[0m\1 ",
                                        "\1\033[2m\1    >\1\033[0m\1 " };
    return (colour ? bold : plain)[in->state == SYN_NOTHING ? 0 : in->state == SYN_QUOTED ? 2 : 1];
}

static enum got next_typed(struct input *in, struct str *ret)
{
    struct shell *s = in->s;
    shell_drain(s);
    (void)shell_reap(s);
    if (!s->editor) {
        cli_print(s->c, "%s", prompt_of(in));
        enum got got = next_of_stream(in, ret);
        if (got != GOT_LINE)
            cli_print(s->c, "\n");
        return got;
    }
    if (in->pending.len)
        s->pending = str_make(in->pending.data + in->from, in->pending.len - in->from);
    enum editor_got got = editor_line(s->editor, prompt_of(in), ret);
    s->pending = (struct str){ NULL, 0 };
    if (got == EDITOR_TERMINATED) {
        s->stopped = SIGTERM;
        s->quit = true;
    }
    return got == EDITOR_LINE ? GOT_LINE : got == EDITOR_INTERRUPTED ? GOT_INTERRUPT : GOT_END;
}

static enum got next_line(struct input *in, struct str *ret)
{
    return in->kind == SOURCE_PROMPT ? next_typed(in, ret)
           : in->kind == SOURCE_TEXT ? next_of_text(in, ret)
                                     : next_of_stream(in, ret);
}

/* ---- statements ---- */

static void forget_pending(struct input *in)
{
    buf_clear(&in->pending);
    buf_clear(&in->typed);
    in->from = 0;
    in->scan = (struct syn_scan){ 0 };
    in->state = SYN_NOTHING;
}

static struct script script_of(const struct input *in, size_t end)
{
    return (struct script){ .name = in->name, .text = str_make(in->pending.data, end), .lines_before = in->lines };
}

/* Keeps `pending` from the beginning of the line in which the next statement may begin. */
static void drop_done(struct input *in)
{
    size_t cut = in->from;
    while (cut > 0 && in->pending.data[cut - 1] != '\n')
        cut--;
    if (in->state == SYN_NOTHING)
        cut = in->pending.len;
    for (size_t i = 0; i < cut; i++)
        in->lines += in->pending.data[i] == '\n';
    if (cut)
        memmove(in->pending.data, in->pending.data + cut, in->pending.len - cut);
    in->pending.len -= cut;
    in->from = in->from > cut ? in->from - cut : 0;
    in->scan.pos = in->scan.pos > cut ? in->scan.pos - cut : 0;
}

static void failure(struct input *in)
{
    in->failed = in->kind != SOURCE_PROMPT;
    if (!in->failed)
        forget_pending(in);
}

static bool going_on(const struct input *in) { return !in->failed && !in->s->quit; }

static void refuse_length(struct input *in)
{
    struct error err;
    error_set(&err, ST_LIMIT, "a statement has more than %d bytes", SYN_MAX_TEXT);
    in->s->code = cli_fail(in->s->c, NULL, &err);
    failure(in);
}

/* Runs the statements that are whole. */
static void run_whole(struct input *in)
{
    struct shell *s = in->s;
    for (;;) {
        arena_reset(&s->scratch);
        in->state = syn_scan(&s->scratch, buf_str(&in->pending), &in->scan);
        if (in->state != SYN_WHOLE || !going_on(in))
            break;
        struct script script = script_of(in, in->scan.pos);
        bool ok = shell_execute(s, &script, in->from);
        if (ok && !s->interactive)
            ok = shell_reap(s); /* a job that failed beside it */
        if (!ok) {
            failure(in);
            return;
        }
        in->from = in->scan.pos;
        in->scan = (struct syn_scan){ .pos = in->from };
    }
    if (in->pending.len > SYN_MAX_TEXT)
        refuse_length(in);
    else
        drop_done(in);
}

/* Does what was typed end with what is pending? Then it is an entry of the history, before it runs. */
static void note_typed(struct input *in)
{
    struct syn_scan probe = in->scan;
    enum syn_scanned state;
    while ((state = syn_scan(&in->s->scratch, buf_str(&in->pending), &probe)) == SYN_WHOLE)
        probe = (struct syn_scan){ .pos = probe.pos };
    if (state != SYN_NOTHING)
        return;
    history_add(in->s, buf_str(&in->typed));
    buf_clear(&in->typed);
}

static void take_line(struct input *in, struct str line)
{
    struct shell *s = in->s;
    struct error err;
    struct str text;
    struct script script = { .name = in->name, .text = line, .lines_before = in->lines };
    for (size_t i = 0; i < in->pending.len; i++)
        script.lines_before += in->pending.data[i] == '\n';
    arena_reset(&s->scratch);
    if (syn_substitute(&s->scratch, line, &s->vars, &text, &err) != ST_OK) {
        s->code = cli_fail(s->c, &script, &err);
        failure(in);
    } else if (!buf_put(&in->pending, text.ptr, text.len)) {
        refuse_length(in);
    } else {
        if (in->kind == SOURCE_PROMPT)
            note_typed(in);
        run_whole(in);
    }
}

static void take_command(struct input *in, struct str line)
{
    struct shell *s = in->s;
    if (in->kind == SOURCE_PROMPT)
        history_add(s, line);
    buf_clear(&in->typed);
    in->lines++;
    if (!shell_run_command(s, line))
        failure(in);
}

/* What is left at the end needs no ';'. */
static void run_rest(struct input *in)
{
    if (in->state == SYN_NOTHING || !going_on(in))
        return;
    struct script script = script_of(in, in->pending.len);
    in->failed = !shell_execute(in->s, &script, in->from);
}

static void run_source(struct input *in)
{
    struct budget *b = in->s->c->arena.budget;
    struct str line;
    bool typed = in->kind == SOURCE_PROMPT;
    buf_init(&in->pending, b, (size_t)SYN_MAX_TEXT * 3);
    buf_init(&in->chunk, b, (size_t)SYN_MAX_TEXT + 2 * 65536);
    buf_init(&in->typed, b, (size_t)SYN_MAX_TEXT * 2);
    while (going_on(in)) {
        enum got got = next_line(in, &line);
        if (got == GOT_END)
            break;
        if (got == GOT_INTERRUPT) {
            forget_pending(in);
            continue;
        }
        if (typed && !buf_put(&in->typed, line.ptr, line.len))
            buf_clear(&in->typed);
        if (in->state == SYN_NOTHING && shell_is_command(str_trim(line)))
            take_command(in, str_trim(line));
        else
            take_line(in, line);
    }
    if (!typed)
        run_rest(in);
    buf_release(&in->typed);
    buf_release(&in->chunk);
    buf_release(&in->pending);
}

/* ---- the sources ---- */

void shell_prompt(struct shell *s)
{
    struct input in = { .s = s, .kind = SOURCE_PROMPT, .name = STR("") };
    run_source(&in);
}

bool shell_text(struct shell *s, struct str name, struct str text)
{
    struct input in = { .s = s, .kind = SOURCE_TEXT, .name = name, .text = text };
    if (str_starts(text, STR("\xEF\xBB\xBF")))
        in.text = str_make(text.ptr + 3, text.len - 3);
    run_source(&in);
    return !in.failed;
}

bool shell_stream(struct shell *s)
{
    struct input in = { .s = s, .kind = SOURCE_STREAM, .name = STR("<stdin>") };
    run_source(&in);
    return !in.failed;
}

bool shell_file(struct shell *s, struct str path)
{
    struct error err;
    struct buf text;
    struct arena a;
    if (str_eq(path, STR("-")))
        return shell_stream(s);
    if (s->depth == SOURCES_MAX) {
        error_set(&err, ST_LIMIT, "files that read files: more than %u", SOURCES_MAX);
        s->code = cli_fail(s->c, NULL, &err);
        return false;
    }
    arena_init(&a, s->c->arena.budget);
    buf_init(&text, s->c->arena.budget, FILE_MAX);
    struct str name = arena_str(&a, path);
    enum status st = name.ptr ? os_read_file(s->c->os, name.ptr, FILE_MAX - 1, &text, &err)
                              : budget_error(a.budget, path.len, &err);
    if (st != ST_OK)
        s->code = cli_fail(s->c, NULL, &err);
    s->depth++;
    bool ok = st == ST_OK && shell_text(s, name, buf_str(&text));
    s->depth--;
    buf_release(&text);
    arena_release(&a);
    return ok;
}
