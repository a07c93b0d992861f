/* The bytes of one file, unpacked by its codec, read by pread.
 *
 * Bounded: the end is where the file ends now; a compressed one that ends inside a frame is cut and an error.
 * Following: at the end the file is looked at again every `follow_ms`; when it has become shorter than what was
 * read, it is another file, and reading on would be wrong. */
#include "filesystem.h"

#define RAW_BYTES 65536u

static void fs_bytes_free(struct byte_source *base)
{
    struct fs_bytes *f = (struct fs_bytes *)base;
    if (!f)
        return;
    os_close(f->os, f->file);
    unpacker_free(f->unpacker);
    mem_free(f->budget, f->raw, f->raw ? RAW_BYTES : 0);
    mem_free(f->budget, f, sizeof *f);
}

static enum status at_file(const struct fs_bytes *f, enum status st, struct error *err)
{
    char path[FS_PATH_MAX];
    memcpy(path, f->path.ptr, f->path.len);
    path[f->path.len] = 0;
    error_place(err, path, 0, 0, -1);
    return st;
}

static enum status at_end(struct fs_bytes *f, enum pull *ret, int64_t *ret_wake_ms, struct error *err)
{
    if (f->follow_ms == 0) {
        if (f->inside) {
            error_set(err, ST_DATA, "'%.*s' is cut: its %s data end in the middle", STR_ARG(f->path),
                      codec_name(f->codec));
            return at_file(f, ST_DATA, err);
        }
        *ret = PULL_END;
        return ST_OK;
    }
    struct os_stat now;
    TRY(f->os->ops->fstat(f->os, f->file, &now, err));
    if (now.bytes < f->offset) {
        error_set(err, ST_MISMATCH, "'%.*s' has shrunk to %llu bytes after %llu were read", STR_ARG(f->path),
                  (unsigned long long)now.bytes, (unsigned long long)f->offset);
        error_hint(err, "a followed file may only grow; write a new file under another name instead");
        return at_file(f, ST_MISMATCH, err);
    }
    *ret = PULL_WAIT;
    *ret_wake_ms = os_mono_ns(f->os) / 1000000 + f->follow_ms;
    return ST_OK;
}

static enum status pull_plain(struct byte_source *base, void *dst, size_t room, size_t *ret_len, enum pull *ret,
                              int64_t *ret_wake_ms, struct error *err)
{
    struct fs_bytes *f = (struct fs_bytes *)base;
    TRY(os_pread(f->os, f->file, dst, room, f->offset, ret_len, err));
    if (*ret_len == 0)
        return at_end(f, ret, ret_wake_ms, err);
    f->offset += *ret_len;
    *ret = *ret_len < room && f->follow_ms == 0 ? PULL_END : PULL_BYTES;
    return ST_OK;
}

static enum status unpack(struct fs_bytes *f, void *dst, size_t room, size_t *ret_len, struct error *err)
{
    size_t used = 0;
    bool frame_end = false;
    enum status st = unpacker_step(f->unpacker, f->raw + f->raw_at, f->raw_len - f->raw_at, &used, dst, room, ret_len,
                                   &frame_end, err);
    if (st == ST_CORRUPT) {
        if (err)
            err->status = ST_DATA; /* input, not ours: nothing to protect */
        error_prefix(err, "reading '%.*s': ", STR_ARG(f->path));
        return at_file(f, ST_DATA, err);
    }
    TRY(st);
    f->raw_at += (uint32_t)used;
    f->inside = !frame_end;
    return ST_OK;
}

static enum status pull_packed(struct byte_source *base, void *dst, size_t room, size_t *ret_len, enum pull *ret,
                               int64_t *ret_wake_ms, struct error *err)
{
    struct fs_bytes *f = (struct fs_bytes *)base;
    for (;;) {
        *ret_len = 0;
        if (f->offset > 0)
            TRY(unpack(f, dst, room, ret_len, err));
        if (*ret_len > 0) {
            *ret = PULL_BYTES;
            return ST_OK;
        }
        if (f->raw_at < f->raw_len)
            continue;
        size_t got;
        TRY(os_pread(f->os, f->file, f->raw, RAW_BYTES, f->offset, &got, err));
        if (got == 0)
            return at_end(f, ret, ret_wake_ms, err);
        f->raw_at = 0;
        f->raw_len = (uint32_t)got;
        f->offset += got;
    }
}

static const struct byte_source_ops plain_ops = { pull_plain, fs_bytes_free };
static const struct byte_source_ops packed_ops = { pull_packed, fs_bytes_free };

enum status fs_bytes_open(struct os *os, struct str path, enum codec codec, int64_t follow_ms, struct budget *b,
                          struct fs_bytes **ret, struct os_stat *ret_stat, struct error *err)
{
    char name[FS_PATH_MAX];
    if (path.len >= sizeof name)
        return error_set(err, ST_LIMIT, "the path is longer than %u bytes", FS_PATH_MAX - 1);
    memcpy(name, path.ptr, path.len);
    name[path.len] = 0;
    struct fs_bytes *f = mem_calloc(b, sizeof *f);
    if (!f)
        return connect_memory(b, err);
    *f = (struct fs_bytes){ .base = { codec == CODEC_NONE ? &plain_ops : &packed_ops }, .os = os, .budget = b,
                            .path = path, .follow_ms = follow_ms, .codec = codec };
    enum status st = os_open(os, name, OS_READ, &f->file, err);
    if (st != ST_OK) {
        mem_free(b, f, sizeof *f);
        return st;
    }
    st = os->ops->fstat(os, f->file, ret_stat, err);
    if (st == ST_OK && codec != CODEC_NONE) {
        f->raw = mem_alloc(b, RAW_BYTES);
        f->unpacker = f->raw ? unpacker_new(codec, b) : NULL;
        st = f->unpacker ? ST_OK : connect_memory(b, err);
    }
    if (st != ST_OK) {
        fs_bytes_free(&f->base);
        return st;
    }
    *ret = f;
    return ST_OK;
}
