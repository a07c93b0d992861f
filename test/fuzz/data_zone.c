/* Fuzzing TZif files: any bytes, and offsets of a few moments in what loads. */
#include "data/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t moments[] = { INT64_MIN, -1, 0, 951782400000, 1711843200000, 32503680000000, INT64_MAX };
    struct arena a;
    struct zone z;
    struct error err;
    arena_init(&a, NULL);
    if (zone_load(&a, STR("fuzzed"), str_make(data, size), &z, &err) == ST_OK)
        for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
            int32_t offset = zone_offset_at(&z, moments[i]);
            CHECK(offset >= -168 * 3600 && offset <= 169 * 3600);
            (void)zone_local_to_utc_ms(&z, moments[i]);
        }
    arena_release(&a);
    return 0;
}
