/* What only the real machine has: threads, work off the caller's thread, waiting, full devices, pipes,
 * stop signals. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/os.h"

struct job {
    struct os_work work;
    struct os_signal *gate; /* waits for it when set */
    pid_t thread;
    atomic_int *count;
};

static void job_run(struct os_work *w)
{
    struct job *j = w->arg;
    j->thread = gettid();
    if (j->gate)
        assert_true(os_real()->ops->signal_wait(os_real(), j->gate, INT64_MAX));
    atomic_fetch_add(j->count, 1);
}

static void test_work(void **state)
{
    (void)state;
    struct os *os = os_real();
    enum { N = 200 };
    static struct job jobs[N];
    atomic_int count = 0;
    struct os_signal *s = os->ops->signal_new(os);
    for (int i = 0; i < N; i++) {
        jobs[i] = (struct job){ .work = { .run = job_run, .arg = &jobs[i], .signal = i % 2 ? s : NULL },
                                .count = &count };
        os->ops->work(os, &jobs[i].work);
    }
    int64_t deadline = os_mono_ns(os) + INT64_C(10000000000);
    for (int i = 0; i < N; i++) {
        while (!atomic_load(&jobs[i].work.done) && os_mono_ns(os) < deadline)
            os->ops->signal_wait(os, s, os_mono_ns(os) + 1000000);
        assert_true(atomic_load(&jobs[i].work.done));
        assert_int_not_equal(jobs[i].thread, gettid());
    }
    assert_int_equal(count, N);
    os->ops->signal_free(os, s);
}

/* A read that hangs (here: a gate) does not hold up the sync behind it. */
static void test_hanging_work_does_not_block(void **state)
{
    (void)state;
    struct os *os = os_real();
    atomic_int count = 0;
    struct os_signal *s = os->ops->signal_new(os), *gate = os->ops->signal_new(os);
    struct job hang = { .work = { .run = job_run, .arg = &hang, .signal = s }, .gate = gate, .count = &count };
    struct job quick = { .work = { .run = job_run, .arg = &quick, .signal = s }, .count = &count };
    os->ops->work(os, &hang.work);
    os->ops->work(os, &quick.work);
    assert_true(os->ops->signal_wait(os, s, os_mono_ns(os) + INT64_C(10000000000)));
    assert_true(atomic_load(&quick.work.done));
    assert_false(atomic_load(&hang.work.done));
    os->ops->signal_raise(os, gate);
    assert_true(os->ops->signal_wait(os, s, os_mono_ns(os) + INT64_C(10000000000)));
    assert_true(atomic_load(&hang.work.done));
    os->ops->signal_free(os, s);
    os->ops->signal_free(os, gate);
}

/* Whoever has seen `done` may free the signal at once: many rounds for the sanitizers. */
static void test_free_after_done(void **state)
{
    (void)state;
    struct os *os = os_real();
    atomic_int count = 0;
    for (int i = 0; i < 2000; i++) {
        struct os_signal *s = os->ops->signal_new(os);
        struct job j = { .work = { .run = job_run, .arg = &j, .signal = s }, .count = &count };
        os->ops->work(os, &j.work);
        while (!atomic_load(&j.work.done)) {
        }
        os->ops->signal_free(os, s);
    }
    assert_int_equal(count, 2000);
}

static void test_deadline(void **state)
{
    (void)state;
    struct os *os = os_real();
    struct os_signal *s = os->ops->signal_new(os);
    int64_t start = os_mono_ns(os), until = start + 30000000;
    assert_false(os->ops->signal_wait(os, s, until));
    assert_true(os_mono_ns(os) >= until);
    os->ops->signal_free(os, s);
}

struct ping {
    struct os_signal *there, *back;
    int rounds;
};

static void ping_run(void *arg)
{
    struct ping *p = arg;
    for (; p->rounds < 1000; p->rounds++) {
        os_real()->ops->signal_wait(os_real(), p->there, INT64_MAX);
        os_real()->ops->signal_raise(os_real(), p->back);
    }
}

static void test_thread(void **state)
{
    (void)state;
    struct os *os = os_real();
    struct ping p = { os->ops->signal_new(os), os->ops->signal_new(os), 0 };
    struct os_thread *t;
    assert_int_equal(os->ops->thread_start(os, "a name longer than the kernel takes", ping_run, &p, &t, NULL), ST_OK);
    for (int i = 0; i < 1000; i++) {
        os->ops->signal_raise(os, p.there);
        assert_true(os->ops->signal_wait(os, p.back, os_mono_ns(os) + INT64_C(10000000000)));
    }
    os->ops->thread_join(os, t);
    assert_int_equal(p.rounds, 1000);
    os->ops->signal_free(os, p.there);
    os->ops->signal_free(os, p.back);
}

struct locked {
    struct lock lock;
    uint64_t count; /* under it */
    atomic_bool held;
    int64_t cpu_ns;
};

static void lock_often(void *arg)
{
    struct locked *l = arg;
    for (int i = 0; i < 50000; i++) {
        lock_take(&l->lock);
        l->count++;
        lock_give(&l->lock);
    }
}

static void lock_after_long(void *arg)
{
    struct locked *l = arg;
    struct os *os = os_real();
    int64_t from = os->ops->cpu_ns(os);
    while (!atomic_load(&l->held))
        usleep(1000);
    lock_take(&l->lock);
    l->count++;
    lock_give(&l->lock);
    l->cpu_ns = os->ops->cpu_ns(os) - from;
}

/* One at a time; and who waits long for it sleeps: its holder may have lost its processor to the waiter. */
static void test_lock(void **state)
{
    (void)state;
    struct os *os = os_real();
    struct os_thread *t[4];
    static struct locked l;
    for (int i = 0; i < 4; i++)
        assert_int_equal(os->ops->thread_start(os, "often", lock_often, &l, &t[i], NULL), ST_OK);
    for (int i = 0; i < 4; i++)
        os->ops->thread_join(os, t[i]);
    assert_int_equal(l.count, 200000);
    assert_int_equal(os->ops->thread_start(os, "long", lock_after_long, &l, &t[0], NULL), ST_OK);
    lock_take(&l.lock);
    atomic_store(&l.held, true);
    usleep(200000);
    assert_int_equal(l.count, 200000);
    lock_give(&l.lock);
    os->ops->thread_join(os, t[0]);
    assert_int_equal(l.count, 200001);
    assert_true(l.cpu_ns < 50000000);
}

static void test_full_device(void **state)
{
    (void)state;
    struct os *os = os_real();
    struct os_file *f;
    struct error err;
    if (os_open(os, "/dev/full", OS_WRITE, &f, NULL) != ST_OK)
        skip();
    assert_int_equal(os_pwrite(os, f, "x", 1, 0, &err), ST_FULL);
    assert_non_null(strstr(err.message, "/dev/full"));
    assert_non_null(strstr(err.message, "No space left"));
    assert_non_null(strstr(err.hint, "free some space"));
    struct os_stat st;
    assert_int_equal(os->ops->fstat(os, f, &st, NULL), ST_OK);
    assert_true(st.is_stream);
    /* It cannot be synced, and once that has failed it is not tried again. */
    assert_int_equal(os_sync(os, f, NULL), ST_IO);
    assert_int_equal(os_sync(os, f, &err), ST_IO);
    assert_non_null(strstr(err.message, "earlier sync"));
    os_close(os, f);
}

static void test_pipe_is_named(void **state)
{
    (void)state;
    struct os *os = os_real();
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    char path[64], b[4];
    size_t n;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fds[0]);
    struct os_file *f;
    struct error err;
    assert_int_equal(os_open(os, path, OS_READ, &f, NULL), ST_OK);
    assert_int_equal(os_pread(os, f, b, 4, 0, &n, &err), ST_UNSUPPORTED);
    assert_non_null(strstr(err.hint, "standard input"));
    os_close(os, f);
    close(fds[0]);
    close(fds[1]);
}

/* Within ten seconds, looked at every ten milliseconds: the thread sanitizer keeps a signal back until its thread makes a
 * call that the sanitizer knows, and the futex that this one sleeps on is none. */
static bool raised(struct os *os, struct os_signal *s)
{
    for (int i = 0; i < 1000; i++)
        if (os->ops->signal_wait(os, s, os_mono_ns(os) + INT64_C(10000000)))
            return true;
    return false;
}

/* A child with its standard streams on pipes: what it reads from 0 it writes to 1, then it waits to be asked, then to be
 * stopped, and says by which signal. */
static int child(void)
{
    struct os *os = os_real();
    char b[64];
    size_t n;
    struct os_signal *s = os->ops->signal_new(os);
    if (os_real_catch_stop(s, NULL) != ST_OK || os_real_caught() != 0)
        return 90;
    os_real_catch_asking();
    do {
        if (os->ops->stream_read(os, 0, b, sizeof b, &n, NULL) != ST_OK ||
            os->ops->stream_write(os, 1, b, n, NULL) != ST_OK)
            return 91;
    } while (n > 0);
    if (os_real_asked() || os->ops->stream_write(os, 1, "!", 1, NULL) != ST_OK)
        return 92;
    if (!raised(os, s) || !os_real_asked() || os_real_asked() ||
        os_real_caught() != 0 || os->ops->stream_write(os, 1, "a", 1, NULL) != ST_OK)
        return 95;
    if (!raised(os, s))
        return 93;
    /* The reader has gone by now: a status, no signal. */
    if (os->ops->stream_write(os, 1, "?", 1, NULL) != ST_IO)
        return 94;
    return os_real_caught();
}

static void test_streams_and_stop(void **state)
{
    (void)state;
    int in[2], out[2];
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe2(out, O_NONBLOCK), 0); /* somebody may have set it: the os waits by itself */
    pid_t pid = fork();
    if (pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[0]);
        close(in[1]);
        close(out[0]);
        close(out[1]);
        _exit(child());
    }
    close(in[0]);
    close(out[1]);
    fcntl(out[0], F_SETFL, 0);
    char b[64] = "";
    assert_int_equal(write(in[1], "line\n", 5), 5);
    assert_int_equal(read(out[0], b, sizeof b), 5);
    assert_memory_equal(b, "line\n", 5);
    close(in[1]);
    assert_int_equal(read(out[0], b, sizeof b), 1);
    assert_int_equal(kill(pid, SIGUSR1), 0);
    assert_int_equal(read(out[0], b, sizeof b), 1);
    assert_int_equal(b[0], 'a');
    close(out[0]);
    assert_int_equal(kill(pid, SIGTERM), 0);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), SIGTERM);
}

/* A child that notes signals: it waits for each of ours and answers with what it saw. */
static int noting_child(void)
{
    struct os *os = os_real();
    struct os_signal *s = os->ops->signal_new(os);
    char b[64];
    size_t n;
    if (os_real_note_signals(s, NULL) != ST_OK || os_real_noted() != 0 || os_real_wait_input(1) != 0)
        return 90;
    if (os->ops->stream_write(os, 1, "r", 1, NULL) != ST_OK)
        return 91;
    for (unsigned seen = 0; seen != (OS_NOTED_INTERRUPT | OS_NOTED_TERMINATE | OS_NOTED_RESIZE);) {
        unsigned got = os_real_wait_input(10000);
        if (!got || (got & (OS_INPUT | OS_NOTED_CONTINUE)) || (seen & got))
            return 92; /* none, or one twice */
        seen |= got;
        if (os->ops->stream_write(os, 1, "s", 1, NULL) != ST_OK)
            return 93;
    }
    if (!raised(os, s) || os_real_caught() != SIGINT)
        return 94;
    if (os_real_wait_input(10000) != OS_INPUT || os->ops->stream_read(os, 0, b, sizeof b, &n, NULL) != ST_OK || n != 2)
        return 95;
    if (os_real_wait_input(10000) != OS_INPUT) /* the end is input, too */
        return 96;
    os_real_end_by(SIGINT);
    return 97;
}

static void test_noted_signals(void **state)
{
    (void)state;
    static const int numbers[] = { SIGWINCH, SIGTERM, SIGINT };
    int in[2], out[2];
    char b;
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        _exit(noting_child());
    }
    close(in[0]);
    close(out[1]);
    assert_int_equal(read(out[0], &b, 1), 1); /* it is ready */
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_int_equal(kill(pid, numbers[i]), 0);
        assert_int_equal(read(out[0], &b, 1), 1);
    }
    assert_int_equal(write(in[1], "ab", 2), 2);
    close(in[1]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFSIGNALED(status))
        fail_msg("the child said %d", WEXITSTATUS(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
    close(out[0]);
}

static void test_pipe_to(void **state)
{
    (void)state;
    struct os *os = os_real();
    struct os_pipe *p = NULL;
    struct buf got;
    struct error err;
    char dir[] = "/tmp/weir-os-XXXXXX", command[64], path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/out", dir);
    snprintf(command, sizeof command, "cat >%s", path);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(os_real_pipe_to(command, &p, &err), ST_OK);
    for (int i = 0; i < 20000; i++)
        assert_int_equal(os_real_pipe_write(p, STR("a line\n"), &err), ST_OK);
    os_real_pipe_end(p); /* waits: the file is whole */
    buf_init(&got, NULL, 1 << 20);
    assert_int_equal(os_read_file(os, path, 1 << 20, &got, &err), ST_OK);
    assert_int_equal(got.len, 20000 * 7);
    buf_release(&got);
    assert_int_equal(os_real_pipe_to("exit 0", &p, &err), ST_OK);
    enum status st = ST_OK;
    for (int i = 0; i < 1000000 && st == ST_OK; i++)
        st = os_real_pipe_write(p, STR("to nobody\n"), &err);
    assert_int_equal(st, ST_IO);
    os_real_pipe_end(p);
    assert_int_equal(os->ops->unlink(os, path, NULL), ST_OK);
    assert_int_equal(rmdir(dir), 0);
}

static void test_private_file(void **state)
{
    (void)state;
    struct os *os = os_real();
    struct os_file *f = NULL;
    struct stat st;
    char dir[] = "/tmp/weir-os-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/secret", dir);
    mode_t mask = umask(0);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(os_open(os, path, OS_PRIVATE, &f, NULL), ST_OK);
        assert_int_equal(os_pwrite(os, f, "x", 1, 0, NULL), ST_OK);
        os_close(os, f);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    umask(mask);
    assert_int_equal(os->ops->unlink(os, path, NULL), ST_OK);
    assert_int_equal(rmdir(dir), 0);
}

static void test_machine(void **state)
{
    (void)state;
    assert_true(os_real_cpus() >= 1);
    assert_false(os_real_is_terminal(7));
    assert_ptr_equal(os_real(), os_real());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_and_stop), /* first: a fork before there are threads */
        cmocka_unit_test(test_noted_signals),
        cmocka_unit_test(test_pipe_to),
        cmocka_unit_test(test_private_file),
        cmocka_unit_test(test_work),
        cmocka_unit_test(test_hanging_work_does_not_block),
        cmocka_unit_test(test_free_after_done),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_thread),
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_full_device),
        cmocka_unit_test(test_pipe_is_named),
        cmocka_unit_test(test_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
