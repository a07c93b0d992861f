/* Any bytes as a journal file on a simulated disk. The first byte chooses: raw bytes, or bytes read as
 * records whose checksums are then made right, so that the fuzzer gets past them, with a bit flipped at
 * the end when the input asks for it.
 *
 * Must hold: no crash; reading changes nothing; a refusal to open changes nothing; after a successful
 * open the file has no torn tail and the same records as before, and takes another one. */
#include "journal/journal.h"
#include "os/sim.h"

#define MAX_RECORD 4096u
#define SEED_AT 32u
#define HEADER 36u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status look(void *arg, uint64_t sequence, struct str payload, struct error *err)
{
    (void)err;
    uint64_t *sum = arg;
    *sum = hash_u64(*sum ^ sequence ^ hash_bytes(payload.ptr, payload.len));
    return ST_OK;
}

static void put_crc(struct buf *b, size_t at, uint32_t start, size_t from)
{
    uint32_t crc = crc32c(start, b->data + from, b->len - from);
    memcpy(b->data + at, &crc, 4);
}

/* Small numbers from the input become records near to valid: {flags, sequence, synced, length} payload. */
static bool forge(struct buf *b, struct reader *r, bool recycled)
{
    bool ok = buf_put(b, "WEIRJNL1\2\0", 10) && buf_put_u8(b, recycled) && buf_put(b, "\0gggg", 5) && buf_put_u64(b, 7) && buf_put_u64(b, 1);
    uint32_t seed = ok ? crc32c(0, b->data, SEED_AT) : 0;
    ok = ok && buf_put_u32(b, seed);
    uint64_t sequence = 0;
    uint8_t flags, jump, back, length;
    while (ok && read_u8(r, &flags) && read_u8(r, &jump) && read_u8(r, &back) && read_u8(r, &length)) {
        const void *payload = "";
        size_t have = (size_t)(r->end - r->at);
        size_t n = length < have ? length : have;
        if (!read_bytes(r, n, &payload))
            break;
        sequence += flags & 1 ? jump : 1;
        size_t at = b->len;
        ok = buf_put_u32(b, seed) && buf_put_u32(b, 0) && buf_put_u32(b, (uint32_t)n) && buf_put_u64(b, sequence) &&
             buf_put_u64(b, flags & 2 ? sequence - back : sequence - 1) && buf_put(b, payload, n);
        if (ok)
            put_crc(b, at + 4, seed, at + 8);
        if (ok && (flags & 4))
            b->data[at + jump % (b->len - at)] ^= 0x10; /* damage in the middle */
    }
    return ok;
}

static void check_same(struct sim *s, const struct buf *want)
{
    struct buf now;
    buf_init(&now, NULL, SIZE_MAX);
    CHECK(sim_get_file(s, "j", &now));
    CHECK(now.len == want->len && (now.len == 0 || memcmp(now.data, want->data, now.len) == 0));
    buf_release(&now);
}

static void check_file(struct sim *s, const struct buf *bytes)
{
    struct os *os = sim_os(s);
    struct error err;
    struct journal *j;
    struct journal_found found;
    uint64_t before = 0, at_open = 0, after = 0;
    enum status read = journal_read(os, "j", MAX_RECORD, NULL, look, &before, &found, &err);
    check_same(s, bytes);
    enum status open = journal_open(os, "j", MAX_RECORD, NULL, look, &at_open, &j, &err);
    CHECK(open == read && at_open == before);
    if (open != ST_OK) {
        CHECK(open == ST_CORRUPT || open == ST_MISMATCH || open == ST_LIMIT);
        CHECK(err.message[0]);
        check_same(s, bytes);
        return;
    }
    CHECK(journal_end(j).bytes == found.end.bytes && found.end.bytes + found.torn <= bytes->len);
    CHECK(bytes->data[10] || found.end.bytes + found.torn == bytes->len); /* recycled, or all is told */
    struct str part = STR("one more");
    uint64_t sequence = journal_end(j).sequence + 1;
    CHECK(journal_append(j, &part, 1, NULL, &err) == ST_OK && journal_sync(j, &err) == ST_OK);
    journal_close(j);
    sim_power_cycle(s, SIM_DROP);
    look(&before, sequence, part, NULL);
    CHECK(journal_read(os, "j", MAX_RECORD, NULL, look, &after, &found, &err) == ST_OK);
    CHECK(found.torn == 0 && after == before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_make(data, size);
    struct buf bytes;
    uint8_t kind;
    if (!read_u8(&r, &kind))
        return 0;
    buf_init(&bytes, NULL, SIZE_MAX);
    bool ok = kind & 1 ? forge(&bytes, &r, kind & 2) : buf_put(&bytes, r.at, (size_t)(r.end - r.at));
    struct sim *s = sim_new(kind, NULL);
    if (ok && s && sim_put_file(s, "j", bytes.data, bytes.len) == ST_OK)
        check_file(s, &bytes);
    sim_free(s);
    buf_release(&bytes);
    return 0;
}
