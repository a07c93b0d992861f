/* What the commands that speak to a cluster share. */
#include "cli/kafka.h"

#include "data/time.h"
#include "text/text.h"

#define SECOND_MS 1000

bool kafka_stopped(const struct kafka *k)
{
    return k->c->host->caught && k->c->host->caught() != 0;
}

static bool stopped(void *arg)
{
    const struct kafka *k = arg;
    return !k->finishing && kafka_stopped(k);
}

static enum status settings(struct cli *c, struct cluster_options *o, struct error *err)
{
    uint32_t n = 0;
    struct str key, value;
    while (args_pair(&c->args, O_CLIENT_SET, n, &key, &value))
        n++;
    struct option *given = ARENA_ARRAY(&c->arena, struct option, n + 1);
    if (!given)
        return budget_error(c->arena.budget, 0, err);
    for (uint32_t i = 0; i < n && args_pair(&c->args, O_CLIENT_SET, i, &key, &value); i++)
        given[i] = (struct option){ .name = key, .value = value };
    o->settings = given;
    o->n_settings = n;
    return ST_OK;
}

enum status kafka_open(struct cli *c, bool producer, struct kafka *ret, struct error *err)
{
    struct str brokers = args_get(&c->args, O_BROKERS);
    struct cluster_options o = {
        .os = c->os,
        .brokers = brokers.ptr ? brokers : STR("127.0.0.1:9092"),
        .timeout_ms = args_number(&c->args, O_TIMEOUT, 0),
        .stopped = stopped,
        .arg = ret,
        .producer = producer,
        .uncommitted = !str_eq(str_from(c->command->name), STR("consume")) || args_has(&c->args, O_UNCOMMITTED),
        .group = str_eq(str_from(c->command->name), STR("group")) ? STR("weir") : (struct str){ NULL, 0 },
    };
    *ret = (struct kafka){ .c = c, .signal = c->os->ops->signal_new(c->os) };
    if (!ret->signal)
        return budget_error(c->arena.budget, 0, err);
    if (c->host->catch_stop)
        TRY(c->host->catch_stop(ret->signal, err));
    TRY(settings(c, &o, err));
    return cluster_open(&o, &ret->cluster, err);
}

/* The wake-up stays: a late signal may still raise it. */
int kafka_end(struct kafka *k, enum status st, const struct error *err)
{
    struct cli *c = k->c;
    cluster_close(k->cluster);
    if (atomic_load(&c->pipe_closed))
        return 0;
    if (kafka_stopped(k))
        return 128 + c->host->caught();
    return st == ST_OK ? 0 : cli_fail(c, NULL, err);
}

/* ---- actions ---- */

enum status kafka_no_room(const struct kafka_command *a, struct error *err)
{
    return budget_error(a->out.budget, 0, err);
}

static bool takes(const struct kafka_action *a, enum cli_option_id id)
{
    bool found = id == O_BROKERS || id == O_CLIENT_SET || id == O_TIMEOUT;
    for (size_t i = 0; !found && i < sizeof a->takes / sizeof *a->takes && a->takes[i] != O_HELP; i++)
        found = a->takes[i] == id;
    return found;
}

static enum status check_action(const struct cli *c, const struct kafka_action *a, struct error *err)
{
    const struct cli_args *args = &c->args;
    error_clear(err);
    if (args->n_rest < a->least || args->n_rest > a->most)
        error_set(err, ST_USAGE, "%s %.*s: %s", c->command->name, STR_ARG(a->name),
                  args->n_rest < a->least ? "an argument is missing" : "too many arguments");
    for (uint32_t i = 0; err->status == ST_OK && i < args->n_given; i++)
        if (!takes(a, args->given[i].id))
            error_set(err, ST_USAGE, "%s %.*s takes no %s", c->command->name, STR_ARG(a->name),
                      cli_options[args->given[i].id].spec.name);
    if (err->status != ST_OK)
        error_hint(err, "%s", a->usage);
    return err->status;
}

static const struct kafka_action *action_of(struct cli *c, const struct kafka_action *actions, uint32_t n,
                                            struct error *err)
{
    struct str name = c->args.rest[0], *names = ARENA_ARRAY(&c->arena, struct str, n);
    for (uint32_t i = 0; i < n; i++) {
        if (str_eq(name, actions[i].name))
            return check_action(c, &actions[i], err) == ST_OK ? &actions[i] : NULL;
        if (names)
            names[i] = actions[i].name;
    }
    struct str near = names ? str_nearest(name, names, n) : (struct str){ NULL, 0 };
    error_set(err, ST_USAGE, "%s: unknown action '%.*s'", c->command->name, (int)(name.len < 80 ? name.len : 80),
              name.ptr);
    if (near.ptr)
        error_hint(err, "did you mean 'weir %s %.*s'?", c->command->name, STR_ARG(near));
    else
        error_hint(err, "weir %s %s", c->command->name, c->command->args);
    return NULL;
}

int kafka_run(struct cli *c, const struct kafka_action *actions, uint32_t n)
{
    struct kafka_command a = { .k.c = c };
    struct error err;
    const struct kafka_action *action = action_of(c, actions, n, &err);
    if (!action)
        return cli_fail(c, NULL, &err);
    struct str form = args_get(&c->args, O_FORM);
    a.json = form.ptr && str_eq_nocase(form, STR("json"));
    a.name = c->args.n_rest > 1 ? c->args.rest[1] : STR("");
    buf_init(&a.out, c->arena.budget, (size_t)1 << 30);
    enum status st = kafka_open(c, false, &a.k, &err);
    if (st == ST_OK)
        st = action->run(&a, &err);
    if (st == ST_OK)
        st = cli_write(c, buf_str(&a.out), &err);
    buf_release(&a.out);
    return kafka_end(&a.k, st, &err);
}

/* ---- offsets in words ---- */

static bool time_of(struct str text, int64_t *ret_ms)
{
    int32_t offset_s = INT32_MIN;
    if (text.len < 2 || text.ptr[0] != '@')
        return false;
    text = str_make(text.ptr + 1, text.len - 1);
    if (str_to_i64(text, ret_ms))
        return *ret_ms >= 0;
    if (!timestamp_parse(text, 3, ret_ms, &offset_s))
        return false;
    if (offset_s != INT32_MIN)
        *ret_ms -= (int64_t)offset_s * SECOND_MS;
    return *ret_ms >= 0;
}

enum status kafka_place(struct str text, bool may_end, struct kafka_place *ret, struct error *err)
{
    *ret = (struct kafka_place){ .kind = PLACE_START, .until = INT64_MAX };
    if (!text.ptr || str_eq(text, STR("start")))
        return ST_OK;
    if (str_eq(text, STR("end"))) {
        ret->kind = PLACE_END;
        return ST_OK;
    }
    if (text.len > 0 && text.ptr[0] == '@') {
        int64_t colon = str_find(text, STR(":@"), 0);
        struct str from = colon < 0 ? text : str_make(text.ptr, (size_t)colon);
        ret->kind = PLACE_TIME;
        if (colon >= 0 && !may_end)
            return error_set(err, ST_USAGE, "'%.*s': here an offset has no end", (int)(text.len < 80 ? text.len : 80),
                             text.ptr);
        if (time_of(from, &ret->n) &&
            (colon < 0 || time_of(str_make(text.ptr + colon + 1, text.len - (size_t)colon - 1), &ret->until))) {
            if (ret->until >= ret->n)
                return ST_OK;
            return error_set(err, ST_USAGE, "'%.*s' ends before it begins", (int)(text.len < 80 ? text.len : 80), text.ptr);
        }
    } else if (str_to_i64(text, &ret->n) && ret->n > INT64_MIN) {
        bool back = text.ptr[0] == '-';
        ret->kind = back ? PLACE_BACK : PLACE_AT;
        ret->n = back ? -ret->n : ret->n;
        return ST_OK;
    }
    error_set(err, ST_USAGE, "'%.*s' is no offset", (int)(text.len < 80 ? text.len : 80), text.ptr);
    error_hint(err, "start, end, N, -N, @TIME or @TIME:@TIME; a time as 2026-01-02 03:04:05 or in milliseconds");
    return ST_USAGE;
}

static enum status span_of(const struct cluster_topic *t, int32_t p, bool only, const struct kafka_place *place,
                           const int64_t *from, const int64_t *until, struct kafka_span *s, struct error *err)
{
    int64_t at = place->kind == PLACE_START  ? s->first
                 : place->kind == PLACE_END  ? s->end
                 : place->kind == PLACE_AT   ? place->n
                 : place->kind == PLACE_BACK ? s->end - (place->n < s->end ? place->n : s->end)
                                             : from[p];
    if (place->kind == PLACE_AT && only && (at < s->first || at > s->end))
        return error_set(err, ST_USAGE, "'%.*s' partition %d has no offset %lld: it holds %lld to %lld",
                         STR_ARG(t->name), p, (long long)at, (long long)s->first, (long long)s->end);
    s->at = at < s->first ? s->first : at > s->end ? s->end : at;
    s->until = place->until < INT64_MAX ? until[p] : s->end;
    s->taken = true;
    return ST_OK;
}

enum status kafka_spans(struct kafka *k, const struct cluster_topic *t, int64_t only, const struct kafka_place *place,
                        struct kafka_span **ret, struct error *err)
{
    struct arena *a = &k->c->arena;
    uint32_t n = t->n_partitions;
    struct kafka_span *spans = ARENA_ARRAY(a, struct kafka_span, n + 1);
    int64_t *from = ARENA_ARRAY(a, int64_t, n + 1), *until = ARENA_ARRAY(a, int64_t, n + 1);
    if (!spans || !from || !until)
        return budget_error(a->budget, 0, err);
    if (only >= (int64_t)n)
        return error_set(err, ST_NOT_FOUND, "'%.*s' has no partition %lld: it has %u", STR_ARG(t->name),
                         (long long)only, n);
    if (place->kind == PLACE_TIME)
        TRY(cluster_offsets_at(k->cluster, t->name, n, place->n, from, err));
    if (place->until < INT64_MAX)
        TRY(cluster_offsets_at(k->cluster, t->name, n, place->until, until, err));
    for (uint32_t p = 0; p < n; p++) {
        if (only >= 0 && only != (int64_t)p)
            continue;
        TRY(cluster_bounds(k->cluster, t->name, (int32_t)p, &spans[p].first, &spans[p].end, err));
        TRY(span_of(t, (int32_t)p, only >= 0 || n == 1, place, from, until, &spans[p], err));
    }
    *ret = spans;
    return ST_OK;
}

/* ---- bytes ---- */

bool kafka_put_hex(struct buf *out, struct str s)
{
    bool ok = true;
    for (size_t i = 0; ok && i < s.len; i++)
        ok = buf_put_u8(out, (uint8_t) "0123456789abcdef"[(uint8_t)s.ptr[i] >> 4]) &&
             buf_put_u8(out, (uint8_t) "0123456789abcdef"[(uint8_t)s.ptr[i] & 15]);
    return ok;
}

bool kafka_put_member(struct buf *out, const char *name, struct str s, bool as_json)
{
    size_t at;
    const char *fault;
    if (!s.ptr)
        return buf_printf(out, "\"%s\":null", name);
    if (as_json && s.len > 0 && json_valid(s, &at, &fault) && !memchr(s.ptr, '\n', s.len))
        return buf_printf(out, "\"%s\":", name) && buf_put(out, s.ptr, s.len);
    if (utf8_valid(s))
        return buf_printf(out, "\"%s\":", name) && json_put_string(out, s);
    return buf_printf(out, "\"%s_hex\":\"", name) && kafka_put_hex(out, s) && buf_put_u8(out, '"');
}
