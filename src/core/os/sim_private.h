/* Inside the twin: what its files share. sim.c is the machine (switches, work, clocks, the test's hand),
 * sim_os.c the table (one numbered call each), sim_disk.c the two states of the disk and the log of
 * changes between them, sim_fate.c what becomes of those changes at a crash or a failed sync, sim_packets.c what
 * travels over the network, sim_net.c the calls that ask for it. */
#pragma once

#include "os/sim.h"

#define SECTOR 512u

struct entry {
    char *name; /* len + 1 bytes, NUL at the end */
    uint32_t len;
    struct inode *inode;
};

/* A directory's names, sorted by bytes. */
struct names {
    struct entry *at;
    uint32_t count, cap;
};

/* A file or directory with both its states. `refs` counts names of either state, changes that set or
 * take a name, and open handles; at 0 it goes, with the changes of its bytes. */
struct inode {
    uint64_t id;
    bool is_dir;
    uint32_t refs;
    uint32_t links;   /* names in the visible state */
    uint32_t handles; /* open files */
    uint32_t changes; /* of its bytes, not yet synced */
    int64_t mtime_ms;
    struct buf now, durable;             /* of a file */
    bool differs;                        /* the two may differ */
    bool lost;                           /* a failed sync has dropped changes that readers still see */
    struct names names_now, names_durable; /* of a directory */
    struct os_file *lock;
    bool reached;
    struct inode *prev, *next; /* all, by id */
};

enum change_kind { CHANGE_WRITE, CHANGE_TRUNCATE, CHANGE_LINK, CHANGE_UNLINK, CHANGE_RENAME };

/* One change that is visible and not yet durable; all of them stand in one list in the order of issue. */
struct change {
    enum change_kind kind;
    struct change *prev, *next;
    struct inode *inode;
    uint64_t offset; /* CHANGE_TRUNCATE: the new size */
    size_t len;
    struct inode *from_dir, *to_dir; /* LINK has only `to`, UNLINK only `from` */
    struct str from, to;             /* in `data` */
    size_t bytes;                    /* of this struct with its data */
    uint8_t data[];
};

struct os_file {
    struct inode *inode; /* NULL: opened before a power loss or kill */
    bool writable;
    size_t struct_bytes;
    struct os_file *prev, *next;
    char path[];
};

struct os_signal {
    bool raised;
};

struct trace_line {
    uint64_t call;
    char *text;
    size_t bytes;
};

struct sim {
    struct os os, outside; /* the table's functions get the address of one of them */
    struct budget *budget;
    uint64_t random_fate, random_work, random_caller, random_entropy, random_net;
    int64_t mono_ns, wall_ms, wall_rest_ns;

    struct inode *root, *inodes, *inodes_last;
    uint64_t next_inode;
    struct change *changes, *changes_last;
    struct os_file *files;
    uint64_t capacity;

    uint64_t calls, crash_at, fail_at;
    enum status fail_status;
    bool fail_sticky, crashed;
    bool fault; /* the call that has just begun failed by fail_at */
    const char *failed_verb;
    bool trace;
    struct trace_line *lines;
    uint32_t line_count, line_cap;

    struct os_work *queue, *queue_last;
    uint32_t queued;
    struct buf stream[3];
    size_t stream_read; /* of standard input */

    struct sim_net net;
    struct os_sock *socks, *socks_last;
    struct os_poller *pollers;
    uint64_t next_sock;
    uint32_t sock_count;
};

/* Where a path leads in the visible state. */
struct place {
    struct inode *dir; /* NULL for "/" itself */
    struct str name;
    struct inode *inode; /* NULL: nothing there */
};

/* sim.c */
uint64_t sim_draw(uint64_t *state);
/* 0 .. n-1 */
static inline uint64_t sim_below(uint64_t *state, uint64_t n) { return n ? sim_draw(state) % n : 0; }
void sim_files_orphan(struct sim *s);
enum status sim_no_memory(const struct sim *s, size_t bytes, struct error *err);

/* sim_os.c */
extern const struct os_ops sim_ops, sim_outside_ops;
static inline struct sim *sim_of(struct os *os)
{
    /* A test may have put a table of its own in the place of sim_ops. */
    return os->ops == &sim_outside_ops ? (struct sim *)((uint8_t *)os - offsetof(struct sim, outside))
                                       : (struct sim *)((uint8_t *)os - offsetof(struct sim, os));
}
/* Numbers a call, traces it, and says whether power is lost or the call fails. */
enum status sim_call_begin(struct sim *s, const char *verb, const char *path, const char *to,
                           struct error *err) MUST_USE;

/* sim_packets.c */
enum packet_kind { PACKET_DATA, PACKET_OPEN, PACKET_END, PACKET_RESET, PACKET_REFUSED };

struct packet {
    enum packet_kind kind;
    int64_t arrives_ns;
    size_t bytes;
    struct packet *next;
};

struct os_sock {
    struct sim *sim;
    uint64_t id;
    bool outside, listener;
    bool lost;                   /* its process is gone: only to be closed */
    struct os_addr local, remote;
    struct os_sock *peer;        /* NULL: not there, or gone */
    struct os_sock *waiting;     /* of a listener: not yet accepted; linked by next_waiting */
    struct os_sock *next_waiting;

    struct buf in;               /* from the peer: read, arrived, on the way */
    size_t in_read, in_arrived;
    struct packet *packets, *packets_last;
    bool open, ended, reset, refused;
    bool finished;               /* we have sent the end */
    bool silent;

    struct os_poller *poller;
    void *user;
    bool edge, blocked; /* something has come; a send found no room */
    struct os_sock *prev, *next;
};

struct os_poller {
    struct os_signal signal;
    bool outside;
    struct os_poller *prev, *next;
};

struct os_sock *sim_sock_new(struct sim *sim, bool outside); /* NULL: no memory */
void sim_sock_free(struct os_sock *s);
void sim_sock_arrive(struct os_sock *s);  /* takes what has come by now */
void sim_sock_hang_up(struct os_sock *s); /* the peer learns it */
void sim_listener_drop(struct os_sock *listener); /* those that wait are refused */
bool sim_packet_send(struct os_sock *to, enum packet_kind kind, size_t bytes, int64_t delays); /* false: no memory */
void sim_packet_tell(struct os_sock *to, enum packet_kind kind);
void sim_net_init(struct sim *s);
/* The sockets of this machine (not of those outside) are gone: closed by its kernel, or without a word. */
void sim_net_lost(struct sim *s, bool with_a_word);
void sim_net_release(struct sim *s);
/* sim_net.c */
enum status twin_net_resolve(struct os *os, const char *host, uint16_t port, struct os_addr *ret, uint32_t room,
                             uint32_t *ret_count, struct error *err);
enum status twin_net_listen(struct os *os, const struct os_addr *at, struct os_sock **ret, struct error *err);
enum status twin_net_accept(struct os *os, struct os_sock *listener, struct os_sock **ret, struct error *err);
enum status twin_net_connect(struct os *os, const struct os_addr *to, struct os_sock **ret, struct error *err);
enum status twin_net_recv(struct os *os, struct os_sock *s, void *bytes, size_t len, size_t *ret_len, bool *ret_end,
                          struct error *err);
enum status twin_net_send(struct os *os, struct os_sock *s, const struct str *pieces, uint32_t count, bool more,
                          size_t *ret_len, struct error *err);
enum status twin_net_send_file(struct os *os, struct os_sock *s, struct os_file *f, uint64_t at, size_t len,
                               size_t *ret_len, struct error *err);
void twin_net_finish(struct os *os, struct os_sock *s);
void twin_net_close(struct os *os, struct os_sock *s);
struct os_addr twin_net_local(struct os *os, const struct os_sock *s);
struct os_addr twin_net_peer(struct os *os, const struct os_sock *s);
enum status twin_poller_new(struct os *os, struct os_poller **ret, struct error *err);
void twin_poller_free(struct os *os, struct os_poller *p);
enum status twin_poller_add(struct os *os, struct os_poller *p, struct os_sock *s, void *user, struct error *err);
struct os_signal *twin_poller_signal(struct os *os, struct os_poller *p);
uint32_t twin_poller_wait(struct os *os, struct os_poller *p, int64_t deadline_ns, struct os_event *ret, uint32_t room,
                          bool *ret_raised);

/* sim_disk.c: names */
struct entry *names_find(const struct names *n, struct str name);
bool names_set(struct sim *s, struct names *n, struct str name, struct inode *i) MUST_USE;
void names_remove(struct sim *s, struct names *n, struct str name);
void names_clear(struct sim *s, struct names *n);
/* inodes; a new one has one reference, the caller's */
struct inode *inode_new(struct sim *s, bool is_dir);
void inode_unref(struct sim *s, struct inode *i);
uint64_t disk_used(const struct sim *s);
enum status disk_walk(struct sim *s, const char *path, struct place *ret, struct error *err) MUST_USE;
/* A buffer as the bytes of a file */
bool image_write(struct buf *b, const void *bytes, size_t len, uint64_t offset) MUST_USE;
bool image_resize(struct buf *b, uint64_t bytes) MUST_USE;
/* Changes: each alters the visible state and stands in the log. false: no memory, nothing has changed. */
bool disk_write(struct sim *s, struct inode *i, const void *bytes, size_t len, uint64_t offset) MUST_USE;
bool disk_truncate(struct sim *s, struct inode *i, uint64_t bytes) MUST_USE;
bool disk_link(struct sim *s, struct inode *dir, struct str name, struct inode *i) MUST_USE;
bool disk_unlink(struct sim *s, struct inode *dir, struct str name, struct inode *i) MUST_USE;
bool disk_rename(struct sim *s, const struct place *from, const struct place *to) MUST_USE;
/* The change becomes durable; it stays in the log until dropped. */
bool change_apply(struct sim *s, struct change *c) MUST_USE;
void change_drop(struct sim *s, struct change *c);
/* The first change of names at or after `c`. Taking a name may free its file, and with it the changes of
 * the file's bytes: loops over changes of names go by this. */
struct change *change_next_of_names(struct change *c);
bool change_touches(const struct change *c, const struct inode *dir);
bool disk_sync(struct sim *s, struct inode *i) MUST_USE;
bool disk_sync_dir(struct sim *s, struct inode *dir) MUST_USE;

/* sim_fate.c */
void fate_failed_sync(struct sim *s, struct inode *i);
void fate_failed_sync_dir(struct sim *s, struct inode *dir);
void fate_power_loss(struct sim *s, enum sim_mood mood);
