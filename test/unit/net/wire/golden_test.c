/* Bytes from another project's tests (../shared/cases/kafka_wire_golden, where it is there): every message of a version
 * that we have decodes and encodes to the same bytes. Which do not, and why, stands in a table below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/kafka.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the lines: {"file": "x_test.go", "name": "n", "api_version": ["1"], "length": 3, "hex": "...", ...} ---- */

static struct str member(struct str line, struct str key, char end)
{
    int64_t at = str_find(line, key, 0);
    assert_true(at >= 0);
    struct str rest = { line.ptr + at + key.len, line.len - (size_t)at - key.len };
    return str_split(&rest, end);
}

static struct str unhex(struct arena *a, struct str hex)
{
    uint8_t *to = arena_alloc(a, hex.len / 2 + 1);
    assert_non_null(to);
    for (size_t i = 0; i + 1 < hex.len; i += 2) {
        unsigned v;
        assert_int_equal(sscanf(hex.ptr + i, "%2x", &v), 1);
        to[i / 2] = (uint8_t)v;
    }
    return str_make(to, hex.len / 2);
}

/* Files are named after our structs, but for these. */
static const struct {
    const char *file, *name;
} aliases[] = {
    { "acl_create_request", "create_acls_request" },
    { "acl_create_response", "create_acls_response" },
    { "acl_delete_request", "delete_acls_request" },
    { "acl_delete_response", "delete_acls_response" },
    { "acl_describe_response", "describe_acls_response" },
    { "consumer_metadata_request", "find_coordinator_request" },
    { "consumer_metadata_response", "find_coordinator_response" },
    { "delete_offsets_request", "offset_delete_request" },
    { "delete_offsets_response", "offset_delete_response" },
    { "offset_request", "list_offsets_request" },
    { "offset_response", "list_offsets_response" },
};

/* Those of which the file's name and the version do not say what they are, or that are wrong. */
enum what { OLD, WRONG, BODY, STORED_FORM, NO_MESSAGE };
static const struct note {
    const char *file, *name; /* NULL: every name */
    enum what what;
    int16_t version; /* of a BODY */
    const struct wire_message *form;
    const char *why; /* of a WRONG one: the error */
} notes[] = {
    { "acl_delete_request", "aclDeleteRequest", OLD },
    { "acl_delete_request", "aclDeleteRequestNulls", OLD },
    { "acl_delete_request", "aclDeleteRequestArray", OLD },
    { "describe_configs_request", "doubleDescribeConfigsRequest", OLD },
    { "describe_configs_request", "singleDescribeConfigsRequestAllConfigs", OLD },
    { "offset_request", "offsetRequestOneBlock", OLD },
    { "produce_request", "produceRequestHeader", OLD },
    { "produce_request", "produceRequestOneMessage", OLD },
    /* the answer to a version that a broker lacks is in version 0 */
    { "api_versions_response", "apiVersionsResponseUnsupportedVersionV0", BODY, 0 },
    { "api_versions_response", "apiVersionsResponseUnsupportedVersionV1V2", BODY, 0 },
    { "consumer_group_members", "groupMemberMetadataV3NilOwned", STORED_FORM, .form = &kafka_consumer_subscription },
    { "control_record", "abortTxCtrlRecValue", STORED_FORM, .form = &kafka_end_txn_marker },
    { "control_record", "commitTxCtrlRecValue", STORED_FORM, .form = &kafka_end_txn_marker },
    { "control_record", "commitTxCtrlRecKey", STORED_FORM, .form = &kafka_control_record_key },
    { "control_record", "unknownCtrlRecKey", STORED_FORM, .form = &kafka_control_record_key },
    { "message", NULL, NO_MESSAGE },         /* records of magic 0 and 1 */
    { "scram_formatter", NULL, NO_MESSAGE }, /* a hash */
    /* version 1 without its owned partitions, as some clients had it */
    { "consumer_group_members", "groupMemberMetadataV1Bad", WRONG, .form = &kafka_consumer_subscription,
      .why = "owned_partitions: 4 bytes are wanted, 0 are left" },
    { "alter_configs_request", "singleAlterConfigsRequestV2", WRONG, .why = "byte 26: 1 bytes are wanted, 0 are left" },
    { "describe_log_dirs_response", "describeLogDirsResponseEmptyV2", WRONG,
      .why = "results: null, which version 2 cannot hold here" },
    { "describe_log_dirs_response", "describeLogDirsResponseEmptyV4", WRONG,
      .why = "results: null, which version 4 cannot hold here" },
    { "metadata_response", "packet", WRONG, .why = "" }, /* a count of partitions beyond the message, on purpose */
};

static const struct note *note_of(struct str file, struct str name)
{
    for (unsigned i = 0; i < sizeof notes / sizeof notes[0]; i++)
        if (str_eq(file, str_from(notes[i].file)) && (!notes[i].name || str_eq(name, str_from(notes[i].name))))
            return &notes[i];
    return NULL;
}

static const struct wire_message *find(struct str file)
{
    for (unsigned i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (str_eq(file, str_from(aliases[i].file)))
            file = str_from(aliases[i].name);
    for (const struct kafka_api *k = kafka_api_after(-1); k; k = kafka_api_after(k->key)) {
        if (str_eq(file, str_from(k->request.body->name)))
            return &k->request;
        if (str_eq(file, str_from(k->response.body->name)))
            return &k->response;
    }
    return NULL;
}

static bool same(const struct wire_message *m, int16_t version, struct str bytes, struct arena *a, struct error *err)
{
    void *got = arena_alloc(a, m->body->size);
    struct buf out;
    buf_init(&out, NULL, 1 << 20);
    bool ok = wire_decode(m, version, bytes, a, got, err) == ST_OK &&
              wire_encode(m, version, got, &out, NULL, err) == ST_OK;
    if (ok && !str_eq(buf_str(&out), bytes)) {
        error_set(err, ST_DATA, "other bytes");
        ok = false;
    }
    buf_release(&out);
    return ok;
}

static bool same_stored(const struct wire_message *m, struct str bytes, struct arena *a, struct error *err)
{
    void *got = arena_alloc(a, m->body->size);
    int16_t version;
    struct buf out;
    buf_init(&out, NULL, 1 << 20);
    bool ok = wire_decode_stored(m, bytes, a, got, &version, err) == ST_OK &&
              wire_encode_stored(m, version, got, &out, err) == ST_OK && str_eq(buf_str(&out), bytes);
    buf_release(&out);
    return ok;
}

/* In one of the versions that are said ("1", "2"; none: any) that we have. */
static bool same_somewhere(const struct wire_message *m, struct str versions, struct str bytes, struct arena *a,
                           bool *ret_known, struct error *err)
{
    *ret_known = false;
    for (int16_t v = m->from; v <= m->to; v++) {
        char quoted[16];
        snprintf(quoted, sizeof quoted, "\"%d\"", v);
        if (versions.len > 0 && str_find(versions, str_from(quoted), 0) < 0)
            continue;
        *ret_known = true;
        if (same(m, v, bytes, a, err))
            return true;
    }
    return false;
}

struct counts {
    unsigned same, old, wrong, none, bad;
};

static void check(struct str line, struct arena *a, struct counts *c)
{
    struct str file = member(line, STR("\"file\": \""), '"'), name = member(line, STR("\"name\": \""), '"');
    struct str versions = member(line, STR("\"api_version\": ["), ']');
    struct str bytes = unhex(a, member(line, STR("\"hex\": \""), '"'));
    file.len -= STR("_test.go").len;
    const struct note *note = note_of(file, name);
    const struct wire_message *m = note && note->form ? note->form : find(file);
    struct error err = { .message = "no such message" };
    bool known = true, ok = false;
    if (note && note->what == NO_MESSAGE) {
        c->none++;
        return;
    }
    if (m && note && note->form)
        ok = same_stored(m, bytes, a, &err);
    else if (m && note && note->what == BODY)
        ok = same(m, note->version, bytes, a, &err);
    else if (m)
        ok = same_somewhere(m, versions, bytes, a, &known, &err);
    if (ok)
        c->same++;
    else if (!known || (note && note->what == OLD))
        c->old++;
    else if (note && note->what == WRONG && str_find(str_from(err.message), str_from(note->why), 0) >= 0)
        c->wrong++;
    else
        c->bad++;
    if (ok ? note && (note->what == OLD || note->what == WRONG) : known && !note)
        fail_msg("%.*s %.*s: %s", STR_ARG(file), STR_ARG(name), ok ? "it passes" : err.message);
}

static void golden(void **state)
{
    (void)state;
    const char *cases = getenv("WEIR_CASES");
    char path[4096];
    snprintf(path, sizeof path, "%s/kafka_wire_golden/sarama_messages.jsonl", cases ? cases : "../shared/cases");
    FILE *f = fopen(path, "r");
    if (!f)
        skip();
    struct counts c = { 0 };
    static char line[1 << 16];
    while (fgets(line, sizeof line, f)) {
        struct arena a;
        arena_init(&a, NULL);
        check(str_from(line), &a, &c);
        arena_release(&a);
    }
    fclose(f);
    print_message("%u the same, %u of old versions, %u wrong ones refused, %u no messages\n", c.same, c.old, c.wrong,
                  c.none);
    assert_int_equal(c.bad, 0);
    assert_int_equal(c.same, 160);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(golden) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
