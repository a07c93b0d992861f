/* One walk over the history. Of each record, offset, transaction, group offset and topic it keeps what is known and since
 * which event; whatever is told later is held against that.
 *
 * Answers arrive late and cross each other, so an answer is only held against what was known when it was asked (`since`).
 * What must never go back (watermarks, the start, a group's offset) is a list of rising values with the events that showed
 * them.
 *
 * A fetch is a statement about a whole range: what is known to stand there and is not among its records is lost, but for
 * what a compaction may take, and, read committed, the records of transactions that did not commit. That one did not is
 * thereby known too, and may not be contradicted by another of its records: it is there whole or not at all.
 *
 * check_records.c has the records, check_users.c groups, transactions and topics, check_seek.c what is found by timestamp or
 * epoch, check_back.c what a loss of power may take, check_end.c the end. */
#include "check_private.h"

#include <stdarg.h>
#include <stdio.h>

const char *const fault_names[FAULTS] = {
    "none", "lost", "duplicated", "reordered", "torn", "phantom", "changed", "aborted read", "half a transaction",
    "last stable offset ahead", "last stable offset back", "high watermark back", "log start back", "group offset back",
    "group offset of nobody", "group offset aborted", "topic lost", "topic back", "partitions lost", "wrong offset",
    "epoch kept", "not fenced", "fenced", "rebalanced", "wrong result", "stuck", "refused",
};

void fault(struct checker *c, enum fault f, const char *fmt, ...)
{
    va_list args;
    if (c->verdict->fault != FAULT_NONE)
        return;
    c->verdict->fault = f;
    c->verdict->event = c->now;
    va_start(args, fmt);
    vsnprintf(c->verdict->text, sizeof c->verdict->text, fmt, args);
    va_end(args);
}

/* ---- growing ---- */

/* Room for place i of an array, with zeros up to it. */
bool reach(struct checker *c, void **at, uint32_t *n, uint32_t *cap, uint32_t i, size_t size)
{
    if (i >= *cap) {
        uint32_t more = *cap ? *cap * 2 : 64;
        more = more > i ? more : i + 1;
        void *grown = mem_realloc(NULL, *at, *cap * size, more * size);
        if (!grown) {
            c->no_memory = true;
            return false;
        }
        *at = grown;
        *cap = more;
    }
    if (i >= *n) {
        memset((uint8_t *)*at + *n * size, 0, (i + 1 - *n) * size);
        *n = i + 1;
    }
    return true;
}

void rise(struct checker *c, struct rising *r, int64_t value)
{
    uint32_t n = r->n;
    if (n > 0 && r->at[n - 1].value >= value)
        return;
    if (reach(c, (void **)&r->at, &r->n, &r->cap, n, sizeof *r->at))
        r->at[n] = (struct known){ c->now, value };
}

int64_t known_before(const struct rising *r, uint64_t since)
{
    uint32_t n = r->n;
    while (n > 0 && r->at[n - 1].event >= since)
        n--;
    return n > 0 ? r->at[n - 1].value : -1;
}

struct record *record_of(struct checker *c, uint32_t id)
{
    return id > 0 && id < c->n_records && c->records[id].sent ? &c->records[id] : NULL;
}

struct txn *txn_of(struct checker *c, uint32_t id)
{
    uint32_t was = c->n_txns;
    if (!reach(c, (void **)&c->txns, &c->n_txns, &c->cap_txns, id, sizeof *c->txns))
        return NULL;
    for (uint32_t i = was; i < c->n_txns; i++) {
        struct txn *x = &c->txns[i];
        x->asked_at = x->commit_at = x->ended_at = x->shown_at = x->hidden_at = NEVER;
        for (int p = 0; p < PARTITIONS_MAX; p++)
            x->first[p] = -1;
    }
    return &c->txns[id];
}

struct topic *topic_told_of(struct checker *c, uint32_t id)
{
    uint32_t was = c->n_topics;
    if (!reach(c, (void **)&c->topics, &c->n_topics, &c->cap_topics, id, sizeof *c->topics))
        return NULL;
    for (uint32_t i = was; i < c->n_topics; i++)
        c->topics[i] = (struct topic){ NEVER, NEVER, NEVER };
    return &c->topics[id];
}
/* ---- the walk ---- */

static void take(struct checker *c, const struct fact *e)
{
    struct partition *p = &c->partitions[e->partition];
    switch ((enum fact_kind)e->kind) {
    case EV_PARTITION:
        p->kind = (enum partition_kind)e->a;
        p->retention_ms = e->b;
        p->retention_bytes = e->c;
        p->tombstone_ms = e->d;
        break;
    case EV_SENT: check_sent(c, e); break;
    case EV_ACKED: check_acked(c, e); break;
    case EV_TXN_ASKED: check_txn_asked(c, e); break;
    case EV_TXN_ENDED: check_txn_ended(c, e); break;
    case EV_FETCHED: check_fetched(c, e); break;
    case EV_READ: break; /* with its fetch */
    case EV_TRIM_ASKED: p->trim_asked = e->offset > p->trim_asked ? e->offset : p->trim_asked; break;
    case EV_TRIMMED: check_start(c, e, e->offset, e->since); break;
    case EV_OFFSET_ASKED: check_offset_asked(c, e); break;
    case EV_OFFSET_ACKED: check_offset_acked(c, e); break;
    case EV_OFFSET_TOLD: check_offset_told(c, e); break;
    case EV_TOPIC_MADE:
    case EV_TOPIC_ASKED:
    case EV_TOPIC_GONE:
    case EV_TOPIC_TOLD: check_topic(c, e); break;
    case EV_GROW_ASKED:
    case EV_GROWN:
    case EV_COUNT_TOLD: check_growth(c, e); break;
    case EV_STAMP_TOLD: check_stamp(c, e); break;
    case EV_EPOCH_TOLD: check_epoch(c, e); break;
    case EV_JOIN_ASKED:
    case EV_JOINED:
    case EV_SERVED:
    case EV_FENCED: check_member(c, e); break;
    case EV_WENT_BACK: check_back(c, e); break;
    case EV_SPAN: break; /* with what went back */
    case EV_STUCK: fault(c, FAULT_STUCK, "%s", e->text); break;
    case EV_REFUSED: fault(c, FAULT_REFUSED, "%s", e->text); break;
    case EV_END: check_end(c, e); break;
    }
}

static void release(struct checker *c)
{
    for (int i = 0; i < PARTITIONS_MAX; i++) {
        struct partition *p = &c->partitions[i];
        mem_free(NULL, p->slots, p->cap * sizeof *p->slots);
        mem_free(NULL, p->high.at, p->high.cap * sizeof *p->high.at);
        mem_free(NULL, p->stable.at, p->stable.cap * sizeof *p->stable.at);
        mem_free(NULL, p->start.at, p->start.cap * sizeof *p->start.at);
        mem_free(NULL, p->count.at, p->count.cap * sizeof *p->count.at);
    }
    for (int i = 0; i < GROUP_OFFSETS_MAX; i++) {
        mem_free(NULL, c->offsets[i].at, c->offsets[i].cap * sizeof *c->offsets[i].at);
        mem_free(NULL, c->offsets[i].known.at, c->offsets[i].known.cap * sizeof *c->offsets[i].known.at);
    }
    for (int i = 0; i < INSTANCES_MAX; i++) {
        mem_free(NULL, c->instances[i].asked.at, c->instances[i].asked.cap * sizeof *c->instances[i].asked.at);
        mem_free(NULL, c->instances[i].joined.at, c->instances[i].joined.cap * sizeof *c->instances[i].joined.at);
        mem_free(NULL, c->instances[i].settled.at, c->instances[i].settled.cap * sizeof *c->instances[i].settled.at);
    }
    mem_free(NULL, c->records, c->cap_records * sizeof *c->records);
    mem_free(NULL, c->txns, c->cap_txns * sizeof *c->txns);
    mem_free(NULL, c->topics, c->cap_topics * sizeof *c->topics);
    mem_free(NULL, c->windows, c->cap_windows * sizeof *c->windows);
    mem_free(NULL, c, sizeof *c);
}

enum status history_check(const struct history *h, struct verdict *ret)
{
    struct checker *c = mem_calloc(NULL, sizeof *c);
    *ret = (struct verdict){ .fault = FAULT_NONE };
    if (!c)
        return ST_MEMORY;
    c->h = h;
    c->verdict = ret;
    for (int i = 0; i < PARTITIONS_MAX; i++)
        c->partitions[i].retention_ms = c->partitions[i].retention_bytes = -1;
    for (; c->now < h->n && ret->fault == FAULT_NONE && !c->no_memory; c->now++)
        take(c, &h->at[c->now]);
    enum status st = c->no_memory ? ST_MEMORY : ST_OK;
    release(c);
    return st;
}
