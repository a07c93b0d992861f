/* kill -9 on the real `weir server`, over and over, while clients produce with acks=all, idempotently and in transactions, commit
 * offsets and read; and between its lives on a job from topic to topic over the same log (`weir run --data`), which is killed
 * too. What was acknowledged is there, once; what was aborted is never shown; the job's output is its input, once and in order.
 *
 *     killserver WEIR CYCLES SEED
 *
 * A life: start, bring to its end what was under way (settle), read and check everything, load until the kill. One kill in six
 * comes while the server starts or the last life is settled. A new directory every 200 lives; at its end the job catches up. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "killserver.h"

enum { LIVES = 200, LOADS = 5 };

struct run the_run;

void failed(struct run *r, const char *fmt, ...)
{
    static atomic_flag once = ATOMIC_FLAG_INIT;
    va_list args;
    if (atomic_flag_test_and_set(&once))
        for (;;)
            pause();
    printf("not ok kill -9 of the server: ");
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf(" (%s)\n", r->dir);
    fflush(stdout);
    if (r->server > 0)
        kill(r->server, SIGKILL);
    _exit(1);
}

static uint32_t random_of(struct run *r, uint32_t n)
{
    struct peer p = { .seed = r->seed };
    uint32_t x = peer_random(&p, n);
    r->seed = p.seed;
    return x;
}

static void sleep_us(uint32_t us)
{
    struct timespec t = { us / 1000000, (long)(us % 1000000) * 1000 };
    nanosleep(&t, NULL);
}

/* ---- processes ---- */

/* Its standard output at *ret_out; its messages go to a file in the directory's place. */
static int start(struct run *r, const char *const *argv, int *ret_out)
{
    int out[2];
    char log[512];
    snprintf(log, sizeof log, "%s.log", r->dir);
    if (pipe(out) != 0)
        failed(r, "pipe: %s", strerror(errno));
    int pid = fork();
    if (pid < 0)
        failed(r, "fork: %s", strerror(errno));
    if (pid == 0) {
        dup2(out[1], 1);
        close(out[0]);
        close(out[1]);
        if (!freopen(log, "w", stderr))
            _exit(126);
        execv(r->weir, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(out[1]);
    *ret_out = out[0];
    return pid;
}

static int launch_server(struct run *r)
{
    static const char *const threads[] = { "1", "2", "3" };
    const char *argv[] = { r->weir, "server", "--data", r->dir, "--listen", "127.0.0.1:0", "-q", "--threads",
                           threads[random_of(r, 3)], random_of(r, 4) ? NULL : "--durability", "relaxed", NULL };
    int out;
    atomic_store(&r->killed, false);
    r->server = start(r, argv, &out);
    return out;
}

/* false: it ends before it listens. */
static bool listening(struct run *r, int out)
{
    char line[128];
    size_t n = 0;
    ssize_t got = 1;
    while (n + 1 < sizeof line && !memchr(line, '\n', n) && (got = read(out, line + n, sizeof line - 1 - n)) > 0)
        n += (size_t)got;
    line[n] = '\0';
    close(out);
    struct str at = str_from(line), host;
    uint16_t port;
    if (!str_starts(at, STR("listening on ")) || at.ptr[at.len - 1] != '\n')
        return false;
    at = str_make(at.ptr + 13, at.len - 14);
    if (!os_addr_split(at, &host, &port) || !os_addr_parse(host, port, &r->at))
        failed(r, "the server says '%s'", line);
    return true;
}

static void start_server(struct run *r)
{
    if (!listening(r, launch_server(r)))
        failed(r, "the server does not start: see %s.log", r->dir);
}

struct killer {
    struct run *run;
    uint32_t after_us;
};
static void *kill_later(void *arg)
{
    const struct killer *k = arg;
    int status;
    sleep_us(k->after_us);
    if (waitpid(k->run->server, &status, WNOHANG) != 0)
        failed(k->run, "the server has ended by itself");
    atomic_store(&k->run->killed, true);
    kill(k->run->server, SIGKILL);
    return NULL;
}

static void end_server(struct run *r)
{
    waitpid(r->server, NULL, 0);
    r->server = 0;
}

/* ---- lives ---- */

static void load(struct run *r, uint32_t us)
{
    static void *(*const loads[LOADS])(void *run) = { load_plain, load_idempotent, load_transactions, load_offsets,
                                                      load_reader };
    pthread_t threads[LOADS], killer;
    struct killer k = { r, us };
    for (uint32_t i = 0; i < LOADS; i++)
        pthread_create(&threads[i], NULL, loads[i], r);
    pthread_create(&killer, NULL, kill_later, &k);
    for (uint32_t i = 0; i < LOADS; i++)
        pthread_join(threads[i], NULL);
    pthread_join(killer, NULL);
    end_server(r);
}

/* Killed while it starts, or while the last life is settled, or before there is load. */
static void early(struct run *r)
{
    pthread_t killer;
    struct killer k = { r, random_of(r, 80000) };
    int out = launch_server(r);
    pthread_create(&killer, NULL, kill_later, &k);
    enum status st = listening(r, out) ? settle(r) : ST_UNREACHABLE;
    (void)st; /* as far as it came */
    pthread_join(killer, NULL);
    end_server(r);
}

static void life(struct run *r)
{
    if (random_of(r, 6) == 0) {
        early(r);
        return;
    }
    start_server(r);
    if (settle(r) != ST_OK)
        failed(r, "a connection ended, and nobody has killed the server");
    load(r, 10000 + random_of(r, 200000));
}

static void job_life(struct run *r, uint32_t us, int how)
{
    static const char sql[] =
        "CREATE TABLE i (p INT, n BIGINT) WITH ('connector' = 'topic', 'topic' = 'idem', 'format' = 'json', "
        "'scan.startup.mode' = 'earliest-offset'); "
        "CREATE TABLE o (p INT, n BIGINT) WITH ('connector' = 'topic', 'topic' = 'out', 'format' = 'json'); "
        "INSERT INTO o SELECT p, n FROM i";
    const char *argv[] = { r->weir, "run", "-c", sql, "--data", r->dir, "-q", "--commit-interval", "5ms", NULL };
    int out, status, pid = start(r, argv, &out);
    sleep_us(us);
    if (waitpid(pid, &status, WNOHANG) != 0)
        failed(r, "the job has ended by itself: see %s.log", r->dir);
    kill(pid, how);
    waitpid(pid, &status, 0);
    close(out);
    bool soon = WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM; /* before it listened to signals */
    if (how == SIGTERM && !soon && (!WIFEXITED(status) || WEXITSTATUS(status) != 143))
        failed(r, "the job was to end cleanly, and ended with %s %d: see %s.log", WIFEXITED(status) ? "exit" : "signal",
               WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), r->dir);
}

static void doctor(struct run *r)
{
    const char *argv[] = { r->weir, "doctor", r->dir, NULL };
    char text[4096];
    int out, status, pid = start(r, argv, &out);
    ssize_t n = 0, got;
    while (n + 1 < (ssize_t)sizeof text && (got = read(out, text + n, sizeof text - 1 - (size_t)n)) > 0)
        n += got;
    text[n] = '\0';
    close(out);
    waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        failed(r, "weir doctor finds damage after a kill: %s", text);
}

/* Until the job's output is all of its input. */
static void finish(struct run *r)
{
    const struct expect *x = &r->expect;
    for (uint32_t i = 0; i < 60; i++) {
        job_life(r, 200000, SIGTERM);
        start_server(r);
        if (settle(r) != ST_OK)
            failed(r, "the server ends: see %s.log", r->dir);
        atomic_store(&r->killed, true);
        kill(r->server, SIGTERM);
        end_server(r);
        if (x->out_next[0] == x->lanes[1].next && x->out_next[1] == x->lanes[2].next)
            return;
    }
    failed(r, "the job does not catch up: %lld of %lld and %lld of %lld", (long long)x->out_next[0],
           (long long)x->lanes[1].next, (long long)x->out_next[1], (long long)x->lanes[2].next);
}

static void remove_dir(const char *path)
{
    char inner[1024];
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, e->d_name);
        if (e->d_type == DT_DIR)
            remove_dir(inner);
        else
            unlink(inner);
    }
    if (d)
        closedir(d);
    rmdir(path);
}

static uint32_t directory(struct run *r, uint32_t lives)
{
    uint32_t jobs = 0;
    expect_init(&r->expect);
    memcpy(r->streams, streams, sizeof r->streams);
    r->idem = (struct idempotent){ .id = -1 };
    r->txn = (struct transactional){ .t = 0 };
    for (uint32_t i = 0; i < lives; i++) {
        life(r);
        if (random_of(r, 10) == 0)
            doctor(r);
        if (r->idem.id >= 0 && random_of(r, 3) == 0) {
            job_life(r, 20000 + random_of(r, 150000), SIGKILL);
            jobs++;
        }
    }
    finish(r);
    expect_free(&r->expect);
    remove_dir(r->dir);
    return jobs;
}

int main(int argc, char **argv)
{
    struct run *r = &the_run;
    char dir[64], log[80];
    if (argc != 4)
        return 2;
    uint32_t cycles = (uint32_t)atoi(argv[2]), jobs = 0;
    *r = (struct run){ .weir = argv[1], .dir = dir, .seed = (unsigned)atoi(argv[3]) * 7919u + 1 };
    snprintf(dir, sizeof dir, "/tmp/weir-killserver-%d", (int)getpid());
    snprintf(log, sizeof log, "%s.log", dir);
    signal(SIGPIPE, SIG_IGN);
    int64_t began = os_mono_ns(os_real());
    for (uint32_t left = cycles; left > 0;) {
        uint32_t lives = left < LIVES ? left : LIVES;
        jobs += directory(r, lives);
        left -= lives;
    }
    unlink(log);
    printf("ok kill -9 of the server: %u kills, %u of a job, %llu records acknowledged, %.2f s a cycle, seed %s\n", cycles,
           jobs, (unsigned long long)r->acked, (double)(os_mono_ns(os_real()) - began) / 1e9 / cycles, argv[3]);
    return 0;
}
