/* Private to the filesystem connector: what the sink's files share.
 *
 * A writer has an open file for each partition that it writes to (a table without partitions is one, without a folder), at
 * most FS_OPEN_MAX over all writers of a sink; the one used least lately is finished when there are more. */
#pragma once

#include "filesystem.h"

#define FS_HIDDEN_ENDING ".inprogress"
#define FS_OPEN_MAX 256u      /* files that the writers of a sink have open together … */
#define FS_OPEN_LEAST 32u     /* … but for so many that each may have */
#define FS_TOUCHED_MAX 32u    /* partitions written to at once: no more than a writer may have open */
#define FS_BUCKETS 1024u
#define FS_PENDING_MAX 1000000u /* partitions that wait for their mark, a writer */

enum fs_trigger { FS_PROCESS_TIME, FS_PARTITION_TIME };

struct fs_file {
    struct fs_file *next;
    struct os_file *file; /* NULL: closed */
    uint64_t length, synced;
    int64_t born_ms;      /* the first prepare that saw it; INT64_MIN: none yet */
    bool fresh;           /* its folder has not been synced since it was made */
    char path[];          /* below the sink's directory, the final one */
};

/* A partition that has rows and no mark (its success file) yet. */
struct fs_pending {
    struct fs_pending *in_bucket, *next, *previous;
    uint64_t hash;
    int64_t due_ms; /* INT64_MIN: the next prepare says */
    bool has_part;  /* an open file may be behind it */
    char folder[];  /* "dt=2026-01-01/hm=10%3A00/" */
};

struct fs_part {
    struct fs_part *in_bucket, *newer, *older;
    uint64_t hash;
    struct str key;    /* the partition's values, canonical */
    struct str folder; /* "" or "dt=2026-01-01/"; NUL follows */
    struct fs_file *current; /* NULL: no row since the last one was finished */
    struct packer *packer;   /* NULL: not compressed */
    struct buf text, packed;
    struct fs_pending *pending;
    struct fs_part *touched; /* the next one of the batch in work */
    uint32_t n_rows, at;     /* of that batch */
};

struct fs_sink {
    struct sink base;
    struct connect_context *ctx;
    struct arena arena;
    struct fs_layout layout;
    struct str dir;  /* NUL follows */
    char prefix[32]; /* "part-<tag>" */
    const char *ending;
    enum codec codec;
    uint64_t roll_bytes;
    int64_t roll_ms;
    atomic_uint open_files;
    /* marks */
    bool marks;
    enum fs_trigger trigger;
    int64_t delay_ms;
    struct str mark;  /* its name */
    struct zone zone; /* of the partitions' times */
    bool overwrite;   /* nothing is visible before the end, then what was there goes */
    /* Writers enter at open; otherwise background work's alone. */
    atomic_flag busy;
    struct fs_writer *writers;
    uint32_t n_writers, n_published;
    int64_t watermark_ms;         /* the least of all writers, as far as it came */
    struct fs_file *carried;      /* finished in an earlier life and not visible yet: the first writer's */
    struct fs_pending *carried_pending;
};

struct fs_writer {
    struct sink_writer base;
    struct fs_writer *next; /* of the sink */
    struct fs_sink *sink;
    struct budget *budget;
    uint32_t subtask;
    uint64_t epoch;  /* the running one */
    uint64_t next_n; /* for the next file's name */
    struct encoder *encoder;
    struct fs_part *parts[FS_BUCKETS], *newest, *oldest;
    uint32_t n_open;
    struct fs_file *finished, **finished_end; /* and not visible yet */
    uint32_t n_finished;
    struct fs_pending **pending_in, *pending; /* by folder's hash; the list of them */
    uint32_t n_pending;
    int64_t watermark_ms, clock_ms; /* clock: at the last prepare, of the trigger's kind */
    bool idle, ended;
    /* the batch in work */
    struct buf key;
    uint16_t *rows, *sorted;
    struct fs_part **part_of;
    uint32_t room;
    struct column *cols; /* the file's columns of it */
};

/* `path` (below the directory, final) as it is or hidden while in progress. */
enum status fs_sink_path(const struct fs_sink *s, const char *path, bool hidden, char out[FS_PATH_MAX], struct error *err);

/* ---- sink_part.c: partitions and their files ---- */

struct fs_file *fs_file_new(struct budget *b, struct str path); /* NULL: refused */
void fs_file_free(struct fs_sink *s, struct budget *b, struct fs_file *f);
/* The part of a row, made when it is not there. */
enum status fs_part_of(struct fs_writer *w, const struct batch *b, uint32_t row, struct fs_part **ret, struct error *err);
/* Adds rows to its file, which may be new and may become full. `b`: the file's columns. */
enum status fs_part_write(struct fs_writer *w, struct fs_part *p, const struct batch *b, struct error *err);
/* At a barrier: its file is finished (`finish`), or all of it can be read as far as it goes. A part without a file goes. */
enum status fs_part_settle(struct fs_writer *w, struct fs_part *p, bool finish, int64_t now_ms, struct error *err);
void fs_parts_free(struct fs_writer *w);
/* The folder's entry among those that wait for a mark, made when it is not there; NULL: refused, err filled. */
struct fs_pending *fs_pending_of(struct fs_writer *w, struct str folder, struct error *err);
void fs_pending_drop(struct fs_writer *w, struct fs_pending *p);
bool fs_pending_due(const struct fs_sink *s, int64_t due_ms, int64_t clock_ms);

/* ---- sink_commit.c, sink_restore.c ---- */

enum status fs_sink_flush(struct sink_writer *base, uint64_t epoch, struct error *err);
enum status fs_sink_publish(struct sink_writer *base, uint64_t epoch, struct error *err);
bool fs_sink_put_commit(const struct fs_writer *w, struct buf *out);
enum status fs_sink_restore(struct sink *base, const struct sink_commit *commits, uint32_t n, struct error *err);
enum status fs_sink_mark(struct fs_sink *s, const char *folder, struct error *err);
/* The name of the file that says: what was there is still to be replaced. */
enum status fs_sink_intent(const struct fs_sink *s, char out[FS_PATH_MAX], struct error *err);
/* Deletes what is visible in the folders of `files` (without partitions: in the directory) but those files, makes them
 * visible, and forgets the intent. */
enum status fs_sink_replace(struct fs_sink *s, const char *const *files, uint32_t n, struct error *err);
/* Folders to be synced, each once. */
struct fs_folders {
    struct fs_sink *sink;
    struct arena arena;
    struct map map;
};
void fs_folders_init(struct fs_folders *f, struct fs_sink *s);
enum status fs_folders_add(struct fs_folders *f, const char *path, bool with_parents, struct error *err);
/* Syncs and releases; `st` not ST_OK: only releases. */
enum status fs_folders_sync(struct fs_folders *f, enum status st, struct error *err);

#define FS_COMMIT_VERSION 2 /* 1 ends behind the open file */
enum { FS_COMMIT_MARKS = 1, FS_COMMIT_ENDED = 2, FS_COMMIT_IDLE = 4, FS_COMMIT_HIDDEN = 8 };
