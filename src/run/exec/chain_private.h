/* What the files of the chain share: links, edges, frames. chain_build.c makes a chain and its edges, chain.c runs it,
 * chain_state.c tells what is in it. */
#ifndef WEIR_EXEC_CHAIN_PRIVATE_H
#define WEIR_EXEC_CHAIN_PRIVATE_H

#include "exec/exec_private.h"

enum { FRAME_TIMER = EVENT_END + 1 };

struct input {
    int64_t watermark;
    bool idle, barrier, ended;
};

struct edge {
    uint32_t to; /* link */
    uint32_t input, port;
};

struct link {
    struct op *op;
    struct input *inputs;
    uint32_t n_inputs;
    struct edge *edges;
    uint32_t n_edges;
    uint32_t node;  /* index in the plan */
    int64_t told_ms; /* newest watermark that the operator itself has put out … */
    bool told_idle;  /* … and whether it said that it is idle: for the metrics */
    bool sender;
    bool idle;      /* told the consumers so */
    bool barrier_handled;
    bool end_told;  /* source: watermark and end are on their way */
    bool ended;     /* end has passed */
};

struct frame {
    uint32_t link, input;
    uint32_t kind; /* enum event_kind or FRAME_TIMER */
    bool combined; /* watermark, barrier, end: the inputs are already combined */
    struct event ev;
};

struct chain {
    struct exec_context *ctx;
    struct chain_spec spec;
    struct arena arena;
    struct link *links;
    uint32_t n_links;
    struct frame *stack;
    uint32_t depth, room;
    uint32_t next_source; /* round robin */
    uint32_t roots;       /* sources and receivers */
    uint32_t roots_ended;
};

struct link *chain_link(struct chain *c, uint32_t node, bool sender); /* NULL: not in this chain */
bool chain_is_receiver(const struct chain *c, const struct link *l);

#endif
