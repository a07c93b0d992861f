/* The columns of a sample of CSV.
 *
 * Unless csv.header says so, the first line is a header when every field of it is a name: not empty, no number, date, time
 * or boolean, and there once. Without one columns are f0, f1, … Malformed records are passed over. */
#include <stdio.h>

#include "csv.h"
#include "infer.h"

struct sheet {
    struct csv_settings settings;
    struct arena *a;
    struct csv_field *fields; /* of the record in work */
    uint32_t n_fields;
    char *plain;              /* room for one field's text */
    struct guess row;
    bool header_known, header;
    uint32_t records;
};

/* The next whole record; false: none. */
static bool next_record(struct sheet *s, struct str *rest, bool whole)
{
    while (rest->len) {
        size_t used = 0;
        uint32_t lines;
        const char *fault;
        enum csv_result r = csv_record(&s->settings.dialect, *rest, whole, s->fields, INFER_COLUMNS_MAX, &s->n_fields, &used,
                                       &lines, &fault);
        if (r == CSV_MORE || used == 0)
            return false;
        *rest = str_make(rest->ptr + used, rest->len - used);
        if (r == CSV_RECORD && s->n_fields <= INFER_COLUMNS_MAX)
            return true;
    }
    return false;
}

static struct str text_of(struct sheet *s, uint32_t i)
{
    const struct csv_field *f = &s->fields[i];
    return f->escaped ? (struct str){ s->plain, csv_unescape(&s->settings.dialect, f->raw, s->plain) } : f->raw;
}

static bool looks_like_header(struct sheet *s)
{
    for (uint32_t i = 0; i < s->n_fields; i++) {
        struct str name = str_trim(text_of(s, i));
        if (name.len == 0 || guess_text(name).kind != GUESS_TEXT)
            return false;
        for (uint32_t k = 0; k < i; k++)
            if (str_eq(str_trim(s->fields[k].raw), str_trim(s->fields[i].raw)))
                return false;
    }
    return s->n_fields > 0;
}

/* names[i]: of the file's columns. */
static bool take_names(struct sheet *s, struct str *names)
{
    for (uint32_t i = 0; i < s->n_fields; i++) {
        names[i] = arena_str(s->a, str_trim(text_of(s, i)));
        if (!names[i].ptr)
            return false;
    }
    return true;
}

static bool take_record(struct sheet *s, struct str *names, uint32_t *n_names)
{
    uint32_t at = 0;
    for (; *n_names < s->n_fields; ++*n_names) {
        names[*n_names] = arena_printf(s->a, "f%u", *n_names);
        if (!names[*n_names].ptr)
            return false;
    }
    for (uint32_t i = 0; i < s->n_fields; i++) {
        struct str text = text_of(s, i);
        struct guess *g = guess_field_of(&s->row, names[i], &at, s->a);
        if (!g)
            return false;
        bool null = !s->fields[i].quoted && (text.len == 0 || str_eq(text, s->settings.null_literal));
        if (!null)
            guess_widen(g, text.len == 0 ? (struct guess){ .kind = GUESS_TEXT } : guess_text(text));
    }
    s->records++;
    return true;
}

static enum status take_sample(struct sheet *s, const struct sample *sample, struct error *err)
{
    struct str rest = sample->text, *names = ARENA_ARRAY(s->a, struct str, INFER_COLUMNS_MAX);
    uint32_t n_names = 0;
    bool first = true;
    if (!names)
        return format_memory(s->a->budget, err);
    if (str_starts(rest, STR("\xef\xbb\xbf")))
        rest = str_make(rest.ptr + 3, rest.len - 3);
    while (next_record(s, &rest, sample->whole)) {
        if (first && !s->header_known) {
            s->header = looks_like_header(s);
            s->header_known = true;
        }
        bool is_header = first && (s->header || s->settings.header == CSV_HEADER_SKIP);
        bool ok = true;
        if (!is_header)
            ok = n_names >= s->n_fields || !s->header ? take_record(s, names, &n_names) : true;
        else if (s->header && (ok = take_names(s, names)))
            n_names = s->n_fields;
        uint32_t at = 0;
        for (uint32_t i = 0; ok && is_header && i < n_names; i++)
            ok = guess_field_of(&s->row, names[i], &at, s->a) != NULL;
        if (!ok)
            return error_set(err, ST_LIMIT, "no columns are inferred from '%.*s': there are more than %u, or memory ran short",
                             STR_ARG(sample->file), INFER_COLUMNS_MAX);
        first = false;
    }
    return ST_OK;
}

static bool is_given(const struct table_desc *t, const char *name)
{
    return options_has(&t->options, name);
}

enum status csv_infer(const struct table_desc *t, const struct sample *samples, uint32_t n, struct arena *a,
                      struct inferred *ret, struct error *err)
{
    struct connect_context ctx = { .zone = zone_utc };
    struct schema none = { 0 };
    struct sheet s = { .a = a, .row = { .kind = GUESS_ROW } };
    size_t longest = 0;
    TRY(csv_settings_read(t, &none, &ctx, &s.settings, err));
    for (uint32_t i = 0; i < n; i++)
        longest = samples[i].text.len > longest ? samples[i].text.len : longest;
    s.fields = ARENA_ARRAY(a, struct csv_field, INFER_COLUMNS_MAX);
    s.plain = arena_alloc(a, longest + 1);
    if (!s.fields || !s.plain)
        return format_memory(a->budget, err);
    s.header_known = is_given(t, "csv.header");
    s.header = s.header_known && s.settings.header == CSV_HEADER_NAMES;
    for (uint32_t i = 0; i < n; i++)
        TRY(take_sample(&s, &samples[i], err));
    if (s.row.fields.count == 0) {
        error_set(err, ST_DATA, "no columns can be inferred from '%.*s': it has no record", STR_ARG(samples[0].file));
        error_place(err, samples[0].file.ptr, 0, 0, -1);
        return ST_DATA;
    }
    if (s.header && !is_given(t, "csv.header"))
        ret->options[ret->n_options++] = (struct option){ .name = STR("csv.header"), .value = STR("names") };
    if (!is_given(t, "csv.null-literal"))
        ret->options[ret->n_options++] = (struct option){ .name = STR("csv.null-literal"), .value = STR("") };
    if (guess_settle_times(&s.row) && !is_given(t, "csv.timestamp-format.standard"))
        ret->options[ret->n_options++] =
            (struct option){ .name = STR("csv.timestamp-format.standard"), .value = STR("ISO-8601") };
    return guess_schema(&s.row, a, &ret->schema, err);
}
