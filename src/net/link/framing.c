/* Kafka's frames: a length of four bytes, big-endian, then so many bytes.
 *
 * A length that cannot be is refused before anything is made for it. Whoever speaks another protocol shows it here: the
 * first bytes read as a length are huge, and the error says what they look like. */
#include "link/link_private.h"

#define HEADER_LEAST 8u /* api key, version, correlation id */

static const struct {
    const char *bytes;
    size_t len;
    const char *what;
} strangers[] = {
    { "\x16\x03", 2, "TLS" }, { "GET ", 4, "HTTP" },  { "POST", 4, "HTTP" },  { "PUT ", 4, "HTTP" },
    { "HEAD", 4, "HTTP" },    { "HTTP", 4, "HTTP" },  { "PRI ", 4, "HTTP/2" }, { "*1\r\n", 4, "Redis" },
    { "*2\r\n", 4, "Redis" }, { "*3\r\n", 4, "Redis" }, { "PING", 4, "Redis" }, { "SSH-", 4, "SSH" },
};

static enum status kafka_find(const struct link_options *o, const uint8_t *bytes, size_t len, uint64_t *state,
                              size_t *ret_whole, size_t *ret_skip, struct error *err)
{
    (void)state;
    *ret_whole = 0;
    *ret_skip = 4;
    if (len < 4)
        return ST_OK;
    uint32_t n = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    if (n >= HEADER_LEAST && n <= o->max_frame) {
        *ret_whole = (size_t)n + 4;
        return ST_OK;
    }
    error_set(err, ST_DATA, "a frame of %d bytes is refused: it has at least %u and at most %u", (int32_t)n, HEADER_LEAST,
              o->max_frame);
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        if (memcmp(bytes, strangers[i].bytes, strangers[i].len) == 0)
            error_hint(err, "its first bytes look like %s: this port speaks Kafka's protocol", strangers[i].what);
    }
    return ST_DATA;
}

const struct link_framing link_kafka = { .find = kafka_find, .head_max = 4 };
