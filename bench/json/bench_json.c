/* The json decoder by itself: records in memory → columns, in records per CPU-second.
 *
 *   bench_json gen flat|wrapped COUNT FILE      writes bids, the same for the same COUNT
 *   bench_json run needed|full|wrapped FILE     decodes FILE for about two CPU-seconds and prints
 *                                               "records per CPU-second, records, sum of integers, sum of text lengths"
 *
 * flat: bids of 233 bytes on average. needed: auction, bidder and price under json.validate=needed. full: all seven
 * fields, everything validated. wrapped: Nexmark's events, {"event_type":2,"person":null,"auction":null,"bid":{…}},
 * of which 2 % are persons and 6 % auctions, fully validated, all fields. Chunks of 256 KiB are made before the clock
 * starts; each is decoded into batches of 1,024 rows whose columns are summed, so that nothing is left out.
 * simdjson_json.cpp reads the same files and must print the same sums. */
#include "format/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CHUNK_BYTES (256u << 10)
#define SLACK_BYTES 256u
#ifndef RUN_SECONDS
#define RUN_SECONDS 2.0
#endif

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench_json: %s\n", what);
    exit(1);
}

/* ---- generating ---- */

static uint64_t seed = 42;

static uint64_t next(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

static const char *letters(char *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (char)('a' + next(26));
    out[n] = 0;
    return out;
}

static void put_time(FILE *f, uint64_t ms)
{
    fprintf(f, "\"2026-01-%02u %02u:%02u:%02u.%03u\"", (unsigned)(1 + ms / 86400000), (unsigned)(ms / 3600000 % 24),
            (unsigned)(ms / 60000 % 60), (unsigned)(ms / 1000 % 60), (unsigned)(ms % 1000));
}

static void put_bid(FILE *f, uint64_t i)
{
    static const char *const channels[] = { "Google", "Facebook", "Baidu", "Apple" };
    char path[3][16], extra[64], channel[24];
    if (next(2))
        snprintf(channel, sizeof channel, "%s", channels[next(4)]);
    else
        snprintf(channel, sizeof channel, "channel-%u", (unsigned)next(10000));
    letters(path[0], 5), letters(path[1], 5), letters(path[2], 4);
    letters(extra, 39 + next(20));
    fprintf(f, "{\"auction\":%" PRIu64 ",\"bidder\":%" PRIu64 ",\"price\":%" PRIu64 ",\"channel\":\"%s\","
               "\"url\":\"https://www.nexmark.com/%s/%s/%s/item.htm?query=1\",\"dateTime\":",
            1000 + next(1000000), 1000 + next(100000), 100 + next(next(8) ? 100000 : 100000000), channel, path[0],
                path[1],
            path[2]);
    put_time(f, i / 10);
    fprintf(f, ",\"extra\":\"%s\"}", extra);
}

static void put_person(FILE *f, uint64_t i)
{
    char name[16], extra[32];
    fprintf(f,
        "{\"id\":%" PRIu64 ",\"name\":\"%s\",\"emailAddress\":\"%s@example.com\",\"creditCard\":\""
        "1111 2222 3333 4444\","
               "\"city\":\"Portland\",\"state\":\"OR\",\"dateTime\":",
            1000 + i, letters(name, 8), name);
    put_time(f, i / 10);
    fprintf(f, ",\"extra\":\"%s\"}", letters(extra, 20));
}

static void put_auction(FILE *f, uint64_t i)
{
    char name[24], extra[32];
    fprintf(f,
        "{\"id\":%" PRIu64 ",\"itemName\":\"%s\",\"description\":\"%s\",\"initialBid\":%" PRIu64 ",\"reserve\":%" PRIu64
               ",\"dateTime\":",
            1000 + i, letters(name, 18), letters(extra, 25), next(1000), next(10000));
    put_time(f, i / 10);
    fprintf(f, ",\"expires\":");
    put_time(f, i / 10 + 10000);
    fprintf(f, ",\"seller\":%" PRIu64 ",\"category\":%" PRIu64 ",\"extra\":\"%s\"}", 1000 + next(1000), 10 + next(5),
            letters(extra, 20));
}

static void generate(const char *kind, uint64_t count, const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f)
        die("cannot write the file");
    bool wrapped = strcmp(kind, "wrapped") == 0;
    for (uint64_t i = 0; i < count; i++) {
        unsigned type = !wrapped ? 2 : i % 50 == 0 ? 0 : i % 50 < 4 ? 1 : 2;
        if (wrapped)
            fprintf(f, "{\"event_type\":%u,\"person\":", type);
        if (wrapped && type != 0)
            fprintf(f, "null");
        if (type == 0)
            put_person(f, i);
        if (wrapped)
            fprintf(f, ",\"auction\":");
        if (wrapped && type != 1)
            fprintf(f, "null");
        if (type == 1)
            put_auction(f, i);
        if (wrapped)
            fprintf(f, ",\"bid\":%s", type == 2 ? "" : "null");
        if (type == 2)
            put_bid(f, i);
        fprintf(f, wrapped ? "}\n" : "\n");
    }
    if (fclose(f) != 0)
        die("cannot write the file");
}

/* ---- tables ---- */

#define F(n, t) { STR_INIT(n), t }

static struct schema flat_schema(struct arena *a)
{
    const struct field fields[] = { F("auction", type_basic(TYPE_BIGINT)), F("bidder", type_basic(TYPE_BIGINT)),
                                    F("price", type_basic(TYPE_BIGINT)),   F("channel", type_string()),
                                    F("url", type_string()),
                                    F("dateTime", type_timestamp(a, TYPE_TIMESTAMP, 3)), F("extra", type_string()) };
    struct schema s = { fields, 7 };
    return schema_copy(a, &s);
}

static struct schema wrapped_schema(struct arena *a)
{
    const struct type *big = type_basic(TYPE_BIGINT), *time = type_timestamp(a, TYPE_TIMESTAMP, 3);
    const struct field person[] = { F("id", big), F("name", type_string()), F("emailAddress", type_string()),
                                    F("creditCard", type_string()), F("city", type_string()), F("state", type_string()),
                                    F("dateTime", time), F("extra", type_string()) };
    const struct field auction[] = { F("id", big), F("itemName", type_string()), F("description", type_string()),
                                     F("initialBid", big), F("reserve", big), F("dateTime", time), F("expires", time),
                                     F("seller", big), F("category", big), F("extra", type_string()) };
    struct schema bid = flat_schema(a);
    const struct field fields[] = { F("event_type", type_basic(TYPE_INT)), F("person", type_row(a, person, 8)),
                                    F("auction", type_row(a, auction, 10)),
                                    F("bid", type_row(a, bid.fields, bid.n_fields)) };
    struct schema s = { fields, 4 };
    return schema_copy(a, &s);
}

/* ---- summing ---- */

struct sums {
    uint64_t rows, integers, lengths;
};

static void add_column(const struct column *c, uint32_t rows, struct sums *s)
{
    uint64_t integers = 0, lengths = 0;
    const uint8_t *nulls = c->nulls;
    switch (type_phys(c->type)) {
    case PHYS_I32:
        for (uint32_t i = 0; i < rows; i++)
            integers += (uint64_t)c->i32[i] * !(nulls && nulls[i]);
        break;
    case PHYS_I64:
        /* Times count by their milliseconds of the second: what the other side can tell without a calendar. */
        for (uint32_t i = 0; i < rows; i++)
            integers += (uint64_t)(type_is_timestamp(c->type) ? c->i64[i] % 1000 : c->i64[i]) * !(nulls && nulls[i]);
        break;
    case PHYS_STRING:
        for (uint32_t i = 0; i < rows; i++)
            lengths += (uint64_t)c->str[i].len * !(nulls && nulls[i]);
        break;
    case PHYS_ROW:
        for (uint32_t i = 0; i < c->n_children; i++)
            add_column(&c->children[i], rows, s);
        break;
    default:
        die("unexpected column");
    }
    s->integers += integers;
    s->lengths += lengths;
}

/* ---- running ---- */

static uint32_t load(const char *path, struct shared ***ret)
{
    FILE *f = fopen(path, "rb");
    struct shared **chunks = calloc(1u << 16, sizeof *chunks);
    uint32_t n = 0;
    size_t kept = 0;
    static char rest[CHUNK_BYTES];
    if (!f || !chunks)
        die("cannot read the file");
    for (;;) {
        struct shared *c = shared_new(NULL, CHUNK_BYTES + SLACK_BYTES);
        memcpy(c->data, rest, kept);
        size_t got = kept + fread(c->data + kept, 1, CHUNK_BYTES - kept, f), whole = got;
        while (whole > 0 && c->data[whole - 1] != '\n')
            whole--;
        kept = got - whole;
        memcpy(rest, c->data + whole, kept);
        memset(c->data + whole, 0, CHUNK_BYTES + SLACK_BYTES - whole);
        c->len = (uint32_t)whole;
        if (whole == 0)
            break;
        chunks[n++] = c;
    }
    fclose(f);
    *ret = chunks;
    return n;
}

static void decode_chunk(struct decoder *d, struct shared *c, struct batch *b, const struct need *needs, struct sums *s)
{
    uint32_t at = 0;
    struct error err;
    struct decoded r;
    while (at < c->len) {
        batch_clear(b);
        if (d->ops->decode(d, c, at, c->len, false, b, BATCH_ROWS, &r, &err) != ST_OK || r.bad || r.used == 0)
            die("bad record");
        at += r.used;
        s->rows += b->count;
        for (uint32_t i = 0; i < b->schema->n_fields; i++)
            if (!needs || needs[i].used)
                add_column(&b->cols[i], b->count, s);
    }
}

static void run(const char *mode, const char *path)
{
    struct arena a;
    struct error err;
    struct shared **chunks;
    struct decoder *d;
    struct connect_context ctx = { .zone = zone_utc };
    arena_init(&a, NULL);
    bool needed = strcmp(mode, "needed") == 0;
    const struct need three[7] = { { .used = true }, { .used = true }, { .used = true } };
    const struct option o[] = { { STR("json.validate"), needed ? STR("needed") : STR("full"), 0, 0 } };
    struct table_desc t = { .name = STR("bids"), .options = { o, 1 } };
    struct schema s = strcmp(mode, "wrapped") == 0 ? wrapped_schema(&a) : flat_schema(&a);
    uint32_t n = load(path, &chunks);
    if (format_json.open_decoder(&t, &s, needed ? three : NULL, &ctx, NULL, &d, &err) != ST_OK)
        die(err.message);
    struct batch *b = batch_new(&s, BATCH_ROWS, NULL);
    struct sums sums = { 0 }, first = { 0 };
    for (uint32_t i = 0; i < n; i++) /* warm */
        decode_chunk(d, chunks[i], b, needed ? three : NULL, &first);
    double start = cpu_seconds(), spent;
    do {
        for (uint32_t i = 0; i < n; i++)
            decode_chunk(d, chunks[i], b, needed ? three : NULL, &sums);
        spent = cpu_seconds() - start;
    } while (spent < RUN_SECONDS);
    printf("%.0f %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", (double)sums.rows / spent, first.rows, first.integers,
           first.lengths);
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "gen") == 0)
        generate(argv[2], strtoull(argv[3], NULL, 10), argv[4]);
    else if (argc == 4 && strcmp(argv[1], "run") == 0)
        run(argv[2], argv[3]);
    else
        die("usage: gen flat|wrapped COUNT FILE | run needed|full|wrapped FILE");
    return 0;
}
