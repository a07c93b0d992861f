/* Strings that Nexmark's events share: 10,000 cold channels with a url each, four hot urls, and a run of random
 * letters out of which padding is cut; all in one counted buffer. And the tables of prices. */
#include <math.h>
#include <stdio.h>

#include "nexmark.h"

#define LETTERS_BYTES (256u << 10)
#define WORDS_BYTES (64u << 10)
#define URL_ROOM 128u
#define URL_SEED 0x75726cULL
#define LETTER_SEED 0x61627aULL

uint32_t nex_letters(uint64_t seed, uint32_t most, char special, char *out)
{
    uint32_t len = 3 + (uint32_t)random_below(random_at(seed, 0), most - 3), begin = 0;
    uint64_t bits = 0;
    for (uint32_t i = 0; i < len; i++) {
        if (i % 4 == 0)
            bits = random_at(seed, i + 1);
        uint32_t one = bits >> (i % 4 * 16) & 0xffff;
        out[i] = one % 13 == 0 ? special : (char)('a' + one / 13 % 26);
    }
    while (begin < len && out[begin] == ' ')
        begin++;
    while (len > begin && out[len - 1] == ' ')
        len--;
    memmove(out, out + begin, len - begin);
    return len - begin;
}

static struct strview view_of(const struct nex_strings *s, uint32_t offset, uint32_t len)
{
    struct strview v = { .len = len };
    if (len <= 12) {
        memset(v.inlined, 0, sizeof v.inlined);
        memcpy(v.inlined, s->bytes->data + offset, len);
    } else {
        memcpy(v.ref.prefix, s->bytes->data + offset, 4);
        v.ref.buffer = 0;
        v.ref.offset = offset;
    }
    return v;
}

static uint32_t url_text(uint64_t seed, int64_t channel, char out[URL_ROOM])
{
    uint32_t n = (uint32_t)snprintf(out, URL_ROOM, "https://www.nexmark.com/");
    for (uint32_t i = 0; i < 3; i++) {
        n += nex_letters(random_at(seed, i), 5, '_', out + n);
        out[n++] = '/';
    }
    n += (uint32_t)snprintf(out + n, URL_ROOM - n, "item.htm?query=1");
    if (channel >= 0)
        n += (uint32_t)snprintf(out + n, URL_ROOM - n, "&channel_id=%lld", (long long)channel);
    return n;
}

/* The channel's number with its 32 bits turned around, without the sign. */
static int64_t channel_id(uint32_t channel)
{
    uint32_t turned = 0;
    for (uint32_t i = 0; i < 32; i++)
        turned |= (channel >> i & 1) << (31 - i);
    int64_t id = (int32_t)turned;
    return id < 0 ? -id : id;
}

static struct strview append(struct nex_strings *s, const char *text, uint32_t n)
{
    uint32_t offset = s->bytes->len;
    CHECK(n <= s->bytes->cap - offset);
    memcpy(s->bytes->data + offset, text, n);
    s->bytes->len += n;
    return view_of(s, offset, n);
}

static void make_strings(struct nex_strings *s, uint64_t seed)
{
    char text[URL_ROOM];
    for (uint32_t i = 0; i < NEX_COLD_CHANNELS; i++) {
        uint64_t one = random_at(seed ^ URL_SEED, i);
        uint32_t n = (uint32_t)snprintf(text, sizeof text, "channel-%u", i);
        s->channels[i] = append(s, text, n);
        bool with_id = random_below(random_at(one, 3), 10) > 0;
        n = url_text(one, with_id ? channel_id(i) : -1, text);
        s->urls[i] = append(s, text, n);
    }
    for (uint32_t i = 0; i < 4; i++)
        s->hot_urls[i] = append(s, text, url_text(random_at(seed ^ URL_SEED, NEX_COLD_CHANNELS + i), -1, text));
    s->extra_offset = s->bytes->len;
    s->extra_bytes = LETTERS_BYTES;
    s->words_offset = s->extra_offset + LETTERS_BYTES;
    s->words_bytes = WORDS_BYTES;
    uint8_t *to = s->bytes->data + s->bytes->len;
    for (uint32_t i = 0; i < LETTERS_BYTES + WORDS_BYTES; i++) {
        uint64_t bits = random_at(seed ^ LETTER_SEED, i);
        bool blank = i >= LETTERS_BYTES && random_below(mix64(bits), 13) == 0;
        to[i] = blank ? ' ' : (uint8_t)('a' + random_below(bits, 26));
    }
    s->bytes->len += LETTERS_BYTES + WORDS_BYTES;
}

enum status nex_strings_init(struct nex_strings *s, uint64_t seed, struct arena *a, struct budget *b,
                             struct error *err)
{
    uint32_t cap = NEX_COLD_CHANNELS * 104 + 4 * URL_ROOM + LETTERS_BYTES + WORDS_BYTES;
    *s = (struct nex_strings){
        .channels = ARENA_ARRAY(a, struct strview, NEX_COLD_CHANNELS),
        .urls = ARENA_ARRAY(a, struct strview, NEX_COLD_CHANNELS),
        .coarse = ARENA_ARRAY(a, double, NEX_PRICE_STEPS),
        .fine = ARENA_ARRAY(a, double, NEX_PRICE_STEPS),
    };
    if (!s->channels || !s->urls || !s->coarse || !s->fine)
        return connect_memory(b, err);
    s->bytes = shared_new(b, cap);
    if (!s->bytes)
        return connect_memory(b, err);
    make_strings(s, seed);
    for (uint32_t i = 0; i < NEX_PRICE_STEPS; i++) {
        s->coarse[i] = 100 * pow(10, 6.0 * i / NEX_PRICE_STEPS);
        s->fine[i] = pow(10, 6.0 * i / NEX_PRICE_STEPS / NEX_PRICE_STEPS);
    }
    return ST_OK;
}

void nex_strings_release(struct nex_strings *s)
{
    shared_unref(s->bytes);
    s->bytes = NULL;
}
