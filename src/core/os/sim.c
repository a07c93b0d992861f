/* The twin as a machine: birth and end, switches, work in seeded order, clocks, and the test's own hand.
 *
 * One seed gives five streams of numbers (fates of the disk, order of work, entropy, the network, the caller's), so
 * that a test that draws one more number does not change what the disk does. The generator is splitmix64:
 * a counter through a mixing function; eight bytes of state, no bad seeds. */
#include "os/sim_private.h"

#define WALL_START_MS INT64_C(1767225600000) /* 2026-01-01 00:00 UTC */
#define MONO_START_NS INT64_C(1000000000)

uint64_t sim_draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct sim *sim_new(uint64_t seed, struct budget *b)
{
    struct sim *s = mem_calloc(b, sizeof *s);
    if (!s)
        return NULL;
    s->os.ops = &sim_ops;
    s->outside.ops = &sim_outside_ops;
    s->budget = b;
    uint64_t state = seed;
    s->random_fate = sim_draw(&state);
    s->random_work = sim_draw(&state);
    s->random_caller = sim_draw(&state);
    s->random_entropy = sim_draw(&state);
    s->random_net = sim_draw(&state);
    sim_net_init(s);
    s->mono_ns = MONO_START_NS;
    s->wall_ms = WALL_START_MS;
    s->next_inode = 1;
    s->capacity = UINT64_MAX;
    for (int i = 0; i < 3; i++)
        buf_init(&s->stream[i], b, SIZE_MAX);
    s->root = inode_new(s, true); /* the reference is the machine's own */
    if (!s->root) {
        mem_free(b, s, sizeof *s);
        return NULL;
    }
    return s;
}

static void free_trace(struct sim *s)
{
    for (uint32_t i = 0; i < s->line_count; i++)
        mem_free(s->budget, s->lines[i].text, s->lines[i].bytes);
    mem_free(s->budget, s->lines, s->line_cap * sizeof *s->lines);
}

void sim_free(struct sim *s)
{
    if (!s)
        return;
    sim_kill(s);
    sim_net_release(s);
    while (s->files) {
        struct os_file *f = s->files;
        s->files = f->next;
        mem_free(s->budget, f, f->struct_bytes);
    }
    fate_power_loss(s, SIM_DROP); /* leaves a tree that is reached from the root only */
    inode_unref(s, s->root);
    CHECK(!s->inodes && !s->changes);
    for (int i = 0; i < 3; i++)
        buf_release(&s->stream[i]);
    free_trace(s);
    mem_free(s->budget, s, sizeof *s);
}

struct os *sim_os(struct sim *s) { return &s->os; }
struct os *sim_outside(struct sim *s) { return &s->outside; }

/* ---- switches ---- */

void sim_crash_at(struct sim *s, uint64_t call) { s->crash_at = call; }

void sim_fail_at(struct sim *s, uint64_t call, enum status st, bool sticky)
{
    s->fail_at = call;
    s->fail_status = st;
    s->fail_sticky = sticky;
}

void sim_capacity(struct sim *s, uint64_t bytes) { s->capacity = bytes; }
uint64_t sim_calls(const struct sim *s) { return s->calls; }
bool sim_crashed(const struct sim *s) { return s->crashed; }
const char *sim_failed(const struct sim *s) { return s->failed_verb ? s->failed_verb : ""; }
void sim_trace(struct sim *s, bool on) { s->trace = on; }

const char *sim_call_name(const struct sim *s, uint64_t call)
{
    uint32_t low = 0, high = s->line_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (s->lines[mid].call < call)
            low = mid + 1;
        else
            high = mid;
    }
    return low < s->line_count && s->lines[low].call == call ? s->lines[low].text : NULL;
}

void sim_kill(struct sim *s)
{
    sim_files_orphan(s);
    sim_net_lost(s, true);
    s->queue = s->queue_last = NULL;
    s->queued = 0;
    s->crash_at = s->fail_at = 0;
    s->fail_sticky = false;
    s->crashed = false;
}

void sim_power_cycle(struct sim *s, enum sim_mood mood)
{
    s->failed_verb = NULL;
    sim_net_lost(s, false);
    sim_kill(s);
    fate_power_loss(s, mood);
}

/* ---- work and time ---- */

bool sim_work_waiting(const struct sim *s) { return s->queue != NULL; }

static struct os_work *take_any(struct sim *s)
{
    struct os_work *before = NULL, *w = s->queue;
    for (uint64_t n = sim_below(&s->random_work, s->queued); n > 0; n--) {
        before = w;
        w = w->next;
    }
    if (before)
        before->next = w->next;
    else
        s->queue = w->next;
    if (s->queue_last == w)
        s->queue_last = before;
    s->queued--;
    return w;
}

uint32_t sim_work_some(struct sim *s, uint32_t max)
{
    uint32_t count = 0;
    for (; s->queue && count < max; count++) {
        struct os_work *w = take_any(s);
        struct os_signal *signal = w->signal;
        w->run(w);
        atomic_store(&w->done, true);
        if (signal)
            signal->raised = true;
    }
    return count;
}

void sim_advance_ms(struct sim *s, int64_t ms)
{
    s->mono_ns += ms * 1000000;
    s->wall_ms += ms;
}

void sim_advance_ns(struct sim *s, int64_t ns)
{
    s->mono_ns += ns;
    s->wall_rest_ns += ns;
    s->wall_ms += s->wall_rest_ns / 1000000;
    s->wall_rest_ns %= 1000000;
}

void sim_set_wall_ms(struct sim *s, int64_t wall_ms) { s->wall_ms = wall_ms; }
uint64_t sim_random(struct sim *s) { return sim_draw(&s->random_caller); }

/* ---- the test's hand ---- */

/* Makes the directories above `path`; switches are off meanwhile, calls are not counted. */
static enum status put_parents(struct sim *s, const char *path)
{
    char part[4096];
    size_t len = strlen(path);
    if (len >= sizeof part)
        return ST_LIMIT;
    memcpy(part, path, len + 1);
    for (size_t i = 1; i < len; i++) {
        if (path[i] != '/')
            continue;
        part[i] = '\0';
        TRY(s->os.ops->mkdir(&s->os, part, NULL));
        TRY(os_sync_parent(&s->os, part, NULL));
        part[i] = '/';
    }
    return ST_OK;
}

static enum status put_file(struct sim *s, const char *path, const void *bytes, size_t len)
{
    TRY(put_parents(s, path));
    struct os_file *f;
    TRY(os_open(&s->os, path, OS_CREATE, &f, NULL));
    enum status st = s->os.ops->truncate(&s->os, f, 0, NULL);
    if (st == ST_OK)
        st = os_pwrite(&s->os, f, bytes, len, 0, NULL);
    if (st == ST_OK)
        st = os_sync(&s->os, f, NULL);
    if (st == ST_OK)
        st = os_sync_parent(&s->os, path, NULL);
    os_close(&s->os, f);
    return st;
}

enum status sim_put_file(struct sim *s, const char *path, const void *bytes, size_t len)
{
    uint64_t calls = s->calls, crash_at = s->crash_at, fail_at = s->fail_at, capacity = s->capacity;
    bool crashed = s->crashed, trace = s->trace;
    s->crash_at = s->fail_at = 0;
    s->capacity = UINT64_MAX;
    s->crashed = s->trace = false;
    enum status st = put_file(s, path, bytes, len);
    s->calls = calls;
    s->crash_at = crash_at;
    s->fail_at = fail_at;
    s->capacity = capacity;
    s->crashed = crashed;
    s->trace = trace;
    return st;
}

bool sim_get_file(struct sim *s, const char *path, struct buf *ret)
{
    struct place p;
    if (disk_walk(s, path, &p, NULL) != ST_OK || !p.inode || p.inode->is_dir)
        return false;
    return p.inode->now.len == 0 || buf_put(ret, p.inode->now.data, p.inode->now.len);
}

static uint64_t sum_add(uint64_t sum, const void *bytes, size_t len)
{
    return hash_u64(sum ^ (len ? hash_bytes(bytes, len) : 0) ^ ((uint64_t)len << 1));
}

static uint64_t sum_dir(const struct inode *dir, uint64_t sum, uint32_t depth)
{
    for (uint32_t i = 0; depth < 1024 && i < dir->names_now.count; i++) {
        const struct entry *e = &dir->names_now.at[i];
        sum = sum_add(sum, e->name, e->len);
        if (e->inode->is_dir)
            sum = hash_u64(sum_dir(e->inode, hash_u64(sum), depth + 1)); /* where a directory ends counts too */
        else
            sum = sum_add(sum, e->inode->now.data, e->inode->now.len);
    }
    return sum;
}

uint64_t sim_disk_sum(const struct sim *s) { return sum_dir(s->root, 0, 0); }

enum status sim_feed(struct sim *s, const void *bytes, size_t len)
{
    return buf_put(&s->stream[0], bytes, len) ? ST_OK : ST_MEMORY;
}

struct str sim_stream(struct sim *s, int stream)
{
    CHECK(stream == 1 || stream == 2);
    return buf_str(&s->stream[stream]);
}
