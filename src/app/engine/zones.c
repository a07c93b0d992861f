/* Time zones by name, from the machine's time zone database (/usr/share/zoneinfo, package tzdata). Read when a name is
 * first used, from the machine itself even where disks are simulated: the database belongs to no job. Names count
 * their case, as in Java. */
#include "engine/zones.h"

#include <ctype.h>

#include "os/os.h"

#define DATABASE "/usr/share/zoneinfo"
#define MAX_NAME 64u
#define MAX_FILE (1u << 20)
#define MAX_NAMES 2000u

/* Areas, words, digits and signs; nothing that leads out of the database. */
static bool name_fits(struct str name)
{
    if (name.len == 0 || name.len > MAX_NAME || !isalpha((unsigned char)name.ptr[0]))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!isalnum((unsigned char)name.ptr[i]) && !strchr("_+-/", name.ptr[i]))
            return false;
    return true;
}

struct names {
    struct arena *arena;
    ARRAY(struct str) all;
};

static void collect(struct names *n, struct str below, uint32_t depth)
{
    struct os_name *list;
    uint32_t count;
    struct str path = arena_printf(n->arena, DATABASE "/%.*s", STR_ARG(below));
    if (!path.ptr || os_real()->ops->list(os_real(), path.ptr, n->arena, &list, &count, NULL) != ST_OK)
        return;
    for (uint32_t i = 0; i < count && n->all.count < MAX_NAMES; i++) {
        static const struct str others[] = { STR_INIT("posix"), STR_INIT("right"), STR_INIT("posixrules"),
                                             STR_INIT("localtime") };
        bool other = !isupper((unsigned char)list[i].name.ptr[0]) || !name_fits(list[i].name);
        for (size_t k = 0; k < sizeof others / sizeof *others; k++)
            other = other || str_eq(list[i].name, others[k]);
        if (other)
            continue;
        struct str name = below.len ? arena_printf(n->arena, "%.*s/%.*s", STR_ARG(below), STR_ARG(list[i].name))
                                    : list[i].name;
        if (list[i].is_directory && depth < 3) {
            collect(n, name, depth + 1);
        } else if (name.ptr) {
            struct str *added = array_add(&n->all, n->arena);
            if (!added)
                return;
            *added = name;
        }
    }
}

static enum status unknown(struct str name, struct error *err)
{
    struct os_stat stat;
    if (os_real()->ops->stat(os_real(), DATABASE, &stat, NULL) != ST_OK) {
        error_set(err, ST_NOT_FOUND, "time zone '%.*s': this machine has no time zone database (" DATABASE ")",
                  STR_ARG(name));
        error_hint(err, "install the package tzdata, or write an offset such as 'GMT+01:00'");
        return ST_NOT_FOUND;
    }
    struct arena arena;
    arena_init(&arena, NULL);
    struct names names = { .arena = &arena };
    collect(&names, STR(""), 0);
    struct str near = str_nearest(name, names.all.at, names.all.count);
    error_set(err, ST_SEMANTIC, "time zone '%.*s' is not known", STR_ARG(name));
    if (near.len)
        error_hint(err, "did you mean '%.*s'?", STR_ARG(near));
    else
        error_hint(err, "write a name such as 'Europe/Berlin' or an offset such as 'GMT+01:00'");
    arena_release(&arena);
    return ST_SEMANTIC;
}

static enum status find(struct arena *a, struct str name, struct zone *ret, struct error *err)
{
    if (!name_fits(name))
        return unknown(name, err);
    char path[sizeof DATABASE + MAX_NAME + 2];
    size_t n = sizeof DATABASE - 1;
    memcpy(path, DATABASE "/", n + 1);
    memcpy(path + n + 1, name.ptr, name.len);
    path[n + 1 + name.len] = 0;
    struct os_stat stat;
    if (os_real()->ops->stat(os_real(), path, &stat, NULL) != ST_OK || stat.is_directory)
        return unknown(name, err);
    struct buf bytes;
    buf_init(&bytes, a->budget, MAX_FILE);
    enum status st = os_read_file(os_real(), path, MAX_FILE, &bytes, err);
    if (st == ST_OK)
        st = zone_load(a, name, buf_str(&bytes), ret, err);
    buf_release(&bytes);
    return st;
}

const struct zone_source engine_zones = { .find = find };
