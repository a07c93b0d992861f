/* Private to pack: what a codec brings, and memory for the libraries, charged to a budget. One table a
 * codec, in the file that wraps its library; pack.c knows only these tables. */
#pragma once

#include "pack/pack.h"

/* Memory of one codec's library. Its free functions tell no size, so each block carries its own. */
struct pack_mem {
    struct budget *budget;
    size_t refused; /* the size that was last refused; 0: none was */
};

void *pack_mem_alloc(void *mem, size_t bytes); /* aligned to 16; NULL when refused */
void *pack_mem_calloc(void *mem, size_t bytes);
void pack_mem_free(void *mem, void *ptr);

struct piece {
    const uint8_t *in;
    size_t in_len, in_used;
    uint8_t *out;
    size_t out_len, out_made;
    bool ended; /* the frame is complete and all of it is in `out` */
};

struct codec_ops {
    const char *name, *suffix, *other_suffix; /* suffix "": no file's form */

    /* A decoder for one frame after the other; NULL when memory is refused. */
    void *(*decoder_new)(struct pack_mem *mem);
    void (*decoder_free)(void *decoder);
    void (*decoder_reset)(void *decoder); /* back to before the first frame, from anywhere; keeps its memory */
    /* Goes as far as in or out allow, at most to the end of the frame. NULL, or what is wrong. */
    const char *(*decode)(void *decoder, struct piece *p);
    /* Frames may be followed by zero bytes, which mean nothing (gzip on tapes). */
    bool zero_padding;

    void *(*encoder_new)(struct pack_mem *mem);
    void (*encoder_free)(void *encoder);
    /* The most bytes that one `encode` of `len` bytes, or of the end, may write. */
    size_t (*encode_room)(size_t len, bool end);
    /* Compresses from p->in to p->out, which has the room; sets p->ended when `end` is done. Begins a
     * frame by itself. NULL, or what went wrong. */
    const char *(*encode)(void *encoder, struct piece *p, bool end);
};

extern const struct codec_ops codec_gzip, codec_zstd, codec_lz4, codec_lz4_apart;
