/* What an answer shows. Less than a screen is held until the answer ends, or has kept somebody waiting; then it is
 * written as it is. With more the pager starts and takes the rest through its pipe, which holds the query back as long
 * as nobody reads on. Whoever leaves the pager has seen enough: what still comes is dropped, and the query stops. */
#include "cli/shell/shell.h"

#define HELD_MAX ((size_t)1 << 20)
#define HELD_NS INT64_C(2000000000)

void pages_begin(struct pages *p, struct shell *s, bool may)
{
    struct cli *c = s->c;
    *p = (struct pages){ .s = s };
    p->may = may && s->interactive && s->pages && c->host->moves && cli_rows(c) > 0;
    buf_init(&p->held, c->arena.budget, HELD_MAX);
}

static enum status write_plain(struct pages *p, struct str bytes, struct error *err)
{
    progress_hold(p->s->c);
    enum status st = cli_write(p->s->c, bytes, err);
    progress_release(p->s->c);
    return st;
}

/* Rows of the terminal that the text takes; long lines take several. */
static uint32_t height_of(struct str text, uint32_t columns)
{
    uint32_t n = 0;
    while (text.ptr && text.len) {
        size_t len = utf8_length(str_split(&text, '\n'));
        n += 1 + (uint32_t)(len ? (len - 1) / columns : 0);
    }
    return n;
}

static void reader_left(struct pages *p)
{
    p->gone = true;
    p->s->c->os->ops->signal_raise(p->s->c->os, p->s->wake);
}

/* A pager that cannot be had is no failure. */
static enum status start_pager(struct pages *p, struct error *err)
{
    struct cli *c = p->s->c;
    progress_hold(c);
    progress_release(c);
    if (c->host->pipe_to(p->s->pager, &p->pipe, NULL) != ST_OK) {
        p->may = false;
        p->pipe = NULL;
    } else if (c->host->pipe_write(p->pipe, buf_str(&p->held), NULL) != ST_OK) {
        reader_left(p);
    }
    enum status st = p->pipe ? ST_OK : write_plain(p, buf_str(&p->held), err);
    buf_release(&p->held);
    return st;
}

static enum status show_held(struct pages *p, struct error *err)
{
    enum status st = write_plain(p, buf_str(&p->held), err);
    buf_release(&p->held);
    p->may = false;
    return st;
}

enum status pages_put(struct pages *p, struct str bytes, struct error *err)
{
    if (p->gone || bytes.len == 0)
        return ST_OK;
    if (p->pipe) {
        if (p->s->c->host->pipe_write(p->pipe, bytes, NULL) != ST_OK)
            reader_left(p);
        return ST_OK;
    }
    if (!p->may)
        return write_plain(p, bytes, err);
    if (p->held.len == 0)
        p->held_ns = os_mono_ns(p->s->c->os);
    if (!buf_put(&p->held, bytes.ptr, bytes.len)) {
        TRY(show_held(p, err));
        return write_plain(p, bytes, err);
    }
    p->lines += height_of(bytes, cli_columns(p->s->c));
    return p->lines >= cli_rows(p->s->c) ? start_pager(p, err) : ST_OK;
}

void pages_tick(struct pages *p, int64_t now_ns)
{
    if (p->may && !p->pipe && p->held.len && now_ns - p->held_ns > HELD_NS)
        (void)show_held(p, NULL);
}

enum status pages_end(struct pages *p, struct error *err)
{
    enum status st = p->held.len ? show_held(p, err) : ST_OK;
    if (p->pipe)
        p->s->c->host->pipe_end(p->pipe);
    p->pipe = NULL;
    buf_release(&p->held);
    return st;
}
