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
    bool oracle;          /* run `oracle` records through the sqlite3 program */
    bool (*print)(void *arg, struct str line); /* messages, a line a call */
    void *print_arg;
};

struct tester_counts {
    uint64_t passed, failed, skipped;
};

/* Runs files and directories (*.test below them, sorted). ST_OK also when records failed: look at the counts. */
enum status tester_run(const struct tester_config *config, const char *const *paths, uint32_t n,
                       struct tester_counts *ret, struct error *err) MUST_USE;
