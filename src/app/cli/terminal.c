/* What people read: messages, errors with the SQL line and a caret, colours, numbers.
 *
 * A message is put together first and written by one call, so that two threads do not mix their lines. Control
 * characters of messages, which may quote foreign data, are shown as '?'. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>

#include "syntax/syntax.h"

#define MESSAGE_MAX ((size_t)1 << 20)

enum status cli_write(struct cli *c, struct str bytes, struct error *err)
{
    struct error own;
    if (bytes.len == 0)
        return ST_OK;
    enum status st = c->os->ops->stream_write(c->os, 1, bytes.ptr, bytes.len, &own);
    if (st == ST_OK)
        return ST_OK;
    if (strstr(own.message, "Broken pipe"))
        atomic_store(&c->pipe_closed, true);
    if (err)
        *err = own;
    return st;
}

static void write_formatted(struct cli *c, int stream, const char *fmt, va_list args)
{
    char small[512];
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(small, sizeof small, fmt, args);
    char *text = small;
    size_t bytes = n < 0 ? 0 : (size_t)n;
    if (bytes >= sizeof small) {
        text = mem_alloc(c->arena.budget, bytes + 1);
        if (text)
            vsnprintf(text, bytes + 1, fmt, again);
    }
    va_end(again);
    if (text && stream == 1)
        (void)cli_write(c, str_make(text, bytes), NULL);
    else if (text)
        (void)c->os->ops->stream_write(c->os, stream, text, bytes, NULL);
    if (text != small)
        mem_free(c->arena.budget, text, bytes + 1);
}

void cli_print(struct cli *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    write_formatted(c, 1, fmt, args);
    va_end(args);
}

void cli_say(struct cli *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    progress_hold(c);
    write_formatted(c, 2, fmt, args);
    progress_release(c);
    va_end(args);
}

const char *cli_style(bool colour, enum cli_style s)
{
    static const char *const codes[] = {
        "\033[0m", "\033[1m", "\033[2m", "\033[31m", "\033[33m", "\033[32m", "\033[36m"
    };
    return colour ? codes[s] : "";
}

uint32_t cli_columns(const struct cli *c)
{
    uint32_t n = c->host->columns ? c->host->columns() : 0;
    return n ? n : 80;
}

uint32_t cli_rows(const struct cli *c) { return c->host->rows ? c->host->rows() : 0; }

const char *cli_variable(const struct cli *c, struct str name)
{
    for (char *const *v = c->host->variables; v && *v; v++)
        if (str_starts(str_from(*v), name) && (*v)[name.len] == '=' && (*v)[name.len + 1])
            return *v + name.len + 1;
    return NULL;
}

/* ---- errors ---- */

static bool put_clean(struct buf *out, const char *text)
{
    for (; *text; text++) {
        bool control = (unsigned char)*text < 0x20 && *text != '\n' && *text != '\t';
        if (!buf_put_u8(out, control || *text == 0x7F ? '?' : (uint8_t)*text))
            return false;
    }
    return true;
}

/* The two lines of the caret, moved in. */
static bool put_caret(struct buf *out, struct str sql, const struct error *err)
{
    struct buf lines;
    buf_init(&lines, out->budget, 65536);
    bool ok = syn_print_caret(&lines, sql, err);
    struct str rest = buf_str(&lines);
    while (ok && rest.ptr && rest.len) {
        struct str line = str_split(&rest, '\n');
        ok = buf_put(out, "    ", 4) && buf_put(out, line.ptr, line.len) && buf_put_u8(out, '\n');
    }
    buf_release(&lines);
    return ok;
}

static bool put_place(struct buf *out, const struct script *s, const struct error *err, bool colour)
{
    const char *dim = cli_style(colour, STYLE_CYAN), *plain = cli_style(colour, STYLE_PLAIN);
    if (err->place[0]) {
        bool ok = buf_printf(out, "  %s-->%s ", dim, plain) && put_clean(out, err->place);
        if (ok && err->line)
            ok = err->column ? buf_printf(out, ":%u:%u", err->line, err->column) : buf_printf(out, ":%u", err->line);
        if (ok && err->offset >= 0)
            ok = buf_printf(out, " (byte %" PRId64 ")", err->offset);
        return ok && buf_put_u8(out, '\n');
    }
    if (!err->line || !s)
        return true;
    bool ok = s->name.len == 0 || /* what was typed just now */
              buf_printf(out, "  %s-->%s %.*s:%u:%u\n", dim, plain, STR_ARG(s->name), s->lines_before + err->line,
                         err->column);
    return ok && put_caret(out, s->text, err);
}

void cli_error(struct cli *c, const struct script *s, const struct error *err)
{
    bool colour = c->colour_err;
    struct buf out;
    buf_init(&out, NULL, MESSAGE_MAX);
    bool ok = buf_printf(&out, "%s%serror:%s ", cli_style(colour, STYLE_BOLD), cli_style(colour, STYLE_RED),
                         cli_style(colour, STYLE_PLAIN)) &&
              put_clean(&out, err->message) && buf_put_u8(&out, '\n') && put_place(&out, s, err, colour);
    if (ok && err->hint[0])
        ok = buf_printf(&out, "%shint:%s ", cli_style(colour, STYLE_GREEN), cli_style(colour, STYLE_PLAIN)) &&
             put_clean(&out, err->hint) && buf_put_u8(&out, '\n');
    progress_hold(c);
    if (!ok) { /* no memory for more than the message */
        buf_clear(&out);
        (void)c->os->ops->stream_write(c->os, 2, "error: ", 7, NULL);
        (void)c->os->ops->stream_write(c->os, 2, err->message, strlen(err->message), NULL);
        (void)c->os->ops->stream_write(c->os, 2, "\n", 1, NULL);
    }
    if (out.len)
        (void)c->os->ops->stream_write(c->os, 2, out.data, out.len, NULL);
    progress_release(c);
    buf_release(&out);
}

int cli_fail(struct cli *c, const struct script *s, const struct error *err)
{
    cli_error(c, s, err);
    /* SQL that is too deep or too long is wrong SQL; limits met while running are failures */
    return status_exit_code(err->status == ST_LIMIT && err->line && !err->place[0] ? ST_SYNTAX : err->status);
}

/* ---- numbers ---- */

char *text_count(char out[CLI_TEXT], uint64_t n)
{
    char digits[CLI_TEXT];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n), at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
    return out;
}

char *text_rate(char out[CLI_TEXT], double n)
{
    if (n < 99999.5)
        return text_count(out, n <= 0 ? 0 : (uint64_t)(n + 0.5));
    snprintf(out, CLI_TEXT, "%.1f %s", n < 1e6 ? n / 1e3 : n / 1e6, n < 1e6 ? "k" : "M");
    return out;
}

char *text_bytes(char out[CLI_TEXT], uint64_t n)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    double v = (double)n;
    uint32_t u = 0;
    while (v >= 1023.95 && u + 1 < sizeof units / sizeof *units) {
        v /= 1024;
        u++;
    }
    snprintf(out, CLI_TEXT, u ? "%.1f %s" : "%.0f %s", v, units[u]);
    return out;
}

char *text_duration(char out[CLI_TEXT], int64_t ms)
{
    if (ms < 1000)
        snprintf(out, CLI_TEXT, "%" PRId64 " ms", ms);
    else if (ms < 60000)
        snprintf(out, CLI_TEXT, "%.1f s", (double)(ms / 100) / 10);
    else if (ms < 3600000)
        snprintf(out, CLI_TEXT, "%" PRId64 " min %" PRId64 " s", ms / 60000, ms / 1000 % 60);
    else if (ms < 86400000)
        snprintf(out, CLI_TEXT, "%" PRId64 " h %" PRId64 " min", ms / 3600000, ms / 60000 % 60);
    else
        snprintf(out, CLI_TEXT, "%" PRId64 " d %" PRId64 " h", ms / 86400000, ms / 3600000 % 24);
    return out;
}

char *text_time(char out[CLI_TEXT], int64_t ms)
{
    char text[48];
    size_t n = timestamp_print(ms, 0, text);
    n = n < CLI_TEXT ? n : CLI_TEXT - 1;
    memcpy(out, text, n);
    out[n] = 0;
    return out;
}
