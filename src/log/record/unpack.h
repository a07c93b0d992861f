/* Private to record: the plain bytes of a packed batch, a piece at a time, in a buffer that grows with what came. */
#pragma once

#include "record/record.h"

struct unpack {
    struct budget budget; /* all that is held here; its parent is the caller's */
    size_t max_unpacked;
    enum record_codec codec;
    struct unpacker *stream; /* gzip, lz4, zstd: kept for the next batch of the same codec */
    enum record_codec stream_codec;
    struct str rest; /* packed bytes not read yet */
    bool framed;     /* snappy: in xerial's frame, else one block */
    bool begun;      /* snappy: the one block is read */
    size_t allowed, total;
    uint8_t *data; /* [0, len) is unpacked; what of it is still needed the caller says */
    size_t len, cap;
};

void unpack_init(struct unpack *u, struct budget *parent, size_t max_unpacked);
void unpack_release(struct unpack *u);
/* Begins with another batch's packed bytes. */
enum status unpack_open(struct unpack *u, enum record_codec codec, struct str packed, struct error *err) MUST_USE;
/* Adds bytes behind data + len, once the first `used` are thrown away or not: *ret_moved tells how far the rest moved
 * to the front (0 or `used`). *ret_end: there are no more. */
enum status unpack_more(struct unpack *u, size_t used, size_t *ret_moved, bool *ret_end, struct error *err) MUST_USE;
