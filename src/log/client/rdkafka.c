/* librdkafka's calls by their names. */
#include "client/rdkafka.h"

#define NAME_OF(NAME) "rd_kafka_" #NAME,

struct rdkafka rdk;

enum status rdkafka_open(struct error *err)
{
    static const char *const names[] = { RDKAFKA_CALLS(NAME_OF) };
    static struct library library = LIBRARY("librdkafka.so.1", "librdkafka1", names, rdk);
    return library_open(&library, err);
}
