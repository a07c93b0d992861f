/* Private to the filesystem connector: what the sink's two files share. */
#pragma once

#include "filesystem.h"

#define FS_HIDDEN_ENDING ".inprogress"
#define FS_COMMIT_VERSION 1

struct fs_sink {
    struct sink base;
    struct connect_context *ctx;
    const struct schema *schema;
    struct arena arena;
    struct str dir; /* NUL follows */
    char prefix[32]; /* "part-<tag>" */
    const char *ending;
    enum codec codec;
    uint64_t roll_bytes;
    int64_t roll_ms;
};

struct fs_file {
    struct fs_file *next;
    struct os_file *file;
    char name[FS_NAME_MAX]; /* the final one */
    uint64_t length, synced;
    int64_t born_ms; /* the first prepare that saw it; INT64_MIN: none yet */
};

struct fs_writer {
    struct sink_writer base;
    struct fs_sink *sink;
    struct budget *budget;
    uint32_t subtask;
    uint64_t epoch;  /* the running one */
    uint64_t next_n; /* for the next file's name */
    struct encoder *encoder;
    struct packer *packer; /* NULL: not compressed */
    struct buf text, packed;
    struct fs_file *current;                    /* NULL: no row since the last one was finished */
    struct fs_file *finished, **finished_end;   /* since the last publish */
    uint32_t n_finished;
    bool new_names; /* since the last sync of the directory */
};

/* `name` in the sink's directory, as it is or hidden while in progress. */
enum status fs_sink_path(const struct fs_sink *s, const char *name, bool hidden, char out[FS_PATH_MAX],
                         struct error *err);
enum status fs_sink_restore(struct sink *base, const struct sink_commit *commits, uint32_t n, struct error *err);
