/* Partitioners. Keys are short and hashed once a record, so both are the plain loops: MurmurHash2 as Java's clients
 * have it (seed 0x9747b28c, tail bytes unsigned), and CRC-32 (zlib's) by half bytes, a table of 16.
 * Sources: the formula is Austin Appleby's, sites.google.com/site/murmurhash; librdkafka's CONFIGURATION.md,
 * "partitioner". */
#include "record/bytes.h"

#define MURMUR_SEED 0x9747b28cU
#define MURMUR_M 0x5bd1e995U
#define MURMUR_R 24

static uint32_t le_get(const uint8_t *p, size_t n)
{
    uint32_t v = 0;
    for (size_t i = 0; i < n; i++)
        v |= (uint32_t)p[i] << (8 * i);
    return v;
}

uint32_t record_murmur2(struct str key)
{
    const uint8_t *p = (const uint8_t *)key.ptr;
    size_t left = key.len;
    uint32_t h = MURMUR_SEED ^ (uint32_t)key.len;
    for (; left >= 4; p += 4, left -= 4) {
        uint32_t k = le_get(p, 4) * MURMUR_M;
        k ^= k >> MURMUR_R;
        h = h * MURMUR_M ^ k * MURMUR_M;
    }
    if (left > 0)
        h = (h ^ le_get(p, left)) * MURMUR_M;
    h ^= h >> 13;
    h *= MURMUR_M;
    return h ^ h >> 15;
}

uint32_t record_partition_murmur2(struct str key, uint32_t n)
{
    return n ? (record_murmur2(key) & INT32_MAX) % n : 0;
}

static const uint32_t crc32_steps[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

uint32_t record_partition_crc32(struct str key, uint32_t n)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < key.len; i++) {
        crc ^= (uint8_t)key.ptr[i];
        crc = crc32_steps[crc & 15] ^ crc >> 4;
        crc = crc32_steps[crc & 15] ^ crc >> 4;
    }
    return n ? ~crc % n : 0;
}
