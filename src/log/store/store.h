/* The log on disk: partitions of segments behind one journal. What is written in groups becomes durable, and visible,
 * in one order; see docs/decisions/0010-log-store.md for why.
 *
 * Directory:
 *   lock                            held while open
 *   journal/SEQ.jnl                 the journal's files, oldest first (core/journal); each begins with the table of all
 *                                   partitions and segments, whole, and goes on with what changed
 *   log/TOPIC-PARTITION/            one partition: TOPIC is its id in hex
 *     OFFSET-GENERATION.log         a segment: base offset and a number that no other file ever had (.new: one that a
 *                                   rewrite is making)
 *     OFFSET-GENERATION.idx         its index: made again when it is missing or damaged
 *
 * Knows batches by their heads only: it looks into no record, keeps no producer's state and takes no decision of
 * Kafka's. Its user (topic) says what to append and is told what a recovery found.
 *
 * Threads. The writer is one caller at a time (background work): store_commit_step, store_close and everything marked
 * (writer). Appending to a partition, marked (partition), is under that partition's lock, which the user holds. store_tend
 * is one caller at a time, beside the writer. Reading and asking need no lock; a partition that is deleted is gone from
 * store_log_find at once, and its struct lives until the store is closed. */
#pragma once

#include "journal/journal.h"
#include "record/planted.h"
#include "record/record.h"

struct store;
struct store_log; /* a partition */

struct store_id {
    uint8_t topic[16];
    uint32_t partition;
};

enum store_durability { STORE_STRICT, STORE_RELAXED };

struct store_options {
    struct os *os;
    const char *path;
    struct budget *budget;
    enum store_durability durability;
    uint32_t journal_bytes;   /* a journal file; 0: 64 MiB */
    uint32_t straight_bytes;  /* from how many of one segment in one commit they go straight; 0: 256 KiB,
                               * relaxed: 4 KiB, since there is no second sync that writing twice would save */
    uint32_t open_files;      /* kept open while nobody uses them; 0: 512 */
    uint32_t save_bytes;      /* an index gets a file when it covers so many; 0: 1 MiB */
    /* Nothing is locked, made, changed or deleted; what would change something is ST_USAGE. What a recovery would do is
     * told, not done: a segment that it would write to is not read (report: waiting). Beside a running process it is a
     * picture of about now, and may fail with ST_NOT_FOUND when a file of the journal goes meanwhile: open again. */
    bool read_only;
    uint64_t planted; /* LOG_BUG_…: only tests set it */
};

/* What the user keeps beside batches (a job's positions): a note stands until a newer one of its kind is durable; an empty
 * one takes it away. What grows (deltas of a state) belongs in a partition. */
struct store_note {
    uint32_t kind;
    struct str bytes;
};

/* What a recovery tells, when all of it is durable. Each may be NULL; another status than ST_OK ends it. Batches are
 * not told: who needs those since a snapshot reads them from its offset on. */
struct store_visitor {
    void *arg;
    enum status (*log)(void *arg, struct store_log *l, struct error *err); /* each partition */
    enum status (*note)(void *arg, const struct store_note *n, struct error *err); /* each that stands */
    /* A segment file is missing or too short: it stays as it is, is not read, and the next append goes to a new one. */
    void (*rot)(void *arg, struct store_log *l, const char *file, uint64_t byte, int64_t first_offset,
                int64_t last_offset, const char *what);
    /* store_check_files: what nobody trusts or needs, and so costs nothing. `l` NULL: of no partition. */
    void (*odd)(void *arg, struct store_log *l, const char *file, const char *what);
};

struct store_report {
    bool clean;               /* there was a clean stop */
    uint32_t logs;
    uint64_t replayed_bytes;  /* of journals */
    uint64_t cut_bytes;       /* of the journal's torn tail, of records (relaxed) whose segments had not been synced, and
                               * behind the ends of active segments */
    uint32_t rot;             /* segments */
    uint32_t waiting;         /* read_only: segments of which the journal holds what their files do not have yet */
};

/* Makes the directory when it is not there. ST_LOCKED, ST_MISMATCH (a newer version), ST_CORRUPT (what cannot be gone
 * around: the journal's middle). Everything that was acknowledged is there afterwards, and durable; behind a relaxed life that did
 * not end cleanly the last second may be missing, and each partition begins a new leader epoch: what was read and is gone is
 * told from what comes in its place. */
enum status store_open(const struct store_options *o, const struct store_visitor *v, struct store **ret,
                       struct store_report *ret_report, struct error *err) MUST_USE;
/* A clean stop (writer): commits what waits, syncs everything, leaves a journal of one record. The store is gone whatever
 * it returns. */
enum status store_close(struct store *s, struct error *err) MUST_USE;
void store_abandon(struct store *s); /* frees, writes nothing; groups that wait are ended with ST_CANCELLED */

/* ---- partitions ---- */

struct store_log_options {
    uint64_t segment_bytes; /* a batch that would pass it starts a new segment */
    uint32_t index_bytes;   /* distance of index entries */
};
#define STORE_LOG_DEFAULTS ((struct store_log_options){ (uint64_t)1 << 30, 4096 })

/* (writer) Durable with the next commit, or what else is durable when it returns: before anything that is appended to it.
 * ST_EXISTS. */
enum status store_log_create(struct store *s, const struct store_id *id, const struct store_log_options *o,
                             struct store_log **ret, struct error *err) MUST_USE;
/* The same for many, all or none. */
enum status store_logs_create(struct store *s, const struct store_id *ids, uint32_t n, const struct store_log_options *o,
                              struct store_log **ret, struct error *err) MUST_USE;
struct store_log *store_log_find(struct store *s, const struct store_id *id); /* NULL */
/* (writer) Durable when it returns. Readers that hold a range keep it. Nothing of the partition may wait in a group. */
enum status store_log_delete(struct store *s, struct store_log *l, struct error *err) MUST_USE;
void store_log_configure(struct store_log *l, const struct store_log_options *o); /* (writer) not kept over a restart */

struct store_id store_log_id(const struct store_log *l);
int64_t store_log_start(const struct store_log *l); /* first offset that can be read */
int64_t store_log_end(const struct store_log *l);   /* (partition) next offset to be given out */
int64_t store_log_high(const struct store_log *l);  /* below it everything is durable and visible */
uint64_t store_log_bytes(const struct store_log *l);
int32_t store_log_epoch(const struct store_log *l); /* the newest leader epoch */
/* The last epoch at or below `epoch` and where it ends (KIP-320); false: none. */
bool store_log_epoch_end(const struct store_log *l, int32_t epoch, int32_t *ret_epoch, int64_t *ret_end);

/* ---- writing ---- */

/* What becomes durable together. Filled by one thread; after the submit it is the store's until `done`, then the user
 * frees it. One that is freed without a submit gives its offsets back (the locks still held). */
struct store_group;
struct store_group *store_group_new(struct store *s, struct budget *b); /* NULL when refused */
void store_group_free(struct store_group *g);
/* (partition) Takes the next offsets of the log: stamps base offset and epoch into `batch` (whole, checked, writable),
 * whose bytes stay as they are until done. The groups of one partition are submitted in the order of their appends,
 * with the lock held over both. */
enum status store_group_append(struct store_group *g, struct store_log *l, struct shared *bytes, uint32_t at,
                               uint32_t len, int64_t *ret_base_offset, struct error *err) MUST_USE;
/* A copy is kept. At most 4 MiB, and 16 in a group: a record of the journal has room for them. */
enum status store_group_note(struct store_group *g, const struct store_note *n, struct error *err) MUST_USE;
/* Into the queue; `done` is called from store_commit_step, with the group's fate: ST_OK: durable (by the mode) and
 * visible. Else nothing of it is there, and its offsets have been taken back; only where that step itself then fails,
 * and the process must end, it is in doubt: a recovery may find it. true: the queue was empty; once the
 * locks are given up, store_wake. (A writer that is woken under them would have to wait for them.) */
bool store_group_submit(struct store_group *g, void (*done)(void *arg, struct store_group *g, enum status st,
                        const struct error *err), void *arg);

/* (writer) Writes the groups that wait (up to about 32 MiB), syncs once, calls their `done`. May block: background work.
 * *ret_more: others wait. What fails a group (full disk) is told to its `done`; another status than ST_OK here is final:
 * after a failed sync what the disk holds is unknown, and the process must end. Relaxed: to be called once a second also
 * when nothing waits. */
enum status store_commit_step(struct store *s, bool *ret_more, struct error *err) MUST_USE;
void store_on_work(struct store *s, struct os_signal *signal); /* what store_wake raises */
void store_wake(struct store *s);
/* (writer) Groups that wait now; the next submit will find the queue empty. */
uint32_t store_waiting(struct store *s);
/* (writer) Groups of the newest commit, and how long it took. */
uint32_t store_answered(const struct store *s, int64_t *ret_took_ns);
/* Syncs what segments have only in the page cache, saves indexes, deletes segments that are in no table, drops journal
 * files that nobody needs. May block. The failure of a
 * sync is final. To be called once a second while there is work; the writer does it itself when the journal has grown to
 * two files. */
enum status store_tend(struct store *s, struct error *err) MUST_USE;
/* Something waits for it: to be synced, saved, deleted. Without new work that ends after one call, relaxed after a second
 * one with a commit step between them. */
bool store_tend_due(struct store *s);

/* ---- reading ---- */

/* A range of a segment with whole batches. The file stays readable until the range is released, also when its segment
 * is deleted meanwhile. */
struct store_range {
    struct os_file *file; /* for pread */
    uint64_t at, len;
    int64_t first_offset; /* of the first batch: at or before what was asked for; behind it where compaction left a gap */
    int64_t end_offset;   /* behind the last one, or in the gap that follows */
    void *pin;
};

/* Batches from the one that holds `offset` on, up to `limit` (exclusive; the high watermark or the last stable offset),
 * about `max_bytes` of them, always one whole batch when there is one. An empty range: nothing there yet. ST_NOT_FOUND:
 * before the start or behind the high watermark. ST_CORRUPT: the segment is not what was written (err names it;
 * *ret_next: where it goes on). */
enum status store_read(struct store_log *l, int64_t offset, int64_t limit, uint32_t max_bytes, struct store_range *ret,
                       int64_t *ret_next, struct error *err) MUST_USE;
void store_range_release(struct store_range *r);
/* The first batch whose largest timestamp is at or after `timestamp_ms`: its place in the same form. Empty: none. A
 * segment that is not what was written is gone around. */
enum status store_seek(struct store_log *l, int64_t timestamp_ms, int64_t limit, struct store_range *ret,
                       struct error *err) MUST_USE;

/* ---- upkeep (writer): each durable when it returns (relaxed: as what was appended before it) ---- */

/* DeleteRecords, retention: the start moves up to `start` (at most the high watermark); segments wholly below it go, but
 * for the active one. */
enum status store_log_trim(struct store_log *l, int64_t start, struct error *err) MUST_USE;
/* Segments that are not wanted any more go in the background, by store_tend. */
/* The next batch starts a new segment (not kept over a restart). */
void store_log_roll(struct store_log *l);
/* A new leader epoch from the end on; nothing of the partition may wait in a group. ST_USAGE: not newer. */
enum status store_log_advance_epoch(struct store_log *l, int32_t epoch, struct error *err) MUST_USE;
/* Segments, oldest first, for retention and compaction; i from 0; false: no more. */
struct store_segment {
    int64_t base_offset, last_offset, max_timestamp_ms;
    uint64_t bytes;
    bool active;
    bool bad; /* known not to be what was written: not read */
    bool waiting; /* read_only: bad until a recovery has been there */
};
bool store_log_segment(const struct store_log *l, uint32_t i, struct store_segment *ret);
/* The first one that begins at or behind the offset: for who walks while others trim and swap. */
bool store_log_segment_from(const struct store_log *l, int64_t offset, struct store_segment *ret);
bool store_log_active(const struct store_log *l, struct store_segment *ret); /* the newest; false: there is none yet */
/* Looks at all segments as a reader does, beside everything: their heads, `deep` each batch's checksum too. v->rot is told of
 * each damaged segment and batch; nothing is done about it. ST_CANCELLED: the partition was deleted meanwhile. */
enum status store_log_check(struct store_log *l, bool deep, const struct store_visitor *v, struct error *err) MUST_USE;
/* The files beside: v->odd is told of indexes that are not their segments', and of what no table names (a crash leaves such).
 * Beside a writer it may take for odd what is just being made. */
enum status store_check_files(struct store *s, const struct store_visitor *v, struct error *err) MUST_USE;
/* For who wants to look while nothing moves: the directory's lock, until os_close. ST_LOCKED: a process has it. *ret NULL:
 * there is none, and none is made. */
enum status store_hold(struct os *os, const char *path, struct os_file **ret, struct error *err) MUST_USE;

/* ---- compaction: neighbouring segments, none of them the active one, give way to one with what is put ----
 *
 * Which batches survive, and of what, is the caller's. Offsets are kept: there may be gaps between batches and between
 * segments, over which store_read and store_seek go. One thread at a time, beside the writer; only the end is the writer's.
 * Appending, retention and deletion go on meanwhile; several rewrites too, but of the same segments only the first to end
 * succeeds. All rewrites are ended or dropped before the store is closed. */
struct store_rewrite;
/* `n` segments from the one with that base offset on. ST_NOT_FOUND: there are no such, or one is active; ST_CORRUPT. */
enum status store_rewrite_begin(struct store_log *l, int64_t base_offset, uint32_t n, struct store_rewrite **ret,
                                struct error *err) MUST_USE;
/* Whole batches, behind what was put, within the offsets of the old segments: else ST_CORRUPT. After a failure: drop it. */
enum status store_rewrite_put(struct store_rewrite *w, struct str batches, struct error *err) MUST_USE;
/* To the disk; the end does it too, but then the writer waits for it. A failed sync is final. */
enum status store_rewrite_sync(struct store_rewrite *w, struct error *err) MUST_USE;
/* (writer) Swaps; durable as upkeep is. ST_NOT_FOUND: trimmed, deleted, or swapped by another meanwhile. Ranges that are
 * held stay readable. The rewrite is gone, whatever it returns; but for ST_OK the old segments stand. */
enum status store_rewrite_end(struct store_rewrite *w, struct error *err) MUST_USE;
void store_rewrite_drop(struct store_rewrite *w); /* leaves all as it was; NULL is allowed */
