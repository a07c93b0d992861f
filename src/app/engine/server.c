/* The order: log open (locked, recovered), its writer and tender, the door, its loops. Backwards to stop: the door
 * answers while the log still runs, so that what was asked gets its true answer; then the log's loops end, and it is
 * closed clean. A log that has failed answers too, with errors, and is abandoned. */
#include "engine/server.h"

#include <stddef.h>
#include <stdio.h>

#include "engine/embedded.h"

#define DOOR_BYTES ((size_t)256 << 20)
#define STOP_NS INT64_C(5000000000)
#define RESTING_FILES 512u
#define CONNECTIONS 10000u /* a thread */

struct server {
    struct server_config config;
    struct budget log, door;
    struct arena arena; /* settings */
    struct embedded *own;
    struct topics *topics; /* its */
    struct topics_report report;
    struct broker *broker;
};

/* One of `parts` of the files that the process may have, at most `usual`. Segments that rest get a quarter, connections
 * half: who writes is not out of them because many have come. 0 where nobody knows: the room's own number. */
static uint32_t files_for(const struct server_config *c, uint32_t parts, uint32_t usual)
{
    uint32_t n = c->open_files / parts;
    if (c->open_files && n == 0)
        return 1;
    return n < usual ? n : usual;
}

static void say_rot(void *arg, const char *file, uint64_t byte, int64_t first, int64_t last, const char *what)
{
    const struct server_config *c = arg;
    char line[1400];
    (void)byte;
    snprintf(line, sizeof line, "%s: offsets %lld to %lld cannot be read: %s; the file is left as it is", file,
             (long long)first, (long long)last, what);
    if (c->say)
        c->say(c->arg, line);
}

static void say_refused(void *arg, const struct error *why)
{
    const struct server_config *c = arg;
    char line[1400];
    snprintf(line, sizeof line, "records are refused: %s%s%s%s", why->message, why->hint[0] ? " (" : "", why->hint,
             why->hint[0] ? ")" : "");
    if (c->say)
        c->say(c->arg, line);
}

static enum status open_log(struct server *s, struct error *err)
{
    const struct server_config *c = &s->config;
    struct options given = { c->settings, c->n_settings };
    struct topics_options o = {
        .os = c->os, .path = c->data_dir, .budget = &s->log, .durability = c->durability,
        .open_files = files_for(c, 4, RESTING_FILES), .rot = say_rot,
        .refused = say_refused, .arg = &s->config,
    };
    TRY(broker_settings_check(&given, &s->arena, &o, err));
    TRY(embedded_open(&o, c->wake, &s->report, &s->own, err));
    s->topics = embedded_topics(s->own);
    return ST_OK;
}

static enum status open_door(struct server *s, struct error *err)
{
    const struct server_config *c = &s->config;
    uint32_t threads = c->threads ? c->threads : 1;
    struct broker_options o = {
        .os = c->os, .budget = &s->door, .topics = s->topics, .at = c->listen, .threads = threads,
        .max_connections = files_for(c, 2 * threads, CONNECTIONS),
        .advertised_host = c->advertised_host, .advertised_port = c->advertised_port, .data_dir = c->data_dir,
        .settings = c->settings, .n_settings = c->n_settings, .say = c->say, .arg = c->arg,
    };
    TRY(broker_open(&o, &s->broker, err));
    return broker_start(s->broker, err);
}

enum status server_open(const struct server_config *config, struct server **ret, struct error *err)
{
    struct server *s = mem_calloc(NULL, sizeof *s);
    if (!s)
        return budget_error(budget_process(), sizeof *s, err);
    s->config = *config;
    budget_init(&s->log, "log", SIZE_MAX, budget_process());
    budget_init(&s->door, "connections", config->memory_limit ? config->memory_limit : DOOR_BYTES, budget_process());
    arena_init(&s->arena, &s->log);
    enum status st = open_log(s, err);
    if (st == ST_OK)
        st = open_door(s, err);
    if (st == ST_OK) {
        *ret = s;
        return ST_OK;
    }
    enum status ignored = server_close(s, NULL);
    (void)ignored; /* the first error is the one to tell */
    return st;
}

struct os_addr server_at(const struct server *s) { return broker_at(s->broker); }
const struct topics_report *server_report(const struct server *s) { return &s->report; }
enum status server_state(const struct server *s, struct error *err) { return topics_state(s->topics, err); }

/* ---- counters ---- */

#define COUNT(name, field) { name, offsetof(struct topic_counts, field) }
static const struct {
    const char *name;
    size_t at;
} topic_counters[] = {
    COUNT("records_in", in_records),       COUNT("batches_in", in_batches),
    COUNT("bytes_in", in_bytes),           COUNT("duplicates", duplicates),
    COUNT("refused", refused),             COUNT("fetches", out_fetches),
    COUNT("bytes_out", out_bytes),         COUNT("fell_behind", fell_behind),
    COUNT("bytes_removed", trimmed_bytes), COUNT("compactions_failed", compactions_failed),
};

static bool put_counts(struct buf *out, const struct topic *p)
{
    struct topic_counts n = topic_count(p);
    bool ok = buf_printf(out, "topic=%.*s partitions=%u", STR_ARG(topic_name(p)), topic_partitions(p));
    for (size_t i = 0; ok && i < sizeof topic_counters / sizeof *topic_counters; i++) {
        uint64_t value;
        memcpy(&value, (const char *)&n + topic_counters[i].at, sizeof value);
        ok = buf_printf(out, " %s=%llu", topic_counters[i].name, (unsigned long long)value);
    }
    return ok && buf_put_u8(out, '\n');
}

static bool put_left_behind(struct buf *out, const struct topic *p)
{
    uint64_t n = topic_count(p).fell_behind;
    return n == 0 || buf_printf(out, "%.*s: %llu read%s fell behind retention\n", STR_ARG(topic_name(p)),
                                (unsigned long long)n, n == 1 ? "" : "s");
}

static enum status each_topic(const struct server *s, bool (*put)(struct buf *out, const struct topic *p),
                              struct buf *out, struct error *err)
{
    struct topic **all;
    uint32_t n = 0;
    struct arena a;
    arena_init(&a, out->budget);
    enum status st = topics_list(s->topics, &a, &all, &n, err);
    bool ok = true;
    for (uint32_t i = 0; i < n; i++) {
        ok = ok && put(out, all[i]);
        topic_unref(all[i]);
    }
    arena_release(&a);
    return st == ST_OK && !ok ? budget_error(out->budget, 0, err) : st;
}

enum status server_counts(const struct server *s, struct buf *out, struct error *err)
{
    struct broker_counts d = broker_count(s->broker);
    TRY(each_topic(s, put_counts, out, err));
    bool ok = buf_printf(out, "requests=%llu refused=%llu parked=%llu connections=%llu accepted=%llu bytes_in=%llu "
                         "bytes_out=%llu timeouts=%llu\n",
                         (unsigned long long)d.requests, (unsigned long long)d.refused, (unsigned long long)d.parked,
                         (unsigned long long)d.link.connections, (unsigned long long)d.link.accepted,
                         (unsigned long long)d.link.bytes_in, (unsigned long long)d.link.bytes_out,
                         (unsigned long long)d.link.timeouts);
    return ok ? ST_OK : budget_error(out->budget, 0, err);
}

enum status server_left_behind(const struct server *s, struct buf *out, struct error *err)
{
    return each_topic(s, put_left_behind, out, err);
}

enum status server_close(struct server *s, struct error *err)
{
    struct os *os = s->config.os;
    if (s->broker)
        broker_stop(s->broker, os_mono_ns(os) + STOP_NS);
    broker_close(s->broker);
    enum status st = embedded_close(s->own, err);
    arena_release(&s->arena);
    mem_free(NULL, s, sizeof *s);
    return st;
}
