/* What a program needs of the machine and no room does: its terminal, its processors, how many files it may open,
 * another program at the end of a pipe. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/real_private.h"

bool os_real_is_terminal(int stream) { return stream >= 0 && stream <= 2 && isatty(stream); }

static struct winsize terminal_size(void)
{
    struct winsize w = { 0 };
    for (int stream = 1; stream <= 2; stream++)
        if (isatty(stream) && ioctl(stream, TIOCGWINSZ, &w) == 0)
            break;
    return w;
}

uint32_t os_real_terminal_columns(void) { return terminal_size().ws_col; }
uint32_t os_real_terminal_rows(void) { return terminal_size().ws_row; }

uint32_t os_real_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return (uint32_t)CPU_COUNT(&set);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (uint32_t)n : 1;
}

uint32_t os_real_open_files(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return 0;
    rlim_t was = r.rlim_cur;
    r.rlim_cur = r.rlim_max;
    if (was != r.rlim_max && setrlimit(RLIMIT_NOFILE, &r) != 0)
        r.rlim_cur = was;
    return r.rlim_cur < UINT32_MAX ? (uint32_t)r.rlim_cur : UINT32_MAX;
}

/* ---- another program ---- */

struct os_pipe {
    int fd;
    pid_t pid;
};

/* With the signals as a program expects them, whoever starts it: ours are blocked on most threads. */
static int spawn_shell(const char *command, int input, pid_t *ret)
{
    char *const argv[] = { (char *)"sh", (char *)"-c", (char *)(uintptr_t)command, NULL };
    sigset_t none, usual;
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t actions;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGINT);
    sigaddset(&usual, SIGTERM);
    sigaddset(&usual, SIGPIPE);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &usual);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, 0);
    int rc = posix_spawn(ret, "/bin/sh", &actions, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    return rc;
}

enum status os_real_pipe_to(const char *command, struct os_pipe **ret, struct error *err)
{
    int ends[2];
    struct os_pipe *p = mem_calloc(NULL, sizeof *p);
    if (!p)
        return budget_error(budget_process(), sizeof *p, err);
    int rc = pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno;
    if (rc == 0) {
        rc = spawn_shell(command, ends[0], &p->pid);
        close(ends[0]);
        p->fd = ends[1];
        if (rc != 0)
            close(ends[1]);
    }
    if (rc != 0) {
        mem_free(NULL, p, sizeof *p);
        return real_error(err, rc, "start", command);
    }
    *ret = p;
    return ST_OK;
}

enum status os_real_pipe_write(struct os_pipe *p, struct str bytes, struct error *err)
{
    while (bytes.len > 0) {
        ssize_t n = write(p->fd, bytes.ptr, bytes.len);
        if (n < 0 && errno != EINTR)
            return real_error(err, errno, "write to", "the program at the end of a pipe");
        if (n > 0)
            bytes = str_make(bytes.ptr + n, bytes.len - (size_t)n);
    }
    return ST_OK;
}

void os_real_pipe_end(struct os_pipe *p)
{
    int code;
    if (!p)
        return;
    close(p->fd);
    while (waitpid(p->pid, &code, 0) < 0 && errno == EINTR)
        ;
    mem_free(NULL, p, sizeof *p);
}
