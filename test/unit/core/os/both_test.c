/* What both bodies of the os must do alike: each test runs on the real machine in a temporary directory
 * and on the twin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "os/sim.h"

static struct os *os;
static struct sim *sim;
static char root[64];

static const char *at(const char *name)
{
    static char path[4][256];
    static int turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", root, name);
    return p;
}

static int start_real(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(root, sizeof root, "%.30s/weir-os-XXXXXX", tmp ? tmp : "/tmp");
    os = os_real();
    return mkdtemp(root) ? 0 : -1;
}

static void delete_tree(const char *path)
{
    struct arena a;
    struct os_name *names;
    uint32_t count;
    arena_init(&a, NULL);
    assert_int_equal(os->ops->list(os, path, &a, &names, &count, NULL), ST_OK);
    for (uint32_t i = 0; i < count; i++) {
        char sub[512];
        snprintf(sub, sizeof sub, "%s/%.*s", path, STR_ARG(names[i].name));
        if (names[i].is_directory)
            delete_tree(sub);
        else
            assert_int_equal(os->ops->unlink(os, sub, NULL), ST_OK);
    }
    arena_release(&a);
    assert_int_equal(os->ops->rmdir(os, path, NULL), ST_OK);
}

static int stop_real(void **state)
{
    (void)state;
    delete_tree(root);
    return 0;
}

static int start_twin(void **state)
{
    (void)state;
    sim = sim_new(7, NULL);
    os = sim_os(sim);
    snprintf(root, sizeof root, "/tmp");
    return os->ops->mkdir(os, root, NULL) == ST_OK ? 0 : -1;
}

static int stop_twin(void **state)
{
    (void)state;
    sim_free(sim);
    return 0;
}

static void put(const char *path, const char *text)
{
    struct os_file *f;
    assert_int_equal(os_open(os, path, OS_CREATE, &f, NULL), ST_OK);
    assert_int_equal(os->ops->truncate(os, f, 0, NULL), ST_OK);
    assert_int_equal(os_pwrite(os, f, text, strlen(text), 0, NULL), ST_OK);
    os_close(os, f);
}

static void assert_file(const char *path, const char *text)
{
    struct buf b;
    struct error err = { 0 };
    buf_init(&b, NULL, 1 << 20);
    if (os_read_file(os, path, 1 << 20, &b, &err) != ST_OK)
        fail_msg("%s", err.message);
    assert_int_equal(b.len, strlen(text));
    assert_true(b.len == 0 || memcmp(b.data, text, b.len) == 0);
    buf_release(&b);
}

static void test_open_modes(void **state)
{
    (void)state;
    struct os_file *f;
    struct error err;
    assert_int_equal(os_open(os, at("a"), OS_READ, &f, &err), ST_NOT_FOUND);
    assert_string_equal(err.place, at("a"));
    assert_int_equal(os_open(os, at("a"), OS_WRITE, &f, NULL), ST_NOT_FOUND);
    assert_int_equal(os_open(os, at("no/where"), OS_CREATE, &f, NULL), ST_NOT_FOUND);
    assert_int_equal(os_open(os, at("a"), OS_EXCLUSIVE, &f, NULL), ST_OK);
    os_close(os, f);
    assert_int_equal(os_open(os, at("a"), OS_EXCLUSIVE, &f, NULL), ST_EXISTS);
    assert_int_equal(os_open(os, at("a/b"), OS_CREATE, &f, NULL), ST_IO);
    assert_int_equal(os_open(os, at("."), OS_READ, &f, NULL), ST_IO);
    assert_int_equal(os_open(os, at("."), OS_CREATE, &f, NULL), ST_IO);
    put(at("a"), "kept");
    assert_int_equal(os_open(os, at("a"), OS_CREATE, &f, NULL), ST_OK); /* does not empty it */
    os_close(os, f);
    assert_file(at("a"), "kept");
    assert_int_equal(os_open(os, at("a"), OS_READ, &f, NULL), ST_OK);
    assert_int_equal(os_pwrite(os, f, "x", 1, 0, NULL), ST_IO);
    os_close(os, f);
    os_close(os, NULL);
}

/* None, empty ones, one, more than the kernel takes at once. */
static void test_space(void **state)
{
    (void)state;
    struct error err;
    uint64_t bytes = 7, usable = 7;
    assert_int_equal(os->ops->space(os, at("nothing"), &bytes, &usable, &err), ST_NOT_FOUND);
    assert_non_null(strstr(err.message, "nothing"));
    assert_true(bytes == 7 && usable == 7);
    assert_int_equal(os->ops->space(os, root, &bytes, &usable, &err), ST_OK);
    assert_true(bytes > 7 && usable <= bytes);
}

static void test_pieces(void **state)
{
    (void)state;
    enum { MANY = 2500, MOST = 7 };
    static char want[MANY * MOST], got[MANY * MOST + 1];
    static struct str pieces[MANY];
    size_t len = 0, n;
    struct os_file *f;
    for (uint32_t i = 0; i < MANY; i++) {
        size_t part = i * 5 % (MOST + 1);
        for (size_t k = 0; k < part; k++)
            want[len + k] = (char)('a' + (i + k) % 26);
        pieces[i] = str_make(want + len, part);
        len += part;
    }
    assert_int_equal(os_open(os, at("pieces"), OS_CREATE, &f, NULL), ST_OK);
    assert_int_equal(os->ops->pwrite_pieces(os, f, pieces, 0, 0, NULL), ST_OK);
    assert_int_equal(os->ops->pwrite_pieces(os, f, pieces, 1, 9, NULL), ST_OK); /* an empty one */
    assert_int_equal(os->ops->pwrite_pieces(os, f, pieces, MANY, 3, NULL), ST_OK);
    assert_int_equal(os_pread(os, f, got, sizeof got, 3, &n, NULL), ST_OK);
    assert_int_equal(n, len);
    assert_memory_equal(got, want, len);
    os_close(os, f);
    assert_int_equal(os_open(os, at("pieces"), OS_READ, &f, NULL), ST_OK);
    assert_int_equal(os->ops->pwrite_pieces(os, f, pieces, 9, 0, NULL), ST_IO);
    os_close(os, f);
}

static void test_bytes(void **state)
{
    (void)state;
    struct os_file *f;
    char b[32];
    size_t n;
    assert_int_equal(os_open(os, at("f"), OS_CREATE, &f, NULL), ST_OK);
    assert_int_equal(os_pread(os, f, b, 10, 0, &n, NULL), ST_OK);
    assert_int_equal(n, 0);
    assert_int_equal(os_pwrite(os, f, "hello", 5, 4, NULL), ST_OK);
    assert_int_equal(os_pread(os, f, b, sizeof b, 0, &n, NULL), ST_OK);
    assert_int_equal(n, 9);
    assert_memory_equal(b, "\0\0\0\0hello", 9); /* a hole reads as zeros */
    assert_int_equal(os_pread(os, f, b, 2, 8, &n, NULL), ST_OK);
    assert_int_equal(n, 1);
    assert_int_equal(os->ops->truncate(os, f, 6, NULL), ST_OK);
    assert_int_equal(os->ops->truncate(os, f, 8, NULL), ST_OK);
    assert_int_equal(os_pread(os, f, b, sizeof b, 4, &n, NULL), ST_OK);
    assert_int_equal(n, 4);
    assert_memory_equal(b, "he\0\0", 4);
    struct os_stat st, st2;
    assert_int_equal(os->ops->fstat(os, f, &st, NULL), ST_OK);
    assert_int_equal(os->ops->stat(os, at("f"), &st2, NULL), ST_OK);
    assert_int_equal(st.bytes, 8);
    assert_int_equal(st.inode, st2.inode);
    assert_false(st.is_directory || st.is_stream);
    assert_in_range(st.mtime_ms, os_wall_ms(os) - 60000, os_wall_ms(os) + 60000);
    assert_int_equal(os_sync(os, f, NULL), ST_OK);
    os_close(os, f);
    assert_int_equal(os->ops->stat(os, root, &st, NULL), ST_OK);
    assert_true(st.is_directory);
}

static void test_names(void **state)
{
    (void)state;
    put(at("x"), "1");
    put(at("y"), "2");
    assert_int_equal(os->ops->rename(os, at("x"), at("y"), NULL), ST_OK);
    assert_file(at("y"), "1");
    struct error err;
    assert_int_equal(os->ops->rename(os, at("x"), at("z"), &err), ST_NOT_FOUND);
    assert_non_null(strstr(err.message, at("x")));
    assert_int_equal(os->ops->rename(os, at("y"), at("y"), NULL), ST_OK);
    assert_int_equal(os->ops->mkdir(os, at("d"), NULL), ST_OK);
    assert_int_equal(os->ops->mkdir(os, at("d"), NULL), ST_OK);
    assert_int_equal(os->ops->mkdir(os, at("y"), NULL), ST_EXISTS);
    assert_int_equal(os->ops->mkdir(os, at("no/d"), NULL), ST_NOT_FOUND);
    assert_int_equal(os->ops->rename(os, at("y"), at("d/y"), NULL), ST_OK);
    assert_int_equal(os->ops->rename(os, at("d"), at("d/e"), NULL), ST_IO);
    assert_int_equal(os->ops->rmdir(os, at("d"), NULL), ST_EXISTS);
    assert_int_equal(os->ops->unlink(os, at("d"), NULL), ST_IO);
    assert_int_equal(os->ops->rmdir(os, at("d/y"), NULL), ST_IO);
    assert_int_equal(os->ops->rename(os, at("d"), at("e"), NULL), ST_OK);
    assert_file(at("e/y"), "1");
    assert_int_equal(os->ops->sync_dir(os, at("e"), NULL), ST_OK);
    assert_int_equal(os->ops->sync_dir(os, at("d"), NULL), ST_NOT_FOUND);
    assert_int_equal(os->ops->sync_dir(os, at("e/y"), NULL), ST_IO);
    assert_int_equal(os->ops->unlink(os, at("e/y"), NULL), ST_OK);
    assert_int_equal(os->ops->unlink(os, at("e/y"), NULL), ST_NOT_FOUND);
    assert_int_equal(os->ops->rmdir(os, at("e"), NULL), ST_OK);
}

static void test_list_is_sorted(void **state)
{
    (void)state;
    static const char *const names[] = { "b", "a10", "a", "Z", "a2", ".hidden" };
    static const char *const sorted[] = { ".hidden", "Z", "a", "a10", "a2", "b" };
    assert_int_equal(os_mkdirs(os, at("l/sub"), NULL), ST_OK);
    struct arena a;
    struct os_name *list = NULL;
    uint32_t count = 9;
    arena_init(&a, NULL);
    assert_int_equal(os->ops->list(os, at("l/sub"), &a, &list, &count, NULL), ST_OK);
    assert_int_equal(count, 0);
    for (int i = 0; i < 6; i++) {
        char path[128];
        snprintf(path, sizeof path, "l/sub/%s", names[i]);
        if (i == 3)
            assert_int_equal(os->ops->mkdir(os, at(path), NULL), ST_OK);
        else
            put(at(path), "");
    }
    assert_int_equal(os->ops->list(os, at("l/sub"), &a, &list, &count, NULL), ST_OK);
    assert_int_equal(count, 6);
    for (int i = 0; i < 6; i++) {
        assert_true(str_eq(list[i].name, str_from(sorted[i])));
        assert_int_equal(list[i].is_directory, i == 1);
    }
    assert_int_equal(os->ops->list(os, at("l/none"), &a, &list, &count, NULL), ST_NOT_FOUND);
    assert_int_equal(os->ops->list(os, at("l/sub/a"), &a, &list, &count, NULL), ST_IO);
    struct budget tiny;
    struct arena poor;
    budget_init(&tiny, "tiny", 0, NULL);
    arena_init(&poor, &tiny);
    assert_int_equal(os->ops->list(os, at("l/sub"), &poor, &list, &count, NULL), ST_MEMORY);
    arena_release(&a);
}

static void test_open_file_outlives_its_name(void **state)
{
    (void)state;
    struct os_file *f, *g;
    char b[8];
    size_t n;
    put(at("gone"), "old");
    put(at("new"), "newer");
    assert_int_equal(os_open(os, at("gone"), OS_WRITE, &f, NULL), ST_OK);
    assert_int_equal(os->ops->unlink(os, at("gone"), NULL), ST_OK);
    assert_int_equal(os_pwrite(os, f, "OLD!", 4, 0, NULL), ST_OK);
    assert_int_equal(os_sync(os, f, NULL), ST_OK);
    assert_int_equal(os_pread(os, f, b, 8, 0, &n, NULL), ST_OK);
    assert_int_equal(n, 4);
    put(at("gone"), "another");
    assert_int_equal(os_open(os, at("gone"), OS_READ, &g, NULL), ST_OK);
    assert_int_equal(os->ops->rename(os, at("new"), at("gone"), NULL), ST_OK);
    assert_int_equal(os_pread(os, g, b, 8, 0, &n, NULL), ST_OK);
    assert_int_equal(n, 7);
    os_close(os, f);
    os_close(os, g);
    assert_file(at("gone"), "newer");
}

static void test_lock(void **state)
{
    (void)state;
    struct os_file *f, *g;
    struct error err;
    assert_int_equal(os_open(os, at("lock"), OS_CREATE, &f, NULL), ST_OK);
    assert_int_equal(os_open(os, at("lock"), OS_CREATE, &g, NULL), ST_OK);
    assert_int_equal(os->ops->lock(os, f, NULL), ST_OK);
    assert_int_equal(os->ops->lock(os, f, NULL), ST_OK);
    assert_int_equal(os->ops->lock(os, g, &err), ST_LOCKED);
    assert_non_null(strstr(err.message, "lock"));
    assert_true(err.hint[0] != '\0');
    os_close(os, f);
    assert_int_equal(os->ops->lock(os, g, NULL), ST_OK);
    os_close(os, g);
}

static void test_whole_files(void **state)
{
    (void)state;
    struct buf b;
    struct error err;
    buf_init(&b, NULL, 16);
    put(at("w"), "0123456789");
    assert_int_equal(os_read_file(os, at("w"), 10, &b, NULL), ST_OK);
    assert_int_equal(os_read_file(os, at("w"), 9, &b, &err), ST_LIMIT);
    assert_int_equal(b.len, 10);
    assert_int_equal(os_read_file(os, at("w"), 10, &b, NULL), ST_LIMIT); /* the buffer's own maximum */
    assert_int_equal(b.len, 10);
    buf_release(&b);
    buf_init(&b, NULL, 10); /* exactly full is fine */
    assert_int_equal(os_read_file(os, at("w"), 1 << 20, &b, NULL), ST_OK);
    assert_memory_equal(b.data, "0123456789", 10);
    buf_release(&b);
    struct budget tiny;
    budget_init(&tiny, "tiny", 4, NULL);
    buf_init(&b, &tiny, 100);
    assert_int_equal(os_read_file(os, at("w"), 100, &b, &err), ST_MEMORY);
    assert_int_equal(os_read_file(os, at("none"), 100, &b, &err), ST_NOT_FOUND);
    buf_release(&b);
    assert_int_equal(os_write_file(os, at("w"), "replaced", 8, NULL), ST_OK);
    assert_file(at("w"), "replaced");
    struct os_stat st;
    assert_int_equal(os->ops->stat(os, at("w.new"), &st, NULL), ST_NOT_FOUND);
    put(at("w.new"), "left over from a crash, and longer");
    assert_int_equal(os_write_file(os, at("w"), "", 0, NULL), ST_OK);
    assert_file(at("w"), "");
    assert_int_equal(os_write_file(os, at("nowhere/w"), "", 0, NULL), ST_NOT_FOUND);
}

static void test_mkdirs(void **state)
{
    (void)state;
    struct os_stat st;
    struct error err;
    assert_int_equal(os_mkdirs(os, at("m//n/./o/"), NULL), ST_OK);
    assert_int_equal(os->ops->stat(os, at("m/n/o"), &st, NULL), ST_OK);
    assert_true(st.is_directory);
    assert_int_equal(os_mkdirs(os, at("m/n/o"), NULL), ST_OK);
    put(at("m/file"), "");
    assert_int_equal(os_mkdirs(os, at("m/file/x"), &err), ST_EXISTS);
    assert_non_null(strstr(err.message, "m/file"));
    char longest[5000];
    memset(longest, 'a', sizeof longest);
    longest[4999] = '\0';
    assert_int_equal(os_mkdirs(os, longest, NULL), ST_LIMIT);
}

static void test_clocks_and_entropy(void **state)
{
    (void)state;
    int64_t a = os_mono_ns(os), b = os_mono_ns(os);
    assert_true(a > 0 && b >= a);
    assert_true(os_wall_ms(os) > INT64_C(1700000000000));
    assert_true(os->ops->cpu_ns(os) >= 0);
    uint8_t x[32], y[32];
    os->ops->entropy(os, x, sizeof x);
    os->ops->entropy(os, y, sizeof y);
    assert_memory_not_equal(x, y, sizeof x);
}

static void test_pages(void **state)
{
    (void)state;
    static const size_t sizes[] = { 1, 4096, (2 << 20) - 1, 2 << 20, (5 << 20) + 123 };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t *p = os->ops->pages(os, sizes[i]);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 4096, 0);
        for (size_t k = 0; k < sizes[i]; k += 1000)
            assert_int_equal(p[k], 0);
        memset(p, 1, sizes[i]);
        os->ops->pages_free(os, p, sizes[i]);
    }
    assert_null(os->ops->pages(os, 0));
    assert_null(os->ops->pages(os, SIZE_MAX));
    os->ops->pages_free(os, NULL, 1);
}

static void test_signal(void **state)
{
    (void)state;
    struct os_signal *s = os->ops->signal_new(os);
    assert_non_null(s);
    assert_false(os->ops->signal_wait(os, s, 0));
    os->ops->signal_raise(os, s);
    os->ops->signal_raise(os, s);
    assert_true(os->ops->signal_wait(os, s, INT64_MAX));
    assert_false(os->ops->signal_wait(os, s, os_mono_ns(os) + 1000)); /* once, however often it was raised */
    os->ops->signal_free(os, s);
    os->ops->signal_free(os, NULL);
}

#define BOTH(test)                                                             \
    { #test "_real", test, start_real, stop_real, NULL },                      \
    { #test "_twin", test, start_twin, stop_twin, NULL }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_open_modes),  BOTH(test_bytes), BOTH(test_pieces), BOTH(test_space), BOTH(test_names),     BOTH(test_list_is_sorted),
        BOTH(test_open_file_outlives_its_name),   BOTH(test_lock),        BOTH(test_whole_files),
        BOTH(test_mkdirs),      BOTH(test_clocks_and_entropy),            BOTH(test_pages),
        BOTH(test_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
