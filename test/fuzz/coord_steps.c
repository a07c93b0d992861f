/* Any bytes as a life of two groups: requests, time, refused memory, restarts. What must hold stands in drive.h. */
#include "../unit/log/coord/drive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct drive drive;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size <= 4096)
        drive_run(&drive, data, size);
    return 0;
}
