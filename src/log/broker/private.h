/* Inside broker: broker.c starts and stops, call.c carries a request from its frame to its answer, table.c says who
 * handles what, one file an API family does it. */
#pragma once

#include "broker/broker.h"
#include "wire/kafka.h"

struct asked;

/* ---- what lives how long ---- */

/* A loop's share of the broker. All of it is for the loop's thread. */
struct door {
    struct broker *broker;
    struct link_loop *loop;
    struct os_thread *thread;
    struct call *spare; /* done ones with their memory, to be used again */
    uint32_t n_spare;
    struct call **timers; /* a heap by due_ns */
    uint32_t n_timers, timers_cap;
    struct call *parked; /* those that broker_stop answers */
    struct link_mail stop_mail;
    struct record_iter *iter; /* to look into batches */
    bool stopping;
    bool wake;           /* batches stand in the log's queue that its writer has not been woken for */
    uint64_t held_bytes; /* of those */
    int64_t held_ns;     /* since when, about; 0: since this turn */
    int64_t said_ns; /* since when lines are counted */
    uint32_t said, unsaid;
    atomic_ullong requests, refused, parked_now;
};

/* A connection. Gone when it has closed and its last call is done. */
struct peer {
    struct door *door;
    struct link_conn *conn;
    bool closed, going;
    struct call *parked;
    uint32_t holding;            /* Produce calls that have not appended yet: others wait */
    uint32_t running, produces;  /* calls that have begun and are not answered; how many of them are Produce */
    struct call *first, *last;   /* calls that wait for their turn */
};

/* What the broker's configuration says, where it is not a topic's (settings.c). */
struct broker_settings {
    bool auto_create, delete_topics;
    bool strict_replication;
    uint32_t partitions; /* of a topic that nobody said it for */
};

/* Who waits for an answer by token; any thread. */
struct token {
    struct asked *asked;
    uint32_t uses, next_free; /* the next free slot + 1; 0: none */
};
struct tokens {
    struct lock lock;
    struct token *at;
    uint32_t count, cap, free;
};

struct broker {
    struct broker_options o;
    struct tokens tokens;
    struct broker_settings settings;
    struct arena arena; /* the options' strings */
    struct os_addr at;
    struct door *doors;
    struct link_loop **loops;
    uint32_t n_doors;
    atomic_bool stopped;
};

/* ---- a call: one request, from its frame to its answer ---- */

struct call_row;

struct call {
    struct link_mail mail; /* from another thread, once at a time: call_post */
    struct call *next, *prev;
    struct link_request *request;
    struct peer *peer;
    struct door *door;
    const struct call_row *row;
    const struct kafka_api *api;
    int16_t version;
    int32_t correlation_id;
    struct str client_id; /* borrows the frame; .ptr NULL: null */
    struct str body;
    void *in; /* the request's struct, decoded */
    struct budget budget;
    struct arena arena;
    /* Parked: */
    void (*then)(struct call *c); /* call_post: on the loop's thread */
    void (*due)(struct call *c);  /* call_park: time is up, the connection has closed, or the broker stops */
    int64_t due_ns;
    uint32_t timer_at; /* in the heap */
    bool parked;
    void *state; /* the handler's */
    ARRAY(struct topic *) held; /* until the answer is made */
};

/* A handler gets c->in and calls one of the three that end a call, now or later, on the loop's thread. */
typedef void call_handler(struct call *c);

enum { CALL_PRODUCE = 1, /* may run beside other calls of its connection that are Produce too */
       CALL_ANY_VERSION = 2, /* its handler also gets versions that we lack, c->in NULL then */
       CALL_COPY = 4 /* may wait long, or be read by other threads: its request is copied out of the frame */ };

struct call_row {
    int16_t key;
    int16_t to; /* the highest version that we serve; 0 with from 0: all that wire knows */
    uint8_t flags;
    call_handler *handle;
};
extern const struct call_row call_table[]; /* by rising key */
extern const uint32_t call_table_count;
const struct call_row *call_row_find(int16_t key); /* NULL: we do not have it */
void call_row_versions(const struct call_row *row, int16_t *ret_says_from, int16_t *ret_from, int16_t *ret_to);

void call_answer(struct call *c, const void *response); /* of c->api, in c->version; then c is gone */
/* With ranges of files, whose structs outlive the call. false: refused like below, none of them is taken over. */
bool call_answer_gaps(struct call *c, const void *response, struct wire_gaps *gaps);
void call_answer_encoded(struct call *c); /* the reply is in request->out already */
void call_answer_nothing(struct call *c);                     /* acks=0 */
void call_refuse(struct call *c, const struct error *why);    /* closes the connection, with a line in the log */
void call_refuse_many(struct call *c, const char *what, uint32_t most); /* the same: so many at most */
void call_no_memory(struct call *c);                          /* the same, for want of memory */

/* A Produce begins and ends to hold back those behind it. */
void call_hold_back(struct call *c);
void call_let_on(struct call *c);

/* Any thread: `then` on the loop's thread. */
void call_post(struct call *c, void (*then)(struct call *c));
/* For calls that run alone (not Produce), while the door does not stop: until call_unpark; `due` comes at `due_ns` (INT64_MAX: no time) or earlier for the other reasons, unparked. false: no
 * memory for it. */
bool call_park(struct call *c, int64_t due_ns, void (*due)(struct call *c)) MUST_USE;
void call_unpark(struct call *c);

/* Counted for the call, until its end: so names may be borrowed for the answer. NULL: there is none, or no memory. */
struct topic *call_topic(struct call *c, struct str name);
struct topic *call_topic_by_id(struct call *c, const struct wire_uuid *id);
bool call_all_topics(struct call *c, struct topic ***ret, uint32_t *ret_count) MUST_USE; /* sorted by name */
bool call_hold(struct call *c, struct topic *t) MUST_USE; /* takes the count over, also when memory refuses */

/* Commands to the log's writer; when all of them are done, `then` on the loop's thread. */
struct errands {
    struct call *call;
    struct topic_admin *at;
    uint32_t n;
    atomic_uint left;
    void (*then)(struct call *c);
};
struct errands *errands_new(struct call *c, uint32_t most); /* room for so many; NULL: no memory */
void errands_go(struct errands *e, void (*then)(struct call *c)); /* the first `n` of them; 0: at once */

/* The address that this client is to use. Lies in the call's arena; .ptr NULL: no memory. */
struct str call_host(struct call *c, int32_t *ret_port);
struct str call_peer_host(struct call *c); /* "/127.0.0.1", as Kafka tells it; .ptr NULL: no memory */
static inline struct os *call_os(const struct call *c) { return c->door->broker->o.os; }
static inline struct topics *call_topics(const struct call *c) { return c->door->broker->o.topics; }

/* loop's thread; call.c */
void call_begin(struct peer *p, struct link_request *r);
void call_peer_closed(struct peer *p);
void call_calls_due(struct door *d, int64_t now_ns);
int64_t call_next_due(const struct door *d);
void call_door_stop(struct door *d);
void call_spares_free(struct door *d);

/* ---- requests to coordinators: coordinate.c ---- */

enum { ASKED_DONE = 1, ASKED_REPLIED = 2 };

struct asked_kind {
    /* As struct topic_call's: on any thread. Sets a->response, in a step's arena. */
    enum status (*run)(struct asked *a, struct topic_coords *with, struct error *err);
    const void *(*fail)(struct call *c, int16_t kafka); /* the response that says so; NULL: no memory. Any thread */
    bool by_token;                                      /* the answer comes by token, not in a->response */
};
struct asked {
    struct topic_call line;
    struct call *call;
    const struct asked_kind *kind;
    struct coord_client client;
    const void *request; /* as the coordinator gets it, where that is not call->in */
    void *response;
    uint64_t token;
    atomic_uint came;
    enum status status; /* of the encoding */
};
void coordinate(struct call *c, const struct asked_kind *kind);
void coordinate_with(struct call *c, const struct asked_kind *kind, const void *request);
void coordinate_reply(void *broker, const struct coord_reply *r); /* topics_on_reply */
void tokens_free(struct broker *b);

/* settings.c: the broker's own, as DescribeConfigs tells them. */
struct broker_setting {
    struct option_spec spec;
    enum topic_config_type type;
    bool fixed; /* told, but not to be given */
};
extern const struct broker_setting broker_settings_table[];
extern const uint32_t broker_settings_count;
struct broker_settings settings_make(const struct options *given); /* checked ones */
/* As text, in the call's arena; *ret_given: at the start, not Kafka's default. */
struct str settings_text(struct call *c, uint32_t i, bool *ret_given);

/* The protocol's number of where a configuration comes from; configs.c. */
int8_t config_source(enum topic_config_source source);

void broker_say(struct broker *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void door_say(struct door *d, const char *fmt, ...) PRINTF_LIKE(2, 3); /* few a second, the others counted */
