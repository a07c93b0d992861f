/* Calendar, text of times, zones. The tables of dates and timestamps were made once with Python's datetime. */
#include <stdio.h>

#include "core/data/sample.h"

static const struct {
    int64_t days;
    int64_t year;
    int32_t month, day, weekday;
    int64_t iso_year;
    int32_t week;
} dates[] = {
    { -719162, 1, 1, 1, 1, 1, 1 },
    { -718008, 4, 2, 29, 7, 4, 9 },
    { -692396, 74, 4, 14, 6, 74, 15 },
    { -682944, 100, 3, 1, 1, 100, 9 },
    { -655293, 175, 11, 14, 2, 175, 46 },
    { -607943, 305, 7, 6, 4, 305, 27 },
    { -573372, 400, 2, 29, 2, 400, 9 },
    { -360880, 981, 12, 11, 2, 981, 50 },
    { -141427, 1582, 10, 15, 5, 1582, 41 },
    { -135081, 1600, 2, 29, 2, 1600, 9 },
    { -98557, 1700, 2, 28, 7, 1700, 8 },
    { -51487, 1829, 1, 13, 2, 1829, 3 },
    { -25568, 1899, 12, 31, 7, 1899, 52 },
    { -25567, 1900, 1, 1, 1, 1900, 1 },
    { -7097, 1950, 7, 28, 5, 1950, 30 },
    { -1, 1969, 12, 31, 3, 1970, 1 },
    { 0, 1970, 1, 1, 4, 1970, 1 },
    { 10956, 1999, 12, 31, 5, 1999, 52 },
    { 11016, 2000, 2, 29, 2, 2000, 9 },
    { 11322, 2000, 12, 31, 7, 2000, 52 },
    { 12783, 2004, 12, 31, 5, 2004, 53 },
    { 12785, 2005, 1, 2, 7, 2004, 53 },
    { 14609, 2009, 12, 31, 4, 2009, 53 },
    { 14612, 2010, 1, 3, 7, 2009, 53 },
    { 18627, 2020, 12, 31, 4, 2020, 53 },
    { 18630, 2021, 1, 3, 7, 2020, 53 },
    { 20087, 2024, 12, 30, 1, 2025, 1 },
    { 47540, 2100, 2, 28, 7, 2100, 8 },
    { 47541, 2100, 3, 1, 1, 2100, 9 },
    { 85880, 2205, 2, 18, 1, 2205, 8 },
    { 131343, 2329, 8, 10, 6, 2329, 32 },
    { 190983, 2492, 11, 22, 6, 2492, 47 },
    { 271152, 2712, 5, 23, 4, 2712, 21 },
    { 283980, 2747, 7, 7, 1, 2747, 28 },
    { 372903, 2990, 12, 22, 3, 2990, 51 },
    { 393571, 3047, 7, 25, 7, 3047, 29 },
    { 520745, 3395, 10, 2, 5, 3395, 40 },
    { 651836, 3754, 9, 1, 7, 3754, 35 },
    { 658892, 3773, 12, 26, 7, 3773, 51 },
    { 872362, 4358, 6, 13, 5, 4358, 24 },
    { 911194, 4464, 10, 6, 1, 4464, 41 },
    { 1109775, 5008, 6, 18, 6, 5008, 24 },
    { 1250034, 5392, 6, 23, 6, 5392, 25 },
    { 1261138, 5422, 11, 18, 1, 5422, 47 },
    { 1409147, 5828, 2, 12, 2, 5828, 7 },
    { 1475485, 6009, 9, 28, 1, 6009, 40 },
    { 1506412, 6094, 6, 1, 2, 6094, 22 },
    { 1530477, 6160, 4, 21, 1, 6160, 17 },
    { 1802583, 6905, 4, 22, 3, 6905, 17 },
    { 1926168, 7243, 9, 2, 3, 7243, 36 },
    { 1973594, 7373, 7, 8, 4, 7373, 27 },
    { 2071040, 7640, 4, 25, 3, 7640, 17 },
    { 2157013, 7875, 9, 14, 2, 7875, 37 },
    { 2186831, 7957, 5, 5, 7, 7957, 18 },
    { 2206860, 8012, 3, 6, 2, 8012, 10 },
    { 2400891, 8543, 6, 2, 7, 8543, 22 },
    { 2410423, 8569, 7, 7, 5, 8569, 27 },
    { 2587837, 9055, 4, 5, 4, 9055, 14 },
    { 2802842, 9643, 12, 3, 4, 9643, 49 },
    { 2810431, 9664, 9, 12, 5, 9664, 37 },
    { 2811279, 9667, 1, 8, 6, 9667, 1 },
    { 2854082, 9784, 3, 18, 4, 9784, 12 },
    { 2877549, 9848, 6, 18, 7, 9848, 24 },
    { 2932896, 9999, 12, 31, 5, 9999, 52 },
};

static void test_dates(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        int64_t year, iso_year;
        int32_t month, day, week, parsed;
        char text[33];
        assert_int_equal(date_from_civil(dates[i].year, dates[i].month, dates[i].day), dates[i].days);
        date_to_civil(dates[i].days, &year, &month, &day);
        assert_true(year == dates[i].year && month == dates[i].month && day == dates[i].day);
        assert_int_equal(date_day_of_week(dates[i].days), dates[i].weekday);
        date_iso_week(dates[i].days, &iso_year, &week);
        assert_int_equal(iso_year, dates[i].iso_year);
        assert_int_equal(week, dates[i].week);
        size_t len = date_print(dates[i].days, text);
        assert_int_equal(len, 10);
        assert_true(date_parse(str_make(text, len), &parsed));
        assert_int_equal(parsed, dates[i].days);
    }
    /* the quick way and the long way, around the borders of the quick one too */
    static const int64_t around[] = { -13418890, 0, 1060322933, 1074000000, INT32_MIN, INT32_MAX, 100000000000 };
    for (size_t i = 0; i < sizeof around / sizeof around[0]; i++)
        for (int64_t days = around[i] - 3000; days < around[i] + 3000; days++) {
            int64_t years[2];
            int32_t months[2], of_month[2];
            date_to_civil(days, &years[0], &months[0], &of_month[0]);
            date_to_civil_far(days, &years[1], &months[1], &of_month[1]);
            assert_true(years[0] == years[1] && months[0] == months[1] && of_month[0] == of_month[1]);
        }
    /* every day of some centuries there and back, across year 0 */
    for (int64_t days = -800000; days < 200000; days++) {
        int64_t year;
        int32_t month, day;
        date_to_civil(days, &year, &month, &day);
        assert_true(date_valid(year, month, day));
        assert_true(date_from_civil(year, month, day) == days);
    }
}

static const struct {
    const char *text;
    int64_t us;
} stamps[] = {
    { "0001-01-01 00:00:00.000000", -62135596800000000LL },
    { "1969-12-31 23:59:59.999999", -1LL },
    { "1970-01-01 00:00:00.000000", 0LL },
    { "9999-12-31 23:59:59.999999", 253402300799999999LL },
    { "5021-10-19 21:45:13.697021", 96305492713697021LL },
    { "3535-02-04 08:05:59.402264", 49389552359402264LL },
    { "4497-07-23 22:13:03.552751", 79762140783552751LL },
    { "0894-06-14 04:58:36.653901", -33941012483346099LL },
    { "0378-12-20 03:36:40.447459", -50208150199552541LL },
    { "1226-01-20 13:18:59.614285", -23476646460385715LL },
    { "1629-11-08 00:50:09.654595", -10733987390345405LL },
    { "0355-07-02 04:49:18.752180", -50948766641247820LL },
    { "7954-11-04 02:26:30.462631", 188863323990462631LL },
    { "9836-09-10 07:35:30.621162", 248248827330621162LL },
    { "9389-07-24 03:10:42.494931", 234138741042494931LL },
    { "9966-05-24 04:02:13.493602", 252341755333493602LL },
    { "2832-08-07 07:24:13.379104", 27221037853379104LL },
    { "1286-10-26 01:14:00.397589", -21559128359602411LL },
    { "9735-11-10 11:29:30.238345", 245066815770238345LL },
    { "5480-01-04 04:53:28.838026", 110765163208838026LL },
    { "1124-10-23 07:55:45.727883", -26671651454272117LL },
    { "3382-06-17 12:18:40.364012", 44572940320364012LL },
    { "4867-05-11 00:18:41.672011", 91431764321672011LL },
    { "4030-08-11 01:31:48.695966", 65026546308695966LL },
};

static void test_timestamps(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stamps / sizeof stamps[0]; i++) {
        int64_t v, ms;
        char text[49];
        assert_true(timestamp_parse(str_from(stamps[i].text), 6, &v, NULL));
        assert_int_equal(v, stamps[i].us);
        text[timestamp_print(v, 6, text)] = 0;
        assert_string_equal(text, stamps[i].text);
        assert_true(timestamp_parse(str_from(stamps[i].text), 3, &ms, NULL));
        assert_int_equal(ms, time_to_ms(v, 6));
        text[timestamp_print(ms, 3, text)] = 0;
        assert_memory_equal(text, stamps[i].text, 23);
        assert_int_equal(strlen(text), 23);
        text[timestamp_print(ms, 0, text)] = 0;
        assert_int_equal(strlen(text), 19);
    }
}

static void test_parse_good(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int32_t precision;
        int64_t want;
        int32_t offset;
    } good[] = {
        { "1970-01-01 00:00:00", 3, 0, INT32_MIN },
        { "  1970-01-01T00:00:01.5\t", 3, 1500, INT32_MIN },
        { "1970-1-2", 3, 86400000, INT32_MIN },
        { "1970-01-01 00:00:00.123456789", 9, 123456789, INT32_MIN },
        { "1970-01-01 00:00:00.1234567899", 9, 123456789, INT32_MIN },
        { "1970-01-01 00:00:00.987", 1, 900, INT32_MIN },
        { "1969-12-31 23:59:59.987", 1, -100, INT32_MIN },
        { "1969-12-31 23:59:59.999", 0, -1000, INT32_MIN },
        { "1970-01-01 1:2:3", 3, 3723000, INT32_MIN },
        { "1970-01-01T00:00:00Z", 3, 0, 0 },
        { "1970-01-01 00:00:00.5+01:00", 3, 500, 3600 },
        { "1970-01-01 00:00:00-0830", 3, 0, -30600 },
        { "1677-09-21 00:12:43.145224192", 9, INT64_MIN, INT32_MIN },
        { "2262-04-11 23:47:16.854775807", 9, INT64_MAX, INT32_MIN },
        { "0000-01-01 00:00:00", 3, -62167219200000, INT32_MIN },
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t v;
        int32_t offset = 1;
        if (!timestamp_parse(str_from(good[i].text), good[i].precision, &v, &offset))
            fail_msg("'%s'", good[i].text);
        assert_int_equal(v, good[i].want);
        assert_int_equal(offset, good[i].offset);
    }
    int32_t v;
    assert_true(date_parse(STR(" 2020-2-29 "), &v) && v == 18321);
    assert_true(time_parse(STR("12:44:31"), &v) && v == 45871000);
    assert_true(time_parse(STR("1:30:00"), &v) && v == 5400000);
    assert_true(time_parse(STR("23:59:59.9999"), &v) && v == 86399999);
    assert_true(time_parse(STR("06:07"), &v) && v == 22020000);
}

/* The 30th of February: no date, and the last day of it in a timestamp. */
static void test_parse_clamped(void **state)
{
    (void)state;
    static const struct {
        const char *text, *read;
    } cases[] = { { "2021-02-29", "2021-02-28" }, { "1900-02-29", "1900-02-28" }, { "2024-02-31", "2024-02-29" },
                  { "2021-4-31", "2021-04-30" } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int32_t days = 42;
        int64_t v, want;
        assert_false(date_parse(str_from(cases[i].text), &days));
        assert_int_equal(days, 42);
        assert_true(timestamp_parse(str_from(cases[i].text), 3, &v, NULL));
        assert_true(timestamp_parse(str_from(cases[i].read), 3, &want, NULL) && v == want);
    }
    int64_t v, want;
    assert_true(timestamp_parse(STR("2021-02-30 01:02:03"), 3, &v, NULL));
    assert_true(timestamp_parse(STR("2021-02-28 01:02:03"), 3, &want, NULL) && v == want);
    assert_false(timestamp_parse(STR("2021-02-32 01:02:03"), 3, &v, NULL));
}

static void test_parse_bad(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", " ", "2020", "2020-01", "2020-13-01", "2020-00-01", "2020-01-00", "2020-01-32",
        "20-01-01", "02020-01-01", "2020-001-01", "2020/01/01", "2020-01-01x", "2020-01-01 ", "2020-01-01 12",
        "2020-01-01 12:00", "2020-01-01 24:00:00", "2020-01-01 12:60:00", "2020-01-01 12:00:60", "2020-01-01 12:00:00.",
        "2020-01-01 12:00:00.x", "2020-01-01  12:00:00", "2020-01-01t12:00:00", "-2020-01-01", "+2020-01-01",
        "2020-01-01 12:00:00Z", "2020-01-01 12:00:00+01:00", "2020-01-01 -1:00:00", "2020- 1-01",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t v = 42;
        int32_t days = 42;
        bool alone = strcmp(bad[i], "2020-01-01 ") == 0; /* blanks around are fine */
        assert_int_equal(timestamp_parse(str_from(bad[i]), 3, &v, NULL), alone);
        assert_int_equal(date_parse(str_from(bad[i]), &days), alone);
        if (!alone)
            assert_true(v == 42 && days == 42);
    }
    static const char *const bad_zoned[] = { "2020-01-01 12:00:00+19:00", "2020-01-01 12:00:00+1:0",
                                             "2020-01-01 12:00:00+", "2020-01-01 12:00:00 Z", "2020-01-01Z",
                                             "2020-01-01 12:00:00UTC", "2020-01-01 12:00:00+01:60" };
    int64_t v;
    int32_t ms, offset;
    for (size_t i = 0; i < sizeof bad_zoned / sizeof bad_zoned[0]; i++)
        assert_false(timestamp_parse(str_from(bad_zoned[i]), 3, &v, &offset));
    assert_false(timestamp_parse(STR("1677-09-21 00:12:43.145224191"), 9, &v, NULL));
    assert_false(timestamp_parse(STR("2262-04-11 23:47:16.854775808"), 9, &v, NULL));
    assert_false(time_parse(STR("24:00:00"), &ms) || time_parse(STR("12"), &ms) || time_parse(STR("12:"), &ms) ||
                 time_parse(STR("12:00:00.123x"), &ms) || time_parse(STR("123:00:00"), &ms));
}

static void test_print(void **state)
{
    (void)state;
    char out[64];
    out[time_print(86399000, 0, out)] = 0;
    assert_string_equal(out, "23:59:59");
    out[time_print(5, 3, out)] = 0;
    assert_string_equal(out, "00:00:00.005");
    out[timestamp_print(-1, 3, out)] = 0;
    assert_string_equal(out, "1969-12-31 23:59:59.999");
    out[timestamp_print(INT64_MIN, 9, out)] = 0;
    assert_string_equal(out, "1677-09-21 00:12:43.145224192");
    out[timestamp_print(INT64_MAX, 3, out)] = 0;
    assert_string_equal(out, "292278994-08-17 07:12:55.807");
    out[timestamp_print(INT64_MIN, 3, out)] = 0;
    assert_string_equal(out, "-292275055-05-16 16:47:04.192");
    out[date_print(-719529, out)] = 0;
    assert_string_equal(out, "-0001-12-31");
    out[interval_month_print(24, out)] = 0;
    assert_string_equal(out, "+2-00");
    out[interval_month_print(-5, out)] = 0;
    assert_string_equal(out, "-0-05");
    out[interval_month_print(INT32_MIN, out)] = 0;
    assert_string_equal(out, "-178956970-08");
    out[interval_day_print(12LL * 86400000, out)] = 0;
    assert_string_equal(out, "+12 00:00:00.000");
    out[interval_day_print(-10000, out)] = 0;
    assert_string_equal(out, "-0 00:00:10.000");
    out[interval_day_print(INT64_MIN, out)] = 0;
    assert_string_equal(out, "-106751991167 07:12:55.808");
}

static void test_units_and_storages(void **state)
{
    (void)state;
    assert_int_equal(time_unit_from(STR("second")), UNIT_SECOND);
    assert_int_equal(time_unit_from(STR("SECONDS")), UNIT_SECOND);
    assert_int_equal(time_unit_from(STR("Centuries")), UNIT_CENTURY);
    assert_int_equal(time_unit_from(STR("ISOYEAR")), UNIT_ISOYEAR);
    assert_int_equal(time_unit_from(STR("secondss")), UNIT_NONE);
    assert_int_equal(time_unit_from(STR("dows")), UNIT_NONE);
    assert_int_equal(time_unit_from(STR("")), UNIT_NONE);
    for (int u = 0; u < UNIT_NONE; u++)
        assert_int_equal(time_unit_from(str_from(time_unit_name((enum time_unit)u))), u);
    int64_t v = 42;
    assert_true(time_rescale(-1, 6, 3, &v) && v == -1);
    assert_true(time_rescale(-1, 3, 9, &v) && v == -1000000);
    v = 42;
    assert_false(time_rescale(INT64_MAX / 1000, 3, 9, &v));
    assert_int_equal(v, 42);
    assert_true(time_from_ms(1500, 6, &v) && v == 1500000);
    assert_int_equal(time_to_ms(-1, 9), -1);
    assert_int_equal(time_truncate(1999, 0), 1000);
    assert_int_equal(time_truncate(-1, 0), -1000);
    assert_int_equal(time_truncate(123456, 4), 123400);
    assert_int_equal(time_truncate(123456789, 8), 123456780);
    assert_int_equal(time_truncate(123456789, 9), 123456789);
    assert_int_equal(date_add_months(date_from_civil(2020, 1, 31), 1), date_from_civil(2020, 2, 29));
    assert_int_equal(date_add_months(date_from_civil(2020, 2, 29), -12), date_from_civil(2019, 2, 28));
    assert_int_equal(date_add_months(date_from_civil(2020, 3, 31), -1), date_from_civil(2020, 2, 29));
    assert_int_equal(date_add_months(date_from_civil(0, 1, 1), -1), date_from_civil(-1, 12, 1));
}

static void test_fixed_zones(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int32_t offset;
    } good[] = {
        { "UTC", 0 },        { "Z", 0 },          { "GMT", 0 },      { "utc", 0 },          { "GMT+8", 28800 },
        { "UTC+1", 3600 },   { "GMT-08:00", -28800 }, { "+05:30", 19800 }, { "-0800", -28800 }, { "+18:00", 64800 },
        { "UTC+01:02:03", 3723 },
    };
    struct zone z;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!zone_parse(str_from(good[i].name), &z))
            fail_msg("'%s'", good[i].name);
        assert_int_equal(zone_offset_at(&z, 0), good[i].offset);
        assert_int_equal(zone_local_to_utc_ms(&z, 0), -1000LL * good[i].offset);
    }
    static const char *const bad[] = { "", "Europe/Berlin", "UTC+", "+18:01", "+1:2", "8", "GMT8", "UTC+1x", "+ 1" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(zone_parse(str_from(bad[i]), &z));
}

static void put_be(uint8_t *at, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
}

/* A small TZif file: an empty first part, then `n` changes among types 0: +01:00, 1: +02:00. */
static size_t make_tzif(uint8_t *out, const int64_t *at, const uint8_t *index, uint32_t n, const char *tail)
{
    memset(out, 0, 44 * 2);
    memcpy(out, "TZif2", 5);
    memcpy(out + 44, "TZif2", 5);
    put_be(out + 44 + 32, n, 4);
    put_be(out + 44 + 36, 2, 4);
    put_be(out + 44 + 40, 4, 4);
    uint8_t *p = out + 88;
    for (uint32_t i = 0; i < n; i++, p += 8)
        put_be(p, (uint64_t)at[i], 8);
    memcpy(p, index, n);
    p += n;
    static const uint8_t types[12] = { 0, 0, 0x0e, 0x10, 0, 0, 0, 0, 0x1c, 0x20, 1, 0 };
    memcpy(p, types, 12);
    memcpy(p + 12, "ABC", 4);
    p += 16;
    return (size_t)(p - out) + (size_t)snprintf((char *)p, 80, "\n%s\n", tail);
}

static int64_t ms_of(const char *text)
{
    int64_t v = 0;
    assert_true(timestamp_parse(str_from(text), 3, &v, NULL));
    return v;
}

static void test_named_zone(void **state)
{
    (void)state;
    struct arena a;
    struct zone z;
    struct error err;
    uint8_t file[512];
    arena_init(&a, NULL);
    /* Berlin in 2000: 26 March 01:00 UTC, 29 October 01:00 UTC; then the rule */
    int64_t at[2] = { ms_of("2000-03-26 01:00:00") / 1000, ms_of("2000-10-29 01:00:00") / 1000 };
    uint8_t index[2] = { 1, 0 };
    size_t len = make_tzif(file, at, index, 2, "CET-1CEST,M3.5.0,M10.5.0/3");
    assert_int_equal(zone_load(&a, STR("Europe/Berlin"), str_make(file, len), &z, &err), ST_OK);
    assert_true(str_eq(z.name, STR("Europe/Berlin")));
    static const struct {
        const char *utc;
        int32_t hours;
    } offsets[] = {
        { "1999-07-01 00:00:00", 1 },     { "2000-03-26 00:59:59.999", 1 }, { "2000-03-26 01:00:00", 2 },
        { "2000-10-29 00:59:59.999", 2 }, { "2000-10-29 01:00:00", 1 },     { "2024-03-31 00:59:59.999", 1 },
        { "2024-03-31 01:00:00", 2 },     { "2024-10-27 00:59:59.999", 2 }, { "2024-10-27 01:00:00", 1 },
        { "2400-07-01 00:00:00", 2 },
    };
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++)
        assert_int_equal(zone_offset_at(&z, ms_of(offsets[i].utc)), offsets[i].hours * 3600);
    static const char *const local[][2] = {
        { "2024-03-31 01:59:59.999", "2024-03-31 00:59:59.999" },
        { "2024-03-31 02:30:00", "2024-03-31 01:30:00" }, /* in the gap: forward, 03:30 summer time */
        { "2024-03-31 03:00:00", "2024-03-31 01:00:00" },
        { "2024-10-27 02:30:00", "2024-10-27 00:30:00" }, /* twice: the earlier */
        { "2024-10-27 03:00:00", "2024-10-27 02:00:00" },
        { "2000-07-01 12:00:00", "2000-07-01 10:00:00" },
    };
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
        assert_int_equal(zone_local_to_utc_ms(&z, ms_of(local[i][0])), ms_of(local[i][1]));
    (void)zone_offset_at(&z, INT64_MIN);
    (void)zone_local_to_utc_ms(&z, INT64_MAX);
    /* southern: summer time over the turn of the year; forms J and n */
    len = make_tzif(file, at, index, 0, "AAA-1BBB,M10.1.0,M4.1.0/3");
    assert_int_equal(zone_load(&a, STR("s"), str_make(file, len), &z, &err), ST_OK);
    assert_int_equal(zone_offset_at(&z, ms_of("2024-01-15 00:00:00")), 7200);
    assert_int_equal(zone_offset_at(&z, ms_of("2024-06-15 00:00:00")), 3600);
    len = make_tzif(file, at, index, 0, "<+01>-1<+02>-2,J60/0,300/-1:30");
    assert_int_equal(zone_load(&a, STR("j"), str_make(file, len), &z, &err), ST_OK);
    assert_int_equal(zone_offset_at(&z, ms_of("2024-02-29 22:59:59")), 3600); /* J60 is 1 March in leap years too */
    assert_int_equal(zone_offset_at(&z, ms_of("2024-02-29 23:00:00")), 7200);
    len = make_tzif(file, at, index, 2, "");
    assert_int_equal(zone_load(&a, STR("old"), str_make(file, len), &z, &err), ST_OK);
    assert_int_equal(zone_offset_at(&z, ms_of("2024-07-01 00:00:00")), 3600); /* the last change holds on */
    arena_release(&a);
}

static void test_bad_zone_files(void **state)
{
    (void)state;
    struct arena a;
    struct zone z;
    struct error err;
    uint8_t file[512];
    arena_init(&a, NULL);
    int64_t at[2] = { 100, 200 };
    uint8_t index[2] = { 1, 0 };
    size_t len = make_tzif(file, at, index, 2, "CET-1");
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(zone_load(&a, STR("x"), str_make(file, cut), &z, &err), ST_CORRUPT);
    put_be(file + 44 + 32, 0xffffffff, 4);
    assert_int_equal(zone_load(&a, STR("x"), str_make(file, len), &z, &err), ST_CORRUPT);
    static const char *const tails[] = { "C", "CET", "CET-", "CET-1CEST", "CET-1CEST,M3.5.0",
                                         "CET-1CEST,M13.5.0,M1.1.0",
                                         "CET-1CEST,M3.6.0,M1.1.0", "CET-1CEST,M3.5.0,M10.5.0/3x", "CET-1CEST,J0,J1",
                                         "CET-168", "<CET-1" };
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        len = make_tzif(file, at, index, 2, tails[i]);
        if (zone_load(&a, STR("x"), str_make(file, len), &z, &err) != ST_CORRUPT)
            fail_msg("'%s'", tails[i]);
    }
    index[0] = 2;
    len = make_tzif(file, at, index, 2, "CET-1");
    assert_int_equal(zone_load(&a, STR("x"), str_make(file, len), &z, &err), ST_CORRUPT);
    index[0] = 1;
    at[1] = 100;
    len = make_tzif(file, at, index, 2, "CET-1");
    assert_int_equal(zone_load(&a, STR("x"), str_make(file, len), &z, &err), ST_CORRUPT);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates),      cmocka_unit_test(test_timestamps),
        cmocka_unit_test(test_parse_good), cmocka_unit_test(test_parse_clamped), cmocka_unit_test(test_parse_bad),
        cmocka_unit_test(test_print),      cmocka_unit_test(test_units_and_storages),
        cmocka_unit_test(test_fixed_zones), cmocka_unit_test(test_named_zone),
        cmocka_unit_test(test_bad_zone_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
