/* The status table and the error object.
 *
 * One row a code, in the enum's order (a static assertion counts them): name, SQLSTATE, process exit
 * code, HTTP status, Kafka protocol error. Everything that answers a peer or a shell reads this table.
 *
 * Text is first formatted into a buffer on the stack and then copied, so that an error's own message
 * may be an argument of its new message. What does not fit is cut at a code point, never inside one. */
#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct status_row {
    const char *name, *sqlstate;
    int exit_code, http, kafka;
};

static const struct status_row rows[] = {
    [ST_OK] = { "OK", "00000", 0, 200, 0 },
    [ST_USAGE] = { "USAGE", "22023", 2, 400, 42 },
    [ST_SYNTAX] = { "SYNTAX", "42601", 2, 400, 42 },
    [ST_SEMANTIC] = { "SEMANTIC", "42000", 2, 400, 42 },
    [ST_UNSUPPORTED] = { "UNSUPPORTED", "0A000", 2, 501, 35 },
    [ST_DATA] = { "DATA", "22P04", 1, 422, 87 },
    [ST_EXPRESSION] = { "EXPRESSION", "22000", 1, 422, -1 },
    [ST_MEMORY] = { "MEMORY", "53200", 1, 503, -1 },
    [ST_IO] = { "IO", "58030", 1, 500, 56 },
    [ST_FULL] = { "FULL", "53100", 1, 507, 56 },
    [ST_NOT_FOUND] = { "NOT_FOUND", "58P01", 1, 404, 3 },
    [ST_EXISTS] = { "EXISTS", "58P02", 1, 409, 36 },
    [ST_LIMIT] = { "LIMIT", "54000", 1, 429, 44 },
    [ST_UNREACHABLE] = { "UNREACHABLE", "08001", 3, 504, 7 },
    [ST_LOCKED] = { "LOCKED", "55006", 4, 423, 56 },
    [ST_CORRUPT] = { "CORRUPT", "XX001", 4, 500, 2 },
    [ST_MISMATCH] = { "MISMATCH", "55000", 4, 409, 56 },
    [ST_CANCELLED] = { "CANCELLED", "57014", 130, 503, 7 },
    [ST_CRASHED] = { "CRASHED", "58000", 1, 500, -1 },
    [ST_BUG] = { "BUG", "XX000", 5, 500, -1 },
};
_Static_assert(sizeof rows / sizeof rows[0] == ST_COUNT, "a row for every status");

static const struct status_row *row_of(enum status st)
{
    return &rows[(unsigned)st < ST_COUNT ? st : ST_BUG];
}

const char *status_name(enum status st)
{
    return row_of(st)->name;
}

const char *status_sqlstate(enum status st)
{
    return row_of(st)->sqlstate;
}

int status_exit_code(enum status st)
{
    return row_of(st)->exit_code;
}

int status_http(enum status st)
{
    return row_of(st)->http;
}

int status_kafka(enum status st)
{
    return row_of(st)->kafka;
}

/* Copies what fits; drops a UTF-8 sequence that the cut has split. */
static void copy_cut(char *to, size_t room, const char *from)
{
    size_t len = strlen(from);
    if (len >= room) {
        len = room - 1;
        while (len > 0 && ((unsigned char)from[len] & 0xC0) == 0x80)
            len--;
    }
    memcpy(to, from, len);
    to[len] = '\0';
}

/* `text` holds more than any field does, so that copy_cut sees where a sequence was split. */
#define TEXT_MAX 1024

static void format(char text[TEXT_MAX], const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
static void format(char text[TEXT_MAX], const char *fmt, va_list args)
{
    if (vsnprintf(text, TEXT_MAX, fmt, args) < 0)
        text[0] = '\0';
}

static void fill(struct error *err, enum status st, uint32_t line, uint32_t column, const char *text)
{
    if (!err)
        return;
    char message[sizeof err->message];
    copy_cut(message, sizeof message, text);
    error_clear(err);
    err->status = st;
    err->line = line;
    err->column = column;
    memcpy(err->message, message, sizeof message);
}

void error_clear(struct error *err)
{
    if (!err)
        return;
    memset(err, 0, sizeof *err);
    err->offset = -1;
}

enum status error_set(struct error *err, enum status st, const char *fmt, ...)
{
    if (!err)
        return st;
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    format(text, fmt, args);
    va_end(args);
    fill(err, st, 0, 0, text);
    return st;
}

enum status error_at(struct error *err, enum status st, uint32_t line, uint32_t column, const char *fmt, ...)
{
    if (!err)
        return st;
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    format(text, fmt, args);
    va_end(args);
    fill(err, st, line, column, text);
    return st;
}

void error_hint(struct error *err, const char *fmt, ...)
{
    if (!err)
        return;
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    format(text, fmt, args);
    va_end(args);
    copy_cut(err->hint, sizeof err->hint, text);
}

void error_place(struct error *err, const char *place, uint32_t line, uint32_t column, int64_t offset)
{
    if (!err)
        return;
    char text[sizeof err->place];
    copy_cut(text, sizeof text, place ? place : "");
    memcpy(err->place, text, sizeof text);
    err->line = line;
    err->column = column;
    err->offset = offset;
}

void error_prefix(struct error *err, const char *fmt, ...)
{
    if (!err)
        return;
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    format(text, fmt, args);
    va_end(args);
    char message[sizeof err->message];
    copy_cut(message, sizeof message, text);
    size_t len = strlen(message);
    copy_cut(message + len, sizeof message - len, err->message);
    memcpy(err->message, message, sizeof message);
}

void check_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "weir: internal bug: CHECK(%s) failed at %s:%d\n", what, file, line);
    fflush(stderr);
    abort();
}
