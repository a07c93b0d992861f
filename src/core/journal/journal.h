/* A journal: a file of checksummed records that only grows, until it is replaced.
 *
 * File: header {magic "WEIRJNL1", version u32, generation u32, id u64, first_sequence u64, crc32c u32 of
 * what stands before it}, then records {crc32c u32 of the rest, length u32, sequence u64, synced u64,
 * payload}. Little-endian. The sequence counts from `first_sequence` by one. A record's checksum starts
 * from the header's, which holds a random generation: stale bytes of an older life cannot pass.
 * `synced` is the sequence up to which the file was durable when the record was appended.
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

/* Called for each valid record in order. Another status than ST_OK stops the replay and is returned. */
typedef enum status journal_visit(void *arg, uint64_t sequence, struct str payload, struct error *err);

/* Opens for appending: replays all records, cuts a torn tail. `max_record` bounds the payload: a longer
 * valid record is ST_LIMIT. Without a file ST_NOT_FOUND; one of a newer version ST_MISMATCH. */
enum status journal_open(struct os *os, const char *path, uint32_t max_record, struct budget *b, journal_visit *visit,
                         void *arg, struct journal **ret, struct error *err) MUST_USE;

/* Replays without opening for append and without touching the file (weir check of a state directory,
 * folding). *ret_torn: bytes at the end that hold no valid record. Either may be NULL. */
enum status journal_read(struct os *os, const char *path, uint32_t max_record, struct budget *b, journal_visit *visit,
                         void *arg, uint64_t *ret_id, uint64_t *ret_torn, struct error *err) MUST_USE;

/* Appends one record at the end; not yet durable. `parts` are joined. After ST_FULL, ST_LIMIT and ST_IO
 * nothing has been added, and the next append may succeed. `ret` may be NULL. */
enum status journal_append(struct journal *j, const struct str *parts, uint32_t count, struct journal_position *ret,
                           struct error *err) MUST_USE;
enum status journal_sync(struct journal *j, struct error *err) MUST_USE;
struct journal_position journal_end(const struct journal *j);
uint64_t journal_id(const struct journal *j);
void journal_close(struct journal *j); /* NULL is allowed; syncs nothing */
