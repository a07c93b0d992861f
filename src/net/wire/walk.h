/* What decoding and encoding share and nobody else needs: where in a message they are, for error texts. */
#pragma once

#include "wire/wire.h"

/* Links from the innermost array or struct outwards, on the stacks of the functions that are inside. */
struct wire_spot {
    const struct wire_spot *up;
    const struct wire_field *field;
    uint32_t index; /* in an array */
};

struct wire_at {
    const struct wire_message *m;
    int16_t version;
    const struct wire_spot *where;
    struct error *err;
};

/* "fetch_request v12, byte 40: topics[2].partitions[0].fetch_offset: 8 bytes are wanted, 3 are left". `leaf` NULL: the
 * struct itself; `byte` below 0: none. */
enum status wire_fail(const struct wire_at *at, const struct wire_field *leaf, int64_t byte, enum status st,
                      const char *fmt, ...) PRINTF_LIKE(5, 6);
/* ST_UNSUPPORTED, when the table does not have the version. */
enum status wire_check_version(const struct wire_message *m, int16_t version, struct error *err);
/* The value of a field that is not carried. */
void wire_set_default(const struct wire_field *f, void *p);
/* What the pointer of an empty array is: somewhere. */
void *wire_nothing(void);
