/* debezium-json: change records into row kinds and back. */
#include "support.h"

#define F(n, t) { STR_INIT(n), t }

static struct setup table(void)
{
    static struct field made[2];
    made[0] = (struct field)F("id", type_basic(TYPE_INT));
    made[1] = (struct field)F("name", type_string());
    return (struct setup){ .format = &format_debezium_json, .fields = made, .n_fields = 2 };
}

static void check(struct setup s, const char *in, const char *wanted)
{
    assert_string_equal(decode_text(&s, in), wanted);
    same_for_all_feeds(s, str_from(in), wanted);
}

static void test_kinds(void **state)
{
    (void)state;
    check(table(),
          "{\"before\":null,\"after\":{\"id\":1,\"name\":\"a\"},\"op\":\"c\",\"ts_ms\":5,\"source\":{\"db\":\"x\"}}\n"
          "{\"before\":null,\"after\":{\"id\":2,\"name\":\"a name longer than twelve\"},\"op\":\"r\"}\n"
          "{\"before\":{\"id\":1,\"name\":\"a\"},\"after\":{\"id\":1,\"name\":\"b\"},\"op\":\"u\"}\n"
          "{\"op\":\"d\",\"before\":{\"id\":2,\"name\":\"a name longer than twelve\"},\"after\":null}\n"
          "\n"
          "{\"before\":{\"id\":1,\"name\":\"b\"},\"after\":{\"id\":1},\"op\":\"u\"}",
          "+I [1,\"a\"]\n+I [2,\"a name longer than twelve\"]\n-U [1,\"a\"]\n+U [1,\"b\"]\n"
          "-D [2,\"a name longer than twelve\"]\n"
          "-U [1,\"b\"]\n+U [1,null]\n");
}

static void test_bad(void **state)
{
    (void)state;
    const char *in = "{\"before\":null,\"after\":{\"id\":1},\"op\":\"u\"}\n"
                     "{\"before\":{\"id\":1},\"after\":null,\"op\":\"c\"}\n"
                     "{\"after\":{\"id\":1},\"op\":\"x\"}\n"
                     "{\"after\":{\"id\":1}}\n"
                     "{\"after\":{\"id\":\"?\"},\"op\":\"c\"}\n"
                     "{\"after\":{\"id\":7},\"op\":\"c\"}\n"
                     "nonsense\n";
    struct setup s = table();
    check(s, in,
          "BAD 1:0 'before' is null; the source must log whole rows (REPLICA IDENTITY FULL)\nBAD 2:0 'after' is null\n"
          "BAD 3:0 'op' is none of c, r, u, d\nBAD 4:0 the record has no 'op'\n"
          "BAD 5:16 field 'after.id': \"?\" is no INT\n"
          "+I [7,null]\nBAD 7:1 not JSON: a value is expected\n");
    s.options[0][0] = "debezium-json.ignore-parse-errors";
    s.options[0][1] = "true";
    check(s, in, "+I [null,null]\n+I [7,null]\n");
}

static void test_envelope_with_schema(void **state)
{
    (void)state;
    struct setup s = table();
    s.options[0][0] = "debezium-json.schema-include";
    s.options[0][1] = "true";
    check(s,
          "{\"schema\":{\"type\":\"struct\",\"fields\":[]},\"payload\":{\"before\":null,\"after\":{\"id\":1,\"name\""
          ":\"a\"},\"op\":\"c\"}}\n"
          "{\"schema\":null,\"payload\":null}\n"
          "{\"payload\":{\"before\":{\"id\":1},\"op\":\"d\"}}\n",
          "+I [1,\"a\"]\nBAD 2:0 the record has no 'payload'\n-D [1,null]\n");
    assert_non_null(strstr(recode(&s, ""), "ERROR debezium-json.schema-include is for reading only"));
}

static void test_messages_and_tombstones(void **state)
{
    (void)state;
    struct setup s = table();
    s.messages = true;
    assert_string_equal(decode_text(&s,
        "{\"after\":{\"id\":1},\"op\":\"c\"}\n{\"before\":{\"id\":1},\"after\":{\"id\":2},\"op\":\"u\"}\nx\n"),
                        "+I [1,null]\n-U [1,null]\n+U [2,null]\nBAD 3:1 not JSON: a value is expected\n");
}

static void test_needs(void **state)
{
    (void)state;
    const struct need needs[] = { { .used = false }, { .used = true } };
    struct setup s = table();
    s.needs = needs;
    check(s, "{\"before\":{\"id\":1,\"name\":\"x\"},\"after\":{\"id\":\"?\",\"name\":\"y\"},\"op\":\"u\"}\n",
          "-U [null,\"x\"]\n+U [null,\"y\"]\n");
}

static void test_encode(void **state)
{
    (void)state;
    struct setup s = table();
    assert_string_equal(recode(&s, "{\"before\":null,\"after\":{\"id\":1,\"name\":\"a\"},\"op\":\"r\"}\n"
                                   "{\"before\":{\"id\":1,\"name\":\"a\"},\"after\":{\"id\":1,\"name\":\"b\"},\"op\""
                                   ":\"u\"}\n"
                                   "{\"before\":{\"id\":1,\"name\":\"b\"},\"after\":null,\"op\":\"d\"}\n"),
                        "{\"before\":null,\"after\":{\"id\":1,\"name\":\"a\"},\"op\":\"c\"}\n"
                        "{\"before\":{\"id\":1,\"name\":\"a\"},\"after\":null,\"op\":\"d\"}\n"
                        "{\"before\":null,\"after\":{\"id\":1,\"name\":\"b\"},\"op\":\"c\"}\n"
                        "{\"before\":{\"id\":1,\"name\":\"b\"},\"after\":null,\"op\":\"d\"}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kinds, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_bad, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_envelope_with_schema, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_messages_and_tombstones, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_needs, arena_up, arena_down),
        cmocka_unit_test_setup_teardown(test_encode, arena_up, arena_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
