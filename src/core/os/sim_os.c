/* The twin's table. Each disk call passes sim_call_begin, which numbers it, writes its name into the trace and
 * decides whether power is lost or the call fails; then the disk (sim_disk.c) changes.
 *
 * A call that fails by the test's wish may still have done harm, as on a real machine: a failed write has
 * perhaps written its beginning, a failed sync has written some sectors and dropped the others. A call
 * that meets the power loss changes nothing; what the calls before it left behind is torn enough. */
#include <stdio.h>

#include "os/sim_private.h"

enum status sim_no_memory(const struct sim *s, size_t bytes, struct error *err)
{
    return budget_error(s->budget ? s->budget : budget_process(), bytes, err);
}

/* ---- numbering, trace and faults ---- */

/* A name that memory refuses stays unknown. */
static void trace_add(struct sim *s, const char *verb, const char *path, const char *to)
{
    if (s->line_count == s->line_cap) {
        uint32_t cap = s->line_cap ? s->line_cap * 2 : 64;
        struct trace_line *grown =
            mem_realloc(s->budget, s->lines, s->line_cap * sizeof *s->lines, cap * sizeof *s->lines);
        if (!grown)
            return;
        s->lines = grown;
        s->line_cap = cap;
    }
    size_t bytes = strlen(verb) + 1 + strlen(path) + (to ? 4 + strlen(to) : 0) + 1;
    char *text = mem_alloc(s->budget, bytes);
    if (!text)
        return;
    snprintf(text, bytes, "%s %s%s%s", verb, path, to ? " -> " : "", to ? to : "");
    s->lines[s->line_count++] = (struct trace_line){ s->calls, text, bytes };
}

static enum status crashed_error(struct error *err, const char *verb, const char *path)
{
    return error_set(err, ST_CRASHED, "cannot %s '%s': the simulated machine has lost power", verb, path);
}

enum status sim_call_begin(struct sim *s, const char *verb, const char *path, const char *to, struct error *err)
{
    s->fault = false;
    if (s->crashed)
        return crashed_error(err, verb, path);
    s->calls++;
    if (s->trace)
        trace_add(s, verb, path, to);
    if (s->calls == s->crash_at) {
        s->crashed = true;
        return crashed_error(err, verb, path);
    }
    if (s->fail_at == 0 || (s->calls != s->fail_at && !(s->fail_sticky && s->calls > s->fail_at)))
        return ST_OK;
    s->fault = true;
    s->failed_verb = verb;
    error_set(err, s->fail_status, "cannot %s '%s': simulated %s, call %llu", verb, path,
              status_name(s->fail_status), (unsigned long long)s->calls);
    error_place(err, path, 0, 0, -1);
    return s->fail_status;
}

/* The same for a call on an open file. */
static enum status call_begin_file(struct sim *s, const char *verb, struct os_file *f, struct error *err)
{
    TRY(sim_call_begin(s, verb, f->path, NULL, err));
    if (!f->inode)
        return error_set(err, ST_CRASHED, "cannot %s '%s': it was opened before the power loss", verb, f->path);
    return ST_OK;
}

static enum status path_error(struct error *err, enum status st, const char *verb, const char *path, const char *why)
{
    error_set(err, st, "cannot %s '%s': %s", verb, path, why);
    error_place(err, path, 0, 0, -1);
    return st;
}

/* ---- clocks and entropy ---- */

static int64_t twin_mono_ns(struct os *os) { return sim_of(os)->mono_ns; }
static int64_t twin_wall_ms(struct os *os) { return sim_of(os)->wall_ms; }

static void twin_entropy(struct os *os, void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)(sim_draw(&sim_of(os)->random_entropy) >> 32);
}

/* ---- files ---- */

static enum status file_make(struct sim *s, const struct place *p, struct inode **ret, struct error *err)
{
    struct inode *i = inode_new(s, false);
    if (!i || !disk_link(s, p->dir, p->name, i)) {
        if (i)
            inode_unref(s, i);
        return sim_no_memory(s, sizeof *i, err);
    }
    inode_unref(s, i); /* its name holds it now */
    *ret = i;
    return ST_OK;
}

static enum status twin_open(struct os *os, const char *path, enum os_open how, struct os_file **ret,
                             struct error *err)
{
    struct sim *s = sim_of(os);
    struct place p;
    TRY(sim_call_begin(s, "open", path, NULL, err));
    TRY(disk_walk(s, path, &p, err));
    if (p.inode && how == OS_EXCLUSIVE)
        return path_error(err, ST_EXISTS, "make", path, "it exists");
    if (p.inode && p.inode->is_dir)
        return path_error(err, ST_IO, "open", path, "it is a directory");
    if (!p.inode && (how == OS_READ || how == OS_WRITE))
        return path_error(err, ST_NOT_FOUND, "open", path, "no such file");
    size_t path_bytes = strlen(path) + 1, bytes = sizeof(struct os_file) + path_bytes;
    struct os_file *f = mem_calloc(s->budget, bytes);
    if (!f)
        return sim_no_memory(s, bytes, err);
    enum status st = p.inode ? ST_OK : file_make(s, &p, &p.inode, err);
    if (st != ST_OK) {
        mem_free(s->budget, f, bytes);
        return st;
    }
    f->inode = p.inode;
    f->inode->refs++;
    f->inode->handles++;
    f->writable = how != OS_READ;
    f->struct_bytes = bytes;
    memcpy(f->path, path, path_bytes);
    f->next = s->files;
    if (f->next)
        f->next->prev = f;
    s->files = f;
    *ret = f;
    return ST_OK;
}

static void file_let_go(struct sim *s, struct os_file *f)
{
    struct inode *i = f->inode;
    if (!i)
        return;
    f->inode = NULL;
    if (i->lock == f)
        i->lock = NULL;
    i->handles--;
    inode_unref(s, i);
}

void sim_files_orphan(struct sim *s)
{
    for (struct os_file *f = s->files; f; f = f->next)
        file_let_go(s, f);
}

static void twin_close(struct os *os, struct os_file *f)
{
    struct sim *s = sim_of(os);
    if (!f)
        return;
    file_let_go(s, f);
    if (f->prev)
        f->prev->next = f->next;
    else
        s->files = f->next;
    if (f->next)
        f->next->prev = f->prev;
    mem_free(s->budget, f, f->struct_bytes);
}

static enum status twin_pread(struct os *os, struct os_file *f, void *bytes, size_t len, uint64_t offset,
                              size_t *ret_len, struct error *err)
{
    struct sim *s = sim_of(os);
    TRY(call_begin_file(s, "pread", f, err));
    const struct buf *b = &f->inode->now;
    size_t there = offset < b->len ? b->len - (size_t)offset : 0;
    size_t n = len < there ? len : there;
    if (n > 0)
        memcpy(bytes, b->data + offset, n);
    *ret_len = n;
    return ST_OK;
}

/* How many of `len` bytes at `offset` the disk has room for. */
static size_t room_for(const struct sim *s, const struct inode *i, size_t len, uint64_t offset)
{
    if (s->capacity == UINT64_MAX || offset + len <= i->now.len)
        return len;
    uint64_t used = disk_used(s);
    uint64_t end_max = i->now.len + (s->capacity > used ? s->capacity - used : 0);
    if (offset + len <= end_max)
        return len;
    return offset < end_max ? (size_t)(end_max - offset) : 0;
}

/* The first `n` bytes. */
static bool write_first(struct sim *s, struct os_file *f, const struct str *pieces, size_t n, uint64_t offset)
{
    bool ok = true;
    for (; ok && n > 0; pieces++) {
        size_t part = pieces->len < n ? pieces->len : n;
        ok = disk_write(s, f->inode, pieces->ptr, part, offset);
        offset += part;
        n -= part;
    }
    return ok;
}

static enum status twin_pwrite_pieces(struct os *os, struct os_file *f, const struct str *pieces, uint32_t count,
                                      uint64_t offset, struct error *err)
{
    struct sim *s = sim_of(os);
    enum status st = call_begin_file(s, "pwrite", f, err);
    size_t len = 0;
    for (uint32_t i = 0; i < count; i++)
        len += pieces[i].len;
    if (st != ST_OK) {
        if (s->fault && f->inode && f->writable) /* no memory for the harm: then there is none */
            (void)!write_first(s, f, pieces, (size_t)sim_below(&s->random_fate, len), offset);
        return st;
    }
    if (!f->writable)
        return path_error(err, ST_IO, "write", f->path, "it is open for reading");
    size_t n = room_for(s, f->inode, len, offset);
    if (!write_first(s, f, pieces, n, offset))
        return sim_no_memory(s, len, err);
    if (n < len) {
        path_error(err, ST_FULL, "write", f->path, "no space left on the simulated disk");
        error_hint(err, "free some space on that file system");
        return ST_FULL;
    }
    return ST_OK;
}

static enum status twin_pwrite(struct os *os, struct os_file *f, const void *bytes, size_t len, uint64_t offset,
                               struct error *err)
{
    struct str piece = str_make(bytes, len);
    return twin_pwrite_pieces(os, f, &piece, 1, offset, err);
}

static enum status twin_truncate(struct os *os, struct os_file *f, uint64_t bytes, struct error *err)
{
    struct sim *s = sim_of(os);
    TRY(call_begin_file(s, "truncate", f, err));
    if (!f->writable)
        return path_error(err, ST_IO, "truncate", f->path, "it is open for reading");
    if (bytes > f->inode->now.len && room_for(s, f->inode, (size_t)(bytes - f->inode->now.len), f->inode->now.len) <
                                         bytes - f->inode->now.len)
        return path_error(err, ST_FULL, "truncate", f->path, "no space left on the simulated disk");
    return disk_truncate(s, f->inode, bytes) ? ST_OK : sim_no_memory(s, (size_t)bytes, err);
}

/* What is not synced may have reached the disk in any mood. */
static void twin_write_behind(struct os *os, struct os_file *f, uint64_t offset, uint64_t len)
{
    (void)os, (void)f, (void)offset, (void)len;
}

static enum status twin_sync(struct os *os, struct os_file *f, struct error *err)
{
    struct sim *s = sim_of(os);
    enum status st = call_begin_file(s, "sync", f, err);
    if (st != ST_OK) {
        if (s->fault && f->inode)
            fate_failed_sync(s, f->inode);
        return st;
    }
    return disk_sync(s, f->inode) ? ST_OK : sim_no_memory(s, f->inode->now.len, err);
}

static void stat_fill(const struct inode *i, struct os_stat *ret)
{
    *ret = (struct os_stat){
        .bytes = i->now.len, .inode = i->id, .mtime_ms = i->mtime_ms, .is_directory = i->is_dir,
    };
}

static enum status twin_fstat(struct os *os, struct os_file *f, struct os_stat *ret, struct error *err)
{
    TRY(call_begin_file(sim_of(os), "fstat", f, err));
    stat_fill(f->inode, ret);
    return ST_OK;
}

static enum status twin_lock(struct os *os, struct os_file *f, struct error *err)
{
    TRY(call_begin_file(sim_of(os), "lock", f, err));
    if (f->inode->lock && f->inode->lock != f) {
        error_set(err, ST_LOCKED, "'%s' is locked by another process", f->path);
        error_hint(err, "stop the other process, or use another directory");
        error_place(err, f->path, 0, 0, -1);
        return ST_LOCKED;
    }
    f->inode->lock = f;
    return ST_OK;
}

/* ---- names and directories ---- */

/* The place of a thing that must be there. */
static enum status find_there(struct sim *s, const char *verb, const char *path, struct place *ret, struct error *err)
{
    TRY(sim_call_begin(s, verb, path, NULL, err));
    TRY(disk_walk(s, path, ret, err));
    if (!ret->inode)
        return path_error(err, ST_NOT_FOUND, verb, path, "no such file or directory");
    return ST_OK;
}

static enum status twin_stat(struct os *os, const char *path, struct os_stat *ret, struct error *err)
{
    struct place p;
    TRY(find_there(sim_of(os), "stat", path, &p, err));
    stat_fill(p.inode, ret);
    return ST_OK;
}

static enum status twin_space(struct os *os, const char *path, uint64_t *ret_bytes, uint64_t *ret_free, struct error *err)
{
    struct sim *s = sim_of(os);
    struct place p;
    TRY(find_there(s, "space", path, &p, err));
    uint64_t used = disk_used(s);
    *ret_bytes = s->capacity;
    *ret_free = s->capacity > used ? s->capacity - used : 0;
    return ST_OK;
}

/* Is `inside` the directory `dir` or somewhere below it? */
static bool is_below(const struct inode *dir, const struct inode *inside, uint32_t depth)
{
    if (dir == inside)
        return true;
    for (uint32_t n = 0; depth < 1024 && n < dir->names_now.count; n++) {
        const struct inode *child = dir->names_now.at[n].inode;
        if (child->is_dir && is_below(child, inside, depth + 1))
            return true;
    }
    return false;
}

static enum status twin_rename(struct os *os, const char *from, const char *to, struct error *err)
{
    struct sim *s = sim_of(os);
    struct place a, b;
    TRY(sim_call_begin(s, "rename", from, to, err));
    TRY(disk_walk(s, from, &a, err));
    if (!a.inode)
        return path_error(err, ST_NOT_FOUND, "rename", from, "no such file or directory");
    TRY(disk_walk(s, to, &b, err));
    if (a.inode == b.inode)
        return ST_OK;
    if (!a.dir || !b.dir)
        return path_error(err, ST_IO, "rename", from, "the root directory stays");
    if (a.inode->is_dir && is_below(a.inode, b.dir, 0))
        return path_error(err, ST_IO, "rename", from, "a directory cannot go into itself");
    if (b.inode && a.inode->is_dir != b.inode->is_dir)
        return path_error(err, ST_IO, "rename", from, "a directory and a file do not replace each other");
    if (b.inode && b.inode->names_now.count > 0)
        return path_error(err, ST_EXISTS, "rename", from, "the directory in its way is not empty");
    return disk_rename(s, &a, &b) ? ST_OK : sim_no_memory(s, sizeof(struct change), err);
}

static enum status twin_unlink(struct os *os, const char *path, struct error *err)
{
    struct sim *s = sim_of(os);
    struct place p;
    TRY(find_there(s, "unlink", path, &p, err));
    if (p.inode->is_dir)
        return path_error(err, ST_IO, "delete", path, "it is a directory");
    return disk_unlink(s, p.dir, p.name, p.inode) ? ST_OK : sim_no_memory(s, sizeof(struct change), err);
}

static enum status twin_mkdir(struct os *os, const char *path, struct error *err)
{
    struct sim *s = sim_of(os);
    struct place p;
    TRY(sim_call_begin(s, "mkdir", path, NULL, err));
    TRY(disk_walk(s, path, &p, err));
    if (p.inode)
        return p.inode->is_dir ? ST_OK : path_error(err, ST_EXISTS, "make", path, "a file of that name is in the way");
    struct inode *i = inode_new(s, true);
    bool ok = i && disk_link(s, p.dir, p.name, i);
    if (i)
        inode_unref(s, i);
    return ok ? ST_OK : sim_no_memory(s, sizeof *i, err);
}

static enum status twin_rmdir(struct os *os, const char *path, struct error *err)
{
    struct sim *s = sim_of(os);
    struct place p;
    TRY(find_there(s, "rmdir", path, &p, err));
    if (!p.inode->is_dir || !p.dir)
        return path_error(err, ST_IO, "delete", path, p.dir ? "it is a file" : "the root directory stays");
    if (p.inode->names_now.count > 0)
        return path_error(err, ST_EXISTS, "delete", path, "the directory is not empty");
    return disk_unlink(s, p.dir, p.name, p.inode) ? ST_OK : sim_no_memory(s, sizeof(struct change), err);
}

static enum status find_dir(struct sim *s, const char *verb, const char *path, struct inode **ret, struct error *err)
{
    struct place p;
    TRY(find_there(s, verb, path, &p, err));
    if (!p.inode->is_dir)
        return path_error(err, ST_IO, verb, path, "it is a file");
    *ret = p.inode;
    return ST_OK;
}

static enum status twin_sync_dir(struct os *os, const char *path, struct error *err)
{
    struct sim *s = sim_of(os);
    struct inode *dir;
    struct place p;
    enum status st = find_dir(s, "sync_dir", path, &dir, err);
    if (st != ST_OK) {
        if (s->fault && disk_walk(s, path, &p, NULL) == ST_OK && p.inode)
            fate_failed_sync_dir(s, p.inode);
        return st;
    }
    return disk_sync_dir(s, dir) ? ST_OK : sim_no_memory(s, sizeof(struct entry), err);
}

static enum status twin_list(struct os *os, const char *path, struct arena *arena, struct os_name **ret,
                             uint32_t *ret_count, struct error *err)
{
    struct inode *dir;
    TRY(find_dir(sim_of(os), "list", path, &dir, err));
    uint32_t count = dir->names_now.count;
    struct os_name *names = count ? ARENA_ARRAY(arena, struct os_name, count) : NULL;
    if (count > 0 && !names)
        return budget_error(arena->budget, count * sizeof *names, err);
    for (uint32_t i = 0; i < count; i++) {
        const struct entry *e = &dir->names_now.at[i]; /* sorted */
        names[i].name = arena_str(arena, str_make(e->name, e->len));
        names[i].is_directory = e->inode->is_dir;
        if (!names[i].name.ptr)
            return budget_error(arena->budget, e->len, err);
    }
    *ret = names;
    *ret_count = count;
    return ST_OK;
}

/* ---- streams: not numbered, what was printed stays printed ---- */

static enum status twin_stream_read(struct os *os, int stream, void *bytes, size_t len, size_t *ret_len,
                                    struct error *err)
{
    struct sim *s = sim_of(os);
    CHECK(stream >= 0 && stream <= 2);
    if (s->crashed)
        return crashed_error(err, "read", "standard input");
    size_t there = stream == 0 ? s->stream[0].len - s->stream_read : 0;
    size_t n = len < there ? len : there;
    if (n > 0)
        memcpy(bytes, s->stream[0].data + s->stream_read, n);
    s->stream_read += n;
    *ret_len = n;
    return ST_OK;
}

static enum status twin_stream_write(struct os *os, int stream, const void *bytes, size_t len, struct error *err)
{
    struct sim *s = sim_of(os);
    CHECK(stream >= 0 && stream <= 2);
    if (s->crashed)
        return crashed_error(err, "write to", "standard output");
    if (stream == 0)
        return error_set(err, ST_IO, "cannot write to standard input");
    return buf_put(&s->stream[stream], bytes, len) ? ST_OK : sim_no_memory(s, len, err);
}

/* ---- work, wake-ups, threads, pages ---- */

static void twin_work(struct os *os, struct os_work *w)
{
    struct sim *s = sim_of(os);
    w->next = NULL;
    if (s->queue)
        s->queue_last->next = w;
    else
        s->queue = w;
    s->queue_last = w;
    s->queued++;
}

static struct os_signal *twin_signal_new(struct os *os)
{
    return mem_calloc(sim_of(os)->budget, sizeof(struct os_signal));
}

static void twin_signal_free(struct os *os, struct os_signal *signal)
{
    mem_free(sim_of(os)->budget, signal, sizeof *signal);
}

static void twin_signal_raise(struct os *os, struct os_signal *signal)
{
    (void)os;
    signal->raised = true;
}

static bool twin_signal_wait(struct os *os, struct os_signal *signal, int64_t deadline_ns)
{
    (void)os;
    (void)deadline_ns; /* nothing waits here: time is moved by hand */
    bool raised = signal->raised;
    signal->raised = false;
    return raised;
}

static enum status twin_thread_start(struct os *os, const char *name, void (*run)(void *arg), void *arg,
                                     struct os_thread **ret, struct error *err)
{
    (void)os;
    (void)run;
    (void)arg;
    (void)ret;
    return error_set(err, ST_UNSUPPORTED, "the simulated machine has no threads (wanted: '%s')", name);
}

static void twin_thread_join(struct os *os, struct os_thread *t)
{
    (void)os;
    CHECK(!t);
}

static void *twin_pages(struct os *os, size_t bytes)
{
    (void)os;
    return os_real()->ops->pages(os_real(), bytes);
}

static void twin_pages_free(struct os *os, void *ptr, size_t bytes)
{
    (void)os;
    os_real()->ops->pages_free(os_real(), ptr, bytes);
}

const struct os_ops sim_ops = {
    .mono_ns = twin_mono_ns,
    .wall_ms = twin_wall_ms,
    .cpu_ns = twin_mono_ns, /* work takes no time here */
    .entropy = twin_entropy,
    .open = twin_open,
    .close = twin_close,
    .pread = twin_pread,
    .pwrite = twin_pwrite,
    .pwrite_pieces = twin_pwrite_pieces,
    .truncate = twin_truncate,
    .write_behind = twin_write_behind,
    .sync = twin_sync,
    .fstat = twin_fstat,
    .stat = twin_stat,
    .space = twin_space,
    .rename = twin_rename,
    .unlink = twin_unlink,
    .mkdir = twin_mkdir,
    .rmdir = twin_rmdir,
    .sync_dir = twin_sync_dir,
    .list = twin_list,
    .lock = twin_lock,
    .stream_read = twin_stream_read,
    .stream_write = twin_stream_write,
    .net_resolve = twin_net_resolve,
    .net_listen = twin_net_listen,
    .net_accept = twin_net_accept,
    .net_connect = twin_net_connect,
    .net_recv = twin_net_recv,
    .net_send = twin_net_send,
    .net_send_file = twin_net_send_file,
    .net_finish = twin_net_finish,
    .net_close = twin_net_close,
    .net_local = twin_net_local,
    .net_peer = twin_net_peer,
    .poller_new = twin_poller_new,
    .poller_free = twin_poller_free,
    .poller_add = twin_poller_add,
    .poller_signal = twin_poller_signal,
    .poller_wait = twin_poller_wait,
    .work = twin_work,
    .signal_new = twin_signal_new,
    .signal_free = twin_signal_free,
    .signal_raise = twin_signal_raise,
    .signal_wait = twin_signal_wait,
    .thread_start = twin_thread_start,
    .thread_join = twin_thread_join,
    .pages = twin_pages,
    .pages_free = twin_pages_free,
};

const struct os_ops sim_outside_ops = {
    .mono_ns = twin_mono_ns,
    .wall_ms = twin_wall_ms,
    .cpu_ns = twin_mono_ns,
    .entropy = twin_entropy,
    .net_resolve = twin_net_resolve,
    .net_listen = twin_net_listen,
    .net_accept = twin_net_accept,
    .net_connect = twin_net_connect,
    .net_recv = twin_net_recv,
    .net_send = twin_net_send,
    .net_finish = twin_net_finish,
    .net_close = twin_net_close,
    .net_local = twin_net_local,
    .net_peer = twin_net_peer,
    .poller_new = twin_poller_new,
    .poller_free = twin_poller_free,
    .poller_add = twin_poller_add,
    .poller_signal = twin_poller_signal,
    .poller_wait = twin_poller_wait,
    .signal_new = twin_signal_new,
    .signal_free = twin_signal_free,
    .signal_raise = twin_signal_raise,
    .signal_wait = twin_signal_wait,
};
