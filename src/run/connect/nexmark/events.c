/* Nexmark's events: people, auctions and bids in fixed proportions, by event number.
 *
 * The facts are those of the benchmark's own generator (nexmark/nexmark): event numbers begin at 1 and event ids
 * at 2; of every person+auction+bid shares ids in a row the first are people, the next auctions, the rest bids;
 * ids of people and auctions begin at 1000, bidders' at 2000; hot ratios, leads, price 10^(6u) × 100, lengths of
 * strings, padding by 'avg-size', time from the rate. Two things differ: random numbers are a function of seed,
 * event and field instead of one sequence, so an event is the same whichever split makes it and whatever fields
 * are left out; and the base time is fixed unless given.
 *
 * A batch is made by kind: the rows of each kind are listed first, then each wanted field is filled by one loop
 * over its list. Channels, urls and padding lie in one counted buffer that batches reference. */
#include "nexmark.h"

#define FIRST_ID 1000
#define FIRST_CATEGORY 10
#define CATEGORIES 5
#define HOT_SPACING 100 /* the hot one is the first of so many */
#define AUCTION_LEAD 10
#define PERSON_LEAD 10
#define AUCTIONS_IN_FLIGHT 100
#define PEOPLE_ACTIVE 1000
#define FIRST_EVENT 1 /* number; its id is one more */

static const char *const first_names[] = { "Peter", "Paul", "Luke", "John", "Saul", "Vicky",
                                           "Kate", "Julie", "Sarah", "Deiter", "Walter" };
static const char *const last_names[] = { "Shultz", "Abrams", "Spencer", "White", "Bartels",
                                          "Walton", "Smith", "Jones", "Noris" };
static const char *const cities[] = { "Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland",
                                      "Bend", "Redmond", "Seattle", "Kent", "Cheyenne" };
static const char *const states[] = { "AZ", "CA", "ID", "OR", "WA", "WY" };
static const char *const hot_channels[] = { "Google", "Facebook", "Baidu", "Apple" };
#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])

/* One event while its batch is made. */
struct event {
    int64_t number, ms;
    int64_t round;  /* of shares */
    uint64_t seed;
    uint32_t offset; /* in the round */
    uint32_t row;
};

struct filling {
    const struct nex_rules *rules;
    const struct nex_strings *strings;
    struct batch *out;
    const struct event *events;
    uint32_t n;
};

/* ---- random values of an event; `place` tells its fields apart ---- */

enum place { AT_HOT, AT_PICK, AT_HOT2, AT_PICK2, AT_PRICE, AT_PRICE2, AT_CHANNEL, AT_CHANNEL2, AT_EXTRA, AT_EXTRA2,
             AT_NAME, AT_NAME2, AT_MAIL, AT_CARD, AT_CITY, AT_STATE, AT_CATEGORY, AT_LENGTH, AT_ITEM, AT_TEXT };

static inline uint64_t below(const struct event *e, enum place place, uint64_t n)
{
    return random_below(random_at(e->seed, place), n);
}

static inline int64_t hot_of(int64_t last)
{
    return last / HOT_SPACING * HOT_SPACING;
}

static int64_t price(const struct nex_strings *s, const struct event *e, enum place place)
{
    uint64_t bits = random_at(e->seed, place);
    return (int64_t)(s->coarse[bits >> 54] * s->fine[bits >> 44 & (NEX_PRICE_STEPS - 1)] + 0.5);
}

int64_t nex_time_ms(const struct nex_rules *r, int64_t number)
{
    return r->base_ms + (int64_t)((double)number * r->event_us) / 1000;
}

/* ---- ids ---- */

static inline int64_t last_person(const struct nex_rules *r, const struct event *e)
{
    return e->round * r->person_share + (e->offset < r->person_share ? e->offset : r->person_share - 1);
}

static inline int64_t last_auction(const struct nex_rules *r, const struct event *e)
{
    int64_t offset = e->offset - r->person_share;
    if (offset < 0)
        return e->round * r->auction_share - 1; /* of the round before */
    return e->round * r->auction_share + (offset < r->auction_share ? offset : r->auction_share - 1);
}

static int64_t any_person(const struct nex_rules *r, const struct event *e, enum place place)
{
    int64_t people = last_person(r, e) + 1;
    int64_t active = people < PEOPLE_ACTIVE ? people : PEOPLE_ACTIVE;
    return people - active + (int64_t)below(e, place, (uint64_t)(active + PERSON_LEAD));
}

static int64_t any_auction(const struct nex_rules *r, const struct event *e, enum place place)
{
    int64_t last = last_auction(r, e);
    int64_t first = last > AUCTIONS_IN_FLIGHT ? last - AUCTIONS_IN_FLIGHT : 0;
    return first + (int64_t)below(e, place, (uint64_t)(last - first + 1 + AUCTION_LEAD));
}

static int64_t bid_auction(const struct nex_rules *r, const struct event *e)
{
    bool hot = below(e, AT_HOT, (uint64_t)r->hot_auctions) > 0;
    return FIRST_ID + (hot ? hot_of(last_auction(r, e)) : any_auction(r, e, AT_PICK));
}

/* The benchmark adds the first id twice here; so do we. */
static int64_t bid_bidder(const struct nex_rules *r, const struct event *e)
{
    bool hot = below(e, AT_HOT2, (uint64_t)r->hot_bidders) > 0;
    return 2 * FIRST_ID + (hot ? hot_of(last_person(r, e)) + 1 : any_person(r, e, AT_PICK2));
}

static int64_t auction_seller(const struct nex_rules *r, const struct event *e)
{
    bool hot = below(e, AT_HOT, (uint64_t)r->hot_sellers) > 0;
    return FIRST_ID + (hot ? hot_of(last_person(r, e)) : any_person(r, e, AT_PICK));
}

static int64_t auction_expires(const struct nex_rules *r, const struct event *e)
{
    int64_t events = AUCTIONS_IN_FLIGHT * r->all_shares / r->auction_share;
    int64_t horizon = nex_time_ms(r, e->number + events) - e->ms;
    int64_t n = horizon * 2 > 1 ? horizon * 2 : 1;
    return e->ms + 1 + (int64_t)below(e, AT_LENGTH, (uint64_t)n);
}

/* ---- strings ---- */

static uint32_t put_text(char *out, const char *text)
{
    size_t n = strlen(text);
    memcpy(out, text, n);
    return (uint32_t)n;
}

static uint32_t name_text(const struct event *e, char *out)
{
    uint32_t n = put_text(out, first_names[below(e, AT_NAME, COUNT_OF(first_names))]);
    out[n++] = ' ';
    return n + put_text(out + n, last_names[below(e, AT_NAME2, COUNT_OF(last_names))]);
}

static uint32_t email_text(const struct event *e, char *out)
{
    uint64_t seed = random_at(e->seed, AT_MAIL);
    uint32_t n = nex_letters(seed, 7, ' ', out);
    out[n++] = '@';
    n += nex_letters(~seed, 5, ' ', out + n);
    return n + put_text(out + n, ".com");
}

static uint32_t card_text(const struct event *e, char *out)
{
    uint64_t bits = random_at(e->seed, AT_CARD);
    uint32_t n = 0;
    for (uint32_t i = 0; i < 4; i++, bits >>= 16) {
        uint32_t four = (uint32_t)((bits & 0xffff) * 10000 >> 16);
        if (i)
            out[n++] = ' ';
        for (uint32_t unit = 1000; unit; unit /= 10)
            out[n++] = (char)('0' + four / unit % 10);
    }
    return n;
}

static const char *city_of(const struct event *e) { return cities[below(e, AT_CITY, COUNT_OF(cities))]; }
static const char *state_of(const struct event *e) { return states[below(e, AT_STATE, COUNT_OF(states))]; }

/* An item's name or description: a run out of the pool of words, blanks at its ends taken off. */
static uint32_t words(const struct nex_strings *s, const struct event *e, enum nex_field field, uint32_t *ret_len)
{
    bool item = field == AUCTION_ITEM;
    uint64_t bits = random_at(e->seed, item ? AT_ITEM : AT_TEXT);
    uint32_t len = 3 + (uint32_t)random_below(bits, (item ? 20 : 100) - 3);
    uint32_t at = s->words_offset + (uint32_t)random_below(mix64(bits), s->words_bytes - len);
    const uint8_t *bytes = s->bytes->data;
    while (len > 0 && bytes[at] == ' ')
        at++, len--;
    while (len > 0 && bytes[at + len - 1] == ' ')
        len--;
    *ret_len = len;
    return at;
}

/* Text fields that are made on the spot, at most TEXT_ROOM bytes. */
#define TEXT_ROOM 128u

static uint32_t field_text(enum nex_field field, const struct event *e, char *out)
{
    switch (field) {
    case PERSON_NAME:
        return name_text(e, out);
    case PERSON_EMAIL:
        return email_text(e, out);
    case PERSON_CARD:
        return card_text(e, out);
    case PERSON_CITY:
        return put_text(out, city_of(e));
    default:
        return put_text(out, state_of(e));
    }
}

static bool fill_texts(const struct filling *f, enum nex_field field, struct column *c)
{
    for (uint32_t i = 0; i < f->n; i++) {
        char text[TEXT_ROOM];
        uint32_t n = field_text(field, &f->events[i], text);
        if (!column_set_str(c, f->events[i].row, text, n))
            return false;
    }
    return true;
}

/* Patched in place: a view that is changed on its way costs a stall. */
static inline void put_view(struct column *c, uint32_t row, const struct strview *v, uint32_t buffer)
{
    c->str[row] = *v;
    if (v->len > 12)
        c->str[row].ref.buffer = buffer;
}

/* `len` bytes at `offset` of the shared strings. */
static inline void put_piece(struct column *c, uint32_t row, const struct nex_strings *s, uint32_t offset,
                             uint32_t len, uint32_t buffer)
{
    struct strview *to = &c->str[row];
    to->len = len;
    if (len <= 12) {
        memset(to->inlined, 0, sizeof to->inlined);
        memcpy(to->inlined, s->bytes->data + offset, len);
    } else {
        memcpy(to->ref.prefix, s->bytes->data + offset, 4);
        to->ref.buffer = buffer;
        to->ref.offset = offset;
    }
}

/* The bytes that the event's other fields count, for the padding. */
static int64_t size_before(const struct nex_strings *s, enum nex_field field, const struct event *e)
{
    char text[TEXT_ROOM];
    if (field == BID_EXTRA)
        return 8 * 4;
    if (field == AUCTION_EXTRA) {
        uint32_t item, description;
        (void)words(s, e, AUCTION_ITEM, &item);
        (void)words(s, e, AUCTION_DESCRIPTION, &description);
        return 8 * 6 + item + description;
    }
    return 8 + name_text(e, text) + email_text(e, text) + card_text(e, text) + (int64_t)strlen(city_of(e)) +
           (int64_t)strlen(state_of(e));
}

static bool fill_extra(const struct filling *f, enum nex_field field, int64_t wanted, struct column *c)
{
    const struct nex_strings *s = f->strings;
    uint32_t buffer = column_share(c, s->bytes);
    if (buffer == UINT32_MAX)
        return false;
    for (uint32_t i = 0; i < f->n; i++) {
        const struct event *e = &f->events[i];
        int64_t left = wanted - size_before(s, field, e);
        if (left <= 0) {
            c->str[e->row] = (struct strview){ 0 };
            continue;
        }
        int64_t delta = (left + 2) / 5;
        uint64_t len = (uint64_t)(left - delta) + (delta ? below(e, AT_EXTRA, 2 * (uint64_t)delta) : 0);
        len = len < s->extra_bytes / 2 ? len : s->extra_bytes / 2;
        uint64_t offset = s->extra_offset + below(e, AT_EXTRA2, s->extra_bytes - len);
        put_piece(c, e->row, s, (uint32_t)offset, (uint32_t)len, buffer);
    }
    return true;
}

static bool fill_words(const struct filling *f, enum nex_field field, struct column *c)
{
    uint32_t buffer = column_share(c, f->strings->bytes);
    for (uint32_t i = 0; buffer != UINT32_MAX && i < f->n; i++) {
        uint32_t len, at = words(f->strings, &f->events[i], field, &len);
        put_piece(c, f->events[i].row, f->strings, at, len, buffer);
    }
    return buffer != UINT32_MAX;
}

/* Half of the bids come through four hot channels, each with its one url. */
static bool fill_channels(const struct filling *f, bool url, struct column *c)
{
    const struct nex_strings *s = f->strings;
    uint32_t buffer = column_share(c, s->bytes);
    if (buffer == UINT32_MAX)
        return false;
    for (uint32_t i = 0; i < f->n; i++) {
        const struct event *e = &f->events[i];
        if (below(e, AT_CHANNEL, 2) == 0) {
            uint64_t cold = below(e, AT_CHANNEL2, NEX_COLD_CHANNELS);
            put_view(c, e->row, url ? &s->urls[cold] : &s->channels[cold], buffer);
            continue;
        }
        uint64_t hot = below(e, AT_CHANNEL2, COUNT_OF(hot_channels));
        if (url)
            put_view(c, e->row, &s->hot_urls[hot], buffer);
        else if (!column_set_str(c, e->row, hot_channels[hot], strlen(hot_channels[hot])))
            return false;
    }
    return true;
}

/* ---- fields ---- */

static int64_t field_number(const struct filling *f, enum nex_field field, const struct event *e)
{
    const struct nex_rules *r = f->rules;
    switch (field) {
    case PERSON_ID:
        return FIRST_ID + last_person(r, e);
    case AUCTION_ID:
        return FIRST_ID + last_auction(r, e);
    case AUCTION_INITIAL:
        return price(f->strings, e, AT_PRICE);
    case AUCTION_RESERVE:
        return price(f->strings, e, AT_PRICE) + price(f->strings, e, AT_PRICE2);
    case AUCTION_SELLER:
        return auction_seller(r, e);
    case AUCTION_CATEGORY:
        return FIRST_CATEGORY + (int64_t)below(e, AT_CATEGORY, CATEGORIES);
    case BID_AUCTION:
        return bid_auction(r, e);
    case BID_BIDDER:
        return bid_bidder(r, e);
    case AUCTION_EXPIRES:
        return auction_expires(r, e);
    case BID_PRICE:
        return price(f->strings, e, AT_PRICE);
    default:
        return e->ms;
    }
}

static bool is_time(enum nex_field field)
{
    return field == PERSON_TIME || field == AUCTION_TIME || field == AUCTION_EXPIRES || field == BID_TIME;
}

static void fill_numbers(const struct filling *f, enum nex_field field, struct column *c)
{
    int64_t unit = is_time(field) ? time_scale(c->type->precision) / 1000 : 1;
    for (uint32_t i = 0; i < f->n; i++) {
        int64_t v = field_number(f, field, &f->events[i]) * unit;
        c->i64[f->events[i].row] = v;
    }
}

static bool fill_field(const struct filling *f, enum nex_field field, struct column *c)
{
    switch (field) {
    case PERSON_EXTRA:
        return fill_extra(f, field, f->rules->person_bytes, c);
    case AUCTION_EXTRA:
        return fill_extra(f, field, f->rules->auction_bytes, c);
    case BID_EXTRA:
        return fill_extra(f, field, f->rules->bid_bytes, c);
    case AUCTION_ITEM:
    case AUCTION_DESCRIPTION:
        return fill_words(f, field, c);
    case BID_CHANNEL:
    case BID_URL:
        return fill_channels(f, field == BID_URL, c);
    default:
        break;
    }
    if (type_phys(c->type) == PHYS_STRING)
        return fill_texts(f, field, c);
    fill_numbers(f, field, c);
    return true;
}

static void clear_nulls(const struct filling *f, struct column *c)
{
    for (uint32_t i = 0; c->nulls && i < f->n; i++)
        c->nulls[f->events[i].row] = 0;
}

static bool fill_kind(const struct filling *f, const struct nex_layout *l, enum nex_kind kind, uint32_t from,
                      uint32_t rows)
{
    if (l->column[kind] < 0)
        return true;
    struct column *c = &f->out->cols[l->column[kind]];
    memset(column_nulls(c, from + rows) + from, 1, rows);
    if (!l->used[kind])
        return true;
    clear_nulls(f, c);
    for (uint32_t i = 0; i < l->n_targets[kind]; i++) {
        const struct nex_target *t = &l->targets[kind][i];
        struct column *child = &c->children[t->child];
        if (!t->used) {
            memset(column_nulls(child, from + rows) + from, 1, rows);
            continue;
        }
        clear_nulls(f, child);
        if (!fill_field(f, t->field, child))
            return false;
    }
    return true;
}

/* ---- a batch ---- */

#define PIECE 256u

struct piece {
    struct event events[NEX_KINDS][PIECE];
    uint32_t n[NEX_KINDS];
};

static void list_event(const struct nex_rules *r, int64_t number, int64_t round, int64_t offset, uint32_t row,
                       struct piece *p)
{
    enum nex_kind kind = offset < r->person_share                      ? NEX_PERSON
                         : offset < r->person_share + r->auction_share ? NEX_AUCTION
                                                                       : NEX_BID;
    p->events[kind][p->n[kind]++] = (struct event){
        .number = number, .ms = nex_time_ms(r, number), .round = round, .offset = (uint32_t)offset,
        .seed = random_at(r->seed, (uint64_t)number), .row = row,
    };
}

/* Event k of the run has number FIRST_EVENT + k, moved inside its group; its id, one more, says where in which
 * round of shares it stands, which is counted on instead of divided anew. */
static void list_events(const struct nex_rules *r, uint64_t first, uint64_t step, uint32_t n, uint32_t row,
                        struct piece *p)
{
    int64_t shares = r->all_shares, number = FIRST_EVENT + (int64_t)first;
    int64_t round = (number + 1) / shares, offset = (number + 1) % shares;
    int64_t rounds = (int64_t)step / shares, offsets = (int64_t)step % shares;
    for (uint32_t k = 0; k < n; k++, number += (int64_t)step) {
        if (r->group > 1) {
            int64_t moved = number / r->group * r->group +
                            (int64_t)((unsigned __int128)number * 953 % (uint64_t)r->group);
            list_event(r, moved, (moved + 1) / shares, (moved + 1) % shares, row + k, p);
            continue;
        }
        list_event(r, number, round, offset, row + k, p);
        round += rounds;
        offset += offsets;
        if (offset >= shares) {
            offset -= shares;
            round++;
        }
    }
}

static enum status fill_piece(const struct nex_rules *r, const struct nex_strings *s, const struct nex_layout *l,
                              uint64_t first, uint64_t step, uint32_t n, struct batch *out, struct error *err)
{
    struct piece p;
    memset(p.n, 0, sizeof p.n);
    list_events(r, first, step, n, out->count, &p);
    for (enum nex_kind kind = 0; kind < NEX_KINDS; kind++) {
        struct filling f = { r, s, out, p.events[kind], p.n[kind] };
        if (!fill_kind(&f, l, kind, out->count, n))
            return connect_memory(out->budget, err);
    }
    struct column *c = l->type_column >= 0 ? &out->cols[l->type_column] : NULL;
    for (enum nex_kind kind = 0; c && l->type_used && kind < NEX_KINDS; kind++)
        for (uint32_t i = 0; i < p.n[kind]; i++)
            c->i32[p.events[kind][i].row] = kind;
    if (c && (c->nulls || !l->type_used))
        memset(column_nulls(c, out->count + n) + out->count, !l->type_used, n);
    out->count += n;
    return ST_OK;
}

enum status nex_fill(const struct nex_rules *r, const struct nex_strings *s, const struct nex_layout *l,
                     uint64_t first, uint64_t step, uint32_t n, struct batch *out, struct error *err)
{
    for (uint32_t done = 0; done < n; done += PIECE)
        TRY(fill_piece(r, s, l, first + done * step, step, n - done < PIECE ? n - done : PIECE, out, err));
    return ST_OK;
}
