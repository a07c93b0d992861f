/* DescribeGroups and ListGroups. */
#include "kit.h"

static void test_describe(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    struct kafka_describe_groups_response_group d;
    assert_int_equal(coord_groups_describe(k.g, STR("no"), 6, &k.arena, &d, &k.err), ST_OK);
    assert_int_equal(d.error_code, KAFKA_E_GROUP_ID_NOT_FOUND);
    assert_string_equal(kit_text(&k, d.error_message), "Group no not found.");
    assert_string_equal(kit_text(&k, d.group_state), "Dead");
    assert_int_equal(coord_groups_describe(k.g, STR("no"), 5, &k.arena, &d, &k.err), ST_OK);
    assert_int_equal(d.error_code, 0);
    assert_string_equal(kit_text(&k, d.group_state), "Dead");
    assert_string_equal(kit_text(&k, d.group_id), "no");
    const char *ids[2];
    kit_stable(&k, (struct kit_member){ .protocols = { "sticky", "range" }, .metadata = "m" }, ids, 2);
    d = kit_describe(&k, "g");
    assert_int_equal(d.error_code, 0);
    assert_string_equal(kit_text(&k, d.protocol_type), "consumer");
    assert_string_equal(kit_text(&k, d.protocol_data), "sticky");
    assert_int_equal(d.n_members, 2);
    assert_string_equal(kit_text(&k, d.members[0].member_id), ids[0]);
    assert_null(d.members[0].group_instance_id.ptr);
    assert_string_equal(kit_text(&k, d.members[0].client_id), "app");
    assert_string_equal(kit_text(&k, d.members[0].member_metadata), "m");
    assert_string_equal(kit_text(&k, d.members[1].member_assignment), "part 1");
    /* while it is not stable there is no protocol, and no metadata */
    kit_join(&k, (struct kit_member){ .member = ids[0], .protocols = { "sticky" } });
    d = kit_describe(&k, "g");
    assert_string_equal(kit_text(&k, d.group_state), "PreparingRebalance");
    assert_int_equal(d.protocol_data.len, 0);
    assert_int_equal(d.members[1].member_metadata.len, 0);
    kit_close(&k);
}

static uint32_t list(struct kit *k, const char *state, const char *type, struct kafka_list_groups_response *r)
{
    struct str states[2] = { str_from(state), STR("nothing") }, types[2] = { str_from(type), STR("share") };
    struct kafka_list_groups_request rq = { .states_filter = states,
                                            .n_states_filter = state ? 2 : 0,
                                            .types_filter = types,
                                            .n_types_filter = type ? 2 : 0 };
    KAFKA_INIT(list_groups_response, r);
    assert_int_equal(coord_groups_list(k->g, &rq, &k->arena, r, &k->err), ST_OK);
    return r->n_groups;
}

static void test_list(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    struct kafka_list_groups_response r;
    assert_int_equal(list(&k, NULL, NULL, &r), 0);
    const char *id;
    kit_stable(&k, (struct kit_member){ .group = "stable" }, &id, 1);
    assert_int_equal(kit_commit(&k, (struct kit_commit){ .group = "simple", .generation = -1, .offset = 1 }), 0);
    kit_join(&k, (struct kit_member){ .group = "joining", .version = 3, .type = "connect" });
    assert_int_equal(list(&k, NULL, NULL, &r), 3);
    assert_string_equal(kit_text(&k, r.groups[0].group_id), "stable");
    assert_string_equal(kit_text(&k, r.groups[0].protocol_type), "consumer");
    assert_string_equal(kit_text(&k, r.groups[0].group_state), "Stable");
    assert_string_equal(kit_text(&k, r.groups[0].group_type), "classic");
    assert_string_equal(kit_text(&k, r.groups[1].group_id), "simple");
    assert_string_equal(kit_text(&k, r.groups[1].protocol_type), "");
    assert_string_equal(kit_text(&k, r.groups[1].group_state), "Empty");
    assert_string_equal(kit_text(&k, r.groups[2].protocol_type), "connect");
    assert_int_equal(list(&k, " sTABLE", NULL, &r), 1);
    assert_int_equal(list(&k, "PreparingRebalance", NULL, &r), 1);
    assert_string_equal(kit_text(&k, r.groups[0].group_id), "joining");
    assert_int_equal(list(&k, "Dead", NULL, &r), 0);
    assert_int_equal(list(&k, NULL, "Classic", &r), 3);
    assert_int_equal(list(&k, NULL, "consumer", &r), 0);
    assert_int_equal(list(&k, "Empty", "classic", &r), 1);
    /* several coordinators add up */
    struct kafka_list_groups_request rq = { 0 };
    assert_int_equal(coord_groups_list(k.g, &rq, &k.arena, &r, &k.err), ST_OK);
    assert_int_equal(r.n_groups, 4);
    assert_string_equal(kit_text(&k, r.groups[0].group_id), "simple");
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_describe), cmocka_unit_test(test_list) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
