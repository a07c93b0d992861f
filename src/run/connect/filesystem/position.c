/* A split's position as bytes, in the commit record: u8 1 (version), path (varint length, bytes), inode u64,
 * uncompressed offset u64, line u64, cover u64, digest u64, u8 (1: inside a record that is too long). */
#include "filesystem.h"

#define VERSION 1

bool fs_position_put(struct buf *out, const struct fs_position *p)
{
    return buf_put_u8(out, VERSION) && buf_put_str(out, p->path) && buf_put_u64(out, p->inode) &&
           buf_put_u64(out, p->offset) && buf_put_u64(out, p->line) && buf_put_u64(out, p->cover) &&
           buf_put_u64(out, p->digest) && buf_put_u8(out, p->skipping);
}

bool fs_position_read(struct str bytes, struct fs_position *ret)
{
    struct reader r = reader_make(bytes.ptr, bytes.len);
    uint8_t version, skipping;
    bool ok = read_u8(&r, &version) && version == VERSION && read_str(&r, &ret->path) && read_u64(&r, &ret->inode) &&
              read_u64(&r, &ret->offset) && read_u64(&r, &ret->line) && read_u64(&r, &ret->cover) &&
              read_u64(&r, &ret->digest) && read_u8(&r, &skipping) && skipping <= 1 && r.at == r.end;
    ret->skipping = ok && skipping;
    return ok;
}
