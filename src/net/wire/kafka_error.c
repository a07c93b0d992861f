/* Kafka's error codes: one row a code, found by number and by name. */
#include "wire/kafka.h"

static const struct kafka_error rows[] = {
#define RETRY true
#define FINAL false
#define ERROR(code, NAME, again, text) { code, again, #NAME, text },
#include "wire/kafka_errors.def"
#undef ERROR
};
enum { N_ROWS = sizeof rows / sizeof rows[0], FIRST = -1 };

/* The rows stand in the order of their codes, without a hole: the test counts. */
const struct kafka_error *kafka_error(int16_t code)
{
    return code >= FIRST && code - FIRST < N_ROWS ? &rows[code - FIRST] : &rows[0];
}

const struct kafka_error *kafka_error_find(struct str name)
{
    for (unsigned i = 0; i < N_ROWS; i++)
        if (str_eq(name, str_from(rows[i].name)))
            return &rows[i];
    return NULL;
}
