/* weir produce: lines of standard input, or all of it, as records.
 *
 * A read that waits for keys or a pipe cannot be called off, so it happens in the background; this thread sleeps on the
 * wake-up that the read and a signal share, and hears of deliveries meanwhile. Ctrl-C then sends what has been read. */
#include "cli/kafka.h"

#define BLOCK_BYTES 65536u
#define LINE_MAX ((size_t)64 << 20)
#define LOOK_NS 200000000

struct produce {
    struct kafka k;
    struct str topic, key, separator; /* key.ptr, separator.ptr NULL: none */
    int32_t partition;
    struct cluster_header *headers;
    uint32_t n_headers;
    bool whole, tombstones;
    struct buf text; /* read and not sent */
    uint64_t line;
    /* the read in the background */
    struct os_work work;
    enum status status;
    struct error err;
    size_t got;
    uint8_t block[BLOCK_BYTES];
};

static void read_block(struct os_work *w)
{
    struct produce *p = w->arg;
    struct os *os = p->k.c->os;
    p->status = os->ops->stream_read(os, 0, p->block, sizeof p->block, &p->got, &p->err);
}

static enum status send_record(struct produce *p, struct str value, struct error *err)
{
    struct cluster_record r = {
        .topic = p->topic,
        .partition = p->partition,
        .key = p->key,
        .value = value,
        .headers = p->headers,
        .n_headers = p->n_headers,
    };
    p->line++;
    if (p->separator.ptr) {
        int64_t at = str_find(value, p->separator, 0);
        if (at < 0)
            return error_set(err, ST_DATA, "line %llu lacks the separator '%.*s'", (unsigned long long)p->line,
                             STR_ARG(p->separator));
        r.key = str_make(value.ptr, (size_t)at);
        r.value = str_make(value.ptr + at + p->separator.len, value.len - (size_t)at - p->separator.len);
    }
    if (p->tombstones && r.value.len == 0)
        r.value.ptr = NULL;
    return cluster_produce(p->k.cluster, &r, NULL, err);
}

/* The lines that are whole; at the end of the input also the last one without an end. */
static enum status send_lines(struct produce *p, bool end, struct error *err)
{
    struct str rest = buf_str(&p->text);
    const char *newline;
    while (!p->whole && rest.len > 0 && (newline = memchr(rest.ptr, '\n', rest.len)) != NULL) {
        size_t n = (size_t)(newline - rest.ptr);
        TRY(send_record(p, str_make(rest.ptr, n), err));
        rest = str_make(newline + 1, rest.len - n - 1);
    }
    if (end && (rest.len > 0 || p->whole)) {
        TRY(send_record(p, rest.ptr ? rest : STR(""), err));
        rest.len = 0;
    }
    if (rest.len > 0 && rest.ptr != (const char *)p->text.data)
        memmove(p->text.data, rest.ptr, rest.len);
    p->text.len = rest.len;
    return ST_OK;
}

/* A block of the input into `text`; *ret_end also when a signal has come. */
static enum status next_block(struct produce *p, bool *ret_end, struct error *err)
{
    struct os *os = p->k.c->os;
    p->work = (struct os_work){ .run = read_block, .arg = p, .signal = p->k.signal };
    os->ops->work(os, &p->work);
    while (!atomic_load(&p->work.done)) {
        (void)os->ops->signal_wait(os, p->k.signal, os_mono_ns(os) + LOOK_NS);
        if (kafka_stopped(&p->k)) {
            *ret_end = true;
            return ST_OK;
        }
        TRY(cluster_poll(p->k.cluster, err));
    }
    *ret_end = p->got == 0;
    if (p->status != ST_OK) {
        *err = p->err;
        return p->status;
    }
    if (buf_put(&p->text, p->block, p->got))
        return ST_OK;
    return error_set(err, ST_LIMIT, "%s of more than %zu MiB", p->whole ? "a record" : "a line", LINE_MAX >> 20);
}

static enum status send_all(struct produce *p, struct error *err)
{
    bool end = false;
    while (!end) {
        TRY(next_block(p, &end, err));
        if (end && kafka_stopped(&p->k))
            break; /* half a line is no record */
        TRY(send_lines(p, end, err));
        TRY(cluster_poll(p->k.cluster, err));
    }
    return ST_OK;
}

static enum status configure(struct produce *p, struct error *err)
{
    struct cli *c = p->k.c;
    struct str name, value;
    p->topic = c->args.rest[0];
    p->key = args_get(&c->args, O_KEY);
    p->separator = args_get(&c->args, O_KEY_SEPARATOR);
    p->whole = args_has(&c->args, O_WHOLE);
    p->tombstones = args_has(&c->args, O_TOMBSTONES);
    p->partition = (int32_t)args_number(&c->args, O_PARTITION, CLUSTER_BY_KEY);
    if (p->separator.ptr && p->separator.len == 0)
        return error_set(err, ST_USAGE, "--key-separator is empty: what stands between key and value?");
    if (p->separator.ptr && (p->whole || p->key.ptr))
        return error_set(err, ST_USAGE, "--key-separator splits lines at a text: neither with --whole nor with --key");
    while (args_pair(&c->args, O_HEADER, p->n_headers, &name, &value))
        p->n_headers++;
    p->headers = ARENA_ARRAY(&c->arena, struct cluster_header, p->n_headers + 1);
    if (!p->headers)
        return budget_error(c->arena.budget, 0, err);
    for (uint32_t i = 0; i < p->n_headers && args_pair(&c->args, O_HEADER, i, &name, &value); i++)
        p->headers[i] = (struct cluster_header){ name, value };
    return ST_OK;
}

/* Acknowledged is what counts: also after an error, and after a signal. */
static enum status finish(struct produce *p, enum status st, struct error *err)
{
    struct error late;
    char n[CLI_TEXT];
    p->k.finishing = true;
    enum status flushed = cluster_flush(p->k.cluster, st == ST_OK ? err : &late);
    uint64_t count = cluster_delivered(p->k.cluster);
    if (!args_has(&p->k.c->args, O_QUIET))
        cli_say(p->k.c, "%s record%s acknowledged\n", text_count(n, count), count == 1 ? "" : "s");
    return st == ST_OK ? flushed : st;
}

int cmd_produce(struct cli *c)
{
    struct produce *p = mem_calloc(NULL, sizeof *p);
    struct error err;
    if (!p) {
        budget_error(c->arena.budget, sizeof *p, &err);
        return cli_fail(c, NULL, &err);
    }
    p->k.c = c;
    atomic_store(&p->work.done, true);
    buf_init(&p->text, c->arena.budget, LINE_MAX);
    enum status st = configure(p, &err);
    if (st == ST_OK)
        st = kafka_open(c, true, &p->k, &err);
    if (st == ST_OK)
        st = send_all(p, &err);
    if (p->k.cluster)
        st = finish(p, st, &err);
    buf_release(&p->text);
    int code = kafka_end(&p->k, st, &err);
    if (atomic_load(&p->work.done)) /* else a read still waits, and will write there */
        mem_free(NULL, p, sizeof *p);
    return code;
}
