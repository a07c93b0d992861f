/* The progress line: once a second on standard error, on a terminal only, gone before anything else is written.
 *
 * Results and messages come from other threads while the line stands; who writes holds the terminal, which takes the
 * line off, so that no line is drawn between the taking off and the writing. A tick that finds it held draws nothing;
 * the next one will. */
#include "cli/cli.h"

#include <stdio.h>

#define ECHO_COLUMNS 3u /* the last column, and the "^C" that a terminal writes behind the line */

void progress_hold(struct cli *c)
{
    while (atomic_flag_test_and_set_explicit(&c->writing, memory_order_acquire)) /* for the time of one write */
        ;
    if (c->status_line)
        (void)c->os->ops->stream_write(c->os, 2, "\r\033[K", 4, NULL);
    c->status_line = false;
}

void progress_release(struct cli *c) { atomic_flag_clear_explicit(&c->writing, memory_order_release); }

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
    uint32_t columns = cli_columns(c), room = columns > ECHO_COLUMNS ? columns - ECHO_COLUMNS : 0;
    if ((uint32_t)n > room) /* a line that wraps could not be taken off */
        n = (int)room;
    char all[320];
    int len = snprintf(all, sizeof all, "\r\033[K%s%.*s%s", cli_style(c->colour_err, STYLE_DIM), n, line,
                       cli_style(c->colour_err, STYLE_PLAIN));
    if (atomic_flag_test_and_set_explicit(&c->writing, memory_order_acquire))
        return;
    c->status_line = true;
    (void)c->os->ops->stream_write(c->os, 2, all, (size_t)len, NULL);
    progress_release(c);
}
