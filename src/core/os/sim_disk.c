/* The twin's disk: a tree of inodes, each with a visible and a durable state, and the log of changes that
 * are in the first and not in the second.
 *
 * A change is applied to the visible state when it is made and to the durable state when it is synced
 * (or when a crash decides to keep it). Bytes and names are apart, as POSIX has them: syncing a file
 * makes its bytes and its size durable, not its name; syncing a directory makes its names durable, not
 * what the named files hold. A rename is one change of one or two directories and is never torn; it
 * becomes durable with either directory, together with all older changes of the directories it touches.
 *
 * Nothing here depends on addresses: inodes are listed by number, names by bytes, changes by issue. */
#include "os/sim_private.h"

#define NAME_BYTES_MAX 255u
#define PATH_NAMES_MAX 64u

/* ---- names ---- */

/* Index of the first name that is not below `name`. */
static uint32_t names_at(const struct names *n, struct str name)
{
    uint32_t low = 0, high = n->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (str_cmp(str_make(n->at[mid].name, n->at[mid].len), name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct entry *names_find(const struct names *n, struct str name)
{
    uint32_t i = names_at(n, name);
    return i < n->count && str_eq(str_make(n->at[i].name, n->at[i].len), name) ? &n->at[i] : NULL;
}

bool names_set(struct sim *s, struct names *n, struct str name, struct inode *i)
{
    struct entry *there = names_find(n, name);
    if (there) {
        i->refs++;
        inode_unref(s, there->inode);
        there->inode = i;
        return true;
    }
    if (n->count == n->cap) {
        uint32_t cap = n->cap ? n->cap * 2 : 4;
        struct entry *grown =
            mem_realloc(s->budget, n->at, n->cap * sizeof *n->at, cap * sizeof *n->at);
        if (!grown)
            return false;
        n->at = grown;
        n->cap = cap;
    }
    char *copy = mem_alloc(s->budget, name.len + 1);
    if (!copy)
        return false;
    memcpy(copy, name.ptr, name.len);
    copy[name.len] = '\0';
    uint32_t at = names_at(n, name);
    memmove(&n->at[at + 1], &n->at[at], (n->count - at) * sizeof *n->at);
    n->at[at] = (struct entry){ copy, (uint32_t)name.len, i };
    n->count++;
    i->refs++;
    return true;
}

void names_remove(struct sim *s, struct names *n, struct str name)
{
    struct entry *e = names_find(n, name);
    CHECK(e);
    struct entry gone = *e;
    size_t at = (size_t)(e - n->at);
    n->count--;
    memmove(e, e + 1, (n->count - at) * sizeof *e);
    mem_free(s->budget, gone.name, (size_t)gone.len + 1);
    inode_unref(s, gone.inode);
}

void names_clear(struct sim *s, struct names *n)
{
    struct names gone = *n;
    *n = (struct names){ 0 };
    for (uint32_t i = 0; i < gone.count; i++) {
        mem_free(s->budget, gone.at[i].name, (size_t)gone.at[i].len + 1);
        inode_unref(s, gone.at[i].inode);
    }
    mem_free(s->budget, gone.at, gone.cap * sizeof *gone.at);
}

/* ---- inodes ---- */

struct inode *inode_new(struct sim *s, bool is_dir)
{
    struct inode *i = mem_calloc(s->budget, sizeof *i);
    if (!i)
        return NULL;
    i->id = s->next_inode++;
    i->is_dir = is_dir;
    i->refs = 1;
    i->mtime_ms = s->wall_ms;
    buf_init(&i->now, s->budget, SIZE_MAX);
    buf_init(&i->durable, s->budget, SIZE_MAX);
    i->prev = s->inodes_last;
    if (i->prev)
        i->prev->next = i;
    else
        s->inodes = i;
    s->inodes_last = i;
    return i;
}

void inode_unref(struct sim *s, struct inode *i)
{
    CHECK(i->refs > 0);
    if (--i->refs > 0)
        return;
    for (struct change *c = s->changes, *next; c && i->changes > 0; c = next) {
        next = c->next;
        if (c->inode == i)
            change_drop(s, c);
    }
    names_clear(s, &i->names_now);
    names_clear(s, &i->names_durable);
    if (i->prev)
        i->prev->next = i->next;
    else
        s->inodes = i->next;
    if (i->next)
        i->next->prev = i->prev;
    else
        s->inodes_last = i->prev;
    buf_release(&i->now);
    buf_release(&i->durable);
    mem_free(s->budget, i, sizeof *i);
}

uint64_t disk_used(const struct sim *s)
{
    uint64_t used = 0;
    for (const struct inode *i = s->inodes; i; i = i->next)
        used += i->links > 0 || i->handles > 0 ? i->now.len : 0;
    return used;
}

/* ---- paths ---- */

static enum status path_split(const char *path, struct str names[], uint32_t *ret_count, struct error *err)
{
    struct str rest = str_from(path);
    uint32_t count = 0;
    while (rest.ptr) {
        struct str name = str_split(&rest, '/');
        if (name.len == 0 || str_eq(name, STR(".")))
            continue;
        if (str_eq(name, STR(".."))) {
            count -= count > 0;
            continue;
        }
        if (name.len > NAME_BYTES_MAX || count == PATH_NAMES_MAX)
            return error_set(err, ST_IO, "cannot open '%s': the name is too long", path);
        names[count++] = name;
    }
    *ret_count = count;
    return ST_OK;
}

enum status disk_walk(struct sim *s, const char *path, struct place *ret, struct error *err)
{
    struct str names[PATH_NAMES_MAX];
    uint32_t count;
    TRY(path_split(path, names, &count, err));
    struct place p = { .inode = s->root };
    for (uint32_t i = 0; i < count; i++) {
        if (!p.inode)
            return error_set(err, ST_NOT_FOUND, "cannot open '%s': no such directory", path);
        if (!p.inode->is_dir)
            return error_set(err, ST_IO, "cannot open '%s': a part of the path is a file", path);
        struct entry *e = names_find(&p.inode->names_now, names[i]);
        p = (struct place){ p.inode, names[i], e ? e->inode : NULL };
    }
    *ret = p;
    return ST_OK;
}

/* ---- the bytes of a file ---- */

bool image_resize(struct buf *b, uint64_t bytes)
{
    if (bytes > b->len) {
        if (bytes > SIZE_MAX / 2 || !buf_reserve(b, (size_t)bytes - b->len))
            return false;
        memset(b->data + b->len, 0, (size_t)bytes - b->len);
    }
    b->len = (size_t)bytes;
    return true;
}

bool image_write(struct buf *b, const void *bytes, size_t len, uint64_t offset)
{
    if (len == 0)
        return true;
    if (offset > SIZE_MAX / 2 || len > SIZE_MAX / 2)
        return false;
    if (offset + len > b->len && !image_resize(b, offset + len))
        return false;
    memcpy(b->data + offset, bytes, len);
    return true;
}

/* ---- changes ---- */

static struct change *change_new(struct sim *s, enum change_kind kind, struct inode *i, size_t data_len)
{
    size_t bytes = sizeof(struct change) + data_len;
    struct change *c = mem_alloc(s->budget, bytes);
    if (!c)
        return NULL;
    *c = (struct change){ .kind = kind, .inode = i, .bytes = bytes };
    return c;
}

/* A change of names holds its inodes; one of bytes belongs to its inode. */
static void change_log(struct sim *s, struct change *c)
{
    if (c->kind == CHANGE_WRITE || c->kind == CHANGE_TRUNCATE)
        c->inode->changes++;
    else
        c->inode->refs++;
    if (c->from_dir)
        c->from_dir->refs++;
    if (c->to_dir)
        c->to_dir->refs++;
    c->prev = s->changes_last;
    if (c->prev)
        c->prev->next = c;
    else
        s->changes = c;
    s->changes_last = c;
}

void change_drop(struct sim *s, struct change *c)
{
    if (c->prev)
        c->prev->next = c->next;
    else
        s->changes = c->next;
    if (c->next)
        c->next->prev = c->prev;
    else
        s->changes_last = c->prev;
    if (c->kind == CHANGE_WRITE || c->kind == CHANGE_TRUNCATE)
        c->inode->changes--;
    else
        inode_unref(s, c->inode);
    if (c->from_dir)
        inode_unref(s, c->from_dir);
    if (c->to_dir)
        inode_unref(s, c->to_dir);
    mem_free(s->budget, c, c->bytes);
}

bool disk_write(struct sim *s, struct inode *i, const void *bytes, size_t len, uint64_t offset)
{
    if (len == 0)
        return true;
    uint64_t from = offset, end = offset + len, size = end > i->now.len ? end : i->now.len;
    if (i->lost) { /* a sector comes to the disk whole: with what a failed sync had dropped of it */
        from -= from % SECTOR;
        end += (SECTOR - end % SECTOR) % SECTOR;
        end = end < size ? end : size;
    }
    struct change *c = change_new(s, CHANGE_WRITE, i, (size_t)(end - from));
    if (!c)
        return false;
    if (!image_write(&i->now, bytes, len, offset)) {
        mem_free(s->budget, c, c->bytes);
        return false;
    }
    c->offset = from;
    c->len = (size_t)(end - from);
    memcpy(c->data, i->now.data + from, c->len);
    change_log(s, c);
    i->differs = true;
    i->mtime_ms = s->wall_ms;
    return true;
}

bool disk_truncate(struct sim *s, struct inode *i, uint64_t bytes)
{
    struct change *c = change_new(s, CHANGE_TRUNCATE, i, 0);
    if (!c)
        return false;
    if (!image_resize(&i->now, bytes)) {
        mem_free(s->budget, c, c->bytes);
        return false;
    }
    c->offset = bytes;
    change_log(s, c);
    i->differs = true;
    i->mtime_ms = s->wall_ms;
    return true;
}

static struct change *change_of_names(struct sim *s, enum change_kind kind, struct inode *i, struct inode *from_dir,
                                      struct str from, struct inode *to_dir, struct str to)
{
    struct change *c = change_new(s, kind, i, from.len + to.len);
    if (!c)
        return NULL;
    c->from_dir = from_dir;
    c->to_dir = to_dir;
    c->from = str_make(c->data, from.len);
    c->to = str_make(c->data + from.len, to.len);
    if (from.len)
        memcpy(c->data, from.ptr, from.len);
    if (to.len)
        memcpy(c->data + from.len, to.ptr, to.len);
    return c;
}

bool disk_link(struct sim *s, struct inode *dir, struct str name, struct inode *i)
{
    struct change *c = change_of_names(s, CHANGE_LINK, i, NULL, str_make(NULL, 0), dir, name);
    if (!c)
        return false;
    if (!names_set(s, &dir->names_now, name, i)) {
        mem_free(s->budget, c, c->bytes);
        return false;
    }
    i->links++;
    change_log(s, c);
    return true;
}

bool disk_unlink(struct sim *s, struct inode *dir, struct str name, struct inode *i)
{
    struct change *c = change_of_names(s, CHANGE_UNLINK, i, dir, name, NULL, str_make(NULL, 0));
    if (!c)
        return false;
    change_log(s, c);
    i->links--;
    names_remove(s, &dir->names_now, name);
    return true;
}

bool disk_rename(struct sim *s, const struct place *from, const struct place *to)
{
    struct change *c = change_of_names(s, CHANGE_RENAME, from->inode, from->dir, from->name, to->dir, to->name);
    if (!c)
        return false;
    if (to->inode)
        to->inode->links--;
    if (!names_set(s, &to->dir->names_now, to->name, from->inode)) {
        CHECK(!to->inode); /* replacing takes no memory */
        mem_free(s->budget, c, c->bytes);
        return false;
    }
    change_log(s, c);
    names_remove(s, &from->dir->names_now, from->name);
    return true;
}

/* ---- from visible to durable ---- */

bool change_apply(struct sim *s, struct change *c)
{
    struct entry *from = c->from_dir ? names_find(&c->from_dir->names_durable, c->from) : NULL;
    switch (c->kind) {
    case CHANGE_WRITE:
        return image_write(&c->inode->durable, c->data, c->len, c->offset);
    case CHANGE_TRUNCATE:
        return image_resize(&c->inode->durable, c->offset);
    case CHANGE_LINK:
        return names_set(s, &c->to_dir->names_durable, c->to, c->inode);
    case CHANGE_UNLINK: /* where the name was lost on the way here, there is nothing to take */
        if (from && from->inode == c->inode)
            names_remove(s, &c->from_dir->names_durable, c->from);
        return true;
    case CHANGE_RENAME: /* the same: a file cannot be moved that was never there */
        if (!from || from->inode != c->inode)
            return true;
        if (!names_set(s, &c->to_dir->names_durable, c->to, c->inode))
            return false;
        names_remove(s, &c->from_dir->names_durable, c->from);
        return true;
    }
    return true;
}

bool change_touches(const struct change *c, const struct inode *dir)
{
    return c->from_dir == dir || c->to_dir == dir;
}

bool disk_sync(struct sim *s, struct inode *i)
{
    for (struct change *c = s->changes, *next; c && i->changes > 0; c = next) {
        next = c->next;
        if (c->inode != i || (c->kind != CHANGE_WRITE && c->kind != CHANGE_TRUNCATE))
            continue;
        if (!change_apply(s, c))
            return false;
        change_drop(s, c);
    }
    i->differs = i->lost;
    return true;
}

/* Marks the directories whose older changes must go first: newest to oldest, a change of a marked
 * directory marks the other one that it touches. */
static void mark_needed(struct sim *s, struct inode *dir)
{
    for (struct inode *i = s->inodes; i; i = i->next)
        i->reached = i == dir;
    for (struct change *c = s->changes_last; c; c = c->prev) {
        bool needed = (c->from_dir && c->from_dir->reached) || (c->to_dir && c->to_dir->reached);
        if (needed && c->from_dir && c->to_dir)
            c->from_dir->reached = c->to_dir->reached = true;
    }
}

struct change *change_next_of_names(struct change *c)
{
    while (c && (c->kind == CHANGE_WRITE || c->kind == CHANGE_TRUNCATE))
        c = c->next;
    return c;
}

/* A directory comes to the disk as it is: with what a failed sync had dropped of it. */
static bool sync_lost_names(struct sim *s, struct inode *dir)
{
    names_clear(s, &dir->names_durable);
    for (uint32_t i = 0; i < dir->names_now.count; i++) {
        const struct entry *e = &dir->names_now.at[i];
        if (!names_set(s, &dir->names_durable, str_make(e->name, e->len), e->inode))
            return false;
    }
    dir->lost = false;
    return true;
}

bool disk_sync_dir(struct sim *s, struct inode *dir)
{
    bool any = false;
    mark_needed(s, dir);
    /* A directory marked late has newer changes that are not needed; making them durable as well is one
     * of the things a disk may do, and keeps the order of its names simple. */
    for (struct change *c = change_next_of_names(s->changes), *next; c; c = next) {
        next = change_next_of_names(c->next);
        if (!(c->from_dir && c->from_dir->reached) && !(c->to_dir && c->to_dir->reached))
            continue;
        if (!change_apply(s, c))
            return false;
        change_drop(s, c);
        any = true;
    }
    return !any || !dir->lost || sync_lost_names(s, dir);
}
