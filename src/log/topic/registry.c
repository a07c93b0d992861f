/* Topics by name and by id.
 *
 * Two fixed hash tables under one lock, held for a lookup and a count; a topic that was found is the finder's until it
 * lets go, also when it is deleted meanwhile. Only the writer adds and removes.
 *
 * Partitions stand in an array that readers use without a lock. It grows by doubling: the elements of the new one are
 * there before it is shown, the count is raised last, and the old ones stay until the topic goes (together no more than
 * the newest). */
#include "topic/private.h"

#include <stdlib.h>

static struct topic **name_bucket(struct topics *t, struct str name)
{
    return &t->registry.by_name[hash_bytes(name.ptr, name.len) % REGISTRY_BUCKETS];
}

static struct topic **id_bucket(struct topics *t, const uint8_t id[16])
{
    return &t->registry.by_id[hash_bytes(id, 16) % REGISTRY_BUCKETS];
}

struct str topic_name(const struct topic *p) { return (struct str){ p->name, p->name_len }; }
const uint8_t *topic_id(const struct topic *p) { return p->id; }
bool topic_internal(const struct topic *p) { return p->internal; }
bool topic_gone(const struct topic *p) { return atomic_load_explicit(&p->gone, memory_order_acquire); }
uint32_t topic_partitions(const struct topic *p) { return atomic_load_explicit(&p->n_parts, memory_order_acquire); }
struct topic *topic_of(const struct topic_partition *p) { return p->topic; }
uint32_t topic_partition_index(const struct topic_partition *p) { return p->index; }
struct store_log *topic_partition_log(const struct topic_partition *p) { return p->log; }
int64_t topic_config(const struct topic *p, enum topic_config_key key)
{
    return atomic_load_explicit(&p->config.number[key], memory_order_relaxed);
}

struct topic_partition *topic_partition(struct topic *p, uint32_t index)
{
    if (index >= topic_partitions(p))
        return NULL;
    return atomic_load_explicit(&p->parts, memory_order_acquire)->at[index];
}

/* ---- making and counting ---- */

struct topic *topic_make(struct topics *t, struct str name, const uint8_t id[16], struct error *err)
{
    struct topic *p = mem_calloc(t->budget, sizeof *p + name.len + 1);
    if (!p) {
        (void)budget_error(t->budget ? t->budget : budget_process(), sizeof *p, err);
        return NULL;
    }
    p->node = t;
    atomic_init(&p->refs, 1);
    memcpy(p->id, id, 16);
    memcpy(p->name, name.ptr, name.len);
    p->name_len = (uint32_t)name.len;
    config_init(&p->config, &t->config);
    return p;
}

static bool parts_room(struct topic *p, uint32_t n)
{
    struct topics *t = p->node;
    struct part_array *old = atomic_load(&p->parts);
    if (old && n < old->cap)
        return true;
    uint32_t cap = old ? old->cap * 2 : 1;
    struct part_array *a = mem_calloc(t->budget, sizeof *a + cap * sizeof a->at[0]);
    if (!a)
        return false;
    a->older = old;
    a->cap = cap;
    if (old)
        memcpy(a->at, old->at, n * sizeof a->at[0]);
    atomic_store_explicit(&p->parts, a, memory_order_release);
    return true;
}

enum status topic_add_partition(struct topic *p, struct store_log *log, struct error *err)
{
    struct topics *t = p->node;
    uint32_t n = p->made;
    struct topic_partition *x = parts_room(p, n) ? mem_calloc(t->budget, sizeof *x) : NULL;
    if (!x)
        return budget_error(t->budget ? t->budget : budget_process(), sizeof *x, err);
    x->topic = p;
    x->log = log;
    x->index = n;
    x->order = atomic_fetch_add(&t->next_order, 1);
    x->producers.budget = t->budget;
    x->producers.planted = t->options.planted;
    x->next = log ? store_log_high(log) : 0;
    atomic_init(&x->stable, x->next);
    atomic_load(&p->parts)->at[n] = x;
    p->made++;
    return ST_OK;
}

static void partition_free(struct topic_partition *x)
{
    struct topics *t = x->topic->node;
    CHECK(!x->waits && !x->followers && x->groups == 0);
    producers_release(&x->producers);
    mem_free(t->budget, x, sizeof *x);
}

void topic_drop_partitions(struct topic *p)
{
    while (p->made > topic_partitions(p))
        partition_free(atomic_load(&p->parts)->at[--p->made]);
}

void topic_configure(struct topic *p, struct config *c)
{
    struct topics *t = p->node;
    struct config old;
    lock_take(&t->registry.lock);
    memcpy(old.text, p->config.text, sizeof old.text);
    memcpy(p->config.text, c->text, sizeof old.text);
    memset(c->text, 0, sizeof c->text);
    for (uint32_t i = 0; i < TOPIC_CONFIGS; i++)
        atomic_store_explicit(&p->config.number[i], c->number[i], memory_order_relaxed);
    lock_give(&t->registry.lock);
    config_release(&old, t->budget);
    struct store_log_options o = log_options(&p->config);
    for (uint32_t i = 0; i < p->made; i++) {
        struct store_log *log = atomic_load(&p->parts)->at[i]->log;
        if (log)
            store_log_configure(log, &o);
    }
}

static void topic_free(struct topic *p)
{
    struct topics *t = p->node;
    struct part_array *a = atomic_load(&p->parts), *older;
    for (uint32_t i = 0; i < p->made; i++)
        partition_free(a->at[i]);
    for (; a; a = older) {
        older = a->older;
        mem_free(t->budget, a, sizeof *a + a->cap * sizeof a->at[0]);
    }
    config_release(&p->config, t->budget);
    mem_free(t->budget, p, sizeof *p + p->name_len + 1);
}

struct topic *topic_ref(struct topic *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void topic_unref(struct topic *p)
{
    if (!p)
        return;
    uint32_t before = atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before == 1)
        topic_free(p);
}

/* ---- tables ---- */

void registry_show(struct topic *p, uint32_t n)
{
    struct topics *t = p->node;
    lock_take(&t->registry.lock);
    t->registry.partitions += n - topic_partitions(p);
    atomic_store_explicit(&p->n_parts, n, memory_order_release);
    lock_give(&t->registry.lock);
}

void registry_add(struct topics *t, struct topic *p)
{
    struct topic **name = name_bucket(t, topic_name(p)), **id = id_bucket(t, p->id);
    lock_take(&t->registry.lock);
    p->by_name = *name;
    *name = p;
    p->by_id = *id;
    *id = p;
    t->registry.topics++;
    lock_give(&t->registry.lock);
}

void registry_remove(struct topics *t, struct topic *p)
{
    struct topic **name = name_bucket(t, topic_name(p)), **id = id_bucket(t, p->id);
    lock_take(&t->registry.lock);
    while (*name != p)
        name = &(*name)->by_name;
    *name = p->by_name;
    while (*id != p)
        id = &(*id)->by_id;
    *id = p->by_id;
    t->registry.topics--;
    t->registry.partitions -= topic_partitions(p);
    atomic_store_explicit(&p->gone, true, memory_order_release);
    lock_give(&t->registry.lock);
    topic_unref(p);
}

void registry_clear(struct topics *t)
{
    for (uint32_t i = 0; i < REGISTRY_BUCKETS; i++) {
        for (struct topic *p = t->registry.by_name[i], *next; p; p = next) {
            next = p->by_name;
            topic_unref(p);
        }
    }
}

struct topic *topics_find(struct topics *t, struct str name)
{
    struct topic **bucket = name_bucket(t, name);
    lock_take(&t->registry.lock);
    struct topic *p = *bucket;
    while (p && !str_eq(topic_name(p), name))
        p = p->by_name;
    if (p)
        topic_ref(p);
    lock_give(&t->registry.lock);
    return p;
}

struct topic *topics_find_id(struct topics *t, const uint8_t id[16])
{
    struct topic **bucket = id_bucket(t, id);
    lock_take(&t->registry.lock);
    struct topic *p = *bucket;
    while (p && memcmp(p->id, id, 16) != 0)
        p = p->by_id;
    if (p)
        topic_ref(p);
    lock_give(&t->registry.lock);
    return p;
}

static int by_name(const void *a, const void *b)
{
    const struct topic *const *x = a, *const *y = b;
    return str_cmp(topic_name(*x), topic_name(*y));
}

enum status topics_list(struct topics *t, struct arena *arena, struct topic ***ret, uint32_t *ret_count,
                        struct error *err)
{
    struct topic **list = NULL;
    uint32_t room = 0, n = 0;
    lock_take(&t->registry.lock);
    while (t->registry.topics > room) { /* again where some came meanwhile */
        room = t->registry.topics;
        lock_give(&t->registry.lock);
        list = ARENA_ARRAY(arena, struct topic *, room);
        if (!list)
            return budget_error(arena->budget ? arena->budget : budget_process(), room * sizeof *list, err);
        lock_take(&t->registry.lock);
    }
    for (uint32_t i = 0; i < REGISTRY_BUCKETS; i++) {
        for (struct topic *p = t->registry.by_name[i]; p; p = p->by_name)
            list[n++] = topic_ref(p);
    }
    lock_give(&t->registry.lock);
    if (n > 1)
        qsort(list, n, sizeof *list, by_name);
    *ret = list;
    *ret_count = n;
    return ST_OK;
}

/* ---- names ---- */

enum status topic_name_check(struct str name, struct error *err)
{
    if (name.len == 0)
        return error_set(err, ST_USAGE, "a topic's name is not empty");
    if (name.len > TOPIC_NAME_MAX)
        return error_set(err, ST_USAGE, "a topic's name has at most %d bytes, not %zu", TOPIC_NAME_MAX, name.len);
    if (str_eq(name, STR(".")) || str_eq(name, STR("..")))
        return error_set(err, ST_USAGE, "'.' and '..' are no names of topics");
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
              c == '-'))
            return error_set(err, ST_USAGE, "a topic's name has only ASCII letters, digits, '.', '_' and '-'; "
                                            "byte %zu is another", i);
    }
    return ST_OK;
}

static bool collide(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        char x = a.ptr[i] == '.' ? '_' : a.ptr[i], y = b.ptr[i] == '.' ? '_' : b.ptr[i];
        if (x != y)
            return false;
    }
    return true;
}

bool registry_collides(struct topics *t, struct str name, char ret_other[TOPIC_NAME_MAX + 1])
{
    bool found = false;
    if (!memchr(name.ptr, '.', name.len) && !memchr(name.ptr, '_', name.len))
        return false;
    lock_take(&t->registry.lock);
    for (uint32_t i = 0; i < REGISTRY_BUCKETS && !found; i++) {
        for (const struct topic *p = t->registry.by_name[i]; p && !found; p = p->by_name) {
            found = collide(name, topic_name(p));
            if (found)
                memcpy(ret_other, p->name, p->name_len + 1);
        }
    }
    lock_give(&t->registry.lock);
    return found;
}

/* ---- configuration ---- */

struct str topic_config_text(struct topic *p, enum topic_config_key key, enum topic_config_source *ret_source,
                             struct arena *arena)
{
    struct topics *t = p->node;
    char text[CONFIG_TEXT_MAX + 1];
    lock_take(&t->registry.lock);
    size_t len = p->config.text[key] ? strlen(p->config.text[key]) : 0;
    bool set = p->config.text[key];
    if (set)
        memcpy(text, p->config.text[key], len);
    lock_give(&t->registry.lock);
    if (!set)
        return topics_config_text(t, key, ret_source);
    *ret_source = TOPIC_FROM_TOPIC;
    return arena_str(arena, str_make(text, len));
}

struct str topics_config_text(const struct topics *t, enum topic_config_key key, enum topic_config_source *ret_source)
{
    *ret_source = t->config.text[key] ? TOPIC_FROM_NODE : TOPIC_FROM_KAFKA;
    return config_default_text(&t->config, key);
}

struct topic_counts topic_count(const struct topic *p)
{
    const struct counts *c = &p->counts;
    return (struct topic_counts){ .in_batches = atomic_load(&c->in_batches), .in_bytes = atomic_load(&c->in_bytes),
                                  .in_records = atomic_load(&c->in_records), .refused = atomic_load(&c->refused),
                                  .duplicates = atomic_load(&c->duplicates),
                                  .out_fetches = atomic_load(&c->out_fetches), .out_bytes = atomic_load(&c->out_bytes),
                                  .fell_behind = atomic_load(&c->fell_behind),
                                  .trimmed_bytes = atomic_load(&c->trimmed_bytes),
                                  .compactions_failed = atomic_load(&c->compactions_failed) };
}
