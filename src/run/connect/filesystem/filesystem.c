/* The filesystem connector: its options and what they mean. Source, sink and the rest stand beside. */
#include "filesystem.h"

const struct option_spec fs_options[] = {
    { .name = "path", .type = OPT_STRING, .required = true,
      .help = "file, directory or glob to read; directory to write; '-' for standard input or output" },
    { .name = "source.monitor-interval", .type = OPT_DURATION, .min = 1, .max = 86400000,
      .help = "follow: look for new files and new bytes this often (default: read what is there and end)" },
    { .name = "source.path.regex-pattern", .type = OPT_STRING, .help = "read only files whose whole path matches" },
    { .name = "source.report-statistics", .type = OPT_ENUM, .choices = "NONE|ALL", .fallback = "NONE",
      .help = "accepted, without effect" },
    { .name = "partition.default-name", .type = OPT_STRING, .fallback = "__DEFAULT_PARTITION__",
      .help = "folder's value for NULL and the empty text" },
    { .name = "replay.speed", .type = OPT_DOUBLE, .min = 0, .max = 1000000000,
      .help = "release rows at this multiple of event time (needs 'replay.column')" },
    { .name = "replay.column", .type = OPT_STRING, .help = "physical column with the event time for 'replay.speed'" },
    { .name = "compression", .type = OPT_ENUM, .choices = "auto|none|gzip|zstd|lz4", .fallback = "auto",
      .help = "auto: by the ending of a file that is read (.gz, .zst, .lz4), of 'path' when writing" },
    { .name = "sink.rolling-policy.file-size", .type = OPT_SIZE, .fallback = "128MB", .min = 1, .max = INT64_MAX,
      .help = "start a new file when one has this size" },
    { .name = "sink.rolling-policy.rollover-interval", .type = OPT_DURATION, .fallback = "30 min", .min = 1,
      .max = INT64_MAX, .help = "finish a file that is older, with the next commit" },
    { .name = "sink.rolling-policy.check-interval", .type = OPT_DURATION, .fallback = "1 min",
      .help = "accepted, without effect: the age is checked with every commit" },
    { .name = "sink.partition-commit.policy.kind", .type = OPT_STRING,
      .help = "success-file: put an empty file into a partition when it is whole (default: nothing)" },
    { .name = "sink.partition-commit.success-file.name", .type = OPT_STRING, .fallback = "_SUCCESS", .help = "its name" },
    { .name = "sink.partition-commit.trigger", .type = OPT_ENUM, .choices = "process-time|partition-time",
      .fallback = "process-time",
      .help = "whole by the clock since the partition's first row, or by the watermark against the partition's time" },
    { .name = "sink.partition-commit.delay", .type = OPT_DURATION, .fallback = "0 s", .min = 0, .max = INT64_MAX,
      .help = "how long after" },
    { .name = "sink.partition-commit.watermark-time-zone", .type = OPT_STRING, .fallback = "UTC",
      .help = "zone of the partition's time: the session's where the watermark is a TIMESTAMP_LTZ" },
    { .name = "partition.time-extractor.kind", .type = OPT_ENUM, .choices = "default", .fallback = "default",
      .help = "out of the partition's values" },
    { .name = "partition.time-extractor.timestamp-pattern", .type = OPT_STRING,
      .help = "how they make its time, such as '$dt $hour:00:00' (default: the first value)" },
    { .name = "partition.time-extractor.timestamp-formatter", .type = OPT_STRING,
      .help = "how the result is read, by y M d H m s S (default: yyyy-MM-dd HH:mm:ss, or a date alone)" },
};
const uint32_t fs_option_count = sizeof fs_options / sizeof fs_options[0];

struct str fs_path(const struct table_desc *t, struct arena *a)
{
    struct str path = options_get(&t->options, "path");
    if (str_starts(path, STR("file://")))
        path = str_make(path.ptr + 7, path.len - 7);
    else if (str_starts(path, STR("file:")))
        path = str_make(path.ptr + 5, path.len - 5);
    while (path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    return arena_str(a, path);
}

enum codec fs_codec(const struct table_desc *t, struct str path)
{
    struct str given = option_str(&t->options, fs_options, fs_option_count, "compression");
    if (str_eq(given, STR("auto")))
        return codec_of_path(path);
    for (enum codec c = CODEC_NONE; c <= CODEC_LZ4; c++)
        if (str_eq(given, str_from(codec_name(c))))
            return c;
    return CODEC_NONE;
}

void fs_replay(const struct table_desc *t, struct replay *ret)
{
    ret->speed = option_double(&t->options, fs_options, fs_option_count, "replay.speed");
    int32_t column = schema_find(&t->physical, options_get(&t->options, "replay.column"));
    ret->column = column < 0 ? 0 : (uint32_t)column;
}

static const struct option *given(const struct table_desc *t, const char *name)
{
    for (uint32_t i = 0; i < t->options.count; i++)
        if (str_eq(t->options.at[i].name, str_from(name)))
            return &t->options.at[i];
    return NULL;
}

static enum status check_replay(const struct table_desc *t, struct error *err)
{
    const struct option *speed = given(t, "replay.speed"), *column = given(t, "replay.column");
    const struct option *one = speed ? speed : column;
    if (!one)
        return ST_OK;
    if (!speed || !column)
        return error_at(err, ST_SEMANTIC, one->line, one->column, "table '%.*s': '%s' needs '%s' beside it",
                        STR_ARG(t->name), speed ? "replay.speed" : "replay.column",
                        speed ? "replay.column" : "replay.speed");
    int32_t at = schema_find(&t->physical, column->value);
    if (at < 0)
        return error_at(err, ST_SEMANTIC, column->line, column->column,
                        "table '%.*s': 'replay.column' names '%.*s', which is no physical column", STR_ARG(t->name),
                        STR_ARG(column->value));
    const struct type *type = t->physical.fields[at].type;
    if (!type_is_timestamp(type) && !type_is_text(type) && type->kind != TYPE_BIGINT)
        return error_at(err, ST_SEMANTIC, column->line, column->column,
                        "table '%.*s': 'replay.column' must be a timestamp, a text with one, or a BIGINT of "
                        "milliseconds", STR_ARG(t->name));
    return ST_OK;
}

bool fs_marks(const struct table_desc *t)
{
    return t->n_partitioned_by > 0 && options_has(&t->options, "sink.partition-commit.policy.kind");
}

static enum status check_marks(const struct table_desc *t, struct error *err)
{
    const struct option *kind = given(t, "sink.partition-commit.policy.kind");
    const struct option *formatter = given(t, "partition.time-extractor.timestamp-formatter");
    const struct option *name = given(t, "sink.partition-commit.success-file.name");
    struct str rest = kind ? kind->value : (struct str){ NULL, 0 };
    while (rest.ptr) {
        struct str policy = str_trim(str_split(&rest, ','));
        if (!str_eq(policy, STR("success-file")))
            return error_at(err, ST_UNSUPPORTED, kind->line, kind->column,
                            "table '%.*s': policy '%.*s' is not there: 'success-file' is", STR_ARG(t->name), STR_ARG(policy));
    }
    if (formatter && !fs_time_pattern_check(formatter->value))
        return error_at(err, ST_SEMANTIC, formatter->line, formatter->column,
                        "table '%.*s': a timestamp-formatter has letters y M d H m s S and quoted text", STR_ARG(t->name));
    if (name && (name->value.len == 0 || memchr(name->value.ptr, '/', name->value.len) || name->value.len > FS_NAME_MAX ||
                 (name->value.ptr[0] != '_' && name->value.ptr[0] != '.')))
        return error_at(err, ST_SEMANTIC, name->line, name->column,
                        "table '%.*s': a success file's name begins with '_' or '.', or it would be read as data",
                        STR_ARG(t->name));
    return ST_OK;
}

static bool can_partition(const struct type *t)
{
    return t->kind != TYPE_NULL && t->kind < TYPE_INTERVAL_MONTH && !type_is_bytes(t);
}

static enum status check_partitions(const struct table_desc *t, struct error *err)
{
    struct str path = options_get(&t->options, "path"), replayed = options_get(&t->options, "replay.column");
    for (uint32_t i = 0; i < t->n_partitioned_by; i++) {
        int32_t at = schema_find(&t->physical, t->partitioned_by[i]);
        if (at >= 0 && !can_partition(t->physical.fields[at].type))
            return error_set(err, ST_SEMANTIC, "table '%.*s': PARTITIONED BY '%.*s': its type cannot be a folder's name",
                             STR_ARG(t->name), STR_ARG(t->partitioned_by[i]));
        if (str_eq(t->partitioned_by[i], replayed))
            return error_set(err, ST_SEMANTIC, "table '%.*s': 'replay.column' cannot be a column of PARTITIONED BY",
                             STR_ARG(t->name));
    }
    if (t->n_partitioned_by > 0 && t->n_partitioned_by >= t->physical.n_fields)
        return error_set(err, ST_SEMANTIC, "table '%.*s': PARTITIONED BY leaves no column for the files", STR_ARG(t->name));
    if (path_is_stdio(path) && (t->overwrite || t->n_partitioned_by > 0 || t->read_row.n_fields > t->physical.n_fields))
        return error_set(err, ST_SEMANTIC, "table '%.*s': path '-' has neither partitions nor metadata, and nothing to overwrite", STR_ARG(t->name));
    return ST_OK;
}

static enum status fs_check(const struct table_desc *t, struct error *err)
{
    const struct option *path = given(t, "path"), *regex = given(t, "source.path.regex-pattern");
    if (path->value.len == 0)
        return error_at(err, ST_SEMANTIC, path->line, path->column, "table '%.*s': 'path' is empty", STR_ARG(t->name));
    if (path->value.len >= FS_PATH_MAX - FS_NAME_MAX || memchr(path->value.ptr, 0, path->value.len))
        return error_at(err, ST_SEMANTIC, path->line, path->column, "table '%.*s': 'path' is too long or holds a NUL",
                        STR_ARG(t->name));
    TRY(check_partitions(t, err));
    TRY(check_marks(t, err));
    if (regex) {
        struct connect_regex *compiled = NULL;
        enum status st = connect_regex_new(regex->value, NULL, &compiled, err);
        connect_regex_free(compiled);
        if (st != ST_OK) {
            if (err) {
                err->line = regex->line;
                err->column = regex->column;
            }
            return st;
        }
    }
    return check_replay(t, err);
}

static enum status fs_bounded(const struct table_desc *t, bool *ret, struct error *err)
{
    (void)err;
    *ret = !options_has(&t->options, "source.monitor-interval") || path_is_stdio(options_get(&t->options, "path"));
    return ST_OK;
}

const struct connector connector_filesystem = {
    .name = "filesystem",
    .help = "files: read once or followed as they grow, written whole with each commit",
    .flags = CONNECTOR_SOURCE | CONNECTOR_SINK | CONNECTOR_FORMAT | CONNECTOR_OVERWRITE,
    .options = fs_options,
    .n_options = sizeof fs_options / sizeof fs_options[0],
    .metadata = fs_metadata,
    .n_metadata = FS_METADATA_COUNT,
    .bounded = fs_bounded,
    .wants_watermarks = fs_marks,
    .check = fs_check,
    .of_path = fs_of_path,
    .infer = fs_infer,
    .open_source = fs_open_source,
    .open_sink = fs_open_sink,
};
