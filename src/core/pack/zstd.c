/* zstd: frames with a content checksum at the library's default level. Skippable frames are read and
 * passed over by the library. A frame asks for its window in its header: up to 128 MiB are granted (what
 * the zstd tool grants too), out of the budget; more is refused before it is allocated.
 *
 * The custom allocator is part of the library's "static" interface, which its shared object exports. */
#include "pack/codec.h"

#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#define ZSTD_WINDOW_LOG_MAX 27
#define ZSTD_LEVEL 3

struct zstd {
    struct pack_mem *mem;
    ZSTD_DCtx *reader;
    ZSTD_CCtx *writer;
};

static struct zstd *zstd_new(struct pack_mem *mem, bool writer)
{
    struct zstd *z = pack_mem_calloc(mem, sizeof *z);
    if (!z)
        return NULL;
    z->mem = mem;
    ZSTD_customMem custom = { pack_mem_alloc, pack_mem_free, mem };
    if (writer)
        z->writer = ZSTD_createCCtx_advanced(custom);
    else
        z->reader = ZSTD_createDCtx_advanced(custom);
    if (z->writer || z->reader)
        return z;
    pack_mem_free(mem, z);
    return NULL;
}

static void zstd_free(void *codec)
{
    struct zstd *z = codec;
    ZSTD_freeDCtx(z->reader);
    ZSTD_freeCCtx(z->writer);
    pack_mem_free(z->mem, z);
}

static void *zstd_decoder_new(struct pack_mem *mem)
{
    struct zstd *z = zstd_new(mem, false);
    if (z)
        CHECK(!ZSTD_isError(ZSTD_DCtx_setParameter(z->reader, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX)));
    return z;
}

static void *zstd_encoder_new(struct pack_mem *mem)
{
    struct zstd *z = zstd_new(mem, true);
    if (z) {
        CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(z->writer, ZSTD_c_compressionLevel, ZSTD_LEVEL)));
        CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(z->writer, ZSTD_c_checksumFlag, 1)));
    }
    return z;
}

static void zstd_decoder_reset(void *decoder)
{
    struct zstd *z = decoder;
    CHECK(!ZSTD_isError(ZSTD_DCtx_reset(z->reader, ZSTD_reset_session_only)));
}

static const char *zstd_decode(void *decoder, struct piece *p)
{
    struct zstd *z = decoder;
    ZSTD_inBuffer in = { p->in, p->in_len, 0 };
    ZSTD_outBuffer out = { p->out, p->out_len, 0 };
    size_t rc = ZSTD_decompressStream(z->reader, &out, &in);
    p->in_used = in.pos;
    p->out_made = out.pos;
    if (ZSTD_isError(rc))
        return ZSTD_getErrorName(rc);
    p->ended = rc == 0;
    return NULL;
}

static size_t zstd_room(size_t len, bool end)
{
    (void)len;
    (void)end; /* the library holds back what has no room, and goes on with it */
    return ZSTD_CStreamOutSize();
}

static const char *zstd_encode(void *encoder, struct piece *p, bool end)
{
    struct zstd *z = encoder;
    ZSTD_inBuffer in = { p->in, p->in_len, 0 };
    ZSTD_outBuffer out = { p->out, p->out_len, 0 };
    size_t rc = ZSTD_compressStream2(z->writer, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
    p->in_used = in.pos;
    p->out_made = out.pos;
    if (ZSTD_isError(rc))
        return ZSTD_getErrorName(rc);
    p->ended = end && rc == 0;
    return NULL;
}

const struct codec_ops codec_zstd = {
    .name = "zstd",
    .suffix = ".zst",
    .other_suffix = ".zstd",
    .decoder_new = zstd_decoder_new,
    .decoder_free = zstd_free,
    .decoder_reset = zstd_decoder_reset,
    .decode = zstd_decode,
    .encoder_new = zstd_encoder_new,
    .encoder_free = zstd_free,
    .encode_room = zstd_room,
    .encode = zstd_encode,
};
