/* weir gen: the rows of a generator on standard output. The SQL that does it is put together here and run like any
 * other; the columns of nexmark are those of the benchmark's own DDL. */
#include "cli/cli.h"

#define PERSON                                                                                                         \
    "id BIGINT, name STRING, emailAddress STRING, creditCard STRING, city STRING, state STRING, "                      \
    "`dateTime` TIMESTAMP(3), extra STRING"
#define AUCTION                                                                                                        \
    "id BIGINT, itemName STRING, description STRING, initialBid BIGINT, reserve BIGINT, `dateTime` TIMESTAMP(3), "     \
    "expires TIMESTAMP(3), seller BIGINT, category BIGINT, extra STRING"
#define BID                                                                                                            \
    "auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, `dateTime` TIMESTAMP(3), extra STRING"
#define EVENT "event_type INT, person ROW<" PERSON ">, auction ROW<" AUCTION ">, bid ROW<" BID ">"

struct generator {
    const char *name, *schema, *rows, *seed, *rate, *also; /* names of options; also: set when a rate is given */
    const char *unlimited;                                 /* set when no rate is given */
};
static const struct generator generators[] = {
    { "nexmark", EVENT, "stop-at", "seed", "first-event.rate", "'rate.limited' = 'true'", NULL },
    { "datagen", NULL, "number-of-rows", "seed", "rows-per-second", NULL, "'rows-per-second' = '0'" },
};

/* Events of one kind: their columns, and the row that holds them. */
static const struct kind {
    const char *name, *schema, *fields;
    int type;
} kinds[] = {
    { "person", PERSON,
      "person.id, person.name, person.emailAddress, person.creditCard, person.city, person.state, "
      "person.`dateTime`, person.extra",
      0 },
    { "auction", AUCTION,
      "auction.id, auction.itemName, auction.description, auction.initialBid, auction.reserve, "
      "auction.`dateTime`, auction.expires, auction.seller, auction.category, auction.extra",
      1 },
    { "bid", BID, "bid.auction, bid.bidder, bid.price, bid.channel, bid.url, bid.`dateTime`, bid.extra", 2 },
};

static bool put_quoted(struct buf *out, struct str s)
{
    bool ok = buf_put_u8(out, '\'');
    for (size_t i = 0; ok && i < s.len; i++)
        ok = (s.ptr[i] != '\'' || buf_put_u8(out, '\'')) && buf_put_u8(out, (uint8_t)s.ptr[i]);
    return ok && buf_put_u8(out, '\'');
}

static bool put_option(struct buf *out, const char *name, struct str value)
{
    return buf_printf(out, ",\n  '%s' = ", name) && put_quoted(out, value);
}

/* --rows, --seed and --rate are options of the connector under their own names; --option says the rest. */
static bool put_source(struct buf *out, const struct cli_args *a, const struct generator *g, struct str schema)
{
    bool ok = buf_printf(out, "CREATE TABLE gen (%.*s) WITH (\n  'connector' = '%s'", STR_ARG(schema), g->name);
    if (ok && args_has(a, O_ROWS))
        ok = put_option(out, g->rows, args_get(a, O_ROWS));
    if (ok && args_has(a, O_SEED))
        ok = put_option(out, g->seed, args_get(a, O_SEED));
    if (ok && args_has(a, O_RATE))
        ok = put_option(out, g->rate, args_get(a, O_RATE)) && (!g->also || buf_printf(out, ",\n  %s", g->also));
    else if (ok && g->unlimited)
        ok = buf_printf(out, ",\n  %s", g->unlimited);
    struct str key, value;
    for (uint32_t i = 0; ok && args_pair(a, O_OPTION, i, &key, &value); i++)
        ok = buf_printf(out, ",\n  ") && put_quoted(out, key) && buf_printf(out, " = ") && put_quoted(out, value);
    return ok && buf_printf(out, "\n);\n");
}

static bool put_script(struct buf *out, const struct cli_args *a, const struct generator *g, const struct kind *only,
                       struct str schema)
{
    struct str columns = only ? str_from(only->schema) : schema;
    bool csv = str_eq_nocase(args_get(a, O_FORMAT), STR("csv"));
    bool ok = put_source(out, a, g, schema) &&
              buf_printf(out, "CREATE TABLE rows_out (%.*s) WITH ('connector' = 'stdout', 'format' = '%s'%s);\n",
                         STR_ARG(columns), csv ? "csv" : "json", csv ? ", 'csv.header' = 'names'" : "");
    if (!ok || !only)
        return ok && buf_printf(out, "INSERT INTO rows_out SELECT * FROM gen;\n");
    return buf_printf(out, "INSERT INTO rows_out SELECT %s FROM gen WHERE event_type = %d;\n", only->fields,
                      only->type);
}

static const struct kind *kind_of(struct str name)
{
    for (size_t i = 0; name.ptr && i < sizeof kinds / sizeof *kinds; i++)
        if (str_eq_nocase(name, str_from(kinds[i].name)))
            return &kinds[i];
    return NULL;
}

static const struct generator *generator_of(struct str name, struct error *err)
{
    struct str names[sizeof generators / sizeof *generators];
    for (size_t i = 0; i < sizeof generators / sizeof *generators; i++) {
        names[i] = str_from(generators[i].name);
        if (str_eq(name, names[i]))
            return &generators[i];
    }
    struct str near = str_nearest(name, names, sizeof generators / sizeof *generators);
    error_set(err, ST_USAGE, "unknown generator '%.*s'", (int)(name.len < 80 ? name.len : 80), name.ptr);
    if (near.ptr)
        error_hint(err, "did you mean '%.*s'?", STR_ARG(near));
    else
        error_hint(err, "weir gen nexmark | datagen");
    return NULL;
}

/* What belongs to one generator only. */
static enum status check_use(const struct cli_args *a, const struct generator *g, struct error *err)
{
    bool own = !g->schema;
    if (own && !args_get(a, O_SCHEMA).len) {
        error_set(err, ST_USAGE, "gen %s: --schema is missing", g->name);
        error_hint(err, "weir gen %s --schema 'id BIGINT, name STRING'", g->name);
        return ST_USAGE;
    }
    if (!own && args_has(a, O_SCHEMA))
        return error_set(err, ST_USAGE, "gen %s: the columns are fixed, --schema is for datagen", g->name);
    if (own && args_has(a, O_ONLY))
        return error_set(err, ST_USAGE, "gen %s: --only is for nexmark", g->name);
    return ST_OK;
}

int cmd_gen(struct cli *c)
{
    struct error err;
    const struct generator *g = generator_of(c->args.rest[0], &err);
    if (!g || check_use(&c->args, g, &err) != ST_OK)
        return cli_fail(c, NULL, &err);
    struct buf sql;
    buf_init(&sql, c->arena.budget, 1 << 20);
    struct str schema = g->schema ? str_from(g->schema) : args_get(&c->args, O_SCHEMA);
    int code;
    if (put_script(&sql, &c->args, g, kind_of(args_get(&c->args, O_ONLY)), schema)) {
        struct script script = { STR("<generated>"), buf_str(&sql) };
        struct runner r = { .c = c, .script = &script, .config = runner_config(c) };
        code = runner_run(&r, NULL);
    } else {
        budget_error(c->arena.budget, sql.len, &err);
        code = cli_fail(c, NULL, &err);
    }
    buf_release(&sql);
    return code;
}
