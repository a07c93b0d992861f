/* The outside world as one table: clocks, entropy, files, sockets, background work, threads, wake-ups.
 *
 * Two bodies stand behind it: the real one (`os_real`) and the simulated twin (`os/sim.h`), in which a
 * disk can lose, keep, reorder or tear unsynced writes, any call can fail, time moves by hand and
 * background work is done in seeded order on the caller's thread. No other room names a system call.
 *
 * Files are read by pread, never mapped: an I/O error is a status, not a signal. Calls that change or
 * sync the disk may block; a task hands those to `work`. All calls are safe from any thread; one
 * `struct os_file` is used by one thread at a time (pread, sync and net_send_file of one file may overlap).
 * A socket and its poller belong to one thread at a time; only poller_wait waits. */
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

/* A TCP endpoint: IPv4 in the first four bytes, or IPv6. */
struct os_addr {
    uint8_t ip[16];
    uint32_t scope; /* the interface of a link-local IPv6 address */
    uint16_t port;
    bool v6;
};

enum { OS_PIECES = 64, OS_ADDR_TEXT = 64 };

struct os_sock; /* a listener or one end of a connection; each body has its own */

/* Tells which of its sockets can go on. Edges: an event comes once when a socket becomes ready, not as long as it is.
 * So nothing is registered anew when somebody stops reading or has something to send, and a socket that is left alone
 * costs nothing. Ready means: until a recv gave less than asked, a send took less than given, an accept gave nobody. */
struct os_poller;

enum {
    OS_CAN_READ = 1,  /* or accept */
    OS_CAN_WRITE = 2, /* after net_connect also: it is connected, or has failed and the next call says why */
    OS_ENDING = 4,    /* behind the bytes stands the end or an error: recv until it shows */
};
struct os_event {
    void *user;
    uint32_t can;
};

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
    /* The same with pieces, one behind the other: many small writes, and ends within a page, cost more than one large. */
    enum status (*pwrite_pieces)(struct os *os, struct os_file *f, const struct str *pieces, uint32_t count,
                                 uint64_t offset, struct error *err);
    enum status (*truncate)(struct os *os, struct os_file *f, uint64_t bytes, struct error *err);
    /* These bytes may begin their way to the disk: no promise and no failure, but a later sync finds less to do. */
    void (*write_behind)(struct os *os, struct os_file *f, uint64_t offset, uint64_t len);
    /* fdatasync. After a failure the file must not be synced again: what it holds is unknown. */
    enum status (*sync)(struct os *os, struct os_file *f, struct error *err);
    enum status (*fstat)(struct os *os, struct os_file *f, struct os_stat *ret, struct error *err);
    enum status (*stat)(struct os *os, const char *path, struct os_stat *ret, struct error *err);
    /* Of the file system that `path` lies on: how much it holds, and how much of that we could still write. */
    enum status (*space)(struct os *os, const char *path, uint64_t *ret_bytes, uint64_t *ret_free, struct error *err);
    enum status (*rename)(struct os *os, const char *from, const char *to, struct error *err);
    enum status (*unlink)(struct os *os, const char *path, struct error *err);
    enum status (*mkdir)(struct os *os, const char *path, struct error *err); /* fine when it is there */
    enum status (*rmdir)(struct os *os, const char *path, struct error *err);
    enum status (*sync_dir)(struct os *os, const char *path, struct error *err);
    /* Names in `path` without "." and "..", sorted; in `arena`. */
    enum status (*list)(struct os *os, const char *path, struct arena *arena, struct os_name **ret, uint32_t *ret_count,
                        struct error *err);
    /* Exclusive advisory lock on an open file until it is closed; ST_LOCKED when another process has it, still
     * after a second (real): one that is dying gives it up. */
    enum status (*lock)(struct os *os, struct os_file *f, struct error *err);

    /* Byte streams that cannot seek: 0 standard input, 1 standard output, 2 standard error. Reading
     * returns what is there, at least one byte, or *ret_len 0 at the end. May block: use `work`. */
    enum status (*stream_read)(struct os *os, int stream, void *bytes, size_t len, size_t *ret_len, struct error *err);
    enum status (*stream_write)(struct os *os, int stream, const void *bytes, size_t len, struct error *err);

    /* Addresses of a name or of a number in text, at most `room`. May block: use `work`. ST_UNREACHABLE: nobody knows. */
    enum status (*net_resolve)(struct os *os, const char *host, uint16_t port, struct os_addr *ret, uint32_t room,
                               uint32_t *ret_count, struct error *err);
    /* Port 0 picks one: see net_local. ST_EXISTS: in use. */
    enum status (*net_listen)(struct os *os, const struct os_addr *at, struct os_sock **ret, struct error *err);
    /* *ret NULL: nobody waits. An error may pass: out of handles. */
    enum status (*net_accept)(struct os *os, struct os_sock *listener, struct os_sock **ret, struct error *err);
    /* Begins to connect; refusals show at the next send or recv. */
    enum status (*net_connect)(struct os *os, const struct os_addr *to, struct os_sock **ret, struct error *err);
    /* *ret_len 0: nothing now, or with *ret_end: the peer has finished. ST_UNREACHABLE: cut, reset, refused. */
    enum status (*net_recv)(struct os *os, struct os_sock *s, void *bytes, size_t len, size_t *ret_len, bool *ret_end,
                            struct error *err);
    /* Sends from the beginning of the pieces (at most OS_PIECES are looked at) what there is room for: *ret_len may be
     * 0. `more`: other bytes follow at once. */
    enum status (*net_send)(struct os *os, struct os_sock *s, const struct str *pieces, uint32_t count, bool more,
                            size_t *ret_len, struct error *err);
    /* The same from a file, without a copy. ST_IO also where the file ends before `at` + `len`. Like a pread it waits
     * for a disk, never for the peer. */
    enum status (*net_send_file)(struct os *os, struct os_sock *s, struct os_file *f, uint64_t at, size_t len,
                                 size_t *ret_len, struct error *err);
    void (*net_finish)(struct os *os, struct os_sock *s); /* nothing more will be sent; the peer sees the end */
    void (*net_close)(struct os *os, struct os_sock *s);  /* also leaves its poller; NULL is allowed */
    struct os_addr (*net_local)(struct os *os, const struct os_sock *s);
    struct os_addr (*net_peer)(struct os *os, const struct os_sock *s);

    enum status (*poller_new)(struct os *os, struct os_poller **ret, struct error *err);
    void (*poller_free)(struct os *os, struct os_poller *p); /* its sockets are closed before */
    /* Until the socket is closed; what it can do already comes as an event. */
    enum status (*poller_add)(struct os *os, struct os_poller *p, struct os_sock *s, void *user, struct error *err);
    /* The poller's own wake-up: raising it, from any thread or as the signal of a piece of work, ends a wait. */
    struct os_signal *(*poller_signal)(struct os *os, struct os_poller *p);
    /* Waits for an event, the signal or mono_ns() `deadline_ns` (INT64_MAX: none). Events of one socket come as one. */
    uint32_t (*poller_wait)(struct os *os, struct os_poller *p, int64_t deadline_ns, struct os_event *ret,
                            uint32_t room, bool *ret_raised);

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

/* A lock that is held for moments, never over a call of the table. All zeros: free. Who finds it held looks a few times
 * and then sleeps: its holder may have lost its processor. (In simulation nobody ever finds it held.) */
struct lock {
    atomic_uint state; /* 0: free, 1: held, 2: held, and perhaps somebody sleeps */
};
void lock_wait(struct lock *l);
void lock_wake(struct lock *l);
static inline void lock_take(struct lock *l)
{
    unsigned free = 0;
    if (!atomic_compare_exchange_strong_explicit(&l->state, &free, 1, memory_order_acquire, memory_order_relaxed))
        lock_wait(l);
}
static inline void lock_give(struct lock *l)
{
    if (atomic_exchange_explicit(&l->state, 0, memory_order_release) == 2)
        lock_wake(l);
}

/* The machine that this process runs on. One per process, never freed. Starts background threads as
 * work comes, so that a read of a silent pipe does not hold up a sync. Work has no order. */
struct os *os_real(void);

/* For programs, not for rooms: from now on the first SIGINT or SIGTERM raises `s`, the second one ends
 * the process, and a write to a closed pipe is ST_IO instead of a signal. Once per process. */
enum status os_real_catch_stop(struct os_signal *s, struct error *err) MUST_USE;
int os_real_caught(void);                /* the number of the signal that was caught last, or 0 */
/* For a program that tells about itself when it is asked, after os_real_catch_stop: SIGUSR1 raises the same `s`. */
void os_real_catch_asking(void);
bool os_real_asked(void);                /* has one come since this was called last? */

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
/* Raises the process's limit of open files as far as it may: what it is then; 0: unknown. */
uint32_t os_real_open_files(void);

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

/* "10.0.0.1:9092", "[fe80::1%2]:9092" */
void os_addr_text(const struct os_addr *a, char out[OS_ADDR_TEXT]);
/* A number in text, not a name: "127.0.0.1", "::1"; false: it is none. */
bool os_addr_parse(struct str ip, uint16_t port, struct os_addr *ret) MUST_USE;
/* "host:9092" or "[::1]:9092" into its two parts. */
bool os_addr_split(struct str text, struct str *ret_host, uint16_t *ret_port) MUST_USE;
bool os_addr_is_loopback(const struct os_addr *a);
