/* Fuzzing the JSON scanner: any bytes. What is valid must unescape into its own room, equal itself as a key, and be
 * written back as valid JSON. Its one form is valid too, and its own. */
#include <stdlib.h>

#include "text/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_string(struct str raw, bool escaped)
{
    char *out = malloc(raw.len ? raw.len : 1);
    if (!out)
        return;
    struct str plain = { out, json_unescape(raw, out) };
    CHECK(plain.len <= raw.len && utf8_valid(plain));
    CHECK(json_key_equals(raw, escaped, plain));
    struct buf b;
    buf_init(&b, NULL, 1 << 24);
    if (json_put_string(&b, plain)) {
        struct json j;
        struct str again;
        bool again_escaped;
        json_init(&j, buf_str(&b));
        CHECK(json_string(&j, &again, &again_escaped) && json_finish(&j));
    }
    buf_release(&b);
    free(out);
}

/* The pull way, which must agree with json_skip. */
static bool walk(struct json *j)
{
    struct str key, raw;
    bool flag;
    switch (json_peek(j)) {
    case JSON_OBJECT:
        if (!json_enter(j))
            return false;
        while (json_member(j, &key, &flag)) {
            check_string(key, flag);
            if (!walk(j))
                return false;
        }
        return !j->fault;
    case JSON_ARRAY:
        if (!json_enter(j))
            return false;
        while (json_element(j))
            if (!walk(j))
                return false;
        return !j->fault;
    case JSON_STRING:
        if (!json_string(j, &raw, &flag))
            return false;
        check_string(raw, flag);
        return true;
    case JSON_NUMBER: {
        int64_t i;
        double d;
        if (!json_number(j, &raw, &flag))
            return false;
        (void)text_to_i64(raw, &i);
        (void)text_to_f64(raw, &d);
        return true;
    }
    case JSON_END:
        return false;
    default:
        return json_literal(j, json_peek(j));
    }
}

/* *ret_done false: no JSON, or a number that is too large. */
static void check_canonical(struct str text, bool last_wins, struct buf *out, bool *ret_done)
{
    struct json_canon c;
    struct json j;
    json_canon_init(&c, NULL);
    json_init(&j, text);
    *ret_done = json_canonical(&c, out, &j, last_wins);
    CHECK(*ret_done || (out->len == 0 && !c.memory && j.fault));
    json_canon_release(&c);
}

static void check_form(struct str text)
{
    struct buf once, twice;
    bool done, again;
    size_t offset;
    const char *fault;
    buf_init(&once, NULL, 1 << 24);
    buf_init(&twice, NULL, 1 << 24);
    check_canonical(text, true, &once, &done);
    CHECK(!done || json_valid(buf_str(&once), &offset, &fault));
    if (done) {
        check_canonical(buf_str(&once), false, &twice, &again);
        CHECK(again && str_eq(buf_str(&once), buf_str(&twice)));
    }
    buf_release(&once);
    buf_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_make(data, size);
    size_t offset;
    const char *fault;
    struct json j;
    bool valid = json_valid(text, &offset, &fault);
    CHECK(valid || offset <= size);
    json_init(&j, text);
    bool walked = walk(&j) && json_finish(&j);
    CHECK(walked == valid);
    check_form(text);
    struct buf b;
    buf_init(&b, NULL, 1 << 24);
    if (json_put_string(&b, text))
        CHECK(json_valid(buf_str(&b), &offset, &fault));
    buf_release(&b);
    return 0;
}
