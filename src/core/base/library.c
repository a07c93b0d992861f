/* dlopen behind its face. All names are found before the first pointer is written: a library that lacks one stays closed.
 * Two threads may find them at a time (the dynamic linker locks and counts by itself); one writes. */
#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

static enum status find_all(const struct library *l, void **ret_handle, struct error *err)
{
    void *handle = dlopen(l->file, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        error_set(err, ST_UNSUPPORTED, "a library is missing: %s", dlerror());
        error_hint(err, "install %s", l->package);
        return ST_UNSUPPORTED;
    }
    for (uint32_t i = 0; i < l->n; i++)
        if (!dlsym(handle, l->names[i])) {
            error_set(err, ST_UNSUPPORTED, "%s is too old: it has no %s", l->file, l->names[i]);
            dlclose(handle);
            return ST_UNSUPPORTED;
        }
    *ret_handle = handle;
    return ST_OK;
}

enum status library_open(struct library *l, struct error *err)
{
    if (atomic_load_explicit(&l->open, memory_order_acquire))
        return ST_OK;
    void *handle;
    TRY(find_all(l, &handle, err));
    while (atomic_flag_test_and_set_explicit(&l->writing, memory_order_acquire))
        ;
    for (uint32_t i = 0; i < l->n && !atomic_load(&l->open); i++) {
        void *call = dlsym(handle, l->names[i]);
        memcpy((char *)l->calls + i * sizeof call, &call, sizeof call);
    }
    atomic_store_explicit(&l->open, true, memory_order_release);
    atomic_flag_clear_explicit(&l->writing, memory_order_release);
    return ST_OK;
}
