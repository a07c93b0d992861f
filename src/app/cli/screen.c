/* A picture on the terminal that is drawn over again: the demo's, and a shell's table that changes.
 *
 * Whoever draws gives lines; here they are cut to the terminal, for a line that breaks would be two to the cursor, and
 * put over the last ones. When the terminal has changed its size nobody knows where those stand: the screen is wiped.
 */
#include "cli/cli.h"

#define TALL 10000u /* rows, where nobody knows */

/* Characters that fill two columns, roughly: East Asian ones, pictures. */
static uint32_t width_of(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } wide[] = { { 0x1100, 0x115F }, { 0x2E80, 0xA4CF }, { 0xAC00, 0xD7A3 }, { 0xF900, 0xFAFF }, { 0xFE30, 0xFE6F },
                 { 0xFF00, 0xFF60 }, { 0xFFE0, 0xFFE6 }, { 0x1F300, 0x1FAFF }, { 0x20000, 0x3FFFD } };
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (c >= wide[i].first && c <= wide[i].last)
            return 2;
    return 1;
}

/* Bytes of the control sequence at `at`. */
static size_t sequence_length(struct str s, size_t at)
{
    size_t n = 1;
    while (at + n < s.len && (n == 1 || !(s.ptr[at + n] >= '@' && s.ptr[at + n] <= '~')))
        n++;
    return n + (at + n < s.len);
}

/* One line, colours whole. */
static bool put_cut(struct buf *out, struct str line, uint32_t columns)
{
    uint32_t used = 0;
    for (size_t i = 0; i < line.len;) {
        size_t next = i;
        if (line.ptr[i] == '\033') {
            next += sequence_length(line, i);
        } else {
            used += width_of(utf8_next(line, &next));
            if (used > columns) {
                i = next;
                continue;
            }
        }
        if (!buf_put(out, line.ptr + i, next - i))
            return false;
        i = next;
    }
    return true;
}

bool screen_put(struct buf *out, struct str picture, uint32_t columns, uint32_t rows, uint32_t *ret_lines)
{
    uint32_t lines = 0;
    bool ok = true;
    while (ok && picture.ptr && picture.len && lines < rows) {
        struct str line = str_split(&picture, '\n');
        ok = put_cut(out, line, columns) && buf_printf(out, "\033[K\n"); /* an echoed ^C goes, too */
        lines++;
    }
    *ret_lines = lines;
    return ok && buf_printf(out, "\033[J");
}

static bool put_home(struct buf *out, const struct screen *s, bool resized)
{
    if (!s->lines)
        return true;
    return resized ? buf_printf(out, "\033[H\033[2J") : buf_printf(out, "\033[%uA\r", s->lines);
}

bool screen_resized(const struct screen *s)
{
    return s->lines && (s->columns != cli_columns(s->c) || s->rows != cli_rows(s->c));
}

static void draw(struct screen *s, struct str picture)
{
    uint32_t columns = cli_columns(s->c), rows = cli_rows(s->c), room = rows ? rows - 1 : TALL, lines = 0;
    struct buf out;
    buf_init(&out, s->c->arena.budget, 4u << 20);
    bool ok = put_home(&out, s, screen_resized(s)) && screen_put(&out, picture, columns, room, &lines);
    if (ok && cli_write(s->c, buf_str(&out), NULL) == ST_OK) {
        s->lines = lines;
        s->columns = columns;
        s->rows = rows;
    }
    buf_release(&out);
    s->drawn_ns = os_mono_ns(s->c->os);
}

void screen_show(struct screen *s, struct str picture)
{
    progress_hold(s->c);
    draw(s, picture);
    progress_release(s->c);
}

void screen_wipe(struct screen *s)
{
    if (s->lines)
        draw(s, STR(""));
}
