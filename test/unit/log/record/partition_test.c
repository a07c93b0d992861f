/* Partitioners against the values of Kafka's own tests (UtilsTest.testMurmur2) and of zlib's crc32. */
#include "kit.h"

static void test_murmur2(void **state)
{
    (void)state;
    static const struct {
        struct str key;
        int32_t hash;
    } cases[] = {
        { STR_INIT("21"), -973932308 },
        { STR_INIT("foobar"), -790332482 },
        { STR_INIT("a-little-bit-long-string"), -985981536 },
        { STR_INIT("a-little-bit-longer-string"), -1486304829 },
        { STR_INIT("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"), -58897971 },
        { STR_INIT("abc"), 479470107 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal((int32_t)record_murmur2(cases[i].key), cases[i].hash);
        for (uint32_t n = 1; n < 100; n += 7)
            assert_int_equal(record_partition_murmur2(cases[i].key, n), ((uint32_t)cases[i].hash & 0x7fffffff) % n);
    }
    assert_int_equal(record_partition_murmur2(STR("x"), 0), 0);
}

/* Made by kafka-python's murmur2, which is a port of Java's: every length of tail, bytes above 127. */
static void test_murmur2_tails(void **state)
{
    (void)state;
    static const uint8_t bytes[] = { 0xff, 0x80, 0x7f, 0, 1, 0xfe, 0xc3, 0x28, 0xf0 };
    static const uint32_t hashes[] = { 0x106e08d9, 0xed6f615b, 0xe59b9490, 0x39b67e0e, 0xc0d8f9be,
                                       0x04257409, 0x82aed52d, 0x088eeb0d, 0xce163356, 0x31d105aa };
    for (size_t len = 0; len <= sizeof bytes; len++)
        assert_int_equal(record_murmur2(str_make(bytes, len)), hashes[len]);
}

static void test_crc32(void **state)
{
    (void)state;
    static const struct {
        struct str key;
        uint32_t crc;
    } cases[] = {
        { STR_INIT(""), 0 },
        { STR_INIT("123456789"), 0xcbf43926 },
        { STR_INIT("this is another string with more length to it perhaps"), 0xb0150df7 },
        { STR_INIT("\xff\x80\x00\x7f"), 0xdeceaec0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(record_partition_crc32(cases[i].key, UINT32_MAX), cases[i].crc);
        assert_int_equal(record_partition_crc32(cases[i].key, 17), cases[i].crc % 17);
    }
    assert_int_equal(record_partition_crc32(STR("x"), 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_murmur2),
        cmocka_unit_test(test_murmur2_tails),
        cmocka_unit_test(test_crc32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
