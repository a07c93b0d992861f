/* All formats, in the order in which help shows them. */
#include "format/format.h"

const struct format *const *format_all(uint32_t *ret_count)
{
    static const struct format *const all[] = { &format_json, &format_csv, &format_raw, &format_debezium_json };
    *ret_count = sizeof all / sizeof all[0];
    return all;
}
