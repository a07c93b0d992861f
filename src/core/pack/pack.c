/* The streams over the codecs: frames one after the other, memory accounted, errors named.
 *
 * Unpacking. A codec decodes one frame; the loop here starts the next one while there is input, so
 * concatenated frames are one stream. `in_frame` tells a clean end from a cut one. Nothing is called
 * without input unless the last step filled the caller's room (only then can a codec hold output back),
 * because some libraries count idle calls as errors.
 *
 * A fault met after output was made in the same step is kept for the next one: what stood before it,
 * above all the complete frames, arrives whatever the size of the pieces. One byte of input is then
 * left unused, so that a caller who has no more input still comes again.
 *
 * Packing. Input goes to the codec in slices, so that the room asked of the buffer before each call has
 * a small bound. After a failure the frame on its way is lost and the stream answers every call with
 * the same refusal. */
#include "pack/pack.h"

#include "pack/codec.h"

#define SLICE_BYTES ((size_t)64 << 10)

static const struct codec_ops *const codecs[] = {
    [CODEC_NONE] = NULL,
    [CODEC_GZIP] = &codec_gzip,
    [CODEC_ZSTD] = &codec_zstd,
    [CODEC_LZ4] = &codec_lz4,
    [CODEC_LZ4_APART] = &codec_lz4_apart,
};
#define CODEC_COUNT (sizeof codecs / sizeof codecs[0])

static const struct codec_ops *ops_of(enum codec c)
{
    return (size_t)c < CODEC_COUNT ? codecs[c] : NULL;
}

enum codec codec_of_path(struct str path)
{
    for (size_t c = 0; c < CODEC_COUNT; c++) {
        const struct codec_ops *ops = codecs[c];
        if (!ops || !ops->suffix[0])
            continue;
        if (str_ends(path, str_from(ops->suffix)) ||
            (ops->other_suffix && str_ends(path, str_from(ops->other_suffix))))
            return (enum codec)c;
    }
    return CODEC_NONE;
}

const char *codec_suffix(enum codec c)
{
    return ops_of(c) ? ops_of(c)->suffix : "";
}

const char *codec_name(enum codec c)
{
    return ops_of(c) ? ops_of(c)->name : "none";
}

#define MEM_HEADER ((size_t)16)

void *pack_mem_alloc(void *mem, size_t bytes)
{
    struct pack_mem *m = mem;
    uint8_t *p = bytes <= SIZE_MAX - MEM_HEADER ? mem_alloc(m->budget, bytes + MEM_HEADER) : NULL;
    if (!p) {
        m->refused = bytes ? bytes : 1;
        return NULL;
    }
    memcpy(p, &bytes, sizeof bytes);
    return p + MEM_HEADER;
}

void *pack_mem_calloc(void *mem, size_t bytes)
{
    void *p = pack_mem_alloc(mem, bytes);
    if (p)
        memset(p, 0, bytes);
    return p;
}

void pack_mem_free(void *mem, void *ptr)
{
    struct pack_mem *m = mem;
    if (!ptr)
        return;
    uint8_t *p = (uint8_t *)ptr - MEM_HEADER;
    size_t bytes;
    memcpy(&bytes, p, sizeof bytes);
    mem_free(m->budget, p, bytes + MEM_HEADER);
}

struct unpacker {
    const struct codec_ops *ops; /* NULL: no compression */
    struct pack_mem mem;
    void *decoder;
    bool in_frame;  /* some bytes of a frame were read, not all */
    bool any_frame; /* at least one frame is complete */
    bool held_back; /* the last step filled the room: there may be more without new input */
    enum status failed;
    struct error err;
};

struct unpacker *unpacker_new(enum codec c, struct budget *b)
{
    struct unpacker *u = mem_calloc(b, sizeof *u);
    if (!u)
        return NULL;
    u->ops = ops_of(c);
    u->mem.budget = b;
    if (!u->ops)
        return u;
    u->decoder = u->ops->decoder_new(&u->mem);
    if (!u->decoder) {
        mem_free(b, u, sizeof *u);
        return NULL;
    }
    return u;
}

void unpacker_free(struct unpacker *u)
{
    if (!u)
        return;
    if (u->ops)
        u->ops->decoder_free(u->decoder);
    mem_free(u->mem.budget, u, sizeof *u);
}

void unpacker_reset(struct unpacker *u)
{
    if (u->ops)
        u->ops->decoder_reset(u->decoder);
    u->mem.refused = 0;
    u->in_frame = u->any_frame = u->held_back = false;
    u->failed = ST_OK;
}

static void copy_through(struct piece *p)
{
    size_t n = p->in_len < p->out_len ? p->in_len : p->out_len;
    if (n)
        memcpy(p->out, p->in, n);
    p->in_used = p->out_made = n;
}

static enum status unpack_failed(struct unpacker *u, const char *why)
{
    if (u->mem.refused)
        return budget_error(u->mem.budget, u->mem.refused, &u->err);
    return error_set(&u->err, ST_CORRUPT, "the %s data are corrupt: %s", u->ops->name, why);
}

/* One frame, as far as it goes. */
static enum status unpack_frame(struct unpacker *u, struct piece *all)
{
    struct piece p = { .in = all->in ? all->in + all->in_used : NULL,
                       .in_len = all->in_len - all->in_used,
                       .out = all->out + all->out_made,
                       .out_len = all->out_len - all->out_made };
    const char *why = u->ops->decode(u->decoder, &p);
    all->in_used += p.in_used;
    all->out_made += p.out_made;
    if (why)
        return unpack_failed(u, why);
    if (p.ended) {
        u->in_frame = false;
        u->any_frame = true;
    } else if (p.in_used == 0 && p.out_made == 0 && p.in_len > 0) {
        return unpack_failed(u, "the decoder does not advance");
    }
    return ST_OK;
}

static enum status unpack(struct unpacker *u, struct piece *all)
{
    bool more = u->held_back;
    while (all->out_made < all->out_len && (more || all->in_used < all->in_len)) {
        more = false;
        if (!u->in_frame && all->in_used == all->in_len)
            break;
        if (!u->in_frame && u->any_frame && u->ops->zero_padding && all->in[all->in_used] == 0) {
            all->in_used++;
            continue;
        }
        u->in_frame = true;
        TRY(unpack_frame(u, all));
    }
    return ST_OK;
}

enum status unpacker_step(struct unpacker *u, const void *in, size_t in_len, size_t *ret_in, void *out, size_t out_len,
                          size_t *ret_out, bool *ret_frame_end, struct error *err)
{
    if (u->failed == ST_OK) {
        struct piece all = { .in = in, .in_len = in_len, .out = out, .out_len = out_len };
        if (u->ops)
            u->failed = unpack(u, &all);
        else
            copy_through(&all);
        bool deferred = u->failed != ST_OK && all.out_made > 0 && in_len > 0;
        if (u->failed == ST_OK || deferred) {
            if (out_len > 0)
                u->held_back = all.out_made == out_len;
            *ret_in = deferred && all.in_used == in_len ? in_len - 1 : all.in_used;
            *ret_out = all.out_made;
            *ret_frame_end = !u->in_frame && !deferred;
            return ST_OK;
        }
    }
    if (err)
        *err = u->err;
    return u->failed;
}

struct packer {
    const struct codec_ops *ops;
    struct pack_mem mem;
    void *encoder;
    bool in_frame;  /* bytes were put since the last frame's end */
    bool any_frame; /* a frame was ended: the stream is valid as it stands */
    enum status failed;
    struct error err;
};

struct packer *packer_new(enum codec c, struct budget *b)
{
    struct packer *p = mem_calloc(b, sizeof *p);
    if (!p)
        return NULL;
    p->ops = ops_of(c);
    p->mem.budget = b;
    if (!p->ops)
        return p;
    p->encoder = p->ops->encoder_new(&p->mem);
    if (!p->encoder) {
        mem_free(b, p, sizeof *p);
        return NULL;
    }
    return p;
}

void packer_free(struct packer *p)
{
    if (!p)
        return;
    if (p->ops)
        p->ops->encoder_free(p->encoder);
    mem_free(p->mem.budget, p, sizeof *p);
}

static enum status buffer_refused(const struct buf *out, size_t wanted, struct error *err)
{
    if (out->len > out->max || wanted > out->max - out->len)
        return error_set(err, ST_LIMIT, "the compressed output would pass its limit of %zu bytes", out->max);
    return budget_error(out->budget, wanted, err);
}

/* One call of the codec, with the room that it may need. */
static enum status encode_once(struct packer *p, struct piece *piece, bool end, struct buf *out)
{
    size_t room = p->ops->encode_room(piece->in_len - piece->in_used, end);
    if (!buf_reserve(out, room))
        return buffer_refused(out, room, &p->err);
    struct piece once = { .in = piece->in ? piece->in + piece->in_used : NULL,
                          .in_len = piece->in_len - piece->in_used,
                          .out = out->data + out->len,
                          .out_len = out->cap - out->len };
    const char *why = p->ops->encode(p->encoder, &once, end);
    if (why && p->mem.refused)
        return budget_error(p->mem.budget, p->mem.refused, &p->err);
    if (why)
        return error_set(&p->err, ST_BUG, "compressing with %s failed: %s", p->ops->name, why);
    out->len += once.out_made;
    piece->in_used += once.in_used;
    piece->ended = once.ended;
    return ST_OK;
}

static enum status pack_bytes(struct packer *p, const uint8_t *in, size_t len, struct buf *out)
{
    while (len > 0) {
        struct piece slice = { .in = in, .in_len = len < SLICE_BYTES ? len : SLICE_BYTES };
        while (slice.in_used < slice.in_len)
            TRY(encode_once(p, &slice, false, out));
        in += slice.in_len;
        len -= slice.in_len;
    }
    return ST_OK;
}

/* Keeps the failure and takes back what the failed call wrote. */
static enum status pack_result(struct packer *p, enum status st, struct buf *out, size_t len_before, struct error *err)
{
    if (st == ST_OK)
        return ST_OK;
    out->len = len_before;
    p->failed = st;
    if (err)
        *err = p->err;
    return st;
}

enum status packer_put(struct packer *p, const void *in, size_t len, struct buf *out, struct error *err)
{
    size_t before = out->len;
    if (p->failed != ST_OK)
        return pack_result(p, p->failed, out, before, err);
    if (len == 0)
        return ST_OK;
    if (!p->ops)
        return buf_put(out, in, len) ? ST_OK : buffer_refused(out, len, err);
    p->in_frame = true;
    return pack_result(p, pack_bytes(p, in, len, out), out, before, err);
}

enum status packer_flush_frame(struct packer *p, struct buf *out, struct error *err)
{
    size_t before = out->len;
    if (p->failed != ST_OK)
        return pack_result(p, p->failed, out, before, err);
    if (!p->ops || (!p->in_frame && p->any_frame))
        return ST_OK;
    struct piece end = { .in = NULL };
    enum status st = ST_OK;
    while (st == ST_OK && !end.ended)
        st = encode_once(p, &end, true, out);
    p->in_frame = false;
    p->any_frame = true;
    return pack_result(p, st, out, before, err);
}
