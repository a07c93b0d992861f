/* What everybody would otherwise write over the os table: whole files in and out, directories with their
 * parents, addresses as text. Works over either body, so each step is a call that the twin can crash or fail.
 *
 * Durability of a new name takes two syncs: the file's (its bytes) and the directory's (its name). A
 * directory made here has its parent synced at once, so that callers need to think of one level only. */
#include <arpa/inet.h>
#include <stdio.h>

#include "os/os.h"

#define PATH_BYTES_MAX 4096u
#define READ_STEP ((size_t)64 << 10) /* where the size is unknown */
#define READ_MORE ((size_t)4 << 10)  /* beyond the size that was told */

static enum status path_too_long(struct error *err)
{
    return error_set(err, ST_LIMIT, "the path is longer than %u bytes", PATH_BYTES_MAX - 1);
}

static enum status file_too_large(const char *path, size_t max_bytes, struct error *err)
{
    error_set(err, ST_LIMIT, "'%s' is larger than the allowed %zu bytes", path, max_bytes);
    error_place(err, path, 0, 0, -1);
    return ST_LIMIT;
}

static enum status read_to_end(struct os *os, struct os_file *f, const char *path, size_t max_bytes, struct buf *ret,
                               struct error *err)
{
    struct os_stat st;
    TRY(os->ops->fstat(os, f, &st, err));
    if (st.bytes > max_bytes)
        return file_too_large(path, max_bytes, err);
    size_t start = ret->len, room = ret->max - ret->len;
    size_t limit = max_bytes < room ? max_bytes : room;
    size_t step = st.bytes > 0 ? (size_t)st.bytes : READ_STEP; /* the file may grow while it is read */
    for (;;) {
        size_t have = ret->len - start, got;
        if (have == limit) {
            uint8_t beyond;
            TRY(os_pread(os, f, &beyond, 1, have, &got, err));
            return got == 0 ? ST_OK : file_too_large(path, limit, err);
        }
        size_t want = limit - have < step ? limit - have : step;
        if (!buf_reserve(ret, want))
            return budget_error(ret->budget ? ret->budget : budget_process(), want, err);
        TRY(os_pread(os, f, ret->data + ret->len, want, have, &got, err));
        ret->len += got;
        if (got < want)
            return ST_OK;
        step = READ_MORE;
    }
}

enum status os_read_file(struct os *os, const char *path, size_t max_bytes, struct buf *ret, struct error *err)
{
    struct os_file *f;
    TRY(os_open(os, path, OS_READ, &f, err));
    size_t len = ret->len;
    enum status st = read_to_end(os, f, path, max_bytes, ret, err);
    if (st != ST_OK)
        ret->len = len;
    os_close(os, f);
    return st;
}

static enum status write_synced(struct os *os, const char *path, const void *bytes, size_t len, struct error *err)
{
    struct os_file *f;
    TRY(os_open(os, path, OS_CREATE, &f, err));
    enum status st = os->ops->truncate(os, f, 0, err); /* an earlier life may have left one */
    if (st == ST_OK)
        st = os_pwrite(os, f, bytes, len, 0, err);
    if (st == ST_OK)
        st = os_sync(os, f, err);
    os_close(os, f);
    return st;
}

enum status os_write_file(struct os *os, const char *path, const void *bytes, size_t len, struct error *err)
{
    char temp[PATH_BYTES_MAX];
    size_t path_len = strlen(path);
    if (path_len + sizeof ".new" > sizeof temp)
        return path_too_long(err);
    memcpy(temp, path, path_len);
    memcpy(temp + path_len, ".new", sizeof ".new");
    enum status st = write_synced(os, temp, bytes, len, err);
    if (st == ST_OK)
        st = os->ops->rename(os, temp, path, err);
    if (st != ST_OK) {
        (void)os->ops->unlink(os, temp, NULL); /* gives the space back; a leftover does no harm */
        return st;
    }
    return os_sync_parent(os, path, err);
}

/* Length of the part of path[0..len) that names its parent; 0 when it is the working directory. */
static size_t parent_len(const char *path, size_t len)
{
    while (len > 1 && path[len - 1] == '/')
        len--;
    while (len > 0 && path[len - 1] != '/')
        len--;
    while (len > 1 && path[len - 1] == '/')
        len--;
    return len;
}

static enum status sync_parent_of(struct os *os, const char *path, size_t len, struct error *err)
{
    char parent[PATH_BYTES_MAX];
    size_t n = parent_len(path, len);
    if (n >= sizeof parent)
        return path_too_long(err);
    memcpy(parent, path, n);
    parent[n] = '\0';
    return os->ops->sync_dir(os, n ? parent : ".", err);
}

enum status os_sync_parent(struct os *os, const char *path, struct error *err)
{
    return sync_parent_of(os, path, strlen(path), err);
}

enum status os_mkdirs(struct os *os, const char *path, struct error *err)
{
    char part[PATH_BYTES_MAX];
    size_t len = strlen(path);
    if (len >= sizeof part)
        return path_too_long(err);
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if ((path[i] != '/' && path[i] != '\0') || path[i - 1] == '/')
            continue;
        part[i] = '\0';
        struct os_stat st;
        enum status found = os->ops->stat(os, part, &st, err);
        if (found == ST_NOT_FOUND) {
            TRY(os->ops->mkdir(os, part, err));
            enum status synced = sync_parent_of(os, part, i, err);
            if (synced != ST_OK) {
                (void)os->ops->rmdir(os, part, NULL); /* else the next call would find it, and take it for durable */
                return synced;
            }
        } else if (found != ST_OK) {
            return found;
        } else if (!st.is_directory) {
            error_set(err, ST_EXISTS, "cannot make the directory '%s': '%s' is a file", path, part);
            error_place(err, part, 0, 0, -1);
            return ST_EXISTS;
        }
        part[i] = path[i];
    }
    error_clear(err); /* of the look-ups that found nothing */
    return ST_OK;
}

/* ---- addresses ---- */

void os_addr_text(const struct os_addr *a, char out[OS_ADDR_TEXT])
{
    char ip[INET6_ADDRSTRLEN], scope[16] = "";
    CHECK(inet_ntop(a->v6 ? AF_INET6 : AF_INET, a->ip, ip, sizeof ip));
    if (a->v6 && a->scope)
        snprintf(scope, sizeof scope, "%%%u", a->scope);
    snprintf(out, OS_ADDR_TEXT, a->v6 ? "[%s%s]:%u" : "%s%s:%u", ip, scope, a->port);
}

bool os_addr_parse(struct str ip, uint16_t port, struct os_addr *ret)
{
    char text[INET6_ADDRSTRLEN];
    struct os_addr a = { .port = port };
    if (ip.len == 0 || ip.len >= sizeof text)
        return false;
    memcpy(text, ip.ptr, ip.len);
    text[ip.len] = '\0';
    a.v6 = memchr(text, ':', ip.len) != NULL;
    if (inet_pton(a.v6 ? AF_INET6 : AF_INET, text, a.ip) != 1)
        return false;
    *ret = a;
    return true;
}

bool os_addr_split(struct str text, struct str *ret_host, uint16_t *ret_port)
{
    size_t colon = text.len;
    uint32_t port = 0;
    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    if (colon < 2 || text.len - colon < 1 || text.len - colon > 5)
        return false;
    for (size_t i = colon; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        port = port * 10 + (uint32_t)(text.ptr[i] - '0');
    }
    struct str host = str_make(text.ptr, colon - 1);
    bool brackets = host.ptr[0] == '[';
    if (brackets && (host.len < 3 || host.ptr[host.len - 1] != ']'))
        return false;
    if (brackets)
        host = str_make(host.ptr + 1, host.len - 2);
    else if (memchr(host.ptr, ':', host.len))
        return false; /* IPv6 without brackets: which colon? */
    if (port > UINT16_MAX)
        return false;
    *ret_host = host;
    *ret_port = (uint16_t)port;
    return true;
}

bool os_addr_is_loopback(const struct os_addr *a)
{
    static const uint8_t one[16] = { [15] = 1 }, mapped[12] = { [10] = 0xff, [11] = 0xff };
    if (!a->v6)
        return a->ip[0] == 127;
    return memcmp(a->ip, one, 16) == 0 || (memcmp(a->ip, mapped, 12) == 0 && a->ip[12] == 127);
}
