/* The outside world as one table: clocks, entropy, files, background work, threads, wake-ups.
 *
 * Two bodies stand behind it: the real one (`os_real`) and the simulated twin (`os/sim.h`), in which a
 * disk can lose, keep, reorder or tear unsynced writes, any call can fail, time moves by hand and
 * background work is done in seeded order on the caller's thread. No other room names a system call.
 *
 * Files are read by pread, never mapped: an I/O error is a status, not a signal. Calls that change or
 * sync the disk may block; a task hands those to `work`. All calls are safe from any thread; one
 * `struct os_file` is used by one thread at a time (pread and sync of one file may overlap). */
#pragma once

#include "base/base.h"

struct os;

enum os_open {
    OS_READ = 0,        /* must exist */
    OS_CREATE = 1,      /* read and write; made when absent */
    OS_EXCLUSIVE = 2,   /* read and write; must not exist */
    OS_WRITE = 3,       /* read and write; must exist */
    OS_PRIVATE = 4,     /* as OS_CREATE; what it makes is its owner's alone */
};

struct os_file; /* opaque; each body has its own */

struct os_stat {
    uint64_t bytes;
    uint64_t inode;
    int64_t mtime_ms;
    bool is_directory;
    bool is_stream; /* pipe, socket or terminal: not seekable */
};

/* One name of a directory. `os_list` gives them sorted by bytes. */
struct os_name {
    struct str name;
    bool is_directory;
};

/* A piece of background work. `run` happens off the task's thread (in simulation: later, in seeded
 * order); then `done` is set and `signal` raised. The caller owns the struct and keeps it until `done`. */
struct os_work {
    void (*run)(struct os_work *w);
    void *arg;
    struct os_signal *signal; /* may be NULL */
    atomic_bool done;
    struct os_work *next; /* the queue's */
};

/* A wake-up that a thread waits on; raising it while nobody waits is remembered once. */
struct os_signal;

struct os_thread;

struct os_ops {
    int64_t (*mono_ns)(struct os *os); /* monotonic */
    int64_t (*wall_ms)(struct os *os); /* since 1970-01-01 UTC */
    int64_t (*cpu_ns)(struct os *os);  /* of the calling thread */
    void (*entropy)(struct os *os, void *bytes, size_t len);

    enum status (*open)(struct os *os, const char *path, enum os_open how, struct os_file **ret, struct error *err);
    void (*close)(struct os *os, struct os_file *f); /* NULL is allowed */
    /* Reads up to `len` bytes; *ret_len < len only at the end of the file. */
    enum status (*pread)(struct os *os, struct os_file *f, void *bytes, size_t len, uint64_t offset, size_t *ret_len,
                         struct error *err);
    /* Writes all or fails. */
    enum status (*pwrite)(struct os *os, struct os_file *f, const void *bytes, size_t len, uint64_t offset,
                          struct error *err);
    enum status (*truncate)(struct os *os, struct os_file *f, uint64_t bytes, struct error *err);
    /* fdatasync. After a failure the file must not be synced again: what it holds is unknown. */
    enum status (*sync)(struct os *os, struct os_file *f, struct error *err);
    enum status (*fstat)(struct os *os, struct os_file *f, struct os_stat *ret, struct error *err);
    enum status (*stat)(struct os *os, const char *path, struct os_stat *ret, struct error *err);
    enum status (*rename)(struct os *os, const char *from, const char *to, struct error *err);
    enum status (*unlink)(struct os *os, const char *path, struct error *err);
    enum status (*mkdir)(struct os *os, const char *path, struct error *err); /* fine when it is there */
    enum status (*rmdir)(struct os *os, const char *path, struct error *err);
    enum status (*sync_dir)(struct os *os, const char *path, struct error *err);
    /* Names in `path` without "." and "..", sorted; in `arena`. */
    enum status (*list)(struct os *os, const char *path, struct arena *arena, struct os_name **ret, uint32_t *ret_count,
                        struct error *err);
    /* Exclusive advisory lock on an open file until it is closed; ST_LOCKED when another process has it. */
    enum status (*lock)(struct os *os, struct os_file *f, struct error *err);

    /* Byte streams that cannot seek: 0 standard input, 1 standard output, 2 standard error. Reading
     * returns what is there, at least one byte, or *ret_len 0 at the end. May block: use `work`. */
    enum status (*stream_read)(struct os *os, int stream, void *bytes, size_t len, size_t *ret_len, struct error *err);
    enum status (*stream_write)(struct os *os, int stream, const void *bytes, size_t len, struct error *err);

    void (*work)(struct os *os, struct os_work *w); /* starts background work */

    struct os_signal *(*signal_new)(struct os *os); /* NULL when memory is gone */
    void (*signal_free)(struct os *os, struct os_signal *s);
    void (*signal_raise)(struct os *os, struct os_signal *s);
    /* Waits until raised or until mono_ns() reaches `deadline_ns` (INT64_MAX: no deadline). true: raised. */
    bool (*signal_wait)(struct os *os, struct os_signal *s, int64_t deadline_ns);

    /* Threads: real only. The twin returns ST_UNSUPPORTED and its callers run their loops by hand. */
    enum status (*thread_start)(struct os *os, const char *name, void (*run)(void *arg), void *arg,
                                struct os_thread **ret, struct error *err);
    void (*thread_join)(struct os *os, struct os_thread *t);

    /* Pages for arenas and tables, huge where that helps, zeroed. Not charged to a budget. */
    void *(*pages)(struct os *os, size_t bytes);
    void (*pages_free)(struct os *os, void *ptr, size_t bytes);
};

struct os {
    const struct os_ops *ops;
};

/* The machine that this process runs on. One per process, never freed. Starts background threads as
 * work comes, so that a read of a silent pipe does not hold up a sync. Work has no order. */
struct os *os_real(void);

/* For programs, not for rooms: from now on the first SIGINT or SIGTERM raises `s`, the second one ends
 * the process, and a write to a closed pipe is ST_IO instead of a signal. Once per process. */
enum status os_real_catch_stop(struct os_signal *s, struct error *err) MUST_USE;
int os_real_caught(void);                /* the number of the signal that was caught last, or 0 */

/* For a program with a prompt, in place of os_real_catch_stop: signals are noted, nothing ends by them, but by the
 * third SIGINT that nobody has asked for: the program hangs. Each SIGINT and SIGTERM raises `s` besides. Ask on the
 * program's first thread. */
enum os_noted {
    OS_NOTED_INTERRUPT = 1, /* SIGINT */
    OS_NOTED_TERMINATE = 2, /* SIGTERM */
    OS_NOTED_RESIZE = 4,    /* the terminal's size */
    OS_NOTED_CONTINUE = 8,  /* back after a Ctrl-Z */
    OS_INPUT = 16           /* standard input has something, or has ended */
};
enum status os_real_note_signals(struct os_signal *s, struct error *err) MUST_USE;
unsigned os_real_noted(void); /* OS_NOTED_…: what has come since it was last asked */
/* Waits for standard input or a signal, at most `timeout_ms` (INT64_MAX: for ever). 0: the time is up. */
unsigned os_real_wait_input(int64_t timeout_ms);
void os_real_end_by(int number); /* ends the process as if nobody had caught the signal */

/* Another program, run by the shell, that reads what is written here; a write after it has ended is ST_IO. */
struct os_pipe;
enum status os_real_pipe_to(const char *command, struct os_pipe **ret, struct error *err) MUST_USE;
enum status os_real_pipe_write(struct os_pipe *p, struct str bytes, struct error *err) MUST_USE;
void os_real_pipe_end(struct os_pipe *p); /* waits until it has ended; NULL is allowed */

bool os_real_is_terminal(int stream);    /* 0, 1 or 2 */
uint32_t os_real_terminal_columns(void); /* width, now, of the terminal on standard output or error; 0: unknown */
uint32_t os_real_terminal_rows(void);    /* height, likewise */
uint32_t os_real_cpus(void);             /* processors that this process may use, at least 1 */

/* The short forms that everybody uses. */
static inline int64_t os_mono_ns(struct os *os) { return os->ops->mono_ns(os); }
static inline int64_t os_wall_ms(struct os *os) { return os->ops->wall_ms(os); }
static inline enum status os_open(struct os *os, const char *path, enum os_open how, struct os_file **ret,
                                  struct error *err)
{
    return os->ops->open(os, path, how, ret, err);
}
static inline void os_close(struct os *os, struct os_file *f) { os->ops->close(os, f); }
static inline enum status os_pread(struct os *os, struct os_file *f, void *bytes, size_t len, uint64_t offset,
                                   size_t *ret_len, struct error *err)
{
    return os->ops->pread(os, f, bytes, len, offset, ret_len, err);
}
static inline enum status os_pwrite(struct os *os, struct os_file *f, const void *bytes, size_t len, uint64_t offset,
                                    struct error *err)
{
    return os->ops->pwrite(os, f, bytes, len, offset, err);
}
static inline enum status os_sync(struct os *os, struct os_file *f, struct error *err)
{
    return os->ops->sync(os, f, err);
}

/* Reads a whole file (at most `max_bytes`, else ST_LIMIT) and puts it behind what `ret` holds. */
enum status os_read_file(struct os *os, const char *path, size_t max_bytes, struct buf *ret,
                         struct error *err) MUST_USE;
/* Puts a file in place whole and durable, or leaves the old one: "<path>.new", sync, rename, sync_dir. */
enum status os_write_file(struct os *os, const char *path, const void *bytes, size_t len, struct error *err) MUST_USE;
/* mkdir with its parents; what it makes is durable. */
enum status os_mkdirs(struct os *os, const char *path, struct error *err) MUST_USE;
/* sync_dir of the directory that holds `path`. */
enum status os_sync_parent(struct os *os, const char *path, struct error *err) MUST_USE;
