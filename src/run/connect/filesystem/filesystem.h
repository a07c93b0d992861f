/* Private to the filesystem connector. */
#pragma once

#include "connect/private.h"
#include "text/text.h"

#define FS_PATH_MAX 4096u
#define FS_NAME_MAX 160u /* of files that the sink makes */

extern const struct option_spec fs_options[];
extern const uint32_t fs_option_count;

/* The path as the OS wants it: "file:" taken off, no '/' at the end; NUL follows in `arena`. ptr NULL: no
 * memory. */
struct str fs_path(const struct table_desc *t, struct arena *a);
/* Compression of one file: by option 'compression', else by its ending. */
enum codec fs_codec(const struct table_desc *t, struct str path);

/* Are the partitions written marked when they are whole? */
bool fs_marks(const struct table_desc *t);

/* The files that `path` stands for, sorted: itself, a directory's (hidden ones left out, also below), a glob's. */
enum status fs_list(struct os *os, struct str path, bool following, const char *regex, struct arena *arena,
                    struct split **ret, uint32_t *ret_count, struct error *err);
bool fs_glob_match(struct str pattern, struct str name); /* one segment: * ? [a-z] [!a] \x */

/* ---- partition.c: which columns lie in folder names ---- */

struct fs_layout {
    uint32_t n_partitions;
    uint32_t *partitions;   /* of the physical row, in the order of PARTITIONED BY */
    struct schema file;     /* the others: what the format reads and writes */
    uint32_t *file_columns; /* of the physical row, one a field of `file` */
    struct str default_name;
};
enum status fs_layout_of(const struct table_desc *t, struct arena *a, struct fs_layout *ret, struct error *err);
/* "column=value", escaped; an empty value is the default's name. */
bool fs_partition_put(struct buf *out, const struct fs_layout *l, struct str column, struct str value) MUST_USE;
/* The values that the last folders of `folder` name, ptr NULL: the default. ST_DATA: they are no partition. */
enum status fs_partition_values(const struct fs_layout *l, const struct table_desc *t, struct str folder, struct arena *a,
                                struct str **ret, struct error *err);
/* When it begins, in epoch ms, its values being local to `zone`. */
enum status fs_partition_time(const struct table_desc *t, const struct str *values, const struct zone *zone, int64_t *ret_ms,
                              struct error *err);
bool fs_time_pattern_check(struct str pattern);

/* ---- extras.c: what rows have of their file: partition and metadata ---- */

enum { FS_FILE_PATH, FS_FILE_NAME, FS_FILE_SIZE, FS_FILE_TIME, FS_METADATA_COUNT };
extern const struct metadata_key fs_metadata[FS_METADATA_COUNT];

struct fs_extras;
/* *ret NULL: the table has none. Memory in `a` and `b`; released even where opening failed. */
enum status fs_extras_open(const struct table_desc *t, const struct fs_layout *l, const struct need *needs,
                           const struct zone *zone, struct str path, const struct os_stat *now, struct arena *a,
                           struct budget *b, struct fs_extras **ret, struct error *err);
void fs_extras_release(struct fs_extras *e); /* NULL is allowed */
/* The file's columns of `out`, to be read into; then fill moves them back and fills the others of the new rows. */
struct batch *fs_extras_view(struct fs_extras *e, struct batch *out);
enum status fs_extras_fill(struct fs_extras *e, struct batch *out, struct error *err);

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

/* infer.c */
enum status fs_of_path(struct str path, struct arena *a, struct options *ret, struct error *err);
enum status fs_infer(const struct table_desc *t, struct os *os, struct arena *a, struct inferred *ret, struct error *err);

enum status fs_open_source(const struct table_desc *t, const struct need *needs, struct connect_context *ctx,
                           int64_t *ret_discover_ms, struct source **ret, struct error *err);
enum status fs_open_sink(const struct table_desc *t, const struct schema *schema, bool upsert,
                         struct connect_context *ctx, struct sink **ret, struct error *err);
/* 'replay.speed' and 'replay.column', checked before. */
void fs_replay(const struct table_desc *t, struct replay *ret);
