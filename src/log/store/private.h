/* What the files of the room share. Who writes what:
 *
 *   writer     the journal, places of runs, lists of partitions and segments (changed under the lock)
 *   lock       segment tables, indexes, open files, the lists for tend: held for moments, never over a call of the os
 *   partition  a log's `next` and `era`
 *
 * A segment's bytes, end, sum and max_ms are what is committed; a commit under way keeps its own in `place`. */
#pragma once

#include <stdatomic.h>

#include "store/store.h"

enum {
    STORE_SEGMENT_HEAD = 64,
    STORE_BATCH_SIDE = 21, /* of a batch, behind which its own checksum covers everything */
    STORE_PATH_MAX = 1024,
    STORE_RECORD_MAX = 128 << 20,
    STORE_NOTE_MAX = 4 << 20,
    STORE_NOTES_MAX = 16, /* of a group */
    STORE_BUCKETS = 1024,
    STORE_STAGE_BYTES = 128 << 10,
    STORE_INDEX_MAX = 8192,      /* entries of a segment: 256 KiB */
    STORE_INDEX_BYTES = 64 << 20, /* of all; beyond it those of idle segments go */
};

/* What stands before `at`: its offset is the first at or behind it. Proven: the heads from here to the next entry, or to
 * the end, have been seen to be those that were written. */
struct index_entry {
    int64_t offset, max_ms;
    uint64_t at;
    uint32_t sum;
    bool proven;
};
struct index {
    struct index_entry *entries;
    uint32_t count, cap;
    uint64_t step; /* least distance */
};

struct segment {
    struct store_log *log;
    struct segment *next; /* newer; of a dead one: the next dead one */
    int64_t base, end;
    uint64_t generation, bytes;
    int64_t max_ms; /* INT64_MIN: no batch */
    uint32_t sum;   /* over the first STORE_BATCH_SIDE bytes of each batch */
    uint32_t users; /* ranges and calls under way */
    bool bad;       /* not what was written: never read */
    bool waiting;   /* read only: bad until a recovery has been there, which leaves these as they are: */
    struct {
        uint64_t bytes; /* 0: nothing */
        int64_t end;
        uint32_t sum;
    } sure;
    atomic_bool dead; /* in no table: freed with its last user */
    bool beside;    /* its file still has the name under which a rewrite made it */
    atomic_bool rotten; /* a reader has seen that it is not what was written: the next batch starts a new one */
    atomic_bool named; /* its name is durable */
    bool made;      /* recovery: its file has been opened for writing */
    bool dirty;     /* in the dirty list, holds a user */
    bool indexed;   /* `index` covers all of it */
    bool saving;    /* in the list of those whose index is to be saved, holds a user */
    bool from_file; /* `index` began with what its file says */
    bool no_file;   /* what its file says is not so */
    struct segment *dirty_next, *tend_next, *save_next;
    uint64_t saved; /* the index's file covers the first so many bytes */
    _Atomic uint64_t unsynced; /* bytes written since its newest sync began */
    uint64_t begun; /* so many have begun their way to the disk */
    uint64_t doomed_at; /* the record that took it out of the table */
    struct os_file *file;
    struct segment *newer_use, *older_use; /* of open files */
    struct index index;
};

struct epoch {
    int32_t epoch;
    int64_t start;
};

/* Where the commit under way stands in a partition. */
struct place {
    struct segment *segment;
    int64_t end, max_ms;
    uint64_t bytes;
    uint32_t sum;
    uint32_t run; /* its newest one */
    bool running; /* there is one */
    bool touched;
};

struct store_log {
    struct store *store;
    struct store_id id;
    uint64_t segment_bytes;
    _Atomic uint32_t index_bytes;
    struct store_log *newer, *older, *bucket_next;
    struct segment *first, *last;
    struct segment *found; /* in the table, where a reader was last; NULL */
    struct epoch *epochs;
    uint32_t epoch_count, epoch_cap;
    _Atomic int64_t start, high;
    int64_t next;  /* (partition) */
    uint64_t era;  /* (partition) of `next`: an older one than the store's: it has been taken back to `high` */
    atomic_bool roll;
    _Atomic uint64_t dir_number; /* in the order in which this life has made directories; 1: it has not made this one */
    bool dir_gone; /* a deleted one: nothing of it is on the disk */
    uint64_t gone_at; /* the record that deleted it */
    struct place place;
    struct store_log *touched_next;
};

struct group_batch {
    struct store_log *log;
    struct shared *bytes;
    uint32_t at, len;
    int64_t base, end, max_ms;
    struct group_batch *next_in_run;
};

struct group_note {
    uint32_t kind;
    uint8_t *bytes;
    uint32_t len;
};

struct store_group {
    struct store *store;
    struct budget *budget;
    struct store_group *next;
    struct group_batch *batches;
    struct group_note *notes;
    uint32_t n_batches, cap_batches, n_notes, cap_notes;
    struct group_batch one; /* most have one: no memory of its own */
    uint64_t bytes;
    uint64_t era;
    bool submitted;
    void (*done)(void *arg, struct store_group *g, enum status st, const struct error *err);
    void *arg;
};

struct journal_file {
    uint64_t number;
    struct journal_file *next; /* newer */
};

struct store {
    struct os *os;
    struct budget *budget;
    struct store_options options;
    struct os_file *lock_file;
    struct lock lock;
    atomic_flag tending;
    /* the queue: newest first, taken whole; what was taken waits in order */
    _Atomic(struct store_group *) queue;
    struct store_group *waiting, *waiting_last;
    uint32_t n_waiting;
    uint32_t answered; /* groups of the newest commit */
    int64_t took_ns;   /* it */
    struct error failure; /* why groups of an older era fail */
    _Atomic(struct os_signal *) on_work;
    _Atomic uint64_t era; /* goes up when groups fail */
    atomic_int broken;    /* enum status: final */
    /* the journal */
    struct journal *journal;
    struct journal_file *files, *files_last; /* oldest first */
    bool spare; /* an old file lies by to become the next one, durably under that name */
    uint64_t settled;            /* records up to here are durable with all that they name */
    _Atomic uint64_t newest;     /* record */
    _Atomic uint64_t segs_settled; /* relaxed: segments are synced for records up to here */
    uint64_t told;                 /* what the newest record says is settled */
    _Atomic uint64_t proven;       /* records that every recovery will apply */
    int64_t synced_ns;
    uint8_t *stage; /* STORE_STAGE_BYTES, the commit's */
    struct group_note *notes;
    uint32_t n_notes, cap_notes;
    _Atomic uint64_t next_generation;
    /* Names of directories are durable before the first segment in them is called so (segment_sync). */
    _Atomic uint64_t dirs_made, dirs_synced; /* the newest number of one; up to which they are durable */
    bool rooted;                             /* the names above the journal's files are durable */
    /* tables */
    struct store_log *buckets[STORE_BUCKETS];
    struct store_log *logs, *logs_last, *gone;
    struct segment *dirty;
    struct segment *saving;
    uint64_t index_bytes;
    struct segment *doomed; /* their files go when the record that says so is proven */
    struct segment *newest_use, *oldest_use;
    uint32_t open_count;
    uint32_t path_len;
    char path[STORE_PATH_MAX];
};

static inline void store_lock(struct store *s) { lock_take(&s->lock); }
static inline void store_unlock(struct store *s) { lock_give(&s->lock); }

static inline bool store_bug(const struct store *s, enum log_bug bug) { return log_bug(s->options.planted, bug); }

/* store.c */
struct store_log *log_new(struct store *s, const struct store_id *id, struct error *err); /* in the tables; NULL */
void log_drop(struct store_log *l, struct segment **ret_dead); /* out of the tables, to `gone`; its segments used */
enum status log_add_epoch(struct store_log *l, int32_t epoch, int64_t start, struct error *err) MUST_USE;
struct segment *log_trim(struct store_log *l, int64_t start); /* the dead segments, used */
/* `n` neighbours from the one of that generation on give way to `by`, which may be NULL. log_swappable: they are there, not
 * the newest among them, and reach from base to end. */
struct swap {
    uint64_t generation;
    uint32_t n;
    int64_t base, end;
};
bool log_swappable(const struct store_log *l, const struct swap *w);
struct segment *log_swap(struct store_log *l, const struct swap *w, struct segment *by); /* the dead, used */
/* A note is copied before it is durable, and set, which cannot fail, when it is. */
enum status note_copy(struct store *s, const struct group_note *n, uint32_t more, uint8_t **ret,
                      struct error *err) MUST_USE;
void note_set(struct store *s, uint32_t kind, uint8_t *copy, uint32_t len);
enum status store_broken(struct store *s, struct error *err);  /* ST_OK, or what has failed for good */
enum status store_break(struct store *s, enum status st);      /* for good */
/* Grows an array of `size`d elements by one place. */
bool store_grow(struct budget *b, void **at, uint32_t *cap, uint32_t count, size_t size);

/* segment.c */
struct segment *segment_new(struct store_log *l, int64_t base, uint64_t generation, struct error *err); /* in no table */
void segment_link(struct segment *g); /* behind its log's last one */
void segment_free(struct segment *g);
void segments_bury(struct store *s, struct segment *dead, bool unlink); /* lets go of what log_trim and others gave */
void segments_doom(struct store *s, struct segment *dead); /* the same, later: tend's */
void segment_name_settle(struct segment *g); /* the file of a rewrite gets its own name, when it can */
enum status segment_make(struct segment *g, struct error *err) MUST_USE; /* its file with a head; counts a user */
enum status segment_use(struct segment *g, struct error *err) MUST_USE;  /* opens its file; counts a user */
void segment_unuse(struct segment *g);
enum status segment_sync(struct segment *g, struct error *err) MUST_USE; /* bytes and name; used */
void segment_dirty(struct segment *g);
void segment_path(const struct segment *g, char *ret);
void segment_index_path(const struct segment *g, char *ret);
void log_path(const struct store_log *l, char *ret);
enum status segment_bad(const struct segment *g, struct error *err); /* says why it is not read */
enum status segment_rotten(const struct segment *g, uint64_t byte, const char *what, struct error *err);

/* index.c */
struct batch_head {
    int64_t base, end, max_ms;
    uint64_t bytes;
    const uint8_t *side; /* STORE_BATCH_SIDE bytes; until the next one is read */
};
struct walk {
    struct segment *segment;
    uint64_t at, stop, window_at;
    size_t window_len;
    uint8_t window[8192];
};
void walk_init(struct walk *w, struct segment *g, uint64_t at, uint64_t stop);
enum status walk_next(struct walk *w, struct batch_head *ret, struct error *err) MUST_USE; /* at w->at < w->stop */
bool batch_head_read(const uint8_t *p, struct batch_head *ret); /* of RECORD_BATCH_HEADER bytes */
enum status index_load(struct segment *g, struct error *err) MUST_USE; /* g used */
/* The heads from the entry at or before `from` on, at least up to `to`, are those that were written: looks at them once.
 * ST_CANCELLED: another has found the index wrong, and thrown it away: load again. */
enum status index_prove(struct segment *g, uint64_t from, uint64_t to, struct error *err) MUST_USE;
bool index_distrust(struct segment *g); /* after ST_CORRUPT: true: its file may have been wrong; load again */
void index_add(struct segment *g, const struct batch_head *h, uint64_t at); /* (lock) before bytes, sum, max_ms move */
void index_drop(struct segment *g); /* (lock) */
/* index_file.c: an index at rest. What it says is believed where heads agree with it. */
void index_want_saved(struct segment *g, uint64_t unsaved); /* (lock) tend saves it when so many bytes are not in its file */
void index_save(struct segment *g);
/* For a segment of that length; false: there is none that can be so. */
bool index_read(struct segment *g, uint64_t bytes, struct index *ret, struct error *err);

/* records.c: what stands in the journal */
enum record_kind { REC_STATE = 1, REC_RUN, REC_ROLL, REC_CREATE, REC_DELETE, REC_TRIM, REC_EPOCH, REC_NOTE, REC_SWAP,
                   REC_KINDS };
enum { STATE_COMPLETE = 1, STATE_CLEAN = 2, STATE_RELAXED = 4 };
struct run {
    struct segment *segment;
    uint64_t at, len;
    int64_t first, end, max_ms;
    uint32_t sum_before, sum; /* of the segment */
    bool straight;
    bool rolls; /* begins its segment */
    struct group_batch *batches, *batches_last;
};
bool record_begin(struct buf *out, const struct store *s);
bool record_put_id(struct buf *out, enum record_kind kind, const struct store_id *id);
bool record_put_state(struct buf *out, struct store *s, uint32_t flags);
bool record_put_run(struct buf *out, const struct run *r);
bool record_put_roll(struct buf *out, const struct segment *g);
bool record_put_note(struct buf *out, uint32_t kind, uint32_t len); /* the bytes follow */
bool record_put_swap(struct buf *out, const struct store_log *l, const struct swap *w, const struct segment *by);
struct replay {
    struct store *store;
    uint64_t proven;   /* records up to here: what they name was durable */
    uint64_t settled, sequence; /* of the newest record that was looked at */
    uint64_t first;    /* of the first one */
    bool checking;     /* looks, changes nothing */
    bool stopped;      /* the rest is cut: its segments had not been synced */
    uint32_t flags;    /* of the newest STATE */
    uint64_t bytes, records, cut;
    uint64_t file, file_end; /* the journal's file before this one, and where its last record ends */
    uint64_t last; /* the newest record */
    uint32_t torn; /* its runs so far */
    struct segment *dead;
};
enum status record_head_read(struct replay *rp, uint64_t sequence, struct str payload, struct reader *ret,
                             struct error *err) MUST_USE;
enum status record_apply(struct replay *rp, uint64_t sequence, struct str payload, struct error *err) MUST_USE;
/* recover.c: what a run does to the disk; and is it there? (sets `stopped`) */
enum status recover_run(struct replay *rp, const struct run *run, struct str bytes, struct error *err) MUST_USE;
enum status recover_check(struct replay *rp, struct store_log *l, int64_t base, uint64_t generation,
                          const struct run *run, struct error *err) MUST_USE;
bool log_id_parse(struct str name, struct store_id *ret); /* a directory's name; false: it is no partition's */
enum status recover(struct store *s, struct store_report *report, struct error *err) MUST_USE;
enum status inspect(struct store *s, struct store_report *report, struct error *err) MUST_USE; /* the same, read only */

/* tend.c */
void journal_path(const struct store *s, uint64_t number, char *ret);
enum status journal_start(struct store *s, uint32_t flags, uint64_t first_sequence, struct error *err) MUST_USE;
enum status journal_put(struct store *s, struct buf *b, struct error *err) MUST_USE;    /* durable with the next sync */
enum status journal_record(struct store *s, struct buf *b, struct error *err) MUST_USE; /* durable */
enum status journal_drop_older(struct store *s, uint64_t than, struct error *err) MUST_USE;
/* After a sync of the journal: what recoveries are bound to. */
void journal_synced(struct store *s);
/* (relaxed) Files wait for a record that proves theirs: when nothing else is written, one of its own. */
enum status journal_prove(struct store *s, struct error *err) MUST_USE;
enum status segments_remove(struct store *s, struct segment *list, struct error *err) MUST_USE; /* durably; buries them */
enum status tend(struct store *s, struct error *err) MUST_USE;
