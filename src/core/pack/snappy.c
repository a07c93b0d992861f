/* Snappy's blocks over the library's C face. A block begins with its unpacked length as a varint; the library looks
 * at nothing else before it takes the caller's room for it, so the length is checked first, here: the densest element
 * is a copy of 64 bytes out of 3, so a block that promises more than that is a lie, whatever follows.
 *
 * The library is C++ and would throw where memory is gone. Unpacking takes none; compressing takes a hash table and,
 * for pieces of 64 KiB, room for a piece and its bound: SNAPPY_SCRATCH in all, which the output's budget lends for the
 * call. Source: the format's description, github.com/google/snappy, format_description.txt. */
#include "base/library.h"
#include "pack/pack.h"

#include <snappy-c.h>

#define COPY_OUT ((size_t)64)
#define COPY_IN ((size_t)3)

#define CALLS(X) X(snappy_compress) X(snappy_max_compressed_length) X(snappy_uncompress) X(snappy_uncompressed_length)

static struct {
    CALLS(LIBRARY_POINTER)
} lib;

static enum status need_library(struct error *err)
{
    static const char *const names[] = { CALLS(LIBRARY_NAME) };
    static struct library library = LIBRARY("libsnappy.so.1", "libsnappy1v5", names, lib);
    return library_open(&library, err);
}

enum status snappy_block_len(struct str packed, size_t *ret_len, struct error *err)
{
    size_t len;
    TRY(need_library(err));
    if (packed.len == 0 || lib.snappy_uncompressed_length(packed.ptr, packed.len, &len) != SNAPPY_OK)
        return error_set(err, ST_CORRUPT, "the snappy data are corrupt: no length");
    if (len / COPY_OUT > packed.len / COPY_IN)
        return error_set(err, ST_CORRUPT, "the snappy data are corrupt: %zu bytes cannot unpack to %zu", packed.len,
                         len);
    *ret_len = len;
    return ST_OK;
}

enum status snappy_block_unpack(struct str packed, uint8_t *out, size_t out_len, struct error *err)
{
    size_t len;
    TRY(snappy_block_len(packed, &len, err));
    CHECK(len <= out_len);
    if (lib.snappy_uncompress(packed.ptr, packed.len, (char *)out, &len) != SNAPPY_OK)
        return error_set(err, ST_CORRUPT, "the snappy data are corrupt");
    return ST_OK;
}

enum status snappy_block_pack(struct str in, struct buf *out, struct error *err)
{
    if (in.len > SNAPPY_BLOCK_MAX)
        return error_set(err, ST_LIMIT, "%zu bytes are more than a snappy block takes", in.len);
    TRY(need_library(err));
    size_t room = lib.snappy_max_compressed_length(in.len);
    if (!buf_reserve(out, room)) {
        if (out->len > out->max || room > out->max - out->len)
            return error_set(err, ST_LIMIT, "the compressed output would pass its limit of %zu bytes", out->max);
        return budget_error(out->budget, room, err);
    }
    if (!budget_take(out->budget, SNAPPY_SCRATCH))
        return budget_error(out->budget, SNAPPY_SCRATCH, err);
    snappy_status rc = lib.snappy_compress(in.len ? in.ptr : "", in.len, (char *)out->data + out->len, &room);
    budget_give(out->budget, SNAPPY_SCRATCH);
    if (rc != SNAPPY_OK)
        return error_set(err, ST_BUG, "compressing with snappy failed");
    out->len += room;
    return ST_OK;
}
