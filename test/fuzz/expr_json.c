/* Fuzzing JSON paths: the first line is a path, the rest a document. What a path of single steps finds in one pass the
 * general walk must find too; what is found must be a value of its own; written anew it must be JSON, and once more the
 * same. */
#include "expr/json_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(struct json_work *w, struct str raw)
{
    struct str whole;
    struct buf once, twice;
    size_t offset;
    const char *fault;
    CHECK(json_whole(raw, &whole) && str_eq(raw, whole));
    buf_init(&once, NULL, 64u << 20);
    buf_init(&twice, NULL, 64u << 20);
    if (json_put_value(&w->arena, &once, raw)) {
        CHECK(json_valid(buf_str(&once), &offset, &fault));
        CHECK(json_put_value(&w->arena, &twice, buf_str(&once)) && str_eq(buf_str(&once), buf_str(&twice)));
    }
    buf_release(&once);
    buf_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_make(data, size), path_text = str_split(&text, '\n'), found, again;
    struct json_work w = { 0 };
    struct json_path path;
    arena_init(&w.arena, NULL);
    arena_init(&w.path_arena, NULL);
    if (text.ptr && json_path_compile(&w.path_arena, path_text, true, &path) && path.valid && !path.unsupported) {
        enum json_found st = json_find(&w, &path, text, &found);
        if (st == JSON_FOUND)
            check_value(&w, found);
        if (path.single) {
            struct json_path walked = path;
            walked.single = false;
            enum json_found other = json_find(&w, &walked, text, &again);
            CHECK(other == st || other == JSON_ENDLESS);
            CHECK(st != JSON_FOUND || other != st || str_eq(found, again));
        }
    }
    arena_release(&w.arena);
    arena_release(&w.path_arena);
    return 0;
}
