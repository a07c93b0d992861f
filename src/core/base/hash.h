/* Hashes and checksums. XXH3-64 with seed 0 is frozen: it decides key groups on disk. */
#pragma once

#include "base/str.h"

uint64_t hash_bytes(const void *data, size_t len);

/* XXH3-64, seed 0, of the eight bytes of `v` in little-endian order; equals hash_bytes(&v, 8).
 * Formula: XXH3_len_4to8_64b of the xxHash specification (doc/xxhash_spec.md, "XXH3 short input"). */
static inline uint64_t hash_u64(uint64_t v)
{
    uint64_t rotated = (v << 32) | (v >> 32);
    uint64_t h = rotated ^ (0x1cad21f72c81017cULL ^ 0xdb979083e96dd4deULL);
    h ^= ((h << 49) | (h >> 15)) ^ ((h << 24) | (h >> 40));
    h *= 0x9fb21c651e98df25ULL;
    h ^= (h >> 35) + 8;
    h *= 0x9fb21c651e98df25ULL;
    return h ^ (h >> 28);
}

/* Key groups: 256 of them, by the top byte of the key's hash. */
#define KEY_GROUPS 256u
static inline uint32_t hash_key_group(uint64_t hash) { return (uint32_t)(hash >> 56); }
/* The shard of `shards` that owns a key group: contiguous ranges. */
static inline uint32_t key_group_shard(uint32_t group, uint32_t shards) { return group * shards / KEY_GROUPS; }

/* CRC-32C (Castagnoli), as Kafka and iSCSI: start with 0, feed the result back to continue. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);
/* The same without special instructions: what crc32c falls back to where it has no fast kernel. */
uint32_t crc32c_portable(uint32_t crc, const void *data, size_t len);
