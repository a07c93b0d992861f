/* A journal: a file of checksummed records that only grows, until it is replaced.
 *
 * File: header {magic "WEIRJNL1", version u32, generation u32, id u64, crc32c u32 of the header}, then
 * records {crc32c u32 of the rest, length u32, sequence u64, payload}. Little-endian. The sequence
 * counts from `first_sequence` (in the header) by one, so stale bytes of an older life cannot pass.
 *
 * Torn or rot: a record that fails its check is torn (a crash cut the append) when nothing valid
 * follows it; the tail is cut off at open. When a valid record with a later sequence follows, it is
 * rot: ST_CORRUPT names file and byte, and nothing is deleted.
 *
 * Durable means: journal_append, then journal_sync returned ST_OK. A failed sync is final for the
 * file: the caller must stop (the os contract). */
#pragma once

#include "os/os.h"

struct journal;

struct journal_position {
    uint64_t sequence; /* of the newest record; first_sequence - 1 when there is none */
    uint64_t bytes;    /* file length up to its end */
};

/* Makes a new file (must not exist): header written and synced, directory synced. */
enum status journal_create(struct os *os, const char *path, uint64_t id, uint64_t first_sequence, struct budget *b,
                           struct journal **ret, struct error *err) MUST_USE;

/* Called for each valid record in order. Another status than ST_OK stops the replay and is returned. */
typedef enum status journal_visit(void *arg, uint64_t sequence, struct str payload, struct error *err);

/* Opens for appending: replays all records, cuts a torn tail. `max_record` bounds the payload. */
enum status journal_open(struct os *os, const char *path, uint32_t max_record, struct budget *b, journal_visit *visit,
                         void *arg, struct journal **ret, struct error *err) MUST_USE;

/* Replays without opening for append and without touching the file (weir check of a state directory,
 * folding). *ret_torn: bytes at the end that hold no valid record. */
enum status journal_read(struct os *os, const char *path, uint32_t max_record, struct budget *b, journal_visit *visit,
                         void *arg, uint64_t *ret_id, uint64_t *ret_torn, struct error *err) MUST_USE;

/* Appends one record at the end; not yet durable. `parts` are joined. */
enum status journal_append(struct journal *j, const struct str *parts, uint32_t count, struct journal_position *ret,
                           struct error *err) MUST_USE;
enum status journal_sync(struct journal *j, struct error *err) MUST_USE;
struct journal_position journal_end(const struct journal *j);
uint64_t journal_id(const struct journal *j);
void journal_close(struct journal *j); /* NULL is allowed; syncs nothing */
