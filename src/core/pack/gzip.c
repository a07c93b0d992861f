/* gzip over zlib: windowBits 15 + 16 is the gzip wrapper, so that header and trailer (CRC-32, length)
 * are made and checked by zlib. A member ends at Z_STREAM_END; the same state is then reset for the
 * next one. The header carries no time and no name: the same input gives the same bytes. */
#include "pack/codec.h"

#include <zlib.h>

#define GZIP_WINDOW_BITS (15 + 16)
#define GZIP_MEM_LEVEL 8
#define GZIP_ROOM_MIN ((size_t)16 << 10)
#define ZLIB_PIECE_MAX ((size_t)1 << 30) /* zlib counts in unsigned int */

struct gzip {
    struct pack_mem *mem;
    z_stream z;
    bool done; /* the member is complete: reset before the next */
};

static voidpf zlib_alloc(voidpf mem, uInt items, uInt size)
{
    return pack_mem_alloc(mem, (size_t)items * size);
}

static void zlib_free(voidpf mem, voidpf ptr)
{
    pack_mem_free(mem, ptr);
}

static struct gzip *gzip_new(struct pack_mem *mem)
{
    struct gzip *g = pack_mem_calloc(mem, sizeof *g);
    if (!g)
        return NULL;
    g->mem = mem;
    g->z.zalloc = zlib_alloc;
    g->z.zfree = zlib_free;
    g->z.opaque = mem;
    return g;
}

static void *gzip_decoder_new(struct pack_mem *mem)
{
    struct gzip *g = gzip_new(mem);
    if (g && inflateInit2(&g->z, GZIP_WINDOW_BITS) != Z_OK) {
        pack_mem_free(mem, g);
        return NULL;
    }
    return g;
}

static void gzip_decoder_free(void *decoder)
{
    struct gzip *g = decoder;
    inflateEnd(&g->z);
    pack_mem_free(g->mem, g);
}

static void gzip_decoder_reset(void *decoder)
{
    struct gzip *g = decoder;
    inflateReset(&g->z);
    g->done = false;
}

static void *gzip_encoder_new(struct pack_mem *mem)
{
    struct gzip *g = gzip_new(mem);
    if (g && deflateInit2(&g->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEM_LEVEL,
                          Z_DEFAULT_STRATEGY) != Z_OK) {
        pack_mem_free(mem, g);
        return NULL;
    }
    return g;
}

static void gzip_encoder_free(void *encoder)
{
    struct gzip *g = encoder;
    deflateEnd(&g->z);
    pack_mem_free(g->mem, g);
}

static void load(struct gzip *g, const struct piece *p)
{
    g->z.next_in = (Bytef *)(uintptr_t)p->in; /* zlib only reads it */
    g->z.avail_in = (uInt)(p->in_len < ZLIB_PIECE_MAX ? p->in_len : ZLIB_PIECE_MAX);
    g->z.next_out = p->out;
    g->z.avail_out = (uInt)(p->out_len < ZLIB_PIECE_MAX ? p->out_len : ZLIB_PIECE_MAX);
}

static void store(const struct gzip *g, struct piece *p)
{
    p->in_used = p->in ? (size_t)(g->z.next_in - p->in) : 0;
    p->out_made = (size_t)(g->z.next_out - p->out);
}

static const char *gzip_decode(void *decoder, struct piece *p)
{
    struct gzip *g = decoder;
    if (g->done) {
        inflateReset(&g->z);
        g->done = false;
    }
    load(g, p);
    int rc = inflate(&g->z, Z_NO_FLUSH);
    store(g, p);
    p->ended = g->done = rc == Z_STREAM_END;
    if (rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR)
        return NULL;
    return g->z.msg ? g->z.msg : zError(rc);
}

static size_t gzip_room(size_t len, bool end)
{
    (void)end; /* deflate goes on where its room ended */
    return len / 2 + GZIP_ROOM_MIN;
}

static const char *gzip_encode(void *encoder, struct piece *p, bool end)
{
    struct gzip *g = encoder;
    load(g, p);
    int rc = deflate(&g->z, end ? Z_FINISH : Z_NO_FLUSH);
    store(g, p);
    p->ended = rc == Z_STREAM_END;
    if (p->ended)
        deflateReset(&g->z);
    if (rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR)
        return NULL;
    return g->z.msg ? g->z.msg : zError(rc);
}

const struct codec_ops codec_gzip = {
    .name = "gzip",
    .suffix = ".gz",
    .decoder_new = gzip_decoder_new,
    .decoder_free = gzip_decoder_free,
    .decoder_reset = gzip_decoder_reset,
    .decode = gzip_decode,
    .zero_padding = true,
    .encoder_new = gzip_encoder_new,
    .encoder_free = gzip_encoder_free,
    .encode_room = gzip_room,
    .encode = gzip_encode,
};
