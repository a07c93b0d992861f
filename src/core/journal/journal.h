/* A journal: a file of checksummed records that only grows, until it is replaced.
 *
 * File: header {magic "WEIRJNL1", version u16, recycled u16, generation u32, id u64, first_sequence u64,
 * crc32c u32 of what stands before it}, then records {mark u32, crc32c u32 of the rest, length u32,
 * sequence u64, synced u64, payload}. Little-endian. The sequence counts from `first_sequence` by one. The
 * mark is the header's checksum, and a record's starts from it: as the header holds a random generation,
 * nothing of an older life, and nothing in a payload, can pass for a record. `synced` is the sequence up to
 * which the file was durable when the record was appended.
 *
 * Recycled: the file was made of an old one, whose bytes stand behind the last record until they are
 * written over. A sync of bytes that a file has already costs half as much as one of bytes that are new.
 *
 * Torn or rot: records that were not synced may be damaged by a crash, also one with an intact one
 * behind it, for a disk writes in any order. So a record that fails its check is rot (ST_CORRUPT names
 * file and byte, nothing is changed) when a valid record behind it vouches by `synced` that it had been
 * durable; else it is torn, and the tail is cut off at open. With one sync per record that means: any
 * valid later record makes it rot.
 *
 * Durable means: journal_append, then journal_sync returned ST_OK. A failed sync is final for the
 * file: the caller must stop (the os contract). What journal_open has replayed is durable too, also
 * when it was written by a process that died before, or in, its sync.
 *
 * A journal belongs to one thread at a time. Payloads given to a visitor live during the call only. */
#pragma once

#include "os/os.h"

struct journal;

struct journal_position {
    uint64_t sequence; /* of the newest record; first_sequence - 1 when there is none */
    uint64_t bytes;    /* file length up to its end */
};

/* Makes a new file (must not exist): header written and synced, directory synced. The name appears with a
 * whole header or not at all. `first_sequence` is at least 1. */
enum status journal_create(struct os *os, const char *path, uint64_t id, uint64_t first_sequence, struct budget *b,
                           struct journal **ret, struct error *err) MUST_USE;

/* The same for a caller that makes the file beside its name: nothing is synced. It appends, syncs, renames and syncs the
 * directory: then it is durable, whole. A file that is there is recycled, or else cut first. */
enum status journal_create_beside(struct os *os, const char *path, bool recycle, uint64_t id, uint64_t first_sequence,
                                  struct budget *b, struct journal **ret, struct error *err) MUST_USE;

/* Called for each valid record in order. Another status than ST_OK stops the replay and is returned. */
typedef enum status journal_visit(void *arg, uint64_t sequence, struct str payload, struct error *err);

/* Opens for appending: replays all records, cuts a torn tail. `max_record` bounds the payload: a longer
 * valid record is ST_LIMIT. Without a file ST_NOT_FOUND; one of a newer version ST_MISMATCH. */
enum status journal_open(struct os *os, const char *path, uint32_t max_record, struct budget *b, journal_visit *visit,
                         void *arg, struct journal **ret, struct error *err) MUST_USE;

struct journal_found {
    uint64_t id;
    struct journal_position end; /* of the last valid record */
    uint64_t torn; /* bytes behind it: all, but in a recycled file only what is left of a record whose head is there */
};
/* Replays without opening for append and without touching the file (weir check of a state directory,
 * folding). `ret` may be NULL. */
enum status journal_read(struct os *os, const char *path, uint32_t max_record, struct budget *b, journal_visit *visit,
                         void *arg, struct journal_found *ret, struct error *err) MUST_USE;

/* Appends one record at the end; not yet durable. `parts` are joined. After ST_FULL, ST_LIMIT and ST_IO
 * nothing has been added, and the next append may succeed, unless journal_broken. `ret` may be NULL. */
enum status journal_append(struct journal *j, const struct str *parts, uint32_t count, struct journal_position *ret,
                           struct error *err) MUST_USE;
enum status journal_sync(struct journal *j, struct error *err) MUST_USE;
bool journal_broken(const struct journal *j); /* it takes no more: a sync has failed, or what an append left could not be cut */
struct journal_position journal_end(const struct journal *j);
uint64_t journal_id(const struct journal *j);
/* Its file has been renamed; the new path is not longer. It goes on with it, and names it so. */
void journal_renamed(struct journal *j, const char *path);
void journal_close(struct journal *j); /* NULL is allowed; syncs nothing */
