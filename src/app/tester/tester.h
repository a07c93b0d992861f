/* `weir test`: reads test files (docs/test-files.md) and runs them. */
#pragma once

#include "engine/engine.h"

struct tester_config {
    uint32_t batch;       /* --batch; 0: row by row */
    uint32_t parallelism; /* --parallelism; 0: 1 */
    uint32_t restart_every, crash_every; /* 0: never */
    bool shuffle;
    uint64_t seed;        /* --shuffle SEED */
    bool update;          /* --update: rewrite expected results */
    const char *junit;    /* --junit FILE */
    bool oracle;          /* check `oracle` records; needs oracle_dir */
    /* --oracle DIR, an existing directory: for each `oracle` record NAME.sql is written there for the sqlite3
     * program; where NAME.out (what it printed) already stands beside it, that is compared. test/oracle.sh does
     * the round. */
    const char *oracle_dir;
    /* --skip FILE: records that are not run, a line each: file<TAB>case, line or *<TAB>feature. NULL: none. */
    const char *skip;
    bool (*print)(void *arg, struct str line); /* messages, a line a call */
    void *print_arg;
};

struct tester_counts {
    uint64_t passed, failed, skipped;
};

/* Runs files and directories (*.test below them, sorted). ST_OK also when records failed: look at the counts. */
enum status tester_run(const struct tester_config *config, const char *const *paths, uint32_t n,
                       struct tester_counts *ret, struct error *err) MUST_USE;
