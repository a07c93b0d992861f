/* The world of one seed: a machine with the log, its door and a job, its users outside, and what becomes of them. */
#pragma once

#include "broker/broker.h"
#include "check.h"
#include "client/client.h"
#include "engine/engine.h"
#include "os/sim.h"

/* ---- partitions ---- */

enum place { IN_0, IN_1, PLAIN_0, PLAIN_1, KEYS_0, OUT_0, WIN_0, GROW_0, GROW_1, GROW_2, PLACES };
enum { GROW_MOST = PLACES - GROW_0 };
struct place_info {
    const char *topic;
    int32_t index;
    enum partition_kind kind;
};
extern const struct place_info places[PLACES];

/* ---- records: what each holds follows from its number, so torn ones show ---- */

enum { KEYS = 5, LAST_SECOND = 7200 };
struct made {
    uint32_t key, second;
    bool tombstone;
};

/* ---- connections ---- */

#define PATIENCE_NS INT64_C(60000000)
#define ASTRAY_NS INT64_C(40000000)

/* One question under way at most. */
struct line {
    struct client *c;
    uint32_t life;     /* of the machine that it leads to */
    int64_t asked_ns;  /* 0: nothing is under way */
    int64_t again_ns;  /* not before */
    uint64_t since;    /* the event when it was asked */
};
enum heard { HEARD_NOTHING, HEARD_ANSWER, HEARD_BROKEN };

/* ---- users ---- */

enum { PRODUCERS = 2, LANES = 4, LANE_BATCHES = 64, DEEP = 4, TXNS = 2, ZOMBIES = 2, TXN_BATCHES = 4, READERS = 3,
       MEMBERS = 2, GHOSTS = 2, TXNS_A_SEED = 128 };

struct sent_batch {
    uint32_t first, count; /* records */
    int32_t sequence;
    uint16_t place;
};
struct lane {
    uint16_t place;
    uint32_t made, sent, acked; /* batches */
    int32_t sequence;
    bool closed; /* has its last record */
    struct sent_batch batches[LANE_BATCHES];
};
struct producer {
    struct line line;
    uint32_t actor;
    int64_t id; /* -1: none yet */
    bool unsure; /* the log has gone back since it began: its number may not be the next one */
    uint32_t left; /* batches to be made */
    struct lane lanes[LANES];
    uint8_t ring[DEEP]; /* lanes of the requests under way */
    uint32_t first, under_way;
    int64_t heard_ns;
};

enum txn_step { TXN_INIT, TXN_LOOK, TXN_BEGIN, TXN_ADD, TXN_WRITE, TXN_ADD_OFFSETS, TXN_OFFSETS, TXN_END_IT };
struct writer {
    struct line line;
    uint32_t n, actor; /* n: which transactional id */
    bool v2, zombie, there; /* there: of a zombie */
    bool stray;             /* a question of this epoch was left without an answer */
    enum txn_step step;
    int64_t id;
    int16_t epoch;
    int32_t sequence[PLACES];
    uint32_t left; /* transactions */
    uint32_t txn;
    bool commits, offsets;
    uint32_t n_batches, at, ends; /* ends: how often the end was asked for */
    int64_t offset;
    struct sent_batch batches[TXN_BATCHES];
};

struct fetcher {
    struct line line;
    bool committed, jumps;
    int64_t next[PLACES], high[PLACES], stable[PLACES];
    uint16_t astray; /* 1 + a place whose log does not have `next`; 0: none */
};

enum member_step { MEMBER_JOIN, MEMBER_SYNC, MEMBER_OFFSETS, MEMBER_READ, MEMBER_COMMIT, MEMBER_BEAT, MEMBER_LEAVE };
struct member {
    struct line line;
    enum member_step step;
    char id[80];
    char members[MEMBERS + 2][80]; /* of who leads */
    uint32_t n_members;
    bool leads;
    int32_t generation;
    uint32_t mine; /* bits: partitions */
    int64_t next[2];
    /* with a name, which a ghost had before */
    bool named, ghost, there; /* there: of a ghost */
    uint32_t instance, actor;
    int64_t asked_ns;
    int32_t calm; /* the group's generation when it asked to be let in again; -1 */
};
struct calm { /* of the group of members with names */
    int32_t generation; /* -1: not known */
    int64_t stirred_ns; /* until then something may arrive that gives it another one */
    uint32_t known;     /* bits: instances that are in it */
};

/* Asks where things are. */
struct seeker {
    struct line line;
    uint16_t place;
    bool epoch, committed, quiet;
    int64_t what;
};

enum admin_step { ADMIN_REST, ADMIN_TRIM, ADMIN_MAKE, ADMIN_REMOVE, ADMIN_ALTER, ADMIN_GROW };
struct admin {
    struct line line;
    enum admin_step step;
    uint32_t topic; /* number of the newest */
    bool made;
    uint16_t place;
    int64_t offset;
};

struct work {
    struct engine *engine;
    struct job *job;
    int64_t again_ns;
    uint32_t failures, idle;
};

/* ---- the world ---- */

enum trouble { TROUBLE_POWER = 1, TROUBLE_KILL = 2, TROUBLE_IO = 4, TROUBLE_FULL = 8, TROUBLE_CUT = 16, TROUBLE_STALL = 32,
               TROUBLE_STOP = 64 };

struct world {
    uint64_t seed, planted;
    uint32_t planted_job;
    struct sim *sim;
    struct os *os, *far;
    struct budget door;
    struct topics *topics;
    struct broker *broker;
    struct os_addr at;
    uint32_t life;      /* goes up with each start of the machine */
    bool failed;        /* the log has failed for good: the process must end */
    bool lost;          /* this seed is over: the history says why */
    bool quiet;         /* no more trouble, no more work */
    bool closing;       /* a last record for each lane, far ahead in event time */
    uint32_t trouble;
    bool with_job, full;
    uint32_t slow_log;  /* the log's writer and tender come once in so many turns */
    int64_t full_until_ns, stall_until_ns;
    uint64_t turns;
    bool busy;          /* the users are there */
    struct arena arena; /* of one turn */
    struct history h;
    struct made *made;
    uint32_t n_made, cap_made;
    uint32_t next_actor, next_txn;
    uint32_t second;    /* event time */
    int64_t stray_ns[TXNS]; /* until then a start of the producer may arrive that nobody waits for any more */
    int64_t astray_ns;  /* until then something may arrive that nobody waits for any more */
    int64_t next_offset;
    uint8_t txn_of[TXNS_A_SEED], txn_over[TXNS_A_SEED]; /* by transaction: whose, and is its end known */
    bool retains, retains_bytes, relaxed, names;
    uint32_t grown, grow_asked; /* partitions of topic "grow"; 0: there is none */
    int64_t idled_ns;   /* the users' clocks do not know of it */
    uint32_t idles;
    bool left_open;     /* it went back behind the last writer: what he had ended may be open, and he does not come again */
    bool loses;         /* what the newest life has acknowledged may go with the power (relaxed, but for some lives) */
    int64_t went_ms;    /* when the power went; 0: nothing has gone */
    struct calm calm;
    char why[300];
    struct record_iter *iter;
    struct record_builder *builders[RECORD_ZSTD + 1]; /* by codec */
    struct producer producers[PRODUCERS];
    struct writer writers[TXNS], zombies[ZOMBIES];
    struct fetcher readers[READERS];
    struct member members[MEMBERS], ghosts[GHOSTS];
    struct seeker seeker;
    struct admin admin;
    struct work work;
    uint32_t ends, recoveries; /* for the numbers at the end */
};

static inline uint64_t below(struct world *w, uint64_t n) { return sim_random(w->sim) % n; }
static inline bool chance(struct world *w, uint64_t of) { return sim_random(w->sim) % of == 0; }
static inline int64_t now_ns(struct world *w) { return os_mono_ns(w->far) - w->idled_ns; }
static inline bool place_there(const struct world *w, uint32_t place) { return place < GROW_0 || place - GROW_0 < w->grown; }
struct fact *note(struct world *w, enum fact_kind kind); /* with its time */
void give_up(struct world *w, enum fact_kind kind, const char *what);

/* values.c */
uint32_t value_new(struct world *w, uint16_t place, uint32_t second);
size_t value_text(const struct world *w, uint32_t id, char *out, size_t room);
void value_read(struct world *w, uint16_t place, const struct record *r, struct fact *e); /* fills EV_READ */
uint16_t place_of(struct str topic, int32_t index); /* PLACES: none */
struct str batch_make(struct world *w, const struct sent_batch *b, struct record_producer producer);

/* lines.c */
enum heard line_hear(struct world *w, struct line *l, struct client_reply *r); /* broken: it is closed */
bool line_ready(struct world *w, struct line *l); /* nothing under way; connected as far as one can know */
bool line_ask(struct world *w, struct line *l, int16_t key, int16_t version, const void *request);
void line_drop(struct line *l);
void line_rest(struct world *w, struct line *l, int64_t ms);

/* users */
void producer_init(struct world *w, struct producer *p, uint32_t n);
void producer_step(struct world *w, struct producer *p);
bool producer_done(const struct producer *p);
uint32_t producer_lanes(const struct world *w, const struct producer *p); /* to which it can send */
void producer_back(struct world *w, struct producer *p); /* the log has gone back */
void writer_init(struct world *w, struct writer *x, uint32_t n);
void writer_step(struct world *w, struct writer *x);
bool writer_done(const struct writer *x);
void writer_back(struct world *w, struct writer *x);
void fetcher_init(struct world *w, struct fetcher *x, uint32_t n);
void fetcher_step(struct world *w, struct fetcher *x);
void member_init(struct world *w, struct member *m, uint32_t n);
void member_step(struct world *w, struct member *m);
void member_back(struct world *w, struct member *m);
void seeker_step(struct world *w, struct seeker *x);
void admin_step(struct world *w, struct admin *a);
void work_step(struct world *w);
void work_end(struct world *w);
bool work_rests(const struct world *w, uint32_t steps); /* it has had nothing to do for so many */

/* machine.c */
void machine_start(struct world *w);
void machine_end(struct world *w, enum trouble how);
void machine_idle(struct world *w, int64_t ms); /* nobody asks for anything, but the log's writer and tender come */
void world_turn(struct world *w); /* without the job, which may be waiting in it */

/* audit.c: everything is read by who has never been here. */
void audit(struct world *w);

/* house.c */
struct outcome {
    struct verdict verdict;
    struct history history;
    uint32_t ends, events;
    uint64_t turns, calls;
};
