/* Retention: whole segments from the oldest on, by time and by size, as Kafka has it.
 *
 * By time: while a segment's newest record is older than retention.ms; the active one too, when all before it have gone: the
 * start moves to the end, and the next append begins a new segment. By size: while what is behind a segment still has
 * retention.bytes. Never beyond the last stable offset. When the next one is due is known, so nobody looks before.
 *
 * Records may be old when they come (a topic is copied, a test). As in Kafka they stay for retention_check_ms, so that
 * somebody can read them: that long something has to be due before it goes.
 *
 * A segment that has been appended to for segment.ms is left by the next append. How long is known from when it was first
 * seen in this life. */
#include "topic/private.h"

static void next_at(int64_t *next_ms, int64_t base_ms, int64_t more_ms)
{
    int64_t at = more_ms > INT64_MAX - (base_ms > 0 ? base_ms : 0) - 1 ? INT64_MAX : base_ms + more_ms + 1;
    if (at < *next_ms)
        *next_ms = at;
}

/* The start by time and size; *ret_next_ms: when time would say more. */
static int64_t start_of(struct topic_partition *x, int64_t now_ms, int64_t *next_ms)
{
    int64_t ms = topic_config(x->topic, TOPIC_RETENTION_MS), bytes = topic_config(x->topic, TOPIC_RETENTION_BYTES);
    int64_t stable = topic_stable(x), start = store_log_start(x->log);
    uint64_t left = bytes >= 0 ? store_log_bytes(x->log) : 0;
    struct store_segment g;
    for (int64_t at = INT64_MIN; store_log_segment_from(x->log, at, &g); at = g.base_offset + 1) {
        bool old = ms >= 0 && g.max_timestamp_ms >= 0 && g.max_timestamp_ms < now_ms - ms;
        bool big = bytes >= 0 && !g.active && left - g.bytes >= (uint64_t)bytes && left > (uint64_t)bytes;
        big |= bytes >= 0 && !g.active && at != INT64_MIN && topics_bug(x->topic->node, LOG_BUG_RETAIN_SIZE);
        if (g.last_offset >= stable)
            return start;
        if (!old && !big) {
            if (ms >= 0 && g.last_offset >= g.base_offset)
                next_at(next_ms, g.max_timestamp_ms, ms);
            return start;
        }
        left -= g.bytes < left ? g.bytes : left;
        start = g.last_offset + 1 > start ? g.last_offset + 1 : start;
    }
    return start;
}

static void roll_by_time(struct topic_partition *x, const struct store_segment *active, int64_t now_ms, int64_t *next_ms)
{
    int64_t ms = topic_config(x->topic, TOPIC_SEGMENT_MS);
    if (active->last_offset < active->base_offset)
        return;
    if (x->active_since_ms == 0 || x->active_base != active->base_offset) {
        x->active_base = active->base_offset;
        x->active_since_ms = now_ms;
    }
    if (now_ms - x->active_since_ms >= ms)
        store_log_roll(x->log);
    else
        next_at(next_ms, x->active_since_ms, ms - 1);
}

static enum status retain(struct topic_partition *x, int64_t now_ms, int64_t *next_ms, struct error *err)
{
    struct store_segment active, first;
    if (!store_log_active(x->log, &active))
        return ST_OK;
    roll_by_time(x, &active, now_ms, next_ms);
    if (!(topic_config(x->topic, TOPIC_CLEANUP_POLICY) & TOPIC_DELETE))
        return ST_OK;
    int64_t start = start_of(x, now_ms, next_ms), was = store_log_start(x->log);
    int64_t every_ms = x->topic->node->options.retention_check_ms;
    if (start > was && every_ms > 0) {
        if (x->retain_ms == 0 || x->retain_base != was)
            x->retain_ms = now_ms + every_ms;
        x->retain_base = was;
        if (now_ms < x->retain_ms) {
            next_at(next_ms, x->retain_ms, -1);
            return ST_OK;
        }
    }
    if (start > was && topics_bug(x->topic->node, LOG_BUG_RETAIN_ALL))
        start = active.last_offset + 1;
    if (start > active.last_offset && start > was)
        store_log_roll(x->log);
    bool left = store_log_segment(x->log, 0, &first) && !first.active && first.last_offset < start;
    return start > was || left ? upkeep_trim(x, start, err) : ST_OK;
}

enum status retain_topic(struct topic *p, int64_t now_ms, int64_t *ret_next_ms, struct error *err)
{
    for (uint32_t i = 0; i < topic_partitions(p); i++)
        TRY(retain(topic_partition(p, i), now_ms, ret_next_ms, err));
    return ST_OK;
}
