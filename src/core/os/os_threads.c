/* Threads of the real body: wake-ups, threads, background work, and the signals that stop a program.
 *
 * Background work goes to a small pool. A thread is added only when work comes and none is idle, up to
 * WORKERS_MAX, because one piece may hang for hours (a read of a silent pipe) while a sync is urgent.
 * When a thread cannot be had, the work is done on the caller's thread: slow, but done.
 *
 * A wake-up is a word that its waiter sleeps on: a raise that nobody sleeps through costs no system call. It is raised, and
 * `done` of a piece of work is set, under a mutex that signal_free passes through: whoever has seen either may free the
 * signal at once. Sleepers are woken behind the mutex, so that they do not run into it. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/real_private.h"

#define WORKERS_MAX 8u

/* A signal's state. It is not calm again by itself after a sleep that ended by its time: a raise then wakes nobody. */
enum { CALM, RAISED, SLEPT_ON };

struct os_signal {
    pthread_mutex_t mutex;
    atomic_uint state;
    int event_fd; /* of a poller, or -1 */
};

struct os_thread {
    pthread_t id;
    void (*run)(void *arg);
    void *arg;
    char name[16];
};

/* ---- sleeping on a word ---- */

/* As long as it has that value, until the monotonic clock says so (NULL: for ever). Whatever it returns for: look again. */
static void futex_wait(atomic_uint *at, unsigned value, const struct timespec *until)
{
    (void)syscall(SYS_futex, at, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value, until, NULL, FUTEX_BITSET_MATCH_ANY);
}

/* Uses the address only: what stands there may be freed already. */
static void futex_wake(atomic_uint *at, int most)
{
    (void)syscall(SYS_futex, at, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, most, NULL, NULL, 0);
}

/* ---- wake-ups ---- */

struct os_signal *real_signal_new(struct os *os)
{
    (void)os;
    return real_signal_with(-1);
}

struct os_signal *real_signal_with(int event_fd)
{
    struct os_signal *s = mem_calloc(NULL, sizeof *s);
    if (!s)
        return NULL;
    CHECK(pthread_mutex_init(&s->mutex, NULL) == 0);
    s->event_fd = event_fd;
    return s;
}

void real_signal_free(struct os *os, struct os_signal *s)
{
    (void)os;
    if (!s)
        return;
    CHECK(pthread_mutex_lock(&s->mutex) == 0); /* lets a raiser that has just set `done` leave */
    CHECK(pthread_mutex_unlock(&s->mutex) == 0);
    pthread_mutex_destroy(&s->mutex);
    mem_free(NULL, s, sizeof *s);
}

static void signal_raise_done(struct os_signal *s, atomic_bool *done)
{
    CHECK(pthread_mutex_lock(&s->mutex) == 0);
    if (done)
        atomic_store_explicit(done, true, memory_order_release);
    unsigned was = atomic_exchange(&s->state, RAISED);
    if (was != RAISED && s->event_fd >= 0) {
        uint64_t one = 1;
        CHECK(write(s->event_fd, &one, sizeof one) == sizeof one);
    }
    CHECK(pthread_mutex_unlock(&s->mutex) == 0);
    if (was == SLEPT_ON)
        futex_wake(&s->state, INT_MAX);
}

void real_signal_raise(struct os *os, struct os_signal *s)
{
    (void)os;
    signal_raise_done(s, NULL);
}

static bool take(struct os_signal *s)
{
    unsigned raised = RAISED;
    return atomic_compare_exchange_strong(&s->state, &raised, CALM);
}

bool real_signal_take(struct os_signal *s)
{
    CHECK(pthread_mutex_lock(&s->mutex) == 0);
    bool raised = take(s);
    uint64_t count;
    if (raised && s->event_fd >= 0)
        CHECK(read(s->event_fd, &count, sizeof count) == sizeof count);
    CHECK(pthread_mutex_unlock(&s->mutex) == 0);
    return raised;
}

bool real_signal_wait(struct os *os, struct os_signal *s, int64_t deadline_ns)
{
    struct timespec until = { .tv_sec = deadline_ns > 0 ? deadline_ns / 1000000000 : 0,
                              .tv_nsec = deadline_ns > 0 ? deadline_ns % 1000000000 : 0 };
    CHECK(s->event_fd < 0); /* a poller's is waited for by its poller */
    while (!take(s)) {
        if (deadline_ns != INT64_MAX && os_mono_ns(os) >= deadline_ns)
            return false;
        unsigned calm = CALM;
        if (atomic_compare_exchange_strong(&s->state, &calm, SLEPT_ON) || calm == SLEPT_ON)
            futex_wait(&s->state, SLEPT_ON, deadline_ns == INT64_MAX ? NULL : &until);
    }
    return true;
}

/* ---- locks ---- */

#define LOOKS 200u

void lock_wait(struct lock *l)
{
    for (unsigned i = 0; i < LOOKS; i++) {
        unsigned free = 0;
        if (atomic_load_explicit(&l->state, memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong_explicit(&l->state, &free, 1, memory_order_acquire, memory_order_relaxed))
            return;
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    while (atomic_exchange_explicit(&l->state, 2, memory_order_acquire) != 0)
        futex_wait(&l->state, 2, NULL);
}

void lock_wake(struct lock *l)
{
    futex_wake(&l->state, 1);
}

/* ---- threads ---- */

/* Signals belong to the program's first thread: ours start with all of them blocked. */
static int thread_create(pthread_t *ret, void *(*run)(void *arg), void *arg)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(ret, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

static void *thread_main(void *arg)
{
    struct os_thread *t = arg;
    pthread_setname_np(pthread_self(), t->name);
    t->run(t->arg);
    return NULL;
}

enum status real_thread_start(struct os *os, const char *name, void (*run)(void *arg), void *arg,
                              struct os_thread **ret, struct error *err)
{
    (void)os;
    struct os_thread *t = mem_calloc(NULL, sizeof *t);
    if (!t)
        return budget_error(budget_process(), sizeof *t, err);
    t->run = run;
    t->arg = arg;
    snprintf(t->name, sizeof t->name, "%s", name);
    int rc = thread_create(&t->id, thread_main, t);
    if (rc != 0) {
        mem_free(NULL, t, sizeof *t);
        char text[128];
        error_set(err, ST_IO, "cannot start the thread '%s': %s", name, strerror_r(rc, text, sizeof text));
        error_hint(err, "raise the limit of processes ('ulimit -u')");
        return ST_IO;
    }
    *ret = t;
    return ST_OK;
}

void real_thread_join(struct os *os, struct os_thread *t)
{
    (void)os;
    if (!t)
        return;
    CHECK(pthread_join(t->id, NULL) == 0);
    mem_free(NULL, t, sizeof *t);
}

/* ---- background work ---- */

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    struct os_work *first, *last;
    uint32_t queued, idle, threads;
} pool = { .mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };

static void work_finish(struct os_work *w)
{
    struct os_signal *s = w->signal;
    w->run(w);
    if (s)
        signal_raise_done(s, &w->done);
    else
        atomic_store_explicit(&w->done, true, memory_order_release);
}

static void *worker_main(void *arg)
{
    (void)arg;
    pthread_setname_np(pthread_self(), "weir-work");
    CHECK(pthread_mutex_lock(&pool.mutex) == 0);
    for (;;) {
        while (!pool.first) {
            pool.idle++;
            pthread_cond_wait(&pool.cond, &pool.mutex);
            pool.idle--;
        }
        struct os_work *w = pool.first;
        pool.first = w->next;
        pool.queued--;
        CHECK(pthread_mutex_unlock(&pool.mutex) == 0);
        work_finish(w);
        CHECK(pthread_mutex_lock(&pool.mutex) == 0);
    }
    return NULL;
}

void real_work(struct os *os, struct os_work *w)
{
    (void)os;
    w->next = NULL;
    CHECK(pthread_mutex_lock(&pool.mutex) == 0);
    if (pool.queued >= pool.idle && pool.threads < WORKERS_MAX) {
        pthread_t id;
        if (thread_create(&id, worker_main, NULL) == 0) {
            pthread_detach(id);
            pool.threads++;
        }
    }
    bool here = pool.threads == 0;
    if (!here) {
        if (pool.first)
            pool.last->next = w;
        else
            pool.first = w;
        pool.last = w;
        pool.queued++;
        pthread_cond_signal(&pool.cond);
    }
    CHECK(pthread_mutex_unlock(&pool.mutex) == 0);
    if (here)
        work_finish(w);
}

/* ---- stop signals ---- */

static struct {
    sem_t semaphore;
    volatile sig_atomic_t number;
    struct os_signal *signal;
} stop;

/* Only a semaphore may be posted from a signal handler; a thread passes it on to the wake-up. */
static void stop_handler(int number)
{
    int saved = errno;
    stop.number = number;
    sem_post(&stop.semaphore);
    errno = saved;
}

static void *stop_main(void *arg)
{
    (void)arg;
    pthread_setname_np(pthread_self(), "weir-stop");
    for (;;) {
        if (sem_wait(&stop.semaphore) == 0)
            signal_raise_done(stop.signal, NULL);
    }
    return NULL;
}

static enum status pass_to(struct os_signal *s, struct error *err)
{
    CHECK(!stop.signal);
    CHECK(sem_init(&stop.semaphore, 0, 0) == 0);
    stop.signal = s;
    pthread_t id;
    int rc = thread_create(&id, stop_main, NULL);
    if (rc != 0) {
        stop.signal = NULL;
        return error_set(err, ST_IO, "cannot start the thread that waits for SIGINT and SIGTERM");
    }
    pthread_detach(id);
    real_handle(SIGPIPE, SIG_IGN, 0);
    return ST_OK;
}

void real_handle(int number, void (*handler)(int number), int flags)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART | flags };
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(number, &action, NULL) == 0);
}

enum status os_real_catch_stop(struct os_signal *s, struct error *err)
{
    TRY(pass_to(s, err));
    real_handle(SIGINT, stop_handler, (int)SA_RESETHAND);
    real_handle(SIGTERM, stop_handler, (int)SA_RESETHAND);
    return ST_OK;
}

/* ---- the signal that asks ---- */

static atomic_bool asked;

static void asking_handler(int number)
{
    int saved = errno;
    (void)number;
    atomic_store(&asked, true);
    sem_post(&stop.semaphore);
    errno = saved;
}

void os_real_catch_asking(void)
{
    CHECK(stop.signal);
    real_handle(SIGUSR1, asking_handler, 0);
}

bool os_real_asked(void) { return atomic_exchange(&asked, false); }

/* ---- signals of a program with a prompt ---- */

#define UNHEARD_MAX 3u

static atomic_uint noted;
static atomic_uint unheard; /* SIGINTs since somebody asked */

static const struct {
    int number;
    unsigned bit;
} noting[] = { { SIGINT, OS_NOTED_INTERRUPT },
               { SIGTERM, OS_NOTED_TERMINATE },
               { SIGWINCH, OS_NOTED_RESIZE },
               { SIGCONT, OS_NOTED_CONTINUE } };

static void note_handler(int number)
{
    for (size_t i = 0; i < sizeof noting / sizeof *noting; i++)
        if (noting[i].number == number)
            atomic_fetch_or(&noted, noting[i].bit);
    if (number == SIGINT && atomic_fetch_add(&unheard, 1) + 1 == UNHEARD_MAX)
        os_real_end_by(number);
    if (number == SIGINT || number == SIGTERM)
        stop_handler(number);
}

enum status os_real_note_signals(struct os_signal *s, struct error *err)
{
    TRY(pass_to(s, err));
    for (size_t i = 0; i < sizeof noting / sizeof *noting; i++)
        real_handle(noting[i].number, note_handler, 0);
    return ST_OK;
}

unsigned os_real_noted(void)
{
    atomic_store(&unheard, 0);
    return atomic_exchange(&noted, 0);
}

/* The signals are held back from the look at `noted` until ppoll lets them in: none can come between the two. */
unsigned os_real_wait_input(int64_t timeout_ms)
{
    sigset_t held, old;
    struct pollfd p = { .fd = 0, .events = POLLIN };
    struct timespec t = { .tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000 };
    sigemptyset(&held);
    for (size_t i = 0; i < sizeof noting / sizeof *noting; i++)
        sigaddset(&held, noting[i].number);
    pthread_sigmask(SIG_BLOCK, &held, &old);
    unsigned got = os_real_noted();
    if (!got) {
        int rc = ppoll(&p, 1, timeout_ms == INT64_MAX ? NULL : &t, &old);
        got = os_real_noted();
        if (!got && rc > 0)
            got = OS_INPUT;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return got;
}

void os_real_end_by(int number)
{
    real_handle(number, SIG_DFL, 0);
    raise(number);
}

int os_real_caught(void) { return stop.number; }
