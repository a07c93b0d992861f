/* Private to the filesystem connector. */
#pragma once

#include "connect/private.h"

#define FS_PATH_MAX 4096u
#define FS_NAME_MAX 160u /* of files that the sink makes */

extern const struct option_spec fs_options[];
extern const uint32_t fs_option_count;

/* The path as the OS wants it: "file:" taken off, no '/' at the end; NUL follows in `arena`. ptr NULL: no
 * memory. */
struct str fs_path(const struct table_desc *t, struct arena *a);
/* Compression of one file: by option 'compression', else by its ending. */
enum codec fs_codec(const struct table_desc *t, struct str path);

/* The files that `path` stands for, sorted: itself, a directory's (hidden ones left out, also below), a glob's. */
enum status fs_list(struct os *os, struct str path, bool following, const char *regex, struct arena *arena,
                    struct split **ret, uint32_t *ret_count, struct error *err);
/* Checks a regular expression and turns it into the C library's dialect. */
enum status fs_regex_check(struct str regex, struct error *err);
bool fs_glob_match(struct str pattern, struct str name); /* one segment: * ? [a-z] [!a] \x */

/* A running digest of the bytes before a place. Covers the first `cover` bytes and always the last FS_TAIL. */
#define FS_TAIL 4096u
#define FS_COVER ((uint64_t)256 << 20)
struct fs_trace {
    struct byte_witness base;
    uint64_t offset, cover, chain;
    uint8_t ring[FS_TAIL]; /* byte o of the file at o % FS_TAIL */
};
void fs_trace_init(struct fs_trace *t, uint64_t cover);
void fs_trace_see(struct byte_witness *w, const uint8_t *bytes, size_t len);
/* Goes on at `offset` without having seen what is between; `offset` is a multiple of FS_TAIL and ≥ cover. */
void fs_trace_jump(struct fs_trace *t, uint64_t offset);
uint64_t fs_trace_digest(const struct fs_trace *t);

/* Bytes of one file, unpacked. */
struct fs_bytes {
    struct byte_source base;
    struct os *os;
    struct budget *budget;
    struct os_file *file;
    struct str path;
    int64_t follow_ms; /* 0: bounded */
    enum codec codec;
    struct unpacker *unpacker;
    uint8_t *raw;
    uint32_t raw_at, raw_len;
    uint64_t offset; /* next pread, in the file as it lies */
    bool inside;     /* of a frame */
};
enum status fs_bytes_open(struct os *os, struct str path, enum codec codec, int64_t follow_ms, struct budget *b,
                          struct fs_bytes **ret, struct os_stat *ret_stat, struct error *err);

/* Where a split goes on. */
struct fs_position {
    struct str path;
    uint64_t inode, offset, line, cover, digest;
    bool skipping;
};
bool fs_position_put(struct buf *out, const struct fs_position *p) MUST_USE;
bool fs_position_read(struct str bytes, struct fs_position *ret) MUST_USE;

enum status fs_open_source(const struct table_desc *t, const struct need *needs, struct connect_context *ctx,
                           int64_t *ret_discover_ms, struct source **ret, struct error *err);
enum status fs_open_sink(const struct table_desc *t, const struct schema *schema, bool upsert,
                         struct connect_context *ctx, struct sink **ret, struct error *err);
/* 'replay.speed' and 'replay.column', checked before. */
void fs_replay(const struct table_desc *t, struct replay *ret);
