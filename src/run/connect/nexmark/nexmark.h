/* Private to the nexmark connector: the events of the benchmark. */
#pragma once

#include "connect/private.h"

enum nex_kind { NEX_PERSON, NEX_AUCTION, NEX_BID, NEX_KINDS };

/* What the options say. */
struct nex_rules {
    uint64_t seed;
    int64_t base_ms;
    double event_us; /* between two events */
    int64_t person_share, auction_share, bid_share, all_shares;
    int64_t hot_auctions, hot_bidders, hot_sellers;
    int64_t person_bytes, auction_bytes, bid_bytes;
    int64_t group; /* events that arrive out of order among themselves; 1: none */
};

#define NEX_COLD_CHANNELS 10000u
#define NEX_PRICE_STEPS 1024u

/* Strings that events share: made once from the seed, referenced by every batch. */
struct nex_strings {
    struct shared *bytes;
    struct strview *channels, *urls; /* of the cold channels; buffer index 0 */
    struct strview hot_urls[4];
    uint32_t extra_offset, extra_bytes; /* where the random letters lie, for padding */
    uint32_t words_offset, words_bytes; /* letters with a blank in thirteen, for names and descriptions */
    double *coarse, *fine;              /* prices: 100 × 10^(6u) for u in steps, and what lies inside a step */
};

enum nex_field {
    PERSON_ID, PERSON_NAME, PERSON_EMAIL, PERSON_CARD, PERSON_CITY, PERSON_STATE, PERSON_TIME, PERSON_EXTRA,
    AUCTION_ID, AUCTION_ITEM, AUCTION_DESCRIPTION, AUCTION_INITIAL, AUCTION_RESERVE, AUCTION_TIME, AUCTION_EXPIRES,
    AUCTION_SELLER, AUCTION_CATEGORY, AUCTION_EXTRA,
    BID_AUCTION, BID_BIDDER, BID_PRICE, BID_CHANNEL, BID_URL, BID_TIME, BID_EXTRA,
    NEX_FIELDS
};

/* A field of one of the three rows: which, and where it goes. */
struct nex_target {
    enum nex_field field;
    uint32_t child;
    bool used;
};

struct nex_layout {
    int32_t column[NEX_KINDS]; /* of person, auction, bid; −1: the table does not have it */
    int32_t type_column;
    bool used[NEX_KINDS], type_used;
    uint32_t n_targets[NEX_KINDS];
    struct nex_target targets[NEX_KINDS][12];
};

enum status nex_layout_read(const struct table_desc *t, const struct need *needs, struct nex_layout *ret,
                            struct error *err);
enum status nex_strings_init(struct nex_strings *s, uint64_t seed, struct arena *a, struct budget *b,
                             struct error *err);
/* 3 … most - 1 letters, one of 13 being `special`; blanks at the ends are taken off. Returns the length. */
uint32_t nex_letters(uint64_t seed, uint32_t most, char special, char *out);
void nex_strings_release(struct nex_strings *s);
/* Events first, first + step, … (n of them, from 0) into the rows from out->count on. */
enum status nex_fill(const struct nex_rules *r, const struct nex_strings *s, const struct nex_layout *l,
                     uint64_t first, uint64_t step, uint32_t n, struct batch *out, struct error *err);
/* Event time of event number `number`, in order of time. */
int64_t nex_time_ms(const struct nex_rules *r, int64_t number);
