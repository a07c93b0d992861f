/* weir consume: the records of a topic, printed.
 *
 * Where each partition begins and ends is settled first (kafka_spans), so that "to the end" is the end as it was then:
 * a topic that is written to all the time ends too. A partition is done at its end, or when the broker says that there
 * is no more: the last offsets may be markers of transactions or gone by compaction. Output is gathered while records
 * come at once, and written before there is a wait. */
#include "cli/kafka.h"

#include "text/text.h"

#define WRITE_BYTES 65536u
#define WAIT_MS 100
#define OUTPUT_MAX ((size_t)1 << 30)

struct consume {
    struct kafka k;
    struct cluster_topic topic;
    struct kafka_span *spans;
    uint32_t open; /* partitions that are not done */
    int64_t left;  /* records still wanted */
    bool follow, json, headers, hex, as_json;
    struct str format, separator; /* ptr NULL: none */
    struct buf out;
};

static bool put_bytes(struct consume *c, struct str s)
{
    return c->hex ? kafka_put_hex(&c->out, s) : buf_put(&c->out, s.ptr, s.len);
}

static bool put_headers(struct consume *c, const struct cluster_record *r)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < r->n_headers; i++)
        ok = (i == 0 || buf_put_u8(&c->out, ',')) &&
             buf_put(&c->out, r->headers[i].name.ptr, r->headers[i].name.len) && buf_put_u8(&c->out, '=') &&
             buf_put(&c->out, r->headers[i].value.ptr, r->headers[i].value.len);
    return ok;
}

static bool put_json(struct consume *c, const struct cluster_record *r)
{
    struct buf *out = &c->out;
    bool ok = buf_printf(out, "{\"topic\":") && json_put_string(out, r->topic) &&
              buf_printf(out, ",\"partition\":%d,\"offset\":%lld,\"timestamp\":%lld,", r->partition,
                         (long long)r->offset, (long long)r->timestamp_ms) &&
              kafka_put_member(out, "key", r->key, c->as_json) && buf_put_u8(out, ',') &&
              kafka_put_member(out, "value", r->value, c->as_json) && buf_printf(out, ",\"headers\":[");
    for (uint32_t i = 0; ok && i < r->n_headers; i++)
        ok = (i == 0 || buf_put_u8(out, ',')) && buf_put_u8(out, '{') &&
             kafka_put_member(out, "name", r->headers[i].name, false) && buf_put_u8(out, ',') &&
             kafka_put_member(out, "value", r->headers[i].value, false) && buf_put_u8(out, '}');
    return ok && buf_printf(out, "]}\n");
}

static bool put_text(struct consume *c, const struct cluster_record *r)
{
    bool ok = !c->headers || (put_headers(c, r) && buf_put_u8(&c->out, '\t'));
    if (ok && c->separator.ptr)
        ok = put_bytes(c, r->key) && buf_put(&c->out, c->separator.ptr, c->separator.len);
    return ok && put_bytes(c, r->value) && buf_put_u8(&c->out, '\n');
}

/* ---- --format ---- */

static int64_t length(struct str s)
{
    return s.ptr ? (int64_t)s.len : -1;
}

static bool put_field(struct consume *c, char letter, const struct cluster_record *r)
{
    switch (letter) {
    case 's': return put_bytes(c, r->value);
    case 'k': return put_bytes(c, r->key);
    case 'h': return put_headers(c, r);
    case 't': return buf_put(&c->out, r->topic.ptr, r->topic.len);
    case 'p': return buf_printf(&c->out, "%d", r->partition);
    case 'o': return buf_printf(&c->out, "%lld", (long long)r->offset);
    case 'T': return buf_printf(&c->out, "%lld", (long long)r->timestamp_ms);
    case 'S': return buf_printf(&c->out, "%lld", (long long)length(r->value));
    case 'K': return buf_printf(&c->out, "%lld", (long long)length(r->key));
    default: return buf_put_u8(&c->out, '%');
    }
}

/* A '\' and what follows it, or -1; *at stands behind it. */
static int escape_at(struct str f, size_t *at)
{
    static const char letters[] = "ntr\\", bytes[] = "\n\t\r\\";
    const char *hex = "0123456789abcdef", *found = NULL;
    if (*at + 1 >= f.len)
        return -1;
    char ch = f.ptr[*at + 1];
    *at += 2;
    if (ch != 'x') {
        found = memchr(letters, ch, sizeof letters - 1);
        return found ? (uint8_t)bytes[found - letters] : -1;
    }
    int value = 0;
    for (int i = 0; i < 2; i++, ++*at) {
        char digit = *at < f.len ? f.ptr[*at] : '?';
        digit = digit >= 'A' && digit <= 'F' ? (char)(digit + 32) : digit;
        found = memchr(hex, digit, 16);
        if (!found)
            return -1;
        value = value * 16 + (int)(found - hex);
    }
    return value;
}

/* With `r` NULL: only looks whether the format makes sense. */
static bool put_format(struct consume *c, const struct cluster_record *r)
{
    struct str f = c->format;
    for (size_t i = 0; i < f.len;) {
        bool ok = true;
        if (f.ptr[i] == '\\') {
            int byte = escape_at(f, &i);
            ok = byte >= 0 && (!r || buf_put_u8(&c->out, (uint8_t)byte));
        } else if (f.ptr[i] == '%') {
            ok = i + 1 < f.len && strchr("skhtpoTSK%", f.ptr[i + 1]) && (!r || put_field(c, f.ptr[i + 1], r));
            i += 2;
        } else {
            ok = !r || buf_put_u8(&c->out, (uint8_t)f.ptr[i]);
            i++;
        }
        if (!ok)
            return false;
    }
    return true;
}

/* ---- at work ---- */

static enum status write_out(struct consume *c, struct error *err)
{
    enum status st = cli_write(c->k.c, buf_str(&c->out), err);
    buf_clear(&c->out);
    return st;
}

static enum status take_record(struct consume *c, const struct cluster_record *r, struct error *err)
{
    bool ok = c->json ? put_json(c, r) : c->format.ptr ? put_format(c, r) : put_text(c, r);
    if (!ok)
        return budget_error(c->out.budget, r->value.len, err);
    c->left--;
    return c->out.len < WRITE_BYTES ? ST_OK : write_out(c, err);
}

static enum status partition_done(struct consume *c, int32_t partition, struct error *err)
{
    c->spans[partition].taken = false;
    c->open--;
    return cluster_read_stop(c->k.cluster, c->topic.name, partition, err);
}

static enum status step(struct consume *c, struct error *err)
{
    struct cluster_record r;
    enum cluster_event e;
    TRY(cluster_read(c->k.cluster, c->out.len ? 0 : WAIT_MS, &e, &r, err));
    if (e == CLUSTER_QUIET)
        return write_out(c, err);
    struct kafka_span *s = &c->spans[r.partition];
    if (!s->taken)
        return ST_OK;
    if (e == CLUSTER_AT_END) {
        bool done = !c->follow || r.offset >= s->until;
        return done ? partition_done(c, r.partition, err) : ST_OK;
    }
    int64_t offset = r.offset;
    int32_t partition = r.partition;
    if (offset < s->until)
        TRY(take_record(c, &r, err));
    return offset + 1 >= s->until ? partition_done(c, partition, err) : ST_OK;
}

static enum status begin(struct consume *c, struct error *err)
{
    struct kafka_place place;
    struct cli *cli = c->k.c;
    TRY(kafka_place(args_get(&cli->args, O_OFFSET), !c->follow, &place, err));
    TRY(kafka_open(cli, false, &c->k, err));
    TRY(cluster_topic(c->k.cluster, cli->args.rest[0], &cli->arena, &c->topic, err));
    TRY(kafka_spans(&c->k, &c->topic, args_number(&cli->args, O_PARTITION, -1), &place, &c->spans, err));
    for (uint32_t p = 0; p < c->topic.n_partitions; p++) {
        struct kafka_span *s = &c->spans[p];
        if (c->follow)
            s->until = INT64_MAX;
        s->taken = s->taken && s->at < s->until;
        if (!s->taken)
            continue;
        c->open++;
        TRY(cluster_read_from(c->k.cluster, c->topic.name, (int32_t)p, s->at, err));
    }
    return ST_OK;
}

static enum status configure(struct consume *c, struct error *err)
{
    const struct cli_args *a = &c->k.c->args;
    struct str decode = args_get(a, O_DECODE);
    c->follow = args_has(a, O_FOLLOW);
    c->headers = args_has(a, O_HEADERS);
    c->format = args_get(a, O_RECORD_FORMAT);
    c->separator = args_get(a, O_KEY_SEPARATOR);
    c->json = args_has(a, O_FORM) && str_eq_nocase(args_get(a, O_FORM), STR("json"));
    c->hex = decode.ptr && str_eq_nocase(decode, STR("hex"));
    c->as_json = decode.ptr && str_eq_nocase(decode, STR("json"));
    c->left = args_number(a, O_RECORDS, INT64_MAX);
    if (c->json && (c->format.ptr || c->separator.ptr || c->hex))
        return error_set(err, ST_USAGE, "--format, --key-separator and --decode hex are for text, not for --output json");
    if (c->format.ptr && (c->headers || c->separator.ptr))
        return error_set(err, ST_USAGE, "--format says where headers (%%h) and key (%%k) stand: neither --headers nor "
                         "--key-separator goes with it");
    if (c->as_json && !c->json)
        return error_set(err, ST_USAGE, "--decode json is for --output json");
    if (c->format.ptr && !put_format(c, NULL)) {
        error_set(err, ST_USAGE, "'%.*s' is no format of records", STR_ARG(c->format));
        error_hint(err, "weir consume --help tells what may follow %% and \\");
        return ST_USAGE;
    }
    return ST_OK;
}

int cmd_consume(struct cli *cli)
{
    struct consume c = { .k.c = cli };
    struct error err;
    buf_init(&c.out, cli->arena.budget, OUTPUT_MAX);
    enum status st = configure(&c, &err);
    if (st == ST_OK)
        st = begin(&c, &err);
    while (st == ST_OK && c.open > 0 && c.left > 0 && !kafka_stopped(&c.k))
        st = step(&c, &err);
    if (c.out.len) {
        enum status wrote = write_out(&c, st == ST_OK ? &err : NULL);
        st = st == ST_OK ? wrote : st;
    }
    buf_release(&c.out);
    return kafka_end(&c.k, st, &err);
}
