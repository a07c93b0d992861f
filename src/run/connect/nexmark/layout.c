/* Where Nexmark's fields go in a table: columns and fields are found by name, so a table may leave some out or
 * have them in another order. What has a name that Nexmark does not know, or another type, is refused. */
#include "nexmark.h"

enum shape { SHAPE_NUMBER, SHAPE_TIME, SHAPE_TEXT };

static const struct {
    enum nex_kind kind;
    const char *name;
    enum shape shape;
} fields[NEX_FIELDS] = {
    [PERSON_ID] = { NEX_PERSON, "id", SHAPE_NUMBER },
    [PERSON_NAME] = { NEX_PERSON, "name", SHAPE_TEXT },
    [PERSON_EMAIL] = { NEX_PERSON, "emailAddress", SHAPE_TEXT },
    [PERSON_CARD] = { NEX_PERSON, "creditCard", SHAPE_TEXT },
    [PERSON_CITY] = { NEX_PERSON, "city", SHAPE_TEXT },
    [PERSON_STATE] = { NEX_PERSON, "state", SHAPE_TEXT },
    [PERSON_TIME] = { NEX_PERSON, "dateTime", SHAPE_TIME },
    [PERSON_EXTRA] = { NEX_PERSON, "extra", SHAPE_TEXT },
    [AUCTION_ID] = { NEX_AUCTION, "id", SHAPE_NUMBER },
    [AUCTION_ITEM] = { NEX_AUCTION, "itemName", SHAPE_TEXT },
    [AUCTION_DESCRIPTION] = { NEX_AUCTION, "description", SHAPE_TEXT },
    [AUCTION_INITIAL] = { NEX_AUCTION, "initialBid", SHAPE_NUMBER },
    [AUCTION_RESERVE] = { NEX_AUCTION, "reserve", SHAPE_NUMBER },
    [AUCTION_TIME] = { NEX_AUCTION, "dateTime", SHAPE_TIME },
    [AUCTION_EXPIRES] = { NEX_AUCTION, "expires", SHAPE_TIME },
    [AUCTION_SELLER] = { NEX_AUCTION, "seller", SHAPE_NUMBER },
    [AUCTION_CATEGORY] = { NEX_AUCTION, "category", SHAPE_NUMBER },
    [AUCTION_EXTRA] = { NEX_AUCTION, "extra", SHAPE_TEXT },
    [BID_AUCTION] = { NEX_BID, "auction", SHAPE_NUMBER },
    [BID_BIDDER] = { NEX_BID, "bidder", SHAPE_NUMBER },
    [BID_PRICE] = { NEX_BID, "price", SHAPE_NUMBER },
    [BID_CHANNEL] = { NEX_BID, "channel", SHAPE_TEXT },
    [BID_URL] = { NEX_BID, "url", SHAPE_TEXT },
    [BID_TIME] = { NEX_BID, "dateTime", SHAPE_TIME },
    [BID_EXTRA] = { NEX_BID, "extra", SHAPE_TEXT },
};
static const char *const columns[NEX_KINDS] = { "person", "auction", "bid" };

static bool fits(enum shape shape, const struct type *t)
{
    switch (shape) {
    case SHAPE_NUMBER:
        return t->kind == TYPE_BIGINT;
    case SHAPE_TIME:
        return type_is_timestamp(t) && t->precision >= 3;
    default:
        return t->kind == TYPE_VARCHAR && t->precision == TYPE_UNBOUNDED;
    }
}

static enum status refuse(const struct table_desc *t, const char *column, struct str field, const char *why,
                          struct error *err)
{
    error_set(err, ST_SEMANTIC, "table '%.*s': connector 'nexmark' %s '%s%s%.*s'", STR_ARG(t->name), why, column,
              column[0] && field.len ? "." : "", STR_ARG(field));
    error_hint(err, "columns are event_type INT, person ROW<…>, auction ROW<…>, bid ROW<…> as in Nexmark's "
                    "ddl_gen.sql: BIGINT, STRING and TIMESTAMP(3) fields");
    return ST_SEMANTIC;
}

static enum status read_row(const struct table_desc *t, enum nex_kind kind, const struct type *row,
                            const struct need *need, struct nex_layout *l, struct error *err)
{
    if (row->kind != TYPE_ROW || row->n_fields > 12 || !row->nullable)
        return refuse(t, columns[kind], STR(""), "needs a nullable ROW as", err);
    for (uint32_t i = 0; i < row->n_fields; i++) {
        struct str name = row->fields[i].name;
        uint32_t f = 0;
        while (f < NEX_FIELDS && (fields[f].kind != kind || !str_eq(name, str_from(fields[f].name))))
            f++;
        if (f == NEX_FIELDS)
            return refuse(t, columns[kind], name, "has no field", err);
        if (!fits(fields[f].shape, row->fields[i].type))
            return refuse(t, columns[kind], name, "has another type for", err);
        l->targets[kind][l->n_targets[kind]++] =
            (struct nex_target){ f, i, !need || !need->fields || need->fields[i].used };
    }
    return ST_OK;
}

enum status nex_layout_read(const struct table_desc *t, const struct need *needs, struct nex_layout *ret,
                            struct error *err)
{
    struct nex_layout l = { .column = { -1, -1, -1 }, .type_column = -1 };
    for (uint32_t i = 0; i < t->physical.n_fields; i++) {
        const struct field *f = &t->physical.fields[i];
        bool used = !needs || needs[i].used;
        if (str_eq(f->name, STR("event_type"))) {
            if (f->type->kind != TYPE_INT)
                return refuse(t, "", f->name, "needs an INT as", err);
            l.type_column = (int32_t)i;
            l.type_used = used;
            continue;
        }
        enum nex_kind kind = 0;
        while (kind < NEX_KINDS && !str_eq(f->name, str_from(columns[kind])))
            kind++;
        if (kind == NEX_KINDS)
            return refuse(t, "", f->name, "has no column", err);
        l.column[kind] = (int32_t)i;
        l.used[kind] = used;
        TRY(read_row(t, kind, f->type, needs ? &needs[i] : NULL, &l, err));
    }
    *ret = l;
    return ST_OK;
}
