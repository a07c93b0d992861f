/* Fuzzing dates, times, timestamps and zone names: what parses prints, and parses again to the same. */
#include "data/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str s = str_make(data + 1, size - 1);
    int32_t precision = data[0] % 10, days, again_days, ms, again_ms, offset;
    int64_t v, again;
    char out[48];
    struct zone zone;
    if (date_parse(s, &days)) {
        CHECK(date_parse(str_make(out, date_print(days, out)), &again_days) && days == again_days);
    }
    if (time_parse(s, &ms)) {
        CHECK(ms >= 0 && ms < 86400000);
        CHECK(time_parse(str_make(out, time_print(ms, 3, out)), &again_ms) && ms == again_ms);
    }
    if (timestamp_parse(s, precision, &v, &offset)) {
        size_t len = timestamp_print(v, precision, out);
        CHECK(timestamp_parse(str_make(out, len), precision, &again, NULL) && v == again);
    }
    if (timestamp_parse(s, precision, &v, NULL))
        CHECK(time_truncate(v, precision) == v);
    if (zone_parse(s, &zone))
        CHECK(zone.offset_s >= -64800 && zone.offset_s <= 64800);
    return 0;
}
