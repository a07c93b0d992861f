/* The splits of a source over the log: what a later look finds is late, what was there at the first one is not. */
#include "kit.h"

#include "connect/topic/table.h"

static void done(struct topic_admin *a)
{
    *(bool *)a->user = true;
}

static void change(struct topics *t, enum topic_admin_kind kind, const char *name, uint32_t partitions)
{
    bool is_done = false, more;
    struct topic_admin a = { .kind = kind, .name = str_from(name), .partitions = partitions, .done = done, .user = &is_done };
    topics_admin(t, &a);
    while (!is_done)
        OK(topics_step(t, &more, &kit_error));
    assert_int_equal(a.kafka, 0);
}

static void expect(struct log_splits *s, const char *id, bool late)
{
    const struct log_split *x = log_splits_find(s, str_from(id));
    assert_non_null(x);
    assert_int_equal(x->late, late);
}

static void test_late(void **state)
{
    (void)state;
    struct kit k;
    struct topics *t;
    struct topics_report report;
    struct log_splits s = { 0 };
    struct split *list;
    uint32_t n;
    bool more = true;
    kit_init(&k, 1);
    OK(topics_open(&(struct topics_options){ .os = k.ctx.os, .path = "/data" }, &t, &report, &kit_error));
    change(t, TOPIC_ADMIN_CREATE, "ev-a", 2);
    change(t, TOPIC_ADMIN_CREATE, "other", 1);
    struct connect_log log = { .topics = t };
    const struct table_desc *table = kit_table(&k, "topic", "json", "topic-pattern=ev-.*|scan.startup.mode=latest-offset", NULL, 0);
    OK(log_splits_init(&s, &log, table, &k.ctx, &kit_error));
    OK(log_splits_look(&s, &k.arena, &list, &n, &kit_error));
    assert_int_equal(n, 2);
    change(t, TOPIC_ADMIN_GROW, "ev-a", 3);
    change(t, TOPIC_ADMIN_CREATE, "ev-b", 1);
    OK(log_splits_look(&s, &k.arena, &list, &n, &kit_error));
    assert_int_equal(n, 4);
    assert_true(str_eq(list[0].id, STR("ev-a/00000")) && str_eq(list[3].id, STR("ev-b/00000")));
    expect(&s, "ev-a/00000", false);
    expect(&s, "ev-a/00001", false);
    expect(&s, "ev-a/00002", true);
    expect(&s, "ev-b/00000", true);
    log_splits_release(&s);
    while (more)
        OK(topics_step(t, &more, &kit_error));
    OK(topics_close(t, &kit_error));
    kit_release(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_late) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
