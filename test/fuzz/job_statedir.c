/* A state directory of any bytes: opened and restored, it gives a status, never a crash, and a refusal touches
 * nothing.
 *
 * The first byte chooses. Even: a valid directory (two snapshots, three journals) is edited: each 5 bytes of input
 * are file, offset (2), what to do, value. Odd: the input is the payload of a commit with a good checksum, so that
 * what stands behind the checksums is reached too; it is committed, folded and restored. */
#include <stdio.h>
#include <stdlib.h>

#include "job/job_private.h"
#include "os/sim.h"

#define DIR "/s"
#define FP STR("source:1: a\nsink:1: b\n")
#define FILES 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status ignore(void *arg, const struct delta *d, struct error *err)
{
    (void)err;
    *(uint64_t *)arg += d->key.len + d->value.len;
    return ST_OK;
}

static enum status visit(void *arg, struct str payload, struct error *err)
{
    return payload.len ? delta_read(payload, ignore, arg, err) : ST_OK;
}

static struct {
    bool ready;
    char path[FILES][64];
    struct buf bytes[FILES];
    uint32_t n;
} valid;

static enum status snapshot(struct commit_log *l)
{
    bool due;
    TRY(l->ops->snapshot_begin(l, true, &due, NULL));
    if (!due)
        return ST_OK;
    TRY(l->ops->snapshot_make(l, NULL));
    return l->ops->snapshot_finish(l, NULL);
}

static void make_valid(void)
{
    struct sim *s = sim_new(1, NULL);
    struct commit_log *l;
    struct os_name *names;
    struct arena a;
    uint64_t sum = 0, epoch = 0;
    CHECK(statedir_open(sim_os(s), DIR, FP, 100, NULL, &l, NULL) == ST_OK);
    CHECK(l->ops->restore(l, visit, &sum, &epoch, NULL) == ST_OK);
    struct buf payload;
    buf_init(&payload, NULL, 1u << 20);
    for (epoch = 1; epoch <= 7; epoch++) {
        struct delta_writer w = { .out = &payload };
        buf_clear(&payload);
        for (uint64_t k = 0; k < 3; k++) {
            struct delta d = { .op = DELTA_PUT, .store = STR("agg:1/g"), .fingerprint = STR("x"),
                               .hash = hash_u64(k + epoch % 2),
                               .key = str_make(&k, 8), .value = str_make(&epoch, 8) };
            CHECK(delta_write(&w, &d));
        }
        CHECK(delta_end(&w));
        CHECK(l->ops->commit(l, epoch, buf_str(&payload), NULL) == ST_OK);
        if (epoch % 3 == 2)
            CHECK(snapshot(l) == ST_OK);
    }
    buf_release(&payload);
    l->ops->close(l);
    arena_init(&a, NULL);
    CHECK(sim_os(s)->ops->list(sim_os(s), DIR, &a, &names, &valid.n, NULL) == ST_OK && valid.n <= FILES);
    for (uint32_t i = 0; i < valid.n; i++) {
        snprintf(valid.path[i], sizeof valid.path[i], "%s/%.*s", DIR, STR_ARG(names[i].name));
        buf_init(&valid.bytes[i], NULL, 1u << 20);
        CHECK(sim_get_file(s, valid.path[i], &valid.bytes[i]));
    }
    arena_release(&a);
    sim_free(s);
    valid.ready = true;
}

static void edit(struct sim *s, const uint8_t *data, size_t size)
{
    static uint8_t copy[FILES][1 << 16];
    size_t len[FILES];
    for (uint32_t i = 0; i < valid.n; i++) {
        len[i] = valid.bytes[i].len;
        CHECK(len[i] <= sizeof copy[i]);
        if (len[i])
            memcpy(copy[i], valid.bytes[i].data, len[i]);
    }
    for (; size >= 5; data += 5, size -= 5) {
        uint32_t f = data[0] % valid.n;
        size_t at = len[f] ? (data[1] | (size_t)data[2] << 8) % len[f] : 0;
        if (!len[f])
            continue;
        if (data[3] % 8 == 0)
            len[f] = at;
        else if (data[3] % 8 == 1)
            memset(copy[f] + at, data[4], len[f] - at < 32 ? len[f] - at : 32);
        else
            copy[f][at] = data[4];
    }
    for (uint32_t i = 0; i < valid.n; i++)
        CHECK(sim_put_file(s, valid.path[i], copy[i], len[i]) == ST_OK);
}

static void restore(struct sim *s, bool refusal_touches_nothing)
{
    struct commit_log *l;
    uint64_t sum = 0, epoch = 0, disk = sim_disk_sum(s);
    enum status st = statedir_open(sim_os(s), DIR, FP, 100, NULL, &l, NULL);
    if (st == ST_OK) {
        st = l->ops->restore(l, visit, &sum, &epoch, NULL);
        if (st == ST_OK)
            st = snapshot(l);
        else
            CHECK(!refusal_touches_nothing || sim_disk_sum(s) == disk);
        l->ops->close(l);
    }
    CHECK(st == ST_OK || st == ST_CORRUPT || st == ST_MISMATCH || st == ST_LIMIT);
}

static void commit_payload(struct sim *s, const uint8_t *data, size_t size)
{
    struct commit_log *l;
    uint64_t sum = 0, epoch = 0;
    CHECK(statedir_open(sim_os(s), DIR, FP, 100, NULL, &l, NULL) == ST_OK);
    CHECK(l->ops->restore(l, visit, &sum, &epoch, NULL) == ST_OK);
    CHECK(l->ops->commit(l, 1, str_make(data, size), NULL) == ST_OK);
    enum status st = snapshot(l);
    CHECK(st == ST_OK || st == ST_CORRUPT || st == ST_LIMIT);
    l->ops->close(l);
    sim_kill(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!valid.ready)
        make_valid();
    if (size == 0 || size > 1 << 16)
        return 0;
    struct sim *s = sim_new(1, NULL);
    if (data[0] % 2 == 0)
        edit(s, data + 1, size - 1);
    else
        commit_payload(s, data + 1, size - 1);
    restore(s, data[0] % 2 == 0);
    sim_free(s);
    return 0;
}
