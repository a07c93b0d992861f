/* Columns out of files: a sample of what a path stands for is shown to the format.
 *
 * The sample is FS_SAMPLE_BYTES of unpacked text, spread evenly over the first FS_SAMPLE_FILES files by name. So the same files
 * give the same columns. */
#include "filesystem.h"

#define FS_SAMPLE_BYTES ((size_t)1 << 20)
#define FS_SAMPLE_FILES 16u

static const struct {
    const char *ending, *format;
    bool tabs;
} endings[] = {
    { ".csv", "csv", false },    { ".tsv", "csv", true },     { ".json", "json", false },
    { ".ndjson", "json", false }, { ".jsonl", "json", false },
};

enum status fs_of_path(struct str path, struct arena *a, struct options *ret, struct error *err)
{
    struct str bare = path;
    const char *packed = codec_suffix(codec_of_path(path));
    bare.len -= strlen(packed);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (!str_ends(bare, str_from(endings[i].ending)))
            continue;
        struct option *o = ARENA_ARRAY(a, struct option, 4);
        if (!o)
            return connect_memory(a->budget, err);
        uint32_t n = 0;
        o[n++] = (struct option){ .name = STR("connector"), .value = STR("filesystem") };
        o[n++] = (struct option){ .name = STR("path"), .value = path };
        o[n++] = (struct option){ .name = STR("format"), .value = str_from(endings[i].format) };
        if (endings[i].tabs)
            o[n++] = (struct option){ .name = STR("csv.field-delimiter"), .value = STR("\\t") };
        *ret = (struct options){ o, n };
        return ST_OK;
    }
    error_set(err, ST_SEMANTIC, "the format of '%.*s' does not follow from its ending", STR_ARG(path));
    error_hint(err, "known are .csv, .tsv, .json, .ndjson and .jsonl, each maybe with .gz, .zst or .lz4 behind; for others declare a "
                    "table WITH ('connector' = 'filesystem', …)");
    return ST_SEMANTIC;
}

/* Up to `most` bytes from the start of a file. */
static enum status read_sample(struct os *os, const struct table_desc *t, struct str path, size_t most, struct arena *a,
                               struct sample *ret, struct error *err)
{
    struct fs_bytes *f;
    struct os_stat now;
    char *room = arena_alloc(a, most + 1);
    if (!room)
        return connect_memory(a->budget, err);
    TRY(fs_bytes_open(os, path, fs_codec(t, path), 0, a->budget, &f, &now, err));
    *ret = (struct sample){ .text = { room, 0 }, .file = path };
    enum status st = ST_OK;
    while (st == ST_OK && ret->text.len < most && !ret->whole) {
        size_t got = 0;
        enum pull pulled = PULL_END;
        int64_t wake_ms;
        st = f->base.ops->pull(&f->base, room + ret->text.len, most - ret->text.len, &got, &pulled, &wake_ms, err);
        ret->text.len += st == ST_OK ? got : 0;
        ret->whole = st == ST_OK && pulled == PULL_END;
    }
    f->base.ops->free(&f->base);
    return st;
}

enum status fs_infer(const struct table_desc *t, struct os *os, struct arena *a, struct inferred *ret, struct error *err)
{
    struct str path = fs_path(t, a), regex = options_get(&t->options, "source.path.regex-pattern");
    struct split *files;
    uint32_t n;
    if (!path.ptr)
        return connect_memory(a->budget, err);
    if (path_is_stdio(path) || !t->format->infer)
        return error_set(err, ST_SEMANTIC, "table '%.*s': columns must be declared: they cannot be inferred from %s '%s'",
                         STR_ARG(t->name), path_is_stdio(path) ? "path" : "format",
                         path_is_stdio(path) ? "-" : t->format->name);
    struct str own = regex.ptr ? arena_str(a, regex) : (struct str){ NULL, 0 };
    TRY(fs_list(os, path, false, own.ptr, a, &files, &n, err));
    if (n == 0)
        return error_set(err, ST_NOT_FOUND, "'%.*s' holds no files from which columns could be inferred", STR_ARG(path));
    n = n < FS_SAMPLE_FILES ? n : FS_SAMPLE_FILES;
    struct sample *samples = ARENA_ARRAY(a, struct sample, n);
    if (!samples)
        return connect_memory(a->budget, err);
    for (uint32_t i = 0; i < n; i++)
        TRY(read_sample(os, t, files[i].id, FS_SAMPLE_BYTES / n, a, &samples[i], err));
    return t->format->infer(t, samples, n, a, ret, err);
}
