/* Every API and version through the door: what other implementations have written as requests gets an answer that
 * decodes, or, where it is no request that can be answered, the end of its connection; nothing else, and nothing left
 * behind. And what is not in the table closes the connection. */
#include "kit.h"

enum kind { REQUEST, RESPONSE, STORED };
static const struct frame {
    enum kind kind;
    int16_t key;
    const char *name;
    int16_t version;
    const char *hex, *json;
} frames[] = {
#define FRAME(kind, key, name, version, hex, json) { kind, key, name, version, hex, json },
#include "../../net/wire/kafka_frames.inc"
};
enum { FRAMES = sizeof frames / sizeof frames[0] };

static struct str unhex(struct arena *a, const char *hex)
{
    size_t n = strlen(hex) / 2;
    char *p = arena_alloc(a, n + 1);
    for (size_t i = 0; i < n; i++) {
        char two[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
        p[i] = (char)strtoul(two, NULL, 16);
    }
    return str_make(p, n);
}

static bool has(int16_t key, int16_t version)
{
    int16_t k, from, to;
    for (uint32_t i = 0; broker_api(i, &k, &from, &to); i++)
        if (k == key)
            return version >= from && version <= to && kafka_api_has(kafka_api(key), version);
    return false;
}

/* Requests of the table whose values no broker answers: acks=0 has no answer, a page of no partitions is none. */
static bool may_close(int16_t key) { return key == KAFKA_PRODUCE || key == KAFKA_DESCRIBE_TOPIC_PARTITIONS; }

static void test_frames(void **state)
{
    (void)state;
    struct world w;
    uint32_t answered = 0;
    world_open(&w, 1);
    struct client *c = client_new(&w);
    for (uint32_t i = 0; i < FRAMES; i++) {
        const struct frame *f = &frames[i];
        struct error err;
        struct client_reply r;
        if (f->kind != REQUEST || !kafka_api(f->key))
            continue;
        const struct kafka_api *api = kafka_api(f->key);
        void *q = arena_calloc(&w.arena, api->request.body->size), *a = arena_calloc(&w.arena, api->response.body->size);
        must(wire_decode(&api->request, f->version, unhex(&w.arena, f->hex), &w.arena, q, &err), &err);
        must(client_send(c, f->key, f->version, q, false, &err), &err);
        enum status st = world_next(&w, c, &r);
        if (st == ST_OK) {
            assert_true(has(f->key, f->version));
            must(client_decode(&r, &w.arena, a, &err), &err);
            answered++;
            continue;
        }
        if (has(f->key, f->version) && !may_close(f->key))
            fail_msg("%s v%d was not answered: %s", api->name, f->version, w.said);
        w.said[0] = '\0';
        client_close(c);
        c = client_new(&w);
    }
    print_message("%u requests answered\n", answered);
    assert_true(answered >= 60);
    client_close(c);
    world_stop(&w);
    world_free(&w);
}

/* Cut anywhere, a frame that is whole by its length closes its connection with a line; others go on. */
static void test_cut_bodies(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, 2);
    struct client *good = client_new(&w);
    struct kafka_api_versions_request v;
    struct kafka_api_versions_response vr;
    KAFKA_INIT(api_versions_request, &v);
    v.client_software_name = v.client_software_version = STR("x");
    ask(&w, good, KAFKA_API_VERSIONS, 3, &v, &vr);
    for (uint32_t i = 0; i < FRAMES; i++) {
        const struct frame *f = &frames[i];
        if (f->kind != REQUEST || !has(f->key, f->version) || strlen(f->hex) < 2 || f->key == KAFKA_PRODUCE)
            continue;
        struct str body = unhex(&w.arena, f->hex);
        struct buf out;
        struct link_client *raw;
        struct str frame;
        struct error err;
        uint8_t head[16] = { 0, 0, 0, 0, 0, (uint8_t)f->key, 0, (uint8_t)f->version, 0, 0, 0, 7, 0xFF, 0xFF, 0, 0 };
        size_t h = f->version >= kafka_api(f->key)->request.flexible ? 15 : 14, cut = body.len - 1;
        head[3] = (uint8_t)(h - 4 + cut);
        head[2] = (uint8_t)((h - 4 + cut) >> 8);
        buf_init(&out, NULL, 1 << 20);
        assert_true(buf_put(&out, head, h) && buf_put(&out, body.ptr, cut));
        must(link_client_open(w.far, NULL, &w.at, 1 << 20, &raw, &err), &err);
        must(link_client_send(raw, buf_str(&out), &err), &err);
        w.said[0] = '\0';
        enum status st = ST_OK;
        for (int k = 0; st == ST_OK && k < 10000; k++) {
            st = link_client_next(raw, 0, &frame, &err);
            if (st == ST_OK && frame.ptr)
                fail_msg("%s v%d: a cut request was answered", f->name, f->version);
            world_turn(&w);
        }
        assert_int_equal(st, ST_UNREACHABLE);
        if (w.said[0]) { /* few lines a second are said, one of each */
            const char *line = strstr(w.said, "connection closed");
            assert_non_null(line);
            assert_null(strstr(line + 1, "connection closed"));
        }
        link_client_close(raw);
        buf_release(&out);
        sim_advance_ms(w.sim, 1000);
    }
    ask(&w, good, KAFKA_API_VERSIONS, 3, &v, &vr);
    assert_int_equal(vr.error_code, 0);
    client_close(good);
    world_stop(&w);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_cut_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
