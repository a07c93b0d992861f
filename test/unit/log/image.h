/* All files of a simulated directory, to make disks of that differ in one of them. Included behind `must`. */
#pragma once

#include "os/sim.h"

enum { FILES_MAX = 32 };
struct image {
    char names[FILES_MAX][128];
    struct buf bytes[FILES_MAX];
    uint32_t n;
};

static inline void image_add(struct image *im, struct sim *s, const char *dir)
{
    struct os *os = sim_os(s);
    struct arena a;
    struct os_name *names;
    uint32_t n;
    arena_init(&a, NULL);
    must(os->ops->list(os, dir, &a, &names, &n, NULL), &(struct error){ 0 });
    for (uint32_t i = 0; i < n; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%.*s", dir, STR_ARG(names[i].name));
        if (names[i].is_directory) {
            image_add(im, s, path);
            continue;
        }
        if (strstr(path, "lock"))
            continue;
        assert_true(im->n < FILES_MAX);
        snprintf(im->names[im->n], sizeof im->names[0], "%s", path);
        buf_init(&im->bytes[im->n], NULL, 1 << 20);
        assert_true(sim_get_file(s, path, &im->bytes[im->n]));
        im->n++;
    }
    arena_release(&a);
}

/* Another disk with the same files, but for number `which`, which is `bytes`. */
static inline struct sim *image_disk(const struct image *im, uint32_t which, const uint8_t *bytes, size_t len)
{
    struct sim *sim = sim_new(2, NULL);
    struct error err;
    char dir[128];
    for (uint32_t i = 0; i < im->n; i++) {
        snprintf(dir, sizeof dir, "%s", im->names[i]);
        *strrchr(dir, '/') = '\0';
        must(os_mkdirs(sim_os(sim), dir, &err), &err);
        const struct buf *b = &im->bytes[i];
        must(sim_put_file(sim, im->names[i], i == which ? bytes : b->data, i == which ? len : b->len), &err);
    }
    return sim;
}

static inline void image_free(struct image *im)
{
    for (uint32_t f = 0; f < im->n; f++)
        buf_release(&im->bytes[f]);
    im->n = 0;
}
