/* Hashes against the specification's values and each other; CRC-32C in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"

static void test_known(void **state)
{
    (void)state;
    /* From the reference library, libxxhash 0.8.1, frozen: key groups on disk depend on them. */
    assert_int_equal(hash_bytes("", 0), 0x2d06800538d394c2u);
    assert_int_equal(hash_bytes(NULL, 0), 0x2d06800538d394c2u);
    assert_int_equal(hash_bytes("a", 1), 0xe6c632b61e964e1fu);
    assert_int_equal(hash_bytes("abc", 3), 0x78af5f94892f3950u);
    assert_int_equal(hash_bytes("weir", 4), 0x09831dc741817118u);
    assert_int_equal(hash_bytes("12345678", 8), 0x62e29b4cad9e2ef6u);
    assert_int_equal(hash_bytes("hello world", 11), 0xd447b1ea40e6988bu);
    static uint8_t data[3000];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 31 + (i >> 8));
    assert_int_equal(hash_bytes(data, 16), 0xf9fbd0260ba978dfu);
    assert_int_equal(hash_bytes(data, 17), 0xc56f339d36cc73d7u);
    assert_int_equal(hash_bytes(data, 128), 0x31ccf8dec850d035u);
    assert_int_equal(hash_bytes(data, 129), 0xc72af4c6ac4dea94u);
    assert_int_equal(hash_bytes(data, 240), 0xe315d53d5129eedeu);
    assert_int_equal(hash_bytes(data, 241), 0x18773c512b008a63u);
    assert_int_equal(hash_bytes(data, 1024), 0x5a1893edffa2577cu);
    assert_int_equal(hash_bytes(data, 3000), 0x8abecc0c776dc111u);
}

static void test_u64_equals_bytes(void **state)
{
    (void)state;
    uint64_t v = 0;
    for (int i = 0; i < 100000; i++) {
        uint8_t le[8];
        for (int b = 0; b < 8; b++)
            le[b] = (uint8_t)(v >> (8 * b));
        assert_int_equal(hash_u64(v), hash_bytes(le, 8));
        v = i < 70 ? ((uint64_t)1 << (i % 64)) - (uint64_t)(i / 64) : v * 6364136223846793005u + 1442695040888963407u;
    }
    static const uint64_t edges[] = { 0, 1, UINT64_MAX, UINT32_MAX, (uint64_t)1 << 32, INT64_MAX, (uint64_t)INT64_MIN };
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++)
        assert_int_equal(hash_u64(edges[i]), hash_bytes(&edges[i], 8));
}

static void test_key_groups(void **state)
{
    (void)state;
    assert_int_equal(hash_key_group(0xFF00000000000000u), 255);
    assert_int_equal(hash_key_group(0x00FFFFFFFFFFFFFFu), 0);
    for (uint32_t shards = 1; shards <= KEY_GROUPS; shards++) {
        uint32_t last = 0, seen = 1;
        assert_int_equal(key_group_shard(0, shards), 0);
        for (uint32_t g = 1; g < KEY_GROUPS; g++) {
            uint32_t shard = key_group_shard(g, shards);
            assert_true(shard == last || shard == last + 1);
            seen += shard != last;
            last = shard;
        }
        assert_int_equal(seen, shards);
    }
}

static void test_crc32c(void **state)
{
    (void)state;
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(crc32c_portable(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(crc32c(0, "", 0), 0);
    assert_int_equal(crc32c(0x1234, NULL, 0), 0x1234);
    uint8_t zeros[32] = { 0 }, ones[32];
    memset(ones, 0xFF, sizeof ones);
    assert_int_equal(crc32c(0, zeros, 32), 0x8a9136aau); /* RFC 3720 B.4 */
    assert_int_equal(crc32c(0, ones, 32), 0x62a8ab43u);
    static uint8_t data[3000];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 31 + (i >> 8));
    uint32_t whole = crc32c_portable(0, data, sizeof data);
    for (size_t cut = 0; cut <= sizeof data; cut += cut < 70 ? 1 : 97) {
        assert_int_equal(crc32c(crc32c(0, data, cut), data + cut, sizeof data - cut), whole);
        assert_int_equal(crc32c_portable(crc32c_portable(0, data, cut), data + cut, sizeof data - cut), whole);
        assert_int_equal(crc32c(0, data, cut), crc32c_portable(0, data, cut));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_u64_equals_bytes),
        cmocka_unit_test(test_key_groups),
        cmocka_unit_test(test_crc32c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
