/* What the files of this room share: records, rows to compare, and a running test file. */
#pragma once

#include "os/sim.h"
#include "tester/tester.h"

#define TEST_FILE_BYTES (64u << 20)
#define INCLUDE_DEPTH 8u

/* ---- records (reader.c) ---- */

enum record_kind {
    RECORD_STATEMENT,
    RECORD_QUERY,
    RECORD_STREAM,
    RECORD_INPUT,
    RECORD_WATERMARK,
    RECORD_CLOCK,
    RECORD_END,
    RECORD_OUTPUT,
    RECORD_RESTART,
    RECORD_CRASH,
    RECORD_ORACLE,
    RECORD_FAILURE,
    RECORD_LATE,
    RECORD_BAD,
    RECORD_HALT,
    RECORD_BROKEN, /* could not be read: `fault` */
    RECORD_KINDS
};
enum output_mode { OUTPUT_APPEND, OUTPUT_CHANGELOG, OUTPUT_NETTED, OUTPUT_TABLE };
enum sort_mode { SORT_NONE, SORT_ROWS, SORT_VALUES };

struct record {
    enum record_kind kind;
    struct str file;
    uint32_t line;    /* of the record's first word */
    struct str label; /* the comment right above it */
    struct str header; /* its first line, for messages */
    bool skip;        /* skipif, onlyif */
    bool expect_error;
    struct str regex; /* statement error, failure; empty: anything */
    struct str name;  /* stream, table, sink */
    struct str text;  /* SQL */
    struct str types;
    enum sort_mode sort;
    enum output_mode mode;
    struct str *lines; /* of input; or the expected rows */
    uint32_t n_lines;
    uint32_t results_line; /* of the first expected row, also when there is none */
    int64_t time_ms;
    uint32_t parallelism; /* of restart; 0: as it is */
    const char *fault;
};

struct test_file {
    struct record *at;
    uint32_t count;
};

/* Reads a file and what it includes. Faults inside are RECORD_BROKEN; only I/O and memory fail. */
enum status test_file_read(struct os *os, struct str path, struct arena *a, struct test_file *ret,
                           struct error *err) MUST_USE;
/* The same of bytes in memory; `dir_os` reads includes. */
enum status test_text_read(struct os *os, struct str path, struct str text, struct arena *a, struct test_file *ret,
                           struct error *err) MUST_USE;
bool record_checks(enum record_kind k); /* counted as passed when nothing is wrong */

/* ---- comparing (compare.c) ---- */

struct cells { /* a row in display form */
    struct str *at;
    uint32_t n;
    uint8_t kind; /* enum row_kind */
};
struct rows {
    struct cells *at;
    uint32_t count, cap;
};

/* "NULL", "(empty)", \t \n \r \\. NULL is ptr NULL. ptr NULL: memory refused. */
struct str cell_display(struct arena *a, struct str value);
/* An expected line; `with_kind`: its kind comes first. false: *ret_fault. */
bool cells_parse(struct arena *a, struct str line, bool with_kind, struct cells *ret, const char **ret_fault);
/* A line of a result: cells with tabs between, the kind before them when `with_kind`. */
struct str cells_print(struct arena *a, const struct cells *c, bool with_kind);

struct compare {
    struct arena *arena;
    struct str types;   /* T, I, R a column; N: by value where both are numbers. Empty: T throughout */
    bool ordered;
    bool with_kind;
    const bool *is_map; /* per column: entries of {…} come in any order; NULL: none */
    uint32_t n_columns; /* of is_map */
};
struct difference {
    struct str *at; /* "- wanted", "+ got"; at most DIFF_LINES, then how many more */
    uint32_t count;
};
#define DIFF_LINES 24u
/* true: *ret_same says whether they agree, *ret holds the difference. false: memory refused. */
bool rows_compare(const struct compare *c, const struct rows *want, const struct rows *got, bool *ret_same,
                  struct difference *ret) MUST_USE;

/* The table that a changelog adds up to. `key`: columns of the primary key; n_key 0: rows are taken back by value. */
enum status rows_fold(struct arena *a, const struct rows *changes, uint32_t from, uint32_t to, const uint32_t *key,
                      uint32_t n_key, struct rows *table, struct error *err) MUST_USE;
/* What came (+I) and went (-D) between two tables. */
bool rows_net(struct arena *a, const struct rows *before, const struct rows *after, struct rows *ret) MUST_USE;
struct cells *rows_add(struct arena *a, struct rows *r);

bool regex_matches(struct str pattern, struct str text, const char **ret_fault); /* regex.c */

/* ---- a running file (world.c, drive.c) ---- */

struct started { /* a statement that took effect, in order: what a restart executes again */
    struct str text, stream, late; /* stream: name of a SELECT's output; late: table of its late rows */
    bool is_job, refused;          /* refused: its job could not be opened (it still took a folder's number) */
};

struct world_job {
    struct job *job; /* NULL: gone with a crash and not started again */
    struct str name;
    bool failed, told, ended, stopped;
    struct error error;
};

struct look { /* how far an output, or a table's bad lines, have been looked at */
    struct str name;
    uint32_t rows, late, bad;
    bool is_stream;
    const struct schema *columns; /* of a stream */
};

struct world {
    const struct tester_config *config;
    struct arena arena; /* of the file */
    struct test_file file;
    struct sim *sim;
    struct test_hub *hub;
    struct engine *engine;
    int64_t clock_ms;
    uint32_t parallelism, queries;
    uint64_t random, events, engines;
    ARRAY(struct started) log;
    ARRAY(struct world_job) jobs;
    ARRAY(struct look) looks;
    bool ordered; /* some job depends on the order of arrival: nothing is shuffled */
};

enum status world_open(struct world *w, const struct tester_config *config, uint64_t seed, struct error *err) MUST_USE;
void world_close(struct world *w);
bool world_is_harsh(const struct world *w); /* changelogs are compared netted */
uint64_t world_random(struct world *w, uint64_t below);
struct look *world_look(struct world *w, struct str name, bool add); /* NULL: not there, or memory refused */
/* Executes SQL as `statement` does; a SELECT runs to its end, INSERTs become running jobs. */
enum status world_statement(struct world *w, struct str text, struct error *err) MUST_USE;
enum status world_stream(struct world *w, struct str name, struct str text, struct error *err) MUST_USE;
/* Rows of a query, of SHOW and so on, in the file's arena. `columns` tell the types. */
enum status world_query(struct world *w, struct str text, struct rows *ret, const struct schema **ret_columns,
                        struct error *err) MUST_USE;
/* What was written to a sink and published, in display form. */
enum status world_rows(struct world *w, struct str name, struct rows *ret, struct error *err) MUST_USE;
/* Steps all jobs and the background work until nothing moves; failures of jobs stay with the jobs. */
enum status world_drive(struct world *w, struct error *err) MUST_USE;
enum status world_commit(struct world *w, struct error *err) MUST_USE;
enum status world_clock(struct world *w, int64_t to_ms, struct error *err) MUST_USE;
enum status world_restart(struct world *w, uint32_t parallelism, struct error *err) MUST_USE;
enum status world_crash(struct world *w, struct error *err) MUST_USE;
/* After an input line, a watermark or clock record in the harsh modes. */
enum status world_event(struct world *w, struct error *err) MUST_USE;
/* Whether the file asks for the late rows of this output. */
bool world_wants_late(const struct world *w, struct str name);
struct str world_late_name(struct arena *a, struct str name);
/* CREATE TABLE for the late rows of a query's window; late.c. */
enum status late_table_sql(struct world *w, const struct syn_stmt *stmt, struct str name, struct str *ret,
                           struct error *err) MUST_USE;

/* In what order the lines of an input record arrive: `order` has n places. shuffle.c. */
enum status shuffle_lines(struct world *w, const struct record *r, uint32_t *order, struct error *err) MUST_USE;

/* oracle.c: writes the record's script, or compares with what sqlite3 has printed. *ret_ran false: only written. */
enum status oracle_check(struct world *w, struct os *os, const struct record *r, const struct rows *table,
                         bool *ret_ran, bool *ret_same, struct difference *ret, struct error *err) MUST_USE;

/* ---- reports (report.c) ---- */

struct edit { /* --update */
    struct str file;
    uint32_t line, count; /* expected lines to replace */
    struct str text;
};
struct skip_line {
    struct str file, what, feature;
};
struct report {
    const struct tester_config *config;
    struct os *os;
    struct arena arena; /* of the run */
    struct tester_counts counts;
    struct buf junit;
    struct str junit_file;
    ARRAY(struct edit) edits;
    ARRAY(struct skip_line) skips;
    bool refused; /* memory */
};

enum status report_open(struct report *p, const struct tester_config *config, struct os *os,
                        struct error *err) MUST_USE;
enum status report_close(struct report *p, struct error *err) MUST_USE;
bool report_skips(const struct report *p, const struct record *r);
void report_passed(struct report *p, const struct record *r);
void report_skipped(struct report *p, const struct record *r);
void report_failed(struct report *p, const struct record *r, struct str message, const struct difference *d);
enum status report_file_begin(struct report *p, struct str file, struct error *err) MUST_USE;
/* Applies the edits of the file that has ended. */
enum status report_file_end(struct report *p, struct error *err) MUST_USE;

/* runner.c */
enum status run_file(struct report *p, struct str path, struct error *err) MUST_USE;
/* "3:8: message (hint)": what regular expressions are matched with. */
struct str error_text(struct arena *a, const struct error *err);
