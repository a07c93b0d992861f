/* Digests, after RFC 1321 (MD5), FIPS 180-4 (SHA-1, SHA-2): lower-case hexadecimal digits. The two SHA-2 widths and
 * SHA-1 and MD5 share padding; constants that the standards define by roots and sines are computed, not typed in. */
#include <math.h>

#include "expr/expr_private.h"

struct digest {
    const char *name;
    uint32_t bytes; /* of the result */
    uint32_t word;  /* 4 or 8 */
    enum { MD5, SHA1, SHA2 } kind;
};

static const struct digest digests[] = { { "MD5", 16, 4, MD5 },      { "SHA1", 20, 4, SHA1 },  { "SHA224", 28, 4,
    SHA2 },
                                         { "SHA256", 32, 4, SHA2 },  { "SHA384", 48, 8, SHA2 }, { "SHA512", 64, 8,
                                             SHA2 } };

/* The first 64 bits of the fraction of the cube (or square) root of n: the greatest x with x^k <= n * 2^(64 k), by
 * bits, in 256-bit products kept as four 64-bit limbs. */
static void multiply(const uint64_t *a, const uint64_t *b, uint64_t *out)
{
    memset(out, 0, 8 * sizeof *out);
    for (int i = 0; i < 4; i++) {
        unsigned __int128 carry = 0;
        for (int j = 0; j < 4; j++) {
            carry += (unsigned __int128)a[i] * b[j] + out[i + j];
            out[i + j] = (uint64_t)carry;
            carry >>= 64;
        }
        out[i + 4] = (uint64_t)carry;
    }
}
static uint64_t root_fraction(uint32_t n, int k)
{
    uint64_t whole = 0, fraction = 0;
    for (int bit = 68; bit >= 0; bit--) { /* x = whole * 2^64 + fraction */
        uint64_t w = whole, f = fraction;
        if (bit >= 64)
            w |= UINT64_C(1) << (bit - 64);
        else
            f |= UINT64_C(1) << bit;
        uint64_t x[4] = { f, w, 0, 0 }, square[8], cube[8];
        multiply(x, x, square);
        if (k == 3)
            multiply(square, x, cube);
        const uint64_t *power = k == 3 ? cube : square;
        bool fits = power[k] < n || (power[k] == n && !power[0] && !power[1] && (k == 2 || !power[2]));
        for (int i = k + 1; i < 8; i++)
            fits = fits && power[i] == 0;
        if (fits)
            whole = w, fraction = f;
    }
    return fraction;
}
static uint32_t prime(uint32_t i)
{
    for (uint32_t p = 2;; p++) {
        bool is = true;
        for (uint32_t d = 2; d * d <= p && is; d++)
            is = p % d != 0;
        if (is && i-- == 0)
            return p;
    }
}

struct constants {
    uint32_t md5[64];
    uint64_t sha[80];   /* cube roots of primes; SHA-256 takes the upper halves */
    uint64_t start[16]; /* square roots of primes: the ninth on are SHA-384's start */
};

static void constants_fill(struct constants *c)
{
    for (uint32_t i = 0; i < 64; i++)
        c->md5[i] = (uint32_t)(int64_t)floor(fabs(sin((double)i + 1)) * 4294967296.0);
    for (uint32_t i = 0; i < 80; i++)
        c->sha[i] = root_fraction(prime(i), 3);
    for (uint32_t i = 0; i < 16; i++)
        c->start[i] = root_fraction(prime(i), 2);
}

static inline uint32_t rol(uint32_t x, uint32_t n) { return x << n | x >> (32 - n); }
static inline uint32_t ror(uint32_t x, uint32_t n) { return x >> n | x << (32 - n); }
static inline uint64_t ror64(uint64_t x, uint32_t n) { return x >> n | x << (64 - n); }
static uint64_t big_endian(const uint8_t *p, uint32_t n)
{
    uint64_t v = 0;
    for (uint32_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static void md5_block(const struct constants *c, uint64_t *h, const uint8_t *p)
{
    static const uint8_t shifts[4][4] = { { 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 }, { 6, 10, 15, 21 } };
    uint32_t a = (uint32_t)h[0], b = (uint32_t)h[1], cc = (uint32_t)h[2], d = (uint32_t)h[3];
    for (uint32_t i = 0; i < 64; i++) {
        uint32_t f, g;
        if (i < 16)
            f = (b & cc) | (~b & d), g = i;
        else if (i < 32)
            f = (d & b) | (~d & cc), g = (5 * i + 1) % 16;
        else if (i < 48)
            f = b ^ cc ^ d, g = (3 * i + 5) % 16;
        else
            f = cc ^ (b | ~d), g = 7 * i % 16;
        uint32_t m;
        memcpy(&m, p + 4 * g, 4); /* little-endian, as the machines that this runs on */
        f += a + c->md5[i] + m;
        a = d;
        d = cc;
        cc = b;
        b += rol(f, shifts[i / 16][i % 4]);
    }
    h[0] += a, h[1] += b, h[2] += cc, h[3] += d;
}

static void sha1_block(uint64_t *h, const uint8_t *p)
{
    static const uint32_t k[4] = { 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6 };
    uint32_t w[80], v[5];
    for (uint32_t i = 0; i < 80; i++)
        w[i] = i < 16 ? (uint32_t)big_endian(p + 4 * i, 4) : rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (uint32_t i = 0; i < 5; i++)
        v[i] = (uint32_t)h[i];
    for (uint32_t i = 0; i < 80; i++) {
        uint32_t f = i < 20   ? (v[1] & v[2]) | (~v[1] & v[3])
                     : i < 40 || i >= 60 ? v[1] ^ v[2] ^ v[3]
                                         : (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3]);
        uint32_t t = rol(v[0], 5) + f + v[4] + k[i / 20] + w[i];
        v[4] = v[3], v[3] = v[2], v[2] = rol(v[1], 30), v[1] = v[0], v[0] = t;
    }
    for (uint32_t i = 0; i < 5; i++)
        h[i] += v[i];
}

#define SHA2_BLOCK(NAME, WORD, ROUNDS, BYTES, K, ROR, A, B, C, D, E, F, S, T, U, V, X, Y)                             \
    static void NAME(const struct constants *c, uint64_t *h, const uint8_t *p)                                       \
    {                                                                                                                 \
        WORD w[ROUNDS], v[8];                                                                                         \
        for (uint32_t i = 0; i < 16; i++)                                                                             \
            w[i] = (WORD)big_endian(p + BYTES * i, BYTES);                                                            \
        for (uint32_t i = 16; i < ROUNDS; i++) {                                                                      \
            WORD s0 = ROR(w[i - 15], S) ^ ROR(w[i - 15], T) ^ (w[i - 15] >> U);                                       \
            WORD s1 = ROR(w[i - 2], V) ^ ROR(w[i - 2], X) ^ (w[i - 2] >> Y);                                          \
            w[i] = w[i - 16] + s0 + w[i - 7] + s1;                                                                    \
        }                                                                                                             \
        for (uint32_t i = 0; i < 8; i++)                                                                              \
            v[i] = (WORD)h[i];                                                                                        \
        for (uint32_t i = 0; i < ROUNDS; i++) {                                                                       \
            WORD s1 = ROR(v[4], D) ^ ROR(v[4], E) ^ ROR(v[4], F), ch = (v[4] & v[5]) ^ (~v[4] & v[6]);                \
            WORD t1 = v[7] + s1 + ch + (WORD)(K) + w[i];                                                              \
            WORD s0 = ROR(v[0], A) ^ ROR(v[0], B) ^ ROR(v[0], C);                                                     \
            WORD t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));                                           \
            v[7] = v[6], v[6] = v[5], v[5] = v[4], v[4] = v[3] + t1;                                                  \
            v[3] = v[2], v[2] = v[1], v[1] = v[0], v[0] = t1 + t2;                                                    \
        }                                                                                                             \
        for (uint32_t i = 0; i < 8; i++)                                                                              \
            h[i] += v[i];                                                                                             \
    }
SHA2_BLOCK(sha256_block, uint32_t, 64, 4, c->sha[i] >> 32, ror, 2, 13, 22, 6, 11, 25, 7, 18, 3, 17, 19, 10)
SHA2_BLOCK(sha512_block, uint64_t, 80, 8, c->sha[i], ror64, 28, 34, 39, 14, 18, 41, 1, 8, 7, 19, 61, 6)

static void start(const struct digest *d, const struct constants *c, uint64_t *h)
{
    static const uint32_t simple[5] = { 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0 };
    for (uint32_t i = 0; i < 8; i++) {
        if (d->kind != SHA2)
            h[i] = i < 5 ? simple[i] : 0;
        else if (d->bytes == 28) /* the lower halves of SHA-384's */
            h[i] = (uint32_t)c->start[i + 8];
        else if (d->bytes == 32)
            h[i] = c->start[i] >> 32;
        else
            h[i] = c->start[d->bytes == 48 ? i + 8 : i];
    }
}

static void block(const struct digest *d, const struct constants *c, uint64_t *h, const uint8_t *p)
{
    if (d->kind == MD5)
        md5_block(c, h, p);
    else if (d->kind == SHA1)
        sha1_block(h, p);
    else if (d->word == 4)
        sha256_block(c, h, p);
    else
        sha512_block(c, h, p);
}

static void digest(const struct digest *d, const struct constants *c, struct str s, uint8_t *out)
{
    uint64_t h[8];
    uint32_t size = d->word * 16;
    uint8_t last[256] = { 0 };
    start(d, c, h);
    size_t at = 0;
    for (; s.len - at >= size; at += size)
        block(d, c, h, (const uint8_t *)s.ptr + at);
    size_t rest = s.len - at;
    if (rest)
        memcpy(last, s.ptr + at, rest);
    last[rest] = 0x80;
    uint32_t blocks = rest + 1 + 2 * d->word > size ? 2 : 1;
    for (uint32_t i = 0; i < 8; i++) {
        uint64_t bits = (uint64_t)s.len * 8;
        uint32_t place = d->kind == MD5 ? blocks * size - 8 + i : blocks * size - 1 - i;
        last[place] = (uint8_t)(bits >> (8 * i));
    }
    for (uint32_t i = 0; i < blocks; i++)
        block(d, c, h, last + i * size);
    for (uint32_t i = 0; i < d->bytes; i++) {
        uint64_t word = h[i / d->word];
        uint32_t byte = i % d->word;
        out[i] = (uint8_t)(word >> (8 * (d->kind == MD5 ? byte : d->word - 1 - byte)));
    }
}

static const struct digest *digest_find(const char *name)
{
    for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++)
        if (strcmp(digests[i].name, name) == 0)
            return &digests[i];
    return NULL;
}

static void free_constants(void *state, struct budget *b) { mem_free(b, state, sizeof(struct constants)); }

static enum status hash(struct kernel *k)
{
    if (!*k->state) {
        *k->state = mem_alloc(k->budget, sizeof(struct constants));
        if (!*k->state)
            return kernel_memory(k);
        constants_fill(*k->state);
    }
    const struct digest *d = digest_find(k->expr->function->name);
    EACH_ROW(k, r)
    {
        if (k->n_args > 1) { /* SHA2(text, bits) */
            int64_t bits = arg_i32(k, 1, r);
            d = bits == 224   ? &digests[2]
                : bits == 256 ? &digests[3]
                : bits == 384 ? &digests[4]
                : bits == 512 ? &digests[5]
                              : NULL;
            if (!d)
                return kernel_fail(k, "SHA2 knows the lengths 224, 256, 384 and 512, not %lld", (long long)bits);
        }
        static const char digits[] = "0123456789abcdef";
        uint8_t raw[64];
        char text[128];
        digest(d, *k->state, arg_str(k, 0, r), raw);
        for (uint32_t i = 0; i < d->bytes; i++) {
            text[2 * i] = digits[raw[i] >> 4];
            text[2 * i + 1] = digits[raw[i] & 15];
        }
        TRY(kernel_put_str(k, r, text, 2 * d->bytes));
    }
    return ST_OK;
}

#define HASH(NAME)                                                                                         \
    { .name = NAME, .signature = NAME "(text)", .help = "The " NAME " digest in hexadecimal digits.",      \
      .example = NAME "('abc')", .types = "t=s", .flags = FN_STRICT, .kernel = hash, .free_state = free_constants }

const struct function functions_hash[] = {
    HASH("MD5"),
    HASH("SHA1"),
    HASH("SHA224"),
    HASH("SHA256"),
    HASH("SHA384"),
    HASH("SHA512"),
    { .name = "SHA2", .signature = "SHA2(text, bits)", .help = "The SHA-2 digest of 224, 256, 384 or 512 bits.",
      .example = "SHA2('abc', 256)", .types = "ti=s", .flags = FN_STRICT, .kernel = hash,
          .free_state = free_constants },
    { .name = NULL },
};
