/* Compression: whole frames and streams for gzip, zstd and lz4 (frame format), and blocks of snappy.
 * Third-party codecs are named only here. Nothing decompresses beyond the room that the caller gives, so a
 * bomb costs time in proportion to what is read, never memory. */
#pragma once

#include "base/base.h"

/* The last is lz4 with blocks that know nothing of each other, the only kind that Kafka's Java client reads; as a
 * file's form it would only be larger, so it has no suffix. It reads what lz4 reads. */
enum codec { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD, CODEC_LZ4, CODEC_LZ4_APART };

/* By a file's ending: ".gz", ".zst"/".zstd", ".lz4"; else CODEC_NONE. */
enum codec codec_of_path(struct str path);
const char *codec_suffix(enum codec c); /* ".gz", … or "" */
const char *codec_name(enum codec c);   /* "gzip", … or "none" */

/* Streaming decompression; concatenated frames (and gzip members) are one stream. */
struct unpacker;
struct unpacker *unpacker_new(enum codec c, struct budget *b); /* NULL when memory is refused */
void unpacker_free(struct unpacker *u);
/* As new, after a fault too: for the next stream of the same codec, without making the decoder again. */
void unpacker_reset(struct unpacker *u);
/* Reads from in, writes to out; sets how many bytes of each were used. ST_CORRUPT names the reason.
 * *ret_frame_end: the input stands at the end of a frame (an end of file here is not a cut).
 * Input that was not used must be given again. While out comes back full there may be more of it, also
 * without input; so at the end of a file: step with no input until *ret_out < out_len, then look at
 * *ret_frame_end. No input at all is a whole stream of nothing. Output that stands before a fault comes
 * first, complete frames always, then the fault, which stays. The decoder's own memory (a zstd frame may
 * ask for a window of up to 128 MiB) is charged to the budget: ST_MEMORY. */
enum status unpacker_step(struct unpacker *u, const void *in, size_t in_len, size_t *ret_in, void *out, size_t out_len,
                          size_t *ret_out, bool *ret_frame_end, struct error *err) MUST_USE;

/* Streaming compression into a buffer. packer_flush_frame ends a frame, so that what stands before can
 * be read without what follows; the next bytes start a new frame. Flushed with nothing new it writes
 * nothing, but for the very first frame, so that a file without rows is a valid one. A failed call takes
 * back what it wrote to `out` (the frame on its way is lost) and the packer stays failed. `out` should
 * have room for 80 KiB beyond what the data need: room is asked for before each slice. */
struct packer;
struct packer *packer_new(enum codec c, struct budget *b);
void packer_free(struct packer *p);
enum status packer_put(struct packer *p, const void *in, size_t len, struct buf *out, struct error *err) MUST_USE;
enum status packer_flush_frame(struct packer *p, struct buf *out, struct error *err) MUST_USE;

/* Snappy is a block format: the whole of it at once, no stream, no checksum, no suffix (so no `enum codec`).
 * The library takes up to SNAPPY_SCRATCH bytes of its own while it compresses (charged), none otherwise. */
enum { SNAPPY_SCRATCH = 192 << 10 };
/* What the block says it unpacks to. ST_CORRUPT also when no block of that size can: a lie costs nothing. */
enum status snappy_block_len(struct str packed, size_t *ret_len, struct error *err) MUST_USE;
/* `out` has the room that snappy_block_len told. */
enum status snappy_block_unpack(struct str packed, uint8_t *out, size_t out_len, struct error *err) MUST_USE;
/* Appends one block; at most SNAPPY_BLOCK_MAX bytes a call. */
#define SNAPPY_BLOCK_MAX ((size_t)1 << 30)
enum status snappy_block_pack(struct str in, struct buf *out, struct error *err) MUST_USE;
