/* What a row has of its file rather than of its bytes: the partition's values, out of the path, and metadata.
 *
 * They are the same for all rows of a split: one row of them is made when it is opened. Rows are decoded into a view of the
 * batch that holds the file's columns only (moved there and back, which copies no data), then the others are filled in
 * behind. A table without such columns is decoded as it is. */
#include "filesystem.h"

const struct metadata_key fs_metadata[FS_METADATA_COUNT] = {
    [FS_FILE_PATH] = { "file.path", "path of the file", TYPE_VARCHAR, 0, METADATA_READ },
    [FS_FILE_NAME] = { "file.name", "its last part", TYPE_VARCHAR, 0, METADATA_READ },
    [FS_FILE_SIZE] = { "file.size", "bytes, as it lies, when it was opened", TYPE_BIGINT, 0, METADATA_READ },
    [FS_FILE_TIME] = { "file.modification-time", "when it was last changed, when it was opened", TYPE_TIMESTAMP_LTZ, 3,
                       METADATA_READ },
};

struct fs_extras {
    struct fs_layout layout;
    struct budget *budget;
    struct batch *row;    /* one: partitions, then metadata */
    uint32_t *targets;    /* of the row read, one a column of `row` */
    bool *used;
    uint32_t n;
    struct batch view;
    struct column *cols;  /* of the view */
};

static enum status put_values(const struct fs_layout *l, struct str *values, struct buf *out)
{
    bool ok = buf_put_u8(out, '[');
    for (uint32_t i = 0; ok && i < l->n_partitions; i++)
        ok = (i == 0 || buf_put_u8(out, ',')) && (values[i].ptr ? json_put_string(out, values[i]) : buf_put(out, "null", 4));
    return ok && buf_put_u8(out, ']') ? ST_OK : ST_MEMORY;
}

/* Texts to values as the json format takes them; the last columns of e->row are not touched. */
static enum status partition_row(struct fs_extras *e, const struct table_desc *t, const struct zone *zone, struct str folder,
                                 struct arena *a, struct error *err)
{
    const struct fs_layout *l = &e->layout;
    struct schema first = { e->row->schema->fields, l->n_partitions };
    struct decoder *d;
    struct decoded done = { 0 };
    struct str *values;
    struct buf text;
    TRY(fs_partition_values(l, t, folder, a, &values, err));
    TRY(format_json_values(&first, zone, e->budget, &d, err));
    buf_init(&text, e->budget, 1u << 20);
    enum status st = put_values(l, values, &text);
    if (st == ST_OK)
        st = d->ops->decode_one(d, NULL, buf_str(&text), e->row, &done, err);
    else
        st = connect_memory(e->budget, err);
    if (st == ST_OK && (done.bad || e->row->count != 1))
        st = error_set(err, ST_DATA, "table '%.*s': '%.*s' is no folder of a partition: %s", STR_ARG(t->name), STR_ARG(folder),
                       done.reason);
    buf_release(&text);
    d->ops->free(d);
    for (uint32_t i = 0; st == ST_OK && i < l->n_partitions; i++)
        if (!first.fields[i].type->nullable && column_is_null(&e->row->cols[i], 0))
            st = error_set(err, ST_DATA, "table '%.*s': '%.*s': column '%.*s' is NOT NULL", STR_ARG(t->name), STR_ARG(folder),
                           STR_ARG(first.fields[i].name));
    return st;
}

static bool put_metadata(struct column *c, struct str key, struct str path, const struct os_stat *now)
{
    size_t at = path.len;
    while (at > 0 && path.ptr[at - 1] != '/')
        at--;
    if (str_eq(key, str_from(fs_metadata[FS_FILE_PATH].name)))
        return column_set_str(c, 0, path.ptr, path.len);
    if (str_eq(key, str_from(fs_metadata[FS_FILE_NAME].name)))
        return column_set_str(c, 0, path.ptr + at, path.len - at);
    c->i64[0] = str_eq(key, str_from(fs_metadata[FS_FILE_SIZE].name)) ? (int64_t)now->bytes : now->mtime_ms;
    return true;
}

/* The columns of `row`, and where they go. */
static enum status list_columns(struct fs_extras *e, const struct table_desc *t, const struct need *needs, struct arena *a,
                                struct error *err)
{
    uint32_t n = t->physical.n_fields, most = e->layout.n_partitions + t->n_columns + 1;
    struct field *fields = ARENA_ARRAY(a, struct field, most);
    struct schema *schema = ARENA_NEW(a, struct schema);
    e->targets = ARENA_ARRAY(a, uint32_t, most);
    e->used = ARENA_ARRAY(a, bool, most);
    e->cols = ARENA_ARRAY(a, struct column, e->layout.file.n_fields + 1);
    if (!fields || !schema || !e->targets || !e->used || !e->cols)
        return connect_memory(a->budget, err);
    for (uint32_t i = 0; i < e->layout.n_partitions; i++) {
        e->targets[e->n] = e->layout.partitions[i];
        fields[e->n++] = t->physical.fields[e->layout.partitions[i]];
    }
    for (uint32_t k = n; k < t->read_row.n_fields; k++) {
        e->targets[e->n] = k;
        fields[e->n++] = t->read_row.fields[k];
    }
    for (uint32_t i = 0; i < e->n; i++)
        e->used[i] = !needs || needs[e->targets[i]].used;
    *schema = (struct schema){ fields, e->n };
    e->row = batch_new(schema, 1, e->budget);
    return e->row ? ST_OK : connect_memory(e->budget, err);
}

enum status fs_extras_open(const struct table_desc *t, const struct fs_layout *l, const struct need *needs,
                           const struct zone *zone, struct str path, const struct os_stat *now, struct arena *a,
                           struct budget *b, struct fs_extras **ret, struct error *err)
{
    *ret = NULL;
    if (l->n_partitions == 0 && t->read_row.n_fields <= t->physical.n_fields)
        return ST_OK;
    struct fs_extras *e = ARENA_NEW(a, struct fs_extras);
    if (!e)
        return connect_memory(b, err);
    *ret = e;
    e->layout = *l;
    e->budget = b;
    TRY(list_columns(e, t, needs, a, err));
    struct str folder = path;
    while (folder.len && folder.ptr[folder.len - 1] != '/')
        folder.len--;
    if (l->n_partitions)
        TRY(partition_row(e, t, zone, folder, a, err));
    e->row->count = 1;
    for (uint32_t i = 0, at = l->n_partitions; i < t->n_columns; i++)
        if (t->columns[i].role == COLUMN_METADATA && !put_metadata(&e->row->cols[at++], t->columns[i].metadata_key, path, now))
            return connect_memory(b, err);
    return ST_OK;
}

void fs_extras_release(struct fs_extras *e)
{
    if (e)
        batch_free(e->row);
}

struct batch *fs_extras_view(struct fs_extras *e, struct batch *out)
{
    e->view = *out;
    e->view.schema = &e->layout.file;
    e->view.cols = e->cols;
    for (uint32_t i = 0; i < e->layout.file.n_fields; i++)
        e->cols[i] = out->cols[e->layout.file_columns[i]];
    return &e->view;
}

/* n equal rows; numbers by a loop, what has parts one by one. */
static bool fill(struct column *to, uint32_t from, uint32_t until, const struct column *value)
{
    if (type_phys(to->type) == PHYS_I64 && !column_is_null(value, 0)) {
        for (uint32_t r = from; r < until; r++)
            to->i64[r] = value->i64[0];
        if (to->nulls)
            memset(to->nulls + from, 0, until - from);
        return true;
    }
    for (uint32_t r = from; r < until; r++)
        if (!column_copy(to, r, value, 0, true))
            return false;
    return true;
}

enum status fs_extras_fill(struct fs_extras *e, struct batch *out, struct error *err)
{
    uint32_t before = out->count, n = e->view.count;
    struct column *cols = out->cols;
    const struct schema *schema = out->schema;
    *out = e->view;
    out->cols = cols;
    out->schema = schema;
    for (uint32_t i = 0; i < e->layout.file.n_fields; i++)
        cols[e->layout.file_columns[i]] = e->cols[i];
    for (uint32_t i = 0; i < e->n; i++) {
        struct column *to = &cols[e->targets[i]];
        if (e->used[i] && !fill(to, before, n, &e->row->cols[i]))
            return connect_memory(e->budget, err);
        for (uint32_t r = before; !e->used[i] && r < n; r++)
            column_set_null(to, r);
    }
    return ST_OK;
}
