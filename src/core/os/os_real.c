/* The real body of the os table: Linux system calls, one function a slot.
 *
 * Rules that hold for every slot: a call cut short by a signal is repeated; descriptors are closed on
 * exec; errno becomes a status by one table (errno_table), and the message names the call, the path and
 * the remedy where there is an obvious one. A file whose sync failed is never synced again through the
 * same handle: Linux marks the pages clean after a failed fdatasync, so a second one would lie. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "os/real_private.h"

#define HUGE_PAGE ((size_t)2 << 20)
#define LOCK_WAIT_NS INT64_C(1000000000)
#define LOCK_NAP_NS 10000000
#define IO_MAX ((size_t)1 << 30) /* the kernel takes less than 2 GiB a call */

/* ---- errors ---- */

static const struct {
    int number;
    enum status status;
    const char *hint;
} errno_table[] = {
    { ENOENT, ST_NOT_FOUND, "" },
    { EEXIST, ST_EXISTS, "" },
    { ENOTEMPTY, ST_EXISTS, "the directory is not empty" },
    { ENOSPC, ST_FULL, "free some space on that file system" },
    { EDQUOT, ST_FULL, "free some space or raise the disk quota" },
    { EFBIG, ST_LIMIT, "the file system or the process limit ('ulimit -f') allows no larger file" },
    { ENOMEM, ST_MEMORY, "" },
    { EACCES, ST_IO, "check owner and mode of the file and of the directories above it" },
    { EPERM, ST_IO, "check owner, mode and attributes of the file" },
    { EROFS, ST_IO, "the file system is mounted read-only" },
    { EMFILE, ST_IO, "raise the limit of open files ('ulimit -n')" },
    { ENFILE, ST_IO, "the machine has no free file handles (sysctl fs.file-max)" },
    { ENOTDIR, ST_IO, "a part of the path is a file" },
    { EISDIR, ST_IO, "name a file, not a directory" },
    { ENAMETOOLONG, ST_IO, "use a shorter path" },
    { ELOOP, ST_IO, "the symbolic links go in a circle" },
    { EIO, ST_IO, "the device failed: see the kernel log, and check the disk before going on" },
    { EPIPE, ST_IO, "the reader at the other end has gone" },
    { EADDRINUSE, ST_EXISTS, "another process listens there: stop it, or take another port" },
    { EADDRNOTAVAIL, ST_IO, "this machine does not have the address" },
    { ECONNREFUSED, ST_UNREACHABLE, "nobody listens there" },
    { ECONNRESET, ST_UNREACHABLE, "" },
    { ECONNABORTED, ST_UNREACHABLE, "" },
    { ETIMEDOUT, ST_UNREACHABLE, "" },
    { EHOSTUNREACH, ST_UNREACHABLE, "" },
    { ENETUNREACH, ST_UNREACHABLE, "" },
    { ENETDOWN, ST_UNREACHABLE, "" },
    { ESPIPE, ST_UNSUPPORTED, "it is a pipe: use standard input, or copy it to a file first" },
};

/* `to` is the second name of a rename, or NULL. */
static enum status io_error_to(struct error *err, int number, const char *what, const char *path, const char *to)
{
    enum status st = ST_IO;
    const char *hint = "";
    for (size_t i = 0; i < sizeof errno_table / sizeof errno_table[0]; i++) {
        if (errno_table[i].number == number) {
            st = errno_table[i].status;
            hint = errno_table[i].hint;
            break;
        }
    }
    char text[128];
    error_set(err, st, "cannot %s '%s'%s%s%s: %s", what, path, to ? " to '" : "", to ? to : "", to ? "'" : "",
              strerror_r(number, text, sizeof text));
    if (hint[0])
        error_hint(err, "%s", hint);
    error_place(err, path, 0, 0, -1);
    return st;
}

enum status real_error(struct error *err, int number, const char *what, const char *path)
{
    return io_error_to(err, number, what, path, NULL);
}

/* ---- clocks and entropy ---- */

static int64_t clock_ns(clockid_t id)
{
    struct timespec t;
    CHECK(clock_gettime(id, &t) == 0);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t real_mono_ns(struct os *os)
{
    (void)os;
    return clock_ns(CLOCK_MONOTONIC);
}

static int64_t real_wall_ms(struct os *os)
{
    (void)os;
    return clock_ns(CLOCK_REALTIME) / 1000000;
}

static int64_t real_cpu_ns(struct os *os)
{
    (void)os;
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static void real_entropy(struct os *os, void *bytes, size_t len)
{
    (void)os;
    uint8_t *at = bytes;
    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);
        CHECK(n > 0 || errno == EINTR);
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
}

/* ---- files ---- */

static int open_again(const char *path, int flags, mode_t mode)
{
    int fd;
    do {
        fd = open(path, flags | O_CLOEXEC | O_NOCTTY, mode);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static enum status real_open(struct os *os, const char *path, enum os_open how, struct os_file **ret,
                             struct error *err)
{
    static const int flags[] = {
        [OS_READ] = O_RDONLY,
        [OS_CREATE] = O_RDWR | O_CREAT,
        [OS_EXCLUSIVE] = O_RDWR | O_CREAT | O_EXCL,
        [OS_WRITE] = O_RDWR,
        [OS_PRIVATE] = O_RDWR | O_CREAT,
    };
    (void)os;
    size_t path_bytes = strlen(path) + 1;
    size_t bytes = sizeof(struct os_file) + path_bytes;
    struct os_file *f = mem_alloc(NULL, bytes);
    if (!f)
        return budget_error(budget_process(), bytes, err);
    int fd = open_again(path, flags[how], how == OS_PRIVATE ? 0600 : 0666);
    int number = errno;
    struct stat st;
    if (fd >= 0 && how == OS_READ && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(fd); /* Linux opens directories for reading, only to refuse each read */
        fd = -1;
        number = EISDIR;
    }
    if (fd < 0) {
        mem_free(NULL, f, bytes);
        return real_error(err, number, how == OS_EXCLUSIVE ? "make" : "open", path);
    }
    f->fd = fd;
    f->sync_failed = false;
    f->struct_bytes = bytes;
    memcpy(f->path, path, path_bytes);
    *ret = f;
    return ST_OK;
}

static void real_close(struct os *os, struct os_file *f)
{
    (void)os;
    if (!f)
        return;
    close(f->fd); /* what must be durable has been synced; EINTR leaves it closed on Linux */
    mem_free(NULL, f, f->struct_bytes);
}

static enum status real_pread(struct os *os, struct os_file *f, void *bytes, size_t len, uint64_t offset,
                              size_t *ret_len, struct error *err)
{
    (void)os;
    size_t done = 0;
    while (done < len) {
        size_t want = len - done < IO_MAX ? len - done : IO_MAX;
        ssize_t n = pread(f->fd, (uint8_t *)bytes + done, want, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return real_error(err, errno, "read", f->path);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    *ret_len = done;
    return ST_OK;
}

static enum status real_pwrite(struct os *os, struct os_file *f, const void *bytes, size_t len, uint64_t offset,
                               struct error *err)
{
    (void)os;
    size_t done = 0;
    while (done < len) {
        size_t want = len - done < IO_MAX ? len - done : IO_MAX;
        ssize_t n = pwrite(f->fd, (const uint8_t *)bytes + done, want, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) /* 0 for a non-empty write happens only where there is no room */
            return real_error(err, n < 0 ? errno : ENOSPC, "write", f->path);
        done += (size_t)n;
    }
    return ST_OK;
}

static enum status real_pwrite_pieces(struct os *os, struct os_file *f, const struct str *pieces, uint32_t count,
                                      uint64_t offset, struct error *err)
{
    (void)os;
    struct iovec v[512];
    size_t skip = 0; /* of the first piece: written already */
    for (uint32_t i = 0; i < count;) {
        uint32_t n = 0;
        for (; n < sizeof v / sizeof *v && i + n < count; n++)
            v[n] = (struct iovec){ (void *)(uintptr_t)pieces[i + n].ptr, pieces[i + n].len };
        v[0].iov_base = (char *)v[0].iov_base + skip;
        v[0].iov_len -= skip;
        ssize_t done = pwritev(f->fd, v, (int)n, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0 || (done == 0 && pieces[i].len > skip))
            return real_error(err, done < 0 ? errno : ENOSPC, "write", f->path);
        offset += (size_t)done;
        skip += (size_t)done;
        while (i < count && skip >= pieces[i].len)
            skip -= pieces[i++].len;
    }
    return ST_OK;
}

static enum status real_truncate(struct os *os, struct os_file *f, uint64_t bytes, struct error *err)
{
    (void)os;
    int rc;
    do {
        rc = ftruncate(f->fd, (off_t)bytes);
    } while (rc != 0 && errno == EINTR);
    return rc == 0 ? ST_OK : real_error(err, errno, "truncate", f->path);
}

static void real_write_behind(struct os *os, struct os_file *f, uint64_t offset, uint64_t len)
{
    (void)os;
    (void)sync_file_range(f->fd, (off_t)offset, (off_t)len, SYNC_FILE_RANGE_WRITE); /* what fails is the sync's to tell */
}

static enum status real_sync(struct os *os, struct os_file *f, struct error *err)
{
    (void)os;
    if (f->sync_failed) {
        error_set(err, ST_IO, "cannot sync '%s': an earlier sync of it failed, what it holds is unknown", f->path);
        error_place(err, f->path, 0, 0, -1);
        return ST_IO;
    }
    int rc;
    do {
        rc = fdatasync(f->fd);
    } while (rc != 0 && errno == EINTR);
    if (rc == 0)
        return ST_OK;
    f->sync_failed = true;
    return real_error(err, errno, "sync", f->path);
}

static void stat_fill(const struct stat *st, struct os_stat *ret)
{
    *ret = (struct os_stat){
        .bytes = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0,
        .inode = st->st_ino,
        .mtime_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000,
        .is_directory = S_ISDIR(st->st_mode),
        .is_stream = S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode) || S_ISCHR(st->st_mode),
    };
}

static enum status real_fstat(struct os *os, struct os_file *f, struct os_stat *ret, struct error *err)
{
    (void)os;
    struct stat st;
    if (fstat(f->fd, &st) != 0)
        return real_error(err, errno, "look at", f->path);
    stat_fill(&st, ret);
    return ST_OK;
}

static enum status real_stat(struct os *os, const char *path, struct os_stat *ret, struct error *err)
{
    (void)os;
    struct stat st;
    if (stat(path, &st) != 0)
        return real_error(err, errno, "look at", path);
    stat_fill(&st, ret);
    return ST_OK;
}

static enum status real_space(struct os *os, const char *path, uint64_t *ret_bytes, uint64_t *ret_free, struct error *err)
{
    (void)os;
    struct statvfs v;
    if (statvfs(path, &v) != 0)
        return real_error(err, errno, "look at", path);
    *ret_bytes = (uint64_t)v.f_blocks * v.f_frsize;
    *ret_free = (uint64_t)v.f_bavail * v.f_frsize; /* without what is kept for root */
    return ST_OK;
}

static enum status real_lock(struct os *os, struct os_file *f, struct error *err)
{
    (void)os;
    /* A lock of the open file, not of the process: closing another handle of the same file keeps it, and
     * a second handle in this process is refused as well. */
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int64_t until_ns = clock_ns(CLOCK_MONOTONIC) + LOCK_WAIT_NS;
    struct timespec nap = { .tv_nsec = LOCK_NAP_NS };
    for (;;) {
        if (fcntl(f->fd, F_OFD_SETLK, &lock) == 0)
            return ST_OK;
        if (errno != EAGAIN && errno != EACCES)
            return real_error(err, errno, "lock", f->path);
        if (clock_ns(CLOCK_MONOTONIC) >= until_ns)
            break;
        (void)nanosleep(&nap, NULL); /* one that has been killed takes a moment to be gone */
    }
    error_set(err, ST_LOCKED, "'%s' is locked by another process", f->path);
    error_hint(err, "stop the other process, or use another directory");
    error_place(err, f->path, 0, 0, -1);
    return ST_LOCKED;
}

/* ---- names and directories ---- */

static enum status real_rename(struct os *os, const char *from, const char *to, struct error *err)
{
    (void)os;
    return rename(from, to) == 0 ? ST_OK : io_error_to(err, errno, "rename", from, to);
}

static enum status real_unlink(struct os *os, const char *path, struct error *err)
{
    (void)os;
    return unlink(path) == 0 ? ST_OK : real_error(err, errno, "delete", path);
}

static enum status real_mkdir(struct os *os, const char *path, struct error *err)
{
    (void)os;
    if (mkdir(path, 0777) == 0)
        return ST_OK;
    int number = errno;
    struct stat st;
    if (number == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return ST_OK;
    enum status status = real_error(err, number, "make the directory", path);
    if (number == EEXIST)
        error_hint(err, "a file of that name is in the way");
    return status;
}

static enum status real_rmdir(struct os *os, const char *path, struct error *err)
{
    (void)os;
    return rmdir(path) == 0 ? ST_OK : real_error(err, errno, "delete the directory", path);
}

static enum status real_sync_dir(struct os *os, const char *path, struct error *err)
{
    (void)os;
    int fd = open_again(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return real_error(err, errno, "open the directory", path);
    int rc;
    do {
        rc = fsync(fd);
    } while (rc != 0 && errno == EINTR);
    int number = errno;
    close(fd);
    /* EINVAL: a file system that knows no sync of directories; it writes them through or cannot help. */
    return rc == 0 || number == EINVAL ? ST_OK : real_error(err, number, "sync the directory", path);
}

static int name_order(const void *a, const void *b)
{
    return str_cmp(((const struct os_name *)a)->name, ((const struct os_name *)b)->name);
}

static bool entry_is_directory(int dir_fd, const struct dirent *e)
{
    struct stat st;
    if (e->d_type != DT_UNKNOWN && e->d_type != DT_LNK)
        return e->d_type == DT_DIR;
    return fstatat(dir_fd, e->d_name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static enum status list_entries(DIR *dir, const char *path, struct arena *arena, struct os_name **ret,
                                uint32_t *ret_count, struct error *err)
{
    ARRAY(struct os_name) names = { 0 };
    for (;;) {
        errno = 0;
        struct dirent *e = readdir(dir);
        if (!e && errno != 0)
            return real_error(err, errno, "list", path);
        if (!e)
            break;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        struct os_name *n = array_add(&names, arena);
        struct str name = arena_str(arena, str_from(e->d_name));
        if (!n || !name.ptr)
            return budget_error(arena->budget, sizeof *n + name.len, err);
        n->name = name;
        n->is_directory = entry_is_directory(dirfd(dir), e);
    }
    if (names.count > 1)
        qsort(names.at, names.count, sizeof *names.at, name_order);
    *ret = names.at;
    *ret_count = names.count;
    return ST_OK;
}

static enum status real_list(struct os *os, const char *path, struct arena *arena, struct os_name **ret,
                             uint32_t *ret_count, struct error *err)
{
    (void)os;
    int fd = open_again(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return real_error(err, errno, "list", path);
    DIR *dir = fdopendir(fd);
    if (!dir) {
        int number = errno;
        close(fd);
        return real_error(err, number, "list", path);
    }
    enum status st = list_entries(dir, path, arena, ret, ret_count, err);
    closedir(dir);
    return st;
}

/* ---- streams ---- */

static const char *const stream_names[] = { "standard input", "standard output", "standard error" };

/* Waits until a stream that someone has set to non-blocking is ready. */
static void stream_ready(int stream, short events)
{
    struct pollfd p = { .fd = stream, .events = events };
    (void)poll(&p, 1, -1);
}

static enum status real_stream_read(struct os *os, int stream, void *bytes, size_t len, size_t *ret_len,
                                    struct error *err)
{
    (void)os;
    CHECK(stream >= 0 && stream <= 2);
    for (;;) {
        ssize_t n = read(stream, bytes, len < IO_MAX ? len : IO_MAX);
        if (n >= 0) {
            *ret_len = (size_t)n;
            return ST_OK;
        }
        if (errno == EAGAIN)
            stream_ready(stream, POLLIN);
        else if (errno != EINTR)
            return real_error(err, errno, "read", stream_names[stream]);
    }
}

static enum status real_stream_write(struct os *os, int stream, const void *bytes, size_t len, struct error *err)
{
    (void)os;
    CHECK(stream >= 0 && stream <= 2);
    size_t done = 0;
    while (done < len) {
        size_t want = len - done < IO_MAX ? len - done : IO_MAX;
        ssize_t n = write(stream, (const uint8_t *)bytes + done, want);
        if (n >= 0)
            done += (size_t)n;
        else if (errno == EAGAIN)
            stream_ready(stream, POLLOUT);
        else if (errno != EINTR)
            return real_error(err, errno, "write to", stream_names[stream]);
    }
    return ST_OK;
}

/* ---- pages ---- */

static size_t pages_round(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page;
}

static void *real_pages(struct os *os, size_t bytes)
{
    (void)os;
    if (bytes == 0 || bytes > SIZE_MAX / 2)
        return NULL;
    bytes = pages_round(bytes);
    /* Huge pages need an aligned start: ask for more and give back what sticks out. */
    size_t extra = bytes >= HUGE_PAGE ? HUGE_PAGE : 0;
    uint8_t *p = mmap(NULL, bytes + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    if (!extra)
        return p;
    size_t head = (HUGE_PAGE - ((uintptr_t)p & (HUGE_PAGE - 1))) & (HUGE_PAGE - 1);
    if (head > 0)
        munmap(p, head);
    if (extra - head > 0)
        munmap(p + head + bytes, extra - head);
    (void)madvise(p + head, bytes, MADV_HUGEPAGE); /* a wish; small pages do as well */
    return p + head;
}

static void real_pages_free(struct os *os, void *ptr, size_t bytes)
{
    (void)os;
    if (ptr)
        CHECK(munmap(ptr, pages_round(bytes)) == 0);
}

/* ---- the table ---- */

static const struct os_ops real_ops = {
    .mono_ns = real_mono_ns,
    .wall_ms = real_wall_ms,
    .cpu_ns = real_cpu_ns,
    .entropy = real_entropy,
    .open = real_open,
    .close = real_close,
    .pread = real_pread,
    .pwrite = real_pwrite,
    .pwrite_pieces = real_pwrite_pieces,
    .truncate = real_truncate,
    .write_behind = real_write_behind,
    .sync = real_sync,
    .fstat = real_fstat,
    .stat = real_stat,
    .space = real_space,
    .rename = real_rename,
    .unlink = real_unlink,
    .mkdir = real_mkdir,
    .rmdir = real_rmdir,
    .sync_dir = real_sync_dir,
    .list = real_list,
    .lock = real_lock,
    .stream_read = real_stream_read,
    .stream_write = real_stream_write,
    .net_resolve = real_net_resolve,
    .net_listen = real_net_listen,
    .net_accept = real_net_accept,
    .net_connect = real_net_connect,
    .net_recv = real_net_recv,
    .net_send = real_net_send,
    .net_send_file = real_net_send_file,
    .net_finish = real_net_finish,
    .net_close = real_net_close,
    .net_local = real_net_local,
    .net_peer = real_net_peer,
    .poller_new = real_poller_new,
    .poller_free = real_poller_free,
    .poller_add = real_poller_add,
    .poller_signal = real_poller_signal,
    .poller_wait = real_poller_wait,
    .work = real_work,
    .signal_new = real_signal_new,
    .signal_free = real_signal_free,
    .signal_raise = real_signal_raise,
    .signal_wait = real_signal_wait,
    .thread_start = real_thread_start,
    .thread_join = real_thread_join,
    .pages = real_pages,
    .pages_free = real_pages_free,
};

struct os *os_real(void)
{
    static struct os real = { &real_ops };
    return &real;
}
