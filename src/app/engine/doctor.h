/* What `weir doctor` does: looks at a directory of ours without touching it. */
#pragma once

#include "os/os.h"

struct doctor_finding {
    bool damage;        /* else: worth knowing, and nothing is lost */
    const char *file;   /* NULL: not known */
    int64_t byte;       /* of these, -1: not known */
    struct str topic;   /* .ptr NULL: none */
    int64_t partition, first_offset, last_offset;
    const char *what, *remedy; /* remedy: NULL: none */
};
struct doctor_report {
    enum { DOCTOR_LOG, DOCTOR_STATE } kind;
    uint32_t topics, partitions, segments; /* of a log */
    uint64_t bytes;
    uint32_t jobs; /* of a state directory */
    uint32_t damages, notes;
};
/* `found`: each finding; its strings live during the call. ST_NOT_FOUND, ST_MISMATCH: there is nothing of ours. */
enum status doctor_look(struct os *os, const char *dir, struct budget *b,
                        void (*found)(void *arg, const struct doctor_finding *f), void *arg, struct doctor_report *ret,
                        struct error *err) MUST_USE;
