/* Status codes and the error object.
 *
 * Every fallible function returns `enum status` and must be checked. Its last parameter may be a
 * `struct error *` that takes the message and the place; NULL is allowed everywhere. The table in
 * status.c maps each code to its SQLSTATE, HTTP status, Kafka code and exit code.
 *
 * An error object is a plain value without allocations: it can be made when memory is gone. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

enum status {
    ST_OK = 0,
    ST_USAGE,       /* command line or configuration: exit 2 */
    ST_SYNTAX,      /* SQL does not parse: exit 2 */
    ST_SEMANTIC,    /* SQL parses and means nothing: unknown name, wrong type: exit 2 */
    ST_UNSUPPORTED, /* a feature refused by name: exit 2 */
    ST_DATA,        /* a record cannot be decoded or encoded: exit 1 */
    ST_EXPRESSION,  /* an expression failed at run time (CAST, division by zero): exit 1 */
    ST_MEMORY,      /* a memory budget or the machine's memory is used up: exit 1 */
    ST_IO,          /* the operating system refused a call: exit 1 */
    ST_FULL,        /* no space left on the device: exit 1 */
    ST_NOT_FOUND,   /* a file or name that should be there is not: exit 1 */
    ST_EXISTS,      /* something stands where a new thing should go: exit 1 */
    ST_LIMIT,       /* a declared limit was reached: exit 1 */
    ST_UNREACHABLE, /* cannot connect, or timed out: exit 3 */
    ST_LOCKED,      /* another process holds the directory: exit 4 */
    ST_CORRUPT,     /* checksum or structure of stored bytes is wrong: exit 4 */
    ST_MISMATCH,    /* stored data belong to another job, version or input: exit 4 */
    ST_CANCELLED,   /* asked to stop: exit 130 */
    ST_CRASHED,     /* the simulated machine has lost power; only the os twin returns it */
    ST_BUG,         /* we broke our own promise: exit 5 */
    ST_COUNT
};

struct error {
    enum status status;
    uint32_t line, column; /* 1-based; 0 means no place */
    int64_t offset;        /* byte in `place`; -1 means none */
    char place[256];       /* file, table or split; empty when the place is in the SQL text */
    char message[512];
    char hint[256]; /* the remedy; may be empty */
};

const char *status_name(enum status st);     /* "SYNTAX", … never NULL */
const char *status_sqlstate(enum status st); /* five characters */
int status_exit_code(enum status st);
int status_http(enum status st);
int status_kafka(enum status st); /* Kafka protocol error code */

/* Empties `err`. NULL is allowed. */
void error_clear(struct error *err);
/* Fills `err` (when not NULL) with a fresh message and no place, and returns `st`: the common form is
 * `return error_set(err, ST_IO, "cannot open '%s'", path);` Too long a text is cut. */
enum status error_set(struct error *err, enum status st, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same with a place in the SQL text. */
enum status error_at(struct error *err, enum status st, uint32_t line, uint32_t column, const char *fmt, ...)
    PRINTF_LIKE(5, 6);
/* Adds the remedy to an error that is already set. NULL is allowed. */
void error_hint(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Names the file (or table, or split) of an error that is already set. */
void error_place(struct error *err, const char *place, uint32_t line, uint32_t column, int64_t offset);
/* Puts words before the message: "reading 'a.json': " */
void error_prefix(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Returns at once when `call` did not succeed. */
#define TRY(call)                      \
    do {                               \
        enum status try_st_ = (call);  \
        if (try_st_ != ST_OK)          \
            return try_st_;            \
    } while (0)

/* Our own bugs, on in release too: prints place and text to stderr and aborts (exit by SIGABRT). */
#define CHECK(cond) ((cond) ? (void)0 : check_failed(#cond, __FILE__, __LINE__))
_Noreturn void check_failed(const char *what, const char *file, int line);
