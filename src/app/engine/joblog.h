/* A job's commits in the log: its state and its outputs are one group of it. */
#pragma once

#include "connect/connect.h"
#include "job/job.h"

/* The commit log of the job of that name ("1-orders"). ST_MISMATCH: the state there is another statement's. `link` is the
 * one that the job's sinks fill; it outlives the commit log, which gives back what is left in it.
 * min_snapshot_bytes 0: 16 MiB of deltas make a snapshot due. */
enum status joblog_open(struct connect_log *link, struct str name, struct str fingerprint, uint64_t min_snapshot_bytes,
                        struct budget *b, struct commit_log **ret, struct error *err) MUST_USE;
