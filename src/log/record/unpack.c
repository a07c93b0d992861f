/* Unpacking a batch's records, bounded.
 *
 * gzip, lz4 and zstd are streams: they fill what room the buffer has. Room is made by moving what is still needed to
 * the front once the used part is the larger one, and by doubling when a record needs more than all of it; so the
 * buffer grows with the bytes that came, never with a length that someone claims, and holds a piece of 64 KiB for
 * most batches, however much they unpack to.
 *
 * Snappy comes as one raw block (librdkafka, Go) or in the frame of xerial's Java library: magic, two version numbers,
 * then blocks with their lengths (big-endian i32); a second such header may stand between blocks where streams were
 * joined. A block is unpacked as a whole; what it says it holds was compared with its size by the snappy room.
 *
 * Between batches decoder and buffer are kept while they are small (KEEP_BYTES): a batch with a great window or a great
 * record leaves nothing behind. */
#include "record/unpack.h"

#include "record/bytes.h"

#define PIECE_BYTES ((size_t)64 << 10)
#define KEEP_BYTES ((size_t)4 << 20)

/* Magic, then version and compatible version. */
enum { XERIAL_HEADER = 16, XERIAL_MAGIC = 8 };
static const uint8_t xerial_magic[XERIAL_MAGIC] = { 0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0 };

static const enum codec stream_of[] = {
    [RECORD_GZIP] = CODEC_GZIP,
    [RECORD_LZ4] = CODEC_LZ4,
    [RECORD_ZSTD] = CODEC_ZSTD,
};

void unpack_init(struct unpack *u, struct budget *parent, size_t max_unpacked)
{
    memset(u, 0, sizeof *u);
    budget_init(&u->budget, "records", SIZE_MAX, parent ? parent : budget_process());
    u->max_unpacked = max_unpacked;
}

void unpack_release(struct unpack *u)
{
    unpacker_free(u->stream);
    mem_free(&u->budget, u->data, u->cap);
    u->stream = NULL;
    u->data = NULL;
    u->len = u->cap = 0;
}

static bool is_xerial(struct str s)
{
    return s.len >= XERIAL_HEADER && memcmp(s.ptr, xerial_magic, XERIAL_MAGIC) == 0;
}

static void skip(struct str *s, size_t n)
{
    *s = (struct str){ s->ptr + n, s->len - n };
}

enum status unpack_open(struct unpack *u, enum record_codec codec, struct str packed, struct error *err)
{
    if (atomic_load_explicit(&u->budget.used, memory_order_relaxed) > KEEP_BYTES)
        unpack_release(u);
    u->codec = codec;
    u->rest = packed;
    u->len = u->total = 0;
    u->allowed = packed.len <= (SIZE_MAX - RECORD_UNPACK_FREE) / RECORD_UNPACK_RATIO
                     ? RECORD_UNPACK_FREE + packed.len * RECORD_UNPACK_RATIO
                     : SIZE_MAX;
    if (u->allowed > u->max_unpacked)
        u->allowed = u->max_unpacked;
    u->framed = codec == RECORD_SNAPPY && is_xerial(packed);
    u->begun = false;
    if (codec == RECORD_SNAPPY)
        return ST_OK;
    if (u->stream && u->stream_codec == codec) {
        unpacker_reset(u->stream);
        return ST_OK;
    }
    unpacker_free(u->stream);
    u->stream = unpacker_new(stream_of[codec], &u->budget);
    u->stream_codec = codec;
    return u->stream ? ST_OK : budget_error(&u->budget, 0, err);
}

static enum status too_much(const struct unpack *u, struct error *err)
{
    return error_set(err, ST_LIMIT, "the records unpack to more than %zu bytes", u->allowed);
}

/* Room for `bytes` behind data + len. */
static enum status make_room(struct unpack *u, size_t bytes, struct error *err)
{
    if (u->cap - u->len >= bytes)
        return ST_OK;
    size_t cap = u->cap * 2;
    if (cap < u->len + bytes)
        cap = u->len + bytes;
    if (cap < PIECE_BYTES)
        cap = PIECE_BYTES;
    uint8_t *data = mem_realloc(&u->budget, u->data, u->cap, cap);
    if (!data)
        return budget_error(&u->budget, cap, err);
    u->data = data;
    u->cap = cap;
    return ST_OK;
}

static enum status more_of_stream(struct unpack *u, bool *ret_end, struct error *err)
{
    TRY(make_room(u, 1, err));
    size_t room = u->cap - u->len, left = u->allowed - u->total;
    size_t used, made = 0;
    bool frame_end = false;
    if (left < room)
        room = left + 1; /* one byte more than is allowed is seen, not kept */
    do {
        TRY(unpacker_step(u->stream, u->rest.ptr, u->rest.len, &used, u->data + u->len, room, &made, &frame_end, err));
        skip(&u->rest, used);
    } while (made == 0 && u->rest.len > 0);
    if (made > left)
        return too_much(u, err);
    u->len += made;
    u->total += made;
    if (made > 0)
        return ST_OK;
    if (!frame_end)
        return error_set(err, ST_CORRUPT, "the packed records are cut off");
    *ret_end = true;
    return ST_OK;
}

/* The next block of a frame, or the only one. `block` empty: there is none. */
static enum status next_block(struct unpack *u, struct str *block, struct error *err)
{
    *block = (struct str){ 0 };
    if (!u->framed) {
        if (!u->begun)
            *block = u->rest;
        u->begun = true;
        skip(&u->rest, u->rest.len);
        return ST_OK;
    }
    while (is_xerial(u->rest))
        skip(&u->rest, XERIAL_HEADER);
    if (u->rest.len == 0)
        return ST_OK;
    uint32_t len = u->rest.len >= 4 ? be_get_u32((const uint8_t *)u->rest.ptr) : 0;
    if (len == 0 || len > u->rest.len - 4)
        return error_set(err, ST_CORRUPT, "the snappy data are corrupt: a block of %u bytes, %zu are there", len,
                         u->rest.len);
    skip(&u->rest, 4);
    *block = (struct str){ u->rest.ptr, len };
    skip(&u->rest, len);
    return ST_OK;
}

static enum status more_of_snappy(struct unpack *u, bool *ret_end, struct error *err)
{
    size_t len = 0;
    while (len == 0) {
        struct str block;
        TRY(next_block(u, &block, err));
        if (block.len == 0) {
            *ret_end = true;
            return ST_OK;
        }
        TRY(snappy_block_len(block, &len, err));
        if (len > u->allowed - u->total)
            return too_much(u, err);
        TRY(make_room(u, len ? len : 1, err));
        TRY(snappy_block_unpack(block, u->data + u->len, len, err));
    }
    u->len += len;
    u->total += len;
    return ST_OK;
}

enum status unpack_more(struct unpack *u, size_t used, size_t *ret_moved, bool *ret_end, struct error *err)
{
    size_t keep = u->len - used;
    *ret_moved = 0;
    *ret_end = false;
    if (used >= keep && used > 0) {
        memmove(u->data, u->data + used, keep);
        u->len = keep;
        *ret_moved = used;
    }
    return u->codec == RECORD_SNAPPY ? more_of_snappy(u, ret_end, err) : more_of_stream(u, ret_end, err);
}
