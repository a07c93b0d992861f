/* The digest of the bytes before a place in a file.
 *
 * Bytes are taken in blocks of 4 KiB, aligned in the file. Up to `cover` each block's hash is chained into
 * the one before; beyond, only the newest two blocks' worth of bytes is remembered, in a ring in which byte o
 * lies at o % 4096. The digest is the chain, the begun block and the rest of the ring: so it covers the
 * first `cover` bytes and always the last 4 KiB, and what it needs can be rebuilt by reading those again. */
#include "filesystem.h"

#define ALIGN_DOWN(o) ((o) / FS_TAIL * FS_TAIL)

void fs_trace_init(struct fs_trace *t, uint64_t cover)
{
    *t = (struct fs_trace){ .base = { fs_trace_see }, .cover = cover };
}

static uint64_t chained(uint64_t chain, uint64_t hash)
{
    uint64_t both[2] = { chain, hash };
    return hash_bytes(both, sizeof both);
}

/* A begun block is filled up first; whole blocks are hashed where they lie. */
void fs_trace_see(struct byte_witness *w, const uint8_t *bytes, size_t len)
{
    struct fs_trace *t = (struct fs_trace *)w;
    if (t->offset >= t->cover && len > 2 * FS_TAIL) {
        size_t cut = (size_t)(ALIGN_DOWN(t->offset + len - FS_TAIL) - t->offset);
        t->offset += cut;
        bytes += cut;
        len -= cut;
    }
    while (len > 0) {
        uint32_t in_block = (uint32_t)(t->offset % FS_TAIL);
        size_t n = FS_TAIL - in_block < len ? FS_TAIL - in_block : len;
        memcpy(t->ring + in_block, bytes, n);
        t->offset += n;
        if (in_block + n == FS_TAIL && t->offset <= t->cover)
            t->chain = chained(t->chain, hash_bytes(t->ring, FS_TAIL));
        bytes += n;
        len -= n;
    }
}

void fs_trace_jump(struct fs_trace *t, uint64_t offset)
{
    CHECK(offset % FS_TAIL == 0 && offset >= t->offset);
    t->offset = offset;
}

uint64_t fs_trace_digest(const struct fs_trace *t)
{
    uint32_t in_block = (uint32_t)(t->offset % FS_TAIL);
    uint64_t h = chained(t->chain, hash_bytes(t->ring, in_block));
    if (t->offset >= FS_TAIL)
        h = chained(h, hash_bytes(t->ring + in_block, FS_TAIL - in_block));
    return h;
}
