/* Fuzzes decompression: the first byte picks the codec, the second the sizes of the pieces. Holds when
 * nothing crashes, no memory beyond the budget is used or left, and every step advances. */
#include <stdlib.h>

#include "pack/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct budget budget;
    budget_init(&budget, "fuzz", 1 << 20, NULL);
    struct unpacker *u = unpacker_new((enum codec)(1 + data[0] % 3), &budget);
    if (!u)
        abort();
    size_t piece = (size_t)(data[1] & 15) * 8 + 1, room = (size_t)(data[1] >> 4) * 64 + 1, total = 0, made = 0;
    data += 2;
    size -= 2;
    uint8_t out[1024];
    do {
        size_t used, give = size < piece ? size : piece;
        bool end;
        if (unpacker_step(u, data, give, &used, out, room, &made, &end, NULL) != ST_OK)
            break;
        if (used > give || made > room || (used == 0 && made == 0 && give > 0))
            abort();
        data += used;
        size -= used;
        total += made;
    } while ((size > 0 || made == room) && total < 1 << 20);
    unpacker_free(u);
    if (atomic_load(&budget.used) != 0)
        abort();
    return 0;
}
