/* Replaying the coordinators from their partitions: records in order, and the markers between them. */
#include "topic/private.h"

struct load {
    struct coords *coords;
    bool groups; /* of __consumer_offsets; else of __transaction_state */
};

static enum status load_record(void *arg, const struct record_batch *b, const struct record *r, struct error *err)
{
    struct load *l = arg;
    struct coords *c = l->coords;
    if (record_batch_control(b)) {
        struct record_marker m;
        TRY(record_marker_read(r, &m, err));
        if (l->groups)
            coord_groups_end_txn(c->groups, b->producer_id, m.commit || topics_bug(c->node, LOG_BUG_OFFSETS_ABORTED));
        return ST_OK;
    }
    struct coord_replayed x = { r->offset, record_batch_transactional(b) ? b->producer_id : -1, r->key, r->value };
    return l->groups ? coord_groups_replay(c->groups, &x, err) : coord_txns_replay(c->txns, &x, err);
}

static enum status load(struct load *l, struct topic *topic, struct error *err)
{
    enum status st = scan_records(topic_partition(topic, 0), load_record, l, err);
    if (st != ST_OK)
        error_prefix(err, "replaying '%s': ", topic->name);
    return st;
}

static enum status load_both(struct coords *c, struct error *err)
{
    struct topics *t = c->node;
    struct coord_txns_config txns = t->options.txns ? *t->options.txns : coord_txns_defaults;
    struct coord_groups_config config = t->options.groups ? *t->options.groups : coord_groups_defaults;
    struct load groups = { c, true }, others = { c, false };
    txns.offsets_partitions = 1;
    config.planted = txns.planted = t->options.planted;
    TRY(coord_groups_new(&config, t->budget, &c->groups, err));
    TRY(coord_txns_new(&txns, &c->ids, t->budget, &c->txns, err));
    if (c->offsets)
        TRY(load(&groups, c->offsets, err));
    return c->transactions ? load(&others, c->transactions, err) : ST_OK;
}

enum status coords_replay(struct coords *c, struct error *err)
{
    coord_groups_free(c->groups);
    coord_txns_free(c->txns);
    c->groups = NULL;
    c->txns = NULL;
    enum status st = load_both(c, err);
    if (st == ST_OK)
        return ST_OK;
    coord_groups_free(c->groups);
    coord_txns_free(c->txns);
    c->groups = NULL;
    c->txns = NULL;
    return st;
}
