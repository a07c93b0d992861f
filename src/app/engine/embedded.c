/* The log's three loops on threads of their own, started after it is open and joined before it is closed. */
#include "engine/embedded.h"

struct embedded {
    struct os *os;
    struct topics *topics;
    struct os_thread *threads[3];
};

static const struct {
    const char *name;
    void (*run)(void *topics);
} loops[] = {
    { "log-writer", topics_run_writer }, { "log-tender", topics_run_tender }, { "log-cleaner", topics_run_cleaner },
};

enum status embedded_open(const struct topics_options *o, struct os_signal *failed, struct topics_report *ret_report,
                          struct embedded **ret, struct error *err)
{
    struct embedded *l = mem_calloc(NULL, sizeof *l);
    if (!l)
        return budget_error(budget_process(), sizeof *l, err);
    l->os = o->os;
    enum status st = topics_open(o, &l->topics, ret_report, err);
    if (st == ST_OK && failed)
        topics_on_failure(l->topics, failed);
    for (uint32_t i = 0; st == ST_OK && i < 3; i++)
        st = o->os->ops->thread_start(o->os, loops[i].name, loops[i].run, l->topics, &l->threads[i], err);
    if (st != ST_OK) {
        enum status ignored = embedded_close(l, NULL);
        (void)ignored; /* the first error is the one to tell */
        return st;
    }
    *ret = l;
    return ST_OK;
}

struct topics *embedded_topics(const struct embedded *l)
{
    return l->topics;
}

enum status embedded_close(struct embedded *l, struct error *err)
{
    enum status st = ST_OK;
    if (!l)
        return ST_OK;
    if (l->topics) {
        topics_stop(l->topics);
        for (uint32_t i = 0; i < 3; i++)
            if (l->threads[i])
                l->os->ops->thread_join(l->os, l->threads[i]);
        st = topics_state(l->topics, err);
        if (st == ST_OK)
            st = topics_close(l->topics, err);
        else
            topics_abandon(l->topics);
    }
    mem_free(NULL, l, sizeof *l);
    return st;
}
