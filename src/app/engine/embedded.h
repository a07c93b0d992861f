/* A log without a door, with its threads: what `weir run --data` opens, and what a server puts its door before. */
#pragma once

#include "topic/topic.h"

struct embedded;
enum status embedded_open(const struct topics_options *o, struct os_signal *failed, struct topics_report *ret_report,
                          struct embedded **ret, struct error *err) MUST_USE;
struct topics *embedded_topics(const struct embedded *l);
/* Commits what waits and leaves the log clean; after a failure of the log abandons it. NULL is allowed. */
enum status embedded_close(struct embedded *l, struct error *err) MUST_USE;
