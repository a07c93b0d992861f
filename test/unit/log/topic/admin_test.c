/* What changes topics: creation, removal, growth, configuration, trims; names; what a restart makes of halves. */
#include "kit.h"

static struct topic_config_change set(const char *name, const char *value)
{
    return (struct topic_config_change){ str_from(name), str_from(value), TOPIC_SET };
}

static void test_names(void **state)
{
    (void)state;
    struct kit k;
    char name[252];
    kit_start(&k, 1);
    static const char *const bad[] = { "", ".", "..", "a/b", "a b", "a:b", "\xc3\xa4", "a\n", "a*" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(kit_create(&k, bad[i], 1, NULL, 0), KAFKA_E_INVALID_TOPIC_EXCEPTION);
    memset(name, 'x', sizeof name);
    name[250] = '\0';
    assert_int_equal(kit_create(&k, name, 1, NULL, 0), KAFKA_E_INVALID_TOPIC_EXCEPTION);
    name[249] = '\0';
    assert_int_equal(kit_create(&k, name, 1, NULL, 0), 0);
    assert_int_equal(kit_create(&k, name, 1, NULL, 0), KAFKA_E_TOPIC_ALREADY_EXISTS);
    struct topic_admin nul = { .kind = TOPIC_ADMIN_CREATE, .name = { "a\0b", 3 }, .partitions = 1 };
    assert_int_equal(kit_admin(&k, &nul), KAFKA_E_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(kit_create(&k, "a.b", 1, NULL, 0), 0);
    assert_int_equal(kit_create(&k, "a_b", 1, NULL, 0), KAFKA_E_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(kit_create(&k, "a-b", 1, NULL, 0), 0);
    assert_int_equal(kit_create(&k, "...", 1, NULL, 0), 0);
    struct topic **list;
    uint32_t n;
    must(topics_list(k.topics, &k.arena, &list, &n, &k.err), &k.err);
    assert_int_equal(n, 4);
    static const char *const sorted[] = { "...", "a-b", "a.b" };
    for (uint32_t i = 0; i < n; i++) {
        assert_true(i == 3 || str_eq(topic_name(list[i]), str_from(sorted[i])));
        topic_unref(list[i]);
    }
    kit_end(&k);
}

static void test_create_refused(void **state)
{
    (void)state;
    struct kit k;
    kit_start(&k, 1);
    kit_close(&k);
    k.options.max_partitions = 10;
    kit_open(&k);
    assert_int_equal(kit_create(&k, "t", 0, NULL, 0), KAFKA_E_INVALID_PARTITIONS);
    assert_int_equal(kit_create(&k, "t", 11, NULL, 0), KAFKA_E_POLICY_VIOLATION);
    assert_int_equal(kit_create(&k, "t", UINT32_MAX, NULL, 0), KAFKA_E_INVALID_PARTITIONS);
    static const char *const bad[][2] = {
        { "no.such.key", "1" },       { "retention.ms", "x" },          { "retention.ms", "-2" },
        { "retention.ms", NULL },     { "cleanup.policy", "shred" },    { "cleanup.policy", "delete,shred" },
        { "segment.bytes", "1000" },  { "segment.bytes", "2147483648" }, { "preallocate", "yes" },
        { "compression.type", "rar" }, { "min.cleanable.dirty.ratio", "1.5" }, { "min.cleanable.dirty.ratio", "nan" },
        { "message.timestamp.type", "createtime" }, { "remote.storage.enable", "true" }, { "max.message.bytes", "" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct topic_config_change c = set(bad[i][0], bad[i][1]);
        assert_int_equal(kit_create(&k, "t", 1, &c, 1), KAFKA_E_INVALID_CONFIG);
    }
    assert_null(kit_topic(&k, "t"));
    struct topic_admin dry = { .kind = TOPIC_ADMIN_CREATE, .name = STR("t"), .partitions = 1, .validate_only = true };
    assert_int_equal(kit_admin(&k, &dry), 0);
    assert_null(kit_topic(&k, "t"));
    assert_int_equal(kit_create(&k, "t", 10, NULL, 0), 0);
    assert_int_equal(kit_create(&k, "u", 1, NULL, 0), KAFKA_E_POLICY_VIOLATION);
    assert_int_equal(kit_remove(&k, "t"), 0);
    assert_int_equal(kit_create(&k, "u", 1, NULL, 0), 0);
    kit_end(&k);
}

static void test_remove(void **state)
{
    (void)state;
    struct kit k;
    kit_start(&k, 1);
    assert_int_equal(kit_remove(&k, "t"), KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(kit_create(&k, "t", 2, NULL, 0), 0);
    struct topic *held = topics_find(k.topics, STR("t"));
    struct topic_partition *p = topic_partition(held, 0);
    uint8_t id[16];
    memcpy(id, topic_id(held), 16);
    kit_put(&k, p, "a");
    /* taken, and not committed yet when the command comes */
    struct kit_batch b = { .value = "b" };
    struct shared *s = kit_bytes(&b);
    bool pending;
    struct topic_append a = { .partition = p, .bytes = s, .len = s->len, .version = 9, .acks = 1 };
    must(topic_append(&a, k.it, KIT_NOW, &pending, &k.err), &k.err);
    shared_unref(s);
    assert_int_equal(kit_remove(&k, "t"), 0);
    assert_true(topic_gone(held));
    assert_null(topics_find(k.topics, STR("t")));
    assert_null(topics_find_id(k.topics, id));
    assert_int_equal(kit_append(&k, p, &b, NULL), KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION);
    assert_string_equal(kit_read(&k, p, 0, false), "!3");
    topic_unref(held);
    assert_int_equal(kit_create(&k, "t", 1, NULL, 0), 0);
    assert_memory_not_equal(topic_id(kit_topic(&k, "t")), id, 16);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 0), 0, false), "");
    kit_reopen(&k);
    assert_int_equal(k.report.topics, 1);
    assert_int_equal(k.report.removed, 0);
    assert_int_equal(k.report.store.logs, 2); /* meta's too */
    kit_end(&k);
}

static void test_grow(void **state)
{
    (void)state;
    struct kit k;
    kit_start(&k, 1);
    assert_int_equal(kit_create(&k, "t", 2, NULL, 0), 0);
    kit_put(&k, kit_part(&k, "t", 1), "a");
    struct topic_admin a = { .kind = TOPIC_ADMIN_GROW, .name = STR("t"), .partitions = 2 };
    assert_int_equal(kit_admin(&k, &a), KAFKA_E_INVALID_PARTITIONS);
    a.partitions = 9;
    a.validate_only = true;
    assert_int_equal(kit_admin(&k, &a), 0);
    assert_int_equal(topic_partitions(kit_topic(&k, "t")), 2);
    a.validate_only = false;
    assert_int_equal(kit_admin(&k, &a), 0);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(topic_partitions(kit_topic(&k, "t")), 9);
        assert_null(kit_part(&k, "t", 9));
        kit_put(&k, kit_part(&k, "t", 8), "b");
        assert_string_equal(kit_read(&k, kit_part(&k, "t", 1), 0, false), "a");
        kit_kill(&k);
    }
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 8), 0, false), "b b");
    kit_end(&k);
}

static const char *text(struct kit *k, enum topic_config_key key, enum topic_config_source want)
{
    enum topic_config_source source;
    struct str s = topic_config_text(kit_topic(k, "t"), key, &source, &k->arena);
    assert_int_equal(source, want);
    return s.ptr;
}

static int16_t alter(struct kit *k, const char *name, enum topic_config_op op, const char *value, bool replace)
{
    struct topic_config_change c = { str_from(name), str_from(value), op };
    struct topic_admin a = { .kind = TOPIC_ADMIN_ALTER, .name = STR("t"), .changes = &c, .n_changes = name != NULL,
                             .replace = replace };
    return kit_admin(k, &a);
}

static void test_alter(void **state)
{
    (void)state;
    struct kit k;
    struct topic_config_change node = { STR("retention.ms"), STR("1000"), TOPIC_SET };
    struct topic_config_change first = set("cleanup.policy", "compact");
    kit_start(&k, 1);
    kit_close(&k);
    k.options.defaults = &node;
    k.options.n_defaults = 1;
    kit_open(&k);
    assert_int_equal(kit_create(&k, "t", 1, &first, 1), 0);
    assert_string_equal(text(&k, TOPIC_RETENTION_MS, TOPIC_FROM_NODE), "1000");
    assert_string_equal(text(&k, TOPIC_MAX_MESSAGE_BYTES, TOPIC_FROM_KAFKA), "1048588");
    assert_string_equal(text(&k, TOPIC_CLEANUP_POLICY, TOPIC_FROM_TOPIC), "compact");
    assert_int_equal(topic_config(kit_topic(&k, "t"), TOPIC_CLEANUP_POLICY), TOPIC_COMPACT);
    assert_int_equal(alter(&k, "cleanup.policy", TOPIC_APPEND, "delete", false), 0);
    assert_string_equal(text(&k, TOPIC_CLEANUP_POLICY, TOPIC_FROM_TOPIC), "compact,delete");
    assert_int_equal(alter(&k, "cleanup.policy", TOPIC_APPEND, "delete", false), 0);
    assert_string_equal(text(&k, TOPIC_CLEANUP_POLICY, TOPIC_FROM_TOPIC), "compact,delete");
    assert_int_equal(alter(&k, "cleanup.policy", TOPIC_SUBTRACT, "compact", false), 0);
    assert_string_equal(text(&k, TOPIC_CLEANUP_POLICY, TOPIC_FROM_TOPIC), "delete");
    assert_int_equal(alter(&k, "retention.ms", TOPIC_APPEND, "5", false), KAFKA_E_INVALID_CONFIG);
    assert_int_equal(alter(&k, "retention.ms", (enum topic_config_op)4, "5", false), KAFKA_E_INVALID_CONFIG);
    assert_int_equal(alter(&k, "retention.ms", TOPIC_SET, " 77 ", false), 0);
    assert_int_equal(topic_config(kit_topic(&k, "t"), TOPIC_RETENTION_MS), 77);
    kit_reopen(&k);
    assert_int_equal(topic_config(kit_topic(&k, "t"), TOPIC_RETENTION_MS), 77);
    assert_string_equal(text(&k, TOPIC_CLEANUP_POLICY, TOPIC_FROM_TOPIC), "delete");
    assert_int_equal(alter(&k, "retention.ms", TOPIC_UNSET, NULL, false), 0);
    assert_int_equal(topic_config(kit_topic(&k, "t"), TOPIC_RETENTION_MS), 1000);
    assert_int_equal(alter(&k, "max.message.bytes", TOPIC_SET, "100", true), 0);
    assert_string_equal(text(&k, TOPIC_CLEANUP_POLICY, TOPIC_FROM_KAFKA), "delete");
    assert_string_equal(text(&k, TOPIC_MAX_MESSAGE_BYTES, TOPIC_FROM_TOPIC), "100");
    assert_int_equal(alter(&k, NULL, TOPIC_SET, NULL, true), 0);
    kit_kill(&k);
    assert_string_equal(text(&k, TOPIC_MAX_MESSAGE_BYTES, TOPIC_FROM_KAFKA), "1048588");
    struct topic_admin gone = { .kind = TOPIC_ADMIN_ALTER, .name = STR("u") };
    assert_int_equal(kit_admin(&k, &gone), KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION);
    kit_end(&k);
}

/* The table has each key once, each default is one that its own check takes. */
static void test_config_table(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < TOPIC_CONFIGS; i++) {
        const struct topic_config_spec *spec = topic_config_spec((enum topic_config_key)i);
        enum topic_config_key found;
        assert_true(topic_config_find(str_from(spec->name), &found));
        assert_int_equal(found, i);
        assert_true(spec->doc[0] && spec->fallback);
    }
    enum topic_config_key none;
    assert_false(topic_config_find(STR("retention"), &none));
}

static void test_trim(void **state)
{
    (void)state;
    struct kit k;
    struct topic_config_change compact = set("cleanup.policy", "compact");
    kit_start(&k, 1);
    assert_int_equal(kit_create(&k, "t", 2, NULL, 0), 0);
    assert_int_equal(kit_create(&k, "c", 1, &compact, 1), 0);
    for (int i = 0; i < 5; i++)
        kit_put(&k, kit_part(&k, "t", 1), "a");
    struct topic_admin a = { .kind = TOPIC_ADMIN_TRIM, .name = STR("t"), .partition = 1, .offset = 3 };
    assert_int_equal(kit_admin(&k, &a), 0);
    assert_int_equal(a.low, 3);
    a.offset = 1;
    assert_int_equal(kit_admin(&k, &a), 0);
    assert_int_equal(a.low, 3);
    a.offset = 6;
    assert_int_equal(kit_admin(&k, &a), KAFKA_E_OFFSET_OUT_OF_RANGE);
    a.offset = -2;
    assert_int_equal(kit_admin(&k, &a), KAFKA_E_OFFSET_OUT_OF_RANGE);
    a.partition = 2;
    assert_int_equal(kit_admin(&k, &a), KAFKA_E_UNKNOWN_TOPIC_OR_PARTITION);
    struct topic_admin c = { .kind = TOPIC_ADMIN_TRIM, .name = STR("c"), .offset = -1 };
    assert_int_equal(kit_admin(&k, &c), KAFKA_E_POLICY_VIOLATION);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 1), 2, false), "!1");
    assert_int_equal(topic_count(kit_topic(&k, "t")).fell_behind, 1);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 1), 3, false), "a a");
    kit_kill(&k);
    assert_int_equal(topic_start(kit_part(&k, "t", 1)), 3);
    a = (struct topic_admin){ .kind = TOPIC_ADMIN_TRIM, .name = STR("t"), .partition = 1, .offset = -1 };
    assert_int_equal(kit_admin(&k, &a), 0);
    assert_int_equal(a.low, 5);
    assert_string_equal(kit_read(&k, kit_part(&k, "t", 1), 5, true), "");
    kit_end(&k);
}

static void test_producer_ids(void **state)
{
    (void)state;
    struct kit k;
    int64_t last = -1;
    kit_start(&k, 1);
    for (int life = 0; life < 3; life++) {
        for (int i = 0; i < 25000; i++) {
            int64_t id = topics_producer_ids(k.topics, 1);
            if (id < 0) { /* the block is used up until the writer has been */
                kit_steps(&k);
                id = topics_producer_ids(k.topics, 1);
            }
            assert_true(id > last);
            last = id;
        }
        if (life)
            kit_reopen(&k);
        else
            kit_kill(&k);
    }
    kit_end(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),        cmocka_unit_test(test_create_refused), cmocka_unit_test(test_remove),
        cmocka_unit_test(test_grow),         cmocka_unit_test(test_alter),          cmocka_unit_test(test_config_table),
        cmocka_unit_test(test_trim),         cmocka_unit_test(test_producer_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
