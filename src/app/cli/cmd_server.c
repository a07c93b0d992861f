/* weir server: a log with Kafka's door, until a signal ends it.
 *
 * The first SIGINT or SIGTERM stops it cleanly, a second one ends the process; a failed log raises the same wake-up.
 * SIGUSR1 asks for its counters, which come as messages. As long as there is neither TLS nor a password, only this machine
 * may connect, unless --allow-insecure says otherwise. */
#include "cli/cli.h"

#include "engine/server.h"

#define DEFAULT_PORT 9092
#define ADDRESSES 8u

static void say_line(void *arg, const char *line)
{
    struct cli *c = arg;
    cli_say(c, "%s\n", line);
}

static enum status no_address(struct str text, const char *option, struct error *err)
{
    error_set(err, ST_USAGE, "%s: '%.*s' is no address with a port", option, (int)(text.len < 80 ? text.len : 80), text.ptr);
    error_hint(err, "such as 127.0.0.1:9092, [::1]:9092 or localhost; a port is at most 65535");
    return ST_USAGE;
}

/* A number alone would be an address of 32 bits; whoever gives one means a port. */
static bool is_number(struct str s)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9')
        n++;
    return n == s.len;
}

/* "127.0.0.1:9092", "[::1]:0", a name; without a port the usual one. */
static enum status where(struct cli *c, struct str text, struct os_addr *ret, struct error *err)
{
    struct str host = text;
    uint16_t port = DEFAULT_PORT;
    struct os_addr found[ADDRESSES];
    uint32_t n = 0;
    bool bracket = text.len > 0 && text.ptr[text.len - 1] == ']';
    if (is_number(text) || (!bracket && str_find(text, STR(":"), 0) >= 0 && !os_addr_split(text, &host, &port)))
        return no_address(text, "--listen", err);
    if (bracket && text.len > 2)
        host = str_make(text.ptr + 1, text.len - 2);
    struct str name = arena_str(&c->arena, host);
    if (!name.ptr)
        return budget_error(c->arena.budget, host.len, err);
    if (os_addr_parse(name, port, ret))
        return ST_OK;
    TRY(c->os->ops->net_resolve(c->os, name.ptr, port, found, ADDRESSES, &n, err));
    if (n == 0)
        return error_set(err, ST_UNREACHABLE, "nobody knows the address of '%.*s'", STR_ARG(host));
    *ret = found[0];
    return ST_OK;
}

static enum status settings(struct cli *c, struct server_config *config, struct error *err)
{
    uint32_t n = 0;
    struct str key, value;
    while (args_pair(&c->args, O_SETTING, n, &key, &value))
        n++;
    struct option *given = ARENA_ARRAY(&c->arena, struct option, n + 1);
    if (!given)
        return budget_error(c->arena.budget, 0, err);
    for (uint32_t i = 0; i < n && args_pair(&c->args, O_SETTING, i, &key, &value); i++)
        given[i] = (struct option){ .name = key, .value = value };
    config->settings = given;
    config->n_settings = n;
    return ST_OK;
}

static enum status advertised(struct cli *c, struct server_config *config, struct error *err)
{
    struct str text = args_get(&c->args, O_ADVERTISE), host;
    if (!text.ptr)
        return ST_OK;
    if (!os_addr_split(text, &host, &config->advertised_port) || host.len == 0)
        return no_address(text, "--advertise", err);
    config->advertised_host = arena_str(&c->arena, host).ptr;
    return config->advertised_host ? ST_OK : budget_error(c->arena.budget, host.len, err);
}

static enum status configure(struct cli *c, struct server_config *config, struct error *err)
{
    const struct cli_args *a = &c->args;
    struct str at = args_get(a, O_LISTEN);
    if (!args_has(a, O_DATA)) {
        error_set(err, ST_USAGE, "weir server needs a directory for the log");
        error_hint(err, "weir server --data DIR");
        return ST_USAGE;
    }
    *config = (struct server_config){
        .os = c->os,
        .data_dir = args_get(a, O_DATA).ptr,
        .threads = (uint32_t)args_number(a, O_THREADS, 1),
        .open_files = c->host->open_files,
        .memory_limit = (size_t)args_number(a, O_DOOR_MEMORY, 0),
        .durability = str_eq_nocase(args_get(a, O_DURABILITY), STR("relaxed")) ? STORE_RELAXED : STORE_STRICT,
        .say = say_line,
        .arg = c,
    };
    TRY(settings(c, config, err));
    TRY(advertised(c, config, err));
    TRY(where(c, at.ptr ? at : STR("127.0.0.1"), &config->listen, err));
    if (!os_addr_is_loopback(&config->listen) && !args_has(a, O_ALLOW_INSECURE)) {
        error_set(err, ST_USAGE, "others than this machine could connect to %.*s, without a password and unencrypted",
                  STR_ARG(at));
        error_hint(err, "listen on 127.0.0.1, or say --allow-insecure");
        return ST_USAGE;
    }
    return ST_OK;
}

static void say_recovery(struct cli *c, const struct topics_report *r)
{
    char topics[CLI_TEXT], partitions[CLI_TEXT], bytes[CLI_TEXT];
    if (args_has(&c->args, O_QUIET))
        return;
    cli_say(c, "%s topic%s with %s partition%s", text_count(topics, r->topics), r->topics == 1 ? "" : "s",
            text_count(partitions, r->partitions), r->partitions == 1 ? "" : "s");
    if (!r->store.clean && r->partitions > 0)
        cli_say(c, ", recovered from %s of journal", text_bytes(bytes, r->store.replayed_bytes));
    cli_say(c, "\n");
    if (r->store.rot)
        cli_say(c, "%u segment%s damaged: weir serves what is before and behind\n", r->store.rot,
                r->store.rot == 1 ? " is" : "s are");
}

static void say(struct cli *c, const struct server *s,
                enum status (*put)(const struct server *s, struct buf *out, struct error *err))
{
    struct buf out;
    struct error err;
    buf_init(&out, c->arena.budget, (size_t)64 << 20);
    if (put(s, &out, &err) == ST_OK)
        cli_say(c, "%.*s", (int)out.len, out.data);
    else
        cli_error(c, NULL, &err);
    buf_release(&out);
}

static void until_stopped(struct cli *c, const struct server *s, struct os_signal *wake)
{
    const struct cli_host *h = c->host;
    bool stop = false;
    while (!stop) {
        if (!c->os->ops->signal_wait(c->os, wake, INT64_MAX))
            continue;
        bool asked = h->asked && h->asked();
        stop = !asked || (h->caught && h->caught()) || server_state(s, NULL) != ST_OK;
        if (asked)
            say(c, s, server_counts);
    }
    if (!args_has(&c->args, O_QUIET))
        say(c, s, server_left_behind);
}

static int stopped(struct cli *c, enum status st, const struct error *err)
{
    int caught = c->host->caught ? c->host->caught() : 0;
    if (st != ST_OK)
        return cli_fail(c, NULL, err);
    return caught ? 128 + caught : 0;
}

int cmd_server(struct cli *c)
{
    struct server_config config;
    struct server *s = NULL;
    struct error err;
    char at[OS_ADDR_TEXT];
    enum status st = configure(c, &config, &err);
    if (st != ST_OK)
        return cli_fail(c, NULL, &err);
    config.wake = c->os->ops->signal_new(c->os);
    if (!config.wake) {
        budget_error(c->arena.budget, 0, &err);
        return cli_fail(c, NULL, &err);
    }
    if (c->host->catch_stop)
        st = c->host->catch_stop(config.wake, &err);
    if (st == ST_OK && c->host->catch_asking)
        c->host->catch_asking();
    if (st == ST_OK)
        st = server_open(&config, &s, &err);
    if (st != ST_OK)
        return cli_fail(c, NULL, &err);
    struct os_addr listen = server_at(s);
    os_addr_text(&listen, at);
    say_recovery(c, server_report(s));
    cli_print(c, "listening on %s\n", at);
    until_stopped(c, s, config.wake);
    st = server_close(s, &err);
    return stopped(c, st, &err);
}
