/* What was typed, from one start to the next: $XDG_STATE_HOME/weir/history, readable by its owner only.
 *
 * A line an entry; a newline inside one is written \n, a backslash \\. Each entry is added to the file's end at once,
 * under the file's lock, so that shells beside one another keep all of it. A file that has grown to twice what is kept
 * is written anew at a start. What goes wrong here is no reason to stop a shell: the history is then of this start. */
#include "cli/shell/shell.h"

#define FILE_MAX ((size_t)64 << 20)
#define ENTRY_MAX ((size_t)16 << 10)
#define LOCK_TRIES 20
#define LOCK_NAP_NS INT64_C(5000000)

/* ptr NULL: there is no home. */
static struct str folder(struct shell *s)
{
    const char *state = cli_variable(s->c, STR("XDG_STATE_HOME")), *home = cli_variable(s->c, STR("HOME"));
    if (state && state[0] == '/')
        return arena_printf(&s->c->arena, "%s/weir", state);
    return home ? arena_printf(&s->c->arena, "%s/.local/state/weir", home) : (struct str){ NULL, 0 };
}

static bool put_escaped(struct buf *out, struct str entry)
{
    bool ok = true;
    for (size_t i = 0; ok && i < entry.len; i++) {
        char c = entry.ptr[i];
        ok = (c != '\n' && c != '\\') || buf_put_u8(out, '\\');
        ok = ok && buf_put_u8(out, c == '\n' ? 'n' : (uint8_t)c);
    }
    return ok && buf_put_u8(out, '\n');
}

static bool put_plain(struct buf *out, struct str line)
{
    bool ok = true;
    for (size_t i = 0; ok && i < line.len; i++) {
        char c = line.ptr[i];
        if (c == '\\' && i + 1 < line.len)
            c = line.ptr[++i] == 'n' ? '\n' : line.ptr[i];
        ok = c == 0 || buf_put_u8(out, (uint8_t)c);
    }
    return ok && buf_put_u8(out, 0);
}

static enum status lock_file(struct shell *s, struct os_file *f)
{
    struct os *os = s->c->os;
    enum status st = ST_LOCKED;
    for (int i = 0; i < LOCK_TRIES && st == ST_LOCKED; i++) {
        st = os->ops->lock(os, f, NULL);
        if (st == ST_LOCKED)
            (void)os->ops->signal_wait(os, s->wake, os_mono_ns(os) + LOCK_NAP_NS);
    }
    return st;
}

/* Writes `text` behind the file's end, or in its place. */
static enum status write_file(struct shell *s, const char *path, struct str text, bool instead)
{
    struct os *os = s->c->os;
    struct os_file *f = NULL;
    struct os_stat stat = { 0 };
    TRY(os_open(os, path, OS_PRIVATE, &f, NULL));
    enum status st = lock_file(s, f);
    if (st == ST_OK && !instead)
        st = os->ops->fstat(os, f, &stat, NULL);
    if (st == ST_OK)
        st = os_pwrite(os, f, text.ptr, text.len, stat.bytes, NULL);
    if (st == ST_OK && instead)
        st = os->ops->truncate(os, f, text.len, NULL);
    os_close(os, f);
    return st;
}

/* The newest HISTORY_KEPT lines, into the editor. */
static void remember_lines(struct shell *s, struct str text, uint32_t lines)
{
    struct buf entry;
    buf_init(&entry, s->c->arena.budget, ENTRY_MAX * 2);
    if (lines > 2 * HISTORY_KEPT) {
        for (; lines > HISTORY_KEPT; lines--)
            (void)str_split(&text, '\n');
        (void)write_file(s, s->history_path, text, true);
    }
    while (text.ptr && text.len) {
        struct str line = str_split(&text, '\n');
        buf_clear(&entry);
        if (line.len && utf8_valid(line) && put_plain(&entry, line))
            editor_remember(s->editor, (const char *)entry.data);
    }
    buf_release(&entry);
}

void history_load(struct shell *s)
{
    struct str dir = folder(s), path = { NULL, 0 };
    struct buf text;
    if (dir.ptr)
        path = arena_printf(&s->c->arena, "%.*s/history", STR_ARG(dir));
    if (!path.ptr || os_mkdirs(s->c->os, dir.ptr, NULL) != ST_OK)
        return;
    s->history_path = path.ptr;
    buf_init(&text, s->c->arena.budget, FILE_MAX + 1);
    if (os_read_file(s->c->os, path.ptr, FILE_MAX, &text, NULL) == ST_OK) {
        uint32_t lines = 0;
        for (size_t i = 0; i < text.len; i++)
            lines += text.data[i] == '\n';
        remember_lines(s, buf_str(&text), lines);
    }
    buf_release(&text);
}

void history_add(struct shell *s, struct str entry)
{
    struct buf line;
    entry = str_trim(entry);
    if (!s->editor || entry.len == 0 || entry.len > ENTRY_MAX || memchr(entry.ptr, 0, entry.len))
        return;
    buf_init(&line, s->c->arena.budget, ENTRY_MAX * 2 + 2);
    if (buf_put(&line, entry.ptr, entry.len) && buf_put_u8(&line, 0))
        editor_remember(s->editor, (const char *)line.data);
    buf_clear(&line);
    if (s->history_path && put_escaped(&line, entry))
        (void)write_file(s, s->history_path, buf_str(&line), false);
    buf_release(&line);
}
