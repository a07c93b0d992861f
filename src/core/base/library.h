/* Shared libraries that only some runs need, opened when one does. Linked, they would cost every start the dynamic linker's
 * work: librdkafka with OpenSSL 3.5 ms of CPU, snappy with C++'s own library 1.7, libedit 0.7 (decision 0014).
 *
 * A library's calls are a list, and the list makes a struct of pointers with the types of the library's own header:
 *
 *     #define CALLS(X) X(snappy_compress) X(snappy_uncompress)
 *     static struct { CALLS(LIBRARY_POINTER) } snappy;
 *     static const char *const names[] = { CALLS(LIBRARY_NAME) };
 *     static struct library library = LIBRARY("libsnappy.so.1", "libsnappy1v5", names, snappy);
 *
 * Like the dynamic linker's table, it is written once and stays until the process ends. */
#pragma once

#include "base/status.h"

#include <stdatomic.h>

struct library {
    const char *file;    /* as dlopen takes it, with the number of its interface */
    const char *package; /* what to install where it is missing */
    const char *const *names;
    void *calls; /* so many pointers to functions */
    uint32_t n;
    atomic_bool open;
    atomic_flag writing;
};

#define LIBRARY_POINTER(NAME) __typeof__(NAME) *NAME;
#define LIBRARY_NAME(NAME) #NAME,
#define LIBRARY(FILE, PACKAGE, NAMES, CALLS)                                                   \
    {                                                                                          \
        .file = FILE, .package = PACKAGE, .names = NAMES, .calls = &(CALLS),                   \
        .n = sizeof(NAMES) / sizeof((NAMES)[0])                                                \
    }

/* Any thread; costs one load when it is open. ST_UNSUPPORTED: it is not here, or lacks a call; `calls` are as before. */
enum status library_open(struct library *l, struct error *err) MUST_USE;
