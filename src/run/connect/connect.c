/* The list of connectors, and small things that several of them share. */
#include "connect/private.h"

static const struct connector *const all[] = {
    &connector_filesystem, &connector_stdin, &connector_stdout,   &connector_datagen,
    &connector_nexmark,    &connector_print, &connector_blackhole, &connector_test,
    &connector_topic,      &connector_upsert_topic, &connector_kafka,  &connector_upsert_kafka,
};

const struct connector *const *connect_all(uint32_t *ret_count)
{
    *ret_count = sizeof all / sizeof all[0];
    return all;
}

enum status connect_memory(const struct budget *b, struct error *err)
{
    return budget_error(b ? b : budget_process(), 0, err);
}

bool connect_time_ms(struct str text, int64_t *ret_ms)
{
    if (str_to_i64(text, ret_ms))
        return true;
    int32_t offset_s = INT32_MIN;
    int64_t ms;
    if (!timestamp_parse(text, 3, &ms, &offset_s))
        return false;
    *ret_ms = ms - (offset_s == INT32_MIN ? 0 : (int64_t)offset_s * 1000);
    return true;
}

enum status numbered_splits(struct arena *arena, uint32_t count, struct split **ret, uint32_t *ret_count,
                            struct error *err)
{
    struct split *list = ARENA_ARRAY(arena, struct split, count);
    if (!list)
        return connect_memory(arena->budget, err);
    uint32_t width = count > 100 ? 4 : count > 10 ? 2 : 1; /* so that they sort */
    for (uint32_t i = 0; i < count; i++) {
        list[i].id = arena_printf(arena, "%0*u", (int)width, i);
        if (!list[i].id.ptr)
            return connect_memory(arena->budget, err);
    }
    *ret = list;
    *ret_count = count;
    return ST_OK;
}

bool numbered_split_parse(struct str id, uint32_t count, uint32_t *ret_index)
{
    int64_t v;
    if (!str_to_i64(id, &v) || v < 0 || v >= count)
        return false;
    *ret_index = (uint32_t)v;
    return true;
}

/* Row k (from 0) is due at start + k / rate. */
uint64_t pace_allows(int64_t now_ns, int64_t start_ns, uint64_t done, uint64_t want, double rate, int64_t *ret_wake_ms)
{
    if (rate <= 0)
        return want;
    double elapsed_s = (double)(now_ns - start_ns) / 1e9;
    double due = elapsed_s * rate + 1;
    if (due >= (double)done + 1) {
        double allowed = due - (double)done;
        return allowed >= (double)want ? want : (uint64_t)allowed;
    }
    double wait_ns = (double)done / rate * 1e9 - (double)(now_ns - start_ns);
    double wake = ((double)now_ns + (wait_ns > 0 ? wait_ns : 0)) / 1e6;
    *ret_wake_ms = wake > 9e15 ? INT64_MAX - 1 : (int64_t)wake + 1;
    return 0;
}

bool path_is_stdio(struct str path)
{
    return str_eq(path, STR("-"));
}
