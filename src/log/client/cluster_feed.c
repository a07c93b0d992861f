/* Feeds: reading for jobs. librdkafka's simple consumer puts a partition's records onto a queue of its own; a feed takes them
 * from there many at a time and never waits. What it took stays librdkafka's and is given back with the next take, so
 * values are looked at where they were received.
 *
 * A feed touches nothing of the handle but librdkafka's own parts, which any thread may use; so tasks read while another
 * thread asks for metadata. */
#include "client/cluster_private.h"
#include "client/rdkafka.h"

struct cluster_feed {
    struct cluster *c;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    int32_t partition;
    bool started, headers;
    void (*news)(void *arg);
    void *arg;
    struct arena arena; /* name; headers of the record looked at last */
    rd_kafka_message_t *taken[CLUSTER_BATCH];
    uint32_t n_taken;
};

static void on_news(rd_kafka_t *rk, void *opaque)
{
    struct cluster_feed *f = opaque;
    (void)rk;
    f->news(f->arg);
}

static enum status start(struct cluster_feed *f, const struct cluster_feed_options *o, struct error *err)
{
    struct str name = arena_str(&f->arena, o->topic);
    if (!name.ptr)
        return budget_error(f->arena.budget, o->topic.len, err);
    f->topic = rdk.topic_new(f->c->rk, name.ptr, NULL);
    if (!f->topic)
        return cluster_code_error(f->c, (int)rdk.last_error(), name.ptr, NULL, err);
    f->queue = rdk.queue_new(f->c->rk);
    if (o->news)
        rdk.queue_cb_event_enable(f->queue, on_news, f);
    if (rdk.consume_start_queue(f->topic, o->partition, o->offset, f->queue) != 0)
        return cluster_code_error(f->c, (int)rdk.last_error(), name.ptr, NULL, err);
    f->started = true;
    return ST_OK;
}

enum status cluster_feed_open(struct cluster *c, const struct cluster_feed_options *o, struct cluster_feed **ret,
                              struct error *err)
{
    struct cluster_feed *f = mem_calloc(NULL, sizeof *f);
    if (!f)
        return budget_error(budget_process(), sizeof *f, err);
    f->c = c;
    f->partition = o->partition;
    f->headers = o->headers;
    f->news = o->news;
    f->arg = o->arg;
    arena_init(&f->arena, budget_process());
    enum status st = start(f, o, err);
    if (st != ST_OK) {
        cluster_feed_close(f);
        return st;
    }
    *ret = f;
    return ST_OK;
}

static void give_back(struct cluster_feed *f)
{
    for (uint32_t i = 0; i < f->n_taken; i++)
        rdk.message_destroy(f->taken[i]);
    f->n_taken = 0;
}

void cluster_feed_close(struct cluster_feed *f)
{
    if (!f)
        return;
    give_back(f);
    if (f->queue)
        rdk.queue_cb_event_enable(f->queue, NULL, NULL);
    if (f->started)
        cluster_partition_end(f->c, f->topic, f->partition);
    if (f->queue)
        rdk.queue_destroy(f->queue);
    if (f->topic)
        rdk.topic_destroy(f->topic);
    arena_release(&f->arena);
    mem_free(NULL, f, sizeof *f);
}

uint32_t cluster_feed_take(struct cluster_feed *f)
{
    give_back(f);
    ssize_t n = rdk.consume_batch_queue(f->queue, 0, f->taken, CLUSTER_BATCH);
    f->n_taken = n > 0 ? (uint32_t)n : 0;
    if (f->n_taken == 0)
        rdk.poll(f->c->rk, 0); /* words about connections */
    return f->n_taken;
}

enum status cluster_feed_at(struct cluster_feed *f, uint32_t i, enum cluster_event *ret_event, struct cluster_record *ret,
                            struct error *err)
{
    const rd_kafka_message_t *m = f->taken[i];
    *ret_event = CLUSTER_QUIET;
    if (m->err == RD_KAFKA_RESP_ERR__TRANSPORT) /* it connects again by itself */
        return ST_OK;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR && m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return cluster_message_error(f->c, m, err);
    cluster_answers(f->c);
    *ret = cluster_record_of(m);
    *ret_event = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ? CLUSTER_AT_END : CLUSTER_RECORD;
    return f->headers && *ret_event == CLUSTER_RECORD ? cluster_headers_of(m, &f->arena, ret, err) : ST_OK;
}
