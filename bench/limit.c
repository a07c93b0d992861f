/* Bare loops: what this machine lets a program reach that does the least possible work, written for these very files.
 *
 *   limit lines FILE           reads in 1 MiB blocks and looks for the ends of lines
 *   limit three|seven FILE     and reads three or all seven fields of a bid, known to stand in this order, without
 *                              validation: integers by digits, texts by the next quote (16 bytes at a time), the
 *                              time by its places
 *   limit wrapped FILE         the same seven fields of Nexmark's wrapped bids; other events are skipped
 *   limit tumble FILE KEYS     bids → count, sum and max by auction and 10 s in one hash table
 *   limit table KEYS ROWS PER_WINDOW   the same table fed by random keys; it is emptied every PER_WINDOW rows
 *   limit write FILE N BYTES   N appends of BYTES, each made durable
 *   limit spin                 a fixed loop in registers, to see how steady the machine is
 *
 * Each prints "rows, sum of integers, sum of text lengths" (of results for the table), so that its answer can be
 * compared.
 * Table updates go in batches of 1,024: all slots are prefetched, then updated. An entry is 32 bytes; a table is
 * filled to half at most. Input that doesn't look as expected ends the program: a bare loop has no second way. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BLOCK ((size_t)1 << 20)
#define BATCH 1024u

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "limit: %s\n", what);
    exit(1);
}

static uint64_t rows, integers, lengths;

/* ---- fields in the known order ---- */

static const char *skip(const char *p, const char *literal, size_t len)
{
    if (memcmp(p, literal, len) != 0)
        die("another form of record than expected");
    return p + len;
}
#define SKIP(p, literal) skip(p, literal, sizeof literal - 1)

static const char *number(const char *p, uint64_t *ret)
{
    uint64_t n = 0;
    for (; (unsigned)(*p - '0') < 10; p++)
        n = n * 10 + (uint64_t)(*p - '0');
    *ret = n;
    return p;
}

static const char *text(const char *p, size_t *ret)
{
    const char *start = p;
#ifdef __SSE2__
    for (;; p += 16) {
        __m128i equal = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), _mm_set1_epi8('"'));
        unsigned found = (unsigned)_mm_movemask_epi8(equal);
        if (found) {
            p += __builtin_ctz(found);
            break;
        }
    }
#else
    while (*p != '"')
        p++;
#endif
    *ret = (size_t)(p - start);
    return p;
}

static uint64_t two(const char *p) { return (uint64_t)(p[0] - '0') * 10 + (uint64_t)(p[1] - '0'); }

/* "2026-01-01 00:00:00.000"; the fraction may be missing. Milliseconds of the day. */
static uint64_t day_ms(const char *p, size_t len)
{
    uint64_t ms = ((two(p + 11) * 60 + two(p + 14)) * 60 + two(p + 17)) * 1000;
    for (size_t i = 20, place = 100; i < len && place; i++, place /= 10)
        ms += (uint64_t)(p[i] - '0') * place;
    return ms;
}

struct bid {
    uint64_t auction, bidder, price, day_ms;
    size_t lengths;
};

static const char *scan_three(const char *p, struct bid *b)
{
    p = number(SKIP(p, "{\"auction\":"), &b->auction);
    p = number(SKIP(p, ",\"bidder\":"), &b->bidder);
    return number(SKIP(p, ",\"price\":"), &b->price);
}

static const char *scan_seven(const char *p, struct bid *b)
{
    size_t channel, url, time, extra;
    p = text(SKIP(scan_three(p, b), ",\"channel\":\""), &channel);
    p = text(SKIP(p, "\",\"url\":\""), &url);
    p = SKIP(p, "\",\"dateTime\":\"");
    const char *at = p;
    p = text(p, &time);
    b->day_ms = day_ms(at, time);
    p = text(SKIP(p, "\",\"extra\":\""), &extra);
    b->lengths = channel + url + extra;
    return p;
}

/* ---- the table ---- */

struct entry {
    uint64_t key, count, sum, max; /* count 0: free */
};

static struct entry *table;
static uint64_t mask;
static struct { uint64_t key, value; } waiting[BATCH];
static uint32_t n_waiting;

static void table_init(uint64_t keys)
{
    uint64_t size = 1024;
    while (size < 2 * keys)
        size *= 2;
    mask = size - 1;
    table = aligned_alloc((size_t)2 << 20, (size * sizeof *table + ((size_t)2 << 20) - 1) & ~(((size_t)2 << 20) - 1));
    if (!table)
        die("no memory");
    madvise(table, size * sizeof *table, MADV_HUGEPAGE);
    memset(table, 0, size * sizeof *table);
}

static uint64_t slot_of(uint64_t key)
{
    uint64_t h = key * 0x9E3779B97F4A7C15u;
    return (h ^ h >> 32) & mask;
}

static void table_flush(void)
{
    for (uint32_t i = 0; i < n_waiting; i++)
        __builtin_prefetch(&table[slot_of(waiting[i].key)], 1);
    for (uint32_t i = 0; i < n_waiting; i++) {
        uint64_t at = slot_of(waiting[i].key), v = waiting[i].value;
        while (table[at].count && table[at].key != waiting[i].key)
            at = (at + 1) & mask;
        struct entry *e = &table[at];
        e->key = waiting[i].key;
        e->count++;
        e->sum += v;
        e->max = v > e->max ? v : e->max;
    }
    n_waiting = 0;
}

static inline void table_add(uint64_t key, uint64_t value)
{
    waiting[n_waiting].key = key;
    waiting[n_waiting++].value = value;
    if (n_waiting == BATCH)
        table_flush();
}

static void table_fire(void)
{
    table_flush();
    for (uint64_t i = 0; i <= mask; i++)
        if (table[i].count) {
            rows++;
            integers += table[i].key + table[i].count + table[i].sum + table[i].max;
        }
    memset(table, 0, (mask + 1) * sizeof *table);
}

/* ---- lines ---- */

static enum { LINES, THREE, SEVEN, WRAPPED, TUMBLE } mode;
static uint64_t window = UINT64_MAX;

static const char *take_tumble(const char *p)
{
    struct bid b;
    p = scan_seven(p, &b);
    if (b.day_ms / 10000 != window) {
        if (window != UINT64_MAX)
            table_fire();
        window = b.day_ms / 10000;
    }
    table_add(b.auction, b.price);
    return p;
}

static const char *take(const char *p)
{
    static const char bid[] = "{\"event_type\":2,\"person\":null,\"auction\":null,\"bid\":";
    struct bid b = { 0 };
    if (mode == LINES)
        return rows++, p;
    if (mode == TUMBLE)
        return take_tumble(p);
    if (mode == WRAPPED) {
        if (memcmp(p, "{\"event_type\":2", 15) != 0)
            return p;
        p = SKIP(p, bid);
    }
    p = mode == THREE ? scan_three(p, &b) : scan_seven(p, &b);
    rows++;
    integers += b.auction + b.bidder + b.price + b.day_ms % 1000;
    lengths += b.lengths;
    return p;
}

static void run_file(const char *path)
{
    char *block = malloc(2 * BLOCK + 64);
    int fd = open(path, O_RDONLY);
    if (fd < 0 || !block)
        die("cannot read the file");
    size_t kept = 0;
    off_t at = 0;
    for (ssize_t got; (got = pread(fd, block + kept, BLOCK, at)) > 0; at += got) {
        size_t len = kept + (size_t)got;
        const char *p = block, *end = block + len, *stop = memrchr(block, '\n', len);
        for (; stop && p <= stop;)
            p = (const char *)memchr(take(p), '\n', BLOCK) + 1;
        kept = (size_t)(end - p);
        if (kept > BLOCK)
            die("a line is too long");
        memmove(block, p, kept);
    }
    if (mode == TUMBLE)
        table_fire();
}

static void run_table(uint64_t count, uint64_t keys, uint64_t per_window)
{
    uint64_t s = 88172645463325252u;
    for (uint64_t i = 0; i < count; i++) {
        s ^= s << 13, s ^= s >> 7, s ^= s << 17;
        table_add((s >> 32) * keys >> 32, (s & 0xffff) + 1);
        if ((i + 1) % per_window == 0)
            table_fire();
    }
    table_fire();
}

static void run_write(const char *path, uint64_t n, size_t bytes)
{
    char *data = malloc(bytes + 1);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || !data)
        die("cannot write the file");
    memset(data, 'w', bytes + 1);
    for (uint64_t i = 0; i < n; i++)
        for (size_t done = 0; done < bytes;) {
            ssize_t put = pwrite(fd, data + done, bytes - done, (off_t)(i * bytes + done));
            if (put <= 0)
                die("cannot write the file");
            done += (size_t)put;
            if (done == bytes && fdatasync(fd) != 0)
                die("cannot sync the file");
        }
    close(fd);
    unlink(path);
}

static void run_spin(void)
{
    uint64_t s = 1;
    for (uint64_t i = 0; i < 200000000; i++)
        s ^= s << 13, s ^= s >> 7, s ^= s << 17;
    integers = s;
}

int main(int argc, char **argv)
{
    static const char *const modes[] = { "lines", "three", "seven", "wrapped", "tumble" };
    const char *what = argc > 1 ? argv[1] : "";
    for (unsigned i = 0; argc > 2 && i < sizeof modes / sizeof *modes; i++)
        if (strcmp(what, modes[i]) == 0) {
            mode = i;
            if (mode == TUMBLE)
                table_init(argc > 3 ? strtoull(argv[3], NULL, 10) : 1000000);
            run_file(argv[2]);
            what = NULL;
            break;
        }
    if (what && strcmp(what, "table") == 0 && argc == 5) {
        table_init(strtoull(argv[2], NULL, 10));
        run_table(strtoull(argv[3], NULL, 10), strtoull(argv[2], NULL, 10), strtoull(argv[4], NULL, 10));
    } else if (what && strcmp(what, "write") == 0 && argc == 5) {
        run_write(argv[2], strtoull(argv[3], NULL, 10), (size_t)strtoull(argv[4], NULL, 10));
    } else if (what && strcmp(what, "spin") == 0) {
        run_spin();
    } else if (what) {
        die("usage: lines|three|seven|wrapped FILE | tumble FILE KEYS | table KEYS ROWS PER_WINDOW | "
            "write FILE N BYTES | spin");
    }
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", rows, integers, lengths);
    return 0;
}
