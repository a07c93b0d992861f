/* UTF-8 both ways over every code point, and case mapping against an independent Unicode. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

static void test_every_code_point(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp <= 0x110000; cp++) {
        char out[4];
        size_t n = utf8_put(cp, out);
        bool character = cp <= 0x10FFFF && !(cp >= 0xD800 && cp <= 0xDFFF);
        assert_int_equal(n, !character ? 3 : cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4);
        struct str s = { out, n };
        size_t pos = 0;
        assert_int_equal(utf8_next(s, &pos), character ? cp : 0xFFFD);
        assert_int_equal(pos, n);
        assert_true(utf8_valid(s));
        for (size_t cut = 1; cut < n; cut++)
            assert_int_equal(utf8_check(str_make(out, cut)), 0);
    }
}

/* Every pair of bytes, and every third and fourth byte at the borders, against the rule spelled out. */
static bool valid_by_rule(const uint8_t *p, size_t n)
{
    uint32_t cp;
    if (n == 2 && (p[0] & 0xE0) == 0xC0 && (p[1] & 0xC0) == 0x80)
        return ((p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu)) >= 0x80;
    if (n == 3 && (p[0] & 0xF0) == 0xE0 && (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80) {
        cp = (p[0] & 0xFu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
        return cp >= 0x800 && !(cp >= 0xD800 && cp <= 0xDFFF);
    }
    if (n == 4 && (p[0] & 0xF8) == 0xF0 && (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80 && (p[3] & 0xC0) == 0x80) {
        cp = (p[0] & 7u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
        return cp >= 0x10000 && cp <= 0x10FFFF;
    }
    return false;
}

static void test_invalid(void **state)
{
    (void)state;
    static const uint8_t edges[] = { 0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF };
    for (unsigned a = 0x80; a < 0x100; a++) {
        uint8_t p[4] = { (uint8_t)a };
        assert_int_equal(utf8_check(str_make(p, 1)), 0);
        for (unsigned b = 0; b < 0x100; b++) {
            p[1] = (uint8_t)b;
            assert_int_equal(utf8_valid(str_make(p, 2)), valid_by_rule(p, 2));
            for (size_t c = 0; c < sizeof edges; c++) {
                p[2] = edges[c];
                bool three = valid_by_rule(p, 3) || (valid_by_rule(p, 2) && p[2] < 0x80);
                assert_int_equal(utf8_valid(str_make(p, 3)), three);
                for (size_t d = 0; d < sizeof edges; d++) {
                    p[3] = edges[d];
                    bool four = valid_by_rule(p, 4) || (three && p[3] < 0x80) ||
                                (valid_by_rule(p, 2) && valid_by_rule(p + 2, 2));
                    assert_int_equal(utf8_valid(str_make(p, 4)), four);
                }
            }
        }
    }
}

static void test_check_finds_the_place(void **state)
{
    (void)state;
    char text[40];
    for (size_t len = 0; len <= 40; len++)
        for (size_t bad = 0; bad < len; bad++) {
            memset(text, 'x', sizeof text);
            text[bad] = (char)0xFF;
            assert_int_equal(utf8_check(str_make(text, len)), bad);
            text[bad] = 'x';
            assert_int_equal(utf8_check(str_make(text, len)), len);
        }
    assert_int_equal(utf8_check((struct str){ 0 }), 0);
    assert_true(utf8_valid((struct str){ 0 }));
}

static void test_length_and_next(void **state)
{
    (void)state;
    assert_int_equal(utf8_length(STR("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80")), 4);
    assert_int_equal(utf8_length(STR("\xFF\xC3")), 2);
    assert_int_equal(utf8_length((struct str){ 0 }), 0);
    struct str s = STR("\xE2\x82x\xC3\xA4");
    static const uint32_t want[] = { 0xFFFD, 0xFFFD, 'x', 0xE4 };
    size_t pos = 0;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(utf8_next(s, &pos), want[i]);
    assert_int_equal(pos, s.len);
}

/* For each 256 code points that hold a one-to-one mapping: how many there are and FNV-1a over (code
 * point, mapping) of upper and lower, both little-endian 32 bits, made with Python's str.upper and
 * str.lower (Unicode 14), one code point at a time. */
static const struct {
    uint32_t first, count, upper, lower;
} blocks[] = {
    { 0x00000, 114, 0x55e22805, 0xafe3ee75 }, { 0x00100, 245, 0x06b268d7, 0x876aa345 },
    { 0x00200, 110, 0xce4b1f57, 0xc5632885 }, { 0x00300, 122, 0x384e3191, 0x48c9550c },
    { 0x00400, 248, 0x38271ccd, 0x6dc9fbcd }, { 0x00500, 124, 0xd005b59d, 0x82d0e55d },
    { 0x01000, 86, 0x6ba5adf5, 0xd9856655 }, { 0x01300, 92, 0xf93bd115, 0xe56201f5 },
    { 0x01C00, 55, 0x4922df28, 0x2982723d }, { 0x01D00, 3, 0xff0387ec, 0x811c9dc5 },
    { 0x01E00, 248, 0x12261fa7, 0xe7014ae3 }, { 0x01F00, 139, 0x8cccbc47, 0x75e1c874 },
    { 0x02100, 39, 0x75d4e412, 0x3d349bb0 }, { 0x02400, 52, 0x09b0939d, 0x4f693735 },
    { 0x02C00, 225, 0x015bc2c7, 0x17bc7f19 }, { 0x02D00, 40, 0x671c409d, 0x811c9dc5 },
    { 0x0A600, 74, 0x6e4499bc, 0x3d1a88f0 }, { 0x0A700, 159, 0xda21b8f5, 0x52b10af6 },
    { 0x0AB00, 81, 0xc318c07d, 0x811c9dc5 }, { 0x0FF00, 52, 0x619200c9, 0xb05e77c9 },
    { 0x10400, 152, 0x0e99007d, 0xe5b486ed }, { 0x10500, 70, 0x20e7cc2e, 0xe15e4086 },
    { 0x10C00, 102, 0xe7f09995, 0xf948a895 }, { 0x11800, 64, 0xf549afc5, 0x8189d8c5 },
    { 0x16E00, 64, 0x7c704e05, 0xa2534185 }, { 0x1E900, 68, 0x6fd376d1, 0x19792101 },
};

/* Code points whose full mapping is longer than one: Python cannot tell their simple one. */
static const struct {
    uint32_t first, last;
} longer[] = {
    { 0x00DF, 0x00DF }, { 0x0130, 0x0130 }, { 0x0149, 0x0149 }, { 0x01F0, 0x01F0 }, { 0x0390, 0x0390 },
    { 0x03B0, 0x03B0 }, { 0x0587, 0x0587 }, { 0x1E96, 0x1E9A }, { 0x1F50, 0x1F50 }, { 0x1F52, 0x1F52 },
    { 0x1F54, 0x1F54 }, { 0x1F56, 0x1F56 }, { 0x1F80, 0x1FAF }, { 0x1FB2, 0x1FB4 }, { 0x1FB6, 0x1FB7 },
    { 0x1FBC, 0x1FBC }, { 0x1FC2, 0x1FC4 }, { 0x1FC6, 0x1FC7 }, { 0x1FCC, 0x1FCC }, { 0x1FD2, 0x1FD3 },
    { 0x1FD6, 0x1FD7 }, { 0x1FE2, 0x1FE4 }, { 0x1FE6, 0x1FE7 }, { 0x1FF2, 0x1FF4 }, { 0x1FF6, 0x1FF7 },
    { 0x1FFC, 0x1FFC }, { 0xFB00, 0xFB06 }, { 0xFB13, 0xFB17 },
};

static bool is_longer(uint32_t cp)
{
    for (size_t i = 0; i < sizeof longer / sizeof longer[0]; i++)
        if (cp >= longer[i].first && cp <= longer[i].last)
            return true;
    return false;
}

static uint32_t fnv(uint32_t h, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        h = (h ^ (v >> (8 * i) & 0xFF)) * 0x01000193u;
    return h;
}

static void test_case_of_every_code_point(void **state)
{
    (void)state;
    size_t row = 0;
    for (uint32_t first = 0; first < 0x110000; first += 256) {
        uint32_t count = 0, upper = 0x811c9dc5, lower = 0x811c9dc5;
        for (uint32_t cp = first; cp < first + 256; cp++) {
            if (is_longer(cp))
                continue;
            uint32_t u = utf8_upper(cp), l = utf8_lower(cp);
            if (u != cp)
                upper = fnv(fnv(upper, cp), u);
            if (l != cp)
                lower = fnv(fnv(lower, cp), l);
            count += (u != cp) + (l != cp);
        }
        if (count == 0)
            continue;
        assert_true(row < sizeof blocks / sizeof blocks[0]);
        assert_int_equal(first, blocks[row].first);
        assert_int_equal(count, blocks[row].count);
        assert_int_equal(upper, blocks[row].upper);
        assert_int_equal(lower, blocks[row].lower);
        row++;
    }
    assert_int_equal(row, sizeof blocks / sizeof blocks[0]);
}

static void test_case_samples(void **state)
{
    (void)state;
    static const struct {
        uint32_t lower, upper;
    } pairs[] = {
        { 'a', 'A' },         { 'z', 'Z' },         { 0xE4, 0xC4 },       { 0xFF, 0x178 },     { 0x101, 0x100 },
        { 0x17E, 0x17D },     { 0x3B1, 0x391 },     { 0x3C9, 0x3A9 },     { 0x430, 0x410 },    { 0x451, 0x401 },
        { 0x561, 0x531 },     { 0x10D0, 0x1C90 },   { 0x1EA1, 0x1EA0 },   { 0xFF41, 0xFF21 },  { 0x10428, 0x10400 },
        { 0x1F80, 0x1F88 },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_int_equal(utf8_upper(pairs[i].lower), pairs[i].upper);
        assert_int_equal(utf8_lower(pairs[i].upper), pairs[i].lower);
        assert_int_equal(utf8_upper(pairs[i].upper), pairs[i].upper);
        assert_int_equal(utf8_lower(pairs[i].lower), pairs[i].lower);
    }
    static const uint32_t alone[] = { '0', '[', '`', '{', '@', 0xDF, 0xD7, 0xF7, 0x4E2D, 0x1F600,
                                      0x110000, UINT32_MAX };
    for (size_t i = 0; i < sizeof alone / sizeof alone[0]; i++) {
        assert_int_equal(utf8_upper(alone[i]), alone[i]);
        assert_int_equal(utf8_lower(alone[i]), alone[i]);
    }
    assert_int_equal(utf8_lower(0x1E9E), 0xDF);
    assert_int_equal(utf8_lower(0x130), 'i');
    assert_int_equal(utf8_upper(0x131), 'I');
    assert_int_equal(utf8_upper(0xB5), 0x39C);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point),      cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_check_finds_the_place), cmocka_unit_test(test_length_and_next),
        cmocka_unit_test(test_case_of_every_code_point), cmocka_unit_test(test_case_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
