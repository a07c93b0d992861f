/* The simulated twin of the machine, all from one seed.
 *
 * Disk. Every file and directory has two states: what a reader sees now (the page cache) and what
 * would be there after a power loss. A write, truncate, create, rename or unlink changes the first at
 * once; sync (of the file) and sync_dir (of the directory) move it to the second. At a crash each
 * unsynced change meets its fate by the disk's mood. Sectors are 512 bytes; nothing larger is atomic.
 *
 * Calls. Each call that touches the disk has a number, from 1. The twin can be told to lose power at
 * call n (it and every later call return ST_CRASHED and change nothing) or to fail call n once or from
 * then on.
 *
 * Network. One in the process: what is sent arrives later, by the seed, in order within a connection and in no
 * order among them; calls take and give parts; connections are refused, cut and go silent. Its calls have numbers
 * too. `sim_outside` is the table of the machines around: their sockets live on when this one is killed or loses
 * power, and their calls have no numbers and never fail by a switch. poller_wait returns what is ready now.
 *
 * Background work is queued and done by sim_work_some() in seeded order, on the caller's thread.
 * Signals never block: signal_wait returns at once. */
#pragma once

#include "os/os.h"

enum sim_mood {
    SIM_DROP,    /* unsynced changes are all lost */
    SIM_KEEP,    /* all kept */
    SIM_REORDER, /* any subset is kept, in any order, sector by sector */
    SIM_TEAR,    /* a prefix of the changes is kept; the last one is torn within (garbage or zeros beyond) */
    SIM_MOODS
};

struct sim; /* opaque; sim_os() gives its table */

struct sim *sim_new(uint64_t seed, struct budget *b); /* empty disk with "/", wall clock 2026-01-01 00:00 UTC */
void sim_free(struct sim *s);
struct os *sim_os(struct sim *s);

/* Faults. */
void sim_crash_at(struct sim *s, uint64_t call); /* 0: never */
/* Fail call n with `st` (ST_IO, ST_FULL); `sticky`: all from n on. A failed sync drops the pages' unsynced
 * state by coin toss while reads go on showing it. 0: never. */
void sim_fail_at(struct sim *s, uint64_t call, enum status st, bool sticky);
void sim_capacity(struct sim *s, uint64_t bytes); /* disk size; beyond it ST_FULL */
uint64_t sim_calls(const struct sim *s);          /* disk calls so far */
bool sim_crashed(const struct sim *s);
/* The verb of the newest call that sim_fail_at failed ("sync_dir"); "": none since the power came. */
const char *sim_failed(const struct sim *s);
/* Name of call number n ("pwrite a/b.json"), for reports; NULL when unknown. */
const char *sim_call_name(const struct sim *s, uint64_t call);
/* Names of the calls are kept from now on (costs memory). */
void sim_trace(struct sim *s, bool on);

/* The process dies (kill -9), the machine goes on: open files, locks, queued work and the crash and fail
 * switches are gone, the disk is what readers saw. */
void sim_kill(struct sim *s);

/* Power loss, then power on: unsynced changes meet their fate by `mood`; open files, locks, queued work
 * and the crash and fail switches are gone. Callers have dropped their handles. */
void sim_power_cycle(struct sim *s, enum sim_mood mood);

/* Does up to `max` pieces of queued background work in seeded order; returns how many. */
uint32_t sim_work_some(struct sim *s, uint32_t max);
bool sim_work_waiting(const struct sim *s);

void sim_advance_ms(struct sim *s, int64_t ms); /* both clocks */
void sim_set_wall_ms(struct sim *s, int64_t wall_ms);
uint64_t sim_random(struct sim *s); /* the seed's own stream, for callers that make choices */

/* The test's hand on the disk, without counting calls and already synced. */
enum status sim_put_file(struct sim *s, const char *path, const void *bytes, size_t len);
bool sim_get_file(struct sim *s, const char *path, struct buf *ret);
/* A hash of all names and bytes that a reader sees: equal disks, equal sums. */
uint64_t sim_disk_sum(const struct sim *s);
/* Puts bytes behind what standard input still holds; where it is empty, stream_read finds the end. */
enum status sim_feed(struct sim *s, const void *bytes, size_t len);
/* What stream_write() has written to standard output (1) or error (2); NUL is not added. */
struct str sim_stream(struct sim *s, int stream);

/* ---- the network ---- */

/* Clocks, entropy, sockets and pollers only. */
struct os *sim_outside(struct sim *s);

/* How it behaves from now on; to be changed at any time. */
struct sim_net {
    int64_t delay_min_ns, delay_max_ns; /* one way; 0.1 to 1 ms */
    uint32_t window;                    /* bytes that may be unread or on the way, each direction; 64 KiB */
    uint32_t partial;                   /* of 256: how often a send or recv does only a part; 64 */
    uint32_t refuse;                    /* of 256: how many connects are refused; 0 */
    bool stalled;                       /* nothing arrives; later all does */
};
struct sim_net *sim_net(struct sim *s);

enum sim_cut {
    SIM_CUT_BOTH,   /* both ends see a reset; what was on the way is lost */
    SIM_CUT_ONE,    /* one end sees a reset; the other learns it when it sends: half-open */
    SIM_CUT_SILENT, /* nothing arrives any more at either end, and nobody is told */
    SIM_CUTS
};
/* `s` NULL: one of all connections, by the seed (of SIM_CUT_ONE, that end). false: there is none. */
bool sim_net_cut(struct sim *sim, struct os_sock *s, enum sim_cut how);
int64_t sim_net_next_ns(struct sim *s);           /* when the next thing arrives; INT64_MAX: nothing is on the way */
uint32_t sim_net_sockets(const struct sim *s);    /* open ones, listeners too, of everybody */
void sim_advance_ns(struct sim *s, int64_t ns);   /* both clocks */
