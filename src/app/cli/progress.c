/* The progress line: once a second on standard error, on a terminal only, gone before anything else is written.
 *
 * Results may come from another thread while the line stands; who writes takes it off first (`status_line` is an atomic
 * flag, so it is taken off once). */
#include "cli/cli.h"

#include <stdio.h>

void progress_clear(struct cli *c)
{
    if (atomic_exchange(&c->status_line, false))
        (void)c->os->ops->stream_write(c->os, 2, "\r\033[K", 4, NULL);
}

/* How far event time is behind; in a replay of old data that says nothing, so the time itself is shown. */
static int put_watermark(char *out, size_t room, int64_t watermark_ms, int64_t now_ms)
{
    char text[CLI_TEXT];
    if (watermark_ms == INT64_MIN)
        return 0;
    if (watermark_ms == INT64_MAX)
        return snprintf(out, room, "  input ended");
    int64_t lag = now_ms - watermark_ms;
    if (lag >= 0 && lag < 86400000)
        return snprintf(out, room, "  lag %s", text_duration(text, lag));
    return snprintf(out, room, "  watermark %s", text_time(text, watermark_ms));
}

void progress_tick(void *arg, const struct job_stats *s)
{
    struct progress *p = arg;
    struct cli *c = p->c;
    int64_t now_ns = os_mono_ns(c->os), now_ms = os_wall_ms(c->os);
    double seconds = p->last_ns ? (double)(now_ns - p->last_ns) / 1e9 : 0;
    char line[256], in[CLI_TEXT], out[CLI_TEXT], state[CLI_TEXT], ago[CLI_TEXT];
    double rate_in = seconds > 0 ? (double)(s->rows_in - p->last_in) / seconds : 0;
    double rate_out = seconds > 0 ? (double)(s->rows_out - p->last_out) / seconds : 0;
    p->last_ns = now_ns;
    p->last_in = s->rows_in;
    p->last_out = s->rows_out;
    int n = snprintf(line, sizeof line, "%s in/s  %s out/s", text_rate(in, rate_in), text_rate(out, rate_out));
    n += put_watermark(line + n, sizeof line - (size_t)n, s->watermark_ms, now_ms);
    n += snprintf(line + n, sizeof line - (size_t)n, "  state %s", text_bytes(state, s->state_bytes));
    if (s->last_commit_ms)
        n += snprintf(line + n, sizeof line - (size_t)n, "  commit %s ago",
                      text_duration(ago, now_ms > s->last_commit_ms ? now_ms - s->last_commit_ms : 0));
    uint32_t columns = c->host->columns ? c->host->columns : 80;
    if ((uint32_t)n >= columns) /* a line that wraps could not be taken off */
        n = (int)columns - 1;
    char all[320];
    int len = snprintf(all, sizeof all, "\r\033[K%s%.*s%s", cli_style(c->colour_err, STYLE_DIM), n, line,
                       cli_style(c->colour_err, STYLE_PLAIN));
    atomic_store(&c->status_line, true);
    (void)c->os->ops->stream_write(c->os, 2, all, (size_t)len, NULL);
}
