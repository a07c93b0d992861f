/* libweir: stream processing in SQL inside your program.
 *
 *     weir_engine *e = NULL;
 *     weir_error *err = NULL;
 *     if (weir_open(NULL, &e, &err) != WEIR_OK) …
 *     weir_result *r = NULL;
 *     weir_query(e, "SELECT 1 + 1 AS two", &r, &err);
 *     while (weir_next_row(r, &err) == WEIR_OK)
 *         puts(weir_text(r, 0, NULL));
 *     weir_result_close(r);
 *     weir_close(e);
 *
 * Handles are opaque. Every function that can fail returns a weir_status and takes an optional weir_error ** (NULL:
 * not wanted); an error that was returned is freed with weir_error_free. Strings are UTF-8; lengths are in bytes and
 * count no NUL. A handle is used by one thread at a time; different engines may live on different threads. The
 * library prints nothing, installs no signal handlers and never exits. After fork() only the parent may go on using
 * it. */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WEIR_API __attribute__((visibility("default")))
#else
#define WEIR_API
#endif

typedef struct weir_engine weir_engine;
typedef struct weir_result weir_result;
typedef struct weir_error weir_error;

typedef enum weir_status {
    WEIR_OK = 0,
    WEIR_DONE = 1,      /* no further row */
    WEIR_USAGE = 2,     /* bad argument, option or SQL (line and column in the error) */
    WEIR_FAILED = 3,    /* a record, an expression or the operating system failed the job */
    WEIR_MEMORY = 4,    /* the memory limit is reached */
    WEIR_REFUSED = 5,   /* refused to protect stored data: locked, mismatched, corrupt */
    WEIR_BUG = 6        /* libweir broke a promise of its own: please report */
} weir_status;

/* What an engine is opened with. Set `size` to sizeof(weir_options); zero fields mean the default. */
typedef struct weir_options {
    size_t size;
    size_t memory_limit_bytes; /* of this engine; 0: no limit */
    uint32_t parallelism;      /* 1 to 64; 0: 1 */
    const char *state_dir;     /* where jobs keep what they know; NULL: nowhere */
    int64_t commit_interval_ms; /* 0: 100 */
} weir_options;

/* "0.1.0", static. */
WEIR_API const char *weir_version(void);

/* Opens an engine. `options` NULL: defaults. */
WEIR_API weir_status weir_open(const weir_options *options, weir_engine **ret, weir_error **err);
/* Stops what is running, with a final commit where there is a state directory. NULL is allowed. */
WEIR_API void weir_close(weir_engine *engine);

/* Runs a script: statements separated by ';'. INSERTs run until their input ends. Result rows of SELECTs are dropped.
 * */
WEIR_API weir_status weir_run(weir_engine *engine, const char *sql, weir_error **err);
/* Starts one query; DDL statements may stand before it. Rows come with weir_next_row; closing the result early stops
 * the query. */
WEIR_API weir_status weir_query(weir_engine *engine, const char *sql, weir_result **ret, weir_error **err);

/* Moves to the next row (blocks until there is one): WEIR_OK, WEIR_DONE at the end, else an error. */
WEIR_API weir_status weir_next_row(weir_result *result, weir_error **err);
WEIR_API uint32_t weir_column_count(const weir_result *result);
WEIR_API const char *weir_column_name(const weir_result *result, uint32_t column); /* borrowed from the result */
WEIR_API const char *weir_column_type(const weir_result *result, uint32_t column); /* as SQL: "BIGINT NOT NULL" */
/* The row's change: "+I", "-U", "+U", "-D". */
WEIR_API const char *weir_row_kind(const weir_result *result);
/* Value of the current row as CAST(x AS STRING) gives it, NUL-terminated, valid until the next row; NULL: SQL NULL.
 * `ret_len` may be NULL. */
WEIR_API const char *weir_text(weir_result *result, uint32_t column, size_t *ret_len);
/* Value of an integer (or truncated numeric) column; 0 when it is NULL or not a number. */
WEIR_API int64_t weir_i64(weir_result *result, uint32_t column);
WEIR_API double weir_f64(weir_result *result, uint32_t column);
WEIR_API void weir_result_close(weir_result *result); /* NULL is allowed */

WEIR_API weir_status weir_error_status(const weir_error *err);
WEIR_API const char *weir_error_message(const weir_error *err); /* with place and remedy; valid until weir_error_free */
WEIR_API uint32_t weir_error_line(const weir_error *err);       /* 1-based line in the SQL; 0: none */
WEIR_API uint32_t weir_error_column(const weir_error *err);
WEIR_API void weir_error_free(weir_error *err); /* NULL is allowed */

#ifdef __cplusplus
}
#endif
#endif
