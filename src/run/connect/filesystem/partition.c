/* Partitions: which columns lie in folder names, and the way between their values and those names.
 *
 * A partitioned table's rows lie in "k1=v1/k2=v2/", in the order of PARTITIONED BY; the columns are not in the files. A value is
 * the text of its CAST to STRING; what a folder's name should not hold is written %XX, as Hive does it; NULL and the empty text
 * are 'partition.default-name'.
 *
 * A partition's time comes out of its values: 'partition.time-extractor.timestamp-pattern' with each $column replaced (without
 * a pattern: the first value), read by 'timestamp-formatter', whose letters are y M d H m s S, or as Flink's CAST reads a
 * timestamp; a date alone is its midnight. */
#include "filesystem.h"

#define ESCAPED "\"#%'*/:=?\\{}[]^"
#define TIME_TEXT_MAX 1024u

enum status fs_layout_of(const struct table_desc *t, struct arena *a, struct fs_layout *ret, struct error *err)
{
    uint32_t n = t->physical.n_fields;
    struct fs_layout l = { .n_partitions = t->n_partitioned_by };
    l.partitions = ARENA_ARRAY(a, uint32_t, l.n_partitions + 1);
    l.file_columns = ARENA_ARRAY(a, uint32_t, n + 1);
    struct field *fields = ARENA_ARRAY(a, struct field, n + 1);
    if (!l.partitions || !l.file_columns || !fields)
        return connect_memory(a->budget, err);
    for (uint32_t i = 0; i < l.n_partitions; i++) {
        int32_t at = schema_find(&t->physical, t->partitioned_by[i]);
        if (at < 0)
            return error_set(err, ST_SEMANTIC, "table '%.*s': PARTITIONED BY '%.*s', which is no physical column",
                             STR_ARG(t->name), STR_ARG(t->partitioned_by[i]));
        l.partitions[i] = (uint32_t)at;
    }
    uint32_t kept = 0;
    for (uint32_t c = 0; c < n; c++) {
        bool is_partition = false;
        for (uint32_t i = 0; i < l.n_partitions; i++)
            is_partition |= l.partitions[i] == c;
        if (is_partition)
            continue;
        fields[kept] = t->physical.fields[c];
        l.file_columns[kept++] = c;
    }
    l.file = (struct schema){ fields, kept };
    l.default_name = option_str(&t->options, fs_options, fs_option_count, "partition.default-name");
    *ret = l;
    return ST_OK;
}

/* ---- names of folders ---- */

static bool put_escaped(struct buf *out, struct str s)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t)s.ptr[i];
        char escape[3] = { '%', hex[c >> 4], hex[c & 15] };
        bool plain = c >= 0x20 && c != 0x7f && !memchr(ESCAPED, c, sizeof ESCAPED - 1);
        if (!(plain ? buf_put_u8(out, c) : buf_put(out, escape, 3)))
            return false;
    }
    return true;
}

bool fs_partition_put(struct buf *out, const struct fs_layout *l, struct str column, struct str value)
{
    return put_escaped(out, column) && buf_put_u8(out, '=') && put_escaped(out, value.len ? value : l->default_name);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What has no valid %XX stays as it is. */
static struct str unescaped(struct arena *a, struct str s)
{
    char *out = arena_alloc(a, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < s.len; i++) {
        int high = s.ptr[i] == '%' && i + 2 < s.len ? hex_digit(s.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(s.ptr[i + 2]) : -1;
        out[n++] = low >= 0 ? (char)(high << 4 | low) : s.ptr[i];
        i += low >= 0 ? 2 : 0;
    }
    return (struct str){ out, out ? n : 0 };
}

/* The last folder of `path`, which loses it; ptr NULL: none is left. */
static struct str last_folder(struct str *path)
{
    while (path->len && path->ptr[path->len - 1] == '/')
        path->len--;
    size_t at = path->len;
    while (at > 0 && path->ptr[at - 1] != '/')
        at--;
    struct str name = str_make(path->ptr + at, path->len - at);
    path->len = at;
    return name.len ? name : (struct str){ NULL, 0 };
}

enum status fs_partition_values(const struct fs_layout *l, const struct table_desc *t, struct str folder, struct arena *a,
                                struct str **ret, struct error *err)
{
    struct str rest = folder, *values = ARENA_ARRAY(a, struct str, l->n_partitions + 1);
    if (!values)
        return connect_memory(a->budget, err);
    for (uint32_t i = l->n_partitions; i-- > 0;) {
        struct str value = last_folder(&rest), name = str_split(&value, '=');
        name = unescaped(a, name);
        if (!name.ptr)
            return connect_memory(a->budget, err);
        if (!value.ptr || !str_eq(name, t->partitioned_by[i])) {
            error_set(err, ST_DATA, "table '%.*s': '%.*s' is no folder of a partition: '%.*s=…' is missing",
                      STR_ARG(t->name), STR_ARG(folder), STR_ARG(t->partitioned_by[i]));
            error_hint(err, "files of a table that is PARTITIONED BY lie in folders 'column=value', one below the other");
            return ST_DATA;
        }
        values[i] = unescaped(a, value);
        if (!values[i].ptr)
            return connect_memory(a->budget, err);
        if (str_eq(values[i], l->default_name))
            values[i] = (struct str){ NULL, 0 };
    }
    *ret = values;
    return ST_OK;
}

/* ---- the time of a partition ---- */

struct time_parts {
    int64_t year, month, day, hour, minute, second, milli;
};

/* `width` digits at *at, or as many as there are (up to 9) when it is 1. */
static bool take_digits(struct str s, size_t *at, uint32_t width, int64_t *ret)
{
    uint32_t n = 0, most = width == 1 ? 9 : width;
    *ret = 0;
    while (n < most && *at < s.len && s.ptr[*at] >= '0' && s.ptr[*at] <= '9') {
        *ret = *ret * 10 + (s.ptr[(*at)++] - '0');
        n++;
    }
    return width == 1 ? n > 0 : n == width;
}

static bool take_letter(struct str s, size_t *at, char letter, uint32_t width, struct time_parts *p)
{
    int64_t v;
    if (!take_digits(s, at, width, &v))
        return false;
    switch (letter) {
    case 'y':
    case 'u':
        p->year = width == 2 ? 2000 + v : v;
        return true;
    case 'M':
        p->month = v;
        return true;
    case 'd':
        p->day = v;
        return true;
    case 'H':
        p->hour = v;
        return true;
    case 'm':
        p->minute = v;
        return true;
    case 's':
        p->second = v;
        return true;
    case 'S':
        p->milli = width > 3 ? 0 : width == 3 ? v : width == 2 ? v * 10 : v * 100;
        return width <= 3;
    default:
        return false;
    }
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool fs_time_pattern_check(struct str pattern)
{
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.ptr[i] == '\'') {
            const char *end = memchr(pattern.ptr + i + 1, '\'', pattern.len - i - 1);
            if (!end)
                return false;
            i = (size_t)(end - pattern.ptr);
        } else if (is_letter(pattern.ptr[i]) && !strchr("yuMdHmsS", pattern.ptr[i])) {
            return false;
        }
    }
    return pattern.len > 0;
}

static bool parse_by(struct str pattern, struct str s, struct time_parts *p)
{
    size_t at = 0;
    for (size_t i = 0; i < pattern.len;) {
        char c = pattern.ptr[i];
        if (is_letter(c)) {
            uint32_t width = 0;
            while (i < pattern.len && pattern.ptr[i] == c)
                width++, i++;
            if (!take_letter(s, &at, c, width, p))
                return false;
            continue;
        }
        i++;
        if (c == '\'') { /* quoted text, '' a quote */
            if (i < pattern.len && pattern.ptr[i] == '\'') {
                i++;
            } else {
                for (; i < pattern.len && pattern.ptr[i] != '\''; i++, at++)
                    if (at >= s.len || s.ptr[at] != pattern.ptr[i])
                        return false;
                i++;
                continue;
            }
        }
        if (at >= s.len || s.ptr[at++] != c)
            return false;
    }
    return at == s.len;
}

static bool parts_to_ms(const struct time_parts *p, int64_t *ret)
{
    if (p->month < 1 || p->month > 12 || p->day < 1 || !date_valid(p->year, (int32_t)p->month, (int32_t)p->day) ||
        p->hour > 23 || p->minute > 59 || p->second > 59)
        return false;
    int64_t days = date_from_civil(p->year, (int32_t)p->month, (int32_t)p->day);
    *ret = ((days * 24 + p->hour) * 60 + p->minute) * 60000 + p->second * 1000 + p->milli;
    return true;
}

/* The pattern with its $columns replaced; the longest name that fits wins. */
static bool put_time_text(struct buf *out, const struct table_desc *t, struct str pattern, const struct str *values)
{
    for (size_t i = 0; i < pattern.len; i++) {
        uint32_t best = UINT32_MAX;
        struct str rest = str_make(pattern.ptr + i + 1, pattern.len - i - 1);
        for (uint32_t k = 0; pattern.ptr[i] == '$' && k < t->n_partitioned_by; k++)
            if (str_starts(rest, t->partitioned_by[k]) &&
                (best == UINT32_MAX || t->partitioned_by[k].len > t->partitioned_by[best].len))
                best = k;
        if (best == UINT32_MAX ? !buf_put_u8(out, (uint8_t)pattern.ptr[i])
                               : values[best].len && !buf_put(out, values[best].ptr, values[best].len))
            return false;
        i += best == UINT32_MAX ? 0 : t->partitioned_by[best].len;
    }
    return true;
}

static bool text_to_ms(struct str text, struct str formatter, int64_t *ret)
{
    struct time_parts p = { .year = 1970, .month = 1, .day = 1 };
    if (formatter.len && parse_by(formatter, text, &p))
        return parts_to_ms(&p, ret);
    return !formatter.len && timestamp_parse(text, 3, ret, NULL);
}

enum status fs_partition_time(const struct table_desc *t, const struct str *values, const struct zone *zone, int64_t *ret_ms,
                              struct error *err)
{
    struct str pattern = options_get(&t->options, "partition.time-extractor.timestamp-pattern");
    struct str formatter = options_get(&t->options, "partition.time-extractor.timestamp-formatter");
    struct buf text;
    int64_t local;
    buf_init(&text, NULL, TIME_TEXT_MAX);
    bool ok = pattern.ptr ? put_time_text(&text, t, pattern, values)
                          : !values[0].len || buf_put(&text, values[0].ptr, values[0].len);
    ok = ok && text_to_ms(str_trim(buf_str(&text)), formatter, &local);
    if (ok)
        *ret_ms = zone_local_to_utc_ms(zone, local);
    else
        error_set(err, ST_DATA, "table '%.*s': the time of a partition cannot be read from '%.*s'", STR_ARG(t->name),
                  STR_ARG(buf_str(&text)));
    if (!ok)
        error_hint(err, "'partition.time-extractor.timestamp-pattern' puts the columns together, such as '$dt $hm:00'; "
                        "'partition.time-extractor.timestamp-formatter' reads them, such as 'yyyyMMdd HH:mm:ss'");
    buf_release(&text);
    return ok ? ST_OK : ST_DATA;
}
